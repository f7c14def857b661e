// SPDX-License-Identifier: GPL-2.0-only
/*
 * merge_test.c - the order of events is that of a sort of all of them, whatever their stamps are.
 *
 * A synthetic trace whose pages get stamps of their own: a page of a ring buffer begins with its stamp, to which each event
 * adds (kernel/trace/ring_buffer.c), so that the clock of a CPU goes back, stands still and jumps from page to page.
 */
#include <fcntl.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#include "collector/dat_formats.h"
#include "collector/dat_head.h"
#include "collector/merge.h"
#include "collector/tests/synth.h"
#include "schemas/base/hash.h"
#include "schemas/base/mem.h"

#define PAGE_BYTES 4096

struct seen {
	uint64_t newest, stamp;		/* newest: of the stream's events so far */
	int32_t cpu;
	uint32_t buf, seq;		/* seq: place within the stream */
};

struct all {
	struct seen *events;
	size_t n, cap;
};

struct trace {
	struct bu_dat_head head;
	struct bu_dat_formats formats;
	struct bu_dat_source source;
};

static void open_trace(const char *path, struct trace *t)
{
	struct bu_err err = { 0 };

	assert_int_equal(bu_dat_head_read(path, &t->head, &err), 0);
	assert_int_equal(bu_dat_formats_open(path, &t->head, &t->formats, &err), 0);
	assert_int_equal(bu_dat_source_open(path, &t->head, &t->source, &err), 0);
}

static void close_trace(struct trace *t)
{
	bu_dat_source_close(&t->source);
	bu_dat_formats_close(&t->formats);
	bu_dat_head_fini(&t->head);
}

static void see(struct all *a, struct seen e)
{
	assert_int_equal(bu_grow(&a->events, a->n, &a->cap, sizeof(*a->events)), 0);
	a->events[a->n++] = e;
}

/* Every second page is stamped anew; @spread 0: all alike. */
static void stamp_pages(const char *path, uint64_t from, uint64_t spread)
{
	int fd = open(path, O_RDWR | O_CLOEXEC);
	struct bu_err err = { 0 };
	struct bu_ring_event ev;
	uint64_t page, stamp;
	struct bu_stream *s;
	struct trace t;
	size_t i;

	open_trace(path, &t);
	assert_true(fd >= 0);
	for (i = 0; i < t.source.n_streams; i++)
		for (s = &t.source.streams[i]; bu_stream_read(&t.source, s, &ev, &err) == 1; ) {
			page = s->run.at / PAGE_BYTES - 1;
			stamp = from + (spread ? bu_hash_mix(page) % spread : 0);
			if (page % 2 == 0)
				assert_int_equal(pwrite(fd, &stamp, sizeof(stamp), (off_t)(page * PAGE_BYTES)), sizeof(stamp));
		}
	close(fd);
	close_trace(&t);
}

static int by_order(const void *pa, const void *pb)
{
	const struct seen *a = pa, *b = pb;

	if (a->newest != b->newest)
		return a->newest < b->newest ? -1 : 1;
	if (a->cpu != b->cpu)
		return a->cpu < b->cpu ? -1 : 1;
	if (a->buf != b->buf)
		return a->buf < b->buf ? -1 : 1;
	return a->seq < b->seq ? -1 : 1;
}

/* Every event, stream by stream, then sorted. Return: how many have a stamp before one of their stream. */
static size_t sorted(const char *path, struct all *all)
{
	struct bu_err err = { 0 };
	struct bu_ring_event ev;
	size_t i, back = 0;
	struct trace t;

	open_trace(path, &t);
	for (i = 0; i < t.source.n_streams; i++) {
		struct bu_stream *s = &t.source.streams[i];
		struct seen e = { .cpu = s->cpu, .buf = s->buf };

		for (; bu_stream_read(&t.source, s, &ev, &err) == 1; e.seq++) {
			e.stamp = ev.stamp;
			back += e.stamp < e.newest;
			e.newest = e.stamp > e.newest ? e.stamp : e.newest;
			see(all, e);
		}
	}
	close_trace(&t);
	qsort(all->events, all->n, sizeof(*all->events), by_order);
	return back;
}

