// SPDX-License-Identifier: GPL-2.0-only
/* cmd_plot.c - `bringup plot`: pictures of boots and replays (plot.h). */
#include <errno.h>
#include <string.h>

#include "analyze/commands_int.h"
#include "analyze/plot.h"
#include "schemas/base/cli.h"

static int check(const struct bu_usage *usage, const struct bu_plot_opts *p)
{
	enum bu_plot_format format;
	const char *near;

	if (!bu_plot_known(p->name, &near))
		return near ? bu_cli_usage_error(usage, "there is no plot '%s'; did you mean '%s'?", p->name, near) :
			      bu_cli_usage_error(usage, "there is no plot '%s'; there are timeline, steps, compare, scaling, saturation, "
						    "holdoff, stop-machine and pgd", p->name);
	if (!p->out)
		return bu_cli_usage_error(usage, "say with -o where the picture goes: -o %s.svg", p->name);
	if (!bu_plot_format_of(p->out, &format))
		return bu_cli_usage_error(usage, "%s: the name must end in .svg, .png or .pdf", p->out);
	if (p->from_ns != BU_NS_UNKNOWN && p->to_ns != BU_NS_UNKNOWN && p->from_ns >= p->to_ns)
		return bu_cli_usage_error(usage, "--from must come before --to");
	if (strcmp(p->name, "timeline") && (p->from_ns != BU_NS_UNKNOWN || p->to_ns != BU_NS_UNKNOWN))
		return bu_cli_usage_error(usage, "--from and --to are for the timeline");
	return -1;
}

int bu_cmd_plot(int argc, char **argv)
{
	struct bu_plot_opts p = { .from_ns = BU_NS_UNKNOWN, .to_ns = BU_NS_UNKNOWN };
	int64_t run = 0, width = 0, height = 0;
	const struct bu_opt opts[] = {
		{ .name = "output", .letter = 'o', .kind = BU_OPT_STRING, .value = &p.out, .arg = "FILE",
		  .help = "the picture: .svg, .png or .pdf" },
		{ .name = "run", .letter = 'r', .kind = BU_OPT_INT, .value = &run, .arg = "N", .min = 1,
		  .max = INT64_MAX, .help = "only this run of a runs database (the first that fit)" },
		{ .name = "width", .kind = BU_OPT_INT, .value = &width, .arg = "PX", .min = 400, .max = 20000,
		  .help = "pixels; 96 to the inch in PDF (as needed)" },
		{ .name = "height", .kind = BU_OPT_INT, .value = &height, .arg = "PX", .min = 300, .max = 20000,
		  .help = "pixels (as needed)" },
		{ .name = "from", .kind = BU_OPT_NS, .value = &p.from_ns, .arg = "T",
		  .help = "timeline: begin so long after the start of the bring-up" },
		{ .name = "to", .kind = BU_OPT_NS, .value = &p.to_ns, .arg = "T", .help = "timeline: end there" },
		{ .name = "keep", .kind = BU_OPT_STRING, .value = &p.keep, .arg = "DIR",
		  .help = "leave gnuplot script and data there, to plot again" },
	};
	const struct bu_usage usage = {
		.command = "plot",
		.synopsis = "plot timeline|steps|compare|scaling|saturation|holdoff|stop-machine|pgd x.db|runs.db -o FILE [options]",
		.about = "timeline: what every CPU did when; one panel per run. steps: how long every step took on every\n"
			 "CPU, with the totals above. compare: how long each phase took, recorded and under each core, side by\n"
			 "side. scaling: the bring-up time against the number of CPUs, a line per core. Of clocksource runs: saturation: what a\n"
			 "clock is asked and which ticks come, against the number of CPUs; holdoff: how long ticks of each CPU were held off;\n"
			 "stop-machine: when each CPU came into and out of it. Of page-table runs: pgd: what each core pays, against the number of\n"
			 "address spaces and of CPUs. Drawn by gnuplot (Debian package gnuplot-nox).",
		.examples = "  bringup plot timeline boot.db -o boot.svg\n"
			    "  bringup plot steps runs.db --run 2 -o steps.png --width 1600\n"
			    "  bringup plot compare runs.db -o compare.png",
		.opts = opts, .n_opts = ARRAY_SIZE(opts), .min_args = 2, .max_args = 2,
	};
	struct bu_boots boots = { 0 };
	struct bu_err err = BU_ERR_INIT;
	int first, rc, code = BU_EXIT_OK;
	size_t i;

	rc = bu_cli_parse(&usage, argc, argv, &first);
	if (rc >= 0)
		return rc;
	p.name = argv[first];
	p.width_px = (int)width;
	p.height_px = (int)height;
	rc = check(&usage, &p);
	if (rc >= 0)
		return rc;
	rc = bu_boots_load(argv[first + 1], run, bu_plot_max_boots(p.name), &boots, &err);
	if (rc == -ENOTSUP)
		return bu_cli_usage_error(&usage, "%s", err.text);
	if (rc)
		return bu_cli_failed(&usage, &err);
	rc = bu_plot(boots.boot, boots.n, &p, &err);
	if (rc) {
		code = bu_cli_failed(&usage, &err);
	} else {
		if (boots.n < boots.n_file && !run)
			bu_cli_warn(&usage, "%zu of %zu runs are shown; --run N chooses one", boots.n, boots.n_file);
		for (i = 0; i < boots.n; i++)
			if (!boots.boot[i].complete)
				code = BU_EXIT_INCOMPLETE;
	}
	bu_boots_fini(&boots);
	return code;
}
