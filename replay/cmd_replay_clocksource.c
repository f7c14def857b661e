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
#include "replay/print.h"
#include "schemas/base/mem.h"
#include "schemas/base/ns.h"
#include "schemas/store/db.h"

struct named_job {
	struct bu_replay_job job;
	char name[96];		/* as given */
};

/* "stop-machine+combining" is core stop-machine with its parameter reader set. Return: -1, else the exit code of the refusal. */
static int open_one(const struct bu_replay_args *a, const char *text, size_t len, struct named_job *j)
{
	const char *plus = memchr(text, '+', len);
	const size_t core_len = plus ? (size_t)(plus - text) : len;
	_cleanup_free_ char *params = NULL;
	struct bu_err err = BU_ERR_INIT;
	int rc;

	snprintf(j->name, sizeof(j->name), "%.*s", (int)len, text);
	rc = bu_core_open("clocksource", text, core_len, &j->job.core, &err);
	if (rc)
		return rc == -ESRCH ? bu_cli_usage_error(&bu_replay_usage, "%s", err.text) : bu_cli_failed(&bu_replay_usage, &err);
	if (asprintf(&params, "%s%s%s%.*s", a->params ? a->params : "", a->params && plus ? "," : "", plus ? "reader=" : "",
		     plus ? (int)(len - core_len - 1) : 0, plus ? plus + 1 : "") < 0)
		params = NULL;
	j->job.params = calloc(bu_core_n_params(&j->job.core.def) + 1, sizeof(*j->job.params));
	if (!params || !j->job.params)
		return bu_cli_failed(&bu_replay_usage, &(struct bu_err){ -ENOMEM, "out of memory" });
	if (bu_core_params(&j->job.core.def, params, j->job.params, &err))
		return bu_cli_usage_error(&bu_replay_usage, "%s", err.text);
	return -1;
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
	return rc ? rc : bu_clock_model(s, (int32_t)a->cpus, a->model, err);
}

int bu_replay_clocksource_cores(const char *command, const struct bu_replay_args *a)
{
	struct named_job jobs[BU_MAX_CORES] = { 0 };
	struct bu_cs_schedule s = { 0 };
	struct bu_replay_options options = { .seed = (uint64_t)a->seed, .guard_ms = BU_GUARD_MS };
	const struct bu_run *runs[BU_MAX_CORES];
	const char *names[BU_MAX_CORES], *p;
	struct bu_err err = BU_ERR_INIT;
	bool complete = true;
	size_t n = 0, i, len;
	int rc = -1, bad;

	for (p = a->clocksource; rc < 0 && *p; p += len + (p[len] == ',')) {
		len = strcspn(p, ",");
		if (n == BU_MAX_CORES)
			rc = bu_cli_usage_error(&bu_replay_usage, "more than %d cores at once", BU_MAX_CORES);
		else
			rc = open_one(a, p, len, &jobs[n++]);
	}
	if (rc >= 0)
		goto out;
	bad = load(a, &s, &complete, &err);
	options.recorded_cpus = s.cpus;
	for (i = 0; !bad && i < n; i++) {
		options.params = jobs[i].job.params;
		bad = bu_replay_clocksource(&jobs[i].job.core.def, &s, &options, &jobs[i].job.result, &err);
		jobs[i].job.result.run.core = jobs[i].name;
		runs[i] = &jobs[i].job.result.run;
		names[i] = jobs[i].name;
	}
	if (!bad && a->out)
		bad = bu_replay_store(a->out, command, runs, n, &err);
	if (bad) {
		rc = bad == -EINVAL ? bu_cli_usage_error(&bu_replay_usage, "%s", err.text) : bu_cli_failed(&bu_replay_usage, &err);
		goto out;
	}
	if (a->json)
		bu_print_clocksource_json(&s, names, runs, n);
	else
		bu_print_clocksource(&s, names, runs, n);
	rc = BU_EXIT_OK;
	if (!complete) {
		bu_cli_warn(&bu_replay_usage, "the capture is incomplete ('bringup info %s' says what is missing): intervals may be too",
			    a->capture);
		rc = BU_EXIT_INCOMPLETE;
	}
out:
	for (i = 0; i < n; i++)
		bu_replay_jobs_fini(&jobs[i].job, 1);
	bu_cs_schedule_fini(&s);
	return rc;
}