static void merged(const char *path, struct all *all)
{
	struct bu_decoder *d = NULL;
	struct bu_merge_entry e;
	struct bu_err err = { 0 };
	struct bu_merge m;
	struct trace t;

	open_trace(path, &t);
	assert_int_equal(bu_decoder_create(t.formats.tep, &d, &err), 0);
	assert_int_equal(bu_merge_init(&m, &t.source, d, &err), 0);
	while (bu_merge_next(&m, &e, &err) == 1) {
		assert_int_equal(e.stream->cpu, e.event->cpu);
		see(all, (struct seen){ .stamp = e.event->ts_raw, .cpu = e.event->cpu, .buf = e.event->buf });
	}
	assert_int_equal(bu_merge_next(&m, &e, &err), 0);
	bu_merge_fini(&m);
	bu_decoder_destroy(d);
	close_trace(&t);
}

static void order_is_that_of_a_sort(void **state)
{
	static const struct { uint32_t cpus; bool restamp, back; uint64_t from, spread; } cases[] = {
		{ 3, false, false, 0, 0 },
		{ 70, false, false, 0, 0 },
		{ 70, true, true, 1000, 3000000 },		/* within what the others have */
		{ 70, true, true, 0, UINT64_MAX },
		{ 40, true, true, 0, 0 },
	};
	char path[] = "/tmp/merge_test.XXXXXX";
	int fd = mkstemp(path);
	size_t i, k;

	(void)state;
	assert_true(fd >= 0);
	for (i = 0; i < ARRAY_SIZE(cases); i++) {
		const struct synth synth = { .cpus = cases[i].cpus, .events = 60000, .bringups = 3, .instance = "other" };
		struct all want = { .n = 0 }, got = { .n = 0 };
		struct synth_result written;
		struct bu_err err = { 0 };

		assert_int_equal(synth_write(path, &synth, &written, &err), 0);
		if (cases[i].restamp)
			stamp_pages(path, cases[i].from, cases[i].spread);
		assert_int_equal(sorted(path, &want) > 0, cases[i].back);
		merged(path, &got);
		assert_int_equal(want.n, written.events);
		assert_int_equal(got.n, want.n);
		for (k = 0; k < want.n; k++) {
			assert_int_equal(got.events[k].stamp, want.events[k].stamp);
			assert_int_equal(got.events[k].cpu, want.events[k].cpu);
			assert_int_equal(got.events[k].buf, want.events[k].buf);
		}
		free(want.events);
		free(got.events);
	}
	close(fd);
	unlink(path);
}

/* What was read and not yet taken goes with it. */
static void ends_early(void **state)
{
	const struct synth synth = { .cpus = 8, .events = 5000, .anchors_hz = 1000000000, .anchors_gap_us = 4000 };
	char path[] = "/tmp/merge_test.XXXXXX";
	struct bu_decoder *d = NULL;
	struct synth_result written;
	struct bu_merge_entry e;
	struct bu_err err = { 0 };
	struct bu_merge m;
	struct trace t;
	int fd = mkstemp(path), i;

	(void)state;
	assert_true(fd >= 0);
	assert_int_equal(synth_write(path, &synth, &written, &err), 0);
	open_trace(path, &t);
	assert_int_equal(bu_decoder_create(t.formats.tep, &d, &err), 0);
	assert_int_equal(bu_merge_init(&m, &t.source, d, &err), 0);
	for (i = 0; i < 1000; i++)
		assert_int_equal(bu_merge_next(&m, &e, &err), 1);
	bu_merge_fini(&m);
	bu_decoder_destroy(d);
	close_trace(&t);
	close(fd);
	unlink(path);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(order_is_that_of_a_sort),
		cmocka_unit_test(ends_early),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
