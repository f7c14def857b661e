/* SPDX-License-Identifier: MIT */
/*
 * cpuhp.h - the hotplug state machine (kernel/cpu.c since 4.6), for cores: a CPU's state, its thread cpuhp/N, cpu_up() with
 * its locks, and rolling back.
 *
 * Source: kernel/cpu.c of v6.1 and v6.12, kernel/smpboot.c, kernel/kthread.c; functions carry the kernel's names. A core says
 * what its architecture does in struct cpuhp_arch: what kicks a CPU (6.5 and later) and what brings it up.
 *
 * States are numbered per CPU: OFFLINE 0, its prepare steps, KICK_AP, BRINGUP_CPU, TEARDOWN_CPU, AP_ONLINE_IDLE, its online
 * steps, the last of which is ONLINE. Those in which callbacks run with interrupts off (STARTING, DYING) are the core's own
 * code, as the recording cannot tell them apart.
 *
 * Assumes that every CPU is present and bootable, and that steps have no instances.
 */
#ifndef BU_REPLAY_KIT_CPUHP_H
#define BU_REPLAY_KIT_CPUHP_H

#include "replay/core_hotplug.h"
#include "replay/kit/kernel.h"

struct cpuhp_cpu_state {
	int cpu;
	bu_word_id state, target, result, bringup, rollback, should_run;
	bu_obj done_up, done_down;	/* completions */
	bu_word_id ap_sync_state;	/* 6.5 and later: kit/split.h */
};

struct cpuhp_arch {
	int (*kick_ap)(struct bu_machine *, int cpu);		/* state CPUHP_BP_KICK_AP, or NULL */
	int (*bringup_cpu)(struct bu_machine *, int cpu);	/* state CPUHP_BRINGUP_CPU */
};

struct cpuhp {
	struct cpuhp_cpu_state *state;	/* by CPU */
	const struct cpuhp_arch *arch;
	struct x86_boot *x86;		/* kit/x86.h */
	void *core;			/* what the core keeps besides */
	int threads;			/* the family cpuhp/N of smpboot */
	bu_obj cpu_add_remove_lock, sparse_irq_lock, vector_lock;
	bu_thread kthreadd;
	bu_word_id kthread_create_list;	/* how many are to be made */
	bu_obj kthread_created;		/* completion */
};

enum { CPUHP_NR_SMPBOOT_THREADS = 3 };	/* cpuhp/N, migration/N, ksoftirqd/N */

static inline struct cpuhp *cpuhp(struct bu_machine *m)
{
	return (struct cpuhp *)core_data(m);
}

static inline struct cpuhp_cpu_state *cpuhp_state(struct bu_machine *m, int cpu)
{
	return &cpuhp(m)->state[cpu];
}

/* ------------------------------------------------------------------------------------------------------- states */

enum { CPUHP_OFFLINE = 0 };

static inline int cpuhp_kick_state(struct bu_machine *m, int cpu)
{
	return bu_hp(m)->nr_steps(m, cpu, BU_HP_PREPARE) + 1;
}

static inline int cpuhp_bringup_state(struct bu_machine *m, int cpu)
{
	return cpuhp_kick_state(m, cpu) + 1;
}

static inline int cpuhp_teardown_state(struct bu_machine *m, int cpu)
{
	return cpuhp_kick_state(m, cpu) + 2;
}

static inline int cpuhp_idle_state(struct bu_machine *m, int cpu)
{
	return cpuhp_kick_state(m, cpu) + 3;
}

static inline int cpuhp_online_state(struct bu_machine *m, int cpu)
{
	return cpuhp_idle_state(m, cpu) + bu_hp(m)->nr_steps(m, cpu, BU_HP_ONLINE_STEPS);
}

static inline int cpuhp_get_state(struct bu_machine *m, int cpu)
{
	return (int)atomic_read(m, cpuhp_state(m, cpu)->state);
}

static inline int cpuhp_set_state(struct bu_machine *m, const struct cpuhp_cpu_state *st, int target)
{
	const int prev_state = (int)atomic_read(m, st->state);

	atomic_set(m, st->rollback, false);
	atomic_set(m, st->target, target);
	atomic_set(m, st->bringup, prev_state < target);
	return prev_state;
}

