// SPDX-License-Identifier: GPL-2.0-only
/* hotplug_ops.c - see hotplug_ops.h. */
#include "collector/hotplug_ops.h"

#include <errno.h>
#include <stdbool.h>
#include <string.h>

#include "schemas/base/mem.h"
#include "schemas/base/ns.h"

#define MAX_CPUS 65536

enum cpu_state { NOT_SEEN, OFFLINE, COMING_UP, ONLINE, GOING_DOWN, ROLLING_DOWN, ROLLING_UP };

struct bu_hp_cpu {
	enum cpu_state state;
	int64_t op;		/* the operation under way or the last one; -1: none yet */
	int64_t up_exit;	/* COMING_UP: id of the exit that ends it; BU_NS_UNKNOWN: not known yet */
	bool up_last;		/* COMING_UP: the step that ends it has begun */
	bool down_done;		/* GOING_DOWN: takedown_cpu returned 0 */
	int64_t last_nr;
	int64_t nth[3];
};

static bool ends_bringup(const struct bu_hp_step *s)
{
	return !strcmp(s->name, "bringup_cpu") || !strcmp(s->name, "cpuhp_bringup_ap");
}

/*
 * Is this the first step of taking a CPU down? In 6.1 the boot CPU's target stays 0 for ever (boot_cpu_hotplug_init()
 * of 6.12 sets it), so that every callback installed there looks as if the CPU went down: the direction alone says
 * nothing. _cpu_down() runs on another CPU and begins with a bracket around the CPU's own part.
 */
static bool begins_down(const struct bu_hp_step *s)
{
	if (s->target >= s->nr)
		return false;
	return !strcmp(s->name, "cpuhp_kick_ap_work") || !strcmp(s->name, "takedown_cpu") ||
	       (!strncmp(s->name, "0x", 2) && s->cpu != s->target_cpu);	/* nobody knows its name */
}

static struct bu_hp_cpu *cpu_of(struct bu_hp_ops *t, int32_t cpu)
{
	while (t->n_cpus <= (size_t)cpu) {
		if (bu_grow(&t->cpus, t->n_cpus, &t->cap_cpus, sizeof(*t->cpus)))
			return NULL;
		t->cpus[t->n_cpus++] = (struct bu_hp_cpu){ .op = -1, .up_exit = BU_NS_UNKNOWN };
	}
	return &t->cpus[cpu];
}

static int open_op(struct bu_hp_ops *t, struct bu_hp_cpu *c, const struct bu_hp_step *s, enum bu_hp_direction direction)
{
	if (bu_grow(&t->ops, t->n, &t->cap, sizeof(*t->ops)))
		return -ENOMEM;
	t->ops[t->n] = (struct bu_hp_op){
		.cpu = (int32_t)s->target_cpu, .control_cpu = s->cpu, .direction = direction, .nth = ++c->nth[direction],
		.start_ns = s->start_ns, .end_ns = BU_NS_UNKNOWN, .ret = BU_NS_UNKNOWN, .verdict = BU_HP_OPEN,
	};
	c->op = (int64_t)t->n++;
	c->up_exit = BU_NS_UNKNOWN;
	c->up_last = c->down_done = false;
	return 0;
}

/* The CPU's state before the first step that the trace has of it. */
static enum cpu_state first_state(const struct bu_hp_ops *t, const struct bu_hp_step *s)
{
	bool at_work = (size_t)s->target_cpu < t->n_first_ids && t->first_ids[s->target_cpu] != BU_NS_UNKNOWN &&
		       t->first_ids[s->target_cpu] < s->id;

	return s->cpu == s->target_cpu || s->target < s->nr || at_work ? ONLINE : OFFLINE;
}

/* An operation whose end lies before step @s is over: which state did it leave the CPU in? */
static void settle(struct bu_hp_ops *t, struct bu_hp_cpu *c, const struct bu_hp_step *s)
{
	struct bu_hp_op *op = c->op < 0 ? NULL : &t->ops[c->op];

	if (c->state == COMING_UP && c->up_last && c->up_exit != BU_NS_UNKNOWN && s->id > c->up_exit)
		c->state = op->verdict == BU_HP_OK ? ONLINE : s->target >= s->nr ? OFFLINE : ROLLING_DOWN;
	else if (c->state == GOING_DOWN && s->target >= s->nr)
		c->state = c->down_done ? OFFLINE : op->verdict == BU_HP_FAILED ? ROLLING_UP : ONLINE;
	else if (c->state == ROLLING_DOWN && s->target >= s->nr)
		c->state = OFFLINE;
	else if (c->state == ROLLING_UP && op->direction == BU_HP_ROLLBACK &&
		 (s->target < s->nr || s->nr < c->last_nr))
		c->state = ONLINE;
}

