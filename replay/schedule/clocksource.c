// SPDX-License-Identifier: GPL-2.0-only
/*
 * clocksource.c - see clocksource.h. Three passes over the functions of a capture: the last stop_machine() that switched the clock, the
 * updates of the timekeeper after it, the calls that read the clock after it.
 *
 * What is bounded and not seen: the end of a read lies before the next event of its CPU, and, since it was not repeated, before
 * the next update of the timekeeper; the middle is taken. A CPU has left multi_cpu_stop() when its stopper is switched
 * out, and before stop_machine() returned.
 */
#include "replay/schedule/clocksource.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "schemas/base/ns.h"

enum { MAX_CPUS = 8192 };	/* CONFIG_NR_CPUS of x86, arch/x86/Kconfig v6.12 */
enum { STATE_PREPARE = 1, STATE_DISABLE_IRQ, STATE_RUN, STATE_EXIT };	/* enum multi_stop_state, kernel/stop_machine.c v6.12 */

#define LEAD_NS (10 * BU_NS_PER_MS)	/* of a run before its stop_machine() */

struct stop {
	int64_t start_ns, arrived_ns, run_ns, left_ns, notified_ns;
};

static int64_t first_ns(struct bu_db *db, const char *sql, int64_t after_ns, int *rc, struct bu_err *err)
{
	_cleanup_(bu_stmt_closep) struct bu_stmt *st = NULL;

	if (*rc)
		return BU_NS_UNKNOWN;
	*rc = bu_stmt_prepare(db, sql, &st, err);
	if (*rc)
		return BU_NS_UNKNOWN;
	bu_stmt_bind_ns(st, 1, after_ns);
	*rc = bu_stmt_step(st, err);
	if (*rc < 0)
		return BU_NS_UNKNOWN;
	*rc = 0;
	return bu_stmt_ns(st, 0);
}

static int load_stop(struct bu_db *db, struct bu_cs_schedule *s, struct stop *ret, struct bu_err *err)
{
	static const char exit_sql[] = "SELECT e.cpu, min(e.ts_ns) FROM ev_sched_switch e JOIN task t ON t.id = e.prev"
				       " WHERE t.comm LIKE 'migration/%' AND e.ts_ns >= ?1 GROUP BY e.cpu";
	static const char *const lag_sql[BU_CS_STATES] = {
		[STATE_PREPARE] = "SELECT cpu, min(ts_ns) FROM functions WHERE func = 'multi_cpu_stop' AND ts_ns >= ?1 GROUP BY cpu",
		[STATE_EXIT] = exit_sql,
	};
	struct stop t;
	int rc = 0, state;

	t.run_ns = first_ns(db, "SELECT max(ts_ns) FROM functions WHERE func = 'change_clocksource' AND ?1 IS NULL", BU_NS_UNKNOWN, &rc, err);
	t.start_ns = first_ns(db, "SELECT max(ts_ns) FROM functions WHERE func = 'stop_machine_cpuslocked' AND ts_ns <= ?1", t.run_ns, &rc, err);
	t.notified_ns = first_ns(db, "SELECT min(ts_ns) FROM functions WHERE func = 'tick_clock_notify' AND ts_ns >= ?1", t.run_ns, &rc, err);
	t.arrived_ns = t.start_ns;
	t.left_ns = t.run_ns;
	if (rc)
		return rc;
	if (t.run_ns == BU_NS_UNKNOWN || t.start_ns == BU_NS_UNKNOWN || t.notified_ns == BU_NS_UNKNOWN)
		return bu_fail(err, -ENODATA, "%s has no switch of the clocksource that was traced whole (stop_machine_cpuslocked, "
			       "change_clocksource, tick_clock_notify); record with --trace clock", bu_db_path(db));
	for (state = STATE_PREPARE; state <= STATE_EXIT; state++) {
		_cleanup_(bu_stmt_closep) struct bu_stmt *st = NULL;

		s->lag_ns[state] = bu_arena_alloc(&s->arena, (size_t)s->cpus * sizeof(**s->lag_ns));
		if (!s->lag_ns[state])
			return -ENOMEM;
		memset(s->lag_ns[state], 0, (size_t)s->cpus * sizeof(**s->lag_ns));
		if (!lag_sql[state])
			continue;
		rc = bu_stmt_prepare(db, lag_sql[state], &st, err);
		if (rc)
			return rc;
		bu_stmt_bind_i64(st, 1, state == STATE_EXIT ? t.run_ns : t.start_ns);
		while ((rc = bu_stmt_step(st, err)) > 0) {
			int64_t cpu = bu_stmt_i64(st, 0), at = bu_stmt_i64(st, 1);

			if (at > t.notified_ns)
				at = t.notified_ns;
			if (cpu >= 0 && cpu < s->cpus)
				s->lag_ns[state][cpu] = bu_ns_since(at, state == STATE_EXIT ? t.run_ns : t.start_ns);
			if (state == STATE_PREPARE && at > t.arrived_ns && at < t.run_ns)
				t.arrived_ns = at;
			if (state == STATE_EXIT && at > t.left_ns)
				t.left_ns = at;
		}
		if (rc)
			return rc;
	}
	/* The last to have its interrupts off is not seen: CPU 0, which runs the function, is told to be. */
	s->lag_ns[STATE_DISABLE_IRQ][0] = bu_ns_since(t.run_ns, t.arrived_ns);
	s->stop_ns = bu_ns_since(t.run_ns, t.start_ns);
	s->notified_ns = bu_ns_since(t.notified_ns, t.start_ns);
	s->config.wake_ns = bu_ns_since(t.notified_ns, t.left_ns);
	*ret = t;
	return 0;
}

