/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * stop.h - the stoppers: threads of the highest class that run a function on a CPU, or on all at once.
 *
 * Flow: kthread -> [stop] -> cores (clock switches, CPU removal, migration).
 *
 * Source: kernel/stop_machine.c of v6.12. Functions run in migration/N with preemption disabled. A work that is
 * queued to a stopper that is not enabled is completed without being run.
 */
#ifndef BU_REPLAY_MACHINE_STOP_H
#define BU_REPLAY_MACHINE_STOP_H

#include "replay/machine/machine.h"

/**
 * bu_cpu_stop_init() - Registers migration/N and enables those of the CPUs that are online. Before it, stop_machine
 * runs its function on the calling CPU, which must be the only one.
 */
void bu_cpu_stop_init(struct bu_machine *m);
void bu_stop_machine_park(struct bu_machine *m, int cpu);	/* disables it, then parks the thread */
void bu_stop_machine_unpark(struct bu_machine *m, int cpu);	/* enables it, then unparks the thread */

/* 0 or what @fn returned; -ENOENT when the stopper is not enabled */
int bu_stop_one_cpu(struct bu_machine *m, int cpu, const char *name, bu_stop_fn fn, void *arg);
bool bu_stop_one_cpu_nowait(struct bu_machine *m, int cpu, const char *name, bu_stop_fn fn, void *arg);
/* @fn on @cpu1 with @cpu2 stopped: both stop, both call @fn as multi_cpu_stop() does for active CPUs */
int bu_stop_two_cpus(struct bu_machine *m, int cpu1, int cpu2, const char *name, bu_stop_fn fn, void *arg);

/**
 * bu_set_cpus_allowed_ptr() - Thread @t may run on @cpu only (BU_ANY_CPU: anywhere) from the return on: one that is
 * queued is moved; one that runs elsewhere is pushed away by the stopper of its CPU, which the caller waits for
 * (affine_move_task(), migration_cpu_stop(), kernel/sched/core.c v6.12).
 * Return: 0; -EINVAL when @cpu is not online.
 */
int bu_set_cpus_allowed_ptr(struct bu_machine *m, bu_thread t, int cpu);

/**
 * bu_stop_machine_cpuslocked() - All online CPUs meet with interrupts off, and @cpu runs @fn(@arg). The caller keeps
 * CPUs from coming and going. Return: what @fn returned.
 */
int bu_stop_machine_cpuslocked(struct bu_machine *m, const char *name, bu_stop_fn fn, void *arg, int cpu);

#endif
