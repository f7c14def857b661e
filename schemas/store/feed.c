// SPDX-License-Identifier: GPL-2.0-only
/*
 * feed.c - see feed.h. The virtual table is SQLite's interface for it (sqlite.org/vtab.html): eponymous, read-only,
 * scanned from the first gathered row to the last, its cursor no more than the number of a row.
 */
#include "schemas/store/feed.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "schemas/base/mem.h"
#include "schemas/base/ns.h"
#include "schemas/store/db_int.h"

#define ROWS 256		/* more gain nothing: what a statement costs is spread thin enough */
#define TEXT_BYTES (1 << 18)	/* gathered texts are flushed when they are longer */

struct bu_feed {
	struct bu_db *db;
	sqlite3_stmt *insert;
	char *module;		/* name of the virtual table */
	char *types;
	int n_columns, n_rows;
	struct bu_arena texts;
	union bu_cell cells[ROWS][BU_FEED_COLUMNS];
};

struct table {
	sqlite3_vtab base;
	struct bu_feed *feed;
};

struct cursor {
	sqlite3_vtab_cursor base;
	struct bu_feed *feed;
	int row;
};

/* ---- what SQLite calls ------------------------------------------------------------------------------------------- */

static int vt_connect(sqlite3 *sq, void *feed, int argc, const char *const *argv, sqlite3_vtab **ret, char **message)
{
	char declaration[32 + 5 * BU_FEED_COLUMNS] = "CREATE TABLE x (";
	struct table *t = sqlite3_malloc(sizeof(*t));
	struct bu_feed *f = feed;
	size_t len;
	int i, rc;

	(void)argc;
	(void)argv;
	(void)message;
	if (!t)
		return SQLITE_NOMEM;
	*t = (struct table){ .feed = f };
	for (i = 0; i < f->n_columns; i++) {
		len = strlen(declaration);
		snprintf(declaration + len, sizeof(declaration) - len, "c%d%c", i, i + 1 < f->n_columns ? ',' : ')');
	}
	rc = sqlite3_declare_vtab(sq, declaration);
	if (rc == SQLITE_OK)
		*ret = &t->base;
	else
		sqlite3_free(t);	/* what was never connected is not disconnected either */
	return rc;
}

static int vt_disconnect(sqlite3_vtab *t)
{
	sqlite3_free(t);
	return SQLITE_OK;
}

static int vt_best_index(sqlite3_vtab *t, sqlite3_index_info *info)
{
	(void)t;
	info->estimatedRows = ROWS;
	info->estimatedCost = ROWS;
	return SQLITE_OK;
}

static int vt_open(sqlite3_vtab *t, sqlite3_vtab_cursor **ret)
{
	struct cursor *c = sqlite3_malloc(sizeof(*c));

	if (!c)
		return SQLITE_NOMEM;
	*c = (struct cursor){ .feed = ((struct table *)t)->feed };
	*ret = &c->base;
	return SQLITE_OK;
}

static int vt_close(sqlite3_vtab_cursor *c)
{
	sqlite3_free(c);
	return SQLITE_OK;
}

static int vt_filter(sqlite3_vtab_cursor *c, int plan, const char *plan_text, int argc, sqlite3_value **argv)
{
	(void)plan;
	(void)plan_text;
	(void)argc;
	(void)argv;
	((struct cursor *)c)->row = 0;
	return SQLITE_OK;
}

static int vt_next(sqlite3_vtab_cursor *c)
{
	((struct cursor *)c)->row++;
	return SQLITE_OK;
}

static int vt_eof(sqlite3_vtab_cursor *c)
{
	return ((struct cursor *)c)->row >= ((struct cursor *)c)->feed->n_rows;
}

static int vt_column(sqlite3_vtab_cursor *cursor, sqlite3_context *to, int i)
{
	const struct cursor *c = (struct cursor *)cursor;
	const union bu_cell *cell = &c->feed->cells[c->row][i];

	switch (c->feed->types[i]) {
	case 'i':
		sqlite3_result_int64(to, cell->i);
		break;
	case 'n':
		if (cell->i != BU_NS_UNKNOWN)
			sqlite3_result_int64(to, cell->i);
		break;	/* without a result it is NULL */
	case '0':
		break;
	default:
		if (cell->text)
			sqlite3_result_text(to, cell->text, -1, SQLITE_STATIC);
	}
	return SQLITE_OK;
}

