/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * synth.h - make a trace.dat of any size: a serial bring-up as 6.1 does it, then functions on every CPU.
 *
 * For tests and measurements that no recording serves: thousands of CPUs, losses at known places, several buffers.
 * Ring-buffer pages are built as include/linux/ring_buffer.h and kernel/trace/ring_buffer.c of 6.1 describe them:
 * 64-bit stamp, commit, then events with a 5-bit type and a 27-bit time difference.
 */
#ifndef BU_COLLECTOR_TESTS_SYNTH_H
#define BU_COLLECTOR_TESTS_SYNTH_H

#include <stdbool.h>
#include <stdint.h>

#include "schemas/base/err.h"

#define SYNTH_STEPS 20		/* prepare steps per CPU before bringup_cpu */
#define SYNTH_ONLINE_STEPS 6	/* steps on the CPU itself */

struct synth {
	uint32_t cpus;			/* at least 2 */
	uint64_t events;		/* about how many in all; the bring-up always comes whole */
	uint32_t bringups;		/* of these CPUs in turn, over and over; 0: each once */
	const char *clock;		/* as trace_clock has it; NULL: "[local]" */
	uint32_t lossy_cpu, lost;	/* before the second page of that CPU @lost events are missing; 0: none */
	bool lost_unknown;		/* the ring buffer says so without the number */
	const char *instance;		/* half of the functions go there; NULL: one buffer */
	bool no_stats;			/* leave out the statistics */
	uint32_t skew_cpu;		/* the clock of that CPU ... */
	int64_t skew;			/* ... is ahead by so much */
	uint64_t anchors_hz;		/* each CPU ends with 40 timer interrupts, their stamps ticks of that rate; 0: none */
	uint32_t anchors_gap_us;	/* between two of them */
	int64_t anchors_jump_us;	/* by which the clock that they carry is set halfway */
	int stats_excess;		/* statistics claim so many more events on CPU 0 */
};

struct synth_result {
	uint64_t events, functions, cpuhp;	/* written */
	uint64_t first_stamp, last_online;	/* of the first event; of the last CPU's last step */
};

int synth_write(const char *path, const struct synth *s, struct synth_result *ret, struct bu_err *err);

#endif
