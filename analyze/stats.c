// SPDX-License-Identifier: GPL-2.0-only
/* stats.c - see stats.h. */
#include "analyze/stats.h"

#include <stdlib.h>

#include "schemas/base/ns.h"

static int by_value(const void *pa, const void *pb)
{
	const struct bu_sample *a = pa, *b = pb;

	if (a->ns != b->ns)
		return a->ns < b->ns ? -1 : 1;
	return (a->cpu < b->cpu) - (a->cpu > b->cpu);	/* so that the last of equals has the lowest CPU */
}

int64_t bu_quantile(const struct bu_sample *sorted, size_t n, unsigned int permille)
{
	size_t rank = (n * permille + 999) / 1000;

	if (!n)
		return BU_NS_UNKNOWN;
	return sorted[rank ? rank - 1 : 0].ns;
}

struct bu_stat bu_stat_of(struct bu_sample *samples, size_t n)
{
	struct bu_stat s = { .n = n, .min_ns = BU_NS_UNKNOWN, .p50_ns = BU_NS_UNKNOWN,
			     .p99_ns = BU_NS_UNKNOWN, .max_ns = BU_NS_UNKNOWN, .max_cpu = -1 };
	size_t i;

	if (!n)
		return s;
	qsort(samples, n, sizeof(*samples), by_value);
	for (i = 0; i < n; i++)
		s.total_ns = bu_ns_add(s.total_ns, samples[i].ns);
	s.min_ns = samples[0].ns;
	s.p50_ns = bu_quantile(samples, n, 500);
	s.p99_ns = bu_quantile(samples, n, 990);
	s.max_ns = samples[n - 1].ns;
	s.max_cpu = samples[n - 1].cpu;
	return s;
}
