// SPDX-License-Identifier: GPL-2.0-only
/*
 * redact_address.c - page numbers by rank (redact_int.h).
 *
 * Within one slot of the second highest page-table level that a kernel may have (39 bits: the PGD with four levels,
 * the P4D with five; Documentation/arch/x86/x86_64/mm.rst, 6.12), the pages that occur are numbered upwards from 1: a
 * page next to the one before gets the next number, any other the one after that. So the order, which pages are the
 * same and which are neighbours stay, and where the kernel lies within its slots does not: that is what KASLR
 * randomises, in units of 1 GiB and less (arch/x86/mm/kaslr.c, 6.12). Nobody can undo it: the numbers depend on
 * nothing but the set of pages.
 */
#include <errno.h>
#include <stdlib.h>

#include "collector/redact_int.h"

#define PAGE_BITS 12
#define SLOT_BITS 39
#define PAGES_OF_SLOT (UINT64_C(1) << (SLOT_BITS - PAGE_BITS))

int bu_address_add(struct bu_address_map *map, uint64_t address)
{
	if (bu_grow(&map->page, map->n, &map->cap, sizeof(*map->page)))
		return -ENOMEM;
	map->page[map->n++] = address >> PAGE_BITS;
	/* Not the sign extension of 48 bits: five levels. */
	if ((uint64_t)((int64_t)(address << 16) >> 16) != address)
		map->wide = true;
	return 0;
}

static int by_number(const void *pa, const void *pb)
{
	uint64_t a = *(const uint64_t *)pa, b = *(const uint64_t *)pb;

	return (a > b) - (a < b);
}

int bu_address_seal(struct bu_address_map *map)
{
	uint64_t mask = ((UINT64_C(1) << (map->wide ? 57 : 48)) - 1) >> PAGE_BITS, slot = UINT64_MAX, at = 0, kept;
	size_t i, n = 0;

	if (!map->n)
		return 0;
	qsort(map->page, map->n, sizeof(*map->page), by_number);
	for (i = 0; i < map->n; i++)
		if (!n || map->page[i] != map->page[n - 1])
			map->page[n++] = map->page[i];
	map->n = n;
	map->to = calloc(n, sizeof(*map->to));
	if (!map->to)
		return -ENOMEM;
	for (i = 0; i < n; i++) {
		kept = (map->page[i] & mask) / PAGES_OF_SLOT;
		if (kept != slot)
			at = map->page[i] ? 1 : 0;
		else
			at += map->page[i] == map->page[i - 1] + 1 ? 1 : 2;
		if (at >= PAGES_OF_SLOT)
			return -ERANGE;
		slot = kept;
		map->to[i] = slot * PAGES_OF_SLOT + at;
	}
	return 0;
}

uint64_t bu_address_map(const struct bu_address_map *map, uint64_t address)
{
	uint64_t page = address >> PAGE_BITS, *found = NULL;

	if (map->n)
		found = bsearch(&page, map->page, map->n, sizeof(page), by_number);
	BU_ASSERT("redact-address-added", found);
	return map->to[found - map->page] << PAGE_BITS | (address & ((1u << PAGE_BITS) - 1));
}

void bu_address_fini(struct bu_address_map *map)
{
	free(map->page);
	free(map->to);
	*map = (struct bu_address_map){ 0 };
}
