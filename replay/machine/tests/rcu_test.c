// SPDX-License-Identifier: GPL-2.0-only
/*
 * rcu_test.c - grace periods of all kinds, rcu_sync, percpu_rwsem, cpus_read_lock().
 */
#include "replay/machine/tests/drive.h"

#include <string.h>

#include "replay/machine/atomic.h"
#include "replay/machine/percpu_rwsem.h"
#include "replay/machine/rcu.h"
#include "replay/machine/stop.h"
#include "replay/machine/timer.h"
#include "replay/machine/waits.h"

#define US 1000
#define MS 1000000

struct scene {
	bu_obj o;
	bu_word_id p, freed, passed;
	int64_t at[16];
	int n, mode;
	char text[64];
};

static void note(struct bu_machine *m, struct scene *s, const char *what)
{
	assert_true(s->n < 16);
	s->at[s->n++] = bu_now(m);
	strcat(s->text, what);
}

static struct bu_machine *with_rcu(uint32_t n, int64_t tick_ns)
{
	struct bu_machine_config c = { .n_cpus = n, .n_online = n, .tick_ns = tick_ns, .ipi_ns = 1 * US,
				       .max_events = 1000000 };
	struct bu_machine *m = make(&c);

	bu_rcu_spawn_gp_kthread(m, 0);
	return m;
}

/* ------------------------------------------------------------------------------------------ normal grace periods */

static void reads(struct bu_machine *m, void *arg)
{
	BU_FN(m);
	bu_rcu_read_lock(m);
	bu_work(m, 30 * MS);
	note(m, arg, "r");
	bu_rcu_read_unlock(m);
	bu_work(m, 100 * MS);
}

static void syncs(struct bu_machine *m, void *arg)
{
	bu_work(m, 1 * MS);
	bu_synchronize_rcu(m);
	note(m, arg, "s");
}

/*
 * A reader on CPU 1 until 30 ms, two idle CPUs: the ticks of CPU 1 at 4 to 28 ms find it inside, that of 32 ms does
 * not; the thread of CPU 0 is preempted by nobody.
 */
static void test_grace_period_waits_for_reader(void **state)
{
	struct scene s = { 0 };
	struct bu_machine *m = with_rcu(4, 4 * MS);

	(void)state;
	bu_thread_daemon(m, bu_thread_run(m, "reader", 1, reads, &s));
	bu_thread_run(m, "sync", 0, syncs, &s);
	run_done(m);
	assert_string_equal(s.text, "rs");
	assert_in_range(s.at[1], 32 * MS, 32 * MS + 10 * US);
}

/* Without readers: idle CPUs are found by the first look, a jiffy after the beginning. */
static void test_idle_cpus_do_not_delay(void **state)
{
	struct scene s = { 0 };
	struct bu_machine *m = with_rcu(64, 0);

	(void)state;
	bu_thread_run(m, "sync", 0, syncs, &s);
	run_done(m);
	assert_in_range(s.at[0], 5 * MS, 5 * MS + 10 * US);
}

static void hog(struct bu_machine *m, void *arg)
{
	bu_work(m, 20 * MS);
	(void)arg;
}

static void wakes_hog(struct bu_machine *m, void *arg)
{
	bu_sleep_ns(m, 2 * MS);
	bu_wake_up_process(m, bu_thread_create(m, "hog", 1, BU_CLASS_RT, 1, hog, arg));
}

static void short_read(struct bu_machine *m, void *arg)
{
	bu_rcu_read_lock(m);
	bu_work(m, 3 * MS);
	note(m, arg, "r");
	bu_rcu_read_unlock(m);
}

/* Its CPU has switched contexts, but the preempted reader itself is waited for: until 23 ms. */
static void test_preempted_reader_is_waited_for(void **state)
{
	struct scene s = { 0 };
	struct bu_machine *m = with_rcu(3, 4 * MS);

	(void)state;
	bu_thread_run(m, "reader", 1, short_read, &s);
	bu_thread_run(m, "waker", 2, wakes_hog, &s);
	bu_thread_run(m, "sync", 0, syncs, &s);
	run_done(m);
	assert_string_equal(s.text, "rs");
	assert_in_range(s.at[1], 23 * MS, 24 * MS);
}

static void reads_for_ever(struct bu_machine *m, void *arg)
{
	BU_FN(m);
	bu_rcu_read_lock(m);
	bu_spin_until(m, ((struct scene *)arg)->p, BU_GUARD_EQ, 1, -1, "p", -1);
}

