/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * family_hang.h - one run of a hang that the kernel had, as it was or mended.
 *
 * Flow: core -> [family_hang over the machine] -> struct bu_run.
 */
#ifndef BU_REPLAY_FAMILY_HANG_H
#define BU_REPLAY_FAMILY_HANG_H

#include <stdbool.h>

#include "replay/core.h"
#include "replay/session.h"

/**
 * bu_hang_can_mend() - Whether the first parameter of @core is 'mended', as it has to be in this family.
 */
bool bu_hang_can_mend(const struct bu_core_def *core);

/**
 * bu_replay_hang() - Run @core on a machine of options->recorded_cpus CPUs, at least HANG_CPUS, all online.
 * @ret: written on success, freed with bu_replay_result_fini(). A run that hangs is a success with a verdict.
 * Return: 0; -ENOMEM, -EAGAIN.
 */
int bu_replay_hang(const struct bu_core_def *core, const struct bu_replay_options *options, struct bu_replay_result *ret,
		   struct bu_err *err);

#endif
