#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
#
# lab.sh - boots a real Debian kernel under QEMU with tracing on from its first moment and bringup in the initrd as the
# recorder, and brings the capture out.
# Flow: kernels.tsv, functions.txt, events.txt -> [lab] -> OUTDIR/{trace.dat,machine/,console.log,provenance.json}.
#
# What always holds: OUTDIR appears only when the capture in it is complete (until then OUTDIR.partial, after a failure
# OUTDIR.failed with the console log); at most one boot of a user runs at a time, so that boots do not disturb one
# another's timing; whatever way the script ends, the QEMU it started ends too, and no other.
#
# Emulation is always TCG with one thread per virtual CPU, not KVM: the boots of one dataset are then comparable
# wherever they were made, and every virtual CPU's TSC is the host's plus one offset.

set -euo pipefail

LAB_DIR=$(cd "$(dirname -- "${BASH_SOURCE[0]}")" && pwd)
LAB_ROOT=$(cd "$LAB_DIR/../.." && pwd)
. "$LAB_DIR/lib/common.sh"
. "$LAB_DIR/lib/packages.sh"
. "$LAB_DIR/lib/guest.sh"
. "$LAB_DIR/lib/text_sites.sh"

usage() {
	cat <<EOF
Usage: $LAB_ME --kernel LINE --cpus N [options] -o OUTDIR

Boot a real kernel under QEMU, traced from its first moment on, and bring out the capture:
OUTDIR/trace.dat, OUTDIR/machine/, OUTDIR/console.log and OUTDIR/provenance.json.

  --kernel LINE      one of: $(kernel_lines)
  --kernel-tree DIR  instead: the root of an unpacked kernel package of your own
  --cpus N           virtual CPUs, 2 to 4096; beyond 255 a QEMU 10 is used
  -o, --output DIR   where the capture goes; must not exist yet (see --force)
  --mode MODE        boot (the default);
                     hotplug: after boot, take all CPUs down and up again, tracing that instead;
                     kexec: boot, start the same kernel again through kexec, trace the second boot;
                     storm: boot, and go on tracing while guest/storm forks, maps kernel memory and loads modules;
                     run: boot untraced, and run --script as the guest's shell; OUTDIR is then what it left in /result
  --script FILE      for run: a script for busybox sh, with bringup on its PATH
  --reboots          for run: a reboot of the guest is one, and not its end; the script runs in each boot
  --trace SET        what to trace: as events-SET.txt and functions-SET.txt have it ($(trace_sets));
                     by default events.txt and functions.txt, bring-up
  --rounds N         for hotplug, how often; for storm, programs that each worker starts (3)
  --alive N          for storm, processes that only wait (20)
  --topology SPEC    as QEMU's -smp takes it: sockets=2,cores=2,threads=2
  --cmdline TEXT     more kernel parameters, for example cpuhp.parallel=0
  --cpu-model M      QEMU CPU model (Nehalem: the oldest with a TSC that the kernel trusts)
  --mem MIB          memory of the guest (by default it grows with the CPUs)
  --buffer KIB       trace buffer per CPU (by default it grows with the CPUs)
  --qemu WHICH       auto (the default), host, 10 (from bookworm-backports), or a path
  --timeout S        limit for the whole boot (180 s and 4 s per CPU)
  --quiet S          first wait up to S seconds for the host to be idle, so that nothing else is in the timing
  --nice N           QEMU's niceness; below 0 (root only) it goes before other work of the host (0)
  --bringup PATH     the recorder (build/bringup, or \$BRINGUP)
  --text             record the text of the tracer's file instead (always where the recorder cannot run)
  --no-record        boot without the recorder: tries a kernel, takes its machine files only
  --name NAME        name of the run in its provenance (the last part of OUTDIR)
  --force            replace OUTDIR
  --refresh          look for a newer kernel package than the one in the cache
  --fetch            only download what the boot needs, do not boot
  --show-cmdline     only print the kernel command line
  --packages         only print the Debian packages that the lab needs on the host
  -h, --help         this text

Downloads are kept in \$BRINGUP_LAB_CACHE (build/lab-cache). Exit codes: 0 done, 1 failed, 2 usage, 3 done, but the
capture is incomplete (events lost, or CPUs that did not come up).

Examples:
  $LAB_ME --kernel 6.12 --cpus 8 -o /tmp/boot8
  $LAB_ME --kernel 6.12 --cpus 64 --cmdline cpuhp.parallel=0 --mode boot -o /tmp/serial64
EOF
}

