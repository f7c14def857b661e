// SPDX-License-Identifier: GPL-2.0-only
/*
 * waits.c - see waits.h. Nothing is kept for it but what the primitives know anyway; holders of shared locks are
 * found by looking at what threads hold, which costs time only when somebody asks.
 */
#include "replay/machine/waits.h"

#include <stdio.h>
#include <string.h>

#include "replay/machine/machine_int.h"
#include "schemas/base/mem.h"
#include "schemas/base/ns.h"

const char *bu_obj_kind_name(enum bu_obj_kind kind)
{
	static const char *const names[] = {
		[BU_OBJ_NONE] = "nothing", [BU_OBJ_SPINLOCK] = "raw_spinlock", [BU_OBJ_MUTEX] = "mutex",
		[BU_OBJ_RWSEM] = "rwsem", [BU_OBJ_PERCPU_RWSEM] = "percpu_rwsem", [BU_OBJ_RCU_SYNC] = "rcu_sync",
		[BU_OBJ_SEMAPHORE] = "semaphore", [BU_OBJ_SEQCOUNT] = "seqcount", [BU_OBJ_LATCH] = "seqcount_latch",
		[BU_OBJ_COMPLETION] = "completion", [BU_OBJ_WAIT_QUEUE] = "wait queue",
		[BU_OBJ_SWAIT_QUEUE] = "swait queue", [BU_OBJ_STATIC_KEY] = "static key", [BU_OBJ_DEVICE] = "device",
		[BU_OBJ_CFS_GROUP] = "bandwidth group", [BU_OBJ_STOPPER] = "cpu_stopper",
		[BU_OBJ_STOP_WORK] = "cpu_stop_work", [BU_OBJ_CSD] = "csd", [BU_OBJ_TIMER] = "timer",
		[BU_OBJ_WORKQUEUE] = "workqueue", [BU_OBJ_WORK] = "work",
	};

	return (size_t)kind < ARRAY_SIZE(names) && names[kind] ? names[kind] : "object";
}

const char *bu_wait_kind_name(enum bu_wait_kind kind)
{
	static const char *const names[] = {
		[BU_WAITS_NOT] = "nothing", [BU_WAITS_SLEEP] = "time", [BU_WAITS_LOCK] = "lock",
		[BU_WAITS_OBJECT] = "object", [BU_WAITS_WORD] = "word", [BU_WAITS_PARK] = "park of",
		[BU_WAITS_EXIT] = "end of", [BU_WAITS_PARKED] = "unpark", [BU_WAITS_STOP] = "stop work",
		[BU_WAITS_IPI] = "IPI", [BU_WAITS_GP] = "grace period", [BU_WAITS_FLUSH] = "flush of",
		[BU_WAITS_TIMER] = "handler of timer", [BU_WAITS_BANDWIDTH] = "bandwidth", [BU_WAITS_CPU] = "CPU",
		[BU_WAITS_STATE] = "wake-up", [BU_WAITS_FAULT] = "page fault that comes again for ever, at",
	};

	return (size_t)kind < ARRAY_SIZE(names) && names[kind] ? names[kind] : "?";
}

const char *bu_obj_name(struct bu_machine *m, bu_obj o)
{
	return o && o < m->n_objs ? m->obj[o]->name : "";
}

uint32_t bu_nr_threads(struct bu_machine *m)
{
	return (uint32_t)m->n_threads - 1;
}

uint32_t bu_nr_objs(struct bu_machine *m)
{
	return (uint32_t)m->n_objs - 1;
}

enum bu_obj_kind bu_obj_kind_of(struct bu_machine *m, bu_obj o)
{
	return o && o < m->n_objs ? m->obj[o]->kind : BU_OBJ_NONE;
}

const struct bu_lock_stats *bu_lock_stats(struct bu_machine *m, bu_obj o)
{
	return o && o < m->n_objs ? m->obj[o]->stats : NULL;
}

uint32_t bu_call_path(struct bu_machine *m, bu_thread id, const char *const **ret)
{
	const struct thread *t = id && id < m->n_threads ? m->thread[id] : NULL;

	*ret = NULL;
	if (!t || !t->live)
		return 0;
	*ret = t->live->path;
	return t->live->depth < PATH_MAX_CALLS ? t->live->depth : PATH_MAX_CALLS;
}

uint32_t bu_held_by(struct bu_machine *m, bu_thread id, struct bu_held_info *ret, uint32_t max)
{
	const struct thread *t = id && id < m->n_threads ? m->thread[id] : NULL;
	uint32_t i;

	for (i = 0; t && t->live && i < t->live->n_held && i < max; i++) {
		const struct held *h = &t->live->held[i];

		ret[i] = (struct bu_held_info){ h->obj, m->obj[h->obj]->kind, m->obj[h->obj]->name, h->shared,
						h->since_ns, h->where };
	}
	return i;
}

