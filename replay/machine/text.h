/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * text.h - kernel text that is patched while it may be executed: the bytes of patch sites, and what each CPU's front end
 * has fetched of them.
 *
 * Flow: family (which sites there are) -> [text] -> cores that patch, handlers that execute.
 *
 * A site is up to 8 bytes, which lie in memory as one word. A CPU fetches its first byte and the rest
 * in any order and keeps what it has fetched until it has executed the site or serialises: sync_core(), IRET (the end of
 * any interrupt, NMI or exception); Intel SDM vol. 3A, 8.1.3 "Handling Self- and Cross-Modifying Code" and 8.3
 * "Serializing Instructions". Interrupts are taken between instructions.
 *
 * What is executed is the instruction before the patch, that after it, INT3, or else a crash: part of one and part of the
 * other is no instruction that anybody wrote.
 */
#ifndef BU_REPLAY_MACHINE_TEXT_H
#define BU_REPLAY_MACHINE_TEXT_H

#include "replay/machine/machine.h"

#define BU_INT3 0xccu

/**
 * bu_text_init() - The sites of this run, by number from 0; @sites with their names is borrowed for the run. Before or
 * during the run, once.
 */
void bu_text_init(struct bu_machine *m, const struct bu_text_site *sites, uint32_t n);

/**
 * bu_text_poke() - One store of @n bytes from byte @first on (@bytes: the first of them in the lowest 8 bits).
 */
void bu_text_poke(struct bu_machine *m, int site, int first, int n, uint64_t bytes);
uint64_t bu_text_peek(struct bu_machine *m, int site);	/* what lies in memory */

/**
 * bu_text_fetch() - The front end of this CPU takes @n bytes from byte @first on, ahead of their execution.
 * A front end holds bytes of one site at a time.
 */
void bu_text_fetch(struct bu_machine *m, int site, int first, int n);

/**
 * bu_text_execute() - This CPU executes the site: what it holds as it was when fetched, the rest as memory has it now.
 * INT3 calls the handler below with interrupts off; when that does not know the site either, the kernel dies.
 */
void bu_text_execute(struct bu_machine *m, int site);
void bu_sync_core(struct bu_machine *m);

/**
 * bu_int3_handler() - exc_int3(): called on the CPU that met INT3 at @site; whether it emulated the instruction.
 */
void bu_int3_handler(struct bu_machine *m, bu_int3_fn fn);

/**
 * bu_text_keeps() - From now on the front end of @cpu keeps what it fetches for good, over executing it and over serialising
 * events. No CPU does that; an emulator does whose translated block outlives the store into its source.
 */
void bu_text_keeps(struct bu_machine *m, int cpu);

/* How often sites were executed, and INT3 emulated, by all CPUs; how many do not read as after the patch. */
struct bu_text_counts { uint64_t executed, emulated, unpatched; };
struct bu_text_counts bu_text_counts(const struct bu_machine *m);

#endif
