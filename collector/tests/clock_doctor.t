#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
# clock_doctor.t - a clock that is off is found, bounded and put right; clocks that are not are left alone.
. "${SRC:?run by make check}/scripts/tap.sh" || exit
synth=$B/tests/collector/tests/synth_test
doctor=$B/tests/collector/tests/clock_doctor_test
cd "$TMP" || exit

sql() { sqlite3 -batch "$@"; }
value() { sed -n "s/.*\b$1=\(-\{0,1\}[0-9]*\).*/\1/p" <<<"$out"; }
# How the steps for CPU $2 follow one another in $1, whoever runs them.
steps_of() { sql "$1" "SELECT group_concat(cpu || kind || step, ' ') FROM (SELECT * FROM ev_cpuhp WHERE target_cpu = $2 ORDER BY id)"; }

# ---- recordings: sound as they are, and with one CPU's clock shifted

names=
for dir in "$SRC"/datasets/boots/*/; do
	name=$(basename "$dir")
	[[ -f $dir/capture.tar.xz && $name != *.partial ]] || continue
	# Other sets of functions than the lab's own leave out those that bound the clocks of CPUs that come up.
	[[ $name == *-clock || $name == *-text* || $name == *-pgd* ]] && continue
	[[ $name != spread-*-[2-9]* ]] || continue	# the same machine again
	mkdir -p "$name" && tar -C "$name" -xf "$dir/capture.tar.xz"
	"$BRINGUP" import "$name/trace.dat" --machine "$name/machine" -o "$name.db" >/dev/null
	rm -rf "$name"
	names+=" $name"
	is "$name: no effect comes before its cause" "$(sql "$name.db" "SELECT count(*) FROM clock_bound WHERE verdict <> 'consistent'")" 0
	is "$name: every CPU that came up is bounded" "$(sql "$name.db" "SELECT count(*) FROM bringup_cpu WHERE verdict = 'ok' AND cpu NOT IN
		(SELECT cpu FROM clock_bound WHERE lo_ns <= 0 AND hi_ns >= 0)")" 0
	is "$name: no note on clocks" "$(sql "$name.db" "SELECT count(*) FROM import_note WHERE topic = 'clock'")" 0
done

for name in 6.1-smp8 6.12-smp8 6.12-smp64 6.1-hotplug8; do
	[[ $names == *" $name"* ]] || continue
	wrong=0 missed=0 again=0 order=0 tried=0
	for cpu in 1 4 7; do
		width=$(sql "$name.db" "SELECT hi_ns - lo_ns FROM clock_bound WHERE cpu = $cpu")
		near=$((2 * width + 1000)) far=7000000000
		case $cpu in
		1) offsets=("$near" "-$far") ;;
		4) offsets=("-$near" "$far") ;;
		*) offsets=("-$near" "-$far") ;;
		esac
		for offset in "${offsets[@]}"; do
			# Others that CPU controlled the hotplug of are measured by its clock too: hotplug8 is for CPUs that did not.
			[[ -n $(sql "$name.db" "SELECT 1 FROM hotplug_op WHERE control_cpu = $cpu") ]] && continue
			tried=$((tried + 1))
			run "$doctor" shift "$name.db" shifted.db "$cpu" "$offset"
			[[ $(sql shifted.db "SELECT lo_ns <= $offset AND hi_ns >= $offset FROM clock_bound WHERE cpu = $cpu") == 1 ]] ||
				wrong=$((wrong + 1))
			[[ $(sql shifted.db "SELECT group_concat(cpu) FROM clock_bound WHERE verdict = 'unsynchronised'") == "$cpu" &&
				$(sql shifted.db "SELECT count(*) FROM import_note WHERE detail LIKE 'unsynchronised TSC%CPU $cpu is%'") == 1 ]] ||
				missed=$((missed + 1))
			run "$doctor" shift "$name.db" fixed.db "$cpu" "$offset" fix
			[[ $(value corrected) == 1 ]] || again=$((again + 1))
			run "$doctor" shift fixed.db checked.db 0 0
			[[ "$(value unsynchronised) $(value contradictory)" == "0 0" ]] || { again=$((again + 1)); echo "# $cpu $offset: $out"; }
			[[ $(steps_of fixed.db "$cpu") == "$(steps_of "$name.db" "$cpu")" ]] || order=$((order + 1))
		done
	done
	ok "$name: shifts were tried" test "$tried" -ge 2
	is "$name: the bound holds the true offset" "$wrong" 0
	is "$name: it names the CPU and says unsynchronised TSC" "$missed" 0
	is "$name: corrected, no effect comes before its cause" "$again" 0
	is "$name: corrected, the steps have their order again" "$order" 0
done

# ---- clocks that were set, and other clocks

if [[ $names == *" 6.12-hotplug8"* ]]; then
	cp 6.12-hotplug8.db jump.db
	half=$(sql jump.db 'SELECT max(ts_ns) / 2 FROM ev_timer')
	for table in ev_cpuhp ev_func ev_fault ev_irq_vector ev_sched_switch ev_timer ev_other; do
		sql jump.db "UPDATE $table SET ts_ns = ts_ns + 3000000000 WHERE ts_ns > $half"
	done
	"$doctor" shift jump.db out.db 0 0 >/dev/null
	like "all clocks jump ahead: told from the hrtimers" "$(sql out.db 'SELECT detail FROM import_note')" \
		'clock step: on every CPU with timers .* part by up to 3\.0'
fi
# One CPU's clock is set when all are up, on a machine that records neither hrtimers nor requests: what is left are the
# rendezvous for the change of the clocksource. Ahead it shows from the time on that CPUs need to come together, behind from
# that between two of them.
for name in 6.1-smp8 6.12-smp8; do
	[[ $names == *" $name"* ]] || continue
	up=$(sql "$name.db" 'SELECT max(online_ns) FROM bringup_cpu')
	for by in 100000000 -20000000000; do
		cp "$name.db" set.db
		for table in ev_cpuhp ev_func ev_fault ev_irq_vector ev_sched_switch ev_timer ev_other; do
			sql set.db "UPDATE $table SET ts_ns = ts_ns + ($by) WHERE cpu = 4 AND ts_ns > $up"
		done
		"$doctor" shift set.db out.db 0 0 >/dev/null
		is "$name: CPU 4's clock is set by $by ns after the bring-up" "$(sql out.db "SELECT group_concat(cpu), group_concat(verdict)
			FROM clock_bound WHERE verdict <> 'consistent'")" "4|contradictory"
		like "$name: and that is said" "$(sql out.db 'SELECT detail FROM import_note')" 'CPU 4: its clock drifts or was set while the trace ran'
	done
done
"$synth" write plain.dat 8 20000 >/dev/null
"$BRINGUP" import plain.dat -o plain.db >/dev/null
cp plain.db back.db
sql back.db "UPDATE ev_func SET ts_ns = ts_ns - 500000000 WHERE cpu = 5 AND id > (SELECT max(id) - 200 FROM ev_func)"
"$doctor" shift back.db out.db 0 0 >/dev/null
like "a clock goes back on one CPU" "$(sql out.db 'SELECT detail FROM import_note')" 'clock step: .* went back .* on 1 of 8 CPUs, .*CPU 5'
sql back.db "UPDATE ev_func SET ts_ns = ts_ns - 500000000 WHERE cpu <> 5 AND id > (SELECT max(id) - 200 FROM ev_func)"
"$doctor" shift back.db out.db 0 0 >/dev/null
like "it goes back on all" "$(sql out.db 'SELECT detail FROM import_note')" 'went back .* on 8 of 8 CPUs.*set for all'
"$synth" write two.dat 8 20000 instance=second >/dev/null
"$BRINGUP" import two.dat -o two.db >/dev/null
is "two buffers of one clock: no note" "$(sql two.db "SELECT count(*) FROM import_note WHERE topic = 'clock'")" 0
sql two.db "UPDATE ev_func SET ts_ns = ts_ns + 90000000000000 WHERE buf = 1"
"$doctor" shift two.db out.db 0 0 >/dev/null
like "an instance on another clock" "$(sql out.db 'SELECT detail FROM import_note')" "instance 'second' seems to be on another clock"

# ---- a kernel that changed the clock as its boot ended, which emptied the buffer

cp -r "$SRC/datasets/hangs/6.1-rendezvous-one-missing/machine" emptied
echo 'trace_event=cpuhp:* console=ttyS0' >emptied/cmdline
echo 'local [global]' >emptied/trace_clock
echo '[    6.240462] Unstable clock detected, switching default tracing clock to "global"' >>emptied/dmesg
zcat "$SRC/datasets/hangs/6.1-rendezvous-one-missing/trace.txt.gz" | grep -v ': cpuhp_' |
	sed -E 's/ ([0-9]+)([0-9]{6}): / \1.\2: /' | head -n 200 >emptied.txt
run "$BRINGUP" import emptied.txt --machine emptied -o emptied.db
is "an emptied buffer: exit code" "$status" 3
is "an emptied buffer: a loss of unknown size before all" "$(sql emptied.db 'SELECT lost_unknown > 0, complete, (SELECT count(*) FROM loss
	WHERE count IS NULL AND after_id IS NULL AND before_ns = 0) FROM capture')" "1|0|1"
run "$BRINGUP" report emptied.db
like "an emptied buffer: the report says why there is nothing" "$err" "changed the trace clock to 'global'.*emptied the buffer.*trace_clock=x86-tsc"
echo 'trace_event=cpuhp:* trace_clock=global' >emptied/cmdline
"$BRINGUP" import emptied.txt --machine emptied -o emptied.db --force >/dev/null
is "a clock that was asked for: none of that" "$(sql emptied.db "SELECT count(*) FROM import_note WHERE detail LIKE '%emptied%'")" 0

# ---- at import

"$synth" write skew.dat 8 20000 skew_cpu=3 skew=-700000000 >/dev/null
run "$BRINGUP" import skew.dat -o skew.db
is "import: the bound holds the true offset" "$(sql skew.db "SELECT lo_ns <= -700000000 AND hi_ns >= -700000000, verdict, corrected_ns FROM
	clock_bound WHERE cpu = 3")" "1|unsynchronised|0"
like "import: it says so" "$out" "notes; see 'bringup info"
run "$BRINGUP" info skew.db
like "info: it says so" "$out" "unsynchronised clocks: .*CPU 3 is behind CPU 0's.*--fix-clocks"
run "$BRINGUP" import skew.dat -o fix.db --fix-clocks
is "import --fix-clocks: exit code" "$status" 0
is "import --fix-clocks: the correction is stored" "$(sql fix.db "SELECT corrected_ns BETWEEN lo_ns AND hi_ns, (SELECT count(*) FROM
	import_note WHERE detail LIKE 'stamps of 1 CPUs were corrected%') FROM clock_bound WHERE cpu = 3")" "1|1"
is "import --fix-clocks: bring-up is what it was without the skew" "$(sql fix.db 'SELECT cpus_ok, bringup_ns FROM bringup')" \
	"$(sql plain.db 'SELECT cpus_ok, bringup_ns FROM bringup')"
is "import --fix-clocks: steps follow as they did" "$(steps_of fix.db 3)" "$(steps_of plain.db 3)"
is "import --fix-clocks: ids number all events in order of time" "$(sql fix.db "SELECT (SELECT events_total FROM capture), min(id), max(id),
	sum(ts_ns < was) FROM (SELECT id, ts_ns, lag(ts_ns) OVER (ORDER BY id) AS was FROM (SELECT id, ts_ns FROM ev_func UNION ALL
	SELECT id, ts_ns FROM ev_cpuhp))")" "$(sql plain.db 'SELECT events_total, 1, events_total, 0 FROM capture')"
is "import --fix-clocks: the first event is at 0" "$(sql fix.db 'SELECT min(ts_ns) FROM ev_func')" 0
run "$BRINGUP" import plain.dat -o plain2.db --fix-clocks
is "import --fix-clocks: leaves sound clocks alone" "$(sql plain2.db .dump | grep -v 'INTO capture' | sha256sum)" \
	"$(sql plain.db .dump | grep -v 'INTO capture' | sha256sum)"

finish
