// SPDX-License-Identifier: GPL-2.0-only
/*
 * sync_test.c - locks, completions, wait queues, counters, devices: what the kernel documents, corners first, and all
 * interleavings of two threads on each.
 */
#include "replay/machine/tests/drive.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "replay/machine/atomic.h"
#include "replay/machine/device.h"
#include "replay/machine/lock.h"
#include "replay/machine/timer.h"
#include "replay/machine/wait.h"
#include "replay/machine/waits.h"

#define US 1000
#define MS 1000000

/* A scene: one object, a word that shows who is inside, what was seen. */
struct scene {
	bu_obj o, o2;
	bu_word_id inside, flag;
	int64_t at[16];
	uint32_t n, kind;
	int64_t seen;
	char text[64];
	bu_thread t[4];
};

static void note(struct bu_machine *m, struct scene *s, const char *what)
{
	assert_true(s->n < 16);
	s->at[s->n++] = bu_now(m);
	strcat(s->text, what);
}

static struct scene *fresh(struct bu_machine *m, void *arg)
{
	struct scene *s = arg;
	uint32_t kind = s->kind;

	memset(s, 0, sizeof(*s));
	explore_hold(true);
	s->kind = kind;
	s->inside = bu_atomic(m, "inside", 0);
	s->flag = bu_atomic(m, "flag", 0);
	return s;
}

/* -------------------------------------------------------------------------------- exclusion, all interleavings */

enum { QUEUED, TICKET, IRQSAVE, MUTEX, RWSEM_WW, RWSEM_RW, SEMAPHORE, N_LOCKS };

static void take(struct bu_machine *m, const struct scene *s, bool reader)
{
	switch (s->kind) {
	case QUEUED:
	case TICKET:
		bu_raw_spin_lock(m, s->o);
		break;
	case IRQSAVE:
		bu_raw_spin_lock_irqsave(m, s->o);
		break;
	case MUTEX:
		bu_mutex_lock(m, s->o);
		break;
	case SEMAPHORE:
		bu_down(m, s->o);
		break;
	default:
		reader ? bu_down_read(m, s->o) : bu_down_write(m, s->o);
	}
}

static void give(struct bu_machine *m, const struct scene *s, bool reader)
{
	switch (s->kind) {
	case QUEUED:
	case TICKET:
		bu_raw_spin_unlock(m, s->o);
		break;
	case IRQSAVE:
		bu_raw_spin_unlock_irqrestore(m, s->o, true);
		break;
	case MUTEX:
		bu_mutex_unlock(m, s->o);
		break;
	case SEMAPHORE:
		bu_up(m, s->o);
		break;
	default:
		reader ? bu_up_read(m, s->o) : bu_up_write(m, s->o);
	}
}

static void section(struct bu_machine *m, struct scene *s, bool reader)
{
	begin(m, 2);
	take(m, s, reader);
	if (bu_atomic_add_return(m, s->inside, 1) != 1)
		bu_machine_fail(m, "two inside");
	bu_atomic_add_return(m, s->inside, -1);
	give(m, s, reader);
	s->seen++;
}

static void writer_thread(struct bu_machine *m, void *arg)
{
	section(m, arg, false);
}

static void other_thread(struct bu_machine *m, void *arg)
{
	section(m, arg, ((struct scene *)arg)->kind == RWSEM_RW);
}

static void make_lock(struct bu_machine *m, struct scene *s)
{
	switch (s->kind) {
	case QUEUED:
	case IRQSAVE:
		s->o = bu_raw_spinlock(m, "l", BU_SPIN_QUEUED);
		break;
	case TICKET:
		s->o = bu_raw_spinlock(m, "l", BU_SPIN_TICKET);
		break;
	case MUTEX:
		s->o = bu_mutex(m, "l");
		break;
	case SEMAPHORE:
		s->o = bu_semaphore(m, "l", 1);
		break;
	default:
		s->o = bu_rwsem(m, "l");
	}
}

static void two_threads(struct bu_machine *m, void *arg)
{
	struct scene *s = fresh(m, arg);

	make_lock(m, s);
	bu_thread_run(m, "a", 0, writer_thread, s);
	bu_thread_run(m, "b", 1, other_thread, s);
}

static void both_passed(void *arg)
{
	assert_int_equal(((struct scene *)arg)->seen, 2);
}