/* The way back to @prev_state begins at the state before the one that failed, as that has not been entered. */
static inline void cpuhp_reset_state(struct bu_machine *m, const struct cpuhp_cpu_state *st, int prev_state)
{
	bool bringup;

	if (atomic_read(m, st->rollback))
		return;
	atomic_set(m, st->rollback, true);
	bringup = !atomic_read(m, st->bringup);
	atomic_set(m, st->bringup, bringup);
	atomic_set(m, st->target, prev_state);
	atomic_add_return(m, st->state, bringup ? 1 : -1);
}

static inline bool cpuhp_next_state(struct bu_machine *m, const struct cpuhp_cpu_state *st, bool bringup, int target,
				    int *state_to_run)
{
	const int state = (int)atomic_read(m, st->state);

	if (bringup ? state >= target : state <= target)
		return false;
	*state_to_run = bringup ? state + 1 : state;
	atomic_set(m, st->state, bringup ? state + 1 : state - 1);
	return true;
}

/* ------------------------------------------------------------------------------------------------ the AP's thread */

static inline int cpuhp_invoke_ap_callback(struct bu_machine *m, int cpu, int state, bool bringup)
{
	const int i = state - cpuhp_idle_state(m, cpu) - 1;

	/* The first of them is AP_SMPBOOT_THREADS. */
	if (!i && bringup)
		smpboot_unpark_threads(m, cpu);
	if (bringup)
		return bu_hp(m)->step(m, cpu, BU_HP_ONLINE_STEPS, i);
	bu_hp(m)->undo(m, cpu, BU_HP_ONLINE_STEPS, i);
	if (!i)
		smpboot_park_threads(m, cpu);
	return 0;
}

static inline void complete_ap_thread(struct bu_machine *m, const struct cpuhp_cpu_state *st, bool bringup)
{
	complete(m, bringup ? st->done_up : st->done_down);
}

/* wait_for_completion() as wait point @point, for @cpu. */
static inline void wait_for_completion_at(struct bu_machine *m, bu_obj c, const char *point, int cpu)
{
	if (try_wait_for_completion(m, c))
		return;
	wait_point(m, point, cpu);
	wait_for_completion(m, c);
}

static inline void wait_for_ap_thread(struct bu_machine *m, const struct cpuhp_cpu_state *st, bool bringup, const char *point)
{
	wait_for_completion_at(m, bringup ? st->done_up : st->done_down, point, st->cpu);
}

static inline bool cpuhp_should_run(struct bu_machine *m, int cpu)
{
	return atomic_read(m, cpuhp_state(m, cpu)->should_run);
}

/* One state per call. */
static inline void cpuhp_thread_fun(struct bu_machine *m, int cpu)
{
	const struct cpuhp_cpu_state *st = cpuhp_state(m, cpu);
	const bool bringup = atomic_read(m, st->bringup);
	int state, ret = 0;
	bool more;

	KERNEL_FN(m);
	if (bringup && cpuhp_get_state(m, cpu) == cpuhp_idle_state(m, cpu))
		bu_hp(m)->work(m, cpu, BU_HP_THREAD_WAKE);
	more = cpuhp_next_state(m, st, bringup, (int)atomic_read(m, st->target), &state);
	if (more) {
		ret = cpuhp_invoke_ap_callback(m, cpu, state, bringup);
		atomic_set(m, st->result, ret);
		if (!ret)
			return;
	}
	BU_ASSERT_CORE(m, !ret || !atomic_read(m, st->rollback));
	if (!more && bringup && cpuhp_get_state(m, cpu) == cpuhp_online_state(m, cpu))
		bu_hp(m)->mark(m, cpu, BU_HP_AT_ONLINE);
	atomic_set(m, st->should_run, 0);
	complete_ap_thread(m, st, bringup);
}

static inline void __cpuhp_kick_ap(struct bu_machine *m, const struct cpuhp_cpu_state *st)
{
	atomic_set(m, st->result, 0);
	atomic_set(m, st->should_run, 1);
	wake_up_process(m, smpboot_thread(m, cpuhp(m)->threads, st->cpu));
	wait_for_ap_thread(m, st, atomic_read(m, st->bringup), "W6 cpuhp/N at its target");
}

