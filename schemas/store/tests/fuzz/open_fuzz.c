// SPDX-License-Identifier: GPL-2.0-only
/*
 * open_fuzz.c - a database file that was tampered with (db.c, schema.c): opened, checked, and read from end to end.
 *
 * An input is changes to the bytes of a small file: an offset, how many bytes, the bytes; or the file is cut. The file is
 * of a format of its own that has one of each kind of thing that the real ones have, in pages of the smallest size:
 * a dozen of them rather than hundreds, so that a change seldom falls on bytes that mean nothing.
 *
 * SQLite's own file system in memory, memdb, stands for the disk: files under one absolute name are one there, so the
 * target writes what bu_db_open() reads. Locks and looks for journals cost more than all else on a real one.
 */
#include <sqlite3.h>

#include "schemas/base/mem.h"
#include "schemas/base/tests/fuzz/fuzz.h"
#include "schemas/store/db.h"
#include "schemas/store/ddl.h"

static const char *const indexes[] = { "CREATE INDEX step_by_op ON step (op, id);", NULL };

static const struct bu_db_format format = {
	"capture database",
	"PRAGMA page_size = 512;"
	"CREATE TABLE capture (id INTEGER PRIMARY KEY CHECK (id = 1), name TEXT NOT NULL, start_ns INTEGER) STRICT;"
	"CREATE TABLE step (id INTEGER PRIMARY KEY, op INTEGER, name TEXT NOT NULL, start_ns INTEGER NOT NULL,"
	" verdict TEXT NOT NULL CHECK (verdict IN ('ok', 'failed'))) STRICT;"
	"CREATE TABLE account (buffer INTEGER, cpu INTEGER, entries INTEGER, PRIMARY KEY (buffer, cpu)) STRICT, WITHOUT ROWID;"
	"CREATE VIEW timeline AS SELECT s.id, s.name, s.start_ns - c.start_ns FROM step s, capture c"
	" UNION ALL SELECT cpu, 'cpu', entries FROM account;"
	"PRAGMA application_id = 1114981217; PRAGMA user_version = 1;",
	BU_CAPTURE_APPLICATION_ID, BU_CAPTURE_VERSION, indexes
};
/* More steps than go into one page; a text that does not fit in one. */
static const char content[] =
	"INSERT INTO capture VALUES (1, printf('%0600d', 7), 1000000);"
	"INSERT INTO step WITH RECURSIVE n (i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 24)"
	" SELECT i, i % 3, 'smpboot_create_threads', i * 1000, iif(i % 7, 'ok', 'failed') FROM n;"
	"INSERT INTO account VALUES (0, 0, 5), (0, 1, 7), (1, 0, NULL)";

static char path[80];		/* exists also on disk, where it is looked for before it is opened */
static uint8_t *base;
static size_t base_len;
static sqlite3_file *file;	/* the one in memory */

static void clean_up(void)
{
	unlink(path);
	*strrchr(path, '/') = 0;
	rmdir(path);
}

static void write_at(const void *bytes, size_t len, size_t at)
{
	FUZZ_CHECK(file->pMethods->xWrite(file, bytes, (int)len, (sqlite3_int64)at) == SQLITE_OK);
}

/* From here on every database is in memory. */
static void move_to_memory(void)
{
	sqlite3 *sq;
	FILE *f;

	f = fopen(path, "re");
	FUZZ_CHECK(f && !fseek(f, 0, SEEK_END));
	base_len = (size_t)ftell(f);
	rewind(f);
	base = malloc(base_len);
	FUZZ_CHECK(base && fread(base, 1, base_len, f) == base_len);
	fclose(f);
	FUZZ_CHECK(sqlite3_vfs_register(sqlite3_vfs_find("memdb"), 1) == SQLITE_OK);
	/* Never closed: the last to close a file in memory removes it. */
	FUZZ_CHECK(sqlite3_open_v2(path, &sq, SQLITE_OPEN_READWRITE | SQLITE_OPEN_CREATE, NULL) == SQLITE_OK);
	FUZZ_CHECK(sqlite3_file_control(sq, NULL, SQLITE_FCNTL_FILE_POINTER, &file) == SQLITE_OK);
}

int LLVMFuzzerInitialize(int *argc, char ***argv)
{
	struct bu_err err = BU_ERR_INIT;
	struct bu_db *db = NULL;
	char folder[64];

	(void)argc;
	(void)argv;
	fuzz_folder(folder);
	snprintf(path, sizeof(path), "%s/x.db", folder);
	if (bu_db_create(path, &format, true, &db, &err) || bu_db_exec(db, content, &err) ||
	    bu_db_exec(db, indexes[0], &err) || bu_db_finish(db, &err)) {
		fprintf(stderr, "%s\n", err.text);
		abort();
	}
	bu_db_close(db);
	atexit(clean_up);
	move_to_memory();
	/* What follows is worth nothing if the file as it is does not pass. */
	write_at(base, base_len, 0);
	FUZZ_CHECK(!bu_db_open(path, &format, &db, &err));
	bu_db_close(db);
	return 0;
}

static void read_all(struct bu_db *db)
{
	static const char *const queries[] = {
		"SELECT * FROM capture", "SELECT * FROM step WHERE op = 1", "SELECT * FROM account",
		"SELECT * FROM timeline ORDER BY 1, 3",
	};
	struct bu_err err = BU_ERR_INIT;
	struct bu_stmt *st = NULL;
	size_t i;
	int rows;

	for (i = 0; i < ARRAY_SIZE(queries); i++) {
		if (bu_stmt_prepare(db, queries[i], &st, &err))
			continue;
		for (rows = 0; rows < 10000 && bu_stmt_step(st, &err) == 1; rows++) {
			bu_stmt_i64(st, 0);
			bu_stmt_text(st, 1);
			bu_stmt_ns(st, 2);
		}
		bu_stmt_close(st);
	}
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct fuzz_in in = { data, size };
	struct bu_err err = BU_ERR_INIT;
	struct bu_db *db = NULL;
	size_t len = base_len, at, n;
	int rc;

	write_at(base, base_len, 0);
	while (in.left) {
		at = (size_t)fuzz_num(&in, 3) % base_len;
		n = (size_t)fuzz_num(&in, 1);
		if (n == 255)
			len = at;
		n = n % 16 + 1;
		if (n > in.left)
			n = in.left;
		write_at(in.p, n, at);
		in.p += n;
		in.left -= n;
	}
	FUZZ_CHECK(file->pMethods->xTruncate(file, (sqlite3_int64)len) == SQLITE_OK);
	rc = bu_db_open(path, &format, &db, &err);
	FUZZ_CHECK(!rc == !err.text[0]);
	if (!rc)
		read_all(db);
	bu_db_close(db);
	bu_db_format_of(path, &err);
	return 0;
}
