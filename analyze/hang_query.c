// SPDX-License-Identifier: GPL-2.0-only
/* hang_query.c - the facts behind hang_report.h, read from a capture database. */
#include <errno.h>
#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "analyze/hang_int.h"
#include "schemas/store/db.h"

#define UNKNOWN BU_NS_UNKNOWN

struct query {
	struct bu_db *db;
	struct bu_hang *h;
	int64_t base_ns;
	int64_t start_id;	/* event that began the rendezvous */
};

static const char *text_of(struct query *q, struct bu_stmt *st, int col, int *rc, struct bu_err *err)
{
	const char *t = bu_stmt_text(st, col), *copy;

	if (!t)
		return NULL;
	copy = bu_arena_strdup(&q->h->arena, t);
	if (!copy)
		*rc = bu_fail_errno(err, -ENOMEM, "report");
	return copy;
}

static int64_t since_base(const struct query *q, int64_t ns)
{
	return ns == UNKNOWN ? UNKNOWN : ns - q->base_ns;
}

static int no_memory(struct bu_err *err)
{
	return bu_fail_errno(err, -ENOMEM, "report");
}

/* ---- the capture ------------------------------------------------------------------------------------------ */

static int read_head(struct query *q, struct bu_err *err)
{
	struct bu_hang *h = q->h;
	int64_t v = 0;
	int rc;

	h->cpus_said = h->cpus_possible = h->log_end_ns = h->end_ns = UNKNOWN;
	rc = bu_db_i64(q->db, "SELECT coalesce((SELECT start_ns FROM bringup), (SELECT min(start_ns) FROM hotplug_op), 0)",
		       &q->base_ns, err);
	if (rc >= 0)
		rc = bu_db_i64(q->db, "SELECT clock_unit = 'tick' FROM capture", &v, err);
	h->ticks = v;
	if (rc >= 0)
		rc = bu_db_i64(q->db, "SELECT events_total FROM capture", &h->events, err);
	v = 0;
	if (rc >= 0)
		rc = bu_db_i64(q->db, "SELECT source_kind = 'console log' FROM capture", &v, err);
	h->is_console = v;
	if (rc >= 0)
		rc = bu_db_i64(q->db, "SELECT cpus_possible FROM machine", &h->cpus_possible, err);
	if (rc >= 0 && h->is_console)
		rc = bu_db_i64(q->db, "SELECT cpus_online FROM machine WHERE cpus_online > 0 AND EXISTS (SELECT 1 FROM log_event "
			       "WHERE text LIKE '%Brought up%')", &h->cpus_said, err);
	h->bringup_done = h->cpus_said != UNKNOWN;
	return rc < 0 ? rc : 0;
}

/* Every event as (id, ts_ns, cpu, task, what), for WHERE clauses that leave few. */
#define EACH_EVENT(where) \
	"SELECT e.id, e.ts_ns, e.cpu, e.task, y.base AS what FROM ev_func e JOIN symbol y ON y.id = e.func " where \
	" UNION ALL SELECT e.id, e.ts_ns, e.cpu, e.task, CASE e.kind WHEN 'exit' THEN 'end of step ' ELSE 'step ' END || " \
	"e.step || coalesce(' ' || y.base, '') FROM ev_cpuhp e LEFT JOIN symbol y ON y.id = e.func " where \
	" UNION ALL SELECT e.id, e.ts_ns, e.cpu, e.task, 'page fault' FROM ev_fault e " where \
	" UNION ALL SELECT e.id, e.ts_ns, e.cpu, e.task, k.name FROM ev_irq_vector e JOIN event_kind k ON k.id = e.kind " where \
	" UNION ALL SELECT e.id, e.ts_ns, e.cpu, e.task, 'sched_switch' FROM ev_sched_switch e " where \
	" UNION ALL SELECT e.id, e.ts_ns, e.cpu, e.task, k.name FROM ev_timer e JOIN event_kind k ON k.id = e.kind " where \
	" UNION ALL SELECT e.id, e.ts_ns, e.cpu, e.task, k.name FROM ev_other e JOIN event_kind k ON k.id = e.kind " where

/* ---- CPUs ------------------------------------------------------------------------------------------------------ */

