// SPDX-License-Identifier: GPL-2.0-only
/*
 * stopper-unpark.c - a thread is to be moved away from a CPU that has just come online, and whose stopper the control CPU has yet to
 * unpark: the work is completed without being run, the thread stays where it was. Up to 5.4; since 45178ac0cea8 (5.5) the CPU
 * unparks its stopper by itself, before others can find it idle (cpuhp_online_idle()).
 */
#include "replay/kit/hang.h"

static int migration_cpu_stop(struct bu_machine *m, void *arg)
{
	atomic_set(m, *(const bu_word_id *)arg, 1);
	return 0;
}

static void control(struct bu_machine *m)
{
	bu_word_id *moved = (bu_word_id *)alloc(m, sizeof(*moved));

	KERNEL_FN(m);
	cpu_stop_init(m);
	*moved = atomic(m, "moved", 0);
	stop_machine_park(m, 1);	/* as it is when the CPU comes */
	if (mended(m))
		stop_machine_unpark(m, 1);
	stop_one_cpu(m, 1, "migration_cpu_stop", migration_cpu_stop, moved);
	BU_ASSERT_CORE(m, atomic_read(m, *moved));
}

BU_CORE_DEFINE(hang, stopper_unpark) = {
	.size = sizeof(struct bu_core_def),
	.abi = BU_CORE_ABI,
	.family = "hang",
	.name = "stopper-unpark",
	.summary = "a work for the stopper of a new CPU counts as done without being run (up to 5.4)",
	.source = "45178ac0cea8 (v5.5)",
	.params = hang_parameters,
	.control = control,
};
