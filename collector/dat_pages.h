/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * dat_pages.h - the ring buffer's pages as they lie in a trace.dat, CPU by CPU.
 *
 * Flow: dat_head (checks) -> [dat_pages] -> dat_source -> merge -> decode. A page is read into memory that serves all pages of
 * its CPU; those of a compressed buffer come in chunks of some pages, which are decompressed there. One file descriptor.
 */
#ifndef BU_COLLECTOR_DAT_PAGES_H
#define BU_COLLECTOR_DAT_PAGES_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "collector/dat_head.h"
#include "schemas/base/err.h"

struct bu_dat_pages;

/* The pages of one CPU. */
struct bu_dat_run {
	uint64_t at, end;	/* of the file: what was not read yet */
	uint32_t chunks;	/* of a compressed buffer: how many are in it */
	uint32_t page_bytes;
	bool compressed;
	uint8_t *memory;	/* owned */
	uint32_t room, next, n;	/* of it bytes; of what was read, [next] to [n] are to come */
};

/**
 * bu_dat_pages_open() - Open the file that @head was read from.
 * Return: 0; -EPROTO when it is compressed in a way that is not known; others of the system.
 */
int bu_dat_pages_open(const char *path, const struct bu_dat_head *head, struct bu_dat_pages **ret, struct bu_err *err);
void bu_dat_pages_close(struct bu_dat_pages *pages);

/**
 * bu_dat_run_init() - Stand before the first page of @extent of @buffer.
 * Return: 0; -EILSEQ when the file ends there; others of the system. bu_dat_run_fini() is due whatever is returned.
 */
int bu_dat_run_init(struct bu_dat_pages *pages, const struct bu_dat_buffer *buffer, const struct bu_dat_extent *extent,
		    struct bu_dat_run *ret, struct bu_err *err);
void bu_dat_run_fini(struct bu_dat_run *run);

/**
 * bu_dat_run_next() - The next page.
 * @ret: valid until the next call. @ret_bytes: less than a page where the file has no more of it.
 * Return: 1; 0: there are no more; -EILSEQ when a chunk makes no sense; -ENOMEM; others of the system.
 */
int bu_dat_run_next(struct bu_dat_pages *pages, struct bu_dat_run *run, const uint8_t **ret, uint32_t *ret_bytes,
		    struct bu_err *err);

#endif
