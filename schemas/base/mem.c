// SPDX-License-Identifier: GPL-2.0-only
/* mem.c - see mem.h. Arena blocks double up to 1 MiB, so a big run costs few allocations. */
#include "schemas/base/mem.h"

#include <errno.h>
#include <stdalign.h>
#include <stdint.h>
#include <string.h>
#include <sys/mman.h>

struct bu_arena_block {
	struct bu_arena_block *next;
	size_t size, used;
	alignas(max_align_t) char data[];
};

int bu_grow(void *array, size_t n, size_t *cap, size_t size)
{
	void **slot = array;
	size_t want = *cap ? *cap * 2 : 16;
	void *p;

	if (n < *cap)
		return 0;
	if (want > SIZE_MAX / size)
		return -ENOMEM;
	p = realloc(*slot, want * size);
	if (!p)
		return -ENOMEM;
	*slot = p;
	*cap = want;
	return 0;
}

void bu_advise_large(void *p, size_t bytes)
{
	const uintptr_t mask = BU_BLOCK_BYTES - 1, from = ((uintptr_t)p + mask) & ~mask, to = ((uintptr_t)p + bytes) & ~mask;

	if (p && from < to)
		(void)madvise((void *)from, to - from, MADV_HUGEPAGE);	/* where there are none, nothing is lost */
}

void *bu_blocks_add(struct bu_blocks *b, size_t size)
{
	if (b->n == b->n_blocks * (BU_BLOCK_BYTES / size)) {
		if (bu_grow(&b->blocks, b->n_blocks, &b->cap_blocks, sizeof(void *)))
			return NULL;
		b->blocks[b->n_blocks] = aligned_alloc(BU_BLOCK_BYTES, BU_BLOCK_BYTES);
		if (!b->blocks[b->n_blocks])
			return NULL;
		bu_advise_large(b->blocks[b->n_blocks++], BU_BLOCK_BYTES);
	}
	return bu_blocks_at(b, b->n++, size);
}

void bu_blocks_fini(struct bu_blocks *b)
{
	size_t i;

	for (i = 0; i < b->n_blocks; i++)
		free(b->blocks[i]);
	free(b->blocks);
	*b = (struct bu_blocks){ .n = 0 };
}

void *bu_arena_alloc(struct bu_arena *arena, size_t size)
{
	const size_t align = alignof(max_align_t), largest = 1 << 20;
	struct bu_arena_block *b = arena->head;
	size_t want;
	void *p;

	if (size > SIZE_MAX / 2)
		return NULL;
	size = (size + align - 1) & ~(align - 1);
	if (!b || b->size - b->used < size) {
		want = b ? b->size * 2 : 4096;
		if (want > largest)
			want = largest;
		if (want < size)
			want = size;
		b = malloc(sizeof(*b) + want);
		if (!b)
			return NULL;
		b->size = want;
		b->used = 0;
		b->next = arena->head;
		arena->head = b;
	}
	p = b->data + b->used;
	b->used += size;
	arena->used += size;
	return memset(p, 0, size);
}

char *bu_arena_strdup(struct bu_arena *arena, const char *s)
{
	size_t len = strlen(s) + 1;
	char *p = bu_arena_alloc(arena, len);

	return p ? memcpy(p, s, len) : NULL;
}

void bu_arena_fini(struct bu_arena *arena)
{
	struct bu_arena_block *b, *next;

	for (b = arena->head; b; b = next) {
		next = b->next;
		free(b);
	}
	*arena = (struct bu_arena){ NULL, 0 };
}
