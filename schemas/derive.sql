-- SPDX-License-Identifier: GPL-2.0-only
-- derive.sql - from the events of a capture to its steps. Run once by the collector when all events are in.
-- hotplug_op and step.op are filled in between by collector/hotplug_ops.c; derive_bringup.sql follows that.

CREATE INDEX ev_func_by_func ON ev_func (func, cpu, id);
CREATE INDEX ev_func_by_cpu ON ev_func (cpu, id);

-- An exit belongs to the latest enter of the same step for the same CPU (the step number alone is ambiguous:
-- number 91 of 6.1 is bringup_cpu going up and finish_cpu coming down, but they never overlap).
INSERT INTO step (id, exit_id, cpu, target_cpu, task, nr, name, state_name, multi, target, start_ns, end_ns,
		  ret, verdict)
SELECT p.id, CASE WHEN p.nkind = 'exit' THEN p.nid END, p.cpu, p.target_cpu, p.task, p.step, f.base, h.name,
       p.kind = 'multi', p.target, p.ts_ns, CASE WHEN p.nkind = 'exit' THEN p.nts END,
       CASE WHEN p.nkind = 'exit' THEN p.nret END,
       CASE WHEN p.nkind = 'exit' THEN CASE WHEN p.nret < 0 THEN 'failed' ELSE 'ok' END
	    WHEN p.nkind IS NULL THEN 'open' ELSE 'lost' END
  FROM (SELECT id, ts_ns, cpu, target_cpu, task, step, kind, target, func,
	       lead(id) OVER w AS nid, lead(kind) OVER w AS nkind, lead(ts_ns) OVER w AS nts,
	       lead(ret) OVER w AS nret
	  FROM ev_cpuhp WINDOW w AS (PARTITION BY buf, target_cpu, step ORDER BY id)) p
  JOIN symbol f ON f.id = p.func
  LEFT JOIN hotplug_state h ON h.nr = p.step
 WHERE p.kind <> 'exit'
 ORDER BY p.id;
