/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * ns.h - time: int64 nanoseconds, and how people write and read them.
 *
 * Stands below everything. BU_NS_UNKNOWN is the one value that is no time: what a trace does not show is
 * unknown, never zero.
 */
#ifndef BU_SCHEMAS_BASE_NS_H
#define BU_SCHEMAS_BASE_NS_H

#include <stddef.h>
#include <stdint.h>

#define BU_NS_UNKNOWN INT64_MIN
#define BU_NS_PER_US  INT64_C(1000)
#define BU_NS_PER_MS  INT64_C(1000000)
#define BU_NS_PER_S   INT64_C(1000000000)

#define BU_NS_FARTHEST (INT64_C(1) << 53)	/* 104 days: nothing that is measured here takes longer */

#define BU_NS_STRLEN 32

/**
 * bu_ns_since() - Time @ns of a file as counted from @zero of the same file, which is not to be trusted: kept within
 * BU_NS_FARTHEST, so that what is computed from a thousand of them does not overflow. Unknown stays unknown.
 */
static inline int64_t bu_ns_since(int64_t ns, int64_t zero)
{
	int64_t d;

	if (ns == BU_NS_UNKNOWN)
		return ns;
	if (__builtin_sub_overflow(ns, zero, &d))
		d = ns < zero ? -BU_NS_FARTHEST : BU_NS_FARTHEST;
	return d > BU_NS_FARTHEST ? BU_NS_FARTHEST : d < -BU_NS_FARTHEST ? -BU_NS_FARTHEST : d;
}

/**
 * bu_ns_add() - @a + @b, or the limit of the type where the sum lies behind it.
 */
static inline int64_t bu_ns_add(int64_t a, int64_t b)
{
	int64_t sum;

	return __builtin_add_overflow(a, b, &sum) ? (a < 0 ? -INT64_MAX : INT64_MAX) : sum;
}

/**
 * bu_ns_str() - @ns for people, in the unit that leaves 1 to 4 digits before the point: "850 ns",
 * "12.3 us", "20.33 ms", "4.40 s"; "unknown" for BU_NS_UNKNOWN.
 * Return: @buf, of at least BU_NS_STRLEN bytes.
 */
const char *bu_ns_str(int64_t ns, char *buf);

/**
 * bu_ns_parse() - Read a duration with a unit: 10s, 1.5ms, 20us, 300ns, 2m.
 * @ret_ns: written only on success.
 * Return: 0; -EINVAL when it is not a duration or has no unit; -ERANGE when it does not fit.
 */
int bu_ns_parse(const char *text, int64_t *ret_ns);

/**
 * bu_ticks_to_ns() - @ticks of a counter of @hz, rounded down, exact up to the range of int64 ns.
 */
static inline int64_t bu_ticks_to_ns(uint64_t ticks, uint64_t hz)
{
	return (int64_t)((unsigned __int128)ticks * 1000000000u / hz);
}

/**
 * bu_ns_compare() - Two int64_t in ascending order, for qsort(3).
 */
int bu_ns_compare(const void *a, const void *b);

/**
 * bu_ns_quantile() - Nearest rank: the smallest of the @n values that at least @percent of all do not exceed.
 * @sorted: in ascending order. @percent: 1 to 100. Return: BU_NS_UNKNOWN when there is none.
 */
int64_t bu_ns_quantile(const int64_t *sorted, size_t n, unsigned int percent);

#endif
