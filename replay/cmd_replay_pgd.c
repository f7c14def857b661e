// SPDX-License-Identifier: GPL-2.0-only
/*
 * cmd_replay_pgd.c - `bringup replay --pgd CORES`: the page tables of a capture, of events written in a file, or of a storm
 * that is made up with --model.
 *
 * Flow: capture.db, --events or --model -> schedule -> family_pgd, once per core or many times -> text or JSON, runs.db.
 */
#include <errno.h>
#include <inttypes.h>
#include <jansson.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "replay/commands_int.h"
#include "replay/family_pgd.h"
#include "replay/monte_carlo.h"
#include "replay/print.h"
#include "replay/print_pgd.h"
#include "replay/print_text.h"
#include "schemas/base/hash.h"
#include "schemas/base/mem.h"
#include "schemas/store/db.h"

/* What verifying such a run needs: where the events are, and which they were. */
static int keep_figures(struct bu_pgd_schedule *s, const char *path, const char *text)
{
	_cleanup_free_ char *whole = realpath(path, NULL), *dump = NULL;
	char hash[17];
	json_t *o;

	snprintf(hash, sizeof(hash), "%016" PRIx64, bu_hash_bytes(BU_HASH_INIT, text, strlen(text)));
	o = json_pack("{s:s, s:s}", "events", whole ? whole : path, "events_hash", hash);
	dump = o ? json_dumps(o, JSON_COMPACT) : NULL;
	json_decref(o);
	s->figures = dump ? bu_arena_strdup(&s->arena, dump) : NULL;
	return s->figures ? 0 : -ENOMEM;
}

int bu_pgd_read_events(const char *path, struct bu_pgd_schedule *s, struct bu_err *err)
{
	_cleanup_free_ char *text = NULL;
	size_t len = 0;
	FILE *f = fopen(path, "r");
	int rc;

	if (!f)
		return bu_fail_errno(err, -errno, "%s", path);
	rc = getdelim(&text, &len, '\0', f) < 0 && ferror(f) ? -EIO : 0;
	fclose(f);
	if (rc)
		return bu_fail_errno(err, rc, "%s", path);
	rc = bu_pgd_schedule_read(text ? text : "", s, err);
	if (rc)
		return bu_fail(err, rc, "%s", path);
	return keep_figures(s, path, text ? text : "");
}

static int load(const struct bu_replay_args *a, struct bu_pgd_schedule *s, bool *ret_complete, struct bu_err *err)
{
	_cleanup_(bu_db_closep) struct bu_db *db = NULL;
	int64_t complete = 1;
	char figures[32];
	int rc;

	*ret_complete = true;
	if ((a->capture != NULL) + (a->events != NULL) + (a->model != NULL) != 1)
		return bu_fail(err, -EINVAL, "--pgd wants one of a capture, --events and --model");
	if (a->slot_shift && !a->capture)
		return bu_fail(err, -EINVAL, "--slot-shift is for captures");
	if (a->events)
		return bu_pgd_read_events(a->events, s, err);
	if (a->model)
		return bu_pgd_made_up(a->model, s, err);
	rc = bu_db_open(a->capture, &bu_capture_format, &db, err);
	if (!rc)
		rc = bu_pgd_schedule_load(db, (int)a->slot_shift, s, err);
	if (!rc && bu_db_i64(db, "SELECT complete FROM capture", &complete, err) < 0)
		rc = -EIO;
	*ret_complete = complete;
	snprintf(figures, sizeof(figures), "{\"slot_shift\":%d}", (int)a->slot_shift);
	if (!rc)
		s->figures = bu_arena_strdup(&s->arena, figures);
	return rc || s->figures ? rc : bu_fail_errno(err, -ENOMEM, "%s", a->capture);
}

struct many {
	const struct bu_replay_job *job;
	const struct bu_pgd_schedule *schedule;
};

static int one_of_many(void *ctx, uint64_t seed, struct bu_replay_result *ret)
{
	const struct many *m = ctx;
	const struct bu_replay_options o = { .seed = seed, .sampled = BU_SAMPLED_ALL, .guard_ms = BU_GUARD_MS,
					     .params = m->job->params, .recorded_cpus = m->schedule->cpus };
	struct bu_pgd_outcome out;

	return bu_replay_pgd(&m->job->core.def, m->schedule, &o, ret, &out, NULL);
}

static void print_json(const struct bu_pgd_schedule *s, json_t *runs)
{
	json_t *root = json_pack("{s:s, s:s, s:s, s:o, s:o}", "capture", s->capture_name, "capture_sha256", s->capture_sha256,
				 "kernel_release", s->kernel_release, "pgd", bu_json_pgd_schedule(s), "runs", runs);

	json_dumpf(root, stdout, JSON_INDENT(2));
	putchar('\n');
	json_decref(root);
}

/* How many of the recordings that might have been end how, the times between events drawn for each. */
static int run_many(const struct bu_replay_args *a, const struct bu_pgd_schedule *s, struct bu_replay_job *jobs, size_t n)
{
	const struct bu_mc_options o = { .seed = (uint64_t)a->seed, .runs = a->runs, .jobs = (int)a->jobs };
	json_t *list = json_array();
	struct bu_err err = BU_ERR_INIT;
	struct bu_mc_result r;
	size_t i;
	int rc = 0;

	if (!a->json) {
		bu_print_pgd_schedule(s);
		printf("\n%" PRId64 " runs per core, the times between the events of each CPU drawn from those recorded, seed %" PRId64
		       "; end of the run by quantile:\n\n", a->runs, a->seed);
	}
	for (i = 0; !rc && i < n; i++) {
		struct many m = { &jobs[i], s };

		fflush(stdout);
		rc = bu_mc_runs(jobs[i].core.def.name, one_of_many, &m, &o, &r, &err);
		if (rc)
			break;
		if (a->json)
			json_array_append_new(list, bu_json_many(&jobs[i].core.def, &r, o.seed, "ok_share", BU_MC_OK));
		else
			bu_print_distribution(jobs[i].core.def.name, &r);
		bu_mc_result_fini(&r);
	}
	if (!rc && a->json)
		print_json(s, json_incref(list));
	json_decref(list);
	return rc ? bu_cli_failed(&bu_replay_usage, &err) : BU_EXIT_OK;
}

