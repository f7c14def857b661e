// SPDX-License-Identifier: GPL-2.0-only
/*
 * state_test.c - going back to a state of a whole machine, and knowing it again.
 */
#include "replay/machine/tests/drive.h"

#include <stdlib.h>

#include "replay/machine/atomic.h"
#include "replay/machine/lock.h"
#include "replay/machine/state.h"
#include "schemas/base/hash.h"

#define DEPTH 128
#define MAX_STATES 65536

static bu_obj lock;
static bu_word_id sum;

static void adds(struct bu_machine *m, void *arg)
{
	int64_t v;

	(void)arg;
	BU_FN(m);
	bu_mutex_lock(m, lock);
	v = bu_atomic_read(m, sum);
	bu_atomic_set(m, sum, 3 * v + (int64_t)bu_this_cpu(m) + 1);
	bu_mutex_unlock(m, lock);
}

static void two_on_a_mutex(struct bu_machine *m, void *arg)
{
	(void)arg;
	lock = bu_mutex(m, "l");
	sum = bu_atomic(m, "sum", 1);
	bu_thread_run(m, "a", 0, adds, NULL);
	bu_thread_run(m, "b", 1, adds, NULL);
}

struct walk {
	struct bu_machine *m;
	bool asked;
	uint32_t n, take;
	uint64_t *seen;		/* NULL: every way is walked, whether its state is known or not */
	uint32_t n_seen;
	struct bu_image img[DEPTH];
	uint64_t runs, visits, pruned, sums;	/* sums: of the final value, a bit each */
};

static uint32_t choose(void *ctx, uint32_t n)
{
	struct walk *w = ctx;

	if (w->asked) {
		w->asked = false;
		return w->take;
	}
	w->n = n;
	return BU_CHOOSE_PAUSE;
}

static bool is_known(struct walk *w, uint64_t state)
{
	uint32_t i;

	for (i = 0; i < w->n_seen; i++)
		if (w->seen[i] == state)
			return true;
	assert_true(w->n_seen < MAX_STATES);
	w->seen[w->n_seen++] = state;
	return false;
}

static void walk(struct walk *w, uint32_t depth)
{
	struct bu_image *img = &w->img[depth];
	struct bu_err err = BU_ERR_INIT;
	struct bu_machine_result r;
	uint64_t state;
	uint32_t n, i;
	size_t at;

	assert_true(depth < DEPTH);
	assert_int_equal(bu_machine_run(w->m, &r, &err), 0);
	if (r.end != BU_MACHINE_PAUSED) {
		assert_int_equal(r.end, BU_MACHINE_DONE);
		w->runs++;
		w->sums |= UINT64_C(1) << bu_word_load(bu_machine_engine(w->m), sum);
		return;
	}
	w->visits++;
	n = w->n;
	state = bu_machine_state(w->m);
	if (w->seen && is_known(w, state)) {
		w->pruned++;
		return;
	}
	img->used = 0;
	assert_int_equal(bu_machine_save(w->m, img), 0);
	for (i = 0; i < n; i++) {
		at = 0;
		bu_machine_restore(w->m, img, &at);
		assert_int_equal(at, img->used);
		assert_int_equal(bu_machine_state(w->m), state);
		w->asked = true;
		w->take = i;
		walk(w, depth + 1);
	}
}

static struct walk all_ways(bool prune)
{
	struct walk w = { .seen = prune ? malloc(MAX_STATES * sizeof(*w.seen)) : NULL };
	struct bu_machine_config config = { .n_cpus = 2, .n_online = 2, .step_ops = true, .fingerprints = true,
					    .choose = choose, .ctx = &w };

	size_t i;

	w.m = make(&config);
	two_on_a_mutex(w.m, NULL);
	walk(&w, 0);
	for (i = 0; i < DEPTH; i++)
		bu_image_fini(&w.img[i]);
	bu_machine_destroy(w.m);
	free(w.seen);
	return w;
}

/*
 * Walking all ways by going back comes to as many runs as by running again; leaving out states that are known, it comes to
 * the same ends with fewer.
 */
static void test_all_ways(void **state)
{
	struct tally again = explore(2, two_on_a_mutex, NULL, NULL, 200000);
	struct walk all = all_ways(false), pruned = all_ways(true);

	(void)state;
	print_message("# %llu runs, %llu choices; without known states %llu and %llu\n", (unsigned long long)all.runs,
		      (unsigned long long)all.visits, (unsigned long long)pruned.runs, (unsigned long long)pruned.visits);
	assert_int_equal(all.runs, again.runs);
	assert_int_equal(all.runs, again.ends[BU_MACHINE_DONE]);
	assert_true(pruned.pruned > 0);
	assert_true(pruned.visits < all.visits);
	assert_int_equal(all.sums, UINT64_C(1) << 14 | UINT64_C(1) << 16);	/* 3 (3 + 1) + 2, 3 (3 + 2) + 1 */
	assert_int_equal(pruned.sums, all.sums);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_all_ways),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
