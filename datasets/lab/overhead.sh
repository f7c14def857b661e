#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
#
# overhead.sh - what tracing costs a boot: the same kernel without it, and with the lines that `bringup plan` prints.
# Flow: bringup plan, lab.sh --mode run -> FILE.tsv, a line per boot -> a table of medians.
#
# The variants take turns, so that a host that gets slower or faster meanwhile does so for all. The times within the boot
# are those of the guest's log, which begins with the kernel's clock and so misses what comes before that; the CPU time is
# QEMU's and the lab's, and has all of it.

set -euo pipefail

LAB_DIR=$(cd "$(dirname -- "${BASH_SOURCE[0]}")" && pwd)
LAB_ROOT=$(cd "$LAB_DIR/../.." && pwd)
. "$LAB_DIR/lib/common.sh"

usage() {
	cat <<EOT
Usage: $LAB_ME --kernel LINE --cpus N [options] -o FILE.tsv

Boot a kernel untraced, with 'bringup plan --profile hotplug' and with '--profile all', in turns; print the medians of what
stands in FILE.tsv, to which each boot adds a line. Keep the host idle meanwhile.

  --kernel LINE   a kernel of lab.sh
  --cpus N        virtual CPUs
  --repeat N      how often (5); 0: only print FILE.tsv
  --cmdline TEXT  more kernel parameters for all of them
  -h, --help      this text

Example:
  $LAB_ME --kernel 6.12 --cpus 8 --repeat 5 -o /tmp/overhead.tsv
EOT
}

kernel='' cpus='' repeat=5 extra='' file=''
while [ $# -gt 0 ]; do
	case $1 in
	--kernel) need_value "$1" $#; kernel=$2; shift ;;
	--cpus) need_value "$1" $#; cpus=$2; need_number "$1" "$2" 2 4096; shift ;;
	--repeat) need_value "$1" $#; repeat=$2; shift ;;
	--cmdline) need_value "$1" $#; extra=$2; shift ;;
	-o | --output) need_value "$1" $#; file=$2; shift ;;
	-h | --help) usage; exit 0 ;;
	*) usage_error "unknown argument '$1'" ;;
	esac
	shift
done
[[ -n $kernel && -n $cpus && -n $file ]] || usage_error "--kernel, --cpus and -o are needed"
[[ $repeat =~ ^[0-9]{1,3}$ ]] || usage_error "--repeat takes a number, not '$repeat'"
bringup=${BRINGUP:-$LAB_ROOT/build/bringup}
[ -x "$bringup" ] || die "no program at $bringup: run make, or say where with BRINGUP"
work=$(mktemp -d "${TMPDIR:-/tmp}/bringup-overhead.XXXXXX")
trap 'rm -rf "$work"' EXIT
# shellcheck disable=SC2016  # for the shell of the guest
echo 'uname -r >$RESULT/release' >"$work/script"

# boot VARIANT LINE - one boot; adds "kernel cpus variant before bringup after cpu wall elsewhere" to the file, in seconds:
# up to the bring-up, the bring-up, from there to init; then CPU time, time by the clock, and the host's other CPU time.
boot() {
	local t0 wall busy cpu out=$work/out
	rm -rf "$out"
	t0=$(date +%s%N)
	busy=$(host_busy_ms)
	times >"$work/times"
	"$LAB_DIR/lab.sh" --kernel "$kernel" --cpus "$cpus" --mode run --script "$work/script" --no-record \
		--cmdline "$2${extra:+ $extra}" -o "$out" 2>"$work/lab.log" || die "$1: $(tail -n 3 "$work/lab.log")"
	times >>"$work/times"
	cpu=$(children_ms "$work/times")
	busy=$(($(host_busy_ms) - busy - cpu))
	wall=$(($(date +%s%N) - t0))
	tr -d '\r' <"$out/console.log" | awk -v OFS='\t' -v what="$kernel	$cpus	$1" -v wall="$wall" -v cpu="$cpu" -v busy="$busy" '
		function stamp() { match($0, /[0-9]+\.[0-9]+/); return substr($0, RSTART, RLENGTH) + 0 }
		/smp: Bringing up secondary CPUs/ { first = stamp() }
		/smp: Brought up/ { last = stamp() }
		/lab: init reached at/ { match($0, /at [0-9.]+/); up = substr($0, RSTART + 3, RLENGTH - 3) + 0 }
		END { if (!first || !last || !up) exit 1; print what, first, last - first, up - last, cpu / 1e3, wall / 1e9, (busy > 0 ? busy : 0) / 1e3 }' >>"$file" ||
		die "$1: the console lacks one of the three moments"
}

for ((i = 0; i < repeat; i++)); do
	boot untraced ''
	release=$(cat "$work/out/release")
	for profile in hotplug all; do
		line=$("$bringup" plan --profile $profile --kernel "$release" --cpus "$cpus" --memory "$((768 + cpus * 18))M" --cmdline '' --json |
			jq -er .line) || die "bringup plan refused profile $profile"
		boot "$profile" "$line"
	done
done

# Medians, and in brackets the range. CPU time of all boots; times by a clock only of those that had nine tenths of the
# host's CPU time for themselves, since the others say how busy the host was.
sort -t "$(printf '\t')" -k1,1 -k2,2n -k3,3 "$file" | awk -F'\t' -v OFS='\t' '
	function show(column,   i, j, t, n, v) {
		n = rows[column]
		if (!n) return "-"
		for (i = 1; i <= n; i++) v[i] = value[i, column]
		for (i = 2; i <= n; i++) for (j = i; j > 1 && v[j - 1] > v[j]; j--) { t = v[j]; v[j] = v[j - 1]; v[j - 1] = t }
		return sprintf("%.3f (%.3f-%.3f)", n % 2 ? v[(n + 1) / 2] : (v[n / 2] + v[n / 2 + 1]) / 2, v[1], v[n])
	}
	function flush() {
		if (rows[7]) print key, rows[7], rows[8] + 0, show(7), show(4), show(5), show(6), show(8)
		delete rows
	}
	BEGIN { print "kernel", "CPUs", "traced", "boots", "undisturbed", "CPU time, s", "before bring-up", "bring-up", "until init", "wall" }
	{ k = $1 OFS $2 OFS $3; if (k != key) { flush(); key = k } }
	{ for (i = 4; i <= 8; i++) if (i == 7 || $9 <= ($7 + $9) / 10) value[++rows[i], i] = $i }
	END { flush() }' | column -t -s "$(printf '\t')"
