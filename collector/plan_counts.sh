#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
#
# plan_counts.sh - makes plan_counts.c, the measurements that `bringup plan` predicts from.
# Flow: four capture databases of real boots -> [plan_counts] -> collector/plan_counts.c, which is committed.
#
# Usage: collector/plan_counts.sh WHAT SERIAL-8.db SERIAL-64.db PARALLEL-8.db PARALLEL-64.db >collector/plan_counts.c
#   WHAT     which captures these are, for the comment at its top
#   SERIAL   boots of a kernel that brings CPUs up one after the other (6.1), with 8 and with 64 CPUs
#   PARALLEL boots of one that does it in passes (6.12)
#
# Only counts are taken; from them plan_model.c makes a line through two points, and its tests look at boots with other
# numbers of CPUs.

set -euo pipefail
[ $# = 5 ] || { sed -n 's/^# Usage: /usage: /p' "$0" >&2; exit 2; }
what=$1
shift

count() {
	sqlite3 -readonly -separator ' ' "$1" "
		WITH hit AS (
			SELECT 'cpuhp:cpuhp_' || CASE kind WHEN 'multi' THEN 'multi_enter' ELSE kind END AS hook, cpu FROM ev_cpuhp
			UNION ALL SELECT s.base, e.cpu FROM ev_func e JOIN symbol s ON s.id = e.func
			UNION ALL SELECT 'exceptions:page_fault_' || mode, cpu FROM ev_fault
			UNION ALL SELECT 'sched:sched_switch', cpu FROM ev_sched_switch
			UNION ALL SELECT k.system || ':' || k.name, e.cpu FROM ev_irq_vector e JOIN event_kind k ON k.id = e.kind
			UNION ALL SELECT k.system || ':' || k.name, e.cpu FROM ev_other e JOIN event_kind k ON k.id = e.kind)
		SELECT hook, sum(cpu = (SELECT boot_cpu FROM machine)), sum(cpu <> (SELECT boot_cpu FROM machine))
		FROM hit GROUP BY hook ORDER BY hook COLLATE BINARY"
}

tmp=$(mktemp -d)
trap 'rm -rf "$tmp"' EXIT
for i in 1 2 3 4; do
	count "$1" >"$tmp/$i"
	[ -s "$tmp/$i" ] || { echo "${0##*/}: $1 holds no events" >&2; exit 1; }
	shift
done

cat <<EOF
// SPDX-License-Identifier: GPL-2.0-only
/*
 * plan_counts.c - how often each hook fired in real boots: {on the boot CPU, on all others} with 8 and with 64 CPUs,
 * of a serial kernel and of a parallel one. plan_model.c predicts from it.
 *
 * Made by collector/plan_counts.sh from $what.
 * Emulated by QEMU TCG on an x86 host of two CPUs; tracing ended when init started. Zeros: that kernel lacks the hook,
 * or nothing called it.
 */
#include "collector/plan_int.h"

#include "schemas/base/mem.h"

/* clang-format off */
const struct bu_plan_count bu_plan_counts[] = {
EOF
LC_ALL=C awk '
	FNR == 1 { file++ }
	{ names[$1]; boot[$1, file] = $2; other[$1, file] = $3 }
	END {
		for (n in names) {
			line = sprintf("\t{ \"%s\", {", n)
			for (f = 1; f <= 4; f++)
				line = line sprintf("%s{ %d, %d }", f == 1 ? " { " : f == 3 ? " }, { " : ", ", boot[n, f], other[n, f])
			print line " } } },"
		}
	}' "$tmp/1" "$tmp/2" "$tmp/3" "$tmp/4" | LC_ALL=C sort
cat <<EOF
};
/* clang-format on */

const size_t bu_plan_n_counts = ARRAY_SIZE(bu_plan_counts);
EOF
