/* SPDX-License-Identifier: GPL-2.0-only */
/* floor.h - what an import cannot be faster than: its own rows, inserted with prepared statements and nothing else. */
#ifndef BU_COLLECTOR_TESTS_FLOOR_H
#define BU_COLLECTOR_TESTS_FLOOR_H

/**
 * floor_tool() - Read the event rows of @from into memory, then measure the CPU time of
 * inserting them into the new database @to, in order of id, with one prepared statement per table. Prints
 * "floor_s=... rows=...". Return: an exit code.
 */
int floor_tool(const char *from, const char *to);

#endif
