-- SPDX-License-Identifier: GPL-2.0-only
-- derive.sql - from the events of a capture to its steps. Run once by the collector when all events are in.
-- hotplug_op and step.op are filled in between by collector/hotplug_ops.c; derive_bringup.sql follows that.

-- An exit belongs to the latest enter of the same step for the same CPU (the step number alone is ambiguous:
-- number 91 of 6.1 is bringup_cpu going up and finish_cpu coming down, but they never overlap).
INSERT INTO step (id, exit_id, cpu, target_cpu, task, nr, name, state_name, multi, target, start_ns, end_ns,
		  ret, verdict)
SELECT p.id, CASE WHEN n.kind = 'exit' THEN n.id END, p.cpu, p.target_cpu, p.task, p.step, f.base, h.name,
       p.kind = 'multi', p.target, p.ts_ns, CASE WHEN n.kind = 'exit' THEN n.ts_ns END,
       CASE WHEN n.kind = 'exit' THEN n.ret END,
       CASE WHEN n.kind = 'exit' THEN CASE WHEN n.ret < 0 THEN 'failed' ELSE 'ok' END
	    WHEN n.kind IS NULL THEN 'open' ELSE 'lost' END
  FROM (SELECT id, kind, lead(id) OVER (PARTITION BY buf, target_cpu, step ORDER BY id) AS nid FROM ev_cpuhp) w
  CROSS JOIN ev_cpuhp p ON p.id = w.id		-- sort narrow rows, then look the wide ones up
  LEFT JOIN ev_cpuhp n ON n.id = w.nid
  JOIN symbol f ON f.id = p.func
  LEFT JOIN hotplug_state h ON h.nr = p.step
 WHERE w.kind <> 'exit'
 ORDER BY p.id;
