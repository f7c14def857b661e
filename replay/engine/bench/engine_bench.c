// SPDX-License-Identifier: GPL-2.0-only
/*
 * engine_bench.c - how fast the engine is, alone: no schedule, no cores, no database.
 *
 * Prints one measurement per line, "name value unit"; scripts/bench_engine.sh puts them beside those of other programs.
 * Time is user CPU time of this process, best of three runs; the switch is measured next to swapcontext() in the same
 * run, with system time, since that calls the kernel. Memory is the growth of the resident set (/proc/self/statm), in a child of its own.
 *
 * Hold model (Jones, "An Empirical Comparison of Priority-Queue and Event-Set Implementations", CACM 29(4), 1986): n
 * tasks, each sleeping again and again for an exponentially distributed time of 1 ms mean. Ties, bimodal: the same with other
 * times of sleep, see workload.h.
 * Hand-off: n tasks in pairs that pass a token to and fro through two words used as semaphores.
 * Boot: a control task brings n CPUs up, each runs about a thousand operations on words of its own, of its node, and of
 * all, with delays in between; a thread and an idle task per CPU stay. Ticks: n CPUs, each ticking at 250 Hz for a second.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <time.h>
#include <ucontext.h>
#include <unistd.h>

#include "replay/engine/bench/workload.h"
#include "replay/engine/co.h"
#include "replay/engine/engine.h"

static int repeats = 3;

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
	double t0 = bench_user_s(), t1;

	if (bu_engine_run(e, &r, &err))
		die(err.text);
	t1 = bench_user_s();
	if (r.end != want)
		die(r.detail);
	return t1 - t0;
}

static void hold_task(struct bu_engine *e, void *arg)
{
	(void)arg;
	for (;;) {
		bench_turn();
		bu_engine_delay(e, bench_increment());
	}
}

static void yield_task(struct bu_engine *e, void *arg)
{
	(void)arg;
	for (;;) {
		bench_turn();
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
		bench_turn();
		bu_word_add(e, first_word + (i ^ 1), 1);
	}
}

/* All in one queue for one word: the contended case. */
static void contend_task(struct bu_engine *e, void *arg)
{
	(void)arg;
	for (;;) {
		bu_resource_use(e, first_word, 1, "resource");
		bench_turn();
	}
}

static void measure(const char *name, uint32_t n, uint64_t events, void (*fn)(struct bu_engine *, void *))
{
	double best = 1e9;
	int rep;

	for (rep = 0; rep < repeats; rep++) {
		struct bu_engine *e = new_engine(4 * n + events);
		double ns;
		uint32_t i;

		for (i = 0; i < n; i++) {
			bu_word_id w = bu_word_new(e, "token", (i & 1) == 0);

			if (i == 0)
				first_word = w;
		}
		for (i = 0; i < n; i++)
			if (!bu_task_spawn(e, "task", -1, fn, (void *)(uintptr_t)i))
				die("out of memory");
		bench_turns = 0;
		bench_warm_turns = 2 * n;
		run(e, BU_END_LIMIT);
		ns = bench_ns_per_turn();
		if (ns < best)
			best = ns;
		bu_engine_destroy(e);
	}
	bench_report(name, n, best, "ns");
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
	double t0 = bench_user_s(), s = 0;
	int i, k;

	for (i = 0; i < RESETS; i++) {
		bu_engine_reset(e, (uint64_t)i);
		bu_word_new(e, "word", 0);
		for (k = 0; k < 4; k++)
			bu_task_spawn(e, "task", k, once_task, NULL);
		s += run(e, BU_END_DONE);
	}
	(void)s;
	printf("reset_and_run_4_tasks %.3f us\n", (bench_user_s() - t0) / RESETS * 1e6);
	t0 = bench_user_s();
	for (i = 0; i < RESETS; i++)
		bu_engine_reset(e, (uint64_t)i);
	printf("reset %.3f us\n", (bench_user_s() - t0) / RESETS * 1e6);
	bu_engine_destroy(e);
}

