// SPDX-License-Identifier: GPL-2.0-only
/*
 * core_check_clocksource.c - what every clocksource core must do whatever its algorithm; see core_check.h.
 *
 * The contract: where the clock can answer what it is asked, it is switched, kernel_init comes back from that, every tick that is due
 * comes and no CPU sees time go back, whatever the clock is; the same seed gives the same run; and where it cannot, or where a CPU
 * cannot take part, the run says what hangs: one that ends well has had its ticks.
 */
#include "replay/contract.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "replay/clock_model.h"
#include "replay/registry.h"
#include "replay/session.h"
#include "schemas/base/mem.h"
#include "schemas/base/ns.h"

static int replay(struct check *c, int32_t cpus, const char *model, bool check, struct bu_replay_result *r)
{
	const struct bu_replay_options options = { .seed = 1, .recorded_cpus = cpus, .params = c->params, .guard_ms = c->guard_ms,
						   .check = check };
	struct bu_cs_schedule s = { 0 };
	int rc = bu_clock_model(&s, cpus, model, NULL);

	if (!rc)
		rc = bu_replay_clocksource(c->core, &s, &options, r, NULL);
	bu_cs_schedule_fini(&s);	/* of one that is made up the result borrows nothing that goes with it */
	if (!rc) {
		snprintf(c->why, sizeof(c->why), "verdict %s; %.200s", r->run.verdict, r->run.verdict_detail);
		check_verdict(c, r->run.verdict);
		c->dead |= !strcmp(r->run.verdict, "limit");
	}
	return rc;
}

/* Of the whole run; the first of the family's figures is always there, so none means that the core never started. */
static double metric(const struct bu_replay_result *r, const char *name)
{
	size_t i;

	for (i = 0; i < r->run.n_metrics; i++)
		if (r->run.metrics[i].cpu < 0 && !strcmp(r->run.names[r->run.metrics[i].name], name))
			return r->run.metrics[i].value;
	return -1;
}

static int check_unloaded(struct check *c, int32_t cpus, const char *model)
{
	struct bu_replay_result a = { 0 }, b = { 0 };
	int rc = replay(c, cpus, model, false, &a);
	char size[96];
	bool ok;

	if (rc)
		return rc;
	ok = !strcmp(a.run.verdict, "ok");
	check_tell(c, ok && metric(&a, "switch_to_notify") >= 0, "switches the clock and comes back (%d CPUs, %s)", cpus, model);
	if (ok) {
		snprintf(c->why, sizeof(c->why), "a share of %.3f came", metric(&a, "tick_share"));
		check_tell(c, metric(&a, "tick_share") > 0.99, "every tick comes (%d CPUs, %s)", cpus, model);
		snprintf(c->why, sizeof(c->why), "of %.0f reads %.0f answered with a time before the last", metric(&a, "reads"),
			 metric(&a, "reads_backwards"));
		check_tell(c, metric(&a, "reads") > 0 && metric(&a, "reads_backwards") == 0,
			   "time does not go back on a CPU (%d CPUs, %s)", cpus, model);
		rc = replay(c, cpus, model, cpus <= MOST_CHECKED, &b);
		snprintf(size, sizeof(size), "%d CPUs, %s", cpus, model);
		if (!rc)
			check_again(c, &a.run, &b.run, cpus <= MOST_CHECKED, size);
	}
	bu_replay_result_fini(&a);
	bu_replay_result_fini(&b);
	return rc;
}

/* The clock is asked several times what it can answer: a run that ends well has got around that, any other says what happens. */
static int check_overloaded(struct check *c, int32_t cpus, const char *model)
{
	struct bu_replay_result r = { 0 };
	int rc = replay(c, cpus, model, false, &r);
	bool holds;

	if (rc)
		return rc;
	holds = !strcmp(r.run.verdict, "ok") ? metric(&r, "tick_share") > 0.95 : r.run.verdict_detail[0];
	check_tell(c, holds && !c->dead, "gets along with an overloaded clock, or says what hangs (%d CPUs, %s)", cpus, model);
	bu_replay_result_fini(&r);
	return 0;
}

int bu_core_check_clocksource(const struct bu_core_def *core, int guard_ms,
			      void (*say)(void *ctx, bool holds, const char *what, const char *why), void *ctx)
{
	static const char *const clocks[] = { "tsc", "hpet", "acpi-pm", "pit", "rtc", "kvm-clock", "kvm-clock-unstable" };
	static const struct { int32_t cpus; const char *model; } overload[] = {
		{ 40, "hz=1000,read-ns=20000,run-ms=1500" }, { 40, "hz=1000,read-ns=20000,line-ns=15000,run-ms=1500" },
		{ 40, "hz=1000,read-ns=20000,arbitration=near,run-ms=1500" }, { 24, "clock=pit,hz=1000,read-ns=20000,run-ms=1500" },
	};
	struct check c = { .core = core, .guard_ms = guard_ms, .say = say, .ctx = ctx };
	char model[64];
	size_t i;
	int rc = check_begin(&c);

	for (i = 0; !rc && !c.dead && i < ARRAY_SIZE(clocks); i++) {
		snprintf(model, sizeof(model), "clock=%s,node-cpus=3,run-ms=400", clocks[i]);
		rc = check_unloaded(&c, 8, model);
	}
	if (!rc && !c.dead)
		rc = check_unloaded(&c, 2, "hz=1000,highres=0,run-ms=400");
	if (!rc && !c.dead)
		rc = check_unloaded(&c, 256, "hz=100,run-ms=400");
	for (i = 0; !rc && !c.dead && i < ARRAY_SIZE(overload); i++)
		rc = check_overloaded(&c, overload[i].cpus, overload[i].model);
	return check_end(&c, rc);
}
