/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * print_text.h - what `bringup replay --text` says, in words and as JSON (docs/json-replay.md).
 */
#ifndef BU_REPLAY_PRINT_TEXT_H
#define BU_REPLAY_PRINT_TEXT_H

#include <jansson.h>
#include <stddef.h>

#include "replay/family_text.h"
#include "replay/monte_carlo.h"

/**
 * bu_text_crash_probability() - The share of boots that would die if all of the window were patched with interrupts on and
 * @half_ns between the first byte of a site and its last: 1 - (1 - p)^ticks with p = half_ns x sites at risk / window, or
 * ticks x p where there is less than one tick.
 */
double bu_text_crash_probability(const struct bu_text_schedule *s, int64_t half_ns);

/* The schedule: sites, windows, ticks in them, sites at risk, and that share. */
void bu_print_text_schedule(const struct bu_text_schedule *s, int64_t half_ns);
json_t *bu_json_text_schedule(const struct bu_text_schedule *s, int64_t half_ns);	/* owned by the caller */

void bu_print_text_runs(const struct bu_run *const *runs, const struct bu_text_outcome *out, size_t n);
json_t *bu_json_text_run(const struct bu_run *r);	/* owned by the caller */

/* Many runs of @core: their distribution, the commonest verdict, the share that died beside the one @expected. */
json_t *bu_json_text_many(const struct bu_core_def *core, const struct bu_mc_result *r, uint64_t seed, double expected);

#endif
