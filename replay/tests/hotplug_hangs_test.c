// SPDX-License-Identifier: GPL-2.0-only
/*
 * hotplug_hangs_test.c - hangs that CPU hotplug had, each as the kernel of its time and as the one that mended it: the first
 * must come out as a hang with the right threads in its witness, the second must end well.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
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
#include "replay/machine/stop.h"
#include "replay/machine/timer.h"
#include "replay/machine/wait.h"
#include "replay/machine/workqueue.h"
#include "schemas/base/ns.h"

enum { US = 1000, MS = 1000000 };

static struct {
	bool mended;
	bu_obj m, wq, work, group;
	struct meeting {
		bu_obj done;
		bu_word_id arrived;
		int first, second;	/* CPUs, in the order of queueing */
	} meeting[3];
	int n_meetings;
} s;

/* Runs @control on @cpus CPUs; expects it to end well, or to hang with all of @words in the witness. */
static void play(bu_thread_fn control, uint32_t cpus, bool mended, const char *const *words)
{
	const struct bu_machine_config config = { .n_cpus = cpus, .n_online = cpus, .tick_ns = 4 * MS, .ipi_ns = US,
						  .max_events = 200000 };
	struct bu_err err = BU_ERR_INIT;
	struct bu_machine *m;
	struct bu_machine_result r;
	struct bu_hang_verdict v;
	char *witness;

	assert_int_equal(bu_machine_create(&config, &m, &err), 0);
	memset(&s, 0, sizeof(s));
	s.mended = mended;
	bu_rcu_set_mode(m, BU_RCU_INACTIVE);	/* the lock's own grace periods are not what these are about */
	bu_thread_run(m, "control", 0, control, NULL);
	assert_int_equal(bu_machine_run(m, &r, &err), 0);
	bu_hang_diagnose(m, &r, &v);
	witness = bu_hang_witness(m, &r, &v);
	assert_non_null(witness);
	if ((v.class == BU_HANG_NONE) != mended)
		print_error("%s\n", witness);
	assert_int_equal(v.class == BU_HANG_NONE, mended);
	for (; !mended && *words; words++) {
		if (!strstr(witness, *words))
			print_error("no '%s' in\n%s\n", *words, witness);
		assert_non_null(strstr(witness, *words));
	}
	free(witness);
	bu_machine_destroy(m);
}

static void both(bu_thread_fn control, uint32_t cpus, const char *const *words)
{
	play(control, cpus, false, words);
	play(control, cpus, true, words);
}

/*
 * Expedited grace period under a notifier's mutex: up to 3.17 synchronize_sched_expedited() took get_online_cpus(). Since
 * dd56af42bd82 (3.18) try_get_online_cpus(), and a normal grace period when that fails.
 */
static void expedites_under_m(struct bu_machine *m, void *arg)
{
	(void)arg;
	BU_FN(m);
	bu_mutex_lock(m, s.m);
	bu_work(m, 100 * US);
	if (!s.mended) {
		bu_cpus_read_lock(m);
		bu_cpus_read_unlock(m);
	} else {
		bu_sleep_ns(m, 10 * MS);	/* a normal grace period */
	}
	bu_mutex_unlock(m, s.m);
}

static void notifier_wants_m(struct bu_machine *m, void *arg)
{
	(void)arg;
	BU_FN(m);
	s.m = bu_mutex(m, "mutex of a notifier");
	bu_thread_run(m, "expedites", 1, expedites_under_m, NULL);
	bu_sleep_ns(m, 50 * US);
	bu_cpus_write_lock(m);
	bu_work(m, 100 * US);
	bu_mutex_lock(m, s.m);
	bu_mutex_unlock(m, s.m);
	bu_cpus_write_unlock(m);
}

static void expedited_grace_period_in_a_notifier(void **state)
{
	static const char *const words[] = { "deadlock", "control -> lock mutex of a notifier -> expedites", "cpu_hotplug_lock", NULL };

	(void)state;
	both(notifier_wants_m, 2, words);
}

/*
 * CPU_DEAD flushes a workqueue under the hotplug lock, whose work wants get_online_cpus(): up to 2.6.26. Since 3da1c84c00c7
 * (2.6.27) that is done in CPU_POST_DEAD, without the lock. The same shape as the flush_workqueue() of the RT mail of 2012.
 */
static void wants_online_cpus(struct bu_machine *m, void *arg)
{
	(void)arg;
	BU_FN(m);
	bu_work(m, 100 * US);
	bu_cpus_read_lock(m);
	bu_cpus_read_unlock(m);
}

static void flushes_in_cpu_dead(struct bu_machine *m, void *arg)
{
	(void)arg;
	BU_FN(m);
	s.wq = bu_workqueue(m, "wq", BU_WQ_PERCPU);
	s.work = bu_work_item(m, "work", wants_online_cpus, NULL);
	bu_cpus_write_lock(m);
	bu_queue_work_on(m, 1, s.wq, s.work);
	if (!s.mended)
		bu_flush_workqueue(m, s.wq);
	bu_cpus_write_unlock(m);
	if (s.mended)
		bu_flush_workqueue(m, s.wq);
}

