#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
# bench.sh - what import and replay cost; `make bench` calls it.
#
# Import: synthetic traces of the same size with 8 and with 4096 CPUs, in CPU time rather than wall time, so that a
# shared machine can be compared with itself. "in": reading, decoding, ordering and writing every event, with its index;
# "finish": the derived tables, statistics, checksum. Both also as multiples of the floor: the same rows inserted with bare
# prepared statements into the same tables, one statement each, in the same run, with nothing read or derived.
# The pipeline is what one would do without a program: trace-cmd report, its text cut into columns by awk, sqlite3
# .import. CPU time and wall time, from the trace.dat to a finished database, though that one has no index.
# Replay: wall time of recorded boots under all cores.
# The environment, set by `make bench`: SRC, B, BRINGUP. BENCH_EVENTS: events per trace (1500000).
set -eu
cd "$SRC"
events=${BENCH_EVENTS:-1500000}
tool=$B/tests/collector/tests/synth_test
make -s B="${B#"$SRC"/}" "${B#"$SRC"/}/tests/collector/tests/synth_test"
work=$(mktemp -d "${TMPDIR:-/tmp}/bringup-bench.XXXXXX")
trap 'rm -rf "$work"' EXIT

field() { sed -n "s/.*\b$1=\([0-9.]*\).*/\1/p" <<<"$2"; }
ratio() { awk -v a="$1" -v b="$2" 'BEGIN { printf "%.2f", a / b }'; }

echo "Import"
printf '%6s %9s %7s %6s %6s %7s %7s | %7s %7s %7s %7s\n' CPUs events wall-s in-s finish floor-s ns/ev. \
	in/fl. all/fl. in-rate MiB
declare -A ns_per_event
import() {	# CPUS EVENTS BRINGUPS
	local made cost floor n cpu_s in_s floor_s
	made=$("$tool" write "$work/t.dat" "$1" "$2" bringups="$3")
	cost=$("$tool" measure "$BRINGUP" import "$work/t.dat" -o "$work/t.db" --force)
	# Once more for its own account; what is printed is of one and the same run, the process as a whole as seen here.
	in_s=$("$BRINGUP" import "$work/t.dat" -o "$work/t.db" --force --json |
		jq '.ingest_cpu_ns / (.ingest_cpu_ns + .finish_cpu_ns)') || [[ -n $in_s ]]
	floor=$("$tool" floor "$work/t.db" "$work/floor.db")
	n=$(field events "$made") cpu_s=$(field cpu_s "$cost") floor_s=$(field floor_s "$floor")
	in_s=$(awk -v s="$cpu_s" -v share="$in_s" 'BEGIN { printf "%.2f", s * share }')
	ns_per_event[$1,$2,$3]=$(awk -v s="$cpu_s" -v n="$n" 'BEGIN { printf "%.0f", s * 1e9 / n }')
	printf '%6d %9d %7s %6s %6s %7s %7d | %7s %7s %7s %7d\n' "$1" "$n" "$(field wall_s "$cost")" "$in_s" \
		"$(awk -v a="$cpu_s" -v b="$in_s" 'BEGIN { printf "%.2f", a - b }')" "$floor_s" "${ns_per_event[$1,$2,$3]}" \
		"$(ratio "$in_s" "$floor_s")" "$(ratio "$cpu_s" "$floor_s")" "$(ratio "$floor_s" "$in_s")" \
		"$(field peak_mib "$cost")"
}
# The same events in both sizes: 4095 bring-ups, of 7 CPUs over and over or of 4095 CPUs once. And 8 CPUs that come up
# once, as an ordinary capture has it: hotplug events cost more than others, whatever the number of CPUs.
import 8 "$events" 7
import 8 "$events" 4095
import 4096 "$events" 4095
import 4096 $((events * 2)) 4095
awk -v a="${ns_per_event[8,$events,4095]}" -v b="${ns_per_event[4096,$events,4095]}" -v o="${ns_per_event[8,$events,7]}" \
	-v c="${ns_per_event[4096,$((events * 2)),4095]}" 'BEGIN {
	printf "An event at 4096 CPUs costs %.2f times the same event at 8.\n", b / a
	printf "In a trace twice as long: %.2f times. Against 8 CPUs that come up once: %.2f times.\n", c / b, b / o }'
echo "in/fl., all/fl.: CPU time as a multiple of the floor's; in-rate: rows per second going in, of the floor's."

pipeline() {	# EVENTS - without topology, losses, symbols apart from text, or order across equal stamps
	local made ours theirs n
	made=$("$tool" write "$work/t.dat" 8 "$1" bringups=7)
	n=$(field events "$made")
	cat >"$work/pipeline" <<-END
		#!/bin/bash
		set -eo pipefail
		trace-cmd report "$work/t.dat" 2>/dev/null | awk 'NR > 1 {
			task = \$1; cpu = substr(\$2, 2, length(\$2) - 2); at = substr(\$3, 1, length(\$3) - 1)
			event = substr(\$4, 1, length(\$4) - 1); rest = \$0; sub(/^.*: +[a-z_]+: +/, "", rest)
			printf "%s|%d|%s|%s|%s\n", task, cpu, at, event, rest }' >"$work/rows"
		rm -f "$work/pipeline.db"
		sqlite3 "$work/pipeline.db" 'CREATE TABLE event (task TEXT, cpu INTEGER, at REAL, name TEXT, rest TEXT)' \
			".import $work/rows event"
	END
	chmod +x "$work/pipeline"
	theirs=$("$tool" measure "$work/pipeline")
	ours=$("$tool" measure "$BRINGUP" import "$work/t.dat" -o "$work/t.db" --force)
	[[ $(sqlite3 "$work/pipeline.db" 'SELECT count(*) FROM event') == "$n" ]] || echo "the pipeline lost rows" >&2
	printf 'Pipeline of trace-cmd report, awk, sqlite3 .import, %d events: %s s CPU, %s s wall; import %s s CPU, %s s wall.\n' \
		"$n" "$(field cpu_s "$theirs")" "$(field wall_s "$theirs")" "$(field cpu_s "$ours")" "$(field wall_s "$ours")"
	printf 'The import does it %s times as fast in CPU time, %s times in wall time.\n' \
		"$(ratio "$(field cpu_s "$theirs")" "$(field cpu_s "$ours")")" \
		"$(ratio "$(field wall_s "$theirs")" "$(field wall_s "$ours")")"
}
if command -v trace-cmd >/dev/null; then
	pipeline "$events"
else
	echo "trace-cmd is not here: no pipeline to compare with"
fi

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
echo "A million context switches under each page-table core, CPU time; ns per switch with 100 and with 10000 address spaces"
for core in $("$BRINGUP" cores | awk '$1 == "pgd" { print $2 }'); do
	params=()	# without it that core dies of the storm
	[[ $core != pgd-count ]] || params=(--params running=ipi)
	for mms in 100 10000; do
		cost=$("$tool" measure "$BRINGUP" replay --pgd "$core" "${params[@]}" --model "mms=$mms,switches=1000000,forks=10000")
		printf '%-14s %6d address spaces: %6s s, %5.0f ns each, %4d MiB\n' "$core" "$mms" "$(field cpu_s "$cost")" \
			"$(awk -v s="$(field cpu_s "$cost")" 'BEGIN { print s * 1e3 }')" "$(field peak_mib "$cost")"
	done
done

echo
scripts/bench_engine.sh