static void syncs_in_vain(struct bu_machine *m, void *arg)
{
	(void)arg;
	BU_FN(m);
	bu_work(m, 1 * MS);
	bu_synchronize_rcu_expedited(m);
}

static void test_stalled_expedited_grace_period_names_the_reader(void **state)
{
	struct scene s = { 0 };
	struct bu_machine *m = with_rcu(3, 0);
	struct bu_machine_result r;

	(void)state;
	s.p = bu_atomic(m, "p", 0);
	bu_thread_daemon(m, bu_thread_run(m, "reader", 1, reads_for_ever, &s));
	bu_thread_run(m, "sync", 0, syncs_in_vain, &s);
	r = run(m);
	assert_int_equal(r.end, BU_MACHINE_STUCK);
	assert_string_equal(r.verdict, "sync waits for grace period expedited of reader since 1.00 ms in syncs_in_vain; "
				       "reader spins for word p since 0 ns in reads_for_ever");
}

static void never_called(struct bu_machine *m, void *arg)
{
	note(m, arg, "c");
}

static void callbacks(struct bu_machine *m, void *arg)
{
	struct scene *s = arg;

	bu_call_rcu(m, never_called, s);
	bu_call_rcu(m, never_called, s);
	note(m, s, "q");
	bu_rcu_barrier(m);
	note(m, s, "b");
	assert_int_equal(bu_rcu_completed(m), 1);	/* one for all three */
}

static void test_callbacks_and_barrier(void **state)
{
	struct scene s = { 0 };
	struct bu_machine *m = with_rcu(2, 0);

	(void)state;
	bu_thread_run(m, "t", 0, callbacks, &s);
	run_done(m);
	assert_string_equal(s.text, "qccb");
}

static void early_sync(struct bu_machine *m, void *arg)
{
	struct scene *s = arg;

	bu_rcu_set_mode(m, BU_RCU_INACTIVE);
	bu_synchronize_rcu(m);
	assert_int_equal(bu_now(m), 0);
	bu_rcu_set_mode(m, BU_RCU_EXPEDITED);
	bu_synchronize_rcu(m);
	note(m, s, "e");
	bu_rcu_set_mode(m, BU_RCU_NORMAL);
	bu_synchronize_rcu(m);
	note(m, s, "n");
}

static void busy(struct bu_machine *m, void *arg)
{
	(void)arg;
	for (;;)
		bu_work(m, 1 * MS);
}

/* Nothing; an IPI to the busy CPU; a jiffy and more. */
static void test_boot_modes(void **state)
{
	struct scene s = { 0 };
	struct bu_machine *m = with_rcu(3, 4 * MS);

	(void)state;
	bu_thread_daemon(m, bu_thread_run(m, "busy", 1, busy, &s));
	bu_thread_run(m, "t", 0, early_sync, &s);
	run_done(m);
	assert_in_range(s.at[0], 1 * US, 4 * US);
	assert_in_range(s.at[1], 4 * MS, 13 * MS);
}

static void sync_inside(struct bu_machine *m, void *arg)
{
	(void)arg;
	bu_rcu_read_lock(m);
	bu_synchronize_rcu(m);
}

static void sleep_inside(struct bu_machine *m, void *arg)
{
	(void)arg;
	bu_rcu_read_lock(m);
	bu_sleep_ns(m, 1);
}

static void unlock_only(struct bu_machine *m, void *arg)
{
	(void)arg;
	bu_rcu_read_unlock(m);
}

static void test_misuse(void **state)
{
	static const struct {
		bu_thread_fn fn;
		const char *what;
	} c[] = { { sync_inside, "Illegal synchronize_rcu() in RCU read-side critical section" },
		  { sleep_inside, "BUG: sleeping function called from invalid context" },
		  { unlock_only, "rcu_read_unlock() without rcu_read_lock()" } };
	size_t i;

	(void)state;
	for (i = 0; i < 3; i++) {
		struct bu_machine *m = with_rcu(1, 0);
		struct bu_machine_result r;

		bu_thread_run(m, "t", 0, c[i].fn, NULL);
		r = run(m);
		assert_int_equal(r.end, BU_MACHINE_MISUSE);
		assert_non_null(strstr(r.verdict, c[i].what));
	}
}

/* --------------------------------------------------------------------------- publish, wait, free: all orders */

