#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
# quick
# count_tap.t - the last line of .ci/run must not say "passed" of what did not: every way for a test to fail
# counts, and scripts/run-test records what it needs for that.
. "${SRC:?run by make check}/scripts/tap.sh" || exit
count=$SRC/scripts/count-tap
unset B
export TAP_DIR=$TMP/tap
mkdir "$TAP_DIR"

# test_says NAME LINE... - run a test that consists of these lines of bash; count what it left
test_says() {
	local name=$1
	shift
	printf '%s\n' '#!/bin/bash' "$@" >"$TMP/$name"
	chmod +x "$TMP/$name"
	rm -f "$TAP_DIR"/*
	(cd "$TMP" && TEST_TIMEOUT=1 "$SRC/scripts/run-test" "$name") >"$TMP/shown" 2>"$TMP/told"
	run "$count" "$TAP_DIR"
}

test_says good 'echo 1..2; echo "ok 1 - a"; echo "ok 2 - b"'
is "all well" "$out" "2 0 0"
is "prove sees the same lines" "$(<"$TMP/shown")" $'1..2\nok 1 - a\nok 2 - b'
test_says one 'echo ok 1; echo not ok 2 - b; echo 1..2; exit 1'
is "a failed check, plan last" "$out" "1 1 0"
test_says dies 'echo 1..3; echo ok 1; kill -SEGV $$'
is "a test that dies" "$out" "1 1 0"
test_says leaks 'echo 1..1; echo ok 1; exit 23'
is "a test that ends badly after its last check" "$out" "1 1 0"
test_says short 'echo 1..2; echo ok 1'
is "fewer checks than planned" "$out" "1 1 0"
test_says silent 'exit 0'
is "no plan at all" "$out" "0 1 0"
test_says hangs 'echo 1..1; echo ok 1; sleep 60'
is "a test that does not end" "$out" "1 1 0"
like "and it is told why" "$(<"$TMP/told")" "hangs: no end after 1 s"
test_says skips 'echo "1..0 # SKIP no kvm"'
is "a skipped test is neither" "$out" "0 0 1"
test_says skip 'echo 1..2; echo "ok 1 # SKIP no kvm"; echo ok 2'
is "nor is a skipped check" "$out" "1 0 1"
test_says reads 'read -r line && exit 1; echo 1..1; echo ok 1'
is "a test has no standard input" "$out" "1 0 0"
rm -f "$TAP_DIR"/*
run "$count" "$TAP_DIR"
is "no tests at all" "$out" "0 0 0"
finish
