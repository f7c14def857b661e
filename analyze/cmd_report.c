// SPDX-License-Identifier: GPL-2.0-only
/* cmd_report.c - `bringup report`: where the time of a boot or of a replay went (report.h). */
#include <errno.h>
#include <jansson.h>

#include "analyze/commands_int.h"
#include "analyze/hang_report.h"
#include "analyze/report.h"
#include "analyze/spaces.h"
#include "schemas/base/cli.h"

/*
 * A log without a single hotplug event has no bring-up to report; what it says of address spaces and of its end is all there is.
 * @spaces, @hang: either may be NULL.
 */
static int report_no_bringup(const char *path, const struct bu_spaces *spaces, const struct bu_hang *hang, bool json, size_t top,
			     struct bu_err *err)
{
	json_t *o;
	int rc = 0;

	if (!json) {
		printf("Capture %s: no CPU is seen coming up or going down\n", path);
		if (spaces)
			bu_spaces_text(stdout, spaces);
		bu_hang_text(stdout, hang, top);
		return 0;
	}
	o = json_pack("{s:s, s:{s:s, s:s}, s:b, s:o?, s:o?}", "schema", BU_REPORT_SCHEMA, "source", "kind", "capture", "file", path,
		      "complete", !hang && spaces->complete, "address_spaces", bu_spaces_json(spaces), "hang",
		      bu_hang_json(hang));
	if (!o || json_dumpf(o, stdout, JSON_INDENT(1)) || putchar('\n') == EOF)
		rc = bu_fail_errno(err, -ENOMEM, "report as JSON");
	json_decref(o);
	return rc;
}

int bu_cmd_report(int argc, char **argv)
{
	int64_t run = 0, top = 10;
	bool json = false;
	const struct bu_opt opts[] = {
		{ .name = "run", .letter = 'r', .kind = BU_OPT_INT, .value = &run, .arg = "N", .min = 1,
		  .max = INT64_MAX, .help = "only this run of a runs database (all)" },
		{ .name = "top", .letter = 'n', .kind = BU_OPT_INT, .value = &top, .arg = "N", .min = 1,
		  .max = 100000, .help = "rows per table (10)" },
		{ .name = "json", .letter = 'j', .kind = BU_OPT_FLAG, .value = &json,
		  .help = "one JSON object, all rows; docs/json-report.md" },
	};
	const struct bu_usage usage = {
		.command = "report",
		.synopsis = "report x.db|runs.db [--run N] [--top N] [--json]",
		.about = "Say how long the bring-up of the CPUs took and where the time went: per phase, per step, per\n"
			 "CPU, working and waiting apart. Of a runs database, say it of each run and compare them.\n"
			 "Where the record ends in a hang, an oops or a panic: what was in progress, and who waits for whom.\n"
			 "Exit code 3: the report is done but events of the capture are missing.",
		.examples = "  bringup report boot.db\n  bringup report runs.db --json | jq .runs[].bringup_ns",
		.opts = opts, .n_opts = ARRAY_SIZE(opts), .min_args = 1, .max_args = 1,
	};
	struct bu_boots boots = { 0 };
	struct bu_err err = BU_ERR_INIT;
	struct bu_summary *sums = NULL;
	struct bu_hang *hang = NULL;
	struct bu_spaces spaces;
	int first, rc, traced, code = BU_EXIT_OK;
	size_t i;

	rc = bu_cli_parse(&usage, argc, argv, &first);
	if (rc >= 0)
		return rc;
	rc = bu_hang_load(argv[first], &hang, &err);
	if (rc)
		return bu_cli_failed(&usage, &err);
	traced = rc = bu_spaces_load(argv[first], &spaces, &err);
	if (rc >= 0)
		rc = bu_boots_load(argv[first], run, 0, &boots, &err);
	if (rc == -ENODATA && (hang || traced)) {
		err = (struct bu_err)BU_ERR_INIT;
		rc = report_no_bringup(argv[first], traced ? &spaces : NULL, hang, json, (size_t)top, &err);
		code = hang || !spaces.complete ? BU_EXIT_INCOMPLETE : BU_EXIT_OK;
		bu_hang_free(hang);
		return rc ? bu_cli_failed(&usage, &err) : code;
	}
	if (rc)
		bu_hang_free(hang);
	if (rc == -ENOTSUP)
		return bu_cli_usage_error(&usage, "%s", err.text);
	if (rc)
		return bu_cli_failed(&usage, &err);
	sums = calloc(boots.n, sizeof(*sums));
	if (!sums)
		rc = bu_fail_errno(&err, -ENOMEM, "report");
	for (i = 0; !rc && i < boots.n; i++) {
		boots.boot[i].hang = hang;
		boots.boot[i].spaces = traced ? &spaces : NULL;
		rc = bu_summary_of(&boots.boot[i], &sums[i], &err);
		if (!boots.boot[i].complete)
			code = BU_EXIT_INCOMPLETE;
	}
	if (!rc && json)
		rc = bu_report_json(stdout, boots.boot, sums, boots.n, boots.is_runs && !run, &err);
	else if (!rc)
		bu_report_text(stdout, boots.boot, sums, boots.n, (size_t)top);
	if (rc)
		code = bu_cli_failed(&usage, &err);
	for (i = 0; sums && i < boots.n; i++)
		bu_summary_fini(&sums[i]);
	free(sums);
	bu_boots_fini(&boots);
	bu_hang_free(hang);
	return code;
}
