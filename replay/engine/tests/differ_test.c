// SPDX-License-Identifier: GPL-2.0-only
/*
 * differ_test.c - random small programs in the engine, in the engine with swapcontext(), and in a naive interpreter
 * that knows nothing of coroutines, queues or classes: same steps, same waits, same end, same hash.
 *
 * The interpreter is engine.h read literally: pending events in an array that is searched for the least (time,
 * priority, sequence); waiters of a word in one list in order of arrival; after each change of a word the list
 * is searched from its beginning for a waiter whose guard holds, until there is none.
 */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "replay/engine/tests/api.h"
#include "schemas/base/hash.h"
#include "schemas/base/ns.h"

#define TASKS 7u
#define FIRST 4u		/* of them are there from the start, the others are spawned */
#define WORDS 3u
#define STEPS 10u
#define TRACE 4096u

enum what { DELAY, DELAY_UNTIL, STORE, ADD, CMPXCHG, AWAIT, USE, SPAWN, RANDOM, END };

struct step {
	enum what what;
	uint32_t word;		/* 0 .. WORDS - 1; the last is a resource */
	int64_t a, b;
	struct bu_await_op await;
};

struct program {
	struct step step[TASKS][STEPS + 1];
};

struct trace {
	uint32_t n;
	struct entry {
		int64_t at_ns, task, step, value;
	} entry[TRACE];
	struct bu_engine_result result;
};

static void note(struct trace *t, int64_t at_ns, int64_t task, int64_t step, int64_t value)
{
	assert_true(t->n < TRACE);
	t->entry[t->n++] = (struct entry){ at_ns, task, step, value };
}

#define STEP_WAIT 100		/* what note() calls the end of a wait, by outcome */

static void make_program(struct bu_rng *r, struct program *p)
{
	static const enum what mix[] = { DELAY, DELAY, DELAY, DELAY_UNTIL, STORE, STORE, STORE, ADD, ADD, ADD,
					 CMPXCHG, CMPXCHG, AWAIT, AWAIT, AWAIT, USE, SPAWN, RANDOM };
	uint32_t t, i, spawned = FIRST;

	for (t = 0; t < TASKS; t++) {
		uint32_t n = (uint32_t)bu_rng_below(r, STEPS + 1);

		for (i = 0; i < n; i++) {
			struct step *s = &p->step[t][i];

			memset(s, 0, sizeof(*s));
			s->what = mix[bu_rng_below(r, sizeof(mix) / sizeof(mix[0]))];
			s->word = (uint32_t)bu_rng_below(r, WORDS - 1);
			s->a = (int64_t)bu_rng_below(r, 4) - 1;
			s->b = (int64_t)bu_rng_below(r, 4) - 1;
			switch (s->what) {
			case DELAY:
			case USE:
				s->a = (int64_t)bu_rng_below(r, 4);
				break;
			case DELAY_UNTIL:
				s->a = (int64_t)bu_rng_below(r, 12);
				break;
			case AWAIT:
				s->await.guard = (enum bu_guard)bu_rng_below(r, 4);
				s->await.value = (int64_t)bu_rng_below(r, 4) - 1;
				s->await.effect = (enum bu_effect)bu_rng_below(r, 3);
				s->await.operand = (int64_t)bu_rng_below(r, 4) - 1;
				s->await.timeout_ns = (int64_t)bu_rng_below(r, 16) - 3;
				s->await.point = "await";
				s->await.cpu = (int32_t)i;
				break;
			case SPAWN:
				/* The first ones spawn the rest, each at most once. */
				if (t < FIRST && spawned < TASKS)
					s->a = spawned++;
				else
					s->what = ADD;
				break;
			default:
				break;
			}
		}
		p->step[t][n].what = END;
	}
}

/* -------------------------------------------------------------------------------------------- in the engine */

struct run {
	const struct engine_api *api;
	const struct program *program;
	struct trace *trace;
	struct bu_engine *e;
	bu_word_id word[WORDS];
	struct arg {
		struct run *run;
		uint32_t task;
	} arg[TASKS];
};

static void body(struct bu_engine *e, void *p);