static struct bu_hang_cpu *cpu_of(struct bu_hang *h, int cpu)
{
	size_t i;

	for (i = 0; i < h->n_cpu; i++)
		if (h->cpu[i].cpu == cpu)
			return &h->cpu[i];
	return NULL;
}

/*
 * CPUs and whether each was online when event @q->start_id happened: its last hotplug operation up to then says so,
 * and while that was still under way, whether the CPU had reached its idle loop. Without an operation: it has events.
 */
static int read_cpus(struct query *q, struct bu_err *err)
{
	_cleanup_(bu_stmt_closep) struct bu_stmt *st = NULL;
	struct bu_hang *h = q->h;
	char sql[1024];
	int rc;

	snprintf(sql, sizeof(sql), "WITH t AS (SELECT ts_ns FROM ev_func WHERE id = %" PRId64 ") "
		 "SELECT c.cpu, o.direction, o.verdict, o.end_ns <= coalesce((SELECT ts_ns FROM t), o.end_ns), "
		 "b.idle_ns <= coalesce((SELECT ts_ns FROM t), b.idle_ns), "
		 "EXISTS (SELECT 1 FROM cpu_account a WHERE a.cpu = c.cpu AND a.imported > 0), c.online FROM cpu c "
		 "LEFT JOIN hotplug_op o ON o.id = (SELECT max(id) FROM hotplug_op p WHERE p.cpu = c.cpu AND "
		 "p.direction <> 'rollback' AND p.start_ns <= coalesce((SELECT ts_ns FROM t), p.start_ns)) "
		 "LEFT JOIN bringup_cpu b ON b.cpu = c.cpu AND b.op = o.id ORDER BY c.cpu", q->start_id);
	rc = bu_stmt_prepare(q->db, sql, &st, err);
	while (!rc && (rc = bu_stmt_step(st, err)) > 0) {
		const char *direction = bu_stmt_text(st, 1), *verdict = bu_stmt_text(st, 2);
		struct bu_hang_cpu c = { (int)bu_stmt_i64(st, 0), false, UNKNOWN, UNKNOWN, NULL, -1 };

		rc = 0;
		if (!direction || !verdict)
			c.online = bu_stmt_i64(st, 5) > 0;
		else if (!strcmp(direction, "up"))
			c.online = (!strcmp(verdict, "ok") && bu_stmt_i64(st, 3) > 0) || bu_stmt_i64(st, 4) > 0;
		else
			c.online = strcmp(verdict, "ok") != 0;
		if (bu_grow(&h->cpu, h->n_cpu, &h->cap_cpu, sizeof(c)))
			return no_memory(err);
		h->cpu[h->n_cpu++] = c;
		h->n_online += c.online;
	}
	return rc;
}

static int read_last_events(struct query *q, struct bu_err *err)
{
	_cleanup_(bu_stmt_closep) struct bu_stmt *st = NULL;
	struct bu_hang_cpu *c;
	int64_t ns;
	int rc;

	/* With a single max() the other columns are of the row that has it (SQLite, "bare columns"). */
	rc = bu_stmt_prepare(q->db, "SELECT cpu, max(id), ts_ns, what FROM (" EACH_EVENT("") ") GROUP BY cpu", &st, err);
	while (!rc && (rc = bu_stmt_step(st, err)) > 0) {
		rc = 0;
		c = cpu_of(q->h, (int)bu_stmt_i64(st, 0));
		ns = since_base(q, bu_stmt_ns(st, 2));
		if (ns != UNKNOWN && (q->h->end_ns == UNKNOWN || ns > q->h->end_ns))
			q->h->end_ns = ns;
		if (!c)
			continue;
		c->last_ns = ns;
		c->last_what = text_of(q, st, 3, &rc, err);
	}
	return rc;
}

/* ---- steps without an end ------------------------------------------------------------------------------------------ */

/* Callbacks in which one CPU waits for another, kernel/cpu.c of 5.10 (bringup_cpu) to 6.12. */
static bool is_wait(const char *name)
{
	static const char *const names[] = { "bringup_cpu", "cpuhp_bringup_ap", "cpuhp_kick_ap_alive", "takedown_cpu" };
	size_t i;

	for (i = 0; i < ARRAY_SIZE(names); i++)
		if (!strcmp(names[i], name))
			return true;
	return false;
}

