// SPDX-License-Identifier: GPL-2.0-only
/*
 * state_test.c - fingerprints of equal and different states, and going back to where a choice was.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "replay/engine/state.h"
#include "schemas/base/ns.h"

#define DEPTH 64

struct explorer {
	bool pauses;		/* at every choice, to be asked from outside */
	bool asked;
	uint32_t n;		/* of the choice at which it paused */
	uint32_t take;		/* what to take when the run goes on */
	uint64_t seen[4096];	/* fingerprints at choices */
	uint32_t n_seen;
	struct bu_engine *e;
};

static uint32_t choose(void *ctx, uint32_t n)
{
	struct explorer *x = ctx;

	if (!x->pauses) {
		assert_true(x->n_seen < 4096);
		x->seen[x->n_seen++] = bu_engine_state(x->e);
		return x->take < n ? x->take : n - 1;
	}
	if (x->asked) {
		x->asked = false;
		return x->take;
	}
	x->n = n;
	return BU_CHOOSE_PAUSE;
}

static struct bu_engine *make(struct explorer *x)
{
	struct bu_engine_config c = { .choose = choose, .choose_ctx = x, .clean_stacks = true };
	struct bu_err err = BU_ERR_INIT;

	assert_int_equal(bu_engine_create(&c, &x->e, &err), 0);
	return x->e;
}

static bu_word_id lock, sum, gate;

/* Takes a lock, adds a random number and its own by hand in two steps, waits for all others, spawns another task. */
static void child(struct bu_engine *e, void *arg)
{
	(void)arg;
	bu_word_add(e, sum, 1);
}

static void worker(struct bu_engine *e, void *arg)
{
	int64_t on_stack[16];
	size_t i;

	bu_engine_delay(e, 0);
	bu_resource_use(e, lock, 10, "lock");
	for (i = 0; i < 16; i++)
		on_stack[i] = bu_word_load(e, sum);
	bu_engine_delay(e, 0);
	bu_word_store(e, sum, on_stack[7] * 3 + (intptr_t)arg);
	if (arg == (void *)1)
		bu_task_spawn(e, "child", -1, child, NULL);
	bu_word_add(e, gate, 1);
	bu_word_await(e, &(struct bu_await_op){ .word = gate, .guard = BU_GUARD_GE, .value = 3, .timeout_ns = 1000, .cpu = -1 },
		      NULL);
}

static void setup(struct bu_engine *e)
{
	intptr_t i;

	lock = bu_word_new(e, "lock", 1);
	sum = bu_word_new(e, "sum", 5);
	gate = bu_word_new(e, "gate", 0);
	for (i = 1; i <= 3; i++)
		bu_task_spawn(e, "w", -1, worker, (void *)i);
}

/* The same choices lead through the same fingerprints, again and again; other choices do not. */
static void test_equal_runs_have_equal_states(void **state)
{
	static struct explorer first, x;
	struct bu_err err = BU_ERR_INIT;
	struct bu_engine_result r;
	int round;

	(void)state;
	make(&x);
	for (round = 0; round < 3; round++) {
		bu_engine_reset(x.e, 1);
		x.n_seen = 0;
		x.take = round == 2;
		setup(x.e);
		assert_int_equal(bu_engine_run(x.e, &r, &err), 0);
		assert_int_equal(r.end, BU_END_DONE);
		assert_true(x.n_seen > 5);
		if (round == 0)
			first = x;
#ifndef BU_CO_UCONTEXT	/* where dead bytes of stacks count */
		else if (round == 1)
			assert_memory_equal(first.seen, x.seen, x.n_seen * sizeof(x.seen[0]));
#endif
	}
	assert_int_equal(first.seen[0], x.seen[0]);
	assert_int_not_equal(first.seen[2], x.seen[2]);
	bu_engine_destroy(x.e);
}

struct tally {
	uint64_t runs, hash;	/* of what all runs came to, in order */
};

static void end_of_run(struct explorer *x, struct tally *t, const struct bu_engine_result *r)
{
	assert_int_equal(r->end, BU_END_DONE);
	t->runs++;
	t->hash = bu_hash_u64(bu_hash_u64(t->hash, r->hash), (uint64_t)bu_word_load(x->e, sum));
}

/* All ways from here on, going back to each choice. */
static void by_images(struct explorer *x, struct tally *t, uint32_t depth)
{
	struct bu_image img = { NULL, 0, 0 };
	struct bu_err err = BU_ERR_INIT;
	struct bu_engine_result r;
	uint64_t at_choice;
	uint32_t n, i;
	size_t at;

	assert_true(depth < DEPTH);
	assert_int_equal(bu_engine_run(x->e, &r, &err), 0);
	if (r.end != BU_END_PAUSED) {
		end_of_run(x, t, &r);
		return;
	}
	n = x->n;
	at_choice = bu_engine_state(x->e);
	assert_int_equal(bu_engine_save(x->e, &img), 0);
	for (i = 0; i < n; i++) {
		at = 0;
		bu_engine_restore(x->e, &img, &at);
		assert_int_equal(at, img.used);
		assert_int_equal(bu_engine_state(x->e), at_choice);
		x->asked = true;
		x->take = i;
		by_images(x, t, depth + 1);
	}
	bu_image_fini(&img);
}

struct replayed {
	uint32_t take[DEPTH], n[DEPTH], depth;
};

static uint32_t replay(void *ctx, uint32_t n)
{
	struct replayed *p = ctx;

	assert_true(p->depth < DEPTH);
	p->n[p->depth] = n;
	return p->take[p->depth++];
}

/* The same ways by running each from the start. */
static struct tally by_replay(void)
{
	struct replayed p = { .depth = 0 };
	struct bu_engine_config c = { .choose = replay, .choose_ctx = &p };
	struct explorer x = { .pauses = false };
	struct bu_err err = BU_ERR_INIT;
	struct tally t = { 0, 0 };
	struct bu_engine_result r;

	assert_int_equal(bu_engine_create(&c, &x.e, &err), 0);
	for (;;) {
		bu_engine_reset(x.e, 0);
		setup(x.e);
		p.depth = 0;
		assert_int_equal(bu_engine_run(x.e, &r, &err), 0);
		end_of_run(&x, &t, &r);
		while (p.depth && p.take[p.depth - 1] + 1 == p.n[p.depth - 1])
			p.take[--p.depth] = 0;
		if (!p.depth)
			break;
		p.take[p.depth - 1]++;
	}
	bu_engine_destroy(x.e);
	return t;
}

static void test_going_back_explores_what_running_again_does(void **state)
{
	static struct explorer x;
	struct tally again = by_replay(), t = { 0, 0 };

	(void)state;
	x = (struct explorer){ .pauses = true };
	make(&x);
	setup(x.e);
	by_images(&x, &t, 0);
	print_message("# %llu runs\n", (unsigned long long)t.runs);
	assert_true(t.runs > 100);
	assert_int_equal(t.runs, again.runs);
	assert_int_equal(t.hash, again.hash);
	bu_engine_destroy(x.e);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_equal_runs_have_equal_states),
		cmocka_unit_test(test_going_back_explores_what_running_again_does),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
