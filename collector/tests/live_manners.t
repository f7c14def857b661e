#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
# live_manners.t - what a live recorder is to the machine that it runs on and to who sits before it: readers that never
# block, priority, memory, signals at any instant, and the line on a terminal.
. "${SRC:?run by make check}/scripts/tap.sh" || exit
cd "$TMP" || exit

[[ $EUID == 0 ]] || skip_all "needs root"
"$BRINGUP" record --state state -e sched:sched_process_fork -o first.db -- bash -c '/bin/true; /bin/true' >first.out 2>&1 ||
	skip_all "cannot record here: $(tail -n 1 first.out)"

# status KEY PID - one value of /proc/PID/status.
status() {
	awk -v key="$1:" '$1 == key { print $2 }' "/proc/$2/status"
}
nice_of() {
	sed 's/.*) //' "/proc/$1/stat" | cut -d' ' -f17
}
flood() {
	for ((i = 0; i < $1; i++)); do /bin/true; done
}

# ---- at work
# shellcheck disable=SC2016  # for the inner shell
"$BRINGUP" record --state state -e 'sched:*' -o a.db -- bash -c 'echo $$ >command.pid; sleep 60' >a.out 2>&1 &
pid=$!
until [[ -s a.db.recording/live.db && -s command.pid ]]; do
	kill -0 "$pid" || break
	sleep 0.05
done
is "recorder, writer and command: nice" "$(nice_of "$pid") $(nice_of "$(pgrep -P "$pid" -x bringup)") $(nice_of "$(<command.pid)")" \
	"10 10 $(nice_of $$)"
is "each CPU's reader does not block" "$(for fd in "/proc/$pid/fd"/*; do
	[[ $(readlink "$fd") == */trace_pipe_raw ]] || continue
	flags=$(awk '$1 == "flags:" { print $2 }' "/proc/$pid/fdinfo/${fd##*/}")
	echo $((8#$flags & 8#4000))
done | sort | uniq -c | awk '{ print $1, $2 }')" "$(nproc --all) $((8#4000))"
is "they wait together in one epoll" "$(readlink "/proc/$pid/fd"/* | grep -c 'anon_inode:\[eventpoll\]')" 1
before=$(status VmRSS "$pid") size=$(stat -c %s a.db.recording/pages)
flood 1000
sleep 1.1	# a round
grown=$(($(stat -c %s a.db.recording/pages) - size)) memory=$(($(status VmRSS "$pid") - before))
ok "memory does not grow with what is recorded ($memory KiB more for $((grown >> 10)) KiB)" \
	test $((memory * 8)) -lt $((grown >> 10))
ok "which was something" test "$grown" -gt 500000
for _ in 1 2 3; do kill -TERM "$pid"; sleep 0.01; done
wait "$pid"
is "SIGTERM, and again while it finishes: exit code" $? 0
like "it finishes" "$(<a.out)" "ended by SIGTERM.*written ([0-9]+) \+ lost 0 = produced"
is "the database has it all" "$(sqlite3 a.db 'PRAGMA integrity_check; SELECT events_total, complete FROM capture')" \
	$'ok\n'"${BASH_REMATCH[1]:-}|1"
kill "$(<command.pid)"

# ---- a signal while it begins
clean=0 began=0
for ms in 000 010 030 060 100 200 400; do
	"$BRINGUP" record --state state -e 'sched:*' -o b.db --for 60s >b.out 2>&1 &
	pid=$!
	sleep 0.$ms
	kill -INT "$pid" 2>/dev/null || kill -TERM "$pid"	# a background job of a script may ignore SIGINT
	kill -TERM "$pid"
	wait "$pid"
	code=$?
	instance=$(sed -n 's|^make\t.*\tinstances/||p' state/journal 2>/dev/null)
	if [[ -e b.db.recording || -e state/journal || -n $instance ]]; then
		echo "# after $ms ms: exit code $code, instance '$instance': $(<b.out)"
	elif [[ $code == 0 && $(sqlite3 b.db 'PRAGMA integrity_check') == ok ]]; then
		clean=$((clean + 1)) began=$((began + 1))
	elif [[ ! -e b.db && ($code == 143 || ($code == 1 && $(<b.out) =~ before\ anything|none\ of\ the\ events)) ]]; then
		clean=$((clean + 1))	# 143: before the program did anything
	else
		echo "# after $ms ms: exit code $code: $(<b.out)"
	fi
	rm -rf b.db*
done
is "a signal at any instant of the beginning leaves a recording or nothing ($began began)" "$clean" 7

# ---- on a terminal
if ! command -v script >/dev/null; then
	echo "# no script(1): nothing of a terminal is tried"
	finish
fi
# The recorder is held up meanwhile, so its small buffers overflow; then Ctrl-C is typed. It is not the direct child of
# script(1), which stops itself with that one; the shell between them must not end by Ctrl-C, too.
cat >busy <<'EOT'
trap '' INT
sleep 1.2
kill -STOP $PPID
for ((i = 0; i < 100; i++)); do /bin/true; done
kill -CONT $PPID
sleep 60 &
echo $! >sleep.pid
wait
EOT
{
	until [[ -s sleep.pid ]]; do sleep 0.05; done
	sleep 2.2
	printf '\003'
} | script -qec "stty rows 24 cols 80; trap : INT; '$BRINGUP' record --state state -e 'sched:*' --buffer 8K -o t.db -- bash busy; exit \$?" typescript >/dev/null
code=$?
kill "$(<sleep.pid)"
is "Ctrl-C where events were lost: exit code" "$code" 3
tr '\r' '\n' <typescript | grep -a ' events, ' >lines
like "the line tells time, events, their rate, losses and size" "$(sed -n 1p lines)" \
	'^1 s: [0-9]+ events, [0-9]+/s, (more than )?[0-9]+ lost, [0-9.]+ MiB '
like "losses are seen as they happen" "$(tail -n 1 lines)" ', (more than )?[1-9][0-9]* lost, '
ok "it fits into 80 columns" test "$(sed 's/\x1b\[K//' lines | wc -L)" -lt 80
like "nothing of it is left in the end" "$(tr '\n' ' ' <typescript)" $'\r\033\\[Kt\\.db: [0-9]+ events of [0-9]+ CPUs, ended by SIGINT'

finish
