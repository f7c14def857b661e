// SPDX-License-Identifier: GPL-2.0-only
/*
 * pgd_memory.c - kernel memory of a capture: areas, their slots, who touches them, faults and walks. See pgd_capture_int.h.
 *
 * An area of the size of a stack is one when its task's next deed is a fork.
 * An area is one allocation per slot that it lies in. Where slots are the kernel's own, an entry is new when a walk of the same
 * task follows for it; others were there before, and touches are those that faulted. Where slots are of a chosen granularity, an
 * entry is new when a slot is first allocated in, and touches are derived, since nothing records accesses that do not fault: who
 * allocates an area touches it; percpu memory is touched in each address space once it runs (that is where counters lie that every
 * system call and interrupt updates).
 * A fault is over when vmalloc_fault() ran for it, the task was switched or another fault in user space came: one at a kernel
 * address that comes before that is nested.
 */
#include "replay/schedule/pgd_capture_int.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

enum { FLAG_HARDIRQ = 0x08, FLAG_SOFTIRQ = 0x10, FLAG_NMI = 0x40 };	/* enum trace_flag_type, include/linux/trace_events.h v6.1 */
enum { MAX_SLOTS = 1 << 16, MAX_SLOTS_OF_AREA = 1 << 12 };

/* A stack of CONFIG_VMAP_STACK, which only x86-64 has, with its guard page (alloc_thread_stack_node(), kernel/fork.c v6.1). */
enum { STACK_ALIGN = 16 << 10, STACK_AREA = STACK_ALIGN + (4 << 10) };

#define I386_PAGE_OFFSET 0xc0000000	/* CONFIG_VMSPLIT_3G, the default of 32-bit x86 */

static struct bu_pgd_event event(enum bu_pgd_what what, const struct bu_pgd_row *r, int32_t task)
{
	struct bu_pgd_event e = bu_pgd_event(what, r->ns, r->cpu);

	e.task = task;
	return e;
}

static bool is_kernel(const struct bu_pgd_loader *l, int64_t address)
{
	return address < 0 || (l->b.s->arch[0] == 'i' && address >= I386_PAGE_OFFSET);
}

/* The slot that @address lies in, made when it was not met yet. */
static int32_t slot_of(struct bu_pgd_loader *l, int64_t address)
{
	const int64_t base = (int64_t)((uint64_t)address >> l->shift << l->shift);
	const size_t before = l->slots.n;
	const uint32_t id = bu_dict_id(&l->slots, "", base);
	char name[32];
	int32_t slot;

	if (!l->b.error && (!id || (l->slots.n > before && bu_grow(&l->first_alloc, before, &l->cap_first, sizeof(*l->first_alloc)))))
		l->b.error = -ENOMEM;
	if (!l->b.error && l->slots.n > MAX_SLOTS)
		l->b.error = bu_fail(l->b.err, -EINVAL, "%s: kernel memory in more than %d slots of 2^%d bytes; choose larger ones",
				     bu_db_path(l->db), MAX_SLOTS, l->shift);
	if (l->b.error || l->slots.n == before)
		return l->b.error ? 0 : (int32_t)id - 1;
	snprintf(name, sizeof(name), "0x%" PRIx64, base);
	slot = bu_pgd_build_slot(&l->b, name, base);
	l->first_alloc[id - 1] = -1;
	l->b.s->slots[slot].synthetic = l->derived;
	return slot;
}

