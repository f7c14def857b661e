#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
# redact.t - what is planted in a capture is gone after redaction; what the analysis needs is not. The audit sees the
# one and passes the other.
. "${SRC:?run by make check}/scripts/tap.sh" || exit
synth=$B/tests/collector/tests/synth_test
cd "$TMP" || exit

sql() { sqlite3 -batch "$@"; }
findings() { sed -n 's/.*: \([0-9]*\) findings.*/\1/p' <<<"$out"; }

# Captures: one made to measure, and recordings where there are any.
"$synth" write synth.dat 8 20000 >/dev/null
"$BRINGUP" import synth.dat -o synth.db >/dev/null
names=synth
for name in 6.1-hotplug8 6.12-smp8 6.12-smp64; do
	[[ -f $SRC/datasets/boots/$name/capture.tar.xz ]] || continue
	mkdir "$name" && tar -C "$name" -xf "$SRC/datasets/boots/$name/capture.tar.xz"
	"$BRINGUP" import "$name/trace.dat" --machine "$name/machine" -o "$name.db" >/dev/null
	names+=" $name"
done

# ---- planted values

secret='zeus.example.com alice /home/alice/key 52:54:00:ab:cd:ef 192.168.7.9 d1e2f3a4-0000-4000-8000-00000000beef'
secret+=' ffff888123456789 18446612686892886921'
address=$((0xffff888123456789))
# plant DB - put the secret into every column of text that takes it, a row each, and the address into numbers.
plant() {
	local db=$1 table column took planted=0
	sql "$db" "
	INSERT INTO ev_fault VALUES (9000001, 5, NULL, 0, 1, 0, 0, 'kernel', $address, $address, NULL, 2);
	INSERT INTO ev_timer VALUES (9000002, 5, NULL, 0, 1, 0, 0, 1, $address, NULL, 7, 7);
	INSERT INTO ev_other VALUES (9000003, 5, NULL, 0, 1, 0, 0, 1, '{\"comm\":\"alice\",\"name\":\"/home/alice/key\",
		\"skbaddr\":$address,\"any\":$address,\"hw\":[82,84,0,171,205,239],\"func\":\"con_init\"}');
	INSERT INTO raw_line VALUES (1, 1, 'x');
	INSERT INTO log_event VALUES (1, 1, 5, 'panic', NULL, 'x');
	INSERT INTO backtrace VALUES (1, 1, 1, NULL, 0, '', 'frame', 'x', 0, 1);
	INSERT INTO cpu VALUES (4000, 0, 0, $address, 0, 0, $address, 1);
	INSERT INTO import_note (severity, topic, detail) VALUES ('info', 'x', 'x');
	INSERT OR IGNORE INTO machine_file VALUES ('dmesg', 'x'), ('interrupts', 'x'), ('cpuinfo_head', 'x'), ('nodes', 'x');
	INSERT OR IGNORE INTO trace_config VALUES ('set_event', 'x'), ('kprobe_events', 'x'), ('trace_options', 'x');
	INSERT INTO task VALUES (90001, 4711, 'alice'), (90002, 4712, 'kworker/0:1-zeus');
	INSERT INTO symbol VALUES (90001, '0xffff888123456789', '0xffff888123456789');
	UPDATE machine_file SET content = content || char(10) || '[    1.000000] $secret' || char(10) || ' 9: 1 2 $secret';
	UPDATE trace_config SET value = value || char(10) || '$secret';
	UPDATE capture SET cmdline = 'root=UUID=d1e2f3a4-0000-4000-8000-00000000beef trace_clock=/home/alice maxcpus=4 alice alice.cluster=7 BOOT=alice
		trace_event=cpuhp:*,zeus.example.com console=ttyS0,115200 -- alice'"
	while IFS='|' read -r table column; do
		case $table.$column in
		ev_other.fields | capture.cmdline | redaction.*) continue ;;
		esac
		# A CHECK keeps its column to a list of words: nothing can be planted there.
		took=$(sql "$db" "UPDATE $table SET $column = coalesce($column, '') || ' $secret' WHERE rowid = (SELECT max(rowid) FROM $table);
			SELECT changes()" 2>/dev/null) && [[ $took == 1 ]] && planted=$((planted + 1))
	done < <(sql "$db" "SELECT t.name, c.name FROM sqlite_schema t, pragma_table_info(t.name) c WHERE t.type = 'table' AND
		t.name NOT LIKE 'sqlite%' AND c.type = 'TEXT'")
	echo "$planted"
}

for name in $names; do
	cp "$name.db" planted.db
	planted=$(plant planted.db)
	ok "$name: planted in $planted columns of text" test "$planted" -ge 30
	run "$BRINGUP" audit planted.db
	is "$name: the audit of the planted one: exit code" "$status" 1
	ok "$name: and at least a finding for each" test "$(findings)" -ge "$planted"
	for what in 'ev_fault.address' 'ev_timer.timer' 'cpu.apic_id' 'ev_other.fields' 'host name: zeus.example.com' 'path: /home/alice' \
			'IP address: 192.168.7.9' 'MAC address: 52:54' 'UUID: d1e2' 'kernel address: ffff888123456789' \
			'decimal: 18446612686892886921'; do
		run "$BRINGUP" audit --top 1000000 planted.db
		ok "$name: the audit names $what" grep -qF "$what" <<<"$out"
	done
	ok "$name: the address stood there as SQLite stores it" bash -c "LC_ALL=C grep -qaP '\\x88\\x81\\x23\\x45\\x67\\x89' planted.db"
	run "$BRINGUP" redact planted.db clean.db --force
	is "$name: redacts" "$status" 0
	left=$(grep -a -o -i -E 'zeus|alice|52:54:00|192\.168|beef|ffff8881|184466126868' clean.db | sort | uniq -c)
	is "$name: nothing planted is left in the file's bytes" "$left" ""
	ok "$name: nor the address as SQLite stores it" bash -c "! LC_ALL=C grep -qaP '\\x88\\x81\\x23\\x45\\x67\\x89' clean.db"
	run "$BRINGUP" audit clean.db
	is "$name: the audit finds nothing: exit code" "$status" 0
	is "$name: the audit finds nothing" "$(findings)" 0
	is "$name: the command line keeps what is safe" "$(sql clean.db 'SELECT cmdline FROM capture')" \
		"maxcpus=4 console=ttyS0,115200"
	is "$name: the symbol of a known field stays" "$(sql clean.db "SELECT fields ->> 'func' FROM ev_other WHERE id = 9000003")" \
		con_init
done

# ---- what must not change

for name in $names; do
	run "$BRINGUP" redact "$name.db" "$name.r.db"
	is "$name: redacts" "$status" 0
	run "$BRINGUP" audit "$name.r.db"
	is "$name: the audit passes it" "$status" 0
	for db in "$name" "$name.r"; do
		"$BRINGUP" report --json "$db.db" |
			jq -S 'del(.source.file, .source.trace, (.. | objects | .starter_comm))' >"$db.report"
		"$BRINGUP" replay "$db.db" --hotplug recorded,serial -o "$db.runs" >/dev/null
		sql "$db.runs" "SELECT core, hash, bringup_ns FROM run ORDER BY id" >"$db.hashes"
	done
	ok "$name: the report has the same numbers" cmp "$name.report" "$name.r.report"
	ok "$name: replays have the same hash and bring-up time" cmp "$name.hashes" "$name.r.hashes"
	is "$name: there were two replays" "$(wc -l <"$name.hashes")" 2
	is "$name: symbols stay" "$(sql "$name.r.db" "ATTACH '$name.db' AS o; SELECT count(*) FROM main.symbol m JOIN o.symbol s USING (id)
		WHERE s.name NOT LIKE '0x%' AND m.name <> s.name")" 0
	is "$name: threads of the kernel keep their names" "$(sql "$name.r.db" "ATTACH '$name.db' AS o; SELECT count(*) FROM main.task m
		JOIN o.task t USING (id) WHERE (t.comm GLOB 'cpuhp/*' OR t.comm GLOB 'migration/*' OR t.comm GLOB 'swapper/*' OR
		t.comm GLOB 'ksoftirqd/*' OR t.comm GLOB 'kworker/[u0-9]*') AND m.comm <> t.comm")" 0
done
is "it says what was done" "$(sql synth.r.db "SELECT count(*) > 0 FROM redaction WHERE what = 'capture.source_name'")" 1

# Captures of the other families: what is said of the machine and each replay are the same.
while read -r name source family core; do
	[[ -f $SRC/datasets/boots/$name/capture.tar.xz ]] || continue
	mkdir "$name" && tar -C "$name" -xf "$SRC/datasets/boots/$name/capture.tar.xz"
	"$BRINGUP" import "$name/$source" --machine "$name/machine" -o "$name.db" >/dev/null
	run "$BRINGUP" redact "$name.db" "$name.r.db"
	run "$BRINGUP" audit "$name.r.db"
	is "$name: the audit passes the redacted one" "$status $(findings)" "0 0"
	ok "$name: the same machine" cmp <("$BRINGUP" machine "$name.db") <("$BRINGUP" machine "$name.r.db")
	for db in "$name" "$name.r"; do
		run "$BRINGUP" replay "$db.db" "--$family" "$core" -o "$db.runs"
		is "$db: replays" "$status" 0
	done
	is "$name: the same run" "$(sql "$name.r.runs" 'SELECT hash FROM run')" "$(sql "$name.runs" 'SELECT hash FROM run')"
	rm -r "$name" "$name".*
done <<-'END'
	6.12-pgd4 trace.txt pgd sync-mappings
	6.1-smp8-clock trace.dat clocksource stop-machine
	6.12-text8 trace.dat text irqs-on
END

# ---- addresses: order, pages, slots

cp synth.db faults.db
# Two pages side by side, one further on, the same page again, another slot, text, two of user space, page 0.
sql faults.db "WITH f(n, a) AS (VALUES (1, -131941395333120), (2, -131941395333120 + 4096 + 24), (3, -131941395333120 + 8 * 4096 + 7),
	(4, -131941395333120 + 100), (5, -60473139527680), (6, -2130706432), (7, 139637976727552), (8, 94000000000000), (9, 16))
	INSERT INTO ev_fault SELECT 9000000 + n, n, NULL, 0, 1, 0, 0, 'kernel', a, -2130706432 + 4096 * n, NULL, 0 FROM f"
run "$BRINGUP" redact faults.db faults.r.db
both="ATTACH 'faults.db' AS o; WITH p AS (SELECT r.id, r.address AS new, f.address AS old FROM main.ev_fault r JOIN o.ev_fault f
	USING (id) UNION ALL SELECT r.id, r.ip, f.ip FROM main.ev_fault r JOIN o.ev_fault f USING (id))"
