/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * plot_scripts.h - the gnuplot scripts of plots/, embedded by the build.
 */
#ifndef BU_ANALYZE_PLOT_SCRIPTS_H
#define BU_ANALYZE_PLOT_SCRIPTS_H

struct bu_gp_script {
	const char *name, *text;	/* file name without ".gp", and what is in it */
};

extern const struct bu_gp_script bu_gp_table[];	/* closed by an entry without a name */

#endif
