/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * live_read.h - non-blocking readers of all CPUs' raw pages, on one epoll, counting what they read.
 *
 * Flow: per_cpu/cpuN/trace_pipe_raw -> [live_read] -> live_spool. A CPU that never came up has no buffer: its reader
 * stays silent until it has one. CPUs may come and go meanwhile; their buffers stay.
 */
#ifndef BU_COLLECTOR_LIVE_READ_H
#define BU_COLLECTOR_LIVE_READ_H

#include <stdbool.h>
#include <stdint.h>

#include "collector/live_spool.h"
#include "collector/tracefs_dir.h"
#include "schemas/base/err.h"

#define BU_LIVE_TYPES 65536	/* common_type has 16 bits */

struct bu_live_hole {		/* the ring buffer says that events are missing here */
	uint32_t cpu;
	int64_t count;		/* -1: some, nobody knows how many */
	uint64_t after, before;	/* stamps in the clock's unit; after 0: nothing was read of that CPU before */
};

struct bu_live_cpu {
	int fd;			/* -1: cannot be opened, or no longer needed */
	uint32_t cpu;
	bool watched;		/* on the epoll */
	int64_t events, recent;	/* in all; since bu_readers_calm() */
	uint64_t last;		/* stamp of the last event */
};

struct bu_readers {
	int epoll;
	uint32_t page_bytes;
	struct bu_live_cpu *cpus;
	size_t n;
	long round_pages;	/* that a CPU's buffer has: who reads so many has read all that was there before */
	char *page;
	int64_t events, pages;
	uint32_t *types;		/* recent events by common_type */
	struct bu_live_hole *holes;	/* the first so many; n_marks is how many there were */
	size_t n_holes, cap_holes;
	int64_t n_marks;
	int64_t missed, uncounted;	/* events that the marks speak of; marks that do not say how many */
};

/**
 * bu_readers_init() - Open a reader for each CPU of @fs, raising RLIMIT_NOFILE as needed.
 * Whatever is returned, bu_readers_fini() has to follow.
 */
int bu_readers_init(struct bu_readers *r, const struct bu_tracefs *fs, uint32_t page_bytes, struct bu_err *err);
void bu_readers_fini(struct bu_readers *r);

/**
 * bu_readers_ready() - Read the CPU with index @i, after epoll called it ready with @events; at most so much that
 * others get their turn.
 * bu_readers_all() - Read all CPUs, until each was empty once.
 */
int bu_readers_ready(struct bu_readers *r, size_t i, uint32_t events, struct bu_spool *spool, struct bu_err *err);
int bu_readers_all(struct bu_readers *r, struct bu_spool *spool, struct bu_err *err);

/**
 * bu_readers_recount() - Count anew, what stands in the spool @path, instead of what was read.
 */
int bu_readers_recount(struct bu_readers *r, const char *path, struct bu_err *err);

/**
 * bu_readers_calm() - Begin a new interval of the recent counts.
 */
void bu_readers_calm(struct bu_readers *r);

#endif
