/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * held_pages.h - the pages that a buffer holds, each read straight into its place in a trace.dat.
 *
 * Flow: per_cpu/cpuN/trace_pipe_raw or snapshot_raw -> [held_pages] -> trace.dat. Reading takes a page from the kernel, so
 * it is read into a slot that has its space and its place in the file already (bu_dat_out_slot()): no page is ever
 * only in this process.
 */
#ifndef BU_COLLECTOR_HELD_PAGES_H
#define BU_COLLECTOR_HELD_PAGES_H

#include <stdbool.h>
#include <stdint.h>

#include "collector/tracedat_write.h"
#include "collector/tracefs_dir.h"
#include "schemas/base/err.h"

struct bu_held_pages {
	const struct bu_tracefs *fs;
	const char *file;	/* static */
	uint32_t page_bytes, cpus;
	char *page;
	int64_t *written;	/* events, by CPU */
	int64_t pages;
	int64_t marks;		/* places where the ring buffer says that events are missing */
};

/**
 * bu_held_pages_init() - @fs: borrowed for as long as @h lives. @snapshot: of its snapshot. bu_held_pages_fini() follows
 * in any case.
 */
int bu_held_pages_init(struct bu_held_pages *h, const struct bu_tracefs *fs, bool snapshot, uint32_t page_bytes,
		       uint32_t cpus, struct bu_err *err);
void bu_held_pages_fini(struct bu_held_pages *h);

/**
 * bu_held_pages_drain() - Read all CPUs empty, or those from @first on (-1: all). What was read is in the file also on
 * failure, and what was not is still in the kernel.
 */
int bu_held_pages_drain(struct bu_held_pages *h, struct bu_dat_out *out, int64_t first, struct bu_err *err);

/**
 * bu_held_pages_recount() - Count what stands in @out already, as its drain would have.
 */
int bu_held_pages_recount(struct bu_held_pages *h, const struct bu_dat_out *out, struct bu_err *err);

#endif
