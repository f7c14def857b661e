// SPDX-License-Identifier: GPL-2.0-only
/*
 * family_pgd.c - what page-table cores are given (replay/core_pgd.h): the recording, played.
 *
 * Flow: schedule -> [family_pgd: a thread per CPU that does what the CPU did, and calls the core's hooks] -> struct bu_run.
 *
 * Each CPU does its events in their order and not before their time; what a core makes them wait moves those behind. What
 * one CPU's event owes to another's is kept: a task runs when its address space has been made, an address space ends when nobody
 * is to run in it any more, memory is touched when it has been handed out. Allocations are threads of their own that
 * come before what else the CPU does: who allocates is running, and while it waits the CPU goes on.
 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "replay/family_pgd.h"
#include "replay/host_int.h"
#include "replay/machine/atomic.h"
#include "replay/machine/lock.h"
#include "replay/machine/pgd.h"
#include "replay/machine/wait.h"
#include "replay/machine/waits.h"
#include "schemas/base/ns.h"

enum { RANDOM_GAPS = 1 << 17 };	/* stream, beside those of cores and the machine */
enum { RUN_STACK = 96 << 10 };	/* faults within faults are calls within calls */
enum { IPI_NS = 1000 };		/* from sending an interrupt to its arrival, as for text patching that was made up */

struct pgd_run;

struct player {
	struct bu_machine *m;
	int cpu;
	const uint32_t *events;	/* indices into those of the schedule */
	size_t n;
	int64_t not_before_ns;	/* of a context switch: the CPU spins until then */
	bool idle;
	uint32_t *late;		/* touches that wait for their memory to be handed out */
	size_t n_late, cap_late;
	uint32_t *window;	/* touches within the next loading of CR3 */
	size_t n_window, cap_window;
};

enum life { NOT_YET, MADE, ENDS, GONE };	/* ENDS: when nobody uses it any more */

struct area {			/* what is known of a slot */
	bool handed_out, preallocated;
	bool free_later;	/* it is given back before it was handed out */
	int asking;		/* allocations that have not been handed out */
	bu_obj freed;		/* completion: its memory is being given back; 0: is not */
};

struct request {			/* of a mapping or of giving back, a thread each */
	const struct bu_pgd_event *e;	/* the first of its n */
	size_t n;
	int64_t asked_ns;
	struct bu_pgd_request part[];	/* of each event, and one without a slot behind the last */
};

struct pgd_run {
	const struct bu_pgd_schedule *schedule;
	const struct bu_pgd_hooks *hooks;
	const char **names;	/* of slots */
	int64_t *at_ns;		/* of each event in this run */
	uint32_t *order;	/* events by CPU */
	struct player *players;
	struct area *areas;	/* by slot */
	uint8_t *life;		/* of each address space */
	uint32_t *uses;		/* likewise: events that are still to load it */
	bu_word_id births;
	bu_obj birth;		/* wait queue */
	int hook;		/* slot that the tracepoint's handler touches; BU_PGD_NONE */
	struct samples {
		int64_t *ns;
		size_t n, cap;
	} samples[BU_PGD_NR_COSTS];
	struct bu_pgd_outcome out;
};

static struct pgd_run *run_of(struct bu_machine *m)
{
	return host_of(m)->run_of_family;
}

/* The machine's number of an address space of the schedule. */
static int machine_mm(int32_t mm)
{
	return mm + 1;
}

static int32_t schedule_mm(int mm)
{
	return mm - 1;
}

/* Idle tasks have pid 0, and these names in traces. */
static bool is_idle(const struct bu_pgd_schedule *s, int32_t task)
{
	const struct bu_pgd_task *t = task == BU_PGD_NONE ? NULL : &s->tasks[task];

	return !t || (!t->pid && (!strncmp(t->comm, "swapper/", 8) || !strcmp(t->comm, "<idle>")));
}

static void remember(struct bu_machine *m, uint32_t **list, size_t *n, size_t *cap, const struct bu_pgd_event *e)
{
	if (bu_grow(list, *n, cap, sizeof(**list))) {
		host_of(m)->oom = 1;
		return;
	}
	(*list)[(*n)++] = (uint32_t)(e - run_of(m)->schedule->events);
}

static void sample(struct bu_machine *m, enum bu_pgd_cost of, int64_t ns)
{
	struct samples *s = &run_of(m)->samples[of];

	if (bu_grow(&s->ns, s->n, &s->cap, sizeof(*s->ns)))
		host_of(m)->oom = 1;
	else
		s->ns[s->n++] = ns;
}

