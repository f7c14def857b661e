// SPDX-License-Identifier: GPL-2.0-only
/*
 * primitives_test.c - for every primitive: who holds it, who waits for it, since when and from which call path; and all
 * interleavings of two threads on those that the other tests of this folder do not run so.
 *
 *   primitive                                   semantics and corners               all interleavings of two
 *   raw spinlock, queued and ticket; mutex;     sync_test                           sync_test
 *     rwsem; semaphore
 *   percpu_rwsem, rcu_sync                      rcu_test                            rcu_test; here
 *   seqcount; latch                             sync_test (a reader in an NMI)      sync_test; here
 *   completion; wait queue; swait               sync_test                           sync_test
 *   atomics with cmpxchg; static key            sync_test                           sync_test; here
 *   stop_machine, stop_one_cpu, stop_two_cpus   kthread_test (stopper disabled)     here
 *   smp_call_function, csd lock                 kthread_test                        kthread_test
 *   kthread park, unpark, stop                  kthread_test (unpark before park)   kthread_test
 *   spin_until, delay loops                     sync_test, machine_test             here
 *   MMIO device                                 sync_test                           here
 *   timers; workqueues; RCU                     timer_, workqueue_, rcu_test        there
 */
#include "replay/machine/tests/drive.h"

#include <stdio.h>
#include <string.h>

#include "replay/machine/atomic.h"
#include "replay/machine/device.h"
#include "replay/machine/kthread.h"
#include "replay/machine/lock.h"
#include "replay/machine/percpu_rwsem.h"
#include "replay/machine/rcu.h"
#include "replay/machine/smp.h"
#include "replay/machine/stop.h"
#include "replay/machine/timer.h"
#include "replay/machine/wait.h"
#include "replay/machine/waits.h"
#include "replay/machine/workqueue.h"
#include "schemas/base/ns.h"

#define US BU_NS_PER_US

/* -------------------------------------------------------------------------------------------- who holds, who waits */

static struct {
	bu_obj o;
	bu_word_id w;
	bu_thread holder, waiter;
	char waits[256], held[128];	/* as seen at 50 us */
} s;

static void nothing(struct bu_machine *m, void *arg)
{
	(void)m;
	(void)arg;
}

static int stops(struct bu_machine *m, void *arg)
{
	(void)m;
	(void)arg;
	return 0;
}

static void works(struct bu_machine *m, void *arg)
{
	(void)arg;
	bu_work(m, 100 * US);
}

static int64_t expires(struct bu_machine *m, void *arg)
{
	works(m, arg);
	return 0;
}

static int parks_late(struct bu_machine *m, void *arg)
{
	BU_FN(m);
	works(m, arg);
	while (!bu_kthread_should_stop(m))
		if (bu_kthread_should_park(m))
			bu_kthread_parkme(m);
	return 0;
}

/* One case: what is made, what the holder does from 0 on for 100 us and the waiter from 10 us on. */
#define CASE(name, make_, hold_, wait_) \
	static void name##_make(struct bu_machine *m) { (void)m; make_; } \
	static void name##_hold(struct bu_machine *m) { hold_; } \
	static void name##_wait(struct bu_machine *m) { wait_; }

#define HELD(take, give) take; works(m, NULL); give
#define OBJ s.o = 

CASE(queued, OBJ bu_raw_spinlock(m, "l", BU_SPIN_QUEUED), HELD(bu_raw_spin_lock(m, s.o), bu_raw_spin_unlock(m, s.o)),
     bu_raw_spin_lock(m, s.o); bu_raw_spin_unlock(m, s.o))
CASE(ticket, OBJ bu_raw_spinlock(m, "l", BU_SPIN_TICKET), HELD(bu_raw_spin_lock(m, s.o), bu_raw_spin_unlock(m, s.o)),
     bu_raw_spin_lock(m, s.o); bu_raw_spin_unlock(m, s.o))
CASE(mutex, OBJ bu_mutex(m, "l"), HELD(bu_mutex_lock(m, s.o), bu_mutex_unlock(m, s.o)), bu_mutex_lock(m, s.o); bu_mutex_unlock(m, s.o))
CASE(write, OBJ bu_rwsem(m, "l"), HELD(bu_down_read(m, s.o), bu_up_read(m, s.o)), bu_down_write(m, s.o); bu_up_write(m, s.o))
CASE(read, OBJ bu_rwsem(m, "l"), HELD(bu_down_write(m, s.o), bu_up_write(m, s.o)), bu_down_read(m, s.o); bu_up_read(m, s.o))
CASE(semaphore, OBJ bu_semaphore(m, "l", 1), HELD(bu_down(m, s.o), bu_up(m, s.o)), bu_down(m, s.o); bu_up(m, s.o))
CASE(percpu_read, OBJ bu_percpu_rwsem(m, "l"), HELD(bu_percpu_down_write(m, s.o), bu_percpu_up_write(m, s.o)),
     bu_percpu_down_read(m, s.o); bu_percpu_up_read(m, s.o))
