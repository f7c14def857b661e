#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
# live_record.t - live recording on this machine's own tracefs: budgets, losses, kills at random instants, and that the
# top level and instances of others are byte for byte as before. BRINGUP_KILLS=50 kills the recorder so often (4) while it
# records, and half as often while it begins; BRINGUP_WRITER_KILLS=200 kills its writer (4).
. "${SRC:?run by make check}/scripts/tap.sh" || exit
cd "$TMP" || exit
kills=${BRINGUP_KILLS:-4} writer_kills=${BRINGUP_WRITER_KILLS:-4}

[[ $EUID == 0 ]] || skip_all "needs root"
tracing=$(awk '$3 == "tracefs" { print $2; exit }' /proc/mounts)
[[ -n $tracing ]] || skip_all "needs tracefs"
other=$tracing/instances/live_test_$$
mkdir "$other" 2>/dev/null || skip_all "trace instances cannot be made here"
trap 'rmdir "$other"; rm -rf "$TMP"' EXIT
{ echo 1 >"$other/events/sched/sched_process_fork/enable"; } 2>/dev/null || skip_all "events cannot be switched on here"

# Everything that can be set at the top level, and the other instance.
settings() {
	(
		cd "$tracing" || exit
		find . -path ./instances -prune -o -path ./per_cpu -prune -o -type f -perm -u+w -print |
			grep -Ev '/(trace|trace_marker|trace_marker_raw|free_buffer|snapshot|inject)$' | LC_ALL=C sort |
			xargs grep -s '' /dev/null
		cd "$other" && grep -s '' tracing_on current_tracer set_event trace_clock buffer_size_kb /dev/null
	) | sed 's/^\(.\{400\}\).*/\1/'
}
settings >before
ok "there are settings to compare" test "$(wc -l <before)" -gt 100
unchanged() {
	settings >after
	ok "$1: the top level and the other instance are as before" diff before after
}
flood() {
	for _ in {1..300}; do /bin/true; done
}
# shellcheck disable=SC2317  # called through run
record() {
	"$BRINGUP" record --state state "$@"
}

# One recording, and what it says.
run record -e 'sched:sched_process_*' -o a.db -- bash -c 'for _ in {1..50}; do /bin/true; done; exit 7'
is "records a command" "$status" 0
like "tells its status" "$out" "bash ended with status 7"
like "the account balances" "$out" "written ([0-9]+) \+ lost 0 = produced"
is "the database is complete" "$(sqlite3 a.db 'SELECT complete, lost_total FROM capture')" "1|0"
is "and has what was written" "$(sqlite3 a.db 'SELECT events_total FROM capture')" "${BASH_REMATCH[1]:-}"
ok "all forks are there" test "$(sqlite3 a.db "SELECT events FROM event_kind WHERE name = 'sched_process_fork'")" -ge 50
is "only the database is left" "$(echo a.db*)" a.db
run record -e 'sched:sched_process_*' -o a.dat --machine machine --for 200ms -- /no/such/program
is "a command that does not exist" "$status" 0
like "is reported" "$out" "ended with status 127"
run "$BRINGUP" import a.dat --machine machine -o a2.db
is "the trace.dat imports" "$(sqlite3 a2.db 'SELECT events_total > 0, complete FROM capture')" "1|1"
run record -e oom:mark_victim -o n.db --for 100ms	# cpuhp's happen with each new buffer: trace_rb_cpu_prepare()
is "an event that does not happen" "$status" 1
like "is said not to have" "$err" "none of the events happened"
is "and leaves nothing" "$(echo n.db* state/*)" "n.db* state/lock"
run record -e sched:no_such_event -o b.dat
is "an event that does not exist" "$status" 1
like "is named" "$err" "no event 'sched:no_such_event'"
is "and leaves nothing" "$(echo b.dat* state/*)" "b.dat* state/lock"
unchanged "afterwards"

