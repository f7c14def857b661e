// SPDX-License-Identifier: GPL-2.0-only
/*
 * notifier.c - CPU hotplug before 4.6: one notifier chain, driven from the control CPU; readers take a mutex and a count.
 *
 * Source: kernel/cpu.c of Linux 4.4, arch/x86/kernel/smpboot.c; see replay/kit/notifier.h, which says how the callbacks of a
 * later kernel stand for notifiers. Replaced by the state machine in v4.6 (merge 710d60cbf1b3).
 *
 * Parameters: other tasks that call get_online_cpus() again and again, how long they stay inside, and how long they rest.
 */
#include "replay/kit/notifier.h"

enum { PARAM_READERS, PARAM_SECTION_NS, PARAM_PERIOD_NS };

static const struct bu_param parameters[] = {
	{ "readers", "", "tasks that call get_online_cpus()", 0, 0, 4096 },
	{ "section_ns", "ns", "each stays inside so long", 100000, 0, INT64_C(10000000000) },
	{ "period_ns", "ns", "and rests so long, on average", 10000000, 1, INT64_C(10000000000) },
	{ NULL, NULL, NULL, 0, 0, 0 },
};

static void reader(struct bu_machine *m, void *arg)
{
	const bu_word_id over = (bu_word_id)(uintptr_t)arg;

	KERNEL_FN(m);
	while (!atomic_read(m, over)) {
		sleep_ns(m, 1 + (int64_t)(random_u64(m, 1) % (uint64_t)(2 * param(m, PARAM_PERIOD_NS))));
		get_online_cpus(m);
		work(m, param(m, PARAM_SECTION_NS));
		put_online_cpus(m);
	}
}

static void control(struct bu_machine *m)
{
	const bu_word_id over = atomic(m, "over", 0);
	int64_t i;

	KERNEL_FN(m);
	notifier_init(m, NULL);
	if (!bu_hp(m)->nr_ops(m)) {
		notifier_boot(m);
		return;
	}
	notifier_all_online(m);
	for (i = 0; i < param(m, PARAM_READERS); i++)
		thread_run(m, "reader", BU_ANY_CPU, reader, (void *)(uintptr_t)over);
	notifier_run_operations(m);
	atomic_set(m, over, 1);
}

BU_CORE_DEFINE(hotplug, notifier) = {
	.size = sizeof(struct bu_core_def),
	.abi = BU_CORE_ABI,
	.family = "hotplug",
	.name = "notifier",
	.summary = "CPUs down and up by notifier chains on the control CPU (before 4.6)",
	.source = "Linux 4.4 kernel/cpu.c, arch/x86/kernel/smpboot.c",
	.params = parameters,
	.control = control,
};
