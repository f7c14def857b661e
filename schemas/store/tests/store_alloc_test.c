// SPDX-License-Identifier: GPL-2.0-only
/*
 * store_alloc_test.c - every allocation of the store and of SQLite fails once, and from there on for good.
 *
 * Either the file comes out whole in spite of it, or the error is -ENOMEM and no file is there. Leaks show under
 * ASan.
 */
#include "schemas/store/tests/wrap_alloc.h"

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>

#include "schemas/store/tests/small.h"

static char folder[] = "/tmp/bringup-alloc.XXXXXX";
static char path[64], partial[80];

static int setup(void **state)
{
	(void)state;
	if (alloc_wrap_sqlite() || !mkdtemp(folder))
		return -1;
	snprintf(path, sizeof(path), "%s/x.db", folder);
	snprintf(partial, sizeof(partial), "%s.partial", path);
	return 0;
}

static int teardown(void **state)
{
	(void)state;
	unlink(path);
	return rmdir(folder);
}

static bool exists(const char *name)
{
	struct stat st;

	return !stat(name, &st);
}

static void check_error(int rc, const struct bu_err *err, long n)
{
	if (rc != -ENOMEM || !err->text[0])
		fail_msg("allocation %ld: error %d says '%s'", n, rc, err->text);
}

/* Steps through the allocations that @work makes, @stride apart. */
static void each(int (*work)(const char *, struct bu_err *), int64_t rows_wanted, bool for_good, long stride)
{
	unsigned long failed = 1;
	int64_t rows = 0;
	long n, failures = 0;
	int rc;

	for (n = 0; failed; n += stride) {
		struct bu_err err = BU_ERR_INIT, quiet = BU_ERR_INIT;

		unlink(path);
		alloc_fail_at(n, for_good);
		rc = work(path, &err);
		failed = alloc_stop();
		if (rc) {
			failures++;
			check_error(rc, &err, n);
			assert_false(exists(path));
		} else {
			assert_int_equal(small_check(path, &rows, &quiet), 0);
			assert_int_equal(rows, rows_wanted);
		}
		assert_false(exists(partial));
	}
	print_message("# %ld allocations, of each %ld one failed, %ld times the work\n", n, stride, failures);
	assert_true(failures > 5);
}

static void new_capture(void **state)
{
	(void)state;
	each(small_capture, SMALL_EVENTS, false, 23);
	each(small_capture, SMALL_EVENTS, true, 31);
}

static void new_loaded_capture(void **state)
{
	(void)state;
	each(small_loaded_capture, SMALL_EVENTS, false, 23);
	each(small_loaded_capture, SMALL_EVENTS, true, 31);
}

static void new_runs(void **state)
{
	(void)state;
	each(small_run, 1, false, 11);
	each(small_run, 1, true, 17);
}

static void reading(void **state)
{
	struct bu_err quiet = BU_ERR_INIT;
	unsigned long failed = 1;
	int64_t rows = 0;
	long n;
	int rc;

	(void)state;
	unlink(path);
	assert_int_equal(small_capture(path, &quiet), 0);
	for (n = 0; failed; n += 13) {
		struct bu_err err = BU_ERR_INIT;

		alloc_fail_at(n, false);
		rc = small_check(path, &rows, &err);
		failed = alloc_stop();
		if (rc)
			check_error(rc, &err, n);
		else
			assert_int_equal(rows, SMALL_EVENTS);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(new_capture),
		cmocka_unit_test(new_loaded_capture),
		cmocka_unit_test(new_runs),
		cmocka_unit_test(reading),
	};

	return cmocka_run_group_tests(tests, setup, teardown);
}
