/* SPDX-License-Identifier: MIT */
/*
 * x86.h - what bringing up an x86 CPU takes besides the state machine: INIT/SIPI, microcode, delay calibration, TSC check.
 *
 * Sources: arch/x86/kernel/smpboot.c, tsc.c and tsc_sync.c, init/calibrate.c of v6.1 and v6.12; functions carry the kernel's
 * names. What the recording has is spent as recorded; the machine's description says what it does not have (docs/methods.md,
 * Recorded and described costs). Clocks do not warp here: the TSC check passes in its first run.
 */
#ifndef BU_REPLAY_KIT_X86_H
#define BU_REPLAY_KIT_X86_H

#include "replay/kit/cpuhp.h"

static inline const struct bu_hp_machine *description(struct bu_machine *m)
{
	return bu_hp(m)->description(m);
}

/* Whether no other CPU of @cpu's package is up. */
static inline bool first_of_package(struct bu_machine *m, int cpu)
{
	const int32_t package = bu_hp(m)->place(m, cpu)->package;
	int i, n = (int)nr_cpus(m);

	for (i = 0; i < n; i++)
		if (i != cpu && cpu_online(m, i) && bu_hp(m)->place(m, i)->package == package)
			return false;
	return true;
}

struct tsc_sync {		/* words; globals of tsc_sync.c: for one pair of CPUs at a time */
	bu_word_id start_count, stop_count, skip_test, test_runs;
};

struct x86_boot {
	struct tsc_sync tsc;
	/* How CPUs are woken up: @wake makes @cpu run @fn, which begins with @head, the way to the first word that can be seen. */
	void (*wake)(struct bu_machine *, int cpu, bu_thread_fn fn);
	void (*head)(struct bu_machine *, int cpu);
	void *wake_data;
};

static inline struct x86_boot *x86_boot(struct bu_machine *m)
{
	return cpuhp(m)->x86;
}

/* ------------------------------------------------------------------------------------------------- waking a CPU up */

/* INIT, then STARTUP twice. Recorded kicks contain the delays between them. */
static inline void wakeup_secondary_cpu_via_init(struct bu_machine *m, int cpu, bu_thread_fn fn)
{
	const struct bu_hp_machine *d = description(m);

	KERNEL_FN(m);
	if (!bu_hp(m)->never_comes(m, cpu))
		cpu_start(m, cpu, fn, NULL);
	if (!bu_hp(m)->duration(m, cpu, BU_HP_KICK) && !bu_hp(m)->duration(m, cpu, BU_HP_KICK_TAIL))
		bu_hp(m)->spend(m, cpu, BU_HP_KICK_TAIL, (d->init_udelay_ns > 0 ? d->init_udelay_ns : 0) +
				2 * (d->sipi_ns + d->sipi_accept_ns));
}

/* From INIT/SIPI on: as recorded, or as described. */
static inline int64_t dark_ns(struct bu_machine *m, int cpu)
{
	const int64_t recorded = bu_hp(m)->duration(m, cpu, BU_HP_DARK), described = description(m)->alive_ns;

	return recorded ? recorded : described > 0 ? described : 0;
}

static inline void head_64(struct bu_machine *m, int cpu)
{
	bu_hp(m)->spend(m, cpu, BU_HP_DARK, dark_ns(m, cpu));
}

/* Part of the dark phase; recorded ones contain it, then the description has none. */
static inline void load_ucode_ap(struct bu_machine *m, int cpu)
{
	const struct bu_hp_machine *d = description(m);
	const int64_t ns = bu_hp(m)->is_primary(m, cpu) ? d->microcode_primary_ns : d->microcode_sibling_ns;

	KERNEL_FN(m);
	if (ns > 0)
		bu_hp(m)->spend(m, cpu, BU_HP_DARK, ns);
}

/*
 * calibrate_delay(): on every CPU, but where the TSC is constant on the first of a package only, the others copy from it
 * (calibrate_delay_is_known()). Recorded starting phases contain it, then the description has none.
 */
