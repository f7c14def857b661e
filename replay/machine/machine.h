/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * machine.h - CPUs that run threads: interrupts, preemption, scheduler classes, physical CPUs, who waits for whom.
 *
 * Flow: engine (tasks, words, virtual time) -> [machine] -> locks, kthreads, timers, RCU in this folder -> cores.
 *
 * A thread is what the kernel calls a task: it runs on one CPU at a time and only while it is that CPU's current
 * one. Its code is straight-line C on a stack of its own, which it gets when it runs for the first time.
 *
 * Always true
 *  (1) A CPU that was started has exactly one current thread. All others wait, whatever the engine thinks of them.
 *  (2) What threads share is words of the engine, and objects named by ids: no pointer to a kernel object exists
 *      outside this folder, none lies on a stack. Sections that the kernel keeps atomic by a raw lock that nobody
 *      else can see (a run queue's, a wait list's) are one step here.
 *  (3) Interrupts, NMIs and preemption happen at operation boundaries of the current thread, as calls on its stack:
 *      whatever takes time is split at the instant of arrival, and every operation on something shared looks first.
 *  (4) A core that breaks a rule of the kernel (sleeps while atomic, unlocks what it does not hold, ...) ends the
 *      run with a verdict that names the thread and its call path; the machine itself stays sane.
 *
 * CPUs:   dead --bu_cpu_start()--> started --its function returns--> dead
 * Threads: NEW --wake up--> queued <--> running --schedule() with another state--> blocked --wake up--> queued
 *
 * Rules are those of kernel/sched/core.c of v6.12 with CONFIG_PREEMPT, without load balancing other than pulling a
 * queued thread to a CPU that goes idle.
 */
#ifndef BU_REPLAY_MACHINE_MACHINE_H
#define BU_REPLAY_MACHINE_MACHINE_H

#include <stdbool.h>
#include <stdint.h>

#include "replay/core.h"
#include "replay/engine/engine.h"

struct bu_waited {
	bu_thread thread;
	int cpu;		/* that the thread is on now */
	uint8_t kind;		/* enum bu_wait_kind, see waits.h */
	bool timed_out;
	const char *name;	/* of the object or word; "" where there is none */
	const char *point;	/* of the wait point, where the core gave one; or NULL */
	int for_cpu;		/* the CPU that it was for, or -1 */
	int64_t start_ns, end_ns;
};

struct bu_machine_config {
	uint32_t n_cpus;	/* CPUs that can exist; at least 1 */
	uint32_t n_online;	/* of these, started and online at time 0; at least 1 */
	int64_t ipi_ns;		/* from sending an interrupt to another CPU to its arrival there */
	int64_t irq_ns;		/* entering and leaving an interrupt or NMI, together */
	int64_t switch_ns;	/* a context switch */
	int64_t poll_ns;	/* one round of a spin loop; a spin lasts whole rounds. 0: ends at once */
	int64_t op_ns;		/* an operation on something shared */
	int64_t slice_ns;	/* of fair threads that share a CPU; 0: 3 ms */
	int64_t tick_ns;	/* period of the tick of every online CPU; 0: none */
	int64_t text_poke_ns;	/* patching a static key; its sync on every other CPU is an IPI each */
	uint32_t n_physical;	/* CPUs of the host: as many can really run at once (overcommit); 0: all */
	/*
	 * How the host shares them. quantum_ns: first come first served, each for that long. 0: by virtual runtime, with the
	 * knobs of kernel/sched/fair.c v6.1; 0 there: as v6.1 has them for n_physical CPUs (6 ms, 0.75 ms, 1 ms times
	 * 1 + log2 of at most 8).
	 */
	int64_t quantum_ns;
	int64_t host_sched_latency_ns, host_min_granularity_ns, host_wakeup_granularity_ns;
	int64_t host_tick_ns;	/* slices of the host end with its tick (CONFIG_HZ); 0: when they are used up (HRTICK) */
	/*
	 * The machine is emulated: for how long a CPU that polls, and has none of the host's, keeps the emulator's lock from who
	 * needs it, see physical.c. 0: it is not. Needs n_physical.
	 */
	int64_t emulator_ns;
	int64_t emulator_tick_ns;	/* period of the timer interrupts of its CPUs while they work; 0: none */
	uint32_t host_load_permille;	/* of each physical CPU, for other load that is always runnable (cpu.weight) */
	uint64_t max_events;	/* as in the engine */
	uint64_t progress_events;	/* events without bu_progress() after which the run ends; 0: not looked at */
	uint64_t seed;
	size_t stack_bytes;	/* per thread, as in the engine */
	bool fingerprints;	/* keep what bu_machine_state() needs, see state.h */
	/*
	 * Look after each step whether it changed what it may not: stacks of other threads, anything that is shared but by an
	 * operation on its word (replay/machine/look.h). For tests: each step then costs as much as there is to look at. With
	 * BU_DEBUG always on.
	 */
	bool check_state;
	/* As in the engine: takes the log of steps. NULL: none is kept. */
	void (*steps)(void *ctx, const struct bu_step *step, uint32_t n);
	void *steps_ctx;
	bool step_ops;		/* every operation on something shared is an event, so that choose() can order them */
	/* As in the engine: which of @n events that are due goes first. NULL: the one queued first. */
	uint32_t (*choose)(void *ctx, uint32_t n);
	void *ctx;
	/* What a core finds behind its handle: the first word of the machine, and whatever the host keeps of the run. */
	const struct bu_host_tables *tables;
	void *host;
	void (*waited)(void *host, const struct bu_waited *w);	/* a wait that took time has ended; may be NULL */
	/*
	 * stop_machine(): ns from the setting of a state (enum multi_stop_state; the first: from being woken) until the CPU acts
	 * on it. NULL: 0.
	 */
	int64_t (*stop_lag_ns)(void *host, int cpu, int state);
	int64_t end_ns;		/* the run ends then as if every thread had returned; 0: never */
	bool lock_stats;	/* keep struct bu_lock_stats of every lock */
};

