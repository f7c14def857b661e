-- SPDX-License-Identifier: GPL-2.0-only
-- derive_bringup.sql - from steps and function events to the milestones of each CPU's first bring-up.
-- Which functions mark what, per kernel line, is in docs/methods.md (kernel/cpu.c and arch/x86/kernel/smpboot.c
-- of 6.1 and 6.12). A milestone whose function was not traced stays NULL.

CREATE INDEX hotplug_op_by_cpu ON hotplug_op (cpu, direction, id);

INSERT INTO bringup_cpu (cpu, op, control_cpu, prepare_ns, kick_ns, kick_end_ns, bringup_ns, done_ns, online_ns,
			 verdict, ret)
SELECT o.cpu, o.id, o.control_cpu, o.start_ns,
       (SELECT min(start_ns) FROM step WHERE op = o.id AND name IN ('cpuhp_kick_ap_alive', 'bringup_cpu')),
       (SELECT min(end_ns) FROM step WHERE op = o.id AND name IN ('cpuhp_kick_ap_alive', 'bringup_cpu')),
       (SELECT min(start_ns) FROM step WHERE op = o.id AND name IN ('cpuhp_bringup_ap', 'bringup_cpu')),
       (SELECT max(end_ns) FROM step WHERE op = o.id AND name IN ('cpuhp_bringup_ap', 'bringup_cpu')),
       CASE WHEN o.verdict = 'ok' THEN
	    coalesce((SELECT max(end_ns) FROM step WHERE op = o.id AND cpu = o.cpu), o.end_ns) END,
       o.verdict, o.ret
  FROM hotplug_op o WHERE o.direction = 'up' AND o.nth = 1 ORDER BY o.cpu;

-- The events that mark something while first bring-ups last; later ones, of CPUs taken offline and back, are many. Without
-- statistics yet, the index has to be named.
CREATE TEMP TABLE mark AS
SELECT y.base, f.cpu, f.ts_ns
  FROM symbol y CROSS JOIN ev_func f INDEXED BY ev_func_by_func ON f.func = y.id
 WHERE y.base IN ('cpuhp_ap_sync_alive', 'arch_cpuhp_cleanup_kick_cpu', 'rcu_cpu_starting',
	'rcutree_report_cpu_starting', 'check_tsc_sync_target', 'check_tsc_sync_source', 'cpuhp_online_idle',
	'cpuhp_kick_ap', 'cpuhp_should_run')
   AND f.ts_ns >= (SELECT min(coalesce(min(kick_ns, bringup_ns), kick_ns, bringup_ns)) FROM bringup_cpu)
   AND f.ts_ns <= (SELECT CASE WHEN count(done_ns) = count(*) THEN max(done_ns) ELSE 9223372036854775807 END FROM bringup_cpu);
CREATE INDEX temp.mark_on_cpu ON mark (base, cpu, ts_ns);
CREATE INDEX temp.mark_in_time ON mark (base, ts_ns);

-- Events by number rather than by time: the kick step, the end of the step that waits for the CPU, and the functions
-- between the first kick and the last such end, by CPU (all that follow where a bring-up has no end).
CREATE TEMP TABLE kick AS
SELECT b.cpu, b.control_cpu, s.id AS id, s.exit_id AS exit_id, NULL AS sign_id,
       (SELECT max(exit_id) FROM step WHERE op = b.op AND name IN ('cpuhp_bringup_ap', 'bringup_cpu')) AS done_id
  FROM bringup_cpu b JOIN step s ON s.id =
       (SELECT min(id) FROM step WHERE op = b.op AND name IN ('cpuhp_kick_ap_alive', 'bringup_cpu'));
CREATE UNIQUE INDEX temp.kick_of ON kick (cpu);
CREATE TEMP TABLE lane AS
SELECT f.cpu, f.id, f.ts_ns, f.func FROM ev_func f
 WHERE f.id > (SELECT min(id) FROM kick)
   AND f.id <= (SELECT CASE WHEN count(done_id) = count(*) THEN max(done_id) ELSE 9223372036854775807 END FROM kick);
CREATE INDEX temp.lane_of ON lane (cpu, id);
UPDATE kick AS k SET sign_id = (SELECT min(f.id) FROM lane f WHERE f.cpu = k.cpu AND f.id > k.id);

UPDATE bringup_cpu AS b SET
	first_sign_ns = (SELECT f.ts_ns FROM kick k JOIN ev_func f ON f.id = k.sign_id
		WHERE k.cpu = b.cpu AND f.ts_ns <= coalesce(b.done_ns, f.ts_ns)),
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
	kick_last_ns = (SELECT f.ts_ns FROM kick k JOIN lane f ON f.cpu = b.control_cpu AND f.id > k.id
			AND f.id < min(coalesce(k.exit_id, k.sign_id), coalesce(k.sign_id, k.exit_id))
		WHERE k.cpu = b.cpu AND (b.first_sign_ns IS NOT NULL OR b.kick_ns <> b.bringup_ns)
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
		UNION ALL SELECT min(start_ns) FROM step WHERE op = b.op AND cpu = b.cpu));

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
DROP TABLE kick;
DROP TABLE lane;
