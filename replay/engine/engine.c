// SPDX-License-Identifier: GPL-2.0-only
/*
 * engine.c - the run: time, what happens next, and how it ends. See engine.h.
 *
 * The engine runs on the stack of whoever called bu_engine_run(); each step resumes one task and comes back when that
 * task delays, waits or returns. Sinks are called on this stack too, so they may use as much of it as they like.
 *
 * A run:  created or reset --bu_engine_run()--> running --> ended (only reset or destroy from here)
 */
#include "replay/engine/engine_int.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "schemas/base/ns.h"

int bu_engine_create(const struct bu_engine_config *config, struct bu_engine **ret, struct bu_err *err)
{
	struct bu_engine *e;
	int rc;

	if (config->stack_bytes && config->stack_bytes < 2 * BU_CO_SPREAD_BYTES)
		return bu_fail(err, -EINVAL, "engine: a stack of %zu bytes is too small, use at least %u",
			       config->stack_bytes, 2 * BU_CO_SPREAD_BYTES);
	if (config->stack_bytes > (size_t)1 << 30)
		return bu_fail(err, -EINVAL, "engine: a stack of %zu bytes is too large, use at most 1 GiB",
			       config->stack_bytes);
	e = aligned_alloc(64, (sizeof(*e) + 63) & ~(size_t)63);
	if (!e)
		return bu_fail_errno(err, -ENOMEM, "engine");
	memset(e, 0, sizeof(*e));
	e->config = *config;
#ifdef BU_DEBUG
	e->config.check_stacks = true;
#endif
	bu_co_arena_init(&e->stacks, config->stack_bytes);
	bu_evq_init(&e->queue, bu_task_event_live, e);
	rc = bu_steps_init(e) ? bu_fail_errno(err, -ENOMEM, "engine") : bu_tasks_init(e, err);
	if (rc) {
		bu_engine_destroy(e);
		return rc;
	}
	bu_engine_reset(e, config->seed);
	*ret = e;
	return 0;
}

void bu_engine_destroy(struct bu_engine *e)
{
	if (!e)
		return;
	BU_ASSERT("engine-destroyed-while-running", !e->running);
	bu_tasks_reset(e);	/* puts back the stacks of those that are not done */
	bu_tasks_fini(e);
	bu_words_fini(e);
	bu_evq_fini(&e->queue);
	bu_co_arena_fini(&e->stacks);
	bu_run_mem_fini(&e->mem);
	bu_steps_fini(e);
	bu_slices_fini(e);
	free(e);
}

void bu_engine_reset(struct bu_engine *e, uint64_t seed)
{
	BU_ASSERT("engine-reset-while-running", !e->running);
	bu_tasks_reset(e);
	bu_words_reset(e);
	bu_evq_reset(&e->queue);
	bu_co_arena_reset(&e->stacks);
	bu_run_mem_rewind(&e->mem);
	memset(e->source, 0, sizeof(e->source));
	e->config.seed = seed;
	bu_rng_init(&e->spare_rng, seed, UINT64_MAX);
	e->now_ns = 0;
	e->hash = BU_HASH_INIT;
	e->events = 0;
	e->limit = UINT64_MAX;
	e->holds = false;
	e->n_steps = 0;
	e->steps_full = false;
	e->step_ns = 0;
	e->next_slice = 0;
	e->self = 0;
	e->ended = false;
	e->failed = false;
	e->detail[0] = '\0';
}

int64_t bu_engine_now(const struct bu_engine *e)
{
	return e->now_ns;
}

const volatile uint64_t *bu_engine_progress(const struct bu_engine *e)
{
	return &e->events;
}

static void set_limit(struct bu_engine *e, uint64_t limit)
{
	e->limit = e->config.max_events && e->config.max_events < limit ? e->config.max_events : limit;
	e->direct_until = e->config.choose || e->steps || e->config.check_stacks ? 0 : e->limit;
}

void bu_engine_limit(struct bu_engine *e, uint64_t events)
{
	set_limit(e, events && events < UINT64_MAX - e->events ? e->events + events : UINT64_MAX);
}

uint32_t bu_engine_pending(const struct bu_engine *e)
{
	return bu_evq_wanted(&e->queue) + e->holds;
}

void bu_engine_abandon(struct bu_engine *e)
{
	e->running = false;
	e->ended = true;
	e->self = 0;
}

struct bu_rng *bu_engine_random(struct bu_engine *e, uint32_t stream)
{
	struct source **head = &e->source[stream % SOURCE_CHAINS], *s;

