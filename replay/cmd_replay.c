// SPDX-License-Identifier: GPL-2.0-only
/*
 * cmd_replay.c - `bringup replay`: one capture, several cores, one table; runs stored where asked for.
 *
 * Flow: capture.db -> schedule -> session, once per core -> table or JSON, runs.db.
 */
#include <errno.h>
#include <inttypes.h>
#include <jansson.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "replay/commands_int.h"
#include "replay/registry.h"
#include "replay/schedule/hotplug.h"
#include "replay/session.h"
#include "schemas/base/cli.h"
#include "schemas/base/hash.h"
#include "schemas/base/mem.h"
#include "schemas/base/ns.h"
#include "schemas/store/db.h"
#include "schemas/store/run_db.h"

enum { MAX_CORES = 16, MAX_CPUS = 65536, GUARD_MS = 2000 };

struct args {
	const char *capture, *hotplug, *params, *out;
	int64_t cpus, seed;
	bool json;
};

static struct args a;

static const struct bu_opt opts[] = {
	{ "hotplug", 0, BU_OPT_STRING, &a.hotplug, "CORES", "hotplug cores, comma-separated: names ('bringup cores') or paths of plugins", 0, 0 },
	{ "cpus", 0, BU_OPT_INT, &a.cpus, "N", "CPUs of the simulated machine (default: as recorded)", 2, MAX_CPUS },
	{ "params", 0, BU_OPT_STRING, &a.params, "N=V,...", "parameters, for the cores that have them", 0, 0 },
	{ "seed", 0, BU_OPT_INT, &a.seed, "S", "of everything random (default 1)", 0, 0 },
	{ "output", 'o', BU_OPT_STRING, &a.out, "FILE", "add the runs to this database of runs", 0, 0 },
	{ "json", 0, BU_OPT_FLAG, &a.json, NULL, "machine-readable output (docs/json-replay.md)", 0, 0 },
};

static const struct bu_usage usage = {
	.command = "replay",
	.synopsis = "replay CAPTURE.db [--hotplug CORE,CORE...] [--cpus N] [-o RUNS.db] [--json]",
	.about = "Runs the recorded bring-up again in virtual time: the work of every CPU as it was recorded, the waiting as\n"
		 "the chosen algorithms do it. With more CPUs than the recording has, the durations of the others are drawn\n"
		 "from those recorded.",
	.examples = "  bringup replay boot.db --hotplug recorded,serial,parallel -o runs.db\n"
		    "  bringup replay boot.db --hotplug parallel --cpus 4096",
	.opts = opts, .n_opts = ARRAY_SIZE(opts), .min_args = 1, .max_args = 1,
};

struct job {
	struct bu_core core;
	int64_t *params;
	struct bu_replay_result result;
	bool done;
};

/* "recorded,serial" into jobs. Returns -1, or the exit code of the refusal. */
static int parse_cores(struct job *jobs, size_t *n)
{
	struct bu_err err = BU_ERR_INIT;
	const char *p = a.hotplug ? a.hotplug : "recorded,serial,parallel";
	size_t len;
	int rc;

	for (; *p; p += len + (p[len] == ',')) {
		struct job *j = &jobs[*n];

		len = strcspn(p, ",");
		if (*n == MAX_CORES)
			return bu_cli_usage_error(&usage, "more than %d cores at once", MAX_CORES);
		rc = bu_core_open("hotplug", p, len, &j->core, &err);
		if (rc == -ESRCH)
			return bu_cli_usage_error(&usage, "%s", err.text);
		if (rc)
			return bu_cli_failed(&usage, &err);
		j->params = calloc(bu_core_n_params(&j->core.def) + 1, sizeof(*j->params));
		if (!j->params)
			return bu_cli_failed(&usage, &(struct bu_err){ -ENOMEM, "out of memory" });
		if (bu_core_params(&j->core.def, bu_core_n_params(&j->core.def) ? a.params : NULL, j->params, &err))
			return bu_cli_usage_error(&usage, "%s", err.text);
		++*n;
	}
	return *n ? -1 : bu_cli_usage_error(&usage, "--hotplug names no core");
}

/* ------------------------------------------------------------------------------------------------------- output */

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

