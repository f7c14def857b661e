/* SPDX-License-Identifier: MIT */
/*
 * cpuhp_runtime.h - the hotplug state machine for CPUs that go down and come up while the system runs: the thread cpuhp/N in
 * both directions, the hand-shakes with it, and the way down. For boots there is kit/cpuhp.h.
 *
 * Source: kernel/cpu.c of v6.1 and v6.12: cpuhp_thread_fun(), cpuhp_kick_ap(), cpuhp_online_idle(), bringup_wait_for_ap(),
 * _cpu_down(), cpuhp_kick_ap_work(), cpuhp_reset_state(), takedown_cpu(), take_cpu_down(), cpuhp_report_idle_dead(),
 * cpuhp_complete_idle_dead(). The host's work is spent by section and part, so a CPU's state is where it stands in its steps.
 *
 * Not modelled: balance_push() and sched_cpu_wait_empty(), whose time is that of their recorded steps; a CPU that refuses
 * in take_cpu_down(), which v6.1 and v6.12 on x86 do not know.
 */
#ifndef BU_REPLAY_KIT_CPUHP_RUNTIME_H
#define BU_REPLAY_KIT_CPUHP_RUNTIME_H

#include <errno.h>

#include "replay/core_hotplug.h"
#include "replay/kit/kernel.h"

struct cpuhp_kernel {		/* how kernels differ */
	bool timers_at_dead;	/* up to v6.6: hrtimers_dead_cpu() by the control CPU; later hrtimers_cpu_dying() */
	int64_t death_timeout_ns;	/* of the control CPU's wait for the death */
	bu_thread_fn grace_period;	/* instead of the sleep recorded in sched_cpu_deactivate(); or NULL */
};

struct cpuhp_cpu_state {
	bu_obj done_up, done_down;	/* completions */
	bu_word_id should_run;
	bu_word_id dead;		/* the CPU has reported its death */
	bu_word_id bringup;		/* where cpuhp/N is to take it */
	bu_word_id result;		/* of its steps down */
};

struct cpuhp {
	const struct cpuhp_kernel *kernel;
	struct cpuhp_cpu_state *state;	/* by CPU */
	bu_obj sparse_irq_lock;
	int threads;			/* the family cpuhp/N of smpboot */
	void *core;			/* what the core keeps besides */
};

static inline struct cpuhp *cpuhp(struct bu_machine *m)
{
	return (struct cpuhp *)core_data(m);
}

static inline struct cpuhp_cpu_state *cpuhp_state(struct bu_machine *m, int cpu)
{
	return &cpuhp(m)->state[cpu];
}

static inline bool cpuhp_should_run(struct bu_machine *m, int cpu)
{
	return cpu && atomic_read(m, cpuhp_state(m, cpu)->should_run);
}

/* Undo by the steps of the other direction: those whose state is above @state (on the CPU), or below it (control). */
static inline void cpuhp_undo(struct bu_machine *m, int cpu, enum bu_hp_section section, int state)
{
	const bool above = section == BU_HP_ONLINE_STEPS;
	int i, n = bu_hp(m)->nr_steps(m, cpu, section);

	KERNEL_FN(m);
	for (i = 0; i < n; i++)
		if ((bu_hp(m)->step_state(m, cpu, section, i) > state) == above && bu_hp(m)->step_state(m, cpu, section, i) != state)
			bu_hp(m)->step(m, cpu, section, i);
}

/* cpuhp/N on the way down. One that fails brings the CPU back by itself, as the second kick of cpuhp_kick_ap() has it do. */
static inline void cpuhp_thread_down(struct bu_machine *m, int cpu)
{
	const struct cpuhp_cpu_state *st = cpuhp_state(m, cpu);
	const bu_thread_fn grace_period = cpuhp(m)->kernel->grace_period;
	int i, ret = 0, n = bu_hp(m)->nr_steps(m, cpu, BU_HP_DOWN_STEPS);

	KERNEL_FN(m);
	bu_hp(m)->work(m, cpu, BU_HP_DOWN_WAKE);
	for (i = 0; i < n && !ret; i++) {
		const char *name = bu_hp(m)->step_name(m, cpu, BU_HP_DOWN_STEPS, i);

		if (grace_period && !__builtin_strcmp(name, "sched_cpu_deactivate"))
			ret = bu_hp(m)->step_waiting(m, cpu, BU_HP_DOWN_STEPS, i, grace_period, NULL);
		else
			ret = bu_hp(m)->step(m, cpu, BU_HP_DOWN_STEPS, i);
	}
	if (ret)
		cpuhp_undo(m, cpu, BU_HP_ONLINE_STEPS, bu_hp(m)->step_state(m, cpu, BU_HP_DOWN_STEPS, i - 1));
	else
		smpboot_park_threads(m, cpu);	/* the last but sched_cpu_wait_empty() */
	atomic_set(m, st->result, ret);
	atomic_set(m, st->should_run, 0);
	complete(m, st->done_down);
}

