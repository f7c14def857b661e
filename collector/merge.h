/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * merge.h - the decoded events of all CPUs as one stream, in total order.
 *
 * Order is (time stamp, CPU, buffer); within one stream the ring buffer's own order always holds, even where a
 * stamp goes back: such an event comes right after the one before it.
 *
 * Taking the earliest event of thousands of streams, one at a time, finds nothing in the cache that it needs to read one
 * more of that stream. So order is made a window of time at a time: each stream that has events in it is read on by itself,
 * up to the window's end, and the events of all are sorted by their stamps, digit by digit (Knuth, TAOCP vol. 3, 5.2.5,
 * algorithm R). A heap (5.2.3) says which streams those are. The window ends where the first of them has no room for more
 * events, so that memory is bounded whatever the stamps are, and each stream that was read gives an event at least.
 */
#ifndef BU_COLLECTOR_MERGE_H
#define BU_COLLECTOR_MERGE_H

#include <stdalign.h>

#include "collector/dat_source.h"
#include "collector/decode.h"
#include "schemas/model/event.h"

/* Of most events all that is looked at lies within one line of the cache. */
struct bu_ahead {
	alignas(64) int64_t missed;	/* events lost before it; negative: some, nobody knows how many */
	struct bu_event event;		/* other.fields is owned */
};

struct bu_merge_place;			/* merge.c */

/* An event and its stream, to be sorted. */
struct bu_merge_entry {
	uint64_t key;
	struct bu_ahead *ahead;
	struct bu_stream *stream;
};

struct bu_merge {
	struct bu_dat_source *source;	/* borrowed */
	struct bu_decoder *decoder;	/* borrowed */
	uint32_t ahead;			/* events of each stream that are kept at most */
	struct bu_merge_place *heap;	/* streams outside of the window; [0] has the earliest event */
	size_t n_heap;
	struct bu_stream **streams;	/* those within the window */
	size_t n_streams;
	struct bu_merge_entry *in, *out;	/* the window's events in order; room to sort in */
	size_t n, next;
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