static int read_steps(struct query *q, struct bu_err *err)
{
	_cleanup_(bu_stmt_closep) struct bu_stmt *st = NULL;
	struct bu_hang *h = q->h;
	int rc;

	rc = bu_stmt_prepare(q->db, "SELECT cpu, target_cpu, nr, name, start_ns FROM step WHERE verdict = 'open' "
			     "ORDER BY id", &st, err);
	while (!rc && (rc = bu_stmt_step(st, err)) > 0) {
		struct bu_hang_step s = { (int)bu_stmt_i64(st, 0), (int)bu_stmt_i64(st, 1), (int)bu_stmt_i64(st, 2), NULL,
					  since_base(q, bu_stmt_i64(st, 4)), false };

		rc = 0;
		s.name = text_of(q, st, 3, &rc, err);
		if (rc)
			return rc;
		s.waits = s.cpu != s.target_cpu && is_wait(s.name);
		if (bu_grow(&h->step, h->n_step, &h->cap_step, sizeof(s)))
			return no_memory(err);
		h->step[h->n_step++] = s;
	}
	return rc;
}

/* ---- the rendezvous ---------------------------------------------------------------------------------------------------- */

/* What the task that calls stop_machine() itself still runs before it sleeps. */
#define STARTERS "'stop_machine', 'stop_machine_cpuslocked', 'stop_machine_from_inactive_cpu', '__stop_cpus', " \
		 "'stop_cpus', 'queue_stop_cpus_work', 'cpu_stop_queue_work', 'cpu_stop_init_done', 'wake_up_q', 'schedule', " \
		 "'wait_for_completion', 'stop_core_cpuslocked'"

/* The one number that a query of printf's making gives; UNKNOWN where it gives none. */
static int64_t one_number(struct query *q, int *rc, struct bu_err *err, const char *fmt, ...)
	__attribute__((format(printf, 4, 5)));

static int64_t one_number(struct query *q, int *rc, struct bu_err *err, const char *fmt, ...)
{
	int64_t v = UNKNOWN;
	char sql[1536];
	va_list ap;
	int got;

	if (*rc)
		return UNKNOWN;
	va_start(ap, fmt);
	vsnprintf(sql, sizeof(sql), fmt, ap);
	va_end(ap);
	got = bu_db_i64(q->db, sql, &v, err);
	if (got < 0)
		*rc = got;
	return got > 0 ? v : UNKNOWN;
}

static int read_starter(struct query *q, struct bu_err *err)
{
	_cleanup_(bu_stmt_closep) struct bu_stmt *st = NULL;
	struct bu_hang *h = q->h;
	int rc;

	rc = bu_stmt_prepare(q->db, "SELECT e.id, e.cpu, e.ts_ns, t.comm, t.pid, y.base FROM ev_func e JOIN symbol y ON "
			     "y.id = e.func JOIN task t ON t.id = e.task WHERE y.base IN ('stop_machine_cpuslocked', "
			     "'stop_machine_from_inactive_cpu', 'stop_machine') ORDER BY y.base = 'stop_machine', e.id DESC LIMIT 1",
			     &st, err);
	if (!rc)
		rc = bu_stmt_step(st, err);
	if (rc <= 0)
		return rc;
	rc = 0;
	q->start_id = bu_stmt_i64(st, 0);
	h->starter_cpu = (int)bu_stmt_i64(st, 1);
	h->start_ns = since_base(q, bu_stmt_i64(st, 2));
	h->starter_comm = text_of(q, st, 3, &rc, err);
	h->starter_pid = bu_stmt_i64(st, 4);
	h->starter_func = text_of(q, st, 5, &rc, err);
	return rc;
}