static void pub_reader(struct bu_machine *m, void *arg)
{
	struct scene *s = arg;

	begin(m, 2);
	bu_rcu_read_lock(m);
	if (bu_atomic_read(m, s->p) && bu_atomic_read(m, s->freed))
		bu_machine_fail(m, "use after free");
	bu_rcu_read_unlock(m);
}

static void pub_updater(struct bu_machine *m, void *arg)
{
	struct scene *s = arg;

	begin(m, 2);
	bu_atomic_set(m, s->p, 0);
	if (s->mode == 1)
		bu_synchronize_rcu_expedited(m);
	if (s->mode == 2)
		bu_synchronize_rcu(m);
	bu_atomic_set(m, s->freed, 1);
}

static void publish(struct bu_machine *m, void *arg)
{
	struct scene *s = arg;

	explore_hold(true);
	s->p = bu_atomic(m, "p", 1);
	s->freed = bu_atomic(m, "freed", 0);
	if (s->mode == 2)
		bu_rcu_spawn_gp_kthread(m, 0);
	bu_thread_run(m, "updater", 0, pub_updater, s);
	bu_thread_run(m, "reader", 1, pub_reader, s);
}

static void test_no_use_after_a_grace_period(void **state)
{
	struct scene s = { .mode = 0 };
	struct tally t = explore(2, publish, NULL, &s, 100000);

	(void)state;
	assert_true(t.ends[BU_MACHINE_FAILED] > 0);
	s.mode = 1;
	t = explore(2, publish, NULL, &s, 100000);
	print_message("# expedited: %llu interleavings\n", (unsigned long long)t.runs);
	assert_int_equal(t.ends[BU_MACHINE_DONE], t.runs);
	s.mode = 2;
	t = explore_states(2, publish, NULL, &s, true, 2000000);
	print_message("# normal: %llu states\n", (unsigned long long)t.states);
	assert_int_equal(t.ends[BU_MACHINE_DONE], t.runs);
}

/* -------------------------------------------------------------------------------------- rcu_sync, percpu_rwsem */

static void writers_in_a_row(struct bu_machine *m, void *arg)
{
	struct scene *s = arg;
	bu_obj rss = bu_percpu_rwsem_rss(m, s->o);

	assert_true(bu_rcu_sync_is_idle(m, rss));
	bu_percpu_down_write(m, s->o);
	assert_int_equal(bu_rcu_sync_state(m, rss), BU_GP_PASSED);
	note(m, s, "w");
	bu_percpu_up_write(m, s->o);
	assert_int_equal(bu_rcu_sync_state(m, rss), BU_GP_EXIT);
	/* A second writer within the grace period of the first one's leaving does not wait for it. */
	bu_percpu_down_write(m, s->o);
	assert_int_equal(bu_now(m), s->at[0]);
	bu_percpu_up_write(m, s->o);
	assert_int_equal(bu_rcu_sync_state(m, rss), BU_GP_REPLAY);
	bu_sleep_ns(m, 50 * MS);
	assert_int_equal(bu_rcu_sync_state(m, rss), BU_GP_IDLE);
	bu_percpu_down_write(m, s->o);
	note(m, s, "W");		/* waits for one again */
	bu_percpu_up_write(m, s->o);
}

static void test_rcu_sync_spares_back_to_back_writers(void **state)
{
	struct scene s = { 0 };
	struct bu_machine *m = with_rcu(2, 0);

	(void)state;
	s.o = bu_percpu_rwsem(m, "sem");
	bu_thread_run(m, "t", 0, writers_in_a_row, &s);
	run_done(m);
	assert_string_equal(s.text, "wW");
	assert_in_range(s.at[0], 4 * MS, 5 * MS);
	assert_in_range(s.at[1], s.at[0] + 50 * MS + 4 * MS, s.at[0] + 50 * MS + 5 * MS);
}

static void enter(struct bu_machine *m, struct scene *s, bool reader)
{
	if (reader)
		bu_percpu_down_read(m, s->o);
	else
		bu_percpu_down_write(m, s->o);
	/* Entering is part of the lock's last step, leaving of its first. */
	if (bu_word_add(bu_machine_engine(m), s->p, reader ? 1 : 100) >= 101)
		bu_machine_fail(m, "writer not alone");
}

static void leave(struct bu_machine *m, struct scene *s, bool reader)
{
	bu_word_add(bu_machine_engine(m), s->p, reader ? -1 : -100);
	if (reader)
		bu_percpu_up_read(m, s->o);
	else
		bu_percpu_up_write(m, s->o);
	bu_word_add(bu_machine_engine(m), s->passed, 1);
}

