/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * engine_int.h - what engine.c, task.c and word.c share; nobody else includes it.
 *
 * engine.c owns the run: time, picking, ending. task.c owns tasks, word.c words and who waits for them.
 *
 * Always true
 *  (1) A task that is not done and not running has exactly one event in the queue when READY, NEW or SLEEPING, and
 *      none or (with a timeout) one when WAITING. `gen` is counted on when that event is cancelled.
 *  (2) A WAITING task is in the list of exactly one class, a class belongs to one word, has at least one waiter,
 *      and all its waiters wait for the same (guard, value). Between operations no class of a word holds.
 *  (3) The arrays of tasks and classes and the hash table of classes grow together, when a task is spawned: as
 *      many tasks can wait, each in a class of its own, as there are tasks. So nothing is allocated while tasks
 *      run, but for spawning, making words and first use of a random source.
 *  (4) The arrays move when they grow: no pointer into them is kept across anything that may spawn, which
 *      includes every switch to a task or sink.
 */
#ifndef BU_REPLAY_ENGINE_ENGINE_INT_H
#define BU_REPLAY_ENGINE_ENGINE_INT_H

#include <stdbool.h>

#include "replay/engine/co.h"
#include "replay/engine/engine.h"
#include "replay/engine/evq.h"
#include "replay/engine/run_mem.h"
#include "replay/engine/steplog.h"

enum { PRIO_NORMAL, PRIO_TIMEOUT };

/*
 * What happened, as it goes into the run hash; the same as enum bu_step_kind. The numbers are part of the hash: never
 * change them.
 */
enum event_kind { EVENT_START = 1, EVENT_DUE = 2, EVENT_WAKE = 3, EVENT_TIMEOUT = 4 };

/* The state of a task that has an event in the queue says of what kind that is. */
enum task_state {
	TASK_NEW = EVENT_START, TASK_SLEEPING = EVENT_DUE, TASK_READY = EVENT_WAKE, TASK_WAITING = EVENT_TIMEOUT,
	TASK_RUNNING, TASK_DONE,
};

#define EFFECT_IN_OP 255	/* the operand is only in struct bu_await_op */

/*
 * What a step of a task needs: one cache line. The effect of a wait is copied here because whoever serves the waiter
 * would otherwise have to wait for a line of the waiter's stack.
 */
struct task {
	struct bu_co co;	/* first, and laid out as the queue's struct bu_evq_owner */
	const struct bu_await_op *op;	/* waiting: what for; on the task's own stack, as its caller has it */
	int64_t since_ns;	/* waiting: start of the wait */
	uint64_t arrival;	/* waiting: orders the waiters of a word across classes */
	uint32_t next, prev;	/* waiting: in the class; before the first is the last, after the last none */
	uint32_t class;		/* waiting; 0: the first of its word */
	uint32_t gen;
	int32_t operand;	/* waiting: of op, if it is that small */
	uint8_t effect;		/* waiting: of op, or EFFECT_IN_OP */
	uint8_t state;		/* enum task_state */
	bool waited;		/* READY after a wait that is still to be reported */
	bool timed;		/* waiting: has a timeout event in the queue */
} __attribute__((aligned(64)));

/* What it needs rarely. */
struct task_info {
	const char *name;	/* in mem */
	void (*fn)(struct bu_engine *, void *);
	void *arg;
	int32_t lane;
	uint32_t stack;
};

/* The waiters of one word with the same guard and value, in order of arrival. */
struct class {
	int64_t value;
	uint32_t head;		/* tasks; 0: none, the class is free */
	uint32_t word;
	uint32_t next, prev;	/* other guards than EQ: in the word's list */
	uint32_t chain;		/* guard EQ: next in the hash chain. Free: next free class */
	uint8_t guard;
};

/*
 * The first class of waiters lies in the word itself, since most words never have more than one. Any others are
 * found through `classes` and the hash table.
 */
struct word {
	int64_t value;
	int64_t first_value;	/* what the first class waits for */
	uint32_t first_guard;
	uint32_t head;		/* the first class */
	uint32_t classes;	/* first of the other classes with other guards than EQ; 0: none */
	uint32_t n_eq;		/* of the other classes, how many have EQ and are found through the hash table */
} __attribute__((aligned(32)));

/* What a stopped task left on its stack, see slices.c. */
struct slice {
	uintptr_t low;		/* 0: it runs, or has not begun */
	uint64_t hash;
};

/* The random source of one consumer. */
struct source {
	struct bu_rng rng;
	struct source *chain;
	uint32_t stream;
};

#define SOURCE_CHAINS 64u

