// SPDX-License-Identifier: GPL-2.0-only
/*
 * percpu_rwsem.c - see percpu_rwsem.h. The per-CPU counts of readers are one word here: what a writer sums up is never
 * compared with anything but zero.
 */
#include "replay/machine/percpu_rwsem.h"

#include "replay/machine/atomic.h"
#include "replay/machine/machine_int.h"
#include "replay/machine/rcu.h"
#include "replay/machine/wait.h"

/* ------------------------------------------------------------------------------------------------- rcu_sync */

/* w[0]: gp_state, w[1]: gp_count, sub: gp_wait */
bu_obj bu_rcu_sync(struct bu_machine *m, const char *name)
{
	bu_obj id;
	struct obj *o = obj_new(m, BU_OBJ_RCU_SYNC, name, &id);

	if (!o)
		return 0;
	obj_word(m, o, "gp_state", BU_GP_IDLE);
	obj_word(m, o, "gp_count", 0);
	o->sub = bu_wait_queue(m, name);
	o->b = id;
	return id;
}

static int64_t gp_state(struct bu_machine *m, const struct obj *o)
{
	return bu_word_load(m->engine, o->w[0]);
}

static void rcu_sync_func(struct bu_machine *m, void *arg)
{
	struct obj *o = arg;

	op(m);
	if (bu_word_load(m->engine, o->w[1])) {
		/* A writer came meanwhile: readers have been told by now. */
		bu_word_store(m->engine, o->w[0], BU_GP_PASSED);
		bu_wake_up_all(m, o->sub);
	} else if (gp_state(m, o) == BU_GP_REPLAY) {
		/* And another left: once more from its leaving on. */
		bu_word_store(m->engine, o->w[0], BU_GP_EXIT);
		bu_call_rcu(m, rcu_sync_func, o);
	} else {
		bu_word_store(m->engine, o->w[0], BU_GP_IDLE);
	}
}

void bu_rcu_sync_enter(struct bu_machine *m, bu_obj rss)
{
	struct obj *o = obj_get(m, rss, BU_OBJ_RCU_SYNC, "rcu_sync_enter");
	bool first;

	if (!o)
		return;
	op(m);
	first = gp_state(m, o) == BU_GP_IDLE;
	if (first)
		bu_word_store(m->engine, o->w[0], BU_GP_ENTER);
	bu_word_add(m->engine, o->w[1], 1);
	if (first) {
		bu_synchronize_rcu(m);
		rcu_sync_func(m, o);
		return;
	}
	bu_wait_event(m, o->sub, o->w[0], BU_GUARD_GE, BU_GP_PASSED);
}

void bu_rcu_sync_exit(struct bu_machine *m, bu_obj rss)
{
	struct obj *o = obj_get(m, rss, BU_OBJ_RCU_SYNC, "rcu_sync_exit");

	if (!o)
		return;
	op(m);
	if (!bu_word_load(m->engine, o->w[1])) {
		bu_misuse(m, "rcu_sync_exit(%s) without rcu_sync_enter()", o->name);
		return;
	}
	if (bu_word_add(m->engine, o->w[1], -1))
		return;
	if (gp_state(m, o) == BU_GP_PASSED) {
		bu_word_store(m->engine, o->w[0], BU_GP_EXIT);
		bu_call_rcu(m, rcu_sync_func, o);
	} else if (gp_state(m, o) == BU_GP_EXIT) {
		bu_word_store(m->engine, o->w[0], BU_GP_REPLAY);
	}
}

bool bu_rcu_sync_is_idle(struct bu_machine *m, bu_obj rss)
{
	return bu_rcu_sync_state(m, rss) == BU_GP_IDLE;
}

enum bu_rcu_sync_state bu_rcu_sync_state(struct bu_machine *m, bu_obj rss)
{
	const struct obj *o = obj_get(m, rss, BU_OBJ_RCU_SYNC, "rcu_sync_is_idle");

	op(m);
	return o ? (enum bu_rcu_sync_state)gp_state(m, o) : BU_GP_IDLE;
}

/* ---------------------------------------------------------------------------------------------- percpu_rwsem */

#define READER 1u	/* wq_flags of waiters */

