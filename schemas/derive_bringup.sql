-- SPDX-License-Identifier: GPL-2.0-only
-- derive_bringup.sql - from steps and function events to the milestones of each CPU's first bring-up.
-- Which functions mark what, per kernel line, is in docs/methods.md (kernel/cpu.c and arch/x86/kernel/smpboot.c
-- of 6.1 and 6.12). A milestone whose function was not traced stays NULL.

CREATE TEMP TABLE mark AS
SELECT id, base FROM symbol WHERE base IN ('cpuhp_ap_sync_alive', 'arch_cpuhp_cleanup_kick_cpu', 'rcu_cpu_starting',
	'rcutree_report_cpu_starting', 'check_tsc_sync_target', 'check_tsc_sync_source', 'check_tsc_warp',
	'cpuhp_online_idle', 'cpuhp_kick_ap', 'cpuhp_should_run', 'smp_init');

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

UPDATE bringup_cpu AS b SET
	first_sign_ns = (SELECT ts_ns FROM ev_func WHERE cpu = b.cpu
		AND id > (SELECT min(id) FROM step WHERE op = b.op AND name IN ('cpuhp_kick_ap_alive', 'bringup_cpu'))
		AND ts_ns <= coalesce(b.done_ns, ts_ns) ORDER BY id LIMIT 1),
	alive_ns = (SELECT min(f.ts_ns) FROM mark m JOIN ev_func f ON f.func = m.id AND f.cpu = b.cpu
		WHERE m.base = 'cpuhp_ap_sync_alive' AND f.ts_ns BETWEEN b.kick_ns AND coalesce(b.done_ns, f.ts_ns)),
	release_ns = (SELECT min(f.ts_ns) FROM mark m JOIN ev_func f ON f.func = m.id AND f.cpu = b.control_cpu
		WHERE m.base = 'arch_cpuhp_cleanup_kick_cpu'
		  AND f.ts_ns BETWEEN b.bringup_ns AND coalesce(b.done_ns, f.ts_ns)),
	starting_ns = (SELECT min(f.ts_ns) FROM mark m JOIN ev_func f ON f.func = m.id AND f.cpu = b.cpu
		WHERE m.base IN ('rcu_cpu_starting', 'rcutree_report_cpu_starting')
		  AND f.ts_ns BETWEEN b.kick_ns AND coalesce(b.done_ns, f.ts_ns)),
	tsc_target_ns = (SELECT min(f.ts_ns) FROM mark m JOIN ev_func f ON f.func = m.id AND f.cpu = b.cpu
		WHERE m.base = 'check_tsc_sync_target' AND f.ts_ns BETWEEN b.kick_ns AND coalesce(b.done_ns, f.ts_ns)),
	idle_ns = (SELECT min(f.ts_ns) FROM mark m JOIN ev_func f ON f.func = m.id AND f.cpu = b.cpu
		WHERE m.base = 'cpuhp_online_idle' AND f.ts_ns BETWEEN b.kick_ns AND coalesce(b.done_ns, f.ts_ns));

UPDATE bringup_cpu AS b SET
	kick_last_ns = CASE WHEN b.first_sign_ns IS NOT NULL OR b.kick_ns <> b.bringup_ns THEN
		(SELECT max(ts_ns) FROM ev_func WHERE cpu = b.control_cpu AND ts_ns >= b.kick_ns
		AND ts_ns <= min(coalesce(b.kick_end_ns, b.first_sign_ns), coalesce(b.first_sign_ns, b.kick_end_ns))
		AND func NOT IN (SELECT id FROM symbol WHERE base LIKE 'timekeeping_%')) END,
	tsc_source_ns = (SELECT min(f.ts_ns) FROM mark m JOIN ev_func f ON f.func = m.id
		WHERE m.base = 'check_tsc_sync_source' AND f.cpu <> b.cpu
		  AND f.ts_ns BETWEEN b.starting_ns AND b.idle_ns),
	tsc_end_ns = (SELECT min(ts_ns) FROM ev_func WHERE cpu = b.cpu AND ts_ns > b.tsc_target_ns
		AND ts_ns <= coalesce(b.idle_ns, ts_ns)
		AND func NOT IN (SELECT id FROM mark WHERE base LIKE 'check_tsc_%')),
	kick_thread_ns = (SELECT min(f.ts_ns) FROM mark m JOIN ev_func f ON f.func = m.id AND f.cpu = b.control_cpu
		WHERE m.base = 'cpuhp_kick_ap' AND f.ts_ns BETWEEN b.idle_ns AND coalesce(b.done_ns, f.ts_ns)),
	thread_ns = min(coalesce((SELECT min(f.ts_ns) FROM mark m JOIN ev_func f ON f.func = m.id AND f.cpu = b.cpu
			WHERE m.base = 'cpuhp_should_run' AND f.ts_ns BETWEEN b.idle_ns AND coalesce(b.done_ns, f.ts_ns)),
			(SELECT min(start_ns) FROM step WHERE op = b.op AND cpu = b.cpu)),
		coalesce((SELECT min(start_ns) FROM step WHERE op = b.op AND cpu = b.cpu),
			 (SELECT min(f.ts_ns) FROM mark m JOIN ev_func f ON f.func = m.id AND f.cpu = b.cpu
			WHERE m.base = 'cpuhp_should_run' AND f.ts_ns BETWEEN b.idle_ns AND coalesce(b.done_ns, f.ts_ns))));

INSERT INTO bringup (id, start_ns, start_what, end_ns, bringup_ns, algorithm, cpus, cpus_ok)
SELECT 1, coalesce(smp, first), CASE WHEN smp IS NULL THEN 'first step' ELSE 'smp_init' END, last,
       last - coalesce(smp, first), algorithm, n, ok
  FROM (SELECT min(prepare_ns) AS first, max(online_ns) AS last, count(*) AS n, sum(verdict = 'ok') AS ok,
	       (SELECT min(f.ts_ns) FROM mark m JOIN ev_func f ON f.func = m.id WHERE m.base = 'smp_init') AS smp,
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
