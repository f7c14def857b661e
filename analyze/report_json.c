// SPDX-License-Identifier: GPL-2.0-only
/*
 * report_json.c - the report as JSON; docs/json-report.md is its contract (report.h).
 *
 * Keys never go away within one schema number. What is not known is null, never missing and never 0.
 */
#include "analyze/report.h"

#include <errno.h>
#include <jansson.h>

#include "analyze/hang_report.h"
#include "analyze/spaces.h"

/* json_object_set_new() takes NULL values as failures; they are remembered here so that no call needs a check. */
struct maker {
	int failed;
};

static void set(struct maker *m, json_t *o, const char *key, json_t *v)
{
	if (json_object_set_new(o, key, v))
		m->failed = 1;
}

static void set_int(struct maker *m, json_t *o, const char *key, int64_t v)
{
	set(m, o, key, json_integer(v));
}

static void set_ns(struct maker *m, json_t *o, const char *key, int64_t ns)
{
	set(m, o, key, ns == BU_NS_UNKNOWN ? json_null() : json_integer(ns));
}

/* Text of a file that is not trusted may be no UTF-8; then it is replaced rather than lost with the report. */
static void set_text(struct maker *m, json_t *o, const char *key, const char *text)
{
	json_t *v = text ? json_string(text) : json_null();

	set(m, o, key, v ? v : json_string("(not valid UTF-8)"));
}

static void set_bool(struct maker *m, json_t *o, const char *key, bool v)
{
	set(m, o, key, json_boolean(v));
}

static void append(struct maker *m, json_t *a, json_t *v)
{
	if (json_array_append_new(a, v))
		m->failed = 1;
}

static void set_stat(struct maker *m, json_t *o, const struct bu_stat *s)
{
	set_ns(m, o, "p50_ns", s->p50_ns);
	set_ns(m, o, "p99_ns", s->p99_ns);
	set_ns(m, o, "max_ns", s->max_ns);
	set(m, o, "max_cpu", s->max_cpu < 0 ? json_null() : json_integer(s->max_cpu));
}

static json_t *figures(struct maker *m, const struct bu_boot *b)
{
	json_t *o = json_object(), *f;
	size_t i;

	for (i = 0; i < b->n_figure; i++) {
		if (b->figure[i].cpu >= 0)
			continue;
		f = json_object();
		set_text(m, f, "unit", b->figure[i].unit);
		set(m, f, "value", json_real(b->figure[i].value));
		set(m, o, b->figure[i].name, f);
	}
	return o;
}

static json_t *source(struct maker *m, const struct bu_boot *b)
{
	json_t *o = json_object();

	set_text(m, o, "kind", b->is_run ? "run" : "capture");
	set_text(m, o, "file", b->file);
	set_text(m, o, "trace", b->trace_name);
	set_text(m, o, "trace_sha256", b->trace_sha256);
	set_text(m, o, "kernel_release", b->kernel_release);
	set_ns(m, o, "cpus", b->cpus_total);
	if (b->is_run) {
		set_int(m, o, "run", b->run);
		set_text(m, o, "family", b->family);
		set_text(m, o, "core", b->core);
		set_text(m, o, "core_source", b->core_source);
		set_text(m, o, "command", b->command);
		set_int(m, o, "recorded_cpus", b->recorded_cpus);
		set_bool(m, o, "sampled", b->sampled);
		set_int(m, o, "seed", b->seed);
		set_text(m, o, "hash", b->hash);
		set(m, o, "figures", figures(m, b));
	} else {
		set_text(m, o, "arch", b->arch);
		set_text(m, o, "trace_clock", b->trace_clock);
		set_text(m, o, "hypervisor", b->machine);
		set_text(m, o, "clocksource", b->clocksource);
		set_int(m, o, "events_total", b->events_total);
	}
	return o;
}

static json_t *losses(struct maker *m, const struct bu_boot *b)
{
	json_t *o = json_object(), *rows = json_array(), *notes = json_array(), *r;
	size_t i;

	set_int(m, o, "lost_total", b->lost_total);
	set_int(m, o, "lost_unknown", b->lost_unknown);
	for (i = 0; i < b->n_loss; i++) {
		r = json_object();
		set_text(m, r, "buffer", b->loss[i].buffer);
		set_int(m, r, "cpu", b->loss[i].cpu);
		set_text(m, r, "kind", b->loss[i].kind);
		set_ns(m, r, "count", b->loss[i].count);
		set_ns(m, r, "after_ns", b->loss[i].after_ns);
		set_ns(m, r, "before_ns", b->loss[i].before_ns);
		append(m, rows, r);
	}
	set(m, o, "holes", rows);
	for (i = 0; i < b->n_note; i++) {
		r = json_object();
		set_text(m, r, "severity", b->note[i].severity);
		set_text(m, r, "topic", b->note[i].topic);
		set_text(m, r, "detail", b->note[i].detail);
		set_int(m, r, "count", b->note[i].count);
		append(m, notes, r);
	}
	set(m, o, "notes", notes);
	return o;
}

