// SPDX-License-Identifier: GPL-2.0-only
/* registry.c - see registry.h. */
#include "replay/registry.h"

#include <dlfcn.h>
#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "schemas/base/mem.h"

static int find_built_in(const char *family, const char *name, size_t len, struct bu_core *ret, struct bu_err *err)
{
	const struct bu_core_def *const *c;
	char have[256] = "";

	for (c = bu_core_table; *c; c++) {
		if (strcmp((*c)->family, family))
			continue;
		if (strlen((*c)->name) == len && !strncmp((*c)->name, name, len)) {
			*ret = (struct bu_core){ .def = **c };
			return 0;
		}
		if (strlen(have) + strlen((*c)->name) + 3 < sizeof(have)) {
			if (have[0])
				strcat(have, ", ");
			strcat(have, (*c)->name);
		}
	}
	return bu_fail(err, -ESRCH, "there is no %s core '%.*s'; there are: %s", family, (int)len, name, have);
}

/* Takes a plugin's definition over, or says why not. The plugin may be older (shorter) or newer than this host. */
static int adopt(const char *path, const char *family, const void *exported, struct bu_core_def *ret,
		 struct bu_err *err)
{
	const unsigned char *bytes = exported;
	struct bu_core_def def = { 0 };
	uint32_t size, abi, i;

	memcpy(&size, bytes + offsetof(struct bu_core_def, size), sizeof(size));
	memcpy(&abi, bytes + offsetof(struct bu_core_def, abi), sizeof(abi));
	if (size < offsetof(struct bu_core_def, control) + sizeof(def.control) || size > 4096)
		return bu_fail(err, -ENOEXEC, "%s: its bu_core_plugin says that it is %u bytes long; build it with "
			       "this bringup's replay/core.h", path, size);
	if (abi != BU_CORE_ABI)
		return bu_fail(err, -ENOEXEC, "%s is built for core ABI %u and this bringup has %d; %s", path, abi, BU_CORE_ABI,
			       abi > BU_CORE_ABI ? "use a newer bringup" : "build it again");
	memcpy(&def, bytes, size < sizeof(def) ? size : sizeof(def));
	for (i = sizeof(def); i < size; i++)
		if (bytes[i])
			return bu_fail(err, -ENOEXEC, "%s: core '%s' needs a newer bringup (byte %u of its definition is set)", path,
				       def.name ? def.name : "?", i);
	def.size = sizeof(def);
	if (!def.family || !def.name || !def.summary || !def.source)
		return bu_fail(err, -ENOEXEC, "%s: its definition lacks family, name, summary or source", path);
	if (!def.control)
		return bu_fail(err, -ENOEXEC, "%s: core '%s' has no control hook, which is required", path, def.name);
	if (strcmp(def.family, family))
		return bu_fail(err, -ENOEXEC, "%s: core '%s' is of family '%s', not '%s'", path, def.name, def.family, family);
	*ret = def;
	return 0;
}

static int open_plugin(const char *path, const char *family, struct bu_core *ret, struct bu_err *err)
{
	struct bu_core core = { .plugin = NULL };
	const void *exported;
	int rc;

	/* A bare "x.so" would be searched for in the system's library folders. */
	if (access(path, R_OK))
		return bu_fail_errno(err, -errno, "%s", path);
	core.plugin = dlopen(path, RTLD_NOW | RTLD_LOCAL);
	if (!core.plugin)
		return bu_fail(err, -ENOEXEC, "%s", dlerror());
	exported = dlsym(core.plugin, "bu_core_plugin");
	rc = exported ? adopt(path, family, exported, &core.def, err) :
			bu_fail(err, -ENOEXEC, "%s is no core: it exports no bu_core_plugin (build with -DBU_PLUGIN)", path);
	if (rc)
		dlclose(core.plugin);
	else
		*ret = core;
	return rc;
}

