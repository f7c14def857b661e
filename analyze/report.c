// SPDX-License-Identifier: GPL-2.0-only
/*
 * report.c - the text of `bringup report` (report.h). Each table is followed by a line saying what its
 * numbers mean, so that a report pasted into a mail can be read without the manual.
 */
#include "analyze/report.h"

#include <inttypes.h>
#include <string.h>

#include "analyze/hang_report.h"
#include "analyze/spaces.h"

struct out {
	FILE *to;
	const struct bu_boot *boot;
	const struct bu_summary *sum;
	size_t top;
};

static bool known(int64_t ns)
{
	return ns != BU_NS_UNKNOWN;
}

static size_t min_of(size_t a, size_t b)
{
	return a < b ? a : b;
}

/* One right-aligned duration. */
static void dur(struct out *o, int64_t ns)
{
	char buf[BU_NS_STRLEN];

	fprintf(o->to, " %10s", known(ns) ? bu_boot_dur(o->boot, ns, buf) : "-");
}

static void cpu_col(struct out *o, int cpu)
{
	if (cpu < 0)
		fprintf(o->to, " %5s", "-");
	else
		fprintf(o->to, " %5d", cpu);
}

static void stat_cols(struct out *o, const struct bu_stat *s)
{
	dur(o, s->p50_ns);
	dur(o, s->p99_ns);
	dur(o, s->max_ns);
	cpu_col(o, s->max_cpu);
}

static const char *or_unknown(const char *text)
{
	return text && *text ? text : "unknown";
}

/* ---- head ----------------------------------------------------------------------------------------------- */

static void head_run(struct out *o)
{
	const struct bu_boot *b = o->boot;
	char buf[BU_NS_STRLEN], rec[BU_NS_STRLEN];
	int64_t diff;

	fprintf(o->to, "Run %" PRId64 ": core %s (%s)", b->run, b->core, b->core_source);
	if (known(b->cpus_total))
		fprintf(o->to, " with %" PRId64 " CPUs", b->cpus_total);
	fprintf(o->to, ", replaying %s\n", b->trace_name);
	if (!strcmp(b->family, "hotplug"))
		fprintf(o->to, "  recorded      Linux %s, %s bring-up of %" PRId64 " CPUs\n", or_unknown(b->kernel_release),
			b->algorithm, b->recorded_cpus);
	if (b->sampled)
		fprintf(o->to, "  durations     drawn from the recorded distributions, seed %" PRId64 "\n", b->seed);
	fprintf(o->to, "  verdict       %s%s%s\n", b->verdict, *b->verdict_detail ? ": " : "", b->verdict_detail);
	if (strcmp(b->family, "hotplug")) {
		fprintf(o->to, "  decisions     hash %s\n", b->hash);
		return;
	}
	fprintf(o->to, "  bring-up      %s", bu_ns_str(b->bringup_ns, buf));
	if (known(b->bringup_ns) && known(b->recorded_bringup_ns)) {
		diff = b->bringup_ns - b->recorded_bringup_ns;
		fprintf(o->to, "; recorded %s", bu_ns_str(b->recorded_bringup_ns, rec));
		fprintf(o->to, ", %s%s", diff < 0 ? "" : "+", bu_ns_str(diff, rec));
		if (b->recorded_bringup_ns > 0)
			fprintf(o->to, " (%+.2f %%)", 100.0 * (double)diff / (double)b->recorded_bringup_ns);
		if (b->cpus_total != b->recorded_cpus)
			fprintf(o->to, ", with another number of CPUs");
	}
	fprintf(o->to, "\n  decisions     hash %s\n", b->hash);
}

