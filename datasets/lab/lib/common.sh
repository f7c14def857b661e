# SPDX-License-Identifier: GPL-2.0-only
# shellcheck shell=bash
#
# common.sh - what every script of the lab needs: messages, looking for tools, small text work.
# Flow: sourced first by lab.sh, dataset.sh and spread.sh.  Nothing here starts a process that outlives its call.

LAB_ME=$(basename -- "$0")
# modprobe and depmod live in sbin, which an ordinary user's PATH leaves out.
PATH=$PATH:/usr/sbin:/sbin

# say TEXT... - progress, on stderr, so that stdout stays free for results.
say() {
	printf '%s: %s\n' "$LAB_ME" "$*" >&2
}

# die TEXT... - failed: say why and what to do; exit 1.
die() {
	printf '%s: error: %s\n' "$LAB_ME" "$*" >&2
	exit 1
}

# usage_error TEXT... - the call itself is wrong; exit 2.
usage_error() {
	printf '%s: %s\nTry: %s --help\n' "$LAB_ME" "$*" "$LAB_ME" >&2
	exit 2
}

# need_value OPTION ARGUMENT-COUNT - an option that takes a value was given one.
need_value() {
	[ "$2" -ge 2 ] || usage_error "$1 needs a value"
}

# need_number OPTION VALUE LOW HIGH - VALUE is a decimal number within LOW..HIGH.
need_number() {
	if ! [[ $2 =~ ^[1-9][0-9]{0,8}$ ]] || [ "$2" -lt "$3" ] || [ "$2" -gt "$4" ]; then
		usage_error "$1 takes a number from $3 to $4, not '$2'"
	fi
}

# The host tools of the lab and the Debian package of each, as PACKAGE:TOOL.
LAB_TOOLS='busybox-static:busybox cpio:cpio zstd:zstd xz-utils:xz kmod:modprobe kmod:depmod jq:jq
	binutils:readelf trace-cmd:trace-cmd qemu-system-x86:qemu-system-x86_64 apt:apt-get dpkg:dpkg-deb util-linux:flock util-linux:setsid'

# lab_packages - names of the Debian packages with the host tools, one per line.
lab_packages() {
	local pair
	for pair in $LAB_TOOLS; do
		printf '%s\n' "${pair%%:*}"
	done | sort -u
}

# need_tools - all host tools are there, or die naming the apt line that brings them.
need_tools() {
	local pair missing=()
	for pair in $LAB_TOOLS; do
		command -v "${pair##*:}" >/dev/null || missing+=("${pair%%:*}")
	done
	# A busybox linked against shared libraries does not run in the guest.
	if command -v busybox >/dev/null && ldd "$(command -v busybox)" >/dev/null 2>&1; then
		missing+=(busybox-static)
	fi
	[ ${#missing[@]} -eq 0 ] ||
		die "missing on this host; run: apt-get install$(printf '%s\n' "${missing[@]}" |
			sort -u | sed 's/^/ /' | tr -d '\n')"
}

# words FILE - the lines of FILE that are neither empty nor a comment, joined with commas.
words() {
	grep -Ev '^(#|[[:space:]]*$)' "$1" | paste -sd,
}

# count_list LIST - how many numbers a kernel list such as 0-3,7 names.
count_list() {
	local part total=0
	for part in ${1//,/ }; do
		total=$((total + ${part#*-} - ${part%-*} + 1))
	done
	printf '%s\n' "$total"
}

# host_busy_ms - CPU time that the host spent so far on anything, over all its CPUs.
host_busy_ms() {
	awk -v hz="$(getconf CLK_TCK)" '$1 == "cpu" { print int(($2 + $3 + $4 + $7 + $8 + $9) * 1000 / hz) }' /proc/stat
}

# children_ms FILE - CPU time of what this shell waited for between the two outputs of `times` in FILE.  The caller runs
# `times` itself, since a subshell has children of its own.
children_ms() {
	awk 'NR == 2 || NR == 4 { for (i = 1; i <= 2; i++) { split($i, t, /[ms]/); n[NR] += t[1] * 60000 + t[2] * 1000 } }
		END { print int(n[4] - n[2]) }' "$1"
}

# wait_for_quiet SECONDS - wait until the host is nearly idle for three seconds; 1 if it did not get so in time.
wait_for_quiet() {
	local until=$((SECONDS + $1)) before
	while :; do
		before=$(host_busy_ms)
		sleep 3
		# A tenth of one CPU is what an idle desktop or a shell loop takes.
		[ $(($(host_busy_ms) - before)) -gt 300 ] || return 0
		[ $SECONDS -lt $until ] || return 1
	done
}
