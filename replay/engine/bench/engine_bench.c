// SPDX-License-Identifier: GPL-2.0-only
/*
 * engine_bench.c - how fast the engine is, alone: no schedule, no cores, no database.
 *
 * Prints one measurement per line, "name value unit". Time is user+system time of this process, best of three runs; the
 * switch is measured next to swapcontext() in the same run, because only their ratio travels between machines. Memory
 * is the growth of the resident set (/proc/self/statm), in a child of its own.
 *
 * Hold model (Jones, "An Empirical Comparison of Priority-Queue and Event-Set Implementations", CACM 29(4), 1986): n
 * tasks, each sleeping again and again for an exponentially distributed time of 1 ms mean.
 * Hand-off: n tasks in pairs that pass a token to and fro through two words used as semaphores.
 */
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <time.h>
#include <ucontext.h>
#include <unistd.h>

#include "replay/engine/co.h"
#include "replay/engine/engine.h"
#include "schemas/base/hash.h"

#define REPEATS 3
#define TABLE 65536u

static int64_t increment_ns[TABLE];
static uint64_t random_state = 88172645463325252u;

/* A cheap generator for the choice of increments, so that the engine is measured and not the dice. */
static uint32_t cheap_random(void)
{
	random_state ^= random_state << 13;
	random_state ^= random_state >> 7;
	random_state ^= random_state << 17;
	return (uint32_t)(random_state >> 48);
}

static double cpu_s(void)
{
	struct timespec t;

	clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &t);
	return (double)t.tv_sec + 1e-9 * (double)t.tv_nsec;
}

static long resident_bytes(void)
{
	long pages = 0;
	FILE *f = fopen("/proc/self/statm", "r");

	if (!f || fscanf(f, "%*d %ld", &pages) != 1)
		pages = 0;
	if (f)
		fclose(f);
	return pages * sysconf(_SC_PAGESIZE);
}

static void die(const char *what)
{
	fprintf(stderr, "engine_bench: %s\n", what);
	exit(1);
}

static struct bu_engine *new_engine(uint64_t max_events)
{
	const struct bu_engine_config config = { .seed = 1, .max_events = max_events };
	struct bu_err err = BU_ERR_INIT;
	struct bu_engine *e;

	if (bu_engine_create(&config, &e, &err))
		die(err.text);
	return e;
}

static double run(struct bu_engine *e, enum bu_end want)
{
	struct bu_engine_result r;
	struct bu_err err = BU_ERR_INIT;
	double t0 = cpu_s(), t1;

	if (bu_engine_run(e, &r, &err))
		die(err.text);
	t1 = cpu_s();
	if (r.end != want)
		die(r.detail);
	return t1 - t0;
}

/*
 * The clock starts when every task has had its first few turns: giving tasks their stacks (a page fault each) is
 * measured on its own.
 */
static uint64_t turns, warm_turns;
static double warm_s;

static inline void turn(void)
{
	if (turns++ == warm_turns)
		warm_s = cpu_s();
}

static void hold_task(struct bu_engine *e, void *arg)
{
	(void)arg;
	for (;;) {
		turn();
		bu_engine_delay(e, increment_ns[cheap_random()]);
	}
}

static void yield_task(struct bu_engine *e, void *arg)
{
	(void)arg;
	for (;;) {
		turn();
		bu_engine_delay(e, 0);
	}
}

static bu_word_id first_word;

static void handoff_task(struct bu_engine *e, void *arg)
{
	uint32_t i = (uint32_t)(uintptr_t)arg;
	struct bu_await_op take = {
		.word = first_word + i, .guard = BU_GUARD_GE, .value = 1, .effect = BU_EFFECT_ADD, .operand = -1,
		.timeout_ns = BU_NO_TIMEOUT, .point = "token", .cpu = -1,
	};

	for (;;) {
		bu_word_await(e, &take, NULL);
		turn();
		bu_word_add(e, first_word + (i ^ 1), 1);
	}
}

/* All in one queue for one word: the contended case. */
static void contend_task(struct bu_engine *e, void *arg)
{
	(void)arg;
	for (;;) {
		bu_resource_use(e, first_word, 1, "resource");
		turn();
	}
}

static void measure(const char *name, uint32_t n, uint64_t events, void (*fn)(struct bu_engine *, void *))
{
	double best = 1e9;
	int rep;

	for (rep = 0; rep < REPEATS; rep++) {
		struct bu_engine *e = new_engine(4 * n + events);
		double s;
		uint32_t i;

		for (i = 0; i < n; i++) {
			bu_word_id w = bu_word_new(e, "token", (i & 1) == 0);

			if (i == 0)
				first_word = w;
		}
		for (i = 0; i < n; i++)
			if (!bu_task_spawn(e, "task", -1, fn, (void *)(uintptr_t)i))
				die("out of memory");
		turns = 0;
		warm_turns = 2 * n;
		run(e, BU_END_LIMIT);
		s = (cpu_s() - warm_s) / (double)(turns - warm_turns);
		if (s < best)
			best = s;
		bu_engine_destroy(e);
	}
	printf("%s_%u %.1f ns\n", name, n, best * 1e9);
	printf("%s_%u_rate %.2f M/s\n", name, n, 1e-6 / best);
	fflush(stdout);
}

static void once_task(struct bu_engine *e, void *arg)
{
	(void)arg;
	bu_engine_delay(e, 1000);
}

