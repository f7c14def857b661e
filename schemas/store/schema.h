/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * schema.h - is what a file says of its own tables what this program says of them?
 *
 * A file that is not trusted may bring views, triggers, checks and computed columns of its own, under our names, and
 * with them make a reader wait or see what was never recorded. So each statement of its schema has to be one of ours:
 * the DDL of the format, the indexes made later, or a table of ANALYZE. Comments and white space do not count; they
 * differ between programs of one format version.
 */
#ifndef BU_SCHEMAS_STORE_SCHEMA_H
#define BU_SCHEMAS_STORE_SCHEMA_H

#include "schemas/base/err.h"
#include "schemas/store/db.h"

struct bu_schema;	/* the statements of a format */

/**
 * bu_schema_create() - Return: 0; -ENOMEM.
 */
int bu_schema_create(const struct bu_db_format *format, struct bu_schema **ret, struct bu_err *err);
void bu_schema_destroy(struct bu_schema *schema);
void bu_schema_destroyp(struct bu_schema **schema);

/**
 * bu_schema_has() - Is @sql, out of sqlite_schema, one of the statements?
 * Return: 1 yes; 0 no; -ENOMEM.
 */
int bu_schema_has(const struct bu_schema *schema, const char *sql);

/**
 * bu_schema_check() - Every statement of @db is one of @format. One may be missing: older programs had fewer.
 * Return: 0; -EPROTO with the first that differs; others as the file is damaged.
 */
int bu_schema_check(struct bu_db *db, const struct bu_db_format *format, struct bu_err *err);

#endif
