// SPDX-License-Identifier: GPL-2.0-only
/*
 * hotplug.c - see hotplug.h: rows of a capture become work items, the waiting is taken out.
 *
 * How the parts of one CPU's way are told apart, and what stands in for what cannot be seen, is written down in
 * docs/methods.md; the milestones themselves are defined by schemas/derive_bringup.sql. Two chains are walked:
 *
 *  - the control CPU's: everything that it did is a list of intervals (prepare steps, kick, bring-up step); what
 *    lies between two of them is overhead of the later one;
 *  - each CPU's own: milestones in order. Between two known milestones a part is exact. A run of unknown ones
 *    belongs as a whole to the first part in it, and every part in it gets the bounds [0, whole].
 */
#include "replay/schedule/hotplug.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "replay/schedule/hotplug_int.h"
#include "schemas/base/hash.h"

const char *const bu_hp_part_names[BU_HP_NR_WORK] = {
	[BU_HP_ENTRY] = "cpu_up",
	[BU_HP_KICK_ENTRY] = "into the kick",
	[BU_HP_KICK] = "kick",
	[BU_HP_KICK_TAIL] = "after INIT/SIPI",
	[BU_HP_DARK] = "dark",
	[BU_HP_BRINGUP_ENTRY] = "cpu_up again",
	[BU_HP_RELEASE] = "release",
	[BU_HP_RELEASED] = "released",
	[BU_HP_STARTING] = "starting",
	[BU_HP_TSC_JOIN] = "check_tsc_sync_source",
	[BU_HP_TSC_SYNC] = "check_tsc_sync",
	[BU_HP_ONLINE] = "set_cpu_online to idle",
	[BU_HP_UNPARK] = "wake up, unpark cpuhp",
	[BU_HP_THREAD_WAKE] = "cpuhp wakes up",
	[BU_HP_DONE] = "wake up, leave bring-up",
	[BU_HP_EXIT] = "roll back",
	[BU_HP_LOCK_WAIT] = "asleep for the locks",
	[BU_HP_DOWN_WAKE] = "cpuhp wakes up, down",
	[BU_HP_DOWN_DONE] = "wake up, CPU's steps done",
	[BU_HP_TAKEDOWN_ENTRY] = "into takedown_cpu",
	[BU_HP_PARK] = "park cpuhp",
	[BU_HP_STOP_MEET] = "stop_machine",
	[BU_HP_DYING] = "take_cpu_down",
	[BU_HP_IDLE_DEAD] = "to the idle loop",
	[BU_HP_DEAD_IPI] = "report of the idle loop",
	[BU_HP_DEAD_DONE] = "wake up, CPU dead",
	[BU_HP_TAKEDOWN_EXIT] = "leave takedown_cpu",
};

/* One stretch of work on the control CPU and where the gap in front of it goes. */
struct stretch {
	int64_t start, end;
	int64_t *gap;		/* where its gap goes as plain ns, or */
	struct bu_hp_part *gap_part;
	bool opens;		/* the first of its CPU */
};

int64_t hotplug_rebase(const struct loader *l, int64_t ts_ns)
{
	return bu_ns_since(ts_ns, l->origin);
}

int hotplug_oom(struct loader *l)
{
	return bu_fail_errno(l->err, -ENOMEM, "%s: extract the schedule", bu_db_path(l->db));
}

static char *keep_text(struct loader *l, struct bu_stmt *st, int col)
{
	const char *t = bu_stmt_text(st, col);

	return t ? bu_arena_strdup(&l->s->arena, t) : NULL;
}

/* ------------------------------------------------------------------------------------------ the parts of a CPU */

static void set_exact(struct bu_hp_part *p, int64_t ns)
{
	p->ns = p->lo_ns = p->hi_ns = later(ns, 0);
}

static void set_between(struct bu_hp_part *p, int64_t ns, int64_t lo, int64_t hi)
{
	p->lo_ns = later(lo, 0);
	p->hi_ns = later(hi, p->lo_ns);
	p->ns = ns < p->lo_ns ? p->lo_ns : ns > p->hi_ns ? p->hi_ns : ns;
}

