#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
#
# module-setup.sh - puts bringup-stop into a dracut initramfs; it runs before udev does.
# Install this folder as /usr/lib/dracut/modules.d/90bringup with bringup-stop of dist/initramfs-tools in it, and run
# dracut -f. dracut sources hooks, hence the subshell that bringup-hook.sh is.

check() {
	require_binaries mount umount || return 1
	return 0
}

depends() {
	return 0
}

# shellcheck disable=SC2154  # moddir is dracut's
install() {
	inst_multiple mount umount
	inst_script "$moddir/bringup-stop" /sbin/bringup-stop
	inst_hook pre-udev 01 "$moddir/bringup-hook.sh"
}
