# SPDX-License-Identifier: GPL-2.0-only
# shellcheck shell=bash
#
# pack.sh - from a capture of lab.sh to a dataset folder that can be committed.
# Flow: OUTDIR of lab.sh -> [pack] -> datasets/boots/NAME/.
#
# The expected answers come from the guest kernel's own statistics, never from our importer: they are what the
# importer is tested against.

# expected CAPTURE - what any reader of the capture must find, as JSON.
expected() {
	jq -n --rawfile stats "$1/machine/stats" --rawfile masks "$1/machine/cpu_masks" \
		--rawfile clock "$1/machine/trace_clock" --arg source "$(cat "$1/machine/clocksource_current")" \
		--slurpfile from "$1/provenance.json" '
		def tally(re): [$stats | split("\n")[] | capture("^cpu(?<cpu>[0-9]+)/stats:(?<key>[^:]+): *(?<n>[0-9]+)$") |
			select(.key | test(re)) | { cpu: (.cpu | tonumber), n: (.n | tonumber) }];
		def list: split(",") | map(split("-") | map(tonumber) | [range(.[0]; .[-1] + 1)]) | add;
		tally("^entries$") as $entries | tally("^(overrun|commit overrun|dropped events)$") as $lost | {
			source: "per_cpu/cpuN/stats, cpu/online and trace_clock of the guest kernel that was recorded",
			kernel_release: $from[0].kernel.release,
			cpus_online: ($masks | capture("(^|\n)online (?<l>[^\n]+)").l | list | length),
			events_total: ($entries | map(.n) | add),
			lost_total: ($lost | map(.n) | add),
			trace_clock: ($clock | capture("\\[(?<c>[^]]+)\\]").c),
			clocksource: $source,
			events_per_cpu: ($entries | sort_by(.cpu) | map({ (.cpu | tostring): .n }) | add) }'
}

# pack CAPTURE FOLDER RECIPE - write the dataset FOLDER from the capture that the command RECIPE made.
pack() {
	local capture=$1 folder=$2 recipe=$3 tmp="$2.partial" date trace=trace.dat
	[ -e "$capture/$trace" ] || trace=trace.txt
	rm -rf "$tmp"
	mkdir -p "$tmp"
	date=$(jq -r .date "$capture/provenance.json")
	printf '%s\n' "$recipe" >"$tmp/recipe"
	cp "$capture/provenance.json" "$tmp/provenance.json"
	expected "$capture" >"$tmp/expect.json"
	# Names, owners and times are settled here, so that packing one capture twice gives one checksum.
	tar -C "$capture" --sort=name --owner=0 --group=0 --numeric-owner --mode=u=rwX,go=rX --mtime="$date" \
		-cf - "$trace" machine console.log | xz -9e -T1 >"$tmp/capture.tar.xz"
	cat >"$tmp/LICENSE.note" <<-EOF
		These files were recorded by the bringup project from a kernel that ran under emulation; recipe says how, and
		provenance.json with what. They hold what the kernel's tracer and its /proc and /sys reported: facts about a
		run, with the names of kernel symbols, and the kernel's own descriptions of its events. The Linux kernel is
		GPL-2.0; no part of its code is in here. To the extent that there is anything in the recording itself that
		copyright could cover, the project gives it to the public domain under CC0 1.0.
	EOF
	(cd "$tmp" && sha256sum LICENSE.note capture.tar.xz expect.json provenance.json recipe >SHA256SUMS)
	rm -rf "$folder"
	mv "$tmp" "$folder"
	say "$folder: $(du -k "$folder/capture.tar.xz" | cut -f1) KiB"
}

# record_and_pack NAME RECIPE LAB-ARGUMENTS... - record a boot and make datasets/boots/NAME of it.
# A guest that dies is tried again up to LAB_TRIES times: emulated kernels do that now and then.  A boot with losses or
# with CPUs missing is no dataset.
record_and_pack() {
	local name=$1 recipe=$2 capture="${B:-$LAB_ROOT/build}/datasets/$1" try rc=1
	shift 2
	for ((try = 1; try <= LAB_TRIES; try++)); do
		rc=0
		"$LAB_DIR/lab.sh" "$@" --name "$name" --force -o "$capture" || rc=$?
		[ "$rc" = 1 ] || break
		say "$name: try $try of $LAB_TRIES failed"
		[ ! -d "$capture.failed" ] || mv -T "$capture.failed" "$(mktemp -u "$capture.failed-XXXXXX")"
	done
	case $rc in
	0) ;;
	3) die "$name: the capture in $capture is incomplete, no dataset made" ;;
	1) die "$name: no boot succeeded" ;;
	*) exit "$rc" ;;
	esac
	jq --argjson tries "$try" '.result.tries = $tries' "$capture/provenance.json" >"$capture/provenance.json.new"
	mv "$capture/provenance.json.new" "$capture/provenance.json"
	pack "$capture" "$LAB_ROOT/datasets/boots/$name" "$recipe"
}
