#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
# live_damage.t - what a killed recorder had read is damaged on the disk before it is recovered: the recording comes out
# without the damaged page, and the account has its events.
. "${SRC:?run by make check}/scripts/tap.sh" || exit
cd "$TMP" || exit

[[ $EUID == 0 ]] || skip_all "needs root"
tracing=$(awk '$3 == "tracefs" { print $2; exit }' /proc/mounts)
[[ -n $tracing ]] || skip_all "needs tracefs"
{ mkdir "$tracing/instances/damage_$$" && rmdir "$tracing/instances/damage_$$"; } 2>/dev/null ||
	skip_all "trace instances cannot be made here"

# recorded - a recording of some 40 pages, in k.db.recording, whose recorder was killed. Buffers that a busy machine does
# not fill meanwhile: what is lost is lost by the damage.
recorded() {
	"$BRINGUP" record --state state -e 'sched:*' --buffer 16M -o k.db --for 60s >record.out 2>&1 &
	pid=$!
	until [[ -s $pages ]] && (($(stat -c %s "$pages") > 160000)); do
		kill -0 "$pid" 2>/dev/null || break
		for _ in {1..10}; do /bin/true; done
	done
	kill -9 "$pid"
	wait "$pid" 2>/dev/null
}
# page_in_the_middle - where its record begins (docs/formats.md: magic, CPU, length, and then the page).
page_in_the_middle() {
	local at=0 len size
	size=$(stat -c %s "$pages")
	while len=$(od -An -tu4 -j $((at + 8)) -N4 "$pages"); ((at < size / 2 || len < 1000)); do
		at=$((at + 12 + len))
	done
	echo "$at"
}
pages=k.db.recording/pages
# At the end the events have to be fewer by those of one page, or by all from a record on that is none.
while read -r what offset bytes most; do
	rm -f k.db
	recorded
	at=$(page_in_the_middle)
	printf '%b' "$bytes" | dd of="$pages" bs=1 seek=$((at + offset)) conv=notrunc status=none
	run "$BRINGUP" record --state state --recover
	is "$what: exit code" "$status" 3
	like "$what: the account" "$out" "written ([0-9]+) \+ lost ([0-9]+) = produced ([0-9]+)
incomplete: 0 overwritten, 0 dropped, 0 left unread;.*
([0-9]+) events of these had been read .* or are in a damaged part"
	written=${BASH_REMATCH[1]:-0} lost=${BASH_REMATCH[2]:-0}
	is "$what: balances" "$((written + lost)) ${BASH_REMATCH[4]:-}" "${BASH_REMATCH[3]:-} $lost"
	ok "$what: $lost of $written are lost, not more than $most %" test "$lost" -gt 0 -a $((lost * 100)) -lt $((written * most))
	is "$what: the database is whole, and has the rest" "$(sqlite3 k.db 'PRAGMA integrity_check;
		SELECT events_total, lost_total, complete FROM capture')" "ok
$written|$lost|0"
	ok "$what: nothing is left behind" test ! -e k.db.recording -a ! -e state/journal
done <<'END'
a-page-that-claims-to-be-longer 20 \xff\xff 20
a-page-of-a-CPU-that-there-is-not 4 \xfe\xff\xff\x7f 20
a-record-that-is-none 0 \x00 120
END

finish
