/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * session.h - one replay: a core, a schedule, an engine between them, and the run that comes out.
 *
 * Flow: schedule + core -> [session: host operations over the engine] -> struct bu_run.
 */
#ifndef BU_REPLAY_SESSION_H
#define BU_REPLAY_SESSION_H

#include <stdint.h>

#include "replay/core.h"
#include "replay/schedule/clocksource.h"
#include "replay/schedule/hotplug.h"
#include "schemas/base/err.h"
#include "schemas/base/mem.h"
#include "schemas/model/run.h"

struct bu_replay_options {
	uint64_t seed;
	enum bu_sampled sampled;
	int32_t recorded_cpus;	/* CPUs in the recording, the control CPU counted */
	const int64_t *params;	/* values of the core's parameters */
	uint64_t max_events;	/* 0: a bound from the size of the schedule */
	const struct bu_hp_machine *machine;	/* NULL: the default; borrowed */
	const struct bu_hp_machine *recorded_machine;	/* that the schedule was made for, to be stored; NULL: as machine */
	bool check;		/* that threads share nothing but words: bu_machine_config.check_state */
	int guard_ms;		/* CPU time that the core may go without a step, see guard.h; 0: run it unguarded */
};

struct bu_replay_result {
	struct bu_run run;	/* command is left to the caller */
	struct bu_arena arena;	/* owns the run's strings */
};

/**
 * bu_replay_hotplug() - Run @core over @schedule in virtual time.
 * @schedule: borrowed; must outlive the result (names are borrowed from it).
 * @ret: written on success, freed with bu_replay_result_fini(). A run that hangs or fails is a success with a verdict.
 * Return: 0; -ENOMEM.
 */
int bu_replay_hotplug(const struct bu_core_def *core, const struct bu_hp_schedule *schedule,
		      const struct bu_replay_options *options, struct bu_replay_result *ret, struct bu_err *err);

/**
 * bu_replay_clocksource() - The same for a clocksource core.
 */
int bu_replay_clocksource(const struct bu_core_def *core, const struct bu_cs_schedule *schedule,
			  const struct bu_replay_options *options, struct bu_replay_result *ret, struct bu_err *err);

/**
 * bu_clocksource_notified_ns() - From the beginning of the switch to tick_clock_notify(), in such a run; BU_NS_UNKNOWN: it never
 * came to that.
 */
int64_t bu_clocksource_notified_ns(const struct bu_run *run);

void bu_replay_result_fini(struct bu_replay_result *r);

#endif
