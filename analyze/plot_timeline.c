// SPDX-License-Identifier: GPL-2.0-only
/*
 * plot_timeline.c - the data of the timeline: a strip for the control CPU, below it a lane per CPU.
 *
 * A panel is laid out in pixels downwards from its top, so that script and data agree on what a pixel is.
 * Up to BU_PLOT_MAX_LANES CPUs have a lane of boxes each, joined where they touch and never thinner than a
 * pixel. With more CPUs a row of the picture stands for several, and a cell for what those CPUs did in that
 * time: a CPU that failed always shows, then work by which took most, then waiting. The strip of the control
 * CPU shows per pixel which share of the time went into what.
 */
#include <errno.h>
#include <inttypes.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "analyze/plot_int.h"

/* Colour numbers of timeline.gp: the phases by their number, then these. */
enum { COL_UNDER_WAY = BU_PHASE_N, COL_BAD, COL_UP, COL_DOWN, COL_ROLLBACK, COL_NONE, COL_N };

enum { LEFT_PX = 124, RIGHT_PX = 26, WORK_PX = 190, TITLE_PX = 36, LEGEND_PX = 36, AXIS_PX = 52, GAP_PX = 8 };

struct panel {
	struct bu_plot_job *job;
	const struct bu_boot *boot;
	int nr;				/* from 1 */
	int *lane; size_t n_lane;	/* CPUs that have a lane, ascending */
	bool rows;			/* more CPUs than lanes: rows of several */
	int n_row;			/* lanes, or rows */
	int top_px, control_px, area_px, height_px;	/* control strip, lanes, both with the gap */
	double row_px;
	double from, to;		/* ns */
	int cols;			/* pixels across */
	double col_ns;
};

static bool known(int64_t ns)
{
	return ns != BU_NS_UNKNOWN;
}

/* ---- ranges ------------------------------------------------------------------------------------------------- */

static void boot_range(const struct bu_boot *b, double *from, double *to)
{
	int64_t first = 0, last = 0;
	bool bad = false;
	size_t i;

	if (b->runtime) {
		first = INT64_MAX;
		for (i = 0; i < b->n_op; i++) {
			if (b->op[i].start_ns < first)
				first = b->op[i].start_ns;
			if (b->op[i].start_ns > last)
				last = b->op[i].start_ns;
			if (known(b->op[i].end_ns) && b->op[i].end_ns > last)
				last = b->op[i].end_ns;
		}
	}
	for (i = 0; i < b->n_cpu && !b->runtime; i++)
		bad |= b->cpu[i].outcome != BU_OK;
	for (i = 0; i < b->n_interval && !b->runtime; i++) {
		const struct bu_interval *v = &b->interval[i];
		int64_t end = known(v->end_ns) ? v->end_ns : v->start_ns;

		if (end > last)
			last = end;
		bad |= !known(v->end_ns);
	}
	*from = first == INT64_MAX ? 0 : (double)first;
	*to = (double)last + 0.01 * ((double)last - *from);
	/* Leave room to see that it goes on, not all the ten seconds that a kernel waits in vain. */
	if (bad)
		*to = fmin((double)b->end_ns, (double)last * 1.15);
	if (*to <= *from)
		*to = *from + 1;
}

/* ---- rows of boxes -------------------------------------------------------------------------------------------- */

struct box {
	double from, to;	/* ns */
	int row, colour, layer;
};

static int by_layer(const void *pa, const void *pb)
{
	const struct box *a = pa, *b = pb;

	if (a->layer != b->layer)
		return a->layer < b->layer ? -1 : 1;
	if (a->row != b->row)
		return a->row < b->row ? -1 : 1;
	if (a->colour != b->colour)
		return a->colour < b->colour ? -1 : 1;
	return (a->from > b->from) - (a->from < b->from);
}

static int lane_of(const struct panel *p, int cpu)
{
	size_t lo = 0, hi = p->n_lane;

	while (lo < hi) {
		size_t mid = lo + (hi - lo) / 2;

		if (p->lane[mid] == cpu)
			return (int)mid;
		if (p->lane[mid] < cpu)
			lo = mid + 1;
		else
			hi = mid;
	}
	return -1;
}

