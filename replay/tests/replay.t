#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
# replay.t - `bringup replay` on a real boot, as a user calls it.
. "${SRC:?run by make check}/scripts/tap.sh" || exit

dataset=$SRC/datasets/boots/6.12-smp8
tar -xJf "$dataset/capture.tar.xz" -C "$TMP"
db=$TMP/boot.db runs=$TMP/runs.db
ok 'the capture imports' "$BRINGUP" import "$TMP/trace.dat" --machine "$TMP/machine" -o "$db"
sql() { sqlite3 -readonly "$@"; }

run "$BRINGUP" replay "$db" --hotplug recorded,serial,parallel -o "$runs"
is 'three cores run' "$status" 0
like 'the table has the control' "$out" 'recorded .* \+0\.00 %.* ok'
like 'the table has the serial core' "$out" $'\n''serial .* ok'
like 'the table has the parallel core' "$out" $'\n''parallel .* ok'
is 'three runs are stored' "$(sql "$runs" 'SELECT count(*) FROM run')" 3
is 'every CPU came up in every run' "$(sql "$runs" "SELECT count(*) FROM run_cpu WHERE verdict = 'ok'")" 21
is 'recorded is exact' "$(sql "$runs" "SELECT sum(i.start_ns IS NOT i.recorded_start_ns
	OR i.end_ns IS NOT i.recorded_end_ns) FROM interval i JOIN run r ON r.id = i.run WHERE r.core = 'recorded'")" 0
is 'recorded has every interval of the capture' \
	"$(sql "$runs" "SELECT count(*) FROM interval i JOIN run r ON r.id = i.run WHERE r.core = 'recorded'")" \
	"$(sql "$db" 'SELECT count(*) FROM timeline WHERE start_ns IS NOT NULL')"
is 'nothing waits backwards' "$(sql "$runs" 'SELECT count(*) FROM wait WHERE end_ns < start_ns')" 0
is 'no two intervals of one task overlap: CPUs work for themselves one part at a time' "$(sql "$runs" "
	SELECT count(*) FROM (SELECT start_ns, lag(end_ns) OVER (PARTITION BY i.run, lane, cpu ORDER BY start_ns, end_ns) AS before
	FROM interval i JOIN run r ON r.id = i.run WHERE r.core <> 'recorded' AND lane = cpu) WHERE start_ns < before")" 0

run "$BRINGUP" replay "$db" --hotplug recorded,serial,parallel --json
is 'JSON comes out' "$status" 0
is 'the documented keys are there' "$(jq -r '[.runs[] | has("family", "core", "cpus", "bringup_ns",
	"recorded_bringup_ns", "verdict", "hash")] | all' <<<"$out")" true
is 'the control is the recording' "$(jq '.runs[0].bringup_ns == .runs[0].recorded_bringup_ns' <<<"$out")" true
is 'same input, same hash' "$(jq -r '.runs[].hash' <<<"$out")" "$(sql "$runs" 'SELECT hash FROM run ORDER BY id')"

run "$BRINGUP" replay "$db" --hotplug serial,parallel --cpus 1024 --seed 5 --json
is 'more CPUs than recorded' "$(jq -r '[.runs[] | .verdict, .cpus, .sampled] | join(" ")' <<<"$out")" \
	'ok 1024 true ok 1024 true'
first=$out
run "$BRINGUP" replay "$db" --hotplug serial,parallel --cpus 1024 --seed 5 --json
is 'the same seed draws the same' "$out" "$first"
run "$BRINGUP" replay "$db" --hotplug serial --cpus 1024 --seed 6 --json
ok 'another seed draws something else' test "$(jq -r '.runs[0].hash' <<<"$out")" != "$(jq -r '.runs[0].hash' <<<"$first")"
run "$BRINGUP" replay "$db" --hotplug recorded,serial --cpus 4
is 'fewer CPUs' "$status" 0
like 'the control cannot be resized, and is told apart' "$err" 'recorded is the recording itself'

