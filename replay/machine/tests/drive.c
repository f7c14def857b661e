// SPDX-License-Identifier: GPL-2.0-only
/*
 * drive.c - see drive.h. All interleavings by running again from the start with another list of choices: depth
 * first, the last choice that has an alternative is the one that is changed.
 */
#include "replay/machine/tests/drive.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "replay/machine/state.h"
#include "schemas/base/hash.h"
#include "schemas/base/mem.h"

#define MAX_CHOICES 4096

struct bu_machine *make(const struct bu_machine_config *config)
{
	struct bu_err err = BU_ERR_INIT;
	struct bu_machine *m = NULL;

	if (bu_machine_create(config, &m, &err))
		fail_msg("%s", err.text);
	return m;
}

struct bu_machine *make_n(uint32_t n)
{
	return make(&(struct bu_machine_config){ .n_cpus = n, .n_online = n, .max_events = 1000000 });
}

struct bu_machine_result run(struct bu_machine *m)
{
	struct bu_err err = BU_ERR_INIT;
	struct bu_machine_result r;

	if (bu_machine_run(m, &r, &err))
		fail_msg("%s", err.text);
	bu_machine_destroy(m);
	return r;
}

int64_t run_done(struct bu_machine *m)
{
	struct bu_machine_result r = run(m);

	if (r.end != BU_MACHINE_DONE)
		fail_msg("ended with %d: %s", (int)r.end, r.verdict);
	return r.now_ns;
}

struct choices {
	uint32_t take[MAX_CHOICES], of[MAX_CHOICES], n, known;
	bool over;
};

static bool is_held;
static uint32_t n_begun;

void explore_hold(bool held)
{
	is_held = held;
}

void begin(struct bu_machine *m, uint32_t n)
{
	if (++n_begun >= n)
		is_held = false;
	while (n_begun < n)
		bu_engine_delay(bu_machine_engine(m), 0);
}

static uint32_t choose(void *ctx, uint32_t n)
{
	struct choices *c = ctx;

	if (is_held)
		return 0;
	if (c->n == MAX_CHOICES) {
		c->over = true;
		return 0;
	}
	if (c->n == c->known) {
		c->take[c->n] = 0;
		c->known++;
	}
	c->of[c->n] = n;
	return c->take[c->n++];
}

struct tally explore(uint32_t n, void (*setup)(struct bu_machine *, void *), void (*check)(void *), void *arg,
		     uint64_t max_runs)
{
	static struct choices c;
	struct bu_machine_config config = { .n_cpus = n, .n_online = n, .step_ops = true, .max_events = 100000,
					    .choose = choose, .ctx = &c };
	struct tally t = { 0 };
	struct bu_err err = BU_ERR_INIT;
	struct bu_machine *m;
	struct bu_machine_result r;

	memset(&c, 0, sizeof(c));
	m = make(&config);
	for (;;) {
		c.n = 0;
		is_held = false;
		n_begun = 0;
		if (bu_machine_reset(m, 0, &err))
			fail_msg("%s", err.text);
		setup(m, arg);
		if (bu_machine_run(m, &r, &err))
			fail_msg("%s", err.text);
		if (c.over)
			fail_msg("more than %d choices in one run", MAX_CHOICES);
		if (!t.ends[r.end]++)
			memcpy(t.verdict[r.end], r.verdict, sizeof(r.verdict));
		if (++t.runs > max_runs)
			fail_msg("more than %llu interleavings", (unsigned long long)max_runs);
		if (check && r.end == BU_MACHINE_DONE)
			check(arg);
		for (c.known = c.n; c.known && c.take[c.known - 1] + 1 >= c.of[c.known - 1]; c.known--)
			;
		if (!c.known)
			break;
		c.take[c.known - 1]++;
	}
	bu_machine_destroy(m);
	return t;
}

/* Depth first too, but going back to where the choice was, and knowing where it has been. */
struct walk {
	struct bu_machine *m;
	bool asked;
	uint32_t n, take;
	uint64_t *seen;		/* open addressing, 0: empty; cap is a power of two */
	size_t cap;
	struct bu_image *img;	/* one per depth */
	size_t n_img, img_cap;
	struct tally t;
	void (*check)(struct bu_machine *, void *);
	void *arg;
};