static inline int cpuhp_kick_ap(struct bu_machine *m, int cpu, int target)
{
	const struct cpuhp_cpu_state *st = cpuhp_state(m, cpu);
	int prev_state, ret;

	KERNEL_FN(m);
	prev_state = cpuhp_set_state(m, st, target);
	__cpuhp_kick_ap(m, st);
	ret = (int)atomic_read(m, st->result);
	if (ret) {
		cpuhp_reset_state(m, st, prev_state);
		__cpuhp_kick_ap(m, st);
	}
	return ret;
}

/* Up to the target of the cpu_up() that goes on. */
static inline int cpuhp_kick_ap_to_target(struct bu_machine *m, int cpu)
{
	return cpuhp_kick_ap(m, cpu, (int)atomic_read(m, cpuhp_state(m, cpu)->target));
}

/* -------------------------------------------------------------------------------------------------- AP side, idle */

/* On the CPU, its last act before the idle loop. */
static inline void cpuhp_online_idle(struct bu_machine *m, int cpu)
{
	const struct cpuhp_cpu_state *st = cpuhp_state(m, cpu);

	KERNEL_FN(m);
	stop_machine_unpark(m, cpu);
	atomic_set(m, st->state, cpuhp_idle_state(m, cpu));
	bu_hp(m)->mark(m, cpu, BU_HP_AT_IDLE);
	complete_ap_thread(m, st, true);
}

/* set_cpu_online() as start_secondary() has it: under vector_lock, as lapic_online() inherits the legacy vectors. */
static inline void x86_set_cpu_online(struct bu_machine *m, int cpu)
{
	raw_spin_lock(m, cpuhp(m)->vector_lock);
	set_cpu_online(m, cpu, true);
	raw_spin_unlock(m, cpuhp(m)->vector_lock);
}

/* ------------------------------------------------------------------------------------------- down, for rolling back */

static inline int take_cpu_down(struct bu_machine *m, void *arg)
{
	const int cpu = this_cpu(m);

	(void)arg;
	KERNEL_FN(m);
	set_cpu_online(m, cpu, false);	/* __cpu_disable() */
	stop_machine_park(m, cpu);
	return 0;
}

static inline void cpuhp_complete_idle_dead(struct bu_machine *m, void *arg)
{
	complete_ap_thread(m, (struct cpuhp_cpu_state *)arg, false);
}

/* On the dying CPU, out of its idle loop; nothing may be reported from there by the CPU itself, RCU no longer watches it. */
static inline void cpuhp_report_idle_dead(struct bu_machine *m, int cpu)
{
	KERNEL_FN(m);
	smp_call_function_single(m, 0, "cpuhp_complete_idle_dead", cpuhp_complete_idle_dead, cpuhp_state(m, cpu), false);
}

static inline int takedown_cpu(struct bu_machine *m, int cpu)
{
	int err;

	KERNEL_FN(m);
	kthread_park(m, smpboot_thread(m, cpuhp(m)->threads, cpu));
	mutex_lock(m, cpuhp(m)->sparse_irq_lock);
	err = stop_machine_cpuslocked(m, "take_cpu_down", take_cpu_down, NULL, cpu);
	if (err) {
		mutex_unlock(m, cpuhp(m)->sparse_irq_lock);
		kthread_unpark(m, smpboot_thread(m, cpuhp(m)->threads, cpu));
		return err;
	}
	wait_for_ap_thread(m, cpuhp_state(m, cpu), false, "CPU idle and dead");
	mutex_unlock(m, cpuhp(m)->sparse_irq_lock);
	return 0;
}

/* ------------------------------------------------------------------------------------------------ the control CPU */

/*
 * kthread_create_on_cpu() of each smpboot thread: kthreadd is asked, forks, answers (Wk). What that takes is in the recorded
 * step; that it takes kthreadd is not.
 */
