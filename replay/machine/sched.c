// SPDX-License-Identifier: GPL-2.0-only
/*
 * sched.c - threads and which of them runs: classes, waking, blocking, preemption, bandwidth groups. See machine.h.
 *
 * Follows kernel/sched/core.c of v6.12: a thread that blocks says its state first and calls schedule(), which takes
 * it off the queue only if the state is still not RUNNING and it is not merely preempted; a waker sets RUNNING, and
 * puts it back on a queue only if it was taken off. So the classic races of set_current_state(), condition check and
 * wake_up_process() can all happen.
 *
 * Deviations: fair threads take turns by slice instead of by virtual deadline (same shares for equal weights, no
 * preference for the one that slept); a thread that may run anywhere wakes up on an idle CPU if there is one; nothing
 * balances load but the pull of a CPU that goes idle. Runtime of a bandwidth group is handed to threads, not to
 * per-CPU queues of the group, and unused slices are not given back before the period ends.
 */
#include "replay/machine/machine_int.h"

#include <stdio.h>
#include <string.h>

#include "replay/machine/look.h"
#include "replay/machine/timer.h"
#include "schemas/base/err.h"
#include "schemas/base/mem.h"
#include "schemas/base/ns.h"

#define BANDWIDTH_SLICE_NS (5 * BU_NS_PER_MS)	/* sched_cfs_bandwidth_slice_us, kernel/sched/fair.c v6.12 */

/* ------------------------------------------------------------------------------------------------------- threads */

static void end_of_thread(struct bu_machine *m, struct thread *t)
{
	if (t->live->n_held)
		bu_misuse(m, "%s ended while holding %s %s, taken in %s", t->name,
			  bu_obj_kind_name(m->obj[t->live->held[0].obj]->kind),
			  m->obj[t->live->held[0].obj]->name, t->live->held[0].where);
	if (t->preempt_count)
		bu_misuse(m, "%s ended with preempt_count %d", t->name, t->preempt_count);
	if (t->rcu_nesting)
		bu_misuse(m, "%s ended inside rcu_read_lock()", t->name);
	if (cpu_of(m, t)->irqs_off && t->id != cpu_of(m, t)->idle)
		bu_misuse(m, "%s ended with interrupts off", t->name);
}

static void forget_stack(struct bu_machine *m, struct thread *t)
{
	t->live->next_free = m->free_live;
	m->free_live = t->live;
	t->live = NULL;
	t->task = 0;
}

static void thread_main(struct bu_engine *e, void *arg)
{
	struct bu_machine *m = arg;
	struct thread *t = cur(m);
	struct cpu *c;

	(void)e;
	if (m->config.switch_ns)
		bu_engine_delay(m->engine, m->config.switch_ns);
	attend(m, t);
	t->fn(m, t->arg);
	end_of_thread(m, t);
	c = cpu_of(m, t);
	t->dead = true;
	t->on_rq = false;
	if (t->id == c->idle) {		/* the CPU is dead */
		phys_halt(m, c);
		rcu_cpu_dead(m, c);
		cpu_store(m, c, 0, c->flags & ~(uint32_t)CPU_STARTED);
		forget_stack(m, t);
		return;
	}
	if (!t->exits)		/* else its owner has said what its state is */
		bu_word_store(m->engine, t->state, BU_TASK_DEAD);
	if (!t->daemon && !--m->n_users) {
		m->done = true;
		bu_engine_fail(m->engine, "done");
	}
	schedule(m, false);
	forget_stack(m, t);
}

