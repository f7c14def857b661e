/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * clock.h - which clock stamped the events, and what its numbers mean.
 *
 * Some trace clocks count nanoseconds, others ticks of an unknown length (struct trace_clocks[], in_ns == 0, in
 * kernel/trace/trace.c of 6.1 and 6.12). The rate of the TSC is taken from the trace.dat, else from dmesg, else from
 * events that prove it (clock_anchors.h), and where none says, stamps stay ticks.
 */
#ifndef BU_COLLECTOR_CLOCK_H
#define BU_COLLECTOR_CLOCK_H

#include <stdbool.h>
#include <stdint.h>

#include "collector/dat_head.h"
#include "collector/machine_dir.h"

struct bu_clock {
	const char *name;	/* borrowed; NULL: not known */
	bool in_ns;		/* what comes out of bu_clock_ns() is nanoseconds, otherwise ticks */
	bool raw;		/* the stamps are ticks, worth keeping beside the nanoseconds */
	int64_t hz;		/* rate of the ticks; BU_NS_UNKNOWN: not known, or the stamps are nanoseconds */
	const char *hz_source;	/* static; NULL where hz is unknown */
	const char *warning;	/* static; what the reader should know, or NULL */
};

/**
 * bu_clock_choose() - Look at what the file and the machine say.
 */
void bu_clock_choose(const struct bu_dat_head *head, const struct bu_machine *machine, struct bu_clock *ret);

/**
 * bu_clock_lacks_rate() - Whether events may tell what the file and the machine do not.
 */
bool bu_clock_lacks_rate(const struct bu_clock *clock);

/**
 * bu_clock_set_rate() - The rate has turned out to be @hz. @source is static.
 */
void bu_clock_set_rate(struct bu_clock *clock, int64_t hz, const char *source);

/**
 * bu_clock_ns() - @stamp relative to @origin in the clock's unit; negative when it is before.
 */
int64_t bu_clock_ns(const struct bu_clock *clock, uint64_t stamp, uint64_t origin);

#endif
