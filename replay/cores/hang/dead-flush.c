// SPDX-License-Identifier: GPL-2.0-only
/*
 * dead-flush.c - CPU_DEAD flushes a workqueue under the hotplug lock, whose work wants get_online_cpus(): up to 2.6.26. Since
 * 3da1c84c00c7 (2.6.27) that is done in CPU_POST_DEAD, without the lock. flush_workqueue() in CPU_DOWN_PREPARE, in "Re: CPU
 * Hotplug rework" of 2012, has the same shape.
 */
#include "replay/kit/hang.h"

static void wants_online_cpus(struct bu_machine *m, void *arg)
{
	(void)arg;
	KERNEL_FN(m);
	work(m, 100 * HANG_US);
	cpus_read_lock(m);
	cpus_read_unlock(m);
}

static void flushes_in_cpu_dead(struct bu_machine *m)
{
	const bu_obj wq = workqueue(m, "wq", BU_WQ_PERCPU);

	KERNEL_FN(m);
	cpus_write_lock(m);
	queue_work_on(m, 1, wq, work_item(m, "work", wants_online_cpus, NULL));
	if (!mended(m))
		flush_workqueue(m, wq);
	cpus_write_unlock(m);
	if (mended(m))
		flush_workqueue(m, wq);
}

static void control(struct bu_machine *m)
{
	flushes_in_cpu_dead(m);
}

BU_CORE_DEFINE(hang, dead_flush) = {
	.size = sizeof(struct bu_core_def),
	.abi = BU_CORE_ABI,
	.family = "hang",
	.name = "dead-flush",
	.summary = "workqueue flushed under the hotplug lock, its work wants that lock (up to 2.6.26)",
	.source = "3da1c84c00c7 (v2.6.27)",
	.params = hang_parameters,
	.control = control,
};
