// SPDX-License-Identifier: GPL-2.0-only
/*
 * evq_test.c - the event queue against a sorted array: same order for increments of every kind, cancelled events never
 * come out, and their memory does not pile up.
 */
#include "replay/engine/evq.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "schemas/base/hash.h"

#define OWNERS 3000u

/* What the engine keeps per task. */
struct owner {
	uint32_t gen;
	bool queued;
	int64_t at_ns;
	uint32_t prio;
	uint64_t seq;
};

struct model {
	struct bu_evq q;
	struct owner owner[OWNERS];
	struct bu_rng rng;
	uint64_t seq;
	uint32_t queued;
	int64_t now_ns;
};

static bool live(const void *ctx, uint32_t id, uint32_t gen)
{
	return (((const struct model *)ctx)->owner[id].gen & ((1u << BU_EVQ_GEN_BITS) - 1)) == gen;
}

enum kind { TIES, ZERO_OR_NOT, UNIFORM, BIMODAL, EVERY_SIZE, KINDS };

static int64_t increment(struct model *m, enum kind kind)
{
	switch (kind) {
	case TIES:
		return 1000;
	case ZERO_OR_NOT:
		return bu_rng_below(&m->rng, 2) ? 0 : (int64_t)bu_rng_below(&m->rng, 50);
	case UNIFORM:
		return (int64_t)bu_rng_below(&m->rng, 1000000);
	case BIMODAL:
		return (int64_t)bu_rng_below(&m->rng, bu_rng_below(&m->rng, 10) ? 100000 : 1000000000);
	default:
		/* Each magnitude up to a month as often as any other. */
		return (int64_t)(bu_rng_u64(&m->rng) >> (12 + bu_rng_below(&m->rng, 52)));
	}
}

static void push(struct model *m, uint32_t id, int64_t at_ns)
{
	struct owner *o = &m->owner[id];

	o->queued = true;
	o->at_ns = at_ns;
	o->prio = bu_rng_below(&m->rng, 4) == 0;
	o->seq = m->seq++;
	m->queued++;
	bu_evq_push(&m->q, at_ns, o->prio, id, o->gen);
}

static void cancel(struct model *m, uint32_t id)
{
	m->owner[id].gen++;
	m->owner[id].queued = false;
	m->queued--;
	bu_evq_cancelled(&m->q);
}

static bool before(const struct owner *a, const struct owner *b)
{
	if (a->at_ns != b->at_ns)
		return a->at_ns < b->at_ns;
	return a->prio != b->prio ? a->prio < b->prio : a->seq < b->seq;
}

/* Pops one and compares with the least of all that are queued. */
static void check_pop(struct model *m)
{
	struct owner *first = NULL;
	struct bu_evq_entry got;
	uint32_t i;

	for (i = 1; i < OWNERS; i++)
		if (m->owner[i].queued && (!first || before(&m->owner[i], first)))
			first = &m->owner[i];
	if (!first) {
		assert_false(bu_evq_pop(&m->q, &got));
		return;
	}
	assert_true(bu_evq_pop(&m->q, &got));
	assert_int_equal(got.id, first - m->owner);
	assert_true(got.at_ns == first->at_ns);
	first->queued = false;
	m->queued--;
	m->now_ns = got.at_ns;
}

static struct model *model_new(uint64_t seed)
{
	struct model *m = calloc(1, sizeof(*m));

	assert_non_null(m);
	bu_rng_init(&m->rng, seed, 0);
	bu_evq_init(&m->q, live, m);
	assert_int_equal(bu_evq_reserve(&m->q, OWNERS), 0);
	return m;
}

static void model_free(struct model *m)
{
	bu_evq_fini(&m->q);
	free(m);
}

static void order_is_that_of_a_sort(void **state)
{
	static const uint32_t sizes[] = { 1, 2, 70, OWNERS - 1 };
	enum kind kind;
	size_t s, round;

	(void)state;
	for (kind = 0; kind < KINDS; kind++) {
		for (s = 0; s < sizeof(sizes) / sizeof(sizes[0]); s++) {
			struct model *m = model_new(kind * 100 + s);

			for (round = 0; round < 3000; round++) {
				uint32_t id = 1 + (uint32_t)bu_rng_below(&m->rng, sizes[s]);
				uint64_t what = bu_rng_below(&m->rng, 8);

				/* A fifth of all events are cancelled; the queue fills and drains. */
				if (m->owner[id].queued && what == 0)
					cancel(m, id);
				else if (!m->owner[id].queued && what < (round / 500 % 2 ? 3u : 6u))
					push(m, id, m->now_ns + increment(m, kind));
				else
					check_pop(m);
				assert_int_equal(bu_evq_wanted(&m->q), m->queued);
			}
			while (m->queued)
				check_pop(m);
			check_pop(m);
			model_free(m);
		}
	}
}

