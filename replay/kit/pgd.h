/* SPDX-License-Identifier: MIT */
/*
 * pgd.h - what page-table cores have in common: the locks, page tables that come and go, the context switch, the page fault
 * that finds nothing to mend, and the walk over all page tables.
 *
 * Source: arch/x86/mm/pgtable.c (pgd_alloc(), pgd_ctor(), pgd_free()), arch/x86/mm/tlb.c (switch_mm_irqs_off()),
 * arch/x86/mm/fault.c, arch/x86/mm/init_64.c (sync_global_pgds_l4()) and kernel/sched/core.c (context_switch()) of v4.19 to
 * v6.12.
 */
#ifndef BU_REPLAY_KIT_PGD_H
#define BU_REPLAY_KIT_PGD_H

#include "replay/core_pgd.h"
#include "replay/kit/kernel.h"

/*
 * Figures that every core has, first in its parameters. Costs of an entry and of a page fault are no kernel's: 1000 to 2000
 * cycles for a fault that is mended and a few cache misses for an entry are assumed.
 *   fault_ns     1500 cycles at 2.6 GHz
 *   clone_ns     copying half a page, 2 KiB at some 20 bytes per ns
 *   populate_ns  clearing a page for a new table, likewise
 *   frame_bytes  struct pt_regs is 168 bytes (arch/x86/include/asm/ptrace.h); with the frames of exc_page_fault(), the
 *                tracepoint and the ring buffer's reservation 1 KiB is assumed
 *   stack_bytes  THREAD_SIZE of x86-64 since v3.15 (6538b8ea886e)
 */
enum { PGD_FAULT_NS, PGD_CLONE_NS, PGD_POPULATE_NS, PGD_FRAME_BYTES, PGD_STACK_BYTES, PGD_FLUSH, NR_PGD_PARAMS };

#define PGD_PARAMS \
	{ "fault_ns", "ns", "a page fault, from exception to IRET", 577, 0, 1000000 }, \
	{ "clone_ns", "ns", "copying the kernel half of a page table", 100, 0, 1000000 }, \
	{ "populate_ns", "ns", "a table for a new entry of init_mm", 200, 0, 1000000 }, \
	{ "frame_bytes", "bytes", "stack that a page fault and its tracepoint take", 1024, 1, 65536 }, \
	{ "stack_bytes", "bytes", "of a stack", 16384, 4096, 65536 }, \
	{ "flush", "bool", "unmapping flushes the TLBs of all CPUs before the memory is used anew; 0 breaks it", 1, 0, 1 }

/* Two cache lines per page table that the walk comes to, its struct page and the entry: some 75 ns. */
#define PGD_WALK_PARAM { "walk_ns", "ns", "each page table of a walk over pgd_list, pgd_lock being held", 75, 0, 1000000 }

struct pgd_core {
	bu_obj pgd_lock, page_table_lock;	/* that of init_mm */
};

static inline const struct pgd_core *pgd_core(struct bu_machine *m)
{
	return (const struct pgd_core *)core_data(m);
}

/* ------------------------------------------------------------------------------------------------- address spaces */

static inline void pgd_ctor(struct bu_machine *m, int mm)
{
	KERNEL_FN(m);
	clone_pgd_range(m, mm);
	work(m, param(m, PGD_CLONE_NS));
	pgd_list_add(m, mm);
}

static inline void pgd_alloc(struct bu_machine *m, int mm)
{
	const bu_obj pgd_lock = pgd_core(m)->pgd_lock;

	KERNEL_FN(m);
	raw_spin_lock(m, pgd_lock);
	pgd_ctor(m, mm);
	raw_spin_unlock(m, pgd_lock);
}

static inline void pgd_free(struct bu_machine *m, int mm)
{
	KERNEL_FN(m);
	raw_spin_lock(m, pgd_core(m)->pgd_lock);	/* pgd_dtor() */
	pgd_list_del(m, mm);
	raw_spin_unlock(m, pgd_core(m)->pgd_lock);
}

/* CR3 is that of @mm from here on, and current->active_mm not yet. */
static inline void load_new_mm_cr3(struct bu_machine *m, int mm)
{
	KERNEL_FN(m);
	bu_pg(m)->before_cr3(m);
	write_cr3(m, mm);
	bu_pg(m)->after_cr3(m);
}

