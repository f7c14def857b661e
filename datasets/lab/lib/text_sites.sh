# SPDX-License-Identifier: GPL-2.0-only
# shellcheck shell=bash
#
# text_sites.sh - which patch sites lie in which function: what the function tracer cannot show.
# Flow: kernel image + kallsyms of a trace.dat -> [text_sites] -> machine/text_sites of the capture.
#
# The kernel patches the tables of its image from beginning to end (arch/x86/kernel/alternative.c, 6.1 and 6.12), so the
# place in its table is the place in the order of patching. Only sites in functions of functions-text.txt are kept.

# vmlinux_of IMAGE FILE - the ELF image inside a bzImage; scripts/extract-vmlinux of the kernel does the same.
vmlinux_of() {
	local magic tool at
	for magic in '\x28\xb5\x2f\xfd zstd' '\xfd7zXZ xz'; do
		tool=${magic#* }
		at=$(LC_ALL=C grep -aboP -m 1 "${magic% *}" "$1" | head -n 1 | cut -d: -f1 || true)
		[ -n "$at" ] || continue
		tail -c "+$((at + 1))" "$1" | "$tool" -dc >"$2" 2>/dev/null || true	# what follows the image is no archive
		[ "$(head -c 4 "$2" | tr -d '\177')" != ELF ] || return 0
	done
	die "no vmlinux compressed by zstd or xz in $1"
}

# site_table VMLINUX SECTION FUNCTION ENTRY-BYTES - a table's sites as "OFFSET FUNCTION RANK OF LENGTH", OFFSET counted from
# _text, in decimal.
site_table() {
	local line name address offset size
	while read -r line; do
		read -r name _ address offset size _ <<<"${line#*]}"
		[ "$name" = "$2" ] || continue
		# The last 32 bits of an address are enough: the image is below 1 GiB, and awk counts in doubles.
		od -An -v -t u1 -w"$4" -j "$((16#$offset))" -N "$((16#$size))" "$1" |
			awk -v fn="$3" -v width="$4" -v of="$((16#$size / $4))" -v base="$((16#${address:8} - 16#81000000))" '
			function s32(i) {
				v = $i + 256 * ($(i + 1) + 256 * ($(i + 2) + 256 * $(i + 3)))
				return v >= 2147483648 ? v - 4294967296 : v
			}
			{
				here = base + (NR - 1) * width
				if (fn == "apply_paravirt")	# struct paravirt_patch_site: instr, type, len
					print s32(1) + 4294967296 - 2164260864, fn, NR - 1, of, $10
				else if (fn == "apply_alternatives")	# struct alt_instr ends with instrlen, replacementlen
					print here + s32(1), fn, NR - 1, of, $(width - 1)
				else
					print here + s32(1), fn, NR - 1, of, fn == "apply_seal_endbr" ? 4 : 5
			}'
	done < <(readelf -SW "$1" | grep -E '^ +\[')
}

# text_sites IMAGE TRACE-DAT RELEASE - write the table of sites to standard output.
text_sites() {
	local tmp alt=14
	[[ $3 != 6.1.* && $3 != 5.* ]] || alt=12	# a 32-bit field since 6.3: struct alt_instr, asm/alternative.h
	tmp=$(mktemp -d)
	vmlinux_of "$1" "$tmp/vmlinux"
	{
		trace-cmd dump --kallsyms -i "$2" | awk '
			function hex(s,  v, i) {
				for (i = 1; i <= length(s); i++)
					v = v * 16 + index("0123456789abcdef", substr(s, i, 1)) - 1
				return v
			}
			$3 == "_stext" { base = hex(substr($1, 9)) }
			$2 ~ /^[tTwW]$/ && base { print hex(substr($1, 9)) - base, "=", $3 }'
		site_table "$tmp/vmlinux" .parainstructions apply_paravirt 16
		site_table "$tmp/vmlinux" .return_sites apply_returns 4
		site_table "$tmp/vmlinux" .altinstructions apply_alternatives "$alt"
		site_table "$tmp/vmlinux" .ibt_endbr_seal apply_seal_endbr 4
	} | sort -n -s -k1,1 -k2,2 | awk -v wanted="$(words "$LAB_DIR/functions-text.txt")" '
		BEGIN { n = split(wanted, list, ","); for (i = 1; i <= n; i++) want[list[i]] = 1 }
		$2 == "=" { at = $1; name = $3; next }
		{ base = name; sub(/\..*/, "", base) }
		base in want { printf "%s %d %d %d %s+0x%x\n", $2, $3, $4, $5, name, $1 - at }'
	rm -rf "$tmp"
}