static double row_top(const struct panel *p, int row)
{
	return p->height_px - p->area_px + row * p->row_px;
}

/* All that is drawn in lanes, unreduced: phases of the CPUs themselves, or operations at run time. */
static size_t collect(const struct panel *p, struct box *box)
{
	const struct bu_boot *b = p->boot;
	size_t n = 0, i;

	for (i = 0; i < b->n_op && b->runtime; i++) {
		const struct bu_op *o = &b->op[i];
		bool bad = o->outcome != BU_OK;

		box[n++] = (struct box){ (double)o->start_ns, known(o->end_ns) ? (double)o->end_ns : p->to,
					 lane_of(p, o->cpu), bad ? COL_BAD : COL_UP + (int)o->direction, bad ? 2 : 1 };
	}
	for (i = 0; i < b->n_interval && !b->runtime; i++) {
		const struct bu_interval *v = &b->interval[i];
		bool bad = v->outcome != BU_OK || !known(v->end_ns);

		if (bu_phase_on_control(v->phase) || lane_of(p, v->cpu) < 0)
			continue;
		box[n++] = (struct box){ (double)v->start_ns, known(v->end_ns) ? (double)v->end_ns : p->to,
					 lane_of(p, v->cpu), bad ? COL_BAD : (int)v->phase,
					 bad ? 2 : v->phase != BU_PHASE_DARK && v->phase != BU_PHASE_PARKED };
	}
	return n;
}

static int write_boxes(struct panel *p, struct box *box, size_t n, double per, struct bu_err *err)
{
	char name[32];
	FILE *f;
	size_t i, j;

	snprintf(name, sizeof(name), "p%d-box.dat", p->nr);
	f = bu_plot_file(p->job, name, err);
	if (!f)
		return -EIO;
	fprintf(f, "# from to top bottom colour; time in the unit of the axis, height in pixels from the top\n");
	qsort(box, n, sizeof(*box), by_layer);
	for (i = 0; i < n; i = j) {
		double from = box[i].from, to = box[i].to, pad = p->row_px > 4 ? 0.08 : 0;

		for (j = i + 1; j < n && box[j].row == box[i].row && box[j].colour == box[i].colour &&
				box[j].layer == box[i].layer && box[j].from <= to + p->col_ns / 2; j++)
			to = fmax(to, box[j].to);
		if (to < p->from || from > p->to)
			continue;
		to = fmax(to, from + p->col_ns);
		fprintf(f, "%.9g %.9g %.2f %.2f %d\n", fmax(from, p->from) / per, fmin(to, p->to) / per,
			row_top(p, box[i].row) + pad * p->row_px, row_top(p, box[i].row + 1) - pad * p->row_px,
			box[i].colour);
	}
	return bu_plot_close(p->job, f, err);
}

/* ---- rows of several CPUs ----------------------------------------------------------------------------------------- */

static void add_share(const struct panel *p, double *acc, int kinds, int kind, double from, double to)
{
	int c, first, last;

	from = fmax(from, p->from);
	to = fmin(to, p->to);
	if (to < from)
		return;
	first = (int)((from - p->from) / p->col_ns);
	last = (int)((to - p->from) / p->col_ns);
	if (last >= p->cols)
		last = p->cols - 1;
	for (c = first; c <= last && c >= 0; c++) {
		double a = p->from + c * p->col_ns, b = a + p->col_ns;

		/* The least is not nothing: what happened in a cell is in it, however short. */
		acc[c * kinds + kind] += fmax(fmin(b, to) - fmax(a, from), 1e-3);
	}
}

