// SPDX-License-Identifier: GPL-2.0-only
/*
 * workqueue.c - see workqueue.h. pool->lock protects lists that nobody else looks at: what is done under it is one
 * step.
 */
#include "replay/machine/workqueue.h"

#include <stdio.h>

#include "replay/machine/kthread.h"
#include "replay/machine/look.h"
#include "replay/machine/machine_int.h"
#include "replay/machine/timer.h"
#include "replay/machine/wait.h"

/*
 * `more` of a work item. w[0]: PENDING, w[1]: how often it has run, w[2]: how often it was queued, w[3]: the thread that runs
 * it now, sub: wait queue of flushers
 */
struct work {
	struct item item;	/* in the list of its pool or of an ordered queue */
	bu_obj id;
	bu_thread_fn fn;
	void *arg;
	struct workqueue *wq;	/* of the last queueing */
	struct pool *pool;
	int64_t seq;		/* number of the last queueing in its queue */
	bool again;		/* queued while it ran */
	bu_obj timer;		/* of delayed work */
	int delayed_cpu;
};

struct worker {
	struct item item;	/* when it is idle */
	struct pool *pool;
	bool idle, sleeping;
};

struct pool {
	struct chain works, idle;	/* idle: the last one to become so first */
	bu_word_id nr_running;
	int cpu;			/* BU_ANY_CPU: the unbound one */
	uint32_t n_workers;
};

struct flusher {
	struct item item;
	int64_t seq;
	bu_word_id left;
};

/* `more` of a workqueue. w[0]: number of the last queueing, w[1]: outstanding, w[2]: one is active, sub: wait queue of flushers */
struct workqueue {
	bu_obj id;
	enum bu_wq_type type;
	struct chain flushers;
	struct chain inactive;		/* ordered: behind the one that is active */
};

static int64_t running(const struct bu_machine *m, const struct pool *p)
{
	return bu_word_peek(m->engine, p->nr_running);
}

static bool need_more_worker(const struct bu_machine *m, const struct pool *p)
{
	return p->works.first && !running(m, p);
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
	w->item.key = p->cpu >= 0 ? bu_kthread_create_on_cpu(m, name, p->cpu, worker_thread, w) :
				    bu_kthread_create(m, name, worker_thread, w);
	if (!w->item.key)
		return NULL;
	thread_of(m, w->item.key)->worker = w;
	p->n_workers++;
	w->idle = true;
	chain_insert(m, &p->idle, NULL, &w->item);
	look_at_record(m, "worker", &w->pool, w + 1, &p->nr_running, 1);
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
		chain_init(m, &p->works, "works of a pool");
		chain_init(m, &p->idle, "idle workers of a pool");
		p->nr_running = bu_word_new(m->engine, "nr_running", 0);
		look_at_record(m, "worker_pool", &p->cpu, p + 1, &p->idle.word, 1);
		create_worker(m, p);
	}
	return p;
}

/* kick_pool(): the first idle worker is woken; it leaves the idle ones itself. */
static void kick(struct bu_machine *m, struct pool *p)
{
	if (need_more_worker(m, p) && p->idle.first)
		try_to_wake_up(m, thread_of(m, p->idle.first->key), BU_TASK_NORMAL);
}

/* In a step that has operated on a word of @w. */
static void insert(struct bu_machine *m, struct pool *p, struct work *w)
{
	w->pool = p;
	chain_append(m, &p->works, &w->item);
	kick(m, p);
}

static void leave_idle(struct bu_machine *m, struct pool *p, struct worker *w)
{
	chain_remove(m, &p->idle, &w->item);
	w->idle = false;
	bu_word_add(m->engine, p->nr_running, 1);
}

static void enter_idle(struct bu_machine *m, struct pool *p, struct worker *w)
{
	w->idle = true;
	chain_insert(m, &p->idle, NULL, &w->item);
	bu_word_add(m->engine, p->nr_running, -1);
}

static void ran(struct bu_machine *m, const struct work *w, int64_t seq)
{
	struct workqueue *wq = w->wq;
	const struct obj *o = m->obj[wq->id];
	const struct item *f;
	struct work *next;

	bu_word_add(m->engine, m->obj[w->id]->w[1], 1);
	bu_word_add(m->engine, o->w[1], -1);
	for (f = wq->flushers.first; f; f = f->next)
		if (seq <= ((const struct flusher *)f)->seq)
			bu_word_add(m->engine, ((const struct flusher *)f)->left, -1);
	if (wq->type == BU_WQ_ORDERED) {
		next = (struct work *)chain_pop(m, &wq->inactive);
		bu_word_store(m->engine, o->w[2], next != NULL);
		if (next) {
			bu_word_store(m->engine, m->obj[next->id]->w[0], 1);
			insert(m, pool_of(m, BU_ANY_CPU), next);
		}
	}
	bu_wake_up_all(m, m->obj[w->id]->sub);
	bu_wake_up_all(m, o->sub);
}

