// SPDX-License-Identifier: GPL-2.0-only
/* hotplug_ops.c - see hotplug_ops.h. */
#include "collector/hotplug_ops.h"

#include <errno.h>
#include <stdbool.h>
#include <string.h>

#include "schemas/base/hash.h"
#include "schemas/base/mem.h"
#include "schemas/base/ns.h"
#include "schemas/model/dict.h"
#include "schemas/store/feed.h"

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

/* The step of each (buffer, CPU, number) that began last, by open addressing, at most half full. */
struct latest {
	int64_t buf, target_cpu, nr;
	size_t step;		/* its number among the steps, from 1; 0: it has ended */
	bool used;
};

struct reader {
	struct bu_dict names;	/* of steps and of states */
	struct bu_hp_step *steps;
	size_t n, cap;
	struct latest *slots;
	size_t n_slots, n_used;
};

static struct latest *slot_of(struct latest *slots, size_t n, int64_t buf, int64_t target_cpu, int64_t nr)
{
	uint64_t h = bu_hash_mix(bu_hash_u64(bu_hash_u64((uint64_t)buf, (uint64_t)target_cpu), (uint64_t)nr));
	struct latest *l;

	for (;; h++) {
		l = &slots[h & (n - 1)];
		if (!l->used || (l->buf == buf && l->target_cpu == target_cpu && l->nr == nr))
			return l;
	}
}

static int grow_slots(struct reader *r)
{
	size_t n = r->n_slots ? 2 * r->n_slots : 1024, i;
	struct latest *slots = calloc(n, sizeof(*slots)), *l;

	if (!slots)
		return -ENOMEM;
	for (i = 0; i < r->n_slots; i++) {
		l = &r->slots[i];
		if (l->used)
			*slot_of(slots, n, l->buf, l->target_cpu, l->nr) = *l;
	}
	free(r->slots);
	r->slots = slots;
	r->n_slots = n;
	return 0;
}

static const char *name_of(struct reader *r, const char *text)
{
	uint32_t id = bu_dict_id(&r->names, text, 0);

	return id ? r->names.entries[id - 1].text : NULL;
}

/* An event of what the slot's step was last seen in: its end, or, when it is no exit, the loss of that. */
static void end_step(struct reader *r, struct latest *l, struct bu_stmt *st, bool is_exit)
{
	struct bu_hp_step *s = &r->steps[l->step - 1];

	l->step = 0;
	s->lost = !is_exit;
	if (!is_exit)
		return;
	s->exit_id = bu_stmt_i64(st, 0);
	s->end_ns = bu_stmt_i64(st, 1);
	s->ret = bu_stmt_ns(st, 9);
}

static int begin_step(struct reader *r, struct latest *l, struct bu_stmt *st, bool multi)
{
	struct bu_hp_step s = {
		.id = bu_stmt_i64(st, 0), .exit_id = BU_NS_UNKNOWN, .cpu = bu_stmt_i64(st, 2),
		.task = bu_stmt_i64(st, 3), .multi = multi, .target_cpu = l->target_cpu, .nr = l->nr,
		.target = bu_stmt_i64(st, 8), .name = name_of(r, bu_stmt_text(st, 10)), .start_ns = bu_stmt_i64(st, 1),
		.end_ns = BU_NS_UNKNOWN, .ret = BU_NS_UNKNOWN, .op = -1,
	};

	if (!bu_stmt_is_null(st, 11)) {
		s.state_name = name_of(r, bu_stmt_text(st, 11));
		if (!s.state_name)
			return -ENOMEM;
	}
	if (!s.name || bu_grow(&r->steps, r->n, &r->cap, sizeof(*r->steps)))
		return -ENOMEM;
	r->steps[r->n++] = s;
	l->step = r->n;
	return 0;
}

/*
 * An exit belongs to the latest enter of the same step for the same CPU (the step number alone is ambiguous: number 91
 * of 6.1 is bringup_cpu going up and finish_cpu coming down, but they never overlap).
 */
