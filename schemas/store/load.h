/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * load.h - millions of rows into a database that is being made, written as pages of its file.
 *
 * What SQLite spends on an INSERT goes into being able to do more: find the place of a row, take it back, check it, let
 * others read meanwhile. A file that has no name yet and gets rows in ascending order needs none of that. Between
 * bu_load_begin() and bu_load_end() the database is closed and belongs to the load; nothing else may be done with it.
 * Afterwards it is a database like any other, as its integrity check finds too. feed.h is for databases in use.
 *
 * The caller answers for what SQLite would refuse: the type and range of each value, and keys in order.
 */
#ifndef BU_SCHEMAS_STORE_LOAD_H
#define BU_SCHEMAS_STORE_LOAD_H

#include <stdbool.h>
#include <stddef.h>

#include "schemas/base/err.h"
#include "schemas/store/db.h"
#include "schemas/store/feed.h"

struct bu_load;

/* A table to be filled. It is empty, and its first column is INTEGER PRIMARY KEY. */
struct bu_load_table {
	const char *name;
	const char *types;	/* of all its columns in their order, as bu_feed_create() has them */
	const char *index;	/* the one index that it has, NULL: none */
	int index_column;	/* which it is on: a column of small numbers; of type 'n' they count from 1 */
	bool index_with_id;	/* the index has the first column as its second */
};

/**
 * bu_load_begin() - Close @db, which bu_db_create() made, and prepare to fill @n tables of it.
 */
int bu_load_begin(struct bu_db *db, const struct bu_load_table *tables, size_t n, struct bu_load **ret,
		  struct bu_err *err);

/**
 * bu_load_row() - The cells of the next row of table number @table, to be filled in by order of the columns; then
 * bu_load_push(). Rows of one table come by ascending first column; tables may take turns.
 * Return: 0; -ENOMEM; as the system says, perhaps about a row before.
 */
union bu_cell *bu_load_row(struct bu_load *load, size_t table);
int bu_load_push(struct bu_load *load, size_t table, struct bu_err *err);

/**
 * bu_load_end() - Write what is left and the indexes, and open the database again, in a transaction as before.
 */
int bu_load_end(struct bu_load *load, struct bu_err *err);

/**
 * bu_load_destroy() - Before bu_load_end() came to its end, the database can only be closed afterwards. NULL is quiet.
 */
void bu_load_destroy(struct bu_load *load);

#endif
