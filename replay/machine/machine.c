// SPDX-License-Identifier: GPL-2.0-only
/*
 * machine.c - the machine as a whole: memory, objects, call paths, how a run begins and ends. See machine.h.
 *
 * A run ends by the engine's failing: with the last thread that it waits for, by a rule that was broken, or by a
 * core's own word. Which of these it was is written down here first.
 */
#include "replay/machine/look.h"
#include "replay/machine/machine_int.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "schemas/base/mem.h"
#include "schemas/base/ns.h"

#define WORDS_BYTES 512u	/* of what a verdict says before the place */

int bu_machine_create(const struct bu_machine_config *config, struct bu_machine **ret, struct bu_err *err)
{
	struct bu_engine_config engine = { .seed = config->seed, .stack_bytes = config->stack_bytes,
					     .max_events = config->max_events, .choose = config->choose,
					   .choose_ctx = config->ctx, .clean_stacks = config->fingerprints,
					   .check_stacks = config->check_state, .steps = config->steps,
					   .steps_ctx = config->steps_ctx };
	struct bu_machine *m;
	int rc;

	if (!config->n_cpus || !config->n_online || config->n_online > config->n_cpus || config->n_cpus > 1u << 24)
		return bu_fail(err, -EINVAL, "machine: %u CPUs of which %u are online", config->n_cpus,
			       config->n_online);
	if (config->ipi_ns < 0 || config->irq_ns < 0 || config->switch_ns < 0 || config->poll_ns < 0 ||
	    config->op_ns < 0 || config->slice_ns < 0 || config->tick_ns < 0 || config->text_poke_ns < 0 ||
	    config->quantum_ns < 0 || config->host_tick_ns < 0 || config->host_sched_latency_ns < 0 ||
	    config->host_min_granularity_ns < 0 || config->host_wakeup_granularity_ns < 0 ||
	    config->emulator_ns < 0 || config->emulator_tick_ns < 0)
		return bu_fail(err, -EINVAL, "machine: a duration is negative");
	if (config->host_load_permille && (!config->n_physical || config->quantum_ns || config->host_load_permille >= 1000))
		return bu_fail(err, -EINVAL,
			       "machine: other load of %u permille needs physical CPUs, no quantum, and is below 1000",
			       config->host_load_permille);
	m = calloc(1, sizeof(*m));
	if (!m)
		return bu_fail_errno(err, -ENOMEM, "machine");
	m->config = *config;
	m->tables = config->tables;
	if (!m->config.slice_ns)
		m->config.slice_ns = 3 * BU_NS_PER_MS;
	m->cpu = calloc(config->n_cpus, sizeof(*m->cpu));
#ifdef BU_DEBUG
	m->config.check_state = true;
#endif
	engine.look = look;
	engine.look_ctx = m;
	rc = m->cpu ? bu_engine_create(&engine, &m->engine, err) : bu_fail_errno(err, -ENOMEM, "machine");
	if (!rc)
		rc = bu_machine_reset(m, config->seed, err);
	if (rc) {
		bu_machine_destroy(m);
		return rc;
	}
	*ret = m;
	return 0;
}

void bu_machine_destroy(struct bu_machine *m)
{
	if (!m)
		return;
	bu_engine_destroy(m->engine);
	bu_run_mem_fini(&m->mem);
	free(m->cpu);
	free(m->thread);
	free(m->obj);
	free(m->of_task);
	free(m->looked);
	free(m->chain);
	free(m->record);
	free(m);
}