static void flush_under_the_hotplug_lock(void **state)
{
	static const char *const words[] = { "deadlock", "flushes_in_cpu_dead", "wants_online_cpus", NULL };

	(void)state;
	both(flushes_in_cpu_dead, 2, words);
}

/*
 * CFS bandwidth: the task that takes a CPU down is throttled, and the timer that would let it go on stays on the CPU that is
 * dead until the task itself has moved it (hrtimers_dead_cpu()). Up to 6.5; since 2b8272ff4a70 (6.6) the work is done by a
 * kworker of another CPU, which no quota throttles.
 */
static int goes_offline(struct bu_machine *m, void *arg)
{
	(void)arg;
	BU_FN(m);
	bu_set_cpu_online(m, 1, false);
	bu_stop_machine_park(m, 1);
	return 0;
}

static void _cpu_down(struct bu_machine *m, void *arg)
{
	(void)arg;
	BU_FN(m);
	bu_cpus_write_lock(m);
	bu_stop_machine_cpuslocked(m, "take_cpu_down", goes_offline, NULL, 1);
	bu_work(m, 30 * MS);		/* more than its quota */
	bu_timers_migrate(m, 1, 0);	/* hrtimers_dead_cpu() */
	bu_cpus_write_unlock(m);
}

static void takes_down(struct bu_machine *m, void *arg)
{
	(void)arg;
	BU_FN(m);
	bu_cfs_join(m, s.group, bu_current(m));
	bu_work(m, MS);			/* on CPU 1: the period timer is armed there */
	assert_int_equal(bu_set_cpus_allowed_ptr(m, bu_current(m), 2), 0);
	if (s.mended)
		bu_work_on_cpu(m, 0, "_cpu_down", _cpu_down, NULL);
	else
		_cpu_down(m, NULL);
}

static void throttled_controller(struct bu_machine *m, void *arg)
{
	bu_thread t;

	(void)arg;
	BU_FN(m);
	bu_cpu_stop_init(m);
	s.group = bu_cfs_group(m, "group", 10 * MS, 100 * MS);
	t = bu_thread_create(m, "takes down", BU_ANY_CPU, BU_CLASS_FAIR, 0, takes_down, NULL);
	bu_set_cpus_allowed_ptr(m, t, 1);
	bu_wake_up_process(m, t);
}

static void bandwidth_timer_on_the_dead_cpu(void **state)
{
	static const char *const words[] = { "deadlock", "takes down waits for bandwidth", "_cpu_down",
					     "takes down -> bandwidth group -> takes down", NULL };

	(void)state;
	both(throttled_controller, 3, words);
}

/*
 * Two stop the same CPUs, and their works are queued in another order on each: up to 3.13 stop_two_cpus() against stop_cpus()
 * (177c53d94336), up to 4.1 three of stop_two_cpus() (b17718d02f54). Since then both works of a pair are queued under both
 * stoppers' locks.
 */
static int meets(struct bu_machine *m, void *arg)
{
	struct meeting *x = arg;

	BU_FN(m);
	if (bu_atomic_add_return(m, x->arrived, 1) == 2)
		bu_complete(m, x->done);
	bu_spin_until(m, x->arrived, BU_GUARD_GE, 2, -1, "multi_cpu_stop", -1);
	return 0;
}

static void stops_two(struct bu_machine *m, void *arg)
{
	struct meeting *x = arg;

	BU_FN(m);
	bu_work(m, (x - s.meeting) * 10 * US);
	if (s.mended)
		bu_raw_spin_lock(m, s.m);
	bu_stop_one_cpu_nowait(m, x->first, "meets", meets, x);
	bu_work(m, 50 * US);
	bu_stop_one_cpu_nowait(m, x->second, "meets", meets, x);
	if (s.mended)
		bu_raw_spin_unlock(m, s.m);
	bu_wait_for_completion(m, x->done);
}

/* Stopped are CPUs 0 to @n - 1, by threads on those behind. */
static void stop_in_a_ring(struct bu_machine *m, int n)
{
	int i;

	bu_cpu_stop_init(m);
	s.m = bu_raw_spinlock(m, "stopper", BU_SPIN_QUEUED);
	for (i = 0; i < n; i++) {
		s.meeting[i] = (struct meeting){ bu_completion(m, "cpu_stop_done"), bu_atomic(m, "arrived", 0), i, (i + 1) % n };
		bu_thread_run(m, "stops", n + i, stops_two, &s.meeting[i]);
	}
}

static void two_orders(struct bu_machine *m, void *arg)
{
	(void)arg;
	stop_in_a_ring(m, 2);
}

static void three_pairs(struct bu_machine *m, void *arg)
{
	(void)arg;
	stop_in_a_ring(m, 3);
}

static void stoppers_in_another_order(void **state)
{
	static const char *const words[] = { "livelock", "migration/0 spins for word multi_cpu_stop", "in meets", "soft lockup", NULL };

	(void)state;
	both(two_orders, 4, words);
	both(three_pairs, 6, words);
}

