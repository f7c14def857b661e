// SPDX-License-Identifier: GPL-2.0-only
/* clock_marks.c - see clock_marks.h. */
#include "collector/clock_marks.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "schemas/base/mem.h"
#include "schemas/base/ns.h"

struct calls {
	struct bu_clock_event *e;
	size_t n, cap;
};

static const struct {
	const char *name;
	enum bu_clock_mark mark;
} functions[] = {
	{ "native_cpu_up", M_BEFORE_INIT }, { "common_cpu_up", M_BEFORE_INIT }, { "init_espfix_ap", M_BEFORE_INIT },
	{ "native_kick_ap", M_BEFORE_INIT }, { "arch_cpuhp_cleanup_kick_cpu", M_CLEANUP },
	{ "check_tsc_sync_source", M_TSC_SOURCE }, { "cpuhp_kick_ap", M_KICK_THREAD }, { "load_ucode_ap", M_UCODE },
	{ "cpuhp_ap_sync_alive", M_ALIVE }, { "check_tsc_sync_target", M_TSC_TARGET }, { "check_tsc_warp", M_TSC_WARP },
	{ "cpuhp_online_idle", M_IDLE },
};

/* Steps on another CPU than the one that they are for. */
static const struct {
	const char *name;
	enum bu_clock_mark begin, end;
} steps[] = {
	{ "cpuhp_kick_ap_alive", M_KICK_BEGIN, M_KICK_END }, { "bringup_cpu", M_UP_BEGIN, M_UP_END },
	{ "cpuhp_bringup_ap", M_UP_BEGIN, M_UP_END }, { "cpuhp_kick_ap_work", M_WORK_BEGIN, M_WORK_END },
	{ "takedown_cpu", M_DOWN, M_KINDS },
};

static int read_function(struct calls *c, struct bu_stmt *st, const char *name, enum bu_clock_mark mark, struct bu_err *err)
{
	int rc;

	bu_stmt_bind_text(st, 1, name);
	while ((rc = bu_stmt_step(st, err)) == 1) {
		rc = bu_grow(&c->e, c->n, &c->cap, sizeof(*c->e));
		if (rc) {
			bu_fail_errno(err, rc, "clock doctor");
			break;
		}
		c->e[c->n++] = (struct bu_clock_event){ .id = bu_stmt_i64(st, 0), .ns = bu_stmt_i64(st, 1),
			.cpu = (int32_t)bu_stmt_i64(st, 2), .cpu_for = -1, .mark = (uint8_t)mark };
	}
	bu_stmt_reset(st);
	return rc;
}

static int by_id(const void *pa, const void *pb)
{
	const struct bu_clock_event *a = pa, *b = pb;

	return (a->id > b->id) - (a->id < b->id);
}

static int read_functions(struct bu_db *db, struct calls *c, struct bu_err *err)
{
	_cleanup_(bu_stmt_closep) struct bu_stmt *st = NULL;
	size_t i;
	int rc;

	rc = bu_stmt_prepare(db, "SELECT id, ts_ns, cpu FROM ev_func WHERE func IN (SELECT id FROM symbol WHERE base = ?)", &st, err);
	for (i = 0; !rc && i < ARRAY_SIZE(functions); i++)
		rc = read_function(c, st, functions[i].name, functions[i].mark, err);
	if (!rc && c->n)
		qsort(c->e, c->n, sizeof(*c->e), by_id);
	return rc;
}

uint8_t bu_clock_step_kind(const char *name)
{
	size_t k;

	for (k = 0; k < ARRAY_SIZE(steps); k++)
		if (name && !strcmp(name, steps[k].name))
			break;
	return (uint8_t)k;
}

static enum bu_clock_mark mark_of(const struct bu_event *ev, uint8_t kind)
{
	const bool is_exit = ev->cpuhp.kind == BU_CPUHP_EXIT;