is "no address is as it was" "$(sql faults.r.db "$both SELECT count(*) FROM p WHERE new = old AND old > 4096")" 0
is "offset in the page stays" "$(sql faults.r.db "$both SELECT count(*) FROM p WHERE (new & 4095) <> (old & 4095)")" 0
is "slot of the PGD stays" "$(sql faults.r.db "$both SELECT count(*) FROM p WHERE ((new >> 39) & 511) <> ((old >> 39) & 511)")" 0
is "order stays, unsigned" "$(sql faults.r.db "$both SELECT count(*) FROM p a, p b WHERE (a.new < b.new) <>
	(CASE WHEN (a.old < 0) = (b.old < 0) THEN a.old < b.old ELSE a.old >= 0 END)")" 0
is "the same page stays the same, another another" "$(sql faults.r.db "$both SELECT count(*) FROM p a, p b WHERE
	((a.new >> 12) = (b.new >> 12)) <> ((a.old >> 12) = (b.old >> 12))")" 0
is "neighbours stay neighbours, others are none" "$(sql faults.r.db "$both SELECT count(*) FROM p a, p b WHERE
	((a.new >> 12) + 1 = (b.new >> 12)) <> ((a.old >> 12) + 1 = (b.old >> 12))")" 0
is "nothing looks like an address of a kernel" "$(sql faults.r.db 'SELECT count(*) FROM ev_fault WHERE address < 0 OR ip < 0')" 0
# The same pages elsewhere within their slots, as KASLR moves them: the copy cannot be told apart.
sql faults.db "UPDATE ev_fault SET address = address + 5 * 1024 * 1024 * 1024 WHERE address BETWEEN -140000000000000 AND -60000000000000"
"$BRINGUP" redact faults.db moved.r.db >/dev/null
is "where in its slot the kernel lay is gone" "$(sql moved.r.db 'SELECT id, address, ip FROM ev_fault')" \
	"$(sql faults.r.db 'SELECT id, address, ip FROM ev_fault')"
