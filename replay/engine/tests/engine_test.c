// SPDX-License-Identifier: GPL-2.0-only
/*
 * engine_test.c - what engine.h promises, operation by operation; what happens to tasks that break its rules; many
 * tasks, many resets, little memory. That whole programs run as they should is differ_test.c's.
 */
#include "replay/engine/engine.h"

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

#include "schemas/base/ns.h"

#if defined(__SANITIZE_ADDRESS__)
#define WITH_ASAN 1
#elif defined(__has_feature)
#if __has_feature(address_sanitizer)
#define WITH_ASAN 1
#endif
#endif

/* What a test writes down as it goes: one line of words, compared as a whole. */
static char story[4096];

static void tell(const char *fmt, ...) __attribute__((format(printf, 1, 2)));
static void tell(const char *fmt, ...)
{
	size_t n = strlen(story);
	va_list ap;

	va_start(ap, fmt);
	vsnprintf(story + n, sizeof(story) - n, fmt, ap);
	va_end(ap);
}

static bu_word_id word_a, word_b;
static struct bu_engine_result result;

static struct bu_engine *engine(void)
{
	const struct bu_engine_config config = { .seed = 1 };
	struct bu_err err = BU_ERR_INIT;
	struct bu_engine *e = NULL;

	assert_int_equal(bu_engine_create(&config, &e, &err), 0);
	story[0] = '\0';
	word_a = bu_word_new(e, "a", 0);
	word_b = bu_word_new(e, "b", 0);
	return e;
}

static struct bu_engine *spawn(struct bu_engine *e, const char *name, void (*fn)(struct bu_engine *, void *))
{
	assert_int_not_equal(bu_task_spawn(e, name, -1, fn, (void *)name), 0);
	return e;
}

/* Runs and destroys. */
static void finish(struct bu_engine *e, enum bu_end end)
{
	struct bu_err err = BU_ERR_INIT;

	assert_int_equal(bu_engine_run(e, &result, &err), 0);
	if (result.end != end)
		print_message("# %s\n", result.detail);
	assert_int_equal(result.end, end);
	bu_engine_destroy(e);
}

static void expect_story(const char *want)
{
	assert_string_equal(story, want);
}

static int await(struct bu_engine *e, bu_word_id word, enum bu_guard guard, int64_t value, enum bu_effect effect,
		 int64_t operand, int64_t timeout_ns)
{
	struct bu_await_op op = { word, guard, value, effect, operand, timeout_ns, "point", 3 };

	return bu_word_await(e, &op, NULL);
}

static long now(const struct bu_engine *e)
{
	return (long)bu_engine_now(e);
}

/* ------------------------------------------------------------------------------------------------ time and order */

static void yielder(struct bu_engine *e, void *name)
{
	int i;

	for (i = 0; i < 3; i++) {
		tell("%s%d ", (char *)name, i);
		bu_engine_delay(e, 0);
	}
}

static void zero_delay_lets_all_that_is_due_go_first(void **state)
{
	(void)state;
	finish(spawn(spawn(spawn(engine(), "a", yielder), "b", yielder), "c", yielder), BU_END_DONE);
	expect_story("a0 b0 c0 a1 b1 c1 a2 b2 c2 ");
	assert_int_equal(result.now_ns, 0);
	assert_int_equal(result.events, 12);
	assert_string_equal(result.detail, "");
}

static void sleeper(struct bu_engine *e, void *name)
{
	bu_engine_delay(e, 10 * (((char *)name)[0] - '0'));
	tell("%s@%ld ", (char *)name, now(e));
	bu_engine_delay_until(e, 40);
	tell("%s@%ld ", (char *)name, now(e));
	bu_engine_delay_until(e, 39);
	bu_engine_delay_until(e, 40);
	bu_engine_delay_until(e, INT64_MIN);
	tell("%s! ", (char *)name);
}

static void delays_end_in_order_of_time_then_of_cause(void **state)
{
	(void)state;
	finish(spawn(spawn(spawn(engine(), "3", sleeper), "1", sleeper), "2", sleeper), BU_END_DONE);
	expect_story("1@10 2@20 3@30 1@40 1! 2@40 2! 3@40 3! ");
}

static void child(struct bu_engine *e, void *name)
{
	tell("%s@%ld ", (char *)name, now(e));
}

static void parent(struct bu_engine *e, void *name)
{
	(void)name;
	bu_engine_delay(e, 5);
	spawn(e, "child", child);
	tell("parent ");
	bu_engine_delay(e, 0);
	tell("parent ");
}

static void a_spawned_task_is_ready_behind_the_others(void **state)
{
	struct bu_engine *e = engine();

	(void)state;
	finish(spawn(spawn(e, "p", parent), "q", parent), BU_END_DONE);
	expect_story("parent parent child@5 parent child@5 parent ");
}

static void who(struct bu_engine *e, void *name)
{
	bu_task_id self = bu_task_self(e);

	tell("%u:%s:%d ", self, bu_task_name(e, self), bu_task_lane(e, self));
	assert_string_equal(bu_task_name(e, self), name);
}

static void tasks_know_who_they_are(void **state)
{
	struct bu_engine *e = engine();
	char name[] = "cpuhp/3";

	(void)state;
	bu_task_spawn(e, name, 3, who, (void *)"cpuhp/3");
	name[0] = 'X';		/* names are copied */
	bu_task_spawn(e, "control", -1, who, (void *)"control");
	assert_int_equal(bu_task_self(e), 0);
	assert_string_equal(bu_task_name(e, 77), "nobody");
	finish(e, BU_END_DONE);
	expect_story("1:cpuhp/3:3 2:control:-1 ");
}

