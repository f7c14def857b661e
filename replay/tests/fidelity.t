#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
# fidelity.t - the cores reproduce the boots of the kernels that they follow, at 2, 8 and 64 CPUs.
. "${SRC:?run by make check}/scripts/tap.sh" || exit

run "$SRC/scripts/fidelity.sh" 6.1-smp2 6.1-smp8 6.1-smp64 6.12-smp2 6.12-smp8 6.12-smp64 6.12-smp64-serial
is 'every figure is within its limits' "$status" 0
is 'the control is exact for each' "$(grep -c 'exact: [1-9]' <<<"$out")" 7
is 'the core that was running is within its limits for each' "$(grep -c 'own capture: within limits' <<<"$out")" 7
is 'nothing is missed' "$(grep -c MISS <<<"$out")" 0
printf '%s\n' "$out" "$err" | sed 's/^/# /'
finish
