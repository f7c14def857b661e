// SPDX-License-Identifier: GPL-2.0-only
/*
 * recorded.c - the control: nothing is decided, every interval of the recording happens when it was recorded.
 *
 * One task per CPU and lane walks through its intervals. What comes out must be what went in, to the nanosecond; where
 * it is not, the extraction, the engine or the store is wrong, and no other core's result may be believed.
 */
#include "replay/core.h"

struct stretch {
	int first, last;	/* intervals of one lane and CPU, [first, last) */
};

static void walk(struct bu_host *h, void *arg)
{
	const struct stretch *s = arg;
	int i;

	for (i = s->first; i < s->last; i++)
		bu_hp(h)->replay_interval(h, i);
}

static void replay_recording(struct bu_host *h)
{
	int i, first = 0, cpu, n = bu_hp(h)->nr_recorded(h);
	struct bu_hp_interval a = { .size = sizeof(a) }, b = { .size = sizeof(b) };

	for (i = 1; i <= n; i++) {
		struct stretch *s;

		bu_hp(h)->recorded(h, first, &a);
		if (i < n)
			bu_hp(h)->recorded(h, i, &b);
		if (i < n && a.lane == b.lane && a.cpu == b.cpu)
			continue;
		s = bu_ops(h)->alloc(h, sizeof(*s));
		*s = (struct stretch){ first, i };
		bu_ops(h)->spawn(h, "recorded", a.lane, walk, s);
		first = i;
	}
	for (cpu = 0; cpu < bu_hp(h)->nr_cpus(h); cpu++)
		if (cpu != bu_hp(h)->control_cpu(h))
			bu_hp(h)->recorded_marks(h, cpu);
}

BU_CORE_DEFINE(hotplug, recorded) = {
	.size = sizeof(struct bu_core_def),
	.abi = BU_CORE_ABI,
	.family = "hotplug",
	.name = "recorded",
	.summary = "the recording itself, interval by interval: the control",
	.source = "the capture",
	.control = replay_recording,
};
