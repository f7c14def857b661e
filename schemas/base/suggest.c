// SPDX-License-Identifier: GPL-2.0-only
/*
 * suggest.c - see suggest.h. The distance is the optimal string alignment distance (Damerau 1964, Levenshtein
 * 1966): the usual table of prefixes against prefixes, of which three rows are kept.
 */
#include "schemas/base/suggest.h"

#include <string.h>

enum { LONGEST = 64 };	/* longer words are nobody's typing error of a name */

static unsigned int least(unsigned int a, unsigned int b)
{
	return a < b ? a : b;
}

static unsigned int edits(const char *a, size_t a_len, const char *b, size_t b_len)
{
	unsigned int rows[3][LONGEST + 1], *before = rows[0], *last = rows[1], *now = rows[2], *spare;
	size_t i, j;

	for (j = 0; j <= b_len; j++)
		last[j] = j;
	for (i = 1; i <= a_len; i++) {
		now[0] = i;
		for (j = 1; j <= b_len; j++) {
			now[j] = last[j - 1] + (a[i - 1] != b[j - 1]);
			now[j] = least(now[j], least(last[j], now[j - 1]) + 1);
			if (i > 1 && j > 1 && a[i - 1] == b[j - 2] && a[i - 2] == b[j - 1])
				now[j] = least(now[j], before[j - 2] + 1);
		}
		spare = before;
		before = last;
		last = now;
		now = spare;
	}
	return last[b_len];
}

void bu_suggest_offer(struct bu_suggest *s, const char *candidate)
{
	size_t len = strlen(s->word), candidate_len = strlen(candidate);
	unsigned int distance, limit = len < 3 ? 1 : len / 3;

	if (!len || len > LONGEST || candidate_len > LONGEST)
		return;
	if (len >= 2 && !strncmp(s->word, candidate, len))
		distance = 1;
	else
		distance = edits(s->word, len, candidate, candidate_len);
	if (distance > limit || (s->best && distance >= s->distance))
		return;
	s->best = candidate;
	s->distance = distance;
}
