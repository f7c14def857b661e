// SPDX-License-Identifier: GPL-2.0-only
/* hotplug_ops.c - see hotplug_ops.h. */
#include "collector/hotplug_ops.h"

#include <errno.h>
#include <stdbool.h>
#include <string.h>

#include "schemas/base/mem.h"
#include "schemas/base/ns.h"
#include "schemas/store/load.h"

#define MAX_CPUS 65536

enum cpu_state { NOT_SEEN, OFFLINE, COMING_UP, ONLINE, GOING_DOWN, ROLLING_DOWN, ROLLING_UP };

struct cpu {
	enum cpu_state state;
	int64_t op;		/* the operation under way or the last one; -1: none yet */
	int64_t up_exit;	/* COMING_UP: id of the exit that ends it; BU_NS_UNKNOWN: not known yet */
	bool up_last;		/* COMING_UP: the step that ends it has begun */
	bool down_done;		/* GOING_DOWN: takedown_cpu returned 0 */
	int64_t last_nr;
	int64_t nth[3];
};

struct table {
	struct bu_hp_op *ops;
	size_t n, cap;
	struct cpu *cpus;
	size_t n_cpus, cap_cpus;
	const int64_t *first_ids;
	size_t n_first_ids;
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

static struct cpu *cpu_of(struct table *t, int32_t cpu)
{
	while (t->n_cpus <= (size_t)cpu) {
		if (bu_grow(&t->cpus, t->n_cpus, &t->cap_cpus, sizeof(*t->cpus)))
			return NULL;
		t->cpus[t->n_cpus++] = (struct cpu){ .op = -1, .up_exit = BU_NS_UNKNOWN };
	}
	return &t->cpus[cpu];
}

static int open_op(struct table *t, struct cpu *c, const struct bu_hp_step *s, enum bu_hp_direction direction)
{
	if (bu_grow(&t->ops, t->n, &t->cap, sizeof(*t->ops)))
		return -ENOMEM;
	t->ops[t->n] = (struct bu_hp_op){
		.cpu = (int32_t)s->target_cpu, .control_cpu = (int32_t)s->cpu, .direction = direction, .nth = ++c->nth[direction],
		.start_ns = s->start_ns, .end_ns = BU_NS_UNKNOWN, .ret = BU_NS_UNKNOWN, .verdict = BU_HP_OPEN,
	};
	c->op = (int64_t)t->n++;
	c->up_exit = BU_NS_UNKNOWN;
	c->up_last = c->down_done = false;
	return 0;
}

/* The CPU's state before the first step that the trace has of it. */
static enum cpu_state first_state(const struct table *t, const struct bu_hp_step *s)
{
	bool at_work = (size_t)s->target_cpu < t->n_first_ids && t->first_ids[s->target_cpu] != BU_NS_UNKNOWN &&
		       t->first_ids[s->target_cpu] < s->id;