static void head_capture(struct out *o)
{
	const struct bu_boot *b = o->boot;
	char buf[BU_NS_STRLEN];

	fprintf(o->to, "Capture %s: Linux %s", or_unknown(b->trace_name), or_unknown(b->kernel_release));
	if (known(b->cpus_total))
		fprintf(o->to, ", %" PRId64 " CPUs online", b->cpus_total);
	if (b->machine && *b->machine)
		fprintf(o->to, ", %s", b->machine);
	fprintf(o->to, "\n");
	if (b->runtime) {
		fprintf(o->to, "  what          no boot: single CPUs were taken down and brought up while the system ran\n");
	} else {
		fprintf(o->to, "  algorithm     %s\n", b->algorithm);
		fprintf(o->to, "  bring-up      %s", bu_boot_dur(b, b->bringup_ns, buf));
		fprintf(o->to, ", from %s to the last CPU online\n",
			!strcmp(b->start_what, "smp_init") ? "the entry of smp_init" :
							     "the first step (smp_init was not traced)");
	}
	fprintf(o->to, "  clock         %s", or_unknown(b->trace_clock));
	if (b->ticks)
		fprintf(o->to, "; its rate is not known, so every time below is in its ticks");
	fprintf(o->to, "\n");
	bu_clock_text(o->to, b);
	bu_rendezvous_head(o->to, b);
	fprintf(o->to, "  events        %" PRId64, b->events_total);
	if (b->complete)
		fprintf(o->to, ", none lost\n");
	else
		fprintf(o->to, "; THE CAPTURE IS INCOMPLETE, see Losses\n");
}

static void head_cpus(struct out *o)
{
	const struct bu_boot *b = o->boot;
	const struct bu_summary *s = o->sum;
	char first[BU_NS_STRLEN], last[BU_NS_STRLEN], span[BU_NS_STRLEN];

	if (b->runtime)
		return;
	fprintf(o->to, "  CPUs          %" PRId64 " of %" PRId64 " came up: %s\n", b->cpus_ok, b->cpus,
		s->outcome == BU_OK	? "ok" :
		s->outcome == BU_FAILED ? "FAILED, see CPUs that did not come up" :
					  "OPEN, see CPUs that did not come up");
	if (s->first_online_cpu >= 0) {
		bu_boot_dur(b, s->first_online_ns, first);
		bu_boot_dur(b, s->last_online_ns, last);
		bu_boot_dur(b, s->last_online_ns - s->first_online_ns, span);
		fprintf(o->to, "  first online  CPU %d at %s; last: CPU %d at %s, %s later\n", s->first_online_cpu,
			first, s->last_online_cpu, last, span);
	}
}

/* ---- phases ----------------------------------------------------------------------------------------------- */

static void phase_row(struct out *o, enum bu_phase p)
{
	const struct bu_phase_sum *s = &o->sum->phase[p];

	if (!s->count)
		return;
	fprintf(o->to, "  %-10s %7zu", bu_phase_name(p), s->count);
	dur(o, s->total_ns);
	fprintf(o->to, " %6.1f%%", 100 * s->share);
	stat_cols(o, &s->per_cpu);
	if (s->unfinished)
		fprintf(o->to, "  %zu without end", s->unfinished);
	fprintf(o->to, "\n");
}

static void phase_title(struct out *o)
{
	fprintf(o->to, "  %-10s %7s %10s %7s %10s %10s %10s %5s\n", "phase", "count", "total", "share", "p50", "p99",
		"max", "CPU");
}

static void print_phases(struct out *o)
{
	static const enum bu_phase control[] = { BU_PHASE_PREPARE, BU_PHASE_KICK, BU_PHASE_PARTNER, BU_PHASE_OVERHEAD,
						 BU_PHASE_DEAD, BU_PHASE_WAIT };
	static const enum bu_phase others[] = { BU_PHASE_DARK, BU_PHASE_PARKED, BU_PHASE_STARTING, BU_PHASE_TSC,
						BU_PHASE_ONLINE, BU_PHASE_DOWN, BU_PHASE_STOP, BU_PHASE_DYING };
	const struct bu_summary *s = o->sum;
	double span = s->control_span_ns > 0 ? (double)s->control_span_ns : 1;
	char busy[BU_NS_STRLEN], wait[BU_NS_STRLEN], other[BU_NS_STRLEN];
	size_t i;

	fprintf(o->to, "\nControl CPU %d\n", o->boot->control_cpu);
	phase_title(o);
	for (i = 0; i < ARRAY_SIZE(control); i++)
		phase_row(o, control[i]);
	bu_boot_dur(o->boot, s->control_busy_ns, busy);
	bu_boot_dur(o->boot, s->control_wait_ns, wait);
	bu_boot_dur(o->boot, s->control_other_ns, other);
	fprintf(o->to, "  busy %s (%.1f %%), waiting for other CPUs %s (%.1f %%), between steps %s (%.1f %%)\n", busy,
		100 * (double)s->control_busy_ns / span, wait, 100 * (double)s->control_wait_ns / span, other,
		100 * (double)s->control_other_ns / span);
	fprintf(o->to, "  (One CPU's time: busy, waiting and between steps add up to the %s. Share is of that;\n"
		       "  p50, p99 and max are of what it spent for one CPU.%s)\n",
		known(o->boot->bringup_ns) ? "bring-up time" : "time seen, as the bring-up has no end",
		o->boot->is_run ? " partner: its side of the TSC check; overhead: between\n"
				  "  the steps; waiting of the run is measured by its engine, and also in wait points." : "");
	if (o->boot->no_control_split)
		fprintf(o->to, "  (No function of the kick was traced: where wait holds the whole bringup_cpu step, kick and\n"
			       "  everything the CPU does are in it.)\n");

	fprintf(o->to, "\nThe CPUs brought up%s\n", o->boot->runtime ? " and taken down" : "");
	phase_title(o);
	for (i = 0; i < ARRAY_SIZE(others); i++)
		phase_row(o, others[i]);
	fprintf(o->to, "  (Time of many CPUs, partly at once and while the control CPU waits: share is of the sum of these\n"
		       "  rows, not of the bring-up. dark: kicked, nothing heard yet; parked: alive, waiting to be let go;\n"
		       "  starting: let go, until its idle loop, without tsc: the TSC check; online: steps on its own thread%s.)\n",
		o->boot->runtime ? ";\n  down: such steps on the way down; stop: until all CPUs have met; dying: from there to its idle loop" : "");
}

