// SPDX-License-Identifier: GPL-2.0-only
/*
 * drive.c - see drive.h. All interleavings by running again from the start with another list of choices: depth
 * first, the last choice that has an alternative is the one that is changed.
 */
#include "replay/machine/tests/drive.h"

#include <stdio.h>
#include <string.h>

#include "schemas/base/hash.h"

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
