/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * registry.h - which cores there are: those built in, from a table that make writes from replay/cores/, and plugins,
 * shared objects given by path. Both come from the same source.
 *
 * A plugin exports `bu_core_plugin` (replay/core.h, -DBU_PLUGIN). The host copies as much of it as both know, refuses
 * by name what was built for a newer host, and what lacks a required hook.
 */
#ifndef BU_REPLAY_REGISTRY_H
#define BU_REPLAY_REGISTRY_H

#include <stdbool.h>
#include <stddef.h>

#include "replay/core.h"
#include "schemas/base/err.h"

extern const struct bu_core_def *const bu_core_table[];	/* ends with NULL */

struct bu_core {
	struct bu_core_def def;	/* the host's own copy, whole */
	void *plugin;		/* dlopen() handle, NULL for built-in cores */
};

/**
 * bu_core_open() - The core of @family called by the first @len bytes of @name; a name with a '/' in it, or ending in
 * .so, is a plugin's path. Loading a plugin runs its code: only load what you trust.
 * Return: 0; -ESRCH with @err naming the cores that exist; -ENOEXEC when the plugin cannot be used, with the reason.
 */
int bu_core_open(const char *family, const char *name, size_t len, struct bu_core *ret, struct bu_err *err);
void bu_core_close(struct bu_core *core);

/**
 * bu_core_params() - Values for a core's parameters: defaults, changed by @text, "name=value,name=value". Names that the core
 * does not have are for other cores.
 * @ret: room for bu_core_n_params() values.
 * Return: 0; -EINVAL for a value that is none of the parameter's, with words for the user.
 */
int bu_core_params(const struct bu_core_def *core, const char *text, int64_t *ret, struct bu_err *err);
size_t bu_core_n_params(const struct bu_core_def *core);
bool bu_core_has_param(const struct bu_core_def *core, const char *name, size_t len);

enum { BU_PARAM_STRLEN = 64 };

/**
 * bu_core_param_str() - A parameter's value as it is written in bu_core_params(). Return: @buf, of BU_PARAM_STRLEN bytes.
 */
char *bu_core_param_str(const struct bu_param *p, int64_t value, char *buf);

#endif
