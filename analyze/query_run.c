// SPDX-License-Identifier: GPL-2.0-only
/*
 * query_run.c - one run of a runs database as a boot (query.h). Times there begin at the bring-up already.
 * What run_cpu does not say of a CPU (first sign, start, TSC check, its turn) is read off its intervals.
 */
#include <errno.h>
#include <string.h>

#include "analyze/query_int.h"

static int read_head(struct bu_boot_builder *b, int64_t run, struct bu_err *err)
{
	_cleanup_(bu_stmt_closep) struct bu_stmt *st = NULL;
	struct bu_boot *boot = b->boot;
	int rc;

	rc = bu_stmt_prepare(b->db, "SELECT family, core, core_source, command, capture_name, capture_sha256,"
			     " kernel_release, recorded_algorithm, recorded_cpus, cpus, sampled, seed, bringup_ns,"
			     " recorded_bringup_ns, bp_busy_ns, bp_wait_ns, verdict, verdict_detail, hash,"
			     " coalesce(json_extract(machine, '$.physical_cpus'), 0)"
			     " FROM run WHERE id = ?1", &st, err);
	if (rc)
		return rc;
	bu_stmt_bind_i64(st, 1, run);
	rc = bu_stmt_step(st, err);
	if (rc <= 0)
		return rc ? rc : bu_fail(err, -ENODATA, "%s has no such run", bu_db_path(b->db));
	rc = 0;
	boot->run = run;
	boot->has_bringup = boot->complete = true;
	boot->family = bu_boot_text(b, st, 0, &rc, err);
	boot->core = bu_boot_text(b, st, 1, &rc, err);
	boot->core_source = bu_boot_text(b, st, 2, &rc, err);
	boot->command = bu_boot_text(b, st, 3, &rc, err);
	boot->trace_name = bu_boot_text(b, st, 4, &rc, err);
	boot->trace_sha256 = bu_boot_text(b, st, 5, &rc, err);
	boot->kernel_release = bu_boot_text(b, st, 6, &rc, err);
	boot->algorithm = bu_boot_text(b, st, 7, &rc, err);
	boot->recorded_cpus = bu_stmt_i64(st, 8);
	boot->cpus_total = bu_stmt_i64(st, 9);
	boot->sampled = bu_stmt_i64(st, 10);
	boot->seed = bu_stmt_i64(st, 11);
	boot->bringup_ns = bu_stmt_ns(st, 12);
	boot->recorded_bringup_ns = bu_stmt_ns(st, 13);
	boot->bp_busy_ns = bu_stmt_i64(st, 14);
	boot->bp_wait_ns = bu_stmt_i64(st, 15);
	boot->verdict = bu_boot_text(b, st, 16, &rc, err);
	boot->verdict_detail = bu_boot_text(b, st, 17, &rc, err);
	boot->hash = bu_boot_text(b, st, 18, &rc, err);
	boot->physical_cpus = bu_stmt_i64(st, 19);
	return rc;
}

static int read_cpus(struct bu_boot_builder *b, struct bu_err *err)
{
	_cleanup_(bu_stmt_closep) struct bu_stmt *st = NULL;
	struct bu_boot *boot = b->boot;
	struct bu_boot_cpu *c;
	int rc;

	rc = bu_stmt_prepare(b->db, "SELECT cpu, prepare_ns, kick_ns, alive_ns, release_ns, idle_ns, online_ns,"
			     " recorded_online_ns, verdict FROM run_cpu WHERE run = ?1 ORDER BY cpu", &st, err);
	if (rc)
		return rc;
	bu_stmt_bind_i64(st, 1, boot->run);
	while ((rc = bu_stmt_step(st, err)) > 0) {
		c = bu_boot_add_cpu(b, (int)bu_stmt_i64(st, 0), err);
		if (!c)
			return -ENOMEM;
		c->prepare_ns = bu_stmt_ns(st, 1);
		c->kick_ns = bu_stmt_ns(st, 2);
		c->alive_ns = bu_stmt_ns(st, 3);
		c->release_ns = bu_stmt_ns(st, 4);
		c->idle_ns = bu_stmt_ns(st, 5);
		c->online_ns = bu_stmt_ns(st, 6);
		c->recorded_online_ns = bu_stmt_ns(st, 7);
		c->outcome = bu_outcome_parse(bu_stmt_text(st, 8));
		boot->cpus++;
		boot->cpus_ok += c->outcome == BU_OK;
	}
	return rc;
}

