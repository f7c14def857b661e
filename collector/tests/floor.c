// SPDX-License-Identifier: GPL-2.0-only
/* floor.c - see floor.h. Knows the two tables that a synthetic trace fills. */
#include "collector/tests/floor.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "schemas/base/mem.h"
#include "schemas/base/ns.h"
#include "schemas/store/capture_db.h"

#define COLUMNS 14

struct row {
	int table;
	int64_t v[COLUMNS];
};

static const struct {
	const char *select, *insert;
	int columns, text;	/* text: the column that is the kind, -1: none */
} tables[] = {
	{ "SELECT id, ts_ns, ts_raw, cpu, task, ctx, buf, func, caller FROM ev_func ORDER BY id",
	  "INSERT INTO ev_func (id, ts_ns, ts_raw, cpu, task, ctx, buf, func, caller) VALUES (?,?,?,?,?,?,?,?,?)", 9, -1 },
	{ "SELECT id, ts_ns, ts_raw, cpu, task, ctx, buf, kind = 'exit', target_cpu, step, target, func, state, ret "
	  "FROM ev_cpuhp ORDER BY id",
	  "INSERT INTO ev_cpuhp (id, ts_ns, ts_raw, cpu, task, ctx, buf, kind, target_cpu, step, target, func, state, ret)"
	  " VALUES (?,?,?,?,?,?,?,?,?,?,?,?,?,?)", 14, 7 },
};

static int by_id(const void *a, const void *b)
{
	const struct row *x = a, *y = b;

	return x->v[0] < y->v[0] ? -1 : x->v[0] > y->v[0];
}

static int load(struct bu_db *db, struct row **rows, size_t *n, struct bu_err *err)
{
	size_t cap = 0, t;
	int rc = 0, i;

	for (t = 0; !rc && t < ARRAY_SIZE(tables); t++) {
		_cleanup_(bu_stmt_closep) struct bu_stmt *st = NULL;

		rc = bu_stmt_prepare(db, tables[t].select, &st, err);
		while (!rc && (rc = bu_stmt_step(st, err)) == 1) {
			rc = bu_grow(rows, *n, &cap, sizeof(**rows));
			if (rc)
				return bu_fail_errno(err, rc, "floor");
			(*rows)[*n].table = (int)t;
			for (i = 0; i < tables[t].columns; i++)
				(*rows)[*n].v[i] = bu_stmt_ns(st, i);
			++*n;
		}
	}
	qsort(*rows, *n, sizeof(**rows), by_id);
	return rc;
}

static int insert(struct bu_db *db, const struct row *rows, size_t n, struct bu_err *err)
{
	struct bu_stmt *st[ARRAY_SIZE(tables)] = { NULL };
	size_t t, r;
	int rc = 0, i;

	for (t = 0; !rc && t < ARRAY_SIZE(tables); t++)
		rc = bu_stmt_prepare(db, tables[t].insert, &st[t], err);
	for (r = 0; !rc && r < n; r++) {
		t = (size_t)rows[r].table;
		for (i = 0; i < tables[t].columns; i++)
			if (i == tables[t].text)
				bu_stmt_bind_text(st[t], i + 1, rows[r].v[i] ? "exit" : "enter");
			else
				bu_stmt_bind_ns(st[t], i + 1, rows[r].v[i]);
		rc = bu_stmt_run(st[t], err);
	}
	for (t = 0; t < ARRAY_SIZE(tables); t++)
		bu_stmt_close(st[t]);
	return rc ? rc : bu_db_exec(db, "COMMIT", err);
}

int floor_tool(const char *from, const char *to)
{
	_cleanup_(bu_db_closep) struct bu_db *in = NULL, *out = NULL;
	_cleanup_free_ struct row *rows = NULL;
	struct bu_err err = BU_ERR_INIT;
	struct timespec a, b;
	size_t n = 0;

	if (bu_db_open(from, &bu_capture_format, &in, &err) || load(in, &rows, &n, &err) ||
	    bu_db_create(to, &bu_capture_format, true, &out, &err)) {
		fprintf(stderr, "%s\n", err.text);
		return 1;
	}
	clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &a);
	if (insert(out, rows, n, &err)) {
		fprintf(stderr, "%s\n", err.text);
		return 1;
	}
	clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &b);
	printf("floor_s=%.3f rows=%zu\n", (double)(b.tv_sec - a.tv_sec) + (double)(b.tv_nsec - a.tv_nsec) / 1e9, n);
	return 0;	/* the database was only for the time: closing it unfinished removes it */
}
