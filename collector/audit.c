// SPDX-License-Identifier: GPL-2.0-only
/*
 * audit.c - what is left in a database that must not be there (redact.h).
 *
 * Looks twice at each text: by the rule of its column, which says what may stand there, and by bu_scan(), which knows
 * no rules. Then at the file as bytes: what SQLite does not show as a value (free pages, gaps within pages; the format
 * is described in fileformat2.html of SQLite 3.40) may hold nothing, and no address in hexadecimal stands anywhere.
 */
#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "collector/redact.h"
#include "collector/redact_int.h"
#include "schemas/store/db.h"
#include "schemas/store/ddl.h"
#include "schemas/store/gaps.h"

#define EXCERPT 60	/* characters of a finding that are shown */

struct audit {
	struct bu_db *db;
	struct bu_rules rules;
	struct bu_audit_result *result;
	FILE *to;
	int64_t limit, span_ns;
};

static void excerpt(FILE *to, const char *text, size_t len)
{
	size_t i;

	for (i = 0; i < len && i < EXCERPT; i++)
		fputc(text[i] >= ' ' && text[i] <= '~' ? text[i] : '?', to);
	if (len > EXCERPT)
		fputs("...", to);
}

static bool finding(struct audit *a)
{
	return a->result->findings++ < a->limit;
}

static void found_text(struct audit *a, const char *table, const char *column, int64_t row, const char *what,
		       const char *text, size_t len)
{
	if (!finding(a))
		return;
	fprintf(a->to, "%s.%s, row %" PRId64 ": %s: ", table, column, row, what);
	excerpt(a->to, text, len);
	fputc('\n', a->to);
}

/* ---- values ------------------------------------------------------------------------------------------------------------ */

static void look_at_text(struct audit *a, const char *table, const char *column, int64_t row, const char *key,
			 const char *text)
{
	enum bu_rule rule = bu_rule_of(table, column);
	/* The saved topology names files of sysfs by their path, in a shape that its rule knows. */
	bool is_sysfs = rule == BU_RULE_FILE && key && (!strcmp(key, "topology") || !strcmp(key, "nodes"));
	size_t len = strlen(text), at = 0;
	struct bu_scan_hit hit;

	for (; !is_sysfs && bu_scan(text, len, at, true, &hit); at = hit.at + hit.len)
		found_text(a, table, column, row, hit.what, text + hit.at, hit.len);
	if (at)
		return;
	if (rule == BU_RULE_NONE)
		found_text(a, table, column, row, "text in a column without a rule", text, len);
	else if (!bu_rules_allow(&a->rules, rule, key, text))
		found_text(a, table, column, row, "not what may stand here", text, len);
}

static void look_at_number(struct audit *a, const char *table, const char *column, int64_t row, int64_t v)
{
	size_t n = strlen(column);
	bool is_time = n > 3 && !strcmp(column + n - 3, "_ns");

	/* Where a clock was set back, an instant may be before the first event, by less than the trace is long. */
	if (!bu_is_kernel_address(v) || (is_time && v >= -a->span_ns))
		return;
	if (finding(a))
		fprintf(a->to, "%s.%s, row %" PRId64 ": kernel address: %" PRId64 " is 0x%" PRIx64 "\n", table, column, row, v,
			(uint64_t)v);
}

static int look_at_table(struct audit *a, const char *table, struct bu_err *err)
{
	_cleanup_(bu_stmt_closep) struct bu_stmt *info = NULL, *st = NULL;
	char names[64][64], sql[256];
	bool is_text[64];
	int64_t row = 0;
	int n = 0, i, rc;

	rc = bu_stmt_prepare(a->db, "SELECT name, type FROM pragma_table_info(?) ORDER BY cid", &info, err);
	if (!rc)
		bu_stmt_bind_text(info, 1, table);
	while (!rc && n < 64 && (rc = bu_stmt_step(info, err)) > 0) {
		rc = 0;
		snprintf(names[n], sizeof(names[n]), "%s", bu_stmt_text(info, 0));
		is_text[n++] = strcmp(bu_stmt_text(info, 1), "INTEGER") != 0;
	}
	if (rc)
		return rc;
	if (strchr(table, '"') || strlen(table) > 100)
		return bu_fail(err, -EILSEQ, "a table has the name %s; that is no capture database of bringup", table);
	snprintf(sql, sizeof(sql), "SELECT * FROM \"%s\"", table);
	rc = bu_stmt_prepare(a->db, sql, &st, err);
	while (!rc && (rc = bu_stmt_step(st, err)) > 0) {
		rc = 0;
		row++;
		for (i = 0; i < n; i++) {
			if (bu_stmt_is_null(st, i))
				continue;
			a->result->values++;
			if (is_text[i])
				look_at_text(a, table, names[i], row, i ? bu_stmt_text(st, 0) : NULL, bu_stmt_text(st, i));
			else
				look_at_number(a, table, names[i], row, bu_stmt_i64(st, i));
		}
	}
	return rc;
}

static bool is_own_statement(const char *sql)
{
	const char *const *later;

	for (later = bu_capture_format.later; *later; later++)
		if (strstr(*later, sql))
			return true;
	return strstr(bu_capture_format.ddl, sql);
}

