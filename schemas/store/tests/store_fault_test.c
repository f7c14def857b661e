// SPDX-License-Identifier: GPL-2.0-only
/*
 * store_fault_test.c - every file operation of the store fails once, and from there on for good, with EIO and ENOSPC.
 *
 * A new file is there whole or not at all, and no leftover of it stays; a file that is added to keeps what was
 * committed, passes the integrity check, and can be added to again. The error always has words and a number.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>

#include "schemas/store/tests/fault_vfs.h"
#include "schemas/store/tests/small.h"

static char folder[] = "/tmp/bringup-fault.XXXXXX";
static char path[64], partial[80], journal[80];

static int setup(void **state)
{
	(void)state;
	if (fault_vfs_register() || !mkdtemp(folder))
		return -1;
	snprintf(path, sizeof(path), "%s/x.db", folder);
	snprintf(partial, sizeof(partial), "%s.partial", path);
	snprintf(journal, sizeof(journal), "%s-journal", path);
	return 0;
}

static int teardown(void **state)
{
	(void)state;
	return rmdir(folder);
}

static bool exists(const char *name)
{
	struct stat st;

	return !stat(name, &st);
}

static void check_error(int rc, const struct bu_err *err, bool full, long n)
{
	if (rc == (full ? -ENOSPC : -EIO) || rc == -EIO || rc == -ENOENT || rc == -EACCES) {
		if (strlen(err->text) > strlen(path))
			return;
	}
	fail_msg("operation %ld: error %d says '%s'", n, rc, err->text);
}

/* @old: what has the name already is to stay as it was until the new file is whole. */
static void new_file(bool old, bool for_good, bool full)
{
	unsigned long failed = 1;
	int64_t rows;
	long n, failures = 0;
	int rc;

	for (n = 0; failed; n++) {
		struct bu_err err = BU_ERR_INIT, quiet = BU_ERR_INIT;

		unlink(path);
		if (old)
			assert_int_equal(small_run(path, &quiet), 0);
		fault_at(n, for_good, full);
		rc = small_capture(path, &err);
		failed = fault_stop();
		rows = -1;
		if (rc) {
			failures++;
			assert_true(failed > 0);
			check_error(rc, &err, full, n);
		}
		/* The folder could not be synced: the file is whole all the same. */
		if (!rc || (exists(path) && !old)) {
			assert_int_equal(small_check(path, &rows, &quiet), 0);
			assert_int_equal(rows, SMALL_EVENTS);
		} else if (old) {
			assert_int_equal(small_check(path, &rows, &quiet), 0);
			assert_true(rows == 1 || rows == SMALL_EVENTS);
		}
		assert_false(exists(partial));
		assert_false(exists(journal));
	}
	print_message("# new file: %ld operations, %ld of them end it\n", n - 1, failures);
	assert_true(failures > 5);
	unlink(path);
}

static void added_to(bool for_good, bool full)
{
	unsigned long failed = 1;
	int64_t rows;
	long n, failures = 0;
	int rc;

	for (n = 0; failed; n++) {
		struct bu_err err = BU_ERR_INIT, quiet = BU_ERR_INIT;

		unlink(path);
		assert_int_equal(small_run(path, &quiet), 0);
		assert_int_equal(small_run(path, &quiet), 0);
		fault_at(n, for_good, full);
		rc = small_run(path, &err);
		failed = fault_stop();
		if (rc) {
			failures++;
			assert_true(failed > 0);
			check_error(rc, &err, full, n);
		}
		/* A reader comes first, and finds what was committed even where the writer could not clean up. */
		if (small_check(path, &rows, &quiet))
			fail_msg("operation %ld: a reader: %s", n, quiet.text);
		assert_true(rc ? rows >= 2 : rows == 3);
		if (small_run(path, &quiet))
			fail_msg("operation %ld: the next writer: %s", n, quiet.text);
		assert_int_equal(small_check(path, &rows, &quiet), 0);
		assert_true(rows >= 3);
		assert_false(exists(partial));
	}
	print_message("# added to: %ld operations, %ld of them end it\n", n - 1, failures);
	assert_true(failures > 3);
	unlink(path);
}

static void a_new_file_is_whole_or_not_there(void **state)
{
	int i;

	(void)state;
	for (i = 0; i < 4; i++)
		new_file(false, i & 1, i & 2);
}

static void what_has_the_name_stays_until_then(void **state)
{
	(void)state;
	new_file(true, false, false);
	new_file(true, true, true);
}

static void what_was_committed_stays(void **state)
{
	int i;

	(void)state;
	for (i = 0; i < 4; i++)
		added_to(i & 1, i & 2);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_new_file_is_whole_or_not_there),
		cmocka_unit_test(what_has_the_name_stays_until_then),
		cmocka_unit_test(what_was_committed_stays),
	};

	return cmocka_run_group_tests(tests, setup, teardown);
}
