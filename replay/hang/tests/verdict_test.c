// SPDX-License-Identifier: GPL-2.0-only
/* verdict_test.c - each way of standing still is called by its name, with the right ones in the witness. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "replay/hang/verdict.h"
#include "replay/machine/atomic.h"
#include "replay/machine/kthread.h"
#include "replay/machine/lock.h"
#include "replay/machine/machine.h"
#include "replay/machine/percpu_rwsem.h"
#include "replay/machine/rcu.h"
#include "replay/machine/smp.h"
#include "replay/machine/wait.h"
#include "replay/machine/waits.h"
#include "replay/machine/workqueue.h"
#include "schemas/base/ns.h"

static struct {
	bu_obj a, b;
	bu_word_id word;
	bu_thread thread;
} s;

static struct bu_machine *make(uint32_t cpus, int64_t tick_ns, uint64_t max_events)
{
	const struct bu_machine_config config = { .n_cpus = cpus, .n_online = cpus, .tick_ns = tick_ns,
						  .max_events = max_events, .ipi_ns = 1000 };
	struct bu_err err = BU_ERR_INIT;
	struct bu_machine *m;

	assert_int_equal(bu_machine_create(&config, &m, &err), 0);
	memset(&s, 0, sizeof(s));
	return m;
}

/* Runs @m, gives the verdict and the witness (to be freed), destroys it. */
static struct bu_hang_verdict verdict(struct bu_machine *m, char **witness)
{
	struct bu_machine_result r;
	struct bu_hang_verdict v;
	struct bu_err err = BU_ERR_INIT;

	assert_int_equal(bu_machine_run(m, &r, &err), 0);
	bu_hang_diagnose(m, &r, &v);
	*witness = bu_hang_witness(m, &r, &v);
	assert_non_null(*witness);
	bu_machine_destroy(m);
	return v;
}

static void expect(struct bu_machine *m, enum bu_hang_class class, uint32_t n_cycle, const char *const *words)
{
	struct bu_hang_verdict v;
	char *witness;

	v = verdict(m, &witness);
	if (v.class != class || v.n_cycle != n_cycle)
		print_error("%s\n", witness);
	assert_string_equal(bu_hang_class_names[v.class], bu_hang_class_names[class]);
	assert_int_equal(v.n_cycle, n_cycle);
	for (; *words; words++) {
		if (!strstr(witness, *words))
			print_error("no '%s' in:\n%s\n", *words, witness);
		assert_non_null(strstr(witness, *words));
	}
	free(witness);
}

static void takes_a_then_b(struct bu_machine *m, void *arg)
{
	BU_FN(m);
	(void)arg;
	bu_mutex_lock(m, s.a);
	bu_work(m, 1000);
	bu_mutex_lock(m, s.b);
	bu_mutex_unlock(m, s.b);
	bu_mutex_unlock(m, s.a);
}

static void takes_b_then_a(struct bu_machine *m, void *arg)
{
	BU_FN(m);
	(void)arg;
	bu_mutex_lock(m, s.b);
	bu_work(m, 1000);
	bu_mutex_lock(m, s.a);
	bu_mutex_unlock(m, s.a);
	bu_mutex_unlock(m, s.b);
}

static void two_mutexes_in_opposite_order(void **state)
{
	static const char *const words[] = { "deadlock at 1.00 us", "first/1", "second/2", "waits for lock pinst_lock",
					     "holds mutex pinst_lock", "in takes_a_then_b", "taken in takes_b_then_a", "The cycle:",
					     "hung task watchdog would speak at 120.0 s", NULL };
	struct bu_machine *m = make(2, 0, 0);

	(void)state;
	s.a = bu_mutex(m, "cpu_add_remove_lock");
	s.b = bu_mutex(m, "pinst_lock");
	bu_thread_run(m, "first/1", 0, takes_a_then_b, NULL);
	bu_thread_run(m, "second/2", 1, takes_b_then_a, NULL);
	expect(m, BU_HANG_DEADLOCK, 2, words);
}

