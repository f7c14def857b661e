/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * pgd.h - what became of address spaces and of the kernel's half of their page tables in a recording, independent of how
 * the kernel keeps that half in step: who was created from whom, what each CPU ran, which top-level entries came and went,
 * who touched them, and which faults and walks the kernel of the recording had for it.
 *
 * Flow: capture.db, or a file of made-up events -> [schedule] -> family_pgd.c. docs/methods.md says how each event is
 * derived; datasets/scenarios has files of made-up ones.
 */
#ifndef BU_REPLAY_SCHEDULE_PGD_H
#define BU_REPLAY_SCHEDULE_PGD_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "schemas/base/err.h"
#include "schemas/base/mem.h"
#include "schemas/store/db.h"

enum { BU_PGD_NONE = -1 };	/* no address space, no slot, no task: what is not known or does not apply */

enum bu_pgd_what {
	BU_PGD_FORK,		/* pgd_alloc() for a child: @mm is new, its parent is @other; the kernel half is copied now */
	BU_PGD_EXEC,		/* pgd_alloc() for a new program: @mm is new, @other what the task still runs in */
	BU_PGD_ACTIVATE,	/* @cpu loads @mm without a switch of tasks: exec_mmap(); @other is left */
	BU_PGD_EXIT,		/* pgd_free(): @mm is off the list of page tables */
	BU_PGD_SWITCH,		/* @cpu goes from task @other to @task, which runs in @mm; BU_PGD_NONE: a kernel thread */
	BU_PGD_ALLOC,		/* kernel memory in @slot is mapped in init_mm; @use says for what */
	BU_PGD_FREE,		/* the entry @slot is taken out of init_mm */
	BU_PGD_TOUCH,		/* memory of @slot is accessed in @context */
	BU_PGD_FAULT,		/* a page fault was recorded: @fault says of which kind, @context where; @slot in kernel addresses */
	BU_PGD_SYNC,		/* arch_sync_kernel_mappings() was recorded for what @slot is the first of: @n page tables, per entry */
	BU_PGD_HOOK,		/* made up: from now on the page-fault tracepoint's handler accesses @slot; BU_PGD_NONE: no more */
	BU_PGD_SPIN,		/* made up: @cpu's task does not go through schedule() for @n ns; 0: never again */
	BU_PGD_WHAT_NR
};

enum bu_pgd_use {		/* of what a BU_PGD_ALLOC is for */
	BU_PGD_PERCPU,		/* percpu chunk */
	BU_PGD_VMAP,		/* vmalloc, vmap, ioremap */
	BU_PGD_STACK,		/* of a task, CONFIG_VMAP_STACK */
	BU_PGD_MODULE,
	BU_PGD_VMEMMAP,		/* not of vmalloc space; who maps it touches it before it is handed out (__init_single_page()) */
	BU_PGD_USE_NR
};

enum bu_pgd_context {
	BU_PGD_TASK,
	BU_PGD_SOFTIRQ,
	BU_PGD_IRQ,
	BU_PGD_NMI,
	BU_PGD_ON_STACK,	/* the push of a switch to a task whose stack it is */
	BU_PGD_TRACE,		/* handler of a tracepoint */
	BU_PGD_LAZY_MMU,	/* task of a paravirtual guest, in a batch of page-table updates */
	BU_PGD_SYSCALL,		/* entry of a system call, on the stack of user space */
	BU_PGD_CONTEXT_NR
};

enum bu_pgd_window {		/* when exactly a made-up touch comes, relative to what its CPU does next */
	BU_PGD_ANY,
	BU_PGD_AFTER_CR3,	/* in its next switch or activation: after CR3 is loaded, before current is the next task */
	BU_PGD_BEFORE_CR3,	/* likewise: loaded_mm is LOADED_MM_SWITCHING, CR3 still the old one */
};

enum bu_pgd_fault {		/* address class and mode of a recorded fault */
	BU_PGD_FAULT_USER,		/* user mode */
	BU_PGD_FAULT_KERNEL_USER,	/* kernel mode, user address: get_user(), clear_user() */
	BU_PGD_FAULT_VMALLOC,		/* kernel mode, address of vmalloc space */
	BU_PGD_FAULT_KERNEL,		/* kernel mode, another kernel address: direct map, vmemmap, modules, fixmap */
	BU_PGD_FAULT_NR
};

