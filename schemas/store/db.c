// SPDX-License-Identifier: GPL-2.0-only
/*
 * db.c - see db.h.
 *
 * A new database is private until it is renamed, so it needs no journal; a crash leaves a .partial that the next
 * run replaces. Settings for untrusted files follow SQLite's "Defense Against The Dark Arts" page.
 */
#include "schemas/store/db.h"

#include <errno.h>
#include <fcntl.h>
#include <libgen.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "schemas/base/mem.h"
#include "schemas/base/ns.h"
#include "schemas/store/db_int.h"
#include "schemas/store/ddl.h"
#include "schemas/store/gaps.h"
#include "schemas/store/schema.h"

struct bu_stmt {
	sqlite3_stmt *st;
	struct bu_db *db;
	bool text_failed;	/* memory ran out over a column: what was read of the row is not whole */
};

static const char *const capture_indexes[] = { bu_sql_index, bu_sql_derive_bringup, NULL };

const struct bu_db_format bu_capture_format = {
	"capture database", bu_sql_capture, BU_CAPTURE_APPLICATION_ID, BU_CAPTURE_VERSION, capture_indexes
};
const struct bu_db_format bu_run_format = {
	"database of runs", bu_sql_run, BU_RUN_APPLICATION_ID, BU_RUN_VERSION, NULL
};

static int errno_of(int sqlite_code)
{
	switch (sqlite_code & 0xff) {
	case SQLITE_FULL:	return -ENOSPC;
	case SQLITE_NOMEM:	return -ENOMEM;
	case SQLITE_CORRUPT:
	case SQLITE_NOTADB:	return -EILSEQ;
	case SQLITE_CANTOPEN:	return -ENOENT;
	case SQLITE_READONLY:
	case SQLITE_PERM:	return -EACCES;
	case SQLITE_BUSY:
	case SQLITE_LOCKED:	return -EBUSY;
	default:		return -EIO;
	}
}

int bu_db_fail(struct bu_db *db, int code, const char *doing, struct bu_err *err)
{
	const char *hint = "";

	if ((code & 0xff) == SQLITE_FULL)
		hint = " (free some space and run it again; nothing was left under the final name)";
	else if ((code & 0xff) == SQLITE_CORRUPT || (code & 0xff) == SQLITE_NOTADB)
		hint = " (damaged or cut short; make it again from its source)";
	else if ((code & 0xff) == SQLITE_BUSY)
		hint = " (another process is writing to it; wait for it to end)";
	return bu_fail(err, errno_of(code), "%s: %s: %s%s", db->path, doing, sqlite3_errmsg(db->sq), hint);
}

static int connect_to(struct bu_db *db, const char *file, int flags, struct bu_err *err)
{
	int rc = sqlite3_open_v2(file, &db->sq, flags | SQLITE_OPEN_NOMUTEX, NULL);	/* one thread each */

	if (rc == SQLITE_OK)
		return 0;
	if (!db->sq)
		return bu_fail_errno(err, -ENOMEM, "%s", db->path);
	rc = sqlite3_system_errno(db->sq);
	return bu_fail_errno(err, rc ? -rc : -EIO, "%s: open", db->path);
}

/*
 * A writer that was killed leaves its journal behind, and a reader may not write: roll it back for him. Only of a
 * database of runs: captures are never written twice, so a journal beside one is not ours and stays unread.
 */