/* The same with ticks: the machine never runs out of events, and the verdict is the same. */
static void ticks_do_not_hide_a_deadlock(void **state)
{
	static const char *const words[] = { "deadlock", "cpu_add_remove_lock", NULL };
	struct bu_machine *m = make(2, 4000000, 20000);

	(void)state;
	s.a = bu_mutex(m, "cpu_add_remove_lock");
	s.b = bu_mutex(m, "pinst_lock");
	bu_thread_run(m, "first/1", 0, takes_a_then_b, NULL);
	bu_thread_run(m, "second/2", 1, takes_b_then_a, NULL);
	expect(m, BU_HANG_DEADLOCK, 2, words);
}

static void recursive_reader(struct bu_machine *m, void *arg)
{
	BU_FN(m);
	(void)arg;
	bu_cpus_read_lock(m);
	bu_sleep_ns(m, 1000000);
	bu_cpus_read_lock(m);	/* behind the writer that has come meanwhile */
	bu_cpus_read_unlock(m);
	bu_cpus_read_unlock(m);
}

static void hotplug_writer(struct bu_machine *m, void *arg)
{
	BU_FN(m);
	(void)arg;
	bu_sleep_ns(m, 1000);
	bu_cpus_write_lock(m);
	bu_cpus_write_unlock(m);
}

static void reader_behind_a_waiting_writer(void **state)
{
	static const char *const words[] = { "deadlock", "reader", "writer", "cpu_hotplug_lock", "in recursive_reader", NULL };
	struct bu_machine *m = make(2, 0, 0);

	(void)state;
	bu_rcu_spawn_gp_kthread(m, 1000);	/* the writer's rcu_sync waits for one grace period */
	bu_thread_run(m, "reader", 0, recursive_reader, NULL);
	bu_thread_run(m, "writer", 1, hotplug_writer, NULL);
	expect(m, BU_HANG_DEADLOCK, 2, words);
}

static void waits_for_nothing(struct bu_machine *m, void *arg)
{
	BU_FN(m);
	(void)arg;
	bu_wait_for_completion(m, s.a);
}

/* Without the thread that drives grace periods the same writer is stuck earlier, and that is what is said. */
static void grace_periods_without_their_thread(void **state)
{
	static const char *const words[] = { "lost wakeup", "writer waits for", "grace period", "RCU stall watchdog would speak at 21.00 s",
					     NULL };
	struct bu_machine *m = make(2, 0, 0);

	(void)state;
	bu_thread_run(m, "writer", 1, hotplug_writer, NULL);
	expect(m, BU_HANG_LOST_WAKEUP, 0, words);
}

static void nobody_completes(void **state)
{
	static const char *const words[] = { "lost wakeup", "control waits for", "done_up", "nobody that is left can wake it",
					     "in waits_for_nothing", NULL };
	struct bu_machine *m = make(1, 0, 0);

	(void)state;
	s.a = bu_completion(m, "done_up");
	bu_thread_run(m, "control", 0, waits_for_nothing, NULL);
	expect(m, BU_HANG_LOST_WAKEUP, 0, words);
}

static void nothing(struct bu_machine *m, void *arg)
{
	(void)m;
	(void)arg;
}

/* Takes a lock and calls the other CPU, which spins for that lock with interrupts off (the shape of csd deadlocks). */
static void calls_under_a_lock(struct bu_machine *m, void *arg)
{
	BU_FN(m);
	(void)arg;
	bu_raw_spin_lock(m, s.a);
	bu_work(m, 2000);
	bu_smp_call_function_single(m, 1, "flush", nothing, NULL, true);
	bu_raw_spin_unlock(m, s.a);
}

static void spins_with_irqs_off(struct bu_machine *m, void *arg)
{
	bool on;

	BU_FN(m);
	(void)arg;
	bu_work(m, 1000);
	on = bu_raw_spin_lock_irqsave(m, s.a);
	bu_raw_spin_unlock_irqrestore(m, s.a, on);
}

