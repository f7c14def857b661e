-- SPDX-License-Identifier: GPL-2.0-only
-- derive_bringup.sql - from steps and function events to the milestones of each CPU's first bring-up.
-- Which functions mark what, per kernel line, is in docs/methods.md (kernel/cpu.c and arch/x86/kernel/smpboot.c
-- of 6.1 and 6.12). A milestone whose function was not traced stays NULL.

CREATE INDEX hotplug_op_by_cpu ON hotplug_op (cpu, direction, id);

-- Of the steps of each first bring-up, by number: the kick and its end, the one that waits for the CPU (before 6.5
-- bringup_cpu is both), the first and the last of the CPU's own, and its first function after the kick.
CREATE TEMP TABLE up AS
SELECT o.cpu, o.id AS op,
       (SELECT min(id) FROM step WHERE op = o.id AND name IN ('cpuhp_kick_ap_alive', 'bringup_cpu')) AS kick,
       NULL AS kick_end, NULL AS wait, NULL AS own_first,
       (SELECT max(id) FROM step WHERE op = o.id AND cpu = o.cpu AND end_ns IS NOT NULL) AS own_last,
       NULL AS sign
  FROM hotplug_op o WHERE o.direction = 'up' AND o.nth = 1 ORDER BY o.cpu;
CREATE UNIQUE INDEX temp.up_of ON up (cpu);
UPDATE up SET
	kick_end = (SELECT exit_id FROM step WHERE id = up.kick),
	wait = (SELECT min(id) FROM step WHERE op = up.op AND id >= coalesce(up.kick, 0)
		AND name IN ('cpuhp_bringup_ap', 'bringup_cpu')),
	own_first = (SELECT min(id) FROM step WHERE op = up.op AND id > coalesce(up.kick, 0) AND cpu = up.cpu);

INSERT INTO bringup_cpu (cpu, op, control_cpu, prepare_ns, kick_ns, kick_end_ns, bringup_ns, done_ns, online_ns,
			 verdict, ret)
SELECT o.cpu, o.id, o.control_cpu, o.start_ns, k.start_ns, k.end_ns, w.start_ns, w.end_ns,
       CASE WHEN o.verdict = 'ok' THEN coalesce(l.end_ns, o.end_ns) END, o.verdict, o.ret
  FROM up u JOIN hotplug_op o ON o.id = u.op
  LEFT JOIN step k ON k.id = u.kick LEFT JOIN step w ON w.id = u.wait LEFT JOIN step l ON l.id = u.own_last;

-- While first bring-ups last: from the first kick to the last end of a wait, or for ever where one has no end. What
-- follows, of CPUs taken offline and back, is much.
CREATE TEMP TABLE span AS
SELECT min(coalesce(u.kick, u.wait)) AS first,
       CASE WHEN count(w.exit_id) = count(*) THEN max(w.exit_id) ELSE 9223372036854775807 END AS last
  FROM up u LEFT JOIN step w ON w.id = u.wait WHERE coalesce(u.kick, u.wait) IS NOT NULL;

-- The functions of that time by CPU, and those that mark something. Without statistics yet, the order has to be named.
CREATE TEMP TABLE lane AS
SELECT f.cpu, f.id, f.ts_ns, f.func FROM span CROSS JOIN ev_func f ON f.id > span.first AND f.id <= span.last;
CREATE INDEX temp.lane_of ON lane (cpu, id);
CREATE TEMP TABLE mark AS
SELECT y.base, f.cpu, f.ts_ns
  FROM span CROSS JOIN symbol y CROSS JOIN ev_func f INDEXED BY ev_func_by_func
       ON f.func = y.id AND f.id > span.first AND f.id <= span.last
 WHERE y.base IN ('cpuhp_ap_sync_alive', 'arch_cpuhp_cleanup_kick_cpu', 'rcu_cpu_starting',
	'rcutree_report_cpu_starting', 'check_tsc_sync_target', 'check_tsc_sync_source', 'cpuhp_online_idle',
	'cpuhp_kick_ap', 'cpuhp_should_run');
CREATE INDEX temp.mark_on_cpu ON mark (base, cpu, ts_ns);
CREATE INDEX temp.mark_in_time ON mark (base, ts_ns);
UPDATE up SET sign = (SELECT min(f.id) FROM lane f WHERE f.cpu = up.cpu AND f.id > up.kick);

