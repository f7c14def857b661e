// SPDX-License-Identifier: GPL-2.0-only
/*
 * hotplug_ops.c - CPUs taken down and brought up while the system ran: what a recording says of each operation.
 *
 * Flow: steps, function and scheduler events of a capture -> [hotplug_ops] -> struct bu_hp_runtime_op, and the timeline.
 *
 * An operation is cut into parts and steps as a boot is (hotplug.c), its way up by the milestones of
 * schemas/derive_bringup.sql. The way down has milestones of its own, functions of kernel/cpu.c v6.1 and v6.12:
 *
 *   cpuhp_kick_ap_work() .. [CPU: its steps] .. takedown_cpu() -> stop_machine_cpuslocked() -> [CPU: take_cpu_down() ->
 *   stop_machine_park() -> cpuhp_report_idle_dead()] -> cpuhp_complete_idle_dead() -> the wait for the death -> dead steps
 *
 * Sleeping inside a step of the CPU's own (a grace period in sched_cpu_deactivate()) is told from its work by sched_switch.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "replay/schedule/hotplug_int.h"
#include "schemas/store/db.h"

struct call {			/* of a function */
	int64_t id, ts;
	int32_t cpu;
	uint8_t what;		/* enum function, or 0 */
};

enum function {
	F_OTHER, F_TIMEKEEPING, F_AP_SYNC_ALIVE, F_CLEANUP_KICK, F_RCU_STARTING, F_TSC_TARGET, F_TSC_SOURCE, F_TSC_OTHER,
	F_ONLINE_IDLE, F_KICK_AP, F_SHOULD_RUN, F_CPU_UP, F_STOP_MACHINE, F_TAKE_CPU_DOWN, F_STOP_PARK, F_IDLE_DEAD,
	F_COMPLETE_DEAD, F_WAIT_DEAD,
};

static const struct { const char *name; enum function f; } functions[] = {
	{ "cpuhp_ap_sync_alive", F_AP_SYNC_ALIVE }, { "arch_cpuhp_cleanup_kick_cpu", F_CLEANUP_KICK },
	{ "rcu_cpu_starting", F_RCU_STARTING }, { "rcutree_report_cpu_starting", F_RCU_STARTING },
	{ "check_tsc_sync_target", F_TSC_TARGET }, { "check_tsc_sync_source", F_TSC_SOURCE }, { "check_tsc_warp", F_TSC_OTHER },
	{ "cpuhp_online_idle", F_ONLINE_IDLE }, { "cpuhp_kick_ap", F_KICK_AP }, { "cpuhp_should_run", F_SHOULD_RUN },
	{ "cpu_up", F_CPU_UP }, { "stop_machine_cpuslocked", F_STOP_MACHINE }, { "take_cpu_down", F_TAKE_CPU_DOWN },
	{ "stop_machine_park", F_STOP_PARK }, { "cpuhp_report_idle_dead", F_IDLE_DEAD },
	{ "cpuhp_complete_idle_dead", F_COMPLETE_DEAD }, { "cpuhp_wait_for_sync_state", F_WAIT_DEAD },
	{ "native_cpu_die", F_WAIT_DEAD },
};

struct switched {		/* sched_switch */
	int64_t ts;
	int32_t cpu;
	int64_t prev, next;	/* pids */
	bool sleeps;		/* prev went to sleep, it was not preempted */
};

struct step {
	int64_t id, exit_id, start, end, pid;
	int32_t cpu, nr, ret;
	uint32_t name;
	const char *text;	/* the name, in the schedule */
};

struct ops_loader {
	struct loader *l;
	struct call *calls;
	struct switched *switches;
	struct step *steps;	/* of all operations, in their order */
	size_t n_calls, cap_calls, n_switches, cap_switches, n_steps, cap_steps, cap_ops, cap_recorded;
};

/* ------------------------------------------------------------------------------------------------- reading the rows */

static enum function function_of(const char *name)
{
	size_t i;

	for (i = 0; i < ARRAY_SIZE(functions); i++)
		if (!strcmp(functions[i].name, name))
			return functions[i].f;
	return strncmp(name, "timekeeping_", 12) ? F_OTHER : F_TIMEKEEPING;
}

