/* SPDX-License-Identifier: GPL-2.0-only */
/* commands_int.h - the command functions, for commands.c only. */
#ifndef BU_REPLAY_COMMANDS_INT_H
#define BU_REPLAY_COMMANDS_INT_H

int bu_cmd_replay(int argc, char **argv);

#endif
