// SPDX-License-Identifier: GPL-2.0-only
/*
 * core_check_text.c - what every text core must do whatever its algorithm; see core_check.h.
 *
 * The contract: every site of every batch reads as it should in the end, and is patched in no less than the time that it
 * costs; the same seed gives the same run; an interrupt that executes no site does no harm; and where one does harm, or a
 * timer that does not tick stops the boot, the run says so: a run that ends well has patched all.
 */
#include "replay/contract.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "replay/family_text.h"
#include "replay/registry.h"
#include "schemas/base/mem.h"

static int replay(struct check *c, const char *made_up, uint64_t seed, bool check, struct bu_replay_result *r,
		  struct bu_text_outcome *o)
{
	const struct bu_replay_options options = { .seed = seed, .sampled = BU_SAMPLED_ALL, .recorded_cpus = 1, .params = c->params,
						   .guard_ms = c->guard_ms, .check = check };
	struct bu_text_schedule s;
	int rc = bu_text_made_up(made_up, &s, NULL);

	if (rc)
		return rc;
	rc = bu_replay_text(c->core, &s, &options, r, o, NULL);
	bu_text_schedule_fini(&s);	/* of one that is made up the result borrows nothing that goes with it */
	if (!rc) {
		snprintf(c->why, sizeof(c->why), "verdict %s, %d sites left; %.150s", r->run.verdict, o->unpatched, r->run.verdict_detail);
		check_verdict(c, r->run.verdict);
	}
	return rc;
}

/* Nothing but the core's own doing can go wrong: all must be patched, in the time that it takes. */
static int check_safe(struct check *c, const char *made_up, int64_t cost_ns)
{
	struct bu_replay_result a = { 0 }, b = { 0 };
	struct bu_text_outcome o, again;
	int rc = replay(c, made_up, 1, false, &a, &o);

	if (rc)
		return rc;
	check_tell(c, !strcmp(a.run.verdict, "ok") && !o.unpatched, "patches all sites (%s)", made_up);
	if (!strcmp(a.run.verdict, "ok")) {
		snprintf(c->why, sizeof(c->why), "%" PRId64 " ns were spent and %" PRId64 " ns is what they cost", o.patching_ns, cost_ns);
		check_tell(c, o.patching_ns >= cost_ns, "takes the time that they cost (%s)", made_up);
		rc = replay(c, made_up, 1, true, &b, &again);
		if (!rc)
			check_again(c, &a.run, &b.run, true, made_up);
	}
	bu_replay_result_fini(&a);
	bu_replay_result_fini(&b);
	return rc;
}

/* Interrupts execute the sites: the run may die of it, and then it says of what. */
static int check_harm(struct check *c, const char *made_up, const char *verdict)
{
	struct bu_replay_result r = { 0 };
	struct bu_text_outcome o;
	uint64_t seed;
	bool holds = true;
	int rc = 0;

	for (seed = 1; !rc && holds && seed <= 10; seed++) {
		rc = replay(c, made_up, seed, false, &r, &o);
		if (rc)
			break;
		holds = !strcmp(r.run.verdict, "ok") ? !o.unpatched && strcmp(verdict, "lost wakeup") :
			!strcmp(r.run.verdict, verdict) && r.run.verdict_detail[0];
		bu_replay_result_fini(&r);
	}
	if (!rc)
		check_tell(c, holds, "%s (%s)", strcmp(verdict, "crash") ? "hangs for want of a tick, and says so" :
			   "ends well with all patched, or says what killed it", made_up);
	return rc;
}

int bu_core_check_text(const struct bu_core_def *core, int guard_ms,
		       void (*say)(void *ctx, bool holds, const char *what, const char *why), void *ctx)
{
	static const struct { const char *made_up; int64_t cost_ns; } safe[] = {
		{ "sites=1", 150 },
		{ "sites=1000,hz=1000,len=8", 150000 },
		{ "sites=100,cpus=4,hz=0,batches=3,batch_sites=300", 15000 },
		{ "sites=100,cpus=16,hz=250,batches=5,batch_sites=2", 15000 },
	};
	static const char *const harm[] = {
		"sites=1000,site_ns=1000,hz=10000,risk=500", "sites=500,site_ns=1000,hz=10000,pairs=200,nmi_hz=9000",
		"sites=0,cpus=8,hz=10000,site_ns=2000,batches=10,gap_ns=150000,ahead_ns=4000",
	};
	struct check c = { .core = core, .guard_ms = guard_ms, .say = say, .ctx = ctx };
	size_t i;
	int rc = check_begin(&c);

	for (i = 0; !rc && !c.dead && i < ARRAY_SIZE(safe); i++)
		rc = check_safe(&c, safe[i].made_up, safe[i].cost_ns);
	for (i = 0; !rc && !c.dead && i < ARRAY_SIZE(harm); i++)
		rc = check_harm(&c, harm[i], "crash");
	if (!rc && !c.dead)
		rc = check_harm(&c, "sites=10,hz=0,lpj_known=0", "lost wakeup");
	return check_end(&c, rc);
}
