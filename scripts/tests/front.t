#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
# quick
# front.t - the front end: which command runs, what it says to a wrong call, and what it does when its output
# cannot be written.
. "${SRC:?run by make check}/scripts/tap.sh" || exit

run "$BRINGUP" --version
like "--version names the build" "$status $out" "^0 bringup [0-9]+\.[0-9]+"
run "$BRINGUP" --help
is "--help succeeds" "$status$err" "0"
listed=$(sed -n 's/^  \([a-z]*\)  *[A-Za-z].*/\1/p' <<<"$out")
for c in import info replay report plot; do
	like "and lists $c" " ${listed//$'\n'/ } " " $c "
done
for c in $listed; do
	run "$BRINGUP" "$c" --help
	is "$c --help succeeds" "$status$err" "0"
	help=$out
	like "and shows how it is called" "$help" "^Usage: bringup $c( |$|"$'\n'")"
	run "$BRINGUP" help "$c"
	is "help $c says the same" "$out" "$help"
	run "$BRINGUP" "$c" --no-such-option
	is "$c refuses an unknown option" "$status" 2
done

run "$BRINGUP"
like "without a command it explains itself on stderr" "$status$out $err" "^2 Usage: bringup COMMAND"
run "$BRINGUP" replya
is "a mistyped command" "$status $err" "2 bringup: unknown command 'replya'; did you mean 'replay'?"
run "$BRINGUP" frobnicate
is "an unknown command" "$status $err" "2 bringup: unknown command 'frobnicate'; \`bringup help\` lists the commands"
run "$BRINGUP" help frobnicate
is "help for an unknown command" "$status" 2
run "$BRINGUP" --frob
is "an option in the command's place" "$status" 2

status=0
"$BRINGUP" --help >/dev/full 2>"$TMP/err" || status=$?
is "output that cannot be written is a failure" "$status $(<"$TMP/err")" \
	"1 bringup: writing the output: No space left on device"
status=0
"$BRINGUP" --version >&- 2>"$TMP/err" || status=$?
like "and so is none at all" "$status $(<"$TMP/err")" "^1 bringup: writing the output: "
finish
