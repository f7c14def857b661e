// SPDX-License-Identifier: GPL-2.0-only
/*
 * pgd.c - see pgd.h.
 *
 * What others see lies under words: entries are bits of words, a copy of an entry is old when init_mm has let go of the table
 * that it was copied with, and what a CPU has loaded is one word. So an entry that init_mm lets go of is one step of one CPU:
 * that all copies are old from then on follows from their age.
 */
#include "replay/machine/pgd.h"

#include <stdio.h>
#include <string.h>

#include "replay/machine/look.h"
#include "replay/machine/machine_int.h"

struct mm {			/* an address space: under the words of pgd_list and of how many page tables there are */
	bool made, listed;
	uint32_t next, prev;	/* on pgd_list; of 0, init_mm, which is not on it: first and last */
};

enum { LAZY_BATCH = 32 };	/* MC_BATCH, arch/x86/xen/multicalls.c v3.8 */

struct pgd_cpu {
	int cr3, active_mm;	/* under `loaded` */
	bu_word_id loaded;
	/* From here on its own. */
	uint32_t depth;		/* page faults that are not over */
	bool lazy_mmu;
	uint32_t n_batch;	/* entries that are not made yet */
	struct { int mm, slot; } batch[LAZY_BATCH];
};

struct pgd {
	const char *const *slot;	/* names */
	uint32_t n_slots, n_words, n_mms;
	bu_word_id list, made;	/* pgd_list, as in queue.h; how many have a page table */
	struct mm *mm;		/* [0]: init_mm */
	bu_word_id *entries;	/* by address space, then for 64 slots each */
	/*
	 * By address space, then by slot: how often init_mm had let go of an entry there, + 1, when this one was made. By CPU: the
	 * same of what its paging-structure caches hold, 0: nothing.
	 */
	uint32_t (*age)[64], (*cached)[64];
	struct pgd_cpu *cpu;
	bu_page_fault_fn handler;
	int64_t fault_ns, frame_bytes, stack_bytes;
	struct bu_pgd_counts_of_run counts;
};

static uint64_t bit(int slot)
{
	return UINT64_C(1) << (slot & 63);
}

void bu_pgd_init(struct bu_machine *m, uint32_t n_mms, const char *const *slots, uint32_t n_slots)
{
	struct pgd *p;
	uint32_t i;

	if (m->pgd) {
		bu_misuse(m, "pgd_init() for a second time");
		return;
	}
	p = machine_alloc(m, sizeof(*p));
	if (!p)
		return;
	p->slot = slots;
	p->n_slots = n_slots;
	p->n_words = n_slots / 64 + 1;
	p->n_mms = n_mms + 1;
	p->stack_bytes = INT64_MAX;
	p->mm = machine_alloc(m, p->n_mms * sizeof(*p->mm));
	p->entries = machine_alloc(m, (size_t)p->n_mms * p->n_words * sizeof(*p->entries));
	p->age = machine_alloc(m, (size_t)p->n_mms * p->n_words * sizeof(*p->age));
	p->cpu = machine_alloc(m, m->config.n_cpus * sizeof(*p->cpu));
	p->cached = machine_alloc(m, (size_t)m->config.n_cpus * p->n_words * sizeof(*p->cached));
	if (!p->mm || !p->entries || !p->age || !p->cpu || !p->cached)
		return;
	p->list = bu_word_new(m->engine, "pgd_list", 0);
	p->made = bu_word_new(m->engine, "page tables", 1);
	p->mm[0].made = true;
	for (i = 0; i < p->n_words; i++)
		p->entries[i] = bu_word_new(m->engine, "init_mm.pgd", 0);
	for (i = 0; i < n_slots; i++)
		p->age[i / 64][i % 64] = 1;
	look_at_record(m, "pgd_list", p->mm, p->mm + p->n_mms, &p->list, 2);
	look_at_record(m, "list of entries", p->entries, p->entries + (size_t)p->n_mms * p->n_words, &p->made, 1);
	for (i = 0; i < p->n_mms * p->n_words; i++)
		look_at_record(m, "page table", &p->age[i], &p->age[i + 1], &p->entries[i], 1);
	for (i = 0; i < m->config.n_cpus; i++) {
		struct pgd_cpu *c = &p->cpu[i];

		c->loaded = bu_word_new(m->engine, "CR3, active_mm", 0);
		look_at_record(m, "loaded page table", &c->cr3, &c->loaded, &c->loaded, 1);
		look_at_own(m, &m->cpu[i], &c->depth, c + 1);
		look_at_own(m, &m->cpu[i], &p->cached[i * p->n_words], &p->cached[(i + 1) * p->n_words]);
	}
	m->pgd = p;
}

