// SPDX-License-Identifier: GPL-2.0-only
/*
 * misuse_test.c - each rule of the kernel that the machine holds cores to: what breaks it ends the run as misuse and says so, and the
 * nearest thing that is allowed ends well.
 */
#include "replay/machine/tests/drive.h"

#include <string.h>

#include "replay/machine/atomic.h"
#include "replay/machine/kthread.h"
#include "replay/machine/lock.h"
#include "replay/machine/percpu_rwsem.h"
#include "replay/machine/rcu.h"
#include "replay/machine/smp.h"
#include "replay/machine/stop.h"
#include "replay/machine/timer.h"
#include "replay/machine/wait.h"
#include "replay/machine/workqueue.h"
#include "schemas/base/ns.h"

#define US BU_NS_PER_US

static struct {
	bu_obj spin, mutex, rwsem, percpu, seq, rss, done, wq, locks[17];
	bu_thread k;
} s;

/* Handlers, works and kthreads of the scenes below. */
static void sleeps(struct bu_machine *m, void *arg)
{
	(void)arg;
	bu_sleep_ns(m, 1);
}

static void works(struct bu_machine *m, void *arg)
{
	(void)arg;
	bu_work(m, US);
}

static void takes_spin(struct bu_machine *m, void *arg)
{
	(void)arg;
	bu_raw_spin_lock(m, s.spin);
}

static void takes_and_gives_spin(struct bu_machine *m, void *arg)
{
	takes_spin(m, arg);
	bu_raw_spin_unlock(m, s.spin);
}

static void trylocks_mutex(struct bu_machine *m, void *arg)
{
	(void)arg;
	if (bu_mutex_trylock(m, s.mutex))
		bu_mutex_unlock(m, s.mutex);
}

static void enables_irqs(struct bu_machine *m, void *arg)
{
	(void)arg;
	bu_local_irq_enable(m);
}

static void disables_preemption(struct bu_machine *m, void *arg)
{
	(void)arg;
	bu_preempt_disable(m);
}

static void begins_reading(struct bu_machine *m, void *arg)
{
	(void)arg;
	bu_rcu_read_lock(m);
}

static int returns(struct bu_machine *m, void *arg)
{
	works(m, arg);
	return 0;
}

/* Who holds all of them, from 0 on for 20 us; the scene runs on another CPU at 10 us. */
static void owner(struct bu_machine *m, void *arg)
{
	(void)arg;
	bu_mutex_lock(m, s.mutex);
	bu_down_write(m, s.rwsem);
	bu_percpu_down_read(m, s.percpu);
	bu_raw_spin_lock(m, s.spin);
	bu_write_seqcount_begin(m, s.seq);
	bu_work(m, 20 * US);
	bu_write_seqcount_end(m, s.seq);
	bu_raw_spin_unlock(m, s.spin);
	bu_percpu_up_read(m, s.percpu);
	bu_up_write(m, s.rwsem);
	bu_mutex_unlock(m, s.mutex);
}

static void wait_for(struct bu_machine *m, void (*fn)(struct bu_machine *, void *))
{
	bu_irq_send(m, bu_this_cpu(m), "handler", US, fn, NULL);
	bu_work(m, 2 * US);
}

static void queue(struct bu_machine *m, void (*fn)(struct bu_machine *, void *))
{
	bu_obj w = bu_work_item(m, "w", fn, NULL);

	bu_queue_work_on(m, 0, s.wq, w);
	bu_flush_work(m, w);
}

static void take(struct bu_machine *m, int n)
{
	int i;

	for (i = 0; i < n; i++)
		bu_mutex_lock(m, s.locks[i]);
	while (i--)
		bu_mutex_unlock(m, s.locks[i]);
}

