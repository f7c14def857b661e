// SPDX-License-Identifier: GPL-2.0-only
/*
 * rcu.c - see rcu.h.
 *
 * `left` is what a grace period still waits for: CPUs that owe a report (cpu.rcu_owes) and threads that were preempted
 * inside a read-side section that began before it (thread.rcu_blocked with its number).
 */
#include "replay/machine/rcu.h"

#include "replay/machine/kthread.h"
#include "replay/machine/lock.h"
#include "replay/machine/machine_int.h"
#include "replay/machine/wait.h"
#include "schemas/base/ns.h"

#define JIFFY_NS (4 * BU_NS_PER_MS)
#define RESCHED_NS (100 * BU_NS_PER_MS)	/* jiffies_to_sched_qs: then CPUs are made to switch contexts */

struct callback {
	struct callback *next;
	bu_thread_fn fn;
	void *arg;
	uint64_t seq;		/* grace period that must have ended */
};

struct rcu {
	enum bu_rcu_mode mode;
	bu_thread kthread;
	uint64_t started, completed;	/* numbers of grace periods; equal: none is going on */
	uint64_t needed;		/* the last one that somebody waits for */
	int64_t fqs_ns, start_ns;
	bu_word_id left, exp_left;
	uint32_t blocked_next;		/* threads that the next one will have to wait for */
	struct callback *first, **last, *free;
	bu_obj exp_mutex;
	uint64_t exp_done;
	bu_thread exp_waiter;
};

static struct rcu *rcu_of(struct bu_machine *m)
{
	struct rcu *r = m->rcu;

	if (r)
		return r;
	r = machine_alloc(m, sizeof(*r));
	if (!r)
		return NULL;
	m->rcu = r;
	r->mode = BU_RCU_NORMAL;
	r->last = &r->first;
	r->left = bu_word_new(m->engine, "rcu left", 0);
	r->exp_left = bu_word_new(m->engine, "rcu exp left", 0);
	r->exp_mutex = bu_mutex(m, "rcu_state.exp_mutex");
	return r;
}

void bu_rcu_set_mode(struct bu_machine *m, enum bu_rcu_mode mode)
{
	struct rcu *r = rcu_of(m);

	op(m);
	if (r)
		r->mode = mode;
}

uint64_t bu_rcu_completed(struct bu_machine *m)
{
	return m->rcu ? m->rcu->completed : 0;
}

int64_t bu_rcu_gp_start(struct bu_machine *m)
{
	return m->rcu && m->rcu->started != m->rcu->completed ? m->rcu->start_ns : BU_NS_UNKNOWN;
}

bool bu_rcu_cpu_owes(struct bu_machine *m, int cpu)
{
	return cpu >= 0 && (uint32_t)cpu < m->config.n_cpus && m->cpu[cpu].rcu_owes;
}

bool bu_rcu_thread_blocks(struct bu_machine *m, bu_thread id)
{
	const struct thread *t = id && id < m->n_threads ? m->thread[id] : NULL;

	return t && m->rcu && t->rcu_blocked && t->rcu_seq <= m->rcu->started;
}

/* ------------------------------------------------------------------------------------------ quiescent states */

static void report(struct bu_machine *m, bu_word_id left, bu_thread waiter)
{
	if (bu_word_add(m->engine, left, -1) == 0 && waiter)
		try_to_wake_up(m, thread_of(m, waiter), BU_TASK_NORMAL);
}

static void cpu_reports(struct bu_machine *m, struct cpu *c)
{
	if (!c->rcu_owes)
		return;
	c->rcu_owes = false;
	report(m, m->rcu->left, m->rcu->kthread);
}

void rcu_note_context_switch(struct bu_machine *m, struct cpu *c, struct thread *prev, bool preempt)
{
	struct rcu *r = m->rcu;

	if (!r)
		return;
	if (preempt && prev->rcu_nesting && !prev->rcu_blocked) {
		prev->rcu_blocked = true;
		if (c->rcu_owes) {
			prev->rcu_seq = r->started;
			bu_word_add(m->engine, r->left, 1);
		} else {
			prev->rcu_seq = r->started + 1;
			r->blocked_next++;
		}
	}
	c->rcu_qs = true;
}

