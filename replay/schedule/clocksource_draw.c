// SPDX-License-Identifier: GPL-2.0-only
/* clocksource_draw.c - a clocksource switch as it might have been; see clocksource.h. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "replay/schedule/clocksource.h"
#include "schemas/base/hash.h"

enum { RANDOM_CPU = 1 << 18, RANDOM_CALL };	/* streams, beside those of cores and the machine */

enum { PREPARE = 1, EXIT = 4 };	/* the states in which the lag of each CPU is known */

static int draw_lags(const struct bu_cs_schedule *s, struct bu_rng *rng, struct bu_cs_schedule *d)
{
	int32_t i;
	int state;

	for (state = 0; state < BU_CS_STATES; state++) {
		if (!s->lag_ns[state])
			continue;
		d->lag_ns[state] = bu_arena_alloc(&d->arena, (size_t)s->cpus * sizeof(**d->lag_ns));
		if (!d->lag_ns[state])
			return -ENOMEM;
		memcpy(d->lag_ns[state], s->lag_ns[state], (size_t)s->cpus * sizeof(**d->lag_ns));
	}
	for (i = 0; d->lag_ns[PREPARE] && i < s->cpus; i++) {
		const uint64_t from = bu_rng_below(rng, (uint64_t)s->cpus);

		d->lag_ns[PREPARE][i] = s->lag_ns[PREPARE][from];
		d->lag_ns[EXIT][i] = s->lag_ns[EXIT][from];
	}
	return 0;
}

static int draw_calls(const struct bu_cs_schedule *s, struct bu_rng *rng, struct bu_cs_schedule *d)
{
	size_t i, calls = 0, *call = calloc(s->n_ticks + 1, sizeof(*call));

	d->ticks = malloc((s->n_ticks + 1) * sizeof(*d->ticks));
	d->read_ns = malloc((s->n_read_ns + 1) * sizeof(*d->read_ns));
	if (!call || !d->ticks || !d->read_ns) {
		free(call);
		return -ENOMEM;
	}
	memcpy(d->ticks, s->ticks, s->n_ticks * sizeof(*d->ticks));
	memcpy(d->read_ns, s->read_ns, s->n_read_ns * sizeof(*d->read_ns));
	for (i = 0; i < s->n_ticks; i++)
		if (!s->ticks[i].update)
			call[calls++] = i;
	for (i = 0; i < calls; i++) {
		const struct bu_cs_tick *from = &s->ticks[call[bu_rng_below(rng, calls)]];

		d->ticks[call[i]].first_read = from->first_read;
		d->ticks[call[i]].reads = from->reads;
	}
	free(call);
	return 0;
}

int bu_cs_schedule_draw(const struct bu_cs_schedule *s, uint64_t seed, struct bu_cs_schedule *ret)
{
	struct bu_cs_schedule d = *s;
	struct bu_rng rng;
	int rc;

	memset(&d.arena, 0, sizeof(d.arena));
	d.ticks = NULL;
	d.read_ns = NULL;
	bu_rng_init(&rng, seed, RANDOM_CPU);
	rc = draw_lags(s, &rng, &d);
	bu_rng_init(&rng, seed, RANDOM_CALL);
	if (!rc && s->n_ticks)
		rc = draw_calls(s, &rng, &d);
	if (rc)
		bu_cs_schedule_fini(&d);
	else
		*ret = d;
	return rc;
}
