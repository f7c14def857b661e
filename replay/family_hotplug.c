// SPDX-License-Identifier: GPL-2.0-only
/*
 * family_hotplug.c - what hotplug cores are given (replay/core_hotplug.h): the work of a schedule, and the marks from which
 * the run's rows are made.
 *
 * Flow: schedule -> [family_hotplug: the core's operations on the machine] -> struct bu_run.
 *
 * Accounts: the control thread's time is either busy or waiting. Waiting is what it spends in waits and what follows from
 * having been asleep (release, unpark, done); all else is busy.
 *
 * A core counts CPUs 0..n-1 with the control CPU first; the recording may have other numbers (an absent CPU leaves a hole).
 * What is taken down carries the numbers of the recording.
 *
 * Operations at runtime are controlled by whichever thread calls op_begin(): its time is accounted as that of the control
 * thread. From op_begin() on what is done for the operation's CPU is that of the operation.
 */
#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "replay/core_hotplug.h"
#include "replay/describe.h"
#include "replay/host_int.h"
#include "replay/machine/wait.h"
#include "replay/registry.h"
#include "replay/schedule/hotplug.h"
#include "schemas/base/ns.h"

static const struct {
	enum bu_phase phase;
	bool waiting;
	bool apic;	/* accesses to the local APIC: INIT/SIPI; setup_local_APIC(); setup_secondary_APIC_clock() */
} parts[BU_HP_NR_WORK] = {
	[BU_HP_ENTRY] = { BU_PHASE_OVERHEAD, false },	    [BU_HP_KICK_ENTRY] = { BU_PHASE_OVERHEAD, false },
	[BU_HP_KICK] = { BU_PHASE_KICK, false, true },	    [BU_HP_KICK_TAIL] = { BU_PHASE_KICK, false },
	[BU_HP_DARK] = { BU_PHASE_DARK, false },	    [BU_HP_BRINGUP_ENTRY] = { BU_PHASE_OVERHEAD, false },
	[BU_HP_RELEASE] = { BU_PHASE_WAIT, true },	    [BU_HP_RELEASED] = { BU_PHASE_STARTING, false },
	[BU_HP_STARTING] = { BU_PHASE_STARTING, false, true },    [BU_HP_TSC_JOIN] = { BU_PHASE_TSC, true },
	[BU_HP_TSC_SYNC] = { BU_PHASE_TSC, false },	    [BU_HP_ONLINE] = { BU_PHASE_STARTING, false, true },
	[BU_HP_UNPARK] = { BU_PHASE_WAIT, true },	    [BU_HP_THREAD_WAKE] = { BU_PHASE_OVERHEAD, false },
	[BU_HP_DONE] = { BU_PHASE_WAIT, true },		    [BU_HP_EXIT] = { BU_PHASE_OVERHEAD, false },
	[BU_HP_LOCK_WAIT] = { BU_PHASE_WAIT, true },	    [BU_HP_DOWN_WAKE] = { BU_PHASE_OVERHEAD, false },
	[BU_HP_DOWN_DONE] = { BU_PHASE_WAIT, true },	    [BU_HP_TAKEDOWN_ENTRY] = { BU_PHASE_OVERHEAD, false },
	[BU_HP_PARK] = { BU_PHASE_WAIT, true },		    [BU_HP_STOP_MEET] = { BU_PHASE_STOP, false },
	[BU_HP_DYING] = { BU_PHASE_DYING, false },	    [BU_HP_IDLE_DEAD] = { BU_PHASE_DYING, false },
	[BU_HP_DEAD_IPI] = { BU_PHASE_WAIT, true },	    [BU_HP_DEAD_DONE] = { BU_PHASE_WAIT, true },
	[BU_HP_TAKEDOWN_EXIT] = { BU_PHASE_OVERHEAD, false },
};

static const struct {
	enum bu_phase phase;
	bool down;
} sections[BU_HP_NR_SECTIONS] = {
	[BU_HP_PREPARE] = { BU_PHASE_PREPARE, false },	    [BU_HP_ONLINE_STEPS] = { BU_PHASE_ONLINE, false },
	[BU_HP_DOWN_STEPS] = { BU_PHASE_DOWN, true },	    [BU_HP_DEAD_STEPS] = { BU_PHASE_DEAD, true },
};