static void body_step(struct bu_engine *e, struct run *r, uint32_t task, uint32_t i)
{
	const struct engine_api *api = r->api;
	const struct step *s = &r->program->step[task][i];
	struct bu_await_op op;
	bu_word_id w = r->word[s->word];
	int64_t value = 0;
	int waited = -1;

	switch (s->what) {
	case DELAY:
		api->delay(e, s->a);
		break;
	case DELAY_UNTIL:
		api->delay_until(e, s->a);
		break;
	case STORE:
		api->store(e, w, s->a);
		value = api->load(e, w);
		break;
	case ADD:
		value = api->add(e, w, s->a);
		break;
	case CMPXCHG:
		value = api->cmpxchg(e, w, s->a, s->b);
		break;
	case AWAIT:
		op = s->await;
		op.word = w;
		value = api->await(e, &op, &waited) * 10;
		value += waited;
		break;
	case USE:
		api->use(e, r->word[WORDS - 1], s->a, "use");
		break;
	case SPAWN:
		value = api->spawn(e, "spawned", (int32_t)s->a, body, &r->arg[s->a]);
		break;
	default:
		value = (int64_t)(bu_rng_u64(api->random(e, task)) >> 1);
		break;
	}
	note(r->trace, api->now(e), task, i, value);
}

static void body(struct bu_engine *e, void *p)
{
	struct arg *a = p;
	uint32_t i;

	for (i = 0; a->run->program->step[a->task][i].what != END; i++)
		body_step(e, a->run, a->task, i);
}

static void on_wait(void *ctx, bu_task_id task, const char *point, int32_t cpu, int64_t start_ns, int64_t end_ns,
		    enum bu_wait_outcome outcome)
{
	struct run *r = *(struct run **)ctx;

	note(r->trace, end_ns, task, STEP_WAIT + outcome, start_ns * 1000 + cpu * 10 + (point[0] == 'u'));
}

/* @e has run something else before. */
static void run_in_engine(const struct engine_api *api, struct bu_engine *e, const struct program *p, struct trace *t,
			  struct run **current)
{
	struct run r = { .api = api, .program = p, .trace = t, .e = e };
	struct bu_err err = BU_ERR_INIT;
	uint32_t i;

	t->n = 0;
	*current = &r;
	api->reset(e, 5);
	for (i = 0; i < WORDS; i++)
		r.word[i] = api->word_new(e, "word", i == WORDS - 1);
	for (i = 0; i < TASKS; i++)
		r.arg[i] = (struct arg){ &r, i };
	for (i = 0; i < FIRST; i++)
		api->spawn(e, "first", 0, body, &r.arg[i]);
	assert_int_equal(api->run(e, &t->result, &err), 0);
}

/* --------------------------------------------------------------------------------------- in the interpreter */

enum naive_kind { START = 1, DUE, WAKE, TIMEOUT };	/* as in engine_int.h */

struct naive_task {
	uint32_t program;	/* which */
	uint32_t pc;
	bool using, holding;	/* within a USE: for the resource, for its time */
	bool pending;		/* has an event */
	int64_t at_ns;
	uint32_t prio;
	uint64_t seq;
	enum naive_kind kind;
	bool waiting, to_report, done;
	struct bu_await_op op;
	int64_t since_ns;
	uint64_t arrival;
};

struct naive {
	const struct program *program;
	struct trace *trace;
	struct naive_task task[TASKS + 1];	/* by id, from 1 */
	uint32_t n;
	int64_t word[WORDS], now_ns;
	uint64_t seq, arrivals, hash, events;
	struct bu_rng rng[TASKS];
};

static void post(struct naive *m, uint32_t id, int64_t at_ns, uint32_t prio, enum naive_kind kind)
{
	struct naive_task *t = &m->task[id];

	t->pending = true;
	t->at_ns = at_ns;
	t->prio = prio;
	t->seq = m->seq++;
	t->kind = kind;
}

static uint32_t naive_spawn(struct naive *m, uint32_t program)
{
	m->task[++m->n] = (struct naive_task){ .program = program };
	post(m, m->n, m->now_ns, 0, START);
	return m->n;
}

static bool guard_holds(const struct bu_await_op *op, int64_t word)
{
	return op->guard == BU_GUARD_EQ ? word == op->value :
	       op->guard == BU_GUARD_NE ? word != op->value :
	       op->guard == BU_GUARD_GE ? word >= op->value : word <= op->value;
}

static void apply(const struct bu_await_op *op, int64_t *word)
{
	if (op->effect == BU_EFFECT_STORE)
		*word = op->operand;
	else if (op->effect == BU_EFFECT_ADD)
		*word += op->operand;
}

static void settle(struct naive *m, uint32_t word)
{
	for (;;) {
		struct naive_task *first = NULL;
		uint32_t i;

		for (i = 1; i <= m->n; i++) {
			struct naive_task *t = &m->task[i];

			if (t->waiting && t->op.word == word && guard_holds(&t->op, m->word[word]) &&
			    (!first || t->arrival < first->arrival))
				first = t;
		}
		if (!first)
			return;
		apply(&first->op, &m->word[word]);
		first->waiting = false;
		first->to_report = true;
		post(m, (uint32_t)(first - m->task), m->now_ns, 0, WAKE);
	}
}