struct chain {
	int64_t now;		/* time reached */
	struct bu_hp_part *pending[BU_HP_NR_WORK];	/* parts whose end is not known yet */
	size_t n_pending;
};

void hotplug_share(struct bu_hp_part **parts, size_t n, int64_t whole)
{
	size_t i;

	whole = later(whole, 0);
	for (i = 0; i < n; i++)
		set_between(parts[i], 0, 0, whole);
	if (n == 1)
		set_exact(parts[0], whole);
	else if (n)
		parts[0]->ns = whole;
}

static void chain_to(struct chain *c, struct bu_hp_part *part, int64_t t)
{
	c->pending[c->n_pending++] = part;
	if (!known(t))
		return;
	hotplug_share(c->pending, c->n_pending, t - c->now);
	c->now = later(t, c->now);
	c->n_pending = 0;
}

/* Kick and release differ between the one-step bring-up (before 6.5) and the split one. */
static void parts_up_to_starting(struct bu_hp_cpu *cpu, const struct milestones *m, bool parallel, struct chain *c)
{
	struct bu_hp_part *p = cpu->part;
	int64_t kick = known(m->kick_last) ? m->kick_last : m->kick, last, base;
	bool one_step = m->kick == m->bringup;

	last = one_step ? BU_NS_UNKNOWN : m->kick_end;
	if (known(m->first_sign) && (!known(last) || m->first_sign < last))
		last = m->first_sign;
	if (!known(last))
		last = kick;
	set_between(&p[BU_HP_KICK], kick - m->kick, kick - m->kick, last - m->kick);
	if (!one_step && known(m->kick_end))
		set_between(&p[BU_HP_KICK_TAIL], m->kick_end - kick, m->kick_end - last, m->kick_end - kick);
	c->now = kick;
	if (one_step) {
		chain_to(c, &p[BU_HP_DARK], m->alive);
		chain_to(c, &p[BU_HP_RELEASED], m->starting);
		return;
	}
	if (known(m->alive)) {
		chain_to(c, &p[BU_HP_DARK], m->alive);
		p[BU_HP_DARK].lo_ns = later(m->alive - last, 0);
	} else if (parallel && known(m->bringup)) {
		/* It was up when the control CPU came for it, or not long after; when exactly cannot be seen. */
		set_between(&p[BU_HP_DARK], m->bringup - kick, 0,
			    (known(m->starting) ? m->starting : later(m->idle, m->bringup)) - kick);
		c->now = later(kick, m->bringup);
	} else {
		chain_to(c, &p[BU_HP_DARK], BU_NS_UNKNOWN);
	}
	base = later(c->now, m->bringup);
	if (!c->n_pending)
		c->now = base;	/* the CPU waited for its turn, or the control CPU for it: waiting is no work */
	chain_to(c, &p[BU_HP_RELEASE], m->release);
	chain_to(c, &p[BU_HP_RELEASED], m->starting);
}

/*
 * A CPU that never came: the control CPU waited out the kernel's own limit, 10 s in do_boot_cpu() (6.1) and in
 * cpuhp_wait_for_sync_state() (6.12). That is waiting, which the core puts back; what the step took beyond it, and the
 * roll-back, stays.
 */
static void parts_of_a_no_show(struct bu_hp_cpu *cpu, const struct milestones *m)
{
	int64_t beyond = known(m->done) && known(m->bringup) ? m->done - m->bringup - 10 * BU_NS_PER_S : 0;

	beyond = later(beyond, 0);
	if (m->kick == m->bringup)
		set_between(&cpu->part[BU_HP_KICK], 0, 0, beyond);
	else if (known(m->kick_end))
		set_exact(&cpu->part[BU_HP_KICK], m->kick_end - m->kick);
	set_exact(&cpu->part[BU_HP_EXIT], beyond + (known(m->rollback_end) ? m->rollback_end - m->done : 0));
}

