# SPDX-License-Identifier: GPL-2.0-only
# stop-machine.gp - when each CPU came into multi_cpu_stop(), when the function ran, when each left. Run in the folder that holds
# vars.gp and the data:  gnuplot --default-settings stop-machine.gp
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
set xlabel 'time since stop_machine() was called (ms)' offset 0,0.3
set ylabel 'CPU'
set yrange [cpus + 0.5:-cpus / 12.0 - 1]
set xrange [0:*]
if (notified_ms >= 0) set xrange [0:1.02 * notified_ms]
set key outside top center horizontal samplen 2
set arrow 1 from run_ms, graph 0 to run_ms, graph 1 nohead lw 1.4 lc rgb 0xd55e00
set label 3 'the clock changes ' at run_ms, first -cpus / 30.0 - 1 right font small_font tc rgb 0xd55e00
if (notified_ms >= 0) set arrow 2 from notified_ms, graph 0 to notified_ms, graph 1 nohead dt 2 lw 1.2 lc rgb '#606060'
if (notified_ms >= 0) set label 4 'tick_clock_notify() ' at notified_ms, first -cpus / 30.0 - 1 right font small_font tc rgb '#404040'
plot 'cpus.dat' using (0):1:2:(0) with vectors nohead lw 1.4 lc rgb 0xcfd8dc title 'its stopper does not run yet', \
     'cpus.dat' using 2:1:($3 > run_ms ? run_ms - $2 : $3 - $2):(0) with vectors nohead lw 2.2 lc rgb 0x56b4e9 title 'waits for the others', \
     'cpus.dat' using (run_ms):1:($3 - run_ms):(0) with vectors nohead lw 2.2 lc rgb 0x009e73 title 'on its way out', \
     'cpus.dat' using 2:1 with points pt 7 ps 0.4 lc rgb 0x0072b2 notitle
set output
