# SPDX-License-Identifier: GPL-2.0-only
# steps.gp - how long each step took on each CPU, with the totals of the steps above. Run in the folder that holds
# vars.gp and the data:  gnuplot --default-settings steps.gp
# The map's colours go from dark to light by brightness alone too (after the map "viridis" of S. van der Walt and
# N. Smith, 2015), so that they survive colour blindness and grey print; trouble is vermillion.
load 'vars.gp'

array colour[4] = [0x0072b2, 0x5a5a5a, 0x56b4e9, 0x009e73]
set palette defined (0 '#440154', 1 '#3b528b', 2 '#21918c', 3 '#5ec962', 4 '#fde725')
set multiplot
set label 1 main_title at screen (left + right) / 2, title_at center font title_font
set lmargin at screen left
set rmargin at screen right
set xrange [-0.5:cols - 0.5]
set border 3 lw 0.6
set style fill solid 1.0 noborder
unset key
do for [g = 0:2] {
	if (exists(sprintf('edge%d', g))) {
		x = value(sprintf('edge%d', g))
		set arrow 1 + g from first x, graph 0 to first x, graph 1 nohead front lw 0.8 lc rgb '#606060'
	}
}

# totals
set tmargin at screen totals_top
set bmargin at screen totals_bottom
set yrange [0:total_max * (words_fit ? 1.55 : 1.08)]
set ylabel sprintf('total (%s)', total_unit) offset 0.5,0
set ytics out nomirror scale 0.3
unset xtics
plot 'totals.dat' using 1:2:(0.76):(colour[int($3) + 1]) with boxes lc rgb variable, \
     '' using 1:($2 + total_max * 0.03):(words_fit ? strcol(4) : '') with labels rotate by 90 left font small_font

# the map
unset label
unset arrow
do for [g = 0:2] {
	if (exists(sprintf('edge%d', g))) {
		x = value(sprintf('edge%d', g))
		set arrow 1 + g from first x, graph 0 to first x, graph 1 nohead front lw 1.6 lc rgb 'white'
	}
}
load 'tics.gp'
if (bad_cells) { set label 3 '✕ failed, or without end' at graph 1, graph 1 right offset 0,0.5 font small_font tc rgb '#b04a00' }
set tmargin at screen map_top
set bmargin at screen map_bottom
set yrange [rows - 0.5:-0.5]
unset ylabel
set logscale cb
set cbrange [cb_min:cb_max]
set cblabel (cpus_per_row > 1 ? sprintf('longest of %d CPUs', cpus_per_row) : 'duration') . cb_unit offset 1,0
set colorbox user origin screen right + 0.012, map_bottom size screen 0.014, map_top - map_bottom
set object 1 rectangle from graph 0, graph 0 to graph 1, graph 1 fc rgb '#f4f4f4' fs solid noborder behind
plot 'cells.bin' binary array=(cols * x_px,rows * y_px) format='%float' \
	origin=(0.5 / x_px - 0.5, 0.5 / y_px - 0.5) dx=1.0/x_px dy=1.0/y_px using 1 with image, \
     'bad.dat' using 1:2:($1 - 0.5):($1 + 0.5):($2 - 0.5):($2 + 0.5) with boxxyerror lc rgb '#d55e00', \
     '' using 1:2 with points pt 2 ps 0.5 lw 1.2 lc rgb 'black'
unset multiplot
set output