static void by_thread(struct bu_wait_info *w, bu_thread t)
{
	uint32_t i;

	for (i = 0; i < w->n_by_threads; i++)
		if (w->by_thread[i] == t)
			return;
	if (w->n_by_threads < BU_WAIT_RELEASERS)
		w->by_thread[w->n_by_threads++] = t;
	else
		w->more = true;
}

static void by_cpu(struct bu_wait_info *w, int cpu)
{
	if (w->n_by_cpus < BU_WAIT_RELEASERS)
		w->by_cpu[w->n_by_cpus++] = cpu;
	else
		w->more = true;
}

static void by_holders(struct bu_machine *m, struct bu_wait_info *w, bu_obj o)
{
	size_t i;

	for (i = 1; i < m->n_threads; i++)
		if (i != w->thread && held_has(m->thread[i], o))
			by_thread(w, (bu_thread)i);
}

/*
 * A timer expires on its CPU, or when it has been moved away from there: what is left on a dead one waits for who takes that
 * down (hrtimers_dead_cpu() of kernel/time/hrtimer.c up to v6.6).
 */
static void by_timer(const struct bu_machine *m, struct bu_wait_info *w, uint32_t cpu)
{
	const bu_thread writer = m->cpu_hotplug_lock ? m->obj[m->cpu_hotplug_lock]->owner : 0;

	if (cpu_is(&m->cpu[cpu], CPU_STARTED) || !writer)
		by_cpu(w, (int)cpu);
	else
		by_thread(w, writer);
}

/* Those ahead of @id in the queue of a lock, which is first come, first served; and a writer that waits for readers. */
static void by_queue(struct bu_machine *m, struct bu_wait_info *w, const struct obj *o, bu_thread id)
{
	const bu_thread writer = o->kind == BU_OBJ_PERCPU_RWSEM ? (bu_thread)bu_word_peek(m->engine, o->w[2]) : 0;
	uint32_t at;

	if (writer && writer != id)
		by_thread(w, writer);
	for (at = m->thread[id]->wq == w->obj ? o->waiters.head : 0; at && at != id; at = thread_of(m, at)->link[LINK_WAIT].next)
		by_thread(w, (bu_thread)at);
}

bool bu_wait_brief(struct bu_machine *m, bu_thread id, struct bu_wait_info *w)
{
	const struct thread *t = id && id < m->n_threads ? m->thread[id] : NULL;
	const struct cpu *c;

	if (!t || t->dead)
		return false;
	c = &m->cpu[t->cpu];
	if (t->class == BU_CLASS_IDLE && (!t->wait || c->curr != id))
		return false;	/* idle; but a CPU that starts waits in its idle thread */
	w->thread = id;
	w->cpu = (int)t->cpu;
	w->kind = t->wait;
	w->obj = 0;
	w->obj_kind = BU_OBJ_NONE;
	w->obj_name = "";
	w->since_ns = t->wait_since_ns;
	w->point = t->point;
	w->point_cpu = t->point ? t->point_cpu : -1;
	w->on_cpu = c->curr == id;
	w->path_len = bu_call_path(m, id, &w->path);
	w->n_by_threads = w->n_by_cpus = 0;
	w->more = false;
	if (t->on_rq && !w->on_cpu) {
		/* Whatever it waited for, it has been woken or preempted. */
		w->kind = t->throttled ? BU_WAITS_BANDWIDTH : BU_WAITS_CPU;
		w->since_ns = t->queued_ns;
		return true;
	}
	if (!t->wait && w->on_cpu && t->n_polls > 1) {
		/* A loop around a trylock: it did nothing else with locks and did not wait since. */
		w->kind = BU_WAITS_LOCK;
		w->obj = t->polls;
		w->obj_kind = m->obj[w->obj]->kind;
		w->obj_name = m->obj[w->obj]->name;
		w->since_ns = t->polls_since_ns;
		return true;
	}
	if (!t->wait)
		return false;
	if (t->wait_obj) {
		w->obj = t->wait_obj;
		w->obj_kind = m->obj[w->obj]->kind;
		w->obj_name = m->obj[w->obj]->name;
	}
	if (t->wait_name)
		w->obj_name = t->wait_name;
	return true;
}

