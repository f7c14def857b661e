// SPDX-License-Identifier: GPL-2.0-only
/*
 * clock_doctor_rendezvous.c - pairs of events that every rendezvous of all CPUs makes (clock_doctor_int.h).
 *
 * These bound the clocks long after the bring-up, when a clocksource is switched: a clock that was set in between contradicts
 * what the bring-up said. From multi_cpu_stop() of kernel/stop_machine.c, 6.1 and 6.12: nobody leaves it before all have
 * entered, so that
 *
 *   each CPU enters the nth  ->  every other enters the next one
 *   each CPU enters the nth  ->  change_clocksource() runs in it, on one of them
 *
 * Which of a CPU's entries belong together is only certain where all CPUs have the same number of them and none was lost.
 */
#include <errno.h>
#include <stdlib.h>

#include "collector/clock_doctor_int.h"
#include "schemas/base/mem.h"

struct entries {		/* of one CPU into multi_cpu_stop(), in order */
	int64_t *ns;
	size_t n, cap;
};

struct callback {
	int64_t cpu, ns;
	size_t nth;		/* rendezvous, from 1 */
};

struct rendezvous {
	struct entries *of;	/* by CPU */
	size_t n_cpu, cap_cpu;
	struct callback *callback;
	size_t n_callback, cap_callback;
};

static void fini(struct rendezvous *r)
{
	size_t i;

	for (i = 0; i < r->n_cpu; i++)
		free(r->of[i].ns);
	free(r->of);
	free(r->callback);
}

static int add(struct rendezvous *r, int64_t cpu, int64_t ns, bool callback)
{
	struct entries *e;

	if (cpu < 0 || cpu >= BU_CLOCK_MAX_CPU)
		return 0;
	while (r->n_cpu <= (size_t)cpu) {
		if (bu_grow(&r->of, r->n_cpu, &r->cap_cpu, sizeof(*r->of)))
			return -ENOMEM;
		r->of[r->n_cpu++] = (struct entries){ .n = 0 };
	}
	e = &r->of[cpu];
	if (callback) {
		/* before the stoppers are there it is called as any function */
		if (!e->n)
			return 0;
		if (bu_grow(&r->callback, r->n_callback, &r->cap_callback, sizeof(*r->callback)))
			return -ENOMEM;
		r->callback[r->n_callback++] = (struct callback){ cpu, ns, e->n };
		return 0;
	}
	if (bu_grow(&e->ns, e->n, &e->cap, sizeof(*e->ns)))
		return -ENOMEM;
	e->ns[e->n++] = ns;
	return 0;
}

static int read_all(struct bu_db *db, struct rendezvous *r, struct bu_err *err)
{
	_cleanup_(bu_stmt_closep) struct bu_stmt *st = NULL;
	int rc;

	/* By function: without statistics yet, a plain join goes through the calls of all functions. */
	rc = bu_stmt_prepare(db, "SELECT f.cpu, f.ts_ns, s.base = 'change_clocksource' FROM symbol s CROSS JOIN ev_func f ON f.func = s.id "
			     "WHERE s.base IN ('multi_cpu_stop', 'change_clocksource') AND f.buf = 0 AND NOT EXISTS (SELECT 1 FROM loss) "
			     "ORDER BY f.id", &st, err);
	while (!rc && (rc = bu_stmt_step(st, err)) > 0) {
		rc = add(r, bu_stmt_i64(st, 0), bu_stmt_i64(st, 1), bu_stmt_i64(st, 2));
		if (rc)
			rc = bu_fail_errno(err, rc, "clock doctor");
	}
	return rc;
}

/* How many rendezvous all CPUs that had any were in; 0 when they were in different ones. */
static size_t common(const struct rendezvous *r)
{
	size_t n = 0, i;

	for (i = 0; i < r->n_cpu; i++) {
		if (r->of[i].n && n && r->of[i].n != n)
			return 0;
		if (r->of[i].n)
			n = r->of[i].n;
	}
	return n;
}

/* The pairs of CPU @b with the lowest one, which all others have pairs with, too, and with the callbacks. */
static int pair(const struct rendezvous *r, struct bu_clock_graph *g, size_t first, size_t b)
{
	const int64_t *here = r->of[first].ns, *there = r->of[b].ns;
	int rc = 0;
	size_t i;

	for (i = 1; !rc && i < r->of[b].n; i++) {
		rc = bu_clock_before(g, (int64_t)first, here[i - 1], (int64_t)b, there[i]);
		if (!rc)
			rc = bu_clock_before(g, (int64_t)b, there[i - 1], (int64_t)first, here[i]);
	}
	for (i = 0; !rc && i < r->n_callback; i++) {
		const struct callback *c = &r->callback[i];

		rc = bu_clock_before(g, (int64_t)b, there[c->nth - 1], c->cpu, c->ns);
	}
	return rc;
}

int bu_clock_rendezvous(struct bu_db *db, struct bu_clock_graph *g, struct bu_err *err)
{
	_cleanup_(fini) struct rendezvous r = { .of = NULL };
	size_t first = 0, b;
	int rc;

	rc = read_all(db, &r, err);
	if (rc || !common(&r))
		return rc;
	while (!r.of[first].n)
		first++;
	for (b = first; !rc && b < r.n_cpu; b++)
		if (r.of[b].n && pair(&r, g, first, b))
			rc = bu_fail_errno(err, -ENOMEM, "clock doctor");
	return rc;
}
