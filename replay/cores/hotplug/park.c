// SPDX-License-Identifier: GPL-2.0-only
/*
 * park.c - kexec with parked CPUs: the boot CPU of the new kernel wakes them by a word instead of INIT/SIPI, one after the
 * other as up to 6.4.
 *
 * Source: kit/park.h (mail of 15 Dec 2020, on Linux 5.10), kit/serial.h.
 *
 * Parameters: parked is how many CPUs are, the others are woken by INIT/SIPI (cpuparkmem= has room for so many). init_ns is
 * what INIT/SIPI takes of a CPU's dark phase, which no trace tells apart: (210 - 80) / 71 = 1.83 ms in the mail (72 CPUs,
 * Xeon Gold 6154). nmi_cpu gets an NMI nmi_ns after the new kernel's start.
 */
#include "replay/kit/park.h"
#include "replay/kit/serial.h"

enum { PARAM_PARKED, PARAM_INIT_NS, PARAM_NMI_CPU, PARAM_NMI_NS };

static const struct bu_param parameters[] = {
	{ "parked", "CPUs", "how many CPUs are parked", 65536, 0, 65536 },
	{ "init_ns", "ns", "of the dark phase, what INIT/SIPI takes; 1831000 was measured on a Xeon 6154", 0, 0, INT64_C(1000000000) },
	{ "nmi_cpu", "CPU", "gets an NMI; 0: none", 0, 0, 65535 },
	{ "nmi_ns", "ns", "when", 0, 0, INT64_C(1000000000000) },
	{ NULL, NULL, NULL, 0, 0, 0 },
};

static void smp_init(struct bu_machine *m)
{
	KERNEL_FN(m);
	serial_init(m, LATE_CPU_WAITS);
	park_init(m, param(m, PARAM_PARKED), param(m, PARAM_INIT_NS), (int)param(m, PARAM_NMI_CPU), param(m, PARAM_NMI_NS));
	bu_hp(m)->lead_in(m);
	bringup_nonboot_cpus(m);
	smp_cpus_done(m);
}

BU_CORE_DEFINE(hotplug, park) = {
	.size = sizeof(struct bu_core_def),
	.abi = BU_CORE_ABI,
	.family = "hotplug",
	.name = "park",
	.summary = "kexec with parked CPUs, woken one after the other by a word (proposed in 2020)",
	.source = "mail by shenkai, 15 Dec 2020, on Linux 5.10",
	.params = parameters,
	.control = smp_init,
};
