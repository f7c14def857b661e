// SPDX-License-Identifier: GPL-2.0-only
/*
 * verdict.c - see verdict.h.
 *
 * The wait-for graph has threads as nodes. A thread that waits has an edge to each thread that its primitive names as
 * able to release it, and for each CPU that it names to whatever that CPU is running: an interrupt that is not taken
 * waits for the thread that keeps interrupts off. When a machine stands still for ever all waiting threads stay where
 * they are, so any cycle of such edges is a deadlock whatever the primitive; where there is none, some thread waits for
 * an event that nobody left can cause. The search is depth first with three colours, linear in edges.
 *
 * Thresholds: csd_lock_timeout 5000 ms (kernel/smp.c, 6.12); watchdog_thresh 10 s for hard lockups, twice that for soft
 * ones (kernel/watchdog.c); RCU_CPU_STALL_TIMEOUT 21 s (kernel/rcu/Kconfig.debug); hung task 120 s
 * (CONFIG_DEFAULT_HUNG_TASK_TIMEOUT, lib/Kconfig.debug); 10 s for a CPU that was kicked to report
 * (cpuhp_wait_for_sync_state(), kernel/cpu.c).
 */
#include "replay/hang/verdict.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "replay/machine/waits.h"
#include "schemas/base/mem.h"
#include "schemas/base/ns.h"

const char *const bu_hang_class_names[BU_HANG_NR_CLASSES] = {
	[BU_HANG_NONE] = "ok",		 [BU_HANG_DEADLOCK] = "deadlock", [BU_HANG_LOST_WAKEUP] = "lost wakeup",
	[BU_HANG_LIVELOCK] = "livelock", [BU_HANG_MISUSE] = "misuse",	  [BU_HANG_FAILED] = "failed",
	[BU_HANG_LIMIT] = "limit",	 [BU_HANG_LOCKUP] = "lockup",	  [BU_HANG_CRASH] = "crash",
	[BU_HANG_ASSERTION] = "violated assertion",
};

const struct bu_watchdog_def bu_watchdogs[BU_WATCHDOG_NR] = {
	[BU_WATCHDOG_NONE] = { "no watchdog", 0 },
	[BU_WATCHDOG_CSD_LOCK] = { "csd lock", 5 * BU_NS_PER_S },
	[BU_WATCHDOG_HARD_LOCKUP] = { "hard lockup", 10 * BU_NS_PER_S },
	[BU_WATCHDOG_SOFT_LOCKUP] = { "soft lockup", 20 * BU_NS_PER_S },
	[BU_WATCHDOG_RCU_STALL] = { "RCU stall", 21 * BU_NS_PER_S },
	[BU_WATCHDOG_HUNG_TASK] = { "hung task", 120 * BU_NS_PER_S },
	[BU_WATCHDOG_AP_TIMEOUT] = { "AP timeout", 10 * BU_NS_PER_S },
};

/* ---------------------------------------------------------------------------------------------- the wait-for graph */

enum colour { WHITE, GREY, BLACK };

struct search {
	struct bu_machine *m;
	enum colour *colour;
	bu_thread *stack;	/* the path from the root */
	uint32_t depth;
	struct bu_hang_verdict *v;
};

/* Threads that could release @w: those named, and what runs on the CPUs named. */
static uint32_t releasers(struct bu_machine *m, const struct bu_wait_info *w, bu_thread *to)
{
	uint32_t n = 0, i;

	for (i = 0; i < w->n_by_threads; i++)
		to[n++] = w->by_thread[i];
	for (i = 0; i < w->n_by_cpus; i++) {
		bu_thread curr = bu_cpu_started(m, w->by_cpu[i]) ? bu_cpu_curr(m, w->by_cpu[i]) : 0;

		if (curr && curr != w->thread)
			to[n++] = curr;
	}
	return n;
}

static void take_cycle(struct search *s, bu_thread closes)
{
	uint32_t from = s->depth;

	while (from && s->stack[from - 1] != closes)
		from--;
	for (from--; from < s->depth && s->v->n_cycle < BU_HANG_CYCLE; from++)
		s->v->cycle[s->v->n_cycle++] = s->stack[from];
}