static uint32_t choose_once(void *ctx, uint32_t n)
{
	struct walk *w = ctx;

	if (is_held)
		return 0;
	if (w->asked) {
		w->asked = false;
		return w->take;
	}
	w->n = n;
	return BU_CHOOSE_PAUSE;
}

/* Whether this state is known; it is from now on. */
static bool met_again(struct walk *w, uint64_t state)
{
	size_t i = state & (w->cap - 1);

	while (w->seen[i] && w->seen[i] != state)
		i = (i + 1) & (w->cap - 1);
	if (w->seen[i])
		return true;
	w->seen[i] = state;
	return false;
}

static void walk(struct walk *w, size_t depth, uint64_t max_states, bool known)
{
	struct bu_err err = BU_ERR_INIT;
	struct bu_machine_result r;
	const uint32_t begun = n_begun;
	uint32_t n, i;
	size_t at;

	if (bu_machine_run(w->m, &r, &err))
		fail_msg("%s", err.text);
	if (r.end != BU_MACHINE_PAUSED) {
		w->t.runs++;
		if (!w->t.ends[r.end]++)
			memcpy(w->t.verdict[r.end], r.verdict, sizeof(r.verdict));
		if (w->check && r.end == BU_MACHINE_DONE)
			w->check(w->m, w->arg);
		return;
	}
	/* Pauses are where nothing is held, and who has begun is the same for all that come to one. */
	assert_true(begun == 0 || begun == n_begun);
	if (known && met_again(w, bu_machine_state(w->m) | 1)) {
		w->t.met_again++;
		return;
	}
	if (++w->t.states > max_states)
		fail_msg("more than %llu states", (unsigned long long)max_states);
	if (depth == w->n_img) {
		assert_int_equal(bu_grow(&w->img, w->n_img, &w->img_cap, sizeof(*w->img)), 0);
		w->img[w->n_img++] = (struct bu_image){ 0 };
	}
	w->img[depth].used = 0;
	assert_int_equal(bu_machine_save(w->m, &w->img[depth]), 0);
	n = w->n;
	for (i = 0; i < n; i++) {
		at = 0;
		bu_machine_restore(w->m, &w->img[depth], &at);
		is_held = false;
		w->asked = true;
		w->take = i;
		walk(w, depth + 1, max_states, known);
	}
}

struct tally explore_states(uint32_t n, void (*setup)(struct bu_machine *, void *), void (*check)(struct bu_machine *, void *), void *arg,
			    bool known, uint64_t max_states)
{
	struct walk w = { .cap = 16, .check = check, .arg = arg };
	struct bu_machine_config config = { .n_cpus = n, .n_online = n, .step_ops = true, .max_events = 100000, .fingerprints = true,
					    .choose = choose_once, .ctx = &w };

	while (w.cap < 2 * max_states)
		w.cap *= 2;
	w.seen = calloc(w.cap, sizeof(*w.seen));
	assert_non_null(w.seen);
	is_held = false;
	n_begun = 0;
	w.m = make(&config);
	setup(w.m, arg);
	walk(&w, 0, max_states, known);
	bu_machine_destroy(w.m);
	while (w.n_img)
		bu_image_fini(&w.img[--w.n_img]);
	free(w.img);
	free(w.seen);
	return w.t;
}

static uint32_t choose_any(void *ctx, uint32_t n)
{
	return (uint32_t)bu_rng_below(ctx, n);
}

struct tally sample(uint32_t n, void (*setup)(struct bu_machine *, void *), void (*check)(void *), void *arg,
		    uint64_t runs)
{
	struct bu_rng rng;
	struct bu_machine_config config = { .n_cpus = n, .n_online = n, .step_ops = true, .max_events = 100000,
					    .choose = choose_any, .ctx = &rng };
	struct tally t = { 0 };
	struct bu_err err = BU_ERR_INIT;
	struct bu_machine *m;
	struct bu_machine_result r;

	bu_rng_init(&rng, 1, 1);
	m = make(&config);
	for (; t.runs < runs; t.runs++) {
		n_begun = 0;
		if (bu_machine_reset(m, 0, &err))
			fail_msg("%s", err.text);
		setup(m, arg);
		if (bu_machine_run(m, &r, &err))
			fail_msg("%s", err.text);
		if (!t.ends[r.end]++)
			memcpy(t.verdict[r.end], r.verdict, sizeof(r.verdict));
		if (check && r.end == BU_MACHINE_DONE)
			check(arg);
	}
	bu_machine_destroy(m);
	return t;
}
