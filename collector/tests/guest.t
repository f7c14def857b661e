#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
# guest.t - recording in guests of the lab, each a real kernel with four CPUs: live in every way, snapshots, the recorder
# killed, and a persistent buffer over a reset. BRINGUP_GUESTS="6.1 6.12 6.1-rt" names the kernels; minutes each, so without
# it nothing is booted. BRINGUP_GUEST_KILLS=N kills so often in each (10). `make guests` does it all.
. "${SRC:?run by make check}/scripts/tap.sh" || exit
lab=$SRC/datasets/lab/lab.sh here=$SRC/collector/tests/guest
kills=${BRINGUP_GUEST_KILLS:-10}

[[ -n ${BRINGUP_GUESTS:-} ]] || skip_all "BRINGUP_GUESTS names no kernel ('make guests' does)"

# boot DIR SCRIPT KERNEL ARGUMENTS... - run the script in a guest; its log is shown where something failed.
boot() {
	local dir=$1 script=$2 kernel=$3
	shift 3
	run "$lab" --kernel "$kernel" --cpus 4 --mode run --script "$here/$script" --bringup "$BRINGUP" -o "$dir" "$@"
	if [[ $status != 0 ]]; then
		printf '%s\n' "$err" | sed 's/^/# /'
		cat "$dir"*/script.log "$dir".failed/share/result/script.log 2>/dev/null | sed 's/^/# /'
	fi
}
value() {
	sqlite3 -batch "$1" "$2" 2>&1
}

for kernel in $BRINGUP_GUESTS; do
	dir=$TMP/$kernel
	boot "$dir" live.sh "$kernel" --timeout 900 --cmdline "lab.kills=$kills"
	is "$kernel: all that the guest checks is as it should be" "$status" 0
	[[ $status == 0 ]] || continue
	sed -n 's/^\(ok .*\)/# \1/p' "$dir/script.log"
	is "$kernel: it ran that kernel" "$(value "$dir/hotplug.db" 'SELECT kernel_release FROM capture')" \
		"$(sed -n 's/^kernel=//p' "$dir/figures")"
	for db in for command signal; do
		is "$kernel: $db.db is whole" "$(value "$dir/$db.db" 'PRAGMA integrity_check;
			SELECT complete, lost_total, events_total > 0 FROM capture')" $'ok\n1|0|1'
	done
	is "$kernel: three CPUs went off and on again" "$(value "$dir/hotplug.db" "SELECT group_concat(n) FROM (
		SELECT direction || ':' || count(*) AS n FROM hotplug_op WHERE verdict = 'ok' GROUP BY direction ORDER BY 1)")" down:3,up:3
	if [[ -e $dir/snapshot.db ]]; then
		is "$kernel: a snapshot is complete" "$(value "$dir/snapshot.db" 'SELECT complete, lost_total, events_total > 0 FROM capture')" \
			"1|0|1"
		is "$kernel: one that was there already is not known to be" "$(value "$dir/held.db" 'SELECT complete FROM capture')" 0
	fi
	bad=0 n=0
	for db in "$dir"/kill*.db; do
		[[ -e $db ]] || continue
		n=$((n + 1))
		[[ $(value "$db" 'PRAGMA integrity_check; SELECT events_total > 0 FROM capture') == $'ok\n1' ]] || bad=$((bad + 1))
	done
	is "$kernel: what $n killed recorders had recorded is there" "$bad" 0
done

# A persistent buffer, with the kernel at the same place in the second boot, and wherever it then is.
for kernel in $BRINGUP_GUESTS; do
	for kaslr in nokaslr ''; do
		dir=$TMP/$kernel-previous${kaslr:+-$kaslr}
		boot "$dir" previous.sh "$kernel" --timeout 900 --reboots \
			--cmdline "${kaslr:+$kaslr }reserve_mem=16M:4096:trace trace_instance=kept@trace"
		if [[ $kernel =~ ^(5\..*|6\.1(-rt)?)$ ]]; then
			is "$kernel: has no such buffer" "$(<"$dir/early_code")" 1
			like "$kernel: and says so" "$(<"$dir/early.out")" "cannot keep a trace buffer over a reboot, that came with 6.12"
			continue 2
		fi
		is "$kernel ${kaslr:-kaslr}: both boots went through" "$status" 0
		[[ $status == 0 ]] || continue
		is "in the first one there is nothing yet" "$(<"$dir/early_code")|$(grep -c 'no events of the boot before' "$dir/early.out")" "1|1"
		echo "# the first boot counted $(<"$dir/first") events before its last hotplug, the second found $(<"$dir/second");" \
			"last_boot_info: $(tr '\n' ' ' <"$dir/last_boot_info")"
		if [[ $(<"$dir/second") == 0 ]]; then
			echo "# the memory did not survive this reset"
			is "and that is said" "$(<"$dir/previous_code")|$(grep -c 'no events of the boot before' "$dir/previous.out")" "1|1"
			[[ -z $kaslr ]] || ok "at the same place it has to survive" false
			continue
		fi
		is "the second reads all of it" "$(<"$dir/previous_code")|$(value "$dir/previous.db" 'SELECT events_total, lost_total FROM capture')" \
			"0|$(<"$dir/second")|0"
		ok "which is what the first had counted, and what came before the reset" test "$(<"$dir/second")" -gt "$(<"$dir/first")"
		is "three CPUs went down and up, and one was going down" "$(value "$dir/previous.db" "SELECT group_concat(n) FROM (
			SELECT direction || ':' || count(*) AS n FROM hotplug_op GROUP BY direction ORDER BY 1)")" down:4,up:3
		is "functions have the names they had" "$(value "$dir/previous.db" "SELECT count(*) > 20,
			sum(name LIKE '0x%'), max(name = 'sched_cpu_activate') FROM symbol")" '1|0|1'
		is "nothing is said of the log and command line of that boot" "$(value "$dir/previous.db" "SELECT count(*) FROM machine_file
			WHERE name IN ('dmesg', 'interrupts'); SELECT count(*) FROM capture WHERE cmdline IS NOT NULL")" $'0\n0'
		is "reading it once takes it away" "$(<"$dir/again_code")|$(grep -c 'no events of the boot before' "$dir/again.out")" "1|1"
	done
done

finish
