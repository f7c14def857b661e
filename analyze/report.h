/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * report.h - what a boot's numbers say, for people (text) and for scripts (JSON).
 *
 * Flow: query, summary -> [report, report_json] -> the command writes it out. Nothing is computed here.
 */
#ifndef BU_ANALYZE_REPORT_H
#define BU_ANALYZE_REPORT_H

#include <stdio.h>

#include "analyze/summary.h"

#define BU_REPORT_SCHEMA "bringup-report-1"	/* docs/json-report.md */

/**
 * bu_report_text() - Write the report of @n boots of one file to @to; after several, a table comparing them.
 * @top: rows per table, at least 1.
 */
void bu_report_text(FILE *to, const struct bu_boot *boots, const struct bu_summary *sums, size_t n, size_t top);

/**
 * bu_report_json() - The same as one JSON object (docs/json-report.md), with a newline at its end.
 * @as_list: also put the boots into `runs`.
 * Return: 0; -ENOMEM; -EIO when @to cannot be written.
 */
int bu_report_json(FILE *to, const struct bu_boot *boots, const struct bu_summary *sums, size_t n, bool as_list,
		   struct bu_err *err);

#endif