static void print_table(const struct bu_hp_schedule *s, const struct job *jobs, size_t n, const struct bu_run *any)
{
	char b[8][BU_NS_STRLEN], versus[32];
	size_t i;
	int phase;

	printf("%s, %d CPUs recorded (%s bring-up), %s from %s to the last CPU online\n", s->kernel_release,
	       any->recorded_cpus, s->algorithm, bu_ns_str(any->recorded_bringup_ns, b[0]), s->start_what);
	if (any->cpus != any->recorded_cpus)
		printf("replayed with %d CPUs%s, seed %" PRIu64 "\n", any->cpus,
		       any->sampled ? ", durations of the others drawn from the recording" : "", any->seed);
	if (!strcmp(s->algorithm, "runtime"))
		printf("CPUs were brought up one by one at runtime; what lay between belongs to no algorithm and is only in "
		       "'recorded'\n");
	printf("\n%-10s %11s %9s %11s %11s %11s %11s %11s  %s\n", "core", "bring-up", "recorded", "boot CPU", "boot CPU",
	       "CPU latency", "", "", "verdict");
	printf("%-10s %11s %9s %11s %11s %11s %11s %11s\n", "", "", "+/-", "busy", "waiting", "p50", "p99", "max");
	for (i = 0; i < n; i++) {
		const struct bu_run *r = &jobs[i].result.run;

		snprintf(versus, sizeof(versus), "-");
		if (r->bringup_ns != BU_NS_UNKNOWN && r->recorded_bringup_ns > 0 && r->cpus == r->recorded_cpus)
			snprintf(versus, sizeof(versus), "%+.2f %%",
				 100.0 * (double)(r->bringup_ns - r->recorded_bringup_ns) / (double)r->recorded_bringup_ns);
		printf("%-10s %11s %9s %11s %11s %11s %11s %11s  %s\n", r->core, bu_ns_str(r->bringup_ns, b[0]), versus,
		       bu_ns_str(r->bp_busy_ns, b[1]), bu_ns_str(r->bp_wait_ns, b[2]),
		       bu_ns_str(r->ap_latency_p50_ns, b[3]), bu_ns_str(r->ap_latency_p99_ns, b[4]),
		       bu_ns_str(r->ap_latency_max_ns, b[5]), r->verdict);
		if (r->verdict_detail[0])
			printf("%10s %s\n", "", r->verdict_detail);
	}
	printf("\nTime by phase, summed over all CPUs:\n%-10s", "core");
	for (phase = 0; phase < BU_NR_PHASES; phase++)
		printf(" %10s", bu_phase_names[phase]);
	putchar('\n');
	for (i = 0; i < n; i++) {
		printf("%-10s", jobs[i].result.run.core);
		for (phase = 0; phase < BU_NR_PHASES; phase++)
			printf(" %10s", bu_ns_str(phase_total(&jobs[i].result.run, phase), b[0]));
		putchar('\n');
	}
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
		      "recorded_cpus", (int)r->recorded_cpus, "sampled", r->sampled, "seed", (json_int_t)r->seed, "params",
		      params ? params : json_null(), "bringup_ns", json_ns(r->bringup_ns), "recorded_bringup_ns",
		      json_ns(r->recorded_bringup_ns), "control_busy_ns", (json_int_t)r->bp_busy_ns, "control_wait_ns",
		      (json_int_t)r->bp_wait_ns, "verdict", r->verdict, "verdict_detail", r->verdict_detail, "hash", hash,
		      "phases", phases, "events", (json_int_t)r->events);
	if (o)
		json_object_set_new(o, "latency_ns",
				    json_pack("{s:o, s:o, s:o}", "p50", json_ns(r->ap_latency_p50_ns), "p99",
					      json_ns(r->ap_latency_p99_ns), "max", json_ns(r->ap_latency_max_ns)));
	return o;
}

static int print_json(const struct bu_hp_schedule *s, const struct job *jobs, size_t n)
{
	json_t *runs = json_array(), *root;
	size_t i;
	int rc;

	for (i = 0; i < n; i++)
		json_array_append_new(runs, json_run(&jobs[i].result.run));
	root = json_pack("{s:s, s:s, s:s, s:s, s:o, s:o}", "capture", s->capture_name, "capture_sha256", s->capture_sha256,
			 "kernel_release", s->kernel_release, "recorded_algorithm", s->algorithm, "runs", runs, "bounds",
			 json_bounds(s));
	rc = root ? json_dumpf(root, stdout, JSON_INDENT(2)) : -1;
	putchar('\n');
	json_decref(root);
	return rc;
}

/* -------------------------------------------------------------------------------------------------------- work */