static void test_locks_exclude_in_all_interleavings(void **state)
{
	static const char *const names[] = { "queued spinlock", "ticket spinlock", "irqsave", "mutex", "rwsem w/w",
					     "rwsem w/r", "semaphore" };
	uint32_t kind;

	(void)state;
	for (kind = 0; kind < N_LOCKS; kind++) {
		struct scene s = { .kind = kind };
		struct tally t = explore(2, two_threads, both_passed, &s, 1000000);

		print_message("# %s: %llu interleavings\n", names[kind], (unsigned long long)t.runs);
		if (t.ends[BU_MACHINE_DONE] != t.runs)
			fail_msg("%s: %s%s%s", names[kind], t.verdict[BU_MACHINE_STUCK], t.verdict[BU_MACHINE_MISUSE],
				 t.verdict[BU_MACHINE_FAILED]);
		assert_true(t.runs > 20);
	}
}

/* The same detects a lock that does not exclude: two readers. */
static void reader_thread(struct bu_machine *m, void *arg)
{
	section(m, arg, true);
}

static void two_readers(struct bu_machine *m, void *arg)
{
	struct scene *s = fresh(m, arg);

	make_lock(m, s);
	bu_thread_run(m, "a", 0, reader_thread, s);
	bu_thread_run(m, "b", 1, reader_thread, s);
}

static void test_readers_share(void **state)
{
	struct scene s = { .kind = RWSEM_RW };
	struct tally t = explore(2, two_readers, NULL, &s, 1000000);

	(void)state;
	assert_true(t.ends[BU_MACHINE_FAILED] > 0);
	assert_true(t.ends[BU_MACHINE_DONE] > 0);
	assert_int_equal(t.ends[BU_MACHINE_FAILED] + t.ends[BU_MACHINE_DONE], t.runs);
}

/* ABBA: exactly some interleavings hang, and the verdict shows the cycle. */
static void ab(struct bu_machine *m, void *arg)
{
	struct scene *s = arg;

	BU_FN(m);
	begin(m, 2);
	bu_mutex_lock(m, s->o);
	bu_mutex_lock(m, s->o2);
	bu_mutex_unlock(m, s->o2);
	bu_mutex_unlock(m, s->o);
}

static void ba(struct bu_machine *m, void *arg)
{
	struct scene *s = arg;

	BU_FN(m);
	begin(m, 2);
	bu_mutex_lock(m, s->o2);
	bu_mutex_lock(m, s->o);
	bu_mutex_unlock(m, s->o);
	bu_mutex_unlock(m, s->o2);
}

static void abba(struct bu_machine *m, void *arg)
{
	struct scene *s = fresh(m, arg);

	s->o = bu_mutex(m, "A");
	s->o2 = bu_mutex(m, "B");
	bu_thread_run(m, "t1", 0, ab, s);
	bu_thread_run(m, "t2", 1, ba, s);
}

static void test_abba_deadlock_is_found_and_named(void **state)
{
	struct scene s = { 0 };
	struct tally t = explore(2, abba, NULL, &s, 1000000);

	(void)state;
	assert_true(t.ends[BU_MACHINE_STUCK] > 0);
	assert_true(t.ends[BU_MACHINE_DONE] > 0);
	assert_int_equal(t.ends[BU_MACHINE_STUCK] + t.ends[BU_MACHINE_DONE], t.runs);
	assert_string_equal(t.verdict[BU_MACHINE_STUCK], "t1 waits for mutex B of t2 since 0 ns in ab; "
							 "t2 waits for mutex A of t1 since 0 ns in ba");
}

/* -------------------------------------------------------------------------------------------- corners of locks */

static void hold(struct bu_machine *m, void *arg)
{
	struct scene *s = arg;

	bu_down_read(m, s->o);
	bu_work(m, 100 * US);
	bu_up_read(m, s->o);
	note(m, s, "R");
}

static void late_writer(struct bu_machine *m, void *arg)
{
	struct scene *s = arg;

	bu_work(m, 10 * US);
	bu_down_write(m, s->o);
	note(m, s, "w");
	bu_work(m, 50 * US);
	bu_up_write(m, s->o);
}

static void later_reader(struct bu_machine *m, void *arg)
{
	struct scene *s = arg;

	bu_work(m, 20 * US);
	bu_down_read(m, s->o);
	note(m, s, "r");
	bu_up_read(m, s->o);
}

/* A reader that comes while a writer waits for readers waits behind it. */
static void test_reader_behind_waiting_writer(void **state)
{
	struct scene s = { 0 };
	struct bu_machine *m = make_n(3);

	(void)state;
	s.o = bu_rwsem(m, "sem");
	bu_thread_run(m, "reader", 0, hold, &s);
	bu_thread_run(m, "writer", 1, late_writer, &s);
	bu_thread_run(m, "late", 2, later_reader, &s);
	run_done(m);
	assert_string_equal(s.text, "Rwr");
	assert_int_equal(s.at[1], 100 * US);
	assert_int_equal(s.at[2], 150 * US);
}

