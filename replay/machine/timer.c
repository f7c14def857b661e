// SPDX-License-Identifier: GPL-2.0-only
/*
 * timer.c - see timer.h. The timers of a CPU are a list by expiry, those of one instant in order of arming: there are
 * few per CPU at any time.
 */
#include "replay/machine/timer.h"

#include "replay/machine/machine_int.h"
#include "schemas/base/ns.h"

#define WHEEL_NS (4 * BU_NS_PER_MS)

/* Of a timer: a = expiry, sub = CPU + 1 where it is armed or was last. */
struct timer {
	bu_timer_fn fn;
	void *arg;
	bu_obj next;
	bool armed, wheel;
	uint32_t running;	/* the handler runs on this CPU, + 1 */
};

struct cpu_timers {
	bu_obj first;
	int64_t tick_ns, tick_at_ns;	/* FOREVER: none */
	uint64_t ticks;
};

static struct cpu_timers *timers_of(struct bu_machine *m, struct cpu *c)
{
	if (!c->timers) {
		c->timers = machine_alloc(m, sizeof(*c->timers));
		if (c->timers)
			c->timers->tick_at_ns = FOREVER;
	}
	return c->timers;
}

static void update(struct bu_machine *m, struct cpu *c)
{
	int64_t at = c->timers->first ? m->obj[c->timers->first]->a : FOREVER;

	c->timer_at_ns = at < c->timers->tick_at_ns ? at : c->timers->tick_at_ns;
	cpu_rebound(m, c);
}

static void disarm(struct bu_machine *m, bu_obj id, struct obj *o)
{
	struct timer *t = o->more;
	struct cpu *c = &m->cpu[o->sub - 1];
	bu_obj *p;

	for (p = &c->timers->first; *p != id; p = &((struct timer *)m->obj[*p]->more)->next)
		;
	*p = t->next;
	t->armed = false;
	update(m, c);
}

void hrtimer_arm(struct bu_machine *m, bu_obj id, int64_t at_ns, struct cpu *c)
{
	struct obj *o = m->obj[id];
	struct timer *t = o->more;
	int64_t tick = m->config.tick_ns ? m->config.tick_ns : WHEEL_NS;
	bu_obj *p;

	if (t->armed)
		disarm(m, id, o);
	if (!timers_of(m, c))
		return;
	if (t->wheel)
		at_ns = (at_ns + tick - 1) / tick * tick;
	o->a = at_ns;
	o->sub = c->id + 1;
	for (p = &c->timers->first; *p && m->obj[*p]->a <= at_ns; p = &((struct timer *)m->obj[*p]->more)->next)
		;
	t->next = *p;
	*p = id;
	t->armed = true;
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
	obj_word(m, o, "running", 0);
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
	struct timer *t;

	if (!o)
		return 0;
	t = o->more;
	op(m);
	if (t->running)
		return -1;
	if (!t->armed)
		return 0;
	disarm(m, timer, o);
	return 1;
}

int bu_hrtimer_cancel(struct bu_machine *m, bu_obj timer)
{
	struct obj *o = obj_get(m, timer, BU_OBJ_TIMER, "hrtimer_cancel");
	int rc;

	while (o && (rc = bu_hrtimer_try_to_cancel(m, timer)) < 0) {
		wait_begin(m, BU_WAITS_TIMER, timer, NULL);
		if (cur(m))
			cur(m)->wait_cpu = (int32_t)((struct timer *)o->more)->running - 1;
		spin_on(m, o->w[0], BU_GUARD_EQ, 0, BU_EFFECT_NONE, 0, FOREVER);
		wait_end(m, false);
	}
	return o ? rc : 0;
}

bool bu_hrtimer_active(struct bu_machine *m, bu_obj timer)
{
	const struct obj *o = obj_get(m, timer, BU_OBJ_TIMER, "hrtimer_active");
	const struct timer *t = o ? o->more : NULL;

	return t && (t->armed || t->running);
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
	bu_obj id;

	if (ct->tick_at_ns <= bu_now(m)) {
		/* A tick that comes late is not made up for, but its grid stays. */
		ct->tick_at_ns = (bu_now(m) / ct->tick_ns + 1) * ct->tick_ns;
		ct->ticks++;
		rcu_tick(m, c);
	}
	while ((id = ct->first) != 0 && m->obj[id]->a <= at_ns) {
		struct obj *o = m->obj[id];
		struct timer *t = o->more;
		int64_t expiry = o->a, again;

		ct->first = t->next;
		t->armed = false;
		t->running = c->id + 1;
		bu_word_store(m->engine, o->w[0], 1);
		bu_call(m, o->name);
		again = t->fn(m, t->arg);
		bu_ret(m);
		t->running = 0;
		bu_word_store(m->engine, o->w[0], 0);
		if (again > 0 && !t->armed) {
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
	bu_obj id;

	if (from < 0 || to < 0 || (uint32_t)from >= m->config.n_cpus || (uint32_t)to >= m->config.n_cpus || from == to) {
		bu_misuse(m, "timers of CPU %d are to go to CPU %d", from, to);
		return;
	}
	op(m);
	f = &m->cpu[from];
	t = &m->cpu[to];
	while (f->timers && (id = f->timers->first) != 0)
		hrtimer_arm(m, id, m->obj[id]->a, t);
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
	ct->tick_ns = period_ns;
	ct->tick_at_ns = period_ns ? (bu_now(m) / period_ns + 1) * period_ns : FOREVER;
	update(m, &m->cpu[cpu]);
}

uint64_t bu_cpu_ticks(struct bu_machine *m, int cpu)
{
	return cpu >= 0 && (uint32_t)cpu < m->config.n_cpus && m->cpu[cpu].timers ? m->cpu[cpu].timers->ticks : 0;
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
