// SPDX-License-Identifier: GPL-2.0-only
/*
 * cores_test.c - what every hotplug core must do, and what serial and parallel must come to on schedules whose answer
 * can be worked out by hand or was published.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "replay/core_check.h"
#include "replay/describe.h"
#include "replay/hang/verdict.h"
#include "replay/registry.h"
#include "replay/schedule/hotplug.h"
#include "replay/session.h"
#include "schemas/base/ns.h"

static void make_schedule(const struct bu_made_up *c, struct bu_hp_schedule *s)
{
	assert_int_equal(bu_made_up_schedule(c, s), 0);
}

static const struct bu_core_def *core(const char *name)
{
	static struct bu_core found;
	struct bu_err err = BU_ERR_INIT;

	assert_int_equal(bu_core_open("hotplug", name, strlen(name), &found, &err), 0);
	return &found.def;
}

static int64_t physical_cpus;	/* for the tests of a shared host; else 0 */

static void replay(const char *name, const struct bu_hp_schedule *s, const char *params, struct bu_replay_result *r)
{
	int64_t values[8];
	struct bu_description d;
	struct bu_replay_options options = { .seed = 1, .machine = &d.machine, .recorded_cpus = (int32_t)s->n_cpus + 1, .params = values };
	struct bu_err err = BU_ERR_INIT;

	bu_describe_init(&d);
	d.machine.sipi_ns = d.machine.sipi_accept_ns = 0;	/* what is made up or published is all there is */
	d.machine.physical_cpus = physical_cpus;
	assert_int_equal(bu_core_params(core(name), params, values, &err), 0);
	assert_int_equal(bu_replay_hotplug(core(name), s, &options, r, &err), 0);
}

static int64_t total(const char *name, const struct bu_made_up *c, const char *params)
{
	struct bu_hp_schedule s;
	struct bu_replay_result r;
	int64_t ns;

	make_schedule(c, &s);
	replay(name, &s, params, &r);
	assert_string_equal(r.run.verdict, "ok");
	ns = r.run.bringup_ns;
	bu_replay_result_fini(&r);
	bu_hp_schedule_fini(&s);
	return ns;
}

static void say(void *ctx, bool holds, const char *what, const char *why)
{
	if (!holds)
		print_error("%s: %s: %s\n", (const char *)ctx, what, why);
}

static void every_core_keeps_the_contract(void **state)
{
	const struct bu_core_def *const *c;
	int tried = 0;

	(void)state;
	for (c = bu_core_table; *c; c++) {
		assert_int_equal((*c)->size, sizeof(struct bu_core_def));
		assert_int_equal((*c)->abi, BU_CORE_ABI);
		assert_true((*c)->summary[0] && (*c)->source[0]);
		if (strcmp((*c)->family, "hotplug") || !strcmp((*c)->name, "recorded"))
			continue;	/* recorded needs a recording: replay.t */
		assert_int_equal(bu_core_check(*c, 0, say, (void *)(uintptr_t)(*c)->name), 0);
		tried++;
	}
	assert_true(tried >= 2);
}

/* The contract itself must be able to fail : a core that brings nothing up. */
static void forgets_a_cpu(struct bu_machine *m)
{
	(void)m;
}

static void say_nothing(void *ctx, bool holds, const char *what, const char *why)
{
	(void)ctx;
	(void)holds;
	(void)what;
	(void)why;
}

static void the_contract_can_fail(void **state)
{
	struct bu_core_def bad = *core("serial");

	(void)state;
	bad.control = forgets_a_cpu;
	assert_true(bu_core_check(&bad, 0, say_nothing, NULL) > 5);
}

/* One after the other: nothing overlaps. */
static void serial_is_the_sum(void **state)
{
	const struct bu_made_up c = { 100, 20, 500, 300, 50, 9, 1 };

	(void)state;
	assert_int_equal(total("serial", &c, NULL), 8 * (100 + 20 + 500 + 300 + 50));
}

