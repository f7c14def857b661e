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

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(expedited_grace_period_in_a_notifier), cmocka_unit_test(flush_under_the_hotplug_lock),
		cmocka_unit_test(bandwidth_timer_on_the_dead_cpu),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
