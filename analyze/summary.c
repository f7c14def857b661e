// SPDX-License-Identifier: GPL-2.0-only
/* summary.c - see summary.h. Everything is a sort and a sweep. */
#include "analyze/summary.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

struct span {
	int64_t start_ns, end_ns;
};

static bool known(int64_t ns)
{
	return ns != BU_NS_UNKNOWN;
}

static int by_start(const void *pa, const void *pb)
{
	const struct span *a = pa, *b = pb;

	return (a->start_ns > b->start_ns) - (a->start_ns < b->start_ns);
}

/* Length of the union of @n spans, each clipped to [from, to]; sorts them. */
static int64_t union_ns(struct span *s, size_t n, int64_t from_ns, int64_t to_ns)
{
	int64_t total = 0, upto = from_ns;
	size_t i;

	qsort(s, n, sizeof(*s), by_start);
	for (i = 0; i < n; i++) {
		int64_t start = s[i].start_ns > upto ? s[i].start_ns : upto;
		int64_t end = s[i].end_ns < to_ns ? s[i].end_ns : to_ns;

		if (end <= start)
			continue;
		total = bu_ns_add(total, bu_ns_since(end, start));
		upto = end;
	}
	return total;
}

/* What one call needs to work with, freed at its end. */
struct work {
	const struct bu_boot *boot;
	struct bu_summary *sum;
	struct bu_sample *sample;	/* room for the largest of all counts */
	struct span *span;
	const struct bu_interval **by_cpu, **by_step;	/* all intervals, sorted */
};

static int cmp_cpu(const void *pa, const void *pb)
{
	const struct bu_interval *a = *(const struct bu_interval *const *)pa;
	const struct bu_interval *b = *(const struct bu_interval *const *)pb;

	if (a->cpu != b->cpu)
		return a->cpu < b->cpu ? -1 : 1;
	return (a->start_ns > b->start_ns) - (a->start_ns < b->start_ns);
}

static int cmp_step(const void *pa, const void *pb)
{
	const struct bu_interval *a = *(const struct bu_interval *const *)pa;
	const struct bu_interval *b = *(const struct bu_interval *const *)pb;

	return (a->step > b->step) - (a->step < b->step);
}

/* ---- the control CPU ------------------------------------------------------------------------------------ */

static void sum_control(struct work *w)
{
	const struct bu_boot *boot = w->boot;
	struct bu_summary *s = w->sum;
	int64_t busy, all;
	size_t n = 0, i;
	int pass;

	s->control_span_ns = known(boot->bringup_ns) ? boot->bringup_ns : boot->end_ns;
	if (boot->is_run) {
		/* The engine has kept this account itself. */
		busy = boot->bp_busy_ns;
		all = boot->bp_busy_ns + boot->bp_wait_ns;
	} else {
		int64_t got[2];

		for (pass = 0; pass < 2; pass++) {
			for (n = 0, i = 0; i < boot->n_interval; i++) {
				const struct bu_interval *v = &boot->interval[i];

				if (v->lane != boot->control_cpu || !bu_phase_on_control(v->phase) ||
				    (!pass && v->phase == BU_PHASE_WAIT))
					continue;
				w->span[n].start_ns = v->start_ns;
				w->span[n++].end_ns = known(v->end_ns) ? v->end_ns : boot->end_ns;
			}
			got[pass] = union_ns(w->span, n, 0, s->control_span_ns);
		}
		busy = got[0];
		all = got[1];
	}
	s->control_busy_ns = busy;
	s->control_wait_ns = all - busy;
	s->control_other_ns = s->control_span_ns > all ? s->control_span_ns - all : 0;
}

/* ---- single CPUs ---------------------------------------------------------------------------------------- */

/*
 * A CPU is worked on while a step for it runs anywhere, while the control CPU waits for it and for no other,
 * between its kick and its first sign of life, and from its turn to the end. What is left between its
 * first step and its going online is time in a queue.
 */
