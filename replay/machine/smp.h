/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * smp.h - running a function on other CPUs by interrupt.
 *
 * Flow: machine -> [smp] -> text patching, RCU, cores.
 *
 * Source: kernel/smp.c of v6.12. Each call is a csd (call_single_data): locked from queueing until its function has run
 * (wait) or begun (nowait). A CPU's queue is emptied by one interrupt, which is sent only by who finds the queue
 * empty. Waiting with interrupts off is allowed, as the kernel only warns: two CPUs that do so to each other hang.
 */
#ifndef BU_REPLAY_MACHINE_SMP_H
#define BU_REPLAY_MACHINE_SMP_H

#include "replay/machine/machine.h"

/**
 * bu_smp_call_function_single() - @fn(@arg) on @cpu with interrupts off; directly when that is this CPU.
 * @wait: spin until it has run. Without, each CPU has one csd of its own, whose previous use is waited for.
 * Return: 0; -ENXIO when @cpu is not online.
 */
int bu_smp_call_function_single(struct bu_machine *m, int cpu, const char *name, bu_thread_fn fn, void *arg, bool wait);

/**
 * bu_smp_call_function() - The same on all other online CPUs. bu_on_each_cpu(): and then on this one.
 */
void bu_smp_call_function(struct bu_machine *m, const char *name, bu_thread_fn fn, void *arg, bool wait);
void bu_on_each_cpu(struct bu_machine *m, const char *name, bu_thread_fn fn, void *arg, bool wait);

/**
 * bu_smpcfd_dying_cpu() - Run by a dying CPU, interrupts off: what is queued for it is run now.
 */
void bu_smpcfd_dying_cpu(struct bu_machine *m);

#endif
