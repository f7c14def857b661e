// SPDX-License-Identifier: GPL-2.0-only
/*
 * stop.c - see stop.h. The lock of a stopper protects its list and `enabled`; what is done under one such lock is one
 * step. stop_two_cpus() takes two, which is one step too: nobody takes them in another order. Works, calls and rendezvous
 * come from pools: one that is in use belongs to one call.
 */
#include "replay/machine/stop.h"

#include <errno.h>
#include <stdio.h>

#include "replay/machine/kthread.h"
#include "replay/machine/lock.h"
#include "replay/machine/look.h"
#include "replay/machine/machine_int.h"
#include "replay/machine/wait.h"

/* cpu_stop_done: of one call, from a pool. */
struct stop_done {
	bu_obj completion;
	int ret;
	bu_word_id todo;
	struct stop_done *next_free;
};

struct stop_work {
	struct item item;
	bu_stop_fn fn;
	void *arg;
	const char *name;
	struct stop_done *done;	/* NULL: nobody waits */
};

struct stopper {
	struct chain works;
	bu_word_id enabled;
	const struct stop_work *running;	/* for reports */
};

enum { MULTI_NONE, MULTI_PREPARE, MULTI_DISABLE_IRQ, MULTI_RUN, MULTI_EXIT };

/* multi_stop_data; the object's `more`, w[0]: state, w[1]: thread_ack */
struct multi {
	bu_obj id;
	bu_stop_fn fn;
	void *arg;
	const char *name;
	int64_t threads;
	int active, active2;
	uint8_t *acked;		/* per CPU: last state that it acknowledged; 0xff: takes no part. For reports */
	struct multi *next_free;
};

static struct stopper *stopper_of(struct bu_machine *m, int cpu)
{
	struct cpu *c = &m->cpu[cpu];

	if (!c->stopper) {
		c->stopper = machine_alloc(m, sizeof(*c->stopper));
		if (c->stopper) {
			chain_init(m, &c->stopper->works, "works of a stopper");
			c->stopper->enabled = bu_word_new(m->engine, "stopper->enabled", 0);
		}
	}
	return c->stopper;
}

static bool is_cpu(struct bu_machine *m, int cpu, const char *call)
{
	if (m->stop_init && cpu >= 0 && (uint32_t)cpu < m->config.n_cpus && cur(m))
		return true;
	bu_misuse(m, "%s of CPU %d %s", call, cpu, !m->stop_init ? "before cpu_stop_init()" :
		  !cur(m) ? "outside of threads" : "which does not exist");
	return false;
}

/* ------------------------------------------------------------------------------------------------ the threads */

static struct stop_done *done_get(struct bu_machine *m, const char *name, int64_t todo)
{
	struct stop_done *d = m->free_done;

	in_use(m, &m->stop_dones, "cpu_stop_done in use", 1);
	if (d) {
		m->free_done = d->next_free;
		bu_word_store(m->engine, d->todo, todo);
		bu_word_store(m->engine, m->obj[d->completion]->w[0], 0);
	} else {
		d = machine_alloc(m, sizeof(*d));
		if (!d)
			return NULL;
		d->todo = bu_word_new(m->engine, "nr_todo", todo);
		d->completion = bu_completion(m, name);
		look_at_record(m, "cpu_stop_done", d, &d->todo, &d->todo, 1);
	}
	m->obj[d->completion]->name = name;
	d->ret = 0;
	return d;
}

static void done_put(struct bu_machine *m, struct stop_done *d)
{
	in_use(m, &m->stop_dones, NULL, -1);
	d->next_free = m->free_done;
	m->free_done = d;
}

static void signal_done(struct bu_machine *m, struct stop_done *d, int ret)
{
	op(m);
	if (ret)
		d->ret = ret;
	if (bu_word_add(m->engine, d->todo, -1) == 0)
		bu_complete(m, d->completion);
}

static struct stop_work *work_get(struct bu_machine *m, const char *name, bu_stop_fn fn, void *arg,
				  struct stop_done *done)
{
	struct stop_work *w = (struct stop_work *)m->free_stop_work;

	in_use(m, &m->stop_works, "cpu_stop_work in use", 1);
	if (w) {
		m->free_stop_work = w->item.next;
	} else {
		w = machine_alloc(m, sizeof(*w));
		if (!w)
			return NULL;
		w->item.key = ++m->n_stop_works;
		look_at_record(m, "cpu_stop_work", &w->fn, w + 1, &m->stop_works, 1);
	}
	*w = (struct stop_work){ { NULL, w->item.key }, fn, arg, name, done };
	return w;
}

