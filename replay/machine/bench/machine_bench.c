// SPDX-License-Identifier: GPL-2.0-only
/*
 * machine_bench.c - what the simulated machine costs: ns of the host per operation, bytes per CPU.
 *
 * A program of its own, built from the sources of the engine and the machine:
 *   cc -O2 -D_GNU_SOURCE -I. replay/machine/bench/machine_bench.c replay/machine/[a-z]*.c replay/engine/[a-z]*.c \
 *      replay/engine/[a-z]*.S schemas/base/[a-z]*.c -lm -o machine_bench
 * Prints a line per measurement, CPU time of the process, not the wall clock. "boot N", "ticks N", "memory N", "restarts N":
 * only that with N CPUs, as lines "name value unit" for scripts/bench_engine.sh.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>

#include "replay/machine/atomic.h"
#include "replay/machine/kthread.h"
#include "replay/machine/lock.h"
#include "replay/machine/machine.h"
#include "replay/machine/state.h"
#include "replay/machine/stop.h"
#include "replay/machine/timer.h"
#include "replay/machine/wait.h"

#define MS 1000000
#define S 1000000000LL

static double user_ns(void)
{
	struct rusage u;

	getrusage(RUSAGE_SELF, &u);
	return (double)u.ru_utime.tv_sec * 1e9 + (double)u.ru_utime.tv_usec * 1e3 + (double)u.ru_stime.tv_sec * 1e9 +
	       (double)u.ru_stime.tv_usec * 1e3;
}

/* Resident bytes of this process: the second number of /proc/self/statm, in pages. */
static double resident(void)
{
	FILE *f = fopen("/proc/self/statm", "r");
	long size = 0, pages = 0;

	if (!f || fscanf(f, "%ld %ld", &size, &pages) != 2)
		pages = 0;
	if (f)
		fclose(f);
	return (double)pages * 4096;
}

static struct bu_machine *make(struct bu_machine_config c)
{
	struct bu_err err = BU_ERR_INIT;
	struct bu_machine *m = NULL;

	if (bu_machine_create(&c, &m, &err)) {
		fprintf(stderr, "%s\n", err.text);
		exit(1);
	}
	return m;
}

static struct bu_machine_result run(struct bu_machine *m)
{
	struct bu_err err = BU_ERR_INIT;
	struct bu_machine_result r;

	if (bu_machine_run(m, &r, &err) || r.end != BU_MACHINE_DONE) {
		fprintf(stderr, "%s%s\n", err.text, r.verdict);
		exit(1);
	}
	return r;
}

static bu_obj lock;
static int rounds;

static void spins(struct bu_machine *m, void *arg)
{
	int i;

	(void)arg;
	for (i = 0; i < rounds; i++) {
		bu_raw_spin_lock(m, lock);
		bu_work(m, 100);
		bu_raw_spin_unlock(m, lock);
	}
}

static void mutexes(struct bu_machine *m, void *arg)
{
	int i;

	(void)arg;
	for (i = 0; i < rounds; i++) {
		bu_mutex_lock(m, lock);
		bu_work(m, 100);
		bu_mutex_unlock(m, lock);
	}
}

static void semaphores(struct bu_machine *m, void *arg)
{
	int i;

	(void)arg;
	for (i = 0; i < rounds; i++) {
		bu_down(m, lock);
		bu_work(m, 100);
		bu_up(m, lock);
	}
}

static void hand_off(const char *what, bu_thread_fn fn, uint32_t n)
{
	struct bu_machine *m = make((struct bu_machine_config){ .n_cpus = n, .n_online = n });
	double t;
	uint32_t i;

	rounds = (int)(2000000 / n);
	lock = fn == spins ? bu_raw_spinlock(m, "l", BU_SPIN_QUEUED) : fn == mutexes ? bu_mutex(m, "l") :
	       bu_semaphore(m, "l", 1);
	for (i = 0; i < n; i++)
		bu_thread_run(m, "t", (int)i, fn, NULL);
	t = user_ns();
	run(m);
	printf("%s hand-off, %u CPUs: %.0f ns\n", what, n, (user_ns() - t) / rounds / n);
	bu_machine_destroy(m);
}

static void works(struct bu_machine *m, void *arg)
{
	int i;

	(void)arg;
	for (i = 0; i < rounds; i++)
		bu_work(m, 100 + bu_this_cpu(m) % 7);
}