/* Depth first from @root; recursion is replaced by the path itself and a position per thread on it. */
static bool find_cycle(struct search *s, bu_thread root, uint32_t *next)
{
	bu_thread to[2 * BU_WAIT_RELEASERS];
	struct bu_wait_info w;

	s->depth = 0;
	s->stack[s->depth++] = root;
	s->colour[root] = GREY;
	next[root] = 0;
	while (s->depth) {
		bu_thread t = s->stack[s->depth - 1];
		uint32_t n = bu_wait_of(s->m, t, &w) ? releasers(s->m, &w, to) : 0;
		bu_thread u = next[t] < n ? to[next[t]++] : 0;

		if (!u) {
			s->colour[t] = BLACK;
			s->depth--;
		} else if (s->colour[u] == GREY) {
			take_cycle(s, u);
			return true;
		} else if (s->colour[u] == WHITE) {
			s->colour[u] = GREY;
			next[u] = 0;
			s->stack[s->depth++] = u;
		}
	}
	return false;
}

static bool deadlocked(struct bu_machine *m, struct bu_hang_verdict *v)
{
	const uint32_t n = bu_nr_threads(m);
	_cleanup_free_ enum colour *colour = calloc(n + 1, sizeof(*colour));
	_cleanup_free_ bu_thread *stack = calloc(n + 1, sizeof(*stack));
	_cleanup_free_ uint32_t *next = calloc(n + 1, sizeof(*next));
	struct search s = { .m = m, .colour = colour, .stack = stack, .v = v };
	bu_thread t;

	if (!colour || !stack || !next)
		return false;	/* without memory it is told as what it looks like without a cycle */
	for (t = 1; t <= n; t++)
		if (colour[t] == WHITE && find_cycle(&s, t, next))
			return true;
	return false;
}

/* ------------------------------------------------------------------------------------------------- the watchdogs */

static bool irqs_off(struct bu_machine *m, const struct bu_wait_info *w)
{
	struct bu_cpu_state s;

	return w->on_cpu && bu_cpu_state(m, w->cpu, &s) && s.irqs_off;
}

/* Whether its stopper can run there: who spins with preemption on is no soft lockup. */
static bool stopper_runs(struct bu_machine *m, int cpu)
{
	struct bu_cpu_state s;

	return bu_cpu_state(m, cpu, &s) && s.no_stopper_since_ns == bu_now(m);
}

static enum bu_watchdog watchdog_of(struct bu_machine *m, const struct bu_wait_info *w)
{
	switch (w->kind) {
	case BU_WAITS_IPI:
		return BU_WATCHDOG_CSD_LOCK;
	case BU_WAITS_GP:
		return BU_WATCHDOG_RCU_STALL;
	case BU_WAITS_NOT:
	case BU_WAITS_SLEEP:
	case BU_WAITS_PARKED:
		return BU_WATCHDOG_NONE;
	case BU_WAITS_FAULT:
		return irqs_off(m, w) ? BU_WATCHDOG_HARD_LOCKUP : BU_WATCHDOG_SOFT_LOCKUP;
	default:
		if (!w->on_cpu)
			return BU_WATCHDOG_HUNG_TASK;
		return stopper_runs(m, w->cpu) ? BU_WATCHDOG_NONE : BU_WATCHDOG_SOFT_LOCKUP;
	}
}

struct scan {
	struct bu_machine *m;
	struct bu_hang_verdict *v;
	uint32_t waiting, spinning;
	bool waiter_is_idle, faults;
};

static bool scan_wait(void *ctx, const struct bu_wait_info *w)
{
	struct scan *s = ctx;
	enum bu_watchdog dog = watchdog_of(s->m, w);
	int64_t at = w->since_ns + bu_watchdogs[dog].threshold_ns;

	s->waiting++;
	s->spinning += w->on_cpu;
	if (dog != BU_WATCHDOG_NONE && (s->v->watchdog == BU_WATCHDOG_NONE || at < s->v->watchdog_at_ns)) {
		s->v->watchdog = dog;
		s->v->watchdog_at_ns = at;
	}
	/*
	 * The first that waits for something with a name. A thread that called schedule() by itself is mostly one that
	 * waits for work; parked and sleeping ones wait for nobody in particular.
	 */
	if (w->kind == BU_WAITS_PARKED || w->kind == BU_WAITS_SLEEP || w->kind == BU_WAITS_CPU)
		return true;
	if (!s->v->waiter || (s->waiter_is_idle && w->kind != BU_WAITS_STATE) || (!s->faults && w->kind == BU_WAITS_FAULT)) {
		s->v->waiter = w->thread;
		s->waiter_is_idle = w->kind == BU_WAITS_STATE;
		s->faults = w->kind == BU_WAITS_FAULT;
	}
	return true;
}

