// SPDX-License-Identifier: GPL-2.0-only
/*
 * cut.c - see cut.h. A task has at most one event in the queue, so cutting is cancelling that and queueing another.
 */
#include "replay/engine/cut.h"

#include "replay/engine/engine_int.h"

bool bu_task_cut_at(struct bu_engine *e, bu_task_id task, int64_t at_ns)
{
	struct task *t;

	if (!task || task >= e->n_tasks || at_ns < e->now_ns || at_ns == INT64_MAX) {
		bu_engine_rule_broken(e, "task %u is to be cut short at %lld ns, at %lld ns", task, (long long)at_ns,
			    (long long)e->now_ns);
		return false;
	}
	t = &e->task[task];
	if (t->state != TASK_SLEEPING && t->state != TASK_WAITING)
		return false;
	if (t->state == TASK_SLEEPING || t->timed) {
		t->gen++;
		bu_evq_cancelled(&e->queue);
	}
	t->timed = t->state == TASK_WAITING;
	/* Something happens to the task then, unlike with a timeout: no less than what others do at that instant. */
	bu_evq_push(&e->queue, at_ns, PRIO_NORMAL, task, t->gen);
	return true;
}
