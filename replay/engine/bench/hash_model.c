// SPDX-License-Identifier: GPL-2.0-only
/*
 * hash_model.c - a model that uses every operation of the engine, and what came out of it: for
 * scripts/determinism.sh, which compares builds, some of them for other machines.
 *
 * Usage: hash_model [SEEDS]. Prints per seed: how the run ended, virtual time, events, run hash, hash of all steps.
 */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>

#include "replay/engine/cut.h"
#include "replay/engine/engine.h"
#include "replay/engine/steplog.h"

#define WORDS 8u
#define TASKS 24u
#define CHILDREN 40u
#define TURNS 60

static bu_word_id word[WORDS];
static uint32_t children;
static uint64_t steps_hash, n_steps;

static void on_steps(void *ctx, const struct bu_step *step, uint32_t n)
{
	uint32_t i;

	(void)ctx;
	for (i = 0; i < n; i++) {
		steps_hash = bu_hash_u64(steps_hash, (uint64_t)step[i].delta_ns << 32 | step[i].task);
		steps_hash = bu_hash_u64(steps_hash, (uint64_t)step[i].what << 32 | step[i].value);
	}
	n_steps += n;
}

static void member(struct bu_engine *e, void *arg)
{
	uint32_t stream = (uint32_t)(uintptr_t)arg;
	struct bu_rng *rng = bu_engine_random(e, stream);
	int turn;

	for (turn = 0; turn < TURNS; turn++) {
		/* Drawn one after the other: the order within one initializer is the compiler's. */
		bu_word_id w = word[bu_rng_below(rng, WORDS)];
		int64_t a = (int64_t)bu_rng_below(rng, 5) - 2;
		int64_t b = (int64_t)bu_rng_below(rng, 5) - 2;
		enum bu_guard guard = (enum bu_guard)bu_rng_below(rng, 4);
		enum bu_effect effect = (enum bu_effect)bu_rng_below(rng, 3);
		int64_t timeout_ns = (int64_t)bu_rng_below(rng, 3000), ns;
		bu_task_id other;
		const struct bu_await_op op = {
			.word = w, .guard = guard, .value = a, .effect = effect, .operand = b,
			.timeout_ns = timeout_ns, .point = "await", .cpu = -1,
		};

		switch (bu_rng_below(rng, 9)) {
		case 0:
			bu_engine_delay(e, (int64_t)bu_rng_below(rng, 1000));
			break;
		case 1:
			/* Far apart, now and then. */
			bu_engine_delay_until(e, bu_engine_now(e) + (INT64_C(1) << bu_rng_below(rng, 40)));
			break;
		case 2:
			bu_word_store(e, w, a);
			break;
		case 3:
			bu_word_add(e, w, a);
			break;
		case 4:
			bu_word_cmpxchg(e, w, a, b);
			break;
		case 5:
			other = 1 + (bu_task_id)bu_rng_below(rng, TASKS);
			ns = (int64_t)bu_rng_below(rng, 500);
			bu_task_cut_at(e, other, bu_engine_now(e) + ns);
			break;
		case 6:
			if (children < CHILDREN) {
				children++;
				bu_task_spawn(e, "child", -1, member, (void *)(uintptr_t)(1000 + children));
			}
			break;
		default:
			bu_word_await(e, &op, NULL);
			break;
		}
	}
}

static int run(uint64_t seed, bool with_steps)
{
	const struct bu_engine_config config = { .seed = seed, .steps = with_steps ? on_steps : NULL };
	struct bu_engine_result r;
	struct bu_err err = BU_ERR_INIT;
	struct bu_engine *e;
	uintptr_t i;

	if (bu_engine_create(&config, &e, &err))
		return 1;
	children = 0;
	steps_hash = BU_HASH_INIT;
	n_steps = 0;
	for (i = 0; i < WORDS; i++)
		word[i] = bu_word_new(e, "word", 0);
	for (i = 0; i < TASKS; i++)
		bu_task_spawn(e, "member", (int32_t)i, member, (void *)i);
	if (bu_engine_run(e, &r, &err))
		return 1;
	printf("%" PRIu64 " %d %" PRId64 " %" PRIu64 " %016" PRIx64, seed, r.end, r.now_ns, r.events, r.hash);
	if (with_steps)
		printf(" %" PRIu64 " %016" PRIx64, n_steps, bu_hash_mix(steps_hash));
	printf("\n");
	bu_engine_destroy(e);
	return 0;
}

int main(int argc, char **argv)
{
	unsigned long seeds = argc > 1 ? strtoul(argv[1], NULL, 10) : 100, i;

	for (i = 0; i < seeds; i++)
		if (run(i, false) || run(i, true))
			return 1;
	return 0;
}
