/* SPDX-License-Identifier: MIT */
/*
 * notifier.h - CPU hotplug before 4.6: a notifier chain on the control CPU, readers counted under a mutex.
 *
 * Source: kernel/cpu.c of v4.4: get_online_cpus(), put_online_cpus(), cpu_hotplug_begin(), cpu_hotplug_done(), _cpu_up(),
 * _cpu_down(), take_cpu_down(). The callbacks of a recording of the state machine stand for the notifiers that they were: prepare
 * steps for CPU_UP_PREPARE, online steps for CPU_ONLINE, the CPU's steps down for CPU_DOWN_PREPARE, dead steps for CPU_DEAD.
 * All run on the control CPU, but STARTING and DYING. The grace period recorded in sched_cpu_deactivate() is where v4.4 has
 * its synchronize_rcu(): behind the chain.
 *
 * The patches of PREEMPT_RT hook into the way down: see struct notifier_hooks and the cores rt-pinned and rt-multiphase.
 */
#ifndef BU_REPLAY_KIT_NOTIFIER_H
#define BU_REPLAY_KIT_NOTIFIER_H

#include <errno.h>

#include "replay/core_hotplug.h"
#include "replay/kit/ap_start.h"
#include "replay/kit/kernel.h"

struct notifier_hooks {		/* each may be NULL */
	void (*begin)(struct bu_machine *, int cpu);	/* after cpu_hotplug_begin() */
	void (*prepare)(struct bu_machine *, int cpu);	/* a further CPU_DOWN_PREPARE notifier */
	void (*sync)(struct bu_machine *, int cpu);	/* before stop_machine */
	void (*done)(struct bu_machine *, int cpu);	/* before cpu_hotplug_done() */
};

struct notifier_core {
	const struct notifier_hooks *hooks;
	struct ap_start *ap;
	bu_obj cpu_add_remove_lock, sparse_irq_lock;
	/* struct cpu_hotplug */
	bu_word_id active_writer, refcount;
	bu_obj lock, wq;
	bu_word_id *dead_idle;		/* words, by CPU: cpu_dead_idle, and its death report */
	bool *broken;			/* never seen dead */
	void *core;
};

#define NOTIFIER_DEATH_TIMEOUT_NS INT64_C(5000000000)	/* common_cpu_die(): cpu_wait_death(cpu, 5) */

static inline struct notifier_core *notifier(struct bu_machine *m)
{
	return (struct notifier_core *)core_data(m);
}

static inline void get_online_cpus(struct bu_machine *m)
{
	struct notifier_core *h = notifier(m);

	KERNEL_FN(m);
	might_sleep(m);
	if (atomic_read(m, h->active_writer) == current(m))
		return;
	mutex_lock(m, h->lock);
	atomic_add_return(m, h->refcount, 1);
	mutex_unlock(m, h->lock);
}

static inline void put_online_cpus(struct bu_machine *m)
{
	struct notifier_core *h = notifier(m);

	KERNEL_FN(m);
	if (atomic_read(m, h->active_writer) == current(m))
		return;
	if (atomic_add_return(m, h->refcount, -1) <= 0 && waitqueue_active(m, h->wq))
		wake_up(m, h->wq);
}

/* Returns with the lock held: readers that come from now on wait for it. */
static inline void cpu_hotplug_begin(struct bu_machine *m)
{
	struct notifier_core *h = notifier(m);

	KERNEL_FN(m);
	atomic_set(m, h->active_writer, current(m));
	for (;;) {
		mutex_lock(m, h->lock);
		prepare_to_wait(m, h->wq, false, BU_TASK_UNINTERRUPTIBLE);
		if (!atomic_read(m, h->refcount))
			break;
		mutex_unlock(m, h->lock);
		schedule(m);
	}
	finish_wait(m, h->wq);
}

static inline void cpu_hotplug_done(struct bu_machine *m)
{
	KERNEL_FN(m);
	atomic_set(m, notifier(m)->active_writer, 0);
	mutex_unlock(m, notifier(m)->lock);
}

/* The recorded sleep comes later, see notifier_down(). */
static inline void notifier_no_sleep(struct bu_machine *m, void *arg)
{
	(void)m;
	(void)arg;
}

/* Calls the chain until one refuses. Return: what it returned; @ret_refused: its state, INT32_MAX when none did. */
static inline int notifier_call_chain(struct bu_machine *m, int cpu, enum bu_hp_section section, int *ret_refused)
{
	int i, ret = 0, n = bu_hp(m)->nr_steps(m, cpu, section);

	KERNEL_FN(m);
	for (i = 0; i < n && !ret; i++)
		ret = section == BU_HP_DOWN_STEPS ? bu_hp(m)->step_waiting(m, cpu, section, i, notifier_no_sleep, NULL) :
						    bu_hp(m)->step(m, cpu, section, i);
	*ret_refused = ret ? bu_hp(m)->step_state(m, cpu, section, i - 1) : INT32_MAX;
	return ret;
}

