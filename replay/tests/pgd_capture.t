#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
# pgd_capture.t - page tables of recorded kernels: report and schedule have as many address spaces, switches, faults and walks as the
# lines of the trace say, counted here by grep.
. "${SRC:?run by make check}/scripts/tap.sh" || exit

lines() { grep -cE "$1" "$TMP/$name/trace.txt"; }
made() { jq "$1" <<<"$out"; }
metric() { made ".runs[] | select(.core == \"$1\") | .metrics[\"$2\"].value"; }

for name in 6.1-pgd4 6.12-pgd4 6.1-686-pgd4 6.1-686-pae-pgd4; do
	mkdir -p "$TMP/$name"
	tar -xJf "$SRC/datasets/boots/$name/capture.tar.xz" -C "$TMP/$name" || continue
	db=$TMP/$name.db
	"$BRINGUP" import "$TMP/$name/trace.txt" --machine "$TMP/$name/machine" -o "$db" >/dev/null 2>&1

	run "$BRINGUP" report --json "$db"
	is "$name: report" "$status" 0
	is "$name: it counts page tables, switches and faults as the trace has them" \
		"$(made '.address_spaces | [.made, .freed, .forks, .execs, .exits, .switches, .faults.user, .faults.kernel_user + .faults.kernel,
			.faults.vmalloc_fault, .walks] | @csv')" \
		"\"$(lines ': pgd_alloc <-'),$(lines ': pgd_free <-'),$(lines ': sched_process_fork: '),$(lines ': sched_process_exec: '),$(
			lines ': sched_process_exit: '),$(lines ': sched_switch: '),$(lines ': page_fault_user: '),$(
			lines ': page_fault_kernel: '),$(lines ': vmalloc_fault <-'),$(lines ': arch_sync_kernel_mappings <-')\""
	is "$name: faults of kernel addresses are those in the half of the kernel" "$(made .address_spaces.faults.kernel)" \
		"$(lines ': page_fault_kernel: address=0x([c-f][0-9a-f]{7}|ffff[0-9a-f]{12}) ')"

	run "$BRINGUP" replay --pgd prealloc "$db" --json
	is "$name: schedule" "$status" 0
	is "$name: it has as many address spaces, switches, faults and walks" \
		"$(made '.pgd | [.made, .ended, .switches, .recorded_faults, .recorded_vmalloc_faults, .recorded_syncs] | @csv')" \
		"\"$(lines ': pgd_alloc <-'),$(lines ': pgd_free <-'),$(lines ': sched_switch: '),$(lines ': page_fault_(user|kernel): '),$(
			lines ': vmalloc_fault <-'),$(lines ': arch_sync_kernel_mappings <-')\""
	case $name in
	*-686*)
		ok "$name: real entries of the kernel were made, walked for, and missed" test "$(made .pgd.synthetic)" = false -a \
			"$(made .pgd.new_entries)" -gt 0 -a "$(made .pgd.recorded_syncs)" -gt 0 -a "$(made .pgd.recorded_vmalloc_faults)" -gt 0
		# A recorded access that faulted is one in each core; a walk is of a list that a fork may have made longer since.
		run "$BRINGUP" replay --pgd lazy-fault,sync-mappings "$db" --json
		is "$name: lazy-fault has as many faults as the trace" "$(metric lazy-fault faults)" "$(lines ': vmalloc_fault <-')"
		is "$name: sync-mappings walks as often as the kernel" "$(metric sync-mappings walks)" "$(lines ': arch_sync_kernel_mappings <-')"
		walked=$(metric sync-mappings walked)
		recorded=$(made .pgd.recorded_walked)
		ok "$name: sync-mappings walks $walked page tables, the trace has $recorded: within 0.1 %" test \
			"$walked" -ge $((recorded - recorded / 1000)) -a "$walked" -le $((recorded + recorded / 1000))
		# From what was mapped alone, whatever the kernel walked for: one entry was there before the trace knew of any.
		run "$BRINGUP" replay --pgd sync-mappings "$db" --json --slot-shift "$(made .pgd.slot_shift)"
		is "$name: and but for one entry as often where every first mapping makes its entry" "$(metric sync-mappings walks)" \
			$(($(lines ': arch_sync_kernel_mappings <-') + 1))
		;;
	*)
		is "$name: no new entry by itself" "$(made .pgd.new_entries)" 0
		run "$BRINGUP" replay --pgd prealloc "$db" --json --slot-shift 21
		ok "$name: with a chosen size there are, and they are called synthetic" test "$(made .pgd.synthetic)" = true -a \
			"$(made .pgd.new_entries)" -gt 0
		;;
	esac
done
finish
