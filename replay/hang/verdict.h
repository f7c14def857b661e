/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * verdict.h - why a machine stands still, in the words of a bug report.
 *
 * Flow: machine (who waits for what, who could end it) -> [hang] -> verdict and witness.
 *
 * A run that cannot go on is one of
 *   deadlock      a cycle: each waits for something that only the next in it can release
 *   lost wakeup   no cycle: somebody waits whom nobody that is left can wake
 *   livelock      something happens all the time and nobody gets anywhere: no progress (bu_progress()) in as many events
 *                 as the machine was told to wait for, while everybody got a turn; or the event limit was reached
 *                 while threads spun, and none that works was among them; or an access faults for ever, whose handler
 *                 helps nothing
 *   lockup        the run went on, to its end or to the event limit, but a watchdog of the kernel spoke meanwhile, see watch.h
 *   crash         the kernel died: bu_crash()
 *   assertion     what the core's author claims to hold did not: BU_ASSERT_CORE()
 *   misuse        a rule of the kernel was broken (sleeping while atomic, unlocking what is not held, ...)
 *   failed        the core gave up by itself, or broke a rule of the engine
 *   limit         the event limit was reached by threads that do work: give it more, or it never ends
 * The witness goes through the CPUs as a bug report does: what runs there and in what context, then each thread that does
 * not get on with its call path, held locks, the awaited object and since when; those that are in the same place as one
 * that was shown are named together. Then the cycle; then which of the kernel's watchdogs would have spoken first.
 */
#ifndef BU_REPLAY_HANG_VERDICT_H
#define BU_REPLAY_HANG_VERDICT_H

#include <stddef.h>
#include <stdint.h>

#include "replay/machine/machine.h"
#include "schemas/base/err.h"

enum bu_hang_class {
	BU_HANG_NONE, BU_HANG_DEADLOCK, BU_HANG_LOST_WAKEUP, BU_HANG_LIVELOCK, BU_HANG_MISUSE, BU_HANG_FAILED, BU_HANG_LIMIT,
	BU_HANG_LOCKUP, BU_HANG_CRASH, BU_HANG_ASSERTION, BU_HANG_NR_CLASSES
};

extern const char *const bu_hang_class_names[BU_HANG_NR_CLASSES];

/* Watchdogs of the kernel with their default thresholds; sources in verdict.c. */
enum bu_watchdog {
	BU_WATCHDOG_NONE, BU_WATCHDOG_CSD_LOCK, BU_WATCHDOG_HARD_LOCKUP, BU_WATCHDOG_SOFT_LOCKUP, BU_WATCHDOG_RCU_STALL,
	BU_WATCHDOG_HUNG_TASK, BU_WATCHDOG_AP_TIMEOUT, BU_WATCHDOG_NR
};

extern const struct bu_watchdog_def {
	const char *name;
	int64_t threshold_ns;
} bu_watchdogs[BU_WATCHDOG_NR];

#define BU_HANG_CYCLE 64	/* threads of a cycle that are named at most */

struct bu_hang_verdict {
	enum bu_hang_class class;
	bu_thread cycle[BU_HANG_CYCLE];	/* deadlock: in order, each waits for the next, the last for the first */
	uint32_t n_cycle;
	bu_thread waiter;	/* lost wakeup: who; livelock: one that spins, or faults */
	enum bu_watchdog watchdog;	/* that would speak first if nothing ever changed */
	int64_t watchdog_at_ns;
	char summary[512];
};

/**
 * bu_hang_diagnose() - What became of the run of @m that ended with @result.
 * To be called after bu_machine_run() and before the machine is reset.
 */
void bu_hang_diagnose(struct bu_machine *m, const struct bu_machine_result *result, struct bu_hang_verdict *ret);

/**
 * bu_hang_witness() - The whole report as text, owned by the caller. NULL when memory is out.
 */
char *bu_hang_witness(struct bu_machine *m, const struct bu_machine_result *result, const struct bu_hang_verdict *v);

#endif
