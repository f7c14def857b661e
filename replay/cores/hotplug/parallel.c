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

#include "replay/core.h"

struct parallel_cpu {
	int cpu;
	uint32_t sync_state, tsc_source, tsc_done, done_up;	/* words */
};

/* One instance per run; tasks find their way from a CPU to it. */
struct parallel {
	struct parallel_cpu *cpus;
	uint32_t tr_lock;
};

struct ap_arg {
	struct parallel *p;
	struct parallel_cpu *c;
};

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

static void wait_for_completion(struct bu_host *h, uint32_t done, const char *point, int cpu)
{
	const struct bu_await op = { .size = sizeof(op), .word = done, .when = BU_WHEN_GE, .value = 1,
				     .then = BU_THEN_ADD, .operand = -1, .timeout_ns = -1, .point = point, .cpu = cpu };

	bu_ops(h)->await(h, &op);
}

static void cpuhp_thread_fun(struct bu_host *h, void *arg)
{
	struct parallel_cpu *c = arg;
	int i, n = bu_hp(h)->nr_steps(h, c->cpu, BU_HP_ONLINE_STEPS);

	bu_hp(h)->work(h, c->cpu, BU_HP_THREAD_WAKE);
	for (i = 0; i < n; i++)
		bu_hp(h)->step(h, c->cpu, BU_HP_ONLINE_STEPS, i);
	bu_hp(h)->mark(h, c->cpu, BU_HP_AT_ONLINE);
	bu_ops(h)->add(h, c->done_up, 1);
}

/* Runs in the interrupt that the starting CPU sends to the first online CPU, which sleeps in W5 meanwhile. */
static void check_tsc_sync_source(struct bu_host *h, void *arg)
{
	struct parallel_cpu *c = arg;
	const struct bu_await done = { .size = sizeof(done), .word = c->tsc_done, .when = BU_WHEN_NE, .value = 0,
				       .timeout_ns = -1, .point = "W3 TSC partner", .cpu = c->cpu, .spins = true };

	bu_hp(h)->work(h, c->cpu, BU_HP_TSC_JOIN);
	bu_ops(h)->store(h, c->tsc_source, 1);
	bu_ops(h)->await(h, &done);
}

static void check_tsc_sync_target(struct bu_host *h, struct parallel_cpu *c)
{
	const struct bu_await op = { .size = sizeof(op), .word = c->tsc_source, .when = BU_WHEN_NE, .value = 0,
				     .timeout_ns = -1, .point = "W3 TSC partner", .cpu = c->cpu, .spins = true };

	bu_ops(h)->spawn(h, "tsc source", bu_hp(h)->control_cpu(h), check_tsc_sync_source, c);
	bu_ops(h)->await(h, &op);
	bu_hp(h)->work(h, c->cpu, BU_HP_TSC_SYNC);
	bu_ops(h)->store(h, c->tsc_done, 1);
}

static void cpuhp_ap_sync_alive(struct bu_host *h, struct parallel_cpu *c)
{
	const struct bu_await op = { .size = sizeof(op), .word = c->sync_state, .when = BU_WHEN_EQ,
				     .value = SYNC_STATE_SHOULD_ONLINE, .timeout_ns = -1,
				     .point = "Wa SYNC_STATE_SHOULD_ONLINE", .cpu = c->cpu, .spins = true };

	bu_hp(h)->mark(h, c->cpu, BU_HP_AT_ALIVE);
	bu_ops(h)->store(h, c->sync_state, SYNC_STATE_ALIVE);
	bu_ops(h)->await(h, &op);
}

static void start_secondary(struct bu_host *h, void *arg)
{
	struct ap_arg *a = arg;
	struct parallel_cpu *c = a->c;

	if (bu_hp(h)->never_comes(h, c->cpu))
		return;
	bu_ops(h)->serialise(h, a->p->tr_lock, bu_ops(h)->param(h, PARAM_TRAMPOLINE_NS), "Wt tr_lock");
	bu_hp(h)->work(h, c->cpu, BU_HP_DARK);
	cpuhp_ap_sync_alive(h, c);
	bu_hp(h)->work(h, c->cpu, BU_HP_RELEASED);
	bu_hp(h)->work(h, c->cpu, BU_HP_STARTING);
	check_tsc_sync_target(h, c);
	bu_hp(h)->work(h, c->cpu, BU_HP_ONLINE);
	/* cpuhp_online_idle() */
	bu_ops(h)->store(h, c->sync_state, SYNC_STATE_ONLINE);
	bu_hp(h)->mark(h, c->cpu, BU_HP_AT_IDLE);
	bu_ops(h)->add(h, c->done_up, 1);
}

static int cpuhp_kick_ap_alive(struct bu_host *h, struct parallel *p, struct parallel_cpu *c)
{
	struct ap_arg *a = bu_ops(h)->alloc(h, sizeof(*a));

	*a = (struct ap_arg){ p, c };
	bu_hp(h)->work(h, c->cpu, BU_HP_KICK_ENTRY);
	bu_hp(h)->mark(h, c->cpu, BU_HP_AT_KICK);
	bu_ops(h)->store(h, c->sync_state, SYNC_STATE_KICKED);
	bu_hp(h)->work(h, c->cpu, BU_HP_KICK);
	bu_ops(h)->spawn(h, "cpu", c->cpu, start_secondary, a);
	bu_hp(h)->work(h, c->cpu, BU_HP_KICK_TAIL);
	return 0;
}