static void work_put(struct bu_machine *m, struct stop_work *w)
{
	in_use(m, &m->stop_works, NULL, -1);
	w->item.next = m->free_stop_work;
	m->free_stop_work = &w->item;
}

static bool should_run(struct bu_machine *m, int cpu)
{
	op(m);
	return stopper_of(m, cpu)->works.first;
}

/* cpu_stopper_thread() */
static void stopper_thread(struct bu_machine *m, int cpu)
{
	struct stopper *s = stopper_of(m, cpu);

	for (;;) {
		struct stop_work *w;
		int ret;

		op(m);
		w = (struct stop_work *)chain_pop(m, &s->works);
		if (!w)
			return;
		s->running = w;
		bu_preempt_disable(m);
		bu_call(m, w->name);
		ret = w->fn(m, w->arg);
		bu_ret(m);
		if (w->done)
			signal_done(m, w->done, ret);
		s->running = NULL;
		work_put(m, w);
		bu_preempt_enable(m);
	}
}

static void park(struct bu_machine *m, int cpu)
{
	op(m);
	if (stopper_of(m, cpu)->works.first)
		bu_misuse(m, "migration/%d parks with work queued", cpu);
}

static const struct bu_smp_hotplug_thread stop_threads = {
	.name = "migration", .should_run = should_run, .fn = stopper_thread, .park = park,
	.sched_class = BU_CLASS_STOP, .selfparking = true,
};

void bu_cpu_stop_init(struct bu_machine *m)
{
	uint32_t i;

	if (m->stop_init) {
		bu_misuse(m, "cpu_stop_init() twice");
		return;
	}
	m->stop_mutex = bu_mutex(m, "stop_cpus_mutex");
	m->stop_in_progress = bu_word_new(m->engine, "stop_cpus_in_progress", 0);
	m->stop_family = bu_smpboot_register(m, &stop_threads);
	if (m->stop_family < 0)
		return;
	m->stop_init = true;
	for (i = 0; i < m->config.n_cpus; i++)
		if (cpu_sees(m, &m->cpu[i], CPU_ONLINE))
			bu_stop_machine_unpark(m, (int)i);
}

void bu_stop_machine_park(struct bu_machine *m, int cpu)
{
	struct stopper *s;

	if (!is_cpu(m, cpu, "stop_machine_park"))
		return;
	s = stopper_of(m, cpu);
	op(m);
	bu_word_store(m->engine, s->enabled, 0);
	bu_kthread_park(m, bu_smpboot_thread(m, m->stop_family, cpu));
}

void bu_stop_machine_unpark(struct bu_machine *m, int cpu)
{
	if (!m->stop_init || cpu < 0 || (uint32_t)cpu >= m->config.n_cpus ||
	    !bu_smpboot_thread(m, m->stop_family, cpu)) {
		bu_misuse(m, "stop_machine_unpark(%d) of a CPU without a stopper", cpu);
		return;
	}
	op(m);
	bu_word_store(m->engine, stopper_of(m, cpu)->enabled, 1);
	bu_kthread_unpark(m, bu_smpboot_thread(m, m->stop_family, cpu));
}

/* --------------------------------------------------------------------------------------------------- queueing */

static bool is_enabled(struct bu_machine *m, const struct stopper *s)
{
	return bu_word_load(m->engine, s->enabled);
}

static void wake(struct bu_machine *m, int cpu)
{
	bu_wake_up_process(m, bu_smpboot_thread(m, m->stop_family, cpu));
}

/* cpu_stop_queue_work(): queued and woken without being preempted in between. */
static bool queue_work(struct bu_machine *m, int cpu, struct stop_work *w)
{
	struct stopper *s = stopper_of(m, cpu);
	bool enabled;

	bu_preempt_disable(m);
	op(m);
	enabled = is_enabled(m, s);
	if (enabled) {
		chain_append(m, &s->works, &w->item);
		wake(m, cpu);
	} else {
		if (w->done)
			signal_done(m, w->done, 0);
		work_put(m, w);
	}
	bu_preempt_enable(m);
	return enabled;
}

