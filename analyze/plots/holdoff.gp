# SPDX-License-Identifier: GPL-2.0-only
# holdoff.gp - the longest that a tick was held off, by CPU, a line per run. Run in the folder that holds vars.gp and the
# data:  gnuplot --default-settings holdoff.gp
# Colours after Okabe and Ito, "Color Universal Design" (2008).
load 'vars.gp'

set border 3 lw 0.6
set title main_title font title_font
set label 2 'source: ' . source at screen 0.985, 0.022 right font small_font tc rgb '#606060'
set bmargin 5
set xtics out nomirror scale 0.5
set ytics out nomirror scale 0.5
set format y '%g'
set grid xtics ytics lc rgb '#e4e4e4' lw 0.6 lt 1
set grid back
array colour[8] = [0x0072b2, 0xe69f00, 0x009e73, 0xcc79a7, 0x56b4e9, 0xd55e00, 0x5a5a5a, 0xb8a800]
set xlabel 'CPU' offset 0,0.3
set ylabel 'longest hold-off of a tick (ms)'
set logscale y
set key right top outside horizontal center samplen 3
plot for [k = 1:lines] sprintf('line%d.dat', k) using 1:2 with lines lw 1.6 lc rgb colour[k] title value(sprintf('line_name%d', k))
set output
