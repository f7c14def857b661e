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
finish
