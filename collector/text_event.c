// SPDX-License-Identifier: GPL-2.0-only
/* text_event.c - see text_event.h. */
#include "collector/text_event.h"

#include <stdlib.h>
#include <string.h>

#include "schemas/base/mem.h"
#include "schemas/base/ns.h"

/* enum trace_flag_type of include/linux/trace_events.h (6.1, 6.12); 0x02 became the lazy one with 6.13. */
#define FLAG_IRQS_OFF 0x01
#define FLAG_LAZY 0x02
#define FLAG_RESCHED 0x04
#define FLAG_HARDIRQ 0x08
#define FLAG_SOFTIRQ 0x10
#define FLAG_PREEMPT_RESCHED 0x20
#define FLAG_NMI 0x40
#define FLAG_BH_OFF 0x80

static size_t blanks(struct bu_slice s)
{
	size_t n = 0;

	while (n < s.n && s.p[n] == ' ')
		n++;
	return n;
}

/* ---- flags -------------------------------------------------------------------------------------------------- */

static const struct {
	enum bu_flag_role role;
	char c;
	uint32_t bits;
} letters[] = {
	{ BU_FLAG_IRQS, '.', 0 }, { BU_FLAG_IRQS, 'd', FLAG_IRQS_OFF }, { BU_FLAG_IRQS, 'b', FLAG_BH_OFF },
	{ BU_FLAG_IRQS, 'D', FLAG_IRQS_OFF | FLAG_BH_OFF }, { BU_FLAG_IRQS, 'X', FLAG_LAZY },
	{ BU_FLAG_RESCHED, '.', 0 }, { BU_FLAG_RESCHED, 'N', FLAG_RESCHED | FLAG_PREEMPT_RESCHED },
	{ BU_FLAG_RESCHED, 'n', FLAG_RESCHED }, { BU_FLAG_RESCHED, 'p', FLAG_PREEMPT_RESCHED },
	{ BU_FLAG_RESCHED, 'B', FLAG_RESCHED | FLAG_PREEMPT_RESCHED | FLAG_LAZY },
	{ BU_FLAG_RESCHED, 'b', FLAG_RESCHED | FLAG_LAZY }, { BU_FLAG_RESCHED, 'l', FLAG_LAZY },
	{ BU_FLAG_RESCHED, 'L', FLAG_PREEMPT_RESCHED | FLAG_LAZY },
	{ BU_FLAG_LAZY, '.', 0 }, { BU_FLAG_LAZY, 'L', FLAG_LAZY }, { BU_FLAG_LAZY, 'l', FLAG_LAZY },
	{ BU_FLAG_LAZY, 'N', FLAG_LAZY }, { BU_FLAG_LAZY, 'n', FLAG_LAZY },
	{ BU_FLAG_CONTEXT, '.', 0 }, { BU_FLAG_CONTEXT, 'h', FLAG_HARDIRQ }, { BU_FLAG_CONTEXT, 's', FLAG_SOFTIRQ },
	{ BU_FLAG_CONTEXT, 'H', FLAG_HARDIRQ | FLAG_SOFTIRQ }, { BU_FLAG_CONTEXT, 'z', FLAG_NMI },
	{ BU_FLAG_CONTEXT, 'Z', FLAG_NMI | FLAG_HARDIRQ },
};

/* A count of which four bits are shown as a digit, '.' for zero. */
static bool count_of(char c, uint32_t *ret)
{
	if (c == '.')
		*ret = 0;
	else if (c >= '0' && c <= '9')
		*ret = (uint32_t)(c - '0');
	else if (c >= 'a' && c <= 'f')
		*ret = (uint32_t)(c - 'a') + 10;
	else
		return false;
	return true;
}

static bool flag_of(enum bu_flag_role role, char c, uint32_t *ctx)
{
	uint32_t count;
	size_t i;

	switch (role) {
	case BU_FLAG_PREEMPT:
	case BU_FLAG_MIGRATE:
		if (!count_of(c, &count))
			return false;
		*ctx |= count << (role == BU_FLAG_PREEMPT ? 8 : 12);
		return true;
	case BU_FLAG_PREEMPT_LAZY:
		return count_of(c, &count);
	case BU_FLAG_OTHER:
		return c > ' ' && c <= '~';
	default:
		for (i = 0; i < ARRAY_SIZE(letters); i++)
			if (letters[i].role == role && letters[i].c == c) {
				*ctx |= letters[i].bits;
				return true;
			}
		return false;
	}
}

