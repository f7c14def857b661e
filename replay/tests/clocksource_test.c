// SPDX-License-Identifier: GPL-2.0-only
/*
 * clocksource_test.c - that the hang after a clocksource switch follows from the machine: it begins where the arithmetic of CPUs,
 * reads, HZ and service time says, moves with each of them, and is gone where the core takes its cause away.
 */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "replay/clock_model.h"
#include "replay/registry.h"
#include "replay/session.h"

static void replay(const char *core, const char *params, int32_t cpus, const char *model, uint64_t seed, struct bu_replay_result *r)
{
	struct bu_replay_options options = { .seed = seed, .recorded_cpus = cpus, .check = cpus <= 8 };
	struct bu_cs_schedule s = { 0 };
	struct bu_err err = BU_ERR_INIT;
	struct bu_core found;
	int64_t values[16];

	assert_int_equal(bu_core_open("clocksource", core, strlen(core), &found, &err), 0);
	assert_int_equal(bu_core_params(&found.def, params, values, &err), 0);
	options.params = values;
	assert_int_equal(bu_clock_model(&s, cpus, model, &err), 0);
	assert_int_equal(bu_replay_clocksource(&found.def, &s, &options, r, &err), 0);
	bu_cs_schedule_fini(&s);
}

static double metric(const struct bu_replay_result *r, const char *name)
{
	size_t i;

	for (i = 0; i < r->run.n_metrics; i++)
		if (r->run.metrics[i].cpu < 0 && !strcmp(r->run.names[r->run.metrics[i].name], name))
			return r->run.metrics[i].value;
	fail_msg("no metric %s", name);
	return 0;
}

static bool hangs(const char *core, const char *params, int32_t cpus, const char *model)
{
	struct bu_replay_result r;
	bool hung;

	replay(core, params, cpus, model, 1, &r);
	hung = !strcmp(r.run.verdict, "failed") || !strcmp(r.run.verdict, "lockup");
	bu_replay_result_fini(&r);
	return hung;
}

/* Nearly every tick is overdue when the stop ends: the line of thread_ack takes six tenths of a tick to go round, twice. */
static void threshold(int hz, int read_us, int reads)
{
	struct bu_cs_schedule s = { 0 };
	struct bu_err err = BU_ERR_INIT;
	int32_t cpus, lo, hi;
	char model[160];

	snprintf(model, sizeof(model), "hz=%d,read-ns=%d,reads-permille=%d", hz, read_us * 1000, reads * 1000);
	assert_int_equal(bu_clock_model(&s, 1, model, &err), 0);
	lo = bu_cs_saturation_cpus(&s, 1000);	/* each tick repeats a read, since it does nothing but read */
	hi = bu_cs_saturation_cpus(&s, 0);
	for (cpus = lo - 2; cpus < hi + 2; cpus++) {
		snprintf(model, sizeof(model), "hz=%d,read-ns=%d,reads-permille=%d,line-ns=%d,run-ms=1500", hz, read_us * 1000,
			 reads * 1000, 600000000 / hz / cpus);
		if (hangs("stop-machine", NULL, cpus, model))
			break;
	}
	if (cpus < lo || cpus > hi)
		fail_msg("%s: hangs from %d CPUs on, the arithmetic says %d to %d", model, cpus, lo, hi);
	bu_cs_schedule_fini(&s);
}

static void the_hang_begins_where_the_arithmetic_says(void **state)
{
	(void)state;
	threshold(1000, 20, 3);		/* 13 to 17 */
	threshold(1000, 20, 6);		/* 8 to 9 */
	threshold(1000, 40, 3);		/* 7 to 9 */
	threshold(250, 80, 3);		/* 13 to 17 again: a quarter of the ticks, four times the service */
	threshold(500, 20, 3);		/* 25 to 34 */
}

static void without_a_herd_it_crawls(void **state)
{
	struct bu_replay_result r;

	(void)state;
	/* The stop is over within a tick, kernel_init gets on, and high resolution ticks leave out what they cannot do. */
	replay("stop-machine", NULL, 40, "hz=1000,read-ns=20000,run-ms=3000", 1, &r);
	assert_string_equal(r.run.verdict, "saturation");
	assert_true(metric(&r, "utilisation") > 0.9 && metric(&r, "tick_share") < 0.6);
	assert_true(metric(&r, "hang_detected") > 0);
	bu_replay_result_fini(&r);
}

static void one_access_for_all_that_wait(void **state)
{
	static const char model[] = "hz=1000,read-ns=20000,line-ns=25000,run-ms=3000";
	struct bu_replay_result r;

	(void)state;
	assert_true(hangs("stop-machine", "reader=plain", 24, model));
	assert_false(hangs("stop-machine", "reader=coarse", 24, model));	/* one read per periodic tick is left */
	replay("stop-machine", "reader=combining", 24, model, 1, &r);
	assert_string_equal(r.run.verdict, "ok");
	assert_true(metric(&r, "answers_per_access") > 2);
	assert_true(metric(&r, "read_mean") < 2 * 20000);
	bu_replay_result_fini(&r);
}

