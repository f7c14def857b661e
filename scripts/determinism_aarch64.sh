#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
# determinism_aarch64.sh - the replay engine runs the same on x86-64 and on AArch64, with its own switch and with
# swapcontext(), optimised or not.
#
# Usage: determinism_aarch64.sh [SEEDS]     default: 200
# Builds replay/engine/bench/hash_model.c with the engine for each and compares what they print; AArch64 runs under
# qemu-user. Exit: 0 the same everywhere, 1 not, 2 a build fails or runs nowhere, 77 the packages are missing
# (Debian: gcc-aarch64-linux-gnu, qemu-user-static).
set -euo pipefail
: "${B:=build}"
cd "$(dirname "$0")/.."
seeds=${1:-200}
cross=aarch64-linux-gnu-gcc
qemu=$(command -v qemu-aarch64-static || command -v qemu-aarch64 || true)
command -v "$cross" >/dev/null || { echo "determinism_aarch64: $cross is missing (Debian: gcc-aarch64-linux-gnu)" >&2; exit 77; }
[ -n "$qemu" ] || { echo "determinism_aarch64: qemu-aarch64 is missing (Debian: qemu-user-static)" >&2; exit 77; }
dir=$B/determinism-aarch64
mkdir -p "$dir"

failed=0 first=
while read -r name run cc flags; do
	[ "$run" = qemu ] && run=$qemu || run=
	# shellcheck disable=SC2086 # flags are words
	$cc -std=gnu11 -D_GNU_SOURCE -I. $flags -static -o "$dir/$name" replay/engine/bench/hash_model.c \
		replay/engine/*.c replay/engine/*.S schemas/base/err.c schemas/base/hash.c schemas/base/ns.c -lm || exit 2
	${run:+"$run"} "$dir/$name" "$seeds" </dev/null >"$dir/$name.txt" || { echo "$name does not run" >&2; exit 2; }
	[ "$(wc -l <"$dir/$name.txt")" -eq $((2 * seeds)) ] || { echo "$name ended early" >&2; exit 2; }
	sum=$(sha256sum <"$dir/$name.txt" | cut -c1-16)
	: "${first:=$sum}"
	verdict='the same'
	[ "$sum" = "$first" ] || { verdict=DIFFERENT; failed=1; }
	printf '%-20s %s  %s\n' "$name" "$sum" "$verdict"
done <<BUILDS
x86-64-O2 native ${CC:-cc} -O2
x86-64-ucontext native ${CC:-cc} -O2 -DBU_CO_UCONTEXT
aarch64-O2 qemu $cross -O2
aarch64-O0 qemu $cross -O0
aarch64-ucontext qemu $cross -O2 -DBU_CO_UCONTEXT
aarch64-debug qemu $cross -O1 -DBU_DEBUG
BUILDS
exit $failed
