// SPDX-License-Identifier: GPL-2.0-only
/* print_text.c - what `bringup replay --text` says; see print_text.h. */
#include "replay/print_text.h"

#include <inttypes.h>
#include <math.h>
#include <stdio.h>

#include "replay/print.h"
#include "schemas/base/ns.h"

enum { NAMED = 40 };	/* sites at risk that are printed */

static const struct bu_text_patch *boot_of(const struct bu_text_schedule *s)
{
	return s->n_batches && s->batches[0].at.boot ? &s->batches[0] : NULL;
}

static int64_t cost_of(const struct bu_text_schedule *s, const struct bu_text_batch *b)
{
	int64_t sum = 0;
	int i;

	for (i = b->first; b && i < b->first + b->n; i++)
		sum = bu_ns_add(sum, s->cost_ns[i]);
	return sum;
}

static bool tearable(const struct bu_text_schedule *s, const struct bu_text_risk *k)
{
	const struct bu_text_patch *boot = boot_of(s);
	const char *phase = k->phase ? k->phase : boot ? boot->name : "";
	const struct bu_text_site site = bu_text_kind(phase, k->len ? k->len : boot && !k->phase ? s->sites[boot->at.first].len : 0);

	return bu_text_tearable(&site);
}

double bu_text_crash_probability(const struct bu_text_schedule *s, int64_t half_ns)
{
	const struct bu_text_patch *boot = boot_of(s);
	const int64_t window = boot ? cost_of(s, &boot->at) : 0;
	double p = 0, ticks;
	int i;

	if (!window || !s->tick_period_ns)
		return 0;
	for (i = 0; i < s->n_risks; i++)
		p += tearable(s, &s->risks[i]) ? (double)half_ns / (double)window : 0;
	ticks = (double)window / (double)s->tick_period_ns;
	/* With less than one tick on average there is one with that probability, or none. */
	return ticks < 1 ? ticks * fmin(p, 1) : 1 - pow(1 - fmin(p, 1), ticks);
}

static void print_boot(const struct bu_text_schedule *s, const struct bu_text_patch *b)
{
	const int64_t window = cost_of(s, &b->at);
	char t[3][BU_NS_STRLEN];
	int i;

	printf("\n%s: %d sites in %s, of these %s patching; ", b->name, b->at.n, bu_ns_str(b->ns, t[0]), bu_ns_str(window, t[1]));
	if (s->tick_period_ns)
		printf("%d timer interrupts came in it (%.0f Hz)", b->ticks, 1e9 / (double)s->tick_period_ns);
	else
		printf("the timer does not tick");
	printf("; %s before it calibrate_delay() %s\n", bu_ns_str(s->lead_in_ns, t[2]),
	       s->lpj_known ? "had nothing to measure" : "waited for the timer");
	for (i = b->first_phase; i < b->first_phase + b->n_phases; i++)
		printf("  %-28s %7d sites %11s %5d ticks\n", s->phases[i].name, s->phases[i].n, bu_ns_str(s->phases[i].ns, t[0]),
		       s->phases[i].ticks);
}

static void print_live(const struct bu_text_schedule *s)
{
	const int first = boot_of(s) ? 1 : 0;
	int64_t ns = 0;
	int i, sites = 0, ipis = 0;
	char t[3][BU_NS_STRLEN];

	for (i = first; i < s->n_batches; i++) {
		ns += s->batches[i].ns;
		sites += s->batches[i].at.n;
		ipis += s->batches[i].ipis;
	}
	if (s->n_batches == first)
		return;
	printf("Later: %d batches under a breakpoint, %d sites, %s in all; %d IPIs to serialise, each after %s\n", s->n_batches - first,
	       sites, bu_ns_str(ns, t[0]), ipis, bu_ns_str(s->ipi_ns, t[1]));
}

static void print_risks(const struct bu_text_schedule *s)
{
	int i, torn = 0;

	for (i = 0; i < s->n_risks; i++)
		torn += tearable(s, &s->risks[i]);
	if (!s->n_risks)
		return;
	printf("\nAt risk, since a timer interrupt in the window executes them: %d sites, of these %d that can be met half-patched\n",
	       s->n_risks, torn);
	for (i = 0; i < s->n_risks && i < NAMED && s->risks[i].phase; i++)
		printf("  %-36s %-20s %s\n", s->risks[i].function, s->risks[i].phase,
		       tearable(s, &s->risks[i]) ? "half of it is another instruction" : "whole after one store");
	if (s->n_risks > NAMED && s->risks[0].phase)
		printf("  ... and %d more (--json has all)\n", s->n_risks - NAMED);
}