struct bu_engine {
	int64_t now_ns;
	uint64_t hash, events;
	uint64_t direct_until;	/* events up to which tasks may pass on straight to one another */
	uint64_t limit;		/* events at which the run ends */
	struct task *task;	/* [0] is nobody */
	struct word *word;	/* [0] is none */
	const char **word_name;	/* borrowed */
	struct class *class;	/* [0] is none */
	uint32_t *chain;	/* heads of the hash chains of classes */
	uint32_t self;		/* the running task; 0: none */
	uint32_t free_class;
	uint32_t fresh_class;	/* classes ever used, with [0] */
	uint32_t cap_classes;	/* with [0]; of chains as well; a power of two */
	uint32_t n_tasks, cap_tasks;	/* with [0] */
	uint32_t n_words, cap_words;	/* with [0] */
	uint32_t alive;		/* tasks not done */
	struct bu_evq queue;
	struct bu_co_arena stacks;

	bool noting;		/* note() has something to do: with steps or changed */
	uint64_t *changed;	/* per word, with config.check_stacks: see bu_word_changed() */
	struct bu_step *steps;	/* NULL: not kept */
	uint32_t n_steps;
	bool steps_full;	/* the running task stopped only to have them handed on */
	int64_t step_ns;	/* time of the last step */
	struct slice *slice;	/* per task; only with config.check_stacks */
	uint32_t next_slice;

	struct task_info *info;
	struct bu_run_mem mem;
	struct source *source[SOURCE_CHAINS];
	struct bu_rng spare_rng;	/* handed out when memory for a source is out and the run fails anyway */
	struct bu_engine_config config;
	struct bu_evq_entry held;	/* picked by a task that found it to be more than it can do */
	bool holds;
	bool running, ended, failed;
	char detail[sizeof(((struct bu_engine_result *)0)->detail)];
};

/* engine.c */

/* Ends the run because of what the running task did; does not return then. Outside of tasks: marks and returns. */
void bu_engine_rule_broken(struct bu_engine *e, const char *fmt, ...) __attribute__((format(printf, 2, 3)));

/*
 * The running task stops here; its next event, if it knows one, is queued before. Goes on with what happens next,
 * straight from its stack where that is another task's turn and nothing else. Returns when the task is picked again:
 * 0, or -ETIMEDOUT when that is what ended its wait. See bu_co_leave() for why this is the last thing that the
 * operations of a task do.
 */
int bu_engine_pass_on(struct bu_engine *e);

/* The running task stops for good, back to the engine. */
static inline void leave_for_good(struct bu_engine *e)
{
	bu_co_leave(&e->stacks, &e->task[e->self].co, true);
}

/* Whether now + @ns is a time. The last value of the type is none, see evq.c. */
static inline bool is_time_after(const struct bu_engine *e, int64_t ns)
{
	return ns >= 0 && ns < INT64_MAX - e->now_ns;
}

/* steplog.c */
int bu_steps_init(struct bu_engine *e);
void bu_steps_fini(struct bu_engine *e);
void bu_steps_flush(struct bu_engine *e);
void bu_step_note(struct bu_engine *e, enum bu_step_kind kind, uint32_t task, uint32_t word, int64_t value)
	__attribute__((cold));

static inline void note(struct bu_engine *e, enum bu_step_kind kind, uint32_t task, uint32_t word, int64_t value)
{
	if (__builtin_expect(e->noting, 0))
		bu_step_note(e, kind, task, word, value);
}

/* slices.c */
uint64_t bu_slice_hash(const struct bu_co *co, uintptr_t low);	/* of the stack of @co from @low up */
/* The rest only with config.check_stacks. */
int bu_slices_grow(struct bu_engine *e, uint32_t cap);
void bu_slices_fini(struct bu_engine *e);
/* Whether the stack of a task that is about to go on is as it left it. Breaks the run if not. */
bool bu_slices_check_one(struct bu_engine *e, uint32_t id);
/* After a step of task @id: keeps its slice, looks at the others. Breaks the run if one was changed. */
void bu_slices_check(struct bu_engine *e, uint32_t id);

/* task.c */
int bu_tasks_init(struct bu_engine *e, struct bu_err *err);
void bu_tasks_reset(struct bu_engine *e);
void bu_tasks_fini(struct bu_engine *e);
bool bu_task_event_live(const void *ctx, uint32_t id, uint32_t gen);
void bu_task_main(void *arg);

/* word.c */

/* Room for @cap classes, a power of two. Return: 0; -ENOMEM with what there was unharmed. */
int bu_classes_grow(struct bu_engine *e, uint32_t cap);

/* The hash table of classes anew, when they were put back from an image. */
void bu_classes_rehash(struct bu_engine *e);

/* Takes a waiter out of its class, because it is served or because its time is up. */
void bu_word_stop_waiting(struct bu_engine *e, uint32_t id);
void bu_words_reset(struct bu_engine *e);
void bu_words_fini(struct bu_engine *e);

#endif
