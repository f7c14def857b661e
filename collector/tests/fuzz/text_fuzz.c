// SPDX-License-Identifier: GPL-2.0-only
/*
 * text_fuzz.c - libFuzzer's entry to both text importers, up to the database.
 *
 * The first byte chooses what the rest is read as: what it looks like, a trace, or a console log. Besides crashing,
 * these count as findings: a piece that is not accounted for, a line number outside of the text, an event whose
 * numbers lead nowhere, a text that is no clean UTF-8, times that go back within the numbering of one section.
 * Built and run by `make fuzz`; seeds are in datasets/fuzz/text.
 */
#include <jansson.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "collector/console_parse.h"
#include "schemas/base/ns.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

struct seen {
	struct bu_text_parser *p;
	int64_t events, raw, lines, messages, frames;
};

static void check(int ok, const char *what)
{
	if (ok)
		return;
	fprintf(stderr, "text_fuzz: %s\n", what);
	abort();
}

static int see_event(void *arg, const struct bu_event *ev, int64_t line, struct bu_err *err)
{
	struct seen *s = arg;
	const struct bu_text_decoder *d = &s->p->decoder;
	json_t *fields;

	(void)err;
	s->events++;
	check(ev->id == s->events, "events are numbered one by one");
	check(line >= 1 && line <= s->lines, "the line of an event is one of the text");
	check(ev->cpu >= 0 && ev->cpu < BU_TEXT_MAX_CPUS, "an event has a CPU");
	check(ev->task >= 1 && ev->task <= d->tasks.n, "an event has a task");
	check(ev->kind >= 1 && ev->kind <= d->n_kinds, "an event has a kind");
	check(d->kinds[ev->kind - 1].table == ev->table, "a kind has one table");
	check(ev->buf < s->p->n_buffers, "an event has a buffer");
	if (ev->table == BU_EV_FUNC)
		check(ev->func.func >= 1 && ev->func.func <= d->symbols.n && ev->func.caller <= d->symbols.n,
		      "a function has a symbol");
	if (ev->table == BU_EV_CPUHP && ev->cpuhp.kind != BU_CPUHP_EXIT)
		check(ev->cpuhp.func >= 1 && ev->cpuhp.func <= d->symbols.n, "a step has a symbol");
	if (ev->table == BU_EV_OTHER) {
		fields = json_loads(ev->other.fields, 0, NULL);
		check(json_is_object(fields), "fields are a JSON object");
		json_decref(fields);
	}
	return 0;
}

static int see_raw(void *arg, int64_t line, struct bu_slice text, struct bu_err *err)
{
	struct seen *s = arg;
	char clean[BU_TEXT_MAX_RAW + 1];
	json_t *v;

	(void)err;
	s->raw++;
	check(line >= 1 && line <= s->lines, "the line of a leftover is one of the text");
	v = json_string(bu_slice_text(text, clean, BU_TEXT_MAX_RAW));
	check(v != NULL, "a leftover is made clean text");
	json_decref(v);
	return 0;
}

static int see_message(void *arg, const struct bu_log_event *e, struct bu_err *err)
{
	struct seen *s = arg;

	(void)err;
	s->messages++;
	check(e->kind && e->line >= 1 && e->line <= s->lines, "a message has a kind and a line");
	return 0;
}

static int see_frame(void *arg, const struct bu_log_frame *f, struct bu_err *err)
{
	struct seen *s = arg;

	(void)err;
	s->frames++;
	check(f->symbol.n && f->trace >= 1 && f->seq >= 0, "a frame has a symbol and a place");
	return 0;
}

static int64_t count_lines(struct bu_slice text)
{
	struct bu_lines it = { .text = text };
	struct bu_slice line;

	while (bu_line_next(&it, &line))
		;
	return it.nr;
}

static void check_counts(const struct bu_text_parser *p, const struct seen *s)
{
	const struct bu_text_counts *c = &p->counts;
	size_t i;

	check(c->lines == s->lines, "every line was gone through");
	check(c->pieces >= c->lines, "a line is a piece at least");
	check(c->pieces == c->events + c->marks + c->messages + c->unparsed + c->passed_over, "every piece is accounted for");
	check(c->events == s->events && c->unparsed == s->raw, "what was counted was handed out");
	check(s->messages + s->frames <= c->messages + (int64_t)p->n_sections, "messages of interest are messages");
	for (i = 1; i < p->n_sections; i++)
		check(p->sections[i].first_id > p->sections[i - 1].first_id, "sections follow one another");
}

static void parse_trace(struct bu_slice text)
{
	static const struct bu_clock clock = { .raw = true, .hz = BU_NS_UNKNOWN };
	struct bu_text_parser p;
	struct seen s = { &p, 0, 0, count_lines(text), 0, 0 };
	const struct bu_text_out out = { &s, see_event, see_raw, see_message, see_frame };
	struct bu_text_trace_head head;
	struct bu_err err = BU_ERR_INIT;

	bu_text_trace_survey(text, &head);
	check(!bu_text_parser_init(&p, &out, &clock, head.origin), "memory");
	check(!bu_text_trace_parse(&p, text, &err), "no text makes the parser fail");
	check_counts(&p, &s);
	check(head.has_events == (p.events > 0) || !p.events, "the survey sees events where there are some");
	bu_text_parser_fini(&p);
}

static void parse_console(struct bu_slice text)
{
	static const struct bu_clock clock = { .in_ns = true, .raw = true, .hz = 2596095000 };
	struct bu_machine m = { .given = false };
	struct bu_text_parser p;
	struct seen s = { &p, 0, 0, count_lines(text), 0, 0 };
	const struct bu_text_out out = { &s, see_event, see_raw, see_message, see_frame };
	struct bu_console_survey survey;
	struct bu_console_reader r;
	struct bu_err err = BU_ERR_INIT;

	check(!bu_console_reader_init(&r, text), "memory");
	check(!bu_console_survey(&r, &m, &survey), "no log makes the survey fail");
	check(survey.first_piece <= survey.end_piece && survey.boot <= survey.boots, "a boot has pieces");
	check(!bu_text_parser_init(&p, &out, &clock, survey.origin), "memory");
	check(!bu_console_parse(&p, &r, &survey, &err), "no log makes the parser fail");
	check_counts(&p, &s);
	bu_text_parser_fini(&p);
	bu_console_reader_fini(&r);
	bu_machine_fini(&m);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct bu_slice text;
	enum bu_text_kind_of_file kind;

	if (!size)
		return 0;
	text = (struct bu_slice){ (const char *)data + 1, size - 1 };
	kind = data[0] == 't' ? BU_TEXT_TRACE : data[0] == 'c' ? BU_TEXT_CONSOLE : bu_text_sniff(text);
	if (kind == BU_TEXT_TRACE)
		parse_trace(text);
	else if (kind == BU_TEXT_CONSOLE)
		parse_console(text);
	return 0;
}
