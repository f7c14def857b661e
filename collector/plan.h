/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * plan.h - the capture planner: which kernel command line records a boot, what it will cost, what is wrong with one.
 *
 * Stands before everything else: what it prints is what the kernel must be started with, before there is any trace to
 * read. cmd_plan.c shows a plan and, when told so, hands it to bootloader.h. Nothing here reads or changes the machine.
 *
 * What always holds: a plan without a finding of level BU_PLAN_REFUSE fits the kernel's line, its buffers fit the memory
 * allowed to them, and the buffer of each CPU takes what is predicted for it. Each number is a prediction, and says from
 * which measurement.
 */
#ifndef BU_COLLECTOR_PLAN_H
#define BU_COLLECTOR_PLAN_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "schemas/base/err.h"
#include "schemas/base/mem.h"

enum bu_plan_level {
	BU_PLAN_WARN,	/* works, at a price that one should know */
	BU_PLAN_REFUSE,	/* loses what is wanted, or the machine */
};

struct bu_plan_kernel {
	char release[96];	/* as uname -r has it */
	int major, minor;
	bool rt;		/* PREEMPT_RT before 6.12: records are larger */
	bool x86;		/* else arm64 */
};

/* What the planner knows about the machine and what is asked of it. Strings are borrowed. */
struct bu_plan_input {
	struct bu_plan_kernel kernel;
	int64_t cpus;			/* possible CPUs, the boot CPU among them, unless the line has them be fewer */
	int64_t memory_kib;
	int64_t max_memory_percent;	/* how much of it all trace buffers together may take */
	const char *present;		/* the command line as it is now */
	const char *profile;		/* hotplug, clock, pgd, text or all */
	const char *instance;		/* trace into an instance of this name; NULL: into the top level */
	int64_t buffer_kib;		/* per CPU; 0: as predicted */
	bool no_functions, user_faults, persistent;
};

/* What a boot with certain events and functions writes. An upper bound by intent: see plan_model.c. */
struct bu_plan_prediction {
	int64_t boot_events, boot_bytes;	/* of the boot CPU */
	int64_t other_bytes;			/* of the fullest other CPU */
	int64_t total_events, total_bytes;
	int64_t fixed_bytes;			/* of boot_bytes: what does not depend on the number of CPUs */
	int64_t per_cpu_bytes;			/* of boot_bytes: what each further CPU adds */
	int64_t patterns;			/* in the function filter */
	int64_t unmeasured;			/* events and patterns that no measurement covers: not in the numbers */
	char first_unmeasured[128];
};

struct bu_plan_finding {
	const char *id;			/* static, as are level, instead and source */
	enum bu_plan_level level;
	char what[320];			/* what is wrong, with the numbers of this line */
	const char *instead, *source;
};

struct bu_plan {
	const char *add;		/* what to append to the present line; NULL for a line that was only checked */
	const char *line;		/* the whole line that was checked */
	const char *next_boot;		/* persistent: what to add to the boot after the hang instead; else NULL */
	size_t line_bytes;
	int64_t cpus;			/* that are possible with this line, which may say nr_cpus= */
	int64_t buffer_bytes;		/* of each CPU's top-level or instance buffer */
	int64_t wrap_cpus;		/* so many CPUs fill the boot CPU's buffer; 0: no number does */
	int64_t memory_bytes;		/* of all buffers */
	struct bu_plan_prediction predicted;
	struct bu_plan_finding *findings;
	size_t n_findings, cap_findings;
	bool refused;			/* some finding is BU_PLAN_REFUSE */
	struct bu_arena arena;		/* owns the strings */
};

/**
 * bu_plan_kernel_parse() - Read a kernel release, like "6.12.113+deb12-amd64".
 * @machine: as uname -m has it; x86_64, i686 and aarch64 are known.
 * Return: 0; -EINVAL with words in @err.
 */
int bu_plan_kernel_parse(const char *release, const char *machine, struct bu_plan_kernel *ret, struct bu_err *err);

/**
 * bu_plan_make() - Make the command line for @in, predict it, and check it together with the present line.
 * @ret: to be freed with bu_plan_fini(), also after a failure.
 * Return: 0, also when the plan is refused (@ret->refused); -EINVAL for an unknown profile, -ENOMEM.
 */
int bu_plan_make(const struct bu_plan_input *in, struct bu_plan *ret, struct bu_err *err);

/**
 * bu_plan_check() - Check the command line @line for the traps; of @in only kernel, CPUs and memory count.
 * @ret, Return: as bu_plan_make().
 */
int bu_plan_check(const struct bu_plan_input *in, const char *line, struct bu_plan *ret, struct bu_err *err);

/**
 * bu_plan_fini() - Free what a plan owns. Quiet about one that is all zeros.
 */
void bu_plan_fini(struct bu_plan *plan);

/**
 * bu_plan_basis() - From which measurement the prediction for @kernel comes. Static.
 */
const char *bu_plan_basis(const struct bu_plan_kernel *kernel);

/**
 * bu_plan_line_max() - The longest command line, in bytes without the final NUL, that @kernel takes.
 */
size_t bu_plan_line_max(const struct bu_plan_kernel *kernel);

#endif
