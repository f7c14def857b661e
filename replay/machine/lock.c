// SPDX-License-Identifier: GPL-2.0-only
/*
 * lock.c - see lock.h.
 */
#include "replay/machine/lock.h"

#include "replay/machine/machine_int.h"
#include "schemas/base/ns.h"

/* The running thread; a misuse outside of threads. */
static struct thread *taker(struct bu_machine *m, struct obj *o, const char *call)
{
	struct thread *t = o ? cur(m) : NULL;

	if (o && !t)
		bu_misuse(m, "%s of %s outside of threads", call, o->name);
	return t;
}

static void not_held(struct bu_machine *m, const struct obj *o, const char *call)
{
	bu_misuse(m, "%s of %s %s, which this thread does not hold", call, bu_obj_kind_name(o->kind), o->name);
}

static bool recursive(struct bu_machine *m, const struct thread *t, const struct obj *o, bu_obj id, const char *call)
{
	if (!held_has(t, id))
		return false;
	bu_misuse(m, "%s of %s %s, which this thread holds already", call, bu_obj_kind_name(o->kind), o->name);
	return true;
}

/* -------------------------------------------------------------------------------------------- raw spinlocks */

/* w[0]: the next number, w[1]: the number that is called. flag: enum bu_spin */
bu_obj bu_raw_spinlock(struct bu_machine *m, const char *name, enum bu_spin type)
{
	bu_obj id;
	struct obj *o = obj_new(m, BU_OBJ_SPINLOCK, name, &id);

	if (!o)
		return 0;
	o->flag = (uint8_t)type;
	obj_word(m, o, "next", 0);
	obj_word(m, o, "owner", 0);
	return id;
}

void bu_raw_spin_lock(struct bu_machine *m, bu_obj lock)
{
	struct obj *o = obj_get(m, lock, BU_OBJ_SPINLOCK, "raw_spin_lock");
	struct thread *t = taker(m, o, "raw_spin_lock");
	int64_t mine;

	if (!t)
		return;
	t->preempt_count++;
	op(m);
	if (recursive(m, t, o, lock, "raw_spin_lock"))
		return;
	mine = bu_word_add(m->engine, o->w[0], 1) - 1;
	if (o->flag == BU_SPIN_TICKET)
		op(m);
	if (bu_word_load(m->engine, o->w[1]) != mine) {
		wait_begin(m, BU_WAITS_LOCK, lock, NULL);
		spin_on(m, o->w[1], BU_GUARD_EQ, mine, BU_EFFECT_NONE, 0, FOREVER);
		wait_end(m, false);
	}
	o->owner = t->id;
	held_add(m, lock, false);
}

bool bu_raw_spin_trylock(struct bu_machine *m, bu_obj lock)
{
	struct obj *o = obj_get(m, lock, BU_OBJ_SPINLOCK, "raw_spin_trylock");
	struct thread *t = taker(m, o, "raw_spin_trylock");

	if (!t)
		return false;
	t->preempt_count++;
	op(m);
	if (bu_word_load(m->engine, o->w[0]) != bu_word_load(m->engine, o->w[1])) {
		lock_polled(m, lock);
		bu_preempt_enable(m);
		return false;
	}
	bu_word_add(m->engine, o->w[0], 1);
	o->owner = t->id;
	held_add(m, lock, false);
	return true;
}

void bu_raw_spin_unlock(struct bu_machine *m, bu_obj lock)
{
	struct obj *o = obj_get(m, lock, BU_OBJ_SPINLOCK, "raw_spin_unlock");
	struct thread *t = taker(m, o, "raw_spin_unlock");

	if (!t)
		return;
	op(m);
	if (!held_del(m, t, lock)) {
		not_held(m, o, "raw_spin_unlock");
		return;
	}
	o->owner = 0;
	bu_word_add(m->engine, o->w[1], 1);
	bu_preempt_enable(m);
}

