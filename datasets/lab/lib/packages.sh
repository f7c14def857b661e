# SPDX-License-Identifier: GPL-2.0-only
# shellcheck shell=bash
# shellcheck disable=SC2034 # KERNEL_* and QEMU* are results, used by lab.sh
#
# packages.sh - kernels, a newer QEMU and kexec-tools as Debian packages: found, downloaded, unpacked, never installed.
# Flow: kernels.tsv -> [packages] -> trees below $LAB_CACHE that lab.sh boots.
#
# Each set of suites gets an apt world of its own (sources list, lists, package cache) below $LAB_CACHE/apt, so the
# host's apt setup is neither changed nor widened.  The archive's address comes from the host's own sources, and apt
# checks the signatures of what it brings as it always does.  A tree appears under its final name only when complete.
#
# Source: apt-get(8) indextargets; apt.conf(5) Dir::State::Lists; both apt 2.6.

LAB_KEYRING=/usr/share/keyrings/debian-archive-keyring.gpg
# Lists younger than this are used as they are.
LAB_LISTS_MAX_AGE_MIN=1440

# archive_of SUITE - base address of the archive that has SUITE, as the host's apt knows it.
archive_of() {
	local names='(bullseye|bookworm|trixie|forky|sid|oldoldstable|oldstable|stable|testing|unstable)' re uri
	case $1 in
	*-security)
		re="^$names-security\$"
		uri=${BRINGUP_LAB_SECURITY_MIRROR-} ;;
	*)
		re="^$names(-updates|-backports)?\$"
		uri=${BRINGUP_LAB_MIRROR-} ;;
	esac
	# shellcheck disable=SC2016 # apt expands these, not the shell
	[ -n "$uri" ] || uri=$(apt-get indextargets --format '$(RELEASE) $(REPO_URI)' 'Created-By: Packages' |
		awk -v re="$re" '$1 ~ re { print $2; exit }')
	printf '%s\n' "$uri"
}

