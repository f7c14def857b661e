// SPDX-License-Identifier: GPL-2.0-only
/*
 * clock_doctor_evidence.c - which events of a bring-up cannot have happened in another order (clock_doctor_int.h).
 *
 * From kernel/cpu.c, arch/x86/kernel/smpboot.c and tsc_sync.c of 6.1 and 6.12. The control CPU runs the steps
 * bringup_cpu (6.1), or cpuhp_kick_ap_alive and cpuhp_bringup_ap (since 6.5), for the CPU that comes up:
 *
 *   control CPU                                  the CPU
 *   native_cpu_up, common_cpu_up, init_espfix_ap, native_kick_ap
 *           (before INIT is sent)            ->  load_ucode_ap, cpuhp_ap_sync_alive: its first signs
 *   arch_cpuhp_cleanup_kick_cpu              <-  cpuhp_ap_sync_alive (waited for it)
 *   step cpuhp_bringup_ap begins             ->  check_tsc_sync_target, cpuhp_online_idle (it was let go)
 *   check_tsc_sync_source                    ->  check_tsc_warp (both sides meet before it)
 *   check_tsc_warp                           <-  check_tsc_sync_target
 *   cpuhp_kick_ap (6.1)                      <-  cpuhp_online_idle (waited for its completion)
 *   cpuhp_kick_ap (6.1)                      ->  its first step
 *   the step ends                            <-  cpuhp_online_idle; the end of its last step
 *   going down: cpuhp_kick_ap_work begins    ->  its first step down
 *   cpuhp_kick_ap_work ends                  <-  the end of its last step down
 *
 * and for any two CPUs, where recorded: csd_queue_cpu -> csd_function_entry of the same request.
 * The nth bring-up of a CPU goes with the nth of each mark on it; where their numbers differ, as after a loss or a failed
 * bring-up, that mark is not used.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "collector/clock_doctor_int.h"
#include "collector/clock_marks.h"
#include "schemas/base/mem.h"

static const struct bu_clock_event *on_cpu(const struct bu_clock_events *v, int64_t cpu, size_t k)
{
	return bu_clock_event_at(v->marks, v->of_cpu[v->first[cpu] + k]);
}

static size_t count_on(const struct bu_clock_events *v, int64_t cpu)
{
	return v->first[cpu + 1] - v->first[cpu];
}

/* What one CPU did for itself. */
#define OWN_MARKS 4		/* M_UCODE to M_IDLE */

struct own {
	size_t *at[OWN_MARKS], n[OWN_MARKS], cap[OWN_MARKS];	/* positions of each mark among the events of the CPU */
	struct run {
		const struct bu_clock_event *begin, *end;	/* first begin and last end of the steps down */
	} *down;
	size_t n_down, cap_down;
};

static int add_down(struct own *o, const struct bu_clock_event *e)
{
	if (bu_grow(&o->down, o->n_down, &o->cap_down, sizeof(*o->down)))
		return -ENOMEM;
	o->down[o->n_down++] = (struct run){ e, NULL };
	return 0;
}

/* Fills @o anew with the marks and the runs of steps down on @cpu. */
static int read_own(const struct bu_clock_events *v, int64_t cpu, struct own *o)
{
	const struct bu_clock_event *e;
	int64_t at = -1;
	int rc = 0, which;
	size_t k;

	memset(o->n, 0, sizeof(o->n));
	o->n_down = 0;
	for (k = 0; !rc && k < count_on(v, cpu); k++) {
		e = on_cpu(v, cpu, k);
		if (e->mark >= M_UCODE && e->mark <= M_IDLE) {
			which = (int)e->mark - M_UCODE;
			rc = bu_grow(&o->at[which], o->n[which], &o->cap[which], sizeof(**o->at));
			if (!rc)
				o->at[which][o->n[which]++] = k;
		}
		if (e->mark == M_OWN_BEGIN && e->target < e->nr) {
			if (at < 0 || e->nr > at)
				rc = add_down(o, e);
			at = e->nr;
		} else if (e->mark == M_OWN_END && at >= 0) {
			o->down[o->n_down - 1].end = e;
		} else {
			at = -1;	/* up again, or offline in between */
		}
	}
	return rc;
}