bool bu_raw_spin_lock_irqsave(struct bu_machine *m, bu_obj lock)
{
	bool on = bu_local_irq_save(m);

	bu_raw_spin_lock(m, lock);
	return on;
}

void bu_raw_spin_unlock_irqrestore(struct bu_machine *m, bu_obj lock, bool on)
{
	struct thread *t = cur(m);

	/* In the kernel's order: unlock, interrupts, preemption. */
	if (t)
		t->preempt_count++;
	bu_raw_spin_unlock(m, lock);
	bu_local_irq_restore(m, on);
	bu_preempt_enable(m);
}

bool bu_raw_spin_is_locked(struct bu_machine *m, bu_obj lock)
{
	const struct obj *o = obj_get(m, lock, BU_OBJ_SPINLOCK, "raw_spin_is_locked");

	op(m);
	return o && bu_word_load(m->engine, o->w[0]) != bu_word_load(m->engine, o->w[1]);
}

/* -------------------------------------------------------------------------------------------------- mutexes */

#define MUTEX_WAITERS 1
#define MUTEX_HANDOFF 2
#define MUTEX_PICKUP  4
#define MUTEX_FLAGS   7

/* w[0]: owner << 3 | flags */
bu_obj bu_mutex(struct bu_machine *m, const char *name)
{
	bu_obj id;
	struct obj *o = obj_new(m, BU_OBJ_MUTEX, name, &id);

	if (o)
		obj_word(m, o, "owner", 0);
	return id;
}

/* __mutex_trylock_common(): also asks for the lock to be handed over. */
static bool mutex_try(struct bu_machine *m, struct obj *o, const struct thread *t, bool handoff)
{
	int64_t owner = bu_word_load(m->engine, o->w[0]), flags = owner & MUTEX_FLAGS;
	bu_thread holder = (bu_thread)(owner >> 3);

	if (holder) {
		if (flags & MUTEX_PICKUP) {
			if (holder != t->id)
				return false;
			flags &= ~MUTEX_PICKUP;
		} else if (handoff && !(flags & MUTEX_HANDOFF)) {
			flags |= MUTEX_HANDOFF;
		} else {
			return false;
		}
	} else {
		holder = t->id;
	}
	bu_word_store(m->engine, o->w[0], (int64_t)holder << 3 | flags);
	return holder == t->id;
}

void bu_mutex_lock(struct bu_machine *m, bu_obj lock)
{
	struct obj *o = obj_get(m, lock, BU_OBJ_MUTEX, "mutex_lock");
	struct thread *t = taker(m, o, "mutex_lock");

	if (!t)
		return;
	bu_might_sleep(m);
	op(m);
	if (recursive(m, t, o, lock, "mutex_lock"))
		return;
	if (bu_word_cmpxchg(m->engine, o->w[0], 0, (int64_t)t->id << 3) != 0) {
		op(m);
		if (!mutex_try(m, o, t, false)) {
			wq_add(m, o, lock, t, 0, false);
			if (o->waiters.head == t->id)
				bu_word_store(m->engine, o->w[0], bu_word_load(m->engine, o->w[0]) | MUTEX_WAITERS);
			set_state(m, t, BU_TASK_UNINTERRUPTIBLE);
			wait_begin(m, BU_WAITS_LOCK, lock, NULL);
			for (;;) {
				bool first;

				bu_schedule(m);
				first = o->waiters.head == t->id;
				bu_set_current_state(m, BU_TASK_UNINTERRUPTIBLE);
				op(m);
				if (mutex_try(m, o, t, first))
					break;
				op(m);
				if (mutex_try(m, o, t, false))
					break;
			}
			op(m);
			wait_end(m, false);
			set_state(m, t, BU_TASK_RUNNING);
			wq_del(m, t);
			if (!o->waiters.head)
				bu_word_store(m->engine, o->w[0], bu_word_load(m->engine, o->w[0]) & ~(int64_t)MUTEX_FLAGS);
		}
	}
	o->owner = t->id;
	held_add(m, lock, false);
}

