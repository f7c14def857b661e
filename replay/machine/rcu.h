/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * rcu.h - read-side sections and grace periods: normal, expedited, and what early boot does instead.
 *
 * Flow: kthread, timer -> [rcu] -> percpu_rwsem, cores.
 *
 * Sources: kernel/rcu/{tree,tree_exp.h,tree_plugin.h,update.c} of v6.12 with CONFIG_PREEMPT_RCU. A normal grace
 * period is driven by the thread rcu_preempt: it notes which CPUs run, sleeps for a jiffy or more, and then looks
 * for those that are idle (force_quiescent_state); others report at their ticks, the first of which notices the
 * grace period and the next reports it if the CPU is outside of read-side sections; threads that were preempted
 * inside one are waited for themselves. An expedited one interrupts every CPU that is not idle.
 *
 * Simplified: one node instead of a tree; a CPU without a tick is found by the next look when it has switched
 * contexts; a CPU counts from bu_cpu_start() to its death; callbacks run in rcu_preempt, in the order in which they
 * were queued on any CPU.
 */
#ifndef BU_REPLAY_MACHINE_RCU_H
#define BU_REPLAY_MACHINE_RCU_H

#include "replay/machine/machine.h"

/**
 * bu_rcu_set_mode() - A machine begins with BU_RCU_NORMAL.
 */
void bu_rcu_set_mode(struct bu_machine *m, enum bu_rcu_mode mode);

/**
 * bu_rcu_spawn_gp_kthread() - Until then callbacks stay queued. @fqs_ns: from the start of a grace period to the first
 * look for idle CPUs, and between such looks; 0: as rcu_init_geometry() has it for a tick of 4 ms: a jiffy and one more
 * for each 256 CPUs.
 */
bu_thread bu_rcu_spawn_gp_kthread(struct bu_machine *m, int64_t fqs_ns);

void bu_rcu_read_lock(struct bu_machine *m);
void bu_rcu_read_unlock(struct bu_machine *m);
void bu_synchronize_rcu(struct bu_machine *m);
void bu_synchronize_rcu_expedited(struct bu_machine *m);
void bu_call_rcu(struct bu_machine *m, bu_thread_fn fn, void *arg);	/* @fn must not sleep */
void bu_rcu_barrier(struct bu_machine *m);		/* until all callbacks queued so far have run */
uint64_t bu_rcu_completed(struct bu_machine *m);	/* normal grace periods so far */

/**
 * bu_rcu_gp_start() - Since when the normal grace period is going on, or BU_NS_UNKNOWN.
 * bu_rcu_cpu_owes() - Whether it waits for this CPU.
 */
int64_t bu_rcu_gp_start(struct bu_machine *m);
bool bu_rcu_cpu_owes(struct bu_machine *m, int cpu);
/* Whether it waits for this thread, which was preempted in a read-side section. */
bool bu_rcu_thread_blocks(struct bu_machine *m, bu_thread t);

#endif