static inline void cpuhp_create_threads(struct bu_machine *m, int cpu)
{
	struct cpuhp *hp = cpuhp(m);
	int i;

	for (i = 0; i < CPUHP_NR_SMPBOOT_THREADS; i++) {
		atomic_add_return(m, hp->kthread_create_list, 1);
		wake_up_process(m, hp->kthreadd);
		wait_for_completion_at(m, hp->kthread_created, "Wk kthreadd", cpu);
	}
	smpboot_create_threads(m, cpu);
}

static inline int cpuhp_invoke_callback(struct bu_machine *m, int cpu, int state, bool bringup)
{
	const struct cpuhp_arch *arch = cpuhp(m)->arch;

	if (state < cpuhp_kick_state(m, cpu)) {
		if (!bringup) {
			bu_hp(m)->undo(m, cpu, BU_HP_PREPARE, state - 1);
			return 0;
		}
		if (state == 1)		/* CPUHP_CREATE_THREADS */
			cpuhp_create_threads(m, cpu);
		return bu_hp(m)->step(m, cpu, BU_HP_PREPARE, state - 1);
	}
	if (bringup && state == cpuhp_kick_state(m, cpu))
		return arch->kick_ap ? arch->kick_ap(m, cpu) : 0;
	if (bringup && state == cpuhp_bringup_state(m, cpu))
		return arch->bringup_cpu(m, cpu);
	if (!bringup && state == cpuhp_teardown_state(m, cpu))
		return takedown_cpu(m, cpu);
	return 0;
}

static inline int cpuhp_invoke_callback_range(struct bu_machine *m, bool bringup, int cpu, int target)
{
	const struct cpuhp_cpu_state *st = cpuhp_state(m, cpu);
	int state, ret = 0;

	while (!ret && cpuhp_next_state(m, st, bringup, target, &state))
		ret = cpuhp_invoke_callback(m, cpu, state, bringup);
	return ret;
}

static inline int cpuhp_up_callbacks(struct bu_machine *m, int cpu, int target)
{
	const struct cpuhp_cpu_state *st = cpuhp_state(m, cpu);
	int ret, prev_state = cpuhp_get_state(m, cpu);

	KERNEL_FN(m);
	ret = cpuhp_invoke_callback_range(m, true, cpu, target);
	if (ret) {
		cpuhp_reset_state(m, st, prev_state);
		BU_ASSERT_CORE(m, !cpuhp_invoke_callback_range(m, false, cpu, prev_state));
	}
	return ret;
}

static inline int _cpu_up(struct bu_machine *m, int cpu, int target)
{
	const struct cpuhp_cpu_state *st = cpuhp_state(m, cpu);
	const int bringup = cpuhp_bringup_state(m, cpu);
	int ret = 0;

	KERNEL_FN(m);
	cpus_write_lock(m);
	if (cpuhp_get_state(m, cpu) < target) {
		cpuhp_set_state(m, st, target);
		ret = cpuhp_up_callbacks(m, cpu, target < bringup ? target : bringup);
	}
	cpus_write_unlock(m);
	return ret;
}

/*
 * Up to @target. A CPU that fails is given up: it is at the state to which the kernel rolls it back.
 */
static inline int cpu_up(struct bu_machine *m, int cpu, int target)
{
	int ret;

	KERNEL_FN(m);
	bu_hp(m)->work(m, cpu, cpuhp_get_state(m, cpu) == CPUHP_OFFLINE ? BU_HP_ENTRY : BU_HP_BRINGUP_ENTRY);
	mutex_lock(m, cpuhp(m)->cpu_add_remove_lock);
	if (cpuhp_get_state(m, cpu) == CPUHP_OFFLINE)
		bu_hp(m)->mark(m, cpu, BU_HP_AT_PREPARE);
	ret = _cpu_up(m, cpu, target);
	if (ret) {
		bu_hp(m)->failed(m, cpu, ret);
		bu_hp(m)->work(m, cpu, BU_HP_EXIT);
	}
	mutex_unlock(m, cpuhp(m)->cpu_add_remove_lock);
	return ret;
}

