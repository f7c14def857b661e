// SPDX-License-Identifier: GPL-2.0-only
/*
 * cpu.c - what a CPU does besides choosing threads: time, interrupts, spinning. See machine.h.
 *
 * The current thread of a CPU carries everything: before each operation, and whenever a delay of it ends, it attends
 * to what is due there (attend()). A delay or spin ends at the first of: its own end, the arrival of an interrupt that
 * would be taken, the end of a time slice, of a group's runtime, of the time on a physical CPU (next_bound()). Whoever adds such a
 * reason from elsewhere brings the end forward (cpu_rebound()).
 */
#include "replay/machine/look.h"
#include "replay/machine/machine_int.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "schemas/base/err.h"
#include "schemas/base/mem.h"

void cpus_reset(struct bu_machine *m)
{
	uint32_t i;

	memset(m->cpu, 0, m->config.n_cpus * sizeof(*m->cpu));
	for (i = 0; i < m->config.n_cpus; i++) {
		m->cpu[i].id = i;
		m->cpu[i].timer_at_ns = FOREVER;
		m->cpu[i].irqs_off = true;
		m->cpu[i].state = bu_word_new(m->engine, "CPU", 0);
		chain_init(m, &m->cpu[i].irqs, "interrupts of a CPU");
		chain_init(m, &m->cpu[i].nmis, "NMIs of a CPU");
		look_at_cpu(m, &m->cpu[i]);
		queue_init(m, &m->cpu[i].fair, "run queue, fair");
		queue_init(m, &m->cpu[i].rt, "run queue, RT");
		queue_init(m, &m->cpu[i].stop, "run queue, stopper");
	}
}

void cpu_store(struct bu_machine *m, struct cpu *c, uint32_t curr, uint32_t flags)
{
	c->curr = curr;
	c->flags = flags;
	bu_word_store(m->engine, c->state, cpu_word(curr, flags));
}

void cpu_flag(struct bu_machine *m, struct cpu *c, uint32_t flag, bool on)
{
	if (cpu_is(c, flag) != on)
		cpu_store(m, c, c->curr, c->flags ^ flag);
}

static struct cpu *cpu_get(struct bu_machine *m, int cpu, const char *call)
{
	if (cpu >= 0 && (uint32_t)cpu < m->config.n_cpus)
		return &m->cpu[cpu];
	bu_misuse(m, "%s of CPU %d, the machine has %u", call, cpu, m->config.n_cpus);
	return &m->cpu[0];
}

void never(struct bu_machine *m)
{
	const struct bu_await_op op_ = { .word = m->off_cpu, .guard = BU_GUARD_NE, .timeout_ns = BU_NO_TIMEOUT, .cpu = -1 };

	bu_word_await(m->engine, &op_, NULL);
}

/* ------------------------------------------------------------------------------------------------- interrupts */

static uint32_t name_key(const char *name)
{
	const uint32_t key = (uint32_t)bu_hash_bytes(BU_HASH_INIT, name, strlen(name));

	return key ? key : 1;
}

void cpu_arrive(struct bu_machine *m, int cpu, bool nmi, const char *name, int64_t at_ns, bu_thread_fn fn, void *arg)
{
	struct cpu *c = cpu_get(m, cpu, nmi ? "bu_nmi_send" : "bu_irq_send");
	struct chain *l = nmi ? &c->nmis : &c->irqs;
	struct item *prev = l->last, *at;
	struct arrival *a = (struct arrival *)m->free_arrival;

	if (a)
		m->free_arrival = a->item.next;
	else
		a = machine_mem(m, sizeof(*a));
	if (!a)
		return;
	*a = (struct arrival){ { NULL, name_key(name) }, at_ns, name, fn, arg };
	if (prev && ((struct arrival *)prev)->at_ns > at_ns) {	/* rarely */
		prev = NULL;
		for (at = l->first; ((struct arrival *)at)->at_ns <= at_ns; at = at->next)
			prev = at;
	}
	chain_insert(m, l, prev, &a->item);
	cpu_rebound(m, c);
}

