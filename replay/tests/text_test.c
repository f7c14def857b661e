// SPDX-License-Identifier: GPL-2.0-only
/*
 * text_test.c - what text cores must come to on schedules whose answer follows from arithmetic: how often a tick meets a
 * half-patched site, which step of the breakpoint protocol a failure takes away, what a timer that does not tick does.
 */
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "replay/family_text.h"
#include "replay/registry.h"
#include "schemas/base/mem.h"
#include "schemas/base/ns.h"

struct result {
	struct bu_replay_result replay;
	struct bu_text_outcome out;
};

static struct result run(const char *name, const char *made_up, const char *params, uint64_t seed)
{
	static struct bu_core core;
	struct bu_text_schedule s;
	struct bu_err err = BU_ERR_INIT;
	int64_t values[8];
	const struct bu_replay_options options = { .seed = seed, .sampled = 1, .params = values, .check = seed == 1 };
	struct result r;

	if (bu_core_open("text", name, strlen(name), &core, &err) || bu_core_params(&core.def, params, values, &err) ||
	    bu_text_made_up(made_up, &s, &err) || bu_replay_text(&core.def, &s, &options, &r.replay, &r.out, &err))
		fail_msg("%s", err.text);
	/* What the result borrows from the schedule is static for one that is made up. */
	bu_text_schedule_fini(&s);
	return r;
}

static void done(struct result *r)
{
	bu_replay_result_fini(&r->replay);
}

static bool crashed(const struct result *r)
{
	return !strcmp(r->replay.run.verdict, "crash");
}

static void expect(const char *core, const char *made_up, const char *params, const char *verdict, const char *detail)
{
	struct result r = run(core, made_up, params, 1);

	if (strcmp(r.replay.run.verdict, verdict) || (detail && !strstr(r.replay.run.verdict_detail, detail)))
		fail_msg("%s with %s: %s: %s", core, params ? params : "no parameters", r.replay.run.verdict,
			 r.replay.run.verdict_detail);
	done(&r);
}

/* 60 thousand sites of 150 ns are 9 ms: two ticks or three at 250 Hz. */
static void ticks_in_the_window_are_window_times_hz(void **state)
{
	const struct { const char *made_up; int64_t window_ns; double ticks; } cases[] = {
		{ "sites=60000,site_ns=150,hz=250", 9 * BU_NS_PER_MS, 2.25 },
		{ "sites=60000,site_ns=150,hz=1000", 9 * BU_NS_PER_MS, 9 },
		{ "sites=6000,site_ns=150,hz=1000", 900 * BU_NS_PER_US, 0.9 },	/* "90% of the time" */
	};
	const uint64_t phases = 30;
	size_t c;

	(void)state;
	for (c = 0; c < ARRAY_SIZE(cases); c++) {
		double taken = 0;
		uint64_t seed;

		for (seed = 0; seed < phases; seed++) {
			struct result on = run("irqs-on", cases[c].made_up, NULL, seed);
			struct result off = run("irqs-off", cases[c].made_up, NULL, seed);

			assert_true(fabs((double)on.out.ticks - cases[c].ticks) < 1);
			assert_int_equal(on.out.window_ns, cases[c].window_ns);
			assert_int_equal(on.out.missed, 0);
			/* they become one, when interrupts are on again */
			assert_int_equal((int64_t)off.out.ticks, on.out.ticks ? 1 : 0);
			assert_int_equal(off.out.missed, on.out.ticks ? (int64_t)on.out.ticks - 1 : 0);
			taken += (double)on.out.ticks;
			done(&on);
			done(&off);
		}
		/* within four standard deviations of that mean, each phase of 1/2 tick at most */
		assert_true(fabs(taken / (double)phases - cases[c].ticks) < 4 * 0.5 / sqrt((double)phases));
	}
}

/*
 * A tick at a random instant meets a half-patched site that it executes with p = risk * half_ns / (sites * site_ns); the
 * executed path takes time itself, so of the sites that it executes later some are reached in another state: no more than
 * one, since nobody patches meanwhile. Per boot 1 - (1 - p)^ticks.
 */
static double crash_share(const char *made_up, const char *params, int runs)
{
	int i, n = 0;

	for (i = 0; i < runs; i++) {
		struct result r = run("irqs-on", made_up, params, (uint64_t)i);

		if (crashed(&r))
			n++;
		else
			assert_string_equal(r.replay.run.verdict, "ok");
		done(&r);
	}
	return (double)n / runs;
}

static void assert_share(double got, double p, int runs)
{
	if (fabs(got - p) > 4 * sqrt(p * (1 - p) / runs))
		fail_msg("a share of %.3f, and %.3f was expected", got, p);
}

static void crashes_follow_hz_window_and_risk(void **state)
{
	const int runs = 400;
	const double p = 0.5 * 0.2;	/* half of the sites are on the way of the tick, each torn a fifth of its time */

	(void)state;
	/* one tick in the window, for certain */
	assert_share(crash_share("sites=2000,site_ns=1000,hz=500,risk=1000", "half_ns=200", runs), p, runs);
	/* twice the HZ, two ticks; half of it, a window that is met half of the time */
	assert_share(crash_share("sites=2000,site_ns=1000,hz=1000,risk=1000", "half_ns=200", runs), 1 - (1 - p) * (1 - p), runs);
	assert_share(crash_share("sites=2000,site_ns=1000,hz=250,risk=1000", "half_ns=200", runs), p / 2, runs);
	/* the window itself */
	assert_share(crash_share("sites=1000,site_ns=1000,hz=500,risk=500", "half_ns=200", runs), p / 2, runs);
	/* nothing on its way, or nothing to be caught in */
	assert_share(crash_share("sites=2000,site_ns=1000,hz=1000", "half_ns=200", runs), 0, runs);
	assert_share(crash_share("sites=2000,site_ns=1000,hz=1000,risk=1000,len=1", "half_ns=200", runs), 0, runs);
}