static void soft_lockup_as_the_watchdog_says_it(void **state)
{
	struct bu_replay_result r;

	(void)state;
	replay("stop-machine", NULL, 20, "hz=250,read-ns=100000,line-ns=400000,switch-ms=4500,run-ms=29000", 1, &r);
	assert_string_equal(r.run.verdict, "lockup");
	assert_true(metric(&r, "soft_lockup_stuck") >= 21 && metric(&r, "soft_lockup_stuck") <= 23);
	assert_true(metric(&r, "soft_lockup_after_switch") > 20e9 && metric(&r, "soft_lockup_after_switch") < 25e9);
	assert_true(metric(&r, "soft_lockup_cpus") == 20);
	bu_replay_result_fini(&r);
}

static void an_nmi_waits_for_the_writer_below_it_unless_latched(void **state)
{
	(void)state;
	static const struct { const char *core, *verdict; } want[] = {
		{ "stop-machine", "livelock" }, { "seq-only", "livelock" }, { "deferred", "livelock" }, { "latch", "ok" },
	};
	struct bu_replay_result r;
	size_t i;

	for (i = 0; i < sizeof(want) / sizeof(*want); i++) {
		replay(want[i].core, "nmi-reader=1", 2, "run-ms=3000", 1, &r);
		assert_string_equal(r.run.verdict, want[i].verdict);
		bu_replay_result_fini(&r);
	}
}

static void far_readers_never_end_where_near_ones_go_first(void **state)
{
	static const char *const fair[] = { "fifo", "batch", "round-robin", "random" };
	struct bu_replay_result r;
	char model[96];
	size_t i;

	(void)state;
	/* 17 CPUs are all that the clock can answer; with a read more per tick, which those that wait repeat, 13. */
	replay("seq-only", NULL, 40, "hz=1000,read-ns=20000,arbitration=near,run-ms=1500", 1, &r);
	assert_string_equal(r.run.verdict, "livelock");
	assert_true(metric(&r, "endless_read_cpus") >= 40 - 17 && metric(&r, "endless_read_cpus") <= 40 - 12);
	assert_true(metric(&r, "endless_retry_cpus") > 0);
	assert_true(metric(&r, "jiffies_updates_share") > 0.98);	/* CPU 0, the nearest, ticks on */
	bu_replay_result_fini(&r);
	for (i = 0; i < 4; i++) {
		snprintf(model, sizeof(model), "hz=1000,read-ns=20000,arbitration=%s,run-ms=1500", fair[i]);
		replay("seq-only", NULL, 40, model, 1, &r);
		assert_string_equal(r.run.verdict, "saturation");
		assert_true(metric(&r, "endless_read_cpus") == 0 && metric(&r, "jiffies_updates_share") < 0.5);
		bu_replay_result_fini(&r);
	}
}

static void a_device_may_be_far_and_its_answers_uneven(void **state)
{
	struct bu_replay_result r, even;

	(void)state;
	replay("seq-only", NULL, 8, "hz=1000,read-ns=5000,run-ms=1500", 1, &even);
	assert_true(metric(&even, "utilisation_offered") == 0.12);
	/* the mean is the same, so is what is asked; what is unlucky waits longer: nine in a thousand take 7.5 times the mean */
	replay("seq-only", NULL, 8, "hz=1000,read-ns=5000,spread=measured,run-ms=1500", 1, &r);
	assert_true(metric(&r, "utilisation_offered") == metric(&even, "utilisation_offered"));
	assert_true(metric(&r, "read_max") > 5 * 5000);
	bu_replay_result_fini(&r);
	/* 3.5 hops on average, of 1 us each */
	replay("seq-only", NULL, 8, "hz=1000,read-ns=5000,hop-ns=1000,run-ms=1500", 1, &r);
	assert_true(metric(&r, "utilisation_offered") > 0.203 && metric(&r, "utilisation_offered") < 0.205);
	assert_true(metric(&r, "read_mean") > metric(&even, "read_mean") + 3000);
	assert_true(metric(&r, "saturation_cpus") < metric(&even, "saturation_cpus"));
	bu_replay_result_fini(&r);
	bu_replay_result_fini(&even);
}

