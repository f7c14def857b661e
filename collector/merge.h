/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * merge.h - the decoded events of all CPUs as one stream, in total order.
 *
 * Order is (time stamp, CPU, buffer); within one stream the ring buffer's own order always holds, even where a
 * stamp goes back: such an event comes right after the one before it.
 *
 * A heap (Knuth, TAOCP vol. 3, 5.2.3) of the streams by their next events, four children to a place. Memory is a key of 16 bytes
 * for each stream, and one decoded event.
 */
#ifndef BU_COLLECTOR_MERGE_H
#define BU_COLLECTOR_MERGE_H

#include <stdbool.h>

#include "collector/dat_source.h"
#include "collector/decode.h"
#include "schemas/model/event.h"

/* An event and its stream. */
struct bu_merge_entry {
	struct bu_event *event;
	int64_t missed;		/* events lost before it; negative: some, nobody knows how many */
	struct bu_stream *stream;
};

/* Stamp, then place in [streams], as one number. The stamp is the newest of the stream so far. */
typedef unsigned __int128 bu_merge_key;

struct bu_merge {
	struct bu_dat_source *source;	/* borrowed */
	struct bu_decoder *decoder;	/* borrowed */
	struct bu_stream **streams;	/* by CPU, then buffer */
	bu_merge_key *memory, *heap;	/* streams that have an event; [0] the earliest */
	size_t n;
	bool started;			/* that one was handed out */
	struct bu_event event;
};

/**
 * bu_merge_init() - Order the events of @source, decoded by @decoder. Both are borrowed until bu_merge_fini(), which has to
 * be called whatever is returned.
 * Return: as bu_merge_next().
 */
int bu_merge_init(struct bu_merge *merge, struct bu_dat_source *source, struct bu_decoder *decoder,
		  struct bu_err *err);
void bu_merge_fini(struct bu_merge *merge);

/**
 * bu_merge_next() - The event that comes next in total order.
 * @ret: valid until the next call; id and ts_ns are the caller's to fill in.
 * Return: 1; 0: there are no more; negative: as bu_stream_read(), or -ENOMEM.
 */
int bu_merge_next(struct bu_merge *merge, struct bu_merge_entry *ret, struct bu_err *err);

#endif