struct thread *thread_new(struct bu_machine *m, const char *name, int cpu, enum bu_class class, int prio,
			  bu_thread_fn fn, void *arg)
{
	struct thread *t = machine_mem(m, sizeof(*t));

	if (!t)
		return NULL;
	if (bu_grow(&m->thread, m->n_threads, &m->cap_threads, sizeof(*m->thread))) {
		bu_machine_fail(m, "machine: out of memory for thread %s", name);
		return NULL;
	}
	m->thread[0] = NULL;
	t->id = (uint32_t)m->n_threads;
	m->thread[m->n_threads++] = t;
	t->name = machine_strdup(m, name);
	t->state = bu_word_new(m->engine, t->name, BU_TASK_NEW);
	t->allowed = cpu;
	t->cpu = cpu >= 0 ? (uint32_t)cpu : 0;
	t->class = (uint8_t)class;
	t->prio = (uint8_t)prio;
	t->fn = fn;
	t->arg = arg;
	t->daemon = true;
	t->wait_cpu = -1;
	look_at_thread(m, t);
	return t;
}

bu_thread bu_thread_create(struct bu_machine *m, const char *name, int cpu, enum bu_class class, int prio,
			   bu_thread_fn fn, void *arg)
{
	struct thread *t;

	if (cpu < BU_ANY_CPU || cpu >= (int)m->config.n_cpus || !fn || class > BU_CLASS_FAIR ||
	    prio < 0 || (class == BU_CLASS_RT && (prio < 1 || prio > 99))) {
		bu_misuse(m, "thread %s on CPU %d, class %d, priority %d", name ? name : "without a name", cpu,
			  (int)class, prio);
		return 0;
	}
	t = thread_new(m, name ? name : "unnamed", cpu, class, prio, fn, arg);
	if (!t)
		return 0;
	t->daemon = false;
	m->n_users++;
	return t->id;
}

bu_thread bu_thread_run(struct bu_machine *m, const char *name, int cpu, bu_thread_fn fn, void *arg)
{
	bu_thread t = bu_thread_create(m, name, cpu, BU_CLASS_FAIR, 0, fn, arg);

	if (t)
		bu_wake_up_process(m, t);
	return t;
}

static struct thread *thread_get(struct bu_machine *m, bu_thread t, const char *call)
{
	if (t && t < m->n_threads)
		return m->thread[t];
	bu_misuse(m, "%s of thread %u, which does not exist", call, t);
	return NULL;
}

void bu_thread_daemon(struct bu_machine *m, bu_thread id)
{
	struct thread *t = thread_get(m, id, "bu_thread_daemon");

	if (!t || t->daemon)
		return;
	t->daemon = true;
	m->n_users--;
}

bu_thread bu_current(struct bu_machine *m)
{
	const struct thread *t = cur(m);

	return t ? t->id : 0;
}

const char *bu_thread_name(struct bu_machine *m, bu_thread t)
{
	return t && t < m->n_threads ? m->thread[t]->name : "nobody";
}

int bu_thread_cpu(struct bu_machine *m, bu_thread t)
{
	return t && t < m->n_threads ? (int)m->thread[t]->cpu : -1;
}

int bu_this_cpu(struct bu_machine *m)
{
	return bu_thread_cpu(m, bu_current(m));
}

int64_t bu_thread_ran_ns(struct bu_machine *m, bu_thread t)
{
	return t && t < m->n_threads ? m->thread[t]->ran_ns : 0;
}

void set_state(struct bu_machine *m, struct thread *t, int state)
{
	bu_word_store(m->engine, t->state, state);
}

int get_state(struct bu_machine *m, const struct thread *t)
{
	return (int)bu_word_load(m->engine, t->state);
}

void bu_set_current_state(struct bu_machine *m, int state)
{
	struct thread *t = cur(m);

	if (!t) {
		bu_misuse(m, "set_current_state() outside of threads");
		return;
	}
	op(m);
	set_state(m, t, state);
}

int bu_thread_state(struct bu_machine *m, bu_thread id)
{
	struct thread *t = thread_get(m, id, "bu_thread_state");

	op(m);
	return t ? get_state(m, t) : BU_TASK_DEAD;
}

/* -------------------------------------------------------------------------------------------------- run queues */

static bool is_pullable(const struct thread *t)
{
	return t->class == BU_CLASS_FAIR && t->allowed == BU_ANY_CPU && !t->preempt_count;
}

