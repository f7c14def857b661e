// SPDX-License-Identifier: GPL-2.0-only
/*
 * session.c - see session.h: one replay from set-up to the run that comes out. What the core calls while it runs is in
 * host.c.
 */
#include "replay/session.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "replay/guard.h"
#include "replay/host_int.h"
#include "replay/registry.h"
#include "schemas/base/ns.h"

static void control_main(struct bu_engine *e, void *arg)
{
	struct bu_host *h = arg;

	h->core->control(h);
	if (bu_engine_now(e) > h->control_end_ns)
		h->control_end_ns = bu_engine_now(e);
}

static int make_slots(struct bu_host *h)
{
	const struct bu_hp_schedule *s = h->schedule;
	size_t i;
	int n = 0;

	h->slots = calloc(s->n_cpus + 1, sizeof(*h->slots));
	if (!h->slots)
		return -ENOMEM;
	h->control = -1;
	for (i = 0; i <= s->n_cpus; i++) {
		if (h->control < 0 && (i == s->n_cpus || s->control_cpu < s->cpus[i].cpu)) {
			h->control = n;
			h->slots[n++].id = s->control_cpu;
		}
		if (i < s->n_cpus) {
			h->slots[n] = (struct slot){ .id = s->cpus[i].cpu, .cpu = &s->cpus[i] };
			h->slots[n].row = (struct bu_run_cpu){
				s->cpus[i].cpu, BU_NS_UNKNOWN, BU_NS_UNKNOWN, BU_NS_UNKNOWN, BU_NS_UNKNOWN,
				BU_NS_UNKNOWN, BU_NS_UNKNOWN, s->cpus[i].mark_ns[BU_HP_AT_ONLINE], BU_CPU_OPEN };
			n++;
		}
	}
	h->n_slots = n;
	return 0;
}

/* Nearest rank: the smallest value that at least @percent of all do not exceed. */
static int64_t quantile(const int64_t *sorted, size_t n, int percent)
{
	size_t rank = (n * (size_t)percent + 99) / 100;

	return sorted[rank ? rank - 1 : 0];
}

enum { NAMED_CPUS = 6 };	/* how many of those that are not up a verdict names */

static int summarise(struct bu_host *h, const struct bu_engine_result *end)
{
	struct bu_run *run = &h->out->run;
	_cleanup_free_ int64_t *latency = calloc((size_t)h->n_slots, sizeof(*latency));
	size_t n = 0, failed = 0, open = 0;
	int64_t last = BU_NS_UNKNOWN;
	char cpus[256] = "", detail[640];
	int i;

	run->cpu_rows = calloc((size_t)h->n_slots, sizeof(*run->cpu_rows));
	if (!latency || !run->cpu_rows)
		return -ENOMEM;
	for (i = 0; i < h->n_slots; i++) {
		const struct bu_run_cpu *r = &h->slots[i].row;

		if (!h->slots[i].cpu)
			continue;
		run->cpu_rows[run->n_cpu_rows++] = *r;
		if (r->verdict != BU_CPU_OK) {
			if (failed + open < NAMED_CPUS)
				snprintf(cpus + strlen(cpus), sizeof(cpus) - strlen(cpus), "%sCPU %d %s",
					 cpus[0] ? ", " : "", r->cpu, r->verdict == BU_CPU_FAILED ? "failed" : "is not up");
			if (r->verdict == BU_CPU_FAILED)
				failed++;
			else
				open++;
		}
		if (r->online_ns == BU_NS_UNKNOWN)
			continue;
		if (r->online_ns > last)
			last = r->online_ns;
		if (r->kick_ns != BU_NS_UNKNOWN)
			latency[n++] = r->online_ns - r->kick_ns;
	}
	qsort(latency, n, sizeof(*latency), bu_ns_compare);
	run->ap_latency_p50_ns = n ? quantile(latency, n, 50) : BU_NS_UNKNOWN;
	run->ap_latency_p99_ns = n ? quantile(latency, n, 99) : BU_NS_UNKNOWN;
	run->ap_latency_max_ns = n ? latency[n - 1] : BU_NS_UNKNOWN;
	run->events = end->events;
	run->hash = end->hash;
	run->bp_wait_ns = h->control_wait_ns;
	run->bp_busy_ns = h->control_end_ns - h->control_wait_ns;
	run->bringup_ns = end->end == BU_END_DONE && !open ? last : BU_NS_UNKNOWN;
	if (end->end == BU_END_STUCK)
		run->verdict = "hang";
	else if (end->end == BU_END_LIMIT)
		run->verdict = "limit";
	else if (end->end == BU_END_FAILED)
		run->verdict = "error";
	else
		run->verdict = failed || open ? "failed" : "ok";
	if (failed + open > NAMED_CPUS)
		snprintf(cpus + strlen(cpus), sizeof(cpus) - strlen(cpus), " and %zu more", failed + open - NAMED_CPUS);
	snprintf(detail, sizeof(detail), "%s%s%s", end->detail, end->detail[0] && cpus[0] ? "; " : "", cpus);
	run->verdict_detail = bu_arena_strdup(&h->out->arena, detail);
	return run->verdict_detail ? 0 : -ENOMEM;
}

static const char *params_json(struct bu_host *h)
{
	size_t i, n = bu_core_n_params(h->core), len = 0;
	char *text = bu_arena_alloc(&h->out->arena, n * 96 + 3);

	if (!text)
		return NULL;
	text[len++] = '{';
	for (i = 0; i < n; i++)
		len += (size_t)snprintf(text + len, 96, "%s\"%.60s\":%lld", i ? "," : "", h->core->params[i].name,
					(long long)h->options->params[i]);
	text[len] = '}';
	return text;
}

