/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * wrap_alloc.h - lets one chosen allocation fail, ours or SQLite's; for tests called *_alloc_test.c.
 *
 * The Makefile links those with -Wl,--wrap=... for the functions below, so that calls from this project come here
 * first; SQLite's own come through its memory methods. Include it in one file of the test.
 *
 *	for (n = 0; alloc_fail_at(n, false), rc = work(), alloc_stop(); n++)
 *		check rc;
 */
#ifndef BU_SCHEMAS_STORE_TESTS_WRAP_ALLOC_H
#define BU_SCHEMAS_STORE_TESTS_WRAP_ALLOC_H

#include <sqlite3.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

void *__real_malloc(size_t size);
void *__real_calloc(size_t n, size_t size);
void *__real_realloc(void *p, size_t size);
char *__real_strdup(const char *s);
void *__wrap_malloc(size_t size);
void *__wrap_calloc(size_t n, size_t size);
void *__wrap_realloc(void *p, size_t size);
char *__wrap_strdup(const char *s);
char *__wrap_strndup(const char *s, size_t n);
int __wrap_asprintf(char **ret, const char *fmt, ...) __attribute__((format(printf, 2, 3)));
int __wrap_vasprintf(char **ret, const char *fmt, va_list ap);

static long alloc_left;		/* allocations that still succeed */
static bool alloc_armed, alloc_for_good;
static unsigned long alloc_failures;

static bool alloc_fails(void)
{
	if (!alloc_armed || alloc_left-- > 0)
		return false;
	if (!alloc_for_good)
		alloc_armed = false;
	alloc_failures++;
	return true;
}

/* The @n-th allocation from now on (0: the next) fails; @for_good: all that follow it too. */
static inline void alloc_fail_at(long n, bool for_good)
{
	alloc_left = n;
	alloc_for_good = for_good;
	alloc_failures = 0;
	alloc_armed = true;
}

/* Back to normal. Return: how many allocations failed. */
static inline unsigned long alloc_stop(void)
{
	alloc_armed = false;
	return alloc_failures;
}

void *__wrap_malloc(size_t size)
{
	return alloc_fails() ? NULL : __real_malloc(size);
}

void *__wrap_calloc(size_t n, size_t size)
{
	return alloc_fails() ? NULL : __real_calloc(n, size);
}

void *__wrap_realloc(void *p, size_t size)
{
	return alloc_fails() ? NULL : __real_realloc(p, size);
}

char *__wrap_strdup(const char *s)
{
	return alloc_fails() ? NULL : __real_strdup(s);
}

char *__wrap_strndup(const char *s, size_t n)
{
	size_t len = strnlen(s, n);
	char *p = alloc_fails() ? NULL : __real_malloc(len + 1);

	if (p) {
		memcpy(p, s, len);
		p[len] = 0;
	}
	return p;
}

int __wrap_vasprintf(char **ret, const char *fmt, va_list ap)
{
	va_list again;
	int n;

	va_copy(again, ap);
	n = vsnprintf(NULL, 0, fmt, again);
	va_end(again);
	*ret = n < 0 || alloc_fails() ? NULL : __real_malloc((size_t)n + 1);
	return *ret ? vsnprintf(*ret, (size_t)n + 1, fmt, ap) : -1;
}

int __wrap_asprintf(char **ret, const char *fmt, ...)
{
	va_list ap;
	int n;

	va_start(ap, fmt);
	n = __wrap_vasprintf(ret, fmt, ap);
	va_end(ap);
	return n;
}

static sqlite3_mem_methods alloc_sqlite;

static void *alloc_sqlite_malloc(int size)
{
	return alloc_fails() ? NULL : alloc_sqlite.xMalloc(size);
}

static void *alloc_sqlite_realloc(void *p, int size)
{
	return alloc_fails() ? NULL : alloc_sqlite.xRealloc(p, size);
}

/* Call before the first database is opened. Return: 0. */
static inline int alloc_wrap_sqlite(void)
{
	sqlite3_mem_methods mine;

	if (sqlite3_config(SQLITE_CONFIG_GETMALLOC, &alloc_sqlite) != SQLITE_OK)
		return -1;
	mine = alloc_sqlite;
	mine.xMalloc = alloc_sqlite_malloc;
	mine.xRealloc = alloc_sqlite_realloc;
	/* Without the pool from which SQLite serves small allocations, each one comes to us. */
	sqlite3_config(SQLITE_CONFIG_LOOKASIDE, 0, 0);
	return sqlite3_config(SQLITE_CONFIG_MALLOC, &mine) == SQLITE_OK ? 0 : -1;
}

#endif
