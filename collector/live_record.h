/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * live_record.h - record what happens now, in a trace instance of one's own, within budgets.
 *
 *   idle --journal, OUTPUT.recording/, instance, events--> set up --head.dat, machine/--> described
 *     --tracing on--> recording --signal, time, COMMAND, budget--> stopped --last pages, statistics--> trace.dat
 *     --instance removed--> (x.db: import) --> finished, nothing but the output is left
 *
 * Killed anywhere from `recording` on, bu_live_recover() goes on at `stopped`: the instance is still there and so is all
 * that was read. The top-level buffer and instances of others are never written to.
 */
#ifndef BU_COLLECTOR_LIVE_RECORD_H
#define BU_COLLECTOR_LIVE_RECORD_H

#include <stdbool.h>
#include <stdint.h>

#include "collector/account.h"
#include "collector/budget.h"
#include "collector/live_setup.h"
#include "schemas/base/err.h"

struct bu_live_params {
	const char *output, *machine;	/* machine: folder to leave the machine files in, or NULL */
	bool database;			/* import into a capture database; otherwise leave a trace.dat */
	bool redact;			/* redact that database */
	const char *state;		/* state folder of the journal; NULL: the usual one */
	struct bu_live_wish wish;
	struct bu_budget budget;
	bool default_min_free;		/* take bu_default_min_free() */
	int64_t for_ns;			/* 0: no limit */
	char *const *command;		/* NULL: none */
};

struct bu_live_result {
	bool accounted;				/* false: only what was committed before another boot is there */
	struct bu_account account;
	int64_t pages, spool_bytes;
	int64_t marks;				/* places where the ring buffer says that events are missing */
	bool recovered, import_incomplete;
	bool mounted;				/* tracefs had to be mounted */
	bool expanded;				/* the kernel gave the top-level buffer its full size meanwhile */
	bool writer_died;			/* the database was made at the end all the same */
	bool has_status;
	int status;				/* of COMMAND, as waitpid() has it */
	const char *ended_by;			/* static */
	char *no_functions;			/* why functions are missing, or NULL; owned */
	struct bu_given_up given_up;
};

void bu_live_result_fini(struct bu_live_result *r);

/**
 * bu_live_empty() - Not one event was recorded, so there is no output.
 */
bool bu_live_empty(const struct bu_live_result *r);

/**
 * bu_live_record() - Record until the time is over, COMMAND has ended, a signal (SIGINT, SIGTERM) comes or a budget ends it.
 * Progress goes to stderr where that is a terminal.
 * Return: 0, also where events were lost (see @ret); negative errno otherwise, with tracefs as it was before.
 */
int bu_live_record(const struct bu_live_params *params, struct bu_live_result *ret, struct bu_err *err);

/**
 * bu_live_recover() - Finish what a killed recorder left, and undo what it had changed.
 * @ret_output: the file that came of it, to be freed by the caller; NULL: nothing was being recorded.
 * Return: 0; -ENOENT when there is nothing to recover; others of the system, with what was recorded still there.
 */
int bu_live_recover(const char *state, struct bu_live_result *ret, char **ret_output, struct bu_err *err);

/**
 * bu_remove_folder() - Remove a folder of plain files and folders, as far as that goes.
 */
void bu_remove_folder(const char *path);

#endif
