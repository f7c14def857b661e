// SPDX-License-Identifier: GPL-2.0-only
/*
 * core_check.c - see core_check.h.
 *
 * The contract: every CPU comes up; its milestones are in order; all of its work was done, once; no time ends before it begins;
 * every lock is released; the same seed gives the same run; a CPU that fails or never shows up is given up with all of its
 * steps undone (or named in a hang) and does not keep the others down. Of a running system: core_check_runtime.c.
 */
#include "replay/contract.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "replay/describe.h"
#include "replay/registry.h"
#include "replay/session.h"
#include "schemas/base/ns.h"

static const char *const step_names[] = { "prepare_step", "online_step" };

int bu_made_up_schedule(const struct bu_made_up *c, struct bu_hp_schedule *ret)
{
	struct bu_hp_schedule s = { .capture_name = "made up", .capture_sha256 = "", .kernel_release = "made up",
				    .algorithm = "unknown", .start_what = "first step", .bringup_ns = BU_NS_UNKNOWN };
	int32_t i;
	int k;

	s.names = calloc(2, sizeof(*s.names));
	s.n_cpus = (size_t)c->cpus - 1;
	s.cpus = bu_arena_alloc(&s.arena, s.n_cpus * sizeof(*s.cpus));
	if (!s.names || !s.cpus)
		goto fail;
	memcpy(s.names, step_names, sizeof(step_names));
	s.n_names = 2;
	for (i = 1; i < c->cpus; i++) {
		struct bu_hp_cpu *cpu = &s.cpus[i - 1];

		cpu->cpu = i;
		cpu->primary = i % c->threads_per_core == 0;
		cpu->verdict = BU_CPU_OK;
		cpu->part[BU_HP_KICK].ns = c->kick;
		cpu->part[BU_HP_DARK].ns = c->dark;
		cpu->part[BU_HP_STARTING].ns = c->starting;
		for (k = 0; k < 2; k++) {
			cpu->n_steps[k] = 1;
			cpu->steps[k] = bu_arena_alloc(&s.arena, sizeof(struct bu_hp_step));
			if (!cpu->steps[k])
				goto fail;
			*cpu->steps[k] = (struct bu_hp_step){ .name = (uint32_t)k, .nr = k,
							      .work_ns = k ? c->online : c->prepare };
		}
		for (k = 0; k < BU_HP_NR_MARKS; k++)
			cpu->mark_ns[k] = BU_NS_UNKNOWN;
	}
	*ret = s;
	return 0;
fail:
	bu_hp_schedule_fini(&s);
	return -ENOMEM;
}

static int replay(struct check *c, const struct bu_hp_schedule *s, bool check, struct bu_replay_result *r)
{
	struct bu_description d;
	const struct bu_replay_options o = { .seed = 1, .machine = &d.machine, .recorded_cpus = (int32_t)s->n_cpus + 1,
					     .params = c->params, .guard_ms = c->guard_ms, .check = check };

	/* Nothing costs but what the schedule says: a kick made up as free is. */
	bu_describe_init(&d);
	d.machine.sipi_ns = d.machine.sipi_accept_ns = 0;
	return bu_replay_hotplug(c->core, s, &o, r, NULL);
}

static bool in_order(struct check *c, const struct bu_run *run, const struct bu_made_up *m)
{
	size_t i;

	for (i = 0; i < run->n_cpu_rows; i++) {
		const struct bu_run_cpu *r = &run->cpu_rows[i];

		if (r->prepare_ns >= 0 && r->kick_ns >= r->prepare_ns + m->prepare &&
		    r->alive_ns >= r->kick_ns + m->kick + m->dark && r->release_ns >= r->alive_ns &&
		    r->idle_ns >= r->release_ns + m->starting && r->online_ns >= r->idle_ns + m->online)
			continue;
		snprintf(c->why, sizeof(c->why), "CPU %d: prepare %" PRId64 ", kick %" PRId64 ", alive %" PRId64
			 ", release %" PRId64 ", idle %" PRId64 ", online %" PRId64, r->cpu, r->prepare_ns, r->kick_ns,
			 r->alive_ns, r->release_ns, r->idle_ns, r->online_ns);
		return false;
	}
	return true;
}