bool bu_mutex_trylock(struct bu_machine *m, bu_obj lock)
{
	struct obj *o = obj_get(m, lock, BU_OBJ_MUTEX, "mutex_trylock");
	struct thread *t = taker(m, o, "mutex_trylock");

	if (!t)
		return false;
	op(m);
	if (bu_in_interrupt(m)) {
		bu_misuse(m, "mutex_trylock() of %s in an interrupt handler", o->name);
		return false;
	}
	/* Nobody's, or handed over to this thread, which cannot be: it would be waiting. */
	if (!mutex_try(m, o, t, false)) {
		lock_polled(m, lock);
		return false;
	}
	o->owner = t->id;
	held_add(m, lock, false);
	return true;
}

void bu_mutex_unlock(struct bu_machine *m, bu_obj lock)
{
	struct obj *o = obj_get(m, lock, BU_OBJ_MUTEX, "mutex_unlock");
	struct thread *t = taker(m, o, "mutex_unlock");
	int64_t owner;
	bu_thread next;

	if (!t)
		return;
	op(m);
	if (!held_del(m, t, lock)) {
		not_held(m, o, "mutex_unlock");
		return;
	}
	o->owner = 0;
	owner = bu_word_load(m->engine, o->w[0]);
	if (!(owner & MUTEX_HANDOFF))
		bu_word_store(m->engine, o->w[0], owner & MUTEX_FLAGS);
	if (!(owner & (MUTEX_WAITERS | MUTEX_HANDOFF)))
		return;
	op(m);
	next = o->waiters.head;
	/*
	 * Handed over only if asked for before it was released: one who asks later found it taken by a third
	 * (kernel/locking/mutex.c, __mutex_unlock_slowpath()).
	 */
	if (owner & MUTEX_HANDOFF)
		bu_word_store(m->engine, o->w[0], next ? (int64_t)next << 3 | MUTEX_WAITERS | MUTEX_PICKUP : 0);
	if (next)
		bu_wake_up_process(m, next);
}

bool bu_mutex_is_locked(struct bu_machine *m, bu_obj lock)
{
	const struct obj *o = obj_get(m, lock, BU_OBJ_MUTEX, "mutex_is_locked");

	op(m);
	return o && bu_word_load(m->engine, o->w[0]) >> 3;
}

/* --------------------------------------------------------------------------------------------------- rwsems */

#define RW_WRITER  1
#define RW_WAITERS 2
#define RW_HANDOFF 4
#define RW_READER  256
#define RW_READ_FAILED (RW_WRITER | RW_WAITERS | RW_HANDOFF)
#define RW_WAIT_TIMEOUT_NS (4 * BU_NS_PER_MS)	/* RWSEM_WAIT_TIMEOUT: HZ/250, at least a jiffy */
#define RW_MAX_WOKEN 256

enum { WANTS_READ, WANTS_WRITE, WRITE_HANDOFF };	/* wq_flags of waiters */
enum rw_wake { RW_WAKE_ANY, RW_WAKE_READERS, RW_WAKE_READ_OWNED };

/* w[0]: count, w[1]: last owner was a reader. Waiters: wq_value = when they lose patience */
bu_obj bu_rwsem(struct bu_machine *m, const char *name)
{
	bu_obj id;
	struct obj *o = obj_new(m, BU_OBJ_RWSEM, name, &id);

	if (!o)
		return 0;
	obj_word(m, o, "count", 0);
	obj_word(m, o, "reader owned", 0);
	return id;
}

/* rwsem_set_reader_owned(), rwsem_set_owner() */
static void reader_owned(struct bu_machine *m, const struct obj *o, bool reader)
{
	bu_word_store(m->engine, o->w[1], reader);
}

static int64_t count(struct bu_machine *m, const struct obj *o)
{
	return bu_word_load(m->engine, o->w[0]);
}