enum bu_machine_end {
	BU_MACHINE_DONE,	/* every thread that is no daemon returned */
	BU_MACHINE_STUCK,	/* some did not, and nothing will ever happen again */
	BU_MACHINE_MISUSE,	/* a core broke a rule of the kernel */
	BU_MACHINE_FAILED,	/* a core called bu_machine_fail(), or broke a rule of the engine */
	BU_MACHINE_CRASH,	/* the simulated kernel died: bu_crash() */
	BU_MACHINE_LIMIT,	/* max_events reached */
	BU_MACHINE_NO_PROGRESS,	/* progress_events passed and nobody got anywhere */
	BU_MACHINE_ASSERT,	/* what a core takes for granted does not hold */
	BU_MACHINE_PAUSED,	/* choose() returned BU_CHOOSE_PAUSE: bu_machine_run() may be called again */
	BU_MACHINE_NR_ENDS
};

struct bu_machine_result {
	enum bu_machine_end end;
	int64_t now_ns;
	uint64_t events, hash;	/* of the engine */
	char verdict[1024];	/* what was broken and where, or who waits for what; "" when DONE */
};

/**
 * bu_machine_create() - A machine at time 0 with its first n_online CPUs idle. @config is copied.
 */
int bu_machine_create(const struct bu_machine_config *config, struct bu_machine **ret, struct bu_err *err);
void bu_machine_destroy(struct bu_machine *m);

/**
 * bu_machine_reset() - Back to time 0 without threads and objects, memory kept.
 * Return: 0; -ENOMEM, then only destroying is left.
 */
int bu_machine_reset(struct bu_machine *m, uint64_t seed, struct bu_err *err);

/**
 * bu_machine_run() - Run until every thread that is no daemon has returned, or nothing can happen any more.
 * @ret: written on return 0.
 */
int bu_machine_run(struct bu_machine *m, struct bu_machine_result *ret, struct bu_err *err);

struct bu_engine *bu_machine_engine(struct bu_machine *m);	/* for words; borrowed */
int64_t bu_now(struct bu_machine *m);

/**
 * bu_machine_fail() - End the run with BU_MACHINE_FAILED. Does not return when called by a thread.
 */
void bu_machine_fail(struct bu_machine *m, const char *fmt, ...) __attribute__((format(printf, 2, 3)));

/**
 * bu_misuse() - End the run with BU_MACHINE_MISUSE: the running thread broke a rule of the kernel. The verdict names
 * the thread, its CPU and its call path. Does not return when called by a thread.
 */
void bu_misuse(struct bu_machine *m, const char *fmt, ...) __attribute__((format(printf, 2, 3)));

/**
 * bu_crash() - End the run with BU_MACHINE_CRASH: the simulated kernel died. @what: the class, "double fault"; @where: the
 * site or instruction. The verdict adds the thread, its CPU and its call path. Does not return when called by a thread.
 */
void bu_crash(struct bu_machine *m, const char *what, const char *where);

/**
 * bu_core_assert_failed() - End the run with BU_MACHINE_ASSERT: what the author of a core takes for granted does not hold.
 * Under BU_ASSERT_CORE() of replay/core.h. As bu_crash() otherwise.
 */
void bu_core_assert_failed(struct bu_machine *m, const char *condition, const char *where) __attribute__((cold));

/**
 * bu_progress() - Something got done that the run is about: a work item, a CPU that came up. A run in which this is not
 * said for progress_events events, while every CPU and thread gets its turn, is a livelock.
 */
void bu_progress(struct bu_machine *m);

void *bu_machine_host(struct bu_machine *m);	/* as configured */