static void a_queue_that_was_reset_is_as_new(void **state)
{
	struct model *m = model_new(7);
	struct bu_evq_entry got;
	uint32_t i, round;

	(void)state;
	for (round = 0; round < 20; round++) {
		for (i = 1; i < OWNERS; i++)
			push(m, i, m->now_ns + increment(m, round % KINDS));
		for (i = 0; i < OWNERS / 2; i++)
			assert_true(bu_evq_pop(&m->q, &got));
		bu_evq_reset(&m->q);
		assert_false(bu_evq_pop(&m->q, &got));
		memset(m->owner, 0, sizeof(m->owner));
		m->now_ns = 0;
		m->queued = 0;
		/* At times before those of the round before. */
		for (i = 1; i < 50; i++)
			push(m, i, increment(m, UNIFORM));
		for (i = 1; i < 51; i++)
			check_pop(m);
		bu_evq_reset(&m->q);
		memset(m->owner, 0, sizeof(m->owner));
		m->now_ns = 0;
		m->queued = 0;
	}
	model_free(m);
}

/* A task that waits with a timeout of 10 s a million times and is woken each time. */
static void cancelled_timeouts_do_not_pile_up(void **state)
{
	struct model *m = model_new(1);
	struct bu_evq_entry got;
	uint32_t i, most = 0;

	(void)state;
	for (i = 0; i < 1000000; i++) {
		push(m, 1, i + INT64_C(10000000000));
		bu_evq_push(&m->q, i, 0, 2, 0);
		cancel(m, 1);
		assert_true(bu_evq_pop(&m->q, &got));
		assert_int_equal(got.id, 2);
		most = bu_evq_held(&m->q) > most ? bu_evq_held(&m->q) : most;
	}
	assert_true(most <= BU_EVQ_SLACK + 4);
	assert_true(m->q.fresh < 200);	/* blocks ever used */
	model_free(m);
}

/* The last cancellation finds nothing but cancelled entries: all levels are empty after it. */
static void a_queue_of_nothing_but_cancelled_events_is_empty(void **state)
{
	struct model *m = model_new(2);
	uint32_t i;

	(void)state;
	for (i = 1; i <= BU_EVQ_SLACK + 1; i++)
		push(m, i, (int64_t)i << 20);
	for (i = 1; i <= BU_EVQ_SLACK + 1; i++)
		cancel(m, i);
	assert_int_equal(bu_evq_held(&m->q), 0);
	assert_int_equal(m->q.levels, 0);
	check_pop(m);
	push(m, 1, 5);
	check_pop(m);
	assert_int_equal(m->now_ns, 5);
	model_free(m);
}

/* As many cancelled ones as the rule allows, with a full queue: what was reserved suffices (evq.c asserts it). */
static void what_was_reserved_suffices(void **state)
{
	struct model *m = model_new(3);
	uint32_t cap = m->q.cap, i, round;

	(void)state;
	for (round = 0; round < 300; round++) {
		for (i = 1; i < OWNERS; i++)
			if (!m->owner[i].queued)
				push(m, i, m->now_ns + increment(m, EVERY_SIZE));
		for (i = 1; i < OWNERS; i++)
			if (bu_rng_below(&m->rng, 3) == 0)
				cancel(m, i);
		if (m->queued)
			check_pop(m);
	}
	assert_int_equal(m->q.cap, cap);
	model_free(m);
}

static void cannot_reserve_more_than_generations_tell_apart(void **state)
{
	struct model *m = model_new(1);

	(void)state;
	assert_int_not_equal(bu_evq_reserve(&m->q, UINT32_C(1) << 30), 0);
	push(m, 1, 5);
	check_pop(m);
	model_free(m);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(order_is_that_of_a_sort),
		cmocka_unit_test(a_queue_that_was_reset_is_as_new),
		cmocka_unit_test(cancelled_timeouts_do_not_pile_up),
		cmocka_unit_test(a_queue_of_nothing_but_cancelled_events_is_empty),
		cmocka_unit_test(what_was_reserved_suffices),
		cmocka_unit_test(cannot_reserve_more_than_generations_tell_apart),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
