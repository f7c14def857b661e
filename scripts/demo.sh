#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
# demo.sh FOLDER [DATASET...] - what `make demo` does: take recorded 64-CPU boots, run each again as recorded
# and under both bring-up algorithms, and draw it. Databases and pictures go to FOLDER. Every command is shown
# as a user would type it. $BRINGUP is the program; a DATASET is a folder as in datasets/boots.
set -euo pipefail
(($# > 0)) || { echo "usage: scripts/demo.sh FOLDER [DATASET...]" >&2; exit 2; }
out=$1
shift
if (($# == 0)); then
	boots=$(dirname "$0")/../datasets/boots
	set -- "$boots/6.1-smp64" "$boots/6.12-smp64"
fi

# typed COMMAND... - show what is about to run
typed() {
	printf '\n$ bringup'
	printf ' %s' "$@"
	echo
}

# bringup ARGUMENTS... - exit code 3 means that the capture had losses, which its output tells; the demo goes on
bringup() {
	"$BRINGUP" "$@" || (($? == 3))
}

# answer REPLAY.JSON - in a sentence: how long it took, and how long the algorithms would take
answer() {
	jq -r '
		def seconds: . / 1e7 | round / 100 | tostring + " s";
		def against($was): (. / $was - 1) * 1000 | round / 10 |
			if . == 0 then "the same" elif . > 0 then "\(.) % longer" else "\(-.) % shorter" end;
		.recorded_algorithm as $ran | (.runs[] | select(.core == "recorded")) as $was |
		"\(.kernel_release), \($was.cpus) CPUs: bring-up took \($was.recorded_bringup_ns | seconds) (\($ran)); " +
		([.runs[] | select(.core != "recorded") |
			if .verdict == "ok" then "the \(.core) algorithm replays in \(.bringup_ns | seconds)" +
				", \(.bringup_ns | against($was.recorded_bringup_ns))"
			else "the \(.core) algorithm ends in \(.verdict)" end] | join("; ")) + "."
	' "$1"
}

closing=
for boot; do
	name=$(basename "$boot")
	dir=$out/$name
	rm -rf "$dir"
	mkdir -p "$dir"
	printf '\n==== %s\n' "$name"
	tar -xJf "$boot/capture.tar.xz" -C "$dir"
	boot=$(cd "$boot" && pwd)
	pushd "$dir" >/dev/null
	typed import trace.dat --machine machine -o boot.db
	bringup import trace.dat --machine machine -o boot.db
	typed info boot.db
	bringup info boot.db
	typed report boot.db
	bringup report boot.db
	replay=(replay boot.db --hotplug "recorded,serial,parallel")
	# The guest's CPUs shared a host: so many it had, so much of them was taken by others (the lab wrote it down).
	host=$(jq -r '.host.cpus, (.host.busy_elsewhere_s / .result.wall_s / .host.cpus * 1000 | round)' "$boot/provenance.json")
	replay+=(--set "machine.physical_cpus=${host%%$'\n'*}" --set "machine.host_load=${host##*$'\n'}")
	typed "${replay[@]}" -o runs.db
	bringup "${replay[@]}" -o runs.db >table
	echo "(the table is at the end)"
	bringup "${replay[@]}" -o again.db --json >replay.json
	rm again.db
	typed plot timeline runs.db -o timeline.png
	bringup plot timeline runs.db -o timeline.png
	typed plot steps boot.db -o steps.png
	bringup plot steps boot.db -o steps.png
	popd >/dev/null
	echo "(machine.*: the CPUs of this guest's host and what others took of them, from $(basename "$boot")/provenance.json)"
	closing+=$(printf '\n==== %s\n%s\n\n%s\nPictures: %s %s\n.' "$name" "$(<"$dir/table")" \
		"$(answer "$dir/replay.json")" "$dir/timeline.png" "$dir/steps.png")
	closing=${closing%.}
done
printf '%s' "$closing"
