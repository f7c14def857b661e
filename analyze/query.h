/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * query.h - one bring-up as plain values, read from a capture database or from one run of a runs database.
 *
 * Flow: capture.db | runs.db -> [query] -> summary -> report, report_json; query -> plot.
 * Both kinds of file end in the same model, so that whatever can be said of a real boot can be said of a replay.
 * Invariants: (1) every time is relative to the start of the bring-up (bringup.start_ns; 0 of a run), in
 * nanoseconds, or in clock ticks where boot.ticks is set; (2) BU_NS_UNKNOWN means that the file does not say;
 * (3) intervals of one lane and CPU come from one definition, the view `timeline` of the file, completed by
 * the intervals that never ended; (4) CPUs are in ascending order.
 */
#ifndef BU_ANALYZE_QUERY_H
#define BU_ANALYZE_QUERY_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "analyze/rendezvous.h"
#include "analyze/tax.h"
#include "schemas/base/err.h"
#include "schemas/base/mem.h"
#include "schemas/base/ns.h"

enum bu_phase {			/* in the order in which a CPU goes through them */
	BU_PHASE_PREPARE,	/* control CPU: steps before the kick */
	BU_PHASE_KICK,		/* control CPU: INIT/SIPI */
	BU_PHASE_DARK,		/* the CPU: kicked, nothing heard yet */
	BU_PHASE_PARKED,	/* the CPU: alive, waiting to be let go */
	BU_PHASE_STARTING,	/* the CPU: between release and idle loop, without the TSC check */
	BU_PHASE_TSC,		/* the CPU: TSC synchronisation check */
	BU_PHASE_ONLINE,	/* the CPU: steps on its hotplug thread */
	BU_PHASE_WAIT,		/* control CPU: waiting for the CPU */
	BU_PHASE_PARTNER,	/* control CPU, in runs: its side of the TSC check */
	BU_PHASE_OVERHEAD,	/* control CPU, in runs: between the other parts */
	BU_PHASE_DOWN,		/* the CPU, in runs, as all below: steps on its hotplug thread, going down */
	BU_PHASE_STOP,		/* the CPU: until all CPUs have met to stop it */
	BU_PHASE_DYING,		/* the CPU: takes itself down */
	BU_PHASE_DEAD,		/* control CPU: steps for a CPU that is dead */
	BU_PHASE_N,
};

enum bu_outcome { BU_OK, BU_FAILED, BU_OPEN, BU_LOST };

struct bu_interval {
	int64_t start_ns, end_ns;	/* end BU_NS_UNKNOWN: never seen to end */
	int lane, cpu;			/* who spent it, for whom */
	unsigned int step;		/* index into bu_boot.steps */
	enum bu_phase phase;
	enum bu_outcome outcome;
};

struct bu_step_name {		/* sorted in order of execution: phase, then number or usual order */
	const char *name;
	enum bu_phase phase;
	bool waiting;		/* not work: a wait point, or waiting and parked as a whole */
	int nr;			/* step number in that kernel; -1: a phase, or a file without numbers */
};

struct bu_boot_cpu {
	int cpu, control_cpu;
	enum bu_outcome outcome;
	int64_t ret;			/* of the step that ended it; meaningful if has_ret */
	bool has_ret;
	int64_t prepare_ns, kick_ns, first_sign_ns, alive_ns, turn_ns, release_ns, starting_ns, tsc_ns, idle_ns,
		thread_ns, online_ns, done_ns;	/* turn: the control CPU begins to wait for this one */
	int64_t recorded_online_ns;	/* runs: the same CPU in the capture */
	const char *last_step;		/* not ok: where it stopped, else NULL */
	int last_nr;			/* number of that, -1 unknown */
	int64_t last_start_ns;
	enum bu_outcome last_outcome;
};

struct bu_wait {		/* runs: waiting at a wait point */
	const char *point;
	int cpu;		/* for which CPU */
	int64_t start_ns, end_ns;
	const char *outcome;	/* 'satisfied', 'timeout', 'never' */
};

enum bu_direction { BU_UP, BU_DOWN, BU_ROLLBACK, BU_DIRECTION_N };

struct bu_op {			/* hotplug operations that are not part of a bring-up */
	int64_t id;
	int cpu;
	enum bu_direction direction;
	int64_t start_ns, end_ns, ret;
	bool has_ret;
	enum bu_outcome outcome;
};

struct bu_op_step {
	int64_t op;		/* bu_op.id */
	enum bu_direction direction;
	const char *name;
	int nr, cpu;		/* cpu: whose operation */
	int64_t start_ns, end_ns;
	int64_t self_ns;	/* without the steps of the same operation that ran inside it; or unknown */
};