void rcu_tick(struct bu_machine *m, struct cpu *c)
{
	if (!c->rcu_owes)
		return;
	if (!c->rcu_noticed) {
		c->rcu_noticed = true;
		c->rcu_qs = false;
		return;
	}
	if (c->rcu_qs || !m->thread[c->curr]->rcu_nesting)
		cpu_reports(m, c);
}

/* Also reports for an expedited grace period: multi_cpu_stop() stands still for its CPU. */
void rcu_momentary_eqs(struct bu_machine *m, struct cpu *c)
{
	if (!m->rcu)
		return;
	cpu_reports(m, c);
	if (c->rcu_exp_owes) {
		c->rcu_exp_owes = false;
		report(m, m->rcu->exp_left, m->rcu->exp_waiter);
	}
}

void rcu_cpu_dead(struct bu_machine *m, struct cpu *c)
{
	rcu_momentary_eqs(m, c);
}

void bu_rcu_read_lock(struct bu_machine *m)
{
	struct thread *t = cur(m);

	if (!t)
		bu_misuse(m, "rcu_read_lock() outside of threads");
	else
		t->rcu_nesting++;
}

void bu_rcu_read_unlock(struct bu_machine *m)
{
	struct thread *t = cur(m);
	struct rcu *r;

	if (!t || !t->rcu_nesting) {
		bu_misuse(m, "rcu_read_unlock() without rcu_read_lock()");
		return;
	}
	op(m);
	if (--t->rcu_nesting || !(t->rcu_blocked || t->rcu_exp))
		return;
	/* rcu_read_unlock_special() */
	r = m->rcu;
	if (t->rcu_blocked) {
		t->rcu_blocked = false;
		if (t->rcu_seq > r->started)
			r->blocked_next--;
		else
			report(m, r->left, r->kthread);
	}
	if (t->rcu_exp) {
		t->rcu_exp = false;
		report(m, r->exp_left, r->exp_waiter);
	}
	attend(m, t);
}

/* ------------------------------------------------------------------------------------- normal grace periods */

/* rcu_gp_init() */
static void gp_init(struct bu_machine *m, struct rcu *r)
{
	uint32_t i;

	op(m);
	r->started = r->completed + 1;
	r->start_ns = bu_now(m);
	bu_word_add(m->engine, r->left, r->blocked_next);
	r->blocked_next = 0;
	for (i = 0; i < m->config.n_cpus; i++) {
		struct cpu *c = &m->cpu[i];

		if (!c->started)
			continue;
		c->rcu_owes = true;
		c->rcu_noticed = !timers_ticking(c);
		c->rcu_qs = false;
		bu_word_add(m->engine, r->left, 1);
	}
}

/* rcu_gp_fqs() */
static void gp_fqs(struct bu_machine *m, const struct rcu *r)
{
	uint32_t i;

	op(m);
	for (i = 0; i < m->config.n_cpus; i++) {
		struct cpu *c = &m->cpu[i];

		if (!c->rcu_owes)
			continue;
		if (!c->started || (c->curr == c->idle && !c->in_irq) || (c->rcu_qs && !timers_ticking(c)))
			cpu_reports(m, c);
		else if (bu_now(m) - r->start_ns >= RESCHED_NS)
			resched_curr(m, c);
	}
}

static bool has_left(struct bu_machine *m, const struct rcu *r)
{
	op(m);
	return bu_word_load(m->engine, r->left);
}