/* By number: 4 of 5.10, 5 of 5.16 and later, 7 of kernels with the RT patches (6.1-rt). */
static const struct bu_flag_layout *usual_layout(size_t n)
{
	static const struct bu_flag_layout usual[] = {
		{ { BU_FLAG_IRQS, BU_FLAG_RESCHED, BU_FLAG_CONTEXT, BU_FLAG_PREEMPT }, 4 },
		{ { BU_FLAG_IRQS, BU_FLAG_RESCHED, BU_FLAG_CONTEXT, BU_FLAG_PREEMPT, BU_FLAG_MIGRATE }, 5 },
		{ { BU_FLAG_IRQS, BU_FLAG_RESCHED, BU_FLAG_LAZY, BU_FLAG_CONTEXT, BU_FLAG_PREEMPT,
		    BU_FLAG_PREEMPT_LAZY, BU_FLAG_MIGRATE }, 7 },
	};
	size_t i;

	for (i = 0; i < ARRAY_SIZE(usual); i++)
		if (usual[i].n == n)
			return &usual[i];
	return NULL;
}

static bool flags_parse(struct bu_slice word, const struct bu_flag_layout *layout, uint32_t *ret)
{
	uint32_t ctx = 0;
	size_t i;

	if (layout->n != word.n)
		layout = usual_layout(word.n);
	if (!layout)
		return false;
	for (i = 0; i < word.n; i++)
		if (!flag_of(layout->role[i], word.p[i], &ctx))
			return false;
	*ret = ctx;
	return true;
}

void bu_flag_layout_head(struct bu_flag_layout *layout, struct bu_slice line)
{
	static const struct {
		const char *word;
		enum bu_flag_role role;
	} names[] = {
		{ "irqs-off", BU_FLAG_IRQS }, { "need-resched-lazy", BU_FLAG_LAZY }, { "need-resched", BU_FLAG_RESCHED },
		{ "hardirq", BU_FLAG_CONTEXT }, { "preempt-lazy-depth", BU_FLAG_PREEMPT_LAZY },
		{ "preempt-depth", BU_FLAG_PREEMPT }, { "migrate-disable", BU_FLAG_MIGRATE },
	};
	int64_t at = bu_slice_find(line, "-=> ");
	struct bu_slice name;
	size_t i;

	if (at < 0 || layout->n == BU_TEXT_MAX_FLAGS)
		return;
	name = bu_slice_skip(line, (size_t)at + 4);
	layout->role[layout->n] = BU_FLAG_OTHER;
	for (i = 0; i < ARRAY_SIZE(names); i++)
		if (bu_slice_starts(name, names[i].word)) {
			layout->role[layout->n] = names[i].role;
			break;
		}
	layout->n++;
}

/* ---- stamps -------------------------------------------------------------------------------------------------- */

/* "12.345678", "2570us!", "20509093741"; stops behind it. */
static bool stamp_parse(struct bu_slice *s, struct bu_text_event *ev)
{
	struct bu_slice t = *s, rest;
	uint64_t v, part;

	if (!bu_slice_number(&t, 10, &v))
		return false;
	ev->form = BU_STAMP_BARE;
	ev->stamp = v;
	if (bu_slice_eat(&t, "us")) {
		ev->form = BU_STAMP_MICROSECONDS;
		if (__builtin_mul_overflow(v, (uint64_t)BU_NS_PER_US, &ev->stamp))
			return false;
		if (t.n && strchr(" +!#*@$", *t.p) && *t.p)	/* mark of the delay to the next event */
			t = bu_slice_skip(t, 1);
	} else if (bu_slice_eat(&t, ".")) {
		rest = t;
		ev->form = BU_STAMP_SECONDS;
		if (!bu_slice_number(&t, 10, &part) || rest.n - t.n != 6 ||
		    __builtin_mul_overflow(v, (uint64_t)BU_NS_PER_S, &ev->stamp) ||
		    __builtin_add_overflow(ev->stamp, part * BU_NS_PER_US, &ev->stamp))
			return false;
	}
	*s = t;
	return true;
}

/* The stamp, the colon and what follows it. @s stands behind the flags. */
static bool tail_parse(struct bu_slice s, struct bu_text_event *ev)
{
	size_t n = blanks(s);

	if (!n)
		return false;
	s = bu_slice_skip(s, n);
	if (!stamp_parse(&s, ev) || !bu_slice_eat(&s, ":"))
		return false;
	ev->what = bu_slice_trim(s);
	return ev->what.n > 0;
}

/* ---- who ---------------------------------------------------------------------------------------------------- */

/* "comm-pid" at the end of @s; comm may hold dashes. */
static bool who_parse(struct bu_slice s, struct bu_text_event *ev)
{
	struct bu_slice pid;
	uint64_t v;
	size_t i;

	s = bu_slice_trim(s);
	for (i = s.n; i && s.p[i - 1] >= '0' && s.p[i - 1] <= '9';)
		i--;
	if (i == s.n || !i || s.p[i - 1] != '-')
		return false;
	pid = bu_slice_skip(s, i);
	if (!bu_slice_number(&pid, 10, &v) || v > INT32_MAX)
		return false;
	ev->pid = (int32_t)v;
	ev->comm = bu_slice_trim((struct bu_slice){ s.p, i - 1 });
	return true;
}