struct slot {
	int32_t id;			/* CPU number in the recording */
	struct bu_hp_place place;
	const struct bu_hp_cpu *cpu;	/* NULL for the control CPU */
	struct bu_run_cpu row;		/* with the marks of its first way up */
	uint32_t ups;			/* ways up begun */
	int done[2];			/* callbacks of its way up that have run and are not undone, by enum bu_hp_section */
	const char *message;		/* the last that the kernel printed about it; or NULL */
};

struct hotplug_run {
	const struct bu_hp_schedule *schedule;
	struct bu_hp_machine description;
	struct slot *slots;		/* by the core's number */
	int n_slots;
	struct bu_hp_burst *bursts;	/* on CPUs that there are, by the core's numbers; NULL until the core asks for them */
	size_t n_bursts;
	bu_thread controller;		/* of the operation or of the last one; 0: kernel_init */
	bool thinking, has_ops;
	struct bu_hp_op op;		/* as the core last asked for it */
	int64_t control_wait_ns;
};

static struct hotplug_run *run_of(struct bu_machine *m)
{
	return host_of(m)->run_of_family;
}

static struct slot *slot_of(struct bu_machine *m, int cpu)
{
	struct hotplug_run *r = run_of(m);

	if (cpu < 0 || cpu >= r->n_slots || !r->slots[cpu].cpu)
		host_core_error(host_of(m), "CPU %d is no secondary CPU of this run", cpu);
	return &r->slots[cpu];
}

static void record(struct bu_machine *m, int cpu, enum bu_phase phase, uint32_t name, int64_t start)
{
	const struct hotplug_run *r = run_of(m);
	const struct bu_run_interval v = {
		.lane = r->slots[bu_this_cpu(m)].id, .cpu = r->slots[cpu].id, .phase = phase, .name = name,
		.task = (int32_t)bu_current(m), .start_ns = start,
		.end_ns = bu_now(m), .recorded_start_ns = BU_NS_UNKNOWN, .recorded_end_ns = BU_NS_UNKNOWN,
	};

	host_add_interval(host_of(m), &v);
	bu_progress(m);
}

static bool controls(const struct bu_host *h, bu_thread t)
{
	const struct hotplug_run *r = h->run_of_family;

	return t == (r->controller ? r->controller : h->control);
}

static void waited(struct bu_host *h, const struct bu_waited *w)
{
	struct hotplug_run *r = h->run_of_family;
	const bool control = controls(h, w->thread), ended = w->end_ns != BU_NS_UNKNOWN;
	struct bu_run_interval v = { .task = (int32_t)w->thread, .start_ns = w->start_ns, .end_ns = w->end_ns,
				     .recorded_start_ns = BU_NS_UNKNOWN,
				     .recorded_end_ns = BU_NS_UNKNOWN };

	if ((!control && !w->point) || (control && r->thinking))
		return;		/* without work, or without an operation */
	if (control && ended)
		r->control_wait_ns += w->end_ns - w->start_ns;
	v.lane = r->slots[w->cpu].id;
	v.cpu = w->for_cpu >= 0 && w->for_cpu < r->n_slots ? r->slots[w->for_cpu].id : v.lane;
	v.phase = control ? BU_PHASE_WAIT : w->point && !strncmp(w->point, "Wa", 2) ? BU_PHASE_PARKED :
		  w->point && !strncmp(w->point, "Wt", 2) ? BU_PHASE_DARK : BU_PHASE_TSC;
	v.name = host_add_wait(h, w, v.lane, w->for_cpu >= 0 ? v.cpu : -1);
	/*
	 * A second thread on the control CPU waits inside a wait of the first: one CPU's time is counted once. And not every
	 * thread that waits for something does so on a CPU's way up.
	 */
	if (control || (w->cpu && w->point && (v.phase != BU_PHASE_TSC || !strncmp(w->point, "W3", 2))))
		host_add_interval(h, &v);
}

/* ------------------------------------------------------------------------------------------ operations of the family */

static bool hp_is_primary(struct bu_machine *m, int cpu)
{
	return slot_of(m, cpu)->cpu->primary;
}

static int64_t hp_duration(struct bu_machine *m, int cpu, enum bu_hp_work part)
{
	if ((unsigned int)part >= BU_HP_NR_WORK)
		host_core_error(host_of(m), "there is no part of work number %d", (int)part);
	return slot_of(m, cpu)->cpu->part[part].ns;
}