void bu_print_text_schedule(const struct bu_text_schedule *s, int64_t half_ns)
{
	const struct bu_text_patch *boot = boot_of(s);
	char t[3][BU_NS_STRLEN];
	int64_t window;

	printf("%s, %d CPUs\n", s->kernel_release, s->cpus);
	if (boot)
		print_boot(s, boot);
	print_live(s);
	print_risks(s);
	if (!boot || !s->tick_period_ns)
		return;
	window = cost_of(s, &boot->at);
	printf("\nThe arithmetic: a window of %s is %.3g ticks of %s; with interrupts on all the time and %s from the first byte of a\n"
	       "site to its last, %.3g %% of boots die.\n", bu_ns_str(window, t[0]), (double)window / (double)s->tick_period_ns,
	       bu_ns_str(s->tick_period_ns, t[1]), bu_ns_str(half_ns, t[2]), 100 * bu_text_crash_probability(s, half_ns));
}

void bu_print_text_runs(const struct bu_run *const *runs, const struct bu_text_outcome *out, size_t n)
{
	char t[2][BU_NS_STRLEN];
	size_t i;

	printf("\n%-14s %11s %11s %7s %7s %9s %9s  %s\n", "core", "window", "patching", "ticks", "missed", "executed", "emulated",
	       "verdict");
	for (i = 0; i < n; i++) {
		printf("%-14s %11s %11s %7" PRIu64 " %7" PRId64 " %9" PRIu64 " %9" PRIu64 "  %s\n", runs[i]->core,
		       out[i].window_ns ? bu_ns_str(out[i].window_ns, t[0]) : "-", bu_ns_str(out[i].patching_ns, t[1]), out[i].ticks,
		       out[i].missed, out[i].executed, out[i].emulated, runs[i]->verdict);
		if (runs[i]->verdict_detail[0])
			printf("%14s %s\n", "", runs[i]->verdict_detail);
	}
	for (i = 0; i < n; i++)
		if (runs[i]->witness)
			bu_print_witness(runs[i]->core, runs[i]->witness);
}

json_t *bu_json_text_schedule(const struct bu_text_schedule *s, int64_t half_ns)
{
	const struct bu_text_patch *boot = boot_of(s);
	json_t *phases = json_array(), *risks = json_array();
	int i;

	for (i = boot ? boot->first_phase : 0; boot && i < boot->first_phase + boot->n_phases; i++)
		json_array_append_new(phases, json_pack("{s:s, s:i, s:I, s:i}", "name", s->phases[i].name, "sites", s->phases[i].n,
							"ns", (json_int_t)s->phases[i].ns, "ticks", s->phases[i].ticks));
	for (i = 0; i < s->n_risks; i++)
		json_array_append_new(risks, json_pack("{s:s, s:s?, s:b}", "site", s->risks[i].function, "phase", s->risks[i].phase,
						       "tearable", tearable(s, &s->risks[i])));
	return json_pack("{s:i, s:I, s:I, s:i, s:I, s:I, s:b, s:I, s:i, s:o, s:o, s:f}", "sites", boot ? boot->at.n : 0, "window_ns",
			 (json_int_t)(boot ? boot->ns : 0), "patching_ns", (json_int_t)(boot ? cost_of(s, &boot->at) : 0), "ticks",
			 boot ? boot->ticks : 0, "tick_period_ns", (json_int_t)s->tick_period_ns, "lead_in_ns",
			 (json_int_t)s->lead_in_ns, "lpj_known", s->lpj_known, "ipi_ns", (json_int_t)s->ipi_ns, "batches",
			 s->n_batches - (boot ? 1 : 0), "phases", phases, "at_risk", risks, "expected_crash_probability",
			 bu_text_crash_probability(s, half_ns));
}

static json_t *json_metrics(const struct bu_run *r)
{
	json_t *metrics = json_object();
	size_t i;

	for (i = 0; i < r->n_metrics; i++)
		json_object_set_new(metrics, r->names[r->metrics[i].name],
				    json_pack("{s:s, s:f}", "unit", r->metrics[i].unit, "value", r->metrics[i].value));
	return metrics;
}

json_t *bu_json_text_run(const struct bu_run *r)
{
	json_t *params = json_loads(r->params, 0, NULL);
	char hash[17];

	snprintf(hash, sizeof(hash), "%016" PRIx64, r->hash);
	return json_pack("{s:s, s:s, s:s, s:i, s:I, s:o, s:s, s:s, s:s?, s:s, s:I, s:o}", "family", r->family, "core", r->core,
			 "core_source", r->core_source, "cpus", (int)r->cpus, "seed", (json_int_t)r->seed, "params",
			 params ? params : json_null(), "verdict", r->verdict, "verdict_detail", r->verdict_detail, "witness", r->witness,
			 "hash", hash, "events", (json_int_t)r->events, "metrics", json_metrics(r));
}

json_t *bu_json_text_many(const struct bu_core_def *core, const struct bu_mc_result *r, uint64_t seed, double expected)
{
	json_t *o = bu_json_many(core, r, seed, "crash_share", BU_MC_CRASH);

	json_object_set_new(json_object_get(o, "metrics"), "expected_crash_probability",
			    json_pack("{s:s, s:f}", "unit", "share", "value", expected));
	return o;
}
