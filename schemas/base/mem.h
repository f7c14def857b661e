/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * mem.h - ownership helpers: scope-bound cleanup, growing arrays, arenas.
 *
 * Stands below everything. Every allocation that can fail says so by NULL or -ENOMEM; nothing exits.
 */
#ifndef BU_SCHEMAS_BASE_MEM_H
#define BU_SCHEMAS_BASE_MEM_H

#include <stddef.h>
#include <stdlib.h>

#define _cleanup_(f) __attribute__((cleanup(f)))
#define _cleanup_free_ _cleanup_(bu_freep)

static inline void bu_freep(void *p)
{
	free(*(void **)p);
}

/* Hands the pointer over: returns it and leaves NULL behind, so that a cleanup finds nothing. */
#define take_ptr(p) ({ __typeof__(p) taken_ = (p); (p) = NULL; taken_; })

#define ARRAY_SIZE(a) (sizeof(a) / sizeof((a)[0]))

/**
 * bu_grow() - Make room for one more element of a growing array.
 * @array: address of the array pointer; moved when it has to grow, doubling.
 * @n: elements in use. @cap: address of the capacity in elements.
 * @size: bytes of one element.
 * Return: 0; -ENOMEM with the array unchanged.
 */
int bu_grow(void *array, size_t n, size_t *cap, size_t size);

/**
 * bu_advise_large() - Tell the kernel that all of @p, which was just allocated, is going to be used: in huge pages it costs a
 * page fault for 2 MiB rather than for 4 KiB. Quiet where @bytes are few.
 */
void bu_advise_large(void *p, size_t bytes);

/*
 * An array of millions of elements. It grows by blocks, which are never moved: pointers into it stay valid until
 * bu_blocks_fini(), and nothing is copied. A zeroed struct is empty.
 */
struct bu_blocks {
	void **blocks;
	size_t n_blocks, cap_blocks;
	size_t n;		/* elements */
};

#define BU_BLOCK_BYTES ((size_t)2 << 20)	/* a huge page of x86-64 and of arm64 with 4 KiB pages */

/**
 * bu_blocks_add() - One more element of @size bytes, the same for all of @b, not initialised. NULL when memory is out.
 */
void *bu_blocks_add(struct bu_blocks *b, size_t size);

/**
 * bu_blocks_at() - Element @i, which is below b->n.
 */
static inline void *bu_blocks_at(const struct bu_blocks *b, size_t i, size_t size)
{
	const size_t each = BU_BLOCK_BYTES / size;

	return (char *)b->blocks[i / each] + i % each * size;
}

/**
 * bu_blocks_fini() - Free everything; may be used again afterwards.
 */
void bu_blocks_fini(struct bu_blocks *b);

/*
 * An arena: memory that is freed all at once. Blocks are never moved, so pointers into it stay valid
 * until bu_arena_fini().
 */
struct bu_arena {
	struct bu_arena_block *head;
	size_t used;		/* bytes handed out, for accounts */
};

/**
 * bu_arena_alloc() - @size zeroed bytes, aligned for any type. NULL when memory is out.
 */
void *bu_arena_alloc(struct bu_arena *arena, size_t size);

/**
 * bu_arena_strdup() - A copy of @s that lives as long as the arena. NULL when memory is out.
 */
char *bu_arena_strdup(struct bu_arena *arena, const char *s);

/**
 * bu_arena_fini() - Free everything; the arena may be used again afterwards.
 */
void bu_arena_fini(struct bu_arena *arena);

#endif
