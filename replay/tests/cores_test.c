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

#include "replay/registry.h"
#include "replay/schedule/hotplug.h"
#include "replay/session.h"
#include "schemas/base/ns.h"

/* A schedule of @cpus CPUs without a recording behind it; every duration in ns. */
struct costs {
	int64_t prepare, kick, dark, starting, online;
	int32_t cpus, threads_per_core;
};

static const char *step_names[] = { "prepare_step", "online_step" };

static void make_schedule(const struct costs *c, struct bu_hp_schedule *s)
{
	int32_t i;
	int k;

	*s = (struct bu_hp_schedule){ .capture_name = "made up", .capture_sha256 = "0", .kernel_release = "test",
				      .algorithm = "serial", .start_what = "first step", .bringup_ns = BU_NS_UNKNOWN };
	s->names = malloc(sizeof(step_names));
	assert_non_null(s->names);
	memcpy(s->names, step_names, sizeof(step_names));
	s->n_names = 2;
	s->n_cpus = (size_t)c->cpus - 1;
	s->cpus = bu_arena_alloc(&s->arena, s->n_cpus * sizeof(*s->cpus));
	for (i = 1; i < c->cpus; i++) {
		struct bu_hp_cpu *cpu = &s->cpus[i - 1];

		cpu->cpu = i;
		cpu->primary = i % c->threads_per_core == 0;
		cpu->verdict = BU_CPU_OK;
		cpu->part[BU_HP_KICK].ns = c->kick;
		cpu->part[BU_HP_DARK].ns = c->dark;
		cpu->part[BU_HP_STARTING].ns = c->starting;
		for (k = 0; k < 2; k++) {
			cpu->n_steps[k] = 1;
			cpu->steps[k] = bu_arena_alloc(&s->arena, sizeof(struct bu_hp_step));
			*cpu->steps[k] = (struct bu_hp_step){ .name = (uint32_t)k, .nr = k,
							      .work_ns = k ? c->online : c->prepare };
		}
		for (k = 0; k < BU_HP_NR_MARKS; k++)
			cpu->mark_ns[k] = BU_NS_UNKNOWN;
	}
}

static const struct bu_core_def *core(const char *name)
{
	return bu_core_find("hotplug", name, strlen(name), NULL);
}

static void replay(const char *name, const struct bu_hp_schedule *s, const char *params, struct bu_replay_result *r)
{
	int64_t values[8];
	struct bu_replay_options options = { .seed = 1, .recorded_cpus = (int32_t)s->n_cpus + 1, .params = values };
	struct bu_err err = BU_ERR_INIT;

	assert_non_null(core(name));
	assert_int_equal(bu_core_params(core(name), params, values, &err), 0);
	assert_int_equal(bu_replay_hotplug(core(name), s, &options, r, &err), 0);
}

static int64_t total(const char *name, const struct costs *c, const char *params)
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

/* Everything a run must have whatever the core does. */
static void check_contract(const struct bu_core_def *c, const struct costs *costs)
{
	struct bu_hp_schedule s;
	struct bu_replay_result a, b;
	size_t i;

	make_schedule(costs, &s);
	replay(c->name, &s, NULL, &a);
	replay(c->name, &s, NULL, &b);
	assert_true(a.run.hash == b.run.hash);
	assert_int_equal(a.run.n_intervals, b.run.n_intervals);
	for (i = 0; i < a.run.n_intervals; i++) {
		const struct bu_run_interval *v = &a.run.intervals[i];

		assert_true(v->start_ns >= 0 && v->end_ns >= v->start_ns);
		assert_true(v->name < a.run.n_names && v->phase < BU_NR_PHASES);
		assert_true(v->start_ns == b.run.intervals[i].start_ns && v->end_ns == b.run.intervals[i].end_ns);
	}
	assert_string_equal(a.run.verdict, "ok");
	assert_int_equal(a.run.n_cpu_rows, (size_t)costs->cpus - 1);
	for (i = 0; i < a.run.n_cpu_rows; i++) {
		const struct bu_run_cpu *r = &a.run.cpu_rows[i];

		assert_int_equal(r->verdict, BU_CPU_OK);
		assert_true(r->prepare_ns >= 0 && r->kick_ns >= r->prepare_ns + costs->prepare);
		assert_true(r->alive_ns >= r->kick_ns + costs->kick + costs->dark);
		assert_true(r->release_ns >= r->alive_ns);
		assert_true(r->idle_ns >= r->release_ns + costs->starting);
		assert_true(r->online_ns >= r->idle_ns + costs->online);
		assert_true(r->online_ns <= a.run.bringup_ns);
	}
	/* The control CPU's time is busy or waiting, nothing else. */
	assert_true(a.run.bp_busy_ns >= (costs->cpus - 1) * (costs->prepare + costs->kick));
	bu_replay_result_fini(&a);
	bu_replay_result_fini(&b);
	bu_hp_schedule_fini(&s);
}

