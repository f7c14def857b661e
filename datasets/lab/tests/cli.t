#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
# cli.t - what the lab's scripts refuse, and the command line that they would boot with; boots nothing.
# quick
. "${SRC:?run by make check}/scripts/tap.sh" || exit
lab=$SRC/datasets/lab/lab.sh

run "$lab" --help
is "--help succeeds" "$status" 0
like "--help has examples" "$out" 'Examples:'

run "$lab" --cpus 2 -o "$TMP/x"
is "no kernel is a usage error" "$status" 2
like "it names the kernels there are" "$err" '5\.10 6\.1 6\.1-rt 6\.12 7\.3'
run "$lab" --kernel 2.4 --cpus 2 -o "$TMP/x"
is "an unknown kernel is a usage error" "$status" 2
run "$lab" --kernel 6.1 --cpus 1 -o "$TMP/x"
is "one CPU is a usage error" "$status" 2
run "$lab" --kernel 6.1 --cpus 2 --mode fast -o "$TMP/x"
is "an unknown mode is a usage error" "$status" 2
run "$lab" --kernel 6.1 --cpus 2 --topology 'sockets=2 -monitor stdio' -o "$TMP/x"
is "a topology that is more than one is a usage error" "$status" 2
run "$lab" --kernel 6.1 --cpus
is "an option without its value is a usage error" "$status" 2
run "$SRC/datasets/lab/spread.sh" --kernel 6.1
is "spread.sh: no --cpus is a usage error" "$status" 2
run "$SRC/datasets/lab/dataset.sh" no-such-dataset
is "dataset.sh: an unknown name is a usage error" "$status" 2

# The longest line is that of the most CPUs; 2047 bytes is what an x86 kernel takes.
for mode in boot hotplug kexec; do
	run "$lab" --kernel 6.12 --cpus 4096 --mode $mode --show-cmdline
	is "a command line for mode $mode is made" "$status" 0
	ok "and an x86 kernel can take it" test ${#out} -lt 2047
done
run "$lab" --kernel 6.12 --cpus 8 --show-cmdline
like "tracing starts with the kernel" "$out" 'trace_clock=x86-tsc .*trace_event=cpuhp:\*,.*ftrace=function ftrace_filter=smp_init,'
is "no blank from a comment or an empty line got into the lists" "$(grep -cE ',,|, |=,' <<<"$out")" 0
run "$lab" --kernel 6.12 --cpus 8 --show-cmdline --cmdline cpuhp.parallel=0
like "--cmdline is at the end" "$out" ' cpuhp\.parallel=0$'
run "$lab" --kernel 6.12 --cpus 8 --show-cmdline --cmdline "$(printf 'x%.0s' {1..2000})"
is "a command line that is too long is refused" "$status" 1
like "and it says by how much" "$err" 'takes 2046: shorten --cmdline by [0-9]+'

# Every dataset can be made again: its row is in the table and lab.sh takes the arguments.
while IFS=$'\t' read -r name args why; do
	[[ $name != '#'* ]] || continue
	mapfile -t words < <(xargs -n 1 printf '%s\n' <<<"$args")
	run "$lab" "${words[@]}" --show-cmdline
	is "recipe $name ($why) is one that lab.sh takes" "$status" 0
done <"$SRC/datasets/lab/recipes.tsv"

finish
