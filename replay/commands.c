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
		.examples = "  bringup cores\n  bringup replay boot.db --hotplug parallel-full --params rcu=ofl-seq",
	};
	const struct bu_core_def *const *c;
	const struct bu_param *p;
	char def[BU_PARAM_STRLEN];
	int first, rc;

	rc = bu_cli_parse(&usage, argc, argv, &first);
	if (rc >= 0)
		return rc;
	for (c = bu_core_table; *c; c++) {
		printf("%-8s %-10s %s\n%20sfollows %s\n", (*c)->family, (*c)->name, (*c)->summary, "", (*c)->source);
		for (p = (*c)->params; p && p->name; p++)
			if (strchr(p->unit, '|'))
				printf("%20s%s (%s, default %s): %s\n", "", p->name, p->unit, bu_core_param_str(p, p->def, def), p->help);
			else
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

static const struct {
	const char *name;
	int (*check)(const struct bu_core_def *, int guard_ms, void (*)(void *, bool, const char *, const char *), void *);
} families[] = { { "hotplug", bu_core_check }, { "clocksource", bu_core_check_clocksource }, { "text", bu_core_check_text },
	       { "pgd", bu_core_check_pgd }, { "hang", bu_core_check_hang } };

static int run_core_check(int argc, char **argv)
{
	static const char *family = "hotplug";
	static const struct bu_opt opts[] = {
		{ "family", 0, BU_OPT_STRING, &family, "NAME", "the family of the core: hotplug (the default), clocksource, text, pgd, hang", 0, 0 },
	};
	static const struct bu_usage usage = {
		.command = "core-check",
		.synopsis = "core-check [--family NAME] CORE",
		.about = "Puts a core, built in or a plugin given by path, through the contract that every core of its family must\n"
			 "keep: of hotplug, that all CPUs come up, in order, with all of their work, and that one that fails does not\n"
			 "keep the others down; of clocksource, that the clock is switched, ticks come and time does not go back, or the\n"
			 "run says what it hangs in; of text, that all sites are patched or the run says what killed it; of pgd, that\n"
			 "all memory that is asked for is handed out, or likewise; of hang, that it hangs as it was and not when mended; of\n"
			 "all, that the same seed gives the same run and that threads share nothing but words. A plugin's code is run: only check what you trust.",
		.examples = "  bringup core-check ./mycore.so\n  bringup core-check --family text int3",
		.opts = opts, .n_opts = ARRAY_SIZE(opts), .min_args = 1, .max_args = 1,
	};
	enum { GUARD_MS = 1000 };
	struct bu_err err = BU_ERR_INIT;
	struct bu_core core;
	int first, rc, failures;
	size_t i;

	rc = bu_cli_parse(&usage, argc, argv, &first);
	if (rc >= 0)
		return rc;
	for (i = 0; i < ARRAY_SIZE(families) && strcmp(families[i].name, family); i++)
		;
	if (i == ARRAY_SIZE(families))
		return bu_cli_usage_error(&usage, "--family takes hotplug, clocksource, text, pgd or hang, not '%s'", family);
	rc = bu_core_open(family, argv[first], strlen(argv[first]), &core, &err);
	if (rc)
		return rc == -ESRCH ? bu_cli_usage_error(&usage, "%s", err.text) : bu_cli_failed(&usage, &err);
	if (!core.plugin && !strcmp(core.def.name, "recorded"))
		return bu_cli_usage_error(&usage, "recorded is a recording, no algorithm; 'make fidelity' checks it");
	failures = families[i].check(&core.def, GUARD_MS, say, NULL);
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
