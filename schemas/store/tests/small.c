// SPDX-License-Identifier: GPL-2.0-only
/* small.c - see small.h. */
#include "schemas/store/tests/small.h"

#include <errno.h>
#include <string.h>

#include "schemas/base/mem.h"
#include "schemas/base/ns.h"
#include "schemas/store/capture_db.h"
#include "schemas/store/ddl.h"
#include "schemas/store/run_db.h"

static int fill(struct bu_db *db, bool loaded, struct bu_err *err)
{
	_cleanup_(bu_capture_writer_destroyp) struct bu_capture_writer *w = NULL;
	_cleanup_(bu_dict_fini) struct bu_dict symbols = { 0 }, tasks = { 0 };
	struct bu_event_kind kind = { 1, "ftrace", "function", BU_EV_FUNC, SMALL_EVENTS };
	struct bu_event ev = { .table = BU_EV_FUNC, .kind = 1, .task = 1 };
	int rc, i;

	if (!bu_dict_id(&symbols, "smp_init", 0) || !bu_dict_id(&tasks, "swapper/0", 0))
		return bu_fail_errno(err, -ENOMEM, "small capture");
	rc = bu_db_row(db, err, "INSERT INTO buffer (id, name) VALUES (0, '')", "");
	if (!rc)
		rc = bu_capture_write_symbols(db, &symbols, err);
	if (!rc)
		rc = bu_capture_write_tasks(db, &tasks, err);
	if (!rc)
		rc = bu_capture_write_kind(db, &kind, err);
	if (!rc)
		rc = loaded ? bu_capture_loader_create(db, true, NULL, 0, &w, err) : bu_capture_writer_create(db, true, &w, err);
	for (i = 0; !rc && i < SMALL_EVENTS; i++) {
		ev.id = i + 1;
		ev.ts_ns = i * 1000;
		ev.func.func = 1;
		rc = bu_capture_write_event(w, &ev, err);
	}
	if (!rc)
		rc = bu_capture_writer_flush(w, err);
	if (!rc)
		rc = bu_capture_note(db, "info", "clock", 1, err, "made by a test");
	return rc || loaded ? rc : bu_db_exec(db, bu_sql_index, err);
}

static int make(const char *path, bool loaded, struct bu_err *err)
{
	_cleanup_(bu_db_closep) struct bu_db *db = NULL;
	int rc;

	rc = bu_db_create(path, &bu_capture_format, true, &db, err);
	if (!rc)
		rc = fill(db, loaded, err);
	return rc ? rc : bu_db_finish(db, err);
}

int small_capture(const char *path, struct bu_err *err)
{
	return make(path, false, err);
}

int small_loaded_capture(const char *path, struct bu_err *err)
{
	return make(path, true, err);
}

int small_run(const char *path, struct bu_err *err)
{
	static const char *const names[] = { "a step", "a wait" };
	struct bu_run_cpu cpu = { .cpu = 1, .verdict = BU_CPU_OK, .online_ns = 5000 };
	struct bu_run_interval interval = { .lane = 0, .cpu = 1, .phase = 0, .name = 0, .start_ns = 0, .end_ns = 900 };
	struct bu_run_wait wait = { .task = "boot", .cpu = 1, .point = 1, .end_ns = 400, .outcome = "satisfied" };
	struct bu_run run = {
		.family = "hotplug", .core = "serial", .core_source = "a test", .command = "test", .capture_name = "x.db",
		.capture_sha256 = "0000000000000000000000000000000000000000000000000000000000000000",
		.kernel_release = "6.1", .recorded_algorithm = "serial", .recorded_cpus = 2, .cpus = 2, .params = "",
		.machine = "{}", .recorded_machine = "{}",
		.bringup_ns = 5000, .recorded_bringup_ns = BU_NS_UNKNOWN, .ap_latency_p50_ns = BU_NS_UNKNOWN,
		.ap_latency_p99_ns = BU_NS_UNKNOWN, .ap_latency_max_ns = BU_NS_UNKNOWN, .verdict = "ok", .verdict_detail = "",
		.cpu_rows = &cpu, .n_cpu_rows = 1, .names = (void *)names, .n_names = 2, .intervals = &interval,
		.n_intervals = 1, .waits = &wait, .n_waits = 1,
	};
	_cleanup_(bu_db_closep) struct bu_db *db = NULL;
	int rc;

	rc = bu_db_append(path, &bu_run_format, &db, err);
	if (!rc)
		rc = bu_db_begin(db, err);
	if (!rc)
		rc = bu_run_db_add(db, &run, NULL, err);
	return rc ? rc : bu_db_commit(db, err);
}

int small_check(const char *path, int64_t *ret_rows, struct bu_err *err)
{
	const struct bu_db_format *format = bu_db_format_of(path, err);
	_cleanup_(bu_db_closep) struct bu_db *db = NULL;
	_cleanup_(bu_stmt_closep) struct bu_stmt *st = NULL;
	int rc;

	if (!format)
		return err->code;
	rc = bu_db_open(path, format, &db, err);
	if (!rc)
		rc = bu_stmt_prepare(db, "PRAGMA integrity_check", &st, err);
	if (!rc)
		rc = bu_stmt_step(st, err);
	if (rc == 1 && strcmp(bu_stmt_text(st, 0), "ok"))
		return bu_fail(err, -EILSEQ, "%s: %s", path, bu_stmt_text(st, 0));
	if (rc >= 0)
		rc = bu_db_i64(db, format == &bu_run_format ? "SELECT count(*) FROM run" : "SELECT count(*) FROM ev_func",
			       ret_rows, err);
	return rc < 0 ? rc : 0;
}
