// SPDX-License-Identifier: GPL-2.0-only
/* account_test.c - written + lost = produced: what must add up, and what must be seen not to. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>
#include <stdio.h>
#include <string.h>

#include "collector/account.h"

static struct bu_dat_text stats(char *buf, size_t size, int entries, int overrun, int dropped, int read)
{
	snprintf(buf, size, "entries: %d\noverrun: %d\ncommit overrun: 0\nbytes: 9\noldest event ts:     1.000000\n"
		 "now ts:     2.000000\ndropped events: %d\nread events: %d\n", entries, overrun, dropped, read);
	return (struct bu_dat_text){ buf, strlen(buf) };
}

static void test_balance(void **state)
{
	char a[256], b[256], c[256], d[256];
	struct bu_dat_text before[2] = { stats(a, sizeof(a), 10, 0, 0, 4), stats(b, sizeof(b), 7, 3, 0, 0) };
	struct bu_dat_text after[2] = { stats(c, sizeof(c), 0, 0, 0, 14), stats(d, sizeof(d), 2, 3, 1, 5) };
	int64_t written[2] = { 10, 5 };
	struct bu_account acc;

	(void)state;
	assert_int_equal(bu_account_sum(before, after, 2, written, false, &acc, NULL), 0);
	assert_true(acc.balanced);
	assert_int_equal(acc.written, 15);
	assert_int_equal(acc.overrun, 3);
	assert_int_equal(acc.dropped, 1);
	assert_int_equal(acc.unread, 2);
	assert_int_equal(acc.read_before, 4);
	assert_int_equal(acc.produced, acc.written + bu_account_lost(&acc));
	assert_false(bu_account_whole(&acc));

	written[1] = 4;		/* one event went astray: of a killed recorder, or nobody knows why */
	assert_int_equal(bu_account_sum(before, after, 2, written, true, &acc, NULL), 0);
	assert_true(acc.balanced);
	assert_int_equal(acc.died, 1);
	assert_int_equal(acc.produced, acc.written + bu_account_lost(&acc));
	assert_int_equal(bu_account_sum(before, after, 2, written, false, &acc, NULL), 0);
	assert_false(acc.balanced);
}

static void test_before_only(void **state)
{
	char a[256];
	struct bu_dat_text before[2] = { stats(a, sizeof(a), 10, 0, 0, 0), { NULL, 0 } };
	int64_t written[2] = { 10, 0 };
	struct bu_account acc;

	(void)state;
	assert_int_equal(bu_account_sum(before, NULL, 2, written, false, &acc, NULL), 0);
	assert_true(bu_account_whole(&acc));
	assert_int_equal(acc.produced, 10);
	written[1] = 1;		/* from a CPU that the kernel has no statistics of */
	assert_int_equal(bu_account_sum(before, NULL, 2, written, false, &acc, NULL), 0);
	assert_false(acc.balanced);
	assert_int_equal(bu_account_sum(NULL, NULL, 2, written, false, &acc, NULL), 0);
	assert_false(bu_account_whole(&acc));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_balance),
		cmocka_unit_test(test_before_only),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
