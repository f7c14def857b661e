/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * family_pgd.h - one replay of what kernel page tables had to follow, and what it cost.
 *
 * Flow: schedule + core -> [family_pgd over the machine] -> struct bu_run, struct bu_pgd_outcome.
 */
#ifndef BU_REPLAY_FAMILY_PGD_H
#define BU_REPLAY_FAMILY_PGD_H

#include <stdint.h>

#include "replay/core.h"
#include "replay/core_pgd.h"
#include "replay/schedule/pgd.h"
#include "replay/session.h"

enum bu_pgd_cost { BU_PGD_COST_FAULT, BU_PGD_COST_CHECK, BU_PGD_COST_WALK, BU_PGD_COST_ALLOC, BU_PGD_NR_COSTS };

struct bu_pgd_quantiles { int64_t p50_ns, p99_ns, max_ns; };	/* BU_NS_UNKNOWN: there was none */

struct bu_pgd_outcome {
	int64_t forks, exits, switches, mm_switches;	/* played; mm_switches: to tasks with an address space */
	int64_t allocs;			/* handed out, or mapped anew; those that were not: see the schedule */
	int64_t other_faults;		/* recorded ones of other causes, played */
	uint64_t faults;		/* for want of an entry */
	uint32_t deepest;		/* nesting of page faults */
	int64_t counts[BU_PGD_NR_COUNTS];	/* the core's own */
	int64_t lock_wait_ns, lock_hold_max_ns;	/* of pgd_lock */
	/* An access that faults, a check in a switch, pgd_lock held for an entry's walk, memory from asking to being handed out. */
	struct bu_pgd_quantiles costs[BU_PGD_NR_COSTS];
	int64_t end_ns;
};

/**
 * bu_replay_pgd() - Run @core over @schedule in virtual time.
 * @schedule: borrowed; must outlive the result. options->sampled: times between the events of a CPU are drawn from those that
 * it has, not as recorded.
 * @ret: written on success, freed with bu_replay_result_fini(). A run that hangs or crashes is a success with a verdict.
 * Return: 0; -ENOMEM, -EAGAIN.
 */
int bu_replay_pgd(const struct bu_core_def *core, const struct bu_pgd_schedule *schedule,
		  const struct bu_replay_options *options, struct bu_replay_result *ret, struct bu_pgd_outcome *ret_outcome,
		  struct bu_err *err);

#endif