/* -------------------------------------------------------------------------------------------------------- words */

static void changes(struct bu_engine *e, void *name)
{
	(void)name;
	tell("%ld ", (long)bu_word_load(e, word_a));
	bu_word_store(e, word_a, 5);
	tell("%ld ", (long)bu_word_add(e, word_a, -7));
	tell("%ld ", (long)bu_word_cmpxchg(e, word_a, 3, 9));
	tell("%ld ", (long)bu_word_cmpxchg(e, word_a, -2, 9));
	tell("%ld ", (long)bu_word_load(e, word_a));
	bu_word_store(e, word_a, INT64_MAX);
	assert_true(bu_word_add(e, word_a, 1) == INT64_MIN);
}

static void words_hold_what_is_done_to_them(void **state)
{
	(void)state;
	finish(spawn(engine(), "t", changes), BU_END_DONE);
	expect_story("0 -2 -2 -2 9 ");
}

static void taker(struct bu_engine *e, void *name)
{
	assert_int_equal(await(e, word_a, BU_GUARD_GE, 1, BU_EFFECT_ADD, -1, BU_NO_TIMEOUT), 0);
	tell("%s@%ld ", (char *)name, now(e));
}

static void late_taker(struct bu_engine *e, void *name)
{
	bu_engine_delay(e, 10);
	taker(e, name);
}

static void giver(struct bu_engine *e, void *name)
{
	(void)name;
	bu_engine_delay(e, 10);
	bu_word_add(e, word_a, 1);
	assert_int_equal(bu_word_load(e, word_a), 0);	/* taken in the same step */
	bu_engine_delay(e, 10);
	bu_word_add(e, word_a, 2);
	assert_int_equal(bu_word_load(e, word_a), 0);
}

static void guard_and_effect_are_one_step_first_come_first_served(void **state)
{
	struct bu_engine *e = engine();

	(void)state;
	/* Whoever comes at the time of the giving cannot take from those who wait. */
	spawn(spawn(spawn(spawn(e, "g", giver), "x", taker), "y", taker), "late", late_taker);
	finish(e, BU_END_DONE);
	expect_story("x@10 y@20 late@20 ");
}

static void wants_two(struct bu_engine *e, void *name)
{
	assert_int_equal(await(e, word_a, BU_GUARD_GE, 2, BU_EFFECT_ADD, -2, BU_NO_TIMEOUT), 0);
	tell("%s@%ld ", (char *)name, now(e));
}

static void gives_one_by_one(struct bu_engine *e, void *name)
{
	int i;

	(void)name;
	for (i = 0; i < 3; i++) {
		bu_engine_delay(e, 10);
		bu_word_add(e, word_a, 1);
		tell("=%ld ", (long)bu_word_load(e, word_a));
	}
	bu_word_add(e, word_a, 2);
}

static void a_waiter_whose_guard_fails_is_passed_over(void **state)
{
	(void)state;
	finish(spawn(spawn(spawn(engine(), "two", wants_two), "one", taker), "g", gives_one_by_one), BU_END_DONE);
	/* The first unit goes to the second in line, the next two to the first. */
	expect_story("=0 one@10 =1 =0 two@30 ");
	assert_int_equal(result.now_ns, 30);
}

/* 1 -> 2 -> 3: each waiter's effect makes the guard of one that came before it true. */
static void on_three(struct bu_engine *e, void *name)
{
	assert_int_equal(await(e, word_a, BU_GUARD_EQ, 3, BU_EFFECT_STORE, 9, BU_NO_TIMEOUT), 0);
	tell("%s@%ld ", (char *)name, now(e));
}

static void on_two(struct bu_engine *e, void *name)
{
	assert_int_equal(await(e, word_a, BU_GUARD_EQ, 2, BU_EFFECT_STORE, 3, BU_NO_TIMEOUT), 0);
	tell("%s@%ld ", (char *)name, now(e));
}

static void on_one(struct bu_engine *e, void *name)
{
	assert_int_equal(await(e, word_a, BU_GUARD_EQ, 1, BU_EFFECT_STORE, 2, BU_NO_TIMEOUT), 0);
	tell("%s@%ld ", (char *)name, now(e));
}

static void stores_one(struct bu_engine *e, void *name)
{
	(void)name;
	bu_engine_delay(e, 1);
	bu_word_store(e, word_a, 1);
	assert_int_equal(bu_word_load(e, word_a), 9);
}

static void effects_can_serve_those_who_came_earlier(void **state)
{
	(void)state;
	finish(spawn(spawn(spawn(spawn(engine(), "3", on_three), "2", on_two), "1", on_one), "s", stores_one),
	       BU_END_DONE);
	expect_story("1@1 2@1 3@1 ");
}