/* All CPUs but those kicked last have come alive before the online pass reaches them. */
static void parallel_hides_the_dark_phase(void **state)
{
	const struct bu_made_up quick = { 100, 20, 500, 300, 50, 9, 1 }, slow = { 100, 20, 100000, 300, 50, 9, 1 };

	(void)state;
	/* CPU 1 is kicked at 120 and alive at 620, before the pass of kicks ends at 960. */
	assert_int_equal(total("parallel", &quick, NULL), 8 * 120 + 8 * 350);
	/* Dark for longer than the pass: the first online waits for CPU 1 (120 + 100000), then each next one is alive
	 * 120 after the one before, sooner than it takes to bring that one online. */
	assert_int_equal(total("parallel", &slow, NULL), 120 + 100000 + 8 * 350);
	assert_int_equal(total("split", &quick, NULL), total("serial", &quick, NULL));
}

/*
 * CPUs that share a host, by virtual runtime (replay/machine/physical.c). With as many host CPUs as are ever busy nothing
 * changes. With one, what a CPU does while the control CPU polls for it takes about twice the time, and what the control CPU
 * does alone takes what it takes. In a parallel bring-up every CPU that is alive polls for its release: what is faster on CPUs
 * of their own is slower here, as in the real boots of datasets/boots (make fidelity). Durations are long against the slices.
 */
static void sharing_a_host(void **state)
{
	const struct bu_made_up c = { 10000000, 2000000, 50000000, 30000000, 5000000, 9, 1 };
	int64_t alone = total("serial", &c, NULL), parallel_alone = total("parallel", &c, NULL), shared;

	(void)state;
	physical_cpus = 2;
	assert_int_equal(total("serial", &c, NULL), alone);
	physical_cpus = 9;
	assert_int_equal(total("parallel", &c, NULL), parallel_alone);
	assert_true(parallel_alone < alone);
	physical_cpus = 1;
	shared = total("serial", &c, NULL);
	assert_true(shared > 8 * (10000000 + 2000000 + 19 * (50000000 + 30000000) / 10 + 5000000));
	assert_true(shared < 8 * (10000000 + 2000000 + 23 * (50000000 + 30000000) / 10 + 5000000));
	assert_true(total("parallel", &c, NULL) > shared);
	physical_cpus = 0;
}

/* Siblings are kicked only when all primaries are online. */
static void siblings_come_after_primaries(void **state)
{
	const struct bu_made_up c = { 100, 20, 500, 300, 50, 8, 2 };
	struct bu_hp_schedule s;
	struct bu_replay_result r;
	int64_t primaries_online = 0;
	size_t i;

	(void)state;
	make_schedule(&c, &s);
	replay("parallel", &s, NULL, &r);
	for (i = 0; i < r.run.n_cpu_rows; i++)
		if (s.cpus[i].primary && r.run.cpu_rows[i].online_ns > primaries_online)
			primaries_online = r.run.cpu_rows[i].online_ns;
	for (i = 0; i < r.run.n_cpu_rows; i++)
		if (!s.cpus[i].primary)
			assert_true(r.run.cpu_rows[i].prepare_ns >= primaries_online);
	bu_replay_result_fini(&r);
	bu_hp_schedule_fini(&s);
}

/*
 * Published: two-socket Skylake, 56 cores, the 55 primaries besides the boot CPU. Serial 685.489 ms; parallel 19.080 ms
 * for prepare and kick plus 30.283 ms for online, 49.363 ms (Thomas Gleixner, cover letter of "cpu/hotplug, x86: Reworked
 * parallel CPU bringup" V1, 14 April 2023). The rest of the serial time is INIT/SIPI to alive with the microcode load;
 * that it vanishes in the parallel run is what the core must find by itself.
 */
static void published_primaries(void **state)
{
	const struct bu_made_up c = { .prepare = 19080000 / 55, .dark = (685489000 - 19080000 - 30283000) / 55,
				 .online = 30283000 / 55, .cpus = 56, .threads_per_core = 1 };
	double serial = (double)total("serial", &c, NULL), parallel = (double)total("parallel", &c, NULL);

	(void)state;
	assert_true(serial > 685.489e6 * 0.999 && serial < 685.489e6 * 1.001);
	assert_true(parallel > 49.363e6 * 0.999 && parallel < 49.363e6 * 1.001);
}

