# SPDX-License-Identifier: GPL-2.0-only
# pgd.gp - what each page-table core pays, against the number of address spaces (left) and of CPUs (right), both axes
# logarithmic; what is nothing is not drawn. Run in the folder that holds vars.gp and the data:  gnuplot --default-settings pgd.gp
# Colours after Okabe and Ito, "Color Universal Design" (2008); lines differ in their points and dashes too,
# and become thinner, so that one that lies behind another is seen.
load 'vars.gp'

array colour[8] = [0x0072b2, 0xe69f00, 0x009e73, 0xcc79a7, 0x56b4e9, 0xd55e00, 0x5a5a5a, 0xb8a800]
array shape[8] = [7, 5, 9, 11, 13, 15, 7, 5]
# Rows of two panels. A row of times has a line for p50, and marks for p99 (+) and for the longest (.).
rows = 8
array label[8] = ['page faults', 'a page fault (us)', 'comparisons in switches', 'a comparison (ns)', 'walks in all (us)', \
	'pgd_lock held for an entry (us)', 'IPIs', 'wait of the allocator (us)']
array column[8] = [2, 3, 6, 7, 10, 11, 14, 15]
array unit[8] = [1, 1e3, 1, 1, 1e3, 1e3, 1, 1e3]
array times[8] = [0, 1, 0, 1, 0, 1, 0, 1]
died = 18
drawn(x) = x > 0 ? x : NaN

set border 3 lw 0.6
set logscale xy
set xtics out nomirror scale 0.5
set ytics out nomirror scale 0.5
set format y '%g'
set format x '%g'
set grid xtics ytics lc rgb '#e4e4e4' lw 0.6 lt 1
set grid back
set label 1 main_title at screen 0.5, 0.989 center font title_font
set label 3 'times: line p50, plus p99, dot longest; crosses: the run hung or died; what is nothing is not drawn' at screen 0.02, 0.007 left \
	font small_font tc rgb '#606060'
set label 2 'source: ' . source at screen 0.985, 0.007 right font small_font tc rgb '#606060'
# The legend: cores, above the panels.
do for [k = 1:lines] {
	set label 10 + k line_name[k] at screen 0.06 + 0.9 * (k - 1) / lines, 0.971 left point pt shape[k] ps 0.9 lc rgb colour[k] offset 1, 0
}
set multiplot layout rows, 2 margins 0.09, 0.975, 0.045, 0.955 spacing 0.10, 0.025
do for [row = 1:rows] {
	do for [side = 1:2] {
		file(k) = sprintf('%s%d.dat', side == 1 ? 'mms' : 'cpus', k)
		set ylabel (side == 1 ? label[row] : '') offset 1, 0
		set xlabel (row < rows ? '' : side == 1 ? sprintf('address spaces (%d CPUs)', fixed_cpus) : \
			sprintf('CPUs (%d address spaces)', fixed_mms)) offset 0, 0.4
		plot for [k = 1:lines] file(k) using 1:(drawn(column(column[row]) / unit[row])) with linespoints lw 3.4 - 0.35 * k dt k \
			pt shape[k] ps 1.5 - 0.12 * k lc rgb colour[k] notitle, \
		     for [k = 1:lines] file(k) using 1:(times[row] ? drawn(column(column[row] + 1) / unit[row]) : NaN) with points pt 1 ps 0.8 \
			lc rgb colour[k] notitle, \
		     for [k = 1:lines] file(k) using 1:(times[row] ? drawn(column(column[row] + 2) / unit[row]) : NaN) with points pt 7 ps 0.35 \
			lc rgb colour[k] notitle, \
		     for [k = 1:lines] file(k) using 1:(column(died) > 0 ? drawn(column(column[row]) / unit[row]) : NaN) with points pt 2 ps 1.6 \
			lw 2 lc rgb 0xd55e00 notitle
		unset label 1
		unset label 2
		unset label 3
		do for [k = 1:lines] {
			unset label 10 + k
		}
	}
}
unset multiplot
set output
