#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
# text_import.t - a trace as text gives what the same trace gives as a trace.dat; a log that was mishandled loses
# nothing without saying so.
. "${SRC:?run by make check}/scripts/tap.sh" || exit
boots=$SRC/datasets/boots hangs=$SRC/datasets/hangs
cd "$TMP" || exit

sql() { sqlite3 -batch "$@"; }
column() { sql "$1" "SELECT $2 FROM source_text"; }

# ---- the same events as from the trace.dat

# The text that the kernel would have printed of a capture: print_trace_header() and trace_print_context().
as_text() {
	sql "$1" "WITH e AS (
		SELECT v.id, task, cpu, ctx, ts_raw, f.name || ' <-' || c.name AS what FROM ev_func v JOIN symbol f ON f.id = func
			JOIN symbol c ON c.id = caller
		UNION ALL SELECT v.id, task, cpu, ctx, ts_raw, CASE kind
			WHEN 'exit' THEN printf('cpuhp_exit:  cpu: %04u  state: %3d step: %3d ret: %d', target_cpu, state, step, ret)
			ELSE printf('cpuhp_%s: cpu: %04u target: %3d step: %3d (%s)', CASE kind WHEN 'multi' THEN 'multi_enter' ELSE kind END,
				target_cpu, target, step, f.name) END FROM ev_cpuhp v LEFT JOIN symbol f ON f.id = func
		UNION ALL SELECT v.id, task, cpu, ctx, ts_raw, printf('page_fault_%s: address=0x%x ip=0x%x error_code=0x%x', mode, address,
			ip, error_code) FROM ev_fault v
		UNION ALL SELECT v.id, task, cpu, ctx, ts_raw, printf('%s: vector=%d', k.name, vector) FROM ev_irq_vector v
			JOIN event_kind k ON k.id = kind
		UNION ALL SELECT v.id, task, cpu, ctx, ts_raw, k.name || ':' || CASE WHEN fields ->> 'level' IS NOT NULL
			THEN printf(' level=%s', fields ->> 'level') ELSE printf(' func=%s+0x0/0x20', fields ->> 'func') ||
			coalesce(printf(' ret=%d', fields ->> 'ret') || '', '') END FROM ev_other v JOIN event_kind k ON k.id = kind)
		SELECT '# tracer: function' UNION ALL SELECT '#'
		UNION ALL SELECT printf('# entries-in-buffer/entries-written: %d/%d   #P:2', count(*), count(*)) FROM e
		UNION ALL SELECT line FROM (SELECT printf('%16s-%-7d [%03d] %s%s%s%s%s %12d: %s',
			CASE WHEN t.comm = '' THEN '<...>' ELSE t.comm END, t.pid, cpu,
			substr('.db.D', 1 + (ctx & 1) + 2 * (ctx >> 7 & 1) + ((ctx & 129) = 129), 1),
			CASE ctx & 36 WHEN 0 THEN '.' WHEN 36 THEN 'N' WHEN 4 THEN 'n' ELSE 'p' END,
			CASE ctx & 88 WHEN 0 THEN '.' WHEN 8 THEN 'h' WHEN 16 THEN 's' WHEN 24 THEN 'H' WHEN 64 THEN 'z' ELSE 'Z' END,
			CASE ctx >> 8 & 15 WHEN 0 THEN '.' ELSE printf('%x', ctx >> 8 & 15) END,
			CASE ctx >> 12 WHEN 0 THEN '.' ELSE printf('%x', ctx >> 12) END, ts_raw, what) AS line
			FROM e JOIN task t ON t.id = task ORDER BY e.id)"
}
# All events of capture $1 with what they say, in words that do not depend on the numbers of dictionaries.
events_of() {
	sql "$1" "SELECT v.id, ts_ns, ts_raw, cpu, ctx, pid, comm, f.name, c.name FROM ev_func v JOIN task t ON t.id = task
			JOIN symbol f ON f.id = func JOIN symbol c ON c.id = caller ORDER BY v.id;
		SELECT v.id, ts_ns, ts_raw, cpu, ctx, pid, comm, kind, target_cpu, step, target, f.name, state, ret FROM ev_cpuhp v
			JOIN task t ON t.id = task LEFT JOIN symbol f ON f.id = func ORDER BY v.id;
		SELECT v.id, ts_ns, ts_raw, cpu, ctx, pid, comm, mode, address, ip, error_code FROM ev_fault v JOIN task t ON t.id = task
			ORDER BY v.id;
		SELECT v.id, ts_ns, ts_raw, cpu, ctx, pid, comm, k.name, vector FROM ev_irq_vector v JOIN task t ON t.id = task
			JOIN event_kind k ON k.id = kind ORDER BY v.id;
		SELECT v.id, ts_ns, ts_raw, cpu, ctx, pid, comm, k.name, fields FROM ev_other v JOIN task t ON t.id = task
			JOIN event_kind k ON k.id = kind ORDER BY v.id;
		SELECT cpu, target_cpu, nr, name, multi, target, start_ns, end_ns, ret, verdict FROM step ORDER BY id;
		SELECT * FROM bringup_cpu ORDER BY cpu; SELECT * FROM hotplug_op ORDER BY id;"
}

