#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
# import.t - a trace.dat made to measure goes in whole, in order, with every loss in its place; what is broken stays out.
. "${SRC:?run by make check}/scripts/tap.sh" || exit
synth=$B/tests/collector/tests/synth_test
cd "$TMP" || exit

sql() { sqlite3 -batch "$@"; }
# made KEY - the number that synth_test printed for KEY
made() { sed -n "s/.*\b$1=\([0-9]*\).*/\1/p" <<<"$printed"; }
make_trace() { printed=$("$synth" write "$@"); }
# shellcheck disable=SC2317  # called by ok
nothing_left() { [[ -z $(find . -maxdepth 1 -name "$1*") ]]; }
refuses() {	# WHAT FILE REGEX [OPTION...] - import fails with exit 1 and a message, and leaves nothing
	local what=$1 file=$2 regex=$3
	shift 3
	run "$BRINGUP" import "$file" -o bad.db "$@"
	is "$what: exit code" "$status" 1
	like "$what: says so" "$err" "$regex"
	ok "$what: leaves nothing" nothing_left bad.db
}

# ---- whole and in order

make_trace a.dat 8 20000
run "$BRINGUP" import a.dat -o a.db
is "imports" "$status" 0
is "has all events" "$(sql a.db 'SELECT events_total FROM capture')" "$(made events)"
is "functions are in their table" "$(sql a.db 'SELECT count(*) FROM ev_func')" "$(made functions)"
is "hotplug events are in theirs" "$(sql a.db 'SELECT count(*) FROM ev_cpuhp')" "$(made cpuhp)"
all='(SELECT id, ts_ns, cpu FROM ev_func UNION ALL SELECT id, ts_ns, cpu FROM ev_cpuhp)'
is "ids number all events" "$(sql a.db "SELECT min(id), max(id), count(DISTINCT id) FROM $all")" "1|$(made events)|$(made events)"
is "order is time, then CPU" "$(sql a.db "SELECT count(*) FROM (SELECT ts_ns, cpu, lag(ts_ns) OVER w AS t, lag(cpu) OVER w
	AS c FROM $all WINDOW w AS (ORDER BY id)) WHERE ts_ns < t OR (ts_ns = t AND cpu < c)")" 0
is "SQLite finds nothing wrong with the pages" "$(sql a.db 'PRAGMA integrity_check')" ok
is "addresses become symbols" "$(sql a.db "SELECT count(*) FROM symbol WHERE name LIKE '0x%'")" 0
is "knows who called" "$(sql a.db "SELECT func || ' ' || caller FROM functions WHERE func = 'native_cpu_up' LIMIT 1")" \
	"native_cpu_up bringup_cpu"
is "every CPU is brought up" "$(sql a.db "SELECT count(*) FROM bringup_cpu WHERE verdict = 'ok'")" 7
is "bring-up takes what was made" "$(sql a.db 'SELECT bringup_ns, algorithm, start_what FROM bringup')" \
	"$(made bringup_ns)|serial|smp_init"
is "milestones are all there and go forward" "$(sql a.db "SELECT count(*) FROM bringup_cpu WHERE prepare_ns < kick_ns AND
	kick_ns < kick_last_ns AND kick_last_ns < first_sign_ns AND first_sign_ns = starting_ns AND starting_ns < tsc_target_ns
	AND tsc_source_ns BETWEEN tsc_target_ns AND tsc_end_ns AND tsc_end_ns < idle_ns AND idle_ns < kick_thread_ns AND
	kick_thread_ns < thread_ns AND thread_ns < online_ns AND online_ns < done_ns")" 7
is "steps have both ends" "$(sql a.db "SELECT count(*), sum(verdict = 'ok') FROM step")" "189|189"
run "$BRINGUP" import a.dat -o a.db
like "does not replace unasked" "$err" "exists already.*--force"
run "$BRINGUP" import a.dat -o a.db --force --json
is "replaces when told; JSON" "$(jq -c '[.events_total, .complete, .trace_clock]' <<<"$out")" "[$(made events),true,\"local\"]"

# ---- info

run "$BRINGUP" info --json a.db
is "info has the keys that scripts use" "$(jq -c '[.events_total, .lost_total, .kernel_release, .cpus_online, .trace_clock,
	.complete, .bringup.algorithm, (.accounts | length), .events["cpuhp:cpuhp_exit"]]' <<<"$out")" \
	"[$(made events),0,\"6.1.0-synth\",8,\"local\",true,\"serial\",8,$(($(made cpuhp) / 2))]"
