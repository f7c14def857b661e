// SPDX-License-Identifier: GPL-2.0-only
/*
 * parallel_full_test.c - what CPUs that start at the same time do to RCU and to each other: each interleaving is found in the
 * variants that have it and in no other.
 *
 * Two CPUs meet: all are released at one instant, and how long each takes from there says when it arrives. The others keep
 * away from them and from each other. Which access comes first is then drawn by the run's seed.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "replay/core_check.h"
#include "replay/describe.h"
#include "replay/registry.h"
#include "replay/session.h"

enum { CPUS = 34, LAST_OF_LEAF = 15, APART_NS = 10000 };

struct outcome {
	const char *verdict, *detail;	/* the detail contains it */
};

/* rcu_gp_init() waits for an odd counter that nobody will change: no grace period ever again. */
static const struct outcome lost_increment = { "lost wakeup", "ofl_seq stays odd" };
/* Even while two CPUs are inside: rcu_gp_init() does not wait for them. */
static const struct outcome parity = { "assertion", "seq & 1" };

static void run(const struct bu_hp_schedule *s, const struct bu_hp_machine *machine, const char *params, uint64_t seed,
		struct bu_replay_result *ret)
{
	struct bu_core core;
	struct bu_err err = BU_ERR_INIT;
	int64_t values[16];
	const struct bu_replay_options o = { .seed = seed, .machine = machine, .recorded_cpus = CPUS, .params = values };

	assert_int_equal(bu_core_open("hotplug", "parallel-full", strlen("parallel-full"), &core, &err), 0);
	assert_int_equal(bu_core_params(&core.def, params, values, &err), 0);
	assert_int_equal(bu_replay_hotplug(&core.def, s, &o, ret, &err), 0);
}

enum { SAME_LEAF = 14, NEXT_LEAF = 16, MANY = 1000, ENOUGH = 100 };

/* Whether one of @seeds runs in which @other meets the last CPU of the first leaf to start comes to @what. */
static bool found(const char *rcu, int other, const struct outcome *what, int seeds)
{
	const struct bu_made_up costs = { 0, 100, 500, 300, 50, CPUS, 1 };
	struct bu_hp_schedule s;
	char params[64];
	bool hit = false;
	int seed;
	size_t i;

	assert_int_equal(bu_made_up_schedule(&costs, &s), 0);
	for (i = 0; i < s.n_cpus; i++)
		s.cpus[i].part[BU_HP_RELEASED].ns = (s.cpus[i].cpu == other ? LAST_OF_LEAF : s.cpus[i].cpu) * (int64_t)APART_NS;
	snprintf(params, sizeof(params), "rcu=%s,gp_ns=100", rcu);
	for (seed = 1; seed <= seeds && !hit; seed++) {
		struct bu_replay_result r;

		run(&s, NULL, params, (uint64_t)seed, &r);
		hit = !strcmp(r.run.verdict, what->verdict) && strstr(r.run.verdict_detail, what->detail);
		bu_replay_result_fini(&r);
	}
	bu_hp_schedule_fini(&s);
	return hit;
}

static void a_lost_increment_ends_grace_periods(void **state)
{
	(void)state;
	assert_true(found("ofl-seq", SAME_LEAF, &lost_increment, MANY));
	assert_false(found("rnp-lock", SAME_LEAF, &lost_increment, ENOUGH));
	assert_false(found("acquire-ofl-seq", SAME_LEAF, &lost_increment, ENOUGH));
	assert_false(found("ofl-lock", SAME_LEAF, &lost_increment, ENOUGH));
	assert_false(found("ofl-seq", NEXT_LEAF, &lost_increment, ENOUGH));
}