/* ------------------------------------------------------------------------------------------------------- touches */

/* An access, and what it took if it faulted. */
static void access_slot(struct bu_machine *m, int slot)
{
	const uint64_t faults = bu_pgd_run_counts(m).faults;
	const int64_t start = bu_now(m);

	bu_touch(m, slot);
	if (bu_now(m) > start && bu_pgd_run_counts(m).faults > faults)
		sample(m, BU_PGD_COST_FAULT, bu_now(m) - start);
}

static void touch_handler(struct bu_machine *m, void *arg)
{
	access_slot(m, (int)(intptr_t)arg);
}

static void touch_in_context(struct bu_machine *m, const struct bu_pgd_event *e)
{
	void *arg = (void *)(intptr_t)e->slot;

	switch (e->context) {
	case BU_PGD_SOFTIRQ:
	case BU_PGD_TRACE:
		bu_preempt_disable(m);
		access_slot(m, e->slot);
		bu_preempt_enable(m);
		break;
	case BU_PGD_IRQ:
		if (bu_irqs_disabled(m)) {	/* of a kernel that switches with interrupts on; the handler has them off */
			bu_call(m, "<IRQ>");
			access_slot(m, e->slot);
			bu_ret(m);
		} else {
			bu_irq_send(m, bu_this_cpu(m), "handle_irq", 0, touch_handler, arg);
			bu_work(m, 0);
		}
		break;
	case BU_PGD_NMI:
		bu_nmi_send(m, bu_this_cpu(m), "perf_event_nmi_handler", 0, touch_handler, arg);
		bu_work(m, 0);
		break;
	case BU_PGD_ON_STACK:
		bu_touch_stack(m, e->slot);
		break;
	case BU_PGD_LAZY_MMU:
		bu_preempt_disable(m);	/* who is scheduled out leaves the mode */
		bu_arch_enter_lazy_mmu_mode(m);
		access_slot(m, e->slot);
		bu_arch_leave_lazy_mmu_mode(m);
		bu_preempt_enable(m);
		break;
	case BU_PGD_SYSCALL:
		bu_touch_at_syscall(m, e->slot);
		break;
	default:
		access_slot(m, e->slot);
	}
}

/* Where the instruction is known, a witness has it. */
static void touch(struct bu_machine *m, const struct bu_pgd_event *e)
{
	if (e->ip)
		bu_call(m, e->ip);
	touch_in_context(m, e);
	if (e->ip)
		bu_ret(m);
}

static void touch_in_window(struct bu_machine *m, enum bu_pgd_window window)
{
	struct player *p = &run_of(m)->players[bu_this_cpu(m)];
	size_t i, kept = 0;

	for (i = 0; i < p->n_window; i++) {
		const struct bu_pgd_event *e = &run_of(m)->schedule->events[p->window[i]];

		if (e->window == window)
			touch(m, e);
		else
			p->window[kept++] = p->window[i];
	}
	p->n_window = kept;
}

/* ---------------------------------------------------------------------------------------- kernel memory comes and goes */

/* What waited on this CPU for memory that has now been handed out. */
static void touch_late(struct bu_machine *m, void *arg)
{
	struct player *p = arg;
	size_t i, kept = 0;

	for (i = 0; i < p->n_late; i++) {
		const struct bu_pgd_event *e = &run_of(m)->schedule->events[p->late[i]];

		if (run_of(m)->areas[e->slot].handed_out)
			touch(m, e);
		else
			p->late[kept++] = p->late[i];
	}
	p->n_late = kept;
}

static void hand_out(struct bu_machine *m, int slot)
{
	struct pgd_run *r = run_of(m);
	size_t i;
	int cpu;

	r->areas[slot].handed_out = true;
	for (cpu = 0; cpu < r->schedule->cpus; cpu++) {
		struct player *p = &r->players[cpu];

		for (i = 0; i < p->n_late && r->schedule->events[p->late[i]].slot != slot; i++)
			;
		if (i < p->n_late)
			bu_wake_up_process(m, bu_thread_create(m, "late touch", cpu, BU_CLASS_RT, 1, touch_late, p));
	}
}

static void unmap(struct bu_machine *m, int slot)
{
	struct area *a = &run_of(m)->areas[slot];

	a->handed_out = a->free_later = false;
	a->freed = bu_completion(m, "vunmap");
	run_of(m)->hooks->unmap_kernel(m, slot);
	bu_complete_all(m, a->freed);
	a->freed = 0;
}