static int vt_rowid(sqlite3_vtab_cursor *c, sqlite3_int64 *ret)
{
	*ret = ((struct cursor *)c)->row;
	return SQLITE_OK;
}

static const sqlite3_module module = {
	.xConnect = vt_connect,		/* no xCreate: the table is there under its module's name, and nowhere else */
	.xBestIndex = vt_best_index,
	.xDisconnect = vt_disconnect,
	.xOpen = vt_open,
	.xClose = vt_close,
	.xFilter = vt_filter,
	.xNext = vt_next,
	.xEof = vt_eof,
	.xColumn = vt_column,
	.xRowid = vt_rowid,
};

/* ---- what the suite calls ------------------------------------------------------------------------------------------ */

static int prepare(struct bu_feed *f, const char *table, const char *columns, struct bu_err *err)
{
	_cleanup_free_ char *sql = NULL;
	int rc;

	if (asprintf(&f->module, "feed_of_%s", table) < 0) {
		f->module = NULL;
		return bu_fail_errno(err, -ENOMEM, "feed");
	}
	rc = sqlite3_create_module(f->db->sq, f->module, &module, f);
	if (rc != SQLITE_OK)
		return bu_db_fail(f->db, rc, "prepare to write", err);
	if (asprintf(&sql, "INSERT INTO %s (%s) SELECT * FROM %s", table, columns, f->module) < 0) {
		sql = NULL;
		return bu_fail_errno(err, -ENOMEM, "feed");
	}
	rc = sqlite3_prepare_v3(f->db->sq, sql, -1, SQLITE_PREPARE_PERSISTENT, &f->insert, NULL);
	return rc == SQLITE_OK ? 0 : bu_db_fail(f->db, rc, "prepare to write", err);
}

int bu_feed_create(struct bu_db *db, const char *table, const char *columns, const char *types,
		   struct bu_feed **ret, struct bu_err *err)
{
	struct bu_feed *f = calloc(1, sizeof(*f));
	int rc;

	if (f) {
		f->db = db;
		f->types = strdup(types);
		f->n_columns = (int)strlen(types);
	}
	if (!f || !f->types)
		rc = bu_fail_errno(err, -ENOMEM, "feed of %s", table);
	else if (f->n_columns > BU_FEED_COLUMNS)
		rc = bu_fail_errno(err, -EINVAL, "feed of %s", table);
	else
		rc = prepare(f, table, columns, err);
	if (rc) {
		bu_feed_destroy(f);
		return rc;
	}
	*ret = f;
	return 0;
}

void bu_feed_destroy(struct bu_feed *f)
{
	if (!f)
		return;
	sqlite3_finalize(f->insert);
	if (f->module)
		sqlite3_create_module(f->db->sq, f->module, NULL, NULL);
	bu_arena_fini(&f->texts);
	free(f->module);
	free(f->types);
	free(f);
}

union bu_cell *bu_feed_row(struct bu_feed *f)
{
	return f->cells[f->n_rows];
}

int bu_feed_push(struct bu_feed *f, struct bu_err *err)
{
	union bu_cell *row = f->cells[f->n_rows];
	int i;

	for (i = 0; i < f->n_columns; i++) {
		if (f->types[i] != 't' || !row[i].text)
			continue;
		row[i].text = bu_arena_strdup(&f->texts, row[i].text);
		if (!row[i].text)
			return bu_fail_errno(err, -ENOMEM, "feed");
	}
	f->n_rows++;
	return f->n_rows == ROWS || f->texts.used > TEXT_BYTES ? bu_feed_flush(f, err) : 0;
}

int bu_feed_flush(struct bu_feed *f, struct bu_err *err)
{
	int rc = f->n_rows ? sqlite3_step(f->insert) : SQLITE_DONE;

	if (rc != SQLITE_DONE)
		rc = bu_db_fail(f->db, rc, "write", err);
	else
		rc = 0;
	sqlite3_reset(f->insert);
	f->n_rows = 0;
	if (f->texts.used)
		bu_arena_fini(&f->texts);
	return rc;
}
