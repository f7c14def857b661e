// SPDX-License-Identifier: GPL-2.0-only
/*
 * pgd_life.c - tasks and address spaces of a capture: see pgd_capture_int.h.
 *
 * pgd_alloc() and pgd_free() say when a page table is on pgd_list, and not whose it is. kernel/fork.c, fs/exec.c and
 * kernel/sched/core.c of v6.1 say the rest:
 *  - fork: copy_process() calls pgd_alloc() in the parent before sched_process_fork. No such call: the child shares the
 *    parent's address space (vfork, threads), or is a kernel thread.
 *  - exec: alloc_bprm() calls it before the program is looked at, exec_mmap() loads it and lets go of the old one, and
 *    sched_process_exec comes last. Without that event the program was not there, and the new one is freed instead.
 *  - exit: exit_mm() comes before sched_process_exit; the CPU goes on with the page table lazily, until it switches to a task with
 *    another: finish_task_switch() then frees it.
 * What a pgd_free() that is none of these frees is the address space longest without a task.
 */
#include "replay/schedule/pgd_capture_int.h"

#include <errno.h>
#include <string.h>

static struct bu_pgd_schedule *schedule(struct bu_pgd_loader *l)
{
	return l->b.s;
}

static struct bu_pgd_event event(enum bu_pgd_what what, const struct bu_pgd_row *r)
{
	return bu_pgd_event(what, r->ns, r->cpu);
}

static int32_t new_mm(struct bu_pgd_loader *l, const char *comm, int32_t pid, bool at_start)
{
	const int32_t mm = bu_pgd_build_mm(&l->b, comm, pid, at_start);

	if (!l->b.error && bu_grow(&l->users, (size_t)mm, &l->cap_users, sizeof(*l->users)))
		l->b.error = -ENOMEM;
	if (l->b.error)
		return 0;
	l->users[mm] = (struct bu_pgd_use_of){ 0, l->n_percpu };
	l->listed++;
	return mm;
}

static int32_t new_task(struct bu_pgd_loader *l, const char *comm, int32_t pid, int32_t mm)
{
	const int32_t task = bu_pgd_build_task(&l->b, comm, pid, mm);

	if (!l->b.error && bu_grow(&l->living, (size_t)task, &l->cap_living, sizeof(*l->living)))
		l->b.error = -ENOMEM;
	if (l->b.error)
		return 0;
	l->living[task] = (struct bu_pgd_living){ .mm = mm, .alloc = -1, .activate = -1, .freed = -1, .area = -1, .use = BU_PGD_VMAP };
	if (mm != BU_PGD_NONE)
		l->users[mm].tasks++;
	return task;
}

/* Where the index of the task with @pid stands; pid 0 is another task on every CPU. */
static int32_t *place_of(struct bu_pgd_loader *l, int32_t pid, int32_t cpu)
{
	const size_t before = l->pids.n;
	const uint32_t id = bu_dict_id(&l->pids, pid ? "" : "idle", pid ? pid : cpu);

	if (!l->b.error && (!id || (l->pids.n > before && bu_grow(&l->task_of, before, &l->cap_task_of, sizeof(*l->task_of)))))
		l->b.error = -ENOMEM;
	if (l->b.error)
		return NULL;
	if (l->pids.n > before)
		l->task_of[id - 1] = BU_PGD_NONE;
	return &l->task_of[id - 1];
}

/*
 * A task that was there before the trace has an address space when it faults in user mode somewhere; which of them share one
 * cannot be told.
 */
static int32_t find_task(struct bu_pgd_loader *l, const char *comm, int32_t pid, int32_t cpu)
{
	int32_t *place = place_of(l, pid, cpu), mm = BU_PGD_NONE;
	const size_t known = l->user_pids.n;

	if (!place)
		return 0;
	if (*place == BU_PGD_NONE) {
		if (pid && bu_dict_id(&l->user_pids, "", pid) <= known)
			mm = new_mm(l, comm, pid, true);
		*place = new_task(l, comm, pid, mm);
		schedule(l)->tasks[*place].mm = mm;
	}
	return *place;
}

