// SPDX-License-Identifier: GPL-2.0-only
/*
 * kthread.c - see kthread.h.
 */
#include "replay/machine/kthread.h"

#include <errno.h>
#include <stdio.h>

#include "replay/machine/machine_int.h"
#include "replay/machine/wait.h"
#include "schemas/base/mem.h"

#define SHOULD_STOP 2
#define SHOULD_PARK 4

struct kthread {
	bu_kthread_fn fn;
	void *arg;
	bu_word_id flags;
	bu_obj parked;
	bu_obj exited;		/* 0: nobody has called kthread_stop(), as for most */
	int32_t cpu;		/* IS_PER_CPU: to which unparking binds; or -1 */
	int32_t result;
	/* of smpboot */
	const struct bu_smp_hotplug_thread *ht;
	enum { HP_NONE, HP_ACTIVE, HP_PARKED } status;
};

static struct kthread *get(struct bu_machine *m, bu_thread k, const char *call)
{
	if (k && k < m->n_threads && m->thread[k]->kthread)
		return m->thread[k]->kthread;
	bu_misuse(m, "%s of thread %u, which is no kthread", call, k);
	return NULL;
}

static struct kthread *self(struct bu_machine *m, const char *call)
{
	return get(m, bu_current(m), call);
}

static bool flagged(struct bu_machine *m, const struct kthread *k, int flag)
{
	op(m);
	return bu_word_load(m->engine, k->flags) & flag;
}

static void set_flag(struct bu_machine *m, const struct kthread *k, int flag, bool on)
{
	int64_t f;

	op(m);
	f = bu_word_load(m->engine, k->flags);
	bu_word_store(m->engine, k->flags, on ? f | flag : f & ~flag);
}

static void has_ended(struct bu_machine *m, struct thread *t, const struct kthread *k)
{
	t->kthread_ended = true;
	if (k->exited)
		bu_complete_all(m, k->exited);
}

/* kthread() */
static void kthread_main(struct bu_machine *m, void *arg)
{
	struct thread *t = arg;
	struct kthread *k = t->kthread;

	k->result = -EINTR;
	if (!flagged(m, k, SHOULD_STOP)) {
		bu_kthread_parkme(m);
		k->result = k->fn(m, k->arg);
	}
	has_ended(m, t, k);
}

static bu_thread create(struct bu_machine *m, const char *name, int cpu, enum bu_class class, int prio,
			bu_thread_fn body, bu_kthread_fn fn, void *arg)
{
	struct thread *t = thread_new(m, name ? name : "kthread", cpu, class, prio, body, NULL);
	struct kthread *k = t ? machine_alloc(m, sizeof(*k)) : NULL;

	if (!k)
		return 0;
	t->arg = t;
	t->kthread = k;
	set_state(m, t, BU_TASK_UNINTERRUPTIBLE);
	k->fn = fn;
	k->arg = arg;
	k->cpu = -1;
	k->flags = bu_word_new(m->engine, "kthread->flags", 0);
	t->inactive = bu_word_new(m->engine, "inactive", 1);
	k->parked = bu_completion(m, "kthread->parked");
	return t->id;
}

bu_thread bu_kthread_create(struct bu_machine *m, const char *name, bu_kthread_fn fn, void *arg)
{
	if (!fn) {
		bu_misuse(m, "kthread %s has no function to run", name ? name : "");
		return 0;
	}
	op(m);
	return create(m, name, BU_ANY_CPU, BU_CLASS_FAIR, 0, kthread_main, fn, arg);
}

static void bind(struct bu_machine *m, bu_thread id, int cpu)
{
	struct thread *t = thread_of(m, id);

	if (cpu < 0 || (uint32_t)cpu >= m->config.n_cpus) {
		bu_misuse(m, "kthread %s is bound to CPU %d", t->name, cpu);
		return;
	}
	if (t->on_rq) {
		bu_misuse(m, "kthread %s is bound to CPU %d while it runs", t->name, cpu);
		return;
	}
	bu_word_add(m->engine, t->state, 0);	/* under its pi_lock */
	t->allowed = cpu;
	t->cpu = (uint32_t)cpu;
}

void bu_kthread_bind(struct bu_machine *m, bu_thread k, int cpu)
{
	if (!get(m, k, "kthread_bind"))
		return;
	op(m);
	bind(m, k, cpu);
}

bu_thread bu_kthread_create_on_cpu(struct bu_machine *m, const char *name, int cpu, bu_kthread_fn fn, void *arg)
{
	bu_thread k = bu_kthread_create(m, name, fn, arg);

	if (!k)
		return 0;
	bind(m, k, cpu);
	m->thread[k]->kthread->cpu = cpu;
	return k;
}

bool bu_kthread_should_stop(struct bu_machine *m)
{
	const struct kthread *k = self(m, "kthread_should_stop");

	return k && flagged(m, k, SHOULD_STOP);
}

bool bu_kthread_should_park(struct bu_machine *m)
{
	const struct kthread *k = self(m, "kthread_should_park");

	return k && flagged(m, k, SHOULD_PARK);
}

