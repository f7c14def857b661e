// SPDX-License-Identifier: GPL-2.0-only
/*
 * report_fuzz.c - from the rows of a capture to what is reported of it (query_capture.c, summary.c, report*.c).
 *
 * An input is changes to the rows of a small boot (schemas/store/tests/boot.h), made in a transaction that is taken back.
 */
#include "analyze/query_int.h"
#include "analyze/report.h"
#include "analyze/summary.h"
#include "schemas/store/tests/boot.h"
#include "schemas/store/tests/kept.h"

static struct bu_db *db;
static FILE *nowhere;

int LLVMFuzzerInitialize(int *argc, char ***argv)
{
	(void)argc;
	(void)argv;
	db = boot_to_spoil("parallel");
	nowhere = fopen("/dev/null", "we");
	FUZZ_CHECK(nowhere);
	return 0;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct fuzz_in in = { data, size };
	struct bu_boots boots = { .n = 1 };
	struct bu_boot_builder b = { .db = db };
	struct bu_summary sum = { 0 };
	struct bu_err err = BU_ERR_INIT;
	int rc;

	FUZZ_CHECK(!bu_db_begin(db, &err));
	while (in.left)
		boot_spoil(db, &in);
	boots.boot = calloc(1, sizeof(*boots.boot));
	FUZZ_CHECK(boots.boot);
	boots.boot->file = "x.db";
	b.boot = boots.boot;
	rc = bu_boot_read_capture(&b, &err);
	FUZZ_CHECK(!rc == !err.text[0]);
	if (!rc) {
		FUZZ_CHECK(!bu_summary_of(boots.boot, &sum, &err));
		bu_report_text(nowhere, boots.boot, &sum, 1, 10);
		FUZZ_CHECK(!bu_report_json(nowhere, boots.boot, &sum, 1, false, &err));
		bu_summary_fini(&sum);
	}
	bu_boots_fini(&boots);
	FUZZ_CHECK(!bu_db_exec(db, "ROLLBACK", NULL));
	return 0;
}