void bu_page_fault_cost(struct bu_machine *m, int64_t ns, int64_t frame_bytes, int64_t stack_bytes)
{
	if (!m->pgd) {
		bu_misuse(m, "page_fault_cost() without page tables");
		return;
	}
	m->pgd->fault_ns = ns;
	m->pgd->frame_bytes = frame_bytes;
	m->pgd->stack_bytes = stack_bytes;
}

void bu_page_fault_handler(struct bu_machine *m, bu_page_fault_fn fn)
{
	if (m->pgd)
		m->pgd->handler = fn;
	else
		bu_misuse(m, "page_fault_handler() without page tables");
}

/* The machine's page tables if they have this one with this slot; otherwise the run ends. */
static struct pgd *pgd_get(struct bu_machine *m, int mm, int slot, const char *call)
{
	struct pgd *p = m->pgd;

	if (p && mm >= 0 && (uint32_t)mm < p->n_mms && p->mm[mm].made && slot >= 0 && (uint32_t)slot < p->n_slots)
		return p;
	bu_misuse(m, "%s of slot %d of address space %d, which is none", call, slot, mm);
	return NULL;
}

/* Likewise without a slot; @made: it has to have a page table. */
static struct pgd *mm_get(struct bu_machine *m, int mm, bool made, const char *call)
{
	struct pgd *p = m->pgd;

	if (p && mm >= 0 && (uint32_t)mm < p->n_mms && (!made || p->mm[mm].made))
		return p;
	bu_misuse(m, "%s of address space %d, which is none", call, mm);
	return NULL;
}

static bu_word_id word_of(const struct pgd *p, int mm, int slot)
{
	return p->entries[(size_t)mm * p->n_words + (uint32_t)slot / 64];
}

static uint32_t *age_of(const struct pgd *p, int mm, int slot)
{
	return &p->age[(size_t)mm * p->n_words + (uint32_t)slot / 64][slot % 64];
}

static uint32_t *cached_of(const struct pgd *p, uint32_t cpu, int slot)
{
	return &p->cached[(size_t)cpu * p->n_words + (uint32_t)slot / 64][slot % 64];
}

static bool has(struct bu_machine *m, const struct pgd *p, int mm, int slot)
{
	return (uint64_t)bu_word_load(m->engine, word_of(p, mm, slot)) & bit(slot);
}

/* Whether init_mm has let go of the table behind an entry of this age. */
static bool is_old(struct bu_machine *m, const struct pgd *p, uint32_t age, int slot)
{
	(void)bu_word_load(m->engine, word_of(p, 0, slot));
	return age != *age_of(p, 0, slot);
}

/* ------------------------------------------------------------------------------------------------- entries, lists */

bool bu_pgd_present(struct bu_machine *m, int mm, int slot)
{
	const struct pgd *p = pgd_get(m, mm, slot, "pgd_present");

	op(m);
	return p && has(m, p, mm, slot);
}

bool bu_pgd_stale(struct bu_machine *m, int mm, int slot)
{
	const struct pgd *p = pgd_get(m, mm, slot, "pgd_stale");

	op(m);
	return p && has(m, p, mm, slot) && is_old(m, p, *age_of(p, mm, slot), slot);
}

static void set_entry(struct bu_machine *m, const struct pgd *p, int mm, int slot)
{
	uint64_t entries;

	entries = (uint64_t)bu_word_load(m->engine, word_of(p, mm, slot));
	if (!mm || has(m, p, 0, slot))
		entries |= bit(slot);
	else
		entries &= ~bit(slot);
	*age_of(p, mm, slot) = *age_of(p, 0, slot);
	bu_word_store(m->engine, word_of(p, mm, slot), (int64_t)entries);
}