static void put(struct naive *m, uint32_t word, int64_t value)
{
	m->word[word] = value;
	settle(m, word);
}

/* Returns whether the task has to stop and wait. */
static bool naive_await(struct naive *m, uint32_t id, const struct bu_await_op *op)
{
	struct naive_task *t = &m->task[id];

	if (guard_holds(op, m->word[op->word])) {
		apply(op, &m->word[op->word]);
		settle(m, op->word);
		return false;
	}
	t->waiting = true;
	t->op = *op;
	t->since_ns = m->now_ns;
	t->arrival = m->arrivals++;
	if (op->timeout_ns >= 0)
		post(m, id, m->now_ns + op->timeout_ns, 1, TIMEOUT);
	return true;
}

/* Goes on with a task until it stops. @woken: the kind of event that lets it go on. */
static void naive_go(struct naive *m, uint32_t id, enum naive_kind woken)
{
	struct naive_task *t = &m->task[id];
	bool resumed = woken != START;

	for (;; t->pc++, resumed = false) {
		const struct step *s = &m->program->step[t->program][t->pc];
		uint32_t w = s->word;
		struct bu_await_op op;
		int64_t value = 0;

		switch (s->what) {
		case END:
			t->done = true;
			return;
		case DELAY:
		case DELAY_UNTIL:
			if (!resumed && (s->what == DELAY || s->a > m->now_ns)) {
				post(m, id, s->what == DELAY ? m->now_ns + s->a : s->a, 0, DUE);
				return;
			}
			break;
		case STORE:
			put(m, w, s->a);
			value = m->word[w];
			break;
		case ADD:
			value = m->word[w] + s->a;
			put(m, w, value);
			break;
		case CMPXCHG:
			value = m->word[w];
			if (value == s->a)
				put(m, w, s->b);
			break;
		case AWAIT:
			if (resumed) {
				value = (woken == TIMEOUT ? -ETIMEDOUT : 0) * 10 + 1;
				break;
			}
			op = s->await;
			op.word = w;
			if (naive_await(m, id, &op))
				return;
			break;
		case USE:
			if (!resumed) {
				op = (struct bu_await_op){ .word = WORDS - 1, .guard = BU_GUARD_GE, .value = 1,
							   .effect = BU_EFFECT_ADD, .operand = -1,
							   .timeout_ns = -1, .point = "use", .cpu = -1 };
				t->holding = false;
				if (naive_await(m, id, &op))
					return;
			}
			if (!t->holding) {
				t->holding = true;
				post(m, id, m->now_ns + s->a, 0, DUE);
				return;
			}
			put(m, WORDS - 1, m->word[WORDS - 1] + 1);
			break;
		case SPAWN:
			value = naive_spawn(m, (uint32_t)s->a);
			break;
		default:
			value = (int64_t)(bu_rng_u64(&m->rng[t->program]) >> 1);
			break;
		}
		note(m->trace, m->now_ns, t->program, t->pc, value);
	}
}

static void naive_report(struct naive *m, uint32_t id, int64_t end_ns, enum bu_wait_outcome outcome)
{
	const struct naive_task *t = &m->task[id];

	note(m->trace, end_ns, id, STEP_WAIT + outcome,
	     t->since_ns * 1000 + t->op.cpu * 10 + (t->op.point[0] == 'u'));
}

static void run_naively(const struct program *p, struct trace *trace)
{
	struct naive m = { .program = p, .trace = trace, .hash = BU_HASH_INIT };
	bool stuck = false;
	uint32_t i;

	trace->n = 0;
	m.word[WORDS - 1] = 1;
	for (i = 0; i < TASKS; i++)
		bu_rng_init(&m.rng[i], 5, i);
	for (i = 0; i < FIRST; i++)
		naive_spawn(&m, i);
	for (;;) {
		struct naive_task *next = NULL;
		uint32_t id;

		for (i = 1; i <= m.n; i++) {
			struct naive_task *t = &m.task[i];

			if (t->pending &&
			    (!next || t->at_ns < next->at_ns ||
			     (t->at_ns == next->at_ns &&
			      (t->prio < next->prio || (t->prio == next->prio && t->seq < next->seq)))))
				next = t;
		}
		if (!next)
			break;
		id = (uint32_t)(next - m.task);
		next->pending = false;
		m.now_ns = next->at_ns;
		m.events++;
		m.hash = bu_hash_u64(m.hash, (uint64_t)m.now_ns);
		m.hash = bu_hash_u64(m.hash, (uint64_t)id << 8 | next->kind);
		if (next->kind == WAKE || next->kind == TIMEOUT)
			naive_report(&m, id, m.now_ns,
				     next->kind == WAKE ? BU_WAIT_SATISFIED : BU_WAIT_TIMEOUT);
		next->waiting = false;
		naive_go(&m, id, next->kind);
	}
	for (i = 1; i <= m.n; i++) {
		if (m.task[i].waiting)
			naive_report(&m, i, BU_NS_UNKNOWN, BU_WAIT_NEVER);
		stuck |= !m.task[i].done;
	}
	trace->result.end = stuck ? BU_END_STUCK : BU_END_DONE;
	trace->result.now_ns = m.now_ns;
	trace->result.events = m.events;
	trace->result.hash = bu_hash_mix(m.hash);
}