static inline void cpuhp_thread_up(struct bu_machine *m, int cpu)
{
	int i, n = bu_hp(m)->nr_steps(m, cpu, BU_HP_ONLINE_STEPS);

	KERNEL_FN(m);
	bu_hp(m)->work(m, cpu, BU_HP_THREAD_WAKE);
	smpboot_unpark_threads(m, cpu);		/* CPUHP_AP_SMPBOOT_THREADS, the first */
	for (i = 0; i < n; i++)
		bu_hp(m)->step(m, cpu, BU_HP_ONLINE_STEPS, i);
	bu_hp(m)->mark(m, cpu, BU_HP_AT_ONLINE);
	atomic_set(m, cpuhp_state(m, cpu)->should_run, 0);
	complete(m, cpuhp_state(m, cpu)->done_up);
}

/* In the kernel one step per call, here all of them. */
static inline void cpuhp_thread_fun(struct bu_machine *m, int cpu)
{
	KERNEL_FN(m);
	if (atomic_read(m, cpuhp_state(m, cpu)->bringup))
		cpuhp_thread_up(m, cpu);
	else
		cpuhp_thread_down(m, cpu);
}

static const struct bu_smp_hotplug_thread cpuhp_threads = {
	.name = "cpuhp", .should_run = cpuhp_should_run, .fn = cpuhp_thread_fun, .sched_class = BU_CLASS_FAIR,
	.selfparking = true,
};

/* cpuhp_threads_init(); @core is found as cpuhp(m)->core. */
static inline void cpuhp_init(struct bu_machine *m, const struct cpuhp_kernel *kernel, void *core)
{
	struct cpuhp *hp = (struct cpuhp *)alloc(m, sizeof(*hp));
	int cpu, n = (int)nr_cpus(m);

	hp->kernel = kernel;
	hp->core = core;
	hp->sparse_irq_lock = mutex(m, "sparse_irq_lock");
	hp->state = (struct cpuhp_cpu_state *)alloc(m, (size_t)n * sizeof(*hp->state));
	for (cpu = 1; cpu < n; cpu++)
		hp->state[cpu] = (struct cpuhp_cpu_state){
			completion(m, "done_up"), completion(m, "done_down"), atomic(m, "should_run", 0), atomic(m, "cpu dead", 0),
			atomic(m, "bringup", true), atomic(m, "result", 0),
		};
	set_core_data(m, hp);
	cpu_stop_init(m);
	hp->threads = smpboot_register(m, &cpuhp_threads);
}

static inline void cpuhp_wake(struct bu_machine *m, int cpu, bool bringup)
{
	atomic_set(m, cpuhp_state(m, cpu)->bringup, bringup);
	atomic_set(m, cpuhp_state(m, cpu)->should_run, 1);
	wake_up_process(m, smpboot_thread(m, cpuhp(m)->threads, cpu));
}

/* On the CPU, its last act before the idle loop. */
static inline void cpuhp_online_idle(struct bu_machine *m, int cpu)
{
	KERNEL_FN(m);
	stop_machine_unpark(m, cpu);
	bu_hp(m)->mark(m, cpu, BU_HP_AT_IDLE);
	complete(m, cpuhp_state(m, cpu)->done_up);
}

static inline void bringup_wait_for_ap(struct bu_machine *m, int cpu)
{
	KERNEL_FN(m);
	wait_point(m, "W5 done_up: CPU idle", cpu);
	wait_for_completion(m, cpuhp_state(m, cpu)->done_up);
	bu_hp(m)->work(m, cpu, BU_HP_UNPARK);
	kthread_unpark(m, smpboot_thread(m, cpuhp(m)->threads, cpu));
	cpuhp_wake(m, cpu, true);
	wait_point(m, "W6 done_up: CPU online", cpu);
	wait_for_completion(m, cpuhp_state(m, cpu)->done_up);
}

/* In the interrupt on the first online CPU. */
static inline void cpuhp_complete_idle_dead(struct bu_machine *m, void *arg)
{
	KERNEL_FN(m);
	complete(m, cpuhp_state(m, (int)(intptr_t)arg)->done_down);
}

/* On the CPU, in its idle loop that found it offline. */
static inline void cpuhp_report_idle_dead(struct bu_machine *m, int cpu)
{
	KERNEL_FN(m);
	bu_hp(m)->work(m, cpu, BU_HP_IDLE_DEAD);
	irq_send(m, 0, "cpuhp_complete_idle_dead", bu_hp(m)->duration(m, cpu, BU_HP_DEAD_IPI), cpuhp_complete_idle_dead,
		 (void *)(intptr_t)cpu);
	if (!bu_hp(m)->never_dies(m, cpu))
		atomic_set(m, cpuhp_state(m, cpu)->dead, 1);	/* play_dead_common() */
}