int32_t bu_pgd_task_of(struct bu_pgd_loader *l, const struct bu_pgd_row *r)
{
	struct bu_pgd_cpu *cpu = &l->cpu[r->cpu];
	const int32_t task = find_task(l, r->comm, r->pid, r->cpu);

	if (cpu->task == BU_PGD_NONE && !l->b.error) {	/* it ran when the trace began */
		cpu->task = schedule(l)->running[r->cpu] = task;
		cpu->active = schedule(l)->loaded[r->cpu] = schedule(l)->tasks[task].mm;
	}
	return task;
}

void bu_pgd_life_start(struct bu_pgd_loader *l)
{
	const int32_t mm = new_mm(l, "poking_mm", 0, true);

	if (!l->b.error)
		l->users[mm].tasks = 1;
}

static void leave_mm(struct bu_pgd_loader *l, struct bu_pgd_living *t)
{
	if (t->mm != BU_PGD_NONE && l->users[t->mm].tasks > 0)
		l->users[t->mm].tasks--;
	t->mm = BU_PGD_NONE;
}

/* ------------------------------------------------------------------------------------------------ one row after the other */

/* What a task held back for an exec that did not come: the program was not there, or it was a fork after all. */
static void exec_failed(struct bu_pgd_loader *l, struct bu_pgd_living *t)
{
	struct bu_pgd_event *e = schedule(l)->events;

	if (t->freed >= 0) {
		e[t->freed].mm = e[t->alloc].mm;
		l->users[e[t->alloc].mm].tasks = -1;
	}
	t->alloc = t->activate = t->freed = -1;
}

static void on_alloc(struct bu_pgd_loader *l, const struct bu_pgd_row *r, int32_t task)
{
	struct bu_pgd_event e = event(BU_PGD_EXEC, r);

	exec_failed(l, &l->living[task]);
	e.mm = new_mm(l, r->comm, r->pid, false);
	e.other = l->living[task].mm;
	e.task = task;
	l->living[task].alloc = (int64_t)bu_pgd_build_event(&l->b, &e);
}

static int32_t longest_unused(struct bu_pgd_loader *l)
{
	size_t i;

	while (l->oldest < (size_t)schedule(l)->n_mms && l->users[l->oldest].tasks < 0)
		l->oldest++;
	for (i = l->oldest; i < (size_t)schedule(l)->n_mms; i++)
		if (!l->users[i].tasks)
			return (int32_t)i;
	return BU_PGD_NONE;
}

static void on_free(struct bu_pgd_loader *l, const struct bu_pgd_row *r, int32_t task)
{
	struct bu_pgd_cpu *cpu = &l->cpu[r->cpu];
	struct bu_pgd_living *t = &l->living[task];
	struct bu_pgd_event e = event(BU_PGD_EXIT, r);

	e.task = task;
	if (l->listed)
		l->listed--;
	if (cpu->dropped != BU_PGD_NONE && !l->users[cpu->dropped].tasks) {
		e.mm = cpu->dropped;
		cpu->dropped = BU_PGD_NONE;
	} else if (t->alloc >= 0 && t->freed < 0) {
		/* Of the old program, which the new one is loaded before, or the new one: known when it goes on. */
		struct bu_pgd_event a = event(BU_PGD_WHAT_NR, r);

		t->activate = (int64_t)bu_pgd_build_event(&l->b, &a);
		t->freed = (int64_t)bu_pgd_build_event(&l->b, &e);
		return;
	} else {
		e.mm = longest_unused(l);
	}
	if (e.mm != BU_PGD_NONE)
		l->users[e.mm].tasks = -1;
	bu_pgd_build_event(&l->b, &e);
}