static void flush_batch(struct bu_machine *m, struct pgd_cpu *c)
{
	uint32_t i;

	for (i = 0; i < c->n_batch; i++) {
		op(m);
		set_entry(m, m->pgd, c->batch[i].mm, c->batch[i].slot);
	}
	c->n_batch = 0;
}

void bu_set_pgd(struct bu_machine *m, int mm, int slot)
{
	struct pgd *p = pgd_get(m, mm, slot, "set_pgd");
	const struct thread *t = cur(m);
	struct pgd_cpu *c = p && t ? &p->cpu[t->cpu] : NULL;

	if (!p)
		return;
	op(m);
	if (!c || !c->lazy_mmu || bu_in_interrupt(m)) {	/* paravirt_get_lazy_mode() */
		set_entry(m, p, mm, slot);
		return;
	}
	if (c->n_batch == LAZY_BATCH)
		flush_batch(m, c);
	c->batch[c->n_batch].mm = mm;
	c->batch[c->n_batch++].slot = slot;
}

void bu_pgd_clear(struct bu_machine *m, int slot)
{
	const struct pgd *p = pgd_get(m, 0, slot, "pgd_clear");

	if (!p)
		return;
	op(m);
	++*age_of(p, 0, slot);
	bu_word_store(m->engine, word_of(p, 0, slot), bu_word_load(m->engine, word_of(p, 0, slot)) & (int64_t)~bit(slot));
}

void bu_clone_pgd_range(struct bu_machine *m, int mm)
{
	const struct pgd *p = mm_get(m, mm, false, "clone_pgd_range");
	size_t first;
	uint32_t i;

	if (!p || !mm || p->mm[mm].made) {
		bu_misuse(m, "clone_pgd_range() to address space %d, which has a page table", mm);
		return;
	}
	op(m);
	p->mm[mm].made = true;
	bu_word_add(m->engine, p->made, 1);
	first = (size_t)mm * p->n_words;
	for (i = 0; i < p->n_words; i++)
		p->entries[first + i] = bu_word_new(m->engine, "pgd", bu_word_load(m->engine, p->entries[i]));
	memcpy(&p->age[first], p->age, p->n_words * sizeof(*p->age));
}

/* What @mm between its neighbours adds to the fingerprint of pgd_list, see queue.c. */
static int64_t share(const struct pgd *p, uint32_t mm)
{
	const struct mm *x = &p->mm[mm];

	return (int64_t)(neighbours(x->prev, mm) + neighbours(mm, x->next) - neighbours(x->prev, x->next));
}

void bu_pgd_list_add(struct bu_machine *m, int mm)
{
	const struct pgd *p = mm_get(m, mm, false, "pgd_list_add");
	struct mm *x;

	if (!p || !mm || p->mm[mm].listed) {
		bu_misuse(m, "pgd_list_add() of address space %d, which is on it or cannot be", mm);
		return;
	}
	op(m);
	x = &p->mm[mm];
	x->listed = true;
	x->next = p->mm[0].next;
	x->prev = 0;
	p->mm[x->next].prev = (uint32_t)mm;
	p->mm[0].next = (uint32_t)mm;
	bu_word_add(m->engine, p->list, share(p, (uint32_t)mm));
}

void bu_pgd_list_del(struct bu_machine *m, int mm)
{
	const struct pgd *p = mm_get(m, mm, false, "pgd_list_del");
	struct mm *x;

	if (!p || !mm || !p->mm[mm].listed) {
		bu_misuse(m, "pgd_list_del() of address space %d, which is not on it", mm);
		return;
	}
	op(m);
	x = &p->mm[mm];
	p->mm[x->next].prev = x->prev;
	p->mm[x->prev].next = x->next;
	bu_word_add(m->engine, p->list, (int64_t)(0 - (uint64_t)share(p, (uint32_t)mm)));
	x->listed = false;
	if (x->made)
		bu_word_add(m->engine, p->made, -1);
	x->made = false;
}