static void alloc_thread(struct bu_machine *m, void *arg)
{
	const struct request *q = arg;
	const struct bu_pgd_event *e = q->e;
	struct pgd_run *r = run_of(m);
	size_t i;

	for (i = 0; i < q->n; i++)
		if (r->areas[e[i].slot].freed)
			bu_wait_for_completion(m, r->areas[e[i].slot].freed);
	if (e->atomic)
		bu_preempt_disable(m);
	r->hooks->map_kernel(m, q->part);
	if (e->atomic)
		bu_preempt_enable(m);
	r->out.allocs++;
	sample(m, BU_PGD_COST_ALLOC, bu_now(m) - q->asked_ns);
	host_add_interval(host_of(m), &(struct bu_run_interval){
		.phase = BU_PHASE_OVERHEAD, .name = host_name(host_of(m), r->names[e->slot]), .cpu = e->cpu, .lane = e->cpu,
		.start_ns = q->asked_ns, .end_ns = bu_now(m), .recorded_start_ns = e->ns, .recorded_end_ns = BU_NS_UNKNOWN });
	for (i = 0; i < q->n; i++) {
		struct area *a = &r->areas[e[i].slot];

		a->asking--;
		hand_out(m, e[i].slot);
		if (a->free_later && !a->asking)
			unmap(m, e[i].slot);
	}
}

static void free_thread(struct bu_machine *m, void *arg)
{
	const struct request *q = arg;

	unmap(m, q->e->slot);
}

static size_t events_of_mapping(const struct bu_pgd_schedule *s, const struct bu_pgd_event *e)
{
	const struct bu_pgd_event *end = s->events + s->n_events, *last = e + 1;

	while (last < end && last->what == BU_PGD_ALLOC && last->same_mapping)
		last++;
	return (size_t)(last - e);
}

static void ask(struct bu_machine *m, const struct bu_pgd_event *e, bu_thread_fn fn, const char *name)
{
	const size_t n = e->what == BU_PGD_ALLOC ? events_of_mapping(run_of(m)->schedule, e) : 1;
	struct request *q = bu_arena_alloc(&host_of(m)->out->arena, sizeof(*q) + (n + 1) * sizeof(q->part[0]));
	size_t i;

	if (!q) {
		host_of(m)->oom = 1;
		return;
	}
	*q = (struct request){ e, n, bu_now(m) };
	for (i = 0; i < n; i++) {
		q->part[i] = (struct bu_pgd_request){ .slot = e[i].slot, .of_task = e->use == BU_PGD_STACK,
						      .early = e->use == BU_PGD_VMEMMAP };
		run_of(m)->areas[e[i].slot].asking += e->what == BU_PGD_ALLOC;
	}
	q->part[n].slot = BU_PGD_NONE;
	bu_wake_up_process(m, bu_thread_create(m, name, e->cpu, BU_CLASS_RT, 1, fn, q));
}

/* ----------------------------------------------------------------------------------------------- address spaces */

static void make(struct bu_machine *m, int32_t mm)
{
	struct pgd_run *r = run_of(m);

	r->hooks->pgd_alloc(m, machine_mm(mm));
	r->life[mm] = MADE;
	bu_atomic_add_return(m, r->births, 1);
	if (bu_waitqueue_active(m, r->birth))
		bu_wake_up_all(m, r->birth);
}

static void wait_until_made(struct bu_machine *m, int32_t mm)
{
	struct pgd_run *r = run_of(m);

	while (r->life[mm] == NOT_YET)
		bu_wait_event(m, r->birth, r->births, BU_GUARD_NE, bu_atomic_read(m, r->births));
}

/* mmdrop(): the page table goes with the last that uses it. */
static void end_if_unused(struct bu_machine *m, int32_t mm)
{
	struct pgd_run *r = run_of(m);

	if (mm < 0 || r->life[mm] != ENDS || r->uses[mm] || bu_pgd_loaded(m, machine_mm(mm)))
		return;
	r->life[mm] = GONE;
	r->hooks->pgd_free(m, machine_mm(mm));
}

