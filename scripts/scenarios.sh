#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
#
# scenarios.sh - replay every folder of datasets/scenarios (or those named) and compare verdict and sizes with what is expected.
# Flow: NAME/recipe -> bringup ... --json -> NAME/expect.json -> a line per run; exit 1 where one is off.
#
# recipe is a command line of bringup, without that word, {DIR} being the folder; what it prints is
# {"runs": [{"core", "verdict", "verdict_detail", "metrics": {NAME: {"value"}}}]}. expect.json has a row per run, in the same order:
#   {"runs": [{"core": "...", "verdict": "...", "detail": "part of it", "witness": ["parts of it"], "metrics": {NAME: [LOW, HIGH]}}]}

set -euo pipefail
: "${BRINGUP:?says which program to run}" "${SRC:?says where the tree is}"
dir=$SRC/datasets/scenarios
names=("$@")
[ $# -gt 0 ] || mapfile -t names < <(cd "$dir" && for d in */; do echo "${d%/}"; done)
out=$(mktemp)
trap 'rm -f "$out"' EXIT

bad=0
printf '%-28s %-26s %-12s %6s  %s\n' scenario core verdict 's' 'sizes (expected)'
for name in "${names[@]}"; do
	recipe=$(grep -v '^#' "$dir/$name/recipe")
	recipe=${recipe//\{DIR\}/$dir/$name}
	start=$EPOCHREALTIME
	# Word splitting is wanted: a recipe holds words, no quotes.
	# shellcheck disable=SC2086
	"$BRINGUP" $recipe --json >"$out" || { echo "$name: bringup failed" >&2; bad=$((bad + 1)); continue; }
	took=$(awk -v a="$start" -v b="$EPOCHREALTIME" 'BEGIN { printf "%.1f", b - a }')
	jq -nr --arg name "$name" --arg took "$took" --slurpfile got "$out" --slurpfile want "$dir/$name/expect.json" '
		def short: if . == null then "none" elif . == (. | floor) and (. | fabs) < 1e6 then tostring
			else (. * 1000 | round | if (. | fabs) >= 1e7 then . / 1e6 | round / 1e3 | "\(.)e6" else . / 1000 | tostring end) end;
		($want[0].runs | length) as $n | if ($got[0].runs | length) != $n then "\($name)\t-\toff\t\($took)\t\($got[0].runs | length) runs"
		else range($n) as $i | $got[0].runs[$i] as $g | $want[0].runs[$i] as $w |
			[($w.metrics // {}) | to_entries[] | . as $m | $g.metrics[$m.key].value as $v |
				{ ok: ($v != null and $v >= $m.value[0] and $v <= $m.value[1]),
				  text: "\($m.key) \($v | short) (\($m.value[0] | short) to \($m.value[1] | short))" }] as $sizes |
			($g.core == $w.core and $g.verdict == $w.verdict and ($g.verdict_detail | contains($w.detail // ""))
			 and all($w.witness // [] | .[]; . as $part | $g.witness // "" | contains($part))) as $ok |
			[$name, $g.core, $g.verdict + (if $ok then "" else " (\($w.core): \($w.verdict) \($w.detail // "")), not \($g.verdict_detail)" end),
			 $took, ($sizes | map(.text + (if .ok then "" else " OFF" end)) | join(", ") | if . == "" then "-" else . end),
			 (if $ok and ($sizes | all(.ok)) then "ok" else "off" end)] | @tsv end' >"$out.tsv"
	while IFS=$'\t' read -r s core verdict took sizes state; do
		printf '%-28s %-26s %-12s %6s  %s\n' "$s" "$core" "$verdict" "$took" "$sizes"
		[ "$state" = ok ] || bad=$((bad + 1))
	done <"$out.tsv"
	rm -f "$out.tsv"
done
if [ "$bad" -gt 0 ]; then
	echo "$bad runs are not as expected"
	exit 1
fi
echo "all as expected"
