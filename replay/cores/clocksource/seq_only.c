// SPDX-License-Identifier: GPL-2.0-only
/*
 * seq_only.c - the clocksource is switched under timekeeper_lock and tk_core.seq alone, nobody is stopped.
 *
 * Readers that began before the switch retry; those that have the old clock's function in hand read it once more, so that it has to
 * stay readable (ceea5e3771ed, v4.12). Source: none in mainline; the write section is change_clocksource() of Linux 6.12.
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
	boot_with_switch(m, false, timekeeping_notify);
}

static const struct bu_param params[] = { TIMEKEEPING_PARAMS, { 0 } };

BU_CORE_DEFINE(clocksource, seq_only) = {
	.size = sizeof(struct bu_core_def), .abi = BU_CORE_ABI, .family = "clocksource", .name = "seq-only",
	.summary = "the clock changes under the sequence counter, nobody stops", .source = "Linux 6.12, change_clocksource() without "
	"stop_machine()", .params = params, .control = control,
};