static void holds_already(struct bu_engine *e, void *name)
{
	struct bu_await_op op = { .word = word_a, .guard = BU_GUARD_LE, .value = 0, .effect = BU_EFFECT_STORE,
				  .operand = 4, .timeout_ns = 0, .cpu = -1 };
	int waited = 7;

	(void)name;
	assert_int_equal(bu_word_await(e, &op, &waited), 0);
	assert_int_equal(waited, 0);
	assert_int_equal(bu_word_load(e, word_a), 4);
	op.guard = BU_GUARD_NE;
	op.value = 4;
	op.timeout_ns = 6;
	assert_int_equal(bu_word_await(e, &op, &waited), -ETIMEDOUT);
	assert_int_equal(waited, 1);
	assert_int_equal(bu_word_load(e, word_a), 4);
	tell("@%ld ", now(e));
}

static void a_guard_that_holds_costs_nothing(void **state)
{
	(void)state;
	finish(spawn(engine(), "t", holds_already), BU_END_DONE);
	expect_story("@6 ");
	assert_int_equal(result.events, 2);
}

/* ----------------------------------------------------------------------------------------------------- timeouts */

static void waits_100(struct bu_engine *e, void *name)
{
	int rc = await(e, word_a, BU_GUARD_EQ, 1, BU_EFFECT_STORE, 0, 100);

	tell("%s:%s@%ld ", (char *)name, rc ? "timeout" : "woken", now(e));
	assert_true(rc == 0 || rc == -ETIMEDOUT);
}

static void stores_at_100(struct bu_engine *e, void *name)
{
	(void)name;
	bu_engine_delay(e, 100);
	bu_word_store(e, word_a, 1);
}

/* Through zero delays, so that the store is caused after the timeout was due. */
static void stores_late_at_100(struct bu_engine *e, void *name)
{
	int i;

	(void)name;
	bu_engine_delay(e, 100);
	for (i = 0; i < 5; i++)
		bu_engine_delay(e, 0);
	bu_word_store(e, word_a, 1);
}

static void stores_at_101(struct bu_engine *e, void *name)
{
	(void)name;
	bu_engine_delay(e, 101);
	bu_word_store(e, word_a, 1);
	tell("left %ld ", (long)bu_word_load(e, word_a));
}

static void a_wake_at_the_instant_of_the_timeout_wins(void **state)
{
	(void)state;
	finish(spawn(spawn(engine(), "w", waits_100), "s", stores_at_100), BU_END_DONE);
	expect_story("w:woken@100 ");
	finish(spawn(spawn(engine(), "s", stores_at_100), "w", waits_100), BU_END_DONE);
	expect_story("w:woken@100 ");
	finish(spawn(spawn(engine(), "w", waits_100), "s", stores_late_at_100), BU_END_DONE);
	expect_story("w:woken@100 ");
	finish(spawn(spawn(engine(), "w", waits_100), "s", stores_at_101), BU_END_DONE);
	expect_story("w:timeout@100 left 1 ");
}

static void of_two_only_the_first_is_given(void **state)
{
	(void)state;
	finish(spawn(spawn(spawn(engine(), "v", waits_100), "w", waits_100), "s", stores_at_100), BU_END_DONE);
	expect_story("v:woken@100 w:timeout@100 ");
}

static void waits_nothing(struct bu_engine *e, void *name)
{
	int rc = await(e, word_a, BU_GUARD_EQ, 1, BU_EFFECT_NONE, 0, 0);

	tell("%s:%s@%ld ", (char *)name, rc ? "timeout" : "woken", now(e));
}

static void stores_now(struct bu_engine *e, void *name)
{
	(void)name;
	bu_engine_delay(e, 0);
	bu_word_store(e, word_a, 1);
}

static void a_timeout_of_zero_lets_what_is_due_go_first(void **state)
{
	(void)state;
	finish(spawn(spawn(engine(), "w", waits_nothing), "s", stores_now), BU_END_DONE);
	expect_story("w:woken@0 ");
	finish(spawn(engine(), "w", waits_nothing), BU_END_DONE);
	expect_story("w:timeout@0 ");
}

/* A cancelled timeout must not carry time forward: the queue has nothing else between 5 ns and 10 s. */
static void woken_early(struct bu_engine *e, void *name)
{
	(void)name;
	assert_int_equal(await(e, word_a, BU_GUARD_EQ, 1, BU_EFFECT_NONE, 0, INT64_C(10000000000)), 0);
	bu_engine_delay(e, 1);
	assert_int_equal(await(e, word_b, BU_GUARD_EQ, 1, BU_EFFECT_NONE, 0, BU_NO_TIMEOUT), 0);
}

static void wakes_early(struct bu_engine *e, void *name)
{
	(void)name;
	bu_engine_delay(e, 5);
	bu_word_store(e, word_a, 1);
	bu_engine_delay(e, 2);
	bu_word_store(e, word_b, 1);
}

static void a_cancelled_timeout_leaves_no_trace(void **state)
{
	(void)state;
	finish(spawn(spawn(engine(), "w", woken_early), "s", wakes_early), BU_END_DONE);
	assert_int_equal(result.now_ns, 7);
	assert_int_equal(result.events, 7);
}

/* ----------------------------------------------------------------------------------------------------- resources */

static void user(struct bu_engine *e, void *name)
{
	if (((char *)name)[0] == 'c')
		bu_engine_delay(e, 1);
	bu_resource_use(e, word_a, 10, "ports");
	tell("%s@%ld ", (char *)name, now(e));
	bu_resource_use(e, word_a, 1, "ports");
	tell("%s@%ld ", (char *)name, now(e));
}