static void a_stop_waits_for_a_cpu_that_cannot_run_its_stopper(void **state)
{
	struct bu_replay_result r;

	(void)state;
	replay("stop-machine", "stuck=preempt-off,stuck-cpu=3", 4, "run-ms=2000", 1, &r);
	assert_string_equal(r.run.verdict, "failed");
	assert_non_null(strstr(r.run.verdict_detail, "waits for CPU 3, which does not run its stopper; on CPU 3 runs stuck"));
	bu_replay_result_fini(&r);
	replay("stop-machine", "stuck=preempt-off,stuck-cpu=3", 4, "run-ms=30000", 1, &r);
	assert_string_equal(r.run.verdict, "lockup");
	assert_non_null(strstr(r.run.verdict_detail, "soft lockup of 4 CPUs (0-3): the first says \"stuck for 22s!\""));
	bu_replay_result_fini(&r);
	replay("latch", "stuck=irqs-off,stuck-cpu=3", 4, "run-ms=2000", 1, &r);
	assert_true(metric(&r, "switch_to_notify") < 10000);	/* nobody waits */
	bu_replay_result_fini(&r);
}

static void a_late_tick_is_told_of_though_the_clock_keeps_up(void **state)
{
	struct bu_replay_result r;

	(void)state;
	replay("stop-machine", NULL, 64, "hz=1000,line-ns=20000,run-ms=500", 1, &r);
	assert_string_equal(r.run.verdict, "ok");
	assert_non_null(strstr(r.run.verdict_detail, "held off for more than a tick"));
	assert_true(metric(&r, "holdoff_cpus") == 64);
	bu_replay_result_fini(&r);
	replay("seq-only", NULL, 64, "hz=1000,line-ns=20000,run-ms=500", 1, &r);
	assert_string_equal(r.run.verdict_detail, "");
	bu_replay_result_fini(&r);
}

static void jiffies_are_rescued_after_five_ticks(void **state)
{
	struct bu_replay_result r;

	(void)state;
	replay("stop-machine", "rescue=0,freeze-ns=1000000000", 4, "hz=250,run-ms=4000", 1, &r);
	assert_true(metric(&r, "jiffies_late_max") > 240);
	bu_replay_result_fini(&r);
	replay("stop-machine", "rescue=1,freeze-ns=1000000000", 4, "hz=250,run-ms=4000", 1, &r);
	assert_true(metric(&r, "jiffies_late_max") >= 4 && metric(&r, "jiffies_late_max") <= 6);
	bu_replay_result_fini(&r);
}

static void a_dying_cpu_hands_its_duty_over(void **state)
{
	struct bu_replay_result r;

	(void)state;
	replay("stop-machine", "rescue=0,dying=hands-over", 8, "hz=250,run-ms=5000", 1, &r);
	assert_string_equal(r.run.verdict, "ok");
	assert_true(metric(&r, "jiffies_late_max") < 2 && metric(&r, "jiffies_updates_share") > 0.9);
	bu_replay_result_fini(&r);
	/* it keeps it: nobody updates them any more, for three seconds of five; or another CPU does every five ticks */
	replay("stop-machine", "rescue=0,dying=keeps-duty", 8, "hz=250,run-ms=5000", 1, &r);
	assert_true(metric(&r, "jiffies_updates_share") < 0.5);
	bu_replay_result_fini(&r);
	replay("stop-machine", "rescue=1,dying=keeps-duty", 8, "hz=250,run-ms=5000", 1, &r);
	assert_true(metric(&r, "jiffies_late_max") >= 4 && metric(&r, "jiffies_late_max") <= 6);
	bu_replay_result_fini(&r);
}

static void idle_cpus_ask_nothing_and_leave_duty_to_those_that_tick(void **state)
{
	struct bu_replay_result r;

	(void)state;
	/* What is too much for the clock with ticks on all CPUs is not when they are idle and stop them. */
	replay("seq-only", "nohz=1", 40, "hz=1000,read-ns=20000,run-ms=2500", 1, &r);
	assert_string_equal(r.run.verdict, "ok");
	assert_true(metric(&r, "tick_stopped_share") > 0.9 && metric(&r, "utilisation") < 0.05);
	bu_replay_result_fini(&r);
	/* CPU 0 goes idle and drops its duty, CPU 5 never does: it takes it, and jiffies go on. */
	replay("seq-only", "nohz=1,stuck=preempt-off,stuck-cpu=5", 8, "run-ms=3000", 1, &r);
	assert_string_equal(r.run.verdict, "ok");
	assert_true(metric(&r, "do_timer_cpus") == 2 && metric(&r, "jiffies_late_max") < 2);
	bu_replay_result_fini(&r);
}

