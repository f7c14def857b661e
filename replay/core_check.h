/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * core_check.h - what every core of a family must do whatever its algorithm, tried on schedules made up for it.
 *
 * Used by `bringup core-check`, for cores of other people, and by the tests, for ours.
 */
#ifndef BU_REPLAY_CORE_CHECK_H
#define BU_REPLAY_CORE_CHECK_H

#include <stdbool.h>
#include <stdint.h>

#include "replay/core.h"
#include "replay/schedule/hotplug.h"
#include "schemas/base/err.h"

/* A schedule without a recording behind it: every CPU alike, durations in ns. */
struct bu_made_up {
	int64_t prepare, kick, dark, starting, online;
	int32_t cpus, threads_per_core;
};

/**
 * bu_made_up_schedule() - A schedule of these costs, one prepare and one online step per CPU; the boot CPU is 0.
 * Return: 0; -ENOMEM.
 */
int bu_made_up_schedule(const struct bu_made_up *costs, struct bu_hp_schedule *ret);

/* Steps of an operation at runtime, made up: those that the control CPU runs (each way), and the CPU's own. */
#define BU_MADE_UP_CONTROL 2
#define BU_MADE_UP_OWN 3
#define BU_MADE_UP_STEP_NS 1000

/**
 * bu_made_up_runtime() - As bu_made_up_schedule(), on a running system: CPUs 1 to @cpus - 1, or the first three of them, go down,
 * up, down and up, each in turn. Return: 0; -ENOMEM.
 */
int bu_made_up_runtime(int32_t cpus, struct bu_hp_schedule *ret);

/**
 * bu_core_check() - Put @core through the contract.
 * @say: told each statement and whether it held; @why is "" or what was seen instead.
 * @guard_ms: see struct bu_replay_options.
 * Return: the number of statements that did not hold, or -ENOMEM.
 */
int bu_core_check(const struct bu_core_def *core, int guard_ms,
		  void (*say)(void *ctx, bool holds, const char *what, const char *why), void *ctx);

/**
 * bu_core_check_text() - The same for a core of the family text.
 */
int bu_core_check_text(const struct bu_core_def *core, int guard_ms,
		       void (*say)(void *ctx, bool holds, const char *what, const char *why), void *ctx);

/**
 * bu_core_check_clocksource() - The same for a core of the family clocksource.
 */
int bu_core_check_clocksource(const struct bu_core_def *core, int guard_ms,
			      void (*say)(void *ctx, bool holds, const char *what, const char *why), void *ctx);

/**
 * bu_core_check_pgd() - The same for a core of the family pgd.
 */
int bu_core_check_pgd(const struct bu_core_def *core, int guard_ms,
		      void (*say)(void *ctx, bool holds, const char *what, const char *why), void *ctx);

/**
 * bu_core_check_hang() - The same for a core of the family hang.
 */
int bu_core_check_hang(const struct bu_core_def *core, int guard_ms,
		       void (*say)(void *ctx, bool holds, const char *what, const char *why), void *ctx);

#endif
