#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
# fidelity.t - the quick part of `make fidelity`: own captures, one pair both ways, the published table with phases.
. "${SRC:?run by make check}/scripts/tap.sh" || exit

run "$SRC/scripts/fidelity.sh" --quick
is 'every figure is within its limit, or has a reason' "$status" 0
is 'nothing is missed' "$(grep -c MISSED <<<"$out")" 0
is 'own captures are among them' "$(grep -c '^own .* ok$' <<<"$out")" 6
is 'so is a pair, both ways' "$(grep -c '^cross ' <<<"$out")" 2
is 'and every figure of the table with phases' "$(grep -cE '^(check|fitted) ' <<<"$out")" 23
printf '%s\n' "$out" "$err" | sed 's/^/# /'

# A figure that nobody measured: the script must notice.
mkdir "$TMP/tree" "$TMP/tree/datasets"
cp -r "$SRC/scripts" "$TMP/tree/scripts"
cp -r "$SRC/datasets/boots" "$SRC/datasets/machines" "$SRC/datasets/published" "$TMP/tree/datasets/"
cp "$SRC/datasets/fidelity-reasons.tsv" "$TMP/tree/datasets/"
sed -i 's/	10\.328	/	9.328	/' "$TMP/tree/datasets/published/skylake-112.tsv"
run "$TMP/tree/scripts/fidelity.sh" --quick
is 'a figure beyond its limit without a reason fails' "$status" 1
like 'and is named' "$out" '112: 55 prim. r., online .*MISSED'
finish