static int64_t first_at(const struct chain *c)
{
	return c->first ? ((const struct arrival *)c->first)->at_ns : FOREVER;
}

static struct arrival take(struct bu_machine *m, struct chain *c)
{
	struct arrival *a = (struct arrival *)chain_pop(m, c);
	const struct arrival taken = *a;

	a->item.next = m->free_arrival;
	m->free_arrival = &a->item;
	return taken;
}

static void run_nmi(struct bu_machine *m, struct thread *t, struct cpu *c)
{
	struct arrival a = take(m, &c->nmis);
	bool irqs_off = c->irqs_off;

	c->in_nmi = true;
	if (!irqs_off)
		c->irqs_off_ns = bu_now(m);
	c->irqs_off = true;
	c->account.nmis++;
	bu_call(m, "<NMI>");
	bu_call(m, a.name);
	if (m->config.irq_ns)
		bu_work(m, m->config.irq_ns);
	a.fn(m, a.arg);
	t->live->depth -= 2;
	text_serialise(m, c);	/* IRET */
	c->irqs_off = irqs_off;
	c->in_nmi = false;
}

static void run_irq(struct bu_machine *m, struct thread *t, struct cpu *c)
{
	bool timer = c->timer_at_ns < first_at(&c->irqs);
	uint32_t held = t->live->n_held;
	struct arrival a = { .name = "timer_interrupt" };

	if (!timer)
		a = take(m, &c->irqs);
	c->in_irq++;
	cpu_flag(m, c, CPU_IN_IRQ, true);
	c->irqs_off = true;
	c->irqs_off_ns = bu_now(m);
	c->account.irqs++;
	bu_call(m, "<IRQ>");
	bu_call(m, a.name);
	if (m->config.irq_ns)
		bu_work(m, m->config.irq_ns);
	if (timer)
		timer_interrupt(m, c);
	else
		a.fn(m, a.arg);
	if (t->live->n_held != held)
		bu_misuse(m, "interrupt handler %s returned with other locks held than before", a.name);
	t->live->depth -= 2;
	text_serialise(m, c);	/* IRET */
	c->irqs_off = false;
	cpu_flag(m, c, CPU_IN_IRQ, --c->in_irq);
}

/* -------------------------------------------------------------------------------------------- what is due when */

bool preemptible(const struct bu_machine *m, const struct cpu *c)
{
	return !c->irqs_off && !c->in_irq && !c->in_nmi && !m->thread[c->curr]->preempt_count && c->curr != c->idle;
}

/* The next instant at which the CPU would turn to something else than what it does now. */
static int64_t next_bound(const struct bu_machine *m, const struct cpu *c)
{
	const struct thread *t = m->thread[c->curr];
	int64_t b = phys_bound(m, c), at;

	if (!c->in_nmi && (at = first_at(&c->nmis)) < b)
		b = at;
	if (c->irqs_off)
		return b;
	at = first_at(&c->irqs);
	if (at < b)
		b = at;
	if (c->timer_at_ns < b)
		b = c->timer_at_ns;
	if (t->class == BU_CLASS_FAIR && preemptible(m, c)) {
		if (c->fair.head && c->slice_end_ns < b)
			b = c->slice_end_ns;
		if (t->group && !t->throttled && bu_engine_now(m->engine) + t->group_left_ns < b)
			b = bu_engine_now(m->engine) + t->group_left_ns;
	}
	return b;
}

void cpu_rebound(struct bu_machine *m, struct cpu *c)
{
	int64_t b, now;

	if (!c->waiting)
		return;
	b = next_bound(m, c);
	now = bu_now(m);
	if (b < now || (cpu_is(c, CPU_NEED_RESCHED) && (preemptible(m, c) || c->curr == c->idle)))
		b = now;
	if (b >= c->bound_ns)
		return;
	c->bound_ns = b;
	bu_task_cut_at(m->engine, thread_of(m, c->curr)->task, b);
}