static void hp_spend(struct bu_machine *m, int cpu, enum bu_hp_work part, int64_t ns)
{
	const int64_t start = bu_now(m);

	if ((unsigned int)part >= BU_HP_NR_WORK || ns < 0)
		host_core_error(host_of(m), "spends %lld ns on part of work number %d", (long long)ns, (int)part);
	if (!ns)
		return;
	if (parts[part].apic)
		bu_emulator_turn(m);
	bu_work(m, ns);
	record(m, cpu, parts[part].phase, host_name(host_of(m), bu_hp_part_names[part]), start);
	if (parts[part].waiting && controls(host_of(m), bu_current(m)))
		run_of(m)->control_wait_ns += bu_now(m) - start;
}

static int64_t hp_work(struct bu_machine *m, int cpu, enum bu_hp_work part)
{
	const int64_t ns = hp_duration(m, cpu, part);

	hp_spend(m, cpu, part, ns);
	return ns;
}

static bool hp_never_comes(struct bu_machine *m, int cpu)
{
	return slot_of(m, cpu)->cpu->never_comes;
}

static int hp_nr_steps(struct bu_machine *m, int cpu, enum bu_hp_section section)
{
	if ((unsigned int)section >= BU_HP_NR_SECTIONS)
		host_core_error(host_of(m), "there is no section number %d", (int)section);
	return (int)slot_of(m, cpu)->cpu->n_steps[section];
}

/* The recording ends inside this step, so nobody knows what would end it. */
static void wait_for_ever(struct bu_machine *m, const char *step, int cpu)
{
	bu_obj never = bu_completion(m, step);

	bu_wait_point(m, step, cpu);
	bu_wait_for_completion(m, never);
}

static const struct bu_hp_step *step_of(struct bu_machine *m, int cpu, enum bu_hp_section section, int i)
{
	if (i < 0 || i >= hp_nr_steps(m, cpu, section)) {
		host_core_error(host_of(m), "CPU %d has no step number %d", cpu, i);
		return NULL;	/* not reached in a thread, and cores are threads */
	}
	return &slot_of(m, cpu)->cpu->steps[section][i];
}

static const char *hp_step_name(struct bu_machine *m, int cpu, enum bu_hp_section section, int i)
{
	return run_of(m)->schedule->names[step_of(m, cpu, section, i)->name];
}

static int hp_step_state(struct bu_machine *m, int cpu, enum bu_hp_section section, int i)
{
	return step_of(m, cpu, section, i)->nr;
}

static int64_t hp_step_sleep(struct bu_machine *m, int cpu, enum bu_hp_section section, int i)
{
	return step_of(m, cpu, section, i)->sleep_ns;
}

static void sleep_as_recorded(struct bu_machine *m, void *arg)
{
	const struct bu_hp_step *step = arg;

	bu_sleep_ns(m, step->sleep_ns);
}

static int hp_step_waiting(struct bu_machine *m, int cpu, enum bu_hp_section section, int i, bu_thread_fn wait, void *arg)
{
	const struct bu_hp_step *step = step_of(m, cpu, section, i);
	int64_t start;

	bu_work(m, step->overhead_ns);
	start = bu_now(m);
	if (step->work_ns == BU_NS_UNKNOWN)
		wait_for_ever(m, run_of(m)->schedule->names[step->name], cpu);
	bu_work(m, step->before_sleep_ns);
	wait(m, arg);
	bu_work(m, step->work_ns - step->before_sleep_ns);
	record(m, cpu, sections[section].phase, step->name, start);
	if (!step->ret && section <= BU_HP_ONLINE_STEPS)
		slot_of(m, cpu)->done[section] = i + 1;
	return step->ret;
}

static void no_wait(struct bu_machine *m, void *arg)
{
	(void)m;
	(void)arg;
}

static int hp_step(struct bu_machine *m, int cpu, enum bu_hp_section section, int i)
{
	const struct bu_hp_step *step = step_of(m, cpu, section, i);

	return hp_step_waiting(m, cpu, section, i, step->sleep_ns ? sleep_as_recorded : no_wait, (void *)(uintptr_t)step);
}

/* What it takes is in the part "roll back" as a whole, if the recording has it at all. */
static void hp_undo(struct bu_machine *m, int cpu, enum bu_hp_section section, int i)
{
	int *done = &slot_of(m, cpu)->done[section == BU_HP_ONLINE_STEPS];

	if (section > BU_HP_ONLINE_STEPS || *done != i + 1)
		host_core_error(host_of(m), "undoes step %d of CPU %d, of which %d are done", i, cpu, *done);
	*done = i;
}

