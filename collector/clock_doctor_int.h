/* SPDX-License-Identifier: GPL-2.0-only */
/* clock_doctor_int.h - between clock_doctor.c (what to say and do) and its chapters: pairs, bounds, correction. */
#ifndef BU_COLLECTOR_CLOCK_DOCTOR_INT_H
#define BU_COLLECTOR_CLOCK_DOCTOR_INT_H

#include "collector/clock_doctor.h"

struct bu_clock_edge {		/* offset(to) - offset(from) <= ns */
	int32_t from, to;
	int64_t ns;
};

struct bu_clock_cpu {
	int64_t lo_ns, hi_ns;	/* BU_NS_UNKNOWN: no bound on that side */
	int64_t fix_ns;		/* to be subtracted */
	int64_t lower, upper;	/* pairs of events that bound it directly */
	bool seen, contradictory;
};

struct bu_clock_graph {
	struct bu_clock_edge *edge;
	size_t n_edge, cap_edge;
	struct bu_clock_cpu *cpu;	/* by number */
	size_t n_cpu;
	int32_t ref;			/* the CPU that controlled most bring-ups */
};

/**
 * bu_clock_evidence() - Collect the pairs that the bring-ups among @marks and the requests in @db show.
 * bu_clock_rendezvous() - Those that its rendezvous of all CPUs show.
 */
int bu_clock_evidence(struct bu_db *db, struct bu_clock_marks *marks, struct bu_clock_graph *g, struct bu_err *err);
int bu_clock_rendezvous(struct bu_db *db, struct bu_clock_graph *g, struct bu_err *err);

/**
 * bu_clock_before() - Note that @a_ns on CPU @a was before @b_ns on CPU @b. Return: 0 or -ENOMEM.
 */
int bu_clock_before(struct bu_clock_graph *g, int64_t a, int64_t a_ns, int64_t b, int64_t b_ns);

/**
 * bu_clock_bounds() - From the pairs to intervals and corrections. Edges are merged: one per direction of two CPUs.
 * Return: 0 or -ENOMEM.
 */
int bu_clock_bounds(struct bu_clock_graph *g);
void bu_clock_graph_fini(struct bu_clock_graph *g);

/**
 * bu_clock_correct() - Shift the stamps by fix_ns and number the events anew, in order of time, CPU, buffer.
 */
int bu_clock_correct(struct bu_db *db, const struct bu_clock_graph *g, const struct bu_clock_doctor_params *p,
		     int64_t *ret_rebase_ns, struct bu_err *err);

#endif
