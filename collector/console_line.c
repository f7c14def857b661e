// SPDX-License-Identifier: GPL-2.0-only
/* console_line.c - see console_line.h. */
#include "collector/console_line.h"

#include <ctype.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "schemas/base/mem.h"
#include "schemas/base/ns.h"

static bool is_digit(char c)
{
	return c >= '0' && c <= '9';
}

/* ---- prefixes ------------------------------------------------------------------------------------------------ */

/* "[%5lu.%06lu]". On success @s stands behind it. */
static bool eat_stamp(struct bu_slice *s, int64_t *ret_ns)
{
	struct bu_slice t = *s, part;
	uint64_t sec, usec;

	if (!bu_slice_eat(&t, "["))
		return false;
	while (t.n && *t.p == ' ')
		t = bu_slice_skip(t, 1);
	if (!bu_slice_number(&t, 10, &sec) || sec > 1000000000u || !bu_slice_eat(&t, "."))
		return false;
	part = t;
	if (!bu_slice_number(&t, 10, &usec) || part.n - t.n != 6 || !bu_slice_eat(&t, "]") || t.p - s->p < 14)
		return false;
	*s = t;
	*ret_ns = (int64_t)(sec * BU_NS_PER_S + usec * BU_NS_PER_US);
	return true;
}

/* Where in @s from @from on a stamp begins; -1: nowhere. */
static int64_t find_stamp(struct bu_slice s, size_t from)
{
	struct bu_slice t;
	const char *at;
	int64_t ns;

	while (from < s.n) {
		at = memchr(s.p + from, '[', s.n - from);
		if (!at)
			return -1;
		from = (size_t)(at - s.p);
		t = bu_slice_skip(s, from);
		if (eat_stamp(&t, &ns))
			return (int64_t)from;
		from++;
	}
	return -1;
}

bool bu_console_is_stamped(struct bu_slice line)
{
	return find_stamp(line, 0) >= 0;
}

/* "[    T1]", "[C3]": CONFIG_PRINTK_CALLER. */
static void eat_caller(struct bu_slice *s, int32_t *ret_cpu)
{
	struct bu_slice t = *s;
	uint64_t nr;
	char kind;

	if (!bu_slice_eat(&t, "["))
		return;
	while (t.n && *t.p == ' ')
		t = bu_slice_skip(t, 1);
	if (!t.n || (*t.p != 'T' && *t.p != 'C'))
		return;
	kind = *t.p;
	t = bu_slice_skip(t, 1);
	if (!bu_slice_number(&t, 10, &nr) || nr > INT32_MAX || !bu_slice_eat(&t, "]"))
		return;
	if (kind == 'C' && nr < 65536)
		*ret_cpu = (int32_t)nr;
	*s = t;
}

/* "hh:mm:ss" somewhere in it. */
static bool has_time_of_day(struct bu_slice s)
{
	size_t i;

	for (i = 0; i + 8 <= s.n; i++)
		if (is_digit(s.p[i]) && is_digit(s.p[i + 1]) && s.p[i + 2] == ':' && is_digit(s.p[i + 3]) &&
		    is_digit(s.p[i + 4]) && s.p[i + 5] == ':' && is_digit(s.p[i + 6]) && is_digit(s.p[i + 7]))
			return true;
	return false;
}

/* "<6>" */
static bool is_level(struct bu_slice s)
{
	uint64_t level;

	return bu_slice_eat(&s, "<") && bu_slice_number(&s, 10, &level) && bu_slice_is(s, ">");
}

/* Whether what stands before a stamp is a logger's work rather than the tail of another message. */
static bool is_log_prefix(struct bu_slice s)
{
	s = bu_slice_trim(s);
	if (!s.n || s.n > 160)
		return !s.n;
	return is_level(s) || has_time_of_day(s) || (s.n >= 7 && !memcmp(s.p + s.n - 7, "kernel:", 7));
}

/* Seconds and a fraction, as journalctl has them since 1970 (-o short-unix) or, with a bracket, the boot (short-delta). */
static bool begins_with_seconds(struct bu_slice s)
{
	uint64_t n;

	bu_slice_eat(&s, "[");
	while (s.n && *s.p == ' ')
		s = bu_slice_skip(s, 1);
	return bu_slice_number(&s, 10, &n) && bu_slice_eat(&s, ".") && bu_slice_number(&s, 10, &n) && bu_slice_eat(&s, " ");
}

/* "Nov 22 10:00:00 host kernel: " and what else journalctl -o short-... writes, in front of a line without a stamp. */
static bool eat_journal(struct bu_slice *s)
{
	struct bu_slice head = { s->p, s->n < 160 ? s->n : 160 };
	int64_t at = bu_slice_find(head, " kernel: ");

	if (at < 0)
		return false;
	head.n = (size_t)at;
	if (!has_time_of_day(head) && !begins_with_seconds(head))
		return false;
	*s = bu_slice_skip(*s, (size_t)at + strlen(" kernel: "));
	return true;
}

