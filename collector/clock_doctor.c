// SPDX-License-Identifier: GPL-2.0-only
/* clock_doctor.c - see clock_doctor.h. What the bounds mean, in words and in the database. */
#include "collector/clock_doctor.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "collector/clock_doctor_int.h"
#include "schemas/base/mem.h"
#include "schemas/base/ns.h"
#include "schemas/store/capture_db.h"

#define UNKNOWN BU_NS_UNKNOWN
#define JUMP_NS (200 * BU_NS_PER_MS)	/* two clocks that part by more between two timers of one CPU: one was set */

static const char *verdict_of(const struct bu_clock_cpu *c)
{
	if (c->contradictory)
		return "contradictory";
	if ((c->lo_ns != UNKNOWN && c->lo_ns > 0) || (c->hi_ns != UNKNOWN && c->hi_ns < 0))
		return "unsynchronised";
	return c->lo_ns == UNKNOWN || c->hi_ns == UNKNOWN ? "unbounded" : "consistent";
}

static const char *dur(const struct bu_clock_doctor_params *p, int64_t ns, char buf[BU_NS_STRLEN])
{
	if (!p->ticks)
		return bu_ns_str(ns, buf);
	snprintf(buf, BU_NS_STRLEN, "%" PRId64 " ticks", ns);
	return buf;
}

/* How far the clock is off at least. */
static int64_t off_by(const struct bu_clock_cpu *c)
{
	return c->lo_ns != UNKNOWN && c->lo_ns > 0 ? c->lo_ns : c->hi_ns != UNKNOWN && c->hi_ns < 0 ? c->hi_ns : 0;
}

static int write_bounds(struct bu_db *db, const struct bu_clock_graph *g, const struct bu_clock_doctor_params *p,
			struct bu_clock_doctor_result *ret, struct bu_err *err)
{
	const struct bu_clock_cpu *c;
	const char *verdict;
	size_t i;
	int rc = 0;

	for (i = 0; !rc && i < g->n_cpu; i++) {
		c = &g->cpu[i];
		if (!c->seen)
			continue;
		verdict = verdict_of(c);
		ret->bounded += c->lo_ns != UNKNOWN && c->hi_ns != UNKNOWN;
		ret->unsynchronised += !strcmp(verdict, "unsynchronised");
		ret->contradictory += c->contradictory;
		ret->corrected += p->fix && c->fix_ns != 0;
		rc = bu_db_row(db, err, "INSERT INTO clock_bound (cpu, ref_cpu, lo_ns, hi_ns, corrected_ns, lower, upper, verdict) "
			       "VALUES (?,?,?,?,?,?,?,?)", "iinniiit", (int64_t)i, (int64_t)g->ref, c->lo_ns, c->hi_ns,
			       p->fix ? c->fix_ns : 0, c->lower, c->upper, verdict);
	}
	return rc;
}

static int write_notes(struct bu_db *db, const struct bu_clock_graph *g, const struct bu_clock_doctor_params *p,
		       const struct bu_clock_doctor_result *r, struct bu_err *err)
{
	const char *what = p->clock && !strcmp(p->clock, "x86-tsc") ? "unsynchronised TSC" : "unsynchronised clocks";
	char most[BU_NS_STRLEN];
	int64_t worst = -1, broken = -1;
	size_t i;
	int rc = 0;

	for (i = 0; i < g->n_cpu; i++) {
		int64_t off = off_by(&g->cpu[i]), max = worst < 0 ? 0 : off_by(&g->cpu[worst]);

		if (!g->cpu[i].seen)
			continue;
		if (g->cpu[i].contradictory)
			broken = broken < 0 ? (int64_t)i : broken;
		else if ((off < 0 ? -off : off) > (max < 0 ? -max : max))
			worst = (int64_t)i;
	}
	if (r->unsynchronised && worst >= 0)
		rc = bu_capture_note(db, "warning", "clock", r->unsynchronised, err, "%s: effects come before their causes on %"
				     PRId64 " CPUs; the clock of CPU %" PRId64 " is %s CPU %d's by at least %s%s", what,
				     r->unsynchronised, worst, off_by(&g->cpu[worst]) > 0 ? "ahead of" : "behind", (int)g->ref,
				     dur(p, off_by(&g->cpu[worst]) > 0 ? off_by(&g->cpu[worst]) : -off_by(&g->cpu[worst]), most),
				     p->fix ? "; stamps were corrected by the smallest offset that puts causes first" :
					      "; 'bringup import --fix-clocks' corrects it");
	if (!rc && r->contradictory)
		rc = bu_capture_note(db, "error", "clock", r->contradictory, err, "%s: no constant offset puts causes first on %"
				     PRId64 " CPUs, the first being CPU %" PRId64 ": its clock drifts or was set while the trace ran; "
				     "nothing that spans CPUs can be trusted there", what, r->contradictory, broken);
	if (!rc && r->corrected)
		rc = bu_capture_note(db, "info", "clock", r->corrected, err, "stamps of %" PRId64 " CPUs were corrected, see "
				     "clock_bound.corrected_ns; ts_raw is as recorded", r->corrected);
	return rc;
}

