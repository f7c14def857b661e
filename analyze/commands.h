/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * commands.h - what analyze offers to the front end: `report` and `plot`.
 */
#ifndef BU_ANALYZE_COMMANDS_H
#define BU_ANALYZE_COMMANDS_H

#include "schemas/base/cli.h"

extern const struct bu_command bu_analyze_commands[];	/* closed by an entry without a name */

#endif
