/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * tracedat_write.h - write a trace.dat, version 6, from ring-buffer pages.
 *
 * For `bringup record`, and for tests that need a trace made to measure. Pages go straight to the file, CPU by CPU,
 * so nothing is held in memory; the table of where they lie is filled in at the end, or with each page. libtracecmd has
 * no public writer. Format: trace-cmd.dat.v6(5) of trace-cmd 3.1.
 */
#ifndef BU_COLLECTOR_TRACEDAT_WRITE_H
#define BU_COLLECTOR_TRACEDAT_WRITE_H

#include <stddef.h>
#include <stdint.h>

#include "schemas/base/err.h"

struct bu_dat_text {
	const char *data;	/* may be NULL where len is 0 */
	size_t len;
};

struct bu_dat_system {		/* events/SYSTEM */
	const char *name;
	const struct bu_dat_text *formats;	/* the files format of its events */
	size_t n;
};

/* What stands before the events. Everything is borrowed for the call that takes it. */
struct bu_dat_content {
	uint32_t page_bytes;			/* of the ring buffer's sub-buffers */
	uint32_t cpus;				/* one more than the highest CPU number */
	struct bu_dat_text header_page, header_event, kallsyms, printk_formats, cmdlines;
	struct bu_dat_system ftrace;		/* name unused */
	const struct bu_dat_system *systems;
	size_t n_systems;
	const char *trace_clock;		/* "local [x86-tsc]"; NULL: not known */
	const char *uname;			/* "Linux host release machine"; NULL: not known */
	const char *writer;			/* who wrote it */
	const struct bu_dat_text *cpustats;	/* per CPU, its stats file; len 0: none. NULL: none at all */
	const char *const *instances;		/* names of further buffers, each with as many CPUs */
	size_t n_instances;
};

struct bu_dat_out;

/**
 * bu_dat_out_create() - Start PATH.partial with everything that stands before the events.
 */
int bu_dat_out_create(const char *path, const struct bu_dat_content *content, struct bu_dat_out **ret,
		      struct bu_err *err);

/**
 * bu_dat_out_append() - Add pages to a CPU. All pages of one CPU come one after the other, CPUs in any order.
 * @buf: 0 is the top-level buffer, others count the instances from 1.
 * @len: a multiple of the page size.
 * Return: 0; -EINVAL when the CPU is out of range or was left before; others of the system.
 */
int bu_dat_out_append(struct bu_dat_out *out, uint32_t buf, uint32_t cpu, const void *pages, size_t len,
		      struct bu_err *err);

/**
 * bu_dat_out_slot() - A zeroed page of a CPU to read into, as bu_dat_out_append() would add it. It has its space on the disk
 * and its entry in the table before it is handed out, so that whatever is read into it stays, whether the disk fills up or
 * this process is killed: PATH.partial is a whole trace.dat at any instant. Pages must be those of the system or multiples.
 * bu_dat_out_unslot() - The last slot stayed empty: take it back.
 * @ret: the page, valid until the next call with this @out.
 * Return: 0; -ENOSPC and others of the system, nothing having been changed.
 */
int bu_dat_out_slot(struct bu_dat_out *out, uint32_t buf, uint32_t cpu, void **ret, struct bu_err *err);
int bu_dat_out_unslot(struct bu_dat_out *out, struct bu_err *err);

struct bu_dat_place {		/* what it takes to go on with a file that was broken off */
	uint64_t table_at, kallsyms_at, pages_at;
	uint32_t page_bytes, cpus;
};

/**
 * bu_dat_out_place() - Of a file with one buffer.
 * bu_dat_out_reopen() - Go on with PATH.partial, of which only slots were filled.
 * @ret_cpu: the CPU whose pages come last, which can get more; -1: none has any.
 * Return: 0; -EBADMSG when the table cannot be right; others of the system.
 */
struct bu_dat_place bu_dat_out_place(const struct bu_dat_out *out);
int bu_dat_out_reopen(const char *path, const struct bu_dat_place *place, struct bu_dat_out **ret, int64_t *ret_cpu,
		      struct bu_err *err);

/**
 * bu_dat_out_read() - Page @nth of a CPU of the first buffer, as it stands in the file, into @page.
 * Return: 1; 0 when it has no so many pages; negative errno.
 */
int bu_dat_out_read(const struct bu_dat_out *out, uint32_t cpu, uint64_t nth, void *page, struct bu_err *err);

/**
 * bu_dat_out_kallsyms() - Replace the symbols by others of the same length.
 */
int bu_dat_out_kallsyms(struct bu_dat_out *out, const struct bu_dat_text *kallsyms, struct bu_err *err);

/**
 * bu_dat_out_finish() - Fill in the table, sync, and rename to PATH. bu_dat_out_destroy() still has to follow.
 */
int bu_dat_out_finish(struct bu_dat_out *out, struct bu_err *err);

/**
 * bu_dat_out_leave() - Close, and leave PATH.partial for bu_dat_out_reopen().
 * bu_dat_out_destroy() - Close; an unfinished file is removed. NULL is quiet.
 */
void bu_dat_out_leave(struct bu_dat_out *out);
void bu_dat_out_destroy(struct bu_dat_out *out);
void bu_dat_out_destroyp(struct bu_dat_out **out);

#endif
