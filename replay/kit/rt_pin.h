/* SPDX-License-Identifier: MIT */
/*
 * rt_pin.h - what PREEMPT_RT had before 5.11 to keep a CPU while a task runs on it: tasks pin their CPU in migrate_disable(), and
 * the way down waits until nobody does.
 *
 * Sources: "hotplug: Lightweight get online cpus" (Thomas Gleixner, 2011) for one phase; "cpu/rt: Rework cpu down for
 * PREEMPT_RT" (Steven Rostedt, 16 July 2012), as in the 4.8-rt series, for three; described by the latter in "Re: CPU Hotplug
 * rework", 26 March 2012. Replaced by migrate_disable() of v5.11.
 *
 * One phase: a thread bound to the CPU waits for the pins to go, then whoever pins it waits for cpu_hotplug.lock, all the
 * way down. So a notifier that waits for such a task waits for ever: for the end of a thread that takes a sleeping spinlock
 * (D1), or for a lock that such a task holds (D2).
 * Three phases: at first who cannot pin goes to another CPU, or if it is bound to this one pins it all the same; only when
 * the notifiers are through does it wait.
 */
#ifndef BU_REPLAY_KIT_RT_PIN_H
#define BU_REPLAY_KIT_RT_PIN_H

#include "replay/kit/notifier.h"

struct hotplug_pcp {		/* by CPU; words, and objects */
	bu_word_id unplug;	/* sync_unplug/N while the CPU goes down */
	bu_word_id refcount;	/* pins */
	bu_word_id grab_lock;	/* who pins waits for the lock */
	bu_obj synced, lock;
	bu_thread sync_tsk, notified;
	bool locked;
};

struct rt_pin {
	bool phases;		/* three, not one */
	struct hotplug_pcp *pcp;
	bu_obj l;		/* a lock that a notifier takes too */
	bu_word_id over;
};

/* Parameters of both cores. */
enum { RT_READERS, RT_SECTION_NS, RT_PERIOD_NS, RT_NOTIFIER_STOPS, RT_NOTIFIER_LOCKS, RT_READERS_FROM };
enum { RT_GENERATED, RT_RECORDED };

#define RT_PARAMETERS \
	{ "readers", "", "tasks that pin the CPU on which they are, again and again", 4, 0, 4096 }, \
	{ "section_ns", "ns", "each for so long", 100000, 0, INT64_C(10000000000) }, \
	{ "period_ns", "ns", "and rests so long, on average", 1000000, 1, INT64_C(10000000000) }, \
	{ "notifier_stops", "bool", "a notifier stops a thread of the CPU that takes a sleeping spinlock at its end", 0, 0, 1 }, \
	{ "notifier_locks", "bool", "a notifier takes a lock under which readers pin", 0, 0, 1 }, \
	{ "readers_from", "generated|recorded", "recorded: other tasks of the recording, where and when they ran, each burst a pin", \
	  RT_GENERATED, RT_GENERATED, RT_RECORDED }, \
	{ NULL, NULL, NULL, 0, 0, 0 }

static inline struct rt_pin *rt_pin(struct bu_machine *m)
{
	return (struct rt_pin *)notifier(m)->core;
}

/* Onto another CPU, by the stopper of this one. Return: false when the task may run here only, or there is no other. */
static inline bool migrate_me(struct bu_machine *m, bool bound)
{
	int cpu, n = (int)nr_cpus(m);

	KERNEL_FN(m);
	for (cpu = 0; !bound && cpu < n; cpu++)
		if (cpu_online(m, cpu) && !atomic_read(m, rt_pin(m)->pcp[cpu].unplug) && !set_cpus_allowed_ptr(m, current(m), cpu))
			return true;
	return false;
}

/* @bound: PF_NO_SETAFFINITY. Return: the CPU that is pinned. */
static inline int pin_current_cpu(struct bu_machine *m, bool bound)
{
	struct rt_pin *p = rt_pin(m);
	bool force = false;

	KERNEL_FN(m);
	for (;;) {
		struct hotplug_pcp *hp;
		bu_thread unplug;
		int cpu;

		preempt_disable(m);
		cpu = this_cpu(m);
		hp = &p->pcp[cpu];
		unplug = (bu_thread)atomic_read(m, hp->unplug);
		if (!unplug || atomic_read(m, hp->refcount) || force || preempt_count(m) > 1 || unplug == current(m)) {
			atomic_add_return(m, hp->refcount, 1);
			preempt_enable(m);
			if (!bound)
				set_cpus_allowed_ptr(m, current(m), cpu);
			return cpu;
		}
		preempt_enable(m);
		if (!p->phases || atomic_read(m, hp->grab_lock)) {
			const bu_obj lock = p->phases ? hp->lock : notifier(m)->lock;

			if (bound)	/* select_fallback_rq(): the CPU may be gone when it wakes up */
				set_cpus_allowed_ptr(m, current(m), BU_ANY_CPU);
			wait_point(m, "Wp pin_current_cpu", cpu);
			mutex_lock(m, lock);
			mutex_unlock(m, lock);
		} else if (!migrate_me(m, bound)) {
			force = true;
		}
	}
}

