// SPDX-License-Identifier: GPL-2.0-only
/*
 * steplog_test.c - what is written down of a run, where two runs part, and that a step which changes another task's
 * stack is caught and both tasks are named.
 */
#include "replay/engine/steplog.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "replay/engine/engine.h"

struct log {
	struct bu_step *step;
	size_t n, calls;
};

static void keep(void *ctx, const struct bu_step *step, uint32_t n)
{
	struct log *l = ctx;

	l->step = realloc(l->step, (l->n + n) * sizeof(*step));
	assert_non_null(l->step);
	memcpy(l->step + l->n, step, n * sizeof(*step));
	l->n += n;
	l->calls++;
}

static bu_word_id word;
static int64_t odd_one;

static void takes(struct bu_engine *e, void *arg)
{
	const struct bu_await_op op = { .word = word, .guard = BU_GUARD_GE, .value = 1, .effect = BU_EFFECT_ADD,
					.operand = -1, .timeout_ns = 50, .cpu = -1 };

	(void)arg;
	bu_word_await(e, &op, NULL);
	bu_word_await(e, &op, NULL);
}

static void gives(struct bu_engine *e, void *arg)
{
	int i, n = *(int *)arg;

	bu_engine_delay(e, INT64_C(3) << 32);
	for (i = 0; i < n; i++)
		bu_word_store(e, word, i == odd_one ? 7 : 1);
	bu_word_load(e, word);
}

static void run(struct log *l, struct bu_engine **ret, int n)
{
	const struct bu_engine_config config = { .steps = keep, .steps_ctx = l };
	struct bu_engine_result r;
	struct bu_err err = BU_ERR_INIT;
	struct bu_engine *e;

	memset(l, 0, sizeof(*l));
	assert_int_equal(bu_engine_create(&config, &e, &err), 0);
	word = bu_word_new(e, "lock", 0);
	bu_task_spawn(e, "gives", -1, gives, &n);
	bu_task_spawn(e, "takes", -1, takes, NULL);
	assert_int_equal(bu_engine_run(e, &r, &err), 0);
	assert_int_equal(r.end, BU_END_DONE);
	*ret = e;
}

static void every_operation_is_a_step(void **state)
{
	static const struct {
		enum bu_step_kind kind;
		uint32_t task, value, delta_ns;
	} want[] = {
		{ BU_STEP_SPAWN, 0, 1, 0 }, { BU_STEP_SPAWN, 0, 2, 0 }, { BU_STEP_START, 1, 0, 0 },
		{ BU_STEP_DELAY, 1, 3 * 2654435761u, 0 }, { BU_STEP_START, 2, 0, 0 }, { BU_STEP_WAIT, 2, 1, 0 },
		{ BU_STEP_TIMEOUT, 2, 0, 50 }, { BU_STEP_WAIT, 2, 1, 0 }, { BU_STEP_TIMEOUT, 2, 0, 50 },
		{ BU_STEP_END, 2, 0, 0 }, { BU_STEP_FAR, 1, 2, 0 }, { BU_STEP_DUE, 1, 0, UINT32_MAX - 99 },
		{ BU_STEP_STORE, 1, 1, 0 }, { BU_STEP_LOAD, 1, 1, 0 }, { BU_STEP_END, 1, 0, 0 },
	};
	struct bu_engine *e;
	struct log l;
	size_t i;

	(void)state;
	odd_one = -1;
	run(&l, &e, 1);
	assert_int_equal(l.n, sizeof(want) / sizeof(want[0]));
	for (i = 0; i < l.n; i++) {
		assert_int_equal(l.step[i].what >> 28, want[i].kind);
		assert_int_equal(l.step[i].task, want[i].task);
		assert_int_equal(l.step[i].value, want[i].value);
		assert_int_equal(l.step[i].delta_ns, want[i].delta_ns);
	}
	bu_engine_destroy(e);
	free(l.step);
}

static void two_runs_part_where_they_differ(void **state)
{
	struct bu_engine *e, *f;
	struct log a, b, c;
	char text[200];

	(void)state;
	odd_one = -1;
	run(&a, &e, 20000);
	assert_true(a.calls > 4);	/* a task found the buffer full, and went on */
	bu_engine_destroy(e);
	run(&b, &e, 20000);
	bu_engine_destroy(e);
	assert_int_equal(bu_steplog_diff(a.step, a.n, b.step, b.n, NULL, text, sizeof(text)), 0);
	assert_string_equal(text, "20014 steps, all the same");
	odd_one = 12345;
	run(&c, &f, 20000);
	assert_int_equal(bu_steplog_diff(a.step, a.n, c.step, c.n, f, text, sizeof(text)), 1);
	assert_string_equal(text, "step 12357: at 12884901888 ns gives stores to W1 lock (value 1); in the other run gives "
				  "stores to W1 lock (value 7)");
	assert_int_equal(bu_steplog_diff(a.step, 5, c.step, 6, NULL, text, sizeof(text)), 1);
	assert_string_equal(text, "step 5: the first run ends at 0 ns, where in the other task 2 waits for W1 (value 1)");
	/* Too little room is no harm. */
	assert_int_equal(bu_steplog_diff(a.step, a.n, c.step, c.n, f, text, 10), 1);
	assert_string_equal(text, "step 1235");
	bu_engine_destroy(f);
	free(a.step);
	free(b.step);
	free(c.step);
}

/* ---------------------------------------------------------------------------------- tasks that share their stacks */

static int *volatile shared;

static void victim(struct bu_engine *e, void *arg)
{
	volatile int mine[64] = { 0 };

	(void)arg;
	shared = (int *)&mine[32];
	bu_engine_delay(e, 100);
	mine[0]++;
}

static void culprit(struct bu_engine *e, void *arg)
{
	bu_engine_delay(e, 10);
	if (arg)
		*shared = 5;
	bu_engine_delay(e, 1);
}

static void stack_sharing(bool shares, uint32_t others, char detail[256])
{
	const struct bu_engine_config config = { .check_stacks = true };
	struct bu_engine_result r;
	struct bu_err err = BU_ERR_INIT;
	struct bu_engine *e;
	uint32_t i;

	assert_int_equal(bu_engine_create(&config, &e, &err), 0);
	bu_task_spawn(e, "victim", -1, victim, NULL);
	bu_task_spawn(e, "culprit", -1, culprit, shares ? e : NULL);
	for (i = 0; i < others; i++)
		bu_task_spawn(e, "innocent", -1, culprit, NULL);
	assert_int_equal(bu_engine_run(e, &r, &err), 0);
	assert_int_equal(r.end, shares ? BU_END_FAILED : BU_END_DONE);
	memcpy(detail, r.detail, sizeof(r.detail));
	bu_engine_destroy(e);
}

static void a_step_that_changes_another_stack_is_caught(void **state)
{
	char detail[256];

	(void)state;
	stack_sharing(true, 50, detail);
	assert_string_equal(detail, "culprit changed the stack of victim, which was stopped: tasks share nothing but words");
	stack_sharing(false, 50, detail);
	assert_string_equal(detail, "");
	/* Too many to look at each after each step: found all the same. */
	stack_sharing(true, 2000, detail);
	assert_non_null(strstr(detail, " changed the stack of victim"));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(every_operation_is_a_step),
		cmocka_unit_test(two_runs_part_where_they_differ),
		cmocka_unit_test(a_step_that_changes_another_stack_is_caught),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
