/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * pgd.h - the kernel half of page tables: which top-level entries each address space has, which of them a CPU has loaded,
 * and what becomes of an access to memory whose entry is missing or old.
 *
 * Flow: family (address spaces, entries) -> [pgd] -> cores that keep them in step, whoever touches kernel memory.
 *
 * Address space 0 is init_mm, the reference: an entry is made there first and copied to others. Below the top level all
 * address spaces share the same tables, so an entry is either there, or missing, or old: it still points to a table that
 * init_mm has let go of. Page tables of processes are on pgd_list from pgd_list_add() on; who walks it holds a lock of
 * the core's own. Slots are entries by number from 0.
 *
 * An access goes through the entry that the loaded page table has, or that this CPU has cached of it: paging-structure caches
 * keep entries until CR3 is written or the kernel's translations are flushed (Intel SDM vol. 3A, 4.10.3 and 4.10.4.1). A
 * missing one is a page fault: exc_page_fault() with interrupts off on the stack of whoever is interrupted, then the handler
 * of the core, then the access once more. So
 *   - faults within the handler nest, and a stack is full after so many of them: double fault;
 *   - a fault whose handler did not make the entry comes for ever, unless another CPU makes it;
 *   - where the stack itself is behind the missing entry there is nothing to push the frame on: double fault; nor is
 *     there between SYSCALL and the load of the kernel's stack, where the stack pointer is still that of user space;
 *   - an old entry leads to memory that is somebody else's now: crash.
 */
#ifndef BU_REPLAY_MACHINE_PGD_H
#define BU_REPLAY_MACHINE_PGD_H

#include "replay/machine/machine.h"

/**
 * bu_pgd_init() - Page tables of this run: of init_mm and @n_mms others, which have to be made by clone_pgd_range().
 * @slots: a name each, borrowed for the run. Before or during the run, once.
 */
void bu_pgd_init(struct bu_machine *m, uint32_t n_mms, const char *const *slots, uint32_t n_slots);

/**
 * bu_page_fault_cost() - What an exception costs from entry to IRET without its handler, and the bytes of stack that it and
 * its handler use, of @stack_bytes; before either is set: 0 ns, and no end of stack.
 */
void bu_page_fault_cost(struct bu_machine *m, int64_t ns, int64_t frame_bytes, int64_t stack_bytes);

/**
 * bu_page_fault_handler() - Called on the CPU that faulted, in exc_page_fault(); whether the access is to be tried again.
 * Without one, or when it says no, the kernel dies.
 */
void bu_page_fault_handler(struct bu_machine *m, bu_page_fault_fn fn);

/* A fault of another cause than a missing entry (slot -1): what it costs, and the handler. */
void bu_page_fault(struct bu_machine *m);

bool bu_pgd_present(struct bu_machine *m, int mm, int slot);
bool bu_pgd_stale(struct bu_machine *m, int mm, int slot);	/* there, and not what init_mm has: BUG_ON() of the walks */

/**
 * bu_set_pgd() - Makes the entry: in init_mm one with a new table behind it, elsewhere a copy of init_mm's, which is a missing
 * one where init_mm has none.
 */
void bu_set_pgd(struct bu_machine *m, int mm, int slot);
/*
 * Of a CPU of a paravirtual guest: entries that it makes come with the batch's flush, or its end (arch/x86/include/asm/paravirt.h
 * v3.8). In an interrupt they come at once.
 */
void bu_arch_enter_lazy_mmu_mode(struct bu_machine *m);
void bu_arch_flush_lazy_mmu_mode(struct bu_machine *m);
void bu_arch_leave_lazy_mmu_mode(struct bu_machine *m);

void bu_pgd_clear(struct bu_machine *m, int slot);	/* takes it out of init_mm; copies are old from then on */
void bu_clone_pgd_range(struct bu_machine *m, int mm);	/* @mm gets all that init_mm has now */

void bu_pgd_list_add(struct bu_machine *m, int mm);
void bu_pgd_list_del(struct bu_machine *m, int mm);
int bu_pgd_list_next(struct bu_machine *m, int mm);	/* behind @mm, 0: the first; 0 behind the last */

/* Of this CPU: the loaded page table, and current->active_mm. Both init_mm before they are written. */
void bu_write_cr3(struct bu_machine *m, int mm);
int bu_read_cr3(struct bu_machine *m);
void bu_set_active_mm(struct bu_machine *m, int mm);
int bu_active_mm(struct bu_machine *m);
bool bu_pgd_loaded(struct bu_machine *m, int mm);	/* by any CPU, in either way */

void bu_flush_tlb_kernel(struct bu_machine *m);		/* of this CPU: what it has cached of kernel entries is dropped */

/**
 * bu_touch() - This CPU accesses kernel memory behind @slot. bu_touch_stack(): as the stack that it is about to use.
 * bu_touch_at_syscall(): right behind SYSCALL and SWAPGS (entry_SYSCALL_64, arch/x86/entry/entry_64.S v6.12).
 */
void bu_touch(struct bu_machine *m, int slot);
void bu_touch_stack(struct bu_machine *m, int slot);
void bu_touch_at_syscall(struct bu_machine *m, int slot);

/* Of all CPUs: page faults at slots, the deepest nesting. */
struct bu_pgd_counts_of_run { uint64_t faults; uint32_t deepest; };
struct bu_pgd_counts_of_run bu_pgd_run_counts(const struct bu_machine *m);

#endif