static inline void calibrate_delay(struct bu_machine *m, int cpu)
{
	const struct bu_hp_machine *d = description(m);

	KERNEL_FN(m);
	if (d->calibrate_ns > 0 && (d->tsc_constant != 1 || first_of_package(m, cpu)))
		bu_hp(m)->spend(m, cpu, BU_HP_STARTING, d->calibrate_ns);
}

/* ------------------------------------------------------------------------------------------------------ tsc_sync.c */

/* The CPU has TSC_ADJUST and takes it over from one of its package, or the TSC is reliable: nothing to measure. */
static inline bool tsc_check_is_skipped(struct bu_machine *m, int cpu)
{
	const struct bu_hp_machine *d = description(m);

	return d->tsc_reliable == 1 || (d->tsc_adjust == 1 && !first_of_package(m, cpu));
}

/* check_tsc_warp(loop_timeout()): as recorded, else 20 ms for the first CPU of a package and 2 ms for others */
static inline void check_tsc_warp(struct bu_machine *m, int cpu)
{
	if (bu_hp(m)->work(m, cpu, BU_HP_TSC_SYNC) || description(m)->tsc_adjust < 0)
		return;
	bu_hp(m)->spend(m, cpu, BU_HP_TSC_SYNC, first_of_package(m, cpu) ? INT64_C(20000000) : INT64_C(2000000));
}

/* On the partner, which measures for as long as the CPU does: the CPU's loop stands for both. */
static inline void check_tsc_sync_source(struct bu_machine *m, int cpu)
{
	const struct tsc_sync *t = &x86_boot(m)->tsc;

	KERNEL_FN(m);
	bu_hp(m)->work(m, cpu, BU_HP_TSC_JOIN);
	atomic_set(m, t->test_runs, description(m)->tsc_adjust == 1 ? 3 : 1);
	spin_until(m, t->start_count, BU_GUARD_EQ, 1, -1, "W3 TSC partner", cpu);
	atomic_add_return(m, t->start_count, 1);
	spin_until(m, t->stop_count, BU_GUARD_EQ, 1, -1, "W3 TSC partner", cpu);
	atomic_set(m, t->test_runs, 0);
	atomic_set(m, t->start_count, 0);
	atomic_add_return(m, t->stop_count, 1);
}

static inline void check_tsc_sync_target(struct bu_machine *m, int cpu)
{
	const struct tsc_sync *t = &x86_boot(m)->tsc;

	KERNEL_FN(m);
	atomic_add_return(m, t->start_count, 1);
	spin_until(m, t->start_count, BU_GUARD_EQ, 2, -1, "W3 TSC partner", 0);
	check_tsc_warp(m, cpu);
	atomic_add_return(m, t->stop_count, 1);
	spin_until(m, t->stop_count, BU_GUARD_EQ, 2, -1, "W3 TSC partner", 0);
	atomic_set(m, t->stop_count, 0);
	BU_ASSERT_CORE(m, !atomic_read(m, t->test_runs));
}

/* A check that is skipped: what it took to find that out. */
static inline void tsc_store_and_check_tsc_adjust(struct bu_machine *m, int cpu)
{
	KERNEL_FN(m);
	bu_hp(m)->work(m, cpu, BU_HP_TSC_SYNC);
}

/* What smp_init() finds; INIT/SIPI until a core has something else. */
static inline struct x86_boot *x86_boot_init(struct bu_machine *m, const struct cpuhp_arch *arch, void *core)
{
	struct x86_boot *x = (struct x86_boot *)alloc(m, sizeof(*x));

	x->tsc.start_count = atomic(m, "tsc start_count", 0);
	x->tsc.stop_count = atomic(m, "tsc stop_count", 0);
	x->tsc.skip_test = atomic(m, "tsc skip_test", 0);
	x->tsc.test_runs = atomic(m, "tsc test_runs", 0);
	x->wake = wakeup_secondary_cpu_via_init;
	x->head = head_64;
	cpuhp_init(m, arch, core)->x86 = x;
	return x;
}

#endif
