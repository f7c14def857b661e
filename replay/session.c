// SPDX-License-Identifier: GPL-2.0-only
/*
 * session.c - host_run(): one core on one machine, watched, until it ends; and what became of it, in words.
 */
#include "replay/session.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "replay/guard.h"
#include "replay/hang/verdict.h"
#include "replay/hang/watch.h"
#include "replay/host_int.h"
#include "replay/registry.h"
#include "schemas/base/ns.h"

static void control_main(struct bu_machine *m, void *arg)
{
	struct bu_host *h = arg;

	h->core->control(m);
	if (bu_now(m) > h->control_end_ns)
		h->control_end_ns = bu_now(m);
}

static void on_waited(void *host, const struct bu_waited *w)
{
	struct bu_host *h = host;

	if (h->family->waited)
		h->family->waited(h, w);
}

/* A wait at the end of the run that nothing ended. */
static bool never_ended(void *ctx, const struct bu_wait_info *i)
{
	const struct bu_waited w = { .thread = i->thread, .cpu = i->cpu, .kind = (uint8_t)i->kind, .name = i->obj_name,
				     .point = i->point ? i->point : i->kind == BU_WAITS_WORD ? i->obj_name : NULL,
				     .for_cpu = i->point ? i->point_cpu : i->n_by_cpus ? i->by_cpu[0] : -1,
				     .start_ns = i->since_ns, .end_ns = BU_NS_UNKNOWN };

	on_waited(ctx, &w);
	return true;
}

/* ------------------------------------------------------------------------------------------------------ running */

struct guarded_run {
	struct bu_machine *machine;
	struct bu_machine_result *end;
	struct bu_err *err;
	int rc;
};

static void run_machine(void *arg)
{
	struct guarded_run *g = arg;

	g->rc = bu_machine_run(g->machine, g->end, g->err);
}

/* Runs the machine; a core that has to be stopped by force ends the run with BU_MACHINE_FAILED and *@ret_forced. */
static int run_guarded(struct bu_host *h, struct bu_machine_result *end, bool *ret_forced, struct bu_err *err)
{
	struct guarded_run g = { h->machine, end, err, 0 };
	struct bu_engine *engine = bu_machine_engine(h->machine);
	struct bu_guard_result how;
	const char *thread;

	if (!h->options->guard_ms) {
		run_machine(&g);
		return g.rc;
	}
	how = bu_guarded(run_machine, &g, bu_engine_progress(engine), h->options->guard_ms);
	if (how.end == BU_GUARD_UNAVAILABLE)
		return bu_fail(err, -EAGAIN, "the system gives no timer or signal stack to watch the core with");
	if (how.end == BU_GUARD_RETURNED)
		return g.rc;
	*ret_forced = true;
	thread = bu_thread_name(h->machine, bu_current(h->machine));
	*end = (struct bu_machine_result){ .end = BU_MACHINE_FAILED, .now_ns = bu_engine_now(engine),
					   .events = *bu_engine_progress(engine) };
	if (how.end == BU_GUARD_LOOP)
		snprintf(end->verdict, sizeof(end->verdict), "thread %s ran for %d ms without coming back to the host", thread,
			 h->options->guard_ms);
	else if (how.end == BU_GUARD_MEMORY)
		snprintf(end->verdict, sizeof(end->verdict), "thread %s accessed memory at %#llx that is not its own "
			 "(a wild pointer, or its stack is full)", thread, (unsigned long long)how.address);
	else
		snprintf(end->verdict, sizeof(end->verdict), "thread %s died of signal %d (%s)", thread, how.signal,
			 strsignal(how.signal));
	bu_engine_abandon(engine);
	return 0;
}

/* ---------------------------------------------------------------------------------------------- what became of it */

static const char *verdict_name(enum bu_hang_class class)
{
	return class == BU_HANG_FAILED ? "error" : class == BU_HANG_ASSERTION ? "assertion" : bu_hang_class_names[class];
}

