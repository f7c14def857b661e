// SPDX-License-Identifier: GPL-2.0-only
/*
 * parallel_full.c - parallel bring-up as first proposed: all CPUs are released at once and come up side by side, until each in
 * its turn checks its TSC with the boot CPU and is brought online.
 *
 * Source: "parallel-5.16" of D. Woodhouse (mails of 16 Feb 2021 and 8 Dec 2021, 60984965ac19, 5f4b77c9459c), on Linux 5.15's
 * kernel/cpu.c, arch/x86/kernel/smpboot.c; kit/rcu_starting.h for what RCU does of it. Not merged like this: 6.5 releases one
 * CPU at a time (parallel.c).
 *
 * Passes: all CPUs are kicked; all are released as they come alive; each is brought online.
 *
 * Parameters: rcu is how a starting CPU is excluded from RCU's grace periods, of which the side-by-side start needs one that
 * works; access_ns, gp_ns set how close CPUs and grace periods come to each other. tsc, x2apic and topology choose between
 * state per CPU and the globals that were there: `shared` TSC counters hang (mail of 3 Feb 2023), one `spare` cluster mask is
 * gone for the second cluster (mail of 21 Jan 2021), `unlocked` package numbers come out twice (v17 7/8).
 *
 * Assumes what kit/cpuhp.h does; that all of the starting phase before the TSC check can run side by side; that two CPUs in
 * different parts of the starting phase have no other globals in common.
 */
#include "replay/kit/rcu_starting.h"
#include "replay/kit/split.h"

enum { TSC_PER_CPU, TSC_SHARED };
enum { X2APIC_PER_CPU, X2APIC_SPARE };
enum { TOPOLOGY_LOCKED, TOPOLOGY_UNLOCKED };
enum { PARAM_RCU, PARAM_ACCESS_NS, PARAM_GP_NS, PARAM_TSC, PARAM_X2APIC, PARAM_TOPOLOGY, PARAM_TRAMPOLINE_NS };

static const struct bu_param parameters[] = {
	{ "rcu", RCU_VARIANTS, "exclusion of starting CPUs and grace periods", RCU_OFL_LOCK, RCU_OFL_SEQ, RCU_OFL_LOCK },
	{ "access_ns", "ns", "mean time of an access to what CPUs share", 100, 0, 1000000 },
	{ "gp_ns", "ns", "between grace periods, normal and expedited, that others begin meanwhile", 10000000, 100, INT64_C(1000000000) },
	{ "tsc", "per-cpu|shared", "counters of the TSC check", TSC_PER_CPU, TSC_PER_CPU, TSC_SHARED },
	{ "x2apic", "per-cpu|spare", "cluster masks are allocated for each CPU, or one is kept ready", X2APIC_PER_CPU, X2APIC_PER_CPU,
	  X2APIC_SPARE },
	{ "topology", "locked|unlocked", "numbering of packages", TOPOLOGY_LOCKED, TOPOLOGY_LOCKED, TOPOLOGY_UNLOCKED },
	{ "trampoline_ns", "ns", "in the trampoline, under its lock", 0, 0, INT64_C(1000000000) },
	{ NULL, NULL, NULL, 0, 0, 0 },
};

struct full_cpu {		/* words */
	bu_word_id callin, turn, online;
	bu_word_id logical_package;	/* of the package with this number; -1: none yet */
};

struct full {
	struct rcu_state *rcu;
	struct full_cpu *cpus;
	bu_word_id cluster_hotplug_mask;	/* 1: one is ready */
	bu_word_id logical_packages, released, booted;
	bu_obj topology_lock;
};

static struct full *full(struct bu_machine *m)
{
	return (struct full *)split(m)->core;
}

/* ---------------------------------------------------------------------------------------------------- the CPU */

enum { X2APIC_CLUSTER = 16 };	/* CPUs of one logical destination cluster */

/* init_x2apic_ldr(), x2apic_cluster.c: the first CPU of a cluster takes the mask that x2apic_prepare_cpu() left ready. */
static void init_x2apic_ldr(struct bu_machine *m, int cpu)
{
	KERNEL_FN(m);
	if (param(m, PARAM_X2APIC) == X2APIC_PER_CPU || cpu % X2APIC_CLUSTER)
		return;
	if (!atomic_xchg(m, full(m)->cluster_hotplug_mask, 0))
		crash(m, "NULL pointer dereference", "cluster_hotplug_mask in init_x2apic_ldr()");
}