/* process_one_work() */
static void process(struct bu_machine *m, struct work *w)
{
	struct thread *t = cur(m);
	const struct obj *o = m->obj[w->id];
	int64_t seq;

	if (bu_word_load(m->engine, o->w[3])) {	/* it runs: that worker does it again */
		w->again = true;
		bu_word_store(m->engine, o->w[0], 1);
		return;
	}
	bu_word_store(m->engine, o->w[3], t->id);
	do {
		w->again = false;
		seq = w->seq;
		op(m);
		bu_word_store(m->engine, o->w[0], 0);	/* may be queued again from here on */
		bu_call(m, o->name);
		w->fn(m, w->arg);
		bu_ret(m);
		if (t->preempt_count || cpu_of(m, t)->irqs_off || t->live->n_held || t->rcu_nesting)
			bu_misuse(m, "work %s returned atomic or with a lock held", o->name);
		op(m);
		if (!w->again)
			bu_word_store(m->engine, o->w[3], 0);
		ran(m, w, seq);
	} while (w->again);
}

static int worker_thread(struct bu_machine *m, void *arg)
{
	struct worker *worker = arg;
	struct pool *p = worker->pool;
	struct item *w;

	bu_call(m, "worker_thread");
	for (;;) {
		op(m);
		leave_idle(m, p, worker);
		if (need_more_worker(m, p) || (p->works.first && running(m, p) == 1)) {
			/* Somebody has to be there when this one blocks. */
			if (!p->idle.first)
				create_worker(m, p);
			while (running(m, p) <= 1 && (w = chain_pop(m, &p->works)) != NULL) {
				process(m, (struct work *)w);
				op(m);
			}
		}
		enter_idle(m, p, worker);
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
	bu_word_add(m->engine, w->pool->nr_running, -1);
	kick(m, w->pool);
}

void worker_running(struct bu_machine *m, struct worker *w)
{
	if (!w->sleeping)
		return;
	w->sleeping = false;
	bu_word_add(m->engine, w->pool->nr_running, 1);
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
	chain_init(m, &wq->flushers, "flushers of a workqueue");
	chain_init(m, &wq->inactive, "inactive works of a workqueue");
	obj_word(m, o, "last queueing", 0);
	obj_word(m, o, "outstanding", 0);
	obj_word(m, o, "active", 0);
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
	obj_word(m, o, "queued", 0);
	obj_word(m, o, "worker", 0);
	o->sub = bu_wait_queue(m, name);
	w->item.key = w->id = id;
	w->fn = fn;
	w->arg = arg;
	look_at_record(m, "work", &w->id, w + 1, o->w, 4);
	return id;
}

/* __queue_work(); PENDING is set */
static void queue(struct bu_machine *m, int cpu, struct workqueue *wq, struct work *w)
{
	struct pool *p = pool_of(m, wq->type == BU_WQ_PERCPU ? cpu : BU_ANY_CPU);
	const struct obj *q = m->obj[wq->id];

	if (!p)
		return;
	w->wq = wq;
	w->seq = bu_word_add(m->engine, q->w[0], 1);
	bu_word_add(m->engine, m->obj[w->id]->w[2], 1);
	bu_word_add(m->engine, q->w[1], 1);
	if (wq->type == BU_WQ_ORDERED && bu_word_load(m->engine, q->w[2])) {
		chain_append(m, &wq->inactive, &w->item);
		return;
	}
	if (wq->type == BU_WQ_ORDERED)
		bu_word_store(m->engine, q->w[2], 1);
	insert(m, p, w);
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
	int64_t target;

	if (!o || !cur(m))
		return false;
	bu_might_sleep(m);
	op(m);
	target = bu_word_load(m->engine, o->w[2]);
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
	struct flusher *f;

	if (!q || !cur(m))
		return;
	bu_might_sleep(m);
	f = machine_alloc(m, sizeof(*f));
	if (!f)
		return;
	op(m);
	w = q->more;
	f->seq = bu_word_load(m->engine, q->w[0]);
	f->item.key = f->left = bu_word_new(m->engine, q->name, bu_word_load(m->engine, q->w[1]));
	chain_insert(m, &w->flushers, NULL, &f->item);
	wait_begin(m, BU_WAITS_FLUSH, wq, NULL);
	bu_wait_event(m, q->sub, f->left, BU_GUARD_LE, 0);
	wait_end(m, false);
	chain_remove(m, &w->flushers, &f->item);
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
			if (bu_word_peek(m->engine, m->obj[i]->w[3]) == (int64_t)*at ||
			    (!bu_word_peek(m->engine, m->obj[i]->w[3]) && bu_word_peek(m->engine, m->obj[i]->w[0]) &&
			     work->pool == w->pool && !w->idle)) {
				*thread = (bu_thread)*at;
				return true;
			}
		}
	}
	return false;
}
