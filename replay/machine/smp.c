// SPDX-License-Identifier: GPL-2.0-only
/*
 * smp.c - see smp.h. csds come from a pool: one that is in use belongs to one call.
 */
#include "replay/machine/smp.h"

#include <errno.h>

#include "replay/machine/look.h"
#include "replay/machine/machine_int.h"

struct csd {
	struct item item;	/* in the queue of its CPU, or free */
	bool pooled;		/* given back by the CPU that runs it */
	bool wait;
	bu_thread_fn fn;
	void *arg;
	const char *name;
	bu_word_id locked;
	/* Known to its caller only: of one call to many. */
	struct csd *link;
	int cpu;
};

/* Per CPU. */
struct call_queue {
	struct chain csds;
	struct csd *own;	/* csd_data: for calls without waiting */
};

static struct call_queue *queue_of(struct bu_machine *m, struct cpu *c)
{
	if (!c->calls) {
		c->calls = machine_alloc(m, sizeof(*c->calls));
		if (c->calls)
			chain_init(m, &c->calls->csds, "calls of a CPU");
	}
	return c->calls;
}

static struct csd *csd_get(struct bu_machine *m)
{
	struct csd *d = m->free_csd;

	in_use(m, &m->csds, "csds in use", 1);
	if (d) {
		m->free_csd = (struct csd *)d->item.next;
		return d;
	}
	d = machine_alloc(m, sizeof(*d));
	if (!d)
		return NULL;
	d->item.key = d->locked = bu_word_new(m->engine, "csd", 0);
	look_at_record(m, "csd", &d->pooled, &d->link, &d->locked, 1);
	return d;
}

static void csd_put(struct bu_machine *m, struct csd *d)
{
	in_use(m, &m->csds, NULL, -1);
	d->item.next = m->free_csd ? &m->free_csd->item : NULL;
	m->free_csd = d;
}

/* csd_lock_wait() */
static void csd_lock_wait(struct bu_machine *m, const struct csd *d, int cpu)
{
	struct thread *t = cur(m);
	uint8_t outer = t->wait;

	op(m);
	if (!bu_word_load(m->engine, d->locked))
		return;
	wait_begin(m, BU_WAITS_IPI, 0, d->name);
	t->wait_cpu = cpu;
	t->wait_word = d->locked;
	spin_on(m, d->locked, BU_GUARD_EQ, 0, BU_EFFECT_NONE, 0, FOREVER);
	wait_end(m, false);
	t->wait = outer;
}

/* __flush_smp_call_function_queue() */
static void flush(struct bu_machine *m, void *arg)
{
	struct call_queue *q = ((struct cpu *)arg)->calls;
	struct csd *d, *next;

	/* Those that come while this goes on find the queue empty and send an IPI of their own. */
	for (d = (struct csd *)chain_take_all(m, &q->csds); d; d = next) {
		bu_thread_fn fn = d->fn;
		void *fn_arg = d->arg;
		const char *name = d->name;

		next = (struct csd *)d->item.next;
		bu_call(m, name);
		if (d->wait) {
			fn(m, fn_arg);
			op(m);
			bu_word_store(m->engine, d->locked, 0);
		} else {
			op(m);
			bu_word_store(m->engine, d->locked, 0);
			if (d->pooled)
				csd_put(m, d);
			fn(m, fn_arg);
		}
		bu_ret(m);
	}
}

static void queue(struct bu_machine *m, int cpu, struct csd *d)
{
	struct cpu *c = &m->cpu[cpu];
	struct call_queue *q = queue_of(m, c);
	bool first;

	op(m);
	first = !q->csds.first;
	chain_append(m, &q->csds, &d->item);
	if (first)
		bu_ipi_send(m, cpu, "sysvec_call_function_single", flush, c);
}

int bu_smp_call_function_single(struct bu_machine *m, int cpu, const char *name, bu_thread_fn fn, void *arg, bool wait)
{
	struct thread *t = cur(m);
	struct call_queue *q;
	struct csd *d;
	bool on;

	if (!t || cpu < 0 || (uint32_t)cpu >= m->config.n_cpus || !fn) {
		bu_misuse(m, "smp_call_function_single(%s) to CPU %d", name, cpu);
		return -EINVAL;
	}
	bu_preempt_disable(m);
	if (t->cpu == (uint32_t)cpu) {
		on = bu_local_irq_save(m);
		bu_call(m, name);
		fn(m, arg);
		bu_ret(m);
		bu_local_irq_restore(m, on);
		bu_preempt_enable(m);
		return 0;
	}
	op(m);
	if (!cpu_sees(m, &m->cpu[cpu], CPU_ONLINE)) {
		bu_preempt_enable(m);
		return -ENXIO;
	}
	q = queue_of(m, cpu_of(m, t));
	if (wait) {
		d = csd_get(m);
	} else {
		if (!q->own)
			q->own = csd_get(m);
		d = q->own;
		csd_lock_wait(m, d, cpu);
	}
	d->fn = fn;
	d->arg = arg;
	d->name = name;
	d->wait = wait;
	d->pooled = false;
	bu_word_store(m->engine, d->locked, 1);
	queue(m, cpu, d);
	if (wait) {
		csd_lock_wait(m, d, cpu);
		csd_put(m, d);
	}
	bu_preempt_enable(m);
	return 0;
}

void bu_smp_call_function(struct bu_machine *m, const char *name, bu_thread_fn fn, void *arg, bool wait)
{
	struct thread *t = cur(m);
	struct csd *d, *all = NULL, **last = &all;
	uint32_t i;

	if (!t || !fn) {
		bu_misuse(m, "smp_call_function(%s) outside of threads", name);
		return;
	}
	bu_preempt_disable(m);
	for (i = 0; i < m->config.n_cpus; i++) {
		if (i == t->cpu || !cpu_sees(m, &m->cpu[i], CPU_ONLINE))
			continue;
		d = csd_get(m);
		if (!d)
			return;
		d->fn = fn;
		d->arg = arg;
		d->name = name;
		d->wait = wait;
		d->pooled = !wait;
		d->cpu = (int)i;
		bu_word_store(m->engine, d->locked, 1);
		if (wait) {
			*last = d;
			last = &d->link;
			d->link = NULL;
		}
		queue(m, (int)i, d);
	}
	for (; all; all = d) {
		csd_lock_wait(m, all, all->cpu);
		d = all->link;
		csd_put(m, all);
	}
	bu_preempt_enable(m);
}

void bu_on_each_cpu(struct bu_machine *m, const char *name, bu_thread_fn fn, void *arg, bool wait)
{
	bool on;

	bu_preempt_disable(m);
	bu_smp_call_function(m, name, fn, arg, wait);
	on = bu_local_irq_save(m);
	fn(m, arg);
	bu_local_irq_restore(m, on);
	bu_preempt_enable(m);
}

void bu_smpcfd_dying_cpu(struct bu_machine *m)
{
	struct thread *t = cur(m);

	if (!t || !cpu_of(m, t)->irqs_off) {
		bu_misuse(m, "smpcfd_dying_cpu() with interrupts on");
		return;
	}
	op(m);
	if (cpu_of(m, t)->calls)
		flush(m, cpu_of(m, t));
}