static int cpuhp_bringup_ap(struct bu_host *h, struct parallel_cpu *c)
{
	const struct bu_await alive = { .size = sizeof(alive), .word = c->sync_state, .when = BU_WHEN_EQ,
					.value = SYNC_STATE_ALIVE, .timeout_ns = SYNC_TIMEOUT_NS,
					.point = "W1' SYNC_STATE_ALIVE", .cpu = c->cpu, .spins = true };

	if (bu_ops(h)->await(h, &alive) < 0)
		return -EIO;
	bu_hp(h)->work(h, c->cpu, BU_HP_RELEASE);
	bu_hp(h)->mark(h, c->cpu, BU_HP_AT_RELEASE);
	bu_ops(h)->store(h, c->sync_state, SYNC_STATE_SHOULD_ONLINE);
	/* bringup_wait_for_ap_online() */
	wait_for_completion(h, c->done_up, "W5 done_up: CPU idle", c->cpu);
	bu_hp(h)->work(h, c->cpu, BU_HP_UNPARK);
	/* cpuhp_kick_ap() */
	bu_ops(h)->spawn(h, "cpuhp", c->cpu, cpuhp_thread_fun, c);
	wait_for_completion(h, c->done_up, "W6 done_up: CPU online", c->cpu);
	bu_hp(h)->work(h, c->cpu, BU_HP_DONE);
	return 0;
}

static int give_up(struct bu_host *h, int cpu, int ret)
{
	bu_hp(h)->failed(h, cpu, ret);
	bu_hp(h)->work(h, cpu, BU_HP_EXIT);
	return ret;
}

/* cpu_up(cpu, CPUHP_BP_KICK_AP) */
static int cpu_up_kick(struct bu_host *h, struct parallel *p, int cpu)
{
	struct parallel_cpu *c = &p->cpus[cpu];
	int i, ret = 0, n = bu_hp(h)->nr_steps(h, cpu, BU_HP_PREPARE);

	c->cpu = cpu;
	c->sync_state = bu_ops(h)->word(h, "ap_sync_state", SYNC_STATE_DEAD);
	c->tsc_source = bu_ops(h)->word(h, "tsc start_count", 0);
	c->tsc_done = bu_ops(h)->word(h, "tsc stop_count", 0);
	c->done_up = bu_ops(h)->word(h, "done_up", 0);
	bu_hp(h)->work(h, cpu, BU_HP_ENTRY);
	bu_hp(h)->mark(h, cpu, BU_HP_AT_PREPARE);
	for (i = 0; i < n && !ret; i++)
		ret = bu_hp(h)->step(h, cpu, BU_HP_PREPARE, i);
	if (!ret)
		ret = cpuhp_kick_ap_alive(h, p, c);
	return ret ? give_up(h, cpu, ret) : 0;
}

/* cpu_up(cpu, CPUHP_ONLINE) of a CPU that has been kicked */
static int cpu_up_online(struct bu_host *h, struct parallel *p, int cpu)
{
	struct parallel_cpu *c = &p->cpus[cpu];
	int ret;

	if (!c->sync_state || bu_ops(h)->load(h, c->sync_state) == SYNC_STATE_DEAD)
		return -EIO;	/* it failed before its kick */
	bu_hp(h)->work(h, cpu, BU_HP_BRINGUP_ENTRY);
	ret = cpuhp_bringup_ap(h, c);
	return ret ? give_up(h, cpu, ret) : 0;
}

/* One pass over the primaries or their siblings; both steps of a CPU at once when @back_to_back. */
static void cpuhp_bringup_mask(struct bu_host *h, struct parallel *p, bool primaries, bool kick, bool online, bool all)
{
	int cpu, n = bu_hp(h)->nr_cpus(h);

	for (cpu = 0; cpu < n; cpu++) {
		if (cpu == bu_hp(h)->control_cpu(h))
			continue;
		if (!all && bu_hp(h)->is_primary(h, cpu) != primaries)
			continue;
		if (kick && cpu_up_kick(h, p, cpu))
			continue;
		if (online)
			cpu_up_online(h, p, cpu);
	}
}

static void bringup_nonboot_cpus(struct bu_host *h)
{
	struct parallel *p = bu_ops(h)->alloc(h, sizeof(*p));

	p->cpus = bu_ops(h)->alloc(h, (size_t)bu_hp(h)->nr_cpus(h) * sizeof(*p->cpus));
	p->tr_lock = bu_ops(h)->word(h, "tr_lock", 1);
	bu_hp(h)->lead_in(h);
	if (!bu_ops(h)->param(h, PARAM_PARALLEL)) {
		cpuhp_bringup_mask(h, p, true, true, true, true);
		return;
	}
	cpuhp_bringup_mask(h, p, true, true, false, false);
	cpuhp_bringup_mask(h, p, true, false, true, false);
	cpuhp_bringup_mask(h, p, false, true, false, false);
	cpuhp_bringup_mask(h, p, false, false, true, false);
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
