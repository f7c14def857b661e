# SPDX-License-Identifier: GPL-2.0-only
# scaling.gp - bring-up time against the number of CPUs, a line per core, recorded boots as points. Run in the folder that
# holds vars.gp and the data:  gnuplot --default-settings scaling.gp
# Colours after Okabe and Ito, "Color Universal Design" (2008); lines differ in their points and dashes too.
load 'vars.gp'

array colour[8] = [0x0072b2, 0xe69f00, 0x009e73, 0xcc79a7, 0x56b4e9, 0xd55e00, 0x5a5a5a, 0xb8a800]
array shape[8] = [7, 5, 9, 11, 13, 15, 7, 5]
array cross[8] = [2, 6, 4, 8, 10, 12, 1, 3]
set border 3 lw 0.6
set title main_title font title_font
set label 2 'source: ' . source at screen 0.985, 0.022 right font small_font tc rgb '#606060'
set bmargin 5
set logscale x 2
set logscale y
set xlabel 'CPUs' offset 0,0.3
set ylabel what . ' (s)'
set xtics out nomirror scale 0.5
set ytics out nomirror scale 0.5
set format y '%g'
set grid xtics ytics lc rgb '#e4e4e4' lw 0.6 lt 1
set grid back
set autoscale y
set xrange [*<1.8:*]
set xtics 2
set key left top reverse Left samplen 3
plot for [k = 1:lines] sprintf('line%d.dat', k) using 1:2 with linespoints lw 1.8 dt k pt shape[k] ps 0.8 lc rgb colour[k] \
	title line_name[k], \
     for [k = 1:marks] sprintf('mark%d.dat', k) using 1:2 with points pt cross[k] ps 1.7 lw 2 lc rgb 'black' \
	title 'recorded: ' . mark_name[k] . ' ' . recorded_what
set output
