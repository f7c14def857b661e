// SPDX-License-Identifier: GPL-2.0-only
/* print_clocksource.c - what `bringup replay --clocksource` says; see print.h. */
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "replay/print.h"
#include "schemas/base/ns.h"

/* The figure @name of the whole run; @none where the run has none. */
static double metric(const struct bu_run *r, const char *name, double none)
{
	size_t i;

	for (i = 0; i < r->n_metrics; i++)
		if (r->metrics[i].cpu < 0 && !strcmp(r->names[r->metrics[i].name], name))
			return r->metrics[i].value;
	return none;
}

static void print_arithmetic(const struct bu_cs_schedule *s)
{
	const struct bu_cs_config *c = &s->config;
	char b[2][BU_NS_STRLEN];

	printf("\nThe arithmetic: %d CPUs x %.3g reads per tick x %.4g ticks per second x %s = %.2f of what the clock can answer",
	       s->cpus, (double)c->reads_permille / 1000, 1e9 / (double)c->tick_ns, bu_ns_str(c->read_ns, b[0]), bu_cs_offered(s));
	if (bu_cs_saturation_cpus(s, 0))
		printf(";\nit is all that it can at %d CPUs, at %d where each tick repeats a read for the update of the timekeeper;\n"
		       "reads of all CPUs at once take %s, a tick is %s", bu_cs_saturation_cpus(s, 0), bu_cs_saturation_cpus(s, 1000),
		       bu_ns_str(s->cpus * c->read_ns, b[0]), bu_ns_str(c->tick_ns, b[1]));
	printf(".\n");
}

/* Of all reads of the recording, those that repeated another. */
static double recorded_retry_share(const struct bu_cs_schedule *s)
{
	const uint64_t all = s->reads[0] + s->reads[1] + s->reads[2] + s->reads[3];

	return s->n_read_ns ? 1 - (double)all / (double)s->n_read_ns : 0;
}

static void print_recording(const struct bu_cs_schedule *s)
{
	const uint64_t all = s->reads[0] + s->reads[1] + s->reads[2] + s->reads[3];
	char b[2][BU_NS_STRLEN];

	printf("\nThe recording, %s with clocksource %s: %" PRIu64 " ticks, %.2f calls per tick; %" PRIu64 " calls that read the clock, of these "
	       "%" PRIu64 " once, %" PRIu64 " twice, %" PRIu64 " three times, %" PRIu64 " more often, %.3f %% of the reads being "
	       "retries;\nstop_machine %s to the switch, %s to tick_clock_notify(); timekeeping duty on %d CPUs.\n", s->kernel_release,
	       s->clock_name, s->recorded_ticks, (double)s->config.reads_permille / 1000, all, s->reads[0], s->reads[1], s->reads[2], s->reads[3],
	       100 * recorded_retry_share(s), bu_ns_str(s->stop_ns, b[0]),
	       bu_ns_str(s->notified_ns, b[1]), s->do_timer_cpus);
}

void bu_print_clocksource(const struct bu_cs_schedule *s, const char *const *names, const struct bu_run *const *runs, size_t n)
{
	char b[6][BU_NS_STRLEN];
	size_t i;

	printf("%s, %d CPUs\n", s->kernel_release, s->cpus);
	if (s->config.recorded)
		print_recording(s);
	else
		print_arithmetic(s);
	printf("\n%-24s %8s %9s %11s %11s %11s %11s %11s  %s\n", "core", "ticks", "retries", "read", "read", "tick late", "stop_machine",
	       "notified", "verdict");
	printf("%-24s %8s %9s %11s %11s %11s %11s %11s\n", "", "that came", "", "mean", "longest", "longest", "to switch", "after");
	for (i = 0; i < n; i++) {
		const struct bu_run *r = runs[i];

		printf("%-24s %7.1f%% %8.3f%% %11s %11s %11s %11s %11s  %s\n", names[i], 100 * metric(r, "tick_share", 0),
		       100 * metric(r, "retry_share", 0), bu_ns_str((int64_t)metric(r, "read_mean", 0), b[0]),
		       bu_ns_str((int64_t)metric(r, "read_max", 0), b[1]), bu_ns_str((int64_t)metric(r, "holdoff_max_all", 0), b[2]),
		       bu_ns_str((int64_t)metric(r, "stop_machine", (double)BU_NS_UNKNOWN), b[3]),
		       bu_ns_str((int64_t)metric(r, "switch_to_notify", (double)BU_NS_UNKNOWN), b[4]), r->verdict);
		if (r->verdict_detail[0])
			printf("%24s %s\n", "", r->verdict_detail);
	}
}

static json_t *json_run(const char *name, const struct bu_run *r)
{
	json_t *o, *metrics = json_object(), *params = json_loads(r->params, 0, NULL);
	char hash[17];
	size_t i;

	snprintf(hash, sizeof(hash), "%016" PRIx64, r->hash);
	for (i = 0; i < r->n_metrics; i++)
		if (r->metrics[i].cpu < 0)
			json_object_set_new(metrics, r->names[r->metrics[i].name],
					    json_pack("{s:s, s:f}", "unit", r->metrics[i].unit, "value", r->metrics[i].value));
	o = json_pack("{s:s, s:s, s:s, s:i, s:I, s:o, s:s, s:s, s:s, s:I, s:o}", "family", r->family, "core", name, "core_source",
		      r->core_source, "cpus", (int)r->cpus, "seed", (json_int_t)r->seed, "params", params ? params : json_null(), "verdict",
		      r->verdict, "verdict_detail", r->verdict_detail, "hash", hash, "events", (json_int_t)r->events, "metrics", metrics);
	return o;
}

int bu_print_clocksource_json(const struct bu_cs_schedule *s, const char *const *names, const struct bu_run *const *runs, size_t n)
{
	json_t *list = json_array(), *root;
	size_t i;
	int rc;

	for (i = 0; i < n; i++)
		json_array_append_new(list, json_run(names[i], runs[i]));
	root = json_pack("{s:s, s:s, s:s, s:o}", "capture", s->capture_name, "capture_sha256", s->capture_sha256, "kernel_release",
			 s->kernel_release, "runs", list);
	if (root && s->config.recorded)
		json_object_set_new(root, "recording", json_pack("{s:s, s:I, s:f, s:[I, I, I, I], s:f, s:I, s:I, s:i}", "clocksource",
			s->clock_name, "ticks", (json_int_t)s->recorded_ticks, "reads_per_tick", (double)s->config.reads_permille / 1000,
			"calls_by_retries", (json_int_t)s->reads[0], (json_int_t)s->reads[1], (json_int_t)s->reads[2],
			(json_int_t)s->reads[3], "retry_share", recorded_retry_share(s), "stop_machine_ns", (json_int_t)s->stop_ns,
			"notified_ns", (json_int_t)s->notified_ns, "do_timer_cpus", (int)s->do_timer_cpus));
	rc = root ? json_dumpf(root, stdout, JSON_INDENT(2)) : -1;
	putchar('\n');
	json_decref(root);
	return rc;
}
