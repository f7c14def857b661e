// SPDX-License-Identifier: GPL-2.0-only
/*
 * machine_test.c - CPUs, interrupts, preemption, classes, bandwidth groups, overcommit: against closed forms.
 */
#include "replay/machine/tests/drive.h"

#include <stdio.h>
#include <string.h>

#include "replay/machine/timer.h"
#include "replay/machine/waits.h"

#define US 1000
#define MS 1000000

struct log {
	char text[512];
	int64_t at[16];
	uint32_t n;
	bu_thread t[8];
	bu_obj o[4];
	bu_word_id w[4];
};

static void note(struct bu_machine *m, struct log *l, const char *what)
{
	assert_true(l->n < 16);
	l->at[l->n++] = bu_now(m);
	strcat(l->text, what);
}

/* ------------------------------------------------------------------------------------- work and interrupts */

static void handler(struct bu_machine *m, void *arg)
{
	assert_true(bu_in_interrupt(m));
	assert_true(bu_irqs_disabled(m));
	note(m, arg, "i");
	bu_work(m, 10 * US);
}

static void nmi(struct bu_machine *m, void *arg)
{
	assert_true(bu_in_nmi(m));
	note(m, arg, "n");
	bu_work(m, 1 * US);
}

static void worker(struct bu_machine *m, void *arg)
{
	bu_irq_send(m, 0, "handler", 30 * US, handler, arg);
	bu_irq_send(m, 0, "handler", 20 * US, handler, arg);
	bu_nmi_send(m, 0, "nmi", 25 * US, nmi, arg);
	bu_work(m, 100 * US);
	note(m, arg, "w");
}

/* Arrivals at 20, 25 (NMI, inside the first handler) and 30 (pending until the first has ended at 31). */
static void test_interrupts_split_work(void **state)
{
	struct log l = { 0 };
	struct bu_machine *m = make_n(1);

	(void)state;
	bu_thread_run(m, "worker", 0, worker, &l);
	assert_int_equal(run_done(m), 121 * US);
	assert_string_equal(l.text, "iniw");
	assert_int_equal(l.at[0], 20 * US);
	assert_int_equal(l.at[1], 25 * US);
	assert_int_equal(l.at[2], 31 * US);
	assert_int_equal(l.at[3], 121 * US);
}

static void looks(struct bu_machine *m, void *arg)
{
	struct bu_cpu_state c;

	(void)arg;
	bu_work(m, 50 * US);
	assert_true(bu_cpu_state(m, 0, &c));
	assert_true(c.irqs_off && c.irqs_pending && !c.idle && !c.in_irq);
	assert_int_equal(c.irqs_off_since_ns, 0);
	assert_true(bu_cpu_state(m, 1, &c));
	assert_true(!c.irqs_off && !c.irqs_pending && c.curr == bu_current(m));
	assert_false(bu_cpu_state(m, 2, &c));
}

static void irqs_off(struct bu_machine *m, void *arg)
{
	bu_irq_send(m, 0, "handler", 20 * US, handler, arg);
	bu_nmi_send(m, 0, "nmi", 25 * US, nmi, arg);
	bu_local_irq_disable(m);
	bu_work(m, 100 * US);
	note(m, arg, "w");
	bu_local_irq_enable(m);
	note(m, arg, "e");
}

static void test_interrupts_off_keep_them_pending_but_not_nmis(void **state)
{
	struct log l = { 0 };
	struct bu_machine *m = make(&(struct bu_machine_config){ .n_cpus = 3, .n_online = 2 });

	(void)state;
	bu_thread_run(m, "looks", 1, looks, NULL);
	bu_thread_run(m, "worker", 0, irqs_off, &l);
	assert_int_equal(run_done(m), 111 * US);
	assert_string_equal(l.text, "nwie");
	assert_int_equal(l.at[2], 101 * US);
}

static void ipi_from_far(struct bu_machine *m, void *arg)
{
	bu_work(m, 5 * US);
	bu_ipi_send(m, 1, "handler", handler, arg);
}

