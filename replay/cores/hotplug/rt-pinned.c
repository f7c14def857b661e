// SPDX-License-Identifier: GPL-2.0-only
/*
 * rt-pinned.c - CPU hotplug of PREEMPT_RT with pinned readers, in one phase, on the notifier core; see replay/kit/rt_pin.h.
 *
 * Readers are generated: their number, how long they pin and how long they rest are parameters, the seed is that of the run. Or
 * they are those of the recording (readers_from=recorded): what other tasks ran while CPUs came and went.
 */
#include "replay/kit/rt_pin.h"

static const struct bu_param parameters[] = { RT_PARAMETERS };

static void control(struct bu_machine *m)
{
	rt_control(m, false);
}

BU_CORE_DEFINE(hotplug, rt_pinned) = {
	.size = sizeof(struct bu_core_def),
	.abi = BU_CORE_ABI,
	.family = "hotplug",
	.name = "rt-pinned",
	.summary = "offline waits for pins once, then pinning blocks for all of it (2011); can deadlock",
	.source = "hotplug: Lightweight get online cpus (2011), 3.0-rt kernel/cpu.c",
	.params = parameters,
	.control = control,
};