	if (ev->cpuhp.target_cpu < 0 || ev->cpuhp.target_cpu >= BU_CLOCK_MAX_CPU)	/* no kernel wrote that */
		return M_KINDS;
	if (ev->cpu == ev->cpuhp.target_cpu)
		return is_exit ? M_OWN_END : M_OWN_BEGIN;
	if (kind == ARRAY_SIZE(steps))
		return M_KINDS;
	return is_exit ? steps[kind].end : steps[kind].begin;
}

int bu_clock_mark(struct bu_blocks *marks, const struct bu_event *ev, uint8_t kind)
{
	const enum bu_clock_mark mark = mark_of(ev, kind);
	struct bu_clock_event *e;

	if (mark == M_KINDS)
		return 0;
	e = bu_blocks_add(marks, sizeof(*e));
	if (!e)
		return -ENOMEM;
	*e = (struct bu_clock_event){
		.id = ev->id, .ns = ev->ts_ns, .nr = ev->cpuhp.step, .cpu = ev->cpu, .cpu_for = (int32_t)ev->cpuhp.target_cpu,
		.target = ev->cpuhp.target == BU_FIELD_UNKNOWN ? 0 : ev->cpuhp.target, .mark = (uint8_t)mark,
		.multi = ev->cpuhp.kind == BU_CPUHP_MULTI,
	};
	return 0;
}

static void put(struct bu_clock_events *v, struct bu_clock_event e)
{
	v->e[v->n++] = e;
	if (e.cpu >= v->n_cpu)
		v->n_cpu = e.cpu + 1;
	if (e.cpu_for >= v->n_cpu)
		v->n_cpu = e.cpu_for + 1;
}

/* Two lists, each in order of id, become one. */
static void merge(struct bu_clock_events *v, const struct calls *calls, const struct bu_blocks *marks)
{
	const struct bu_clock_event *e;
	size_t i, k = 0;

	for (i = 0; i < marks->n; i++) {
		e = bu_blocks_at(marks, i, sizeof(*e));
		for (; k < calls->n && calls->e[k].id < e->id; k++)
			put(v, calls->e[k]);
		put(v, *e);
	}
	for (; k < calls->n; k++)
		put(v, calls->e[k]);
}

/* Which events are on each CPU. */
static int index_cpus(struct bu_clock_events *v, struct bu_err *err)
{
	size_t i, sum = 0, n;

	v->first = calloc((size_t)v->n_cpu + 2, sizeof(*v->first));
	v->of_cpu = malloc((v->n + 1) * sizeof(*v->of_cpu));
	if (!v->first || !v->of_cpu)
		return bu_fail_errno(err, -ENOMEM, "clock doctor");
	for (i = 0; i < v->n; i++)
		v->e[i].place = (uint32_t)v->first[v->e[i].cpu]++;
	for (i = 0; i <= (size_t)v->n_cpu; i++) {
		n = v->first[i];
		v->first[i] = sum;
		sum += n;
	}
	for (i = 0; i < v->n; i++)
		v->of_cpu[v->first[v->e[i].cpu] + v->e[i].place] = (uint32_t)i;
	return 0;
}

int bu_clock_events_read(struct bu_db *db, const struct bu_blocks *marks, struct bu_clock_events *v, struct bu_err *err)
{
	struct calls calls = { .n = 0 };
	size_t most;
	int rc;

	rc = read_functions(db, &calls, err);
	if (!rc) {
		most = calls.n + marks->n + 1;
		v->e = malloc(most * sizeof(*v->e));
		if (!v->e)
			rc = bu_fail_errno(err, -ENOMEM, "clock doctor");
	}
	if (!rc) {
		bu_advise_large(v->e, most * sizeof(*v->e));
		merge(v, &calls, marks);
		rc = index_cpus(v, err);
	}
	free(calls.e);
	return rc;
}

void bu_clock_events_fini(struct bu_clock_events *v)
{
	free(v->e);
	free(v->of_cpu);
	free(v->first);
}
