/* SPDX-License-Identifier: GPL-2.0-only */
/* live_int.h - between live_record.c, which records, and live_finish.c, which makes the output of what was recorded. */
#ifndef BU_COLLECTOR_LIVE_INT_H
#define BU_COLLECTOR_LIVE_INT_H

#include "collector/journal.h"
#include "collector/live_read.h"
#include "collector/live_record.h"
#include "collector/live_spool.h"

/* Facts in the journal, for whoever recovers. */
#define BU_FACT_FOLDER "folder"		/* OUTPUT.recording, absolute */
#define BU_FACT_OUTPUT "output"
#define BU_FACT_MACHINE "machine"	/* "": none */
#define BU_FACT_REDACT "redact"		/* "yes": the database must be redacted */
#define BU_FACT_EVENTS "events"		/* set_event of the instance; put down last before tracing is switched on */

/**
 * bu_live_stop() - Switch tracing off and read what is left.
 * @leave: leave it in the kernel instead: it is accounted for as unread.
 */
int bu_live_stop(struct bu_journal *j, const struct bu_tracefs *fs, struct bu_readers *r, struct bu_spool *spool,
		 bool leave, struct bu_err *err);

/**
 * bu_live_save() - The trace.dat and the account, from the spool and what the kernel says after the recording. The
 * instance is not needed any more after it.
 * @r: what is in the spool, counted.
 */
int bu_live_save(const struct bu_tracefs *fs, const struct bu_journal *j, const struct bu_readers *r,
		 struct bu_live_result *ret, struct bu_err *err);

/**
 * bu_live_deliver() - From the trace.dat in the folder of the recording to the output; the folder goes away.
 */
int bu_live_deliver(const struct bu_journal *j, struct bu_live_result *ret, struct bu_err *err);

bool bu_live_is_db(const char *path);

#endif
