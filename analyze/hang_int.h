/* SPDX-License-Identifier: GPL-2.0-only */
/* hang_int.h - between hang_query.c, which finds the facts, and hang_report.c, which words them. */
#ifndef BU_ANALYZE_HANG_INT_H
#define BU_ANALYZE_HANG_INT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "analyze/hang_report.h"
#include "schemas/base/mem.h"
#include "schemas/base/ns.h"

#define BU_HANG_FRAMES 8	/* of a call trace that are kept */

/* Times are those of the capture less the begin of its bring-up, as everywhere in a report. */
struct bu_hang_step {		/* a hotplug callback that began and has no end */
	int cpu, target_cpu, nr;
	const char *name;
	int64_t start_ns;
	bool waits;		/* it waits for what target_cpu does */
};

struct bu_hang_cpu {
	int cpu;
	bool online;		/* when the rendezvous began, or at the end */
	int64_t arrived_ns;	/* in the rendezvous; BU_NS_UNKNOWN: it has not, or nothing is known of it */
	int64_t last_ns;	/* its last event; BU_NS_UNKNOWN: it has none */
	const char *last_what;
	int trace;		/* index of its call trace; -1: the console has none */
};

struct bu_hang_trace {
	int cpu;		/* -1: the log does not say */
	int64_t line;
	const char *rip;	/* where it was; NULL: not printed */
	const char *frame[BU_HANG_FRAMES];
	size_t n_frames;
	bool in_rendezvous;	/* waiting in multi_cpu_stop() */
};

struct bu_hang_log {
	int64_t line, printk_ns;
	const char *kind, *text;
	int cpu;		/* -1: not said */
};

struct bu_hang {
	struct bu_arena arena;
	bool ticks, is_console, has_dump, bringup_done;
	int64_t events, end_ns;		/* of the last event */
	int64_t log_end_ns;		/* of the last message of interest, printk's clock */
	int64_t cpus_said;		/* CPUs online by the log; BU_NS_UNKNOWN */
	int64_t cpus_possible;
	struct bu_hang_step *step; size_t n_step, cap_step;
	struct bu_hang_cpu *cpu; size_t n_cpu, cap_cpu;		/* ascending */
	struct bu_hang_trace *trace; size_t n_trace, cap_trace;
	struct bu_hang_log *log; size_t n_log, cap_log;
	/* the rendezvous that had not ended */
	bool rendezvous, arrivals_traced, callback_seen;
	int starter_cpu;		/* -1: not traced */
	const char *starter_comm, *starter_func, *callback;
	int64_t starter_pid, start_ns, last_arrival_ns;
	size_t n_online, n_arrived, n_missing;
	/* in words, made by hang_report.c */
	const char **says; size_t n_says, cap_says;
	const char **would; size_t n_would, cap_would;
};

/**
 * bu_hang_conclude() - Fill says and would. Return: 0 or -ENOMEM.
 */
int bu_hang_conclude(struct bu_hang *h);

#endif
