#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
# hang.t - `bringup replay --hang` as a user calls it: each hang that the kernel had is there as it was, gone where it was mended.
# quick
. "${SRC:?run by make check}/scripts/tap.sh" || exit

runs=$TMP/runs.db
run "$BRINGUP" replay --hang all -o "$runs"
is 'all run without a capture' "$status" 0
like 'a witness says who waits for whom' "$out" 'kernel_init -> lock mutex of a notifier -> expedites'
mapfile -t cores < <(sqlite3 -readonly "$runs" "SELECT DISTINCT core FROM run WHERE family = 'hang'")
is 'as they were all hang' "$(sqlite3 -readonly "$runs" "SELECT count(*) FROM run WHERE params ->> 'mended' = 0 AND verdict != 'ok'")" "${#cores[@]}"
is 'mended none does' "$(sqlite3 -readonly "$runs" "SELECT count(*) FROM run WHERE params ->> 'mended' = 1 AND verdict = 'ok'")" "${#cores[@]}"
for id in 1 2; do
	run "$BRINGUP" replay --verify "$id" -o "$runs"
	like "run $id is the same again" "$out" 'the same again'
done
# 0 to 50 us: before stopper->enabled is cleared early; to 100 us: before it was cleared late; from then on both refuse it.
for case in '25000 lost wakeup' '75000 lost wakeup' '150000 ok'; do
	run "$BRINGUP" replay --hang stopper-park --params "queued_ns=${case%% *}"
	like "a work queued after ${case%% *} ns" "$out" "stopper-park +233e7f267e58 \\(v4.4\\) +${case#* } +ok"
done
run "$BRINGUP" replay --hang all --cpus 4
is 'too few CPUs are refused' "$status" 2
run "$BRINGUP" replay --hang all --runs 10
is 'nothing is drawn, so there are no many runs' "$status" 2
for core in "${cores[@]}"; do
	ok "$core keeps the contract" "$BRINGUP" core-check --family hang "$core"
done
mapfile -t scenarios < <(cd "$SRC/datasets/scenarios" && printf '%s\n' hang-*)
run "$SRC/scripts/scenarios.sh" "${scenarios[@]}"
like 'verdicts and witnesses are those expected' "$out" 'all as expected'
finish
