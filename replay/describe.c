// SPDX-License-Identifier: GPL-2.0-only
/* describe.c - see describe.h: defaults, what a capture says, files, --set, printing. */
#include "replay/describe.h"

#include <ctype.h>
#include <errno.h>
#include <inttypes.h>
#include <jansson.h>
#include <stdlib.h>
#include <string.h>

#include "schemas/base/suggest.h"

struct parameter {
	const char *name, *unit, *meaning;
	int64_t def, min, max;
	size_t offset;
};

static const struct parameter parameters[BU_HP_MACHINE_N] = {
#define PARAMETER(name, unit, def, min, max, meaning) { #name, unit, meaning, def, min, max, offsetof(struct bu_hp_machine, name) },
	BU_HP_MACHINE_FIELDS(PARAMETER)
#undef PARAMETER
};

static int64_t *value_of(struct bu_hp_machine *m, int i)
{
	return (int64_t *)(void *)((char *)m + parameters[i].offset);
}

static int64_t value_in(const struct bu_hp_machine *m, int i)
{
	return *(const int64_t *)(const void *)((const char *)m + parameters[i].offset);
}

void bu_describe_init(struct bu_description *d)
{
	int i;

	*d = (struct bu_description){ .machine.size = sizeof(d->machine), .recorded.size = sizeof(d->recorded) };
	for (i = 0; i < BU_HP_MACHINE_N; i++)
		*value_of(&d->machine, i) = *value_of(&d->recorded, i) = parameters[i].def;
}

void bu_describe_fini(struct bu_description *d)
{
	bu_arena_fini(&d->arena);
}

/* The recorded machine is the simulated one unless something else was said of it. */
static void put(struct bu_description *d, int i, int64_t value, const char *source)
{
	*value_of(&d->machine, i) = value;
	if (!d->recorded_set[i])
		*value_of(&d->recorded, i) = value;
	d->source[i] = source;
}

/* --------------------------------------------------------------------------------------------------- assignments */

static int find(const char *name, size_t len, struct bu_err *err)
{
	char typed[64];
	struct bu_suggest s = BU_SUGGEST_INIT(typed);
	int i;

	for (i = 0; i < BU_HP_MACHINE_N; i++)
		if (strlen(parameters[i].name) == len && !memcmp(parameters[i].name, name, len))
			return i;
	snprintf(typed, sizeof(typed), "%.*s", (int)len, name);
	for (i = 0; i < BU_HP_MACHINE_N; i++)
		bu_suggest_offer(&s, parameters[i].name);
	return bu_fail(err, -EINVAL, "a machine has no parameter '%s'%s%s%s; 'bringup machine' lists them", typed,
		       s.best ? "; did you mean '" : "", s.best ? s.best : "", s.best ? "'?" : "");
}

int bu_describe_set(struct bu_description *d, const char *assignment, const char *source, struct bu_err *err)
{
	static const char machine[] = "machine.", recorded[] = "recorded.";
	const bool of_recorded = !strncmp(assignment, recorded, sizeof(recorded) - 1);
	const char *name = assignment + (of_recorded ? sizeof(recorded) : sizeof(machine)) - 1, *at = strchr(assignment, '=');
	const struct parameter *p;
	size_t len;
	char *end;
	int64_t v;
	int i;

	if (!at || (!of_recorded && strncmp(assignment, machine, sizeof(machine) - 1)))
		return bu_fail(err, -EINVAL, "'%s' is not machine.NAME=VALUE or recorded.NAME=VALUE", assignment);
	for (len = (size_t)(at - name); len && isspace((unsigned char)name[len - 1]); len--)
		;
	i = find(name, len, err);
	if (i < 0)
		return i;
	p = &parameters[i];
	errno = 0;
	v = strtoll(at + 1, &end, 10);
	while (isspace((unsigned char)*end))
		end++;
	if (end == at + 1 || *end || errno || v < p->min || v > p->max)
		return bu_fail(err, -EINVAL, "%s wants a whole number from %" PRId64 " to %" PRId64 "%s%s, not '%s'", p->name, p->min,
			       p->max, p->unit[0] ? " " : "", p->unit, at + 1);
	if (of_recorded) {
		*value_of(&d->recorded, i) = v;
		d->recorded_set[i] = true;
	} else {
		put(d, i, v, source);
	}
	return 0;
}