/* So a reader that takes it again behind a writer waits for itself. */
static void twice(struct bu_machine *m, void *arg)
{
	struct scene *s = arg;

	BU_FN(m);
	bu_down_read(m, s->o);
	bu_work(m, 30 * US);
	bu_down_read(m, s->o);
}

static void test_recursive_reader_behind_writer_deadlocks(void **state)
{
	struct scene s = { 0 };
	struct bu_machine *m = make_n(2);
	struct bu_machine_result r;

	(void)state;
	s.o = bu_rwsem(m, "sem");
	bu_thread_run(m, "reader", 0, twice, &s);
	bu_thread_run(m, "writer", 1, late_writer, &s);
	r = run(m);
	assert_int_equal(r.end, BU_MACHINE_STUCK);
	assert_string_equal(r.verdict, "reader waits for rwsem sem of writer since 30.00 us in twice; "
				       "writer waits for rwsem sem of reader since 10.00 us");
}

static void spin_hold(struct bu_machine *m, void *arg)
{
	struct scene *s = arg;

	bu_raw_spin_lock(m, s->o);
	bu_work(m, 100 * US);
	bu_raw_spin_unlock(m, s->o);
}

static void spinner(struct bu_machine *m, void *arg)
{
	struct scene *s = arg;

	bu_work(m, bu_this_cpu(m) * US);
	bu_raw_spin_lock(m, s->o);
	note(m, s, bu_thread_name(m, bu_current(m)));
	bu_work(m, 10 * US);
	bu_raw_spin_unlock(m, s->o);
}

static void on_irq(struct bu_machine *m, void *arg)
{
	note(m, arg, "i");
	bu_work(m, 200 * US);
}

static void irq_at(struct bu_machine *m, void *arg)
{
	bu_irq_send(m, 1, "on_irq", 50 * US, on_irq, arg);
}

/* First come, first served; who is in an interrupt when its turn comes keeps it, and the others wait. */
static void test_spinners_queue_and_take_interrupts(void **state)
{
	enum bu_spin type;

	(void)state;
	for (type = BU_SPIN_QUEUED; type <= BU_SPIN_TICKET; type++) {
		struct scene s = { 0 };
		struct bu_machine *m = make_n(4);

		s.o = bu_raw_spinlock(m, "l", type);
		bu_thread_run(m, "h", 0, spin_hold, &s);
		bu_thread_run(m, "a", 1, spinner, &s);
		bu_thread_run(m, "b", 2, spinner, &s);
		bu_thread_run(m, "x", 3, irq_at, &s);
		run_done(m);
		assert_string_equal(s.text, "iab");
		assert_int_equal(s.at[1], 250 * US);
		assert_int_equal(s.at[2], 260 * US);
	}
}

static void poll_setter(struct bu_machine *m, void *arg)
{
	struct scene *s = arg;

	bu_work(m, 1050);
	bu_atomic_set(m, s->flag, 1);
}

static void poller(struct bu_machine *m, void *arg)
{
	struct scene *s = arg;

	s->seen = bu_spin_until(m, s->flag, BU_GUARD_EQ, 1, -1, "flag", 0);
	note(m, s, "p");
}

/* 1050 ns in rounds of 100: seen in the eleventh look. */
static void test_polling_costs_whole_rounds(void **state)
{
	struct scene s = { 0 };
	struct bu_machine *m = make(&(struct bu_machine_config){ .n_cpus = 2, .n_online = 2, .poll_ns = 100 });

	(void)state;
	s.flag = bu_atomic(m, "flag", 0);
	bu_thread_run(m, "setter", 0, poll_setter, &s);
	bu_thread_run(m, "poller", 1, poller, &s);
	assert_int_equal(run_done(m), 1100);
}

static void times_out(struct bu_machine *m, void *arg)
{
	struct scene *s = arg;

	s->seen = bu_spin_until(m, s->flag, BU_GUARD_EQ, 1, 10 * US, "flag", -1);
}

static void test_spin_times_out(void **state)
{
	struct scene s = { 0 };
	struct bu_machine *m = make_n(1);

	(void)state;
	s.flag = bu_atomic(m, "flag", 0);
	bu_thread_run(m, "poller", 0, times_out, &s);
	assert_int_equal(run_done(m), 10 * US);
	assert_int_equal(s.seen, -ETIMEDOUT);
}

/* --------------------------------------------------------------------------------------------- mutex hand-off */