run "$BRINGUP" info a.db
like "info in words" "$out" "7 of 7 CPUs.*capture is complete"
cp a.db old.db && sql old.db 'PRAGMA user_version = 99'
run "$BRINGUP" info old.db
is "another version: exit code" "$status" 1
like "another version: says what to do" "$err" "version 99.*newer bringup"

# ---- losses in their place

make_trace lossy.dat 4 8000 lossy_cpu=2 lost=123
run "$BRINGUP" import lossy.dat -o lossy.db
is "a loss makes it incomplete" "$status" 3
is "the loss has its number" "$(sql lossy.db 'SELECT lost_total, lost_unknown, complete FROM capture')" "123|0|0"
is "the loss is between two events of its CPU" "$(sql lossy.db "SELECT l.cpu, l.count, a.cpu, b.cpu, (SELECT count(*) FROM
	ev_func WHERE cpu = 2 AND id > l.after_id AND id < l.before_id) FROM loss l, ev_func a, ev_func b
	WHERE a.id = l.after_id AND b.id = l.before_id")" "2|123|2|2|0"
make_trace lossy.dat 4 8000 lossy_cpu=2 lost=123 unknown=1
run "$BRINGUP" import lossy.dat -o lossy.db -f
is "a hole without a number gets that of the statistics" "$(sql lossy.db 'SELECT kind, count, after_id > 0 FROM loss')" \
	"missed|123|1"
make_trace lossy.dat 4 8000 lossy_cpu=2 lost=123 unknown=1 no_stats=1
run "$BRINGUP" import lossy.dat -o lossy.db -f
is "without statistics it stays unknown" "$(sql lossy.db 'SELECT lost_total, lost_unknown, count IS NULL FROM capture, loss')" \
	"0|1|1"
make_trace short.dat 4 8000 excess=7
run "$BRINGUP" import short.dat -o short.db
is "fewer events than counted: exit code" "$status" 3
is "fewer events than counted: a loss at the end" "$(sql short.db 'SELECT kind, cpu, count, after_id > 0, before_id FROM loss')" \
	"unread|0|7|1|"

# ---- several buffers, other versions, clocks

make_trace two.dat 4 9000 instance=second
run "$BRINGUP" import two.dat -o two.db
is "two buffers" "$(sql two.db 'SELECT b.name, count(*) > 3000 FROM buffer b JOIN ev_func f ON f.buf = b.id GROUP BY b.id')" \
	$'|1\nsecond|1'
if command -v trace-cmd >/dev/null; then
	is "version 6: the library finds everything in its place" \
		"$(trace-cmd report --verbose=warning two.dat 2>&1 >/dev/null; trace-cmd report two.dat | grep -c ': function:')" \
		"$(sql two.db 'SELECT count(*) FROM ev_func')"
	for how in none zstd; do
		trace-cmd convert --file-version 7 --compression "$how" -i two.dat -o "two-$how.dat" >/dev/null 2>&1
		run "$BRINGUP" import "two-$how.dat" -o "two-$how.db"
		is "version 7, compression $how" "$(sql "two-$how.db" 'SELECT source_kind, events_total FROM capture')" \
			"trace.dat v7|$(made events)"
		is "version 7, compression $how: the same events" "$(sql "two-$how.db" .dump | grep 'INTO ev_' | cksum)" \
			"$(sql two.db .dump | grep 'INTO ev_' | cksum)"
		head -c -1 "two-$how.dat" >cut.dat
		refuses "version 7, compression $how, without its last byte" cut.dat "is truncated"
	done
fi
refuses "version 7, compression zlib, which Debian's library does not know" "$SRC/datasets/fuzz/dat_head/v7-zlib" "trace-cmd convert"
make_trace tsc.dat 4 3000 'clock=local [x86-tsc]'
run "$BRINGUP" import tsc.dat -o tsc.db
is "ticks without a rate stay ticks" "$(sql tsc.db 'SELECT clock_unit, clock_hz FROM capture')" "tick|"
mkdir machine && echo '[    0.0] tsc: Detected 2000.000 MHz processor' >machine/dmesg
run "$BRINGUP" import tsc.dat -o tsc2.db --machine machine
is "dmesg has the rate" "$(sql tsc2.db 'SELECT clock_unit, clock_hz, clock_hz_source FROM capture')" \
	"ns|2000000000|dmesg tsc: Detected"
is "ticks become nanoseconds" "$(sql tsc2.db 'SELECT bringup_ns FROM bringup')" \
	"$(($(sql tsc.db 'SELECT bringup_ns FROM bringup') / 2))"

# ---- a rate that the events prove

sql_rate() { sql "$1" "SELECT clock_unit, clock_hz_source, (SELECT severity || ': ' || detail FROM import_note
	WHERE topic = 'clock' AND detail LIKE '%timer interrupts%') FROM capture"; }
