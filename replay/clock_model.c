// SPDX-License-Identifier: GPL-2.0-only
/* clock_model.c - see clock_model.h. */
#include "replay/clock_model.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "replay/registry.h"
#include "schemas/base/ns.h"

enum {
	HZ, CLOCK, READ_NS, SPREAD, HOP, READS, ENTER, EXIT, ARBITRATION, NODE_CPUS, TICK_WORK, UPDATE, LINE, SWITCH_MS, RUN_MS, HIGHRES,
	NR_PARAMS
};

/* Defaults are for a machine made up. HPET: 1 us, lkml 2015/8/31/456; the others are docs/methods.md's. */
const struct bu_param bu_clock_model_params[] = {
	[HZ] = { "hz", "1/s", "CONFIG_HZ", 250, 1, 10000 },
	[CLOCK] = { "clock", "tsc|hpet|acpi-pm|pit|rtc|kvm-clock|kvm-clock-unstable", "that is switched to", BU_CS_HPET, 0,
		    BU_CS_NR_CLOCKS - 1 },
	[READ_NS] = { "read-ns", "ns", "one access of it", 1000, 1, 1000000000 },
	[SPREAD] = { "spread", "none|measured", "how long accesses take: all read-ns; or as measured of an HPET, with that mean", 0, 0, 1 },
	[HOP] = { "hop-ns", "ns", "more for each CPU between the reader and the device, which is nearest to CPU 0", 0, 0, 1000000 },
	[READS] = { "reads-permille", "reads/1000", "of a tick, on a CPU without timekeeping duty", 3000, 0, 100000 },
	[ENTER] = { "enter-permille", "reads/1000", "of these, before the handler of a high resolution tick", 0, 0, 100000 },
	[EXIT] = { "exit-permille", "reads/1000", "of these, after it", 0, 0, 100000 },
	[ARBITRATION] = { "arbitration", "fifo|near|batch|round-robin|random", "who is served next", BU_ARBITER_FIFO, 0,
			  BU_ARBITER_RANDOM },
	[NODE_CPUS] = { "node-cpus", "CPUs", "of a node", 16, 1, 65536 },
	[TICK_WORK] = { "tick-work-ns", "ns", "of a tick without its reads", 1000, 0, 1000000000 },
	[UPDATE] = { "update-ns", "ns", "of timekeeping_update()", 500, 0, 1000000000 },
	[LINE] = { "line-ns", "ns", "transfer of a cache line that all CPUs contend for", 100, 0, 1000000 },
	[SWITCH_MS] = { "switch-ms", "ms", "when the clocksource is switched", 100, 0, 1000000 },
	[RUN_MS] = { "run-ms", "ms", "when the run ends", 30000, 1, 1000000 },
	[HIGHRES] = { "highres", "bool", "ticks become high resolution ones after the switch", 1, 0, 1 },
	[NR_PARAMS] = { 0 }
};

/*
 * 3784 times from one access of the HPET to the next of an 8-node Xeon 8490H with 960 CPUs under load, in ns (lkml 2602.3/03599):
 * 73.1 % lie below 5000, 2875 being the least, and so on. An access takes the middle of a class in its share of cases.
 */
enum { MEASURED_MEAN = 8286, MEASURED_N = 1000 };

static const struct { int64_t ns; int permille; } measured[] = {
	{ 3938, 731 }, { 7500, 101 }, { 22500, 106 }, { 27500, 25 }, { 32500, 13 }, { 37500, 9 }, { 42500, 6 }, { 62500, 9 },
};

/* Return: such times with the mean @mean_ns, of the schedule's arena; NULL: no memory. */
static const int64_t *measured_accesses(struct bu_cs_schedule *s, int64_t mean_ns)
{
	int64_t *ns = bu_arena_alloc(&s->arena, MEASURED_N * sizeof(*ns));
	size_t i, n = 0;
	int k;

	for (i = 0; ns && i < sizeof(measured) / sizeof(*measured); i++)
		for (k = 0; k < measured[i].permille; k++)
			ns[n++] = measured[i].ns * mean_ns / MEASURED_MEAN;
	return ns;
}