int bu_machine_reset(struct bu_machine *m, uint64_t seed, struct bu_err *err)
{
	uint32_t i;

	bu_engine_reset(m->engine, seed);
	bu_run_mem_rewind(&m->mem);
	m->n_threads = 1;
	m->n_objs = 1;
	m->free_arrival = NULL;
	m->free_live = NULL;
	m->n_users = 0;
	m->pullable = 0;
	m->rcu = NULL;
	m->text = NULL;
	m->pgd = NULL;
	m->free_csd = NULL;
	m->unbound_pool = NULL;
	m->system_wq = 0;
	m->free_done = NULL;
	m->free_stop_work = NULL;
	m->n_stop_works = 0;
	m->csds = m->stop_dones = m->stop_works = 0;
	m->free_multi = NULL;
	m->n_smpboot = 0;
	m->stop_init = false;
	m->text_mutex = m->stop_mutex = m->cpu_hotplug_lock = 0;
	m->stop_in_progress = 0;
	m->bytes = 0;
	m->n_records = 0;
	m->n_looked = m->next_looked = 0;
	m->n_chains = m->next_chain = m->next_queue = 0;
	m->done = m->failed = false;
	m->end = BU_MACHINE_FAILED;
	bu_progress(m);
	m->verdict[0] = '\0';
	if (m->cap_of_task)
		memset(m->of_task, 0, m->cap_of_task * sizeof(*m->of_task));
	m->off_cpu = bu_word_new(m->engine, NULL, 0);
	m->nr_online = bu_word_new(m->engine, "num_online_cpus", 0);
	cpus_reset(m);
	if (!phys_reset(m))
		return bu_fail_errno(err, -ENOMEM, "machine");
	for (i = 0; i < m->config.n_online && !m->failed; i++) {
		bu_set_cpu_online(m, (int)i, true);
		bu_cpu_start(m, (int)i, NULL, NULL);
	}
	return m->failed || !m->off_cpu ? bu_fail_errno(err, -ENOMEM, "machine") : 0;
}

struct bu_engine *bu_machine_engine(struct bu_machine *m)
{
	return m->engine;
}

int64_t bu_now(struct bu_machine *m)
{
	return bu_engine_now(m->engine);
}

uint32_t bu_nr_cpus(struct bu_machine *m)
{
	return m->config.n_cpus;
}

size_t bu_machine_bytes(const struct bu_machine *m)
{
	return sizeof(*m) + m->config.n_cpus * sizeof(*m->cpu) + m->cap_threads * sizeof(*m->thread) +
	       m->cap_objs * sizeof(*m->obj) + m->cap_of_task * sizeof(*m->of_task) +
	       m->bytes;
}

/* ------------------------------------------------------------------------------------------------- how it ends */

static void out_of_memory(struct bu_machine *m)
{
	bu_machine_fail(m, "machine: out of memory after %zu bytes", bu_machine_bytes(m));
}

void bu_machine_fail(struct bu_machine *m, const char *fmt, ...)
{
	va_list ap;

	if (!m->failed) {
		va_start(ap, fmt);
		vsnprintf(m->verdict, sizeof(m->verdict), fmt, ap);
		va_end(ap);
		m->failed = true;
	}
	bu_engine_fail(m->engine, "machine");
}

void *bu_machine_host(struct bu_machine *m)
{
	return m->config.host;
}

/* Ends the run: @words, then who did it, where, and in what context. */
static void end_with(struct bu_machine *m, enum bu_machine_end end, const char *words)
{
	const struct thread *t = cur(m);
	size_t n, size = sizeof(m->verdict);
	uint32_t i;

	if (!m->failed) {
		m->failed = true;
		m->end = end;
		n = (size_t)snprintf(m->verdict, size, "%s", words);
		if (t && n < size) {
			const struct cpu *c = cpu_of(m, t);

			n += (size_t)snprintf(m->verdict + n, size - n,
					      " (%s on CPU %u at %lld ns, preempt_count %d, interrupts %s", t->name, c->id,
					      (long long)bu_now(m), t->preempt_count,
					      c->in_nmi ? "off, in NMI" : c->in_irq ? "off, in interrupt" :
					      c->irqs_off ? "off" : "on");
			for (i = t->live ? t->live->depth : 0; i-- > 0 && n < size;)
				n += (size_t)snprintf(m->verdict + n, size - n, "%s%s",
						      i + 1 == t->live->depth ? "; in " : " <- ",
						      i < PATH_MAX_CALLS ? t->live->path[i] : "...");
			if (n < size)
				snprintf(m->verdict + n, size - n, ")");
		}
	}
	bu_engine_fail(m->engine, "machine");
}

void bu_misuse(struct bu_machine *m, const char *fmt, ...)
{
	char words[WORDS_BYTES];
	va_list ap;

	va_start(ap, fmt);
	vsnprintf(words, sizeof(words), fmt, ap);
	va_end(ap);
	end_with(m, BU_MACHINE_MISUSE, words);
}

