// SPDX-License-Identifier: GPL-2.0-only
/*
 * plot_pgd.c - the data of the picture of page-table runs: what each core pays against the number of address spaces, CPUs being
 * the same, and against the number of CPUs, address spaces being the same. All of it is metrics of runs; docs/methods.md says
 * what each means.
 */
#include <errno.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "analyze/plot_int.h"

enum { MAX_LINES = 8, WIDTH_PX = 1000, HEIGHT_PX = 1800 };

struct axis {
	const char *file;		/* of the data, a number is appended */
	bool cpus;			/* x is CPUs, else address spaces */
	double fixed;			/* of the other, in the runs that are drawn */
};

static double x_of(const struct bu_boot *b, bool cpus)
{
	return cpus ? (double)b->cpus_total : bu_plot_metric(b, "address_spaces", -1);
}

/* The value of CPUs (or address spaces) that most runs have: the others are drawn against something else. */
static double commonest(const struct bu_plot_job *job, bool cpus)
{
	size_t i, k, n, most = 0;
	double ret = NAN;

	for (i = 0; i < job->n; i++) {
		const double x = x_of(&job->boots[i], cpus);

		for (k = n = 0; k < job->n; k++)
			n += !isnan(bu_plot_metric(&job->boots[k], "address_spaces", -1)) && x_of(&job->boots[k], cpus) == x;
		if (!isnan(x) && n > most) {
			most = n;
			ret = x;
		}
	}
	return ret;
}

static int by_x(const void *a, const void *b)
{
	const double x = *(const double *)a, y = *(const double *)b;

	return (x > y) - (x < y);
}

/* Of a run, in the order of the columns; what it has not is NaN, and not drawn. */
static const char *const figures[] = {
	"faults", "fault_p50", "fault_p99", "fault_max", "checks", "check_p50", "check_p99", "check_max", "walk_ns", "walk_p50", "walk_p99",
	"walk_max", "ipis", "alloc_p50", "alloc_p99", "alloc_max",
};

enum { FIGURES = sizeof(figures) / sizeof(*figures), COLUMNS = FIGURES + 2 };

static int write_line(struct bu_plot_job *job, const struct axis *axis, const char *core, size_t line, struct bu_err *err)
{
	double (*row)[COLUMNS] = calloc(job->n, sizeof(*row));
	char file[32];
	size_t i, k, n = 0;
	FILE *f;

	if (!row)
		return bu_fail_errno(err, -ENOMEM, "plot pgd");
	for (i = 0; i < job->n; i++) {
		const struct bu_boot *b = &job->boots[i];

		if (isnan(bu_plot_metric(b, "address_spaces", -1)) || strcmp(b->core, core) || x_of(b, !axis->cpus) != axis->fixed)
			continue;
		row[n][0] = x_of(b, axis->cpus);
		for (k = 0; k < FIGURES; k++)
			row[n][k + 1] = bu_plot_metric(b, figures[k], -1);
		row[n++][COLUMNS - 1] = strcmp(b->verdict, "ok") != 0;
	}
	qsort(row, n, sizeof(*row), by_x);
	snprintf(file, sizeof(file), "%s%zu.dat", axis->file, line);
	f = bu_plot_file(job, file, err);
	if (f)
		fprintf(f, "# %s,", axis->cpus ? "CPUs" : "address spaces");
	for (k = 0; f && k < FIGURES; k++)
		fprintf(f, " %s,", figures[k]);
	if (f)
		fputs(" hung or died (1) or not\n", f);
	for (i = 0; f && i < n; i++)
		for (k = 0; k < COLUMNS; k++)
			fprintf(f, "%.9g%c", row[i][k], k + 1 < COLUMNS ? ' ' : '\n');
	free(row);
	return f ? bu_plot_close(job, f, err) : -EIO;
}

int bu_plot_pgd(struct bu_plot_job *job, struct bu_err *err)
{
	struct axis axes[] = { { "mms", false, commonest(job, true) }, { "cpus", true, commonest(job, false) } };
	const char *core[MAX_LINES];
	const struct bu_boot *first = NULL;
	size_t i, k, n = 0, a;
	char text[160];
	int rc = 0;

	for (i = 0; i < job->n && n < MAX_LINES; i++) {
		const struct bu_boot *b = &job->boots[i];

		if (isnan(bu_plot_metric(b, "address_spaces", -1)))
			continue;
		first = first ? first : b;
		for (k = 0; k < n && strcmp(core[k], b->core); k++)
			;
		if (k == n)
			core[n++] = b->core;
	}
	if (!first)
		return bu_fail(err, -ENODATA, "%s has no run of page tables; make one: bringup replay --pgd all --model mms=1000 -o RUNS.db",
			       job->boots->file);
	job->width_px = job->opts->width_px ? job->opts->width_px : WIDTH_PX;
	job->height_px = job->opts->height_px ? job->opts->height_px : HEIGHT_PX;
	bu_plot_terminal(job);
	fprintf(job->vars, "array line_name[%d]\n", MAX_LINES);
	for (k = 0; !rc && k < n; k++) {
		fprintf(job->vars, "line_name[%zu] = ", k + 1);
		bu_plot_text(job->vars, core[k]);
		putc('\n', job->vars);
		for (a = 0; !rc && a < sizeof(axes) / sizeof(*axes); a++)
			rc = write_line(job, &axes[a], core[k], k + 1, err);
	}
	fprintf(job->vars, "lines = %zu\nfixed_cpus = %.0f\nfixed_mms = %.0f\nmain_title = ", n, axes[0].fixed, axes[1].fixed);
	snprintf(text, sizeof(text), "What it costs to keep kernel page tables in step%s",
		 bu_plot_metric(first, "synthetic_entries", -1) > 0 ? " (new entries are synthetic)" : "");
	bu_plot_text(job->vars, text);
	putc('\n', job->vars);
	bu_plot_source(job, first);
	return rc;
}
