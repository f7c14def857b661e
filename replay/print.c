// SPDX-License-Identifier: GPL-2.0-only
/* print.c - see print.h. */
#include "replay/print.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "schemas/base/mem.h"
#include "schemas/base/ns.h"

static int64_t phase_total(const struct bu_run *run, enum bu_phase phase)
{
	int64_t sum = 0;
	size_t i;

	for (i = 0; i < run->n_intervals; i++)
		if (run->intervals[i].phase == phase && run->intervals[i].end_ns != BU_NS_UNKNOWN)
			sum += run->intervals[i].end_ns - run->intervals[i].start_ns;
	return sum;
}

/* How far a part, summed over all CPUs, is only known within bounds. False: it is known. */
static bool bounds_of(const struct bu_hp_schedule *s, int part, struct bu_hp_part *ret)
{
	size_t i;

	*ret = (struct bu_hp_part){ 0, 0, 0 };
	for (i = 0; i < s->n_cpus; i++) {
		ret->ns += s->cpus[i].part[part].ns;
		ret->lo_ns += s->cpus[i].part[part].lo_ns;
		ret->hi_ns += s->cpus[i].part[part].hi_ns;
	}
	return ret->hi_ns > ret->lo_ns;
}

static void print_bounds(const struct bu_hp_schedule *s)
{
	char b[3][BU_NS_STRLEN];
	struct bu_hp_part p;
	int part, any = 0;

	for (part = 0; part < BU_HP_NR_WORK; part++) {
		if (!bounds_of(s, part, &p))
			continue;
		if (!any++)
			printf("\nNot seen in this capture, known within bounds only (summed over all CPUs; docs/methods.md):\n");
		printf("  %-24s between %s and %s, replayed as %s\n", bu_hp_part_names[part], bu_ns_str(p.lo_ns, b[0]),
		       bu_ns_str(p.hi_ns, b[1]), bu_ns_str(p.ns, b[2]));
	}
}

void bu_print_witness(const char *core, const char *text)
{
	enum { LINES = 40 };
	int n;

	printf("\nWitness of core %s:\n", core);
	for (n = 0; *text && n < LINES; n++) {
		size_t len = strcspn(text, "\n");

		printf("  %.*s\n", (int)len, text);
		text += len + (text[len] == '\n');
	}
	if (*text)
		printf("  ... (column witness of table run has the rest; -o FILE stores it)\n");
}

/* Durations of one direction's operations. @recorded: as they were recorded. */
struct op_times {
	size_t n, failed;
	int64_t p50_ns, p95_ns, max_ns;
};

static bool op_times(const struct bu_run *r, int down, bool recorded, struct op_times *ret)
{
	_cleanup_free_ int64_t *ns = calloc(r->n_ops + 1, sizeof(*ns));
	size_t i;

	*ret = (struct op_times){ 0 };
	for (i = 0; ns && i < r->n_ops; i++) {
		const struct bu_run_op *o = &r->ops[i];
		const int64_t start = recorded ? o->recorded_start_ns : o->start_ns, end = recorded ? o->recorded_end_ns : o->end_ns;

		if (o->down != down)
			continue;
		if (start != BU_NS_UNKNOWN && end != BU_NS_UNKNOWN && (recorded || o->verdict == BU_CPU_OK))
			ns[ret->n++] = end - start;
		else
			ret->failed++;
	}
	if (!ns || (!ret->n && !ret->failed))
		return false;
	qsort(ns, ret->n, sizeof(*ns), bu_ns_compare);
	ret->p50_ns = bu_ns_quantile(ns, ret->n, 50);
	ret->p95_ns = bu_ns_quantile(ns, ret->n, 95);
	ret->max_ns = bu_ns_quantile(ns, ret->n, 100);
	return true;
}

static const char *versus(int64_t ns, int64_t recorded_ns, char *buf, size_t len)
{
	if (ns == BU_NS_UNKNOWN || recorded_ns == BU_NS_UNKNOWN || !recorded_ns)
		snprintf(buf, len, "-");
	else
		snprintf(buf, len, "%+.2f %%", 100.0 * (double)(ns - recorded_ns) / (double)recorded_ns);
	return buf;
}