static void earliest(int64_t *at, int64_t ns)
{
	if (*at == BU_NS_UNKNOWN || ns < *at)
		*at = ns;
}

/* What an interval says of the CPU that it is for. */
static void learn(struct bu_boot *boot, const struct bu_interval *v)
{
	struct bu_boot_cpu *c = (struct bu_boot_cpu *)bu_boot_cpu_find(boot, v->cpu);

	if (!c)
		return;
	if (bu_phase_on_control(v->phase))
		c->control_cpu = v->lane;
	if (v->phase == BU_PHASE_DARK && v->end_ns != BU_NS_UNKNOWN)
		earliest(&c->first_sign_ns, v->end_ns);
	else if (v->phase == BU_PHASE_STARTING)
		earliest(&c->starting_ns, v->start_ns);
	else if (v->phase == BU_PHASE_TSC)
		earliest(&c->tsc_ns, v->start_ns);
	else if (v->phase == BU_PHASE_ONLINE)
		earliest(&c->thread_ns, v->start_ns);
	else if (v->phase == BU_PHASE_WAIT)
		earliest(&c->turn_ns, v->start_ns);
	if (v->phase == BU_PHASE_WAIT && v->end_ns != BU_NS_UNKNOWN && v->end_ns > c->done_ns)
		c->done_ns = v->end_ns;
	if (c->outcome != BU_OK && (c->last_start_ns == BU_NS_UNKNOWN || v->start_ns >= c->last_start_ns)) {
		c->last_step = boot->step[v->step].name;
		c->last_start_ns = v->start_ns;
		c->last_outcome = v->outcome;
	}
}

static int read_intervals(struct bu_boot_builder *b, struct bu_err *err)
{
	_cleanup_(bu_stmt_closep) struct bu_stmt *st = NULL;
	struct bu_boot *boot = b->boot;
	int rc;

	rc = bu_stmt_prepare(b->db, "SELECT lane, cpu, phase, name, start_ns, end_ns FROM timeline WHERE run = ?1"
			     " ORDER BY cpu, start_ns", &st, err);
	if (rc)
		return rc;
	bu_stmt_bind_i64(st, 1, boot->run);
	while ((rc = bu_stmt_step(st, err)) > 0) {
		int lane = (int)bu_stmt_i64(st, 0), cpu = (int)bu_stmt_i64(st, 1);
		int64_t start_ns = bu_stmt_i64(st, 4), end_ns = bu_stmt_ns(st, 5);
		enum bu_phase phase;

		if (!bu_phase_parse(bu_stmt_text(st, 2), &phase))
			return bu_fail(err, -EPROTO, "%s: unknown phase '%s'", bu_db_path(b->db),
				       bu_stmt_text(st, 2));
		/* What another CPU spends on a phase of this one must not be counted as this one's. */
		if (!bu_phase_on_control(phase) && lane != cpu)
			phase = BU_PHASE_PARTNER;
		rc = bu_boot_add_interval(b, lane, cpu, phase, -1, bu_stmt_text(st, 3), start_ns, end_ns,
					  end_ns == BU_NS_UNKNOWN ? BU_OPEN : BU_OK, err);
		if (rc)
			return rc;
		learn(boot, &boot->interval[boot->n_interval - 1]);
		if (end_ns == BU_NS_UNKNOWN)
			end_ns = start_ns;
		if (end_ns > boot->end_ns)
			boot->end_ns = end_ns;
	}
	return rc;
}