static void call_to_a_cpu_that_spins(void **state)
{
	static const char *const words[] = { "deadlock", "caller spins for IPI flush since 2.00 us", "    in calls_under_a_lock",
					     "    holds raw_spinlock vector_lock, taken in calls_under_a_lock at 0 ns",
					     "CPU 1 runs spinner, preempt_count 1, interrupts off since 1.00 us:\n",
					     "spinner spins for lock vector_lock since 1.00 us", "    in spins_with_irqs_off",
					     "caller -> IPI flush -> spinner\n", "spinner -> lock vector_lock -> caller\n",
					     "csd lock watchdog would speak at 5.00 s", NULL };
	struct bu_machine *m = make(2, 0, 0);

	(void)state;
	s.a = bu_raw_spinlock(m, "vector_lock", BU_SPIN_QUEUED);
	bu_thread_run(m, "caller", 0, calls_under_a_lock, NULL);
	bu_thread_run(m, "spinner", 1, spins_with_irqs_off, NULL);
	expect(m, BU_HANG_DEADLOCK, 2, words);
}

static int worker(struct bu_machine *m, void *arg)
{
	BU_FN(m);
	(void)arg;
	while (!bu_kthread_should_stop(m)) {
		if (bu_kthread_should_park(m))
			bu_kthread_parkme(m);
		bu_sleep_ns(m, 10000);
		bu_mutex_lock(m, s.a);
		bu_mutex_unlock(m, s.a);
	}
	return 0;
}

static void parks_under_a_mutex(struct bu_machine *m, void *arg)
{
	BU_FN(m);
	(void)arg;
	bu_mutex_lock(m, s.a);
	bu_sleep_ns(m, 50000);	/* the worker has come to want the mutex */
	bu_kthread_park(m, s.thread);
	bu_mutex_unlock(m, s.a);
}

static void parking_who_waits_for_the_parker(void **state)
{
	static const char *const words[] = { "deadlock", "control waits for park of worker/1 since 50.00 us", "    in parks_under_a_mutex",
					     "    holds mutex smpboot_threads_lock, taken in parks_under_a_mutex at 0 ns",
					     "worker/1 waits for lock smpboot_threads_lock since 10.00 us", "    in worker",
					     "control -> park of worker/1 -> worker/1\n", "worker/1 -> lock smpboot_threads_lock -> control\n",
					     NULL };
	struct bu_machine *m = make(2, 0, 0);

	(void)state;
	s.a = bu_mutex(m, "smpboot_threads_lock");
	s.thread = bu_kthread_create_on_cpu(m, "worker/1", 1, worker, NULL);
	bu_wake_up_process(m, s.thread);
	bu_thread_run(m, "control", 0, parks_under_a_mutex, NULL);
	expect(m, BU_HANG_DEADLOCK, 2, words);
}

/* A grace period that waits for a reader, who wants the mutex of whoever waits for the grace period. */
static void reads_and_wants_the_mutex(struct bu_machine *m, void *arg)
{
	BU_FN(m);
	(void)arg;
	bu_rcu_read_lock(m);
	bu_work(m, 2000);
	while (!bu_mutex_trylock(m, s.a))
		bu_work(m, 1000);
	bu_rcu_read_unlock(m);
}

static void synchronizes_under_a_mutex(struct bu_machine *m, void *arg)
{
	BU_FN(m);
	(void)arg;
	bu_mutex_lock(m, s.a);
	bu_work(m, 1000);
	bu_synchronize_rcu_expedited(m);
	bu_mutex_unlock(m, s.a);
}