/* What step @s, which belongs to its CPU's operation, says about how that ends. */
static void account(struct bu_hp_ops *t, struct bu_hp_cpu *c, const struct bu_hp_step *s)
{
	struct bu_hp_op *op = &t->ops[c->op];
	bool failed = s->ret != BU_NS_UNKNOWN && s->ret < 0;

	c->last_nr = s->nr;
	if (op->direction == BU_HP_UP) {
		if (ends_bringup(s)) {
			c->up_last = true;
			c->up_exit = s->exit_id;
			op->ret = s->ret;
			op->end_ns = s->end_ns;
			op->verdict = s->ret == BU_NS_UNKNOWN ? BU_HP_OPEN : failed ? BU_HP_FAILED : BU_HP_OK;
		} else if (failed && !c->up_last) {
			op->ret = s->ret;
			op->end_ns = s->end_ns;
			op->verdict = BU_HP_FAILED;
		}
		return;
	}
	if (s->end_ns != BU_NS_UNKNOWN && (op->end_ns == BU_NS_UNKNOWN || s->end_ns > op->end_ns)) {
		op->end_ns = s->end_ns;
		op->ret = s->ret;
	}
	if (op->direction == BU_HP_ROLLBACK) {
		op->verdict = s->end_ns == BU_NS_UNKNOWN ? BU_HP_OPEN : BU_HP_OK;
	} else if (failed) {
		op->verdict = BU_HP_FAILED;
	} else if (!strcmp(s->name, "takedown_cpu") && s->ret == 0) {
		c->down_done = true;
		op->verdict = BU_HP_OK;
	}
}

int bu_hp_ops_add(struct bu_hp_ops *t, struct bu_hp_step *s)
{
	bool upward = s->target >= s->nr;
	struct bu_hp_cpu *c;
	int rc = 0;

	s->op = -1;
	if (s->target_cpu < 0 || s->target_cpu >= MAX_CPUS)	/* no kernel wrote that */
		return 0;
	c = cpu_of(t, (int32_t)s->target_cpu);
	if (!c)
		return -ENOMEM;
	if (c->state == NOT_SEEN)
		c->state = first_state(t, s);
	settle(t, c, s);
	switch (c->state) {
	case OFFLINE:
		if (!upward)
			return 0;
		rc = open_op(t, c, s, BU_HP_UP);
		c->state = COMING_UP;
		break;
	case ONLINE:
		if (!begins_down(s))
			return 0;
		rc = open_op(t, c, s, BU_HP_DOWN);
		c->state = GOING_DOWN;
		break;
	case COMING_UP:
		if (upward)
			break;
		/* Steps back while the bring-up step still runs: its verdict comes from its own return. */
		if (!c->up_last)
			t->ops[c->op].verdict = BU_HP_FAILED;
		rc = open_op(t, c, s, BU_HP_ROLLBACK);
		c->state = ROLLING_DOWN;
		break;
	case ROLLING_DOWN:
	case ROLLING_UP:
		if (t->ops[c->op].direction != BU_HP_ROLLBACK)
			rc = open_op(t, c, s, BU_HP_ROLLBACK);
		break;
	default:
		break;
	}
	if (rc)
		return rc;
	s->op = c->op;
	account(t, c, s);
	return 0;
}

void bu_hp_ops_end(struct bu_hp_ops *t)
{
	size_t i;

	for (i = 0; i < t->n; i++)
		if (t->ops[i].verdict == BU_HP_OPEN)
			t->ops[i].end_ns = t->ops[i].ret = BU_NS_UNKNOWN;
}

void bu_hp_ops_fini(struct bu_hp_ops *t)
{
	free(t->ops);
	free(t->cpus);
	*t = (struct bu_hp_ops){ .n = 0 };
}
