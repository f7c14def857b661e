#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
# quick
# choice.t - one function picks among the events of an instant. What takes an event from the queue is pick_next(), which asks
# choose(), and a task that passes straight on to the next one, which it does only when there is nobody to be asked.
. "${SRC:?run by make check}/scripts/tap.sh" || exit

# takers FILE... - the functions in which an event is taken from the queue
takers() {
	awk '/^[a-z].*\(/ { f = $0; sub(/\(.*/, "", f); sub(/.*[ *]/, "", f) }
		/bu_evq_pop[a-z_]*\(/ && !/^[a-z]/ { print f }' "$@" | sort -u | tr '\n' ' '
}

sources=()
for f in "$SRC"/replay/{engine,machine,hang}/*.c "$SRC"/replay/*.c; do
	[[ $f == */evq.c ]] || sources+=("$f")
done
is 'who takes events' "$(takers "${sources[@]}")" 'bu_engine_pass_on pass_on_slow pick_next '
like 'pick_next() asks' "$(sed -n '/^static bool pick_next(/,/^}/p' "$SRC/replay/engine/engine.c")" 'config\.choose.*bu_evq_pop_chosen'
like 'nobody passes on where there is somebody to be asked' "$(grep -h 'direct_until =' "$SRC/replay/engine/engine.c")" \
	'config\.choose \|\|.* \? 0 :'
like 'may_pass_on() looks at that' "$(sed -n '/ may_pass_on(/,/^}/p' "$SRC/replay/engine/engine.c")" \
	'events < e->direct_until'
for f in bu_engine_pass_on pass_on_slow; do
	like "and $f() at may_pass_on() before it takes an event" \
		"$(sed -n "/^[a-z].* $f(.*[^;]\$/,/^}/p" "$SRC/replay/engine/engine.c" | tr '\n' ' ')" '!may_pass_on\(.*bu_evq_pop'
done

# It can fail: another function that takes one.
printf 'static void sneaks(struct bu_engine *e)\n{\n\tbu_evq_pop(&e->queue, &e->held);\n}\n' >"$TMP/other.c"
is 'another one is found' "$(takers "${sources[@]}" "$TMP/other.c")" 'bu_engine_pass_on pass_on_slow pick_next sneaks '
finish