static void own_fini(struct own *o)
{
	int i;

	for (i = 0; i < OWN_MARKS; i++)
		free(o->at[i]);
	free(o->down);
}

/* The @nth (from 0) @mark, as position among the events of the CPU; -1 where there are not @of. */
static int64_t nth_mark(const struct own *o, enum bu_clock_mark mark, size_t nth, size_t of)
{
	const int which = (int)mark - M_UCODE;

	return o->n[which] == of ? (int64_t)o->at[which][nth] : -1;
}

/* Within a step on its control CPU: the first or last event of @mark after @begin and before the step's end there. */
static const struct bu_clock_event *within(const struct bu_clock_events *v, const struct bu_clock_event *begin, const struct bu_clock_event *end, enum bu_clock_mark mark,
				  bool last)
{
	const struct bu_clock_event *found = NULL, *e;
	size_t k;

	/* The control task may sleep in a step and wake up on another CPU; from then on what is here is of others. */
	if (!begin || (mark != M_BEFORE_INIT && (!end || end->cpu != begin->cpu)))
		return NULL;
	for (k = begin->place + 1; k < count_on(v, begin->cpu); k++) {
		e = on_cpu(v, begin->cpu, k);
		if (e == end || e->mark == M_KICK_BEGIN || e->mark == M_UP_BEGIN || e->mark == M_DOWN || e->mark == M_KICK_END ||
		    e->mark == M_UP_END)
			break;
		if (e->mark == mark && (!found || last))
			found = e;
	}
	return found;
}

static int before(struct bu_clock_events *v, const struct bu_clock_event *a, const struct bu_clock_event *b, struct bu_err *err)
{
	if (!a || !b || !bu_clock_before(v->g, a->cpu, a->ns, b->cpu, b->ns))
		return 0;
	return bu_fail_errno(err, -ENOMEM, "clock doctor");
}

/* The CPU's own steps after it went online: where the first begins and the last ends. */
static void own_steps(const struct bu_clock_events *v, int64_t cpu, int64_t idle, const struct bu_clock_event **ret_begin,
		      const struct bu_clock_event **ret_end)
{
	const struct bu_clock_event *e, *begin = NULL;
	int64_t at = -1;
	size_t k;

	*ret_begin = *ret_end = NULL;
	for (k = (size_t)idle + 1; k < count_on(v, cpu); k++) {
		e = on_cpu(v, cpu, k);
		if (e->mark == M_OWN_BEGIN) {
			/* Steps go up; what goes down, or begins anew further below, is another operation. */
			if (e->target < e->nr || e->nr < at || (e->nr == at && !e->multi))
				break;
			if (!*ret_begin)
				*ret_begin = e;
			begin = e;
			at = e->nr;
		} else if (e->mark == M_OWN_END && begin && e->nr == at) {
			*ret_end = e;
		} else if (e->mark == M_IDLE || e->mark == M_UCODE || e->mark == M_ALIVE) {
			break;
		}
	}
}