void attend(struct bu_machine *m, struct thread *t)
{
	for (;;) {
		struct cpu *c = cpu_of(m, t);
		int64_t now;

		phys_run(m, c);
		now = bu_now(m);
		if (!c->in_nmi && first_at(&c->nmis) <= now) {
			run_nmi(m, t, c);
			continue;
		}
		if (c->irqs_off)
			return;
		if (first_at(&c->irqs) <= now || c->timer_at_ns <= now) {
			run_irq(m, t, c);
			continue;
		}
		if (!preemptible(m, c))
			return;
		c->preemptible_ns = now;
		if (t->class == BU_CLASS_FAIR) {
			if (t->group && t->group_left_ns <= 0)
				charge_group(m, t, 0);
			if (c->fair.head && c->slice_end_ns <= now) {
				cpu_flag(m, c, CPU_NEED_RESCHED, true);
				c->slice_over = true;
			}
		}
		if (!cpu_is(c, CPU_NEED_RESCHED))
			return;
		schedule(m, true);
	}
}

/* ------------------------------------------------------------------------------------------------ spending time */

static void account(struct bu_machine *m, struct thread *t, struct cpu *c, int64_t ns, bool spin)
{
	t->ran_ns += ns;
	if (c->curr != c->idle || c->in_irq || c->in_nmi)
		c->account.busy_ns += ns;
	if (spin)
		c->account.spin_ns += ns;
	if (t->group)
		charge_group(m, t, ns);
}

void cpu_wait(struct bu_machine *m, struct thread *t, int64_t until_ns)
{
	struct cpu *c = cpu_of(m, t);
	int64_t start = bu_now(m), b = next_bound(m, c);

	if (until_ns < b)
		b = until_ns;
	if (b <= start)
		return;
	c->waiting = true;
	c->bound_ns = b;
	if (b == FOREVER)
		never(m);
	else
		bu_engine_delay(m->engine, b - start);
	c->waiting = false;
	if (c->curr != c->idle || c->in_irq)
		account(m, t, c, bu_now(m) - start, false);
}

static struct thread *running(struct bu_machine *m, const char *call)
{
	struct thread *t = cur(m);

	if (!t)
		bu_misuse(m, "%s outside of threads", call);
	return t;
}

void bu_work(struct bu_machine *m, int64_t ns)
{
	struct thread *t = running(m, "bu_work");
	int64_t start;

	if (!t)
		return;
	if (ns < 0)
		bu_misuse(m, "bu_work of %lld ns", (long long)ns);
	for (;;) {
		attend(m, t);
		if (ns <= 0)
			return;
		start = bu_now(m);
		cpu_wait(m, t, ns < FOREVER - start ? start + ns : FOREVER);
		ns -= bu_now(m) - start;
	}
}

void bu_mdelay(struct bu_machine *m, int64_t ns)
{
	struct thread *t = running(m, "bu_mdelay");
	int64_t end;

	if (!t)
		return;
	end = bu_now(m) + ns;
	for (;;) {
		attend(m, t);
		if (bu_now(m) >= end)
			return;
		cpu_wait(m, t, end);
	}
}

void op(struct bu_machine *m)
{
	struct thread *t = cur(m);
	struct cpu *c;

	if (!t)
		return;
	if (m->config.op_ns) {
		c = cpu_of(m, t);
		phys_run(m, c);
		bu_engine_delay(m->engine, m->config.op_ns);
		account(m, t, c, m->config.op_ns, false);
	} else if (m->config.step_ops) {
		bu_engine_delay(m->engine, 0);
	}
	attend(m, t);
}

static bool guard_holds(const struct bu_machine *m, const struct bu_await_op *op_)
{
	const int64_t found = bu_word_peek(m->engine, op_->word);

	switch (op_->guard) {
	case BU_GUARD_EQ: return found == op_->value;
	case BU_GUARD_NE: return found != op_->value;
	case BU_GUARD_GE: return found >= op_->value;
	default: return found <= op_->value;
	}
}

