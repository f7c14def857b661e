/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * event.h - one event of a trace as a plain value: what flows from the decoder to the capture database.
 *
 * Names are not in it but their numbers in dictionaries (dict.h), given out by whoever decodes. 0 is no entry.
 * The tables that the kinds belong to, and what each field means, are in schemas/capture.sql.
 */
#ifndef BU_SCHEMAS_MODEL_EVENT_H
#define BU_SCHEMAS_MODEL_EVENT_H

#include <stdint.h>

enum bu_ev_table {
	BU_EV_CPUHP,
	BU_EV_FUNC,
	BU_EV_FAULT,
	BU_EV_IRQ_VECTOR,
	BU_EV_SCHED_SWITCH,
	BU_EV_TIMER,
	BU_EV_OTHER,
	BU_EV_TABLES
};

enum bu_cpuhp_kind { BU_CPUHP_ENTER, BU_CPUHP_MULTI, BU_CPUHP_EXIT };

#define BU_FIELD_UNKNOWN INT64_MIN	/* an optional number that the event does not have */

struct bu_event {
	enum bu_ev_table table;
	uint32_t kind;		/* event_kind.id */
	int64_t id;		/* place in total order, from 1 */
	int64_t ts_ns;		/* since the first event, or ticks where the clock's rate is not known */
	uint64_t ts_raw;	/* as the ring buffer had it */
	int32_t cpu;
	uint32_t buf;		/* buffer.id */
	uint32_t task;		/* task.id */
	uint32_t ctx;		/* common_flags, preempt count << 8 */
	union {
		struct {
			enum bu_cpuhp_kind kind;
			int64_t target_cpu, step, target, state, ret;
			uint32_t func;
		} cpuhp;
		struct {
			uint32_t func, caller;
		} func;
		struct {
			int is_user;
			int64_t address, ip, error_code;	/* ip: BU_FIELD_UNKNOWN where only ip_symbol is known */
			uint32_t ip_symbol;
		} fault;
		struct {
			int64_t vector;
		} irq;
		struct {
			uint32_t prev, next;	/* task.id */
			int64_t prev_prio, prev_state, next_prio;
		} sched;
		struct {
			int64_t timer, expires, now;
			uint32_t func;
		} timer;
		struct {
			const char *fields;	/* JSON object; valid until the next event is decoded */
		} other;
	};
};

#endif
