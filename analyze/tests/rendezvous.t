#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
# rendezvous.t - a boot in which one CPU came 15 s late to a stop_machine, and completed: the lines of a real one, whose first
# part is datasets/hangs/6.1-rendezvous-one-missing.
. "${SRC:?run by make check}/scripts/tap.sh" || exit
dir=$SRC/datasets/hangs/6.1-rendezvous-one-missing
cd "$TMP" || exit

row() {
	run "$BRINGUP" report --json "$1"
	jq -c '.rendezvous[] | [.starter_comm, .starter_cpu, .callback, .cpus, .last_cpu,
		((.all_in_ns - .start_ns) / 1e6 | floor), (.late_ns / 1e6 | floor), (if .over_ns then (.over_ns - .start_ns) / 1e6 | floor
		else null end)]' <<<"$out"
}
late() {
	zcat "$dir/trace.txt.gz"
	cat <<-'LINES'
	     migration/3-30      [003] .....  61044957310: cpu_stopper_thread <-smpboot_thread_fn
	     migration/3-30      [003] ...1.  61044985951: multi_cpu_stop <-cpu_stopper_thread
	     migration/4-35      [004] d..1.  61116627547: mtrr_rendezvous_handler <-multi_cpu_stop
	     migration/3-30      [003] d..1.  61137218949: mtrr_rendezvous_handler <-multi_cpu_stop
	     migration/1-20      [001] d..1.  61147522905: mtrr_rendezvous_handler <-multi_cpu_stop
	     migration/0-16      [000] d..1.  61220176395: mtrr_rendezvous_handler <-multi_cpu_stop
	     migration/0-16      [000] d.h2.  61252870719: timekeeping_update <-timekeeping_advance
	LINES
	echo "            init-1       [000] .....  $1: alloc_vmap_area <-__get_vm_area_node"
}

late 61400000000 >late.txt
run "$BRINGUP" import late.txt --machine "$dir/machine" -o late.db
is "who began it, what it ran, who came last, by how much, until when" "$(row late.db)" \
	'["init",0,"mtrr_rendezvous_handler",8,3,15041,15016,15177]'
run "$BRINGUP" report late.db
like "the head names it" "$out" "the longest took 15\.04 s until all 8 CPUs were in:
 +CPU 3 came 15\.02 s after all others"
is "nothing hangs" "$(grep -c 'in progress when the record ends' <<<"$out")" 0

"$BRINGUP" import "$dir/trace.txt.gz" --machine "$dir/machine" -o open.db >/dev/null
is "one that has not ended is not in the table" "$(row open.db)" ""

# Clocks that are not known to agree that well cannot tell who came last.
sqlite3 late.db "DELETE FROM clock_bound; INSERT INTO clock_bound SELECT cpu, 0, -20000000000, 5, 0, 1, 1, 'consistent' FROM cpu"
run "$BRINGUP" report late.db
is "then the head does not say it" "$(grep -c 'after all others' <<<"$out")" 0
like "and the table has its doubts" "$out" "15\.02 s\?.*it may have been another CPU"

# Two calls before one rendezvous: which of them it is of is not said.
late 61400000000 | sed '/stop_machine_cpuslocked <-/{p;s/init-1 /init-2 /}' >two.txt
"$BRINGUP" import two.txt --machine "$dir/machine" -o two.db >/dev/null
is "an ambiguous caller is none" "$(row two.db | jq -c '.[0:5]')" '[null,null,"mtrr_rendezvous_handler",8,3]'

finish
