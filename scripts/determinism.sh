#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
# determinism.sh - the same input, seed and core give the same run whatever the program was built with and for.
#
# Usage: determinism.sh [WORD]     WORD: only the builds whose name contains it, and the first, which all are compared with
# Builds the program with gcc and clang, -O0 and -O2, with and without sanitizers, for x86-64 and for AArch64, which runs under
# qemu-user; and with the other way to switch stacks, and with the debug build's checks. Each imports recorded boots, replays them
# under every core of their family, draws some at random, and replays datasets/scenarios. Compared is all that it printed and all
# that the databases say: captures byte by byte, of runs verdict, hash, intervals, waits and the rest.
# B is the build folder; JOBS builds are at work at a time.
# Exit: 0 the same everywhere, 1 not, 2 a build or a tool is missing. Where AArch64 cannot be run, the last lines say so.
set -euo pipefail
: "${B:?a build folder}" "${JOBS:=1}"
cd "$(dirname "$0")/.."
src=$PWD
# The builds are make's by themselves: not jobs of the make that calls this, and not out of a cache that takes folders for the same.
unset MAKEFLAGS MFLAGS
export CCACHE_DISABLE=1

builds=(	# name, what runs it, how much is replayed, compiler, flags; sanitizers, definitions
	"x86-64-gcc-O2        native all  gcc   -O2"
	"aarch64-gcc-O2       qemu   all  gcc   -O2"
	"aarch64-gcc-O0-san   qemu   part gcc   -O0 address,undefined"
	"x86-64-gcc-O0        native part gcc   -O0"
	"x86-64-clang-O2      native all  clang -O2"
	"x86-64-clang-O0      native part clang -O0"
	"x86-64-gcc-O2-san    native part gcc   -O2 address,undefined"
	"x86-64-clang-O0-san  native part clang -O0 address,undefined"
	"x86-64-ucontext      native part gcc   -O2 - -DBU_CO_UCONTEXT"
	"x86-64-debug         native part gcc   -O1 - -DBU_DEBUG"
	"aarch64-gcc-O0       qemu   part gcc   -O0"
	"aarch64-clang-O2     qemu   part clang -O2"
	"aarch64-clang-O0     qemu   part clang -O0"
	"aarch64-ucontext     qemu   part gcc   -O2 - -DBU_CO_UCONTEXT"
)
# Part: a boot of each kernel and kind, and the scenarios that take less than a second.
boots=(5.10-smp8 6.1-smp8 6.12-smp8-smt 6.12-kexec8 6.1rt-smp8 7.3-smp8 6.1-hotplug8 6.12-hotplug8 6.1-smp8-clock 6.1-smp64-hpet
	6.1-text8 6.12-text8 6.12-pgd4 6.1-686-pae-pgd4)
a_second=" hpet-4096 hpet-combining hpet-staggered-highres text-tick-pending "
# All: but for the boots that repeat two of the others, to tell how far real boots are from one another, and scenarios of ten
# seconds each, of whose cores and devices there are shorter ones.
ten_seconds=" hpet-16-sockets hpet-16-sockets-r6 hpet-near-first hpet-staggered text-irqs-on "

# ---- what is compared: one line with a sum per call of the program

# summed WORD...: a line that says what was called, and the sum of what it said and stored. Ending in a verdict is no failure.
summed() {
	local out=out
	[ ! -e runs.db ] || sqlite3 runs.db "UPDATE run SET command = ''" .dump >>$out
	printf '%s  %s\n' "$(sha256sum <$out | cut -c1-16)" "$*"
	rm -f runs.db
}

replay() {
	local status=0
	rm -f runs.db
	"${program[@]}" replay "$@" -o runs.db >out 2>&1 || status=$?
	echo "exit $status" >>out
	[ "$status" -ne 2 ] || { cat out >&2; return 2; }
	summed replay "$@"
}

