/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * chain.h - records in order: interrupts on their way to a CPU, its timers, work of stoppers and pools, calls, callbacks.
 * What queue.h is for threads.
 *
 * Always true
 *  (1) A chain changes only by the functions below, within one step of a thread.
 *  (2) Its word is the fingerprint of the keys in it and their order. Keys are the same in every run of the same core: ids of
 *      objects, threads and words, never addresses.
 *  (3) A record's other members are written before it is put in, and are the taker's from when it is out.
 * With bu_machine_config.check_state all chains are looked at after each step, see look.h.
 */
#ifndef BU_REPLAY_MACHINE_CHAIN_H
#define BU_REPLAY_MACHINE_CHAIN_H

#include <stdbool.h>
#include <stdint.h>

#include "replay/core.h"

struct item {			/* the first member of a record */
	struct item *next;
	uint32_t key;		/* not 0 */
};

struct chain {
	struct item *first, *last;
	bu_word_id word;
};

/* @name lives as long as the run. */
void chain_init(struct bu_machine *m, struct chain *c, const char *name);
void chain_append(struct bu_machine *m, struct chain *c, struct item *i);
/* @prev: NULL: at the head. */
void chain_insert(struct bu_machine *m, struct chain *c, struct item *prev, struct item *i);
struct item *chain_pop(struct bu_machine *m, struct chain *c);	/* NULL: empty */
/* The chain is empty then; what was in it hangs together by next. */
struct item *chain_take_all(struct bu_machine *m, struct chain *c);
/* @i is in the chain. Takes time in proportion to what is before it. */
void chain_remove(struct bu_machine *m, struct chain *c, struct item *i);
bool chain_intact(const struct bu_machine *m, const struct chain *c);

#endif
