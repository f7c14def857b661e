// SPDX-License-Identifier: GPL-2.0-only
/* stats_test.c - quantiles against counting, on random samples with many equal ones. */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <cmocka.h>

#include "analyze/stats.h"
#include "schemas/base/hash.h"
#include "schemas/base/ns.h"

/* The definition, by brute force: the smallest sample that permille/1000 of all do not exceed. */
static int64_t slow_quantile(const struct bu_sample *s, size_t n, unsigned int permille)
{
	int64_t best = INT64_MAX;
	size_t i, j;

	for (i = 0; i < n; i++) {
		size_t not_above = 0;

		for (j = 0; j < n; j++)
			not_above += s[j].ns <= s[i].ns;
		if (not_above * 1000 >= n * permille && s[i].ns < best)
			best = s[i].ns;
	}
	return best;
}

static void quantiles_are_exact(void **state)
{
	struct bu_sample s[257], copy[257];
	struct bu_rng rng;
	size_t n, i;

	(void)state;
	bu_rng_init(&rng, 1, 0);
	for (n = 1; n <= 257; n++) {
		int64_t total = 0, max = INT64_MIN;
		struct bu_stat stat;
		int max_cpu = 1 << 20;

		for (i = 0; i < n; i++) {
			s[i].ns = (int64_t)bu_rng_below(&rng, n < 40 ? 5 : 1000);
			s[i].cpu = (int)bu_rng_below(&rng, 64);
			copy[i] = s[i];
			total += s[i].ns;
			if (s[i].ns > max || (s[i].ns == max && s[i].cpu < max_cpu)) {
				max = s[i].ns;
				max_cpu = s[i].cpu;
			}
		}
		stat = bu_stat_of(s, n);
		assert_int_equal(stat.n, n);
		assert_int_equal(stat.total_ns, total);
		assert_int_equal(stat.max_ns, max);
		assert_int_equal(stat.max_cpu, max_cpu);
		assert_int_equal(stat.p50_ns, slow_quantile(copy, n, 500));
		assert_int_equal(stat.p99_ns, slow_quantile(copy, n, 990));
		assert_int_equal(stat.min_ns, slow_quantile(copy, n, 1));
		assert_int_equal(stat.max_ns, slow_quantile(copy, n, 1000));
	}
}

static void nothing_is_unknown(void **state)
{
	struct bu_stat stat = bu_stat_of(NULL, 0);

	(void)state;
	assert_int_equal(stat.total_ns, 0);
	assert_int_equal(stat.max_cpu, -1);
	assert_true(stat.p50_ns == BU_NS_UNKNOWN && stat.max_ns == BU_NS_UNKNOWN && stat.min_ns == BU_NS_UNKNOWN);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(quantiles_are_exact),
		cmocka_unit_test(nothing_is_unknown),
	};

	return cmocka_run_group_tests_name("stats", tests, NULL, NULL);
}
