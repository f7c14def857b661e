// SPDX-License-Identifier: GPL-2.0-only
/*
 * rendezvous.c - see rendezvous.h.
 *
 * stop_cpus_mutex lets one stop_machine() run at a time (kernel/stop_machine.c, 6.12), so arrivals in order of time fall
 * into one rendezvous after the other: a new one begins where a CPU enters that is in already, or where the callback, which
 * no CPU runs before all are in, was seen. Its starter is the one call since the arrivals of the one before; where
 * there are several, who it was is not said.
 */
#include "analyze/rendezvous.h"

#include <errno.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "analyze/query_int.h"

#define UNKNOWN BU_NS_UNKNOWN
#define MAX_CPU 65536

struct scan {
	struct bu_boot_builder *b;
	struct bu_rendezvous now;
	int64_t now_id;			/* of its latest event */
	int64_t starter_task;
	int64_t prev_ns;		/* the last arrival but one */
	int prev_cpu;
	bool *in;			/* by CPU */
	size_t n_in;
	/* calls that have no rendezvous yet */
	size_t calls;
	struct bu_rendezvous call;
	int64_t call_task;
};

/* By how much a stamp of @cpu may be wrong, against the reference's. */
static int64_t error_of(struct scan *s, int cpu, int *rc, struct bu_err *err)
{
	_cleanup_(bu_stmt_closep) struct bu_stmt *st = NULL;
	int64_t v = UNKNOWN;
	int got;

	if (*rc)
		return UNKNOWN;
	got = bu_stmt_prepare(s->b->db, "SELECT max(abs(lo_ns - corrected_ns), abs(hi_ns - corrected_ns)) FROM clock_bound WHERE cpu = ? "
			      "AND verdict <> 'contradictory'", &st, err);
	if (!got) {
		bu_stmt_bind_i64(st, 1, cpu);
		got = bu_stmt_step(st, err);
	}
	if (got > 0)
		v = bu_stmt_ns(st, 0);
	*rc = got < 0 ? got : 0;
	return v;
}

/*
 * When the task that called stop_machine() did anything else: flags of an interrupt, soft or hard, and of an NMI are
 * 0x58 of ctx (include/linux/trace_events.h, 6.12). While it waits it only queues work for the stoppers and sleeps.
 */
static int find_end(struct scan *s, struct bu_err *err)
{
	_cleanup_(bu_stmt_closep) struct bu_stmt *st = NULL;
	int rc;

	rc = bu_stmt_prepare(s->b->db, "SELECT min(ts_ns) FROM (SELECT * FROM (SELECT e.ts_ns FROM ev_func e JOIN symbol y ON y.id = e.func "
			     "WHERE e.id > ?1 AND e.task = ?2 AND e.ctx & 0x58 = 0 AND y.base NOT IN ('cpu_stop_queue_work', "
			     "'queue_stop_cpus_work', '__stop_cpus', 'wake_up_q', 'schedule', 'wait_for_completion', 'multi_cpu_stop') "
			     "ORDER BY e.id LIMIT 1) UNION ALL "
			     "SELECT * FROM (SELECT ts_ns FROM ev_cpuhp WHERE id > ?1 AND task = ?2 ORDER BY id LIMIT 1))", &st, err);
	if (rc)
		return rc;
	bu_stmt_bind_i64(st, 1, s->now_id);
	bu_stmt_bind_i64(st, 2, s->starter_task);
	rc = bu_stmt_step(st, err);
	if (rc > 0 && !bu_stmt_is_null(st, 0))
		s->now.over_ns = bu_boot_ns(s->b, st, 0);
	return rc < 0 ? rc : 0;
}