static int read_calls(struct ops_loader *o)
{
	_cleanup_(bu_stmt_closep) struct bu_stmt *st = NULL;
	int rc;

	rc = bu_stmt_prepare(o->l->db, "SELECT f.id, f.ts_ns, f.cpu, y.base FROM ev_func f JOIN symbol y ON y.id = f.func ORDER BY f.id",
			     &st, o->l->err);
	while (!rc && (rc = bu_stmt_step(st, o->l->err)) > 0) {
		if (bu_grow(&o->calls, o->n_calls, &o->cap_calls, sizeof(*o->calls)))
			return hotplug_oom(o->l);
		o->calls[o->n_calls++] = (struct call){ bu_stmt_i64(st, 0), hotplug_rebase(o->l, bu_stmt_i64(st, 1)),
							(int32_t)bu_stmt_i64(st, 2), (uint8_t)function_of(bu_stmt_text(st, 3)) };
		rc = 0;
	}
	return rc;
}

/* TASK_INTERRUPTIBLE and TASK_UNINTERRUPTIBLE are 1 and 2 in prev_state; a preempted task has a bit above the states. */
static int read_switches(struct ops_loader *o)
{
	_cleanup_(bu_stmt_closep) struct bu_stmt *st = NULL;
	int rc;

	rc = bu_stmt_prepare(o->l->db, "SELECT e.ts_ns, e.cpu, p.pid, n.pid, e.prev_state & 3 FROM ev_sched_switch e"
			     " JOIN task p ON p.id = e.prev JOIN task n ON n.id = e.next ORDER BY e.id", &st, o->l->err);
	while (!rc && (rc = bu_stmt_step(st, o->l->err)) > 0) {
		if (bu_grow(&o->switches, o->n_switches, &o->cap_switches, sizeof(*o->switches)))
			return hotplug_oom(o->l);
		o->switches[o->n_switches++] = (struct switched){
			hotplug_rebase(o->l, bu_stmt_i64(st, 0)), (int32_t)bu_stmt_i64(st, 1), bu_stmt_i64(st, 2),
			bu_stmt_i64(st, 3), bu_stmt_i64(st, 4) != 0 };
		rc = 0;
	}
	return rc;
}

static int read_steps(struct ops_loader *o, struct bu_stmt *st, int64_t op)
{
	int rc;

	bu_stmt_bind_i64(st, 1, op);
	o->n_steps = 0;
	while ((rc = bu_stmt_step(st, o->l->err)) > 0) {
		struct step *s;

		if (bu_grow(&o->steps, o->n_steps, &o->cap_steps, sizeof(*o->steps)))
			return hotplug_oom(o->l);
		s = &o->steps[o->n_steps++];
		*s = (struct step){ .id = bu_stmt_i64(st, 0), .exit_id = bu_stmt_ns(st, 1), .cpu = (int32_t)bu_stmt_i64(st, 2),
				    .nr = (int32_t)bu_stmt_i64(st, 3), .start = hotplug_rebase(o->l, bu_stmt_i64(st, 5)),
				    .end = hotplug_rebase(o->l, bu_stmt_ns(st, 6)), .ret = (int32_t)bu_stmt_i64(st, 7),
				    .pid = bu_stmt_i64(st, 8) };
		rc = hotplug_name(o->l, bu_stmt_text(st, 4), &s->name);
		if (rc)
			return rc;
		s->text = o->l->s->names[s->name];
	}
	bu_stmt_reset(st);
	return rc;
}

/* ----------------------------------------------------------------------------------------------- looking things up */

/* First call at or after @from. */
static size_t call_from(const struct ops_loader *o, int64_t from)
{
	size_t lo = 0, hi = o->n_calls;

	while (lo < hi) {
		const size_t mid = lo + (hi - lo) / 2;

		if (o->calls[mid].ts < from)
			lo = mid + 1;
		else
			hi = mid;
	}
	return lo;
}

enum where { ON, NOT_ON };

