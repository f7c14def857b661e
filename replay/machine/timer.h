/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * timer.h - timers: per CPU, run in its timer interrupt, staying there when the CPU dies unless somebody moves them.
 *
 * Flow: machine -> [timer] -> sleeping, bandwidth groups, RCU, cores.
 *
 * Sources: kernel/time/hrtimer.c, kernel/time/timer.c of v6.12. hrtimers are exact; timers of the wheel expire at the
 * first tick at or after their time (tick_ns, 4 ms where the machine has no tick) and run in the same interrupt:
 * softirqs of their own are not modelled.
 */
#ifndef BU_REPLAY_MACHINE_TIMER_H
#define BU_REPLAY_MACHINE_TIMER_H

#include "replay/machine/machine.h"

/* @fn runs in the timer interrupt. It returns the ns from its expiry to the next one, or 0: HRTIMER_NORESTART. */
bu_obj bu_hrtimer(struct bu_machine *m, const char *name, bu_timer_fn fn, void *arg);
bu_obj bu_timer(struct bu_machine *m, const char *name, bu_timer_fn fn, void *arg);	/* of the wheel */

/**
 * bu_hrtimer_start() - hrtimer_start() pinned to this CPU, mod_timer(): expires @ns from now. An armed timer is moved.
 * Outside of threads: on CPU 0.
 */
void bu_hrtimer_start(struct bu_machine *m, bu_obj timer, int64_t ns);
void bu_hrtimer_start_on(struct bu_machine *m, bu_obj timer, int cpu, int64_t ns);	/* add_timer_on() */

/**
 * bu_hrtimer_try_to_cancel() - Return: 1 when it was armed, 0 when not, -1 when its handler runs just now.
 * bu_hrtimer_cancel() - hrtimer_cancel(), timer_delete_sync(): spins until the handler has ended.
 */
int bu_hrtimer_try_to_cancel(struct bu_machine *m, bu_obj timer);
int bu_hrtimer_cancel(struct bu_machine *m, bu_obj timer);
bool bu_hrtimer_active(struct bu_machine *m, bu_obj timer);	/* armed or its handler runs */
int bu_hrtimer_cpu(struct bu_machine *m, bu_obj timer);		/* where it is or was armed; -1: never */

/**
 * bu_timers_migrate() - All timers of CPU @from go to CPU @to: hrtimers_dead_cpu() and timers_dead_cpu() up to v6.6,
 * run by the control CPU after the death; hrtimers_cpu_dying() since v6.7 (5c0930ccaad5), run by the dying CPU.
 */
void bu_timers_migrate(struct bu_machine *m, int from, int to);

/**
 * bu_cpu_tick() - The tick of one CPU from the next multiple of @period_ns on; 0: none.
 */
void bu_cpu_tick(struct bu_machine *m, int cpu, int64_t period_ns);
uint64_t bu_cpu_ticks(struct bu_machine *m, int cpu);	/* ticks taken so far */

#endif