static inline void switch_mm_irqs_off(struct bu_machine *m, int mm)
{
	KERNEL_FN(m);
	if (mm != read_cr3(m))
		load_new_mm_cr3(m, mm);
}

/* From here on the next task is current, on its own stack. */
static inline void switch_to(struct bu_machine *m, int mm, int stack)
{
	KERNEL_FN(m);
	if (stack >= 0)
		touch_stack(m, stack);
	if (mm)
		set_active_mm(m, mm);	/* a kernel thread keeps that of the one before: enter_lazy_tlb() */
}

static inline void context_switch(struct bu_machine *m, int mm, int stack)
{
	const bool flags = local_irq_save(m);	/* rq->lock */

	KERNEL_FN(m);
	if (mm)
		switch_mm_irqs_off(m, mm);
	switch_to(m, mm, stack);
	local_irq_restore(m, flags);
}

/* exec_mmap() */
static inline void activate_mm(struct bu_machine *m, int mm)
{
	const bool flags = local_irq_save(m);

	KERNEL_FN(m);
	switch_mm_irqs_off(m, mm);
	set_active_mm(m, mm);
	local_irq_restore(m, flags);
}

/* -------------------------------------------------------------------------------------------------------- entries */

/*
 * Whether the entry was missing, as pud_alloc_track() and pte_alloc_kernel_track() see it (mm/pgalloc-track.h v6.1): two that find it
 * missing at the same time both make a table for it, one of them enters it, and both have seen it missing.
 */
static inline bool pgd_populate(struct bu_machine *m, int slot)
{
	const bu_obj lock = pgd_core(m)->page_table_lock;

	KERNEL_FN(m);
	if (pgd_present(m, 0, slot))
		return false;
	work(m, param(m, PGD_POPULATE_NS));
	raw_spin_lock(m, lock);
	if (!pgd_present(m, 0, slot))
		set_pgd(m, 0, slot);
	raw_spin_unlock(m, lock);
	return true;
}

/* How many entries of the mapping were missing. */
static inline int pgd_populate_all(struct bu_machine *m, const struct bu_pgd_request *r)
{
	int n = 0;

	for (; r; r = bu_pg(m)->next(m, r))
		n += pgd_populate(m, r->slot);
	return n;
}

static inline void do_flush_tlb_kernel(struct bu_machine *m, void *info)
{
	(void)info;
	flush_tlb_kernel(m);
}

static inline void flush_tlb_kernel_range(struct bu_machine *m)
{
	KERNEL_FN(m);
	if (!param(m, PGD_FLUSH))
		return;
	bu_pg(m)->count(m, BU_PGD_IPIS, num_online_cpus(m) - 1);
	preempt_disable(m);
	on_each_cpu(m, "do_kernel_range_flush", do_flush_tlb_kernel, NULL, true);
	preempt_enable(m);
}

/* Every page table on the list gets the entry of init_mm if it has none, or loses it if init_mm has none and @unmap. */
static inline void sync_global_pgd(struct bu_machine *m, int slot, int64_t walk_ns, bool unmap)
{
	const bu_obj pgd_lock = pgd_core(m)->pgd_lock;
	int64_t start, n = 0;
	bool there;
	int mm;

	there = pgd_present(m, 0, slot);
	if (!there && !unmap)
		return;
	raw_spin_lock(m, pgd_lock);
	start = now(m);
	for (mm = pgd_list_next(m, 0); mm; mm = pgd_list_next(m, mm), n++) {
		work(m, walk_ns);
		if (there && pgd_stale(m, mm, slot))
			crash(m, "kernel BUG: an entry that is not init_mm's", "sync_global_pgds()");
		if (there != pgd_present(m, mm, slot))
			set_pgd(m, mm, slot);
	}
	bu_pg(m)->count(m, BU_PGD_WALK_NS, now(m) - start);
	raw_spin_unlock(m, pgd_lock);
	bu_pg(m)->count(m, BU_PGD_WALKED, n);
}

/* sync_global_pgds(), arch_sync_kernel_mappings(): entry after entry of a mapping, new or not. */
static inline void sync_global_pgds(struct bu_machine *m, const struct bu_pgd_request *r, int64_t walk_ns)
{
	KERNEL_FN(m);
	bu_pg(m)->count(m, BU_PGD_WALKS, 1);
	for (; r; r = bu_pg(m)->next(m, r))
		sync_global_pgd(m, r->slot, walk_ns, false);
}