/* ---- steps of a clock ---------------------------------------------------------------------------------------------- */

#define EVENTS "(SELECT id, ts_ns, cpu, buf FROM ev_cpuhp UNION ALL SELECT id, ts_ns, cpu, buf FROM ev_func UNION ALL " \
	"SELECT id, ts_ns, cpu, buf FROM ev_fault UNION ALL SELECT id, ts_ns, cpu, buf FROM ev_irq_vector UNION ALL " \
	"SELECT id, ts_ns, cpu, buf FROM ev_sched_switch UNION ALL SELECT id, ts_ns, cpu, buf FROM ev_timer UNION ALL " \
	"SELECT id, ts_ns, cpu, buf FROM ev_other)"

/* Back within one CPU's buffer, where events stand in the order in which they were recorded. */
static int find_steps_back(struct bu_db *db, const struct bu_clock_doctor_params *p, struct bu_err *err)
{
	_cleanup_(bu_stmt_closep) struct bu_stmt *st = NULL;
	char by[BU_NS_STRLEN], at[BU_NS_STRLEN];
	int64_t cpus, all = 0;
	int rc;

	rc = bu_stmt_prepare(db, "SELECT count(DISTINCT cpu), min(cpu), max(was - ts_ns), min(was), (SELECT count(DISTINCT cpu) FROM "
			     EVENTS ") FROM (SELECT cpu, ts_ns, lag(ts_ns) OVER (PARTITION BY buf, cpu ORDER BY id) AS was FROM "
			     EVENTS ") WHERE ts_ns < was", &st, err);
	if (!rc)
		rc = bu_stmt_step(st, err);
	if (rc <= 0 || !(cpus = bu_stmt_i64(st, 0)))
		return rc < 0 ? rc : 0;
	all = bu_stmt_i64(st, 4);
	dur(p, bu_stmt_i64(st, 2), by);
	dur(p, bu_stmt_i64(st, 3), at);
	return bu_capture_note(db, "warning", "clock", cpus, err, "clock step: the clock went back by up to %s on %" PRId64 " of %"
			       PRId64 " CPUs, the first being CPU %" PRId64 ", at %s: %s", by, cpus, all, bu_stmt_i64(st, 1), at,
			       cpus == all && all > 1 ? "it was set for all of them" : "either these CPUs have a clock of their own, or it was "
			       "set for all and the others recorded nothing so close to it");
}