static int best_of(const double *acc)
{
	static const int work[] = { BU_PHASE_STARTING, BU_PHASE_TSC, BU_PHASE_ONLINE, COL_UP, COL_DOWN, COL_ROLLBACK };
	static const int idle[] = { BU_PHASE_DARK, BU_PHASE_PARKED, COL_UNDER_WAY };
	int best = COL_NONE;
	double most = 0;
	size_t i;

	if (acc[COL_BAD] > 0)
		return COL_BAD;
	for (i = 0; i < ARRAY_SIZE(work); i++)
		if (acc[work[i]] > most) {
			most = acc[work[i]];
			best = work[i];
		}
	for (i = 0; i < ARRAY_SIZE(idle) && best == COL_NONE; i++)
		if (acc[idle[i]] > most) {
			size_t j;

			for (j = i; j < ARRAY_SIZE(idle); j++)
				if (acc[idle[j]] > most) {
					most = acc[idle[j]];
					best = idle[j];
				}
		}
	return best;
}

static int by_row(const void *pa, const void *pb)
{
	const struct box *a = pa, *b = pb;

	return (a->row > b->row) - (a->row < b->row);
}

static int write_image(struct panel *p, struct box *box, size_t n, struct bu_err *err)
{
	const struct bu_boot *b = p->boot;
	_cleanup_free_ double *acc = calloc((size_t)p->cols * COL_N, sizeof(*acc));
	char name[32];
	size_t i = 0;
	int row, c;
	FILE *f;

	if (!acc)
		return bu_fail_errno(err, -ENOMEM, "plot");
	snprintf(name, sizeof(name), "p%d-image.bin", p->nr);
	f = bu_plot_file(p->job, name, err);
	if (!f)
		return -EIO;
	qsort(box, n, sizeof(*box), by_row);
	for (row = 0; row < p->n_row; row++) {
		size_t from = (size_t)row * p->n_lane / (size_t)p->n_row, to = ((size_t)row + 1) * p->n_lane / (size_t)p->n_row;
		size_t l;

		memset(acc, 0, (size_t)p->cols * COL_N * sizeof(*acc));
		for (l = from; l < to && !b->runtime; l++) {
			const struct bu_boot_cpu *cpu = bu_boot_cpu_find(b, p->lane[l]);

			if (cpu && known(cpu->prepare_ns))
				add_share(p, acc, COL_N, COL_UNDER_WAY, (double)cpu->prepare_ns,
					  known(cpu->online_ns) ? (double)cpu->online_ns : p->to);
		}
		for (; i < n && box[i].row < (int)to; i++)
			add_share(p, acc, COL_N, box[i].colour, box[i].from, box[i].to);
		/* Under way is what is left of the way when the phases are taken off. */
		for (c = 0; c < p->cols; c++) {
			double *a = acc + c * COL_N;

			a[COL_UNDER_WAY] = fmax(0, a[COL_UNDER_WAY] - a[BU_PHASE_DARK] - a[BU_PHASE_PARKED]);
			putc(best_of(a), f);
		}
	}
	return bu_plot_close(p->job, f, err);
}