script='' reboots=0 kernel='' own_tree='' cpus='' mode=boot trace='' rounds=3 alive=20 text=0 arch=amd64 topology='' extra='' model=Nehalem mem='' buffer='' qemu=auto
timeout='' quiet='' nice=0 bringup=${BRINGUP-} name='' out='' record=1 force=0 only='' LAB_REFRESH=0
given=("$@")
while [ $# -gt 0 ]; do
	case $1 in
	--kernel) need_value "$1" $#; kernel=$2; shift ;;
	--kernel-tree) need_value "$1" $#; own_tree=$2; shift ;;
	--cpus) need_value "$1" $#; cpus=$2; shift ;;
	-o | --output) need_value "$1" $#; out=$2; shift ;;
	--mode) need_value "$1" $#; mode=$2; shift ;;
	--script) need_value "$1" $#; script=$2; shift ;;
	--reboots) reboots=1 ;;
	--trace) need_value "$1" $#; trace=$2; shift ;;
	--rounds) need_value "$1" $#; rounds=$2; shift ;;
	--alive) need_value "$1" $#; alive=$2; shift ;;
	--topology) need_value "$1" $#; topology=$2; shift ;;
	--cmdline) need_value "$1" $#; extra=$2; shift ;;
	--cpu-model) need_value "$1" $#; model=$2; shift ;;
	--mem) need_value "$1" $#; mem=$2; shift ;;
	--buffer) need_value "$1" $#; buffer=$2; shift ;;
	--qemu) need_value "$1" $#; qemu=$2; shift ;;
	--timeout) need_value "$1" $#; timeout=$2; shift ;;
	--quiet) need_value "$1" $#; quiet=$2; shift ;;
	--nice) need_value "$1" $#; nice=$2; shift ;;
	--bringup) need_value "$1" $#; bringup=$2; shift ;;
	--name) need_value "$1" $#; name=$2; shift ;;
	--text) text=1 ;;
	--no-record) record=0 ;;
	--force) force=1 ;;
	--refresh) LAB_REFRESH=1 ;;
	--fetch) only=fetch ;;
	--show-cmdline) only=cmdline ;;
	--packages) lab_packages; exit 0 ;;
	-h | --help) usage; exit 0 ;;
	*) usage_error "unknown argument '$1'" ;;
	esac
	shift
done

[ -n "$kernel$own_tree" ] || usage_error "--kernel is missing; one of: $(kernel_lines)"
[ -n "$own_tree" ] || [ -n "$(kernel_row "$kernel")" ] ||
	usage_error "unknown kernel line '$kernel'; known: $(kernel_lines)"
[ -n "$cpus" ] || usage_error "--cpus is missing"
need_number --cpus "$cpus" 2 4096
need_number --rounds "$rounds" 1 1000
need_number --alive "$alive" 1 10000
case $mode in
boot | hotplug | kexec | storm) [ "$script$reboots" = 0 ] || usage_error "--script and --reboots go with --mode run" ;;
run) [ -r "$script" ] || usage_error "--mode run needs a --script that can be read" ;;
*) usage_error "--mode takes boot, hotplug, kexec, storm or run, not '$mode'" ;;
esac
[ -z "$trace" ] || [ -e "$LAB_DIR/functions-$trace.txt" ] ||
	usage_error "--trace takes one of: $(trace_sets), not '$trace'"
[[ $topology =~ ^([a-z]+=[0-9]+(,[a-z]+=[0-9]+)*)?$ ]] ||
	usage_error "--topology takes KEY=N,... as in sockets=2,cores=2,threads=2, not '$topology'"
[ -n "$mem" ] || mem=$((768 + cpus * 18))
need_number --mem "$mem" 256 4194304
[ -n "$buffer" ] || buffer=$(buffer_kib "$cpus" "$mode")
need_number --buffer "$buffer" 16 1048576
[ -n "$timeout" ] || timeout=$((180 + 4 * cpus))
need_number --timeout "$timeout" 1 86400
[[ $nice =~ ^-?[0-9]{1,2}$ ]] || usage_error "--nice takes a number from -20 to 19, not '$nice'"
[ "$nice" -ge 0 ] || [ "$(id -u)" = 0 ] || usage_error "--nice below 0 is for root only"
[ -z "$quiet" ] || need_number --quiet "$quiet" 1 86400

