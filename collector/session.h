/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * session.h - one recording: stop the tracing that the boot started, describe the machine, drain the buffer.
 *
 *   running --stop--> stopped --statistics, machine, formats--> described --pages--> drained --finish--> saved
 *
 * Reading consumes: after `drained` the buffer is empty, so everything that can fail for lack of files or space is
 * done before it as far as possible. An error at any point puts tracing_on back as it was.
 */
#ifndef BU_COLLECTOR_SESSION_H
#define BU_COLLECTOR_SESSION_H

#include <stdbool.h>
#include <stdint.h>

#include "schemas/base/err.h"

struct bu_record_params {
	const char *output;	/* the trace.dat to be */
	const char *machine;	/* folder for the machine files, or NULL */
	const char *instance;	/* NULL: the top-level buffer */
	const char *state;	/* state folder of the journal; NULL: the usual one */
	bool keep_tracing;	/* switch tracing on again afterwards, if it was on */
};

struct bu_record_result {
	int64_t pages, entries, lost;	/* entries and lost by the kernel's statistics before reading */
	int64_t cpus;			/* that had events */
	bool mounted;			/* tracefs had to be mounted */
	bool no_addresses;		/* the kernel hides addresses: functions will have no names */
};

/**
 * bu_record() - Drain a trace buffer into a trace.dat.
 * Return: 0; -EPERM for other users than root; -ENODATA when the buffer is empty; others of the system.
 */
int bu_record(const struct bu_record_params *params, struct bu_record_result *ret, struct bu_err *err);

#endif
