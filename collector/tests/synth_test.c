// SPDX-License-Identifier: GPL-2.0-only
/*
 * synth_test.c - the writer of trace.dat, read back by the library that the world reads it with.
 *
 * Called with arguments it is the tool that other tests and scripts/bench.sh make their traces and their floor with:
 *	synth_test write FILE CPUS EVENTS [KEY=VALUE...]	keys: clock lossy_cpu lost unknown instance no_stats excess
 *		skew_cpu skew
 *		anchors_hz anchors_gap_us anchors_jump_us
 *	synth_test floor IN.db OUT.db	insert the rows of IN's events into OUT with bare statements; prints seconds
 *	synth_test measure PROGRAM [ARGUMENT...]	run it; prints what it cost
 */
#include <errno.h>
#include <inttypes.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>
#include <trace-cmd.h>

#include "collector/dat_head.h"
#include "collector/tests/floor.h"
#include "collector/tests/lines.h"
#include "collector/tests/measure.h"
#include "collector/tests/synth.h"

static int count_events(const char *path, struct tracecmd_input **ret)
{
	struct tracecmd_input *in;
	struct tep_record *r;
	int n = 0, cpu;

	tracecmd_set_loglevel(TEP_LOG_NONE);
	in = tracecmd_open(path, TRACECMD_FL_LOAD_NO_PLUGINS);
	assert_non_null(in);
	for (cpu = 0; cpu < 8; cpu++)
		for (r = tracecmd_read_cpu_first(in, cpu); r; r = tracecmd_read_data(in, cpu)) {
			n++;
			tracecmd_free_record(r);
		}
	*ret = in;
	return n;
}

static void libtracecmd_reads_what_is_written(void **state)
{
	char path[] = "/tmp/bringup-synth.XXXXXX";
	struct synth s = { .cpus = 8, .events = 5000 };
	struct tracecmd_input *in;
	struct synth_result r;
	struct bu_err err = BU_ERR_INIT;

	(void)state;
	close(mkstemp(path));
	assert_int_equal(synth_write(path, &s, &r, &err), 0);
	assert_true(r.events >= 5000);
	assert_int_equal(count_events(path, &in), (int)r.events);
	assert_non_null(tep_find_event_by_name(tracecmd_get_tep(in), "cpuhp", "cpuhp_exit"));
	assert_string_equal(tep_find_function(tracecmd_get_tep(in), 0xffffffff81000000 + 5), "smp_init");
	tracecmd_close(in);
	unlink(path);
}

static void head_tells_what_was_written(void **state)
{
	char path[] = "/tmp/bringup-synth.XXXXXX";
	struct synth s = { .cpus = 4, .events = 2000, .clock = "local [x86-tsc]", .instance = "inst" };
	struct bu_dat_head head;
	struct synth_result r;
	struct bu_err err = BU_ERR_INIT;

	(void)state;
	close(mkstemp(path));
	assert_int_equal(synth_write(path, &s, &r, &err), 0);
	assert_int_equal(bu_dat_head_read(path, &head, &err), 0);
	assert_int_equal(head.version, 6);
	assert_int_equal(head.n_buffers, 2);
	assert_string_equal(head.buffers[0].clock, "x86-tsc");
	assert_string_equal(head.buffers[1].name, "inst");
	assert_int_equal(head.buffers[1].cpus, 4);
	assert_int_equal(head.buffers[0].bytes % 4096, 0);
	assert_non_null(strstr(head.buffers[0].cpustats, "CPU: 3\nentries: "));
	bu_dat_head_fini(&head);
	unlink(path);
}

static void writer_refuses_what_does_not_fit(void **state)
{
	char path[] = "/tmp/bringup-synth.XXXXXX/none/x.dat";
	struct synth s = { .cpus = 2, .events = 10 };
	struct synth_result r;
	struct bu_err err = BU_ERR_INIT;

	(void)state;
	assert_int_equal(synth_write(path, &s, &r, &err), -ENOENT);
	assert_non_null(strstr(err.text, "x.dat.partial: open"));
}

static int write_tool(int argc, char **argv)
{
	struct synth s = { .cpus = (uint32_t)strtoul(argv[3], NULL, 10), .events = strtoull(argv[4], NULL, 10) };
	struct synth_result r;
	struct bu_err err = BU_ERR_INIT;
	char *value;
	int i;

	for (i = 5; i < argc; i++) {
		value = strchr(argv[i], '=');
		if (!value)
			return 2;
		*value++ = 0;
		if (!strcmp(argv[i], "bringups"))
			s.bringups = (uint32_t)strtoul(value, NULL, 10);
		else if (!strcmp(argv[i], "clock"))
			s.clock = value;
		else if (!strcmp(argv[i], "instance"))
			s.instance = value;
		else if (!strcmp(argv[i], "lossy_cpu"))
			s.lossy_cpu = (uint32_t)strtoul(value, NULL, 10);
		else if (!strcmp(argv[i], "lost"))
			s.lost = (uint32_t)strtoul(value, NULL, 10);
		else if (!strcmp(argv[i], "unknown"))
			s.lost_unknown = *value == '1';
		else if (!strcmp(argv[i], "no_stats"))
			s.no_stats = *value == '1';
		else if (!strcmp(argv[i], "skew_cpu"))
			s.skew_cpu = (uint32_t)strtoul(value, NULL, 10);
		else if (!strcmp(argv[i], "skew"))
			s.skew = strtoll(value, NULL, 10);
		else if (!strcmp(argv[i], "anchors_hz"))
			s.anchors_hz = strtoull(value, NULL, 10);
		else if (!strcmp(argv[i], "anchors_gap_us"))
			s.anchors_gap_us = (uint32_t)strtoul(value, NULL, 10);
		else if (!strcmp(argv[i], "anchors_jump_us"))
			s.anchors_jump_us = strtoll(value, NULL, 10);
		else if (!strcmp(argv[i], "excess"))
			s.stats_excess = atoi(value);
		else
			return 2;
	}
	if (synth_write(argv[2], &s, &r, &err)) {
		fprintf(stderr, "%s\n", err.text);
		return 1;
	}
	printf("events=%" PRIu64 " functions=%" PRIu64 " cpuhp=%" PRIu64 " bringup_ns=%" PRIu64 "\n", r.events,
	       r.functions, r.cpuhp, r.last_online - r.first_stamp);
	return 0;
}

int main(int argc, char **argv)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(libtracecmd_reads_what_is_written),
		cmocka_unit_test(head_tells_what_was_written),
		cmocka_unit_test(writer_refuses_what_does_not_fit),
	};

	if (argc >= 5 && !strcmp(argv[1], "write"))
		return write_tool(argc, argv);
	if (argc == 4 && !strcmp(argv[1], "floor"))
		return floor_tool(argv[2], argv[3]);
	if (argc == 4 && !strcmp(argv[1], "lines"))
		return lines_tool(strtoul(argv[2], NULL, 10), strtoull(argv[3], NULL, 10));
	if (argc >= 3 && !strcmp(argv[1], "measure"))
		return measure_tool(argv + 2);
	return cmocka_run_group_tests(tests, NULL, NULL);
}
