// SPDX-License-Identifier: GPL-2.0-only
/*
 * load_test.c - SQLite finds in loaded pages what it would have found had it written them itself: its integrity check
 * holds (order of keys, an index entry per row and the other way round, types, no page used twice or lost), and every
 * value is the one that went in.
 */
#include "schemas/store/load.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>

#include "schemas/base/mem.h"
#include "schemas/base/ns.h"

#define KEYS 50

static const struct bu_db_format format = {
	"database of a test", "CREATE TABLE t (id INTEGER PRIMARY KEY, n INTEGER, copied TEXT, kept TEXT, none INTEGER,"
	" key INTEGER NOT NULL) STRICT; CREATE INDEX t_by_key ON t (key); CREATE TABLE u (id INTEGER PRIMARY KEY, v INTEGER) STRICT;"
	"CREATE TABLE w (id INTEGER PRIMARY KEY, op INTEGER) STRICT; CREATE INDEX w_by_op ON w (op, id)",
	1, 1, NULL
};
static const struct bu_load_table tables[] = {
	{ "t", "ints0i", "t_by_key", 5, false }, { "u", "ii", NULL, 0, false }, { "w", "in", "w_by_op", 1, true },
};

struct fixture {
	char folder[32], path[64], partial[80];
	struct bu_db *db;
	struct bu_load *load;
	struct bu_err err;
};

static int set_up(void **state)
{
	struct fixture *f = calloc(1, sizeof(*f));

	strcpy(f->folder, "/tmp/bringup-load.XXXXXX");
	f->err = (struct bu_err)BU_ERR_INIT;
	assert_non_null(mkdtemp(f->folder));
	snprintf(f->path, sizeof(f->path), "%s/x.db", f->folder);
	snprintf(f->partial, sizeof(f->partial), "%s.partial", f->path);
	assert_int_equal(bu_db_create(f->path, &format, false, &f->db, &f->err), 0);
	assert_int_equal(bu_load_begin(f->db, tables, ARRAY_SIZE(tables), &f->load, &f->err), 0);
	*state = f;
	return 0;
}

static int tear_down(void **state)
{
	struct fixture *f = *state;

	bu_load_destroy(f->load);
	bu_db_close(f->db);
	assert_int_equal(access(f->partial, F_OK), -1);
	unlink(f->path);
	rmdir(f->folder);
	free(f);
	return 0;
}

static int push_t(struct fixture *f, int64_t id, int64_t n, const char *copied, int64_t key)
{
	union bu_cell *c = bu_load_row(f->load, 0);

	c[0].i = id;
	c[1].i = n;
	c[2].text = copied;
	c[3].text = id % 2 ? "odd" : NULL;
	c[5].i = key;
	return bu_load_push(f->load, 0, &f->err);
}

static int push_u(struct fixture *f, int64_t id, int64_t v)
{
	union bu_cell *c = bu_load_row(f->load, 1);

	c[0].i = id;
	c[1].i = v;
	return bu_load_push(f->load, 1, &f->err);
}

static int push_w(struct fixture *f, int64_t id, int64_t op)
{
	union bu_cell *c = bu_load_row(f->load, 2);

	c[0].i = id;
	c[1].i = op;
	return bu_load_push(f->load, 2, &f->err);
}

static int64_t ask(struct fixture *f, const char *sql)
{
	int64_t v = -1;

	assert_true(bu_db_i64(f->db, sql, &v, &f->err) >= 0);
	return v;
}

static void end_and_check(struct fixture *f)
{
	_cleanup_(bu_stmt_closep) struct bu_stmt *st = NULL;

	assert_int_equal(bu_load_end(f->load, &f->err), 0);
	assert_int_equal(bu_stmt_prepare(f->db, "PRAGMA integrity_check", &st, &f->err), 0);
	assert_int_equal(bu_stmt_step(st, &f->err), 1);
	assert_string_equal(bu_stmt_text(st, 0), "ok");
}

/* Three levels of both trees: half a million rows at 8 KiB pages. Three tables in turns. */
static void many_rows(void **state)
{
	const int64_t rows = 500000;
	struct fixture *f = *state;
	char text[64];
	int64_t i;

	for (i = 1; i <= rows; i++) {
		snprintf(text, sizeof(text), "row %d", (int)i);
		assert_int_equal(push_t(f, 3 * i, i % 3 ? INT64_MAX - i : BU_NS_UNKNOWN, i % 5 ? text : NULL, i * 7 % KEYS), 0);
		if (i % 100 == 0)
			assert_int_equal(push_u(f, i, -i), 0);
		if (i % 2)
			assert_int_equal(push_w(f, i, i % 7 ? i / 500 + 1 : BU_NS_UNKNOWN), 0);
	}
	end_and_check(f);
	assert_int_equal(ask(f, "SELECT count(*) FROM t WHERE n IS CASE WHEN id / 3 % 3 THEN 9223372036854775807 - id / 3 END AND "
			     "copied IS CASE WHEN id / 3 % 5 THEN 'row ' || (id / 3) END AND kept IS CASE WHEN id % 2 THEN 'odd' END "
			     "AND none IS NULL AND key = id / 3 * 7 % 50"), rows);
	assert_int_equal(ask(f, "SELECT count(*) FROM t INDEXED BY t_by_key WHERE key = 49"), rows / KEYS);
	assert_int_equal(ask(f, "SELECT count(*) FROM u WHERE v = -id"), rows / 100);
	assert_int_equal(ask(f, "SELECT count(*) FROM w INDEXED BY w_by_op WHERE op IS NULL AND id % 7 = 0"), (rows / 7 + 1) / 2);
	assert_int_equal(ask(f, "SELECT count(*) FROM w INDEXED BY w_by_op WHERE op = 10 AND id BETWEEN 4500 AND 4999"),
			 ask(f, "SELECT count(*) FROM w WHERE +op IS NOT NULL AND id BETWEEN 4500 AND 4999"));
	/* And it goes on as a database like any other. */
	assert_int_equal(bu_db_exec(f->db, "INSERT INTO t SELECT id + 1, n, copied, kept, none, key FROM t; DELETE FROM t WHERE id % 2",
				    &f->err), 0);
	assert_int_equal(bu_db_finish(f->db, &f->err), 0);
	assert_int_equal(ask(f, "SELECT count(*) FROM pragma_integrity_check WHERE integrity_check = 'ok'"), 1);
	/* What was counted and what was looked at, for the planner. */
	assert_int_equal(ask(f, "SELECT stat FROM sqlite_stat1 WHERE tbl = 'u' AND idx IS NULL"), rows / 100);
	assert_int_equal(ask(f, "SELECT count(DISTINCT idx) FROM sqlite_stat1 WHERE idx IN ('t_by_key', 'w_by_op')"), 2);
}

