#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
# report.t - `bringup report` as a user calls it: text, JSON, exit codes, and what it says of files it cannot use.
# quick
. "${SRC:?is set by make check}/scripts/tap.sh" || exit
. "$SRC/analyze/tests/synth.sh" || exit

make_capture "$TMP/p.db" 64 parallel
make_capture "$TMP/s.db" 64 serial
make_run "$TMP/runs.db" "$TMP/s.db" recorded 100
make_run "$TMP/runs.db" "$TMP/s.db" slow 150
make_run "$TMP/runs.db" "$TMP/p.db" parallel 100

run "$BRINGUP" report "$TMP/p.db"
is 'a capture is reported' "$status" 0
like 'with kernel, CPUs and algorithm' "$out" $'Linux 6.12.0-synth, 64 CPUs online\n  algorithm     parallel'
like 'with the time and what it is from' "$out" 'bring-up      151.6 ms, from the entry of smp_init to the last CPU online'
like 'the control CPU busy and waiting' "$out" 'busy 60.10 ms .* waiting for other CPUs 89.4. ms .* between steps'
like 'first and last CPU' "$out" 'first online  CPU 1 at .*; last: CPU 63 at 151.6 ms'
like 'the slow step with its CPU' "$out" $'\n''  msr_device_create .* 30.00 ms +40'$'\n'
like 'the CPU that took most work, and why' "$out" $'CPUs that took most work\n[^\n]*\n +40 .* online 30.4. ms'
is 'rows can be limited' "$("$BRINGUP" report "$TMP/p.db" --top 2 | sed -n '/^Steps that/,/^  (/p' | wc -l)" 5

run "$BRINGUP" report "$TMP/p.db" --json
is 'JSON comes out' "$status" 0
is 'with the keys scripts rely on' "$(jq -r '[.bringup_ns, (.cpus | length), .cpus[62].cpu, .cpus[62].online_ns, .cpus[0].verdict,
	.verdict, .complete] | join(" ")' <<<"$out")" '151629117 63 63 151629117 ok ok true'
is 'the account of the control CPU adds up' "$(jq '.control | .busy_ns + .wait_ns + .other_ns == .span_ns' <<<"$out")" true
is 'a capture has no runs' "$(jq 'has("runs")' <<<"$out")" false

run "$BRINGUP" report "$TMP/runs.db"
is 'runs are reported' "$status" 0
is 'all of them' "$(grep -c '^Run [123]: ' <<<"$out")" 3
like 'beside what was recorded' "$out" $'Run 2: core slow .*recorded 229.0 ms, \\+114.5 ms \\(\\+50.00 %\\)'
like 'compared' "$out" $'Comparison\n.*\n +2 slow +64 +343.[0-9] ms +229.0 ms +\\+50.0%'
like 'with wait points' "$out" 'W5 done_up'
run "$BRINGUP" report "$TMP/runs.db" --run 3
like 'one alone' "$out" '^Run 3: core parallel'
is 'and no other' "$(grep -c '^Run\|^Comparison' <<<"$out")" 1
run "$BRINGUP" report "$TMP/runs.db" --json
is 'runs as JSON' "$(jq -r '[(.runs | length), .source.core, .runs[1].difference_ns, .runs[2].waits[0].count,
	.runs[0].bringup_ns == .bringup_ns] | join(" ")' <<<"$out")" '3 recorded 114500058 63 true'

sqlite3 "$TMP/p.db" "UPDATE capture SET complete = 0, lost_total = 77;
	INSERT INTO loss VALUES (1, 0, 3, 'overrun', 77, NULL, NULL, NULL, 9200000)"
run "$BRINGUP" report "$TMP/p.db"
is 'an incomplete capture has its exit code' "$status" 3
like 'and says so' "$out" 'THE CAPTURE IS INCOMPLETE'
like 'and where' "$out" 'CPU 3, buffer top: overrun 77 events, between the beginning and 9.00 ms'

make_capture "$TMP/h.db" 8 serial 5
run "$BRINGUP" report "$TMP/h.db"
like 'a CPU that hangs is named, with the evidence' "$out" 'CPU 5 open: got as far as: kicked at .*; last step bringup_cpu \(91\)'
like 'its verdict too' "$out" 'CPUs +6 of 7 came up: OPEN'

sqlite3 "$TMP/s.db" "UPDATE bringup SET algorithm = 'runtime'; INSERT INTO hotplug_op VALUES (900, 3, 'down', 1, 0, 1, 5000001, 0, 'ok')"
run "$BRINGUP" report "$TMP/s.db"
like 'operations at run time are counted by direction' "$out" $'up +63 +63 +0 +0 .*\n +down +1 +1 +0 +0 +5.00 ms'

sqlite3 "$TMP/t.db" <"$SRC/schemas/capture.sql"
sqlite3 "$TMP/t.db" "INSERT INTO capture VALUES (1, 'x', 'x', 'x', 1, 'x', NULL, NULL, NULL, NULL, NULL, 'ns', NULL, NULL, 0, 0, 0, 0, 1);
	INSERT INTO machine (id, known) VALUES (1, 'inferred')"
run "$BRINGUP" report "$TMP/t.db"
is 'without hotplug there is nothing to report' "$status" 1
like 'and it says what to do' "$err" 'shows no CPU coming up or going down; record with the cpuhp events on'
sqlite3 "$TMP/t.db" 'PRAGMA user_version = 99'
run "$BRINGUP" report "$TMP/t.db"
is 'another version fails' "$status" 1
like 'by name' "$err" 'version 99'
run "$BRINGUP" report "$TMP/missing.db"
is 'a missing file fails' "$status" 1
: >"$TMP/empty.db"
run "$BRINGUP" report "$TMP/empty.db"
like 'an empty file is called empty' "$status $err" '^1 .*is empty'
run "$BRINGUP" report "$TMP/runs.db" --run 9
like 'an unknown run fails' "$status $err" '^1 .*has no run 9'
run "$BRINGUP" report "$TMP/h.db" --run 1
is 'a run of a capture is a usage error' "$status" 2
run "$BRINGUP" report
is 'no file is a usage error' "$status" 2
finish