static int read_waits(struct bu_boot_builder *b, struct bu_err *err)
{
	_cleanup_(bu_stmt_closep) struct bu_stmt *st = NULL;
	struct bu_boot *boot = b->boot;
	int rc;

	rc = bu_stmt_prepare(b->db, "SELECT n.text, w.cpu, w.start_ns, w.end_ns, w.outcome FROM wait w"
			     " JOIN name n ON n.id = w.point WHERE w.run = ?1 ORDER BY n.text", &st, err);
	if (rc)
		return rc;
	bu_stmt_bind_i64(st, 1, boot->run);
	while ((rc = bu_stmt_step(st, err)) > 0) {
		struct bu_wait *w, *before = boot->n_wait ? &boot->wait[boot->n_wait - 1] : NULL;
		const char *text = bu_stmt_text(st, 0), *out = bu_stmt_text(st, 4);
		const char *point = before && !strcmp(before->point, text) ? before->point : NULL;

		rc = 0;
		if (!point)
			point = bu_boot_text(b, st, 0, &rc, err);
		if (!rc && bu_grow(&boot->wait, boot->n_wait, &b->cap_wait, sizeof(*boot->wait)))
			rc = bu_fail_errno(err, -ENOMEM, "reading %s", bu_db_path(b->db));
		if (rc)
			return rc;
		w = &boot->wait[boot->n_wait++];
		*w = (struct bu_wait){ .point = point, .cpu = (int)bu_stmt_i64(st, 1),
				       .start_ns = bu_stmt_i64(st, 2), .end_ns = bu_stmt_ns(st, 3),
				       .outcome = !strcmp(out, "satisfied") ? "satisfied" :
						  !strcmp(out, "timeout")   ? "timeout" : "never" };
	}
	return rc;
}

static int read_figures(struct bu_boot_builder *b, struct bu_err *err)
{
	_cleanup_(bu_stmt_closep) struct bu_stmt *st = NULL;
	struct bu_boot *boot = b->boot;
	int rc;

	rc = bu_stmt_prepare(b->db, "SELECT n.text, m.unit, m.value, coalesce(m.cpu, -1) FROM metric m JOIN name n ON n.id = m.name"
			     " WHERE m.run = ?1 ORDER BY m.seq", &st, err);
	if (rc)
		return rc;
	bu_stmt_bind_i64(st, 1, boot->run);
	while ((rc = bu_stmt_step(st, err)) > 0) {
		if (bu_grow(&boot->figure, boot->n_figure, &b->cap_figure, sizeof(*boot->figure)))
			return bu_fail_errno(err, -ENOMEM, "reading %s", bu_db_path(b->db));
		rc = 0;
		boot->figure[boot->n_figure++] = (struct bu_figure){
			bu_boot_text(b, st, 0, &rc, err), bu_boot_text(b, st, 1, &rc, err), bu_stmt_f64(st, 2),
			(int)bu_stmt_i64(st, 3) };
		if (rc)
			return rc;
	}
	return rc;
}

static int read_ops(struct bu_boot_builder *b, struct bu_err *err)
{
	_cleanup_(bu_stmt_closep) struct bu_stmt *st = NULL;
	struct bu_boot *boot = b->boot;
	int rc;

	rc = bu_stmt_prepare(b->db, "SELECT seq, cpu, direction = 'down', start_ns, end_ns, ret, verdict FROM run_op"
			     " WHERE run = ?1 AND start_ns NOT NULL ORDER BY seq", &st, err);
	if (rc)
		return rc;
	bu_stmt_bind_i64(st, 1, boot->run);
	while ((rc = bu_stmt_step(st, err)) > 0) {
		if (bu_grow(&boot->op, boot->n_op, &b->cap_op, sizeof(*boot->op)))
			return bu_fail_errno(err, -ENOMEM, "reading %s", bu_db_path(b->db));
		boot->op[boot->n_op++] = (struct bu_op){
			.id = bu_stmt_i64(st, 0), .cpu = (int)bu_stmt_i64(st, 1),
			.direction = bu_stmt_i64(st, 2) ? BU_DOWN : BU_UP, .start_ns = bu_stmt_ns(st, 3), .end_ns = bu_stmt_ns(st, 4),
			.has_ret = true, .ret = bu_stmt_i64(st, 5), .outcome = bu_outcome_parse(bu_stmt_text(st, 6)),
		};
	}
	boot->runtime = boot->n_op > 0;
	return rc;
}