static void hp_message(struct bu_machine *m, int cpu, const char *text)
{
	slot_of(m, cpu)->message = text;
}

static void hp_lead_in(struct bu_machine *m)
{
	const int64_t start = bu_now(m), ns = run_of(m)->schedule->lead_in_ns;

	if (!ns)
		return;
	bu_work(m, ns);
	record(m, 0, BU_PHASE_OVERHEAD, host_name(host_of(m), "lead-in"), start);
}

static void hp_mark(struct bu_machine *m, int cpu, enum bu_hp_mark mark)
{
	struct slot *s = slot_of(m, cpu);
	struct bu_run_cpu *r = &s->row;
	int64_t *const at[BU_HP_NR_MARKS] = { &r->prepare_ns, &r->kick_ns, &r->alive_ns, &r->release_ns, &r->idle_ns,
					      &r->online_ns };

	if ((unsigned int)mark >= BU_HP_NR_MARKS) {
		host_core_error(host_of(m), "there is no mark number %d", (int)mark);
		return;
	}
	if (mark == BU_HP_AT_ALIVE)
		bu_cpu_alive(m, cpu);
	if (s->ups > 1)
		return;		/* the row is of its first way up */
	*at[mark] = bu_now(m);
	if (mark == BU_HP_AT_ONLINE)
		r->verdict = BU_CPU_OK;
}

static const struct bu_hp_machine *hp_description(struct bu_machine *m)
{
	return &run_of(m)->description;
}

static const struct bu_hp_place *hp_place(struct bu_machine *m, int cpu)
{
	const struct hotplug_run *r = run_of(m);

	if (cpu < 0 || cpu >= r->n_slots)
		host_core_error(host_of(m), "there is no CPU %d", cpu);
	return &r->slots[cpu].place;
}

static void hp_failed(struct bu_machine *m, int cpu, int ret)
{
	(void)ret;
	slot_of(m, cpu)->row.verdict = BU_CPU_FAILED;
}

/* ------------------------------------------------------------------------------------------ operations at runtime */

static int hp_nr_ops(struct bu_machine *m)
{
	return (int)run_of(m)->schedule->n_ops;
}

static const struct bu_hp_runtime_op *op_of(struct bu_machine *m, int i)
{
	if (i < 0 || i >= hp_nr_ops(m))
		host_core_error(host_of(m), "there is no operation number %d", i);
	return &run_of(m)->schedule->ops[i];
}

/* The core's number of a recorded CPU; n_slots: the machine has none. */
static int slot_number(const struct hotplug_run *r, int32_t cpu)
{
	int i = 0;

	while (i < r->n_slots && r->slots[i].id != cpu)
		i++;
	return i;
}

static const struct bu_hp_op *hp_op(struct bu_machine *m, int i)
{
	const struct bu_hp_runtime_op *op = op_of(m, i);
	struct hotplug_run *r = run_of(m);

	r->op = (struct bu_hp_op){ sizeof(r->op), slot_number(r, op->cpu), op->down };
	return &r->op;
}

static int make_bursts(struct hotplug_run *r)
{
	const struct bu_hp_schedule *s = r->schedule;
	size_t i;

	r->bursts = calloc(s->n_bursts + 1, sizeof(*r->bursts));
	if (!r->bursts)
		return -ENOMEM;
	for (i = 0; i < s->n_bursts; i++) {
		struct bu_hp_burst *b = &r->bursts[r->n_bursts];

		*b = s->bursts[i];
		b->cpu = slot_number(r, b->cpu);
		r->n_bursts += b->cpu < r->n_slots;
	}
	return 0;
}

static const struct bu_hp_burst *hp_burst(struct bu_machine *m, int i)
{
	struct hotplug_run *r = run_of(m);

	if (i < 0)
		host_core_error(host_of(m), "there is no burst number %d", i);
	if (!r->bursts && make_bursts(r)) {
		host_of(m)->oom = 1;
		bu_machine_fail(m, "out of memory");
	}
	return (size_t)i < r->n_bursts ? &r->bursts[i] : NULL;
}

