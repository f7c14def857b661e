-- SPDX-License-Identifier: GPL-2.0-only
-- synth.sql - fills an empty capture database with an invented boot, for the tests of analyze.
-- Wants a table temp.param (cpus, algorithm, hang): CPUs of the machine, 'serial' or 'parallel', and a CPU that
-- never shows up after its kick (0: none). Durations are made of CPU and step number, so that every run gives
-- the same file. Planted: the third quarter of the CPUs wakes up three times as slowly; CPU cpus*5/8 spends
-- 30 ms in one online step; every sixteenth CPU has a TSC check of 2 ms.

INSERT INTO capture VALUES (1, 'synthetic', 'synth.dat', printf('%064d', 7), 1, 'test', '6.12.0-synth', '#1', 'x86_64',
	'', 'x86-tsc', 'ns', NULL, NULL, 0, 0, 0, 0, 1);
INSERT INTO machine (id, known, cpus_possible, cpus_present, cpus_online, boot_cpu, hypervisor)
	SELECT 1, 'saved', cpus, cpus, cpus, 0, NULL FROM temp.param;
INSERT INTO buffer VALUES (0, 'top');
INSERT INTO task VALUES (1, 1, 'swapper/0');

CREATE TEMP TABLE def (nr INTEGER PRIMARY KEY, name TEXT, base INTEGER);
INSERT INTO def VALUES
	(1, 'smpboot_create_threads', 310000), (2, 'perf_event_init_cpu', 4000), (13, 'x86_pmu_prepare_cpu', 1500),
	(34, 'relay_prepare_cpu', 900), (40, 'rcutree_prepare_cpu', 60000), (43, 'page_alloc_cpu_online', 700),
	(45, 'random_prepare_cpu', 800), (46, 'workqueue_prepare_cpu', 95000), (48, 'hrtimers_prepare_cpu', 1900),
	(51, 'smpcfd_prepare_cpu', 2500), (58, 'blk_mq_hctx_notify_dead', 600), (59, 'timers_prepare_cpu', 1100),
	(60, 'trace_rb_cpu_prepare', 240000), (62, 'kvm_cpu_prepare_with_a_long_name', 1300),
	(70, 'topology_add_dev', 15000), (75, 'x2apic_prepare_cpu', 2000),
	(155, 'smpboot_unpark_threads', 42000), (157, 'irq_affinity_online_cpu', 8000),
	(167, 'perf_event_init_cpu_online', 3000), (185, 'lockup_detector_online_cpu', 21000),
	(186, 'workqueue_online_cpu', 39000), (187, 'rcutree_online_cpu', 4400), (188, 'random_online_cpu', 900),
	(190, 'page_writeback_cpu_online', 5200), (191, 'vmstat_cpu_online', 6100), (196, 'cacheinfo_cpu_online', 88000),
	(200, 'mce_cpu_online', 17000), (205, 'msr_device_create', 61000), (210, 'cpuid_device_create', 57000),
	(220, 'acpi_soft_cpu_online', 35000), (230, 'sched_cpu_activate', 12000);

CREATE TEMP TABLE who AS
WITH RECURSIVE c (cpu) AS (SELECT 1 UNION ALL SELECT cpu + 1 FROM c, temp.param WHERE cpu + 1 < cpus)
SELECT cpu, CASE WHEN cpu * 4 BETWEEN cpus * 2 AND cpus * 3 - 1 THEN 2400000 ELSE 800000 END + cpu % 7 * 9000 AS dark,
       300000 + cpu % 5 * 4000 AS starting, CASE WHEN cpu % 16 = 8 THEN 2000000 ELSE 0 END AS tsc, cpus
  FROM c, temp.param;

CREATE TEMP TABLE dur (cpu INTEGER, nr INTEGER, ns INTEGER, at INTEGER, PRIMARY KEY (cpu, nr)) WITHOUT ROWID;
INSERT INTO dur
SELECT cpu, nr, ns, sum(ns) OVER (PARTITION BY cpu, nr > 100 ORDER BY nr) - ns
  FROM (SELECT cpu, nr, CASE WHEN cpu = cpus * 5 / 8 AND nr = 205 THEN 30000000
			     ELSE base + base * ((cpu * 7919 + nr * 104729) % 97) / 200 END AS ns
	  FROM who, def);
CREATE TEMP TABLE part AS
SELECT w.*, (SELECT sum(ns) FROM dur d WHERE d.cpu = w.cpu AND nr < 100) AS prep,
       (SELECT sum(ns) FROM dur d WHERE d.cpu = w.cpu AND nr > 100) AS online,
       0 AS after FROM who w;
UPDATE part SET after = dark + starting + tsc + online + 20000 WHERE (SELECT algorithm FROM temp.param) = 'serial';
CREATE UNIQUE INDEX temp.part_cpu ON part (cpu);

