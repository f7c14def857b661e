#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
# bench_engine.sh - how fast the replay engine is beside SimGrid, ns-3, Boost.Context and swapcontext(); scripts/bench.sh
# calls it.
#
# Each model runs in turn in the engine and in its peer, BENCH_ROUNDS times (7); the best user CPU time of each counts, since
# a shared machine can only make a program slower. Ratios are from this run; absolute times mean little elsewhere. Peers
# are optional (Debian: libsimgrid-dev, libns3-dev, libboost-context-dev, g++): what is missing is skipped and said.
# A missed target is said and is no failure. BENCH_ENGINE_ONLY: a word that the models to run contain, as hold.
# The environment: SRC, B (default: the current folder and its build folder); CC, CXX.
set -euo pipefail
cd "${SRC:-.}"
rounds=${BENCH_ROUNDS:-7}
dir=${B:-build}/bench
bench=replay/engine/bench
mkdir -p "$dir"

${CC:-cc} -std=gnu11 -O2 -D_GNU_SOURCE -I. -o "$dir/engine_bench" $bench/engine_bench.c replay/engine/*.c \
	replay/engine/*.S schemas/base/err.c schemas/base/hash.c schemas/base/ns.c -lm

# peer NAME HEADER LIBRARY PACKAGE: builds it, or says why not.
peer() {
	local log=$dir/peer_$1.log
	rm -f "$dir/peer_$1"
	if ! command -v "${CXX:-g++}" >/dev/null; then
		echo "peer $1 is skipped: there is no C++ compiler (Debian: g++)"
	elif ! ${CXX:-g++} -std=c++17 -E -x c++ - <<<"#include <$2>" >/dev/null 2>&1; then
		echo "peer $1 is skipped: <$2> is not installed (Debian: $4)"
	elif ! ${CXX:-g++} -std=c++17 -O2 -I. -o "$dir/peer_$1" "$bench/peer_$1.cc" "$3" 2>"$log"; then
		echo "peer $1 is skipped: it does not build here, see $log"
	fi
}
peer simgrid simgrid/s4u.hpp -lsimgrid libsimgrid-dev
peer ns3 ns3/core-module.h -lns3-core libns3-dev
peer fcontext boost/context/detail/fcontext.hpp -lboost_context libboost-context-dev

# figure NAME COMMAND...: the value that a line "NAME value unit" of its output has; nothing when it fails.
figure() {
	local name=$1
	shift
	"$@" 2>/dev/null | awk -v name="$name" '$1 == name { print $2 }' || true
}
least() { printf '%s\n' "$@" | sort -g | head -1; }

# compare WHAT FIGURE TARGET at-least|at-most PEER COMMAND...: the engine's figure beside the peer's. at-least: how often the
# peer takes our time; at-most: how much of the peer's time we take.
compare() {
	local what=$1 name=$2 target=$3 sense=$4 who=$5 ours='' theirs='' i one
	shift 5
	[[ $what == *${BENCH_ENGINE_ONLY:-}* ]] || return 0
	[[ -x $1 ]] || return 0
	for ((i = 0; i < rounds; i++)); do
		one=$(figure "$name" "$dir/engine_bench" "${name%_*}" "${name##*_}" 1)
		ours=$(least "${ours:-1e9}" "${one:-1e9}")
		one=$(figure "$name" "$@")
		theirs=$(least "${theirs:-1e9}" "${one:-1e9}")
	done
	line "$what ${name##*_}" "$ours" "$theirs" "$target" "$sense" "$who"
}

line() {
	awk -v what="$1" -v a="$2" -v b="$3" -v target="$4" -v sense="$5" -v who="$6" 'BEGIN {
		if (a >= 1e9 || b >= 1e9) { printf "%-22s failed to run\n", what; exit }
		r = sense == "at-least" ? b / a : a / b
		ok = sense == "at-least" ? r >= target : r <= target
		printf "%-22s %9.2f %11.2f  %-22s %8.3f  %-8s %6.3f  %s\n", what, a, b, who, r, sense, target,
			ok ? "met" : "MISSED"
	}'
}

# limit WHAT FIGURE UNIT TARGET OUTPUT: a figure of its own that has a target.
limit() {
	local value
	value=$(awk -v name="$2" '$1 == name { print $2 }' <<<"$5")
	awk -v what="$1" -v v="${value:-1e99}" -v unit="$3" -v t="$4" 'BEGIN {
		printf "%-46s %10.2f %-8s at most %8.2f  %s\n", what, v, unit, t, v <= t ? "met" : "MISSED" }'
}

echo "Engine beside its peers, ns of user CPU time, best of $rounds"
printf '%-22s %9s %11s  %-22s %8s  %-8s %6s\n' model ours theirs peer ratio '' target
simgrid=(--cfg=contexts/stack-size:32 --cfg=contexts/guard-size:0 --log=root.thres:critical)
set -- 12 20 1.5 18 40 1.0 12 25 1.0
for n in 1024 16384 65536; do
	compare 'timed events' hold_$n "$1" at-least 'SimGrid sleep_for' "$dir/peer_simgrid" hold $n 500000 "${simgrid[@]}"
	compare 'timed events' hold_$n "$3" at-least 'ns-3 PriorityQueue' "$dir/peer_ns3" PriorityQueueScheduler $n 2000000
	compare 'ties' ties_$n "$3" at-least 'ns-3 PriorityQueue' "$dir/peer_ns3" PriorityQueueScheduler $n 2000000 ties
	compare 'bimodal' bimodal_$n "$3" at-least 'ns-3 PriorityQueue' "$dir/peer_ns3" PriorityQueueScheduler $n 2000000 bimodal
	compare 'hand-off' handoff_$n "$2" at-least 'SimGrid semaphore' "$dir/peer_simgrid" handoff $n 1000000 "${simgrid[@]}"
	shift 3
done
for n in 2 1024 4096; do
	compare switch switch_$n 0.8 at-most 'Boost fcontext' "$dir/peer_fcontext" $n
done
if [[ switch == *${BENCH_ENGINE_ONLY:-}* ]]; then
	for n in 2 1024 4096; do
		out=$("$dir/engine_bench" switch $n)
		line "switch $n" "$(figure switch_$n echo "$out")" "$(figure swapcontext_$n echo "$out")" 0.025 at-most 'swapcontext'
	done
fi
[[ machine == *${BENCH_ENGINE_ONLY:-}* ]] || exit 0

echo
echo "Whole machines"
out=$("$dir/engine_bench" memory)
limit "memory of an offline CPU (words only)" memory_per_cpu_0_tasks_16384 bytes 1228 "$out"
limit "memory of a CPU with three live tasks" memory_per_cpu_3_tasks_16384 bytes 24576 "$out"
out=$("$dir/engine_bench" boot)
awk '/operations_per_cpu_4096/ { printf "boot of 4096 and 65536 CPUs, %d operations each\n", $2 }' <<<"$out"
limit "4096 CPUs, user time" boot_user_4096 s 0.5 "$out"
limit "4096 CPUs, peak memory of the process" boot_peak_4096 MiB 100 "$out"
limit "65536 CPUs, user time" boot_user_65536 s 15 "$out"
limit "65536 CPUs, peak memory of the process" boot_peak_65536 MiB 1536 "$out"
awk '$1 ~ /^reset/ { printf "%-46s %10.2f %s\n", $1, $2, $3 }' <<<"$("$dir/engine_bench" reset)"

# The same sizes with CPUs, interrupts, run queues and call paths on top.
${CC:-cc} -std=gnu11 -O2 -D_GNU_SOURCE -I. -o "$dir/machine_bench" replay/machine/bench/machine_bench.c replay/machine/*.c \
	replay/engine/*.c replay/engine/*.S schemas/base/err.c schemas/base/hash.c schemas/base/mem.c schemas/base/ns.c -lm
for n in 4096:0.5:100 65536:15:1536; do
	IFS=: read -r cpus seconds mib <<<"$n"
	out=$("$dir/machine_bench" boot "$cpus")
	limit "simulated kernel, $cpus CPUs, CPU time" "machine_boot_cpu_$cpus" s "$seconds" "$out"
	limit "simulated kernel, $cpus CPUs, peak" "machine_boot_peak_$cpus" MiB "$mib" "$out"
done
out=$("$dir/machine_bench" memory 4001)
limit "simulated kernel, an offline CPU" machine_memory_offline_4001 bytes 1228 "$out"
limit "simulated kernel, a CPU with three live threads" machine_memory_3_threads_4001 bytes 24576 "$out"
out=
for n in 4096 8192 16384; do
	out+=$("$dir/machine_bench" ticks $n)$'\n'
done
limit "16384 CPUs, timer interrupts at 250 Hz, 1 s, peak" machine_ticks_peak_16384 MiB 2048 "$out"
awk '$1 ~ /^machine_ticks_(cpu|event|events)_/ { v[$1] = $2 }
	END { for (n = 4096; n <= 16384; n *= 2)
		printf "  %5d CPUs: %7d events in %5.2f s, %4.0f ns each\n", n, v["machine_ticks_events_" n],
			v["machine_ticks_cpu_" n], v["machine_ticks_event_" n] }' <<<"$out"
echo "A machine run again from scratch up to its first choice, as an explorer does it:"
for n in 2 8 64; do
	"$dir/machine_bench" restarts $n | awk '{ printf "  %s %s %s", $1, $2, $3 } END { print "" }'
done
