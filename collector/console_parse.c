// SPDX-License-Identifier: GPL-2.0-only
/*
 * console_parse.c - see console_parse.h. A dump is what ftrace_dump() of kernel/trace/trace.c prints (6.1, 6.12): a
 * line that names the buffer, a rule, the events, a rule. Its head and its end may both be lost to a cut.
 */
#include "collector/console_parse.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "schemas/base/mem.h"
#include "schemas/base/ns.h"

/* ---- what a piece is ---------------------------------------------------------------------------------------------- */

static bool is_rule(struct bu_slice s)
{
	size_t i;

	s = bu_slice_trim(s);
	for (i = 0; i < s.n && s.p[i] == '-';)
		i++;
	return i == s.n && i >= 20;
}

/* "Dumping ftrace buffer:", "Dumping ftrace instance NAME buffer:". @ret_name: "" for the first. */
static bool dump_head(struct bu_slice s, struct bu_slice *ret_name)
{
	int64_t at;

	s = bu_slice_trim(s);
	*ret_name = (struct bu_slice){ s.p, 0 };
	if (!bu_slice_eat(&s, "Dumping ftrace "))
		return false;
	if (bu_slice_eat(&s, "instance ")) {
		at = bu_slice_find(s, " buffer");
		if (at > 0)
			*ret_name = (struct bu_slice){ s.p, (size_t)at };
	}
	return true;
}

/* Whether it looks as if it had been meant as an event: "comm-pid   0d..1." or the words of one. */
static bool meant_as_event(struct bu_slice s)
{
	size_t end = s.n < 64 ? s.n : 64, i, k;

	if (bu_slice_find(s, " <-") > 0 || bu_slice_find(s, "cpuhp_enter:") >= 0 || bu_slice_find(s, "cpuhp_exit:") >= 0 ||
	    bu_slice_find(s, "cpuhp_multi_enter:") >= 0)
		return true;
	for (i = 1; i + 1 < end; i++) {
		if (s.p[i] != '-' || s.p[i + 1] < '0' || s.p[i + 1] > '9')
			continue;
		for (k = i + 1; k < end && s.p[k] >= '0' && s.p[k] <= '9';)
			k++;
		if (k == end || s.p[k] != ' ')
			continue;
		while (k < end && s.p[k] == ' ')
			k++;
		while (k < end && s.p[k] >= '0' && s.p[k] <= '9')
			k++;
		if (k + 1 < end && strchr("dDbX.", s.p[k]) && strchr("NnpBbLl.", s.p[k + 1]) && s.p[k] && s.p[k + 1])
			return true;
	}
	return false;
}

/* Another message began before this one had its line end, or the log ends in it: what is there may be half a word. */
static bool is_cut(const struct bu_console_piece *p)
{
	return p->ends_open || p->interrupted;
}

/* More than a third of it is nothing that anybody prints. */
static bool is_garbage(struct bu_slice s)
{
	size_t bad = 0, i;

	for (i = 0; i < s.n; i++)
		bad += (unsigned char)s.p[i] >= 0x80;
	return bad * 3 > s.n;
}

/* "====1234.567890-D", the head that ramoops puts before a record (fs/pstore/ram.c). */
static bool is_pstore_mark(struct bu_slice s)
{
	return bu_slice_starts(s, "====") || (bu_slice_find(s, "#") > 0 && bu_slice_find(s, " Part") > 0 && s.n < 48);
}

/* ---- the dump's state ------------------------------------------------------------------------------------------------ */

enum where { OUTSIDE, HEADED, INSIDE };

struct state {
	enum where where;
	int64_t dumps, dumps_open;
};

