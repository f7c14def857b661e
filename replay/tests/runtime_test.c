// SPDX-License-Identifier: GPL-2.0-only
/*
 * runtime_test.c - what cores that take CPUs down and bring them up do when a step refuses or a CPU does not die, on operations made
 * up for them (that all goes well otherwise is their contract, core_check_runtime.c); and the two deadlocks of the
 * one-phase scheme of PREEMPT_RT, which the three-phase one must not have.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include <errno.h>

#include "replay/core_check.h"
#include "replay/registry.h"
#include "replay/session.h"
#include "schemas/base/mem.h"
#include "schemas/base/ns.h"

static const char *const cores[] = { "percpu-rwsem", "notifier", "rt-pinned", "rt-multiphase" };

enum { STEP_NS = BU_MADE_UP_STEP_NS, OWN = BU_MADE_UP_OWN, CONTROL = BU_MADE_UP_CONTROL };

static void make_schedule(struct bu_hp_schedule *s, int32_t cpus)
{
	assert_int_equal(bu_made_up_runtime(cpus, s), 0);
}

static void replay(const char *name, const struct bu_hp_schedule *s, const char *params, struct bu_replay_result *r)
{
	int64_t values[8];
	const struct bu_replay_options options = { .seed = 3, .recorded_cpus = (int32_t)s->n_cpus + 1, .params = values, .check = s->n_cpus < 16 };
	struct bu_core core;
	struct bu_err err = BU_ERR_INIT;

	assert_int_equal(bu_core_open("hotplug", name, strlen(name), &core, &err), 0);
	assert_int_equal(bu_core_params(&core.def, params, values, &err), 0);
	assert_int_equal(bu_replay_hotplug(&core.def, s, &options, r, &err), 0);
	bu_core_close(&core);
}

static int64_t time_of(const struct bu_run *run, enum bu_phase phase)
{
	int64_t sum = 0;
	size_t i;

	for (i = 0; i < run->n_intervals; i++)
		if (run->intervals[i].phase == phase && run->intervals[i].end_ns != BU_NS_UNKNOWN)
			sum += run->intervals[i].end_ns - run->intervals[i].start_ns;
	return sum;
}

/*
 * The second of the CPU's own steps down (state 160) refuses: the steps up above it are run, here that of 170, the CPU stays
 * online, and what follows finds it so: its next way up has nothing to do, its next way down goes well.
 */
static void a_step_that_refuses(void **state)
{
	size_t c;

	(void)state;
	for (c = 0; c < ARRAY_SIZE(cores); c++) {
		struct bu_replay_result r;
		struct bu_hp_schedule s;

		make_schedule(&s, 2);
		s.ops[0].work.steps[BU_HP_DOWN_STEPS][1].ret = -EBUSY;
		replay(cores[c], &s, strncmp(cores[c], "rt-", 3) ? NULL : "readers=0", &r);
		assert_string_equal(r.run.verdict, "failed");
		assert_int_equal(r.run.ops[0].ret, -EBUSY);
		assert_int_equal(r.run.ops[1].ret, -EINVAL);
		assert_int_equal(r.run.ops[2].ret, 0);
		assert_int_equal(r.run.ops[3].ret, 0);
		assert_int_equal(time_of(&r.run, BU_PHASE_DOWN), (2 + OWN) * STEP_NS);
		assert_int_equal(time_of(&r.run, BU_PHASE_ONLINE), (1 + OWN) * STEP_NS);
		bu_replay_result_fini(&r);
		bu_hp_schedule_fini(&s);
	}
}

/* A prepare step that refuses (state 20): the dead steps below it are run, and the next attempt goes well. */
static void a_way_up_that_is_refused(void **state)
{
	size_t c;

	(void)state;
	for (c = 0; c < ARRAY_SIZE(cores); c++) {
		struct bu_replay_result r;
		struct bu_hp_schedule s;

		make_schedule(&s, 2);
		s.ops[1].work.steps[BU_HP_PREPARE][1].ret = -ENOMEM;
		s.ops[2].down = false;
		replay(cores[c], &s, strncmp(cores[c], "rt-", 3) ? NULL : "readers=0", &r);
		assert_int_equal(r.run.ops[0].ret, 0);
		assert_int_equal(r.run.ops[1].ret, -ENOMEM);
		assert_int_equal(r.run.ops[2].ret, 0);
		assert_int_equal(time_of(&r.run, BU_PHASE_DEAD), (CONTROL + 1) * STEP_NS);
		bu_replay_result_fini(&r);
		bu_hp_schedule_fini(&s);
	}
}

