// SPDX-License-Identifier: GPL-2.0-only
/*
 * irqs-on.c - patching as Linux 2.6.18 does it: memcpy() into the kernel text, one site after the other, interrupts on.
 *
 * Source: arch/i386/kernel/alternative.c of v2.6.18 (apply_alternatives(), called by alternative_instructions() from
 * check_bugs() after local_irq_enable() and calibrate_delay()). Each site gets its replacement by one memcpy(), then NOPs
 * by more of them; no barrier follows. So an interrupt that comes in the middle and executes the site meets the beginning
 * of one instruction and the end of another.
 *
 * Assumes that half_ns lie between the first store into a site and the last, whatever its length.
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

static void alternative_instructions(struct bu_machine *m)
{
	KERNEL_FN(m);
	text_each_batch(m, apply_alternatives);
}

BU_CORE_DEFINE(text, irqs_on) = {
	.size = sizeof(struct bu_core_def),
	.abi = BU_CORE_ABI,
	.family = "text",
	.name = "irqs-on",
	.summary = "memcpy() site by site with interrupts on (2.6.18)",
	.source = "Linux 2.6.18 arch/i386/kernel/alternative.c",
	.params = parameters,
	.control = alternative_instructions,
};
