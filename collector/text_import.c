// SPDX-License-Identifier: GPL-2.0-only
/* text_import.c - see text_import.h. */
#include "collector/text_import.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "collector/console_parse.h"
#include "schemas/base/ns.h"

#define MAX_RAW_ROWS 100000

struct bu_text_state {
	enum bu_text_kind_of_file kind;
	struct bu_text_file file;
	bool file_cut;			/* its gzip broke off */
	struct bu_console_reader reader;
	struct bu_text_trace_head head;
	struct bu_console_survey survey;
	struct bu_text_parser parser;
	bool has_events;
	enum bu_stamp_form form;
};

static struct bu_slice text_of(const struct bu_text_state *t)
{
	return (struct bu_slice){ t->file.data, t->file.len };
}

int bu_text_kind_of(const char *path, enum bu_text_kind_of_file *ret, struct bu_err *err)
{
	struct bu_text_file f;
	bool cut;
	int rc = bu_text_file_open(path, &f, &cut, err);

	if (!rc)
		*ret = bu_text_sniff((struct bu_slice){ f.data, f.len });
	bu_text_file_close(&f);
	return rc;
}

/* ---- facts --------------------------------------------------------------------------------------------------------- */

/* The stamps say themselves when they are times; bare numbers are of the clock that the machine or the log names. */
static void choose_clock(struct bu_import_state *s)
{
	const struct bu_text_state *t = s->text;
	struct bu_clock *c = &s->clock;

	bu_clock_choose(&s->head, &s->machine, c);
	if (!t->has_events) {
		c->warning = NULL;
	} else if (t->form != BU_STAMP_BARE) {
		if (c->name && c->raw)	/* a clock of ticks cannot have printed seconds: the name is of another trace */
			c->name = NULL;
		*c = (struct bu_clock){ .name = c->name, .in_ns = true, .hz = BU_NS_UNKNOWN };
	} else if (c->in_ns && !c->raw) {
		*c = (struct bu_clock){ .raw = true, .hz = BU_NS_UNKNOWN,
			.warning = "the stamps are bare numbers, which the clock that was named does not print; "
				   "times are in their own unit" };
	}
}

static int find_trace_facts(struct bu_import_state *s, struct bu_err *err)
{
	struct bu_text_state *t = s->text;

	bu_text_trace_survey(text_of(t), &t->head);
	t->has_events = t->head.has_events;
	t->form = t->head.form;
	s->origin = t->head.origin;
	s->source_kind = "trace text";
	if (!t->head.has_events)
		return bu_fail(err, -ENODATA, "%s holds no events%s", s->params->file,
			       !strcmp(t->head.tracer, "function_graph") ?
			       ": function_graph prints no times of its own; record it with another tracer" : "");
	return 0;
}

static int find_console_facts(struct bu_import_state *s, struct bu_err *err)
{
	struct bu_text_state *t = s->text;
	int rc;

	rc = bu_console_reader_init(&t->reader, text_of(t));
	if (!rc)
		rc = bu_console_survey(&t->reader, &s->machine, &t->survey);
	if (rc)
		return bu_fail_errno(err, rc, "%s", s->params->file);
	t->has_events = t->survey.has_events;
	t->form = t->survey.form;
	s->origin = t->survey.origin;
	s->source_kind = "console log";
	return 0;
}

/* A head as if the text had been a trace.dat with one buffer; the parser may find more. */
static int make_head(struct bu_import_state *s, struct bu_err *err)
{
	s->head.file_bytes = s->text->file.file_bytes;
	s->head.buffers = calloc(1, sizeof(*s->head.buffers));
	if (!s->head.buffers)
		return bu_fail_errno(err, -ENOMEM, "%s", s->params->file);
	s->head.buffers[0].name = "";
	s->head.n_buffers = s->head.cap_buffers = 1;
	return 0;
}

int bu_text_read_facts(struct bu_import_state *s, enum bu_text_kind_of_file kind, struct bu_err *err)
{
	struct bu_text_state *t = calloc(1, sizeof(*t));
	int rc;

	if (!t)
		return bu_fail_errno(err, -ENOMEM, "%s", s->params->file);
	s->text = t;
	t->kind = kind;
	rc = bu_text_file_open(s->params->file, &t->file, &t->file_cut, err);
	if (!rc)
		rc = kind == BU_TEXT_TRACE ? find_trace_facts(s, err) : find_console_facts(s, err);
	if (!rc)
		rc = make_head(s, err);
	if (!rc)
		choose_clock(s);
	return rc;
}

