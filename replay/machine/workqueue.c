// SPDX-License-Identifier: GPL-2.0-only
/*
 * workqueue.c - see workqueue.h. pool->lock protects lists that nobody else looks at: what is done under it is one
 * step.
 */
#include "replay/machine/workqueue.h"

#include <stdio.h>

#include "replay/machine/kthread.h"
#include "replay/machine/machine_int.h"
#include "replay/machine/timer.h"
#include "replay/machine/wait.h"

/* `more` of a work item. w[0]: PENDING, w[1]: how often it has run, sub: wait queue of flushers */
struct work {
	bu_obj id;
	bu_thread_fn fn;
	void *arg;
	struct workqueue *wq;	/* of the last queueing */
	struct pool *pool;
	struct work *next;	/* in the list of its pool or of an ordered queue */
	struct worker *worker;	/* that runs it now */
	uint64_t queued;	/* how often it was queued */
	uint64_t seq;		/* number of the last queueing in its queue */
	bool again;		/* queued while it ran */
	bu_obj timer;		/* of delayed work */
	int delayed_cpu;
};

struct worker {
	struct pool *pool;
	bu_thread thread;
	struct worker *next_idle;
	bool idle, sleeping;
};

struct pool {
	int cpu;		/* BU_ANY_CPU: the unbound one */
	struct work *first, **last;
	struct worker *idle;	/* the last one to become idle first */
	uint32_t n_idle, n_workers, n_running;
};

struct flusher {
	struct flusher *next;
	uint64_t seq;
	bu_word_id left;
};

/* `more` of a workqueue. sub: wait queue of flushers */
struct workqueue {
	bu_obj id;
	enum bu_wq_type type;
	uint64_t seq;			/* of the last queueing */
	uint64_t outstanding;
	struct flusher *flushers;
	struct work *inactive, **last;	/* ordered: behind the one that is active */
	bool active;
};

static bool need_more_worker(const struct pool *p)
{
	return p->first && !p->n_running;
}

static int worker_thread(struct bu_machine *m, void *arg);

static struct worker *create_worker(struct bu_machine *m, struct pool *p)
{
	struct worker *w = machine_alloc(m, sizeof(*w));
	char name[48];

	if (!w)
		return NULL;
	if (p->cpu >= 0)
		snprintf(name, sizeof(name), "kworker/%d:%u", p->cpu, p->n_workers);
	else
		snprintf(name, sizeof(name), "kworker/u:%u", p->n_workers);
	w->pool = p;
	w->thread = p->cpu >= 0 ? bu_kthread_create_on_cpu(m, name, p->cpu, worker_thread, w) :
				  bu_kthread_create(m, name, worker_thread, w);
	if (!w->thread)
		return NULL;
	thread_of(m, w->thread)->worker = w;
	p->n_workers++;
	w->idle = true;
	w->next_idle = p->idle;
	p->idle = w;
	p->n_idle++;
	return w;
}

static struct pool *pool_of(struct bu_machine *m, int cpu)
{
	struct pool **at = cpu >= 0 ? &m->cpu[cpu].pool : &m->unbound_pool;
	struct pool *p = *at;

	if (!p) {
		p = machine_alloc(m, sizeof(*p));
		if (!p)
			return NULL;
		*at = p;
		p->cpu = cpu;
		p->last = &p->first;
		create_worker(m, p);
	}
	return p;
}

/* kick_pool(): the first idle worker is woken; it leaves the idle ones itself. */
static void kick(struct bu_machine *m, struct pool *p)
{
	if (need_more_worker(p) && p->idle)
		try_to_wake_up(m, thread_of(m, p->idle->thread), BU_TASK_NORMAL);
}

static void insert(struct bu_machine *m, struct pool *p, struct work *w)
{
	w->next = NULL;
	w->pool = p;
	*p->last = w;
	p->last = &w->next;
	kick(m, p);
}

static void leave_idle(struct pool *p, struct worker *w)
{
	struct worker **at;

	for (at = &p->idle; *at != w; at = &(*at)->next_idle)
		;
	*at = w->next_idle;
	w->idle = false;
	p->n_idle--;
	p->n_running++;
}

static void enter_idle(struct pool *p, struct worker *w)
{
	w->idle = true;
	w->next_idle = p->idle;
	p->idle = w;
	p->n_idle++;
	p->n_running--;
}

static void ran(struct bu_machine *m, struct work *w, uint64_t seq)
{
	struct workqueue *wq = w->wq;
	struct flusher *f;
	struct work *next;

	bu_word_add(m->engine, m->obj[w->id]->w[1], 1);
	wq->outstanding--;
	for (f = wq->flushers; f; f = f->next)
		if (seq <= f->seq)
			bu_word_add(m->engine, f->left, -1);
	if (wq->type == BU_WQ_ORDERED) {
		next = wq->inactive;
		if (next) {
			wq->inactive = next->next;
			if (!wq->inactive)
				wq->last = &wq->inactive;
			insert(m, pool_of(m, BU_ANY_CPU), next);
		} else {
			wq->active = false;
		}
	}
	bu_wake_up_all(m, m->obj[w->id]->sub);
	bu_wake_up_all(m, m->obj[wq->id]->sub);
}