static json_t *tax(struct maker *m, const struct bu_boot *b)
{
	const struct bu_tax *t = &b->tax;
	json_t *o = json_object(), *r;

	r = json_object();
	set_int(m, r, "steps", t->rb_steps);
	set_int(m, r, "cpus", t->rb_cpus);
	set_int(m, r, "total_ns", t->rb_total_ns);
	set(m, r, "share", b->bringup_ns > 0 ? json_real((double)t->rb_total_ns / (double)b->bringup_ns) : json_null());
	set_ns(m, r, "max_ns", t->rb_max_ns);
	set(m, r, "max_cpu", t->rb_max_cpu < 0 ? json_null() : json_integer(t->rb_max_cpu));
	set(m, o, "ring_buffers", r);
	r = json_object();
	set_ns(m, r, "control", t->events_control);
	set_ns(m, r, "all", t->events_all);
	set_int(m, r, "each_low_ns", BU_TAX_EVENT_LOW_NS);
	set_int(m, r, "each_high_ns", BU_TAX_EVENT_HIGH_NS);
	set_ns(m, r, "control_low_ns", t->events_low_ns);
	set_ns(m, r, "control_high_ns", t->events_high_ns);
	set(m, o, "events", r);
	r = json_object();
	set_bool(m, r, "console", t->serial);
	set_ns(m, r, "bytes", t->serial_bytes);
	set_int(m, r, "baud", t->baud);
	set_bool(m, r, "baud_known", t->baud_known);
	set_ns(m, r, "at_most_ns", t->serial_ns);
	set(m, o, "serial", r);
	return o;
}

static json_t *rendezvous(struct maker *m, const struct bu_boot *b)
{
	json_t *a = json_array(), *o;
	size_t i;

	for (i = 0; i < b->n_rendezvous; i++) {
		const struct bu_rendezvous *r = &b->rendezvous[i];

		o = json_object();
		set_ns(m, o, "start_ns", r->start_ns);
		set(m, o, "starter_cpu", r->starter_cpu < 0 ? json_null() : json_integer(r->starter_cpu));
		set_text(m, o, "starter_comm", r->starter_comm);
		set_text(m, o, "callback", r->callback);
		set_int(m, o, "cpus", (int64_t)r->cpus);
		set_ns(m, o, "all_in_ns", r->last_ns);
		set_int(m, o, "last_cpu", r->last_cpu);
		set_ns(m, o, "late_ns", r->late_ns);
		set_ns(m, o, "error_ns", r->error_ns);
		set_ns(m, o, "over_ns", r->over_ns);
		append(m, a, o);
	}
	return a;
}

static json_t *clocks(struct maker *m, const struct bu_boot *b)
{
	const struct bu_clock_check *c = &b->clocks;
	json_t *o = json_object();

	set_int(m, o, "cpus", c->cpus);
	set(m, o, "ref_cpu", c->cpus ? json_integer(c->ref_cpu) : json_null());
	set_ns(m, o, "median_ns", c->median_ns);
	set_ns(m, o, "worst_ns", c->worst_ns);
	set(m, o, "worst_cpu", c->worst_cpu < 0 ? json_null() : json_integer(c->worst_cpu));
	set_int(m, o, "unsynchronised", c->unsynchronised);
	set_int(m, o, "contradictory", c->contradictory);
	set_int(m, o, "corrected", c->corrected);
	set_int(m, o, "across", c->across);
	set_int(m, o, "finer", c->finer);
	return o;
}

static json_t *phases(struct maker *m, const struct bu_summary *s)
{
	json_t *o = json_object(), *r;
	size_t p;

	for (p = 0; p < BU_PHASE_N; p++) {
		r = json_object();
		set_text(m, r, "lane", bu_phase_on_control((enum bu_phase)p) ? "control" : "cpu");
		set_int(m, r, "count", (int64_t)s->phase[p].count);
		set_int(m, r, "unfinished", (int64_t)s->phase[p].unfinished);
		set_int(m, r, "total_ns", s->phase[p].total_ns);
		set(m, r, "share", json_real(s->phase[p].share));
		set_stat(m, r, &s->phase[p].per_cpu);
		set(m, o, bu_phase_name((enum bu_phase)p), r);
	}
	return o;
}