static void sum_cpu(struct work *w, size_t at, size_t from, size_t to)
{
	const struct bu_boot_cpu *c = &w->boot->cpu[at];
	struct bu_cpu_sum *s = &w->sum->cpu[at];
	size_t n = 0, i;

	for (i = from; i < to; i++) {
		const struct bu_interval *v = w->by_cpu[i];

		if (!known(v->end_ns))
			continue;
		s->phase_ns[v->phase] = bu_ns_add(s->phase_ns[v->phase], v->end_ns - v->start_ns);
		if (v->phase != BU_PHASE_PARKED)
			w->span[n++] = (struct span){ v->start_ns, v->end_ns };
	}
	if (!known(c->prepare_ns) || !known(c->online_ns))
		return;
	if (known(c->kick_ns) && (known(c->alive_ns) || known(c->first_sign_ns)))
		w->span[n++] = (struct span){ c->kick_ns, known(c->alive_ns) ? c->alive_ns : c->first_sign_ns };
	if (known(c->turn_ns) || known(c->release_ns))
		w->span[n++] = (struct span){ known(c->turn_ns) ? c->turn_ns : c->release_ns, c->online_ns };
	s->latency_ns = c->online_ns - c->prepare_ns;
	s->active_ns = union_ns(w->span, n, c->prepare_ns, c->online_ns);
	s->queued_ns = s->latency_ns - s->active_ns;
}

static void sum_cpus(struct work *w)
{
	const struct bu_boot *boot = w->boot;
	size_t i, from = 0, to;

	for (i = 0; i < boot->n_cpu; i++) {
		w->sum->cpu[i].latency_ns = w->sum->cpu[i].active_ns = w->sum->cpu[i].queued_ns = BU_NS_UNKNOWN;
		while (from < boot->n_interval && w->by_cpu[from]->cpu < boot->cpu[i].cpu)
			from++;
		for (to = from; to < boot->n_interval && w->by_cpu[to]->cpu == boot->cpu[i].cpu; to++)
			;
		sum_cpu(w, i, from, to);
		from = to;
	}
}

static void sum_latencies(struct work *w)
{
	const struct bu_boot *boot = w->boot;
	struct bu_summary *s = w->sum;
	int what;

	for (what = 0; what < 3; what++) {
		size_t n = 0, i;

		for (i = 0; i < boot->n_cpu; i++) {
			const struct bu_cpu_sum *c = &s->cpu[i];
			int64_t ns = what == 0 ? c->latency_ns : what == 1 ? c->active_ns : c->queued_ns;

			if (known(ns))
				w->sample[n++] = (struct bu_sample){ ns, boot->cpu[i].cpu };
		}
		*(what == 0 ? &s->latency : what == 1 ? &s->active : &s->queued) = bu_stat_of(w->sample, n);
	}
}

static void sum_phases(struct work *w)
{
	const struct bu_boot *boot = w->boot;
	struct bu_summary *s = w->sum;
	size_t i, p;

	for (i = 0; i < boot->n_interval; i++) {
		const struct bu_interval *v = &boot->interval[i];
		struct bu_phase_sum *f = &s->phase[v->phase];

		f->count++;
		if (!known(v->end_ns))
			f->unfinished++;
		else
			f->total_ns = bu_ns_add(f->total_ns, v->end_ns - v->start_ns);
	}
	for (p = 0; p < BU_PHASE_N; p++) {
		size_t n = 0;

		for (i = 0; i < boot->n_cpu; i++)
			if (s->cpu[i].phase_ns[p])
				w->sample[n++] = (struct bu_sample){ s->cpu[i].phase_ns[p], boot->cpu[i].cpu };
		s->phase[p].per_cpu = bu_stat_of(w->sample, n);
		if (!bu_phase_on_control((enum bu_phase)p))
			s->cpu_time_ns = bu_ns_add(s->cpu_time_ns, s->phase[p].total_ns);
	}
	for (p = 0; p < BU_PHASE_N; p++) {
		int64_t whole = bu_phase_on_control((enum bu_phase)p) ? s->control_span_ns : s->cpu_time_ns;

		s->phase[p].share = whole > 0 ? (double)s->phase[p].total_ns / (double)whole : 0;
	}
}

