// SPDX-License-Identifier: GPL-2.0-only
/*
 * core_check_pgd.c - what every page-table core must do whatever its algorithm; see core_check.h.
 *
 * The contract: a storm of forks, switches and allocations ends well, and then all that was asked for is handed out, all
 * address spaces and switches of the schedule were played and every lock is released; or the run says what killed it or who
 * waits, and for what. The same seed gives the same run. That an algorithm leaves a window open is no breach of it:
 * `bringup replay --pgd CORE --events datasets/scenarios` shows which.
 */
#include "replay/contract.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "replay/family_pgd.h"
#include "replay/registry.h"
#include "schemas/base/mem.h"

static int replay(struct check *c, const struct bu_pgd_schedule *s, bool check, struct bu_replay_result *r,
		  struct bu_pgd_outcome *o)
{
	const struct bu_replay_options options = { .seed = 1, .recorded_cpus = s->cpus, .params = c->params,
						   .guard_ms = c->guard_ms, .check = check };
	int rc = bu_replay_pgd(c->core, s, &options, r, o, NULL);

	if (rc)
		return rc;
	snprintf(c->why, sizeof(c->why), "verdict %s, %" PRId64 " of %" PRId64 " allocations handed out; %.150s", r->run.verdict, o->allocs,
		 s->counts.mappings, r->run.verdict_detail);
	check_verdict(c, r->run.verdict);
	return 0;
}

static int check_storm(struct check *c, const char *made_up)
{
	struct bu_replay_result a = { 0 }, b = { 0 };
	struct bu_pgd_schedule s;
	struct bu_pgd_outcome o, again;
	bool ok;
	int rc = bu_pgd_made_up(made_up, &s, NULL);

	if (rc)
		return rc;
	rc = replay(c, &s, false, &a, &o);
	ok = !rc && !strcmp(a.run.verdict, "ok");
	if (ok) {
		check_tell(c, o.allocs == s.counts.mappings, "hands out all that is asked for (%s)", made_up);
		snprintf(c->why, sizeof(c->why), "%" PRId64 " made, %" PRId64 " ended, %" PRId64 " switched to", o.forks, o.exits, o.mm_switches);
		check_tell(c, o.forks == s.counts.what[BU_PGD_FORK] && o.mm_switches == s.counts.mm_switches &&
			   o.exits == s.counts.what[BU_PGD_EXIT], "plays all address spaces and switches (%s)", made_up);
		snprintf(c->why, sizeof(c->why), "%u threads hold one", a.run.lock_holders);
		check_tell(c, !a.run.lock_holders, "releases every lock (%s)", made_up);
	} else if (!rc) {
		check_tell(c, !c->dead && a.run.verdict_detail[0] && a.run.witness, "says what killed it or who waits (%s)", made_up);
	}
	if (!rc && !c->dead) {
		rc = replay(c, &s, s.cpus <= MOST_CHECKED, &b, &again);
		if (!rc)
			check_again(c, &a.run, &b.run, s.cpus <= MOST_CHECKED, made_up);
	}
	bu_replay_result_fini(&a);
	bu_replay_result_fini(&b);
	bu_pgd_schedule_fini(&s);
	return rc;
}

int bu_core_check_pgd(const struct bu_core_def *core, int guard_ms,
		      void (*say)(void *ctx, bool holds, const char *what, const char *why), void *ctx)
{
	static const char *const storms[] = {
		"cpus=1,mms=1,switches=10,entries=1", "cpus=1,mms=3,switches=1000,entries=70,forks=100",
		"cpus=4,mms=20,switches=5000,entries=5,forks=500", "cpus=64,mms=300,switches=10000,entries=3,forks=1000",
		"cpus=8,mms=8,switches=100,entries=0", "cpus=4,mms=20,switches=5000,entries=5,forks=500,nmi_permille=100",
		"cpus=4,mms=20,switches=5000,entries=5,forks=500,window_permille=100", "cpus=4,mms=20,switches=5000,entries=5,spin=1",
	};
	struct check c = { .core = core, .guard_ms = guard_ms, .say = say, .ctx = ctx };
	size_t i;
	int rc = check_begin(&c);

	for (i = 0; !rc && !c.dead && i < ARRAY_SIZE(storms); i++)
		rc = check_storm(&c, storms[i]);
	return check_end(&c, rc);
}