int bu_pgd_list_next(struct bu_machine *m, int mm)
{
	const struct pgd *p = mm_get(m, mm, false, "pgd_list_next");

	op(m);
	if (!p)
		return 0;
	(void)bu_word_load(m->engine, p->list);
	return (int)p->mm[mm].next;
}

/* --------------------------------------------------------------------------------------------------- what is loaded */

static struct pgd_cpu *this_cpu(struct bu_machine *m, const char *call)
{
	const struct thread *t = cur(m);

	if (m->pgd && t)
		return &m->pgd->cpu[t->cpu];
	bu_misuse(m, "%s without page tables or outside of threads", call);
	return NULL;
}

static void drop_cached(const struct pgd *p, const struct pgd_cpu *c)
{
	memset(&p->cached[(size_t)(c - p->cpu) * p->n_words], 0, p->n_words * sizeof(*p->cached));
}

static void set_loaded(struct bu_machine *m, struct pgd_cpu *c, int cr3, int active_mm)
{
	c->cr3 = cr3;
	c->active_mm = active_mm;
	bu_word_store(m->engine, c->loaded, (int64_t)((uint64_t)active_mm << 32 | (uint32_t)cr3));
}

void bu_write_cr3(struct bu_machine *m, int mm)
{
	struct pgd_cpu *c = this_cpu(m, "write_cr3");

	if (!c || !mm_get(m, mm, true, "write_cr3"))
		return;
	op(m);
	set_loaded(m, c, mm, c->active_mm);
	drop_cached(m->pgd, c);
}

int bu_read_cr3(struct bu_machine *m)
{
	const struct pgd_cpu *c = this_cpu(m, "read_cr3");

	return c ? c->cr3 : 0;
}

void bu_set_active_mm(struct bu_machine *m, int mm)
{
	struct pgd_cpu *c = this_cpu(m, "set_active_mm");

	if (!c || !mm_get(m, mm, true, "set_active_mm"))
		return;
	op(m);
	set_loaded(m, c, c->cr3, mm);
}

int bu_active_mm(struct bu_machine *m)
{
	const struct pgd_cpu *c = this_cpu(m, "active_mm");

	return c ? c->active_mm : 0;
}

bool bu_pgd_loaded(struct bu_machine *m, int mm)
{
	uint32_t i;

	for (i = 0; m->pgd && i < m->config.n_cpus; i++) {
		const uint64_t loaded = (uint64_t)bu_word_load(m->engine, m->pgd->cpu[i].loaded);

		if ((uint32_t)loaded == (uint32_t)mm || loaded >> 32 == (uint32_t)mm)
			return true;
	}
	return false;
}

void bu_flush_tlb_kernel(struct bu_machine *m)
{
	const struct pgd_cpu *c = this_cpu(m, "flush_tlb_kernel");

	if (!c)
		return;
	op(m);
	drop_cached(m->pgd, c);
}

void bu_arch_enter_lazy_mmu_mode(struct bu_machine *m)
{
	struct pgd_cpu *c = this_cpu(m, "arch_enter_lazy_mmu_mode");

	if (c)
		c->lazy_mmu = true;
}

void bu_arch_flush_lazy_mmu_mode(struct bu_machine *m)
{
	struct pgd_cpu *c = this_cpu(m, "arch_flush_lazy_mmu_mode");

	if (c)
		flush_batch(m, c);
}

void bu_arch_leave_lazy_mmu_mode(struct bu_machine *m)
{
	struct pgd_cpu *c = this_cpu(m, "arch_leave_lazy_mmu_mode");

	if (!c)
		return;
	flush_batch(m, c);
	c->lazy_mmu = false;
}

/* ----------------------------------------------------------------------------------------------- accesses and faults */

static void die(struct bu_machine *m, const char *what, int slot)
{
	const struct pgd *p = m->pgd;
	char where_[160];

	snprintf(where_, sizeof(where_), "memory behind entry %.60s, address space %d being loaded", slot < 0 ? "none" : p->slot[slot],
		 p->cpu[cur(m)->cpu].cr3);
	bu_crash(m, what, where_);
}

