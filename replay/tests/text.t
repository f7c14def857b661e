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
for id in 1 2 3 4 5; do
	run "$BRINGUP" replay --verify "$id" -o "$TMP/runs.db"
	like "run $id can be verified" "$status $out" '0 .*the same again'
done
is 'other CPUs are interrupted for each of three steps of three batches' "$(sqlite3 -readonly "$TMP/runs.db" "
	SELECT group_concat(interrupts) FROM account JOIN run ON run.id = run WHERE core = 'int3' AND cpu IN (1, 2)")" 9,9
is 'and the one that patches by a tick more where its interrupts are on' "$(sqlite3 -readonly "$TMP/runs.db" "SELECT
	(SELECT interrupts FROM account WHERE run = 1 AND cpu = 0) - (SELECT interrupts FROM account WHERE run = 2 AND cpu = 0)")" 1
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

# A boot of which every site was traced: what the tables of its kernel image count, the trace has.
for kernel in 6.1 6.12; do
	mkdir "$TMP/$kernel"
	tar -xJf "$SRC/datasets/boots/$kernel-text8/capture.tar.xz" -C "$TMP/$kernel"
	db=$TMP/$kernel.db
	"$BRINGUP" import "$TMP/$kernel/trace.dat" --machine "$TMP/$kernel/machine" -o "$db" >/dev/null
	replay "$db" --text irqs-on,irqs-off,per-site,stop-machine,int3 --json -o "$TMP/$kernel-runs.db"
	is "$kernel: five cores run over it" "$(get '[.runs[].metrics.unpatched.value] | add')" 0
	ok "$kernel: all of its sites are there" test "$(get .text.sites)" -gt 50000
	is "$kernel: as many ticks in the window as it is long" "$(get '.text | (.window_ns / .tick_period_ns - .ticks | fabs) < .ticks / 4')" true
	is "$kernel: each round of each batch serialised the other CPUs that were there" \
		"$(sqlite3 -readonly "$db" "SELECT count(*) % 3 FROM functions WHERE func = 'do_sync_core' AND caller = 'smp_call_function_many_cond'")" 0
	ok "$kernel: sites at risk are named" jq -e '[.text.at_risk[] | select(.tearable).site | startswith("raise_softirq+0x")] | any' <<<"$out"
	run "$BRINGUP" report "$TMP/$kernel-runs.db"
	like "$kernel: in the report too" "$out" 'at risk: raise_softirq'
	replay "$db" --text irqs-on --model batches=0 --params half_ns=2000 --runs 100 --json
	# shellcheck disable=SC2016 # they are variables of jq
	is "$kernel: the share that dies is that of the arithmetic" "$(get '.runs[0].metrics | .crash_share.value as $s |
		.expected_crash_probability.value as $p | ($s - $p | fabs) < 4 * ($p * (1 - $p) / 100 | sqrt)')" true
done
is '6.1 patches all of its paravirt sites' "$(sqlite3 -readonly "$TMP/6.1.db" "SELECT count(*) FROM functions WHERE func = 'text_poke_early' AND
	caller = 'apply_paravirt'")" "$(awk '$1 == "apply_paravirt" { print $3; exit }' "$TMP/6.1/machine/text_sites")"
is '6.12 seals all of its endbr' "$(sqlite3 -readonly "$TMP/6.12.db" "SELECT count(*) FROM functions WHERE func = 'text_poke_early' AND
	caller = 'apply_seal_endbr'")" "$(awk '$1 == "apply_seal_endbr" { print $3; exit }' "$TMP/6.12/machine/text_sites")"

tar -xJf "$SRC/datasets/boots/6.1-hotplug8/capture.tar.xz" -C "$TMP"
"$BRINGUP" import "$TMP/trace.dat" --machine "$TMP/machine" -o "$TMP/hotplug.db" >/dev/null
replay "$TMP/hotplug.db" --text per-site
is 'a capture without text patching is refused' "$status" 1
like 'with what to trace' "$err" 'alternative_instructions'

finish
