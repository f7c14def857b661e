// SPDX-License-Identifier: GPL-2.0-only
/*
 * word.c - shared words and who waits for them. See engine.h for what the operations promise, engine_int.h for what
 * always holds.
 *
 * Waiters of a word are kept by what they wait for: those with the same guard and value are one class. A change of
 * the word looks at classes, not at waiters: N waiters of one semaphore are one class, and of N tickets that are each
 * awaited by EQ the right one is found by hashing. Among the classes that hold, the waiter that came first is served;
 * then the word, changed by its effect, is looked at again, until no class holds.
 *
 * The first class of a word lies in the word (class number 0), the others are structs of their own.
 */
#include "replay/engine/engine_int.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#define FIRST_WORDS 16u

/* ----------------------------------------------------------------------------------------------------- classes */

static inline uint32_t *chain_of(const struct bu_engine *e, uint32_t word, int64_t value)
{
	return &e->chain[bu_hash_mix((uint64_t)value ^ (uint64_t)word << 32) & (e->cap_classes - 1)];
}

int bu_classes_grow(struct bu_engine *e, uint32_t cap)
{
	uint32_t *old, *chain, n = e->cap_classes, i, c, next;
	struct class *p;

	if (cap <= n)
		return 0;
	p = realloc(e->class, cap * sizeof(*p));
	if (!p)
		return -ENOMEM;
	e->class = p;
	chain = calloc(cap, sizeof(*chain));
	if (!chain)
		return -ENOMEM;
	old = e->chain;
	e->chain = chain;
	e->cap_classes = cap;
	for (i = 0; i < n; i++) {
		for (c = old[i]; c; c = next) {
			uint32_t *head = chain_of(e, e->class[c].word, e->class[c].value);

			next = e->class[c].chain;
			e->class[c].chain = *head;
			*head = c;
		}
	}
	free(old);
	if (!n) {
		memset(&e->class[0], 0, sizeof(e->class[0]));
		e->fresh_class = 1;
	}
	return 0;
}

void bu_classes_rehash(struct bu_engine *e)
{
	uint32_t c, *head;

	memset(e->chain, 0, e->cap_classes * sizeof(*e->chain));
	for (c = 1; c < e->fresh_class; c++) {
		if (!e->class[c].head || e->class[c].guard != BU_GUARD_EQ)
			continue;
		head = chain_of(e, e->class[c].word, e->class[c].value);
		e->class[c].chain = *head;
		*head = c;
	}
}

static uint32_t find_eq(const struct bu_engine *e, uint32_t word, int64_t value)
{
	uint32_t c;

	for (c = *chain_of(e, word, value); c; c = e->class[c].chain)
		if (e->class[c].word == word && e->class[c].value == value)
			return c;
	return 0;
}

/* Of the classes besides the first. */
static uint32_t __attribute__((noinline)) find_class(const struct bu_engine *e, const struct bu_await_op *op)
{
	uint32_t c;

	if (op->guard == BU_GUARD_EQ)
		return e->word[op->word].n_eq ? find_eq(e, op->word, op->value) : 0;
	for (c = e->word[op->word].classes; c; c = e->class[c].next)
		if (e->class[c].guard == op->guard && e->class[c].value == op->value)
			return c;
	return 0;
}

static uint32_t __attribute__((noinline)) new_class(struct bu_engine *e, const struct bu_await_op *op)
{
	struct word *w = &e->word[op->word];
	uint32_t id = e->free_class;
	struct class *c;

	if (id) {
		e->free_class = e->class[id].chain;
	} else {
		/* No more classes than waiting tasks, no more of those than tasks. */
		BU_ASSERT("class-per-task", e->fresh_class < e->cap_classes);
		id = e->fresh_class++;
	}
	c = &e->class[id];
	*c = (struct class){ .value = op->value, .word = op->word, .guard = (uint8_t)op->guard };
	if (op->guard == BU_GUARD_EQ) {
		uint32_t *head = chain_of(e, op->word, op->value);

		c->chain = *head;
		*head = id;
		w->n_eq++;
	} else {
		c->next = w->classes;
		if (c->next)
			e->class[c->next].prev = id;
		w->classes = id;
	}
	return id;
}

