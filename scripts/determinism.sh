#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
# determinism.sh - the same input, seed and core give the same run whatever the program was built with.
#
# Usage: determinism.sh [DATASET...]     default: those below
# Builds under B with gcc and clang, -O0 and -O2, with and without sanitizers; replays the datasets under the cores of each
# family, draws some at random, and compares all that the databases of runs say. Exit: 0 the same everywhere, 1 not, 2 a
# build or a tool is missing.
set -euo pipefail
: "${B:?a build folder}"
src=$(cd "$(dirname "$0")/.." && pwd)
[ $# -gt 0 ] || set -- 6.1-smp8 6.12-smp8 6.1-smp8-clock 6.12-text8
builds=("gcc -O2" "gcc -O0" "clang -O2" "clang -O0" "gcc -O2 address,undefined")

# Leaves with 1 when a run ended in a verdict other than ok.
replay() { "$bringup" replay "$@" -o "$runs" >/dev/null || [ $? -eq 1 ]; }

# runs_of BRINGUP DATASET CAPTURE RUNS: all that the database says of its runs but for the command line, then many runs.
runs_of() {
	local bringup=$1 name=$2 db=$3 runs=$4
	rm -f "$runs"
	case $name in
	*-clock)
		replay "$db" --clocksource deferred,latch,seq-only,stop-machine,stop-machine+combining --seed 11
		;;
	*-text*)
		replay "$db" --text all
		replay "$db" --text int3,per-site --cpus 96 --seed 11
		;;
	*)
		replay "$db" --hotplug all
		replay "$db" --hotplug serial,parallel --cpus 300 --seed 11
		replay "$db" --hotplug parallel --set machine.physical_cpus=2 --set machine.host_load=250
		replay --pgd all --params running=ipi --model cpus=4,mms=50,switches=10000,entries=4,forks=500
		"$bringup" replay "$db" --hotplug serial,parallel --runs 40 --seed 3 -j 2 --json
		;;
	esac
	sqlite3 "$runs" "UPDATE run SET command = ''" .dump
}

failed=0 first=
for build in "${builds[@]}"; do
	read -r cc opt san <<<"$build"
	command -v "$cc" >/dev/null || { echo "determinism: $cc is not installed" >&2; exit 2; }
	dir=$B/determinism/$cc$opt${san:+-san}
	make -s -C "$src" CC="$cc" CFLAGS="$opt -g" SAN="${san:-}" B="$dir" "$dir/bringup" >/dev/null || exit 2
	all=
	for name; do
		db=$dir/$name.db
		rm -rf "${dir:?}/$name" "$db"
		mkdir -p "$dir/$name"
		tar -xJf "$src/datasets/boots/$name/capture.tar.xz" -C "$dir/$name"
		"$dir/bringup" import "$dir/$name/trace.dat" --machine "$dir/$name/machine" -o "$db" >/dev/null
		all+=$(runs_of "$dir/bringup" "$name" "$db" "$dir/runs.db" | sha256sum)
	done
	sum=$(sha256sum <<<"$all" | cut -c1-16)
	: "${first:=$sum}"
	verdict='the same'
	[ "$sum" = "$first" ] || { verdict=DIFFERENT; failed=1; }
	printf '%-8s %-4s %-20s %s  %s\n' "$cc" "$opt" "${san:-no sanitizer}" "$sum" "$verdict"
done
exit $failed
