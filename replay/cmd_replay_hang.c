// SPDX-License-Identifier: GPL-2.0-only
/*
 * cmd_replay_hang.c - `bringup replay --hang CORES`: hangs that the kernel had, each as it was and as it was mended.
 *
 * Flow: family_hang, twice per core -> text or JSON, runs.db.
 */
#include <jansson.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "replay/commands_int.h"
#include "replay/family_hang.h"
#include "replay/kit/hang.h"
#include "replay/print.h"
#include "replay/print_text.h"

enum { DEFAULT_CPUS = 8 };

struct pair {			/* of one core: as it was, mended */
	struct bu_replay_result was, mended;
};

static int run_job(const struct bu_replay_args *a, const struct bu_replay_job *job, struct bu_replay_result *ret, struct bu_err *err)
{
	const struct bu_replay_options o = { .seed = (uint64_t)a->seed, .guard_ms = BU_GUARD_MS, .params = job->params,
					     .recorded_cpus = a->cpus ? (int32_t)a->cpus : DEFAULT_CPUS };

	return bu_replay_hang(&job->core.def, &o, ret, err);
}

static int run_pair(const struct bu_replay_args *a, const struct bu_replay_job *job, struct pair *ret, struct bu_err *err)
{
	int rc;

	job->params[HANG_MENDED] = 0;
	rc = run_job(a, job, &ret->was, err);
	job->params[HANG_MENDED] = 1;
	return rc ? rc : run_job(a, job, &ret->mended, err);
}

static void print(const struct pair *pairs, size_t n)
{
	size_t i;

	printf("%-16s %-42s %-12s %s\n", "hang", "mended by", "verdict", "mended");
	for (i = 0; i < n; i++) {
		const struct bu_run *was = &pairs[i].was.run, *mended = &pairs[i].mended.run;

		printf("%-16s %-42s %-12s %s\n", was->core, was->core_source, was->verdict, mended->verdict);
	}
	for (i = 0; i < n; i++) {
		if (pairs[i].was.run.witness)
			bu_print_witness(pairs[i].was.run.core, pairs[i].was.run.witness);
		if (pairs[i].mended.run.witness)
			bu_print_witness(pairs[i].mended.run.core, pairs[i].mended.run.witness);
	}
}

static int print_json(const struct bu_run *const *runs, size_t n)
{
	json_t *list = json_array(), *root;
	size_t i;
	int rc;

	for (i = 0; i < n; i++)
		json_array_append_new(list, bu_json_text_run(runs[i]));
	root = json_pack("{s:o}", "runs", list);
	rc = json_dumpf(root, stdout, JSON_INDENT(2));
	putchar('\n');
	json_decref(root);
	return rc ? BU_EXIT_FAILED : BU_EXIT_OK;
}

/* Return: -1 to go on, else the exit code of the refusal. */
static int open_cores(const struct bu_replay_args *a, struct bu_replay_job *jobs, size_t *n)
{
	int rc = bu_replay_open(a, "hang", a->hang, jobs, n);
	size_t i;

	if (rc >= 0)
		return rc;
	if (a->capture || a->runs || a->model)
		return bu_cli_usage_error(&bu_replay_usage, "--hang takes no capture, no --runs and no --model: these machines are made up, "
					  "and nothing in them is drawn");
	if (a->cpus && a->cpus < HANG_CPUS)
		return bu_cli_usage_error(&bu_replay_usage, "--hang wants at least %d CPUs", HANG_CPUS);
	for (i = 0; i < *n; i++)
		if (!bu_hang_can_mend(&jobs[i].core.def))
			return bu_cli_usage_error(&bu_replay_usage, "core %s: the first parameter of a hang has to be 'mended'",
						  jobs[i].core.def.name);
	return -1;
}

int bu_replay_hang_again(const struct bu_replay_args *a, struct bu_replay_job *jobs, size_t *n)
{
	struct bu_err err = BU_ERR_INIT;
	int rc = open_cores(a, jobs, n);

	if (rc >= 0)
		return rc;
	rc = run_job(a, &jobs[0], &jobs[0].result, &err);
	return rc ? bu_cli_failed(&bu_replay_usage, &err) : -1;
}

int bu_replay_hang_cores(const char *command, const struct bu_replay_args *a)
{
	struct bu_replay_job jobs[BU_MAX_CORES] = { 0 };
	struct pair pairs[BU_MAX_CORES] = { 0 };
	const struct bu_run *runs[2 * BU_MAX_CORES];
	struct bu_err err = BU_ERR_INIT;
	size_t i, n = 0;
	int rc = open_cores(a, jobs, &n), exit_code;

	if (rc >= 0) {
		bu_replay_jobs_fini(jobs, n);
		return rc;
	}
	for (i = 0, rc = 0; !rc && i < n; i++) {
		rc = run_pair(a, &jobs[i], &pairs[i], &err);
		runs[2 * i] = &pairs[i].was.run;
		runs[2 * i + 1] = &pairs[i].mended.run;
	}
	if (!rc && a->out)
		rc = bu_replay_store(a->out, command, runs, 2 * n, &err);
	exit_code = rc ? bu_cli_failed(&bu_replay_usage, &err) : BU_EXIT_OK;
	if (!rc && a->json)
		exit_code = print_json(runs, 2 * n);
	else if (!rc)
		print(pairs, n);
	for (i = 0; i < n; i++) {
		bu_replay_result_fini(&pairs[i].was);
		bu_replay_result_fini(&pairs[i].mended);
	}
	bu_replay_jobs_fini(jobs, n);
	return exit_code;
}
