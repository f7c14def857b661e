// SPDX-License-Identifier: GPL-2.0-only
/* capture_db.c - see capture_db.h. */
#include "schemas/store/capture_db.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "schemas/base/ns.h"

struct bu_capture_writer {
	struct bu_stmt *insert[BU_EV_TABLES];
	bool raw_stamps;
};

#define HEAD "(id, ts_ns, ts_raw, cpu, task, ctx, buf, "

/* Each begins with the seven columns that all event tables share. */
static const struct {
	const char *table, *sql;
} tables[BU_EV_TABLES] = {
	[BU_EV_CPUHP] = { "ev_cpuhp", "INSERT INTO ev_cpuhp " HEAD "kind, target_cpu, step, target, func, state, ret)"
		" VALUES (?,?,?,?,?,?,?, ?,?,?,?,?,?,?)" },
	[BU_EV_FUNC] = { "ev_func", "INSERT INTO ev_func " HEAD "func, caller) VALUES (?,?,?,?,?,?,?, ?,?)" },
	[BU_EV_FAULT] = { "ev_fault", "INSERT INTO ev_fault " HEAD "mode, address, ip, error_code, ip_symbol)"
		" VALUES (?,?,?,?,?,?,?, ?,?,?,?,?)" },
	[BU_EV_IRQ_VECTOR] = { "ev_irq_vector", "INSERT INTO ev_irq_vector " HEAD "kind, vector)"
		" VALUES (?,?,?,?,?,?,?, ?,?)" },
	[BU_EV_SCHED_SWITCH] = { "ev_sched_switch", "INSERT INTO ev_sched_switch " HEAD
		"prev, prev_prio, prev_state, next, next_prio) VALUES (?,?,?,?,?,?,?, ?,?,?,?,?)" },
	[BU_EV_TIMER] = { "ev_timer", "INSERT INTO ev_timer " HEAD "kind, timer, func, expires, now)"
		" VALUES (?,?,?,?,?,?,?, ?,?,?,?,?)" },
	[BU_EV_OTHER] = { "ev_other", "INSERT INTO ev_other " HEAD "kind, fields) VALUES (?,?,?,?,?,?,?, ?,?)" },
};

int bu_capture_writer_create(struct bu_db *db, bool raw_stamps, struct bu_capture_writer **ret,
			     struct bu_err *err)
{
	_cleanup_(bu_capture_writer_destroyp) struct bu_capture_writer *w = calloc(1, sizeof(*w));
	int i, rc;

	if (!w)
		return bu_fail_errno(err, -ENOMEM, "capture writer");
	w->raw_stamps = raw_stamps;
	for (i = 0; i < BU_EV_TABLES; i++) {
		rc = bu_stmt_prepare(db, tables[i].sql, &w->insert[i], err);
		if (rc)
			return rc;
	}
	*ret = take_ptr(w);
	return 0;
}

void bu_capture_writer_destroy(struct bu_capture_writer *w)
{
	int i;

	if (!w)
		return;
	for (i = 0; i < BU_EV_TABLES; i++)
		bu_stmt_close(w->insert[i]);
	free(w);
}

void bu_capture_writer_destroyp(struct bu_capture_writer **w)
{
	bu_capture_writer_destroy(*w);
}

/* A dictionary number, of which 0 is NULL. */
static void bind_ref(struct bu_stmt *st, int i, uint32_t id)
{
	if (id)
		bu_stmt_bind_i64(st, i, id);
	else
		bu_stmt_bind_null(st, i);
}