/* rwsem_mark_wake(): takes readers that are granted the lock off the list; a writer is woken to try itself. */
static void rw_mark(struct bu_machine *m, struct obj *o, enum rw_wake type, struct list *woken)
{
	struct thread *first = thread_of(m, o->waiters.head), *t;
	int64_t adjust = 0, c;
	uint32_t n = 0;
	bu_thread id, next;

	if (first->wq_flags != WANTS_READ) {
		if (type == RW_WAKE_ANY)
			wake_q_add(m, woken, first);
		return;
	}
	if (type != RW_WAKE_READ_OWNED) {
		c = bu_word_add(m->engine, o->w[0], RW_READER) - RW_READER;
		if (c & RW_WRITER) {	/* a writer was faster */
			adjust = -RW_READER;
			if (bu_now(m) > first->wq_value && !(c & RW_HANDOFF))
				adjust += RW_HANDOFF;
			bu_word_add(m->engine, o->w[0], adjust);
			return;
		}
		adjust = RW_READER;
		reader_owned(m, o, true);
		o->owner = 0;
	}
	for (id = o->waiters.head; id && n < RW_MAX_WOKEN; id = next) {
		t = thread_of(m, id);
		next = t->link[LINK_WAIT].next;
		if (t->wq_flags != WANTS_READ)
			continue;
		wq_del(m, t);
		wake_q_add(m, woken, t);
		n++;
	}
	adjust = (int64_t)n * RW_READER - adjust;
	c = count(m, o);
	if (!o->waiters.head)
		adjust -= c & RW_WAITERS;
	if (n && (c & RW_HANDOFF))
		adjust -= RW_HANDOFF;
	bu_word_add(m->engine, o->w[0], adjust);
}

static void rw_cond_mark(struct bu_machine *m, struct obj *o, int64_t c, struct list *woken)
{
	if (!(c & RW_WRITER))
		rw_mark(m, o, c >= RW_READER ? RW_WAKE_READERS : RW_WAKE_ANY, woken);
}

void bu_down_read(struct bu_machine *m, bu_obj sem)
{
	struct obj *o = obj_get(m, sem, BU_OBJ_RWSEM, "down_read");
	struct thread *t = taker(m, o, "down_read");
	struct list woken = { 0, 0 };
	int64_t c, readers;

	if (!t)
		return;
	bu_might_sleep(m);
	op(m);
	c = bu_word_add(m->engine, o->w[0], RW_READER);
	if (!(c & RW_READ_FAILED)) {
		reader_owned(m, o, true);
		held_add(m, sem, true);
		return;
	}
	op(m);
	readers = c / RW_READER;
	if (!(bu_word_load(m->engine, o->w[1]) && readers > 1 && !(c & RW_WRITER)) && !(c & (RW_WRITER | RW_HANDOFF))) {
		/* Takes it ahead of those that wait for it, as nobody has it. */
		reader_owned(m, o, true);
		if (readers == 1 && (c & RW_WAITERS) && o->waiters.head)
			rw_mark(m, o, RW_WAKE_READ_OWNED, &woken);
		held_add(m, sem, true);
		wake_up_q(m, &woken);
		return;
	}
	if (!o->waiters.head && !(count(m, o) & RW_WRITER)) {
		reader_owned(m, o, true);
		held_add(m, sem, true);
		return;
	}
	t->wq_value = bu_now(m) + RW_WAIT_TIMEOUT_NS;
	c = bu_word_add(m->engine, o->w[0], (o->waiters.head ? 0 : RW_WAITERS) - RW_READER);
	wq_add(m, o, sem, t, WANTS_READ, false);
	rw_cond_mark(m, o, c, &woken);
	wait_begin(m, BU_WAITS_LOCK, sem, NULL);
	wake_up_q(m, &woken);
	for (;;) {
		bu_set_current_state(m, BU_TASK_UNINTERRUPTIBLE);
		op(m);
		if (!t->wq)	/* granted */
			break;
		bu_schedule(m);
	}
	set_state(m, t, BU_TASK_RUNNING);
	wait_end(m, false);
	held_add(m, sem, true);
}

