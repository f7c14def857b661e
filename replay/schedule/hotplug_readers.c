// SPDX-License-Identifier: GPL-2.0-only
/*
 * hotplug_readers.c - when tasks ran that may have pinned their CPU: readers of the hotplug schemes of PREEMPT_RT.
 *
 * Flow: capture.db (sched_switch) -> [hotplug_readers] -> bursts of the schedule -> cores rt-pinned, rt-multiphase.
 *
 * A task of PREEMPT_RT pins its CPU for as long as it holds a sleeping spinlock, some of the time that it runs. No recorded kernel
 * says when (migrate_disable() is not traced), so each burst, from the switch to a task to the switch away from it, counts as
 * one pin: an upper bound. Left out are those who take part in hotplug: who ran steps, cpuhp/N, stoppers.
 */
#include "replay/schedule/hotplug_int.h"

#include "schemas/base/ns.h"
#include "schemas/store/db.h"

int hotplug_load_readers(struct loader *l)
{
	_cleanup_(bu_stmt_closep) struct bu_stmt *st = NULL;
	struct bu_hp_schedule *s = l->s;
	size_t cap = 0;
	int rc;

	/* Bound: per-CPU threads are called NAME/CPU, or NAME/CPU:N. */
	rc = bu_stmt_prepare(l->db, "SELECT pid, cpu, comm LIKE '%/' || cpu OR comm LIKE '%/' || cpu || ':%',"
			     " start, until FROM (SELECT e.cpu, e.ts_ns AS start, lead(e.ts_ns) OVER (PARTITION BY e.cpu ORDER BY e.id) AS until,"
			     " t.pid, t.comm FROM ev_sched_switch e JOIN task t ON t.id = e.next) WHERE until IS NOT NULL AND pid <> 0"
			     " AND comm NOT LIKE 'migration/%' AND comm NOT LIKE 'cpuhp/%'"
			     " AND pid NOT IN (SELECT t.pid FROM step s JOIN task t ON t.id = s.task) ORDER BY pid, start", &st, l->err);
	while (!rc && (rc = bu_stmt_step(st, l->err)) > 0) {
		struct bu_hp_burst b = { sizeof(b), (int)bu_stmt_i64(st, 0), (int)bu_stmt_i64(st, 1), bu_stmt_i64(st, 2) != 0,
					 hotplug_rebase(l, bu_stmt_i64(st, 3)), 0 };

		b.ns = bu_ns_since(hotplug_rebase(l, bu_stmt_i64(st, 4)), b.start_ns);
		rc = 0;
		if (b.start_ns < 0 || b.ns < 0)
			continue;	/* before the first operation */
		if (bu_grow(&s->bursts, s->n_bursts, &cap, sizeof(*s->bursts)))
			return hotplug_oom(l);
		s->bursts[s->n_bursts++] = b;
	}
	return rc;
}
