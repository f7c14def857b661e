// SPDX-License-Identifier: GPL-2.0-only
/*
 * prealloc.c - all top-level entries of vmalloc space are made at boot, before there is a second page table.
 *
 * Source: preallocate_vmalloc_pages() (6eb82f994026, v5.9) and sync_global_pgds() of arch/x86/mm/init_64.c in v6.1 and v6.12.
 * Costs 64 pages, or 50 with 5 levels. What is not of vmalloc space (vmemmap, persistent memory, KASAN's shadow) gets its
 * entries as with eager-walk, at the end of the mapping; as of v6.17 (and v6.12.46) with the entry itself.
 */
#include "replay/kit/pgd.h"

enum { PARAM_SYNC_AT = NR_PGD_PARAMS, PARAM_WALK_NS };

static const struct bu_param parameters[] = {
	PGD_PARAMS,
	PGD_SYNC_AT_PARAM,
	PGD_WALK_PARAM,
	{ NULL, NULL, NULL, 0, 0, 0 },
};

static void map(struct bu_machine *m, const struct bu_pgd_request *r)
{
	map_and_walk(m, r, param(m, PARAM_SYNC_AT), param(m, PARAM_WALK_NS));
}

/* Tables of vmalloc space stay, empty (vunmap() of 64-bit kernels frees none). */
static void unmap(struct bu_machine *m, int slot)
{
	KERNEL_FN(m);
	if (!bu_pg(m)->preallocated(m, slot))
		pgd_clear(m, slot);
	flush_tlb_kernel_range(m);
}

static const struct bu_pgd_hooks hooks = {
	.size = sizeof(hooks), .pgd_alloc = pgd_alloc, .pgd_free = pgd_free, .context_switch = context_switch,
	.activate_mm = activate_mm, .map_kernel = map, .unmap_kernel = unmap,
};

/* Before anything else: the family makes the first page tables in play(). */
static void preallocate_vmalloc_pages(struct bu_machine *m)
{
	int slot;

	for (slot = 0; slot < bu_pg(m)->nr_slots(m); slot++)
		if (bu_pg(m)->preallocated(m, slot))
			set_pgd(m, 0, slot);
	bu_pg(m)->count(m, BU_PGD_BOOT_PAGES, bu_pg(m)->vmalloc_entries(m));
}

static void control(struct bu_machine *m)
{
	preallocate_vmalloc_pages(m);
	pgd_play(m, (struct pgd_core *)alloc(m, sizeof(struct pgd_core)), page_fault_bad, &hooks);
}

BU_CORE_DEFINE(pgd, prealloc) = {
	.size = sizeof(struct bu_core_def),
	.abi = BU_CORE_ABI,
	.family = "pgd",
	.name = "prealloc",
	.summary = "all entries of vmalloc space at boot (5.9 and later)",
	.source = "Linux 6.12 arch/x86/mm/init_64.c",
	.params = parameters,
	.control = control,
};