/* --------------------------------------------------------------------------------------------- side by side */

static bool same(const struct trace *a, const struct trace *b)
{
	return a->n == b->n && !memcmp(a->entry, b->entry, a->n * sizeof(a->entry[0])) &&
	       a->result.end == b->result.end && a->result.now_ns == b->result.now_ns &&
	       a->result.events == b->result.events && a->result.hash == b->result.hash;
}

static void drop_waits(const struct trace *t, struct trace *ret)
{
	uint32_t i;

	ret->n = 0;
	ret->result = t->result;
	for (i = 0; i < t->n; i++)
		if (t->entry[i].step < STEP_WAIT)
			ret->entry[ret->n++] = t->entry[i];
}

static void tell(const char *who, const struct trace *t)
{
	uint32_t i;

	print_message("# %s: end %d at %lld, %llu events\n", who, t->result.end, (long long)t->result.now_ns,
		      (unsigned long long)t->result.events);
	for (i = 0; i < t->n && i < 40; i++)
		print_message("#   at %lld task %lld step %lld value %lld\n", (long long)t->entry[i].at_ns,
			      (long long)t->entry[i].task, (long long)t->entry[i].step,
			      (long long)t->entry[i].value);
}

static void engine_does_what_the_interpreter_does(void **state)
{
	static struct trace naive, native, ucontext, again, quiet;
	struct bu_engine_config config = { .sink = { .wait = on_wait } };
	struct run *current;
	struct program *p = malloc(sizeof(*p));
	struct bu_engine *e, *u, *q;
	struct bu_err err = BU_ERR_INIT;
	struct bu_rng rng;
	uint32_t i, programs = 20000, ends[2] = { 0, 0 };
	uint64_t waits = 0, timeouts = 0;

	(void)state;
	assert_non_null(p);
	config.sink.ctx = &current;
	assert_int_equal(api_native.create(&config, &e, &err), 0);
	assert_int_equal(api_ucontext.create(&config, &u, &err), 0);
	/* Without anybody to tell of waits, tasks pass on straight to one another. */
	config.sink.wait = NULL;
	assert_int_equal(api_native.create(&config, &q, &err), 0);
	bu_rng_init(&rng, 20, 0);
	for (i = 0; i < programs; i++) {
		uint32_t k;

		make_program(&rng, p);
		run_naively(p, &naive);
		run_in_engine(&api_native, e, p, &native, &current);
		run_in_engine(&api_ucontext, u, p, &ucontext, &current);
		run_in_engine(&api_native, e, p, &again, &current);
		run_in_engine(&api_native, q, p, &quiet, &current);
		if (!same(&naive, &native)) {
			print_message("# program %u\n", i);
			tell("interpreter", &naive);
			tell("engine", &native);
		}
		assert_true(same(&naive, &native));
		assert_true(same(&native, &ucontext));
		assert_true(same(&native, &again));
		drop_waits(&native, &again);
		assert_true(same(&again, &quiet));
		ends[native.result.end == BU_END_STUCK]++;
		for (k = 0; k < native.n; k++) {
			waits += native.entry[k].step == STEP_WAIT + BU_WAIT_SATISFIED;
			timeouts += native.entry[k].step == STEP_WAIT + BU_WAIT_TIMEOUT;
		}
	}
	print_message("# %u ended, %u stuck; %llu waits, %llu timeouts\n", ends[0], ends[1],
		      (unsigned long long)waits, (unsigned long long)timeouts);
	/* The programs are worth something only if all this happens in them. */
	assert_true(ends[0] > programs / 20 && ends[1] > programs / 20);
	assert_true(waits > programs / 2 && timeouts > programs / 2);
	api_native.destroy(e);
	api_native.destroy(q);
	api_ucontext.destroy(u);
	free(p);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(engine_does_what_the_interpreter_does),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
