# SPDX-License-Identifier: GPL-2.0-only
# compare.gp - each phase of a boot, recorded and under each core, side by side. Run in the folder that holds vars.gp and the
# data:  gnuplot --default-settings compare.gp
# Colours after Okabe and Ito, "Color Universal Design" (2008); the recording is black.
load 'vars.gp'

array colour[8] = [0x000000, 0x0072b2, 0xe69f00, 0x009e73, 0xcc79a7, 0x56b4e9, 0xd55e00, 0xf0e442]
c(i) = colour[int(i) % 8 + 1]
px = 1.0 / width_px
py = 1.0 / height_px

set multiplot
set border 1 lw 0.6
set style fill solid 1.0 noborder
unset key
set label 1 main_title at screen 20 * px, 1 - 22 * py left font title_font
set label 2 'source: ' . source at screen 1 - 16 * px, 14 * py right font small_font tc rgb '#606060'
do for [i = 1:boots] {
	x = (20 + (i - 1) % 2 * 520) * px
	y = 1 - (48 + (i - 1) / 2 * legend_px) * py
	set label 10 + i boot_name[i] at screen x + 28 * px, y left
	set arrow 10 + i from screen x, y to screen x + 20 * px, y nohead lc rgb c(i - 1) lw 10
}
top = 1 - (head_px + 14 + (boots + 1) / 2 * legend_px) * py
bottom = foot_px * py
full = control_height > cpus_height ? control_height : cpus_height
set logscale x
set xtics out nomirror scale 0.5
set mxtics default
set grid xtics lc rgb '#e4e4e4' lw 0.6 lt 1
set grid back
set format x '%g'
set ytics out nomirror scale 0
do for [p in 'control cpus'] {
	left = p eq 'control' ? 120 * px : 0.5 + 90 * px
	set lmargin at screen left
	set rmargin at screen left + 0.5 - 150 * px
	set tmargin at screen top
	set bmargin at screen bottom
	set title value(p . '_title') offset 0,-0.5
	set xlabel sprintf('time (%s), log scale', value(p . '_unit')) offset 0,0.5
	set yrange [full:0]
	lo = 10 ** floor(log10(value(p . '_min')))
	hi = value(p . '_max') * 8
	set xrange [lo:hi]
	eval 'set ytics (' . value(p . '_tics') . ')'
	plot p . '.dat' using 3:1:(lo):3:1:2:(c($4)) with boxxyerror lc rgb variable, \
	     '' using 3:(($1 + $2) / 2):(' ' . strcol(5)) with labels left offset 0.2,0 font small_font
	unset label
	unset arrow
}
unset multiplot
set output
