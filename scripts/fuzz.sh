#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
# fuzz.sh FOLDER PROGRAM... - run each fuzz target for $RUNS executions (100000), starting from its inputs in
# datasets/fuzz. New inputs that reach new code are kept in FOLDER/corpus/NAME, so that the next run goes on from
# there; a finding ends the run, and the input that shows it is left as FOLDER/NAME-crash-*. Called by `make fuzz`.
#
# Freed memory is used again sooner than AddressSanitizer does by itself (256 MB later), and the traces of allocations are
# short: that halves the time of what allocates much. Run the program on the input alone to see them whole.
set -u
folder=$1
shift
(($#)) || { echo "there is no such target; the targets are the files tests/fuzz/NAME_fuzz.c" >&2; exit 2; }
status=0
for program; do
	name=$(basename "$program" _fuzz)
	seeds=$SRC/datasets/fuzz/$name
	new=$folder/corpus/$name
	mkdir -p "$new"
	log=$folder/$name.log
	options=("-runs=${RUNS:-100000}" -timeout=20 -rss_limit_mb=2048 -print_final_stats=1 -verbosity=1
		-reload=0 -print_funcs=0
		"-artifact_prefix=$folder/$name-")
	[[ -s $SRC/datasets/fuzz/$name.dict ]] && options+=("-dict=$SRC/datasets/fuzz/$name.dict")
	[[ -s $SRC/datasets/fuzz/$name.options ]] && mapfile -t -O "${#options[@]}" options <"$SRC/datasets/fuzz/$name.options"
	if UBSAN_OPTIONS=print_stacktrace=1 ASAN_OPTIONS=detect_leaks=1:quarantine_size_mb=2:malloc_context_size=1:max_malloc_fill_size=0 \
		"$program" "${options[@]}" "$new" "$seeds" >"$log" 2>&1 </dev/null; then
		printf '%-14s %s executions, %s per second, %s inputs kept, no finding\n' "$name" \
			"$(sed -n 's/^stat::number_of_executed_units: *//p' "$log")" \
			"$(sed -n 's/^stat::average_exec_per_sec: *//p' "$log")" "$(find "$new" -type f | wc -l)"
	else
		status=1
		printf '%-14s FINDING; the last of %s:\n' "$name" "$log"
		tail -n 40 "$log"
	fi
done
exit $status