/* In words. What the core itself did wrong names it; what it simulates going wrong is a matter of the kernel. */
static const char *verdict_detail(struct bu_host *h, const struct bu_machine_result *end, const struct bu_hang_verdict *v)
{
	char detail[sizeof(end->verdict) + 128];

	if (v->class == BU_HANG_FAILED || v->class == BU_HANG_MISUSE || v->class == BU_HANG_ASSERTION || v->class == BU_HANG_LIMIT)
		snprintf(detail, sizeof(detail), "core %.100s: %s", h->core->name, end->verdict);
	else
		snprintf(detail, sizeof(detail), "%s", v->class == BU_HANG_CRASH ? end->verdict : v->summary);
	return bu_arena_strdup(&h->out->arena, detail);
}

static int take_verdict(struct bu_host *h, const struct bu_machine_result *end, const struct bu_watch *watch, bool forced)
{
	struct bu_run *run = &h->out->run;
	struct bu_hang_verdict v = { .class = BU_HANG_FAILED };
	_cleanup_free_ char *witness = NULL;

	run->events = end->events;
	run->hash = end->hash;
	if (!forced) {
		bu_hang_diagnose(h->machine, end, &v);
		bu_watch_judge(watch, &v);
	}
	run->verdict = verdict_name(v.class);
	run->verdict_detail = verdict_detail(h, end, &v);
	if (!run->verdict_detail)
		return -ENOMEM;
	if (v.class == BU_HANG_NONE || forced)
		return 0;
	witness = bu_hang_witness(h->machine, end, &v);
	run->witness = witness ? bu_arena_strdup(&h->out->arena, witness) : NULL;
	return run->witness ? 0 : -ENOMEM;
}

static int take_watchdogs(struct bu_host *h, const struct bu_watch *watch)
{
	struct bu_run *run = &h->out->run;
	struct bu_arena *arena = &h->out->arena;
	const struct bu_watch_report *r;
	size_t i, n = bu_watch_reports(watch, &r);

	run->watchdogs = calloc(n + 1, sizeof(*run->watchdogs));
	if (!run->watchdogs)
		return -ENOMEM;
	for (i = 0; i < n; i++) {
		struct bu_run_watchdog *w = &run->watchdogs[run->n_watchdogs++];

		*w = (struct bu_run_watchdog){
			.name = bu_watchdogs[r[i].dog].name, .since_ns = r[i].since_ns, .at_ns = r[i].at_ns, .n = r[i].n,
			.cpus = bu_arena_strdup(arena, r[i].cpus), .place = bu_arena_strdup(arena, r[i].where ? r[i].where : ""),
			.task = r[i].thread ? bu_arena_strdup(arena, bu_thread_name(h->machine, r[i].thread)) : NULL,
		};
		if (!w->cpus || !w->place || (r[i].thread && !w->task))
			return -ENOMEM;
	}
	return 0;
}

static int take_locks(struct bu_host *h)
{
	struct bu_run *run = &h->out->run;
	uint32_t o, t, n = bu_nr_objs(h->machine);
	struct bu_held_info held;
	size_t cap = 0;

	for (t = 1; t <= bu_nr_threads(h->machine); t++)
		run->lock_holders += bu_held_by(h->machine, t, &held, 1) > 0;

	for (o = 1; o <= n; o++) {
		const struct bu_lock_stats *s = bu_lock_stats(h->machine, o);

		if (!s)
			continue;
		if (bu_grow(&run->locks, run->n_locks, &cap, sizeof(*run->locks)))
			return -ENOMEM;
		run->locks[run->n_locks++] = (struct bu_run_lock){
			.name = host_name(h, bu_obj_name(h->machine, o)), .kind = bu_obj_kind_name(bu_obj_kind_of(h->machine, o)),
			.acquired = s->acquired, .contended = s->contended, .wait_ns = s->wait_ns,
			.wait_max_ns = s->wait_max_ns, .hold_ns = s->hold_ns, .hold_max_ns = s->hold_max_ns,
		};
	}
	return 0;
}

