/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * db.h - SQLite as the rest of the suite sees it: create whole or not at all, open as untrusted, prepared
 * statements. The only user of sqlite3.h is this folder.
 *
 * Life of a new file:
 *   bu_db_create(x.db)   x.db.partial exists, journal off: nobody else sees it
 *   bu_db_finish()       ANALYZE, fsync, rename to x.db: readers see a whole file
 *   bu_db_close()        without finish: x.db.partial is removed, x.db as it was before
 * An existing database is opened read-only, or for appending in transactions (bu_db_append).
 */
#ifndef BU_SCHEMAS_STORE_DB_H
#define BU_SCHEMAS_STORE_DB_H

#include <stdbool.h>
#include <stdint.h>

#include "schemas/base/err.h"

struct bu_db;
struct bu_stmt;

struct bu_db_format {
	const char *what;	/* "capture database", for messages */
	const char *ddl;
	int application_id, version;
	const char *const *later;	/* SQL that may add indexes to it; ends with NULL. NULL: none */
};

extern const struct bu_db_format bu_capture_format, bu_run_format;

/**
 * bu_db_create() - Start a new database that will be called @path. One transaction is open.
 * Return: 0; -EEXIST when @path exists and @replace is false; others as the system says.
 */
int bu_db_create(const char *path, const struct bu_db_format *format, bool replace, struct bu_db **ret,
		 struct bu_err *err);

/**
 * bu_db_finish() - Commit, analyse, sync and rename into place. The database stays open for reading.
 * bu_db_finish_clean() - The same, and nothing is left in the file between its rows (gaps.h).
 */
int bu_db_finish(struct bu_db *db, struct bu_err *err);
int bu_db_finish_clean(struct bu_db *db, struct bu_err *err);

/**
 * bu_db_open() - Open @path read-only. The file is not trusted: it must have the application id and version of @format
 * and nothing in its schema that is not of it (schema.h), and pass a quick check.
 * Return: 0; -ENOENT; -EPROTO for another kind of file or version; -EILSEQ when it is damaged.
 */
int bu_db_open(const char *path, const struct bu_db_format *format, struct bu_db **ret, struct bu_err *err);

/**
 * bu_db_append() - Open @path for adding rows. Every change happens between bu_db_begin() and bu_db_commit(); what is
 * not committed is rolled back at close. Where @path does not exist it appears, whole, with the first commit.
 */
int bu_db_append(const char *path, const struct bu_db_format *format, struct bu_db **ret, struct bu_err *err);
int bu_db_begin(struct bu_db *db, struct bu_err *err);
int bu_db_commit(struct bu_db *db, struct bu_err *err);

/**
 * bu_db_format_of() - Which of the known formats the file at @path has, without opening it further.
 * Return: the format, or NULL with @err saying why.
 */
const struct bu_db_format *bu_db_format_of(const char *path, struct bu_err *err);

/**
 * bu_db_close() - Close; an unfinished new database is removed. NULL is quiet.
 */
void bu_db_close(struct bu_db *db);
void bu_db_closep(struct bu_db **db);

/**
 * bu_db_path() - The path as given, borrowed until close.
 */
const char *bu_db_path(const struct bu_db *db);

/**
 * bu_db_exec() - Run SQL that returns nothing; several statements may follow one another.
 */
int bu_db_exec(struct bu_db *db, const char *sql, struct bu_err *err);

/**
 * bu_db_i64() - The one integer that @sql returns. @ret is left alone when it returns no row or NULL.
 * Return: 1 when there was a value, 0 when not, negative errno.
 */
int bu_db_i64(struct bu_db *db, const char *sql, int64_t *ret, struct bu_err *err);

/**
 * bu_stmt_prepare() - Compile @sql. The statement is owned by the caller and closed before the database.
 */
int bu_stmt_prepare(struct bu_db *db, const char *sql, struct bu_stmt **ret, struct bu_err *err);
void bu_stmt_close(struct bu_stmt *stmt);
void bu_stmt_closep(struct bu_stmt **stmt);

/* Binding: @i counts from 1. Text is borrowed until the next step or reset. BU_NS_UNKNOWN binds NULL. */
void bu_stmt_bind_i64(struct bu_stmt *stmt, int i, int64_t v);
void bu_stmt_bind_f64(struct bu_stmt *stmt, int i, double v);
void bu_stmt_bind_ns(struct bu_stmt *stmt, int i, int64_t ns);
void bu_stmt_bind_text(struct bu_stmt *stmt, int i, const char *text);	/* NULL binds NULL */
void bu_stmt_bind_null(struct bu_stmt *stmt, int i);

/**
 * bu_stmt_step() - Go to the next row. Return: 1 there is one; 0 no more (the statement is reset);
 * negative errno (-ENOSPC when the disk is full).
 */
int bu_stmt_step(struct bu_stmt *stmt, struct bu_err *err);

/**
 * bu_stmt_run() - Execute an insert or update: step to the end and reset.
 */
int bu_stmt_run(struct bu_stmt *stmt, struct bu_err *err);
void bu_stmt_reset(struct bu_stmt *stmt);

/* Columns count from 0; text is borrowed until the next step. NULL reads as 0, BU_NS_UNKNOWN, or NULL. */
bool bu_stmt_is_null(struct bu_stmt *stmt, int col);
int64_t bu_stmt_i64(struct bu_stmt *stmt, int col);
double bu_stmt_f64(struct bu_stmt *stmt, int col);
int64_t bu_stmt_ns(struct bu_stmt *stmt, int col);
const char *bu_stmt_text(struct bu_stmt *stmt, int col);

/**
 * bu_db_row() - Run one statement with its parameters bound in order: for tables that get few rows. The
 * statement is kept for a next call with the same one.
 * @types: a letter per parameter: 'i' int64_t, 'n' int64_t of which BU_NS_UNKNOWN is NULL, 't' const char *
 * (NULL is NULL).
 */
int bu_db_row(struct bu_db *db, struct bu_err *err, const char *sql, const char *types, ...);

#endif
