/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * hotplug.h - what a recorded bring-up says independent of the algorithm that was running.
 *
 * Flow: capture.db -> [schedule] -> host -> core.  For every CPU the work that was done for it, part by part and
 * step by step, with the waiting removed: a core puts its own waiting back. What the trace cannot show is kept as a
 * pair of bounds; the value that a replay uses lies between them and docs/methods.md says which one it is and why.
 */
#ifndef BU_REPLAY_SCHEDULE_HOTPLUG_H
#define BU_REPLAY_SCHEDULE_HOTPLUG_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "replay/core_hotplug.h"
#include "schemas/base/err.h"
#include "schemas/base/mem.h"
#include "schemas/model/run.h"
#include "schemas/store/db.h"

struct bu_hp_part {
	int64_t ns;		/* what a replay spends */
	int64_t lo_ns, hi_ns;	/* it is certain to lie here; equal where the trace shows it */
};

#define BU_HP_MADE_UP "made up"	/* capture_sha256 of a schedule that no recording is behind */

extern const char *const bu_hp_part_names[BU_HP_NR_WORK];

struct bu_hp_step {
	uint32_t name;		/* index into names */
	int32_t nr, ret;
	int64_t overhead_ns;	/* between the step before and this one, on the same task */
	int64_t work_ns;
	int64_t before_sleep_ns, sleep_ns;	/* of work_ns, what came before the task slept in it; and how long, besides */
	int64_t start_ns, end_ns;	/* since the start of the bring-up */
};

struct bu_hp_cpu {
	int32_t cpu;
	bool primary;
	struct bu_hp_place place;	/* size 0: not recorded */
	bool never_comes;	/* kicked, and nothing was ever seen of it */
	bool never_dies;	/* taken down, and never seen dead */
	enum bu_cpu_verdict verdict;
	struct bu_hp_part part[BU_HP_NR_WORK];
	struct bu_hp_step *steps[BU_HP_NR_SECTIONS];
	size_t n_steps[BU_HP_NR_SECTIONS];
	int64_t mark_ns[BU_HP_NR_MARKS];	/* recorded instants, BU_NS_UNKNOWN where the trace has none */
};

struct bu_hp_recorded {		/* one row of the capture's timeline */
	int32_t lane, cpu;
	enum bu_phase phase;
	uint32_t name;
	int64_t start_ns, end_ns;	/* end BU_NS_UNKNOWN: open */
};

struct bu_hp_runtime_op {	/* an operation at runtime, see replay/schedule/hotplug_ops.c */
	int32_t cpu;
	bool down;
	enum bu_cpu_verdict verdict;
	int64_t think_ns;	/* from the end of the operation before to the request */
	int64_t request_ns, start_ns, end_ns;	/* request: start_ns where it was not seen */
	const char *requester;	/* task that asked for it */
	struct bu_hp_cpu work;
};

struct bu_hp_schedule {
	struct bu_arena arena;		/* owns everything below */
	const char *capture_name, *capture_sha256, *kernel_release, *algorithm, *start_what;
	int32_t control_cpu;
	struct bu_hp_place control_place;
	int64_t bringup_ns;		/* as recorded; BU_NS_UNKNOWN when it did not finish */
	int64_t lead_in_ns;		/* control CPU: from the start of the bring-up to its first step */
	struct bu_hp_cpu *cpus;		/* secondary CPUs, in CPU order */
	size_t n_cpus;
	struct bu_hp_runtime_op *ops;	/* in the order in which they began; none: the recording is a boot */
	size_t n_ops;
	struct bu_hp_burst *bursts;	/* of a recording with operations, ordered by task and start; by recorded CPU number */
	size_t n_bursts;
	struct bu_hp_recorded *recorded;	/* ordered by lane, cpu, start */
	size_t n_recorded;
	const char **names;
	size_t n_names;
};

/**
 * bu_hp_schedule_load() - Extract the schedule of the bring-up in a capture.
 * @db: an open capture database.
 * @machine: that was recorded. If its CPUs shared those of a host, durations are what the work would have taken on CPUs of
 * its own.
 * Return: 0; -ENODATA when the capture has no bring-up to replay; errors of the store.
 */
int bu_hp_schedule_load(struct bu_db *db, const struct bu_hp_machine *machine, struct bu_hp_schedule *ret, struct bu_err *err);

/**
 * bu_hp_schedule_made_up() - A schedule from a description instead of a recording: its work parameters, alive_ns and those of
 * the TSC, of microcode and of delay calibration say what each CPU has to do.
 * @name: of the description, for reports. @cpus: 0: as many as the topology has.
 * Return: 0; -EINVAL: the description does not say enough; -ENOMEM.
 */
int bu_hp_schedule_made_up(const struct bu_hp_machine *m, const char *name, int32_t cpus, struct bu_hp_schedule *ret,
			   struct bu_err *err);

/**
 * bu_hp_place_of() - Where CPU @cpu is if the topology of @m repeats for ever.
 */
struct bu_hp_place bu_hp_place_of(const struct bu_hp_machine *m, int cpu);

enum bu_hp_draw {
	BU_HP_DRAW_NEW,		/* CPUs of the recording keep their own durations, others are drawn */
	BU_HP_DRAW_ALL,		/* every CPU is drawn: one of the boots that might have been */
};

/**
 * bu_hp_schedule_resize() - Make @src fit @cpus CPUs (the control CPU counted).
 * A CPU is drawn part by part and step by step, each by itself, from what was recorded for that part or step over the
 * secondary CPUs of its class (primary threads, siblings) that came up; topology repeats. With fewer CPUs than recorded
 * the first ones are taken.
 * @seed: of the draws. @ret: a schedule of its own; its strings are borrowed from @src.
 */
int bu_hp_schedule_resize(const struct bu_hp_schedule *src, int32_t cpus, enum bu_hp_draw draw, uint64_t seed,
			  struct bu_hp_schedule *ret, struct bu_err *err);

void bu_hp_schedule_fini(struct bu_hp_schedule *s);

#endif
