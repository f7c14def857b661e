/* SPDX-License-Identifier: MIT */
/*
 * serial.h - bring-up of one CPU after the other, the boot CPU waiting for each, as before Linux 6.5.
 *
 * Source: kernel/cpu.c (bringup_nonboot_cpus, bringup_cpu, bringup_wait_for_ap), arch/x86/kernel/smpboot.c (native_cpu_up,
 * do_boot_cpu, start_secondary, smp_callin), cpu/common.c and tsc_sync.c of Linux 6.1; functions carry the kernel's names,
 * wait points are those of docs/methods.md.
 *
 * Assumes what kit/cpuhp.h does, and that schedule() in the boot CPU's loops (W1, W2) finds nobody else to run but stoppers.
 */
#ifndef BU_REPLAY_KIT_SERIAL_H
#define BU_REPLAY_KIT_SERIAL_H

#include <errno.h>

#include "replay/kit/cpuhp.h"
#include "replay/kit/x86.h"

enum late_cpu { LATE_CPU_WAITS, LATE_CPU_RUNS };

struct serial_cpu {		/* words */
	bu_word_id initialized, callout, callin, online;
};

struct serial {
	struct serial_cpu *cpus;
	enum late_cpu late_cpu;		/* what one does that comes when the boot CPU has given it up */
};

#define DO_BOOT_CPU_TIMEOUT_NS INT64_C(10000000000)	/* 10 * HZ in do_boot_cpu() */

static inline struct serial *serial(struct bu_machine *m)
{
	return (struct serial *)cpuhp(m)->core;
}

/* cpu_init() of cpu/common.c */
static inline void wait_for_master_cpu(struct bu_machine *m, int cpu)
{
	struct serial_cpu *c = &serial(m)->cpus[cpu];

	KERNEL_FN(m);
	bu_hp(m)->mark(m, cpu, BU_HP_AT_ALIVE);
	atomic_set(m, c->initialized, 1);
	if (serial(m)->late_cpu == LATE_CPU_RUNS) {
		/* Nobody coordinates it with the boot CPU, which has rolled back what the CPU is about to use. */
		BU_ASSERT_CORE(m, cpuhp_get_state(m, cpu) == cpuhp_bringup_state(m, cpu));
		return;
	}
	spin_until(m, c->callout, BU_GUARD_NE, 0, -1, "Wa cpu_callout_mask", cpu);
}

static inline void smp_callin(struct bu_machine *m, int cpu)
{
	KERNEL_FN(m);
	bu_hp(m)->work(m, cpu, BU_HP_STARTING);
	calibrate_delay(m, cpu);
	atomic_set(m, serial(m)->cpus[cpu].callin, 1);
}

static inline void check_tsc(struct bu_machine *m, int cpu)
{
	if (!tsc_check_is_skipped(m, cpu)) {
		check_tsc_sync_target(m, cpu);
		return;
	}
	tsc_store_and_check_tsc_adjust(m, cpu);
	atomic_add_return(m, x86_boot(m)->tsc.skip_test, 1);
}

static inline void start_secondary(struct bu_machine *m, void *arg)
{
	const int cpu = this_cpu(m);

	(void)arg;
	KERNEL_FN(m);
	x86_boot(m)->head(m, cpu);
	wait_for_master_cpu(m, cpu);
	load_ucode_ap(m, cpu);
	bu_hp(m)->work(m, cpu, BU_HP_RELEASED);
	smp_callin(m, cpu);
	check_tsc(m, cpu);
	bu_hp(m)->work(m, cpu, BU_HP_ONLINE);
	x86_set_cpu_online(m, cpu);
	atomic_set(m, serial(m)->cpus[cpu].online, 1);
	cpuhp_online_idle(m, cpu);
	cpu_startup_entry(m);
	cpuhp_report_idle_dead(m, cpu);
}

static inline int do_boot_cpu(struct bu_machine *m, int cpu)
{
	struct serial_cpu *c = &serial(m)->cpus[cpu];

	KERNEL_FN(m);
	bu_hp(m)->work(m, cpu, BU_HP_KICK);
	x86_boot(m)->wake(m, cpu, start_secondary);
	bu_hp(m)->work(m, cpu, BU_HP_KICK_TAIL);
	if (spin_until(m, c->initialized, BU_GUARD_NE, 0, DO_BOOT_CPU_TIMEOUT_NS, "W1 cpu_initialized_mask", cpu)) {
		bu_hp(m)->message(m, cpu, "smpboot: do_boot_cpu failed(-1) to wakeup CPU#");
		return -EIO;
	}
	bu_hp(m)->work(m, cpu, BU_HP_RELEASE);
	bu_hp(m)->mark(m, cpu, BU_HP_AT_RELEASE);
	atomic_set(m, c->callout, 1);
	spin_until(m, c->callin, BU_GUARD_NE, 0, -1, "W2 cpu_callin_mask", cpu);
	return 0;
}

static inline int native_cpu_up(struct bu_machine *m, int cpu)
{
	struct serial_cpu *c = &serial(m)->cpus[cpu];
	const bu_word_id skip_test = x86_boot(m)->tsc.skip_test;
	int ret;

	KERNEL_FN(m);
	*c = (struct serial_cpu){ atomic(m, "cpu_initialized", 0), atomic(m, "cpu_callout", 0), atomic(m, "cpu_callin", 0),
				  atomic(m, "cpu_online", 0) };
	ret = do_boot_cpu(m, cpu);
	if (ret)
		return ret;
	if (tsc_check_is_skipped(m, cpu)) {
		bu_hp(m)->work(m, cpu, BU_HP_TSC_JOIN);
		spin_until(m, skip_test, BU_GUARD_NE, 0, -1, "W3 TSC partner", cpu);
		atomic_set(m, skip_test, 0);
	} else {
		check_tsc_sync_source(m, cpu);
	}
	spin_until(m, c->online, BU_GUARD_NE, 0, -1, "W4 cpu_online", cpu);
	return 0;
}

static inline int bringup_cpu(struct bu_machine *m, int cpu)
{
	int ret;

	KERNEL_FN(m);
	bu_hp(m)->work(m, cpu, BU_HP_KICK_ENTRY);
	bu_hp(m)->mark(m, cpu, BU_HP_AT_KICK);
	mutex_lock(m, cpuhp(m)->sparse_irq_lock);
	ret = native_cpu_up(m, cpu);
	mutex_unlock(m, cpuhp(m)->sparse_irq_lock);
	if (ret)
		return ret;
	/* bringup_wait_for_ap() */
	bringup_wait_for_ap_online(m, cpu);
	ret = cpuhp_kick_ap_to_target(m, cpu);
	bu_hp(m)->work(m, cpu, BU_HP_DONE);
	return ret;
}

static const struct cpuhp_arch serial_arch = { .bringup_cpu = bringup_cpu };

static inline void bringup_nonboot_cpus(struct bu_machine *m)
{
	int cpu, n = (int)nr_cpus(m);

	KERNEL_FN(m);
	for (cpu = 1; cpu < n; cpu++)
		cpu_up(m, cpu, cpuhp_online_state(m, cpu));
}

/* What smp_init() finds. */
static inline struct serial *serial_init(struct bu_machine *m, enum late_cpu late_cpu)
{
	struct serial *s = (struct serial *)alloc(m, sizeof(*s));

	s->cpus = (struct serial_cpu *)alloc(m, nr_cpus(m) * sizeof(*s->cpus));
	s->late_cpu = late_cpu;
	x86_boot_init(m, &serial_arch, s);
	return s;
}

#endif
