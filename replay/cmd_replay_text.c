// SPDX-License-Identifier: GPL-2.0-only
/*
 * cmd_replay_text.c - `bringup replay --text CORES`: the text patching of a capture, or of a boot made up with --model.
 *
 * Flow: capture.db or --model -> schedule -> family_text, once per core or many times -> text or JSON, runs.db.
 */
#include <errno.h>
#include <inttypes.h>
#include <jansson.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "replay/commands_int.h"
#include "replay/family_text.h"
#include "replay/monte_carlo.h"
#include "replay/print.h"
#include "replay/print_text.h"
#include "schemas/base/mem.h"
#include "schemas/store/db.h"

static int load(const struct bu_replay_args *a, struct bu_text_schedule *s, bool *ret_complete, struct bu_err *err)
{
	_cleanup_(bu_db_closep) struct bu_db *db = NULL;
	int64_t complete = 1;
	int rc;

	if (!a->capture)
		return bu_text_made_up(a->model ? a->model : "", s, err);
	rc = bu_db_open(a->capture, &bu_capture_format, &db, err);
	if (!rc)
		rc = bu_text_schedule_load(db, s, err);
	if (!rc && a->model && *a->model)
		rc = bu_text_change(s, a->model, err);
	if (!rc && bu_db_i64(db, "SELECT complete FROM capture", &complete, err) < 0)
		rc = -EIO;
	*ret_complete = complete;
	return rc;
}

/* What irqs-on is given here, or its default: the arithmetic is about it. */
static int64_t half_ns_of(const struct bu_replay_args *a)
{
	struct bu_err err = BU_ERR_INIT;
	struct bu_core core;
	int64_t values[8] = { 0 };
	int rc;

	if (bu_core_open("text", "irqs-on", strlen("irqs-on"), &core, &err))
		return 0;
	rc = bu_core_params(&core.def, a->params, values, &err);
	if (rc)	/* they are another core's */
		bu_core_params(&core.def, NULL, values, &err);
	bu_core_close(&core);
	return values[0];
}

struct many {
	const struct bu_replay_job *job;
	const struct bu_text_schedule *schedule;
};

static int one_of_many(void *ctx, uint64_t seed, struct bu_replay_result *ret)
{
	const struct many *m = ctx;
	const struct bu_replay_options o = { .seed = seed, .sampled = BU_SAMPLED_ALL, .guard_ms = BU_GUARD_MS,
					     .params = m->job->params, .recorded_cpus = m->schedule->cpus };
	struct bu_text_outcome out;

	return bu_replay_text(&m->job->core.def, m->schedule, &o, ret, &out, NULL);
}

/* How many of the boots that might have been end how, the phase of the tick and unknown places drawn for each. */
static int run_many(const struct bu_replay_args *a, const struct bu_text_schedule *s, struct bu_replay_job *jobs, size_t n)
{
	const struct bu_mc_options o = { .seed = (uint64_t)a->seed, .runs = a->runs, .jobs = (int)a->jobs };
	json_t *list = json_array(), *root;
	struct bu_err err = BU_ERR_INIT;
	struct bu_mc_result r;
	size_t i;
	int rc = 0;

	if (!a->json) {
		bu_print_text_schedule(s, half_ns_of(a));
		printf("\n%" PRId64 " runs per core, the phase of the tick drawn for each, seed %" PRId64 "; time spent patching by quantile:\n\n",
		       a->runs, a->seed);
	}
	for (i = 0; !rc && i < n; i++) {
		struct many m = { &jobs[i], s };

		fflush(stdout);
		rc = bu_mc_runs(jobs[i].core.def.name, one_of_many, &m, &o, &r, &err);
		if (rc)
			break;
		if (a->json)
			json_array_append_new(list, bu_json_text_many(&jobs[i].core.def, &r, o.seed,
								      bu_text_crash_probability(s, half_ns_of(a))));
		else
			bu_print_distribution(jobs[i].core.def.name, &r);
		bu_mc_result_fini(&r);
	}
	root = json_pack("{s:s, s:s, s:i, s:o, s:o}", "capture", s->capture_name, "kernel_release", s->kernel_release, "cpus",
			 (int)s->cpus, "text", bu_json_text_schedule(s, half_ns_of(a)), "runs", list);
	if (!rc && a->json) {
		json_dumpf(root, stdout, JSON_INDENT(2));
		putchar('\n');
	}
	json_decref(root);
	return rc ? bu_cli_failed(&bu_replay_usage, &err) : BU_EXIT_OK;
}

