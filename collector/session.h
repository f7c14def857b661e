/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * session.h - one recording of what the kernel holds already: of this boot, of a snapshot, or of the boot before.
 *
 *   buffer:    running --stop--> stopped --machine, formats, statistics--> described --pages--> drained --> saved
 *   snapshot:  running --machine, formats--> described --stop, statistics, swap, go on--> taken --pages--> freed --> saved
 *   previous:  untouched --machine, formats, statistics--> described --pages--> drained --> saved
 *
 * Reading consumes: what is read is gone from the kernel, so each page is read straight into its place in the file
 * (held_pages.h). Killed, or out of space, anywhere before `saved`, what was read is in OUTPUT.partial, what was not is
 * still in the kernel, and bu_record_recover() goes on from there. An error before the first page puts back what was
 * changed. SIGINT ends it before that, and waits from there on until it is `saved`, as SIGTERM and SIGHUP do.
 */
#ifndef BU_COLLECTOR_SESSION_H
#define BU_COLLECTOR_SESSION_H

#include <stdbool.h>
#include <stdint.h>

#include "collector/account.h"
#include "schemas/base/err.h"

enum bu_record_from { BU_FROM_BUFFER, BU_FROM_SNAPSHOT, BU_FROM_PREVIOUS_BOOT };

struct bu_record_params {
	enum bu_record_from from;
	const char *output;	/* the trace.dat to be */
	const char *machine;	/* folder for the machine files, or NULL */
	const char *instance;	/* NULL: the top-level buffer; of the previous boot, the one instance that has it */
	const char *state;	/* state folder of the journal; NULL: the usual one */
	bool keep_tracing;	/* switch tracing on again afterwards, if it was on */
	const char *database;	/* what the caller will make of it, or NULL: bu_record_recover() tells */
	bool redact;		/* and how */
};

struct bu_record_result {
	struct bu_account account;
	int64_t pages;
	int64_t marks;		/* places where the ring buffer says that events are missing */
	bool unaccounted;	/* the kernel has no statistics of this snapshot, which was there already */
	bool mounted;		/* tracefs had to be mounted */
	bool no_addresses;	/* the kernel hides addresses: functions will have no names */
	bool kept;		/* on failure: what was read lies in OUTPUT.partial, for bu_record_recover() */
	char *doubts;		/* why what was read may not be what it seems, a line each; NULL: no reason; owned */
};

/**
 * bu_record() - Read a trace buffer into a trace.dat.
 * Return: 0; -EPERM for other users than root; -ENODATA when the buffer is empty; -ENOTSUP and -ENOENT where this
 * kernel has no snapshots or no buffer of the previous boot; -EBUSY when others use it; others of the system.
 */
int bu_record(const struct bu_record_params *params, struct bu_record_result *ret, struct bu_err *err);
void bu_record_result_fini(struct bu_record_result *r);

struct bu_recovered {		/* everything owned; NULL: none */
	char *dat, *machine;	/* as bu_record_params has them */
	char *database;
	bool redact;
	bool saved;		/* all of it was saved before, and its account told or lost: there was nothing to finish */
};

/**
 * bu_record_recover() - Finish what a bu_record() that was killed, or had no space, has left.
 * Return: 0; -ENOENT when no such thing was left; others of the system, with what was read still there.
 */
int bu_record_recover(const char *state, struct bu_record_result *ret, struct bu_recovered *what, struct bu_err *err);
void bu_recovered_fini(struct bu_recovered *what);

#endif
