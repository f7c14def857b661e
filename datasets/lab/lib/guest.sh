# SPDX-License-Identifier: GPL-2.0-only
# shellcheck shell=bash
#
# guest.sh - what the guest boots from: the initrd and the kernel command line.
# Flow: kernel tree + bringup -> [guest] -> files that lab.sh hands to QEMU.
#
# The initrd holds a static busybox, guest/init, the recorder with the shared libraries it was linked with, and the
# modules that this kernel needs to reach the 9p share.  Which those are is asked of the kernel's own module
# dependencies; what is built in is not loaded.

# x86 keeps 2048 bytes of command line with the closing NUL; 6.12 dies in start_kernel() without a word if QEMU passes
# one byte more (COMMAND_LINE_SIZE, arch/x86/include/asm/setup.h; seen with 6.12.113).
LAB_CMDLINE_MAX=2046

# The share is virtio over PCI, spoken to with 9p.
LAB_MODULES='virtio_pci 9pnet_virtio 9p'
# What guest/storm loads: small, since each page of a module file is a fault of insmod, and without hardware.
LAB_STORM_MODULES='zram nf_tables jbd2'

# buffer_kib CPUS MODE - ring buffer size per CPU.  What counts is the boot CPU's, since every prepare step runs there:
# measured 90 KB at 8 CPUs, 330 KB at 64, 492 KB at 128 and 989 KB at 255 (6.12).  Not larger than it must be, since
# each CPU's buffer is allocated within the bring-up that is being measured.
buffer_kib() {
	local kib
	if [ "$1" -le 64 ]; then
		kib=512
	elif [ "$1" -le 128 ]; then
		kib=1024
	elif [ "$1" -le 400 ]; then
		kib=2048
	else
		kib=4096
	fi
	# Rounds of offline and online log scheduling too.
	[ "$2" != hotplug ] || kib=$((kib * 8))
	printf '%s\n' "$kib"
}

# trace_cmdline BUFFER-KIB SET ARCH - the part of the command line that traces from the first moment on what events.txt and
# functions.txt name, or events-SET.txt, functions-SET.txt and, where there is one, kprobes-SET.txt.
# The clock is named because without it late_trace_init() may choose another one and empty the buffers.
trace_cmdline() {
	local probes="$LAB_DIR/kprobes-$2.txt" word=8
	printf 'trace_clock=x86-tsc trace_buf_size=%sK trace_event=%s ftrace=function ftrace_filter=%s' \
		"$1" "$(words "$LAB_DIR/events${2:+-$2}.txt")" "$(words "$LAB_DIR/functions${2:+-$2}.txt")"
	if [ -e "$probes" ]; then
		[ "$3" != i386 ] || word=4
		printf ' kprobe_event=%s' "$(grep -v '^#' "$probes" | sed "s/WORD/$word/" | paste -sd';')"
	fi
	echo
}

# trace_sets - what can be traced instead of bring-up, one line.
trace_sets() {
	local set
	for set in "$LAB_DIR"/functions-*.txt; do
		set=${set##*/functions-}
		printf '%s ' "${set%.txt}"
	done | sed 's/ $//'
}

# check_cmdline TEXT - die unless the kernel can take it.
check_cmdline() {
	[ "${#1}" -le $LAB_CMDLINE_MAX ] ||
		die "the kernel command line has ${#1} bytes and the kernel takes $LAB_CMDLINE_MAX:" \
			"shorten --cmdline by $((${#1} - LAB_CMDLINE_MAX)), or the list of functions"
}

# copy_with_libraries BINARY ROOT NAME - put BINARY at ROOT/bin/NAME and each shared library it needs where the loader
# will look for it.
copy_with_libraries() {
	local lib
	install -D -m 755 "$1" "$2/bin/$3"
	# ldd fails on a static binary, which needs nothing.
	while read -r lib; do
		install -D -m 755 "$lib" "$2$lib"
	done < <({ ldd "$1" 2>/dev/null || true; } |
		sed -nE 's#^.*=> (/[^ ]+) \(0x.*#\1#p; s#^[[:space:]]+(/[^ ]+) \(0x.*#\1#p' | sort -u)
}

# copy_modules ROOT FOLDER WANTED... - put the wanted modules into ROOT/FOLDER, numbered in the order to load them.
copy_modules() {
	local root=$1 folder=$2 want what path nr=100 seen=' ' name
	shift 2
	mkdir -p "$root/$folder"
	for want; do
		modprobe -C /dev/null -d "$KERNEL_TREE" -S "$KERNEL_RELEASE" --show-depends "$want" >"$root.depends" 2>&1 ||
			die "kernel $KERNEL_RELEASE has no $want, which the lab needs in the guest: $(tail -n 1 "$root.depends")"
		while read -r what path; do	# no options follow: -C /dev/null
			[ "$what" = insmod ] || continue
			[[ $seen != *" $path "* ]] || continue
			seen+="$path "
			nr=$((nr + 1))
			name=${path##*/}
			name="$root/$folder/$nr-${name%%.ko*}.ko"
			case $path in
			*.xz) xz -dc "$path" >"$name" ;;
			*.zst) zstd -qdc "$path" >"$name" ;;
			*.gz) gzip -dc "$path" >"$name" ;;
			*) cp "$path" "$name" ;;
			esac
		done <"$root.depends"
	done
	rm "$root.depends"
}

# make_initrd FILE BRINGUP MODE ARCH [SCRIPT] - write the initrd.  BRINGUP may be empty: then the guest boots, and records
# nothing, or text.
make_initrd() {
	local file=$1 root="$1.root" kexec
	rm -rf "$root"
	mkdir -p "$root"/{bin,proc,sys,dev,tmp,share}
	install -m 755 "$(guest_busybox "$4")" "$root/bin/busybox"
	install -m 755 "$LAB_DIR/guest/init" "$root/init"
	[ -z "$2" ] || copy_with_libraries "$2" "$root" bringup
	if [ "$3" = kexec ]; then
		kexec=$(kexec_tool)
		copy_with_libraries "$kexec" "$root" kexec
	fi
	[ -z "${5-}" ] || install -m 755 "$5" "$root/script"
	# shellcheck disable=SC2086 # lists of words
	copy_modules "$root" modules $LAB_MODULES
	if [ "$3" = storm ]; then
		install -m 755 "$LAB_DIR/guest/storm" "$root/storm"
		# shellcheck disable=SC2086
		copy_modules "$root" storm-modules $LAB_STORM_MODULES
	fi
	(cd "$root" && find . -print0 | sort -z | cpio -0 -o -H newc --quiet) >"$file"
	rm -rf "$root"
}