/* When @what was first called between @from and @to (unknown: without end), on @cpu or on any other. */
static int64_t called(const struct ops_loader *o, enum function what, enum where where, int32_t cpu, int64_t from, int64_t to)
{
	size_t i;

	if (!known(from))
		return BU_NS_UNKNOWN;
	for (i = call_from(o, from); i < o->n_calls && (!known(to) || o->calls[i].ts <= to); i++)
		if (o->calls[i].what == what && (o->calls[i].cpu == cpu) == (where == ON))
			return o->calls[i].ts;
	return BU_NS_UNKNOWN;
}

static const struct step *step_named(const struct ops_loader *o, const char *name, const char *or_name)
{
	size_t i;

	for (i = 0; i < o->n_steps; i++)
		if (!strcmp(o->steps[i].text, name) || (or_name && !strcmp(o->steps[i].text, or_name)))
			return &o->steps[i];
	return NULL;
}

/* How long task @pid slept between @from and @to; @ret_first: when it first fell asleep. With its wake-up. */
static int64_t slept(const struct ops_loader *o, int64_t pid, int64_t from, int64_t to, int64_t *ret_first)
{
	size_t lo = 0, hi = o->n_switches;
	int64_t since = BU_NS_UNKNOWN, sum = 0;

	*ret_first = BU_NS_UNKNOWN;
	while (lo < hi) {
		const size_t mid = lo + (hi - lo) / 2;

		if (o->switches[mid].ts < from)
			lo = mid + 1;
		else
			hi = mid;
	}
	for (; lo < o->n_switches && o->switches[lo].ts <= to; lo++) {
		const struct switched *w = &o->switches[lo];

		if (w->prev == pid && w->sleeps) {
			since = w->ts;
			if (!known(*ret_first))
				*ret_first = since;
		} else if (w->next == pid && known(since)) {
			sum += w->ts - since;
			since = BU_NS_UNKNOWN;
		}
	}
	return sum;
}

/* ------------------------------------------------------------------------------------------------ one operation */

/* Whether a step waits for other CPUs: it is made of milestones. */
static bool is_frame(const struct step *s)
{
	static const char *const frames[] = { "bringup_cpu", "cpuhp_kick_ap_alive", "cpuhp_bringup_ap", "cpuhp_kick_ap_work",
					      "takedown_cpu" };
	size_t i;

	for (i = 0; i < ARRAY_SIZE(frames); i++)
		if (!strcmp(s->text, frames[i]))
			return true;
	return false;
}

static int take_steps(struct ops_loader *o, struct bu_hp_runtime_op *op)
{
	struct bu_hp_cpu *w = &op->work;
	int64_t last_own = BU_NS_UNKNOWN, last_control = BU_NS_UNKNOWN, first;
	size_t i;
	int section;

	for (section = 0; section < BU_HP_NR_SECTIONS; section++) {
		w->steps[section] = bu_arena_alloc(&o->l->s->arena, (o->n_steps + 1) * sizeof(struct bu_hp_step));
		if (!w->steps[section])
			return hotplug_oom(o->l);
	}
	for (i = 0; i < o->n_steps; i++) {
		const struct step *s = &o->steps[i];
		const bool own = s->cpu == op->cpu;
		int64_t *last = own ? &last_own : &last_control;
		const bool whole = known(s->start) && known(s->end);
		struct bu_hp_step *t;

		section = op->down ? own ? BU_HP_DOWN_STEPS : BU_HP_DEAD_STEPS : own ? BU_HP_ONLINE_STEPS : BU_HP_PREPARE;
		if (!is_frame(s)) {
			t = &w->steps[section][w->n_steps[section]++];
			*t = (struct bu_hp_step){ .name = s->name, .nr = s->nr, .ret = s->ret, .start_ns = s->start, .end_ns = s->end,
						  .overhead_ns = gap_between(*last, s->start),
						  .work_ns = whole ? s->end - s->start : BU_NS_UNKNOWN };
			if (own && whole) {
				t->sleep_ns = slept(o, s->pid, s->start, s->end, &first);
				t->work_ns -= t->sleep_ns;
				t->before_sleep_ns = known(first) ? first - s->start : t->work_ns;
			}
		}
		*last = later(s->start, s->end);
	}
	return 0;
}