/* w[0]: block, w[1]: read_count, w[2]: the writer that waits for readers to leave (rcuwait), sub: its rcu_sync */
bu_obj bu_percpu_rwsem(struct bu_machine *m, const char *name)
{
	bu_obj id;
	struct obj *o = obj_new(m, BU_OBJ_PERCPU_RWSEM, name, &id);

	if (!o)
		return 0;
	obj_word(m, o, "block", 0);
	obj_word(m, o, "read_count", 0);
	obj_word(m, o, "writer", 0);
	o->sub = bu_rcu_sync(m, name);
	return id;
}

bu_obj bu_percpu_rwsem_rss(struct bu_machine *m, bu_obj sem)
{
	const struct obj *o = obj_get(m, sem, BU_OBJ_PERCPU_RWSEM, "percpu_rwsem");

	return o ? o->sub : 0;
}

/* rcuwait_wake_up(): the writer looks again. */
static void wake_writer(struct bu_machine *m, const struct obj *o)
{
	bu_thread writer;

	op(m);
	writer = (bu_thread)bu_word_load(m->engine, o->w[2]);
	if (writer)
		bu_wake_up_process(m, writer);
}

static bool read_try(struct bu_machine *m, const struct obj *o)
{
	op(m);
	bu_word_add(m->engine, o->w[1], 1);
	op(m);
	if (!bu_word_load(m->engine, o->w[0]))
		return true;
	op(m);
	bu_word_add(m->engine, o->w[1], -1);
	wake_writer(m, o);
	return false;
}

static bool write_try(struct bu_machine *m, const struct obj *o)
{
	op(m);
	return bu_word_cmpxchg(m->engine, o->w[0], 0, 1) == 0;
}

/* percpu_rwsem_wait() */
static void queue_and_sleep(struct bu_machine *m, struct obj *o, bu_obj id, struct thread *t, bool reader)
{
	bool wait;

	/*
	 * Under waiters.lock: try once more, then queue. Whoever releases takes that lock before it looks for
	 * waiters, so the last try and the queueing are one step.
	 */
	op(m);
	if (reader) {
		wait = bu_word_load(m->engine, o->w[0]) != 0;
		if (!wait)
			bu_word_add(m->engine, o->w[1], 1);
	} else {
		wait = bu_word_cmpxchg(m->engine, o->w[0], 0, 1) != 0;
	}
	if (!wait)
		return;
	wq_add(m, o, id, t, reader ? READER : 0, false);
	wait_begin(m, BU_WAITS_LOCK, id, NULL);
	for (;;) {
		bu_set_current_state(m, BU_TASK_UNINTERRUPTIBLE);
		op(m);
		if (!t->wq)
			break;
		bu_schedule(m);
	}
	set_state(m, t, BU_TASK_RUNNING);
	wait_end(m, false);
}

void bu_percpu_down_read(struct bu_machine *m, bu_obj sem)
{
	struct obj *o = obj_get(m, sem, BU_OBJ_PERCPU_RWSEM, "percpu_down_read");
	struct thread *t = cur(m);

	if (!o || !t) {
		bu_misuse(m, "percpu_down_read() outside of threads");
		return;
	}
	bu_might_sleep(m);
	bu_preempt_disable(m);
	if (bu_rcu_sync_is_idle(m, o->sub)) {
		/* What a writer may do between these two is what its grace period is for. */
		op(m);
		bu_word_add(m->engine, o->w[1], 1);
	} else if (!read_try(m, o)) {
		bu_preempt_enable(m);
		queue_and_sleep(m, o, sem, t, true);
		bu_preempt_disable(m);
	}
	held_add(m, sem, true);
	bu_preempt_enable(m);
}

bool bu_percpu_down_read_trylock(struct bu_machine *m, bu_obj sem)
{
	struct obj *o = obj_get(m, sem, BU_OBJ_PERCPU_RWSEM, "percpu_down_read_trylock");
	bool got = true;

	if (!o || !cur(m))
		return false;
	bu_preempt_disable(m);
	if (bu_rcu_sync_is_idle(m, o->sub))
		bu_atomic_add_return(m, o->w[1], 1);
	else
		got = read_try(m, o);
	if (got)
		held_add(m, sem, true);
	else
		lock_polled(m, sem);
	bu_preempt_enable(m);
	return got;
}