# boot NAME: one recorded boot, in the build's folder, so that the names of files are the same for all.
boot() {
	local name=$1 db=$1.db trace=
	rm -rf "./$name"
	mkdir "$name"
	tar -xJf "$src/datasets/boots/$name/capture.tar.xz" -C "$name"
	for trace in "$name"/trace.{dat,txt}; do
		[ ! -e "$trace" ] || break
	done
	"${program[@]}" import "$trace" --machine "$name/machine" --force -o "$db" >out 2>&1 || { cat out >&2; return 2; }
	cat "$db" >>out
	summed import "$name"
	case $name in
	*-clock | *-hpet)
		replay "$db" --clocksource deferred,latch,seq-only,stop-machine,stop-machine+combining --seed 11
		;;
	*-text*)
		replay "$db" --text all
		replay "$db" --text int3,per-site --cpus 96 --seed 11
		;;
	*-pgd*)
		replay "$db" --pgd all
		replay "$db" --pgd all --slot-shift 21
		;;
	*)
		replay "$db" --hotplug all
		;;
	esac
	case $name in
	*-hotplug8)
		replay "$db" --hotplug rt-pinned,rt-multiphase --params notifier_stops=1
		replay "$db" --hotplug percpu-rwsem,notifier --cpus 64
		;;
	6.1-smp8)
		replay "$db" --hotplug serial,parallel,parallel-full --cpus 300 --seed 11
		replay "$db" --hotplug parallel --set machine.physical_cpus=2 --set machine.host_load=250
		replay "$db" --hotplug serial,parallel --runs 40 --seed 3 -j 2 --json
		;;
	esac
	rm -rf "./$name" "$db"
}