/* By which phase a CPU differs most from the others. */
static void find_outstanding(struct work *w)
{
	const struct bu_boot *boot = w->boot;
	struct bu_summary *s = w->sum;
	size_t i, p;

	for (p = 0; p < BU_PHASE_N; p++) {
		for (i = 0; i < boot->n_cpu; i++)
			w->sample[i] = (struct bu_sample){ s->cpu[i].phase_ns[p], boot->cpu[i].cpu };
		s->phase[p].median_ns = boot->n_cpu ? bu_stat_of(w->sample, boot->n_cpu).p50_ns : 0;
	}
	for (i = 0; i < boot->n_cpu; i++) {
		int64_t most = 0, most_work = 0, over;
		struct bu_cpu_sum *c = &s->cpu[i];

		for (p = 0; p < BU_PHASE_N; p++) {
			/* The control CPU's waiting mirrors the CPU's own phases; it explains only without them. */
			if (p == BU_PHASE_WAIT && s->cpu_time_ns)
				continue;
			over = c->phase_ns[p] - s->phase[p].median_ns;
			if (over > most) {
				most = over;
				c->worst = (enum bu_phase)p;
				c->stands_out = true;
			}
			if (over > most_work && p != BU_PHASE_PARKED) {
				most_work = over;
				c->worst_work = (enum bu_phase)p;
				c->work_stands_out = true;
			}
		}
	}
}

static void sum_online(struct work *w)
{
	const struct bu_boot *boot = w->boot;
	struct bu_summary *s = w->sum;
	size_t i;

	s->first_online_ns = s->last_online_ns = BU_NS_UNKNOWN;
	s->first_online_cpu = s->last_online_cpu = -1;
	s->outcome = BU_OK;
	for (i = 0; i < boot->n_cpu; i++) {
		const struct bu_boot_cpu *c = &boot->cpu[i];

		if (c->outcome == BU_FAILED || (c->outcome != BU_OK && s->outcome == BU_OK))
			s->outcome = c->outcome;
		if (!known(c->online_ns))
			continue;
		if (s->first_online_cpu < 0 || c->online_ns < s->first_online_ns) {
			s->first_online_ns = c->online_ns;
			s->first_online_cpu = c->cpu;
		}
		if (s->last_online_cpu < 0 || c->online_ns > s->last_online_ns) {
			s->last_online_ns = c->online_ns;
			s->last_online_cpu = c->cpu;
		}
	}
}

/* ---- steps ------------------------------------------------------------------------------------------------ */

static int by_total(const void *pa, const void *pb)
{
	const struct bu_step_sum *a = pa, *b = pb;

	if (a->stat.total_ns != b->stat.total_ns)
		return a->stat.total_ns > b->stat.total_ns ? -1 : 1;
	return (a->step > b->step) - (a->step < b->step);
}

static int sum_steps(struct work *w)
{
	const struct bu_boot *boot = w->boot;
	struct bu_summary *s = w->sum;
	size_t i = 0;

	s->step = calloc(boot->n_step + 1, sizeof(*s->step));
	if (!s->step)
		return -ENOMEM;
	while (i < boot->n_interval) {
		unsigned int step = w->by_step[i]->step;
		struct bu_step_sum *t = &s->step[s->n_step];
		size_t n = 0;

		t->step = step;
		for (; i < boot->n_interval && w->by_step[i]->step == step; i++) {
			const struct bu_interval *v = w->by_step[i];

			if (known(v->end_ns))
				w->sample[n++] = (struct bu_sample){ v->end_ns - v->start_ns, v->cpu };
			else
				t->unfinished++;
		}
		t->stat = bu_stat_of(w->sample, n);
		if (!boot->step[step].waiting)
			s->n_step++;
		else
			*t = (struct bu_step_sum){ 0 };
	}
	qsort(s->step, s->n_step, sizeof(*s->step), by_total);
	return 0;
}

static int by_wait_total(const void *pa, const void *pb)
{
	const struct bu_wait_sum *a = pa, *b = pb;

	if (a->stat.total_ns != b->stat.total_ns)
		return a->stat.total_ns > b->stat.total_ns ? -1 : 1;
	return strcmp(a->point, b->point);
}