	for (s = *head; s; s = s->chain)
		if (s->stream == stream)
			return &s->rng;
	s = bu_run_mem_alloc(&e->mem, sizeof(*s));
	if (!s) {
		bu_engine_rule_broken(e, "out of memory for random source %u", stream);
		return &e->spare_rng;
	}
	bu_rng_init(&s->rng, e->config.seed, stream);
	s->stream = stream;
	s->chain = *head;
	*head = s;
	return &s->rng;
}

/* ------------------------------------------------------------------------------------------------- how it fails */

void bu_engine_fail(struct bu_engine *e, const char *fmt, ...)
{
	va_list ap;

	if (!e->failed) {
		va_start(ap, fmt);
		vsnprintf(e->detail, sizeof(e->detail), fmt, ap);
		va_end(ap);
		e->failed = true;
	}
	if (e->self)
		leave_for_good(e);
}

void bu_engine_rule_broken(struct bu_engine *e, const char *fmt, ...)
{
	va_list ap;
	int n = 0;

	if (!e->failed) {
		if (e->self)
			n = snprintf(e->detail, sizeof(e->detail), "%s: ", e->info[e->self].name);
		if (n > (int)sizeof(e->detail) / 2)
			n = (int)sizeof(e->detail) / 2;
		va_start(ap, fmt);
		vsnprintf(e->detail + n, sizeof(e->detail) - (size_t)n, fmt, ap);
		va_end(ap);
		e->failed = true;
	}
	if (e->self)
		leave_for_good(e);
}

/* Who lives on the stack above that of task @id and has run into it. */
static void neighbour_overflowed(struct bu_engine *e, uint32_t id)
{
	uint32_t i, above = e->info[id].stack + 1;

	for (i = 1; i < e->n_tasks; i++)
		if (e->task[i].state != TASK_NEW && e->task[i].state != TASK_DONE && e->info[i].stack == above)
			break;
	if (i < e->n_tasks)
		bu_engine_rule_broken(e, "%s overflowed its stack of %zu bytes into that of %s", e->info[i].name,
			    e->stacks.stack_bytes, e->info[id].name);
	else
		bu_engine_rule_broken(e, "the stack of %s was overwritten from above", e->info[id].name);
}

static void overflowed(struct bu_engine *e, uint32_t id)
{
	bu_engine_rule_broken(e, "%s overflowed its stack of %zu bytes", e->info[id].name, e->stacks.stack_bytes);
}

/* -------------------------------------------------------------------------------------------------- how it goes */

/*
 * The one place that chooses what happens next. Several events may be due at one instant: the first queued
 * is taken, timeouts after everything else.
 */
static bool pick_next(struct bu_engine *e, struct bu_evq_entry *ret)
{
	if (e->holds) {
		*ret = e->held;
		e->holds = false;
		return true;
	}
	if (e->config.choose)
		return bu_evq_pop_chosen(&e->queue, e->config.choose, e->config.choose_ctx, ret);
	return bu_evq_pop(&e->queue, ret);
}

static void report_wait(struct bu_engine *e, uint32_t id, int64_t end_ns, enum bu_wait_outcome outcome)
{
	const struct bu_engine_sink *s = &e->config.sink;
	const struct task *t = &e->task[id];

	if (s->wait)
		s->wait(s->ctx, id, t->op->point, t->op->cpu, t->since_ns, end_ns, outcome);
}

/* Gives a task its stack when it runs for the first time. */
static int start(struct bu_engine *e, uint32_t id)
{
	struct task *t = &e->task[id];
	int rc = bu_co_stack_get(&e->stacks, &e->info[id].stack);

	if (rc)
		return rc;
	if (e->config.clean_stacks)
		bu_co_stack_clear(&e->stacks, e->info[id].stack, NULL);
	bu_co_init(&e->stacks, &t->co, e->info[id].stack, bu_task_main, e);
	return 0;
}

/* Time and the account of what happened. */
static inline void happens(struct bu_engine *e, int64_t at_ns, uint32_t id, enum event_kind kind)
{
	e->now_ns = at_ns;
	e->events++;
	e->hash = bu_hash_u64(e->hash, (uint64_t)at_ns);
	e->hash = bu_hash_u64(e->hash, (uint64_t)id << 8 | kind);
}

/* What is to be looked at when a task has stopped and the engine is back on its own stack. */
static void look_after(struct bu_engine *e, uint32_t id)
{
	struct task *t = &e->task[id];

	if (bu_co_overflowed(&e->stacks, &t->co))
		overflowed(e, id);
	else if (e->config.check_stacks)
		bu_slices_check(e, id);
	if (e->config.check_stacks && e->config.look)
		e->config.look(e->config.look_ctx, id);
	if (t->state == TASK_DONE) {
		e->alive--;
		if (!bu_co_stack_put(&e->stacks, e->info[id].stack))
			overflowed(e, id);
	}
}