void set_allowed(struct bu_machine *m, struct thread *t, int32_t cpu)
{
	bool queued = t->on_rq && !t->throttled && m->cpu[t->cpu].curr != t->id;

	bu_word_add(m->engine, t->state, 0);	/* under its pi_lock, as its wake-ups are */
	if (queued && is_pullable(t))
		m->pullable--;
	t->allowed = cpu;
	if (queued && is_pullable(t))
		m->pullable++;
}

/* Into the queue of its CPU, behind those of its rank or before them. */
static void queue_add(struct bu_machine *m, struct cpu *c, struct thread *t, bool at_head)
{
	uint32_t at;

	t->cpu = c->id;
	switch (t->class) {
	case BU_CLASS_STOP:
		BU_ASSERT("one-stopper", !c->stop.head);
		queue_insert(m, &c->stop, LINK_RUN, t, 0);
		return;
	case BU_CLASS_RT:
		for (at = c->rt.head; at; at = thread_of(m, at)->link[LINK_RUN].next)
			if (thread_of(m, at)->prio < t->prio || (at_head && thread_of(m, at)->prio == t->prio))
				break;
		queue_insert(m, &c->rt, LINK_RUN, t, at);
		return;
	default:
		queue_insert(m, &c->fair, LINK_RUN, t, at_head ? c->fair.head : 0);
		if (is_pullable(t))
			m->pullable++;
	}
}

static void queue_del(struct bu_machine *m, struct cpu *c, struct thread *t)
{
	switch (t->class) {
	case BU_CLASS_STOP:
		queue_remove(m, &c->stop, LINK_RUN, t);
		break;
	case BU_CLASS_RT:
		queue_remove(m, &c->rt, LINK_RUN, t);
		break;
	default:
		queue_remove(m, &c->fair, LINK_RUN, t);
		if (is_pullable(t))
			m->pullable--;
	}
}

bool has_queued(const struct cpu *c)
{
	return c->stop.head || c->rt.head || c->fair.head;
}

/* A CPU that would go idle looks for a fair thread that waits elsewhere (sched_balance_newidle()). */
static struct thread *pull(struct bu_machine *m, struct cpu *c)
{
	uint32_t i, id;

	if (!cpu_is(c, CPU_ONLINE))
		return NULL;
	for (i = 1; m->pullable && i < m->config.n_cpus; i++) {
		struct cpu *from = &m->cpu[(c->id + i) % m->config.n_cpus];

		for (id = from->fair.head; id; id = thread_of(m, id)->link[LINK_RUN].next) {
			if (!is_pullable(thread_of(m, id)))
				continue;
			queue_del(m, from, thread_of(m, id));
			return thread_of(m, id);
		}
	}
	return NULL;
}

static struct thread *pick(struct bu_machine *m, struct cpu *c)
{
	struct thread *t = NULL;

	if (c->stop.head)
		t = thread_of(m, c->stop.head);
	else if (c->rt.head)
		t = thread_of(m, c->rt.head);
	else if (c->fair.head)
		t = thread_of(m, c->fair.head);
	if (t) {
		queue_del(m, c, t);
		return t;
	}
	t = pull(m, c);
	return t ? t : thread_of(m, c->idle);
}

static bool outranks(const struct thread *a, const struct thread *b)
{
	return a->class < b->class || (a->class == b->class && a->class == BU_CLASS_RT && a->prio > b->prio);
}

static void on_resched_ipi(struct bu_machine *m, void *arg)
{
	struct cpu *c = arg;

	if (cpu_is(c, CPU_RESCHED_SENT)) {
		cpu_store(m, c, c->curr, (c->flags & ~(uint32_t)CPU_RESCHED_SENT) | CPU_NEED_RESCHED);
	}
}

