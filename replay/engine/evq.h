/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * evq.h - the pending events of one engine, handed out in total order.
 *
 * Flow: tasks and words of the engine -> [evq] -> pick_next().
 *
 * Always true
 *  (1) Order is (at_ns, prio, sequence of pushing). Pop never goes back in time, and nothing is pushed before the
 *      time of the last pop.
 *  (2) All events due at the present instant are in one place, the due lists, one per priority: this is what a
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
#define BU_EVQ_GEN_BITS 30	/* generations are compared modulo 2^30: by (3) no entry outlives so many */

struct bu_evq_entry {
	int64_t at_ns;
	uint32_t id;		/* whose event */
	uint32_t tag;		/* generation << 2 | priority */
};

#define BU_EVQ_PER_BLOCK 7u

struct bu_evq_block {		/* two cache lines */
	struct bu_evq_entry entry[BU_EVQ_PER_BLOCK];
	uint32_t next;
	uint32_t n;		/* entries in use */
};

struct bu_evq_list {		/* a chain of blocks, by number; 0: empty */
	uint32_t head, tail;
};

struct bu_evq {
	int64_t instant_ns;	/* time of what is in the due lists, or of the last pop */
	uint32_t n;		/* entries held */
	uint32_t stale;		/* of these, cancelled */
	struct bu_evq_list due[BU_EVQ_PRIOS];
	uint32_t due_from[BU_EVQ_PRIOS];	/* entries already taken from the first block */
	uint32_t levels;	/* bit per level: has a bucket that is not empty */
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

/**
 * bu_evq_push() - Queue an event.
 * @at_ns: not before the last pop. @prio: below BU_EVQ_PRIOS. @id, @gen: the owner and its present generation.
 */
void bu_evq_push(struct bu_evq *q, int64_t at_ns, uint32_t prio, uint32_t id, uint32_t gen);

/**
 * bu_evq_cancelled() - An event that is held is not wanted any more: live() says false for it from now on.
 */
void bu_evq_cancelled(struct bu_evq *q);

/**
 * bu_evq_pop() - Take the first wanted event. Return: false when there is none.
 */
bool bu_evq_pop(struct bu_evq *q, struct bu_evq_entry *ret);

/**
 * bu_evq_pop_chosen() - The same, but of the wanted events of the first priority that are due at that instant, two or
 * more, @choose says which: 0 to n - 1 in order of pushing; the order of the others stays.
 */
bool bu_evq_pop_chosen(struct bu_evq *q, uint32_t (*choose)(void *ctx, uint32_t n), void *ctx,
		       struct bu_evq_entry *ret);

/**
 * bu_evq_wanted() - How many events are held and wanted.
 */
static inline uint32_t bu_evq_wanted(const struct bu_evq *q)
{
	return q->n - q->stale;
}

#endif
