// SPDX-License-Identifier: GPL-2.0-only
/*
 * serial.c - CPU bring-up as Linux 6.1 does it on x86-64: one CPU after the other, the boot CPU waiting for each.
 *
 * Source: kernel/cpu.c (bringup_nonboot_cpus, _cpu_up, bringup_cpu, bringup_wait_for_ap, cpuhp_online_idle,
 * cpuhp_thread_fun), arch/x86/kernel/smpboot.c (do_boot_cpu, smp_callin, start_secondary) and tsc_sync.c of
 * Linux 6.1. Functions carry the kernel's names; the wait points W1 to W6 and Wa are those of docs/methods.md.
 *
 * Assumes that every CPU is present and bootable, and that no other user takes cpu_hotplug_lock.
 */
#include <errno.h>

#include "replay/kit/cpuhp.h"

struct serial_cpu {		/* words */
	bu_word_id initialized, callout, callin, tsc_source, online;
};

#define DO_BOOT_CPU_TIMEOUT_NS INT64_C(10000000000)	/* 10 * HZ in do_boot_cpu() */

static struct serial_cpu *serial(struct bu_machine *m, int cpu)
{
	return &((struct serial_cpu *)cpuhp(m)->core)[cpu];
}

static void start_secondary(struct bu_machine *m, void *arg)
{
	const int cpu = this_cpu(m);
	struct serial_cpu *c = serial(m, cpu);

	(void)arg;
	KERNEL_FN(m);
	/* cpu_init(): wait_for_master_cpu() */
	bu_hp(m)->work(m, cpu, BU_HP_DARK);
	bu_hp(m)->mark(m, cpu, BU_HP_AT_ALIVE);
	atomic_set(m, c->initialized, 1);
	spin_until(m, c->callout, BU_GUARD_NE, 0, -1, "Wa cpu_callout_mask", cpu);
	bu_hp(m)->work(m, cpu, BU_HP_RELEASED);
	/* smp_callin(): up to notify_cpu_starting() and its STARTING callbacks */
	bu_hp(m)->work(m, cpu, BU_HP_STARTING);
	atomic_set(m, c->callin, 1);
	/* check_tsc_sync_target() */
	spin_until(m, c->tsc_source, BU_GUARD_NE, 0, -1, "W3 TSC partner", cpu);
	bu_hp(m)->work(m, cpu, BU_HP_TSC_SYNC);
	bu_hp(m)->work(m, cpu, BU_HP_ONLINE);
	set_cpu_online(m, cpu, true);
	atomic_set(m, c->online, 1);
	cpuhp_online_idle(m, cpu);
	cpu_startup_entry(m);
}

static int do_boot_cpu(struct bu_machine *m, int cpu)
{
	struct serial_cpu *c = serial(m, cpu);

	KERNEL_FN(m);
	bu_hp(m)->work(m, cpu, BU_HP_KICK);
	if (!bu_hp(m)->never_comes(m, cpu))
		cpu_start(m, cpu, start_secondary, NULL);
	bu_hp(m)->work(m, cpu, BU_HP_KICK_TAIL);
	if (spin_until(m, c->initialized, BU_GUARD_NE, 0, DO_BOOT_CPU_TIMEOUT_NS, "W1 cpu_initialized_mask", cpu))
		return -EIO;
	bu_hp(m)->work(m, cpu, BU_HP_RELEASE);
	bu_hp(m)->mark(m, cpu, BU_HP_AT_RELEASE);
	atomic_set(m, c->callout, 1);
	spin_until(m, c->callin, BU_GUARD_NE, 0, -1, "W2 cpu_callin_mask", cpu);
	return 0;
}

static int bringup_cpu(struct bu_machine *m, int cpu)
{
	struct serial_cpu *c = serial(m, cpu);
	int ret;

	KERNEL_FN(m);
	bu_hp(m)->work(m, cpu, BU_HP_KICK_ENTRY);
	bu_hp(m)->mark(m, cpu, BU_HP_AT_KICK);
	ret = do_boot_cpu(m, cpu);
	if (ret)
		return ret;
	/* check_tsc_sync_source() */
	bu_hp(m)->work(m, cpu, BU_HP_TSC_JOIN);
	atomic_set(m, c->tsc_source, 1);
	spin_until(m, c->online, BU_GUARD_NE, 0, -1, "W4 cpu_online", cpu);
	bringup_wait_for_ap(m, cpu);
	bu_hp(m)->work(m, cpu, BU_HP_DONE);
	return 0;
}

static int cpu_up(struct bu_machine *m, int cpu)
{
	int i, ret = 0, n = bu_hp(m)->nr_steps(m, cpu, BU_HP_PREPARE);

	KERNEL_FN(m);
	*serial(m, cpu) = (struct serial_cpu){
		atomic(m, "cpu_initialized", 0), atomic(m, "cpu_callout", 0), atomic(m, "cpu_callin", 0),
		atomic(m, "tsc start_count", 0), atomic(m, "cpu_online", 0),
	};
	bu_hp(m)->work(m, cpu, BU_HP_ENTRY);
	bu_hp(m)->mark(m, cpu, BU_HP_AT_PREPARE);
	cpuhp_prepare(m, cpu);
	for (i = 0; i < n && !ret; i++)
		ret = bu_hp(m)->step(m, cpu, BU_HP_PREPARE, i);
	if (!ret)
		ret = bringup_cpu(m, cpu);
	if (ret) {
		bu_hp(m)->failed(m, cpu, ret);
		bu_hp(m)->work(m, cpu, BU_HP_EXIT);
	}
	return ret;
}

static void bringup_nonboot_cpus(struct bu_machine *m)
{
	int cpu, n = (int)nr_cpus(m);

	KERNEL_FN(m);
	cpuhp_init(m, alloc(m, (size_t)n * sizeof(struct serial_cpu)));
	bu_hp(m)->lead_in(m);
	for (cpu = 1; cpu < n; cpu++)
		cpu_up(m, cpu);
}

BU_CORE_DEFINE(hotplug, serial) = {
	.size = sizeof(struct bu_core_def),
	.abi = BU_CORE_ABI,
	.family = "hotplug",
	.name = "serial",
	.summary = "one CPU after the other, the boot CPU waits for each (as before 6.5)",
	.source = "Linux 6.1 kernel/cpu.c, arch/x86/kernel/smpboot.c",
	.control = bringup_nonboot_cpus,
};