-- One CPU after the other, or all kicked before the first is let go. kick_ns is 40 us long.
CREATE TEMP TABLE plan AS
WITH RECURSIVE kicked (cpu, start, kick) AS (
	SELECT 1, 1000000, 1000000 + (SELECT prep FROM part WHERE cpu = 1)
	UNION ALL
	SELECT k.cpu + 1, k.kick + 50000 + q.after, k.kick + 50000 + q.after + p.prep
	  FROM kicked k JOIN part q ON q.cpu = k.cpu JOIN part p ON p.cpu = k.cpu + 1
)
SELECT k.*, p.dark, p.starting, p.tsc, p.online, p.prep, k.kick + 40000 + p.dark AS alive FROM kicked k JOIN part p USING (cpu);
CREATE UNIQUE INDEX temp.plan_cpu ON plan (cpu);
ALTER TABLE temp.plan ADD COLUMN first INTEGER;	-- the earliest turn: at the kick, or when all are kicked
UPDATE plan SET first = CASE (SELECT algorithm FROM temp.param) WHEN 'serial' THEN kick
			ELSE (SELECT max(kick) + 60000 FROM plan) END;
CREATE TEMP TABLE turns AS
WITH RECURSIVE t (cpu, turn, release, done) AS (
	SELECT cpu, first, max(first, alive), max(first, alive) + starting + tsc + online + 15000 FROM plan WHERE cpu = 1
	UNION ALL
	SELECT p.cpu, max(t.done + 10000, p.first), max(t.done + 10000, p.first, p.alive),
	       max(t.done + 10000, p.first, p.alive) + p.starting + p.tsc + p.online + 15000
	  FROM t JOIN plan p ON p.cpu = t.cpu + 1
)
SELECT * FROM t;
CREATE UNIQUE INDEX temp.turns_cpu ON turns (cpu);

INSERT INTO hotplug_op (id, cpu, direction, nth, control_cpu, start_ns, end_ns, ret, verdict)
SELECT cpu, cpu, 'up', 1, 0, start, CASE WHEN cpu <> hang THEN done END, CASE WHEN cpu <> hang THEN 0 END,
       CASE WHEN cpu = hang THEN 'open' ELSE 'ok' END
  FROM plan JOIN turns USING (cpu), temp.param;

INSERT INTO step (op, cpu, target_cpu, task, nr, name, multi, target, start_ns, end_ns, ret, verdict)
SELECT d.cpu, CASE WHEN d.nr < 100 THEN 0 ELSE d.cpu END, d.cpu, 1, d.nr, name, 0, 238,
       CASE WHEN d.nr < 100 THEN start ELSE done - 5000 - p.online END + at,
       CASE WHEN d.nr < 100 THEN start ELSE done - 5000 - p.online END + at + ns, 0, 'ok'
  FROM temp.param CROSS JOIN turns t CROSS JOIN plan p ON p.cpu = t.cpu CROSS JOIN dur d ON d.cpu = t.cpu
  CROSS JOIN def ON def.nr = d.nr
 WHERE d.cpu <> hang OR d.nr < 100;
INSERT INTO step (op, cpu, target_cpu, task, nr, name, multi, target, start_ns, end_ns, ret, verdict)
SELECT cpu, 0, cpu, 1, 85, 'cpuhp_kick_ap_alive', 0, 85, kick, kick + 40000, 0, 'ok'
  FROM plan, temp.param WHERE algorithm <> 'serial';
INSERT INTO step (op, cpu, target_cpu, task, nr, name, multi, target, start_ns, end_ns, ret, verdict)
SELECT cpu, 0, cpu, 1, CASE algorithm WHEN 'serial' THEN 91 ELSE 86 END,
       CASE algorithm WHEN 'serial' THEN 'bringup_cpu' ELSE 'cpuhp_bringup_ap' END, 0, 238, turn,
       CASE WHEN cpu <> hang THEN done END, CASE WHEN cpu <> hang THEN 0 END,
       CASE WHEN cpu = hang THEN 'open' ELSE 'ok' END
  FROM plan JOIN turns USING (cpu), temp.param;

INSERT INTO bringup_cpu
SELECT cpu, cpu, 0, start, kick, kick + 40000, CASE algorithm WHEN 'serial' THEN CASE WHEN cpu <> hang THEN done END
       ELSE kick + 40000 END,
       CASE WHEN cpu <> hang THEN alive - 15000 END, CASE WHEN cpu <> hang THEN alive END, turn,
       CASE WHEN cpu <> hang THEN release END, CASE WHEN cpu <> hang THEN release + 4000 END,
       CASE WHEN cpu <> hang AND tsc > 0 THEN release + starting END, NULL,
       CASE WHEN cpu <> hang AND tsc > 0 THEN release + starting + tsc END,
       CASE WHEN cpu <> hang THEN release + starting + tsc END, NULL, CASE WHEN cpu <> hang THEN done - 5000 - online END,
       CASE WHEN cpu <> hang THEN done - 5000 END, CASE WHEN cpu <> hang THEN done END,
       CASE WHEN cpu = hang THEN 'open' ELSE 'ok' END, CASE WHEN cpu <> hang THEN 0 END
  FROM plan JOIN turns USING (cpu), temp.param;

INSERT INTO bringup
SELECT 1, 200000, 'smp_init', max(online_ns), max(online_ns) - 200000, algorithm, count(*), sum(verdict = 'ok')
  FROM bringup_cpu, temp.param;
UPDATE capture SET events_total = (SELECT 2 * count(*) FROM step);
DROP TABLE temp.def; DROP TABLE temp.who; DROP TABLE temp.dur; DROP TABLE temp.part; DROP TABLE temp.plan; DROP TABLE temp.turns;
