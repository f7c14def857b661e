/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * stats.h - exact quantiles of durations, with the CPU to which the largest belongs.
 *
 * Stands beside query, below summary. Nothing is estimated: samples are sorted, n log n.
 */
#ifndef BU_ANALYZE_STATS_H
#define BU_ANALYZE_STATS_H

#include <stddef.h>
#include <stdint.h>

struct bu_sample {
	int64_t ns;
	int cpu;		/* whose it is */
};

struct bu_stat {
	size_t n;
	int64_t total_ns;	/* 0 when n is 0; every other time is then BU_NS_UNKNOWN */
	int64_t min_ns, p50_ns, p99_ns, max_ns;
	int max_cpu;		/* the lowest-numbered CPU that has the maximum; -1 when n is 0 */
};

/**
 * bu_quantile() - The @permille quantile of @sorted by nearest rank (Hyndman and Fan, "Sample Quantiles in
 * Statistical Packages", 1996, definition 1): the smallest sample that at least permille/1000 of all
 * samples do not exceed. It is always a value that occurred.
 * @sorted: @n samples in ascending order.
 * Return: BU_NS_UNKNOWN when @n is 0.
 */
int64_t bu_quantile(const struct bu_sample *sorted, size_t n, unsigned int permille);

/**
 * bu_stat_of() - Sum up @n samples; sorts @samples.
 */
struct bu_stat bu_stat_of(struct bu_sample *samples, size_t n);

#endif
