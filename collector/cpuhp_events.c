// SPDX-License-Identifier: GPL-2.0-only
/*
 * cpuhp_events.c - see cpuhp_events.h. Steps that have begun and not ended are kept by open addressing with linear probing,
 * at most half full, and taken out when they end (Knuth, TAOCP vol. 3, 6.4, algorithms L and R): few are open at a time, so
 * however many CPUs there are, the table stays in the cache.
 */
#include "collector/cpuhp_events.h"

#include <errno.h>

#include "schemas/base/hash.h"
#include "schemas/base/ns.h"

struct open_steps {
	struct bu_cpuhp_event **slots;	/* their enters; NULL: the slot is free */
	size_t n_slots, n;
};

static size_t home_of(const struct open_steps *o, const struct bu_cpuhp_event *e)
{
	uint64_t h = bu_hash_u64(bu_hash_u64((uint64_t)e->buf, (uint64_t)e->target_cpu), (uint64_t)e->nr);

	return bu_hash_mix(h) & (o->n_slots - 1);
}

/* Where the enter of the step of @e stands, or a free slot for it. */
static struct bu_cpuhp_event **slot_of(const struct open_steps *o, const struct bu_cpuhp_event *e)
{
	struct bu_cpuhp_event **s;
	size_t i;

	for (i = home_of(o, e); ; i = (i + 1) & (o->n_slots - 1)) {
		s = &o->slots[i];
		if (!*s || ((*s)->buf == e->buf && (*s)->target_cpu == e->target_cpu && (*s)->nr == e->nr))
			return s;
	}
}

static int grow_slots(struct open_steps *o)
{
	struct bu_cpuhp_event **old = o->slots;
	size_t n_old = o->n_slots, i;

	o->n_slots = n_old ? 2 * n_old : 64;
	o->slots = calloc(o->n_slots, sizeof(struct bu_cpuhp_event *));
	if (!o->slots) {
		o->slots = old;
		o->n_slots = n_old;
		return -ENOMEM;
	}
	for (i = 0; i < n_old; i++)
		if (old[i])
			*slot_of(o, old[i]) = old[i];
	free(old);
	return 0;
}

/* Frees a slot; what stands behind it moves up where a search would otherwise stop short of it. */
static void take_out(struct open_steps *o, struct bu_cpuhp_event **s)
{
	const size_t mask = o->n_slots - 1;
	size_t hole = (size_t)(s - o->slots), i;

	for (i = (hole + 1) & mask; o->slots[i]; i = (i + 1) & mask)
		if (((i - home_of(o, o->slots[i])) & mask) >= ((i - hole) & mask)) {
			o->slots[hole] = o->slots[i];
			hole = i;
		}
	o->slots[hole] = NULL;
	o->n--;
}

static int pair(struct bu_cpuhp *c, struct open_steps *o, struct bu_cpuhp_event *e)
{
	struct bu_cpuhp_event **s;

	if (2 * (o->n + 1) > o->n_slots && grow_slots(o))
		return -ENOMEM;
	s = slot_of(o, e);
	if (*s && e->is_exit) {
		e->step = (*s)->step;
		e->func = (*s)->func;
	} else if (*s) {
		(*s)->lost = true;
	}
	if (*s)
		take_out(o, s);
	if (e->is_exit || e->func >= c->n_names || !c->names[e->func])
		return 0;
	e->step = (uint32_t)++c->n_steps;
	*slot_of(o, e) = e;
	o->n++;
	return 0;
}

static int read_names(struct bu_cpuhp *c, struct bu_db *db, struct bu_err *err)
{
	_cleanup_(bu_stmt_closep) struct bu_stmt *st = NULL;
	char *name;
	int rc;

	c->n_names = 0;
	rc = bu_stmt_prepare(db, "SELECT id, base FROM symbol ORDER BY id", &st, err);
	while (!rc && (rc = bu_stmt_step(st, err)) == 1) {
		name = bu_arena_strdup(&c->texts, bu_stmt_text(st, 1));
		rc = name ? 0 : -ENOMEM;
		while (!rc && c->n_names <= (size_t)bu_stmt_i64(st, 0)) {
			rc = bu_grow(&c->names, c->n_names, &c->cap_names, sizeof(*c->names));
			if (!rc)
				c->names[c->n_names++] = NULL;
		}
		if (rc)
			return bu_fail_errno(err, rc, "symbols");
		c->names[c->n_names - 1] = name;
	}
	return rc;
}

int bu_cpuhp_pair(struct bu_cpuhp *c, struct bu_db *db, struct bu_err *err)
{
	struct open_steps open = { .n = 0 };
	size_t i;
	int rc;

	rc = read_names(c, db, err);
	for (i = 0; !rc && i < c->n; i++)
		if (pair(c, &open, &c->events[i]))
			rc = bu_fail_errno(err, -ENOMEM, "hotplug events");
	free(open.slots);
	return rc;
}

int bu_cpuhp_add(struct bu_cpuhp *c, const struct bu_event *ev)
{
	const bool is_exit = ev->cpuhp.kind == BU_CPUHP_EXIT;

	if (bu_grow(&c->events, c->n, &c->cap, sizeof(*c->events)))
		return -ENOMEM;
	c->events[c->n++] = (struct bu_cpuhp_event){
		.id = ev->id, .ts_ns = ev->ts_ns, .target_cpu = ev->cpuhp.target_cpu, .nr = ev->cpuhp.step,
		.target = is_exit ? ev->cpuhp.ret : ev->cpuhp.target, .cpu = ev->cpu, .buf = ev->buf, .task = ev->task,
		.func = ev->cpuhp.func, .is_exit = is_exit, .multi = ev->cpuhp.kind == BU_CPUHP_MULTI,
	};
	return 0;
}

int bu_cpuhp_read(struct bu_cpuhp *c, struct bu_db *db, struct bu_err *err)
{
	_cleanup_(bu_stmt_closep) struct bu_stmt *st = NULL;
	int rc;

	c->n = c->n_steps = 0;
	rc = bu_stmt_prepare(db, "SELECT id, ts_ns, cpu, task, buf, target_cpu, step, iif(kind = 'exit', ret, target), func, "
			     "kind = 'exit', kind = 'multi' FROM ev_cpuhp ORDER BY id", &st, err);
	while (!rc && (rc = bu_stmt_step(st, err)) == 1) {
		rc = bu_grow(&c->events, c->n, &c->cap, sizeof(*c->events));
		if (rc)
			return bu_fail_errno(err, rc, "hotplug events");
		c->events[c->n++] = (struct bu_cpuhp_event){
			.id = bu_stmt_i64(st, 0), .ts_ns = bu_stmt_i64(st, 1), .cpu = (int32_t)bu_stmt_i64(st, 2),
			.task = (uint32_t)bu_stmt_i64(st, 3), .buf = (uint32_t)bu_stmt_i64(st, 4),
			.target_cpu = bu_stmt_i64(st, 5), .nr = bu_stmt_i64(st, 6), .target = bu_stmt_ns(st, 7),
			.func = (uint32_t)bu_stmt_i64(st, 8), .is_exit = bu_stmt_i64(st, 9), .multi = bu_stmt_i64(st, 10),
		};
	}
	return rc ? rc : bu_cpuhp_pair(c, db, err);
}

void bu_cpuhp_fini(struct bu_cpuhp *c)
{
	bu_arena_fini(&c->texts);
	free(c->names);
	free(c->events);
	*c = (struct bu_cpuhp){ .n = 0 };
}
