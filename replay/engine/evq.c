// SPDX-License-Identifier: GPL-2.0-only
/*
 * evq.c - pending events in total order; see evq.h.
 *
 * Every list is a chain of blocks of a few entries from one pool, so that memory follows the number of entries and not
 * the fullest that each of 700 buckets ever was.
 */
#include "replay/engine/evq.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "replay/engine/run_mem.h"
#include "schemas/base/err.h"

#define GEN_MASK ((UINT32_C(1) << BU_EVQ_GEN_BITS) - 1)
#define NEAR_MOST 512u		/* owners of a cache line each: what fits in a first-level data cache of 32 KiB */
#define LISTS (BU_EVQ_LEVELS * 64u)

void bu_evq_init(struct bu_evq *q, bool (*live)(const void *ctx, uint32_t id, uint32_t gen), const void *ctx)
{
	memset(q, 0, sizeof(*q));
	q->fresh = 1;
	q->live = live;
	q->ctx = ctx;
}

void bu_evq_fini(struct bu_evq *q)
{
	uint32_t p;

	for (p = 0; p < BU_EVQ_PRIOS; p++)
		free(q->due[p].at);
	free(q->block);
	memset(q, 0, sizeof(*q));
}

void bu_evq_reset(struct bu_evq *q)
{
	uint32_t level, p;

	for (; q->levels; q->levels &= q->levels - 1) {
		level = (uint32_t)__builtin_ctz(q->levels);
		for (; q->digits[level]; q->digits[level] &= q->digits[level] - 1)
			q->bucket[level][__builtin_ctzll(q->digits[level])] = (struct bu_evq_list){ 0, 0 };
	}
	for (p = 0; p < BU_EVQ_PRIOS; p++)
		q->due[p].head = q->due[p].tail = 0;
	q->instant_ns = 0;
	q->near_ns = 0;
	q->later = 0;
	q->stale = 0;
	q->fresh = 1;
	q->free = 0;
}

/* Rings of at least @entries. */
static int grow_rings(struct bu_evq *q, uint64_t entries)
{
	uint32_t size = q->due_mask + 1, p, i;
	struct bu_evq_due *at[BU_EVQ_PRIOS];

	while (size < entries || size == 1)
		size *= 2;
	for (p = 0; p < BU_EVQ_PRIOS; p++) {
		struct bu_evq_ring *r = &q->due[p];

		at[p] = malloc(size * sizeof(*at[p]));
		if (!at[p]) {
			while (p--)
				free(at[p]);
			return -ENOMEM;
		}
		for (i = 0; i < r->tail - r->head; i++)
			at[p][i] = r->at[(r->head + i) & q->due_mask];
	}
	for (p = 0; p < BU_EVQ_PRIOS; p++) {
		struct bu_evq_ring *r = &q->due[p];

		free(r->at);
		*r = (struct bu_evq_ring){ at[p], 0, r->tail - r->head };
	}
	q->due_mask = size - 1;
	return 0;
}

int bu_evq_reserve(struct bu_evq *q, uint32_t n)
{
	uint64_t entries, blocks;
	struct bu_evq_block *p;

	if (n <= q->reserved)
		return 0;
	if (n < 2 * q->reserved)
		n = 2 * q->reserved;
	if (n >= UINT32_C(1) << (BU_EVQ_GEN_BITS - 1))
		return -ENOMEM;
	/*
	 * The most entries at once, in blocks that are full but for one per list that is not empty, the one that is
	 * being spread or compacted, and number 0.
	 */
	entries = n + n / 2 + BU_EVQ_SLACK + 1;
	blocks = entries / BU_EVQ_PER_BLOCK + (entries < LISTS ? entries : LISTS) + 3;
	p = bu_big_realloc(q->block, q->fresh * sizeof(*p), blocks * sizeof(*p));
	if (!p)
		return -ENOMEM;
	q->block = p;
	q->cap = (uint32_t)blocks;
	if (grow_rings(q, entries))
		return -ENOMEM;
	q->reserved = n;
	return 0;
}

static void free_block(struct bu_evq *q, uint32_t b)
{
	q->block[b].next = q->free;
	q->free = b;
}

static inline void append(struct bu_evq *q, struct bu_evq_list *l, const struct bu_evq_entry *e)
{
	struct bu_evq_block *blk = &q->block[l->tail];

	if (!l->tail || blk->n == BU_EVQ_PER_BLOCK) {
		uint32_t b = q->free;

		if (b) {
			q->free = q->block[b].next;
		} else {
			BU_ASSERT("evq-reserved", q->fresh < q->cap);
			b = q->fresh++;
		}
		if (l->tail)
			blk->next = b;
		else
			l->head = b;
		l->tail = b;
		blk = &q->block[b];
		blk->next = 0;
		blk->n = 0;
	}
	blk->entry[blk->n++] = *e;
	q->later++;
}

