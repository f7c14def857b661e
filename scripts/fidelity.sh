#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
# fidelity.sh - how far replays are from real boots, in one table, measured now. docs/methods.md says how each figure is made.
#
# Usage: fidelity.sh [--quick]     --quick: a part of it that takes seconds
# Needs BRINGUP (the program) and B (a folder for databases); `make fidelity` sets both.
# Exit: 0 when every figure is within its limit or datasets/fidelity-reasons.tsv says why not, 1 else, 2 usage.
set -euo pipefail

: "${BRINGUP:?the bringup program}" "${B:?a build folder}"
src=$(cd "$(dirname "$0")/.." && pwd)
boots=$src/datasets/boots
reasons=$src/datasets/fidelity-reasons.tsv
out=$B/fidelity
quick=0 missed=0 rows=0 excused=()
declare -A predicted_of measured	# seconds of the pair at hand, by algorithm
case ${1:-} in
'') ;;
--quick) quick=1 ;;
*) echo "Usage: fidelity.sh [--quick]" >&2; exit 2 ;;
esac
mkdir -p "$out"

sql() { sqlite3 -readonly -separator $'\t' "$@"; }

# Unpacks and imports a dataset once; prints the database's path.
database() {
	local name=$1 dir=$out/$1 db=$out/$1.db archive=$boots/$1/capture.tar.xz
	if [ ! -f "$db" ] || [ "$archive" -nt "$db" ] || [ "$BRINGUP" -nt "$db" ]; then
		rm -rf "$dir" "$db"
		mkdir -p "$dir"
		tar -xJf "$archive" -C "$dir"
		"$BRINGUP" import "$dir/trace.dat" --machine "$dir/machine" --force -o "$db" >/dev/null
		rm -rf "$dir"
	fi
	echo "$db"
}

# row KIND CASE CORE REAL PREDICTED SPREAD LIMIT WORST-PHASE PHASE-LIMIT CPU-MEDIAN CPU-P95 - a line of the table. REAL and
# PREDICTED in seconds; all others in percent, '-' for what there is not.
row() {
	local kind=$1 case=$2 core=$3 error mark reason
	rows=$((rows + 1))
	error=$(awk -v r="$4" -v p="$5" 'BEGIN { printf "%+.2f", 100 * (p - r) / r }')
	mark=ok
	if awk -v e="$error" -v l="$7" -v p="${8#*:}" -v pl="$9" \
		'function abs(x) { return x < 0 ? -x : x } BEGIN { exit !(abs(e) > l || (pl != "-" && p != "-" && abs(p) > pl)) }'; then
		reason=$(awk -F'\t' -v k="$kind" -v c="$case" -v o="$core" '!/^#/ && $1 == k && $2 == c && $3 == o { print $4 }' "$reasons")
		if [ -n "$reason" ]; then
			excused+=("$case, $core: $reason")
			mark="beyond, see [${#excused[@]}]"
		else
			mark=MISSED missed=1
		fi
	fi
	printf '%-8s %-33s %-13s %9.4f %9.4f %+8.2f %6s %6.1f %-16s %6s %6s  %s\n' "$kind" "$case" "$core" "$4" "$5" "$error" "$6" "$7" \
		"$8" "${10}" "${11}" "$mark"
}