static void in_section(struct bu_machine *m, struct scene *s, bool reader)
{
	enter(m, s, reader);
	bu_atomic_read(m, s->p);
	leave(m, s, reader);
}

static void rw_reader(struct bu_machine *m, void *arg)
{
	in_section(m, arg, true);
}

static void rw_writer(struct bu_machine *m, void *arg)
{
	in_section(m, arg, false);
}

/* mode: how many writers of two; with 8 added, real grace periods. */
static void rw_pair(struct bu_machine *m, void *arg)
{
	struct scene *s = arg;
	int mode = s->mode;

	memset(s, 0, sizeof(*s));
	s->mode = mode;
	s->p = bu_atomic(m, "p", 0);
	s->passed = bu_atomic(m, "passed", 0);
	s->o = bu_percpu_rwsem(m, "sem");
	if (mode & 8)
		bu_rcu_spawn_gp_kthread(m, 0);
	else
		bu_rcu_set_mode(m, BU_RCU_INACTIVE);
	bu_thread_run(m, "a", 0, rw_writer, s);
	bu_thread_run(m, "b", 1, (mode & 7) == 2 ? rw_writer : rw_reader, s);
	if (mode & 8)
		bu_thread_run(m, "c", 1, rw_reader, s);
}

static void all_passed(struct bu_machine *m, void *arg)
{
	struct scene *s = arg;

	assert_int_equal(bu_word_load(bu_machine_engine(m), s->passed), s->mode & 8 ? 3 : 2);
}

/*
 * Two threads, (a) in all orders of their steps until one is inside, (b) in all orders from the first's leaving
 * until the second is inside. A writer has come and gone before, and its callback never runs: readers take the slow
 * path.
 */
struct duel {
	bool first_reads, second_reads, leaving;
};

static const struct duel duels[] = {
	{ false, true, false }, { false, false, false },
	{ false, true, true }, { true, false, true }, { false, false, true },
};

static void duel_first(struct bu_machine *m, void *arg)
{
	struct scene *s = arg;
	const struct duel *d = &duels[s->mode];

	bu_percpu_down_write(m, s->o);
	bu_percpu_up_write(m, s->o);
	if (!d->leaving)
		begin(m, 2);
	enter(m, s, d->first_reads);
	if (d->leaving)
		begin(m, 2);
	else
		explore_hold(true);
	leave(m, s, d->first_reads);
}

static void duel_second(struct bu_machine *m, void *arg)
{
	struct scene *s = arg;
	const struct duel *d = &duels[s->mode];

	begin(m, 2);
	enter(m, s, d->second_reads);
	explore_hold(true);
	leave(m, s, d->second_reads);
}

static void duel(struct bu_machine *m, void *arg)
{
	struct scene *s = arg;
	int mode = s->mode;

	memset(s, 0, sizeof(*s));
	s->mode = mode;
	s->p = bu_atomic(m, "p", 0);
	s->passed = bu_atomic(m, "passed", 0);
	s->o = bu_percpu_rwsem(m, "sem");
	bu_rcu_set_mode(m, BU_RCU_INACTIVE);
	explore_hold(true);
	bu_thread_run(m, "first", 0, duel_first, s);
	bu_thread_run(m, "second", 1, duel_second, s);
}

static void both_passed(struct bu_machine *m, void *arg)
{
	assert_int_equal(bu_word_load(bu_machine_engine(m), ((struct scene *)arg)->passed), 2);
}

static void end_well(const char *what, const struct scene *s, const struct tally *t)
{
	print_message("# percpu_rwsem, %s %d: %llu states\n", what, s->mode, (unsigned long long)t->states);
	if (t->ends[BU_MACHINE_DONE] != t->runs)
		fail_msg("%s%s%s", t->verdict[BU_MACHINE_STUCK], t->verdict[BU_MACHINE_MISUSE], t->verdict[BU_MACHINE_FAILED]);
}

static void test_percpu_rwsem_excludes(void **state)
{
	struct scene s = { 0 };
	struct tally t;

	(void)state;
	for (s.mode = 0; s.mode < (int)(sizeof(duels) / sizeof(duels[0])); s.mode++) {
		t = explore_states(2, duel, both_passed, &s, true, 2000000);
		end_well("duel", &s, &t);
	}
	/* The fast path without a grace period lets both in: the check can fail. */
	s.mode = 1;
	t = explore_states(2, rw_pair, NULL, &s, true, 2000000);
	print_message("# percpu_rwsem, fast path %d: %llu states\n", s.mode, (unsigned long long)t.states);
	assert_true(t.ends[BU_MACHINE_FAILED] > 0);
	/* And with grace periods never. */
	for (s.mode = 9; s.mode <= 10; s.mode++) {
		t = explore_states(2, rw_pair, all_passed, &s, true, 2000000);
		end_well("fast path", &s, &t);
	}
}

