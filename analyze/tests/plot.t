#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
# plot.t - `bringup plot`: what is in the pictures, their size, and what happens when one cannot be made.
. "${SRC:?is set by make check}/scripts/tap.sh" || exit
. "$SRC/analyze/tests/synth.sh" || exit

make_capture "$TMP/8.db" 8 parallel
make_capture "$TMP/64.db" 64 serial
make_capture "$TMP/320.db" 320 parallel 100
make_run "$TMP/runs.db" "$TMP/64.db" recorded 100
make_run "$TMP/runs.db" "$TMP/64.db" slow 150

# png_size FILE - width and height as the file's header says, which is big-endian
png_size() { od -An -tu1 -j16 -N8 "$1" | awk '{ print $1 * 16777216 + $2 * 65536 + $3 * 256 + $4, $5 * 16777216 + $6 * 65536 + $7 * 256 + $8 }'; }
# texts FILE - the words of an SVG, one text per line
texts() { sed -n '/<text/,/<\/text>/p' "$1" | sed 's/<[^>]*>//g; s/^[ \t]*//'; }
# lanes FILE - how many lanes have boxes
lanes() { awk '!/^#/ { seen[$3]++ } END { print length(seen) }' "$1"; }

run "$BRINGUP" plot timeline "$TMP/8.db" -o "$TMP/t.svg" --keep "$TMP/keep"
is 'a timeline is drawn' "$status" 0
words=$(texts "$TMP/t.svg")
like 'its title has kernel, CPUs, algorithm and time' "$words" 'Linux 6.12.0-synth, 8 CPUs, parallel bring-up: [0-9.]+ ms'
like 'the axis has its unit' "$words" 'time since the start of the bring-up \(ms\)'
missing=
for w in prepare kick waiting dark parked starting 'TSC check' 'online steps' 'failed or open' online 'CPU 0 \(control\)' \
	'CPU '{1..7}; do
	grep -qxE "$w" <<<"$words" || missing+=" $w"
done
is 'every phase is in the legend and every CPU at the axis' "$missing" ''
is 'each CPU has a lane' "$(lanes "$TMP/keep/p1-box.dat")" 7
is 'each CPU has its online mark' "$(grep -vc '^#' "$TMP/keep/p1-online.dat")" 7
ok 'what was kept draws the same picture' sh -c "cd '$TMP/keep' && gnuplot --default-settings timeline.gp && cmp timeline.svg ../t.svg"

run "$BRINGUP" plot timeline "$TMP/64.db" -o "$TMP/t.png" --width 900 --height 700 --keep "$TMP/keep64"
is 'a PNG has the size asked for' "$(png_size "$TMP/t.png")" '900 700'
is '64 CPUs have their lanes' "$(lanes "$TMP/keep64/p1-box.dat")" 63
# The last box of online steps (colour 6) ends where the capture says.
is 'the boxes are the intervals' \
	"$(awk '!/^#/ && $5 == 6 && $2 > m { m = $2 } END { printf "%.3f", m }' "$TMP/keep64/p1-box.dat")" \
	"$(sqlite3 "$TMP/64.db" "SELECT printf('%.3f', (max(online_ns) - 200000) / 1e6) FROM bringup_cpu")"

run "$BRINGUP" plot timeline "$TMP/320.db" -o "$TMP/t.pdf" --keep "$TMP/keep320"
is '320 CPUs are drawn in rows' "$status" 0
like 'the PDF is one' "$(head -c 5 "$TMP/t.pdf")" '%PDF-'
cols=$(sed -n 's/^cols = //p' "$TMP/keep320/p1.gp") rows=$(sed -n 's/^rows = //p' "$TMP/keep320/p1.gp")
is 'a cell for each pixel' "$(stat -c %s "$TMP/keep320/p1-image.bin")" $((cols * rows))
is 'rows are no more than CPUs' "$((rows <= 319))" 1
is 'the CPU that hangs is not reduced away' "$(od -An -v -tu1 -w"$cols" "$TMP/keep320/p1-image.bin" | grep -c ' 15 ')" 1

run "$BRINGUP" plot timeline "$TMP/runs.db" -o "$TMP/r.svg"
is 'two runs are two panels' "$(texts "$TMP/r.svg" | grep -c '^Run [12]: core ')" 2
run "$BRINGUP" plot timeline "$TMP/runs.db" --run 2 -o "$TMP/r.svg" --from 100ms --to 200ms --keep "$TMP/keepr"
is 'one run is one' "$(texts "$TMP/r.svg" | grep -c '^Run 2: core slow')" 1
is 'and only the part asked for' "$(awk '!/^#/ && ($1 < 100 || $2 > 200)' "$TMP/keepr/p1-box.dat")" ''

run "$BRINGUP" plot compare "$TMP/runs.db" -o "$TMP/c.svg" --keep "$TMP/keepc"
is 'a comparison is drawn' "$status" 0
words=$(texts "$TMP/c.svg")
like 'with the recording and the core' "$words" 'recorded.*run 2: core slow'
is 'the whole bring-up of a core that takes half as long again is a bar half as long again' \
	"$(awk '!/^#/ && $4 == 0 && !a { a = $3 } !/^#/ && $4 == 1 && !b { b = $3 } END { printf "%.3f", b / a }' "$TMP/keepc/control.dat")" 1.500
