// SPDX-License-Identifier: GPL-2.0-only
/* previous_boot_test.c - the forms that last_boot_info has had, and what is none of them. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>
#include <errno.h>

#include "collector/previous_boot.h"

static void test_delta(void **state)
{
	struct bu_last_boot b;

	(void)state;	/* as 6.12.113 printed it */
	assert_int_equal(bu_last_boot_parse("text delta:\t-268435456\ndata delta:\t-268435456\n", &b), 0);
	assert_true(b.has_delta);
	assert_false(b.has_text);
	assert_int_equal(b.delta, -268435456);
}

static void test_text(void **state)
{
	struct bu_last_boot b;

	(void)state;	/* l_show() of kernel/trace/trace.c from 6.15 on */
	assert_int_equal(bu_last_boot_parse("ffffffff9c000000\t[kernel]\nffffffffc00ca000\tusbserial\n", &b), 0);
	assert_true(b.has_text);
	assert_false(b.current);
	assert_true(b.text == 0xffffffff9c000000ULL);
	assert_int_equal(bu_last_boot_parse("# Current\n", &b), 0);
	assert_true(b.current);
}

static void test_neither(void **state)
{
	static const char *const texts[] = { "", "\n", "text delta:\n", "ffffffff9c000000\tusbserial\n", "Offset: 12\n" };
	struct bu_last_boot b;
	size_t i;

	(void)state;
	for (i = 0; i < sizeof(texts) / sizeof(texts[0]); i++)
		assert_int_equal(bu_last_boot_parse(texts[i], &b), -EPROTO);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_delta),
		cmocka_unit_test(test_text),
		cmocka_unit_test(test_neither),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
