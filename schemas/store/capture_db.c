// SPDX-License-Identifier: GPL-2.0-only
/* capture_db.c - see capture_db.h. */
#include "schemas/store/capture_db.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "schemas/base/ns.h"
#include "schemas/store/ddl.h"
#include "schemas/store/feed.h"
#include "schemas/store/load.h"

struct bu_capture_writer {
	struct bu_feed *feeds[BU_EV_TABLES];
	struct bu_load *load;		/* instead of the feeds */
};

/*
 * All columns in their order. Each table begins with the same seven; without raw stamps the third is a '0'.
 */
#define HEAD "id, ts_ns, ts_raw, cpu, task, ctx, buf, "
#define HEAD_TYPES "iiiiiii"
#define HEAD_COLUMNS 7
#define TS_RAW 2

static const struct {
	const char *table, *columns, *types;
} tables[BU_EV_TABLES] = {
	[BU_EV_CPUHP] = { "ev_cpuhp", HEAD "kind, target_cpu, step, target, func, state, ret", HEAD_TYPES "siinnnn" },
	[BU_EV_FUNC] = { "ev_func", HEAD "func, caller", HEAD_TYPES "in" },
	[BU_EV_FAULT] = { "ev_fault", HEAD "mode, address, ip, ip_symbol, error_code", HEAD_TYPES "sinni" },
	[BU_EV_IRQ_VECTOR] = { "ev_irq_vector", HEAD "kind, vector", HEAD_TYPES "ii" },
	[BU_EV_SCHED_SWITCH] = { "ev_sched_switch", HEAD "prev, prev_prio, prev_state, next, next_prio",
				 HEAD_TYPES "iiiii" },
	[BU_EV_TIMER] = { "ev_timer", HEAD "kind, timer, func, expires, now", HEAD_TYPES "iinnn" },
	[BU_EV_OTHER] = { "ev_other", HEAD "kind, fields", HEAD_TYPES "it" },
};

static void types_of(int table, bool raw_stamps, char types[BU_FEED_COLUMNS + 1])
{
	snprintf(types, BU_FEED_COLUMNS + 1, "%s", tables[table].types);
	if (!raw_stamps)
		types[TS_RAW] = '0';
}

int bu_capture_writer_create(struct bu_db *db, bool raw_stamps, struct bu_capture_writer **ret,
			     struct bu_err *err)
{
	_cleanup_(bu_capture_writer_destroyp) struct bu_capture_writer *w = calloc(1, sizeof(*w));
	char types[BU_FEED_COLUMNS + 1];
	int i, rc;

	if (!w)
		return bu_fail_errno(err, -ENOMEM, "capture writer");
	for (i = 0; i < BU_EV_TABLES; i++) {
		types_of(i, raw_stamps, types);
		rc = bu_feed_create(db, tables[i].table, tables[i].columns, types, &w->feeds[i], err);
		if (rc)
			return rc;
	}
	*ret = take_ptr(w);
	return 0;
}

int bu_capture_loader_create(struct bu_db *db, bool raw_stamps, const struct bu_load_table *more, size_t n_more,
			     struct bu_capture_writer **ret, struct bu_err *err)
{
	_cleanup_(bu_capture_writer_destroyp) struct bu_capture_writer *w = calloc(1, sizeof(*w));
	_cleanup_free_ struct bu_load_table *loads = calloc(BU_EV_TABLES + n_more, sizeof(*loads));
	char types[BU_EV_TABLES][BU_FEED_COLUMNS + 1];
	int i, rc;

	if (!w || !loads)
		return bu_fail_errno(err, -ENOMEM, "capture writer");
	for (i = 0; i < BU_EV_TABLES; i++) {
		types_of(i, raw_stamps, types[i]);
		loads[i] = (struct bu_load_table){ .name = tables[i].table, .types = types[i] };
	}
	loads[BU_EV_FUNC].index = "ev_func_by_func";
	loads[BU_EV_FUNC].index_column = HEAD_COLUMNS;
	if (n_more)
		memcpy(loads + BU_EV_TABLES, more, n_more * sizeof(*more));
	rc = bu_db_exec(db, bu_sql_index, err);
	if (!rc)
		rc = bu_load_begin(db, loads, BU_EV_TABLES + n_more, &w->load, err);
	if (rc)
		return rc;
	*ret = take_ptr(w);
	return 0;
}

struct bu_load *bu_capture_load(const struct bu_capture_writer *w)
{
	return w->load;
}

void bu_capture_writer_destroy(struct bu_capture_writer *w)
{
	int i;

	if (!w)
		return;
	for (i = 0; i < BU_EV_TABLES; i++)
		bu_feed_destroy(w->feeds[i]);
	bu_load_destroy(w->load);
	free(w);
}

void bu_capture_writer_destroyp(struct bu_capture_writer **w)
{
	bu_capture_writer_destroy(*w);
}

int bu_capture_writer_flush(struct bu_capture_writer *w, struct bu_err *err)
{
	int i, rc = 0;

	if (w->load)
		return bu_load_end(w->load, err);
	for (i = 0; !rc && i < BU_EV_TABLES; i++)
		rc = bu_feed_flush(w->feeds[i], err);
	return rc;
}

/* A dictionary number, of which 0 is NULL. */
static int64_t ref(uint32_t id)
{
	return id ? id : BU_NS_UNKNOWN;
}

static void fill_cpuhp(union bu_cell *c, const struct bu_event *ev)
{
	static const char *const kinds[] = { "enter", "multi", "exit" };

	c[0].text = kinds[ev->cpuhp.kind];
	c[1].i = ev->cpuhp.target_cpu;
	c[2].i = ev->cpuhp.step;
	c[3].i = ev->cpuhp.target;
	c[4].i = ref(ev->cpuhp.func);
	c[5].i = ev->cpuhp.state;
	c[6].i = ev->cpuhp.ret;
}

