/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * state.h - what state an engine is in: a fingerprint of it, and going back to it.
 *
 * Flow: engine -> [state] -> whoever explores interleavings: has this been here before? then back, and another way.
 *
 * Between two events an engine is plain data: words and who waits, tasks with the used part of their stacks, events to
 * come, memory of the run. The fingerprint says whether two states of one engine go on alike; an image takes all of it
 * away and brings it back in place, pointers on stacks included. What a core keeps elsewhere is not in either.
 *
 * To be called when no task runs: before bu_engine_run(), when it has returned with BU_END_PAUSED, and the fingerprint
 * from choose() as well.
 */
#ifndef BU_REPLAY_ENGINE_STATE_H
#define BU_REPLAY_ENGINE_STATE_H

#include <stddef.h>
#include <stdint.h>

#include "replay/engine/engine.h"

/**
 * bu_engine_state() - 64 bits that are equal for equal states; for n different ones all differ but with a probability of
 * n^2 / 2^65. Equal means: the same values of words, waiters in the same order, the same bytes on the stacks of stopped
 * tasks, the same events due in the same times from now, random sources alike. Not part of it: the time, what has been
 * counted, and the order of what is due at one instant, which is what choose() decides.
 * Takes time in proportion to all that. Without bu_engine_config.clean_stacks equal states may be told apart, and so they
 * may where the switch is swapcontext(): how far down a stack is in use is not known then, all of it counts.
 */
uint64_t bu_engine_state(const struct bu_engine *e);

struct bu_image {	/* all zero: empty. With used = 0 its memory is used again */
	char *data;
	size_t used, cap;
};

void bu_image_fini(struct bu_image *img);

/**
 * bu_image_put() - Append @bytes at @from. Return: 0; -ENOMEM.
 * bu_image_get() - The bytes from *@at on, which is moved.
 */
int bu_image_put(struct bu_image *img, const void *from, size_t bytes);
void bu_image_get(const struct bu_image *img, size_t *at, void *to, size_t bytes);

/**
 * bu_engine_save() - Append the state of @e to @img. Return: 0; -ENOMEM.
 */
int bu_engine_save(const struct bu_engine *e, struct bu_image *img);

/**
 * bu_engine_restore() - @e is again as it was when that part of @img was made, which must have been in the same run. The log
 * of steps is not taken back.
 */
void bu_engine_restore(struct bu_engine *e, const struct bu_image *img, size_t *at);

#endif