static void __attribute__((noinline)) drop_class(struct bu_engine *e, uint32_t id)
{
	struct class *c = &e->class[id];
	struct word *w = &e->word[c->word];

	if (c->guard == BU_GUARD_EQ) {
		uint32_t *p = chain_of(e, c->word, c->value);

		while (*p != id)
			p = &e->class[*p].chain;
		*p = c->chain;
		w->n_eq--;
	} else {
		if (c->next)
			e->class[c->next].prev = c->prev;
		if (c->prev)
			e->class[c->prev].next = c->next;
		else
			w->classes = c->next;
	}
	c->chain = e->free_class;
	e->free_class = id;
}

/* Appends task @id to the list of a class. */
static inline void enlist(struct bu_engine *e, uint32_t *head, uint32_t id)
{
	struct task *t = &e->task[id], *first = &e->task[*head];

	t->next = 0;
	if (!*head) {
		*head = id;
		t->prev = id;
		return;
	}
	e->task[first->prev].next = id;
	t->prev = first->prev;
	first->prev = id;
}

static inline void delist(struct bu_engine *e, uint32_t *head, uint32_t id)
{
	struct task *t = &e->task[id];

	if (*head == id) {
		*head = t->next;
		if (t->next)
			e->task[t->next].prev = t->prev;
		return;
	}
	e->task[t->prev].next = t->next;
	e->task[t->next ? t->next : *head].prev = t->prev;
}

static inline void start_waiting(struct bu_engine *e, uint32_t id, const struct bu_await_op *op)
{
	struct word *w = &e->word[op->word];
	struct task *t = &e->task[id];
	uint32_t c = 0;

	t->arrival = e->events;
	/*
	 * The first class may be empty while there are others. Then it is not taken, lest there be two for
	 * the same guard and value.
	 */
	if (!w->head && !w->classes && !w->n_eq) {
		w->first_guard = op->guard;
		w->first_value = op->value;
	}
	if (w->first_guard == op->guard && w->first_value == op->value && (w->head || !(w->classes || w->n_eq))) {
		t->class = 0;
		enlist(e, &w->head, id);
		return;
	}
	c = find_class(e, op);
	if (!c)
		c = new_class(e, op);
	t->class = c;
	enlist(e, &e->class[c].head, id);
}

static inline void leave_class(struct bu_engine *e, uint32_t word, uint32_t id)
{
	uint32_t c = e->task[id].class;

	if (!c) {
		delist(e, &e->word[word].head, id);
		return;
	}
	delist(e, &e->class[c].head, id);
	if (!e->class[c].head)
		drop_class(e, c);
}

void bu_word_stop_waiting(struct bu_engine *e, uint32_t id)
{
	leave_class(e, e->task[id].op->word, id);
}

/* ------------------------------------------------------------------------------------------------------- words */

static bool holds(uint32_t guard, int64_t word, int64_t value)
{
	switch (guard) {
	case BU_GUARD_EQ:
		return word == value;
	case BU_GUARD_NE:
		return word != value;
	case BU_GUARD_GE:
		return word >= value;
	default:
		return word <= value;
	}
}

/* Words wrap around like the machine's. */
static int64_t sum(int64_t a, int64_t b)
{
	return (int64_t)((uint64_t)a + (uint64_t)b);
}

static int64_t effect_on(uint32_t effect, int64_t word, int64_t operand)
{
	switch (effect) {
	case BU_EFFECT_STORE:
		return operand;
	case BU_EFFECT_ADD:
		return sum(word, operand);
	default:
		return word;
	}
}