if [ -z "$own_tree" ]; then
	arch=$(kernel_row "$kernel" | cut -f5)
	[ "$arch" = amd64 ] || text=1
fi
base="console=ttyS0 panic=-1 log_buf_len=4M"
traced="$base lab.mode=boot $(trace_cmdline "$buffer" "$trace" "$arch")${extra:+ $extra}"
case $mode in
boot) cmdline=$traced ;;
hotplug) cmdline="$base lab.mode=hotplug lab.rounds=$rounds ${traced#"$base lab.mode=boot "}" ;;
storm) cmdline="$base lab.mode=storm lab.rounds=$rounds lab.alive=$alive ${traced#"$base lab.mode=boot "}" ;;
kexec | run) cmdline="$base lab.mode=$mode${extra:+ $extra}" ;;
esac
[ "$mode" = run ] || check_cmdline "$traced"
[ "$text" = 0 ] || cmdline+=" lab.text=1 trace_options=nohash-ptr"
check_cmdline "$cmdline"
if [ "$only" = cmdline ]; then
	printf '%s\n' "$cmdline"
	exit 0
fi

need_tools
LAB_CACHE=$(realpath -m -- "${BRINGUP_LAB_CACHE:-$LAB_ROOT/build/lab-cache}")
mkdir -p "$LAB_CACHE"

# A kernel, and a QEMU that it gets along with.
if [ -n "$own_tree" ]; then
	[ -d "$own_tree" ] || die "--kernel-tree: no folder $own_tree"
	[ -e "$(echo "$own_tree"/lib/modules/*/modules.dep)" ] || prepare_kernel_tree "$own_tree"
	use_kernel_tree "$own_tree"
	wanted=-
else
	kernel_tree "$kernel"
	wanted=$(kernel_row "$kernel" | cut -f4)
fi
major=1
[ "$wanted" = - ] || [ "$cpus" -lt "${wanted#*@}" ] || major=${wanted%@*}
[ "$cpus" -le 255 ] || [ "$major" -ge 10 ] || major=10
case $qemu in
auto) qemu_tree "$major" ;;
host) QEMU=("$(command -v qemu-system-x86_64)") QEMU_LIBRARY_PATH='' ;;
[0-9]*) qemu_tree "$qemu" ;;
*)
	[ -x "$qemu" ] || die "--qemu: $qemu is not there or cannot be run"
	QEMU=("$qemu") QEMU_LIBRARY_PATH=''
	;;
esac
qemu_version=$(LD_LIBRARY_PATH=$QEMU_LIBRARY_PATH "${QEMU[0]}" --version | head -n 1)
[ "$mode" != kexec ] || [ -n "$(kexec_tool)" ] || die "no kexec; run: apt-get install kexec-tools"
if [ "$only" = fetch ]; then
	say "in $LAB_CACHE: kernel $KERNEL_RELEASE and $qemu_version"
	exit 0
fi

[ -n "$out" ] || usage_error "-o OUTDIR is missing"
out=$(realpath -m -- "$out")
[ ! -e "$out" ] || [ "$force" = 1 ] || die "$out exists; remove it, give another, or say --force"
[ -n "$name" ] || name=$(basename -- "$out")
# Both end up in QEMU's option lists, where a comma begins the next option.
[[ $out != *,* ]] || usage_error "-o: no comma in the path, please: $out"
[[ $name =~ ^[A-Za-z0-9._+-]+$ ]] || usage_error "--name takes letters, digits, '.', '_', '+' and '-', not '$name'"
recorder_version=none
if [ "$text" = 1 ]; then
	[ "$record" = 1 ] || usage_error "--text is a way to record: not with --no-record"
	bringup='' record=0
	recorder_version="the text of the tracer's file"
