// SPDX-License-Identifier: GPL-2.0-only
/*
 * host.c - what a core calls: the host operations of replay/core.h over one engine and one schedule.
 *
 * Flow: core -> [host] -> engine, and intervals, waits and instants into the run.
 *
 * Accounts: the control task's time is either busy or waiting. Waiting is what it spends in awaits and what follows
 * from having been asleep (release, unpark, done); all else is busy.
 */
#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "replay/host_int.h"
#include "replay/registry.h"
#include "schemas/base/ns.h"

static const struct {
	enum bu_phase phase;
	int on_control, waiting;
} parts[BU_HP_NR_WORK] = {
	[BU_HP_ENTRY] = { BU_PHASE_OVERHEAD, 1, 0 },	   [BU_HP_KICK_ENTRY] = { BU_PHASE_OVERHEAD, 1, 0 },
	[BU_HP_KICK] = { BU_PHASE_KICK, 1, 0 },		   [BU_HP_KICK_TAIL] = { BU_PHASE_KICK, 1, 0 },
	[BU_HP_DARK] = { BU_PHASE_DARK, 0, 0 },		   [BU_HP_BRINGUP_ENTRY] = { BU_PHASE_OVERHEAD, 1, 0 },
	[BU_HP_RELEASE] = { BU_PHASE_WAIT, 1, 1 },	   [BU_HP_RELEASED] = { BU_PHASE_STARTING, 0, 0 },
	[BU_HP_STARTING] = { BU_PHASE_STARTING, 0, 0 },	   [BU_HP_TSC_JOIN] = { BU_PHASE_TSC, 1, 1 },
	[BU_HP_TSC_SYNC] = { BU_PHASE_TSC, 0, 0 },	   [BU_HP_ONLINE] = { BU_PHASE_STARTING, 0, 0 },
	[BU_HP_UNPARK] = { BU_PHASE_WAIT, 1, 1 },	   [BU_HP_THREAD_WAKE] = { BU_PHASE_OVERHEAD, 0, 0 },
	[BU_HP_DONE] = { BU_PHASE_WAIT, 1, 1 },		   [BU_HP_EXIT] = { BU_PHASE_OVERHEAD, 1, 0 },
};

static const char sharing[] = "share of the host";	/* an await of ours, not of the core: never reported */

/* -------------------------------------------------------------------------------------------------- recording */

static uint32_t name_index(struct bu_host *h, const char *text)
{
	size_t i;

	for (i = h->schedule->n_names; i < h->n_names; i++)	/* few: parts and wait points */
		if (h->names[i] == text || !strcmp(h->names[i], text))
			return (uint32_t)i;
	if (bu_grow(&h->names, h->n_names, &h->cap_names, sizeof(*h->names))) {
		h->oom = 1;
		return 0;
	}
	h->names[h->n_names] = text;
	return (uint32_t)h->n_names++;
}

static void add_interval(struct bu_host *h, const struct bu_run_interval *v)
{
	struct bu_run *run = &h->out->run;

	if (bu_grow(&run->intervals, run->n_intervals, &h->cap_intervals, sizeof(*v))) {
		h->oom = 1;
		return;
	}
	run->intervals[run->n_intervals++] = *v;
}

static void record(struct bu_host *h, int lane, int cpu, enum bu_phase phase, uint32_t name, int64_t start)
{
	const struct bu_run_interval v = {
		.lane = h->slots[lane].id, .cpu = h->slots[cpu].id, .phase = phase, .name = name, .start_ns = start,
		.end_ns = bu_engine_now(h->engine), .recorded_start_ns = BU_NS_UNKNOWN,
		.recorded_end_ns = BU_NS_UNKNOWN,
	};

	add_interval(h, &v);
}

