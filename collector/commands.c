// SPDX-License-Identifier: GPL-2.0-only
/* commands.c - the collector's subcommands. */
#include "collector/commands.h"

#include "collector/commands_int.h"

const struct bu_command bu_collector_commands[] = {
	{ "plan", "the kernel command line that records a boot, and its traps", bu_cmd_plan },
	{ "record", "save the trace that this boot left in the kernel", bu_cmd_record },
	{ "import", "turn a trace.dat into a capture database", bu_cmd_import },
	{ "info", "what a capture database holds", bu_cmd_info },
	{ "redact", "copy a capture database without addresses, names and host identity", bu_cmd_redact },
	{ "audit", "check that a capture database is redacted", bu_cmd_audit },
	{ NULL, NULL, NULL },
};