/* exc_page_fault(), arch/x86/mm/fault.c v6.12, from the exception to its IRET. Of another cause than a slot: -1. */
static void exc_page_fault(struct bu_machine *m, int slot)
{
	struct pgd *p = m->pgd;
	struct cpu *c = cpu_of(m, cur(m));
	struct pgd_cpu *pc = &p->cpu[c->id];
	const bool irqs_off = c->irqs_off;

	bu_call(m, "exc_page_fault");
	pc->depth++;
	if (slot >= 0)
		p->counts.faults++;
	if (pc->depth > p->counts.deepest)
		p->counts.deepest = pc->depth;
	if (p->frame_bytes * pc->depth > p->stack_bytes)
		die(m, "double fault: the stack is full of page faults within page faults", slot);
	if (!irqs_off)
		c->irqs_off_ns = bu_now(m);
	c->irqs_off = true;
	if (p->fault_ns)
		bu_work(m, p->fault_ns);
	if (slot >= 0 ? !p->handler || !p->handler(m, slot) : p->handler && !p->handler(m, slot))
		die(m, "Oops: unable to handle page fault", slot);
	pc->depth--;
	text_serialise(m, c);	/* IRET */
	c->irqs_off = irqs_off;
	bu_ret(m);
}

void bu_page_fault(struct bu_machine *m)
{
	if (!this_cpu(m, "page_fault"))
		return;
	op(m);
	exc_page_fault(m, -1);
}

/*
 * The access faulted, and faults again in the same address space: the handler has helped nothing. It goes on like that until
 * somebody else makes the entry, which is the same as waiting for it.
 */
static void fault_for_ever(struct bu_machine *m, int mm, int slot)
{
	const bu_word_id w = word_of(m->pgd, mm, slot);

	bu_call(m, "exc_page_fault");
	wait_begin(m, BU_WAITS_FAULT, 0, m->pgd->slot[slot]);
	cur(m)->wait_word = w;
	spin_on(m, w, BU_GUARD_NE, bu_word_load(m->engine, w), BU_EFFECT_NONE, 0, FOREVER);
	wait_end(m, false);
	bu_ret(m);
}

static bool translated(struct bu_machine *m, const struct pgd_cpu *c, int slot)
{
	const struct pgd *p = m->pgd;
	uint32_t *cached = cached_of(p, (uint32_t)(c - p->cpu), slot);

	if (*cached) {
		if (is_old(m, p, *cached, slot))
			die(m, "access through an entry that is cached and gone", slot);
		return true;
	}
	if (!has(m, p, c->cr3, slot))
		return false;
	*cached = *age_of(p, c->cr3, slot);
	if (is_old(m, p, *cached, slot))
		die(m, "access through a stale entry", slot);
	return true;
}

void bu_touch(struct bu_machine *m, int slot)
{
	int faulted_in = -1;	/* the address space of the fault before */

	if (!this_cpu(m, "touch") || !pgd_get(m, 0, slot, "touch"))
		return;
	for (;;) {
		const struct pgd_cpu *c;

		op(m);
		c = this_cpu(m, "touch");
		if (translated(m, c, slot))
			return;
		if (c->cr3 == faulted_in) {
			fault_for_ever(m, c->cr3, slot);
			continue;
		}
		faulted_in = c->cr3;
		exc_page_fault(m, slot);
	}
}

/* An access in a place where a page fault cannot push its frame. */
static void touch_or_die(struct bu_machine *m, int slot, const char *op_name, const char *death)
{
	const struct pgd_cpu *c = this_cpu(m, op_name);

	if (!c || !pgd_get(m, 0, slot, op_name))
		return;
	op(m);
	if (!translated(m, c, slot))
		die(m, death, slot);
}

void bu_touch_stack(struct bu_machine *m, int slot)
{
	touch_or_die(m, slot, "touch_stack", "double fault: the stack is not mapped");
}

void bu_touch_at_syscall(struct bu_machine *m, int slot)
{
	touch_or_die(m, slot, "touch_at_syscall", "double fault: a page fault behind SYSCALL, on the stack of user space");
}

struct bu_pgd_counts_of_run bu_pgd_run_counts(const struct bu_machine *m)
{
	return m->pgd ? m->pgd->counts : (struct bu_pgd_counts_of_run){ 0, 0 };
}