void bu_host_on_wait(void *ctx, bu_task_id task, const char *point, int32_t cpu, int64_t start, int64_t end,
		     enum bu_wait_outcome outcome)
{
	static const char *const outcomes[] = { "satisfied", "timeout", "never" };
	struct bu_host *h = ctx;
	struct bu_run *run = &h->out->run;
	int lane = bu_task_lane(h->engine, task);
	enum bu_phase phase = task == h->control_task ? BU_PHASE_WAIT :
			      !strncmp(point, "Wa", 2) ? BU_PHASE_PARKED : BU_PHASE_TSC;
	struct bu_run_interval v = { .phase = phase, .start_ns = start, .end_ns = end,
				     .recorded_start_ns = BU_NS_UNKNOWN, .recorded_end_ns = BU_NS_UNKNOWN };
	struct bu_run_wait *w;

	if (point == sharing)
		return;
	if (task == h->control_task && outcome != BU_WAIT_NEVER)
		h->control_wait_ns += end - start;
	if (bu_grow(&run->waits, run->n_waits, &h->cap_waits, sizeof(*w))) {
		h->oom = 1;
		return;
	}
	w = &run->waits[run->n_waits++];
	*w = (struct bu_run_wait){ .lane = h->slots[lane].id, .cpu = cpu < 0 ? -1 : h->slots[cpu].id,
				   .point = name_index(h, point), .start_ns = start, .end_ns = outcome == BU_WAIT_NEVER ? BU_NS_UNKNOWN : end,
				   .outcome = outcomes[outcome] };
	w->task = bu_arena_strdup(&h->out->arena, bu_task_name(h->engine, task));
	if (!w->task) {
		w->task = "";
		h->oom = 1;
	}
	v.lane = w->lane;
	v.cpu = w->cpu < 0 ? w->lane : w->cpu;
	v.end_ns = w->end_ns;
	v.name = w->point;
	/* A second task on the control CPU waits inside a wait of the first: one CPU's time is counted once. */
	if (lane != h->control || task == h->control_task)
		add_interval(h, &v);
}

/* ------------------------------------------------------------------------------------------ a shared host */

static void add_busy(struct bu_host *h, int delta)
{
	if (!h->options->host_milli)
		return;
	h->busy += delta;
	bu_word_add(h->engine, h->busy_changes, 1);
}

/*
 * Spends @ns of work. On a host with fewer CPUs than are busy each gets an equal share of it, as fair scheduling gives
 * it over times that are long against a time slice; whenever the number of busy CPUs changes, what is left is stretched
 * anew.
 */
static void spend(struct bu_host *h, int64_t ns)
{
	const int64_t host = h->options->host_milli;

	if (!host) {
		bu_engine_delay(h->engine, ns);
		return;
	}
	add_busy(h, 1);
	while (ns > 0) {
		const int64_t load = h->busy * 1000 > host ? h->busy * 1000 : host, start = bu_engine_now(h->engine);
		const struct bu_await_op op = { .word = h->busy_changes, .guard = BU_GUARD_NE,
						.value = bu_word_load(h->engine, h->busy_changes),
						.timeout_ns = (int64_t)(((__int128)ns * load + host - 1) / host),
						.point = sharing, .cpu = -1 };

		if (bu_word_await(h->engine, &op, NULL))
			break;
		ns -= (int64_t)((__int128)(bu_engine_now(h->engine) - start) * host / load);
	}
	add_busy(h, -1);
}

/* ------------------------------------------------------------------------------- operations of the machine */

static int64_t op_now(struct bu_host *h)
{
	return bu_engine_now(h->engine);
}

static void op_delay(struct bu_host *h, int64_t ns)
{
	bu_engine_delay(h->engine, ns);
}

static uint32_t op_word(struct bu_host *h, const char *name, int64_t value)
{
	return bu_word_new(h->engine, name, value);
}

static int64_t op_load(struct bu_host *h, uint32_t word)
{
	return bu_word_load(h->engine, word);
}

