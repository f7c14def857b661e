/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * pgd_capture_int.h - extracting a struct bu_pgd_schedule from a capture: its rows, who lives where meanwhile, what becomes of each.
 *
 * Flow: capture.db -> pgd.c -> pgd_life.c (tasks and address spaces), pgd_memory.c (kernel memory, faults) -> pgd_build.c -> schedule.
 */
#ifndef BU_REPLAY_SCHEDULE_PGD_CAPTURE_INT_H
#define BU_REPLAY_SCHEDULE_PGD_CAPTURE_INT_H

#include "replay/schedule/pgd.h"
#include "schemas/model/dict.h"

struct bu_pgd_builder {
	struct bu_pgd_schedule *s;	/* its arrays are on the heap until bu_pgd_build_end() */
	struct bu_err *err;
	size_t cap_events, cap_mms, cap_tasks, cap_slots;
	int error;			/* the first; what is added after it is ignored */
};

/* An event of which only this much is set. */
static inline struct bu_pgd_event bu_pgd_event(enum bu_pgd_what what, int64_t ns, int32_t cpu)
{
	return (struct bu_pgd_event){ .ns = ns, .cpu = cpu, .mm = BU_PGD_NONE, .other = BU_PGD_NONE, .task = BU_PGD_NONE,
				      .slot = BU_PGD_NONE, .what = (uint8_t)what };
}

/**
 * bu_pgd_build_start() - @cpus CPUs that are idle in init_mm. Names that are handed to the others are copied.
 * The others return the index of what they added; on an error 0, and the builder keeps it: look at it once, in
 * bu_pgd_build_end().
 */
void bu_pgd_build_start(struct bu_pgd_builder *b, int32_t cpus);
size_t bu_pgd_build_event(struct bu_pgd_builder *b, const struct bu_pgd_event *ev);
int32_t bu_pgd_build_mm(struct bu_pgd_builder *b, const char *comm, int32_t pid, bool at_start);
int32_t bu_pgd_build_task(struct bu_pgd_builder *b, const char *comm, int32_t pid, int32_t mm);
int32_t bu_pgd_build_slot(struct bu_pgd_builder *b, const char *name, int64_t address);

/**
 * bu_pgd_build_end() - Drop events that were crossed out (what is BU_PGD_WHAT_NR), count, hand over.
 * On an error everything is freed. Return: 0; the builder's error; -ENOMEM.
 */
int bu_pgd_build_end(struct bu_pgd_builder *b);

/* A row of the capture, from any of its tables. */
struct bu_pgd_row {
	int64_t ns;		/* since the first of them; never less than that of the one before */
	int32_t cpu, pid;
	uint32_t ctx;
	const char *comm;
	const char *name;	/* of the event or function; borrowed, as the others are */
	int64_t a, b;		/* page_fault: address, 1 for user mode; sched_switch: next_pid */
	const char *text;	/* fields of ev_other; comm of sched_switch's next; caller of a function; instruction of a fault */
};

struct bu_pgd_cpu {
	int32_t task;		/* runs; BU_PGD_NONE: not seen yet */
	int32_t active;		/* CR3: the last address space that was switched to */
	int32_t dropped;	/* was held lazily until the last switch: finish_task_switch() may free it */
	int64_t open_fault;	/* event of a fault at a kernel address that is not over; -1 */
	int32_t range_task;	/* is about to walk the page tables for a range; BU_PGD_NONE */
	int64_t range_start, range_end, range_ns;
};

struct bu_pgd_living {		/* beside a schedule's tasks */
	int32_t mm;
	int64_t alloc;		/* event of its pgd_alloc() of which is not known yet what for; -1 */
	int64_t activate, freed;	/* likewise: events held back for an exec; -1 */
	int use;		/* what its next area is for */
	int64_t area;		/* event of its last area that may be a stack; -1 */
	size_t areas;		/* its last area, as a number from 1; 0: none */
	bool gone;
};

struct bu_pgd_area {		/* of kernel memory, as it was asked for, without its guard page */
	int64_t start, end;	/* the first byte, and that behind the last */
	int use;		/* enum bu_pgd_use */
	bool walked;		/* for */
	size_t event, n_events;	/* of the schedule: n_slots allocations first */
	size_t n_slots;
	size_t before;		/* the same task's area before, as a number from 1; 0: none */
};

struct bu_pgd_loader {
	struct bu_db *db;
	struct bu_pgd_builder b;
	struct bu_pgd_cpu *cpu;
	struct bu_pgd_living *living;
	size_t cap_living;
	struct bu_pgd_use_of {	/* by address space */
		int32_t tasks;		/* in it; -1: freed */
		size_t percpu_seen;	/* of loader.percpu */
	} *users;
	size_t cap_users;
	size_t oldest;		/* address spaces below it are freed */
	struct bu_dict pids, user_pids, slots;	/* user_pids: of tasks that have an address space */
	int32_t *task_of;	/* by id in pids: index of the task that has the pid now */
	size_t cap_task_of;
	int32_t *percpu;	/* slots of percpu memory, in the order they came */
	size_t n_percpu, cap_percpu;
	int32_t listed;		/* page tables on pgd_list */
	int shift;
	bool derived;		/* slots are of a chosen granularity */
	bool tracepoint;	/* vmalloc:alloc_vmap_area is there: the probe of the same says nothing new */
	struct bu_pgd_area *areas;
	size_t n_areas, cap_areas;
	int64_t *walked_ns;	/* by slot: when the first mapping there was mapped that was walked for; -1 */
	size_t cap_walked;
	size_t n_unknown;	/* walks whose range nobody recorded */
	int64_t low, high;	/* of areas seen: vmalloc space */
};

/**
 * bu_pgd_field() - The number that an event's fields have under @key, of a trace.dat ("key":12) or of text (key=0x12, key: 12).
 * Return: whether it is there.
 */
bool bu_pgd_field(const char *fields, const char *key, int64_t *ret);

/* The page table that is there before all others: poking_mm (poking_init(), arch/x86/mm/init.c v6.1), which no task runs in. */
void bu_pgd_life_start(struct bu_pgd_loader *l);

/* Each takes the rows it knows and returns whether it did. */
bool bu_pgd_life_row(struct bu_pgd_loader *l, const struct bu_pgd_row *r);
bool bu_pgd_memory_row(struct bu_pgd_loader *l, const struct bu_pgd_row *r);

/* The task that @r is of, made when it was not met yet; 0 on an error. */
int32_t bu_pgd_task_of(struct bu_pgd_loader *l, const struct bu_pgd_row *r);

/* After a switch or activation on @cpu at @ns: what it touches now. */
void bu_pgd_memory_switched(struct bu_pgd_loader *l, int64_t ns, int32_t cpu);

/* When all rows are in: sorts the events, and finds which slots were there all along. */
void bu_pgd_memory_end(struct bu_pgd_loader *l);

#endif