# The phase that is furthest from the recording, 'name:percent', of those that take at least a hundredth of the bring-up, between
# marks that both the recording and the run have, summed over the CPUs. Then the errors of the CPUs' instants, median and p95.
details() {
	sql "$1" "
	WITH pair AS (SELECT a.cpu, a.prepare_ns AS p, a.kick_ns AS k, a.alive_ns AS l, a.release_ns AS r, a.idle_ns AS i, a.online_ns AS o,
		b.prepare_ns AS p2, b.kick_ns AS k2, b.alive_ns AS l2, b.release_ns AS r2, b.idle_ns AS i2, b.online_ns AS o2
		FROM run_cpu a JOIN run_cpu b USING (cpu) WHERE a.run = 1 AND b.run = 2),
	phase AS (SELECT 'prepare' AS name, k - p AS real, k2 - p2 AS model FROM pair
		UNION ALL SELECT 'kick-alive', l - k, l2 - k2 FROM pair UNION ALL SELECT 'parked', r - l, r2 - l2 FROM pair
		UNION ALL SELECT 'starting', i - r, i2 - r2 FROM pair UNION ALL SELECT 'kick-idle', i - k, i2 - k2 FROM pair
		UNION ALL SELECT 'online', o - i, o2 - i2 FROM pair),
	e AS (SELECT name, 100.0 * (sum(model) - sum(real)) / sum(real) AS pct FROM phase WHERE real IS NOT NULL AND model IS NOT NULL
		GROUP BY name HAVING sum(real) > (SELECT bringup_ns FROM run WHERE id = 1) / 100),
	c AS (SELECT 100.0 * abs(o2 - o) / (SELECT bringup_ns FROM run WHERE id = 1) AS pct, row_number() OVER (ORDER BY abs(o2 - o)) AS nr,
		count(*) OVER () AS n FROM pair WHERE o2 IS NOT NULL AND o IS NOT NULL)
	SELECT coalesce((SELECT printf('%s:%+.1f', name, pct) FROM e ORDER BY abs(pct) DESC LIMIT 1), '-'),
	       (SELECT printf('%.2f', pct) FROM c WHERE nr = (n + 1) / 2), (SELECT printf('%.2f', pct) FROM c WHERE nr = (n * 95 + 99) / 100)"
}

# ---- a recording, predicted from itself by the core of its kernel

