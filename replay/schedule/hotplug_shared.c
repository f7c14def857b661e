// SPDX-License-Identifier: GPL-2.0-only
/*
 * hotplug_shared.c - a machine was recorded whose CPUs shared those of a host: what its work took without that.
 *
 * Two things are taken out, the reverse of what replay/machine/physical.c puts in:
 *  - sharing: while more CPUs are busy than the host has, each does its part of the work only. From the milestones follows who
 *    was busy when; time becomes service time, what a busy CPU could have done on a CPU of its own up to then;
 *  - turns, where the machine was emulated: parts that need the emulator wait for emulator_ns times the CPUs that poll and
 *    have none of the host's. How long a part takes by itself shows where few polled; each is made shorter in the proportion
 *    of that to that with its turns, so that what was longer than others for a reason of its own stays so. The first CPU's lose
 *    their turns and no more. The TSC check goes on until so much time has passed, shared or not.
 */
#include <errno.h>
#include <stdlib.h>

#include "replay/schedule/hotplug_int.h"

/* A stretch of time in which one more CPU was busy begins (+1) or ends (-1). */
struct busy_edge {
	int64_t at;
	int32_t work, poll;	/* change of the CPUs that work, that poll */
	int64_t n_work, n_poll;	/* how many do from here on */
	int64_t service;	/* work that a CPU could do up to here */
};

/* How long a turn takes, in service time, when the CPU is kicked and when it is released. */
struct turns {
	int64_t kick_ns, release_ns;
};

/*
 * Turns in each part, as the simulated machine takes them: leaving a loop that polls, being woken up from a halt, accesses to
 * the local APIC. The check is three: its loops wait for start_count, for stop_count, and for the partner to see that.
 */
static const struct {
	int n;
	bool kick;		/* at the time of the kick, not of the release */
} turns_of[BU_HP_NR_WORK] = {
	[BU_HP_KICK_TAIL] = { 1, true },    [BU_HP_DARK] = { 1, true },	     [BU_HP_RELEASED] = { 1, false },
	[BU_HP_STARTING] = { 1, false },    [BU_HP_TSC_JOIN] = { 1, false }, [BU_HP_TSC_SYNC] = { 3, false },
	[BU_HP_ONLINE] = { 1, false },	    [BU_HP_UNPARK] = { 1, false },
	[BU_HP_THREAD_WAKE] = { 1, false }, [BU_HP_DONE] = { 1, false },
};

/* ------------------------------------------------------------------------------------------------ who was busy when */

static int add_edge(struct loader *l, int64_t at, int work, int poll)
{
	if (bu_grow(&l->edges, l->n_edges, &l->cap_edges, sizeof(*l->edges)))
		return hotplug_oom(l);
	l->edges[l->n_edges++] = (struct busy_edge){ .at = at, .work = work, .poll = poll };
	return 0;
}

static int add_busy(struct loader *l, int64_t from, int64_t to, int work, int poll)
{
	int rc;

	if (!known(from) || !known(to) || to <= from)
		return 0;
	rc = add_edge(l, from, work, poll);
	return rc ? rc : add_edge(l, to, -work, -poll);
}

/*
 * When each CPU was busy, working or polling. A CPU is from its kick until it is idle, and while its hotplug thread runs; in
 * between it polls for its release. The control CPU is all the time but for its sleep: in W6 while that thread runs, and in
 * W5, which in 6.1 begins when the CPU is already idle and in 6.12 with the release, but for being woken as the TSC check's
 * partner.
 */
static int busy_times(struct loader *l)
{
	int64_t end = 0;
	size_t i;
	int rc = 0;

	for (i = 0; !rc && i < l->s->n_cpus; i++) {
		const struct milestones *m = &l->miles[i];

		end = later(end, later(m->done, m->rollback_end));
		if (l->s->cpus[i].never_comes)
			continue;
		rc = add_busy(l, known(m->kick_last) ? m->kick_last : m->kick, m->idle, 1, 0);
		if (!rc)
			rc = add_busy(l, m->alive, m->release, -1, 1);
		if (!rc)
			rc = add_busy(l, m->thread, m->online, 1, 0);
		if (!rc)
			rc = add_busy(l, m->thread, m->online, -1, 0);
		if (!rc)
			rc = add_busy(l, m->release, m->idle, -1, 0);
		if (!rc && known(m->release))
			rc = add_busy(l, m->tsc_source, m->tsc_end, 1, 0);
	}
	return rc ? rc : add_busy(l, 0, end, 1, 0);
}

static int by_time(const void *a, const void *b)
{
	const struct busy_edge *x = a, *y = b;

	if (x->at != y->at)
		return x->at < y->at ? -1 : 1;
	return y->work + y->poll - x->work - x->poll;
}

/* Thousandths of CPUs that the machine wants from @e on. Of those that poll an emulator lets run as many as the host has. */
static int64_t wanted_milli(const struct loader *l, const struct busy_edge *e)
{
	const int64_t poll = e->n_poll * 1000;

	return e->n_work * 1000 + (l->emulator_ns && poll > l->host_milli ? l->host_milli : poll);
}

/* Of those that poll, how many slept for the emulator's lock; what it took to go round them. */
static int64_t round_ns(const struct loader *l, const struct busy_edge *e)
{
	const int64_t asleep = e->n_poll - l->host_cpus;

	return asleep > 0 ? asleep * l->emulator_ns : 0;
}