/* ---- tables ------------------------------------------------------------------------------------------------- */

static void print_steps(struct out *o)
{
	const struct bu_summary *s = o->sum;
	size_t n = min_of(o->top, s->n_step), i;

	if (!s->n_step)
		return;
	fprintf(o->to, "\nSteps that took most, %zu of %zu\n", n, s->n_step);
	fprintf(o->to, "  %-32s %-8s %4s %6s %10s %10s %10s %10s %5s\n", "step", "phase", "nr", "count", "total", "p50",
		"p99", "max", "CPU");
	for (i = 0; i < n; i++) {
		const struct bu_step_name *name = &o->boot->step[s->step[i].step];

		fprintf(o->to, "  %-32s %-8s", name->name, bu_phase_name(name->phase));
		if (name->nr >= 0)
			fprintf(o->to, " %4d", name->nr);
		else
			fprintf(o->to, " %4s", "-");
		fprintf(o->to, " %6zu", s->step[i].stat.n);
		dur(o, s->step[i].stat.total_ns);
		stat_cols(o, &s->step[i].stat);
		if (s->step[i].unfinished)
			fprintf(o->to, "  %zu without end", s->step[i].unfinished);
		fprintf(o->to, "\n");
	}
	fprintf(o->to, "  (Work only: waiting and parked time are left out, and so are the steps that contain others.\n"
		       "  CPU is the one that the longest execution was for.)\n");
}

struct ranked {
	int64_t ns;
	size_t at;
};

static int by_rank(const void *pa, const void *pb)
{
	const struct ranked *a = pa, *b = pb;

	if (a->ns != b->ns)
		return a->ns > b->ns ? -1 : 1;
	return (a->at > b->at) - (a->at < b->at);
}

static void slow_table(struct out *o, bool active)
{
	const struct bu_boot *b = o->boot;
	_cleanup_free_ struct ranked *r = calloc(b->n_cpu + 1, sizeof(*r));
	size_t n = 0, i;
	char over[BU_NS_STRLEN], med[BU_NS_STRLEN];

	for (i = 0; r && i < b->n_cpu; i++) {
		int64_t ns = active ? o->sum->cpu[i].active_ns : o->sum->cpu[i].latency_ns;

		if (known(ns))
			r[n++] = (struct ranked){ ns, i };
	}
	if (!n)
		return;
	qsort(r, n, sizeof(*r), by_rank);
	fprintf(o->to, "\n%s\n", active ? "CPUs that took most work" : "CPUs that took longest, prepare to online");
	fprintf(o->to, "  %5s %10s %10s %10s %10s  %s\n", "CPU", "took", "active", "queued", "online at",
		"what stands out");
	for (i = 0; i < min_of(o->top, n); i++) {
		const struct bu_cpu_sum *c = &o->sum->cpu[r[i].at];
		enum bu_phase worst;

		fprintf(o->to, "  %5d", b->cpu[r[i].at].cpu);
		dur(o, c->latency_ns);
		dur(o, c->active_ns);
		dur(o, c->queued_ns);
		dur(o, b->cpu[r[i].at].online_ns);
		worst = active ? c->worst_work : c->worst;
		if (active ? c->work_stands_out : c->stands_out)
			fprintf(o->to, "  %s %s (median %s)", bu_phase_name(worst), bu_boot_dur(b, c->phase_ns[worst], over),
				bu_boot_dur(b, o->sum->phase[worst].median_ns, med));
		else
			fprintf(o->to, "  nothing above the median");
		fprintf(o->to, "\n");
	}
}

