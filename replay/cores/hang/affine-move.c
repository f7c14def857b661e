// SPDX-License-Identifier: GPL-2.0-only
/*
 * affine-move.c - a thread is to be moved away from a CPU that goes down meanwhile: between looking whether that CPU is online
 * and queueing to its stopper the mover is preempted by its own, for take_cpu_down(). The stopper that is not enabled any
 * more drops the work, and nobody completes it: 5.10 to 6.6; f0498d2a54e7 (6.7) keeps preemption off from one to the other.
 */
#include "replay/kit/hang.h"

static int take_cpu_down(struct bu_machine *m, void *arg)
{
	(void)arg;
	set_cpu_online(m, 1, false);
	stop_machine_park(m, 1);
	return 0;
}

static int migration_cpu_stop(struct bu_machine *m, void *arg)
{
	complete(m, *(const bu_obj *)arg);
	return 0;
}

static void affine_move_task(struct bu_machine *m, void *arg)
{
	bu_obj *pending = (bu_obj *)arg;

	KERNEL_FN(m);
	if (mended(m))
		preempt_disable(m);
	if (cpu_online(m, 1)) {
		work(m, 100 * HANG_US);		/* task_rq_unlock() */
		stop_one_cpu_nowait(m, 1, "migration_cpu_stop", migration_cpu_stop, pending);
	} else {
		complete(m, *pending);
	}
	if (mended(m))
		preempt_enable(m);
	wait_for_completion(m, *pending);
}

static void control(struct bu_machine *m)
{
	bu_obj *pending = (bu_obj *)alloc(m, sizeof(*pending));

	KERNEL_FN(m);
	cpu_stop_init(m);
	*pending = completion(m, "set_affinity_pending");
	thread_run(m, "moves", 2, affine_move_task, pending);
	work(m, 20 * HANG_US);
	cpus_write_lock(m);
	stop_machine_cpuslocked(m, "take_cpu_down", take_cpu_down, NULL, 1);
	cpus_write_unlock(m);
}

BU_CORE_DEFINE(hang, affine_move) = {
	.size = sizeof(struct bu_core_def),
	.abi = BU_CORE_ABI,
	.family = "hang",
	.name = "affine-move",
	.summary = "a move is queued to the stopper of a CPU that has just gone down (5.10 to 6.6)",
	.source = "f0498d2a54e7 (v6.7)",
	.params = hang_parameters,
	.control = control,
};
