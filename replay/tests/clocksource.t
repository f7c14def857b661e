#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
# clocksource.t - `bringup replay --clocksource` as a user calls it: made-up machines, and a boot of which every read was traced.
. "${SRC:?run by make check}/scripts/tap.sh" || exit

replay() { run "$BRINGUP" replay "$@"; }
get() { jq -r "$1" <<<"$out"; }
runs=$TMP/runs.db
herd=hz=1000,read-ns=20000,line-ns=25000,run-ms=1500

replay --clocksource stop-machine,stop-machine+combining,latch --cpus 24 --model "$herd" --seed 3 -o "$runs"
is 'three cores run without a capture' "$status" 0
like 'the arithmetic stands beside them' "$out" '24 CPUs x 3 reads per tick x 1000 ticks per second x 20\.00 us = 1\.44'
is 'the runs are stored' "$(sqlite3 -readonly "$runs" "SELECT group_concat(core || ' ' || verdict) FROM run WHERE family = 'clocksource'")" \
	'stop-machine failed,stop-machine+combining ok,latch saturation'
for id in 1 2 3; do
	replay --verify "$id" -o "$runs"
	like "run $id can be verified" "$status $out" '0 .*the same again'
done
sqlite3 "$runs" "UPDATE run SET machine = json_set(machine, '\$.\"read-ns\"', 20001) WHERE id = 3"
replay --verify 3 -o "$runs"
like 'one of another machine is told apart' "$status $out" '1 .*DIFFERENT'

replay --clocksource stop-machine --cpus 16 --model "$herd" --runs 40 -j 2 --json
first=$(get '.distributions[0].verdicts | .ok.first, .failed.first | values' | sort -n | tail -1)
is 'the phases of ticks decide what becomes of a boot' "$(get '.distributions[0].verdicts | .ok.runs > 0 and .failed.runs > 10')" true
hash=$(get '.distributions[0].hash')
replay --clocksource stop-machine --cpus 16 --model "$herd" --runs 40 --json
is 'the number of workers does not matter' "$(get '.distributions[0].hash')" "$hash"
verdict=$(get ".distributions[0].verdicts | to_entries[] | select(.value.first == $first).key")
replay --clocksource stop-machine --cpus 16 --model "$herd" --runs 40 --only "$first" --json
is 'one of many runs can be looked at by itself' "$(get '.runs[0].verdict')" "$verdict"

for core in stop-machine seq-only latch deferred; do
	ok "$core keeps the contract" "$BRINGUP" core-check --family clocksource "$core"
done
replay --clocksource stop-machine+nosuch --cpus 4
is 'a reader that there is not is refused' "$status" 2
like 'with those that there are' "$err" 'plain.combining.per-node.coarse'
replay --clocksource stop-machine --cpus 4 --params stagger-ns=5
like 'so is a parameter of another core' "$status $err" '2 .*stagger-ns'

tar -xJf "$SRC/datasets/boots/6.1-smp8-clock/capture.tar.xz" -C "$TMP"
"$BRINGUP" import "$TMP/trace.dat" --machine "$TMP/machine" -o "$TMP/boot.db" >/dev/null
replay "$TMP/boot.db" --clocksource stop-machine --json -o "$runs"
is 'retries come out within a factor of 1.5' \
	"$(get '[.recording.retry_share, .runs[0].metrics.retry_share.value] | .[1] / .[0] | . > 1 / 1.5 and . < 1.5')" true
replay --verify 4 -o "$runs"
like 'a run of a capture can be verified' "$status $out" '0 .*the same again'
replay "$TMP/boot.db" --clocksource stop-machine --cpus 16
like 'a capture has as many CPUs as it has' "$status $err" '2 .*has 8 CPUs'
replay "$TMP/boot.db" --clocksource stop-machine --runs 20 --json
is 'boots that might have been differ' "$(get '.distributions[0] | .bringup_ns | .p5.ns < .p95.ns')" true

finish
