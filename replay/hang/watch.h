/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * watch.h - the kernel's watchdogs, in virtual time, while the machine runs.
 *
 * Flow: machine -> [watch] -> reports that stay, whether the run ends well or not.
 *
 * A watch looks at the machine every BU_WATCH_SAMPLE_NS and reports each condition once, when it has lasted for the
 * threshold of its watchdog (verdict.h):
 *   csd lock      a CPU waits for another one to run its function, and no longer gets on
 *   hard lockup   an online CPU has interrupts off
 *   soft lockup   the stopper of an online CPU cannot run (softlockup_fn(), kernel/watchdog.c v6.12), interrupts on
 *   RCU stall     a grace period waits for these CPUs, or for threads that were preempted there in a read-side section
 *   hung task     a thread is blocked uninterruptibly
 *   AP timeout    a CPU was started and has not reported alive
 * What ends sooner than a sample after its threshold may be missed, as it may in the kernel.
 *
 * Always true: a watch changes nothing in the machine but the number of events, and never keeps a run going: when nothing
 * else is to happen it stops.
 */
#ifndef BU_REPLAY_HANG_WATCH_H
#define BU_REPLAY_HANG_WATCH_H

#include <stdio.h>

#include "replay/hang/verdict.h"

#define BU_WATCH_SAMPLE_NS (250 * INT64_C(1000000))

struct bu_watch;

struct bu_watch_report {
	enum bu_watchdog dog;
	int64_t since_ns, at_ns;	/* when the first of them began; when its watchdog speaks */
	bu_thread thread;		/* the first: what runs there, who waits */
	const char *where;		/* its innermost function then, or "" */
	char cpus[128];			/* like "3-17,19", "..." at the end when there are more */
	uint32_t n;			/* CPUs or tasks */
};

/**
 * bu_watch_start() - Watch the next run of @m. Before bu_machine_run(), after a reset.
 * @ret: to be destroyed after the run and before @m is.
 */
int bu_watch_start(struct bu_machine *m, struct bu_watch **ret, struct bu_err *err);
void bu_watch_destroy(struct bu_watch *w);

/**
 * bu_watch_reports() - What was reported so far, in order of time. Borrowed until the watch is destroyed.
 */
size_t bu_watch_reports(const struct bu_watch *w, const struct bu_watch_report **ret);

/**
 * bu_watch_judge() - A run that ended well although a watchdog spoke is a lockup, unless all that was said is that CPUs did not
 * report alive: those the kernel gives up. Changes @v if so.
 */
void bu_watch_judge(const struct bu_watch *w, struct bu_hang_verdict *v);

/**
 * bu_watch_print() - A line per report.
 */
void bu_watch_print(const struct bu_watch *w, FILE *to);

#endif
