// SPDX-License-Identifier: GPL-2.0-only
/*
 * gp-init.c - rcu_gp_init() takes get_online_cpus() while a notifier waits for a grace period under the hotplug mutex: 3.7-rc.
 * Since a4fbe35a1245 (3.7) it has a mutex of its own, which only the CPU's masks are changed under.
 */
#include "replay/kit/hang.h"

struct grace_period {
	bu_obj wanted, over, cpu_hotplug_lock;
};

static void rcu_gp_kthread(struct bu_machine *m, void *arg)
{
	const struct grace_period *g = (const struct grace_period *)arg;

	KERNEL_FN(m);
	wait_for_completion(m, g->wanted);
	if (!mended(m)) {
		mutex_lock(m, g->cpu_hotplug_lock);	/* rcu_gp_init(): get_online_cpus() */
		mutex_unlock(m, g->cpu_hotplug_lock);
	}
	work(m, 100 * HANG_US);
	complete(m, g->over);
}

static void synchronize(struct bu_machine *m, const struct grace_period *g)
{
	KERNEL_FN(m);
	complete(m, g->wanted);
	wait_point(m, "rcu_synchronize", 1);
	wait_for_completion(m, g->over);
}

static void control(struct bu_machine *m)
{
	struct grace_period *g = (struct grace_period *)alloc(m, sizeof(*g));

	KERNEL_FN(m);
	*g = (struct grace_period){ completion(m, "a grace period is wanted"), completion(m, "rcu_synchronize"),
				    mutex(m, "cpu_hotplug.lock") };
	thread_run(m, "rcu_gp", 1, rcu_gp_kthread, g);
	mutex_lock(m, g->cpu_hotplug_lock);
	synchronize(m, g);			/* a notifier: padata */
	mutex_unlock(m, g->cpu_hotplug_lock);
}

BU_CORE_DEFINE(hang, gp_init) = {
	.size = sizeof(struct bu_core_def),
	.abi = BU_CORE_ABI,
	.family = "hang",
	.name = "gp-init",
	.summary = "rcu_gp_init() wants the hotplug mutex, under which a notifier waits for it (3.7-rc)",
	.source = "a4fbe35a1245 (v3.7)",
	.params = hang_parameters,
	.control = control,
};
