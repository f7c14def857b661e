// SPDX-License-Identifier: GPL-2.0-only
/*
 * timer.c - see timer.h. The timers of a CPU are a chain by expiry, those of one instant in order of arming: there are
 * few per CPU at any time.
 */
#include "replay/machine/timer.h"

#include "replay/machine/look.h"
#include "replay/machine/machine_int.h"
#include "schemas/base/ns.h"

#define WHEEL_NS (4 * BU_NS_PER_MS)

/* Of a timer: a = expiry, sub = CPU + 1 where it is armed or was last, w[0]: CPU + 1 where its handler runs, w[1]: armed */
struct timer {
	struct item item;
	bu_timer_fn fn;
	void *arg;
	bool wheel;
};

struct cpu_timers {
	struct chain timers;	/* by expiry */
	bu_word_id ticks, period;	/* of its tick: how many there were, ns; 0: there is none */
	int64_t tick_at_ns;	/* FOREVER: there is none */
};

static struct cpu_timers *timers_of(struct bu_machine *m, struct cpu *c)
{
	if (!c->timers) {
		c->timers = machine_alloc(m, sizeof(*c->timers));
		if (!c->timers)
			return NULL;
		chain_init(m, &c->timers->timers, "timers of a CPU");
		c->timers->ticks = bu_word_new(m->engine, "ticks", 0);
		c->timers->period = bu_word_new(m->engine, "period of the tick", 0);
		c->timers->tick_at_ns = FOREVER;
		look_at_record(m, "tick", &c->timers->ticks, c->timers + 1, &c->timers->ticks, 2);
	}
	return c->timers;
}

static struct obj *obj_of(const struct bu_machine *m, const struct item *timer)
{
	return m->obj[timer->key];
}

static bool is_armed(const struct bu_machine *m, const struct obj *o)
{
	return bu_word_peek(m->engine, o->w[1]);
}

static void update(struct bu_machine *m, struct cpu *c)
{
	int64_t at = c->timers->timers.first ? obj_of(m, c->timers->timers.first)->a : FOREVER;

	c->timer_at_ns = at < c->timers->tick_at_ns ? at : c->timers->tick_at_ns;
	cpu_rebound(m, c);
}

static void disarm(struct bu_machine *m, const struct obj *o)
{
	struct timer *t = o->more;
	struct cpu *c = &m->cpu[o->sub - 1];

	chain_remove(m, &c->timers->timers, &t->item);
	bu_word_store(m->engine, o->w[1], 0);
	update(m, c);
}

void hrtimer_arm(struct bu_machine *m, bu_obj id, int64_t at_ns, struct cpu *c)
{
	struct obj *o = m->obj[id];
	struct timer *t = o->more;
	int64_t tick = m->config.tick_ns ? m->config.tick_ns : WHEEL_NS;
	struct item *prev = NULL, *at;

	if (is_armed(m, o))
		disarm(m, o);
	if (!timers_of(m, c))
		return;
	if (t->wheel)
		at_ns = (at_ns + tick - 1) / tick * tick;
	o->a = at_ns;
	o->sub = c->id + 1;
	bu_word_store(m->engine, o->w[1], 1);
	for (at = c->timers->timers.first; at && obj_of(m, at)->a <= at_ns; at = at->next)
		prev = at;
	chain_insert(m, &c->timers->timers, prev, &t->item);
	update(m, c);
}

static bu_obj timer_new(struct bu_machine *m, const char *name, bu_timer_fn fn, void *arg, bool wheel)
{
	bu_obj id;
	struct obj *o = obj_new(m, BU_OBJ_TIMER, name, &id);
	struct timer *t = o ? machine_alloc(m, sizeof(*t)) : NULL;

	if (!t)
		return 0;
	o->more = t;
	t->fn = fn;
	t->arg = arg;
	t->wheel = wheel;
	t->item.key = id;
	obj_word(m, o, "running", 0);
	obj_word(m, o, "armed", 0);
	look_at_record(m, "timer", &t->fn, t + 1, o->w, 2);
	return id;
}