/* Waits come sorted by their point. */
static int sum_waits(struct work *w)
{
	const struct bu_boot *boot = w->boot;
	struct bu_summary *s = w->sum;
	size_t i = 0;

	s->wait = calloc(boot->n_wait + 1, sizeof(*s->wait));
	if (!s->wait)
		return -ENOMEM;
	while (i < boot->n_wait) {
		struct bu_wait_sum *t = &s->wait[s->n_wait++];
		size_t n = 0;

		t->point = boot->wait[i].point;
		for (; i < boot->n_wait && boot->wait[i].point == t->point; i++) {
			const struct bu_wait *v = &boot->wait[i];

			t->timeout += !strcmp(v->outcome, "timeout");
			t->never += !strcmp(v->outcome, "never");
			if (known(v->end_ns))
				w->sample[n++] = (struct bu_sample){ v->end_ns - v->start_ns, v->cpu };
		}
		t->stat = bu_stat_of(w->sample, n);
	}
	qsort(s->wait, s->n_wait, sizeof(*s->wait), by_wait_total);
	return 0;
}

/* ---- operations ------------------------------------------------------------------------------------------- */

static void sum_ops(struct work *w)
{
	const struct bu_boot *boot = w->boot;
	int d;

	for (d = 0; d < BU_DIRECTION_N; d++) {
		struct bu_op_sum *s = &w->sum->op[d];
		size_t n = 0, i;

		for (i = 0; i < boot->n_op; i++) {
			const struct bu_op *o = &boot->op[i];

			if ((int)o->direction != d)
				continue;
			s->n++;
			s->ok += o->outcome == BU_OK;
			s->failed += o->outcome == BU_FAILED;
			s->open += o->outcome != BU_OK && o->outcome != BU_FAILED;
			if (o->outcome == BU_OK && known(o->end_ns))
				w->sample[n++] = (struct bu_sample){ o->end_ns - o->start_ns, o->cpu };
		}
		s->stat = bu_stat_of(w->sample, n);
	}
}

static int cmp_op_step(const void *pa, const void *pb)
{
	const struct bu_op_step *a = *(const struct bu_op_step *const *)pa;
	const struct bu_op_step *b = *(const struct bu_op_step *const *)pb;

	if (a->direction != b->direction)
		return a->direction < b->direction ? -1 : 1;
	if (a->nr != b->nr)
		return a->nr < b->nr ? -1 : 1;
	return strcmp(a->name, b->name);
}

static int by_op_total(const void *pa, const void *pb)
{
	const struct bu_op_step_sum *a = pa, *b = pb;

	if (a->stat.total_ns != b->stat.total_ns)
		return a->stat.total_ns > b->stat.total_ns ? -1 : 1;
	if (a->nr != b->nr)
		return a->nr < b->nr ? -1 : 1;
	return strcmp(a->name, b->name);
}

static int sum_op_steps(struct work *w)
{
	const struct bu_boot *boot = w->boot;
	struct bu_summary *s = w->sum;
	_cleanup_free_ const struct bu_op_step **order = calloc(boot->n_op_step + 1, sizeof(*order));
	size_t i;

	s->op_step = calloc(boot->n_op_step + 1, sizeof(*s->op_step));
	if (!order || !s->op_step)
		return -ENOMEM;
	for (i = 0; i < boot->n_op_step; i++)
		order[i] = &boot->op_step[i];
	qsort(order, boot->n_op_step, sizeof(*order), cmp_op_step);
	for (i = 0; i < boot->n_op_step;) {
		const struct bu_op_step **first = &order[i];
		struct bu_op_step_sum *t = &s->op_step[s->n_op_step++];
		size_t n = 0;

		*t = (struct bu_op_step_sum){ .direction = (*first)->direction, .name = (*first)->name,
					      .nr = (*first)->nr };
		for (; i < boot->n_op_step && !cmp_op_step(first, &order[i]); i++)
			if (known(order[i]->self_ns))
				w->sample[n++] = (struct bu_sample){ order[i]->self_ns, order[i]->cpu };
		t->stat = bu_stat_of(w->sample, n);
	}
	qsort(s->op_step, s->n_op_step, sizeof(*s->op_step), by_op_total);
	return 0;
}

/* ---- all ---------------------------------------------------------------------------------------------------- */

