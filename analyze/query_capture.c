// SPDX-License-Identifier: GPL-2.0-only
/*
 * query_capture.c - a capture database as a boot (query.h).
 *
 * Steps come from the table `step` by the same rule that the view `timeline` uses, because a reader also
 * wants their numbers and return codes; the phases between them come from that view. The view leaves out
 * what has no end; for CPUs that did not come up exactly those are the story, so they are added here.
 */
#include <errno.h>
#include <string.h>

#include "analyze/query_int.h"

static int read_head(struct bu_boot_builder *b, struct bu_err *err)
{
	_cleanup_(bu_stmt_closep) struct bu_stmt *st = NULL;
	struct bu_boot *boot = b->boot;
	const char *unit;
	int rc;

	rc = bu_stmt_prepare(b->db, "SELECT c.source_name, c.source_sha256, c.trace_clock, c.kernel_release, c.arch,"
			     " c.clock_unit, c.events_total, c.lost_total, c.lost_unknown, c.complete,"
			     " m.cpus_online, m.hypervisor, m.cpu_model, m.clocksource_current"
			     " FROM capture c LEFT JOIN machine m ON m.id = 1 WHERE c.id = 1", &st, err);
	if (!rc)
		rc = bu_stmt_step(st, err);
	if (rc <= 0)
		return rc ? rc : bu_fail(err, -ENODATA, "%s says nothing about its capture; import it again",
					 bu_db_path(b->db));
	rc = 0;
	boot->trace_name = bu_boot_text(b, st, 0, &rc, err);
	boot->trace_sha256 = bu_boot_text(b, st, 1, &rc, err);
	boot->trace_clock = bu_boot_text(b, st, 2, &rc, err);
	boot->kernel_release = bu_boot_text(b, st, 3, &rc, err);
	boot->arch = bu_boot_text(b, st, 4, &rc, err);
	unit = bu_stmt_text(st, 5);
	boot->ticks = unit && !strcmp(unit, "tick");
	boot->events_total = bu_stmt_i64(st, 6);
	boot->lost_total = bu_stmt_i64(st, 7);
	boot->lost_unknown = bu_stmt_i64(st, 8);
	boot->complete = bu_stmt_i64(st, 9);
	boot->cpus_total = bu_stmt_ns(st, 10);
	boot->machine = bu_boot_text(b, st, 11, &rc, err);
	boot->cpu_model = bu_boot_text(b, st, 12, &rc, err);
	boot->clocksource = bu_boot_text(b, st, 13, &rc, err);
	return rc;
}

/* What the importer found to be wrong may be the reason. */
static int no_hotplug(const struct bu_boot_builder *b, struct bu_err *err)
{
	_cleanup_(bu_stmt_closep) struct bu_stmt *st = NULL;
	int rc;

	rc = bu_stmt_prepare(b->db, "SELECT detail FROM import_note WHERE severity = 'error' ORDER BY id LIMIT 1", &st, err);
	if (!rc)
		rc = bu_stmt_step(st, err);
	if (rc < 0)
		return rc;
	return bu_fail(err, -ENODATA, "%s shows no CPU coming up or going down; %s", bu_db_path(b->db), rc ? bu_stmt_text(st, 0) :
		       "record with the cpuhp events on (trace_event=cpuhp:* on the kernel command line)");
}

/* The bring-up as a whole; decides where zero is. */
static int read_bringup(struct bu_boot_builder *b, struct bu_err *err)
{
	_cleanup_(bu_stmt_closep) struct bu_stmt *st = NULL;
	struct bu_boot *boot = b->boot;
	int64_t control = 0, first = 0;
	int rc, found;

	boot->bringup_ns = boot->recorded_bringup_ns = BU_NS_UNKNOWN;
	rc = bu_stmt_prepare(b->db, "SELECT start_ns, start_what, bringup_ns, algorithm, cpus, cpus_ok FROM bringup"
			     " WHERE id = 1", &st, err);
	if (!rc)
		rc = bu_stmt_step(st, err);
	if (rc < 0)
		return rc;
	found = rc;
	rc = 0;
	if (found) {
		boot->has_bringup = true;
		b->base_ns = bu_stmt_i64(st, 0);
		boot->start_what = bu_boot_text(b, st, 1, &rc, err);
		boot->bringup_ns = bu_ns_since(bu_stmt_ns(st, 2), 0);
		boot->algorithm = bu_boot_text(b, st, 3, &rc, err);
		boot->cpus = bu_stmt_i64(st, 4);
		boot->cpus_ok = bu_stmt_i64(st, 5);
		if (rc)
			return rc;
		boot->runtime = boot->algorithm && !strcmp(boot->algorithm, "runtime");
		rc = bu_db_i64(b->db, "SELECT control_cpu FROM bringup_cpu GROUP BY control_cpu"
			       " ORDER BY count(*) DESC, control_cpu LIMIT 1", &control, err);
	} else {
		rc = bu_db_i64(b->db, "SELECT min(start_ns) FROM hotplug_op", &first, err);
		if (!rc)
			return no_hotplug(b, err);
		b->base_ns = first;
		boot->runtime = true;
		boot->algorithm = "runtime";
	}
	boot->control_cpu = (int)control;
	return rc < 0 ? rc : 0;
}