CASE(percpu_write, OBJ bu_percpu_rwsem(m, "l"), HELD(bu_percpu_down_read(m, s.o), bu_percpu_up_read(m, s.o)),
     bu_percpu_down_write(m, s.o); bu_percpu_up_write(m, s.o))
CASE(seqcount, OBJ bu_seqcount(m, "l"), bu_preempt_disable(m);
     HELD(bu_write_seqcount_begin(m, s.o), bu_write_seqcount_end(m, s.o)); bu_preempt_enable(m), bu_read_seqcount_begin(m, s.o))
CASE(completion, OBJ bu_completion(m, "l"), works(m, NULL); bu_complete(m, s.o), bu_wait_for_completion(m, s.o))
CASE(wait_queue, OBJ bu_wait_queue(m, "l"), works(m, NULL); bu_atomic_set(m, s.w, 1); bu_wake_up(m, s.o),
     bu_wait_event(m, s.o, s.w, BU_GUARD_EQ, 1))
CASE(swait, OBJ bu_swait_queue(m, "l"), works(m, NULL); bu_atomic_set(m, s.w, 1); bu_swake_up_one(m, s.o),
     bu_swait_event(m, s.o, s.w, BU_GUARD_EQ, 1))
CASE(spin_until, , works(m, NULL); bu_atomic_set(m, s.w, 1), bu_spin_until(m, s.w, BU_GUARD_EQ, 1, -1, "W2 callin", 0))
CASE(static_key, OBJ bu_static_key(m, "l", false), bu_static_key_set(m, s.o, true), bu_static_key_set(m, s.o, false))
CASE(stop_one, bu_cpu_stop_init(m), HELD(bu_preempt_disable(m), bu_preempt_enable(m)), bu_stop_one_cpu(m, 0, "stops", stops, NULL))
CASE(call, , HELD(bu_local_irq_disable(m), bu_local_irq_enable(m)), bu_smp_call_function_single(m, 0, "called", nothing, NULL, true))
CASE(csd_lock, , HELD(bu_local_irq_disable(m), bu_local_irq_enable(m)),
     bu_smp_call_function_single(m, 0, "first", nothing, NULL, false); bu_smp_call_function_single(m, 0, "second", nothing, NULL, false))
CASE(device, OBJ bu_mmio_device(m, "l", 100 * US, BU_ARBITER_FIFO, 0), bu_mmio_access(m, s.o), bu_mmio_access(m, s.o))
CASE(park, s.holder = bu_kthread_create_on_cpu(m, "kthread", 0, parks_late, NULL); bu_wake_up_process(m, s.holder), (void)m,
     bu_kthread_park(m, s.holder); bu_kthread_stop(m, s.holder))
CASE(stop, s.holder = bu_kthread_create_on_cpu(m, "kthread", 0, parks_late, NULL); bu_wake_up_process(m, s.holder), (void)m,
     bu_kthread_stop(m, s.holder))
CASE(flush, OBJ bu_work_item(m, "l", works, NULL), bu_queue_work_on(m, 0, bu_workqueue(m, "wq", BU_WQ_PERCPU), s.o), bu_flush_work(m, s.o))
CASE(timer, OBJ bu_hrtimer(m, "l", expires, NULL), bu_hrtimer_start(m, s.o, 0); bu_work(m, US), bu_hrtimer_cancel(m, s.o))
CASE(grace_period, bu_rcu_spawn_gp_kthread(m, 1000 * US), HELD(bu_rcu_read_lock(m), bu_rcu_read_unlock(m)), bu_synchronize_rcu_expedited(m))
CASE(delay, , (void)m, bu_sleep_ns(m, 100 * US))

