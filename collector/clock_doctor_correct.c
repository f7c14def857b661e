// SPDX-License-Identifier: GPL-2.0-only
/*
 * clock_doctor_correct.c - shifted stamps, and with them a new total order (clock_doctor_int.h).
 *
 * The order within a CPU's buffer stays, also where its clock went back: an event is placed by the latest stamp up to it.
 * Losses and line numbers follow their events; ts_raw stays as recorded.
 */
#include <inttypes.h>
#include <stdio.h>

#include "collector/clock_doctor_int.h"
#include "schemas/base/mem.h"
#include "schemas/base/ns.h"
#include "schemas/store/capture_db.h"

static const char *const tables[] = { "ev_cpuhp", "ev_func", "ev_fault", "ev_irq_vector", "ev_sched_switch", "ev_timer",
				      "ev_other" };

static int make_fixes(struct bu_db *db, const struct bu_clock_graph *g, struct bu_err *err)
{
	size_t i;
	int rc;

	rc = bu_db_exec(db, "CREATE TEMP TABLE fix (cpu INTEGER PRIMARY KEY, ns INTEGER NOT NULL);"
			"CREATE TEMP TABLE moved (old INTEGER PRIMARY KEY, cpu INTEGER, ns INTEGER NOT NULL, key INTEGER, "
			"new INTEGER);", err);
	for (i = 0; !rc && i < g->n_cpu; i++)
		if (g->cpu[i].fix_ns)
			rc = bu_db_row(db, err, "INSERT INTO fix (cpu, ns) VALUES (?, ?)", "ii", (int64_t)i, g->cpu[i].fix_ns);
	return rc;
}

/* moved: old id, CPU, new stamp, key of order, new id. */
static int number_anew(struct bu_db *db, int64_t *ret_rebase_ns, struct bu_err *err)
{
	char sql[512];
	size_t i;
	int rc;

	rc = bu_db_exec(db, "CREATE TEMP TABLE was (id INTEGER PRIMARY KEY, cpu INTEGER, buf INTEGER, ns INTEGER)", err);
	for (i = 0; !rc && i < ARRAY_SIZE(tables); i++) {
		snprintf(sql, sizeof(sql), "INSERT INTO was SELECT e.id, e.cpu, e.buf, e.ts_ns - coalesce(f.ns, 0) FROM %s e LEFT JOIN "
			 "fix f ON f.cpu = e.cpu", tables[i]);
		rc = bu_db_exec(db, sql, err);
	}
	if (!rc)
		rc = bu_db_exec(db, "INSERT INTO moved (old, cpu, ns, key) SELECT id, cpu, ns, max(ns) OVER (PARTITION BY buf, cpu ORDER BY "
				"id) FROM was; DROP TABLE was; CREATE TEMP TABLE ranked AS SELECT old, row_number() OVER (ORDER BY key, "
				"cpu, old) AS new FROM moved; CREATE UNIQUE INDEX temp.ranked_by_old ON ranked (old); UPDATE moved SET "
				"new = (SELECT r.new FROM ranked r WHERE r.old = moved.old); DROP TABLE ranked", err);
	if (!rc)
		rc = bu_db_i64(db, "SELECT ns FROM moved WHERE new = 1", ret_rebase_ns, err);
	return rc < 0 ? rc : 0;
}

static int move_events(struct bu_db *db, int64_t rebase_ns, struct bu_err *err)
{
	char sql[512];
	size_t i;
	int rc = 0;

	for (i = 0; !rc && i < ARRAY_SIZE(tables); i++) {
		/* By way of negative ids, so that no new one meets an old one. */
		snprintf(sql, sizeof(sql), "UPDATE %s SET ts_ns = m.ns - (%" PRId64 "), id = -m.new FROM moved m WHERE m.old = %s.id; "
			 "UPDATE %s SET id = -id", tables[i], rebase_ns, tables[i], tables[i]);
		rc = bu_db_exec(db, sql, err);
	}
	if (rc)
		return rc;
	snprintf(sql, sizeof(sql), "UPDATE loss SET after_ns = after_ns - coalesce((SELECT ns FROM fix f WHERE f.cpu = loss.cpu), 0) - (%"
		 PRId64 "), before_ns = before_ns - coalesce((SELECT ns FROM fix f WHERE f.cpu = loss.cpu), 0) - (%" PRId64 ")",
		 rebase_ns, rebase_ns);
	rc = bu_db_exec(db, sql, err);
	if (!rc)
		rc = bu_db_exec(db, "UPDATE loss SET after_id = (SELECT new FROM moved WHERE old = after_id), before_id = "
				"(SELECT new FROM moved WHERE old = before_id); UPDATE source_line SET event_id = -(SELECT new FROM moved "
				"WHERE old = event_id); UPDATE source_line SET event_id = -event_id", err);
	return rc;
}

static int move_ids(struct bu_db *db, const struct bu_clock_doctor_params *p, struct bu_err *err)
{
	_cleanup_(bu_stmt_closep) struct bu_stmt *st = NULL;
	size_t i;
	int rc;

	rc = bu_stmt_prepare(db, "SELECT new FROM moved WHERE old = ?", &st, err);
	for (i = 0; !rc && i < p->n_first_ids; i++) {
		if (p->first_ids[i] == BU_NS_UNKNOWN)
			continue;
		bu_stmt_bind_i64(st, 1, p->first_ids[i]);
		rc = bu_stmt_step(st, err);
		if (rc > 0)
			p->first_ids[i] = bu_stmt_i64(st, 0);
		bu_stmt_reset(st);
		rc = rc < 0 ? rc : 0;
	}
	return rc;
}

int bu_clock_correct(struct bu_db *db, const struct bu_clock_graph *g, const struct bu_clock_doctor_params *p,
		     int64_t *ret_rebase_ns, struct bu_err *err)
{
	int rc;

	rc = make_fixes(db, g, err);
	if (!rc)
		rc = number_anew(db, ret_rebase_ns, err);
	if (!rc)
		rc = move_events(db, *ret_rebase_ns, err);
	if (!rc)
		rc = move_ids(db, p, err);
	return rc ? rc : bu_db_exec(db, "DROP TABLE moved; DROP TABLE fix", err);
}
