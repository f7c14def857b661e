/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * merge.h - the streams of all CPUs as one, in total order.
 *
 * Order is (time stamp, CPU, buffer); within one stream the ring buffer's own order always holds, even where a
 * stamp goes back. A binary heap of streams: each event costs log2(streams) comparisons, so 4096 CPUs cost
 * little more per event than 8 (Knuth, TAOCP vol. 3, 5.4.1).
 */
#ifndef BU_COLLECTOR_MERGE_H
#define BU_COLLECTOR_MERGE_H

#include "collector/dat_source.h"

/* The key stands in the heap itself: with thousands of streams each look at a stream is a cache miss. */
struct bu_merge_entry {
	uint64_t ts;
	int32_t cpu;
	uint32_t buf;
	struct bu_stream *stream;
};

struct bu_merge {
	struct bu_merge_entry *heap;	/* [0] has the earliest event */
	size_t n;
};

/**
 * bu_merge_init() - Order the streams of @src, which stays the owner. Return: 0 or -ENOMEM.
 */
int bu_merge_init(struct bu_merge *merge, struct bu_dat_source *src);
void bu_merge_fini(struct bu_merge *merge);

/**
 * bu_merge_first() - The stream whose record comes next in total order; NULL at the end.
 */
static inline struct bu_stream *bu_merge_first(struct bu_merge *merge)
{
	return merge->n ? merge->heap[0].stream : NULL;
}

/**
 * bu_merge_advance() - Take that record off and bring its stream to the next one.
 */
void bu_merge_advance(struct bu_merge *merge);

#endif