# apt_world SUITES [ARCH] - make LAB_APT_OPTS an apt world of the comma-separated SUITES, with fresh lists.
apt_world() {
	local suites=$1 arch=${2:-amd64} dir suite uri
	dir="$LAB_CACHE/apt/${1//,/+}"
	[ "$arch" = amd64 ] || dir+="@$arch"
	mkdir -p "$dir/lists/partial" "$dir/cache/archives/partial"
	LAB_APT_OPTS=(-o "Dir::Etc::SourceList=$dir/sources.list" -o Dir::Etc::SourceParts=/dev/null
		-o "Dir::State::Lists=$dir/lists" -o "Dir::Cache=$dir/cache" -o Dir::State::status=/dev/null
		-o "APT::Architecture=$arch" -o "APT::Architectures::=$arch")
	# The sandbox user of apt cannot reach a build folder in somebody's home; all files here are the caller's own.
	[ "$(id -u)" != 0 ] || LAB_APT_OPTS+=(-o APT::Sandbox::User=root)
	if [ -n "$(find "$dir/lists" -name '*Packages*' -print -quit)" ] && [ -e "$dir/fresh" ] &&
		[ -z "$(find "$dir/fresh" -mmin +$LAB_LISTS_MAX_AGE_MIN)" ]; then
		return
	fi
	[ -r $LAB_KEYRING ] || die "$LAB_KEYRING is missing; run: apt-get install debian-archive-keyring"
	: >"$dir/sources.list"
	for suite in ${suites//,/ }; do
		uri=$(archive_of "$suite")
		if [ -n "$uri" ]; then
			printf 'deb [signed-by=%s] %s %s main\n' $LAB_KEYRING "$uri" "$suite" >>"$dir/sources.list"
		else
			say "note: no archive for $suite in this host's apt sources, looking in the other suites only"
		fi
	done
	[ -s "$dir/sources.list" ] ||
		die "cannot tell where the Debian archive is: none in this host's apt sources." \
			"Set BRINGUP_LAB_MIRROR (and BRINGUP_LAB_SECURITY_MIRROR) to its base address"
	say "reading the package lists of ${suites//,/, }"
	apt-get "${LAB_APT_OPTS[@]}" -qq update >"$dir/update.log" 2>&1 ||
		die "apt-get update failed for $suites: $(tail -n 1 "$dir/update.log") (all of it: $dir/update.log)"
	touch "$dir/fresh"
}

# newest_package REGEX - the newest package name of the current apt world that matches; empty if none does.
newest_package() {
	apt-cache "${LAB_APT_OPTS[@]}" search --names-only "$1" | awk '{ print $1 }' | sort -V | tail -n 1
}

# unpack TREE PACKAGE[/SUITE]... - download from the current apt world and unpack below TREE.
# TREE/PACKAGES lists name, version and sha256 of each.
unpack() {
	local tree=$1 debs="$1.debs" deb
	shift
	rm -rf "$tree" "$debs"
	mkdir -p "$tree" "$debs"
	say "downloading $*"
	(cd "$debs" && apt-get "${LAB_APT_OPTS[@]}" -qq download "$@" >download.log 2>&1) ||
		die "apt-get download $* failed: $(tail -n 1 "$debs/download.log")"
	for deb in "$debs"/*.deb; do
		dpkg-deb -x "$deb" "$tree"
		printf '%s %s %s\n' "$(dpkg-deb -f "$deb" Package)" "$(dpkg-deb -f "$deb" Version)" \
			"$(sha256sum "$deb" | cut -d' ' -f1)" >>"$tree/PACKAGES"
		dpkg-deb -f "$deb" Depends | tr ',' '\n' | sed -E 's/^ *([^ :|]+).*/\1/' >>"$tree/DEPENDS"
	done
	rm -rf "$debs"
}

# find_vmlinuz TREE - path of the one kernel image below TREE, wherever this release of Debian puts it.
find_vmlinuz() {
	find "$1" -type f \( -path '*/boot/vmlinuz-*' -o -path '*/lib/modules/*/vmlinuz' \) -print -quit
}

# kernel_tree LINE - set KERNEL_TREE, KERNEL_IMAGE, KERNEL_RELEASE to an unpacked kernel of that line.
# With LAB_REFRESH=1 a newer package is looked for, otherwise one that is in the cache will do.
kernel_tree() {
	local line=$1 suites regex arch package link="$LAB_CACHE/kernels/$1" tree parts
	IFS=$'\t' read -r suites regex arch < <(kernel_row "$line" | cut -f2,3,5)
	mkdir -p "$LAB_CACHE/kernels"
	if [ "${LAB_REFRESH:-0}" = 1 ] || [ ! -e "$link/PACKAGES" ]; then
		apt_world "$suites" "$arch"
		package=$(newest_package "$regex")
		[ -n "$package" ] || die "no package matching $regex in $suites; its row in kernels.tsv may be out of date"
		tree="$LAB_CACHE/kernels/$package"
		if [ ! -e "$tree/PACKAGES" ]; then
			# From 7.0 on Debian splits a kernel in three, of which base has the list of what is built in.
			parts=("$package")
			case $package in
			linux-binary-*) parts+=("${package/binary/modules}" "${package/binary/base}") ;;
			esac
			unpack "$tree.partial" "${parts[@]}"
			prepare_kernel_tree "$tree.partial"
			mv "$tree.partial" "$tree"
		fi
		ln -sfn "$package" "$link"
	fi
	use_kernel_tree "$link"
}

# prepare_kernel_tree TREE - make modprobe -d work on it: lib/modules in place, dependency files written.
prepare_kernel_tree() {
	local tree=$1 release
	if [ -d "$tree/usr/lib/modules" ] && [ ! -e "$tree/lib" ]; then
		ln -s usr/lib "$tree/lib"
	fi
	release=$(find "$tree/lib/modules/" -mindepth 1 -maxdepth 1 -printf '%f\n' | head -n 1)
	[ -n "$release" ] || die "no lib/modules below $tree: not an unpacked kernel"
	depmod -b "$tree" "$release"
}

# use_kernel_tree TREE - set KERNEL_TREE, KERNEL_IMAGE and KERNEL_RELEASE from a prepared tree.
use_kernel_tree() {
	KERNEL_TREE=$(realpath -- "$1")
	KERNEL_IMAGE=$(find_vmlinuz "$KERNEL_TREE")
	[ -n "$KERNEL_IMAGE" ] || die "no vmlinuz below $KERNEL_TREE"
	KERNEL_RELEASE=$(find "$KERNEL_TREE/lib/modules/" -mindepth 1 -maxdepth 1 -printf '%f\n' | head -n 1)
}

# qemu_major BINARY - major version number of a QEMU.
qemu_major() {
	"$1" --version | sed -nE '1s/.*version ([0-9]+)\..*/\1/p'
}

# library_path TREE - directories with shared libraries below TREE, for LD_LIBRARY_PATH.
library_path() {
	find "$1" -type f -name '*.so.*' -printf '%h\n' | sort -u | paste -sd:
}