/* The same after an entry was taken out of init_mm. */
static inline void sync_global_pgds_unmapped(struct bu_machine *m, int slot, int64_t walk_ns)
{
	KERNEL_FN(m);
	bu_pg(m)->count(m, BU_PGD_WALKS, 1);
	sync_global_pgd(m, slot, walk_ns, true);
}

/*
 * A mapping that makes an entry is not handed out before all page tables have it: walked for with the entry itself
 * (pgd_populate_kernel(), v6.17), or when all is mapped.
 */
enum { SYNC_AT_END, SYNC_AT_ENTRY };

#define PGD_SYNC_AT_PARAM \
	{ "sync_at", "end|entry", "page tables are walked at the end of a mapping, or with each entry (v6.17)", SYNC_AT_END, \
	  SYNC_AT_END, SYNC_AT_ENTRY }

static inline void map_and_walk(struct bu_machine *m, const struct bu_pgd_request *r, int64_t sync_at, int64_t walk_ns)
{
	const struct bu_pgd_request *part;
	bool modified = false;

	KERNEL_FN(m);
	for (part = r; part; part = bu_pg(m)->next(m, part)) {
		if (!pgd_populate(m, part->slot))
			continue;
		modified = true;
		if (sync_at == SYNC_AT_ENTRY) {
			bu_pg(m)->count(m, BU_PGD_WALKS, 1);
			sync_global_pgd(m, part->slot, walk_ns, false);
		}
	}
	bu_pg(m)->early_use(m, r);
	if (modified && sync_at == SYNC_AT_END)
		sync_global_pgds(m, r, walk_ns);
}

/* @mm gets what it lacks of init_mm's entries; with @unmap those go that init_mm has not, or not any more. */
static inline void copy_kernel_pgds(struct bu_machine *m, int mm, bool unmap)
{
	int slot, copies = 0;

	KERNEL_FN(m);
	for (slot = 0; slot < bu_pg(m)->nr_slots(m); slot++)
		if ((pgd_present(m, 0, slot) && !pgd_present(m, mm, slot)) || (unmap && pgd_stale(m, mm, slot))) {
			set_pgd(m, mm, slot);
			copies++;
		}
	if (copies)
		work(m, param(m, PGD_CLONE_NS));
	bu_pg(m)->count(m, BU_PGD_COPIES, copies);
}

static inline void map_lazily(struct bu_machine *m, const struct bu_pgd_request *r)
{
	KERNEL_FN(m);
	pgd_populate_all(m, r);
	bu_pg(m)->early_use(m, r);
}

/* Nothing is done about the copies of the entry. */
static inline void unmap_lazily(struct bu_machine *m, int slot)
{
	KERNEL_FN(m);
	pgd_clear(m, slot);
	flush_tlb_kernel_range(m);
}

/* --------------------------------------------------------------------------------------------------------- faults */

/* do_kern_addr_fault() that mends nothing: bad_area_nosemaphore() */
static inline bool page_fault_bad(struct bu_machine *m, int slot)
{
	bu_pg(m)->trace_page_fault(m);
	return slot < 0;
}

/* @n words, to be made before CPUs read them. */
static inline bu_word_id *pgd_words(struct bu_machine *m, int n, const char *name)
{
	bu_word_id *w = (bu_word_id *)alloc(m, (size_t)n * sizeof(*w));
	int i;

	for (i = 0; i < n; i++)
		w[i] = atomic(m, name, 0);
	return w;
}

static inline void pgd_play(struct bu_machine *m, struct pgd_core *c, bu_page_fault_fn page_fault,
			    const struct bu_pgd_hooks *hooks)
{
	c->pgd_lock = raw_spinlock(m, "pgd_lock", BU_SPIN_QUEUED);
	c->page_table_lock = raw_spinlock(m, "init_mm.page_table_lock", BU_SPIN_QUEUED);
	set_core_data(m, c);
	page_fault_cost(m, param(m, PGD_FAULT_NS), param(m, PGD_FRAME_BYTES), param(m, PGD_STACK_BYTES));
	page_fault_handler(m, page_fault);
	bu_pg(m)->play(m, hooks);
}

#endif