/* rwsem_try_write_lock() */
static bool rw_try_write(struct bu_machine *m, struct obj *o, struct thread *t)
{
	int64_t c = count(m, o);
	bool first = o->waiters.head == t->id;

	if ((c & RW_HANDOFF) && !first)
		return false;
	if (c >= RW_READER || (c & RW_WRITER)) {
		if (first && !(c & RW_HANDOFF) && (t->class == BU_CLASS_RT || bu_now(m) > t->wq_value)) {
			bu_word_add(m->engine, o->w[0], RW_HANDOFF);
			t->wq_flags = WRITE_HANDOFF;
		}
		return false;
	}
	c = (c | RW_WRITER) & ~(int64_t)RW_HANDOFF;
	if (o->waiters.head == o->waiters.tail)
		c &= ~(int64_t)RW_WAITERS;
	bu_word_store(m->engine, o->w[0], c);
	wq_del(m, t);
	return true;
}

void bu_down_write(struct bu_machine *m, bu_obj sem)
{
	struct obj *o = obj_get(m, sem, BU_OBJ_RWSEM, "down_write");
	struct thread *t = taker(m, o, "down_write");
	struct list woken = { 0, 0 };

	if (!t)
		return;
	bu_might_sleep(m);
	op(m);
	if (recursive(m, t, o, sem, "down_write"))
		return;
	if (bu_word_cmpxchg(m->engine, o->w[0], 0, RW_WRITER) != 0) {
		op(m);
		t->wq_value = bu_now(m) + RW_WAIT_TIMEOUT_NS;
		wq_add(m, o, sem, t, WANTS_WRITE, false);
		if (o->waiters.head != t->id)
			rw_cond_mark(m, o, count(m, o), &woken);
		else
			bu_word_add(m->engine, o->w[0], RW_WAITERS);
		wait_begin(m, BU_WAITS_LOCK, sem, NULL);
		wake_up_q(m, &woken);
		bu_set_current_state(m, BU_TASK_UNINTERRUPTIBLE);
		for (;;) {
			op(m);
			if (rw_try_write(m, o, t))
				break;
			bu_schedule(m);
			bu_set_current_state(m, BU_TASK_UNINTERRUPTIBLE);
		}
		set_state(m, t, BU_TASK_RUNNING);
		wait_end(m, false);
	}
	reader_owned(m, o, false);
	o->owner = t->id;
	held_add(m, sem, false);
}

static void rw_wake(struct bu_machine *m, struct obj *o)
{
	struct list woken = { 0, 0 };

	op(m);
	if (!o->waiters.head)
		return;
	rw_mark(m, o, RW_WAKE_ANY, &woken);
	wake_up_q(m, &woken);
}

void bu_up_read(struct bu_machine *m, bu_obj sem)
{
	struct obj *o = obj_get(m, sem, BU_OBJ_RWSEM, "up_read");
	struct thread *t = taker(m, o, "up_read");
	int64_t c;

	if (!t)
		return;
	op(m);
	if (o->owner == t->id || !held_del(m, t, sem)) {
		not_held(m, o, "up_read");
		return;
	}
	c = bu_word_add(m->engine, o->w[0], -RW_READER);
	if (c < RW_READER && (c & (RW_WRITER | RW_WAITERS)) == RW_WAITERS)
		rw_wake(m, o);
}

void bu_up_write(struct bu_machine *m, bu_obj sem)
{
	struct obj *o = obj_get(m, sem, BU_OBJ_RWSEM, "up_write");
	struct thread *t = taker(m, o, "up_write");

	if (!t)
		return;
	op(m);
	if (o->owner != t->id || !held_del(m, t, sem)) {
		not_held(m, o, "up_write");
		return;
	}
	o->owner = 0;
	if (bu_word_add(m->engine, o->w[0], -RW_WRITER) & RW_WAITERS)
		rw_wake(m, o);
}