static void a_resource_serves_one_at_a_time_in_order(void **state)
{
	struct bu_engine *e = engine();

	(void)state;
	bu_word_store(e, word_a, 1);
	finish(spawn(spawn(spawn(e, "b", user), "a", user), "c", user), BU_END_DONE);
	expect_story("b@10 a@20 c@30 b@31 a@32 c@33 ");
}

/* --------------------------------------------------------------------------------------------------- the sink */

static void on_wait(void *ctx, bu_task_id task, const char *point, int32_t cpu, int64_t start_ns, int64_t end_ns,
		    enum bu_wait_outcome outcome)
{
	static const char *const words[] = { "satisfied", "timeout", "never" };
	struct bu_engine **e = ctx;

	tell("[%s %s %d %ld-", bu_task_name(*e, task), point, cpu, (long)start_ns);
	if (end_ns == BU_NS_UNKNOWN)
		tell("? %s] ", words[outcome]);
	else
		tell("%ld %s] ", (long)end_ns, words[outcome]);
	assert_int_equal(bu_task_self(*e), 0);
}

static void three_waits(struct bu_engine *e, void *name)
{
	(void)name;
	await(e, word_a, BU_GUARD_EQ, 0, BU_EFFECT_NONE, 0, BU_NO_TIMEOUT);	/* holds: not told */
	await(e, word_a, BU_GUARD_EQ, 1, BU_EFFECT_NONE, 0, BU_NO_TIMEOUT);
	await(e, word_a, BU_GUARD_EQ, 2, BU_EFFECT_NONE, 0, 30);
	await(e, word_a, BU_GUARD_EQ, 3, BU_EFFECT_NONE, 0, BU_NO_TIMEOUT);
}

static struct bu_engine *engine_that_tells(struct bu_engine **place, uint64_t max_events)
{
	const struct bu_engine_config config = { .max_events = max_events, .sink = { place, on_wait } };
	struct bu_err err = BU_ERR_INIT;

	assert_int_equal(bu_engine_create(&config, place, &err), 0);
	story[0] = '\0';
	word_a = bu_word_new(*place, "a", 0);
	word_b = bu_word_new(*place, "b", 0);
	return *place;
}

static void every_wait_is_told(void **state)
{
	struct bu_engine *e;

	(void)state;
	engine_that_tells(&e, 0);
	spawn(spawn(e, "w", three_waits), "s", stores_at_100);
	finish(e, BU_END_STUCK);
	expect_story("[w point 3 0-100 satisfied] [w point 3 100-130 timeout] [w point 3 130-? never] ");
}

static void a_wait_satisfied_at_the_very_end_is_told_so(void **state)
{
	struct bu_engine *e;

	(void)state;
	engine_that_tells(&e, 3);	/* both start, the store; then the wake is due */
	spawn(spawn(e, "w", three_waits), "s", stores_at_100);
	finish(e, BU_END_LIMIT);
	expect_story("[w point 3 0-100 satisfied] ");
	assert_int_equal(result.events, 3);
}

/* --------------------------------------------------------------------------------------------------- how it ends */

static void stuck_for_cpu(struct bu_engine *e, void *name)
{
	struct bu_await_op op = { .word = word_a, .guard = BU_GUARD_EQ, .value = 1, .timeout_ns = BU_NO_TIMEOUT,
				  .point = "W1 cpu_initialized_mask", .cpu = 5 };

	(void)name;
	bu_engine_delay(e, 12300000);
	bu_word_await(e, &op, NULL);
}

static void stuck_for_nothing_named(struct bu_engine *e, void *name)
{
	struct bu_await_op op = { .word = word_b, .guard = BU_GUARD_EQ, .value = 1, .timeout_ns = BU_NO_TIMEOUT,
				  .cpu = -1 };

	(void)name;
	bu_word_await(e, &op, NULL);
}

static void a_stuck_run_says_who_waits_for_what(void **state)
{
	struct bu_engine *e = engine();
	int i;

	(void)state;
	spawn(spawn(spawn(e, "control", stuck_for_cpu), "cpu5", stuck_for_nothing_named), "done", child);
	finish(e, BU_END_STUCK);
	assert_int_equal(result.now_ns, 12300000);
	assert_string_equal(result.detail,
			    "control waits for W1 cpu_initialized_mask (cpu 5) since 12.30 ms; "
			    "cpu5 waits for b since 0 ns");

	e = engine();
	for (i = 0; i < 100; i++)
		spawn(e, "control", stuck_for_cpu);
	finish(e, BU_END_STUCK);
	assert_non_null(strstr(result.detail, "control waits for W1 cpu_initialized_mask (cpu 5) since 12.30 ms; "));
	assert_non_null(strstr(result.detail, " and 97 more"));
}

static void fails_midway(struct bu_engine *e, void *name)
{
	(void)name;
	bu_engine_delay(e, 3);
	bu_engine_fail(e, "cpu %d is on fire", 4);
	tell("came back ");
}

static void failing_ends_the_run_at_once(void **state)
{
	(void)state;
	finish(spawn(spawn(engine(), "f", fails_midway), "s", stores_at_100), BU_END_FAILED);
	expect_story("");
	assert_string_equal(result.detail, "cpu 4 is on fire");
	assert_int_equal(result.now_ns, 3);
}

static void failing_sink(void *ctx, bu_task_id task, const char *point, int32_t cpu, int64_t start_ns, int64_t end_ns,
			 enum bu_wait_outcome outcome)
{
	(void)task, (void)point, (void)cpu, (void)start_ns, (void)end_ns, (void)outcome;
	bu_engine_fail(*(struct bu_engine **)ctx, "disk full");
}

