// SPDX-License-Identifier: GPL-2.0-only
/*
 * irqs-off.c - patching as the answer to the boots that died of 2.6.18's: interrupts off around all of it.
 *
 * Source: Zachary Amsden, "Re: [RFC] Avoid PIT SMP lockups", linux-kernel, 16 October 2006: local_irq_save() at the head of
 * alternative_instructions() in arch/i386/kernel/alternative.c, local_irq_restore() at its end.
 *
 * No interrupt comes in between. NMIs and machine checks still do (8f4e956b313d of 2.6.23 stops NMIs), and what ticks lie
 * in the window become one, late.
 */
#include "replay/kit/text.h"

enum { PARAM_HALF_NS };

static const struct bu_param parameters[] = {
	{ "half_ns", "ns", "from the first store into a site to its last", TEXT_HALF_NS, 0, INT64_C(1000000000) },
	{ NULL, NULL, NULL, 0, 0, 0 },
};

static void apply_alternatives(struct bu_machine *m, const struct bu_text_batch *b)
{
	int i;

	KERNEL_FN(m);
	for (i = b->first; i < b->first + b->n; i++)
		text_memcpy(m, i, param(m, PARAM_HALF_NS));
}

static void alternative_instructions_batch(struct bu_machine *m, const struct bu_text_batch *b)
{
	const bool flags = local_irq_save(m);

	apply_alternatives(m, b);
	local_irq_restore(m, flags);
}

static void alternative_instructions(struct bu_machine *m)
{
	KERNEL_FN(m);
	text_each_batch(m, alternative_instructions_batch);
}

BU_CORE_DEFINE(text, irqs_off) = {
	.size = sizeof(struct bu_core_def),
	.abi = BU_CORE_ABI,
	.family = "text",
	.name = "irqs-off",
	.summary = "the same with one local_irq_save() around it (Amsden, 2006)",
	.source = "linux-kernel 2006-10-16, Zachary Amsden",
	.params = parameters,
	.control = alternative_instructions,
};