/* The CPU has reported that it is idle (W5): its thread may run. */
static inline void bringup_wait_for_ap_online(struct bu_machine *m, int cpu)
{
	KERNEL_FN(m);
	wait_for_ap_thread(m, cpuhp_state(m, cpu), true, "W5 done_up: CPU idle");
	bu_hp(m)->work(m, cpu, BU_HP_UNPARK);
	kthread_unpark(m, smpboot_thread(m, cpuhp(m)->threads, cpu));
}

/* ---------------------------------------------------------------------------------------- before and after the boot */

static inline void kthreadd(struct bu_machine *m, void *arg)
{
	struct cpuhp *hp = (struct cpuhp *)arg;

	KERNEL_FN(m);
	for (;;) {
		set_current_state(m, BU_TASK_INTERRUPTIBLE);
		if (!atomic_read(m, hp->kthread_create_list))
			schedule(m);
		set_current_state(m, BU_TASK_RUNNING);
		while (atomic_read(m, hp->kthread_create_list)) {
			atomic_add_return(m, hp->kthread_create_list, -1);
			complete(m, hp->kthread_created);
		}
	}
}

static inline bool ksoftirqd_should_run(struct bu_machine *m, int cpu)
{
	(void)m;
	(void)cpu;
	return false;
}

static const struct bu_smp_hotplug_thread cpuhp_threads = {
	.name = "cpuhp", .should_run = cpuhp_should_run, .fn = cpuhp_thread_fun, .sched_class = BU_CLASS_FAIR,
	.selfparking = true,
};
static const struct bu_smp_hotplug_thread softirq_threads = {
	.name = "ksoftirqd", .should_run = ksoftirqd_should_run, .sched_class = BU_CLASS_FAIR,
};

/* What smp_init() finds; @core is found as cpuhp(m)->core. RCU expedites until rcu_end_inkernel_boot(). */
static inline struct cpuhp *cpuhp_init(struct bu_machine *m, const struct cpuhp_arch *arch, void *core)
{
	struct cpuhp *hp = (struct cpuhp *)alloc(m, sizeof(*hp));
	int cpu;

	hp->state = (struct cpuhp_cpu_state *)alloc(m, nr_cpus(m) * sizeof(*hp->state));
	hp->arch = arch;
	hp->core = core;
	hp->cpu_add_remove_lock = mutex(m, "cpu_add_remove_lock");
	hp->sparse_irq_lock = mutex(m, "sparse_irq_lock");
	hp->vector_lock = raw_spinlock(m, "vector_lock", BU_SPIN_QUEUED);
	hp->kthread_create_list = atomic(m, "kthread_create_list", 0);
	hp->kthread_created = completion(m, "kthread_create_info.done");
	set_core_data(m, hp);
	for (cpu = 1; cpu < (int)nr_cpus(m); cpu++)
		hp->state[cpu] = (struct cpuhp_cpu_state){
			cpu, atomic(m, "state", CPUHP_OFFLINE), atomic(m, "target", CPUHP_OFFLINE), atomic(m, "result", 0),
			atomic(m, "bringup", false), atomic(m, "rollback", false), atomic(m, "should_run", 0),
			completion(m, "done_up"), completion(m, "done_down"), 0,
		};
	rcu_set_mode(m, BU_RCU_EXPEDITED);
	rcu_spawn_gp_kthread(m, 0);
	hp->kthreadd = thread_run(m, "kthreadd", BU_ANY_CPU, kthreadd, hp);
	thread_daemon(m, hp->kthreadd);
	cpu_stop_init(m);
	smpboot_register(m, &softirq_threads);
	hp->threads = smpboot_register(m, &cpuhp_threads);
	return hp;
}

static inline int rendezvous_handler(struct bu_machine *m, void *arg)
{
	(void)m;
	(void)arg;
	return 0;
}

/* smp_cpus_done(): caches and MTRRs of all CPUs at once, in mtrr_aps_init() (6.1) or cache_aps_init() (6.12). */
static inline void smp_cpus_done(struct bu_machine *m)
{
	KERNEL_FN(m);
	cpus_read_lock(m);
	stop_machine_cpuslocked(m, "cache_rendezvous_handler", rendezvous_handler, NULL, BU_ALL_ONLINE_CPUS);
	cpus_read_unlock(m);
}

#endif