void bu_percpu_up_read(struct bu_machine *m, bu_obj sem)
{
	struct obj *o = obj_get(m, sem, BU_OBJ_PERCPU_RWSEM, "percpu_up_read");
	struct thread *t = cur(m);
	bool idle;

	if (!o || !t)
		return;
	if (o->owner == t->id || !held_del(m, t, sem)) {
		bu_misuse(m, "percpu_up_read of percpu_rwsem %s, which this thread does not hold", o->name);
		return;
	}
	bu_preempt_disable(m);
	idle = bu_rcu_sync_is_idle(m, o->sub);
	op(m);
	bu_word_add(m->engine, o->w[1], -1);
	if (!idle)
		wake_writer(m, o);
	bu_preempt_enable(m);
}

void bu_percpu_down_write(struct bu_machine *m, bu_obj sem)
{
	struct obj *o = obj_get(m, sem, BU_OBJ_PERCPU_RWSEM, "percpu_down_write");
	struct thread *t = cur(m);

	if (!o || !t) {
		bu_misuse(m, "percpu_down_write() outside of threads");
		return;
	}
	bu_might_sleep(m);
	if (o->owner == t->id) {
		bu_misuse(m, "percpu_down_write of percpu_rwsem %s, which this thread holds already", o->name);
		return;
	}
	/* Readers take the slow path from here on. */
	bu_rcu_sync_enter(m, o->sub);
	if (!write_try(m, o))
		queue_and_sleep(m, o, sem, t, false);
	/* rcuwait_wait_event(readers_active_check()) */
	op(m);
	bu_word_store(m->engine, o->w[2], t->id);
	wait_begin(m, BU_WAITS_LOCK, sem, NULL);
	for (;;) {
		bu_set_current_state(m, BU_TASK_UNINTERRUPTIBLE);
		op(m);
		if (!bu_word_load(m->engine, o->w[1]))
			break;
		bu_schedule(m);
	}
	set_state(m, t, BU_TASK_RUNNING);
	wait_end(m, false);
	bu_word_store(m->engine, o->w[2], 0);
	o->owner = t->id;
	held_add(m, sem, false);
}

void bu_percpu_up_write(struct bu_machine *m, bu_obj sem)
{
	struct obj *o = obj_get(m, sem, BU_OBJ_PERCPU_RWSEM, "percpu_up_write");
	struct thread *t = cur(m), *w;
	struct list woken = { 0, 0 };

	if (!o || !t)
		return;
	if (o->owner != t->id || !held_del(m, t, sem)) {
		bu_misuse(m, "percpu_up_write of percpu_rwsem %s, which this thread does not hold", o->name);
		return;
	}
	o->owner = 0;
	op(m);
	bu_word_store(m->engine, o->w[0], 0);
	/* __wake_up(waiters, 1): readers up to the first writer, each given the lock before it is woken. */
	op(m);
	while (o->waiters.head && !bu_word_load(m->engine, o->w[0])) {
		bool reader;

		w = thread_of(m, o->waiters.head);
		reader = w->wq_flags & READER;
		if (reader)
			bu_word_add(m->engine, o->w[1], 1);
		else
			bu_word_store(m->engine, o->w[0], 1);
		wq_del(m, w);
		wake_q_add(m, &woken, w);
		if (!reader)
			break;
	}
	wake_up_q(m, &woken);
	bu_rcu_sync_exit(m, o->sub);
}

/* ------------------------------------------------------------------------------------------- cpu_hotplug_lock */

bu_obj bu_cpu_hotplug_lock(struct bu_machine *m)
{
	if (!m->cpu_hotplug_lock)
		m->cpu_hotplug_lock = bu_percpu_rwsem(m, "cpu_hotplug_lock");
	return m->cpu_hotplug_lock;
}

void bu_cpus_read_lock(struct bu_machine *m)
{
	bu_percpu_down_read(m, bu_cpu_hotplug_lock(m));
}

void bu_cpus_read_unlock(struct bu_machine *m)
{
	bu_percpu_up_read(m, bu_cpu_hotplug_lock(m));
}

void bu_cpus_write_lock(struct bu_machine *m)
{
	bu_percpu_down_write(m, bu_cpu_hotplug_lock(m));
}

void bu_cpus_write_unlock(struct bu_machine *m)
{
	bu_percpu_up_write(m, bu_cpu_hotplug_lock(m));
}