/* topology_update_package_map(), smpboot.c: a package gets the next number when its first CPU is seen. */
static void topology_update_package_map(struct bu_machine *m, int cpu)
{
	const bool locked = param(m, PARAM_TOPOLOGY) == TOPOLOGY_LOCKED;
	const int32_t package = bu_hp(m)->place(m, cpu)->package;
	struct full *f = full(m);
	bu_word_id number;

	if (package < 0 || package >= (int32_t)nr_cpus(m))
		return;
	KERNEL_FN(m);
	number = f->cpus[package].logical_package;
	if (locked)
		raw_spin_lock(m, f->topology_lock);
	if (rcu_load(m, f->rcu, number) < 0) {
		const int64_t new_number = atomic_add_return(m, f->logical_packages, 1) - 1;

		rcu_access(m, f->rcu);
		BU_ASSERT_CORE(m, atomic_xchg(m, number, new_number) < 0);
	}
	if (locked)
		raw_spin_unlock(m, f->topology_lock);
}

/* Whether another CPU of the package is up already is looked at when it is its turn, as its partner does. */
static void tsc_check_target(struct bu_machine *m, int cpu)
{
	if (param(m, PARAM_TSC) == TSC_PER_CPU)
		spin_until(m, full(m)->cpus[cpu].turn, BU_GUARD_NE, 0, -1, "W3 TSC partner", cpu);
	if (tsc_check_is_skipped(m, cpu))
		tsc_store_and_check_tsc_adjust(m, cpu);
	else
		check_tsc_sync_target(m, cpu);
}

static void start_secondary_full(struct bu_machine *m, void *arg)
{
	const int cpu = this_cpu(m);
	const struct full_cpu *c = &full(m)->cpus[cpu];

	(void)arg;
	KERNEL_FN(m);
	trampoline(m, cpu);
	x86_boot(m)->head(m, cpu);
	load_ucode_ap(m, cpu);
	cpuhp_ap_sync_alive(m, cpu);
	bu_hp(m)->work(m, cpu, BU_HP_RELEASED);
	rcu_cpu_starting(m, full(m)->rcu, cpu);
	init_x2apic_ldr(m, cpu);
	topology_update_package_map(m, cpu);
	bu_hp(m)->work(m, cpu, BU_HP_STARTING);
	calibrate_delay(m, cpu);
	atomic_set(m, c->callin, 1);
	tsc_check_target(m, cpu);
	/* No CPU goes online before its turn: what it runs from here on takes for granted that others stand still. */
	spin_until(m, c->turn, BU_GUARD_NE, 0, -1, "Wa its turn", cpu);
	bu_hp(m)->work(m, cpu, BU_HP_ONLINE);
	x86_set_cpu_online(m, cpu);
	atomic_set(m, ap_sync_state(m, cpu), SYNC_STATE_ONLINE);
	atomic_set(m, c->online, 1);
	cpuhp_online_idle(m, cpu);
	cpu_startup_entry(m);
	atomic_set(m, ap_sync_state(m, cpu), SYNC_STATE_DEAD);
	cpuhp_report_idle_dead(m, cpu);
}

/* ------------------------------------------------------------------------------------------- the control CPU */

static int kick_ap(struct bu_machine *m, int cpu)
{
	struct full *f = full(m);

	f->cpus[cpu].callin = atomic(m, "cpu_callin", 0);
	f->cpus[cpu].turn = atomic(m, "turn", 0);
	f->cpus[cpu].online = atomic(m, "cpu_online", 0);
	atomic_set(m, f->cluster_hotplug_mask, 1);	/* x2apic_prepare_cpu() */
	return cpuhp_kick_ap_alive(m, cpu);
}

/* The state x86/cpu:wait-init: released as soon as it is alive. One that is not stays KICKED. */
static void wait_init(struct bu_machine *m)
{
	int cpu, n = (int)nr_cpus(m);

	KERNEL_FN(m);
	for (cpu = 1; cpu < n; cpu++) {
		if (cpuhp_get_state(m, cpu) != cpuhp_kick_state(m, cpu))
			continue;
		if (!cpuhp_wait_for_sync_state(m, cpu, SYNC_STATE_ALIVE, SYNC_STATE_SHOULD_ONLINE))
			bu_hp(m)->message(m, cpu, "failed to report alive state");
	}
}

