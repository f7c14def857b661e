// SPDX-License-Identifier: GPL-2.0-only
/* dat_source.c - see dat_source.h. */
#include "collector/dat_source.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

static int damaged_page(const struct bu_stream *s, struct bu_err *err)
{
	return bu_fail(err, -EILSEQ, "the trace is damaged: a page of CPU %d has lengths that make no sense; record or copy it again",
		       (int)s->cpu);
}

/* As timestamp_calc() of trace-cmd 3.1 (trace-input.c). */
static uint64_t converted(const struct bu_dat_source *src, uint64_t stamp)
{
	if (src->tsc_mult)
		stamp = (uint64_t)((unsigned __int128)stamp * src->tsc_mult >> src->tsc_shift);
	return stamp + src->stamp_offset;
}

int bu_stream_read(struct bu_dat_source *src, struct bu_stream *s, struct bu_ring_event *ret, struct bu_err *err)
{
	const uint8_t *page;
	uint32_t bytes;
	int rc;

	while (!(rc = bu_ring_page_next(&s->page, &src->layout, ret))) {
		rc = bu_dat_run_next(src->pages, &s->run, &page, &bytes, err);
		if (rc <= 0)
			return rc;
		if (!bu_ring_page_open(&s->page, &src->layout, page, bytes))
			return damaged_page(s, err);
	}
	if (rc < 0)
		return damaged_page(s, err);
	ret->stamp = converted(src, ret->stamp);
	return 1;
}

/* The streams of buffer @buf, which begin at @first. */
static int add_streams(struct bu_dat_source *src, const struct bu_dat_head *head, size_t buf, struct bu_stream *first,
		       struct bu_err *err)
{
	const struct bu_dat_buffer *b = &head->buffers[buf];
	struct bu_stream *s;
	uint32_t cpu;
	size_t i;
	int rc = 0;

	for (cpu = 0; cpu < b->cpus; cpu++) {
		first[cpu].buf = (uint32_t)buf;
		first[cpu].cpu = (int32_t)cpu;
	}
	src->n_streams += b->cpus;
	for (i = 0; !rc && i < b->n_extents; i++) {
		s = &first[b->extents[i].cpu];
		if (s->run.page_bytes)
			return bu_fail(err, -EILSEQ, "the trace is damaged: CPU %d of buffer '%s' has two places", (int)s->cpu, b->name);
		rc = bu_dat_run_init(src->pages, b, &b->extents[i], &s->run, err);
	}
	return rc;
}

int bu_dat_source_open(const char *path, const struct bu_dat_head *head, struct bu_dat_source *ret, struct bu_err *err)
{
	size_t i, n = 0;
	int rc;

	*ret = (struct bu_dat_source){ .layout = { head->big_endian, (uint8_t)head->long_bytes }, .n_buffers = head->n_buffers,
				       .tsc_mult = head->tsc_mult, .tsc_shift = head->tsc_shift, .stamp_offset = head->stamp_offset };
	rc = bu_dat_pages_open(path, head, &ret->pages, err);
	if (rc)
		return rc;
	for (i = 0; i < head->n_buffers; i++)
		n += head->buffers[i].cpus;
	ret->streams = calloc(n ? n : 1, sizeof(*ret->streams));
	if (!ret->streams)
		rc = bu_fail_errno(err, -ENOMEM, "%s", path);
	for (i = 0; !rc && i < head->n_buffers; i++)
		rc = add_streams(ret, head, i, ret->streams + ret->n_streams, err);
	if (rc)
		bu_dat_source_close(ret);
	return rc;
}

void bu_dat_source_close(struct bu_dat_source *src)
{
	size_t i;

	for (i = 0; i < src->n_streams; i++)
		bu_dat_run_fini(&src->streams[i].run);
	bu_dat_pages_close(src->pages);
	free(src->streams);
	*src = (struct bu_dat_source){ .n_streams = 0 };
}
