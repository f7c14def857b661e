// SPDX-License-Identifier: GPL-2.0-only
/*
 * percpu-rwsem.c - CPU hotplug at runtime as Linux 6.1 and 6.12 do it: the state machine under cpu_hotplug_lock, a
 * percpu_rwsem, with what belongs to a CPU done by its thread cpuhp/N, and the way down through stop_machine.
 *
 * Source: kernel/cpu.c of v6.1 and v6.12 (cpu_down, cpu_device_down, _cpu_down, cpu_up, _cpu_up; the way down in
 * replay/kit/cpuhp_runtime.h), arch/x86/kernel/smpboot.c. cpu_down() runs in a worker of another CPU since 2b8272ff4a70 (v6.6,
 * stable 6.1.y, which the recorded kernels are).
 *
 * Parameters: kernel, what differs: the start of a CPU in one step or split, timers that move at the death or while dying
 * (5c0930ccaad5, v6.7), how long its death is waited for (5 s, 10 s). rcu=recorded: grace periods, those of the locks and that
 * of sched_cpu_deactivate(), last as recorded; rcu=machine: the machine's RCU decides.
 *
 * Without operations in the recording it brings all CPUs up, one after the other.
 */
#include <errno.h>

#include "replay/kit/ap_start.h"
#include "replay/kit/cpuhp_runtime.h"

enum { PARAM_KERNEL, PARAM_RCU };
enum { KERNEL_6_1, KERNEL_6_12 };
enum { RCU_RECORDED, RCU_MACHINE };

static const struct bu_param parameters[] = {
	{ "kernel", "6.1|6.12", "whose rules", KERNEL_6_12, KERNEL_6_1, KERNEL_6_12 },
	{ "rcu", "recorded|machine", "how long grace periods last", RCU_RECORDED, RCU_RECORDED, RCU_MACHINE },
	{ NULL, NULL, NULL, 0, 0, 0 },
};

struct rwsem_core {
	bu_obj cpu_add_remove_lock;
	struct ap_start *ap;
	struct cpuhp_kernel kernel;
	bu_word_id *broken;	/* by CPU: it was never seen dead (CPU_BROKEN, SYNC_STATE_SHOULD_DIE) */
};

static struct rwsem_core *core(struct bu_machine *m)
{
	return cpuhp(m)->core;
}

static void grace_period(struct bu_machine *m, void *arg)
{
	(void)arg;
	synchronize_rcu(m);
}

/* On a CPU that came up: its idle loop until it dies. */
static void online(struct bu_machine *m, int cpu)
{
	cpuhp_online_idle(m, cpu);
	cpu_startup_entry(m);
	cpuhp_report_idle_dead(m, cpu);
}

/* cpus_write_lock(); where grace periods are as recorded, so is the one that it waits for. */
static void lock_cpus(struct bu_machine *m, int cpu)
{
	const int64_t ns = bu_hp(m)->duration(m, cpu, BU_HP_LOCK_WAIT);

	KERNEL_FN(m);
	wait_point(m, "Wr cpu_hotplug_lock", cpu);
	cpus_write_lock(m);
	if (param(m, PARAM_RCU) == RCU_RECORDED && ns) {
		wait_point(m, "Wr cpu_hotplug_lock", cpu);
		sleep_ns(m, ns);
	}
}

/* @op: number of the operation, or -1 at boot. */
static int _cpu_up(struct bu_machine *m, int cpu, int op)
{
	struct rwsem_core *c = core(m);
	int i, ret = 0, n = bu_hp(m)->nr_steps(m, cpu, BU_HP_PREPARE), refused = INT32_MAX;

	KERNEL_FN(m);
	lock_cpus(m, cpu);
	bu_hp(m)->work(m, cpu, BU_HP_ENTRY);
	if (op >= 0)
		bu_hp(m)->op_started(m, op);
	bu_hp(m)->mark(m, cpu, BU_HP_AT_PREPARE);
	smpboot_create_threads(m, cpu);
	for (i = 0; i < n && !ret; i++) {
		ret = bu_hp(m)->step(m, cpu, BU_HP_PREPARE, i);
		if (ret)
			refused = bu_hp(m)->step_state(m, cpu, BU_HP_PREPARE, i);
	}
	if (!ret && atomic_read(m, c->broken[cpu]))
		ret = -EAGAIN;		/* cpu_check_up_prepare(), cpuhp_can_boot_ap() */
	if (!ret) {
		ap_kick(m, c->ap, cpu);
		ret = ap_wait(m, c->ap, cpu);
	}
	if (ret) {
		cpuhp_undo(m, cpu, BU_HP_DEAD_STEPS, refused);
		while (n-- > 0)
			if (bu_hp(m)->step_state(m, cpu, BU_HP_PREPARE, n) < refused)
				bu_hp(m)->undo(m, cpu, BU_HP_PREPARE, n);
		bu_hp(m)->failed(m, cpu, ret);
		bu_hp(m)->work(m, cpu, BU_HP_EXIT);
	} else {
		bringup_wait_for_ap(m, cpu);
		bu_hp(m)->work(m, cpu, BU_HP_DONE);
	}
	cpus_write_unlock(m);
	return ret;
}

