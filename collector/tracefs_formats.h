/* SPDX-License-Identifier: GPL-2.0-only */
/* tracefs_formats.h - what a trace.dat needs besides pages: formats, symbols, task names, statistics. */
#ifndef BU_COLLECTOR_TRACEFS_FORMATS_H
#define BU_COLLECTOR_TRACEFS_FORMATS_H

#include <stdbool.h>

#include "collector/tracedat_write.h"
#include "collector/tracefs_dir.h"

struct bu_formats;

/**
 * bu_formats_read() - Read all of it from the live kernel.
 * Of the events, the formats of the systems that have an event switched on, or that the kernel command line names:
 * those are what the buffer can hold. Of the symbols those of code.
 * @ret: owned by the caller; bu_formats_content() borrows from it.
 */
int bu_formats_read(const struct bu_tracefs *fs, struct bu_formats **ret, struct bu_err *err);

/**
 * bu_formats_read_for() - The same, for a buffer in which other events were on before than are now.
 * @set_event: those, as the file set_event had them; borrowed for the call.
 */
int bu_formats_read_for(const struct bu_tracefs *fs, const char *set_event, struct bu_formats **ret,
			struct bu_err *err);

/**
 * bu_formats_read_previous() - The same, for a buffer that the boot before left: formats of all systems, and symbols of
 * the kernel as they are now, without those of modules and names of tasks.
 * bu_formats_shift() - Put the symbols @shift bytes lower, where they were then.
 */
int bu_formats_read_previous(const struct bu_tracefs *fs, struct bu_formats **ret, struct bu_err *err);
void bu_formats_shift(struct bu_formats *f, int64_t shift);

/**
 * bu_formats_read_stats() - The statistics of each CPU, as they are now.
 * @ret: by CPU, owned by @f. The content keeps those that were read with it.
 */
int bu_formats_read_stats(struct bu_formats *f, const struct bu_tracefs *fs, const struct bu_dat_text **ret,
			  struct bu_err *err);
void bu_formats_destroy(struct bu_formats *f);
void bu_formats_destroyp(struct bu_formats **f);

const struct bu_dat_content *bu_formats_content(const struct bu_formats *f);

/**
 * bu_formats_no_addresses() - True when the kernel showed no symbol's address (kptr_restrict).
 */
bool bu_formats_no_addresses(const struct bu_formats *f);

#endif
