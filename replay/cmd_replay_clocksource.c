// SPDX-License-Identifier: GPL-2.0-only
/*
 * cmd_replay_clocksource.c - `bringup replay --clocksource SWITCH[+READER],...`: the switch of a capture, or of a machine made up.
 *
 * Flow: capture.db and --model -> schedule -> session, once per core -> text or JSON, runs.db.
 */
#include <errno.h>
#include <inttypes.h>
#include <jansson.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "replay/clock_model.h"
#include "replay/commands_int.h"
#include "replay/monte_carlo.h"
#include "replay/print.h"
#include "schemas/base/mem.h"
#include "schemas/base/ns.h"
#include "schemas/store/db.h"

enum { NAME_LEN = 96 };

/*
 * "stop-machine+combining" is core stop-machine with its parameter reader set, and its runs are called so. Return: -1, else the exit code
 * of the refusal.
 */
static int open_one(const struct bu_replay_args *a, const char *text, size_t len, struct bu_replay_job *j, char *name)
{
	const char *plus = memchr(text, '+', len);
	const size_t core_len = plus ? (size_t)(plus - text) : len;
	_cleanup_free_ char *params = NULL;
	struct bu_err err = BU_ERR_INIT;
	int rc;

	rc = bu_core_open("clocksource", text, core_len, &j->core, &err);
	if (rc)
		return rc == -ESRCH ? bu_cli_usage_error(&bu_replay_usage, "%s", err.text) : bu_cli_failed(&bu_replay_usage, &err);
	snprintf(name, NAME_LEN, "%s%.*s", j->core.def.name, plus ? (int)(len - core_len) : 0, plus ? plus : "");
	if (asprintf(&params, "%s%s%s%.*s", a->params ? a->params : "", a->params && plus ? "," : "", plus ? "reader=" : "",
		     plus ? (int)(len - core_len - 1) : 0, plus ? plus + 1 : "") < 0)
		params = NULL;
	j->params = calloc(bu_core_n_params(&j->core.def) + 1, sizeof(*j->params));
	if (!params || !j->params)
		return bu_cli_failed(&bu_replay_usage, &(struct bu_err){ -ENOMEM, "out of memory" });
	if (bu_core_params(&j->core.def, params, j->params, &err))
		return bu_cli_usage_error(&bu_replay_usage, "%s", err.text);
	return -1;
}

/* Return: as above. */
static int open_all(const struct bu_replay_args *a, struct bu_replay_job *jobs, char (*names)[NAME_LEN], size_t *n)
{
	const char *p;
	size_t len;
	int rc = -1;

	for (p = a->clocksource; rc < 0 && *p; p += len + (p[len] == ',')) {
		len = strcspn(p, ",");
		if (*n == BU_MAX_CORES)
			return bu_cli_usage_error(&bu_replay_usage, "more than %d cores at once", BU_MAX_CORES);
		rc = open_one(a, p, len, &jobs[*n], names[*n]);
		++*n;
	}
	if (rc < 0)
		rc = bu_replay_check_params(jobs, *n, a->params);
	return rc >= 0 || *n ? rc : bu_cli_usage_error(&bu_replay_usage, "--clocksource names no core; see 'bringup cores'");
}

static int load(const struct bu_replay_args *a, struct bu_cs_schedule *s, bool *ret_complete, struct bu_err *err)
{
	_cleanup_(bu_db_closep) struct bu_db *db = NULL;
	int64_t complete = 1;
	int rc = 0;

	if (a->capture) {
		rc = bu_db_open(a->capture, &bu_capture_format, &db, err);
		if (!rc)
			rc = bu_cs_schedule_load(db, s, err);
		if (!rc && bu_db_i64(db, "SELECT complete FROM capture", &complete, err) < 0)
			rc = -EIO;
	}
	*ret_complete = complete;
	if (!rc && a->capture && a->cpus && a->cpus != s->cpus)
		rc = bu_fail(err, -EINVAL, "%s has %d CPUs, and when each of them arrived is as recorded; other numbers of CPUs are for machines "
			     "without a recording", a->capture, s->cpus);
	return rc ? rc : bu_clock_model(s, (int32_t)a->cpus, a->model, err);
}

static int replay(const struct bu_replay_job *j, const struct bu_cs_schedule *s, uint64_t seed, bool draw, struct bu_replay_result *ret,
		  struct bu_err *err)
{
	const struct bu_replay_options options = { .seed = seed, .sampled = draw ? BU_SAMPLED_ALL : BU_SAMPLED_NONE, .params = j->params,
						   .guard_ms = BU_GUARD_MS, .recorded_cpus = s->cpus };
	struct bu_cs_schedule drawn;
	int rc;

	if (!draw)
		return bu_replay_clocksource(&j->core.def, s, &options, ret, err);
	rc = bu_cs_schedule_draw(s, seed, &drawn);
	if (rc)
		return bu_fail_errno(err, rc, "%s", s->capture_name);
	rc = bu_replay_clocksource(&j->core.def, &drawn, &options, ret, err);
	bu_cs_schedule_fini(&drawn);
	return rc;
}

struct many {
	const struct bu_replay_job *job;
	const struct bu_cs_schedule *schedule;
};