/* CPU_UP_CANCELED, CPU_DOWN_FAILED: those that had been called undo what they did, but for the one that refused. */
static inline void notifier_cancel(struct bu_machine *m, int cpu, enum bu_hp_section by, int refused)
{
	const bool up = by == BU_HP_DEAD_STEPS;
	int i, n = bu_hp(m)->nr_steps(m, cpu, by);

	KERNEL_FN(m);
	for (i = 0; i < n; i++) {
		const int state = bu_hp(m)->step_state(m, cpu, by, i);

		if (up ? state < refused : state > refused)
			bu_hp(m)->step(m, cpu, by, i);
	}
	for (i = up ? bu_hp(m)->nr_steps(m, cpu, BU_HP_PREPARE) : 0; i-- > 0;)
		if (bu_hp(m)->step_state(m, cpu, BU_HP_PREPARE, i) < refused)
			bu_hp(m)->undo(m, cpu, BU_HP_PREPARE, i);
}

/* ------------------------------------------------------------------------------------------------------- on the CPU */

/* arch_cpu_idle_dead(): what the control CPU polls for. */
static inline void notifier_idle_dead(struct bu_machine *m, int cpu)
{
	KERNEL_FN(m);
	bu_hp(m)->work(m, cpu, BU_HP_IDLE_DEAD);
	atomic_set(m, notifier(m)->dead_idle[cpu], bu_hp(m)->never_dies(m, cpu) ? 1 : 2);
}

static inline void notifier_online(struct bu_machine *m, int cpu)
{
	KERNEL_FN(m);
	stop_machine_unpark(m, cpu);
	bu_hp(m)->mark(m, cpu, BU_HP_AT_IDLE);
	cpu_startup_entry(m);
	notifier_idle_dead(m, cpu);
}

static inline void notifier_online_before(struct bu_machine *m, void *arg)
{
	const int cpu = this_cpu(m);

	(void)arg;
	set_cpu_online(m, cpu, true);
	stop_machine_unpark(m, cpu);
	atomic_set(m, notifier(m)->ap->state[cpu], AP_ONLINE);
	cpu_startup_entry(m);
	notifier_idle_dead(m, cpu);
}

static inline int take_cpu_down(struct bu_machine *m, void *arg)
{
	const int cpu = this_cpu(m);

	(void)arg;
	KERNEL_FN(m);
	bu_hp(m)->work(m, cpu, BU_HP_STOP_MEET);
	set_cpu_online(m, cpu, false);		/* __cpu_disable() */
	bu_hp(m)->work(m, cpu, BU_HP_DYING);	/* CPU_DYING */
	smpcfd_dying_cpu(m);
	stop_machine_park(m, cpu);
	return 0;
}

/* ----------------------------------------------------------------------------------------------- on the control CPU */

static inline int _cpu_up(struct bu_machine *m, int cpu, int op)
{
	struct notifier_core *h = notifier(m);
	int refused, ret;

	KERNEL_FN(m);
	cpu_hotplug_begin(m);
	bu_hp(m)->work(m, cpu, BU_HP_ENTRY);
	if (op >= 0)
		bu_hp(m)->op_started(m, op);
	bu_hp(m)->mark(m, cpu, BU_HP_AT_PREPARE);
	smpboot_create_threads(m, cpu);
	ret = notifier_call_chain(m, cpu, BU_HP_PREPARE, &refused);
	if (!ret && h->broken[cpu])
		ret = -EAGAIN;			/* cpu_check_up_prepare() */
	if (!ret) {
		ap_kick(m, h->ap, cpu);
		ret = ap_wait(m, h->ap, cpu);
	}
	if (ret) {
		notifier_cancel(m, cpu, BU_HP_DEAD_STEPS, refused);
		bu_hp(m)->failed(m, cpu, ret);
		bu_hp(m)->work(m, cpu, BU_HP_EXIT);
	} else {
		smpboot_unpark_threads(m, cpu);	/* CPU_ONLINE, at CPU_PRI_SMPBOOT */
		notifier_call_chain(m, cpu, BU_HP_ONLINE_STEPS, &refused);
		bu_hp(m)->mark(m, cpu, BU_HP_AT_ONLINE);
	}
	cpu_hotplug_done(m);
	return ret;
}

