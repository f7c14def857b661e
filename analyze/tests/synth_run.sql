-- SPDX-License-Identifier: GPL-2.0-only
-- synth_run.sql - adds a run to an empty or used runs database, for the tests of analyze: the bring-up of the
-- attached capture `cap` (made by synth.sql), every duration stretched by temp.param.stretch percent.
INSERT INTO run (family, core, core_source, bringup_version, command, capture_name, capture_sha256, kernel_release,
	recorded_algorithm, recorded_cpus, cpus, sampled, machine, recorded_machine, seed, params, bringup_ns, recorded_bringup_ns, bp_busy_ns,
	bp_wait_ns, ap_latency_p50_ns, ap_latency_p99_ns, ap_latency_max_ns, events, verdict, verdict_detail, hash)
SELECT 'hotplug', core, 'invented', 'test', 'bringup replay', source_name, source_sha256, kernel_release, b.algorithm,
       b.cpus + 1, b.cpus + 1, 0, '{}', '{}', 1, '{}', b.bringup_ns * stretch / 100, b.bringup_ns, b.bringup_ns * stretch / 400,
       b.bringup_ns * stretch / 400, 1, 2, 3, 1000, 'ok', '', '0123456789abcdef'
  FROM cap.capture, cap.bringup b, temp.param;
CREATE TEMP TABLE this AS SELECT max(run.id) AS run, s.start_ns AS base, stretch FROM main.run, cap.bringup s, temp.param;
INSERT INTO run_cpu
SELECT run, cpu, (prepare_ns - base) * stretch / 100, (kick_ns - base) * stretch / 100, (alive_ns - base) * stretch / 100,
       (release_ns - base) * stretch / 100, (idle_ns - base) * stretch / 100, (online_ns - base) * stretch / 100,
       online_ns - base, verdict FROM cap.bringup_cpu, this;
INSERT OR IGNORE INTO name (text) SELECT DISTINCT name FROM cap.timeline;
INSERT OR IGNORE INTO name (text) VALUES ('W1 ap alive'), ('W5 done_up');
INSERT INTO interval
SELECT run, row_number() OVER (ORDER BY t.cpu, t.start_ns), t.lane, t.cpu, t.phase, n.id, NULL, (t.start_ns - base) * stretch / 100,
       (t.end_ns - base) * stretch / 100, t.start_ns - base, t.end_ns - base
  FROM cap.timeline t JOIN main.name n ON n.text = t.name, this WHERE t.start_ns IS NOT NULL;
INSERT INTO wait
SELECT run, 2 * cpu, 'control', 0, cpu, (SELECT id FROM main.name WHERE text = 'W1 ap alive'),
       (bringup_ns - base) * stretch / 100, (release_ns - base) * stretch / 100, 'satisfied' FROM cap.bringup_cpu, this
 WHERE release_ns IS NOT NULL
UNION ALL
SELECT run, 2 * cpu + 1, 'control', 0, cpu, (SELECT id FROM main.name WHERE text = 'W5 done_up'),
       (release_ns - base) * stretch / 100, (done_ns - base) * stretch / 100, 'satisfied' FROM cap.bringup_cpu, this
 WHERE release_ns IS NOT NULL;
DROP TABLE this;