/* "6,1056,12345678,-;text" of /dev/kmsg and of the extended netconsole. */
static bool eat_kmsg(struct bu_slice *s, int64_t *ret_ns)
{
	struct bu_slice t = *s;
	uint64_t level, seq, us;
	const char *end;

	if (!bu_slice_number(&t, 10, &level) || !bu_slice_eat(&t, ",") || !bu_slice_number(&t, 10, &seq) ||
	    !bu_slice_eat(&t, ",") || !bu_slice_number(&t, 10, &us) || us > INT64_MAX / 1000 || !bu_slice_eat(&t, ","))
		return false;
	end = memchr(t.p, ';', t.n < 80 ? t.n : 80);
	if (!end)
		return false;
	*s = bu_slice_skip(t, (size_t)(end - t.p) + 1);
	*ret_ns = (int64_t)us * 1000;
	return true;
}

/* "[Sun Nov 22 10:00:00 2026] " of dmesg -T, "[2026-11-22 10:00:00] " of serial loggers. */
static bool eat_bracketed_date(struct bu_slice *s)
{
	const char *end = s->n && *s->p == '[' ? memchr(s->p, ']', s->n < 40 ? s->n : 40) : NULL;

	if (!end || !has_time_of_day((struct bu_slice){ s->p, (size_t)(end - s->p) }))
		return false;
	*s = bu_slice_skip(*s, (size_t)(end - s->p) + 1);
	bu_slice_eat(s, " ");
	return true;
}

/* What begins with a stamp: free its text of it and of what may follow it. */
static void strip_stamp(struct bu_console_piece *p)
{
	struct bu_slice head;
	int64_t at;

	eat_stamp(&p->text, &p->printk_ns);
	eat_caller(&p->text, &p->caller_cpu);
	bu_slice_eat(&p->text, " ");
	/* journalctl -o short-monotonic: host and "kernel: " behind the stamp. */
	head = (struct bu_slice){ p->text.p, p->text.n < 80 ? p->text.n : 80 };
	at = bu_slice_find(head, " kernel: ");
	if (at > 0 && !memchr(p->text.p, ' ', (size_t)at))
		p->text = bu_slice_skip(p->text, (size_t)at + strlen(" kernel: "));
	p->is_message = true;
}

/* The beginning of a line up to its first stamp, or a whole line without one. */
static void strip_unstamped(struct bu_console_piece *p)
{
	struct bu_slice s = p->text;

	if (eat_journal(&s) || eat_kmsg(&s, &p->printk_ns) || eat_bracketed_date(&s)) {
		p->text = s;
		p->is_message = true;
		return;
	}
	while (s.n && *s.p != '>' && s.p - p->text.p < 5)
		s = bu_slice_skip(s, 1);
	if (s.n && *s.p == '>' && is_level((struct bu_slice){ p->text.p, (size_t)(s.p - p->text.p) + 1 })) {
		p->text = bu_slice_skip(s, 1);
		p->is_message = true;
	}
}

/* ---- stretches ------------------------------------------------------------------------------------------------- */

/* "Panic#1 Part2" as pstore_get_header_size() writes it; "====1234.5678-D" of ramoops is a mark on its own. */
static bool pstore_head(struct bu_slice line, int64_t *ret_group, int64_t *ret_part)
{
	size_t n = 0;
	uint64_t count, part;

	while (n < line.n && (isalpha((unsigned char)line.p[n]) || line.p[n] == ' '))
		n++;
	if (!n || n > 24)
		return false;
	line = bu_slice_skip(line, n);
	if (!bu_slice_eat(&line, "#") || !bu_slice_number(&line, 10, &count) || count > INT32_MAX ||
	    !bu_slice_eat(&line, " Part") || !bu_slice_number(&line, 10, &part) || !part || part > INT32_MAX ||
	    bu_slice_trim(line).n)
		return false;
	*ret_group = (int64_t)count;
	*ret_part = (int64_t)part;
	return true;
}

static int find_stretches(struct bu_console_reader *r)
{
	struct bu_console_stretch now = { 0, 0, 1, 0, 0 };
	struct bu_lines it = { .text = r->text };
	int64_t group, part;
	struct bu_slice line;
	size_t from = 0;

	while (bu_line_next(&it, &line)) {
		if (pstore_head(line, &group, &part)) {
			now.to = from;
			if (bu_grow(&r->stretches, r->n_stretches, &r->cap_stretches, sizeof(now)))
				return -ENOMEM;
			r->stretches[r->n_stretches++] = now;
			now = (struct bu_console_stretch){ from, 0, it.nr, part, group };
		}
		from = it.at;
	}
	now.to = r->text.n;
	if (bu_grow(&r->stretches, r->n_stretches, &r->cap_stretches, sizeof(now)))
		return -ENOMEM;
	r->stretches[r->n_stretches++] = now;
	return 0;
}

static int later_part_first(const void *pa, const void *pb)
{
	const struct bu_console_stretch *a = pa, *b = pb;

	if (a->part != b->part)
		return a->part > b->part ? -1 : 1;
	return (a->from > b->from) - (a->from < b->from);
}