/* Takes "(  123)" or "(-------)", the column of the option record-tgid, off the end of @s. */
static void drop_tgid(struct bu_slice *s)
{
	struct bu_slice t = bu_slice_trim(*s);
	size_t i = t.n;

	if (!i || t.p[i - 1] != ')')
		return;
	for (i--; i && strchr(" -0123456789", t.p[i - 1]) && t.p[i - 1];)
		i--;
	if (i && t.p[i - 1] == '(')
		s->n = i - 1 + (size_t)(t.p - s->p);
}

static bool cpu_fits(uint64_t cpu)
{
	return cpu < BU_TEXT_MAX_CPUS;
}

/* The layout of the file trace, with its "[cpu]" at offset @at. */
static bool file_layout(struct bu_slice line, size_t at, const struct bu_flag_layout *layout, struct bu_text_event *ev)
{
	struct bu_slice s = bu_slice_skip(line, at + 1), who = { line.p, at }, word;
	uint64_t cpu;

	if (!bu_slice_number(&s, 10, &cpu) || !cpu_fits(cpu) || !bu_slice_eat(&s, "]"))
		return false;
	ev->cpu = (int32_t)cpu;
	ev->ctx = 0;
	ev->latency = false;
	drop_tgid(&who);
	if (!who_parse(who, ev))
		return false;
	if (tail_parse(s, ev))		/* no flags; with flags, they would have to be a stamp */
		return true;
	s = bu_slice_skip(s, blanks(s));
	for (word = (struct bu_slice){ s.p, 0 }; word.n < s.n && s.p[word.n] != ' ';)
		word.n++;
	return flags_parse(word, layout, &ev->ctx) && tail_parse(bu_slice_skip(s, word.n), ev);
}

/*
 * The latency layout: @at is the dash before the pid. "%8.8s-%-7d %3d" and then flags without a blank; from pid
 * 10 million or CPU 1000 on the columns only grow.
 */
static bool latency_layout(struct bu_slice line, size_t at, const struct bu_flag_layout *layout,
			   struct bu_text_event *ev)
{
	struct bu_slice s = bu_slice_skip(line, at + 1), word;
	uint64_t pid, cpu;
	size_t n;

	if (!bu_slice_number(&s, 10, &pid) || pid > INT32_MAX)
		return false;
	n = blanks(s);
	if (!n)
		return false;
	s = bu_slice_skip(s, n);
	if (!bu_slice_number(&s, 10, &cpu) || !cpu_fits(cpu))
		return false;
	for (word = (struct bu_slice){ s.p, 0 }; word.n < s.n && s.p[word.n] != ' ';)
		word.n++;
	if (!word.n || !flags_parse(word, layout, &ev->ctx))
		return false;
	ev->pid = (int32_t)pid;
	ev->cpu = (int32_t)cpu;
	ev->comm = bu_slice_trim((struct bu_slice){ line.p, at });
	ev->latency = true;
	return tail_parse(bu_slice_skip(s, word.n), ev);
}

/* How far from the beginning of a line its fixed part may start: a comm, a pid, a tgid and some blanks. */
#define MAX_WHO 80

bool bu_text_event_parse(struct bu_slice line, const struct bu_flag_layout *layout, struct bu_text_event *ret)
{
	size_t end = line.n < MAX_WHO ? line.n : MAX_WHO, i;

	for (i = 1; i < end; i++)
		if (line.p[i] == '[' && line.p[i - 1] == ' ' && file_layout(line, i, layout, ret))
			return true;
	for (i = 1; i < end; i++)
		if (line.p[i] == '-' && latency_layout(line, i, layout, ret))
			return true;
	return false;
}

bool bu_text_lost_parse(struct bu_slice line, int32_t *ret_cpu, int64_t *ret_count)
{
	struct bu_slice s = bu_slice_trim(line);
	uint64_t cpu, count;
	bool counted;

	if (!bu_slice_eat(&s, "CPU:") || !bu_slice_number(&s, 10, &cpu) || !cpu_fits(cpu) ||
	    !bu_slice_eat(&s, " [LOST "))
		return false;
	counted = bu_slice_number(&s, 10, &count) && count < INT64_MAX && bu_slice_eat(&s, " ");
	if (!bu_slice_is(s, "EVENTS]"))
		return false;
	*ret_cpu = (int32_t)cpu;
	*ret_count = counted ? (int64_t)count : BU_NS_UNKNOWN;
	return true;
}
