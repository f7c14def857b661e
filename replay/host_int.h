/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * host_int.h - the state behind the host operations of one run. session.c sets it up and reads the result out of it;
 * host.c is what a core calls in between.
 *
 * A core counts CPUs 0..n-1; the recording may have other numbers (an absent CPU leaves a hole). Here the core's numbers
 * are indices into `slots`, and what is recorded carries the numbers of the recording.
 */
#ifndef BU_REPLAY_HOST_INT_H
#define BU_REPLAY_HOST_INT_H

#include "replay/core.h"
#include "replay/engine/engine.h"
#include "replay/schedule/hotplug.h"
#include "replay/session.h"
#include "schemas/model/run.h"

struct slot {
	int32_t id;			/* CPU number in the recording */
	const struct bu_hp_cpu *cpu;	/* NULL for the control CPU */
	struct bu_run_cpu row;
};

struct bu_host {
	struct bu_host_tables tables;	/* must come first: core.h reads it */
	struct bu_engine *engine;
	const struct bu_core_def *core;
	const struct bu_hp_schedule *schedule;
	const struct bu_replay_options *options;
	struct bu_replay_result *out;
	struct slot *slots;
	int n_slots, control;		/* index of the control CPU */
	bu_task_id control_task;
	bu_word_id never;		/* nobody ever changes it */
	int64_t control_wait_ns, control_end_ns;
	int64_t busy;			/* CPUs working or spinning right now */
	bu_word_id busy_changes;	/* counts its changes, where the host is shared */
	const char **names;
	size_t n_names, cap_names, cap_intervals, cap_waits;
	size_t alloc_limit;		/* bytes that the core may ask for */
	int oom;
};

extern const struct bu_host_ops bu_host_ops;
extern const struct bu_hotplug_ops bu_host_hotplug_ops;

/* The engine's sink for waits. */
void bu_host_on_wait(void *ctx, bu_task_id task, const char *point, int32_t cpu, int64_t start_ns, int64_t end_ns,
		     enum bu_wait_outcome outcome);

#endif