/* One bring-up of @cpu: the steps on its control CPU and the @nth of the @of marks on itself. */
static int one_bringup(struct bu_clock_events *v, int64_t cpu, const struct own *own, const struct bu_clock_event *kick, const struct bu_clock_event *kick_end,
		       const struct bu_clock_event *up, const struct bu_clock_event *up_end, size_t nth, size_t of, struct bu_err *err)
{
	const struct bu_clock_event *sign[2] = { NULL, NULL }, *alive = NULL, *target = NULL, *warp = NULL, *idle = NULL, *first, *last, *e;
	int64_t k;
	int rc;

	k = nth_mark(own, M_UCODE, nth, of);
	sign[0] = k < 0 ? NULL : on_cpu(v, cpu, (size_t)k);
	k = nth_mark(own, M_ALIVE, nth, of);
	sign[1] = alive = k < 0 ? NULL : on_cpu(v, cpu, (size_t)k);
	k = nth_mark(own, M_TSC_TARGET, nth, of);
	if (k >= 0) {
		target = on_cpu(v, cpu, (size_t)k);
		if ((size_t)k + 1 < count_on(v, cpu) && on_cpu(v, cpu, (size_t)k + 1)->mark == M_TSC_WARP)
			warp = on_cpu(v, cpu, (size_t)k + 1);
	}
	e = within(v, kick, kick_end, M_BEFORE_INIT, true);
	rc = before(v, e ? e : kick, sign[0] ? sign[0] : sign[1], err);
	if (!rc)
		rc = before(v, alive, within(v, up, up_end, M_CLEANUP, true), err);
	if (!rc && up != kick)
		rc = before(v, up, target, err);
	e = within(v, up, up_end, M_TSC_SOURCE, false);
	if (!rc && e && target) {
		const struct bu_clock_event *there = within(v, e, up_end, M_TSC_WARP, false);

		/* Without the loop neither side waited for the other. */
		if (there && warp) {
			rc = before(v, e, warp, err);
			if (!rc)
				rc = before(v, target, there, err);
		}
	}
	k = nth_mark(own, M_IDLE, nth, of);
	if (rc || k < 0)
		return rc;
	idle = on_cpu(v, cpu, (size_t)k);
	own_steps(v, cpu, k, &first, &last);
	e = within(v, up, up_end, M_KICK_THREAD, true);
	rc = before(v, up, idle, err);
	if (!rc)
		rc = before(v, idle, e, err);
	if (!rc)
		rc = before(v, e, first, err);
	if (!rc)
		rc = before(v, idle, up_end, err);
	if (!rc)
		rc = before(v, last, up_end, err);
	return rc;
}

#define KINDS 6

struct of_target {		/* the steps for one CPU, in order */
	const struct bu_clock_event **e[KINDS];	/* kick begin, up begin, kick end, up end, work begin, work end */
	size_t n[KINDS], cap[KINDS];
};

static int add_step(struct of_target *t, const struct bu_clock_event *e)
{
	int which = (int)e->mark - M_KICK_BEGIN;

	if (bu_grow(&t->e[which], t->n[which], &t->cap[which], sizeof(*t->e[which])))
		return -ENOMEM;
	t->e[which][t->n[which]++] = e;
	return 0;
}

static int bringups_of(struct bu_clock_events *v, int64_t cpu, const struct own *own, const struct of_target *t, struct bu_err *err)
{
	bool split = t->n[0] > 0;
	size_t n = t->n[1], i;
	int rc = 0;

	/* Split bring-up: as many kicks as bring-ups, or it is not clear which belongs to which. */
	if (split && t->n[0] != n)
		return 0;
	for (i = 0; !rc && i < n; i++) {
		const struct bu_clock_event *up = t->e[1][i], *up_end = t->n[3] == n ? t->e[3][i] : NULL;
		const struct bu_clock_event *kick = split ? t->e[0][i] : up;
		const struct bu_clock_event *kick_end = split ? (t->n[2] == n ? t->e[2][i] : NULL) : up_end;

		rc = one_bringup(v, cpu, own, kick, kick_end, up, up_end, i, n, err);
	}
	return rc;
}

static int takedowns_of(struct bu_clock_events *v, const struct own *own, const struct of_target *t, struct bu_err *err)
{
	size_t n = t->n[4], i;
	int rc = 0;

	for (i = 0; !rc && own->n_down == n && i < n; i++) {
		rc = before(v, t->e[4][i], own->down[i].begin, err);
		if (!rc && t->n[5] == n)
			rc = before(v, own->down[i].end, t->e[5][i], err);
	}
	return rc;
}

/* The CPU on which most bring-ups began. */
static int32_t reference(const struct bu_clock_events *v)
{
	_cleanup_free_ size_t *n = calloc((size_t)v->n_cpu + 1, sizeof(*n));
	const struct bu_clock_event *e;
	int32_t best = 0;
	size_t i;

	for (i = 0; n && i < v->marks->e.n; i++) {
		e = bu_clock_event_at(v->marks, i);
		if (e->mark == M_UP_BEGIN && ++n[e->cpu] > n[best])
			best = e->cpu;
	}
	return best;
}