# Five levels: both upper slots stay.
sql faults.db "INSERT INTO ev_fault VALUES (9000100, 20, NULL, 0, 1, 0, 0, 'kernel', $((0xff11000123456789)), 0, NULL, 0)"
"$BRINGUP" redact faults.db five.r.db >/dev/null
is "five levels: 18 bits of slots stay" "$(sql five.r.db "ATTACH 'faults.db' AS o; SELECT count(*) FROM main.ev_fault r JOIN o.ev_fault f
	USING (id) WHERE ((r.address >> 39) & 262143) <> ((f.address >> 39) & 262143)")" 0

# ---- what the audit must see besides

cp synth.r.db bad.db && sql bad.db "PRAGMA secure_delete = OFF; CREATE TABLE x (t TEXT); INSERT INTO x VALUES ('y')" >/dev/null
run "$BRINGUP" audit bad.db
like "a table of somebody else: not ours" "$err" "no capture database as bringup makes it .CREATE TABLE x"
cp synth.r.db bad.db && sql bad.db "PRAGMA writable_schema = ON; UPDATE sqlite_schema SET sql = replace(sql, 'TABLE raw_line (',
	'TABLE raw_line ( -- zeus.example.com' || char(10))" >/dev/null
run "$BRINGUP" audit bad.db
like "a comment within a statement" "$out" "not a statement of this format"
cp synth.r.db bad.db && sql bad.db "PRAGMA secure_delete = OFF; INSERT INTO import_note (severity, topic, detail) VALUES ('info', 'x',
	'zeus and his brothers ' || hex(randomblob(40))); DELETE FROM import_note WHERE topic = 'x'" >/dev/null
