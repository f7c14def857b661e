/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * rendezvous.h - each stop_machine of a capture that came to its end: how long it took until all CPUs were in, and who
 * came last. One that had not ended is hang_report.h's.
 *
 * Flow: ev_func of a capture -> [rendezvous] -> report, report_json. All CPUs of a rendezvous spin in multi_cpu_stop() until
 * the last has entered (kernel/stop_machine.c, 6.1 and 6.12), so one that comes late holds up the whole machine. Needs
 * multi_cpu_stop traced; stop_two_cpus() uses it too, and is a rendezvous of two.
 */
#ifndef BU_ANALYZE_RENDEZVOUS_H
#define BU_ANALYZE_RENDEZVOUS_H

#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#include "schemas/base/err.h"

struct bu_rendezvous {		/* times relative to the bring-up; BU_NS_UNKNOWN: not known */
	int starter_cpu;		/* -1: not traced, or there are several that it may be */
	const char *starter_comm;
	const char *callback;		/* the first function that it ran, or NULL */
	size_t cpus;			/* that entered */
	int64_t start_ns;		/* the call; first arrival where that is not known */
	int64_t last_ns;		/* all were in */
	int last_cpu;
	int64_t late_ns;		/* so much later than the last but one */
	int64_t error_ns;		/* by which that may be wrong, as far as the clocks are known to agree */
	int64_t over_ns;		/* it was over by then: who had started it did something else; at most */
};

struct bu_boot;
struct bu_boot_builder;

/**
 * bu_rendezvous_read() - Fill boot.rendezvous, the longest first.
 */
int bu_rendezvous_read(struct bu_boot_builder *b, struct bu_err *err);

/**
 * bu_rendezvous_head() - One line on the longest, for the head of a report; nothing where there is none.
 * bu_rendezvous_text() - The table, up to @top rows.
 */
void bu_rendezvous_head(FILE *to, const struct bu_boot *b);
void bu_rendezvous_text(FILE *to, const struct bu_boot *b, size_t top);

#endif