# Somebody reads a buffer: it is theirs.
cat "$other/trace_pipe" >pipe.out &
reader=$!
until [[ $(readlink "/proc/$reader/fd/3" "/proc/$reader/fd/4") == *trace_pipe* ]]; do sleep 0.02; done
run record --instance "${other##*/}" -o r.dat
is "a buffer that somebody reads" "$status" 1
like "is left to them" "$err" "process $reader is reading this trace buffer"
is "with tracing on" "$(<"$other/tracing_on")" 1
kill "$reader"
wait "$reader" 2>/dev/null

# Signals and the lock.
"$BRINGUP" record --state state -e 'sched:*' -o c.db >c.out 2>&1 &
pid=$!
until [[ -s c.db.recording/live.db ]]; do sleep 0.1; done
run record -e 'sched:*' -o d.db --for 1s
is "a second recorder" "$status" 1
like "is told who is at work" "$err" "another recorder is at work \(process $pid\)"
flood
kill -TERM "$pid"
wait "$pid"
is "SIGTERM ends it cleanly" $? 0
like "and it says so" "$(<c.out)" "ended by SIGTERM"

# Losses: tiny buffers and a flood, while the recorder is held up.
# shellcheck disable=SC2016  # for the inner shell
run record -e 'sched:*' --buffer 8K -o d.db -- bash -c \
	'sleep 0.2; kill -STOP $PPID; for _ in {1..400}; do /bin/true; done; kill -CONT $PPID; for _ in {1..50}; do /bin/true; done'
is "overwritten events: exit code" "$status" 3
like "are counted" "$out" "written ([0-9]+) \+ lost ([0-9]+) = produced ([0-9]+)$(printf '\nincomplete')"
is "the sum is right" $((${BASH_REMATCH[1]:-0} + ${BASH_REMATCH[2]:-0})) "${BASH_REMATCH[3]:-none}"
is "the database has the same numbers" "$(sqlite3 d.db 'SELECT events_total, lost_total, complete FROM capture')" \
	"${BASH_REMATCH[1]:-}|${BASH_REMATCH[2]:-}|0"
ok "holes have their place" test "$(sqlite3 d.db "SELECT count(*) FROM loss WHERE kind = 'missed' AND after_ns < before_ns")" \
	-gt 0

# Budgets.
run record -e 'sched:*' --max-size 16K -o e.db -- bash -c 'for _ in {1..20}; do /bin/true; sleep 0.2; done'
is "--max-size: exit code" "$status" 3
like "--max-size: ends it" "$out" "ended by --max-size.*gave up: the recording ended"
is "--max-size: the database says what was given up" \
	"$(sqlite3 e.db "SELECT count(*) FROM import_note WHERE topic = 'record' AND detail LIKE '%--max-size'")" 1
run record -e 'sched:*' --max-overhead 1 -o e.db --force -- bash -c 'for _ in {1..25}; do /bin/true; sleep 0.1; done'
is "--max-overhead: exit code" "$status" 3
like "--max-overhead: switches events off" "$out" "gave up: sched:[a-z_]+ was switched off"
run record -e 'sched:sched_process_exec' --max-rss 1M -o e.db --force -- sleep 20
like "--max-rss: the database first, then the end" "$out" "ended by --max-rss.*database stopped growing.*recording ended"
run record -e 'sched:*' --min-free 9999T -o f.db --for 1s
like "--min-free: refuses at once" "$err" "MiB are free"
run record -e 'exceptions:*' -o g.dat --machine machine --for 200ms
is "page faults of user space are off" "$(grep -c page_fault_user machine/set_event)" 0
run record -e 'sched:sched_process_exec' --user-faults --max-faults 10 -o g.db -- \
	bash -c 'for _ in {1..25}; do /bin/true; sleep 0.1; done'
like "and capped when asked for" "$out" "page_fault_user was switched off"