void hotplug_parts(struct bu_hp_cpu *cpu, const struct milestones *m, bool parallel)
{
	struct bu_hp_part *p = cpu->part;
	struct chain c = { .now = m->kick };

	if (!known(m->kick))
		return;
	if (cpu->never_comes) {
		parts_of_a_no_show(cpu, m);
		return;
	}
	parts_up_to_starting(cpu, m, parallel, &c);
	chain_to(&c, &p[BU_HP_STARTING], m->tsc_target);
	/* A check without a partner is one that found nothing to do (tsc_store_and_check_tsc_adjust). */
	chain_to(&c, &p[BU_HP_TSC_JOIN], known(m->tsc_target) ? later(m->tsc_target, m->tsc_source) : BU_NS_UNKNOWN);
	chain_to(&c, &p[BU_HP_TSC_SYNC], m->tsc_end);
	chain_to(&c, &p[BU_HP_ONLINE], m->idle);
	chain_to(&c, &p[BU_HP_UNPARK], m->kick_thread);
	chain_to(&c, &p[BU_HP_THREAD_WAKE], m->thread);
	if (known(m->online) && known(m->done))
		set_exact(&p[BU_HP_DONE], m->done - m->online);
	if (known(m->rollback_end) && known(m->done))
		set_exact(&p[BU_HP_EXIT], m->rollback_end - m->done);
}

/* ------------------------------------------------------------------------------------------- reading the rows */

static int load_names(struct loader *l)
{
	_cleanup_(bu_stmt_closep) struct bu_stmt *st = NULL;
	struct bu_hp_schedule *s = l->s;
	size_t cap = 0;
	int rc;

	rc = bu_stmt_prepare(l->db, "SELECT name FROM step UNION SELECT name FROM timeline UNION SELECT column1 FROM"
			     " (VALUES ('stop_machine'), ('take_cpu_down'), ('to the idle loop'), ('report of the idle loop'))"
			     " WHERE (SELECT algorithm = 'runtime' FROM bringup) ORDER BY 1", &st, l->err);
	if (rc)
		return rc;
	while ((rc = bu_stmt_step(st, l->err)) > 0) {
		if (bu_grow(&s->names, s->n_names, &cap, sizeof(*s->names)) ||
		    !(s->names[s->n_names] = keep_text(l, st, 0)))
			return hotplug_oom(l);
		s->n_names++;
	}
	return rc;
}

static int by_text(const void *key, const void *element)
{
	return strcmp(key, *(const char *const *)element);
}

int hotplug_name(struct loader *l, const char *text, uint32_t *ret)
{
	const char **hit = text ? bsearch(text, l->s->names, l->s->n_names, sizeof(*l->s->names), by_text) : NULL;

	if (!hit)
		return bu_fail(l->err, -EILSEQ, "%s: step without a name; import it again", bu_db_path(l->db));
	*ret = (uint32_t)(hit - l->s->names);
	return 0;
}

static int load_head(struct loader *l)
{
	_cleanup_(bu_stmt_closep) struct bu_stmt *st = NULL;
	struct bu_hp_schedule *s = l->s;
	const char *unit;
	int rc;

	/* A recording of runtime hotplug is all of its operations, from the first step to the last. */
	rc = bu_stmt_prepare(l->db, "SELECT c.source_sha256, coalesce(c.kernel_release, 'unknown kernel'), b.algorithm,"
			     "iif(b.algorithm = 'runtime', o.first, b.start_ns),"
			     "iif(b.algorithm = 'runtime', o.last - o.first, b.bringup_ns), c.clock_unit, b.start_what"
			     " FROM capture c, bringup b, (SELECT min(start_ns) AS first,"
			     " iif(count(end_ns) = count(*), max(end_ns), NULL) AS last FROM hotplug_op) o", &st, l->err);
	if (!rc)
		rc = bu_stmt_step(st, l->err);
	if (rc < 0)
		return rc;
	if (!rc)
		return bu_fail(l->err, -ENODATA, "%s has no CPU bring-up in it: no hotplug step was recorded. Trace the boot with the "
			       "cpuhp events (README.md)", bu_db_path(l->db));
	unit = bu_stmt_text(st, 5);
	if (!unit || strcmp(unit, "ns"))
		return bu_fail(l->err, -ENODATA, "%s: the rate of its trace clock is not known, so nothing can be timed; import it with "
			       "--machine, where the dmesg says it", bu_db_path(l->db));
	s->capture_sha256 = keep_text(l, st, 0);
	s->kernel_release = keep_text(l, st, 1);
	s->algorithm = keep_text(l, st, 2);
	l->origin = bu_stmt_i64(st, 3);
	s->bringup_ns = bu_ns_since(bu_stmt_ns(st, 4), 0);
	s->start_what = keep_text(l, st, 6);
	s->capture_name = bu_arena_strdup(&s->arena, bu_db_path(l->db));
	if (!s->capture_sha256 || !s->kernel_release || !s->algorithm || !s->start_what || !s->capture_name)
		return hotplug_oom(l);
	return 0;
}

