/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * hotplug_ops.h - which steps belong together: one CPU coming up, going down, or being rolled back.
 *
 * Flow: hotplug_steps -> [hotplug_ops] -> derive_bringup.sql (milestones). The kernel does not name its operations in the
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

#include <stddef.h>
#include <stdint.h>

#include "collector/hotplug_steps.h"

enum bu_hp_direction { BU_HP_UP, BU_HP_DOWN, BU_HP_ROLLBACK };
enum bu_hp_verdict { BU_HP_OK, BU_HP_FAILED, BU_HP_OPEN };

struct bu_hp_op {
	int32_t cpu, control_cpu;
	enum bu_hp_direction direction;
	int64_t nth, start_ns, end_ns, ret;
	enum bu_hp_verdict verdict;
};

struct bu_hp_ops {
	struct bu_hp_op *ops;		/* in order of their first steps */
	size_t n, cap;
	struct bu_hp_cpu *cpus;		/* hotplug_ops.c; by number */
	size_t n_cpus, cap_cpus;
	const int64_t *first_ids;	/* set by the caller, borrowed; see there */
	size_t n_first_ids;
};

/**
 * bu_hp_ops_add() - Find out to which operation @step, the next by id, belongs: its op, an index into t->ops.
 * t->first_ids: by CPU number, the id of the first event of any kind on that CPU, BU_NS_UNKNOWN for none: a CPU that was seen
 * at work before its first step was online. What comes after @step need not be in it yet.
 * Return: 0 or -ENOMEM.
 */
int bu_hp_ops_add(struct bu_hp_ops *t, struct bu_hp_step *step);

/**
 * bu_hp_ops_end() - All steps are in: what is left of an operation that the trace ends in has no end.
 */
void bu_hp_ops_end(struct bu_hp_ops *t);

/**
 * bu_hp_ops_fini() - Free it. A zeroed struct has no operations.
 */
void bu_hp_ops_fini(struct bu_hp_ops *t);

#endif
