// SPDX-License-Identifier: GPL-2.0-only
/* commands.c - replay's commands, and the one that lists the cores. */
#include "replay/commands.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "replay/commands_int.h"
#include "replay/core_check.h"
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

static void say(void *ctx, bool holds, const char *what, const char *why)
{
	(void)ctx;
	printf("%s - %s\n", holds ? "ok" : "not ok", what);
	if (!holds)
		printf("  # %s\n", why);
}

static int run_core_check(int argc, char **argv)
{
	static const struct bu_usage usage = {
		.command = "core-check",
		.synopsis = "core-check CORE",
		.about = "Puts a hotplug core, built in or a plugin given by path, through the contract that every core must keep:\n"
			 "all CPUs come up, in order, with all of their work; the same seed gives the same run; a CPU that fails\n"
			 "does not keep the others down. A plugin's code is run: only check what you trust.",
		.examples = "  bringup core-check ./mycore.so\n  bringup core-check parallel",
		.min_args = 1, .max_args = 1,
	};
	enum { GUARD_MS = 1000 };
	struct bu_err err = BU_ERR_INIT;
	struct bu_core core;
	int first, rc, failures;

	rc = bu_cli_parse(&usage, argc, argv, &first);
	if (rc >= 0)
		return rc;
	rc = bu_core_open("hotplug", argv[first], strlen(argv[first]), &core, &err);
	if (rc)
		return rc == -ESRCH ? bu_cli_usage_error(&usage, "%s", err.text) : bu_cli_failed(&usage, &err);
	if (!core.plugin && !strcmp(core.def.name, "recorded"))
		return bu_cli_usage_error(&usage, "recorded is a recording, no algorithm; 'make fidelity' checks it");
	failures = bu_core_check(&core.def, GUARD_MS, say, NULL);
	if (failures < 0) {
		bu_fail_errno(&err, failures, "core %s", core.def.name);
		rc = bu_cli_failed(&usage, &err);
	} else {
		printf("core %s: %s\n", core.def.name, failures ? "the contract is broken" : "the contract is kept");
		rc = failures ? BU_EXIT_FAILED : BU_EXIT_OK;
	}
	bu_core_close(&core);
	return rc;
}

const struct bu_command bu_replay_commands[] = {
	{ "replay", "run a recorded boot again, on a simulated machine, against other algorithms", bu_cmd_replay },
	{ "machine", "what is known of a recorded machine, as a description to change", bu_cmd_machine },
	{ "cores", "list the algorithms that can be replayed", run_cores },
	{ "core-check", "put a core through the contract that every core must keep", run_core_check },
	{ NULL, NULL, NULL },
};