static void print_ops(const struct bu_run *const *runs, size_t n)
{
	char b[3][BU_NS_STRLEN], v[3][32];
	struct op_times t, rec;
	size_t i;
	int down;

	for (down = 1; down >= 0; down--) {
		bool any = false;

		for (i = 0; i < n; i++) {
			if (!op_times(runs[i], down, false, &t) || !op_times(runs[i], down, true, &rec))
				continue;
			if (!any)
				printf("\nCPUs %s: %zu recorded, p50 %s, p95 %s, max %s\n%-13s %5s %6s %11s %10s %11s %10s %11s %10s\n",
				       down ? "down" : "up", rec.n, bu_ns_str(rec.p50_ns, b[0]), bu_ns_str(rec.p95_ns, b[1]),
				       bu_ns_str(rec.max_ns, b[2]), "core", "ok", "failed", "p50", "+/-", "p95", "+/-", "max", "+/-");
			any = true;
			printf("%-13s %5zu %6zu %11s %10s %11s %10s %11s %10s\n", runs[i]->core, t.n, t.failed, bu_ns_str(t.p50_ns, b[0]),
			       versus(t.p50_ns, rec.p50_ns, v[0], sizeof(v[0])), bu_ns_str(t.p95_ns, b[1]),
			       versus(t.p95_ns, rec.p95_ns, v[1], sizeof(v[1])), bu_ns_str(t.max_ns, b[2]),
			       versus(t.max_ns, rec.max_ns, v[2], sizeof(v[2])));
		}
	}
}

static void print_watchdogs(const struct bu_run *r)
{
	char b[2][BU_NS_STRLEN];
	size_t i;

	for (i = 0; i < r->n_watchdogs; i++) {
		const struct bu_run_watchdog *w = &r->watchdogs[i];

		printf("%13s watchdog: %s at %s, since %s, on %u of them (%s)%s%s%s%s\n", "", w->name, bu_ns_str(w->at_ns, b[0]),
		       bu_ns_str(w->since_ns, b[1]), w->n, w->cpus, w->task ? ": " : "", w->task ? w->task : "",
		       *w->place ? " in " : "", w->place);
	}
}

void bu_print_runs(const struct bu_hp_schedule *s, const struct bu_run *const *runs, size_t n)
{
	const struct bu_run *any = runs[0];
	char b[8][BU_NS_STRLEN], more[32];
	const int n_phases = s->n_ops ? BU_NR_PHASES : BU_PHASE_DOWN;	/* those behind are of the way down */
	size_t i;
	int phase;

	if (s->n_ops)
		printf("%s, %d CPUs recorded, taken down and brought up at runtime: %zu operations, %s\n", s->kernel_release,
		       any->recorded_cpus, s->n_ops, bu_ns_str(s->bringup_ns, b[0]));
	else
		printf("%s, %d CPUs recorded (%s bring-up), %s from %s to the last CPU online\n", s->kernel_release,
		       any->recorded_cpus, s->algorithm, bu_ns_str(any->recorded_bringup_ns, b[0]), s->start_what);
	if (any->cpus != any->recorded_cpus)
		printf("replayed with %d CPUs%s, seed %" PRIu64 "\n", any->cpus,
		       any->sampled == BU_SAMPLED_NEW ? ", durations of the others drawn from the recording" : "", any->seed);
	if (any->sampled == BU_SAMPLED_ALL)
		printf("every duration drawn from the recording, seed %" PRIu64 "\n", any->seed);
	printf("\n%-13s %11s %9s %11s %11s %11s %11s %11s  %s\n", "core", s->n_ops ? "in all" : "bring-up", "recorded", "boot CPU", "boot CPU",
	       "CPU latency", "", "", "verdict");
	printf("%-13s %11s %9s %11s %11s %11s %11s %11s\n", "", "", "+/-", "busy", "waiting", "p50", "p99", "max");
	for (i = 0; i < n; i++) {
		const struct bu_run *r = runs[i];

		snprintf(more, sizeof(more), "-");
		if (r->bringup_ns != BU_NS_UNKNOWN && r->recorded_bringup_ns > 0 && r->cpus == r->recorded_cpus)
			snprintf(more, sizeof(more), "%+.2f %%",
				 100.0 * (double)(r->bringup_ns - r->recorded_bringup_ns) / (double)r->recorded_bringup_ns);
		printf("%-13s %11s %9s %11s %11s %11s %11s %11s  %s\n", r->core, bu_ns_str(r->bringup_ns, b[0]), more,
		       bu_ns_str(r->bp_busy_ns, b[1]), bu_ns_str(r->bp_wait_ns, b[2]),
		       bu_ns_str(r->ap_latency_p50_ns, b[3]), bu_ns_str(r->ap_latency_p99_ns, b[4]),
		       bu_ns_str(r->ap_latency_max_ns, b[5]), r->verdict);
		if (r->verdict_detail[0])
			printf("%13s %s\n", "", r->verdict_detail);
		print_watchdogs(r);
	}
	printf("\nTime by phase, summed over all CPUs:\n%-13s", "core");
	for (phase = 0; phase < n_phases; phase++)
		printf(" %10s", bu_phase_names[phase]);
	putchar('\n');
	for (i = 0; i < n; i++) {
		printf("%-13s", runs[i]->core);
		for (phase = 0; phase < n_phases; phase++)
			printf(" %10s", bu_ns_str(phase_total(runs[i], phase), b[0]));
		putchar('\n');
	}
	print_ops(runs, n);
	for (i = 0; i < n; i++)
		if (runs[i]->witness)
			bu_print_witness(runs[i]->core, runs[i]->witness);
	print_bounds(s);
}

