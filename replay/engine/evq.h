/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * evq.h - the pending events of one engine, handed out in total order.
 *
 * Flow: tasks and words of the engine -> [evq] -> pick_next().
 *
 * Always true
 *  (1) Order is (at_ns, prio, sequence of pushing). Pop never goes back in time, and nothing is pushed before the
 *      time of the last pop.
 *  (2) All events due at the present instant are in one place, the due rings, one per priority: this is what a
 *      choice among them can be made from.
 *  (3) An entry carries its owner's generation. The owner cancels by counting its generation on; the entry stays
 *      until it is met or until too many such entries are held: their number never exceeds half of the
 *      others plus BU_EVQ_SLACK.
 *  (4) After bu_evq_reserve(n), pushing cannot fail and allocates nothing as long as at most n events are wanted.
 *
 * It is a radix heap (Ahuja, Mehlhorn, Orlin, Tarjan: "Faster Algorithms for the Shortest Path Problem", JACM 37(2),
 * 1990) in base 64: an entry lies in the bucket named by the highest base-64 digit in which its time differs from
 * the present instant, and by its value of that digit. Going on to the next instant spreads one bucket over lower
 * ones, so an entry moves at most 11 times, in practice two or three. Buckets keep the order of pushing: a bucket
 * is only spread when all lower ones are empty, and whatever is pushed later is appended behind. So the sequence
 * need not be stored and ties need no sorting.
 */
#ifndef BU_REPLAY_ENGINE_EVQ_H
#define BU_REPLAY_ENGINE_EVQ_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define BU_EVQ_PRIOS 2		/* priorities 0 (first) and 1 */
#define BU_EVQ_LEVELS 11	/* base-64 digits of a positive int64 */
#define BU_EVQ_SLACK 32
#define BU_EVQ_AHEAD 12u		/* events ahead of its own that an owner is brought near: about as many misses as a core has under way */
#define BU_EVQ_GEN_BITS 30	/* generations are compared modulo 2^30: by (3) no entry outlives so many */

struct bu_evq_entry {
	int64_t at_ns;
	uint32_t id;		/* whose event */
	uint32_t tag;		/* generation << 2 | priority */
};

#define BU_EVQ_PER_BLOCK 15u

struct bu_evq_block {		/* four cache lines */
	uint32_t next;
	uint32_t n;		/* entries in use */
	uint64_t unused;
	struct bu_evq_entry entry[BU_EVQ_PER_BLOCK];
};

struct bu_evq_list {		/* a chain of blocks, by number; 0: empty */
	uint32_t head, tail;
};

/* What is due at the present instant, in order: most of what happens is caused at the instant at which it happens. */
struct bu_evq_ring {
	struct bu_evq_due {
		uint32_t id, tag;
	} *at;
	uint32_t head, tail;	/* counted on for ever, to be taken modulo the size; equal: empty */
};

/* What of an owner is brought near the processor when its event comes near, besides the owner itself. */
struct bu_evq_owner {
	void *low;	/* two cache lines from here up */
	void *high;	/* and this one */
} __attribute__((may_alias));

struct bu_evq {
	int64_t instant_ns;	/* time of what is in the due rings, or of the last pop */
	int64_t near_ns;	/* up to then the owners of what is held have been brought near the processor */
	uint32_t later;		/* entries in buckets */
	uint32_t stale;		/* of all entries held, cancelled */
	struct bu_evq_ring due[BU_EVQ_PRIOS];
	uint32_t due_mask;	/* size of each ring - 1, a power of two - 1: room for all entries */
	uint32_t levels;	/* bit per level: has a bucket that is not empty */
	const char *owner;	/* the array of owners, each beginning with a struct bu_evq_owner; NULL: not known */
	size_t owner_bytes;
	uint64_t digits[BU_EVQ_LEVELS];	/* bit per bucket of the level: not empty */
	struct bu_evq_list bucket[BU_EVQ_LEVELS][64];
	struct bu_evq_block *block;	/* [0] is never used */
	uint32_t cap, fresh;	/* blocks there are; blocks ever used */
	uint32_t free;		/* chain of blocks given back */
	uint32_t reserved;	/* events promised by (4) */
	bool (*live)(const void *ctx, uint32_t id, uint32_t gen);
	const void *ctx;
};

/**
 * bu_evq_init() - An empty queue at time 0.
 * @live: whether the event of @id with generation @gen (modulo 2^30) is still wanted; asked only while cancelled
 *        entries are held. @ctx: its first argument, borrowed.
 */
void bu_evq_init(struct bu_evq *q, bool (*live)(const void *ctx, uint32_t id, uint32_t gen), const void *ctx);
void bu_evq_fini(struct bu_evq *q);

/**
 * bu_evq_reset() - Empty, back at time 0, memory kept.
 */
void bu_evq_reset(struct bu_evq *q);

/**
 * bu_evq_reserve() - Room for @n wanted events at once. Return: 0; -ENOMEM with the queue unchanged.
 */