/* @ended: something shows that it ended. */
static int close_one(struct scan *s, bool ended, struct bu_err *err)
{
	struct bu_boot *boot = s->b->boot;
	int64_t last, prev;
	int rc = 0;

	if (!s->n_in)
		return 0;
	if (s->now.starter_cpu >= 0)
		rc = find_end(s, err);
	last = error_of(s, s->now.last_cpu, &rc, err);
	prev = error_of(s, s->prev_cpu, &rc, err);
	s->now.error_ns = last == UNKNOWN || prev == UNKNOWN ? UNKNOWN : last + prev;
	s->now.late_ns = s->n_in > 1 ? s->now.last_ns - s->prev_ns : UNKNOWN;
	s->now.cpus = s->n_in;
	memset(s->in, 0, MAX_CPU * sizeof(*s->in));
	s->n_in = 0;
	if (rc || (!ended && !s->now.callback && s->now.over_ns == UNKNOWN))
		return rc;
	if (bu_grow(&boot->rendezvous, boot->n_rendezvous, &s->b->cap_rendezvous, sizeof(s->now)))
		return bu_fail_errno(err, -ENOMEM, "reading %s", bu_db_path(s->b->db));
	boot->rendezvous[boot->n_rendezvous++] = s->now;
	return 0;
}

static int enter(struct scan *s, int cpu, int64_t ns, int64_t id, struct bu_err *err)
{
	int rc = 0;

	if (cpu < 0 || cpu >= MAX_CPU)
		return 0;
	if (s->in[cpu] || s->now.callback)
		rc = close_one(s, true, err);
	if (rc)
		return rc;
	if (!s->n_in) {
		s->now = s->calls == 1 ? s->call : (struct bu_rendezvous){ .starter_cpu = -1, .start_ns = ns };
		s->starter_task = s->call_task;
		s->now.over_ns = s->now.error_ns = UNKNOWN;
		s->now.callback = NULL;
		s->calls = 0;
	}
	s->prev_ns = s->n_in ? s->now.last_ns : ns;
	s->prev_cpu = s->n_in ? s->now.last_cpu : cpu;
	s->now.last_ns = ns;
	s->now.last_cpu = cpu;
	s->now_id = id;
	s->in[cpu] = true;
	s->n_in++;
	return 0;
}

static int scan_events(struct scan *s, struct bu_err *err)
{
	_cleanup_(bu_stmt_closep) struct bu_stmt *st = NULL;
	int rc;

	rc = bu_stmt_prepare(s->b->db, "SELECT e.id, e.ts_ns, e.cpu, e.task, t.comm, y.base, z.base = 'multi_cpu_stop' FROM ev_func e JOIN symbol "
			     "y ON y.id = e.func LEFT JOIN symbol z ON z.id = e.caller JOIN task t ON t.id = e.task WHERE y.base IN "
			     "('stop_machine_cpuslocked', 'stop_machine_from_inactive_cpu', 'multi_cpu_stop') OR (z.base = 'multi_cpu_stop' AND "
			     "e.ctx & 0x58 = 0 AND y.base NOT IN ('stop_machine_yield', 'rcu_momentary_dyntick_idle', 'rcu_momentary_eqs', "
			     "'touch_nmi_watchdog')) ORDER BY e.id", &st, err);
	while (!rc && (rc = bu_stmt_step(st, err)) > 0) {
		const char *func = bu_stmt_text(st, 5);
		int cpu = (int)bu_stmt_i64(st, 2);

		rc = 0;
		if (!strcmp(func, "multi_cpu_stop")) {
			rc = enter(s, cpu, bu_boot_ns(s->b, st, 1), bu_stmt_i64(st, 0), err);
		} else if (bu_stmt_i64(st, 6) > 0) {
			if (s->n_in && !s->now.callback)
				s->now.callback = bu_boot_text(s->b, st, 5, &rc, err);
		} else {
			s->calls++;
			s->call = (struct bu_rendezvous){ .starter_cpu = cpu, .start_ns = bu_boot_ns(s->b, st, 1) };
			s->call.starter_comm = bu_boot_text(s->b, st, 4, &rc, err);
			s->call_task = bu_stmt_i64(st, 3);
		}
	}
	return rc ? rc : close_one(s, false, err);
}

