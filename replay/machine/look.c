// SPDX-License-Identifier: GPL-2.0-only
/* look.c - catches what is changed behind its word; see look.h. */
#include "replay/machine/look.h"

#include "replay/machine/machine_int.h"
#include "schemas/base/mem.h"

#define LOOK_AT 512u		/* of each kind per step */

struct looked {
	enum { LOOKED_RECORD, LOOKED_CPU, LOOKED_THREAD, LOOKED_OBJ, LOOKED_MEMORY, LOOKED_PERCPU_MEMORY } kind;
	const char *what;
	const void *from;
	size_t bytes;
	const bu_word_id *words;
	uint32_t n_words;
	const void *whole;	/* the CPU, thread or object; memory: whose it is, NULL: of who set the run up */
	uint64_t hash, at;	/* what was found, and 1 + the number of the event after which; 0: not yet */
};

static struct looked *add(struct bu_machine *m, const char *what, const void *from, const void *to)
{
	struct looked *l;

	if (!m->config.check_state)
		return NULL;
	if (bu_grow(&m->looked, m->n_looked, &m->cap_looked, sizeof(*m->looked))) {
		bu_machine_fail(m, "machine: out of memory for looking at %s", what);
		return NULL;
	}
	l = &m->looked[m->n_looked++];
	*l = (struct looked){ .what = what, .from = from, .bytes = (size_t)((const char *)to - (const char *)from) };
	return l;
}

void look_at_record(struct bu_machine *m, const char *what, const void *from, const void *to, const bu_word_id *words,
		    uint32_t n)
{
	struct looked *l = add(m, what, from, to);

	if (!l)
		return;
	l->words = words;
	l->n_words = n;
}

static void cpu_record(struct bu_machine *m, const struct cpu *c, const void *from, const void *to, const bu_word_id *words,
		       uint32_t n)
{
	struct looked *l = add(m, "CPU", from, to);

	if (!l)
		return;
	l->kind = LOOKED_CPU;
	l->whole = c;
	l->words = words;
	l->n_words = n;
}

void look_at_own(struct bu_machine *m, const struct cpu *c, const void *from, const void *to)
{
	cpu_record(m, c, from, to, NULL, 0);
}

void look_at_cpu(struct bu_machine *m, const struct cpu *c)
{
	cpu_record(m, c, &c->irqs_off, &c->timer_at_ns, &c->state, 1);
}

void look_at_rcu_of_cpu(struct bu_machine *m, const struct cpu *c, const bu_word_id *words)
{
	cpu_record(m, c, &c->rcu_owes, &c->irqs, words, 2);
}

void look_at_thread(struct bu_machine *m, const struct thread *t)
{
	struct looked *l = add(m, "thread", t, &t->link);

	if (!l)
		return;
	l->kind = LOOKED_THREAD;
	l->whole = t;
}

void look_at_obj(struct bu_machine *m, const struct obj *o)
{
	struct looked *l = add(m, "object", o, &o->waiters);

	if (!l)
		return;
	l->kind = LOOKED_OBJ;
	l->whole = o;
}

void look_at_memory(struct bu_machine *m, const void *at, size_t bytes)
{
	struct looked *l = add(m, "memory", at, (const char *)at + bytes);

	if (!l)
		return;
	l->kind = LOOKED_MEMORY;
	l->whole = cur(m);
}

void look_at_percpu_memory(struct bu_machine *m, uint32_t cpu, const void *at, size_t bytes)
{
	struct looked *l = add(m, "per-CPU memory", at, (const char *)at + bytes);

	if (!l)
		return;
	l->kind = LOOKED_PERCPU_MEMORY;
	l->whole = &m->cpu[cpu];
}

void look_at_chain(struct bu_machine *m, const struct chain *c)
{
	if (!m->config.check_state)
		return;
	if (bu_grow(&m->chain, m->n_chains, &m->cap_chains, sizeof(*m->chain)))
		bu_machine_fail(m, "machine: out of memory for looking at a chain");
	else
		m->chain[m->n_chains++] = c;
}

void look_anew(struct bu_machine *m)
{
	size_t i;

	for (i = 0; i < m->n_looked; i++)
		m->looked[i].at = 0;
}

/* ------------------------------------------------------------------------------------------------------ records */

static uint64_t later(const struct bu_machine *m, bu_word_id word, uint64_t than)
{
	uint64_t at = word ? bu_word_changed(m->engine, word) : 0;

	return at > than ? at : than;
}

/* When something happened last that may have changed it. */
static uint64_t allowed_at(const struct bu_machine *m, const struct looked *l)
{
	const struct thread *t = l->whole;
	const struct obj *o = l->whole;
	const struct cpu *c = l->whole;
	uint64_t at = 0;
	uint32_t i;

	for (i = 0; i < l->n_words; i++)
		at = later(m, l->words[i], at);
	switch (l->kind) {
	case LOOKED_CPU:
	case LOOKED_PERCPU_MEMORY:
		return c->stepped > at ? c->stepped : at;
	case LOOKED_THREAD:
		/* Its own doing, its wake-up, its way on and off its CPU. */
		c = cpu_of(m, t);
		at = later(m, t->state, later(m, t->inactive, later(m, c->state, t->stepped)));
		at = later(m, c->fair.word, later(m, c->rt.word, later(m, c->stop.word, at)));
		if (t->group)
			at = later(m, m->obj[t->group]->waiters.word, at);
		return m->rcu ? rcu_changed(m, at) : at;
	case LOOKED_MEMORY:
		return t ? t->stepped : at;
	case LOOKED_OBJ:
		for (i = 0; i < o->n; i++)
			at = later(m, o->w[i], at);
		return later(m, o->waiters.word, at);
	default:
		return at;
	}
}