static void a_sink_can_fail_the_run(void **state)
{
	struct bu_engine *e;
	const struct bu_engine_config config = { .sink = { &e, failing_sink } };
	struct bu_err err = BU_ERR_INIT;

	(void)state;
	assert_int_equal(bu_engine_create(&config, &e, &err), 0);
	story[0] = '\0';
	word_a = bu_word_new(e, "a", 0);
	spawn(spawn(e, "w", waits_100), "s", stores_at_100);
	finish(e, BU_END_FAILED);
	assert_string_equal(result.detail, "disk full");
	expect_story("");	/* nobody went on after it */
}

static void runs_itself(struct bu_engine *e, void *name)
{
	struct bu_err err = BU_ERR_INIT;

	(void)name;
	assert_int_equal(bu_engine_run(e, &result, &err), -EBUSY);
}

static void one_run_at_a_time_and_one_per_reset(void **state)
{
	struct bu_engine *e = spawn(engine(), "t", runs_itself);
	struct bu_err err = BU_ERR_INIT;

	(void)state;
	assert_int_equal(bu_engine_run(e, &result, &err), 0);
	assert_int_equal(result.end, BU_END_DONE);
	assert_int_equal(bu_engine_run(e, &result, &err), -EINVAL);
	bu_engine_reset(e, 1);
	err = (struct bu_err)BU_ERR_INIT;
	assert_int_equal(bu_engine_run(e, &result, &err), 0);
	assert_int_equal(result.events, 0);
	bu_engine_destroy(e);
	bu_engine_destroy(NULL);
}

static void an_engine_with_impossible_stacks_is_refused(void **state)
{
	struct bu_engine_config config = { .stack_bytes = 100 };
	struct bu_err err = BU_ERR_INIT;
	struct bu_engine *e = NULL;

	(void)state;
	assert_int_equal(bu_engine_create(&config, &e, &err), -EINVAL);
	config.stack_bytes = SIZE_MAX / 2;
	assert_int_equal(bu_engine_create(&config, &e, &err), -EINVAL);
	assert_null(e);
}

/* -------------------------------------------------------------------------------------------------- broken rules */

static void breaks(struct bu_engine *e, void *which)
{
	struct bu_await_op op = { .word = word_a, .guard = BU_GUARD_EQ, .value = 1, .timeout_ns = BU_NO_TIMEOUT };

	bu_engine_delay(e, 10);
	switch ((char)(uintptr_t)which) {
	case '0':
		op.word = 0;
		bu_word_await(e, &op, NULL);
		break;
	case '1':
		bu_word_store(e, 99, 1);
		break;
	case '2':
		bu_engine_delay(e, -5);
		break;
	case '3':
		bu_engine_delay(e, INT64_MAX - 5);
		break;
	case '4':
		op.timeout_ns = INT64_MAX;
		bu_word_await(e, &op, NULL);
		break;
	case '5':
		op.guard = (enum bu_guard)17;
		bu_word_await(e, &op, NULL);
		break;
	case '6':
		bu_resource_use(e, word_a, -1, "r");
		break;
	case '7':
		bu_task_spawn(e, "nothing", -1, NULL, NULL);
		break;
	case '8':
		bu_engine_delay_until(e, INT64_MAX);
		break;
	default:
		op.effect = (enum bu_effect)-1;
		bu_word_await(e, &op, NULL);
		break;
	}
	tell("came back ");
}

static void breaking_a_rule_fails_the_run_by_name(void **state)
{
	static const char *const words[] = {
		"bad: await of word 0, which does not exist",
		"bad: store of word 99, which does not exist",
		"bad: a delay of -5 ns is negative",
		"bad: a delay of 9223372036854775802 ns from 10 ns on is beyond the end of time",
		"bad: a timeout of 9223372036854775807 ns from 10 ns on is beyond the end of time",
		"bad: await with guard 17 and effect 0, which do not exist",
		"bad: a service time of -1 ns is negative",
		"bad: task nothing has no function to run",
		"bad: a delay of 9223372036854775797 ns from 10 ns on is beyond the end of time",
		"bad: await with guard 0 and effect -1, which do not exist",
	};
	uintptr_t i;

	(void)state;
	for (i = 0; i < sizeof(words) / sizeof(words[0]); i++) {
		struct bu_engine *e = engine();

		bu_task_spawn(e, "bad", 0, breaks, (void *)('0' + i));
		finish(e, BU_END_FAILED);
		assert_string_equal(result.detail, words[i]);
		assert_int_equal(result.now_ns, 10);
		expect_story("");
	}
}

static void sleeps_for_ever(struct bu_engine *e, void *arg)
{
	(void)arg;
	bu_engine_delay_until(e, INT64_MAX - 1);
}

static void the_last_instant_can_be_reached(void **state)
{
	(void)state;
	finish(spawn(engine(), "t", sleeps_for_ever), BU_END_DONE);
	assert_true(result.now_ns == INT64_MAX - 1);
}