static int bringups(struct bu_clock_events *v, struct bu_err *err)
{
	_cleanup_free_ struct of_target *t = calloc((size_t)v->n_cpu + 1, sizeof(*t));
	size_t i, k;
	int rc = t ? 0 : bu_fail_errno(err, -ENOMEM, "clock doctor");
	struct own own = { .n_down = 0 };
	const struct bu_clock_event *e;

	for (i = 0; !rc && i < v->marks->e.n; i++) {
		e = bu_clock_event_at(v->marks, i);
		if (e->mark >= M_KICK_BEGIN && e->mark <= M_WORK_END && add_step(&t[e->cpu_for], e))
			rc = bu_fail_errno(err, -ENOMEM, "clock doctor");
	}
	for (i = 0; !rc && i < (size_t)v->n_cpu; i++) {
		if (read_own(v, (int64_t)i, &own))
			rc = bu_fail_errno(err, -ENOMEM, "clock doctor");
		if (!rc)
			rc = bringups_of(v, (int64_t)i, &own, &t[i], err);
		if (!rc)
			rc = takedowns_of(v, &own, &t[i], err);
	}
	for (i = 0; t && i < (size_t)v->n_cpu; i++)
		for (k = 0; k < KINDS; k++)
			free(t[i].e[k]);
	own_fini(&own);
	return rc;
}

/* Requests to other CPUs: the same csd is not queued again before it ran (csd_lock(), kernel/smp.c, 6.12). */
static int requests(struct bu_db *db, struct bu_clock_graph *g, struct bu_err *err)
{
	_cleanup_(bu_stmt_closep) struct bu_stmt *st = NULL;
	int64_t kinds = 0;
	int rc;

	rc = bu_db_i64(db, "SELECT count(*) FROM event_kind WHERE name IN ('csd_queue_cpu', 'csd_function_entry') AND events > 0",
		       &kinds, err);
	if (rc < 0 || kinds < 2)
		return rc < 0 ? rc : 0;
	rc = bu_stmt_prepare(db, "WITH c AS (SELECT e.id, e.ts_ns, e.cpu, k.name, e.fields ->> 'csd' AS csd, e.fields ->> 'cpu' AS dst, "
			     "row_number() OVER (PARTITION BY k.name, e.fields ->> 'csd' ORDER BY e.id) AS nth, "
			     "count(*) OVER (PARTITION BY k.name, e.fields ->> 'csd') AS n FROM ev_other e JOIN event_kind k "
			     "ON k.id = e.kind WHERE k.name IN ('csd_queue_cpu', 'csd_function_entry')) "
			     "SELECT q.cpu, q.ts_ns, r.cpu, r.ts_ns FROM c q JOIN c r ON r.csd = q.csd AND r.nth = q.nth AND r.n = q.n "
			     "AND r.cpu = q.dst WHERE q.name = 'csd_queue_cpu' AND r.name = 'csd_function_entry'", &st, err);
	while (!rc && (rc = bu_stmt_step(st, err)) > 0) {
		rc = bu_clock_before(g, bu_stmt_i64(st, 0), bu_stmt_i64(st, 1), bu_stmt_i64(st, 2), bu_stmt_i64(st, 3));
		if (rc)
			rc = bu_fail_errno(err, rc, "clock doctor");
	}
	return rc;
}

int bu_clock_evidence(struct bu_db *db, struct bu_clock_marks *marks, struct bu_clock_graph *g, struct bu_err *err)
{
	struct bu_clock_events v = { .g = g };
	int rc;

	rc = bu_clock_events_index(marks, &v);
	if (rc) {
		bu_fail_errno(err, rc, "clock doctor");
	} else {
		g->ref = reference(&v);
		rc = bringups(&v, err);
	}
	if (!rc)
		rc = requests(db, g, err);
	bu_clock_events_fini(&v);
	return rc;
}
