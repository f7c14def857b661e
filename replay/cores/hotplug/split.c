// SPDX-License-Identifier: GPL-2.0-only
/*
 * split.c - CPU bring-up as Linux 6.5 and later do it without CONFIG_HOTPLUG_PARALLEL, or booted with cpuhp.parallel=0: each
 * CPU is kicked and brought online before the next one, in the steps of kit/split.h.
 *
 * Source: kernel/cpu.c of Linux 6.12 (bringup_nonboot_cpus), kit/split.h. Assumes what kit/cpuhp.h does.
 */
#include "replay/kit/split.h"

static void smp_init(struct bu_machine *m)
{
	KERNEL_FN(m);
	split_init(m, NULL);
	bu_hp(m)->lead_in(m);
	cpuhp_bringup_mask(m, MASK_ALL, TARGET_ONLINE);
	smp_cpus_done(m);
}

BU_CORE_DEFINE(hotplug, split) = {
	.size = sizeof(struct bu_core_def),
	.abi = BU_CORE_ABI,
	.family = "hotplug",
	.name = "split",
	.summary = "kick and online in two steps, one CPU after the other (6.5 and later, cpuhp.parallel=0)",
	.source = "Linux 6.12 kernel/cpu.c, arch/x86/kernel/smpboot.c",
	.control = smp_init,
};
