// SPDX-License-Identifier: GPL-2.0-only
/*
 * steplog.c - writing down what happens, and comparing; see steplog.h.
 *
 * Steps are gathered in a buffer. A task that finds it full stops and lets the engine hand the steps on, so that
 * whoever takes them has the stack of bu_engine_run() and not that of a task.
 */
#include "replay/engine/steplog.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "replay/engine/engine_int.h"

#define BUFFER_STEPS 4096u

int bu_steps_init(struct bu_engine *e)
{
	e->noting = e->config.steps || e->config.check_stacks;
	if (!e->config.steps)
		return 0;
	e->steps = malloc(BUFFER_STEPS * sizeof(*e->steps));
	return e->steps ? 0 : -1;
}

void bu_steps_fini(struct bu_engine *e)
{
	free(e->steps);
}

void bu_steps_flush(struct bu_engine *e)
{
	e->steps_full = false;
	if (e->n_steps)
		e->config.steps(e->config.steps_ctx, e->steps, e->n_steps);
	e->n_steps = 0;
}

static void put(struct bu_engine *e, const struct bu_step *s)
{
	if (e->n_steps == BUFFER_STEPS) {
		e->steps_full = true;
		if (e->self)
			bu_co_leave(&e->stacks, &e->task[e->self].co, false);
		else
			bu_steps_flush(e);
	}
	e->steps[e->n_steps++] = *s;
}

static bool changes(enum bu_step_kind kind)
{
	return kind == BU_STEP_STORE || kind == BU_STEP_ADD || kind == BU_STEP_CMPXCHG || kind == BU_STEP_PASS ||
	       kind == BU_STEP_SERVE;
}

static void put_step(struct bu_engine *e, enum bu_step_kind kind, uint32_t task, uint32_t word, int64_t value)
{
	uint64_t delta = (uint64_t)(e->now_ns - e->step_ns), v = (uint64_t)value;
	struct bu_step s = {
		.delta_ns = (uint32_t)delta,
		.task = task,
		.what = (uint32_t)kind << 28 | (word & ((UINT32_C(1) << 28) - 1)),
		.value = (uint32_t)v + (uint32_t)(v >> 32) * UINT32_C(2654435761),
	};

	e->step_ns = e->now_ns;
	if (delta >> 32) {
		const struct bu_step far = {
			.task = task, .what = (uint32_t)BU_STEP_FAR << 28, .value = (uint32_t)(delta >> 32),
		};

		put(e, &far);
	}
	put(e, &s);
}

void bu_step_note(struct bu_engine *e, enum bu_step_kind kind, uint32_t task, uint32_t word, int64_t value)
{
	if (e->changed && changes(kind))
		e->changed[word] = e->events + 1;
	if (e->steps)
		put_step(e, kind, task, word, value);
}

/* --------------------------------------------------------------------------------------------------- comparing */

static const char *const verb[16] = {
	[BU_STEP_START] = "begins", [BU_STEP_DUE] = "goes on after a delay", [BU_STEP_WAKE] = "goes on after a wait",
	[BU_STEP_TIMEOUT] = "goes on after a timeout", [BU_STEP_LOAD] = "loads", [BU_STEP_STORE] = "stores to",
	[BU_STEP_ADD] = "adds to", [BU_STEP_CMPXCHG] = "compares and exchanges", [BU_STEP_PASS] = "need not wait for",
	[BU_STEP_WAIT] = "waits for", [BU_STEP_SERVE] = "is served by", [BU_STEP_DELAY] = "delays",
	[BU_STEP_SPAWN] = "spawns", [BU_STEP_END] = "returns", [BU_STEP_FAR] = "is far away",
};

struct text {
	char *at;
	size_t size, used;
};

static void __attribute__((format(printf, 2, 3))) add(struct text *t, const char *fmt, ...)
{
	va_list ap;
	int n;

	va_start(ap, fmt);
	n = t->used < t->size ? vsnprintf(t->at + t->used, t->size - t->used, fmt, ap) : 0;
	va_end(ap);
	t->used += n > 0 ? (size_t)n : 0;
}

static void add_step(struct text *t, const struct bu_step *s, const struct bu_engine *e)
{
	uint32_t word = s->what & ((UINT32_C(1) << 28) - 1);
	const char *name = e && s->task && s->task < e->n_tasks ? e->info[s->task].name : NULL;

	if (!s->task)
		add(t, "nobody");
	else if (name)
		add(t, "%s", name);
	else
		add(t, "task %u", s->task);
	add(t, " %s", verb[s->what >> 28] ? verb[s->what >> 28] : "does something unknown");
	if (word) {
		add(t, " W%u", word);
		if (e && word < e->n_words && e->word_name[word])
			add(t, " %s", e->word_name[word]);
	}
	if (s->what >> 28 >= BU_STEP_LOAD)
		add(t, " (value %u)", s->value);
}

int bu_steplog_diff(const struct bu_step *a, size_t n_a, const struct bu_step *b, size_t n_b,
		    const struct bu_engine *e, char *ret, size_t size)
{
	size_t n = n_a < n_b ? n_a : n_b, i;
	struct text t = { ret, size, 0 };
	int64_t at_ns = 0;
	uint64_t far = 0;

	for (i = 0; i < n && !memcmp(&a[i], &b[i], sizeof(*a)); i++) {
		at_ns += a[i].delta_ns + (int64_t)(far << 32);
		far = a[i].what >> 28 == BU_STEP_FAR ? a[i].value : 0;
	}
	if (size)
		ret[0] = '\0';
	if (i == n_a && i == n_b) {
		add(&t, "%zu steps, all the same", n);
		return 0;
	}
	add(&t, "step %zu: ", i);
	if (i == n) {
		const struct bu_step *s = i < n_a ? &a[i] : &b[i];

		add(&t, "the %s run ends at %lld ns, where in the other ", i < n_a ? "second" : "first",
		    (long long)at_ns);
		add_step(&t, s, e);
		return 1;
	}
	at_ns += (int64_t)(far << 32);
	add(&t, "at %lld ns ", (long long)at_ns + a[i].delta_ns);
	add_step(&t, &a[i], e);
	add(&t, "; in the other run");
	if (a[i].delta_ns != b[i].delta_ns)
		add(&t, " at %lld ns", (long long)at_ns + b[i].delta_ns);
	add(&t, " ");
	add_step(&t, &b[i], e);
	return 1;
}