elif [ "$record" = 1 ]; then
	[ -n "$bringup" ] || bringup=$LAB_ROOT/build/bringup
	[ -x "$bringup" ] || die "no recorder at $bringup: run make, or say where with --bringup"
	[ -z "$(missing_libraries "$bringup")" ] ||
		die "$bringup lacks $(missing_libraries "$bringup" | paste -sd' '); run: make deps"
	recorder_version=$("$bringup" --version | head -n 1)
else
	bringup=
fi

partial=$out.partial
share=$partial/share
started=''

# shellcheck disable=SC2317 # called by the trap
# On every way out: our QEMU ends, and a capture that did not get complete is not left under its name.
finish() {
	local rc=$?
	trap - EXIT INT TERM HUP
	if [ -n "$started" ] && kill -0 "$started" 2>/dev/null; then
		kill -TERM "$started" 2>/dev/null || true
		wait "$started" 2>/dev/null || true
	fi
	if [ -d "$partial" ]; then
		rm -f "$partial/initrd"
		rm -rf "$share/kexec" "$out.failed" "$partial/initrd.root"
		mv "$partial" "$out.failed"
		say "what there is of it is kept in $out.failed"
	fi
	exit "$rc"
}
trap finish EXIT
trap 'exit 130' INT
trap 'exit 143' TERM HUP

rm -rf "$partial"
mkdir -p "$share"
make_initrd "$partial/initrd" "$bringup" "$mode" "$arch" "$script"
if [ "$mode" = kexec ]; then
	mkdir -p "$share/kexec"
	cp "$KERNEL_IMAGE" "$share/kexec/vmlinuz"
	cp "$partial/initrd" "$share/kexec/initrd"
	printf '%s\n' "$traced" >"$share/kexec/cmdline"
fi

smp=$cpus${topology:+,$topology}
args=(-accel "tcg,thread=multi" -smp "$smp" -m "$mem" -display none -nodefaults)
[ "$reboots" = 1 ] || args+=(-no-reboot)
if [ "$cpus" -gt 255 ]; then
	# An APIC id beyond 255 takes x2APIC, and that takes interrupt remapping.
	args+=(-machine "q35,kernel-irqchip=split" -device "intel-iommu,intremap=on,eim=on" -cpu "$model,+x2apic")
else
	args+=(-cpu "$model")
fi
args+=(-name "bringup-lab-$name,debug-threads=on" -serial "file:$partial/console.log"
	-kernel "$KERNEL_IMAGE" -initrd "$partial/initrd"
	-virtfs "local,path=$share,mount_tag=lab,security_model=none" -append "$cmdline")

# One boot at a time.  QEMU inherits the lock, so it is held until that has really gone.
exec 9>"${TMPDIR:-/tmp}/bringup-lab-$(id -u).lock"
if ! flock -n 9; then
	say "waiting for another boot of the lab to end"
	flock 9
fi

# How much of the host's CPU time went elsewhere during the boot is what its timing has to be read with.
if [ -n "$quiet" ] && ! wait_for_quiet "$quiet"; then
	say "note: the host did not get idle within $quiet s; booting all the same"
fi

say "booting $KERNEL_RELEASE with $cpus CPUs in ${qemu_version%% (*}, limit $timeout s, console $partial/console.log"
date=$(date -u +%Y-%m-%dT%H:%M:%SZ)
t0=$(date +%s%N)
busy0=$(host_busy_ms)
# timeout is there so that QEMU ends even if this script is killed in a way that it cannot catch.
# A session of its own, since the kernel shares CPU time out by sessions first where autogroups are on (sched(7)).
LD_LIBRARY_PATH=$QEMU_LIBRARY_PATH setsid timeout --signal=TERM --kill-after=10 "$timeout" nice -n "$nice" \
	"${QEMU[@]}" "${args[@]}" </dev/null >"$partial/qemu.log" 2>&1 &
started=$!
if [ "$nice" != 0 ]; then
	for ((i = 0; i < 50; i++)); do
		# The sixth field is the session, proc(5).
		[ "$(cut -d' ' -f6 "/proc/$started/stat")" != "$started" ] || break
		sleep 0.02
	done
	(echo "$nice" >"/proc/$started/autogroup") 2>/dev/null ||
		say "note: no autogroup to set; niceness counts only within QEMU's own session"
