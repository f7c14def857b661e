#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
#
# spread.sh - boots one configuration several times and keeps every capture as a dataset, so that the spread of real
# boots can be set beside the errors of replayed ones.
# Flow: [spread] -> lab.sh, RUNS times, one after the other -> datasets/boots/spread-KERNEL-smpCPUS-N/.

set -euo pipefail

LAB_DIR=$(cd "$(dirname -- "${BASH_SOURCE[0]}")" && pwd)
LAB_ROOT=$(cd "$LAB_DIR/../.." && pwd)
. "$LAB_DIR/lib/common.sh"
. "$LAB_DIR/lib/pack.sh"

usage() {
	cat <<EOF
Usage: $LAB_ME --kernel LINE --cpus N [--runs N] [--quiet S] [-- LAB-ARGUMENTS...]

Boot the same machine again and again; make datasets/boots/spread-LINE-smpN-1, -2 and so on.

  --kernel LINE   as lab.sh takes it
  --cpus N        as lab.sh takes it
  --runs N        how many boots (5)
  --quiet S       wait up to S seconds for an idle host before each boot (120)
  -h, --help      this text

Examples:
  $LAB_ME --kernel 6.1 --cpus 8 --runs 5
  $LAB_ME --kernel 6.12 --cpus 8 --runs 10 -- --cmdline cpuhp.parallel=0
EOF
}

kernel='' cpus='' runs=5 quiet=120 LAB_TRIES=3
while [ $# -gt 0 ]; do
	case $1 in
	--kernel) need_value "$1" $#; kernel=$2; shift ;;
	--cpus) need_value "$1" $#; need_number "$1" "$2" 2 4096; cpus=$2; shift ;;
	--runs) need_value "$1" $#; need_number "$1" "$2" 1 1000; runs=$2; shift ;;
	--quiet) need_value "$1" $#; need_number "$1" "$2" 1 86400; quiet=$2; shift ;;
	-h | --help) usage; exit 0 ;;
	--) shift; break ;;
	*) usage_error "unknown argument '$1'" ;;
	esac
	shift
done
[ -n "$kernel" ] || usage_error "--kernel is missing"
[ -n "$cpus" ] || usage_error "--cpus is missing"
need_tools
mkdir -p "$LAB_ROOT/datasets/boots"

for ((run = 1; run <= runs; run++)); do
	name=spread-$kernel-smp$cpus-$run
	args=(--kernel "$kernel" --cpus "$cpus" "$@")
	record_and_pack "$name" "datasets/lab/lab.sh ${args[*]@Q} --name $name -o OUTDIR" "${args[@]}" --quiet "$quiet"
done
