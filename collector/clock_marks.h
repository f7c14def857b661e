/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * clock_marks.h - the events from which the order of a bring-up or takedown is told.
 *
 * Flow: hotplug events and calls of functions, as they go by -> [clock_marks], those that mark something are kept
 * -> clock_doctor_evidence.c.
 */
#ifndef BU_COLLECTOR_CLOCK_MARKS_H
#define BU_COLLECTOR_CLOCK_MARKS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "schemas/base/mem.h"
#include "schemas/model/dict.h"
#include "schemas/model/event.h"

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
	int64_t ns;
	int32_t nr, target;	/* of steps */
	int32_t cpu, cpu_for;	/* cpu_for: of steps, the CPU that is brought up or down; -1 */
	uint32_t place;		/* among the events of its CPU */
	uint8_t mark;		/* enum bu_clock_mark */
	bool multi;
};

struct bu_clock_marks {
	struct bu_blocks e;	/* struct bu_clock_event, in order of id */
	uint8_t *of_call;	/* by number of symbol: what a call of that function marks; M_KINDS: nothing */
	size_t n_symbols, cap_symbols;
};

static inline struct bu_clock_event *bu_clock_event_at(const struct bu_clock_marks *m, size_t i)
{
	return bu_blocks_at(&m->e, i, sizeof(struct bu_clock_event));
}

struct bu_clock_events {
	const struct bu_clock_marks *marks;
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
 * bu_clock_mark_step(), bu_clock_mark_call() - Keep event @ev, of table BU_EV_CPUHP or BU_EV_FUNC, which comes after all before
 * it, if it marks something.
 * @kind: bu_clock_step_kind() of its callback. @symbols: has its function.
 * Return: 0 or -ENOMEM.
 */
int bu_clock_mark_step(struct bu_clock_marks *m, const struct bu_event *ev, uint8_t kind);
int bu_clock_mark_call(struct bu_clock_marks *m, const struct bu_event *ev, const struct bu_dict *symbols);
void bu_clock_marks_fini(struct bu_clock_marks *m);

/**
 * bu_clock_call_names() - The functions whose calls mark something: ",native_cpu_up,common_cpu_up,...,". NULL when memory is
 * out. Freed by the caller.
 */
char *bu_clock_call_names(void);

/**
 * bu_clock_events_index() - Find out in @v, which has none, which of @marks, which are all in, are on each CPU. It is given to
 * bu_clock_events_fini() whatever is returned. Return: 0 or -ENOMEM.
 */
int bu_clock_events_index(struct bu_clock_marks *marks, struct bu_clock_events *v);
void bu_clock_events_fini(struct bu_clock_events *v);

#endif