static void on_fork(struct bu_pgd_loader *l, const struct bu_pgd_row *r, int32_t task)
{
	struct bu_pgd_living *t = &l->living[task];
	struct bu_pgd_event *e;
	int32_t mm = t->mm, child;
	int64_t pid;
	int32_t *place;

	if (!bu_pgd_field(r->text, "child_pid", &pid) || pid <= 0 || pid > INT32_MAX)
		return;
	if (t->alloc >= 0 && t->freed < 0) {
		e = &schedule(l)->events[t->alloc];
		e->what = BU_PGD_FORK;
		mm = e->mm;
		schedule(l)->mms[mm].parent = e->other;
		schedule(l)->mms[mm].pid = (int32_t)pid;
		t->alloc = -1;
	}
	child = new_task(l, r->comm, (int32_t)pid, mm);
	place = place_of(l, (int32_t)pid, r->cpu);
	if (l->b.error)
		return;
	*place = child;
	t = &l->living[task];
	schedule(l)->tasks[child].mm = BU_PGD_NONE;	/* it is not there at the first event */
	if (t->area >= 0) {
		schedule(l)->events[t->area].use = BU_PGD_STACK;
		schedule(l)->tasks[child].stack_slot = schedule(l)->events[t->area].slot;
	}
	t->area = -1;
}

static void on_exec(struct bu_pgd_loader *l, const struct bu_pgd_row *r, int32_t task)
{
	struct bu_pgd_living *t = &l->living[task];
	struct bu_pgd_event e = event(BU_PGD_ACTIVATE, r);
	int32_t new;

	if (t->alloc < 0)	/* before the trace, or not traced */
		return;
	new = schedule(l)->events[t->alloc].mm;
	e.mm = new;
	e.other = t->mm;
	e.task = task;
	if (t->activate >= 0) {
		e.ns = schedule(l)->events[t->activate].ns;
		schedule(l)->events[t->activate] = e;
		schedule(l)->events[t->freed].mm = t->mm;
		if (t->mm != BU_PGD_NONE)
			l->users[t->mm].tasks = -1;
		t->mm = BU_PGD_NONE;
	} else {
		bu_pgd_build_event(&l->b, &e);
		leave_mm(l, t);
	}
	t->mm = new;
	l->users[new].tasks++;
	l->cpu[r->cpu].active = new;
	t->alloc = t->activate = t->freed = -1;
	bu_pgd_memory_switched(l, r->ns, r->cpu);
}

static void on_switch(struct bu_pgd_loader *l, const struct bu_pgd_row *r, int32_t task)
{
	const int32_t next = find_task(l, r->text, (int32_t)r->a, r->cpu);
	struct bu_pgd_cpu *cpu = &l->cpu[r->cpu];
	struct bu_pgd_event e = event(BU_PGD_SWITCH, r);

	if (l->b.error)
		return;
	e.other = task;
	e.task = next;
	e.mm = l->living[next].mm;
	cpu->dropped = BU_PGD_NONE;
	if (e.mm != BU_PGD_NONE) {
		if (l->living[task].mm == BU_PGD_NONE)
			cpu->dropped = cpu->active;
		cpu->active = e.mm;
	}
	cpu->task = next;
	cpu->open_fault = -1;
	bu_pgd_build_event(&l->b, &e);
	bu_pgd_memory_switched(l, e.ns, r->cpu);
}

bool bu_pgd_life_row(struct bu_pgd_loader *l, const struct bu_pgd_row *r)
{
	static const struct {
		const char *name;
		void (*on)(struct bu_pgd_loader *l, const struct bu_pgd_row *r, int32_t task);
	} known[] = {
		{ "sched_switch", on_switch }, { "pgd_alloc", on_alloc }, { "pgd_free", on_free },
		{ "sched_process_fork", on_fork }, { "sched_process_exec", on_exec },
	};
	const int32_t task = bu_pgd_task_of(l, r);
	size_t i;

	if (l->b.error)
		return true;
	if (!strcmp(r->name, "sched_process_exit")) {
		exec_failed(l, &l->living[task]);
		leave_mm(l, &l->living[task]);
		return true;
	}
	for (i = 0; i < ARRAY_SIZE(known); i++)
		if (!strcmp(r->name, known[i].name)) {
			known[i].on(l, r, task);
			return true;
		}
	return false;
}
