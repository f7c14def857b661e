#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
# fidelity.sh - how far replays are from real boots, dataset by dataset, beside the spread of repeated real boots.
#
# Usage: fidelity.sh [DATASET...]     default: every folder of datasets/boots
# Needs BRINGUP (the program) and B (a folder for databases); `make fidelity` sets both.
# Exit: 0 within the limits that docs/methods.md names, 1 outside of them, 2 usage.
set -euo pipefail

: "${BRINGUP:?the bringup program}" "${B:?a build folder}"
src=$(cd "$(dirname "$0")/.." && pwd)
boots=$src/datasets/boots
out=$B/fidelity
total_limit=3 cpu_limit=5   # percent: of the total, for the core that was running
mkdir -p "$out"

die() { echo "fidelity: $*" >&2; exit 2; }
sql() { sqlite3 -readonly -separator $'\t' "$@"; }

# Unpacks and imports a dataset once; prints the database's path.
database() {
	local name=$1 dir=$out/$1 db=$out/$1.db
	local archive=$boots/$name/capture.tar.xz
	[ -f "$archive" ] || die "there is no dataset $name (looked for $archive)"
	if [ ! -f "$db" ] || [ "$archive" -nt "$db" ] || [ "$BRINGUP" -nt "$db" ]; then
		rm -rf "$dir" "$db"
		mkdir -p "$dir"
		tar -xJf "$archive" -C "$dir"
		"$BRINGUP" import "$dir/trace.dat" --machine "$dir/machine" --force -o "$db" >/dev/null
		rm -rf "$dir"
	fi
	echo "$db"
}

# Replays a database under all cores, serial recordings of split kernels with parallel=0 too; prints the runs.db.
runs_of() {
	local db=$1 runs=${1%.db}.runs.db
	rm -f "$runs"
	"$BRINGUP" replay "$db" --hotplug recorded,serial,parallel -o "$runs" >/dev/null
	"$BRINGUP" replay "$db" --hotplug parallel --params parallel=0 -o "$runs" >/dev/null
	echo "$runs"
}

errors_of() {
	sql "$1" "
	SELECT r.core || CASE WHEN r.params LIKE '%\"parallel\":0%' THEN ' (parallel=0)' ELSE '' END,
	       printf('%.3f', r.recorded_bringup_ns / 1e9),
	       coalesce(printf('%.3f', r.bringup_ns / 1e9), '-'),
	       coalesce(printf('%+.2f', 100.0 * (r.bringup_ns - r.recorded_bringup_ns) / r.recorded_bringup_ns), '-'),
	       coalesce((SELECT printf('%.2f', max(100.0 * abs(c.online_ns - c.recorded_online_ns)
			/ r.recorded_bringup_ns)) FROM run_cpu c WHERE c.run = r.id), '-'),
	       CASE WHEN r.core = 'recorded' THEN
			(SELECT count(*) || '/' || sum(i.start_ns IS NOT i.recorded_start_ns OR i.end_ns IS NOT i.recorded_end_ns)
			   FROM interval i WHERE i.run = r.id) ELSE '-' END,
	       r.verdict,
	       CASE WHEN r.core = 'recorded' THEN 'control'
		    WHEN r.recorded_algorithm = 'serial' AND r.core = 'serial' THEN 'own'
		    WHEN r.recorded_algorithm = 'parallel' AND r.core = 'parallel' AND r.params LIKE '%\"parallel\":1%' THEN 'own'
		    WHEN r.recorded_algorithm = 'split' AND r.core = 'parallel' AND r.params LIKE '%\"parallel\":0%' THEN 'own'
		    ELSE 'other' END
	  FROM run r ORDER BY r.id"
}

missed=0
report_dataset() {
	local name=$1 db runs algorithm
	db=$(database "$name")
	algorithm=$(sql "$db" "SELECT algorithm FROM bringup")
	case $algorithm in
	'') printf '%-24s no bring-up in it\n' "$name"; return ;;
	runtime) printf '%-24s runtime hotplug: operations are reported, no boot to replay\n' "$name"; return ;;
	esac
	runs=$(runs_of "$db")
	while IFS=$'\t' read -r core recorded replayed total cpu exact verdict role; do
		local mark=''
		case $role in
		control) if [ "${exact#*/}" = 0 ]; then
				mark="exact: ${exact%/*} intervals"
			else
				mark="MISS: ${exact#*/} intervals differ"; missed=1
			fi ;;
		own) if [ "$verdict" != ok ]; then
				mark="verdict $verdict, as recorded"
			elif awk -v t="$total" -v c="$cpu" -v tl=$total_limit -v cl=$cpu_limit \
				'BEGIN { if (t < 0) t = -t; exit !(t <= tl && c <= cl) }'; then
				mark='own capture: within limits'
			else
				mark="MISS: own capture beyond $total_limit % of the total or $cpu_limit % of an instant"; missed=1
			fi ;;
		other) mark='another algorithm than was running' ;;
		esac
		printf '%-24s %-9s %-22s %9s %9s %8s %8s  %s\n' "$name" "$algorithm" "$core" "$recorded" "$replayed" \
			"$total" "$cpu" "$mark"
	done < <(errors_of "$runs")
}

