// SPDX-License-Identifier: GPL-2.0-only
/*
 * redact.c - see redact.h. Two passes: which addresses there are, then table by table, value by value.
 *
 * The tables and columns are those of the new file, made from schemas/capture.sql: what else the old one may hold is
 * not looked at. Indexes are made by the same statements as at import, never by what the old file says of itself.
 */
#include "collector/redact.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "collector/redact_int.h"
#include "schemas/base/ns.h"
#include "schemas/store/capture_db.h"
#include "schemas/store/db.h"
#include "schemas/store/ddl.h"

struct column {
	char name[64];
	enum bu_rule rule;
	bool is_text, is_time;
	int64_t changed;
};

struct table {
	char name[64];
	struct column *columns;
	size_t n, cap;
};

struct job {
	struct bu_db *in, *out;
	struct bu_rules rules;
	struct table *tables;
	size_t n, cap;
	struct bu_redact_result *result;
};

/* Instants and durations may be negative and lie anywhere. */
static bool is_time(const char *column)
{
	size_t n = strlen(column);

	return (n > 3 && !strcmp(column + n - 3, "_ns")) || !strcmp(column, "ts_raw") || !strcmp(column, "ts_raw_origin") ||
	       !strcmp(column, "expires") || !strcmp(column, "now") || !strcmp(column, "oldest_raw") ||
	       !strcmp(column, "now_raw");
}

/* ---- what there is ------------------------------------------------------------------------------------------------- */

static int read_columns(struct job *j, struct table *t, struct bu_err *err)
{
	_cleanup_(bu_stmt_closep) struct bu_stmt *st = NULL;
	struct column *c;
	int rc;

	rc = bu_stmt_prepare(j->out, "SELECT name, type FROM pragma_table_info(?) ORDER BY cid", &st, err);
	if (!rc)
		bu_stmt_bind_text(st, 1, t->name);
	while (!rc && (rc = bu_stmt_step(st, err)) > 0) {
		rc = 0;
		if (bu_grow(&t->columns, t->n, &t->cap, sizeof(*t->columns)))
			return bu_fail_errno(err, -ENOMEM, "redact");
		c = &t->columns[t->n++];
		*c = (struct column){ .is_text = !strcmp(bu_stmt_text(st, 1), "TEXT") };
		snprintf(c->name, sizeof(c->name), "%s", bu_stmt_text(st, 0));
		c->rule = bu_rule_of(t->name, c->name);
		c->is_time = is_time(c->name);
		if (c->is_text && c->rule == BU_RULE_NONE)
			return bu_fail(err, -EPROTO, "no rule says what may stay of %s.%s; nothing was written", t->name, c->name);
	}
	return rc;
}

static int read_tables(struct job *j, struct bu_err *err)
{
	_cleanup_(bu_stmt_closep) struct bu_stmt *st = NULL;
	struct table *t;
	int rc;

	rc = bu_stmt_prepare(j->out, "SELECT name FROM sqlite_schema WHERE type = 'table' AND name NOT LIKE 'sqlite~_%' "
			     "ESCAPE '~' AND name <> 'redaction' ORDER BY rowid", &st, err);
	while (!rc && (rc = bu_stmt_step(st, err)) > 0) {
		if (bu_grow(&j->tables, j->n, &j->cap, sizeof(*j->tables)))
			return bu_fail_errno(err, -ENOMEM, "redact");
		t = &j->tables[j->n++];
		*t = (struct table){ 0 };
		snprintf(t->name, sizeof(t->name), "%s", bu_stmt_text(st, 0));
		rc = read_columns(j, t, err);
	}
	return rc;
}

/* ---- first pass ------------------------------------------------------------------------------------------------------ */

static int collect_column(struct job *j, const struct table *t, const struct column *c, struct bu_err *err)
{
	_cleanup_(bu_stmt_closep) struct bu_stmt *st = NULL;
	char sql[512];
	int rc;

	if (c->is_text && c->rule != BU_RULE_FIELDS && c->rule != BU_RULE_SYMBOL)
		return 0;
	if (!c->is_text && c->rule != BU_RULE_ADDRESS && c->is_time)
		return 0;
	snprintf(sql, sizeof(sql), "SELECT %s FROM %s WHERE %s %s", c->name, t->name, c->name,
		 c->is_text || c->rule == BU_RULE_ADDRESS ? "IS NOT NULL" : "< -65536");
	rc = bu_stmt_prepare(j->in, sql, &st, err);
	while (!rc && (rc = bu_stmt_step(st, err)) > 0) {
		if (c->is_text)
			rc = bu_rules_collect(&j->rules, c->rule, bu_stmt_text(st, 0));
		else
			rc = bu_address_add(&j->rules.addresses, (uint64_t)bu_stmt_i64(st, 0));
		if (rc)
			rc = bu_fail_errno(err, rc, "redact: addresses");
	}
	return rc;
}

