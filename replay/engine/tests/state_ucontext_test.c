// SPDX-License-Identifier: GPL-2.0-only
/* state_ucontext_test.c - the same as state_test.c with swapcontext() for the switch. */
#include "replay/engine/tests/names_ucontext.h"

/* NOLINTNEXTLINE(bugprone-suspicious-include): the point of this file */
#include "replay/engine/tests/state_test.c"