static void print_slow(struct out *o)
{
	const struct bu_summary *s = o->sum;
	char a[BU_NS_STRLEN], q[BU_NS_STRLEN];

	slow_table(o, false);
	if (!s->latency.n)
		return;
	/* Where CPUs queue, the longest way is only the last place in the queue; who needed work is another list. */
	if (s->queued.total_ns * 10 > s->latency.total_ns)
		slow_table(o, true);
	bu_boot_dur(o->boot, s->active.total_ns, a);
	bu_boot_dur(o->boot, s->queued.total_ns, q);
	fprintf(o->to, "  all %zu: took p50 %s", s->latency.n, bu_boot_dur(o->boot, s->latency.p50_ns, a));
	fprintf(o->to, ", p99 %s", bu_boot_dur(o->boot, s->latency.p99_ns, a));
	fprintf(o->to, ", max %s", bu_boot_dur(o->boot, s->latency.max_ns, a));
	bu_boot_dur(o->boot, s->active.total_ns, a);
	fprintf(o->to, "; active %s and queued %s in sum\n", a, q);
	fprintf(o->to, "  (took = active + queued. active: somebody works on bringing it up, or waits for it alone; queued: it is\n"
		       "  prepared or parked and others have their turn.)\n");
}

static void print_not_up(struct out *o)
{
	const struct bu_boot *b = o->boot;
	size_t shown = 0, all = 0, i;
	char buf[512];

	for (i = 0; i < b->n_cpu; i++)
		all += b->cpu[i].outcome != BU_OK;
	if (!all)
		return;
	fprintf(o->to, "\nCPUs that did not come up\n");
	for (i = 0; i < b->n_cpu && shown < o->top; i++) {
		if (b->cpu[i].outcome == BU_OK)
			continue;
		fprintf(o->to, "  CPU %d %s: %s\n", b->cpu[i].cpu, bu_outcome_name(b->cpu[i].outcome),
			bu_cpu_evidence(b, &b->cpu[i], buf, sizeof(buf)));
		shown++;
	}
	if (all > shown)
		fprintf(o->to, "  and %zu more (--top)\n", all - shown);
	fprintf(o->to, "  (failed: a step returned an error or it was rolled back; open: its end was not seen.)\n");
}

static void print_waits(struct out *o)
{
	const struct bu_summary *s = o->sum;
	size_t n = min_of(o->top, s->n_wait), i;

	if (!s->n_wait)
		return;
	fprintf(o->to, "\nWaiting by wait point, %zu of %zu\n", n, s->n_wait);
	fprintf(o->to, "  %-36s %7s %10s %10s %10s %10s %5s\n", "wait point", "count", "total", "p50", "p99", "max", "CPU");
	for (i = 0; i < n; i++) {
		const struct bu_wait_sum *v = &s->wait[i];

		fprintf(o->to, "  %-36s %7zu", v->point, v->stat.n);
		dur(o, v->stat.total_ns);
		stat_cols(o, &v->stat);
		if (v->timeout)
			fprintf(o->to, "  %zu timed out", v->timeout);
		if (v->never)
			fprintf(o->to, "  %zu NEVER SATISFIED", v->never);
		fprintf(o->to, "\n");
	}
	fprintf(o->to, "  (Of all tasks, partly at once; the wait points are explained in docs/methods.md.)\n");
}

/* The figure @name of the whole run; -1: it has none. */
static double figure(const struct bu_boot *b, const char *name)
{
	size_t i;

	for (i = 0; i < b->n_figure; i++)
		if (b->figure[i].cpu < 0 && !strcmp(b->figure[i].name, name))
			return b->figure[i].value;
	return -1;
}

