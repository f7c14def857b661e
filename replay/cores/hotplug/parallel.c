// SPDX-License-Identifier: GPL-2.0-only
/*
 * parallel.c - CPU bring-up as Linux 6.5 and later do it on x86-64 (CONFIG_HOTPLUG_PARALLEL): kick first, release later.
 *
 * Source: kernel/cpu.c of Linux 6.12 (bringup_nonboot_cpus, cpuhp_bringup_cpus_parallel), kit/split.h; commits 18415f33e2ac,
 * f54d4434c281 (primary threads first), f6f1ae9128d2 (tr_lock), 0c7ffa32dbd6.
 *
 * Passes: primary threads are kicked, primary threads are brought online, then the same for their siblings. From its
 * release on a CPU comes up alone; what overlaps is the time between kick and alive, under tr_lock in the trampoline.
 *
 * Parameters: trampoline_ns is the time under tr_lock; no trace shows it, and the recorded dark phase contains it once.
 * kick=park: the CPUs are parked by the kernel before a kexec (kit/park.h) and woken by a word; no kernel does that.
 * Assumes what kit/cpuhp.h does.
 */
#include "replay/kit/park.h"
#include "replay/kit/split.h"

enum { KICK_INIT, KICK_PARK };
enum { PARAM_TRAMPOLINE_NS, PARAM_KICK, PARAM_INIT_NS };

static const struct bu_param parameters[] = {
	{ "trampoline_ns", "ns", "in the trampoline, under its lock", 0, 0, INT64_C(1000000000) },
	{ "kick", "init|park", "what wakes CPUs up", KICK_INIT, KICK_INIT, KICK_PARK },
	{ "init_ns", "ns", "with kick=park: of the dark phase, what INIT/SIPI takes", 0, 0, INT64_C(1000000000) },
	{ NULL, NULL, NULL, 0, 0, 0 },
};

static void cpuhp_bringup_cpus_parallel(struct bu_machine *m)
{
	KERNEL_FN(m);
	cpuhp_bringup_mask(m, MASK_PRIMARIES, TARGET_KICK);
	cpuhp_bringup_mask(m, MASK_PRIMARIES, TARGET_ONLINE);
	cpuhp_bringup_mask(m, MASK_SIBLINGS, TARGET_KICK);
	cpuhp_bringup_mask(m, MASK_SIBLINGS, TARGET_ONLINE);
}

static void smp_init(struct bu_machine *m)
{
	KERNEL_FN(m);
	split_init(m, NULL)->trampoline_ns = param(m, PARAM_TRAMPOLINE_NS);
	if (param(m, PARAM_KICK) == KICK_PARK)
		park_init(m, nr_cpus(m), param(m, PARAM_INIT_NS), 0, 0);
	bu_hp(m)->lead_in(m);
	cpuhp_bringup_cpus_parallel(m);
	smp_cpus_done(m);
}

BU_CORE_DEFINE(hotplug, parallel) = {
	.size = sizeof(struct bu_core_def),
	.abi = BU_CORE_ABI,
	.family = "hotplug",
	.name = "parallel",
	.summary = "kick all CPUs, then bring them online; primaries before siblings (6.5 and later)",
	.source = "Linux 6.12 kernel/cpu.c, arch/x86/kernel/smpboot.c",
	.params = parameters,
	.control = smp_init,
};
