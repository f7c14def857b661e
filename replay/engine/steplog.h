/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * steplog.h - every operation of a run in 16 bytes, and where two runs part.
 *
 * Flow: engine -> [steplog] -> whoever set bu_engine_config.steps: a file, or memory. Off unless that is set.
 *
 * A step is one event or one operation of a task, in the order in which they happened. Steps say which task did what to
 * which word and when; of a value they keep 32 bits. Two runs of one input give the same bytes on machines of the same
 * byte order; the first difference between two logs is where to look when they do not.
 */
#ifndef BU_REPLAY_ENGINE_STEPLOG_H
#define BU_REPLAY_ENGINE_STEPLOG_H

#include <stddef.h>
#include <stdint.h>

struct bu_engine;

/* The numbers are written to files: never change them. */
enum bu_step_kind {
	BU_STEP_START = 1,	/* the task begins */
	BU_STEP_DUE,		/* its delay is over */
	BU_STEP_WAKE,		/* it goes on after a wait that was satisfied */
	BU_STEP_TIMEOUT,	/* after one that was not */
	BU_STEP_LOAD,		/* value: found */
	BU_STEP_STORE,		/* value: stored */
	BU_STEP_ADD,		/* value: the sum */
	BU_STEP_CMPXCHG,	/* value: found */
	BU_STEP_PASS,		/* an await whose guard held; value: of the word after it */
	BU_STEP_WAIT,		/* an await whose guard did not hold; value: what is waited for */
	BU_STEP_SERVE,		/* the task's guard held at last; value: of the word after its effect */
	BU_STEP_DELAY,		/* value: ns */
	BU_STEP_SPAWN,		/* value: the new task */
	BU_STEP_END,		/* the task returned */
	BU_STEP_FAR,		/* belongs to the next step: value is how often 2^32 ns are to be added to its delta_ns */
};

struct bu_step {
	uint32_t delta_ns;	/* since the step before */
	uint32_t task;		/* 0: none, before the run */
	uint32_t what;		/* enum bu_step_kind << 28 | word (0: none), modulo 2^28 */
	uint32_t value;		/* low half + high half * 2654435761: itself, when it is 0 to 2^32 - 1 */
};

/**
 * bu_steplog_diff() - The first difference of two logs, in words.
 * @a, @n_a, @b, @n_b: the logs. @e: whose names of tasks and words to use (those of its last run); NULL: numbers only.
 * @ret: receives a line like "step 17: at 1200 ns cpuhp/3 adds to W2 lock
 * (value 4); in the other run cpuhp/3 adds to W2 lock (value 5)".
 * Return: 0 when the logs are equal (@ret says how many steps), 1 when not.
 */
int bu_steplog_diff(const struct bu_step *a, size_t n_a, const struct bu_step *b, size_t n_b,
		    const struct bu_engine *e, char *ret, size_t size);

#endif