bu_obj bu_hrtimer(struct bu_machine *m, const char *name, bu_timer_fn fn, void *arg)
{
	return timer_new(m, name, fn, arg, false);
}

bu_obj bu_timer(struct bu_machine *m, const char *name, bu_timer_fn fn, void *arg)
{
	return timer_new(m, name, fn, arg, true);
}

void bu_hrtimer_start_on(struct bu_machine *m, bu_obj timer, int cpu, int64_t ns)
{
	if (!obj_get(m, timer, BU_OBJ_TIMER, "hrtimer_start"))
		return;
	if (ns < 0 || ns >= FOREVER - bu_now(m) || cpu < 0 || (uint32_t)cpu >= m->config.n_cpus) {
		bu_misuse(m, "timer %s is started on CPU %d for %lld ns from now", m->obj[timer]->name, cpu,
			  (long long)ns);
		return;
	}
	op(m);
	hrtimer_arm(m, timer, bu_now(m) + ns, &m->cpu[cpu]);
}

void bu_hrtimer_start(struct bu_machine *m, bu_obj timer, int64_t ns)
{
	const struct thread *t = cur(m);

	bu_hrtimer_start_on(m, timer, t ? (int)t->cpu : 0, ns);
}

int bu_hrtimer_try_to_cancel(struct bu_machine *m, bu_obj timer)
{
	struct obj *o = obj_get(m, timer, BU_OBJ_TIMER, "hrtimer_try_to_cancel");

	if (!o)
		return 0;
	op(m);
	if (bu_word_load(m->engine, o->w[0]))
		return -1;
	if (!bu_word_load(m->engine, o->w[1]))
		return 0;
	disarm(m, o);
	return 1;
}

int bu_hrtimer_cancel(struct bu_machine *m, bu_obj timer)
{
	struct obj *o = obj_get(m, timer, BU_OBJ_TIMER, "hrtimer_cancel");
	int rc;

	while (o && (rc = bu_hrtimer_try_to_cancel(m, timer)) < 0) {
		wait_begin(m, BU_WAITS_TIMER, timer, NULL);
		if (cur(m))
			cur(m)->wait_cpu = (int32_t)bu_word_peek(m->engine, o->w[0]) - 1;
		spin_on(m, o->w[0], BU_GUARD_EQ, 0, BU_EFFECT_NONE, 0, FOREVER);
		wait_end(m, false);
	}
	return o ? rc : 0;
}

bool bu_hrtimer_active(struct bu_machine *m, bu_obj timer)
{
	const struct obj *o = obj_get(m, timer, BU_OBJ_TIMER, "hrtimer_active");

	return o && (bu_word_load(m->engine, o->w[1]) || bu_word_load(m->engine, o->w[0]));
}

int bu_hrtimer_cpu(struct bu_machine *m, bu_obj timer)
{
	const struct obj *o = obj_get(m, timer, BU_OBJ_TIMER, "hrtimer_cpu");

	return o ? (int)o->sub - 1 : -1;
}

void timer_interrupt(struct bu_machine *m, struct cpu *c)
{
	struct cpu_timers *ct = c->timers;
	const int64_t at_ns = bu_now(m);	/* what expires while handlers run is another interrupt */
	struct item *due;

	if (ct->tick_at_ns <= bu_now(m)) {
		const int64_t period = bu_word_peek(m->engine, ct->period);

		/* A tick that comes late is not made up for, but its grid stays. */
		ct->tick_at_ns = (bu_now(m) / period + 1) * period;
		bu_word_add(m->engine, ct->ticks, 1);
		rcu_tick(m, c);
	}
	while ((due = ct->timers.first) != NULL && obj_of(m, due)->a <= at_ns) {
		const bu_obj id = due->key;
		struct obj *o = m->obj[id];
		const struct timer *t = o->more;
		int64_t expiry = o->a, again;

		chain_pop(m, &ct->timers);
		bu_word_store(m->engine, o->w[1], 0);
		bu_word_store(m->engine, o->w[0], c->id + 1);
		bu_call(m, o->name);
		again = t->fn(m, t->arg);
		bu_ret(m);
		bu_word_store(m->engine, o->w[0], 0);
		if (again > 0 && !is_armed(m, o)) {
			/* hrtimer_forward_now() */
			int64_t late = bu_now(m) - expiry;

			hrtimer_arm(m, id, expiry + again * (late / again + 1), c);
		}
	}
	update(m, c);
}

