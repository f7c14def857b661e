/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * plot.h - pictures of boots, drawn by gnuplot.
 *
 * Flow: query -> [plot] -> SVG, PNG or PDF. The data of a picture is reduced here to what its pixels can
 * show, always keeping the largest; how it looks is said in plots/NAME.gp. gnuplot runs as a child without
 * a shell in a private folder, so that nothing of a database's text is ever read as a command or a path.
 */
#ifndef BU_ANALYZE_PLOT_H
#define BU_ANALYZE_PLOT_H

#include "analyze/query.h"

enum bu_plot_format { BU_PLOT_SVG, BU_PLOT_PNG, BU_PLOT_PDF };

struct bu_plot_opts {
	const char *name;	/* "timeline", "steps", "compare", "scaling", "saturation", "holdoff" or "stop-machine" */
	const char *out;	/* the picture; its ending chooses the format */
	const char *keep;	/* folder for script and data, made when missing; NULL: not kept */
	int width_px, height_px;	/* 0: as the picture needs */
	int64_t from_ns, to_ns;	/* part to show, relative to the bring-up; BU_NS_UNKNOWN: all. timeline only */
};

/* The most CPUs that get a lane each, and the most runs in one picture. */
#define BU_PLOT_MAX_LANES 128
#define BU_PLOT_MAX_PANELS 4
#define BU_PLOT_MAX_COMPARED 8

/**
 * bu_plot_format_of() - The format for a file called @path. Return: false when its ending is none of them.
 */
bool bu_plot_format_of(const char *path, enum bu_plot_format *ret);

/**
 * bu_plot_known() - Whether there is a picture called @name; @near gets the nearest name when not.
 */
bool bu_plot_known(const char *name, const char **near);

/**
 * bu_plot_max_boots() - How many boots the picture called @name shows at most; 0: any number.
 */
size_t bu_plot_max_boots(const char *name);

/**
 * bu_plot() - Draw @n boots (at least 1; "steps" shows the first only) into @opts->out, which appears only
 * when it is whole.
 * Return: 0; -ENOENT when gnuplot is missing; -EPROTO when it failed, with what it said in @err; -ENODATA
 * when there is nothing to draw; others as
 * the system says.
 */
int bu_plot(const struct bu_boot *boots, size_t n, const struct bu_plot_opts *opts, struct bu_err *err);

#endif