static void load(struct bu_machine *m, const struct bu_pgd_event *e)
{
	struct pgd_run *r = run_of(m);
	struct player *p = &r->players[e->cpu];
	const int32_t before = schedule_mm(bu_read_cr3(m));
	int stack = BU_PGD_NONE;

	if (e->mm != BU_PGD_NONE)
		wait_until_made(m, e->mm);
	if (e->what == BU_PGD_ACTIVATE) {
		r->hooks->activate_mm(m, machine_mm(e->mm));
	} else {
		if (e->task != BU_PGD_NONE)
			stack = r->schedule->tasks[e->task].stack_slot;
		if (stack != BU_PGD_NONE && !r->areas[stack].handed_out)
			stack = BU_PGD_NONE;	/* it would not be there if it had no stack yet */
		p->idle = is_idle(r->schedule, e->task);
		r->hooks->context_switch(m, e->mm == BU_PGD_NONE ? 0 : machine_mm(e->mm), stack);
		r->out.switches++;
		r->out.mm_switches += e->mm != BU_PGD_NONE;
	}
	if (e->mm != BU_PGD_NONE)
		r->uses[e->mm]--;
	if (before != e->mm)
		end_if_unused(m, before);
}

/* ------------------------------------------------------------------------------------------------------- playing */

static void play_touch(struct bu_machine *m, struct player *p, const struct bu_pgd_event *e)
{
	if (!run_of(m)->areas[e->slot].handed_out)
		remember(m, &p->late, &p->n_late, &p->cap_late, e);
	else if (e->window != BU_PGD_ANY)
		remember(m, &p->window, &p->n_window, &p->cap_window, e);
	else
		touch(m, e);
}

static void play_event(struct bu_machine *m, struct player *p, const struct bu_pgd_event *e)
{
	struct pgd_run *r = run_of(m);

	switch ((enum bu_pgd_what)e->what) {
	case BU_PGD_FORK:
	case BU_PGD_EXEC:
		make(m, e->mm);
		r->out.forks++;
		break;
	case BU_PGD_EXIT:
		r->out.exits++;
		if (e->mm == BU_PGD_NONE)	/* nobody saw it being made */
			break;
		wait_until_made(m, e->mm);
		if (r->life[e->mm] == MADE)
			r->life[e->mm] = ENDS;
		end_if_unused(m, e->mm);
		break;
	case BU_PGD_SWITCH:
		if (bu_now(m) < p->not_before_ns)
			bu_mdelay(m, p->not_before_ns - bu_now(m));
		load(m, e);
		break;
	case BU_PGD_ACTIVATE:
		load(m, e);
		break;
	case BU_PGD_ALLOC:
		if (!e->same_mapping)
			ask(m, e, alloc_thread, "alloc");
		break;
	case BU_PGD_FREE:
		if (r->areas[e->slot].asking)
			r->areas[e->slot].free_later = true;
		else
			ask(m, e, free_thread, "free");
		break;
	case BU_PGD_TOUCH:
		play_touch(m, p, e);
		break;
	case BU_PGD_FAULT:
		/* Without a handler of the tracepoint it does what it did, in the time that it took. */
		r->out.other_faults += !e->lazy;
		if (r->hook != BU_PGD_NONE && !e->lazy)
			bu_page_fault(m);
		break;
	case BU_PGD_HOOK:
		r->hook = e->slot;
		break;
	case BU_PGD_SPIN:
		p->not_before_ns = e->n ? bu_ns_add(bu_now(m), e->n) : INT64_MAX;
		break;
	case BU_PGD_SYNC:	/* what the recorded kernel did about it, not what is to be done */
	case BU_PGD_WHAT_NR:
		break;
	}
}

static void play_cpu(struct bu_machine *m, void *arg)
{
	struct player *p = arg;
	struct pgd_run *r = run_of(m);
	const int32_t loaded = r->schedule->loaded[p->cpu];
	size_t i;

	if (loaded != BU_PGD_NONE) {
		bu_write_cr3(m, machine_mm(loaded));
		bu_set_active_mm(m, machine_mm(loaded));
		r->uses[loaded]--;
	}
	for (i = 0; i < p->n && !host_of(m)->oom; i++) {
		const struct bu_pgd_event *e = &r->schedule->events[p->events[i]];

		if (e->what == BU_PGD_SWITCH && p->not_before_ns == INT64_MAX)
			continue;	/* its task goes on for ever */
		if (bu_now(m) < r->at_ns[p->events[i]])
			bu_mdelay(m, r->at_ns[p->events[i]] - bu_now(m));
		play_event(m, p, e);
	}
	if (p->not_before_ns == INT64_MAX) {
		bu_thread_daemon(m, bu_current(m));
		bu_work(m, INT64_MAX);
	}
	if (bu_now(m) < p->not_before_ns)
		bu_mdelay(m, p->not_before_ns - bu_now(m));
	p->idle = true;
	r->hooks->context_switch(m, 0, BU_PGD_NONE);
}