/* Without the function that starts it: where its first CPU entered, after anybody was last seen doing something else. */
static int guess_start(struct query *q, struct bu_err *err)
{
	struct bu_hang *h = q->h;
	int64_t id, ns;
	int rc = 0;

	id = one_number(q, &rc, err, "SELECT min(e.id) FROM ev_func e JOIN symbol y ON y.id = e.func WHERE y.base = "
			"'multi_cpu_stop' AND e.id > coalesce((SELECT max(f.id) FROM ev_func f JOIN symbol g ON g.id = f.func "
			"WHERE g.base <> 'multi_cpu_stop'), 0)");
	if (rc || id == UNKNOWN)
		return rc;
	ns = one_number(q, &rc, err, "SELECT ts_ns FROM ev_func WHERE id = %" PRId64, id);
	q->start_id = id - 1;
	h->start_ns = since_base(q, ns);
	return rc;
}

static int read_arrivals(struct query *q, struct bu_err *err)
{
	_cleanup_(bu_stmt_closep) struct bu_stmt *st = NULL;
	struct bu_hang *h = q->h;
	struct bu_hang_cpu *c;
	char sql[512];
	int rc;

	h->last_arrival_ns = UNKNOWN;
	snprintf(sql, sizeof(sql), "SELECT e.cpu, min(e.id), e.ts_ns FROM ev_func e JOIN symbol y ON y.id = e.func WHERE y.base = "
		 "'multi_cpu_stop' AND e.id > %" PRId64 " GROUP BY e.cpu ORDER BY 2", q->start_id);
	rc = bu_stmt_prepare(q->db, sql, &st, err);
	while (!rc && (rc = bu_stmt_step(st, err)) > 0) {
		rc = 0;
		c = cpu_of(h, (int)bu_stmt_i64(st, 0));
		if (!c)
			continue;
		c->arrived_ns = since_base(q, bu_stmt_i64(st, 2));
		h->last_arrival_ns = c->arrived_ns;
		h->n_online += !c->online;	/* whoever enters takes part, a CPU on its way up too */
		c->online = true;
		h->n_arrived++;
	}
	return rc;
}

/*
 * Whether it is over: a CPU that had entered ran another task afterwards, which cannot be while it is inside, or the
 * task that started it went on. Interrupts tell nothing: they may come in the starter's context while it waits.
 */
static int read_over(struct query *q, bool *ret, struct bu_err *err)
{
	int64_t n;
	int rc = 0;

	n = one_number(q, &rc, err, "SELECT count(*) FROM (SELECT e.cpu AS cpu, min(e.id) AS id, e.task AS task FROM ev_func e "
		       "JOIN symbol y ON y.id = e.func WHERE y.base = 'multi_cpu_stop' AND e.id > %" PRId64 " "
		       "GROUP BY e.cpu) a WHERE EXISTS (SELECT 1 FROM ev_func f WHERE f.cpu = a.cpu AND f.id > a.id AND f.task <> a.task"
		       " AND f.ctx & 0x40 = 0) OR EXISTS (SELECT 1 FROM ev_cpuhp f WHERE f.cpu = a.cpu AND f.id > a.id)"
		       " OR EXISTS (SELECT 1 FROM ev_fault f WHERE f.cpu = a.cpu AND f.id > a.id) OR EXISTS (SELECT 1 FROM ev_other f "
		       "WHERE f.cpu = a.cpu AND f.id > a.id AND f.task <> a.task)", q->start_id);
	if (!rc && !n && q->h->starter_cpu >= 0)
		n = one_number(q, &rc, err, "SELECT count(*) FROM ev_func f JOIN symbol y ON y.id = f.func WHERE "
			       "f.id > %" PRId64 " AND f.task = (SELECT task FROM ev_func WHERE id = %" PRId64 ") AND f.ctx & 0x58 = 0 "
			       "AND y.base NOT IN (" STARTERS ")", q->start_id, q->start_id);
	if (!rc && !n && q->h->starter_cpu >= 0)
		n = one_number(q, &rc, err, "SELECT count(*) FROM ev_cpuhp WHERE id > %" PRId64 " AND task = (SELECT task FROM ev_func "
			       "WHERE id = %" PRId64 ")", q->start_id, q->start_id);
	*ret = n != UNKNOWN && n > 0;
	return rc;
}