make_trace anchors.dat 4 3000 'clock=local [x86-tsc]' anchors_hz=2300000000 anchors_gap_us=20000
run "$BRINGUP" import anchors.dat -o anchors.db
like "timer interrupts prove the rate" "$(sql_rate anchors.db)" \
	'^ns\|hrtimer_expire_entry anchors\|info: .* 80 timer interrupts .* right to [0-9.]+ ppm \([0-9]+ ns'
bound_ppb=$(sql_rate anchors.db | sed -n 's/.*right to \([0-9]*\)\.\([0-9]*\) ppm.*/\1\2/p')
is "it is the rate they were made with, within the bound" "$(sql anchors.db \
	"SELECT abs(clock_hz - 2300000000) * 1e9 / 2300000000 <= ${bound_ppb:-0}, ${bound_ppb:-0} < 200000 FROM capture")" "1|1"
run "$BRINGUP" import anchors.dat -o anchors2.db --machine machine
is "dmesg comes first" "$(sql_rate anchors2.db)" "ns|dmesg tsc: Detected|"
make_trace jump.dat 4 3000 'clock=local [x86-tsc]' anchors_hz=2300000000 anchors_gap_us=20000 anchors_jump_us=50000
run "$BRINGUP" import jump.dat -o jump.db
like "a clock that was set refutes it" "$(sql_rate jump.db)" '^tick\|\|warning: .*contradict'
make_trace near.dat 4 3000 'clock=local [x86-tsc]' anchors_hz=2300000000 anchors_gap_us=1000
run "$BRINGUP" import near.dat -o near.db
like "too short a time tells no rate" "$(sql_rate near.db)" '^tick\|\|info: .*too near'

# ---- 4096 CPUs

make_trace big.dat 4096 200000
run "$BRINGUP" import big.dat -o big.db
is "4096 CPUs" "$(sql big.db "SELECT events_total, (SELECT cpus_ok FROM bringup), (SELECT count(*) FROM cpu) FROM capture")" \
	"$(made events)|4095|4096"

# ---- what is broken stays out

: >empty.dat
refuses "an empty file" empty.dat "is empty"
refuses "a missing file" none.dat "No such file"
echo 'hello, this is no trace' >text.dat
refuses "some other file" text.dat "no trace.dat|no trace"
refuses "a folder of the machine that is not there" a.dat "machine" --machine none
size=$(stat -c %s a.dat)
for len in 11 30 600 3000 40000 $((size / 2)) $((size - 1)); do
	head -c "$len" a.dat >cut.dat
	refuses "cut to $len bytes" cut.dat "truncated|no trace.dat"
done
cp a.dat version.dat && printf 9 | dd of=version.dat bs=1 seek=10 conv=notrunc status=none
refuses "version 9" version.dat "version '9'"
# answered FILE - import says what is wrong, or does it, and leaves nothing half done.
answered() {
	rm -f bad.db
	run "$BRINGUP" import "$1" -o bad.db
	[[ ! -e bad.db.partial ]] || return
	case $status in
	0 | 3) [[ -e bad.db ]] ;;
	1) [[ -n $err && ! -e bad.db ]] ;;
	*) false ;;
	esac
}
wrong_byte() {	# FILE PLACE VALUE
	printf '%b' "\\x$3" | dd of="$1" bs=1 seek="$2" conv=notrunc status=none
}
damage=0
for seed in {1..12}; do
	cp a.dat broken.dat
	for n in {1..20}; do
		wrong_byte broken.dat $(((seed * 7919 + n * 104729) % size)) ff
	done
	answered broken.dat || damage=$((damage + 1))
done
is "12 files with 20 wrong bytes each: an answer every time" "$damage" 0
if [[ -e two-zstd.dat ]]; then	# what is hostile reaches the library and its decompressor
	damage=0 size=$(stat -c %s two-zstd.dat)
	for ((place = 0; place < size; place += 1009)); do
		cp two-zstd.dat broken.dat
		wrong_byte broken.dat "$place" "$(printf %02x $((place * 37 % 256)))"
		answered broken.dat || damage=$((damage + 1))
	done
	is "a compressed file with a wrong byte in $((size / 1009 + 1)) places: an answer every time" "$damage" 0
fi

run "$BRINGUP" import a.dat
is "no output named: usage" "$status" 2
if [[ $EUID == 0 ]] && mkdir full && mount -t tmpfs -o size=200k none full 2>/dev/null; then
	run "$BRINGUP" import a.dat -o full/a.db
	is "full disk: exit code" "$status" 1
	like "full disk: says so" "$err" "full|No space"
	is "full disk: leaves nothing" "$(ls full)" ""
	umount full
fi

finish