int bu_capture_write_event(struct bu_capture_writer *w, const struct bu_event *ev, struct bu_err *err)
{
	static const char *const cpuhp_kinds[] = { "enter", "multi", "exit" };
	struct bu_stmt *st = w->insert[ev->table];

	bu_stmt_bind_i64(st, 1, ev->id);
	bu_stmt_bind_i64(st, 2, ev->ts_ns);
	if (w->raw_stamps)
		bu_stmt_bind_i64(st, 3, (int64_t)ev->ts_raw);
	else
		bu_stmt_bind_null(st, 3);
	bu_stmt_bind_i64(st, 4, ev->cpu);
	bu_stmt_bind_i64(st, 5, ev->task);
	bu_stmt_bind_i64(st, 6, ev->ctx);
	bu_stmt_bind_i64(st, 7, ev->buf);
	switch (ev->table) {
	case BU_EV_CPUHP:
		bu_stmt_bind_text(st, 8, cpuhp_kinds[ev->cpuhp.kind]);
		bu_stmt_bind_i64(st, 9, ev->cpuhp.target_cpu);
		bu_stmt_bind_i64(st, 10, ev->cpuhp.step);
		bu_stmt_bind_ns(st, 11, ev->cpuhp.target);
		bind_ref(st, 12, ev->cpuhp.func);
		bu_stmt_bind_ns(st, 13, ev->cpuhp.state);
		bu_stmt_bind_ns(st, 14, ev->cpuhp.ret);
		break;
	case BU_EV_FUNC:
		bu_stmt_bind_i64(st, 8, ev->func.func);
		bind_ref(st, 9, ev->func.caller);
		break;
	case BU_EV_FAULT:
		bu_stmt_bind_text(st, 8, ev->fault.is_user ? "user" : "kernel");
		bu_stmt_bind_i64(st, 9, ev->fault.address);
		bu_stmt_bind_ns(st, 10, ev->fault.ip);
		bu_stmt_bind_i64(st, 11, ev->fault.error_code);
		bind_ref(st, 12, ev->fault.ip_symbol);
		break;
	case BU_EV_IRQ_VECTOR:
		bu_stmt_bind_i64(st, 8, ev->kind);
		bu_stmt_bind_i64(st, 9, ev->irq.vector);
		break;
	case BU_EV_SCHED_SWITCH:
		bu_stmt_bind_i64(st, 8, ev->sched.prev);
		bu_stmt_bind_i64(st, 9, ev->sched.prev_prio);
		bu_stmt_bind_i64(st, 10, ev->sched.prev_state);
		bu_stmt_bind_i64(st, 11, ev->sched.next);
		bu_stmt_bind_i64(st, 12, ev->sched.next_prio);
		break;
	case BU_EV_TIMER:
		bu_stmt_bind_i64(st, 8, ev->kind);
		bu_stmt_bind_i64(st, 9, ev->timer.timer);
		bind_ref(st, 10, ev->timer.func);
		bu_stmt_bind_ns(st, 11, ev->timer.expires);
		bu_stmt_bind_ns(st, 12, ev->timer.now);
		break;
	default:
		bu_stmt_bind_i64(st, 8, ev->kind);
		bu_stmt_bind_text(st, 9, ev->other.fields);
	}
	return bu_stmt_run(st, err);
}

int bu_capture_write_symbols(struct bu_db *db, const struct bu_dict *symbols, struct bu_err *err)
{
	_cleanup_(bu_stmt_closep) struct bu_stmt *st = NULL;
	_cleanup_free_ char *base = NULL;
	const char *name;
	size_t i, len;
	int rc;

	rc = bu_stmt_prepare(db, "INSERT INTO symbol (id, name, base) VALUES (?, ?, ?)", &st, err);
	for (i = 0; !rc && i < symbols->n; i++) {
		name = symbols->entries[i].text;
		/* A name that begins with a dot is whole: there is nothing before its suffix. */
		len = *name ? 1 + strcspn(name + 1, ".") : 0;
		free(base);
		base = strndup(name, len);
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

int bu_db_row(struct bu_db *db, struct bu_err *err, const char *sql, const char *types, ...)
{
	_cleanup_(bu_stmt_closep) struct bu_stmt *st = NULL;
	va_list ap;
	int rc, i;

	rc = bu_stmt_prepare(db, sql, &st, err);
	if (rc)
		return rc;
	va_start(ap, types);
	for (i = 0; types[i]; i++)
		switch (types[i]) {
		case 'i':
			bu_stmt_bind_i64(st, i + 1, va_arg(ap, int64_t));
			break;
		case 'n':
			bu_stmt_bind_ns(st, i + 1, va_arg(ap, int64_t));
			break;
		default:
			bu_stmt_bind_text(st, i + 1, va_arg(ap, const char *));
		}
	va_end(ap);
	return bu_stmt_run(st, err);
}
