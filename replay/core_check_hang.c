// SPDX-License-Identifier: GPL-2.0-only
/*
 * core_check_hang.c - what every core of the family hang must do; see core_check.h.
 *
 * The contract: as it was it does not end well, and the witness says why; mended it ends well, every lock released; both with
 * more CPUs than it needs, and the same way from the same seed.
 */
#include "replay/contract.h"

#include <stdio.h>
#include <string.h>

#include "replay/family_hang.h"
#include "replay/kit/hang.h"
#include "schemas/base/mem.h"

static int replay(struct check *c, int32_t cpus, bool mended, bool check, struct bu_replay_result *r)
{
	const struct bu_replay_options o = { .seed = 1, .recorded_cpus = cpus, .params = c->params, .guard_ms = c->guard_ms,
					     .check = check };
	int rc;

	c->params[HANG_MENDED] = mended;
	rc = bu_replay_hang(c->core, &o, r, NULL);
	if (!rc)
		snprintf(c->why, sizeof(c->why), "verdict %s; %.200s", r->run.verdict, r->run.verdict_detail);
	return rc;
}

static int check_size(struct check *c, int32_t cpus, bool mended)
{
	struct bu_replay_result a = { 0 }, b = { 0 };
	const struct bu_run *run = &a.run;
	char size[48];
	bool holds;
	int rc = replay(c, cpus, mended, false, &a);

	if (rc)
		return rc;
	if (mended) {
		holds = !strcmp(run->verdict, "ok") && !run->lock_holders;
	} else {
		holds = strcmp(run->verdict, "ok") && strcmp(run->verdict, "error") && strcmp(run->verdict, "misuse") &&
			strcmp(run->verdict, "limit") && run->witness;
	}
	check_tell(c, holds, mended ? "mended, it ends well with %d CPUs, and every lock is released" :
		   "as it was, it does not end well with %d CPUs, and a witness says why", cpus);
	snprintf(size, sizeof(size), "%d CPUs, %s", cpus, mended ? "mended" : "as it was");
	rc = replay(c, cpus, mended, cpus <= MOST_CHECKED, &b);
	if (!rc)
		check_again(c, run, &b.run, cpus <= MOST_CHECKED, size);
	bu_replay_result_fini(&a);
	bu_replay_result_fini(&b);
	return rc;
}

int bu_core_check_hang(const struct bu_core_def *core, int guard_ms,
		       void (*say)(void *ctx, bool holds, const char *what, const char *why), void *ctx)
{
	static const int32_t sizes[] = { HANG_CPUS, 16, 256 };
	struct check c = { .core = core, .guard_ms = guard_ms, .say = say, .ctx = ctx };
	const bool has = bu_hang_can_mend(core);
	size_t i;
	int rc = check_begin(&c);

	if (!rc)
		check_tell(&c, has, "its first parameter is 'mended'");
	for (i = 0; !rc && has && i < 2 * ARRAY_SIZE(sizes); i++)
		rc = check_size(&c, sizes[i / 2], i % 2);
	return check_end(&c, rc);
}
