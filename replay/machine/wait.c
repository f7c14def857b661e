// SPDX-License-Identifier: GPL-2.0-only
/*
 * wait.c - see wait.h. The lock inside a queue protects nothing that anybody else looks at: what the kernel does
 * under it is one step here.
 */
#include "replay/machine/wait.h"

#include "replay/machine/machine_int.h"

#define EXCLUSIVE 1u
#define ALL INT64_C(0xffffffff)	/* `done` of a completion that lets all pass: UINT_MAX */

static bool holds(struct bu_machine *m, bu_word_id word, enum bu_guard guard, int64_t value)
{
	int64_t is;

	op(m);
	is = bu_word_load(m->engine, word);
	return guard == BU_GUARD_EQ ? is == value : guard == BU_GUARD_NE ? is != value :
	       guard == BU_GUARD_GE ? is >= value : is <= value;
}

/* ---------------------------------------------------------------------------------------------- completions */

/* w[0]: done */
bu_obj bu_completion(struct bu_machine *m, const char *name)
{
	bu_obj id;
	struct obj *o = obj_new(m, BU_OBJ_COMPLETION, name, &id);

	if (o)
		obj_word(m, o, "done", 0);
	return id;
}

/* swake_up_locked(): the first waiter leaves the queue and is woken. */
static bool wake_first(struct bu_machine *m, struct obj *o)
{
	struct thread *t;

	if (!o->waiters.head)
		return false;
	t = thread_of(m, o->waiters.head);
	wq_del(m, t);
	try_to_wake_up(m, t, BU_TASK_NORMAL);
	return true;
}

static void after_wakeup(struct bu_machine *m)
{
	struct thread *t = cur(m);

	if (t)
		attend(m, t);
}

void bu_complete(struct bu_machine *m, bu_obj completion)
{
	struct obj *o = obj_get(m, completion, BU_OBJ_COMPLETION, "complete");

	if (!o)
		return;
	op(m);
	if (bu_word_load(m->engine, o->w[0]) != ALL)
		bu_word_add(m->engine, o->w[0], 1);
	if (wake_first(m, o))
		after_wakeup(m);
}

void bu_complete_all(struct bu_machine *m, bu_obj completion)
{
	struct obj *o = obj_get(m, completion, BU_OBJ_COMPLETION, "complete_all");

	if (!o)
		return;
	op(m);
	bu_word_store(m->engine, o->w[0], ALL);
	while (wake_first(m, o))
		;
	after_wakeup(m);
}

/* do_wait_for_common(). Return: ns left, 0: timed out; FOREVER where it was. */
static int64_t wait_for(struct bu_machine *m, bu_obj completion, int64_t ns)
{
	struct obj *o = obj_get(m, completion, BU_OBJ_COMPLETION, "wait_for_completion");
	struct thread *t = cur(m);

	if (!o)
		return 0;
	if (!t) {
		bu_misuse(m, "wait_for_completion(%s) outside of threads", o->name);
		return 0;
	}
	bu_might_sleep(m);
	op(m);
	if (!bu_word_load(m->engine, o->w[0])) {
		/* Inside a wait of more meaning (for a kthread to park, say) that one is told. */
		bool outer = t->wait;

		if (!outer)
			wait_begin(m, BU_WAITS_OBJECT, completion, NULL);
		do {
			if (!t->wq)
				wq_add(m, o, completion, t, EXCLUSIVE, false);
			set_state(m, t, BU_TASK_UNINTERRUPTIBLE);
			if (ns == FOREVER)
				bu_schedule(m);
			else
				ns = bu_schedule_timeout(m, ns);
			op(m);
		} while (!bu_word_load(m->engine, o->w[0]) && ns);
		wq_del(m, t);
		set_state(m, t, BU_TASK_RUNNING);
		if (!outer)
			wait_end(m, !ns);
		if (!bu_word_load(m->engine, o->w[0]))
			return 0;
	}
	if (bu_word_load(m->engine, o->w[0]) != ALL)
		bu_word_add(m->engine, o->w[0], -1);
	return ns ? ns : 1;
}

void bu_wait_for_completion(struct bu_machine *m, bu_obj completion)
{
	wait_for(m, completion, FOREVER);
}

int64_t bu_wait_for_completion_timeout(struct bu_machine *m, bu_obj completion, int64_t ns)
{
	return wait_for(m, completion, ns);
}

bool bu_try_wait_for_completion(struct bu_machine *m, bu_obj completion)
{
	struct obj *o = obj_get(m, completion, BU_OBJ_COMPLETION, "try_wait_for_completion");

	op(m);
	if (!o || !bu_word_load(m->engine, o->w[0]))
		return false;
	if (bu_word_load(m->engine, o->w[0]) != ALL)
		bu_word_add(m->engine, o->w[0], -1);
	return true;
}

bool bu_completion_done(struct bu_machine *m, bu_obj completion)
{
	struct obj *o = obj_get(m, completion, BU_OBJ_COMPLETION, "completion_done");

	op(m);
	return o && bu_word_load(m->engine, o->w[0]);
}

void bu_reinit_completion(struct bu_machine *m, bu_obj completion)
{
	struct obj *o = obj_get(m, completion, BU_OBJ_COMPLETION, "reinit_completion");

	op(m);
	if (o)
		bu_word_store(m->engine, o->w[0], 0);
}

/* ---------------------------------------------------------------------------------------------- wait queues */

bu_obj bu_wait_queue(struct bu_machine *m, const char *name)
{
	bu_obj id;

	obj_new(m, BU_OBJ_WAIT_QUEUE, name, &id);
	return id;
}