/* ------------------------------------------------------------------------------------------- updates and reads */

struct loader {			/* times are since @origin_ns, but for that and @switched_ns */
	struct bu_cs_schedule *s;
	int64_t origin_ns, switched_ns;
	int64_t *updates;
	size_t n_updates, cap_updates, cap_ticks, cap_read_ns;
	struct call {		/* by CPU: the call that reads the clock now */
		int64_t func, at_ns, read_ns;
		size_t tick;	/* + 1; 0: none */
	} *call;
};

static struct bu_cs_tick *add(struct loader *l, int64_t at_ns, int cpu)
{
	struct bu_cs_schedule *s = l->s;

	if (bu_grow(&s->ticks, s->n_ticks, &l->cap_ticks, sizeof(*s->ticks)))
		return NULL;
	s->ticks[s->n_ticks] = (struct bu_cs_tick){ .at_ns = at_ns, .cpu = cpu, .first_read = (uint32_t)s->n_read_ns };
	return &s->ticks[s->n_ticks++];
}

static int load_updates(struct bu_db *db, struct loader *l, struct bu_err *err)
{
	_cleanup_(bu_stmt_closep) struct bu_stmt *st = NULL;
	struct bu_cs_tick *t;
	int rc = bu_stmt_prepare(db, "SELECT ts_ns, cpu FROM functions WHERE func LIKE 'timekeeping_update%' AND caller LIKE"
				 " 'timekeeping_advance%' AND ts_ns > ?1 ORDER BY id", &st, err);

	if (rc)
		return rc;
	bu_stmt_bind_i64(st, 1, l->switched_ns);
	while ((rc = bu_stmt_step(st, err)) > 0) {
		const int64_t at_ns = bu_ns_since(bu_stmt_i64(st, 0), l->origin_ns), cpu = bu_stmt_i64(st, 1);

		if (cpu < 0 || cpu >= l->s->cpus)
			continue;
		if (bu_grow(&l->updates, l->n_updates, &l->cap_updates, sizeof(*l->updates)))
			return -ENOMEM;
		l->updates[l->n_updates++] = at_ns;
		t = add(l, at_ns, (int)cpu);
		if (!t)
			return -ENOMEM;
		t->update = true;
	}
	return rc;
}

static int64_t next_update_ns(const struct loader *l, int64_t after_ns)
{
	size_t lo = 0, hi = l->n_updates;

	while (lo < hi) {
		size_t mid = lo + (hi - lo) / 2;

		if (l->updates[mid] > after_ns)
			hi = mid;
		else
			lo = mid + 1;
	}
	return lo < l->n_updates ? l->updates[lo] : INT64_MAX;
}

