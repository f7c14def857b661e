#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
# boots.t - every dataset below datasets/boots is whole, and importing it gives what the recorded kernel counted.
. "$SRC/scripts/tap.sh"
cd "$SRC/datasets/boots" || exit

count=0 bytes=0
for dir in */; do
	name=${dir%/}
	count=$((count + 1))
	bytes=$((bytes + $(du -sb "$name" | cut -f1)))
	ok "$name: checksums" env -C "$name" sha256sum --quiet -c SHA256SUMS
	mkdir -p "$TMP/$name"
	ok "$name: unpacks" tar -C "$TMP/$name" -xf "$name/capture.tar.xz"
	run "$BRINGUP" import "$TMP/$name"/trace.* --machine "$TMP/$name/machine" -o "$TMP/$name/x.db"
	is "$name: imports without loss" "$status" 0
	run "$BRINGUP" info --json "$TMP/$name/x.db"
	keys='{ kernel_release, cpus_online, events_total, lost_total, trace_clock }'
	is "$name: has what the recorded kernel counted" "$(jq -cS "$keys" <<<"$out")" "$(jq -cS "$keys" "$name/expect.json")"
	rm -rf "${TMP:?}/$name"
done
ok "there are at least the sixteen datasets of recipes.tsv" test "$count" -ge 16
ok "together they stay under 25 MiB" test "$bytes" -lt $((25 * 1024 * 1024))

finish
