// SPDX-License-Identifier: GPL-2.0-only
/* dict_test.c - numbers are given out once per key, in order, however many there are. */
#include "schemas/model/dict.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#include <cmocka.h>

static void same_key_same_number(void **state)
{
	struct bu_dict d = { .n = 0 };

	(void)state;
	assert_int_equal(bu_dict_id(&d, "init", 1), 1);
	assert_int_equal(bu_dict_id(&d, "init", 2), 2);	/* another pid */
	assert_int_equal(bu_dict_id(&d, "", 1), 3);
	assert_int_equal(bu_dict_id(&d, "init", 1), 1);
	assert_int_equal(d.n, 3);
	assert_string_equal(d.entries[0].text, "init");
	assert_int_equal(d.entries[1].number, 2);
	bu_dict_fini(&d);
	assert_int_equal(bu_dict_id(&d, "again", 0), 1);
	bu_dict_fini(&d);
}

static void many_keys_keep_their_numbers(void **state)
{
	struct bu_dict d = { .n = 0 };
	char text[32];
	uint32_t i, round;

	(void)state;
	for (round = 0; round < 2; round++)
		for (i = 0; i < 50000; i++) {
			snprintf(text, sizeof(text), "function_%u", i / 2);
			assert_int_equal(bu_dict_id(&d, text, i % 2), i + 1);
		}
	assert_int_equal(d.n, 50000);
	bu_dict_fini(&d);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(same_key_same_number),
		cmocka_unit_test(many_keys_keep_their_numbers),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