static void what_only_tasks_may_do_fails_outside_of_tasks(void **state)
{
	struct bu_engine *e = engine();

	(void)state;
	bu_engine_delay(e, 1);
	finish(e, BU_END_FAILED);
	assert_string_equal(result.detail, "a delay outside of tasks");
	e = engine();
	assert_int_equal(await(e, word_a, BU_GUARD_EQ, 0, BU_EFFECT_STORE, 2, 1), 0);	/* need not wait */
	assert_int_equal(bu_word_load(e, word_a), 2);
	assert_int_equal(await(e, word_a, BU_GUARD_EQ, 0, BU_EFFECT_NONE, 0, 1), -EINVAL);
	finish(e, BU_END_FAILED);
	assert_string_equal(result.detail, "an await that has to wait, outside of tasks");
}

/* ---------------------------------------------------------------------------------------------------- the stack */

#if !defined(WITH_ASAN) && !defined(BU_DEBUG)

/* Uses the stack down to @bytes below @from. */
static void __attribute__((noinline)) use_stack(struct bu_engine *e, const char *from, size_t bytes, bool leave_there)
{
	volatile char chunk[256];

	memset((void *)chunk, 0x55, sizeof(chunk));
	if ((size_t)(from - (char *)chunk) < bytes)
		use_stack(e, from, bytes, leave_there);
	else if (leave_there)
		bu_engine_delay(e, 1);
	chunk[0] = chunk[1];
}

static void deep_but_within(struct bu_engine *e, void *name)
{
	use_stack(e, __builtin_frame_address(0), 16 << 10, true);
	bu_engine_delay(e, 5);
	tell("%s ", (char *)name);
}

static void deep_at_a_delay(struct bu_engine *e, void *name)
{
	(void)name;
	use_stack(e, __builtin_frame_address(0), (20 << 10) + 100, true);
	tell("came back ");
}

static void deep_in_between(struct bu_engine *e, void *name)
{
	(void)name;
	bu_engine_delay(e, 2);
	use_stack(e, __builtin_frame_address(0), (20 << 10) + 1200, false);
	bu_engine_delay(e, 10);
}

static void deep_then_done(struct bu_engine *e, void *name)
{
	(void)name;
	bu_engine_delay(e, 2);
	use_stack(e, __builtin_frame_address(0), (20 << 10) + 1200, false);
}

static void a_stack_used_up_fails_the_run_by_name(void **state)
{
	(void)state;
	finish(spawn(spawn(engine(), "x", deep_but_within), "y", deep_but_within), BU_END_DONE);
	expect_story("x y ");

	finish(spawn(spawn(engine(), "x", deep_but_within), "deep", deep_at_a_delay), BU_END_FAILED);
	assert_string_equal(result.detail, "deep overflowed its stack of 20480 bytes");
	expect_story("");

	/* Its neighbour is to go on: it must not. */
	finish(spawn(spawn(engine(), "x", deep_but_within), "deep", deep_in_between), BU_END_FAILED);
	assert_string_equal(result.detail, "deep overflowed its stack of 20480 bytes into that of x");
	expect_story("");

	/* The first stack has no neighbour below: only its end shows. */
	finish(spawn(engine(), "deep", deep_then_done), BU_END_FAILED);
	assert_string_equal(result.detail, "deep overflowed its stack of 20480 bytes");
}

#endif

static void mapped(struct bu_engine *e, void *arg)
{
	(void)arg;
	bu_engine_delay(e, 1000);
	bu_engine_delay(e, 1000);
}

static unsigned int mappings(void)
{
	FILE *f = fopen("/proc/self/maps", "r");
	unsigned int n = 0;
	int c;

	assert_non_null(f);
	while ((c = getc(f)) != EOF)
		n += c == '\n';
	fclose(f);
	return n;
}

static void counts_mappings(struct bu_engine *e, void *arg)
{
	bu_engine_delay(e, 500);
	*(unsigned int *)arg = mappings();
}

static void many_tasks_need_few_mappings(void **state)
{
#ifdef BU_DEBUG
	uint32_t tasks = 16384;		/* each has a guard page: two mappings */
#else
	uint32_t tasks = 65536;
#endif
	struct bu_engine *e = engine();
	unsigned int before = mappings(), after = 0;
	uint32_t i;

	(void)state;
	for (i = 0; i < tasks; i++)
		assert_int_not_equal(bu_task_spawn(e, "mapped", (int32_t)i, mapped, NULL), 0);
	bu_task_spawn(e, "counts", -1, counts_mappings, &after);
	finish(e, BU_END_DONE);
	assert_int_equal(result.events, 3 * tasks + 2);
#ifndef BU_DEBUG
	assert_in_range(after - before, 0, 100);
#else
	assert_true(after > before);
#endif
}

static void short_lived(struct bu_engine *e, void *arg)
{
	uintptr_t left = (uintptr_t)arg;

	bu_engine_delay(e, 1);
	if (left)
		bu_task_spawn(e, "next", -1, short_lived, (void *)(left - 1));
}

static long resident_kib(void)
{
	struct rusage r;

	getrusage(RUSAGE_SELF, &r);
	return r.ru_maxrss;
}

/* 50,000 tasks, two of them alive at a time: one or two stacks. */
static void stacks_of_tasks_that_are_done_are_used_again(void **state)
{
	struct bu_engine *e = engine();
	long before = resident_kib();

	(void)state;
	bu_task_spawn(e, "first", -1, short_lived, (void *)50000);
	finish(e, BU_END_DONE);
	assert_int_equal(result.events, 2 * 50001);
	/* 4 KiB for each would be 200 MB; what is kept about a task is 130 bytes. AddressSanitizer adds to it. */
	assert_true(resident_kib() - before < 60000);
}

