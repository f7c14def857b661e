/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * clock_anchors.h - the rate of a clock that counts ticks, from events that carry nanoseconds beside their stamp.
 *
 * The last resort, after trace.dat and dmesg (clock.h): a reading of the whole trace before the import proper. What
 * serves is timer:hrtimer_expire_entry of the tick: its field `now` is CLOCK_MONOTONIC, read as the timer interrupt
 * began (hrtimer_interrupt() and __hrtimer_run_queues() in kernel/time/hrtimer.c, tick_setup_sched_timer() in
 * kernel/time/tick-sched.c, 6.1 and 6.12). Other timers may run on CLOCK_REALTIME, whose numbers look alike, so they
 * are left alone; hrtimer_start carries no instant of its own.
 */
#ifndef BU_COLLECTOR_CLOCK_ANCHORS_H
#define BU_COLLECTOR_CLOCK_ANCHORS_H

#include <stddef.h>
#include <stdint.h>

#include "collector/dat_head.h"
#include "schemas/base/err.h"

struct bu_anchor {
	uint64_t ticks;		/* stamp of the event */
	int64_t now_ns;		/* read before it, on the same CPU */
};

enum bu_anchors_verdict {
	BU_ANCHORS_PROVE,	/* the rate, within bound_ppb */
	BU_ANCHORS_NONE,	/* fewer than two */
	BU_ANCHORS_NEAR,	/* too near one another for their latency */
	BU_ANCHORS_CONTRADICT	/* no one rate goes with all of them */
};

struct bu_anchors_result {
	enum bu_anchors_verdict verdict;
	int64_t hz;		/* where they prove it */
	int64_t used;		/* anchors looked at */
	int64_t latency_ns;	/* how much later than its own `now` an event may have its stamp */
	int64_t distance_ns;	/* between the two that the rate is drawn through */
	int64_t bound_ppb;	/* latency / distance: the rate is off by no more, in parts per thousand million */
};

/**
 * bu_anchors_solve() - The rate that goes with @anchors.
 * @anchors: in any order; sorted by the call.
 */
void bu_anchors_solve(struct bu_anchor *anchors, size_t n, struct bu_anchors_result *ret);

/**
 * bu_anchors_read() - Look for anchors in the trace.dat at @path, which @head was read from, and solve them.
 * Return: 0, also where they prove nothing; errors as bu_dat_formats_open() and bu_stream_read().
 */
int bu_anchors_read(const char *path, const struct bu_dat_head *head, struct bu_anchors_result *ret,
		    struct bu_err *err);

#endif