static void wait_done(struct bu_machine *m, struct stop_done *d, const char *name, int cpu)
{
	wait_begin(m, BU_WAITS_STOP, d->completion, name);
	cur(m)->wait_cpu = cpu;
	bu_wait_for_completion(m, d->completion);
	wait_end(m, false);
}

int bu_stop_one_cpu(struct bu_machine *m, int cpu, const char *name, bu_stop_fn fn, void *arg)
{
	struct stop_done *d;
	struct stop_work *w;
	int ret;

	if (!is_cpu(m, cpu, "stop_one_cpu"))
		return -EINVAL;
	bu_might_sleep(m);
	d = done_get(m, name, 1);
	w = d ? work_get(m, name, fn, arg, d) : NULL;
	if (!w)
		return -ENOMEM;
	if (!queue_work(m, cpu, w)) {
		done_put(m, d);
		return -ENOENT;
	}
	wait_done(m, d, name, cpu);
	ret = d->ret;
	done_put(m, d);
	return ret;
}

bool bu_stop_one_cpu_nowait(struct bu_machine *m, int cpu, const char *name, bu_stop_fn fn, void *arg)
{
	struct stop_work *w;

	if (!is_cpu(m, cpu, "stop_one_cpu_nowait"))
		return false;
	w = work_get(m, name, fn, arg, NULL);
	return w && queue_work(m, cpu, w);
}

/* ------------------------------------------------------------------------------------------------- migration */

/* set_affinity_pending */
struct migration {
	bu_thread thread;
	bu_obj done;
};

static void push_away(struct bu_machine *m, struct thread *t)
{
	if (t->on_rq && t->allowed >= 0 && t->cpu != (uint32_t)t->allowed && cpu_of(m, t)->curr != t->id)
		move_queued(m, t, (uint32_t)t->allowed);
}

/* On the CPU where the thread ran: the stopper runs, so it does not. */
static int migration_cpu_stop(struct bu_machine *m, void *arg)
{
	struct migration *p = arg;

	op(m);
	push_away(m, thread_of(m, p->thread));
	bu_complete(m, p->done);
	return 0;
}

int bu_set_cpus_allowed_ptr(struct bu_machine *m, bu_thread id, int cpu)
{
	struct migration *p;
	struct thread *t;

	if (!is_cpu(m, cpu >= 0 ? cpu : 0, "set_cpus_allowed_ptr"))
		return -EINVAL;
	if (!id || id >= m->n_threads) {
		bu_misuse(m, "set_cpus_allowed_ptr() of thread %u, which does not exist", id);
		return -EINVAL;
	}
	bu_preempt_disable(m);
	op(m);
	if (cpu >= 0 && !cpu_sees(m, &m->cpu[cpu], CPU_ONLINE)) {
		bu_preempt_enable(m);
		return -EINVAL;
	}
	t = thread_of(m, id);
	set_allowed(m, t, cpu);
	if (cpu_of(m, t)->curr != id || cpu < 0 || t->cpu == (uint32_t)cpu) {
		push_away(m, t);
		bu_preempt_enable(m);
		return 0;
	}
	p = machine_alloc(m, sizeof(*p));	/* read by the stopper: not on this stack */
	if (!p)
		return -EINVAL;
	p->thread = id;
	p->done = bu_completion(m, "set_affinity_pending");
	/* A stopper that is not enabled does not complete it: who waits then, waits for ever (f0498d2a54e7). */
	bu_stop_one_cpu_nowait(m, (int)t->cpu, "migration_cpu_stop", migration_cpu_stop, p);
	bu_preempt_enable(m);
	wait_begin(m, BU_WAITS_STOP, p->done, "migration_cpu_stop");
	bu_wait_for_completion(m, p->done);
	wait_end(m, false);
	return 0;
}

/* ---------------------------------------------------------------------------------------------- all at once */

static struct multi *multi_get(struct bu_machine *m, const char *name, bu_stop_fn fn, void *arg, int64_t threads)
{
	struct multi *s = m->free_multi;
	struct obj *o;
	uint32_t i;

