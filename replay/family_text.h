/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * family_text.h - one replay of text patching, and what came of it.
 *
 * Flow: schedule + core -> [family_text over the machine] -> struct bu_run, struct bu_text_outcome.
 */
#ifndef BU_REPLAY_FAMILY_TEXT_H
#define BU_REPLAY_FAMILY_TEXT_H

#include <stdint.h>

#include "replay/core.h"
#include "replay/schedule/text.h"
#include "replay/session.h"

struct bu_text_outcome {
	int64_t phase_ns;	/* of the first CPU's tick: when it came first */
	int64_t window_ns;	/* patching at boot; 0: it did not end */
	int64_t patching_ns;	/* all batches */
	int64_t missed;		/* ticks that came in a later one's place, interrupts having been off */
	uint64_t ticks, nmis;	/* taken while sites were being patched */
	uint64_t executed, emulated;	/* sites that interrupts executed; of these, met as INT3 and emulated */
	int sites, batches;	/* patched to the end */
	int unpatched;		/* sites that do not read as they should when the run is over */
};

/**
 * bu_replay_text() - Run @core over @schedule in virtual time.
 * @schedule: borrowed; must outlive the result. options->sampled: the phase of the tick is drawn, not as recorded.
 * @ret: written on success, freed with bu_replay_result_fini(). A run that hangs or crashes is a success with a verdict.
 * Return: 0; -ENOMEM, -EAGAIN.
 */
int bu_replay_text(const struct bu_core_def *core, const struct bu_text_schedule *schedule,
		   const struct bu_replay_options *options, struct bu_replay_result *ret, struct bu_text_outcome *ret_outcome,
		   struct bu_err *err);

#endif