static int64_t served(const struct loader *l, const struct busy_edge *from, int64_t ns)
{
	const int64_t wanted = wanted_milli(l, from), tick = l->emulator_tick_ns, round = tick ? round_ns(l, from) : 0;
	__int128 work = (__int128)ns * l->host_milli / (wanted > l->host_milli ? wanted : l->host_milli);

	/* Of each period one round is the interrupt's. */
	return (int64_t)(round ? work * (tick + round) / (tick + 2 * round) : work);
}

/* The last edge up to @at; NULL: there is none. */
static const struct busy_edge *edge_at(const struct loader *l, int64_t at)
{
	size_t lo = 0, hi = l->n_edges;

	while (lo < hi) {
		size_t mid = (lo + hi) / 2;

		if (l->edges[mid].at <= at)
			lo = mid + 1;
		else
			hi = mid;
	}
	return lo ? &l->edges[lo - 1] : NULL;
}

int64_t hotplug_service_at(const struct loader *l, int64_t at)
{
	const struct busy_edge *e = known(at) ? edge_at(l, at) : NULL;

	return e ? e->service + served(l, e, at - e->at) : at;	/* without edges: as recorded */
}

/* How long a turn took at @at. */
static int64_t turn_at(const struct loader *l, int64_t at)
{
	const struct busy_edge *e = known(at) ? edge_at(l, at) : NULL;

	return e ? served(l, e, round_ns(l, e)) : 0;
}

int hotplug_to_service_time(struct loader *l)
{
	struct busy_edge state = { 0 };
	size_t i;
	int rc;

	if (!l->host_milli)
		return 0;
	rc = busy_times(l);
	if (rc || !l->n_edges)
		return rc;
	qsort(l->edges, l->n_edges, sizeof(*l->edges), by_time);
	for (i = 0; i < l->n_edges; i++) {
		struct busy_edge *e = &l->edges[i];

		e->service = i ? (e - 1)->service + served(l, e - 1, e->at - (e - 1)->at) : e->at;
		e->n_work = state.n_work += e->work;
		e->n_poll = state.n_poll += e->poll;
	}
	if (l->emulator_ns) {
		l->turns = calloc(l->s->n_cpus + 1, sizeof(*l->turns));
		if (!l->turns)
			return hotplug_oom(l);
	}
	for (i = 0; i < l->s->n_cpus; i++) {
		int64_t *t = (int64_t *)&l->miles[i];
		size_t k;

		if (l->turns)
			l->turns[i] = (struct turns){ turn_at(l, l->miles[i].kick), turn_at(l, l->miles[i].release) };
		for (k = 0; k < sizeof(l->miles[i]) / sizeof(*t); k++)
			t[k] = hotplug_service_at(l, t[k]);
	}
	return 0;
}

/* ------------------------------------------------------------------------------------------------------------ turns */

/* A part that cannot be told from the one before it (hotplug_share()) has its turns there. */
static int64_t turns_ns(const struct loader *l, size_t i, int part)
{
	const struct bu_hp_part *p = l->s->cpus[i].part;
	int n = turns_of[part].n, next;

	for (next = part + 1; next < BU_HP_NR_WORK && !p[next].ns && p[next].hi_ns; next++)
		n += turns_of[next].n;
	return n * (turns_of[part].kick ? l->turns[i].kick_ns : l->turns[i].release_ns);
}

/*
 * What a part takes by itself: the weighted median of what was recorded, less its turns. It scatters by about the time that
 * it took, so CPUs for which few polled count most.
 */
static double by_itself(const struct loader *l, int part)
{
	double lo = 0, hi = 0, mid, sum;
	size_t i;

	for (i = 0; i < l->s->n_cpus; i++)
		if ((double)l->s->cpus[i].part[part].ns > hi)
			hi = (double)l->s->cpus[i].part[part].ns;
	while (hi - lo > 1) {
		mid = (lo + hi) / 2;
		sum = 0;
		for (i = 0; i < l->s->n_cpus; i++) {
			const double ns = (double)l->s->cpus[i].part[part].ns, with = mid + (double)turns_ns(l, i, part);

			if (ns > 0)
				sum += (ns > with ? 1 : -1) / with;
		}
		if (sum > 0)
			lo = mid;
		else
			hi = mid;
	}
	return hi;
}

void hotplug_take_turns_out(struct loader *l)
{
	size_t i;
	int part;

	for (part = 0; l->turns && part < BU_HP_NR_WORK; part++) {
		const double ns = turns_of[part].n ? by_itself(l, part) : 0;

		for (i = 0; ns > 0 && i < l->s->n_cpus; i++) {
			struct bu_hp_part *p = &l->s->cpus[i].part[part];
			const double turns = (double)turns_ns(l, i, part), rest = (double)p->ns - turns;
			/*
			 * The first CPU executes everything first, and the emulator has to translate it: what others took
			 * says nothing of that. But the check goes on for its time, however slow its code is.
			 */
			const double own = !i && part != BU_HP_TSC_SYNC && rest > ns ? rest : ns, share = own / (own + turns);

			p->ns = (int64_t)((double)p->ns * share);
			p->lo_ns = (int64_t)((double)p->lo_ns * share);
			p->hi_ns = (int64_t)((double)p->hi_ns * share);
		}
	}
	for (i = 0; l->turns && i < l->s->n_cpus; i++) {
		struct bu_hp_part *p = &l->s->cpus[i].part[BU_HP_TSC_SYNC];

		if (p->ns && p->ns < HOTPLUG_TSC_LOOP_NS && known(l->miles[i].tsc_source))
			p->ns = p->hi_ns = HOTPLUG_TSC_LOOP_NS;
	}
}