is 'and so is each phase of it' "$(awk '!/^#/ { t[$4] += $3 } END { printf "%.3f", t[1] / t[0] }' "$TMP/keepc/cpus.dat")" 1.500

make_run "$TMP/runs.db" "$TMP/8.db" slow 150
run "$BRINGUP" plot scaling "$TMP/runs.db" -o "$TMP/c.svg" --keep "$TMP/keepg"
is 'time against CPUs is drawn' "$status" 0
is 'a line per core, a point per size' "$(grep -v '^#' "$TMP/keepg/line1.dat" | cut -d' ' -f1 | xargs)" '8 64'
is 'a mark per recording' "$(sed '/^#/d' "$TMP/keepg"/mark[12].dat | cut -d' ' -f1 | sort -n | xargs)" '8 64'
run "$BRINGUP" plot scaling "$TMP/8.db" -o "$TMP/c.svg"
like 'a capture has no lines' "$status $err" '1 .*has no run of a core'

run "$BRINGUP" plot steps "$TMP/8.db" -o "$TMP/s.svg" --keep "$TMP/keeps"
is 'a map of steps is drawn' "$status" 0
words=$(texts "$TMP/s.svg")
missing=
for w in 'smpboot_create_threads 1' 'kick' 'dark' 'starting' 'sched_cpu_activate 230' 'prepare' 'start-up' 'online' \
	'total \(ms\)' 'duration' '1 ms' 'CPU 7'; do
	grep -qxE "$w" <<<"$words" || missing+=" $w"
done
is 'with step names, groups, units and CPUs' "$missing" ''
is 'totals are those of SQL' "$(awk '$5 == 1 || $0 ~ /^0 / { printf "%.6f", $2 }' "$TMP/keeps/totals.dat")" \
	"$(sqlite3 "$TMP/8.db" "SELECT printf('%.6f', sum(end_ns - start_ns) / 1e6) FROM step WHERE nr = 1")"
run "$BRINGUP" plot steps "$TMP/320.db" -o "$TMP/s.png" --height 700 --keep "$TMP/keeps320"
like 'the PNG is as high as asked' "$(png_size "$TMP/s.png")" ' 700$'
max=$(od -An -v -w4 -tf4 "$TMP/keeps320/cells.bin" | awk '!/nan/ && $1 + 0 > m { m = $1 + 0 } END { printf "%.0f", m / 1e6 }')
is 'the longest step survives the reduction' "$max" 30

run env PATH=/nowhere "$BRINGUP" plot timeline "$TMP/8.db" -o "$TMP/n.svg"
like 'without gnuplot it says which package has it' "$status $err" '^1 .*apt install gnuplot-nox'
ok 'and nothing is left' test ! -e "$TMP/n.svg" -a ! -e "$TMP/n.svg.partial"
mkdir "$TMP/bin"
printf '#!/bin/sh\necho "line 7: it is raining" >&2\nexit 3\n' >"$TMP/bin/gnuplot"
chmod +x "$TMP/bin/gnuplot"
run env PATH="$TMP/bin:$PATH" "$BRINGUP" plot timeline "$TMP/8.db" -o "$TMP/n.svg"
like 'what gnuplot says comes through' "$status $err" '^1 .*gnuplot failed: line 7: it is raining'
printf '#!/bin/sh\nprintf "<svg cut" >timeline.svg\n' >"$TMP/bin/gnuplot"
run env PATH="$TMP/bin:$PATH" "$BRINGUP" plot timeline "$TMP/8.db" -o "$TMP/n.svg"
like 'half a picture is none' "$status $err" '^1 .*cut off'
ok 'and is not left' test ! -e "$TMP/n.svg" -a ! -e "$TMP/n.svg.partial"
mkdir "$TMP/tmp"
run env TMPDIR="$TMP/tmp" "$BRINGUP" plot steps "$TMP/8.db" -o "$TMP/s2.svg"
is 'the private folder is removed' "$(ls "$TMP/tmp")" ''
run "$BRINGUP" plot timeline "$TMP/8.db" -o "$TMP/no/such/folder/t.svg"
is 'an output that cannot be written fails' "$status" 1
run "$BRINGUP" plot timeline "$TMP/8.db" -o "$TMP/t.gif"
like 'an unknown ending is a usage error' "$status $err" '^2 .*must end in .svg, .png or .pdf'
run "$BRINGUP" plot timelin "$TMP/8.db" -o "$TMP/t.svg"
like 'a mistyped plot is a usage error' "$status $err" "^2 .*did you mean 'timeline'"
run "$BRINGUP" plot timeline "$TMP/8.db"
is 'no output is a usage error' "$status" 2
run "$BRINGUP" plot timeline "$SRC/Makefile" -o "$TMP/t2.svg"
is 'another kind of file fails' "$status" 1
# Text of a database is never read as a command.
sqlite3 "$TMP/8.db" "UPDATE capture SET kernel_release = 'x''; system(\"touch $TMP/owned\") #\`touch $TMP/owned\`'"
run "$BRINGUP" plot timeline "$TMP/8.db" -o "$TMP/evil.svg"
like 'a hostile kernel name is only text' "$status $(texts "$TMP/evil.svg")" "^0 .*system\\("
ok 'and does nothing' test ! -e "$TMP/owned"
finish