static bool look_at_one(struct bu_machine *m, struct looked *l, uint64_t now, uint32_t task)
{
	uint64_t hash = bytes_hash(BU_HASH_INIT, l->from, l->bytes);
	const bool intact = !l->at || hash == l->hash || allowed_at(m, l) > l->at;
	const struct obj *o = l->whole;

	l->hash = hash;
	l->at = now;
	if (intact)
		return true;
	switch (l->kind) {
	case LOOKED_CPU:
		bu_machine_fail(m, "machine: %s changed CPU %u from outside: what is not under its word is its own",
				bu_task_name(m->engine, task), ((const struct cpu *)l->whole)->id);
		break;
	case LOOKED_THREAD:
		bu_machine_fail(m, "machine: %s changed thread %s from outside without an operation on a word of it",
				bu_task_name(m->engine, task), ((const struct thread *)l->whole)->name);
		break;
	case LOOKED_MEMORY:
		bu_machine_fail(m, "%s changed memory of %s: threads share nothing but words", bu_task_name(m->engine, task),
				l->whole ? ((const struct thread *)l->whole)->name : "all");
		break;
	case LOOKED_PERCPU_MEMORY:
		bu_machine_fail(m, "%s changed memory of CPU %u from outside: CPUs share nothing but words",
				bu_task_name(m->engine, task), ((const struct cpu *)l->whole)->id);
		break;
	case LOOKED_OBJ:
		bu_machine_fail(m, "machine: %s changed %s %s without an operation on a word of it", bu_task_name(m->engine, task),
				bu_obj_kind_name(o->kind), o->name);
		break;
	default:
		bu_machine_fail(m, "machine: %s changed a %s without an operation on a word of it", bu_task_name(m->engine, task),
				l->what);
	}
	return false;
}

static bool look_at_records(struct bu_machine *m, uint32_t task)
{
	const uint64_t now = 1 + *bu_engine_progress(m->engine);
	struct thread *t = task < m->cap_of_task && m->of_task[task] ? m->thread[m->of_task[task]] : NULL;
	size_t n;

	if (t) {
		t->stepped = now;
		cpu_of(m, t)->stepped = now;
	}
	for (n = m->n_looked < LOOK_AT ? m->n_looked : LOOK_AT; n; n--) {
		m->next_looked = (m->next_looked + 1) % m->n_looked;
		if (!look_at_one(m, &m->looked[m->next_looked], now, task))
			return false;
	}
	return true;
}

/* --------------------------------------------------------------------------------------- queues, chains and CPUs */

static bool look_at_queues(struct bu_machine *m, uint32_t task)
{
	const size_t of_cpus = 3 * (size_t)m->config.n_cpus, all = of_cpus + m->n_objs - 1;
	size_t n;

	for (n = all < LOOK_AT ? all : LOOK_AT; n; n--) {
		size_t at = m->next_queue = (m->next_queue + 1) % all;
		const struct obj *o = at < of_cpus ? NULL : m->obj[at - of_cpus + 1];
		const struct cpu *c = &m->cpu[at / 3 % m->config.n_cpus];
		const struct queue *q = o ? &o->waiters : at % 3 == 0 ? &c->fair : at % 3 == 1 ? &c->rt : &c->stop;

		if (o && !queue_intact(m, q, o->kind != BU_OBJ_CFS_GROUP ? LINK_WAIT : LINK_RUN))
			bu_machine_fail(m, "machine: %s changed who waits for %s %s behind its back: use queue_insert() and "
					"queue_remove()", bu_task_name(m->engine, task), bu_obj_kind_name(o->kind), o->name);
		else if (!o && !queue_intact(m, q, LINK_RUN))
			bu_machine_fail(m, "machine: %s changed a run queue of CPU %u behind its back: use queue_insert() and "
					"queue_remove()", bu_task_name(m->engine, task), c->id);
		else if (!o && bu_word_peek(m->engine, c->state) != cpu_word(c->curr, c->flags))
			bu_machine_fail(m, "machine: %s changed the state of CPU %u behind its back: use cpu_store()",
					bu_task_name(m->engine, task), c->id);
		else
			continue;
		return false;
	}
	return true;
}

static bool look_at_chains(struct bu_machine *m, uint32_t task)
{
	size_t n;

	for (n = m->n_chains < LOOK_AT ? m->n_chains : LOOK_AT; n; n--) {
		const struct chain *c = m->chain[m->next_chain = (m->next_chain + 1) % m->n_chains];

		if (chain_intact(m, c))
			continue;
		bu_machine_fail(m, "machine: %s changed the %s behind its back: use chain_insert() and chain_remove()",
				bu_task_name(m->engine, task), bu_word_name(m->engine, c->word));
		return false;
	}
	return true;
}

void look(void *machine, uint32_t task)
{
	struct bu_machine *m = machine;

	if (!m->failed && look_at_queues(m, task) && look_at_chains(m, task))
		look_at_records(m, task);
}