/* One more attempt of a call is over, at @end_ns. */
static int attempt(struct loader *l, struct call *c, int64_t end_ns, bool last)
{
	struct bu_cs_schedule *s = l->s;
	struct bu_cs_tick *t = &s->ticks[c->tick - 1];
	int64_t ns = end_ns - c->at_ns, update;

	if (t->reads == UINT16_MAX)
		return 0;
	if (bu_grow(&s->read_ns, s->n_read_ns, &l->cap_read_ns, sizeof(*s->read_ns)))
		return -ENOMEM;
	if (last) {
		update = next_update_ns(l, c->at_ns);
		if (end_ns > update)
			end_ns = update > c->read_ns ? update : c->read_ns;
		ns = c->read_ns + (end_ns - c->read_ns) / 2 - c->at_ns;
	}
	s->read_ns[s->n_read_ns++] = ns > 0 ? ns : 0;
	t->reads++;
	c->at_ns = end_ns;
	return 0;
}

static int end_call(struct loader *l, struct call *c, int64_t ts_ns)
{
	uint16_t n;
	int rc;

	if (!c->tick)
		return 0;
	rc = attempt(l, c, ts_ns, true);
	n = l->s->ticks[c->tick - 1].reads;
	l->s->reads[n <= 4 ? n - 1 : 3]++;
	*c = (struct call){ 0 };
	return rc;
}

/* Durations of a call's attempts lie together: calls of several CPUs overlap in time, so CPUs are read one after the other. */
static int load_reads(struct bu_db *db, struct loader *l, struct bu_err *err)
{
	_cleanup_(bu_stmt_closep) struct bu_stmt *st = NULL;
	int rc = bu_stmt_prepare(db, "SELECT e.ts_ns, e.cpu, f.base, e.func, e.caller FROM ev_func e JOIN symbol f ON f.id = e.func"
				 " WHERE e.ts_ns > ?1 UNION ALL SELECT ts_ns, cpu, '', -1, -1 FROM ev_irq_vector WHERE ts_ns > ?1"
				 " UNION ALL SELECT ts_ns, cpu, '', -1, -1 FROM ev_sched_switch WHERE ts_ns > ?1 ORDER BY 2, 1", &st, err);

	if (rc)
		return rc;
	bu_stmt_bind_i64(st, 1, l->switched_ns);
	while ((rc = bu_stmt_step(st, err)) > 0) {
		const int64_t ts_ns = bu_ns_since(bu_stmt_i64(st, 0), l->origin_ns), cpu = bu_stmt_i64(st, 1), caller = bu_stmt_i64(st, 4);
		const char *func = bu_stmt_text(st, 2);
		struct call *c;

		if (cpu < 0 || cpu >= l->s->cpus)
			continue;
		c = &l->call[cpu];
		if (!strcmp(func, "read_hpet") || !strcmp(func, "acpi_pm_read")) {
			l->s->clock_name = func[0] == 'r' ? "hpet" : "acpi_pm";
			l->s->config.clock = func[0] == 'r' ? BU_CS_HPET : BU_CS_ACPI_PM;
			if (!c->func || c->func != caller)
				continue;	/* of timekeeping_advance(), or of a function that is not traced */
			if (c->tick)
				rc = attempt(l, c, ts_ns, false);
			else if (!add(l, c->at_ns, (int)cpu))
				rc = -ENOMEM;
			else
				c->tick = l->s->n_ticks;
			c->read_ns = ts_ns;
		} else {
			rc = end_call(l, c, ts_ns);
			*c = (struct call){ .func = strncmp(func, "ktime_get", 9) ? 0 : bu_stmt_i64(st, 3), .at_ns = ts_ns };
		}
		if (rc < 0)
			return rc;
	}
	return rc;
}

static int by_time(const void *a, const void *b)
{
	return bu_ns_compare(&((const struct bu_cs_tick *)a)->at_ns, &((const struct bu_cs_tick *)b)->at_ns);
}