run "$BRINGUP" audit bad.db
is "a deleted row: exit code" "$status" 1
like "a deleted row" "$out" "belong to no value hold something"
cp synth.r.db bad.db && sql bad.db "PRAGMA secure_delete = OFF; INSERT INTO raw_line (line, text) SELECT value, hex(randomblob(4000)) FROM
	generate_series(1, 50); DELETE FROM raw_line" >/dev/null
run "$BRINGUP" audit bad.db
like "free pages" "$out" "free pages"
run "$BRINGUP" audit synth.dat
is "a trace.dat: exit code" "$status" 1
like "a trace.dat: databases only" "$err" "only capture databases can be audited"
run "$BRINGUP" redact synth.db synth.db --force
is "onto itself: exit code" "$status" 1
run "$BRINGUP" redact synth.db synth.r.db
like "does not replace unasked" "$err" "exists already.*--force"
run "$BRINGUP" redact none.db none.r.db
is "a missing file leaves nothing" "$status $(echo none*)" "1 none*"

# ---- at import

run "$BRINGUP" import synth.dat -o at-import.db --redact
is "import --redact: exit code" "$status" 0
run "$BRINGUP" audit at-import.db
is "import --redact: the audit passes it" "$status" 0
is "import --redact: leaves nothing else" "$(echo at-import*)" at-import.db

finish
