// SPDX-License-Identifier: GPL-2.0-only
/* run_mem.c - see run_mem.h. */
#include "replay/engine/run_mem.h"

#include "replay/engine/state.h"

#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>

#define FIRST_BLOCK_BYTES 2048u

#define HUGE_PAGE_BYTES ((size_t)2 << 20)
#define HUGE_FROM_BYTES (2 * HUGE_PAGE_BYTES)	/* below that a huge page would mostly hold nothing */

struct bu_run_mem_block {
	struct bu_run_mem_block *next;
	size_t bytes;
	_Alignas(8) char mem[];
};

void *bu_run_mem_alloc(struct bu_run_mem *m, size_t size)
{
	struct bu_run_mem_block *b = m->now;
	void *p;

	if (size > (size_t)-1 / 4)
		return NULL;
	size = (size + 7) & ~(size_t)7;
	/* A block that was too small is passed over for the rest of the run; sizes double, so this wastes little. */
	while (b && b->bytes - m->used < size && b->next) {
		b = b->next;
		m->now = b;
		m->used = 0;
	}
	if (!b || b->bytes - m->used < size) {
		size_t bytes = b ? 2 * b->bytes : FIRST_BLOCK_BYTES;
		struct bu_run_mem_block *more;

		if (bytes < size)
			bytes = size;
		more = malloc(sizeof(*more) + bytes);
		if (!more)
			return NULL;
		more->next = NULL;
		more->bytes = bytes;
		if (b)
			b->next = more;
		else
			m->first = more;
		m->now = more;
		m->used = 0;
		b = more;
	}
	p = b->mem + m->used;
	m->used += size;
	return p;
}

void bu_run_mem_rewind(struct bu_run_mem *m)
{
	m->now = m->first;
	m->used = 0;
}

int bu_run_mem_save(const struct bu_run_mem *m, struct bu_image *img)
{
	const struct bu_run_mem_block *b;
	int rc = bu_image_put(img, m, sizeof(*m));

	for (b = m->now ? m->first : NULL; b && !rc; b = b == m->now ? NULL : b->next)
		rc = bu_image_put(img, b->mem, b == m->now ? m->used : b->bytes);
	return rc;
}

void bu_run_mem_restore(struct bu_run_mem *m, const struct bu_image *img, size_t *at)
{
	struct bu_run_mem_block *b, *first = m->first;

	bu_image_get(img, at, m, sizeof(*m));
	for (b = m->now ? m->first : NULL; b; b = b == m->now ? NULL : b->next)
		bu_image_get(img, at, b->mem, b == m->now ? m->used : b->bytes);
	m->first = first;
	if (!m->now)
		m->now = first;
}

void bu_run_mem_fini(struct bu_run_mem *m)
{
	struct bu_run_mem_block *b = m->first, *next;

	for (; b; b = next) {
		next = b->next;
		free(b);
	}
	*m = (struct bu_run_mem){ NULL, NULL, 0 };
}

void *bu_big_realloc(void *old, size_t used_bytes, size_t bytes)
{
	size_t align = bytes >= HUGE_FROM_BYTES ? HUGE_PAGE_BYTES : 64;
	void *p;

	if (bytes > (size_t)-1 - align)
		return NULL;
	bytes = (bytes + 63) & ~(size_t)63;
	p = aligned_alloc(align, bytes);
	if (!p)
		return NULL;
#ifdef MADV_HUGEPAGE
	if (align == HUGE_PAGE_BYTES)
		madvise(p, bytes & ~(HUGE_PAGE_BYTES - 1), MADV_HUGEPAGE);
#endif
	if (old)
		memcpy(p, old, used_bytes);
	free(old);
	return p;
}