fi
rc=0
times >"$partial/times"
wait "$started" || rc=$?
started=''
times >>"$partial/times"
qemu_ms=$(children_ms "$partial/times")
rm "$partial/times"
wall_ms=$((($(date +%s%N) - t0) / 1000000))
host_ms=$(($(host_busy_ms) - busy0))

# where_it_stopped - the last milestone that the console shows, for somebody who has to find out why.
where_it_stopped() {
	local log=$partial/console.log last
	if [ ! -s "$log" ]; then
		echo "before the kernel wrote anything"
	elif grep -qa 'lab: init reached' "$log"; then
		last=$(grep -a 'lab: ' "$log" | tail -n 1)
		echo "in the guest's init, after '${last//$'\r'/}'"
	elif grep -qa 'Brought up' "$log"; then
		echo "after all CPUs were brought up and before init"
	elif grep -qa 'Bringing up secondary CPUs' "$log"; then
		echo "while the secondary CPUs were brought up"
	else
		echo "before the secondary CPUs were brought up"
	fi
}

# status KEY - what the guest's init noted under KEY, or nothing.
status() {
	[ ! -e "$share/status" ] || sed -n "s/^$1=//p" "$share/status" | tail -n 1
}

tail_of_console() {
	[ ! -s "$partial/console.log" ] || tail -n 5 "$partial/console.log" | tr -d '\r' | sed 's/^/    /' >&2
}

if [ $rc = 124 ] || [ $rc = 137 ]; then
	tail_of_console
	die "the boot was not over after $timeout s: it stopped $(where_it_stopped); see console.log, or give it more --timeout"
fi
if [ $rc != 0 ]; then
	die "QEMU failed with $rc: $(tail -n 1 "$partial/qemu.log")"
fi
panic=$(grep -aoE 'Kernel panic - .*' "$partial/console.log" | head -n 1 | tr -d '\r' || true)
if [ -n "$panic" ] && [ "$reboots" = 0 ]; then
	tail_of_console
	hint=
	if grep -qa 'Oops: int3' "$partial/console.log"; then
		hint='; QEMU 7.2 does that to newer kernels now and then: try again, or with --qemu 10'
	fi
	die "the guest died $(where_it_stopped): $panic$hint"
fi
if [ "$(status 'done')" != 1 ]; then
	tail_of_console
	die "the guest ended early: $(where_it_stopped); see console.log"
fi