/* One event: what led to it, then the task's step, and those of the tasks that it passed on to. */
static int step(struct bu_engine *e, const struct bu_evq_entry *ev)
{
	uint32_t id = ev->id;
	struct task *t = &e->task[id];
	enum event_kind kind = (enum event_kind)t->state;
	int rc;

	happens(e, ev->at_ns, id, kind);
	note(e, (enum bu_step_kind)kind, id, 0, 0);
	if (kind == EVENT_START) {
		rc = start(e, id);
		if (rc)
			return rc;
	} else if (kind != EVENT_DUE) {
		if (kind == EVENT_TIMEOUT)
			bu_word_stop_waiting(e, id);
		t->waited = false;
		report_wait(e, id, e->now_ns, kind == EVENT_TIMEOUT ? BU_WAIT_TIMEOUT : BU_WAIT_SATISFIED);
		if (e->failed)		/* by the sink */
			return 0;
		t = &e->task[id];
	}
	if (!bu_co_intact(&t->co)) {
		neighbour_overflowed(e, id);
		return 0;
	}
	if (e->config.check_stacks && kind != EVENT_START && !bu_slices_check_one(e, id))
		return 0;

	t->state = TASK_RUNNING;
	e->self = id;
	bu_co_resume(&e->stacks, &t->co, kind == EVENT_TIMEOUT ? -ETIMEDOUT : 0);
	while (e->steps_full) {
		bu_steps_flush(e);
		bu_co_resume(&e->stacks, &e->task[id].co, 0);
	}
	id = e->self;
	e->self = 0;
	look_after(e, id);
	return 0;
}

#ifdef BU_CO_DIRECT

/* More than what a switch pushes: who comes so near to the end of its stack is looked at by the engine. */
#define NEAR_THE_END_BYTES 256u

static inline __attribute__((always_inline)) bool may_pass_on(const struct bu_engine *e, const struct task *self)
{
	return e->events < e->direct_until && (uintptr_t)self->co.canary - (uintptr_t)__builtin_frame_address(0) <=
	       e->stacks.stack_bytes - BU_CO_SPREAD_BYTES - NEAR_THE_END_BYTES;
}

/* Task @id goes on because of its event, of @kind, from now on. */
static inline void goes_on(struct bu_engine *e, struct task *t, int64_t at_ns, uint32_t id, enum event_kind kind)
{
	happens(e, at_ns, id, kind);
	t->waited = false;
	t->state = TASK_RUNNING;
	e->self = id;
}

/*
 * What is picked lies in the engine, not on the stack: with the address of a local given away, the compiler would make
 * the switch at the end a call and not a jump.
 */
static int pass_on_slow(struct bu_engine *e) __attribute__((noinline));
static int pass_on_slow(struct bu_engine *e)
{
	struct task *self = &e->task[e->self], *t;
	enum event_kind kind;

	if (!may_pass_on(e, self) || !bu_evq_pop(&e->queue, &e->held))
		return bu_co_leave(&e->stacks, &self->co, false);

	t = &e->task[e->held.id];
	kind = (enum event_kind)t->state;
	if (kind == EVENT_START || (kind != EVENT_DUE && e->config.sink.wait) || !bu_co_intact(&t->co)) {
		e->holds = true;
		return bu_co_leave(&e->stacks, &self->co, false);
	}
	bu_evq_bring_due(&e->queue);
	if (kind == EVENT_TIMEOUT)
		bu_word_stop_waiting(e, e->held.id);
	goes_on(e, t, e->held.at_ns, e->held.id, kind);
	/* A task may be the next one after itself: then its stack pointer is yet to be written. */
	if (t == self)
		return kind == EVENT_TIMEOUT ? -ETIMEDOUT : 0;
	return bu_co_pass(&self->co, &t->co, kind == EVENT_TIMEOUT ? -ETIMEDOUT : 0);
}

/*
 * Mostly the next one is another task whose turn has come now. Then nothing is called on the way to the switch, so that the
 * compiler need not save registers which the switch saves anyway.
 */
int bu_engine_pass_on(struct bu_engine *e)
{
	struct task *self = &e->task[e->self], *t;
	uint32_t id = bu_evq_next_due(&e->queue);
	enum event_kind kind;

	if (!id || !may_pass_on(e, self))
		return pass_on_slow(e);
	t = &e->task[id];
	kind = (enum event_kind)t->state;
	if (t == self || !(kind == EVENT_DUE || (kind == EVENT_WAKE && !e->config.sink.wait)) || !bu_co_intact(&t->co))
		return pass_on_slow(e);
	bu_evq_pop_due(&e->queue);
	bu_evq_bring_due(&e->queue);
	goes_on(e, t, e->queue.instant_ns, id, kind);
	return bu_co_pass(&self->co, &t->co, 0);
}

