// SPDX-License-Identifier: GPL-2.0-only
/* machine_dir_test.c - machine folders as they should be, as they were, and as nobody should make them. */
#include "collector/machine_dir.h"

#include <errno.h>
#include <fcntl.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>

#include "collector/clock.h"
#include "schemas/base/ns.h"

static char dir[64];
static struct bu_machine m;

static void put(const char *name, const char *text, size_t len)
{
	char path[128];
	FILE *f;

	snprintf(path, sizeof(path), "%s/%s", dir, name);
	f = fopen(path, "w");
	assert_non_null(f);
	assert_int_equal(fwrite(text, 1, len, f), len);
	assert_int_equal(fclose(f), 0);
}

#define PUT(name, text) put(name, text, sizeof(text) - 1)

static void load(void)
{
	struct bu_err err = BU_ERR_INIT;

	bu_machine_fini(&m);
	assert_int_equal(bu_machine_read(dir, &m, &err), 0);
}

static int setup(void **state)
{
	(void)state;
	strcpy(dir, "/tmp/bringup-machine.XXXXXX");
	return mkdtemp(dir) ? 0 : -1;
}

static int teardown(void **state)
{
	static const char *const names[] = { "cpu_masks", "topology", "nodes", "cpuinfo_head", "dmesg", "hotplug_states",
					     "stats", "trace_clock", "uname", "meminfo", "cmdline", "smt", "interrupts" };
	char path[128];
	size_t i;

	(void)state;
	bu_machine_fini(&m);
	for (i = 0; i < ARRAY_SIZE(names); i++) {
		snprintf(path, sizeof(path), "%s/%s", dir, names[i]);
		unlink(path);
		rmdir(path);
	}
	return rmdir(dir);
}

static void reads_what_the_kernel_writes(void **state)
{
	(void)state;
	PUT("cpu_masks", "online 0-2\npresent 0-3\npossible 0-3,8\nkernel_max 8191\noffline 3\n");
	PUT("topology", "cpu0/topology/physical_package_id:0\ncpu2/topology/core_id:1\n"
	    "cpu2/topology/thread_siblings_list:0,2\ncpu1/topology/thread_siblings_list:1\n");
	PUT("nodes", "/sys/devices/system/node/node1/cpu2\n");
	PUT("cpuinfo_head", "processor\t: 0\nmodel name\t: A CPU\napicid\t\t: 4\n\nprocessor\t: 2\napicid\t\t: 6\n");
	PUT("dmesg", "[    0.000000] tsc: Detected 2596.138 MHz processor\n[    0.000000] Hypervisor detected: KVM\n"
	    "[    5.515241] tsc: Refined TSC clocksource calibration: 2596.101 MHz\n");
	PUT("hotplug_states", "  0: offline\n 91: cpu:bringup\n236: online\n");
	PUT("trace_clock", "local [x86-tsc] boot\n");
	PUT("uname", "Linux (none) 6.1.0-56-amd64 #1 SMP Debian 6.1.192-2 (2026-11-16) x86_64 GNU/Linux\n");
	PUT("meminfo", "MemTotal:        2498896 kB\nMemFree: 1 kB\n");
	load();
	assert_int_equal(m.cpus_possible, 5);
	assert_int_equal(m.cpus_online, 3);
	assert_true(m.cpus[8].possible && !m.cpus[8].online && !m.cpus[5].possible);
	assert_int_equal(m.cpus[2].thread, 1);
	assert_int_equal(m.cpus[1].thread, 0);
	assert_int_equal(m.cpus[2].node, 1);
	assert_int_equal(m.cpus[2].apic_id, 6);
	assert_int_equal(m.cpus[1].package, BU_NS_UNKNOWN);
	assert_int_equal(m.tsc_detected_khz, 2596138);
	assert_int_equal(m.tsc_refined_khz, 2596101);
	assert_string_equal(m.hypervisor, "KVM");
	assert_string_equal(m.cpu_model, "A CPU");
	assert_int_equal(m.n_states, 3);
	assert_string_equal(m.states[1].name, "cpu:bringup");
	assert_string_equal(m.trace_clock, "x86-tsc");
	assert_string_equal(m.release, "6.1.0-56-amd64");
	assert_string_equal(m.version, "#1 SMP Debian 6.1.192-2 (2026-11-16)");
	assert_string_equal(m.arch, "x86_64");
	assert_int_equal(m.memory_kib, 2498896);
	assert_int_equal(m.junk_lines, 0);
}

static void three_forms_of_statistics(void **state)
{
	static const char *const forms[] = {
		"cpu1/stats:entries: 70\ncpu1/stats:commit overrun: 2\ncpu1/stats:now ts:  12.000034\n",
		"cpu1 entries: 70 commit overrun: 2 now ts:  12.000034 \n",
		"CPU: 1\nentries: 70\ncommit overrun: 2\nnow ts:  12.000034\n\n",
	};
	struct bu_machine_stat *stats;
	size_t n, cap, i;
	int64_t junk;

	(void)state;
	for (i = 0; i < ARRAY_SIZE(forms); i++) {
		stats = NULL;
		n = cap = 0;
		junk = 0;
		assert_int_equal(bu_machine_parse_stats(forms[i], &stats, &n, &cap, &junk), 0);
		assert_int_equal(n, 2);
		assert_false(stats[0].seen);
		assert_int_equal(stats[1].entries, 70);
		assert_int_equal(stats[1].commit_overrun, 2);
		assert_int_equal(stats[1].overrun, BU_NS_UNKNOWN);
		assert_int_equal(stats[1].now, 12000034000);
		assert_int_equal(junk, 0);
		free(stats);
	}
}