void bu_text_close(struct bu_import_state *s)
{
	struct bu_text_state *t = s->text;

	if (!t)
		return;
	bu_text_parser_fini(&t->parser);
	bu_console_reader_fini(&t->reader);
	bu_text_file_close(&t->file);
	free(t);
	s->text = NULL;
}

/* ---- the outlet -------------------------------------------------------------------------------------------------------- */

struct outlet {
	struct bu_import_state *s;
	struct bu_capture_writer *writer;
	struct bu_stmt *line, *raw, *message, *frame;
	int64_t raw_rows;
	char *text;	/* BU_TEXT_MAX_RAW + 1 bytes */
};

static int put_event(void *arg, const struct bu_event *ev, int64_t line, struct bu_err *err)
{
	struct outlet *o = arg;

	bu_stmt_bind_i64(o->line, 1, ev->id);
	bu_stmt_bind_i64(o->line, 2, line);
	return bu_capture_write_event(o->writer, ev, err) ? err->code : bu_stmt_run(o->line, err);
}

static int put_raw(void *arg, int64_t line, struct bu_slice text, struct bu_err *err)
{
	struct outlet *o = arg;

	if (o->raw_rows++ >= MAX_RAW_ROWS)
		return 0;
	bu_stmt_bind_i64(o->raw, 1, line);
	bu_stmt_bind_text(o->raw, 2, bu_slice_text(text, o->text, BU_TEXT_MAX_RAW));
	return bu_stmt_run(o->raw, err);
}

static int put_message(void *arg, const struct bu_log_event *e, struct bu_err *err)
{
	struct outlet *o = arg;

	bu_stmt_bind_i64(o->message, 1, e->line);
	bu_stmt_bind_ns(o->message, 2, e->printk_ns);
	bu_stmt_bind_text(o->message, 3, e->kind);
	bu_stmt_bind_ns(o->message, 4, e->cpu < 0 ? BU_NS_UNKNOWN : e->cpu);
	bu_stmt_bind_text(o->message, 5, bu_slice_text(e->text, o->text, BU_TEXT_MAX_RAW));
	return bu_stmt_run(o->message, err);
}

static int put_frame(void *arg, const struct bu_log_frame *f, struct bu_err *err)
{
	struct outlet *o = arg;

	bu_stmt_bind_i64(o->frame, 1, f->trace);
	bu_stmt_bind_i64(o->frame, 2, f->line);
	bu_stmt_bind_ns(o->frame, 3, f->cpu < 0 ? BU_NS_UNKNOWN : f->cpu);
	bu_stmt_bind_i64(o->frame, 4, f->seq);
	bu_stmt_bind_text(o->frame, 5, f->context);
	bu_stmt_bind_text(o->frame, 6, f->is_rip ? "rip" : "frame");
	bu_stmt_bind_text(o->frame, 7, bu_slice_text(f->symbol, o->text, BU_TEXT_MAX_RAW));
	bu_stmt_bind_ns(o->frame, 8, f->offset < 0 ? BU_NS_UNKNOWN : f->offset);
	bu_stmt_bind_i64(o->frame, 9, f->reliable);
	return bu_stmt_run(o->frame, err);
}

static void outlet_fini(struct outlet *o)
{
	bu_capture_writer_destroy(o->writer);
	bu_stmt_close(o->line);
	bu_stmt_close(o->raw);
	bu_stmt_close(o->message);
	bu_stmt_close(o->frame);
	free(o->text);
}

static int outlet_init(struct outlet *o, struct bu_import_state *s, struct bu_err *err)
{
	int rc;

	*o = (struct outlet){ .s = s, .text = malloc(BU_TEXT_MAX_RAW + 1) };
	if (!o->text)
		return bu_fail_errno(err, -ENOMEM, "import");
	rc = bu_capture_writer_create(s->db, s->clock.raw, &o->writer, err);
	if (!rc)
		rc = bu_stmt_prepare(s->db, "INSERT INTO source_line (event_id, line) VALUES (?, ?)", &o->line, err);
	if (!rc)
		rc = bu_stmt_prepare(s->db, "INSERT INTO raw_line (line, text) VALUES (?, ?)", &o->raw, err);
	if (!rc)
		rc = bu_stmt_prepare(s->db, "INSERT INTO log_event (line, printk_ns, kind, cpu, text) "
				     "VALUES (?,?,?,?,?)", &o->message, err);
	if (!rc)
		rc = bu_stmt_prepare(s->db, "INSERT INTO backtrace (trace, line, cpu, seq, context, kind, symbol, offset, "
				     "reliable) VALUES (?,?,?,?,?,?,?,?,?)", &o->frame, err);
	return rc;
}

