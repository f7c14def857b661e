// SPDX-License-Identifier: GPL-2.0-only
/*
 * open_fuzz.c - a database file that was tampered with (db.c): opened, checked, and read from end to end.
 *
 * An input is changes to the bytes of a small capture: an offset, how many bytes, the bytes; or the file is cut.
 */
#include <errno.h>
#include <fcntl.h>

#include "schemas/store/tests/boot.h"

static char path[80];
static uint8_t *base;
static size_t base_len;

static void clean_up(void)
{
	unlink(path);
	*strrchr(path, '/') = 0;
	rmdir(path);
}

int LLVMFuzzerInitialize(int *argc, char ***argv)
{
	struct bu_err err = BU_ERR_INIT;
	char folder[64];
	FILE *f;

	(void)argc;
	(void)argv;
	fuzz_folder(folder);
	snprintf(path, sizeof(path), "%s/x.db", folder);
	if (boot_capture(path, 3, "serial", &err)) {
		fprintf(stderr, "%s\n", err.text);
		abort();
	}
	atexit(clean_up);
	f = fopen(path, "re");
	FUZZ_CHECK(f && !fseek(f, 0, SEEK_END));
	base_len = (size_t)ftell(f);
	rewind(f);
	base = malloc(base_len);
	FUZZ_CHECK(base && fread(base, 1, base_len, f) == base_len);
	fclose(f);
	return 0;
}

static void read_all(struct bu_db *db)
{
	static const char *const queries[] = {
		"SELECT * FROM capture", "SELECT * FROM bringup_cpu", "SELECT * FROM timeline ORDER BY lane, cpu, start_ns",
		"SELECT * FROM step s JOIN hotplug_op o ON o.id = s.op",
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
	int fd, rc;

	fd = open(path, O_WRONLY | O_CREAT | O_CLOEXEC, 0600);
	FUZZ_CHECK(fd >= 0 && pwrite(fd, base, base_len, 0) == (ssize_t)base_len);
	while (in.left) {
		at = (size_t)fuzz_num(&in, 3) % base_len;
		n = (size_t)fuzz_num(&in, 1);
		if (n == 255)
			len = at;
		n = n % 16 + 1;
		if (n > in.left)
			n = in.left;
		FUZZ_CHECK(pwrite(fd, in.p, n, (off_t)at) == (ssize_t)n);
		in.p += n;
		in.left -= n;
	}
	FUZZ_CHECK(!ftruncate(fd, (off_t)len));
	close(fd);
	rc = bu_db_open(path, &bu_capture_format, &db, &err);
	FUZZ_CHECK(!rc == !err.text[0]);
	if (!rc)
		read_all(db);
	bu_db_close(db);
	bu_db_format_of(path, &err);
	return 0;
}