int bu_evq_reserve(struct bu_evq *q, uint32_t n);

/* bu_evq_push() of an event that is not due yet. */
void bu_evq_push_later(struct bu_evq *q, int64_t at_ns, uint32_t prio, uint32_t id, uint32_t gen);

/**
 * bu_evq_push() - Queue an event.
 * @at_ns: not before the last pop. @prio: below BU_EVQ_PRIOS. @id, @gen: the owner and its present generation.
 */
static inline void bu_evq_push(struct bu_evq *q, int64_t at_ns, uint32_t prio, uint32_t id, uint32_t gen)
{
	struct bu_evq_ring *r = &q->due[prio];

	if (at_ns != q->instant_ns) {
		bu_evq_push_later(q, at_ns, prio, id, gen);
		return;
	}
	r->at[r->tail++ & q->due_mask] = (struct bu_evq_due){ id, gen << 2 | prio };
}

/**
 * bu_evq_cancelled() - An event that is held is not wanted any more: live() says false for it from now on.
 */
void bu_evq_cancelled(struct bu_evq *q);

/* bu_evq_pop() when nothing is due, or some entry is cancelled. */
bool bu_evq_pop_later(struct bu_evq *q, struct bu_evq_entry *ret);

/**
 * bu_evq_pop() - Take the first wanted event. Return: false when there is none.
 */
static inline bool bu_evq_pop(struct bu_evq *q, struct bu_evq_entry *ret)
{
	struct bu_evq_ring *r = &q->due[0];
	const struct bu_evq_due *d;

	if (r->head == r->tail || q->stale)
		return bu_evq_pop_later(q, ret);
	d = &r->at[r->head++ & q->due_mask];
	*ret = (struct bu_evq_entry){ q->instant_ns, d->id, d->tag };
	return true;
}

/**
 * bu_evq_next_due() - Whose event bu_evq_pop() would take, if it is due now. Return: 0 where it is not so simple.
 * bu_evq_pop_due() is that pop.
 */
static inline uint32_t bu_evq_next_due(const struct bu_evq *q)
{
	const struct bu_evq_ring *r = &q->due[0];

	if (r->head == r->tail || q->stale)
		return 0;
	return r->at[r->head & q->due_mask].id;
}

static inline void bu_evq_pop_due(struct bu_evq *q)
{
	q->due[0].head++;
}

static inline const struct bu_evq_owner *bu_evq_owner(const struct bu_evq *q, uint32_t id)
{
	return (const struct bu_evq_owner *)(q->owner + id * q->owner_bytes);
}

/* Always inline: a function that only prefetches counts as one without effect, and calls of it are dropped. */
static inline __attribute__((always_inline)) void bu_evq_bring_near(const struct bu_evq_owner *o)
{
	__builtin_prefetch(o->low);
	__builtin_prefetch((const char *)o->low + 64);
	__builtin_prefetch(o->high);
}

/**
 * bu_evq_bring_due() - After a pop, with owners known: what later events that are due now need is brought near. An owner comes
 * twice as early as what it points to.
 */
static inline __attribute__((always_inline)) void bu_evq_bring_due(const struct bu_evq *q)
{
	const struct bu_evq_ring *r = &q->due[0];

	if (r->tail - r->head <= 2 * BU_EVQ_AHEAD)
		return;
	__builtin_prefetch(bu_evq_owner(q, r->at[(r->head + 2 * BU_EVQ_AHEAD) & q->due_mask].id));
	bu_evq_bring_near(bu_evq_owner(q, r->at[(r->head + BU_EVQ_AHEAD) & q->due_mask].id));
}

#define BU_EVQ_PAUSE UINT32_MAX

/**
 * bu_evq_each() - Call @fn for each wanted event, in no particular order.
 */
void bu_evq_each(const struct bu_evq *q, void (*fn)(void *ctx, const struct bu_evq_entry *ev), void *ctx);

/**
 * bu_evq_pop_chosen() - The same as bu_evq_pop(), but of the wanted events of the first priority that are due at that
 * instant, two or more, @choose says which: 0 to n - 1 in order of pushing; the order of the others stays. Or
 * BU_EVQ_PAUSE: none is taken, @ret->id is 0.
 */
bool bu_evq_pop_chosen(struct bu_evq *q, uint32_t (*choose)(void *ctx, uint32_t n), void *ctx,
		       struct bu_evq_entry *ret);

/* How many entries are held, cancelled ones with them. */
static inline uint32_t bu_evq_held(const struct bu_evq *q)
{
	uint32_t n = q->later, p;

	for (p = 0; p < BU_EVQ_PRIOS; p++)
		n += q->due[p].tail - q->due[p].head;
	return n;
}

/**
 * bu_evq_wanted() - How many events are held and wanted.
 */
static inline uint32_t bu_evq_wanted(const struct bu_evq *q)
{
	return bu_evq_held(q) - q->stale;
}

#endif
