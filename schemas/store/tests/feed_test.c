// SPDX-License-Identifier: GPL-2.0-only
/* feed_test.c - rows that go through a feed arrive as single inserts would have put them, and so do refusals. */
#include "schemas/store/feed.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#include "schemas/base/ns.h"

static const struct bu_db_format format = {
	"database of a test", "CREATE TABLE t (id INTEGER PRIMARY KEY, n INTEGER, copied TEXT, kept TEXT, none INTEGER,"
	" small INTEGER NOT NULL CHECK (small < 1000)) STRICT", 1, 1, NULL
};

struct fixture {
	char folder[32], path[64];
	struct bu_db *db;
	struct bu_feed *feed;
	struct bu_err err;
};

static int set_up(void **state)
{
	struct fixture *f = calloc(1, sizeof(*f));

	strcpy(f->folder, "/tmp/bringup-feed.XXXXXX");
	f->err = (struct bu_err)BU_ERR_INIT;
	assert_non_null(mkdtemp(f->folder));
	snprintf(f->path, sizeof(f->path), "%s/x.db", f->folder);
	assert_int_equal(bu_db_create(f->path, &format, false, &f->db, &f->err), 0);
	assert_int_equal(bu_feed_create(f->db, "t", "id, n, copied, kept, none, small", "ints0i", &f->feed, &f->err), 0);
	*state = f;
	return 0;
}

static int tear_down(void **state)
{
	struct fixture *f = *state;

	bu_feed_destroy(f->feed);
	bu_db_close(f->db);
	rmdir(f->folder);
	free(f);
	return 0;
}

static int push(struct fixture *f, int64_t id, int64_t n, const char *text, int64_t small)
{
	union bu_cell *c = bu_feed_row(f->feed);

	c[0].i = id;
	c[1].i = n;
	c[2].text = text;
	c[3].text = id % 2 ? "odd" : NULL;
	c[5].i = small;
	return bu_feed_push(f->feed, &f->err);
}

static int64_t ask(struct fixture *f, const char *sql)
{
	int64_t v = -1;

	assert_true(bu_db_i64(f->db, sql, &v, &f->err) >= 0);
	return v;
}

static void rows_arrive(void **state)
{
	struct fixture *f = *state;
	char text[64];
	int64_t i;

	for (i = 1; i <= 1000; i++) {	/* not a multiple of what a statement takes; the text is used again for each */
		snprintf(text, sizeof(text), "row %d", (int)i);
		assert_int_equal(push(f, i, i % 3 ? INT64_MAX - i : BU_NS_UNKNOWN, i % 5 ? text : NULL, 7), 0);
	}
	assert_true(ask(f, "SELECT count(*) FROM t") < 1000);
	assert_int_equal(bu_feed_flush(f->feed, &f->err), 0);
	assert_int_equal(bu_feed_flush(f->feed, &f->err), 0);	/* nothing is left to be written twice */
	assert_int_equal(ask(f, "SELECT count(*) FROM t WHERE n IS CASE WHEN id % 3 THEN 9223372036854775807 - id END AND "
			     "copied IS CASE WHEN id % 5 THEN 'row ' || id END AND kept IS CASE WHEN id % 2 THEN 'odd' END "
			     "AND none IS NULL AND small = 7"), 1000);
}

static void long_texts_do_not_pile_up(void **state)
{
	struct fixture *f = *state;
	static char text[100001];

	memset(text, 'x', sizeof(text) - 1);
	assert_int_equal(push(f, 1, 1, text, 1), 0);
	assert_int_equal(push(f, 2, 1, text, 1), 0);
	assert_int_equal(ask(f, "SELECT count(*) FROM t"), 0);
	assert_int_equal(push(f, 3, 1, text, 1), 0);
	assert_int_equal(ask(f, "SELECT sum(length(copied)) FROM t"), 300000);
}

static void what_the_table_refuses_is_said(void **state)
{
	struct fixture *f = *state;

	assert_int_equal(push(f, 1, 1, "a", 1), 0);
	assert_int_equal(push(f, 2, 1, "b", 1000), 0);
	assert_true(bu_feed_flush(f->feed, &f->err) < 0);
	assert_non_null(strstr(f->err.text, "CHECK constraint failed"));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(rows_arrive, set_up, tear_down),
		cmocka_unit_test_setup_teardown(long_texts_do_not_pile_up, set_up, tear_down),
		cmocka_unit_test_setup_teardown(what_the_table_refuses_is_said, set_up, tear_down),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