static void milestones_up(const struct ops_loader *o, const struct bu_hp_runtime_op *op, int32_t control, struct milestones *m)
{
	const struct step *kick = step_named(o, "cpuhp_kick_ap_alive", "bringup_cpu");
	const struct step *bringup = step_named(o, "cpuhp_bringup_ap", "bringup_cpu");
	const int32_t cpu = op->cpu;
	int64_t sign_id = INT64_MAX, runs, *fields = (int64_t *)m;
	size_t i;

	for (i = 0; i < sizeof(*m) / sizeof(*fields); i++)
		fields[i] = BU_NS_UNKNOWN;
	m->prepare = op->start_ns;
	if (!kick)
		return;
	m->kick = kick->start;
	m->kick_end = kick->end;
	if (bringup) {
		m->bringup = bringup->start;
		m->done = bringup->end;
	}
	for (i = 0; i < o->n_steps; i++)
		if (o->steps[i].cpu == cpu) {
			m->online = later(m->online, o->steps[i].end);
			if (!known(m->thread))
				m->thread = o->steps[i].start;
		}
	if (op->verdict != BU_CPU_OK)
		m->online = BU_NS_UNKNOWN;
	for (i = call_from(o, m->kick); i < o->n_calls && (!known(m->done) || o->calls[i].ts <= m->done); i++)
		if (o->calls[i].cpu == cpu && o->calls[i].id > kick->id) {
			m->first_sign = o->calls[i].ts;
			sign_id = o->calls[i].id;
			break;
		}
	for (i = call_from(o, m->kick); i < o->n_calls && o->calls[i].id < sign_id &&
	     (!known(kick->exit_id) || o->calls[i].id < kick->exit_id); i++)
		if (o->calls[i].cpu == control && o->calls[i].id > kick->id && o->calls[i].what != F_TIMEKEEPING &&
		    (known(m->first_sign) || m->kick != m->bringup))
			m->kick_last = o->calls[i].ts;
	m->alive = called(o, F_AP_SYNC_ALIVE, ON, cpu, m->kick, m->done);
	m->release = called(o, F_CLEANUP_KICK, NOT_ON, cpu, m->bringup, m->done);
	m->starting = called(o, F_RCU_STARTING, ON, cpu, m->kick, m->done);
	m->tsc_target = called(o, F_TSC_TARGET, ON, cpu, m->kick, m->done);
	m->tsc_source = called(o, F_TSC_SOURCE, NOT_ON, cpu, m->starting, m->done);
	m->idle = called(o, F_ONLINE_IDLE, ON, cpu, m->kick, m->done);
	for (i = known(m->tsc_target) ? call_from(o, m->tsc_target + 1) : o->n_calls; i < o->n_calls; i++)
		if (o->calls[i].cpu == cpu && (o->calls[i].what < F_TSC_TARGET || o->calls[i].what > F_TSC_OTHER)) {
			if (!known(m->idle) || o->calls[i].ts <= m->idle)
				m->tsc_end = o->calls[i].ts;
			break;
		}
	m->kick_thread = called(o, F_KICK_AP, NOT_ON, cpu, m->idle, m->done);
	runs = called(o, F_SHOULD_RUN, ON, cpu, known(m->kick_thread) ? m->kick_thread : m->idle, m->done);
	if (known(runs) && (!known(m->thread) || runs < m->thread))
		m->thread = runs;
	if (known(m->release) && known(m->alive) && m->release > m->starting && m->starting >= m->alive)
		m->release = m->starting;
}

static void set_part(struct bu_hp_part *p, int64_t from, int64_t to)
{
	if (known(from) && known(to))
		hotplug_share(&p, 1, to - from);
}

static int64_t gap_after(const struct step *before, int64_t at)
{
	return before ? gap_between(before->end, at) : 0;
}