static void pg_play(struct bu_machine *m, const struct bu_pgd_hooks *hooks)
{
	struct pgd_run *r = run_of(m);
	const struct bu_pgd_schedule *s = r->schedule;
	char name[32];
	int32_t i;

	if (r->hooks)
		host_core_error(host_of(m), "plays the recording for a second time");
	if (!hooks || hooks->size < sizeof(*hooks) || !hooks->pgd_alloc || !hooks->pgd_free || !hooks->context_switch ||
	    !hooks->activate_mm || !hooks->map_kernel || !hooks->unmap_kernel)
		host_core_error(host_of(m), "gives play() no hooks, or not all");
	r->hooks = hooks;
	for (i = 0; i < s->n_mms; i++)
		if (s->mms[i].at_start) {
			bu_clone_pgd_range(m, machine_mm(i));
			bu_pgd_list_add(m, machine_mm(i));
		}
	for (i = 0; i < s->cpus; i++) {
		snprintf(name, sizeof(name), "tasks of CPU %d", i);
		bu_thread_run(m, name, i, play_cpu, &r->players[i]);
	}
}

/* ------------------------------------------------------------------------------------------ operations of the family */

static void pg_trace_page_fault(struct bu_machine *m)
{
	const int hook = run_of(m)->hook;

	if (hook == BU_PGD_NONE)
		return;
	bu_call(m, "trace_page_fault_entries");
	bu_touch(m, hook);
	bu_ret(m);
}

static void pg_before_cr3(struct bu_machine *m)
{
	touch_in_window(m, BU_PGD_BEFORE_CR3);
}

static void pg_after_cr3(struct bu_machine *m)
{
	touch_in_window(m, BU_PGD_AFTER_CR3);
}

static bool pg_cpu_idle(struct bu_machine *m, int cpu)
{
	if (cpu < 0 || cpu >= run_of(m)->schedule->cpus)
		host_core_error(host_of(m), "there is no CPU number %d", cpu);
	return run_of(m)->players[cpu].idle;
}

static int pg_nr_slots(struct bu_machine *m)
{
	return run_of(m)->schedule->n_slots;
}

static int pg_nr_mms(struct bu_machine *m)
{
	return run_of(m)->schedule->n_mms + 1;
}

static bool pg_preallocated(struct bu_machine *m, int slot)
{
	if (slot < 0 || slot >= run_of(m)->schedule->n_slots)
		host_core_error(host_of(m), "there is no slot number %d", slot);
	return run_of(m)->areas[slot].preallocated;
}

/* 32 TiB with 4 levels, 12800 TiB with 5 (arch/x86/include/asm/pgtable_64_types.h v6.12); elsewhere what there is. */
static int pg_vmalloc_entries(struct bu_machine *m)
{
	const struct bu_pgd_schedule *s = run_of(m)->schedule;
	int n = 0, slot;

	if (s->slot_shift == 39 || s->slot_shift == 48)
		return s->slot_shift == 39 ? (32 << 10) / 512 : 12800 / 256;
	for (slot = 0; slot < s->n_slots; slot++)
		n += run_of(m)->areas[slot].preallocated;
	return n;
}

static const struct bu_pgd_request *pg_next(struct bu_machine *m, const struct bu_pgd_request *request)
{
	(void)m;
	return request[1].slot == BU_PGD_NONE ? NULL : request + 1;
}

static void pg_early_use(struct bu_machine *m, const struct bu_pgd_request *request)
{
	for (; request && request->early; request = pg_next(m, request))
		bu_touch(m, request->slot);
}

static void pg_count(struct bu_machine *m, enum bu_pgd_count what, int64_t n)
{
	if ((unsigned)what >= BU_PGD_NR_COUNTS)
		host_core_error(host_of(m), "there is no count number %d", (int)what);
	run_of(m)->out.counts[what] = bu_ns_add(run_of(m)->out.counts[what], n);
	if (what == BU_PGD_WALK_NS || what == BU_PGD_CHECK_NS)
		sample(m, what == BU_PGD_WALK_NS ? BU_PGD_COST_WALK : BU_PGD_COST_CHECK, n);
}

