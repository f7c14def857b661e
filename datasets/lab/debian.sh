#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
#
# debian.sh - boots a small Debian, with the systemd, the initramfs generator and the shipped files of bringup, on a kernel
# of the lab: the way of docs/capture-on-production.md from the plan's command line to the saved trace, without hardware.
# Flow: mmdebstrap -> tree + make install -> update-initramfs or dracut -> disk image -> QEMU -> OUTDIR.
#
# OUTDIR gets console.log, and what the guest left in /var/lib: lab/ (the log and files of guest/debian-check) and bringup/
# (what bringup-record.service saved).

set -euo pipefail

LAB_DIR=$(cd "$(dirname -- "${BASH_SOURCE[0]}")" && pwd)
LAB_ROOT=$(cd "$LAB_DIR/../.." && pwd)
. "$LAB_DIR/lib/common.sh"
. "$LAB_DIR/lib/packages.sh"
. "$LAB_DIR/lib/guest.sh"

usage() {
	cat <<EOT
Usage: $LAB_ME --kernel LINE [options] -o OUTDIR

Boot Debian 12 with systemd under QEMU, traced by the line that 'bringup plan' prints, its trace saved by
bringup-record.service; then power off. Needs root, mmdebstrap and e2fsprogs.

  --kernel LINE      one of: $(kernel_lines)
  --initramfs WHICH  initramfs-tools (the default) or dracut: who makes the initramfs, with bringup-stop in it
  --cmdline TEXT     more kernel parameters
  --untraced         without the plan's line: the unit then has nothing to do
  --timeout S        limit for the boot (600)
  -o, --output DIR   where what comes out goes; must not exist yet
  -h, --help         this text

Examples:
  $LAB_ME --kernel 6.12 -o /tmp/debian
  $LAB_ME --kernel 6.1 --initramfs dracut --cmdline bringup.keep -o /tmp/kept
EOT
}

kernel='' initramfs=initramfs-tools extra='' traced=1 timeout=600 out='' cpus=4
while [ $# -gt 0 ]; do
	case $1 in
	--kernel) need_value "$1" $#; kernel=$2; shift ;;
	--initramfs) need_value "$1" $#; initramfs=$2; shift ;;
	--cmdline) need_value "$1" $#; extra=$2; shift ;;
	--untraced) traced=0 ;;
	--timeout) need_value "$1" $#; timeout=$2; need_number "$1" "$2" 1 86400; shift ;;
	-o | --output) need_value "$1" $#; out=$2; shift ;;
	-h | --help) usage; exit 0 ;;
	*) usage_error "unknown argument '$1'" ;;
	esac
	shift
done
[ -n "$(kernel_row "${kernel:-none}")" ] || usage_error "--kernel takes one of: $(kernel_lines)"
[[ $initramfs == initramfs-tools || $initramfs == dracut ]] || usage_error "--initramfs takes initramfs-tools or dracut"
[ -n "$out" ] || usage_error "-o OUTDIR is missing"
[ ! -e "$out" ] || die "$out exists; remove it or give another"
[ "$(id -u)" = 0 ] || die "needs root, to make the tree of a Debian"
for tool in mmdebstrap:mmdebstrap mke2fs:e2fsprogs debugfs:e2fsprogs; do
	command -v "${tool%:*}" >/dev/null || die "no ${tool%:*}; run: apt-get install ${tool#*:}"
done
need_tools
bringup=${BRINGUP:-$LAB_ROOT/build/bringup}
[[ -x $bringup && $bringup == */bringup ]] || die "no recorder at $bringup: run make, or say where with BRINGUP"
LAB_CACHE=$(realpath -m -- "${BRINGUP_LAB_CACHE:-$LAB_ROOT/build/lab-cache}")
mkdir -p "$LAB_CACHE"
kernel_tree "$kernel"

work=$(mktemp -d "${TMPDIR:-/tmp}/bringup-debian.XXXXXX")
started=''
# shellcheck disable=SC2317 # called by the trap
finish() {
	local rc=$?
	trap - EXIT INT TERM HUP
	[ -z "$started" ] || kill -TERM "$started" 2>/dev/null || true
	rm -rf "$work"
	exit "$rc"
}
trap finish EXIT
trap 'exit 130' INT
trap 'exit 143' TERM HUP

# The tree, from the cache: as the packages leave it.
base=$LAB_CACHE/debian-bookworm-$initramfs.tar
if [ ! -e "$base" ]; then
	apt_world bookworm,bookworm-security
	say "making a Debian 12 with $initramfs"
	mmdebstrap --mode=root --variant=apt --include="systemd,systemd-sysv,udev,kmod,python3-minimal,$initramfs" bookworm \
		"$base.partial.tar" - <"$LAB_CACHE/apt/bookworm+bookworm-security/sources.list" >"$work/mmdebstrap.log" 2>&1 ||
		die "mmdebstrap failed: $(grep -m 1 '^E:' "$work/mmdebstrap.log" || tail -n 1 "$work/mmdebstrap.log")"
	mv "$base.partial.tar" "$base"
fi
tree=$work/tree
mkdir "$tree"
tar -C "$tree" --exclude='./dev/*' -xf "$base"
mknod -m 666 "$tree/dev/null" c 1 3
mknod -m 600 "$tree/dev/console" c 5 1