static const struct a_case {
	void (*make)(struct bu_machine *), (*hold)(struct bu_machine *), (*wait)(struct bu_machine *);
	const char *waits, *held;
} cases[] = {
#define ROW(name, waits, held) { name##_make, name##_hold, name##_wait, waits, held }
	ROW(queued, "spins for lock raw_spinlock l of holder", "raw_spinlock l"),
	ROW(ticket, "spins for lock raw_spinlock l of holder", "raw_spinlock l"),
	ROW(mutex, "sleeps for lock mutex l of holder", "mutex l"),
	ROW(write, "sleeps for lock rwsem l of holder", "shared rwsem l"),
	ROW(read, "sleeps for lock rwsem l of holder", "rwsem l"),
	ROW(semaphore, "sleeps for lock semaphore l of holder", ""),
	ROW(percpu_read, "sleeps for lock percpu_rwsem l of holder", "percpu_rwsem l"),
	ROW(percpu_write, "sleeps for lock percpu_rwsem l of holder", "shared percpu_rwsem l"),
	ROW(seqcount, "spins for lock seqcount l of holder", "seqcount l"),
	ROW(completion, "sleeps for object completion l", ""),
	ROW(wait_queue, "sleeps for object wait queue l", ""),
	ROW(swait, "sleeps for object swait queue l", ""),
	ROW(spin_until, "spins for word W2 callin on CPU 0", ""),
	ROW(static_key, "sleeps for lock mutex text_mutex of holder", "mutex text_mutex"),
	ROW(stop_one, "sleeps for stop work completion stops of migration/0", ""),
	ROW(call, "spins for IPI called on CPU 0", ""),
	ROW(csd_lock, "spins for IPI first on CPU 0", ""),
	ROW(device, "spins for object device l of holder", ""),
	ROW(park, "sleeps for park of kthread of kthread", ""),
	ROW(stop, "sleeps for end of kthread of kthread", ""),
	ROW(flush, "sleeps for flush of work l of kworker/0:0", ""),
	ROW(timer, "spins for handler of timer timer l on CPU 0", ""),
	ROW(grace_period, "sleeps for grace period expedited of holder", ""),
	ROW(delay, "sleeps for time  on CPU 1", ""),
#undef ROW
};

static void holds_it(struct bu_machine *m, void *arg)
{
	const struct a_case *c = arg;

	BU_FN(m);
	c->hold(m);
}

static void waits_for_it(struct bu_machine *m, void *arg)
{
	const struct a_case *c = arg;

	BU_FN(m);
	bu_work(m, 10 * US);
	c->wait(m);
}

static void observe(struct bu_engine *e, void *arg)
{
	struct bu_machine *m = arg;
	struct bu_held_info held;
	struct bu_wait_info w;
	size_t n;

	bu_engine_delay(e, 50 * US);
	if (!bu_wait_of(m, s.waiter, &w)) {
		snprintf(s.waits, sizeof(s.waits), "does not wait");
		return;
	}
	assert_int_equal(w.since_ns, 10 * US);
	assert_int_equal(w.path_len, 1);
	assert_string_equal(w.path[0], "waits_for_it");
	n = (size_t)snprintf(s.waits, sizeof(s.waits), "%s for %s %s%s%s", w.on_cpu ? "spins" : "sleeps", bu_wait_kind_name(w.kind),
			     w.obj_kind ? bu_obj_kind_name(w.obj_kind) : "", w.obj_kind ? " " : "", w.obj_name);
	if (w.n_by_threads)
		n += (size_t)snprintf(s.waits + n, sizeof(s.waits) - n, " of %s", bu_thread_name(m, w.by_thread[0]));
	if (w.n_by_cpus)
		snprintf(s.waits + n, sizeof(s.waits) - n, " on CPU %d", w.by_cpu[0]);
	if (bu_held_by(m, s.holder, &held, 1)) {
		assert_int_equal(held.since_ns, 0);
		assert_string_equal(held.where, "holds_it");
		snprintf(s.held, sizeof(s.held), "%s%s %s", held.shared ? "shared " : "", bu_obj_kind_name(held.kind), held.name);
	}
}

