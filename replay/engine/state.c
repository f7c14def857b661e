// SPDX-License-Identifier: GPL-2.0-only
/*
 * state.c - see state.h.
 *
 * An image has the engine's struct and after it the used part of each array, queue and stack. Arrays that have grown since
 * keep their place and room; only what is in them goes back.
 */
#include "replay/engine/state.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "replay/engine/engine_int.h"

/* ------------------------------------------------------------------------------------------------- fingerprint */

/* Independent of order: the sum of what this makes of each part. */
static uint64_t part(uint64_t what, uint64_t a, uint64_t b)
{
	return bu_hash_mix(bu_hash_u64(bu_hash_u64(bu_hash_u64(BU_HASH_INIT, what), a), b));
}

enum { OF_WORD = 1, OF_TASK, OF_WAIT, OF_BEFORE, OF_EVENT, OF_SOURCE };

static uint64_t of_waiter(const struct bu_engine *e, uint32_t id)
{
	const struct task *t = &e->task[id], *o;
	uint64_t h = part(OF_WAIT, (uint64_t)id << 32 | t->op->word, (uint64_t)t->op->value) +
		     part(OF_WAIT, (uint64_t)id << 32 | (uint64_t)t->op->guard << 8 | t->op->effect, (uint64_t)t->op->operand);
	uint32_t i;

	/* Who of the same word came before it: in its class, or where it has others, of all. */
	if (!e->word[t->op->word].classes && !e->word[t->op->word].n_eq)
		return h + part(OF_BEFORE, id, e->word[t->op->word].head == id ? 0 : t->prev);
	for (i = 1; i < e->n_tasks; i++) {
		o = &e->task[i];
		if (o->state == TASK_WAITING && o->op->word == t->op->word && o->arrival < t->arrival)
			h += part(OF_BEFORE, id, i);
	}
	return h;
}

static void add_event(void *ctx, const struct bu_evq_entry *ev)
{
	struct { const struct bu_engine *e; uint64_t h; } *c = ctx;

	c->h += part(OF_EVENT, (uint64_t)ev->id << 8 | (ev->tag & 3), (uint64_t)(ev->at_ns - c->e->now_ns));
}

uint64_t bu_engine_state(const struct bu_engine *e)
{
	struct { const struct bu_engine *e; uint64_t h; } c = { e, 0 };
	const struct source *s;
	uint32_t i;

	for (i = 1; i < e->n_words; i++)
		c.h += part(OF_WORD, i, (uint64_t)e->word[i].value);
	for (i = 1; i < e->n_tasks; i++) {
		const struct task *t = &e->task[i];

		if (t->state == TASK_DONE)
			continue;
		c.h += part(OF_TASK, (uint64_t)i << 8 | t->state, t->state == TASK_NEW ? 0 :
			    bu_slice_hash(&t->co, bu_co_used_low(&e->stacks, &t->co, e->info[i].stack)));
		if (t->state == TASK_WAITING)
			c.h += of_waiter(e, i);
	}
	bu_evq_each(&e->queue, add_event, &c);
	for (i = 0; i < SOURCE_CHAINS; i++)
		for (s = e->source[i]; s; s = s->chain)
			c.h += part(OF_SOURCE, s->rng.s[0] ^ s->rng.s[1], s->rng.s[2] ^ s->rng.s[3] ^ s->stream);
	return bu_hash_mix(c.h);
}

/* -------------------------------------------------------------------------------------------------------- images */

int bu_image_put(struct bu_image *img, const void *from, size_t bytes)
{
	if (img->cap - img->used < bytes) {
		size_t cap = 2 * (img->used + bytes);
		char *p = realloc(img->data, cap);

		if (!p)
			return -ENOMEM;
		img->data = p;
		img->cap = cap;
	}
	if (bytes)
		memcpy(img->data + img->used, from, bytes);
	img->used += bytes;
	return 0;
}

void bu_image_get(const struct bu_image *img, size_t *at, void *to, size_t bytes)
{
	BU_ASSERT("image-short", bytes <= img->used - *at);
	if (bytes)
		memcpy(to, img->data + *at, bytes);
	*at += bytes;
}

void bu_image_fini(struct bu_image *img)
{
	free(img->data);
	*img = (struct bu_image){ NULL, 0, 0 };
}

static bool has_stack(const struct task *t)
{
	return t->state != TASK_NEW && t->state != TASK_DONE;
}

/* From the lowest byte in use up to the canary, with it. */
static char *slice_of(const struct bu_engine *e, uint32_t id, size_t *ret_bytes)
{
	const struct bu_co *co = &e->task[id].co;
	uintptr_t low = bu_co_used_low(&e->stacks, co, e->info[id].stack);

	bu_co_stack_open(&e->stacks, e->info[id].stack);
	*ret_bytes = (uintptr_t)(co->canary + 1) - low;
	return (char *)low;
}