void bu_crash(struct bu_machine *m, const char *what, const char *where)
{
	char words[WORDS_BYTES];

	snprintf(words, sizeof(words), "%s at %s", what, where);
	end_with(m, BU_MACHINE_CRASH, words);
}

void bu_core_assert_failed(struct bu_machine *m, const char *condition, const char *where)
{
	char words[WORDS_BYTES];

	snprintf(words, sizeof(words), "assertion '%s' does not hold at %s", condition, where);
	end_with(m, BU_MACHINE_ASSERT, words);
}

void bu_progress(struct bu_machine *m)
{
	bu_engine_limit(m->engine, m->config.progress_events);
}

static void end_of_run(struct bu_engine *e, void *arg)
{
	struct bu_machine *m = arg;

	bu_engine_delay_until(e, m->config.end_ns);
	m->done = true;
	bu_engine_fail(e, "done");
}

int bu_machine_run(struct bu_machine *m, struct bu_machine_result *ret, struct bu_err *err)
{
	struct bu_engine_result end;
	int rc;

	if (m->config.end_ns && !bu_task_spawn(m->engine, "end of run", -1, end_of_run, m))
		return bu_fail_errno(err, -ENOMEM, "machine");
	rc = bu_engine_run(m->engine, &end, err);

	if (rc)
		return rc;
	ret->now_ns = end.now_ns;
	ret->events = end.events;
	ret->hash = end.hash;
	if (end.end == BU_END_PAUSED) {
		ret->end = BU_MACHINE_PAUSED;
		ret->verdict[0] = '\0';
		return 0;
	}
	if (m->failed) {
		ret->end = m->end;
	} else if (!m->done && end.end == BU_END_LIMIT && (!m->config.max_events || end.events < m->config.max_events)) {
		ret->end = BU_MACHINE_NO_PROGRESS;
		snprintf(m->verdict, sizeof(m->verdict), "no progress in %llu events",
			 (unsigned long long)m->config.progress_events);
	} else if (!m->done && (end.end == BU_END_LIMIT || end.end == BU_END_FAILED)) {
		ret->end = end.end == BU_END_LIMIT ? BU_MACHINE_LIMIT : BU_MACHINE_FAILED;
		snprintf(m->verdict, sizeof(m->verdict), "%s", end.detail);
	} else if (m->done || !m->n_users) {
		ret->end = BU_MACHINE_DONE;
	} else {
		ret->end = BU_MACHINE_STUCK;
		bu_waits_describe(m, m->verdict, sizeof(m->verdict));
	}
	memcpy(ret->verdict, m->verdict, sizeof(ret->verdict));
	return 0;
}

/* -------------------------------------------------------------------------------------------- memory, objects */

void *machine_mem(struct bu_machine *m, size_t size)
{
	void *p = bu_run_mem_alloc(&m->mem, size);

	if (!p) {
		out_of_memory(m);
		return NULL;
	}
	m->bytes += size;
	return memset(p, 0, size);
}

void *machine_alloc(struct bu_machine *m, size_t size)
{
	void *p = machine_mem(m, size);

	if (!p || !m->config.fingerprints)
		return p;
	if (bu_grow(&m->record, m->n_records, &m->cap_records, sizeof(*m->record))) {
		out_of_memory(m);
		return NULL;
	}
	m->record[m->n_records++] = (struct record){ p, size };
	return p;
}

const char *machine_strdup(struct bu_machine *m, const char *s)
{
	size_t len = strlen(s) + 1;
	char *copy = machine_mem(m, len);

	return copy ? memcpy(copy, s, len) : "";
}

struct obj *obj_new(struct bu_machine *m, enum bu_obj_kind kind, const char *name, bu_obj *ret)
{
	struct obj *o = machine_mem(m, sizeof(*o));

	*ret = 0;
	if (!o)
		return NULL;
	if (bu_grow(&m->obj, m->n_objs, &m->cap_objs, sizeof(*m->obj))) {
		out_of_memory(m);
		return NULL;
	}
	m->obj[0] = NULL;
	o->kind = (uint8_t)kind;
	o->name = machine_strdup(m, name ? name : "unnamed");
	*ret = (bu_obj)m->n_objs;
	m->obj[m->n_objs++] = o;
	queue_init(m, &o->waiters, o->name);
	look_at_obj(m, o);
	return o;
}