static int read_op_steps(struct bu_boot_builder *b, struct bu_err *err)
{
	_cleanup_(bu_stmt_closep) struct bu_stmt *st = NULL;
	struct bu_boot *boot = b->boot;
	int rc;

	rc = bu_stmt_prepare(b->db, "SELECT o.seq, o.direction = 'down', n.text, i.cpu, i.start_ns, i.end_ns FROM interval i"
			     " JOIN run_op o ON o.run = i.run AND o.cpu = i.cpu AND i.start_ns BETWEEN o.start_ns AND o.end_ns"
			     " JOIN name n ON n.id = i.name WHERE i.run = ?1 AND i.phase IN ('prepare', 'online', 'down', 'dead')"
			     " ORDER BY o.seq, i.start_ns", &st, err);
	if (rc)
		return rc;
	bu_stmt_bind_i64(st, 1, boot->run);
	while ((rc = bu_stmt_step(st, err)) > 0) {
		struct bu_op_step *s;

		if (bu_grow(&boot->op_step, boot->n_op_step, &b->cap_op_step, sizeof(*boot->op_step)))
			return bu_fail_errno(err, -ENOMEM, "reading %s", bu_db_path(b->db));
		s = &boot->op_step[boot->n_op_step++];
		rc = 0;
		*s = (struct bu_op_step){
			.op = bu_stmt_i64(st, 0), .direction = bu_stmt_i64(st, 1) ? BU_DOWN : BU_UP,
			.name = bu_boot_text(b, st, 2, &rc, err), .nr = -1, .cpu = (int)bu_stmt_i64(st, 3),
			.start_ns = bu_stmt_i64(st, 4), .end_ns = bu_stmt_ns(st, 5), .self_ns = BU_NS_UNKNOWN,
		};
		if (rc)
			return rc;
		if (s->end_ns != BU_NS_UNKNOWN)
			s->self_ns = s->end_ns - s->start_ns;
	}
	return rc;
}

/* A run names its waiting inside a phase as its wait points: those intervals are no work. */
static void mark_waiting(struct bu_boot *boot)
{
	size_t i, k;

	for (i = 0; i < boot->n_wait; i++) {
		if (i && boot->wait[i].point == boot->wait[i - 1].point)
			continue;
		for (k = 0; k < boot->n_step; k++)
			if (!strcmp(boot->step[k].name, boot->wait[i].point))
				boot->step[k].waiting = true;
	}
}

int bu_boot_read_run(struct bu_boot_builder *b, int64_t run, struct bu_err *err)
{
	struct bu_boot *boot = b->boot;
	size_t i;
	int rc;

	rc = read_head(b, run, err);
	if (!rc)
		rc = read_cpus(b, err);
	if (!rc)
		rc = read_intervals(b, err);
	if (!rc)
		rc = read_waits(b, err);
	if (!rc)
		rc = read_figures(b, err);
	if (!rc)
		rc = read_ops(b, err);
	if (!rc)
		rc = read_op_steps(b, err);
	if (rc)
		return rc;
	mark_waiting(boot);
	boot->cpus_total = boot->cpus_total ? boot->cpus_total : BU_NS_UNKNOWN;
	for (i = 0; i < boot->n_interval; i++)
		if (bu_phase_on_control(boot->interval[i].phase)) {
			boot->control_cpu = boot->interval[i].lane;
			break;
		}
	if (boot->bringup_ns != BU_NS_UNKNOWN && boot->bringup_ns > boot->end_ns)
		boot->end_ns = boot->bringup_ns;
	return 0;
}