/* Of the distribution: the time from stop_machine() to tick_clock_notify(), which a boot that hangs does not have. */
static int one_of_many(void *ctx, uint64_t seed, struct bu_replay_result *ret)
{
	const struct many *m = ctx;
	int rc = replay(m->job, m->schedule, seed, true, ret, NULL);

	if (!rc)
		ret->run.bringup_ns = bu_clocksource_notified_ns(&ret->run);
	return rc;
}

/* How many of the boots that might have been hang, the phases of ticks, the arrivals and the reads drawn for each. */
static int run_many(const struct bu_replay_args *a, const struct bu_cs_schedule *s, const struct bu_replay_job *jobs,
		    const char (*names)[NAME_LEN], size_t n)
{
	const struct bu_mc_options o = { .seed = (uint64_t)a->seed, .runs = a->runs, .jobs = (int)a->jobs };
	json_t *list = json_array(), *root;
	struct bu_err err = BU_ERR_INIT;
	struct bu_mc_result r;
	size_t i;
	int rc = 0;

	if (!a->json)
		printf("%s, %d CPUs, %" PRId64 " runs per core, %s, seed %" PRId64 "\nstop_machine() to tick_clock_notify() by quantile, with "
		       "95 %% confidence:\n\n", s->kernel_release, s->cpus, a->runs, s->config.recorded ?
		       "stoppers and reads drawn from those recorded" : "the phase of each CPU's tick drawn", a->seed);
	for (i = 0; !rc && i < n; i++) {
		struct many m = { &jobs[i], s };
		const struct bu_core_def named = { .family = "clocksource", .name = names[i] };

		fflush(stdout);
		rc = bu_mc_runs(names[i], one_of_many, &m, &o, &r, &err);
		if (rc)
			break;
		if (a->json)
			json_array_append_new(list, bu_json_distribution(&named, &r, o.seed));
		else
			bu_print_distribution(names[i], &r);
		bu_mc_result_fini(&r);
	}
	root = json_pack("{s:s, s:s, s:i, s:o}", "capture", s->capture_name, "kernel_release", s->kernel_release, "cpus", (int)s->cpus,
			 "distributions", list);
	if (!rc && a->json) {
		json_dumpf(root, stdout, JSON_INDENT(2));
		putchar('\n');
	}
	json_decref(root);
	return rc ? bu_cli_failed(&bu_replay_usage, &err) : BU_EXIT_OK;
}

static int run_each(const char *command, const struct bu_replay_args *a, const struct bu_cs_schedule *s, struct bu_replay_job *jobs,
		    const char (*names)[NAME_LEN], size_t n)
{
	const struct bu_run *runs[BU_MAX_CORES];
	const char *name[BU_MAX_CORES];
	struct bu_err err = BU_ERR_INIT;
	size_t i;
	int rc = 0;

	for (i = 0; !rc && i < n; i++) {
		rc = replay(&jobs[i], s, (uint64_t)a->seed, a->draw_all, &jobs[i].result, &err);
		jobs[i].result.run.core = name[i] = names[i];
		runs[i] = &jobs[i].result.run;
	}
	if (!rc && a->out)
		rc = bu_replay_store(a->out, command, runs, n, &err);
	if (rc)
		return bu_cli_failed(&bu_replay_usage, &err);
	if (a->json)
		bu_print_clocksource_json(s, name, runs, n);
	else
		bu_print_clocksource(s, name, runs, n);
	return BU_EXIT_OK;
}

int bu_replay_clocksource_again(const struct bu_replay_args *a, struct bu_replay_job *jobs, size_t *n)
{
	static char names[BU_MAX_CORES][NAME_LEN];	/* the result's core is called so */
	struct bu_cs_schedule s = { 0 };
	struct bu_err err = BU_ERR_INIT;
	bool complete;
	int rc = open_all(a, jobs, names, n);

	if (rc >= 0)
		return rc;
	rc = load(a, &s, &complete, &err);
	if (!rc)
		rc = bu_replay_same_capture(a, s.capture_sha256, &err);
	if (!rc)
		rc = replay(&jobs[0], &s, (uint64_t)a->seed, a->draw_all, &jobs[0].result, &err);
	jobs[0].result.run.core = names[0];
	bu_cs_schedule_fini(&s);
	return rc ? bu_cli_failed(&bu_replay_usage, &err) : -1;
}

int bu_replay_clocksource_cores(const char *command, const struct bu_replay_args *a)
{
	struct bu_replay_job jobs[BU_MAX_CORES] = { 0 };
	char names[BU_MAX_CORES][NAME_LEN];
	struct bu_cs_schedule s = { 0 };
	struct bu_err err = BU_ERR_INIT;
	bool complete = true;
	size_t n = 0;
	int rc;

	rc = open_all(a, jobs, names, &n);
	if (rc >= 0)
		goto out;
	rc = load(a, &s, &complete, &err);
	if (rc) {
		rc = rc == -EINVAL ? bu_cli_usage_error(&bu_replay_usage, "%s", err.text) : bu_cli_failed(&bu_replay_usage, &err);
		goto out;
	}
	rc = a->runs ? run_many(a, &s, jobs, names, n) : run_each(command, a, &s, jobs, names, n);
	if (rc == BU_EXIT_OK && !complete) {
		bu_cli_warn(&bu_replay_usage, "the capture is incomplete ('bringup info %s' says what is missing): intervals may be too",
			    a->capture);
		rc = BU_EXIT_INCOMPLETE;
	}
out:
	bu_replay_jobs_fini(jobs, n);
	bu_cs_schedule_fini(&s);
	return rc;
}
