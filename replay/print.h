/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * print.h - what `bringup replay` says: the table of runs, the distribution of many, and both as JSON
 * (docs/json-replay.md). The only part of replay, besides the command files, that writes to stdout.
 */
#ifndef BU_REPLAY_PRINT_H
#define BU_REPLAY_PRINT_H

#include <jansson.h>
#include <stddef.h>

#include "replay/monte_carlo.h"
#include "replay/schedule/clocksource.h"
#include "replay/schedule/hotplug.h"
#include "schemas/model/run.h"

/**
 * bu_print_runs() - The table of @n runs (at least one) of one schedule.
 */
void bu_print_runs(const struct bu_hp_schedule *s, const struct bu_run *const *runs, size_t n);

/**
 * bu_print_witness() - The first lines of a witness; the whole of it is in the database.
 */
void bu_print_witness(const char *core, const char *text);

/**
 * bu_print_runs_json() - The same as one JSON object. Return: 0, or -1 when it could not be written.
 */
int bu_print_runs_json(const struct bu_hp_schedule *s, const struct bu_run *const *runs, size_t n);

/**
 * bu_print_clocksource() - The same for runs of clocksource cores, @names as they were given; with the arithmetic of saturation.
 * bu_print_clocksource_json(): as bu_print_runs_json().
 */
void bu_print_clocksource(const struct bu_cs_schedule *s, const char *const *names, const struct bu_run *const *runs, size_t n);
int bu_print_clocksource_json(const struct bu_cs_schedule *s, const char *const *names, const struct bu_run *const *runs, size_t n);

/**
 * bu_print_distribution() - Quantiles and verdicts of many runs of @core.
 */
void bu_print_distribution(const char *core, const struct bu_mc_result *r);

/**
 * bu_json_distribution() - The same as a JSON object, owned by the caller.
 */
json_t *bu_json_distribution(const struct bu_core_def *core, const struct bu_mc_result *r, uint64_t seed);

/**
 * bu_json_many() - The same with what a single run has: "verdict", the commonest, and "metrics", the share of @v as @share.
 */
json_t *bu_json_many(const struct bu_core_def *core, const struct bu_mc_result *r, uint64_t seed, const char *share,
		     enum bu_mc_verdict v);

#endif