/* ---- order ---------------------------------------------------------------------------------------------------------------- */

/*
 * Events were numbered as they stood in the text. Where a later section (another instance's buffer, a second dump)
 * reaches back before the end of an earlier one, all are numbered anew: by time, but within a section in its order,
 * as merge.h does it with streams.
 */
static bool sections_overlap(const struct bu_text_parser *p)
{
	size_t i;

	for (i = 1; i < p->n_sections; i++)
		if (p->sections[i].first_id <= p->events && p->sections[i].first_stamp < p->sections[i - 1].last_stamp)
			return true;
	return false;
}

#define EVENT_TABLES "ev_cpuhp", "ev_func", "ev_fault", "ev_irq_vector", "ev_sched_switch", "ev_timer", "ev_other"

static int renumber_column(struct bu_db *db, const char *table, const char *column, struct bu_err *err)
{
	char sql[512];
	int rc;

	/* Through negative numbers, so that no two rows ever have the same. */
	snprintf(sql, sizeof(sql), "UPDATE %s SET %s = -(SELECT new FROM temp.place WHERE old = %s) WHERE %s > 0", table,
		 column, column, column);
	rc = bu_db_exec(db, sql, err);
	if (rc)
		return rc;
	snprintf(sql, sizeof(sql), "UPDATE %s SET %s = -%s WHERE %s < 0", table, column, column, column);
	return bu_db_exec(db, sql, err);
}

static int renumber(struct bu_import_state *s, struct bu_text_parser *p, struct bu_err *err)
{
	static const char *const tables[] = { EVENT_TABLES };
	size_t i;
	int rc;

	rc = bu_db_exec(s->db, "CREATE TEMP TABLE section (first_id INTEGER PRIMARY KEY);"
			"CREATE TEMP TABLE place (old INTEGER PRIMARY KEY, new INTEGER NOT NULL)", err);
	for (i = 0; !rc && i < p->n_sections; i++)
		rc = bu_db_row(s->db, err, "INSERT OR IGNORE INTO temp.section VALUES (?)", "i", p->sections[i].first_id);
	if (!rc)
		rc = bu_db_exec(s->db, "INSERT INTO temp.place (old, new) SELECT id, row_number() OVER (ORDER BY t, id) FROM ("
				"SELECT id, max(ts_ns) OVER (PARTITION BY (SELECT max(first_id) FROM temp.section "
				"WHERE first_id <= id) ORDER BY id) AS t FROM ("
				"SELECT id, ts_ns FROM ev_cpuhp UNION ALL SELECT id, ts_ns FROM ev_func UNION ALL "
				"SELECT id, ts_ns FROM ev_fault UNION ALL SELECT id, ts_ns FROM ev_irq_vector UNION ALL "
				"SELECT id, ts_ns FROM ev_sched_switch UNION ALL SELECT id, ts_ns FROM ev_timer UNION ALL "
				"SELECT id, ts_ns FROM ev_other))", err);
	for (i = 0; !rc && i < ARRAY_SIZE(tables); i++)
		rc = renumber_column(s->db, tables[i], "id", err);
	if (!rc)
		rc = renumber_column(s->db, "source_line", "event_id", err);
	return rc;
}

static int place_of(struct bu_db *db, int64_t *id, struct bu_err *err)
{
	char sql[96];
	int rc;

	if (*id == BU_NS_UNKNOWN || !*id)
		return 0;
	snprintf(sql, sizeof(sql), "SELECT new FROM temp.place WHERE old = %" PRId64, *id);
	rc = bu_db_i64(db, sql, id, err);
	return rc < 0 ? rc : 0;
}

/* And what the parser remembers of them. */
static int renumber_memory(struct bu_import_state *s, struct bu_text_parser *p, struct bu_err *err)
{
	size_t i, k;
	int rc = 0;

	for (i = 0; !rc && i < p->n_holes; i++) {
		rc = place_of(s->db, &p->holes[i].after_id, err);
		if (!rc)
			rc = place_of(s->db, &p->holes[i].before_id, err);
	}
	for (i = 0; !rc && i < p->n_buffers; i++)
		for (k = 0; !rc && k < p->buffers[i].n_cpus; k++) {
			rc = place_of(s->db, &p->buffers[i].cpus[k].first_id, err);
			if (!rc)
				rc = place_of(s->db, &p->buffers[i].cpus[k].last_id, err);
		}
	return rc ? rc : bu_db_exec(s->db, "DROP TABLE temp.place; DROP TABLE temp.section", err);
}