/* hrtimers carry CLOCK_MONOTONIC or the like: a second clock. Where the two part at once, the trace's own was set. */
static int find_jumps(struct bu_db *db, const struct bu_clock_doctor_params *p, struct bu_err *err)
{
	_cleanup_(bu_stmt_closep) struct bu_stmt *st = NULL;
	char by[BU_NS_STRLEN], at[BU_NS_STRLEN];
	int rc;

	if (p->ticks)
		return 0;
	rc = bu_stmt_prepare(db, "WITH d AS (SELECT cpu, ts_ns, (ts_ns - lag(ts_ns) OVER w) - (now - lag(now) OVER w) AS part FROM "
			     "ev_timer WHERE now IS NOT NULL AND kind IN (SELECT id FROM event_kind WHERE name = "
			     "'hrtimer_expire_entry') WINDOW w AS (PARTITION BY buf, cpu, timer ORDER BY id)), "
			     "j AS (SELECT * FROM d WHERE abs(part) > ?) SELECT count(DISTINCT cpu), max(abs(part)), min(ts_ns), "
			     "(SELECT count(DISTINCT cpu) FROM d WHERE part IS NOT NULL) FROM j", &st, err);
	if (!rc)
		bu_stmt_bind_i64(st, 1, JUMP_NS);
	if (!rc)
		rc = bu_stmt_step(st, err);
	/* On some CPUs only, a handler that came late explains it as well. */
	if (rc <= 0 || !bu_stmt_i64(st, 0) || bu_stmt_i64(st, 0) < bu_stmt_i64(st, 3))
		return rc < 0 ? rc : 0;
	dur(p, bu_stmt_i64(st, 1), by);
	dur(p, bu_stmt_i64(st, 2), at);
	return bu_capture_note(db, "warning", "clock", bu_stmt_i64(st, 0), err, "clock step: on every CPU with timers the trace's clock "
			       "and that of the hrtimers part by up to %s, first before %s: one of the two was set", by, at);
}

/* A buffer whose events all lie far from those of the top-level one was not stamped by the same clock. */
static int find_other_clocks(struct bu_db *db, struct bu_err *err)
{
	_cleanup_(bu_stmt_closep) struct bu_stmt *st = NULL;
	int64_t buffers = 0;
	int rc;

	rc = bu_db_i64(db, "SELECT count(*) FROM buffer", &buffers, err);
	if (rc < 0 || buffers < 2)
		return rc < 0 ? rc : 0;
	rc = bu_stmt_prepare(db, "WITH s AS (SELECT buf, min(ts_ns) AS lo, max(ts_ns) AS hi FROM " EVENTS " GROUP BY buf) "
			     "SELECT b.name FROM s t JOIN s o ON o.buf > t.buf JOIN buffer b ON b.id = o.buf WHERE t.buf = 0 AND "
			     "(o.lo > t.hi + 10 * (t.hi - t.lo) OR t.lo > o.hi + 10 * (t.hi - t.lo)) ORDER BY b.id", &st, err);
	while (!rc && (rc = bu_stmt_step(st, err)) > 0)
		rc = bu_capture_note(db, "warning", "clock", 1, err, "the instance '%s' seems to be on another clock than the top-level "
				     "buffer: their times have nothing in common; order across the two means nothing; "
				     "give both the same trace_clock to record it again", bu_stmt_text(st, 0));
	return rc;
}

int bu_clock_doctor(struct bu_db *db, struct bu_clock_marks *marks, const struct bu_clock_doctor_params *params,
		    struct bu_clock_doctor_result *ret, struct bu_err *err)
{
	struct bu_clock_graph g = { 0 };
	int rc;

	*ret = (struct bu_clock_doctor_result){ 0 };
	rc = bu_clock_evidence(db, marks, &g, err);
	if (!rc)
		rc = bu_clock_rendezvous(db, &g, err);
	if (!rc && bu_clock_bounds(&g))
		rc = bu_fail_errno(err, -ENOMEM, "clock doctor");
	if (!rc)
		rc = write_bounds(db, &g, params, ret, err);
	if (!rc)
		rc = write_notes(db, &g, params, ret, err);
	if (!rc && params->steps_back)
		rc = find_steps_back(db, params, err);
	if (!rc)
		rc = find_jumps(db, params, err);
	if (!rc)
		rc = find_other_clocks(db, err);
	if (!rc && ret->corrected)
		rc = bu_clock_correct(db, &g, params, &ret->rebase_ns, err);
	bu_clock_graph_fini(&g);
	return rc;
}