static int cpu_up(struct bu_machine *m, int cpu, int op)
{
	int ret;

	KERNEL_FN(m);
	mutex_lock(m, core(m)->cpu_add_remove_lock);
	ret = _cpu_up(m, cpu, op);
	mutex_unlock(m, core(m)->cpu_add_remove_lock);
	return ret;
}

static void __cpu_down_maps_locked(struct bu_machine *m, void *arg)
{
	const int op = (int)(intptr_t)arg, cpu = bu_hp(m)->op(m, op)->cpu;
	int ret;

	KERNEL_FN(m);
	bu_hp(m)->op_begin(m, op);
	lock_cpus(m, cpu);
	bu_hp(m)->work(m, cpu, BU_HP_ENTRY);
	bu_hp(m)->op_started(m, op);
	ret = _cpu_down(m, cpu);
	cpus_write_unlock(m);
	bu_hp(m)->op_end(m, op, ret);
	atomic_set(m, core(m)->broken[cpu], ret == -ETIMEDOUT);
}

static void cpu_down(struct bu_machine *m, int op)
{
	KERNEL_FN(m);
	mutex_lock(m, core(m)->cpu_add_remove_lock);
	work_on_cpu(m, 0, "__cpu_down_maps_locked", __cpu_down_maps_locked, (void *)(intptr_t)op);
	mutex_unlock(m, core(m)->cpu_add_remove_lock);
}

static void run_operations(struct bu_machine *m)
{
	int i, ret, n = bu_hp(m)->nr_ops(m);

	for (i = 0; i < n; i++) {
		const int cpu = bu_hp(m)->op(m, i)->cpu;
		const bool down = bu_hp(m)->op(m, i)->down;

		bu_hp(m)->think(m, i);
		if (cpu_online(m, cpu) != down) {	/* an operation before failed */
			bu_hp(m)->op_begin(m, i);
			bu_hp(m)->op_end(m, i, -EINVAL);
		} else if (down) {
			cpu_down(m, i);
		} else {
			bu_hp(m)->op_begin(m, i);
			ret = cpu_up(m, cpu, i);
			bu_hp(m)->op_end(m, i, ret);
		}
	}
}

static void control(struct bu_machine *m)
{
	const bool v6_1 = param(m, PARAM_KERNEL) == KERNEL_6_1;
	struct rwsem_core *c = alloc(m, sizeof(*c));
	int cpu, n = (int)nr_cpus(m);

	KERNEL_FN(m);
	c->cpu_add_remove_lock = mutex(m, "cpu_add_remove_lock");
	c->ap = ap_start_create(m, !v6_1, online);
	c->broken = alloc(m, (size_t)n * sizeof(*c->broken));
	for (cpu = 0; cpu < n; cpu++)
		c->broken[cpu] = atomic(m, "broken", false);
	c->kernel = (struct cpuhp_kernel){ .timers_at_dead = v6_1, .death_timeout_ns = INT64_C(1000000000) * (v6_1 ? 5 : 10) };
	cpuhp_init(m, &c->kernel, c);
	if (param(m, PARAM_RCU) == RCU_MACHINE) {
		c->kernel.grace_period = grace_period;
		thread_daemon(m, rcu_spawn_gp_kthread(m, 0));
	} else {
		rcu_set_mode(m, BU_RCU_INACTIVE);
	}
	if (bu_hp(m)->nr_ops(m)) {
		cpuhp_all_online(m);
		run_operations(m);
		return;
	}
	bu_hp(m)->lead_in(m);
	for (cpu = 1; cpu < n; cpu++)
		cpu_up(m, cpu, -1);
}

BU_CORE_DEFINE(hotplug, percpu_rwsem) = {
	.size = sizeof(struct bu_core_def),
	.abi = BU_CORE_ABI,
	.family = "hotplug",
	.name = "percpu-rwsem",
	.summary = "CPUs down and up at runtime: cpuhp/N, percpu_rwsem, stop_machine (since 4.13)",
	.source = "Linux 6.1 and 6.12 kernel/cpu.c, kernel/stop_machine.c, arch/x86/kernel/smpboot.c",
	.params = parameters,
	.control = control,
};