static void test_each_says_who_waits_for_whom(void **state)
{
	const struct bu_machine_config config = { .n_cpus = 2, .n_online = 2, .text_poke_ns = 100 * US };
	size_t i;

	(void)state;
	for (i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct bu_machine *m = make(&config);
		bu_thread t;

		memset(&s, 0, sizeof(s));
		bu_rcu_set_mode(m, cases[i].make == grace_period_make ? BU_RCU_NORMAL : BU_RCU_INACTIVE);
		s.w = bu_atomic(m, "flag", 0);
		cases[i].make(m);
		t = bu_thread_run(m, "holder", 0, holds_it, (void *)(uintptr_t)&cases[i]);
		s.holder = s.holder ? s.holder : t;
		s.waiter = bu_thread_run(m, "waiter", 1, waits_for_it, (void *)(uintptr_t)&cases[i]);
		assert_int_not_equal(bu_task_spawn(bu_machine_engine(m), "observer", -1, observe, m), 0);
		run_done(m);
		if (strcmp(s.waits, cases[i].waits) || strcmp(s.held, cases[i].held))
			fail_msg("case %zu: '%s', holding '%s'", i, s.waits, s.held);
	}
}

/* ---------------------------------------------------------------------------------- interleavings of two threads */

static struct {
	bu_obj o;
	bu_word_id a, b;
	int ran, kind;
} p;

/* A latch: the reader has the copy that is not being written, is never held up, and what it keeps is not torn. */
static void latch_writes(struct bu_machine *m, void *arg)
{
	(void)arg;
	begin(m, 2);
	bu_raw_write_seqcount_latch(m, p.o);
	bu_atomic_set(m, p.a, 1);	/* copy 0 */
	bu_raw_write_seqcount_latch(m, p.o);
	bu_atomic_set(m, p.b, 1);	/* copy 1 */
}

static void latch_reads(struct bu_machine *m, void *arg)
{
	int64_t seq, first, again;

	(void)arg;
	begin(m, 2);
	do {
		seq = bu_raw_read_seqcount_latch(m, p.o);
		first = bu_atomic_read(m, seq & 1 ? p.b : p.a);
		again = bu_atomic_read(m, seq & 1 ? p.b : p.a);
	} while (p.kind == 0 && bu_read_seqcount_latch_retry(m, p.o, seq));
	if (first != again)
		bu_machine_fail(m, "torn");
}

static void latch_pair(struct bu_machine *m, void *arg)
{
	explore_hold(true);
	p.kind = arg != NULL;
	p.o = bu_seqcount_latch(m, "tk_fast");
	p.a = bu_atomic(m, "base[0]", 0);
	p.b = bu_atomic(m, "base[1]", 0);
	bu_thread_run(m, "writer", 0, latch_writes, NULL);
	bu_thread_run(m, "reader", 1, latch_reads, NULL);
}

/* Two that switch a key: one after the other, and it is then as the last one says. */
static void switches(struct bu_machine *m, void *arg)
{
	const bool on = arg != NULL;

	begin(m, 2);
	bu_static_key_set(m, p.o, on);
	explore_hold(true);	/* the other one has all to itself */
	p.ran++;
}

static void key_pair(struct bu_machine *m, void *arg)
{
	(void)arg;
	explore_hold(true);
	p.ran = 0;
	p.o = bu_static_key(m, "key", false);
	bu_thread_run(m, "on", 0, switches, &p);
	bu_thread_run(m, "off", 1, switches, NULL);
}

/*
 * A caller and the stopper of another CPU. And two callers: that stop each other's CPU, that name both CPUs in opposite order, that
 * stop all; those have too many interleavings to be run one by one, and are gone through state by state.
 */
enum { STOP_ONE, STOP_TWO, STOP_MACHINE, N_STOPS };

static int ran(struct bu_machine *m, void *arg)
{
	(void)arg;
	bu_word_add(bu_machine_engine(m), p.a, 1);
	return 0;
}

static void stops_the_other(struct bu_machine *m, void *arg)
{
	const int cpu = bu_this_cpu(m);

	begin(m, *(const uint32_t *)arg);
	if (p.kind == STOP_ONE)
		bu_stop_one_cpu(m, 1 - cpu, "ran", ran, NULL);
	else if (p.kind == STOP_TWO)
		bu_stop_two_cpus(m, cpu, 1 - cpu, "ran", ran, NULL);
	else
		bu_stop_machine_cpuslocked(m, "ran", ran, NULL, BU_FIRST_ONLINE_CPU);
}

static void stop_scene(struct bu_machine *m, void *arg)
{
	explore_hold(true);
	p.a = bu_atomic(m, "ran", 0);
	bu_cpu_stop_init(m);
	bu_thread_run(m, "a", 0, stops_the_other, arg);
	if (*(const uint32_t *)arg == 2)
		bu_thread_run(m, "b", 1, stops_the_other, arg);
}

static void two_ran(void *arg)
{
	(void)arg;
	assert_int_equal(p.ran, 2);
}