static void stays_task(struct bu_engine *e, void *arg)
{
	const struct bu_await_op op = { .word = (bu_word_id)(uintptr_t)arg, .guard = BU_GUARD_EQ, .value = 1,
					.timeout_ns = BU_NO_TIMEOUT, .cpu = -1 };

	bu_word_await(e, &op, NULL);
}

#define WORDS_PER_CPU 16u	/* state, locks, counters: what a CPU has when it does nothing */

/* @tasks: live tasks per CPU; 0: offline. */
static void measure_memory(uint32_t cpus, uint32_t tasks)
{
	char name[32];

	fflush(stdout);
	if (fork() == 0) {
		struct bu_engine *e = new_engine(0);
		long before = resident_bytes();
		uint32_t i, k;

		for (i = 0; i < cpus; i++) {
			bu_word_id w = 0;

			for (k = 0; k < WORDS_PER_CPU; k++)
				w = bu_word_new(e, "word", 0);
			for (k = 0; k < tasks; k++)
				bu_task_spawn(e, "task", (int32_t)i, stays_task, (void *)(uintptr_t)w);
		}
		if (tasks)
			run(e, BU_END_STUCK);
		snprintf(name, sizeof(name), "memory_per_cpu_%u_tasks", tasks);
		bench_report(name, cpus, (double)(resident_bytes() - before) / cpus, "bytes");
		exit(0);
	}
	wait(NULL);
}

/* ---------------------------------------------------------------------------------------------- whole machines */

#define CPUS_PER_NODE 64u
#define ROUNDS 110u		/* of nine operations */

static struct machine {
	uint32_t cpus;
	bu_word_id online, go_idle;	/* how many; 1: the idle tasks may end */
	bu_word_id *state, *own, *node;	/* per CPU, per CPU, per node */
	uint64_t ops;
} machine;

static void await_value(struct bu_engine *e, bu_word_id word, int64_t value)
{
	const struct bu_await_op op = { .word = word, .guard = BU_GUARD_GE, .value = value,
					.timeout_ns = BU_NO_TIMEOUT, .cpu = -1 };

	bu_word_await(e, &op, NULL);
	machine.ops++;
}

static void idle_task(struct bu_engine *e, void *arg)
{
	uint32_t cpu = (uint32_t)(uintptr_t)arg;

	await_value(e, machine.state[cpu], 1);	/* the INIT and SIPI that wake it */
	bu_engine_delay(e, 20000);
	bu_word_store(e, machine.state[cpu], 2);
	machine.ops += 2;
	await_value(e, machine.go_idle, 1);
}

/* The steps that a CPU's own thread runs. */
static void thread_task(struct bu_engine *e, void *arg)
{
	uint32_t cpu = (uint32_t)(uintptr_t)arg, i;
	bu_word_id node = machine.node[cpu / CPUS_PER_NODE], own = machine.own[cpu];

	await_value(e, machine.state[cpu], 3);
	for (i = 0; i < ROUNDS; i++) {
		bu_engine_delay(e, bench_increment() / 1000);
		bu_word_store(e, own, i);
		bu_word_cmpxchg(e, own, i, i + 1);
		bu_word_add(e, own, -1);
		bu_word_load(e, machine.state[cpu]);
		bu_word_load(e, machine.online);
		bu_resource_use(e, node, 10, "node lock");	/* await, delay, add */
		machine.ops += 9;
	}
	bu_word_store(e, machine.state[cpu], 4);
	bu_word_add(e, machine.online, 1);
	machine.ops += 2;
	await_value(e, machine.go_idle, 1);
}

