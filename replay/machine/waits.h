/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * waits.h - who waits for what, since when, from where, and who could end it.
 *
 * Flow: [waits] is filled by everything in this folder that can block or spin; a detector of hangs walks it from
 * thread to awaited object to those that could release it, and so on.
 *
 * Always true
 *  (1) A thread that is blocked or spins in a primitive of this folder, or in a loop of its own around a trylock, has one
 *      wait, which says what it asked for; its call path is where it did.
 *  (2) Releasers are named by what the primitive knows: the owner or the holders of a lock, the CPU that an
 *      interrupt is for, the thread that is to park. None named does not mean that nobody can: anybody may complete
 *      a completion.
 */
#ifndef BU_REPLAY_MACHINE_WAITS_H
#define BU_REPLAY_MACHINE_WAITS_H

#include <stddef.h>

#include "replay/machine/machine.h"

enum bu_obj_kind {
	BU_OBJ_NONE, BU_OBJ_SPINLOCK, BU_OBJ_MUTEX, BU_OBJ_RWSEM, BU_OBJ_PERCPU_RWSEM, BU_OBJ_RCU_SYNC,
	BU_OBJ_SEMAPHORE, BU_OBJ_SEQCOUNT, BU_OBJ_LATCH, BU_OBJ_COMPLETION, BU_OBJ_WAIT_QUEUE, BU_OBJ_SWAIT_QUEUE,
	BU_OBJ_STATIC_KEY, BU_OBJ_DEVICE, BU_OBJ_CFS_GROUP, BU_OBJ_STOPPER, BU_OBJ_STOP_WORK, BU_OBJ_CSD,
	BU_OBJ_TIMER, BU_OBJ_WORKQUEUE, BU_OBJ_WORK, BU_OBJ_NR_KINDS
};

enum bu_wait_kind {
	BU_WAITS_NOT,
	BU_WAITS_SLEEP,		/* for time to pass */
	BU_WAITS_LOCK,		/* spins or sleeps for a lock */
	BU_WAITS_OBJECT,	/* for a completion, wait queue, device, ... */
	BU_WAITS_WORD,		/* spins until a word has some value */
	BU_WAITS_PARK,		/* for a kthread to park */
	BU_WAITS_EXIT,		/* for a kthread to end */
	BU_WAITS_PARKED,	/* is parked: for an unpark */
	BU_WAITS_STOP,		/* for stoppers to have run its work */
	BU_WAITS_IPI,		/* for another CPU to run its function */
	BU_WAITS_GP,		/* for an RCU grace period */
	BU_WAITS_FLUSH,		/* for a work item to end */
	BU_WAITS_TIMER,		/* for a timer's handler to end */
	BU_WAITS_BANDWIDTH,	/* throttled: for its group's period timer */
	BU_WAITS_CPU,		/* queued on a CPU that runs something else */
	BU_WAITS_STATE,		/* blocked by a schedule() of the core's own */
	BU_WAITS_FAULT,		/* faults again and again until somebody makes the entry */
	BU_WAITS_NR_KINDS
};

#define BU_WAIT_RELEASERS 64	/* named at most */

struct bu_wait_info {
	bu_thread thread;
	int cpu;
	enum bu_wait_kind kind;
	bu_obj obj;			/* or 0 */
	enum bu_obj_kind obj_kind;
	const char *obj_name;		/* of the object or word, or what is waited for; never NULL */
	const char *point;		/* name of the wait point, where the core gave one; or NULL */
	int point_cpu;			/* the CPU that this is for, or -1 */
	int64_t since_ns;
	const char *const *path;	/* call path, outermost first */
	uint32_t path_len;
	bool on_cpu;			/* spins as the current thread of its CPU */
	bu_thread by_thread[BU_WAIT_RELEASERS];	/* who could end it */
	uint32_t n_by_threads;
	int by_cpu[BU_WAIT_RELEASERS];	/* and on which CPU, with its interrupts on or its current thread gone */
	uint32_t n_by_cpus;
	bool more;			/* there are more than these */
};

/**
 * bu_waits_each() - Call @fn for each thread that waits, in order of ids. Not from inside a thread's operation.
 * @fn: @w is valid during the call. Returns whether to go on.
 */
void bu_waits_each(struct bu_machine *m, bool (*fn)(void *ctx, const struct bu_wait_info *w), void *ctx);

/**
 * bu_wait_of() - The same for one thread. Return: whether it waits.
 */
bool bu_wait_of(struct bu_machine *m, bu_thread t, struct bu_wait_info *ret);

/**
 * bu_wait_brief() - The same without who could end it, which takes a search through all threads for some waits: for who
 * looks at every thread often. Return: whether it waits.
 */
bool bu_wait_brief(struct bu_machine *m, bu_thread t, struct bu_wait_info *ret);

struct bu_held_info {
	bu_obj obj;
	enum bu_obj_kind kind;
	const char *name;
	bool shared;
	int64_t since_ns;
	const char *where;	/* innermost function when it was taken */
};

/**
 * bu_held_by() - The locks that @t holds, in the order in which they were taken. Return: how many, at most @max.
 */
uint32_t bu_held_by(struct bu_machine *m, bu_thread t, struct bu_held_info *ret, uint32_t max);

/**
 * bu_call_path() - The call path of @t, outermost first. Return: its length.
 */
uint32_t bu_call_path(struct bu_machine *m, bu_thread t, const char *const **ret);

struct bu_lock_stats {
	uint64_t acquired;		/* times taken, for reading or writing */
	uint64_t contended;		/* of these, after a wait that took time */
	int64_t wait_ns, wait_max_ns;
	int64_t hold_ns, hold_max_ns;	/* ended holds only */
};

uint32_t bu_nr_objs(struct bu_machine *m);	/* ids 1 to this */
enum bu_obj_kind bu_obj_kind_of(struct bu_machine *m, bu_obj o);

/**
 * bu_lock_stats() - Of one object. Return: NULL when it was never taken, is no lock, or the machine keeps none.
 */
const struct bu_lock_stats *bu_lock_stats(struct bu_machine *m, bu_obj o);

const char *bu_obj_kind_name(enum bu_obj_kind kind);
const char *bu_wait_kind_name(enum bu_wait_kind kind);
const char *bu_obj_name(struct bu_machine *m, bu_obj o);
uint32_t bu_nr_threads(struct bu_machine *m);	/* ids 1 to this */

/**
 * bu_waits_describe() - "control waits for mutex cpu_add_remove_lock held by kworker/0:1 since 12.3 ms in cpu_up <-
 * device_online; ..." for threads that are no daemons first, as far as there is room.
 * Return: how many threads wait.
 */
size_t bu_waits_describe(struct bu_machine *m, char *buf, size_t size);

#endif