/* Besides @best of the first class: the waiters in other classes. */
static uint32_t __attribute__((noinline)) next_of_others(const struct bu_engine *e, uint32_t word, uint32_t best)
{
	const struct word *w = &e->word[word];
	uint32_t c;

	if (w->n_eq) {
		c = find_eq(e, word, w->value);
		if (c && (!best || e->task[e->class[c].head].arrival < e->task[best].arrival))
			best = e->class[c].head;
	}
	for (c = w->classes; c; c = e->class[c].next) {
		uint32_t head = e->class[c].head;

		if (holds(e->class[c].guard, w->value, e->class[c].value) &&
		    (!best || e->task[head].arrival < e->task[best].arrival))
			best = head;
	}
	return best;
}

/* The waiter to be served at the word's present value: of those whose guard holds, the first that came; 0: none. */
static inline uint32_t next_served(const struct bu_engine *e, uint32_t word)
{
	const struct word *w = &e->word[word];
	uint32_t best = w->head && holds(w->first_guard, w->value, w->first_value) ? w->head : 0;

	return w->n_eq || w->classes ? next_of_others(e, word, best) : best;
}

static inline bool has_waiters(const struct word *w)
{
	return w->head || w->classes || w->n_eq;
}

/* A waiter that is in no class any more: applies its effect, makes it ready. */
static inline void give(struct bu_engine *e, uint32_t word, uint32_t id)
{
	struct word *w = &e->word[word];
	struct task *t = &e->task[id];

	if (t->effect == EFFECT_IN_OP)
		w->value = effect_on(t->op->effect, w->value, t->op->operand);
	else
		w->value = effect_on(t->effect, w->value, t->operand);
	if (t->timed) {
		t->timed = false;
		t->gen++;
		bu_evq_cancelled(&e->queue);
	}
	t->state = TASK_READY;
	t->waited = true;
	bu_evq_push(&e->queue, e->now_ns, PRIO_NORMAL, id, t->gen);
	note(e, BU_STEP_SERVE, id, word, w->value);
}

/* After a change of the word: serves waiters until no guard holds. */
static void __attribute__((noinline)) serve(struct bu_engine *e, uint32_t word)
{
	struct word *w = &e->word[word];
	uint32_t id;

	while (has_waiters(w) && (id = next_served(e, word)) != 0) {
		leave_class(e, word, id);
		give(e, word, id);
	}
}

/*
 * The operations below leave by calling the next function last, with what they return handed down to it. The compiler makes
 * jumps of these calls, and need not save a register for what comes after them.
 */

static int64_t __attribute__((noinline)) set_and_serve(struct bu_engine *e, uint32_t word, int64_t value, int64_t ret)
{
	e->word[word].value = value;
	serve(e, word);
	return ret;
}

/* Return: @ret. */
static inline int64_t set(struct bu_engine *e, uint32_t word, int64_t value, int64_t ret)
{
	struct word *w = &e->word[word];
	uint32_t id = w->head;

	if (w->value == value)
		return ret;
	if (w->classes | w->n_eq)
		return set_and_serve(e, word, value, ret);
	if (id && holds(w->first_guard, value, w->first_value)) {
		/* Mostly one waits, and without a timeout. */
		if (e->task[id].next || e->task[id].timed || e->now_ns != e->queue.instant_ns || e->noting)
			return set_and_serve(e, word, value, ret);
		w->head = 0;
		w->value = value;
		give(e, word, id);
		return ret;
	}
	w->value = value;
	return ret;
}

static int64_t __attribute__((noinline, cold)) note_and_set(struct bu_engine *e, enum bu_step_kind kind, uint32_t word,
							   int64_t noted, int64_t value)
{
	bu_step_note(e, kind, e->self, word, noted);
	return set(e, word, value, noted);
}

/* An operation of @kind sets the word. @noted: what goes into the log, and the return value. */
static inline int64_t change(struct bu_engine *e, enum bu_step_kind kind, uint32_t word, int64_t noted, int64_t value)
{
	if (__builtin_expect(e->noting, 0))
		return note_and_set(e, kind, word, noted, value);
	return set(e, word, value, noted);
}