static int read_end(struct bu_boot_builder *b, struct bu_err *err)
{
	static const char *const queries[] = {
		"SELECT ts_ns FROM ev_cpuhp ORDER BY id DESC LIMIT 1",
		"SELECT ts_ns FROM ev_func ORDER BY id DESC LIMIT 1",
		"SELECT ts_ns FROM ev_fault ORDER BY id DESC LIMIT 1",
		"SELECT ts_ns FROM ev_irq_vector ORDER BY id DESC LIMIT 1",
		"SELECT ts_ns FROM ev_sched_switch ORDER BY id DESC LIMIT 1",
		"SELECT ts_ns FROM ev_timer ORDER BY id DESC LIMIT 1",
		"SELECT ts_ns FROM ev_other ORDER BY id DESC LIMIT 1",
		"SELECT max(coalesce(end_ns, start_ns)) FROM step",
	};
	int64_t ns, end_ns = b->base_ns;
	size_t i;
	int rc;

	for (i = 0; i < ARRAY_SIZE(queries); i++) {
		rc = bu_db_i64(b->db, queries[i], &ns, err);
		if (rc < 0)
			return rc;
		if (rc && ns > end_ns)
			end_ns = ns;
	}
	b->boot->end_ns = bu_ns_since(end_ns, b->base_ns);
	return 0;
}

static int read_cpus(struct bu_boot_builder *b, struct bu_err *err)
{
	_cleanup_(bu_stmt_closep) struct bu_stmt *st = NULL;
	struct bu_boot_cpu *c;
	int rc;

	rc = bu_stmt_prepare(b->db, "SELECT cpu, control_cpu, prepare_ns, kick_ns, first_sign_ns, alive_ns,"
			     " bringup_ns, release_ns, starting_ns, tsc_target_ns, idle_ns, thread_ns, online_ns,"
			     " done_ns, verdict, ret FROM bringup_cpu ORDER BY cpu", &st, err);
	while (!rc && (rc = bu_stmt_step(st, err)) > 0) {
		rc = 0;
		c = bu_boot_add_cpu(b, (int)bu_stmt_i64(st, 0), err);
		if (!c)
			return -ENOMEM;
		c->control_cpu = (int)bu_stmt_i64(st, 1);
		c->prepare_ns = bu_boot_ns(b, st, 2);
		c->kick_ns = bu_boot_ns(b, st, 3);
		c->first_sign_ns = bu_boot_ns(b, st, 4);
		c->alive_ns = bu_boot_ns(b, st, 5);
		c->turn_ns = bu_boot_ns(b, st, 6);
		c->release_ns = bu_boot_ns(b, st, 7);
		c->starting_ns = bu_boot_ns(b, st, 8);
		c->tsc_ns = bu_boot_ns(b, st, 9);
		c->idle_ns = bu_boot_ns(b, st, 10);
		c->thread_ns = bu_boot_ns(b, st, 11);
		c->online_ns = bu_boot_ns(b, st, 12);
		c->done_ns = bu_boot_ns(b, st, 13);
		c->outcome = bu_outcome_parse(bu_stmt_text(st, 14));
		c->has_ret = !bu_stmt_is_null(st, 15);
		c->ret = bu_stmt_i64(st, 15);
	}
	return rc;
}

