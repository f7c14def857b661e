// SPDX-License-Identifier: GPL-2.0-only
/*
 * pgd_events.c - a page-table schedule from events that were written down one by one: a fixed order of a few events that
 * shows one interleaving. bu_pgd_schedule_help says how they are written.
 */
#include "replay/schedule/pgd_int.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "schemas/base/ns.h"

enum { MAX_WORDS = 12, MAX_CPUS = 4096 };

const char bu_pgd_schedule_help[] =
	"  cpus 2                    before anything else; a '#' begins a comment\n"
	"  mm X [cpu 0]              an address space that is there from the start, loaded on that CPU\n"
	"  slot E [old]              a top-level entry that nobody has yet; old: that everybody has\n"
	"  task T X [stack E]        a task that runs in X, -: a kernel thread; its stack lies behind E. One of each address\n"
	"                            space, called like it, is there anyway\n"
	"  at 10us cpu 0 fork X Y    X makes Y; or exec X Y, and later activate Y\n"
	"  at 10us cpu 0 exit Y\n"
	"  at 10us cpu 1 switch T    to a task, -: to idle\n"
	"  at 10us cpu 0 alloc E[,F...] percpu|vmap|stack|module|vmemmap [atomic]    and later free E; F: a mapping behind both\n"
	"  at 10us cpu 1 touch E task|softirq|irq|nmi|stack|trace|lazy-mmu|syscall [after-cr3|before-cr3]\n"
	"  at 10us cpu 1 fault user|kernel-user\n"
	"  at 10us cpu 1 hook E      the tracepoint of page faults has a handler that touches E; -: no more\n"
	"  at 10us cpu 1 spin [10ms] the CPU does not schedule for that long, or never again";

static const char *const uses[BU_PGD_USE_NR] = {
	[BU_PGD_PERCPU] = "percpu", [BU_PGD_VMAP] = "vmap", [BU_PGD_STACK] = "stack", [BU_PGD_MODULE] = "module",
	[BU_PGD_VMEMMAP] = "vmemmap",
};

static const char *const contexts[BU_PGD_CONTEXT_NR] = {
	[BU_PGD_TASK] = "task", [BU_PGD_SOFTIRQ] = "softirq", [BU_PGD_IRQ] = "irq", [BU_PGD_NMI] = "nmi",
	[BU_PGD_ON_STACK] = "stack", [BU_PGD_TRACE] = "trace", [BU_PGD_LAZY_MMU] = "lazy-mmu", [BU_PGD_SYSCALL] = "syscall",
};

static const char *const windows[] = { [BU_PGD_ANY] = "any", [BU_PGD_AFTER_CR3] = "after-cr3", [BU_PGD_BEFORE_CR3] = "before-cr3" };

static const char *const whats[BU_PGD_WHAT_NR] = {
	[BU_PGD_FORK] = "fork", [BU_PGD_EXEC] = "exec", [BU_PGD_ACTIVATE] = "activate", [BU_PGD_EXIT] = "exit",
	[BU_PGD_SWITCH] = "switch", [BU_PGD_ALLOC] = "alloc", [BU_PGD_FREE] = "free", [BU_PGD_TOUCH] = "touch",
	[BU_PGD_FAULT] = "fault", [BU_PGD_HOOK] = "hook", [BU_PGD_SPIN] = "spin",
};

struct reader {
	struct bu_pgd_schedule *s;
	struct bu_err *err;
	int line;
	char *word[MAX_WORDS];
	int n_words, at;	/* of the line; the next to be read */
	char *more_slots;	/* of an allocation, behind its first one: names with commas; NULL: none */
	/* They grow here; those of the schedule are in its arena. */
	struct bu_pgd_event *events;
	struct bu_pgd_mm *mms;
	struct bu_pgd_task *tasks;
	struct bu_pgd_slot *slots;
	size_t cap_events, cap_mms, cap_tasks, cap_slots;
};

__attribute__((format(printf, 2, 3))) static int wrong(struct reader *r, const char *fmt, ...)
{
	char what[160];
	va_list ap;

	va_start(ap, fmt);
	vsnprintf(what, sizeof(what), fmt, ap);
	va_end(ap);
	return bu_fail(r->err, -EINVAL, "line %d: %s; events are written like this:\n%s", r->line, what, bu_pgd_schedule_help);
}

static int oom(struct reader *r)
{
	return bu_fail_errno(r->err, -ENOMEM, "events in line %d", r->line);
}