static int store(const char *command, struct job *jobs, size_t n, struct bu_err *err)
{
	_cleanup_(bu_db_closep) struct bu_db *db = NULL;
	size_t i;
	int rc;

	rc = bu_db_append(a.out, &bu_run_format, &db, err);
	if (!rc)
		rc = bu_db_begin(db, err);
	for (i = 0; !rc && i < n; i++) {
		jobs[i].result.run.command = command;
		rc = bu_run_db_add(db, &jobs[i].result.run, NULL, err);
	}
	return rc ? rc : bu_db_commit(db, err);
}

static char *command_line(int argc, char **argv)
{
	size_t len = sizeof("bringup"), i;
	char *text;

	for (i = 0; i < (size_t)argc; i++)
		len += strlen(argv[i]) + 1;
	text = malloc(len);
	if (!text)
		return NULL;
	strcpy(text, "bringup");
	for (i = 0; i < (size_t)argc; i++)
		strcat(strcat(text, " "), argv[i]);
	return text;
}

/* A recording cannot have another number of CPUs than it has: takes the `recorded` core off the list. */
static void drop_recorded(struct job *jobs, size_t *n)
{
	size_t i, kept = 0;

	for (i = 0; i < *n; i++) {
		if (strcmp(jobs[i].core.def.name, "recorded")) {
			jobs[kept++] = jobs[i];
			continue;
		}
		free(jobs[i].params);
		bu_cli_warn(&usage, "core recorded is the recording itself; it is left out where --cpus asks for another size");
	}
	*n = kept;
}

/* The recording as it is and, where another number of CPUs is asked for, one made from it. */
static int load(struct bu_hp_schedule *recorded, struct bu_hp_schedule *other, bool *ret_complete, struct bu_err *err)
{
	_cleanup_(bu_db_closep) struct bu_db *db = NULL;
	int64_t complete = 0;
	int rc;

	rc = bu_db_open(a.capture, &bu_capture_format, &db, err);
	if (!rc)
		rc = bu_hp_schedule_load(db, recorded, err);
	if (!rc)
		rc = bu_db_i64(db, "SELECT complete FROM capture", &complete, err);
	*ret_complete = complete;
	if (rc >= 0 && a.cpus && a.cpus != (int64_t)recorded->n_cpus + 1)
		return bu_hp_schedule_resize(recorded, (int32_t)a.cpus, (uint64_t)a.seed, other, err);
	return rc < 0 ? rc : 0;
}

int bu_cmd_replay(int argc, char **argv)
{
	_cleanup_free_ char *command = command_line(argc, argv);
	struct bu_replay_options options = { .guard_ms = GUARD_MS };
	struct job jobs[MAX_CORES] = { 0 };
	struct bu_hp_schedule recorded = { 0 }, resized = { 0 };
	const struct bu_hp_schedule *schedule = &recorded;
	struct bu_err err = BU_ERR_INIT;
	bool complete = true;
	size_t n = 0, i;
	int rc, first;

	a = (struct args){ .seed = 1 };
	rc = bu_cli_parse(&usage, argc, argv, &first);
	if (rc >= 0)
		return rc;
	a.capture = argv[first];
	rc = parse_cores(jobs, &n);
	if (rc >= 0)
		goto out;
	rc = load(&recorded, &resized, &complete, &err);
	if (!rc && resized.n_cpus) {
		schedule = &resized;
		drop_recorded(jobs, &n);
		if (!n) {
			rc = bu_cli_usage_error(&usage, "no core is left to run");
			goto out;
		}
	}
	options.seed = (uint64_t)a.seed;
	options.recorded_cpus = (int32_t)recorded.n_cpus + 1;
	options.sampled = schedule->n_cpus > recorded.n_cpus;
	for (i = 0; !rc && i < n; i++) {
		options.params = jobs[i].params;
		rc = bu_replay_hotplug(&jobs[i].core.def, schedule, &options, &jobs[i].result, &err);
		jobs[i].done = !rc;
	}
	if (!rc && a.out)
		rc = store(command ? command : "", jobs, n, &err);
	if (rc) {
		rc = bu_cli_failed(&usage, &err);
		goto out;
	}
	if (a.json)
		print_json(schedule, jobs, n);
	else
		print_table(schedule, jobs, n, &jobs[0].result.run);
	rc = complete ? BU_EXIT_OK : BU_EXIT_INCOMPLETE;
	if (!complete)
		bu_cli_warn(&usage, "the capture is incomplete ('bringup info %s' says what is missing): intervals may be too", a.capture);
out:
	for (i = 0; i < n; i++) {
		bu_replay_result_fini(&jobs[i].result);
		free(jobs[i].params);
		bu_core_close(&jobs[i].core);
	}
	bu_hp_schedule_fini(&resized);
	bu_hp_schedule_fini(&recorded);
	return rc;
}