static void work_cost(uint32_t n)
{
	struct bu_machine *m = make((struct bu_machine_config){ .n_cpus = n, .n_online = n });
	double t;
	uint32_t i;

	rounds = (int)(4000000 / n);
	for (i = 0; i < n; i++)
		bu_thread_run(m, "t", (int)i, works, NULL);
	t = user_ns();
	run(m);
	printf("bu_work(), %u CPUs: %.0f ns\n", n, (user_ns() - t) / rounds / n);
	bu_machine_destroy(m);
}

static void sleeps_1s(struct bu_machine *m, void *arg)
{
	(void)arg;
	bu_sleep_ns(m, S);
}

/* Every CPU takes its timer interrupt 250 times; at one instant, as they do on a machine without skew_tick=. */
static void ticks(uint32_t n)
{
	struct bu_machine *m = make((struct bu_machine_config){ .n_cpus = n, .n_online = n, .tick_ns = 4 * MS });
	struct bu_machine_result r;
	struct rusage u;
	uint64_t taken = 0;
	double t;
	uint32_t i;

	bu_thread_run(m, "t", 0, sleeps_1s, NULL);
	t = user_ns();
	r = run(m);
	t = user_ns() - t;
	for (i = 0; i < n; i++)
		taken += bu_cpu_ticks(m, (int)i);
	getrusage(RUSAGE_SELF, &u);
	printf("machine_ticks_%u %llu ticks\nmachine_ticks_events_%u %llu events\nmachine_ticks_cpu_%u %.3f s\n", n,
	       (unsigned long long)taken, n, (unsigned long long)r.events, n, t / 1e9);
	printf("machine_ticks_event_%u %.1f ns\nmachine_ticks_peak_%u %.1f MiB\n", n, t / (double)r.events, n,
	       (double)u.ru_maxrss / 1024);
	bu_machine_destroy(m);
}

static bool no(struct bu_machine *m, int cpu)
{
	(void)m;
	(void)cpu;
	return false;
}

static void nothing(struct bu_machine *m, int cpu)
{
	(void)m;
	(void)cpu;
}

static const struct bu_smp_hotplug_thread cpuhp = { .name = "cpuhp", .should_run = no, .fn = nothing,
						    .sched_class = BU_CLASS_FAIR };

/* idle, migration/N and cpuhp/N with a stack each */
static void three_live(struct bu_machine *m, void *arg)
{
	uint32_t i, n = bu_nr_cpus(m);
	double before = resident();

	bu_cpu_stop_init(m);
	bu_smpboot_register(m, &cpuhp);
	bu_sleep_ns(m, MS);
	if (*(int *)arg) {
		for (i = 1; i < n; i++)
			bu_smpboot_create_threads(m, (int)i);
		printf("offline CPU with two parked threads: %.0f bytes\n", (resident() - before) / (n - 1));
	}
}

static void memory(uint32_t n)
{
	double before = resident();
	int offline = 0;
	struct bu_machine *m = make((struct bu_machine_config){ .n_cpus = n, .n_online = n });

	bu_thread_run(m, "t", 0, three_live, &offline);
	run(m);
	printf("machine_memory_3_threads_%u %.0f bytes\n", n, (resident() - before) / n);
	bu_machine_destroy(m);
	offline = 1;
	before = resident();
	m = make((struct bu_machine_config){ .n_cpus = n, .n_online = 1 });
	printf("machine_memory_offline_%u %.0f bytes\n", n, (double)bu_machine_bytes(m) / n);
	bu_thread_run(m, "t", 0, three_live, &offline);
	run(m);
	printf("offline CPU with two parked threads, machine alone: %.0f bytes\n", (double)bu_machine_bytes(m) / n);
	bu_machine_destroy(m);
}

static int stop_fn(struct bu_machine *m, void *arg)
{
	(void)m;
	(void)arg;
	return 0;
}

static void stops(struct bu_machine *m, void *arg)
{
	int i;

	(void)arg;
	bu_cpu_stop_init(m);
	for (i = 0; i < rounds; i++)
		bu_stop_machine_cpuslocked(m, "stop_fn", stop_fn, NULL, BU_FIRST_ONLINE_CPU);
}

static void stop_cost(uint32_t n)
{
	struct bu_machine *m = make((struct bu_machine_config){ .n_cpus = n, .n_online = n, .poll_ns = 50,
								.ipi_ns = 1000 });
	double t;

	rounds = 20;
	bu_thread_run(m, "t", 0, stops, NULL);
	t = user_ns();
	run(m);
	printf("stop_machine(), %u CPUs: %.2f ms, %.0f ns per CPU\n", n, (user_ns() - t) / 1e6 / rounds,
	       (user_ns() - t) / rounds / n);
	bu_machine_destroy(m);
}