/* A function that a CPU ran on its stopper thread after all had entered: the callback has begun. */
static int read_callback(struct query *q, struct bu_err *err)
{
	_cleanup_(bu_stmt_closep) struct bu_stmt *st = NULL;
	char sql[640];
	int rc;

	snprintf(sql, sizeof(sql), "SELECT y.base FROM ev_func f JOIN symbol y ON y.id = f.func LEFT JOIN symbol z ON z.id = f.caller "
		 "WHERE f.id > %" PRId64 " AND z.base = 'multi_cpu_stop' AND y.base NOT IN ('stop_machine_yield', 'rcu_momentary_dyntick_"
		 "idle', 'rcu_momentary_eqs', 'touch_nmi_watchdog') ORDER BY f.id LIMIT 1", q->start_id);
	rc = bu_stmt_prepare(q->db, sql, &st, err);
	if (!rc)
		rc = bu_stmt_step(st, err);
	if (rc <= 0)
		return rc;
	rc = 0;
	q->h->callback = text_of(q, st, 0, &rc, err);
	q->h->callback_seen = true;
	return rc;
}

static int read_rendezvous(struct query *q, struct bu_err *err)
{
	struct bu_hang *h = q->h;
	int64_t traced = 0;
	bool over = false;
	size_t i;
	int rc;

	h->starter_cpu = -1;
	h->start_ns = UNKNOWN;
	rc = bu_db_i64(q->db, "SELECT count(*) FROM symbol WHERE base = 'multi_cpu_stop' AND EXISTS (SELECT 1 FROM ev_func e "
		       "WHERE e.func = symbol.id)", &traced, err);
	h->arrivals_traced = traced > 0;
	if (rc >= 0)
		rc = read_starter(q, err);
	if (!rc && h->starter_cpu < 0 && traced)
		rc = guess_start(q, err);
	if (!rc && h->start_ns != UNKNOWN)
		rc = read_over(q, &over, err);
	if (rc)
		return rc;
	h->rendezvous = h->start_ns != UNKNOWN && !over;
	if (!h->rendezvous)
		q->start_id = 0;
	rc = read_cpus(q, err);
	if (!rc && h->rendezvous && traced)
		rc = read_arrivals(q, err);
	if (!rc && h->rendezvous)
		rc = read_callback(q, err);
	for (i = 0; i < h->n_cpu; i++)
		h->n_missing += h->rendezvous && traced && h->cpu[i].online && h->cpu[i].arrived_ns == UNKNOWN;
	return rc;
}

/* ---- the console ------------------------------------------------------------------------------------------------------------ */

static int read_log(struct query *q, struct bu_err *err)
{
	_cleanup_(bu_stmt_closep) struct bu_stmt *st = NULL;
	struct bu_hang *h = q->h;
	int rc;

	rc = bu_stmt_prepare(q->db, "SELECT line, printk_ns, kind, cpu, text FROM log_event ORDER BY id", &st, err);
	while (!rc && (rc = bu_stmt_step(st, err)) > 0) {
		struct bu_hang_log l = { bu_stmt_i64(st, 0), bu_stmt_ns(st, 1), NULL, NULL,
					 bu_stmt_is_null(st, 3) ? -1 : (int)bu_stmt_i64(st, 3) };

		rc = 0;
		l.kind = text_of(q, st, 2, &rc, err);
		l.text = text_of(q, st, 4, &rc, err);
		if (rc)
			return rc;
		if (l.printk_ns != UNKNOWN && (h->log_end_ns == UNKNOWN || l.printk_ns > h->log_end_ns))
			h->log_end_ns = l.printk_ns;
		h->has_dump |= !strcmp(l.kind, "dump");
		if (bu_grow(&h->log, h->n_log, &h->cap_log, sizeof(l)))
			return no_memory(err);
		h->log[h->n_log++] = l;
	}
	return rc;
}

/* Functions in which a CPU inside the rendezvous waits for the others. */
static bool waits_inside(const char *symbol)
{
	return !strcmp(symbol, "multi_cpu_stop") || !strcmp(symbol, "stop_machine_yield");
}

