// SPDX-License-Identifier: GPL-2.0-only
/*
 * dat_source_test.c - the events of a trace.dat are those that libtracecmd finds in it, with their stamps and holes; and what that
 * library cannot open here, a trace of a big-endian machine of 32 bits and data that zlib compressed, is what was put in.
 */
#include <errno.h>
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
#include "collector/dat_source.h"
#include "collector/tests/synth.h"
#include "schemas/base/mem.h"

/*
 * libtracecmd takes some bytes of a v6 file with instances for the length of a clock's name and asks for that much memory;
 * of the clock's name itself it leaks what sscanf() made.
 */
const char *__asan_default_options(void);	/* NOLINT(bugprone-reserved-identifier): the sanitizer's name for it */
const char *__asan_default_options(void)	/* NOLINT(bugprone-reserved-identifier) */
{
	return "allocator_may_return_null=1";
}

const char *__lsan_default_suppressions(void);	/* NOLINT(bugprone-reserved-identifier) */
const char *__lsan_default_suppressions(void)	/* NOLINT(bugprone-reserved-identifier) */
{
	return "leak:vfscanf";
}

static void compare(const char *path, uint64_t least_events, int least_holes)
{
	struct bu_dat_source source;
	struct bu_err err = BU_ERR_INIT;
	struct tracecmd_input *file, *buffer;
	struct bu_dat_head head;
	struct bu_ring_event ev;
	struct tep_record *r;
	uint64_t events = 0;
	int holes = 0;
	size_t i;

	tracecmd_set_loglevel(TEP_LOG_NONE);
	file = tracecmd_open(path, TRACECMD_FL_LOAD_NO_PLUGINS);
	assert_non_null(file);
	assert_int_equal(bu_dat_head_read(path, &head, &err), 0);
	assert_int_equal(bu_dat_source_open(path, &head, &source, &err), 0);
	for (i = 0; i < source.n_streams; i++) {
		struct bu_stream *s = &source.streams[i];

		buffer = s->buf ? tracecmd_buffer_instance_handle(file, (int)s->buf - 1) : file;
		assert_non_null(buffer);
		while ((r = tracecmd_read_data(buffer, s->cpu)) != NULL) {
			assert_int_equal(bu_stream_read(&source, s, &ev, &err), 1);
			assert_int_equal(ev.stamp, r->ts);
			assert_int_equal(ev.bytes, r->size);
			assert_memory_equal(ev.data, r->data, ev.bytes);
			assert_int_equal(ev.missed, r->missed_events);
			holes += ev.missed != 0;
			events++;
			tracecmd_free_record(r);
		}
		assert_int_equal(bu_stream_read(&source, s, &ev, &err), 0);
		if (buffer != file)
			tracecmd_close(buffer);
	}
	assert_true(events >= least_events && holes >= least_holes);
	bu_dat_source_close(&source);
	bu_dat_head_fini(&head);
	tracecmd_close(file);
}

/* The option that tells who wrote the file becomes another one. */
static void change_option(const char *path, unsigned char id, const char *bytes, size_t len)
{
	static const char marker[] = "synth";
	FILE *f = fopen(path, "r+e");
	char head[1 << 16];
	size_t n, i;

	assert_non_null(f);
	n = fread(head, 1, sizeof(head), f);
	for (i = 6; i + sizeof(marker) < n && (memcmp(head + i, marker, sizeof(marker) - 1) != 0 || head[i - 6] != BU_DAT_VERSION); i++)
		;
	assert_true(i + sizeof(marker) < n);
	assert_int_equal(fseek(f, (long)i - 6, SEEK_SET), 0);
	assert_int_equal(fputc(id, f), id);
	assert_int_equal(fseek(f, (long)i, SEEK_SET), 0);
	assert_int_equal(fwrite(bytes, 1, len, f), len);
	fclose(f);
}

