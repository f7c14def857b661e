// SPDX-License-Identifier: GPL-2.0-only
/*
 * rcu.c - see rcu.h.
 *
 * left is what a grace period still waits for: CPUs that owe a report (cpu.rcu_owes) and threads that were preempted
 * inside a read-side section that began before it (thread.rcu_blocked with its number).
 */
#include "replay/machine/rcu.h"

#include "replay/machine/kthread.h"
#include "replay/machine/lock.h"
#include "replay/machine/look.h"
#include "replay/machine/machine_int.h"
#include "replay/machine/wait.h"
#include "schemas/base/ns.h"

#define JIFFY_NS (4 * BU_NS_PER_MS)
#define RESCHED_NS (100 * BU_NS_PER_MS)	/* jiffies_to_sched_qs: then CPUs are made to switch contexts */

struct callback {
	struct item item;	/* key: how many were made before, and 1 */
	bu_thread_fn fn;
	void *arg;
	int64_t seq;		/* grace period that must have ended */
};

struct rcu {
	bu_word_id left, exp_left;
	bu_word_id blocked_next;	/* threads that the next one will have to wait for */
	bu_word_id started, completed;	/* numbers of grace periods; equal: none is going on */
	bu_word_id needed;		/* the last one that somebody waits for */
	bu_word_id exp_done;		/* expedited ones that have ended */
	bu_word_id exp_waiter;		/* thread that waits for one; 0: none is going on */
	bu_word_id mode;
	struct chain callbacks;
	bu_obj exp_mutex;
	/* Set once, or of the grace period kthread. */
	bu_thread kthread;
	int64_t fqs_ns, start_ns;
	struct item *free;
	uint32_t n_callbacks;
};

static int64_t get(struct bu_machine *m, bu_word_id word)
{
	return bu_word_load(m->engine, word);
}

/* For those who look on. */
static int64_t peek(const struct bu_machine *m, bu_word_id word)
{
	return bu_word_peek(m->engine, word);
}

static struct rcu *rcu_of(struct bu_machine *m)
{
	struct rcu *r = m->rcu;
	uint32_t i;

	if (r)
		return r;
	r = machine_alloc(m, sizeof(*r));
	if (!r)
		return NULL;
	m->rcu = r;
	r->left = bu_word_new(m->engine, "rcu left", 0);
	r->exp_left = bu_word_new(m->engine, "rcu exp left", 0);
	r->blocked_next = bu_word_new(m->engine, "rcu blocked readers", 0);
	r->started = bu_word_new(m->engine, "rcu started", 0);
	r->completed = bu_word_new(m->engine, "rcu completed", 0);
	r->needed = bu_word_new(m->engine, "rcu needed", 0);
	r->exp_done = bu_word_new(m->engine, "rcu expedited", 0);
	r->exp_waiter = bu_word_new(m->engine, "rcu exp waiter", 0);
	r->mode = bu_word_new(m->engine, "rcu_scheduler_active", BU_RCU_NORMAL);
	chain_init(m, &r->callbacks, "callbacks of RCU");
	for (i = 0; i < m->config.n_cpus; i++)
		look_at_rcu_of_cpu(m, &m->cpu[i], &r->left);
	r->exp_mutex = bu_mutex(m, "rcu_state.exp_mutex");
	return r;
}

void bu_rcu_set_mode(struct bu_machine *m, enum bu_rcu_mode mode)
{
	struct rcu *r = rcu_of(m);

	op(m);
	if (r)
		bu_word_store(m->engine, r->mode, mode);
}

uint64_t bu_rcu_completed(struct bu_machine *m)
{
	return m->rcu ? (uint64_t)get(m, m->rcu->completed) : 0;
}

int64_t bu_rcu_gp_start(struct bu_machine *m)
{
	const struct rcu *r = m->rcu;

	return r && peek(m, r->started) != peek(m, r->completed) ? r->start_ns : BU_NS_UNKNOWN;
}

bool bu_rcu_cpu_owes(struct bu_machine *m, int cpu)
{
	return cpu >= 0 && (uint32_t)cpu < m->config.n_cpus && m->cpu[cpu].rcu_owes;
}

bool bu_rcu_thread_blocks(struct bu_machine *m, bu_thread id)
{
	const struct thread *t = id && id < m->n_threads ? m->thread[id] : NULL;

	return t && m->rcu && t->rcu_blocked && t->rcu_seq <= peek(m, m->rcu->started);
}

/* ------------------------------------------------------------------------------------------ quiescent states */

static void report(struct bu_machine *m, bu_word_id left, int64_t waiter)
{
	if (bu_word_add(m->engine, left, -1) == 0 && waiter)
		try_to_wake_up(m, thread_of(m, (bu_thread)waiter), BU_TASK_NORMAL);
}