static inline void unpin_current_cpu(struct bu_machine *m, bool bound, int cpu)
{
	struct hotplug_pcp *hp = &rt_pin(m)->pcp[cpu];
	bu_thread unplug;

	KERNEL_FN(m);
	unplug = atomic_dec_and_test(m, hp->refcount) ? (bu_thread)atomic_read(m, hp->unplug) : 0;
	if (unplug && unplug != current(m))
		wake_up_process(m, unplug);
	if (!bound)
		set_cpus_allowed_ptr(m, current(m), BU_ANY_CPU);
}

static inline void wait_for_pins(struct bu_machine *m, bu_word_id refcount)
{
	KERNEL_FN(m);
	for (;;) {
		set_current_state(m, BU_TASK_UNINTERRUPTIBLE);
		if (!atomic_read(m, refcount))
			break;
		schedule(m);
	}
	set_current_state(m, BU_TASK_RUNNING);
}

static inline int sync_unplug_thread(struct bu_machine *m, void *arg)
{
	struct hotplug_pcp *hp = (struct hotplug_pcp *)arg;

	KERNEL_FN(m);
	atomic_set(m, hp->unplug, current(m));
	wait_for_pins(m, hp->refcount);
	complete(m, hp->synced);
	for (;;) {
		set_current_state(m, BU_TASK_UNINTERRUPTIBLE);
		if (atomic_read(m, hp->grab_lock) || kthread_should_stop(m))
			break;
		schedule(m);
	}
	set_current_state(m, BU_TASK_RUNNING);
	if (!kthread_should_stop(m)) {
		wait_for_pins(m, hp->refcount);
		complete(m, hp->synced);
	}
	while (!kthread_should_stop(m)) {
		set_current_state(m, BU_TASK_INTERRUPTIBLE);
		if (!kthread_should_stop(m))
			schedule(m);
		set_current_state(m, BU_TASK_RUNNING);
	}
	return 0;
}

/* A thread of the CPU that a notifier stops; at its end it takes a sleeping spinlock. */
static inline int rt_notified_thread(struct bu_machine *m, void *arg)
{
	int cpu;

	(void)arg;
	KERNEL_FN(m);
	while (!kthread_should_stop(m)) {
		set_current_state(m, BU_TASK_INTERRUPTIBLE);
		if (!kthread_should_stop(m))
			schedule(m);
		set_current_state(m, BU_TASK_RUNNING);
	}
	cpu = pin_current_cpu(m, true);		/* rt_spin_lock(): migrate_disable() */
	unpin_current_cpu(m, true, cpu);
	return 0;
}

static inline void cpu_unplug_begin(struct bu_machine *m, int cpu)
{
	struct hotplug_pcp *hp = &rt_pin(m)->pcp[cpu];

	KERNEL_FN(m);
	if (param(m, RT_NOTIFIER_STOPS)) {
		hp->notified = kthread_create_on_cpu(m, "notified", cpu, rt_notified_thread, NULL);
		wake_up_process(m, hp->notified);
	}
	reinit_completion(m, hp->synced);
	hp->sync_tsk = kthread_create_on_cpu(m, "sync_unplug", cpu, sync_unplug_thread, hp);
	wake_up_process(m, hp->sync_tsk);
	wait_point(m, "Wu pins of the CPU", cpu);
	wait_for_completion(m, hp->synced);
}

static inline void rt_notifier(struct bu_machine *m, int cpu)
{
	KERNEL_FN(m);
	if (param(m, RT_NOTIFIER_STOPS)) {
		wait_point(m, "Wn end of the CPU's thread", cpu);
		kthread_stop(m, rt_pin(m)->pcp[cpu].notified);
	}
	if (param(m, RT_NOTIFIER_LOCKS)) {
		wait_point(m, "Wn lock of a notifier", cpu);
		mutex_lock(m, rt_pin(m)->l);
		mutex_unlock(m, rt_pin(m)->l);
	}
}

static inline void cpu_unplug_sync(struct bu_machine *m, int cpu)
{
	struct hotplug_pcp *hp = &rt_pin(m)->pcp[cpu];

	KERNEL_FN(m);
	if (rt_pin(m)->phases) {
		reinit_completion(m, hp->synced);
		mutex_lock(m, hp->lock);
		hp->locked = true;
		atomic_set(m, hp->grab_lock, 1);
		wake_up_process(m, hp->sync_tsk);
		wait_point(m, "Wu pins of the CPU", cpu);
		wait_for_completion(m, hp->synced);
	}
	kthread_stop(m, hp->sync_tsk);
	hp->sync_tsk = 0;
}

