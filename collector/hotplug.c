// SPDX-License-Identifier: GPL-2.0-only
/* hotplug.c - see hotplug.h. */
#include "collector/hotplug.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "schemas/base/ns.h"
#include "schemas/store/capture_db.h"

const struct bu_load_table bu_hotplug_tables[] = {
	[BU_HOTPLUG_STEP] = { "step", "inniiiissiiinns", "step_by_op", 2, true },
	[BU_HOTPLUG_OP] = { .name = "hotplug_op", .types = "iisiiinns" },
};

/* ---- rows ---------------------------------------------------------------------------------------------------------- */

static int by_nr(const void *pa, const void *pb)
{
	const struct bu_machine_state *a = pa, *b = pb;

	return (a->nr > b->nr) - (a->nr < b->nr);
}

static const char *state_of(const struct bu_hotplug *h, int64_t nr)
{
	const struct bu_machine_state key = { nr, NULL }, *s = NULL;

	if (h->n_states)
		s = bsearch(&key, h->states, h->n_states, sizeof(key), by_nr);
	return s ? s->name : NULL;
}

static const char *verdict_of(const struct bu_hp_step *s)
{
	if (s->exit_id == BU_NS_UNKNOWN)
		return s->lost ? "lost" : "open";
	return s->ret != BU_NS_UNKNOWN && s->ret < 0 ? "failed" : "ok";
}

static int write_step(const struct bu_hotplug *h, struct bu_load *load, size_t first, const struct bu_hp_step *s, struct bu_err *err)
{
	union bu_cell *c = bu_load_row(load, first + BU_HOTPLUG_STEP);

	c[0].i = s->id;
	c[1].i = s->exit_id;
	c[2].i = s->op < 0 ? BU_NS_UNKNOWN : s->op + 1;
	c[3].i = s->cpu;
	c[4].i = s->target_cpu;
	c[5].i = s->task;
	c[6].i = s->nr;
	c[7].text = s->name;
	c[8].text = state_of(h, s->nr);
	c[9].i = s->multi;
	c[10].i = s->target;
	c[11].i = s->start_ns;
	c[12].i = s->end_ns;
	c[13].i = s->ret;
	c[14].text = verdict_of(s);
	return bu_load_push(load, first + BU_HOTPLUG_STEP, err);
}

static int write_op(struct bu_load *load, size_t first, int64_t id, const struct bu_hp_op *op, struct bu_err *err)
{
	static const char *const directions[] = { "up", "down", "rollback" };
	static const char *const verdicts[] = { "ok", "failed", "open" };
	union bu_cell *c = bu_load_row(load, first + BU_HOTPLUG_OP);

	c[0].i = id;
	c[1].i = op->cpu;
	c[2].text = directions[op->direction];
	c[3].i = op->nth;
	c[4].i = op->control_cpu;
	c[5].i = op->start_ns;
	c[6].i = op->end_ns;
	c[7].i = op->ret;
	c[8].text = verdicts[op->verdict];
	return bu_load_push(load, first + BU_HOTPLUG_OP, err);
}

static int write_ops(const struct bu_hotplug *h, struct bu_load *load, size_t first, struct bu_err *err)
{
	size_t i;
	int rc = 0;

	for (i = 0; !rc && i < h->ops.n; i++)
		rc = write_op(load, first, (int64_t)i + 1, &h->ops.ops[i], err);
	return rc;
}

int bu_hotplug_write(const struct bu_hotplug *h, struct bu_db *db, struct bu_err *err)
{
	struct bu_load *load = NULL;
	size_t i;
	int rc;

	rc = bu_load_begin(db, bu_hotplug_tables, BU_HOTPLUG_TABLES, &load, err);
	for (i = 0; !rc && i < h->kept.n; i++)
		rc = write_step(h, load, 0, bu_blocks_at(&h->kept, i, sizeof(struct bu_hp_step)), err);
	if (!rc)
		rc = write_ops(h, load, 0, err);
	if (!rc)
		rc = bu_load_end(load, err);
	bu_load_destroy(load);
	return rc;
}

