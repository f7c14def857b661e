// SPDX-License-Identifier: GPL-2.0-only
/*
 * schema.c - see schema.h. A text of SQL is squeezed: no comments, one space where there was white space, and a newline
 * between statements, which none has within it. One is part of a format if its line is.
 */
#include "schemas/store/schema.h"

#include <ctype.h>
#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "schemas/base/mem.h"

struct bu_schema {
	char *lines;		/* a newline before and behind each */
};

/* What ANALYZE makes (sqlite.org/fileformat2.html, 2.6.3 and 2.6.5). */
static const char analysed[] = "\nCREATE TABLE sqlite_stat1(tbl,idx,stat)\n"
			       "CREATE TABLE sqlite_stat4(tbl,idx,neq,nlt,ndlt,sample)\n";

/* Adds @sql to @to, which has room for it and two bytes more. Return: the end. */
static char *squeeze(char *to, const char *sql)
{
	char *first = to + 1, quote = 0;

	*to++ = '\n';
	for (; *sql; sql++) {
		if (quote) {
			quote = *sql == quote ? 0 : quote;
		} else if (*sql == '\'' || *sql == '"') {
			quote = *sql;
		} else if (sql[0] == '-' && sql[1] == '-') {
			sql += strcspn(sql, "\n");
			if (!*sql)
				break;
		}
		if (quote || !(isspace((unsigned char)*sql) || *sql == ';'))
			*to++ = *sql;
		else if (*sql == ';')
			*to++ = '\n';
		else if (to > first && to[-1] != ' ' && to[-1] != '\n')
			*to++ = ' ';
	}
	while (to > first && (to[-1] == ' ' || to[-1] == '\n'))
		to--;
	*to++ = '\n';
	*to = 0;
	return to;
}

int bu_schema_create(const struct bu_db_format *format, struct bu_schema **ret, struct bu_err *err)
{
	struct bu_schema *s = calloc(1, sizeof(*s));
	size_t len = strlen(format->ddl) + sizeof(analysed);
	const char *const *sql;
	char *end;

	for (sql = format->later; sql && *sql; sql++)
		len += strlen(*sql) + 2;
	if (s)
		s->lines = malloc(len + 3);
	if (!s || !s->lines) {
		bu_schema_destroy(s);
		return bu_fail_errno(err, -ENOMEM, "schema");
	}
	end = squeeze(s->lines, format->ddl);
	for (sql = format->later; sql && *sql; sql++)
		end = squeeze(end - 1, *sql);
	strcpy(end - 1, analysed);
	*ret = s;
	return 0;
}

void bu_schema_destroy(struct bu_schema *s)
{
	if (s)
		free(s->lines);
	free(s);
}

void bu_schema_destroyp(struct bu_schema **s)
{
	bu_schema_destroy(*s);
}

int bu_schema_has(const struct bu_schema *s, const char *sql)
{
	_cleanup_free_ char *line = malloc(strlen(sql) + 3);

	if (!line)
		return -ENOMEM;
	squeeze(line, sql);
	return strstr(s->lines, line) != NULL;
}

static int refuse(struct bu_db *db, const struct bu_db_format *format, const char *what, struct bu_err *err)
{
	char shown[60];
	size_t i;

	snprintf(shown, sizeof(shown), "%s", what);
	for (i = 0; shown[i]; i++)
		if (!isprint((unsigned char)shown[i]))
			shown[i] = ' ';
	return bu_fail(err, -EPROTO, "%s is no %s as bringup makes it (%s); it was changed, or another program made it: make it "
		       "again from its source", bu_db_path(db), format->what, shown);
}

int bu_schema_check(struct bu_db *db, const struct bu_db_format *format, struct bu_err *err)
{
	_cleanup_(bu_schema_destroyp) struct bu_schema *s = NULL;
	_cleanup_(bu_stmt_closep) struct bu_stmt *st = NULL;
	int rc, known;
	const char *sql;

	rc = bu_schema_create(format, &s, err);
	if (!rc)
		rc = bu_stmt_prepare(db, "SELECT sql FROM sqlite_schema WHERE sql IS NOT NULL", &st, err);
	while (!rc && (rc = bu_stmt_step(st, err)) == 1) {
		sql = bu_stmt_text(st, 0);
		known = sql ? bu_schema_has(s, sql) : -ENOMEM;
		rc = known < 0 ? bu_fail_errno(err, known, "%s: schema", bu_db_path(db)) :
		     !known ? refuse(db, format, sql, err) : 0;
	}
	return rc;
}
