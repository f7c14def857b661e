#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
# clock_live.t - the rate that this machine's own timer interrupts prove is the one that its kernel calibrated: an
# instance of the live tracefs, made and removed here.
. "${SRC:?run by make check}/scripts/tap.sh" || exit
cd "$TMP" || exit

tracing=$(awk '$3 == "tracefs" { print $2; exit }' /proc/mounts)
[[ $EUID == 0 && -n $tracing ]] || skip_all "needs root and tracefs"
khz=$(dmesg 2>/dev/null | sed -n -e 's/.*tsc: Refined TSC clocksource calibration: \([0-9]*\)\.\([0-9]*\) MHz.*/\1\2/p' \
	-e 's/.*tsc: Detected \([0-9]*\)\.\([0-9]*\) MHz.*/\1\2/p' | tail -n 1)
[[ -n $khz ]] || skip_all "the kernel log has no rate of the TSC any more"
instance=bringup_clock_$$
buffer=$tracing/instances/$instance
mkdir "$buffer" 2>/dev/null || skip_all "no instance can be made"
trap 'echo 0 >"$buffer/events/enable"; rmdir "$buffer"; rm -rf "$TMP"' EXIT
event=$buffer/events/timer/hrtimer_expire_entry/enable
{ echo x86-tsc >"$buffer/trace_clock" && [[ -e $event ]]; } 2>/dev/null || skip_all "no clock x86-tsc, or no timer events"

echo 512 >"$buffer/buffer_size_kb"
echo 1 >"$event"
# CPUs that idle have no tick; somebody has to be awake.
end=$((SECONDS + 3))
while ((SECONDS < end)); do :; done
echo 0 >"$buffer/tracing_on"	# the event stays on: formats are saved of what is
run "$BRINGUP" record --instance "$instance" -o live.dat
is "records" "$status" 0
run "$BRINGUP" import live.dat -o live.db --force
is "the anchors prove a rate" "$(sqlite3 live.db 'SELECT clock_unit, clock_hz_source FROM capture')" \
	"ns|hrtimer_expire_entry anchors"
hz=$(sqlite3 live.db 'SELECT coalesce(clock_hz, 0) FROM capture')
ppm=$(sqlite3 live.db "SELECT detail FROM import_note WHERE detail LIKE 'the rate of the clock%'" |
	sed -n 's/.*right to \([0-9.]*\) ppm.*/\1/p')
diff=$(awk -v a="$hz" -v b="${khz}000" 'BEGIN { printf "%.1f", (a > b ? a - b : b - a) / b * 1e6 }')
echo "# kernel ${khz}000 Hz, anchors $hz Hz: $diff ppm apart, bound ${ppm:-none} ppm"
# A time daemon may be correcting CLOCK_MONOTONIC by up to 500 ppm.
is "within the bound of what the kernel calibrated" "$(awk -v d="$diff" -v p="${ppm:-0}" 'BEGIN { print (p > 0 && d <= p + 500) }')" 1
finish