# The disk is full when the output is made: nothing is lost, and it can be tried again.
mkdir small
head=$(stat -c %s a.dat)	# nearly all of it is symbols and formats: room for the first copy, not for the second
if mount -t tmpfs -o "size=$((head * 3 / 2 + (1 << 20)))" live_test small 2>/dev/null; then
	trap 'umount small; rmdir "$other"; rm -rf "$TMP"' EXIT
	run record -e 'sched:sched_process_*' --min-free 0 -o small/z.dat -- bash -c 'for _ in {1..50}; do /bin/true; done'
	is "a full disk: exit code" "$status" 1
	like "a full disk: says so, and what to do" "$err" "record --recover.*No space left"
	mount -o remount,size=60M small
	run record --recover
	like "recovers once there is room" "$out" "written ([0-9]+) \+ lost 0 = produced"
	is "into the file that was asked for" "$(ls small)" z.dat
	rm small/*

	# It fills up while events are recorded: what was read from the kernel by then is not lost either.
	mount -o "remount,size=$((head * 2 + (2 << 20)))" small
	# shellcheck disable=SC2016  # for the inner shell
	run record -e 'sched:*' --min-free 0 -o small/y.dat --for 60s -- \
		bash -c 'echo $$ >flood.pid; for _ in {1..60000}; do /bin/true; done'
	kill "$(<flood.pid)"
	is "a disk that fills up: exit code" "$status" 1
	like "a disk that fills up: ends it early" "$err" "record --recover.*No space left"
	mount -o remount,size=60M small
	run record --recover
	like "recovers what was read, and what the kernel still has" "$out" "written ([0-9]+) \\+ lost ([0-9]+) = produced ([0-9]+)"
	is "the sum is right" $((${BASH_REMATCH[1]:-0} + ${BASH_REMATCH[2]:-0})) "${BASH_REMATCH[3]:-none}"
	is "nothing that was read is lost" "$(grep -c 'had been read and were not yet written' <<<"$out")" 0
	"$BRINGUP" import small/y.dat -o y.db >/dev/null || :
	is "the file has as many" "$(sqlite3 y.db 'SELECT events_total FROM capture')" "${BASH_REMATCH[1]:-}"
	umount small
	trap 'rmdir "$other"; rm -rf "$TMP"' EXIT
fi
unchanged "after the budgets"

# The writer is killed at random instants: what it left is a prefix, and the recording does not suffer.
rows="SELECT id, ts_ns, cpu FROM (SELECT id, ts_ns, cpu FROM ev_other UNION ALL SELECT id, ts_ns, cpu FROM ev_sched_switch)
	ORDER BY id"
intact=0 filled=0 early=0
for ((i = 0; i < writer_kills; i++)); do
	"$BRINGUP" record --state state -e 'sched:*' -o "w$i.db" >w.out 2>&1 &
	pid=$!
	until writer=$(pgrep -P "$pid"); do
		kill -0 "$pid" 2>/dev/null || break
		sleep 0.01
	done
	flood &
	flood=$!
	# Half of them while it works, which it does for an instant each second; half while it begins.
	if ((i % 2)); then sleep "$((RANDOM % 6)).$(printf %03d $((RANDOM % 1000)))"; else sleep "0.$(printf %04d $((RANDOM % 1500)))"; fi
	kill -9 "$writer"
	while kill -0 "$writer" 2>/dev/null; do sleep 0.02; done	# until the recorder has seen it
	rm -rf killed && mkdir killed && cp "w$i.db.recording"/live.db* killed 2>/dev/null
	kill -TERM "$pid"
	wait "$pid"
	code=$?
	wait "$flood"
	if [[ ! -e killed/live.db ]]; then	# then nothing was committed, and it does not pretend to be there
		n=0
		early=$((early + 1))
		: >got
	else
		n=$(sqlite3 killed/live.db 'SELECT events_total FROM capture')
		sqlite3 killed/live.db "$rows" >got
	fi
	sqlite3 "w$i.db" "$rows LIMIT $n" >wanted
	if [[ ! -e killed/live.db || ($(sqlite3 killed/live.db 'PRAGMA integrity_check') == ok &&
		$(sqlite3 killed/live.db "SELECT complete FROM capture") == 0 &&
		$(sqlite3 killed/live.db "SELECT sum(imported) = $n FROM cpu_account") != 0 &&
		$(sqlite3 killed/live.db "SELECT count(*) FROM import_note WHERE detail LIKE '%was not finished%'") == 1) ]] &&
		[[ $code != 1 && $(wc -l <got) == "$n" ]] && cmp got wanted &&
		grep -q "the process that writes the database died" w.out; then
		intact=$((intact + 1))
	else
		echo "# kill $i: exit code $code, $n rows; $(<w.out)"
		diff got wanted | head -4 | sed 's/^/# /'
	fi
	[[ $n -gt 0 ]] && filled=$((filled + 1))
	rm -f "w$i.db"
done
is "the writer killed $writer_kills times: a prefix in order, an account, and a whole database in the end" "$intact" \
	"$writer_kills"
# Where the kills fall is chance: a few may all come before the first rows.
echo "# $filled of $writer_kills had rows, $early came before there was a database"
((writer_kills < 20)) || ok "and some of them had rows ($filled)" test "$filled" -gt 0

# The recorder is killed at random instants: all of $kills while it records, half as many more while it begins.
undone=0 outputs=0 whole=0
begins=$((kills / 2))
for ((i = 0; i < kills + begins; i++)); do
	kind=$([[ $((i % 2)) == 0 ]] && echo db || echo dat)
	"$BRINGUP" record --state state -e 'sched:*' -o "k$i.$kind" --for 60s >/dev/null 2>&1 &
	pid=$!
	if ((i < kills)); then
		# What is traced is put down last before tracing is switched on; a new instance traces nothing, and is on.
		until grep -qs $'^fact\tevents' state/journal &&
			instance=$(sed -n 's|^make\t.*\tinstances/||p' state/journal) &&
			[[ $(<"$tracing/instances/$instance/tracing_on") == 1 ]]; do
			kill -0 "$pid" 2>/dev/null || break
			sleep 0.02
		done
	fi
	sleep "$((RANDOM % 2)).$(printf %04d $((RANDOM % 10000)))"
	kill -9 "$pid"
	wait "$pid" 2>/dev/null
	[[ $? == 137 ]] || echo "# kill $i: the recorder had ended by itself"
	instance=$(sed -n 's|^make\t.*\tinstances/||p' state/journal 2>/dev/null)
	if [[ -s k$i.db.recording/live.db && ! -s k$i.db.recording/live.db-journal ]]; then
		[[ $(sqlite3 "k$i.db.recording/live.db" 'PRAGMA integrity_check') == ok ]] || echo "# kill $i: live.db is damaged"
	fi
	run record --recover
	if [[ ($status == 0 || $status == 3) && ! -e state/journal && ! -e k$i.$kind.recording &&
		(-z $instance || ! -d $tracing/instances/$instance) ]]; then
		undone=$((undone + 1))
	else
		echo "# kill $i: exit code $status, instance '$instance': $out $err"
	fi
	if [[ -e k$i.$kind ]]; then
		((i < kills)) && outputs=$((outputs + 1))
		[[ $kind == dat ]] && { "$BRINGUP" import "k$i.dat" -o "k$i.db" >import.out 2>&1 || [[ $? == 3 ]] || cat import.out; }
		[[ $(sqlite3 "k$i.db" 'PRAGMA integrity_check; SELECT events_total > 0 FROM capture') == $'ok\n1' ]] ||
			{ whole=$((whole - 1)); echo "# kill $i: what was recorded is not there"; }
		rm -f "k$i".*
	fi
	settings >after
	diff before after >diff.out || { undone=$((undone - 1)); sed 's/^/# /' diff.out; }
done
is "the recorder killed $((kills + begins)) times: all is as before" "$undone" $((kills + begins))
is "$kills of these while it recorded: each left a recording" "$outputs" "$kills"
is "and what they had recorded is there" "$whole" 0
unchanged "in the end"
ok "the other instance is still there" test -d "$other"
run record --recover
is "nothing is left to recover" "$status|$out" "0|there is nothing to recover"

finish
