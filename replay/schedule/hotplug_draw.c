// SPDX-License-Identifier: GPL-2.0-only
/*
 * hotplug_draw.c - schedules of other sizes, and of other boots that might have been: CPUs drawn from a recording.
 *
 * Draws are independent of one another: the recording of one boot is too small to say how durations hang together, so
 * sums over many CPUs come out narrower than in reality (docs/methods.md). Primary threads and siblings are drawn from
 * their own kind where the recording has both, because a sibling finds work done by its primary (microcode, caches).
 */
#include "replay/schedule/hotplug.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "schemas/base/hash.h"
#include "schemas/base/ns.h"

/* The CPUs that a draw may be taken from, by class: [0] siblings, [1] primaries. */
struct pool {
	size_t *of[2], n[2];
};

static int make_pool(const struct bu_hp_schedule *src, struct pool *p)
{
	size_t i;
	int k;

	for (k = 0; k < 2; k++) {
		p->of[k] = calloc(src->n_cpus + 1, sizeof(size_t));
		if (!p->of[k])
			return -ENOMEM;
	}
	for (i = 0; i < src->n_cpus; i++)
		if (src->cpus[i].verdict == BU_CPU_OK)
			p->of[src->cpus[i].primary][p->n[src->cpus[i].primary]++] = i;
	return 0;
}

static void free_pool(struct pool *p)
{
	free(p->of[0]);
	free(p->of[1]);
}

static const struct bu_hp_cpu *pick(const struct bu_hp_schedule *src, const struct pool *p, bool primary,
				    struct bu_rng *rng)
{
	int k = p->n[primary] ? primary : !primary;

	return &src->cpus[p->of[k][bu_rng_below(rng, p->n[k])]];
}

static int draw_cpu(const struct bu_hp_schedule *src, const struct pool *pool, int32_t id, bool primary,
		    struct bu_rng *rng, struct bu_hp_schedule *dst, struct bu_hp_cpu *ret)
{
	const struct bu_hp_cpu *shape = pick(src, pool, primary, rng), *from;
	int part, section;
	size_t k;

	*ret = (struct bu_hp_cpu){ .cpu = id, .primary = primary, .verdict = BU_CPU_OK };
	for (part = 0; part < BU_HP_NR_WORK; part++)
		ret->part[part] = pick(src, pool, primary, rng)->part[part];
	for (part = 0; part < BU_HP_NR_MARKS; part++)
		ret->mark_ns[part] = BU_NS_UNKNOWN;
	for (section = 0; section < 2; section++) {
		size_t n = shape->n_steps[section];

		ret->n_steps[section] = n;
		ret->steps[section] = bu_arena_alloc(&dst->arena, n * sizeof(struct bu_hp_step));
		if (!ret->steps[section])
			return -ENOMEM;
		for (k = 0; k < n; k++) {
			struct bu_hp_step *step = &ret->steps[section][k];

			*step = shape->steps[section][k];
			from = pick(src, pool, primary, rng);
			if (k < from->n_steps[section] && from->steps[section][k].name == step->name) {
				step->overhead_ns = from->steps[section][k].overhead_ns;
				step->work_ns = from->steps[section][k].work_ns;
			}
			step->start_ns = step->end_ns = BU_NS_UNKNOWN;
		}
	}
	return 0;
}

/* Whether CPU @id is a primary thread if the recorded topology repeats; the control CPU is one. */
static bool is_primary(const struct bu_hp_schedule *src, int32_t id)
{
	int32_t like = id % ((int32_t)src->n_cpus + 1);
	size_t i = src->n_cpus < (size_t)like ? src->n_cpus : (size_t)like;

	/* CPUs are in order, so CPU n stands at index n - 1 or, behind holes, before it. */
	while (i > 0 && src->cpus[i - 1].cpu > like)
		i--;
	return i == 0 || src->cpus[i - 1].cpu != like || src->cpus[i - 1].primary;
}

static int fill(const struct bu_hp_schedule *src, const struct pool *pool, size_t want, enum bu_hp_draw draw,
		uint64_t seed, struct bu_hp_schedule *s)
{
	struct bu_rng rng;
	int32_t id = 0;
	int rc = 0;

	bu_rng_init(&rng, seed, 1);
	for (s->n_cpus = 0; !rc && s->n_cpus < want; s->n_cpus++) {
		struct bu_hp_cpu *cpu = &s->cpus[s->n_cpus];

		if (s->n_cpus < src->n_cpus) {
			*cpu = src->cpus[s->n_cpus];
			id = cpu->cpu;
			if (draw == BU_HP_DRAW_ALL)
				rc = draw_cpu(src, pool, id, cpu->primary, &rng, s, cpu);
		} else {
			id++;
			rc = draw_cpu(src, pool, id, is_primary(src, id), &rng, s, cpu);
		}
	}
	return rc;
}