static void greedy(struct bu_machine *m, void *arg)
{
	struct scene *s = arg;
	int i;

	for (i = 0; i < 8; i++) {
		bu_mutex_lock(m, s->o);
		note(m, s, "g");
		bu_work(m, 10 * US);
		bu_mutex_unlock(m, s->o);
	}
}

static void polite(struct bu_machine *m, void *arg)
{
	struct scene *s = arg;

	bu_work(m, 5 * US);
	bu_mutex_lock(m, s->o);
	note(m, s, "p");
	bu_mutex_unlock(m, s->o);
}

/*
 * Who unlocks and locks again is faster than who has to wake up first (2 us by IPI); the waiter, having found it
 * taken once, asks for it and is handed it at the next unlock.
 */
static void test_mutex_is_stolen_once_then_handed_off(void **state)
{
	struct scene s = { 0 };
	struct bu_machine *m = make(&(struct bu_machine_config){ .n_cpus = 2, .n_online = 2, .ipi_ns = 2 * US });

	(void)state;
	s.o = bu_mutex(m, "l");
	bu_thread_run(m, "greedy", 0, greedy, &s);
	bu_thread_run(m, "polite", 1, polite, &s);
	run_done(m);
	assert_string_equal(s.text, "ggpgggggg");
	assert_int_equal(s.at[2], 22 * US);
}

/* ------------------------------------------------------------------------------------------------------- misuse */

static void unlocks_others(struct bu_machine *m, void *arg)
{
	BU_FN(m);
	bu_work(m, 10 * US);
	bu_mutex_unlock(m, ((struct scene *)arg)->o);
}

static void keeps(struct bu_machine *m, void *arg)
{
	BU_FN(m);
	bu_mutex_lock(m, ((struct scene *)arg)->o);
	bu_sleep_ns(m, 100 * US);
}

static void locks_twice(struct bu_machine *m, void *arg)
{
	bu_mutex_lock(m, ((struct scene *)arg)->o);
	bu_mutex_lock(m, ((struct scene *)arg)->o);
}

static void mutex_in_spinlock(struct bu_machine *m, void *arg)
{
	bu_raw_spin_lock(m, ((struct scene *)arg)->o2);
	bu_mutex_lock(m, ((struct scene *)arg)->o);
}

static void lock_in_handler(struct bu_machine *m, void *arg)
{
	bu_raw_spin_lock(m, ((struct scene *)arg)->o2);
	bu_raw_spin_unlock(m, ((struct scene *)arg)->o2);
}

static void spin_without_irqsave(struct bu_machine *m, void *arg)
{
	bu_irq_send(m, 0, "lock_in_handler", 10 * US, lock_in_handler, arg);
	bu_raw_spin_lock(m, ((struct scene *)arg)->o2);
	bu_work(m, 20 * US);
}

static void wrong_kind(struct bu_machine *m, void *arg)
{
	bu_mutex_lock(m, ((struct scene *)arg)->o2);
}

static void write_preemptible(struct bu_machine *m, void *arg)
{
	(void)arg;
	bu_write_seqcount_begin(m, bu_seqcount(m, "s"));
}

static void test_misuse_is_reported_against_the_core(void **state)
{
	static const struct {
		bu_thread_fn a, b;
		const char *verdict;
	} c[] = {
		{ keeps, unlocks_others, "mutex_unlock of mutex l, which this thread does not hold (b on CPU 1 at 10000 "
					 "ns, preempt_count 0, interrupts on; in unlocks_others)" },
		{ keeps, NULL, "a ended while holding mutex l, taken in keeps (a on CPU 0 at 100000 ns, preempt_count "
			       "0, interrupts on)" },
		{ locks_twice, NULL, "mutex_lock of mutex l, which this thread holds already (a on CPU 0 at 0 ns, "
				     "preempt_count 0, interrupts on)" },
		{ mutex_in_spinlock, NULL, "BUG: sleeping function called from invalid context (a on CPU 0 at 0 ns, "
					   "preempt_count 1, interrupts on)" },
		{ spin_without_irqsave, NULL, "raw_spin_lock of raw_spinlock s, which this thread holds already (a on CPU "
					      "0 at 10000 ns, preempt_count 2, interrupts off, in interrupt; in lock_in_handler <- "
					      "<IRQ>)" },
		{ wrong_kind, NULL, "mutex_lock of raw_spinlock s, which is no mutex (a on CPU 0 at 0 ns, preempt_count "
				    "0, interrupts on)" },
		{ write_preemptible, NULL, "write section of seqcount s with preemption enabled (a on CPU 0 at 0 ns, "
					   "preempt_count 0, interrupts on)" },
	};
	size_t i;

	(void)state;
	for (i = 0; i < sizeof(c) / sizeof(c[0]); i++) {
		struct bu_machine *m = make_n(2);
		struct scene s = { .o = bu_mutex(m, "l"), .o2 = bu_raw_spinlock(m, "s", BU_SPIN_QUEUED) };
		struct bu_machine_result r;

		bu_thread_run(m, "a", 0, c[i].a, &s);
		if (c[i].b)
			bu_thread_run(m, "b", 1, c[i].b, &s);
		r = run(m);
		assert_int_equal(r.end, BU_MACHINE_MISUSE);
		assert_string_equal(r.verdict, c[i].verdict);
	}
}