/* resched_curr(): at once on the CPU of the running thread, by an interrupt elsewhere. */
void resched_curr(struct bu_machine *m, struct cpu *c)
{
	const struct thread *t = cur(m);

	if (cpu_is(c, CPU_NEED_RESCHED) || cpu_is(c, CPU_RESCHED_SENT))
		return;
	if (!t || (cpu_of(m, t) == c && c->curr == t->id)) {	/* from outside of threads it is at once too */
		cpu_flag(m, c, CPU_NEED_RESCHED, true);
		cpu_rebound(m, c);
		return;
	}
	cpu_flag(m, c, CPU_RESCHED_SENT, true);
	cpu_arrive(m, (int)c->id, false, "sysvec_reschedule_ipi", bu_now(m) + m->config.ipi_ns, on_resched_ipi, c);
}

/* Gives a thread a slice of its group's runtime. Return: whether it has runtime then. */
static bool assign_runtime(struct bu_machine *m, struct thread *t)
{
	const bu_word_id runtime = m->obj[t->group]->w[0];
	int64_t slice = bu_word_load(m->engine, runtime);

	if (slice > BANDWIDTH_SLICE_NS)
		slice = BANDWIDTH_SLICE_NS;
	/* What it used beyond its slice while it could not be stopped is taken off the next. */
	bu_word_add(m->engine, runtime, -slice);
	t->group_left_ns += slice;
	return t->group_left_ns > 0;
}

void enqueue(struct bu_machine *m, struct cpu *c, struct thread *t, bool at_head)
{
	t->on_rq = true;
	t->dead = false;
	t->queued_ns = bu_now(m);
	if (t->inactive)
		bu_word_store(m->engine, t->inactive, 0);
	if (t->throttled && !assign_runtime(m, t)) {
		t->cpu = c->id;
		queue_insert(m, &m->obj[t->group]->waiters, LINK_RUN, t, 0);
		return;
	}
	t->throttled = false;
	queue_add(m, c, t, at_head);
	if (!cpu_sees(m, c, CPU_STARTED))
		return;
	if (c->curr == c->idle || outranks(t, thread_of(m, c->curr)))
		resched_curr(m, c);
	cpu_rebound(m, c);	/* it may have to share its time now */
}

void move_queued(struct bu_machine *m, struct thread *t, uint32_t cpu)
{
	if (t->throttled) {	/* in its group's list, which belongs to no CPU */
		t->cpu = cpu;
		return;
	}
	queue_del(m, cpu_of(m, t), t);
	enqueue(m, &m->cpu[cpu], t, false);
}

/* ---------------------------------------------------------------------------------------- blocking and switching */

/* The current thread of @c starts or goes on: it waits for that, or it is new. */
void thread_go(struct bu_machine *m, struct cpu *c)
{
	struct thread *t = thread_of(m, c->curr);
	struct live *live = m->free_live;
	size_t cap = m->cap_of_task;

	if (t->task) {
		bu_task_cut_at(m->engine, t->task, bu_now(m));
		return;
	}
	t->dead = t->exits = false;
	t->preempt_count = 0;
	if (live) {
		m->free_live = live->next_free;
		memset(live, 0, sizeof(*live));
	} else {
		live = machine_mem(m, sizeof(*live));
	}
	t->live = live;
	t->task = bu_task_spawn(m->engine, t->name, (int32_t)c->id, thread_main, m);
	if (!live || !t->task)
		return;
	while (t->task >= m->cap_of_task)
		if (bu_grow(&m->of_task, m->cap_of_task, &m->cap_of_task, sizeof(*m->of_task))) {
			bu_machine_fail(m, "machine: out of memory for thread %s", t->name);
			return;
		}
	if (cap != m->cap_of_task)
		memset(m->of_task + cap, 0, (m->cap_of_task - cap) * sizeof(*m->of_task));
	m->of_task[t->task] = t->id;
}

