/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * cpuhp_events.h - the hotplug events of a capture in their order, each exit with the enter that it ends.
 *
 * Flow: ev_cpuhp -> [cpuhp_events] -> hotplug_ops (steps), clock_doctor (what was before what). An exit does not name its
 * callback: it belongs to the latest enter of the same step for the same CPU in the same buffer. The step number alone is
 * ambiguous (91 of 6.1 is bringup_cpu going up and finish_cpu coming down), but such two never overlap.
 */
#ifndef BU_COLLECTOR_CPUHP_EVENTS_H
#define BU_COLLECTOR_CPUHP_EVENTS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "schemas/base/err.h"
#include "schemas/store/db.h"

struct bu_cpuhp_reader;

/* A row of ev_cpuhp. BU_NS_UNKNOWN where a column is NULL. */
struct bu_cpuhp_event {
	int64_t id, ts_ns, cpu, task, target_cpu, nr, target, ret;
	bool is_exit, multi;
	const char *name;	/* of the callback, '....constprop.0' cut off; NULL: not known. Valid until the reader is closed */
	size_t step;		/* number of the step that this event begins or ends, from 1 by their enters; 0: none */
	size_t lost;		/* number of a step that this enter shows to have lost its exit; 0: none */
};

/**
 * bu_cpuhp_open() - Read from the first event on. @db needs its events and symbols, and is borrowed until
 * bu_cpuhp_close().
 */
int bu_cpuhp_open(struct bu_db *db, struct bu_cpuhp_reader **ret, struct bu_err *err);
void bu_cpuhp_close(struct bu_cpuhp_reader *reader);
void bu_cpuhp_closep(struct bu_cpuhp_reader **reader);

/**
 * bu_cpuhp_next() - Return: 1 with the next event in @ret; 0: there is none, the database is no longer used and this not
 * called again; -ENOMEM; as the database says.
 */
int bu_cpuhp_next(struct bu_cpuhp_reader *reader, struct bu_cpuhp_event *ret, struct bu_err *err);

#endif