/* Exclusive waiters stand behind the others, which stand in the reverse order of coming. */
void bu_prepare_to_wait(struct bu_machine *m, bu_obj wq, bool exclusive, int state)
{
	struct obj *o = obj_get(m, wq, BU_OBJ_WAIT_QUEUE, "prepare_to_wait");
	struct thread *t = cur(m);

	if (!o || !t) {
		bu_misuse(m, "prepare_to_wait() outside of threads");
		return;
	}
	op(m);
	if (!t->wq)
		wq_add(m, o, wq, t, exclusive ? EXCLUSIVE : 0, !exclusive);
	set_state(m, t, state);
	if (!t->wait)
		wait_begin(m, BU_WAITS_OBJECT, wq, NULL);
}

void bu_finish_wait(struct bu_machine *m, bu_obj wq)
{
	struct thread *t = cur(m);

	if (!obj_get(m, wq, BU_OBJ_WAIT_QUEUE, "finish_wait") || !t)
		return;
	set_state(m, t, BU_TASK_RUNNING);
	op(m);
	if (t->wq == wq)
		wq_del(m, t);
	if (t->wait == BU_WAITS_OBJECT)		/* else it is part of a wait of more meaning */
		wait_end(m, false);
}

static int64_t wait_event(struct bu_machine *m, bu_obj wq, bu_word_id word, enum bu_guard guard, int64_t value,
			  bool exclusive, int64_t ns)
{
	if (!obj_get(m, wq, BU_OBJ_WAIT_QUEUE, "wait_event"))
		return 0;
	bu_might_sleep(m);
	if (holds(m, word, guard, value))
		return ns;
	for (;;) {
		bu_prepare_to_wait(m, wq, exclusive, BU_TASK_UNINTERRUPTIBLE);
		if (holds(m, word, guard, value)) {
			ns = ns ? ns : 1;
			break;
		}
		if (!ns)
			break;
		if (ns == FOREVER)
			bu_schedule(m);
		else
			ns = bu_schedule_timeout(m, ns);
	}
	bu_finish_wait(m, wq);
	return ns;
}

void bu_wait_event(struct bu_machine *m, bu_obj wq, bu_word_id word, enum bu_guard guard, int64_t value)
{
	wait_event(m, wq, word, guard, value, false, FOREVER);
}

void bu_wait_event_exclusive(struct bu_machine *m, bu_obj wq, bu_word_id word, enum bu_guard guard, int64_t value)
{
	wait_event(m, wq, word, guard, value, true, FOREVER);
}

int64_t bu_wait_event_timeout(struct bu_machine *m, bu_obj wq, bu_word_id word, enum bu_guard guard, int64_t value,
			      int64_t ns)
{
	return wait_event(m, wq, word, guard, value, false, ns);
}

/* autoremove_wake_function(): who is woken leaves the queue; who was awake already stays and does not count. */
static void wake_queue(struct bu_machine *m, bu_obj wq, uint32_t n)
{
	struct obj *o = obj_get(m, wq, BU_OBJ_WAIT_QUEUE, "wake_up");
	bu_thread id, next;

	if (!o)
		return;
	op(m);
	for (id = o->waiters.head; id; id = next) {
		struct thread *t = thread_of(m, id);
		bool exclusive = t->wq_flags & EXCLUSIVE;

		next = t->link[LINK_WAIT].next;
		if (!try_to_wake_up(m, t, BU_TASK_NORMAL))
			continue;
		wq_del(m, t);
		if (exclusive && !--n)
			break;
	}
	after_wakeup(m);
}

void bu_wake_up(struct bu_machine *m, bu_obj wq)
{
	wake_queue(m, wq, 1);
}

void bu_wake_up_all(struct bu_machine *m, bu_obj wq)
{
	wake_queue(m, wq, UINT32_MAX);
}

bool bu_waitqueue_active(struct bu_machine *m, bu_obj wq)
{
	const struct obj *o = obj_get(m, wq, BU_OBJ_WAIT_QUEUE, "waitqueue_active");

	op(m);
	return o && o->waiters.head;
}

/* --------------------------------------------------------------------------------------- simple wait queues */

bu_obj bu_swait_queue(struct bu_machine *m, const char *name)
{
	bu_obj id;

	obj_new(m, BU_OBJ_SWAIT_QUEUE, name, &id);
	return id;
}

void bu_swait_event(struct bu_machine *m, bu_obj q, bu_word_id word, enum bu_guard guard, int64_t value)
{
	struct obj *o = obj_get(m, q, BU_OBJ_SWAIT_QUEUE, "swait_event");
	struct thread *t = cur(m);

	if (!o || !t) {
		bu_misuse(m, "swait_event() outside of threads");
		return;
	}
	bu_might_sleep(m);
	if (holds(m, word, guard, value))
		return;
	wait_begin(m, BU_WAITS_OBJECT, q, NULL);
	for (;;) {
		op(m);
		if (!t->wq)
			wq_add(m, o, q, t, EXCLUSIVE, false);
		set_state(m, t, BU_TASK_UNINTERRUPTIBLE);
		if (holds(m, word, guard, value))
			break;
		bu_schedule(m);
	}
	set_state(m, t, BU_TASK_RUNNING);
	op(m);
	wq_del(m, t);
	wait_end(m, false);
}

void bu_swake_up_one(struct bu_machine *m, bu_obj q)
{
	struct obj *o = obj_get(m, q, BU_OBJ_SWAIT_QUEUE, "swake_up_one");

	if (!o)
		return;
	op(m);
	if (wake_first(m, o))
		after_wakeup(m);
}

void bu_swake_up_all(struct bu_machine *m, bu_obj q)
{
	struct obj *o = obj_get(m, q, BU_OBJ_SWAIT_QUEUE, "swake_up_all");

	if (!o)
		return;
	op(m);
	while (wake_first(m, o))
		;
	after_wakeup(m);
}
