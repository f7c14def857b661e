#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
# tax.t - the report's tax and its line on the clocks, against SQL over captures with known contents.
. "${SRC:?run by make check}/scripts/tap.sh" || exit
. "$SRC/analyze/tests/synth.sh"
cd "$TMP" || exit

sql() { sqlite3 -batch "$@"; }
key() { jq -c "$1" <<<"$out"; }

make_capture a.db 8 serial
start=$(sql a.db 'SELECT start_ns FROM bringup') took=$(sql a.db 'SELECT bringup_ns FROM bringup')
# Two buffers for each CPU, 1000 ns and n * 100 ns; one more event before, within and after on two CPUs each.
sql a.db "DELETE FROM step WHERE name = 'trace_rb_cpu_prepare';
	INSERT INTO step SELECT 800000 + 2 * cpu, NULL, op, control_cpu, cpu, (SELECT min(id) FROM task), 62, 'trace_rb_cpu_prepare', NULL, 1,
		91, prepare_ns + 10, prepare_ns + 10 + 1000, 0, 'ok' FROM bringup_cpu;
	INSERT INTO step SELECT 800001 + 2 * cpu, NULL, op, control_cpu, cpu, (SELECT min(id) FROM task), 62, 'trace_rb_cpu_prepare', NULL, 1,
		91, prepare_ns + 10, prepare_ns + 10 + 100 * cpu, 0, 'ok' FROM bringup_cpu;
	WITH e(n, t, c) AS (VALUES (1, $start - 1, 0), (2, $start, 0), (3, $start + 5, 0), (4, $start + $took, 1), (5, $start + $took + 1, 0))
		INSERT INTO ev_irq_vector SELECT 900000 + n, t, NULL, c, (SELECT min(id) FROM task), 0, 0, 1, 251 FROM e;
	INSERT OR REPLACE INTO machine_file VALUES ('dmesg', '[ 0.1] smp: Bringing up secondary CPUs ...' || char(10) ||
		'[ 0.2] smp: Brought up 1 node, 8 CPUs' || char(10));
	UPDATE capture SET cmdline = 'console=ttyS0,115200';
	INSERT INTO clock_bound SELECT cpu, 0, -10 * cpu, 1000000000, 0, 3, 3, 'consistent' FROM bringup_cpu WHERE cpu <> 3;
	INSERT INTO clock_bound VALUES (3, 0, -7, 5, 0, 3, 3, 'consistent'), (0, 0, 0, 0, 0, 3, 3, 'consistent')"
run "$BRINGUP" report --json a.db
in_time="ts_ns BETWEEN $start AND $start + $took"
all=$(sql a.db "SELECT (SELECT count(*) FROM ev_cpuhp WHERE $in_time) + (SELECT count(*) FROM ev_func WHERE $in_time) +
	(SELECT count(*) FROM ev_fault WHERE $in_time) + (SELECT count(*) FROM ev_irq_vector WHERE $in_time) +
	(SELECT count(*) FROM ev_sched_switch WHERE $in_time) + (SELECT count(*) FROM ev_timer WHERE $in_time) +
	(SELECT count(*) FROM ev_other WHERE $in_time)")
is "steps of the ring buffers, CPUs, total, longest of one CPU" \
	"$(key '.tax.ring_buffers | [.steps, .cpus, .total_ns, .max_ns, .max_cpu]')" "[14,7,$((7000 + 2800)),1700,7]"
is "their share of the bring-up" "$(key "(.tax.ring_buffers.share * $took | round)")" 9800
is "events of the bring-up, on all CPUs" "$(key .tax.events.all)" "$all"
ok "there are some" test "$all" -ge 3
is "their cost to the control CPU, between two bounds" "$(key '.tax.events | [.control_low_ns / .control, .control_high_ns / .control]')" \
	"[220,530]"
sql a.db 'DELETE FROM ev_irq_vector WHERE id IN (900002, 900003)'
before=$(key .tax.events.control)
run "$BRINGUP" report --json a.db
is "events count where and when they were recorded" "$(key .tax.events.control)" $((before - 2))
is "serial console: 83 bytes at 115200 baud" "$(key '.tax.serial | [.console, .bytes, .baud, .baud_known, .at_most_ns]')" \
	"[true,83,115200,true,$((83 * 10 * 1000000000 / 115200))]"
is "clocks: worst CPU and bound" "$(key '.clocks | [.cpus, .ref_cpu, .worst_ns, .unsynchronised]')" "[7,0,1000000000,0]"
finer=$(sql a.db "SELECT count(*) FROM timeline t JOIN clock_bound c ON c.cpu = t.cpu WHERE (t.phase IN ('dark', 'parked') OR
	(t.phase = 'starting' AND t.name = 'starting')) AND t.end_ns - t.start_ns < max(-c.lo_ns, c.hi_ns)")
is "clocks: times finer than the bound, by SQL" "$(key .clocks.finer)" "$finer"
ok "there are some" test "$finer" -ge 1
run "$BRINGUP" report a.db
like "the text warns" "$out" "$finer of [0-9]* times across CPUs .* finer than that"
like "the text has the tax" "$out" "The observer's tax.*14 times for 7 CPUs.*83 bytes of kernel log: at most 7.20 ms at 115200 baud"
run "$BRINGUP" info a.db
like "info warns" "$out" "clocks +of 7 CPUs known to agree within 1.00 s; the first sign of [0-9]+ CPUs came sooner"
sql a.db "UPDATE clock_bound SET verdict = 'unsynchronised', lo_ns = 50 WHERE cpu = 5"
run "$BRINGUP" report a.db
like "a clock that is off is told" "$out" "clocks +OFF on 1 CPUs"
sql a.db 'DROP TABLE clock_bound'
run "$BRINGUP" report a.db
is "a capture without bounds can be read" "$status" 0

finish
