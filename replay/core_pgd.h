/* SPDX-License-Identifier: MIT */
/*
 * core_pgd.h - what page-table cores are given besides the machine: address spaces, context switches, allocations of kernel
 * space and accesses to it, as recorded or made up.
 *
 * The family plays the recording: each CPU does what it did, in its order and not before its time, and calls the core where the
 * algorithms differ. Address spaces and slots are the machine's numbers (0: init_mm). Nobody touches memory of a slot before the
 * hook that allocated it has returned, but for the allocator itself where the recording says so.
 */
#ifndef BU_REPLAY_CORE_PGD_H
#define BU_REPLAY_CORE_PGD_H

#include "replay/core.h"

/* A mapping is a request for each top-level entry that it lies behind; next() goes through them. */
struct bu_pgd_request {
	int slot;
	bool of_task;		/* only the task that asks will use it */
	bool early;		/* who asks uses it before it is handed out */
};

/* Called on the CPU where it happens; all required. */
struct bu_pgd_hooks {
	uint32_t size;
	void (*pgd_alloc)(struct bu_machine *, int mm);	/* fork() and exec(): until @mm may be loaded */
	void (*pgd_free)(struct bu_machine *, int mm);	/* when no CPU has it loaded */
	/*
	 * context_switch() to a task of @mm, 0: to a kernel thread or idle, whose stack is behind slot @stack, -1: directly
	 * mapped; and exec_mmap(), by which a task gets a new address space.
	 */
	void (*context_switch)(struct bu_machine *, int mm, int stack);
	void (*activate_mm)(struct bu_machine *, int mm);
	/* In a thread of its own, on the CPU that allocates. They return when the memory may be handed out, or used anew. */
	void (*map_kernel)(struct bu_machine *, const struct bu_pgd_request *);
	void (*unmap_kernel)(struct bu_machine *, int slot);
};

enum bu_pgd_count {		/* what a core counts for reports */
	BU_PGD_WALKS,		/* over pgd_list, for one mapping each, whatever number of entries it needs */
	BU_PGD_WALKED,		/* page tables in these, each once per entry */
	BU_PGD_WALK_NS,		/* with pgd_lock held for one entry, waiting for it not counted */
	BU_PGD_CHECKS,		/* in context switches */
	BU_PGD_COPIES,		/* of entries, by a check */
	BU_PGD_IPIS,
	BU_PGD_CHECK_NS,	/* of one check, with what it copies */
	BU_PGD_BOOT_PAGES,	/* tables that are made before the first process */
	BU_PGD_NR_COUNTS
};

struct bu_pgd_ops {
	uint32_t size, abi;
	/* Plays the recording; returns when all CPUs are through. To be called once, by the control function. */
	void (*play)(struct bu_machine *, const struct bu_pgd_hooks *);
	/* The tracepoint of page faults: runs its handler if it is on. */
	void (*trace_page_fault)(struct bu_machine *);
	/* Within context_switch() and activate_mm(): what the recording has there, before and after CR3 is loaded. */
	void (*before_cr3)(struct bu_machine *);
	void (*after_cr3)(struct bu_machine *);
	bool (*cpu_idle)(struct bu_machine *, int cpu);	/* by the recording */
	int (*nr_slots)(struct bu_machine *);
	int (*nr_mms)(struct bu_machine *);		/* address spaces that there ever are, init_mm counted */
	bool (*preallocated)(struct bu_machine *, int slot);	/* it is in vmalloc space (preallocate_vmalloc_pages(), v5.9) */
	/* Between the entry and whatever makes others see it: the memory is used by who maps it (__init_single_page()). */
	void (*early_use)(struct bu_machine *, const struct bu_pgd_request *);	/* if it says so */
	void (*count)(struct bu_machine *, enum bu_pgd_count, int64_t n);
	/* The same mapping's next entry; NULL: this was the last. */
	const struct bu_pgd_request *(*next)(struct bu_machine *, const struct bu_pgd_request *);
	int (*vmalloc_entries)(struct bu_machine *);	/* top-level entries that vmalloc space takes, used or not */
};

static inline const struct bu_pgd_ops *bu_pg(struct bu_machine *m)
{
	return (const struct bu_pgd_ops *)bu_tables(m)->family;
}

#endif