static void parts_up(struct bu_hp_runtime_op *op, const struct ops_loader *o, const struct milestones *m)
{
	const struct step *kick = step_named(o, "cpuhp_kick_ap_alive", "bringup_cpu");
	const struct step *bringup = step_named(o, "cpuhp_bringup_ap", NULL);

	op->work.mark_ns[BU_HP_AT_PREPARE] = m->prepare;
	op->work.mark_ns[BU_HP_AT_KICK] = m->kick;
	op->work.mark_ns[BU_HP_AT_ALIVE] = m->alive;
	op->work.mark_ns[BU_HP_AT_RELEASE] = m->release;
	op->work.mark_ns[BU_HP_AT_IDLE] = m->idle;
	op->work.mark_ns[BU_HP_AT_ONLINE] = m->online;
	op->work.never_comes = op->verdict != BU_CPU_OK && known(m->kick) && !known(m->first_sign) && !known(m->idle);
	hotplug_parts(&op->work, m, false);
	if (kick && kick > o->steps)
		set_part(&op->work.part[BU_HP_KICK_ENTRY], kick->start - gap_after(kick - 1, kick->start), kick->start);
	if (bringup && kick)
		set_part(&op->work.part[BU_HP_BRINGUP_ENTRY], kick->end, bringup->start);
}

struct down {			/* instants of one way down */
	int64_t own, own_end, kicked_end, takedown, stop, take, parked, idle_dead, complete, wait_dead, takedown_end;
};

static void milestones_down(const struct ops_loader *o, const struct bu_hp_runtime_op *op, struct down *d)
{
	const struct step *kick = step_named(o, "cpuhp_kick_ap_work", NULL), *takedown = step_named(o, "takedown_cpu", NULL);
	const int32_t cpu = op->cpu;
	int64_t *fields = (int64_t *)d;
	size_t i;

	for (i = 0; i < sizeof(*d) / sizeof(*fields); i++)
		fields[i] = BU_NS_UNKNOWN;
	for (i = 0; i < o->n_steps; i++)
		if (o->steps[i].cpu == cpu) {
			if (!known(d->own))
				d->own = o->steps[i].start;
			d->own_end = later(d->own_end, o->steps[i].end);
		}
	if (kick)
		d->kicked_end = kick->end;
	if (!takedown)
		return;
	d->takedown = takedown->start;
	d->takedown_end = takedown->end;
	d->stop = called(o, F_STOP_MACHINE, NOT_ON, cpu, d->takedown, d->takedown_end);
	d->take = called(o, F_TAKE_CPU_DOWN, ON, cpu, d->takedown, d->takedown_end);
	d->parked = called(o, F_STOP_PARK, ON, cpu, d->take, d->takedown_end);
	d->idle_dead = called(o, F_IDLE_DEAD, ON, cpu, d->takedown, d->takedown_end);
	d->complete = called(o, F_COMPLETE_DEAD, NOT_ON, cpu, d->idle_dead, d->takedown_end);
	d->wait_dead = called(o, F_WAIT_DEAD, NOT_ON, cpu, d->complete, d->takedown_end);
}

/* The chain of takedown_cpu(): each part ends at its instant; parts in front of an instant that is unknown share. */
static void parts_down(struct bu_hp_runtime_op *op, const struct down *d)
{
	const struct { enum bu_hp_work part; int64_t until; } chain[] = {
		{ BU_HP_PARK, d->stop }, { BU_HP_STOP_MEET, d->take }, { BU_HP_DYING, d->parked },
		{ BU_HP_IDLE_DEAD, d->idle_dead }, { BU_HP_DEAD_IPI, d->complete }, { BU_HP_DEAD_DONE, d->wait_dead },
		{ BU_HP_TAKEDOWN_EXIT, d->takedown_end },
	};
	struct bu_hp_part *part = op->work.part, *pending[ARRAY_SIZE(chain)];
	int64_t now = d->takedown;
	size_t i, n = 0;

	set_part(&part[BU_HP_DOWN_WAKE], op->start_ns, d->own);
	set_part(&part[BU_HP_DOWN_DONE], known(d->own_end) ? d->own_end : op->start_ns, d->kicked_end);
	set_part(&part[BU_HP_TAKEDOWN_ENTRY], known(d->kicked_end) ? d->kicked_end : op->start_ns, d->takedown);
	op->work.never_dies = op->verdict != BU_CPU_OK && known(d->take) && !known(d->idle_dead);
	for (i = 0; i < ARRAY_SIZE(chain) && known(now); i++) {
		pending[n++] = &part[chain[i].part];
		if (!known(chain[i].until))
			continue;
		hotplug_share(pending, n, chain[i].until - now);
		now = chain[i].until;
		n = 0;
	}
}

