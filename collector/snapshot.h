/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * snapshot.h - the snapshot of a trace buffer: a second buffer that the kernel swaps with the first one.
 *
 *   freed --1--> allocated, holds what the buffer held --snapshot_raw is read--> empty --0--> freed
 *
 * Taking one empties the buffer itself, into which tracing goes on. One that is there already is left as it is until it
 * is read: ftrace_boot_snapshot on the kernel command line (6.2 and later) takes it before user space starts, a trigger or
 * tracing_snapshot() in the kernel at some event.
 * Documentation/trace/ftrace.rst, "Snapshot"; tracing_snapshot_write() in kernel/trace/trace.c (6.1, 6.12).
 */
#ifndef BU_COLLECTOR_SNAPSHOT_H
#define BU_COLLECTOR_SNAPSHOT_H

#include "collector/journal.h"
#include "collector/tracefs_dir.h"
#include "schemas/base/err.h"

enum bu_snapshot { BU_SNAPSHOT_FREED, BU_SNAPSHOT_EMPTY, BU_SNAPSHOT_TAKEN };

/**
 * bu_snapshot_look() - What the buffer's snapshot holds. Nothing is changed.
 * Return: 0; -ENOTSUP where the kernel has no snapshots; others of the system.
 */
int bu_snapshot_look(const struct bu_tracefs *fs, enum bu_snapshot *ret, struct bu_err *err);

/**
 * bu_snapshot_room() - Whether there is memory for one that is freed. Return: 0; -ENOMEM.
 */
int bu_snapshot_room(const struct bu_tracefs *fs, struct bu_err *err);

/**
 * bu_snapshot_take() - Take one. Where it was freed, undoing the journal frees it again.
 * Return: 0; -EBUSY while a latency tracer uses the second buffer; others of the system.
 */
int bu_snapshot_take(struct bu_journal *j, const struct bu_tracefs *fs, enum bu_snapshot was, struct bu_err *err);

#endif
