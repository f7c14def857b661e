/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * spaces.h - what a capture says of address spaces: how many page tables came and went, switches, faults by class, what the kernel
 * mapped for itself and what it did to keep page tables in step. Counts of what was recorded, no model.
 *
 * Flow: capture.db -> [spaces] -> report.
 */
#ifndef BU_ANALYZE_SPACES_H
#define BU_ANALYZE_SPACES_H

#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>

#include <jansson.h>

#include "schemas/base/err.h"

struct bu_spaces {			/* of events, but for the first two */
	bool complete;			/* the capture lacks nothing */
	bool native;			/* its kernel makes top-level entries after boot: 32 bits */
	int64_t made, ended;		/* page tables: pgd_alloc(), pgd_free() */
	int64_t forks, execs, exits;	/* of tasks */
	int64_t switches;
	int64_t faults_user;		/* in user mode */
	int64_t faults_kernel_user;	/* in kernel mode, of a user address */
	int64_t faults_kernel;		/* in kernel mode, of a kernel address */
	int64_t lazy;			/* vmalloc_fault() */
	int64_t areas, percpu_chunks;	/* of kernel memory, mapped */
	int64_t walks;			/* arch_sync_kernel_mappings() */
};

/**
 * bu_spaces_load() - Count, where the database at @path is a capture that traced page tables.
 * Return: 1; 0 when it is none; negative errno.
 */
int bu_spaces_load(const char *path, struct bu_spaces *ret, struct bu_err *err);

/**
 * bu_spaces_text(), bu_spaces_json() - The section of the report; the value of "address_spaces" (docs/json-report.md): null for
 * NULL. Return: a new reference; NULL when memory is out.
 */
void bu_spaces_text(FILE *to, const struct bu_spaces *s);
json_t *bu_spaces_json(const struct bu_spaces *s);

#endif
