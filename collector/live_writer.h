/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * live_writer.h - the database of a recording under way: follows the spool and commits what is certain to be in order.
 *
 * A process of its own beside the recorder: when it is slow, crashes in a trace library or is killed, the recording goes
 * on, and the final database is made from the spool. Kill either at any instant and FOLDER/live.db is a capture database
 * that holds a prefix of the events in time order.
 *
 *   round k of the spool is whole -> all events stamped up to the newest page of round k - 1 are there -> committed
 *
 * What was recorded before the end of round k - 1 was read, at the latest, in round k, which looked at every CPU.
 */
#ifndef BU_COLLECTOR_LIVE_WRITER_H
#define BU_COLLECTOR_LIVE_WRITER_H

#include <sys/types.h>

#include "schemas/base/err.h"

/**
 * bu_live_writer_start() - Start it on the folder of a recording, which has head.dat (the trace.dat to be, without
 * events), machine/ and pages.
 * @ret_pipe: a byte sent there says that the spool has grown; closing it ends the writer.
 */
int bu_live_writer_start(const char *folder, pid_t *ret_pid, int *ret_pipe, struct bu_err *err);

/**
 * bu_live_writer_run() - What that process does, until @pipe ends. Return: 0; negative errno.
 */
int bu_live_writer_run(const char *folder, int pipe, struct bu_err *err);

#endif
