// SPDX-License-Identifier: GPL-2.0-only
/*
 * plot_steps.c - the data of the map of CPUs by steps: how long each step took on each CPU, totals above.
 *
 * Columns stand in order of execution, in groups: prepare, kick, start-up of the CPU (dark, starting, TSC
 * check), online; of run-time hotplug: up, down, rollback. A cell is the longest execution of its step for
 * its CPU, or for its CPUs where there are more than rows of pixels. A step that failed or never ended has a
 * colour of its own and is never reduced away.
 */
#include <errno.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "analyze/plot_int.h"

enum { LEFT_PX = 110, RIGHT_PX = 120, TITLE_PX = 62, TOTALS_PX = 190, GAP_PX = 14, COL_PX = 20,
       LETTER_PX = 8, NAME_LEN = 40 };	/* of the step names under the map */

struct column {
	const char *name;
	int group, nr;
	double total_ns;
};

struct cell {
	size_t col;
	int cpu;
	double ns;		/* NAN: no duration */
	bool bad;
};

struct map {
	struct bu_plot_job *job;
	const struct bu_boot *boot;
	const char *const *groups;
	struct column *col; size_t n_col;
	struct cell *cell; size_t n_cell;
	int *cpu; size_t n_cpu;		/* ascending */
	size_t n_row;
	float *worst;			/* n_row x n_col, ns; 0: nothing there */
	bool *bad;			/* likewise */
	double min_ns, max_ns;
	int area_px, names_px;
	int x_px, y_px;			/* pixels that stand for a cell in cells.bin */
};

static const char *const boot_groups[] = { "prepare", "kick", "start-up", "online", NULL };
static const char *const runtime_groups[] = { "coming up", "going down", "rolling back", NULL };

static int group_of(enum bu_phase phase)
{
	switch (phase) {
	case BU_PHASE_PREPARE:
		return 0;
	case BU_PHASE_KICK:
		return 1;
	case BU_PHASE_DARK:
	case BU_PHASE_STARTING:
	case BU_PHASE_TSC:
		return 2;
	case BU_PHASE_ONLINE:
		return 3;
	case BU_PHASE_PARKED:
	case BU_PHASE_WAIT:
	case BU_PHASE_PARTNER:
	case BU_PHASE_OVERHEAD:
	case BU_PHASE_DOWN:	/* operations at run time have cells of their own */
	case BU_PHASE_STOP:
	case BU_PHASE_DYING:
	case BU_PHASE_DEAD:
	case BU_PHASE_N:
		break;
	}
	return -1;
}

/* ---- cells of a bring-up ------------------------------------------------------------------------------------------ */

static int cells_of_boot(struct map *m, struct bu_err *err)
{
	const struct bu_boot *b = m->boot;
	_cleanup_free_ size_t *col = calloc(b->n_step + 1, sizeof(*col));
	size_t i;

	m->groups = boot_groups;
	m->col = calloc(b->n_step + 1, sizeof(*m->col));
	m->cell = calloc(b->n_interval + 1, sizeof(*m->cell));
	if (!col || !m->col || !m->cell)
		return bu_fail_errno(err, -ENOMEM, "plot");
	for (i = 0; i < b->n_step; i++) {
		int group = group_of(b->step[i].phase);

		col[i] = SIZE_MAX;
		if (group < 0 || b->step[i].waiting)
			continue;
		col[i] = m->n_col;
		m->col[m->n_col++] = (struct column){ b->step[i].name, group, b->step[i].nr, 0 };
	}
	for (i = 0; i < b->n_interval; i++) {
		const struct bu_interval *v = &b->interval[i];

		if (col[v->step] != SIZE_MAX)
			m->cell[m->n_cell++] = (struct cell){
				col[v->step], v->cpu,
				v->end_ns == BU_NS_UNKNOWN ? NAN : (double)(v->end_ns - v->start_ns),
				v->outcome != BU_OK || v->end_ns == BU_NS_UNKNOWN };
	}
	return 0;
}

/* ---- cells of operations at run time --------------------------------------------------------------------------------- */

static int by_column(const void *pa, const void *pb)
{
	const struct bu_op_step *a = *(const struct bu_op_step *const *)pa;
	const struct bu_op_step *b = *(const struct bu_op_step *const *)pb;
	int back = a->direction == BU_DOWN ? -1 : 1;	/* going down, the steps run backwards */

	if (a->direction != b->direction)
		return a->direction < b->direction ? -1 : 1;
	if (a->nr != b->nr)
		return a->nr < b->nr ? -back : back;
	return strcmp(a->name, b->name);
}

