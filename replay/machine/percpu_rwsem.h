/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * percpu_rwsem.h - reader-writer locks whose readers are nearly free, and the state of RCU that makes them so.
 *
 * Flow: rcu, wait -> [percpu_rwsem] -> cores: cpu_hotplug_lock is one.
 *
 * Sources: kernel/locking/percpu-rwsem.c and kernel/rcu/sync.c of v6.12. Readers and writers that wait stand in one
 * queue; a release lets in the readers at its front, or one writer. A reader behind a waiting writer waits, also one
 * that holds the lock already: not recursive. A writer after a while without writers waits for a grace period, one
 * that follows another closely does not.
 */
#ifndef BU_REPLAY_MACHINE_PERCPU_RWSEM_H
#define BU_REPLAY_MACHINE_PERCPU_RWSEM_H

#include "replay/machine/machine.h"

enum bu_rcu_sync_state { BU_GP_IDLE, BU_GP_ENTER, BU_GP_PASSED, BU_GP_EXIT, BU_GP_REPLAY };

bu_obj bu_rcu_sync(struct bu_machine *m, const char *name);
void bu_rcu_sync_enter(struct bu_machine *m, bu_obj rss);
void bu_rcu_sync_exit(struct bu_machine *m, bu_obj rss);
bool bu_rcu_sync_is_idle(struct bu_machine *m, bu_obj rss);
enum bu_rcu_sync_state bu_rcu_sync_state(struct bu_machine *m, bu_obj rss);

bu_obj bu_percpu_rwsem(struct bu_machine *m, const char *name);
void bu_percpu_down_read(struct bu_machine *m, bu_obj sem);
bool bu_percpu_down_read_trylock(struct bu_machine *m, bu_obj sem);
void bu_percpu_up_read(struct bu_machine *m, bu_obj sem);
void bu_percpu_down_write(struct bu_machine *m, bu_obj sem);
void bu_percpu_up_write(struct bu_machine *m, bu_obj sem);
bu_obj bu_percpu_rwsem_rss(struct bu_machine *m, bu_obj sem);	/* its rcu_sync */

/* cpu_hotplug_lock of the machine (kernel/cpu.c), made at first use. */
void bu_cpus_read_lock(struct bu_machine *m);
void bu_cpus_read_unlock(struct bu_machine *m);
void bu_cpus_write_lock(struct bu_machine *m);
void bu_cpus_write_unlock(struct bu_machine *m);
bu_obj bu_cpu_hotplug_lock(struct bu_machine *m);

#endif