# runtime NAME DATABASE RUNS - operations of a running system: phases are their directions, instants their ends.
runtime() {
	local real predicted phase median p95
	"$BRINGUP" replay "$2" --hotplug percpu-rwsem -o "$3" >/dev/null
	IFS=$'\t' read -r real predicted phase median p95 < <(sql "$3" "
	WITH d AS (SELECT direction AS name, 100.0 * (sum(end_ns - start_ns) - sum(recorded_end_ns - recorded_start_ns)) /
			sum(recorded_end_ns - recorded_start_ns) AS pct FROM run_op GROUP BY 1),
	c AS (SELECT 100.0 * abs(end_ns - recorded_end_ns) / recorded_bringup_ns AS pct,
		row_number() OVER (ORDER BY abs(end_ns - recorded_end_ns)) AS nr, count(*) OVER () AS n FROM run_op, run)
	SELECT recorded_bringup_ns / 1e9, bringup_ns / 1e9, (SELECT printf('%s:%+.1f', name, pct) FROM d ORDER BY abs(pct) DESC LIMIT 1),
	       (SELECT printf('%.2f', pct) FROM c WHERE nr = (n + 1) / 2), (SELECT printf('%.2f', pct) FROM c WHERE nr = (n * 95 + 99) / 100)
	FROM run")
	row own "$1" percpu-rwsem "$real" "$predicted" - 2 "$phase" 5 "$median" "$p95"
}

own() {
	local name=$1 db runs=$out/$1.runs.db algorithm real predicted phase median p95 differ
	db=$(database "$name")
	algorithm=$(sql "$db" "SELECT algorithm FROM bringup")
	rm -f "$runs"
	if [ "$algorithm" = runtime ]; then
		runtime "$name" "$db" "$runs"
		return
	fi
	"$BRINGUP" replay "$db" --hotplug "recorded,$algorithm" -o "$runs" >/dev/null
	differ=$(sql "$runs" "SELECT count(*) FROM interval WHERE run = 1 AND (start_ns IS NOT recorded_start_ns OR end_ns IS NOT recorded_end_ns)")
	[ "$differ" = 0 ] || { echo "MISSED: the control differs from the recording $name in $differ intervals"; missed=1; }
	IFS=$'\t' read -r real predicted < <(sql "$runs" "SELECT recorded_bringup_ns / 1e9, bringup_ns / 1e9 FROM run WHERE id = 2")
	if [ -z "$predicted" ]; then
		sql "$runs" "SELECT printf('own      %-33s a CPU did not come up, replayed: %s', '$name', verdict) FROM run WHERE id = 2"
		return
	fi
	IFS=$'\t' read -r phase median p95 < <(details "$runs")
	row own "$name" "$algorithm" "$real" "$predicted" - 2 "$phase" 5 "$median" "$p95"
}

# ---- a boot, predicted from the recording of another

# repeats KERNEL CPUS serial|parallel - of the repeated boots, percent: the spread (max - min over the median), and the limit of a
# prediction's total, which is 10 if that is more
repeats() {
	awk -F'\t' -v k="$1" -v n="$2" -v p="$([ "$3" = serial ]; echo $?)" '!/^#/ && $1 == k && $2 == n && $3 == p { print $5 }' \
		"$boots/pairs.tsv" | sort -g |
		awk '{ v[NR] = $1 } END { s = 100 * (v[NR] - v[1]) / v[int(NR / 2) + 1]; printf "%.1f\t%.1f\n", s, (s > 10 ? s : 10) }'
}

# against TARGET FROM CORE [OPTIONS...] - the boot TARGET and what the core makes of the recording FROM: seconds of both, the worst
# phase, median and p95 of the CPUs, as row() has them.
against() {
	local target=$1 from=$2 core=$3 runs=$out/against.db
	shift 3
	rm -f "$runs"
	"$BRINGUP" replay "$(database "$target")" --hotplug recorded -o "$runs" >/dev/null
	"$BRINGUP" replay "$(database "$from")" --hotplug "$core" --machine "$src/datasets/machines/lab.machine" "$@" -o "$runs" >/dev/null
	printf '%s\t%s\n' "$(sql "$runs" "SELECT group_concat(bringup_ns / 1e9, char(9)) FROM (SELECT * FROM run ORDER BY id)")" \
		"$(details "$runs")"
}

# What others took of the host's CPUs while this boot was recorded, permille.
load_of() {
	jq '[.host.busy_elsewhere_s / .result.wall_s / .host.cpus * 1000 | round, 950] | min' "$boots/$1/provenance.json"
}

# pair KIND CPUS FROM TO - one of the pair from the other (cross), or from itself: what was taken out as the share of others has to
# come back (shared). The boot of the pair is the median one of its configuration.
pair() {
	local kind=$1 n=$2 from=$3 to=$4 algorithm=$4 what real predicted spread limit phase median p95
	[ "$to" != serial ] || algorithm='split'
	what="6.12, $n CPUs, from $from"
	[ "$kind" = cross ] || what="6.12, $n CPUs, its own host"
	IFS=$'\t' read -r spread limit < <(repeats 6.12 "$n" "$to")
	IFS=$'\t' read -r real predicted phase median p95 < <(against "6.12-pair$n-$to" "6.12-pair$n-$from" "$algorithm")
	if [ "$kind" = cross ]; then
		predicted_of[$to]=$predicted measured[$to]=$real
	fi
	row "$kind" "$what" "$algorithm" "$real" "$predicted" "$spread" "$limit" "$phase" - "$median" "$p95"
}

# Which algorithm is faster, and in which class of size: the predicted ratio within a factor of two of the real one.
direction() {
	awk -v n="$1" -v ms="${measured[serial]}" -v mp="${measured[parallel]}" -v ps="${predicted_of[serial]}" \
		-v pp="${predicted_of[parallel]}" 'BEGIN {
		split("serial parallel", from); m = mp / ms; a = pp / ms; b = mp / ps
		ok = (a > 1) == (m > 1) && (b > 1) == (m > 1) && a / m < 2 && m / a < 2 && b / m < 2 && m / b < 2
		printf "          parallel takes %.1f times as long; predicted from serial %.1f, from parallel %.1f%s\n", m, a, b,
			ok ? "" : "  MISSED: direction or size class"
		exit !ok }' || missed=1
}