enum bu_cpu_verdict hotplug_verdict(const char *text)
{
	if (text && !strcmp(text, "ok"))
		return BU_CPU_OK;
	return text && !strcmp(text, "failed") ? BU_CPU_FAILED : BU_CPU_OPEN;
}

/* Columns package, die, core, thread, node from @col on; without a package nothing is known. */
static struct bu_hp_place place_of(struct bu_stmt *st, int col)
{
	if (bu_stmt_is_null(st, col))
		return (struct bu_hp_place){ 0 };
	return (struct bu_hp_place){ .size = sizeof(struct bu_hp_place), .package = (int32_t)bu_stmt_i64(st, col),
				     .die = (int32_t)bu_stmt_i64(st, col + 1), .core = (int32_t)bu_stmt_i64(st, col + 2),
				     .thread = (int32_t)bu_stmt_i64(st, col + 3), .node = (int32_t)bu_stmt_i64(st, col + 4) };
}

static int load_control_place(struct loader *l)
{
	_cleanup_(bu_stmt_closep) struct bu_stmt *st = NULL;
	int rc;

	rc = bu_stmt_prepare(l->db, "SELECT package, die, core, thread, node FROM cpu WHERE cpu = ?", &st, l->err);
	if (rc)
		return rc;
	bu_stmt_bind_i64(st, 1, l->s->control_cpu);
	rc = bu_stmt_step(st, l->err);
	if (rc > 0)
		l->s->control_place = place_of(st, 0);
	return rc < 0 ? rc : 0;
}