/* A CPU that never shows up is given up after ten seconds, in the kernel's words, and the others come up. */
static void a_cpu_that_never_comes(void **state)
{
	const struct bu_made_up c = { 100, 20, 500, 300, 50, 5, 1 };
	static const struct { const char *core, *why; } cores[] = {
		{ "serial", "CPU 2 failed (smpboot: do_boot_cpu failed(-1)" }, { "split", "CPU 2 failed (failed to report alive state)" },
		{ "parallel", "CPU 2 failed (failed to report alive state)" }, { "park", "CPU 2 failed (smpboot: do_boot_cpu failed(-1)" },
	};
	struct bu_hp_schedule s;
	struct bu_replay_result r;
	size_t i, k;

	(void)state;
	for (i = 0; i < ARRAY_SIZE(cores); i++) {
		make_schedule(&c, &s);
		s.cpus[1].never_comes = true;
		replay(cores[i].core, &s, NULL, &r);
		assert_string_equal(r.run.verdict, "failed");
		assert_non_null(strstr(r.run.verdict_detail, cores[i].why));
		for (k = 0; k < r.run.n_cpu_rows; k++)
			assert_int_equal(r.run.cpu_rows[k].verdict, k == 1 ? BU_CPU_FAILED : BU_CPU_OK);
		/* That it is over is seen at the next look, of which there is one every 2 ms. */
		assert_true(r.run.bringup_ns > INT64_C(10000000000) && r.run.bringup_ns < INT64_C(10002010000));
		bu_replay_result_fini(&r);
		bu_hp_schedule_fini(&s);
	}
}

/* One that comes in ten seconds is in time, whatever is left of them; one that takes longer is given up, though it comes. */
static void ten_seconds_for_a_cpu(void **state)
{
	const struct bu_made_up c = { 100, 20, 500, 300, 50, 5, 1 };
	static const char *const cores[] = { "serial", "split", "parallel", "park" };
	struct bu_hp_schedule s;
	struct bu_replay_result r;
	size_t i;
	int late;

	(void)state;
	for (i = 0; i < ARRAY_SIZE(cores); i++)
		for (late = 0; late < 2; late++) {
			make_schedule(&c, &s);
			/* The look that is the last one: see above. */
			s.cpus[1].part[BU_HP_DARK].ns = 10 * BU_NS_PER_S + (late ? 3 : -3) * BU_NS_PER_MS;
			replay(cores[i], &s, NULL, &r);
			assert_string_equal(r.run.verdict, late ? "failed" : "ok");
			assert_int_equal(r.run.cpu_rows[1].verdict, late ? BU_CPU_FAILED : BU_CPU_OK);
			bu_replay_result_fini(&r);
			bu_hp_schedule_fini(&s);
		}
}

/* A core that works for ever is stopped, and named. */
static void work_without_end(void **state)
{
	const struct bu_made_up c = { 100, 20, 500, 300, 50, 5, 1 };
	struct bu_description d;
	struct bu_replay_options options = { .seed = 1, .machine = &d.machine, .recorded_cpus = 5, .max_events = 20 };
	struct bu_err err = BU_ERR_INIT;
	struct bu_hp_schedule s;
	struct bu_replay_result r;

	(void)state;
	make_schedule(&c, &s);
	bu_describe_init(&d);
	assert_int_equal(bu_replay_hotplug(core("split"), &s, &options, &r, &err), 0);
	assert_string_equal(r.run.verdict, bu_hang_class_names[BU_HANG_LIMIT]);
	assert_memory_equal(r.run.verdict_detail, "core split: ", strlen("core split: "));
	bu_replay_result_fini(&r);
	bu_hp_schedule_fini(&s);
}

