/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * hang_report.h - what a capture that ends in a hang, an oops or a panic says of it, and where it says no more.
 *
 * Flow: capture.db -> [hang_query -> hang_report] -> `bringup report`. Facts only: steps that have no end, CPUs that
 * entered a stop_machine rendezvous and those that did not, what the console printed. A conclusion is drawn where the
 * facts allow just one; else it is said which evidence would allow it.
 * How a rendezvous works: multi_cpu_stop() of kernel/stop_machine.c (5.10, 6.1, 6.12): every online CPU enters it on
 * its stopper thread and spins there until all have acknowledged each state, interrupts off from the second state on.
 */
#ifndef BU_ANALYZE_HANG_REPORT_H
#define BU_ANALYZE_HANG_REPORT_H

#include <jansson.h>
#include <stdio.h>

#include "schemas/base/err.h"

struct bu_hang;

/**
 * bu_hang_load() - Look into the capture at @path.
 * @ret: owned by the caller, freed with bu_hang_free(); NULL where nothing is unfinished and nothing went wrong, or
 * where @path is no capture.
 * Return: 0; negative errno as bu_db_open().
 */
int bu_hang_load(const char *path, struct bu_hang **ret, struct bu_err *err);
void bu_hang_free(struct bu_hang *hang);

/**
 * bu_hang_text() - Write it for people. @top: rows per list.
 */
void bu_hang_text(FILE *to, const struct bu_hang *hang, size_t top);

/**
 * bu_hang_json() - As the value of the key "hang" (docs/json-report.md): null for NULL. Return: a new reference;
 * NULL when memory is out.
 */
json_t *bu_hang_json(const struct bu_hang *hang);

#endif
