/* SPDX-License-Identifier: MIT */
/*
 * clock_switch.h - what every clocksource core does around its switch: start, select, notify, let the machine run on.
 *
 * Source: kernel/time/clocksource.c (clocksource_done_booting, __clocksource_select) and timekeeping.c (timekeeping_notify)
 * of v6.12.
 */
#ifndef BU_REPLAY_KIT_CLOCK_SWITCH_H
#define BU_REPLAY_KIT_CLOCK_SWITCH_H

#include "replay/kit/tick.h"

/* The CPU with timekeeping duty is away, interrupts off: a hypervisor runs something else, SMM, a stop_machine. */
static inline void frozen(struct bu_machine *m, void *arg)
{
	(void)arg;
	work(m, param(m, PARAM_FREEZE));
}

/* timekeeping_notify(): @change switches the clock; the ticks learn of it afterwards, from the same thread. */
static inline void clocksource_done_booting(struct bu_machine *m, void (*change)(struct bu_machine *))
{
	KERNEL_FN(m);
	change(m);
	work(m, timekeeper(m)->config->wake_ns);
	bu_cs(m)->mark(m, this_cpu(m), BU_CS_AT_DONE);
	tick_clock_notify(m);
	bu_cs(m)->mark(m, this_cpu(m), BU_CS_AT_NOTIFIED);
}

static inline void boot_with_switch(struct bu_machine *m, bool latch, void (*change)(struct bu_machine *))
{
	const struct bu_cs_config *c = timekeeping_init(m, latch)->config;

	KERNEL_FN(m);
	cpu_stop_init(m);
	tick_init(m);
	sleep_ns(m, c->switch_at_ns - now(m));
	clocksource_done_booting(m, change);
	if (param(m, PARAM_FREEZE))
		irq_send(m, (int)atomic_read(m, ticks(m)->tick_do_timer_cpu), "frozen", INT64_C(1000000000), frozen, NULL);
	if (c->end_ns > now(m))
		sleep_ns(m, c->end_ns - now(m));
}

#endif