int spin_on(struct bu_machine *m, bu_word_id word, enum bu_guard guard, int64_t value, enum bu_effect effect,
	    int64_t operand, int64_t until_ns)
{
	struct bu_await_op op_ = { .word = word, .guard = guard, .value = value, .effect = effect, .operand = operand,
				   .cpu = -1 };
	struct thread *t = cur(m);
	int64_t begin = bu_now(m), spun = 0, start, b, poll = m->config.poll_ns;
	struct cpu *c;
	bool asleep;
	int rc, waited;

	if (!t) {
		bu_misuse(m, "a spin loop outside of threads");
		return -EINVAL;
	}
	for (;;) {
		attend(m, t);
		c = cpu_of(m, t);
		if (!guard_holds(m, &op_))
			phys_poll(m, c);
		asleep = phys_asleep(m, c);
		op_.effect = asleep ? BU_EFFECT_NONE : effect;	/* it has to wake up before it can act */
		start = bu_now(m);
		b = next_bound(m, c);
		if (until_ns < b)
			b = until_ns;
		/* A time out that is now is one after the last look. */
		op_.timeout_ns = b == FOREVER ? BU_NO_TIMEOUT : b > start ? b - start : 0;
		c->waiting = true;
		c->bound_ns = b;
		rc = bu_word_await(m->engine, &op_, &waited);
		c->waiting = false;
		spun += bu_now(m) - start;
		account(m, t, c, bu_now(m) - start, true);
		if (!rc && !asleep)
			break;
		if (bu_now(m) >= until_ns) {
			phys_poll_end(m, c);
			return -ETIMEDOUT;
		}
	}
	phys_poll_end(m, c);
	if (poll && spun) {
		/* It saw what it waited for when it looked the next time. */
		spun = (poll - (bu_now(m) - begin) % poll) % poll;
		if (spun) {
			c = cpu_of(m, t);
			bu_engine_delay(m->engine, spun);
			account(m, t, c, spun, true);
		}
	}
	return 0;
}

/* -------------------------------------------------------------------------------------------- switching them off */

void bu_local_irq_disable(struct bu_machine *m)
{
	struct thread *t = running(m, "local_irq_disable");

	if (!t)
		return;
	attend(m, t);
	if (cpu_of(m, t)->irqs_off)
		return;
	cpu_of(m, t)->irqs_off = true;
	cpu_of(m, t)->irqs_off_ns = bu_now(m);
}

void bu_local_irq_enable(struct bu_machine *m)
{
	struct thread *t = running(m, "local_irq_enable");

	if (!t)
		return;
	if (cpu_of(m, t)->in_irq || cpu_of(m, t)->in_nmi) {
		bu_misuse(m, "local_irq_enable() in an interrupt handler");
		return;
	}
	cpu_of(m, t)->irqs_off = false;
	attend(m, t);
}

bool bu_local_irq_save(struct bu_machine *m)
{
	bool on = !bu_irqs_disabled(m);

	bu_local_irq_disable(m);
	return on;
}

void bu_local_irq_restore(struct bu_machine *m, bool on)
{
	if (on)
		bu_local_irq_enable(m);
}

bool bu_irqs_disabled(struct bu_machine *m)
{
	struct thread *t = running(m, "irqs_disabled");

	return t && cpu_of(m, t)->irqs_off;
}

void bu_preempt_disable(struct bu_machine *m)
{
	struct thread *t = running(m, "preempt_disable");

	if (t)
		t->preempt_count++;
}

void bu_preempt_enable(struct bu_machine *m)
{
	struct thread *t = running(m, "preempt_enable");

	if (!t)
		return;
	if (!t->preempt_count) {
		bu_misuse(m, "preempt_enable() without preempt_disable()");
		return;
	}
	if (!--t->preempt_count)
		attend(m, t);
}

int bu_preempt_count(struct bu_machine *m)
{
	struct thread *t = cur(m);

	return t ? t->preempt_count : 0;
}

bool bu_in_interrupt(struct bu_machine *m)
{
	struct thread *t = cur(m);

	return t && (cpu_of(m, t)->in_irq || cpu_of(m, t)->in_nmi);
}

bool bu_in_nmi(struct bu_machine *m)
{
	struct thread *t = cur(m);

	return t && cpu_of(m, t)->in_nmi;
}