/* When it was asked for: cpu_up(), or the wake-up of the worker that takes the CPU down. From there on it had the locks to get. */
static int take_request(struct ops_loader *o, struct bu_hp_runtime_op *op, int64_t after)
{
	const struct step *first = o->n_steps ? &o->steps[0] : NULL;
	_cleanup_(bu_stmt_closep) struct bu_stmt *st = NULL;
	int64_t asleep = 0, unused;
	int rc;

	op->request_ns = op->start_ns;
	op->requester = "";
	if (!first)
		return 0;
	rc = bu_stmt_prepare(o->l->db, op->down ?
			     "SELECT e.ts_ns, t.comm FROM ev_other e JOIN event_kind k ON k.id = e.kind JOIN task t ON t.id = e.task"
			     " WHERE k.name IN ('sched_waking', 'sched_wakeup') AND e.fields ->> 'pid' = ?1 AND e.id < ?2"
			     " ORDER BY e.id DESC LIMIT 1" :
			     "SELECT e.ts_ns, t.comm FROM ev_func e JOIN symbol y ON y.id = e.func JOIN task t ON t.id = e.task"
			     " WHERE y.base = 'cpu_up' AND t.pid = ?1 AND e.id < ?2 ORDER BY e.id DESC LIMIT 1", &st, o->l->err);
	if (rc)
		return rc;
	bu_stmt_bind_i64(st, 1, first->pid);
	bu_stmt_bind_i64(st, 2, first->id);
	rc = bu_stmt_step(st, o->l->err);
	if (rc <= 0)
		return rc;
	if (hotplug_rebase(o->l, bu_stmt_i64(st, 0)) >= later(after, 0)) {
		op->request_ns = hotplug_rebase(o->l, bu_stmt_i64(st, 0));
		op->requester = bu_arena_strdup(&o->l->s->arena, bu_stmt_text(st, 1));
		if (!op->requester)
			return hotplug_oom(o->l);
		if (!op->down)
			asleep = slept(o, first->pid, op->request_ns, op->start_ns, &unused);
	}
	set_part(&op->work.part[BU_HP_LOCK_WAIT], 0, asleep);
	set_part(&op->work.part[BU_HP_ENTRY], op->request_ns + asleep, op->start_ns);
	return 0;
}

/* -------------------------------------------------------------------------------------------- the timeline of it all */

static int add_recorded(struct ops_loader *o, int32_t lane, int32_t cpu, enum bu_phase phase, const char *name, int64_t start,
			int64_t end)
{
	struct bu_hp_schedule *s = o->l->s;
	struct bu_hp_recorded *r;

	if (!known(start) || (known(end) && end < start))
		return 0;
	if (bu_grow(&s->recorded, s->n_recorded, &o->cap_recorded, sizeof(*s->recorded)))
		return hotplug_oom(o->l);
	r = &s->recorded[s->n_recorded++];
	*r = (struct bu_hp_recorded){ .lane = lane, .cpu = cpu, .phase = phase, .start_ns = start, .end_ns = end };
	return hotplug_name(o->l, name, &r->name);
}

static int record_steps(struct ops_loader *o, const struct bu_hp_runtime_op *op, int32_t control)
{
	static const enum bu_phase phases[] = { BU_PHASE_PREPARE, BU_PHASE_ONLINE, BU_PHASE_DOWN, BU_PHASE_DEAD };
	size_t k;
	int section, rc = 0;

	for (section = 0; section < BU_HP_NR_SECTIONS; section++)
		for (k = 0; !rc && k < op->work.n_steps[section]; k++) {
			const struct bu_hp_step *s = &op->work.steps[section][k];
			const bool own = section == BU_HP_ONLINE_STEPS || section == BU_HP_DOWN_STEPS;

			rc = add_recorded(o, own ? op->cpu : control, op->cpu, phases[section], o->l->s->names[s->name], s->start_ns,
					  s->end_ns);
		}
	return rc;
}