static int by_length(const void *pa, const void *pb)
{
	const struct bu_rendezvous *a = pa, *b = pb;
	int64_t x = a->last_ns - a->start_ns, y = b->last_ns - b->start_ns;

	if (x != y)
		return x > y ? -1 : 1;
	return (a->start_ns > b->start_ns) - (a->start_ns < b->start_ns);
}

int bu_rendezvous_read(struct bu_boot_builder *b, struct bu_err *err)
{
	struct scan s = { .b = b, .in = calloc(MAX_CPU, sizeof(*s.in)) };
	int rc = s.in ? scan_events(&s, err) : bu_fail_errno(err, -ENOMEM, "reading %s", bu_db_path(b->db));

	free(s.in);
	if (!rc && b->boot->n_rendezvous)
		qsort(b->boot->rendezvous, b->boot->n_rendezvous, sizeof(*b->boot->rendezvous), by_length);
	return rc;
}

/* ---- words ---------------------------------------------------------------------------------------------------------- */

static bool is_finer(const struct bu_rendezvous *r)
{
	return r->late_ns != UNKNOWN && r->error_ns != UNKNOWN && r->late_ns < r->error_ns;
}

void bu_rendezvous_head(FILE *to, const struct bu_boot *b)
{
	const struct bu_rendezvous *r = b->rendezvous;
	char took[BU_NS_STRLEN], late[BU_NS_STRLEN];

	if (!b->n_rendezvous)
		return;
	fprintf(to, "  rendezvous    %zu of stop_machine; the longest took %s until all %zu CPUs were in", b->n_rendezvous,
		bu_boot_dur(b, r->last_ns - r->start_ns, took), r->cpus);
	if (r->late_ns != UNKNOWN && !is_finer(r))
		fprintf(to, ":\n                CPU %d came %s after all others", r->last_cpu, bu_boot_dur(b, r->late_ns, late));
	fprintf(to, "\n");
}

static void row(FILE *to, const struct bu_boot *b, const struct bu_rendezvous *r)
{
	char at[BU_NS_STRLEN], took[BU_NS_STRLEN], late[BU_NS_STRLEN], over[BU_NS_STRLEN];

	fprintf(to, "  %10s ", bu_boot_dur(b, r->start_ns, at));
	if (r->starter_cpu >= 0)
		fprintf(to, "%-15.15s %5d", r->starter_comm && *r->starter_comm ? r->starter_comm : "?", r->starter_cpu);
	else
		fprintf(to, "%-15s %5s", "not traced", "-");
	fprintf(to, "  %-26.26s %5zu %10s %5d %10s%s %10s\n", r->callback ? r->callback : "not traced", r->cpus,
		bu_boot_dur(b, r->last_ns - r->start_ns, took), r->last_cpu,
		r->late_ns == UNKNOWN ? "-" : bu_boot_dur(b, r->late_ns, late), is_finer(r) ? "?" : " ",
		r->over_ns == UNKNOWN ? "-" : bu_boot_dur(b, r->over_ns - r->start_ns, over));
}

void bu_rendezvous_text(FILE *to, const struct bu_boot *b, size_t top)
{
	size_t n = b->n_rendezvous < top ? b->n_rendezvous : top, i, finer = 0;

	if (!n)
		return;
	fprintf(to, "\nRendezvous of all CPUs (stop_machine) that took longest, %zu of %zu\n", n, b->n_rendezvous);
	fprintf(to, "  %10s %-15s %5s  %-26s %5s %10s %5s %10s  %10s\n", "began at", "by", "on", "function", "CPUs", "all in",
		"last", "later by", "over");
	for (i = 0; i < n; i++) {
		row(to, b, &b->rendezvous[i]);
		finer += is_finer(&b->rendezvous[i]);
	}
	fprintf(to, "  (all in: from the call until the last CPU had entered multi_cpu_stop; the others spin until then. later by:\n"
		    "  than the last but one. over: at the latest, when the caller was seen doing something else. Why a CPU came\n"
		    "  late is not in these events.%s)\n",
		finer ? "\n  ?: the clocks are not known to agree so well; it may have been another CPU." : "");
}
