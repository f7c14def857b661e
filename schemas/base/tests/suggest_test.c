// SPDX-License-Identifier: GPL-2.0-only
/* suggest_test.c - what counts as a near miss, by the words of suggest.h. */
#include "schemas/base/suggest.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

static const char *nearest(const char *word)
{
	static const char *const names[] = { "import", "info", "replay", "report", "plot", "fidelity" };
	struct bu_suggest s = BU_SUGGEST_INIT(word);
	size_t i;

	for (i = 0; i < sizeof(names) / sizeof(names[0]); i++)
		bu_suggest_offer(&s, names[i]);
	return s.best ? s.best : "nothing";
}

static void finds_one_wrong_letter(void **state)
{
	(void)state;
	assert_string_equal(nearest("replya"), "replay");	/* swapped */
	assert_string_equal(nearest("plt"), "plot");		/* left out */
	assert_string_equal(nearest("reprot"), "report");
	assert_string_equal(nearest("infoo"), "info");		/* doubled */
	assert_string_equal(nearest("inpo"), "info");		/* replaced */
}

static void finds_the_whole_of_a_beginning(void **state)
{
	(void)state;
	assert_string_equal(nearest("fid"), "fidelity");
	assert_string_equal(nearest("rep"), "replay");	/* replay and report: the first offered */
}

static void keeps_quiet_when_nothing_is_near(void **state)
{
	char long_word[500];

	(void)state;
	memset(long_word, 'r', sizeof(long_word) - 1);
	long_word[sizeof(long_word) - 1] = 0;
	assert_string_equal(nearest("frobnicate"), "nothing");
	assert_string_equal(nearest("p"), "nothing");
	assert_string_equal(nearest(""), "nothing");
	assert_string_equal(nearest(long_word), "nothing");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(finds_one_wrong_letter),
		cmocka_unit_test(finds_the_whole_of_a_beginning),
		cmocka_unit_test(keeps_quiet_when_nothing_is_near),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
