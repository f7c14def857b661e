/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * lock.h - raw spinlocks, mutexes, rwsems, semaphores, with the kernel's rules of who is let in and when.
 *
 * Flow: machine -> [lock] -> cores. Each lock knows who holds it and who waits; each thread knows what it holds, since
 * when and from where (waits.h).
 *
 * Misuse ends the run: unlocking what one does not hold, taking what one holds already, sleeping locks in atomic
 * context, a thread that ends while it holds a lock.
 *
 * Sources, all v6.12: include/asm-generic/ticket_spinlock.h, kernel/locking/{qspinlock,mutex,rwsem,semaphore}.c. The
 * wait_lock of a sleeping lock protects nothing that anybody else looks at, so a section under it is one step.
 * Not modelled: optimistic spinning of mutexes and rwsems (CONFIG_MUTEX_SPIN_ON_OWNER, CONFIG_RWSEM_SPIN_ON_OWNER).
 */
#ifndef BU_REPLAY_MACHINE_LOCK_H
#define BU_REPLAY_MACHINE_LOCK_H

#include "replay/machine/machine.h"

bu_obj bu_raw_spinlock(struct bu_machine *m, const char *name, enum bu_spin type);
void bu_raw_spin_lock(struct bu_machine *m, bu_obj lock);	/* disables preemption, spins with interrupts as they are */
bool bu_raw_spin_trylock(struct bu_machine *m, bu_obj lock);
void bu_raw_spin_unlock(struct bu_machine *m, bu_obj lock);
bool bu_raw_spin_lock_irqsave(struct bu_machine *m, bu_obj lock);	/* returns whether interrupts were on */
void bu_raw_spin_unlock_irqrestore(struct bu_machine *m, bu_obj lock, bool on);
bool bu_raw_spin_is_locked(struct bu_machine *m, bu_obj lock);

bu_obj bu_mutex(struct bu_machine *m, const char *name);
void bu_mutex_lock(struct bu_machine *m, bu_obj lock);
bool bu_mutex_trylock(struct bu_machine *m, bu_obj lock);
void bu_mutex_unlock(struct bu_machine *m, bu_obj lock);
bool bu_mutex_is_locked(struct bu_machine *m, bu_obj lock);

bu_obj bu_rwsem(struct bu_machine *m, const char *name);
void bu_down_read(struct bu_machine *m, bu_obj sem);
void bu_up_read(struct bu_machine *m, bu_obj sem);
void bu_down_write(struct bu_machine *m, bu_obj sem);
void bu_up_write(struct bu_machine *m, bu_obj sem);
bool bu_down_read_trylock(struct bu_machine *m, bu_obj sem);
bool bu_down_write_trylock(struct bu_machine *m, bu_obj sem);

bu_obj bu_semaphore(struct bu_machine *m, const char *name, uint32_t count);
void bu_down(struct bu_machine *m, bu_obj sem);
bool bu_down_trylock(struct bu_machine *m, bu_obj sem);
void bu_up(struct bu_machine *m, bu_obj sem);		/* by anybody, in any context */

#endif