/*
 * A thread is to be moved away from a CPU that goes down meanwhile: between looking whether that CPU is online and queueing to
 * its stopper the mover is preempted by its own, for take_cpu_down(). The stopper that is not enabled any more drops the work, and
 * nobody completes it: 5.10 to 6.6, f0498d2a54e7 (6.7) keeps preemption off from one to the other.
 */
static int moved_away(struct bu_machine *m, void *arg)
{
	BU_FN(m);
	bu_complete(m, *(bu_obj *)arg);
	return 0;
}

static void affine_move_task(struct bu_machine *m, void *arg)
{
	(void)arg;
	BU_FN(m);
	if (s.mended)
		bu_preempt_disable(m);
	if (bu_cpu_online(m, 1)) {
		bu_work(m, 100 * US);
		bu_stop_one_cpu_nowait(m, 1, "migration_cpu_stop", moved_away, &s.m);
	} else {
		bu_complete(m, s.m);
	}
	if (s.mended)
		bu_preempt_enable(m);
	bu_wait_for_completion(m, s.m);
}

static void goes_down_meanwhile(struct bu_machine *m, void *arg)
{
	(void)arg;
	BU_FN(m);
	bu_cpu_stop_init(m);
	s.m = bu_completion(m, "set_affinity_pending");
	bu_thread_run(m, "moves", 2, affine_move_task, NULL);
	bu_work(m, 20 * US);
	bu_cpus_write_lock(m);
	bu_stop_machine_cpuslocked(m, "take_cpu_down", goes_offline, NULL, 1);
	bu_cpus_write_unlock(m);
}

static void move_from_a_cpu_that_goes_down(void **state)
{
	static const char *const words[] = { "moves waits for object set_affinity_pending", "in affine_move_task", "hung task", NULL };

	(void)state;
	both(goes_down_meanwhile, 3, words);
}

/*
 * A thread is to be moved away from a CPU that has just come online, and whose stopper the control CPU has yet to unpark: the
 * work is completed without being run, the thread stays. Up to 5.4; since 45178ac0cea8 (5.5) the CPU unparks its stopper by itself,
 * before others can find it idle (cpuhp_online_idle()).
 */
static int moves(struct bu_machine *m, void *arg)
{
	BU_FN(m);
	*(bool *)arg = true;
	return 0;
}

static void stops_the_new_cpu(struct bu_machine *m, void *arg)
{
	static bool moved;

	(void)arg;
	BU_FN(m);
	moved = false;
	bu_cpu_stop_init(m);
	bu_stop_machine_park(m, 1);
	if (s.mended)
		bu_stop_machine_unpark(m, 1);
	bu_stop_one_cpu(m, 1, "migration_cpu_stop", moves, &moved);
	if (!moved)
		bu_core_assert_failed(m, "moved", "stops_the_new_cpu");
}

static void stopper_of_a_new_cpu(void **state)
{
	static const char *const words[] = { "violated assertion", "moved", NULL };

	(void)state;
	both(stops_the_new_cpu, 2, words);
}

/*
 * rcu_gp_init() takes get_online_cpus() while a notifier waits for a grace period under the hotplug mutex: 3.7-rc. Since
 * a4fbe35a1245 (3.7) it has a mutex of its own, which only the CPU's masks are changed under.
 */
static void rcu_gp_kthread(struct bu_machine *m, void *arg)
{
	(void)arg;
	BU_FN(m);
	bu_wait_for_completion(m, s.meeting[0].done);
	if (!s.mended) {
		bu_mutex_lock(m, s.m);
		bu_mutex_unlock(m, s.m);
	}
	bu_work(m, 100 * US);
	bu_complete(m, s.meeting[1].done);
}

static void notifier_synchronizes(struct bu_machine *m, void *arg)
{
	(void)arg;
	BU_FN(m);
	s.m = bu_mutex(m, "cpu_hotplug.lock");
	s.meeting[0].done = bu_completion(m, "a grace period is wanted");
	s.meeting[1].done = bu_completion(m, "rcu_synchronize");
	bu_thread_run(m, "rcu_gp", 1, rcu_gp_kthread, NULL);
	bu_mutex_lock(m, s.m);
	bu_complete(m, s.meeting[0].done);
	bu_wait_for_completion(m, s.meeting[1].done);
	bu_mutex_unlock(m, s.m);
}

static void grace_period_begins_under_the_hotplug_mutex(void **state)
{
	static const char *const words[] = { "control waits for object rcu_synchronize", "holds mutex cpu_hotplug.lock",
					     "rcu_gp waits for lock cpu_hotplug.lock", NULL };

	(void)state;
	both(notifier_synchronizes, 2, words);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(expedited_grace_period_in_a_notifier), cmocka_unit_test(flush_under_the_hotplug_lock),
		cmocka_unit_test(bandwidth_timer_on_the_dead_cpu), cmocka_unit_test(stoppers_in_another_order),
		cmocka_unit_test(move_from_a_cpu_that_goes_down), cmocka_unit_test(stopper_of_a_new_cpu),
		cmocka_unit_test(grace_period_begins_under_the_hotplug_mutex),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