static void the_verdict_names_site_and_interrupt(void **state)
{
	(void)state;
	expect("irqs-on", "sites=100,site_ns=1000,hz=100000,risk=100", "half_ns=900", "crash", "half-patched instruction at timer interrupt");
	expect("irqs-on", "sites=100,site_ns=1000,hz=100000,risk=100", "half_ns=900", "crash", "timer_interrupt");
	/* an NMI comes in spite of irqs-off */
	expect("irqs-off", "sites=1000,site_ns=1000,hz=100000,risk=1000", "half_ns=900", "ok", NULL);
	expect("irqs-off", "sites=1000,site_ns=1000,hz=250,risk=1000,nmi_hz=30000", "half_ns=900", "crash", "nmi_handler");
}

/* Interrupts between sites find each one whole, and a pair of them not. */
static void pairs_need_more_than_whole_sites(void **state)
{
	const char *sites = "sites=1000,site_ns=1000,hz=2000,risk=100", *pairs = "sites=1000,site_ns=1000,hz=100000,pairs=500";

	(void)state;
	expect("per-site", sites, NULL, "ok", NULL);
	expect("per-site", pairs, NULL, "crash", "two sites that belong together");
	expect("irqs-off", pairs, NULL, "ok", NULL);
	expect("stop-machine", pairs, NULL, "ok", NULL);
}

#define LIVE "sites=0,cpus=8,hz=10000,site_ns=2000,batches=10,batch_sites=1,gap_ns=150000,ipi_ns=500,ahead_ns=4000"

/* How often each way of failing was met in @n runs. */
struct symptoms { int ok, int3_new, int3_cc, torn, other; };

static struct symptoms symptoms(const char *params, int n)
{
	struct symptoms s = { 0, 0, 0, 0, 0 };
	int i;

	for (i = 0; i < n; i++) {
		struct result r = run("int3", LIVE, params, (uint64_t)i);
		const char *d = r.replay.run.verdict_detail;

		if (!strcmp(r.replay.run.verdict, "ok"))
			s.ok++;
		else if (!crashed(&r))
			s.other++;
		else if (strstr(d, "Oops: int3") && strstr(d, "now reads cc"))
			s.int3_cc++;
		else if (strstr(d, "Oops: int3"))
			s.int3_new++;
		else
			s.torn++;
		if (s.other)
			fail_msg("%s: %s: %s", params ? params : "", r.replay.run.verdict, d);
		done(&r);
	}
	return s;
}

static void each_step_of_the_breakpoint_protocol_is_needed(void **state)
{
	const int runs = 100;
	struct symptoms s = symptoms(NULL, runs);

	(void)state;
	assert_int_equal(s.ok, runs);
	/* an instruction of which one part is older than the other */
	s = symptoms("skip_sync=1", runs);
	assert_true(s.torn && s.ok + s.torn == runs);
	s = symptoms("skip_sync=2", runs);
	assert_true(s.torn && s.ok + s.torn == runs);
	/* INT3 that nobody knows of any more, though memory has the new instruction: as in datasets/scenarios/int3-oops */
	s = symptoms("skip_sync=3", runs);
	assert_true(s.int3_new && s.ok + s.int3_new == runs);
	s = symptoms("early_clear=1", runs);
	assert_true(s.int3_new && s.ok + s.int3_new == runs);
	s = symptoms("keeps_cpu=5", runs);
	assert_true(s.int3_new && s.ok + s.int3_new == runs);
	/* INT3 that is still there */
	s = symptoms("int3_left=1", runs);
	assert_true(s.int3_cc && s.ok + s.int3_cc == runs);
}

static void calibration_needs_the_timer(void **state)
{
	(void)state;
	expect("per-site", "sites=10,hz=250,lpj_known=0", NULL, "ok", NULL);
	expect("per-site", "sites=10,hz=0", NULL, "ok", NULL);
	expect("per-site", "sites=10,hz=0,lpj_known=0", NULL, "lost wakeup", "jiffies");
}

static void a_rendezvous_may_wait_for_a_poke(void **state)
{
	(void)state;
	expect("int3", "sites=0,cpus=4,batches=1", "stop_machine=1", "ok", NULL);
	expect("int3", "sites=0,cpus=4,batches=1", "stop_machine=2", "deadlock", "do_sync_core");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(ticks_in_the_window_are_window_times_hz),
		cmocka_unit_test(crashes_follow_hz_window_and_risk),
		cmocka_unit_test(the_verdict_names_site_and_interrupt),
		cmocka_unit_test(pairs_need_more_than_whole_sites),
		cmocka_unit_test(each_step_of_the_breakpoint_protocol_is_needed),
		cmocka_unit_test(calibration_needs_the_timer),
		cmocka_unit_test(a_rendezvous_may_wait_for_a_poke),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
