// SPDX-License-Identifier: GPL-2.0-only
/* commands.c - replay's commands, and the one that lists the cores. */
#include "replay/commands.h"

#include <inttypes.h>
#include <stdio.h>

#include "replay/commands_int.h"
#include "replay/registry.h"
#include "schemas/base/mem.h"

static int run_cores(int argc, char **argv)
{
	static const struct bu_usage usage = {
		.command = "cores",
		.synopsis = "cores",
		.about = "Lists the implementations of kernel algorithms that a capture can be replayed against, with the\n"
			 "source that each follows and its parameters.",
		.examples = "  bringup cores\n  bringup replay boot.db --hotplug parallel --params parallel=0",
	};
	const struct bu_core_def *const *c;
	const struct bu_param *p;
	int first, rc;

	rc = bu_cli_parse(&usage, argc, argv, &first);
	if (rc >= 0)
		return rc;
	for (c = bu_core_table; *c; c++) {
		printf("%-8s %-10s %s\n%20sfollows %s\n", (*c)->family, (*c)->name, (*c)->summary, "", (*c)->source);
		for (p = (*c)->params; p && p->name; p++)
			printf("%20s%s (%s, %" PRId64 " to %" PRId64 ", default %" PRId64 "): %s\n", "", p->name, p->unit,
			       p->min, p->max, p->def, p->help);
	}
	return BU_EXIT_OK;
}

const struct bu_command bu_replay_commands[] = {
	{ "replay", "run a recorded boot again, on a simulated machine, against other algorithms", bu_cmd_replay },
	{ "cores", "list the algorithms that can be replayed", run_cores },
	{ NULL, NULL, NULL },
};
