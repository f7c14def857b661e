// SPDX-License-Identifier: GPL-2.0-only
/*
 * expedited-gp.c - an expedited grace period under a notifier's mutex: up to 3.17 synchronize_sched_expedited() took
 * get_online_cpus(). Since dd56af42bd82 (3.18) try_get_online_cpus(), and a normal grace period when that fails.
 */
#include "replay/kit/hang.h"

static void expedites_under_m(struct bu_machine *m, void *arg)
{
	const bu_obj *mutex_of_a_notifier = (const bu_obj *)arg;

	KERNEL_FN(m);
	mutex_lock(m, *mutex_of_a_notifier);
	work(m, 100 * HANG_US);
	if (!mended(m)) {
		cpus_read_lock(m);
		cpus_read_unlock(m);
	} else {
		sleep_ns(m, 10 * HANG_MS);	/* a normal grace period */
	}
	mutex_unlock(m, *mutex_of_a_notifier);
}

static void control(struct bu_machine *m)
{
	bu_obj *mutex_of_a_notifier = (bu_obj *)alloc(m, sizeof(*mutex_of_a_notifier));

	KERNEL_FN(m);
	*mutex_of_a_notifier = mutex(m, "mutex of a notifier");
	thread_run(m, "expedites", 1, expedites_under_m, mutex_of_a_notifier);
	sleep_ns(m, 50 * HANG_US);
	cpus_write_lock(m);
	work(m, 100 * HANG_US);
	mutex_lock(m, *mutex_of_a_notifier);
	mutex_unlock(m, *mutex_of_a_notifier);
	cpus_write_unlock(m);
}

BU_CORE_DEFINE(hang, expedited_gp) = {
	.size = sizeof(struct bu_core_def),
	.abi = BU_CORE_ABI,
	.family = "hang",
	.name = "expedited-gp",
	.summary = "expedited grace period under the mutex of a hotplug notifier (up to 3.17)",
	.source = "dd56af42bd82 (v3.18)",
	.params = hang_parameters,
	.control = control,
};
