/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * atomic.h - shared words as threads use them, and what is made of them: spinning, sequence counters, static keys.
 *
 * Flow: words of the engine -> [atomic] -> cores. Each operation is a point where interrupts are taken, where time may
 * be charged (op_ns), and where an explorer may let another CPU go first. All are sequentially consistent.
 *
 * Sources, all v6.12: include/linux/seqlock.h (seqcount_t, seqcount_latch_t), kernel/jump_label.c,
 * arch/x86/kernel/alternative.c (text_poke_bp_batch).
 */
#ifndef BU_REPLAY_MACHINE_ATOMIC_H
#define BU_REPLAY_MACHINE_ATOMIC_H

#include "replay/machine/machine.h"

bu_word_id bu_atomic(struct bu_machine *m, const char *name, int64_t value);	/* @name lives as long as the run */
int64_t bu_atomic_read(struct bu_machine *m, bu_word_id w);
void bu_atomic_set(struct bu_machine *m, bu_word_id w, int64_t value);
int64_t bu_atomic_add_return(struct bu_machine *m, bu_word_id w, int64_t delta);
bool bu_atomic_dec_and_test(struct bu_machine *m, bu_word_id w);
int64_t bu_atomic_cmpxchg(struct bu_machine *m, bu_word_id w, int64_t old, int64_t new);	/* the value found */
int64_t bu_atomic_xchg(struct bu_machine *m, bu_word_id w, int64_t new);			/* the value found */

/**
 * bu_spin_until() - while (!(word GUARD value)) cpu_relax(); Lasts whole rounds of poll_ns.
 * @point: what is waited for, for waits; @for_cpu: the CPU that will do it, or -1.
 * @timeout_ns: from now; negative: none. Return: 0; -ETIMEDOUT.
 */
int bu_spin_until(struct bu_machine *m, bu_word_id w, enum bu_guard guard, int64_t value, int64_t timeout_ns,
		  const char *point, int for_cpu);

/* seqcount_t. Writers exclude one another and disable preemption themselves: not to do so is a misuse. */
bu_obj bu_seqcount(struct bu_machine *m, const char *name);
void bu_write_seqcount_begin(struct bu_machine *m, bu_obj s);
void bu_write_seqcount_end(struct bu_machine *m, bu_obj s);
int64_t bu_read_seqcount_begin(struct bu_machine *m, bu_obj s);	/* spins while a write section is open */
bool bu_read_seqcount_retry(struct bu_machine *m, bu_obj s, int64_t start);

/* seqcount_latch_t: readers take copy (sequence & 1) and never wait, in NMIs neither. */
bu_obj bu_seqcount_latch(struct bu_machine *m, const char *name);
void bu_raw_write_seqcount_latch(struct bu_machine *m, bu_obj s);	/* before changing each copy */
int64_t bu_raw_read_seqcount_latch(struct bu_machine *m, bu_obj s);
bool bu_read_seqcount_latch_retry(struct bu_machine *m, bu_obj s, int64_t start);

/**
 * bu_static_key() - A branch that is patched into the text. Turning it costs text_poke_ns per step of three
 * (breakpoint, tail, first byte), after each of which every other online CPU is interrupted to synchronise; under a
 * mutex (text_mutex).
 * bu_static_branch() costs nothing.
 */
bu_obj bu_static_key(struct bu_machine *m, const char *name, bool on);
void bu_static_key_set(struct bu_machine *m, bu_obj key, bool on);
bool bu_static_branch(struct bu_machine *m, bu_obj key);

#endif
