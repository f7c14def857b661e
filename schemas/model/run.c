// SPDX-License-Identifier: GPL-2.0-only
/* run.c - the words for the values of run.h, as schemas/run.sql has them. */
#include "schemas/model/run.h"

const char *const bu_phase_names[BU_NR_PHASES] = {
	[BU_PHASE_PREPARE] = "prepare", [BU_PHASE_KICK] = "kick",	  [BU_PHASE_DARK] = "dark",
	[BU_PHASE_PARKED] = "parked",	[BU_PHASE_STARTING] = "starting", [BU_PHASE_TSC] = "tsc",
	[BU_PHASE_ONLINE] = "online",	[BU_PHASE_WAIT] = "wait",	  [BU_PHASE_OVERHEAD] = "overhead",
	[BU_PHASE_DOWN] = "down",	[BU_PHASE_STOP] = "stop",	  [BU_PHASE_DYING] = "dying",
	[BU_PHASE_DEAD] = "dead",
};