/* Part 1 is the end of the log (pstore_dump() of fs/pstore/platform.c): within one crash, the highest goes first. */
static void order_stretches(struct bu_console_reader *r)
{
	size_t i, k;

	for (i = 0; i < r->n_stretches; i = k) {
		for (k = i + 1; k < r->n_stretches && r->stretches[i].part && r->stretches[k].part &&
		     r->stretches[k].group == r->stretches[i].group;)
			k++;
		qsort(r->stretches + i, k - i, sizeof(*r->stretches), later_part_first);
	}
}

int bu_console_reader_init(struct bu_console_reader *r, struct bu_slice text)
{
	int rc;

	memset(r, 0, sizeof(*r));
	r->text = text;
	r->scratch = malloc(BU_TEXT_MAX_LINE + 1);
	rc = r->scratch ? find_stretches(r) : -ENOMEM;
	if (rc)
		return rc;
	order_stretches(r);
	bu_console_rewind(r);
	return 0;
}

void bu_console_reader_fini(struct bu_console_reader *r)
{
	free(r->stretches);
	free(r->scratch);
	memset(r, 0, sizeof(*r));
}

static void enter_stretch(struct bu_console_reader *r)
{
	const struct bu_console_stretch *s = &r->stretches[r->at];

	r->it = (struct bu_lines){ .text = { r->text.p + s->from, s->to - s->from }, .nr = s->first_line - 1 };
}

void bu_console_rewind(struct bu_console_reader *r)
{
	r->at = 0;
	r->in_line = false;
	r->lines = r->long_lines = r->noisy_lines = 0;
	enter_stretch(r);
}

/* ---- pieces ------------------------------------------------------------------------------------------------------ */

/* Bytes of the terminal sequence at @s (ECMA-48 CSI, or ESC and one character); 0: it is none. */
static size_t sequence_len(struct bu_slice s)
{
	size_t i;

	if (s.n < 2 || *s.p != '\x1b')
		return 0;
	if (s.p[1] != '[')
		return 2;
	for (i = 2; i < s.n && i < 16; i++)
		if (s.p[i] >= '@' && s.p[i] <= '~')
			return i + 1;
	return 2;
}

static bool is_noise(char c)
{
	return ((unsigned char)c < ' ' && c != '\t') || c == 0x7f;
}

/* Frees the line of its noise, copying it only where it has some. */
static struct bu_slice clean(struct bu_console_reader *r, struct bu_slice line)
{
	size_t i, n = 0, skip;

	for (i = 0; i < line.n && !is_noise(line.p[i]);)
		i++;
	if (i == line.n)
		return line;
	r->noisy_lines++;
	memcpy(r->scratch, line.p, i);
	n = i;
	while (i < line.n) {
		skip = sequence_len(bu_slice_skip(line, i));
		if (!skip && is_noise(line.p[i]))
			skip = 1;
		if (!skip)
			r->scratch[n++] = line.p[i++];
		i += skip;
	}
	return (struct bu_slice){ r->scratch, n };
}

static bool next_line(struct bu_console_reader *r)
{
	struct bu_slice line;

	while (!bu_line_next(&r->it, &line)) {
		if (r->at + 1 >= r->n_stretches)
			return false;
		r->at++;
		enter_stretch(r);
	}
	r->lines++;
	r->long_lines += r->it.cut;
	r->line = r->rest = clean(r, line);
	r->in_line = r->first_piece = true;
	return true;
}

bool bu_console_next(struct bu_console_reader *r, struct bu_console_piece *ret)
{
	int64_t at;
	bool stamped;

	if (!r->in_line && !next_line(r))
		return false;
	*ret = (struct bu_console_piece){ .line = r->it.nr, .printk_ns = BU_NS_UNKNOWN, .caller_cpu = -1 };
	at = find_stamp(r->rest, 0);
	if (r->first_piece && at > 0 && is_log_prefix((struct bu_slice){ r->rest.p, (size_t)at })) {
		r->rest = bu_slice_skip(r->rest, (size_t)at);
		at = 0;
	}
	r->first_piece = false;
	stamped = at == 0;
	if (stamped)	/* up to where the next one begins */
		at = find_stamp(r->rest, 1);
	ret->text = (struct bu_slice){ r->rest.p, at < 0 ? r->rest.n : (size_t)at };
	ret->interrupted = at >= 0;
	if (at < 0) {
		ret->ends_open = r->it.cut || (r->it.open && r->at + 1 == r->n_stretches);
		r->in_line = false;
	} else {
		r->rest = bu_slice_skip(r->rest, (size_t)at);
	}
	if (stamped)
		strip_stamp(ret);
	else
		strip_unstamped(ret);
	return true;
}

#define SNIFF_BYTES (1 << 20)

bool bu_console_has_kernel(struct bu_slice text)
{
	static const char *const words[] = { "Linux version ", " kernel: ", "Dumping ftrace ", "Kernel panic - ",
					     "Call Trace:" };
	size_t i;

	if (text.n > SNIFF_BYTES)
		text.n = SNIFF_BYTES;
	if (find_stamp(text, 0) >= 0)
		return true;
	for (i = 0; i < ARRAY_SIZE(words); i++)
		if (bu_slice_find(text, words[i]) >= 0)
			return true;
	return false;
}
