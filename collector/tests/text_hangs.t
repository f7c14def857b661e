#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
# text_hangs.t - from every log in datasets/hangs the importer and the report get what was done to that machine.
. "${SRC:?run by make check}/scripts/tap.sh" || exit
cd "$SRC/datasets/hangs" || exit

# The parts of a report that expect.json has.
# shellcheck disable=SC2016
hang='.hang | { starter_cpu: .rendezvous.starter_cpu, entered: [.rendezvous.entered[]?.cpu], missing:
	[.rendezvous.missing[]?.cpu], seen_waiting: [.rendezvous.entered[]? | select(.seen_waiting) | .cpu],
	open_steps: [.open_steps[] | [.cpu, .for_cpu, .name]],
	log: [.log[] | select(.kind | IN("bringup", "clocksource", "context", "dump", "end") | not) | [.kind, .cpu]] }'

for dir in */; do
	name=${dir%/} file=$(echo "$dir"*.gz) machine=()
	[[ -d ${dir}machine ]] && machine=(--machine "${dir}machine")
	run "$BRINGUP" import "$file" "${machine[@]}" -o "$TMP/$name.db"
	is "$name: imports, and says that it is not all" "$status" 3
	found=$(sqlite3 -json "$TMP/$name.db" "SELECT c.events_total AS events, s.lines, s.unparsed, c.kernel_release, c.trace_clock,
		c.clock_hz, m.cpus_online, m.known FROM capture c, source_text s, machine m" | jq -cS '.[0]')
	is "$name: events and machine" "$found" "$(jq -cS .import "${dir}expect.json")"
	run "$BRINGUP" report --json "$TMP/$name.db"
	json=$out
	is "$name: report" "$status" 3
	is "$name: what hangs" "$(jq -cS "$hang" <<<"$json")" "$(jq -cS .hang "${dir}expect.json")"
	is "$name: says what it must and no more" "$(jq -cn --argjson r "$json" --slurpfile x "${dir}expect.json" '$r.hang.says as $s |
		[$x[0].says[] | . as $re | select([$s[] | test($re)] | any | not)],
		[$x[0].never[] | . as $re | select([$s[] | test($re)] | any)]')" "[]"$'\n'"[]"
	is "$name: names what would tell more" "$(jq -cn --argjson r "$json" --slurpfile x "${dir}expect.json" '$r.hang.would_tell as $s |
		[$x[0].would_tell[] | . as $re | select([$s[] | test($re)] | any | not)],
		($s | length) == ($x[0].would_tell | length)')" "[]"$'\n'"true"
	run "$BRINGUP" report "$TMP/$name.db"
	like "$name: the same in words" "$out" "Where the record ends"
	is "$name: each event has its line" "$(sqlite3 "$TMP/$name.db" "SELECT count(*) - count(DISTINCT line) + (SELECT events_total
		FROM capture) - count(*) FROM source_line")" 0
done

finish
