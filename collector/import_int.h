/* SPDX-License-Identifier: GPL-2.0-only */
/* import_int.h - between import.c and its two chapters, import_machine.c and import_account.c. */
#ifndef BU_COLLECTOR_IMPORT_INT_H
#define BU_COLLECTOR_IMPORT_INT_H

#include "collector/clock.h"
#include "collector/clock_anchors.h"
#include "collector/dat_formats.h"
#include "collector/dat_head.h"
#include "collector/dat_source.h"
#include "collector/hotplug.h"
#include "collector/import.h"
#include "collector/machine_dir.h"
#include "schemas/store/capture_db.h"

struct bu_text_state;			/* text_import.c */

struct bu_import_state {
	const struct bu_import_params *params;
	struct bu_dat_head head;
	struct bu_machine machine;
	struct bu_clock clock;
	struct bu_anchors_result anchors;	/* used 0: not looked for, or none there */
	struct bu_dat_formats formats;
	struct bu_dat_source source;
	struct bu_text_state *text;	/* NULL: the source is a trace.dat */
	const char *source_kind;	/* static; capture.source_kind of a text */
	struct bu_db *db;
	uint64_t origin;		/* stamp of the first event */
	int64_t events;
	struct bu_hotplug hotplug;	/* the hotplug events, as they stand in the database */
	int64_t steps_back;		/* events with a stamp before that of an earlier one of their CPU */
	struct bu_loss *holes;		/* as the ring buffer told them, in order of time */
	size_t n_holes, cap_holes;
	int64_t lost, lost_unknown;
	bool complete;
	int64_t ingest_cpu_ns;	/* CPU time until the last event was written */
	int64_t *first_ids;		/* by CPU: its first event; BU_NS_UNKNOWN: none */
	size_t n_first_ids;
};

/**
 * bu_import_files() - Tables hotplug_state, trace_config and machine_file.
 */
int bu_import_files(struct bu_import_state *s, struct bu_err *err);

/**
 * bu_import_machine() - Tables machine and cpu, and the notes on them. Comes after the operations are known: what the
 * files do not say of the CPUs is inferred from those.
 */
int bu_import_machine(struct bu_import_state *s, struct bu_err *err);

/**
 * bu_import_account() - Tables buffer, cpu_account and loss; sets lost, lost_unknown and complete.
 */
int bu_import_account(struct bu_import_state *s, struct bu_err *err);

/**
 * bu_import_emptied() - After the account: what the kernel threw away as it changed the clock at the end of the boot.
 */
int bu_import_emptied(struct bu_import_state *s, struct bu_err *err);

#endif
