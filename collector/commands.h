/* SPDX-License-Identifier: GPL-2.0-only */
/* commands.h - the collector's subcommands, for bringup.c. */
#ifndef BU_COLLECTOR_COMMANDS_H
#define BU_COLLECTOR_COMMANDS_H

#include "schemas/base/cli.h"

extern const struct bu_command bu_collector_commands[];	/* ends with a NULL name */

#endif
