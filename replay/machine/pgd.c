// SPDX-License-Identifier: GPL-2.0-only
/* pgd.c - see pgd.h. */
#include "replay/machine/pgd.h"

#include <stdio.h>
#include <string.h>

#include "replay/machine/machine_int.h"

/* An address space. Entries are bits of words: 64 slots each. */
struct mm {
	bu_word_id first;	/* of its n_words words, which follow one another; 0: has no page table */
	uint32_t next, prev;	/* on pgd_list; of 0, init_mm, which is not on it: first and last */
	bool listed;
};

struct pgd_cpu {
	int cr3, active_mm;
	uint32_t depth;		/* page faults that are not over */
};

struct pgd {
	const char *const *slot;	/* names */
	uint32_t n_slots, n_words, n_mms;
	struct mm *mm;		/* [0]: init_mm */
	/* By address space, then by word: entries that are there and point to a table that init_mm has let go of. */
	uint64_t *stale;
	struct pgd_cpu *cpu;
	/* By CPU, then by word: entries in its paging-structure caches, and of these those that init_mm has let go of. */
	uint64_t *cached, *torn;
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
	size_t words;
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
	words = p->n_words * sizeof(uint64_t);
	p->mm = machine_alloc(m, p->n_mms * sizeof(*p->mm));
	p->stale = machine_alloc(m, p->n_mms * words);
	p->cpu = machine_alloc(m, m->config.n_cpus * sizeof(*p->cpu));
	p->cached = machine_alloc(m, m->config.n_cpus * words);
	p->torn = machine_alloc(m, m->config.n_cpus * words);
	if (!p->mm || !p->stale || !p->cpu || !p->cached || !p->torn)
		return;
	p->mm[0].first = bu_word_new(m->engine, "init_mm.pgd", 0);
	for (i = 1; i < p->n_words; i++)
		bu_word_new(m->engine, "init_mm.pgd", 0);
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

	if (p && mm >= 0 && (uint32_t)mm < p->n_mms && p->mm[mm].first && slot >= 0 && (uint32_t)slot < p->n_slots)
		return p;
	bu_misuse(m, "%s of slot %d of address space %d, which is none", call, slot, mm);
	return NULL;
}

/* Likewise without a slot; @made: it has to have a page table. */
static struct pgd *mm_get(struct bu_machine *m, int mm, bool made, const char *call)
{
	struct pgd *p = m->pgd;

	if (p && mm >= 0 && (uint32_t)mm < p->n_mms && (!made || p->mm[mm].first))
		return p;
	bu_misuse(m, "%s of address space %d, which is none", call, mm);
	return NULL;
}

static bu_word_id word_of(const struct pgd *p, int mm, int slot)
{
	return p->mm[mm].first + (uint32_t)slot / 64;
}

static uint64_t *stale_of(const struct pgd *p, int mm, int slot)
{
	return &p->stale[(size_t)mm * p->n_words + (uint32_t)slot / 64];
}

static bool has(struct bu_machine *m, const struct pgd *p, int mm, int slot)
{
	return (uint64_t)bu_word_load(m->engine, word_of(p, mm, slot)) & bit(slot);
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
	return p && *stale_of(p, mm, slot) & bit(slot);
}

void bu_set_pgd(struct bu_machine *m, int mm, int slot)
{
	const struct pgd *p = pgd_get(m, mm, slot, "set_pgd");
	uint64_t entries;

	if (!p)
		return;
	op(m);
	entries = (uint64_t)bu_word_load(m->engine, word_of(p, mm, slot));
	if (!mm || has(m, p, 0, slot))
		entries |= bit(slot);
	else
		entries &= ~bit(slot);
	*stale_of(p, mm, slot) &= ~bit(slot);
	bu_word_store(m->engine, word_of(p, mm, slot), (int64_t)entries);
}