static const struct bu_pgd_ops ops = {
	.size = sizeof(ops), .abi = BU_CORE_ABI, .play = pg_play, .trace_page_fault = pg_trace_page_fault,
	.before_cr3 = pg_before_cr3, .after_cr3 = pg_after_cr3, .cpu_idle = pg_cpu_idle, .nr_slots = pg_nr_slots,
	.nr_mms = pg_nr_mms, .preallocated = pg_preallocated, .early_use = pg_early_use, .count = pg_count,
	.next = pg_next, .vmalloc_entries = pg_vmalloc_entries,
};

static void start(struct bu_host *h)
{
	struct pgd_run *r = h->run_of_family;
	const struct bu_pgd_schedule *s = r->schedule;
	int32_t i;

	bu_pgd_init(h->machine, (uint32_t)s->n_mms, r->names, (uint32_t)s->n_slots);
	for (i = 0; i < s->n_slots; i++)
		if (s->slots[i].at_start)
			bu_set_pgd(h->machine, 0, i);
	r->births = bu_atomic(h->machine, "address spaces made", 0);
	r->birth = bu_wait_queue(h->machine, "fork");
}

static void waited(struct bu_host *h, const struct bu_waited *w)
{
	if (w->kind != BU_WAITS_LOCK && (w->point || *w->name))	/* those for locks are in their statistics */
		host_add_wait(h, w, w->cpu, w->for_cpu);
}

static const struct bu_family family = { .name = "pgd", .ops = &ops, .start = start, .waited = waited };

/* ------------------------------------------------------------------------------------------------ one replay */

/* The events of each CPU, in their order: @first[c] is where those of CPU c begin in the array returned. NULL: no memory. */
static uint32_t *by_cpu(const struct bu_pgd_schedule *s, struct bu_arena *arena, size_t *first)
{
	uint32_t *order = bu_arena_alloc(arena, (s->n_events + 1) * sizeof(*order));
	size_t i;
	int32_t c;

	for (i = 0; i < s->n_events; i++)
		first[s->events[i].cpu + 1]++;
	for (c = 0; c < s->cpus; c++)
		first[c + 1] += first[c];
	for (i = s->n_events; order && i-- > 0;)
		order[--first[s->events[i].cpu + 1]] = (uint32_t)i;
	/* Now first[c + 1] is where CPU c begins. */
	for (c = 0; c < s->cpus; c++)
		first[c] = first[c + 1];
	first[s->cpus] = s->n_events;
	return order;
}

/* The times of a CPU's events: the gaps between them are drawn from those that there are. */
static void draw_times(const struct pgd_run *r, const struct player *p, struct bu_rng *rng, int64_t *at_ns)
{
	const struct bu_pgd_event *events = r->schedule->events;
	int64_t now = 0;
	size_t i, k;

	for (i = 0; i < p->n; i++) {
		k = bu_rng_below(rng, p->n);
		now = bu_ns_add(now, events[p->events[k]].ns - (k ? events[p->events[k - 1]].ns : 0));
		at_ns[p->events[i]] = now;
	}
}

static int set_up_players(struct bu_host *h, struct pgd_run *r)
{
	const struct bu_pgd_schedule *s = r->schedule;
	_cleanup_free_ size_t *first = calloc((size_t)s->cpus + 2, sizeof(*first));
	struct bu_rng rng;
	int32_t c;
	size_t i;

	r->players = bu_arena_alloc(&h->out->arena, (size_t)s->cpus * sizeof(*r->players));
	r->at_ns = bu_arena_alloc(&h->out->arena, (s->n_events + 1) * sizeof(*r->at_ns));
	r->order = first ? by_cpu(s, &h->out->arena, first) : NULL;
	if (!r->players || !r->at_ns || !r->order)
		return -ENOMEM;
	for (i = 0; i < s->n_events; i++)
		r->at_ns[i] = s->events[i].ns;
	bu_rng_init(&rng, h->options->seed, RANDOM_GAPS);
	for (c = 0; c < s->cpus; c++) {
		r->players[c] = (struct player){ .cpu = c, .events = r->order + first[c], .n = first[c + 1] - first[c],
						 .idle = is_idle(s, s->running[c]) };
		if (h->options->sampled)
			draw_times(r, &r->players[c], &rng, r->at_ns);
	}
	return 0;
}

