/* SPDX-License-Identifier: MIT */
/*
 * split.h - bring-up in two steps, kick and online, as since Linux 6.5 (CONFIG_HOTPLUG_SPLIT_STARTUP, CONFIG_HOTPLUG_PARALLEL).
 *
 * Source: kernel/cpu.c (cpuhp_bringup_mask, cpuhp_kick_ap_alive, cpuhp_bringup_ap, cpuhp_wait_for_sync_state,
 * cpuhp_ap_sync_alive, cpuhp_can_boot_ap), arch/x86/kernel/smpboot.c (native_kick_ap, start_secondary, ap_starting) and
 * tsc_sync.c of Linux 6.12; functions carry the kernel's names. Cores choose the passes, how a CPU is woken up and what it runs.
 */
#ifndef BU_REPLAY_KIT_SPLIT_H
#define BU_REPLAY_KIT_SPLIT_H

#include <errno.h>

#include "replay/kit/cpuhp.h"
#include "replay/kit/x86.h"

/* enum cpuhp_sync_state, kernel/cpu.c */
enum { SYNC_STATE_DEAD, SYNC_STATE_KICKED, SYNC_STATE_SHOULD_DIE, SYNC_STATE_ALIVE, SYNC_STATE_SHOULD_ONLINE,
       SYNC_STATE_ONLINE };

struct split {
	bu_obj tr_lock;
	int64_t trampoline_ns;		/* under tr_lock; what is recorded of it is in the dark phase */
	bu_thread_fn start_secondary;	/* what a CPU that is kicked runs */
	void *core;			/* what the core keeps besides */
};

static inline struct split *split(struct bu_machine *m)
{
	return (struct split *)cpuhp(m)->core;
}

static inline bu_word_id ap_sync_state(struct bu_machine *m, int cpu)
{
	return cpuhp_state(m, cpu)->ap_sync_state;
}

/* --------------------------------------------------------------------------------------------------------- the CPU */

/* The real-mode trampoline: one CPU at a time until it is on a stack of its own. */
static inline void trampoline(struct bu_machine *m, int cpu)
{
	struct split *s = split(m);

	KERNEL_FN(m);
	if (!raw_spin_trylock(m, s->tr_lock)) {
		wait_point(m, "Wt tr_lock", cpu);
		raw_spin_lock(m, s->tr_lock);
	}
	work(m, s->trampoline_ns);
	raw_spin_unlock(m, s->tr_lock);
}

static inline void cpuhp_ap_sync_alive(struct bu_machine *m, int cpu)
{
	KERNEL_FN(m);
	bu_hp(m)->mark(m, cpu, BU_HP_AT_ALIVE);
	atomic_xchg(m, ap_sync_state(m, cpu), SYNC_STATE_ALIVE);
	spin_until(m, ap_sync_state(m, cpu), BU_GUARD_EQ, SYNC_STATE_SHOULD_ONLINE, -1, "Wa SYNC_STATE_SHOULD_ONLINE", cpu);
}

/* In the interrupt that the starting CPU sends to the first online CPU, which sleeps in W5 meanwhile. */
static inline void tsc_sync_source_ipi(struct bu_machine *m, void *arg)
{
	check_tsc_sync_source(m, (int)(intptr_t)arg);
}

static inline void check_tsc(struct bu_machine *m, int cpu)
{
	if (tsc_check_is_skipped(m, cpu)) {
		tsc_store_and_check_tsc_adjust(m, cpu);
		return;
	}
	smp_call_function_single(m, 0, "check_tsc_sync_source", tsc_sync_source_ipi, (void *)(intptr_t)cpu, false);
	check_tsc_sync_target(m, cpu);
}

/* From the release on. */
static inline void start_secondary_released(struct bu_machine *m, int cpu)
{
	bu_hp(m)->work(m, cpu, BU_HP_RELEASED);
	bu_hp(m)->work(m, cpu, BU_HP_STARTING);
	check_tsc(m, cpu);
	/* ap_calibrate_delay() */
	if (description(m)->tsc_constant != 1)
		calibrate_delay(m, cpu);
	bu_hp(m)->work(m, cpu, BU_HP_ONLINE);
	x86_set_cpu_online(m, cpu);
	atomic_set(m, ap_sync_state(m, cpu), SYNC_STATE_ONLINE);
	cpuhp_online_idle(m, cpu);
	cpu_startup_entry(m);
	atomic_set(m, ap_sync_state(m, cpu), SYNC_STATE_DEAD);
	cpuhp_report_idle_dead(m, cpu);
}

static inline void start_secondary(struct bu_machine *m, void *arg)
{
	const int cpu = this_cpu(m);

	(void)arg;
	KERNEL_FN(m);
	trampoline(m, cpu);
	x86_boot(m)->head(m, cpu);
	load_ucode_ap(m, cpu);
	cpuhp_ap_sync_alive(m, cpu);
	start_secondary_released(m, cpu);
}

/* ------------------------------------------------------------------------------------------------- the control CPU */

#define SYNC_TIMEOUT_NS INT64_C(10000000000)	/* NSEC_PER_SEC * 10 */