/* ---- what the rest of the import works with ------------------------------------------------------------------------------ */

static int make_streams(struct bu_import_state *s, struct bu_text_parser *p, struct bu_err *err)
{
	struct bu_dat_buffer *buffers = calloc(p->n_buffers, sizeof(*buffers));
	size_t n = 0, i, k;
	int64_t *first;

	if (!buffers)
		return bu_fail_errno(err, -ENOMEM, "import");
	for (i = 0; i < p->n_buffers; i++) {
		buffers[i].name = p->buffers[i].name;
		buffers[i].cpus = (uint32_t)p->buffers[i].n_cpus;
		n += p->buffers[i].n_cpus;
		if (p->buffers[i].n_cpus > s->n_first_ids)
			s->n_first_ids = p->buffers[i].n_cpus;
	}
	free(s->head.buffers);
	s->head.buffers = buffers;
	s->head.n_buffers = s->head.cap_buffers = p->n_buffers;
	s->source.streams = calloc(n + 1, sizeof(*s->source.streams));
	s->first_ids = malloc((s->n_first_ids + 1) * sizeof(*s->first_ids));
	if (!s->source.streams || !s->first_ids)
		return bu_fail_errno(err, -ENOMEM, "import");
	for (i = 0; i < s->n_first_ids; i++)
		s->first_ids[i] = BU_NS_UNKNOWN;
	for (i = 0; i < p->n_buffers; i++)
		for (k = 0; k < p->buffers[i].n_cpus; k++) {
			const struct bu_text_cpu *c = &p->buffers[i].cpus[k];

			s->source.streams[s->source.n_streams++] = (struct bu_stream){
				.buf = (uint32_t)i, .cpu = (int32_t)k, .events = c->events, .first_id = c->first_id,
				.first_ns = c->first_ns, .last_id = c->last_id, .last_ns = c->last_ns,
				.marked = c->marked, .open_holes = c->open_holes, .open_hole = c->open_hole,
			};
			first = k < s->n_first_ids ? &s->first_ids[k] : NULL;
			if (first && c->events && (*first == BU_NS_UNKNOWN || c->first_id < *first))
				*first = c->first_id;
		}
	s->holes = p->holes;
	s->n_holes = p->n_holes;
	s->cap_holes = p->cap_holes;
	p->holes = NULL;
	p->n_holes = p->cap_holes = 0;
	return 0;
}

static int write_dictionaries(struct bu_import_state *s, const struct bu_text_decoder *d, struct bu_err *err)
{
	size_t i;
	int rc;

	rc = bu_capture_write_symbols(s->db, &d->symbols, err);
	if (!rc)
		rc = bu_capture_write_tasks(s->db, &d->tasks, err);
	for (i = 0; !rc && i < d->n_kinds; i++) {
		struct bu_event_kind k = { (uint32_t)i + 1, d->kinds[i].system, d->kinds[i].name, d->kinds[i].table,
					   d->kinds[i].events };

		rc = bu_capture_write_kind(s->db, &k, err);
	}
	return rc;
}

/* ---- notes ------------------------------------------------------------------------------------------------------------------ */

static int note_stamps(struct bu_import_state *s, const struct bu_text_parser *p, struct bu_err *err)
{
	int64_t others = p->events - p->forms[s->text->form];
	int rc = 0;

	if (p->events && s->text->form != BU_STAMP_BARE)
		rc = bu_capture_note(s->db, "info", "clock", 1, err, "text has stamps of whole microseconds: a duration "
				     "may be off by one of them");
	if (!rc && others)
		rc = bu_capture_note(s->db, "warning", "clock", others, err, "%" PRId64 " events have stamps of another "
				     "form than the rest; their times mean nothing", others);
	if (!rc && p->steps_back)
		rc = bu_capture_note(s->db, "warning", "clock", p->steps_back, err, "%" PRId64 " events have a stamp before "
				     "that of an earlier event of the text; the order of the text was kept", p->steps_back);
	return rc;
}