/* What is said, what breaks the rule, what does not. */
#define SPIN(x) bu_raw_spin_lock(m, s.spin); x; bu_raw_spin_unlock(m, s.spin)
#define IRQS_OFF(x) bu_local_irq_disable(m); x; bu_local_irq_enable(m)
#define PREEMPT_OFF(x) bu_preempt_disable(m); x; bu_preempt_enable(m)
#define READER(x) bu_rcu_read_lock(m); x; bu_rcu_read_unlock(m)
#define SLEEP bu_sleep_ns(m, 1)
#define WORK bu_work(m, 1)
#define INVALID "BUG: sleeping function called from invalid context"
#define RULES(RULE) \
	/* sleeping where that is not allowed */ \
	RULE(sleep_irqs_off, INVALID, IRQS_OFF(SLEEP), IRQS_OFF(WORK)) \
	RULE(sleep_preempt_off, INVALID, PREEMPT_OFF(SLEEP), PREEMPT_OFF(WORK); SLEEP) \
	RULE(sleep_in_spinlock, INVALID, SPIN(SLEEP), SPIN(WORK); SLEEP) \
	RULE(sleep_in_rcu, INVALID, READER(SLEEP), READER(WORK); SLEEP) \
	RULE(sleep_in_handler, INVALID, wait_for(m, sleeps), wait_for(m, works)) \
	RULE(mutex_irqs_off, INVALID, IRQS_OFF(bu_mutex_lock(m, s.mutex)), bu_mutex_lock(m, s.mutex); bu_mutex_unlock(m, s.mutex)) \
	RULE(rwsem_in_spinlock, INVALID, SPIN(bu_down_read(m, s.rwsem)), SPIN(bu_down_read_trylock(m, s.rwsem)); bu_up_read(m, s.rwsem)) \
	RULE(completion_in_spinlock, INVALID, SPIN(bu_wait_for_completion(m, s.done)), SPIN(bu_try_wait_for_completion(m, s.done))) \
	RULE(synchronize_in_rcu, "Illegal synchronize_rcu() in RCU read-side critical section", READER(bu_synchronize_rcu(m)), \
	     READER(WORK); bu_synchronize_rcu(m)) \
	RULE(schedule_preempt_off, "BUG: scheduling while atomic: t", PREEMPT_OFF(bu_schedule(m)), PREEMPT_OFF(WORK); bu_schedule(m)) \
	RULE(schedule_irqs_off, "BUG: scheduling while atomic: t", IRQS_OFF(bu_schedule(m)), IRQS_OFF(WORK); bu_schedule(m)) \
	RULE(schedule_in_rcu, "voluntary context switch within an RCU read-side critical section: t", READER(bu_set_current_state(m, BU_TASK_UNINTERRUPTIBLE); \
	     bu_schedule(m)), READER(bu_schedule(m))) \
	RULE(trylock_in_handler, "mutex_trylock() of mutex in an interrupt handler", wait_for(m, trylocks_mutex), trylocks_mutex(m, NULL)) \
	/* locks of others, or of nobody */ \
	RULE(unlock_mutex, "mutex_unlock of mutex mutex, which this thread does not hold", bu_mutex_unlock(m, s.mutex), \
	     trylocks_mutex(m, NULL)) \
	RULE(unlock_spin, "raw_spin_unlock of raw_spinlock spin, which this thread does not hold", bu_raw_spin_unlock(m, s.spin), \
	     takes_and_gives_spin(m, NULL)) \
	RULE(up_write, "up_write of rwsem rwsem, which this thread does not hold", bu_up_write(m, s.rwsem), \
	     bu_down_write(m, s.rwsem); bu_up_write(m, s.rwsem)) \
	RULE(up_read, "up_read of rwsem rwsem, which this thread does not hold", bu_up_read(m, s.rwsem), \
	     bu_down_read(m, s.rwsem); bu_up_read(m, s.rwsem)) \
	RULE(percpu_up_read, "percpu_up_read of percpu_rwsem percpu, which this thread does not hold", bu_percpu_up_read(m, s.percpu), \
	     bu_percpu_down_read(m, s.percpu); bu_percpu_up_read(m, s.percpu)) \
	RULE(percpu_up_write, "percpu_up_write of percpu_rwsem percpu, which this thread does not hold", bu_percpu_up_write(m, s.percpu), \
	     bu_percpu_down_write(m, s.percpu); bu_percpu_up_write(m, s.percpu)) \
	RULE(end_of_write, "end of a write section of seqcount seq that this thread has not begun", bu_write_seqcount_end(m, s.seq), \
	     SPIN(bu_write_seqcount_begin(m, s.seq); bu_write_seqcount_end(m, s.seq))) \
	RULE(two_writers, "two write sections of seqcount seq at once", PREEMPT_OFF(bu_write_seqcount_begin(m, s.seq); \
	     bu_write_seqcount_begin(m, s.seq)), \
	     SPIN(bu_write_seqcount_begin(m, s.seq); bu_write_seqcount_end(m, s.seq))) \
	RULE(write_preemptible, "write section of seqcount seq with preemption enabled", bu_write_seqcount_begin(m, s.seq), \
	     SPIN(bu_write_seqcount_begin(m, s.seq); bu_write_seqcount_end(m, s.seq))) \
	RULE(rcu_unlock, "rcu_read_unlock() without rcu_read_lock()", bu_rcu_read_unlock(m), READER(WORK)) \
	RULE(sync_exit, "rcu_sync_exit(rss) without rcu_sync_enter()", bu_rcu_sync_exit(m, s.rss), \
	     bu_rcu_sync_enter(m, s.rss); bu_rcu_sync_exit(m, s.rss)) \
	RULE(preempt_enable, "preempt_enable() without preempt_disable()", PREEMPT_OFF(WORK); bu_preempt_enable(m), PREEMPT_OFF(WORK)) \
	/* locks that it holds already, and too many */ \
	RULE(mutex_twice, "mutex_lock of mutex mutex, which this thread holds already", bu_mutex_lock(m, s.mutex); \
	     bu_mutex_lock(m, s.mutex), bu_mutex_lock(m, s.mutex); bu_mutex_trylock(m, s.locks[0]); bu_mutex_unlock(m, s.locks[0]); \
	     bu_mutex_unlock(m, s.mutex)) \
	RULE(spin_twice, "raw_spin_lock of raw_spinlock spin, which this thread holds already", SPIN(takes_spin(m, NULL)), SPIN(WORK); SPIN(WORK)) \
	RULE(write_twice, "down_write of rwsem rwsem, which this thread holds already", bu_down_write(m, s.rwsem); \
	     bu_down_write(m, s.rwsem), bu_down_read(m, s.rwsem); bu_down_read(m, s.rwsem); bu_up_read(m, s.rwsem); bu_up_read(m, s.rwsem)) \
	RULE(percpu_write_twice, "percpu_down_write of percpu_rwsem percpu, which this thread holds already", \
	     bu_percpu_down_write(m, s.percpu); bu_percpu_down_write(m, s.percpu), bu_percpu_down_read(m, s.percpu); \
	     bu_percpu_down_read(m, s.percpu); bu_percpu_up_read(m, s.percpu); bu_percpu_up_read(m, s.percpu)) \
	RULE(too_many, "more than 16 locks held at once", take(m, 17), take(m, 16)) \
	/* what must be over when something ends */ \
	RULE(end_with_mutex, "t ended while holding mutex mutex", bu_mutex_lock(m, s.mutex), trylocks_mutex(m, NULL)) \
	RULE(end_with_spin, "t ended while holding raw_spinlock spin", takes_spin(m, NULL), takes_and_gives_spin(m, NULL)) \
	RULE(end_with_rwsem, "t ended while holding rwsem rwsem", bu_down_read(m, s.rwsem), bu_down_read(m, s.rwsem); bu_up_read(m, s.rwsem)) \
	RULE(end_with_percpu, "t ended while holding percpu_rwsem percpu", bu_percpu_down_read(m, s.percpu), \
	     bu_percpu_down_read(m, s.percpu); bu_percpu_up_read(m, s.percpu)) \
	RULE(end_preempt_off, "t ended with preempt_count 1", bu_preempt_disable(m), PREEMPT_OFF(WORK)) \
	RULE(end_irqs_off, "t ended with interrupts off", bu_local_irq_disable(m), IRQS_OFF(WORK)) \
	RULE(end_in_rcu, "t ended inside rcu_read_lock()", bu_rcu_read_lock(m), READER(WORK)) \
	RULE(handler_keeps_lock, "interrupt handler handler returned with other locks held than before", wait_for(m, takes_spin), \
	     wait_for(m, takes_and_gives_spin)) \
	RULE(work_keeps_lock, "work w returned atomic or with a lock held", queue(m, takes_spin), queue(m, takes_and_gives_spin)) \
	RULE(work_preempt_off, "work w returned atomic or with a lock held", queue(m, disables_preemption), queue(m, works)) \
	RULE(work_in_rcu, "work w returned atomic or with a lock held", queue(m, begins_reading), queue(m, sleeps)) \
	/* calls at the wrong time, or about what is not there */ \
	RULE(irqs_on_in_handler, "local_irq_enable() in an interrupt handler", wait_for(m, enables_irqs), IRQS_OFF(WORK)) \
	RULE(bind_running, "kthread k is bound to CPU 1 while it runs", bu_wake_up_process(m, s.k); bu_kthread_bind(m, s.k, 1), \
	     bu_kthread_bind(m, s.k, 1); bu_wake_up_process(m, s.k)) \
	RULE(bind_nowhere, "kthread k is bound to CPU 3", bu_kthread_bind(m, s.k, 3), bu_kthread_bind(m, s.k, 2)) \
	RULE(stop_no_kthread, "of thread 1, which is no kthread", bu_kthread_stop(m, 1), bu_kthread_stop(m, s.k)) \
	RULE(stop_two_of_one, "stop_two_cpus() of one CPU, 1", bu_stop_two_cpus(m, 1, 1, "returns", returns, NULL), \
	     bu_stop_two_cpus(m, 1, 0, "returns", returns, NULL)) \
	RULE(stop_init_twice, "cpu_stop_init() twice", bu_cpu_stop_init(m), WORK) \
	RULE(start_running, "CPU 1 is started while it runs", bu_cpu_start(m, 1, NULL, NULL), bu_cpu_start(m, 2, NULL, NULL)) \
	RULE(idle_loop, "cpu_startup_entry() by another thread than idle", bu_cpu_startup_entry(m), WORK) \
	RULE(dying_irqs_on, "smpcfd_dying_cpu() with interrupts on", bu_smpcfd_dying_cpu(m), IRQS_OFF(bu_smpcfd_dying_cpu(m))) \
	RULE(no_such_cpu, "of CPU 3, the machine has 3", bu_set_cpu_online(m, 3, true), WORK) \
	RULE(negative_work, "bu_work of -1 ns", bu_work(m, -1), bu_work(m, 0)) \
	RULE(negative_timeout, "schedule_timeout(-1)", bu_schedule_timeout(m, -1), bu_schedule_timeout(m, 0)) \
	RULE(no_such_object, "of object 99, which does not exist", bu_mutex_lock(m, 99), WORK) \
	RULE(other_kind, "mutex_lock of raw_spinlock spin, which is no mutex", bu_mutex_lock(m, s.spin), bu_mutex_lock(m, s.mutex); \
	     bu_mutex_unlock(m, s.mutex)) \
	RULE(quota, "group g with a quota of 0 ns", bu_cfs_group(m, "g", 0, US), bu_cfs_group(m, "g", 1, US))