bool bu_down_read_trylock(struct bu_machine *m, bu_obj sem)
{
	struct obj *o = obj_get(m, sem, BU_OBJ_RWSEM, "down_read_trylock");

	if (!taker(m, o, "down_read_trylock"))
		return false;
	op(m);
	if (count(m, o) & RW_READ_FAILED) {
		lock_polled(m, sem);
		return false;
	}
	bu_word_add(m->engine, o->w[0], RW_READER);
	reader_owned(m, o, true);
	held_add(m, sem, true);
	return true;
}

bool bu_down_write_trylock(struct bu_machine *m, bu_obj sem)
{
	struct obj *o = obj_get(m, sem, BU_OBJ_RWSEM, "down_write_trylock");
	struct thread *t = taker(m, o, "down_write_trylock");

	if (!t)
		return false;
	op(m);
	if (bu_word_cmpxchg(m->engine, o->w[0], 0, RW_WRITER) != 0) {
		lock_polled(m, sem);
		return false;
	}
	reader_owned(m, o, false);
	o->owner = t->id;
	held_add(m, sem, false);
	return true;
}

/* ----------------------------------------------------------------------------------------------- semaphores */

/*
 * w[0]: count. Nobody holds a semaphore; owner: who took it last and has not given it back, for reports only (as
 * last_holder in kernel/locking/semaphore.c of v6.16).
 */
bu_obj bu_semaphore(struct bu_machine *m, const char *name, uint32_t initial)
{
	bu_obj id;
	struct obj *o = obj_new(m, BU_OBJ_SEMAPHORE, name, &id);

	if (o)
		obj_word(m, o, "count", initial);
	return id;
}

void bu_down(struct bu_machine *m, bu_obj sem)
{
	struct obj *o = obj_get(m, sem, BU_OBJ_SEMAPHORE, "down");
	struct thread *t = taker(m, o, "down");

	if (!t)
		return;
	bu_might_sleep(m);
	op(m);
	if (count(m, o) > 0) {
		bu_word_add(m->engine, o->w[0], -1);
		o->owner = t->id;
		return;
	}
	wq_add(m, o, sem, t, 0, false);
	wait_begin(m, BU_WAITS_LOCK, sem, NULL);
	set_state(m, t, BU_TASK_UNINTERRUPTIBLE);
	for (;;) {
		bu_schedule(m);
		op(m);
		if (!t->wq)	/* up() has given it to this thread */
			break;
		set_state(m, t, BU_TASK_UNINTERRUPTIBLE);
	}
	wait_end(m, false);
}

bool bu_down_trylock(struct bu_machine *m, bu_obj sem)
{
	struct obj *o = obj_get(m, sem, BU_OBJ_SEMAPHORE, "down_trylock");

	op(m);
	if (!o || count(m, o) <= 0) {
		lock_polled(m, sem);
		return false;
	}
	bu_word_add(m->engine, o->w[0], -1);
	o->owner = cur(m) ? cur(m)->id : 0;
	return true;
}

void bu_up(struct bu_machine *m, bu_obj sem)
{
	struct obj *o = obj_get(m, sem, BU_OBJ_SEMAPHORE, "up");
	struct thread *t;

	if (!o)
		return;
	op(m);
	if (cur(m) && o->owner == cur(m)->id)
		o->owner = 0;
	if (!o->waiters.head) {
		bu_word_add(m->engine, o->w[0], 1);
		return;
	}
	t = thread_of(m, o->waiters.head);
	wq_del(m, t);
	o->owner = t->id;
	try_to_wake_up(m, t, BU_TASK_NORMAL);
	if (cur(m))
		attend(m, cur(m));
}
