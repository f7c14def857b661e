// SPDX-License-Identifier: GPL-2.0-only
/*
 * pgd_made_up.c - a page-table schedule from a few figures: CPUs that switch between address spaces at a steady rate, some of
 * which are replaced by new ones, while kernel space is allocated that needs new top-level entries. Every task touches all
 * memory that was handed out so far when it runs next: per-CPU data of a tracer, say.
 */
#include "replay/schedule/pgd_int.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "replay/schedule/figures.h"
#include "schemas/base/ns.h"
#include "schemas/base/hash.h"

enum made_up { CPUS, MMS, SWITCHES, GAP_NS, FORKS, ENTRIES, NMI, WINDOW, HOOK, SPIN, LEVELS, MADE_UP_NR };

static const struct bu_figure options[MADE_UP_NR] = {
	[CPUS] = { "cpus", 4, 1, 4096 },
	[MMS] = { "mms", 100, 1, 1000000 },
	[SWITCHES] = { "switches", 10000, 0, 100000000 },
	[GAP_NS] = { "gap_ns", 50 * BU_NS_PER_US, 1, BU_NS_PER_S },
	[FORKS] = { "forks", 0, 0, 10000000 },
	[ENTRIES] = { "entries", 8, 0, 4096 },
	[NMI] = { "nmi_permille", 0, 0, 1000 },
	[WINDOW] = { "window_permille", 0, 0, 1000 },
	[HOOK] = { "hook", 0, 0, 1 },
	[SPIN] = { "spin", 0, 0, 1 },
	[LEVELS] = { "levels", 4, 4, 5 },
};

const char bu_pgd_made_up_help[] =
	"cpus, mms (address spaces at a time), switches (in all), gap_ns (between two of one CPU), forks (address spaces that\n"
	"replace another, in all), entries (new top-level ones, an allocation each), nmi_permille (of touches that come in an\n"
	"NMI), window_permille (between the loading of CR3 and the next task), hook (1: the tracepoint of page faults touches the\n"
	"first entry's memory), spin (1: after half of the time the last CPU never schedules again), levels (of page tables: an entry maps\n"
	"512 GiB with 4 and 256 TiB with 5 of them)";

struct storm {
	struct bu_pgd_schedule s;
	int64_t v[MADE_UP_NR];
	struct bu_rng rng;
	size_t room;
	int32_t *live;		/* address spaces that there are */
	uint32_t *touched;	/* by address space: entries that it has touched, or inherited */
};

/* All figures, given or not. Return: 0; -ENOMEM. */
static int keep_figures(struct storm *t)
{
	char text[MADE_UP_NR * 40 + 2] = "";
	size_t i, len = 0;

	for (i = 0; i < MADE_UP_NR; i++)
		len += (size_t)snprintf(text + len, sizeof(text) - len, "%s\"%s\":%lld", i ? "," : "{", options[i].name, (long long)t->v[i]);
	snprintf(text + len, sizeof(text) - len, "}");
	t->s.figures = bu_arena_strdup(&t->s.arena, text);
	return t->s.figures ? 0 : -ENOMEM;
}

static bool permille(struct storm *t, enum made_up which)
{
	return t->v[which] && bu_rng_below(&t->rng, 1000) < (uint64_t)t->v[which];
}

static struct bu_pgd_event *add(struct storm *t, enum bu_pgd_what what, int64_t ns, int32_t cpu)
{
	struct bu_pgd_event *e = &t->s.events[t->s.n_events++];

	*e = (struct bu_pgd_event){ .ns = ns, .cpu = cpu, .mm = BU_PGD_NONE, .other = BU_PGD_NONE, .task = BU_PGD_NONE,
				    .slot = BU_PGD_NONE, .what = (uint8_t)what, .synthetic = true };
	return e;
}

static int allocate(struct storm *t)
{
	const int64_t *v = t->v;
	const size_t mms = (size_t)(v[MMS] + v[FORKS]);
	struct bu_pgd_schedule *s = &t->s;
	size_t i;
	char name[32];

	t->room = (size_t)(v[SWITCHES] + 2 * v[FORKS] + v[ENTRIES] + 2) + mms * (size_t)v[ENTRIES];
	s->events = bu_arena_alloc(&s->arena, t->room * sizeof(*s->events));
	s->mms = bu_arena_alloc(&s->arena, mms * sizeof(*s->mms));
	s->tasks = bu_arena_alloc(&s->arena, mms * sizeof(*s->tasks));
	s->slots = bu_arena_alloc(&s->arena, ((size_t)v[ENTRIES] + 1) * sizeof(*s->slots));
	s->loaded = bu_arena_alloc(&s->arena, (size_t)v[CPUS] * sizeof(*s->loaded));
	s->running = bu_arena_alloc(&s->arena, (size_t)v[CPUS] * sizeof(*s->running));
	t->live = bu_arena_alloc(&s->arena, (size_t)v[MMS] * sizeof(*t->live));
	t->touched = bu_arena_alloc(&s->arena, mms * sizeof(*t->touched));
	if (!s->events || !s->mms || !s->tasks || !s->slots || !s->loaded || !s->running || !t->live || !t->touched)
		return -ENOMEM;
	for (i = 0; i < mms; i++) {
		s->mms[i] = (struct bu_pgd_mm){ .comm = "task", .parent = BU_PGD_NONE, .at_start = i < (size_t)v[MMS] };
		s->tasks[i] = (struct bu_pgd_task){ .comm = "task", .mm = (int32_t)i, .stack_slot = BU_PGD_NONE };
	}
	for (i = 0; i < (size_t)v[MMS]; i++)
		t->live[i] = (int32_t)i;
	for (i = 0; i < (size_t)v[CPUS]; i++)
		s->loaded[i] = s->running[i] = (int32_t)(i % (size_t)v[MMS]);
	for (i = 0; i < (size_t)v[ENTRIES]; i++) {
		snprintf(name, sizeof(name), "entry %zu", i);
		s->slots[i] = (struct bu_pgd_slot){ .name = bu_arena_strdup(&s->arena, name), .synthetic = true };
		if (!s->slots[i].name)
			return -ENOMEM;
	}
	s->cpus = (int32_t)v[CPUS];
	s->n_mms = s->n_tasks = (int32_t)v[MMS];
	s->n_slots = (int32_t)v[ENTRIES];
	s->slot_shift = v[LEVELS] == 5 ? 48 : 39;
	return 0;
}