/* Follows heads and rules. Return: whether the piece was one. @ret_begins: a new dump begins. */
static bool follow(struct state *st, struct bu_slice text, struct bu_slice *ret_name, bool *ret_begins)
{
	*ret_begins = false;
	if (dump_head(text, ret_name)) {
		st->dumps_open += st->where == INSIDE;
		st->where = HEADED;
		st->dumps++;
		*ret_begins = true;
		return true;
	}
	if (st->where != OUTSIDE && is_rule(text)) {
		st->where = st->where == HEADED ? INSIDE : OUTSIDE;
		return true;
	}
	if (bu_slice_find(text, "(ftrace buffer empty)") >= 0) {
		st->where = OUTSIDE;
		return true;
	}
	return false;
}

/* ---- first time --------------------------------------------------------------------------------------------------------- */

static bool begins_boot(const struct bu_console_piece *p)
{
	return bu_slice_starts(bu_slice_trim(p->text), "Linux version ") &&
	       (p->printk_ns == BU_NS_UNKNOWN || p->printk_ns < BU_NS_PER_S);
}

struct boot {
	struct bu_console_survey s;
	struct state st;
	int64_t troubles;
	size_t pieces;
};

static bool is_trouble(const char *kind)
{
	static const char *const harmless[] = { "bringup", "clocksource", "context", "dump", "sysrq", "end" };
	size_t i;

	for (i = 0; i < ARRAY_SIZE(harmless); i++)
		if (!strcmp(kind, harmless[i]))
			return false;
	return true;
}

static void survey_piece(struct boot *b, const struct bu_console_piece *p)
{
	static const struct bu_flag_layout layout = { .n = 0 };
	struct bu_text_event ev;
	struct bu_slice name;
	const char *kind;
	int32_t cpu;
	bool begins;

	b->pieces++;
	b->s.last_line = p->line > b->s.last_line ? p->line : b->s.last_line;
	if (p->printk_ns != BU_NS_UNKNOWN && p->printk_ns > b->s.last_printk_ns)
		b->s.last_printk_ns = p->printk_ns;
	if (follow(&b->st, p->text, &name, &begins)) {
		b->s.empty_dumps += bu_slice_find(p->text, "(ftrace buffer empty)") >= 0;
		return;
	}
	if (!is_cut(p) && bu_text_event_parse(p->text, &layout, &ev)) {
		if (!b->s.has_events) {
			b->s.has_events = true;
			b->s.form = ev.form;
			b->s.origin = ev.stamp;
		} else if (ev.stamp < b->s.origin) {
			b->s.origin = ev.stamp;
		}
		return;
	}
	kind = bu_console_classify(p->text, &cpu);
	b->troubles += kind && is_trouble(kind);
}

/* Which of two boots says more: one with a dump, one in trouble, the later one. */
static bool is_better(const struct boot *b, const struct boot *than)
{
	int worth = b->s.has_events || b->st.dumps ? 2 : b->troubles > 0;
	int other = than->s.has_events || than->st.dumps ? 2 : than->troubles > 0;

	return worth >= other;
}

static void end_boot(struct boot *now, struct boot *best, int64_t piece)
{
	now->s.end_piece = piece;
	now->s.dumps = now->st.dumps;
	now->s.dumps_open = now->st.dumps_open + (now->st.where == INSIDE);
	if (!best->pieces || is_better(now, best))
		*best = *now;
}

static int learn(struct bu_console_reader *r, const struct bu_console_survey *s, struct bu_machine *m)
{
	struct bu_console_piece p;
	int64_t piece = 0;
	int rc = 0;

	bu_console_rewind(r);
	for (; !rc && piece < s->end_piece && bu_console_next(r, &p); piece++)
		if (piece >= s->first_piece)
			rc = bu_console_fact(m, p.text);
	return rc;
}

