#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
# record.t - draining a live buffer: an instance of this machine's own tracefs, made and removed here.
. "${SRC:?run by make check}/scripts/tap.sh" || exit
cd "$TMP" || exit

run "$BRINGUP" record --state "$TMP/.state" --boot --instance x -o x.dat
is "both --boot and --instance: usage" "$status" 2
run "$BRINGUP" record --state "$TMP/.state" --boot
is "no output: usage" "$status" 2
run "$BRINGUP" record --state "$TMP/.state" --boot --snapshot -o x.dat
is "both --boot and --snapshot: usage" "$status" 2
run "$BRINGUP" record --state "$TMP/.state" --boot --redact -o x.dat
is "a trace.dat cannot be redacted: usage" "$status" 2
for live in "--for 3s" --hotplug "-e sched:*" "--max-size 1M" "-- true"; do
	# shellcheck disable=SC2086  # an option and its value
	run "$BRINGUP" record --state "$TMP/.state" --boot -o x.dat $live
	is "what a buffer that is there cannot do, $live: usage" "$status" 2
done
run "$BRINGUP" record --state "$TMP/.state" --for 0s -o x.dat
is "a recording of no time: usage" "$status" 2
run "$BRINGUP" record --state "$TMP/.state" --keep-tracing --for 1s -o x.dat
is "live recording leaves no tracing to keep: usage" "$status" 2
if [[ $EUID != 0 ]]; then
	run "$BRINGUP" record --state "$TMP/.state" --boot -o x.dat
	like "not root: says so" "$err" "root only"
	skip_rest=1
else
	run "$BRINGUP" record --state "$TMP/.state" --instance there_is_no_such_instance -o x.dat
	[[ $err == *"cannot be mounted"* ]] && skip_rest=1
fi
tracing=$(awk '$3 == "tracefs" { print $2; exit }' /proc/mounts)
instance=bringup_test_$$
if [[ -n ${skip_rest:-} || -z $tracing ]] || ! mkdir "$tracing/instances/$instance" 2>/dev/null; then
	echo "# the rest needs root and tracefs"
	finish
fi
buffer=$tracing/instances/$instance
trap 'rmdir "$buffer"; rm -rf "$TMP"' EXIT

is "no such instance: exit code" "$status" 1
like "no such instance: says so" "$err" "there_is_no_such_instance.*No such file"
run "$BRINGUP" record --state "$TMP/.state" --instance "$instance" -o x.dat
is "an empty buffer: exit code" "$status" 1
like "an empty buffer: says so" "$err" "no events"
is "an empty buffer: tracing is on as before" "$(<"$buffer/tracing_on")" 1
is "an empty buffer: leaves nothing" "$(ls)" ""

echo 4096 >"$buffer/buffer_size_kb"	# a busy machine must not overwrite what is counted below
if ! { echo 1 >"$buffer/events/sched/sched_process_fork/enable" &&
	echo 1 >"$buffer/events/timer/hrtimer_start/enable"; } 2>/dev/null; then
	echo "# events cannot be switched on here"
	finish
fi
fill() {
	echo 1 >"$buffer/tracing_on"
	for _ in {1..200}; do /bin/true; done
}
fill
run "$BRINGUP" record --state "$TMP/.state" --instance "$instance" -o x.dat --machine machine
is "records" "$status" 0
is "reads the kernel's log, and says nothing of it" "$(test -s machine/dmesg; echo $?)|$(grep -c "kernel's log" <<<"$err")" "0|0"
is "leaves tracing off" "$(<"$buffer/tracing_on")" 0
entries=$(awk -F'entries: ' '/:entries: / { n += $2 } END { print n }' machine/stats)
ok "there is something to compare" test "$entries" -gt 100
is "nothing is left in the kernel" "$(awk -F'entries: ' '/:entries: / { n += $2 } END { print n }' machine/stats.after)" 0
if command -v trace-cmd >/dev/null; then
	is "trace-cmd counts what the kernel counted" "$(trace-cmd report x.dat 2>/dev/null | grep -vc '^cpus=')" "$entries"
fi
run "$BRINGUP" import x.dat --machine machine -o x.db
is "imports without loss" "$status" 0
is "the database has what the kernel counted" "$(sqlite3 x.db 'SELECT events_total FROM capture')" "$entries"
is "the machine is this one" "$(sqlite3 x.db 'SELECT kernel_release, cpus_online FROM capture, machine')" \
	"$(uname -r)|$(nproc --all)"
ok "all CPUs of the machine have a row" test "$(sqlite3 x.db 'SELECT count(*) FROM cpu')" -ge "$(nproc --all)"
is "symbols have names" "$(sqlite3 x.db "SELECT count(*) FROM symbol WHERE name LIKE '0x%'")" 0

run "$BRINGUP" record --state "$TMP/.state" --previous-boot --instance "$instance" -o p.dat
is "an instance of this boot has no boot before: exit code" "$status" 1
like "an instance of this boot has no boot before: says so" "$err" "memory that outlives a reboot"
if [[ -e $buffer/snapshot ]]; then
	fill
	run "$BRINGUP" record --state "$TMP/.state" --snapshot --instance "$instance" -o s.db
	is "takes a snapshot" "$status" 0
	like "whose account balances" "$out" 'written ([0-9]+) \+ lost 0 = produced'
	is "tracing goes on" "$(<"$buffer/tracing_on")" 1
	ok "the snapshot is freed" grep -q 'Snapshot is freed' "$buffer/snapshot"
else
	run "$BRINGUP" record --state "$TMP/.state" --snapshot --instance "$instance" -o s.db
	is "a kernel without snapshots: exit code" "$status" 1
	like "a kernel without snapshots: says so" "$err" "CONFIG_TRACER_SNAPSHOT is off"
fi
fill
run "$BRINGUP" record --state "$TMP/.state" --instance "$instance" --redact -o r.db
is "redacts as it records" "$status" 0
run "$BRINGUP" audit r.db
is "and nothing is left of what must not be there" "$status" 0
rm -f r.db s.db

if [[ $(</proc/sys/kernel/dmesg_restrict) == 1 ]]; then
	fill
	run setpriv --bounding-set -syslog "$BRINGUP" record --state "$TMP/.state" --instance "$instance" -o l.db
	is "without CAP_SYSLOG: records" "$status" 0
	like "without CAP_SYSLOG: warns that the log tells no rate" "$err" "kernel's log could not be read, which takes CAP_SYSLOG"
	rm -f l.db
fi

fill
run "$BRINGUP" record --state "$TMP/.state" --instance "$instance" -o x.dat
like "does not replace unasked" "$err" "exists already"
run "$BRINGUP" record --state "$TMP/.state" --instance "$instance" -o y.db --keep-tracing
is "records into a database" "$status" 0
is "tracing goes on when asked" "$(<"$buffer/tracing_on")" 1
ok "nothing but the database is left" test "$(echo y.db*)" = y.db

echo 4 >"$buffer/buffer_size_kb"
echo 1 >"$buffer/events/timer/enable"
for _ in {1..5}; do fill; done
run "$BRINGUP" record --state "$TMP/.state" --instance "$instance" -o z.dat --machine machine
is "overwritten events make it incomplete" "$status" 3
run "$BRINGUP" import z.dat --machine machine -o z.db
is "the database says so too" "$status" 3
overrun=$(awk -F'overrun: ' '/:overrun: / { n += $2 } END { print n }' machine/stats)
is "and how many" "$(sqlite3 z.db 'SELECT lost_total FROM capture')" "$overrun"

finish
