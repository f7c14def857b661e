// SPDX-License-Identifier: GPL-2.0-only
/*
 * lazy-fault.c - a new top-level entry is made in init_mm alone, and copied by whoever faults for want of it.
 *
 * Source: vmalloc_fault(), arch/x86/mm/fault.c of v3.13 to v5.7 (removed by 7f0a002b5a21, v5.8; back on x86-32 by
 * 4819e15f740e, v5.9). Up to v4.8 the entry is copied to current->active_mm, since then to what CR3 has.
 *
 * Costs nothing but the faults, and is safe only where a fault is. The parameters:
 *   pgd         whose page table is mended
 *   trace       whether the tracepoint of page faults comes before the mending, as in every kernel, or after it
 *   nested_nmi  an NMI handler may fault: from v3.3 on (3f3c8b8c4b2a) x86-64 survives that the fault's IRET lets the next NMI
 *               in on the same stack
 *   probe       the stack of the next task is touched from that of the one before: switch_mm() and prepare_switch_to(), v4.9
 *               (e37e43a497d5)
 *   flush_lazy  in a batch of page-table updates of a paravirtual guest the entry is made when the batch ends, unless it is flushed:
 *               v3.9 (1160c2779b82)
 *   unmap_sync  1: unmapping walks all page tables (vmalloc_sync_all() in __purge_vmap_area_lazy(), 3f8fd02b1bf1, v5.3)
 */
#include "replay/kit/pgd.h"

enum { PARAM_PGD = NR_PGD_PARAMS, PARAM_TRACE, PARAM_NESTED_NMI, PARAM_PROBE, PARAM_FLUSH_LAZY, PARAM_UNMAP_SYNC, PARAM_WALK_NS };

enum { PGD_CURRENT, PGD_CR3 };
enum { TRACE_BEFORE, TRACE_AFTER };

static const struct bu_param parameters[] = {
	PGD_PARAMS,
	{ "pgd", "current|cr3", "whose page table a fault mends", PGD_CR3, PGD_CURRENT, PGD_CR3 },
	{ "trace", "before|after", "when the tracepoint of page faults comes, to the mending", TRACE_BEFORE, TRACE_BEFORE, TRACE_AFTER },
	{ "nested_nmi", "bool", "an NMI handler may fault (v3.3)", 0, 0, 1 },
	{ "probe", "bool", "the next stack is touched before it is used (v4.9)", 0, 0, 1 },
	{ "flush_lazy", "bool", "a paravirtual guest's batch is flushed when an entry was copied (v3.9)", 0, 0, 1 },
	{ "unmap_sync", "bool", "unmapping walks all page tables (v5.3)", 0, 0, 1 },
	PGD_WALK_PARAM,
	{ NULL, NULL, NULL, 0, 0, 0 },
};

static bool vmalloc_fault(struct bu_machine *m, int slot)
{
	const int mm = param(m, PARAM_PGD) == PGD_CR3 ? read_cr3(m) : active_mm(m);

	KERNEL_FN(m);
	if (!bu_pg(m)->preallocated(m, slot))
		return false;	/* not of vmalloc space */
	if (in_nmi(m) && !param(m, PARAM_NESTED_NMI))
		crash(m, "page fault in an NMI, whose IRET lets the next one in on the same stack", "vmalloc_fault()");
	if (!pgd_present(m, 0, slot))
		return false;
	if (!pgd_present(m, mm, slot)) {
		set_pgd(m, mm, slot);
		if (param(m, PARAM_FLUSH_LAZY))
			arch_flush_lazy_mmu_mode(m);
		if (!pgd_present(m, mm, slot))
			crash(m, "kernel BUG: the next level is not init_mm's, the entry waits in a lazy MMU batch", "vmalloc_fault()");
	} else if (pgd_stale(m, mm, slot)) {
		crash(m, "kernel BUG: an entry that is not init_mm's", "vmalloc_fault()");
	}
	return true;
}

static bool page_fault(struct bu_machine *m, int slot)
{
	bool good;

	if (param(m, PARAM_TRACE) == TRACE_BEFORE)
		bu_pg(m)->trace_page_fault(m);
	good = slot < 0 || vmalloc_fault(m, slot);
	if (param(m, PARAM_TRACE) == TRACE_AFTER)
		bu_pg(m)->trace_page_fault(m);
	return good;
}

static void context_switch_probing(struct bu_machine *m, int mm, int stack)
{
	const bool flags = local_irq_save(m);

	KERNEL_FN(m);
	if (mm)
		switch_mm_irqs_off(m, mm);
	if (stack >= 0 && param(m, PARAM_PROBE))
		touch(m, stack);	/* on the old stack still */
	switch_to(m, mm, stack);
	local_irq_restore(m, flags);
}

static void unmap(struct bu_machine *m, int slot)
{
	KERNEL_FN(m);
	pgd_clear(m, slot);
	if (param(m, PARAM_UNMAP_SYNC))
		sync_global_pgds_unmapped(m, slot, param(m, PARAM_WALK_NS));
	flush_tlb_kernel_range(m);
}

static const struct bu_pgd_hooks hooks = {
	.size = sizeof(hooks), .pgd_alloc = pgd_alloc, .pgd_free = pgd_free, .context_switch = context_switch_probing,
	.activate_mm = activate_mm, .map_kernel = map_lazily, .unmap_kernel = unmap,
};

static void control(struct bu_machine *m)
{
	pgd_play(m, (struct pgd_core *)alloc(m, sizeof(struct pgd_core)), page_fault, &hooks);
}

BU_CORE_DEFINE(pgd, lazy_fault) = {
	.size = sizeof(struct bu_core_def),
	.abi = BU_CORE_ABI,
	.family = "pgd",
	.name = "lazy-fault",
	.summary = "who faults copies the entry (vmalloc_fault, up to 5.7)",
	.source = "Linux 5.7 arch/x86/mm/fault.c",
	.params = parameters,
	.control = control,
};