scenario() {
	local recipe
	recipe=$(grep -v '^#' "scenarios/$1/recipe")
	# Word splitting is wanted: a recipe holds words, no quotes.
	# shellcheck disable=SC2086
	"${program[@]}" ${recipe//\{DIR\}/scenarios/$1} --json >out 2>&1 || echo "exit $?" >>out
	summed "scenario $1"
}

# everything all|part
everything() {
	local path name
	# Every operation of the engine, in orders that no core has.
	"${program[@]/%bringup/hash_model}" 200 </dev/null >out
	summed "the engine by itself"
	for path in "$src"/datasets/boots/*/; do
		name=$(basename "$path")
		case $1 in
		all) [[ $name == spread-* ]] || boot "$name" ;;
		part) [[ " ${boots[*]} " != *" $name "* ]] || boot "$name" ;;
		esac
	done
	replay --pgd all --params running=ipi --model cpus=4,mms=50,switches=10000,entries=4,forks=500
	replay --clocksource stop-machine,stop-machine+per-node,seq-only+coarse --cpus 24 --model hz=1000,read-ns=20000,run-ms=100
	replay --clocksource stop-machine --cpus 8 --model hz=1000,read-ns=20000,run-ms=50 --runs 8
	replay --machine machines/skylake-112.machine --hotplug serial,split,parallel,park --seed 5
	for path in scenarios/*/; do
		name=$(basename "$path")
		[[ $ten_seconds == *" $name "* || $1 == part && $a_second == *" $name "* ]] || scenario "$name"
	done
}

# ---- one build

# leg NAME MACHINE AMOUNT CC OPT [SANITIZERS [FLAGS]]: writes NAME/runs.txt; NAME/log has what went wrong.
leg() {
	local dir=$B/determinism/$1 machine=$2 amount=$3 cc=$4 opt=$5 san=${6:-} flags=${7:-} ldflags=
	[ "$san" != - ] || san=
	program=("$dir/bringup")
	if [ "$machine" = qemu ]; then
		export PKG_CONFIG_SYSROOT_DIR=$root PKG_CONFIG_LIBDIR=$root/usr/lib/aarch64-linux-gnu/pkgconfig
		case $cc in
		gcc) cc="aarch64-linux-gnu-gcc --sysroot=$root" ;;
		clang) cc="clang --target=aarch64-linux-gnu --sysroot=$root" ;;
		esac
		# The cross compiler's libasan is not in the folder that qemu looks into; its leak checker needs ptrace().
		ldflags=${san:+-static-libasan -static-libubsan}
		export ASAN_OPTIONS=detect_leaks=0
		program=("$qemu" -L "$root" "$dir/bringup")
	fi
	mkdir -p "$dir"
	make -s -j1 CC="$cc" CFLAGS="$opt -g1 $flags" LDFLAGS="$ldflags" SAN="$san" B="$dir" "$dir/bringup" || return 2
	# shellcheck disable=SC2086 # flags are words
	$cc -std=gnu11 -D_GNU_SOURCE -I. $opt $flags ${san:+-fsanitize=$san} $ldflags -o "$dir/hash_model" \
		replay/engine/bench/hash_model.c "$dir"/obj/replay/engine/*.o "$dir"/obj/schemas/base/{err,hash,ns}.o -lm || return 2
	cd "$dir"
	ln -sfn "$src/datasets/scenarios" scenarios
	ln -sfn "$src/datasets/machines" machines
	everything "$amount" >runs.new
	mv runs.new runs.txt
}

word=${1:-}
for tool in gcc clang sqlite3 xz; do
	command -v "$tool" >/dev/null || { echo "determinism: $tool is not installed ('make deps')" >&2; exit 2; }
done
B=$(mkdir -p "$B" && realpath "$B")
root=$B/determinism/root-aarch64
qemu=$(command -v qemu-aarch64-static || command -v qemu-aarch64 || true)
without=
if ! command -v aarch64-linux-gnu-gcc >/dev/null || [ -z "$qemu" ]; then
	without="aarch64-linux-gnu-gcc or qemu-aarch64 is missing (Debian: gcc-aarch64-linux-gnu, qemu-user-static)"
elif ! scripts/sysroot-aarch64 "$root"; then
	without="its libraries could not be had, see above"
fi

chosen=()
for build in "${builds[@]}"; do
	read -r name machine _ <<<"$build"
	[[ ${#chosen[@]} -eq 0 || $name == *$word* ]] || continue
	[[ $machine == native || -z $without ]] || continue
	chosen+=("$build")
	rm -f "$B/determinism/$name/runs.txt"
done

# report NAME: whether it came to what the first did.
first=$B/determinism/${builds[0]%% *}/runs.txt failed=0
report() {
	local runs=$B/determinism/$1/runs.txt verdict
	if [ ! -e "$runs" ]; then
		printf '%-22s does not build or run: %s\n' "$1" "$B/determinism/$1.log"
		tail -n 20 "$B/determinism/$1.log"
		failed=2
		return
	fi
	verdict="the same $(wc -l <"$runs") results"
	grep -vxFf "$first" "$runs" >"$runs.off" && { verdict=DIFFERENT; failed=1; }
	printf '%-22s %s  %s  (%d s)\n' "$1" "$(sha256sum <"$runs" | cut -c1-16)" "$verdict" "$(cat "$B/determinism/$1.s")"
	cat "$runs.off"
}

running=0
for build in "${chosen[@]}"; do
	read -r name _ <<<"$build"
	if [ "$running" -ge "$JOBS" ]; then
		wait -n || true
		running=$((running - 1))
	fi
	# shellcheck disable=SC2086 # of words
	(SECONDS=0; leg $build; echo "$SECONDS" >"$B/determinism/$name.s") >"$B/determinism/$name.log" 2>&1 &
	running=$((running + 1))
done
wait
for build in "${chosen[@]}"; do
	report "${build%% *}"
	[ -e "$first" ] || exit 2
done
[ -z "$without" ] || echo "NOT COMPARED: AArch64: $without"
[ "$failed" -ne 0 ] || echo "the same in ${#chosen[@]} builds"
exit "$failed"
