#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
# runtime.t - CPUs taken down and brought up at runtime: recorded operations, replayed, stored, reported and drawn.
. "${SRC:?run by make check}/scripts/tap.sh" || exit

sql() { sqlite3 -readonly "$@"; }
for kernel in 6.1 6.12; do
	dir=$TMP/$kernel db=$TMP/$kernel.db runs=$TMP/$kernel.runs.db
	mkdir "$dir"
	tar -xJf "$SRC/datasets/boots/$kernel-hotplug8/capture.tar.xz" -C "$dir"
	ok "$kernel imports" "$BRINGUP" import "$dir/trace.dat" --machine "$dir/machine" -o "$db"
	run "$BRINGUP" replay "$db" --hotplug recorded,percpu-rwsem,notifier,rt-pinned,rt-multiphase --params "kernel=$kernel" \
		-o "$runs" --json
	is "$kernel: all cores run" "$(jq -r '[.runs[].verdict] | unique | join(" ")' <<<"$out")" ok
	is "$kernel: 21 down, 21 up in each" "$(jq -r '[.runs[].operations[].ok] | unique | join(" ")' <<<"$out")" 21
	is "$kernel: the control is the recording" "$(jq '.runs[0].bringup_ns == .runs[0].recorded_bringup_ns' <<<"$out")" true
	is "$kernel: its operations are those of the capture" "$(sql "$runs" 'SELECT cpu, direction, end_ns - start_ns FROM run_op WHERE run = 1')" \
		"$(sql "$db" 'SELECT cpu, direction, end_ns - start_ns FROM hotplug_op ORDER BY id')"
	is "$kernel: its intervals of first ways up are those of the capture" \
		"$(sql "$runs" "ATTACH '$db' AS c; SELECT count(*) FROM c.timeline t WHERE t.start_ns NOT NULL AND NOT EXISTS (
			SELECT 1 FROM interval i JOIN name n ON n.id = i.name WHERE i.run = 1 AND i.lane = t.lane AND i.cpu = t.cpu
			AND i.phase = t.phase AND n.text = t.name AND i.end_ns IS t.end_ns - (SELECT min(start_ns) FROM c.hotplug_op)
			AND i.start_ns = t.start_ns - (SELECT min(start_ns) FROM c.hotplug_op))")" 0
	is "$kernel: its own core is within 2 % of the whole" "$(jq '.runs[1] | (.bringup_ns / .recorded_bringup_ns - 1) | fabs < 0.02' <<<"$out")" true
	is "$kernel: and within 2 % of each quantile of both directions" "$(jq '[.runs[1].operations[] | (.p50_ns / .recorded_p50_ns,
		.p95_ns / .recorded_p95_ns, .max_ns / .recorded_max_ns) - 1 | fabs < 0.02] | all' <<<"$out")" true
	is "$kernel: and within 5 % of the work of each phase" "$(jq '[.runs[0].phases as $r | .runs[1].phases | to_entries[] |
		select(.key | IN("prepare", "kick", "dark", "starting", "online", "down", "stop", "dying", "dead")) |
		(.value / $r[.key] - 1) | fabs < 0.05] | all' <<<"$out")" true
	for id in 1 2 3 4 5; do
		run "$BRINGUP" replay --verify "$id" -o "$runs"
		like "$kernel: run $id can be verified" "$status $out" '0 .*the same again'
	done
	run "$BRINGUP" replay "$db" --hotplug rt-pinned,rt-multiphase --params notifier_stops=1 --json -o "$TMP/$kernel.hangs.db"
	is "$kernel: one phase deadlocks where three do not" "$(jq -r '[.runs[].verdict] | join(" ")' <<<"$out")" 'deadlock ok'
	is "$kernel: a verdict is a result, not a failure of the replay" "$status" 0
	run "$BRINGUP" replay --verify 1 -o "$TMP/$kernel.hangs.db"
	like "$kernel: a run that hung can be verified" "$status $out" '0 .*the same again'
	run "$BRINGUP" replay "$db" --hotplug rt-pinned,rt-multiphase --params readers_from=recorded,notifier_stops=1 --json
	is "$kernel: so it is with the readers that were recorded" "$(jq -r '[.runs[].verdict] | join(" ")' <<<"$out")" 'deadlock ok'
	run "$BRINGUP" replay "$db" --hotplug rt-pinned,rt-multiphase --params readers_from=recorded,notifier_locks=1 --runs 20 --json
	is "$kernel: of many runs with them some find the lock taken that a notifier wants, and only in one phase" \
		"$(jq -r '[.distributions[] | [.verdicts.deadlock.runs // 0, .verdicts.ok.runs // 0]] | (.[0][0] > 0 and .[0][1] > 0 and .[0][0] + .[0][1] == 20 and .[1][1] == 20)' <<<"$out")" true
done
run "$BRINGUP" report "$runs"
like 'the report has the operations of a run' "$out" $'\n''  down +21 +21 +0 +0 '
run "$BRINGUP" replay "$db" --hotplug percpu-rwsem,notifier --cpus 64 --json
is 'more CPUs than were recorded' "$(jq -r '[.runs[] | .verdict, .cpus] | join(" ")' <<<"$out")" 'ok 64 ok 64'
if command -v gnuplot >/dev/null; then
	ok 'and can be drawn' "$BRINGUP" plot timeline "$runs" --run 2 -o "$TMP/run.svg"
	like 'with both directions' "$(cat "$TMP/run.svg")" 'going down'
fi
finish