static int load_cpus(struct loader *l)
{
	_cleanup_(bu_stmt_closep) struct bu_stmt *st = NULL;
	struct bu_hp_schedule *s = l->s;
	int64_t n = 0;
	int rc, i;

	rc = bu_db_i64(l->db, "SELECT count(*) FROM bringup_cpu", &n, l->err);
	if (rc < 0)
		return rc;
	s->cpus = bu_arena_alloc(&s->arena, (size_t)n * sizeof(*s->cpus));
	l->miles = calloc((size_t)n + 1, sizeof(*l->miles));
	l->ops = calloc((size_t)n + 1, sizeof(*l->ops));
	if (!s->cpus || !l->miles || !l->ops)
		return hotplug_oom(l);
	rc = bu_stmt_prepare(l->db, "SELECT b.cpu, b.op, b.control_cpu, b.verdict, coalesce(c.thread, 0), b.prepare_ns, b.kick_ns,"
			     "b.kick_last_ns, b.kick_end_ns, b.first_sign_ns, b.alive_ns, b.bringup_ns, b.release_ns,"
			     "b.starting_ns, b.tsc_target_ns, b.tsc_source_ns, b.tsc_end_ns, b.idle_ns, b.kick_thread_ns,"
			     "b.thread_ns, b.online_ns, b.done_ns,"
			     "(SELECT end_ns FROM hotplug_op r WHERE r.cpu = b.cpu AND r.direction = 'rollback' AND r.nth = 1),"
			     "c.package, c.die, c.core, c.thread, c.node "
			     "FROM bringup_cpu b LEFT JOIN cpu c USING (cpu) ORDER BY b.cpu", &st, l->err);
	if (rc)
		return rc;
	while ((rc = bu_stmt_step(st, l->err)) > 0) {
		struct bu_hp_cpu *cpu = &s->cpus[s->n_cpus];
		struct milestones *m = &l->miles[s->n_cpus];
		int64_t *const fields[] = { &m->prepare, &m->kick, &m->kick_last, &m->kick_end, &m->first_sign, &m->alive,
					    &m->bringup, &m->release, &m->starting, &m->tsc_target, &m->tsc_source,
					    &m->tsc_end, &m->idle, &m->kick_thread, &m->thread, &m->online, &m->done,
					    &m->rollback_end };

		cpu->cpu = (int32_t)bu_stmt_i64(st, 0);
		l->ops[s->n_cpus] = bu_stmt_i64(st, 1);
		if (!s->n_cpus)
			s->control_cpu = (int32_t)bu_stmt_i64(st, 2);
		cpu->verdict = hotplug_verdict(bu_stmt_text(st, 3));
		cpu->primary = bu_stmt_i64(st, 4) == 0;
		cpu->place = place_of(st, 5 + (int)ARRAY_SIZE(fields));
		for (i = 0; i < (int)ARRAY_SIZE(fields); i++)
			*fields[i] = hotplug_rebase(l, bu_stmt_ns(st, 5 + i));
		cpu->never_comes = cpu->verdict != BU_CPU_OK && known(m->kick) && !known(m->first_sign) && !known(m->idle);
		cpu->mark_ns[BU_HP_AT_PREPARE] = m->prepare;
		cpu->mark_ns[BU_HP_AT_KICK] = m->kick;
		cpu->mark_ns[BU_HP_AT_ALIVE] = m->alive;
		cpu->mark_ns[BU_HP_AT_RELEASE] = m->release;
		cpu->mark_ns[BU_HP_AT_IDLE] = m->idle;
		cpu->mark_ns[BU_HP_AT_ONLINE] = m->online;
		s->n_cpus++;
	}
	return rc;
}

static int add_stretch(struct loader *l, int64_t start, int64_t end, int64_t *gap, struct bu_hp_part *gap_part,
		       bool opens)
{
	if (bu_grow(&l->stretches, l->n_stretches, &l->cap_stretches, sizeof(*l->stretches)))
		return hotplug_oom(l);
	l->stretches[l->n_stretches++] = (struct stretch){ start, end, gap, gap_part, opens };
	return 0;
}

/* The steps of one CPU's bring-up, those that wait for other CPUs (they are milestones) left out. */
static int load_steps_of(struct loader *l, struct bu_stmt *st, size_t i)
{
	struct bu_hp_cpu *cpu = &l->s->cpus[i];
	struct bu_hp_step *tmp[2] = { NULL, NULL };
	size_t cap[2] = { 0, 0 };
	int64_t last = l->miles[i].thread;
	int rc, section;

	bu_stmt_bind_i64(st, 1, l->ops[i]);
	while ((rc = bu_stmt_step(st, l->err)) > 0) {
		struct bu_hp_step *step;
		size_t *n;

		section = bu_stmt_i64(st, 0) == cpu->cpu ? BU_HP_ONLINE_STEPS : BU_HP_PREPARE;
		n = &cpu->n_steps[section];
		if (bu_grow(&tmp[section], *n, &cap[section], sizeof(*step))) {
			rc = hotplug_oom(l);
			break;
		}
		step = &tmp[section][(*n)++];
		*step = (struct bu_hp_step){ .nr = (int32_t)bu_stmt_i64(st, 1), .ret = (int32_t)bu_stmt_i64(st, 5) };
		step->start_ns = hotplug_service_at(l, hotplug_rebase(l, bu_stmt_ns(st, 3)));
		step->end_ns = hotplug_service_at(l, hotplug_rebase(l, bu_stmt_ns(st, 4)));
		step->work_ns = known(step->start_ns) && known(step->end_ns) ? step->end_ns - step->start_ns : BU_NS_UNKNOWN;
		rc = hotplug_name(l, bu_stmt_text(st, 2), &step->name);
		if (rc)
			break;
		if (section == BU_HP_ONLINE_STEPS) {
			step->overhead_ns = gap_between(last, step->start_ns);
			last = later(step->start_ns, step->end_ns);
		}
	}
	for (section = 0; section < 2; section++) {
		size_t bytes = cpu->n_steps[section] * sizeof(struct bu_hp_step);

		cpu->steps[section] = bu_arena_alloc(&l->s->arena, bytes);
		if (!rc && !cpu->steps[section])
			rc = hotplug_oom(l);
		if (!rc && bytes)
			memcpy(cpu->steps[section], tmp[section], bytes);
		free(tmp[section]);
	}
	bu_stmt_reset(st);
	return rc;
}

