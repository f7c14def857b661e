/* SPDX-License-Identifier: MIT */
/*
 * text.h - what all text cores have in common: the way to the first batch, one after the other, and the stores.
 *
 * Source: init/main.c and init/calibrate.c (calibrate_delay_converge()) of v2.6.18 to v6.12.
 */
#ifndef BU_REPLAY_KIT_TEXT_H
#define BU_REPLAY_KIT_TEXT_H

#include "replay/core_text.h"
#include "replay/kit/kernel.h"

/* The loop that ends when the timer ticks, and only then. */
static inline void calibrate_delay(struct bu_machine *m)
{
	const bu_word_id jiffies = bu_tx(m)->jiffies(m);
	int i;

	KERNEL_FN(m);
	if (bu_tx(m)->lpj_known(m))
		return;
	/* while (ticks == jiffies); once to find an edge, once to measure from one edge to the next */
	for (i = 0; i < 2; i++)
		spin_until(m, jiffies, BU_GUARD_NE, atomic_read(m, jiffies), -1, "calibrate_delay: ticks == jiffies", 0);
}

/* Bytes @first to the last of the instruction that site @i is to have. */
static inline uint64_t text_after(struct bu_machine *m, int i, int first)
{
	return bu_tx(m)->site(m, i)->after >> 8 * first;
}

/* One site in one go: what nobody can see in the middle of it. The store is at the end of what it costs. */
static inline void text_patch(struct bu_machine *m, int i)
{
	work(m, bu_tx(m)->cost(m, i));
	text_poke(m, i, 0, bu_tx(m)->site(m, i)->len, text_after(m, i, 0));
}

/* One site while the boot runs on one CPU (arch/x86/kernel/alternative.c of v6.1 and v6.12; since e587cadd8f47, 2.6.25). */
static inline void text_poke_early(struct bu_machine *m, int i)
{
	bool flags;

	KERNEL_FN(m);
	flags = local_irq_save(m);
	text_patch(m, i);
	sync_core(m);
	local_irq_restore(m, flags);
}

/* memcpy() into a site: no atomic store, @half_ns lie between its first and its last. */
static inline void text_memcpy(struct bu_machine *m, int i, int64_t half_ns)
{
	const int len = bu_tx(m)->site(m, i)->len;
	const int first = bu_text_first_store(len);
	const int64_t rest = bu_tx(m)->cost(m, i) - half_ns;

	work(m, rest > 0 ? rest : 0);
	text_poke(m, i, 0, first, text_after(m, i, 0));
	work(m, half_ns);
	if (len > first)
		text_poke(m, i, first, len - first, text_after(m, i, first));
}

/*
 * The default of half_ns: four string instructions (__memcpy() of i386 is rep movsl and rep movsb, once for the replacement
 * and once for the NOPs behind it) of 20 cycles to start up (Intel Optimization Reference Manual, REP MOVS with a small
 * count) at 2.6 GHz.
 */
#define TEXT_HALF_NS 30

static inline void text_each_batch(struct bu_machine *m, void (*patch)(struct bu_machine *, const struct bu_text_batch *))
{
	struct bu_text_batch b;
	int i, n = bu_tx(m)->nr_batches(m);

	calibrate_delay(m);
	for (i = 0; i < n; i++) {
		bu_tx(m)->begin(m, i, &b);
		patch(m, &b);
		bu_tx(m)->end(m, i);
	}
}

#endif