/* An idle CPU takes an interrupt, and a costly entry delays the handler. */
static void test_ipi_to_idle_cpu(void **state)
{
	struct log l = { 0 };
	struct bu_machine_config c = { .n_cpus = 2, .n_online = 2, .ipi_ns = 2 * US, .irq_ns = 500 };
	struct bu_machine *m = make(&c);
	struct bu_cpu_account acc;
	struct bu_machine_result r;
	struct bu_err err = BU_ERR_INIT;

	(void)state;
	bu_thread_run(m, "far", 0, ipi_from_far, &l);
	bu_thread_run(m, "long", 0, irqs_off, &(struct log){ 0 });
	assert_int_equal(bu_machine_run(m, &r, &err), 0);
	assert_int_equal(l.at[0], 7 * US + 500);
	bu_cpu_account(m, 1, &acc);
	assert_int_equal(acc.irqs, 1);
	assert_int_equal(acc.busy_ns, 10 * US + 500);
	bu_machine_destroy(m);
}

/* -------------------------------------------------------------------------------------- classes, preemption */

static void spend(struct bu_machine *m, void *arg)
{
	struct log *l = arg;

	bu_work(m, 100 * US);
	note(m, l, bu_thread_name(m, bu_current(m)));
}

static void waker(struct bu_machine *m, void *arg)
{
	struct log *l = arg;

	bu_work(m, 10 * US);
	bu_preempt_disable(m);
	bu_wake_up_process(m, l->t[0]);	/* RT 1 */
	bu_wake_up_process(m, l->t[1]);	/* stop */
	bu_wake_up_process(m, l->t[2]);	/* RT 50 */
	note(m, l, "w");
	bu_work(m, 5 * US);
	note(m, l, "w");
	bu_preempt_enable(m);		/* preempted here */
	note(m, l, "w");
}

static void test_classes_preempt_when_enabled(void **state)
{
	struct log l = { 0 };
	struct bu_machine *m = make_n(1);

	(void)state;
	l.t[0] = bu_thread_create(m, "r", 0, BU_CLASS_RT, 1, spend, &l);
	l.t[1] = bu_thread_create(m, "s", 0, BU_CLASS_STOP, 0, spend, &l);
	l.t[2] = bu_thread_create(m, "R", 0, BU_CLASS_RT, 50, spend, &l);
	bu_thread_run(m, "waker", 0, waker, &l);
	assert_int_equal(run_done(m), 315 * US);
	assert_string_equal(l.text, "wwsRrw");
	assert_int_equal(l.at[1], 15 * US);
}

/* Three fair threads of 8 ms each in slices of 3 ms: the first ends in its third turn, at 20 ms. */
static void share(struct bu_machine *m, void *arg)
{
	bu_work(m, 8 * MS);
	note(m, arg, bu_thread_name(m, bu_current(m)));
}

static void test_fair_threads_share_by_slices(void **state)
{
	struct log l = { 0 };
	struct bu_machine *m = make_n(1);

	(void)state;
	bu_thread_run(m, "a", 0, share, &l);
	bu_thread_run(m, "b", 0, share, &l);
	bu_thread_run(m, "c", 0, share, &l);
	assert_int_equal(run_done(m), 24 * MS);
	assert_string_equal(l.text, "abc");
	assert_int_equal(l.at[0], 20 * MS);
	assert_int_equal(l.at[1], 22 * MS);
}

static void wake_far(struct bu_machine *m, void *arg)
{
	struct log *l = arg;

	bu_work(m, 10 * US);
	bu_wake_up_process(m, l->t[0]);
}

/* A thread of higher class on another CPU begins when the IPI has arrived there, in the middle of other work. */
static void test_remote_wakeup_preempts_by_ipi(void **state)
{
	struct log l = { 0 };
	struct bu_machine *m = make(&(struct bu_machine_config){ .n_cpus = 2, .n_online = 2, .ipi_ns = 3 * US });

	(void)state;
	l.t[0] = bu_thread_create(m, "r", 1, BU_CLASS_RT, 1, spend, &l);
	bu_thread_run(m, "fair", 1, spend, &l);
	bu_thread_run(m, "far", 0, wake_far, &l);
	assert_int_equal(run_done(m), 200 * US);
	assert_string_equal(l.text, "rfair");
	assert_int_equal(l.at[0], 10 * US + 3 * US + 100 * US);
}