static int read_event(struct reader *r, struct bu_stmt *st)
{
	const char *kind = bu_stmt_text(st, 5);
	bool is_exit = kind && !strcmp(kind, "exit");
	struct latest *l;

	if (2 * (r->n_used + 1) > r->n_slots && grow_slots(r))
		return -ENOMEM;
	l = slot_of(r->slots, r->n_slots, bu_stmt_i64(st, 4), bu_stmt_i64(st, 6), bu_stmt_i64(st, 7));
	if (!l->used) {
		*l = (struct latest){ bu_stmt_i64(st, 4), bu_stmt_i64(st, 6), bu_stmt_i64(st, 7), 0, true };
		r->n_used++;
	}
	if (l->step)
		end_step(r, l, st, is_exit);
	if (is_exit || bu_stmt_is_null(st, 10))
		return 0;
	return begin_step(r, l, st, kind && !strcmp(kind, "multi"));
}

static int read_steps(struct bu_db *db, struct reader *r, struct bu_err *err)
{
	_cleanup_(bu_stmt_closep) struct bu_stmt *st = NULL;
	int rc;

	rc = bu_stmt_prepare(db, "SELECT e.id, e.ts_ns, e.cpu, e.task, e.buf, e.kind, e.target_cpu, e.step, e.target, e.ret, "
			     "y.base, h.name FROM ev_cpuhp e LEFT JOIN symbol y ON y.id = e.func "
			     "LEFT JOIN hotplug_state h ON h.nr = e.step ORDER BY e.id", &st, err);
	while (!rc && (rc = bu_stmt_step(st, err)) == 1) {
		rc = read_event(r, st);
		if (rc)
			bu_fail_errno(err, rc, "hotplug steps");
	}
	return rc;
}

static const char *verdict_of(const struct bu_hp_step *s)
{
	if (s->exit_id == BU_NS_UNKNOWN)
		return s->lost ? "lost" : "open";
	return s->ret != BU_NS_UNKNOWN && s->ret < 0 ? "failed" : "ok";
}

static int write_steps(struct bu_db *db, const struct reader *r, struct bu_err *err)
{
	struct bu_feed *feed = NULL;
	union bu_cell *c;
	size_t i;
	int rc;

	rc = bu_feed_create(db, "step", "id, exit_id, op, cpu, target_cpu, task, nr, name, state_name, multi, target, start_ns, "
			    "end_ns, ret, verdict", "inniiiissiiinns", &feed, err);
	for (i = 0; !rc && i < r->n; i++) {
		const struct bu_hp_step *s = &r->steps[i];

		c = bu_feed_row(feed);
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
		rc = bu_feed_push(feed, err);
	}
	if (!rc)
		rc = bu_feed_flush(feed, err);
	bu_feed_destroy(feed);
	return rc;
}

static int write_ops(struct bu_db *db, const struct bu_hp_op *ops, size_t n, struct bu_err *err)
{
	static const char *const directions[] = { "up", "down", "rollback" };
	static const char *const verdicts[] = { "ok", "failed", "open" };
	struct bu_feed *feed = NULL;
	union bu_cell *c;
	size_t i;
	int rc;

	rc = bu_feed_create(db, "hotplug_op", "id, cpu, direction, nth, control_cpu, start_ns, end_ns, ret, verdict", "iisiiinns",
			    &feed, err);
	for (i = 0; !rc && i < n; i++) {
		c = bu_feed_row(feed);
		c[0].i = (int64_t)i + 1;
		c[1].i = ops[i].cpu;
		c[2].text = directions[ops[i].direction];
		c[3].i = ops[i].nth;
		c[4].i = ops[i].control_cpu;
		c[5].i = ops[i].start_ns;
		c[6].i = ops[i].end_ns;
		c[7].i = ops[i].ret;
		c[8].text = verdicts[ops[i].verdict];
		rc = bu_feed_push(feed, err);
	}
	if (!rc)
		rc = bu_feed_flush(feed, err);
	bu_feed_destroy(feed);
	return rc;
}

int bu_hotplug_ops(struct bu_db *db, const int64_t *first_ids, size_t n_cpus, struct bu_err *err)
{
	_cleanup_free_ struct bu_hp_op *ops = NULL;
	struct reader r = { .n = 0 };
	size_t n_ops = 0;
	int rc;

	rc = read_steps(db, &r, err);
	if (!rc) {
		rc = bu_hp_assign(r.steps, r.n, first_ids, n_cpus, &ops, &n_ops);
		if (rc)
			bu_fail_errno(err, rc, "hotplug operations");
	}
	if (!rc)
		rc = write_ops(db, ops, n_ops, err);
	if (!rc)
		rc = write_steps(db, &r, err);
	bu_dict_fini(&r.names);
	free(r.slots);
	free(r.steps);
	return rc;
}
