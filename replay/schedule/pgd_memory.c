// SPDX-License-Identifier: GPL-2.0-only
/*
 * pgd_memory.c - kernel memory of a capture: areas, their slots, who touches them, faults and walks. See pgd_capture_int.h.
 *
 * An area of the size of a stack is one when its task's next deed is a fork.
 * An area is one mapping, of an allocation for each slot that it lies in. It is mapped when its addresses are taken, or, where the
 * kernel walked for it, then. Where slots are the kernel's own, an entry is new when the first mapping behind it was walked for;
 * others were there before, and touches are those that faulted. Where slots are of a chosen granularity, an
 * entry is new when a slot is first allocated in, and touches are derived, since nothing records accesses that do not fault: who
 * allocates an area touches it; percpu memory is touched in each address space once it runs (that is where counters lie that every
 * system call and interrupt updates).
 * A fault is over when vmalloc_fault() ran for it, the task was switched or another fault in user space came: one at a kernel
 * address that comes before that is nested.
 */
#include "replay/schedule/pgd_capture_int.h"
#include "replay/schedule/pgd_int.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { FLAG_HARDIRQ = 0x08, FLAG_SOFTIRQ = 0x10, FLAG_NMI = 0x40 };	/* enum trace_flag_type, include/linux/trace_events.h v6.1 */
enum { MAX_SLOTS = 1 << 16, MAX_SLOTS_OF_AREA = 1 << 12 };
enum { MAX_OPEN_AREAS = 64 };	/* vmalloc() maps the array of its pages before the pages: two at a time would do */
enum { GUARD = 4 << 10 };	/* at the end of an area, never mapped (__get_vm_area_node(), mm/vmalloc.c v6.1) */

/* A stack of CONFIG_VMAP_STACK, which only x86-64 has, with its guard page (alloc_thread_stack_node(), kernel/fork.c v6.1). */
enum { STACK_ALIGN = 16 << 10, STACK_AREA = STACK_ALIGN + (4 << 10) };

#define I386_PAGE_OFFSET 0xc0000000	/* CONFIG_VMSPLIT_3G, the default of 32-bit x86 */

static struct bu_pgd_event event(enum bu_pgd_what what, const struct bu_pgd_row *r, int32_t task)
{
	struct bu_pgd_event e = bu_pgd_event(what, r->ns, r->cpu);

	e.task = task;
	return e;
}

/* Redacted addresses have no sign extension: the upper half of 48 bits, or of 57 with five levels. */
static bool is_kernel(const struct bu_pgd_loader *l, int64_t address)
{
	if (l->b.s->arch[0] == 'i')
		return address >= I386_PAGE_OFFSET;
	return address < 0 || address >> 47 == 1 || address >> 56 == 1;
}

/* The slot with the number @id in the dictionary, which is the next one. */
static int32_t new_slot(struct bu_pgd_loader *l, const char *name, int64_t base, uint32_t id)
{
	int32_t slot;

	if (!l->b.error && (!id || bu_grow(&l->walked_ns, id - 1, &l->cap_walked, sizeof(*l->walked_ns))))
		l->b.error = -ENOMEM;
	if (!l->b.error && id > MAX_SLOTS)
		l->b.error = bu_fail(l->b.err, -EINVAL, "%s: kernel memory in more than %d slots of 2^%d bytes; choose larger ones",
				     bu_db_path(l->db), MAX_SLOTS, l->shift);
	slot = bu_pgd_build_slot(&l->b, name, base);
	if (l->b.error)
		return 0;
	l->walked_ns[slot] = -1;
	l->b.s->slots[slot].synthetic = l->derived;
	return slot;
}

/* The slot that @address lies in, made when it was not met yet. */
static int32_t slot_of(struct bu_pgd_loader *l, int64_t address)
{
	const int64_t base = (int64_t)((uint64_t)address >> l->shift << l->shift);
	const size_t before = l->slots.n;
	const uint32_t id = bu_dict_id(&l->slots, "", base);
	char name[32];

	if (id && l->slots.n == before)
		return (int32_t)id - 1;
	snprintf(name, sizeof(name), "0x%" PRIx64, base);
	return new_slot(l, name, base, id);
}

