// SPDX-License-Identifier: GPL-2.0-only
/*
 * timer_test.c - cancelling and migrating timers, the wheel, and what overcommit does to those who wait for a lock.
 */
#include "replay/machine/tests/drive.h"

#include <string.h>

#include "replay/machine/atomic.h"
#include "replay/machine/lock.h"
#include "replay/machine/timer.h"
#include "replay/machine/waits.h"

#define US 1000
#define MS 1000000

struct scene {
	bu_obj timer, lock;
	bu_word_id w;
	int64_t at[16];
	int n, rc, mode;
	char text[64];
};

static void note(struct bu_machine *m, struct scene *s, const char *what)
{
	assert_true(s->n < 16);
	s->at[s->n++] = bu_now(m);
	strcat(s->text, what);
}

static int64_t fires(struct bu_machine *m, void *arg)
{
	struct scene *s = arg;

	assert_true(bu_in_interrupt(m));
	bu_atomic_add_return(m, s->w, 1);
	bu_atomic_add_return(m, s->w, 1);
	return 0;
}

/* After hrtimer_cancel() the handler has run wholly or never will. */
static void canceller(struct bu_machine *m, void *arg)
{
	struct scene *s = arg;
	int64_t seen;

	begin(m, 2);
	s->rc = bu_hrtimer_cancel(m, s->timer);
	seen = bu_atomic_read(m, s->w);
	if (seen != (s->rc ? 0 : 2))
		bu_machine_fail(m, "cancelled (%d) after %lld of 2 steps", s->rc, (long long)seen);
	explore_hold(true);
}

static void starter(struct bu_machine *m, void *arg)
{
	struct scene *s = arg;

	bu_local_irq_disable(m);
	bu_hrtimer_start(m, s->timer, 0);
	begin(m, 2);
	bu_local_irq_enable(m);
}

static void cancel_race(struct bu_machine *m, void *arg)
{
	struct scene *s = arg;

	memset(s, 0, sizeof(*s));
	explore_hold(true);
	s->w = bu_atomic(m, "steps", 0);
	s->timer = bu_hrtimer(m, "fires", fires, s);
	bu_thread_run(m, "starter", 1, starter, s);
	bu_thread_run(m, "canceller", 0, canceller, s);
}

static void test_cancel_in_all_interleavings(void **state)
{
	struct scene s;
	struct tally t = explore(2, cancel_race, NULL, &s, 200000);

	(void)state;
	print_message("# cancel: %llu interleavings\n", (unsigned long long)t.runs);
	if (t.ends[BU_MACHINE_DONE] != t.runs)
		fail_msg("%s%s%s", t.verdict[BU_MACHINE_STUCK], t.verdict[BU_MACHINE_MISUSE],
			 t.verdict[BU_MACHINE_FAILED]);
	assert_true(t.runs > 20);
}

static int64_t where_am_i(struct bu_machine *m, void *arg)
{
	struct scene *s = arg;

	note(m, s, bu_this_cpu(m) ? "1" : "0");
	return 0;
}

static void migrates(struct bu_machine *m, void *arg)
{
	struct scene *s = arg;

	bu_hrtimer_start_on(m, s->timer, 1, 10 * MS);
	bu_set_cpu_online(m, 1, false);
	while (bu_cpu_started(m, 1))
		bu_sleep_ns(m, 1 * MS);
	assert_int_equal(bu_hrtimer_cpu(m, s->timer), 1);
	if (s->mode)
		bu_timers_migrate(m, 1, 0);
	bu_sleep_ns(m, 50 * MS);
	assert_int_equal(bu_hrtimer_active(m, s->timer), !s->mode);
}

/* The timer of a dead CPU is silent until somebody moves it. */
static void test_timers_of_a_dead_cpu(void **state)
{
	int mode;

	(void)state;
	for (mode = 0; mode < 2; mode++) {
		struct scene s = { .mode = mode };
		struct bu_machine *m = make_n(2);

		s.timer = bu_hrtimer(m, "where_am_i", where_am_i, &s);
		bu_thread_run(m, "control", 0, migrates, &s);
		run_done(m);
		assert_string_equal(s.text, mode ? "0" : "");
		if (mode)
			assert_int_equal(s.at[0], 10 * MS);
	}
}

static void wheel(struct bu_machine *m, void *arg)
{
	struct scene *s = arg;

	bu_work(m, 1 * MS);
	bu_hrtimer_start(m, s->timer, 1);
	bu_work(m, 20 * MS);
	assert_string_equal(s->text, "0");
	assert_int_equal(s->at[0], 10 * MS);	/* the tick of 10 ms */
}