int bu_summary_of(const struct bu_boot *boot, struct bu_summary *ret, struct bu_err *err)
{
	size_t n = boot->n_interval + boot->n_cpu + boot->n_wait + boot->n_op + boot->n_op_step + 2, i;
	_cleanup_free_ struct bu_sample *sample = calloc(n, sizeof(*sample));
	_cleanup_free_ struct span *span = calloc(n, sizeof(*span));
	_cleanup_free_ const struct bu_interval **by_cpu = calloc(n, sizeof(*by_cpu));
	_cleanup_free_ const struct bu_interval **by_step = calloc(n, sizeof(*by_step));
	struct bu_summary s = { 0 };
	struct work w = { boot, &s, sample, span, by_cpu, by_step };
	int rc = -ENOMEM;

	s.cpu = calloc(boot->n_cpu + 1, sizeof(*s.cpu));
	if (s.cpu && sample && span && by_cpu && by_step) {
		for (i = 0; i < boot->n_interval; i++)
			by_cpu[i] = by_step[i] = &boot->interval[i];
		qsort(by_cpu, boot->n_interval, sizeof(*by_cpu), cmp_cpu);
		qsort(by_step, boot->n_interval, sizeof(*by_step), cmp_step);
		sum_control(&w);
		sum_cpus(&w);
		sum_latencies(&w);
		sum_phases(&w);
		find_outstanding(&w);
		sum_online(&w);
		sum_ops(&w);
		rc = sum_steps(&w);
		if (!rc)
			rc = sum_waits(&w);
		if (!rc)
			rc = sum_op_steps(&w);
	}
	if (rc) {
		bu_summary_fini(&s);
		return bu_fail_errno(err, rc, "summing up %s", boot->file);
	}
	*ret = s;
	return 0;
}

void bu_summary_fini(struct bu_summary *s)
{
	free(s->cpu);
	free(s->step);
	free(s->wait);
	free(s->op_step);
	*s = (struct bu_summary){ 0 };
}

const char *bu_cpu_evidence(const struct bu_boot *boot, const struct bu_boot_cpu *c, char *buf, size_t len)
{
	const struct {
		const char *what;
		int64_t at_ns;
	} marks[] = {
		{ "prepared", c->prepare_ns }, { "kicked", c->kick_ns }, { "first sign of life", c->first_sign_ns },
		{ "alive", c->alive_ns }, { "released", c->release_ns }, { "starting", c->starting_ns },
		{ "in the TSC check", c->tsc_ns }, { "idle", c->idle_ns }, { "hotplug thread running", c->thread_ns },
	};
	char at[BU_NS_STRLEN], until[BU_NS_STRLEN];
	const char *last = "no milestone";
	int64_t last_ns = BU_NS_UNKNOWN;
	size_t i, n = 0;

	for (i = 0; i < ARRAY_SIZE(marks); i++)
		if (known(marks[i].at_ns)) {
			last = marks[i].what;
			last_ns = marks[i].at_ns;
		}
	n += (size_t)snprintf(buf, len, "got as far as: %s at %s", last, bu_boot_dur(boot, last_ns, at));
	if (c->last_step && n < len)
		n += (size_t)snprintf(buf + n, len - n, "; last step %s", c->last_step);
	if (c->last_step && c->last_nr >= 0 && n < len)
		n += (size_t)snprintf(buf + n, len - n, " (%d)", c->last_nr);
	if (c->last_step && n < len)
		n += (size_t)snprintf(buf + n, len - n, " begun at %s", bu_boot_dur(boot, c->last_start_ns, at));
	if (c->last_step && (c->last_outcome == BU_OK) && n < len)
		n += (size_t)snprintf(buf + n, len - n, ", which ended");
	if (c->has_ret && n < len)
		snprintf(buf + n, len - n, ", returned %" PRId64 " (%s)", c->ret,
			 c->ret < 0 && c->ret > -4096 ? strerror((int)-c->ret) : "no error");
	else if (c->last_step && (c->last_outcome == BU_OPEN || c->last_outcome == BU_LOST) && n < len)
		snprintf(buf + n, len - n, "; its end is not in the %s, which goes on until %s",
			 boot->is_run ? "run" : "capture", bu_boot_dur(boot, boot->end_ns, until));
	return buf;
}
