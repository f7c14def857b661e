// SPDX-License-Identifier: GPL-2.0-only
/*
 * text_trace.c - the file trace (or what trace_pipe gave) as a whole: its head, its events, its leftovers.
 *
 * The head is that of print_trace_header() and print_func_help_header_irq() in kernel/trace/trace.c of 6.1 and 6.12.
 * A file that lost its head to a cut is read just as well.
 */
#include <string.h>

#include "collector/console_line.h"
#include "collector/text_parse.h"
#include "schemas/base/ns.h"

#define SNIFF_LINES 400

static bool is_head(struct bu_slice line)
{
	return line.n && *line.p == '#';
}

enum bu_text_kind_of_file bu_text_sniff(struct bu_slice text)
{
	struct bu_lines it = { .text = text };
	static const struct bu_flag_layout none = { .n = 0 };
	struct bu_text_event ev;
	struct bu_slice line;
	int64_t events = 0, others = 0, stamped = 0;

	if (bu_slice_starts(text, "\x17\x08" "Dtracing") || bu_slice_starts(text, "\x7f" "ELF") ||
	    bu_slice_starts(text, "SQLite format 3"))
		return BU_TEXT_NONE;
	if (text.n && memchr(text.p, 0, text.n < 512 ? text.n : 512) && !bu_console_has_kernel(text))
		return BU_TEXT_NONE;
	while (it.nr < SNIFF_LINES && bu_line_next(&it, &line)) {
		stamped += bu_console_is_stamped(line);
		if (!stamped && (bu_slice_starts(line, "# tracer: ") ||
				 bu_slice_starts(line, "# entries-in-buffer/entries-written:")))
			return BU_TEXT_TRACE;
		if (bu_slice_find(line, "Dumping ftrace ") >= 0)
			return BU_TEXT_CONSOLE;
		if (bu_text_event_parse(line, &none, &ev) && !bu_console_is_stamped(line))
			events++;
		else
			others += line.n > 0 && !is_head(line);
	}
	if (events && events >= others)
		return BU_TEXT_TRACE;
	return bu_console_has_kernel(text) ? BU_TEXT_CONSOLE : events ? BU_TEXT_TRACE : BU_TEXT_NONE;
}

/* "# entries-in-buffer/entries-written: 928/928   #P:4". Several heads, of files put together, add up. */
static void head_line(struct bu_slice line, struct bu_text_trace_head *h)
{
	uint64_t in, written, cpus;
	struct bu_slice s = line;
	int64_t at;

	if (bu_slice_eat(&s, "# tracer: ")) {
		bu_slice_text(bu_slice_trim(s), h->tracer, sizeof(h->tracer) - 1);
	} else if (bu_slice_eat(&s, "# entries-in-buffer/entries-written: ")) {
		if (!bu_slice_number(&s, 10, &in) || !bu_slice_eat(&s, "/") || !bu_slice_number(&s, 10, &written) ||
		    in > INT32_MAX * INT64_C(1000) || written > INT32_MAX * INT64_C(1000))
			return;
		h->in_buffer = (h->in_buffer == BU_NS_UNKNOWN ? 0 : h->in_buffer) + (int64_t)in;
		h->written = (h->written == BU_NS_UNKNOWN ? 0 : h->written) + (int64_t)written;
		at = bu_slice_find(s, "#P:");
		s = bu_slice_skip(s, at < 0 ? s.n : (size_t)at + 3);
		if (bu_slice_number(&s, 10, &cpus) && cpus <= BU_TEXT_MAX_CPUS)
			h->cpus = (int64_t)cpus;
	} else if (bu_slice_starts(s, "##### CPU ")) {
		h->started++;
	}
}

void bu_text_trace_survey(struct bu_slice text, struct bu_text_trace_head *ret)
{
	struct bu_flag_layout layout = { .n = 0 };
	struct bu_lines it = { .text = text };
	struct bu_text_event ev;
	struct bu_slice line;

	*ret = (struct bu_text_trace_head){ .in_buffer = BU_NS_UNKNOWN, .written = BU_NS_UNKNOWN,
					    .cpus = BU_NS_UNKNOWN };
	while (bu_line_next(&it, &line)) {
		ret->ends_open = it.open;
		if (is_head(line)) {
			head_line(line, ret);
			if (!ret->has_events)
				bu_flag_layout_head(&layout, line);
			continue;
		}
		if (it.open || it.cut || !bu_text_event_parse(line, &layout, &ev))
			continue;
		if (!ret->has_events) {
			ret->has_events = true;
			ret->form = ev.form;
			ret->origin = ev.stamp;
		} else if (ev.stamp < ret->origin) {
			ret->origin = ev.stamp;
		}
	}
}

static int one_line(struct bu_text_parser *p, struct bu_lines *it, struct bu_slice line, struct bu_err *err)
{
	int rc;

	if (it->open || it->cut)	/* the end of it is missing: what is there may be wrong */
		return bu_text_feed_raw(p, line, it->nr, err);
	if (!bu_slice_trim(line).n || is_head(line)) {
		if (!p->events)
			bu_flag_layout_head(&p->layout, line);
		if (bu_slice_starts(line, "# tracer: ") && p->events) {	/* another file behind the first */
			p->layout.n = 0;
			rc = bu_text_flush(p, err);
			if (!rc)
				rc = bu_text_section(p, (struct bu_slice){ "", 0 }, err);
			if (rc)
				return rc;
		}
		p->counts.pieces++;
		p->counts.marks++;
		return 0;
	}
	rc = bu_text_feed(p, line, it->nr, err);
	return rc ? (rc < 0 ? rc : 0) : bu_text_feed_raw(p, line, it->nr, err);
}

int bu_text_trace_parse(struct bu_text_parser *p, struct bu_slice text, struct bu_err *err)
{
	struct bu_lines it = { .text = text };
	struct bu_slice line;
	int rc = 0;

	while (!rc && bu_line_next(&it, &line)) {
		p->counts.lines++;
		p->counts.long_lines += it.cut;
		rc = one_line(p, &it, line, err);
	}
	return rc ? rc : bu_text_flush(p, err);
}
