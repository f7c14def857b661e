#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
# record_broken_off.t - draining a buffer of this machine's own tracefs is cut short, by kill -9 at random instants and by a
# disk that fills up: every event is numbered, and after --recover each number is there once. BRINGUP_DRAIN_KILLS=50 kills
# so often (6).
. "${SRC:?run by make check}/scripts/tap.sh" || exit
cd "$TMP" || exit
kills=${BRINGUP_DRAIN_KILLS:-6} marks=30000

[[ $EUID == 0 ]] || skip_all "needs root"
tracing=$(awk '$3 == "tracefs" { print $2; exit }' /proc/mounts)
buffer=$tracing/instances/broken_off_$$
mkdir "$buffer" 2>/dev/null || skip_all "trace instances cannot be made here"
trap 'umount -q small; rmdir "$buffer"; rm -rf "$TMP"' EXIT
echo 16384 >"$buffer/buffer_size_kb" || skip_all "no memory for the buffer"

# Some 600 pages of numbers, on all CPUs in turn.
padding=$(printf '%060d' 0)
fill() {
	local cpu n=0 each=$((marks / $(nproc)))
	echo >"$buffer/trace"
	echo 1 >"$buffer/tracing_on"
	for ((cpu = 0; cpu < $(nproc); cpu++)); do
		taskset -c "$cpu" awk -v n="$n" -v m="$((n + each))" -v p="$padding" \
			'BEGIN { for (; n < m; n++) { print "mark " n " " p; fflush() } }' >"$buffer/trace_marker"
		n=$((n + each))
	done
	wanted=$n
}
# numbers DB - how many of the numbers are there, and how many differ
numbers() {
	sqlite3 "$1" "SELECT count(*), count(DISTINCT fields ->> 'buf') FROM ev_other WHERE fields ->> 'buf' LIKE 'mark %'"
}
recover() {
	run "$BRINGUP" record --state state --recover
}

fill
run "$BRINGUP" record --state state --instance "${buffer##*/}" -o whole.dat
"$BRINGUP" import whole.dat -o whole.db >/dev/null
is "left alone, it has each number once" "$status|$(numbers whole.db)" "0|$wanted|$wanted"

# strace, where it is there, kills between the pages; otherwise chance alone says where.
whole=0 midway=0
for ((i = 0; i < kills; i++)); do
	fill
	rm -rf k.*
	output=k.$([[ $((i % 2)) == 0 ]] && echo dat || echo db)
	if ((i % 3 == 0)) && command -v strace >/dev/null; then
		strace -qq -o strace.out -e trace=pread64,read -e inject=read:signal=KILL:when=$((400 + 200 * (i % 5))) \
			"$BRINGUP" record --state state --instance "${buffer##*/}" -o "$output" >/dev/null 2>&1
	else
		"$BRINGUP" record --state state --instance "${buffer##*/}" -o "$output" >/dev/null 2>&1 &
		pid=$!
		until compgen -G "k.*partial" >/dev/null || compgen -G "k.*/*.partial" >/dev/null; do
			kill -0 "$pid" 2>/dev/null || break
		done
		sleep "0.0$(printf %03d $((RANDOM % 300)))"
		kill -9 "$pid" 2>/dev/null
		wait "$pid" 2>/dev/null
	fi
	[[ -e state/journal ]] && midway=$((midway + 1))
	recover
	if [[ $output == k.dat && -e k.dat ]]; then
		"$BRINGUP" import k.dat -o k.db >/dev/null 2>&1
	elif [[ ! -e k.db ]]; then	# killed before it had begun to read, or after: by the import or on its own
		dat=$(compgen -G "k.db.*/trace.dat")
		"$BRINGUP" record --state state --instance "${buffer##*/}" -o "${dat:-k2.dat}" >/dev/null 2>&1
		"$BRINGUP" import "${dat:-k2.dat}" -o k.db >/dev/null 2>&1
	fi
	[[ -e k.db ]] || "$BRINGUP" record --state state --instance "${buffer##*/}" -o k.db >/dev/null 2>&1
	if [[ $(numbers k.db) == "$wanted|$wanted" && ! -e state/journal ]]; then
		whole=$((whole + 1))
	else
		echo "# kill $i: $(numbers k.db) of $wanted; exit code $status; $out $err"
	fi
	rm -f k2.dat
done
is "killed $kills times while it read: each number is there once" "$whole" "$kills"
ok "some were killed while they read ($midway)" test "$midway" -gt 0

# The disk fills up in the middle; there is room again later.
mkdir small
if mount -t tmpfs -o "size=$(($(stat -c %s whole.dat) / 1024 - 1024))k" broken_off small 2>/dev/null; then
	fill
	run "$BRINGUP" record --state state --instance "${buffer##*/}" -o small/x.dat
	is "a full disk: exit code" "$status" 1
	like "a full disk: says that nothing is lost, and what to do" "$err" "nothing is lost: .*--recover.*No space left"
	ok "it was full in the middle" test -s small/x.dat.partial
	is "tracing stays off" "$(<"$buffer/tracing_on")" 0
	recover
	is "without room it stays so" "$status|$(grep -c 'No space left' <<<"$err")" "1|1"
	mount -o remount,size=60M small
	recover
	is "with room it goes on to the end" "$status" 0
	like "and the account says so" "$out" "written $wanted \+ lost 0 = produced $wanted"
	"$BRINGUP" import small/x.dat -o x.db >/dev/null
	is "each number is there once" "$(numbers x.db)" "$wanted|$wanted"
	umount small
fi
recover
is "nothing is left to recover" "$status|$out" "0|there is nothing to recover"

finish
