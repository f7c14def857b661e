#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
# clock.t - the recorded switches to the HPET, replayed with the algorithm that was running: retries within a factor of 1.5,
# stop_machine() within 10 %; and that a capture without ticks and reads is refused, with what is missing.
. "$SRC/scripts/tap.sh"

capture() {
	mkdir -p "$TMP/$1"
	tar -C "$TMP/$1" -xf "$SRC/datasets/boots/$1/capture.tar.xz"
	"$BRINGUP" import "$TMP/$1/trace.dat" --machine "$TMP/$1/machine" -o "$TMP/$1.db" >"$TMP/import" 2>&1
}

for name in 6.1-smp8-clock 6.1-smp64-clock; do
	capture "$name"
	run "$BRINGUP" replay "$TMP/$name.db" --clocksource stop-machine --json
	is "$name: the run is ok" "$(jq -r '.runs[0].verdict' <<<"$out")" ok
	is "$name: retries as recorded within a factor of 1.5" \
		"$(jq '.runs[0].metrics.retry_share.value / .recording.retry_share | . > 1 / 1.5 and . < 1.5' <<<"$out")" true
	is "$name: stop_machine as recorded within 10 %" \
		"$(jq '.runs[0].metrics.switch_to_notify.value / .recording.notified_ns | . > 0.9 and . < 1.1' <<<"$out")" true
	# Nobody stops, so nobody waits for the last of them to come.
	run "$BRINGUP" replay "$TMP/$name.db" --clocksource seq-only --json
	is "$name: without a stop there is none" "$(jq '.runs[0].metrics.stop_machine' <<<"$out")" null
done

capture 6.1-smp2
run "$BRINGUP" replay "$TMP/6.1-smp2.db" --clocksource stop-machine
is "a capture without reads is refused" "$status" 1
like "and says how to record one" "$out$err" 'trace'
finish