#define FUNCTIONS(name, said, wrong_, right_) \
	static void name##_wrong(struct bu_machine *m) { wrong_; } \
	static void name##_right(struct bu_machine *m) { right_; }
RULES(FUNCTIONS)

static const struct rule {
	const char *name, *said;
	void (*wrong)(struct bu_machine *), (*right)(struct bu_machine *);
} rules[] = {
#define ROW(name, said, wrong_, right_) { #name, said, name##_wrong, name##_right },
	RULES(ROW)
};

/* With an owner, what is wrong happens while another thread holds it all; what is right is so whether anybody does or not. */
static void scene(struct bu_machine *m, void *arg)
{
	void (*const *fn)(struct bu_machine *) = arg;

	bu_work(m, 10 * US);
	(*fn)(m);
}

static struct bu_machine_result play(void (*fn)(struct bu_machine *), bool owned)
{
	struct bu_machine *m = make(&(struct bu_machine_config){ .n_cpus = 3, .n_online = 2, .max_events = 100000 });
	size_t i;

	bu_rcu_set_mode(m, BU_RCU_INACTIVE);
	s.spin = bu_raw_spinlock(m, "spin", BU_SPIN_QUEUED);
	s.mutex = bu_mutex(m, "mutex");
	s.rwsem = bu_rwsem(m, "rwsem");
	s.percpu = bu_percpu_rwsem(m, "percpu");
	s.seq = bu_seqcount(m, "seq");
	s.rss = bu_rcu_sync(m, "rss");
	s.done = bu_completion(m, "done");
	s.wq = bu_workqueue(m, "wq", BU_WQ_PERCPU);
	for (i = 0; i < sizeof(s.locks) / sizeof(s.locks[0]); i++)
		s.locks[i] = bu_mutex(m, "one of many");
	bu_cpu_stop_init(m);
	bu_thread_run(m, "t", 0, scene, &fn);
	s.k = bu_kthread_create(m, "k", returns, NULL);
	if (owned)
		bu_thread_run(m, "owner", 1, owner, NULL);
	return run(m);
}