static int roll_back(struct bu_db *db, struct bu_err *err)
{
	unsigned char id[4] = { 0 };
	int fd = open(db->path, O_RDONLY | O_CLOEXEC), rc;

	/* The application id, as the file format has it; asking SQLite for it would need the rollback first. */
	if (fd < 0 || pread(fd, id, sizeof(id), 68) != (ssize_t)sizeof(id) ||
	    ((uint32_t)id[0] << 24 | (uint32_t)id[1] << 16 | (uint32_t)id[2] << 8 | id[3]) != BU_RUN_APPLICATION_ID)
		rc = bu_fail(err, -EACCES, "%s has a journal of a change that did not end; remove %s-journal if it is not "
			     "from bringup", db->path, db->path);
	else
		rc = 0;
	if (fd >= 0)
		close(fd);
	if (rc)
		return rc;
	sqlite3_close(take_ptr(db->sq));
	rc = connect_to(db, db->path, SQLITE_OPEN_READWRITE, err);
	if (!rc)
		rc = bu_db_exec(db, "SELECT 1 FROM sqlite_schema", err);
	if (rc)
		return bu_fail(err, rc, "taking back a change that did not end");
	sqlite3_close(take_ptr(db->sq));
	return connect_to(db, db->path, SQLITE_OPEN_READONLY, err);
}

static int connect_for_reading(struct bu_db *db, struct bu_err *err)
{
	int rc = connect_to(db, db->path, SQLITE_OPEN_READONLY, err);

	if (rc)
		return rc;
	sqlite3_exec(db->sq, "SELECT 1 FROM sqlite_schema", NULL, NULL, NULL);
	return sqlite3_extended_errcode(db->sq) == SQLITE_READONLY_ROLLBACK ? roll_back(db, err) : 0;
}

static int new_handle(const char *path, struct bu_db **ret, struct bu_err *err)
{
	struct bu_db *db = calloc(1, sizeof(*db));

	if (db)
		db->path = strdup(path);
	if (!db || !db->path) {
		free(db);
		return bu_fail_errno(err, -ENOMEM, "%s", path);
	}
	*ret = db;
	return 0;
}

static int connect_for_making(struct bu_db *db, struct bu_err *err)
{
	int rc = connect_to(db, db->partial, SQLITE_OPEN_READWRITE, err);

	return rc ? rc : bu_db_exec(db, "PRAGMA journal_mode = OFF; PRAGMA synchronous = OFF; PRAGMA page_size = 8192;"
				    "PRAGMA auto_vacuum = NONE; PRAGMA locking_mode = EXCLUSIVE; PRAGMA temp_store = FILE", err);
}

int bu_db_let_go(struct bu_db *db, struct bu_err *err)
{
	int rc = bu_db_exec(db, "COMMIT", err);

	bu_stmt_close(take_ptr(db->row));
	if (!rc)
		sqlite3_close(take_ptr(db->sq));
	return rc;
}

int bu_db_take_up(struct bu_db *db, struct bu_err *err)
{
	int rc = connect_for_making(db, err);

	return rc ? rc : bu_db_exec(db, "BEGIN", err);
}

int bu_db_create(const char *path, const struct bu_db_format *format, bool replace, struct bu_db **ret,
		 struct bu_err *err)
{
	_cleanup_(bu_db_closep) struct bu_db *db = NULL;
	struct stat st;
	int rc, fd;

	rc = new_handle(path, &db, err);
	if (rc)
		return rc;
	if (!stat(path, &st)) {
		if (!replace)
			return bu_fail(err, -EEXIST, "%s exists already; choose another name or pass --force", path);
		if (!S_ISREG(st.st_mode))
			return bu_fail(err, -EEXIST, "%s is not a regular file; choose another name", path);
	}
	if (asprintf(&db->partial, "%s.partial", path) < 0) {
		db->partial = NULL;
		return bu_fail_errno(err, -ENOMEM, "%s", path);
	}
	fd = open(db->partial, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0666);
	if (fd < 0) {
		rc = -errno;
		free(take_ptr(db->partial));
		return bu_fail_errno(err, rc, "%s.partial: create", path);
	}
	close(fd);
	rc = connect_for_making(db, err);
	if (!rc)
		rc = bu_db_exec(db, format->ddl, err);
	if (!rc)
		rc = bu_db_exec(db, "BEGIN", err);
	if (rc)
		return rc;
	*ret = take_ptr(db);
	return 0;
}