/* A step that the recording never saw end: the run hangs there, and says so. */
static void a_step_that_never_ends(void **state)
{
	const struct bu_made_up c = { 100, 20, 500, 300, 50, 4, 1 };
	struct bu_hp_schedule s;
	struct bu_replay_result r;

	(void)state;
	make_schedule(&c, &s);
	s.cpus[2].steps[BU_HP_ONLINE_STEPS][0].work_ns = BU_NS_UNKNOWN;
	replay("serial", &s, NULL, &r);
	assert_string_equal(r.run.verdict, "lost wakeup");
	assert_non_null(r.run.witness);
	assert_non_null(strstr(r.run.witness, "online_step"));
	assert_true(r.run.bringup_ns == BU_NS_UNKNOWN);
	bu_replay_result_fini(&r);
	bu_hp_schedule_fini(&s);
}

/* More CPUs: the recorded ones stay, the others are drawn; the same seed draws the same. */
static void resizing(void **state)
{
	const struct bu_made_up c = { 100, 20, 500, 300, 50, 8, 1 };
	struct bu_hp_schedule s, big, again, other, small;
	struct bu_err err = BU_ERR_INIT;
	size_t i, differ = 0;

	(void)state;
	make_schedule(&c, &s);
	for (i = 0; i < s.n_cpus; i++)
		s.cpus[i].part[BU_HP_DARK].ns = 1000 * (int64_t)(i + 1);
	assert_int_equal(bu_hp_schedule_resize(&s, 4096, BU_HP_DRAW_NEW, 7, &big, &err), 0);
	assert_int_equal(bu_hp_schedule_resize(&s, 4096, BU_HP_DRAW_NEW, 7, &again, &err), 0);
	assert_int_equal(bu_hp_schedule_resize(&s, 4096, BU_HP_DRAW_NEW, 8, &other, &err), 0);
	assert_int_equal(bu_hp_schedule_resize(&s, 3, BU_HP_DRAW_NEW, 7, &small, &err), 0);
	assert_int_equal(big.n_cpus, 4095);
	assert_int_equal(small.n_cpus, 2);
	for (i = 0; i < big.n_cpus; i++) {
		int64_t dark = big.cpus[i].part[BU_HP_DARK].ns;

		assert_true(dark >= 1000 && dark <= 7000 && dark % 1000 == 0);
		if (i < s.n_cpus)
			assert_int_equal(dark, s.cpus[i].part[BU_HP_DARK].ns);
		assert_int_equal(dark, again.cpus[i].part[BU_HP_DARK].ns);
		assert_int_equal(big.cpus[i].cpu, (int32_t)i + 1);
		differ += dark != other.cpus[i].part[BU_HP_DARK].ns;
	}
	assert_true(differ > 3000);	/* 6/7 of 4088 on average */
	/* All drawn: the recorded ones no longer stand in their places. */
	bu_hp_schedule_fini(&again);
	assert_int_equal(bu_hp_schedule_resize(&s, 8, BU_HP_DRAW_ALL, 7, &again, &err), 0);
	for (i = 0, differ = 0; i < again.n_cpus; i++)
		differ += again.cpus[i].part[BU_HP_DARK].ns != s.cpus[i].part[BU_HP_DARK].ns;
	assert_true(differ > 2);
	bu_hp_schedule_fini(&big);
	bu_hp_schedule_fini(&again);
	bu_hp_schedule_fini(&other);
	bu_hp_schedule_fini(&small);
	bu_hp_schedule_fini(&s);
}

/*
 * A CPU that shows up after it was given up: it waits for ever (since 3.17), or runs into what was
 * rolled back.
 */