UPDATE bringup_cpu AS b SET
	first_sign_ns = (SELECT f.ts_ns FROM up u JOIN ev_func f ON f.id = u.sign
		WHERE u.cpu = b.cpu AND f.ts_ns <= coalesce(b.done_ns, f.ts_ns)),
	alive_ns = (SELECT min(ts_ns) FROM mark WHERE base = 'cpuhp_ap_sync_alive' AND cpu = b.cpu
		AND ts_ns BETWEEN b.kick_ns AND coalesce(b.done_ns, ts_ns)),
	-- Sleeping may have moved the control task to another CPU: what it does later is looked for anywhere else.
	release_ns = (SELECT ts_ns FROM mark WHERE base = 'arch_cpuhp_cleanup_kick_cpu' AND cpu <> b.cpu
		AND ts_ns BETWEEN b.bringup_ns AND coalesce(b.done_ns, ts_ns) ORDER BY ts_ns LIMIT 1),
	starting_ns = (SELECT min(ts_ns) FROM mark
		WHERE base IN ('rcu_cpu_starting', 'rcutree_report_cpu_starting') AND cpu = b.cpu
		AND ts_ns BETWEEN b.kick_ns AND coalesce(b.done_ns, ts_ns)),
	tsc_target_ns = (SELECT min(ts_ns) FROM mark WHERE base = 'check_tsc_sync_target' AND cpu = b.cpu
		AND ts_ns BETWEEN b.kick_ns AND coalesce(b.done_ns, ts_ns)),
	idle_ns = (SELECT min(ts_ns) FROM mark WHERE base = 'cpuhp_online_idle' AND cpu = b.cpu
		AND ts_ns BETWEEN b.kick_ns AND coalesce(b.done_ns, ts_ns));

UPDATE bringup_cpu AS b SET
	-- Without a first sign, what the control CPU did after a kick within bringup_cpu cannot be told from its waiting.
	kick_last_ns = (SELECT f.ts_ns FROM up u JOIN lane f ON f.cpu = b.control_cpu AND f.id > u.kick
			AND f.id < min(coalesce(u.kick_end, u.sign), coalesce(u.sign, u.kick_end))
		WHERE u.cpu = b.cpu AND (b.first_sign_ns IS NOT NULL OR b.kick_ns <> b.bringup_ns)
		  AND f.func NOT IN (SELECT id FROM symbol WHERE base LIKE 'timekeeping_%')
		ORDER BY f.id DESC LIMIT 1),
	-- The source joins late where both sides find that there is nothing to check (6.1, unsynchronized_tsc()).
	tsc_source_ns = (SELECT ts_ns FROM mark WHERE base = 'check_tsc_sync_source' AND cpu <> b.cpu
		AND ts_ns BETWEEN b.starting_ns AND coalesce(b.done_ns, ts_ns) ORDER BY ts_ns LIMIT 1),
	tsc_end_ns = (SELECT ts_ns FROM lane WHERE cpu = b.cpu AND ts_ns > b.tsc_target_ns
		AND ts_ns <= coalesce(b.idle_ns, ts_ns)
		AND func NOT IN (SELECT id FROM symbol
			WHERE base IN ('check_tsc_sync_target', 'check_tsc_sync_source', 'check_tsc_warp')) ORDER BY id LIMIT 1),
	kick_thread_ns = (SELECT ts_ns FROM mark WHERE base = 'cpuhp_kick_ap' AND cpu <> b.cpu
		AND ts_ns BETWEEN b.idle_ns AND coalesce(b.done_ns, ts_ns) ORDER BY ts_ns LIMIT 1);

-- The thread also wakes up for being unparked, before the kick; what counts is that it sees its work.
UPDATE bringup_cpu AS b SET
	thread_ns = (SELECT min(ts_ns) FROM (
		SELECT min(ts_ns) AS ts_ns FROM mark WHERE base = 'cpuhp_should_run' AND cpu = b.cpu
			AND ts_ns BETWEEN coalesce(b.kick_thread_ns, b.idle_ns) AND coalesce(b.done_ns, ts_ns)
		UNION ALL SELECT s.start_ns FROM up u JOIN step s ON s.id = u.own_first WHERE u.cpu = b.cpu));

-- The function that marks the release is called right after it: a CPU seen moving earlier was released by then.
UPDATE bringup_cpu SET release_ns = starting_ns WHERE release_ns > starting_ns AND starting_ns >= alive_ns;

INSERT INTO bringup (id, start_ns, start_what, end_ns, bringup_ns, algorithm, cpus, cpus_ok)
SELECT 1, coalesce(smp, first), CASE WHEN smp IS NULL THEN 'first step' ELSE 'smp_init' END, last,
       last - coalesce(smp, first), algorithm, n, ok
  FROM (SELECT min(prepare_ns) AS first, max(online_ns) AS last, count(*) AS n, sum(verdict = 'ok') AS ok,
	       (SELECT min(ts_ns) FROM ev_func WHERE func IN (SELECT id FROM symbol WHERE base = 'smp_init')) AS smp,
	       CASE WHEN count(kick_ns) = 0 THEN 'unknown'
		    WHEN EXISTS (SELECT 1 FROM hotplug_op o JOIN bringup_cpu x ON x.op = o.id
				  WHERE o.direction = 'up' AND EXISTS (SELECT 1 FROM hotplug_op d
					 WHERE d.cpu = o.cpu AND d.direction = 'down' AND d.id < o.id)) THEN 'runtime'
		    WHEN sum(kick_ns = bringup_ns) > 0 THEN 'serial'
		    WHEN EXISTS (SELECT 1 FROM step s JOIN bringup_cpu x ON x.op = s.op
				  WHERE s.name = 'cpuhp_kick_ap_alive' AND s.target = s.nr) THEN 'parallel'
		    ELSE 'split' END AS algorithm
	  FROM bringup_cpu)
 WHERE n > 0;
DROP TABLE mark;
DROP TABLE lane;
DROP TABLE span;
DROP TABLE up;
