// SPDX-License-Identifier: GPL-2.0-only
/*
 * core_check_runtime.c - the part of the hotplug contract that is about a running system: CPUs are taken down and brought up
 * and down and up again; each way does all of its work once, and in the end all is as it was. A core of boots, which asks for no
 * operations, is not bound by it.
 */
#include "replay/contract.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "replay/session.h"
#include "schemas/base/ns.h"

/* States of the made-up steps: prepare and dead 10, 20; the CPU's own 150, 160, 170 both ways. */
static int make_steps(struct bu_hp_schedule *s, struct bu_hp_cpu *w)
{
	int section, i;

	for (section = 0; section < BU_HP_NR_SECTIONS; section++) {
		const bool own = section == BU_HP_ONLINE_STEPS || section == BU_HP_DOWN_STEPS, down = section >= BU_HP_DOWN_STEPS;
		const int n = own ? BU_MADE_UP_OWN : BU_MADE_UP_CONTROL;

		w->n_steps[section] = (size_t)n;
		w->steps[section] = bu_arena_alloc(&s->arena, (size_t)n * sizeof(struct bu_hp_step));
		if (!w->steps[section])
			return -ENOMEM;
		for (i = 0; i < n; i++)
			w->steps[section][i] = (struct bu_hp_step){ .name = own, .nr = (own ? 150 : 10) + 10 * (down ? n - 1 - i : i),
								    .work_ns = BU_MADE_UP_STEP_NS };
	}
	return 0;
}

int bu_made_up_runtime(int32_t cpus, struct bu_hp_schedule *ret)
{
	const struct bu_made_up costs = { 100, 20, 500, 300, 50, cpus, 1 };
	const int n = cpus > 4 ? 3 : cpus - 1;
	struct bu_hp_schedule s;
	int i, k, part, rc;

	rc = bu_made_up_schedule(&costs, &s);
	if (rc)
		return rc;
	s.ops = calloc((size_t)n * 4 + 1, sizeof(*s.ops));
	rc = s.ops ? 0 : -ENOMEM;
	for (k = 0; k < 4; k++)
		for (i = 1; !rc && i <= n; i++) {
			struct bu_hp_runtime_op *op = &s.ops[s.n_ops++];

			*op = (struct bu_hp_runtime_op){ .cpu = i, .down = k % 2 == 0, .think_ns = 100000, .requester = "" };
			op->work = (struct bu_hp_cpu){ .cpu = i, .primary = true, .verdict = BU_CPU_OK };
			for (part = 0; part < BU_HP_NR_WORK; part++)
				op->work.part[part].ns = 200;
			op->work.part[BU_HP_LOCK_WAIT].ns = 0;
			rc = make_steps(&s, &op->work);
		}
	if (rc)
		bu_hp_schedule_fini(&s);
	else
		*ret = s;
	return rc;
}

static int replay(struct check *c, const struct bu_hp_schedule *s, bool check, struct bu_replay_result *r)
{
	const struct bu_replay_options o = { .seed = 1, .recorded_cpus = (int32_t)s->n_cpus + 1, .params = c->params,
					     .guard_ms = c->guard_ms, .check = check };

	return bu_replay_hotplug(c->core, s, &o, r, NULL);
}

/* Whether each operation did what it was asked for, one after the other. */
static bool each_ends_well(struct check *c, const struct bu_run *run)
{
	size_t i;

	if (strcmp(run->verdict, "ok")) {
		snprintf(c->why, sizeof(c->why), "verdict %s; %.200s", run->verdict, run->verdict_detail);
		return false;
	}
	for (i = 0; i < run->n_ops; i++) {
		const struct bu_run_op *op = &run->ops[i];

		if (op->verdict == BU_CPU_OK && op->end_ns > op->start_ns && (!i || op->start_ns > op[-1].end_ns))
			continue;
		snprintf(c->why, sizeof(c->why), "CPU %d %s from %" PRId64 " to %" PRId64 " ns, returned %d", op->cpu,
			 op->down ? "down" : "up", op->start_ns, op->end_ns, op->ret);
		return false;
	}
	return true;
}

/* What others run on the CPUs meanwhile may lengthen the steps that are the CPU's own, not those of who asked for it. */
static bool all_work_done(struct check *c, const struct bu_run *run)
{
	const int64_t want = (int64_t)run->n_ops / 2 * BU_MADE_UP_CONTROL * BU_MADE_UP_STEP_NS;
	int64_t up = 0, dead = 0;
	size_t i;

	for (i = 0; i < run->n_intervals; i++) {
		const struct bu_run_interval *v = &run->intervals[i];

		up += v->phase == BU_PHASE_PREPARE ? v->end_ns - v->start_ns : 0;
		dead += v->phase == BU_PHASE_DEAD ? v->end_ns - v->start_ns : 0;
	}
	snprintf(c->why, sizeof(c->why), "prepare %" PRId64 " ns, dead %" PRId64 ", of %" PRId64 " each", up, dead, want);
	return up == want && dead == want;
}

/* Whether each CPU that was operated on has all steps of its way up, and nobody holds a lock. */
static bool as_before(struct check *c, const struct bu_run *run)
{
	const int steps = BU_MADE_UP_CONTROL + BU_MADE_UP_OWN;
	size_t i, k;

	for (i = 0; i < run->n_ops; i++)
		for (k = 0; k < run->n_cpu_rows; k++) {
			if (run->cpu_rows[k].cpu != run->ops[i].cpu || run->cpu_rows[k].steps == steps)
				continue;
			snprintf(c->why, sizeof(c->why), "CPU %d has %d steps of %d", run->ops[i].cpu, run->cpu_rows[k].steps, steps);
			return false;
		}
	snprintf(c->why, sizeof(c->why), "%u threads hold a lock", run->lock_holders);
	return !run->lock_holders;
}

int check_runtime(struct check *c, int32_t cpus)
{
	struct bu_replay_result a = { 0 }, b = { 0 };
	struct bu_hp_schedule s;
	char size[48];
	int rc;

	rc = bu_made_up_runtime(cpus, &s);
	if (rc)
		return rc;
	rc = replay(c, &s, false, &a);
	if (rc || !a.run.n_ops)
		goto out;
	check_verdict(c, a.run.verdict);
	check_tell(c, each_ends_well(c, &a.run), "takes CPUs of %d down, up, down and up", cpus);
	if (c->dead || strcmp(a.run.verdict, "ok"))
		goto out;
	check_tell(c, all_work_done(c, &a.run), "all work of ways down and up is done, once (%d CPUs)", cpus);
	check_tell(c, as_before(c, &a.run), "down and up again all is as before (%d CPUs)", cpus);
	rc = replay(c, &s, cpus <= MOST_CHECKED, &b);
	if (rc)
		goto out;
	snprintf(size, sizeof(size), "down and up, %d CPUs", cpus);
	check_again(c, &a.run, &b.run, cpus <= MOST_CHECKED, size);
out:
	bu_replay_result_fini(&a);
	bu_replay_result_fini(&b);
	bu_hp_schedule_fini(&s);
	return rc;
}
