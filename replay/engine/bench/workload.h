/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * workload.h - what engine_bench.c and the programs it is compared with have in common: the same random increments, the
 * same clock, the same way to report. C and C++.
 *
 * The clock is user CPU time of this process: the machine may be shared. It starts when every member of the model has had
 * its first two turns: what starting members costs (a page fault each, mostly) is not what is compared.
 */
#ifndef BU_ENGINE_BENCH_WORKLOAD_H
#define BU_ENGINE_BENCH_WORKLOAD_H

#include <math.h>
#include <stdint.h>
#include <stdio.h>
#include <sys/resource.h>

#define BENCH_TABLE 65536u
#define BENCH_MEAN_NS 1e6

static int64_t bench_increment_ns[BENCH_TABLE];
static uint64_t bench_random_state = UINT64_C(88172645463325252);
static uint64_t bench_turns, bench_warm_turns;
static double bench_warm_s;

/* 16 bits of Marsaglia's xorshift64: cheap, so that the engine is measured and not the dice. */
static inline uint32_t bench_random(void)
{
	bench_random_state ^= bench_random_state << 13;
	bench_random_state ^= bench_random_state >> 7;
	bench_random_state ^= bench_random_state << 17;
	return (uint32_t)(bench_random_state >> 48);
}

enum bench_distribution {
	BENCH_EXPONENTIAL,
	BENCH_EQUAL,		/* all events of a round at one instant */
	BENCH_BIMODAL,		/* nine of ten up to 100 us, the tenth up to 1 s */
};

/* Whole ns from 1 on. */
static inline void bench_init(enum bench_distribution distribution)
{
	uint32_t i;

	for (i = 0; i < BENCH_TABLE; i++) {
		double u;

		bench_random();
		u = (double)((bench_random_state >> 11) + 1) * 0x1p-53;
		if (distribution == BENCH_EXPONENTIAL)
			bench_increment_ns[i] = (int64_t)ceil(-log(u) * BENCH_MEAN_NS);
		else if (distribution == BENCH_EQUAL)
			bench_increment_ns[i] = (int64_t)BENCH_MEAN_NS;
		else
			bench_increment_ns[i] = (int64_t)(u * (bench_random() % 10 ? 1e5 : 1e9));
		if (bench_increment_ns[i] < 1)
			bench_increment_ns[i] = 1;
	}
}

static inline int64_t bench_increment(void)
{
	return bench_increment_ns[bench_random()];
}

static inline double bench_user_s(void)
{
	struct rusage r;

	getrusage(RUSAGE_SELF, &r);
	return (double)r.ru_utime.tv_sec + 1e-6 * (double)r.ru_utime.tv_usec;
}

/* With what the kernel does for it: swapcontext() calls it. */
static inline double bench_cpu_s(void)
{
	struct rusage r;

	getrusage(RUSAGE_SELF, &r);
	return bench_user_s() + (double)r.ru_stime.tv_sec + 1e-6 * (double)r.ru_stime.tv_usec;
}

static inline void bench_turn(void)
{
	if (bench_turns++ == bench_warm_turns)
		bench_warm_s = bench_user_s();
}

static inline double bench_ns_per_turn(void)
{
	return (bench_user_s() - bench_warm_s) * 1e9 / (double)(bench_turns - bench_warm_turns);
}

static inline void bench_report(const char *name, unsigned long n, double value, const char *unit)
{
	printf("%s_%lu %.2f %s\n", name, n, value, unit);
	fflush(stdout);
}

#endif