static void touch(struct bu_pgd_loader *l, const struct bu_pgd_event *like, int32_t slot, bool synthetic)
{
	struct bu_pgd_event e = *like;

	e.what = BU_PGD_TOUCH;
	e.slot = slot;
	e.new_entry = e.same_mapping = false;
	e.synthetic = synthetic;
	bu_pgd_build_event(&l->b, &e);
}

static void note_percpu(struct bu_pgd_loader *l, int32_t slot)
{
	size_t i;

	for (i = 0; i < l->n_percpu; i++)
		if (l->percpu[i] == slot)
			return;
	if (bu_grow(&l->percpu, l->n_percpu, &l->cap_percpu, sizeof(*l->percpu)))
		l->b.error = -ENOMEM;
	else
		l->percpu[l->n_percpu++] = slot;
}

/* The area is mapped, as far as is known by now: an allocation for each slot that it lies in, and then the touches. */
static void map_area(struct bu_pgd_loader *l, const struct bu_pgd_row *r, int32_t task, struct bu_pgd_area *a)
{
	const uint64_t step = UINT64_C(1) << l->shift, start = (uint64_t)a->start, size = (uint64_t)a->end - start;
	struct bu_pgd_event e = event(BU_PGD_ALLOC, r, task);
	uint64_t at, n, i;

	a->event = l->b.s->n_events;
	e.use = (uint8_t)a->use;
	e.synthetic = l->derived;
	for (at = start, n = 0; !l->b.error && at - start < size && n <= MAX_SLOTS_OF_AREA; at = (at | (step - 1)) + 1, n++) {
		e.slot = slot_of(l, (int64_t)at);
		e.same_mapping = n > 0;
		bu_pgd_build_event(&l->b, &e);
		if (l->derived && a->use == BU_PGD_PERCPU)
			note_percpu(l, e.slot);
	}
	for (i = 0; l->derived && i < n && !l->b.error; i++)
		touch(l, &l->b.s->events[a->event + i], l->b.s->events[a->event + i].slot, true);
	a->n_events = l->b.error ? 0 : l->b.s->n_events - a->event;
	a->n_slots = l->b.error ? 0 : (size_t)n;
}

/* @task has the bytes from @start to before @end for @use: the area, until the next one. NULL: it is none of the kernel's. */
static struct bu_pgd_area *add_area(struct bu_pgd_loader *l, int32_t task, int64_t start, int64_t end, int use)
{
	const uint64_t size = (uint64_t)end - (uint64_t)start;

	if (!is_kernel(l, start) || !size || (size - 1) >> l->shift > MAX_SLOTS_OF_AREA)
		return NULL;
	if (bu_grow(&l->areas, l->n_areas, &l->cap_areas, sizeof(*l->areas))) {
		l->b.error = -ENOMEM;
		return NULL;
	}
	if (use != BU_PGD_PERCPU) {
		l->low = l->low && (uint64_t)l->low < (uint64_t)start ? l->low : start;
		l->high = (uint64_t)l->high > (uint64_t)end ? l->high : end;
	}
	l->areas[l->n_areas] = (struct bu_pgd_area){ .start = start, .end = end, .use = use, .before = l->living[task].areas };
	l->living[task].areas = ++l->n_areas;
	return &l->areas[l->n_areas - 1];
}

static void on_vmap(struct bu_pgd_loader *l, const struct bu_pgd_row *r, int32_t task)
{
	struct bu_pgd_living *t = &l->living[task];
	const bool probe = !strcmp(r->name, "vmap");
	struct bu_pgd_area *a;
	int64_t start, end;

	if (probe ? l->tracepoint || !bu_pgd_field(r->text, "va", &start) || !bu_pgd_field(r->text, "end", &end) :
		    (!bu_pgd_field(r->text, "addr", &start) && !bu_pgd_field(r->text, "va_start", &start)) ||
		    !bu_pgd_field(r->text, "size", &end))
		return;
	if (!probe)
		end = (int64_t)((uint64_t)start + (uint64_t)end);
	a = add_area(l, task, start, end - GUARD, t->use);
	if (a)
		map_area(l, r, task, a);
	if (a && t->use == BU_PGD_VMAP && (uint64_t)end - (uint64_t)start == STACK_AREA && !(start & (STACK_ALIGN - 1)))
		t->area = (int64_t)a->event;
	t->use = BU_PGD_VMAP;
}