static int bringup_cpu(struct bu_machine *m, int cpu)
{
	const struct full_cpu *c = &full(m)->cpus[cpu];
	int ret;

	KERNEL_FN(m);
	if (atomic_read(m, ap_sync_state(m, cpu)) != SYNC_STATE_SHOULD_ONLINE)
		return -EIO;
	mutex_lock(m, cpuhp(m)->sparse_irq_lock);
	spin_until(m, c->callin, BU_GUARD_NE, 0, -1, "W2 cpu_callin_mask", cpu);
	atomic_set(m, c->turn, 1);
	if (!tsc_check_is_skipped(m, cpu))
		check_tsc_sync_source(m, cpu);
	spin_until(m, c->online, BU_GUARD_NE, 0, -1, "W4 cpu_online", cpu);
	mutex_unlock(m, cpuhp(m)->sparse_irq_lock);
	bringup_wait_for_ap_online(m, cpu);
	ret = cpuhp_kick_ap_to_target(m, cpu);
	bu_hp(m)->work(m, cpu, BU_HP_DONE);
	return ret;
}

static const struct cpuhp_arch arch = { .kick_ap = kick_ap, .bringup_cpu = bringup_cpu };

static void grace_periods_begin(struct bu_machine *m, const struct full *f, struct rcu_beginner *b)
{
	sync_exp_reset_tree_hotplug(m, f->rcu, b);
	rcu_gp_init(m, f->rcu, b);
}

/*
 * Whoever begins grace periods while CPUs start: at boot synchronize_rcu() is expedited, call_rcu() is not. After
 * rcu_end_inkernel_boot() neither is.
 */
static void grace_periods(struct bu_machine *m, void *arg)
{
	const struct full *f = (const struct full *)arg;
	struct rcu_beginner *b = rcu_beginner_init(m);

	KERNEL_FN(m);
	while (!atomic_read(m, f->released)) {
		grace_periods_begin(m, f, b);
		sleep_ns(m, param(m, PARAM_GP_NS));
	}
	grace_periods_begin(m, f, b);
	for (;;) {
		set_current_state(m, BU_TASK_INTERRUPTIBLE);	/* as a kthread waits for work: not a hung task */
		if (atomic_read(m, f->booted))
			break;
		schedule(m);
	}
	set_current_state(m, BU_TASK_RUNNING);
	grace_periods_begin(m, f, b);
}

static void smp_init(struct bu_machine *m)
{
	struct full *f = alloc(m, sizeof(*f));
	bu_thread gp;
	int i, n = (int)nr_cpus(m);

	KERNEL_FN(m);
	split_init(m, f)->trampoline_ns = param(m, PARAM_TRAMPOLINE_NS);
	split(m)->start_secondary = start_secondary_full;
	cpuhp(m)->arch = &arch;
	f->cpus = alloc(m, (size_t)n * sizeof(*f->cpus));
	f->rcu = rcu_state_init(m, (enum rcu_variant)param(m, PARAM_RCU), param(m, PARAM_ACCESS_NS));
	f->cluster_hotplug_mask = atomic(m, "cluster_hotplug_mask", 0);
	f->logical_packages = atomic(m, "logical_packages", 1);
	f->released = atomic(m, "released", 0);
	f->booted = atomic(m, "booted", 0);
	f->topology_lock = raw_spinlock(m, "topology", BU_SPIN_QUEUED);
	for (i = 0; i < n; i++)
		f->cpus[i].logical_package = atomic(m, "logical package", i == bu_hp(m)->place(m, 0)->package ? 0 : -1);
	/* The grace-period threads are real-time ones where RCU boosts (CONFIG_RCU_BOOST): the boot CPU does not keep them out. */
	gp = thread_create(m, "rcu_gp", BU_ANY_CPU, BU_CLASS_RT, 1, grace_periods, f);
	bu_hp(m)->lead_in(m);
	wake_up_process(m, gp);
	cpuhp_bringup_mask(m, MASK_ALL, TARGET_KICK);
	wait_init(m);
	atomic_set(m, f->released, 1);
	cpuhp_bringup_mask(m, MASK_ALL, TARGET_ONLINE);
	smp_cpus_done(m);
	atomic_set(m, f->booted, 1);
	wake_up_process(m, gp);
}

BU_CORE_DEFINE(hotplug, parallel_full) = {
	.size = sizeof(struct bu_core_def),
	.abi = BU_CORE_ABI,
	.family = "hotplug",
	.name = "parallel-full",
	.summary = "all CPUs released at once, online one by one (as first proposed)",
	.source = "parallel-5.16 by D. Woodhouse, mails of Feb and Dec 2021",
	.params = parameters,
	.control = smp_init,
};