static int cells_of_ops(struct map *m, struct bu_err *err)
{
	const struct bu_boot *b = m->boot;
	_cleanup_free_ const struct bu_op_step **s = calloc(b->n_op_step + 1, sizeof(*s));
	size_t i;

	m->groups = runtime_groups;
	m->col = calloc(b->n_op_step + 1, sizeof(*m->col));
	m->cell = calloc(b->n_op_step + 1, sizeof(*m->cell));
	if (!s || !m->col || !m->cell)
		return bu_fail_errno(err, -ENOMEM, "plot");
	for (i = 0; i < b->n_op_step; i++)
		s[i] = &b->op_step[i];
	qsort(s, b->n_op_step, sizeof(*s), by_column);
	for (i = 0; i < b->n_op_step; i++) {
		if (!i || by_column(&s[i - 1], &s[i]))
			m->col[m->n_col++] = (struct column){ s[i]->name, (int)s[i]->direction, s[i]->nr, 0 };
		m->cell[m->n_cell++] = (struct cell){ m->n_col - 1, s[i]->cpu,
						      s[i]->self_ns == BU_NS_UNKNOWN ? NAN : (double)s[i]->self_ns,
						      s[i]->end_ns == BU_NS_UNKNOWN };
	}
	return 0;
}

/* ---- reduction ----------------------------------------------------------------------------------------------------------- */

static int by_cpu(const void *pa, const void *pb)
{
	return (*(const int *)pa > *(const int *)pb) - (*(const int *)pa < *(const int *)pb);
}

static int list_cpus(struct map *m, struct bu_err *err)
{
	size_t i, n = 0;

	m->cpu = calloc(m->n_cell + 1, sizeof(*m->cpu));
	if (!m->cpu)
		return bu_fail_errno(err, -ENOMEM, "plot");
	for (i = 0; i < m->n_cell; i++)
		m->cpu[i] = m->cell[i].cpu;
	qsort(m->cpu, m->n_cell, sizeof(*m->cpu), by_cpu);
	for (i = 0; i < m->n_cell; i++)
		if (!n || m->cpu[n - 1] != m->cpu[i])
			m->cpu[n++] = m->cpu[i];
	m->n_cpu = n;
	if (!n || !m->n_col)
		return bu_fail(err, -ENODATA, "%s has no step to draw", m->boot->file);
	return 0;
}

static int reduce(struct map *m, struct bu_err *err)
{
	size_t i;

	m->worst = calloc(m->n_row * m->n_col, sizeof(*m->worst));
	m->bad = calloc(m->n_row * m->n_col, sizeof(*m->bad));
	if (!m->worst || !m->bad)
		return bu_fail_errno(err, -ENOMEM, "plot");
	m->min_ns = INFINITY;
	for (i = 0; i < m->n_cell; i++) {
		const struct cell *c = &m->cell[i];
		const int *at = bsearch(&c->cpu, m->cpu, m->n_cpu, sizeof(*m->cpu), by_cpu);
		size_t rank = (size_t)(at - m->cpu);
		size_t row = ((rank + 1) * m->n_row - 1) / m->n_cpu, k = row * m->n_col + c->col;
		double ns = isnan(c->ns) ? 0 : fmax(c->ns, 1);	/* log scale: no shorter than 1 ns */

		m->bad[k] |= c->bad;
		if (isnan(c->ns))
			continue;
		m->col[c->col].total_ns += c->ns;
		m->worst[k] = fmaxf(m->worst[k], (float)ns);
		m->min_ns = fmin(m->min_ns, ns);
		m->max_ns = fmax(m->max_ns, ns);
	}
	if (!isfinite(m->min_ns))
		m->min_ns = m->max_ns = 1;
	/* Whole decades, so that the colour bar begins and ends with a label. */
	m->min_ns = pow(10, floor(log10(m->min_ns) + 1e-9));
	m->max_ns = pow(10, ceil(log10(m->max_ns) - 1e-9));
	if (m->max_ns <= m->min_ns)
		m->max_ns = m->min_ns * 10;
	return 0;
}

/* ---- files --------------------------------------------------------------------------------------------------------------- */

