/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * machine_dir.h - the machine that a trace was taken on, from a folder of saved sysfs, procfs and tracefs files.
 *
 * A trace.dat carries no topology, no table of hotplug states and no clock rate; these come from small files that
 * lie in a folder under the names listed in docs/formats.md (`bringup record` writes them). Every one may be
 * missing or garbage: what cannot be read is unknown, and said to be so.
 */
#ifndef BU_COLLECTOR_MACHINE_DIR_H
#define BU_COLLECTOR_MACHINE_DIR_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "schemas/base/err.h"
#include "schemas/base/mem.h"

/* Every int64_t here: BU_NS_UNKNOWN where the files do not say. */
struct bu_machine_cpu {
	bool possible, present, online;
	int64_t package, die, core, thread, node, apic_id;
};

struct bu_machine_stat {		/* per_cpu/cpuN/stats of one CPU */
	bool seen;
	int64_t entries, overrun, commit_overrun, dropped, read_events, bytes, oldest, now;
};

struct bu_machine_state {
	int64_t nr;
	const char *name;
};

struct bu_machine_text {
	const char *name, *content;	/* UTF-8 without zero bytes */
	bool is_config;			/* how tracing was set up, rather than a file of the machine */
};

struct bu_machine {
	struct bu_arena arena;		/* owns every text */
	bool given;			/* a folder was read */
	const char *release, *version, *arch, *cmdline;
	const char *trace_clock, *hypervisor, *cpu_model, *smt, *clocksource_current, *clocksource_available;
	const char *tsc_unstable;	/* dmesg's reason for calling the TSC unstable */
	bool clock_switched;		/* at the end of the boot the kernel chose another trace clock, by dmesg */
	int64_t cpus_possible, cpus_present, cpus_online;
	int64_t tsc_detected_khz, tsc_refined_khz, memory_kib;
	struct bu_machine_cpu *cpus;	/* by number */
	size_t n_cpus, cap_cpus;
	bool has_masks;			/* possible, present and online of the CPUs are known */
	struct bu_machine_state *states;
	size_t n_states, cap_states;
	struct bu_machine_stat *stats;	/* by CPU number, top-level buffer */
	size_t n_stats, cap_stats;
	struct bu_machine_text *texts;
	size_t n_texts, cap_texts;
	int64_t junk_lines;		/* lines that made no sense */
	const char *junk_file;		/* where the first of them was */
	int64_t cut_files;		/* files longer than what is kept */
};

/**
 * bu_machine_read() - Read the folder @dir.
 * @dir: NULL: there is none, everything is unknown.
 * @ret: filled in; free with bu_machine_fini() whatever is returned.
 * Return: 0; -ENOENT or -ENOTDIR when @dir is no folder; -ENOMEM.
 */
int bu_machine_read(const char *dir, struct bu_machine *ret, struct bu_err *err);
void bu_machine_fini(struct bu_machine *m);

/**
 * bu_machine_parse_stats() - Read per_cpu/cpuN/stats texts into a table by CPU number.
 * @text: lines "cpuN/stats:entries: 5" as grep prints them, the same as one line per CPU behind "cpuN ", or lines "entries: 5" under headings "CPU: N" as a
 * trace.dat has them.
 * @stats, @n, @cap: a growing array of the caller.
 * @ret_junk: incremented for each line that makes no sense.
 * Return: 0 or -ENOMEM.
 */
int bu_machine_parse_stats(const char *text, struct bu_machine_stat **stats, size_t *n, size_t *cap,
			   int64_t *ret_junk);

/**
 * bu_machine_parse_uname() - Take release, version and machine from the line of uname -a, or from the shorter
 * one of a trace.dat (without version). What is not there is left alone. Return: 0 or -ENOMEM.
 */
int bu_machine_parse_uname(struct bu_machine *m, const char *line);

#endif
