// SPDX-License-Identifier: GPL-2.0-only
/*
 * cut.c - see cut.h. A task has at most one event in the queue, so cutting is cancelling that and queueing another.
 */
#include "replay/engine/cut.h"

#include "replay/engine/engine_int.h"

bool bu_task_cut_at(struct bu_engine *e, bu_task_id task, int64_t at_ns)
{
	struct task *t;
	uint32_t prio;

	if (!task || task >= e->n_tasks || at_ns < e->now_ns || at_ns == INT64_MAX) {
		bu_engine_rule_broken(e, "task %u is to be cut short at %lld ns, at %lld ns", task, (long long)at_ns,
			    (long long)e->now_ns);
		return false;
	}
	t = &e->task[task];
	switch (t->state) {
	case TASK_SLEEPING:
		prio = PRIO_NORMAL;
		break;
	case TASK_WAITING:
		prio = PRIO_TIMEOUT;
		break;
	default:
		return false;
	}
	if (prio == PRIO_NORMAL || t->timed) {
		t->gen++;
		bu_evq_cancelled(&e->queue);
	}
	t->timed = prio == PRIO_TIMEOUT;
	bu_evq_push(&e->queue, at_ns, prio, task, t->gen);
	return true;
}
