// SPDX-License-Identifier: GPL-2.0-only
/* api_ucontext.c - the engine's sources once more, with swapcontext() for the switch; see api.h and names_ucontext.h. */
#include "replay/engine/tests/names_ucontext.h"

#include "replay/engine/tests/api.h"

/* NOLINTBEGIN(bugprone-suspicious-include): the point of this file */
#include "replay/engine/co.c"
#include "replay/engine/engine.c"
#include "replay/engine/evq.c"
#include "replay/engine/run_mem.c"
#include "replay/engine/slices.c"
#include "replay/engine/state.c"
#include "replay/engine/steplog.c"
#include "replay/engine/task.c"
#include "replay/engine/word.c"
/* NOLINTEND(bugprone-suspicious-include) */

const struct engine_api api_ucontext = ENGINE_API("ucontext");