static int run_each(const char *command, const struct bu_replay_args *a, const struct bu_pgd_schedule *s,
		    struct bu_replay_job *jobs, size_t n)
{
	struct bu_replay_options o = { .seed = (uint64_t)a->seed, .guard_ms = BU_GUARD_MS, .recorded_cpus = s->cpus,
				       .sampled = a->draw_all ? BU_SAMPLED_ALL : BU_SAMPLED_NONE };
	struct bu_pgd_outcome out[BU_MAX_CORES];
	const struct bu_run *runs[BU_MAX_CORES];
	struct bu_err err = BU_ERR_INIT;
	json_t *list;
	size_t i;
	int rc = 0;

	for (i = 0; !rc && i < n; i++) {
		o.params = jobs[i].params;
		rc = bu_replay_pgd(&jobs[i].core.def, s, &o, &jobs[i].result, &out[i], &err);
		runs[i] = &jobs[i].result.run;
	}
	if (!rc && a->out)
		rc = bu_replay_store(a->out, command, runs, n, &err);
	if (rc)
		return bu_cli_failed(&bu_replay_usage, &err);
	if (!a->json) {
		bu_print_pgd_schedule(s);
		bu_print_pgd_runs(runs, out, n);
		return BU_EXIT_OK;
	}
	list = json_array();
	for (i = 0; i < n; i++)
		json_array_append_new(list, bu_json_text_run(runs[i]));
	print_json(s, list);
	return BU_EXIT_OK;
}

/* Of a stored run's figures, "events=PATH,events_hash=HASH": the path, terminated; NULL: they are others. */
static char *events_path(char *figures)
{
	char *hash = strncmp(figures, "events=", 7) ? NULL : strstr(figures, ",events_hash=");

	if (!hash)
		return NULL;
	*hash = '\0';
	return figures + 7;
}

int bu_replay_pgd_again(const struct bu_replay_args *args, struct bu_replay_job *jobs, size_t *n)
{
	struct bu_replay_options o = { .seed = (uint64_t)args->seed, .guard_ms = BU_GUARD_MS,
				       .sampled = args->draw_all ? BU_SAMPLED_ALL : BU_SAMPLED_NONE };
	_cleanup_free_ char *figures = strdup(args->model);
	struct bu_replay_args a = *args;
	struct bu_pgd_schedule s = { 0 };
	struct bu_pgd_outcome out;
	struct bu_err err = BU_ERR_INIT;
	bool complete;
	int rc = bu_replay_open(&a, "pgd", a.pgd, jobs, n);

	if (rc >= 0)
		return rc;
	a.model = NULL;
	if (a.capture)	/* "slot_shift=N" */
		a.slot_shift = strtoll(args->model + strcspn(args->model, "0123456789"), NULL, 10);
	else if (figures && !(a.events = events_path(figures)))
		a.model = args->model;
	rc = figures ? load(&a, &s, &complete, &err) : bu_fail_errno(&err, -ENOMEM, "run %" PRId64, a.verify);
	if (!rc)
		rc = bu_replay_same_capture(&a, s.capture_sha256, &err);
	if (!rc && a.events && !strstr(s.figures, strrchr(args->model, '=') + 1))
		rc = bu_fail(&err, -ENOEXEC, "%s holds other events than those that run %" PRId64 " replayed", a.events, a.verify);
	o.params = jobs[0].params;
	o.recorded_cpus = s.cpus;
	if (!rc)
		rc = bu_replay_pgd(&jobs[0].core.def, &s, &o, &jobs[0].result, &out, &err);
	bu_pgd_schedule_fini(&s);
	return rc ? bu_cli_failed(&bu_replay_usage, &err) : -1;
}

int bu_replay_pgd_cores(const char *command, const struct bu_replay_args *a)
{
	struct bu_replay_job jobs[BU_MAX_CORES] = { 0 };
	struct bu_pgd_schedule s = { 0 };
	struct bu_err err = BU_ERR_INIT;
	bool complete = true;
	struct stat st;
	size_t n = 0;
	int rc;

	rc = bu_replay_open(a, "pgd", a->pgd, jobs, &n);
	if (rc >= 0)
		goto out;
	if (a->events && !stat(a->events, &st) && S_ISDIR(st.st_mode)) {
		rc = bu_replay_pgd_folder(a, jobs, n);
		goto out;
	}
	rc = load(a, &s, &complete, &err);
	if (rc) {
		rc = rc == -EINVAL ? bu_cli_usage_error(&bu_replay_usage, "%s", err.text) : bu_cli_failed(&bu_replay_usage, &err);
		goto out;
	}
	rc = a->runs ? run_many(a, &s, jobs, n) : run_each(command, a, &s, jobs, n);
	if (rc == BU_EXIT_OK && !complete) {
		bu_cli_warn(&bu_replay_usage, "the capture is incomplete ('bringup info %s' says what is missing): events may be too",
			    a->capture);
		rc = BU_EXIT_INCOMPLETE;
	}
out:
	bu_replay_jobs_fini(jobs, n);
	bu_pgd_schedule_fini(&s);
	return rc;
}