/* --------------------------------------------------------------------------------------------------- completions */

static void completes(struct bu_machine *m, void *arg)
{
	struct scene *s = arg;

	begin(m, 2);
	bu_complete(m, s->o);
}

static void waits(struct bu_machine *m, void *arg)
{
	struct scene *s = arg;

	begin(m, 2);
	bu_wait_for_completion(m, s->o);
	s->seen++;
}

static void completion_pair(struct bu_machine *m, void *arg)
{
	struct scene *s = fresh(m, arg);

	s->o = bu_completion(m, "done");
	bu_thread_run(m, "waiter", 0, waits, s);
	bu_thread_run(m, "completer", 1, completes, s);
}

static void test_completion_in_all_interleavings(void **state)
{
	struct scene s = { 0 };
	struct tally t = explore(2, completion_pair, NULL, &s, 100000);

	(void)state;
	assert_int_equal(t.ends[BU_MACHINE_DONE], t.runs);
	assert_true(t.runs > 5);
}

static void complete_first(struct bu_machine *m, void *arg)
{
	struct scene *s = arg;

	bu_complete(m, s->o);
	bu_complete(m, s->o);
	bu_wait_for_completion(m, s->o);	/* at once */
	assert_true(bu_completion_done(m, s->o));
	assert_true(bu_try_wait_for_completion(m, s->o));
	assert_false(bu_try_wait_for_completion(m, s->o));
	assert_int_equal(bu_now(m), 0);
	assert_int_equal(bu_wait_for_completion_timeout(m, s->o, 5 * US), 0);
	assert_int_equal(bu_now(m), 5 * US);
	bu_complete_all(m, s->o);
	bu_wait_for_completion(m, s->o);
	bu_wait_for_completion(m, s->o);	/* for ever open */
	bu_complete(m, s->o);			/* does not wrap */
	bu_wait_for_completion(m, s->o);
	bu_reinit_completion(m, s->o);
	assert_false(bu_completion_done(m, s->o));
	assert_int_equal(bu_now(m), 5 * US);
}

static void test_complete_before_wait(void **state)
{
	struct scene s = { 0 };
	struct bu_machine *m = make_n(1);

	(void)state;
	s.o = bu_completion(m, "done");
	bu_thread_run(m, "t", 0, complete_first, &s);
	run_done(m);
}

/* --------------------------------------------------------------------------------------------------- wait queues */

static void event_waiter(struct bu_machine *m, void *arg)
{
	struct scene *s = arg;

	begin(m, 2);
	if (s->kind == 1)
		bu_swait_event(m, s->o2, s->flag, BU_GUARD_GE, 1);
	else
		bu_wait_event(m, s->o, s->flag, BU_GUARD_GE, 1);
	s->seen++;
}

static void event_setter(struct bu_machine *m, void *arg)
{
	struct scene *s = arg;

	begin(m, 2);
	bu_atomic_set(m, s->flag, 1);
	if (s->kind == 1)
		bu_swake_up_one(m, s->o2);
	else
		bu_wake_up(m, s->o);
}

static void event_pair(struct bu_machine *m, void *arg)
{
	struct scene *s = fresh(m, arg);

	s->o = bu_wait_queue(m, "wq");
	s->o2 = bu_swait_queue(m, "sq");
	bu_thread_run(m, "waiter", 0, event_waiter, s);
	bu_thread_run(m, "setter", 1, event_setter, s);
}

static void test_wait_event_in_all_interleavings(void **state)
{
	uint32_t kind;

	(void)state;
	for (kind = 0; kind < 2; kind++) {
		struct scene s = { .kind = kind };
		struct tally t = explore(2, event_pair, NULL, &s, 100000);

		assert_int_equal(t.ends[BU_MACHINE_DONE], t.runs);
		assert_true(t.runs > 10);
	}
}