# The host that a dataset's guest ran on, as parameters of @1: its CPUs, and what others took of them on average.
host_of() {
	jq -r --arg m "$1" '"--set \($m).physical_cpus=\(.host.cpus) --set \($m).host_load=\(
		[.host.busy_elsewhere_s / .result.wall_s / .host.cpus * 1000 | round, 950] | min)"' "$boots/$2/provenance.json"
}

# A core on the recording of the other algorithm, beside a real boot of that algorithm on the same kernel and size:
# first as if every CPU had a host CPU of its own, then with the share of the host that each of the two boots had.
report_prediction() {
	local from=$1 core=$2 params=$3 real=$4 plain shared measured host
	[ -d "$boots/$from" ] && [ -d "$boots/$real" ] || return 0
	plain=$("$BRINGUP" replay "$(database "$from")" --hotplug "$core" --params "$params" --json | jq '.runs[0].bringup_ns')
	host=$(host_of machine "$real")
	# shellcheck disable=SC2046,SC2086
	shared=$("$BRINGUP" replay "$(database "$from")" --hotplug "$core" --params "$params" $host \
		$(host_of recorded "$from") --json | jq '.runs[0].bringup_ns')
	measured=$(sql "$(database "$real")" "SELECT bringup_ns FROM bringup")
	awk -v f="$from" -v c="$core" -v r="$real" -v p="$plain" -v s="$shared" -v m="$measured" -v h="$host" 'BEGIN {
		printf "%-18s %-9s %9.3f s %8.3f s (%+5.0f %%) %9.3f s (%+5.0f %%)   %s, %s\n",
			f, c, m / 1e9, p / 1e9, 100 * (p - m) / m, s / 1e9, 100 * (s - m) / m, r, h }'
}

report_spread() {
	local kernel=$1 names=() values
	for dir in "$boots"/spread-"$kernel"-*/; do
		[ -f "$dir/capture.tar.xz" ] && names+=("$(basename "$dir")")
	done
	[ ${#names[@]} -gt 0 ] || return 0
	values=$(for name in "${names[@]}"; do sql "$(database "$name")" "SELECT bringup_ns / 1e9 FROM bringup"; done | sort -g)
	awk -v k="$kernel" '{ v[NR] = $1; s += $1 } END {
		m = s / NR; for (i = 1; i <= NR; i++) d += (v[i] - m) ^ 2
		sd = NR > 1 ? sqrt(d / (NR - 1)) : 0
		printf "%-24s %2d boots: min %.3f s, median %.3f s, max %.3f s; standard deviation %.0f %% of the mean, (max - min) / min %.0f %%\n",
			k, NR, v[1], v[int((NR + 1) / 2)], v[NR], 100 * sd / m, 100 * (v[NR] - v[1]) / v[1] }' <<<"$values"
}

datasets=("$@")
if [ ${#datasets[@]} -eq 0 ]; then
	for dir in "$boots"/*/; do
		case $(basename "$dir") in
		spread-* | *.partial) ;;	# boots of report_spread; one that is being recorded
		*) datasets+=("$(basename "$dir")") ;;
		esac
	done
fi
[ ${#datasets[@]} -gt 0 ] || die "no datasets under datasets/boots"

printf '%-24s %-9s %-22s %9s %9s %8s %8s\n' dataset recorded 'core' 'recorded' 'replayed' 'total' 'worst'
printf '%-24s %-9s %-22s %9s %9s %8s %8s\n' '' 'algorithm' '' 's' 's' 'error %' 'CPU %'
for name in "${datasets[@]}"; do report_dataset "$name"; done

if [ $# -eq 0 ]; then
	printf '\nPredictions: a core on a recording of the other algorithm, against a real boot of that algorithm.\n'
	printf '%-18s %-9s %11s %21s %22s\n' 'recording' core 'real boot' 'CPUs of their own' 'sharing the host'
	report_prediction 6.1-smp8 parallel parallel=1 6.12-smp8
	report_prediction 6.1-smp64 parallel parallel=1 6.12-smp64
	report_prediction 6.12-smp64-serial parallel parallel=1 6.12-smp64
	report_prediction 6.12-smp64 parallel parallel=0 6.12-smp64-serial
	report_prediction 6.12-smp64 serial '' 6.12-smp64-serial
	printf '\nSpread of repeated real boots of one configuration (what any prediction is up against):\n'
	report_spread 6.1-smp8
	report_spread 6.12-smp8
fi
exit $missed
