/* SPDX-License-Identifier: GPL-2.0-only */
/* db_int.h - between db.c and feed.c: the connection itself. */
#ifndef BU_SCHEMAS_STORE_DB_INT_H
#define BU_SCHEMAS_STORE_DB_INT_H

#include <sqlite3.h>

#include "schemas/store/db.h"

struct bu_db {
	sqlite3 *sq;
	char *path, *partial;	/* partial is NULL once the file has its name */
};

/**
 * bu_db_fail() - Say in @err what SQLite has against @doing, with what can be done about it.
 * @code: SQLite's. Return: the negative errno that it means.
 */
int bu_db_fail(struct bu_db *db, int code, const char *doing, struct bu_err *err);

#endif