static void exp_report(struct bu_machine *m)
{
	report(m, m->rcu->exp_left, get(m, m->rcu->exp_waiter));
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
			prev->rcu_seq = get(m, r->started);
			bu_word_add(m->engine, r->left, 1);
		} else {
			prev->rcu_seq = get(m, r->started) + 1;
			bu_word_add(m->engine, r->blocked_next, 1);
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
		exp_report(m);
	}
}

void rcu_cpu_dead(struct bu_machine *m, struct cpu *c)
{
	rcu_momentary_eqs(m, c);
}

uint64_t rcu_changed(const struct bu_machine *m, uint64_t than)
{
	const struct rcu *r = m->rcu;
	uint64_t at = bu_word_changed(m->engine, r->left), exp = bu_word_changed(m->engine, r->exp_left);

	at = at > exp ? at : exp;
	return at > than ? at : than;
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
		if (t->rcu_seq > get(m, r->started))
			bu_word_add(m->engine, r->blocked_next, -1);
		else
			report(m, r->left, r->kthread);
	}
	if (t->rcu_exp) {
		t->rcu_exp = false;
		exp_report(m);
	}
	attend(m, t);
}

/* ------------------------------------------------------------------------------------- normal grace periods */

/* rcu_gp_init() */
static void gp_init(struct bu_machine *m, struct rcu *r)
{
	uint32_t i;

	op(m);
	bu_word_store(m->engine, r->started, get(m, r->completed) + 1);
	r->start_ns = bu_now(m);
	bu_word_add(m->engine, r->left, get(m, r->blocked_next));
	bu_word_store(m->engine, r->blocked_next, 0);
	for (i = 0; i < m->config.n_cpus; i++) {
		struct cpu *c = &m->cpu[i];

		if (!cpu_sees(m, c, CPU_STARTED))
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
		if (!cpu_sees(m, c, CPU_STARTED) || cpu_seen_idle(m, c) || (c->rcu_qs && !timers_ticking(c)))
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

	while ((c = (struct callback *)r->callbacks.first) != NULL && c->seq <= get(m, r->completed)) {
		bu_thread_fn fn = c->fn;
		void *arg = c->arg;

		chain_pop(m, &r->callbacks);
		c->item.next = r->free;
		r->free = &c->item;
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
			if (get(m, r->needed) > get(m, r->completed))
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
		bu_word_store(m->engine, r->completed, get(m, r->started));
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
	c = (struct callback *)r->free;
	if (c) {
		r->free = c->item.next;
	} else {
		c = machine_alloc(m, sizeof(*c));
		if (!c)
			return;
		c->item.key = ++r->n_callbacks;
		look_at_record(m, "callback of RCU", &c->fn, c + 1, &r->callbacks.word, 1);
	}
	/* One that is going on may have begun before the caller removed what readers could see. */
	*c = (struct callback){ { NULL, c->item.key }, fn, arg, get(m, r->started) + 1 };
	chain_append(m, &r->callbacks, &c->item);
	if (get(m, r->needed) >= c->seq)
		return;
	bu_word_store(m->engine, r->needed, c->seq);
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
	switch ((enum bu_rcu_mode)get(m, r->mode)) {
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
	if (rcu_of(m) && m->rcu->callbacks.first && cur(m))
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
		exp_report(m);
}

void bu_synchronize_rcu_expedited(struct bu_machine *m)
{
	struct rcu *r = rcu_of(m);
	struct thread *t = cur(m);
	int64_t enough;
	uint32_t i;

	if (!r || !t) {
		bu_misuse(m, "synchronize_rcu_expedited() outside of threads");
		return;
	}
	bu_might_sleep(m);
	op(m);
	if (get(m, r->mode) == BU_RCU_INACTIVE)
		return;
	/* One that began after this is as good: exp_funnel_lock(). */
	enough = get(m, r->exp_done) + (get(m, r->exp_waiter) ? 2 : 1);
	bu_mutex_lock(m, r->exp_mutex);
	if (get(m, r->exp_done) < enough) {
		op(m);
		bu_word_store(m->engine, r->exp_waiter, t->id);
		for (i = 1; i < m->n_threads; i++) {
			if (!m->thread[i]->rcu_blocked)
				continue;
			m->thread[i]->rcu_exp = true;
			bu_word_add(m->engine, r->exp_left, 1);
		}
		for (i = 0; i < m->config.n_cpus; i++) {
			struct cpu *c = &m->cpu[i];

			if (i == t->cpu || !cpu_sees(m, c, CPU_STARTED) || cpu_seen_idle(m, c))
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
		bu_word_store(m->engine, r->exp_waiter, 0);
		bu_word_add(m->engine, r->exp_done, 1);
	}
	bu_mutex_unlock(m, r->exp_mutex);
}

/* ------------------------------------------------------------------------------------------------------ waits */

bool rcu_releasers(struct bu_machine *m, bu_thread waiter, uint32_t *at, int *cpu, bu_thread *thread)
{
	const struct rcu *r = m->rcu;
	bool exp = r && waiter == peek(m, r->exp_waiter);

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
