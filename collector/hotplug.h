/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * hotplug.h - from the events of a capture to its tables step and hotplug_op, and to what the clock doctor wants of them.
 *
 * Flow: events, as they go by, or from the database -> [hotplug] -> hotplug_steps -> hotplug_ops -> rows; -> clock_marks. Where the
 * order of events is final as they go by, rows are written at once, beside those of the events; elsewhere, as for a text or
 * for clocks to be corrected, steps are kept until bu_hotplug_write().
 */
#ifndef BU_COLLECTOR_HOTPLUG_H
#define BU_COLLECTOR_HOTPLUG_H

#include <stdint.h>

#include "collector/clock_marks.h"
#include "collector/hotplug_ops.h"
#include "collector/hotplug_steps.h"
#include "collector/machine_dir.h"
#include "schemas/base/err.h"
#include "schemas/base/mem.h"
#include "schemas/model/dict.h"
#include "schemas/model/event.h"
#include "schemas/store/db.h"
#include "schemas/store/load.h"

enum { BU_HOTPLUG_STEP, BU_HOTPLUG_OP, BU_HOTPLUG_TABLES };

extern const struct bu_load_table bu_hotplug_tables[BU_HOTPLUG_TABLES];

struct bu_hotplug {
	/* The caller's, borrowed; set before the first event. */
	const struct bu_machine_state *states;	/* by number; may be none */
	size_t n_states;
	struct bu_load *load;		/* has bu_hotplug_tables from number @load_first on; NULL: steps are kept */
	size_t load_first;

	struct bu_hp_steps steps;
	struct bu_hp_ops ops;		/* its first_ids are the caller's too */
	struct bu_blocks kept;		/* struct bu_hp_step */
	struct bu_clock_marks marks;	/* for the clock doctor */
	struct bu_hotplug_callback {
		const char *name;	/* without the compiler's suffix; NULL: not met yet */
		uint8_t kind;		/* bu_clock_step_kind() */
	} *callbacks;			/* by number of symbol */
	size_t n_callbacks, cap_callbacks;
	struct bu_arena texts;
};

/**
 * bu_hotplug_add() - Take event @ev, which comes after all before it. Of most tables it is passed over.
 * @symbols: has its callback or function.
 */
int bu_hotplug_add(struct bu_hotplug *h, const struct bu_event *ev, const struct bu_dict *symbols, struct bu_err *err);

/**
 * bu_hotplug_end() - All events are in.
 */
int bu_hotplug_end(struct bu_hotplug *h, struct bu_err *err);

/**
 * bu_hotplug_read() - Forget all events; take those of @db, as they stand there, to their end. Their steps are kept.
 */
int bu_hotplug_read(struct bu_hotplug *h, struct bu_db *db, struct bu_err *err);

/**
 * bu_hotplug_write() - Write what was kept to @db, which is being made and has the indexes of index.sql. The tables are loaded
 * (schemas/store/load.h): what is attached to @db or temporary in it does not outlive this.
 */
int bu_hotplug_write(const struct bu_hotplug *h, struct bu_db *db, struct bu_err *err);

/**
 * bu_hotplug_fini() - Free it. A zeroed struct has no events.
 */
void bu_hotplug_fini(struct bu_hotplug *h);

#endif
