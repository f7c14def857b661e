// SPDX-License-Identifier: GPL-2.0-only
/* machine_alloc_test.c - every allocation made over a machine folder fails: -ENOMEM, and nothing leaks (ASan). */
#include "schemas/store/tests/wrap_alloc.h"

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <unistd.h>

#include <cmocka.h>

#include "collector/machine_dir.h"

static const char *const files[][2] = {
	{ "uname", "Linux h 6.1.0 #1 SMP x86_64 GNU/Linux\n" }, { "cpu_masks", "possible 0-63\nonline 0-63\n" },
	{ "topology", "cpu70/topology/core_id:1\n" }, { "hotplug_states", "  0: offline\n 91: cpu:bringup\n" },
	{ "stats", "cpu40/stats:entries: 3\n" }, { "dmesg", "[ 0.0] Hypervisor detected: KVM\n" },
	{ "trace_clock", "[local]\n" }, { "cpuinfo_head", "processor\t: 0\nmodel name\t: A CPU\n" },
};

static void each_allocation(void **state)
{
	char folder[] = "/tmp/bringup-alloc.XXXXXX", path[64];
	unsigned long failed = 1;
	long n, failures = 0;
	size_t i;
	FILE *f;
	int rc;

	(void)state;
	assert_non_null(mkdtemp(folder));
	for (i = 0; i < sizeof(files) / sizeof(files[0]); i++) {
		snprintf(path, sizeof(path), "%s/%s", folder, files[i][0]);
		f = fopen(path, "we");
		assert_non_null(f);
		fputs(files[i][1], f);
		fclose(f);
	}
	for (n = 0; failed; n++) {
		struct bu_err err = BU_ERR_INIT;
		struct bu_machine m;

		alloc_fail_at(n, n & 1);
		rc = bu_machine_read(folder, &m, &err);
		failed = alloc_stop();
		assert_int_equal(rc, failed ? -ENOMEM : 0);
		assert_true(!rc == !err.text[0]);
		failures += rc != 0;
		bu_machine_fini(&m);
	}
	assert_true(failures > 8);
	for (i = 0; i < sizeof(files) / sizeof(files[0]); i++) {
		snprintf(path, sizeof(path), "%s/%s", folder, files[i][0]);
		unlink(path);
	}
	rmdir(folder);
}

int main(void)
{
	const struct CMUnitTest tests[] = { cmocka_unit_test(each_allocation) };

	return cmocka_run_group_tests(tests, NULL, NULL);
}
