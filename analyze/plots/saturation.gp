# SPDX-License-Identifier: GPL-2.0-only
# saturation.gp - what a clock is asked against the number of CPUs, what it serves, which ticks come. Run in the folder that
# holds vars.gp and the data:  gnuplot --default-settings saturation.gp
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
set xlabel 'CPUs' offset 0,0.3
set ylabel 'share'
set yrange [0:*]
set key left top reverse Left samplen 3
set arrow 1 from begins, graph 0 to begins, graph 1 nohead dt 2 lw 1.2 lc rgb '#606060'
set arrow 2 from begins_retry, graph 0 to begins_retry, graph 1 nohead dt 3 lw 1.2 lc rgb '#606060'
set label 3 sprintf(' all it can answer: %d CPUs', begins) at begins, graph 0.04 left font small_font tc rgb '#404040'
set label 4 sprintf('with a retry per tick: %d CPUs ', begins_retry) at begins_retry, graph 0.04 right font small_font tc rgb '#404040'
plot 1 with lines lw 0.8 lc rgb '#a0a0a0' notitle, \
     'runs.dat' using 1:2 with lines lw 1.6 dt 2 lc rgb 0x5a5a5a title 'asked of the clock: CPUs x reads x HZ x service time', \
     'runs.dat' using 1:3 with linespoints lw 1.6 pt 5 ps 0.7 lc rgb 0x0072b2 title 'served by the clock', \
     'runs.dat' using 1:4 with linespoints lw 1.6 pt 7 ps 0.7 lc rgb 0x009e73 title 'ticks that came, of those due', \
     'runs.dat' using 1:($5 > 0 ? $4 : NaN) with points pt 2 ps 1.6 lw 2 lc rgb 0xd55e00 title 'the boot hung'
set output