static inline void cpu_unplug_done(struct bu_machine *m, int cpu)
{
	struct hotplug_pcp *hp = &rt_pin(m)->pcp[cpu];

	KERNEL_FN(m);
	if (hp->sync_tsk)			/* a notifier refused */
		kthread_stop(m, hp->sync_tsk);
	hp->sync_tsk = 0;
	atomic_set(m, hp->unplug, 0);
	atomic_set(m, hp->grab_lock, 0);
	if (hp->locked)
		mutex_unlock(m, hp->lock);
	hp->locked = false;
}

static const struct notifier_hooks rt_hooks = {
	.begin = cpu_unplug_begin, .prepare = rt_notifier, .sync = cpu_unplug_sync, .done = cpu_unplug_done,
};

/* Pins the CPU and works there; @bound: that CPU only. */
static inline void rt_section(struct bu_machine *m, bool bound, int64_t ns)
{
	int cpu;

	KERNEL_FN(m);
	cpu = pin_current_cpu(m, bound);
	work(m, ns);
	unpin_current_cpu(m, bound, cpu);
}

static inline void rt_reader(struct bu_machine *m, void *arg)
{
	const struct rt_pin *p = (const struct rt_pin *)arg;
	const bool locks = param(m, RT_NOTIFIER_LOCKS);

	KERNEL_FN(m);
	while (!atomic_read(m, p->over)) {
		sleep_ns(m, 1 + (int64_t)(random_u64(m, 1) % (uint64_t)(2 * param(m, RT_PERIOD_NS))));
		if (locks)
			mutex_lock(m, p->l);
		rt_section(m, false, param(m, RT_SECTION_NS));
		if (locks)
			mutex_unlock(m, p->l);
	}
}

/* @arg: number of the first of this task's bursts. What it did on a CPU that is offline now it does not do. */
static inline void rt_recorded_reader(struct bu_machine *m, void *arg)
{
	int i = (int)(intptr_t)arg;
	const int task = bu_hp(m)->burst(m, i)->task;
	const struct rt_pin *p = rt_pin(m);
	const bool locks = param(m, RT_NOTIFIER_LOCKS);
	const struct bu_hp_burst *b;

	KERNEL_FN(m);
	for (; (b = bu_hp(m)->burst(m, i)) != NULL && b->task == task && !atomic_read(m, p->over); i++) {
		if (b->start_ns > now(m))
			sleep_ns(m, b->start_ns - now(m));
		if (locks)
			mutex_lock(m, p->l);
		if (cpu_online(m, b->cpu) && !set_cpus_allowed_ptr(m, current(m), b->cpu)) {
			if (!b->bound)
				set_cpus_allowed_ptr(m, current(m), BU_ANY_CPU);
			rt_section(m, b->bound, b->ns);
			set_cpus_allowed_ptr(m, current(m), BU_ANY_CPU);	/* what is parked or unbound as the CPU goes */
		}
		if (locks)
			mutex_unlock(m, p->l);
	}
}

static inline void rt_start_readers(struct bu_machine *m, struct rt_pin *p)
{
	const struct bu_hp_burst *b;
	int i, task = -1;

	if (param(m, RT_READERS_FROM) == RT_RECORDED) {
		for (i = 0; BU_HAS(bu_hp(m), burst) && (b = bu_hp(m)->burst(m, i)) != NULL; task = b->task, i++)
			if (b->task != task)
				thread_run(m, "reader", BU_ANY_CPU, rt_recorded_reader, (void *)(intptr_t)i);
		if (task < 0)
			core_fail(m, "the recording does not say what other tasks ran (it has no sched_switch); use readers_from=generated");
		return;
	}
	for (i = 0; i < (int)param(m, RT_READERS); i++)
		thread_run(m, "reader", BU_ANY_CPU, rt_reader, p);
}

static inline void rt_control(struct bu_machine *m, bool phases)
{
	struct rt_pin *p = (struct rt_pin *)alloc(m, sizeof(*p));
	int i, n = (int)nr_cpus(m);

	KERNEL_FN(m);
	notifier_init(m, &rt_hooks)->core = p;
	p->phases = phases;
	p->l = mutex(m, "lock of a notifier");
	p->over = atomic(m, "over", 0);
	p->pcp = (struct hotplug_pcp *)alloc(m, (size_t)n * sizeof(*p->pcp));
	for (i = 0; i < n; i++)
		p->pcp[i] = (struct hotplug_pcp){ atomic(m, "unplug", 0), atomic(m, "refcount", 0), atomic(m, "grab_lock", 0),
						  completion(m, "synced"), mutex(m, "hotplug_pcp.lock"), 0, 0, false };
	if (!bu_hp(m)->nr_ops(m)) {
		notifier_boot(m);
		return;
	}
	notifier_all_online(m);
	rt_start_readers(m, p);
	notifier_run_operations(m);
	atomic_set(m, p->over, 1);
}

#endif