static void a_cpu_that_comes_late(void **state)
{
	const struct bu_made_up c = { 100, 20, 500, 300, 50, 5, 1 };
	static const struct { const char *core, *params, *verdict; } cases[] = {
		{ "serial", "late-cpu=waits", "failed" }, { "serial", "late-cpu=runs", "assertion" },
		{ "parallel", NULL, "failed" },		/* the boot is over before it shows up */
	};
	struct bu_hp_schedule s;
	struct bu_replay_result r;
	size_t i;

	(void)state;
	for (i = 0; i < ARRAY_SIZE(cases); i++) {
		make_schedule(&c, &s);
		s.cpus[1].part[BU_HP_DARK].ns = INT64_C(10500000000);
		s.cpus[2].part[BU_HP_DARK].ns = INT64_C(2000000000);	/* still on its way up when CPU 2 shows up */
		replay(cases[i].core, &s, cases[i].params, &r);
		assert_string_equal(r.run.verdict, cases[i].verdict);
		assert_int_equal(r.run.cpu_rows[1].verdict, BU_CPU_FAILED);
		assert_int_equal(r.run.cpu_rows[1].steps, 0);
		bu_replay_result_fini(&r);
		bu_hp_schedule_fini(&s);
	}
}

/* An NMI that reaches a parked CPU kills the machine; after the CPU has an IDT, or without parking, it does not. */
static void an_nmi_on_a_parked_cpu(void **state)
{
	const struct bu_made_up c = { 100, 20, 500, 300, 50, 5, 1 };
	static const struct { const char *params, *verdict; } cases[] = {
		{ "nmi_cpu=3,nmi_ns=10", "crash" }, { "nmi_cpu=3,nmi_ns=1000000000", "ok" }, { "nmi_cpu=3,nmi_ns=10,parked=2", "ok" },
		{ "init_ns=500", "ok" },
	};
	struct bu_hp_schedule s;
	struct bu_replay_result r;
	int64_t whole = total("park", &c, NULL);
	size_t i;

	(void)state;
	assert_int_equal(whole, total("serial", &c, NULL));
	assert_int_equal(total("park", &c, "init_ns=500"), whole - 4 * 500);
	for (i = 0; i < ARRAY_SIZE(cases); i++) {
		make_schedule(&c, &s);
		replay("park", &s, cases[i].params, &r);
		assert_string_equal(r.run.verdict, cases[i].verdict);
		bu_replay_result_fini(&r);
		bu_hp_schedule_fini(&s);
	}
}

static void parameters_are_checked(void **state)
{
	int64_t values[8];
	struct bu_core nosuch;
	struct bu_err err = BU_ERR_INIT;

	(void)state;
	assert_int_equal(bu_core_params(core("parallel-full"), "access_ns=25,rcu=rnp-lock", values, &err), 0);
	assert_int_equal(values[0], 1);
	assert_int_equal(values[1], 25);
	assert_true(bu_core_params(core("parallel-full"), "rcu=ofl", values, &err) < 0);
	assert_true(bu_core_params(core("parallel-full"), "rcu=1", values, &err) < 0);
	assert_true(bu_core_params(core("parallel-full"), "access_ns=-1", values, &err) < 0);
	assert_true(bu_core_params(core("parallel-full"), "access_ns=x", values, &err) < 0);
	assert_true(bu_core_params(core("parallel-full"), "access_ns", values, &err) < 0);
	assert_int_equal(bu_core_params(core("parallel-full"), "of-another-core=1", values, &err), 0);
	assert_false(bu_core_has_param(core("parallel-full"), "of-another-core", 15));
	assert_true(bu_core_open("hotplug", "nosuch", 6, &nosuch, &err) < 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(every_core_keeps_the_contract), cmocka_unit_test(the_contract_can_fail),
		cmocka_unit_test(serial_is_the_sum),
		cmocka_unit_test(parallel_hides_the_dark_phase), cmocka_unit_test(siblings_come_after_primaries), cmocka_unit_test(sharing_a_host),
		cmocka_unit_test(published_primaries), cmocka_unit_test(a_cpu_that_never_comes),
		cmocka_unit_test(ten_seconds_for_a_cpu), cmocka_unit_test(work_without_end),
		cmocka_unit_test(a_step_that_never_ends), cmocka_unit_test(resizing),
		cmocka_unit_test(a_cpu_that_comes_late),
		cmocka_unit_test(an_nmi_on_a_parked_cpu), cmocka_unit_test(parameters_are_checked),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
