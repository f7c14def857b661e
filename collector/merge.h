/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * merge.h - the decoded events of all CPUs as one stream, in total order.
 *
 * Order is (time stamp, CPU, buffer); within one stream the ring buffer's own order always holds, even where a
 * stamp goes back. A binary heap of streams: each event costs log2(streams) comparisons, so 4096 CPUs cost
 * little more per event than 8 (Knuth, TAOCP vol. 3, 5.4.1).
 *
 * Of each stream some events are decoded at a time. With thousands of streams taken in turns, nothing that the library
 * touches to read one more record is in the cache any longer; reading several pays for that once.
 */
#ifndef BU_COLLECTOR_MERGE_H
#define BU_COLLECTOR_MERGE_H

#include <stdalign.h>

#include "collector/dat_source.h"
#include "collector/decode.h"
#include "schemas/model/event.h"

#define BU_AHEAD_EVENTS 16

/* Of most events all that is looked at lies within one line of the cache. */
struct bu_ahead {
	alignas(64) int64_t missed;	/* events lost before it; negative: some, nobody knows how many */
	struct bu_event event;		/* other.fields is owned */
};

/* The key stands in the heap itself: with thousands of streams each look at a stream is a cache miss. */
struct bu_merge_entry {
	unsigned __int128 key;		/* stamp, CPU, buffer: one number, so that choosing the smaller of two takes no branch */
	struct bu_stream *stream;
	struct bu_ahead *first;		/* its first event */
};

struct bu_merge {
	struct bu_dat_source *source;	/* borrowed */
	struct bu_decoder *decoder;	/* borrowed */
	struct bu_merge_entry *heap;	/* [0] has the earliest event */
	size_t n;
};

/**
 * bu_merge_init() - Read and order the first events of @source, decoded by @decoder. Both are borrowed until
 * bu_merge_fini(), which has to be called whatever is returned.
 * Return: as bu_merge_advance().
 */
int bu_merge_init(struct bu_merge *merge, struct bu_dat_source *source, struct bu_decoder *decoder,
		  struct bu_err *err);
void bu_merge_fini(struct bu_merge *merge);

/**
 * bu_merge_first() - The stream whose event comes next in total order; NULL at the end.
 */
static inline struct bu_stream *bu_merge_first(struct bu_merge *merge)
{
	return merge->n ? merge->heap[0].stream : NULL;
}

/**
 * bu_stream_event() - That event; id and ts_ns are the caller's to fill in. Valid until bu_merge_advance().
 */
static inline struct bu_event *bu_stream_event(struct bu_stream *s)
{
	return &s->ahead[s->next].event;
}

/**
 * bu_stream_missed() - How many events are missing before it: 0 none, negative: some, of unknown number.
 */
static inline int64_t bu_stream_missed(const struct bu_stream *s)
{
	return s->ahead[s->next].missed;
}

/**
 * bu_merge_advance() - Take that event off and bring its stream to the next one.
 * Return: 0; -EILSEQ when an event is longer than a page; -ENOMEM.
 */
int bu_merge_advance(struct bu_merge *merge, struct bu_err *err);

#endif