static void every_core_keeps_the_contract(void **state)
{
	static const struct costs sizes[] = {
		{ 100, 20, 500, 300, 50, 2, 1 },   { 100, 20, 500, 300, 50, 9, 1 },
		{ 0, 0, 0, 0, 0, 5, 1 },	   { 100, 20, 500, 300, 50, 64, 2 },
		{ 7, 0, 100000, 1, 0, 33, 2 },
	};
	const struct bu_core_def *const *c;
	size_t i;

	(void)state;
	for (c = bu_core_table; *c; c++) {
		assert_int_equal((*c)->size, sizeof(struct bu_core_def));
		assert_int_equal((*c)->abi, BU_CORE_ABI);
		assert_true((*c)->summary[0] && (*c)->source[0]);
		if (strcmp((*c)->family, "hotplug") || !strcmp((*c)->name, "recorded"))
			continue;	/* recorded needs a recording: replay.t */
		for (i = 0; i < sizeof(sizes) / sizeof(sizes[0]); i++)
			check_contract(*c, &sizes[i]);
	}
}

/* One after the other: nothing overlaps. */
static void serial_is_the_sum(void **state)
{
	const struct costs c = { 100, 20, 500, 300, 50, 9, 1 };

	(void)state;
	assert_int_equal(total("serial", &c, NULL), 8 * (100 + 20 + 500 + 300 + 50));
}

/* All CPUs but those kicked last have come alive before the online pass reaches them. */
static void parallel_hides_the_dark_phase(void **state)
{
	const struct costs quick = { 100, 20, 500, 300, 50, 9, 1 }, slow = { 100, 20, 100000, 300, 50, 9, 1 };

	(void)state;
	/* CPU 1 is kicked at 120 and alive at 620, before the pass of kicks ends at 960. */
	assert_int_equal(total("parallel", &quick, NULL), 8 * 120 + 8 * 350);
	/* Dark for longer than the pass: the first online waits for CPU 1 (120 + 100000), then each next one is alive
	 * 120 after the one before, sooner than it takes to bring that one online. */
	assert_int_equal(total("parallel", &slow, NULL), 120 + 100000 + 8 * 350);
	assert_int_equal(total("parallel", &quick, "parallel=0"), total("serial", &quick, NULL));
}

/* Siblings are kicked only when all primaries are online. */
static void siblings_come_after_primaries(void **state)
{
	const struct costs c = { 100, 20, 500, 300, 50, 8, 2 };
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
	const struct costs c = { .prepare = 19080000 / 55, .dark = (685489000 - 19080000 - 30283000) / 55,
				 .online = 30283000 / 55, .cpus = 56, .threads_per_core = 1 };
	double serial = (double)total("serial", &c, NULL), parallel = (double)total("parallel", &c, NULL);

	(void)state;
	assert_true(serial > 685.489e6 * 0.999 && serial < 685.489e6 * 1.001);
	assert_true(parallel > 49.363e6 * 0.999 && parallel < 49.363e6 * 1.001);
}