int bu_db_counted(struct bu_db *db, const char *table, int64_t rows)
{
	char *name;

	if (bu_grow(&db->counts, db->n_counts, &db->cap_counts, sizeof(*db->counts)))
		return -ENOMEM;
	name = strdup(table);
	if (!name)
		return -ENOMEM;
	db->counts[db->n_counts++] = (struct bu_db_count){ name, rows };
	return 0;
}

/*
 * What the planner is to know. Of a table with an index ANALYZE looks at a sample; one without it would read to its end, to
 * count its rows, where nobody has counted them.
 */
static int analyze(struct bu_db *db, struct bu_err *err)
{
	_cleanup_(bu_stmt_closep) struct bu_stmt *st = NULL;
	_cleanup_free_ char *sql = NULL;
	size_t i;
	int rc;

	rc = bu_db_exec(db, "PRAGMA analysis_limit = 1000; ANALYZE sqlite_schema", err);	/* makes its tables */
	for (i = 0; !rc && i < db->n_counts; i++)
		if (db->counts[i].rows)
			rc = bu_db_row(db, err, "INSERT INTO sqlite_stat1 (tbl, stat) VALUES (?, CAST(? AS TEXT))", "ti", db->counts[i].table,
				       db->counts[i].rows);
	if (!rc)
		rc = bu_stmt_prepare(db, "SELECT group_concat(printf('ANALYZE \"%w\"', name), ';') FROM sqlite_schema t "
				     "WHERE type = 'table' AND name NOT LIKE 'sqlite_%' AND (name NOT IN (SELECT tbl FROM sqlite_stat1) "
				     "OR EXISTS (SELECT 1 FROM sqlite_schema i WHERE i.type = 'index' AND i.tbl_name = t.name))", &st, err);
	if (!rc)
		rc = bu_stmt_step(st, err);
	if (rc <= 0)
		return rc;
	sql = strdup(bu_stmt_text(st, 0));
	bu_stmt_reset(st);
	return sql ? bu_db_exec(db, sql, err) : bu_fail_errno(err, -ENOMEM, "%s", db->path);
}

static int sync_path(const char *path, int flags, struct bu_err *err)
{
	int fd = open(path, flags | O_CLOEXEC), rc = 0;

	if (fd < 0 || fsync(fd))
		rc = bu_fail_errno(err, -errno, "%s: sync", path);
	if (fd >= 0)
		close(fd);
	return rc;
}

static int finish(struct bu_db *db, bool clean, struct bu_err *err)
{
	_cleanup_free_ char *folder = strdup(db->path);
	int64_t page_bytes = 0;
	int rc;

	if (!folder)
		return bu_fail_errno(err, -ENOMEM, "%s", db->path);
	rc = bu_db_exec(db, "COMMIT", err);
	if (!rc)
		rc = analyze(db, err);
	if (!rc)	/* the lock is given up by the next access */
		rc = bu_db_exec(db, "PRAGMA locking_mode = NORMAL; SELECT 1 FROM sqlite_schema LIMIT 1", err);
	if (!rc && clean)
		rc = bu_db_i64(db, "PRAGMA page_size", &page_bytes, err);
	if (rc >= 0 && clean)
		rc = bu_clear_gaps(db->partial, (size_t)page_bytes, err);
	if (!rc)
		rc = sync_path(db->partial, O_RDWR, err);
	if (rc)
		return rc;
	if (rename(db->partial, db->path))
		return bu_fail_errno(err, -errno, "%s: rename into place", db->path);
	free(take_ptr(db->partial));
	return sync_path(dirname(folder), O_RDONLY | O_DIRECTORY, err);
}

int bu_db_finish(struct bu_db *db, struct bu_err *err)
{
	return finish(db, false, err);
}

int bu_db_finish_clean(struct bu_db *db, struct bu_err *err)
{
	return finish(db, true, err);
}