/* In the stopper of the CPU that goes, all others spinning in multi_cpu_stop(). */
static inline int take_cpu_down(struct bu_machine *m, void *arg)
{
	const int cpu = this_cpu(m);

	(void)arg;
	KERNEL_FN(m);
	bu_hp(m)->work(m, cpu, BU_HP_STOP_MEET);
	set_cpu_online(m, cpu, false);		/* __cpu_disable() */
	bu_hp(m)->work(m, cpu, BU_HP_DYING);
	smpcfd_dying_cpu(m);
	if (!cpuhp(m)->kernel->timers_at_dead)
		timers_migrate(m, cpu, 0);
	stop_machine_park(m, cpu);
	return 0;
}

static inline int takedown_cpu(struct bu_machine *m, int cpu)
{
	const struct cpuhp_cpu_state *st = cpuhp_state(m, cpu);
	const bu_thread thread = smpboot_thread(m, cpuhp(m)->threads, cpu);

	KERNEL_FN(m);
	bu_hp(m)->work(m, cpu, BU_HP_TAKEDOWN_ENTRY);
	wait_point(m, "Wp cpuhp/N parked", cpu);
	kthread_park(m, thread);
	bu_hp(m)->work(m, cpu, BU_HP_PARK);
	mutex_lock(m, cpuhp(m)->sparse_irq_lock);	/* irq_lock_sparse() */
	wait_point(m, "Ws stop_machine", cpu);
	stop_machine_cpuslocked(m, "take_cpu_down", take_cpu_down, NULL, cpu);
	wait_point(m, "Wd done_down: CPU dead", cpu);
	wait_for_completion(m, st->done_down);
	bu_hp(m)->work(m, cpu, BU_HP_DEAD_DONE);
	mutex_unlock(m, cpuhp(m)->sparse_irq_lock);
	/* cpuhp_bp_sync_dead(), native_cpu_die(): a CPU that does not report is given up, the way down goes on */
	if (spin_until(m, st->dead, BU_GUARD_NE, 0, cpuhp(m)->kernel->death_timeout_ns, "Wx death report", cpu))
		return -ETIMEDOUT;
	bu_hp(m)->work(m, cpu, BU_HP_TAKEDOWN_EXIT);
	return 0;
}

/* Return: 0; what a step of the CPU's own returned, the CPU being back online; -ETIMEDOUT: down, but never seen dead. */
static inline int _cpu_down(struct bu_machine *m, int cpu)
{
	const struct cpuhp_cpu_state *st = cpuhp_state(m, cpu);
	int i, n = bu_hp(m)->nr_steps(m, cpu, BU_HP_DEAD_STEPS), ret;

	KERNEL_FN(m);
	/* cpuhp_kick_ap_work() */
	atomic_set(m, st->dead, 0);
	cpuhp_wake(m, cpu, false);
	wait_point(m, "W7 done_down: CPU's steps", cpu);
	wait_for_completion(m, st->done_down);
	bu_hp(m)->work(m, cpu, BU_HP_DOWN_DONE);
	ret = (int)atomic_read(m, st->result);
	if (ret)
		return ret;
	ret = takedown_cpu(m, cpu);
	if (cpuhp(m)->kernel->timers_at_dead)
		timers_migrate(m, cpu, 0);	/* hrtimers_dead_cpu(), timers_dead_cpu() */
	for (i = 0; i < n; i++)
		bu_hp(m)->step(m, cpu, BU_HP_DEAD_STEPS, i);	/* must not fail: cpuhp_invoke_callback_range_nofail() */
	return ret;
}

/* ------------------------------------------------------------------------------------------ operations at runtime */

/* A CPU that is online when the recording begins. */
static inline void cpuhp_online_before(struct bu_machine *m, void *arg)
{
	const int cpu = this_cpu(m);

	(void)arg;
	KERNEL_FN(m);
	set_cpu_online(m, cpu, true);
	stop_machine_unpark(m, cpu);
	complete(m, cpuhp_state(m, cpu)->done_up);
	cpu_startup_entry(m);
	cpuhp_report_idle_dead(m, cpu);
}

/* All CPUs online, before the first operation. Takes no time. */
static inline void cpuhp_all_online(struct bu_machine *m)
{
	int cpu, n = (int)nr_cpus(m);

	for (cpu = 1; cpu < n; cpu++) {
		smpboot_create_threads(m, cpu);
		cpu_start(m, cpu, cpuhp_online_before, NULL);
		wait_for_completion(m, cpuhp_state(m, cpu)->done_up);
		kthread_unpark(m, smpboot_thread(m, cpuhp(m)->threads, cpu));
		smpboot_unpark_threads(m, cpu);
	}
}

#endif
