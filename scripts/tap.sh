# SPDX-License-Identifier: GPL-2.0-only
# shellcheck shell=bash
# tap.sh - for tests in bash: `. "$SRC/scripts/tap.sh"`, a few ok/is/like/run, then `finish`.
# The environment, set by `make check`: SRC = the source tree, B = the build folder, BRINGUP = the program.
# $TMP is a fresh folder, removed at the end. The plan is printed last, so a test that dies early fails.
set -u
tap_count=0 tap_failed=0
TMP=$(mktemp -d "${TMPDIR:-/tmp}/bringup-test.XXXXXX") || exit
trap 'rm -rf "$TMP"' EXIT

# ok WHAT COMMAND... - passes when the command succeeds; its output is shown when it does not.
ok() {
	local what=$1 out
	shift
	tap_count=$((tap_count + 1))
	if out=$("$@" 2>&1); then
		echo "ok $tap_count - $what"
	else
		tap_failed=$((tap_failed + 1))
		echo "not ok $tap_count - $what"
		printf '%s\n' "failed: $*" "$out" | sed 's/^/# /'
	fi
}

# is WHAT GOT WANTED - passes when the two strings are equal.
is() {
	tap_count=$((tap_count + 1))
	if [[ $2 == "$3" ]]; then
		echo "ok $tap_count - $1"
	else
		tap_failed=$((tap_failed + 1))
		echo "not ok $tap_count - $1"
		printf '%s\n' "got:" "$2" "wanted:" "$3" | sed 's/^/# /'
	fi
}

# like WHAT GOT REGEX - passes when the extended regular expression matches somewhere.
like() {
	tap_count=$((tap_count + 1))
	if [[ $2 =~ $3 ]]; then
		echo "ok $tap_count - $1"
	else
		tap_failed=$((tap_failed + 1))
		echo "not ok $tap_count - $1"
		printf '%s\n' "got:" "$2" "wanted a match of:" "$3" | sed 's/^/# /'
	fi
}

# run COMMAND... - run it, leaving $status, $out (stdout) and $err (stderr) for is and like.
# shellcheck disable=SC2034  # the three are read by the test
run() {
	status=0
	"$@" >"$TMP/.out" 2>"$TMP/.err" </dev/null || status=$?
	out=$(<"$TMP/.out")
	err=$(<"$TMP/.err")
}

# skip_all WHY - end the whole test without a verdict, where the machine lacks what it needs.
skip_all() {
	echo "1..0 # SKIP $1"
	exit 0
}

# finish - print the plan; the exit code says whether anything failed.
finish() {
	echo "1..$tap_count"
	exit $((tap_failed > 0))
}
