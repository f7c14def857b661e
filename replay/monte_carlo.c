// SPDX-License-Identifier: GPL-2.0-only
/*
 * monte_carlo.c - see monte_carlo.h.
 *
 * Workers are processes, not threads: a core that has to be stopped by force (guard.h) then cannot hurt the others, and
 * the engine needs no locks. Worker w of j takes runs w, w + j, ...; each result is one small record in a pipe, written
 * whole (PIPE_BUF), put into its place by its run number.
 */
#include "replay/monte_carlo.h"

#include <errno.h>
#include <math.h>
#include <poll.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include "replay/session.h"
#include "schemas/base/hash.h"
#include "schemas/base/mem.h"
#include "schemas/base/ns.h"

const char *const bu_mc_verdict_names[BU_MC_NR_VERDICTS] = {
	"ok", "failed", "deadlock", "lost wakeup", "livelock", "lockup", "saturation", "misuse", "crash", "assertion", "limit",
	"error"
};

struct record {
	int64_t run, bringup_ns;
	uint64_t hash;
	int32_t verdict;	/* enum bu_mc_verdict, or negative errno */
};

uint64_t bu_mc_seed(uint64_t seed, int64_t run)
{
	return bu_hash_mix(seed + (uint64_t)run * UINT64_C(0x9e3779b97f4a7c15));
}

static void one_run(bu_mc_run_fn run, void *ctx, const struct bu_mc_options *o, int64_t i, struct record *ret)
{
	struct bu_replay_result r;
	int v;
	int rc = run(ctx, bu_mc_seed(o->seed, i), &r);

	*ret = (struct record){ .run = i, .bringup_ns = BU_NS_UNKNOWN, .verdict = rc };
	if (rc)
		return;
	for (v = 0; v < BU_MC_ERROR && strcmp(r.run.verdict, bu_mc_verdict_names[v]); v++)
		;
	ret->verdict = v;
	ret->bringup_ns = r.run.bringup_ns;
	ret->hash = r.run.hash;
	bu_replay_result_fini(&r);
}

static void worker(bu_mc_run_fn run, void *ctx, const struct bu_mc_options *o, int w, int fd)
{
	struct record r;
	int64_t i;

	prctl(PR_SET_PDEATHSIG, SIGKILL);	/* no workers without their parent */
	for (i = w; i < o->runs; i += o->jobs) {
		one_run(run, ctx, o, i, &r);
		if (write(fd, &r, sizeof(r)) != sizeof(r) || r.verdict < 0)
			_exit(1);
	}
	_exit(0);
}

/* Starts the workers; the reading end of their pipe is returned, or a negative errno. */
static int start(bu_mc_run_fn run, void *ctx, const struct bu_mc_options *o, pid_t *pids)
{
	int fds[2], w;

	if (pipe(fds))
		return -errno;
	for (w = 0; w < o->jobs; w++) {
		pids[w] = fork();
		if (!pids[w]) {
			close(fds[0]);
			worker(run, ctx, o, w, fds[1]);
		}
		if (pids[w] < 0) {
			w = -errno;
			close(fds[0]);
			close(fds[1]);
			return w;
		}
	}
	close(fds[1]);
	return fds[0];
}

static int collect(int fd, const struct bu_mc_options *o, struct record *all, int64_t *ret_done)
{
	struct record r;
	ssize_t n;

	*ret_done = 0;
	while ((n = read(fd, &r, sizeof(r))) != 0) {
		if (n < 0 && errno == EINTR)
			continue;
		if (n != sizeof(r))
			return n < 0 ? -errno : -EPIPE;
		if (r.verdict < 0)
			return r.verdict;
		all[r.run] = r;
		++*ret_done;
		if (o->progress)
			o->progress(o->ctx, *ret_done);
	}
	return 0;
}

static int summarise(const struct record *all, int64_t runs, struct bu_mc_result *ret)
{
	struct bu_mc_result r = { .hash = BU_HASH_INIT };
	int64_t i;

	r.bringup_ns = calloc((size_t)runs + 1, sizeof(*r.bringup_ns));
	if (!r.bringup_ns)
		return -ENOMEM;
	for (i = 0; i < runs; i++) {
		if (!r.verdicts[all[i].verdict]++)
			r.first[all[i].verdict] = i;
		r.hash = bu_hash_u64(r.hash, all[i].hash);
		if (all[i].bringup_ns != BU_NS_UNKNOWN)
			r.bringup_ns[r.n++] = all[i].bringup_ns;
	}
	r.hash = bu_hash_mix(r.hash);
	qsort(r.bringup_ns, r.n, sizeof(*r.bringup_ns), bu_ns_compare);
	*ret = r;
	return 0;
}