static void test_idle_cpu_pulls(void **state)
{
	struct log l = { 0 };
	struct bu_machine *m = make_n(2);

	(void)state;
	/*
	 * Four threads of 8 ms that may run anywhere: b has CPU 1 to itself until 8 ms, when a is pulled (3 ms done), at
	 * 13 ms c (6 ms done); d has had 6 ms at 15 ms.
	 */
	bu_thread_run(m, "a", BU_ANY_CPU, share, &l);
	bu_thread_run(m, "b", BU_ANY_CPU, share, &l);
	bu_thread_run(m, "c", BU_ANY_CPU, share, &l);
	bu_thread_run(m, "d", BU_ANY_CPU, share, &l);
	assert_int_equal(run_done(m), 17 * MS);
}

/* ------------------------------------------------------------------------------------- blocking and waking */

static void sleeper(struct bu_machine *m, void *arg)
{
	struct log *l = arg;

	BU_FN(m);
	bu_set_current_state(m, BU_TASK_UNINTERRUPTIBLE);
	if (!bu_word_load(bu_machine_engine(m), l->w[0]))
		bu_schedule(m);
	bu_set_current_state(m, BU_TASK_RUNNING);
}

static void setter(struct bu_machine *m, void *arg)
{
	struct log *l = arg;

	bu_preempt_disable(m);
	bu_preempt_enable(m);
	bu_word_store(bu_machine_engine(m), l->w[0], 1);
	bu_wake_up_process(m, l->t[0]);
}

static void sleep_right(struct bu_machine *m, void *arg)
{
	struct log *l = arg;

	memset(l, 0, sizeof(*l));
	l->w[0] = bu_word_new(bu_machine_engine(m), "flag", 0);
	l->t[0] = bu_thread_run(m, "sleeper", 0, sleeper, l);
	bu_thread_run(m, "setter", 1, setter, l);
}

/* The kernel's way of sleeping never loses a wake-up. */
static void test_state_before_condition(void **state)
{
	struct log l;
	struct tally t = explore(2, sleep_right, NULL, &l, 100000);

	(void)state;
	assert_int_equal(t.ends[BU_MACHINE_DONE], t.runs);
	assert_true(t.runs > 5);
}

static void sleeper_wrong(struct bu_machine *m, void *arg)
{
	struct log *l = arg;

	BU_FN(m);
	if (bu_word_load(bu_machine_engine(m), l->w[0]))
		return;
	bu_set_current_state(m, BU_TASK_UNINTERRUPTIBLE);
	bu_schedule(m);
}

static void sleep_wrong(struct bu_machine *m, void *arg)
{
	struct log *l = arg;

	memset(l, 0, sizeof(*l));
	l->w[0] = bu_word_new(bu_machine_engine(m), "flag", 0);
	l->t[0] = bu_thread_run(m, "sleeper", 0, sleeper_wrong, l);
	bu_thread_run(m, "setter", 1, setter, l);
}

/* The other order does, in some interleaving, and the verdict says who waits where. */
static void test_condition_before_state_loses_wakeup(void **state)
{
	struct log l;
	struct tally t = explore(2, sleep_wrong, NULL, &l, 100000);

	(void)state;
	assert_true(t.ends[BU_MACHINE_DONE] > 0);
	assert_true(t.ends[BU_MACHINE_STUCK] > 0);
	assert_string_equal(t.verdict[BU_MACHINE_STUCK], "sleeper waits for wake-up since 0 ns in sleeper_wrong");
}

static void sleeps(struct bu_machine *m, void *arg)
{
	bu_sleep_ns(m, 5 * MS);
	note(m, arg, "a");
	bu_sleep_ns(m, 1);
	note(m, arg, "b");
}

static void test_sleep(void **state)
{
	struct log l = { 0 };
	struct bu_machine *m = make_n(1);

	(void)state;
	bu_thread_run(m, "s", 0, sleeps, &l);
	assert_int_equal(run_done(m), 5 * MS + 1);
	assert_int_equal(l.at[0], 5 * MS);
}

/* -------------------------------------------------------------------------------------- CPUs coming and going */

static void ap(struct bu_machine *m, void *arg)
{
	note(m, arg, "a");
	bu_work(m, 50 * US);
	bu_set_cpu_online(m, 1, true);
	bu_cpu_startup_entry(m);
	note(m, arg, "d");
	bu_work(m, 5 * US);
}

