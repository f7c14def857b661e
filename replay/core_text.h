/* SPDX-License-Identifier: MIT */
/*
 * core_text.h - what text cores are given besides the machine: batches of sites to patch, and the boot around them.
 *
 * Sites are numbered from 0, batches as well; a batch is a run of sites that the kernel patched in one go. In the first,
 * alternative_instructions(), one CPU runs; in the others all of them do. Interrupts execute sites meanwhile: which, the
 * family knows, and it sends them. The core's control function runs on CPU 0 as the thread kernel_init.
 */
#ifndef BU_REPLAY_CORE_TEXT_H
#define BU_REPLAY_CORE_TEXT_H

#include "replay/core.h"

struct bu_text_batch {
	int first, n;		/* sites */
	bool boot;		/* one CPU runs, and no site was executed by another before */
};

struct bu_text_ops {
	uint32_t size, abi;
	int (*nr_batches)(struct bu_machine *);
	/* Time goes on to the batch: what lay before it is spent, and for the first of all CPUs the others start. */
	void (*begin)(struct bu_machine *, int batch, struct bu_text_batch *ret);
	void (*end)(struct bu_machine *, int batch);	/* reports are made of begin() and end() */
	const struct bu_text_site *(*site)(struct bu_machine *, int site);
	int64_t (*cost)(struct bu_machine *, int site);	/* ns of patching it, all told, on the CPU that does */
	/* Calibration: whether loops_per_jiffy is known without it, and the word that timer interrupts count up. */
	bool (*lpj_known)(struct bu_machine *);
	bu_word_id (*jiffies)(struct bu_machine *);
};

/* memcpy() of i386 (rep movsl, then rep movsb): how many bytes of @len its first store writes. */
static inline int bu_text_first_store(int len)
{
	return len >= 4 ? 4 : 1;
}

static inline const struct bu_text_ops *bu_tx(struct bu_machine *m)
{
	return (const struct bu_text_ops *)bu_tables(m)->family;
}

#endif