	return s->cpu == s->target_cpu || s->target < s->nr || at_work ? ONLINE : OFFLINE;
}

/* An operation whose end lies before step @s is over: which state did it leave the CPU in? */
static void settle(struct table *t, struct cpu *c, const struct bu_hp_step *s)
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
static void account(struct table *t, struct cpu *c, const struct bu_hp_step *s)
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

static int feed(struct table *t, struct bu_hp_step *s)
{
	bool upward = s->target >= s->nr;
	struct cpu *c;
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

int bu_hp_assign(struct bu_hp_step *steps, size_t n_steps, const int64_t *first_ids, size_t n_cpus,
		 struct bu_hp_op **ret_ops, size_t *ret_n_ops)
{
	struct table t = { .first_ids = first_ids, .n_first_ids = n_cpus };
	size_t i;
	int rc = 0;

	for (i = 0; !rc && i < n_steps; i++)
		rc = feed(&t, &steps[i]);
	/* What is left of an operation that the trace ends in has no end. */
	for (i = 0; i < t.n; i++)
		if (t.ops[i].verdict == BU_HP_OPEN)
			t.ops[i].end_ns = t.ops[i].ret = BU_NS_UNKNOWN;
	free(t.cpus);
	if (rc) {
		free(t.ops);
		return rc;
	}
	*ret_ops = t.ops;
	*ret_n_ops = t.n;
	return 0;
}

/* ---- database ---------------------------------------------------------------------------------------------- */

/* A row of hotplug_state. */
struct hp_state {
	int64_t nr;
	const char *name;
};

struct reader {
	struct bu_hp_step *steps;
	size_t n;
	struct hp_state *states;	/* by number */
	size_t n_states, cap_states;
	struct bu_arena texts;
};

static int read_states(struct bu_db *db, struct reader *r, struct bu_err *err)
{
	_cleanup_(bu_stmt_closep) struct bu_stmt *st = NULL;
	const char *name;
	int rc;

	rc = bu_stmt_prepare(db, "SELECT nr, name FROM hotplug_state ORDER BY nr", &st, err);
	while (!rc && (rc = bu_stmt_step(st, err)) == 1) {
		name = bu_arena_strdup(&r->texts, bu_stmt_text(st, 1));
		if (!name || bu_grow(&r->states, r->n_states, &r->cap_states, sizeof(*r->states)))
			return bu_fail_errno(err, -ENOMEM, "hotplug states");
		r->states[r->n_states++] = (struct hp_state){ bu_stmt_i64(st, 0), name };
		rc = 0;
	}
	return rc;
}

static int by_nr(const void *pa, const void *pb)
{
	const struct hp_state *a = pa, *b = pb;

	return (a->nr > b->nr) - (a->nr < b->nr);
}

static const char *state_of(const struct reader *r, int64_t nr)
{
	const struct hp_state key = { nr, NULL }, *s = NULL;

	if (r->n_states)
		s = bsearch(&key, r->states, r->n_states, sizeof(key), by_nr);
	return s ? s->name : NULL;
}

static void take_event(struct reader *r, const struct bu_cpuhp *c, const struct bu_cpuhp_event *e)
{
	struct bu_hp_step *s;

	if (!e->step)
		return;
	s = &r->steps[e->step - 1];
	if (e->is_exit) {
		s->exit_id = e->id;
		s->end_ns = e->ts_ns;
		s->ret = e->ret;
		return;
	}
	*s = (struct bu_hp_step){
		.id = e->id, .exit_id = BU_NS_UNKNOWN, .cpu = e->cpu, .task = e->task, .multi = e->multi, .lost = e->lost,
		.target_cpu = e->target_cpu, .nr = e->nr, .target = e->target == BU_NS_UNKNOWN ? 0 : e->target,
		.name = c->names[e->func], .state_name = state_of(r, e->nr), .start_ns = e->ts_ns, .end_ns = BU_NS_UNKNOWN,
		.ret = BU_NS_UNKNOWN, .op = -1,
	};
}

static int make_steps(struct reader *r, const struct bu_cpuhp *c, struct bu_err *err)
{
	size_t i;

	r->n = c->n_steps;
	r->steps = calloc(r->n + 1, sizeof(*r->steps));
	if (!r->steps)
		return bu_fail_errno(err, -ENOMEM, "hotplug steps");
	for (i = 0; i < c->n; i++)
		take_event(r, c, &c->events[i]);
	return 0;
}

static const char *verdict_of(const struct bu_hp_step *s)
{
	if (s->exit_id == BU_NS_UNKNOWN)
		return s->lost ? "lost" : "open";
	return s->ret != BU_NS_UNKNOWN && s->ret < 0 ? "failed" : "ok";
}

enum { STEP, HOTPLUG_OP };

static const struct bu_load_table tables[] = {
	[STEP] = { "step", "inniiiissiiinns", "step_by_op", 2, true },
	[HOTPLUG_OP] = { .name = "hotplug_op", .types = "iisiiinns" },
};

static int write_step(struct bu_load *load, const struct bu_hp_step *s, struct bu_err *err)
{
	union bu_cell *c = bu_load_row(load, STEP);

	c[0].i = s->id;
	c[1].i = s->exit_id;
	c[2].i = s->op < 0 ? BU_NS_UNKNOWN : s->op + 1;
	c[3].i = s->cpu;
	c[4].i = s->target_cpu;
	c[5].i = s->task;
	c[6].i = s->nr;
	c[7].text = s->name;
	c[8].text = s->state_name;
	c[9].i = s->multi;
	c[10].i = s->target;
	c[11].i = s->start_ns;
	c[12].i = s->end_ns;
	c[13].i = s->ret;
	c[14].text = verdict_of(s);
	return bu_load_push(load, STEP, err);
}

static int write_op(struct bu_load *load, int64_t id, const struct bu_hp_op *op, struct bu_err *err)
{
	static const char *const directions[] = { "up", "down", "rollback" };
	static const char *const verdicts[] = { "ok", "failed", "open" };
	union bu_cell *c = bu_load_row(load, HOTPLUG_OP);

	c[0].i = id;
	c[1].i = op->cpu;
	c[2].text = directions[op->direction];
	c[3].i = op->nth;
	c[4].i = op->control_cpu;
	c[5].i = op->start_ns;
	c[6].i = op->end_ns;
	c[7].i = op->ret;
	c[8].text = verdicts[op->verdict];
	return bu_load_push(load, HOTPLUG_OP, err);
}

static int write_rows(struct bu_db *db, const struct reader *r, const struct bu_hp_op *ops, size_t n_ops, struct bu_err *err)
{
	struct bu_load *load = NULL;
	size_t i;
	int rc;

	rc = bu_load_begin(db, tables, ARRAY_SIZE(tables), &load, err);
	for (i = 0; !rc && i < r->n; i++)
		rc = write_step(load, &r->steps[i], err);
	for (i = 0; !rc && i < n_ops; i++)
		rc = write_op(load, (int64_t)i + 1, &ops[i], err);
	if (!rc)
		rc = bu_load_end(load, err);
	bu_load_destroy(load);
	return rc;
}

int bu_hotplug_ops(struct bu_db *db, const struct bu_cpuhp *c, const int64_t *first_ids, size_t n_cpus, struct bu_err *err)
{
	_cleanup_free_ struct bu_hp_op *ops = NULL;
	struct reader r = { .n = 0 };
	size_t n_ops = 0;
	int rc;

	rc = read_states(db, &r, err);
	if (!rc)
		rc = make_steps(&r, c, err);
	if (!rc) {
		rc = bu_hp_assign(r.steps, r.n, first_ids, n_cpus, &ops, &n_ops);
		if (rc)
			bu_fail_errno(err, rc, "hotplug operations");
	}
	if (!rc)
		rc = write_rows(db, &r, ops, n_ops, err);
	bu_arena_fini(&r.texts);
	free(r.states);
	free(r.steps);
	return rc;
}
