/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * feed.h - many rows into one table, some hundred with each statement.
 *
 * For tables that get millions of rows. Half of what SQLite spends on an INSERT of one row is spent on starting and
 * ending the statement and on binding. A feed gathers rows in memory and shows them to SQLite as a virtual table, from
 * which one INSERT ... SELECT takes them all. Rows of different feeds reach the file in any order, rows of one feed in
 * their own. What is gathered is not in the table before bu_feed_flush().
 */
#ifndef BU_SCHEMAS_STORE_FEED_H
#define BU_SCHEMAS_STORE_FEED_H

#include <stdint.h>

#include "schemas/base/err.h"
#include "schemas/store/db.h"

#define BU_FEED_COLUMNS 16	/* at most */

struct bu_feed;

/* One value of a row. */
union bu_cell {
	int64_t i;
	const char *text;	/* borrowed until bu_feed_push() or, in a column 's', for ever; NULL is NULL */
};

/**
 * bu_feed_create() - Prepare to fill @table of @db; one feed per table at a time.
 * @columns: their names, separated by commas. Borrowed for the call, as @table.
 * @types: a letter per column: 'i' a number, 'n' a number of which BU_NS_UNKNOWN is NULL, 't' a text that is copied,
 * 's' a text that outlives the feed, '0' a column that is always NULL.
 */
int bu_feed_create(struct bu_db *db, const char *table, const char *columns, const char *types,
		   struct bu_feed **ret, struct bu_err *err);

/**
 * bu_feed_destroy() - What was not flushed is lost. NULL is quiet. Comes before the database is closed.
 */
void bu_feed_destroy(struct bu_feed *feed);

/**
 * bu_feed_row() - The cells of the next row, to be filled in by order of the columns.
 */
union bu_cell *bu_feed_row(struct bu_feed *feed);

/**
 * bu_feed_push() - The row is filled in. Return: 0; as SQLite says, perhaps about a row before; -ENOMEM.
 */
int bu_feed_push(struct bu_feed *feed, struct bu_err *err);
int bu_feed_flush(struct bu_feed *feed, struct bu_err *err);

#endif
