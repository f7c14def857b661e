/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * redact.h - a capture database that may leave the house, and the check that it may.
 *
 * Flow: capture.db -> [redact] -> another capture.db of the same format. The new file is written from nothing, value
 * by value: what no rule (redact_rules.c) lets through is not in it, nor in its unused bytes. A column of text without
 * a rule stops the redaction, so that a column added later cannot slip through.
 *
 * What stays: every time, id, CPU, step and return code, so that order, milestones and replay are the same; symbols;
 * the names of the kernel's own threads. What is replaced: addresses, by numbers in the same order that keep offset in
 * the page, identity and neighbourhood of pages, and the slots of the two upper page-table levels (redact_address.c);
 * names of other tasks, by user1, user2, ...; the command line, cut to the parameters of redact_rules.c; machine
 * files, of which known lines stay. The mapping is by rank among what the file holds and is stored nowhere.
 */
#ifndef BU_COLLECTOR_REDACT_H
#define BU_COLLECTOR_REDACT_H

#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>

#include "schemas/base/err.h"

struct bu_redact_result {
	int64_t changed;	/* values that were replaced, shortened or left out */
	int64_t rows;		/* written */
};

/**
 * bu_redact() - Write the redacted copy of the capture database @in to @out, whole or not at all.
 * @force: replace @out where it exists. @in and @out must differ.
 * Return: 0; -EPROTO where @in is no capture database of this version, or a column has no rule; others as the
 * system says.
 */
int bu_redact(const char *in, const char *out, bool force, struct bu_redact_result *ret, struct bu_err *err);

struct bu_audit_result {
	int64_t findings;	/* all of them; fewer may be printed */
	int64_t values, bytes;	/* looked at: values of tables, bytes of the file */
};

/**
 * bu_audit() - Look for what a redacted capture must not hold, in every value of every table and in the bytes of the
 * file itself.
 * @to: a line per finding, at most @limit of them; what was found is printed only as far as needed to recognise it.
 * Return: 0, also where something was found (see @ret); -EPROTO where @path is no capture database of this version.
 */
int bu_audit(const char *path, FILE *to, int64_t limit, struct bu_audit_result *ret, struct bu_err *err);

#endif