static void op_store(struct bu_host *h, uint32_t word, int64_t value)
{
	bu_word_store(h->engine, word, value);
}

static int64_t op_add(struct bu_host *h, uint32_t word, int64_t delta)
{
	return bu_word_add(h->engine, word, delta);
}

static int64_t op_cmpxchg(struct bu_host *h, uint32_t word, int64_t old, int64_t new_value)
{
	return bu_word_cmpxchg(h->engine, word, old, new_value);
}

static int op_await(struct bu_host *h, const struct bu_await *a)
{
	static const enum bu_guard guards[] = { [BU_WHEN_EQ] = BU_GUARD_EQ, [BU_WHEN_NE] = BU_GUARD_NE,
						[BU_WHEN_GE] = BU_GUARD_GE, [BU_WHEN_LE] = BU_GUARD_LE };
	static const enum bu_effect effects[] = { [BU_THEN_NOTHING] = BU_EFFECT_NONE, [BU_THEN_STORE] = BU_EFFECT_STORE,
						  [BU_THEN_ADD] = BU_EFFECT_ADD };
	struct bu_await_op op;
	bool spins = a->size > offsetof(struct bu_await, spins) && a->spins;
	int waited = 0, rc;

	if (a->size < offsetof(struct bu_await, spins) || (unsigned int)a->when >= ARRAY_SIZE(guards) ||
	    (unsigned int)a->then >= ARRAY_SIZE(effects) || !a->point || a->cpu >= h->n_slots)
		bu_engine_fail(h->engine, "core %s: await with wrong arguments", h->core->name);
	op = (struct bu_await_op){ .word = a->word, .guard = guards[a->when], .value = a->value,
				   .effect = effects[a->then], .operand = a->operand,
				   .timeout_ns = a->timeout_ns < 0 ? BU_NO_TIMEOUT : a->timeout_ns, .point = a->point,
				   .cpu = a->cpu };
	if (spins)
		add_busy(h, 1);
	rc = bu_word_await(h->engine, &op, &waited);
	if (spins)
		add_busy(h, -1);
	return rc ? rc : waited;
}

static void op_serialise(struct bu_host *h, uint32_t word, int64_t ns, const char *point)
{
	bu_resource_use(h->engine, word, ns, point);
}

struct task_arg {
	struct bu_host *h;
	void (*fn)(struct bu_host *, void *);
	void *arg;
};

static void task_main(struct bu_engine *e, void *arg)
{
	const struct task_arg *t = arg;

	(void)e;
	t->fn(t->h, t->arg);
}

static void *op_alloc(struct bu_host *h, size_t bytes)
{
	void *p;

	if (bytes > h->alloc_limit - h->out->arena.used)
		bu_engine_fail(h->engine, "core %s asks for more than %zu MiB of memory", h->core->name, h->alloc_limit >> 20);
	p = bu_arena_alloc(&h->out->arena, bytes);
	if (!p) {
		h->oom = 1;
		bu_engine_fail(h->engine, "out of memory");
	}
	return p;
}

static void op_spawn(struct bu_host *h, const char *name, int cpu, void (*fn)(struct bu_host *, void *), void *arg)
{
	struct task_arg *t = op_alloc(h, sizeof(*t));
	char full[64];

	if (cpu < 0 || cpu >= h->n_slots)
		bu_engine_fail(h->engine, "core %s: task '%s' on CPU %d of %d", h->core->name, name, cpu, h->n_slots);
	*t = (struct task_arg){ h, fn, arg };
	snprintf(full, sizeof(full), "%s/%d", name, h->slots[cpu].id);
	bu_task_spawn(h->engine, full, cpu, task_main, t);
}

static void op_fail(struct bu_host *h, const char *why)
{
	bu_engine_fail(h->engine, "core %s: %s", h->core->name, why);
}