static void on_percpu(struct bu_pgd_loader *l, const struct bu_pgd_row *r, int32_t task)
{
	struct bu_pgd_area *a;
	int64_t base;

	if (!bu_pgd_field(r->text, "base_addr", &base))
		return;
	a = add_area(l, task, base, (int64_t)((uint64_t)base + 1), BU_PGD_PERCPU);
	if (a)
		map_area(l, r, task, a);
}

/* ------------------------------------------------------------------------------------------------------ walks and faults */

/* The probe on arch_sync_kernel_mappings() fires before the function tracer sees it: one register_ftrace_function() after the other. */
static void on_range(struct bu_pgd_loader *l, const struct bu_pgd_row *r, int32_t task)
{
	struct bu_pgd_cpu *cpu = &l->cpu[r->cpu];

	if (bu_pgd_field(r->text, "start", &cpu->range_start) && bu_pgd_field(r->text, "end", &cpu->range_end))
		cpu->range_task = task;
	cpu->range_ns = r->ns;
}

/* The last area of @task that begins at @start and was not walked for, of those that it may still have in hand; NULL: none. */
static struct bu_pgd_area *area_at(struct bu_pgd_loader *l, int32_t task, int64_t start)
{
	size_t i = l->living[task].areas, n;

	for (n = 0; i && n < MAX_OPEN_AREAS; n++, i = l->areas[i - 1].before)
		if (l->areas[i - 1].start == start && !l->areas[i - 1].walked)
			return &l->areas[i - 1];
	return NULL;
}

/* It turns out that the area was mapped at @ns. The schedule is sorted when it is whole. */
static void mapped_at(struct bu_pgd_loader *l, const struct bu_pgd_area *a, int64_t ns, int32_t cpu)
{
	size_t i;

	for (i = 0; i < a->n_events; i++) {
		l->b.s->events[a->event + i].ns = ns;
		l->b.s->events[a->event + i].cpu = cpu;
	}
}

/*
 * @slot has been missing until now. Areas there whose addresses were taken before, and which nobody walked for, found
 * the entry when they were mapped: that was later.
 */
static void others_mapped_later(struct bu_pgd_loader *l, int32_t slot, int64_t ns)
{
	size_t i, k, n;

	for (i = l->n_areas, n = 0; i-- && n < MAX_OPEN_AREAS; n++) {
		const struct bu_pgd_area *a = &l->areas[i];

		for (k = 0; !a->walked && k < a->n_slots; k++)
			if (l->b.s->events[a->event + k].slot == slot)
				mapped_at(l, a, ns, l->b.s->events[a->event].cpu);
	}
}

/*
 * Memory is walked for when all of it is mapped: that is when its entries came, not when its addresses were taken, between which
 * thousands of pages are allocated. Whoever walks has seen an entry missing. If all of them have been walked for already it is one of
 * two that saw that at the same time (pte_alloc_kernel_track(), mm/pgalloc-track.h v6.1). An area that nobody recorded is known
 * by its walk alone.
 */
static void mapped_and_walked(struct bu_pgd_loader *l, const struct bu_pgd_row *r, int32_t task)
{
	const struct bu_pgd_cpu *cpu = &l->cpu[r->cpu];
	struct bu_pgd_area *a = area_at(l, task, cpu->range_start);
	int64_t raced_ns = -1;
	bool first = false;
	size_t k;

	if (!a) {
		a = add_area(l, task, cpu->range_start, cpu->range_end, BU_PGD_VMAP);
		if (a)
			map_area(l, r, task, a);
	}
	if (!a || l->b.error)
		return;
	a->walked = true;
	mapped_at(l, a, cpu->range_ns, r->cpu);
	for (k = 0; k < a->n_slots; k++) {
		struct bu_pgd_event *e = &l->b.s->events[a->event + k];
		int64_t *walked = &l->walked_ns[e->slot];

		first |= *walked < 0;
		e->new_entry = true;	/* if no other mapping came before: bu_pgd_memory_end() */
		raced_ns = *walked > raced_ns ? *walked : raced_ns;
		*walked = *walked < 0 ? cpu->range_ns : *walked;
	}
	if (!first)
		mapped_at(l, a, raced_ns, r->cpu);
	else if (a->n_slots == 1)
		others_mapped_later(l, l->b.s->events[a->event].slot, r->ns);
}