static void control_task(struct bu_engine *e, void *arg)
{
	uint32_t cpu;

	(void)arg;
	for (cpu = 0; cpu < machine.cpus; cpu++) {
		bu_task_spawn(e, "cpuhp", (int32_t)cpu, thread_task, (void *)(uintptr_t)cpu);
		bu_task_spawn(e, "idle", (int32_t)cpu, idle_task, (void *)(uintptr_t)cpu);
		bu_word_store(e, machine.state[cpu], 1);
		await_value(e, machine.state[cpu], 2);
		bu_engine_delay(e, 1000);
		bu_word_store(e, machine.state[cpu], 3);
		machine.ops += 3;
	}
	await_value(e, machine.online, machine.cpus);
	bu_word_store(e, machine.go_idle, 1);
}

static void tick_task(struct bu_engine *e, void *arg)
{
	uint32_t cpu = (uint32_t)(uintptr_t)arg;
	int tick;

	for (tick = 0; tick < 250; tick++) {
		bu_engine_delay(e, 4000000);
		bu_word_add(e, machine.own[cpu], 1);
	}
}

static struct bu_engine *new_machine(uint32_t cpus)
{
	struct bu_engine *e = new_engine(0);
	uint32_t i;

	machine.cpus = cpus;
	machine.ops = 0;
	machine.state = calloc(cpus, sizeof(*machine.state));
	machine.own = calloc(cpus, sizeof(*machine.own));
	machine.node = calloc(cpus / CPUS_PER_NODE + 1, sizeof(*machine.node));
	if (!machine.state || !machine.own || !machine.node)
		die("out of memory");
	machine.online = bu_word_new(e, "online", 0);
	machine.go_idle = bu_word_new(e, "go idle", 0);
	for (i = 0; i <= cpus / CPUS_PER_NODE; i++)
		machine.node[i] = bu_word_new(e, "node lock", 1);
	for (i = 0; i < cpus; i++) {
		machine.state[i] = bu_word_new(e, "state", 0);
		machine.own[i] = bu_word_new(e, "own", 0);
	}
	return e;
}