static int load_steps(struct loader *l)
{
	_cleanup_(bu_stmt_closep) struct bu_stmt *st = NULL;
	struct bu_hp_schedule *s = l->s;
	size_t i, k;
	int rc;

	rc = bu_stmt_prepare(l->db, "SELECT cpu, nr, name, start_ns, end_ns, coalesce(ret, 0) FROM step WHERE op = ? AND name NOT IN"
			     "('bringup_cpu', 'cpuhp_kick_ap_alive', 'cpuhp_bringup_ap', 'cpuhp_kick_ap_work') ORDER BY id",
			     &st, l->err);
	for (i = 0; !rc && i < s->n_cpus; i++) {
		struct bu_hp_cpu *cpu = &s->cpus[i];
		const struct milestones *m = &l->miles[i];
		bool one_step = m->kick == m->bringup;

		rc = load_steps_of(l, st, i);
		for (k = 0; !rc && k < cpu->n_steps[BU_HP_PREPARE]; k++) {
			struct bu_hp_step *step = &cpu->steps[BU_HP_PREPARE][k];

			rc = add_stretch(l, step->start_ns, step->end_ns, k ? &step->overhead_ns : NULL,
					 k ? NULL : &cpu->part[BU_HP_ENTRY], !k);
		}
		if (!rc && known(m->kick))
			rc = add_stretch(l, m->kick, one_step ? m->done : m->kick_end, NULL,
					 &cpu->part[cpu->n_steps[BU_HP_PREPARE] ? BU_HP_KICK_ENTRY : BU_HP_ENTRY],
					 !cpu->n_steps[BU_HP_PREPARE]);
		if (!rc && known(m->bringup) && !one_step)
			rc = add_stretch(l, m->bringup, m->done, NULL, &cpu->part[BU_HP_BRINGUP_ENTRY], false);
		if (!rc && known(m->rollback_end) && known(m->done))
			rc = add_stretch(l, m->done, m->rollback_end, NULL, NULL, false);
	}
	return rc;
}

static int by_start(const void *a, const void *b)
{
	const struct stretch *x = a, *y = b;

	return x->start < y->start ? -1 : x->start > y->start;
}

/* What lies between two stretches of the control CPU's work is overhead of the later one. */
static void place_gaps(struct loader *l)
{
	bool runtime = !strcmp(l->s->algorithm, "runtime");
	int64_t last = 0;
	size_t i;

	if (l->n_stretches)
		qsort(l->stretches, l->n_stretches, sizeof(*l->stretches), by_start);
	if (runtime && l->n_stretches)
		last = l->stretches[0].start;	/* no boot led to it */
	for (i = 0; i < l->n_stretches; i++) {
		struct stretch *x = &l->stretches[i];
		int64_t gap = later(x->start - last, 0);

		if (!i) {	/* all of it is lead-in; cpu_up()'s own share cannot be told apart */
			l->s->lead_in_ns = gap;
			if (x->gap_part)
				set_between(x->gap_part, 0, 0, gap);
		} else if (x->gap) {
			*x->gap = gap;
		} else if (x->gap_part && runtime && x->opens) {
			/* Between two runtime operations other things happened: what is entry is not known. */
			set_between(x->gap_part, 0, 0, gap);
		} else if (x->gap_part) {
			set_exact(x->gap_part, gap);
		}
		last = later(last, later(x->start, x->end));
	}
}