/* ---- events -------------------------------------------------------------------------------------------------------- */

static int add_callback(struct bu_hotplug *h, uint32_t symbol, const char *name)
{
	char *base = bu_arena_alloc(&h->texts, bu_symbol_base(name) + 1);

	while (base && h->n_callbacks <= symbol) {
		if (bu_grow(&h->callbacks, h->n_callbacks, &h->cap_callbacks, sizeof(*h->callbacks)))
			return -ENOMEM;
		h->callbacks[h->n_callbacks++] = (struct bu_hotplug_callback){ NULL, bu_clock_step_kind(NULL) };
	}
	if (!base)
		return -ENOMEM;
	memcpy(base, name, bu_symbol_base(name));
	h->callbacks[symbol] = (struct bu_hotplug_callback){ base, bu_clock_step_kind(base) };
	return 0;
}

static int put_step(struct bu_hotplug *h, struct bu_hp_step *s, struct bu_err *err)
{
	struct bu_hp_step *copy;

	if (bu_hp_ops_add(&h->ops, s))
		return bu_fail_errno(err, -ENOMEM, "hotplug operations");
	if (h->load)
		return write_step(h, h->load, h->load_first, s, err);
	copy = bu_blocks_add(&h->kept, sizeof(*copy));
	if (!copy)
		return bu_fail_errno(err, -ENOMEM, "hotplug steps");
	*copy = *s;
	return 0;
}

static int put_steps(struct bu_hotplug *h, bool all, struct bu_err *err)
{
	struct bu_hp_step *s;
	int rc = 0;

	while (!rc && (s = bu_hp_steps_take(&h->steps, all)) != NULL)
		rc = put_step(h, s, err);
	return rc;
}

static int add_hotplug(struct bu_hotplug *h, const struct bu_event *ev, const struct bu_dict *symbols, struct bu_err *err)
{
	const uint32_t func = ev->cpuhp.func;
	const struct bu_hp_step *s = NULL;
	const char *name = NULL;
	int rc = 0;

	if (func && func <= symbols->n) {
		if (func >= h->n_callbacks || !h->callbacks[func].name)
			rc = add_callback(h, func, symbols->entries[func - 1].text);
		name = rc ? NULL : h->callbacks[func].name;
	}
	if (!rc)
		rc = bu_hp_steps_add(&h->steps, ev, name, &s);
	if (!rc)
		rc = bu_clock_mark_step(&h->marks, ev, s ? h->callbacks[s->func].kind : bu_clock_step_kind(NULL));
	return rc ? bu_fail_errno(err, rc, "hotplug events") : put_steps(h, false, err);
}

int bu_hotplug_add(struct bu_hotplug *h, const struct bu_event *ev, const struct bu_dict *symbols, struct bu_err *err)
{
	if (ev->table == BU_EV_CPUHP)
		return add_hotplug(h, ev, symbols, err);
	if (ev->table == BU_EV_FUNC && bu_clock_mark_call(&h->marks, ev, symbols))
		return bu_fail_errno(err, -ENOMEM, "calls");
	return 0;
}

int bu_hotplug_end(struct bu_hotplug *h, struct bu_err *err)
{
	int rc = put_steps(h, true, err);

	bu_hp_ops_end(&h->ops);
	return rc || !h->load ? rc : write_ops(h, h->load, h->load_first, err);
}

static void forget(struct bu_hotplug *h)
{
	bu_hp_steps_fini(&h->steps);
	bu_hp_ops_fini(&h->ops);
	bu_blocks_fini(&h->kept);
	bu_clock_marks_fini(&h->marks);
	bu_arena_fini(&h->texts);
	free(h->callbacks);
}

