// SPDX-License-Identifier: GPL-2.0-only
/*
 * latch.c - as seq_only.c, with two copies of the timekeeper: readers take the one that is not being written.
 *
 * No reader ever waits for a writer, not even an NMI in the middle of its write section; time may step between the copies.
 * Source: struct tk_fast and update_fast_timekeeper() of Linux 6.12 (4396e058c52e, v3.17), here for every reader.
 */
#include "replay/kit/clock_switch.h"

static void timekeeping_notify(struct bu_machine *m)
{
	KERNEL_FN(m);
	bu_cs(m)->mark(m, this_cpu(m), BU_CS_AT_RUN);
	change_clocksource(m, NULL);
	bu_cs(m)->mark(m, this_cpu(m), BU_CS_AT_RAN);
}

static void control(struct bu_machine *m)
{
	boot_with_switch(m, true, timekeeping_notify);
}

static const struct bu_param params[] = { TIMEKEEPING_PARAMS, { 0 } };

BU_CORE_DEFINE(clocksource, latch) = {
	.size = sizeof(struct bu_core_def), .abi = BU_CORE_ABI, .family = "clocksource", .name = "latch",
	.summary = "two copies of the timekeeper, nobody stops or waits", .source = "Linux 6.12, struct tk_fast for all readers",
	.params = params, .control = control,
};
