// SPDX-License-Identifier: GPL-2.0-only
/* cmd_audit.c - bringup audit: whether a capture database may leave the house (redact.h). */
#include <errno.h>
#include <inttypes.h>
#include <stdio.h>

#include "collector/commands_int.h"
#include "collector/redact.h"
#include "schemas/base/cli.h"
#include "schemas/base/mem.h"

int bu_cmd_audit(int argc, char **argv)
{
	struct bu_audit_result result;
	struct bu_err err = BU_ERR_INIT;
	int64_t top = 100;
	const struct bu_opt opts[] = {
		{ "top", 'n', BU_OPT_INT, &top, "N", "findings that are printed (100)", 0, INT64_MAX },
	};
	const struct bu_usage usage = {
		"audit", "audit x.db [--top N]",
		"Look for what a redacted capture database must not hold: kernel addresses as numbers and as text, names of user\n"
		"tasks, paths, host names, addresses of networks and devices, and bytes that belong to no value. Each finding is a\n"
		"line with table, column and row. Databases only: a trace.dat holds all of that by its nature (symbol table, raw\n"
		"records) and cannot be redacted; import it. Exit code 0: nothing is left; 1: something is, or the check failed.",
		"  bringup audit boot-redacted.db\n"
		"  bringup redact boot.db out.db && bringup audit out.db && scp out.db ...",
		opts, ARRAY_SIZE(opts), 1, 1,
	};
	int first, rc;

	rc = bu_cli_parse(&usage, argc, argv, &first);
	if (rc >= 0)
		return rc;
	rc = bu_audit(argv[first], stdout, top, &result, &err);
	if (rc && rc != -ENOENT && rc != -EACCES)
		bu_fail(&err, rc, "only capture databases can be audited");
	if (rc)
		return bu_cli_failed(&usage, &err);
	if (result.findings > top)
		printf("and %" PRId64 " more (--top)\n", result.findings - top);
	printf("%s: %" PRId64 " findings in %" PRId64 " values and %" PRId64 " bytes: %s\n", argv[first], result.findings,
	       result.values, result.bytes, result.findings ? "NOT REDACTED" : "clean");
	return result.findings ? BU_EXIT_FAILED : BU_EXIT_OK;
}