static void grace_period_for_who_wants_the_lock(void **state)
{
	static const char *const words[] = { "deadlock", "control waits for grace period expedited since 1.00 us", "    in synchronizes_under_a_mutex",
					     "    holds mutex rtnl_mutex, taken in synchronizes_under_a_mutex at 0 ns",
					     "reader spins for lock rtnl_mutex", "in reads_and_wants_the_mutex",
					     "control -> grace period expedited -> reader\n", "reader -> lock rtnl_mutex -> control\n",
					     "RCU stall watchdog would speak at 21.00 s", NULL };
	struct bu_machine_config config = { .n_cpus = 2, .n_online = 2, .ipi_ns = 100, .progress_events = 10000 };
	struct bu_err err = BU_ERR_INIT;
	struct bu_machine *m;

	(void)state;
	assert_int_equal(bu_machine_create(&config, &m, &err), 0);
	s.a = bu_mutex(m, "rtnl_mutex");
	bu_rcu_set_mode(m, BU_RCU_NORMAL);
	bu_thread_run(m, "control", 0, synchronizes_under_a_mutex, NULL);
	bu_thread_run(m, "reader", 1, reads_and_wants_the_mutex, NULL);
	expect(m, BU_HANG_DEADLOCK, 2, words);
}

static void sleeps_under_a_spinlock(struct bu_machine *m, void *arg)
{
	BU_FN(m);
	(void)arg;
	bu_raw_spin_lock(m, s.a);
	bu_sleep_ns(m, 1000);
}

static void sleeping_while_atomic(void **state)
{
	static const char *const words[] = { "misuse", "sleeper", "sleeps_under_a_spinlock", NULL };
	struct bu_machine *m = make(1, 0, 0);

	(void)state;
	s.a = bu_raw_spinlock(m, "rq->lock", BU_SPIN_QUEUED);
	bu_thread_run(m, "sleeper", 0, sleeps_under_a_spinlock, NULL);
	expect(m, BU_HANG_MISUSE, 0, words);
}

static void spins_for_ever(struct bu_machine *m, void *arg)
{
	BU_FN(m);
	(void)arg;
	bu_spin_until(m, s.word, BU_GUARD_EQ, 1, BU_NO_TIMEOUT, "thread_ack", -1);
}

/* Two CPUs poll for an acknowledgement that never comes, while ticks go on: steps without progress. */
static void polling_without_end(void **state)
{
	static const char *const words[] = { "livelock", "spins for", NULL };
	struct bu_machine *m = make(2, 4000000, 5000);

	(void)state;
	s.word = bu_word_new(bu_machine_engine(m), "thread_ack", 0);
	bu_thread_run(m, "migration/0", 0, spins_for_ever, NULL);
	bu_thread_run(m, "migration/1", 1, spins_for_ever, NULL);
	expect(m, BU_HANG_LIVELOCK, 0, words);
}

static void works_for_ever(struct bu_machine *m, void *arg)
{
	BU_FN(m);
	(void)arg;
	for (;;)
		bu_work(m, 1000);
}

static void work_without_end_is_no_livelock(void **state)
{
	static const char *const words[] = { "limit", NULL };
	struct bu_machine *m = make(1, 0, 5000);

	(void)state;
	bu_thread_run(m, "busy", 0, works_for_ever, NULL);
	expect(m, BU_HANG_LIMIT, 0, words);
}

static void a_good_end(void **state)
{
	static const char *const words[] = { "ok", NULL };
	struct bu_machine *m = make(2, 0, 0);

	(void)state;
	s.a = bu_mutex(m, "a");
	s.b = bu_mutex(m, "b");
	bu_thread_run(m, "first", 0, takes_a_then_b, NULL);
	bu_thread_run(m, "second", 1, takes_a_then_b, NULL);
	expect(m, BU_HANG_NONE, 0, words);
}

/* A chain that leads into a cycle: only those of the cycle are in it. */
static void takes_b(struct bu_machine *m, void *arg)
{
	BU_FN(m);
	(void)arg;
	bu_sleep_ns(m, 5000);
	bu_mutex_lock(m, s.b);
	bu_mutex_unlock(m, s.b);
}

static void bystanders_are_not_in_the_cycle(void **state)
{
	static const char *const words[] = { "deadlock", "bystander", NULL };
	struct bu_machine *m = make(3, 0, 0);

	(void)state;
	s.a = bu_mutex(m, "a");
	s.b = bu_mutex(m, "b");
	bu_thread_run(m, "bystander", 2, takes_b, NULL);
	bu_thread_run(m, "first", 0, takes_a_then_b, NULL);
	bu_thread_run(m, "second", 1, takes_b_then_a, NULL);
	expect(m, BU_HANG_DEADLOCK, 2, words);
}