void bu_kthread_parkme(struct bu_machine *m)
{
	const struct kthread *k = self(m, "kthread_parkme");
	struct thread *t = cur(m);

	if (!k)
		return;
	for (;;) {
		bu_set_current_state(m, BU_TASK_PARKED);
		if (!flagged(m, k, SHOULD_PARK))
			break;
		/* Preempted here, whoever waits for it would find it parked but on a queue. */
		bu_preempt_disable(m);
		bu_complete(m, k->parked);
		wait_begin(m, BU_WAITS_PARKED, 0, NULL);
		t->preempt_count--;
		bu_schedule(m);
		wait_end(m, false);
	}
	set_state(m, t, BU_TASK_RUNNING);
}

int bu_kthread_park(struct bu_machine *m, bu_thread id)
{
	struct kthread *k = get(m, id, "kthread_park");
	struct thread *t;

	if (!k)
		return -ENOSYS;
	t = thread_of(m, id);
	if (t->kthread_ended)
		return -ENOSYS;
	if (flagged(m, k, SHOULD_PARK))
		return -EBUSY;
	set_flag(m, k, SHOULD_PARK, true);
	if (t == cur(m))
		return 0;
	if (!cur(m)) {
		bu_misuse(m, "kthread_park(%s) outside of threads", t->name);
		return -ENOSYS;
	}
	bu_wake_up_process(m, id);
	wait_begin(m, BU_WAITS_PARK, 0, t->name);
	cur(m)->wait_thread = id;
	bu_wait_for_completion(m, k->parked);
	/* wait_task_inactive(k, TASK_PARKED) */
	op(m);
	if (get_state(m, t) == BU_TASK_PARKED)
		spin_on(m, t->inactive, BU_GUARD_EQ, 1, BU_EFFECT_NONE, 0, FOREVER);
	wait_end(m, false);
	return 0;
}

void bu_kthread_unpark(struct bu_machine *m, bu_thread id)
{
	struct kthread *k = get(m, id, "kthread_unpark");

	/* Only what is to be parked: 214e01ad4ed7 "kthread: Unpark only parked kthread", v6.12. */
	if (!k || !flagged(m, k, SHOULD_PARK))
		return;
	if (k->cpu >= 0)
		bind(m, id, k->cpu);
	set_flag(m, k, SHOULD_PARK, false);
	bu_wake_up_state(m, id, BU_TASK_PARKED);
}

int bu_kthread_stop(struct bu_machine *m, bu_thread id)
{
	struct kthread *k = get(m, id, "kthread_stop");
	struct thread *t;

	if (!k)
		return -EINVAL;
	t = thread_of(m, id);
	if (!cur(m) || t == cur(m)) {
		bu_misuse(m, "kthread_stop(%s) by itself or outside of threads", t->name);
		return -EINVAL;
	}
	if (!k->exited) {
		k->exited = bu_completion(m, "kthread->exited");
		if (t->kthread_ended)
			bu_complete_all(m, k->exited);
	}
	set_flag(m, k, SHOULD_STOP, true);
	bu_kthread_unpark(m, id);
	bu_wake_up_process(m, id);
	wait_begin(m, BU_WAITS_EXIT, 0, t->name);
	cur(m)->wait_thread = id;
	bu_wait_for_completion(m, k->exited);
	wait_end(m, false);
	return k->result;
}

/* ------------------------------------------------------------------------------------------------- smpboot */

struct smpboot {
	const struct bu_smp_hotplug_thread *ht;
	bu_thread *thread;	/* per CPU */
};

/*
 * Parks by ending: see kthread.h. Return: false when it was unparked before it could. No step lies between the last
 * look at its state and its end.
 */
static bool park_and_end(struct bu_machine *m, struct thread *t, struct kthread *k)
{
	bu_set_current_state(m, BU_TASK_PARKED);
	if (!flagged(m, k, SHOULD_PARK)) {
		set_state(m, t, BU_TASK_RUNNING);
		return false;
	}
	bu_preempt_disable(m);
	bu_complete(m, k->parked);
	op(m);
	t->preempt_count--;
	if (get_state(m, t) != BU_TASK_PARKED)
		return false;
	t->exits = true;
	return true;
}