bool timers_ticking(const struct cpu *c)
{
	return c->timers && c->timers->tick_at_ns != FOREVER;
}

void timers_cpu_online(struct bu_machine *m, struct cpu *c)
{
	if (m->config.tick_ns)
		bu_cpu_tick(m, (int)c->id, m->config.tick_ns);
}

void timers_cpu_offline(struct bu_machine *m, struct cpu *c)
{
	if (c->timers)
		bu_cpu_tick(m, (int)c->id, 0);
}

void bu_timers_migrate(struct bu_machine *m, int from, int to)
{
	struct cpu *f, *t;

	if (from < 0 || to < 0 || (uint32_t)from >= m->config.n_cpus || (uint32_t)to >= m->config.n_cpus || from == to) {
		bu_misuse(m, "timers of CPU %d are to go to CPU %d", from, to);
		return;
	}
	op(m);
	f = &m->cpu[from];
	t = &m->cpu[to];
	while (f->timers && f->timers->timers.first)
		hrtimer_arm(m, f->timers->timers.first->key, obj_of(m, f->timers->timers.first)->a, t);
}

void bu_cpu_tick(struct bu_machine *m, int cpu, int64_t period_ns)
{
	struct cpu_timers *ct;

	if (cpu < 0 || (uint32_t)cpu >= m->config.n_cpus || period_ns < 0) {
		bu_misuse(m, "tick of %lld ns for CPU %d", (long long)period_ns, cpu);
		return;
	}
	ct = timers_of(m, &m->cpu[cpu]);
	if (!ct)
		return;
	bu_word_store(m->engine, ct->period, period_ns);
	ct->tick_at_ns = period_ns ? (bu_now(m) / period_ns + 1) * period_ns : FOREVER;
	update(m, &m->cpu[cpu]);
}

uint64_t bu_cpu_ticks(struct bu_machine *m, int cpu)
{
	if (cpu < 0 || (uint32_t)cpu >= m->config.n_cpus || !m->cpu[cpu].timers)
		return 0;
	return (uint64_t)bu_word_load(m->engine, m->cpu[cpu].timers->ticks);
}

/* ----------------------------------------------------------------------------------------------------- sleeping */

/* process_timeout() */
static int64_t on_timeout(struct bu_machine *m, void *arg)
{
	struct thread *t = arg;

	try_to_wake_up(m, t, BU_TASK_NORMAL);
	return 0;
}

int64_t bu_schedule_timeout(struct bu_machine *m, int64_t ns)
{
	struct thread *t = cur(m);
	int64_t end, left;

	if (!t || ns < 0) {
		bu_misuse(m, "schedule_timeout(%lld)", (long long)ns);
		return 0;
	}
	if (!t->sleep_timer)
		t->sleep_timer = bu_hrtimer(m, "process_timeout", on_timeout, t);
	end = bu_now(m) + ns;
	bu_hrtimer_start(m, t->sleep_timer, ns);
	bu_schedule(m);
	bu_hrtimer_cancel(m, t->sleep_timer);
	left = end - bu_now(m);
	return left > 0 ? left : 0;
}

void bu_sleep_ns(struct bu_machine *m, int64_t ns)
{
	bu_might_sleep(m);
	wait_begin(m, BU_WAITS_SLEEP, 0, NULL);
	while (ns > 0) {
		bu_set_current_state(m, BU_TASK_UNINTERRUPTIBLE);
		ns = bu_schedule_timeout(m, ns);
	}
	wait_end(m, false);
}
