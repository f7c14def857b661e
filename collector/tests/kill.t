#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
# shellcheck shell=bash
# kill.t - kill -9 at any instant: a database is there whole or not at all, runs that were stored stay, and what a
# killed program left behind never stands in the way of the next one. KILLS=N for more than 100 of each.
. "${SRC:?run by make check}/scripts/tap.sh" || exit
synth=$B/tests/collector/tests/synth_test
kills=${KILLS:-100}
cd "$TMP" || exit

"$synth" write a.dat 4 3000 >/dev/null
now_us() { local t=${EPOCHREALTIME/[.,]/}; echo "$t"; }
whole() { [[ $(sqlite3 -batch "$1" 'PRAGMA integrity_check' 2>&1) == ok ]]; }
# killed US COMMAND... - start it in a process group of its own and kill that, import's helper too, after US microseconds
killed() {
	local us=$1 pid
	shift
	set -m
	"$@" >/dev/null 2>&1 &
	pid=$!
	set +m
	sleep "$((us / 1000000)).$(printf %06d $((us % 1000000)))"
	kill -9 -- "-$pid" 2>/dev/null
	wait "$pid" 2>/dev/null
}

# How long the undisturbed thing takes: kills are spread over that and a little more.
begun=$(now_us)
run "$BRINGUP" import a.dat -o ref.db
took=$(($(now_us) - begun))
is "imports when left alone" "$status" 0
events=$(sqlite3 -batch ref.db 'SELECT events_total FROM capture')
RANDOM=1
bad=0 absent=0 present=0
for ((i = 0; i < kills; i++)); do
	rm -f x.db
	killed $(((RANDOM * 32768 + RANDOM) % (took + took / 4))) "$BRINGUP" import a.dat -o x.db
	if [[ -e x.db ]]; then
		present=$((present + 1))
		whole x.db && [[ $(sqlite3 -batch x.db 'SELECT events_total FROM capture') == "$events" ]] || bad=$((bad + 1))
	else
		absent=$((absent + 1))
	fi
done
is "import killed $kills times: the database is whole or not there" "$bad" 0
echo "# $absent times not there, $present times whole"
ok "import killed: some came too early" test "$absent" -gt 0
[[ -e x.db.partial ]] || : >x.db.partial
run "$BRINGUP" import a.dat -o x.db --force
is "a leftover does not stand in the way" "$status" 0
ok "and is gone" test ! -e x.db.partial

begun=$(now_us)
run "$BRINGUP" replay ref.db --hotplug serial,parallel -o runs.db
took=$(($(now_us) - begun))
is "replays when left alone" "$status" 0
stored=$(sqlite3 -batch runs.db 'SELECT count(*) FROM run')
bad=0 lost=0 unread=0 journals=0
for ((i = 0; i < kills; i++)); do
	killed $(((RANDOM * 32768 + RANDOM) % (took + took / 4))) "$BRINGUP" replay ref.db --hotplug serial,parallel -o runs.db
	[[ ! -e runs.db-journal ]] || journals=$((journals + 1))
	# The first to come is a reader.
	"$BRINGUP" report runs.db --run 1 >/dev/null 2>"$TMP/reader.err" || { unread=$((unread + 1)); sed 's/^/# /' "$TMP/reader.err"; }
	whole runs.db || bad=$((bad + 1))
	n=$(sqlite3 -batch runs.db 'SELECT count(*) FROM run')
	((n >= stored && (n - stored) % 2 == 0)) || lost=$((lost + 1))
	stored=$n
done
echo "# $stored runs stored, $journals journals left behind"
is "replay killed $kills times: the database passes its check" "$bad" 0
is "replay killed: stored runs stay, and come two by two" "$lost" 0
is "replay killed: reading works at once" "$unread" 0
run "$BRINGUP" replay ref.db --hotplug serial,parallel -o runs.db
is "and so does adding" "$status" 0
is "two runs more" "$(sqlite3 -batch runs.db 'SELECT count(*) FROM run')" $((stored + 2))

# The rare instant, made to order: a journal that has to be rolled back.
cp runs.db torn.db
{
	echo "PRAGMA cache_size = 1; BEGIN; UPDATE run SET verdict_detail = hex(randomblob(20000));"
	echo ".shell cp torn.db torn2.db; cp torn.db-journal torn2.db-journal"
} | sqlite3 -batch torn.db >/dev/null
ok "there is a journal" test -s torn2.db-journal
run "$BRINGUP" report torn2.db --run 1
is "a reader takes the change back" "$status" 0
is "nothing of it is left" "$(sqlite3 -batch torn2.db 'SELECT count(*) FROM run WHERE length(verdict_detail) > 1000')" 0
ok "the rest is whole" whole torn2.db

finish