static bool all_work_done(struct check *c, const struct bu_run *run, const struct bu_made_up *m)
{
	const int64_t n = m->cpus - 1;
	const struct { enum bu_phase phase; int64_t ns; } want[] = {
		{ BU_PHASE_PREPARE, n * m->prepare }, { BU_PHASE_KICK, n * m->kick }, { BU_PHASE_DARK, n * m->dark },
		{ BU_PHASE_STARTING, n * m->starting }, { BU_PHASE_ONLINE, n * m->online },
	};
	size_t i, k;

	for (k = 0; k < ARRAY_SIZE(want); k++) {
		int64_t sum = 0;

		for (i = 0; i < run->n_intervals; i++)
			if (run->intervals[i].phase == want[k].phase && run->intervals[i].end_ns != BU_NS_UNKNOWN)
				sum += run->intervals[i].end_ns - run->intervals[i].start_ns;
		if (sum == want[k].ns)
			continue;
		snprintf(c->why, sizeof(c->why), "%s: %" PRId64 " ns were spent and %" PRId64 " ns are in the schedule",
			 bu_phase_names[want[k].phase], sum, want[k].ns);
		return false;
	}
	return true;
}

static bool forwards(struct check *c, const struct bu_run *run)
{
	size_t i;

	for (i = 0; i < run->n_intervals; i++) {
		const struct bu_run_interval *v = &run->intervals[i];

		if (v->start_ns >= 0 && v->end_ns >= v->start_ns)
			continue;
		snprintf(c->why, sizeof(c->why), "%s of CPU %d from %" PRId64 " to %" PRId64 " ns", run->names[v->name], v->cpu,
			 v->start_ns, v->end_ns);
		return false;
	}
	return true;
}

static int check_size(struct check *c, const struct bu_made_up *m)
{
	struct bu_replay_result a = { 0 }, b = { 0 };
	struct bu_hp_schedule s;
	char size[32];
	size_t i, up = 0;
	bool ok;
	int rc;

	rc = bu_made_up_schedule(m, &s);
	if (rc)
		return rc;
	rc = replay(c, &s, false, &a);
	if (!rc) {
		for (i = 0; i < a.run.n_cpu_rows; i++)
			up += a.run.cpu_rows[i].verdict == BU_CPU_OK;
		ok = !strcmp(a.run.verdict, "ok") && up == s.n_cpus;
		if (!ok)
			snprintf(c->why, sizeof(c->why), "verdict %s, %zu of %zu came up; %.150s", a.run.verdict, up, s.n_cpus,
				 a.run.verdict_detail);
		check_verdict(c, a.run.verdict);
		c->dead |= !strcmp(a.run.verdict, "limit") || !strcmp(a.run.verdict, "livelock");
		check_tell(c, ok, "brings %d CPUs up", m->cpus);
		if (ok) {
			check_tell(c, in_order(c, &a.run, m), "milestones of %d CPUs are in order", m->cpus);
			check_tell(c, all_work_done(c, &a.run, m), "all work of %d CPUs is done, once", m->cpus);
			check_tell(c, forwards(c, &a.run), "time goes forwards with %d CPUs", m->cpus);
			snprintf(c->why, sizeof(c->why), "%u threads hold one", a.run.lock_holders);
			check_tell(c, !a.run.lock_holders, "every lock is released with %d CPUs", m->cpus);
		}
	}
	if (!rc && !c->dead) {
		rc = replay(c, &s, m->cpus <= MOST_CHECKED, &b);
		snprintf(size, sizeof(size), "%d CPUs", m->cpus);
		if (!rc)
			check_again(c, &a.run, &b.run, m->cpus <= MOST_CHECKED, size);
	}
	bu_replay_result_fini(&a);
	bu_replay_result_fini(&b);
	bu_hp_schedule_fini(&s);
	return rc;
}