/* Of a walk whose range nobody recorded: an entry of its own. */
static void walked_somewhere(struct bu_pgd_loader *l, const struct bu_pgd_row *r, int32_t task)
{
	struct bu_pgd_event e = event(BU_PGD_ALLOC, r, task);
	char name[32];

	snprintf(name, sizeof(name), "not recorded, %zu", ++l->n_unknown);
	e.slot = new_slot(l, name, 0, bu_dict_id(&l->slots, name, 0));
	e.use = BU_PGD_VMAP;
	e.new_entry = true;
	bu_pgd_build_event(&l->b, &e);
}

/* vunmap_range_noflush() of v6.1, its name since v6.3, and before v5.13 (mm/vmalloc.c) */
static bool unmaps(const char *caller)
{
	return !strncmp(caller, "vunmap_range", 12) || !strncmp(caller, "__vunmap_range", 14) || !strcmp(caller, "unmap_kernel_range_noflush");
}

static void on_sync(struct bu_pgd_loader *l, const struct bu_pgd_row *r, int32_t task)
{
	struct bu_pgd_cpu *cpu = &l->cpu[r->cpu];
	struct bu_pgd_event e = event(BU_PGD_SYNC, r, task);
	const uint64_t first = (uint64_t)cpu->range_start >> l->shift, last = ((uint64_t)cpu->range_end - 1) >> l->shift;
	const bool known = cpu->range_task == task && is_kernel(l, cpu->range_start) && cpu->range_end > cpu->range_start &&
			   last - first < MAX_SLOTS_OF_AREA;
	uint64_t at;

	cpu->range_task = BU_PGD_NONE;
	if (known && unmaps(r->text)) {
		for (at = first; at <= last && !l->b.error; at++) {
			struct bu_pgd_event gone = event(BU_PGD_FREE, r, task);

			gone.slot = slot_of(l, (int64_t)(at << l->shift));
			bu_pgd_build_event(&l->b, &gone);
		}
	} else if (known) {
		mapped_and_walked(l, r, task);
	} else {
		walked_somewhere(l, r, task);
	}
	e.slot = known ? slot_of(l, cpu->range_start) : l->b.s->n_slots - 1;
	e.n = l->derived ? 0 : l->listed * (known ? (int64_t)(last - first) + 1 : 1);
	bu_pgd_build_event(&l->b, &e);
}

static int context_of(uint32_t ctx)
{
	return ctx & FLAG_NMI ? BU_PGD_NMI : ctx & FLAG_HARDIRQ ? BU_PGD_IRQ : ctx & FLAG_SOFTIRQ ? BU_PGD_SOFTIRQ : BU_PGD_TASK;
}

static void on_fault(struct bu_pgd_loader *l, const struct bu_pgd_row *r, int32_t task)
{
	struct bu_pgd_cpu *cpu = &l->cpu[r->cpu];
	struct bu_pgd_event e = event(BU_PGD_FAULT, r, task);

	e.context = (uint8_t)context_of(r->ctx);
	e.mm = cpu->active;
	e.ip = bu_arena_strdup(&l->b.s->arena, r->text);
	if (!e.ip)
		l->b.error = -ENOMEM;
	if (r->b || !is_kernel(l, r->a)) {
		e.fault = r->b ? BU_PGD_FAULT_USER : BU_PGD_FAULT_KERNEL_USER;
		cpu->open_fault = -1;
		bu_pgd_build_event(&l->b, &e);
		return;
	}
	e.fault = (uint64_t)r->a >= (uint64_t)l->low && (uint64_t)r->a < (uint64_t)l->high ? BU_PGD_FAULT_VMALLOC : BU_PGD_FAULT_KERNEL;
	e.slot = slot_of(l, r->a);
	if (cpu->open_fault >= 0)
		e.nesting = (uint8_t)(l->b.s->events[cpu->open_fault].nesting + (l->b.s->events[cpu->open_fault].nesting < UINT8_MAX));
	touch(l, &e, e.slot, false);
	cpu->open_fault = (int64_t)bu_pgd_build_event(&l->b, &e);
}