static int check_format(struct bu_db *db, const struct bu_db_format *format, struct bu_err *err)
{
	int64_t id = 0, version = 0;
	int rc;

	rc = bu_db_i64(db, "PRAGMA application_id", &id, err);
	if (rc >= 0)
		rc = bu_db_i64(db, "PRAGMA user_version", &version, err);
	if (rc < 0)
		return rc;
	if (id != format->application_id)
		return bu_fail(err, -EPROTO, "%s is no %s of bringup", db->path, format->what);
	if (version > format->version)
		return bu_fail(err, -EPROTO, "%s is a %s of version %d and this program knows up to %d; use a newer bringup",
			       db->path, format->what, (int)version, format->version);
	if (version < format->version)
		return bu_fail(err, -EPROTO, "%s is a %s of version %d and this program wants %d; import it again",
			       db->path, format->what, (int)version, format->version);
	return 0;
}

static int distrust(struct bu_db *db, const struct bu_db_format *format, struct bu_err *err)
{
	_cleanup_(bu_stmt_closep) struct bu_stmt *st = NULL;
	const char *answer, *failed;
	int rc;

	sqlite3_db_config(db->sq, SQLITE_DBCONFIG_DEFENSIVE, 1, NULL);
	sqlite3_db_config(db->sq, SQLITE_DBCONFIG_TRUSTED_SCHEMA, 0, NULL);
	rc = bu_db_exec(db, "PRAGMA cell_size_check = ON; PRAGMA mmap_size = 0", err);
	if (!rc)
		rc = bu_schema_check(db, format, err);	/* first: the check evaluates what the schema has in it */
	if (!rc)
		rc = bu_stmt_prepare(db, "PRAGMA quick_check(1)", &st, err);
	if (!rc)
		rc = bu_stmt_step(st, err);
	if (rc < 0)
		return rc;
	answer = rc ? bu_stmt_text(st, 0) : NULL;
	/* What it could not read, for want of memory or of a working disk, it lists as damage too. */
	failed = answer ? strstr(answer, "error code=") : NULL;
	if (failed || !answer)
		return bu_fail_errno(err, failed ? errno_of(atoi(failed + strlen("error code="))) : -ENOMEM,
				     "%s: check", db->path);
	if (strcmp(answer, "ok"))
		return bu_fail(err, -EILSEQ, "%s is damaged (%s); import it again from its source", db->path, answer);
	return 0;
}

static int probe_file(const char *path, struct bu_err *err)
{
	struct stat st;

	if (stat(path, &st))
		return bu_fail_errno(err, -errno, "%s", path);
	if (!S_ISREG(st.st_mode))
		return bu_fail(err, -EINVAL, "%s is not a regular file", path);
	if (!st.st_size)
		return bu_fail(err, -EILSEQ, "%s is empty", path);
	return 0;
}

int bu_db_open(const char *path, const struct bu_db_format *format, struct bu_db **ret, struct bu_err *err)
{
	_cleanup_(bu_db_closep) struct bu_db *db = NULL;
	int rc;

	rc = probe_file(path, err);
	if (!rc)
		rc = new_handle(path, &db, err);
	if (!rc)
		rc = connect_for_reading(db, err);
	if (!rc)
		rc = check_format(db, format, err);
	if (!rc)
		rc = distrust(db, format, err);
	if (rc)
		return rc;
	*ret = take_ptr(db);
	return 0;
}

int bu_db_append(const char *path, const struct bu_db_format *format, struct bu_db **ret, struct bu_err *err)
{
	_cleanup_(bu_db_closep) struct bu_db *db = NULL;
	struct stat st;
	int rc;

	if (stat(path, &st)) {
		if (errno != ENOENT)
			return bu_fail_errno(err, -errno, "%s", path);
		return bu_db_create(path, format, false, ret, err);
	}
	rc = probe_file(path, err);
	if (!rc)
		rc = new_handle(path, &db, err);
	if (!rc)
		rc = connect_to(db, path, SQLITE_OPEN_READWRITE, err);
	if (!rc)
		rc = check_format(db, format, err);
	if (!rc)
		rc = distrust(db, format, err);
	if (!rc)
		rc = bu_db_exec(db, "PRAGMA foreign_keys = ON; PRAGMA busy_timeout = 5000", err);
	if (rc)
		return rc;
	*ret = take_ptr(db);
	return 0;
}