/* One line of a file, its comment being the source of its value. */
static int set_line(struct bu_description *d, const char *path, char *line, struct bu_err *err)
{
	char *comment = strchr(line, '#'), *source;

	if (comment)
		*comment++ = '\0';
	line += strspn(line, " \t");
	if (!line[strspn(line, " \t\n")])
		return 0;
	for (; comment && isspace((unsigned char)*comment); comment++)
		;
	if (comment)
		comment[strcspn(comment, "\n")] = '\0';
	line[strcspn(line, "\n")] = '\0';
	if (!comment || !*comment)
		return bu_fail(err, -EINVAL, "'%s' says not where its value is from: end it with '# source'", line);
	source = bu_arena_alloc(&d->arena, strlen(path) + strlen(comment) + sizeof(": "));
	if (!source)
		return bu_fail_errno(err, -ENOMEM, "%s", path);
	strcat(strcat(strcpy(source, path), ": "), comment);
	return bu_describe_set(d, line, source, err);
}

int bu_describe_file(const char *path, struct bu_description *d, struct bu_err *err)
{
	FILE *f = fopen(path, "re");
	_cleanup_free_ char *line = NULL;
	size_t cap = 0, n;
	int rc = 0;

	if (!f)
		return bu_fail_errno(err, -errno, "%s", path);
	for (n = 1; !rc && getline(&line, &cap, f) > 0; n++)
		if (set_line(d, path, line, err))
			rc = bu_fail(err, -EINVAL, "%s, line %zu", path, n);
	if (!rc && ferror(f))
		rc = bu_fail_errno(err, -EIO, "%s", path);
	fclose(f);
	return rc;
}

/* ------------------------------------------------------------------------------------------------- from a capture */

static int topology(struct bu_db *db, struct bu_description *d, struct bu_err *err)
{
	static const struct { int index; const char *sql; } counts[] = {
		{ BU_HP_MACHINE_packages, "SELECT count(DISTINCT package) FROM cpu" },
		{ BU_HP_MACHINE_dies_per_package, "SELECT max(n) FROM (SELECT count(DISTINCT die) n FROM cpu GROUP BY package)" },
		{ BU_HP_MACHINE_cores_per_die,
		  "SELECT max(n) FROM (SELECT count(DISTINCT core) n FROM cpu GROUP BY package, die)" },
		{ BU_HP_MACHINE_threads_per_core, "SELECT max(thread) + 1 FROM cpu" },
		{ BU_HP_MACHINE_nodes, "SELECT count(DISTINCT node) FROM cpu" },
		{ BU_HP_MACHINE_siblings_last, "SELECT (SELECT max(thread) FROM cpu) > 0 AND thread = 0 FROM cpu WHERE cpu = 1" },
	};
	int64_t v;
	size_t i;
	int rc;

	for (i = 0; i < ARRAY_SIZE(counts); i++) {
		v = -1;
		rc = bu_db_i64(db, counts[i].sql, &v, err);
		if (rc < 0)
			return rc;
		if (v >= parameters[counts[i].index].min && v <= parameters[counts[i].index].max)
			put(d, counts[i].index, v, "capture: topology");
	}
	return 0;
}

static bool has_word(const char *text, const char *word)
{
	const size_t len = strlen(word);
	const char *p;

	for (p = text; p && (p = strstr(p, word)); p += len)
		if ((p == text || isspace((unsigned char)p[-1])) && (!p[len] || isspace((unsigned char)p[len])))
			return true;
	return false;
}

/*
 * smp_quirk_init_udelay(), arch/x86/kernel/smpboot.c v6.12: modern families need no wait. The waits after STARTUP follow
 * from it (wakeup_secondary_cpu_via_init()).
 */
static void init_delays(struct bu_description *d, const char *cpuinfo, const char *cmdline)
{
	static const char option[] = "cpu_init_udelay=";
	const char *family = cpuinfo ? strstr(cpuinfo, "cpu family") : NULL, *said = cmdline ? strstr(cmdline, option) : NULL;
	const long nr = family && strchr(family, ':') ? strtol(strchr(family, ':') + 1, NULL, 10) : -1;
	const char *source = "capture: CPU family";
	int64_t udelay_ns = 10 * INT64_C(1000000);

	if (said) {
		const int64_t us = strtoll(said + sizeof(option) - 1, NULL, 10);

		if (us < 0 || us > 1000000)
			return;
		udelay_ns = us * 1000;
		source = "capture: kernel command line";
	} else if (nr < 0) {
		return;
	} else if ((nr == 6 && strstr(cpuinfo, "GenuineIntel")) || (nr >= 0xf && strstr(cpuinfo, "AuthenticAMD")) ||
		   (nr >= 0x18 && strstr(cpuinfo, "HygonGenuine"))) {
		udelay_ns = 0;
	}
	put(d, BU_HP_MACHINE_init_udelay_ns, udelay_ns, source);
	put(d, BU_HP_MACHINE_sipi_ns, udelay_ns ? 300000 : 10000, source);
	put(d, BU_HP_MACHINE_sipi_accept_ns, udelay_ns ? 200000 : 10000, source);
}

