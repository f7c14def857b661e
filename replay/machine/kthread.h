/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * kthread.h - kernel threads: binding, parking, stopping; and the per-CPU threads of smpboot.
 *
 * Flow: machine -> [kthread] -> stoppers, workqueues, RCU, cores (cpuhp/N).
 *
 * Sources: kernel/kthread.c and kernel/smpboot.c of v6.12. Creating costs nothing here: the round trip to kthreadd is
 * the core's to add. A thread of smpboot that parks gives its stack back, and begins its loop anew when unparked: its
 * loop keeps nothing on the stack. So threads of CPUs that are offline cost no stack.
 */
#ifndef BU_REPLAY_MACHINE_KTHREAD_H
#define BU_REPLAY_MACHINE_KTHREAD_H

#include "replay/machine/machine.h"

/**
 * bu_kthread_create() - A fair thread that waits to be woken up, may run anywhere. The run does not wait for its end.
 */
bu_thread bu_kthread_create(struct bu_machine *m, const char *name, bu_kthread_fn fn, void *arg);

/**
 * bu_kthread_bind() - To one CPU; only before it is woken up for the first time.
 * bu_kthread_create_on_cpu(): created and bound; unparking binds it again.
 */
void bu_kthread_bind(struct bu_machine *m, bu_thread k, int cpu);
bu_thread bu_kthread_create_on_cpu(struct bu_machine *m, const char *name, int cpu, bu_kthread_fn fn, void *arg);

/**
 * bu_kthread_park() - Ask it to park and wait until it has. Return: 0; -EBUSY when that was asked for before;
 * -ENOSYS when it has ended.
 * bu_kthread_unpark(): without effect on a thread that is not to park.
 */
int bu_kthread_park(struct bu_machine *m, bu_thread k);
void bu_kthread_unpark(struct bu_machine *m, bu_thread k);
bool bu_kthread_should_park(struct bu_machine *m);
void bu_kthread_parkme(struct bu_machine *m);		/* returns at once when it is not to park */

/**
 * bu_kthread_stop() - Ask it to return and wait until it has. Return: what it returned; -EINTR when it never ran.
 */
int bu_kthread_stop(struct bu_machine *m, bu_thread k);
bool bu_kthread_should_stop(struct bu_machine *m);

/**
 * bu_smpboot_register() - Threads for the CPUs that are online, unparked unless selfparking. @ht is borrowed for the
 * run.
 * Return: a number for the other calls; negative when memory is out.
 */
int bu_smpboot_register(struct bu_machine *m, const struct bu_smp_hotplug_thread *ht);
void bu_smpboot_create_threads(struct bu_machine *m, int cpu);	/* parked, for each that is registered */
void bu_smpboot_unpark_threads(struct bu_machine *m, int cpu);
void bu_smpboot_park_threads(struct bu_machine *m, int cpu);	/* in reverse order */
bu_thread bu_smpboot_thread(struct bu_machine *m, int which, int cpu);	/* 0 before it is created */

#endif