static int write_cells(struct map *m, struct bu_err *err)
{
	FILE *f = bu_plot_file(m->job, "cells.bin", err), *b;
	size_t row, col, n_bad = 0;
	int rc, x, y;

	if (!f)
		return -EIO;
	for (row = 0; row < m->n_row; row++)
		for (y = 0; y < m->y_px; y++)
			for (col = 0; col < m->n_col; col++) {
				float v = m->worst[row * m->n_col + col];

				if (v <= 0)
					v = NAN;
				for (x = 0; x < m->x_px; x++)
					fwrite(&v, sizeof(v), 1, f);
			}
	rc = bu_plot_close(m->job, f, err);
	b = rc ? NULL : bu_plot_file(m->job, "bad.dat", err);
	if (!b)
		return rc ? rc : -EIO;
	fprintf(b, "# column row: where a step failed or has no end\n");
	for (row = 0; row < m->n_row; row++)
		for (col = 0; col < m->n_col; col++)
			if (m->bad[row * m->n_col + col]) {
				fprintf(b, "%zu %zu\n", col, row);
				n_bad++;
			}
	fprintf(m->job->vars, "bad_cells = %zu\n", n_bad);
	return bu_plot_close(m->job, b, err);
}

static int write_totals(struct map *m, double *ret_max, struct bu_err *err)
{
	FILE *f = bu_plot_file(m->job, "totals.dat", err);
	struct bu_plot_unit unit;
	char words[BU_NS_STRLEN];
	double max = 0;
	size_t i;

	if (!f)
		return -EIO;
	for (i = 0; i < m->n_col; i++)
		max = fmax(max, m->col[i].total_ns);
	unit = bu_plot_unit_of(m->boot, max);
	fprintf(f, "# column total(%s) group words\n", unit.name);
	for (i = 0; i < m->n_col; i++)
		fprintf(f, "%zu %.9g %d \"%s\"\n", i, m->col[i].total_ns / unit.per, m->col[i].group,
			bu_boot_dur(m->boot, (int64_t)m->col[i].total_ns, words));
	fprintf(m->job->vars, "total_unit = '%s'\ntotal_max = %.9g\n", unit.name, max > 0 ? max / unit.per : 1);
	*ret_max = max;
	return bu_plot_close(m->job, f, err);
}

static const char *column_text(const struct column *c, char *buf, size_t len)
{
	if (c->nr >= 0)
		snprintf(buf, len, "%.*s %d", NAME_LEN, c->name, c->nr);
	else
		snprintf(buf, len, "%.*s", NAME_LEN, c->name);
	return buf;
}

/* What is written at the axes of the map, and over its groups. */
static int write_tics(struct map *m, struct bu_err *err)
{
	static const int nice[] = { 1, 2, 4, 8, 16, 32, 64, 128, 256, 512, 1024 };
	double cpu_px = (double)m->area_px / (double)m->n_cpu, ns;
	FILE *v = bu_plot_file(m->job, "tics.gp", err);
	char text[64], dur[BU_NS_STRLEN];
	size_t i, k = 0, from;
	int rc;

	if (!v)
		return -EIO;
	while (k + 1 < ARRAY_SIZE(nice) && (nice[k] * cpu_px < 15 || (size_t)nice[k] * 40 < m->n_cpu))
		k++;
	fprintf(v, "set xtics out nomirror scale 0 rotate by 90 right (");
	for (i = 0; i < m->n_col; i++) {
		fprintf(v, "%s", i ? ", " : "");
		bu_plot_text(v, column_text(&m->col[i], text, sizeof(text)));
		fprintf(v, " %zu", i);
	}
	fprintf(v, ")\nset ytics out nomirror scale 0.3 (");
	for (i = 0; i < m->n_cpu; i++)
		if (!i || (m->cpu[i] % nice[k] == 0 && (double)i * cpu_px >= 15))
			fprintf(v, "%s'CPU %d' %.4f", i ? ", " : "", m->cpu[i],
				((double)i + 0.5) * (double)m->n_row / (double)m->n_cpu - 0.5);
	fprintf(v, ")\nset cbtics scale 0.4 (");
	for (ns = m->min_ns; ns <= m->max_ns * 1.001; ns *= 10) {
		int64_t at = (int64_t)llround(ns);
		const char *u[] = { "ns", "us", "ms", "s" };
		size_t j = 0;

		while (j < 3 && at >= 1000) {
			at /= 1000;
			j++;
		}
		if (m->boot->ticks)
			snprintf(dur, sizeof(dur), "%.0f", ns);
		else
			snprintf(dur, sizeof(dur), "%d %s", (int)at, u[j]);
		fprintf(v, "%s'%s' %.0f", ns > m->min_ns ? ", " : "", dur, ns);
	}
	fprintf(v, ")\n");
	rc = bu_plot_close(m->job, v, err);
	v = m->job->vars;
	fprintf(v, "groups = 0\n");
	for (i = 0, from = 0; i < m->n_col; i++)
		if (i + 1 == m->n_col || m->col[i + 1].group != m->col[i].group) {
			fprintf(v, "groups = groups + 1\nset label 10 + groups '%s' at first %.1f, graph 1 center offset 0,0.6\n",
				m->groups[m->col[i].group], (double)(from + i) / 2);
			if (i + 1 < m->n_col)
				fprintf(v, "edge%d = %.1f\n", m->col[i].group, (double)i + 0.5);
			from = i + 1;
		}
	return rc;
}