/* The next word of the line; NULL: there is none. */
static const char *next(struct reader *r)
{
	return r->at < r->n_words ? r->word[r->at++] : NULL;
}

/* Whether the next word is this one, which is then read. */
static bool next_is(struct reader *r, const char *word)
{
	if (r->at == r->n_words || strcmp(r->word[r->at], word))
		return false;
	r->at++;
	return true;
}

static int find_word(const char *const *list, int n, const char *word)
{
	while (n-- > 0)
		if (list[n] && word && !strcmp(list[n], word))
			return n;
	return -1;
}

static int find_mm(const struct reader *r, const char *name)
{
	int i;

	for (i = 0; i < r->s->n_mms; i++)
		if (name && !strcmp(r->mms[i].comm, name))
			return i;
	return BU_PGD_NONE;
}

static int find_task(const struct reader *r, const char *name)
{
	int i;

	for (i = 0; i < r->s->n_tasks; i++)
		if (name && !strcmp(r->tasks[i].comm, name))
			return i;
	return BU_PGD_NONE;
}

static int find_slot(const struct reader *r, const char *name)
{
	int i;

	for (i = 0; i < r->s->n_slots; i++)
		if (name && !strcmp(r->slots[i].name, name))
			return i;
	return BU_PGD_NONE;
}

static int read_mm(struct reader *r, const char *what, int32_t *ret)
{
	const char *name = next(r);

	*ret = find_mm(r, name);
	return *ret == BU_PGD_NONE ? wrong(r, "%s wants an address space, and '%s' is none so far", what, name ? name : "") : 0;
}

static int read_slot(struct reader *r, const char *what, int32_t *ret)
{
	const char *name = next(r);

	*ret = find_slot(r, name);
	return *ret == BU_PGD_NONE ? wrong(r, "%s wants a slot, and '%s' is none so far", what, name ? name : "") : 0;
}

static int read_cpu(struct reader *r, int32_t *ret)
{
	const char *word = next(r);
	char *end = NULL;
	const long cpu = word ? strtol(word, &end, 10) : -1;

	if (!word || *end || cpu < 0 || cpu >= r->s->cpus)
		return wrong(r, "there is no CPU '%s'; 'cpus N' says how many there are", word ? word : "");
	*ret = (int32_t)cpu;
	return 0;
}

static int add_task(struct reader *r, const char *name, int32_t mm, int32_t stack)
{
	if (bu_grow(&r->tasks, (size_t)r->s->n_tasks, &r->cap_tasks, sizeof(*r->tasks)))
		return oom(r);
	r->tasks[r->s->n_tasks++] = (struct bu_pgd_task){ .comm = name, .mm = mm, .stack_slot = stack };
	return 0;
}

/* An address space, and the task that is called like it. */
static int add_mm(struct reader *r, int32_t parent, bool at_start)
{
	const char *word = next(r);
	char *name = word ? bu_arena_strdup(&r->s->arena, word) : NULL;

	if (!word || find_mm(r, word) != BU_PGD_NONE || find_task(r, word) != BU_PGD_NONE)
		return wrong(r, "'%s' is no name for a new address space", word ? word : "");
	if (!name || bu_grow(&r->mms, (size_t)r->s->n_mms, &r->cap_mms, sizeof(*r->mms)))
		return oom(r);
	r->mms[r->s->n_mms++] = (struct bu_pgd_mm){ .comm = name, .parent = parent, .at_start = at_start };
	return add_task(r, name, r->s->n_mms - 1, BU_PGD_NONE);
}

/* ---------------------------------------------------------------------------------------------------- declarations */

static int cpus_line(struct reader *r)
{
	struct bu_pgd_schedule *s = r->s;
	const char *word = next(r);
	char *end = NULL;
	const long n = word ? strtol(word, &end, 10) : 0;
	int32_t i;

	if (!word || *end || n < 1 || n > MAX_CPUS || s->cpus)
		return wrong(r, "'cpus' comes once, with a number from 1 to %d", MAX_CPUS);
	s->loaded = bu_arena_alloc(&s->arena, (size_t)n * sizeof(*s->loaded));
	s->running = bu_arena_alloc(&s->arena, (size_t)n * sizeof(*s->running));
	if (!s->loaded || !s->running)
		return oom(r);
	s->cpus = (int32_t)n;
	for (i = 0; i < s->cpus; i++)
		s->loaded[i] = s->running[i] = BU_PGD_NONE;
	return 0;
}

