// SPDX-License-Identifier: GPL-2.0-only
/*
 * eager-walk.c - who makes an entry in init_mm copies it to every page table on pgd_list at once.
 *
 * Source: sync_global_pgds_l4() and its callers (vmemmap, memory hotplug, vmalloc_sync_all()), arch/x86/mm/init_64.c of v3.13
 * to v6.12; here for every mapping. Costs a walk for each entry, linear in page tables, pgd_lock being held. Forks cannot get
 * in between: pgd_ctor() copies and lists under the same lock. Whoever finds the entry there already takes it that
 * everybody has it, which is not so until the walk is over. What is unmapped stays in the other page tables.
 *
 * The parameter ctor_unlocked breaks it: page tables are copied and listed without the lock.
 */
#include "replay/kit/pgd.h"

enum { PARAM_SYNC_AT = NR_PGD_PARAMS, PARAM_WALK_NS, PARAM_CTOR_UNLOCKED };

static const struct bu_param parameters[] = {
	PGD_PARAMS,
	PGD_SYNC_AT_PARAM,
	PGD_WALK_PARAM,
	{ "ctor_unlocked", "bool", "new page tables are copied and listed without pgd_lock", 0, 0, 1 },
	{ NULL, NULL, NULL, 0, 0, 0 },
};

static void map(struct bu_machine *m, const struct bu_pgd_request *r)
{
	map_and_walk(m, r, param(m, PARAM_SYNC_AT), param(m, PARAM_WALK_NS));
}

static void alloc_pgd(struct bu_machine *m, int mm)
{
	if (param(m, PARAM_CTOR_UNLOCKED))
		pgd_ctor(m, mm);
	else
		pgd_alloc(m, mm);
}

static const struct bu_pgd_hooks hooks = {
	.size = sizeof(hooks), .pgd_alloc = alloc_pgd, .pgd_free = pgd_free, .context_switch = context_switch,
	.activate_mm = activate_mm, .map_kernel = map, .unmap_kernel = unmap_lazily,
};

static void control(struct bu_machine *m)
{
	pgd_play(m, (struct pgd_core *)alloc(m, sizeof(struct pgd_core)), page_fault_bad, &hooks);
}

BU_CORE_DEFINE(pgd, eager_walk) = {
	.size = sizeof(struct bu_core_def),
	.abi = BU_CORE_ABI,
	.family = "pgd",
	.name = "eager-walk",
	.summary = "who makes an entry copies it to all page tables (sync_global_pgds)",
	.source = "Linux 6.12 arch/x86/mm/init_64.c",
	.params = parameters,
	.control = control,
};
