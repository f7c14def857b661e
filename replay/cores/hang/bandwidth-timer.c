// SPDX-License-Identifier: GPL-2.0-only
/*
 * bandwidth-timer.c - the task that takes a CPU down is throttled by CFS bandwidth control, and the timer that would let it go on
 * stays on the dead CPU until the task itself has moved it (hrtimers_dead_cpu()). Up to 6.5; since 2b8272ff4a70 (6.6) the work
 * is done by a kworker of another CPU, which no quota throttles.
 */
#include "replay/kit/hang.h"

static int take_cpu_down(struct bu_machine *m, void *arg)
{
	(void)arg;
	set_cpu_online(m, 1, false);
	stop_machine_park(m, 1);
	return 0;
}

static void _cpu_down(struct bu_machine *m, void *arg)
{
	(void)arg;
	KERNEL_FN(m);
	cpus_write_lock(m);
	stop_machine_cpuslocked(m, "take_cpu_down", take_cpu_down, NULL, 1);
	work(m, 30 * HANG_MS);		/* more than its quota */
	timers_migrate(m, 1, 0);	/* hrtimers_dead_cpu() */
	cpus_write_unlock(m);
}

static void takes_down(struct bu_machine *m, void *arg)
{
	(void)arg;
	KERNEL_FN(m);
	cfs_join(m, cfs_group(m, "group", 10 * HANG_MS, 100 * HANG_MS), current(m));
	work(m, HANG_MS);		/* on CPU 1: the period timer is armed there */
	BU_ASSERT_CORE(m, !set_cpus_allowed_ptr(m, current(m), 2));
	if (mended(m))
		work_on_cpu(m, 0, "_cpu_down", _cpu_down, NULL);
	else
		_cpu_down(m, NULL);
}

static void control(struct bu_machine *m)
{
	bu_thread t;

	KERNEL_FN(m);
	cpu_stop_init(m);
	t = thread_create(m, "takes down", BU_ANY_CPU, BU_CLASS_FAIR, 0, takes_down, NULL);
	set_cpus_allowed_ptr(m, t, 1);
	wake_up_process(m, t);
}

BU_CORE_DEFINE(hang, bandwidth_timer) = {
	.size = sizeof(struct bu_core_def),
	.abi = BU_CORE_ABI,
	.family = "hang",
	.name = "bandwidth-timer",
	.summary = "who takes a CPU down is throttled by a timer of that CPU (up to 6.5)",
	.source = "2b8272ff4a70 (v6.6)",
	.params = hang_parameters,
	.control = control,
};