/* A CPU that never shows up: both cores give it up after ten seconds and bring the others up. */
static void a_cpu_that_never_comes(void **state)
{
	const struct costs c = { 100, 20, 500, 300, 50, 5, 1 };
	static const char *const names[] = { "serial", "parallel" };
	struct bu_hp_schedule s;
	struct bu_replay_result r;
	size_t i, k;

	(void)state;
	for (i = 0; i < 2; i++) {
		make_schedule(&c, &s);
		s.cpus[1].never_comes = true;
		replay(names[i], &s, NULL, &r);
		assert_string_equal(r.run.verdict, "failed");
		assert_non_null(strstr(r.run.verdict_detail, "CPU 2 failed"));
		for (k = 0; k < r.run.n_cpu_rows; k++)
			assert_int_equal(r.run.cpu_rows[k].verdict, k == 1 ? BU_CPU_FAILED : BU_CPU_OK);
		assert_true(r.run.bringup_ns > INT64_C(10000000000) && r.run.bringup_ns < INT64_C(10000010000));
		bu_replay_result_fini(&r);
		bu_hp_schedule_fini(&s);
	}
}

/* A step that the recording never saw end: the run hangs there, and says so. */
static void a_step_that_never_ends(void **state)
{
	const struct costs c = { 100, 20, 500, 300, 50, 4, 1 };
	struct bu_hp_schedule s;
	struct bu_replay_result r;

	(void)state;
	make_schedule(&c, &s);
	s.cpus[2].steps[BU_HP_ONLINE_STEPS][0].work_ns = BU_NS_UNKNOWN;
	replay("serial", &s, NULL, &r);
	assert_string_equal(r.run.verdict, "hang");
	assert_non_null(strstr(r.run.verdict_detail, "online_step"));
	assert_true(r.run.bringup_ns == BU_NS_UNKNOWN);
	bu_replay_result_fini(&r);
	bu_hp_schedule_fini(&s);
}

/* More CPUs: the recorded ones stay, the others are drawn; the same seed draws the same. */
static void resizing(void **state)
{
	const struct costs c = { 100, 20, 500, 300, 50, 8, 1 };
	struct bu_hp_schedule s, big, again, other, small;
	struct bu_err err = BU_ERR_INIT;
	size_t i, differ = 0;

	(void)state;
	make_schedule(&c, &s);
	for (i = 0; i < s.n_cpus; i++)
		s.cpus[i].part[BU_HP_DARK].ns = 1000 * (int64_t)(i + 1);
	assert_int_equal(bu_hp_schedule_resize(&s, 4096, 7, &big, &err), 0);
	assert_int_equal(bu_hp_schedule_resize(&s, 4096, 7, &again, &err), 0);
	assert_int_equal(bu_hp_schedule_resize(&s, 4096, 8, &other, &err), 0);
	assert_int_equal(bu_hp_schedule_resize(&s, 3, 7, &small, &err), 0);
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
	bu_hp_schedule_fini(&big);
	bu_hp_schedule_fini(&again);
	bu_hp_schedule_fini(&other);
	bu_hp_schedule_fini(&small);
	bu_hp_schedule_fini(&s);
}

static void parameters_are_checked(void **state)
{
	int64_t values[8];
	struct bu_err err = BU_ERR_INIT;

	(void)state;
	assert_int_equal(bu_core_params(core("parallel"), "parallel=0,trampoline_ns=25", values, &err), 0);
	assert_int_equal(values[0], 0);
	assert_int_equal(values[1], 25);
	assert_true(bu_core_params(core("parallel"), "parallel=2", values, &err) < 0);
	assert_true(bu_core_params(core("parallel"), "nonsense=1", values, &err) < 0);
	assert_true(bu_core_params(core("parallel"), "parallel", values, &err) < 0);
	assert_true(bu_core_params(core("parallel"), "parallel=x", values, &err) < 0);
	assert_null(bu_core_find("hotplug", "nosuch", 6, &err));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(every_core_keeps_the_contract), cmocka_unit_test(serial_is_the_sum),
		cmocka_unit_test(parallel_hides_the_dark_phase), cmocka_unit_test(siblings_come_after_primaries),
		cmocka_unit_test(published_primaries), cmocka_unit_test(a_cpu_that_never_comes),
		cmocka_unit_test(a_step_that_never_ends), cmocka_unit_test(resizing),
		cmocka_unit_test(parameters_are_checked),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