static uint32_t pause_at_first(void *ctx, uint32_t n)
{
	(void)ctx;
	(void)n;
	return BU_CHOOSE_PAUSE;
}

/* What an explorer of interleavings does millions of times: begin again; look at a state, keep it, go back to it. */
static void restarts(uint32_t n)
{
	struct bu_machine_config c = { .n_cpus = n, .n_online = n, .fingerprints = true, .choose = pause_at_first };
	struct bu_machine *m = make(c);
	struct bu_image img = { NULL, 0, 0 };
	struct bu_err err = BU_ERR_INIT;
	struct bu_machine_result r;
	double t, again, look, keep, back;
	size_t at;
	int i, k, times = 20000;

	t = user_ns();
	for (i = 0; i < times; i++) {
		bu_machine_reset(m, 0, &err);
		bu_cpu_stop_init(m);
		for (k = 0; k < (int)n; k++)
			bu_thread_run(m, "t", k, works, NULL);
		bu_machine_run(m, &r, &err);
	}
	again = (user_ns() - t) / times;
	t = user_ns();
	for (i = 0; i < times; i++)
		bu_machine_state(m);
	look = (user_ns() - t) / times;
	t = user_ns();
	for (i = 0; i < times; i++) {
		img.used = 0;
		bu_machine_save(m, &img);
	}
	keep = (user_ns() - t) / times;
	t = user_ns();
	for (i = 0; i < times; i++) {
		at = 0;
		bu_machine_restore(m, &img, &at);
	}
	back = (user_ns() - t) / times;
	printf("machine_restart_%u %.2f us\nmachine_fingerprint_%u %.2f us\nmachine_save_%u %.2f us\nmachine_restore_%u %.2f us\n",
	       n, again / 1e3, n, look / 1e3, n, keep / 1e3, n, back / 1e3);
	bu_image_fini(&img);
	bu_machine_destroy(m);
}

/* What a CPU does on its way up: 1000 operations, every fourth of them takes time. */
static void way_up(struct bu_machine *m, void *arg)
{
	bu_word_id all = *(bu_word_id *)arg, own = bu_atomic(m, "own", 0);
	int i;

	for (i = 0; i < 250; i++) {
		bu_work(m, 1000 + bu_this_cpu(m) % 7);
		bu_atomic_add_return(m, own, 1);
		bu_atomic_read(m, own);
		bu_atomic_add_return(m, all, 1);
	}
}

static void boots(struct bu_machine *m, void *arg)
{
	int cpu;

	for (cpu = 1; (uint32_t)cpu < bu_nr_cpus(m); cpu++) {
		bu_cpu_start(m, cpu, NULL, NULL);
		bu_thread_run(m, "way_up", cpu, way_up, arg);
		bu_work(m, 2000);
	}
}

/* A machine whose CPUs are kicked one after the other and go their ways at the same time. */
static void boot(uint32_t n)
{
	double t = user_ns();
	struct bu_machine *m = make((struct bu_machine_config){ .n_cpus = n, .n_online = 1, .ipi_ns = 1000 });
	bu_word_id all = bu_atomic(m, "all", 0);
	struct rusage u;

	bu_thread_run(m, "control", 0, boots, &all);
	run(m);
	t = user_ns() - t;
	getrusage(RUSAGE_SELF, &u);
	printf("machine_boot_cpu_%u %.3f s\nmachine_boot_peak_%u %.1f MiB\n", n, t / 1e9, n, (double)u.ru_maxrss / 1024);
	bu_machine_destroy(m);
}

int main(int argc, char **argv)
{
	static const struct {
		const char *name;
		void (*fn)(uint32_t n);
	} one[] = { { "boot", boot }, { "ticks", ticks }, { "memory", memory }, { "restarts", restarts } };
	size_t i;

	for (i = 0; argc == 3 && i < sizeof(one) / sizeof(one[0]); i++) {
		if (!strcmp(argv[1], one[i].name)) {
			one[i].fn((uint32_t)strtoul(argv[2], NULL, 10));
			return 0;
		}
	}
	memory(4001);
	restarts(2);
	restarts(8);
	restarts(64);
	hand_off("raw_spinlock", spins, 2);
	hand_off("raw_spinlock", spins, 64);
	hand_off("raw_spinlock", spins, 1024);
	hand_off("mutex", mutexes, 2);
	hand_off("mutex", mutexes, 64);
	hand_off("semaphore", semaphores, 64);
	hand_off("semaphore", semaphores, 1024);
	work_cost(1);
	work_cost(1024);
	stop_cost(64);
	stop_cost(4096);
	ticks(1024);
	ticks(16384);
	return 0;
}