/* As the view timeline has it (schemas/capture.sql). */
static int record_up(struct ops_loader *o, const struct bu_hp_runtime_op *op, int32_t control, const struct milestones *m)
{
	const int64_t from = known(m->kick_last) ? m->kick_last : m->kick;
	const int64_t release = known(m->release) ? m->release : m->bringup, start = known(m->release) ? m->release : m->starting;
	const bool one_step = m->kick == m->bringup;
	int rc;

	rc = add_recorded(o, control, op->cpu, BU_PHASE_KICK, "kick", m->kick, one_step ? from : m->kick_end);
	if (!rc && known(m->first_sign))
		rc = add_recorded(o, op->cpu, op->cpu, BU_PHASE_DARK, "dark", from, m->first_sign);
	if (!rc && known(release) && release > m->alive)
		rc = add_recorded(o, op->cpu, op->cpu, BU_PHASE_PARKED, "parked", m->alive, release);
	if (!rc)
		rc = add_recorded(o, op->cpu, op->cpu, BU_PHASE_STARTING, "starting", start,
				  known(m->tsc_target) ? m->tsc_target : m->idle);
	if (!rc && known(m->tsc_end) && known(m->idle))
		rc = add_recorded(o, op->cpu, op->cpu, BU_PHASE_STARTING, "set_cpu_online to idle", m->tsc_end, m->idle);
	if (!rc)
		rc = add_recorded(o, op->cpu, op->cpu, BU_PHASE_TSC, "check_tsc_sync", m->tsc_target,
				  known(m->tsc_end) ? m->tsc_end : m->idle);
	if (!rc && known(m->done))
		rc = add_recorded(o, control, op->cpu, BU_PHASE_WAIT, "wait for the CPU", one_step ? from : m->bringup, m->done);
	return rc;
}

static int record_down(struct ops_loader *o, const struct bu_hp_runtime_op *op, int32_t control, const struct down *d)
{
	int rc;

	rc = add_recorded(o, control, op->cpu, BU_PHASE_WAIT, "wait for the CPU", op->start_ns, d->kicked_end);
	if (!rc && known(d->take))
		rc = add_recorded(o, op->cpu, op->cpu, BU_PHASE_STOP, "stop_machine", d->stop, d->take);
	if (!rc && known(d->parked))
		rc = add_recorded(o, op->cpu, op->cpu, BU_PHASE_DYING, "take_cpu_down", d->take, d->parked);
	if (!rc && known(d->idle_dead))
		rc = add_recorded(o, op->cpu, op->cpu, BU_PHASE_DYING, "to the idle loop", d->parked, d->idle_dead);
	if (!rc && known(d->takedown_end))
		rc = add_recorded(o, control, op->cpu, BU_PHASE_WAIT, "wait for the CPU", d->takedown, d->takedown_end);
	return rc;
}

static int by_lane(const void *a, const void *b)
{
	const struct bu_hp_recorded *x = a, *y = b;

	if (x->lane != y->lane)
		return x->lane < y->lane ? -1 : 1;
	if (x->cpu != y->cpu)
		return x->cpu < y->cpu ? -1 : 1;
	if (x->start_ns != y->start_ns)
		return x->start_ns < y->start_ns ? -1 : 1;
	return (x->end_ns > y->end_ns) - (x->end_ns < y->end_ns);
}

/* ------------------------------------------------------------------------------------------------------- all of them */

static int take_op(struct ops_loader *o, struct bu_hp_runtime_op *op, int32_t control)
{
	struct milestones m;
	struct down d;
	int rc, k;

	op->work.cpu = op->cpu;
	op->work.verdict = op->verdict;
	for (k = 0; k < BU_HP_NR_MARKS; k++)
		op->work.mark_ns[k] = BU_NS_UNKNOWN;
	rc = take_steps(o, op);
	if (!rc)
		rc = record_steps(o, op, control);
	if (rc)
		return rc;
	if (op->down) {
		milestones_down(o, op, &d);
		parts_down(op, &d);
		return record_down(o, op, control, &d);
	}
	milestones_up(o, op, control, &m);
	parts_up(op, o, &m);
	return record_up(o, op, control, &m);
}

