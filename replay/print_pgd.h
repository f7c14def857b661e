/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * print_pgd.h - what `bringup replay --pgd` says, in words and as JSON (docs/json-replay.md).
 */
#ifndef BU_REPLAY_PRINT_PGD_H
#define BU_REPLAY_PRINT_PGD_H

#include <jansson.h>
#include <stddef.h>

#include "replay/family_pgd.h"
#include "schemas/model/run.h"

/* The schedule: how many address spaces, switches and entries it has, and what the recorded kernel did about them. */
void bu_print_pgd_schedule(const struct bu_pgd_schedule *s);
json_t *bu_json_pgd_schedule(const struct bu_pgd_schedule *s);	/* owned by the caller */

/* Reads events from a file, as of bu_pgd_schedule_read(); its errors, and those of reading. */
int bu_pgd_read_events(const char *path, struct bu_pgd_schedule *ret, struct bu_err *err);

void bu_print_pgd_runs(const struct bu_run *const *runs, const struct bu_pgd_outcome *out, size_t n);

#endif