/* Another operation of the same direction. */
static const struct bu_hp_cpu *pick_op(const struct bu_hp_schedule *src, bool down, struct bu_rng *rng)
{
	size_t i = bu_rng_below(rng, src->n_ops);

	while (src->ops[i].down != down)
		i = (i + 1) % src->n_ops;
	return &src->ops[i].work;
}

static int draw_op(const struct bu_hp_schedule *src, struct bu_hp_schedule *dst, struct bu_hp_runtime_op *op, struct bu_rng *rng)
{
	int part, section;
	size_t k;

	for (part = 0; part < BU_HP_NR_WORK; part++)
		op->work.part[part] = pick_op(src, op->down, rng)->part[part];
	for (section = 0; section < BU_HP_NR_SECTIONS; section++) {
		const struct bu_hp_step *shape = op->work.steps[section];
		struct bu_hp_step *steps = bu_arena_alloc(&dst->arena, (op->work.n_steps[section] + 1) * sizeof(*steps));

		if (!steps)
			return -ENOMEM;
		for (k = 0; k < op->work.n_steps[section]; k++) {
			const struct bu_hp_cpu *from = pick_op(src, op->down, rng);

			steps[k] = shape[k];
			if (k < from->n_steps[section] && from->steps[section][k].name == shape[k].name)
				steps[k] = from->steps[section][k];
			steps[k].nr = shape[k].nr;
			steps[k].ret = shape[k].ret;
			steps[k].start_ns = steps[k].end_ns = BU_NS_UNKNOWN;
		}
		op->work.steps[section] = steps;
	}
	return 0;
}

/* The operations on CPUs that the schedule has. */
static int keep_ops(const struct bu_hp_schedule *src, enum bu_hp_draw draw, uint64_t seed, struct bu_hp_schedule *dst)
{
	struct bu_rng rng;
	size_t i, k;
	int rc = 0;

	bu_rng_init(&rng, seed, 2);
	dst->n_ops = 0;
	dst->ops = src->n_ops ? calloc(src->n_ops, sizeof(*dst->ops)) : NULL;
	if (src->n_ops && !dst->ops)
		return -ENOMEM;
	for (i = 0; !rc && i < src->n_ops; i++) {
		for (k = 0; k < dst->n_cpus && dst->cpus[k].cpu != src->ops[i].cpu; k++)
			;
		if (k == dst->n_cpus)
			continue;
		dst->ops[dst->n_ops] = src->ops[i];
		if (draw == BU_HP_DRAW_ALL)
			rc = draw_op(src, dst, &dst->ops[dst->n_ops], &rng);
		dst->n_ops++;
	}
	return rc;
}

/* Other tasks run when they did: they know nothing of how long operations take. */
static int keep_bursts(const struct bu_hp_schedule *src, struct bu_hp_schedule *dst)
{
	if (!src->n_bursts)
		return 0;
	dst->bursts = calloc(src->n_bursts, sizeof(*dst->bursts));
	if (!dst->bursts)
		return -ENOMEM;
	memcpy(dst->bursts, src->bursts, src->n_bursts * sizeof(*dst->bursts));
	dst->n_bursts = src->n_bursts;
	return 0;
}

int bu_hp_schedule_resize(const struct bu_hp_schedule *src, int32_t cpus, enum bu_hp_draw draw, uint64_t seed,
			  struct bu_hp_schedule *ret, struct bu_err *err)
{
	struct bu_hp_schedule s = *src;
	struct pool pool = { { NULL, NULL }, { 0, 0 } };
	size_t want = (size_t)cpus - 1;
	int rc;

	s.arena = (struct bu_arena){ NULL, 0 };
	s.recorded = NULL;
	s.ops = NULL;
	s.bursts = NULL;
	s.n_recorded = s.n_ops = s.n_bursts = 0;
	s.names = calloc(src->n_names + 1, sizeof(*s.names));
	s.cpus = bu_arena_alloc(&s.arena, want * sizeof(*s.cpus));
	rc = s.names && s.cpus ? make_pool(src, &pool) : -ENOMEM;
	if (!rc) {
		memcpy(s.names, src->names, src->n_names * sizeof(*s.names));
		if ((want > src->n_cpus || draw == BU_HP_DRAW_ALL) && !pool.n[0] && !pool.n[1])
			rc = bu_fail(err, -ENODATA, "no CPU came up in the recording, so there is nothing to draw from");
		else if (src->n_cpus && src->cpus[src->n_cpus - 1].cpu > INT32_MAX - cpus)
			rc = bu_fail(err, -EILSEQ, "the recording has a CPU %d, which leaves no numbers for more; import it again",
				     src->cpus[src->n_cpus - 1].cpu);
		else
			rc = fill(src, &pool, want, draw, seed, &s);
		if (!rc)
			rc = keep_ops(src, draw, seed, &s);
		if (!rc)
			rc = keep_bursts(src, &s);
	}
	free_pool(&pool);
	if (rc) {
		bu_hp_schedule_fini(&s);
		return bu_fail_errno(err, rc, "schedule for %d CPUs", cpus);
	}
	*ret = s;
	return 0;
}
