// SPDX-License-Identifier: GPL-2.0-only
/* clock_doctor_bounds.c - the system of difference constraints (clock_doctor_int.h), by Bellman and Ford. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "collector/clock_doctor_int.h"
#include "schemas/base/mem.h"
#include "schemas/base/ns.h"

#define UNKNOWN BU_NS_UNKNOWN

static int make_room(struct bu_clock_graph *g, int64_t cpu)
{
	struct bu_clock_cpu *more;
	size_t n = (size_t)cpu + 1, i;

	if (n <= g->n_cpu)
		return 0;
	more = realloc(g->cpu, n * sizeof(*more));
	if (!more)
		return -ENOMEM;
	for (i = g->n_cpu; i < n; i++)
		more[i] = (struct bu_clock_cpu){ .lo_ns = UNKNOWN, .hi_ns = UNKNOWN };
	g->cpu = more;
	g->n_cpu = n;
	return 0;
}

int bu_clock_before(struct bu_clock_graph *g, int64_t a, int64_t a_ns, int64_t b, int64_t b_ns)
{
	if (a == b || a < 0 || b < 0 || a >= BU_CLOCK_MAX_CPU || b >= BU_CLOCK_MAX_CPU)
		return 0;
	if (bu_grow(&g->edge, g->n_edge, &g->cap_edge, sizeof(*g->edge)) || make_room(g, a > b ? a : b))
		return -ENOMEM;
	g->edge[g->n_edge++] = (struct bu_clock_edge){ (int32_t)a, (int32_t)b, b_ns - a_ns };
	g->cpu[a].seen = g->cpu[b].seen = true;
	return 0;
}

static int by_cpus(const void *pa, const void *pb)
{
	const struct bu_clock_edge *a = pa, *b = pb;

	if (a->from != b->from)
		return a->from < b->from ? -1 : 1;
	if (a->to != b->to)
		return a->to < b->to ? -1 : 1;
	return (a->ns > b->ns) - (a->ns < b->ns);
}

/* Keeps the tightest edge of each direction; counts what bounds a CPU from above and from below. */
static void merge_edges(struct bu_clock_graph *g)
{
	size_t i, n = 0;

	if (g->n_edge)
		qsort(g->edge, g->n_edge, sizeof(*g->edge), by_cpus);
	for (i = 0; i < g->n_edge; i++) {
		const struct bu_clock_edge *e = &g->edge[i];

		g->cpu[e->to].upper++;
		g->cpu[e->from].lower++;
		if (!n || g->edge[n - 1].from != e->from || g->edge[n - 1].to != e->to)
			g->edge[n++] = *e;
	}
	g->n_edge = n;
}

static const struct bu_clock_edge *edge_between(const struct bu_clock_graph *g, int32_t from, int32_t to)
{
	struct bu_clock_edge key = { from, to, 0 };
	size_t lo = 0, hi = g->n_edge, mid;

	while (lo < hi) {
		mid = (lo + hi) / 2;
		if (g->edge[mid].from < key.from || (g->edge[mid].from == key.from && g->edge[mid].to < key.to))
			lo = mid + 1;
		else
			hi = mid;
	}
	return lo < g->n_edge && g->edge[lo].from == from && g->edge[lo].to == to ? &g->edge[lo] : NULL;
}

/* Two CPUs whose bounds exclude one another: the one that is not the reference is to blame. */
static void find_contradictions(struct bu_clock_graph *g)
{
	const struct bu_clock_edge *e, *back;
	size_t i;

	for (i = 0; i < g->n_edge; i++) {
		e = &g->edge[i];
		back = edge_between(g, e->to, e->from);
		if (!back || e->ns + back->ns >= 0)
			continue;
		g->cpu[e->to == g->ref ? e->from : e->to].contradictory = true;
	}
}

/*
 * Shortest ways from the reference, over edges as they are or turned round. Return: a CPU on a cycle that has no
 * solution, or -1.
 */
static int32_t shortest(const struct bu_clock_graph *g, bool turned, int64_t *dist)
{
	int32_t last = -1;
	size_t round, i;

	for (i = 0; i < g->n_cpu; i++)
		dist[i] = UNKNOWN;
	dist[g->ref] = 0;
	for (round = 0; round <= g->n_cpu; round++) {
		last = -1;
		for (i = 0; i < g->n_edge; i++) {
			const struct bu_clock_edge *e = &g->edge[i];
			int32_t from = turned ? e->to : e->from, to = turned ? e->from : e->to;

			if (g->cpu[from].contradictory || g->cpu[to].contradictory || dist[from] == UNKNOWN)
				continue;
			if (dist[to] == UNKNOWN || dist[from] + e->ns < dist[to]) {
				dist[to] = dist[from] + e->ns;
				last = to;
			}
		}
		if (last < 0)
			return -1;
	}
	return last == g->ref ? -1 : last;
}