void bu_might_sleep(struct bu_machine *m)
{
	struct thread *t = running(m, "might_sleep");
	const struct cpu *c;

	if (!t)
		return;
	c = cpu_of(m, t);
	if (c->irqs_off || c->in_irq || c->in_nmi || t->preempt_count || t->rcu_nesting || c->curr == c->idle)
		bu_misuse(m, "BUG: sleeping function called from invalid context");
}

void bu_irq_send(struct bu_machine *m, int cpu, const char *name, int64_t delay_ns, bu_thread_fn handler, void *arg)
{
	if (delay_ns < 0 || !handler) {
		bu_misuse(m, "interrupt %s without a handler or before now", name);
		return;
	}
	op(m);
	cpu_arrive(m, cpu, false, name, bu_now(m) + delay_ns, handler, arg);
}

void bu_ipi_send(struct bu_machine *m, int cpu, const char *name, bu_thread_fn handler, void *arg)
{
	bu_irq_send(m, cpu, name, m->config.ipi_ns, handler, arg);
}

void bu_nmi_send(struct bu_machine *m, int cpu, const char *name, int64_t delay_ns, bu_thread_fn handler, void *arg)
{
	if (delay_ns < 0 || !handler) {
		bu_misuse(m, "NMI %s without a handler or before now", name);
		return;
	}
	op(m);
	cpu_arrive(m, cpu, true, name, bu_now(m) + delay_ns, handler, arg);
}

/* -------------------------------------------------------------------------------------------------------- CPUs */

static void start_idle(struct bu_machine *m, void *arg)
{
	struct cpu *c = arg;

	if (c->start_fn) {
		c->start_fn(m, c->start_arg);
	} else {
		bu_set_cpu_online(m, (int)c->id, true);
		bu_cpu_startup_entry(m);
	}
}

void bu_cpu_start(struct bu_machine *m, int cpu, bu_thread_fn fn, void *arg)
{
	struct cpu *c = cpu_get(m, cpu, "bu_cpu_start");
	char name[24] = "swapper/", *p = name + 8;
	struct thread *t;

	op(m);
	if (cpu_is(c, CPU_STARTED)) {
		bu_misuse(m, "CPU %d is started while it runs", cpu);
		return;
	}
	if (!c->idle) {
		uint32_t div;

		for (div = 1; (uint32_t)cpu / div >= 10; div *= 10)
			;
		for (; div; div /= 10)
			*p++ = (char)('0' + (uint32_t)cpu / div % 10);
		t = thread_new(m, name, cpu, BU_CLASS_IDLE, 0, start_idle, c);
		if (!t)
			return;
		c->idle = t->id;
	}
	t = thread_of(m, c->idle);
	c->start_fn = fn;
	c->start_arg = arg;
	c->irqs_off = true;
	c->irqs_off_ns = c->switched_ns = c->started_ns = bu_now(m);
	cpu_store(m, c, c->idle, CPU_STARTED | (cpu_is(c, CPU_ONLINE) ? CPU_ONLINE | CPU_ALIVE : 0));
	t->on_rq = true;
	set_state(m, t, BU_TASK_RUNNING);
	thread_go(m, c);
}

void bu_cpu_startup_entry(struct bu_machine *m)
{
	struct thread *t = running(m, "cpu_startup_entry");
	struct cpu *c;

	if (!t)
		return;
	c = cpu_of(m, t);
	if (c->curr != c->idle) {
		bu_misuse(m, "cpu_startup_entry() by another thread than idle");
		return;
	}
	bu_local_irq_enable(m);
	for (;;) {
		attend(m, t);
		if (cpu_is(c, CPU_NEED_RESCHED) || has_queued(c)) {
			schedule(m, false);
		} else if (!cpu_is(c, CPU_ONLINE)) {
			c->irqs_off = true;
			return;
		} else if (!m->pullable) {
			phys_halt(m, c);
			cpu_wait(m, t, FOREVER);
		} else {
			/* schedule() pulls a thread from another CPU, or finds that there is none for it. */
			schedule(m, false);
			if (c->curr == c->idle && !cpu_is(c, CPU_NEED_RESCHED) && !has_queued(c)) {
				phys_halt(m, c);
				cpu_wait(m, t, FOREVER);
			}
		}
	}
}