static int mm_line(struct reader *r)
{
	int32_t cpu = 0;
	int rc = add_mm(r, BU_PGD_NONE, true);

	if (rc || !next_is(r, "cpu"))
		return rc;
	rc = read_cpu(r, &cpu);
	if (rc)
		return rc;
	r->s->loaded[cpu] = r->s->n_mms - 1;
	r->s->running[cpu] = r->s->n_tasks - 1;
	return 0;
}

static int slot_line(struct reader *r)
{
	const char *word = next(r);
	char *name = word ? bu_arena_strdup(&r->s->arena, word) : NULL;

	if (!word || find_slot(r, word) != BU_PGD_NONE)
		return wrong(r, "'%s' is no name for a new slot", word ? word : "");
	if (!name || bu_grow(&r->slots, (size_t)r->s->n_slots, &r->cap_slots, sizeof(*r->slots)))
		return oom(r);
	r->slots[r->s->n_slots++] = (struct bu_pgd_slot){ .name = name, .at_start = next_is(r, "old") };
	return 0;
}

static int task_line(struct reader *r)
{
	const char *word = next(r);
	char *name = word ? bu_arena_strdup(&r->s->arena, word) : NULL;
	int32_t mm = BU_PGD_NONE, stack = BU_PGD_NONE;
	int rc = 0;

	if (!word || find_task(r, word) != BU_PGD_NONE)
		return wrong(r, "'%s' is no name for a new task", word ? word : "");
	if (!next_is(r, "-"))
		rc = read_mm(r, "task", &mm);
	if (!rc && next_is(r, "stack"))
		rc = read_slot(r, "stack", &stack);
	if (rc)
		return rc;
	return name ? add_task(r, name, mm, stack) : oom(r);
}

/* ---------------------------------------------------------------------------------------------------------- events */

static int touch_words(struct reader *r, struct bu_pgd_event *e)
{
	int k, rc = read_slot(r, "touch", &e->slot);

	if (rc)
		return rc;
	k = find_word(contexts, BU_PGD_CONTEXT_NR, next(r));
	if (k < 0)
		return wrong(r, "touch wants a context");
	e->context = (uint8_t)k;
	if (r->at == r->n_words)
		return 0;
	k = find_word(windows, (int)ARRAY_SIZE(windows), next(r));
	if (k < 0)
		return wrong(r, "a touch is after-cr3 or before-cr3");
	e->window = (uint8_t)k;
	return 0;
}

static int event_words(struct reader *r, struct bu_pgd_event *e)
{
	int k, rc = 0;

	switch ((enum bu_pgd_what)e->what) {
	case BU_PGD_FORK:
	case BU_PGD_EXEC:
		rc = read_mm(r, "its maker", &e->other);
		if (!rc)
			rc = add_mm(r, e->other, false);
		e->mm = r->s->n_mms - 1;
		return rc;
	case BU_PGD_ACTIVATE:
	case BU_PGD_EXIT:
		return read_mm(r, whats[e->what], &e->mm);
	case BU_PGD_SWITCH:
		if (next_is(r, "-"))
			return 0;
		e->task = find_task(r, next(r));
		if (e->task == BU_PGD_NONE)
			return wrong(r, "switch wants a task that there is");
		e->mm = r->tasks[e->task].mm;
		return 0;
	case BU_PGD_ALLOC:
		if (r->at < r->n_words && (r->more_slots = strchr(r->word[r->at], ',')))
			*r->more_slots++ = '\0';
		rc = read_slot(r, "alloc", &e->slot);
		k = rc ? 0 : find_word(uses, BU_PGD_USE_NR, next(r));
		if (k < 0)
			return wrong(r, "alloc wants a use");
		e->use = (uint8_t)k;
		e->atomic = next_is(r, "atomic");
		return rc;
	case BU_PGD_FREE:
		return read_slot(r, "free", &e->slot);
	case BU_PGD_TOUCH:
		return touch_words(r, e);
	case BU_PGD_FAULT:
		e->fault = next_is(r, "user") ? BU_PGD_FAULT_USER : BU_PGD_FAULT_KERNEL_USER;
		return e->fault == BU_PGD_FAULT_USER || next_is(r, "kernel-user") ? 0 : wrong(r, "a fault is user or kernel-user");
	case BU_PGD_HOOK:
		return next_is(r, "-") ? 0 : read_slot(r, "hook", &e->slot);
	case BU_PGD_SPIN:
		if (r->at < r->n_words && bu_ns_parse(next(r), &e->n))
			return wrong(r, "spin wants a time like 10ms, or nothing");
		return 0;
	default:
		return wrong(r, "there is no such event");
	}
}