static int note_text(struct bu_import_state *s, const struct bu_text_parser *p, struct bu_err *err)
{
	const struct bu_text_counts *c = &p->counts;
	int rc = 0;

	if (c->unparsed)
		rc = bu_capture_note(s->db, "warning", "text", c->unparsed, err, "%" PRId64 " lines, or parts of lines, could "
				     "not be understood; the table raw_line has %s", c->unparsed,
				     c->unparsed > MAX_RAW_ROWS ? "the first 100000 of them" : "them");
	if (!rc && p->decoder.as_text)
		rc = bu_capture_note(s->db, "warning", "text", p->decoder.as_text, err, "%" PRId64 " events do not have the "
				     "words that their kind has; they are kept as text", p->decoder.as_text);
	if (!rc && c->long_lines)
		rc = bu_capture_note(s->db, "warning", "text", c->long_lines, err, "%" PRId64 " lines are longer than any that "
				     "a kernel prints; only their beginnings were looked at", c->long_lines);
	if (!rc && c->noisy_lines)
		rc = bu_capture_note(s->db, "info", "text", c->noisy_lines, err, "%" PRId64 " lines had control characters in "
				     "them, which were left out", c->noisy_lines);
	if (!rc && s->text->file_cut)
		rc = bu_capture_note(s->db, "error", "text", 1, err, "the gzip file is cut or damaged; what could be unpacked "
				     "of it was read");
	return rc;
}

static int note_console(struct bu_import_state *s, struct bu_err *err)
{
	const struct bu_console_survey *v = &s->text->survey;
	int rc = 0;

	if (s->text->kind != BU_TEXT_CONSOLE)
		return 0;
	if (v->boots > 1)
		rc = bu_capture_note(s->db, "info", "text", v->boots, err, "the log holds %" PRId64 " boots; this is number %"
				     PRId64 ", lines %" PRId64 " to %" PRId64, v->boots, v->boot, v->first_line, v->last_line);
	if (!rc && v->empty_dumps)
		rc = bu_capture_note(s->db, "warning", "account", v->empty_dumps, err, "the kernel says that a trace buffer "
				     "was empty: nothing was recorded, or it had been read before");
	if (!rc && !v->dumps && !v->has_events)
		rc = bu_capture_note(s->db, "warning", "account", 1, err, "the log has no dump of the trace buffer; "
				     "ftrace_dump_on_oops on the kernel command line makes one");
	else if (!rc && !v->dumps)
		rc = bu_capture_note(s->db, "warning", "account", 1, err, "the beginning of the dump is not in the log");
	if (!rc && v->dumps_open)
		rc = bu_capture_note(s->db, "warning", "account", v->dumps_open, err, "the log breaks off within a dump; "
				     "the events that followed are missing");
	return rc;
}

static int write_source(struct bu_import_state *s, const struct bu_text_parser *p, struct bu_err *err)
{
	const struct bu_text_counts *c = &p->counts;
	int rc;

	rc = bu_db_row(s->db, err, "INSERT INTO source_text (id, lines, pieces, events, marks, messages, unparsed, passed_over)"
		       " VALUES (1,?,?,?,?,?,?,?)", "iiiiiii", c->lines, c->pieces, c->events, c->marks, c->messages,
		       c->unparsed, c->passed_over);
	if (!rc && s->text->kind == BU_TEXT_TRACE && *s->text->head.tracer && !s->machine.given)
		rc = bu_db_row(s->db, err, "INSERT INTO trace_config (key, value) VALUES ('current_tracer', ?)", "t",
			       s->text->head.tracer);
	if (!rc)
		rc = note_stamps(s, p, err);
	if (!rc)
		rc = note_text(s, p, err);
	return rc ? rc : note_console(s, err);
}

/* ---- the whole ------------------------------------------------------------------------------------------------------------------ */

int bu_text_import_events(struct bu_import_state *s, struct bu_err *err)
{
	struct bu_text_state *t = s->text;
	struct outlet o;
	const struct bu_text_out out = { &o, put_event, put_raw, put_message, put_frame };
	int rc;

	rc = outlet_init(&o, s, err);
	if (!rc) {
		rc = bu_text_parser_init(&t->parser, &out, &s->clock, s->origin);
		if (rc)
			bu_fail_errno(err, rc, "import");
	}
	if (!rc)
		rc = t->kind == BU_TEXT_TRACE ? bu_text_trace_parse(&t->parser, text_of(t), err) :
						bu_console_parse(&t->parser, &t->reader, &t->survey, err);
	if (!rc)
		rc = bu_capture_writer_flush(o.writer, err);
	outlet_fini(&o);
	s->events = t->parser.events;
	if (!rc && sections_overlap(&t->parser)) {
		rc = renumber(s, &t->parser, err);
		if (!rc)
			rc = renumber_memory(s, &t->parser, err);
	}
	if (!rc)
		rc = write_dictionaries(s, &t->parser.decoder, err);
	if (!rc)
		rc = write_source(s, &t->parser, err);
	return rc ? rc : make_streams(s, &t->parser, err);
}

