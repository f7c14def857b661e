/* SPDX-License-Identifier: MIT */
/*
 * cpuhp.h - what every core that follows the hotplug state machine (kernel/cpu.c since 4.6) has in common: a CPU's state,
 * its thread cpuhp/N, and the hand-shake between that thread and the control CPU.
 *
 * Source: kernel/cpu.c of v6.1 and v6.12: struct cpuhp_cpu_state, cpuhp_thread_fun(), __cpuhp_kick_ap(),
 * cpuhp_online_idle(), bringup_wait_for_ap().
 */
#ifndef BU_REPLAY_KIT_CPUHP_H
#define BU_REPLAY_KIT_CPUHP_H

#include "replay/core_hotplug.h"
#include "replay/kit/kernel.h"

struct cpuhp_cpu_state {
	int cpu;
	bu_obj done_up;			/* completion */
	bu_word_id should_run;
};

struct cpuhp {
	struct cpuhp_cpu_state *state;	/* by CPU */
	int threads;			/* the family cpuhp/N of smpboot */
	void *core;			/* what the core keeps besides */
};

static inline struct cpuhp_cpu_state *cpuhp_state(struct bu_machine *m, int cpu)
{
	return &((struct cpuhp *)core_data(m))->state[cpu];
}

static inline bool cpuhp_should_run(struct bu_machine *m, int cpu)
{
	bu_word_id w = cpuhp_state(m, cpu)->should_run;

	return w && atomic_read(m, w);
}

/* Runs the online steps; in the kernel one per call, here all of them. */
static inline void cpuhp_thread_fun(struct bu_machine *m, int cpu)
{
	struct cpuhp_cpu_state *st = cpuhp_state(m, cpu);
	int i, n = bu_hp(m)->nr_steps(m, cpu, BU_HP_ONLINE_STEPS);

	KERNEL_FN(m);
	bu_hp(m)->work(m, cpu, BU_HP_THREAD_WAKE);
	for (i = 0; i < n; i++)
		bu_hp(m)->step(m, cpu, BU_HP_ONLINE_STEPS, i);
	bu_hp(m)->mark(m, cpu, BU_HP_AT_ONLINE);
	atomic_set(m, st->should_run, 0);
	complete(m, st->done_up);
}

static const struct bu_smp_hotplug_thread cpuhp_threads = {
	.name = "cpuhp", .should_run = cpuhp_should_run, .fn = cpuhp_thread_fun, .sched_class = BU_CLASS_FAIR, .prio = 0,
	.selfparking = true,
};

/* cpuhp_threads_init(); @core is found as cpuhp(m)->core. */
static inline void cpuhp_init(struct bu_machine *m, void *core)
{
	struct cpuhp *hp = (struct cpuhp *)alloc(m, sizeof(*hp));

	hp->state = (struct cpuhp_cpu_state *)alloc(m, nr_cpus(m) * sizeof(*hp->state));
	hp->core = core;
	set_core_data(m, hp);
	cpu_stop_init(m);
	hp->threads = smpboot_register(m, &cpuhp_threads);
}

static inline struct cpuhp *cpuhp(struct bu_machine *m)
{
	return (struct cpuhp *)core_data(m);
}

/* A CPU that is about to come up: its state as cpuhp_create() leaves it, its threads as smpboot_create_threads() does. */
static inline struct cpuhp_cpu_state *cpuhp_prepare(struct bu_machine *m, int cpu)
{
	struct cpuhp_cpu_state *st = cpuhp_state(m, cpu);

	if (!st->done_up) {
		st->cpu = cpu;
		st->done_up = completion(m, "done_up");
		st->should_run = atomic(m, "should_run", 0);
	}
	smpboot_create_threads(m, cpu);
	return st;
}

/* On the CPU, its last act before the idle loop. */
static inline void cpuhp_online_idle(struct bu_machine *m, int cpu)
{
	KERNEL_FN(m);
	stop_machine_unpark(m, cpu);
	bu_hp(m)->mark(m, cpu, BU_HP_AT_IDLE);
	complete(m, cpuhp_state(m, cpu)->done_up);
}

static inline void cpuhp_kick_ap(struct bu_machine *m, int cpu)
{
	struct cpuhp_cpu_state *st = cpuhp_state(m, cpu);

	KERNEL_FN(m);
	atomic_set(m, st->should_run, 1);
	wake_up_process(m, smpboot_thread(m, cpuhp(m)->threads, cpu));
	wait_point(m, "W6 done_up: CPU online", cpu);
	wait_for_completion(m, st->done_up);
}

static inline void bringup_wait_for_ap(struct bu_machine *m, int cpu)
{
	struct cpuhp_cpu_state *st = cpuhp_state(m, cpu);

	KERNEL_FN(m);
	wait_point(m, "W5 done_up: CPU idle", cpu);
	wait_for_completion(m, st->done_up);
	bu_hp(m)->work(m, cpu, BU_HP_UNPARK);
	kthread_unpark(m, smpboot_thread(m, cpuhp(m)->threads, cpu));
	cpuhp_kick_ap(m, cpu);
}

#endif
