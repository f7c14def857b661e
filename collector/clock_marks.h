/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * clock_marks.h - the events from which the order of a bring-up or takedown is told.
 *
 * Flow: hotplug events, as they go by -> [clock_marks], kept; the calls of functions join them from the database
 * -> clock_doctor_evidence.c.
 */
#ifndef BU_COLLECTOR_CLOCK_MARKS_H
#define BU_COLLECTOR_CLOCK_MARKS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "schemas/base/err.h"
#include "schemas/base/mem.h"
#include "schemas/model/event.h"
#include "schemas/store/db.h"

enum bu_clock_mark {
	/* on the control CPU */
	M_BEFORE_INIT, M_CLEANUP, M_TSC_SOURCE, M_KICK_THREAD,
	/* on the CPU */
	M_UCODE, M_ALIVE, M_TSC_TARGET, M_IDLE,
	M_TSC_WARP,	/* on both */
	/* steps */
	M_KICK_BEGIN, M_UP_BEGIN, M_KICK_END, M_UP_END,	/* bringup_cpu is both kick and up */
	M_WORK_BEGIN, M_WORK_END,	/* cpuhp_kick_ap_work: a running CPU goes down its own steps */
	M_OWN_BEGIN, M_OWN_END,
	M_DOWN,		/* takedown_cpu */
	M_KINDS
};

struct bu_clock_event {
	int64_t id, ns;
	int64_t nr, target;	/* of steps */
	int32_t cpu, cpu_for;	/* cpu_for: of steps, the CPU that is brought up or down; -1 */
	uint32_t place;		/* among the events of its CPU */
	uint8_t mark;		/* enum bu_clock_mark */
	bool multi;
};

struct bu_clock_events {
	struct bu_clock_event *e;	/* in order of id */
	size_t n;
	uint32_t *of_cpu;		/* their indexes by the CPU that they are on, in order */
	size_t *first;			/* by CPU: where its own begin in of_cpu, and, one further, end */
	int32_t n_cpu;
	struct bu_clock_graph *g;	/* the caller's, borrowed: to where pairs of them go */
};

enum { BU_CLOCK_MAX_CPU = 65536 };	/* pairs of CPUs from there on are left out */

/**
 * bu_clock_step_kind() - What the steps of callback @name mark where they run on another CPU than the one that they are for.
 * @name: without the compiler's suffixes; NULL: not known.
 */
uint8_t bu_clock_step_kind(const char *name);

/**
 * bu_clock_mark() - Keep hotplug event @ev, which comes after all before it, in @marks if it marks something.
 * @kind: bu_clock_step_kind() of its callback. Return: 0 or -ENOMEM.
 */
int bu_clock_mark(struct bu_blocks *marks, const struct bu_event *ev, uint8_t kind);

/**
 * bu_clock_events_read() - Fill @v, which has none, from the hotplug events @marks and the calls of functions in @db. It is
 * given to bu_clock_events_fini() whatever is returned.
 */
int bu_clock_events_read(struct bu_db *db, const struct bu_blocks *marks, struct bu_clock_events *v, struct bu_err *err);
void bu_clock_events_fini(struct bu_clock_events *v);

#endif