static void off_cpu(struct bu_machine *m, struct thread *t)
{
	const struct bu_await_op op_ = { .word = m->off_cpu, .guard = BU_GUARD_NE, .timeout_ns = BU_NO_TIMEOUT, .cpu = -1 };

	do {
		bu_word_await(m->engine, &op_, NULL);
	} while (m->cpu[t->cpu].curr != t->id);
	if (m->config.switch_ns)
		bu_engine_delay(m->engine, m->config.switch_ns);
}

void schedule(struct bu_machine *m, bool preempt)
{
	struct thread *prev = cur(m), *next;
	struct cpu *c = cpu_of(m, prev);
	bool keeps, gone = prev->dead;

	rcu_note_context_switch(m, c, prev, preempt);
	keeps = !gone && (preempt || get_state(m, prev) == BU_TASK_RUNNING);
	if (gone || !keeps) {
		prev->on_rq = false;
		if (prev->inactive)
			bu_word_store(m->engine, prev->inactive, 1);
	}
	if (keeps)
		prev->queued_ns = bu_now(m);
	if (keeps && prev->throttled)
		queue_insert(m, &m->obj[prev->group]->waiters, LINK_RUN, prev, 0);
	else if (keeps && prev->id != c->idle)
		queue_add(m, c, prev, preempt && !c->slice_over);
	c->slice_over = false;
	next = pick(m, c);
	cpu_store(m, c, next->id, c->flags & ~(uint32_t)(CPU_NEED_RESCHED | CPU_RESCHED_SENT));
	if (next == prev) {
		c->slice_end_ns = bu_now(m) + m->config.slice_ns;
		return;
	}
	next->cpu = c->id;
	c->account.switches++;
	c->switched_ns = bu_now(m);
	c->slice_end_ns = bu_now(m) + m->config.switch_ns + m->config.slice_ns;
	thread_go(m, c);
	if (!gone)
		off_cpu(m, prev);
}

void bu_schedule(struct bu_machine *m)
{
	struct thread *t = cur(m);
	const struct cpu *c;
	bool named;

	if (!t) {
		bu_misuse(m, "schedule() outside of threads");
		return;
	}
	op(m);
	c = cpu_of(m, t);
	if (c->irqs_off || c->in_irq || c->in_nmi || t->preempt_count || c->curr == c->idle) {
		bu_misuse(m, "BUG: scheduling while atomic: %s", t->name);
		return;
	}
	if (t->rcu_nesting && get_state(m, t) != BU_TASK_RUNNING) {
		bu_misuse(m, "voluntary context switch within an RCU read-side critical section: %s", t->name);
		return;
	}
	named = t->wait || get_state(m, t) == BU_TASK_RUNNING;
	if (!named)
		wait_begin(m, BU_WAITS_STATE, 0, NULL);
	if (t->worker && get_state(m, t) != BU_TASK_RUNNING)
		worker_sleeping(m, t->worker);
	schedule(m, false);
	if (t->worker)
		worker_running(m, t->worker);
	if (!named)
		wait_end(m, false);
	attend(m, t);
}

void bu_yield(struct bu_machine *m)
{
	bu_set_current_state(m, BU_TASK_RUNNING);
	bu_schedule(m);
}

/* ------------------------------------------------------------------------------------------------------- waking */

/* select_task_rq(): where it may run, at best where it ran and nobody else does. */
static struct cpu *select_cpu(struct bu_machine *m, const struct thread *t)
{
	struct cpu *c = &m->cpu[t->allowed >= 0 ? (uint32_t)t->allowed : t->cpu];
	uint32_t i;

	if (t->allowed >= 0)
		return c;
	for (i = 0; i < m->config.n_cpus; i++) {
		struct cpu *o = &m->cpu[(t->cpu + i) % m->config.n_cpus];

		if (cpu_sees(m, o, CPU_ONLINE | CPU_STARTED) && o->curr == o->idle && !has_queued(o))
			return o;
	}
	if (cpu_sees(m, c, CPU_ONLINE))
		return c;
	for (i = 0; i < m->config.n_cpus; i++)
		if (cpu_sees(m, &m->cpu[i], CPU_ONLINE))
			return &m->cpu[i];
	return c;
}

