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

#include "replay/core.h"

struct serial_cpu {
	int cpu;
	uint32_t initialized, callout, callin, tsc_source, online, done_up, should_run;	/* words */
};

#define DO_BOOT_CPU_TIMEOUT_NS INT64_C(10000000000)	/* 10 * HZ in do_boot_cpu() */

/* Polling with cpu_relax() or schedule(): the CPU is busy while it waits. */
static int await_set(struct bu_host *h, uint32_t word, int64_t timeout_ns, const char *point, int cpu)
{
	const struct bu_await op = { .size = sizeof(op), .word = word, .when = BU_WHEN_NE, .value = 0,
				     .timeout_ns = timeout_ns, .point = point, .cpu = cpu, .spins = true };

	return bu_ops(h)->await(h, &op);
}

static void wait_for_completion(struct bu_host *h, uint32_t done, const char *point, int cpu)
{
	const struct bu_await op = { .size = sizeof(op), .word = done, .when = BU_WHEN_GE, .value = 1,
				     .then = BU_THEN_ADD, .operand = -1, .timeout_ns = -1, .point = point, .cpu = cpu };

	bu_ops(h)->await(h, &op);
}

/* The kernel thread cpuhp/N: sleeps until it is kicked, then runs one callback after the other. */
static void cpuhp_thread_fun(struct bu_host *h, void *arg)
{
	struct serial_cpu *c = arg;
	int i, n = bu_hp(h)->nr_steps(h, c->cpu, BU_HP_ONLINE_STEPS);

	bu_hp(h)->work(h, c->cpu, BU_HP_THREAD_WAKE);
	for (i = 0; i < n; i++)
		bu_hp(h)->step(h, c->cpu, BU_HP_ONLINE_STEPS, i);
	bu_hp(h)->mark(h, c->cpu, BU_HP_AT_ONLINE);
	bu_ops(h)->add(h, c->done_up, 1);
}

static void cpuhp_online_idle(struct bu_host *h, struct serial_cpu *c)
{
	bu_hp(h)->mark(h, c->cpu, BU_HP_AT_IDLE);
	bu_ops(h)->add(h, c->done_up, 1);
}

static void start_secondary(struct bu_host *h, void *arg)
{
	struct serial_cpu *c = arg;

	if (bu_hp(h)->never_comes(h, c->cpu))
		return;
	/* cpu_init(): wait_for_master_cpu() */
	bu_hp(h)->work(h, c->cpu, BU_HP_DARK);
	bu_hp(h)->mark(h, c->cpu, BU_HP_AT_ALIVE);
	bu_ops(h)->store(h, c->initialized, 1);
	await_set(h, c->callout, -1, "Wa cpu_callout_mask", c->cpu);
	bu_hp(h)->work(h, c->cpu, BU_HP_RELEASED);
	/* smp_callin(): up to notify_cpu_starting() and its STARTING callbacks */
	bu_hp(h)->work(h, c->cpu, BU_HP_STARTING);
	bu_ops(h)->store(h, c->callin, 1);
	/* check_tsc_sync_target() */
	await_set(h, c->tsc_source, -1, "W3 TSC partner", c->cpu);
	bu_hp(h)->work(h, c->cpu, BU_HP_TSC_SYNC);
	bu_hp(h)->work(h, c->cpu, BU_HP_ONLINE);
	bu_ops(h)->store(h, c->online, 1);
	cpuhp_online_idle(h, c);
}

static int do_boot_cpu(struct bu_host *h, struct serial_cpu *c)
{
	int ret;

	bu_hp(h)->work(h, c->cpu, BU_HP_KICK);
	bu_ops(h)->spawn(h, "cpu", c->cpu, start_secondary, c);
	bu_hp(h)->work(h, c->cpu, BU_HP_KICK_TAIL);
	ret = await_set(h, c->initialized, DO_BOOT_CPU_TIMEOUT_NS, "W1 cpu_initialized_mask", c->cpu);
	if (ret < 0)
		return -EIO;
	bu_hp(h)->work(h, c->cpu, BU_HP_RELEASE);
	bu_hp(h)->mark(h, c->cpu, BU_HP_AT_RELEASE);
	bu_ops(h)->store(h, c->callout, 1);
	await_set(h, c->callin, -1, "W2 cpu_callin_mask", c->cpu);
	return 0;
}

static int bringup_cpu(struct bu_host *h, struct serial_cpu *c)
{
	int ret;

	bu_hp(h)->work(h, c->cpu, BU_HP_KICK_ENTRY);
	bu_hp(h)->mark(h, c->cpu, BU_HP_AT_KICK);
	ret = do_boot_cpu(h, c);
	if (ret)
		return ret;
	/* check_tsc_sync_source() */
	bu_hp(h)->work(h, c->cpu, BU_HP_TSC_JOIN);
	bu_ops(h)->store(h, c->tsc_source, 1);
	await_set(h, c->online, -1, "W4 cpu_online", c->cpu);
	/* bringup_wait_for_ap() */
	wait_for_completion(h, c->done_up, "W5 done_up: CPU idle", c->cpu);
	bu_hp(h)->work(h, c->cpu, BU_HP_UNPARK);
	bu_ops(h)->spawn(h, "cpuhp", c->cpu, cpuhp_thread_fun, c);
	wait_for_completion(h, c->done_up, "W6 done_up: CPU online", c->cpu);
	bu_hp(h)->work(h, c->cpu, BU_HP_DONE);
	return 0;
}

static int cpu_up(struct bu_host *h, int cpu)
{
	struct serial_cpu *c = bu_ops(h)->alloc(h, sizeof(*c));
	int i, ret = 0, n = bu_hp(h)->nr_steps(h, cpu, BU_HP_PREPARE);

	c->cpu = cpu;
	c->initialized = bu_ops(h)->word(h, "cpu_initialized", 0);
	c->callout = bu_ops(h)->word(h, "cpu_callout", 0);
	c->callin = bu_ops(h)->word(h, "cpu_callin", 0);
	c->tsc_source = bu_ops(h)->word(h, "tsc start_count", 0);
	c->online = bu_ops(h)->word(h, "cpu_online", 0);
	c->done_up = bu_ops(h)->word(h, "done_up", 0);

	bu_hp(h)->work(h, cpu, BU_HP_ENTRY);
	bu_hp(h)->mark(h, cpu, BU_HP_AT_PREPARE);
	for (i = 0; i < n && !ret; i++)
		ret = bu_hp(h)->step(h, cpu, BU_HP_PREPARE, i);
	if (!ret)
		ret = bringup_cpu(h, c);
	if (ret) {
		bu_hp(h)->failed(h, cpu, ret);
		bu_hp(h)->work(h, cpu, BU_HP_EXIT);
	}
	return ret;
}

static void bringup_nonboot_cpus(struct bu_host *h)
{
	int cpu, n = bu_hp(h)->nr_cpus(h);

	bu_hp(h)->lead_in(h);
	for (cpu = 0; cpu < n; cpu++)
		if (cpu != bu_hp(h)->control_cpu(h))
			cpu_up(h, cpu);
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