int bu_mc_runs(const char *core, bu_mc_run_fn run, void *ctx, const struct bu_mc_options *options, struct bu_mc_result *ret,
	       struct bu_err *err)
{
	_cleanup_free_ struct record *all = calloc((size_t)options->runs, sizeof(*all));
	_cleanup_free_ pid_t *pids = calloc((size_t)options->jobs, sizeof(*pids));
	int64_t done = 0;
	int fd, w, rc;

	if (!all || !pids)
		return bu_fail_errno(err, -ENOMEM, "%lld runs", (long long)options->runs);
	fd = start(run, ctx, options, pids);
	rc = fd < 0 ? fd : collect(fd, options, all, &done);
	if (fd >= 0)
		close(fd);
	for (w = 0; w < options->jobs; w++) {
		if (pids[w] <= 0)
			continue;
		if (rc)
			kill(pids[w], SIGKILL);
		waitpid(pids[w], NULL, 0);
	}
	if (rc)
		return bu_fail_errno(err, rc, "runs of core %s", core);
	if (done < options->runs)
		return bu_fail(err, -ECHILD, "a worker died: %lld of %lld runs of core %s are missing",
			       (long long)(options->runs - done), (long long)options->runs, core);
	rc = summarise(all, options->runs, ret);
	return rc ? bu_fail_errno(err, rc, "runs of core %s", core) : 0;
}

/* ------------------------------------------------------------------------------------------- of hotplug cores */

struct hotplug_draws {
	const struct bu_core_def *core;
	const struct bu_hp_schedule *schedule;
	const struct bu_mc_options *options;
};

static int draw_and_run(void *ctx, uint64_t seed, struct bu_replay_result *ret)
{
	const struct hotplug_draws *d = ctx;
	const struct bu_replay_options options = {
		.seed = seed, .sampled = BU_SAMPLED_ALL, .params = d->options->params, .guard_ms = d->options->guard_ms,
		.machine = d->options->machine, .recorded_cpus = (int32_t)d->schedule->n_cpus + 1 };
	struct bu_hp_schedule drawn;
	int rc = bu_hp_schedule_resize(d->schedule, d->options->cpus, BU_HP_DRAW_ALL, seed, &drawn, NULL);

	if (rc)
		return rc;
	rc = bu_replay_hotplug(d->core, &drawn, &options, ret, NULL);
	bu_hp_schedule_fini(&drawn);
	return rc;
}

int bu_monte_carlo(const struct bu_core_def *core, const struct bu_hp_schedule *schedule,
		   const struct bu_mc_options *options, struct bu_mc_result *ret, struct bu_err *err)
{
	struct hotplug_draws d = { core, schedule, options };

	return bu_mc_runs(core->name, draw_and_run, &d, options, ret, err);
}

void bu_mc_result_fini(struct bu_mc_result *r)
{
	free(r->bringup_ns);
	*r = (struct bu_mc_result){ 0 };
}

struct bu_mc_quantile bu_mc_quantile(const struct bu_mc_result *r, double p)
{
	const double z = 1.959964;	/* two-sided 95 % of the normal distribution */
	struct bu_mc_quantile q = { BU_NS_UNKNOWN, BU_NS_UNKNOWN, BU_NS_UNKNOWN };
	double n = (double)r->n, half = z * sqrt(n * p * (1 - p)) + 0.5;
	double rank = ceil(n * p), lo = floor(n * p - half), hi = ceil(n * p + half) + 1;

	if (!r->n)
		return q;
	rank = rank < 1 ? 1 : rank;
	lo = lo < 1 ? 1 : lo;
	hi = hi > n ? n : hi;
	q.ns = r->bringup_ns[(size_t)rank - 1];
	q.lo_ns = r->bringup_ns[(size_t)lo - 1];
	q.hi_ns = r->bringup_ns[(size_t)hi - 1];
	return q;
}

void bu_mc_probability(int64_t count, int64_t n, double *ret_p, double *ret_lo, double *ret_hi)
{
	const double z = 1.959964, zz = z * z;
	double nn = (double)n, p = n ? (double)count / nn : 0;
	double mid = (p + zz / (2 * nn)) / (1 + zz / nn);
	double half = z / (1 + zz / nn) * sqrt(p * (1 - p) / nn + zz / (4 * nn * nn));

	*ret_p = p;
	*ret_lo = n && mid > half ? mid - half : 0;
	*ret_hi = n && mid + half < 1 ? mid + half : 1;
}