static void each_ran(struct bu_machine *m, void *arg)
{
	assert_int_equal(bu_word_load(bu_machine_engine(m), p.a), *(const uint32_t *)arg);
}

/* Two that hand a word over to each other by spinning for it. */
static void spins(struct bu_machine *m, void *arg)
{
	const int64_t mine = arg != NULL;

	begin(m, 2);
	bu_spin_until(m, p.a, BU_GUARD_EQ, mine, -1, "turn", (int)!mine);
	p.ran++;
	bu_atomic_set(m, p.a, !mine);
}

static void spin_pair(struct bu_machine *m, void *arg)
{
	(void)arg;
	explore_hold(true);
	p.ran = 0;
	p.a = bu_atomic(m, "turn", 0);
	bu_thread_run(m, "0", 0, spins, NULL);
	bu_thread_run(m, "1", 1, spins, &p);
}

/* A device serves both, one after the other. */
static void accesses(struct bu_machine *m, void *arg)
{
	(void)arg;
	begin(m, 2);
	bu_mmio_access(m, p.o);
	p.ran++;
}

static void device_pair(struct bu_machine *m, void *arg)
{
	(void)arg;
	explore_hold(true);
	p.ran = 0;
	p.o = bu_mmio_device(m, "hpet", US, BU_ARBITER_FIFO, 0);
	bu_thread_run(m, "0", 0, accesses, NULL);
	bu_thread_run(m, "1", 1, accesses, NULL);
}

/* Whoever is between enter and exit of rcu_sync finds it not idle, however the other comes and goes. */
static void enters(struct bu_machine *m, void *arg)
{
	(void)arg;
	begin(m, 2);
	bu_rcu_sync_enter(m, p.o);
	if (bu_rcu_sync_is_idle(m, p.o))
		bu_machine_fail(m, "idle");
	p.ran++;
	bu_rcu_sync_exit(m, p.o);
}

static void sync_pair(struct bu_machine *m, void *arg)
{
	(void)arg;
	explore_hold(true);
	p.ran = 0;
	bu_rcu_set_mode(m, BU_RCU_INACTIVE);
	p.o = bu_rcu_sync(m, "rss");
	bu_thread_run(m, "a", 0, enters, NULL);
	bu_thread_run(m, "b", 1, enters, NULL);
}

static void end_well(const char *what, const struct tally *t)
{
	print_message("# %s: %llu %s\n", what, (unsigned long long)(t->states ? t->states : t->runs), t->states ? "states" : "interleavings");
	if (t->ends[BU_MACHINE_DONE] != t->runs)
		fail_msg("%s: %s%s%s", what, t->verdict[BU_MACHINE_STUCK], t->verdict[BU_MACHINE_MISUSE], t->verdict[BU_MACHINE_FAILED]);
	assert_true(t->runs > 3);
}

static void all_end_well(const char *what, void (*setup)(struct bu_machine *, void *), void (*check)(void *), void *arg)
{
	const struct tally t = explore(2, setup, check, arg, 200000);

	end_well(what, &t);
}

static void test_two_threads_in_all_interleavings(void **state)
{
	struct tally t;

	(void)state;
	all_end_well("latch", latch_pair, NULL, NULL);
	t = explore(2, latch_pair, NULL, &p, 100000);	/* without looking again */
	assert_true(t.ends[BU_MACHINE_FAILED] > 0);
	all_end_well("static key", key_pair, two_ran, NULL);
	all_end_well("spin_until", spin_pair, two_ran, NULL);
	all_end_well("device", device_pair, two_ran, NULL);
	all_end_well("rcu_sync", sync_pair, two_ran, NULL);
}

static void test_stops_in_all_interleavings(void **state)
{
	static const char *const names[N_STOPS][2] = {
		{ "stop_one_cpu", "two stop_one_cpu" }, { "stop_two_cpus", "two stop_two_cpus" }, { "stop_machine", "two stop_machine" },
	};
	uint32_t callers;
	struct tally t;

	(void)state;
	for (p.kind = 0; p.kind < N_STOPS; p.kind++)
		for (callers = 1; callers <= 2; callers++) {
			t = explore_states(2, stop_scene, each_ran, &callers, true, 2000000);
			end_well(names[p.kind][callers - 1], &t);
		}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_each_says_who_waits_for_whom),
		cmocka_unit_test(test_two_threads_in_all_interleavings),
		cmocka_unit_test(test_stops_in_all_interleavings),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
