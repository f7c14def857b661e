/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * hash.h - a 64-bit running hash for run identities and tables, and seeded random numbers.
 *
 * Stands below everything. Neither is cryptographic. The hash is FNV-1a over 64-bit words with a final
 * avalanche (Fowler/Noll/Vo; the finaliser is splitmix64's); the random generator is xoshiro256** seeded by
 * splitmix64 (Blackman and Vigna, "Scrambled Linear Pseudorandom Number Generators", 2018). Both give the
 * same values on every machine.
 */
#ifndef BU_SCHEMAS_BASE_HASH_H
#define BU_SCHEMAS_BASE_HASH_H

#include <stddef.h>
#include <stdint.h>

#define BU_HASH_INIT UINT64_C(0xcbf29ce484222325)

static inline uint64_t bu_hash_u64(uint64_t h, uint64_t v)
{
	return (h ^ v) * UINT64_C(0x100000001b3) + (h >> 32);
}

static inline uint64_t bu_hash_mix(uint64_t z)
{
	z = (z ^ (z >> 30)) * UINT64_C(0xbf58476d1ce4e5b9);
	z = (z ^ (z >> 27)) * UINT64_C(0x94d049bb133111eb);
	return z ^ (z >> 31);
}

/**
 * bu_hash_bytes() - Continue hash @h over @len bytes.
 */
uint64_t bu_hash_bytes(uint64_t h, const void *data, size_t len);

/**
 * bu_hash_str() - Hash of a string on its own, finished.
 */
uint64_t bu_hash_str(const char *s);

struct bu_rng {
	uint64_t s[4];
};

/**
 * bu_rng_init() - Start a stream. Two streams of one @seed with different @stream are independent, so that
 * adding a consumer of random numbers does not shift the others.
 */
void bu_rng_init(struct bu_rng *rng, uint64_t seed, uint64_t stream);

/**
 * bu_rng_u64() - The next 64 random bits.
 */
uint64_t bu_rng_u64(struct bu_rng *rng);

/**
 * bu_rng_below() - Uniform in [0, @n), without bias; @n > 0.
 */
uint64_t bu_rng_below(struct bu_rng *rng, uint64_t n);

#endif
