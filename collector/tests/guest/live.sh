# SPDX-License-Identifier: GPL-2.0-only
# shellcheck shell=dash
#
# live.sh - runs in a guest of the lab (busybox sh, process 1's child): every way of live recording, snapshots, others at
# work in the top level, kills of the recorder; that the top level is byte for byte as before. guest.t looks at the databases that it leaves.
# Lines "ok WHAT" and "not ok WHAT" in the log; lines "KEY=VALUE" in $RESULT/figures.
: "${RESULT:?the lab sets it}" "${TRACING:?the lab sets it}"
kills=$(sed -n 's/.*lab\.kills=\([0-9]*\).*/\1/p' /proc/cmdline)
: "${kills:=10}"
cd /tmp || exit
failed=0

# check WHAT COMMAND... - passes when the command succeeds.
check() {
	what=$1
	shift
	if "$@"; then
		echo "ok $what"
	else
		echo "not ok $what"
		failed=$((failed + 1))
	fi
}
figure() {
	echo "$1=$2" >>"$RESULT/figures"
}
# recorded NAME CODES ARGUMENTS... - bringup record; its exit code is one of CODES, and NAME.db comes out.
recorded() {
	name=$1 codes=$2
	shift 2
	bringup record -o "$name.db" "$@" >"$name.out" 2>&1
	code=$?
	sed "s/^/# $name: /" "$name.out"
	case " $codes " in
	*" $code "*) echo "ok record $name: exit code $code" ;;
	*) check "record $name: exit code $code, not $codes" false ;;
	esac
	[ ! -e "$name.db" ] || cp "$name.db" "$RESULT/"
}
# Everything that can be set at the top level. Files that only speak when written, and those of instances, are left out.
settings() {
	(cd "$TRACING" && find . \( -path ./instances -o -path ./per_cpu \) -prune -o -type f -perm -200 -print |
		grep -Ev '/(trace|trace_marker|trace_marker_raw|free_buffer|snapshot|inject|trigger|hist)$' | sort | xargs grep -s '' /dev/null
		ls instances)
}
# The few of them that a recorder could have a hand in: quick enough to look at after every kill.
quick_settings() {
	(cd "$TRACING" && grep -s '' tracing_on current_tracer set_event trace_clock trace_options buffer_size_kb events/enable \
		set_ftrace_filter set_ftrace_notrace /dev/null
		ls instances)
}
# The kernel has given the top-level buffer its memory: that is no change of ours.
grown() {
	sed -i "s|^\\(./\\)\\?buffer_size_kb:.*|\\1buffer_size_kb:$(cat "$TRACING/buffer_size_kb")|" before quick_before
}
work() {
	i=0
	while [ $i -lt 40 ]; do
		/bin/busybox true
		i=$((i + 1))
	done
}

echo 1 >"$TRACING/tracing_on"	# the lab's init stops it
settings >before
quick_settings >quick_before
check "there are settings to compare ($(wc -l <before))" test "$(wc -l <before)" -gt 500

recorded for "0" -e 'sched:*' --for 1s
# Before 6.7 the kernel itself gives the top-level buffer its memory when an event is switched on in any instance.
expanded=
if grep -q expanded: before && ! grep -q expanded: "$TRACING/buffer_size_kb"; then
	case $(uname -r) in
	5.* | 6.[0-6].*) check "the kernel expanded the top-level buffer, and that is said" grep -q 'kernels before 6.7' for.out ;;
	*) check "this kernel should not have expanded the top-level buffer" false ;;
	esac
	expanded=yes
	grown
fi
figure expanded "${expanded:-no}"
recorded command "0" -e 'sched:sched_process_*' -- sh -c 'for i in 1 2 3 4 5 6 7 8; do /bin/busybox true; done'
# shellcheck disable=SC2016  # for the shell within
recorded hotplug "0 3" --hotplug -- sh -c 'for c in 1 2 3; do for to in 0 1; do echo $to >/sys/devices/system/cpu/cpu$c/online; done; done'
bringup record -e nothing:happens -o none.db --for 1s >none.out 2>&1
check "an event that there is not" test $? = 1
bringup record -e cpuhp:cpuhp_exit -o none.db --for 1s >none.out 2>&1
check "an event that does not happen" test $? = 1
check "is no reason to leave anything behind" sh -c '! ls none.db.recording /run/bringup/journal' 2>/dev/null
bringup record -e 'sched:*' -o signal.db >signal.out 2>&1 &
pid=$!
while kill -0 $pid && [ ! -s signal.db.recording/live.db ]; do usleep 100000; done
work
kill -INT $pid
wait $pid
code=$?
sed 's/^/# signal: /' signal.out
check "Ctrl-C ends it cleanly ($code)" expr $code = 0 '|' $code = 3
check "and says so" grep -q 'ended by SIGINT' signal.out
check "and nothing is left" test ! -e signal.db.recording
cp signal.db "$RESULT/"

