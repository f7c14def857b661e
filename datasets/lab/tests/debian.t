#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
# debian.t - docs/capture-on-production.md under a real systemd: the plan's line, bringup-stop in an initramfs of each
# generator, bringup-record.service with its sandbox, and stopping it. BRINGUP_DEBIAN="6.12" names the kernels; minutes each,
# so without it nothing is booted. `make debian` does it.
. "${SRC:?run by make check}/scripts/tap.sh" || exit
debian=$SRC/datasets/lab/debian.sh

[[ -n ${BRINGUP_DEBIAN:-} ]] || skip_all "BRINGUP_DEBIAN names no kernel ('make debian' does)"
[[ $EUID == 0 ]] || skip_all "needs root"

# boot DIR ARGUMENTS... - false where that failed, which is said
boot() {
	local dir=$1
	shift
	run "$debian" --timeout 1500 "$@" -o "$dir"	# a busy host is slow, and nothing here is about time
	is "boots: $*" "$status" 0
	[[ $status == 0 ]] && return
	printf '%s\n' "$err" | sed 's/^/# /'
	tail -n 20 "$dir/console.log" 2>/dev/null | tr -d '\r' | sed 's/^/# /'
	false
}

for kernel in $BRINGUP_DEBIAN; do
	dir=$TMP/$kernel
	boot "$dir" --kernel "$kernel" || continue
	is "the unit has saved the trace" "$(sort "$dir/lab/unit" | paste -sd' ')" \
		"ActiveState=inactive ConditionResult=yes ExecMainStatus=0 Result=success SubState=dead"
	is "nothing of the system failed" "$(<"$dir/lab/failed")" ""
	like "its account is in the journal" "$(<"$dir/lab/journal")" 'written ([0-9]+) \+ lost 0 = produced'
	events=${BASH_REMATCH[1]:-none}
	is "only root can read it" "$(awk '{ print $1, $2 }' "$dir/lab/modes" | sort -u | paste -sd' ')" "600 root 700 root"
	is "tracing stays off" "$(<"$dir/lab/tracing_on")" 0
	first=$(ls "$dir"/bringup/*.dat.1.kept)
	run "$BRINGUP" import "$first" --machine "${first%.dat.1.kept}.machine.1.kept" -o "$dir/boot.db"
	is "it imports without loss" "$status|$(sqlite3 "$dir/boot.db" 'SELECT events_total FROM capture')" "0|$events"
	is "in nanoseconds, by the kernel's log" "$(sqlite3 "$dir/boot.db" "SELECT clock_hz_source LIKE 'dmesg tsc: %' FROM capture")" 1
	run "$BRINGUP" replay "$dir/boot.db" --hotplug recorded -o "$dir/runs.db"
	is "it can be replayed" "$status" 0
	is "all four CPUs were seen to come up" "$(sqlite3 "$dir/boot.db" "SELECT count(DISTINCT cpu) FROM hotplug_op
		WHERE direction = 'up' AND verdict = 'ok' AND cpu > 0")" 3
	# The initramfs begins where the kernel ends its own boot: after that only what ran before the script is there.
	is "the initramfs stopped it before systemd began" "$(sqlite3 "$dir/boot.db" "SELECT count(*) FROM task
		WHERE comm LIKE 'systemd%'")" 0
	like "systemd's own judgement of the unit" "$(tail -n 1 "$dir/lab/security.txt")" 'exposure level.* ([0-9.]+) OK'
	sed 's/^/# probe: /' "$dir/lab/probe"
	is "the sandbox lets through what it must" "$(head -n 4 "$dir/lab/probe" | cut -d: -f2 | sort -u)" " yes"
	is "and nothing else" "$(sed 1,4d "$dir/lab/probe" | grep ': yes')" ""
	is "one capability is left, CAP_SYSLOG" "$(grep CapBnd "$dir/lab/probe" | tr -d '\t')" "CapBnd:0000000400000000"
	sed 's/^/# /' "$dir/lab/stops"
	saved=$(grep -cE 'Result=success .* left 0, tracing_on 0, files: [0-9a-f]+\.dat [0-9a-f]+\.machine$' "$dir/lab/stops")
	untouched=$(grep -cE 'Result=signal .* left [1-9][0-9]*, tracing_on 1, files: $' "$dir/lab/stops")
	is "stopped at six instants, it saved first, whole, or it did not run yet" $((saved + untouched)) 6
	ok "and most often saved ($saved)" test "$saved" -ge 3

	boot "$dir-dracut" --kernel "$kernel" --initramfs dracut || continue
	like "dracut: the trace is saved" "$(<"$dir-dracut/lab/journal")" 'written ([0-9]+) \+ lost 0 = produced'
	first=$(ls "$dir-dracut"/bringup/*.dat.1.kept)
	run "$BRINGUP" import "$first" --machine "${first%.dat.1.kept}.machine.1.kept" -o "$dir-dracut/boot.db"
	is "dracut: it imports without loss" "$status" 0

	boot "$dir-kept" --kernel "$kernel" --cmdline bringup.keep || continue
	ok "bringup.keep lets tracing run on: there are more events" test \
		"$(sed -nE 's/.*written ([0-9]+) .*/\1/p' "$dir-kept/lab/journal" | head -n 1)" -gt "$events"

	boot "$dir-untraced" --kernel "$kernel" --untraced || continue
	is "a boot that traces nothing: the unit has nothing to do" "$(sort "$dir-untraced/lab/unit" | paste -sd' ')" \
		"ActiveState=inactive ConditionResult=no ExecMainStatus=0 Result=success SubState=dead"
done

finish