run "$BRINGUP" replay "$db" --hotplug parallel-full --params rcu=rnp-lock,access_ns=25 -o "$runs"
is 'runs are added to what is there' "$(sql "$runs" 'SELECT count(*) FROM run')" 4
is 'with their parameters' "$(sql "$runs" "SELECT params ->> '\$.rcu', params ->> '\$.access_ns' FROM run WHERE id = 4")" 'rnp-lock|25'

is 'a run knows what made it' "$(sql "$runs" "SELECT count(*) FROM run WHERE bringup_version = '$("$BRINGUP" --version |
	cut -d' ' -f2)' AND core_source <> '' AND seed = 1 AND length(hash) = 16 AND command LIKE 'bringup replay %' AND
	capture_sha256 <> '' AND events > 0")" 4
is 'its intervals, waits, locks and CPUs are kept' "$(sql "$runs" "SELECT (SELECT count(*) > 100 FROM interval WHERE run = 2 AND
	end_ns > start_ns), (SELECT count(*) > 7 FROM wait WHERE run = 2 AND outcome = 'satisfied'), (SELECT sum(acquired) > 7 AND
	max(hold_max_ns) > 0 FROM lock WHERE run = 2), (SELECT count(*) FROM account WHERE run = 2 AND busy_ns > 0 AND switches > 0)")" '1|1|1|8'
run "$BRINGUP" replay --verify 2 -o "$runs"
is 'a stored run can be verified' "$status" 0
like 'and is the same' "$out" 'run 2 of core serial: the same again'
is 'it knows its capture by name, not where that lay' "$(sql "$runs" 'SELECT DISTINCT capture_name FROM run')" boot.db
mkdir "$TMP/moved" && cp "$runs" "$TMP/moved/"
run "$BRINGUP" replay --verify 2 -o "$TMP/moved/runs.db"
like 'where that is not found, the way out is said' "$status $err" '1 .*boot.db, which is neither beside .*; say where'
run "$BRINGUP" replay "$db" --verify 2 -o "$TMP/moved/runs.db"
is 'and it can be given' "$status" 0
run env -C "$TMP" "$BRINGUP" replay --verify 2 -o moved/runs.db
is 'or be in the current folder' "$status" 0
run "$BRINGUP" replay --verify 4 -o "$runs"
is 'one with parameters too' "$status" 0
run "$BRINGUP" replay "$db" --hotplug parallel --set machine.physical_cpus=2 --set machine.host_load=250 -o "$runs" --json
is 'a shared host is told' "$(jq -c '.runs[0] | [.machine, .recorded_machine | .physical_cpus, .host_load]' <<<"$out")" '[2,250,2,250]'
ok 'and the recorded boot comes out in its size class' test "$(jq '.runs[0] | .bringup_ns / .recorded_bringup_ns |
	. > 0.5 and . < 2' <<<"$out")" = true
run "$BRINGUP" replay --verify 5 -o "$runs"
is 'and a run on it can be verified' "$status" 0
run "$BRINGUP" replay "$db" --set machine.physical_cpus=none
is 'no number of physical CPUs is a usage error' "$status" 2
run "$BRINGUP" replay "$db" --set machine.fysical_cpus=2
like 'nor is there such a parameter, but one like it' "$status $err" "2 .*did you mean 'physical_cpus'"
sqlite3 "$runs" "UPDATE run SET hash = '0123456789abcdef' WHERE id = 2"
run "$BRINGUP" replay --verify 2 -o "$runs"
is 'one that differs is told apart' "$status" 1
like 'in words' "$out" 'DIFFERENT'
run "$BRINGUP" replay --verify 99 -o "$runs"
like 'a run that is none' "$status $err" '1 .*has no run 99'