static void lay_out(struct map *m)
{
	char text[64];
	size_t i, len, longest = 0;
	const struct bu_plot_opts *o = m->job->opts;
	struct bu_plot_job *job = m->job;
	int fixed, wish, w;

	for (i = 0; i < m->n_col; i++) {
		len = strlen(column_text(&m->col[i], text, sizeof(text)));
		longest = len > longest ? len : longest;
	}
	m->names_px = 20 + LETTER_PX * (int)longest;
	fixed = TITLE_PX + TOTALS_PX + GAP_PX + m->names_px;
	w = (int)m->n_col * COL_PX + LEFT_PX + RIGHT_PX;
	job->width_px = o->width_px ? o->width_px : w < 1000 ? 1000 : w;
	wish = (int)m->n_cpu * 14;
	wish = wish < 110 ? 110 : wish > 560 ? 560 : wish;
	job->height_px = o->height_px ? o->height_px : fixed + wish;
	m->area_px = job->height_px - fixed;
	if (m->area_px < 40)
		m->area_px = 40;
	m->n_row = m->n_cpu < (size_t)m->area_px ? m->n_cpu : (size_t)m->area_px;
	/* Viewers smooth an image that they enlarge; one at the size of the picture stays sharp. */
	m->x_px = (job->width_px - LEFT_PX - RIGHT_PX) / (int)m->n_col;
	m->x_px = m->x_px < 1 ? 1 : m->x_px;
	m->y_px = m->area_px / (int)m->n_row;
}

static int write_vars(struct map *m, struct bu_err *err)
{
	struct bu_plot_job *job = m->job;
	FILE *v = job->vars;
	double h = job->height_px, max, y = m->names_px;
	char title[256];
	int rc;

	bu_plot_terminal(job);
	fprintf(v, "main_title = ");
	bu_plot_text(v, bu_plot_title(m->boot, title, sizeof(title)));
	fprintf(v, "\nleft = %.6f\nright = %.6f\n", (double)LEFT_PX / job->width_px, 1 - (double)RIGHT_PX / job->width_px);
	fprintf(v, "map_bottom = %.6f\nmap_top = %.6f\n", y / h, (y + m->area_px) / h);
	y += m->area_px + GAP_PX;
	fprintf(v, "totals_bottom = %.6f\ntotals_top = %.6f\ntitle_at = %.6f\n", y / h, (h - TITLE_PX) / h, 1 - 20 / h);
	fprintf(v, "cols = %zu\nrows = %zu\nx_px = %d\ny_px = %d\ncb_min = %.9g\ncb_max = %.9g\n", m->n_col, m->n_row,
		m->x_px, m->y_px, m->min_ns, m->max_ns);
	fprintf(v, "cpus_per_row = %.0f\nwords_fit = %d\ncb_unit = '%s'\n", ceil((double)m->n_cpu / (double)m->n_row),
		(job->width_px - LEFT_PX - RIGHT_PX) / (int)m->n_col >= 12, m->boot->ticks ? " (clock ticks)" : "");
	rc = write_totals(m, &max, err);
	return rc ? rc : write_tics(m, err);
}

int bu_plot_steps(struct bu_plot_job *job, struct bu_err *err)
{
	struct map m = { .job = job, .boot = &job->boots[0] };
	int rc;

	rc = m.boot->runtime ? cells_of_ops(&m, err) : cells_of_boot(&m, err);
	if (!rc)
		rc = list_cpus(&m, err);
	if (!rc) {
		lay_out(&m);
		rc = reduce(&m, err);
	}
	if (!rc)
		rc = write_cells(&m, err);
	if (!rc)
		rc = write_vars(&m, err);
	free(m.col);
	free(m.cell);
	free(m.cpu);
	free(m.worst);
	free(m.bad);
	return rc;
}