void push_all(struct bu_machine *m, struct cpu *c)
{
	uint32_t id, next;

	for (id = c->fair.head; id; id = next) {
		struct thread *t = thread_of(m, id);

		next = t->link[LINK_RUN].next;
		if (is_pullable(t))
			move_queued(m, t, select_cpu(m, t)->id);
	}
}

bool try_to_wake_up(struct bu_machine *m, struct thread *t, int states)
{
	if (!(get_state(m, t) & states))
		return false;
	set_state(m, t, BU_TASK_RUNNING);
	if (!t->on_rq)
		enqueue(m, select_cpu(m, t), t, false);
	return true;
}

bool bu_wake_up_state(struct bu_machine *m, bu_thread id, int states)
{
	struct thread *t = thread_get(m, id, "wake_up_state"), *self;
	bool woken;

	if (!t)
		return false;
	op(m);
	woken = try_to_wake_up(m, t, states);
	self = cur(m);
	if (woken && self)
		attend(m, self);	/* the end of try_to_wake_up() enables preemption */
	return woken;
}

bool bu_wake_up_process(struct bu_machine *m, bu_thread t)
{
	return bu_wake_up_state(m, t, BU_TASK_NORMAL | BU_TASK_NEW);
}

void wake_q_add(struct bu_machine *m, struct list *q, struct thread *t)
{
	if (t->wake_next)
		return;
	t->wake_next = t->id;
	if (q->tail)
		thread_of(m, q->tail)->wake_next = t->id;
	else
		q->head = t->id;
	q->tail = t->id;
}

void wake_up_q(struct bu_machine *m, struct list *q)
{
	while (q->head) {
		struct thread *t = thread_of(m, q->head);

		q->head = t->wake_next == t->id ? 0 : t->wake_next;
		t->wake_next = 0;
		bu_wake_up_process(m, t->id);
	}
	q->tail = 0;
}

/* ------------------------------------------------------------------------------------------- what is waited for */

void wait_begin(struct bu_machine *m, enum bu_wait_kind kind, bu_obj obj, const char *name)
{
	struct thread *t = cur(m);

	if (!t)
		return;
	t->n_polls = 0;
	t->wait = (uint8_t)kind;
	t->wait_obj = obj;
	t->wait_name = name;
	t->wait_cpu = -1;
	t->wait_thread = 0;
	t->wait_word = 0;
	t->wait_since_ns = bu_now(m);
}

static void told_wait(struct bu_machine *m, const struct thread *t, bool timed_out)
{
	const struct obj *o = t->wait_obj ? m->obj[t->wait_obj] : NULL;
	const struct bu_waited w = {
		.thread = t->id, .cpu = (int)t->cpu, .kind = t->wait, .timed_out = timed_out,
		.name = t->wait_name ? t->wait_name : o ? o->name : "",
		.point = t->point ? t->point : t->wait == BU_WAITS_WORD ? t->wait_name : NULL,
		.for_cpu = t->point ? t->point_cpu : t->wait_cpu, .start_ns = t->wait_since_ns, .end_ns = bu_now(m),
	};

	if (t->wait == BU_WAITS_LOCK && o)
		lock_waited(m, t->wait_obj, w.end_ns - w.start_ns);
	if (m->config.waited)
		m->config.waited(m->config.host, &w);
}

void wait_end(struct bu_machine *m, bool timed_out)
{
	struct thread *t = cur(m);

	if (!t)
		return;
	if (bu_now(m) > t->wait_since_ns)
		told_wait(m, t, timed_out);
	t->wait = BU_WAITS_NOT;
	t->point = NULL;
}

void bu_wait_point(struct bu_machine *m, const char *point, int cpu)
{
	struct thread *t = cur(m);

	if (!t)
		return;
	t->point = point;
	t->point_cpu = cpu;
}