bool bu_wait_of(struct bu_machine *m, bu_thread id, struct bu_wait_info *w)
{
	const struct thread *t;
	const struct obj *o;
	const struct cpu *c;

	if (!bu_wait_brief(m, id, w))
		return false;
	t = m->thread[id];
	c = &m->cpu[t->cpu];
	if (t->wait_thread && w->kind == t->wait)
		by_thread(w, t->wait_thread);
	o = w->obj ? m->obj[w->obj] : NULL;
	switch (w->kind) {
	case BU_WAITS_LOCK:
	case BU_WAITS_OBJECT:
		if (o)
			by_holders(m, w, w->obj);
		if (o && o->owner && !w->n_by_threads)
			by_thread(w, o->owner);
		if (o && w->kind == BU_WAITS_LOCK)
			by_queue(m, w, o, id);
		break;
	case BU_WAITS_BANDWIDTH:
		o = m->obj[t->group];
		w->obj = t->group;
		w->obj_kind = BU_OBJ_CFS_GROUP;
		w->obj_name = o->name;
		if (m->obj[o->sub]->sub)
			by_timer(m, w, m->obj[o->sub]->sub - 1);
		break;
	case BU_WAITS_CPU:
		by_cpu(w, (int)t->cpu);
		if (c->curr && c->curr != id)
			by_thread(w, c->curr);
		break;
	case BU_WAITS_SLEEP:
	case BU_WAITS_TIMER:
	case BU_WAITS_IPI:
		if (t->sleep_timer && w->kind == BU_WAITS_SLEEP)
			by_timer(m, w, m->obj[t->sleep_timer]->sub - 1);
		else if (t->wait_cpu >= 0)
			by_cpu(w, t->wait_cpu);
		break;
	case BU_WAITS_STOP: {
		uint32_t cpu;
		bu_thread stopper;

		for (cpu = 0; w->obj && stop_releasers(m, w->obj, &cpu, &stopper); cpu++)
			by_thread(w, stopper);
		break;
	}
	case BU_WAITS_FLUSH: {
		bu_thread thread;
		size_t at;

		for (at = 0; w->obj && work_releasers(m, w->obj, &at, &thread); at++)
			by_thread(w, thread);
		break;
	}
	case BU_WAITS_GP: {
		uint32_t at;
		bu_thread thread;
		int cpu;

		for (at = 0; rcu_releasers(m, id, &at, &cpu, &thread); at++) {
			if (cpu >= 0)
				by_cpu(w, cpu);
			if (thread)
				by_thread(w, thread);
		}
		break;
	}
	default:
		if (t->wait_cpu >= 0)
			by_cpu(w, t->wait_cpu);
		break;
	}
	return true;
}

void bu_waits_each(struct bu_machine *m, bool (*fn)(void *ctx, const struct bu_wait_info *w), void *ctx)
{
	struct bu_wait_info w;
	size_t i;

	for (i = 1; i < m->n_threads; i++)
		if (bu_wait_of(m, (bu_thread)i, &w) && !fn(ctx, &w))
			return;
}

static int describe(struct bu_machine *m, const struct bu_wait_info *w, char *buf, size_t size)
{
	char ns[BU_NS_STRLEN];
	size_t n;
	uint32_t i;

	n = (size_t)snprintf(buf, size, "%s %s %s%s%s", bu_thread_name(m, w->thread),
			     w->on_cpu ? "spins for" : "waits for",
			     w->obj_kind ? bu_obj_kind_name(w->obj_kind) : bu_wait_kind_name(w->kind),
			     w->obj_name[0] ? " " : "", w->obj_name);
	for (i = 0; i < w->n_by_threads && i < 4 && n < size; i++)
		n += (size_t)snprintf(buf + n, size - n, "%s%s", i ? ", " : " of ", bu_thread_name(m, w->by_thread[i]));
	for (i = 0; i < w->n_by_cpus && i < 4 && n < size; i++)
		n += (size_t)snprintf(buf + n, size - n, "%s CPU %d", i ? "," : " on", w->by_cpu[i]);
	if (n < size)
		n += (size_t)snprintf(buf + n, size - n, " since %s", bu_ns_str(w->since_ns, ns));
	for (i = w->path_len; i-- > 0 && n < size;)
		n += (size_t)snprintf(buf + n, size - n, "%s%s", i + 1 == w->path_len ? " in " : " <- ", w->path[i]);
	return (int)n;
}

size_t bu_waits_describe(struct bu_machine *m, char *buf, size_t size)
{
	struct bu_wait_info w;
	size_t i, n = 0, waiting = 0;
	int pass, len;

	buf[0] = '\0';
	for (pass = 0; pass < 2; pass++) {
		for (i = 1; i < m->n_threads; i++) {
			if (m->thread[i]->daemon != (pass == 1) || !bu_wait_of(m, (bu_thread)i, &w))
				continue;
			if (pass && (w.kind == BU_WAITS_STATE || w.kind == BU_WAITS_PARKED))
				continue;	/* a kthread that has nothing to do */
			waiting++;
			if (n + 3 >= size)
				continue;
			len = snprintf(buf + n, size - n, "%s", n ? "; " : "");
			len += describe(m, &w, buf + n + len, size - n - (size_t)len);
			n = n + (size_t)len < size ? n + (size_t)len : size - 1;
		}
	}
	return waiting;
}
