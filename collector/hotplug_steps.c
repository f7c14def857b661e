// SPDX-License-Identifier: GPL-2.0-only
/*
 * hotplug_steps.c - see hotplug_steps.h. Steps that have not ended are found by open addressing with linear probing, at most
 * half full, and taken out when they end (Knuth, TAOCP vol. 3, 6.4, algorithms L and R): few are open at a time, so however
 * many CPUs there are, the table stays in the cache.
 */
#include "collector/hotplug_steps.h"

#include <errno.h>
#include <stdlib.h>

#include "schemas/base/hash.h"
#include "schemas/base/ns.h"

static struct bu_hp_step *step_at(const struct bu_hp_steps *q, uint64_t number)
{
	return &q->ring[number & (q->cap - 1)];
}

static int grow_ring(struct bu_hp_steps *q)
{
	struct bu_hp_steps old = *q;
	uint64_t k;

	q->cap = old.cap ? 2 * old.cap : 64;
	q->ring = calloc(q->cap, sizeof(*q->ring));
	if (!q->ring) {
		*q = old;
		return -ENOMEM;
	}
	for (k = q->first; k < q->next; k++)
		*step_at(q, k) = *step_at(&old, k);
	free(old.ring);
	return 0;
}

/* ---- which are open ------------------------------------------------------------------------------------------------ */

static size_t home_of(const struct bu_hp_steps *q, uint32_t buf, int64_t target_cpu, int64_t nr)
{
	return bu_hash_mix(bu_hash_u64(bu_hash_u64(buf, (uint64_t)target_cpu), (uint64_t)nr)) & (q->n_slots - 1);
}

static size_t home_of_step(const struct bu_hp_steps *q, uint64_t number)
{
	const struct bu_hp_step *s = step_at(q, number);

	return home_of(q, s->buf, s->target_cpu, s->nr);
}

/* Where that step stands, or a free slot for it. */
static uint64_t *slot_of(const struct bu_hp_steps *q, uint32_t buf, int64_t target_cpu, int64_t nr)
{
	const struct bu_hp_step *s;
	size_t i;

	for (i = home_of(q, buf, target_cpu, nr); q->open[i]; i = (i + 1) & (q->n_slots - 1)) {
		s = step_at(q, q->open[i] - 1);
		if (s->buf == buf && s->target_cpu == target_cpu && s->nr == nr)
			break;
	}
	return &q->open[i];
}

static int grow_slots(struct bu_hp_steps *q)
{
	struct bu_hp_steps old = *q;
	const struct bu_hp_step *s;
	size_t i;

	q->n_slots = old.n_slots ? 2 * old.n_slots : 64;
	q->open = calloc(q->n_slots, sizeof(*q->open));
	if (!q->open) {
		*q = old;
		return -ENOMEM;
	}
	for (i = 0; i < old.n_slots; i++)
		if (old.open[i]) {
			s = step_at(q, old.open[i] - 1);
			*slot_of(q, s->buf, s->target_cpu, s->nr) = old.open[i];
		}
	free(old.open);
	return 0;
}

/* Frees a slot; what stands behind it moves up where a search would otherwise stop short of it. */
static void take_out(struct bu_hp_steps *q, uint64_t *slot)
{
	const size_t mask = q->n_slots - 1;
	size_t hole = (size_t)(slot - q->open), i;

	for (i = (hole + 1) & mask; q->open[i]; i = (i + 1) & mask)
		if (((i - home_of_step(q, q->open[i] - 1)) & mask) >= ((i - hole) & mask)) {
			q->open[hole] = q->open[i];
			hole = i;
		}
	q->open[hole] = 0;
	q->n_open--;
}

/* ---- the whole ----------------------------------------------------------------------------------------------------- */

static struct bu_hp_step *begin(struct bu_hp_steps *q, const struct bu_event *ev, const char *name)
{
	struct bu_hp_step *s = step_at(q, q->next);

	*s = (struct bu_hp_step){
		.id = ev->id, .exit_id = BU_NS_UNKNOWN, .target_cpu = ev->cpuhp.target_cpu, .nr = ev->cpuhp.step,
		.target = ev->cpuhp.target == BU_FIELD_UNKNOWN ? 0 : ev->cpuhp.target, .name = name, .start_ns = ev->ts_ns,
		.end_ns = BU_NS_UNKNOWN, .ret = BU_NS_UNKNOWN, .op = -1, .cpu = ev->cpu, .func = ev->cpuhp.func, .task = ev->task,
		.buf = ev->buf, .multi = ev->cpuhp.kind == BU_CPUHP_MULTI,
	};
	*slot_of(q, s->buf, s->target_cpu, s->nr) = ++q->next;
	q->n_open++;
	return s;
}

int bu_hp_steps_add(struct bu_hp_steps *q, const struct bu_event *ev, const char *name, const struct bu_hp_step **ret)
{
	const bool is_exit = ev->cpuhp.kind == BU_CPUHP_EXIT;
	struct bu_hp_step *s;
	uint64_t *slot;

	*ret = NULL;
	if (2 * (q->n_open + 1) > q->n_slots && grow_slots(q))
		return -ENOMEM;
	if (q->next - q->first == q->cap && grow_ring(q))
		return -ENOMEM;
	slot = slot_of(q, ev->buf, ev->cpuhp.target_cpu, ev->cpuhp.step);
	if (*slot) {
		s = step_at(q, *slot - 1);
		s->lost = !is_exit;
		if (is_exit) {
			s->exit_id = ev->id;
			s->end_ns = ev->ts_ns;
			s->ret = ev->cpuhp.ret;
			*ret = s;
		}
		take_out(q, slot);
	}
	if (!is_exit && name)
		*ret = begin(q, ev, name);
	return 0;
}

struct bu_hp_step *bu_hp_steps_take(struct bu_hp_steps *q, bool all)
{
	struct bu_hp_step *s;

	if (q->first == q->next)
		return NULL;
	s = step_at(q, q->first);
	if (!all && !s->lost && s->exit_id == BU_NS_UNKNOWN)
		return NULL;
	q->first++;
	return s;
}

void bu_hp_steps_fini(struct bu_hp_steps *q)
{
	free(q->ring);
	free(q->open);
	*q = (struct bu_hp_steps){ .first = 0 };
}