/* Beside the rows: the CPU of each row that needed most work, by phase. */
static int write_work(struct panel *p, double *ret_max, struct bu_err *err)
{
	static const int kinds[] = { BU_PHASE_PREPARE, BU_PHASE_KICK, BU_PHASE_DARK, BU_PHASE_STARTING, BU_PHASE_TSC,
				     BU_PHASE_ONLINE };
	const struct bu_boot *b = p->boot;
	_cleanup_free_ double (*own)[BU_PHASE_N + 1] = calloc(p->n_lane + 1, sizeof(*own));
	struct bu_plot_unit unit;
	char name[32];
	size_t i, k;
	FILE *f;
	int row;

	if (!own)
		return bu_fail_errno(err, -ENOMEM, "plot");
	*ret_max = 0;
	for (i = 0; i < b->n_interval; i++) {
		const struct bu_interval *v = &b->interval[i];
		int lane = lane_of(p, v->cpu);

		if (lane < 0 || !known(v->end_ns) || b->step[v->step].waiting ||
		    v->phase == BU_PHASE_PARTNER || v->phase == BU_PHASE_OVERHEAD)
			continue;
		own[lane][v->phase] += (double)(v->end_ns - v->start_ns);
		own[lane][BU_PHASE_N] += (double)(v->end_ns - v->start_ns);
		*ret_max = fmax(*ret_max, own[lane][BU_PHASE_N]);
	}
	unit = bu_plot_unit_of(b, *ret_max);
	snprintf(name, sizeof(name), "p%d-work.dat", p->nr);
	f = bu_plot_file(p->job, name, err);
	if (!f)
		return -EIO;
	fprintf(f, "# top bottom from(%s) to(%s) colour\n", unit.name, unit.name);
	for (row = 0; row < p->n_row; row++) {
		size_t from = (size_t)row * p->n_lane / (size_t)p->n_row, worst = from;
		double x = 0;

		for (i = from; i < ((size_t)row + 1) * p->n_lane / (size_t)p->n_row; i++)
			if (own[i][BU_PHASE_N] > own[worst][BU_PHASE_N])
				worst = i;
		for (k = 0; k < ARRAY_SIZE(kinds); k++) {
			double w = own[worst][kinds[k]] / unit.per;

			/* Half a pixel over the edge, where rounding would leave a light seam. */
			if (w > 0)
				fprintf(f, "%.2f %.2f %.9g %.9g %d\n", row_top(p, row), row_top(p, row + 1) + 0.5, x,
					x + w, kinds[k]);
			x += w;
		}
	}
	return bu_plot_close(p->job, f, err);
}

/* ---- control strip ---------------------------------------------------------------------------------------------------- */

static int write_control(struct panel *p, double per, struct bu_err *err)
{
	static const int kinds[] = { BU_PHASE_PREPARE, BU_PHASE_KICK, BU_PHASE_PARTNER, BU_PHASE_OVERHEAD, BU_PHASE_WAIT };
	enum { N = ARRAY_SIZE(kinds) };
	_cleanup_free_ double *acc = calloc((size_t)p->cols * N, sizeof(*acc));
	char name[32];
	size_t i, k;
	FILE *f;
	int c, d;

	if (!acc)
		return bu_fail_errno(err, -ENOMEM, "plot");
	snprintf(name, sizeof(name), "p%d-control.dat", p->nr);
	f = bu_plot_file(p->job, name, err);
	if (!f)
		return -EIO;
	for (i = 0; i < p->boot->n_interval; i++) {
		const struct bu_interval *v = &p->boot->interval[i];

		for (k = 0; k < N; k++)
			if ((int)v->phase == kinds[k] && v->lane == p->boot->control_cpu)
				add_share(p, acc, N, (int)k, (double)v->start_ns,
					  known(v->end_ns) ? (double)v->end_ns : p->to);
	}
	fprintf(f, "# from to top bottom colour; height is the share of the time\n");
	for (c = 0; c < p->cols; c = d) {
		double y = 0;

		for (d = c + 1; d < p->cols; d++) {
			for (k = 0; k < N && fabs(acc[d * N + (int)k] - acc[c * N + (int)k]) < 0.01 * p->col_ns; k++)
				;
			if (k < N)
				break;
		}
		for (k = 0; k < N; k++) {
			double share = fmin(acc[c * N + (int)k] / p->col_ns, 1 - y);

			if (share <= 0)
				continue;
			fprintf(f, "%.9g %.9g %.2f %.2f %d\n", (p->from + c * p->col_ns) / per,
				(p->from + d * p->col_ns) / per, y * p->control_px, (y + share) * p->control_px,
				kinds[k] == BU_PHASE_PARTNER ? BU_PHASE_TSC : kinds[k]);
			y += share;
		}
	}
	return bu_plot_close(p->job, f, err);
}

/* ---- marks ------------------------------------------------------------------------------------------------------------ */