/**
 * bu_emulator_turn() - The running CPU does what the emulator does for it under its lock: accesses to its local APIC. With
 * emulator_ns only.
 */
void bu_emulator_turn(struct bu_machine *m);

/* ------------------------------------------------------------------------------------------------------- threads */

/**
 * bu_thread_create() - A new thread, not yet awake. @name is copied. @cpu: the only CPU it may run on, or BU_ANY_CPU.
 * @prio: RT: 1 (lowest) to 99; else 0. @arg: borrowed.
 */
bu_thread bu_thread_create(struct bu_machine *m, const char *name, int cpu, enum bu_class class, int prio,
			   bu_thread_fn fn, void *arg);

/**
 * bu_thread_run() - The same for a fair thread, and wakes it up.
 */
bu_thread bu_thread_run(struct bu_machine *m, const char *name, int cpu, bu_thread_fn fn, void *arg);

/**
 * bu_thread_daemon() - The run does not wait for this thread to return, and does not miss it when it blocks for ever.
 */
void bu_thread_daemon(struct bu_machine *m, bu_thread t);

bu_thread bu_current(struct bu_machine *m);	/* 0 outside of threads */
const char *bu_thread_name(struct bu_machine *m, bu_thread t);
int bu_thread_cpu(struct bu_machine *m, bu_thread t);	/* where it is or was last */
int bu_this_cpu(struct bu_machine *m);		/* smp_processor_id() */
int64_t bu_thread_ran_ns(struct bu_machine *m, bu_thread t);	/* CPU time spent so far, spinning included */

/**
 * bu_call() - The running thread enters a function of this name (a string that lives as long as the run); bu_ret()
 * leaves the innermost one. This is the call path that verdicts and waits show.
 */
void bu_call(struct bu_machine *m, const char *function);
void bu_ret(struct bu_machine *m);

struct bu_fn_scope { struct bu_machine *m; };
static inline void bu_fn_end(struct bu_fn_scope *s)
{
	bu_ret(s->m);
}
/* First statement of a function: it is on the call path until it returns. */
#define BU_FN(m_) \
	struct bu_fn_scope bu_fn_scope_ __attribute__((cleanup(bu_fn_end))) = { (m_) }; \
	bu_call(bu_fn_scope_.m, __func__)

/**
 * bu_wait_point() - The next wait of the running thread is wait point @point, for CPU @cpu (-1: none in particular). @point
 * lives as long as the run.
 */
void bu_wait_point(struct bu_machine *m, const char *point, int cpu);

/* set_current_state(), schedule(), try_to_wake_up() of kernel/sched/core.c */
void bu_set_current_state(struct bu_machine *m, int state);
int bu_thread_state(struct bu_machine *m, bu_thread t);
void bu_schedule(struct bu_machine *m);
bool bu_wake_up_state(struct bu_machine *m, bu_thread t, int states);	/* whether it was in one of @states */
bool bu_wake_up_process(struct bu_machine *m, bu_thread t);	/* BU_TASK_NORMAL and BU_TASK_NEW */
void bu_yield(struct bu_machine *m);		/* sched_yield(): behind the others of its class and priority */
/* schedule_timeout() without a state of its own: returns 0 at or after the timeout, else the ns that were left */
int64_t bu_schedule_timeout(struct bu_machine *m, int64_t ns);
void bu_sleep_ns(struct bu_machine *m, int64_t ns);	/* msleep(), usleep_range(): blocked at least @ns */

/* ---------------------------------------------------------------------------------- time, interrupts, preemption */

/**
 * bu_work() - Spend @ns of CPU time on the thread's CPU. Interrupts are taken meanwhile, others may preempt: the
 * CPU time is @ns, the time that passes is more.
 */
void bu_work(struct bu_machine *m, int64_t ns);

/**
 * bu_mdelay() - A delay loop: ends when @ns have passed, whoever else used the CPU meanwhile (mdelay() and udelay() by
 * the TSC, arch/x86/lib/delay.c v6.12). bu_delay_loop() counts instructions instead: bu_work().
 */
void bu_mdelay(struct bu_machine *m, int64_t ns);

void bu_local_irq_disable(struct bu_machine *m);
void bu_local_irq_enable(struct bu_machine *m);		/* what has arrived meanwhile happens before it returns */
bool bu_local_irq_save(struct bu_machine *m);		/* returns whether they were on */
void bu_local_irq_restore(struct bu_machine *m, bool on);
bool bu_irqs_disabled(struct bu_machine *m);
void bu_preempt_disable(struct bu_machine *m);
void bu_preempt_enable(struct bu_machine *m);
int bu_preempt_count(struct bu_machine *m);
bool bu_in_interrupt(struct bu_machine *m);		/* hard interrupt or NMI */
bool bu_in_nmi(struct bu_machine *m);
void bu_might_sleep(struct bu_machine *m);		/* misuse when the thread is atomic */