int bu_console_survey(struct bu_console_reader *r, struct bu_machine *machine, struct bu_console_survey *ret)
{
	static const struct boot fresh = { .s = { .last_printk_ns = BU_NS_UNKNOWN, .boot = 1 } };
	struct boot now = fresh, best = fresh;
	struct bu_console_piece p;
	int64_t piece = 0, boots = 1;

	bu_console_rewind(r);
	for (; bu_console_next(r, &p); piece++) {
		/* What the firmware and the loader said belongs to the boot that follows. */
		if (begins_boot(&p) && now.s.last_printk_ns != BU_NS_UNKNOWN) {
			end_boot(&now, &best, piece);
			now = fresh;
			now.s.boot = ++boots;
			now.s.first_piece = piece;
			now.s.first_line = p.line;
		}
		if (!now.s.first_line)
			now.s.first_line = p.line;
		survey_piece(&now, &p);
	}
	end_boot(&now, &best, piece);
	*ret = best.s;
	ret->boots = boots;
	return machine ? learn(r, ret, machine) : 0;
}

/* ---- second time ---------------------------------------------------------------------------------------------------------- */

struct run {
	struct bu_text_parser *p;
	struct state st;
	struct bu_console_trace trace;
};

static int count_mark(struct run *r)
{
	r->p->counts.pieces++;
	r->p->counts.marks++;
	return 0;
}

/* A message that is no event: kept where it is of interest, counted in any case. */
static int message(struct run *r, const struct bu_console_piece *p, const char *kind, int32_t cpu, struct bu_err *err)
{
	struct bu_log_event e = { p->line, p->printk_ns, kind, cpu, bu_slice_trim(p->text) };

	r->p->counts.pieces++;
	r->p->counts.messages++;
	if (!kind)
		return 0;
	if (cpu < 0)
		e.cpu = p->caller_cpu;
	if (!strcmp(kind, "end"))
		r->st.where = OUTSIDE;
	return r->p->out->message(r->p->out->arg, &e, err);
}

static int frame(struct run *r, const struct bu_console_piece *p, struct bu_log_frame *f, struct bu_err *err)
{
	r->p->counts.pieces++;
	r->p->counts.messages++;
	f->line = p->line;
	return r->p->out->frame(r->p->out->arg, f, err);
}

static int piece_of_boot(struct run *r, const struct bu_console_piece *p, struct bu_err *err)
{
	struct bu_log_frame f;
	struct bu_slice name;
	const char *kind;
	int32_t cpu;
	bool begins;
	int rc, is_frame;

	kind = bu_console_classify(p->text, &cpu);
	if (follow(&r->st, p->text, &name, &begins)) {
		rc = begins ? bu_text_section(r->p, name, err) : 0;
		if (rc)
			return rc;
		return kind ? message(r, p, kind, cpu, err) : count_mark(r);
	}
	if (!bu_slice_trim(p->text).n || is_pstore_mark(p->text))
		return count_mark(r);
	if (!is_cut(p)) {
		rc = bu_text_feed(r->p, p->text, p->line, err);
		if (rc)
			return rc < 0 ? rc : 0;
	}
	is_frame = bu_console_frame(&r->trace, p->text, p->caller_cpu, &f);
	if (is_frame > 0)
		return frame(r, p, &f, err);
	if (kind || is_frame == 0)
		return message(r, p, kind, cpu, err);
	if (r->st.where == INSIDE || meant_as_event(p->text) || (!p->is_message && is_garbage(p->text)) ||
	    (p->ends_open && !p->is_message))
		return bu_text_feed_raw(r->p, p->text, p->line, err);
	return message(r, p, NULL, -1, err);
}

int bu_console_parse(struct bu_text_parser *parser, struct bu_console_reader *r, const struct bu_console_survey *survey,
		     struct bu_err *err)
{
	struct run run = { .p = parser, .trace = { .cpu = -1 } };
	struct bu_console_piece p;
	int64_t piece = 0;
	int rc = 0;

	bu_console_rewind(r);
	for (; !rc && bu_console_next(r, &p); piece++) {
		if (piece < survey->first_piece || piece >= survey->end_piece) {
			parser->counts.pieces++;
			parser->counts.passed_over++;
		} else {
			rc = piece_of_boot(&run, &p, err);
		}
	}
	parser->counts.lines = r->lines;
	parser->counts.long_lines = r->long_lines;
	parser->counts.noisy_lines = r->noisy_lines;
	return rc ? rc : bu_text_flush(parser, err);
}