# The kernel, and what make install puts there. Libraries come from this host where the tree has no file of the name.
mkdir -p "$tree/lib/modules" "$tree/boot"
cp -a "$KERNEL_TREE/lib/modules/$KERNEL_RELEASE" "$tree/lib/modules/"
find "$KERNEL_TREE" -name "config-$KERNEL_RELEASE" -exec cp {} "$tree/boot/" \;
# As it is: -o, so that nothing is built anew, and none of the flags of a make that this runs under.
env -u MAKEFLAGS -u MAKELEVEL make -C "$LAB_ROOT" --no-print-directory -o "$bringup" install "B=${bringup%/*}" PREFIX=/usr \
	DESTDIR="$tree" >"$work/install.log" 2>&1 ||
	die "make install failed: $(tail -n 1 "$work/install.log")"
while read -r lib; do
	[ -e "$tree$lib" ] || install -D -m 755 "$lib" "$tree$lib"
done < <(ldd "$bringup" | sed -nE 's#^.*=> (/[^ ]+) \(0x.*#\1#p')

# As the documentation tells an administrator to.
share=$tree/usr/share/bringup/dist
case $initramfs in
initramfs-tools)
	install -D -m 755 "$share/initramfs-tools/bringup-stop" "$tree/etc/initramfs-tools/scripts/init-top/bringup-stop"
	printf 'MODULES=list\nCOMPRESS=gzip\n' >"$tree/etc/initramfs-tools/conf.d/lab"
	printf 'virtio_pci\nvirtio_blk\next4\n' >>"$tree/etc/initramfs-tools/modules"
	TMPDIR=/tmp chroot "$tree" update-initramfs -c -k "$KERNEL_RELEASE" >"$work/initramfs.log" 2>&1 ||
		die "update-initramfs failed: $(tail -n 1 "$work/initramfs.log")"
	;;
dracut)
	cp -r "$share/dracut/90bringup" "$tree/usr/lib/dracut/modules.d/"
	cp "$share/initramfs-tools/bringup-stop" "$tree/usr/lib/dracut/modules.d/90bringup/"
	TMPDIR=/tmp chroot "$tree" dracut -f --no-hostonly --compress gzip --drivers "virtio_pci virtio_blk ext4" \
		"/boot/initrd.img-$KERNEL_RELEASE" "$KERNEL_RELEASE" >"$work/initramfs.log" 2>&1 ||
		die "dracut failed: $(tail -n 1 "$work/initramfs.log")"
	;;
esac
chroot "$tree" systemctl enable bringup-record >"$work/enable.log" 2>&1 || die "systemctl enable failed: $(tail -n 1 "$work/enable.log")"

# The judge: runs when the system is up, and powers off. The probe runs with the sandbox of the shipped unit.
install -m 755 "$LAB_DIR/guest/debian-check" "$tree/usr/local/sbin/lab-check"
install -m 755 "$LAB_DIR/guest/debian-probe" "$tree/usr/local/sbin/lab-probe"
sed -e 's#^ExecStart=.*#ExecStart=/usr/local/sbin/lab-probe#' -e '/^Condition/d' -e '/^Before=/d' \
	"$tree/usr/lib/systemd/system/bringup-record.service" >"$tree/etc/systemd/system/lab-probe.service"
cat >"$tree/etc/systemd/system/lab-check.service" <<'EOT'
[Unit]
Description=Look at what bringup did in this boot
After=bringup-record.service multi-user.target
[Service]
Type=oneshot
ExecStart=/usr/local/sbin/lab-check
ExecStopPost=systemctl --no-block poweroff
StandardOutput=journal+console
[Install]
WantedBy=multi-user.target
EOT
chroot "$tree" systemctl enable lab-check >>"$work/enable.log" 2>&1 || die "systemctl enable failed: $(tail -n 1 "$work/enable.log")"
mkdir -p "$tree/var/lib/lab"
chroot "$tree" systemd-machine-id-setup >>"$work/enable.log" 2>&1 # none, and systemd-firstboot asks questions

say "making the disk"
mke2fs -q -t ext4 -d "$tree" "$work/disk" $(($(du -sm "$tree" | cut -f1) * 5 / 4 + 200))M >"$work/mke2fs.log" 2>&1 ||
	die "mke2fs failed: $(tail -n 1 "$work/mke2fs.log")"
cp "$tree/boot/initrd.img-$KERNEL_RELEASE" "$work/initrd"
rm -rf "$tree"

line="console=ttyS0 root=/dev/vda rw panic=-1 systemd.show_status=0"
if [ "$traced" = 1 ]; then
	line=$("$bringup" plan --profile hotplug --kernel "$KERNEL_RELEASE" --cpus $cpus --memory 1G --cmdline "$line" --json | jq -er .line) ||
		die "bringup plan refused the line"
fi
line="$line${extra:+ $extra}"
check_cmdline "$line"

mkdir -p "$out"
say "booting $KERNEL_RELEASE and Debian 12, limit $timeout s, console $out/console.log"
timeout --signal=TERM --kill-after=10 "$timeout" qemu-system-x86_64 -accel tcg,thread=multi -smp $cpus -m 1024 -cpu Nehalem \
	-display none -nodefaults -no-reboot -serial "file:$out/console.log" -kernel "$KERNEL_IMAGE" -initrd "$work/initrd" \
	-drive "file=$work/disk,if=virtio,format=raw" -append "$line" </dev/null >"$out/qemu.log" 2>&1 &
started=$!
rc=0
wait "$started" || rc=$?
started=''
printf '%s\n' "$line" >"$out/cmdline"
cp "$work/initramfs.log" "$out/"
debugfs -R "rdump /var/lib/lab $out" "$work/disk" >/dev/null 2>&1 || true
debugfs -R "rdump /var/lib/bringup $out" "$work/disk" >/dev/null 2>&1 || true
[ $rc = 0 ] || die "the boot did not end by itself within $timeout s (QEMU: $rc); see $out/console.log"
[ -e "$out/lab/finished" ] || die "the system did not come up; see $out/console.log"
say "done, what came out is in $out"
