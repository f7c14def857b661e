#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
# quick
# describe.t - the machine of a capture, of a description file, and of --set; each value with where it is from.
. "${SRC:?run by make check}/scripts/tap.sh" || exit

tar -xJf "$SRC/datasets/boots/6.12-smp8-smt/capture.tar.xz" -C "$TMP"
db=$TMP/boot.db
"$BRINGUP" import "$TMP/trace.dat" --machine "$TMP/machine" -o "$db" >/dev/null

value() { sed -n "s/^machine\.$1 = \(-\?[0-9]*\) *# \(.*\)/\1 (\2)/p" <<<"$out"; }

run "$BRINGUP" machine "$db"
is 'threads of a core are from the capture' "$(value threads_per_core)" '2 (capture: topology)'
is 'a modern family needs no INIT delay' "$(value init_udelay_ns)" '0 (capture: CPU family)'
is 'the TSC is constant' "$(value tsc_constant)" '1 (capture: CPU flags)'
is 'how many physical CPUs there were no capture says: one each' "$(value physical_cpus)" '0 (default)'

printf '%s\n' '# a machine' '' 'machine.physical_cpus = 3   # counted' >"$TMP/a.machine"
run "$BRINGUP" machine "$db" --machine "$TMP/a.machine" --set machine.init_udelay_ns=10000000
is 'a file says more, and from where' "$(value physical_cpus)" "3 ($TMP/a.machine: counted)"
is '--set has the last word' "$(value init_udelay_ns)" '10000000 (--set)'
printf '%s\n' "$out" >"$TMP/b.machine"
run "$BRINGUP" machine --machine "$TMP/b.machine"
is 'what is printed is a description' "$status $(grep -c '^machine\.' <<<"$out")" "0 $(grep -c '^machine\.' "$TMP/b.machine")"

printf 'machine.physical_cpus = 3\n' >"$TMP/c.machine"
run "$BRINGUP" machine --machine "$TMP/c.machine"
like 'a value without a source is refused by line' "$status $err" '2 .*c.machine, line 1: .*# source'
run "$BRINGUP" replay "$db" --set machine.host_load=1000
like 'so is a value that cannot be' "$status $err" '2 .*host_load wants a whole number from 0 to 999 permille'
run "$BRINGUP" machine "$TMP/none.db"
is 'no capture is a failure' "$status" 1

for f in "$SRC"/datasets/machines/*.machine; do
	ok "$(basename "$f") can be read" "$BRINGUP" machine --machine "$f"
done

# A machine without a recording: 2 packages of 1 core with 2 threads, numbers that can be added up.
made=()
for v in packages=2 cores_per_die=1 threads_per_core=2 siblings_last=1 sipi_ns=0 sipi_accept_ns=0 tsc_adjust=1 \
	prepare_primary_ns=1000 prepare_sibling_ns=2000 alive_ns=10000 alive_sibling_ns=5000 microcode_primary_ns=70000 \
	starting_ns=300 online_primary_ns=40 online_sibling_ns=50; do
	made+=(--set "machine.$v")
done
: >"$TMP/empty.machine"
run "$BRINGUP" replay --machine "$TMP/empty.machine" "${made[@]}" --hotplug serial -o "$TMP/runs.db" --json
is 'its boot is the sum of its parts: a primary with a TSC check, two siblings without' "$(jq '.runs[0].bringup_ns' <<<"$out")" \
	$((1000 + 10000 + 70000 + 300 + 20000000 + 40 + 2 * (2000 + 5000 + 300 + 50)))
run "$BRINGUP" replay --verify 1 -o "$TMP/runs.db"
is 'and can be verified' "$status" 0
run "$BRINGUP" replay --machine "$TMP/empty.machine"
like 'a machine that says too little is refused' "$status $err" '2 .*without a recording, the machine needs prepare_primary_ns'
run "$BRINGUP" replay "$db" "${made[@]}"
like 'and so is one with work beside a recording' "$status $err" '2 .*leave one of them out'
finish
