// SPDX-License-Identifier: GPL-2.0-only
/*
 * err.c - see err.h. The chain is built in place: a new prefix is written before the old text, and what does
 * not fit falls off the end, because the outermost words say which file and the innermost say why; the cut
 * is marked with "...".
 */
#include "schemas/base/err.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static int chain(struct bu_err *err, int code, int with_errno, const char *fmt, va_list ap)
{
	char old[BU_ERR_LEN];
	int n, room;

	if (!code)
		code = -EIO;
	if (code > 0)
		code = -code;
	if (!err)
		return code;
	memcpy(old, err->text, sizeof(old));
	n = vsnprintf(err->text, sizeof(err->text), fmt, ap);
	if (n < 0)
		n = 0;
	if (n >= (int)sizeof(err->text))
		n = sizeof(err->text) - 1;
	room = (int)sizeof(err->text) - n;
	if (old[0])
		n = snprintf(err->text + n, room, ": %s", old);
	else if (with_errno)
		n = snprintf(err->text + n, room, ": %s", strerror(-code));
	else
		n = 0;
	if (n >= room)
		memcpy(err->text + sizeof(err->text) - 4, "...", 4);
	if (!err->code)
		err->code = code;
	return err->code;
}

int bu_fail(struct bu_err *err, int code, const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	code = chain(err, code, 0, fmt, ap);
	va_end(ap);
	return code;
}

int bu_fail_errno(struct bu_err *err, int code, const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	code = chain(err, code, 1, fmt, ap);
	va_end(ap);
	return code;
}

void bu_assert_failed(const char *id, const char *cond, const char *file, int line)
{
	fprintf(stderr, "bringup: internal error [%s] at %s:%d: %s\n", id, file, line, cond);
	abort();
}
