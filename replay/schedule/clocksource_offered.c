// SPDX-License-Identifier: GPL-2.0-only
/* clocksource_offered.c - the arithmetic of saturation; see clocksource.h. */
#include <math.h>
#include <stdlib.h>

#include "replay/schedule/clocksource.h"

/* What one CPU asks of the device that it reads, as a share of what that can answer. */
static double per_cpu(const struct bu_cs_config *c, int64_t more_permille)
{
	const int accesses = c->clock == BU_CS_PIT ? 3 : 1;	/* kit/timekeeping.h */

	if (c->clock == BU_CS_TSC || c->clock == BU_CS_KVM)
		return 0;
	return (double)(c->reads_permille + more_permille) / 1000 * accesses * (double)c->read_ns / (double)c->tick_ns;
}

int32_t bu_cs_devices(const struct bu_cs_schedule *s)
{
	const int32_t node = s->config.cpus_per_node;

	return s->config.clock == BU_CS_RTC && node < s->cpus ? (s->cpus + node - 1) / node : 1;
}

double bu_cs_offered(const struct bu_cs_schedule *s)
{
	return (bu_cs_devices(s) > 1 ? s->config.cpus_per_node : s->cpus) * per_cpu(&s->config, 0);
}

int32_t bu_cs_saturation_cpus(const struct bu_cs_schedule *s, int64_t more_permille)
{
	const double share = per_cpu(&s->config, more_permille);

	return share > 0 ? (int32_t)ceil(1 / share) : 0;
}

void bu_cs_schedule_fini(struct bu_cs_schedule *s)
{
	free(s->ticks);
	free(s->read_ns);
	bu_arena_fini(&s->arena);
	*s = (struct bu_cs_schedule){ 0 };
}