/* Of a clocksource run: what ticks ask of the clock, and what came of that. */
static void print_arithmetic(struct out *o)
{
	const struct bu_boot *b = o->boot;
	const double offered = figure(b, "utilisation_offered"), begins = figure(b, "saturation_cpus");
	char tick[BU_NS_STRLEN], read[BU_NS_STRLEN];

	if (offered < 0 || figure(b, "model_tick") < 0)	/* of a recording ticks and reads are as they were */
		return;
	fprintf(o->to, "\nThe arithmetic: %" PRId64 " CPUs x %.3g reads per tick x %.4g ticks per second x %s a read = %.2f of what the\n"
		"clock can answer", known(b->cpus_total) ? b->cpus_total : 0, figure(b, "model_reads_per_tick"), 1e9 / figure(b, "model_tick"),
		bu_ns_str((int64_t)figure(b, "model_read"), read), offered);
	if (begins > 0)
		fprintf(o->to, "; it is all that it can at %.0f CPUs, at %.0f where each tick repeats a read", begins,
			figure(b, "saturation_cpus_with_retry"));
	fprintf(o->to, ".\nThe simulation: it served %.2f of the time; of the ticks that were due %.1f %% came, the longest %s late, a tick\n"
		"being %s; %.3f %% of the reads were retries.\n", figure(b, "utilisation"), 100 * figure(b, "tick_share"),
		bu_ns_str((int64_t)figure(b, "holdoff_max_all"), read), bu_ns_str((int64_t)figure(b, "model_tick"), tick),
		100 * figure(b, "retry_share"));
}

/* What its family measured of a run. */
static void print_figures(struct out *o)
{
	const struct bu_boot *b = o->boot;
	char buf[BU_NS_STRLEN];
	size_t i;

	if (!b->n_figure)
		return;
	fprintf(o->to, "\nFigures of the run (docs/methods.md, %s)\n", b->family);
	for (i = 0; i < b->n_figure; i++) {
		const struct bu_figure *f = &b->figure[i];

		if (f->cpu >= 0)
			continue;
		if (!strcmp(f->unit, "ns"))
			fprintf(o->to, "  %-56s %s\n", f->name, bu_ns_str((int64_t)f->value, buf));
		else
			fprintf(o->to, "  %-56s %.6g %s\n", f->name, f->value, f->unit);
	}
}

static void print_ops(struct out *o)
{
	const struct bu_summary *s = o->sum;
	size_t n = min_of(o->top, s->n_op_step), i;
	int d;

	if (!o->boot->n_op)
		return;
	fprintf(o->to, "\nHotplug operations%s\n", o->boot->runtime ? "" : " besides the bring-up");
	fprintf(o->to, "  %-10s %6s %6s %6s %6s %10s %10s %10s %5s\n", "direction", "count", "ok", "failed", "open",
		"p50", "p99", "max", "CPU");
	for (d = 0; d < BU_DIRECTION_N; d++) {
		const struct bu_op_sum *p = &s->op[d];

		if (!p->n)
			continue;
		fprintf(o->to, "  %-10s %6zu %6zu %6zu %6zu", bu_direction_name((enum bu_direction)d), p->n, p->ok,
			p->failed, p->open);
		stat_cols(o, &p->stat);
		fprintf(o->to, "\n");
	}
	fprintf(o->to, "  (From the first to the last step of each; durations are of those that ended well. rollback: a failed\n"
		       "  operation being undone.)\n");
	if (!n)
		return;
	fprintf(o->to, "\nTheir steps that took most, %zu of %zu\n", n, s->n_op_step);
	fprintf(o->to, "  %-32s %-8s %4s %6s %10s %10s %10s %10s %5s\n", "step", "way", "nr", "count", "total", "p50",
		"p99", "max", "CPU");
	for (i = 0; i < n; i++) {
		const struct bu_op_step_sum *t = &s->op_step[i];

		fprintf(o->to, "  %-32s %-8s %4d %6zu", t->name, bu_direction_name(t->direction), t->nr, t->stat.n);
		dur(o, t->stat.total_ns);
		stat_cols(o, &t->stat);
		fprintf(o->to, "\n");
	}
	fprintf(o->to, "  (A step's own time: what ran inside it as a step of the same operation counts there.)\n");
}