/* ---------------------------------------------------------------------------- a cycle through each kind of lock */

static const struct lock_kind {
	const char *name;
	bu_obj (*create)(struct bu_machine *m, const char *name);
	void (*lock)(struct bu_machine *m, bu_obj lock);
	bool spins;
} *kind;

static bu_obj ticket_lock(struct bu_machine *m, const char *name)
{
	return bu_raw_spinlock(m, name, BU_SPIN_TICKET);
}

static bu_obj queued_lock(struct bu_machine *m, const char *name)
{
	return bu_raw_spinlock(m, name, BU_SPIN_QUEUED);
}

static bu_obj binary_semaphore(struct bu_machine *m, const char *name)
{
	return bu_semaphore(m, name, 1);
}

static const struct lock_kind lock_kinds[] = {
	{ "mutex", bu_mutex, bu_mutex_lock, false },
	{ "rwsem", bu_rwsem, bu_down_write, false },
	{ "semaphore", binary_semaphore, bu_down, false },
	{ "raw_spinlock", ticket_lock, bu_raw_spin_lock, true },
	{ "raw_spinlock", queued_lock, bu_raw_spin_lock, true },
};

static void crosses(struct bu_machine *m, void *arg)
{
	bool first = arg != NULL;

	BU_FN(m);
	kind->lock(m, first ? s.a : s.b);
	bu_work(m, 1000);
	kind->lock(m, first ? s.b : s.a);
}

static void locks_of_every_kind(void **state)
{
	size_t i;

	(void)state;
	for (i = 0; i < sizeof(lock_kinds) / sizeof(lock_kinds[0]); i++) {
		struct bu_machine *m = make(2, 0, 0);
		char holds[64];
		const char *const words[] = { "first", "second", holds, "in crosses", "The cycle:",
					      lock_kinds[i].spins ? "soft lockup watchdog would speak at 20.00 s" :
								    "hung task watchdog would speak at 120.0 s", NULL };

		kind = &lock_kinds[i];
		snprintf(holds, sizeof(holds), kind->create == binary_semaphore ? "first -> lock b -> second" :
			 "holds %s b, taken in crosses", kind->name);
		s.a = kind->create(m, "a");
		s.b = kind->create(m, "b");
		bu_thread_run(m, "first", 0, crosses, &s);
		bu_thread_run(m, "second", 1, crosses, NULL);
		expect(m, BU_HANG_DEADLOCK, 2, words);
	}
}

static void reads_twice(struct bu_machine *m, void *arg)
{
	(void)arg;
	bu_down_read(m, s.a);
	bu_sleep_ns(m, 2000);
	bu_down_read(m, s.b);
}

static void writes_both(struct bu_machine *m, void *arg)
{
	(void)arg;
	bu_down_write(m, s.b);
	bu_sleep_ns(m, 2000);
	bu_down_write(m, s.a);
}

static void readers_in_a_cycle(void **state)
{
	static const char *const words[] = { "reader waits for lock b", "holds rwsem a (shared)", "writer waits for lock a", NULL };
	struct bu_machine *m = make(2, 0, 0);

	(void)state;
	s.a = bu_rwsem(m, "a");
	s.b = bu_rwsem(m, "b");
	bu_thread_run(m, "reader", 0, reads_twice, NULL);
	bu_thread_run(m, "writer", 1, writes_both, NULL);
	expect(m, BU_HANG_DEADLOCK, 2, words);
}

static void wants_a(struct bu_machine *m, void *arg)
{
	(void)arg;
	bu_mutex_lock(m, s.a);
	bu_mutex_unlock(m, s.a);
}

static void flushes_under_a_mutex(struct bu_machine *m, void *arg)
{
	BU_FN(m);
	(void)arg;
	bu_mutex_lock(m, s.a);
	bu_queue_work_on(m, 1, bu_workqueue(m, "events", BU_WQ_PERCPU), s.b);
	bu_flush_work(m, s.b);
	bu_mutex_unlock(m, s.a);
}

