#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
# bench_ingest.sh - what an import costs, against what else there is, and by the number of CPUs; scripts/bench.sh calls it.
#
# Synthetic traces (collector/tests/synth.h). An import is the whole program, with sync and rename; its share "in" is reading,
# decoding, ordering and writing every event, with its index; "finish" the derived tables, statistics, checksum.
# Floor: the same rows inserted with bare prepared statements into the same tables, one statement each, in the same run, with
# nothing read or derived. Pipeline: what one would do without a program: trace-cmd report, its text cut into columns by awk,
# sqlite3 .import, without topology, losses, symbols apart from text, index, or order across equal stamps.
# CPU time, rather than wall time, so that a shared machine can be compared with itself; the least of three runs where
# nothing else is said, because what others do only ever adds.
# The environment: as bench.sh. BENCH_EVENTS: events per trace (1500000).
set -eu
events=${BENCH_EVENTS:-1500000}
tool=$B/tests/collector/tests/synth_test
work=$(mktemp -d "${TMPDIR:-/tmp}/bringup-bench.XXXXXX")
trap 'rm -rf "$work"' EXIT

field() { sed -n "s/.*\b$1=\([0-9.]*\).*/\1/p" <<<"$2"; }
ratio() { awk -v a="$1" -v b="$2" 'BEGIN { printf "%.2f", a / b }'; }
least() { sort -n | head -n 1; }
make_trace() { n=$(field events "$("$tool" write "$work/t.dat" "$@")"); }
import() { "$tool" measure "$BRINGUP" import "$work/t.dat" -o "$work/t.db" --force; }

# ---- against bare inserts

echo "Import"
printf '%-24s %9s %6s %6s %7s %7s | %7s %7s %7s %5s\n' trace events in-s finish floor-s ns/ev. in/fl. all/fl. in-rate MiB
against_floor() {	# NAME SYNTH-ARGUMENTS...
	local cost cpu_s share in_s floor_s
	make_trace "${@:2}"
	cost=$(import)
	# Once more for its own account; what is printed is of one and the same run, the process as a whole as seen here.
	share=$("$BRINGUP" import "$work/t.dat" -o "$work/t.db" --force --json |
		jq '.ingest_cpu_ns / (.ingest_cpu_ns + .finish_cpu_ns)') || [[ -n $share ]]
	floor_s=$(field floor_s "$("$tool" floor "$work/t.db" "$work/floor.db")")
	cpu_s=$(field cpu_s "$cost")
	in_s=$(awk -v s="$cpu_s" -v share="$share" 'BEGIN { printf "%.2f", s * share }')
	printf '%-24s %9d %6s %6s %7s %7.0f | %7s %7s %7s %5d\n' "$1" "$n" "$in_s" \
		"$(awk -v a="$cpu_s" -v b="$in_s" 'BEGIN { printf "%.2f", a - b }')" "$floor_s" \
		"$(awk -v s="$cpu_s" -v n="$n" 'BEGIN { print s * 1e9 / n }')" "$(ratio "$in_s" "$floor_s")" \
		"$(ratio "$cpu_s" "$floor_s")" "$(ratio "$floor_s" "$in_s")" "$(field peak_mib "$cost")"
}
ups=$((events / 62))	# 62 events for each bring-up
against_floor "plain, 8 CPUs" 8 "$events" bringups=7
against_floor "plain, 4096 CPUs" 4096 "$events" bringups=7
against_floor "hotplug-heavy, 8 CPUs" 8 0 bringups="$ups"
against_floor "a boot of 4096 CPUs" 4096 "$events"
echo "in/fl., all/fl.: CPU time as a multiple of the floor's; in-rate: rows per second going in, of the floor's (wanted: 0.6)."

# ---- against the pipeline

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
against_pipeline() {	# NAME SYNTH-ARGUMENTS...
	local theirs ours="" cpu_s wall_s
	make_trace "${@:2}"
	theirs=$("$tool" measure "$work/pipeline")
	[[ $(sqlite3 "$work/pipeline.db" 'SELECT count(*) FROM event') == "$n" ]] || echo "the pipeline lost rows" >&2
	for _ in 1 2 3; do ours+=$(import)$'\n'; done
	cpu_s=$(field cpu_s "$ours" | least) wall_s=$(field wall_s "$ours" | least)
	printf 'Pipeline, %s: %s s CPU, %s s wall; import %s and %s: %s times as fast in CPU time, %s in wall time.\n' "$1" \
		"$(field cpu_s "$theirs")" "$(field wall_s "$theirs")" "$cpu_s" "$wall_s" \
		"$(ratio "$(field cpu_s "$theirs")" "$cpu_s")" "$(ratio "$(field wall_s "$theirs")" "$wall_s")"
}
if command -v trace-cmd >/dev/null; then
	against_pipeline "plain, 8 CPUs" 8 "$events" bringups=7
	against_pipeline "plain, 4096 CPUs" 4096 "$events" bringups=7
	against_pipeline "hotplug-heavy, 8 CPUs" 8 0 bringups="$ups"
	echo "(wanted: 10 times)"
else
	echo "trace-cmd is not here: no pipeline to compare with"
fi

# ---- by the number of CPUs: the same events, spread over more of them

# What a CPU costs, whatever it did, is told from what an event costs by two traces with four times as many events in one.
by_cpus() {	# NAME EVENTS BRINGUPS
	local cpus s few n_few first=""
	printf 'Cost by CPUs, %s:\n' "$1"
	for cpus in 4 64 512 4096; do
		make_trace "$cpus" "$2" bringups="$3"
		n_few=$n
		few=$(for _ in 1 2 3; do field cpu_s "$(import)"; done | least)
		make_trace "$cpus" $((4 * $2)) bringups=$((4 * $3))
		s=$(for _ in 1 2 3; do field cpu_s "$(import)"; done | least)
		first=${first:-$(awk -v s="$s" -v few="$few" -v n="$n" -v n_few="$n_few" 'BEGIN { print (s - few) / (n - n_few) }')}
		awk -v cpus="$cpus" -v s="$s" -v few="$few" -v n="$n" -v n_few="$n_few" -v first="$first" 'BEGIN {
			each = (s - few) / (n - n_few)
			printf "%6d: %4.0f ns an event (%.2f), %5.1f ms whatever their number; all %4.0f ns an event of %d\n", cpus, each * 1e9,
			       each / first, (few - each * n_few) * 1e3, s * 1e9 / n, n }'
	done
}
printf 'Memory alone, an event of another CPU each time:'
for cpus in 4 64 512 4096; do
	printf '  %d: %s ns' "$cpus" "$(field ns "$("$tool" lines "$cpus" $((10 * events)))")"
done
echo
by_cpus plain "$events" 3
by_cpus hotplug-heavy 0 "$ups"