static void print_losses(struct out *o)
{
	const struct bu_boot *b = o->boot;
	size_t n = min_of(o->top, b->n_loss), i;
	char from[BU_NS_STRLEN], to[BU_NS_STRLEN];

	if (b->is_run || (b->complete && !b->n_loss && !b->n_note))
		return;
	fprintf(o->to, "\nLosses\n  %" PRId64 " events are known to be missing", b->lost_total);
	if (b->lost_unknown)
		fprintf(o->to, ", and %" PRId64 " holes are of unknown size", b->lost_unknown);
	fprintf(o->to, "; the capture is %s.\n", b->complete ? "complete" : "INCOMPLETE");
	for (i = 0; i < n; i++) {
		const struct bu_loss *l = &b->loss[i];

		if (l->cpu < 0)		/* the source does not say */
			fprintf(o->to, "  some CPU, buffer %s: %s ", l->buffer, l->kind);
		else
			fprintf(o->to, "  CPU %d, buffer %s: %s ", l->cpu, l->buffer, l->kind);
		if (known(l->count))
			fprintf(o->to, "%" PRId64 " events", l->count);
		else
			fprintf(o->to, "an unknown number of events");
		fprintf(o->to, ", between %s and %s\n",
			known(l->after_ns) ? bu_boot_dur(b, l->after_ns, from) : "the beginning",
			known(l->before_ns) ? bu_boot_dur(b, l->before_ns, to) : "the end");
	}
	if (b->n_loss > n)
		fprintf(o->to, "  and %zu more (--top)\n", b->n_loss - n);
	for (i = 0; i < min_of(o->top, b->n_note); i++)
		fprintf(o->to, "  %s (%s): %s%s\n", b->note[i].severity, b->note[i].topic, b->note[i].detail,
			b->note[i].count > 1 ? " (repeatedly)" : "");
}

static void print_one(struct out *o)
{
	/* Runs of the other families bring no CPU up. */
	const bool bringup = !o->boot->is_run || !strcmp(o->boot->family, "hotplug");

	if (o->boot->is_run)
		head_run(o);
	else
		head_capture(o);
	if (!bringup)
		print_arithmetic(o);
	else
		head_cpus(o);
	if (bringup && (!o->boot->runtime || o->boot->is_run)) {
		print_phases(o);
		print_steps(o);
	}
	if (bringup && !o->boot->runtime)
		print_slow(o);
	if (bringup)
		print_not_up(o);
	print_waits(o);
	print_figures(o);
	print_ops(o);
	if (o->boot->spaces)
		bu_spaces_text(o->to, o->boot->spaces);
	bu_rendezvous_text(o->to, o->boot, o->top);
	bu_tax_text(o->to, o->boot);
	print_losses(o);
	bu_hang_text(o->to, o->boot->hang, o->top);
}

static void compare(FILE *to, const struct bu_boot *boots, const struct bu_summary *sums, size_t n)
{
	struct out o = { .to = to };
	size_t i;

	fprintf(to, "\nComparison\n  %4s %-12s %6s %10s %10s %9s %10s %10s %10s %10s  %s\n", "run", "core", "CPUs",
		"bring-up", "recorded", "change", "busy", "waiting", "took p50", "took max", "verdict");
	for (i = 0; i < n; i++) {
		const struct bu_boot *b = &boots[i];

		o.boot = b;
		fprintf(to, "  %4" PRId64 " %-12s %6" PRId64, b->run, b->core, known(b->cpus_total) ? b->cpus_total : 0);
		dur(&o, b->bringup_ns);
		dur(&o, b->recorded_bringup_ns);
		if (known(b->bringup_ns) && known(b->recorded_bringup_ns) && b->recorded_bringup_ns > 0)
			fprintf(to, " %+8.1f%%", 100.0 * (double)(b->bringup_ns - b->recorded_bringup_ns) /
							 (double)b->recorded_bringup_ns);
		else
			fprintf(to, " %9s", "-");
		dur(&o, sums[i].control_busy_ns);
		dur(&o, sums[i].control_wait_ns);
		dur(&o, sums[i].latency.p50_ns);
		dur(&o, sums[i].latency.max_ns);
		fprintf(to, "  %s\n", b->verdict);
	}
	fprintf(to, "  (busy and waiting: of the control CPU. took: one CPU from prepare to online.)\n");
}

void bu_report_text(FILE *to, const struct bu_boot *boots, const struct bu_summary *sums, size_t n, size_t top)
{
	size_t i;

	for (i = 0; i < n; i++) {
		struct out o = { to, &boots[i], &sums[i], top };

		if (i)
			fprintf(to, "\n");
		print_one(&o);
	}
	if (n > 1)
		compare(to, boots, sums, n);
}