void bu_cpu_alive(struct bu_machine *m, int cpu)
{
	cpu_flag(m, cpu_get(m, cpu, "bu_cpu_alive"), CPU_ALIVE, true);
}

void bu_set_cpu_online(struct bu_machine *m, int cpu, bool online)
{
	struct cpu *c = cpu_get(m, cpu, "bu_set_cpu_online");

	op(m);
	if (cpu_is(c, CPU_ONLINE) == online)
		return;
	bu_word_add(m->engine, m->nr_online, online ? 1 : -1);
	cpu_store(m, c, c->curr, online ? c->flags | CPU_ONLINE | CPU_ALIVE : c->flags & ~(uint32_t)CPU_ONLINE);
	if (online) {
		timers_cpu_online(m, c);
	} else {
		timers_cpu_offline(m, c);
		push_all(m, c);
		/* An idle loop that sleeps has to look. */
		if (c->curr && c->curr == c->idle)
			resched_curr(m, c);
	}
}

bool cpu_sees(struct bu_machine *m, const struct cpu *c, uint32_t flags)
{
	(void)bu_word_load(m->engine, c->state);
	return (c->flags & flags) == flags;
}

bool cpu_seen_idle(struct bu_machine *m, const struct cpu *c)
{
	(void)bu_word_load(m->engine, c->state);
	return (c->flags & (CPU_STARTED | CPU_IN_IRQ)) == CPU_STARTED && c->curr == c->idle;
}

bool bu_cpu_online(struct bu_machine *m, int cpu)
{
	return cpu_sees(m, cpu_get(m, cpu, "bu_cpu_online"), CPU_ONLINE);
}

uint32_t bu_num_online_cpus(struct bu_machine *m)
{
	return (uint32_t)bu_word_load(m->engine, m->nr_online);
}

bool bu_cpu_started(struct bu_machine *m, int cpu)
{
	return cpu_sees(m, cpu_get(m, cpu, "bu_cpu_started"), CPU_STARTED);
}

bu_thread bu_cpu_curr(struct bu_machine *m, int cpu)
{
	return cpu_get(m, cpu, "bu_cpu_curr")->curr;
}

bool bu_cpu_idle(struct bu_machine *m, int cpu)
{
	return cpu_seen_idle(m, cpu_get(m, cpu, "bu_cpu_idle"));
}

bool bu_is_idle_task(struct bu_machine *m, int cpu)
{
	const struct cpu *c = cpu_get(m, cpu, "bu_is_idle_task");

	return cpu_sees(m, c, CPU_STARTED) && c->curr == c->idle;
}

void bu_cpu_account(struct bu_machine *m, int cpu, struct bu_cpu_account *ret)
{
	*ret = cpu_get(m, cpu, "bu_cpu_account")->account;
}

bool bu_cpu_state(struct bu_machine *m, int cpu, struct bu_cpu_state *ret)
{
	const struct cpu *c = cpu_get(m, cpu, "bu_cpu_state");

	*ret = (struct bu_cpu_state){ 0 };
	if (!cpu_is(c, CPU_STARTED))
		return false;
	ret->curr = c->curr;
	ret->idle = c->curr == c->idle && !c->in_irq;
	ret->irqs_off = c->irqs_off;
	ret->irqs_off_since_ns = c->irqs_off_ns;
	ret->in_irq = c->in_irq;
	ret->in_nmi = c->in_nmi;
	ret->preempt_count = m->thread[c->curr]->preempt_count;
	ret->switched_ns = c->switched_ns;
	ret->online = cpu_is(c, CPU_ONLINE);
	ret->started_ns = c->started_ns;
	ret->alive = cpu_is(c, CPU_ALIVE);
	if (preemptible(m, c) || c->curr == c->idle)
		ret->no_stopper_since_ns = bu_now(m);
	else
		ret->no_stopper_since_ns = c->preemptible_ns > c->switched_ns ? c->preemptible_ns : c->switched_ns;
	ret->no_physical = phys_waits(m, c);
	ret->irqs_pending = first_at(&c->irqs) <= bu_now(m) || c->timer_at_ns <= bu_now(m);
	return true;
}
