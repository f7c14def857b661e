// SPDX-License-Identifier: GPL-2.0-only
/* clocksource_offered.c - the arithmetic of saturation; see clocksource.h. */
#include <stdlib.h>

#include "replay/schedule/clocksource.h"

/* What one of @cpus asks of the device that they read, as a share of what that can answer. */
static double per_cpu(const struct bu_cs_config *c, int32_t cpus, int64_t more_permille)
{
	const int accesses = c->clock == BU_CS_PIT ? 3 : 1;	/* kit/timekeeping.h */
	const double hops = (double)c->hop_ns * (cpus - 1) / 2;

	if (c->clock == BU_CS_TSC || c->clock == BU_CS_KVM)
		return 0;
	return (double)(c->reads_permille + more_permille) / 1000 * accesses * ((double)c->read_ns + hops) / (double)c->tick_ns;
}

int32_t bu_cs_devices(const struct bu_cs_schedule *s)
{
	const int32_t node = s->config.cpus_per_node;

	return s->config.clock == BU_CS_RTC && node < s->cpus ? (s->cpus + node - 1) / node : 1;
}

static int32_t cpus_per_device(const struct bu_cs_schedule *s)
{
	return bu_cs_devices(s) > 1 ? s->config.cpus_per_node : s->cpus;
}

double bu_cs_offered(const struct bu_cs_schedule *s)
{
	return cpus_per_device(s) * per_cpu(&s->config, cpus_per_device(s), 0);
}

int32_t bu_cs_saturation_cpus(const struct bu_cs_schedule *s, int64_t more_permille)
{
	const struct bu_cs_config *c = &s->config;
	int32_t lo = 1, hi = INT32_MAX / 2;	/* what n CPUs ask for rises with n */

	if (per_cpu(c, 1, more_permille) <= 0)
		return 0;
	while (lo < hi) {
		const int32_t n = lo + (hi - lo) / 2;

		if (n * per_cpu(c, n, more_permille) >= 1)
			hi = n;
		else
			lo = n + 1;
	}
	return lo;
}

void bu_cs_schedule_fini(struct bu_cs_schedule *s)
{
	free(s->ticks);
	free(s->read_ns);
	bu_arena_fini(&s->arena);
	*s = (struct bu_cs_schedule){ 0 };
}