# A snapshot, of an instance that goes on tracing meanwhile.
mkdir "$TRACING/instances/mine"
if [ -e "$TRACING/instances/mine/snapshot" ]; then
	echo 1 >"$TRACING/instances/mine/events/sched/enable"
	work
	recorded snapshot "0" --snapshot --instance mine
	check "the snapshot is freed" grep -q 'Snapshot is freed' "$TRACING/instances/mine/snapshot"
	check "tracing goes on" test "$(cat "$TRACING/instances/mine/tracing_on")" = 1
	check "into the buffer" test "$(grep -c . "$TRACING/instances/mine/per_cpu/cpu0/stats")" -gt 0
	echo 1 >"$TRACING/instances/mine/snapshot"	# as a trigger would
	recorded held "3" --snapshot --instance mine
	check "it says that there are no statistics" grep -q 'no statistics of it' held.out
	check "somebody's snapshot stays allocated" grep -q 'Snapshot is allocated' "$TRACING/instances/mine/snapshot"
else
	recorded snapshot "1" --snapshot --instance mine
	check "the kernel has no snapshots, and that is said" grep -q CONFIG_TRACER_SNAPSHOT snapshot.out
fi
rmdir "$TRACING/instances/mine"
recorded previous "1" --previous-boot
check "there is no buffer of the boot before, and what to do is said" grep -Eq 'came with 6.12|plan --persistent' previous.out

# Somebody traces into the top level, and the command line did not begin it: it is theirs.
echo sched:sched_process_fork >"$TRACING/set_event"
work
recorded foreign "1" --boot
check "somebody's tracing into the top level is seen" grep -q 'somebody is tracing into the top-level buffer (events are on, like sched:sched_process_fork)' \
	foreign.out
recorded beside "0" -e 'sched:sched_process_*' -- sh -c '/bin/busybox true'
check "and goes on, also beside a live recording" \
	test "$(cat "$TRACING/tracing_on" "$TRACING/set_event" | tr '\n' ' ')" = "1 sched:sched_process_fork "
cat "$TRACING/trace_pipe" >/dev/null &
reader=$!
until for fd in "/proc/$reader/fd"/*; do readlink "$fd"; done | grep -q trace_pipe; do usleep 20000; done
recorded read "1" --boot
check "somebody who reads the top level is seen" grep -q "process $reader is reading this trace buffer" read.out
kill $reader
wait $reader 2>/dev/null
echo >"$TRACING/set_event"
grown	# an event was on there

# recording PID - wait until that recorder records: what is traced is put down last before tracing is switched on, and a
# new instance traces nothing, and is on.
recording() {
	while kill -0 "$1" 2>/dev/null; do
		if grep -qs '^fact	events' /run/bringup/journal; then
			instance=$(sed -n 's|^make	.*	instances/||p' /run/bringup/journal)
			[ "$(cat "$TRACING/instances/$instance/tracing_on" 2>/dev/null)" = 1 ] && return
		fi
		usleep 20000
	done
}

# The recorder is killed at random instants: all of $kills while it records, half as many more while it begins.
undone=0 outputs=0 n=0 begins=$((kills / 2))
while [ $n -lt $((kills + begins)) ]; do
	n=$((n + 1))
	bringup record -e 'sched:*' -o kill.db --for 60s >kill.out 2>&1 &
	pid=$!
	[ $n -gt "$kills" ] || recording $pid
	usleep $(($(od -An -N2 -tu2 /dev/urandom) * 30))
	kill -9 $pid
	wait $pid 2>/dev/null
	bringup record --recover >recover.out 2>&1
	code=$?
	quick_settings >quick_after
	if { [ $code = 0 ] || [ $code = 3 ]; } && cmp -s quick_before quick_after && [ ! -e kill.db.recording ] && [ ! -e /run/bringup/journal ]; then
		undone=$((undone + 1))
	else
		echo "# kill $n: exit code $code"
		sed 's/^/# /' kill.out recover.out
	fi
	if [ -e kill.db ]; then
		[ $n -gt "$kills" ] || outputs=$((outputs + 1))
		mv kill.db "$RESULT/kill$n.db"
	fi
done
figure kills "$kills"
check "the recorder killed $n times and recovered: all is as before" test $undone = $n
check "$kills of these while it recorded: each left a recording" test $outputs = "$kills"

settings >after
cmp before after || diff before after | head -n 20
check "the top level is byte for byte as before" cmp -s before after
figure settings "$(wc -l <before)"
figure kernel "$(uname -r)"
exit "$failed"