void wq_add(struct bu_machine *m, struct obj *o, bu_obj id, struct thread *t, uint32_t flags, bool at_head)
{
	BU_ASSERT("in-one-wait-list", !t->wq);
	t->wq = id;
	t->wq_flags = flags;
	queue_insert(m, &o->waiters, LINK_WAIT, t, at_head ? o->waiters.head : 0);
}

void wq_del(struct bu_machine *m, struct thread *t)
{
	if (!t->wq)
		return;
	queue_remove(m, &m->obj[t->wq]->waiters, LINK_WAIT, t);
	t->wq = 0;
}

/* ------------------------------------------------------------------------------------------------ CFS bandwidth */

/* Of a group: a = quota, b = its period, sub = the period timer, w[0]: runtime left in this period, w[1]: timer armed, w[2]: used */

static void unthrottle(struct bu_machine *m, struct obj *g)
{
	uint32_t last = g->waiters.tail, id;

	while (bu_word_load(m->engine, g->w[0]) > 0 && (id = g->waiters.head) != 0) {
		struct thread *t = thread_of(m, id);

		queue_remove(m, &g->waiters, LINK_RUN, t);
		enqueue(m, &m->cpu[t->cpu], t, false);
		if (id == last)
			break;
	}
}

/* sched_cfs_period_timer(): refills; goes on as long as somebody uses it. */
static int64_t on_period(struct bu_machine *m, void *arg)
{
	struct obj *g = arg;
	const bool used = bu_word_load(m->engine, g->w[2]) || g->waiters.head;

	bu_word_store(m->engine, g->w[0], g->a);
	bu_word_store(m->engine, g->w[2], 0);
	unthrottle(m, g);
	if (!used) {
		bu_word_store(m->engine, g->w[1], 0);
		return 0;
	}
	return g->b;
}

bu_obj bu_cfs_group(struct bu_machine *m, const char *name, int64_t quota_ns, int64_t period_ns)
{
	bu_obj id;
	struct obj *g;

	if (quota_ns <= 0 || period_ns <= 0) {
		bu_misuse(m, "group %s with a quota of %lld ns in %lld ns", name, (long long)quota_ns,
			  (long long)period_ns);
		return 0;
	}
	g = obj_new(m, BU_OBJ_CFS_GROUP, name, &id);
	if (!g)
		return 0;
	g->a = quota_ns;
	g->b = period_ns;
	obj_word(m, g, "runtime", quota_ns);
	obj_word(m, g, "armed", 0);
	obj_word(m, g, "used", 0);
	g->sub = bu_hrtimer(m, name, on_period, g);
	return id;
}

void bu_cfs_join(struct bu_machine *m, bu_obj group, bu_thread id)
{
	struct thread *t = thread_get(m, id, "bu_cfs_join");

	if (!t || !obj_get(m, group, BU_OBJ_CFS_GROUP, "bu_cfs_join"))
		return;
	t->group = group;
	t->group_left_ns = 0;
}

/* assign_cfs_rq_runtime(), throttle_cfs_rq(): @t has run @ns; it gets another slice or is to be throttled. */
void charge_group(struct bu_machine *m, struct thread *t, int64_t ns)
{
	const struct obj *g = m->obj[t->group];
	struct cpu *c = cpu_of(m, t);

	t->group_left_ns -= ns;
	if (ns && !bu_word_load(m->engine, g->w[2]))
		bu_word_store(m->engine, g->w[2], 1);
	if (t->group_left_ns > 0 || t->throttled || c->curr != t->id)
		return;
	if (!bu_word_load(m->engine, g->w[1])) {
		bu_word_store(m->engine, g->w[1], 1);
		hrtimer_arm(m, g->sub, bu_now(m) + g->b, c);
	}
	if (assign_runtime(m, t))
		return;
	t->throttled = true;
	cpu_flag(m, c, CPU_NEED_RESCHED, true);
}
