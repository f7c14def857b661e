// SPDX-License-Identifier: GPL-2.0-only
/*
 * per-site.c - patching as the boot does it today: interrupts off for the stores of one site, and a serialising instruction.
 *
 * Source: text_poke_early(), arch/x86/kernel/alternative.c of v6.1 and v6.12 (since e587cadd8f47, 2.6.25).
 *
 * Interrupts come between sites. Each site is whole then, but two of them that belong together may not both be: nested
 * ALTERNATIVE()s had an intermediate replacement that an interrupt could execute (a4233c21e773, 2026, patches each place
 * once).
 */
#include "replay/kit/text.h"

static void apply_alternatives(struct bu_machine *m, const struct bu_text_batch *b)
{
	int i;

	KERNEL_FN(m);
	for (i = b->first; i < b->first + b->n; i++)
		text_poke_early(m, i);
}

static void alternative_instructions(struct bu_machine *m)
{
	KERNEL_FN(m);
	text_each_batch(m, apply_alternatives);
}

BU_CORE_DEFINE(text, per_site) = {
	.size = sizeof(struct bu_core_def),
	.abi = BU_CORE_ABI,
	.family = "text",
	.name = "per-site",
	.summary = "interrupts off and sync_core() for each site (text_poke_early, 2.6.25 and later)",
	.source = "Linux 6.12 arch/x86/kernel/alternative.c",
	.control = alternative_instructions,
};
