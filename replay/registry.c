// SPDX-License-Identifier: GPL-2.0-only
/* registry.c - see registry.h. */
#include "replay/registry.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

const struct bu_core_def *bu_core_find(const char *family, const char *name, size_t len, struct bu_err *err)
{
	const struct bu_core_def *const *c;
	char have[256] = "";

	for (c = bu_core_table; *c; c++) {
		if (strcmp((*c)->family, family))
			continue;
		if (strlen((*c)->name) == len && !strncmp((*c)->name, name, len))
			return *c;
		if (strlen(have) + strlen((*c)->name) + 3 < sizeof(have)) {
			if (have[0])
				strcat(have, ", ");
			strcat(have, (*c)->name);
		}
	}
	bu_fail(err, -ENOENT, "there is no %s core '%.*s'; there are: %s", family, (int)len, name, have);
	return NULL;
}

size_t bu_core_n_params(const struct bu_core_def *core)
{
	size_t n = 0;

	while (core->params && core->params[n].name)
		n++;
	return n;
}

static int set_one(const struct bu_core_def *core, const char *name, size_t len, const char *value, int64_t *values,
		   const char **ret_end, struct bu_err *err)
{
	size_t i, n = bu_core_n_params(core);
	char *end;
	int64_t v;

	for (i = 0; i < n; i++)
		if (strlen(core->params[i].name) == len && !strncmp(core->params[i].name, name, len))
			break;
	if (i == n)
		return bu_fail(err, -EINVAL, "core %s has no parameter '%.*s'; see 'bringup cores'", core->name, (int)len,
			       name);
	errno = 0;
	v = strtoll(value, &end, 0);
	if (end == value || errno || (*end && *end != ','))
		return bu_fail(err, -EINVAL, "parameter %s wants a whole number (%s)", core->params[i].name,
			       core->params[i].unit);
	if (v < core->params[i].min || v > core->params[i].max)
		return bu_fail(err, -EINVAL, "parameter %s wants %" PRId64 " to %" PRId64 " %s", core->params[i].name,
			       core->params[i].min, core->params[i].max, core->params[i].unit);
	values[i] = v;
	*ret_end = end;
	return 0;
}

int bu_core_params(const struct bu_core_def *core, const char *text, int64_t *ret, struct bu_err *err)
{
	size_t i, n = bu_core_n_params(core);
	int rc;

	for (i = 0; i < n; i++)
		ret[i] = core->params[i].def;
	while (text && *text) {
		const char *eq = strchr(text, '=');

		if (!eq)
			return bu_fail(err, -EINVAL, "parameters are written name=value,name=value, not '%s'", text);
		rc = set_one(core, text, (size_t)(eq - text), eq + 1, ret, &text, err);
		if (rc)
			return rc;
		if (*text == ',')
			text++;
	}
	return 0;
}