static json_t *json_bounds(const struct bu_hp_schedule *s)
{
	json_t *o = json_object();
	struct bu_hp_part p;
	int part;

	for (part = 0; part < BU_HP_NR_WORK; part++)
		if (bounds_of(s, part, &p))
			json_object_set_new(o, bu_hp_part_names[part],
					    json_pack("{s:I, s:I, s:I}", "lo_ns", (json_int_t)p.lo_ns, "hi_ns",
						      (json_int_t)p.hi_ns, "used_ns", (json_int_t)p.ns));
	return o;
}

static json_t *json_ns(int64_t ns)
{
	return ns == BU_NS_UNKNOWN ? json_null() : json_integer(ns);
}

static json_t *json_ops(const struct bu_run *r, int down)
{
	struct op_times t, rec;

	if (!op_times(r, down, false, &t) || !op_times(r, down, true, &rec))
		return json_null();
	return json_pack("{s:I, s:I, s:o, s:o, s:o, s:o, s:o, s:o}", "ok", (json_int_t)t.n, "failed", (json_int_t)t.failed,
			 "p50_ns", json_ns(t.p50_ns), "p95_ns", json_ns(t.p95_ns), "max_ns", json_ns(t.max_ns),
			 "recorded_p50_ns", json_ns(rec.p50_ns), "recorded_p95_ns", json_ns(rec.p95_ns), "recorded_max_ns",
			 json_ns(rec.max_ns));
}

static json_t *json_watchdogs(const struct bu_run *r)
{
	json_t *list = json_array();
	size_t i;

	for (i = 0; i < r->n_watchdogs; i++) {
		const struct bu_run_watchdog *w = &r->watchdogs[i];

		json_array_append_new(list, json_pack("{s:s, s:I, s:I, s:s, s:i, s:s?, s:s}", "name", w->name, "since_ns",
						      (json_int_t)w->since_ns, "at_ns", (json_int_t)w->at_ns, "cpus", w->cpus, "n",
						      (int)w->n, "task", w->task, "place", w->place));
	}
	return list;
}

static json_t *json_run(const struct bu_run *r)
{
	json_t *o, *phases = json_object(), *params = json_loads(r->params, 0, NULL);
	char hash[17];
	int i;

	snprintf(hash, sizeof(hash), "%016" PRIx64, r->hash);
	for (i = 0; i < BU_NR_PHASES; i++)
		json_object_set_new(phases, bu_phase_names[i], json_integer(phase_total(r, i)));
	o = json_pack("{s:s, s:s, s:s, s:i, s:i, s:b, s:I, s:o, s:o, s:o, s:I, s:I, s:s, s:s, s:s, s:o, s:I}",
		      "family", r->family, "core", r->core, "core_source", r->core_source, "cpus", (int)r->cpus,
		      "recorded_cpus", (int)r->recorded_cpus, "sampled", r->sampled != BU_SAMPLED_NONE, "seed", (json_int_t)r->seed, "params",
		      params ? params : json_null(), "bringup_ns", json_ns(r->bringup_ns), "recorded_bringup_ns",
		      json_ns(r->recorded_bringup_ns), "control_busy_ns", (json_int_t)r->bp_busy_ns, "control_wait_ns",
		      (json_int_t)r->bp_wait_ns, "verdict", r->verdict, "verdict_detail", r->verdict_detail, "hash", hash,
		      "phases", phases, "events", (json_int_t)r->events);
	if (o)
		json_object_set_new(o, "operations", json_pack("{s:o, s:o}", "down", json_ops(r, 1), "up", json_ops(r, 0)));
	if (o)
		json_object_set_new(o, "watchdogs", json_watchdogs(r));
	if (o)
		json_object_set_new(o, "witness", r->witness ? json_string(r->witness) : json_null());
	if (o)
		json_object_set_new(o, "machine", json_loads(r->machine, 0, NULL));
	if (o)
		json_object_set_new(o, "recorded_machine", json_loads(r->recorded_machine, 0, NULL));
	if (o)
		json_object_set_new(o, "latency_ns",
				    json_pack("{s:o, s:o, s:o}", "p50", json_ns(r->ap_latency_p50_ns), "p99",
					      json_ns(r->ap_latency_p99_ns), "max", json_ns(r->ap_latency_max_ns)));
	return o;
}