static void test_wheel_timers_expire_on_ticks(void **state)
{
	struct scene s = { 0 };
	struct bu_machine *m = make(&(struct bu_machine_config){ .n_cpus = 1, .n_online = 1, .tick_ns = 10 * MS });

	(void)state;
	s.timer = bu_timer(m, "where_am_i", where_am_i, &s);
	bu_thread_run(m, "t", 0, wheel, &s);
	run_done(m);
}

/* ----------------------------------------------------------------------- lock holder preemption, overcommit */

static void locks_often(struct bu_machine *m, void *arg)
{
	struct scene *s = arg;
	int i;

	for (i = 0; i < 200; i++) {
		bu_raw_spin_lock(m, s->lock);
		bu_work(m, 100 * US);
		bu_raw_spin_unlock(m, s->lock);
	}
}

static int64_t ticket_run(uint32_t cpus, uint32_t physical, int64_t *ret_steal_ns)
{
	struct bu_machine_config c = { .n_cpus = cpus, .n_online = cpus, .n_physical = physical,
				       .quantum_ns = 1 * MS };
	struct bu_machine *m = make(&c);
	struct scene s = { .lock = bu_raw_spinlock(m, "l", BU_SPIN_TICKET) };
	struct bu_machine_result r;
	struct bu_err err = BU_ERR_INIT;
	struct bu_cpu_account a;
	uint32_t i;

	for (i = 0; i < cpus; i++)
		bu_thread_run(m, "t", (int)i, locks_often, &s);
	assert_int_equal(bu_machine_run(m, &r, &err), 0);
	assert_int_equal(r.end, BU_MACHINE_DONE);
	for (*ret_steal_ns = 0, i = 0; i < cpus; i++) {
		bu_cpu_account(m, (int)i, &a);
		*ret_steal_ns += a.steal_ns;
	}
	bu_machine_destroy(m);
	return r.now_ns;
}

/*
 * With a physical CPU each the lock is never idle: 4 x 200 x 100 us. On half as many the next in line is often one that
 * does not run, while those that run spin: far slower, though the work would fit on one physical CPU.
 */
static void test_ticket_lock_collapses_under_overcommit(void **state)
{
	int64_t steal, all, half;

	(void)state;
	all = ticket_run(4, 0, &steal);
	assert_int_equal(all, 80 * MS);
	assert_int_equal(steal, 0);
	assert_int_equal(ticket_run(4, 4, &steal), 80 * MS);
	assert_int_equal(steal, 0);
	half = ticket_run(4, 2, &steal);
	print_message("# 80 ms of sections by tickets: %.1f ms on half the CPUs\n", (double)half / MS);
	assert_true(half > 2 * all);
	assert_true(steal > half);
}

/* -------------------------------------------------------------------------------- a thousand threads, twice */

static void mixed(struct bu_machine *m, void *arg)
{
	struct scene *s = arg;
	int i;

	for (i = 0; i < 5; i++) {
		bu_work(m, 30 * US);
		bu_mutex_lock(m, s->lock);
		bu_sleep_ns(m, 1 * US);
		bu_mutex_unlock(m, s->lock);
	}
}

static void test_many_threads_repeat_exactly(void **state)
{
	struct bu_machine_config c = { .n_cpus = 16, .n_online = 16, .tick_ns = 1 * MS, .ipi_ns = 700, .irq_ns = 300,
				       .switch_ns = 1500, .poll_ns = 40, .op_ns = 5, .n_physical = 6 };
	struct bu_machine *m = make(&c);
	struct bu_machine_result r[2];
	struct bu_err err = BU_ERR_INIT;
	int i, k;

	(void)state;
	for (i = 0; i < 2; i++) {
		struct scene s;

		assert_int_equal(bu_machine_reset(m, 3, &err), 0);
		s.lock = bu_mutex(m, "l");
		for (k = 0; k < 500; k++)
			bu_thread_run(m, "t", BU_ANY_CPU, mixed, &s);
		assert_int_equal(bu_machine_run(m, &r[i], &err), 0);
		assert_int_equal(r[i].end, BU_MACHINE_DONE);
	}
	assert_int_equal(r[0].hash, r[1].hash);
	assert_int_equal(r[0].now_ns, r[1].now_ns);
	/* 500 x 5 sections of 1 us one after the other are the least that it can take. */
	assert_true(r[0].now_ns > 2500 * US);
	bu_machine_destroy(m);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_cancel_in_all_interleavings),
		cmocka_unit_test(test_timers_of_a_dead_cpu),
		cmocka_unit_test(test_wheel_timers_expire_on_ticks),
		cmocka_unit_test(test_ticket_lock_collapses_under_overcommit),
		cmocka_unit_test(test_many_threads_repeat_exactly),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