static void values_of(const struct bu_cs_schedule *s, struct bu_param *p)
{
	const struct bu_cs_config *c = &s->config;

	p[HZ].def = BU_NS_PER_S / c->tick_ns;
	p[CLOCK].def = c->clock;
	p[READ_NS].def = c->read_ns;
	p[SPREAD].def = c->accesses_ns != NULL;
	p[HOP].def = c->hop_ns;
	p[READS].def = c->reads_permille;
	p[ENTER].def = c->place_permille[BU_CS_ENTER];
	p[EXIT].def = c->place_permille[BU_CS_EXIT];
	p[ARBITRATION].def = c->arbitration;
	p[NODE_CPUS].def = c->cpus_per_node;
	p[TICK_WORK].def = c->tick_work_ns;
	p[UPDATE].def = c->update_ns;
	p[LINE].def = s->line_ns;
	p[SWITCH_MS].def = c->switch_at_ns / BU_NS_PER_MS;
	p[RUN_MS].def = c->end_ns / BU_NS_PER_MS;
	p[HIGHRES].def = c->highres;
}

/* Return: 0; -ENOMEM. */
static int set_values(struct bu_cs_schedule *s, const int64_t *v)
{
	s->config = (struct bu_cs_config){
		.size = sizeof(s->config), .tick_ns = BU_NS_PER_S / v[HZ], .clock = (enum bu_cs_clock)v[CLOCK], .read_ns = v[READ_NS],
		.cpus_per_node = (int32_t)v[NODE_CPUS], .arbitration = (enum bu_arbitration)v[ARBITRATION],
		.hop_ns = v[HOP], .reads_permille = v[READS], .place_permille = { [BU_CS_ENTER] = v[ENTER], [BU_CS_EXIT] = v[EXIT] },
		.tick_work_ns = v[TICK_WORK], .update_ns = v[UPDATE], .switch_at_ns = v[SWITCH_MS] * BU_NS_PER_MS,
		.end_ns = v[RUN_MS] * BU_NS_PER_MS, .highres = v[HIGHRES], .recorded = s->config.recorded,
		.wake_ns = s->config.wake_ns };
	s->line_ns = v[LINE];
	if (!v[SPREAD])
		return 0;
	s->config.accesses_ns = measured_accesses(s, v[READ_NS]);
	s->config.n_accesses = MEASURED_N;
	return s->config.accesses_ns ? 0 : -ENOMEM;
}

const char *bu_clock_model_json(const struct bu_cs_schedule *s, struct bu_arena *arena)
{
	struct bu_param p[NR_PARAMS + 1];
	char text[NR_PARAMS * 64], value[BU_PARAM_STRLEN];
	size_t i, len = 0;

	memcpy(p, bu_clock_model_params, sizeof(p));
	values_of(s, p);
	for (i = 0; i < NR_PARAMS; i++) {
		const char *quote = strchr(p[i].unit, '|') ? "\"" : "";

		len += (size_t)snprintf(text + len, sizeof(text) - len, "%c\"%s\":%s%s%s", i ? ',' : '{', p[i].name, quote,
					bu_core_param_str(&p[i], p[i].def, value), quote);
	}
	snprintf(text + len, sizeof(text) - len, "}");
	return bu_arena_strdup(arena, text);
}

int bu_clock_model(struct bu_cs_schedule *s, int32_t cpus, const char *text, struct bu_err *err)
{
	struct bu_param params[NR_PARAMS + 1];
	const struct bu_core_def model = { .name = "of the model", .params = params };
	int64_t v[NR_PARAMS];
	const char *p;
	int rc;

	memcpy(params, bu_clock_model_params, sizeof(params));
	for (p = text; p && *p; p += strcspn(p, ","), p += *p == ',')
		if (!bu_core_has_param(&model, p, strcspn(p, "=,")))
			return bu_fail(err, -EINVAL, "the model has no '%.*s'; docs/methods.md has the names", (int)strcspn(p, "=,"), p);
	if (s->cpus)
		values_of(s, params);
	else
		s->capture_name = s->kernel_release = "made up";
	rc = bu_core_params(&model, text, v, err);
	if (rc)
		return rc;
	if (set_values(s, v))
		return bu_fail_errno(err, -ENOMEM, "model");
	if (cpus)
		s->cpus = cpus;
	if (!s->capture_sha256)
		s->capture_sha256 = s->clock_name = "";
	return s->cpus ? 0 : bu_fail(err, -EINVAL, "a machine without a recording needs --cpus");
}
