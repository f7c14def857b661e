// SPDX-License-Identifier: GPL-2.0-only
/*
 * rt-multiphase.c - CPU hotplug of PREEMPT_RT with pinned readers, in three phases, on the notifier core; see replay/kit/rt_pin.h.
 *
 * Readers are generated: their number, how long they pin and how long they rest are parameters, the seed is that of the run. Or
 * they are those of the recording (readers_from=recorded): what other tasks ran while CPUs came and went.
 */
#include "replay/kit/rt_pin.h"

static const struct bu_param parameters[] = { RT_PARAMETERS };

static void control(struct bu_machine *m)
{
	rt_control(m, true);
}

BU_CORE_DEFINE(hotplug, rt_multiphase) = {
	.size = sizeof(struct bu_core_def),
	.abi = BU_CORE_ABI,
	.family = "hotplug",
	.name = "rt-multiphase",
	.summary = "offline in three phases: migrate or continue, block only at the end (2012 to 5.10-rt)",
	.source = "cpu/rt: Rework cpu down for PREEMPT_RT (2012), 4.8-rt kernel/cpu.c",
	.params = parameters,
	.control = control,
};