# 6.1 and 6.12 have other steps; what both have in common are the algorithm's phases.
versions() {
	local from=$1 to=$2 algorithm=$3 real predicted spread limit phase median p95
	IFS=$'\t' read -r spread limit < <(repeats "${to%%-*}" 64 "$algorithm")
	IFS=$'\t' read -r real predicted phase median p95 < <(against "$to" "$from" "$algorithm" \
		--set "machine.host_load=$(load_of "$to")" --set "recorded.host_load=$(load_of "$from")")
	row versions "$from to $to" "$algorithm" "$real" "$predicted" "$spread" "$limit" "$phase" - "$median" "$p95"
}

# ---- published tables: machines that were described, not recorded

# Durations of cpu_up() by CPU and pass: up to the end of its kick, from there to online; siblings come in a second round.
published_sql="
	WITH r AS (SELECT max(id) AS id, max(cpus) / 2 AS half FROM run),
	k AS (SELECT c.cpu, c.cpu >= half AND json_extract((SELECT machine FROM run WHERE run.id = r.id), '\$.threads_per_core') > 1 AS round,
		online_ns, (SELECT max(end_ns) FROM interval i WHERE i.run = r.id AND i.cpu = c.cpu AND phase = 'kick') AS kicked
		FROM run_cpu c JOIN r ON c.run = r.id),
	d AS (SELECT cpu, online_ns - lag(online_ns, 1, 0) OVER (ORDER BY cpu) AS total,
		kicked - coalesce(lag(kicked) OVER w, CASE round WHEN 0 THEN 0 ELSE (SELECT max(online_ns) FROM k WHERE round = 0) END) AS prepare,
		online_ns - coalesce(lag(online_ns) OVER w, (SELECT max(kicked) FROM k o WHERE o.round = k.round)) AS online
		FROM k WINDOW w AS (PARTITION BY round ORDER BY cpu))"

published() {
	local table=$1 core first last column machine options published limit role what predicted
	while IFS=$'\t' read -r machine options what core first last column published limit role; do
		rm -f "$out/published.db"
		[ "$options" != - ] || options=
		# shellcheck disable=SC2086
		"$BRINGUP" replay --machine "$src/datasets/machines/$machine" $options --hotplug "$core" -o "$out/published.db" >/dev/null
		predicted=$(sql "$out/published.db" "$published_sql SELECT sum($column) / 1e9 FROM d WHERE cpu BETWEEN $first AND $last")
		row "${role}" "$what" "$core" "$(awk -v m="$published" 'BEGIN { print m / 1e3 }')" "$predicted" - "$limit" - - - -
	done < <(grep -v '^#' "$table")
}

printf '%-8s %-33s %-13s %9s %9s %8s %6s %6s %-16s %6s %6s  %s\n' kind case core 'real s' 'model s' 'error %' spread 'limit' 'worst phase %' \
	'CPU 50' 'CPU 95' ''
if [ $quick = 1 ]; then
	names=(6.1-smp2 6.1-smp8 6.1-smp64 6.12-smp2 6.12-smp8 6.12-pair64-serial)
	sizes=(16)
else
	names=()
	for dir in "$boots"/*/; do
		# Those with --trace are of other families, their hooks are not those of the bring-up.
		jq -e '.lab_argv | index("--trace") | not' "$dir/provenance.json" >/dev/null && names+=("$(basename "$dir")")
	done
	sizes=(8 16 32 64)
fi
for name in "${names[@]}"; do own "$name"; done
for n in "${sizes[@]}"; do
	pair cross "$n" serial parallel
	pair cross "$n" parallel serial
	direction "$n"
	pair shared "$n" serial serial
	pair shared "$n" parallel parallel
done
if [ $quick = 0 ]; then
	versions 6.1-pair64 6.12-pair64-parallel parallel
	versions 6.12-pair64-serial 6.1-pair64 serial
fi
for table in "$src"/datasets/published/*.tsv; do published "$table"; done
for i in "${!excused[@]}"; do printf '[%d] %s\n' $((i + 1)) "${excused[i]}"; done
echo "$rows figures; $([ $missed = 0 ] && echo 'all within their limits, or with a reason' || echo 'some MISSED')"
exit $missed
