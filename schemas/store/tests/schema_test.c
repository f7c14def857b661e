// SPDX-License-Identifier: GPL-2.0-only
/* schema_test.c - files whose schema was changed by somebody are not opened, whatever their rows; ours always are. */
#include "schemas/store/schema.h"

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>
#include <sqlite3.h>

#include "schemas/base/mem.h"
#include "schemas/store/tests/small.h"

static char folder[] = "/tmp/bringup-schema.XXXXXX";
static char path[64];

static int setup(void **state)
{
	(void)state;
	if (!mkdtemp(folder))
		return -1;
	snprintf(path, sizeof(path), "%s/x.db", folder);
	return 0;
}

static int teardown(void **state)
{
	(void)state;
	unlink(path);
	return rmdir(folder);
}

static void change(const char *sql)
{
	sqlite3 *sq;

	assert_int_equal(sqlite3_open(path, &sq), SQLITE_OK);
	assert_int_equal(sqlite3_exec(sq, sql, NULL, NULL, NULL), SQLITE_OK);
	assert_int_equal(sqlite3_close(sq), SQLITE_OK);
}

static int open_it(const struct bu_db_format *format, struct bu_err *err)
{
	_cleanup_(bu_db_closep) struct bu_db *db = NULL;

	return bu_db_open(path, format, &db, err);
}

static void changed_schemas_are_refused(void **state)
{
	static const struct {
		const char *sql, *said;
	} of[] = {
		{ "CREATE TRIGGER t AFTER INSERT ON step BEGIN DELETE FROM ev_func; END", "CREATE TRIGGER t" },
		{ "CREATE TABLE x (n)", "CREATE TABLE x" },
		{ "DROP VIEW losses; CREATE VIEW losses AS SELECT 'top' AS buffer, 0 AS cpu, 'missed' AS kind, 0 AS count, 0 AS "
		  "after_ns, 0 AS before_ns", "CREATE VIEW losses" },
		{ "DROP TABLE step; CREATE VIEW step AS WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n) SELECT i AS "
		  "id FROM n", "CREATE VIEW step" },
		{ "DROP TABLE raw_line; CREATE TABLE raw_line (id INTEGER PRIMARY KEY, line INTEGER NOT NULL, text TEXT AS "
		  "(printf('%1000000000d', 1)))", "CREATE TABLE raw_line" },
		{ "CREATE INDEX i ON ev_func (cpu) WHERE cpu > 10", "CREATE INDEX i" },
		{ "ALTER TABLE step ADD COLUMN x INTEGER", "CREATE TABLE step" },
		{ "PRAGMA writable_schema = ON; UPDATE sqlite_schema SET sql = replace(sql, '''ok''', '''OK''')", "CREATE TABLE" },
		{ "PRAGMA writable_schema = ON; UPDATE sqlite_schema SET sql = sql || ' LIMIT 1' WHERE name = 'losses'",
		  "CREATE VIEW losses" },
	};
	struct bu_err err;
	size_t i;

	(void)state;
	for (i = 0; i < ARRAY_SIZE(of); i++) {
		err = (struct bu_err)BU_ERR_INIT;
		assert_int_equal(small_capture(path, &err), 0);
		assert_int_equal(open_it(&bu_capture_format, &err), 0);
		change(of[i].sql);
		if (open_it(&bu_capture_format, &err) != -EPROTO || !strstr(err.text, of[i].said))
			fail_msg("%s: '%s'", of[i].sql, err.text);
	}
}

/* Comments are for people; older and newer programs may put them otherwise, and older ones had fewer tables. */
static void comments_and_missing_tables_do_not_count(void **state)
{
	struct bu_err err = BU_ERR_INIT;

	(void)state;
	assert_int_equal(small_capture(path, &err), 0);
	change("DROP TABLE clock_bound; PRAGMA writable_schema = ON; UPDATE sqlite_schema SET sql = replace(sql, 'TABLE raw_line (',"
	       "'TABLE raw_line ( -- it''s; another' || char(10) || '   ')");
	assert_int_equal(open_it(&bu_capture_format, &err), 0);
}

static void runs_too(void **state)
{
	struct bu_err err = BU_ERR_INIT;

	(void)state;
	unlink(path);
	assert_int_equal(small_run(path, &err), 0);
	assert_int_equal(open_it(&bu_run_format, &err), 0);
	change("CREATE TRIGGER t AFTER INSERT ON run BEGIN DELETE FROM interval; END");
	assert_int_equal(open_it(&bu_run_format, &err), -EPROTO);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(changed_schemas_are_refused),
		cmocka_unit_test(comments_and_missing_tables_do_not_count),
		cmocka_unit_test(runs_too),
	};

	return cmocka_run_group_tests(tests, setup, teardown);
}
