// SPDX-License-Identifier: GPL-2.0-only
/*
 * cmd_replay.c - `bringup replay`: one capture, several cores, one table; runs stored where asked for.
 *
 * Flow: capture.db -> schedule -> session, once per core -> table or JSON, runs.db.
 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "replay/commands_int.h"
#include "replay/monte_carlo.h"
#include "replay/print.h"
#include "schemas/base/mem.h"
#include "schemas/store/db.h"
#include "schemas/store/run_db.h"

enum { MAX_CPUS = 65536 };

static struct bu_replay_args a;

static const struct bu_opt opts[] = {
	{ "hotplug", 0, BU_OPT_STRING, &a.hotplug, "CORES", "hotplug cores, comma-separated: names ('bringup cores'), all, or paths of plugins", 0, 0 },
	{ "clocksource", 0, BU_OPT_STRING, &a.clocksource, "CORES", "clocksource cores instead, each SWITCH or SWITCH+READER", 0, 0 },
	{ "text", 0, BU_OPT_STRING, &a.text, "CORES", "text patching cores instead, likewise", 0, 0 },
	{ "pgd", 0, BU_OPT_STRING, &a.pgd, "CORES", "page-table cores instead, likewise", 0, 0 },
	{ "hang", 0, BU_OPT_STRING, &a.hang, "CORES", "hangs that the kernel had instead, likewise; each as it was and mended", 0, 0 },
	{ "events", 0, BU_OPT_STRING, &a.events, "FILE", 
	  "of page-table cores: events written one by one, instead of a capture; or a folder of folders with such a file: what each core comes to", 0, 0 },
	{ "slot-shift", 0, BU_OPT_INT, &a.slot_shift, "N",
	  "of page-table cores: a top-level entry maps 1 << N bytes: 21, 22, 30, 39 or 48 (default: as the recorded kernel's)", 12, 63 },
	{ "model", 0, BU_OPT_STRING, &a.model, "N=V,...", "figures instead of those recorded, or without a capture (docs/methods.md)", 0, 0 },
	{ "cpus", 0, BU_OPT_INT, &a.cpus, "N", "CPUs of the simulated machine (default: as recorded)", 2, MAX_CPUS },
	{ "params", 0, BU_OPT_STRING, &a.params, "N=V,...", "parameters, for the cores that have them", 0, 0 },
	{ "machine", 0, BU_OPT_STRING, &a.machine, "FILE", "description of the machine, beyond what the capture says ('bringup machine')", 0, 0 },
	{ "set", 0, BU_OPT_STRINGS, &a.set, "machine.NAME=V",
	  "a parameter of the machine, like machine.physical_cpus=2; recorded.NAME=V: where the recorded one was another", 0, 0 },
	{ "seed", 0, BU_OPT_INT, &a.seed, "S", "of everything random (default 1)", 0, 0 },
	{ "runs", 0, BU_OPT_INT, &a.runs, "N", "run N times, every duration drawn anew; distribution of the outcome", 1, 10000000 },
	{ "only", 0, BU_OPT_INT, &a.only, "K", "of these, only run K (from 0), whole: table, witness, -o", 0, 10000000 },
	{ "jobs", 'j', BU_OPT_INT, &a.jobs, "N", "worker processes for --runs (default 1)", 1, 1024 },
	{ "verify", 0, BU_OPT_INT, &a.verify, "RUN", "run this run of the database given with -o again and compare", 1, INT64_MAX },
	{ "output", 'o', BU_OPT_STRING, &a.out, "FILE", "add the runs to this database of runs", 0, 0 },
	{ "json", 0, BU_OPT_FLAG, &a.json, NULL, "machine-readable output (docs/json-replay.md)", 0, 0 },
};

const struct bu_usage bu_replay_usage = {
	.command = "replay",
	.synopsis = "replay [CAPTURE.db] [--machine FILE] [--hotplug CORE,CORE...] [--cpus N] [--runs N] [-o RUNS.db] [--json]",
	.about = "Runs the recorded bring-up again in virtual time: the work of every CPU as it was recorded, the waiting as\n"
		 "the chosen algorithms do it. With more CPUs than the recording has, the durations of the others are drawn\n"
		 "from those recorded. Without a capture, the work is that of a description: --machine.",
	.examples = "  bringup replay boot.db --hotplug recorded,serial,parallel -o runs.db\n"
		    "  bringup replay boot.db --hotplug serial,parallel --runs 1000 -j 2 --seed 7\n"
		    "  bringup replay boot.db --text irqs-on,per-site,int3\n"
		    "  bringup replay --text irqs-on --model sites=60000,hz=250,risk=600 --runs 1000\n"
		    "  bringup replay --hang all\n"
		    "  bringup replay --clocksource stop-machine,stop-machine+combining --cpus 576 --model hz=1000,clock=hpet",
	.opts = opts, .n_opts = ARRAY_SIZE(opts), .min_args = 0, .max_args = 1,
};

/* Adds the core called @name, @len bytes. Return: -1 to go on, else the exit code of the refusal. */
static int add_core(const char *family, struct bu_replay_job *jobs, size_t *n, const char *name, size_t len)
{
	struct bu_err err = BU_ERR_INIT;
	int rc;

	if (*n == BU_MAX_CORES)
		return bu_cli_usage_error(&bu_replay_usage, "more than %d cores at once", BU_MAX_CORES);
	rc = bu_core_open(family, name, len, &jobs[*n].core, &err);
	if (rc == -ESRCH)
		return bu_cli_usage_error(&bu_replay_usage, "%s", err.text);
	if (rc)
		return bu_cli_failed(&bu_replay_usage, &err);
	++*n;
	return -1;
}

