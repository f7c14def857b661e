/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * import.h - a trace.dat, ftrace text or a console log into a capture database, whole or not at all.
 *
 *   dat_head -> clock -> dat_source -> merge -> decode -> capture_db      every event, in total order
 *   text_file -> text_parse, console_parse -> text_import -> capture_db   the same, where the source is text
 *   machine_dir -> import_machine                                         what is known of the machine
 *   streams, statistics -> import_account                                 what was lost, and where
 *   hotplug_ops -> derive_bringup.sql                                     steps, operations, milestones
 *
 * Memory does not grow with the number of events: a page per CPU and the dictionaries; packed text is unpacked whole.
 */
#ifndef BU_COLLECTOR_IMPORT_H
#define BU_COLLECTOR_IMPORT_H

#include <stdbool.h>
#include <stdint.h>

#include "schemas/base/err.h"

struct bu_import_params {
	const char *file;	/* what it is shows in its content */
	const char *machine;	/* folder of machine files, or NULL */
	const char *output;	/* the database to be */
	bool force;		/* replace an existing one */
	bool fix_clocks;	/* correct clocks that are off, where causality says by how much at least */
};

struct bu_import_result {
	int64_t events, lost, lost_unknown, cpus, notes;
	bool complete;
	int64_t ingest_cpu_ns, finish_cpu_ns;	/* CPU time until the last event was written; for all the rest */
	char clock[64], release[128];	/* "" where not known */
};

/**
 * bu_import() - Import in a process of its own, so that a file which breaks the trace libraries breaks nothing
 * else. On failure nothing is left under the final name, nor under NAME.partial.
 * Return: 0, also where the data turned out incomplete (see @ret); negative errno otherwise.
 */
int bu_import(const struct bu_import_params *params, struct bu_import_result *ret, struct bu_err *err);

#endif
