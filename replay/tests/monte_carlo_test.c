// SPDX-License-Identifier: GPL-2.0-only
/* monte_carlo_test.c - the same answer from any number of workers; quantiles and intervals against what is known. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "replay/core_check.h"
#include "replay/monte_carlo.h"
#include "replay/registry.h"
#include "schemas/base/hash.h"
#include "schemas/base/ns.h"

static void run(const char *name, const struct bu_hp_schedule *s, int64_t runs, int jobs, uint64_t seed,
		struct bu_mc_result *r)
{
	struct bu_core core;
	int64_t params[8];
	struct bu_mc_options o = { .cpus = (int32_t)s->n_cpus + 1, .seed = seed, .runs = runs, .jobs = jobs,
				   .params = params };
	struct bu_err err = BU_ERR_INIT;

	assert_int_equal(bu_core_open("hotplug", name, strlen(name), &core, &err), 0);
	bu_core_params(&core.def, NULL, params, NULL);
	assert_int_equal(bu_monte_carlo(&core.def, s, &o, r, &err), 0);
}

static void workers_do_not_matter(void **state)
{
	const struct bu_made_up m = { 100, 20, 500, 300, 50, 9, 1 };
	struct bu_hp_schedule s;
	struct bu_mc_result one, three, other;
	size_t i;

	(void)state;
	assert_int_equal(bu_made_up_schedule(&m, &s), 0);
	for (i = 0; i < s.n_cpus; i++)
		s.cpus[i].part[BU_HP_DARK].ns = 1000 * (int64_t)(i + 1);
	run("serial", &s, 100, 1, 42, &one);
	run("serial", &s, 100, 3, 42, &three);
	run("serial", &s, 100, 2, 43, &other);
	assert_int_equal(one.n, 100);
	assert_true(one.hash == three.hash);
	assert_memory_equal(one.bringup_ns, three.bringup_ns, 100 * sizeof(int64_t));
	assert_true(one.hash != other.hash);
	/* Serial: eight draws from 1000..8000, the rest is fixed. */
	assert_true(one.bringup_ns[0] >= 8 * (470 + 1000) && one.bringup_ns[99] <= 8 * (470 + 8000));
	assert_true(one.bringup_ns[0] < one.bringup_ns[99]);
	bu_mc_result_fini(&one);
	bu_mc_result_fini(&three);
	bu_mc_result_fini(&other);
	bu_hp_schedule_fini(&s);
}

/* The interval of the median covers the true median in about 95 of 100 samples. */
static void intervals_cover(void **state)
{
	enum { SAMPLES = 400, N = 101 };
	int64_t values[N] = { 0 };
	struct bu_mc_result r = { .bringup_ns = values, .n = N };
	struct bu_rng rng;
	int covered = 0, i, k, m;

	(void)state;
	bu_rng_init(&rng, 1, 1);
	for (i = 0; i < SAMPLES; i++) {
		struct bu_mc_quantile q;

		for (k = 0; k < N; k++) {
			int64_t v = (int64_t)bu_rng_below(&rng, 1000001);	/* median 500000 */

			for (m = k; m > 0 && values[m - 1] > v; m--)
				values[m] = values[m - 1];
			values[m] = v;
		}
		q = bu_mc_quantile(&r, 0.5);
		assert_true(q.ns == values[50] && q.lo_ns <= q.ns && q.ns <= q.hi_ns);
		covered += q.lo_ns <= 500000 && 500000 <= q.hi_ns;
	}
	assert_true(covered >= SAMPLES * 92 / 100 && covered <= SAMPLES * 995 / 1000);
}

static void probabilities(void **state)
{
	double p, lo, hi;

	(void)state;
	/* Wilson's interval for 0 of 10 is 0 to 0.2775, for 5 of 10 it is 0.2366 to 0.7634. */
	bu_mc_probability(0, 10, &p, &lo, &hi);
	assert_true(p == 0 && lo == 0 && hi > 0.2774 && hi < 0.2776);
	bu_mc_probability(5, 10, &p, &lo, &hi);
	assert_true(p == 0.5 && lo > 0.2365 && lo < 0.2367 && hi > 0.7633 && hi < 0.7635);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(workers_do_not_matter), cmocka_unit_test(intervals_cover),
		cmocka_unit_test(probabilities),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