/* Where an entry belongs at the present instant. */
static inline void place(struct bu_evq *q, const struct bu_evq_entry *e)
{
	uint64_t differs = (uint64_t)e->at_ns ^ (uint64_t)q->instant_ns;
	uint32_t level, digit;

	if (!differs) {
		struct bu_evq_ring *r = &q->due[e->tag & 3];

		r->at[r->tail++ & q->due_mask] = (struct bu_evq_due){ e->id, e->tag };
		return;
	}
	level = (63 - (uint32_t)__builtin_clzll(differs)) / 6;
	digit = (uint64_t)e->at_ns >> (6 * level) & 63;
	q->levels |= UINT32_C(1) << level;
	q->digits[level] |= UINT64_C(1) << digit;
	append(q, &q->bucket[level][digit], e);
}

void bu_evq_push_later(struct bu_evq *q, int64_t at_ns, uint32_t prio, uint32_t id, uint32_t gen)
{
	struct bu_evq_entry e = { at_ns, id, gen << 2 | prio };

	BU_ASSERT("evq-monotone", at_ns >= q->instant_ns);
	place(q, &e);
}

static inline bool is_live(const struct bu_evq *q, const struct bu_evq_entry *e)
{
	return !q->stale || q->live(q->ctx, e->id, e->tag >> 2 & GEN_MASK);
}

static inline bool is_live_due(const struct bu_evq *q, const struct bu_evq_due *d)
{
	return !q->stale || q->live(q->ctx, d->id, d->tag >> 2 & GEN_MASK);
}

/* Drops the cancelled entries of one list. */
static void compact_list(struct bu_evq *q, struct bu_evq_list *l)
{
	uint32_t b = l->head, next, i;

	*l = (struct bu_evq_list){ 0, 0 };
	for (; b; b = next) {
		q->later -= q->block[b].n;
		for (i = 0; i < q->block[b].n; i++) {
			const struct bu_evq_entry e = q->block[b].entry[i];

			if (q->live(q->ctx, e.id, e.tag >> 2 & GEN_MASK))
				append(q, l, &e);
		}
		next = q->block[b].next;
		free_block(q, b);
	}
}

static void compact_ring(struct bu_evq *q, struct bu_evq_ring *r)
{
	uint32_t i, kept = r->head;

	for (i = r->head; i != r->tail; i++) {
		const struct bu_evq_due d = r->at[i & q->due_mask];

		if (q->live(q->ctx, d.id, d.tag >> 2 & GEN_MASK))
			r->at[kept++ & q->due_mask] = d;
	}
	r->tail = kept;
}

static void compact(struct bu_evq *q)
{
	uint32_t level, digit, p;
	uint64_t digits;

	for (p = 0; p < BU_EVQ_PRIOS; p++)
		compact_ring(q, &q->due[p]);
	for (level = 0; level < BU_EVQ_LEVELS; level++) {
		for (digits = q->digits[level]; digits; digits &= digits - 1) {
			digit = (uint32_t)__builtin_ctzll(digits);
			compact_list(q, &q->bucket[level][digit]);
			if (!q->bucket[level][digit].head)
				q->digits[level] &= ~(UINT64_C(1) << digit);
		}
		if (!q->digits[level])
			q->levels &= ~(UINT32_C(1) << level);
	}
	q->stale = 0;
}

void bu_evq_cancelled(struct bu_evq *q)
{
	q->stale++;
	if (q->stale > bu_evq_wanted(q) / 2 + BU_EVQ_SLACK)
		compact(q);
}

/*
 * Goes on to the next instant for which a wanted event is held, puts its events in the due rings and takes the
 * first. Cancelled entries do not count for the instant: the engine's time does not reach it, and something may still
 * be queued before it.
 */