/*
 * CPU 2 of 5 has a misfortune. The run must not say ok, and unless it hangs, naming the CPU, the others must be up. Where
 * @ignorable, the algorithm may go on as if nothing had happened: nobody looked at what CPU_ONLINE notifiers return (4.4).
 */
static int check_misfortune(struct check *c, const char *what, void (*befall)(struct bu_hp_cpu *), bool ignorable)
{
	const struct bu_made_up m = { 100, 20, 500, 300, 50, 5, 1 };
	struct bu_replay_result r = { 0 };
	struct bu_hp_schedule s;
	size_t i, up = 0;
	bool ok;
	int rc;

	rc = bu_made_up_schedule(&m, &s);
	if (rc)
		return rc;
	befall(&s.cpus[1]);
	rc = replay(c, &s, true, &r);
	if (!rc) {
		for (i = 0; i < r.run.n_cpu_rows; i++)
			up += i != 1 && r.run.cpu_rows[i].verdict == BU_CPU_OK;
		ok = !strcmp(r.run.verdict, "failed") && up == 3 && r.run.cpu_rows[1].verdict != BU_CPU_OK &&
		     !r.run.cpu_rows[1].steps && !r.run.lock_holders;
		ok = ok || (ignorable && !strcmp(r.run.verdict, "ok") && up == 3 && r.run.cpu_rows[1].verdict == BU_CPU_OK);
		ok = ok || ((!strcmp(r.run.verdict, "deadlock") || !strcmp(r.run.verdict, "lost wakeup")) && r.run.witness);
		snprintf(c->why, sizeof(c->why), "verdict %s, %zu of the 3 others came up, %d of its steps are not undone, "
			 "%u threads hold locks; %.120s", r.run.verdict, up, r.run.cpu_rows[1].steps, r.run.lock_holders, r.run.verdict_detail);
		check_tell(c, ok, what, m.cpus);
	}
	bu_replay_result_fini(&r);
	bu_hp_schedule_fini(&s);
	return rc;
}

static void never_comes(struct bu_hp_cpu *cpu)
{
	cpu->never_comes = true;
}

static void prepare_fails(struct bu_hp_cpu *cpu)
{
	cpu->steps[BU_HP_PREPARE][0].ret = -ENOMEM;
}

static void online_fails(struct bu_hp_cpu *cpu)
{
	cpu->steps[BU_HP_ONLINE_STEPS][0].ret = -EAGAIN;
}

int bu_core_check(const struct bu_core_def *core, int guard_ms,
		  void (*say)(void *ctx, bool holds, const char *what, const char *why), void *ctx)
{
	static const struct bu_made_up sizes[] = {
		{ 100, 20, 500, 300, 50, 2, 1 },  { 100, 20, 500, 300, 50, 9, 1 },   { 0, 0, 0, 0, 0, 5, 1 },
		{ 100, 20, 500, 300, 50, 64, 2 }, { 7, 0, 100000, 1, 0, 33, 2 }, { 100, 20, 500, 300, 50, 4096, 1 },
		{ 100, 20, 500, 300, 50, 1, 1 },
	};
	static const int32_t running[] = { 2, 3, 9, 64, 4096 };
	struct check c = { .core = core, .guard_ms = guard_ms, .say = say, .ctx = ctx };
	size_t i;
	int rc = check_begin(&c);

	for (i = 0; !rc && !c.dead && i < ARRAY_SIZE(sizes); i++)
		rc = check_size(&c, &sizes[i]);
	for (i = 0; !rc && !c.dead && i < ARRAY_SIZE(running); i++)
		rc = check_runtime(&c, running[i]);
	if (!rc && !c.dead)
		rc = check_misfortune(&c, "a CPU that never comes does not keep the others of %d down", never_comes, false);
	if (!rc && !c.dead)
		rc = check_misfortune(&c, "a CPU whose prepare step fails does not keep the others of %d down",
				      prepare_fails, false);
	if (!rc && !c.dead)
		rc = check_misfortune(&c, "a CPU whose online step fails does not keep the others of %d down", online_fails,
				      true);
	return check_end(&c, rc);
}
