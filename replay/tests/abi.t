#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
# abi.t - what cores are built against only grows: the tables, structs and enums of the headers for cores begin with what
# abi/VERSION has, in its order and with its types; a core built against a shorter table runs, and one that calls an
# operation of a longer table is refused with words.
#
# `abi.t --print` prints today's, to be appended to abi/VERSION when something was added. A new version is a new file.
. "${SRC:?run by make check}/scripts/tap.sh" || exit

CC=${CC:-cc}

# declarations DIR - "struct or enum NAME: member" of the headers for cores below DIR, in order; counts of values left out
declarations() {
	local h
	for h in "$1"/replay/core*.h; do
		case $h in *_check.h) ;; *) echo "#include \"${h#"$1"/}\"" ;; esac
	done >"$TMP/all.h"
	# shellcheck disable=SC2086  # CC may have words
	$CC -std=gnu11 -E -I"$1" -x c "$TMP/all.h" |
	awk '/^# [0-9]+ "/ { ours = $0 ~ /\/replay\/core/; next } ours { text = text " " $0 }
	END {
		gsub(/[ \t]+/, " ", text)
		while (match(text, /(struct|enum) ([a-z0-9_]+ )?\{[^{}]*\} ?;/)) {
			item = substr(text, RSTART, RLENGTH)
			text = substr(text, RSTART + RLENGTH)
			name = substr(item, 1, index(item, "{") - 1)
			sub(/ $/, "", name)
			sub(/^[^{]*\{/, "", item)
			sub(/,? ?\} ?;$/, "", item)
			n = split(item, member, name ~ /^enum/ ? "," : ";")
			for (i = 1; i <= n; i++) {
				gsub(/^ | $/, "", member[i])
				if (member[i] != "" && member[i] !~ /_NR_/)
					print name ": " member[i]
			}
		}
	}'
}

if [[ ${1:-} == --print ]]; then
	declarations "$SRC"
	exit
fi

# grown OLD NEW - says what of OLD is not in NEW at its place; what has no size of its own may not even grow
grown() {
	awk -F': ' 'NR == FNR { old[$1, ++n_old[$1]] = $2; next } { new[$1, ++n_new[$1]] = $2 }
	END {
		for (k in n_old) {
			for (i = 1; i <= n_old[k]; i++)
				if (old[k, i] != new[k, i])
					print k ", member " i ": was \"" old[k, i] "\", is \"" new[k, i] "\""
			if (k ~ /^struct/ && old[k, 1] !~ /^uint32_t size/ && n_new[k] > n_old[k])
				print k " has no size and grew by \"" new[k, n_old[k] + 1] "\""
		}
	}' "$1" "$2"
}

abi=$(awk '$1 == "#define" && $2 == "BU_CORE_ABI" { print $3 }' "$SRC/replay/core.h")
frozen=$SRC/replay/tests/abi/$abi
declarations "$SRC" >"$TMP/now"
is "ABI $abi is what it was, and more" "$(grown "$frozen" "$TMP/now")" ''

# The comparison itself can fail.
sed 's/^struct bu_machine_ops: void (\*mutex_lock).*/struct bu_machine_ops: void (*mutex_lock) (struct bu_machine *m)/' "$TMP/now" >"$TMP/other"
like 'another type is found' "$(grown "$frozen" "$TMP/other")" '^struct bu_machine_ops, member .*mutex_lock'
grep -v 'BU_HP_KICK_TAIL' "$TMP/now" >"$TMP/other"
like 'a value that is gone is found' "$(grown "$frozen" "$TMP/other")" 'enum bu_hp_work, member 4: was "BU_HP_KICK_TAIL"'
{ cat "$TMP/now"; echo 'struct bu_text_site: int more'; } >"$TMP/other"
like 'a longer struct without a size is found' "$(grown "$frozen" "$TMP/other")" 'struct bu_text_site has no size'
{ cat "$TMP/now"; echo 'struct bu_machine_ops: int (*more)(void)'; } >"$TMP/other"
is 'a longer table is none' "$(grown "$frozen" "$TMP/other")" ''

# ---- a core built against a shorter table, the first one of this version: without what came after mmio_accesses

mkdir -p "$TMP/old/replay"
cp -r "$SRC/replay/kit" "$SRC/replay"/core*.h "$TMP/old/replay"
awk '/OP\(uint64_t, mmio_accesses/ { sub(/ \\$/, ""); print; cut = 1; next } cut && /^struct bu_machine_ops/ { cut = 0; print "" }
	!cut' "$SRC/replay/core.h" >"$TMP/old/replay/core.h"
declarations "$TMP/old" | grep -c '^struct bu_machine_ops' >"$TMP/fewer"
ok 'the table is shorter' test "$(<"$TMP/fewer")" -lt "$(grep -c '^struct bu_machine_ops' "$frozen")"
for core in serial parallel; do
	# shellcheck disable=SC2086
	ok "$core builds against it" $CC -std=gnu11 -O1 -I"$TMP/old" -DBU_PLUGIN -fPIC -shared -Wl,-z,defs \
		-o "$TMP/$core.so" "$SRC/replay/cores/hotplug/$core.c"
	ok "$core keeps the contract" "$BRINGUP" core-check "$TMP/$core.so"
done

# ---- a core that calls an operation behind the end of this table

cat >"$TMP/newer.c" <<'END'
#include "replay/core_hotplug.h"
struct longer { struct bu_machine_ops known; void (*later)(struct bu_machine *); };
static void c(struct bu_machine *m) { ((const struct longer *)bu_ops(m))->later(m); }
BU_CORE_DEFINE(hotplug, t) = { .size = sizeof(struct bu_core_def), .abi = BU_CORE_ABI, .family = "hotplug", .name = "t",
	.summary = "s", .source = "x", .control = c };
END
# shellcheck disable=SC2086
$CC -std=gnu11 -I"$SRC" -DBU_PLUGIN -fPIC -shared -o "$TMP/newer.so" "$TMP/newer.c"
run "$BRINGUP" core-check "$TMP/newer.so"
is 'an operation that this host does not have: ends' "$status" 1
like 'and says so' "$out$err" 'core t: calls an operation that this bringup does not have; use a newer bringup'
finish