static void exclusive_waiter(struct bu_machine *m, void *arg)
{
	struct scene *s = arg;

	bu_wait_event_exclusive(m, s->o, s->flag, BU_GUARD_GE, 1);
	note(m, s, "x");
}

static void shared_waiter(struct bu_machine *m, void *arg)
{
	struct scene *s = arg;

	bu_wait_event(m, s->o, s->flag, BU_GUARD_GE, 1);
	note(m, s, "n");
}

static void wakes_twice(struct bu_machine *m, void *arg)
{
	struct scene *s = arg;

	bu_sleep_ns(m, 10 * US);
	bu_atomic_set(m, s->flag, 1);
	bu_wake_up(m, s->o);
	bu_sleep_ns(m, 10 * US);
	bu_wake_up(m, s->o);
}

/* One wake-up takes all that are not exclusive and the first that is, though all conditions hold. */
static void test_exclusive_waiters_one_at_a_time(void **state)
{
	struct scene s = { 0 };
	struct bu_machine *m = make_n(2);

	(void)state;
	s.o = bu_wait_queue(m, "wq");
	s.flag = bu_atomic(m, "flag", 0);
	bu_thread_run(m, "x1", 0, exclusive_waiter, &s);
	bu_thread_run(m, "x2", 0, exclusive_waiter, &s);
	bu_thread_run(m, "n1", 0, shared_waiter, &s);
	bu_thread_run(m, "n2", 0, shared_waiter, &s);
	bu_thread_run(m, "waker", 1, wakes_twice, &s);
	run_done(m);
	assert_string_equal(s.text, "nnxx");
	assert_int_equal(s.at[2], 10 * US);
	assert_int_equal(s.at[3], 20 * US);
}

/* ------------------------------------------------------------------------------------------ sequence counters */

static void seq_writer(struct bu_machine *m, void *arg)
{
	struct scene *s = arg;

	begin(m, 2);
	bu_preempt_disable(m);
	bu_write_seqcount_begin(m, s->o);
	bu_atomic_set(m, s->inside, 1);
	bu_atomic_set(m, s->flag, 1);
	bu_write_seqcount_end(m, s->o);
	bu_preempt_enable(m);
}

static void seq_reader(struct bu_machine *m, void *arg)
{
	struct scene *s = arg;
	int64_t seq, a, b;

	begin(m, 2);
	do {
		seq = bu_read_seqcount_begin(m, s->o);
		a = bu_atomic_read(m, s->inside);
		b = bu_atomic_read(m, s->flag);
	} while (s->kind == 0 && bu_read_seqcount_retry(m, s->o, seq));
	if (a != b)
		bu_machine_fail(m, "torn");
}

static void seq_pair(struct bu_machine *m, void *arg)
{
	struct scene *s = fresh(m, arg);

	s->o = bu_seqcount(m, "seq");
	bu_thread_run(m, "writer", 0, seq_writer, s);
	bu_thread_run(m, "reader", 1, seq_reader, s);
}

/* Never torn with the retry, torn in some interleaving without. */
static void test_seqcount_in_all_interleavings(void **state)
{
	struct scene s = { .kind = 0 };
	struct tally t = explore(2, seq_pair, NULL, &s, 1000000);

	(void)state;
	assert_int_equal(t.ends[BU_MACHINE_DONE], t.runs);
	assert_true(t.runs > 50);
	s.kind = 1;
	t = explore(2, seq_pair, NULL, &s, 1000000);
	assert_true(t.ends[BU_MACHINE_FAILED] > 0);
}

static void nmi_reads(struct bu_machine *m, void *arg)
{
	struct scene *s = arg;
	int64_t seq;

	if (s->kind == 0) {
		seq = bu_read_seqcount_begin(m, s->o);
		s->seen = !bu_read_seqcount_retry(m, s->o, seq);
	} else {
		seq = bu_raw_read_seqcount_latch(m, s->o2);
		assert_int_equal(seq & 1, 1);	/* the copy that is not being changed */
		s->seen = !bu_read_seqcount_latch_retry(m, s->o2, seq);
	}
}

static void writes_under_nmi(struct bu_machine *m, void *arg)
{
	struct scene *s = arg;

	bu_nmi_send(m, 0, "nmi_reads", 10 * US, nmi_reads, s);
	bu_local_irq_disable(m);
	if (s->kind == 0) {
		bu_write_seqcount_begin(m, s->o);
		bu_work(m, 20 * US);
		bu_write_seqcount_end(m, s->o);
	} else {
		bu_raw_write_seqcount_latch(m, s->o2);
		bu_work(m, 20 * US);
		bu_raw_write_seqcount_latch(m, s->o2);
	}
	bu_local_irq_enable(m);
}

