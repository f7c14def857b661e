/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * machine_probe.h - save what describes this machine into a folder, as machine_dir.h reads it back.
 *
 * The writing half of the pair: names and forms of the files are listed in docs/formats.md. What this kernel does not
 * have is left out.
 */
#ifndef BU_COLLECTOR_MACHINE_PROBE_H
#define BU_COLLECTOR_MACHINE_PROBE_H

#include "collector/tracefs_dir.h"
#include "schemas/base/err.h"

/**
 * bu_machine_probe() - Save everything but the statistics into @dir, which is made when it does not exist.
 * Return: 0; negative errno when @dir cannot be written.
 */
int bu_machine_probe(const char *dir, const struct bu_tracefs *fs, struct bu_err *err);

/**
 * bu_machine_probe_lasting() - Only what was the same in the boot before, if the same kernel ran: the machine itself,
 * the names of the hotplug states. Neither command line nor log, nor which CPUs are online.
 */
int bu_machine_probe_lasting(const char *dir, const struct bu_tracefs *fs, struct bu_err *err);

/**
 * bu_machine_probe_stats() - Save per_cpu/cpuN/stats of all CPUs as @dir/@name, "cpuN/stats:entries: 5" a line.
 */
int bu_machine_probe_stats(const char *dir, const char *name, const struct bu_tracefs *fs, struct bu_err *err);

#endif