static int64_t op_param(struct bu_host *h, int index)
{
	if (index < 0 || (size_t)index >= bu_core_n_params(h->core))
		bu_engine_fail(h->engine, "core %s has no parameter number %d", h->core->name, index);
	return h->options->params[index];
}

const struct bu_host_ops bu_host_ops = {
	.size = sizeof(bu_host_ops), .abi = BU_CORE_ABI, .now_ns = op_now, .delay = op_delay, .word = op_word,
	.load = op_load, .store = op_store, .add = op_add, .cmpxchg = op_cmpxchg, .await = op_await,
	.serialise = op_serialise, .spawn = op_spawn, .alloc = op_alloc, .fail = op_fail, .param = op_param,
};

/* ---------------------------------------------------------------------------------- operations of the family */

static struct slot *slot_of(struct bu_host *h, int cpu)
{
	if (cpu < 0 || cpu >= h->n_slots || !h->slots[cpu].cpu)
		bu_engine_fail(h->engine, "core %s: CPU %d is no secondary CPU of this run", h->core->name, cpu);
	return &h->slots[cpu];
}

static int hp_nr_cpus(struct bu_host *h)
{
	return h->n_slots;
}

static int hp_control_cpu(struct bu_host *h)
{
	return h->control;
}

static bool hp_is_primary(struct bu_host *h, int cpu)
{
	return slot_of(h, cpu)->cpu->primary;
}

static int64_t hp_duration(struct bu_host *h, int cpu, enum bu_hp_work part)
{
	return slot_of(h, cpu)->cpu->part[part].ns;
}

static int64_t hp_work(struct bu_host *h, int cpu, enum bu_hp_work part)
{
	int64_t ns = hp_duration(h, cpu, part), start = bu_engine_now(h->engine);

	if (!ns)
		return 0;
	spend(h, ns);
	record(h, parts[part].on_control ? h->control : cpu, cpu, parts[part].phase, name_index(h, bu_hp_part_names[part]),
	       start);
	if (parts[part].waiting && bu_task_self(h->engine) == h->control_task)
		h->control_wait_ns += ns;
	return ns;
}

static bool hp_never_comes(struct bu_host *h, int cpu)
{
	return slot_of(h, cpu)->cpu->never_comes;
}

static int hp_nr_steps(struct bu_host *h, int cpu, enum bu_hp_section section)
{
	return (int)slot_of(h, cpu)->cpu->n_steps[section];
}

static int hp_step(struct bu_host *h, int cpu, enum bu_hp_section section, int i)
{
	const struct bu_hp_cpu *c = slot_of(h, cpu)->cpu;
	const struct bu_hp_step *step = &c->steps[section][i];
	int64_t start;

	if (step->overhead_ns)
		spend(h, step->overhead_ns);
	start = bu_engine_now(h->engine);
	if (step->work_ns == BU_NS_UNKNOWN) {	/* the recording ends inside it */
		const struct bu_await_op op = { .word = h->never, .guard = BU_GUARD_NE, .value = 0,
						.timeout_ns = BU_NO_TIMEOUT,
						.point = h->schedule->names[step->name], .cpu = cpu };

		bu_word_await(h->engine, &op, NULL);
	}
	spend(h, step->work_ns);
	record(h, section == BU_HP_PREPARE ? h->control : cpu, cpu,
	       section == BU_HP_PREPARE ? BU_PHASE_PREPARE : BU_PHASE_ONLINE, step->name, start);
	return step->ret;
}

static void hp_lead_in(struct bu_host *h)
{
	int64_t start = bu_engine_now(h->engine);

	if (!h->schedule->lead_in_ns)
		return;
	spend(h, h->schedule->lead_in_ns);
	record(h, h->control, h->control, BU_PHASE_OVERHEAD, name_index(h, "lead-in"), start);
}