int bu_engine_save(const struct bu_engine *e, struct bu_image *img)
{
	const struct bu_evq *q = &e->queue;
	uint32_t p, i;
	size_t bytes;
	char *slice;
	int rc = bu_image_put(img, e, sizeof(*e)) | bu_image_put(img, e->task, e->n_tasks * sizeof(*e->task)) |
		 bu_image_put(img, e->info, e->n_tasks * sizeof(*e->info)) |
		 bu_image_put(img, e->word, e->n_words * sizeof(*e->word)) |
		 bu_image_put(img, e->word_name, e->n_words * sizeof(*e->word_name)) |
		 bu_image_put(img, e->class, e->fresh_class * sizeof(*e->class)) |
		 bu_image_put(img, q->block, q->fresh * sizeof(*q->block)) |
		 bu_image_put(img, e->stacks.free_list, e->stacks.n_free * sizeof(*e->stacks.free_list)) |
		 (e->slice ? bu_image_put(img, e->slice, e->n_tasks * sizeof(*e->slice)) : 0) |
		 bu_run_mem_save(&e->mem, img);

	for (p = 0; p < BU_EVQ_PRIOS; p++)
		for (i = q->due[p].head; i != q->due[p].tail; i++)
			rc |= bu_image_put(img, &q->due[p].at[i & q->due_mask], sizeof(*q->due[p].at));
	for (i = 1; i < e->n_tasks; i++) {
		if (!has_stack(&e->task[i]))
			continue;
		slice = slice_of(e, i, &bytes);
		rc |= bu_image_put(img, slice, bytes);
	}
	return rc ? -ENOMEM : 0;
}

/* What keeps its place: everything that is reached by a pointer, and how much room there is. */
static void keep_places(struct bu_engine *e, const struct bu_engine *now)
{
	uint32_t p;

	e->task = now->task;
	e->info = now->info;
	e->cap_tasks = now->cap_tasks;
	e->word = now->word;
	e->word_name = now->word_name;
	e->cap_words = now->cap_words;
	e->class = now->class;
	e->chain = now->chain;
	e->cap_classes = now->cap_classes;
	e->slice = now->slice;
	e->changed = now->changed;
	e->steps = now->steps;
	e->n_steps = now->n_steps;
	e->step_ns = now->step_ns;
	for (p = 0; p < BU_EVQ_PRIOS; p++)
		e->queue.due[p].at = now->queue.due[p].at;
	e->queue.due_mask = now->queue.due_mask;
	e->queue.block = now->queue.block;
	e->queue.cap = now->queue.cap;
	e->queue.reserved = now->queue.reserved;
	e->queue.owner = now->queue.owner;
	e->queue.near_ns = 0;
	bu_co_arena_keep(&e->stacks, &now->stacks);
}

void bu_engine_restore(struct bu_engine *e, const struct bu_image *img, size_t *at)
{
	const struct bu_engine now = *e;
	struct bu_evq *q = &e->queue;
	uint32_t p, i;
	size_t bytes;
	char *slice;

	BU_ASSERT("engine-restored-while-running", !e->running);
	bu_image_get(img, at, e, sizeof(*e));
	keep_places(e, &now);
	bu_image_get(img, at, e->task, e->n_tasks * sizeof(*e->task));
	bu_image_get(img, at, e->info, e->n_tasks * sizeof(*e->info));
	bu_image_get(img, at, e->word, e->n_words * sizeof(*e->word));
	bu_image_get(img, at, e->word_name, e->n_words * sizeof(*e->word_name));
	bu_image_get(img, at, e->class, e->fresh_class * sizeof(*e->class));
	bu_image_get(img, at, q->block, q->fresh * sizeof(*q->block));
	bu_image_get(img, at, e->stacks.free_list, e->stacks.n_free * sizeof(*e->stacks.free_list));
	if (e->slice)
		bu_image_get(img, at, e->slice, e->n_tasks * sizeof(*e->slice));
	bu_run_mem_restore(&e->mem, img, at);
	for (p = 0; p < BU_EVQ_PRIOS; p++)
		for (i = q->due[p].head; i != q->due[p].tail; i++)
			bu_image_get(img, at, &q->due[p].at[i & q->due_mask], sizeof(*q->due[p].at));
	for (i = 1; i < e->n_tasks; i++) {
		if (!has_stack(&e->task[i]))
			continue;
		slice = slice_of(e, i, &bytes);
		if (e->config.clean_stacks)
			bu_co_stack_clear(&e->stacks, e->info[i].stack, slice);
		bu_image_get(img, at, slice, bytes);
	}
	bu_classes_rehash(e);
}