/* A reader in an NMI inside the write section spins for ever on a seqcount, and not at all on a latch. */
static void test_reader_in_nmi(void **state)
{
	uint32_t kind;

	(void)state;
	for (kind = 0; kind < 2; kind++) {
		struct bu_machine *m = make_n(1);
		struct scene s = { .kind = kind, .o = bu_seqcount(m, "tk_core.seq"),
				   .o2 = bu_seqcount_latch(m, "tk_fast") };
		struct bu_machine_result r;

		bu_thread_run(m, "t", 0, writes_under_nmi, &s);
		r = run(m);
		assert_int_equal(r.end, kind ? BU_MACHINE_DONE : BU_MACHINE_STUCK);
		assert_int_equal(s.seen, kind);
		if (!kind)
			assert_string_equal(r.verdict, "t spins for seqcount tk_core.seq of t since 10.00 us in nmi_reads "
						       "<- <NMI>");
	}
}

/* ------------------------------------------------------------------------------------ devices, atomics, keys */

static void reads_device(struct bu_machine *m, void *arg)
{
	struct scene *s = arg;

	bu_work(m, bu_this_cpu(m) == 3 ? 0 : 100 + bu_this_cpu(m) * 10);
	bu_mmio_access(m, s->o);
	note(m, s, bu_thread_name(m, bu_current(m)));
	if (bu_this_cpu(m) == 0) {
		bu_mmio_access(m, s->o);
		note(m, s, "0");
	}
}

/* CPU 3 is served first; 0, 1, 2, 4 queue; 0 comes again when it was served, and 1 is being. */
static void test_device_arbitration(void **state)
{
	static const struct {
		enum bu_arbitration a;
		int home;
		const char *order;
	} c[] = { { BU_ARBITER_FIFO, 0, "301240" }, { BU_ARBITER_NEAR, 0, "301024" }, { BU_ARBITER_NEAR, 4, "342100" },
		  { BU_ARBITER_BATCH, 0, "301240" }, { BU_ARBITER_ROUND_ROBIN, 0, "340120" } };
	static const char *const names[] = { "0", "1", "2", "3", "4" };
	size_t i;
	int cpu;

	(void)state;
	for (i = 0; i < sizeof(c) / sizeof(c[0]); i++) {
		struct scene s = { 0 };
		struct bu_machine *m = make_n(5);

		s.o = bu_mmio_device(m, "hpet", 1 * US, c[i].a, c[i].home);
		for (cpu = 0; cpu < 5; cpu++)
			bu_thread_run(m, names[cpu], cpu, reads_device, &s);
		assert_int_equal(run_done(m), 6 * US);
		assert_string_equal(s.text, c[i].order);
	}
}

/* Random: every one of those that wait has its turn, in an order of the seed; the same seed the same order. */
static void test_device_random_and_durations(void **state)
{
	static const char *const names[] = { "0", "1", "2", "3", "4" };
	static const int64_t recorded[] = { 100 * US, 300 * US };
	char first[16] = "";
	uint64_t seed;
	int cpu, orders = 0;

	(void)state;
	for (seed = 0; seed < 20; seed++) {
		struct bu_machine_config c = { .n_cpus = 5, .n_online = 5, .seed = seed / 2 };
		struct bu_machine *m = make(&c);
		struct scene s = { 0 };
		int64_t end;

		s.o = bu_mmio_device(m, "hpet", 1 * US, BU_ARBITER_RANDOM, 2);
		bu_mmio_durations(m, s.o, recorded, 2);
		bu_mmio_distance(m, s.o, 1 * US);
		for (cpu = 0; cpu < 5; cpu++)
			bu_thread_run(m, names[cpu], cpu, reads_device, &s);
		end = run_done(m);
		/* 6 accesses, two of them from CPU 0: distances 1 + 2 + 1 + 0 + 2 + 2; each takes 100 or 300 */
		assert_int_equal((end - 8 * US) % (200 * US), 0);
		assert_in_range(end, 608 * US, 1808 * US);
		assert_int_equal(strlen(s.text), 6);
		if (seed % 2)
			assert_string_equal(s.text, first);
		else
			orders += strcmp(s.text, first) != 0;
		snprintf(first, sizeof(first), "%s", s.text);
	}
	assert_true(orders > 3);
}

/* Batch and FIFO differ when somebody of a low number comes late. */
static void late_low(struct bu_machine *m, void *arg)
{
	struct scene *s = arg;
	int cpu = bu_this_cpu(m);

	bu_work(m, cpu == 3 ? 0 : (4 - cpu) * 10);
	bu_mmio_access(m, s->o);
	note(m, s, bu_thread_name(m, bu_current(m)));
}