static int run_each(const char *command, const struct bu_replay_args *a, const struct bu_text_schedule *s,
		    struct bu_replay_job *jobs, size_t n)
{
	struct bu_replay_options o = { .seed = (uint64_t)a->seed, .guard_ms = BU_GUARD_MS, .recorded_cpus = s->cpus,
				       .sampled = a->draw_all ? BU_SAMPLED_ALL : BU_SAMPLED_NONE };
	struct bu_text_outcome out[BU_MAX_CORES];
	const struct bu_run *runs[BU_MAX_CORES];
	struct bu_err err = BU_ERR_INIT;
	json_t *list, *root;
	size_t i;
	int rc = 0;

	for (i = 0; !rc && i < n; i++) {
		o.params = jobs[i].params;
		rc = bu_replay_text(&jobs[i].core.def, s, &o, &jobs[i].result, &out[i], &err);
		runs[i] = &jobs[i].result.run;
	}
	if (!rc && a->out)
		rc = bu_replay_store(a->out, command, runs, n, &err);
	if (rc)
		return bu_cli_failed(&bu_replay_usage, &err);
	if (!a->json) {
		bu_print_text_schedule(s, half_ns_of(a));
		bu_print_text_runs(runs, out, n);
		return BU_EXIT_OK;
	}
	list = json_array();
	for (i = 0; i < n; i++)
		json_array_append_new(list, bu_json_text_run(runs[i]));
	root = json_pack("{s:s, s:s, s:s, s:o, s:o}", "capture", s->capture_name, "capture_sha256", s->capture_sha256,
			 "kernel_release", s->kernel_release, "text", bu_json_text_schedule(s, half_ns_of(a)), "runs", list);
	json_dumpf(root, stdout, JSON_INDENT(2));
	putchar('\n');
	json_decref(root);
	return BU_EXIT_OK;
}

int bu_replay_text_again(const struct bu_replay_args *a, struct bu_replay_job *jobs, size_t *n)
{
	struct bu_replay_options o = { .seed = (uint64_t)a->seed, .guard_ms = BU_GUARD_MS,
				       .sampled = a->draw_all ? BU_SAMPLED_ALL : BU_SAMPLED_NONE };
	struct bu_text_schedule s = { 0 };
	struct bu_text_outcome out;
	struct bu_err err = BU_ERR_INIT;
	bool complete;
	int rc = bu_replay_open(a, "text", a->text, jobs, n);

	if (rc >= 0)
		return rc;
	rc = load(a, &s, &complete, &err);
	if (!rc)
		rc = bu_replay_same_capture(a, s.capture_sha256, &err);
	o.params = jobs[0].params;
	o.recorded_cpus = s.cpus;
	if (!rc)
		rc = bu_replay_text(&jobs[0].core.def, &s, &o, &jobs[0].result, &out, &err);
	bu_text_schedule_fini(&s);
	return rc ? bu_cli_failed(&bu_replay_usage, &err) : -1;
}

int bu_replay_text_cores(const char *command, const struct bu_replay_args *a)
{
	struct bu_replay_job jobs[BU_MAX_CORES] = { 0 };
	struct bu_text_schedule s = { 0 };
	struct bu_err err = BU_ERR_INIT;
	bool complete = true;
	size_t n = 0;
	int rc;

	rc = bu_replay_open(a, "text", a->text, jobs, &n);
	if (rc >= 0)
		goto out;
	rc = load(a, &s, &complete, &err);
	if (rc) {
		rc = rc == -EINVAL ? bu_cli_usage_error(&bu_replay_usage, "%s", err.text) : bu_cli_failed(&bu_replay_usage, &err);
		goto out;
	}
	rc = a->runs ? run_many(a, &s, jobs, n) : run_each(command, a, &s, jobs, n);
	if (rc == BU_EXIT_OK && !complete) {
		bu_cli_warn(&bu_replay_usage, "the capture is incomplete ('bringup info %s' says what is missing): sites may be too",
			    a->capture);
		rc = BU_EXIT_INCOMPLETE;
	}
out:
	bu_replay_jobs_fini(jobs, n);
	bu_text_schedule_fini(&s);
	return rc;
}
