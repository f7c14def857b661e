// SPDX-License-Identifier: GPL-2.0-only
/*
 * task.c - tasks: spawning, names, spending time. See engine.h for the states and engine_int.h for what always holds.
 */
#include "replay/engine/engine_int.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#define FIRST_CAP 16u

/* Room for @cap tasks, a power of two. */
static int grow(struct bu_engine *e, uint32_t cap)
{
	void *p;

	if (cap == 0 || cap > UINT32_C(1) << 28 || bu_evq_reserve(&e->queue, cap) || bu_classes_grow(e, cap) ||
	    bu_slices_grow(e, cap))
		return -ENOMEM;
	p = bu_big_realloc(e->task, e->n_tasks * sizeof(*e->task), cap * sizeof(*e->task));
	if (!p)
		return -ENOMEM;
	e->task = p;
	e->queue.owner = p;
	e->queue.owner_bytes = sizeof(*e->task);
	p = realloc(e->info, cap * sizeof(*e->info));
	if (!p)
		return -ENOMEM;
	e->info = p;
	e->cap_tasks = cap;
	return 0;
}

int bu_tasks_init(struct bu_engine *e, struct bu_err *err)
{
	int rc = grow(e, FIRST_CAP);

	if (rc)
		return bu_fail_errno(err, rc, "engine");
	memset(&e->task[0], 0, sizeof(e->task[0]));
	memset(&e->info[0], 0, sizeof(e->info[0]));
	e->info[0].name = "nobody";
	e->info[0].lane = -1;
	e->task[0].state = TASK_DONE;
	e->n_tasks = 1;
	return 0;
}

void bu_tasks_reset(struct bu_engine *e)
{
	uint32_t i;

	for (i = 1; i < e->n_tasks; i++) {
		if (e->task[i].state == TASK_WAITING)
			bu_word_stop_waiting(e, i);
		if (e->task[i].state != TASK_NEW && e->task[i].state != TASK_DONE)
			bu_co_stack_put(&e->stacks, e->info[i].stack);
	}
	e->n_tasks = 1;
	e->alive = 0;
}

void bu_tasks_fini(struct bu_engine *e)
{
	free(e->task);
	free(e->info);
}

bool bu_task_event_live(const void *ctx, uint32_t id, uint32_t gen)
{
	const struct bu_engine *e = ctx;

	return (e->task[id].gen & ((UINT32_C(1) << BU_EVQ_GEN_BITS) - 1)) == gen;
}

/* The first frame of every task. */
void bu_task_main(void *arg)
{
	struct bu_engine *e = arg;

	bu_co_entered(&e->stacks);
	e->info[e->self].fn(e, e->info[e->self].arg);
	note(e, BU_STEP_END, e->self, 0, 0);
	e->task[e->self].state = TASK_DONE;
	leave_for_good(e);
}

bu_task_id bu_task_spawn(struct bu_engine *e, const char *name, int32_t lane, void (*fn)(struct bu_engine *, void *),
			 void *arg)
{
	uint32_t id = e->n_tasks;
	struct task_info *info;
	size_t len;
	char *copy;

	if (!name)
		name = "unnamed";
	if (!fn) {
		bu_engine_rule_broken(e, "task %s has no function to run", name);
		return 0;
	}
	len = strlen(name) + 1;
	copy = bu_run_mem_alloc(&e->mem, len);
	if (!copy || (id == e->cap_tasks && grow(e, 2 * e->cap_tasks))) {
		bu_engine_rule_broken(e, "out of memory for task %s, after %u tasks", name, id - 1);
		return 0;
	}
	memcpy(copy, name, len);
	info = &e->info[id];
	info->name = copy;
	info->fn = fn;
	info->arg = arg;
	info->lane = lane;
	e->task[id] = (struct task){ .state = TASK_NEW };
	if (e->slice)
		e->slice[id].low = 0;
	e->n_tasks++;
	e->alive++;
	bu_evq_push(&e->queue, e->now_ns, PRIO_NORMAL, id, 0);
	note(e, BU_STEP_SPAWN, e->self, 0, id);
	return id;
}

bu_task_id bu_task_self(const struct bu_engine *e)
{
	return e->self;
}

const char *bu_task_name(const struct bu_engine *e, bu_task_id task)
{
	return e->info[task < e->n_tasks ? task : 0].name;
}

int32_t bu_task_lane(const struct bu_engine *e, bu_task_id task)
{
	return e->info[task < e->n_tasks ? task : 0].lane;
}

static void __attribute__((noinline, cold)) bad_delay(struct bu_engine *e, int64_t ns)
{
	if (!e->self)
		bu_engine_rule_broken(e, "a delay outside of tasks");
	else if (ns < 0)
		bu_engine_rule_broken(e, "a delay of %lld ns is negative", (long long)ns);
	else
		bu_engine_rule_broken(e, "a delay of %lld ns from %lld ns on is beyond the end of time", (long long)ns,
			    (long long)e->now_ns);
}

void bu_engine_delay(struct bu_engine *e, int64_t ns)
{
	struct task *t = &e->task[e->self];

	if (!e->self || !is_time_after(e, ns)) {
		bad_delay(e, ns);
		return;
	}
	note(e, BU_STEP_DELAY, e->self, 0, ns);
	t->state = TASK_SLEEPING;
	bu_evq_push(&e->queue, e->now_ns + ns, PRIO_NORMAL, e->self, t->gen);
	bu_engine_pass_on(e);
}

void bu_engine_delay_until(struct bu_engine *e, int64_t at_ns)
{
	if (at_ns > e->now_ns)
		bu_engine_delay(e, at_ns - e->now_ns);
}
