/* SPDX-License-Identifier: GPL-2.0-only */
/* measure.h - run a program and say what it cost: for scripts/bench.sh, without needing GNU time. */
#ifndef BU_COLLECTOR_TESTS_MEASURE_H
#define BU_COLLECTOR_TESTS_MEASURE_H

/**
 * measure_tool() - Run @argv with its output thrown away. Prints "wall_s=... cpu_s=... peak_mib=..." of it and of all
 * processes that it started and waited for. Return: its exit code, 1 when it could not be run or was killed.
 */
int measure_tool(char **argv);

#endif