static int take_accounts(struct bu_host *h)
{
	struct bu_run *run = &h->out->run;
	uint32_t cpu, n = bu_nr_cpus(h->machine);

	run->accounts = calloc(n, sizeof(*run->accounts));
	if (!run->accounts)
		return -ENOMEM;
	for (cpu = 0; cpu < n; cpu++) {
		struct bu_cpu_account a;

		bu_cpu_account(h->machine, (int)cpu, &a);
		run->accounts[run->n_accounts++] = (struct bu_run_account){
			.cpu = (int32_t)cpu, .busy_ns = a.busy_ns, .spin_ns = a.spin_ns, .steal_ns = a.steal_ns,
			.interrupts = a.irqs, .nmis = a.nmis, .switches = a.switches,
		};
	}
	return 0;
}

static const char *params_json(struct bu_host *h)
{
	enum { ROOM = 60 + BU_PARAM_STRLEN + 8 };
	size_t i, n = bu_core_n_params(h->core), len = 0;
	char *text = bu_arena_alloc(&h->out->arena, n * ROOM + 3), value[BU_PARAM_STRLEN];

	if (!text)
		return NULL;
	text[len++] = '{';
	for (i = 0; i < n; i++) {
		const struct bu_param *p = &h->core->params[i];
		const char *quote = strchr(p->unit, '|') ? "\"" : "";

		len += (size_t)snprintf(text + len, ROOM, "%s\"%.60s\":%s%s%s", i ? "," : "", p->name, quote,
					bu_core_param_str(p, h->options->params[i], value), quote);
	}
	text[len] = '}';
	return text;
}

int host_run(struct bu_host *h, struct bu_machine_config *config, struct bu_err *err)
{
	struct bu_run *run = &h->out->run;
	struct bu_watch *watch = NULL;
	struct bu_machine_result end;
	bool forced = false;
	int rc;

	h->tables = (struct bu_host_tables){ sizeof(h->tables), BU_CORE_ABI, bu_host_machine_ops, h->family->ops };
	config->tables = &h->tables;
	config->host = h;
	config->waited = on_waited;
	config->lock_stats = true;
	run->family = h->core->family;
	run->core = h->core->name;
	run->core_source = h->core->source;
	run->seed = h->options->seed;
	run->params = params_json(h);
	rc = run->params ? bu_machine_create(config, &h->machine, err) : -ENOMEM;
	if (rc)
		return rc;
	if (h->family->start)
		h->family->start(h);
	h->control = bu_thread_run(h->machine, "kernel_init", 0, control_main, h);
	rc = h->control ? bu_watch_start(h->machine, &watch, err) : -ENOMEM;
	if (!rc)
		rc = run_guarded(h, &end, &forced, err);
	if (!rc && !h->control_end_ns)
		h->control_end_ns = end.now_ns;	/* the run ended first */
	if (!rc)
		rc = take_verdict(h, &end, watch, forced);
	if (!rc && !forced) {
		bu_waits_each(h->machine, never_ended, h);
		rc = take_locks(h);
	}
	if (!rc && !forced)
		rc = take_watchdogs(h, watch);
	bu_watch_destroy(watch);
	if (!rc)
		rc = host_name_threads(h);
	if (!rc)
		rc = take_accounts(h);
	run->names = h->names;
	run->n_names = h->n_names;
	return rc ? rc : h->oom ? -ENOMEM : 0;
}

void host_fini(struct bu_host *h)
{
	bu_machine_destroy(h->machine);
	h->machine = NULL;
}

void bu_replay_result_fini(struct bu_replay_result *r)
{
	free((void *)r->run.names);
	free(r->run.cpu_rows);
	free(r->run.ops);
	free(r->run.intervals);
	free(r->run.waits);
	free(r->run.locks);
	free(r->run.accounts);
	free(r->run.metrics);
	free(r->run.watchdogs);
	bu_arena_fini(&r->arena);
	*r = (struct bu_replay_result){ 0 };
}
