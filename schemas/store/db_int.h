/* SPDX-License-Identifier: GPL-2.0-only */
/* db_int.h - between db.c, feed.c and load.c: the connection itself. */
#ifndef BU_SCHEMAS_STORE_DB_INT_H
#define BU_SCHEMAS_STORE_DB_INT_H

#include <sqlite3.h>
#include <stddef.h>
#include <stdint.h>

#include "schemas/store/db.h"

struct bu_db {
	sqlite3 *sq;
	char *path, *partial;	/* partial is NULL once the file has its name */
	struct bu_stmt *row;	/* bu_db_row()'s last; NULL: none */
	struct bu_db_count {	/* tables whose rows were counted as they were written, so that ANALYZE need not */
		char *table;
		int64_t rows;
	} *counts;
	size_t n_counts, cap_counts;
};

/**
 * bu_db_fail() - Say in @err what SQLite has against @doing, with what can be done about it.
 * @code: SQLite's. Return: the negative errno that it means.
 */
int bu_db_fail(struct bu_db *db, int code, const char *doing, struct bu_err *err);

/**
 * bu_db_let_go(), bu_db_take_up() - A database that is being made: commit and close it, so that its file may be written
 * past SQLite; open it again, in a transaction as before. In between @db may only be closed.
 */
int bu_db_let_go(struct bu_db *db, struct bu_err *err);
int bu_db_take_up(struct bu_db *db, struct bu_err *err);

/**
 * bu_db_counted() - @table of @db, which is being made, has @rows; a few more do no harm. Return: 0 or -ENOMEM.
 */
int bu_db_counted(struct bu_db *db, const char *table, int64_t rows);

#endif