static int write_marks(struct panel *p, double per, struct bu_err *err)
{
	char span[32], online[32], bad[32];
	FILE *fs, *fo, *fb;
	int rc = 0, rc2;
	size_t i;

	snprintf(span, sizeof(span), "p%d-span.dat", p->nr);
	snprintf(online, sizeof(online), "p%d-online.dat", p->nr);
	snprintf(bad, sizeof(bad), "p%d-bad.dat", p->nr);
	fs = bu_plot_file(p->job, span, err);
	fo = bu_plot_file(p->job, online, err);
	fb = bu_plot_file(p->job, bad, err);
	if (fs && fo && fb) {
		fprintf(fs, "# from to height: from the first step to online\n");
		fprintf(fo, "# at height half-height\n");
		fprintf(fb, "# at height words\n");
		for (i = 0; i < p->n_lane && !p->boot->runtime; i++) {
			const struct bu_boot_cpu *c = bu_boot_cpu_find(p->boot, p->lane[i]);
			int row = (int)(i * (size_t)p->n_row / p->n_lane);
			double y = row_top(p, row) + p->row_px / 2;
			double end = c && known(c->online_ns) ? (double)c->online_ns : p->to;

			if (!c || !known(c->prepare_ns))
				continue;
			fprintf(fs, "%.9g %.9g %.2f\n", fmax((double)c->prepare_ns, p->from) / per, fmin(end, p->to) / per, y);
			if (known(c->online_ns))
				fprintf(fo, "%.9g %.2f %.2f\n", (double)c->online_ns / per, y, p->row_px / 2);
			if (c->outcome != BU_OK)
				fprintf(fb, "%.9g %.2f \"CPU %d %s\"\n", (p->from + 0.995 * (p->to - p->from)) / per, y, c->cpu,
					bu_outcome_name(c->outcome));
		}
	} else {
		rc = -EIO;
	}
	if (fs && (rc2 = bu_plot_close(p->job, fs, err)))
		rc = rc2;
	if (fo && (rc2 = bu_plot_close(p->job, fo, err)))
		rc = rc2;
	if (fb && (rc2 = bu_plot_close(p->job, fb, err)))
		rc = rc2;
	return rc;
}

/* ---- one panel -------------------------------------------------------------------------------------------------------- */

static int find_lanes(struct panel *p, struct bu_err *err)
{
	const struct bu_boot *b = p->boot;
	size_t n = b->n_cpu + b->n_op, i, k;
	int max = -1, cpu;
	_cleanup_free_ bool *has = NULL;

	for (i = 0; i < b->n_op && b->runtime; i++)
		max = b->op[i].cpu > max ? b->op[i].cpu : max;
	for (i = 0; i < b->n_cpu && !b->runtime; i++)
		max = b->cpu[i].cpu > max ? b->cpu[i].cpu : max;
	if (max > 1 << 20)
		return bu_fail(err, -ERANGE, "%s: CPU %d is beyond what can be drawn", b->file, max);
	has = calloc((size_t)max + 2, sizeof(*has));
	p->lane = calloc(n + 1, sizeof(*p->lane));
	if (!has || !p->lane)
		return bu_fail_errno(err, -ENOMEM, "plot");
	for (i = 0; i < b->n_op && b->runtime; i++)
		if (b->op[i].cpu >= 0)
			has[b->op[i].cpu] = true;
	for (i = 0; i < b->n_cpu && !b->runtime; i++)
		if (b->cpu[i].cpu >= 0)
			has[b->cpu[i].cpu] = true;
	for (cpu = 0, k = 0; cpu <= max; cpu++)
		if (has[cpu])
			p->lane[k++] = cpu;
	p->n_lane = k;
	if (!k)
		return bu_fail(err, -ENODATA, "%s has no CPU to draw", b->file);
	return 0;
}

static int tic_every(size_t n, double px)
{
	static const int nice[] = { 1, 2, 4, 8, 16, 32, 64, 128, 256, 512, 1024, 2048, 4096 };
	size_t i;

	for (i = 0; i + 1 < ARRAY_SIZE(nice); i++)
		if (nice[i] * px >= 15 && (size_t)nice[i] * 40 >= n)
			break;
	return nice[i];
}