/*
 * An operation that fails is undone by the steps of the other direction. What they take is what they took in the operation of
 * that direction on the same CPU that stands nearest.
 */
static void lend_steps(struct bu_hp_schedule *s)
{
	size_t i, k, gap;
	int section;

	for (i = 0; i < s->n_ops; i++) {
		struct bu_hp_runtime_op *op = &s->ops[i];
		const struct bu_hp_runtime_op *from = NULL;

		for (gap = 1; !from && gap < s->n_ops; gap++)
			for (k = 0; !from && k < 2; k++) {
				const size_t at = k ? i + gap : i - gap;

				if (at < s->n_ops && s->ops[at].cpu == op->cpu && s->ops[at].down != op->down)
					from = &s->ops[at];
			}
		for (section = 0; from && section < BU_HP_NR_SECTIONS; section++)
			if ((section >= BU_HP_DOWN_STEPS) != op->down) {
				op->work.steps[section] = from->work.steps[section];
				op->work.n_steps[section] = from->work.n_steps[section];
			}
	}
}

static int read_ops(struct ops_loader *o)
{
	_cleanup_(bu_stmt_closep) struct bu_stmt *st = NULL, *steps = NULL;
	struct bu_hp_schedule *s = o->l->s;
	int64_t before = BU_NS_UNKNOWN;
	int rc;

	rc = bu_stmt_prepare(o->l->db, "SELECT s.id, s.exit_id, s.cpu, s.nr, s.name, s.start_ns, s.end_ns, coalesce(s.ret, 0), t.pid"
			     " FROM step s JOIN task t ON t.id = s.task WHERE s.op = ? ORDER BY s.id", &steps, o->l->err);
	if (!rc)
		rc = bu_stmt_prepare(o->l->db, "SELECT o.id, o.cpu, o.direction = 'down', o.verdict, o.start_ns, o.end_ns, o.control_cpu,"
				     " c.thread FROM hotplug_op o LEFT JOIN cpu c USING (cpu) WHERE o.direction <> 'rollback' ORDER BY o.id",
				     &st, o->l->err);
	while (!rc && (rc = bu_stmt_step(st, o->l->err)) > 0) {
		struct bu_hp_runtime_op *op;
		const int32_t control = (int32_t)bu_stmt_i64(st, 6);

		if (bu_grow(&s->ops, s->n_ops, &o->cap_ops, sizeof(*s->ops)))
			return hotplug_oom(o->l);
		op = &s->ops[s->n_ops++];
		*op = (struct bu_hp_runtime_op){
			.cpu = (int32_t)bu_stmt_i64(st, 1), .down = bu_stmt_i64(st, 2) != 0, .verdict = hotplug_verdict(bu_stmt_text(st, 3)),
			.start_ns = hotplug_rebase(o->l, bu_stmt_i64(st, 4)), .end_ns = hotplug_rebase(o->l, bu_stmt_ns(st, 5)) };
		op->work.primary = bu_stmt_i64(st, 7) == 0;
		rc = read_steps(o, steps, bu_stmt_i64(st, 0));
		if (!rc)
			rc = take_op(o, op, control);
		if (!rc)
			rc = take_request(o, op, before);
		op->think_ns = gap_between(before, op->request_ns);
		before = later(before, later(op->start_ns, op->end_ns));
	}
	return rc;
}

int hotplug_load_ops(struct loader *l)
{
	struct ops_loader o = { .l = l };
	int rc;

	rc = read_calls(&o);
	if (!rc)
		rc = read_switches(&o);
	if (!rc)
		rc = read_ops(&o);
	if (!rc && l->s->n_ops)
		rc = hotplug_load_readers(l);
	if (!rc) {
		lend_steps(l->s);
		if (l->s->n_recorded)
			qsort(l->s->recorded, l->s->n_recorded, sizeof(*l->s->recorded), by_lane);
	}
	free(o.calls);
	free(o.switches);
	free(o.steps);
	return rc;
}
