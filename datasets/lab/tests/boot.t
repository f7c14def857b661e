#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
# boot.t - a real kernel with two CPUs, from power on to figures: recorded by bringup in the guest, imported here, and
# compared with what the guest's kernel counted itself. Then two boots that do not end well.
. "${SRC:?run by make check}/scripts/tap.sh" || exit
lab=$SRC/datasets/lab/lab.sh
tag=t$$

# shellcheck disable=SC2317 # called by ok
# Nothing of ours runs. The name is in QEMU's arguments, and nobody else's has this one.
no_qemu() {
	! pgrep -f "bringup-lab-$tag" >/dev/null
}

# Without the kernel there is nothing to test; that is the only reason to skip.
run "$lab" --kernel 6.1 --cpus 2 --fetch
[[ $status == 0 ]] || skip_all "the kernel cannot be had here: $err"

# kill -0 on the saved pid proves that QEMU was there to be ended.
"$lab" --kernel 6.1 --cpus 2 --name "$tag" --no-record -o "$TMP/ended" 2>"$TMP/ended.err" &
pid=$!
for ((i = 0; i < 600; i++)); do
	qemu=$(pgrep -f -o "^[^ ]*qemu-system-x86_64 .*bringup-lab-$tag") && break
	sleep 0.1
done
ok "a boot is under way" test -n "$qemu"
kill -TERM "$pid"
status=0
wait "$pid" || status=$?
is "ended from outside, the lab says so by its exit code" "$status" 143
ok "its QEMU ended with it" no_qemu
ok "what there was is not left under the final name" test ! -e "$TMP/ended"

run "$lab" --kernel 6.1 --cpus 2 --name "$tag" --no-record --timeout 3 -o "$TMP/late"
is "a boot over its time fails" "$status" 1
like "and says where it was" "$err" 'not over after 3 s: it stopped (before|while|after|in) '
ok "its console log is kept" test -e "$TMP/late.failed/console.log"
ok "what there was is not left under the final name" test ! -e "$TMP/late"
ok "its QEMU is gone" no_qemu

run "$lab" --kernel 6.1 --cpus 2 --name "$tag" --bringup "$BRINGUP" -o "$TMP/boot"
is "a 6.1 kernel boots with two CPUs and is recorded" "$status" 0
if [[ $status != 0 ]]; then
	printf '%s\n' "$err" | sed 's/^/# /'
	finish
fi
ok "its QEMU is gone" no_qemu
ok "nothing is left under a working name" test ! -e "$TMP/boot.partial"
is "provenance names the kernel package" \
	"$(jq -r '.kernel.packages[0].name | test("^linux-image-6\\.1\\.0-[0-9]+-amd64-unsigned$")' "$TMP/boot/provenance.json")" true
counted=$(awk -F: '$2 == "entries" { n += $3 } END { print n + 0 }' "$TMP/boot/machine/stats")
ok "the guest's kernel counted thousands of events" test "$counted" -gt 1000

run "$BRINGUP" import "$TMP/boot/trace.dat" --machine "$TMP/boot/machine" -o "$TMP/boot.db"
is "the capture is imported without loss" "$status" 0
run "$BRINGUP" info --json "$TMP/boot.db"
is "info succeeds" "$status" 0
is "every event that the kernel counted is in the database" "$(jq .events_total <<<"$out")" "$counted"
is "none is lost" "$(jq .lost_total <<<"$out")" 0
is "two CPUs are online" "$(jq .cpus_online <<<"$out")" 2
is "the clock is the one asked for" "$(jq -r .trace_clock <<<"$out")" x86-tsc
is "the release is that of the package" "$(jq -r .kernel_release <<<"$out")" "$(jq -r .kernel.release "$TMP/boot/provenance.json")"

finish