/* process_one_work() */
static void process(struct bu_machine *m, struct worker *worker, struct work *w)
{
	struct thread *t = cur(m);
	uint64_t seq;

	if (w->worker) {	/* it runs: that worker does it again */
		w->again = true;
		return;
	}
	w->worker = worker;
	do {
		w->again = false;
		seq = w->seq;
		op(m);
		bu_word_store(m->engine, m->obj[w->id]->w[0], 0);	/* may be queued again from here on */
		bu_call(m, m->obj[w->id]->name);
		w->fn(m, w->arg);
		bu_ret(m);
		if (t->preempt_count || cpu_of(m, t)->irqs_off || t->live->n_held || t->rcu_nesting)
			bu_misuse(m, "work %s returned atomic or with a lock held", m->obj[w->id]->name);
		op(m);
		if (!w->again)
			w->worker = NULL;
		ran(m, w, seq);
	} while (w->again);
}

static int worker_thread(struct bu_machine *m, void *arg)
{
	struct worker *worker = arg;
	struct pool *p = worker->pool;
	struct work *w;

	bu_call(m, "worker_thread");
	for (;;) {
		op(m);
		leave_idle(p, worker);
		if (need_more_worker(p) || (p->first && p->n_running == 1)) {
			/* Somebody has to be there when this one blocks. */
			if (!p->n_idle)
				create_worker(m, p);
			while ((w = p->first) != NULL && p->n_running <= 1) {
				p->first = w->next;
				if (!p->first)
					p->last = &p->first;
				process(m, worker, w);
				op(m);
			}
		}
		enter_idle(p, worker);
		set_state(m, cur(m), BU_TASK_INTERRUPTIBLE);
		bu_schedule(m);
	}
	return 0;
}

/* wq_worker_sleeping(), wq_worker_running() */
void worker_sleeping(struct bu_machine *m, struct worker *w)
{
	if (w->idle || w->sleeping)
		return;
	w->sleeping = true;
	w->pool->n_running--;
	kick(m, w->pool);
}

void worker_running(struct worker *w)
{
	if (!w->sleeping)
		return;
	w->sleeping = false;
	w->pool->n_running++;
}

/* ------------------------------------------------------------------------------------------------- the calls */

bu_obj bu_workqueue(struct bu_machine *m, const char *name, enum bu_wq_type type)
{
	bu_obj id;
	struct obj *o = obj_new(m, BU_OBJ_WORKQUEUE, name, &id);
	struct workqueue *wq = o ? machine_alloc(m, sizeof(*wq)) : NULL;

	if (!wq)
		return 0;
	o->more = wq;
	o->sub = bu_wait_queue(m, name);
	wq->id = id;
	wq->type = type;
	wq->last = &wq->inactive;
	return id;
}

bu_obj bu_work_item(struct bu_machine *m, const char *name, bu_thread_fn fn, void *arg)
{
	bu_obj id;
	struct obj *o;
	struct work *w;

	if (!fn) {
		bu_misuse(m, "work %s has no function to run", name ? name : "");
		return 0;
	}
	o = obj_new(m, BU_OBJ_WORK, name, &id);
	w = o ? machine_alloc(m, sizeof(*w)) : NULL;
	if (!w)
		return 0;
	o->more = w;
	obj_word(m, o, "pending", 0);
	obj_word(m, o, "runs", 0);
	o->sub = bu_wait_queue(m, name);
	w->id = id;
	w->fn = fn;
	w->arg = arg;
	return id;
}

/* __queue_work(); PENDING is set */
static void queue(struct bu_machine *m, int cpu, struct workqueue *wq, struct work *w)
{
	w->wq = wq;
	w->seq = ++wq->seq;
	w->queued++;
	wq->outstanding++;
	if (wq->type == BU_WQ_ORDERED && wq->active) {
		w->next = NULL;
		*wq->last = w;
		wq->last = &w->next;
		return;
	}
	wq->active = true;
	insert(m, pool_of(m, wq->type == BU_WQ_PERCPU ? cpu : BU_ANY_CPU), w);
}