static void tsc_kind(struct bu_description *d, const char *cpuinfo, const char *cmdline)
{
	const char *flags = cpuinfo ? strstr(cpuinfo, "\nflags") : NULL;
	_cleanup_free_ char *line = flags ? strndup(flags + 1, strcspn(flags + 1, "\n")) : NULL;

	if (line) {
		put(d, BU_HP_MACHINE_tsc_constant, has_word(line, "constant_tsc"), "capture: CPU flags");
		put(d, BU_HP_MACHINE_tsc_adjust, has_word(line, "tsc_adjust"), "capture: CPU flags");
		put(d, BU_HP_MACHINE_tsc_reliable, has_word(line, "tsc_reliable"), "capture: CPU flags");
	}
	if (has_word(cmdline, "tsc=reliable"))
		put(d, BU_HP_MACHINE_tsc_reliable, 1, "capture: kernel command line");
}

int bu_describe_capture(struct bu_db *db, struct bu_description *d, struct bu_err *err)
{
	_cleanup_(bu_stmt_closep) struct bu_stmt *st = NULL;
	int rc;

	rc = topology(db, d, err);
	if (!rc)
		rc = bu_stmt_prepare(db, "SELECT (SELECT content FROM machine_file WHERE name = 'cpuinfo_head'), cmdline FROM capture",
				     &st, err);
	if (!rc)
		rc = bu_stmt_step(st, err);
	if (rc <= 0)
		return rc;
	init_delays(d, bu_stmt_text(st, 0), bu_stmt_text(st, 1));
	tsc_kind(d, bu_stmt_text(st, 0), bu_stmt_text(st, 1));
	return 0;
}

int bu_describe(struct bu_db *capture, const char *file, const struct bu_strings *set, struct bu_description *d,
		struct bu_err *err)
{
	size_t i;
	int rc = 0;

	if (capture)
		rc = bu_describe_capture(capture, d, err);
	if (!rc && file)
		rc = bu_describe_file(file, d, err);
	for (i = 0; !rc && i < set->n; i++)
		rc = bu_describe_set(d, set->v[i], "--set", err);
	return rc;
}

/* ------------------------------------------------------------------------------------------------- stored, printed */

char *bu_describe_json(const struct bu_hp_machine *m)
{
	char *text = NULL;
	size_t len;
	FILE *f = open_memstream(&text, &len);
	int i;

	if (!f)
		return NULL;
	for (i = 0; i < BU_HP_MACHINE_N; i++)
		fprintf(f, "%s\"%s\":%" PRId64, i ? "," : "{", parameters[i].name, value_in(m, i));
	fputs("}", f);
	if (fclose(f)) {
		free(text);
		return NULL;
	}
	return text;
}

int bu_describe_stored(const char *json, struct bu_hp_machine *m, struct bu_err *err)
{
	json_t *root = json_loads(json, 0, NULL), *value;
	const struct parameter *p;
	const char *name;
	int64_t v;
	int i = 0;

	json_object_foreach(root, name, value) {
		i = find(name, strlen(name), err);
		if (i < 0)
			break;
		p = &parameters[i];
		v = json_integer_value(value);
		if (!json_is_integer(value) || v < p->min || v > p->max) {
			i = bu_fail(err, -EINVAL, "the stored machine cannot be: %s is a whole number from %" PRId64 " to %" PRId64,
				    p->name, p->min, p->max);
			break;
		}
		*value_of(m, i) = v;
	}
	if (!root)
		i = bu_fail(err, -EINVAL, "the stored machine cannot be read: '%.40s'", json);
	json_decref(root);
	return i < 0 ? i : 0;
}

void bu_describe_print(const struct bu_description *d, FILE *to)
{
	char text[96];
	int i;

	for (i = 0; i < BU_HP_MACHINE_N; i++) {
		const struct parameter *p = &parameters[i];

		snprintf(text, sizeof(text), "machine.%s = %" PRId64, p->name, value_in(&d->machine, i));
		fprintf(to, "%-46s# %s\n", text, d->source[i] ? d->source[i] : "default");
		if (d->recorded_set[i]) {
			snprintf(text, sizeof(text), "recorded.%s = %" PRId64, p->name, value_in(&d->recorded, i));
			fprintf(to, "%-46s# as given\n", text);
		}
		fprintf(to, "%-46s# %s%s%s%s\n", "", p->unit, p->unit[0] ? ": " : "", p->meaning,
			value_in(&d->machine, i) == -1 ? " (-1: as recorded)" : "");
	}
}