static int add_all_cores(const char *family, struct bu_replay_job *jobs, size_t *n)
{
	const struct bu_core_def *const *c;
	int rc = -1;

	for (c = bu_core_table; rc < 0 && *c; c++)
		if (!strcmp((*c)->family, family))
			rc = add_core(family, jobs, n, (*c)->name, strlen((*c)->name));
	return rc;
}

int bu_replay_check_params(const struct bu_replay_job *jobs, size_t n, const char *text)
{
	size_t i, len;

	for (; text && *text; text += strcspn(text, ","), text += *text == ',') {
		len = strcspn(text, "=,");
		for (i = 0; i < n && !bu_core_has_param(&jobs[i].core.def, text, len); i++)
			;
		if (i == n)
			return bu_cli_usage_error(&bu_replay_usage, "none of the cores has a parameter '%.*s'; see 'bringup cores'", (int)len,
						  text);
	}
	return -1;
}

int bu_replay_open(const struct bu_replay_args *args, const char *family, const char *list, struct bu_replay_job *jobs,
		   size_t *n)
{
	struct bu_err err = BU_ERR_INIT;
	const char *p = list;
	size_t len, i;
	int rc = -1;

	for (; rc < 0 && *p; p += len + (p[len] == ',')) {
		len = strcspn(p, ",");
		rc = len == 3 && !strncmp(p, "all", 3) ? add_all_cores(family, jobs, n) : add_core(family, jobs, n, p, len);
	}
	if (rc < 0)
		rc = bu_replay_check_params(jobs, *n, args->params);
	for (i = 0; rc < 0 && i < *n; i++) {
		jobs[i].params = calloc(bu_core_n_params(&jobs[i].core.def) + 1, sizeof(*jobs[i].params));
		if (!jobs[i].params)
			return bu_cli_failed(&bu_replay_usage, &(struct bu_err){ -ENOMEM, "out of memory" });
		if (bu_core_params(&jobs[i].core.def, args->params, jobs[i].params, &err))
			return bu_cli_usage_error(&bu_replay_usage, "%s", err.text);
	}
	return rc >= 0 || *n ? rc : bu_cli_usage_error(&bu_replay_usage, "--%s names no core; see 'bringup cores'", family);
}

int bu_replay_cores(const struct bu_replay_args *args, struct bu_replay_job *jobs, size_t *n)
{
	const char *all = args->capture ? "recorded,serial,parallel" : "serial,parallel";

	return bu_replay_open(args, "hotplug", args->hotplug ? args->hotplug : all, jobs, n);
}