if [ "$mode" = run ]; then
	mv "$share/result"/* "$partial/" 2>/dev/null || true
	rm -rf "$share" "$partial/initrd" "$out" "$out.failed"
	mv "$partial" "$out"
	code=$(sed -n 's/^script=//p' "$out/status")
	say "done in $((wall_ms / 1000)) s: the script ended with $code, what it left is in $out"
	exit "$((code != 0))"
fi

# Look at what came out before calling it a capture.
doubts=()
if [ "$record" = 1 ]; then
	case $(status record) in
	0) ;;
	3) doubts+=("the recorder says that the data is incomplete") ;;
	*)
		tail_of_console
		die "bringup record failed in the guest with $(status record); see console.log"
		;;
	esac
	if [ ! -s "$share/trace.dat" ] || [ "$(status copy)" != 0 ]; then
		die "no trace.dat came out of the guest; see console.log"
	fi
fi
if [ "$text" = 1 ] && { ! gzip -t "$share/trace.txt.gz" || [ "$(status text)" != 0 ]; }; then
	die "no trace.txt.gz came out of the guest; see console.log"
fi
if [ ! -s "$share/machine/cpu_masks" ] || [ ! -s "$share/machine/stats" ]; then
	die "the machine files did not come out of the guest; see console.log"
fi
online=$(count_list "$(sed -n 's/^online //p' "$share/machine/cpu_masks")")
[ "$online" = "$cpus" ] || doubts+=("$online of $cpus CPUs are online")
events=$(awk -F: '$2 == "entries" { n += $3 } END { print n + 0 }' "$share/machine/stats")
lost=$(awk -F: '$2 ~ /^(overrun|commit overrun|dropped events)$/ { n += $3 } END { print n + 0 }' "$share/machine/stats")
[ "$lost" = 0 ] || doubts+=("$lost events were lost: give a larger --buffer than $buffer")
grep -q 'Linux version' "$share/machine/dmesg" || doubts+=("the kernel log lacks its beginning")
[ -z "$(status hotplug_failed)" ] || [ "$(status hotplug_failed)" = 0 ] ||
	doubts+=("$(status hotplug_failed) of the offline and online requests were refused")
exit_code=0
[ ${#doubts[@]} = 0 ] || exit_code=3

# argv ARGUMENTS... - as JSON, with paths of this host that mean nothing elsewhere taken out.
argv() {
	printf '%s\n' "$@" | sed -e "s#$partial#OUT#g" -e "s#$LAB_CACHE#CACHE#g" -e "s#$LAB_ROOT#.#g" -e "s#$out#OUT#g" | jq -R . | jq -s .
}

packages=$([ ! -e "$KERNEL_TREE/PACKAGES" ] || cat "$KERNEL_TREE/PACKAGES")
jq -n --arg name "$name" --arg date "$date" --arg line "${kernel:-own}" --arg release "$KERNEL_RELEASE" \
	--arg version "$(status version)" --arg packages "$packages" --arg cmdline "$traced" --arg first "$cmdline" \
	--arg mode "$mode" --argjson rounds "$rounds" --argjson cpus "$cpus" --arg topology "$topology" \
	--arg qemu_version "$qemu_version" --argjson qemu "$(argv "$(basename "${QEMU[0]}")" "${QEMU[@]:1}" "${args[@]}")" \
	--argjson lab "$(argv "${given[@]}")" --arg recorder "$recorder_version" \
	--argjson host_cpus "$(nproc)" --arg host_cpu "$(sed -n 's/^model name[^:]*: //p' /proc/cpuinfo | head -n 1)" \
	--argjson nice "$nice" --argjson host_ms "$host_ms" --argjson qemu_ms "$qemu_ms" \
	--argjson wall_ms "$wall_ms" --argjson code "$exit_code" --argjson online "$online" \
	--argjson events "$events" --argjson lost "$lost" --argjson uptime "$(status init_uptime_s)" \
	--argjson doubts "$(printf '%s\n' ${doubts[@]+"${doubts[@]}"} | jq -R . | jq -s 'map(select(. != ""))')" '{
	name: $name, date: $date,
	kernel: { line: $line, release: $release, version: $version,
		packages: ($packages | split("\n") | map(select(. != "") | split(" ") |
			{ name: .[0], version: .[1], sha256: .[2] })) },
	kernel_cmdline: (if $mode == "hotplug" or $mode == "storm" then $first else $cmdline end),
	first_kernel_cmdline: (if $mode == "kexec" then $first else null end),
	mode: $mode, rounds: (if $mode == "hotplug" or $mode == "storm" then $rounds else null end), cpus: $cpus,
	topology: (if $topology == "" then null else $topology end),
	qemu: { version: $qemu_version, accel: "tcg", nice: $nice, cpu_s: ($qemu_ms / 1000), argv: $qemu },
	lab_argv: $lab, recorder: $recorder,
	host: { cpus: $host_cpus, cpu_model: $host_cpu, busy_s: ($host_ms / 1000), busy_elsewhere_s: ([$host_ms - $qemu_ms, 0] | max / 1000) },
	result: { exit_code: $code, doubts: $doubts, wall_s: ($wall_ms / 1000), init_uptime_s: $uptime,
		cpus_online: $online, events: $events, lost: $lost } }' >"$partial/provenance.json"

[ ! -e "$share/trace.dat" ] || mv "$share/trace.dat" "$partial/trace.dat"
# As it is, since the dataset is compressed as a whole.
[ "$text" = 0 ] || gzip -dc "$share/trace.txt.gz" >"$partial/trace.txt"
mv "$share/machine" "$partial/machine"
[ "$trace" != text ] || text_sites "$KERNEL_IMAGE" "$partial/trace.dat" "$KERNEL_RELEASE" >"$partial/machine/text_sites"
rm -rf "$share" "$partial/initrd"
[ -s "$partial/qemu.log" ] || rm "$partial/qemu.log"
rm -rf "$out" "$out.failed"
mv "$partial" "$out"
for doubt in ${doubts[@]+"${doubts[@]}"}; do
	say "note: $doubt"
done
say "done in $((wall_ms / 1000)) s: $online CPUs, $events events, $lost lost, in $out"
exit "$exit_code"