/* The columns after the seven. */
static void fill(union bu_cell *c, const struct bu_event *ev)
{
	switch (ev->table) {
	case BU_EV_CPUHP:
		fill_cpuhp(c, ev);
		break;
	case BU_EV_FUNC:
		c[0].i = ev->func.func;
		c[1].i = ref(ev->func.caller);
		break;
	case BU_EV_FAULT:
		c[0].text = ev->fault.is_user ? "user" : "kernel";
		c[1].i = ev->fault.address;
		c[2].i = ev->fault.ip;
		c[3].i = ref(ev->fault.ip_symbol);
		c[4].i = ev->fault.error_code;
		break;
	case BU_EV_IRQ_VECTOR:
		c[0].i = ev->kind;
		c[1].i = ev->irq.vector;
		break;
	case BU_EV_SCHED_SWITCH:
		c[0].i = ev->sched.prev;
		c[1].i = ev->sched.prev_prio;
		c[2].i = ev->sched.prev_state;
		c[3].i = ev->sched.next;
		c[4].i = ev->sched.next_prio;
		break;
	case BU_EV_TIMER:
		c[0].i = ev->kind;
		c[1].i = ev->timer.timer;
		c[2].i = ref(ev->timer.func);
		c[3].i = ev->timer.expires;
		c[4].i = ev->timer.now;
		break;
	default:
		c[0].i = ev->kind;
		c[1].text = ev->other.fields;
	}
}

int bu_capture_write_event(struct bu_capture_writer *w, const struct bu_event *ev, struct bu_err *err)
{
	union bu_cell *c = w->load ? bu_load_row(w->load, ev->table) : bu_feed_row(w->feeds[ev->table]);

	c[0].i = ev->id;
	c[1].i = ev->ts_ns;
	c[2].i = (int64_t)ev->ts_raw;
	c[3].i = ev->cpu;
	c[4].i = ev->task;
	c[5].i = ev->ctx;
	c[6].i = ev->buf;
	fill(c + HEAD_COLUMNS, ev);
	return w->load ? bu_load_push(w->load, ev->table, err) : bu_feed_push(w->feeds[ev->table], err);
}

size_t bu_symbol_base(const char *name)
{
	/* A name that begins with a dot is whole: there is nothing before its suffix. */
	return *name ? 1 + strcspn(name + 1, ".") : 0;
}

int bu_capture_write_symbols(struct bu_db *db, const struct bu_dict *symbols, struct bu_err *err)
{
	_cleanup_(bu_stmt_closep) struct bu_stmt *st = NULL;
	_cleanup_free_ char *base = NULL;
	const char *name;
	size_t i;
	int rc;

	rc = bu_stmt_prepare(db, "INSERT INTO symbol (id, name, base) VALUES (?, ?, ?)", &st, err);
	for (i = 0; !rc && i < symbols->n; i++) {
		name = symbols->entries[i].text;
		free(base);
		base = strndup(name, bu_symbol_base(name));
		if (!base)
			return bu_fail_errno(err, -ENOMEM, "symbols");
		bu_stmt_bind_i64(st, 1, (int64_t)i + 1);
		bu_stmt_bind_text(st, 2, name);
		bu_stmt_bind_text(st, 3, base);
		rc = bu_stmt_run(st, err);
	}
	return rc;
}

int bu_capture_write_tasks(struct bu_db *db, const struct bu_dict *tasks, struct bu_err *err)
{
	_cleanup_(bu_stmt_closep) struct bu_stmt *st = NULL;
	size_t i;
	int rc;

	rc = bu_stmt_prepare(db, "INSERT INTO task (id, pid, comm) VALUES (?, ?, ?)", &st, err);
	for (i = 0; !rc && i < tasks->n; i++) {
		bu_stmt_bind_i64(st, 1, (int64_t)i + 1);
		bu_stmt_bind_i64(st, 2, tasks->entries[i].number);
		bu_stmt_bind_text(st, 3, tasks->entries[i].text);
		rc = bu_stmt_run(st, err);
	}
	return rc;
}

int bu_capture_write_kind(struct bu_db *db, const struct bu_event_kind *kind, struct bu_err *err)
{
	return bu_db_row(db, err, "INSERT INTO event_kind (id, system, name, stored_in, events) VALUES (?,?,?,?,?)",
			 "ittti", (int64_t)kind->id, kind->system, kind->name, tables[kind->table].table,
			 kind->events);
}

int bu_capture_write_loss(struct bu_db *db, const struct bu_loss *l, struct bu_err *err)
{
	return bu_db_row(db, err, "INSERT INTO loss (buf, cpu, kind, count, after_id, before_id, after_ns, before_ns)"
			 " VALUES (?,?,?,?,?,?,?,?)", "iitnnnnn", (int64_t)l->buf, (int64_t)l->cpu, l->kind, l->count,
			 l->after_id, l->before_id, l->after_ns, l->before_ns);
}

int bu_capture_note(struct bu_db *db, const char *severity, const char *topic, int64_t count,
		    struct bu_err *err, const char *fmt, ...)
{
	_cleanup_free_ char *detail = NULL;
	va_list ap;
	int n;

	va_start(ap, fmt);
	n = vasprintf(&detail, fmt, ap);
	va_end(ap);
	if (n < 0) {
		detail = NULL;
		return bu_fail_errno(err, -ENOMEM, "note");
	}
	return bu_db_row(db, err, "INSERT INTO import_note (severity, topic, detail, count) VALUES (?,?,?,?)", "ttti",
			 severity, topic, detail, count);
}