int bu_core_open(const char *family, const char *name, size_t len, struct bu_core *ret, struct bu_err *err)
{
	_cleanup_free_ char *path = NULL;

	if (!memchr(name, '/', len) && (len < 3 || strncmp(name + len - 3, ".so", 3)))
		return find_built_in(family, name, len, ret, err);
	if (asprintf(&path, "%s%.*s", memchr(name, '/', len) ? "" : "./", (int)len, name) < 0) {
		path = NULL;
		return bu_fail_errno(err, -ENOMEM, "%.*s", (int)len, name);
	}
	return open_plugin(path, family, ret, err);
}

void bu_core_close(struct bu_core *core)
{
	if (core->plugin)
		dlclose(core->plugin);
	core->plugin = NULL;
}

size_t bu_core_n_params(const struct bu_core_def *core)
{
	size_t n = 0;

	while (core->params && core->params[n].name)
		n++;
	return n;
}

static ptrdiff_t find_param(const struct bu_core_def *core, const char *name, size_t len)
{
	size_t i, n = bu_core_n_params(core);

	for (i = 0; i < n; i++)
		if (strlen(core->params[i].name) == len && !strncmp(core->params[i].name, name, len))
			return (ptrdiff_t)i;
	return -1;
}

bool bu_core_has_param(const struct bu_core_def *core, const char *name, size_t len)
{
	return find_param(core, name, len) >= 0;
}

/* The name of value number @i of a parameter whose values have names; NULL behind the last. */
static const char *choice(const struct bu_param *p, int64_t i, size_t *ret_len)
{
	const char *name = p->unit;

	if (!strchr(name, '|'))
		return NULL;
	for (; i > 0 && name; i--) {
		name = strchr(name, '|');
		name = name ? name + 1 : NULL;
	}
	if (name)
		*ret_len = strcspn(name, "|");
	return name;
}

char *bu_core_param_str(const struct bu_param *p, int64_t value, char *buf)
{
	size_t len = 0;
	const char *name = choice(p, value - p->min, &len);

	if (name)
		snprintf(buf, BU_PARAM_STRLEN, "%.*s", (int)len, name);
	else
		snprintf(buf, BU_PARAM_STRLEN, "%" PRId64, value);
	return buf;
}

static int parse_choice(const struct bu_param *p, const char *text, size_t len, int64_t *ret, struct bu_err *err)
{
	const char *name;
	size_t have;
	int64_t i;

	for (i = 0; (name = choice(p, i, &have)) != NULL; i++)
		if (have == len && !strncmp(name, text, len)) {
			*ret = p->min + i;
			return 0;
		}
	return bu_fail(err, -EINVAL, "parameter %s wants one of %s, not '%.*s'", p->name, p->unit, (int)len, text);
}

static int parse_value(const struct bu_param *p, const char *text, size_t len, int64_t *ret, struct bu_err *err)
{
	char *end;
	int64_t v;

	if (strchr(p->unit, '|'))
		return parse_choice(p, text, len, ret, err);
	errno = 0;
	v = strtoll(text, &end, 0);
	if (end == text || errno || end != text + len)
		return bu_fail(err, -EINVAL, "parameter %s wants a whole number (%s), not '%.*s'", p->name, p->unit, (int)len, text);
	if (v < p->min || v > p->max)
		return bu_fail(err, -EINVAL, "parameter %s wants %" PRId64 " to %" PRId64 " %s", p->name, p->min, p->max, p->unit);
	*ret = v;
	return 0;
}

int bu_core_params(const struct bu_core_def *core, const char *text, int64_t *ret, struct bu_err *err)
{
	size_t i, n = bu_core_n_params(core);

	for (i = 0; i < n; i++)
		ret[i] = core->params[i].def;
	while (text && *text) {
		const char *eq = strchr(text, '=');
		const size_t len = eq ? strcspn(eq + 1, ",") : 0;
		ptrdiff_t at;
		int rc;

		if (!eq)
			return bu_fail(err, -EINVAL, "parameters are written name=value,name=value, not '%s'", text);
		at = find_param(core, text, (size_t)(eq - text));
		rc = at < 0 ? 0 : parse_value(&core->params[at], eq + 1, len, &ret[at], err);
		if (rc)
			return rc;
		text = eq + 1 + len;
		text += *text == ',';
	}
	return 0;
}
