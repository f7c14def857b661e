/* SPDX-License-Identifier: GPL-2.0-only */
/* commands_int.h - the commands' entry points, for the table in commands.c. */
#ifndef BU_ANALYZE_COMMANDS_INT_H
#define BU_ANALYZE_COMMANDS_INT_H

int bu_cmd_report(int argc, char **argv);
int bu_cmd_plot(int argc, char **argv);

#endif
