#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
# pgd.t - `bringup replay --pgd` as a user calls it: made-up storms, events written one by one, which core is exposed to what.
. "${SRC:?run by make check}/scripts/tap.sh" || exit

replay() { run "$BRINGUP" replay "$@"; }
get() { jq -r "$1" <<<"$out"; }
runs=$TMP/runs.db

replay --pgd all --params running=ipi --model cpus=4,mms=50,switches=10000,entries=4,forks=500 -o "$runs"
is 'six cores run without a capture' "$status" 0
like 'what is made up says so' "$out" 'synthetic'
is 'the runs are stored' "$(sqlite3 -readonly "$runs" "SELECT group_concat(core || ' ' || verdict) FROM run WHERE family = 'pgd'")" \
	'eager-walk ok,lazy-fault ok,percpu-seq ok,pgd-count ok,prealloc ok,sync-mappings ok'
run "$BRINGUP" plot pgd "$runs" -o "$TMP/pgd.svg"
is 'what they cost is drawn' "$status" 0
like 'and called synthetic there too' "$(cat "$TMP/pgd.svg")" 'new entries are synthetic'
replay --pgd lazy-fault --events "$SRC/datasets/scenarios/pgd-nmi/events" -o "$runs"
like 'a crash names who, where and in what' "$out" 'page fault in an NMI.*perf_event_nmi_handler'
for id in 1 3 7; do
	replay --verify "$id" -o "$runs"
	like "run $id can be verified" "$status $out" '0 .*the same again'
done
cp "$SRC/datasets/scenarios/pgd-nmi/events" "$TMP/events"
replay --pgd lazy-fault --events "$TMP/events" -o "$runs"
echo 'at 900us cpu 0 switch A' >>"$TMP/events"
replay --verify 8 -o "$runs"
like 'one of other events is refused' "$status $err" '1 .*holds other events'

replay --pgd all --params pgd=current --events "$SRC/datasets/scenarios" --json
is 'which core hangs or crashes in which interleaving is found by running' \
	"$(get '[.[] | .events + ":" + ([.verdicts | to_entries[] | select(.value.verdict != "ok").key] | join(","))] | join(" ")')" \
	"$(tr '\n' ' ' <<-END | sed 's/ $//'
	pgd-early-use:eager-walk,lazy-fault,percpu-seq,prealloc,sync-mappings
	pgd-fork-race:
	pgd-lazy-mmu:lazy-fault
	pgd-never-schedules:percpu-seq,pgd-count
	pgd-never-schedules-per-task:percpu-seq
	pgd-nmi:lazy-fault
	pgd-prev-is-next:
	pgd-stale-entry:eager-walk,lazy-fault,pgd-count
	pgd-stale-tlb:eager-walk,lazy-fault,pgd-count
	pgd-sync-race:eager-walk,pgd-count,sync-mappings
	pgd-syscall-entry:lazy-fault
	pgd-syscall-entry-inherited:
	pgd-trace-recursion:lazy-fault
	pgd-vmap-stack:lazy-fault,percpu-seq
	pgd-vmap-stack-ran-before:lazy-fault
	pgd-wrong-pgd:lazy-fault,percpu-seq
	pgd-wrong-pgd-ran-before:lazy-fault
	END
	)"

# Drawn times: the race of a walk with another mapping is lost now and then.
replay --pgd sync-mappings,prealloc --events "$SRC/datasets/scenarios/pgd-sync-race/events" --runs 200 --json
is 'many runs find what a fixed order shows' "$(get '.runs | (.[0].verdicts.crash.runs > 5) and (.[0].verdicts.ok.runs > 5) and (.[1].verdicts.ok.runs == 200)')" true
first=$(get '.runs[0].verdicts.crash.first')
replay --pgd sync-mappings --events "$SRC/datasets/scenarios/pgd-sync-race/events" --runs 200 --only "$first" --json
is 'and one of them can be looked at by itself' "$(get '.runs[0].verdict')" crash

for core in lazy-fault eager-walk sync-mappings percpu-seq pgd-count prealloc; do
	ok "$core keeps the contract" "$BRINGUP" core-check --family pgd "$core"
done
# Real storms of forks: all that the trace has is played, under each core; of 64 bits no kernel has new entries, so they are made up.
for name in 6.1-686-pgd4 6.1-686-pae-pgd4 6.1-pgd4 6.12-pgd4; do
	mkdir "$TMP/$name"
	tar -xJf "$SRC/datasets/boots/$name/capture.tar.xz" -C "$TMP/$name"
	db=$TMP/$name.db
	"$BRINGUP" import "$TMP/$name/trace.txt" --machine "$TMP/$name/machine" -o "$db" >/dev/null
	shift=()
	[[ $name == *686* ]] || shift=(--slot-shift 21)
	replay "$db" --pgd all "${shift[@]}" --params vmalloc_fault=1,running=ipi --json -o "$TMP/$name-runs.db"
	# 6.12: two map behind one entry of 2 MiB at the same time, and one uses its memory while the other still walks (I5).
	raced=()
	[[ $name != 6.12* ]] || raced=(eager-walk sync-mappings)
	is "$name: cores come to a good end but for those that lose a race" "$(get '[.runs[] | select(.verdict != "ok").core] | join(" ")')" \
		"${raced[*]:0:1}"
	is "$name: page tables made and ended, switches and faults are the trace's" \
		"$(get '[.runs[] | select(.verdict == "ok").metrics | [.forks, .exits, .switches, .other_faults] | map(.value) | join(" ")] | unique[]')" \
		"$(sqlite3 -readonly -separator ' ' "$db" "SELECT (SELECT count(*) FROM functions WHERE func = 'pgd_alloc'),
			(SELECT count(*) FROM functions WHERE func = 'pgd_free'), (SELECT count(*) FROM ev_sched_switch),
			(SELECT count(*) FROM page_faults) - $(get .pgd.recorded_vmalloc_faults)")"
	is "$name: faults of lazy-fault are first touches, others have none but for that race" \
		"$(get '[.runs[] | select(.metrics.faults.value > 0).core] | sort | join(" ")')" \
		"$(printf '%s\n' lazy-fault "${raced[@]}" | sort | xargs)"
	is "$name: and there one" "$(get '[.runs[] | select(.core != "lazy-fault").metrics.faults.value] | max')" $((${#raced[@]} > 0))
	replay --verify 2 -o "$TMP/$name-runs.db"
	like "$name: a run can be verified" "$status $out" 'the same again'
done
is 'entries of 64 bits are called synthetic' "$("$BRINGUP" replay "$TMP/6.12-pgd4.db" --pgd prealloc --slot-shift 21 | grep -c synthetic)" 1

replay --pgd all
is 'nothing to replay is refused' "$status" 2
replay --pgd lazy-fault --model cpus=4,nonsense=1
like 'a figure that there is not is refused with those that there are' "$err" 'forks'
replay --pgd lazy-fault --events "$TMP/none"
is 'a file that there is not is refused' "$status" 1

finish
