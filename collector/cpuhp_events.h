/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * cpuhp_events.h - the hotplug events of a capture in their order, each exit with the enter that it ends.
 *
 * Flow: import (as they go by) or ev_cpuhp -> [cpuhp_events] -> hotplug_ops (steps), clock_doctor (what was before what).
 * An exit does not name its callback: it belongs to the latest enter of the same step for the same CPU in the same buffer.
 * The step number alone is ambiguous (91 of 6.1 is bringup_cpu going up and finish_cpu coming down), but such two never
 * overlap.
 */
#ifndef BU_COLLECTOR_CPUHP_EVENTS_H
#define BU_COLLECTOR_CPUHP_EVENTS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "schemas/base/err.h"
#include "schemas/base/mem.h"
#include "schemas/model/event.h"
#include "schemas/store/db.h"

/* A row of ev_cpuhp, in one cache line: there are millions. BU_NS_UNKNOWN where a column is NULL. */
struct bu_cpuhp_event {
	int64_t id, ts_ns, target_cpu, nr;
	union {
		int64_t target;	/* enter */
		int64_t ret;	/* exit */
	};
	int32_t cpu;
	uint32_t buf, task;
	uint32_t func;		/* the callback as number of a symbol, of an exit from its enter; 0: not known */
	uint32_t step;		/* number of the step that this event begins or ends, from 1 by their enters; 0: none */
	bool is_exit, multi;
	bool lost;		/* enter: the next one of the same step shows that the exit was lost */
};

struct bu_cpuhp {
	struct bu_cpuhp_event *events;	/* in order of id */
	size_t n, cap;
	size_t n_steps;
	const char **names;	/* by number of symbol, '....constprop.0' cut off; NULL: there is none */
	size_t n_names, cap_names;
	struct bu_arena texts;
};

/**
 * bu_cpuhp_add() - Take event @ev, which is of table BU_EV_CPUHP and comes after all before it. Return: 0 or -ENOMEM.
 */
int bu_cpuhp_add(struct bu_cpuhp *c, const struct bu_event *ev);

/**
 * bu_cpuhp_pair() - All events are in: find the steps. @db: has its symbols.
 */
int bu_cpuhp_pair(struct bu_cpuhp *c, struct bu_db *db, struct bu_err *err);

/**
 * bu_cpuhp_read() - Forget what is in @c; take the events of @db as they stand there, and find the steps.
 */
int bu_cpuhp_read(struct bu_cpuhp *c, struct bu_db *db, struct bu_err *err);

/**
 * bu_cpuhp_fini() - Free it. A zeroed struct has no events.
 */
void bu_cpuhp_fini(struct bu_cpuhp *c);

#endif
