// SPDX-License-Identifier: GPL-2.0-only
/* figures.c - see figures.h. */
#include "replay/schedule/figures.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

int bu_figures_parse(const struct bu_figure *figures, size_t n, const char *text, const char *help, int64_t *v, bool *given,
		     struct bu_err *err)
{
	size_t len, i;
	char *end;

	while (*text) {
		len = strcspn(text, "=,");
		for (i = 0; i < n && (strlen(figures[i].name) != len || strncmp(figures[i].name, text, len)); i++)
			;
		if (i == n || text[len] != '=')
			return bu_fail(err, -EINVAL, "'%.*s' is not among name=value of: %s", (int)len, text, help);
		errno = 0;
		v[i] = strtoll(text + len + 1, &end, 10);
		if (end == text + len + 1 || errno || (*end && *end != ',') || v[i] < figures[i].min || v[i] > figures[i].max)
			return bu_fail(err, -EINVAL, "%s wants a whole number from %lld to %lld", figures[i].name,
				       (long long)figures[i].min, (long long)figures[i].max);
		if (given)
			given[i] = true;
		text = end + (*end == ',');
	}
	return 0;
}
