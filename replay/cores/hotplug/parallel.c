// SPDX-License-Identifier: GPL-2.0-only
/*
 * parallel.c - CPU bring-up as Linux 6.12 does it on x86-64 (CONFIG_HOTPLUG_PARALLEL): kick first, release later.
 *
 * Source: kernel/cpu.c (bringup_nonboot_cpus, cpuhp_bringup_cpus_parallel, cpuhp_bringup_mask, cpuhp_kick_ap_alive,
 * cpuhp_bringup_ap, cpuhp_wait_for_sync_state, cpuhp_ap_sync_alive), arch/x86/kernel/smpboot.c (native_kick_ap,
 * start_secondary) and tsc_sync.c of Linux 6.12. Functions carry the kernel's names; wait points as in docs/methods.md.
 *
 * Passes: primary threads are kicked, primary threads are brought online, then the same for their siblings. From its
 * release on a CPU is brought online one at a time; what overlaps is the time between kick and alive.
 *
 * Parameters: with parallel = 0 (cpuhp.parallel=0) each CPU is kicked and brought online before the next one.
 * trampoline_ns is the share of the dark phase that the real-mode trampoline's lock (tr_lock) serialises.
 */
#include <errno.h>

#include "replay/kit/cpuhp.h"

struct parallel_cpu {		/* words; 0 before the CPU's first cpu_up() */
	bu_word_id sync_state, tsc_source, tsc_done;
};

struct parallel {
	struct parallel_cpu *cpus;
	bu_obj tr_lock;
};

static struct parallel *parallel(struct bu_machine *m)
{
	return cpuhp(m)->core;
}

/* enum cpuhp_sync_state, kernel/cpu.c */
enum { SYNC_STATE_DEAD, SYNC_STATE_KICKED, SYNC_STATE_SHOULD_DIE, SYNC_STATE_ALIVE, SYNC_STATE_SHOULD_ONLINE,
       SYNC_STATE_ONLINE };

enum { PARAM_PARALLEL, PARAM_TRAMPOLINE_NS };

static const struct bu_param parameters[] = {
	{ "parallel", "bool", "0: as booted with cpuhp.parallel=0", 1, 0, 1 },
	{ "trampoline_ns", "ns", "part of the dark phase under the trampoline's lock", 0, 0, INT64_C(1000000000) },
	{ NULL, NULL, NULL, 0, 0, 0 },
};

#define SYNC_TIMEOUT_NS INT64_C(10000000000)	/* cpuhp_wait_for_sync_state(): NSEC_PER_SEC * 10 */

/* Runs in the interrupt that the starting CPU sends to the first online CPU, which sleeps in W5 meanwhile. */
static void check_tsc_sync_source(struct bu_machine *m, void *arg)
{
	const int cpu = (int)(intptr_t)arg;
	struct parallel_cpu *c = &parallel(m)->cpus[cpu];

	KERNEL_FN(m);
	bu_hp(m)->work(m, cpu, BU_HP_TSC_JOIN);
	atomic_set(m, c->tsc_source, 1);
	spin_until(m, c->tsc_done, BU_GUARD_NE, 0, -1, "W3 TSC partner", cpu);
}

static void check_tsc_sync_target(struct bu_machine *m, int cpu)
{
	struct parallel_cpu *c = &parallel(m)->cpus[cpu];

	KERNEL_FN(m);
	smp_call_function_single(m, 0, "check_tsc_sync_source", check_tsc_sync_source, (void *)(intptr_t)cpu, false);
	spin_until(m, c->tsc_source, BU_GUARD_NE, 0, -1, "W3 TSC partner", 0);
	bu_hp(m)->work(m, cpu, BU_HP_TSC_SYNC);
	atomic_set(m, c->tsc_done, 1);
}

static void cpuhp_ap_sync_alive(struct bu_machine *m, int cpu)
{
	struct parallel_cpu *c = &parallel(m)->cpus[cpu];

	KERNEL_FN(m);
	bu_hp(m)->mark(m, cpu, BU_HP_AT_ALIVE);
	atomic_set(m, c->sync_state, SYNC_STATE_ALIVE);
	spin_until(m, c->sync_state, BU_GUARD_EQ, SYNC_STATE_SHOULD_ONLINE, -1, "Wa SYNC_STATE_SHOULD_ONLINE", cpu);
}

/* The real-mode trampoline: one CPU at a time until it is on a stack of its own. */
static void trampoline(struct bu_machine *m, int cpu)
{
	const int64_t ns = param(m, PARAM_TRAMPOLINE_NS);

	KERNEL_FN(m);
	if (!ns)
		return;
	wait_point(m, "Wt tr_lock", cpu);
	raw_spin_lock(m, parallel(m)->tr_lock);
	work(m, ns);
	raw_spin_unlock(m, parallel(m)->tr_lock);
}

static void start_secondary(struct bu_machine *m, void *arg)
{
	const int cpu = this_cpu(m);

	(void)arg;
	KERNEL_FN(m);
	trampoline(m, cpu);
	bu_hp(m)->work(m, cpu, BU_HP_DARK);
	cpuhp_ap_sync_alive(m, cpu);
	bu_hp(m)->work(m, cpu, BU_HP_RELEASED);
	bu_hp(m)->work(m, cpu, BU_HP_STARTING);
	check_tsc_sync_target(m, cpu);
	bu_hp(m)->work(m, cpu, BU_HP_ONLINE);
	set_cpu_online(m, cpu, true);
	atomic_set(m, parallel(m)->cpus[cpu].sync_state, SYNC_STATE_ONLINE);
	cpuhp_online_idle(m, cpu);
	cpu_startup_entry(m);
}