	if (s) {
		m->free_multi = s->next_free;
		o = m->obj[s->id];
	} else {
		bu_obj id;

		o = obj_new(m, BU_OBJ_STOP_WORK, "multi_cpu_stop", &id);
		s = o ? machine_alloc(m, sizeof(*s)) : NULL;
		if (!s)
			return NULL;
		s->id = id;
		s->acked = machine_alloc(m, m->config.n_cpus);
		if (!s->acked)
			return NULL;
		o->more = s;
		obj_word(m, o, "state", 0);
		obj_word(m, o, "thread_ack", 0);
		look_at_record(m, "multi_stop_data", s, &s->acked, o->w, 2);
	}
	s->fn = fn;
	s->arg = arg;
	s->name = name;
	s->threads = threads;
	for (i = 0; i < m->config.n_cpus; i++)
		s->acked[i] = 0xff;
	bu_word_store(m->engine, o->w[1], threads);
	bu_word_store(m->engine, o->w[0], MULTI_PREPARE);
	return s;
}

static void multi_put(struct bu_machine *m, struct multi *s)
{
	s->next_free = m->free_multi;
	m->free_multi = s;
}

/* The last one to acknowledge a state sets the next. */
static void ack(struct bu_machine *m, struct multi *s, const struct obj *o)
{
	op(m);
	if (bu_word_add(m->engine, o->w[1], -1) != 0)
		return;
	/* set_state(): nobody looks at thread_ack before the state has changed. */
	bu_word_store(m->engine, o->w[1], s->threads);
	op(m);
	bu_word_add(m->engine, o->w[0], 1);
}

static int multi_cpu_stop(struct bu_machine *m, void *arg)
{
	static const char *const names[] = { "", "MULTI_STOP_PREPARE", "MULTI_STOP_DISABLE_IRQ", "MULTI_STOP_RUN",
					     "MULTI_STOP_EXIT" };
	struct multi *s = arg;
	const struct obj *o = m->obj[s->id];
	int cpu = bu_this_cpu(m), state = MULTI_NONE, ret = 0;
	bool on = !bu_irqs_disabled(m);

	do {
		op(m);
		if (bu_word_load(m->engine, o->w[0]) == state) {
			wait_begin(m, BU_WAITS_STOP, s->id, names[state + 1]);
			spin_on(m, o->w[0], BU_GUARD_NE, state, BU_EFFECT_NONE, 0, FOREVER);
			wait_end(m, false);
		}
		state = (int)bu_word_load(m->engine, o->w[0]);
		if (m->config.stop_lag_ns)
			bu_work(m, m->config.stop_lag_ns(m->config.host, cpu, state));
		if (state == MULTI_DISABLE_IRQ)
			bu_local_irq_disable(m);
		if (state == MULTI_RUN && (s->active == BU_ALL_ONLINE_CPUS || s->active == cpu || s->active2 == cpu)) {
			bu_call(m, s->name);
			ret = s->fn(m, s->arg);
			bu_ret(m);
		}
		s->acked[cpu] = (uint8_t)state;
		ack(m, s, o);
		if (state > MULTI_PREPARE)
			rcu_momentary_eqs(m, &m->cpu[cpu]);
	} while (state != MULTI_EXIT);
	bu_local_irq_restore(m, on);
	return ret;
}

int bu_stop_two_cpus(struct bu_machine *m, int cpu1, int cpu2, const char *name, bu_stop_fn fn, void *arg)
{
	struct stopper *s1, *s2;
	struct stop_done *d;
	struct stop_work *w1, *w2;
	struct multi *s;
	int ret;

	if (!is_cpu(m, cpu1, "stop_two_cpus") || !is_cpu(m, cpu2, "stop_two_cpus"))
		return -EINVAL;
	if (cpu1 == cpu2) {
		bu_misuse(m, "stop_two_cpus() of one CPU, %d", cpu1);
		return -EINVAL;
	}
	bu_might_sleep(m);
	s = multi_get(m, name, fn, arg, 2);
	d = s ? done_get(m, name, 2) : NULL;
	w1 = d ? work_get(m, "multi_cpu_stop", multi_cpu_stop, s, d) : NULL;
	w2 = w1 ? work_get(m, "multi_cpu_stop", multi_cpu_stop, s, d) : NULL;
	if (!w2)
		return -ENOMEM;
	s->active = cpu1;
	s->active2 = -3;
	s->acked[cpu1] = s->acked[cpu2] = 0;
	s1 = stopper_of(m, cpu1);
	s2 = stopper_of(m, cpu2);
	for (;;) {
		bu_preempt_disable(m);
		op(m);
		if (!is_enabled(m, s1) || !is_enabled(m, s2)) {
			bu_preempt_enable(m);
			work_put(m, w1);
			work_put(m, w2);
			ret = -ENOENT;
			break;
		}
		if (bu_word_load(m->engine, m->stop_in_progress)) {
			/* Else the two might be queued in another order than those of stop_cpus(). */
			bu_preempt_enable(m);
			wait_begin(m, BU_WAITS_WORD, 0, "stop_cpus_in_progress");
			cur(m)->wait_word = m->stop_in_progress;
			spin_on(m, m->stop_in_progress, BU_GUARD_EQ, 0, BU_EFFECT_NONE, 0, FOREVER);
			wait_end(m, false);
			continue;
		}
		chain_append(m, &s1->works, &w1->item);
		chain_append(m, &s2->works, &w2->item);
		wake(m, cpu1);
		wake(m, cpu2);
		bu_preempt_enable(m);
		wait_done(m, d, name, -1);
		ret = d->ret;
		break;
	}
	done_put(m, d);
	multi_put(m, s);
	return ret;
}