static inline bool is_word(struct bu_engine *e, bu_word_id word, const char *op)
{
	if (word && word < e->n_words)
		return true;
	bu_engine_rule_broken(e, "%s of word %u, which does not exist", op, word);
	return false;
}

bu_word_id bu_word_new(struct bu_engine *e, const char *name, int64_t value)
{
	uint32_t id = e->n_words;

	if (id == e->cap_words) {
		uint32_t cap = id ? 2 * id : FIRST_WORDS;
		struct word *p = cap > id ? bu_big_realloc(e->word, id * sizeof(*p), cap * sizeof(*p)) : NULL;
		const char **names = NULL;

		if (p) {
			e->word = p;
			names = realloc(e->word_name, cap * sizeof(*names));
		}
		if (!names) {
			bu_engine_rule_broken(e, "out of memory for word %s, after %u words", name ? name : "", id);
			return 0;
		}
		e->word_name = names;
		if (e->config.check_stacks) {
			uint64_t *changed = realloc(e->changed, cap * sizeof(*changed));

			if (!changed) {
				bu_engine_rule_broken(e, "out of memory for word %s, after %u words", name ? name : "", id);
				return 0;
			}
			e->changed = changed;
		}
		e->cap_words = cap;
		if (!id) {
			memset(&p[0], 0, sizeof(p[0]));
			id = 1;
		}
	}
	e->word[id] = (struct word){ .value = value };
	e->word_name[id] = name;
	if (e->changed)
		e->changed[id] = e->events + 1;
	e->n_words = id + 1;
	return id;
}

int64_t bu_word_load(struct bu_engine *e, bu_word_id word)
{
	if (!is_word(e, word, "load"))
		return 0;
	note(e, BU_STEP_LOAD, e->self, word, e->word[word].value);
	return e->word[word].value;
}

int64_t bu_word_peek(const struct bu_engine *e, bu_word_id word)
{
	return word < e->n_words ? e->word[word].value : 0;
}

const char *bu_word_name(const struct bu_engine *e, bu_word_id word)
{
	return word && word < e->n_words && e->word_name[word] ? e->word_name[word] : "";
}

uint64_t bu_word_changed(const struct bu_engine *e, bu_word_id word)
{
	return e->changed && word < e->n_words ? e->changed[word] : 0;
}

void bu_word_store(struct bu_engine *e, bu_word_id word, int64_t value)
{
	if (!is_word(e, word, "store"))
		return;
	change(e, BU_STEP_STORE, word, value, value);
}

int64_t bu_word_add(struct bu_engine *e, bu_word_id word, int64_t delta)
{
	int64_t value;

	if (!is_word(e, word, "add"))
		return 0;
	value = sum(e->word[word].value, delta);
	return change(e, BU_STEP_ADD, word, value, value);
}

int64_t bu_word_cmpxchg(struct bu_engine *e, bu_word_id word, int64_t old, int64_t new)
{
	int64_t found;

	if (!is_word(e, word, "cmpxchg"))
		return 0;
	found = e->word[word].value;
	return change(e, BU_STEP_CMPXCHG, word, found, found == old ? new : found);
}

static int __attribute__((noinline, cold)) bad_await(struct bu_engine *e, const struct bu_await_op *op)
{
	if (!op->word || op->word >= e->n_words)
		bu_engine_rule_broken(e, "await of word %u, which does not exist", op->word);
	else if ((unsigned int)op->guard > BU_GUARD_LE || (unsigned int)op->effect > BU_EFFECT_ADD)
		bu_engine_rule_broken(e, "await with guard %d and effect %d, which do not exist", op->guard,
				      op->effect);
	else if (!e->self)
		bu_engine_rule_broken(e, "an await that has to wait, outside of tasks");
	else
		bu_engine_rule_broken(e, "a timeout of %lld ns from %lld ns on is beyond the end of time",
			    (long long)op->timeout_ns, (long long)e->now_ns);
	return -EINVAL;
}

