// SPDX-License-Identifier: GPL-2.0-only
/*
 * deferred.c - as stop_machine.c, but each CPU puts its next tick off by its number times a stagger before it goes on.
 *
 * The burst of overdue ticks at the end of the stop is spread. Source: none; the mail of 2015-08-31 (lkml 2015/8/31/456) says of a
 * patch that is not to be had that it "shifts some timing around", which this does. What the ticks ask of the clock in the
 * long run stays the same, so that a clock that is saturated stays so: that mail's objection.
 */
#include "replay/kit/clock_switch.h"

enum { PARAM_STAGGER = NR_TIMEKEEPING_PARAMS };

static int change(struct bu_machine *m, void *arg)
{
	const int cpu = this_cpu(m);
	int ret = 0;

	if (cpu == 0) {
		bu_cs(m)->mark(m, cpu, BU_CS_AT_RUN);
		ret = change_clocksource(m, arg);
		bu_cs(m)->mark(m, cpu, BU_CS_AT_RAN);
	}
	if (ticks(m)->cpu[cpu].clockevent)
		hrtimer_start(m, ticks(m)->cpu[cpu].clockevent, (cpu + 1) * param(m, PARAM_STAGGER));
	return ret;
}

static void timekeeping_notify(struct bu_machine *m)
{
	KERNEL_FN(m);
	cpus_read_lock(m);
	bu_cs(m)->mark(m, this_cpu(m), BU_CS_AT_QUEUED);
	stop_machine_cpuslocked(m, "change_clocksource", change, NULL, BU_ALL_ONLINE_CPUS);
	cpus_read_unlock(m);
}

static void control(struct bu_machine *m)
{
	boot_with_switch(m, false, timekeeping_notify);
}

static const struct bu_param params[] = {
	TIMEKEEPING_PARAMS,
	{ "stagger-ns", "ns", "between the first ticks of two neighbouring CPUs after the switch", 1000, 1, INT64_C(1000000000) },
	{ 0 }
};

BU_CORE_DEFINE(clocksource, deferred) = {
	.size = sizeof(struct bu_core_def), .abi = BU_CORE_ABI, .family = "clocksource", .name = "deferred",
	.summary = "as stop-machine, the ticks after it spread out", .source = "lkml 2015/8/31/456, as described there",
	.params = params, .control = control,
};
