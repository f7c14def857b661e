// SPDX-License-Identifier: GPL-2.0-only
/*
 * threads_test.c - engines have nothing in common: many in one thread, and some in each of several threads at a time, do what
 * each does alone.
 */
#include <pthread.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "replay/engine/engine.h"

#define ENGINES 6u
#define TASKS 20u
#define THREADS 3u
#define ROUNDS 40

struct machine {
	struct bu_engine *e;
	bu_word_id word;
	uint64_t hash;
	int64_t sum;
};

struct member {
	struct machine *m;
	uint32_t stream;
};

static void member(struct bu_engine *e, void *arg)
{
	const struct member *me = arg;
	struct bu_rng *rng = bu_engine_random(e, me->stream);
	int i;

	for (i = 0; i < 30; i++) {
		struct bu_await_op op = { .word = me->m->word, .guard = BU_GUARD_GE, .value = (int64_t)bu_rng_below(rng, 50),
					  .effect = BU_EFFECT_ADD, .operand = -1, .timeout_ns = 300, .cpu = -1 };

		bu_word_await(e, &op, NULL);
		bu_engine_delay(e, (int64_t)bu_rng_below(rng, 100));
		bu_word_add(e, me->m->word, (int64_t)bu_rng_below(rng, 4));
	}
}

/* Runs machine number @n and says what became of it. */
static bool run(struct machine *m, struct member *members, uint64_t n)
{
	struct bu_err err = BU_ERR_INIT;
	struct bu_engine_result r;
	uint32_t i;

	bu_engine_reset(m->e, n);
	m->word = bu_word_new(m->e, "word", 0);
	for (i = 0; i < TASKS; i++) {
		members[i] = (struct member){ m, i };
		bu_task_spawn(m->e, "member", -1, member, &members[i]);
	}
	if (bu_engine_run(m->e, &r, &err) || r.end != BU_END_DONE)
		return false;
	m->hash = r.hash;
	m->sum = bu_word_peek(m->e, m->word);
	return true;
}

static uint64_t alone[ENGINES];
static int64_t alone_sum[ENGINES];

/* Return: NULL when each did what it does alone. No assertions: they are for the thread of the tests. */
static void *all_again(void *arg)
{
	const struct bu_engine_config config = { .seed = 1 };
	struct member members[TASKS];
	struct machine m[ENGINES];
	struct bu_err err = BU_ERR_INIT;
	bool ok = true;
	uint32_t n, made;
	int round;

	for (made = 0; made < ENGINES && ok; made++)
		ok = !bu_engine_create(&config, &m[made].e, &err);
	for (round = 0; round < ROUNDS && ok; round++)
		for (n = 0; n < ENGINES && ok; n++)
			ok = run(&m[n], members, n) && m[n].hash == alone[n] && m[n].sum == alone_sum[n];
	while (made--)
		bu_engine_destroy(m[made].e);
	return ok ? NULL : arg;
}

static void engines_have_nothing_in_common(void **state)
{
	const struct bu_engine_config config = { .seed = 1 };
	struct member members[TASKS];
	pthread_t thread[THREADS];
	struct bu_err err = BU_ERR_INIT;
	uint32_t n;

	(void)state;
	for (n = 0; n < ENGINES; n++) {
		struct machine m;

		assert_int_equal(bu_engine_create(&config, &m.e, &err), 0);
		assert_true(run(&m, members, n));
		bu_engine_destroy(m.e);
		alone[n] = m.hash;
		alone_sum[n] = m.sum;
		if (n)
			assert_true(alone[n] != alone[n - 1]);
	}
	for (n = 0; n < THREADS; n++)
		assert_int_equal(pthread_create(&thread[n], NULL, all_again, alone), 0);
	for (n = 0; n < THREADS; n++) {
		void *failed;

		assert_int_equal(pthread_join(thread[n], &failed), 0);
		assert_null(failed);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = { cmocka_unit_test(engines_have_nothing_in_common) };

	return cmocka_run_group_tests(tests, NULL, NULL);
}
