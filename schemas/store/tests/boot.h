/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * boot.h - a small capture of an invented boot, from analyze/tests/synth.sql, and ways to spoil it; for tests and
 * fuzz targets. $SRC is the source tree.
 */
#ifndef BU_SCHEMAS_STORE_TESTS_BOOT_H
#define BU_SCHEMAS_STORE_TESTS_BOOT_H

#include "schemas/base/mem.h"
#include "schemas/base/tests/fuzz/fuzz.h"
#include "schemas/store/db.h"

static inline char *boot_text(const char *name)
{
	const char *src = getenv("SRC");
	char path[4096], *text = NULL;
	FILE *f;
	long n;

	snprintf(path, sizeof(path), "%s/%s", src ? src : ".", name);
	f = fopen(path, "re");
	if (f && !fseek(f, 0, SEEK_END) && (n = ftell(f)) > 0) {
		text = calloc(1, (size_t)n + 1);
		rewind(f);
		if (text && fread(text, 1, (size_t)n, f) != (size_t)n)
			text[0] = 0;
	}
	if (f)
		fclose(f);
	return text;
}

/* Makes the capture @path of @cpus CPUs, "serial" or "parallel". Return: 0. */
static inline int boot_capture(const char *path, int cpus, const char *algorithm, struct bu_err *err)
{
	_cleanup_(bu_db_closep) struct bu_db *db = NULL;
	_cleanup_free_ char *sql = boot_text("analyze/tests/synth.sql");
	char param[128];
	int rc;

	if (!sql)
		return bu_fail(err, -1, "analyze/tests/synth.sql is not there; set SRC");
	snprintf(param, sizeof(param), "CREATE TEMP TABLE param AS SELECT %d AS cpus, '%s' AS algorithm, 0 AS hang", cpus,
		 algorithm);
	rc = bu_db_create(path, &bu_capture_format, true, &db, err);
	if (!rc)
		rc = bu_db_exec(db, param, err);
	if (!rc)
		rc = bu_db_exec(db, sql, err);
	if (!rc)
		rc = bu_db_exec(db, "CREATE INDEX step_by_op ON step (op, id)", err);
	return rc ? rc : bu_db_finish(db, err);
}

/*
 * A boot of four CPUs to be spoilt, over and over, in transactions that are taken back. Of the thirty steps of each CPU
 * only some of every kind are left, and nothing of it is ever written: an input should cost what it tests.
 */
static inline struct bu_db *boot_to_spoil(const char *algorithm)
{
	struct bu_err err = BU_ERR_INIT;
	struct bu_db *db = NULL;
	char folder[64], path[80];

	fuzz_folder(folder);
	snprintf(path, sizeof(path), "%s/x.db", folder);
	if (boot_capture(path, 4, algorithm, &err) || bu_db_append(path, &bu_capture_format, &db, &err) ||
	    bu_db_exec(db, "PRAGMA journal_mode = MEMORY; PRAGMA locking_mode = EXCLUSIVE; PRAGMA foreign_keys = OFF;"
		       "CREATE TEMP TABLE few AS SELECT * FROM step WHERE nr IN (1, 60, 85, 86, 91, 155, 186, 205);"
		       "DELETE FROM step; UPDATE few SET id = rowid; INSERT INTO step SELECT * FROM few; DROP TABLE few",
		       &err)) {
		fprintf(stderr, "%s\n", err.text);
		abort();
	}
	unlink(path);
	rmdir(folder);
	return db;
}

/*
 * One change of a row, chosen by the input: three bytes for table, column and row, then the value. What a constraint
 * of the schema forbids does not happen, as no such file would pass the check of bu_db_open().
 */
static inline void boot_spoil(struct bu_db *db, struct fuzz_in *in)
{
	static const char *const columns[] = {
		"capture.clock_unit", "capture.events_total", "capture.lost_total", "capture.complete",
		"machine.cpus_online", "bringup.start_ns", "bringup.bringup_ns", "bringup.algorithm", "bringup.cpus",
		"bringup.cpus_ok", "bringup_cpu.cpu", "bringup_cpu.op", "bringup_cpu.control_cpu", "bringup_cpu.prepare_ns",
		"bringup_cpu.kick_ns", "bringup_cpu.kick_last_ns", "bringup_cpu.kick_end_ns", "bringup_cpu.first_sign_ns",
		"bringup_cpu.alive_ns", "bringup_cpu.bringup_ns", "bringup_cpu.release_ns", "bringup_cpu.starting_ns",
		"bringup_cpu.tsc_target_ns", "bringup_cpu.tsc_source_ns", "bringup_cpu.tsc_end_ns", "bringup_cpu.idle_ns",
		"bringup_cpu.kick_thread_ns", "bringup_cpu.thread_ns", "bringup_cpu.online_ns", "bringup_cpu.done_ns",
		"bringup_cpu.verdict", "bringup_cpu.ret", "step.op", "step.cpu", "step.target_cpu", "step.nr", "step.name",
		"step.start_ns", "step.end_ns", "step.ret", "step.verdict", "step.target", "hotplug_op.cpu",
		"hotplug_op.direction", "hotplug_op.nth", "hotplug_op.start_ns", "hotplug_op.end_ns", "hotplug_op.verdict",
		"hotplug_op.ret", "cpu.thread", "cpu.cpu",
	};
	static const char *const words[] = {
		"", "ok", "failed", "open", "lost", "tick", "up", "down", "rollback", "parallel",
		"split", "runtime", "bringup_cpu", "cpuhp_kick_ap_alive", "cpuhp_bringup_ap",
		"smpboot_unpark_threads", "takedown_cpu", NULL,
	};
	const char *column = columns[fuzz_num(in, 1) % ARRAY_SIZE(columns)], *dot = strchr(column, '.');
	int table = (int)(dot - column);
	_cleanup_(bu_stmt_closep) struct bu_stmt *st = NULL;
	unsigned int row = (unsigned int)fuzz_num(in, 1), how = (unsigned int)fuzz_num(in, 1);
	int64_t number = how & 1 ? fuzz_i64(in) : 0;
	const char *word = words[(how >> 1) % ARRAY_SIZE(words)];
	char sql[256], row_sql[64];

	snprintf(row_sql, sizeof(row_sql), "WHERE rowid = 1 + ?1 %% (SELECT max(rowid) FROM %.*s)", table, column);
	if (how % 8 == 6)
		snprintf(sql, sizeof(sql), "DELETE FROM %.*s %s", table, column, row_sql);
	else if (how % 8 == 5)	/* moved a little rather than set */
		snprintf(sql, sizeof(sql), "UPDATE %.*s SET %s = %s + ?2 %s", table, column, dot + 1, dot + 1, row_sql);
	else
		snprintf(sql, sizeof(sql), "UPDATE OR IGNORE %.*s SET %s = ?2 %s", table, column, dot + 1, row_sql);
	FUZZ_CHECK(!bu_stmt_prepare(db, sql, &st, NULL));
	bu_stmt_bind_i64(st, 1, row);
	if (how & 1)
		bu_stmt_bind_i64(st, 2, how % 8 == 5 ? number % 2000000 : number);
	else if (word)
		bu_stmt_bind_text(st, 2, word);
	bu_stmt_run(st, NULL);
}

#endif