/* ---------------------------------------------------------------------------------------------------- the verdict */

static bool anybody_works(struct bu_machine *m)
{
	struct bu_wait_info w;
	uint32_t cpu;

	for (cpu = 0; cpu < bu_nr_cpus(m); cpu++) {
		bu_thread t = bu_cpu_started(m, (int)cpu) ? bu_cpu_curr(m, (int)cpu) : 0;

		if (t && !bu_cpu_idle(m, (int)cpu) && !bu_wait_of(m, t, &w))
			return true;
	}
	return false;
}

static void summarise(struct bu_machine *m, const struct bu_machine_result *r, struct bu_hang_verdict *v)
{
	struct bu_wait_info w;
	size_t n = 0;
	uint32_t i;

	if (v->class == BU_HANG_DEADLOCK) {
		for (i = 0; i < v->n_cycle && n < sizeof(v->summary); i++)
			if (bu_wait_of(m, v->cycle[i], &w))
				n += (size_t)snprintf(v->summary + n, sizeof(v->summary) - n, "%s waits for %s, ",
						      bu_thread_name(m, v->cycle[i]), w.obj_name);
		if (n < sizeof(v->summary))
			snprintf(v->summary + n, sizeof(v->summary) - n, "which %s could release", bu_thread_name(m, v->cycle[0]));
	} else if (v->class == BU_HANG_LOST_WAKEUP && bu_wait_of(m, v->waiter, &w)) {
		snprintf(v->summary, sizeof(v->summary), "%s waits for %s%s%s, and nobody that is left can wake it",
			 bu_thread_name(m, v->waiter), bu_wait_kind_name(w.kind), *w.obj_name ? " " : "", w.obj_name);
	} else if (v->class == BU_HANG_LIVELOCK && bu_wait_of(m, v->waiter, &w) && w.kind == BU_WAITS_FAULT) {
		snprintf(v->summary, sizeof(v->summary), "%s faults on %s again and again, interrupts %s: the handler mends another page table",
			 bu_thread_name(m, v->waiter), w.obj_name, irqs_off(m, &w) ? "off, a hard lockup" : "on");
	} else if (v->class == BU_HANG_LIVELOCK && r->end == BU_MACHINE_LIMIT && bu_wait_of(m, v->waiter, &w)) {
		snprintf(v->summary, sizeof(v->summary), "%s spins for %s, all others that run spin too", bu_thread_name(m, v->waiter),
			 w.obj_name);
	} else {
		snprintf(v->summary, sizeof(v->summary), "%.500s", r->verdict);
	}
}

void bu_hang_diagnose(struct bu_machine *m, const struct bu_machine_result *result, struct bu_hang_verdict *ret)
{
	struct bu_hang_verdict v = { .class = BU_HANG_NONE };
	struct scan s = { .m = m, .v = &v };

	switch (result->end) {
	case BU_MACHINE_DONE:
		break;
	case BU_MACHINE_MISUSE:
		v.class = BU_HANG_MISUSE;
		break;
	case BU_MACHINE_FAILED:
		v.class = BU_HANG_FAILED;
		break;
	case BU_MACHINE_CRASH:
		v.class = BU_HANG_CRASH;
		break;
	case BU_MACHINE_ASSERT:
		v.class = BU_HANG_ASSERTION;
		break;
	case BU_MACHINE_NO_PROGRESS:
		bu_waits_each(m, scan_wait, &s);
		v.class = deadlocked(m, &v) ? BU_HANG_DEADLOCK : BU_HANG_LIVELOCK;
		break;
	case BU_MACHINE_STUCK:
		bu_waits_each(m, scan_wait, &s);
		v.class = deadlocked(m, &v) ? BU_HANG_DEADLOCK : s.faults ? BU_HANG_LIVELOCK : BU_HANG_LOST_WAKEUP;
		break;
	case BU_MACHINE_LIMIT:
		bu_waits_each(m, scan_wait, &s);
		if (deadlocked(m, &v))
			v.class = BU_HANG_DEADLOCK;	/* ticks and timers go on while the threads never will */
		else
			v.class = s.spinning && !anybody_works(m) ? BU_HANG_LIVELOCK : BU_HANG_LIMIT;
		break;
	case BU_MACHINE_PAUSED:
	case BU_MACHINE_NR_ENDS:
		break;
	}
	if (v.class != BU_HANG_NONE)
		summarise(m, result, &v);
	*ret = v;
}