static int write_panel(struct panel *p, double per, double total_px, double work_max, struct bu_err *err)
{
	double lane_px = p->area_px / (double)p->n_lane;
	int every = tic_every(p->n_lane, lane_px);
	struct bu_plot_unit unit = bu_plot_unit_of(p->boot, work_max);
	char name[32], title[256];
	size_t i;
	FILE *f;

	snprintf(name, sizeof(name), "p%d.gp", p->nr);
	f = bu_plot_file(p->job, name, err);
	if (!f)
		return -EIO;
	fprintf(f, "panel_title = ");
	bu_plot_text(f, bu_plot_title(p->boot, title, sizeof(title)));
	fprintf(f, "\ntop = %.6f\nbottom = %.6f\nheight = %d\n", 1 - p->top_px / total_px,
		1 - (p->top_px + p->height_px) / total_px, p->height_px);
	fprintf(f, "lanes_top = %d\nrows = %d\ncols = %d\nrow_px = %.6f\nhas_control = %d\n", p->height_px - p->area_px,
		p->rows ? p->n_row : 0, p->cols, p->row_px, p->control_px > 0);
	fprintf(f, "work_unit = '%s'\nwork_max = %.9g\n", unit.name, work_max > 0 ? work_max / unit.per * 1.05 : 1);
	fprintf(f, "cpus_per_row = %.0f\n", ceil((double)p->n_lane / p->n_row));
	fprintf(f, "finish = %.9g\n", known(p->boot->bringup_ns) && !p->boot->runtime ? (double)p->boot->bringup_ns / per : -1);
	fprintf(f, "set ytics scale 0.3 nomirror (");
	if (p->control_px)
		fprintf(f, "'CPU %d (control)' %.2f%s", p->boot->control_cpu, p->control_px / 2.0, ", ");
	for (i = 0; i < p->n_lane; i++)
		if (!i || (p->lane[i] % every == 0 && (double)i * lane_px >= 15))
			fprintf(f, "%s'CPU %d' %.2f", i ? ", " : "", p->lane[i],
				p->height_px - p->area_px + ((double)i + 0.5) * lane_px);
	fprintf(f, ")\n");
	return bu_plot_close(p->job, f, err);
}

static int draw_panel(struct panel *p, double per, double total_px, struct bu_err *err)
{
	size_t n = p->boot->n_interval + p->boot->n_op + 1;
	_cleanup_free_ struct box *box = calloc(n, sizeof(*box));
	double work_max = 0;
	int rc;

	if (!box)
		return bu_fail_errno(err, -ENOMEM, "plot");
	n = collect(p, box);
	rc = p->rows ? write_image(p, box, n, err) : write_boxes(p, box, n, per, err);
	if (!rc && p->rows)
		rc = write_work(p, &work_max, err);
	if (!rc)
		rc = write_control(p, per, err);
	if (!rc)
		rc = write_marks(p, per, err);
	if (!rc)
		rc = write_panel(p, per, total_px, work_max, err);
	return rc;
}

/* ---- the picture ------------------------------------------------------------------------------------------------------ */

/* How high the lanes of a panel want to be. */
static int area_wish(size_t lanes, size_t panels)
{
	double most = panels > 1 ? 430 : 640, lane = lanes > BU_PLOT_MAX_LANES ? 0 : most / (double)lanes;

	if (lane > 22)
		lane = 22;
	if (lane < 5)
		lane = 5;
	return lanes > BU_PLOT_MAX_LANES ? (int)most - 80 : (int)(lane * (double)lanes);
}

