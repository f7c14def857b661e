// SPDX-License-Identifier: GPL-2.0-only
/*
 * sync-mappings.c - vmalloc and ioremap keep account of whether they changed a top-level entry, and walk all page tables if they
 * did, before the memory is handed out or used anew.
 *
 * Source: pgtbl_mod_mask and arch_sync_kernel_mappings(), mm/vmalloc.c and arch/x86/mm/fault.c of v5.8 (2ba3e6947aed);
 * on x86-32 up to today. Unmapping is synchronised as well. Between the entry in init_mm and the
 * end of the walk another CPU may find the entry there, and hand out memory that its own page table does not have: x86-32
 * therefore keeps vmalloc_fault() (4819e15f740e, v5.9), parameter vmalloc_fault.
 */
#include "replay/kit/pgd.h"

enum { PARAM_SYNC_AT = NR_PGD_PARAMS, PARAM_WALK_NS, PARAM_VMALLOC_FAULT };

static const struct bu_param parameters[] = {
	PGD_PARAMS,
	PGD_SYNC_AT_PARAM,
	PGD_WALK_PARAM,
	{ "vmalloc_fault", "bool", "a fault for want of an entry is mended, as on x86-32 (v5.9)", 0, 0, 1 },
	{ NULL, NULL, NULL, 0, 0, 0 },
};

static void map(struct bu_machine *m, const struct bu_pgd_request *r)
{
	map_and_walk(m, r, param(m, PARAM_SYNC_AT), param(m, PARAM_WALK_NS));
}

static void unmap(struct bu_machine *m, int slot)
{
	KERNEL_FN(m);
	pgd_clear(m, slot);
	sync_global_pgds_unmapped(m, slot, param(m, PARAM_WALK_NS));
	flush_tlb_kernel_range(m);
}

static bool page_fault(struct bu_machine *m, int slot)
{
	if (!param(m, PARAM_VMALLOC_FAULT))
		return page_fault_bad(m, slot);
	bu_pg(m)->trace_page_fault(m);
	if (slot < 0)
		return true;
	if (!pgd_present(m, 0, slot))
		return false;
	set_pgd(m, read_cr3(m), slot);
	return true;
}

static const struct bu_pgd_hooks hooks = {
	.size = sizeof(hooks), .pgd_alloc = pgd_alloc, .pgd_free = pgd_free, .context_switch = context_switch,
	.activate_mm = activate_mm, .map_kernel = map, .unmap_kernel = unmap,
};

static void control(struct bu_machine *m)
{
	pgd_play(m, (struct pgd_core *)alloc(m, sizeof(struct pgd_core)), page_fault, &hooks);
}

BU_CORE_DEFINE(pgd, sync_mappings) = {
	.size = sizeof(struct bu_core_def),
	.abi = BU_CORE_ABI,
	.family = "pgd",
	.name = "sync-mappings",
	.summary = "a mapping that changed an entry walks all page tables (5.8)",
	.source = "Linux 5.8 mm/vmalloc.c, arch_sync_kernel_mappings()",
	.params = parameters,
	.control = control,
};