static int set_up(struct bu_host *h, struct pgd_run *r)
{
	const struct bu_pgd_schedule *s = r->schedule;
	struct bu_arena *arena = &h->out->arena;
	struct bu_run *run = &h->out->run;
	int32_t i;
	size_t k;

	run->capture_name = s->capture_name;
	run->capture_sha256 = s->capture_sha256;
	run->kernel_release = s->kernel_release;
	run->recorded_algorithm = "unknown";
	run->machine = s->figures ? bu_arena_strdup(arena, s->figures) : "{}";
	run->recorded_machine = "{}";
	run->recorded_cpus = run->cpus = s->cpus;
	run->sampled = h->options->sampled;
	run->recorded_bringup_ns = BU_NS_UNKNOWN;
	run->ap_latency_p50_ns = run->ap_latency_p99_ns = run->ap_latency_max_ns = BU_NS_UNKNOWN;
	r->names = bu_arena_alloc(arena, ((size_t)s->n_slots + 1) * sizeof(*r->names));
	r->areas = bu_arena_alloc(arena, ((size_t)s->n_slots + 1) * sizeof(*r->areas));
	r->life = bu_arena_alloc(arena, ((size_t)s->n_mms + 1) * sizeof(*r->life));
	r->uses = bu_arena_alloc(arena, ((size_t)s->n_mms + 1) * sizeof(*r->uses));
	if (!run->machine || !r->names || !r->areas || !r->life || !r->uses)
		return -ENOMEM;
	for (i = 0; i < s->n_slots; i++) {
		r->names[i] = s->slots[i].name;
		r->areas[i] = (struct area){ .handed_out = s->slots[i].at_start, .preallocated = true };
	}
	for (i = 0; i < s->n_mms; i++)
		r->life[i] = s->mms[i].at_start ? MADE : NOT_YET;
	for (i = 0; i < s->cpus; i++)
		if (s->loaded[i] != BU_PGD_NONE)
			r->uses[s->loaded[i]]++;
	for (k = 0; k < s->n_events; k++) {
		const struct bu_pgd_event *e = &s->events[k];

		if ((e->what == BU_PGD_SWITCH || e->what == BU_PGD_ACTIVATE) && e->mm != BU_PGD_NONE)
			r->uses[e->mm]++;
		if (e->what == BU_PGD_ALLOC && e->use == BU_PGD_VMEMMAP)
			r->areas[e->slot].preallocated = false;
	}
	return set_up_players(h, r);
}

static void add_metrics(struct bu_host *h, const struct bu_pgd_schedule *s, const struct bu_pgd_outcome *o)
{
	static const struct { const char *name, *unit; } of_core[BU_PGD_NR_COUNTS] = {
		[BU_PGD_WALKS] = { "walks", "walks" }, [BU_PGD_WALKED] = { "walked", "page tables" },
		[BU_PGD_WALK_NS] = { "walk_ns", "ns" }, [BU_PGD_CHECKS] = { "checks", "switches" },
		[BU_PGD_COPIES] = { "copies", "entries" }, [BU_PGD_IPIS] = { "ipis", "IPIs" },
		[BU_PGD_CHECK_NS] = { "check_ns", "ns" }, [BU_PGD_BOOT_PAGES] = { "boot_pages", "pages" },
	};
	static const struct { const char *p50, *p99, *max; } of_cost[BU_PGD_NR_COSTS] = {
		[BU_PGD_COST_FAULT] = { "fault_p50", "fault_p99", "fault_max" }, [BU_PGD_COST_CHECK] = { "check_p50", "check_p99", "check_max" },
		[BU_PGD_COST_WALK] = { "walk_p50", "walk_p99", "walk_max" }, [BU_PGD_COST_ALLOC] = { "alloc_p50", "alloc_p99", "alloc_max" },
	};
	int i;

	host_add_metric(h, "address_spaces", "address spaces", -1, (double)s->counts.mms_most);
	host_add_metric(h, "synthetic_entries", "entries", -1, (double)s->counts.synthetic_entries);
	host_add_metric(h, "forks", "address spaces", -1, (double)o->forks);
	host_add_metric(h, "exits", "address spaces", -1, (double)o->exits);
	host_add_metric(h, "switches", "switches", -1, (double)o->switches);
	host_add_metric(h, "mm_switches", "switches", -1, (double)o->mm_switches);
	host_add_metric(h, "allocs", "allocations", -1, (double)o->allocs);
	host_add_metric(h, "faults", "faults", -1, (double)o->faults);
	host_add_metric(h, "other_faults", "faults", -1, (double)o->other_faults);
	host_add_metric(h, "deepest", "faults", -1, o->deepest);
	for (i = 0; i < BU_PGD_NR_COUNTS; i++)
		host_add_metric(h, of_core[i].name, of_core[i].unit, -1, (double)o->counts[i]);
	host_add_metric(h, "lock_wait_ns", "ns", -1, (double)o->lock_wait_ns);
	host_add_metric(h, "lock_hold_max_ns", "ns", -1, (double)o->lock_hold_max_ns);
	for (i = 0; i < BU_PGD_NR_COSTS; i++) {
		if (o->costs[i].max_ns == BU_NS_UNKNOWN)
			continue;
		host_add_metric(h, of_cost[i].p50, "ns", -1, (double)o->costs[i].p50_ns);
		host_add_metric(h, of_cost[i].p99, "ns", -1, (double)o->costs[i].p99_ns);
		host_add_metric(h, of_cost[i].max, "ns", -1, (double)o->costs[i].max_ns);
	}
}

