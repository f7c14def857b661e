#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
#
# dataset.sh - records the boots of recipes.tsv and makes the folders below datasets/boots from them.
# Flow: recipes.tsv -> [dataset] -> lab.sh -> datasets/boots/NAME/.

set -euo pipefail

LAB_DIR=$(cd "$(dirname -- "${BASH_SOURCE[0]}")" && pwd)
LAB_ROOT=$(cd "$LAB_DIR/../.." && pwd)
. "$LAB_DIR/lib/common.sh"
. "$LAB_DIR/lib/pack.sh"

usage() {
	cat <<EOF
Usage: $LAB_ME [options] NAME... [-- LAB-ARGUMENTS...]
       $LAB_ME [options] --missing [-- LAB-ARGUMENTS...]
       $LAB_ME --list

Record the boots of these names in recipes.tsv and pack each as datasets/boots/NAME. What follows -- goes to lab.sh
in addition; it is for what does not change the recording, such as --nice -10.

  --missing     all that have no folder yet
  --list        only print the names and what each is there for
  --repack      do not boot: pack again what was recorded before (in \$B/datasets, B being build)
  --quiet S     wait up to S seconds for an idle host before each boot (120)
  --tries N     how often to try a boot whose guest dies (3)
  -h, --help    this text

Examples:
  $LAB_ME 6.1-smp8 6.12-smp8
  $LAB_ME --missing --tries 5 -- --nice -10
EOF
}

quiet=120 repack=0 unmade=0 names=() LAB_TRIES=3
while [ $# -gt 0 ]; do
	case $1 in
	--missing) unmade=1 ;;
	--list)
		awk -F'\t' '!/^#/ && NF == 3 { printf "%-20s %s\n", $1, $3 }' "$LAB_DIR/recipes.tsv"
		exit 0
		;;
	--repack) repack=1 ;;
	--quiet) need_value "$1" $#; need_number "$1" "$2" 1 86400; quiet=$2; shift ;;
	--tries) need_value "$1" $#; need_number "$1" "$2" 1 100; LAB_TRIES=$2; shift ;;
	-h | --help) usage; exit 0 ;;
	--) shift; break ;;
	-*) usage_error "unknown argument '$1'" ;;
	*) names+=("$1") ;;
	esac
	shift
done
if [ "$unmade" = 1 ]; then
	while read -r name; do
		[ -e "$LAB_ROOT/datasets/boots/$name" ] || names+=("$name")
	done < <(awk -F'\t' '!/^#/ && NF == 3 { print $1 }' "$LAB_DIR/recipes.tsv")
elif [ ${#names[@]} -eq 0 ]; then
	usage_error "no NAME given; --list shows them"
fi
need_tools
mkdir -p "$LAB_ROOT/datasets/boots"

for name in ${names[@]+"${names[@]}"}; do
	args=$(awk -F'\t' -v name="$name" '!/^#/ && $1 == name { print $2 }' "$LAB_DIR/recipes.tsv")
	[ -n "$args" ] || usage_error "no '$name' in recipes.tsv; --list shows what there is"
	recipe="datasets/lab/lab.sh $args --name $name -o OUTDIR"
	if [ "$repack" = 1 ]; then
		capture=${B:-$LAB_ROOT/build}/datasets/$name
		[ -e "$capture/provenance.json" ] || die "$name was not recorded yet: nothing in $capture"
		pack "$capture" "$LAB_ROOT/datasets/boots/$name" "$recipe"
		continue
	fi
	# xargs undoes the quoting of the table without running anything in it.
	mapfile -t words < <(xargs -n 1 printf '%s\n' <<<"$args")
	record_and_pack "$name" "$recipe" "${words[@]}" --quiet "$quiet" "$@"
done