static void touch(struct bu_pgd_loader *l, const struct bu_pgd_event *like, int32_t slot, bool synthetic)
{
	struct bu_pgd_event e = *like;

	e.what = BU_PGD_TOUCH;
	e.slot = slot;
	e.new_entry = false;
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

/* The bytes from @start to before @end are mapped for @use. Return: the event of the first slot. */
static size_t on_area(struct bu_pgd_loader *l, const struct bu_pgd_row *r, int32_t task, int64_t start, int64_t end, int use)
{
	const uint64_t step = UINT64_C(1) << l->shift, size = (uint64_t)end - (uint64_t)start;
	struct bu_pgd_event e = event(BU_PGD_ALLOC, r, task);
	size_t first = 0;
	uint64_t at, n = 0;

	if (!is_kernel(l, start) || !size || (size - 1) >> l->shift > MAX_SLOTS_OF_AREA)
		return 0;
	if (use != BU_PGD_PERCPU) {
		l->low = l->low && (uint64_t)l->low < (uint64_t)start ? l->low : start;
		l->high = (uint64_t)l->high > (uint64_t)end ? l->high : end;
	}
	e.use = (uint8_t)use;
	e.synthetic = l->derived;
	for (at = (uint64_t)start; !l->b.error && at - (uint64_t)start < size && n <= MAX_SLOTS_OF_AREA; at = (at | (step - 1)) + 1, n++) {
		int64_t *alloc;
		size_t i;

		e.slot = slot_of(l, (int64_t)at);
		e.new_entry = l->derived && !l->b.error && l->first_alloc[e.slot] < 0;
		i = bu_pgd_build_event(&l->b, &e);
		first = n ? first : i;
		if (l->b.error)
			break;
		alloc = &l->first_alloc[e.slot];
		*alloc = *alloc < 0 ? (int64_t)i : *alloc;
		if (l->derived)
			touch(l, &e, e.slot, true);
		if (l->derived && use == BU_PGD_PERCPU)
			note_percpu(l, e.slot);
	}
	return first;
}

static void on_vmap(struct bu_pgd_loader *l, const struct bu_pgd_row *r, int32_t task)
{
	struct bu_pgd_living *t = &l->living[task];
	const bool probe = !strcmp(r->name, "vmap");
	int64_t start, end;
	size_t i;

	if (probe ? l->tracepoint || !bu_pgd_field(r->text, "va", &start) || !bu_pgd_field(r->text, "end", &end) :
		    (!bu_pgd_field(r->text, "addr", &start) && !bu_pgd_field(r->text, "va_start", &start)) ||
		    !bu_pgd_field(r->text, "size", &end))
		return;
	if (!probe)
		end = (int64_t)((uint64_t)start + (uint64_t)end);
	i = on_area(l, r, task, start, end, t->use);
	if (t->use == BU_PGD_VMAP && (uint64_t)end - (uint64_t)start == STACK_AREA && !(start & (STACK_ALIGN - 1)))
		t->area = (int64_t)i;
	t->use = BU_PGD_VMAP;
}

static void on_percpu(struct bu_pgd_loader *l, const struct bu_pgd_row *r, int32_t task)
{
	int64_t base;

	if (bu_pgd_field(r->text, "base_addr", &base))
		on_area(l, r, task, base, (int64_t)((uint64_t)base + 1), BU_PGD_PERCPU);
}

/* ------------------------------------------------------------------------------------------------------ walks and faults */

/* The probe on arch_sync_kernel_mappings() fires before the function tracer sees it: one register_ftrace_function() after the other. */
static void on_range(struct bu_pgd_loader *l, const struct bu_pgd_row *r, int32_t task)
{
	struct bu_pgd_cpu *cpu = &l->cpu[r->cpu];

	if (bu_pgd_field(r->text, "start", &cpu->range_start) && bu_pgd_field(r->text, "end", &cpu->range_end))
		cpu->range_task = task;
}

/* Of two tasks that mapped memory behind one new entry both walk for it: the second walk, too, is an event, and brings nothing. */
static void on_sync(struct bu_pgd_loader *l, const struct bu_pgd_row *r, int32_t task)
{
	struct bu_pgd_cpu *cpu = &l->cpu[r->cpu];
	struct bu_pgd_event e = event(BU_PGD_SYNC, r, task), *events = l->b.s->events;
	const bool known = cpu->range_task == task && is_kernel(l, cpu->range_start) && cpu->range_end > cpu->range_start;
	uint64_t at, n = 0, entries = 0;

	cpu->range_task = BU_PGD_NONE;
	e.slot = known ? slot_of(l, cpu->range_start) : BU_PGD_NONE;
	for (at = (uint64_t)cpu->range_start >> l->shift; known && !l->derived && at <= ((uint64_t)cpu->range_end - 1) >> l->shift &&
							  n++ < MAX_SLOTS_OF_AREA; at++) {
		const int32_t slot = slot_of(l, (int64_t)(at << l->shift));

		if (l->b.error)
			return;
		if (l->first_alloc[slot] < 0 || events[l->first_alloc[slot]].task != task || events[l->first_alloc[slot]].new_entry)
			continue;
		events[l->first_alloc[slot]].new_entry = true;
		entries++;
	}
	e.n = l->listed * (int64_t)entries;
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
	int32_t i;

	for (i = 0; !l->b.error && i < l->b.s->n_slots; i++)
		l->b.s->slots[i].at_start = l->first_alloc[i] < 0 || !l->b.s->events[l->first_alloc[i]].new_entry;
}