static void events_are_those_of_the_library(void **state)
{
	static const struct synth cases[] = {
		{ .cpus = 5, .events = 20000, .instance = "other" },
		{ .cpus = 4, .events = 8000, .lossy_cpu = 2, .lost = 123 },
		{ .cpus = 4, .events = 8000, .lossy_cpu = 2, .lost = 123, .lost_unknown = true },
	};
	char path[] = "/tmp/dat_source_test.XXXXXX";
	struct synth_result written;
	struct bu_err err = BU_ERR_INIT;
	size_t i;

	(void)state;
	close(mkstemp(path));
	for (i = 0; i < ARRAY_SIZE(cases); i++) {
		assert_int_equal(synth_write(path, &cases[i], &written, &err), 0);
		compare(path, written.events, cases[i].lost ? 1 : 0);
	}
	change_option(path, BU_DAT_OFFSET, "-77", 4);
	compare(path, written.events, 1);
	assert_int_equal(synth_write(path, &cases[1], &written, &err), 0);
	change_option(path, BU_DAT_DATE, "0x9", 4);
	compare(path, written.events, 1);
	unlink(path);
}

static void events_are_those_put_in(void **state)
{
	static const struct { int cpu; uint64_t stamp; uint32_t bytes; int64_t missed; } want[] = {
		{ 0, 1000, 12, 0 }, { 0, 1005, 16, 0 }, { 0, 268436463, 8, 0 }, { 0, 268436467, 120, 0 }, { 0, 402653262, 12, -1 },
		{ 1, 99001, 12, 41 }, { 1, 99003, 112, 0 },
	};
	static const struct { const char *name; uint64_t offset; } files[] = {
		{ "v6-events", (uint64_t)-500 }, { "v6-events-big-endian-32", 18000 }, { "v7-zlib", 0 }, { "v7-zstd", 0 },
		{ "v7-zstd-big-endian", 0 },
	};
	struct bu_dat_source source;
	struct bu_err err = BU_ERR_INIT;
	struct bu_dat_head head;
	struct bu_ring_event ev;
	char path[4096];
	size_t i, k, n;

	(void)state;
	for (i = 0; i < ARRAY_SIZE(files); i++) {
		snprintf(path, sizeof(path), "%s/datasets/fuzz/dat_head/%s", getenv("SRC"), files[i].name);
		assert_int_equal(bu_dat_head_read(path, &head, &err), 0);
		assert_int_equal(bu_dat_source_open(path, &head, &source, &err), 0);
		for (k = n = 0; k < source.n_streams; k++)
			for (; bu_stream_read(&source, &source.streams[k], &ev, &err) == 1; n++) {
				assert_true(n < ARRAY_SIZE(want));
				assert_int_equal(source.streams[k].cpu, want[n].cpu);
				assert_int_equal(ev.stamp, want[n].stamp + files[i].offset);
				assert_int_equal(ev.bytes, want[n].bytes);
				assert_int_equal(ev.missed, want[n].missed);
			}
		assert_int_equal(n, ARRAY_SIZE(want));
		bu_dat_source_close(&source);
		bu_dat_head_fini(&head);
	}
}

static void what_makes_no_sense_is_refused(void **state)
{
	static const char *const files[] = { "v7-chunk-longer-than-it-says", "v7-chunk-without-end", "v7-chunks-without-end",
					     "v7-cpu-has-two-places" };
	struct bu_dat_source source;
	struct bu_dat_head head;
	struct bu_ring_event ev;
	char path[4096];
	size_t i, k;
	int rc;

	(void)state;
	for (i = 0; i < ARRAY_SIZE(files); i++) {
		struct bu_err err = BU_ERR_INIT;

		snprintf(path, sizeof(path), "%s/datasets/fuzz/dat_head/%s", getenv("SRC"), files[i]);
		assert_int_equal(bu_dat_head_read(path, &head, &err), 0);
		rc = bu_dat_source_open(path, &head, &source, &err);
		for (k = 0; !rc && k < source.n_streams; k++)
			while ((rc = bu_stream_read(&source, &source.streams[k], &ev, &err)) == 1)
				;
		assert_int_equal(rc, -EILSEQ);
		assert_non_null(strstr(err.text, "damaged"));
		bu_dat_source_close(&source);
		bu_dat_head_fini(&head);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(events_are_those_of_the_library),
		cmocka_unit_test(events_are_those_put_in),
		cmocka_unit_test(what_makes_no_sense_is_refused),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