for name in 6.1-smp2 6.12-smp2; do
	mkdir "$name" && tar -C "$name" -xf "$boots/$name/capture.tar.xz"
	run "$BRINGUP" import "$name/trace.dat" --machine "$name/machine" -o dat.db --force
	is "$name: trace.dat" "$status" 0
	as_text dat.db >trace.txt
	total=$(sql dat.db 'SELECT events_total FROM capture')
	is "$name: the text has a line per event" "$(grep -vc '^#' trace.txt)" "$total"
	run "$BRINGUP" import trace.txt --machine "$name/machine" -o txt.db --force
	is "$name: its text imports whole" "$status" 0
	ok "$name: event for event the same, and all that is derived" cmp <(events_of dat.db) <(events_of txt.db)
	is "$name: where each event stood" "$(sql txt.db 'SELECT count(*) FROM source_line WHERE line <> event_id + 3')" 0
	gzip -c trace.txt >trace.txt.gz
	run "$BRINGUP" import trace.txt.gz --machine "$name/machine" -o gz.db --force
	ok "$name: gzip'ed too" cmp <(events_of dat.db) <(events_of gz.db)
done

# ---- texts that are not whole

head -n 1000 trace.txt >cut.txt
run "$BRINGUP" import cut.txt -o cut.db
is "a text that lost its tail: exit code" "$status" 3
is "its head tells how many are missing" "$(sql cut.db 'SELECT cpu, kind, count FROM loss')" "-1|unread|$((total - 997))"
head -c "$(($(head -n 500 trace.txt | wc -c) - 20))" trace.txt >cut.txt
run "$BRINGUP" import cut.txt -o cut.db --force
is "a line without its end is kept raw" "$(column cut.db 'events, unparsed')|$(sql cut.db 'SELECT line FROM raw_line')" "496|1|500"
sed -e '10s/:.*/: cpuhp_exit:  cpu: 00/' -e '11s/.*/xyz/' -e '12s/.*/CPU:1 [LOST 7 EVENTS]/' trace.txt >odd.txt
run "$BRINGUP" import odd.txt -o odd.db
is "a line that is none is counted" "$(column odd.db unparsed)" 1
is "an event with half of its words is kept as text" "$(sql odd.db "SELECT name FROM event_kind WHERE name LIKE '%(as text)'")" \
	"cpuhp_exit (as text)"
is "a mark of loss is a hole in its place" "$(sql odd.db "SELECT cpu, count, after_id IS NULL FROM loss WHERE kind = 'missed'")" \
	"1|7|1"

# ---- a console log, mishandled in the ways that logs are

zcat "$hangs/6.12-rendezvous-all-in/console.log.gz" >log
run "$BRINGUP" import log -o log.db
is "a whole log" "$(column log.db 'events, unparsed')" "440|0"
what() { sql "$1" "SELECT pid, comm, cpu, ts_raw, f.name FROM ev_func JOIN task t ON t.id = task JOIN symbol f ON f.id = func;
	SELECT cpu, ts_raw, kind, target_cpu, step, ret FROM ev_cpuhp; SELECT kind, cpu, text FROM log_event;
	SELECT cpu, seq, symbol FROM backtrace"; }
same() {
	run "$BRINGUP" import "$2" -o same.db --force
	ok "$1: says the same" cmp <(what log.db) <(what same.db)
}
sed 's/^/Nov 22 10:00:00 host kernel: /; s/$/\r/' log >a && same "journal and serial line" a
for stamp in '2026-11-22T10:00:00+0000' 'Sun 2026-11-22 10:00:00 UTC' 1764266401.123456 '[    2.330412 <    0.000012 >]' \
	'[    2.330412]'; do
	sed "s/^\[[^]]*\] /$stamp host kernel: /" log >a && same "journalctl that writes $stamp" a
done
sed 's/^\(\[[^]]*\]\)/<6>\1[    T1]/' log >a && same "level and caller" a
sed 's/^\[[^]]*\] //' log >a && same "without printk's stamps" a
{ printf '\0\0\0SeaBIOS (version 1.16)\r\n'; sed 's/^/\x1b[0m/' log; } >a && same "firmware and terminal before it" a
{ cat log; sed -n '1,140p' log; } >a && same "the next boot after it" a
awk 'NR <= 300 { a[NR] = $0; next } { b[++n] = $0 } END { print "Panic#2 Part1"; for (i = 1; i <= n; i++) print b[i];
	print "Panic#2 Part2"; for (i = 1; i <= 300; i++) print a[i] }' log >a && same "pstore, the end first" a