static void flush_of_work_that_wants_the_lock(void **state)
{
	static const char *const words[] = { "deadlock", "control waits for flush of vmstat_update", "holds mutex cpu_add_remove_lock",
					     "kworker/1", NULL };
	struct bu_machine *m = make(2, 0, 0);

	(void)state;
	s.a = bu_mutex(m, "cpu_add_remove_lock");
	s.b = bu_work_item(m, "vmstat_update", wants_a, NULL);
	bu_thread_run(m, "control", 0, flushes_under_a_mutex, NULL);
	expect(m, BU_HANG_DEADLOCK, 2, words);
}

/* The period timer of a throttled thread is on a CPU that has interrupts off and wants what that thread holds. */
static void burns_under_a_lock(struct bu_machine *m, void *arg)
{
	(void)arg;
	bu_mutex_lock(m, s.a);
	bu_work(m, 25000000);
}

static void spins_for_the_throttled(struct bu_machine *m, void *arg)
{
	(void)arg;
	bu_work(m, 8000000);
	bu_local_irq_disable(m);
	while (!bu_mutex_trylock(m, s.a))
		bu_work(m, 1000);
}

static void tries_once(struct bu_machine *m, void *arg)
{
	(void)arg;
	bu_work(m, 8000000);
	assert_false(bu_mutex_trylock(m, s.a));
	for (;;)
		bu_work(m, 1000);
}

static void bandwidth_timer_that_is_not_taken(void **state)
{
	static const char *const words[] = { "deadlock", "throttled waits for bandwidth background since",
					     "holds mutex cpu_add_remove_lock", "CPU 0 runs deaf", "interrupts off since 13.00 ms, some pending",
					     "deaf spins for lock cpu_add_remove_lock since 13.00 ms", "throttled -> bandwidth background -> deaf",
					     NULL };
	static const char *const goes_on[] = { "limit", NULL };
	int near_miss;
	struct bu_machine_config config = { .n_cpus = 1, .n_online = 1, .progress_events = 100000 };
	struct bu_err err = BU_ERR_INIT;
	struct bu_machine *m;

	(void)state;
	/* And one that tries once, fails, and works for ever after: nobody waits for it, and it waits for nobody. */
	for (near_miss = 0; near_miss < 2; near_miss++) {
		if (near_miss)
			config = (struct bu_machine_config){ .n_cpus = 1, .n_online = 1, .max_events = 20000 };
		assert_int_equal(bu_machine_create(&config, &m, &err), 0);
		s.a = bu_mutex(m, "cpu_add_remove_lock");
		s.b = bu_cfs_group(m, "background", 5000000, 100000000);
		s.thread = bu_thread_run(m, "throttled", 0, burns_under_a_lock, NULL);
		bu_cfs_join(m, s.b, s.thread);
		bu_thread_run(m, "deaf", 0, near_miss ? tries_once : spins_for_the_throttled, NULL);
		expect(m, near_miss ? BU_HANG_LIMIT : BU_HANG_DEADLOCK, near_miss ? 0 : 2, near_miss ? goes_on : words);
	}
}

/* ------------------------------------------------------------------------------------------------------ livelock */

/* Each takes its own lock, finds the other's taken, gives its own back and tries again: for ever, if both do so alike. */
static void polite(struct bu_machine *m, void *arg)
{
	bu_obj mine = arg ? s.a : s.b, other = arg ? s.b : s.a;

	BU_FN(m);
	for (;;) {
		bu_mutex_lock(m, mine);
		bu_work(m, 1000);
		if (bu_mutex_trylock(m, other))
			break;
		bu_mutex_unlock(m, mine);
		if (s.word)
			bu_progress(m);
	}
	bu_mutex_unlock(m, other);
	bu_mutex_unlock(m, mine);
}

