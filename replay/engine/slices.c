// SPDX-License-Identifier: GPL-2.0-only
/*
 * slices.c - catches tasks that share memory on their stacks: bu_engine_config.check_stacks, always with BU_DEBUG.
 *
 * Under engine.c. A stopped task's slice of its stack, from its stack pointer up, belongs to nobody else: what is on
 * it when the task stops is there when it goes on. Its hash is taken when the task stops and compared after each step
 * of any other task, so that the step that broke it is known. With very many tasks a step looks at some of them in
 * turn; each is looked at before it goes on in any case.
 */
#include <stdlib.h>

#include "replay/engine/engine_int.h"

#define LOOK_AT 512u		/* tasks per step */

#if defined(__has_attribute)
#if __has_attribute(no_sanitize)
#define NO_ASAN __attribute__((no_sanitize("address")))
#endif
#endif
#ifndef NO_ASAN
#define NO_ASAN
#endif

/* AddressSanitizer has forbidden what lies between variables; only here it is looked at as a whole. */
NO_ASAN uint64_t bu_slice_hash(const struct bu_co *co, uintptr_t low)
{
	const uint64_t *end = co->canary, *p = (const uint64_t *)low;	/* stack pointers are multiples of 8 */
	uint64_t h = BU_HASH_INIT;

	for (; p < end; p++)
		h = bu_hash_u64(h, *p);
	return h;
}

int bu_slices_grow(struct bu_engine *e, uint32_t cap)
{
	struct slice *p;

	if (!e->config.check_stacks)
		return 0;
	p = realloc(e->slice, cap * sizeof(*p));
	if (!p)
		return -1;
	e->slice = p;
	return 0;
}

void bu_slices_fini(struct bu_engine *e)
{
	free(e->slice);
}

static bool is_as_left(const struct bu_engine *e, uint32_t id)
{
	const struct slice *s = &e->slice[id];

	return !s->low || bu_slice_hash(&e->task[id].co, s->low) == s->hash;
}

bool bu_slices_check_one(struct bu_engine *e, uint32_t id)
{
	if (is_as_left(e, id)) {
		e->slice[id].low = 0;
		return true;
	}
	bu_engine_rule_broken(e, "something changed the stack of %s while it was stopped: tasks share nothing but words",
			      e->info[id].name);
	return false;
}

void bu_slices_check(struct bu_engine *e, uint32_t id)
{
	struct task *t = &e->task[id];
	uint32_t i, n;

	if (t->state != TASK_DONE) {
		e->slice[id].low = bu_co_left_sp(&e->stacks, &t->co) & ~(uintptr_t)7;
		e->slice[id].hash = bu_slice_hash(&t->co, e->slice[id].low);
	}
	for (n = e->n_tasks - 1 < LOOK_AT ? e->n_tasks - 1 : LOOK_AT; n; n--) {
		i = e->next_slice = e->next_slice + 1 < e->n_tasks ? e->next_slice + 1 : 1;
		if (i == id || is_as_left(e, i))
			continue;
		bu_engine_rule_broken(e, "%s changed the stack of %s, which was stopped: tasks share nothing but words",
				      e->info[id].name, e->info[i].name);
		return;
	}
}