/* A new address space in the place of another. */
static void replace(struct storm *t, int64_t ns, int32_t cpu, uint32_t entries)
{
	int32_t *place = &t->live[bu_rng_below(&t->rng, (uint64_t)t->v[MMS])];
	struct bu_pgd_event *e;

	e = add(t, BU_PGD_FORK, ns, cpu);
	e->mm = t->s.n_mms++;
	e->other = *place;
	t->s.n_tasks++;
	t->touched[e->mm] = entries;
	add(t, BU_PGD_EXIT, ns, cpu)->mm = *place;
	*place = t->s.n_mms - 1;
}

static void switch_and_touch(struct storm *t, int64_t ns, int32_t cpu, uint32_t entries)
{
	const int32_t mm = t->live[bu_rng_below(&t->rng, (uint64_t)t->v[MMS])];
	struct bu_pgd_event *e;

	/* A touch within the loading of CR3 stands before its switch. */
	for (; t->touched[mm] < entries && permille(t, WINDOW); t->touched[mm]++) {
		e = add(t, BU_PGD_TOUCH, ns, cpu);
		e->slot = (int32_t)t->touched[mm];
		e->window = BU_PGD_AFTER_CR3;
		e->context = BU_PGD_IRQ;
	}
	e = add(t, BU_PGD_SWITCH, ns, cpu);
	e->mm = e->task = mm;
	e->other = t->s.running[cpu];
	t->s.running[cpu] = mm;
	for (; t->touched[mm] < entries; t->touched[mm]++) {
		e = add(t, BU_PGD_TOUCH, ns, cpu);
		e->slot = (int32_t)t->touched[mm];
		e->context = permille(t, NMI) ? BU_PGD_NMI : BU_PGD_TASK;
	}
}

/* Whether the @i-th of @n steps has one of @k things that are spread over them evenly. */
static bool due(int64_t i, int64_t n, int64_t k)
{
	return n && (i + 1) * k / n > i * k / n;
}

static void storm(struct storm *t)
{
	const int64_t *v = t->v;
	uint32_t entries = 0;
	int64_t i;

	for (i = 0; i < v[SWITCHES]; i++) {
		const int64_t ns = i / v[CPUS] * v[GAP_NS] + i % v[CPUS] * v[GAP_NS] / v[CPUS];
		const int32_t cpu = (int32_t)(i % v[CPUS]);
		const bool spins = v[SPIN] && i >= v[SWITCHES] / 2 && cpu == v[CPUS] - 1;

		if (due(i, v[SWITCHES], v[ENTRIES])) {
			struct bu_pgd_event *e = add(t, BU_PGD_ALLOC, ns, cpu);

			e->slot = (int32_t)entries;
			e->new_entry = true;
			if (!entries++ && v[HOOK])
				add(t, BU_PGD_HOOK, ns, cpu)->slot = 0;
		}
		if (due(i, v[SWITCHES], v[FORKS]))
			replace(t, ns, cpu, entries);
		if (spins && i - v[SWITCHES] / 2 < v[CPUS])
			add(t, BU_PGD_SPIN, ns, cpu);
		if (!spins)
			switch_and_touch(t, ns, cpu, entries);
	}
}

int bu_pgd_made_up(const char *text, struct bu_pgd_schedule *ret, struct bu_err *err)
{
	struct storm t = { .s = { .capture_name = "made up", .capture_sha256 = "", .kernel_release = "made up", .arch = "x86_64",
				  .synthetic = true } };
	size_t i;
	int rc;

	for (i = 0; i < MADE_UP_NR; i++)
		t.v[i] = options[i].def;
	rc = bu_figures_parse(options, MADE_UP_NR, text, bu_pgd_made_up_help, t.v, NULL, err);
	if (rc)
		return rc;
	if (t.v[FORKS] > t.v[SWITCHES] || t.v[ENTRIES] > t.v[SWITCHES])
		return bu_fail(err, -EINVAL, "there are no more forks and no more entries than switches");
	bu_rng_init(&t.rng, 1, 0);
	rc = allocate(&t);
	if (!rc)
		rc = keep_figures(&t);
	if (rc) {
		bu_pgd_schedule_fini(&t.s);
		return bu_fail_errno(err, rc, "schedule of %lld switches", (long long)t.v[SWITCHES]);
	}
	storm(&t);
	for (i = 0; i < (size_t)t.s.cpus; i++)
		t.s.running[i] = t.s.loaded[i];
	pgd_count(&t.s);
	*ret = t.s;
	return 0;
}