static void backing_off_without_end(void **state)
{
	static const char *const stuck[] = { "livelock", "no progress in 10000 events", NULL };
	static const char *const goes_on[] = { "limit", "100000 events reached", NULL };
	struct bu_machine_config config = { .n_cpus = 2, .n_online = 2, .progress_events = 10000, .max_events = 100000 };
	struct bu_err err = BU_ERR_INIT;
	struct bu_machine *m;
	int moves;

	(void)state;
	for (moves = 0; moves < 2; moves++) {
		assert_int_equal(bu_machine_create(&config, &m, &err), 0);
		s.a = bu_mutex(m, "a");
		s.b = bu_mutex(m, "b");
		s.word = (bu_word_id)moves;
		bu_thread_run(m, "first", 0, polite, &s);
		bu_thread_run(m, "second", 1, polite, NULL);
		expect(m, moves ? BU_HANG_LIMIT : BU_HANG_LIVELOCK, 0, moves ? goes_on : stuck);
	}
}

/* ----------------------------------------------------------------------------------------- crashes and assertions */

static void patched_under_it(struct bu_machine *m, void *arg)
{
	BU_FN(m);
	(void)arg;
	bu_crash(m, "invalid opcode", "sched_clock+0x5, while it was being patched");
}

static void asserts(struct bu_machine *m, void *arg)
{
	BU_FN(m);
	(void)arg;
	bu_core_assert_failed(m, "done == 2", "core.c:17");
}

static void crashes_have_a_class_and_a_place(void **state)
{
	static const char *const crash[] = { "crash", "invalid opcode at sched_clock+0x5, while it was being patched (t on CPU 1",
					     "in patched_under_it", NULL };
	static const char *const claim[] = { "violated assertion", "'done == 2' does not hold at core.c:17 (t on CPU 1", "in asserts", NULL };
	struct bu_machine *m = make(2, 0, 0);

	(void)state;
	bu_thread_run(m, "t", 1, patched_under_it, NULL);
	expect(m, BU_HANG_CRASH, 0, crash);
	m = make(2, 0, 0);
	bu_thread_run(m, "t", 1, asserts, NULL);
	expect(m, BU_HANG_ASSERTION, 0, claim);
}

/* ------------------------------------------------------------------------------------------------- large machines */

/* 64 CPUs in one place are one paragraph. */
static void alike_is_told_once(void **state)
{
	static const char *const words[] = { "livelock", "migration/0 spins for word thread_ack", "and 63 more in the same place, on CPU 1-63",
					     NULL };
	struct bu_machine *m = make(64, 4000000, 5000);
	int i;

	(void)state;
	s.word = bu_word_new(bu_machine_engine(m), "thread_ack", 0);
	for (i = 0; i < 64; i++)
		bu_thread_run(m, i ? "migration/n" : "migration/0", i, spins_for_ever, NULL);
	expect(m, BU_HANG_LIVELOCK, 0, words);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(two_mutexes_in_opposite_order), cmocka_unit_test(ticks_do_not_hide_a_deadlock),
		cmocka_unit_test(reader_behind_a_waiting_writer), cmocka_unit_test(nobody_completes),
		cmocka_unit_test(grace_periods_without_their_thread), cmocka_unit_test(grace_period_for_who_wants_the_lock),
		cmocka_unit_test(call_to_a_cpu_that_spins), cmocka_unit_test(parking_who_waits_for_the_parker),
		cmocka_unit_test(sleeping_while_atomic), cmocka_unit_test(polling_without_end),
		cmocka_unit_test(work_without_end_is_no_livelock), cmocka_unit_test(a_good_end),
		cmocka_unit_test(bystanders_are_not_in_the_cycle),
		cmocka_unit_test(locks_of_every_kind), cmocka_unit_test(readers_in_a_cycle),
		cmocka_unit_test(flush_of_work_that_wants_the_lock), cmocka_unit_test(bandwidth_timer_that_is_not_taken),
		cmocka_unit_test(backing_off_without_end), cmocka_unit_test(crashes_have_a_class_and_a_place),
		cmocka_unit_test(alike_is_told_once),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