/* As the capture has them: numbered from 1, each once. */
static int read_symbols(struct bu_db *db, struct bu_dict *symbols, struct bu_err *err)
{
	_cleanup_(bu_stmt_closep) struct bu_stmt *st = NULL;
	int rc;

	rc = bu_stmt_prepare(db, "SELECT id, name FROM symbol ORDER BY id", &st, err);
	while (!rc && (rc = bu_stmt_step(st, err)) == 1)
		rc = bu_dict_id(symbols, bu_stmt_text(st, 1), 0) == bu_stmt_i64(st, 0) ? 0 : bu_fail_errno(err, -ENOMEM, "symbols");
	return rc;
}

static void to_event(struct bu_stmt *st, struct bu_event *ev)
{
	const int64_t kind = bu_stmt_i64(st, 0);

	*ev = (struct bu_event){
		.table = kind < 0 ? BU_EV_FUNC : BU_EV_CPUHP, .id = bu_stmt_i64(st, 1), .ts_ns = bu_stmt_i64(st, 2),
		.cpu = (int32_t)bu_stmt_i64(st, 3), .task = (uint32_t)bu_stmt_i64(st, 4), .buf = (uint32_t)bu_stmt_i64(st, 5),
	};
	if (kind < 0) {
		ev->func.func = (uint32_t)bu_stmt_i64(st, 6);
		return;
	}
	ev->cpuhp.kind = (enum bu_cpuhp_kind)kind;
	ev->cpuhp.func = (uint32_t)bu_stmt_i64(st, 6);
	ev->cpuhp.target_cpu = bu_stmt_i64(st, 7);
	ev->cpuhp.step = bu_stmt_i64(st, 8);
	ev->cpuhp.target = bu_stmt_ns(st, 9);
	ev->cpuhp.ret = bu_stmt_ns(st, 10);
}

static int read_events(struct bu_hotplug *h, struct bu_db *db, const struct bu_dict *symbols, struct bu_err *err)
{
	_cleanup_(bu_stmt_closep) struct bu_stmt *st = NULL;
	_cleanup_free_ char *calls = bu_clock_call_names();
	struct bu_event ev;
	int rc;

	if (!calls)
		return bu_fail_errno(err, -ENOMEM, "calls");
	rc = bu_stmt_prepare(db, "SELECT CASE kind WHEN 'enter' THEN 0 WHEN 'multi' THEN 1 ELSE 2 END, id, ts_ns, cpu, task, buf, "
			     "func, target_cpu, step, target, ret FROM ev_cpuhp UNION ALL SELECT -1, id, ts_ns, cpu, task, buf, func, "
			     "NULL, NULL, NULL, NULL FROM ev_func WHERE func IN (SELECT id FROM symbol WHERE instr(?, ',' || base || ',')) "
			     "ORDER BY 2", &st, err);
	if (!rc)
		bu_stmt_bind_text(st, 1, calls);
	while (!rc && (rc = bu_stmt_step(st, err)) == 1) {
		to_event(st, &ev);
		rc = bu_hotplug_add(h, &ev, symbols, err);
	}
	return rc ? rc : bu_hotplug_end(h, err);
}

int bu_hotplug_read(struct bu_hotplug *h, struct bu_db *db, struct bu_err *err)
{
	const struct bu_hotplug empty = {
		.states = h->states, .n_states = h->n_states,
		.ops = { .first_ids = h->ops.first_ids, .n_first_ids = h->ops.n_first_ids },
	};
	struct bu_dict symbols = { .n = 0 };
	int rc;

	forget(h);
	*h = empty;
	rc = read_symbols(db, &symbols, err);
	if (!rc)
		rc = read_events(h, db, &symbols, err);
	bu_dict_fini(&symbols);
	return rc;
}

void bu_hotplug_fini(struct bu_hotplug *h)
{
	forget(h);
	*h = (struct bu_hotplug){ .n_states = 0 };
}
