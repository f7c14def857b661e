/* SPDX-License-Identifier: GPL-2.0-only */
/* others.h - somebody else's recording is not to be stopped, emptied, or shared with. */
#ifndef BU_COLLECTOR_OTHERS_H
#define BU_COLLECTOR_OTHERS_H

#include <stdbool.h>

#include "collector/tracefs_dir.h"
#include "schemas/base/err.h"

/**
 * bu_others_check() - Does anybody use the buffer of @fs?
 * @named: the user named the buffer, and so answers for what is being traced into it. Otherwise it is the top level,
 * which is ours only if the kernel command line began the tracing.
 * Return: 0; -EBUSY, with who it is.
 */
int bu_others_check(const struct bu_tracefs *fs, bool named, struct bu_err *err);

#endif