static void the_clocksource_watchdog_gives_a_crowded_clock_up(void **state)
{
	struct bu_replay_result r;

	(void)state;
	replay("stop-machine", "watchdog-ns=100000", 40, "hz=1000,read-ns=20000,run-ms=3500", 1, &r);
	assert_true(metric(&r, "unstable_after_switch") > 0.5e9 && metric(&r, "unstable_after_switch") < 0.6e9);
	assert_true(metric(&r, "unstable_delay") > 100000);
	assert_true(metric(&r, "utilisation") < 0.2);	/* the TSC is read from then on */
	bu_replay_result_fini(&r);
	replay("stop-machine", "watchdog-ns=100000", 8, "hz=250,read-ns=20000,run-ms=3500", 1, &r);
	assert_string_equal(r.run.verdict, "ok");
	assert_true(metric(&r, "utilisation") > 0.1);
	bu_replay_result_fini(&r);
}

/* HRTIMER_RETRIES and HRTIMER_HANG_NS: a tick that takes longer than a period is tried three times, then put off by what it took. */
static void a_tick_that_is_late_again_and_again_is_put_off(void **state)
{
	struct bu_replay_result r;

	(void)state;
	replay("seq-only", NULL, 2, "hz=1000,read-ns=300000,run-ms=2000", 1, &r);
	assert_true(metric(&r, "hang_detected") > 100);
	/* three rounds of three reads, each behind the other CPU's and with a retry: no tick is left out for longer than twice that */
	assert_true(metric(&r, "holdoff_max_all") > 3e6 && metric(&r, "holdoff_max_all") < 22e6);
	bu_replay_result_fini(&r);
	replay("seq-only", NULL, 2, "hz=1000,read-ns=20000,run-ms=2000", 1, &r);
	assert_true(metric(&r, "hang_detected") == 0);
	bu_replay_result_fini(&r);
}

static void every_clock_and_reader_runs_under_every_switch(void **state)
{
	static const char *const clocks[] = { "tsc", "hpet", "acpi-pm", "pit", "rtc", "kvm-clock", "kvm-clock-unstable" };
	static const char *const readers[] = { "plain", "combining", "per-node", "coarse" };
	static const char *const switches[] = { "stop-machine", "seq-only", "latch", "deferred" };
	struct bu_replay_result a, b;
	char model[96], reader[32];
	size_t i, k, l;

	(void)state;
	for (i = 0; i < 7; i++)
		for (k = 0; k < 4; k++)
			for (l = 0; l < 4; l++) {
				snprintf(model, sizeof(model), "clock=%s,node-cpus=3,run-ms=400", clocks[i]);
				snprintf(reader, sizeof(reader), "reader=%s", readers[k]);
				replay(switches[l], reader, 8, model, 7, &a);
				replay(switches[l], reader, 8, model, 7, &b);
				if (strcmp(a.run.verdict, "ok") || a.run.hash != b.run.hash)
					fail_msg("%s, %s, %s: %s, %s", switches[l], reader, model, a.run.verdict, a.run.verdict_detail);
				assert_true(metric(&a, "tick_share") > 0.95);
				bu_replay_result_fini(&a);
				bu_replay_result_fini(&b);
			}
}

static void a_model_is_checked(void **state)
{
	struct bu_cs_schedule s = { 0 };
	struct bu_err err = BU_ERR_INIT;

	(void)state;
	assert_int_equal(bu_clock_model(&s, 4, "nosuch=1", &err), -EINVAL);
	assert_int_equal(bu_clock_model(&s, 4, "hz=0", &err), -EINVAL);
	assert_int_equal(bu_clock_model(&s, 4, "clock=sundial", &err), -EINVAL);
	assert_int_equal(bu_clock_model(&s, 0, NULL, &err), -EINVAL);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(the_hang_begins_where_the_arithmetic_says), cmocka_unit_test(without_a_herd_it_crawls),
		cmocka_unit_test(one_access_for_all_that_wait), cmocka_unit_test(soft_lockup_as_the_watchdog_says_it),
		cmocka_unit_test(an_nmi_waits_for_the_writer_below_it_unless_latched),
		cmocka_unit_test(far_readers_never_end_where_near_ones_go_first),
		cmocka_unit_test(a_device_may_be_far_and_its_answers_uneven),
		cmocka_unit_test(a_stop_waits_for_a_cpu_that_cannot_run_its_stopper),
		cmocka_unit_test(a_late_tick_is_told_of_though_the_clock_keeps_up),
		cmocka_unit_test(jiffies_are_rescued_after_five_ticks),
		cmocka_unit_test(a_dying_cpu_hands_its_duty_over),
		cmocka_unit_test(idle_cpus_ask_nothing_and_leave_duty_to_those_that_tick),
		cmocka_unit_test(the_clocksource_watchdog_gives_a_crowded_clock_up),
		cmocka_unit_test(a_tick_that_is_late_again_and_again_is_put_off),
		cmocka_unit_test(every_clock_and_reader_runs_under_every_switch), cmocka_unit_test(a_model_is_checked),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