static void hp_think(struct bu_machine *m, int i)
{
	struct hotplug_run *r = run_of(m);

	r->controller = bu_current(m);
	r->thinking = true;
	bu_sleep_ns(m, op_of(m, i)->think_ns);
	r->thinking = false;
}

static struct bu_run_op *row_of_op(struct bu_machine *m, int i)
{
	(void)op_of(m, i);
	return &host_of(m)->out->run.ops[i];
}

static void hp_op_begin(struct bu_machine *m, int i)
{
	const struct bu_hp_runtime_op *op = op_of(m, i);
	struct slot *s = slot_of(m, hp_op(m, i)->cpu);

	run_of(m)->controller = bu_current(m);
	run_of(m)->has_ops = true;
	s->cpu = &op->work;
	s->ups += !op->down;
}

static void hp_op_started(struct bu_machine *m, int i)
{
	row_of_op(m, i)->start_ns = bu_now(m);
}

static void hp_op_end(struct bu_machine *m, int i, int ret)
{
	struct bu_run_op *row = row_of_op(m, i);

	if (row->start_ns == BU_NS_UNKNOWN)
		row->start_ns = bu_now(m);	/* refused before its first step */
	row->end_ns = bu_now(m);
	row->ret = ret;
	row->verdict = ret ? BU_CPU_FAILED : BU_CPU_OK;
}

static bool hp_never_dies(struct bu_machine *m, int cpu)
{
	return slot_of(m, cpu)->cpu->never_dies;
}

/* --------------------------------------------------------------------------------- the recording as it was */

struct boundary {
	int64_t at_ns;
	size_t interval;
	bool end;
};

static int boundary_compare(const void *x, const void *y)
{
	const struct boundary *a = x, *b = y;

	return a->at_ns != b->at_ns ? (a->at_ns > b->at_ns) - (a->at_ns < b->at_ns) :
	       a->interval != b->interval ? (a->interval > b->interval) - (a->interval < b->interval) : a->end - b->end;
}

static void recorded_marks(struct slot *s)
{
	const int64_t *mark = s->cpu->mark_ns;

	s->row.prepare_ns = mark[BU_HP_AT_PREPARE];
	s->row.kick_ns = mark[BU_HP_AT_KICK];
	s->row.alive_ns = mark[BU_HP_AT_ALIVE];
	s->row.release_ns = mark[BU_HP_AT_RELEASE];
	s->row.idle_ns = mark[BU_HP_AT_IDLE];
	s->row.online_ns = mark[BU_HP_AT_ONLINE];
	s->row.verdict = s->cpu->verdict;
}

static void hp_replay_recording(struct bu_machine *m)
{
	struct bu_host *h = host_of(m);
	struct hotplug_run *r = run_of(m);
	const struct bu_hp_schedule *s = r->schedule;
	const size_t first = h->out->run.n_intervals;
	struct boundary *b = bu_arena_alloc(&h->out->arena, (2 * s->n_recorded + 1) * sizeof(*b));
	size_t i, n = 0;
	int cpu;

	for (i = 0; b && i < s->n_recorded; i++) {
		const struct bu_hp_recorded *v = &s->recorded[i];

		host_add_interval(h, &(struct bu_run_interval){
			.lane = v->lane, .cpu = v->cpu, .phase = v->phase, .name = v->name, .start_ns = BU_NS_UNKNOWN,
			.end_ns = BU_NS_UNKNOWN, .recorded_start_ns = v->start_ns, .recorded_end_ns = v->end_ns });
		b[n++] = (struct boundary){ v->start_ns, first + i, false };
		if (v->end_ns != BU_NS_UNKNOWN)
			b[n++] = (struct boundary){ v->end_ns, first + i, true };
	}
	if (!b || h->oom) {
		bu_machine_fail(m, "out of memory");
		return;
	}
	qsort(b, n, sizeof(*b), boundary_compare);
	for (i = 0; i < n; i++) {
		struct bu_run_interval *v = &h->out->run.intervals[b[i].interval];

		bu_engine_delay_until(bu_machine_engine(m), b[i].at_ns);
		*(b[i].end ? &v->end_ns : &v->start_ns) = bu_now(m);
		if (b[i].end && v->phase == BU_PHASE_WAIT)
			r->control_wait_ns += v->end_ns - v->start_ns;
	}
	for (cpu = 0; cpu < r->n_slots; cpu++)
		if (r->slots[cpu].cpu)
			recorded_marks(&r->slots[cpu]);
	r->has_ops = s->n_ops;
	for (i = 0; i < s->n_ops; i++) {
		struct bu_run_op *row = &h->out->run.ops[i];

		row->start_ns = row->recorded_start_ns;
		row->end_ns = row->recorded_end_ns;
		row->verdict = s->ops[i].verdict;
	}
}

