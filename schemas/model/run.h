/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * run.h - one replay as plain values: what replay hands to the store. The meaning of each field stands in
 * schemas/run.sql; BU_NS_UNKNOWN stands for SQL's NULL.
 */
#ifndef BU_SCHEMAS_MODEL_RUN_H
#define BU_SCHEMAS_MODEL_RUN_H

#include <stddef.h>
#include <stdint.h>

enum bu_phase {
	BU_PHASE_PREPARE, BU_PHASE_KICK, BU_PHASE_DARK, BU_PHASE_PARKED, BU_PHASE_STARTING, BU_PHASE_TSC,
	BU_PHASE_ONLINE, BU_PHASE_WAIT, BU_PHASE_OVERHEAD,
	BU_PHASE_DOWN, BU_PHASE_STOP, BU_PHASE_DYING, BU_PHASE_DEAD, BU_NR_PHASES
};

extern const char *const bu_phase_names[BU_NR_PHASES];

enum bu_cpu_verdict { BU_CPU_OPEN, BU_CPU_OK, BU_CPU_FAILED };

enum bu_sampled {		/* which durations were drawn from the recorded distributions */
	BU_SAMPLED_NONE, BU_SAMPLED_NEW, BU_SAMPLED_ALL	/* those of CPUs that the recording has not; all */
};

struct bu_run_interval {
	int32_t lane, cpu;
	enum bu_phase phase;
	uint32_t name;		/* index into bu_run.names */
	int32_t task;		/* the thread that spent it: index into bu_run.names, or -1: not known */
	int64_t start_ns, end_ns, recorded_start_ns, recorded_end_ns;
};

struct bu_run_wait {
	const char *task;	/* lives as long as the run */
	int32_t lane, cpu;
	uint32_t point;		/* index into bu_run.names */
	int64_t start_ns, end_ns;
	const char *outcome;	/* 'satisfied', 'timeout', 'never' */
};

struct bu_run_cpu {
	int32_t cpu;
	int64_t prepare_ns, kick_ns, alive_ns, release_ns, idle_ns, online_ns, recorded_online_ns;
	enum bu_cpu_verdict verdict;
	int32_t steps;		/* callbacks of its way up that have run and are not undone: where it was left */
};

struct bu_run_op {
	int32_t cpu;
	int down;		/* boolean */
	int64_t start_ns, end_ns, recorded_start_ns, recorded_end_ns;
	enum bu_cpu_verdict verdict;
	int ret;		/* 0 or -errno */
};

struct bu_run_lock {
	uint32_t name;		/* index into bu_run.names */
	const char *kind;	/* static: 'mutex', 'percpu_rwsem', ... */
	uint64_t acquired, contended;
	int64_t wait_ns, wait_max_ns, hold_ns, hold_max_ns;
};

struct bu_run_watchdog {
	const char *name;			/* static */
	int64_t since_ns, at_ns;
	const char *cpus, *task, *place;	/* live as long as the run; task may be NULL */
	uint32_t n;
};

struct bu_run_account {
	int32_t cpu;
	int64_t busy_ns, spin_ns, steal_ns;
	uint64_t interrupts, nmis, switches;
};

struct bu_run_metric {
	uint32_t name;		/* index into bu_run.names */
	const char *unit;	/* static */
	int32_t cpu;		/* -1: of the whole run */
	double value;
};

struct bu_run {
	const char *family, *core, *core_source, *command, *capture_name, *capture_sha256, *kernel_release;
	const char *recorded_algorithm;
	const char *params;	/* JSON object */
	int32_t recorded_cpus, cpus;
	enum bu_sampled sampled;
	const char *machine, *recorded_machine;	/* JSON objects: their parameters */
	uint64_t seed, events, hash;
	int64_t bringup_ns, recorded_bringup_ns, bp_busy_ns, bp_wait_ns;
	int64_t ap_latency_p50_ns, ap_latency_p99_ns, ap_latency_max_ns;
	const char *verdict, *verdict_detail;
	const char *witness;	/* NULL where the run ended well or by force */

	const char *const *names;
	struct bu_run_cpu *cpu_rows;
	struct bu_run_op *ops;		/* of runtime hotplug, in their order */
	struct bu_run_interval *intervals;
	struct bu_run_wait *waits;
	struct bu_run_lock *locks;
	struct bu_run_account *accounts;
	struct bu_run_metric *metrics;
	struct bu_run_watchdog *watchdogs;
	size_t n_names, n_cpu_rows, n_ops, n_intervals, n_waits, n_locks, n_accounts, n_metrics, n_watchdogs;
	uint32_t lock_holders;	/* threads that hold a lock at the end of the run */
};

#endif
