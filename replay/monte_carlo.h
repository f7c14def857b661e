/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * monte_carlo.h - many boots that might have been: durations drawn anew for each run, the distribution of what comes out.
 *
 * Flow: schedule -> drawn schedules -> session, in worker processes -> quantiles and verdicts. The result depends on
 * schedule, core and seed only, not on the number of workers.
 */
#ifndef BU_REPLAY_MONTE_CARLO_H
#define BU_REPLAY_MONTE_CARLO_H

#include <stddef.h>
#include <stdint.h>

#include "replay/core.h"
#include "replay/schedule/hotplug.h"
#include "replay/session.h"
#include "schemas/base/err.h"

/* As run.verdict in schemas/run.sql. */
enum bu_mc_verdict {
	BU_MC_OK, BU_MC_FAILED, BU_MC_DEADLOCK, BU_MC_LOST_WAKEUP, BU_MC_LIVELOCK, BU_MC_LOCKUP, BU_MC_SATURATION, BU_MC_MISUSE, BU_MC_CRASH,
	BU_MC_ASSERTION, BU_MC_LIMIT, BU_MC_ERROR, BU_MC_NR_VERDICTS
};

extern const char *const bu_mc_verdict_names[BU_MC_NR_VERDICTS];

struct bu_mc_options {
	int32_t cpus;		/* CPUs of each run */
	uint64_t seed;
	int64_t runs;
	int jobs;		/* worker processes */
	int guard_ms;
	const int64_t *params;
	const struct bu_hp_machine *machine;	/* NULL: the default */
	void (*progress)(void *ctx, int64_t done);	/* may be NULL */
	void *ctx;
};

struct bu_mc_result {
	int64_t *bringup_ns;	/* of the runs that finished, in rising order */
	size_t n;
	int64_t verdicts[BU_MC_NR_VERDICTS];
	int64_t first[BU_MC_NR_VERDICTS];	/* number of the first run with it; where there is one */
	uint64_t hash;		/* over the hashes of all runs in their order */
};

/* One run, as of bu_replay_hotplug(), in a worker process. Of the result only verdict, time and hash are read. */
typedef int (*bu_mc_run_fn)(void *ctx, uint64_t seed, struct bu_replay_result *ret);

/**
 * bu_mc_runs() - Call @run options->runs times, each with the seed of its number. @core: its name, for messages.
 * Return: 0; negative errno; -ECHILD when a worker died.
 */
int bu_mc_runs(const char *core, bu_mc_run_fn run, void *ctx, const struct bu_mc_options *options, struct bu_mc_result *ret,
	       struct bu_err *err);

/**
 * bu_monte_carlo() - Run @core options->runs times over draws of @schedule.
 * Return: 0; negative errno; -ECHILD when a worker died.
 */
int bu_monte_carlo(const struct bu_core_def *core, const struct bu_hp_schedule *schedule,
		   const struct bu_mc_options *options, struct bu_mc_result *ret, struct bu_err *err);

/**
 * bu_mc_seed() - The seed of run number @run (from 0) of those that @seed makes: what its durations are drawn with and what its
 * machine is given, so that one of many runs can be looked at by itself.
 */
uint64_t bu_mc_seed(uint64_t seed, int64_t run);
void bu_mc_result_fini(struct bu_mc_result *r);

struct bu_mc_quantile {
	int64_t ns;		/* nearest rank */
	int64_t lo_ns, hi_ns;	/* order statistics that hold it with at least 95 % confidence; ends where there are too few */
};

/**
 * bu_mc_quantile() - The quantile @p (0 to 1) with its distribution-free confidence interval (binomial, normal
 * approximation with continuity correction).
 */
struct bu_mc_quantile bu_mc_quantile(const struct bu_mc_result *r, double p);

/**
 * bu_mc_probability() - Share of @count in @n with Wilson's 95 % interval (E. B. Wilson, 1927).
 */
void bu_mc_probability(int64_t count, int64_t n, double *ret_p, double *ret_lo, double *ret_hi);

#endif
