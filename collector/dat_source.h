/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * dat_source.h - the events of a trace.dat, one stream per CPU and buffer, through libtracecmd.
 *
 * Flow: dat_head (checks) -> [dat_source] -> merge -> decode. Streams are read one by one with
 * tracecmd_read_data(): the library's own merging looks at every CPU for every event.
 */
#ifndef BU_COLLECTOR_DAT_SOURCE_H
#define BU_COLLECTOR_DAT_SOURCE_H

#include <stddef.h>
#include <stdint.h>
#include <trace-cmd.h>

#include "collector/dat_head.h"
#include "schemas/base/err.h"

/* One CPU's part of one buffer, with the account of what came out of it. What each event touches stands together, first. */
struct bu_stream {
	struct bu_ahead *ahead;		/* merge.h: events read; owned, NULL: none */
	uint64_t *stamps;		/* of each of them, or that of one before it where the clock went back; behind them */
	uint32_t next, n;		/* of those, [next] to [n] are to come */
	uint32_t buf;			/* index of the buffer in the file */
	int32_t cpu;
	int64_t events;
	uint64_t newest;		/* stamp of all that were read */
	int64_t last_id, last_ns, first_id, first_ns;	/* valid where events > 0 */
	struct tracecmd_input *handle;	/* borrowed from the source */
	int64_t marked;			/* events in its holes that the ring buffer counted */
	size_t open_holes, open_hole;	/* holes without a number: how many, and which was the last */
};

struct bu_dat_source {
	struct tracecmd_input *file;
	struct tracecmd_input **handles;	/* per buffer of the head; NULL where it holds nothing */
	size_t n_handles;
	struct tep_handle *tep;			/* borrowed from the file */
	uint32_t page_bytes;			/* no event is longer */
	struct bu_stream *streams;
	size_t n_streams;
};

/**
 * bu_dat_source_open() - Open the file that @head was read from. Every stream stands before its first event.
 * Return: 0; -EILSEQ when the library cannot read it; -ENOMEM.
 */
int bu_dat_source_open(const char *path, const struct bu_dat_head *head, struct bu_dat_source *ret,
		       struct bu_err *err);
void bu_dat_source_close(struct bu_dat_source *src);

/**
 * bu_stream_read() - The next record of the stream, to be freed with tracecmd_free_record(); NULL: no more.
 */
struct tep_record *bu_stream_read(struct bu_stream *s);

#endif
