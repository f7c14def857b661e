/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * summary.h - the numbers of one boot: totals, quantiles and who was slow.
 *
 * Flow: query -> [summary] -> report (text), report_json. Both print these numbers and compute none.
 * No time is counted twice: phases of the control CPU are of one lane and add up, with what is between them,
 * to the bring-up time; phases of the other CPUs run side by side and are added up only among themselves.
 * docs/json-report.md says what each number means.
 */
#ifndef BU_ANALYZE_SUMMARY_H
#define BU_ANALYZE_SUMMARY_H

#include "analyze/query.h"
#include "analyze/stats.h"

struct bu_phase_sum {
	size_t count, unfinished;	/* intervals; those without end are in no time below */
	int64_t total_ns;
	struct bu_stat per_cpu;		/* of the sums of single CPUs */
	int64_t median_ns;		/* of the sums of all CPUs, those without it too; never unknown */
	double share;			/* control CPU: of the bring-up; others: of all their phases together */
};

struct bu_step_sum {
	unsigned int step;		/* index into bu_boot.steps */
	size_t unfinished;
	struct bu_stat stat;		/* of single executions */
};

struct bu_cpu_sum {			/* parallel to bu_boot.cpu */
	int64_t latency_ns;		/* prepare to online */
	int64_t active_ns, queued_ns;	/* its parts: worked on; prepared or parked, waiting for its turn */
	int64_t phase_ns[BU_PHASE_N];
	enum bu_phase worst, worst_work;	/* the phase furthest above its median; likewise without parked */
	bool stands_out, work_stands_out;	/* whether any is above */
};

struct bu_wait_sum {
	const char *point;
	struct bu_stat stat;
	size_t timeout, never;
};

struct bu_op_sum {
	size_t n, ok, failed, open;
	struct bu_stat stat;		/* of those that ended well */
};

struct bu_op_step_sum {
	enum bu_direction direction;
	const char *name;
	int nr;
	struct bu_stat stat;		/* of their own time, without steps inside them */
};

struct bu_summary {
	enum bu_outcome outcome;	/* failed when any CPU failed, else open when any is open, else ok */
	struct bu_phase_sum phase[BU_PHASE_N];
	int64_t control_span_ns;	/* the bring-up, or all that was seen where it did not end */
	int64_t control_busy_ns, control_wait_ns, control_other_ns;	/* add up to the span */
	int64_t cpu_time_ns;		/* all phases of the other CPUs together */
	int64_t first_online_ns, last_online_ns;
	int first_online_cpu, last_online_cpu;	/* -1: none */
	struct bu_stat latency, active, queued;
	struct bu_cpu_sum *cpu;
	struct bu_step_sum *step; size_t n_step;	/* work only (no waiting, no parking), largest total first */
	struct bu_wait_sum *wait; size_t n_wait;	/* largest total first */
	struct bu_op_sum op[BU_DIRECTION_N];
	struct bu_op_step_sum *op_step; size_t n_op_step;	/* largest total first */
};

/**
 * bu_summary_of() - Compute all numbers of @boot, in n log n of its intervals.
 * @ret: owned by the caller; borrows strings of @boot.
 * Return: 0; -ENOMEM.
 */
int bu_summary_of(const struct bu_boot *boot, struct bu_summary *ret, struct bu_err *err);
void bu_summary_fini(struct bu_summary *summary);

/**
 * bu_cpu_evidence() - One sentence on a CPU that did not come up: the last that is known of it.
 * Return: @buf, cut at @len.
 */
const char *bu_cpu_evidence(const struct bu_boot *boot, const struct bu_boot_cpu *cpu, char *buf, size_t len);

#endif