static void run_callbacks(struct bu_machine *m, struct rcu *r)
{
	struct callback *c;

	while ((c = r->first) != NULL && c->seq <= r->completed) {
		bu_thread_fn fn = c->fn;
		void *arg = c->arg;

		r->first = c->next;
		if (!r->first)
			r->last = &r->first;
		c->next = r->free;
		r->free = c;
		bu_preempt_disable(m);
		bu_call(m, "rcu_do_batch");
		fn(m, arg);
		bu_ret(m);
		bu_preempt_enable(m);
		op(m);
	}
}

/* rcu_gp_kthread() */
static int gp_kthread(struct bu_machine *m, void *arg)
{
	struct rcu *r = arg;

	BU_FN(m);
	for (;;) {
		for (;;) {
			bu_set_current_state(m, BU_TASK_INTERRUPTIBLE);
			op(m);
			if (r->needed > r->completed)
				break;
			bu_schedule(m);
		}
		bu_set_current_state(m, BU_TASK_RUNNING);
		gp_init(m, r);
		wait_begin(m, BU_WAITS_GP, 0, "quiescent states");
		for (;;) {
			bu_set_current_state(m, BU_TASK_INTERRUPTIBLE);
			if (!has_left(m, r))
				break;
			if (!bu_schedule_timeout(m, r->fqs_ns))
				gp_fqs(m, r);
		}
		bu_set_current_state(m, BU_TASK_RUNNING);
		wait_end(m, false);
		op(m);
		r->completed = r->started;
		run_callbacks(m, r);
	}
	return 0;
}

bu_thread bu_rcu_spawn_gp_kthread(struct bu_machine *m, int64_t fqs_ns)
{
	struct rcu *r = rcu_of(m);

	if (!r || r->kthread) {
		bu_misuse(m, "rcu_preempt is spawned twice");
		return 0;
	}
	r->fqs_ns = fqs_ns > 0 ? fqs_ns : JIFFY_NS * (1 + m->config.n_cpus / 256);
	r->kthread = bu_kthread_create(m, "rcu_preempt", gp_kthread, r);
	if (r->kthread)
		bu_wake_up_process(m, r->kthread);
	return r->kthread;
}

void bu_call_rcu(struct bu_machine *m, bu_thread_fn fn, void *arg)
{
	struct rcu *r = rcu_of(m);
	struct callback *c;

	if (!r)
		return;
	op(m);
	c = r->free;
	if (c)
		r->free = c->next;
	else
		c = machine_alloc(m, sizeof(*c));
	if (!c)
		return;
	/* One that is going on may have begun before the caller removed what readers could see. */
	*c = (struct callback){ NULL, fn, arg, r->started + 1 };
	*r->last = c;
	r->last = &c->next;
	if (r->needed >= c->seq)
		return;
	r->needed = c->seq;
	if (r->kthread)
		bu_wake_up_process(m, r->kthread);
}

static void wakeme(struct bu_machine *m, void *arg)
{
	bu_complete(m, *(bu_obj *)arg);
}

/* __wait_rcu_gp() */
static void wait_gp(struct bu_machine *m)
{
	bu_obj *done = machine_alloc(m, sizeof(*done));	/* read by the callback: not on this stack */

	if (!done)
		return;
	*done = bu_completion(m, "rcu_synchronize");
	bu_call_rcu(m, wakeme, done);
	wait_begin(m, BU_WAITS_GP, 0, "of RCU");
	if (m->rcu->kthread)
		cur(m)->wait_thread = m->rcu->kthread;
	bu_wait_for_completion(m, *done);
	wait_end(m, false);
}

void bu_synchronize_rcu(struct bu_machine *m)
{
	struct rcu *r = rcu_of(m);
	const struct thread *t = cur(m);

	if (!r || !t) {
		bu_misuse(m, "synchronize_rcu() outside of threads");
		return;
	}
	if (t->rcu_nesting) {
		bu_misuse(m, "Illegal synchronize_rcu() in RCU read-side critical section");
		return;
	}
	bu_might_sleep(m);
	op(m);
	switch (r->mode) {
	case BU_RCU_INACTIVE:
		return;
	case BU_RCU_EXPEDITED:
		bu_synchronize_rcu_expedited(m);
		return;
	default:
		wait_gp(m);
	}
}