/* -------------------------------------------------------------------------------------------- resets, randomness */

static uint64_t drawn;

static void dices(struct bu_engine *e, void *arg)
{
	uint32_t stream = (uint32_t)(uintptr_t)arg;
	int i;

	for (i = 0; i < 3; i++) {
		uint64_t r = bu_rng_u64(bu_engine_random(e, stream));

		if (stream == 1)
			drawn = bu_hash_u64(drawn, r);
		bu_engine_delay(e, (int64_t)(r % 1000));
		bu_word_add(e, word_a, 1);
	}
	await(e, word_a, BU_GUARD_GE, 12, BU_EFFECT_NONE, 0, stream == 2 ? 500 : BU_NO_TIMEOUT);
}

static void run_dices(struct bu_engine *e, uint64_t seed, uint32_t tasks)
{
	struct bu_err err = BU_ERR_INIT;
	uintptr_t i;

	bu_engine_reset(e, seed);
	word_a = bu_word_new(e, "a", 0);
	drawn = 0;
	for (i = 1; i <= tasks; i++)
		bu_task_spawn(e, "dice", (int32_t)i, dices, (void *)i);
	assert_int_equal(bu_engine_run(e, &result, &err), 0);
}

static void a_seed_is_a_run(void **state)
{
	struct bu_engine *e = engine();
	uint64_t hash, first;

	(void)state;
	run_dices(e, 1, 4);
	hash = result.hash;
	first = drawn;
	run_dices(e, 2, 4);
	assert_true(result.hash != hash);
	assert_true(drawn != first);
	run_dices(e, 1, 4);
	assert_true(result.hash == hash);
	/* The stream of one consumer does not hang on how many others there are. */
	run_dices(e, 1, 100);
	assert_true(drawn == first);
	bu_engine_destroy(e);
}

static void a_hundred_thousand_resets_leave_no_trace(void **state)
{
	struct bu_engine *e = engine();
	uint64_t hash[8] = { 0 };
	long before = 0;
	int i;

	(void)state;
	for (i = 0; i < 100000; i++) {
		run_dices(e, (uint64_t)(i % 8), 4);
		assert_int_equal(result.end, BU_END_DONE);
		if (i < 8)
			hash[i] = result.hash;
		assert_true(result.hash == hash[i % 8]);
		if (i == 1000)
			before = resident_kib();
	}
	assert_true(resident_kib() - before < 1000);
	bu_engine_destroy(e);
}

/* Reset in the midst: tasks sleeping, waiting in several classes, with and without timeouts, never started. */
static void waits_for_its_number(struct bu_engine *e, void *arg)
{
	int64_t n = (int64_t)(uintptr_t)arg;

	if (n % 7 == 0)
		bu_engine_delay(e, 1000000);
	await(e, n % 2 ? word_a : word_b, (enum bu_guard)(n % 4 == 1 ? BU_GUARD_NE : BU_GUARD_EQ),
	      n % 4 == 1 ? 0 : n, BU_EFFECT_NONE, 0, n % 3 ? BU_NO_TIMEOUT : 1000);
}

static void a_reset_in_the_midst_forgets_everything(void **state)
{
	const struct bu_engine_config config = { .max_events = 150 };
	struct bu_engine *e;
	struct bu_err err = BU_ERR_INIT;
	uint64_t hash = 0;
	uintptr_t i;
	int round;

	(void)state;
	assert_int_equal(bu_engine_create(&config, &e, &err), 0);
	for (round = 0; round < 50; round++) {
		bu_engine_reset(e, 0);
		word_a = bu_word_new(e, "a", 0);
		word_b = bu_word_new(e, "b", 0);
		for (i = 1; i <= 200; i++)
			bu_task_spawn(e, "t", -1, waits_for_its_number, (void *)i);
		assert_int_equal(bu_engine_run(e, &result, &err), 0);
		assert_int_equal(result.end, BU_END_LIMIT);
		assert_true(!round || result.hash == hash);
		hash = result.hash;
	}
	bu_engine_reset(e, 0);
	word_a = bu_word_new(e, "a", 0);
	story[0] = '\0';
	spawn(spawn(spawn(spawn(e, "g", giver), "x", taker), "y", taker), "late", late_taker);
	finish(e, BU_END_DONE);
	expect_story("x@10 y@20 late@20 ");
}

/* ------------------------------------------------------------------------------------------------ memory is out */

#ifndef WITH_ASAN

/* In a child with 64 MiB of address space more than it has: 0 when the run ended as it should. */
static int spawn_for_ever(bool started)
{
	struct bu_engine *e = engine();
	struct bu_err err = BU_ERR_INIT;
	struct rlimit limit;
	bu_task_id id, n = 0;
	FILE *f = fopen("/proc/self/statm", "r");
	unsigned long pages;
	int rc;

	if (!f || fscanf(f, "%lu", &pages) != 1)
		return 10;
	fclose(f);
	limit.rlim_cur = limit.rlim_max = pages * (rlim_t)sysconf(_SC_PAGESIZE) + (64 << 20);
	if (setrlimit(RLIMIT_AS, &limit))
		return 11;
	do {
		id = bu_task_spawn(e, "one of too many", -1, mapped, NULL);
		if (id && id != ++n)
			return 12;
	} while (id && (!started || n < 20000));
	if (!started) {
		/* Tasks were the limit: the run fails before it starts. */
		if (bu_engine_run(e, &result, &err) || result.end != BU_END_FAILED)
			return 13;
		if (strncmp(result.detail, "out of memory for task one of too many, after ", 46))
			return 14;
		bu_engine_destroy(e);
		return 0;
	}
	/* Stacks are the limit: 20,000 of them are 320 MiB. */
	rc = bu_engine_run(e, &result, &err);
	if (rc != -ENOMEM || !strstr(err.text, "out of memory for the stack of one of too many, task "))
		return 15;
	bu_engine_reset(e, 1);
	bu_task_spawn(e, "again", -1, mapped, NULL);
	if (bu_engine_run(e, &result, &err) || result.end != BU_END_DONE)
		return 16;
	bu_engine_destroy(e);
	return 0;
}