int bu_db_begin(struct bu_db *db, struct bu_err *err)
{
	return db->partial ? 0 : bu_db_exec(db, "BEGIN IMMEDIATE", err);
}

int bu_db_commit(struct bu_db *db, struct bu_err *err)
{
	return db->partial ? bu_db_finish(db, err) : bu_db_exec(db, "COMMIT", err);
}

const struct bu_db_format *bu_db_format_of(const char *path, struct bu_err *err)
{
	static const struct bu_db_format *const known[] = { &bu_capture_format, &bu_run_format };
	_cleanup_(bu_db_closep) struct bu_db *db = NULL;
	int64_t id = 0;
	size_t i;

	if (probe_file(path, err) || new_handle(path, &db, err) ||
	    connect_for_reading(db, err) || bu_db_i64(db, "PRAGMA application_id", &id, err) < 0)
		return NULL;
	for (i = 0; i < ARRAY_SIZE(known); i++)
		if (known[i]->application_id == id)
			return known[i];
	bu_fail(err, -EPROTO, "%s is no database of bringup; a trace is read with 'bringup import'", path);
	return NULL;
}

void bu_db_close(struct bu_db *db)
{
	size_t i;

	if (!db)
		return;
	bu_stmt_close(db->row);
	sqlite3_close(db->sq);
	if (db->partial)
		unlink(db->partial);
	for (i = 0; i < db->n_counts; i++)
		free(db->counts[i].table);
	free(db->counts);
	free(db->partial);
	free(db->path);
	free(db);
}

void bu_db_closep(struct bu_db **db)
{
	bu_db_close(*db);
}

const char *bu_db_path(const struct bu_db *db)
{
	return db->path;
}

int bu_db_exec(struct bu_db *db, const char *sql, struct bu_err *err)
{
	int rc = sqlite3_exec(db->sq, sql, NULL, NULL, NULL);

	return rc == SQLITE_OK ? 0 : bu_db_fail(db, rc, "write", err);
}

int bu_db_i64(struct bu_db *db, const char *sql, int64_t *ret, struct bu_err *err)
{
	_cleanup_(bu_stmt_closep) struct bu_stmt *st = NULL;
	int rc;

	rc = bu_stmt_prepare(db, sql, &st, err);
	if (!rc)
		rc = bu_stmt_step(st, err);
	if (rc <= 0)
		return rc;
	if (bu_stmt_is_null(st, 0))
		return 0;
	*ret = bu_stmt_i64(st, 0);
	return 1;
}

int bu_stmt_prepare(struct bu_db *db, const char *sql, struct bu_stmt **ret, struct bu_err *err)
{
	struct bu_stmt *st = calloc(1, sizeof(*st));
	int rc;

	if (!st)
		return bu_fail_errno(err, -ENOMEM, "%s", db->path);
	rc = sqlite3_prepare_v3(db->sq, sql, -1, SQLITE_PREPARE_PERSISTENT, &st->st, NULL);
	if (rc != SQLITE_OK) {
		free(st);
		return bu_db_fail(db, rc, "query", err);
	}
	st->db = db;
	*ret = st;
	return 0;
}

void bu_stmt_close(struct bu_stmt *stmt)
{
	if (!stmt)
		return;
	sqlite3_finalize(stmt->st);
	free(stmt);
}

void bu_stmt_closep(struct bu_stmt **stmt)
{
	bu_stmt_close(*stmt);
}