/* In a child, for its memory: all of it, from creating to destroying. */
static void measure_machine(const char *name, uint32_t cpus, bool ticks)
{
	char label[64];

	fflush(stdout);
	if (fork() == 0) {
		struct rusage r0, r;
		struct bu_engine *e = new_machine(cpus);
		uint32_t i;

		getrusage(RUSAGE_SELF, &r0);
		if (ticks)
			for (i = 0; i < cpus; i++)
				bu_task_spawn(e, "tick", (int32_t)i, tick_task, (void *)(uintptr_t)i);
		else
			bu_task_spawn(e, "control", -1, control_task, NULL);
		run(e, BU_END_DONE);
		if (ticks)
			machine.ops = (uint64_t)cpus * 500;
		bu_engine_destroy(e);
		getrusage(RUSAGE_SELF, &r);
		snprintf(label, sizeof(label), "%s_user", name);
		bench_report(label, cpus, bench_user_s(), "s");
		snprintf(label, sizeof(label), "%s_system", name);
		bench_report(label, cpus, (double)r.ru_stime.tv_sec + 1e-6 * (double)r.ru_stime.tv_usec, "s");
		snprintf(label, sizeof(label), "%s_peak", name);
		bench_report(label, cpus, (double)r.ru_maxrss / 1024, "MiB");
		snprintf(label, sizeof(label), "%s_operations_per_cpu", name);
		bench_report(label, cpus, (double)machine.ops / cpus, "operations");
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

static struct bu_co_arena switch_arena;

struct switcher {
	struct bu_co co;
	uint64_t turns;
};

static void co_member(void *arg)
{
	struct switcher *s = arg;

	bu_co_entered(&switch_arena);
	for (;;) {
		s->turns++;
		bu_co_leave(&switch_arena, &s->co, false);
	}
}

static void measure_switch(uint32_t n)
{
	uint64_t rounds = 20000000u / n, uc_rounds = 1000000u / n, r;
	struct switcher *member = calloc(n, sizeof(*member));
	char *stacks = malloc((size_t)16384);
	double best = 1e9, uc_best = 1e9, t0, s;
	uint32_t i, stack;
	int rep;

	bu_co_arena_init(&switch_arena, 0);
	for (i = 0; i < n; i++) {
		if (bu_co_stack_get(&switch_arena, &stack))
			die("out of memory");
		bu_co_init(&switch_arena, &member[i].co, stack, co_member, &member[i]);
	}
	for (rep = 0; rep < repeats; rep++) {
		t0 = bench_cpu_s();
		for (r = 0; r < rounds; r++)
			for (i = 0; i < n; i++)
				bu_co_resume(&switch_arena, &member[i].co, 0);
		s = (bench_cpu_s() - t0) / (double)(rounds * n * 2);
		best = s < best ? s : best;
	}
	/* One context to and fro: what swapcontext() costs does not hang on how many there are. */
	getcontext(&uc_task);
	uc_task.uc_stack.ss_sp = stacks;
	uc_task.uc_stack.ss_size = 16384;
	makecontext(&uc_task, uc_member, 0);
	for (rep = 0; rep < repeats; rep++) {
		t0 = bench_cpu_s();
		for (r = 0; r < uc_rounds * n; r++)
			swapcontext(&uc_main, &uc_task);
		s = (bench_cpu_s() - t0) / (double)(uc_rounds * n * 2);
		uc_best = s < uc_best ? s : uc_best;
	}
	bench_report("switch", n, best * 1e9, "ns");
	bench_report("swapcontext", n, uc_best * 1e9, "ns");
	bu_co_arena_fini(&switch_arena);
	free(member);
	free(stacks);
}

static const char *only;

static int wanted(const char *name)
{
	return !only || !strcmp(only, name);
}

/*
 * engine_bench [NAME [TASKS [REPEATS]]]: only one of hold, ties, bimodal, handoff, contended, yield, switch, reset, memory,
 * boot, ticks.
 */
int main(int argc, char **argv)
{
	static const uint32_t sizes[] = { 1024, 16384, 65536 }, switches[] = { 2, 1024, 4096 };
	static const uint32_t boots[] = { 4096, 65536 }, ticking[] = { 4096, 16384 };
	static const struct {
		const char *name;
		void (*fn)(struct bu_engine *, void *);
		enum bench_distribution distribution;
	} models[] = {
		{ "hold", hold_task, BENCH_EXPONENTIAL },
		{ "ties", hold_task, BENCH_EQUAL },
		{ "bimodal", hold_task, BENCH_BIMODAL },
		{ "handoff", handoff_task, BENCH_EXPONENTIAL },
		{ "contended", contend_task, BENCH_EXPONENTIAL },
		{ "yield", yield_task, BENCH_EXPONENTIAL },
	};
	uint32_t one = argc > 2 ? (uint32_t)strtoul(argv[2], NULL, 10) : 0;
	size_t i, k;

	if (argc > 3)
		repeats = atoi(argv[3]);

#define EACH(list) for (i = 0; i < sizeof(list) / sizeof((list)[0]); i++) if (!one || one == (list)[i])

	bench_init(BENCH_EXPONENTIAL);
	only = argc > 1 ? argv[1] : NULL;
	if (wanted("switch"))
		EACH(switches)
			measure_switch(switches[i]);
	for (k = 0; k < sizeof(models) / sizeof(models[0]); k++)
		if (wanted(models[k].name)) {
			bench_init(models[k].distribution);
			EACH(sizes)
				measure(models[k].name, sizes[i], 3000000, models[k].fn);
		}
	bench_init(BENCH_EXPONENTIAL);
	if (wanted("reset"))
		measure_reset();
	if (wanted("memory")) {
		measure_memory(16384, 0);
		measure_memory(16384, 3);
	}
	if (wanted("boot"))
		EACH(boots)
			measure_machine("boot", boots[i], false);
	if (wanted("ticks"))
		EACH(ticking)
			measure_machine("ticks", ticking[i], true);
	return 0;
}