run "$BRINGUP" replay "$db" --hotplug serial --runs 60 --seed 3 -j 2 --json
is 'many runs' "$(jq -r '.distributions[0] | .verdicts.ok.runs, (.bringup_ns.p5.ns <= .bringup_ns.p95.ns)' <<<"$out" | xargs)" '60 true'
first=$(jq -r '.distributions[0].hash' <<<"$out")
run "$BRINGUP" replay "$db" --hotplug serial --runs 60 --seed 3 -j 1 --json
is 'the number of workers does not matter' "$(jq -r '.distributions[0].hash' <<<"$out")" "$first"

like 'without a terminal nothing moves' "x$err" '^x$'
out=$(script -qec "'$BRINGUP' replay '$db' --hotplug serial --runs 60 --seed 3 -j 2" /dev/null </dev/null)
like 'on one a bar says how far it is, how fast, how long it will take' "$out" \
	$'\r''serial \[#{20}\] 60 of 60 runs, [0-9]+/s, 0 s left'

run "$BRINGUP" replay "$db" --hotplug nosuch
is 'an unknown core is a usage error' "$status" 2
like 'that names those that exist' "$err" 'notifier, parallel, parallel-full, .*, serial, split'
run "$BRINGUP" replay "$db" --hotplug parallel --params speed=9
is 'an unknown parameter is a usage error' "$status" 2
run "$BRINGUP" replay "$db" --cpus 1
is 'one CPU is a usage error' "$status" 2
run "$BRINGUP" replay "$TMP/missing.db"
is 'a missing file fails' "$status" 1
like 'and is named' "$err" 'missing.db: No such file'
run "$BRINGUP" replay "$runs"
is 'a database of runs is no capture' "$status" 1
like 'and that is said' "$err" 'is no capture database'
head -c 20000 "$db" >"$TMP/short.db"
run "$BRINGUP" replay "$TMP/short.db"
is 'a truncated database fails' "$status" 1
like 'and is said to be damaged' "$err" 'damaged'
cp "$db" "$TMP/newer.db"
sqlite3 "$TMP/newer.db" 'PRAGMA user_version = 99'
run "$BRINGUP" replay "$TMP/newer.db"
is 'a database of a newer version fails' "$status" 1
like 'and the way out is said' "$err" 'version 99 .* use a newer bringup'
echo 'not a database of runs, and precious' >"$TMP/precious"
run "$BRINGUP" replay "$db" -o "$TMP/precious"
is 'a file that is no database is not touched' "$status $(cat "$TMP/precious")" '1 not a database of runs, and precious'
run "$BRINGUP" replay "$db" -o "$TMP/no/such/folder.db"
is 'a missing folder fails' "$status" 1
if mkdir "$TMP/small" && mount -t tmpfs -o size=64k none "$TMP/small" 2>/dev/null; then
	run "$BRINGUP" replay "$db" -o "$TMP/small/full.db"
	is 'a full disk fails' "$status" 1
	like 'and says so' "$err" '[Ff]ull|No space'
	is 'and leaves nothing half-done' "$(sqlite3 "$TMP/small/full.db" 'SELECT count(*) FROM run' 2>/dev/null || echo 0)" 0
	umount "$TMP/small"
else
	ok 'a full disk fails # SKIP no right to mount' true
fi

# One of many runs, by itself: the same as it was among them.
run "$BRINGUP" replay "$db" --hotplug serial --runs 20 --seed 5 --json
lowest=$(jq '.distributions[0].bringup_ns.p5.ns' <<<"$out")
for k in $(seq 0 19); do
	"$BRINGUP" replay "$db" --hotplug serial --runs 20 --seed 5 --only "$k" --json | jq '.runs[0].bringup_ns'
done >"$TMP/single"
is 'the lowest of many runs is one of them' "$(sort -n "$TMP/single" | head -1)" "$lowest"
rm -f "$runs"
"$BRINGUP" replay "$db" --hotplug serial --runs 20 --seed 5 --only 7 -o "$runs" >/dev/null
run "$BRINGUP" replay --verify 1 -o "$runs"
is 'one of many can be stored and verified' "$status" 0
run "$BRINGUP" replay "$db" --only 3
is '--only wants --runs' "$status" 2

finish