/* The last step that began for a CPU that is not up: where to look. */
static int read_last_steps(struct bu_boot_builder *b, struct bu_err *err)
{
	_cleanup_(bu_stmt_closep) struct bu_stmt *st = NULL;
	int rc;

	rc = bu_stmt_prepare(b->db, "SELECT c.cpu, s.nr, s.name, s.start_ns, s.verdict FROM bringup_cpu c JOIN step s"
			     " ON s.id = (SELECT max(id) FROM step WHERE op = c.op) WHERE c.verdict <> 'ok'",
			     &st, err);
	while (!rc && (rc = bu_stmt_step(st, err)) > 0) {
		struct bu_boot_cpu *c = (struct bu_boot_cpu *)bu_boot_cpu_find(b->boot, (int)bu_stmt_i64(st, 0));

		rc = 0;
		if (!c)
			continue;
		c->last_nr = (int)bu_stmt_i64(st, 1);
		c->last_step = bu_boot_text(b, st, 2, &rc, err);
		c->last_start_ns = bu_boot_ns(b, st, 3);
		c->last_outcome = bu_outcome_parse(bu_stmt_text(st, 4));
	}
	return rc;
}

static int read_steps(struct bu_boot_builder *b, struct bu_err *err)
{
	_cleanup_(bu_stmt_closep) struct bu_stmt *st = NULL;
	int rc;

	rc = bu_stmt_prepare(b->db, "SELECT s.cpu, s.target_cpu, s.nr, s.name, s.start_ns, s.end_ns, s.verdict"
			     " FROM step s JOIN bringup_cpu b ON b.op = s.op WHERE s.cpu = s.target_cpu"
			     " OR b.kick_ns IS NULL OR s.start_ns < b.kick_ns ORDER BY s.id", &st, err);
	while (!rc && (rc = bu_stmt_step(st, err)) > 0) {
		int lane = (int)bu_stmt_i64(st, 0), cpu = (int)bu_stmt_i64(st, 1);

		rc = bu_boot_add_interval(b, lane, cpu, lane == cpu ? BU_PHASE_ONLINE : BU_PHASE_PREPARE,
					  (int)bu_stmt_i64(st, 2), bu_stmt_text(st, 3), bu_stmt_i64(st, 4),
					  bu_stmt_ns(st, 5), bu_outcome_parse(bu_stmt_text(st, 6)), err);
	}
	return rc;
}

/*
 * The phases between the steps. Without function events the kick of a serial boot cannot be told from the
 * waiting that follows it: then the view has a kick of no length, and the whole step as waiting.
 */
static int read_phases(struct bu_boot_builder *b, struct bu_err *err)
{
	_cleanup_(bu_stmt_closep) struct bu_stmt *st = NULL;
	struct bu_boot *boot = b->boot;
	int rc;

	rc = bu_stmt_prepare(b->db, "SELECT lane, cpu, phase, name, start_ns, end_ns FROM timeline"
			     " WHERE phase NOT IN ('prepare', 'online')", &st, err);
	while (!rc && (rc = bu_stmt_step(st, err)) > 0) {
		const struct bu_boot_cpu *c = bu_boot_cpu_find(boot, (int)bu_stmt_i64(st, 1));
		int64_t start_ns = bu_stmt_ns(st, 4), end_ns = bu_stmt_ns(st, 5);
		enum bu_phase phase;
		bool open;

		rc = 0;
		if (!c || !bu_phase_parse(bu_stmt_text(st, 2), &phase))
			continue;
		open = c->outcome != BU_OK;
		if (phase == BU_PHASE_KICK && end_ns == start_ns) {
			boot->no_control_split = true;
			continue;
		}
		rc = bu_boot_add_interval(b, (int)bu_stmt_i64(st, 0), c->cpu, phase, -1, bu_stmt_text(st, 3),
					  start_ns, end_ns,
					  end_ns != BU_NS_UNKNOWN ? BU_OK : open ? BU_OPEN : BU_LOST, err);
	}
	return rc;
}

static bool known(int64_t ns)
{
	return ns != BU_NS_UNKNOWN;
}

