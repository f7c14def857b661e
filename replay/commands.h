/* SPDX-License-Identifier: GPL-2.0-only */
/* commands.h - what replay adds to the front end. */
#ifndef BU_REPLAY_COMMANDS_H
#define BU_REPLAY_COMMANDS_H

#include "schemas/base/cli.h"

extern const struct bu_command bu_replay_commands[];	/* ends with name NULL */

#endif