static void memory_that_is_out_ends_the_run(void **state)
{
	int started, status;

	(void)state;
	for (started = 0; started < 2; started++) {
		pid_t pid = fork();

		assert_int_not_equal(pid, -1);
		if (pid == 0)
			_exit(spawn_for_ever(started));
		assert_int_equal(waitpid(pid, &status, 0), pid);
		assert_true(WIFEXITED(status));
		assert_int_equal(WEXITSTATUS(status), 0);
	}
}

#endif

/* --------------------------------------------------------------------------------------------------- many waiters */

static uint32_t crowd_served;

static void in_the_crowd(struct bu_engine *e, void *arg)
{
	int64_t ticket = (int64_t)(uintptr_t)arg;

	/* A ticket lock: each waits for its own number. */
	await(e, word_a, BU_GUARD_EQ, ticket, BU_EFFECT_NONE, 0, BU_NO_TIMEOUT);
	assert_int_equal(crowd_served, ticket);
	crowd_served++;
	bu_word_store(e, word_a, ticket + 1);
	/* A rendezvous: all for the same. */
	bu_word_add(e, word_b, 1);
	await(e, word_b, BU_GUARD_GE, 20000, BU_EFFECT_NONE, 0, BU_NO_TIMEOUT);
}

/* Quadratic work would be 4 * 10^8 looks at waiters; this is to be linear. Time is not asserted, only done. */
static void a_crowd_with_tickets_is_served_in_order(void **state)
{
	struct bu_engine *e = engine();
	uintptr_t i;

	(void)state;
	crowd_served = 0;
	bu_word_store(e, word_a, -1);
	for (i = 0; i < 20000; i++)
		bu_task_spawn(e, "ticket", -1, in_the_crowd, (void *)(19999 - i));
	bu_task_spawn(e, "opens", -1, stores_now, NULL);
	bu_word_store(e, word_a, 0);
	finish(e, BU_END_DONE);
	assert_int_equal(crowd_served, 20000);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(zero_delay_lets_all_that_is_due_go_first),
		cmocka_unit_test(delays_end_in_order_of_time_then_of_cause),
		cmocka_unit_test(a_spawned_task_is_ready_behind_the_others),
		cmocka_unit_test(tasks_know_who_they_are),
		cmocka_unit_test(words_hold_what_is_done_to_them),
		cmocka_unit_test(guard_and_effect_are_one_step_first_come_first_served),
		cmocka_unit_test(a_waiter_whose_guard_fails_is_passed_over),
		cmocka_unit_test(effects_can_serve_those_who_came_earlier),
		cmocka_unit_test(a_guard_that_holds_costs_nothing),
		cmocka_unit_test(a_wake_at_the_instant_of_the_timeout_wins),
		cmocka_unit_test(of_two_only_the_first_is_given),
		cmocka_unit_test(a_timeout_of_zero_lets_what_is_due_go_first),
		cmocka_unit_test(a_cancelled_timeout_leaves_no_trace),
		cmocka_unit_test(a_resource_serves_one_at_a_time_in_order),
		cmocka_unit_test(every_wait_is_told),
		cmocka_unit_test(a_wait_satisfied_at_the_very_end_is_told_so),
		cmocka_unit_test(a_stuck_run_says_who_waits_for_what),
		cmocka_unit_test(failing_ends_the_run_at_once),
		cmocka_unit_test(a_sink_can_fail_the_run),
		cmocka_unit_test(one_run_at_a_time_and_one_per_reset),
		cmocka_unit_test(an_engine_with_impossible_stacks_is_refused),
		cmocka_unit_test(breaking_a_rule_fails_the_run_by_name),
		cmocka_unit_test(the_last_instant_can_be_reached),
		cmocka_unit_test(what_only_tasks_may_do_fails_outside_of_tasks),
#if !defined(WITH_ASAN) && !defined(BU_DEBUG)
		cmocka_unit_test(a_stack_used_up_fails_the_run_by_name),
#endif
#ifndef WITH_ASAN
		cmocka_unit_test(memory_that_is_out_ends_the_run),
#endif
		cmocka_unit_test(many_tasks_need_few_mappings),
		cmocka_unit_test(stacks_of_tasks_that_are_done_are_used_again),
		cmocka_unit_test(a_seed_is_a_run),
		cmocka_unit_test(a_hundred_thousand_resets_leave_no_trace),
		cmocka_unit_test(a_reset_in_the_midst_forgets_everything),
		cmocka_unit_test(a_crowd_with_tickets_is_served_in_order),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