void in_use(struct bu_machine *m, bu_word_id *count, const char *name, int delta)
{
	if (!*count)
		*count = bu_word_new(m->engine, name, 0);
	bu_word_add(m->engine, *count, delta);
}

bu_word_id obj_word(struct bu_machine *m, struct obj *o, const char *what, int64_t value)
{
	(void)what;
	o->w[o->n] = bu_word_new(m->engine, o->name, value);
	return o->w[o->n++];
}

struct obj *obj_get(struct bu_machine *m, bu_obj id, enum bu_obj_kind kind, const char *call)
{
	if (id && id < m->n_objs && m->obj[id]->kind == kind)
		return m->obj[id];
	if (id && id < m->n_objs)
		bu_misuse(m, "%s of %s %s, which is no %s", call, bu_obj_kind_name(m->obj[id]->kind),
			  m->obj[id]->name, bu_obj_kind_name(kind));
	else
		bu_misuse(m, "%s of object %u, which does not exist", call, id);
	return NULL;
}

/* ----------------------------------------------------------------------------------- call paths and held locks */

void bu_call(struct bu_machine *m, const char *function)
{
	struct thread *t = cur(m);

	if (!t)
		return;
	if (t->live->depth < PATH_MAX_CALLS)
		t->live->path[t->live->depth] = function;
	t->live->depth++;
}

void bu_ret(struct bu_machine *m)
{
	struct thread *t = cur(m);

	if (!t || m->failed || m->done)
		return;
	if (!t->live->depth)
		bu_misuse(m, "returned from a function that was not called");
	else
		t->live->depth--;
}

const char *where(const struct thread *t)
{
	uint32_t d = t->live ? t->live->depth : 0;

	if (!d)
		return t->name;
	return t->live->path[d <= PATH_MAX_CALLS ? d - 1 : PATH_MAX_CALLS - 1];
}

static struct bu_lock_stats *lock_stats(struct bu_machine *m, bu_obj o)
{
	if (!m->obj[o]->stats)
		m->obj[o]->stats = machine_mem(m, sizeof(struct bu_lock_stats));
	return m->obj[o]->stats;
}

void lock_waited(struct bu_machine *m, bu_obj o, int64_t ns)
{
	struct bu_lock_stats *s = m->config.lock_stats ? lock_stats(m, o) : NULL;

	if (!s)
		return;
	s->contended++;
	s->wait_ns += ns;
	if (ns > s->wait_max_ns)
		s->wait_max_ns = ns;
}

void held_add(struct bu_machine *m, bu_obj o, bool shared)
{
	struct thread *t = cur(m);

	if (!t)
		return;
	t->n_polls = 0;
	if (t->live->n_held == HELD_MAX) {
		bu_misuse(m, "more than %u locks held at once", HELD_MAX);
		return;
	}
	t->live->held[t->live->n_held++] = (struct held){ o, shared, bu_now(m), where(t) };
	if (m->config.lock_stats) {
		struct bu_lock_stats *s = lock_stats(m, o);

		if (s)
			s->acquired++;
	}
}

void lock_polled(struct bu_machine *m, bu_obj o)
{
	struct thread *t = cur(m);

	if (!t)
		return;
	if (!t->n_polls || t->polls != o) {
		t->polls = o;
		t->n_polls = 0;
		t->polls_since_ns = bu_now(m);
	}
	t->n_polls++;
}

bool held_del(struct bu_machine *m, struct thread *t, bu_obj o)
{
	struct bu_lock_stats *s = m->obj[o]->stats;
	uint32_t i;

	for (i = t->live ? t->live->n_held : 0; i-- > 0;) {
		if (t->live->held[i].obj != o)
			continue;
		t->n_polls = 0;
		if (s) {
			int64_t ns = bu_now(m) - t->live->held[i].since_ns;

			s->hold_ns += ns;
			if (ns > s->hold_max_ns)
				s->hold_max_ns = ns;
		}
		memmove(&t->live->held[i], &t->live->held[i + 1],
			(t->live->n_held - i - 1) * sizeof(t->live->held[0]));
		t->live->n_held--;
		return true;
	}
	return false;
}

bool held_has(const struct thread *t, bu_obj o)
{
	uint32_t i;

	for (i = 0; t->live && i < t->live->n_held; i++)
		if (t->live->held[i].obj == o)
			return true;
	return false;
}