static void hp_mark(struct bu_host *h, int cpu, enum bu_hp_mark mark)
{
	struct bu_run_cpu *r = &slot_of(h, cpu)->row;
	int64_t *const at[BU_HP_NR_MARKS] = { &r->prepare_ns, &r->kick_ns, &r->alive_ns, &r->release_ns, &r->idle_ns,
					      &r->online_ns };

	*at[mark] = bu_engine_now(h->engine);
	if (mark == BU_HP_AT_ONLINE)
		r->verdict = BU_CPU_OK;
}

static void hp_failed(struct bu_host *h, int cpu, int ret)
{
	(void)ret;
	slot_of(h, cpu)->row.verdict = BU_CPU_FAILED;
}

static int hp_nr_recorded(struct bu_host *h)
{
	return (int)h->schedule->n_recorded;
}

/* The core's number of a CPU of the recording. Both lists are in CPU order. */
static int index_of(const struct bu_host *h, int32_t id)
{
	int lo = 0, hi = h->n_slots;

	while (lo < hi) {
		int mid = (lo + hi) / 2;

		if (h->slots[mid].id < id)
			lo = mid + 1;
		else
			hi = mid;
	}
	return lo < h->n_slots && h->slots[lo].id == id ? lo : h->control;
}

static void hp_recorded(struct bu_host *h, int i, struct bu_hp_interval *ret)
{
	const struct bu_hp_recorded *r = &h->schedule->recorded[i];

	ret->lane = index_of(h, r->lane);
	ret->cpu = index_of(h, r->cpu);
	ret->start_ns = r->start_ns;
	ret->end_ns = r->end_ns;
	ret->end_known = r->end_ns != BU_NS_UNKNOWN;
}

static void hp_replay_interval(struct bu_host *h, int i)
{
	const struct bu_hp_recorded *r = &h->schedule->recorded[i];
	struct bu_run_interval v = { .lane = r->lane, .cpu = r->cpu, .phase = r->phase, .name = r->name,
				     .end_ns = BU_NS_UNKNOWN, .recorded_start_ns = r->start_ns,
				     .recorded_end_ns = r->end_ns };

	bu_engine_delay_until(h->engine, r->start_ns);
	v.start_ns = bu_engine_now(h->engine);
	if (r->end_ns != BU_NS_UNKNOWN) {
		bu_engine_delay_until(h->engine, r->end_ns);
		v.end_ns = bu_engine_now(h->engine);
		if (r->phase == BU_PHASE_WAIT) {
			h->control_wait_ns += v.end_ns - v.start_ns;
			if (v.end_ns > h->control_end_ns)
				h->control_end_ns = v.end_ns;
		}
	}
	add_interval(h, &v);
}

static void hp_recorded_marks(struct bu_host *h, int cpu)
{
	struct slot *s = slot_of(h, cpu);
	const int64_t *m = s->cpu->mark_ns;

	s->row.prepare_ns = m[BU_HP_AT_PREPARE];
	s->row.kick_ns = m[BU_HP_AT_KICK];
	s->row.alive_ns = m[BU_HP_AT_ALIVE];
	s->row.release_ns = m[BU_HP_AT_RELEASE];
	s->row.idle_ns = m[BU_HP_AT_IDLE];
	s->row.online_ns = m[BU_HP_AT_ONLINE];
	s->row.verdict = s->cpu->verdict;
}

const struct bu_hotplug_ops bu_host_hotplug_ops = {
	.size = sizeof(bu_host_hotplug_ops), .abi = BU_CORE_ABI, .nr_cpus = hp_nr_cpus, .control_cpu = hp_control_cpu,
	.is_primary = hp_is_primary, .work = hp_work, .duration = hp_duration, .never_comes = hp_never_comes,
	.nr_steps = hp_nr_steps, .step = hp_step, .lead_in = hp_lead_in, .mark = hp_mark, .failed = hp_failed,
	.nr_recorded = hp_nr_recorded, .recorded = hp_recorded, .replay_interval = hp_replay_interval,
	.recorded_marks = hp_recorded_marks,
};
