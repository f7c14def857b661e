/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * analyzer.h - what clang's analyzer cannot see across files; put in front of each file by scripts/lint, never
 * compiled into anything. bu_fail() and bu_fail_errno() always return a negative value, so a path on which
 * `return bu_fail(...)` meant success does not exist.
 */
#include "schemas/base/err.h"

#define bu_fail(...) (bu_fail(__VA_ARGS__), -1)
#define bu_fail_errno(...) (bu_fail_errno(__VA_ARGS__), -1)