void bu_pgd_clear(struct bu_machine *m, int slot)
{
	const struct pgd *p = pgd_get(m, 0, slot, "pgd_clear");
	size_t word = (uint32_t)slot / 64, i;

	if (!p)
		return;
	op(m);
	bu_word_store(m->engine, word_of(p, 0, slot), bu_word_load(m->engine, word_of(p, 0, slot)) & (int64_t)~bit(slot));
	/* What others still have of it is of no use from now on: no step of anybody, but a look from above. */
	for (i = 1; i < p->n_mms; i++)
		if (p->mm[i].first && (uint64_t)bu_word_peek(m->engine, word_of(p, (int)i, slot)) & bit(slot))
			*stale_of(p, (int)i, slot) |= bit(slot);
	for (i = 0; i < m->config.n_cpus; i++)
		p->torn[i * p->n_words + word] |= p->cached[i * p->n_words + word] & bit(slot);
}

void bu_clone_pgd_range(struct bu_machine *m, int mm)
{
	const struct pgd *p = mm_get(m, mm, false, "clone_pgd_range");
	uint32_t i;

	if (!p || !mm || p->mm[mm].first) {
		bu_misuse(m, "clone_pgd_range() to address space %d, which has a page table", mm);
		return;
	}
	op(m);
	for (i = 0; i < p->n_words; i++) {
		const bu_word_id w = bu_word_new(m->engine, "pgd", bu_word_load(m->engine, p->mm[0].first + i));

		if (!i)
			p->mm[mm].first = w;
	}
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
	x->listed = false;
	x->first = 0;
}

int bu_pgd_list_next(struct bu_machine *m, int mm)
{
	const struct pgd *p = mm_get(m, mm, false, "pgd_list_next");

	op(m);
	return p ? (int)p->mm[mm].next : 0;
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
	const size_t first = (size_t)(c - p->cpu) * p->n_words;

	memset(&p->cached[first], 0, p->n_words * sizeof(*p->cached));
	memset(&p->torn[first], 0, p->n_words * sizeof(*p->torn));
}

void bu_write_cr3(struct bu_machine *m, int mm)
{
	struct pgd_cpu *c = this_cpu(m, "write_cr3");

	if (!c || !mm_get(m, mm, true, "write_cr3"))
		return;
	op(m);
	c->cr3 = mm;
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
	c->active_mm = mm;
}

int bu_active_mm(struct bu_machine *m)
{
	const struct pgd_cpu *c = this_cpu(m, "active_mm");

	return c ? c->active_mm : 0;
}

bool bu_pgd_loaded(const struct bu_machine *m, int mm)
{
	uint32_t i;

	for (i = 0; m->pgd && i < m->config.n_cpus; i++)
		if (m->pgd->cpu[i].cr3 == mm || m->pgd->cpu[i].active_mm == mm)
			return true;
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
	wait_begin(m, BU_WAITS_WORD, 0, "page fault that comes again and again");
	cur(m)->wait_word = w;
	spin_on(m, w, BU_GUARD_NE, bu_word_load(m->engine, w), BU_EFFECT_NONE, 0, FOREVER);
	wait_end(m, false);
	bu_ret(m);
}

static bool translated(struct bu_machine *m, const struct pgd_cpu *c, int slot)
{
	struct pgd *p = m->pgd;
	const size_t cached = (size_t)(c - p->cpu) * p->n_words + (uint32_t)slot / 64;

	if (p->torn[cached] & bit(slot))
		die(m, "access through an entry that is cached and gone", slot);
	if (p->cached[cached] & bit(slot))
		return true;
	if (!has(m, p, c->cr3, slot))
		return false;
	if (*stale_of(p, c->cr3, slot) & bit(slot))
		die(m, "access through a stale entry", slot);
	p->cached[cached] |= bit(slot);
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

void bu_touch_stack(struct bu_machine *m, int slot)
{
	const struct pgd_cpu *c = this_cpu(m, "touch_stack");

	if (!c || !pgd_get(m, 0, slot, "touch_stack"))
		return;
	op(m);
	if (!translated(m, c, slot))
		die(m, "double fault: the stack is not mapped", slot);
}

struct bu_pgd_counts_of_run bu_pgd_run_counts(const struct bu_machine *m)
{
	return m->pgd ? m->pgd->counts : (struct bu_pgd_counts_of_run){ 0, 0 };
}
