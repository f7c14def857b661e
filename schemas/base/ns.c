// SPDX-License-Identifier: GPL-2.0-only
/* ns.c - see ns.h. */
#include "schemas/base/ns.h"

#include <errno.h>
#include <inttypes.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "schemas/base/mem.h"

static const struct {
	const char *name;
	double ns;
} units[] = { { "ns", 1 }, { "us", 1e3 }, { "ms", 1e6 }, { "s", 1e9 }, { "m", 60e9 } };

const char *bu_ns_str(int64_t ns, char *buf)
{
	double v = (double)ns;
	size_t u = 0;

	if (ns == BU_NS_UNKNOWN)
		return strcpy(buf, "unknown");
	if (fabs(v) < 1000) {
		snprintf(buf, BU_NS_STRLEN, "%" PRId64 " ns", ns);
		return buf;
	}
	while (u < 3 && fabs(v) >= 1000) {
		v /= 1000;
		u++;
	}
	snprintf(buf, BU_NS_STRLEN, "%.*f %s", fabs(v) < 100 ? 2 : 1, v, units[u].name);
	return buf;
}

int bu_ns_parse(const char *text, int64_t *ret_ns)
{
	char *end;
	double v;
	size_t i;

	errno = 0;
	v = strtod(text, &end);
	if (end == text || errno || !isfinite(v) || v < 0)
		return -EINVAL;
	for (i = 0; i < ARRAY_SIZE(units); i++) {
		if (strcmp(end, units[i].name))
			continue;
		v *= units[i].ns;
		if (v >= 9.2e18)
			return -ERANGE;
		*ret_ns = (int64_t)llround(v);
		return 0;
	}
	return -EINVAL;
}

int bu_ns_compare(const void *a, const void *b)
{
	int64_t x = *(const int64_t *)a, y = *(const int64_t *)b;

	return x < y ? -1 : x > y;
}

int64_t bu_ns_quantile(const int64_t *sorted, size_t n, unsigned int percent)
{
	return n ? sorted[(n * percent + 99) / 100 - 1] : BU_NS_UNKNOWN;
}
