// SPDX-License-Identifier: GPL-2.0-only
/* clock_marks.c - see clock_marks.h. */
#include "collector/clock_marks.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "schemas/base/mem.h"
#include "schemas/store/capture_db.h"

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

uint8_t bu_clock_step_kind(const char *name)
{
	size_t k;

	for (k = 0; k < ARRAY_SIZE(steps); k++)
		if (name && !strcmp(name, steps[k].name))
			break;
	return (uint8_t)k;
}

static enum bu_clock_mark mark_of_step(const struct bu_event *ev, uint8_t kind)
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

static int keep(struct bu_clock_marks *m, struct bu_clock_event e)
{
	struct bu_clock_event *to = bu_blocks_add(&m->e, sizeof(*to));

	if (!to)
		return -ENOMEM;
	*to = e;
	return 0;
}

int bu_clock_mark_step(struct bu_clock_marks *m, const struct bu_event *ev, uint8_t kind)
{
	const enum bu_clock_mark mark = mark_of_step(ev, kind);
	const int64_t target = ev->cpuhp.target == BU_FIELD_UNKNOWN ? 0 : ev->cpuhp.target;

	if (mark == M_KINDS || ev->cpuhp.step != (int32_t)ev->cpuhp.step || target != (int32_t)target)
		return 0;
	return keep(m, (struct bu_clock_event){
		.ns = ev->ts_ns, .nr = (int32_t)ev->cpuhp.step, .target = (int32_t)target, .cpu = ev->cpu,
		.cpu_for = (int32_t)ev->cpuhp.target_cpu, .mark = (uint8_t)mark, .multi = ev->cpuhp.kind == BU_CPUHP_MULTI,
	});
}

static enum bu_clock_mark mark_of_call(const char *symbol)
{
	const size_t len = bu_symbol_base(symbol);
	size_t i;

	for (i = 0; i < ARRAY_SIZE(functions); i++)
		if (!strncmp(symbol, functions[i].name, len) && !functions[i].name[len])
			return functions[i].mark;
	return M_KINDS;
}

int bu_clock_mark_call(struct bu_clock_marks *m, const struct bu_event *ev, const struct bu_dict *symbols)
{
	const uint32_t func = ev->func.func;

	if (!func || func > symbols->n)
		return 0;
	for (; m->n_symbols <= func; m->n_symbols++) {
		if (bu_grow(&m->of_call, m->n_symbols, &m->cap_symbols, sizeof(*m->of_call)))
			return -ENOMEM;
		m->of_call[m->n_symbols] = (uint8_t)(m->n_symbols ? mark_of_call(symbols->entries[m->n_symbols - 1].text) : M_KINDS);
	}
	if (m->of_call[func] == M_KINDS)
		return 0;
	return keep(m, (struct bu_clock_event){ .ns = ev->ts_ns, .cpu = ev->cpu, .cpu_for = -1, .mark = m->of_call[func] });
}

void bu_clock_marks_fini(struct bu_clock_marks *m)
{
	bu_blocks_fini(&m->e);
	free(m->of_call);
	*m = (struct bu_clock_marks){ .n_symbols = 0 };
}

char *bu_clock_call_names(void)
{
	size_t len = 2, i;
	char *names, *end;

	for (i = 0; i < ARRAY_SIZE(functions); i++)
		len += strlen(functions[i].name) + 1;
	names = malloc(len);
	if (!names)
		return NULL;
	end = stpcpy(names, ",");
	for (i = 0; i < ARRAY_SIZE(functions); i++)
		end = stpcpy(stpcpy(end, functions[i].name), ",");
	return names;
}

int bu_clock_events_index(struct bu_clock_marks *marks, struct bu_clock_events *v)
{
	struct bu_clock_event *e;
	size_t i, sum = 0, n;

	v->marks = marks;
	for (i = 0; i < marks->e.n; i++) {
		e = bu_clock_event_at(marks, i);
		if (e->cpu >= v->n_cpu)
			v->n_cpu = e->cpu + 1;
		if (e->cpu_for >= v->n_cpu)
			v->n_cpu = e->cpu_for + 1;
	}
	v->first = calloc((size_t)v->n_cpu + 2, sizeof(*v->first));
	v->of_cpu = malloc((marks->e.n + 1) * sizeof(*v->of_cpu));
	if (!v->first || !v->of_cpu)
		return -ENOMEM;
	for (i = 0; i < marks->e.n; i++) {
		e = bu_clock_event_at(marks, i);
		e->place = (uint32_t)v->first[e->cpu]++;
	}
	for (i = 0; i <= (size_t)v->n_cpu; i++) {
		n = v->first[i];
		v->first[i] = sum;
		sum += n;
	}
	for (i = 0; i < marks->e.n; i++) {
		e = bu_clock_event_at(marks, i);
		v->of_cpu[v->first[e->cpu] + e->place] = (uint32_t)i;
	}
	return 0;
}

void bu_clock_events_fini(struct bu_clock_events *v)
{
	free(v->of_cpu);
	free(v->first);
}