void bu_rcu_barrier(struct bu_machine *m)
{
	bu_might_sleep(m);
	if (rcu_of(m) && m->rcu->first && cur(m))
		wait_gp(m);
}

/* ---------------------------------------------------------------------------------- expedited grace periods */

/* rcu_exp_handler() */
static void exp_handler(struct bu_machine *m, void *arg)
{
	struct cpu *c = arg;
	struct thread *t = cur(m);

	if (!c->rcu_exp_owes)
		return;
	c->rcu_exp_owes = false;
	if (t->rcu_nesting && !t->rcu_exp)	/* else it was preempted before and is waited for as such */
		t->rcu_exp = true;		/* its rcu_read_unlock() reports */
	else
		report(m, m->rcu->exp_left, m->rcu->exp_waiter);
}

void bu_synchronize_rcu_expedited(struct bu_machine *m)
{
	struct rcu *r = rcu_of(m);
	struct thread *t = cur(m);
	uint64_t enough;
	uint32_t i;

	if (!r || !t) {
		bu_misuse(m, "synchronize_rcu_expedited() outside of threads");
		return;
	}
	bu_might_sleep(m);
	op(m);
	if (r->mode == BU_RCU_INACTIVE)
		return;
	/* One that began after this is as good: exp_funnel_lock(). */
	enough = r->exp_done + (r->exp_waiter ? 2 : 1);
	bu_mutex_lock(m, r->exp_mutex);
	if (r->exp_done < enough) {
		op(m);
		r->exp_waiter = t->id;
		for (i = 1; i < m->n_threads; i++) {
			if (!m->thread[i]->rcu_blocked)
				continue;
			m->thread[i]->rcu_exp = true;
			bu_word_add(m->engine, r->exp_left, 1);
		}
		for (i = 0; i < m->config.n_cpus; i++) {
			struct cpu *c = &m->cpu[i];

			if (!c->started || i == t->cpu || (c->curr == c->idle && !c->in_irq))
				continue;
			c->rcu_exp_owes = true;
			bu_word_add(m->engine, r->exp_left, 1);
			cpu_arrive(m, (int)i, false, "rcu_exp_handler", bu_now(m) + m->config.ipi_ns, exp_handler, c);
		}
		wait_begin(m, BU_WAITS_GP, 0, "expedited");
		for (;;) {
			bu_set_current_state(m, BU_TASK_UNINTERRUPTIBLE);
			op(m);
			if (!bu_word_load(m->engine, r->exp_left))
				break;
			bu_schedule(m);
		}
		bu_set_current_state(m, BU_TASK_RUNNING);
		wait_end(m, false);
		r->exp_waiter = 0;
		r->exp_done++;
	}
	bu_mutex_unlock(m, r->exp_mutex);
}

/* ------------------------------------------------------------------------------------------------------ waits */

bool rcu_releasers(struct bu_machine *m, bu_thread waiter, uint32_t *at, int *cpu, bu_thread *thread)
{
	const struct rcu *r = m->rcu;
	bool exp = r && waiter == r->exp_waiter;

	if (!r || (!exp && waiter != r->kthread))
		return false;
	for (; *at < m->config.n_cpus; ++*at) {
		const struct cpu *c = &m->cpu[*at];

		if (exp ? !c->rcu_exp_owes : !c->rcu_owes)
			continue;
		*cpu = (int)*at;
		*thread = c->curr == c->idle ? 0 : c->curr;
		return true;
	}
	for (; *at < m->config.n_cpus + m->n_threads; ++*at) {
		uint32_t id = *at - m->config.n_cpus;

		if (!id || (exp ? !m->thread[id]->rcu_exp : !bu_rcu_thread_blocks(m, id)))
			continue;
		*cpu = -1;
		*thread = id;
		return true;
	}
	return false;
}