static bool advance(struct bu_evq *q, struct bu_evq_entry *ret)
{
	uint32_t level, digit, b, next, i, seen;
	int64_t first, some;
	bool far;

	while (q->levels) {
		level = (uint32_t)__builtin_ctz(q->levels);
		digit = (uint32_t)__builtin_ctzll(q->digits[level]);
		b = q->bucket[level][digit].head;
		q->bucket[level][digit] = (struct bu_evq_list){ 0, 0 };
		q->digits[level] &= q->digits[level] - 1;
		if (!q->digits[level])
			q->levels &= q->levels - 1;

		/* Mostly there is one. */
		if (q->block[b].n == 1 && !q->block[b].next && !q->stale) {
			*ret = q->block[b].entry[0];
			q->instant_ns = ret->at_ns;
			q->later--;
			free_block(q, b);
			return true;
		}
		/*
		 * Owners are brought near here: many at once, so that the misses of their TLB entries and cache lines
		 * are taken side by side, and once on an entry's way down.
		 */
		some = q->block[b].entry[0].at_ns;
		far = q->owner && some > q->near_ns;
		first = INT64_MAX;
		seen = 0;
		for (i = b; i; i = q->block[i].next) {
			const struct bu_evq_entry *e = q->block[i].entry, *end = e + q->block[i].n;

			__builtin_prefetch(&q->block[q->block[i].next]);
			if (far && seen <= NEAR_MOST)
				for (; e < end; e++)
					__builtin_prefetch(bu_evq_owner(q, e->id));
			seen += q->block[i].n;
			for (e = q->block[i].entry; e < end; e++)
				if (e->at_ns <= first && is_live(q, e))
					first = e->at_ns;
		}
		far = far && seen <= NEAR_MOST;
		if (far)
			q->near_ns = some | ((INT64_C(1) << 6 * level) - 1);
		/* Nothing wanted in it, or first is right: INT64_MAX is not a time that the engine uses. */
		if (first != INT64_MAX)
			q->instant_ns = first;
		for (; b; b = next) {
			q->later -= q->block[b].n;
			for (i = 0; i < q->block[b].n; i++) {
				const struct bu_evq_entry e = q->block[b].entry[i];

				if (is_live(q, &e)) {
					place(q, &e);
					if (far)
						bu_evq_bring_near(bu_evq_owner(q, e.id));
				} else {
					q->stale--;
				}
			}
			next = q->block[b].next;
			free_block(q, b);
		}
		if (first != INT64_MAX)
			return bu_evq_pop(q, ret);
	}
	return false;
}

bool bu_evq_pop_later(struct bu_evq *q, struct bu_evq_entry *ret)
{
	uint32_t p = 0;

	for (;;) {
		struct bu_evq_ring *r = &q->due[p];
		const struct bu_evq_due *d;

		if (r->head == r->tail) {
			if (++p < BU_EVQ_PRIOS)
				continue;
			return advance(q, ret);
		}
		d = &r->at[r->head++ & q->due_mask];
		*ret = (struct bu_evq_entry){ q->instant_ns, d->id, d->tag };
		if (is_live(q, ret))
			return true;
		q->stale--;
	}
}

void bu_evq_each(const struct bu_evq *q, void (*fn)(void *ctx, const struct bu_evq_entry *ev), void *ctx)
{
	uint32_t level, digit, p, b, i;
	uint64_t digits;

	for (p = 0; p < BU_EVQ_PRIOS; p++)
		for (i = q->due[p].head; i != q->due[p].tail; i++) {
			const struct bu_evq_due *d = &q->due[p].at[i & q->due_mask];

			if (is_live_due(q, d))
				fn(ctx, &(struct bu_evq_entry){ q->instant_ns, d->id, d->tag });
		}
	for (level = 0; level < BU_EVQ_LEVELS; level++)
		for (digits = q->digits[level]; digits; digits &= digits - 1) {
			digit = (uint32_t)__builtin_ctzll(digits);
			for (b = q->bucket[level][digit].head; b; b = q->block[b].next)
				for (i = 0; i < q->block[b].n; i++)
					if (is_live(q, &q->block[b].entry[i]))
						fn(ctx, &q->block[b].entry[i]);
		}
}

bool bu_evq_pop_chosen(struct bu_evq *q, uint32_t (*choose)(void *ctx, uint32_t n), void *ctx,
		       struct bu_evq_entry *ret)
{
	struct bu_evq_ring *r;
	uint32_t i, n = 1, nth;

	if (!bu_evq_pop(q, ret))
		return false;
	r = &q->due[ret->tag & 3];
	for (i = r->head; i != r->tail; i++)
		n += is_live_due(q, &r->at[i & q->due_mask]);
	nth = n > 1 ? choose(ctx, n) : 0;
	if (nth == BU_EVQ_PAUSE) {
		r->at[--r->head & q->due_mask] = (struct bu_evq_due){ ret->id, ret->tag };
		ret->id = 0;
		return true;
	}
	BU_ASSERT("evq-chosen", nth < n);
	/* The one that was popped takes the place of the next one, that of the one after it, up to the chosen one. */
	for (i = r->head; nth; i++) {
		struct bu_evq_due *d = &r->at[i & q->due_mask], other = *d;

		if (!is_live_due(q, d))
			continue;
		*d = (struct bu_evq_due){ ret->id, ret->tag };
		ret->id = other.id;
		ret->tag = other.tag;
		nth--;
	}
	return true;
}
