// SPDX-License-Identifier: GPL-2.0-only
/*
 * atomic.c - see atomic.h.
 */
#include "replay/machine/atomic.h"

#include <errno.h>

#include "replay/machine/lock.h"
#include "replay/machine/machine_int.h"
#include "replay/machine/smp.h"

bu_word_id bu_atomic(struct bu_machine *m, const char *name, int64_t value)
{
	return bu_word_new(m->engine, name, value);
}

int64_t bu_atomic_read(struct bu_machine *m, bu_word_id w)
{
	op(m);
	return bu_word_load(m->engine, w);
}

void bu_atomic_set(struct bu_machine *m, bu_word_id w, int64_t value)
{
	op(m);
	bu_word_store(m->engine, w, value);
}

int64_t bu_atomic_add_return(struct bu_machine *m, bu_word_id w, int64_t delta)
{
	op(m);
	return bu_word_add(m->engine, w, delta);
}

bool bu_atomic_dec_and_test(struct bu_machine *m, bu_word_id w)
{
	return bu_atomic_add_return(m, w, -1) == 0;
}

int64_t bu_atomic_cmpxchg(struct bu_machine *m, bu_word_id w, int64_t old, int64_t new)
{
	op(m);
	return bu_word_cmpxchg(m->engine, w, old, new);
}

int64_t bu_atomic_xchg(struct bu_machine *m, bu_word_id w, int64_t new)
{
	int64_t found;

	op(m);
	found = bu_word_load(m->engine, w);
	bu_word_store(m->engine, w, new);
	return found;
}

int bu_spin_until(struct bu_machine *m, bu_word_id w, enum bu_guard guard, int64_t value, int64_t timeout_ns,
		  const char *point, int for_cpu)
{
	struct thread *t = cur(m);
	int64_t until = FOREVER;
	bool outer = t && t->wait;
	int rc;

	if (timeout_ns >= 0 && timeout_ns < FOREVER - bu_now(m))
		until = bu_now(m) + timeout_ns;
	op(m);
	if (!outer) {
		wait_begin(m, BU_WAITS_WORD, 0, point);
		if (t) {
			t->wait_cpu = for_cpu;
			t->wait_word = w;
		}
	}
	rc = spin_on(m, w, guard, value, BU_EFFECT_NONE, 0, until);
	if (!outer)
		wait_end(m, rc != 0);
	return rc;
}

/* ----------------------------------------------------------------------------------------- sequence counters */

/* w[0]: sequence */
bu_obj bu_seqcount(struct bu_machine *m, const char *name)
{
	bu_obj id;
	struct obj *o = obj_new(m, BU_OBJ_SEQCOUNT, name, &id);

	if (o)
		obj_word(m, o, "sequence", 0);
	return id;
}

void bu_write_seqcount_begin(struct bu_machine *m, bu_obj s)
{
	struct obj *o = obj_get(m, s, BU_OBJ_SEQCOUNT, "write_seqcount_begin");
	struct thread *t = cur(m);

	if (!o || !t)
		return;
	op(m);
	if (preemptible(m, cpu_of(m, t))) {
		bu_misuse(m, "write section of seqcount %s with preemption enabled", o->name);
		return;
	}
	if (bu_word_load(m->engine, o->w[0]) & 1) {
		bu_misuse(m, "two write sections of seqcount %s at once", o->name);
		return;
	}
	bu_word_add(m->engine, o->w[0], 1);
	o->owner = t->id;
	held_add(m, s, false);
}

void bu_write_seqcount_end(struct bu_machine *m, bu_obj s)
{
	struct obj *o = obj_get(m, s, BU_OBJ_SEQCOUNT, "write_seqcount_end");
	struct thread *t = cur(m);

	if (!o || !t)
		return;
	op(m);
	if (!held_del(m, t, s)) {
		bu_misuse(m, "end of a write section of seqcount %s that this thread has not begun", o->name);
		return;
	}
	o->owner = 0;
	bu_word_add(m->engine, o->w[0], 1);
}