static int load_recorded(struct loader *l)
{
	_cleanup_(bu_stmt_closep) struct bu_stmt *st = NULL;
	struct bu_hp_schedule *s = l->s;
	size_t cap = 0;
	int rc, i;

	rc = bu_stmt_prepare(l->db, "SELECT lane, cpu, phase, name, start_ns, end_ns FROM timeline WHERE start_ns IS NOT NULL"
			     " ORDER BY lane, cpu, start_ns, end_ns", &st, l->err);
	if (rc)
		return rc;
	while ((rc = bu_stmt_step(st, l->err)) > 0) {
		const int64_t start = hotplug_rebase(l, bu_stmt_ns(st, 4)), end = hotplug_rebase(l, bu_stmt_ns(st, 5));
		const char *phase = bu_stmt_text(st, 2);
		struct bu_hp_recorded *r;

		if (!known(start) || (known(end) && end < start))
			continue;
		if (bu_grow(&s->recorded, s->n_recorded, &cap, sizeof(*s->recorded)))
			return hotplug_oom(l);
		r = &s->recorded[s->n_recorded++];
		*r = (struct bu_hp_recorded){ .lane = (int32_t)bu_stmt_i64(st, 0), .cpu = (int32_t)bu_stmt_i64(st, 1) };
		r->start_ns = start;
		r->end_ns = end;
		for (i = 0; i < BU_NR_PHASES && (!phase || strcmp(phase, bu_phase_names[i])); i++)
			;
		if (i == BU_NR_PHASES)
			return bu_fail(l->err, -EILSEQ, "%s: unknown phase '%s'", bu_db_path(l->db), phase ? phase : "");
		r->phase = i;
		rc = hotplug_name(l, bu_stmt_text(st, 3), &r->name);
		if (rc)
			return rc;
	}
	return rc;
}

int bu_hp_schedule_load(struct bu_db *db, const struct bu_hp_machine *machine, struct bu_hp_schedule *ret, struct bu_err *err)
{
	struct bu_hp_schedule s = { .bringup_ns = BU_NS_UNKNOWN };
	struct loader l = { .db = db, .s = &s, .err = err,
			    .host_cpus = machine->physical_cpus,
			    .host_milli = machine->physical_cpus * (1000 - machine->host_load),
			    .emulator_ns = machine->emulator_ns, .emulator_tick_ns = machine->emulator_tick_ns };
	size_t i;
	int rc;

	rc = load_head(&l);
	if (!rc)
		rc = load_names(&l);
	if (!rc)
		rc = load_cpus(&l);
	if (!rc)
		rc = load_control_place(&l);
	if (!rc)
		rc = hotplug_to_service_time(&l);
	if (!rc)
		rc = load_steps(&l);
	if (!rc && !strcmp(s.algorithm, "runtime"))
		rc = hotplug_load_ops(&l);
	else if (!rc)
		rc = load_recorded(&l);
	if (!rc) {
		place_gaps(&l);
		for (i = 0; i < s.n_cpus; i++)
			hotplug_parts(&s.cpus[i], &l.miles[i], !strcmp(s.algorithm, "parallel"));
		hotplug_take_turns_out(&l);
	}
	free(l.stretches);
	free(l.miles);
	free(l.ops);
	free(l.edges);
	free(l.turns);
	if (rc)
		bu_hp_schedule_fini(&s);
	else
		*ret = s;
	return rc;
}

void bu_hp_schedule_fini(struct bu_hp_schedule *s)
{
	free(s->names);
	free(s->ops);
	free(s->bursts);
	free(s->recorded);
	bu_arena_fini(&s->arena);
	*s = (struct bu_hp_schedule){ 0 };
}