void bu_stmt_bind_i64(struct bu_stmt *stmt, int i, int64_t v)
{
	sqlite3_bind_int64(stmt->st, i, v);
}

void bu_stmt_bind_f64(struct bu_stmt *stmt, int i, double v)
{
	sqlite3_bind_double(stmt->st, i, v);
}

void bu_stmt_bind_ns(struct bu_stmt *stmt, int i, int64_t ns)
{
	if (ns == BU_NS_UNKNOWN)
		sqlite3_bind_null(stmt->st, i);
	else
		sqlite3_bind_int64(stmt->st, i, ns);
}

void bu_stmt_bind_text(struct bu_stmt *stmt, int i, const char *text)
{
	sqlite3_bind_text(stmt->st, i, text, -1, SQLITE_STATIC);
}

void bu_stmt_bind_null(struct bu_stmt *stmt, int i)
{
	sqlite3_bind_null(stmt->st, i);
}

int bu_stmt_step(struct bu_stmt *stmt, struct bu_err *err)
{
	int rc = stmt->text_failed ? SQLITE_NOMEM : sqlite3_step(stmt->st);

	stmt->text_failed = false;
	if (rc == SQLITE_ROW)
		return 1;
	if (rc == SQLITE_DONE) {
		sqlite3_reset(stmt->st);
		return 0;
	}
	rc = bu_db_fail(stmt->db, rc, sqlite3_stmt_readonly(stmt->st) ? "read" : "write", err);
	sqlite3_reset(stmt->st);
	return rc;
}

int bu_stmt_run(struct bu_stmt *stmt, struct bu_err *err)
{
	int rc;

	do
		rc = bu_stmt_step(stmt, err);
	while (rc > 0);
	return rc;
}

void bu_stmt_reset(struct bu_stmt *stmt)
{
	sqlite3_reset(stmt->st);
}

bool bu_stmt_is_null(struct bu_stmt *stmt, int col)
{
	return sqlite3_column_type(stmt->st, col) == SQLITE_NULL;
}

int64_t bu_stmt_i64(struct bu_stmt *stmt, int col)
{
	return sqlite3_column_int64(stmt->st, col);
}

double bu_stmt_f64(struct bu_stmt *stmt, int col)
{
	return sqlite3_column_double(stmt->st, col);
}

int64_t bu_stmt_ns(struct bu_stmt *stmt, int col)
{
	int64_t ns = bu_stmt_i64(stmt, col);

	/* Only NULL is unknown: a column that may not be NULL never reads as it, whatever number a file has there. */
	return bu_stmt_is_null(stmt, col) ? BU_NS_UNKNOWN : ns == BU_NS_UNKNOWN ? ns + 1 : ns;
}

const char *bu_stmt_text(struct bu_stmt *stmt, int col)
{
	const char *text = (const char *)sqlite3_column_text(stmt->st, col);

	if (!text && !bu_stmt_is_null(stmt, col))
		stmt->text_failed = true;
	return text;
}

int bu_db_row(struct bu_db *db, struct bu_err *err, const char *sql, const char *types, ...)
{
	struct bu_stmt *st;
	va_list ap;
	int rc, i;

	if (!db->row || strcmp(sqlite3_sql(db->row->st), sql)) {
		bu_stmt_close(take_ptr(db->row));
		rc = bu_stmt_prepare(db, sql, &db->row, err);
		if (rc)
			return rc;
	}
	st = db->row;
	va_start(ap, types);
	for (i = 0; types[i]; i++)
		switch (types[i]) {
		case 'i':
			bu_stmt_bind_i64(st, i + 1, va_arg(ap, int64_t));
			break;
		case 'n':
			bu_stmt_bind_ns(st, i + 1, va_arg(ap, int64_t));
			break;
		default:
			bu_stmt_bind_text(st, i + 1, va_arg(ap, const char *));
		}
	va_end(ap);
	return bu_stmt_run(st, err);
}
