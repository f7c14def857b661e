/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * dat_head.h - what a trace.dat says about itself and where its pages are, read and checked before any library sees the file.
 *
 * First stage of the import. libtracecmd keeps the trace clock, the saved statistics and the uname to itself and
 * trusts the sizes and offsets that it reads; here they are read once and every one of them is checked against
 * the length of the file, so that a truncated file is called truncated. Versions 6 and 7; format as in
 * trace-cmd.dat.v6(5) and trace-cmd.dat.v7(5) of trace-cmd 3.1.
 */
#ifndef BU_COLLECTOR_DAT_HEAD_H
#define BU_COLLECTOR_DAT_HEAD_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "schemas/base/err.h"
#include "schemas/base/mem.h"

#define BU_DAT_MAX_CPUS 65536
#define BU_DAT_MAX_STREAMS (1 << 20)	/* CPUs of all buffers together */

/* Ids of options, trace-cmd.dat.v7(5). */
enum bu_dat_option {
	BU_DAT_DONE = 0,
	BU_DAT_DATE = 1,
	BU_DAT_CPUSTAT = 2,
	BU_DAT_BUFFER = 3,
	BU_DAT_TRACECLOCK = 4,
	BU_DAT_UNAME = 5,
	BU_DAT_OFFSET = 7,
	BU_DAT_CPUCOUNT = 8,
	BU_DAT_VERSION = 9,
	BU_DAT_TIME_SHIFT = 12,
	BU_DAT_TSC2NSEC = 14,
	BU_DAT_HEADER_INFO = 16,	/* 16 to 21: offset of a section */
	BU_DAT_CMDLINES = 21,
	BU_DAT_BUFFER_TEXT = 22,
};

/* Where the pages of a CPU lie, within the file. */
struct bu_dat_extent {
	uint32_t cpu;
	uint64_t offset, bytes;
};

struct bu_dat_buffer {
	const char *name;	/* "" is the top-level buffer */
	const char *clock;	/* NULL: the file does not say */
	uint32_t cpus;		/* one more than the highest CPU number in it */
	uint32_t page_bytes;	/* of its sub-buffers */
	bool compressed;
	struct bu_dat_extent *extents;	/* of CPUs that have pages; those of all buffers are no longer than the file in sum */
	size_t n_extents, cap_extents;
	uint64_t bytes;		/* of event data as it lies in the file */
	char *cpustats;		/* per_cpu/cpuN/stats one after the other, each headed "CPU: N"; NULL: none */
	size_t cpustats_len, cpustats_cap;
};

struct bu_dat_head {
	struct bu_arena arena;	/* owns every text here */
	int version;
	bool big_endian;
	int long_bytes;
	uint32_t page_bytes;		/* the largest of its buffers' */
	uint64_t file_bytes;
	const char *compression;	/* NULL or "none": not compressed */
	const char *uname, *writer;	/* NULL: the file does not say */
	bool has_tsc2nsec;		/* stamps become ns with these */
	uint32_t tsc_mult, tsc_shift;
	uint64_t stamp_offset;		/* then this is added, which may be negative: trace-cmd record --date, --ts-offset */
	bool has_time_shift;		/* a guest's trace, with what would turn its stamps into those of its host */
	struct bu_dat_buffer *buffers;	/* [0] is the top-level one, even where it holds nothing */
	size_t n_buffers, cap_buffers;
};

/**
 * bu_dat_head_read() - Read and check the head of the trace.dat at @path.
 * @ret: filled in; free with bu_dat_head_fini() whatever is returned.
 * Return: 0; -ENOENT and others of the system; -EILSEQ when it is no trace.dat, truncated or damaged;
 * -EPROTO when its version or kind is not known.
 */
int bu_dat_head_read(const char *path, struct bu_dat_head *ret, struct bu_err *err);
void bu_dat_head_fini(struct bu_dat_head *head);

/**
 * bu_dat_bracketed() - The entry in brackets of a choice as sysfs prints it, "local [mono] boot" -> "mono"; a
 * single word without brackets is itself. Return: a copy in @arena; NULL when there is none.
 */
const char *bu_dat_bracketed(struct bu_arena *arena, const char *text);

#endif