static int load_counts(struct bu_db *db, struct loader *l, struct bu_err *err)
{
	struct bu_cs_schedule *s = l->s;
	struct bu_cs_config *c = &s->config;
	int64_t ticks = 0, duty = 0, stops = 0, last = 0;
	uint64_t calls = s->reads[0] + s->reads[1] + s->reads[2] + s->reads[3];
	size_t i;
	int rc;

	rc = bu_db_i64(db, "SELECT count(*) FROM ev_irq_vector e JOIN event_kind k ON k.id = e.kind WHERE k.name = 'local_timer_entry' AND"
		       " e.ts_ns > (SELECT max(ts_ns) FROM functions WHERE func = 'tick_clock_notify')", &ticks, err);
	if (rc >= 0)
		rc = bu_db_i64(db, "SELECT count(DISTINCT cpu) FROM functions WHERE func = 'update_wall_time'", &duty, err);
	if (rc >= 0)
		rc = bu_db_i64(db, "SELECT count(*) FROM ev_other e JOIN event_kind k ON k.id = e.kind WHERE k.name = 'tick_stop'", &stops, err);
	if (rc < 0)
		return rc;
	for (i = 0; i < s->n_ticks; i++)
		if (s->ticks[i].at_ns > last)
			last = s->ticks[i].at_ns;
	s->recorded_ticks = (uint64_t)ticks;
	s->do_timer_cpus = (int32_t)duty;
	s->tick_stops = (uint64_t)stops;
	*c = (struct bu_cs_config){ .size = sizeof(*c), .tick_ns = 4 * BU_NS_PER_MS, .clock = c->clock, .read_ns = 1000, .cpus_per_node = s->cpus,
				    .reads_permille = ticks ? (int64_t)(calls * 1000 / (uint64_t)ticks) : 0, .update_ns = 500, .wake_ns = c->wake_ns,
				    .switch_at_ns = LEAD_NS, .end_ns = last + LEAD_NS, .highres = true, .recorded = true };
	if (s->n_ticks)
		qsort(s->ticks, s->n_ticks, sizeof(*s->ticks), by_time);
	return calls ? 0 : bu_fail(err, -ENODATA, "%s: no call that reads a clock was traced after the switch (ktime_get with read_hpet or "
				   "acpi_pm_read); a clock like tsc leaves no line", bu_db_path(db));
}

static int load_head(struct bu_db *db, struct bu_cs_schedule *s, struct bu_err *err)
{
	_cleanup_(bu_stmt_closep) struct bu_stmt *st = NULL;
	int rc = bu_stmt_prepare(db, "SELECT source_sha256, coalesce(kernel_release, 'unknown'), (SELECT max(cpu) + 1 FROM cpu"
				 " WHERE online = 1) FROM capture", &st, err);
	int64_t cpus;

	if (!rc)
		rc = bu_stmt_step(st, err);
	if (rc <= 0)
		return rc ? rc : bu_fail(err, -ENODATA, "%s is empty", bu_db_path(db));
	s->capture_name = bu_arena_strdup(&s->arena, bu_db_path(db));
	s->capture_sha256 = bu_arena_strdup(&s->arena, bu_stmt_text(st, 0));
	s->kernel_release = bu_arena_strdup(&s->arena, bu_stmt_text(st, 1));
	cpus = bu_stmt_i64(st, 2);
	s->clock_name = "";
	if (!s->capture_name || !s->capture_sha256 || !s->kernel_release)
		return -ENOMEM;
	if (cpus < 1 || cpus > MAX_CPUS)
		return bu_fail(err, -ENODATA, "%s does not say which CPUs are online, as far as there are %d at most", bu_db_path(db), MAX_CPUS);
	s->cpus = (int32_t)cpus;
	return 0;
}

int bu_cs_schedule_load(struct bu_db *db, struct bu_cs_schedule *ret, struct bu_err *err)
{
	struct bu_cs_schedule s = { 0 };
	struct loader l = { .s = &s };
	struct stop stop = { 0 };
	int rc = load_head(db, &s, err);

	if (!rc)
		rc = load_stop(db, &s, &stop, err);
	l.origin_ns = bu_ns_add(stop.start_ns, -LEAD_NS);
	l.switched_ns = stop.notified_ns;
	if (!rc) {
		l.call = calloc((size_t)s.cpus, sizeof(*l.call));
		rc = l.call ? load_updates(db, &l, err) : -ENOMEM;
	}
	if (!rc)
		rc = load_reads(db, &l, err);
	if (!rc)
		rc = load_counts(db, &l, err);
	free(l.updates);
	free(l.call);
	if (rc) {
		bu_cs_schedule_fini(&s);
		return rc == -ENOMEM ? bu_fail_errno(err, rc, "%s", bu_db_path(db)) : rc;
	}
	*ret = s;
	return 0;
}