/* CPU 2 is never seen dead: its way down ends when the kernel's patience does, and it cannot be brought up again; others can. */
static void a_cpu_that_never_dies(void **state)
{
	static const struct { const char *core, *params; int64_t patience_ns; } kernels[] = {
		{ "percpu-rwsem", "kernel=6.12", 10 * BU_NS_PER_S }, { "percpu-rwsem", "kernel=6.1", 5 * BU_NS_PER_S },
		{ "notifier", NULL, 5 * BU_NS_PER_S },
	};
	size_t c, i;

	(void)state;
	for (c = 0; c < ARRAY_SIZE(kernels); c++) {
		struct bu_replay_result r;
		struct bu_hp_schedule s;

		make_schedule(&s, 4);
		s.ops[1].work.never_dies = true;
		replay(kernels[c].core, &s, kernels[c].params, &r);
		if (strcmp(r.run.verdict, "failed"))
			fail_msg("%s: %s", r.run.verdict, r.run.verdict_detail);
		for (i = 0; i < r.run.n_ops; i++)
			if (r.run.ops[i].cpu != 2)
				assert_int_equal(r.run.ops[i].ret, 0);
		assert_int_equal(r.run.ops[1].ret, -ETIMEDOUT);
		assert_true(r.run.ops[1].end_ns - r.run.ops[1].start_ns >= kernels[c].patience_ns);
		assert_true(r.run.ops[1].end_ns - r.run.ops[1].start_ns < kernels[c].patience_ns + BU_NS_PER_MS);
		assert_int_equal(r.run.ops[4].ret, -EAGAIN);
		bu_replay_result_fini(&r);
		bu_hp_schedule_fini(&s);
	}
}

/* Sleeping for as long as was recorded, or until the machine's own grace period is over. */
static void the_machines_grace_periods(void **state)
{
	struct bu_replay_result r;
	struct bu_hp_schedule s;
	size_t i;

	(void)state;
	make_schedule(&s, 9);
	s.names[1] = "sched_cpu_deactivate";	/* each of the three */
	for (i = 0; i < s.n_ops; i++)
		s.ops[i].work.steps[BU_HP_DOWN_STEPS][0].sleep_ns = 77000;
	replay("percpu-rwsem", &s, NULL, &r);
	assert_int_equal(time_of(&r.run, BU_PHASE_DOWN), (int64_t)s.n_ops / 2 * (OWN * STEP_NS + 77000));
	bu_replay_result_fini(&r);
	replay("percpu-rwsem", &s, "rcu=machine", &r);
	assert_string_equal(r.run.verdict, "ok");
	assert_true(time_of(&r.run, BU_PHASE_DOWN) > (int64_t)s.n_ops / 2 * BU_NS_PER_MS);	/* a jiffy at the least */
	bu_replay_result_fini(&r);
	bu_hp_schedule_fini(&s);
}

/* D1, D2 of replay/kit/rt_pin.h: one phase deadlocks and says who waits for whom, three phases do not. */
static void pinned_readers(void **state)
{
	static const struct { const char *params, *cycle[2]; } deadlocks[] = {
		{ "readers=0,notifier_stops=1", { "kernel_init -> end of notified -> notified", "notified -> lock cpu_hotplug.lock -> kernel_init" } },
		{ "readers=64,period_ns=20000,section_ns=5000,notifier_locks=1",
		  { "kernel_init -> lock lock of a notifier -> reader", "reader -> lock cpu_hotplug.lock -> kernel_init" } },
	};
	struct bu_replay_result r;
	struct bu_hp_schedule s;
	size_t i, k;

	(void)state;
	make_schedule(&s, 9);
	for (i = 0; i < s.n_ops; i++)
		s.ops[i].work.steps[BU_HP_DOWN_STEPS][0].work_ns = 2 * BU_NS_PER_MS;	/* time for readers to come */
	for (k = 0; k < ARRAY_SIZE(deadlocks); k++) {
		replay("rt-pinned", &s, deadlocks[k].params, &r);
		if (strcmp(r.run.verdict, "deadlock"))
			print_error("%s: %s\n", deadlocks[k].params, r.run.verdict);
		assert_string_equal(r.run.verdict, "deadlock");
		for (i = 0; i < 2; i++) {
			if (!strstr(r.run.witness, deadlocks[k].cycle[i]))
				print_error("no '%s' in\n%s\n", deadlocks[k].cycle[i], r.run.witness);
			assert_non_null(strstr(r.run.witness, deadlocks[k].cycle[i]));
		}
		bu_replay_result_fini(&r);
		replay("rt-multiphase", &s, deadlocks[k].params, &r);
		assert_string_equal(r.run.verdict, "ok");
		bu_replay_result_fini(&r);
	}
	bu_hp_schedule_fini(&s);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_step_that_refuses), cmocka_unit_test(a_way_up_that_is_refused),
		cmocka_unit_test(a_cpu_that_never_dies), cmocka_unit_test(the_machines_grace_periods), cmocka_unit_test(pinned_readers),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
