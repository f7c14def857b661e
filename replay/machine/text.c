// SPDX-License-Identifier: GPL-2.0-only
/* text.c - see text.h. */
#include "replay/machine/text.h"

#include <inttypes.h>
#include <stdio.h>

#include "replay/machine/look.h"
#include "replay/machine/machine_int.h"

struct front_end {
	int site;		/* -1: holds nothing */
	struct fetched { uint64_t held, bytes; } now;	/* a mask of the bytes that it holds of it, and these */
	struct fetched *kept;	/* by site, of a front end that keeps all; else NULL. What it is, not what it does */
};

struct text {
	const struct bu_text_site *site;
	uint32_t n;
	bu_word_id *bytes;	/* memory, by site */
	struct front_end *front;	/* by CPU */
	bu_int3_fn int3;
	struct bu_text_counts counts;
};

static uint64_t mask(int first, int n)
{
	const uint64_t ones = n >= 8 ? UINT64_MAX : (UINT64_C(1) << 8 * n) - 1;

	return ones << 8 * first;
}

void bu_text_init(struct bu_machine *m, const struct bu_text_site *sites, uint32_t n)
{
	struct text *x;
	uint32_t i;

	if (m->text) {
		bu_misuse(m, "text_init() for a second time");
		return;
	}
	x = machine_alloc(m, sizeof(*x));
	if (!x)
		return;
	x->bytes = machine_alloc(m, (n + 1) * sizeof(*x->bytes));
	x->front = machine_alloc(m, m->config.n_cpus * sizeof(*x->front));
	if (!x->bytes || !x->front)
		return;
	x->site = sites;
	x->n = n;
	for (i = 0; i < n; i++)
		x->bytes[i] = bu_word_new(m->engine, sites[i].name, (int64_t)sites[i].before);
	for (i = 0; i < m->config.n_cpus; i++) {
		x->front[i].site = -1;
		look_at_own(m, &m->cpu[i], &x->front[i], &x->front[i].kept);
	}
	m->text = x;
}

/* The machine's text if it has this site and these bytes of it; otherwise the run ends. */
static struct text *text_get(struct bu_machine *m, int site, int first, int n, const char *call)
{
	struct text *x = m->text;

	if (x && site >= 0 && (uint32_t)site < x->n && first >= 0 && n > 0 && first + n <= x->site[site].len)
		return x;
	bu_misuse(m, "%s of bytes %d to %d of site %d, which is none", call, first, first + n - 1, site);
	return NULL;
}

static uint64_t memory(struct bu_machine *m, const struct text *x, int site)
{
	return (uint64_t)bu_word_load(m->engine, x->bytes[site]);
}

void bu_text_poke(struct bu_machine *m, int site, int first, int n, uint64_t bytes)
{
	struct text *x = text_get(m, site, first, n, "text_poke");
	const uint64_t at = mask(first, n);

	if (!x)
		return;
	op(m);
	bu_word_store(m->engine, x->bytes[site], (int64_t)((memory(m, x, site) & ~at) | (bytes << 8 * first & at)));
}

uint64_t bu_text_peek(struct bu_machine *m, int site)
{
	const struct text *x = text_get(m, site, 0, 1, "text_peek");

	op(m);
	return x ? memory(m, x, site) : 0;
}

static struct fetched *fetched(struct front_end *f, int site)
{
	if (f->kept)
		return &f->kept[site];
	if (f->site != site)
		*f = (struct front_end){ .site = site };
	return &f->now;
}

/* Bytes that are held already stay as they are. */
static void take(struct bu_machine *m, const struct text *x, struct fetched *f, int site, uint64_t at)
{
	at &= ~f->held;
	f->bytes = (f->bytes & ~at) | (memory(m, x, site) & at);
	f->held |= at;
}

void bu_text_fetch(struct bu_machine *m, int site, int first, int n)
{
	struct text *x = text_get(m, site, first, n, "text_fetch");
	struct thread *t = cur(m);
	const uint64_t at = mask(first, n);

	if (!x || !t)
		return;
	op(m);
	take(m, x, fetched(&x->front[t->cpu], site), site, at);
}

static void drop(struct front_end *f)
{
	f->site = -1;
	f->now.held = 0;
}

void text_serialise(struct bu_machine *m, const struct cpu *c)
{
	if (m->text)
		drop(&m->text->front[c->id]);
}

void bu_sync_core(struct bu_machine *m)
{
	const struct thread *t = cur(m);

	op(m);
	if (t)
		text_serialise(m, cpu_of(m, t));
}

static void exc_int3(struct bu_machine *m, int site)
{
	struct text *x = m->text;
	struct thread *t = cur(m);
	struct cpu *c = cpu_of(m, t);
	const bool irqs_off = c->irqs_off;
	char where_[96];

	c->irqs_off = true;
	bu_call(m, "exc_int3");
	if (m->config.irq_ns)
		bu_work(m, m->config.irq_ns);
	if (x->int3 && x->int3(m, site)) {
		x->counts.emulated++;
	} else {
		snprintf(where_, sizeof(where_), "%.60s, which now reads %0*" PRIx64, x->site[site].name,
			 2 * x->site[site].len, __builtin_bswap64(memory(m, x, site)) >> 8 * (8 - x->site[site].len));
		bu_crash(m, "Oops: int3", where_);
	}
	bu_ret(m);
	text_serialise(m, c);	/* IRET */
	c->irqs_off = irqs_off;
}

void bu_text_execute(struct bu_machine *m, int site)
{
	struct text *x = text_get(m, site, 0, 1, "text_execute");
	struct thread *t = cur(m);
	const struct bu_text_site *s;
	struct fetched *f;
	uint64_t insn;
	char where_[128];

	if (!x || !t)
		return;
	op(m);
	s = &x->site[site];
	f = fetched(&x->front[t->cpu], site);
	take(m, x, f, site, mask(0, s->len));
	insn = f->bytes;
	drop(&x->front[t->cpu]);
	x->counts.executed++;
	if (!((insn ^ s->before) & mask(0, s->before_len)) || !((insn ^ s->after) & mask(0, s->after_len)))
		return;
	if ((insn & 0xff) == BU_INT3) {
		exc_int3(m, site);
		return;
	}
	snprintf(where_, sizeof(where_), "%.60s, executed as %0*" PRIx64, s->name, 2 * s->len,
		 __builtin_bswap64(insn) >> 8 * (8 - s->len));
	bu_crash(m, "half-patched instruction", where_);
}

void bu_int3_handler(struct bu_machine *m, bu_int3_fn fn)
{
	if (text_get(m, 0, 0, 1, "int3_handler"))
		m->text->int3 = fn;
}

void bu_text_keeps(struct bu_machine *m, int cpu)
{
	struct text *x = text_get(m, 0, 0, 1, "text_keeps");

	if (!x || cpu < 0 || (uint32_t)cpu >= m->config.n_cpus || x->front[cpu].kept)
		return;
	x->front[cpu].kept = machine_alloc(m, x->n * sizeof(*x->front[cpu].kept));
	look_at_own(m, &m->cpu[cpu], x->front[cpu].kept, x->front[cpu].kept + x->n);
}

struct bu_text_counts bu_text_counts(const struct bu_machine *m)
{
	struct bu_text_counts c = { 0, 0, 0 };
	uint32_t i;

	if (!m->text)
		return c;
	c = m->text->counts;
	for (i = 0; i < m->text->n; i++)
		c.unpatched += (uint64_t)bu_word_peek(m->engine, m->text->bytes[i]) != m->text->site[i].after;
	return c;
}
