// SPDX-License-Identifier: GPL-2.0-only
/* contract.c - see contract.h. */
#include "replay/contract.h"

#include <errno.h>
#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "replay/registry.h"

int check_begin(struct check *c)
{
	c->params = calloc(bu_core_n_params(c->core) + 1, sizeof(*c->params));
	if (!c->params)
		return -ENOMEM;
	bu_core_params(c->core, NULL, c->params, NULL);
	return 0;
}

int check_end(struct check *c, int rc)
{
	free(c->params);
	return rc ? rc : c->failures;
}

void check_tell(struct check *c, bool holds, const char *fmt, ...)
{
	char what[256];
	va_list ap;

	va_start(ap, fmt);
	vsnprintf(what, sizeof(what), fmt, ap);
	va_end(ap);
	c->failures += !holds;
	c->say(c->ctx, holds, what, holds ? "" : c->why);
	c->why[0] = '\0';
}

void check_verdict(struct check *c, const char *verdict)
{
	c->dead |= !strcmp(verdict, "error") || !strcmp(verdict, "misuse") || !strcmp(verdict, "assertion");
}

void check_again(struct check *c, const struct bu_run *a, const struct bu_run *b, bool checked, const char *size)
{
	if (checked) {
		snprintf(c->why, sizeof(c->why), "%.200s", b->verdict_detail);
		check_tell(c, !strcmp(a->verdict, b->verdict), "threads share nothing but words (%s)", size);
	}
	snprintf(c->why, sizeof(c->why), "%016" PRIx64 " and %016" PRIx64, a->hash, b->hash);
	check_tell(c, a->hash == b->hash, "the same seed gives the same run (%s)", size);
}