static const struct bu_hotplug_ops ops = {
	.size = sizeof(ops), .abi = BU_CORE_ABI, .is_primary = hp_is_primary, .work = hp_work, .duration = hp_duration,
	.never_comes = hp_never_comes, .nr_steps = hp_nr_steps, .step = hp_step, .lead_in = hp_lead_in, .mark = hp_mark,
	.failed = hp_failed, .replay_recording = hp_replay_recording, .description = hp_description, .place = hp_place,
	.nr_ops = hp_nr_ops, .op = hp_op, .think = hp_think, .op_begin = hp_op_begin, .op_started = hp_op_started,
	.op_end = hp_op_end, .never_dies = hp_never_dies,
	.step_name = hp_step_name, .step_state = hp_step_state, .step_sleep = hp_step_sleep, .step_waiting = hp_step_waiting,
	.spend = hp_spend, .undo = hp_undo, .message = hp_message, .burst = hp_burst,
};

static const struct bu_family hotplug = { .name = "hotplug", .ops = &ops, .waited = waited };

/* ------------------------------------------------------------------------------------------------ one replay */

static int make_slots(struct hotplug_run *r)
{
	const struct bu_hp_schedule *s = r->schedule;
	size_t i;

	r->slots = calloc(s->n_cpus + 1, sizeof(*r->slots));
	if (!r->slots)
		return -ENOMEM;
	r->slots[0].id = s->control_cpu;
	r->slots[r->n_slots++].place = s->control_place;
	for (i = 0; i < s->n_cpus; i++) {
		struct slot *slot = &r->slots[r->n_slots++];

		*slot = (struct slot){ .id = s->cpus[i].cpu, .cpu = &s->cpus[i],
					.place = s->cpus[i].place };
		slot->row = (struct bu_run_cpu){
			s->cpus[i].cpu, BU_NS_UNKNOWN, BU_NS_UNKNOWN, BU_NS_UNKNOWN, BU_NS_UNKNOWN, BU_NS_UNKNOWN, BU_NS_UNKNOWN,
			s->cpus[i].mark_ns[BU_HP_AT_ONLINE], BU_CPU_OPEN, 0 };
	}
	for (i = 0; i < (size_t)r->n_slots; i++)
		if (!r->slots[i].place.size)
			r->slots[i].place = bu_hp_place_of(&r->description, r->slots[i].id);
	return 0;
}

static void latencies(struct bu_run *run, int64_t *latency, size_t n)
{
	qsort(latency, n, sizeof(*latency), bu_ns_compare);
	run->ap_latency_p50_ns = bu_ns_quantile(latency, n, 50);
	run->ap_latency_p99_ns = bu_ns_quantile(latency, n, 99);
	run->ap_latency_max_ns = bu_ns_quantile(latency, n, 100);
}

enum { NAMED = 6 };	/* how many of what went wrong a verdict names */

/* CPUs that are not up, or operations that failed, in words. */
struct gone_wrong {
	size_t failed, open;
	char text[256];
};

static void went_wrong(struct gone_wrong *g, bool failed, const char *fmt, ...) __attribute__((format(printf, 3, 4)));
static void went_wrong(struct gone_wrong *g, bool failed, const char *fmt, ...)
{
	const size_t len = strlen(g->text);
	va_list ap;

	if (g->failed + g->open < NAMED) {
		snprintf(g->text + len, sizeof(g->text) - len, "%s", len ? ", " : "");
		va_start(ap, fmt);
		vsnprintf(g->text + strlen(g->text), sizeof(g->text) - strlen(g->text), fmt, ap);
		va_end(ap);
	}
	*(failed ? &g->failed : &g->open) += 1;
}