/*
 * Polls busily for a millisecond, then sleeps 1 to 2 ms between looks; a timer with slack goes off at its end unless another
 * interrupt comes before (kernel/time/hrtimer.c). A recorded release contains how late the look was, so only where there is
 * none it is found out here.
 */
static inline bool cpuhp_wait_for_sync_state(struct bu_machine *m, int cpu, int state, int next_state)
{
	const struct bu_hp_machine *d = description(m);
	const bu_word_id w = ap_sync_state(m, cpu);
	const bool recorded = bu_hp(m)->duration(m, cpu, BU_HP_RELEASE) > 0;
	const int64_t end = now(m) + SYNC_TIMEOUT_NS;

	KERNEL_FN(m);
	if (spin_until(m, w, BU_GUARD_EQ, state, recorded ? SYNC_TIMEOUT_NS : d->sync_spin_ns, "W1' SYNC_STATE_ALIVE", cpu))
		while (atomic_read(m, w) != state) {
			if (now(m) > end)
				return false;
			wait_point(m, "W1' SYNC_STATE_ALIVE", cpu);
			sleep_ns(m, d->sync_sleep_max_ns);
		}
	bu_hp(m)->work(m, cpu, BU_HP_RELEASE);
	bu_hp(m)->mark(m, cpu, BU_HP_AT_RELEASE);
	atomic_cmpxchg(m, w, state, next_state);
	return true;
}

static inline bool cpuhp_can_boot_ap(struct bu_machine *m, int cpu)
{
	const bu_word_id w = ap_sync_state(m, cpu);
	int64_t sync = atomic_read(m, w);

	while (sync == SYNC_STATE_DEAD || sync == SYNC_STATE_KICKED || sync == SYNC_STATE_ALIVE) {
		const int64_t found = atomic_cmpxchg(m, w, sync, SYNC_STATE_KICKED);

		if (found == sync)
			return true;
		sync = found;
	}
	return false;
}

static inline int cpuhp_kick_ap_alive(struct bu_machine *m, int cpu)
{
	KERNEL_FN(m);
	bu_hp(m)->work(m, cpu, BU_HP_KICK_ENTRY);
	bu_hp(m)->mark(m, cpu, BU_HP_AT_KICK);
	if (!ap_sync_state(m, cpu))
		cpuhp_state(m, cpu)->ap_sync_state = atomic(m, "ap_sync_state", SYNC_STATE_DEAD);
	if (!cpuhp_can_boot_ap(m, cpu))
		return -EAGAIN;
	bu_hp(m)->work(m, cpu, BU_HP_KICK);
	x86_boot(m)->wake(m, cpu, split(m)->start_secondary);
	bu_hp(m)->work(m, cpu, BU_HP_KICK_TAIL);
	return 0;
}

static inline int cpuhp_bringup_ap(struct bu_machine *m, int cpu)
{
	int ret;

	KERNEL_FN(m);
	mutex_lock(m, cpuhp(m)->sparse_irq_lock);
	if (!cpuhp_wait_for_sync_state(m, cpu, SYNC_STATE_ALIVE, SYNC_STATE_SHOULD_ONLINE)) {
		bu_hp(m)->message(m, cpu, "failed to report alive state");
		mutex_unlock(m, cpuhp(m)->sparse_irq_lock);
		return -EIO;
	}
	bringup_wait_for_ap_online(m, cpu);
	mutex_unlock(m, cpuhp(m)->sparse_irq_lock);
	ret = cpuhp_kick_ap_to_target(m, cpu);
	bu_hp(m)->work(m, cpu, BU_HP_DONE);
	return ret;
}

static const struct cpuhp_arch split_arch = { .kick_ap = cpuhp_kick_ap_alive, .bringup_cpu = cpuhp_bringup_ap };

enum split_mask { MASK_ALL, MASK_PRIMARIES, MASK_SIBLINGS };
enum split_target { TARGET_KICK, TARGET_ONLINE };

/* One pass. A CPU that fails on its way online has been rolled back to the state of its kick only; the rest is done here. */
static inline void cpuhp_bringup_mask(struct bu_machine *m, enum split_mask mask, enum split_target target)
{
	int cpu, n = (int)nr_cpus(m);

	KERNEL_FN(m);
	for (cpu = 1; cpu < n; cpu++) {
		if (mask != MASK_ALL && bu_hp(m)->is_primary(m, cpu) != (mask == MASK_PRIMARIES))
			continue;
		if (cpu_up(m, cpu, target == TARGET_KICK ? cpuhp_kick_state(m, cpu) : cpuhp_online_state(m, cpu)))
			BU_ASSERT_CORE(m, !cpuhp_invoke_callback_range(m, false, cpu, CPUHP_OFFLINE));
	}
}

/* What smp_init() finds. */
static inline struct split *split_init(struct bu_machine *m, void *core)
{
	struct split *s = (struct split *)alloc(m, sizeof(*s));

	s->tr_lock = raw_spinlock(m, "tr_lock", BU_SPIN_QUEUED);
	s->start_secondary = start_secondary;
	s->core = core;
	x86_boot_init(m, &split_arch, s);
	return s;
}

#endif