static void every_width_of_a_number(void **state)
{
	struct fixture *f = *state;
	int64_t id = 0, v;
	char sql[160];
	int bit, off;

	for (bit = 0; bit < 64; bit++)
		for (off = -1; off <= 1; off++) {
			v = (int64_t)((UINT64_C(1) << bit) + (uint64_t)off);
			assert_int_equal(push_u(f, ++id, v), 0);
			assert_int_equal(push_u(f, ++id, (int64_t)(0 - (uint64_t)v)), 0);
		}
	end_and_check(f);
	for (id = 0, bit = 0; bit < 64; bit++)
		for (off = -1; off <= 1; off++, id += 2) {
			v = (int64_t)((UINT64_C(1) << bit) + (uint64_t)off);
			snprintf(sql, sizeof(sql), "SELECT v FROM u WHERE id = %d", (int)id + 1);
			assert_int_equal(ask(f, sql), v);
			snprintf(sql, sizeof(sql), "SELECT v FROM u WHERE id = %d", (int)id + 2);
			assert_int_equal(ask(f, sql), (int64_t)(0 - (uint64_t)v));
		}
}

/* Texts around every length at which a record leaves its page, and some pages further. */
static void long_texts(void **state)
{
	static const size_t around[] = { 57, 900, 1000, 8140, 8155, 16330, 24510, 100000 };
	static char text[100100];
	struct fixture *f = *state;
	int64_t id = 1, sum = 0;
	size_t i, k;

	memset(text, 'x', sizeof(text) - 1);
	for (i = 0; i < ARRAY_SIZE(around); i++)
		for (k = around[i] - 30; k < around[i] + 30; k++) {
			text[k] = 0;
			assert_int_equal(push_t(f, id, (int64_t)k, text, id % 3), 0);
			id++;
			text[k] = 'x';
			sum += (int64_t)k;
		}
	end_and_check(f);
	assert_int_equal(ask(f, "SELECT count(*) FROM t WHERE length(copied) = n AND copied NOT GLOB '*[^x]*'"), id - 1);
	assert_int_equal(ask(f, "SELECT sum(length(copied)) FROM t"), sum);
}

static void nothing_at_all(void **state)
{
	struct fixture *f = *state;

	end_and_check(f);
	assert_int_equal(ask(f, "SELECT (SELECT count(*) FROM t) + (SELECT count(*) FROM u)"), 0);
	assert_int_equal(bu_db_finish(f->db, &f->err), 0);
}

static void given_up(void **state)
{
	struct fixture *f = *state;

	assert_int_equal(push_u(f, 1, 1), 0);	/* tear_down() finds that nothing stays behind */
}

/* The page with the lock byte, one GiB into the file, is left out. The pages before it are a hole here. */
static void lock_byte(void **state)
{
	struct fixture *f = *state;
	int64_t i, pages = 0x40000000 / 8192;
	unsigned char count[4] = { 0, (unsigned char)((pages - 3) >> 16), (unsigned char)((pages - 3) >> 8),
				   (unsigned char)(pages - 3) };
	FILE *file;

	bu_load_destroy(f->load);
	f->load = NULL;
	bu_db_close(f->db);
	assert_int_equal(bu_db_create(f->path, &format, false, &f->db, &f->err), 0);
	file = fopen(f->partial, "r+");		/* as if it had that many pages already */
	assert_non_null(file);
	assert_int_equal(fseek(file, 28, SEEK_SET), 0);
	assert_int_equal(fwrite(count, 1, sizeof(count), file), sizeof(count));
	assert_int_equal(fclose(file), 0);
	assert_int_equal(truncate(f->partial, (pages - 3) * 8192), 0);
	assert_int_equal(bu_load_begin(f->db, tables, ARRAY_SIZE(tables), &f->load, &f->err), 0);
	for (i = 1; i <= 20000; i++)
		assert_int_equal(push_u(f, i, INT64_MAX), 0);
	assert_int_equal(bu_load_end(f->load, &f->err), 0);
	assert_int_equal(ask(f, "SELECT count(*) FROM u WHERE v = 9223372036854775807"), 20000);
	assert_int_equal(ask(f, "SELECT count(*) FROM pragma_integrity_check WHERE integrity_check NOT LIKE '%never used'"), 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(many_rows, set_up, tear_down),
		cmocka_unit_test_setup_teardown(every_width_of_a_number, set_up, tear_down),
		cmocka_unit_test_setup_teardown(long_texts, set_up, tear_down),
		cmocka_unit_test_setup_teardown(nothing_at_all, set_up, tear_down),
		cmocka_unit_test_setup_teardown(given_up, set_up, tear_down),
		cmocka_unit_test_setup_teardown(lock_byte, set_up, tear_down),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