void bu_replay_jobs_fini(struct bu_replay_job *jobs, size_t n)
{
	for (; n; n--) {
		bu_replay_result_fini(&jobs[n - 1].result);
		free(jobs[n - 1].params);
		bu_core_close(&jobs[n - 1].core);
	}
}

int bu_replay_store(const char *path, const char *command, const struct bu_run *const *runs, size_t n, struct bu_err *err)
{
	_cleanup_(bu_db_closep) struct bu_db *db = NULL;
	size_t i;
	int rc;

	rc = bu_db_append(path, &bu_run_format, &db, err);
	if (!rc)
		rc = bu_db_begin(db, err);
	for (i = 0; !rc && i < n; i++) {
		struct bu_run run = *runs[i];

		run.command = command;
		rc = bu_run_db_add(db, &run, NULL, err);
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

/* A recording cannot be other than it is: takes the `recorded` core off the list. */
static void drop_recorded(struct bu_replay_job *jobs, size_t *n)
{
	size_t i, kept = 0;

	for (i = 0; i < *n; i++) {
		if (strcmp(jobs[i].core.def.name, "recorded")) {
			jobs[kept++] = jobs[i];
			continue;
		}
		bu_replay_jobs_fini(&jobs[i], 1);
		bu_cli_warn(&bu_replay_usage, "core recorded is the recording itself; it is left out where --cpus or --runs ask for "
			    "something else");
	}
	*n = kept;
}

/* Whether the description has work of CPUs, which a recording has of its own. */
static bool has_work(const struct bu_hp_machine *m)
{
	return m->prepare_primary_ns >= 0 || m->prepare_sibling_ns >= 0 || m->alive_sibling_ns >= 0 || m->starting_ns >= 0 ||
	       m->online_primary_ns >= 0 || m->online_sibling_ns >= 0 || m->smt_present_ns >= 0 || m->wakeup_ns >= 0;
}

int bu_replay_load(const struct bu_replay_args *args, struct bu_replay_input *ret, struct bu_err *err)
{
	_cleanup_(bu_db_closep) struct bu_db *db = NULL;
	int64_t complete = 0;
	int rc;

	rc = args->capture ? bu_db_open(args->capture, &bu_capture_format, &db, err) : 0;
	bu_describe_init(&ret->description);
	if (!rc)
		rc = bu_describe(db, args->machine, &args->set, &ret->description, err);
	if (!rc && args->stored_machine)
		rc = bu_describe_stored(args->stored_machine, &ret->description.machine, err);
	if (!rc && args->stored_machine)
		rc = bu_describe_stored(args->stored_recorded, &ret->description.recorded, err);
	if (!rc && !args->capture)
		return bu_hp_schedule_made_up(&ret->description.machine, args->machine ? args->machine : BU_HP_MADE_UP,
					       (int32_t)args->cpus, &ret->recorded, err);
	if (!rc && has_work(&ret->description.machine))
		rc = bu_fail(err, -EINVAL, "%s: the machine is described with work of its own, and the capture has its own too; leave one "
			     "of them out", args->capture);
	if (!rc)
		rc = bu_hp_schedule_load(db, &ret->description.recorded, &ret->recorded, err);
	if (!rc)
		rc = bu_db_i64(db, "SELECT complete FROM capture", &complete, err);
	ret->complete = complete;
	if (rc >= 0 && (args->draw_all || (args->cpus && args->cpus != (int64_t)ret->recorded.n_cpus + 1)))
		return bu_hp_schedule_resize(&ret->recorded, args->cpus ? (int32_t)args->cpus : (int32_t)ret->recorded.n_cpus + 1,
					     args->draw_all ? BU_HP_DRAW_ALL : BU_HP_DRAW_NEW, (uint64_t)args->seed, &ret->resized,
					     err);
	return rc < 0 ? rc : 0;
}

void bu_replay_input_fini(struct bu_replay_input *in)
{
	bu_hp_schedule_fini(&in->resized);
	bu_hp_schedule_fini(&in->recorded);
	bu_describe_fini(&in->description);
}

/* One run per core, one table. */
static int run_each(const char *command, const struct bu_replay_input *in, struct bu_replay_job *jobs, size_t n)
{
	const struct bu_hp_schedule *schedule = in->resized.n_cpus ? &in->resized : &in->recorded;
	struct bu_replay_options options = { .seed = (uint64_t)a.seed, .guard_ms = BU_GUARD_MS,
					     .machine = &in->description.machine, .recorded_machine = &in->description.recorded,
					     .recorded_cpus = (int32_t)in->recorded.n_cpus + 1,
					     .sampled = a.draw_all ? BU_SAMPLED_ALL :
						     schedule->n_cpus > in->recorded.n_cpus ? BU_SAMPLED_NEW : BU_SAMPLED_NONE };
	const struct bu_run *runs[BU_MAX_CORES];
	struct bu_err err = BU_ERR_INIT;
	size_t i;
	int rc = 0;

	for (i = 0; !rc && i < n; i++) {
		options.params = jobs[i].params;
		rc = bu_replay_hotplug(&jobs[i].core.def, schedule, &options, &jobs[i].result, &err);
		runs[i] = &jobs[i].result.run;
	}
	if (!rc && a.out)
		rc = bu_replay_store(a.out, command, runs, n, &err);
	if (rc)
		return bu_cli_failed(&bu_replay_usage, &err);
	if (a.json)
		bu_print_runs_json(schedule, runs, n);
	else
		bu_print_runs(schedule, runs, n);
	return BU_EXIT_OK;
}

int bu_cmd_replay(int argc, char **argv)
{
	_cleanup_free_ char *command = command_line(argc, argv);
	struct bu_replay_job jobs[BU_MAX_CORES] = { 0 };
	struct bu_replay_input in = { .complete = true };
	struct bu_err err = BU_ERR_INIT;
	size_t n = 0;
	int rc, first;

	a = (struct bu_replay_args){ .seed = 1, .jobs = 1, .only = -1 };
	rc = bu_cli_parse(&bu_replay_usage, argc, argv, &first);
	if (rc >= 0)
		return rc;
	a.capture = first < argc ? argv[first] : NULL;
	if (a.verify)
		return bu_replay_verify(&a);
	if (!a.capture && !a.machine && !a.text && !a.clocksource && !a.pgd && !a.hang)
		return bu_cli_usage_error(&bu_replay_usage, "something is missing: bringup %s", bu_replay_usage.synopsis);
	if (a.only >= 0 && a.only >= a.runs)
		return bu_cli_usage_error(&bu_replay_usage, "--only wants the number of one of the --runs, counted from 0");
	if (a.only >= 0) {	/* that one is a run like any other, of a schedule that is drawn with its seed */
		a.seed = (int64_t)bu_mc_seed((uint64_t)a.seed, a.only);
		a.draw_all = true;
		a.runs = 0;
	}
	if (a.clocksource)
		return bu_replay_clocksource_cores(command ? command : "", &a);
	if (a.text)
		return bu_replay_text_cores(command ? command : "", &a);
	if (a.pgd)
		return bu_replay_pgd_cores(command ? command : "", &a);
	if (a.hang)
		return bu_replay_hang_cores(command ? command : "", &a);
	rc = bu_replay_cores(&a, jobs, &n);
	if (rc >= 0)
		goto out;
	rc = bu_replay_load(&a, &in, &err);
	if (rc) {
		rc = rc == -EINVAL ? bu_cli_usage_error(&bu_replay_usage, "%s", err.text) : bu_cli_failed(&bu_replay_usage, &err);
		goto out;
	}
	if (a.runs || in.resized.n_cpus || !a.capture)
		drop_recorded(jobs, &n);
	if (!n)
		rc = bu_cli_usage_error(&bu_replay_usage, "no core is left to run");
	else if (a.runs)
		rc = bu_replay_many(&a, &in, jobs, n);
	else
		rc = run_each(command ? command : "", &in, jobs, n);
	if (rc == BU_EXIT_OK && !in.complete) {
		bu_cli_warn(&bu_replay_usage, "the capture is incomplete ('bringup info %s' says what is missing): intervals may be too",
			    a.capture);
		rc = BU_EXIT_INCOMPLETE;
	}
out:
	bu_replay_jobs_fini(jobs, n);
	bu_replay_input_fini(&in);
	return rc;
}