struct bu_pgd_event {
	int64_t ns;		/* since the first event; as recorded */
	int64_t n;		/* SYNC: page tables on the list, times entries of the mapping; SPIN: ns */
	int32_t cpu;
	int32_t mm, other;	/* indices into mms (SWITCH: @other is a task); BU_PGD_NONE */
	int32_t task;		/* index into tasks: of SWITCH the next one, else the one that runs */
	int32_t slot;		/* index into slots; BU_PGD_NONE */
	const char *ip;		/* FAULT, and TOUCH that faulted: the instruction, its function where that is known; NULL: not known */
	uint8_t what;		/* enum bu_pgd_what */
	uint8_t use;		/* enum bu_pgd_use */
	uint8_t context;	/* enum bu_pgd_context */
	uint8_t fault;		/* enum bu_pgd_fault */
	uint8_t nesting;	/* FAULT: faults of this CPU that were not over yet */
	uint8_t window;		/* enum bu_pgd_window */
	bool new_entry;		/* ALLOC: init_mm had no entry for the slot until now */
	bool synthetic;		/* ALLOC: the entry is one of a chosen granularity, none of the recorded kernel's; TOUCH: derived */
	bool same_mapping;	/* ALLOC: of the mapping that the event before it is of, behind the next entry */
	bool lazy;		/* FAULT: vmalloc_fault() was called for it */
	bool atomic;		/* ALLOC: made up in a context that cannot sleep */
};

struct bu_pgd_mm {
	const char *comm;	/* of the task that it was made for, or its name in a file */
	int32_t pid;		/* likewise; 0: not known */
	int32_t parent;		/* index; BU_PGD_NONE */
	bool at_start;		/* is there before the first event */
};

struct bu_pgd_task {
	const char *comm;
	int32_t pid;
	int32_t mm;		/* at the first event, for one that is there; else BU_PGD_NONE */
	int32_t stack_slot;	/* its vmapped stack is in; BU_PGD_NONE: not known or not vmapped */
};

struct bu_pgd_slot {
	int64_t address;	/* first byte that its top-level entry maps, two's complement; 0 in a made-up one */
	const char *name;	/* "0xffffc90000000000", or its name in a file */
	bool at_start;		/* init_mm and every page table have it before the first event */
	bool synthetic;
};

struct bu_pgd_counts {
	int64_t what[BU_PGD_WHAT_NR];
	int64_t mappings;		/* allocations that share one are one */
	int64_t uses[BU_PGD_USE_NR];	/* likewise */
	int64_t faults[BU_PGD_FAULT_NR];
	int64_t faults_in[BU_PGD_CONTEXT_NR];
	int64_t nested;			/* faults within a fault */
	int64_t lazy;			/* vmalloc_fault() */
	int64_t walked;			/* n, over all BU_PGD_SYNC */
	int64_t new_entries, synthetic_entries;
	int64_t mm_switches;		/* SWITCH to a task with an address space; the others are to kernel threads */
	int64_t exec_failed;		/* EXEC whose address space was never activated */
	int64_t mms_at_start, mms_most;	/* page tables on the list, init_mm's not counted */
};

struct bu_pgd_schedule {
	struct bu_arena arena;		/* owns everything below */
	const char *capture_name, *capture_sha256, *kernel_release;	/* "made up" where it is */
	const char *arch;
	const char *figures;		/* what it was made from beside a capture, as a JSON object; NULL: nothing */
	int32_t cpus;
	int slot_shift;			/* a slot maps 1 << slot_shift bytes: with 4 levels 39, with 5 of them 48 */
	bool synthetic;			/* slots are not the kernel's own top-level entries */
	struct bu_pgd_event *events;	/* by time; those of one time in their order */
	struct bu_pgd_mm *mms;
	struct bu_pgd_task *tasks;
	struct bu_pgd_slot *slots;
	int32_t *loaded;		/* by CPU: what CR3 has at the first event; BU_PGD_NONE: init_mm */
	int32_t *running;		/* likewise: the task; BU_PGD_NONE: idle */
	size_t n_events;
	int32_t n_mms, n_tasks, n_slots;
	int64_t end_ns;
	struct bu_pgd_counts counts;
};

/**
 * bu_pgd_schedule_load() - Extract the schedule from a capture (datasets/lab, --trace pgd).
 * @slot_shift: what one slot maps, as a power of two: 21, 22, 30, 39 or 48; every entry is synthetic then, and touches are derived.
 * 0: as the recorded kernel's top-level entry does; entries are new and touches are there as far as recorded.
 * Return: 0; -ENODATA with what to trace; -EINVAL for another @slot_shift; errors of the store.
 */
int bu_pgd_schedule_load(struct bu_db *db, int slot_shift, struct bu_pgd_schedule *ret, struct bu_err *err);

/**
 * bu_pgd_schedule_read() - A schedule from the text of made-up events; bu_pgd_schedule_help says how it is written.
 * Return: 0; -EINVAL with the line and what is wrong with it; -ENOMEM.
 */
int bu_pgd_schedule_read(const char *text, struct bu_pgd_schedule *ret, struct bu_err *err);
extern const char bu_pgd_schedule_help[];

/**
 * bu_pgd_made_up() - A storm of switches, forks and allocations from "name=value,name=value"; bu_pgd_made_up_help has the names.
 * Return: 0; -EINVAL with words for the user; -ENOMEM.
 */
int bu_pgd_made_up(const char *text, struct bu_pgd_schedule *ret, struct bu_err *err);
extern const char bu_pgd_made_up_help[];

void bu_pgd_schedule_fini(struct bu_pgd_schedule *s);

#endif