/* Operations in place of a bring-up. Return: when the last one ended. */
static int64_t summarise_ops(struct bu_host *h, struct gone_wrong *g)
{
	struct hotplug_run *r = h->run_of_family;
	const struct bu_run *run = &h->out->run;
	int64_t last = BU_NS_UNKNOWN;
	size_t i;
	int k;

	for (k = 1; k < r->n_slots; k++)
		if (!r->slots[k].ups)
			r->slots[k].row.verdict = BU_CPU_OK;	/* it was online from the start */
	for (i = 0; i < run->n_ops; i++) {
		const struct bu_run_op *op = &run->ops[i];

		if (op->verdict != BU_CPU_OK)
			went_wrong(g, op->verdict == BU_CPU_FAILED, "CPU %d %s %s", op->cpu, op->down ? "down" : "up",
				   op->verdict == BU_CPU_FAILED ? "failed" : "did not end");
		if (op->end_ns != BU_NS_UNKNOWN && op->end_ns > last)
			last = op->end_ns;
	}
	return last;
}

/* Rows by CPU, and what they come to. A run that ended well is failed when a CPU did not come up. */
static int summarise(struct bu_host *h)
{
	struct bu_run *run = &h->out->run;
	const struct hotplug_run *r = h->run_of_family;
	_cleanup_free_ int64_t *latency = calloc((size_t)r->n_slots, sizeof(*latency));
	const bool ok = !strcmp(run->verdict, "ok");
	struct gone_wrong g = { 0 };
	int64_t last = BU_NS_UNKNOWN;
	char detail[1400];
	size_t n = 0;
	int i;

	if (r->has_ops) {
		last = summarise_ops(h, &g);
	} else if (run->n_ops) {	/* a core of boots */
		run->n_ops = 0;
		run->recorded_bringup_ns = BU_NS_UNKNOWN;
	}

	run->cpu_rows = calloc((size_t)r->n_slots, sizeof(*run->cpu_rows));
	if (!latency || !run->cpu_rows)
		return -ENOMEM;
	for (i = 1; i < r->n_slots; i++) {
		const char *message = r->slots[i].message;
		struct bu_run_cpu *row = &r->slots[i].row;

		row->steps = r->slots[i].done[BU_HP_PREPARE] + r->slots[i].done[BU_HP_ONLINE_STEPS];
		run->cpu_rows[run->n_cpu_rows++] = *row;
		if (!r->has_ops && row->verdict != BU_CPU_OK)
			went_wrong(&g, row->verdict == BU_CPU_FAILED, "CPU %d %s%s%s%s", row->cpu,
				   row->verdict == BU_CPU_FAILED ? "failed" : "is not up", message ? " (" : "", message ? message : "",
				   message ? ")" : "");
		if (row->online_ns == BU_NS_UNKNOWN)
			continue;
		if (!r->has_ops && row->online_ns > last)
			last = row->online_ns;
		if (row->kick_ns != BU_NS_UNKNOWN)
			latency[n++] = row->online_ns - row->kick_ns;
	}
	latencies(run, latency, n);
	run->bp_wait_ns = r->control_wait_ns;
	run->bp_busy_ns = h->control_end_ns - r->control_wait_ns;
	run->bringup_ns = ok && !g.open ? last : BU_NS_UNKNOWN;
	if (ok && (g.failed || g.open))
		run->verdict = "failed";
	if (g.failed + g.open > NAMED)
		snprintf(g.text + strlen(g.text), sizeof(g.text) - strlen(g.text), " and %zu more", g.failed + g.open - NAMED);
	snprintf(detail, sizeof(detail), "%s%s%s", run->verdict_detail, run->verdict_detail[0] && g.text[0] ? "; " : "", g.text);
	run->verdict_detail = bu_arena_strdup(&h->out->arena, detail);
	for (i = 0; i < (int)run->n_accounts; i++)
		run->accounts[i].cpu = r->slots[i].id;
	return run->verdict_detail ? 0 : -ENOMEM;
}

