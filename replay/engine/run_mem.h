/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * run_mem.h - memory that lives as long as one run of an engine and is used again by the next.
 *
 * Under engine.c and task.c: names of tasks, random sources. Unlike struct bu_arena it can be rewound without giving
 * its blocks back, because an explorer resets an engine millions of times. What it hands out never moves.
 */
#ifndef BU_REPLAY_ENGINE_RUN_MEM_H
#define BU_REPLAY_ENGINE_RUN_MEM_H

#include <stddef.h>

struct bu_run_mem_block;

struct bu_run_mem {		/* all zero: empty */
	struct bu_run_mem_block *first, *now;
	size_t used;		/* of the block `now` */
};

/**
 * bu_run_mem_alloc() - @size bytes, not cleared, aligned to 8. Return: NULL when memory is out.
 */
void *bu_run_mem_alloc(struct bu_run_mem *m, size_t size);

/**
 * bu_run_mem_rewind() - Forget all that was handed out, keep the blocks.
 */
void bu_run_mem_rewind(struct bu_run_mem *m);

/**
 * bu_run_mem_save(), bu_run_mem_restore() - What has been handed out, to and from an image (state.h); what was handed out
 * since is forgotten. Return: 0; -ENOMEM.
 */
struct bu_image;
int bu_run_mem_save(const struct bu_run_mem *m, struct bu_image *img);
void bu_run_mem_restore(struct bu_run_mem *m, const struct bu_image *img, size_t *at);

void bu_run_mem_fini(struct bu_run_mem *m);

/**
 * bu_big_realloc() - Like realloc(), for the engine's arrays that grow by doubling and are looked at in no order:
 * begins on a cache line and, when large, asks the kernel for huge pages, without which each look misses the TLB.
 * @used_bytes: how much of @old is kept. Return: to be freed by free(); NULL with @old unharmed.
 */
void *bu_big_realloc(void *old, size_t used_bytes, size_t bytes);

#endif