static void on_vmalloc_fault(struct bu_pgd_loader *l, const struct bu_pgd_row *r, int32_t task)
{
	struct bu_pgd_cpu *cpu = &l->cpu[r->cpu];
	struct bu_pgd_event e = event(BU_PGD_FAULT, r, task);

	if (cpu->open_fault < 0) {	/* page_fault_kernel was not traced */
		e.context = (uint8_t)context_of(r->ctx);
		e.mm = cpu->active;
		cpu->open_fault = (int64_t)bu_pgd_build_event(&l->b, &e);
	}
	if (l->b.error)
		return;
	l->b.s->events[cpu->open_fault].lazy = true;
	l->b.s->events[cpu->open_fault].fault = BU_PGD_FAULT_VMALLOC;
	cpu->open_fault = -1;
}

static void on_module(struct bu_pgd_loader *l, const struct bu_pgd_row *r, int32_t task)
{
	(void)r;
	l->living[task].use = BU_PGD_MODULE;
}

bool bu_pgd_memory_row(struct bu_pgd_loader *l, const struct bu_pgd_row *r)
{
	static const struct {
		const char *name;
		void (*on)(struct bu_pgd_loader *l, const struct bu_pgd_row *r, int32_t task);
	} known[] = {
		{ "page_fault", on_fault }, { "vmap", on_vmap }, { "alloc_vmap_area", on_vmap }, { "percpu_create_chunk", on_percpu },
		{ "arch_sync_kernel_mappings", on_sync }, { "sync", on_range }, { "vmalloc_fault", on_vmalloc_fault },
		{ "module_alloc", on_module }, { "execmem_alloc", on_module },	/* before and from 6.10 on */
	};
	const int32_t task = bu_pgd_task_of(l, r);
	size_t i;

	for (i = 0; !l->b.error && i < ARRAY_SIZE(known); i++)
		if (!strcmp(r->name, known[i].name)) {
			known[i].on(l, r, task);
			return true;
		}
	return false;
}

void bu_pgd_memory_switched(struct bu_pgd_loader *l, int64_t ns, int32_t cpu)
{
	struct bu_pgd_event e = bu_pgd_event(BU_PGD_TOUCH, ns, cpu);
	const int32_t mm = l->cpu[cpu].active;
	size_t *seen = mm == BU_PGD_NONE ? NULL : &l->users[mm].percpu_seen;

	e.task = l->cpu[cpu].task;
	while (seen && !l->b.error && *seen < l->n_percpu)
		touch(l, &e, l->percpu[(*seen)++], true);
}

void bu_pgd_memory_end(struct bu_pgd_loader *l)
{
	struct bu_pgd_schedule *s = l->b.s;
	_cleanup_free_ bool *met = calloc((size_t)s->n_slots + 1, sizeof(*met));
	size_t i;
	int32_t k;

	if (!l->b.error)
		l->b.error = met ? pgd_sort(s->events, s->n_events) : -ENOMEM;
	for (k = 0; !l->b.error && k < s->n_slots; k++)
		s->slots[k].at_start = true;
	for (i = 0; !l->b.error && i < s->n_events; i++) {
		struct bu_pgd_event *e = &s->events[i];

		if (e->what != BU_PGD_ALLOC)
			continue;
		e->new_entry = !met[e->slot] && (e->new_entry || l->derived);
		s->slots[e->slot].at_start &= !e->new_entry;
		met[e->slot] = true;
	}
}