static void test_each_rule(void **state)
{
	struct bu_machine_result r;
	size_t i, broken = 0;

	(void)state;
	for (i = 0; i < sizeof(rules) / sizeof(rules[0]); i++) {
		r = play(rules[i].wrong, false);
		if ((r.end != BU_MACHINE_MISUSE || !strstr(r.verdict, rules[i].said)) && ++broken)
			print_error("%s: ended with %d: %s\n", rules[i].name, (int)r.end, r.verdict);
		r = play(rules[i].right, false);
		if (r.end != BU_MACHINE_DONE && ++broken)
			print_error("%s, done right: ended with %d: %s\n", rules[i].name, (int)r.end, r.verdict);
	}
	assert_int_equal(broken, 0);
}

/* A lock that another thread holds is not to be given back either; the thread that did it is named, not the owner. */
static void test_another_owner(void **state)
{
	static void (*const wrong[])(struct bu_machine *) = { unlock_mutex_wrong, unlock_spin_wrong, up_write_wrong, percpu_up_read_wrong,
							      end_of_write_wrong, two_writers_wrong };
	struct bu_machine_result r;
	size_t i;

	(void)state;
	for (i = 0; i < sizeof(wrong) / sizeof(wrong[0]); i++) {
		r = play(wrong[i], true);
		assert_int_equal(r.end, BU_MACHINE_MISUSE);
		if (!strstr(r.verdict, "(t on CPU 0 at 10000 ns"))
			fail_msg("case %zu: %s", i, r.verdict);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_each_rule),
		cmocka_unit_test(test_another_owner),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
