// SPDX-License-Identifier: GPL-2.0-only
/*
 * stop-machine.c - patching while no CPU runs anything else.
 *
 * Source: text_poke_smp_batch() and stop_machine_text_poke(), arch/x86/kernel/alternative.c of v3.4 (jump labels were
 * patched so until fd4363fff3d9, 3.12, and ftrace until 08d636b6d4fb, 3.5).
 *
 * All CPUs meet with interrupts off; the first to run the function writes, the others wait for it and serialise. Costs a
 * rendezvous per batch; only an NMI can execute a site meanwhile. While one CPU runs there is nobody to stop: then
 * stop_machine() is local_irq_save().
 */
#include "replay/kit/text.h"

struct text_poke_params {
	struct bu_text_batch batch;
	bu_word_id stop_machine_first, wrote_text;
};

static int stop_machine_text_poke(struct bu_machine *m, void *arg)
{
	const struct text_poke_params *tpp = arg;
	const struct bu_text_batch *b = &tpp->batch;
	int i;

	KERNEL_FN(m);
	if (atomic_dec_and_test(m, tpp->stop_machine_first)) {
		for (i = b->first; i < b->first + b->n; i++)
			text_patch(m, i);
		atomic_set(m, tpp->wrote_text, 1);
	} else {
		spin_until(m, tpp->wrote_text, BU_GUARD_NE, 0, -1, "wrote_text", -1);
	}
	sync_core(m);
	return 0;
}

static void text_poke_smp_batch(struct bu_machine *m, const struct bu_text_batch *b)
{
	struct text_poke_params *tpp = alloc(m, sizeof(*tpp));	/* not on the stack: others read it */

	KERNEL_FN(m);
	*tpp = (struct text_poke_params){ *b, atomic(m, "stop_machine_first", 1), atomic(m, "wrote_text", 0) };
	cpus_read_lock(m);
	stop_machine_cpuslocked(m, "stop_machine_text_poke", stop_machine_text_poke, tpp, BU_ALL_ONLINE_CPUS);
	cpus_read_unlock(m);
}

static void alternative_instructions(struct bu_machine *m)
{
	KERNEL_FN(m);
	text_each_batch(m, text_poke_smp_batch);
}

BU_CORE_DEFINE(text, stop_machine) = {
	.size = sizeof(struct bu_core_def),
	.abi = BU_CORE_ABI,
	.family = "text",
	.name = "stop-machine",
	.summary = "all CPUs stopped while one writes (text_poke_smp_batch, up to 3.11)",
	.source = "Linux 3.4 arch/x86/kernel/alternative.c",
	.control = alternative_instructions,
};
