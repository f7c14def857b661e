// SPDX-License-Identifier: GPL-2.0-only
/*
 * witness.c - the report on a machine that stands still, as bu_hang_witness() of verdict.h gives it.
 *
 * Threads are told CPU by CPU, first what runs there. On a large machine most CPUs stand in the same place: those that
 * wait for the same, on the same call path, as one that was told are only counted, with their CPUs.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "replay/hang/hang_int.h"
#include "replay/hang/verdict.h"
#include "replay/machine/waits.h"
#include "schemas/base/hash.h"
#include "schemas/base/mem.h"
#include "schemas/base/ns.h"

/* A thread that does not get on. */
struct stuck {
	bu_thread thread;
	int cpu;
	bool on_cpu;
	uint64_t place;		/* hash of what it waits for and where */
	size_t like;		/* the first one of this place, itself included; index */
	bool holds;		/* a lock: told in full in any case */
};

struct witness {
	struct bu_machine *m;
	FILE *f;
	struct stuck *stuck;
	size_t n, cap;
	bool oom;
};

static uint64_t place_of(const struct bu_wait_info *w)
{
	uint64_t h = bu_hash_u64(BU_HASH_INIT, (uint64_t)w->kind << 32 | w->obj);
	uint32_t i;

	h = bu_hash_u64(h, (uintptr_t)(w->obj ? NULL : w->obj_name));
	for (i = 0; i < w->path_len; i++)
		h = bu_hash_u64(h, (uintptr_t)w->path[i]);
	return bu_hash_mix(h);
}

static bool collect(void *ctx, const struct bu_wait_info *w)
{
	struct witness *c = ctx;
	struct bu_held_info held;

	if (w->kind == BU_WAITS_PARKED || w->kind == BU_WAITS_NOT)
		return true;
	if (bu_grow(&c->stuck, c->n, &c->cap, sizeof(*c->stuck))) {
		c->oom = true;
		return false;
	}
	c->stuck[c->n++] = (struct stuck){ .thread = w->thread, .cpu = w->cpu, .on_cpu = w->on_cpu, .place = place_of(w),
					   .holds = bu_held_by(c->m, w->thread, &held, 1) };
	return true;
}

static int by_cpu(const void *a, const void *b)
{
	const struct stuck *x = a, *y = b;

	if (x->cpu != y->cpu)
		return x->cpu < y->cpu ? -1 : 1;
	if (x->on_cpu != y->on_cpu)
		return x->on_cpu ? -1 : 1;
	return (x->thread > y->thread) - (x->thread < y->thread);
}

static int by_place(const void *a, const void *b)
{
	const struct stuck *const *x = a, *const *y = b;

	if ((*x)->place != (*y)->place)
		return (*x)->place < (*y)->place ? -1 : 1;
	return (*x > *y) - (*x < *y);
}

/* Finds for each the first one that stands in the same place. */
static void group(struct witness *c)
{
	_cleanup_free_ struct stuck **s = calloc(c->n + 1, sizeof(struct stuck *));
	size_t i, first = 0;

	for (i = 0; i < c->n; i++)
		c->stuck[i].like = i;
	if (!s)
		return;		/* without memory all are told in full */
	for (i = 0; i < c->n; i++)
		s[i] = &c->stuck[i];
	qsort(s, c->n, sizeof(struct stuck *), by_place);
	for (i = 1; i < c->n; i++) {
		if (s[i]->place != s[first]->place)
			first = i;
		else if (!s[i]->holds)
			s[i]->like = (size_t)(s[first] - c->stuck);
	}
}

static void print_cpu(struct witness *c, int cpu)
{
	struct bu_cpu_state s;
	char b[BU_NS_STRLEN];

	if (!bu_cpu_state(c->m, cpu, &s)) {
		fprintf(c->f, "CPU %d is not running:\n", cpu);
		return;
	}
	fprintf(c->f, "CPU %d runs %s, preempt_count %d, interrupts %s", cpu, s.idle ? "its idle loop" : bu_thread_name(c->m, s.curr),
		s.preempt_count, s.in_nmi ? "off, in NMI" : s.in_irq ? "off, in interrupt" : s.irqs_off ? "off" : "on");
	if (s.irqs_off)
		fprintf(c->f, " since %s", bu_ns_str(s.irqs_off_since_ns, b));
	fprintf(c->f, "%s%s%s:\n", s.irqs_pending ? ", some pending" : "", s.no_physical ? ", without a physical CPU" : "",
		s.online ? "" : ", not online");
}