static int add_event(struct reader *r, const struct bu_pgd_event *e)
{
	if (bu_grow(&r->events, r->s->n_events, &r->cap_events, sizeof(*r->events)))
		return oom(r);
	r->events[r->s->n_events++] = *e;
	return 0;
}

/* The same mapping behind further entries. */
static int add_more_slots(struct reader *r, struct bu_pgd_event *e)
{
	char *save = NULL, *name;
	int rc = 0;

	e->same_mapping = true;
	for (name = strtok_r(r->more_slots, ",", &save); name && !rc; name = strtok_r(NULL, ",", &save)) {
		e->slot = find_slot(r, name);
		rc = e->slot == BU_PGD_NONE ? wrong(r, "alloc wants slots, and '%s' is none so far", name) : add_event(r, e);
	}
	return rc;
}

static int event_line(struct reader *r)
{
	struct bu_pgd_event e = { .mm = BU_PGD_NONE, .other = BU_PGD_NONE, .task = BU_PGD_NONE, .slot = BU_PGD_NONE };
	const char *at = next(r);
	int rc, what;

	if (!at || bu_ns_parse(at, &e.ns) || e.ns < 0)
		return wrong(r, "'at' wants a time like 10us");
	if (!next_is(r, "cpu"))
		return wrong(r, "behind the time comes 'cpu N'");
	rc = read_cpu(r, &e.cpu);
	if (rc)
		return rc;
	what = find_word(whats, BU_PGD_WHAT_NR, next(r));
	if (what < 0)
		return wrong(r, "there is no such event");
	e.what = (uint8_t)what;
	r->more_slots = NULL;
	rc = event_words(r, &e);
	if (!rc)
		rc = add_event(r, &e);
	if (!rc && r->more_slots)
		rc = add_more_slots(r, &e);
	return rc;
}

static int read_line(struct reader *r, char *line)
{
	char *save = NULL, *word;
	int rc;

	line[strcspn(line, "#")] = '\0';
	r->n_words = r->at = 0;
	for (word = strtok_r(line, " \t\r", &save); word; word = strtok_r(NULL, " \t\r", &save)) {
		if (r->n_words == MAX_WORDS)
			return wrong(r, "that are too many words");
		r->word[r->n_words++] = word;
	}
	if (!r->n_words)
		return 0;
	if (next_is(r, "cpus"))
		rc = cpus_line(r);
	else if (!r->s->cpus)
		return wrong(r, "'cpus N' comes before anything else");
	else if (next_is(r, "mm"))
		rc = mm_line(r);
	else if (next_is(r, "slot"))
		rc = slot_line(r);
	else if (next_is(r, "task"))
		rc = task_line(r);
	else if (next_is(r, "at"))
		rc = event_line(r);
	else
		return wrong(r, "'%.40s' begins no line", r->word[0]);
	return !rc && r->at < r->n_words ? wrong(r, "'%.40s' is a word too many", r->word[r->at]) : rc;
}

/* ------------------------------------------------------------------------------------------------------------- whole */

static void *moved(struct bu_arena *arena, const void *from, size_t bytes)
{
	void *to = bu_arena_alloc(arena, bytes + 1);

	return to && bytes ? memcpy(to, from, bytes) : to;
}

int pgd_sort(struct bu_pgd_event *events, size_t n)
{
	struct bu_pgd_event *const room = malloc((n + 1) * sizeof(*room)), *from = events, *to = room;
	size_t run, lo, i, k, out;

	if (!room)
		return -ENOMEM;
	for (run = 1; run < n; run *= 2) {	/* merge sort, from the bottom up */
		for (lo = out = 0; lo < n; lo += 2 * run) {
			const size_t mid = lo + run < n ? lo + run : n, hi = mid + run < n ? mid + run : n;

			for (i = lo, k = mid; i < mid || k < hi;)
				to[out++] = k == hi || (i < mid && from[i].ns <= from[k].ns) ? from[i++] : from[k++];
		}
		from = to;
		to = from == room ? events : room;
	}
	if (from == room && n)
		memcpy(events, room, n * sizeof(*events));
	free(room);
	return 0;
}

