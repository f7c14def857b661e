// SPDX-License-Identifier: GPL-2.0-only
/* cmd_replay_verify.c - `bringup replay --verify RUN -o runs.db`: a stored run once more; is it the same? */
#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "replay/commands_int.h"
#include "schemas/base/mem.h"
#include "schemas/base/ns.h"
#include "schemas/store/db.h"

struct stored_run {
	char core[64], capture[4096], sha256[65], hash[17], version[128];
	char params[1024];
	char machine[4096], recorded_machine[4096];
	char family[32], model[4096];	/* model: machine as --model is written */
	int64_t cpus, recorded_cpus, seed, bringup_ns;
	int sampled;		/* enum bu_sampled */
};

static int read_run(const struct bu_replay_args *a, struct stored_run *r, struct bu_err *err)
{
	_cleanup_(bu_db_closep) struct bu_db *db = NULL;
	_cleanup_(bu_stmt_closep) struct bu_stmt *st = NULL;
	const struct { char *to; size_t room; } text[] = {
		{ r->core, sizeof(r->core) }, { r->capture, sizeof(r->capture) }, { r->sha256, sizeof(r->sha256) },
		{ r->hash, sizeof(r->hash) }, { r->version, sizeof(r->version) }, { r->params, sizeof(r->params) },
		{ r->machine, sizeof(r->machine) }, { r->recorded_machine, sizeof(r->recorded_machine) },
		{ r->family, sizeof(r->family) }, { r->model, sizeof(r->model) },
	};
	size_t i;
	int rc;

	rc = bu_db_open(a->out, &bu_run_format, &db, err);
	if (!rc)
		rc = bu_stmt_prepare(db, "SELECT core, capture_name, capture_sha256, hash, bringup_version,"
				     "(SELECT coalesce(group_concat(key || '=' || value), '') FROM json_each(params)), machine, recorded_machine,"
				     "family, (SELECT coalesce(group_concat(key || '=' || value), '') FROM json_each(machine)),"
				     "cpus, recorded_cpus, seed, bringup_ns, sampled FROM run WHERE id = ?", &st, err);
	if (rc)
		return rc;
	bu_stmt_bind_i64(st, 1, a->verify);
	rc = bu_stmt_step(st, err);
	if (rc < 0)
		return rc;
	if (!rc)
		return bu_fail(err, -ENOENT, "%s has no run %" PRId64, a->out, a->verify);
	for (i = 0; i < ARRAY_SIZE(text); i++)
		snprintf(text[i].to, text[i].room, "%s", bu_stmt_text(st, (int)i));
	i = ARRAY_SIZE(text);
	r->cpus = bu_stmt_i64(st, (int)i);
	r->recorded_cpus = bu_stmt_i64(st, (int)i + 1);
	r->seed = bu_stmt_i64(st, (int)i + 2);
	r->bringup_ns = bu_stmt_ns(st, (int)i + 3);
	r->sampled = (int)bu_stmt_i64(st, (int)i + 4);
	return 0;
}

/* Return: -1 to go on, else the exit code of the refusal. */
static int hotplug_again(struct bu_replay_args *a, const struct stored_run *r, struct bu_replay_job *jobs, size_t *n)
{
	struct bu_replay_options options = { .guard_ms = BU_GUARD_MS };
	struct bu_replay_input in = { .complete = true };
	struct bu_err err = BU_ERR_INIT;
	int rc;

	a->cpus = r->cpus == r->recorded_cpus && strcmp(r->sha256, BU_HP_MADE_UP) ? 0 : r->cpus;
	a->stored_machine = r->machine;
	a->stored_recorded = r->recorded_machine;
	rc = bu_replay_cores(a, jobs, n);
	if (rc >= 0)
		return rc;
	rc = bu_replay_load(a, &in, &err);
	if (!rc)
		rc = bu_replay_same_capture(a, in.recorded.capture_sha256, &err);
	options.params = jobs[0].params;
	options.seed = (uint64_t)r->seed;
	options.machine = &in.description.machine;
	options.recorded_cpus = (int32_t)r->recorded_cpus;
	if (!rc)
		rc = bu_replay_hotplug(&jobs[0].core.def, in.resized.n_cpus ? &in.resized : &in.recorded, &options,
				       &jobs[0].result, &err);
	bu_replay_input_fini(&in);
	return rc ? bu_cli_failed(&bu_replay_usage, &err) : -1;
}

