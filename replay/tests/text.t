#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
# text.t - `bringup replay --text` as a user calls it: made-up boots, and boots of which every patched site was traced.
. "${SRC:?run by make check}/scripts/tap.sh" || exit

replay() { run "$BRINGUP" replay "$@"; }
get() { jq -r "$1" <<<"$out"; }

replay --text irqs-on,irqs-off,per-site,stop-machine,int3 --model sites=60000,site_ns=150,hz=250,risk=600,cpus=4,batches=3 -o "$TMP/runs.db"
is 'five cores run without a capture' "$status" 0
like 'the arithmetic stands beside them' "$out" 'a window of 9\.00 ms is 2\.25 ticks of 4\.00 ms'
is 'the runs are stored' "$(sqlite3 -readonly "$TMP/runs.db" "SELECT group_concat(core || ' ' || verdict) FROM run WHERE family = 'text'")" \
	'irqs-on ok,irqs-off ok,per-site ok,stop-machine ok,int3 ok'
replay --text per-site --model sites=-1
is 'a figure out of range is refused' "$status" 2
replay --text per-site --model nonsense=1
like 'and an unknown one, with those that there are' "$err" 'lead_in_ns'
replay --text nonsense
like 'a core that there is not is refused, with those that there are' "$err" 'text core.*irqs-on'

replay --text irqs-on --model sites=2000,site_ns=1000,hz=1000,risk=2000 --params half_ns=500 --runs 60 --json
n=$(get '.runs[0].verdicts.crash.first')
replay --text irqs-on --model sites=2000,site_ns=1000,hz=1000,risk=2000 --params half_ns=500 --runs 60 --only "$n" --json
is 'one of many runs can be looked at by itself' "$(get '.runs[0].verdict')" crash
like 'and names the site and the interrupt that hit it' "$(get '.runs[0].verdict_detail')" 'half-patched instruction at timer interrupt.*timer_interrupt'

for core in irqs-on irqs-off per-site stop-machine int3; do
	ok "$core keeps the contract" "$BRINGUP" core-check --family text "$core"
done
run "$BRINGUP" core-check --family nonsense int3
is 'a family that there is not is refused' "$status" 2

tar -xJf "$SRC/datasets/boots/6.1-hotplug8/capture.tar.xz" -C "$TMP"
"$BRINGUP" import "$TMP/trace.dat" --machine "$TMP/machine" -o "$TMP/hotplug.db" >/dev/null
replay "$TMP/hotplug.db" --text per-site
is 'a capture without text patching is refused' "$status" 1
like 'with what to trace' "$err" 'alternative_instructions'

finish