bool bu_queue_work_on(struct bu_machine *m, int cpu, bu_obj wq, bu_obj work)
{
	struct obj *q = obj_get(m, wq, BU_OBJ_WORKQUEUE, "queue_work");
	struct obj *o = obj_get(m, work, BU_OBJ_WORK, "queue_work");
	const struct thread *t = cur(m);

	if (!q || !o)
		return false;
	if (cpu < 0)
		cpu = t ? (int)t->cpu : 0;
	if ((uint32_t)cpu >= m->config.n_cpus) {
		bu_misuse(m, "work %s is queued on CPU %d", o->name, cpu);
		return false;
	}
	op(m);
	if (bu_word_cmpxchg(m->engine, o->w[0], 0, 1) != 0)
		return false;
	op(m);
	queue(m, cpu, q->more, o->more);
	if (t)
		attend(m, cur(m));
	return true;
}

bool bu_queue_work(struct bu_machine *m, bu_obj wq, bu_obj work)
{
	return bu_queue_work_on(m, BU_ANY_CPU, wq, work);
}

/* delayed_work_timer_fn() */
static int64_t on_delay(struct bu_machine *m, void *arg)
{
	struct work *w = arg;

	queue(m, w->delayed_cpu, w->wq, w);
	return 0;
}

bool bu_queue_delayed_work_on(struct bu_machine *m, int cpu, bu_obj wq, bu_obj work, int64_t delay_ns)
{
	struct obj *q = obj_get(m, wq, BU_OBJ_WORKQUEUE, "queue_delayed_work");
	struct obj *o = obj_get(m, work, BU_OBJ_WORK, "queue_delayed_work");
	struct work *w;

	if (!q || !o)
		return false;
	op(m);
	if (bu_word_cmpxchg(m->engine, o->w[0], 0, 1) != 0)
		return false;
	w = o->more;
	w->wq = q->more;
	w->delayed_cpu = cpu >= 0 && (uint32_t)cpu < m->config.n_cpus ? cpu : bu_this_cpu(m);
	if (!w->timer)
		w->timer = bu_timer(m, o->name, on_delay, w);
	bu_hrtimer_start(m, w->timer, delay_ns);
	return true;
}

bool bu_flush_work(struct bu_machine *m, bu_obj work)
{
	struct obj *o = obj_get(m, work, BU_OBJ_WORK, "flush_work");
	struct work *w;
	int64_t target;

	if (!o || !cur(m))
		return false;
	bu_might_sleep(m);
	op(m);
	w = o->more;
	target = (int64_t)w->queued;
	if (bu_word_load(m->engine, o->w[1]) >= target)
		return false;
	wait_begin(m, BU_WAITS_FLUSH, work, NULL);
	bu_wait_event(m, o->sub, o->w[1], BU_GUARD_GE, target);
	wait_end(m, false);
	return true;
}

void bu_flush_workqueue(struct bu_machine *m, bu_obj wq)
{
	struct obj *q = obj_get(m, wq, BU_OBJ_WORKQUEUE, "flush_workqueue");
	struct workqueue *w;
	struct flusher *f, **at;

	if (!q || !cur(m))
		return;
	bu_might_sleep(m);
	f = machine_alloc(m, sizeof(*f));
	if (!f)
		return;
	op(m);
	w = q->more;
	f->seq = w->seq;
	f->left = bu_word_new(m->engine, q->name, (int64_t)w->outstanding);
	f->next = w->flushers;
	w->flushers = f;
	wait_begin(m, BU_WAITS_FLUSH, wq, NULL);
	bu_wait_event(m, q->sub, f->left, BU_GUARD_LE, 0);
	wait_end(m, false);
	for (at = &w->flushers; *at != f; at = &(*at)->next)
		;
	*at = f->next;
}

void bu_work_on_cpu(struct bu_machine *m, int cpu, const char *name, bu_thread_fn fn, void *arg)
{
	bu_obj work;

	if (!m->system_wq)
		m->system_wq = bu_workqueue(m, "events", BU_WQ_PERCPU);
	work = bu_work_item(m, name, fn, arg);
	if (work && bu_queue_work_on(m, cpu, m->system_wq, work))
		bu_flush_work(m, work);
}

/* ------------------------------------------------------------------------------------------------------ waits */

bool work_releasers(struct bu_machine *m, bu_obj o, size_t *at, bu_thread *thread)
{
	for (; *at < m->n_threads; ++*at) {
		const struct worker *w = *at ? m->thread[*at]->worker : NULL;
		const struct work *work;
		size_t i;

		if (!w)
			continue;
		for (i = 1; i < m->n_objs; i++) {
			if (m->obj[i]->kind != BU_OBJ_WORK || (m->obj[o]->kind == BU_OBJ_WORK && i != o))
				continue;
			work = m->obj[i]->more;
			if (m->obj[o]->kind == BU_OBJ_WORKQUEUE && work->wq != m->obj[o]->more)
				continue;
			/* Who runs it; while it is pending, whoever its pool is busy with. */
			if (work->worker == w || (!work->worker && bu_word_load(m->engine, m->obj[i]->w[0]) &&
						  work->pool == w->pool && !w->idle)) {
				*thread = (bu_thread)*at;
				return true;
			}
		}
	}
	return false;
}
