/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * account.h - written + lost = produced, by the kernel's own statistics of each CPU's buffer.
 *
 * Flow: per_cpu/cpuN/stats and what a recorder counted itself -> [account] -> what the user is told.
 */
#ifndef BU_COLLECTOR_ACCOUNT_H
#define BU_COLLECTOR_ACCOUNT_H

#include <stdbool.h>
#include <stdint.h>

#include "collector/tracedat_write.h"
#include "schemas/base/err.h"

struct bu_account {			/* events */
	int64_t produced, written;
	int64_t overrun, dropped;	/* overwritten; refused by a full buffer that does not overwrite */
	int64_t unread;			/* still in the kernel */
	int64_t died;			/* read by a recorder that was killed before it had written them */
	int64_t read_before;		/* read by somebody before, and not part of what was produced */
	int64_t cpus;			/* that had events */
	bool balanced;			/* on each CPU what was read is what the kernel says was read */
};

/**
 * bu_account_sum() - Add up the CPUs.
 * @before, @after: the text of stats of each of @cpus CPUs before and after the reading. One may be NULL: without
 * @before nobody had read, without @after everything was read.
 * @written: events that were written, by CPU.
 * @killed: what is missing of what was read had been read by a recorder that was killed.
 * Return: 0; -ENOMEM.
 */
int bu_account_sum(const struct bu_dat_text *before, const struct bu_dat_text *after, uint32_t cpus,
		   const int64_t *written, bool killed, struct bu_account *ret, struct bu_err *err);

/**
 * bu_account_lost() - All that was produced and is not written.
 */
int64_t bu_account_lost(const struct bu_account *a);

/**
 * bu_account_whole() - Nothing is lost, and the sum is right.
 */
bool bu_account_whole(const struct bu_account *a);

#endif