struct bu_loss {
	const char *buffer, *kind;
	int cpu;
	int64_t count, after_ns, before_ns;	/* each may be unknown */
};

struct bu_figure {		/* of a run: table metric */
	const char *name, *unit;
	double value;
	int cpu;	/* -1: of the whole machine */
};

struct bu_note {
	const char *severity, *topic, *detail;
	int64_t count;
};

struct bu_hang;			/* hang_report.h */
struct bu_spaces;		/* spaces.h */

struct bu_boot {
	struct bu_arena arena;		/* owns every string */
	bool is_run, ticks, complete, runtime;	/* runtime: no boot, single CPUs brought up and down */
	bool no_control_split;		/* kick and wait are not told apart: no function was traced */
	const char *file;		/* as given */
	/* where it comes from */
	const char *trace_name, *trace_sha256, *trace_clock, *kernel_release, *arch, *algorithm, *start_what;
	const char *machine, *cpu_model, *clocksource;
	int64_t cpus_total;		/* CPUs online in the end, or in the run; BU_NS_UNKNOWN when not known */
	int64_t events_total, lost_total, lost_unknown;
	/* runs */
	int64_t run;
	const char *family, *core, *core_source, *hash, *verdict, *verdict_detail, *command;
	int64_t recorded_cpus, recorded_bringup_ns, bp_busy_ns, bp_wait_ns, seed;
	int64_t physical_cpus;		/* of the host that its CPUs share; 0: each has its own */
	bool sampled;
	/* the bring-up */
	bool has_bringup;
	int control_cpu;
	int64_t bringup_ns, cpus, cpus_ok;
	int64_t end_ns;			/* of all that is known: last event of the capture, last end of the run */
	struct bu_boot_cpu *cpu; size_t n_cpu;
	struct bu_interval *interval; size_t n_interval;
	struct bu_step_name *step; size_t n_step;
	struct bu_wait *wait; size_t n_wait;
	struct bu_figure *figure; size_t n_figure;	/* runs: of the whole machine and by CPU */
	struct bu_op *op; size_t n_op;
	struct bu_op_step *op_step; size_t n_op_step;
	struct bu_loss *loss; size_t n_loss;
	struct bu_note *note; size_t n_note;	/* warnings and errors only */
	struct bu_rendezvous *rendezvous; size_t n_rendezvous;	/* captures: those that ended, the longest first */
	struct bu_tax tax;		/* captures: what recording cost */
	struct bu_clock_check clocks;	/* captures: how fine the clocks are */
	const struct bu_spaces *spaces;	/* borrowed, too; NULL: page tables were not traced */
	const struct bu_hang *hang;	/* borrowed from whoever looked for it; NULL: nothing unfinished or gone wrong */
};

struct bu_boots {
	struct bu_boot *boot;
	size_t n;
	size_t n_file;			/* how many the file has */
	bool is_runs;
};

/**
 * bu_boots_load() - Read what @path has.
 * @path: a capture or a runs database; borrowed for as long as @ret lives.
 * @run: id of the run to read, 0 for all. A capture has none.
 * @limit: read at most so many runs, the first ones; 0: all.
 * @ret: owned by the caller, freed with bu_boots_fini().
 * Return: 0; -ENOTSUP for a run number with a capture; -ENODATA when there is no such run or nothing of
 * hotplug in the file; others as bu_db_open().
 */
int bu_boots_load(const char *path, int64_t run, size_t limit, struct bu_boots *ret, struct bu_err *err);
void bu_boots_fini(struct bu_boots *boots);

/* Words for people and for JSON. */
const char *bu_phase_name(enum bu_phase phase);
const char *bu_outcome_name(enum bu_outcome outcome);
const char *bu_direction_name(enum bu_direction direction);

/**
 * bu_phase_on_control() - Whether the control CPU spends that phase (else the CPU itself does).
 */
bool bu_phase_on_control(enum bu_phase phase);

/**
 * bu_boot_dur() - A duration of @boot for people: bu_ns_str(), or "N ticks".
 * Return: @buf, of at least BU_NS_STRLEN bytes.
 */
const char *bu_boot_dur(const struct bu_boot *boot, int64_t ns, char *buf);

/**
 * bu_boot_cpu_find() - The CPU numbered @cpu, or NULL when it was not to come up.
 */
const struct bu_boot_cpu *bu_boot_cpu_find(const struct bu_boot *boot, int cpu);

#endif