static json_t *control(struct maker *m, const struct bu_boot *b, const struct bu_summary *s)
{
	json_t *o = json_object();

	set_int(m, o, "cpu", b->control_cpu);
	set_int(m, o, "span_ns", s->control_span_ns);
	set_int(m, o, "busy_ns", s->control_busy_ns);
	set_int(m, o, "wait_ns", s->control_wait_ns);
	set_int(m, o, "other_ns", s->control_other_ns);
	set_bool(m, o, "kick_known", !b->no_control_split);
	return o;
}

static json_t *steps(struct maker *m, const struct bu_boot *b, const struct bu_summary *s)
{
	json_t *a = json_array(), *r;
	size_t i;

	for (i = 0; i < s->n_step; i++) {
		const struct bu_step_name *n = &b->step[s->step[i].step];

		r = json_object();
		set_text(m, r, "name", n->name);
		set_text(m, r, "phase", bu_phase_name(n->phase));
		set(m, r, "nr", n->nr < 0 ? json_null() : json_integer(n->nr));
		set_int(m, r, "count", (int64_t)s->step[i].stat.n);
		set_int(m, r, "unfinished", (int64_t)s->step[i].unfinished);
		set_int(m, r, "total_ns", s->step[i].stat.total_ns);
		set_stat(m, r, &s->step[i].stat);
		append(m, a, r);
	}
	return a;
}

static json_t *cpus(struct maker *m, const struct bu_boot *b, const struct bu_summary *s)
{
	json_t *a = json_array(), *r, *ph;
	char evidence[512];
	size_t i, p;

	for (i = 0; i < b->n_cpu; i++) {
		const struct bu_boot_cpu *c = &b->cpu[i];
		const struct bu_cpu_sum *t = &s->cpu[i];

		r = json_object();
		set_int(m, r, "cpu", c->cpu);
		set_text(m, r, "verdict", bu_outcome_name(c->outcome));
		set_ns(m, r, "prepare_ns", c->prepare_ns);
		set_ns(m, r, "kick_ns", c->kick_ns);
		set_ns(m, r, "alive_ns", c->alive_ns);
		set_ns(m, r, "release_ns", c->release_ns);
		set_ns(m, r, "idle_ns", c->idle_ns);
		set_ns(m, r, "online_ns", c->online_ns);
		set_ns(m, r, "took_ns", t->latency_ns);
		set_ns(m, r, "active_ns", t->active_ns);
		set_ns(m, r, "queued_ns", t->queued_ns);
		if (b->is_run)
			set_ns(m, r, "recorded_online_ns", c->recorded_online_ns);
		ph = json_object();
		for (p = 0; p < BU_PHASE_N; p++)
			if (t->phase_ns[p])
				set_int(m, ph, bu_phase_name((enum bu_phase)p), t->phase_ns[p]);
		set(m, r, "phases_ns", ph);
		set_text(m, r, "stands_out", t->stands_out ? bu_phase_name(t->worst) : NULL);
		if (c->outcome != BU_OK) {
			set(m, r, "ret", c->has_ret ? json_integer(c->ret) : json_null());
			set_text(m, r, "last_step", c->last_step);
			set_text(m, r, "evidence", bu_cpu_evidence(b, c, evidence, sizeof(evidence)));
		}
		append(m, a, r);
	}
	return a;
}

static json_t *waits(struct maker *m, const struct bu_summary *s)
{
	json_t *a = json_array(), *r;
	size_t i;

	for (i = 0; i < s->n_wait; i++) {
		r = json_object();
		set_text(m, r, "point", s->wait[i].point);
		set_int(m, r, "count", (int64_t)s->wait[i].stat.n);
		set_int(m, r, "timeouts", (int64_t)s->wait[i].timeout);
		set_int(m, r, "never", (int64_t)s->wait[i].never);
		set_int(m, r, "total_ns", s->wait[i].stat.total_ns);
		set_stat(m, r, &s->wait[i].stat);
		append(m, a, r);
	}
	return a;
}

