// SPDX-License-Identifier: GPL-2.0-only
/*
 * stopper-order.c - works that wait for one another are queued to the same stoppers in another order. Two: up to 3.13
 * stop_two_cpus() against stop_cpus() (177c53d94336, 3.14). Three: up to 4.1 stop_two_cpus() of the CPUs of a ring
 * (b17718d02f54, 4.2). Since then both works of a pair are queued under both stoppers' locks.
 */
#include "replay/kit/hang.h"

enum { PARAM_STOPS = HANG_MENDED + 1 };
enum { STOPS_TWO = 2, STOPS_THREE };

struct stop {
	int first, second;	/* CPUs, in the order of queueing */
	int nr;
	bu_word_id arrived;
	bu_obj done, stopper_locks;
};

static int multi_cpu_stop(struct bu_machine *m, void *arg)
{
	const struct stop *s = (const struct stop *)arg;

	if (atomic_add_return(m, s->arrived, 1) == 2)
		complete(m, s->done);
	spin_until(m, s->arrived, BU_GUARD_GE, 2, -1, "multi_cpu_stop", this_cpu(m) == s->first ? s->second : s->first);
	return 0;
}

static void stop_two_cpus_of(struct bu_machine *m, void *arg)
{
	struct stop *s = (struct stop *)arg;

	KERNEL_FN(m);
	work(m, s->nr * 10 * HANG_US);
	if (mended(m))
		raw_spin_lock(m, s->stopper_locks);
	stop_one_cpu_nowait(m, s->first, "multi_cpu_stop", multi_cpu_stop, s);
	work(m, 50 * HANG_US);
	stop_one_cpu_nowait(m, s->second, "multi_cpu_stop", multi_cpu_stop, s);
	if (mended(m))
		raw_spin_unlock(m, s->stopper_locks);
	wait_for_completion(m, s->done);
}

/* Stopped are CPUs 0 to n - 1, by threads on those behind. */
static void control(struct bu_machine *m)
{
	const bu_obj stopper_locks = raw_spinlock(m, "stopper", BU_SPIN_QUEUED);
	const int n = (int)param(m, PARAM_STOPS);
	struct stop *s = (struct stop *)alloc(m, (size_t)n * sizeof(*s));
	int i;

	KERNEL_FN(m);
	cpu_stop_init(m);
	for (i = 0; i < n; i++) {
		s[i] = (struct stop){ i, (i + 1) % n, i, atomic(m, "arrived", 0), completion(m, "cpu_stop_done"), stopper_locks };
		thread_run(m, "stops", n + i, stop_two_cpus_of, &s[i]);
	}
}

static const struct bu_param parameters[] = {
	HANG_PARAMETER,
	{ "stops", "two|three", "stops under way at once", STOPS_TWO, STOPS_TWO, STOPS_THREE },
	{ NULL, NULL, NULL, 0, 0, 0 },
};

BU_CORE_DEFINE(hang, stopper_order) = {
	.size = sizeof(struct bu_core_def),
	.abi = BU_CORE_ABI,
	.family = "hang",
	.name = "stopper-order",
	.summary = "stoppers get works that wait for one another in another order each (up to 3.13, up to 4.1)",
	.source = "177c53d94336 (v3.14), b17718d02f54 (v4.2)",
	.params = parameters,
	.control = control,
};
