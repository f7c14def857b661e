/* SPDX-License-Identifier: MIT */
/*
 * hang.h - what cores of the family hang share: each is a hang that the kernel had, as it was and as it was mended.
 *
 * All CPUs are online when control() begins, none has a tick, locks wait for no grace periods. A core needs HANG_CPUS CPUs and
 * leaves the others idle.
 */
#ifndef BU_REPLAY_KIT_HANG_H
#define BU_REPLAY_KIT_HANG_H

#include "replay/core.h"
#include "replay/kit/kernel.h"

enum { HANG_CPUS = 6, HANG_MENDED = 0 };
enum { HANG_US = 1000, HANG_MS = 1000000 };

/* The first parameter of every such core. */
#define HANG_PARAMETER { "mended", "bool", "as the kernel that mended it", 0, 0, 1 }

/* Those of a core that has no other. */
static const struct bu_param hang_parameters[] __attribute__((unused)) = {
	HANG_PARAMETER,
	{ NULL, NULL, NULL, 0, 0, 0 },
};

static inline bool mended(struct bu_machine *m)
{
	return param(m, HANG_MENDED);
}

#endif
