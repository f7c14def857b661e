/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * hotplug_steps.h - from hotplug events, as they go by, to steps: each enter with its exit.
 *
 * Flow: events in order -> [hotplug_steps] -> steps in the order of their enters -> hotplug_ops. An exit does not name its
 * callback: it belongs to the latest enter of the same step for the same CPU in the same buffer. The step number alone is
 * ambiguous (91 of 6.1 is bringup_cpu going up and finish_cpu coming down), but such two never overlap.
 *
 * A step waits here for its exit, and for those of the steps that began before it: some dozens at a time, unless one never
 * ends.
 */
#ifndef BU_COLLECTOR_HOTPLUG_STEPS_H
#define BU_COLLECTOR_HOTPLUG_STEPS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "schemas/model/event.h"

/* BU_NS_UNKNOWN where a column of the table is NULL. */
struct bu_hp_step {
	int64_t id, exit_id, target_cpu;
	int64_t nr, target;
	const char *name;	/* borrowed */
	int64_t start_ns, end_ns, ret;
	int64_t op;		/* hotplug_ops.h: index into the operations, -1: none */
	int32_t cpu;
	uint32_t func, task, buf;	/* func: number of the callback's symbol */
	bool multi, lost;	/* lost: the step began again without having ended */
};

struct bu_hp_steps {
	struct bu_hp_step *ring;	/* step number k, counted from 0, at [k & (cap - 1)] */
	size_t cap;
	uint64_t first, next;		/* those numbers that wait */
	uint64_t *open;			/* numbers of those that have not ended, + 1; 0: the slot is free */
	size_t n_slots, n_open;
};

/**
 * bu_hp_steps_add() - Take @ev, which is of table BU_EV_CPUHP and comes after all before it.
 * @name: its callback, which outlives the step; of an exit without meaning. NULL: nobody knows, and it begins no step.
 * @ret: the step that it begins or ends, valid until the next call; NULL: none.
 * Return: 0 or -ENOMEM.
 */
int bu_hp_steps_add(struct bu_hp_steps *q, const struct bu_event *ev, const char *name, const struct bu_hp_step **ret);

/**
 * bu_hp_steps_take() - The next step in order, when it has ended or, with @all, though it has not.
 * Return: NULL: there is none. Valid until the next bu_hp_steps_add().
 */
struct bu_hp_step *bu_hp_steps_take(struct bu_hp_steps *q, bool all);

/**
 * bu_hp_steps_fini() - Free it. A zeroed struct has no steps.
 */
void bu_hp_steps_fini(struct bu_hp_steps *q);

#endif
