// SPDX-License-Identifier: GPL-2.0-only
/* cmd_redact.c - bringup redact: a copy of a capture database that may leave the house (redact.h). */
#include <inttypes.h>
#include <stdio.h>

#include "collector/commands_int.h"
#include "collector/redact.h"
#include "schemas/base/cli.h"
#include "schemas/base/mem.h"

int bu_cmd_redact(int argc, char **argv)
{
	struct bu_redact_result result;
	struct bu_err err = BU_ERR_INIT;
	bool force = false;
	const struct bu_opt opts[] = {
		{ "force", 'f', BU_OPT_FLAG, &force, NULL, "replace an existing copy", 0, 0 },
	};
	const struct bu_usage usage = {
		"redact", "redact IN.db OUT.db [--force]",
		"Copy a capture database without what tells of the machine's owner or helps to attack it: no kernel address,\n"
		"no name of a user's task, no command line beyond known safe parameters, no host name, path or serial number.\n"
		"Order, times, hotplug steps, symbols, page structure and PGD slots stay: reports and replays are the same.\n"
		"'bringup audit OUT.db' checks it; the table 'redaction' of the copy says what was done.",
		"  bringup redact boot.db boot-redacted.db && bringup audit boot-redacted.db\n"
		"  bringup import trace.dat --machine machine/ --redact -o boot.db",
		opts, ARRAY_SIZE(opts), 2, 2,
	};
	int first, rc;

	rc = bu_cli_parse(&usage, argc, argv, &first);
	if (rc >= 0)
		return rc;
	if (bu_redact(argv[first], argv[first + 1], force, &result, &err))
		return bu_cli_failed(&usage, &err);
	printf("%s: %" PRId64 " rows, %" PRId64 " values redacted\n", argv[first + 1], result.rows, result.changed);
	return BU_EXIT_OK;
}