int64_t bu_read_seqcount_begin(struct bu_machine *m, bu_obj s)
{
	struct obj *o = obj_get(m, s, BU_OBJ_SEQCOUNT, "read_seqcount_begin");
	int64_t seq;
	uint8_t outer;

	if (!o)
		return 0;
	op(m);
	while ((seq = bu_word_load(m->engine, o->w[0])) & 1) {
		/* In an interrupt the thread below may be waiting already. */
		outer = cur(m) ? cur(m)->wait : 0;
		wait_begin(m, BU_WAITS_LOCK, s, NULL);
		if (cur(m))
			cur(m)->wait_thread = o->owner;
		spin_on(m, o->w[0], BU_GUARD_NE, seq, BU_EFFECT_NONE, 0, FOREVER);
		wait_end(m, false);
		if (outer)
			cur(m)->wait = outer;
	}
	return seq;
}

bool bu_read_seqcount_retry(struct bu_machine *m, bu_obj s, int64_t start)
{
	const struct obj *o = obj_get(m, s, BU_OBJ_SEQCOUNT, "read_seqcount_retry");

	op(m);
	return o && bu_word_load(m->engine, o->w[0]) != start;
}

bu_obj bu_seqcount_latch(struct bu_machine *m, const char *name)
{
	bu_obj id;
	struct obj *o = obj_new(m, BU_OBJ_LATCH, name, &id);

	if (o)
		obj_word(m, o, "sequence", 0);
	return id;
}

void bu_raw_write_seqcount_latch(struct bu_machine *m, bu_obj s)
{
	const struct obj *o = obj_get(m, s, BU_OBJ_LATCH, "raw_write_seqcount_latch");

	op(m);
	if (o)
		bu_word_add(m->engine, o->w[0], 1);
}

int64_t bu_raw_read_seqcount_latch(struct bu_machine *m, bu_obj s)
{
	const struct obj *o = obj_get(m, s, BU_OBJ_LATCH, "raw_read_seqcount_latch");

	op(m);
	return o ? bu_word_load(m->engine, o->w[0]) : 0;
}

bool bu_read_seqcount_latch_retry(struct bu_machine *m, bu_obj s, int64_t start)
{
	return bu_raw_read_seqcount_latch(m, s) != start;
}

/* ----------------------------------------------------------------------------------------------- static keys */

/* w[0]: on. sub: the machine's text_mutex */
bu_obj bu_static_key(struct bu_machine *m, const char *name, bool on)
{
	bu_obj id;
	struct obj *o = obj_new(m, BU_OBJ_STATIC_KEY, name, &id);

	if (!o)
		return 0;
	obj_word(m, o, "on", on);
	if (!m->text_mutex)
		m->text_mutex = bu_mutex(m, "text_mutex");
	return id;
}

static void do_sync_core(struct bu_machine *m, void *arg)
{
	(void)m;
	(void)arg;
}

void bu_static_key_set(struct bu_machine *m, bu_obj key, bool on)
{
	struct obj *o = obj_get(m, key, BU_OBJ_STATIC_KEY, "static_key_set");
	int step;

	if (!o)
		return;
	bu_mutex_lock(m, m->text_mutex);
	op(m);
	if (bu_word_load(m->engine, o->w[0]) != on) {
		for (step = 0; step < 3; step++) {
			bu_work(m, m->config.text_poke_ns);
			if (step == 2)	/* from now on CPUs see the new branch */
				bu_word_store(m->engine, o->w[0], on);
			bu_on_each_cpu(m, "do_sync_core", do_sync_core, NULL, true);
		}
	}
	bu_mutex_unlock(m, m->text_mutex);
}

bool bu_static_branch(struct bu_machine *m, bu_obj key)
{
	const struct obj *o = obj_get(m, key, BU_OBJ_STATIC_KEY, "static_branch");

	op(m);
	return o && bu_word_load(m->engine, o->w[0]);
}