int bu_stop_machine_cpuslocked(struct bu_machine *m, const char *name, bu_stop_fn fn, void *arg, int cpu)
{
	struct stop_done *d;
	struct multi *s;
	bool queued = false, on;
	uint32_t i;
	int ret;

	if (!m->stop_init) {
		if (bu_num_online_cpus(m) != 1) {
			bu_misuse(m, "stop_machine() before cpu_stop_init() with %u CPUs online", bu_num_online_cpus(m));
			return -EINVAL;
		}
		on = bu_local_irq_save(m);
		ret = fn(m, arg);
		bu_local_irq_restore(m, on);
		return ret;
	}
	if (!is_cpu(m, cpu >= 0 ? cpu : 0, "stop_machine"))
		return -EINVAL;
	bu_mutex_lock(m, m->stop_mutex);
	s = multi_get(m, name, fn, arg, bu_num_online_cpus(m));
	d = s ? done_get(m, name, bu_num_online_cpus(m)) : NULL;
	if (!d)
		return -ENOMEM;
	s->active = cpu;
	s->active2 = -3;
	for (i = m->config.n_cpus; i-- > 0;) {
		if (!cpu_sees(m, &m->cpu[i], CPU_ONLINE))
			continue;
		s->acked[i] = 0;
		if (cpu == BU_FIRST_ONLINE_CPU)
			s->active = (int)i;
	}
	/* queue_stop_cpus_work() */
	bu_preempt_disable(m);
	op(m);
	bu_word_store(m->engine, m->stop_in_progress, 1);
	for (i = 0; i < m->config.n_cpus; i++) {
		struct stop_work *w;

		if (s->acked[i] == 0xff)
			continue;
		w = work_get(m, "multi_cpu_stop", multi_cpu_stop, s, d);
		if (!w)
			return -ENOMEM;
		queued |= queue_work(m, (int)i, w);
	}
	op(m);
	bu_word_store(m->engine, m->stop_in_progress, 0);
	bu_preempt_enable(m);
	if (queued)
		wait_done(m, d, name, -1);
	ret = queued ? d->ret : -ENOENT;
	done_put(m, d);
	multi_put(m, s);
	bu_mutex_unlock(m, m->stop_mutex);
	return ret;
}

/* ------------------------------------------------------------------------------------------------------ waits */

bool stop_releasers(struct bu_machine *m, bu_obj o, uint32_t *cpu, bu_thread *stopper)
{
	const struct multi *s = m->obj[o]->kind == BU_OBJ_STOP_WORK ? m->obj[o]->more : NULL;

	for (; *cpu < m->config.n_cpus; ++*cpu) {
		const struct stopper *st = m->cpu[*cpu].stopper;
		const struct item *w;
		bool is = false;

		if (!st)
			continue;
		if (s) {	/* those that have not acknowledged the present state */
			is = s->acked[*cpu] != 0xff && s->acked[*cpu] < bu_word_load(m->engine, m->obj[o]->w[0]);
		} else {
			is = st->running && st->running->done && st->running->done->completion == o;
			for (w = st->works.first; w && !is; w = w->next)
				is = ((const struct stop_work *)w)->done && ((const struct stop_work *)w)->done->completion == o;
		}
		if (is) {
			*stopper = bu_smpboot_thread(m, m->stop_family, (int)*cpu);
			return true;
		}
	}
	return false;
}
