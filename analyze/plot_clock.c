// SPDX-License-Identifier: GPL-2.0-only
/*
 * plot_clock.c - the data of the pictures of clocksource runs: saturation against the number of CPUs, hold-off by CPU, and the
 * phases of stop_machine() by CPU. All of them are metrics of runs (schemas/run.sql); docs/methods.md says what each means.
 */
#include <errno.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "analyze/plot_int.h"

enum { MAX_LINES = 8, WIDTH_PX = 900, HEIGHT_PX = 560 };

double bu_plot_metric(const struct bu_boot *b, const char *name, int cpu)
{
	size_t i;

	for (i = 0; i < b->n_figure; i++)
		if (b->figure[i].cpu == cpu && !strcmp(b->figure[i].name, name))
			return b->figure[i].value;
	return NAN;
}

static int begin(struct bu_plot_job *job, const char *needs, struct bu_err *err)
{
	size_t i;

	job->width_px = job->opts->width_px ? job->opts->width_px : WIDTH_PX;
	job->height_px = job->opts->height_px ? job->opts->height_px : HEIGHT_PX;
	bu_plot_terminal(job);
	for (i = 0; i < job->n; i++)
		if (!isnan(bu_plot_metric(&job->boots[i], needs, -1)))
			return 0;
	return bu_fail(err, -ENODATA, "%s has no run with the figure %s; make one: bringup replay --clocksource stop-machine --cpus N -o "
		       "RUNS.db", job->boots->file, needs);
}

static void title(struct bu_plot_job *job, const char *text)
{
	fprintf(job->vars, "main_title = ");
	bu_plot_text(job->vars, text);
	putc('\n', job->vars);
	bu_plot_source(job, job->boots);
}

static int by_cpus(const void *a, const void *b)
{
	const struct bu_boot *const *x = a, *const *y = b;

	return ((*x)->cpus_total > (*y)->cpus_total) - ((*x)->cpus_total < (*y)->cpus_total);
}

int bu_plot_saturation(struct bu_plot_job *job, struct bu_err *err)
{
	_cleanup_free_ const struct bu_boot **run = calloc(job->n, sizeof(*run));
	FILE *f;
	size_t i, n = 0;
	int rc = run ? begin(job, "utilisation_offered", err) : -ENOMEM;

	if (rc)
		return rc;
	for (i = 0; i < job->n; i++)
		if (!isnan(bu_plot_metric(&job->boots[i], "utilisation_offered", -1)))
			run[n++] = &job->boots[i];
	qsort(run, n, sizeof(*run), by_cpus);
	f = bu_plot_file(job, "runs.dat", err);
	if (!f)
		return -EIO;
	fprintf(f, "# CPUs, asked of the clock (share of what it can answer), served, ticks that came, hung (1) or not\n");
	for (i = 0; i < n; i++)
		fprintf(f, "%lld %.6g %.6g %.6g %d\n", (long long)run[i]->cpus_total, bu_plot_metric(run[i], "utilisation_offered", -1),
			bu_plot_metric(run[i], "utilisation", -1), bu_plot_metric(run[i], "tick_share", -1),
			!strcmp(run[i]->verdict, "lockup") || !strcmp(run[i]->verdict, "failed") || !strcmp(run[i]->verdict, "livelock"));
	rc = bu_plot_close(job, f, err);
	fprintf(job->vars, "begins = %.0f\nbegins_retry = %.0f\n", bu_plot_metric(run[0], "saturation_cpus", -1),
		bu_plot_metric(run[0], "saturation_cpus_with_retry", -1));
	title(job, "What a clock is asked, and which ticks come, against the number of CPUs");
	return rc;
}

int bu_plot_holdoff(struct bu_plot_job *job, struct bu_err *err)
{
	char name[160], file[32];
	size_t i, k, n = 0;
	FILE *f;
	int rc = begin(job, "holdoff_max_all", err);

	for (i = 0; !rc && i < job->n && n < MAX_LINES; i++) {
		const struct bu_boot *b = &job->boots[i];

		if (isnan(bu_plot_metric(b, "holdoff_max_all", -1)))
			continue;
		snprintf(file, sizeof(file), "line%zu.dat", ++n);
		f = bu_plot_file(job, file, err);
		if (!f)
			return -EIO;
		for (k = 0; k < b->n_figure; k++)
			if (b->figure[k].cpu >= 0 && !strcmp(b->figure[k].name, "holdoff_max"))
				fprintf(f, "%d %.6g\n", b->figure[k].cpu, b->figure[k].value / 1e6);
		rc = bu_plot_close(job, f, err);
		snprintf(name, sizeof(name), "run %lld: %s, %lld CPUs, %s", (long long)b->run, b->core, (long long)b->cpus_total, b->verdict);
		fprintf(job->vars, "%sname%zu = ", "line_", n);
		bu_plot_text(job->vars, name);
		putc('\n', job->vars);
	}
	fprintf(job->vars, "lines = %zu\n", n);
	title(job, "Longest that a tick was held off, by CPU");
	return rc;
}

int bu_plot_stop_machine(struct bu_plot_job *job, struct bu_err *err)
{
	const struct bu_boot *b = job->boots;
	char text[160];
	size_t k;
	FILE *f;
	int rc = begin(job, "stop_machine", err);

	f = rc ? NULL : bu_plot_file(job, "cpus.dat", err);
	if (!f)
		return rc ? rc : -EIO;
	fprintf(f, "# CPU, ms from stop_machine() to its arrival in multi_cpu_stop(), to leaving it\n");
	for (k = 0; k < b->n_figure; k++) {
		double left;

		if (b->figure[k].cpu < 0 || strcmp(b->figure[k].name, "stop_arrival"))
			continue;
		left = bu_plot_metric(b, "stop_exit", b->figure[k].cpu);
		fprintf(f, "%d %.6g %.6g\n", b->figure[k].cpu, b->figure[k].value / 1e6, left / 1e6);
	}
	rc = bu_plot_close(job, f, err);
	fprintf(job->vars, "cpus = %lld\nrun_ms = %.6g\nnotified_ms = %.6g\n", (long long)b->cpus_total, bu_plot_metric(b, "stop_machine", -1) / 1e6,
		isnan(bu_plot_metric(b, "switch_to_notify", -1)) ? -1 : bu_plot_metric(b, "switch_to_notify", -1) / 1e6);
	snprintf(text, sizeof(text), "stop_machine() for a clocksource switch: %s, Linux %s, %lld CPUs", b->core,
		 b->kernel_release ? b->kernel_release : "unknown", (long long)b->cpus_total);
	title(job, text);
	return rc;
}