static void take_cost(struct samples *s, struct bu_pgd_quantiles *ret)
{
	if (s->n)
		qsort(s->ns, s->n, sizeof(*s->ns), bu_ns_compare);
	ret->p50_ns = s->n ? bu_ns_quantile(s->ns, s->n, 50) : BU_NS_UNKNOWN;
	ret->p99_ns = s->n ? bu_ns_quantile(s->ns, s->n, 99) : BU_NS_UNKNOWN;
	ret->max_ns = s->n ? bu_ns_quantile(s->ns, s->n, 100) : BU_NS_UNKNOWN;
}

static void take_outcome(struct bu_host *h, struct pgd_run *r)
{
	struct bu_run *run = &h->out->run;
	const struct bu_pgd_counts_of_run c = bu_pgd_run_counts(h->machine);
	struct bu_pgd_outcome *o = &r->out;
	size_t i;

	o->faults = c.faults;
	o->deepest = c.deepest;
	for (i = 0; i < run->n_locks; i++)
		if (!strcmp(h->names[run->locks[i].name], "pgd_lock")) {
			o->lock_wait_ns = run->locks[i].wait_ns;
			o->lock_hold_max_ns = run->locks[i].hold_max_ns;
		}
	for (i = 0; i < BU_PGD_NR_COSTS; i++)
		take_cost(&r->samples[i], &o->costs[i]);
	o->end_ns = bu_now(h->machine);
	run->bringup_ns = strcmp(run->verdict, "ok") ? BU_NS_UNKNOWN : o->end_ns;
	run->bp_busy_ns = o->end_ns;
	add_metrics(h, r->schedule, o);
}

static void run_fini(struct pgd_run *r)
{
	int32_t i;

	for (i = 0; r->players && i < r->schedule->cpus; i++) {
		free(r->players[i].late);
		free(r->players[i].window);
	}
	for (i = 0; i < BU_PGD_NR_COSTS; i++)
		free(r->samples[i].ns);
}

int bu_replay_pgd(const struct bu_core_def *core, const struct bu_pgd_schedule *schedule,
		  const struct bu_replay_options *options, struct bu_replay_result *ret, struct bu_pgd_outcome *ret_outcome,
		  struct bu_err *err)
{
	struct bu_replay_result out = { 0 };
	struct pgd_run r = { .schedule = schedule, .hook = BU_PGD_NONE };
	struct bu_host h = { .family = &family, .core = core, .options = options, .out = &out, .run_of_family = &r };
	struct bu_machine_config config = { .n_cpus = (uint32_t)schedule->cpus, .n_online = (uint32_t)schedule->cpus,
					    .seed = options->seed, .ipi_ns = IPI_NS, .stack_bytes = RUN_STACK,
					    .max_events = options->max_events, .check_state = options->check };
	int rc;

	if (!config.max_events)	/* per event and per CPU a handful, per allocation some for every page table */
		config.max_events = 1000000 + 64 * (schedule->n_events + (uint64_t)schedule->cpus) +
				    8 * (uint64_t)schedule->counts.what[BU_PGD_ALLOC] *
				    (uint64_t)(schedule->n_mms + 16 * schedule->cpus);
	rc = set_up(&h, &r);
	h.alloc_limit = ((size_t)64 << 20) + out.arena.used;
	if (!rc)
		rc = host_run(&h, &config, err);
	if (!rc) {
		take_outcome(&h, &r);
		out.run.n_names = h.n_names;
	}
	out.run.names = h.names;	/* the result owns them, also after a failure */
	run_fini(&r);
	host_fini(&h);
	if (rc) {
		bu_replay_result_fini(&out);
		return bu_fail_errno(err, rc, "replay with core %s", core->name);
	}
	*ret = out;
	*ret_outcome = r.out;
	return 0;
}