/* Events that the head of a trace counts and the text does not have, of no CPU in particular. */
static int missing(struct bu_import_state *s, const char *kind, int64_t count, bool at_start, struct bu_err *err)
{
	struct bu_loss l = { .buf = 0, .cpu = -1, .kind = kind, .count = count, .after_id = BU_NS_UNKNOWN,
			     .before_id = BU_NS_UNKNOWN, .after_ns = BU_NS_UNKNOWN, .before_ns = BU_NS_UNKNOWN };

	if (at_start && s->events)
		l.before_id = 1;
	if (count == BU_NS_UNKNOWN)
		s->lost_unknown++;
	else
		s->lost += count;
	return bu_capture_write_loss(s->db, &l, err);
}

/* The head of a trace counts what was in the buffers and what had ever been written to them. */
static int account_head(struct bu_import_state *s, bool *balanced, struct bu_err *err)
{
	const struct bu_text_trace_head *h = &s->text->head;
	int64_t gone, unread;
	size_t i;
	int rc = 0;

	if (h->in_buffer == BU_NS_UNKNOWN) {
		*balanced = false;
		return bu_capture_note(s->db, "warning", "account", 1, err, "the text does not say how many events were in the "
				       "buffers; what is missing at its ends would not show");
	}
	gone = h->written - h->in_buffer;
	for (i = 0; i < s->n_holes; i++)	/* these are of the overwritten ones */
		gone -= s->holes[i].count == BU_NS_UNKNOWN ? 0 : s->holes[i].count;
	unread = h->in_buffer - s->events;
	if (gone > 0)
		rc = missing(s, "overrun", gone, true, err);
	if (!rc && unread > 0)
		rc = missing(s, "unread", unread, false, err);
	if (!rc && unread < 0) {
		*balanced = false;
		rc = bu_capture_note(s->db, "warning", "account", -unread, err, "the text has %" PRId64 " events and its head "
				     "counts only %" PRId64, s->events, h->in_buffer);
	}
	return rc;
}

static int account_console(struct bu_import_state *s, bool *balanced, struct bu_err *err)
{
	int64_t i, cut = s->text->survey.dumps_open;
	int rc = 0;

	*balanced = false;
	for (i = 0; !rc && i < cut; i++)
		rc = missing(s, "unread", BU_NS_UNKNOWN, false, err);
	if (!rc && s->events)
		rc = bu_capture_note(s->db, "info", "account", 1, err, "a dump does not say how many events its buffers had "
				     "overwritten before it");
	return rc;
}

/* Tables buffer, cpu_account and loss from the text alone. */
static int account_text(struct bu_import_state *s, bool *balanced, struct bu_err *err)
{
	size_t i;
	int rc = 0;

	s->lost = s->lost_unknown = 0;
	for (i = 0; !rc && i < s->head.n_buffers; i++)
		rc = bu_db_row(s->db, err, "INSERT INTO buffer (id, name) VALUES (?, ?)", "it", (int64_t)i,
			       s->head.buffers[i].name);
	for (i = 0; !rc && i < s->source.n_streams; i++)
		if (s->source.streams[i].events)
			rc = bu_db_row(s->db, err, "INSERT INTO cpu_account (buf, cpu, imported) VALUES (?,?,?)", "iii",
				       (int64_t)s->source.streams[i].buf, (int64_t)s->source.streams[i].cpu,
				       s->source.streams[i].events);
	for (i = 0; !rc && i < s->n_holes; i++) {
		rc = bu_capture_write_loss(s->db, &s->holes[i], err);
		if (s->holes[i].count == BU_NS_UNKNOWN)
			s->lost_unknown++;
		else
			s->lost += s->holes[i].count;
	}
	if (rc)
		return rc;
	return s->text->kind == BU_TEXT_TRACE ? account_head(s, balanced, err) : account_console(s, balanced, err);
}

int bu_text_import_account(struct bu_import_state *s, struct bu_err *err)
{
	bool balanced = true;
	int rc;

	if (s->machine.n_stats) {
		rc = bu_import_account(s, err);
		balanced = s->complete;
	} else {
		rc = account_text(s, &balanced, err);
	}
	s->complete = !rc && balanced && !s->lost && !s->lost_unknown && !s->text->parser.counts.unparsed &&
		      !s->text->file_cut;
	return rc;
}
