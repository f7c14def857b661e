// SPDX-License-Identifier: GPL-2.0-only
/*
 * stop_machine.c - the clocksource is switched while all CPUs stand still: mainline since v2.6.32 (75c5158f70c0).
 *
 * Source: kernel/time/timekeeping.c of v6.12, timekeeping_notify(). No reader can be in the middle of a read of the old clock;
 * the price is that every CPU waits for the one whose stopper comes last, and that their overdue ticks come all at once
 * when they leave, before tick_clock_notify() has told them that the new clock is good for high resolution ticks.
 */
#include "replay/kit/clock_switch.h"

static int change(struct bu_machine *m, void *arg)
{
	int ret;

	bu_cs(m)->mark(m, this_cpu(m), BU_CS_AT_RUN);
	ret = change_clocksource(m, arg);
	bu_cs(m)->mark(m, this_cpu(m), BU_CS_AT_RAN);
	return ret;
}

static void timekeeping_notify(struct bu_machine *m)
{
	KERNEL_FN(m);
	cpus_read_lock(m);
	bu_cs(m)->mark(m, this_cpu(m), BU_CS_AT_QUEUED);
	stop_machine_cpuslocked(m, "change_clocksource", change, NULL, BU_FIRST_ONLINE_CPU);
	cpus_read_unlock(m);
}

static void control(struct bu_machine *m)
{
	boot_with_switch(m, false, timekeeping_notify);
}

static const struct bu_param params[] = { TIMEKEEPING_PARAMS, { 0 } };

BU_CORE_DEFINE(clocksource, stop_machine) = {
	.size = sizeof(struct bu_core_def), .abi = BU_CORE_ABI, .family = "clocksource", .name = "stop-machine",
	.summary = "the clock changes while all CPUs stand still", .source = "Linux 6.12, timekeeping_notify()",
	.params = params, .control = control,
};