static void print_path(FILE *f, const char *const *path, uint32_t len)
{
	uint32_t i;

	for (i = len; i > 0; i--)	/* innermost first, as a back trace has it */
		fprintf(f, "%s%s", i == len ? "" : " <- ", path[i - 1]);
	if (!len)
		fputs("(no call path)", f);
}

static void print_stuck(struct witness *c, const struct stuck *s)
{
	struct bu_held_info held[8];
	struct bu_wait_info w;
	char b[BU_NS_STRLEN];
	uint32_t i, n;

	if (!bu_wait_of(c->m, s->thread, &w))
		return;
	fprintf(c->f, "  %s %s %s%s%s since %s\n", bu_thread_name(c->m, w.thread), w.on_cpu ? "spins for" : "waits for",
		bu_wait_kind_name(w.kind), *w.obj_name ? " " : "", w.obj_name, bu_ns_str(w.since_ns, b));
	fputs("    in ", c->f);
	print_path(c->f, w.path, w.path_len);
	fputc('\n', c->f);
	n = bu_held_by(c->m, w.thread, held, ARRAY_SIZE(held));
	for (i = 0; i < n; i++)
		fprintf(c->f, "    holds %s %s%s, taken in %s at %s\n", bu_obj_kind_name(held[i].kind), held[i].name,
			held[i].shared ? " (shared)" : "", held[i].where ? held[i].where : "?", bu_ns_str(held[i].since_ns, b));
}

/* "the same: 30 more, on CPUs 2-31" */
static void print_alike(struct witness *c, size_t first)
{
	struct cpu_text cpus = { .text = "" };
	size_t i, n = 0;

	for (i = first + 1; i < c->n; i++) {
		if (c->stuck[i].like != first)
			continue;
		n++;
		cpu_text_add(&cpus, c->stuck[i].cpu);
	}
	if (n)
		fprintf(c->f, "    and %zu more in the same place, on CPU %s\n", n, cpus.text);
}

static void print_threads(struct witness *c)
{
	int cpu = -1;
	size_t i;

	bu_waits_each(c->m, collect, c);
	if (c->n)
		qsort(c->stuck, c->n, sizeof(*c->stuck), by_cpu);
	group(c);
	for (i = 0; i < c->n; i++) {
		if (c->stuck[i].like != i)
			continue;
		if (c->stuck[i].cpu != cpu)
			print_cpu(c, cpu = c->stuck[i].cpu);
		print_stuck(c, &c->stuck[i]);
		print_alike(c, i);
	}
	free(c->stuck);
	if (c->oom)
		fputs("(not all threads: out of memory)\n", c->f);
}

char *bu_hang_witness(struct bu_machine *m, const struct bu_machine_result *result, const struct bu_hang_verdict *v)
{
	struct witness c = { .m = m };
	struct bu_wait_info w;
	char b[BU_NS_STRLEN], *text = NULL;
	size_t size = 0;
	uint32_t i;

	c.f = open_memstream(&text, &size);
	if (!c.f)
		return NULL;
	fprintf(c.f, "%s at %s: %s\n", bu_hang_class_names[v->class], bu_ns_str(result->now_ns, b), v->summary);
	if (v->class != BU_HANG_NONE)
		print_threads(&c);
	if (v->n_cycle) {
		fputs("The cycle:\n", c.f);
		for (i = 0; i < v->n_cycle; i++)
			if (bu_wait_of(m, v->cycle[i], &w))
				fprintf(c.f, "  %s -> %s %s -> %s\n", bu_thread_name(m, v->cycle[i]), bu_wait_kind_name(w.kind),
					w.obj_name, bu_thread_name(m, v->cycle[(i + 1) % v->n_cycle]));
	}
	if (v->watchdog != BU_WATCHDOG_NONE)
		fprintf(c.f, "The kernel's %s watchdog would speak at %s.\n", bu_watchdogs[v->watchdog].name,
			bu_ns_str(v->watchdog_at_ns, b));
	if (fclose(c.f)) {
		free(text);
		return NULL;
	}
	return text;
}
