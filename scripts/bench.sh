#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
# bench.sh - what import and replay cost; `make bench` calls it.
#
# Import: synthetic traces of the same size with 8 and with 4096 CPUs. Beside the CPU time stands its ratio to the
# floor: the same rows inserted with bare prepared statements into the same tables, without reading, decoding,
# sorting, indexes or derived tables. CPU time rather than wall time, so that a shared machine can be compared with
# itself. Replay: wall time of recorded boots under all cores.
# The environment, set by `make bench`: SRC, B, BRINGUP. BENCH_EVENTS: events per trace (1500000).
set -eu
cd "$SRC"
events=${BENCH_EVENTS:-1500000}
tool=$B/tests/collector/tests/synth_test
make -s B="${B#"$SRC"/}" "${B#"$SRC"/}/tests/collector/tests/synth_test"
work=$(mktemp -d "${TMPDIR:-/tmp}/bringup-bench.XXXXXX")
trap 'rm -rf "$work"' EXIT

field() { sed -n "s/.*\b$1=\([0-9.]*\).*/\1/p" <<<"$2"; }

echo "Import"
printf '%8s %10s %8s %8s %10s %9s %8s\n' CPUs events wall-s CPU-s ns/event peak-MiB x-floor
declare -A ns_per_event
import() {	# CPUS EVENTS
	local made cost floor n cpu_s
	made=$("$tool" write "$work/t.dat" "$1" "$2")
	cost=$("$tool" measure "$BRINGUP" import "$work/t.dat" -o "$work/t.db" --force)
	floor=$("$tool" floor "$work/t.db" "$work/floor.db")
	n=$(field events "$made") cpu_s=$(field cpu_s "$cost")
	ns_per_event[$1,$2]=$(awk -v s="$cpu_s" -v n="$n" 'BEGIN { printf "%.0f", s * 1e9 / n }')
	printf '%8d %10d %8s %8s %10d %9d %8s\n' "$1" "$n" "$(field wall_s "$cost")" "$cpu_s" "${ns_per_event[$1,$2]}" \
		"$(field peak_mib "$cost")" \
		"$(awk -v a="$cpu_s" -v b="$(field floor_s "$floor")" 'BEGIN { printf "%.2f", a / b }')"
}
import 8 "$events"
import 4096 "$events"
import 4096 $((events * 2))
awk -v a="${ns_per_event[8,$events]}" -v b="${ns_per_event[4096,$events]}" -v c="${ns_per_event[4096,$((events * 2))]}" \
	'BEGIN { printf "An event at 4096 CPUs costs %.2f times one at 8; %.2f times in a trace twice as long.\n", b / a, c / a }'

for name in 6.1-smp64 6.12-smp64; do
	archive=datasets/boots/$name/capture.tar.xz
	[[ -e $archive ]] || continue
	mkdir -p "$work/$name"
	tar -C "$work/$name" -xJf "$archive"
	"$BRINGUP" import "$work/$name/trace.dat" --machine "$work/$name/machine" -o "$work/$name.db" >/dev/null
	for cpus in '' 4096; do
		cost=$("$tool" measure "$BRINGUP" replay "$work/$name.db" --hotplug recorded,serial,parallel \
			${cpus:+--cpus "$cpus"} -o "$work/runs.db") || true
		[[ -n ${replay_title:-} ]] || { replay_title=1 && echo && echo "Replay under recorded, serial and parallel"; }
		printf '%-14s %5s CPUs: %6s s wall, %4d MiB\n' "$name" "${cpus:-64}" "$(field wall_s "$cost")" \
			"$(field peak_mib "$cost")"
		rm -f "$work/runs.db"
	done
done

echo
scripts/bench_engine.sh
