// SPDX-License-Identifier: GPL-2.0-only
/* commands.c - see commands.h. One line per command; each lives in its own cmd_*.c. */
#include "analyze/commands.h"

#include "analyze/commands_int.h"

const struct bu_command bu_analyze_commands[] = {
	{ "report", "where the time of a boot or of a replay went", bu_cmd_report },
	{ "plot", "draw a timeline, or a map of CPUs by steps", bu_cmd_plot },
	{ 0 },
};
