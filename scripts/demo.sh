#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
# demo.sh FOLDER [BOOT...] - what `make demo` does: take recorded 64-CPU boots from datasets/boots, run each again
# as recorded and under both bring-up algorithms, and draw it. Databases and pictures go to FOLDER. Every
# command is shown as a user would type it. $BRINGUP is the program.
set -euo pipefail
cd "$(dirname "$0")/.."
(($# > 0)) || { echo "usage: scripts/demo.sh FOLDER [BOOT...]" >&2; exit 2; }
out=$1
shift
(($# > 0)) || set -- 6.1-smp64 6.12-smp64

# show COMMAND... - print and run it; exit code 3 means that the capture had losses, which its output tells.
show() {
	local status=0
	printf '\n$ bringup'
	printf ' %q' "$@"
	echo
	"$BRINGUP" "$@" || status=$?
	((status == 0 || status == 3)) || exit "$status"
}

# answer RUNS.JSON - one sentence: the algorithm that ran against the best of the others. Units: ms.
answer() {
	jq -r '
		def ms: . / 1e6 | if . < 100 then (. * 10 | round) / 10 else round end | tostring + " ms";
		(.runs | map(select(.core == "recorded"))[0]) as $was |
		(.runs | map(select(.core != "recorded"))) as $would |
		"Bringing up \($was.cpus) CPUs took \($was.recorded_bringup_ns | ms); it would take " +
		($would | map(
			if .verdict == "ok" then "\(.bringup_ns | ms) with the \(.core) algorithm"
			else "for ever with the \(.core) algorithm (\(.verdict))" end) | join(" and ")) + "."
	' "$1"
}

closing=
for boot; do
	dir=$out/$boot
	rm -rf "$dir"
	mkdir -p "$dir"
	printf '\n%s\n' "== $boot: $(sed -n '/./{s/^#* *//;p;q}' "datasets/boots/$boot/README.md" 2>/dev/null)"
	tar -xJf "datasets/boots/$boot/capture.tar.xz" -C "$dir"
	(
		cd "$dir"
		show import trace.dat --machine machine -o boot.db
		show info boot.db
		show report boot.db
		show replay boot.db --hotplug recorded,serial,parallel -o runs.db >table
		sed -n 2p table
		"$BRINGUP" replay boot.db --hotplug recorded,serial,parallel -o again.db --json >runs.json || (($? == 3))
		rm again.db
		show plot timeline runs.db -o timeline.png
		show plot steps boot.db -o steps.png
	)
	closing+=$(printf '\n%s\n%s\n\n%s\nPictures: %s %s' "== $boot" "$(tail -n +3 "$dir/table")" \
		"$(answer "$dir/runs.json")" "$dir/timeline.png" "$dir/steps.png")$'\n'
done
printf '\n%s' "$closing"
