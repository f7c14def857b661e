// SPDX-License-Identifier: GPL-2.0-only
/*
 * cpuhp_events.c - see cpuhp_events.h. Steps that have begun and not ended are kept by open addressing with linear probing,
 * at most half full, and taken out when they end (Knuth, TAOCP vol. 3, 6.4, algorithms L and R): few are open at a time, so
 * however many CPUs there are, the table stays in the cache.
 */
#include "collector/cpuhp_events.h"

#include <errno.h>

#include "schemas/base/hash.h"
#include "schemas/base/mem.h"
#include "schemas/base/ns.h"

struct open_step {
	int64_t buf, target_cpu, nr;
	size_t step;		/* its number; 0: the slot is free */
	const char *name;
};

struct bu_cpuhp_reader {
	struct bu_stmt *st;
	struct bu_arena texts;
	const char **names;	/* by symbol.id */
	size_t n_names, cap_names;
	struct open_step *slots;
	size_t n_slots, n_open;
	size_t n_steps;		/* that have begun so far */
};

static size_t home_of(const struct bu_cpuhp_reader *r, const struct open_step *s)
{
	uint64_t h = bu_hash_u64(bu_hash_u64((uint64_t)s->buf, (uint64_t)s->target_cpu), (uint64_t)s->nr);

	return bu_hash_mix(h) & (r->n_slots - 1);
}

/* Where the step with the key of @s stands, or a free slot for it. */
static struct open_step *slot_of(const struct bu_cpuhp_reader *r, const struct open_step *s)
{
	struct open_step *o;
	size_t i;

	for (i = home_of(r, s); ; i = (i + 1) & (r->n_slots - 1)) {
		o = &r->slots[i];
		if (!o->step || (o->buf == s->buf && o->target_cpu == s->target_cpu && o->nr == s->nr))
			return o;
	}
}

static int grow_slots(struct bu_cpuhp_reader *r)
{
	struct open_step *old = r->slots;
	size_t n_old = r->n_slots, i;

	r->n_slots = n_old ? 2 * n_old : 64;
	r->slots = calloc(r->n_slots, sizeof(*r->slots));
	if (!r->slots) {
		r->slots = old;
		r->n_slots = n_old;
		return -ENOMEM;
	}
	for (i = 0; i < n_old; i++)
		if (old[i].step)
			*slot_of(r, &old[i]) = old[i];
	free(old);
	return 0;
}

/* Frees a slot; what stands behind it moves up where a search would otherwise stop short of it. */
static void take_out(struct bu_cpuhp_reader *r, struct open_step *s)
{
	const size_t mask = r->n_slots - 1;
	size_t hole = (size_t)(s - r->slots), i;

	for (i = (hole + 1) & mask; r->slots[i].step; i = (i + 1) & mask)
		if (((i - home_of(r, &r->slots[i])) & mask) >= ((i - hole) & mask)) {
			r->slots[hole] = r->slots[i];
			hole = i;
		}
	r->slots[hole].step = 0;
	r->n_open--;
}

static int read_names(struct bu_db *db, struct bu_cpuhp_reader *r, struct bu_err *err)
{
	_cleanup_(bu_stmt_closep) struct bu_stmt *st = NULL;
	char *name;
	int rc;

	rc = bu_stmt_prepare(db, "SELECT id, base FROM symbol ORDER BY id", &st, err);
	while (!rc && (rc = bu_stmt_step(st, err)) == 1) {
		name = bu_arena_strdup(&r->texts, bu_stmt_text(st, 1));
		rc = name ? 0 : -ENOMEM;
		while (!rc && r->n_names <= (size_t)bu_stmt_i64(st, 0)) {
			rc = bu_grow(&r->names, r->n_names, &r->cap_names, sizeof(*r->names));
			if (!rc)
				r->names[r->n_names++] = NULL;
		}
		if (rc)
			return bu_fail_errno(err, rc, "symbols");
		r->names[r->n_names - 1] = name;
	}
	return rc;
}

int bu_cpuhp_open(struct bu_db *db, struct bu_cpuhp_reader **ret, struct bu_err *err)
{
	_cleanup_(bu_cpuhp_closep) struct bu_cpuhp_reader *r = calloc(1, sizeof(*r));
	int rc;

	if (!r)
		return bu_fail_errno(err, -ENOMEM, "hotplug events");
	rc = read_names(db, r, err);
	if (!rc)
		rc = bu_stmt_prepare(db, "SELECT id, ts_ns, cpu, task, buf, target_cpu, step, target, ret, func, kind = 'exit', "
				     "kind = 'multi' FROM ev_cpuhp ORDER BY id", &r->st, err);
	if (!rc)
		*ret = take_ptr(r);
	return rc;
}

void bu_cpuhp_close(struct bu_cpuhp_reader *r)
{
	if (!r)
		return;
	bu_stmt_close(r->st);
	bu_arena_fini(&r->texts);
	free(r->names);
	free(r->slots);
	free(r);
}

void bu_cpuhp_closep(struct bu_cpuhp_reader **r)
{
	bu_cpuhp_close(*r);
}

int bu_cpuhp_next(struct bu_cpuhp_reader *r, struct bu_cpuhp_event *ret, struct bu_err *err)
{
	int rc = bu_stmt_step(r->st, err);
	struct open_step key, *open;
	int64_t func;

	if (rc != 1) {
		bu_stmt_close(take_ptr(r->st));
		return rc;
	}
	*ret = (struct bu_cpuhp_event){
		.id = bu_stmt_i64(r->st, 0), .ts_ns = bu_stmt_i64(r->st, 1), .cpu = bu_stmt_i64(r->st, 2),
		.task = bu_stmt_i64(r->st, 3), .target_cpu = bu_stmt_i64(r->st, 5), .nr = bu_stmt_i64(r->st, 6),
		.target = bu_stmt_ns(r->st, 7), .ret = bu_stmt_ns(r->st, 8), .is_exit = bu_stmt_i64(r->st, 10),
		.multi = bu_stmt_i64(r->st, 11),
	};
	if (2 * (r->n_open + 1) > r->n_slots && grow_slots(r))
		return bu_fail_errno(err, -ENOMEM, "hotplug events");
	key = (struct open_step){ bu_stmt_i64(r->st, 4), ret->target_cpu, ret->nr, 0, NULL };
	open = slot_of(r, &key);
	if (open->step && ret->is_exit) {
		ret->step = open->step;
		ret->name = open->name;
	} else {
		ret->lost = open->step;
	}
	if (open->step)
		take_out(r, open);
	func = bu_stmt_ns(r->st, 9);
	if (ret->is_exit || func < 0 || (size_t)func >= r->n_names || !r->names[func])
		return 1;
	ret->name = r->names[func];
	ret->step = key.step = ++r->n_steps;
	key.name = ret->name;
	*slot_of(r, &key) = key;
	r->n_open++;
	return 1;
}