static void test_batch_orders_by_cpu(void **state)
{
	static const char *const names[] = { "0", "1", "2", "3" };
	struct scene s = { 0 };
	struct bu_machine *m = make_n(4);
	int cpu;

	(void)state;
	s.o = bu_mmio_device(m, "hpet", 1 * US, BU_ARBITER_BATCH, 0);
	for (cpu = 0; cpu < 4; cpu++)
		bu_thread_run(m, names[cpu], cpu, late_low, &s);
	run_done(m);
	assert_string_equal(s.text, "3012");
}

static void adds(struct bu_machine *m, void *arg)
{
	struct scene *s = arg;

	begin(m, 2);
	if (s->kind == 0) {
		bu_atomic_add_return(m, s->flag, 1);
	} else if (s->kind == 1) {
		int64_t v = bu_atomic_read(m, s->flag);

		bu_atomic_set(m, s->flag, v + 1);	/* not atomic */
	} else {
		int64_t v = bu_atomic_read(m, s->flag), f;

		while ((f = bu_atomic_cmpxchg(m, s->flag, v, v + 1)) != v)
			v = f;
	}
	s->seen = bu_word_load(bu_machine_engine(m), s->flag);
}

static void add_pair(struct bu_machine *m, void *arg)
{
	struct scene *s = fresh(m, arg);

	bu_thread_run(m, "a", 0, adds, s);
	bu_thread_run(m, "b", 1, adds, s);
}

static uint32_t lost;

static void count_lost(void *arg)
{
	lost += ((struct scene *)arg)->seen != 2;
}

/* Read and write: 6 orders, of which 4 lose one (all but the two serial ones). */
static void test_atomics_in_all_interleavings(void **state)
{
	struct scene s = { 0 };
	uint32_t kind;

	(void)state;
	for (kind = 0; kind < 3; kind++) {
		s.kind = kind;
		lost = 0;
		explore(2, add_pair, count_lost, &s, 100000);
		if (kind == 1)
			assert_true(lost > 0);
		else
			assert_int_equal(lost, 0);
	}
}

static void flips(struct bu_machine *m, void *arg)
{
	struct scene *s = arg;

	assert_false(bu_static_branch(m, s->o));
	bu_static_key_set(m, s->o, true);
	assert_true(bu_static_branch(m, s->o));
	s->at[0] = bu_now(m);
	bu_static_key_set(m, s->o, true);	/* is on: costs nothing */
	s->at[1] = bu_now(m);
}

/* Three steps of 10 us, each followed by an IPI of 1 us to the others, who wait for nothing. */
static void test_static_key_costs(void **state)
{
	struct scene s = { 0 };
	struct bu_machine *m = make(&(struct bu_machine_config){ .n_cpus = 4, .n_online = 4, .ipi_ns = 1 * US,
								 .text_poke_ns = 10 * US });

	(void)state;
	s.o = bu_static_key(m, "key", false);
	bu_thread_run(m, "t", 0, flips, &s);
	run_done(m);
	assert_int_equal(s.at[0], 33 * US);
	assert_int_equal(s.at[1], 33 * US);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_locks_exclude_in_all_interleavings),
		cmocka_unit_test(test_readers_share),
		cmocka_unit_test(test_abba_deadlock_is_found_and_named),
		cmocka_unit_test(test_reader_behind_waiting_writer),
		cmocka_unit_test(test_recursive_reader_behind_writer_deadlocks),
		cmocka_unit_test(test_spinners_queue_and_take_interrupts),
		cmocka_unit_test(test_polling_costs_whole_rounds),
		cmocka_unit_test(test_spin_times_out),
		cmocka_unit_test(test_mutex_is_stolen_once_then_handed_off),
		cmocka_unit_test(test_misuse_is_reported_against_the_core),
		cmocka_unit_test(test_completion_in_all_interleavings),
		cmocka_unit_test(test_complete_before_wait),
		cmocka_unit_test(test_wait_event_in_all_interleavings),
		cmocka_unit_test(test_exclusive_waiters_one_at_a_time),
		cmocka_unit_test(test_seqcount_in_all_interleavings),
		cmocka_unit_test(test_reader_in_nmi),
		cmocka_unit_test(test_device_arbitration),
		cmocka_unit_test(test_device_random_and_durations),
		cmocka_unit_test(test_batch_orders_by_cpu),
		cmocka_unit_test(test_atomics_in_all_interleavings),
		cmocka_unit_test(test_static_key_costs),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
