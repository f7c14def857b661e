/* SPDX-License-Identifier: GPL-2.0-only */
/* commands_int.h - where the collector's commands are: one cmd_*.c each. Arguments and result as in cli.h. */
#ifndef BU_COLLECTOR_COMMANDS_INT_H
#define BU_COLLECTOR_COMMANDS_INT_H

int bu_cmd_audit(int argc, char **argv);
int bu_cmd_import(int argc, char **argv);
int bu_cmd_info(int argc, char **argv);
int bu_cmd_plan(int argc, char **argv);
int bu_cmd_record(int argc, char **argv);
int bu_cmd_redact(int argc, char **argv);

#endif