static json_t *operations(struct maker *m, const struct bu_summary *s)
{
	json_t *o = json_object(), *a = json_array(), *r;
	size_t i;
	int d;

	for (d = 0; d < BU_DIRECTION_N; d++) {
		r = json_object();
		set_int(m, r, "count", (int64_t)s->op[d].n);
		set_int(m, r, "ok", (int64_t)s->op[d].ok);
		set_int(m, r, "failed", (int64_t)s->op[d].failed);
		set_int(m, r, "open", (int64_t)s->op[d].open);
		set_stat(m, r, &s->op[d].stat);
		set(m, o, bu_direction_name((enum bu_direction)d), r);
	}
	for (i = 0; i < s->n_op_step; i++) {
		r = json_object();
		set_text(m, r, "name", s->op_step[i].name);
		set_text(m, r, "direction", bu_direction_name(s->op_step[i].direction));
		set_int(m, r, "nr", s->op_step[i].nr);
		set_int(m, r, "count", (int64_t)s->op_step[i].stat.n);
		set_int(m, r, "total_ns", s->op_step[i].stat.total_ns);
		set_stat(m, r, &s->op_step[i].stat);
		append(m, a, r);
	}
	set(m, o, "steps", a);
	return o;
}

static json_t *one(struct maker *m, const struct bu_boot *b, const struct bu_summary *s)
{
	json_t *o = json_object();

	set_text(m, o, "schema", BU_REPORT_SCHEMA);
	set(m, o, "source", source(m, b));
	set_bool(m, o, "complete", b->complete);
	set_text(m, o, "time_unit", b->ticks ? "tick" : "ns");
	set_text(m, o, "algorithm", b->algorithm);
	set_text(m, o, "verdict", b->is_run ? b->verdict : bu_outcome_name(s->outcome));
	set_text(m, o, "verdict_detail", b->is_run ? b->verdict_detail : NULL);
	set_ns(m, o, "bringup_ns", b->bringup_ns);
	set_text(m, o, "start_what", b->start_what);
	if (b->is_run) {
		set_ns(m, o, "recorded_bringup_ns", b->recorded_bringup_ns);
		set_ns(m, o, "difference_ns",
		       b->bringup_ns == BU_NS_UNKNOWN || b->recorded_bringup_ns == BU_NS_UNKNOWN ?
			       BU_NS_UNKNOWN : b->bringup_ns - b->recorded_bringup_ns);
	}
	set_int(m, o, "cpus_to_come_up", b->cpus);
	set_int(m, o, "cpus_ok", b->cpus_ok);
	set_ns(m, o, "first_online_ns", s->first_online_ns);
	set_ns(m, o, "last_online_ns", s->last_online_ns);
	set_ns(m, o, "active_ns", s->active.n ? s->active.total_ns : BU_NS_UNKNOWN);
	set_ns(m, o, "queued_ns", s->queued.n ? s->queued.total_ns : BU_NS_UNKNOWN);
	set(m, o, "phases", phases(m, s));
	set(m, o, "control", control(m, b, s));
	set(m, o, "steps", steps(m, b, s));
	set(m, o, "cpus", cpus(m, b, s));
	set(m, o, "operations", operations(m, s));
	if (b->is_run) {
		set(m, o, "waits", waits(m, s));
	} else {
		set(m, o, "losses", losses(m, b));
		set(m, o, "rendezvous", rendezvous(m, b));
		set(m, o, "tax", tax(m, b));
		set(m, o, "clocks", clocks(m, b));
		set(m, o, "address_spaces", bu_spaces_json(b->spaces));
		set(m, o, "hang", bu_hang_json(b->hang));
	}
	return o;
}

int bu_report_json(FILE *to, const struct bu_boot *boots, const struct bu_summary *sums, size_t n, bool as_list,
		   struct bu_err *err)
{
	struct maker m = { 0 };
	json_t *top = one(&m, &boots[0], &sums[0]), *runs;
	size_t i;
	int rc = 0;

	if (as_list) {
		runs = json_array();
		for (i = 0; i < n; i++)
			append(&m, runs, one(&m, &boots[i], &sums[i]));
		set(&m, top, "runs", runs);
	}
	if (m.failed)
		rc = bu_fail_errno(err, -ENOMEM, "report as JSON");
	else if (json_dumpf(top, to, JSON_INDENT(1) | JSON_REAL_PRECISION(9)) || fputc('\n', to) == EOF)
		rc = bu_fail_errno(err, -EIO, "report as JSON");
	json_decref(top);
	return rc;
}
