/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * engine.h - a machine in virtual time: tasks that are coroutines, shared words, waiting, one queue of events.
 *
 * Flow: schedule -> core -> [engine] -> intervals and waits in the run.
 *
 * Always true
 *  (1) Virtual time is int64 ns, starts at 0, never goes back, and is totally ordered by (time, priority,
 *      sequence). One function, pick_next() in engine.c, decides which of the events that are due happens next;
 *      every decision goes into the run hash. Same input, same seed: same run, on every machine.
 *  (2) Tasks share nothing but words. A word changes only through the operations below, each of the form (one
 *      word, guard, effect): one step of a task changes one word and its own stack.
 *  (3) A task runs until it delays, awaits or returns; nothing preempts it in between.
 *  (4) No wall clock, no SQLite, no globals: engines are independent of one another. An engine belongs to one
 *      thread.
 *  (5) No allocation per event once the tasks exist: task slots, stacks, waiters and queue entries come from
 *      arrays that grow and are kept by bu_engine_reset().
 *  (6) Whatever a task does wrong here (a word that does not exist, a negative delay, a stack used up) ends the run
 *      with BU_END_FAILED and words that name the task.
 *
 * Several things at one instant happen in the order in which they were caused, timeouts after everything else: a
 * wait whose guard becomes true at the very instant of its timeout is satisfied, whatever the order of the causes,
 * as the kernel looks at its condition once more when a timeout ends (do_wait_for_common(), kernel/sched/completion.c,
 * 6.1).
 *
 * States of a task
 *      NEW --started--> READY --picked--> RUNNING --delay()--> SLEEPING --due--> READY
 *                                            |---await(), guard false--> WAITING --guard true or timeout--> READY
 *                                            `---returns--> DONE (its stack goes back to the arena)
 */
#ifndef BU_REPLAY_ENGINE_ENGINE_H
#define BU_REPLAY_ENGINE_ENGINE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "replay/core.h"
#include "schemas/base/err.h"
#include "schemas/base/hash.h"

struct bu_engine;
struct bu_step;

typedef uint32_t bu_task_id;	/* 0: none */

#define BU_NO_TIMEOUT INT64_C(-1)

enum bu_effect { BU_EFFECT_NONE, BU_EFFECT_STORE, BU_EFFECT_ADD };

struct bu_await_op {
	bu_word_id word;
	enum bu_guard guard;
	int64_t value;		/* guard: word GUARD value */
	enum bu_effect effect;	/* applied to the word in the same step in which the guard is found true */
	int64_t operand;
	int64_t timeout_ns;	/* from now; 0: after everything else that is due now; negative: for ever */
	const char *point;	/* name of the wait point, static or living as long as the run */
	int32_t cpu;		/* the CPU that is waited for, -1: none in particular */
};

#define BU_CHOOSE_PAUSE UINT32_MAX

enum bu_wait_outcome { BU_WAIT_SATISFIED, BU_WAIT_TIMEOUT, BU_WAIT_NEVER };

/* What an engine tells while it runs; each may be NULL. Strings are borrowed. */
struct bu_engine_sink {
	void *ctx;
	/*
	 * A wait that really waited ended (or, BU_WAIT_NEVER, never did: told at the end of the run, in the order
	 * of tasks, end_ns BU_NS_UNKNOWN). Called on the stack of bu_engine_run(); may call bu_engine_fail().
	 */
	void (*wait)(void *ctx, bu_task_id task, const char *point, int32_t cpu, int64_t start_ns, int64_t end_ns,
		     enum bu_wait_outcome outcome);
};

struct bu_engine_config {
	uint64_t seed;
	size_t stack_bytes;	/* per task, 1 KiB of it not usable; 0: 20 KiB (64 KiB with AddressSanitizer) */
	uint64_t max_events;	/* 0: no limit; reached: the run ends with BU_END_LIMIT */
	struct bu_engine_sink sink;
	/*
	 * Which of the @n events (two or more) of the first priority that are due at this instant happens next: 0 is
	 * the one that would without asking. NULL: always 0. This is where an explorer of interleavings steps in.
	 * BU_CHOOSE_PAUSE: none for now, the run is to be left.
	 */
	uint32_t (*choose)(void *ctx, uint32_t n);
	void *choose_ctx;
	/*
	 * Look after each step whether it changed the stack of any other task, and end the run if so. For tests of cores: each
	 * step then costs as much as there are tasks. With BU_DEBUG always on.
	 */
	bool check_stacks;
	/* With check_stacks, called after each step of @task: what else may only change in words. May call bu_engine_fail(). */
	void (*look)(void *ctx, bu_task_id task);
	void *look_ctx;
	/*
	 * Stacks begin cleared, for fingerprints of states (state.h): what earlier tasks and runs left there would differ where
	 * nothing else does.
	 */
	bool clean_stacks;
	/* Takes every operation, see steplog.h; @n > 0. Called on the stack of bu_engine_run(). NULL: none are kept. */
	void (*steps)(void *ctx, const struct bu_step *step, uint32_t n);
	void *steps_ctx;
};

enum bu_end {
	BU_END_DONE,		/* every task returned */
	BU_END_STUCK,		/* tasks wait and nothing will ever wake them */
	BU_END_FAILED,		/* a task called bu_engine_fail() or broke a rule of this interface */
	BU_END_LIMIT,		/* max_events or bu_engine_limit() reached */
	BU_END_PAUSED,		/* choose() returned BU_CHOOSE_PAUSE: bu_engine_run() may be called again */
};

struct bu_engine_result {
	enum bu_end end;
	int64_t now_ns;		/* virtual time at the end */
	uint64_t events;	/* events executed */
	uint64_t hash;		/* of all decisions: (time, task, kind of event) in order */
	char detail[256];	/* BU_END_FAILED: why; BU_END_STUCK: who waits for what, first few; else for people */
};

/**
 * bu_engine_create() - A new machine with no tasks, at time 0. @config is copied.
 */
int bu_engine_create(const struct bu_engine_config *config, struct bu_engine **ret, struct bu_err *err);
void bu_engine_destroy(struct bu_engine *e);

/**
 * bu_engine_reset() - Back to time 0 without tasks and words, memory kept; @seed starts the random sources anew.
 * What the last run handed out (names of tasks, random sources) is no longer valid. Not from within a run.
 */
void bu_engine_reset(struct bu_engine *e, uint64_t seed);

/**
 * bu_engine_run() - Let the machine run until every task is done or nothing can happen any more.
 * Once per bu_engine_create() or bu_engine_reset(), and again after BU_END_PAUSED. @ret: always written on return 0.
 * Return: 0; -ENOMEM when a task could not be given its stack; -EBUSY when called by a task of this engine; -EINVAL
 * when the run has ended already.
 */
int bu_engine_run(struct bu_engine *e, struct bu_engine_result *ret, struct bu_err *err);

/**
 * bu_task_spawn() - A new task, ready at the present virtual time (behind those that are ready already).
 * @name: copied. @lane: the CPU it runs on, for accounts; -1: none.
 * @fn: its body; runs on a stack of its own. @arg: borrowed.
 * May be called before the run and by running tasks. Return: its id, counted from 1 in the order of spawning and
 * never used again within the run; or 0 when memory is out (the run fails).
 */
bu_task_id bu_task_spawn(struct bu_engine *e, const char *name, int32_t lane, void (*fn)(struct bu_engine *, void *),
			 void *arg);
bu_task_id bu_task_self(const struct bu_engine *e);	/* 0 outside of tasks */
const char *bu_task_name(const struct bu_engine *e, bu_task_id task);	/* lives as long as the run */
int32_t bu_task_lane(const struct bu_engine *e, bu_task_id task);

int64_t bu_engine_now(const struct bu_engine *e);

/**
 * bu_engine_progress() - Where the engine counts its events, for a watchdog that looks at it from a signal handler.
 */
const volatile uint64_t *bu_engine_progress(const struct bu_engine *e);

/**
 * bu_engine_limit() - End the run with BU_END_LIMIT after @events more events, if max_events does not end it before.
 * Called again it counts from then on: this is how a run is bounded by events without progress. 0: no such limit.
 */
void bu_engine_limit(struct bu_engine *e, uint64_t events);

/**
 * bu_engine_pending() - How many events are to come, that of the calling task's next step not among them. 0: nothing will
 * happen unless it goes on. For tasks that only look on, which must not keep a run going.
 */
uint32_t bu_engine_pending(const struct bu_engine *e);

/**
 * bu_engine_abandon() - Say that a run was left without returning from bu_engine_run(), by a jump out of a task.
 * Nothing of the run can be used any more; the engine can be destroyed.
 */
void bu_engine_abandon(struct bu_engine *e);

/**
 * bu_engine_delay() - The calling task spends @ns (0: lets everything else that is due now go first).
 */
void bu_engine_delay(struct bu_engine *e, int64_t ns);

/**
 * bu_engine_delay_until() - The same up to an absolute time; now or in the past: returns at once, without a step.
 */
void bu_engine_delay_until(struct bu_engine *e, int64_t at_ns);

/**
 * bu_engine_fail() - End the run with BU_END_FAILED and this reason. Does not return when called by a task.
 */
void bu_engine_fail(struct bu_engine *e, const char *fmt, ...) __attribute__((format(printf, 2, 3)));

/**
 * bu_word_new() - A shared word. @name is borrowed for the run (static, or the caller's arena).
 * Return: its id, or 0 when memory is out (the run fails).
 */
bu_word_id bu_word_new(struct bu_engine *e, const char *name, int64_t value);
int64_t bu_word_load(struct bu_engine *e, bu_word_id word);
/* The value of a word that exists, as no step of anybody: for checks and tools. */
int64_t bu_word_peek(const struct bu_engine *e, bu_word_id word);
const char *bu_word_name(const struct bu_engine *e, bu_word_id word);	/* "": has none */
/* With check_stacks: 1 + the number of the event in whose step the word was made or operated on last, loads aside. */
uint64_t bu_word_changed(const struct bu_engine *e, bu_word_id word);
void bu_word_store(struct bu_engine *e, bu_word_id word, int64_t value);
/* Words wrap around. Returns the new value, before the effects of waiters that it serves. */
int64_t bu_word_add(struct bu_engine *e, bu_word_id word, int64_t delta);
/* Stores @new if the word is @old. Returns the value found. */
int64_t bu_word_cmpxchg(struct bu_engine *e, bu_word_id word, int64_t old, int64_t new);

/**
 * bu_word_await() - Wait until the guard holds, then apply the effect, in one step.
 * Waiters of one word are served first come first served, each re-checking its guard against the word as the one
 * before left it: whenever the word changes, the first waiter whose guard holds gets its effect applied and
 * becomes ready, until there is none. That happens within the step that changes the word, so nobody who comes later
 * can take away what a waiter was given. A guard that holds at once costs no time and is not reported as a wait.
 * @op: borrowed and read until the call returns; nobody may change it meanwhile.
 * @ret_waited: whether the task had to wait; may be NULL. Return: 0; -ETIMEDOUT, the word untouched.
 */
int bu_word_await(struct bu_engine *e, const struct bu_await_op *op, int *ret_waited);

/**
 * bu_resource_use() - Queue (first come, first served) for a resource that serves one task at a time, hold it for
 * @service_ns, give it back. @resource is a word made with value 1. Sugar over await and delay.
 */
void bu_resource_use(struct bu_engine *e, bu_word_id resource, int64_t service_ns, const char *point);

/**
 * bu_engine_random() - The stream of random numbers of one consumer: streams do not shift one another.
 * @stream: number of the consumer. Return: its generator, which lives as long as the run.
 */
struct bu_rng *bu_engine_random(struct bu_engine *e, uint32_t stream);

#endif
