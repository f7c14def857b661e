/* SPDX-License-Identifier: MIT */
/*
 * ap_start.h - the hardware part of bringing a CPU up, for cores of runtime operations: as one step, or kick and release apart.
 *
 * Source: arch/x86/kernel/smpboot.c and tsc_sync.c of v4.4 and v6.1 (do_boot_cpu(), smp_callin(), waits W1 to W4 and Wa), of v6.12
 * (native_kick_ap(), cpuhp_ap_sync_alive(), W1' and Wa). One word per CPU stands for its bit in each of the masks.
 */
#ifndef BU_REPLAY_KIT_AP_START_H
#define BU_REPLAY_KIT_AP_START_H

#include <errno.h>

#include "replay/core_hotplug.h"
#include "replay/kit/kernel.h"

enum { AP_DEAD, AP_ALIVE, AP_RELEASED, AP_CALLIN, AP_ONLINE };	/* initialized, callout, callin, online */

struct ap_start {
	bool split;			/* since v6.5 */
	bu_word_id *state, *tsc_source;	/* words, by CPU */
	void (*online)(struct bu_machine *, int cpu);	/* on the CPU: from set_cpu_online() to its end */
};

#define AP_TIMEOUT_NS INT64_C(10000000000)	/* do_boot_cpu(), cpuhp_wait_for_sync_state(): 10 s */

static inline struct ap_start *ap_start_create(struct bu_machine *m, bool split, void (*online)(struct bu_machine *, int cpu))
{
	struct ap_start *a = (struct ap_start *)alloc(m, sizeof(*a));
	int cpu, n = (int)nr_cpus(m);

	a->split = split;
	a->online = online;
	a->state = (bu_word_id *)alloc(m, (size_t)n * sizeof(*a->state));
	a->tsc_source = (bu_word_id *)alloc(m, (size_t)n * sizeof(*a->tsc_source));
	for (cpu = 1; cpu < n; cpu++) {
		a->state[cpu] = atomic(m, "ap state", AP_DEAD);
		a->tsc_source[cpu] = atomic(m, "tsc start_count", 0);
	}
	return a;
}

static inline void ap_start_secondary(struct bu_machine *m, void *arg)
{
	struct ap_start *a = (struct ap_start *)arg;
	const int cpu = this_cpu(m);

	KERNEL_FN(m);
	bu_hp(m)->work(m, cpu, BU_HP_DARK);
	bu_hp(m)->mark(m, cpu, BU_HP_AT_ALIVE);
	atomic_set(m, a->state[cpu], AP_ALIVE);
	spin_until(m, a->state[cpu], BU_GUARD_GE, AP_RELEASED, -1, "Wa release", cpu);
	bu_hp(m)->work(m, cpu, BU_HP_RELEASED);
	bu_hp(m)->work(m, cpu, BU_HP_STARTING);
	atomic_set(m, a->state[cpu], AP_CALLIN);
	if (!a->split)
		spin_until(m, a->tsc_source[cpu], BU_GUARD_NE, 0, -1, "W3 TSC partner", cpu);
	else
		bu_hp(m)->work(m, cpu, BU_HP_TSC_JOIN);	/* the interrupt to the first online CPU, which sleeps */
	bu_hp(m)->work(m, cpu, BU_HP_TSC_SYNC);
	bu_hp(m)->work(m, cpu, BU_HP_ONLINE);
	set_cpu_online(m, cpu, true);
	atomic_set(m, a->state[cpu], AP_ONLINE);
	a->online(m, cpu);
}

/* do_boot_cpu(), native_kick_ap(). */
static inline void ap_kick(struct bu_machine *m, struct ap_start *a, int cpu)
{
	KERNEL_FN(m);
	atomic_set(m, a->state[cpu], AP_DEAD);
	atomic_set(m, a->tsc_source[cpu], 0);
	bu_hp(m)->work(m, cpu, BU_HP_KICK_ENTRY);
	bu_hp(m)->mark(m, cpu, BU_HP_AT_KICK);
	bu_hp(m)->work(m, cpu, BU_HP_KICK);
	if (!bu_hp(m)->never_comes(m, cpu))
		cpu_start(m, cpu, ap_start_secondary, a);
	bu_hp(m)->work(m, cpu, BU_HP_KICK_TAIL);
}

/* From the kick until the CPU is online (one step) or released (split). Return: 0; -EIO when it never came. */
static inline int ap_wait(struct bu_machine *m, struct ap_start *a, int cpu)
{
	KERNEL_FN(m);
	if (a->split)
		bu_hp(m)->work(m, cpu, BU_HP_BRINGUP_ENTRY);
	if (spin_until(m, a->state[cpu], BU_GUARD_GE, AP_ALIVE, AP_TIMEOUT_NS, a->split ? "W1' alive" : "W1 cpu_initialized_mask", cpu))
		return -EIO;
	bu_hp(m)->work(m, cpu, BU_HP_RELEASE);
	bu_hp(m)->mark(m, cpu, BU_HP_AT_RELEASE);
	atomic_set(m, a->state[cpu], AP_RELEASED);
	if (a->split)
		return 0;
	spin_until(m, a->state[cpu], BU_GUARD_GE, AP_CALLIN, -1, "W2 cpu_callin_mask", cpu);
	bu_hp(m)->work(m, cpu, BU_HP_TSC_JOIN);	/* check_tsc_sync_source() */
	atomic_set(m, a->tsc_source[cpu], 1);
	spin_until(m, a->state[cpu], BU_GUARD_GE, AP_ONLINE, -1, "W4 cpu_online", cpu);
	return 0;
}

#endif
