// SPDX-License-Identifier: GPL-2.0-only
/*
 * plot_scaling.c - the data of the scaling plot: bring-up time against the number of CPUs, a line per core, and the recorded
 * boots as points on it. Both axes are logarithmic: a core that takes the same time per CPU is a straight line.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "analyze/plot_int.h"

enum { MAX_LINES = 8, WIDTH_PX = 980, HEIGHT_PX = 620 };

struct point {
	int64_t cpus, ns;
};

static int by_cpus(const void *a, const void *b)
{
	const struct point *x = a, *y = b;

	return x->cpus != y->cpus ? (x->cpus > y->cpus) - (x->cpus < y->cpus) : (x->ns > y->ns) - (x->ns < y->ns);
}

static bool is_recording(const struct bu_boot *b)
{
	return !b->is_run || !strcmp(b->core, "recorded");
}

/* The points of one core, or of the recordings of one algorithm behind all runs, without those that are there already. */
static size_t points_of(const struct bu_plot_job *job, const char *core, const char *algorithm, struct point *ret)
{
	size_t i, k, n = 0;

	for (i = 0; i < job->n; i++) {
		const struct bu_boot *b = &job->boots[i];
		struct point p = { b->cpus_total, b->bringup_ns };

		if (core ? is_recording(b) || strcmp(b->core, core) : strcmp(b->algorithm, algorithm))
			continue;
		if (!core && b->is_run)
			p = (struct point){ b->recorded_cpus, b->recorded_bringup_ns };
		if (p.cpus < 1 || p.ns <= 0)
			continue;
		for (k = 0; k < n && by_cpus(&ret[k], &p); k++)
			;
		if (k == n)
			ret[n++] = p;
	}
	qsort(ret, n, sizeof(*ret), by_cpus);
	return n;
}

static int write_points(struct bu_plot_job *job, const char *file, const struct point *p, size_t n, struct bu_err *err)
{
	FILE *f = bu_plot_file(job, file, err);
	size_t i;

	if (!f)
		return err && err->code ? err->code : -EIO;
	fprintf(f, "# CPUs, seconds\n");
	for (i = 0; i < n; i++)
		fprintf(f, "%lld %.9g\n", (long long)p[i].cpus, (double)p[i].ns / 1e9);
	return bu_plot_close(job, f, err);
}

/* Names that differ, at most MAX_LINES, in the order of the runs: of cores, or of recorded algorithms. Return: how many. */
static size_t names_of(const struct bu_plot_job *job, bool cores, const char **ret)
{
	size_t i, k, n = 0;

	for (i = 0; i < job->n && n < MAX_LINES; i++) {
		const struct bu_boot *b = &job->boots[i];
		const char *name = cores ? b->core : b->algorithm;

		if (b->ticks || (cores && is_recording(b)) || !name)
			continue;
		for (k = 0; k < n && strcmp(ret[k], name); k++)
			;
		if (k == n)
			ret[n++] = name;
	}
	return n;
}

static int write_series(struct bu_plot_job *job, bool cores, struct point *p, size_t *ret_n, struct bu_err *err)
{
	const char *const what = cores ? "line" : "mark", *name[MAX_LINES];
	const size_t n = names_of(job, cores, name);
	char file[32];
	size_t k;
	int rc = 0;

	fprintf(job->vars, "%ss = %zu\narray %s_name[%zu]\n", what, n, what, n ? n : 1);
	for (k = 0; !rc && k < n; k++) {
		snprintf(file, sizeof(file), "%s%zu.dat", what, k + 1);
		rc = write_points(job, file, p, points_of(job, cores ? name[k] : NULL, name[k], p), err);
		fprintf(job->vars, "%s_name[%zu] = ", what, k + 1);
		bu_plot_text(job->vars, name[k]);
		putc('\n', job->vars);
	}
	*ret_n = n;
	return rc;
}

int bu_plot_scaling(struct bu_plot_job *job, struct bu_err *err)
{
	_cleanup_free_ struct point *p = calloc(job->n + 1, sizeof(*p));
	const struct bu_boot *first = job->boots;
	char name[200], host[64];
	size_t lines, marks;
	int rc;

	if (!p)
		return bu_fail_errno(err, -ENOMEM, "plot");
	job->width_px = job->opts->width_px ? job->opts->width_px : WIDTH_PX;
	job->height_px = job->opts->height_px ? job->opts->height_px : HEIGHT_PX;
	bu_plot_terminal(job);
	rc = write_series(job, true, p, &lines, err);
	if (!rc)
		rc = write_series(job, false, p, &marks, err);
	if (!rc && !lines)
		return bu_fail(err, -ENODATA, "%s has no run of a core; make some of several sizes: bringup replay BOOT.db --cpus N -o "
			       "RUNS.db", first->file);
	while (is_recording(first))
		first++;
	snprintf(name, sizeof(name), "%s by number of CPUs%s, from a %s of Linux %s with %lld",
		 first->runtime ? "Time of all operations" : "Bring-up time", bu_plot_host(first, host, sizeof(host)), bu_plot_recording(first),
		 first->kernel_release ? first->kernel_release : "unknown",
		 (long long)first->recorded_cpus);
	fprintf(job->vars, "main_title = ");
	bu_plot_text(job->vars, name);
	fprintf(job->vars, "\nrecorded_what = '%s'\nwhat = '%s'\n", first->runtime ? "hotplug" : "bring-up",
		first->runtime ? "time from the first operation to the end of the last" :
				 "time from the start of the bring-up to the last CPU online");
	bu_plot_source(job, first);
	return rc;
}
