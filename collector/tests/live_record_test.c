// SPDX-License-Identifier: GPL-2.0-only
/* live_record_test.c - a recording that cannot begin leaves the process its signals. What it records: live_record.t. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>
#include <errno.h>
#include <signal.h>
#include <sys/resource.h>
#include <unistd.h>

#include "collector/live_record.h"

/* Return: what bu_live_record() returned. */
static int fails_with_signals_as_they_were(const char *state)
{
	const struct bu_live_params p = { .output = "/tmp/x.dat", .state = state };
	struct bu_live_result result;
	struct bu_err err = BU_ERR_INIT;
	sigset_t before, after;
	int rc, sig;

	sigprocmask(SIG_SETMASK, NULL, &before);
	rc = bu_live_record(&p, &result, &err);
	sigprocmask(SIG_SETMASK, NULL, &after);
	bu_live_result_fini(&result);
	for (sig = 1; sig < SIGRTMIN; sig++)
		assert_int_equal(sigismember(&after, sig), sigismember(&before, sig));
	return rc;
}

static void test_no_signalfd(void **state)
{
	struct rlimit files, none;

	(void)state;
	if (geteuid())
		skip();
	getrlimit(RLIMIT_NOFILE, &files);
	none = files;
	none.rlim_cur = 0;
	setrlimit(RLIMIT_NOFILE, &none);
	assert_int_equal(fails_with_signals_as_they_were(NULL), -EMFILE);
	setrlimit(RLIMIT_NOFILE, &files);
}

static void test_no_journal(void **state)
{
	(void)state;
	if (geteuid())
		skip();
	assert_int_equal(fails_with_signals_as_they_were("/dev/null/state"), -ENOTDIR);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_no_signalfd),
		cmocka_unit_test(test_no_journal),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