static int set_up(struct bu_host *h)
{
	const struct bu_hp_schedule *s = h->schedule;
	struct bu_run *run = &h->out->run;
	size_t i;

	for (i = 0; i < s->n_names; i++) {
		if (bu_grow(&h->names, h->n_names, &h->cap_names, sizeof(*h->names)))
			return -ENOMEM;
		h->names[h->n_names++] = s->names[i];
	}
	run->family = h->core->family;
	run->core = h->core->name;
	run->core_source = h->core->source;
	run->capture_name = s->capture_name;
	run->capture_sha256 = s->capture_sha256;
	run->kernel_release = s->kernel_release;
	run->recorded_algorithm = s->algorithm;
	run->recorded_cpus = h->options->recorded_cpus;
	run->cpus = h->n_slots;
	run->sampled = h->options->sampled;
	run->host_milli = h->options->host_milli;
	run->recorded_host_milli = s->host_milli;
	run->seed = h->options->seed;
	run->recorded_bringup_ns = s->bringup_ns;
	run->params = params_json(h);
	h->never = bu_word_new(h->engine, "never", 0);
	h->busy_changes = bu_word_new(h->engine, "busy CPUs", 0);
	h->control_task = bu_task_spawn(h->engine, "control", h->control, control_main, h);
	return run->params && h->never && h->busy_changes && h->control_task ? 0 : -ENOMEM;
}

struct guarded_run {
	struct bu_engine *engine;
	struct bu_engine_result *end;
	struct bu_err *err;
	int rc;
};

static void run_engine(void *arg)
{
	struct guarded_run *g = arg;

	g->rc = bu_engine_run(g->engine, g->end, g->err);
}

/* Runs the engine; a core that has to be stopped by force ends the run with BU_END_FAILED. */
static int run_guarded(struct bu_host *h, struct bu_engine_result *end, struct bu_err *err)
{
	struct guarded_run g = { h->engine, end, err, 0 };
	struct bu_guard_result how;
	const char *task;

	if (!h->options->guard_ms) {
		run_engine(&g);
		return g.rc;
	}
	how = bu_guarded(run_engine, &g, bu_engine_progress(h->engine), h->options->guard_ms);
	if (how.end == BU_GUARD_UNAVAILABLE)
		return bu_fail(err, -EAGAIN, "the system gives no timer or signal stack to watch the core with");
	if (how.end == BU_GUARD_RETURNED)
		return g.rc;
	task = bu_task_name(h->engine, bu_task_self(h->engine));
	*end = (struct bu_engine_result){ .end = BU_END_FAILED, .now_ns = bu_engine_now(h->engine),
					  .events = *bu_engine_progress(h->engine) };
	if (how.end == BU_GUARD_LOOP)
		snprintf(end->detail, sizeof(end->detail), "core %s: task %s ran for %d ms without coming back to the host",
			 h->core->name, task, h->options->guard_ms);
	else if (how.end == BU_GUARD_MEMORY)
		snprintf(end->detail, sizeof(end->detail), "core %s: task %s accessed memory at %#llx that is not its own "
			 "(a wild pointer, or its stack is full)", h->core->name, task,
			 (unsigned long long)how.address);
	else
		snprintf(end->detail, sizeof(end->detail), "core %s: task %s died of signal %d (%s)", h->core->name, task,
			 how.signal, strsignal(how.signal));
	bu_engine_abandon(h->engine);
	return 0;
}

int bu_replay_hotplug(const struct bu_core_def *core, const struct bu_hp_schedule *schedule,
		      const struct bu_replay_options *options, struct bu_replay_result *ret, struct bu_err *err)
{
	struct bu_replay_result out = { 0 };
	struct bu_host h = { .tables = { &bu_host_ops, &bu_host_hotplug_ops }, .core = core, .schedule = schedule,
			     .options = options, .out = &out };
	struct bu_engine_config config = { .seed = options->seed, .max_events = options->max_events,
					   .sink = { .ctx = &h, .wait = bu_host_on_wait } };
	struct bu_engine_result end;
	int rc;

	rc = make_slots(&h);
	/* A core needs a handful of events and a few hundred bytes per step; far more means that it runs away. */
	if (!rc && !config.max_events)
		config.max_events = 1000000 + (uint64_t)h.n_slots * 100000;
	h.alloc_limit = ((size_t)64 << 20) + (size_t)h.n_slots * 65536;
	if (!rc)
		rc = bu_engine_create(&config, &h.engine, err);
	if (!rc)
		rc = set_up(&h);
	if (!rc)
		rc = run_guarded(&h, &end, err);
	if (!rc && h.oom)
		rc = -ENOMEM;
	if (!rc)
		rc = summarise(&h, &end);
	out.run.names = h.names;
	out.run.n_names = h.n_names;
	bu_engine_destroy(h.engine);
	free(h.slots);
	if (rc) {
		bu_replay_result_fini(&out);
		return bu_fail_errno(err, rc, "replay with core %s", core->name);
	}
	*ret = out;
	return 0;
}

void bu_replay_result_fini(struct bu_replay_result *r)
{
	free((void *)r->run.names);
	free(r->run.cpu_rows);
	free(r->run.intervals);
	free(r->run.waits);
	bu_arena_fini(&r->arena);
	*r = (struct bu_replay_result){ 0 };
}
