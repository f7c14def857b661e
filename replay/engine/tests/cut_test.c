// SPDX-License-Identifier: GPL-2.0-only
/*
 * cut_test.c - cutting delays and waits short, and choosing among what is due at one instant.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "replay/engine/cut.h"

struct scene {
	bu_task_id sleeper, waiter, timed;
	bu_word_id w;
	int64_t slept_ns, waited_ns, timed_ns;
	int waited_rc, timed_rc;
};

static void sleeper(struct bu_engine *e, void *arg)
{
	bu_engine_delay(e, 1000);
	((struct scene *)arg)->slept_ns = bu_engine_now(e);
	bu_engine_delay(e, 1000);	/* the end of the first delay is forgotten, not still to come */
}

static int await(struct bu_engine *e, bu_word_id w, int64_t timeout_ns)
{
	const struct bu_await_op op = { .word = w, .guard = BU_GUARD_EQ, .value = 1, .effect = BU_EFFECT_STORE,
					.operand = 5, .timeout_ns = timeout_ns, .point = "w", .cpu = -1 };

	return bu_word_await(e, &op, NULL);
}

static void waiter(struct bu_engine *e, void *arg)
{
	struct scene *s = arg;

	s->waited_rc = await(e, s->w, BU_NO_TIMEOUT);
	s->waited_ns = bu_engine_now(e);
}

static void timed(struct bu_engine *e, void *arg)
{
	struct scene *s = arg;

	s->timed_rc = await(e, s->w, 1000);
	s->timed_ns = bu_engine_now(e);
	bu_engine_delay(e, 2000);
}

static void cutter(struct bu_engine *e, void *arg)
{
	struct scene *s = arg;

	assert_false(bu_task_cut_at(e, bu_task_self(e), 500));	/* runs */
	bu_engine_delay(e, 100);
	assert_true(bu_task_cut_at(e, s->sleeper, 150));
	assert_true(bu_task_cut_at(e, s->sleeper, 200));	/* replaces the other */
	assert_true(bu_task_cut_at(e, s->waiter, 300));
	assert_true(bu_task_cut_at(e, s->timed, 1500));		/* later than it would be */
	bu_engine_delay(e, 4000);
	assert_false(bu_task_cut_at(e, s->sleeper, 5000));	/* is done */
}

static void test_cut(void **state)
{
	struct bu_engine_config config = { 0 };
	struct bu_engine_result r;
	struct bu_err err = BU_ERR_INIT;
	struct bu_engine *e;
	struct scene s = { 0 };

	(void)state;
	assert_int_equal(bu_engine_create(&config, &e, &err), 0);
	s.w = bu_word_new(e, "w", 0);
	s.sleeper = bu_task_spawn(e, "sleeper", -1, sleeper, &s);
	s.waiter = bu_task_spawn(e, "waiter", -1, waiter, &s);
	s.timed = bu_task_spawn(e, "timed", -1, timed, &s);
	bu_task_spawn(e, "cutter", -1, cutter, &s);
	assert_int_equal(bu_engine_run(e, &r, &err), 0);
	assert_int_equal(r.end, BU_END_DONE);
	assert_int_equal(s.slept_ns, 200);
	assert_int_equal(s.waited_rc, -ETIMEDOUT);
	assert_int_equal(s.waited_ns, 300);
	assert_int_equal(s.timed_rc, -ETIMEDOUT);
	assert_int_equal(s.timed_ns, 1500);
	assert_int_equal(bu_word_load(e, s.w), 0);
	assert_int_equal(r.now_ns, 4100);
	bu_engine_destroy(e);
}

static void cut_into_the_past(struct bu_engine *e, void *arg)
{
	bu_engine_delay(e, 10);
	bu_task_cut_at(e, *(bu_task_id *)arg, 5);
}

static void test_cut_into_the_past_is_an_error(void **state)
{
	struct bu_engine_config config = { 0 };
	struct bu_engine_result r;
	struct bu_err err = BU_ERR_INIT;
	struct bu_engine *e;
	struct scene s = { 0 };

	(void)state;
	assert_int_equal(bu_engine_create(&config, &e, &err), 0);
	s.sleeper = bu_task_spawn(e, "sleeper", -1, sleeper, &s);
	bu_task_spawn(e, "past", -1, cut_into_the_past, &s.sleeper);
	assert_int_equal(bu_engine_run(e, &r, &err), 0);
	assert_int_equal(r.end, BU_END_FAILED);
	assert_string_equal(r.detail, "past: task 1 is to be cut short at 5 ns, at 10 ns");
	bu_engine_destroy(e);
}

/* ------------------------------------------------------------------------------------------------- choosing */

struct chooser {
	uint32_t take[8], of[8], n, known;
	char order[8];
};

static uint32_t choose(void *ctx, uint32_t n)
{
	struct chooser *c = ctx;

	if (c->n == c->known)
		c->take[c->known++] = 0;
	c->of[c->n] = n;
	return c->take[c->n++];
}

static void says(struct bu_engine *e, void *arg)
{
	size_t n;

	bu_engine_delay(e, 10);
	n = strlen(arg);
	((char *)arg)[n] = bu_task_name(e, bu_task_self(e))[0];
}

static int by_text(const void *a, const void *b)
{
	return strcmp(a, b);
}

/* Three tasks that start together and wake up together: 3! x 3! orders, each once, that of waking up each six times. */
static void test_every_order_once(void **state)
{
	struct chooser c = { .n = 0 };
	struct bu_engine_config config = { .choose = choose, .choose_ctx = &c };
	struct bu_engine_result r;
	struct bu_err err = BU_ERR_INIT;
	struct bu_engine *e;
	char seen[64][8];
	size_t n = 0, i;

	(void)state;
	assert_int_equal(bu_engine_create(&config, &e, &err), 0);
	for (;;) {
		c.n = 0;
		memset(c.order, 0, sizeof(c.order));
		bu_engine_reset(e, 0);
		bu_task_spawn(e, "a", -1, says, c.order);
		bu_task_spawn(e, "b", -1, says, c.order);
		bu_task_spawn(e, "c", -1, says, c.order);
		assert_int_equal(bu_engine_run(e, &r, &err), 0);
		assert_true(n < 64);
		memcpy(seen[n++], c.order, 8);
		for (c.known = c.n; c.known && c.take[c.known - 1] + 1 >= c.of[c.known - 1]; c.known--)
			;
		if (!c.known)
			break;
		c.take[c.known - 1]++;
	}
	assert_int_equal(n, 36);
	qsort(seen, n, 8, by_text);
	for (i = 0; i < n; i += 6) {
		assert_string_equal(seen[i], seen[i + 5]);
		if (i)
			assert_string_not_equal(seen[i], seen[i - 1]);
	}
	bu_engine_destroy(e);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_cut),
		cmocka_unit_test(test_cut_into_the_past_is_an_error),
		cmocka_unit_test(test_every_order_once),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
