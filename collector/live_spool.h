/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * live_spool.h - raw ring-buffer pages of all CPUs, in the order in which they were read, in one growing file.
 *
 * Flow: live_read -> [live_spool] -> trace.dat at the end, and meanwhile -> live_writer. Only appended to, so that at any
 * instant the file is whole up to a last record that may be cut; docs/formats.md has the format. A page is stored as far
 * as it is filled.
 */
#ifndef BU_COLLECTOR_LIVE_SPOOL_H
#define BU_COLLECTOR_LIVE_SPOOL_H

#include <stdint.h>

#include "collector/tracedat_write.h"
#include "schemas/base/err.h"

#define BU_SPOOL_ROUND UINT32_MAX	/* in place of a CPU: all CPUs were read empty since the last such mark */

struct bu_spool;

/**
 * bu_spool_open() - Open or make the spool @path for appending; a last record that was cut is taken away.
 */
int bu_spool_open(const char *path, uint32_t page_bytes, struct bu_spool **ret, struct bu_err *err);
void bu_spool_close(struct bu_spool *s);
void bu_spool_closep(struct bu_spool **s);

/**
 * bu_spool_add() - Append the first @len bytes of a page of @cpu. Buffered until bu_spool_flush(). With -ENOSPC, which is
 * said once and ahead of need, the page is in all the same, and what is buffered can still be flushed.
 * bu_spool_round() - Append a mark, and flush.
 * bu_spool_bytes() - How long the file is, with what is buffered.
 */
int bu_spool_add(struct bu_spool *s, uint32_t cpu, const void *page, uint32_t len, struct bu_err *err);
int bu_spool_round(struct bu_spool *s, struct bu_err *err);
int bu_spool_flush(struct bu_spool *s, struct bu_err *err);
int64_t bu_spool_bytes(const struct bu_spool *s);

/**
 * bu_spool_next() - The record at @offset of the open file @fd.
 * @ret_cpu, @ret_len: of it; its page stands at the new @offset minus @ret_len.
 * Return: 1; 0 when there is no whole record (yet).
 */
int bu_spool_next(int fd, uint32_t page_bytes, int64_t *offset, uint32_t *ret_cpu, uint32_t *ret_len);

/**
 * bu_spool_to_dat() - Make a trace.dat from the spool @path, CPU by CPU. Takes 16 bytes of memory for each page.
 */
int bu_spool_to_dat(const char *path, const char *output, const struct bu_dat_content *content, struct bu_err *err);

#endif
