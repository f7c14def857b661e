#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
# bench.sh - what import, replay and the engine cost; `make bench` calls it.
#
# Import: scripts/bench_ingest.sh. Replay: wall time of recorded boots, CPU time of page-table cores. Engine:
# scripts/bench_engine.sh.
# The environment, set by `make bench`: SRC, B, BRINGUP. BENCH: only these parts, of "ingest replay ticks pgd engine".
set -eu
cd "$SRC"
tool=$B/tests/collector/tests/synth_test
make -s B="${B#"$SRC"/}" "${B#"$SRC"/}/tests/collector/tests/synth_test"

field() { sed -n "s/.*\b$1=\([0-9.]*\).*/\1/p" <<<"$2"; }

replay() {
	local work name archive cpus cost
	work=$(mktemp -d "${TMPDIR:-/tmp}/bringup-bench.XXXXXX")
	# shellcheck disable=SC2064  # the folder of now
	trap "rm -rf '$work'" EXIT
	echo "Replay under recorded, serial and parallel"
	for name in 6.1-smp64 6.12-smp64; do
		archive=datasets/boots/$name/capture.tar.xz
		[[ -e $archive ]] || continue
		mkdir -p "$work/$name"
		tar -C "$work/$name" -xJf "$archive"
		"$BRINGUP" import "$work/$name/trace.dat" --machine "$work/$name/machine" -o "$work/$name.db" >/dev/null
		for cpus in '' 4096; do
			cost=$("$tool" measure "$BRINGUP" replay "$work/$name.db" --hotplug recorded,serial,parallel \
				${cpus:+--cpus "$cpus"} -o "$work/runs.db") || true
			printf '%-14s %5s CPUs: %6s s wall, %4d MiB\n' "$name" "${cpus:-64}" \
				"$(field wall_s "$cost")" "$(field peak_mib "$cost")"
			rm -f "$work/runs.db"
		done
	done
}

pgd() {
	local core mms cost params
	echo "A million context switches under each page-table core, CPU time; ns per switch with 100 and with 10000 address spaces"
	for core in $("$BRINGUP" cores | awk '/^pgd / { print $2 }'); do
		params=()	# without it that core dies of the storm
		[[ $core != pgd-count ]] || params=(--params running=ipi)
		for mms in 100 10000; do
			cost=$("$tool" measure "$BRINGUP" replay --pgd "$core" "${params[@]}" \
				--model "mms=$mms,switches=1000000,forks=10000")
			printf '%-14s %6d address spaces: %6s s, %5.0f ns each, %4d MiB\n' "$core" "$mms" \
				"$(field cpu_s "$cost")" "$(awk -v s="$(field cpu_s "$cost")" 'BEGIN { print s * 1e3 }')" \
				"$(field peak_mib "$cost")"
		done
	done
}

# Ticks on all CPUs of a big machine after its clocksource switch: 2 of 30 s, or all of them with BENCH_TICKS_MS=30000.
ticks() {
	local ms=${BENCH_TICKS_MS:-2000} cost
	cost=$("$tool" measure "$BRINGUP" replay --clocksource stop-machine --cpus 4096 --model "hz=250,clock=tsc,run-ms=$ms")
	awk -v ms="$ms" -v s="$(field cpu_s "$cost")" -v mib="$(field peak_mib "$cost")" 'BEGIN {
		s *= 30000 / ms
		printf "4096 CPUs ticking at 250 Hz for 30 s%s: %.1f s of CPU time, at most 60: %s; %d MiB, at most 2048: %s\n",
			ms < 30000 ? sprintf(" (%g s simulated, the rest reckoned)", ms / 1000) : "", s,
			s <= 60 ? "met" : "MISSED", mib, mib <= 2048 ? "met" : "MISSED" }'
}

first=1
for part in ${BENCH:-ingest replay ticks pgd engine}; do
	((first)) || echo
	first=0
	case $part in
	ingest) scripts/bench_ingest.sh ;;
	replay) replay ;;
	ticks) ticks ;;
	pgd) pgd ;;
	engine) scripts/bench_engine.sh ;;
	*) echo "BENCH: there is no part '$part'; there are ingest, replay, ticks, pgd and engine" >&2; exit 2 ;;
	esac
done
