#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
# determinism.sh - the same input, seed and core give the same run whatever the program was built with.
#
# Usage: determinism.sh [DATASET...]     default: those below
# Builds under B with gcc and clang, -O0 and -O2, with and without sanitizers; replays the datasets under the cores of each
# family, draws some at random, and compares all that the databases of runs say; then the engine on AArch64, where the
# packages are installed. Exit: 0 the same everywhere, 1 not, 2 a build or a tool is missing.
set -euo pipefail
: "${B:?a build folder}"
src=$(cd "$(dirname "$0")/.." && pwd)
[ $# -gt 0 ] || set -- 6.1-smp8 6.12-smp8 6.1-smp8-clock 6.12-text8
builds=("gcc -O2" "gcc -O0" "clang -O2" "clang -O0" "gcc -O2 address,undefined")

# replay ARG...: what the run said, or that it ended in a verdict other than ok; and all that the database says of it but for
# the command line. One line, with its sum.
replay() {
	local status=0 sum
	rm -f runs.db
	"$bringup" replay "$@" -o runs.db >out 2>&1 || status=$?
	[ "$status" -le 1 ] || { cat out >&2; exit 2; }
	if [ -e runs.db ]; then
		sqlite3 runs.db "UPDATE run SET command = ''" .dump >>out
	fi
	sum=$(sha256sum <out | cut -c1-16)
	printf '%s  replay %s\n' "$sum" "$*"
}

# In the build's folder, so that the names of files are the same for all.
runs_of() {
	local db=$1.db
	case $1 in
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
		replay "$db" --hotplug serial,parallel --runs 40 --seed 3 -j 2 --json
		;;
	esac
}

failed=0 first=
for build in "${builds[@]}"; do
	read -r cc opt san <<<"$build"
	command -v "$cc" >/dev/null || { echo "determinism: $cc is not installed" >&2; exit 2; }
	dir=$B/determinism/$cc$opt${san:+-san}
	make -s -C "$src" CC="$cc" CFLAGS="$opt -g" SAN="${san:-}" B="$dir" "$dir/bringup" >/dev/null || exit 2
	bringup=$dir/bringup
	cd "$dir"
	for name; do
		rm -rf "./$name" "./$name.db"
		mkdir -p "$name"
		tar -xJf "$src/datasets/boots/$name/capture.tar.xz" -C "$name"
		"$bringup" import "$name/trace.dat" --machine "$name/machine" -o "$name.db" >/dev/null
		runs_of "$name"
	done >runs.txt
	replay --pgd all --params running=ipi --model cpus=4,mms=50,switches=10000,entries=4,forks=500 >>runs.txt
	: "${first:=$dir/runs.txt}"
	verdict="the same $(wc -l <runs.txt) results"
	cmp -s runs.txt "$first" || { verdict=DIFFERENT; failed=1; }
	printf '%-8s %-4s %-20s %s  %s\n' "$cc" "$opt" "${san:-no sanitizer}" "$(sha256sum <runs.txt | cut -c1-16)" "$verdict"
	diff "$first" runs.txt || true
done
cd "$src"
scripts/determinism_aarch64.sh || [ $? -eq 77 ] || failed=1
exit $failed
