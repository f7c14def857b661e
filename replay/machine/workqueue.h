/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * workqueue.h - work items run by pools of workers: one pool per CPU, and one for work that may run anywhere.
 *
 * Flow: kthread, timer -> [workqueue] -> cores.
 *
 * Source: kernel/workqueue.c of v6.12. A pool keeps one worker running: when it blocks and work is pending, another
 * is woken, or made. Workers beyond one stay idle for ever. A work item that is queued again while it runs is run
 * again by the same worker: never two at once. Not modelled: max_active other than 1 (ordered) and none, rescuers,
 * priorities, CPU-intensive work.
 */
#ifndef BU_REPLAY_MACHINE_WORKQUEUE_H
#define BU_REPLAY_MACHINE_WORKQUEUE_H

#include "replay/machine/machine.h"

bu_obj bu_workqueue(struct bu_machine *m, const char *name, enum bu_wq_type type);
bu_obj bu_work_item(struct bu_machine *m, const char *name, bu_thread_fn fn, void *arg);

/**
 * bu_queue_work_on() - @cpu: whose pool, BU_ANY_CPU: this CPU's; without meaning for unbound queues.
 * Return: false when it was pending already.
 */
bool bu_queue_work_on(struct bu_machine *m, int cpu, bu_obj wq, bu_obj work);
bool bu_queue_work(struct bu_machine *m, bu_obj wq, bu_obj work);
bool bu_queue_delayed_work_on(struct bu_machine *m, int cpu, bu_obj wq, bu_obj work, int64_t delay_ns);

/**
 * bu_flush_work() - Wait until its last queueing before this call has run. Return: whether there was anything to
 * wait for.
 */
bool bu_flush_work(struct bu_machine *m, bu_obj work);
void bu_flush_workqueue(struct bu_machine *m, bu_obj wq);	/* all that was queued to it before this call */

/**
 * bu_work_on_cpu() - Run @fn(@arg) in a worker of @cpu and wait for it.
 */
void bu_work_on_cpu(struct bu_machine *m, int cpu, const char *name, bu_thread_fn fn, void *arg);

#endif
