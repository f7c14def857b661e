// SPDX-License-Identifier: GPL-2.0-only
/*
 * serial.c - CPU bring-up as Linux does it on x86-64 up to 6.4: one CPU after the other, the boot CPU waiting for each.
 *
 * Source: kernel/cpu.c of Linux 6.1 (bringup_nonboot_cpus), kit/serial.h. INIT/SIPI, microcode and all else of a CPU lie
 * between its kick and the next one's.
 *
 * Parameter: late-cpu is what a CPU does that shows up when the boot CPU has given it up: it waits for ever to be called out
 * (3.17, ce4b1b16502b "Initialize secondary CPU only if master CPU will wait for it") or, as before that, runs on by itself.
 */
#include "replay/kit/serial.h"

enum { PARAM_LATE_CPU };

static const struct bu_param parameters[] = {
	{ "late-cpu", "waits|runs", "a CPU that comes after 10 s: since 3.17, before", LATE_CPU_WAITS, LATE_CPU_WAITS, LATE_CPU_RUNS },
	{ NULL, NULL, NULL, 0, 0, 0 },
};

static void smp_init(struct bu_machine *m)
{
	KERNEL_FN(m);
	serial_init(m, (enum late_cpu)param(m, PARAM_LATE_CPU));
	bu_hp(m)->lead_in(m);
	bringup_nonboot_cpus(m);
	smp_cpus_done(m);
}

BU_CORE_DEFINE(hotplug, serial) = {
	.size = sizeof(struct bu_core_def),
	.abi = BU_CORE_ABI,
	.family = "hotplug",
	.name = "serial",
	.summary = "one CPU after the other, the boot CPU waits for each (as before 6.5)",
	.source = "Linux 6.1 kernel/cpu.c, arch/x86/kernel/smpboot.c",
	.params = parameters,
	.control = smp_init,
};