/* What follows from the order: the task before each switch, which allocation makes an entry. */
static void derive(struct bu_pgd_schedule *s, int32_t *running, bool *there)
{
	size_t i;
	int32_t k;

	memcpy(running, s->running, (size_t)s->cpus * sizeof(*running));
	for (k = 0; k < s->n_slots; k++)
		there[k] = s->slots[k].at_start;
	for (i = 0; i < s->n_events; i++) {
		struct bu_pgd_event *e = &s->events[i];

		if (e->what == BU_PGD_SWITCH) {
			e->other = running[e->cpu];
			running[e->cpu] = e->task;
		} else if (e->what == BU_PGD_ALLOC) {
			e->new_entry = !there[e->slot];
			there[e->slot] = true;
		} else if (e->what == BU_PGD_FREE) {
			there[e->slot] = false;
		}
	}
}

static int finish(struct reader *r)
{
	struct bu_pgd_schedule *s = r->s;
	int32_t *running = bu_arena_alloc(&s->arena, ((size_t)s->cpus + 1) * sizeof(*running));
	bool *there = bu_arena_alloc(&s->arena, (size_t)s->n_slots + 1);

	if (!s->cpus)
		return wrong(r, "there is no 'cpus N'");
	s->events = moved(&s->arena, r->events, s->n_events * sizeof(*s->events));
	s->mms = moved(&s->arena, r->mms, (size_t)s->n_mms * sizeof(*s->mms));
	s->tasks = moved(&s->arena, r->tasks, (size_t)s->n_tasks * sizeof(*s->tasks));
	s->slots = moved(&s->arena, r->slots, (size_t)s->n_slots * sizeof(*s->slots));
	if (!running || !there || !s->events || !s->mms || !s->tasks || !s->slots)
		return oom(r);
	if (pgd_sort(s->events, s->n_events))
		return oom(r);
	derive(s, running, there);
	pgd_count(s);
	return 0;
}

int bu_pgd_schedule_read(const char *text, struct bu_pgd_schedule *ret, struct bu_err *err)
{
	struct bu_pgd_schedule s = { .capture_name = "made up", .capture_sha256 = "", .kernel_release = "made up", .arch = "x86_64",
				     .slot_shift = 39 };
	struct reader r = { .s = &s, .err = err };
	char *copy = strdup(text), *line = copy, *end;
	int rc = copy ? 0 : bu_fail_errno(err, -ENOMEM, "events");

	for (; !rc && line; line = end) {
		end = strchr(line, '\n');
		if (end)
			*end++ = '\0';
		r.line++;
		rc = read_line(&r, line);
	}
	if (!rc)
		rc = finish(&r);
	free(copy);
	free(r.events);
	free(r.mms);
	free(r.tasks);
	free(r.slots);
	if (rc)
		bu_pgd_schedule_fini(&s);
	else
		*ret = s;
	return rc;
}

void pgd_count(struct bu_pgd_schedule *s)
{
	struct bu_pgd_counts *c = &s->counts;
	int64_t now = 0;
	size_t i;
	int32_t k;

	for (k = 0; k < s->n_mms; k++)
		c->mms_at_start += s->mms[k].at_start;
	now = c->mms_most = c->mms_at_start;
	for (i = 0; i < s->n_events; i++) {
		const struct bu_pgd_event *e = &s->events[i];

		c->what[e->what]++;
		now += (e->what == BU_PGD_FORK || e->what == BU_PGD_EXEC) - (e->what == BU_PGD_EXIT);
		c->mms_most = now > c->mms_most ? now : c->mms_most;
		c->mm_switches += e->what == BU_PGD_SWITCH && e->mm != BU_PGD_NONE;
		if (e->what == BU_PGD_ALLOC) {
			c->mappings += !e->same_mapping;
			c->uses[e->use] += !e->same_mapping;
			c->new_entries += e->new_entry;
			c->synthetic_entries += e->new_entry && e->synthetic;
		} else if (e->what == BU_PGD_FAULT) {
			c->faults[e->fault]++;
			c->faults_in[e->context]++;
			c->nested += e->nesting > 0;
			c->lazy += e->lazy;
		} else if (e->what == BU_PGD_SYNC) {
			c->walked = bu_ns_add(c->walked, e->n);
		}
		s->end_ns = e->ns;
	}
}

void bu_pgd_schedule_fini(struct bu_pgd_schedule *s)
{
	bu_arena_fini(&s->arena);
	*s = (struct bu_pgd_schedule){ 0 };
}