/* smpboot_thread_fn() */
static void smpboot_thread(struct bu_machine *m, void *arg)
{
	struct thread *t = arg;
	struct kthread *k = t->kthread;
	const struct bu_smp_hotplug_thread *ht = k->ht;
	int cpu = k->cpu;

	bu_call(m, "smpboot_thread_fn");
	for (;;) {
		bu_set_current_state(m, BU_TASK_INTERRUPTIBLE);
		bu_preempt_disable(m);
		if (flagged(m, k, SHOULD_STOP)) {
			set_state(m, t, BU_TASK_RUNNING);
			bu_preempt_enable(m);
			if (ht->cleanup && k->status != HP_NONE)
				ht->cleanup(m, cpu);
			break;
		}
		if (flagged(m, k, SHOULD_PARK)) {
			set_state(m, t, BU_TASK_RUNNING);
			bu_preempt_enable(m);
			if (ht->park && k->status == HP_ACTIVE)
				ht->park(m, cpu);
			if (k->status == HP_ACTIVE)
				k->status = HP_PARKED;
			if (park_and_end(m, t, k))
				return;
			continue;
		}
		if (t->cpu != (uint32_t)cpu) {
			bu_misuse(m, "%s runs on CPU %u", t->name, t->cpu);
			return;
		}
		if (k->status != HP_ACTIVE) {
			set_state(m, t, BU_TASK_RUNNING);
			bu_preempt_enable(m);
			if (k->status == HP_NONE && ht->setup)
				ht->setup(m, cpu);
			if (k->status == HP_PARKED && ht->unpark)
				ht->unpark(m, cpu);
			k->status = HP_ACTIVE;
			continue;
		}
		if (!ht->should_run(m, cpu)) {
			t->preempt_count--;
			bu_schedule(m);
		} else {
			set_state(m, t, BU_TASK_RUNNING);
			bu_preempt_enable(m);
			ht->fn(m, cpu);
		}
	}
	has_ended(m, t, k);
	bu_ret(m);
}

/* As after kthread_create_on_cpu() and kthread_park(), which never let it run but to park. */
static void create_thread(struct bu_machine *m, struct smpboot *s, int cpu)
{
	char name[64];
	bu_thread id;
	struct kthread *k;

	if (s->thread[cpu])
		return;
	snprintf(name, sizeof(name), "%s/%d", s->ht->name, cpu);
	id = create(m, name, cpu, s->ht->sched_class, s->ht->prio, smpboot_thread, NULL, NULL);
	if (!id)
		return;
	k = m->thread[id]->kthread;
	k->ht = s->ht;
	k->cpu = cpu;
	bu_word_store(m->engine, k->flags, SHOULD_PARK);
	set_state(m, m->thread[id], BU_TASK_PARKED);
	m->thread[id]->dead = true;	/* has no stack, as one that parked */
	s->thread[cpu] = id;
}

static bool is_cpu(struct bu_machine *m, int cpu, const char *call)
{
	if (cpu >= 0 && (uint32_t)cpu < m->config.n_cpus)
		return true;
	bu_misuse(m, "%s of CPU %d, the machine has %u", call, cpu, m->config.n_cpus);
	return false;
}

int bu_smpboot_register(struct bu_machine *m, const struct bu_smp_hotplug_thread *ht)
{
	struct smpboot *s;
	uint32_t i;

	if (m->n_smpboot == ARRAY_SIZE(m->smpboot)) {
		bu_misuse(m, "more than %zu kinds of per-CPU threads", ARRAY_SIZE(m->smpboot));
		return -ENOSPC;
	}
	op(m);
	s = machine_alloc(m, sizeof(*s));
	if (!s)
		return -ENOMEM;
	s->ht = ht;
	s->thread = machine_alloc(m, m->config.n_cpus * sizeof(*s->thread));
	if (!s->thread)
		return -ENOMEM;
	m->smpboot[m->n_smpboot++] = s;
	for (i = 0; i < m->config.n_cpus; i++) {
		if (!cpu_sees(m, &m->cpu[i], CPU_ONLINE))
			continue;
		create_thread(m, s, (int)i);
		if (!ht->selfparking)
			bu_kthread_unpark(m, s->thread[i]);
	}
	return (int)m->n_smpboot - 1;
}

void bu_smpboot_create_threads(struct bu_machine *m, int cpu)
{
	uint32_t i;

	if (!is_cpu(m, cpu, "smpboot_create_threads"))
		return;
	op(m);
	for (i = 0; i < m->n_smpboot; i++)
		create_thread(m, m->smpboot[i], cpu);
}

void bu_smpboot_unpark_threads(struct bu_machine *m, int cpu)
{
	uint32_t i;

	if (!is_cpu(m, cpu, "smpboot_unpark_threads"))
		return;
	for (i = 0; i < m->n_smpboot; i++)
		if (!m->smpboot[i]->ht->selfparking && m->smpboot[i]->thread[cpu])
			bu_kthread_unpark(m, m->smpboot[i]->thread[cpu]);
}

void bu_smpboot_park_threads(struct bu_machine *m, int cpu)
{
	uint32_t i;

	if (!is_cpu(m, cpu, "smpboot_park_threads"))
		return;
	for (i = m->n_smpboot; i-- > 0;)
		if (!m->smpboot[i]->ht->selfparking && m->smpboot[i]->thread[cpu])
			bu_kthread_park(m, m->smpboot[i]->thread[cpu]);
}

bu_thread bu_smpboot_thread(struct bu_machine *m, int which, int cpu)
{
	if (which < 0 || (uint32_t)which >= m->n_smpboot || !is_cpu(m, cpu, "smpboot_thread"))
		return 0;
	return m->smpboot[which]->thread[cpu];
}
