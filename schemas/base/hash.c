// SPDX-License-Identifier: GPL-2.0-only
/* hash.c - see hash.h. */
#include "schemas/base/hash.h"

#include <string.h>

uint64_t bu_hash_bytes(uint64_t h, const void *data, size_t len)
{
	const unsigned char *p = data;

	while (len--)
		h = (h ^ *p++) * UINT64_C(0x100000001b3);
	return h;
}

uint64_t bu_hash_str(const char *s)
{
	return bu_hash_mix(bu_hash_bytes(BU_HASH_INIT, s, strlen(s)));
}

void bu_rng_init(struct bu_rng *rng, uint64_t seed, uint64_t stream)
{
	uint64_t x = seed ^ bu_hash_mix(stream + UINT64_C(0x9e3779b97f4a7c15));
	int i;

	for (i = 0; i < 4; i++) {
		x += UINT64_C(0x9e3779b97f4a7c15);
		rng->s[i] = bu_hash_mix(x);
	}
}

static inline uint64_t rotl(uint64_t x, int k)
{
	return (x << k) | (x >> (64 - k));
}

uint64_t bu_rng_u64(struct bu_rng *rng)
{
	uint64_t *s = rng->s, r = rotl(s[1] * 5, 7) * 9, t = s[1] << 17;

	s[2] ^= s[0];
	s[3] ^= s[1];
	s[1] ^= s[2];
	s[0] ^= s[3];
	s[2] ^= t;
	s[3] = rotl(s[3], 45);
	return r;
}

uint64_t bu_rng_below(struct bu_rng *rng, uint64_t n)
{
	uint64_t limit = UINT64_MAX - UINT64_MAX % n, r;

	do
		r = bu_rng_u64(rng);
	while (r >= limit);
	return r % n;
}
