/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * clock_doctor.h - how far the clocks of the CPUs may be apart, by what cannot have happened in another order.
 *
 * Flow: events of a new capture database -> [clock_doctor] -> table clock_bound, notes; on request corrected stamps.
 * Every pair "A on one CPU happened before B on another" bounds the difference of the two clocks from one side:
 * offset(B's CPU) - offset(A's CPU) <= stamp(B) - stamp(A). All of them together are a system of difference
 * constraints; shortest paths give the tightest interval that follows for each CPU (CLRS, 24.4). Uses the order of events
 * within a CPU, which the ring buffer keeps whatever the clock does, and never the order of stamps across CPUs, except
 * among CPUs that control the hotplug of one and the same CPU in turn.
 */
#ifndef BU_COLLECTOR_CLOCK_DOCTOR_H
#define BU_COLLECTOR_CLOCK_DOCTOR_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "collector/clock_marks.h"
#include "schemas/base/err.h"
#include "schemas/store/db.h"

struct bu_clock_doctor_params {
	const char *clock;	/* name of the trace clock, or NULL */
	bool ticks;		/* stamps are not nanoseconds */
	bool fix;		/* correct the stamps; only before anything is derived from the events */
	bool steps_back;	/* stamps of one CPU went back somewhere: find out where */
	int64_t *first_ids;	/* fix: ids that are renumbered with the events; BU_NS_UNKNOWN is left alone */
	size_t n_first_ids;
};

struct bu_clock_doctor_result {
	int64_t bounded, unsynchronised, contradictory;	/* CPUs */
	int64_t corrected;				/* CPUs whose stamps were shifted */
	int64_t rebase_ns;	/* subtracted from every stamp, so that the first event is at 0 again */
};

/**
 * bu_clock_doctor() - Fill clock_bound, leave notes (topic 'clock'), and with @params->fix subtract from each
 * unsynchronised CPU's stamps the smallest offset that satisfies all, where there is one, and number all events anew.
 * @db: a capture database being made, with events, dictionaries and losses in it.
 * @marks: of its hotplug events and calls (hotplug.h). They do not know of a correction.
 */
int bu_clock_doctor(struct bu_db *db, struct bu_clock_marks *marks, const struct bu_clock_doctor_params *params,
		    struct bu_clock_doctor_result *ret, struct bu_err *err);

#endif