static void lay_out(struct panel *p, size_t n, struct bu_plot_job *job)
{
	int fixed = LEGEND_PX + AXIS_PX, y = LEGEND_PX, wish = 0, room, right = RIGHT_PX;
	size_t i;

	for (i = 0; i < n; i++) {
		p[i].control_px = p[i].boot->runtime ? 0 : 34;
		p[i].area_px = area_wish(p[i].n_lane, n);
		p[i].rows = p[i].n_lane > BU_PLOT_MAX_LANES;
		fixed += TITLE_PX + p[i].control_px + (p[i].control_px ? GAP_PX : 0) + (i ? AXIS_PX : 0);
		wish += p[i].area_px;
		if (p[i].rows)
			right = WORK_PX + RIGHT_PX;
	}
	job->width_px = job->opts->width_px ? job->opts->width_px : 1200;
	job->height_px = job->opts->height_px ? job->opts->height_px : fixed + wish;
	room = job->height_px - fixed > 40 ? job->height_px - fixed : 40;
	for (i = 0; i < n; i++) {
		p[i].area_px = (int)((int64_t)p[i].area_px * room / wish);
		if (p[i].area_px < 10)
			p[i].area_px = 10;
		p[i].n_row = p[i].rows && p[i].area_px < (int)p[i].n_lane ? p[i].area_px : (int)p[i].n_lane;
		p[i].row_px = (double)p[i].area_px / p[i].n_row;
		p[i].height_px = p[i].area_px + p[i].control_px + (p[i].control_px ? GAP_PX : 0);
		y += TITLE_PX;
		p[i].top_px = y;
		y += p[i].height_px + AXIS_PX;
		p[i].cols = job->width_px - LEFT_PX - right;
		if (p[i].cols < 100)
			p[i].cols = 100;
	}
}

int bu_plot_timeline(struct bu_plot_job *job, struct bu_err *err)
{
	struct panel p[BU_PLOT_MAX_PANELS] = { 0 };
	size_t n = job->n < BU_PLOT_MAX_PANELS ? job->n : BU_PLOT_MAX_PANELS, i;
	double from = INFINITY, to = -INFINITY, a, b;
	struct bu_plot_unit unit;
	bool rows = false;
	int rc = 0;

	for (i = 0; i < n && !rc; i++) {
		p[i].job = job;
		p[i].boot = &job->boots[i];
		p[i].nr = (int)i + 1;
		rc = find_lanes(&p[i], err);
		boot_range(p[i].boot, &a, &b);
		from = fmin(from, a);
		to = fmax(to, b);
	}
	if (job->opts->from_ns != BU_NS_UNKNOWN)
		from = (double)job->opts->from_ns;
	if (job->opts->to_ns != BU_NS_UNKNOWN)
		to = (double)job->opts->to_ns;
	if (!rc && to <= from)
		rc = bu_fail(err, -ERANGE, "nothing happens after --from; the bring-up is over by then");
	if (!rc) {
		lay_out(p, n, job);
		unit = bu_plot_unit_of(p[0].boot, to);
		bu_plot_terminal(job);
		for (i = 0; i < n; i++)
			rows |= p[i].rows;
		fprintf(job->vars, "panels = %zu\nfrom = %.9g\nto = %.9g\nunit = '%s'\nleft = %.6f\nright = %.6f\n", n,
			from / unit.per, to / unit.per, unit.name, (double)LEFT_PX / job->width_px,
			(double)(LEFT_PX + p[0].cols) / job->width_px);
		fprintf(job->vars, "work_left = %.6f\nwork_right = %.6f\nwidth_px = %d\nheight_px = %d\nlegend = %.6f\nruntime = %d\nrows_used = %d\n",
			(double)(LEFT_PX + p[0].cols + 24) / job->width_px, 1 - 20.0 / job->width_px, job->width_px, job->height_px,
			1 - LEGEND_PX * 0.5 / job->height_px, p[0].boot->runtime, rows);
		fprintf(job->vars, "origin_what = ");
		bu_plot_text(job->vars, p[0].boot->runtime ? p[0].boot->is_run ? "since the first operation began" : "since the first CPU began to come up" :
					p[0].boot->start_what && !strcmp(p[0].boot->start_what, "first step") ?
					"since the first step" : "since the start of the bring-up");
		fprintf(job->vars, "\n");
	}
	for (i = 0; i < n && !rc; i++) {
		p[i].from = from;
		p[i].to = to;
		p[i].col_ns = (to - from) / p[i].cols;
		rc = draw_panel(&p[i], unit.per, job->height_px, err);
	}
	for (i = 0; i < n; i++)
		free(p[i].lane);
	return rc;
}