static int collect(struct job *j, struct bu_err *err)
{
	size_t i, k;
	int rc = 0;

	for (i = 0; !rc && i < j->n; i++)
		for (k = 0; !rc && k < j->tables[i].n; k++)
			rc = collect_column(j, &j->tables[i], &j->tables[i].columns[k], err);
	if (rc)
		return rc;
	rc = bu_address_seal(&j->rules.addresses);
	return rc ? bu_fail_errno(err, rc, "redact: number the pages") : 0;
}

/* ---- second pass ------------------------------------------------------------------------------------------------------- */

/* "SELECT a, b FROM t" and "INSERT INTO t (a, b) VALUES (?, ?)". */
static int prepare(struct job *j, const struct table *t, struct bu_stmt **from, struct bu_stmt **to, struct bu_err *err)
{
	char names[2048] = "", marks[256] = "", sql[2560];
	size_t i, n = 0, m = 0;
	int rc;

	for (i = 0; i < t->n; i++) {
		n += (size_t)snprintf(names + n, sizeof(names) - n, "%s%s", i ? ", " : "", t->columns[i].name);
		m += (size_t)snprintf(marks + m, sizeof(marks) - m, "%s?", i ? "," : "");
		if (n >= sizeof(names) || m >= sizeof(marks))
			return bu_fail(err, -E2BIG, "redact: %s has too many columns", t->name);
	}
	snprintf(sql, sizeof(sql), "SELECT %s FROM %s", names, t->name);
	rc = bu_stmt_prepare(j->in, sql, from, err);
	snprintf(sql, sizeof(sql), "INSERT INTO %s (%s) VALUES (%s)", t->name, names, marks);
	return rc ? rc : bu_stmt_prepare(j->out, sql, to, err);
}

static int copy_text(struct job *j, struct column *c, struct bu_stmt *from, int i, struct bu_stmt *to, char **hold,
		     bool *leave_out, struct bu_err *err)
{
	const char *text = bu_stmt_text(from, i), *key = i ? bu_stmt_text(from, 0) : NULL;
	int rc = bu_rules_apply(&j->rules, c->rule, key, text, hold);

	if (rc)
		return bu_fail_errno(err, rc, "redact");
	*leave_out = *leave_out || !*hold;
	c->changed += !*hold || strcmp(*hold, text) != 0;
	bu_stmt_bind_text(to, i + 1, *hold);
	return 0;
}

static void copy_number(struct job *j, struct column *c, struct bu_stmt *from, int i, struct bu_stmt *to)
{
	int64_t v = bu_stmt_i64(from, i);

	if (c->rule == BU_RULE_ADDRESS || (!c->is_time && bu_is_kernel_address(v))) {
		v = (int64_t)bu_address_map(&j->rules.addresses, (uint64_t)v);
		c->changed++;
	}
	bu_stmt_bind_i64(to, i + 1, v);
}

static int copy_row(struct job *j, struct table *t, struct bu_stmt *from, struct bu_stmt *to, char **hold,
		    struct bu_err *err)
{
	bool leave_out = false;
	size_t i;
	int rc = 0;

	for (i = 0; !rc && i < t->n; i++) {
		if (bu_stmt_is_null(from, (int)i))
			bu_stmt_bind_null(to, (int)i + 1);
		else if (t->columns[i].is_text)
			rc = copy_text(j, &t->columns[i], from, (int)i, to, &hold[i], &leave_out, err);
		else
			copy_number(j, &t->columns[i], from, (int)i, to);
	}
	if (!rc && !leave_out) {
		rc = bu_stmt_run(to, err);
		j->result->rows++;
	}
	for (i = 0; i < t->n; i++)
		free(take_ptr(hold[i]));
	return rc;
}

