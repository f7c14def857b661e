/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * dat_source.h - the events of a trace.dat, one stream per CPU and buffer, as they lie in its pages.
 *
 * Flow: dat_head (checks) -> dat_pages -> [dat_source] -> merge -> decode. Nothing is copied: an event is a place in the page
 * that its stream holds. Stamps are those that trace-cmd report would show in raw numbers: by the rate of the clock and the
 * offset that the file has.
 */
#ifndef BU_COLLECTOR_DAT_SOURCE_H
#define BU_COLLECTOR_DAT_SOURCE_H

#include <stddef.h>
#include <stdint.h>

#include "collector/dat_head.h"
#include "collector/dat_pages.h"
#include "collector/ring_page.h"
#include "schemas/base/err.h"

/* One CPU's part of one buffer, with the account of what came out of it. What each event touches stands together, first. */
struct bu_stream {
	struct bu_ring_page page;
	struct bu_ring_event event;	/* merge.h: its next one */
	uint32_t buf;			/* index of the buffer in the file */
	int32_t cpu;
	int64_t events;
	int64_t last_id, last_ns, first_id, first_ns;	/* valid where events > 0 */
	struct bu_dat_run run;
	int64_t marked;			/* events in its holes that the ring buffer counted */
	size_t open_holes, open_hole;	/* holes without a number: how many, and which was the last */
};

struct bu_dat_source {
	struct bu_dat_pages *pages;
	struct bu_ring_layout layout;
	uint32_t tsc_mult, tsc_shift;		/* 0: stamps are not converted */
	uint64_t stamp_offset;			/* added to each */
	struct bu_stream *streams;		/* by buffer, then CPU */
	size_t n_streams, n_buffers;
};

/**
 * bu_dat_source_open() - Open the file that @head was read from. Every stream stands before its first event.
 * bu_dat_source_close() - Also of what is all zeroes.
 * Return: 0; -EILSEQ when it is damaged; -EPROTO when it is compressed in a way that is not known; -ENOMEM; others of the
 * system. There is nothing to close where it is not 0.
 */
int bu_dat_source_open(const char *path, const struct bu_dat_head *head, struct bu_dat_source *ret, struct bu_err *err);
void bu_dat_source_close(struct bu_dat_source *src);

/**
 * bu_stream_read() - The next event of the stream.
 * @ret: its data is valid until the next call.
 * Return: 1; 0: there are no more; negative: as bu_dat_source_open().
 */
int bu_stream_read(struct bu_dat_source *src, struct bu_stream *s, struct bu_ring_event *ret, struct bu_err *err);

#endif
