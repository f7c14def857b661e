// SPDX-License-Identifier: GPL-2.0-only
/* cmd_replay_many.c - `bringup replay --runs N`: the distribution of what might have been. */
#include <inttypes.h>
#include <jansson.h>
#include <stdio.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "replay/commands_int.h"
#include "replay/monte_carlo.h"
#include "replay/print.h"
#include "schemas/base/ns.h"

struct progress {
	const char *core;
	int64_t runs, started_ns, shown_ns;
};

static int64_t clock_ns(void)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	return now.tv_sec * BU_NS_PER_S + now.tv_nsec;
}

static void show_progress(void *ctx, int64_t done)
{
	static const char bar[] = "####################";
	struct progress *p = ctx;
	const int64_t ns = clock_ns();

	if (ns - p->shown_ns < 200 * BU_NS_PER_MS && done < p->runs)
		return;
	p->shown_ns = ns;
	fprintf(stderr, "\r%s [%-*.*s] %" PRId64 " of %" PRId64 " runs, %.0f/s, %.0f s left \033[K", p->core, (int)strlen(bar),
		(int)((int64_t)strlen(bar) * done / p->runs), bar, done, p->runs, (double)done * 1e9 / (double)(ns - p->started_ns + 1),
		(double)(p->runs - done) * (double)(ns - p->started_ns) / 1e9 / (double)done);
	if (done == p->runs)
		fputs("\r\033[K", stderr);
}

int bu_replay_many(const struct bu_replay_args *a, const struct bu_replay_input *in, struct bu_replay_job *jobs, size_t n)
{
	const struct bu_hp_schedule *s = &in->recorded;
	struct bu_mc_options o = { .cpus = (int32_t)(a->cpus ? a->cpus : (int64_t)s->n_cpus + 1), .seed = (uint64_t)a->seed,
				   .runs = a->runs, .jobs = (int)a->jobs, .guard_ms = BU_GUARD_MS,
				   .machine = &in->description.machine };
	struct bu_err err = BU_ERR_INIT;
	json_t *list = json_array(), *root;
	size_t i;
	int rc = 0;

	if (!a->json)
		printf("%s, %d CPUs, %" PRId64 " runs per core, every part and step drawn from the recording, seed %" PRId64
		       "\nbring-up time by quantile, with 95 %% confidence:\n\n", s->kernel_release, o.cpus, a->runs, a->seed);
	for (i = 0; !rc && i < n; i++) {
		struct progress progress = { .core = jobs[i].core.def.name, .runs = a->runs, .started_ns = clock_ns() };
		struct bu_mc_result r;

		o.params = jobs[i].params;
		o.ctx = &progress;
		o.progress = isatty(STDERR_FILENO) ? show_progress : NULL;
		fflush(stdout);
		rc = bu_monte_carlo(&jobs[i].core.def, s, &o, &r, &err);
		if (rc)
			break;
		if (a->json)
			json_array_append_new(list, bu_json_distribution(&jobs[i].core.def, &r, o.seed));
		else
			bu_print_distribution(jobs[i].core.def.name, &r);
		bu_mc_result_fini(&r);
	}
	root = json_pack("{s:s, s:s, s:i, s:o}", "capture", s->capture_name, "kernel_release", s->kernel_release, "cpus",
			 (int)o.cpus, "distributions", list);
	if (!rc && a->json) {
		json_dumpf(root, stdout, JSON_INDENT(2));
		putchar('\n');
	}
	json_decref(root);
	return rc ? bu_cli_failed(&bu_replay_usage, &err) : BU_EXIT_OK;
}