/* What a CPU that did not come up was in when the capture ended. */
static int add_open_ends(struct bu_boot_builder *b, struct bu_err *err)
{
	struct bu_boot *boot = b->boot;
	bool functions = false;
	size_t i;
	int rc = 0;

	for (i = 0; i < boot->n_cpu; i++)
		functions |= known(boot->cpu[i].first_sign_ns);
	for (i = 0; i < boot->n_cpu && !rc; i++) {
		const struct bu_boot_cpu *c = &boot->cpu[i];
		int64_t end_ns = known(c->done_ns) ? c->done_ns + b->base_ns : BU_NS_UNKNOWN;
		enum bu_outcome how = known(c->done_ns) ? BU_FAILED : BU_OPEN;

		if (c->outcome == BU_OK || !known(c->kick_ns))
			continue;
		if (functions && !known(c->first_sign_ns))
			rc = bu_boot_add_interval(b, c->cpu, c->cpu, BU_PHASE_DARK, -1, "dark",
						  c->kick_ns + b->base_ns, end_ns, how, err);
		if (!rc && known(c->alive_ns) && !known(c->release_ns) && !known(c->turn_ns))
			rc = bu_boot_add_interval(b, c->cpu, c->cpu, BU_PHASE_PARKED, -1, "parked",
						  c->alive_ns + b->base_ns, BU_NS_UNKNOWN, BU_OPEN, err);
		if (!rc && known(c->turn_ns) && !known(c->done_ns))
			rc = bu_boot_add_interval(b, c->control_cpu, c->cpu, BU_PHASE_WAIT, -1, "wait for the CPU",
						  c->turn_ns + b->base_ns, BU_NS_UNKNOWN, BU_OPEN, err);
	}
	return rc;
}

static int read_ops(struct bu_boot_builder *b, struct bu_err *err)
{
	_cleanup_(bu_stmt_closep) struct bu_stmt *st = NULL;
	struct bu_boot *boot = b->boot;
	int rc;

	rc = bu_stmt_prepare(b->db, "SELECT id, cpu, CASE direction WHEN 'up' THEN 0 WHEN 'down' THEN 1 ELSE 2 END,"
			     " start_ns, end_ns, ret, verdict FROM hotplug_op WHERE ?1 OR id NOT IN"
			     " (SELECT op FROM bringup_cpu) ORDER BY id", &st, err);
	if (rc)
		return rc;
	bu_stmt_bind_i64(st, 1, boot->runtime);
	while ((rc = bu_stmt_step(st, err)) > 0) {
		if (bu_grow(&boot->op, boot->n_op, &b->cap_op, sizeof(*boot->op)))
			return bu_fail_errno(err, -ENOMEM, "reading %s", bu_db_path(b->db));
		boot->op[boot->n_op++] = (struct bu_op){
			.id = bu_stmt_i64(st, 0), .cpu = (int)bu_stmt_i64(st, 1),
			.direction = (enum bu_direction)bu_stmt_i64(st, 2),
			.start_ns = bu_boot_ns(b, st, 3), .end_ns = bu_boot_ns(b, st, 4),
			.has_ret = !bu_stmt_is_null(st, 5), .ret = bu_stmt_i64(st, 5),
			.outcome = bu_outcome_parse(bu_stmt_text(st, 6)),
		};
	}
	return rc;
}

/*
 * Time of its own: what a step took less what the steps inside it took. Steps of one operation arrive by
 * start, the longer first, so that those around a step are on a stack when it comes.
 */
static void take_from_parent(struct bu_op_step *steps, size_t *stack, size_t *depth, size_t at)
{
	struct bu_op_step *s = &steps[at], *top;

	while (*depth) {
		top = &steps[stack[*depth - 1]];
		if (top->op == s->op && top->end_ns != BU_NS_UNKNOWN && s->start_ns < top->end_ns)
			break;
		--*depth;
	}
	if (s->end_ns == BU_NS_UNKNOWN)
		return;
	s->self_ns = s->end_ns - s->start_ns;
	if (*depth) {
		top = &steps[stack[*depth - 1]];
		top->self_ns -= (s->end_ns < top->end_ns ? s->end_ns : top->end_ns) - s->start_ns;
	}
	stack[(*depth)++] = at;
}