static void hotplug(struct bu_machine *m, void *arg)
{
	struct log *l = arg;

	bu_thread_run(m, "early", 1, spend, l);	/* waits for its CPU */
	bu_work(m, 10 * US);
	bu_cpu_start(m, 1, ap, l);
	while (!bu_cpu_online(m, 1))
		bu_sleep_ns(m, 10 * US);
	bu_sleep_ns(m, 200 * US);
	bu_set_cpu_online(m, 1, false);
	while (bu_cpu_started(m, 1))
		bu_sleep_ns(m, 1 * US);
	note(m, l, "c");
	bu_cpu_start(m, 1, ap, l);
	bu_sleep_ns(m, 100 * US);
	bu_set_cpu_online(m, 1, false);
	bu_sleep_ns(m, 100 * US);
}

static void test_cpu_up_down_up(void **state)
{
	struct log l = { 0 };
	struct bu_machine *m = make(&(struct bu_machine_config){ .n_cpus = 2, .n_online = 1 });

	(void)state;
	bu_thread_run(m, "control", 0, hotplug, &l);
	run_done(m);
	assert_string_equal(l.text, "aearlydcad");
	assert_int_equal(l.at[0], 10 * US);
	assert_int_equal(l.at[1], 160 * US);
}

/* ----------------------------------------------------------------------------------------------- bandwidth */

static void burn(struct bu_machine *m, void *arg)
{
	(void)arg;
	bu_work(m, 95 * MS);
}

/* 20 ms in each 50 ms: 95 ms of CPU time take 4 whole periods and 15 ms of the fifth. */
static void test_bandwidth_throttles(void **state)
{
	struct bu_machine *m = make_n(1);
	bu_obj g = bu_cfs_group(m, "g", 20 * MS, 50 * MS);

	(void)state;
	bu_cfs_join(m, g, bu_thread_run(m, "t", 0, burn, NULL));
	assert_int_equal(run_done(m), 4 * 50 * MS + 15 * MS);
}

/*
 * 2b8272ff4a70 (v6.6), 5c0930ccaad5 (v6.7): the period timer is on a CPU that has died, so the throttled thread is
 * never let go.
 */
static void kill_timer_cpu(struct bu_machine *m, void *arg)
{
	struct log *l = arg;

	bu_sleep_ns(m, 25 * MS);
	bu_set_cpu_online(m, 1, false);
	while (bu_cpu_started(m, 1))
		bu_sleep_ns(m, 1 * MS);
	if (l->n)
		bu_timers_migrate(m, 1, 0);
}

static void test_bandwidth_timer_on_dead_cpu(void **state)
{
	int migrate;

	(void)state;
	for (migrate = 0; migrate < 2; migrate++) {
		struct log l = { .n = (uint32_t)migrate };
		struct bu_machine *m = make_n(2);
		bu_obj g = bu_cfs_group(m, "g", 20 * MS, 50 * MS);
		struct bu_machine_result r;

		bu_cfs_join(m, g, bu_thread_run(m, "t", 1, burn, NULL));
		bu_thread_run(m, "control", 0, kill_timer_cpu, &l);
		r = run(m);
		assert_int_equal(r.end, BU_MACHINE_STUCK);
		if (!migrate)
			assert_string_equal(r.verdict, "t waits for bandwidth group g on CPU 1 since 20.00 ms");
		else	/* its own CPU is dead, but it is no longer throttled */
			assert_string_equal(r.verdict, "t waits for CPU on CPU 1 since 50.00 ms");
	}
}

/* ---------------------------------------------------------------------------------------------- overcommit */

static void measured(struct bu_machine *m, void *arg)
{
	bu_work(m, 1000 * MS);
	note(m, arg, "w");
}

/* ----------------------------------------------------------------------------------------- memory, timers */

static void test_memory_of_an_offline_cpu(void **state)
{
	struct bu_machine *a = make(&(struct bu_machine_config){ .n_cpus = 1, .n_online = 1 });
	struct bu_machine *b = make(&(struct bu_machine_config){ .n_cpus = 1001, .n_online = 1 });
	size_t each = (bu_machine_bytes(b) - bu_machine_bytes(a)) / 1000;

	(void)state;
	print_message("# %zu bytes per offline CPU\n", each);
	assert_true(each <= 1200);
	bu_machine_destroy(a);
	bu_machine_destroy(b);
}

