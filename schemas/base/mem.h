/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * mem.h - ownership helpers: scope-bound cleanup, arenas, growing arrays.
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
