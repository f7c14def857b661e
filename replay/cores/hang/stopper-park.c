// SPDX-License-Identifier: GPL-2.0-only
/*
 * stopper-park.c - a CPU that goes down drops what is queued to its stopper as it parks: the other CPU of a stop_two_cpus() waits in
 * multi_cpu_stop() for ever. Up to 4.3 cpu_stop_park() threw away what was queued and only then cleared stopper->enabled; since
 * 233e7f267e58 (4.4) take_cpu_down() clears it before cpu_stopper_thread() looks for the last time, so that what could be
 * queued is run, and cpu_stop_queue_two_works() refuses a pair of which one cannot (kernel/stop_machine.c, as in v6.1).
 *
 * The machine's stoppers are the mended ones, so both that take part here are the core's own: the thread of the CPU that goes down
 * begins in take_cpu_down(), the other waits for work.
 */
#include <errno.h>

#include "replay/kit/hang.h"

enum { PARAM_QUEUED_NS = HANG_MENDED + 1 };
enum { DYING = 1, OTHER };	/* CPUs */

struct stopper {
	bu_obj lock, work_queued;
	bu_word_id enabled, works;
};

struct stop {
	struct stopper of[OTHER + 1];
	bu_word_id arrived, nr_todo;
	bu_obj done;
};

static void cpu_stop_signal_done(struct bu_machine *m, const struct stop *s)
{
	if (atomic_dec_and_test(m, s->nr_todo))
		complete(m, s->done);
}

/* A work, if there is one. */
static void cpu_stopper_thread(struct bu_machine *m, const struct stop *s)
{
	const int cpu = this_cpu(m);

	KERNEL_FN(m);
	if (!atomic_xchg(m, s->of[cpu].works, 0))
		return;
	atomic_add_return(m, s->arrived, 1);
	spin_until(m, s->arrived, BU_GUARD_GE, 2, -1, "multi_cpu_stop", cpu == DYING ? OTHER : DYING);
	cpu_stop_signal_done(m, s);
}

static void waits_for_work(struct bu_machine *m, void *arg)
{
	const struct stop *s = (const struct stop *)arg;

	KERNEL_FN(m);
	wait_for_completion(m, s->of[OTHER].work_queued);
	preempt_disable(m);
	cpu_stopper_thread(m, s);
	preempt_enable(m);
}

static void disable(struct bu_machine *m, const struct stopper *dying)
{
	raw_spin_lock(m, dying->lock);
	atomic_set(m, dying->enabled, 0);
	raw_spin_unlock(m, dying->lock);
}

static void cpu_stop_park(struct bu_machine *m, const struct stop *s)
{
	KERNEL_FN(m);
	if (atomic_xchg(m, s->of[DYING].works, 0))
		cpu_stop_signal_done(m, s);
}

static void goes_down(struct bu_machine *m, void *arg)
{
	const struct stop *s = (const struct stop *)arg;

	KERNEL_FN(m);
	work(m, 50 * HANG_US);			/* take_cpu_down() */
	if (mended(m))
		disable(m, &s->of[DYING]);	/* stop_machine_park() */
	work(m, 50 * HANG_US);			/* out of the rendezvous */
	if (mended(m))
		cpu_stopper_thread(m, s);
	cpu_stop_park(m, s);
	if (!mended(m))
		disable(m, &s->of[DYING]);
}

static int stop_two_cpus_of(struct bu_machine *m, const struct stop *s)
{
	const struct stopper *a = &s->of[DYING], *b = &s->of[OTHER];
	int ret = 0;

	KERNEL_FN(m);
	raw_spin_lock(m, a->lock);
	raw_spin_lock(m, b->lock);
	if (!atomic_read(m, a->enabled)) {
		ret = -ENOENT;
	} else {
		atomic_set(m, a->works, 1);
		atomic_set(m, b->works, 1);
		complete(m, b->work_queued);
	}
	raw_spin_unlock(m, b->lock);
	raw_spin_unlock(m, a->lock);
	if (!ret)
		wait_for_completion(m, s->done);
	return ret;
}

static void control(struct bu_machine *m)
{
	struct stop *s = (struct stop *)alloc(m, sizeof(*s));
	bu_thread other;
	int cpu;

	KERNEL_FN(m);
	for (cpu = DYING; cpu <= OTHER; cpu++)
		s->of[cpu] = (struct stopper){ raw_spinlock(m, "stopper", BU_SPIN_QUEUED), completion(m, "work queued"),
					       atomic(m, "stopper->enabled", 1), atomic(m, "stopper->works", 0) };
	s->arrived = atomic(m, "arrived", 0);
	s->nr_todo = atomic(m, "nr_todo", 2);
	s->done = completion(m, "cpu_stop_done");
	wake_up_process(m, thread_create(m, "migration/1", DYING, BU_CLASS_STOP, 0, goes_down, s));
	other = thread_create(m, "migration/2", OTHER, BU_CLASS_STOP, 0, waits_for_work, s);
	thread_daemon(m, other);
	wake_up_process(m, other);
	work(m, param(m, PARAM_QUEUED_NS));
	stop_two_cpus_of(m, s);
}

static const struct bu_param parameters[] = {
	HANG_PARAMETER,
	{ "queued_ns", "ns", "when it is queued, from the beginning of take_cpu_down() on", 75 * HANG_US, 0, 200 * HANG_US },
	{ NULL, NULL, NULL, 0, 0, 0 },
};

BU_CORE_DEFINE(hang, stopper_park) = {
	.size = sizeof(struct bu_core_def),
	.abi = BU_CORE_ABI,
	.family = "hang",
	.name = "stopper-park",
	.summary = "a CPU that goes down drops a work that another waits in multi_cpu_stop() for (up to 4.3)",
	.source = "233e7f267e58 (v4.4)",
	.params = parameters,
	.control = control,
};
