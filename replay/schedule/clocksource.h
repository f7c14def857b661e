/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * clocksource.h - what a recording says of a clocksource switch: ticks, reads, when stoppers came; or a machine made up.
 *
 * Flow: capture.db, or figures -> [schedule] -> family_clocksource.c.  docs/methods.md says how each figure is measured.
 */
#ifndef BU_REPLAY_SCHEDULE_CLOCKSOURCE_H
#define BU_REPLAY_SCHEDULE_CLOCKSOURCE_H

#include "replay/core_clocksource.h"
#include "schemas/base/err.h"
#include "schemas/base/mem.h"
#include "schemas/store/db.h"

enum { BU_CS_STATES = 5 };	/* enum multi_stop_state, kernel/stop_machine.c */

struct bu_cs_schedule {
	const char *capture_name, *capture_sha256, *kernel_release;
	int32_t cpus;
	struct bu_cs_config config;
	int64_t line_ns;		/* made up: an exclusive transfer of a cache line that all CPUs contend for */
	int64_t *lag_ns[BU_CS_STATES];	/* recorded, by state and CPU; see struct bu_machine_config */
	struct bu_cs_tick *ticks;	/* recorded, by time */
	int64_t *read_ns;		/* recorded: how long each attempt of each call took, those of a call together */
	size_t n_ticks, n_read_ns;
	/* Of the recording, for comparison; 0 where the schedule is made up. */
	const char *clock_name;
	int64_t stop_ns, notified_ns;	/* stop_machine() called to its function run; to tick_clock_notify() */
	uint64_t reads[4];		/* calls that read the clock: with 0, 1, 2, 3 or more retries */
	uint64_t recorded_ticks;	/* timer interrupts after the switch */
	int32_t do_timer_cpus;		/* CPUs that had timekeeping duty */
	uint64_t tick_stops;		/* timer:tick_stop with success */
	struct bu_arena arena;
};

/**
 * bu_cs_schedule_load() - From a capture with ticks, reads and the rendezvous traced (datasets/lab, --trace clock).
 * Return: 0; -ENODATA with what is missing; errors of the database.
 */
int bu_cs_schedule_load(struct bu_db *db, struct bu_cs_schedule *ret, struct bu_err *err);

/**
 * bu_cs_schedule_draw() - Another boot of the same: in a recording's schedule each CPU gets the lags of a CPU drawn, each call that reads
 * the clock the durations of a call drawn. A machine made up has nothing to draw here; its ticks' phases are the run's.
 * @ret: written on success; names are borrowed from @s.
 * Return: 0; -ENOMEM.
 */
int bu_cs_schedule_draw(const struct bu_cs_schedule *s, uint64_t seed, struct bu_cs_schedule *ret);

void bu_cs_schedule_fini(struct bu_cs_schedule *s);

/**
 * bu_cs_offered() - What the ticks ask of the clock, as a share of what it can answer: CPUs x reads x HZ x service time.
 * bu_cs_saturation_cpus() - The number of CPUs from which that is one or more, with @more_permille reads per tick added; 0: never,
 * each CPU has its own clock. A CPU that does nothing but read is in the middle of one read whenever the timekeeper is
 * updated, once per tick, and repeats it: 1000.
 * bu_cs_devices() - How many devices the CPUs share; 1 where they share none.
 */
double bu_cs_offered(const struct bu_cs_schedule *s);
int32_t bu_cs_saturation_cpus(const struct bu_cs_schedule *s, int64_t more_permille);
int32_t bu_cs_devices(const struct bu_cs_schedule *s);

#endif
