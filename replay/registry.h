/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * registry.h - which cores there are. The table of built-in ones is written by make from replay/cores/.
 */
#ifndef BU_REPLAY_REGISTRY_H
#define BU_REPLAY_REGISTRY_H

#include <stddef.h>

#include "replay/core.h"
#include "schemas/base/err.h"

extern const struct bu_core_def *const bu_core_table[];	/* ends with NULL */

/**
 * bu_core_find() - The core of @family called by the first @len bytes of @name.
 * Return: the core, or NULL with @err naming those that exist (-ENOENT).
 */
const struct bu_core_def *bu_core_find(const char *family, const char *name, size_t len, struct bu_err *err);

/**
 * bu_core_params() - Values for a core's parameters: defaults, changed by @text, "name=value,name=value".
 * @ret: room for bu_core_n_params() values.
 * Return: 0; -EINVAL for an unknown name or a value out of range, with words for the user.
 */
int bu_core_params(const struct bu_core_def *core, const char *text, int64_t *ret, struct bu_err *err);
size_t bu_core_n_params(const struct bu_core_def *core);

#endif