static bool is_off(const struct bu_clock_cpu *c)
{
	return !c->contradictory && ((c->lo_ns != UNKNOWN && c->lo_ns > 0) || (c->hi_ns != UNKNOWN && c->hi_ns < 0));
}

/* Narrows [@lo, @hi] of CPU @i by its edges to CPUs whose correction stands already. */
static void narrow(const struct bu_clock_graph *g, const bool *stands, size_t i, int64_t *lo, int64_t *hi)
{
	size_t k;
	int64_t v;

	for (k = 0; k < g->n_edge; k++) {
		const struct bu_clock_edge *e = &g->edge[k];

		if ((size_t)e->to == i && stands[e->from]) {
			v = g->cpu[e->from].fix_ns + e->ns;
			if (*hi == UNKNOWN || v < *hi)
				*hi = v;
		} else if ((size_t)e->from == i && stands[e->to]) {
			v = g->cpu[e->to].fix_ns - e->ns;
			if (*lo == UNKNOWN || v > *lo)
				*lo = v;
		}
	}
}

static bool fixes_fit(const struct bu_clock_graph *g)
{
	size_t i;

	for (i = 0; i < g->n_edge; i++) {
		const struct bu_clock_edge *e = &g->edge[i];
		const struct bu_clock_cpu *a = &g->cpu[e->from], *b = &g->cpu[e->to];

		if (!a->contradictory && !b->contradictory && a->hi_ns != UNKNOWN && b->hi_ns != UNKNOWN &&
		    b->fix_ns - a->fix_ns > e->ns)
			return false;
	}
	return true;
}

/* CPUs that are not off stay as they are; each other one gets the smallest shift that fits with those before it. */
static int choose_fixes(struct bu_clock_graph *g)
{
	_cleanup_free_ bool *stands = calloc(g->n_cpu, sizeof(*stands));
	struct bu_clock_cpu *c;
	int64_t lo, hi;
	size_t i;

	if (!stands)
		return -ENOMEM;
	for (i = 0; i < g->n_cpu; i++)
		stands[i] = g->cpu[i].seen && !g->cpu[i].contradictory && !is_off(&g->cpu[i]);
	for (i = 0; i < g->n_cpu; i++) {
		c = &g->cpu[i];
		if (!is_off(c))
			continue;
		lo = c->lo_ns;
		hi = c->hi_ns;
		narrow(g, stands, i, &lo, &hi);
		/* A little more than needed where there is room, so that cause and effect have different stamps. */
		if (lo != UNKNOWN && lo > 0)
			c->fix_ns = lo + (hi == UNKNOWN || hi > lo);
		else if (hi != UNKNOWN && hi < 0)
			c->fix_ns = hi - (lo == UNKNOWN || lo < hi);
		stands[i] = true;
	}
	if (fixes_fit(g))
		return 0;
	/* One after the other does not do; the shortest ways satisfy all pairs at once, by shifting more. */
	for (i = 0; i < g->n_cpu; i++)
		if (!g->cpu[i].contradictory && g->cpu[i].hi_ns != UNKNOWN)
			g->cpu[i].fix_ns = g->cpu[i].hi_ns;
	return 0;
}

int bu_clock_bounds(struct bu_clock_graph *g)
{
	_cleanup_free_ int64_t *up = NULL, *down = NULL;
	int32_t bad;
	size_t i;

	if (make_room(g, g->ref))
		return -ENOMEM;
	merge_edges(g);
	find_contradictions(g);
	up = malloc(g->n_cpu * sizeof(*up));
	down = malloc(g->n_cpu * sizeof(*down));
	if (!up || !down)
		return -ENOMEM;
	/* A longer cycle without solution costs its last CPU; every round removes one, so this ends. */
	while ((bad = shortest(g, false, up)) >= 0 || (bad = shortest(g, true, down)) >= 0)
		g->cpu[bad].contradictory = true;
	for (i = 0; i < g->n_cpu; i++) {
		g->cpu[i].hi_ns = up[i];
		g->cpu[i].lo_ns = down[i] == UNKNOWN ? UNKNOWN : -down[i];
	}
	/* Of a contradictory CPU, what its pairs with the reference say: the interval is turned round. */
	for (i = 0; i < g->n_cpu; i++) {
		const struct bu_clock_edge *e;

		if (!g->cpu[i].contradictory)
			continue;
		e = edge_between(g, g->ref, (int32_t)i);
		g->cpu[i].hi_ns = e ? e->ns : UNKNOWN;
		e = edge_between(g, (int32_t)i, g->ref);
		g->cpu[i].lo_ns = e ? -e->ns : UNKNOWN;
	}
	return choose_fixes(g);
}

void bu_clock_graph_fini(struct bu_clock_graph *g)
{
	free(g->edge);
	free(g->cpu);
	*g = (struct bu_clock_graph){ 0 };
}