static void measure_reset(void)
{
	enum { RESETS = 200000 };
	struct bu_engine *e = new_engine(0);
	double t0 = cpu_s(), s = 0;
	int i, k;

	for (i = 0; i < RESETS; i++) {
		bu_engine_reset(e, (uint64_t)i);
		bu_word_new(e, "word", 0);
		for (k = 0; k < 4; k++)
			bu_task_spawn(e, "task", k, once_task, NULL);
		s += run(e, BU_END_DONE);
	}
	(void)s;
	printf("reset_and_run_4_tasks %.3f us\n", (cpu_s() - t0) / RESETS * 1e6);
	t0 = cpu_s();
	for (i = 0; i < RESETS; i++)
		bu_engine_reset(e, (uint64_t)i);
	printf("reset %.3f us\n", (cpu_s() - t0) / RESETS * 1e6);
	bu_engine_destroy(e);
}

static void measure_memory(uint32_t n, bool started)
{
	fflush(stdout);
	if (fork() == 0) {
		struct bu_engine *e = new_engine(n + 1000);
		long before = resident_bytes();
		uint32_t i;

		for (i = 0; i < n; i++)
			bu_task_spawn(e, "task", -1, hold_task, NULL);
		if (started)
			run(e, BU_END_LIMIT);
		printf("%s_task_%u %.0f bytes\n", started ? "idle" : "new", n,
		       (double)(resident_bytes() - before) / n);
		exit(0);
	}
	wait(NULL);
}

/* ------------------------------------------------------------------------------------------ the switch itself */

static ucontext_t uc_main, uc_task;

static void uc_member(void)
{
	for (;;)
		swapcontext(&uc_task, &uc_main);
}

static void co_member(void *arg)
{
	void **both = arg;

	bu_co_entered(both[0]);
	for (;;)
		bu_co_leave(both[0], both[1], false);
}

static void measure_switch(uint32_t n)
{
	uint64_t rounds = 20000000u / n, uc_rounds = 1000000u / n, r;
	struct bu_co_arena a;
	struct bu_co *co = calloc(n, sizeof(*co));
	void *(*both)[2] = calloc(n, sizeof(*both));
	char *stacks = malloc((size_t)16384);
	double best = 1e9, uc_best = 1e9, t0, s;
	uint32_t i, stack;
	int rep;

	bu_co_arena_init(&a, 16384);
	for (i = 0; i < n; i++) {
		both[i][0] = &a;
		both[i][1] = &co[i];
		if (bu_co_stack_get(&a, &stack))
			die("out of memory");
		bu_co_init(&a, &co[i], stack, co_member, both[i]);
	}
	for (rep = 0; rep < REPEATS; rep++) {
		t0 = cpu_s();
		for (r = 0; r < rounds; r++)
			for (i = 0; i < n; i++)
				bu_co_resume(&a, &co[i], 0);
		s = (cpu_s() - t0) / (double)(rounds * n * 2);
		best = s < best ? s : best;
	}
	/* One context to and fro: what swapcontext() costs does not hang on how many there are. */
	getcontext(&uc_task);
	uc_task.uc_stack.ss_sp = stacks;
	uc_task.uc_stack.ss_size = 16384;
	makecontext(&uc_task, uc_member, 0);
	for (rep = 0; rep < REPEATS; rep++) {
		t0 = cpu_s();
		for (r = 0; r < uc_rounds * n; r++)
			swapcontext(&uc_main, &uc_task);
		s = (cpu_s() - t0) / (double)(uc_rounds * n * 2);
		uc_best = s < uc_best ? s : uc_best;
	}
	printf("switch_%u %.2f ns\n", n, best * 1e9);
	printf("swapcontext %.1f ns\n", uc_best * 1e9);
	printf("switch_%u_to_swapcontext %.4f ratio\n", n, best / uc_best);
	fflush(stdout);
	bu_co_arena_fini(&a);
	free(co);
	free(both);
	free(stacks);
}

static const char *only;

static int wanted(const char *name)
{
	return !only || !strcmp(only, name);
}

/* engine_bench [NAME [TASKS]]: only one of hold, handoff, contended, yield, switch, reset, memory. */
int main(int argc, char **argv)
{
	static const uint32_t sizes[] = { 1024, 16384, 65536 };
	static const struct {
		const char *name;
		void (*fn)(struct bu_engine *, void *);
	} models[] = {
		{ "hold", hold_task },
		{ "handoff", handoff_task },
		{ "contended", contend_task },
		{ "yield", yield_task },
	};
	struct bu_rng rng;
	size_t i, k;

	bu_rng_init(&rng, 1, 0);
	for (i = 0; i < TABLE; i++)
		increment_ns[i] = (int64_t)ceil(-log((double)((bu_rng_u64(&rng) >> 11) + 1) * 0x1p-53) * 1e6);
	only = argc > 1 ? argv[1] : NULL;
	if (wanted("switch")) {
		measure_switch(2);
		measure_switch(1024);
		measure_switch(4096);
	}
	for (k = 0; k < sizeof(models) / sizeof(models[0]); k++)
		for (i = 0; i < sizeof(sizes) / sizeof(sizes[0]); i++)
			if (wanted(models[k].name) && (argc < 3 || sizes[i] == (uint32_t)atoi(argv[2])))
				measure(models[k].name, sizes[i], 3000000, models[k].fn);
	if (wanted("reset"))
		measure_reset();
	if (wanted("memory")) {
		measure_memory(65536, false);
		measure_memory(65536, true);
	}
	return 0;
}