static int64_t periodic(struct bu_machine *m, void *arg)
{
	note(m, arg, "p");
	return 10 * MS;
}

static void timers(struct bu_machine *m, void *arg)
{
	struct log *l = arg;

	l->o[0] = bu_hrtimer(m, "periodic", periodic, l);
	bu_hrtimer_start(m, l->o[0], 5 * MS);
	bu_local_irq_disable(m);
	bu_work(m, 22 * MS);		/* the expiry of 15 ms is overrun */
	bu_local_irq_enable(m);
	bu_work(m, 10 * MS);
	assert_int_equal(bu_hrtimer_cancel(m, l->o[0]), 1);
	assert_int_equal(bu_hrtimer_cancel(m, l->o[0]), 0);
	bu_work(m, 100 * MS);
}

static void test_hrtimer_forwards_on_its_grid(void **state)
{
	struct log l = { 0 };
	struct bu_machine *m = make_n(1);

	(void)state;
	bu_thread_run(m, "t", 0, timers, &l);
	assert_int_equal(run_done(m), 132 * MS);
	assert_string_equal(l.text, "pp");
	assert_int_equal(l.at[0], 22 * MS);
	assert_int_equal(l.at[1], 25 * MS);
}

static void test_ticks(void **state)
{
	struct bu_machine_config c = { .n_cpus = 64, .n_online = 64, .tick_ns = 4 * MS };
	struct bu_machine *m = make(&c);
	struct bu_machine_result r;
	struct bu_err err = BU_ERR_INIT;
	int i;

	(void)state;
	bu_thread_run(m, "t", 0, measured, &(struct log){ 0 });
	assert_int_equal(bu_machine_run(m, &r, &err), 0);
	assert_int_equal(r.end, BU_MACHINE_DONE);
	for (i = 0; i < 64; i++)
		assert_in_range(bu_cpu_ticks(m, i), 249, 250);
	bu_machine_destroy(m);
}

/* The same machine, reset, runs the same way; another core does not. */
static void test_reset_repeats(void **state)
{
	struct bu_machine *m = make_n(3);
	struct bu_machine_result r[3];
	struct bu_err err = BU_ERR_INIT;
	int i;

	(void)state;
	for (i = 0; i < 3; i++) {
		struct log l = { 0 };

		assert_int_equal(bu_machine_reset(m, 1, &err), 0);
		bu_thread_run(m, "a", BU_ANY_CPU, share, &l);
		bu_thread_run(m, "b", i == 2 ? 1 : BU_ANY_CPU, worker, &l);
		bu_thread_run(m, "c", BU_ANY_CPU, sleeps, &l);
		assert_int_equal(bu_machine_run(m, &r[i], &err), 0);
	}
	assert_int_equal(r[0].hash, r[1].hash);
	assert_int_equal(r[0].events, r[1].events);
	bu_machine_destroy(m);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_interrupts_split_work),
		cmocka_unit_test(test_interrupts_off_keep_them_pending_but_not_nmis),
		cmocka_unit_test(test_ipi_to_idle_cpu),
		cmocka_unit_test(test_classes_preempt_when_enabled),
		cmocka_unit_test(test_fair_threads_share_by_slices),
		cmocka_unit_test(test_remote_wakeup_preempts_by_ipi),
		cmocka_unit_test(test_idle_cpu_pulls),
		cmocka_unit_test(test_state_before_condition),
		cmocka_unit_test(test_condition_before_state_loses_wakeup),
		cmocka_unit_test(test_sleep),
		cmocka_unit_test(test_cpu_up_down_up),
		cmocka_unit_test(test_bandwidth_throttles),
		cmocka_unit_test(test_bandwidth_timer_on_dead_cpu),
		cmocka_unit_test(test_memory_of_an_offline_cpu),
		cmocka_unit_test(test_hrtimer_forwards_on_its_grid),
		cmocka_unit_test(test_ticks),
		cmocka_unit_test(test_reset_repeats),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