/* An await whose guard holds. */
static int __attribute__((noinline)) take(struct bu_engine *e, const struct bu_await_op *op)
{
	int64_t value = effect_on(op->effect, e->word[op->word].value, op->operand);

	change(e, BU_STEP_PASS, op->word, value, value);
	return 0;
}

/* The task waits, with a timeout or in another class than the word's first. */
static int __attribute__((noinline)) wait_apart(struct bu_engine *e, const struct bu_await_op *op)
{
	struct task *t = &e->task[e->self];

	start_waiting(e, e->self, op);
	if (t->timed)
		bu_evq_push(&e->queue, e->now_ns + op->timeout_ns, PRIO_TIMEOUT, e->self, t->gen);
	return bu_engine_pass_on(e);
}

/* An await whose guard does not hold. */
static inline int wait_for(struct bu_engine *e, const struct bu_await_op *op)
{
	struct word *w = &e->word[op->word];
	struct task *t = &e->task[e->self];

	t->op = op;
	t->operand = (int32_t)op->operand;
	t->effect = t->operand == op->operand ? (uint8_t)op->effect : EFFECT_IN_OP;
	t->since_ns = e->now_ns;
	t->timed = op->timeout_ns >= 0;
	t->state = TASK_WAITING;
	if (t->timed || w->head || w->classes | w->n_eq)
		return wait_apart(e, op);
	/* What start_waiting() comes to when nobody else waits. */
	t->arrival = e->events;
	t->class = 0;
	t->next = 0;
	t->prev = e->self;
	w->first_guard = op->guard;
	w->first_value = op->value;
	w->head = e->self;
	return bu_engine_pass_on(e);
}

static int __attribute__((noinline, cold)) note_and_wait(struct bu_engine *e, const struct bu_await_op *op)
{
	bu_step_note(e, BU_STEP_WAIT, e->self, op->word, op->value);
	return wait_for(e, op);
}

int bu_word_await(struct bu_engine *e, const struct bu_await_op *op, int *ret_waited)
{
	if (ret_waited)
		*ret_waited = 0;
	if (!op->word || op->word >= e->n_words || (unsigned int)op->guard > BU_GUARD_LE ||
	    (unsigned int)op->effect > BU_EFFECT_ADD)
		return bad_await(e, op);
	if (holds(op->guard, e->word[op->word].value, op->value))
		return take(e, op);
	if (!e->self || (op->timeout_ns >= 0 && !is_time_after(e, op->timeout_ns)))
		return bad_await(e, op);
	if (ret_waited)
		*ret_waited = 1;
	if (__builtin_expect(e->noting, 0))
		return note_and_wait(e, op);
	return wait_for(e, op);
}

void bu_resource_use(struct bu_engine *e, bu_word_id resource, int64_t service_ns, const char *point)
{
	struct bu_await_op take = {
		.word = resource,
		.guard = BU_GUARD_GE,
		.value = 1,
		.effect = BU_EFFECT_ADD,
		.operand = -1,
		.timeout_ns = BU_NO_TIMEOUT,
		.point = point,
		.cpu = -1,
	};

	if (service_ns < 0) {
		bu_engine_rule_broken(e, "a service time of %lld ns is negative", (long long)service_ns);
		return;
	}
	if (bu_word_await(e, &take, NULL))
		return;
	bu_engine_delay(e, service_ns);
	bu_word_add(e, resource, 1);
}

void bu_words_reset(struct bu_engine *e)
{
	e->n_words = e->n_words ? 1 : 0;
}

void bu_words_fini(struct bu_engine *e)
{
	free(e->word);
	free(e->word_name);
	free(e->changed);
	free(e->class);
	free(e->chain);
}
