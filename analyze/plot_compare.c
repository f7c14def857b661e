// SPDX-License-Identifier: GPL-2.0-only
/*
 * plot_compare.c - the data of the comparison: how long each phase took, recorded and under each core, side by side.
 *
 * Two panels. Left the control CPU, whose phases add up to the bring-up; right the other CPUs, the mean of them. A row is a
 * phase and has a bar per boot, with its value beside it. Lengths are on a log scale, since what differs between algorithms is
 * often a hundred times what does not.
 */
#include <errno.h>
#include <math.h>
#include <string.h>

#include "analyze/plot_int.h"

enum { TOTAL = BU_PHASE_N, N_ROWS, BAR_PX = 17, ROW_GAP_PX = 14, HEAD_PX = 60, LEGEND_PX = 20, FOOT_PX = 62, WIDTH_PX = 1200 };

struct panel {
	const char *name;		/* of its files */
	const char *title;
	bool control;
	double ns[N_ROWS][BU_PLOT_MAX_COMPARED];
};

static void sum_up(const struct bu_boot *b, size_t which, struct panel *p)
{
	double share = 1;
	size_t i;
	int row;

	for (i = 0; i < b->n_interval; i++) {
		const struct bu_interval *v = &b->interval[i];

		if (v->end_ns != BU_NS_UNKNOWN && bu_phase_on_control(v->phase) == p->control)
			p->ns[v->phase][which] += (double)(v->end_ns - v->start_ns);
	}
	if (p->control && b->bringup_ns != BU_NS_UNKNOWN)
		p->ns[TOTAL][which] = (double)b->bringup_ns;
	if (!p->control && b->cpus_ok > 0)
		share = 1.0 / (double)b->cpus_ok;
	for (row = 0; row < N_ROWS; row++)
		p->ns[row][which] *= share;
}

static double max_of(const struct panel *p, int row, size_t n)
{
	double max = 0;
	size_t i;

	for (i = 0; i < n; i++)
		max = fmax(max, p->ns[row][i]);
	return max;
}

/* Bars from the top down: from, to (pixels), length, number of the boot, words. Return: the panel's height in pixels. */
static int write_panel(struct bu_plot_job *job, const struct panel *p, int *ret_height, struct bu_err *err)
{
	const double row_px = (double)job->n * BAR_PX + ROW_GAP_PX;
	double max = 0, min = INFINITY, at = ROW_GAP_PX / 2.0;
	struct bu_plot_unit unit;
	char file[64], word[BU_NS_STRLEN];
	size_t i;
	FILE *f;
	int k, row;

	for (row = 0; row < N_ROWS; row++)
		for (i = 0; i < job->n; i++) {
			max = fmax(max, p->ns[row][i]);
			min = p->ns[row][i] > 0 ? fmin(min, p->ns[row][i]) : min;
		}
	unit = bu_plot_unit_of(&job->boots[0], max);
	snprintf(file, sizeof(file), "%s.dat", p->name);
	f = bu_plot_file(job, file, err);
	if (!f)
		return err && err->code ? err->code : -EIO;
	fprintf(job->vars, "%s_tics = ''\n%s_title = ", p->name, p->name);
	bu_plot_text(job->vars, p->title);
	fprintf(job->vars, "\n%s_unit = '%s'\n%s_min = %.9g\n%s_max = %.9g\n", p->name, unit.name, p->name,
		(isfinite(min) ? min : 1) / unit.per, p->name, (max > 0 ? max : 10) / unit.per);
	for (k = 0; k < N_ROWS; k++) {
		row = k ? k - 1 : TOTAL;	/* the whole comes first */
		if (max_of(p, row, job->n) <= 0)
			continue;
		for (i = 0; i < job->n; i++)
			if (p->ns[row][i] > 0)
				fprintf(f, "%g %g %.9g %zu \"%s\"\n", at + (double)i * BAR_PX, at + (double)(i + 1) * BAR_PX - 2,
					p->ns[row][i] / unit.per, i,
					bu_boot_dur(&job->boots[0], (int64_t)p->ns[row][i], word));
		fprintf(job->vars, "%s_tics = %s_tics . \"%s'%s' %g\"\n", p->name, p->name, at > ROW_GAP_PX ? ", " : "",
			row < TOTAL ? bu_phase_name((enum bu_phase)row) : job->boots[0].runtime ? "all operations" : "whole bring-up",
			at + (row_px - ROW_GAP_PX) / 2);
		at += row_px;
	}
	fprintf(job->vars, "%s_height = %g\n", p->name, at);
	if (at > *ret_height)
		*ret_height = (int)at;
	return bu_plot_close(job, f, err);
}

int bu_plot_compare(struct bu_plot_job *job, struct bu_err *err)
{
	const struct bu_boot *first = &job->boots[0];
	struct panel control = { .name = "control", .title = "control CPU", .control = true };
	struct panel cpus = { .name = "cpus", .title = "the other CPUs, mean per CPU" };
	char title[200], name[160], host[64];
	int rc, height = 0;
	size_t i;

	for (i = 0; i < job->n; i++) {
		sum_up(&job->boots[i], i, &control);
		sum_up(&job->boots[i], i, &cpus);
	}
	rc = write_panel(job, &control, &height, err);
	if (!rc)
		rc = write_panel(job, &cpus, &height, err);
	if (rc)
		return rc;
	job->width_px = job->opts->width_px ? job->opts->width_px : WIDTH_PX;
	job->height_px = job->opts->height_px ? job->opts->height_px :
			 height + HEAD_PX + FOOT_PX + LEGEND_PX * (int)(job->n + 1) / 2;
	bu_plot_terminal(job);
	snprintf(title, sizeof(title), "Time by phase: a %s of Linux %s, %lld CPUs", bu_plot_recording(first),
		 first->kernel_release ? first->kernel_release : "unknown", (long long)first->cpus_total);
	fprintf(job->vars, "main_title = ");
	bu_plot_text(job->vars, title);
	fprintf(job->vars, "\nboots = %zu\nwidth_px = %d.0\nheight_px = %d.0\nhead_px = %d\nfoot_px = %d\nlegend_px = %d\n", job->n,
		job->width_px, job->height_px, HEAD_PX, FOOT_PX, LEGEND_PX);
	fprintf(job->vars, "array boot_name[%zu]\n", job->n);
	for (i = 0; i < job->n; i++) {
		const struct bu_boot *b = &job->boots[i];

		if (b->is_run && strcmp(b->core, "recorded"))
			snprintf(name, sizeof(name), "run %lld: core %s%s", (long long)b->run, b->core,
				 bu_plot_host(b, host, sizeof(host)));
		else
			snprintf(name, sizeof(name), "recorded");
		fprintf(job->vars, "boot_name[%zu] = ", i + 1);
		bu_plot_text(job->vars, name);
		putc('\n', job->vars);
	}
	bu_plot_source(job, first);
	return 0;
}