# missing_libraries BINARY [LIBRARY-PATH] - sonames that the loader cannot find, one per line.
missing_libraries() {
	LD_LIBRARY_PATH=${2-} ldd "$1" | awk '/not found/ { print $1 }'
}

# qemu_tree MAJOR - set QEMU (an array: the command and its -L) to a QEMU of at least that major version:
# the host's if it is new enough, else the one of bookworm-backports, unpacked, with the libraries the host lacks.
qemu_tree() {
	local major=$1 tree="$LAB_CACHE/qemu" host bin lacking package need=()
	host=$(command -v qemu-system-x86_64)
	if [ "$(qemu_major "$host")" -ge "$major" ]; then
		QEMU=("$host")
		QEMU_LIBRARY_PATH=
		return
	fi
	if [ ! -e "$tree/PACKAGES" ]; then
		apt_world bookworm-backports,bookworm,bookworm-security
		unpack "$tree.partial" qemu-system-x86/bookworm-backports qemu-system-common/bookworm-backports \
			qemu-system-data/bookworm-backports seabios/bookworm-backports
		bin="$tree.partial/usr/bin/qemu-system-x86_64"
		# The packages of the libraries are among the Depends; a library that is still missing after them is not.
		if [ -n "$(missing_libraries "$bin")" ]; then
			while read -r package; do
				dpkg-query -W -f '${Status}' "$package" 2>/dev/null | grep -q ' installed$' ||
					need+=("$package")
			done < <(grep -E '^lib' "$tree.partial/DEPENDS" | sort -u)
			[ ${#need[@]} -eq 0 ] || {
				unpack "$tree.libs" "${need[@]}"
				cat "$tree.libs/PACKAGES" >>"$tree.partial/PACKAGES"
				rm "$tree.libs/PACKAGES" "$tree.libs/DEPENDS"
				mkdir -p "$tree.partial/libs"
				cp -a "$tree.libs/." "$tree.partial/libs/"
				rm -rf "$tree.libs"
			}
		fi
		mv "$tree.partial" "$tree"
	fi
	bin="$tree/usr/bin/qemu-system-x86_64"
	QEMU_LIBRARY_PATH=
	[ ! -d "$tree/libs" ] || QEMU_LIBRARY_PATH=$(library_path "$tree/libs")
	lacking=$(missing_libraries "$bin" "$QEMU_LIBRARY_PATH" | paste -sd' ')
	[ -z "$lacking" ] || die "the newer QEMU in $tree lacks $lacking; install the packages with them, or a newer qemu-system-x86"
	[ "$(LD_LIBRARY_PATH=$QEMU_LIBRARY_PATH qemu_major "$bin")" -ge "$major" ] ||
		die "this needs QEMU $major or newer; $("$bin" --version | head -n 1) is what could be had"
	QEMU=("$bin" -L "$tree/usr/share/qemu" -L "$tree/usr/share/seabios" -L /usr/share/qemu -L /usr/lib/ipxe/qemu)
}

# guest_busybox ARCH - print the path of a static busybox for a guest of that architecture: the host's for amd64.
guest_busybox() {
	local tree="$LAB_CACHE/busybox-$1"
	if [ "$1" = amd64 ]; then
		command -v busybox
		return
	fi
	if [ ! -e "$tree/PACKAGES" ]; then
		apt_world bookworm "$1"
		unpack "$tree.partial" busybox-static
		mv "$tree.partial" "$tree"
	fi
	find "$tree" -type f -path '*/bin/busybox' -print -quit
}

# kexec_tool - print the path of a kexec binary: the host's, else the one of Debian's kexec-tools, unpacked.
kexec_tool() {
	local tree="$LAB_CACHE/kexec-tools"
	if command -v kexec; then
		return
	fi
	if [ ! -e "$tree/PACKAGES" ]; then
		apt_world bookworm,bookworm-security
		unpack "$tree.partial" kexec-tools
		mv "$tree.partial" "$tree"
	fi
	find "$tree" -type f -name kexec -path '*sbin*' -print -quit
}

# kernel_row LINE - the row of kernels.tsv, or nothing.
kernel_row() {
	awk -F'\t' -v line="$1" '!/^#/ && $1 == line' "$LAB_DIR/kernels.tsv"
}

# kernel_lines - all lines of kernels.tsv, separated by blanks.
kernel_lines() {
	awk -F'\t' '!/^#/ && NF == 5 { print $1 }' "$LAB_DIR/kernels.tsv" | paste -sd' '
}