sed -n '1,400p' log >a
run "$BRINGUP" import a -o a.db
is "a log that breaks off in the dump: exit code" "$status" 3
is "and why" "$(sql a.db "SELECT count FROM import_note WHERE detail LIKE '%breaks off%'")|$(sql a.db \
	"SELECT kind, count IS NULL FROM loss")" "1|unread|1"
sed '/<-cpu_stopper_thread/{/ 3\.\.\.1/d}' log >a
run "$BRINGUP" import a -o a.db --force
run "$BRINGUP" report a.db
like "a CPU that has not come is named" "$out" "CPU 3 did not enter multi_cpu_stop"

# Two instances' dumps: the second reaches back, so all events are numbered anew, by time.
sed -n '186,400p' log >first
{ echo "[    1.000000] Linux version 6.12.0 (a) (b) #1"; echo '[    2.330412] Dumping ftrace buffer:'; echo \
  '[    2.330412] ---------------------------------'; sed -n '401,625p' log; echo '[    2.330412] ---------------------------------'
  echo '[    2.330412] Dumping ftrace instance other buffer:'; echo '[    2.330412] ---------------------------------'
  cat first; echo '[    2.330412] ---------------------------------'; } >a
run "$BRINGUP" import a -o a.db --force
is "buffers of two instances" "$(sql a.db "SELECT group_concat(name, ',') FROM buffer")|$(column a.db events)" ",other|440"
all='(SELECT id, ts_ns, cpu FROM ev_func UNION ALL SELECT id, ts_ns, cpu FROM ev_cpuhp)'
is "are one order of time" "$(sql a.db "SELECT min(id), max(id), count(DISTINCT id), sum(ts_ns < t) FROM (SELECT id, ts_ns,
	lag(ts_ns) OVER (ORDER BY id) AS t FROM $all)")" "1|440|440|0"
is "with the line of each" "$(sql a.db "SELECT sum(line > 230), sum(line <= 230) FROM source_line WHERE event_id <= 215")" "215|0"

# ---- no text, and worse

head -c 3000000 /dev/zero | tr '\0' 'x' >long && { cat log; cat long; echo; cat long; } >a
run "$BRINGUP" import a -o a.db --force
is "lines of megabytes" "$(column a.db 'events, lines')" "440|628"
printf '\x28\xb5\x2f\xfdxxxxxxxx' >a.zst
run "$BRINGUP" import a.zst -o bad.db
is "zstd: exit code" "$status" 1
like "zstd: says what to do" "$err" "zstd -d"
gzip -c log >log.gz && head -c 9000 log.gz >a.gz
run "$BRINGUP" import a.gz -o a.db --force
is "half a gzip: exit code" "$status" 3
is "half a gzip: says so" "$(sql a.db "SELECT count(*) FROM import_note WHERE detail LIKE '%gzip file is cut%'")" 1
head -c 5000 /dev/urandom >a
run "$BRINGUP" import a -o bad.db
is "noise: exit code" "$status" 1
is "noise: leaves nothing" "$(find . -name 'bad.db*')" ""

# Cut anywhere: it imports or it says why not, and every piece is accounted for.
bad=0
for at in $(seq 137 997 62000); do
	head -c "$at" log >a
	run "$BRINGUP" import a -o a.db --force
	[[ $status == 3 && $(column a.db 'lines > 0 AND pieces = events + marks + messages + unparsed + passed_over') == 1 ]] || bad=$((bad + 1))
done
is "a log cut at any of 63 places" "$bad" 0

finish