#else

int bu_engine_pass_on(struct bu_engine *e)
{
	return bu_co_leave(&e->stacks, &e->task[e->self].co, false);
}

#endif

/* -------------------------------------------------------------------------------------------------- how it ends */

/* "control waits for W1 cpu_initialized_mask (cpu 5) since 12.3 ms; ..." as far as there is room. */
static void tell_who_waits(struct bu_engine *e)
{
	char one[sizeof(e->detail)], cpu[24], ns[BU_NS_STRLEN];
	size_t used = 0, more = 0;
	uint32_t i;

	for (i = 1; i < e->n_tasks; i++) {
		const struct task *t = &e->task[i];
		const char *what;
		int n;

		if (t->state != TASK_WAITING)
			continue;
		what = t->op->point ? t->op->point : e->word_name[t->op->word];
		cpu[0] = '\0';
		if (t->op->cpu >= 0)
			snprintf(cpu, sizeof(cpu), " (cpu %d)", t->op->cpu);
		n = snprintf(one, sizeof(one), "%s%s waits for %s%s since %s", used ? "; " : "", e->info[i].name,
			     what ? what : "a word", cpu, bu_ns_str(t->since_ns, ns));
		/* 24: room for "; and 4294967295 more" */
		if (more || used + (size_t)n + 24 > sizeof(e->detail)) {
			if (used) {
				more++;
				continue;
			}
			n = n < (int)sizeof(one) - 24 ? n : (int)sizeof(one) - 24;
		}
		memcpy(e->detail + used, one, (size_t)n);
		used += (size_t)n;
		e->detail[used] = '\0';
	}
	if (more)
		snprintf(e->detail + used, sizeof(e->detail) - used, "; and %zu more", more);
}

/* The waits that the run ended within. Those that were satisfied at this very instant were satisfied. */
static void report_open_waits(struct bu_engine *e)
{
	uint32_t i;

	for (i = 1; i < e->n_tasks; i++) {
		if (e->task[i].state == TASK_WAITING)
			report_wait(e, i, BU_NS_UNKNOWN, BU_WAIT_NEVER);
		else if (e->task[i].waited)
			report_wait(e, i, e->now_ns, BU_WAIT_SATISFIED);
	}
}

static void look_for_overflows(struct bu_engine *e)
{
	uint32_t i;

	for (i = 1; i < e->n_tasks && !e->failed; i++)
		if (e->task[i].state != TASK_NEW && e->task[i].state != TASK_DONE && !bu_co_intact(&e->task[i].co))
			neighbour_overflowed(e, i);
}

int bu_engine_run(struct bu_engine *e, struct bu_engine_result *ret, struct bu_err *err)
{
	struct bu_evq_entry ev;
	enum bu_end end = BU_END_FAILED;
	int rc = 0;

	if (e->running)
		return bu_fail(err, -EBUSY, "engine: a task called for a run of the engine that runs it");
	if (e->ended)
		return bu_fail(err, -EINVAL, "engine: this run has ended, reset the engine before the next");
	e->running = true;
	set_limit(e, e->limit);
	while (!e->failed) {
		if (e->events >= e->limit && bu_evq_wanted(&e->queue)) {
			end = BU_END_LIMIT;
			snprintf(e->detail, sizeof(e->detail), "%llu events reached",
				 (unsigned long long)e->events);
			break;
		}
		if (!pick_next(e, &ev)) {
			end = e->alive ? BU_END_STUCK : BU_END_DONE;
			break;
		}
		if (!ev.id) {
			end = BU_END_PAUSED;
			break;
		}
		rc = step(e, &ev);
		if (rc) {
			bu_fail(err, rc, "engine: out of memory for the stack of %s, task %u",
				e->info[ev.id].name, ev.id);
			break;
		}
	}
	if (e->steps)
		bu_steps_flush(e);
	look_for_overflows(e);
	if (!e->failed && end == BU_END_STUCK)
		tell_who_waits(e);
	if (e->failed || end != BU_END_PAUSED)
		report_open_waits(e);
	if (e->failed)
		end = BU_END_FAILED;
	e->running = false;
	e->ended = end != BU_END_PAUSED;
	if (rc)
		return rc;
	ret->end = end;
	ret->now_ns = e->now_ns;
	ret->events = e->events;
	ret->hash = bu_hash_mix(e->hash);
	memcpy(ret->detail, e->detail, sizeof(ret->detail));
	return 0;
}
