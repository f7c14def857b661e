/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * pgd_int.h - what the sources of page-table schedules (pgd.c, pgd_events.c, pgd_made_up.c) share.
 */
#ifndef BU_REPLAY_SCHEDULE_PGD_INT_H
#define BU_REPLAY_SCHEDULE_PGD_INT_H

#include "replay/schedule/pgd.h"

/*
 * Events by time, those of one time in the order that they have. Return: 0; -ENOMEM.
 */
int pgd_sort(struct bu_pgd_event *events, size_t n);

/* Fills in counts (all but exec_failed) and end_ns from events, mms and slots. */
void pgd_count(struct bu_pgd_schedule *s);

#endif