static int read_op_steps(struct bu_boot_builder *b, struct bu_err *err)
{
	_cleanup_(bu_stmt_closep) struct bu_stmt *st = NULL;
	_cleanup_free_ size_t *stack = NULL;
	struct bu_boot *boot = b->boot;
	size_t depth = 0, i;
	int rc;

	if (!boot->n_op)
		return 0;
	rc = bu_stmt_prepare(b->db, "SELECT s.op, CASE o.direction WHEN 'up' THEN 0 WHEN 'down' THEN 1 ELSE 2 END,"
			     " s.name, s.nr, s.target_cpu, s.start_ns, s.end_ns FROM step s JOIN hotplug_op o"
			     " ON o.id = s.op WHERE ?1 OR s.op NOT IN (SELECT op FROM bringup_cpu)"
			     " ORDER BY s.op, s.start_ns, s.end_ns DESC, s.id", &st, err);
	if (rc)
		return rc;
	bu_stmt_bind_i64(st, 1, boot->runtime);
	while ((rc = bu_stmt_step(st, err)) > 0) {
		struct bu_op_step *s;

		if (bu_grow(&boot->op_step, boot->n_op_step, &b->cap_op_step, sizeof(*boot->op_step)))
			return bu_fail_errno(err, -ENOMEM, "reading %s", bu_db_path(b->db));
		s = &boot->op_step[boot->n_op_step++];
		rc = 0;
		*s = (struct bu_op_step){
			.op = bu_stmt_i64(st, 0), .direction = (enum bu_direction)bu_stmt_i64(st, 1),
			.name = bu_boot_text(b, st, 2, &rc, err), .nr = (int)bu_stmt_i64(st, 3),
			.cpu = (int)bu_stmt_i64(st, 4), .start_ns = bu_boot_ns(b, st, 5),
			.end_ns = bu_boot_ns(b, st, 6), .self_ns = BU_NS_UNKNOWN,
		};
		if (rc)
			return rc;
	}
	if (rc)
		return rc;
	stack = calloc(boot->n_op_step + 1, sizeof(*stack));
	if (!stack)
		return bu_fail_errno(err, -ENOMEM, "reading %s", bu_db_path(b->db));
	for (i = 0; i < boot->n_op_step; i++)
		take_from_parent(boot->op_step, stack, &depth, i);
	return 0;
}

static int read_losses(struct bu_boot_builder *b, struct bu_err *err)
{
	_cleanup_(bu_stmt_closep) struct bu_stmt *st = NULL, *notes = NULL;
	struct bu_boot *boot = b->boot;
	int rc;

	rc = bu_stmt_prepare(b->db, "SELECT buffer, kind, cpu, count, after_ns, before_ns FROM losses"
			     " ORDER BY coalesce(count, 9e18) DESC, cpu", &st, err);
	while (!rc && (rc = bu_stmt_step(st, err)) > 0) {
		rc = 0;
		if (bu_grow(&boot->loss, boot->n_loss, &b->cap_loss, sizeof(*boot->loss)))
			return bu_fail_errno(err, -ENOMEM, "reading %s", bu_db_path(b->db));
		boot->loss[boot->n_loss++] = (struct bu_loss){
			.buffer = bu_boot_text(b, st, 0, &rc, err), .kind = bu_boot_text(b, st, 1, &rc, err),
			.cpu = (int)bu_stmt_i64(st, 2), .count = bu_stmt_ns(st, 3),
			.after_ns = bu_boot_ns(b, st, 4), .before_ns = bu_boot_ns(b, st, 5),
		};
	}
	if (!rc)
		rc = bu_stmt_prepare(b->db, "SELECT severity, topic, detail, count FROM import_note"
				     " WHERE severity <> 'info' ORDER BY severity, id", &notes, err);
	while (!rc && (rc = bu_stmt_step(notes, err)) > 0) {
		rc = 0;
		if (bu_grow(&boot->note, boot->n_note, &b->cap_note, sizeof(*boot->note)))
			return bu_fail_errno(err, -ENOMEM, "reading %s", bu_db_path(b->db));
		boot->note[boot->n_note++] = (struct bu_note){
			.severity = bu_boot_text(b, notes, 0, &rc, err), .topic = bu_boot_text(b, notes, 1, &rc, err),
			.detail = bu_boot_text(b, notes, 2, &rc, err), .count = bu_stmt_i64(notes, 3),
		};
	}
	return rc;
}

static int read_tax(struct bu_boot_builder *b, struct bu_err *err)
{
	return bu_tax_read(b->db, b->boot, b->base_ns, &b->boot->tax, &b->boot->clocks, err);
}

int bu_boot_read_capture(struct bu_boot_builder *b, struct bu_err *err)
{
	static int (*const parts[])(struct bu_boot_builder *, struct bu_err *) = {
		read_head, read_bringup, read_end, read_cpus, read_last_steps, read_steps, read_phases,
		add_open_ends, read_ops, read_op_steps, read_losses, read_tax, bu_rendezvous_read,
	};
	size_t i;
	int rc = 0;

	for (i = 0; i < ARRAY_SIZE(parts) && !rc; i++)
		rc = parts[i](b, err);
	return rc;
}
