/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * hotplug_ops.h - from hotplug events to steps, and which steps belong together: one CPU coming up, going down, or being
 * rolled back.
 *
 * Flow: cpuhp_events -> [hotplug_ops] -> derive_bringup.sql (milestones). The kernel does not name its operations in the
 * trace; they follow from what each step is meant to reach (kernel/cpu.c of 5.10, 6.1, 6.12):
 *
 *            target >= nr                      bringup_cpu or cpuhp_bringup_ap returned 0
 *   offline ---------------> coming up ---------------------------------------------------> online
 *      ^                         | target < nr: a rollback                                  |   ^ | target >= nr: a
 *      +-------------------------+                                                          |   +-+ callback being
 *      +-------- takedown_cpu returned 0 ------- going down <--- cpuhp_kick_ap_work --------+       installed, no
 *                                                    | target >= nr after a failure: a rollback     operation
 *                                                    +----------------------------------> online
 *
 * In a parallel boot the kick pass (target = the kick's own state) and the online pass are one coming up.
 */
#ifndef BU_COLLECTOR_HOTPLUG_OPS_H
#define BU_COLLECTOR_HOTPLUG_OPS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "collector/cpuhp_events.h"
#include "schemas/base/err.h"
#include "schemas/store/db.h"

/* A step as the table has it. BU_NS_UNKNOWN where a column is NULL. */
struct bu_hp_step {
	int64_t id, exit_id, cpu, target_cpu;
	int64_t nr, target;
	const char *name;	/* borrowed */
	int64_t start_ns, end_ns, ret;
	int64_t task;
	const char *state_name;	/* borrowed; may be NULL */
	bool multi, lost;	/* lost: the step began again without having ended */
	int64_t op;		/* result: index into the operations, -1: none */
};

enum bu_hp_direction { BU_HP_UP, BU_HP_DOWN, BU_HP_ROLLBACK };
enum bu_hp_verdict { BU_HP_OK, BU_HP_FAILED, BU_HP_OPEN };

struct bu_hp_op {
	int32_t cpu, control_cpu;
	enum bu_hp_direction direction;
	int64_t nth, start_ns, end_ns, ret;
	enum bu_hp_verdict verdict;
};

/**
 * bu_hp_assign() - Find the operations in @steps, which are ordered by id.
 * @first_ids: by CPU number, the id of the first event of any kind on that CPU, BU_NS_UNKNOWN for none: a CPU that
 * was seen at work before its first step was online. May be NULL with @n_cpus 0.
 * @ret_ops: a new array of the caller's, in order of their first steps.
 * Return: 0 or -ENOMEM.
 */
int bu_hp_assign(struct bu_hp_step *steps, size_t n_steps, const int64_t *first_ids, size_t n_cpus,
		 struct bu_hp_op **ret_ops, size_t *ret_n_ops);

/**
 * bu_hotplug_ops() - Fill the tables step and hotplug_op of @db, which is being made and has the indexes of index.sql, from
 * the events @c, whose steps have been found. They are loaded (schemas/store/load.h): what is attached to @db or temporary in it
 * does not outlive this.
 * @first_ids, @n_cpus: as bu_hp_assign().
 */
int bu_hotplug_ops(struct bu_db *db, const struct bu_cpuhp *c, const int64_t *first_ids, size_t n_cpus, struct bu_err *err);

#endif
