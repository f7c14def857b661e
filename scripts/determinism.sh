#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
# determinism.sh - the same input, seed and core give the same run whatever the program was built with.
#
# Usage: determinism.sh [DATASET...]     default: 6.1-smp8 and 6.12-smp8
# Builds under B with gcc and clang, -O0 and -O2, with and without sanitizers; replays the datasets and compares the runs,
# interval by interval. Exit: 0 the same everywhere, 1 not, 2 a build or a tool is missing.
set -euo pipefail
: "${B:?a build folder}"
src=$(cd "$(dirname "$0")/.." && pwd)
[ $# -gt 0 ] || set -- 6.1-smp8 6.12-smp8
builds=("gcc -O2" "gcc -O0" "clang -O2" "clang -O0" "gcc -O2 address,undefined")

# What a run is: its hash, and every interval and wait of it.
fingerprint() {
	local bringup=$1 db=$2 runs=$3
	rm -f "$runs"
	"$bringup" replay "$db" --hotplug recorded,serial,parallel -o "$runs" >/dev/null
	"$bringup" replay "$db" --hotplug serial,parallel --cpus 300 --seed 11 -o "$runs" >/dev/null
	"$bringup" replay "$db" --hotplug parallel --set machine.physical_cpus=2 --set machine.host_load=250 -o "$runs" >/dev/null
	sqlite3 -readonly "$runs" 'SELECT id, core, hash, bringup_ns, bp_wait_ns FROM run ORDER BY id;
		SELECT * FROM interval ORDER BY run, seq; SELECT * FROM wait ORDER BY run, seq' | sha256sum | cut -d' ' -f1
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
		all+=$(fingerprint "$dir/bringup" "$db" "$dir/runs.db")
	done
	sum=$(sha256sum <<<"$all" | cut -c1-16)
	: "${first:=$sum}"
	verdict='the same'
	[ "$sum" = "$first" ] || { verdict=DIFFERENT; failed=1; }
	printf '%-8s %-4s %-20s %s  %s\n' "$cc" "$opt" "${san:-no sanitizer}" "$sum" "$verdict"
done
exit $failed