static void junk_is_counted_and_passed_over(void **state)
{
	char junk[5000];
	size_t i;

	(void)state;
	for (i = 0; i < sizeof(junk); i++)
		junk[i] = (char)(i * 37 + i / 256);
	PUT("cpu_masks", "online 0-99999999\npossible 3-\npresent x\n");
	PUT("topology", "cpu0\ncpu99999999/topology/core_id:1\ncpu1/topology/core_id:-4\nnonsense\n");
	PUT("hotplug_states", "99: b\n 1: goes back\n: x\n99999999999999999999: y\n");
	PUT("stats", "cpu0/stats:entries: many\ncpu0/stats:entries: 99999999999999999999\nentries: 5\n");
	PUT("trace_clock", "no brackets here\n");
	put("dmesg", junk, sizeof(junk));
	put("interrupts", "a\0b\xff\xc3(", 6);
	PUT("meminfo", "");
	load();
	assert_int_equal(m.cpus_online, BU_NS_UNKNOWN);
	assert_int_equal(m.cpus_possible, BU_NS_UNKNOWN);
	assert_false(m.has_masks);
	assert_int_equal(m.n_states, 1);
	assert_null(m.trace_clock);
	assert_int_equal(m.tsc_detected_khz, BU_NS_UNKNOWN);
	assert_true(m.junk_lines >= 12);
	for (i = 0; i < m.n_texts; i++)
		if (!strcmp(m.texts[i].name, "interrupts"))
			assert_string_equal(m.texts[i].content, "a?b?" "?(");
	assert_true(m.n_stats <= 1);
}

static void files_that_are_no_files(void **state)
{
	char path[128];

	(void)state;
	snprintf(path, sizeof(path), "%s/dmesg", dir);
	assert_int_equal(mkdir(path, 0755), 0);
	snprintf(path, sizeof(path), "%s/stats", dir);
	assert_int_equal(mkfifo(path, 0644), 0);	/* must not be waited for */
	load();
	assert_true(m.given);
	assert_int_equal(m.n_texts, 0);
}

static void no_folder_is_an_error_and_none_is_not(void **state)
{
	struct bu_machine none;
	struct bu_err err = BU_ERR_INIT;

	(void)state;
	assert_int_equal(bu_machine_read("/nonexistent", &none, &err), -ENOENT);
	bu_machine_fini(&none);
	assert_int_equal(bu_machine_read(NULL, &none, &err), 0);
	assert_false(none.given);
	assert_int_equal(none.cpus_online, BU_NS_UNKNOWN);
	bu_machine_fini(&none);
}

/* ---- the clock, which leans on both the file and the folder ----------------------------------------------- */

static void ticks_become_ns_only_with_a_rate(void **state)
{
	struct bu_dat_buffer b = { .name = "", .clock = "x86-tsc" };
	struct bu_dat_head head = { .buffers = &b, .n_buffers = 1 };
	struct bu_clock c;

	(void)state;
	load();
	bu_clock_choose(&head, &m, &c);
	assert_false(c.in_ns);
	assert_non_null(c.warning);
	assert_int_equal(bu_clock_ns(&c, 1500, 1000), 500);
	m.tsc_detected_khz = 2000000;
	bu_clock_choose(&head, &m, &c);
	assert_true(c.in_ns && c.raw);
	assert_int_equal(c.hz, 2000000000);
	assert_int_equal(bu_clock_ns(&c, 3000, 1000), 1000);
	assert_int_equal(bu_clock_ns(&c, 1000, 3000), -1000);
	assert_int_equal(bu_clock_ns(&c, UINT64_MAX, 0), UINT64_MAX / 2);
	m.tsc_refined_khz = 1000000;	/* measured for longer, so it counts */
	bu_clock_choose(&head, &m, &c);
	assert_int_equal(c.hz, 1000000000);
	b.clock = "mono";
	bu_clock_choose(&head, &m, &c);
	assert_true(c.in_ns && !c.raw);
	assert_int_equal(bu_clock_ns(&c, 3000, 1000), 2000);
	b.clock = NULL;
	bu_clock_choose(&head, &m, &c);
	assert_false(c.in_ns);
	head.has_tsc2nsec = true;
	head.tsc_mult = 1u << 30;
	head.tsc_shift = 31;		/* half a nanosecond per tick */
	bu_clock_choose(&head, &m, &c);
	assert_true(c.in_ns && !c.raw);
	assert_int_equal(c.hz, 2000000000);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(reads_what_the_kernel_writes, setup, teardown),
		cmocka_unit_test_setup_teardown(three_forms_of_statistics, setup, teardown),
		cmocka_unit_test_setup_teardown(junk_is_counted_and_passed_over, setup, teardown),
		cmocka_unit_test_setup_teardown(files_that_are_no_files, setup, teardown),
		cmocka_unit_test_setup_teardown(no_folder_is_an_error_and_none_is_not, setup, teardown),
		cmocka_unit_test_setup_teardown(ticks_become_ns_only_with_a_rate, setup, teardown),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
