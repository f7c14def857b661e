/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * cut.h - bring the end of another task's delay or wait forward.
 *
 * Flow: [cut] is what replay/machine makes interrupts, preemption and time slices of: the task of a CPU sleeps or
 * waits until the first of what it knows of, and whoever comes up with something earlier cuts it short. An interrupt
 * that is on its way costs one event that way, not a task of its own.
 */
#ifndef BU_REPLAY_ENGINE_CUT_H
#define BU_REPLAY_ENGINE_CUT_H

#include <stdbool.h>

#include "replay/engine/engine.h"

/**
 * bu_task_cut_at() - The delay or wait that @task is in ends at @at_ns (not before now).
 * A delay returns then; a wait times out then: bu_word_await() returns -ETIMEDOUT with its effect not applied, unless
 * its guard becomes true before. Unlike a timeout it takes its turn among what others do at that instant. Replaces
 * the end that the delay or wait had: whoever wants the earlier of the two compares, the engine does not know.
 * Return: whether @task was in a delay or wait; otherwise nothing is changed.
 */
bool bu_task_cut_at(struct bu_engine *e, bu_task_id task, int64_t at_ns);

#endif
