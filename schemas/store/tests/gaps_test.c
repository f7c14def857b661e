// SPDX-License-Identifier: GPL-2.0-only
/* gaps_test.c - between the rows of a database there is nothing after bu_clear_gaps(), and its rows are as they were. */
#include "schemas/store/gaps.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#include "schemas/base/mem.h"
#include "schemas/store/db.h"

#define PAGE 8192

static const struct bu_db_format format = {
	"database of a test", "CREATE TABLE t (id INTEGER PRIMARY KEY, x TEXT); CREATE INDEX t_by_x ON t (x);"
	"PRAGMA application_id = 1; PRAGMA user_version = 1", 1, 1, NULL
};

/* In no order, so that pages are split; many go again; some are longer than a page. */
static const char rows_of_all_kinds[] =
	"WITH RECURSIVE n (i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 20000)"
	"INSERT INTO t SELECT i * 7919 % 20011, 'a secret ' || i || substr(hex(zeroblob(9000)), 1, (i % 500 = 0) * 9000) FROM n;"
	"DELETE FROM t WHERE id % 3 = 0";

static char folder[32], path[64];
static struct bu_err err = BU_ERR_INIT;

static void make(bool clean)
{
	struct bu_db *db = NULL;

	assert_int_equal(bu_db_create(path, &format, true, &db, &err), 0);
	assert_int_equal(bu_db_exec(db, rows_of_all_kinds, &err), 0);
	assert_int_equal(clean ? bu_db_finish_clean(db, &err) : bu_db_finish(db, &err), 0);
	bu_db_close(db);
}

/* The rows as one number, when the file is sound. */
static int64_t rows(void)
{
	_cleanup_(bu_db_closep) struct bu_db *db = NULL;
	int64_t sum = -1;

	assert_int_equal(bu_db_open(path, &format, &db, &err), 0);
	assert_true(bu_db_i64(db, "SELECT count(*) FROM pragma_integrity_check WHERE integrity_check = 'ok'", &sum, &err) >= 0);
	assert_int_equal(sum, 1);
	assert_true(bu_db_i64(db, "SELECT sum(id * length(x)) + sum(CAST(substr(x, 10, 4) AS INTEGER)) FROM t", &sum, &err) >= 0);
	return sum;
}

static bool is_secret(unsigned char *p, size_t n)
{
	return memmem(p, n, "secret", strlen("secret")) != NULL;
}

static bool is_anything(unsigned char *p, size_t n)
{
	while (n && !*p) {
		p++;
		n--;
	}
	return n;
}

/* Pages with something in a gap. */
static int count(bool (*look)(unsigned char *p, size_t n))
{
	static unsigned char page[PAGE];
	FILE *f = fopen(path, "rbe");
	int64_t number = 0;
	int found = 0;

	assert_non_null(f);
	while (fread(page, sizeof(page), 1, f) == 1)
		found += bu_page_gaps(page, sizeof(page), ++number, look);
	fclose(f);
	assert_true(number > 20);
	return found;
}

static void nothing_is_left(void **state)
{
	int64_t before;

	(void)state;
	make(false);
	before = rows();
	assert_true(count(is_secret) > 0);
	assert_int_equal(bu_clear_gaps(path, PAGE, &err), 0);
	assert_int_equal(count(is_anything), 0);
	assert_int_equal(rows(), before);
	make(true);
	assert_int_equal(count(is_anything), 0);
	assert_int_equal(rows(), before);
}

/* A hostile file: every way in which a page can lie about itself is an end, not a crash. */
static void damaged_pages(void **state)
{
	static const unsigned char heads[][8] = {
		{ 13, 0, 0, 0xff, 0xff, 0x10, 0, 0 },	/* more cells than there is room for */
		{ 5, 0, 0, 0, 1, 0xff, 0xff, 0 },	/* content behind the page */
		{ 10, 0x1f, 0xfe, 0, 1, 0x10, 0, 0 },	/* a free block at its very end */
		{ 2, 0x10, 0x00, 0, 1, 0x10, 0, 0 },	/* one of no length */
	};
	static const unsigned char circle[] = { 13, 0x10, 0, 0, 1, 0x0f, 0 };
	static const unsigned char block[] = { 0x10, 0, 0, 8 };	/* free, and followed by itself */
	unsigned char page[PAGE];
	size_t i;

	(void)state;
	for (i = 0; i < ARRAY_SIZE(heads); i++) {
		memset(page, 0, sizeof(page));
		memcpy(page, heads[i], sizeof(heads[i]));
		assert_true(bu_page_gaps(page, sizeof(page), 2, is_secret));
	}
	memset(page, 0, sizeof(page));
	memcpy(page, circle, sizeof(circle));
	memcpy(page + 0x1000, block, sizeof(block));
	assert_true(bu_page_gaps(page, sizeof(page), 2, is_secret));
	memset(page, 0, sizeof(page));			/* an overflow page has none */
	memset(page + 4, 's', 100);
	assert_false(bu_page_gaps(page, sizeof(page), 2, is_anything));
}

static void no_file(void **state)
{
	(void)state;
	assert_true(bu_clear_gaps("/nonexistent/x.db", PAGE, &err) < 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(nothing_is_left), cmocka_unit_test(damaged_pages), cmocka_unit_test(no_file),
	};
	int rc;

	strcpy(folder, "/tmp/bringup-gaps.XXXXXX");
	if (!mkdtemp(folder))
		return 1;
	snprintf(path, sizeof(path), "%s/x.db", folder);
	rc = cmocka_run_group_tests(tests, NULL, NULL);
	unlink(path);
	rmdir(folder);
	return rc;
}