int bu_replay_same_capture(const struct bu_replay_args *a, const char *sha256, struct bu_err *err)
{
	if (!strcmp(sha256, a->stored_sha256))
		return 0;
	return bu_fail(err, -ENOEXEC, "%s is not the capture that run %" PRId64 " replayed: its trace has sha256 %.16s..., the run's %.16s...",
		       a->capture, a->verify, sha256, a->stored_sha256);
}

/* The capture called @name: beside the database of runs, or here. Written to @room bytes at @path. */
static int find_capture(const struct bu_replay_args *a, const char *name, char *path, size_t room, struct bu_err *err)
{
	const char *slash = strrchr(a->out, '/');

	snprintf(path, room, "%.*s%s", slash ? (int)(slash - a->out) + 1 : 0, a->out, name);
	if (!access(path, R_OK))
		return 0;
	snprintf(path, room, "%s", name);
	if (!access(path, R_OK))
		return 0;
	return bu_fail(err, -ENOENT, "run %" PRId64 " replayed %s, which is neither beside %s nor here; say where it is: "
		       "bringup replay CAPTURE.db --verify %" PRId64 " -o %s", a->verify, name, a->out, a->verify, a->out);
}

/* Runs a stored run again, from what the database says of it; a plugin's path must be given with the option of its family. */
int bu_replay_verify(struct bu_replay_args *a)
{
	const struct bu_usage *usage = &bu_replay_usage;
	struct bu_replay_job jobs[BU_MAX_CORES] = { 0 };
	struct bu_err err = BU_ERR_INIT;
	struct stored_run r;
	const char **core;
	char hash[17] = "", path[8192];
	bool same;
	size_t n = 0;
	int rc;

	if (!a->out)
		return bu_cli_usage_error(usage, "--verify wants the database of runs with -o");
	rc = read_run(a, &r, &err);
	if (rc)
		return bu_cli_failed(usage, &err);
	core = !strcmp(r.family, "text") ? &a->text : !strcmp(r.family, "clocksource") ? &a->clocksource :
	       !strcmp(r.family, "pgd") ? &a->pgd : !strcmp(r.family, "hang") ? &a->hang : &a->hotplug;
	if (!*core)
		*core = r.core;
	if (!a->capture && *r.sha256 && strcmp(r.sha256, BU_HP_MADE_UP)) {
		if (find_capture(a, r.capture, path, sizeof(path), &err))
			return bu_cli_failed(usage, &err);
		a->capture = path;
	}
	a->seed = r.seed;
	a->draw_all = r.sampled == BU_SAMPLED_ALL;
	a->params = r.params;
	a->stored_sha256 = r.sha256;
	if (core == &a->hang) {
		a->cpus = r.cpus;
		rc = bu_replay_hang_again(a, jobs, &n);
	} else if (core != &a->hotplug) {
		a->model = r.model;
		a->cpus = r.cpus;
		rc = core == &a->text ? bu_replay_text_again(a, jobs, &n) : core == &a->pgd ? bu_replay_pgd_again(a, jobs, &n) :
		     bu_replay_clocksource_again(a, jobs, &n);
	} else {
		rc = hotplug_again(a, &r, jobs, &n);
	}
	if (rc < 0 && (n != 1 || strcmp(jobs[0].result.run.core, r.core)))
		rc = bu_cli_usage_error(usage, "run %" PRId64 " was made by core %s; leave out --%s, or name a plugin with "
					  "that core", a->verify, r.core, r.family);
	if (rc >= 0)
		goto out;
	snprintf(hash, sizeof(hash), "%016" PRIx64, jobs[0].result.run.hash);
	same = !strcmp(hash, r.hash) && jobs[0].result.run.bringup_ns == r.bringup_ns;
	if (a->json)
		printf("{\"run\": %" PRId64 ", \"same\": %s, \"hash\": \"%s\", \"stored_hash\": \"%s\"}\n", a->verify,
		       same ? "true" : "false", hash, r.hash);
	else
		printf("run %" PRId64 " of core %s: %s (hash %s, stored %s, made by bringup %s)\n", a->verify, r.core,
		       same ? "the same again" : "DIFFERENT now", hash, r.hash, r.version);
	rc = same ? BU_EXIT_OK : BU_EXIT_FAILED;
out:
	bu_replay_jobs_fini(jobs, n);
	return rc;
}