static int cpuhp_kick_ap_alive(struct bu_machine *m, int cpu)
{
	KERNEL_FN(m);
	bu_hp(m)->work(m, cpu, BU_HP_KICK_ENTRY);
	bu_hp(m)->mark(m, cpu, BU_HP_AT_KICK);
	atomic_set(m, parallel(m)->cpus[cpu].sync_state, SYNC_STATE_KICKED);
	bu_hp(m)->work(m, cpu, BU_HP_KICK);
	if (!bu_hp(m)->never_comes(m, cpu))
		cpu_start(m, cpu, start_secondary, NULL);
	bu_hp(m)->work(m, cpu, BU_HP_KICK_TAIL);
	return 0;
}

static int cpuhp_bringup_ap(struct bu_machine *m, int cpu)
{
	const bu_word_id sync_state = parallel(m)->cpus[cpu].sync_state;

	KERNEL_FN(m);
	if (spin_until(m, sync_state, BU_GUARD_EQ, SYNC_STATE_ALIVE, SYNC_TIMEOUT_NS, "W1' SYNC_STATE_ALIVE", cpu))
		return -EIO;
	bu_hp(m)->work(m, cpu, BU_HP_RELEASE);
	bu_hp(m)->mark(m, cpu, BU_HP_AT_RELEASE);
	atomic_set(m, sync_state, SYNC_STATE_SHOULD_ONLINE);
	bringup_wait_for_ap(m, cpu);
	bu_hp(m)->work(m, cpu, BU_HP_DONE);
	return 0;
}

static int give_up(struct bu_machine *m, int cpu, int ret)
{
	bu_hp(m)->failed(m, cpu, ret);
	bu_hp(m)->work(m, cpu, BU_HP_EXIT);
	return ret;
}

/* cpu_up(cpu, CPUHP_BP_KICK_AP) */
static int cpu_up_kick(struct bu_machine *m, int cpu)
{
	int i, ret = 0, n = bu_hp(m)->nr_steps(m, cpu, BU_HP_PREPARE);

	KERNEL_FN(m);
	parallel(m)->cpus[cpu] = (struct parallel_cpu){
		atomic(m, "ap_sync_state", SYNC_STATE_DEAD), atomic(m, "tsc start_count", 0), atomic(m, "tsc stop_count", 0),
	};
	bu_hp(m)->work(m, cpu, BU_HP_ENTRY);
	bu_hp(m)->mark(m, cpu, BU_HP_AT_PREPARE);
	cpuhp_prepare(m, cpu);
	for (i = 0; i < n && !ret; i++)
		ret = bu_hp(m)->step(m, cpu, BU_HP_PREPARE, i);
	if (!ret)
		ret = cpuhp_kick_ap_alive(m, cpu);
	return ret ? give_up(m, cpu, ret) : 0;
}

/* cpu_up(cpu, CPUHP_ONLINE) of a CPU that has been kicked */
static int cpu_up_online(struct bu_machine *m, int cpu)
{
	const bu_word_id sync_state = parallel(m)->cpus[cpu].sync_state;
	int ret;

	KERNEL_FN(m);
	if (!sync_state || atomic_read(m, sync_state) == SYNC_STATE_DEAD)
		return -EIO;	/* it failed before its kick */
	bu_hp(m)->work(m, cpu, BU_HP_BRINGUP_ENTRY);
	ret = cpuhp_bringup_ap(m, cpu);
	return ret ? give_up(m, cpu, ret) : 0;
}

/* One pass over the primaries or their siblings, or over all; both steps of a CPU at once when @kick and @online. */
static void cpuhp_bringup_mask(struct bu_machine *m, bool primaries, bool all, bool kick, bool online)
{
	int cpu, n = (int)nr_cpus(m);

	KERNEL_FN(m);
	for (cpu = 1; cpu < n; cpu++) {
		if (!all && bu_hp(m)->is_primary(m, cpu) != primaries)
			continue;
		if (kick && cpu_up_kick(m, cpu))
			continue;
		if (online)
			cpu_up_online(m, cpu);
	}
}

static void bringup_nonboot_cpus(struct bu_machine *m)
{
	struct parallel *p = alloc(m, sizeof(*p));

	KERNEL_FN(m);
	p->cpus = alloc(m, nr_cpus(m) * sizeof(*p->cpus));
	p->tr_lock = raw_spinlock(m, "tr_lock", BU_SPIN_QUEUED);
	cpuhp_init(m, p);
	bu_hp(m)->lead_in(m);
	if (!param(m, PARAM_PARALLEL)) {
		cpuhp_bringup_mask(m, true, true, true, true);
		return;
	}
	cpuhp_bringup_mask(m, true, false, true, false);
	cpuhp_bringup_mask(m, true, false, false, true);
	cpuhp_bringup_mask(m, false, false, true, false);
	cpuhp_bringup_mask(m, false, false, false, true);
}

BU_CORE_DEFINE(hotplug, parallel) = {
	.size = sizeof(struct bu_core_def),
	.abi = BU_CORE_ABI,
	.family = "hotplug",
	.name = "parallel",
	.summary = "kick all CPUs, then bring them online; primaries before siblings (6.5 and later)",
	.source = "Linux 6.12 kernel/cpu.c, arch/x86/kernel/smpboot.c",
	.params = parameters,
	.control = bringup_nonboot_cpus,
};