static void an_even_counter_hides_cpus(void **state)
{
	(void)state;
	assert_true(found("ofl-seq", SAME_LEAF, &parity, MANY));
	assert_false(found("rnp-lock", SAME_LEAF, &parity, ENOUGH));
	assert_false(found("acquire-ofl-seq", SAME_LEAF, &parity, ENOUGH));
	assert_false(found("ofl-lock", SAME_LEAF, &parity, ENOUGH));
	assert_false(found("ofl-seq", NEXT_LEAF, &parity, ENOUGH));
}

/* Grace periods begin all the time and CPUs start meanwhile, behind the leaf that was just looked at: legal, and not flagged. */
static void a_late_starter_is_legal(void **state)
{
	const struct bu_made_up costs = { 0, 100, 500, 300, 50, CPUS, 1 };
	struct bu_hp_schedule s;
	struct bu_replay_result r;
	uint64_t seed;

	(void)state;
	assert_int_equal(bu_made_up_schedule(&costs, &s), 0);
	for (seed = 1; seed <= ENOUGH; seed++) {
		run(&s, NULL, "rcu=ofl-lock,gp_ns=100", seed, &r);
		assert_string_equal(r.run.verdict, "ok");
		bu_replay_result_fini(&r);
	}
	bu_hp_schedule_fini(&s);
}

/* Globals that one CPU at a time may use, used by all at once. */
static void shared_globals_break(void **state)
{
	const struct bu_made_up costs = { 0, 100, 500, 300, 5000, CPUS, 1 };
	const struct { const char *params, *verdict, *detail; } cases[] = {
		{ "tsc=shared", "lost wakeup", "TSC partner" }, { "tsc=per-cpu", "ok", "" },
		{ "x2apic=spare", "crash", "cluster_hotplug_mask" }, { "x2apic=per-cpu", "ok", "" },
		{ "topology=unlocked,rcu=acquire-ofl-seq", "assertion", "new_number" }, { "topology=locked,rcu=acquire-ofl-seq", "ok", "" },
	};
	struct bu_description d;
	struct bu_hp_schedule s;
	struct bu_replay_result r;
	size_t i;

	(void)state;
	bu_describe_init(&d);
	d.machine.packages = 2;
	d.machine.cores_per_die = CPUS / 2;
	assert_int_equal(bu_made_up_schedule(&costs, &s), 0);
	for (i = 0; i < ARRAY_SIZE(cases); i++) {
		bool hit = false;
		uint64_t seed;

		for (seed = 1; seed <= ENOUGH && !hit; seed++) {
			run(&s, &d.machine, cases[i].params, seed, &r);
			hit = !strcmp(r.run.verdict, cases[i].verdict) && strstr(r.run.verdict_detail, cases[i].detail);
			/* What works works always. */
			assert_true(hit || strcmp(cases[i].verdict, "ok"));
			bu_replay_result_fini(&r);
		}
		assert_true(hit);
	}
	bu_hp_schedule_fini(&s);
}

/* With TSC_ADJUST all CPUs of the second package come to the check at once; one is checked, its partner agrees on which. */
static void one_cpu_of_a_package_is_checked(void **state)
{
	const struct bu_made_up costs = { 0, 100, 500, 300, 5000, CPUS, 1 };
	struct bu_description d;
	struct bu_hp_schedule s;
	struct bu_replay_result r;

	(void)state;
	bu_describe_init(&d);
	d.machine.packages = 2;
	d.machine.cores_per_die = CPUS / 2;
	d.machine.tsc_adjust = 1;
	assert_int_equal(bu_made_up_schedule(&costs, &s), 0);
	run(&s, &d.machine, "tsc=per-cpu", 1, &r);
	assert_string_equal(r.run.verdict, "ok");
	bu_replay_result_fini(&r);
	bu_hp_schedule_fini(&s);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_lost_increment_ends_grace_periods), cmocka_unit_test(an_even_counter_hides_cpus),
		cmocka_unit_test(a_late_starter_is_legal),
		cmocka_unit_test(shared_globals_break),
		cmocka_unit_test(one_cpu_of_a_package_is_checked),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