/**
 * bu_irq_send() - An interrupt for @cpu, arriving @delay_ns from now: @handler(@arg) runs there with interrupts off as
 * soon as they are on. @name: as in bu_call(). Interrupts to one CPU are taken in the order of arrival; those to a
 * CPU that is not started stay pending until it is.
 * bu_ipi_send(): after the machine's ipi_ns. bu_nmi_send(): taken whether interrupts are on or off, one at a time.
 */
void bu_irq_send(struct bu_machine *m, int cpu, const char *name, int64_t delay_ns, bu_thread_fn handler, void *arg);
void bu_ipi_send(struct bu_machine *m, int cpu, const char *name, bu_thread_fn handler, void *arg);
void bu_nmi_send(struct bu_machine *m, int cpu, const char *name, int64_t delay_ns, bu_thread_fn handler, void *arg);

/* ---------------------------------------------------------------------------------------------------------- CPUs */

/**
 * bu_cpu_start() - A dead CPU begins to execute: @fn(@arg) runs in its idle thread, interrupts off. It calls
 * bu_set_cpu_online() and bu_cpu_startup_entry() as start_secondary() does. When it returns the CPU is dead again.
 * @fn NULL: a function that does nothing else.
 */
void bu_cpu_start(struct bu_machine *m, int cpu, bu_thread_fn fn, void *arg);

/**
 * bu_cpu_startup_entry() - The idle loop, interrupts on. Returns, interrupts off, when the CPU is found offline with
 * nothing left to run (do_idle(), kernel/sched/idle.c v6.12).
 */
void bu_cpu_startup_entry(struct bu_machine *m);

uint32_t bu_nr_cpus(struct bu_machine *m);
void bu_set_cpu_online(struct bu_machine *m, int cpu, bool online);

/**
 * bu_cpu_alive() - A CPU that was started has reported alive, for which the kernel waits 10 s (do_boot_cpu() of v6.1,
 * cpuhp_ap_sync_alive() of v6.12); being set online says so too.
 */
void bu_cpu_alive(struct bu_machine *m, int cpu);
bool bu_cpu_online(struct bu_machine *m, int cpu);
uint32_t bu_num_online_cpus(struct bu_machine *m);
bool bu_cpu_started(struct bu_machine *m, int cpu);
bu_thread bu_cpu_curr(struct bu_machine *m, int cpu);
bool bu_cpu_idle(struct bu_machine *m, int cpu);
bool bu_is_idle_task(struct bu_machine *m, int cpu);	/* its current thread is, whether an interrupt runs above it or not */

struct bu_cpu_account {
	int64_t busy_ns;	/* running threads other than idle, spinning and interrupts included */
	int64_t spin_ns;	/* of this, spinning */
	int64_t steal_ns;	/* wanted to run without a physical CPU */
	uint64_t irqs, nmis, switches;
};
void bu_cpu_account(struct bu_machine *m, int cpu, struct bu_cpu_account *ret);

struct bu_cpu_state {
	bu_thread curr;
	bool idle;			/* nothing but its idle loop runs */
	bool irqs_off, in_irq, in_nmi;
	bool irqs_pending;		/* an interrupt or timer is due and not taken */
	bool no_physical;		/* waits for a physical CPU */
	int32_t preempt_count;		/* of curr */
	int64_t irqs_off_since_ns;	/* when irqs_off */
	int64_t switched_ns;		/* when curr began to run */
	bool online;
	int64_t started_ns;		/* when it was started last */
	bool alive;			/* and has reported alive since */
	int64_t no_stopper_since_ns;	/* since when its stopper could not have run; now: it could */
};

/**
 * bu_cpu_state() - What a watchdog would find on a CPU now. Return: false when it is not started.
 */
bool bu_cpu_state(struct bu_machine *m, int cpu, struct bu_cpu_state *ret);

/**
 * bu_machine_bytes() - Memory of the machine without stacks and without the engine, in bytes.
 */
size_t bu_machine_bytes(const struct bu_machine *m);

/* ------------------------------------------------------------------------------------------------- CFS bandwidth */

/**
 * bu_cfs_group() - A group of fair threads that may use @quota_ns of CPU time per @period_ns (cpu.max). Runtime is
 * handed to CPUs in slices of 5 ms; a thread that finds none is throttled until the period timer has refilled the
 * group. That timer is pinned to the CPU on which it was armed (kernel/sched/fair.c v6.12), so it stays silent while
 * that CPU is dead unless its timers are migrated.
 */
bu_obj bu_cfs_group(struct bu_machine *m, const char *name, int64_t quota_ns, int64_t period_ns);
void bu_cfs_join(struct bu_machine *m, bu_obj group, bu_thread t);

#endif