int bu_print_runs_json(const struct bu_hp_schedule *s, const struct bu_run *const *runs, size_t n)
{
	json_t *list = json_array(), *root;
	size_t i;
	int rc;

	for (i = 0; i < n; i++)
		json_array_append_new(list, json_run(runs[i]));
	root = json_pack("{s:s, s:s, s:s, s:s, s:o, s:o}", "capture", s->capture_name, "capture_sha256", s->capture_sha256,
			 "kernel_release", s->kernel_release, "recorded_algorithm", s->algorithm, "runs", list, "bounds",
			 json_bounds(s));
	rc = root ? json_dumpf(root, stdout, JSON_INDENT(2)) : -1;
	putchar('\n');
	json_decref(root);
	return rc;
}

static int64_t runs_of(const struct bu_mc_result *r)
{
	int64_t n = 0;
	int v;

	for (v = 0; v < BU_MC_NR_VERDICTS; v++)
		n += r->verdicts[v];
	return n;
}

void bu_print_distribution(const char *core, const struct bu_mc_result *r)
{
	static const double quantiles[] = { 0.05, 0.5, 0.95 };
	char b[3][BU_NS_STRLEN];
	const int64_t runs = runs_of(r);
	double p, lo, hi;
	size_t i;
	int v;

	for (i = 0; i < ARRAY_SIZE(quantiles) && r->n; i++, core = "") {
		const struct bu_mc_quantile q = bu_mc_quantile(r, quantiles[i]);

		printf("%-10s  p%-3.0f %11s   between %s and %s\n", core, 100 * quantiles[i], bu_ns_str(q.ns, b[0]),
		       bu_ns_str(q.lo_ns, b[1]), bu_ns_str(q.hi_ns, b[2]));
	}
	for (v = 0; v < BU_MC_NR_VERDICTS; v++) {
		if (!r->verdicts[v])
			continue;
		bu_mc_probability(r->verdicts[v], runs, &p, &lo, &hi);
		printf("%-10s  verdict %s in %" PRId64 " runs: %.2f %%, between %.2f and %.2f %%; first in run %" PRId64 "\n",
		       core, bu_mc_verdict_names[v], r->verdicts[v], 100 * p, 100 * lo, 100 * hi, r->first[v]);
		core = "";
	}
}

json_t *bu_json_distribution(const struct bu_core_def *core, const struct bu_mc_result *r, uint64_t seed)
{
	static const struct { const char *name; double p; } quantiles[] = {
		{ "p5", 0.05 }, { "p25", 0.25 }, { "p50", 0.5 }, { "p75", 0.75 }, { "p95", 0.95 }, { "p99", 0.99 },
	};
	json_t *q = json_object(), *v = json_object();
	const int64_t runs = runs_of(r);
	double p, lo, hi;
	char hash[17];
	size_t i;

	for (i = 0; i < ARRAY_SIZE(quantiles); i++) {
		const struct bu_mc_quantile x = bu_mc_quantile(r, quantiles[i].p);

		json_object_set_new(q, quantiles[i].name, json_pack("{s:o, s:o, s:o}", "ns", json_ns(x.ns), "lo_ns",
								    json_ns(x.lo_ns), "hi_ns", json_ns(x.hi_ns)));
	}
	for (i = 0; i < BU_MC_NR_VERDICTS; i++) {
		bu_mc_probability(r->verdicts[i], runs, &p, &lo, &hi);
		json_object_set_new(v, bu_mc_verdict_names[i],
				    json_pack("{s:I, s:f, s:f, s:f, s:o}", "runs", (json_int_t)r->verdicts[i], "share", p, "lo",
					      lo, "hi", hi, "first", r->verdicts[i] ? json_integer(r->first[i]) : json_null()));
	}
	snprintf(hash, sizeof(hash), "%016" PRIx64, r->hash);
	return json_pack("{s:s, s:s, s:I, s:I, s:o, s:o, s:s}", "family", core->family, "core", core->name, "runs",
			 (json_int_t)runs, "seed", (json_int_t)seed, "bringup_ns", q, "verdicts", v, "hash", hash);
}

json_t *bu_json_many(const struct bu_core_def *core, const struct bu_mc_result *r, uint64_t seed, const char *share,
		     enum bu_mc_verdict v)
{
	json_t *o = bu_json_distribution(core, r, seed), *metrics = json_object();
	int64_t runs = 0;
	int i, most = 0;

	for (i = 0; i < BU_MC_NR_VERDICTS; i++) {
		runs += r->verdicts[i];
		most = r->verdicts[i] > r->verdicts[most] ? i : most;
	}
	json_object_set_new(metrics, share, json_pack("{s:s, s:f}", "unit", "share", "value", (double)r->verdicts[v] / (double)runs));
	json_object_set_new(o, "verdict", json_string(bu_mc_verdict_names[most]));
	json_object_set_new(o, "verdict_detail", json_string(""));
	json_object_set_new(o, "metrics", metrics);
	return o;
}
