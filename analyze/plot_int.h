/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * plot_int.h - what the pictures share: files in the folder of one plot, units, text for gnuplot.
 */
#ifndef BU_ANALYZE_PLOT_INT_H
#define BU_ANALYZE_PLOT_INT_H

#include <stdio.h>

#include "analyze/plot.h"

struct bu_plot_job {
	const struct bu_boot *boots;
	size_t n;
	const struct bu_plot_opts *opts;
	const char *dir;	/* where script and data go */
	FILE *vars;		/* vars.gp: settings that the script loads */
	int width_px, height_px;	/* decided by the picture, before anything is written to vars */
};

/**
 * bu_plot_timeline() and so on - Write the data of that picture into the job's folder, and its settings to job->vars.
 */
int bu_plot_timeline(struct bu_plot_job *job, struct bu_err *err);
int bu_plot_steps(struct bu_plot_job *job, struct bu_err *err);
int bu_plot_compare(struct bu_plot_job *job, struct bu_err *err);
int bu_plot_scaling(struct bu_plot_job *job, struct bu_err *err);
int bu_plot_saturation(struct bu_plot_job *job, struct bu_err *err);
int bu_plot_holdoff(struct bu_plot_job *job, struct bu_err *err);
int bu_plot_stop_machine(struct bu_plot_job *job, struct bu_err *err);
int bu_plot_pgd(struct bu_plot_job *job, struct bu_err *err);

/**
 * bu_plot_metric() - The figure @name of a run, or of one CPU of it (-1: of the run). Return: NAN where it has none.
 */
double bu_plot_metric(const struct bu_boot *b, const char *name, int cpu);

/**
 * bu_plot_file() - Create file @name in the job's folder. Return: NULL with @err set.
 */
FILE *bu_plot_file(struct bu_plot_job *job, const char *name, struct bu_err *err);

/**
 * bu_plot_close() - Close a file of bu_plot_file(), noticing what could not be written.
 */
int bu_plot_close(struct bu_plot_job *job, FILE *f, struct bu_err *err);

/**
 * bu_plot_terminal() - Write `set terminal` and `set output` for the size now in the job.
 */
void bu_plot_terminal(struct bu_plot_job *job);

/**
 * bu_plot_text() - Write @text as a gnuplot string in single quotes, where nothing is expanded. Quotes are
 * doubled and control characters left out.
 */
void bu_plot_text(FILE *to, const char *text);

/* What it was taken from, in words: a boot, or a recording of runtime hotplug. Static. */
const char *bu_plot_recording(const struct bu_boot *boot);

/**
 * bu_plot_title() - One line on a boot: kernel, CPUs, algorithm or core, time. Return: @buf.
 */
const char *bu_plot_title(const struct bu_boot *boot, char *buf, size_t len);

/**
 * bu_plot_host() - ", sharing 2 CPUs of a host", or "" where each CPU of the run has its own. Return: @buf.
 */
const char *bu_plot_host(const struct bu_boot *boot, char *buf, size_t len);

/**
 * bu_plot_source() - Set `source` to the name of the recording behind @b, and the checksum of its trace.
 */
void bu_plot_source(struct bu_plot_job *job, const struct bu_boot *b);

/* The unit of an axis that goes up to @max. */
struct bu_plot_unit {
	const char *name;	/* "ms" */
	double per;		/* how many ns (or ticks) it has */
};
struct bu_plot_unit bu_plot_unit_of(const struct bu_boot *boot, double max_ns);

#endif