static int set_up(struct bu_host *h, const struct bu_hp_schedule *s)
{
	const struct bu_hp_machine *d = &((const struct hotplug_run *)h->run_of_family)->description;
	struct bu_run *run = &h->out->run;
	char *machine;
	size_t i;

	for (i = 0; i < s->n_names; i++) {
		if (bu_grow(&h->names, h->n_names, &h->cap_names, sizeof(*h->names)))
			return -ENOMEM;
		h->names[h->n_names++] = s->names[i];
	}
	run->capture_name = s->capture_name;
	run->capture_sha256 = s->capture_sha256;
	run->kernel_release = s->kernel_release;
	run->recorded_algorithm = s->algorithm;
	run->recorded_cpus = h->options->recorded_cpus;
	run->cpus = (int32_t)s->n_cpus + 1;
	run->sampled = h->options->sampled;
	machine = bu_describe_json(d);
	run->machine = machine ? bu_arena_strdup(&h->out->arena, machine) : NULL;
	free(machine);
	machine = bu_describe_json(h->options->recorded_machine ? h->options->recorded_machine : d);
	run->recorded_machine = machine ? bu_arena_strdup(&h->out->arena, machine) : NULL;
	free(machine);
	if (!run->machine || !run->recorded_machine)
		return -ENOMEM;
	run->recorded_bringup_ns = s->bringup_ns;
	run->ops = calloc(s->n_ops + 1, sizeof(*run->ops));
	if (!run->ops)
		return -ENOMEM;
	for (i = 0; i < s->n_ops; i++)
		run->ops[run->n_ops++] = (struct bu_run_op){
			.cpu = s->ops[i].cpu, .down = s->ops[i].down, .start_ns = BU_NS_UNKNOWN, .end_ns = BU_NS_UNKNOWN,
			.recorded_start_ns = s->ops[i].start_ns, .recorded_end_ns = s->ops[i].end_ns, .verdict = BU_CPU_OPEN };
	return 0;
}

/* Costs of interrupts and switches are 0 by default: recorded durations have them already (docs/methods.md). */
static struct bu_machine_config config_of(const struct bu_hp_machine *d)
{
	return (struct bu_machine_config){
		.ipi_ns = d->ipi_ns, .irq_ns = d->irq_ns, .switch_ns = d->switch_ns, .poll_ns = d->poll_ns,
		.n_physical = (uint32_t)d->physical_cpus, .host_load_permille = (uint32_t)d->host_load,
		.quantum_ns = d->host_quantum_ns, .host_sched_latency_ns = d->host_latency_ns,
		.host_min_granularity_ns = d->host_min_granularity_ns,
		.host_wakeup_granularity_ns = d->host_wakeup_granularity_ns, .host_tick_ns = d->host_tick_ns,
		.emulator_ns = d->emulator_ns, .emulator_tick_ns = d->emulator_tick_ns,
	};
}

int bu_replay_hotplug(const struct bu_core_def *core, const struct bu_hp_schedule *schedule,
		      const struct bu_replay_options *options, struct bu_replay_result *ret, struct bu_err *err)
{
	struct bu_replay_result out = { 0 };
	struct hotplug_run r = { .schedule = schedule };
	struct bu_host h = { .family = &hotplug, .core = core, .options = options, .out = &out, .run_of_family = &r };
	struct bu_machine_config config;
	int rc;

	if (options->machine) {
		r.description = *options->machine;
	} else {
		struct bu_description d;

		bu_describe_init(&d);
		r.description = d.machine;
	}
	config = config_of(&r.description);
	config.n_cpus = (uint32_t)schedule->n_cpus + 1;
	config.n_online = 1;
	config.seed = options->seed;
	config.max_events = options->max_events;
	config.check_state = options->check;
	/* A core needs a handful of events and a few hundred bytes per step; far more means that it runs away. */
	if (!config.max_events)
		config.max_events = 1000000 + (uint64_t)config.n_cpus * 100000;
	/* A work item, a step or a mark takes a few events; waiting polls at a few a millisecond. */
	config.progress_events = 100000 + 100 * (uint64_t)config.n_cpus;
	h.alloc_limit = ((size_t)64 << 20) + (size_t)config.n_cpus * 65536;
	rc = make_slots(&r);
	if (!rc)
		rc = set_up(&h, schedule);
	/* The work that was made up has these in it, as recorded work has them: a core is not to spend them again. */
	if (schedule->capture_sha256 && !strcmp(schedule->capture_sha256, BU_HP_MADE_UP))
		r.description.microcode_primary_ns = r.description.microcode_sibling_ns = r.description.calibrate_ns = -1;
	if (!rc)
		rc = host_run(&h, &config, err);
	if (!rc)
		rc = summarise(&h);
	out.run.names = h.names;	/* the result owns them, also after a failure */
	host_fini(&h);
	free(r.slots);
	free(r.bursts);
	if (rc) {
		bu_replay_result_fini(&out);
		return bu_fail_errno(err, rc, "replay with core %s", core->name);
	}
	*ret = out;
	return 0;
}