static int copy_table(struct job *j, struct table *t, struct bu_err *err)
{
	_cleanup_(bu_stmt_closep) struct bu_stmt *from = NULL, *to = NULL;
	_cleanup_free_ char **hold = calloc(t->n + 1, sizeof(*hold));
	int rc;

	if (!hold)
		return bu_fail_errno(err, -ENOMEM, "redact");
	rc = prepare(j, t, &from, &to, err);
	while (!rc && (rc = bu_stmt_step(from, err)) > 0)
		rc = copy_row(j, t, from, to, hold, err);
	return rc;
}

static int write_account(struct job *j, struct bu_err *err)
{
	char what[160];
	size_t i, k;
	int rc;

	rc = bu_db_row(j->out, err, "INSERT INTO redaction (what, how, count) VALUES (?,?,?)", "tti", "file",
		       "copied value by value by rules; nothing of the original is in unused bytes", j->result->rows);
	for (i = 0; !rc && i < j->n; i++)
		for (k = 0; !rc && k < j->tables[i].n; k++) {
			const struct column *c = &j->tables[i].columns[k];

			if (!c->changed)
				continue;
			j->result->changed += c->changed;
			snprintf(what, sizeof(what), "%s.%s", j->tables[i].name, c->name);
			rc = bu_db_row(j->out, err, "INSERT INTO redaction (what, how, count) VALUES (?,?,?)", "tti", what,
				       bu_rule_how(c->rule), c->changed);
		}
	if (!rc)
		rc = bu_capture_note(j->out, "info", "redaction", j->result->changed, err, "addresses, task names, command "
				     "line and host identity are redacted; the table redaction says how");
	return rc;
}

/* The indexes that @sql makes outside of the temporary schema, a line each. */
static int make_indexes(struct job *j, const char *sql, struct bu_err *err)
{
	static const char begin[] = "CREATE INDEX ";
	const char *p = sql, *end;
	int rc = 0;

	for (; !rc && *p; p = *end ? end + 1 : end) {
		_cleanup_free_ char *line = NULL;

		end = p + strcspn(p, "\n");
		if (strncmp(p, begin, strlen(begin)) || !strncmp(p + strlen(begin), "temp.", 5))
			continue;
		line = strndup(p, (size_t)(end - p));
		rc = line ? bu_db_exec(j->out, line, err) : bu_fail_errno(err, -ENOMEM, "redact");
	}
	return rc;
}

static int redact(struct job *j, struct bu_err *err)
{
	size_t i;
	int rc;

	rc = bu_rules_init(&j->rules);
	if (rc)
		return bu_fail_errno(err, rc, "redact");
	rc = bu_db_exec(j->out, "PRAGMA secure_delete = ON", err);
	if (!rc)
		rc = read_tables(j, err);
	if (!rc)
		rc = collect(j, err);
	for (i = 0; !rc && i < j->n; i++)
		rc = copy_table(j, &j->tables[i], err);
	if (!rc)
		rc = write_account(j, err);
	if (!rc)
		rc = make_indexes(j, bu_sql_index, err);
	if (!rc)
		rc = make_indexes(j, bu_sql_derive_bringup, err);
	return rc ? rc : bu_db_finish_clean(j->out, err);
}

static bool same_file(const char *a, const char *b)
{
	struct stat sa, sb;

	return !stat(a, &sa) && !stat(b, &sb) && sa.st_dev == sb.st_dev && sa.st_ino == sb.st_ino;
}

int bu_redact(const char *in, const char *out, bool force, struct bu_redact_result *ret, struct bu_err *err)
{
	struct job j = { .result = ret };
	size_t i;
	int rc;

	*ret = (struct bu_redact_result){ 0 };
	if (same_file(in, out))
		return bu_fail(err, -EINVAL, "%s and %s are the same file; name another one for the redacted copy", in, out);
	rc = bu_db_open(in, &bu_capture_format, &j.in, err);
	if (!rc)
		rc = bu_db_create(out, &bu_capture_format, force, &j.out, err);
	if (!rc)
		rc = redact(&j, err);
	for (i = 0; i < j.n; i++)
		free(j.tables[i].columns);
	free(j.tables);
	bu_rules_fini(&j.rules);
	bu_db_close(j.out);
	bu_db_close(j.in);
	return rc;
}
