// SPDX-License-Identifier: GPL-2.0-only
/* cmd_machine.c - `bringup machine`: what is known of a recorded machine, and how one is described. */
#include <errno.h>

#include "replay/commands_int.h"
#include "replay/describe.h"
#include "schemas/base/mem.h"
#include "schemas/store/db.h"

int bu_cmd_machine(int argc, char **argv)
{
	static const char *file;
	static struct bu_strings set;
	static const struct bu_opt opts[] = {
		{ "machine", 0, BU_OPT_STRING, &file, "FILE", "with what this description says", 0, 0 },
		{ "set", 0, BU_OPT_STRINGS, &set, "machine.NAME=V", "and this parameter; may be given again", 0, 0 },
	};
	static const struct bu_usage usage = {
		.command = "machine",
		.synopsis = "machine [CAPTURE.db] [--machine FILE] [--set machine.NAME=VALUE]...",
		.about = "Prints the machine that `bringup replay` simulates, as a description file: every parameter, its value, where\n"
			 "the value is from (a capture, a file, --set, or the default), and what it means.",
		.examples = "  bringup machine boot.db\n  bringup machine boot.db --set machine.physical_cpus=32 >mine.machine",
		.opts = opts, .n_opts = ARRAY_SIZE(opts), .min_args = 0, .max_args = 1,
	};
	_cleanup_(bu_db_closep) struct bu_db *db = NULL;
	struct bu_err err = BU_ERR_INIT;
	struct bu_description d;
	int rc, first;

	file = NULL;
	set.n = 0;
	rc = bu_cli_parse(&usage, argc, argv, &first);
	if (rc >= 0)
		return rc;
	if (first < argc && bu_db_open(argv[first], &bu_capture_format, &db, &err))
		return bu_cli_failed(&usage, &err);
	bu_describe_init(&d);
	rc = bu_describe(db, file, &set, &d, &err);
	if (!rc)
		bu_describe_print(&d, stdout);
	bu_describe_fini(&d);
	return rc == -EINVAL ? bu_cli_usage_error(&usage, "%s", err.text) : rc ? bu_cli_failed(&usage, &err) : BU_EXIT_OK;
}