static void long_reader(struct bu_machine *m, void *arg)
{
	struct scene *s = arg;

	bu_percpu_down_read(m, s->o);
	bu_work(m, 50 * MS);
	note(m, s, "r");
	bu_percpu_up_read(m, s->o);
}

static void late_writer(struct bu_machine *m, void *arg)
{
	struct scene *s = arg;

	bu_work(m, 1 * MS);
	bu_percpu_down_write(m, s->o);
	note(m, s, "w");
	bu_work(m, 10 * MS);
	bu_percpu_up_write(m, s->o);
}

static void later_reader(struct bu_machine *m, void *arg)
{
	struct scene *s = arg;

	bu_work(m, 20 * MS);
	bu_percpu_down_read(m, s->o);
	note(m, s, "R");
	bu_percpu_up_read(m, s->o);
}

/* The writer blocks readers as soon as its grace period is over, long before the first reader leaves. */
static void test_reader_behind_waiting_writer(void **state)
{
	struct scene s = { 0 };
	struct bu_machine *m = with_rcu(3, 4 * MS);

	(void)state;
	s.o = bu_percpu_rwsem(m, "sem");
	bu_thread_run(m, "long", 0, long_reader, &s);
	bu_thread_run(m, "writer", 1, late_writer, &s);
	bu_thread_run(m, "later", 2, later_reader, &s);
	run_done(m);
	assert_string_equal(s.text, "rwR");
	assert_in_range(s.at[2], 60 * MS, 60 * MS + 10 * US);
}

static void recursive(struct bu_machine *m, void *arg)
{
	(void)arg;
	BU_FN(m);
	bu_cpus_read_lock(m);
	bu_sleep_ns(m, 50 * MS);
	bu_cpus_read_lock(m);
}

static void cpu_up(struct bu_machine *m, void *arg)
{
	(void)arg;
	BU_FN(m);
	bu_work(m, 1 * MS);
	bu_cpus_write_lock(m);
}

static void test_recursive_cpus_read_lock_behind_writer_deadlocks(void **state)
{
	struct bu_machine *m = with_rcu(2, 0);
	struct bu_machine_result r;

	(void)state;
	bu_thread_run(m, "reader", 0, recursive, NULL);
	bu_thread_run(m, "writer", 1, cpu_up, NULL);
	r = run(m);
	assert_int_equal(r.end, BU_MACHINE_STUCK);
	assert_non_null(strstr(r.verdict, "reader waits for percpu_rwsem cpu_hotplug_lock of writer since 50.00 ms in recursive; "
					  "writer waits for percpu_rwsem cpu_hotplug_lock of reader since "));
}

static void recursive_alone(struct bu_machine *m, void *arg)
{
	(void)arg;
	bu_cpus_read_lock(m);
	bu_cpus_read_lock(m);
	bu_cpus_read_unlock(m);
	bu_cpus_read_unlock(m);
}

static void test_recursive_cpus_read_lock_alone_passes(void **state)
{
	struct bu_machine *m = with_rcu(1, 0);

	(void)state;
	bu_thread_run(m, "reader", 0, recursive_alone, NULL);
	run_done(m);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_grace_period_waits_for_reader),
		cmocka_unit_test(test_idle_cpus_do_not_delay),
		cmocka_unit_test(test_preempted_reader_is_waited_for),
		cmocka_unit_test(test_stalled_expedited_grace_period_names_the_reader),
		cmocka_unit_test(test_callbacks_and_barrier),
		cmocka_unit_test(test_boot_modes),
		cmocka_unit_test(test_misuse),
		cmocka_unit_test(test_no_use_after_a_grace_period),
		cmocka_unit_test(test_rcu_sync_spares_back_to_back_writers),
		cmocka_unit_test(test_percpu_rwsem_excludes),
		cmocka_unit_test(test_reader_behind_waiting_writer),
		cmocka_unit_test(test_recursive_cpus_read_lock_behind_writer_deadlocks),
		cmocka_unit_test(test_recursive_cpus_read_lock_alone_passes),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
