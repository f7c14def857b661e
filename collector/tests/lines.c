// SPDX-License-Identifier: GPL-2.0-only
/* lines.c - see lines.h. */
#include "collector/tests/lines.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "schemas/base/hash.h"

int lines_tool(size_t cpus, uint64_t events)
{
	enum { LINE = 64, PAGE = 4096 + LINE, STATE = 3 * LINE, EVENT = 28, TURNS = 64 };
	uint8_t *pages = aligned_alloc(LINE, cpus * PAGE), *states = aligned_alloc(LINE, cpus * STATE);
	uint32_t *turn = calloc(TURNS * cpus, sizeof(*turn)), k, t;
	struct bu_rng rng;
	uint64_t i, sum = 0, ns;
	struct timespec t0, t1;
	size_t c;

	if (!pages || !states || !turn)
		return 1;
	memset(pages, 1, cpus * PAGE);
	memset(states, 0, cpus * STATE);
	bu_rng_init(&rng, 1, 0);
	for (i = 0; i < TURNS * cpus; i++) {	/* all CPUs in each turn, every time in another order (Fisher and Yates) */
		c = i % cpus;
		k = (uint32_t)bu_rng_below(&rng, c + 1);
		turn[i] = turn[i - c + k];
		turn[i - c + k] = (uint32_t)c;
	}
	clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &t0);
	for (i = 0; i < events; i++) {
		t = turn[i % (TURNS * cpus)];
		sum += pages[(size_t)t * PAGE + i / cpus * EVENT % (PAGE - LINE)];
		for (c = 0; c < STATE; c += LINE)
			states[(size_t)t * STATE + c] += (uint8_t)sum;
	}
	clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &t1);
	ns = (uint64_t)(t1.tv_sec - t0.tv_sec) * 1000000000 + (uint64_t)(t1.tv_nsec - t0.tv_nsec);
	printf("ns=%.1f sum=%d\n", (double)ns / (double)events, (int)(sum % 10 + states[0]));
	free(pages);
	free(states);
	free(turn);
	return 0;
}