static int read_traces(struct query *q, struct bu_err *err)
{
	_cleanup_(bu_stmt_closep) struct bu_stmt *st = NULL;
	struct bu_hang *h = q->h;
	struct bu_hang_trace *t = NULL;
	int64_t now = UNKNOWN;
	struct bu_hang_cpu *c;
	const char *symbol;
	int rc;

	rc = bu_stmt_prepare(q->db, "SELECT trace, line, cpu, kind, symbol, context FROM backtrace WHERE reliable = 1 ORDER BY id",
			     &st, err);
	while (!rc && (rc = bu_stmt_step(st, err)) > 0) {
		rc = 0;
		if (bu_stmt_i64(st, 0) != now) {
			now = bu_stmt_i64(st, 0);
			if (bu_grow(&h->trace, h->n_trace, &h->cap_trace, sizeof(*h->trace)))
				return no_memory(err);
			t = &h->trace[h->n_trace++];
			*t = (struct bu_hang_trace){ .cpu = bu_stmt_is_null(st, 2) ? -1 : (int)bu_stmt_i64(st, 2),
						     .line = bu_stmt_i64(st, 1) };
			c = t->cpu >= 0 ? cpu_of(h, t->cpu) : NULL;
			if (c)
				c->trace = (int)h->n_trace - 1;
		}
		symbol = text_of(q, st, 4, &rc, err);
		if (rc || !symbol)
			return rc ? rc : no_memory(err);
		t->in_rendezvous |= waits_inside(symbol);
		if (!strcmp(bu_stmt_text(st, 3), "rip") && !t->rip)
			t->rip = symbol;
		else if (strcmp(bu_stmt_text(st, 5), "NMI") != 0 && strcmp(bu_stmt_text(st, 3), "rip") != 0 &&
			 t->n_frames < BU_HANG_FRAMES)
			t->frame[t->n_frames++] = symbol;
	}
	return rc;
}

/* ---- the whole ------------------------------------------------------------------------------------------------------------------- */

static bool is_trouble(const char *kind)
{
	return strcmp(kind, "bringup") && strcmp(kind, "clocksource") && strcmp(kind, "context") && strcmp(kind, "dump") &&
	       strcmp(kind, "sysrq") && strcmp(kind, "end");
}

static bool worth_saying(const struct bu_hang *h)
{
	size_t i;

	for (i = 0; i < h->n_log; i++)
		if (is_trouble(h->log[i].kind))
			return true;
	return h->rendezvous || h->n_step || (h->is_console && !h->events);
}

static int read_all(struct query *q, struct bu_err *err)
{
	int64_t tables = 0;
	int rc;

	rc = bu_db_i64(q->db, "SELECT count(*) FROM sqlite_master WHERE type = 'table' AND name IN ('log_event', 'backtrace')",
		       &tables, err);
	if (rc >= 0)
		rc = read_head(q, err);
	if (!rc)
		rc = read_rendezvous(q, err);
	if (!rc)
		rc = read_steps(q, err);
	if (!rc)
		rc = read_last_events(q, err);
	if (!rc && tables == 2)		/* an older capture has no console */
		rc = read_log(q, err);
	if (!rc && tables == 2)
		rc = read_traces(q, err);
	return rc;
}

int bu_hang_load(const char *path, struct bu_hang **ret, struct bu_err *err)
{
	_cleanup_(bu_db_closep) struct bu_db *db = NULL;
	const struct bu_db_format *format = bu_db_format_of(path, err);
	struct query q = { NULL, NULL, 0, 0 };
	int rc;

	*ret = NULL;
	if (!format)
		return err && err->code ? err->code : -EPROTO;
	if (format != &bu_capture_format)
		return 0;
	rc = bu_db_open(path, format, &db, err);
	if (rc)
		return rc;
	q.db = db;
	q.h = calloc(1, sizeof(*q.h));
	if (!q.h)
		return no_memory(err);
	rc = read_all(&q, err);
	if (!rc && worth_saying(q.h)) {
		rc = bu_hang_conclude(q.h) ? no_memory(err) : 0;
		if (!rc)
			*ret = take_ptr(q.h);
	}
	bu_hang_free(q.h);
	return rc;
}

void bu_hang_free(struct bu_hang *h)
{
	if (!h)
		return;
	free(h->step);
	free(h->cpu);
	free(h->trace);
	free(h->log);
	free(h->says);
	free(h->would);
	bu_arena_fini(&h->arena);
	free(h);
}
