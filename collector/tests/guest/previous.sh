# SPDX-License-Identifier: GPL-2.0-only
# shellcheck shell=dash
#
# previous.sh - runs in a guest of the lab whose command line has a persistent trace buffer called kept: one boot that
# leaves it alone, one that traces into it and is reset in the middle of it, and one that reads what that left.
: "${RESULT:?the lab sets it}" "${TRACING:?the lab sets it}"
kept=$TRACING/instances/kept
cd /tmp || exit
# entries FILES... - what the kernel counts in the buffers
entries() {
	cat "$@" | sed -n 's/^entries: //p' | paste -sd+ | bc
}
if [ ! -e "$RESULT/first" ]; then
	echo "# first boot, $(uname -r)"
	bringup record --previous-boot -o early.db >early.out 2>&1
	echo "$?" >"$RESULT/early_code"
	cp early.out "$RESULT/early.out"
	[ -d "$kept" ] || exit 1
	if [ ! -e "$RESULT/before" ]; then	# a boot to begin with: the memory is then somebody else's already
		: >"$RESULT/before"
		sync
		reboot -f -n
		sleep 60
	fi
	echo 1 >"$kept/tracing_on"
	echo 'cpuhp:*' >"$kept/set_event"
	for c in 1 2 3; do
		for to in 0 1; do
			echo $to >/sys/devices/system/cpu/cpu$c/online
		done
	done
	echo 0 >"$kept/tracing_on"
	entries "$kept"/per_cpu/cpu*/stats >"$RESULT/first"
	grep -w sched_cpu_activate /proc/kallsyms >"$RESULT/first_symbol"
	echo 1 >"$kept/tracing_on"
	echo 0 >/sys/devices/system/cpu/cpu3/online	# nobody counts these: the reset comes right behind them
	sync
	reboot -f -n
	sleep 60
	exit 1
fi
echo "# second boot"
cat "$kept/last_boot_info" >"$RESULT/last_boot_info"
grep -w sched_cpu_activate /proc/kallsyms >"$RESULT/second_symbol"
entries "$kept"/per_cpu/cpu*/stats >"$RESULT/second"
bringup record --previous-boot -o previous.db >previous.out 2>&1
echo "$?" >"$RESULT/previous_code"
sed 's/^/# /' previous.out
cp previous.out "$RESULT/"
cp previous.db "$RESULT/"
bringup record --previous-boot -o again.db >"$RESULT/again.out" 2>&1
echo "$?" >"$RESULT/again_code"
exit 0
