/* SPDX-License-Identifier: GPL-2.0-only */
/* lines.h - what memory alone costs where events of many CPUs come in turns. */
#ifndef BU_COLLECTOR_TESTS_LINES_H
#define BU_COLLECTOR_TESTS_LINES_H

#include <stddef.h>
#include <stdint.h>

/**
 * lines_tool() - Touch for each of @events what an import touches: a place in the page of its CPU, and three lines that are kept
 * for that CPU. All CPUs have their turns, every time in another order. Nothing is decoded, ordered or written. Prints
 * "ns=..." of CPU time per event. Return: exit code.
 */
int lines_tool(size_t cpus, uint64_t events);

#endif