/* A file with other statements was not opened; within these, SQLite keeps comments, and those are ours too. */
static int look_at_schema(struct audit *a, struct bu_err *err)
{
	_cleanup_(bu_stmt_closep) struct bu_stmt *st = NULL;
	const char *name, *sql;
	bool is_table;
	int rc;

	rc = bu_stmt_prepare(a->db, "SELECT type, name, sql FROM sqlite_schema WHERE sql IS NOT NULL ORDER BY rowid", &st, err);
	while (!rc && (rc = bu_stmt_step(st, err)) > 0) {
		rc = 0;
		is_table = !strcmp(bu_stmt_text(st, 0), "table");
		name = bu_stmt_text(st, 1);
		sql = bu_stmt_text(st, 2);
		if (!strncmp(name, "sqlite_stat", 11))	/* what ANALYZE counted: names of tables and numbers */
			continue;
		if (!is_own_statement(sql))
			found_text(a, "sqlite_schema", "sql", 0, "not a statement of this format", sql, strlen(sql));
		if (is_table)
			rc = look_at_table(a, name, err);
	}
	return rc;
}

/* ---- bytes ---------------------------------------------------------------------------------------------------------------- */

/*
 * Whether bytes that belong to no value hold what was one. What a page's own bookkeeping leaves behind are offsets and
 * sizes below the page size of 8192, two bytes each: of two neighbours one is always below 0x20. Of any two letters, and
 * of some two of an address's four or six bytes, neither is.
 */
static bool holds_something(unsigned char *p, size_t n)
{
	size_t i;

	for (i = 1; i < n; i++)
		if (p[i] >= 0x20 && p[i - 1] >= 0x20)
			return true;
	return false;
}

static void look_at_page(struct audit *a, unsigned char *page, size_t size, int64_t number)
{
	struct bu_scan_hit hit;
	size_t at = 0;

	while (bu_scan((const char *)page, size, at, false, &hit)) {
		if (finding(a)) {
			fprintf(a->to, "file, byte %" PRId64 ": %s: ", (number - 1) * (int64_t)size + (int64_t)hit.at, hit.what);
			excerpt(a->to, (const char *)page + hit.at, hit.len);
			fputc('\n', a->to);
		}
		at = hit.at + hit.len;
	}
	if (bu_page_gaps(page, size, number, holds_something) && finding(a))
		fprintf(a->to, "file, page %" PRId64 ": bytes that belong to no value hold something\n", number);
}

static int look_at_bytes(struct audit *a, const char *path, struct bu_err *err)
{
	_cleanup_free_ unsigned char *page = NULL;
	int64_t size = 0, free_pages = 0, number = 0;
	FILE *f;
	int rc;

	rc = bu_db_i64(a->db, "PRAGMA page_size", &size, err);
	if (rc >= 0)
		rc = bu_db_i64(a->db, "PRAGMA freelist_count", &free_pages, err);
	if (rc < 0)
		return rc;
	if (free_pages && finding(a))
		fprintf(a->to, "file: %" PRId64 " free pages, which may hold what was deleted\n", free_pages);
	page = malloc((size_t)size);
	f = fopen(path, "rbe");
	if (!page || !f) {
		rc = page ? -errno : -ENOMEM;
		if (f)
			fclose(f);
		return bu_fail_errno(err, rc, "%s", path);
	}
	while (fread(page, (size_t)size, 1, f) == 1) {
		a->result->bytes += size;
		look_at_page(a, page, (size_t)size, ++number);
	}
	rc = ferror(f) ? bu_fail_errno(err, -EIO, "%s", path) : 0;
	fclose(f);
	return rc;
}

int bu_audit(const char *path, FILE *to, int64_t limit, struct bu_audit_result *ret, struct bu_err *err)
{
	struct audit a = { .result = ret, .to = to, .limit = limit };
	int64_t said = 0;
	int rc;

	*ret = (struct bu_audit_result){ 0 };
	rc = bu_db_open(path, &bu_capture_format, &a.db, err);
	if (rc)
		return rc;
	rc = bu_rules_init(&a.rules);
	if (rc)
		bu_fail_errno(err, rc, "audit");
	if (!rc)
		rc = bu_db_i64(a.db, "SELECT max(ts_ns) FROM (SELECT max(ts_ns) AS ts_ns FROM ev_func UNION ALL "
			       "SELECT max(ts_ns) FROM ev_cpuhp)", &a.span_ns, err);
	if (rc >= 0)
		rc = bu_db_i64(a.db, "SELECT count(*) FROM sqlite_schema WHERE name = 'redaction'", &said, err);
	if (rc >= 0 && said)
		rc = bu_db_i64(a.db, "SELECT count(*) FROM redaction", &said, err);
	if (rc >= 0 && !said && finding(&a))
		fprintf(to, "file: does not say that it was redacted (table redaction is empty)\n");
	if (rc >= 0)
		rc = look_at_schema(&a, err);
	if (!rc)
		rc = look_at_bytes(&a, path, err);
	bu_rules_fini(&a.rules);
	bu_db_close(a.db);
	return rc;
}