static inline int notifier_down(struct bu_machine *m, int cpu)
{
	struct notifier_core *h = notifier(m);
	int64_t grace_period = 0;
	int i, refused, ret, n = bu_hp(m)->nr_steps(m, cpu, BU_HP_DOWN_STEPS);

	KERNEL_FN(m);
	ret = notifier_call_chain(m, cpu, BU_HP_DOWN_STEPS, &refused);
	if (ret) {
		notifier_cancel(m, cpu, BU_HP_ONLINE_STEPS, refused);
		return ret;
	}
	if (h->hooks && h->hooks->prepare)
		h->hooks->prepare(m, cpu);
	for (i = 0; i < n; i++)
		grace_period += bu_hp(m)->step_sleep(m, cpu, BU_HP_DOWN_STEPS, i);
	if (grace_period) {
		wait_point(m, "Wg synchronize_rcu", cpu);
		sleep_ns(m, grace_period);
	}
	smpboot_park_threads(m, cpu);
	if (h->hooks && h->hooks->sync)
		h->hooks->sync(m, cpu);
	bu_hp(m)->work(m, cpu, BU_HP_TAKEDOWN_ENTRY);
	mutex_lock(m, h->sparse_irq_lock);
	atomic_set(m, h->dead_idle[cpu], 0);
	wait_point(m, "Ws stop_machine", cpu);
	stop_machine_cpuslocked(m, "take_cpu_down", take_cpu_down, NULL, cpu);
	spin_until(m, h->dead_idle[cpu], BU_GUARD_NE, 0, -1, "Wd cpu_dead_idle", cpu);
	mutex_unlock(m, h->sparse_irq_lock);
	/* __cpu_die() */
	h->broken[cpu] = spin_until(m, h->dead_idle[cpu], BU_GUARD_EQ, 2, NOTIFIER_DEATH_TIMEOUT_NS, "Wx death report", cpu) != 0;
	bu_hp(m)->work(m, cpu, BU_HP_TAKEDOWN_EXIT);
	timers_migrate(m, cpu, 0);		/* CPU_DEAD: hrtimers, timers */
	notifier_call_chain(m, cpu, BU_HP_DEAD_STEPS, &refused);
	return h->broken[cpu] ? -ETIMEDOUT : 0;
}

static inline int _cpu_down(struct bu_machine *m, int cpu, int op)
{
	struct notifier_core *h = notifier(m);
	int ret;

	KERNEL_FN(m);
	cpu_hotplug_begin(m);
	bu_hp(m)->work(m, cpu, BU_HP_ENTRY);
	bu_hp(m)->op_started(m, op);
	if (h->hooks && h->hooks->begin)
		h->hooks->begin(m, cpu);
	ret = notifier_down(m, cpu);
	if (h->hooks && h->hooks->done)
		h->hooks->done(m, cpu);
	cpu_hotplug_done(m);
	return ret;				/* CPU_POST_DEAD: nothing of the recording belongs there */
}

static inline void notifier_run_operations(struct bu_machine *m)
{
	int i, n = bu_hp(m)->nr_ops(m);

	for (i = 0; i < n; i++) {
		const int cpu = bu_hp(m)->op(m, i)->cpu;
		const bool down = bu_hp(m)->op(m, i)->down;
		int ret = -EINVAL;		/* an operation before failed */

		bu_hp(m)->think(m, i);
		bu_hp(m)->op_begin(m, i);
		mutex_lock(m, notifier(m)->cpu_add_remove_lock);
		if (cpu_online(m, cpu) == down)
			ret = down ? _cpu_down(m, cpu, i) : _cpu_up(m, cpu, i);
		mutex_unlock(m, notifier(m)->cpu_add_remove_lock);
		bu_hp(m)->op_end(m, i, ret);
	}
}

static inline struct notifier_core *notifier_init(struct bu_machine *m, const struct notifier_hooks *hooks)
{
	struct notifier_core *h = (struct notifier_core *)alloc(m, sizeof(*h));
	int cpu, n = (int)nr_cpus(m);

	h->hooks = hooks;
	h->ap = ap_start_create(m, false, notifier_online);
	h->cpu_add_remove_lock = mutex(m, "cpu_add_remove_lock");
	h->sparse_irq_lock = mutex(m, "sparse_irq_lock");
	h->active_writer = atomic(m, "cpu_hotplug.active_writer", 0);
	h->refcount = atomic(m, "cpu_hotplug.refcount", 0);
	h->lock = mutex(m, "cpu_hotplug.lock");
	h->wq = wait_queue(m, "cpu_hotplug.wq");
	h->dead_idle = (bu_word_id *)alloc(m, (size_t)n * sizeof(*h->dead_idle));
	h->broken = (bool *)alloc(m, (size_t)n * sizeof(*h->broken));
	for (cpu = 1; cpu < n; cpu++)
		h->dead_idle[cpu] = atomic(m, "cpu_dead_idle", 0);
	set_core_data(m, h);
	cpu_stop_init(m);
	return h;
}

/* All CPUs online, before the first operation. Takes no time. */
static inline void notifier_all_online(struct bu_machine *m)
{
	int cpu, n = (int)nr_cpus(m);

	for (cpu = 1; cpu < n; cpu++) {
		smpboot_create_threads(m, cpu);
		cpu_start(m, cpu, notifier_online_before, NULL);
		spin_until(m, notifier(m)->ap->state[cpu], BU_GUARD_EQ, AP_ONLINE, -1, "CPU online before", cpu);
		smpboot_unpark_threads(m, cpu);
	}
}

static inline void notifier_boot(struct bu_machine *m)
{
	int cpu, n = (int)nr_cpus(m);

	KERNEL_FN(m);
	bu_hp(m)->lead_in(m);
	for (cpu = 1; cpu < n; cpu++) {
		mutex_lock(m, notifier(m)->cpu_add_remove_lock);
		_cpu_up(m, cpu, -1);
		mutex_unlock(m, notifier(m)->cpu_add_remove_lock);
	}
}

#endif
