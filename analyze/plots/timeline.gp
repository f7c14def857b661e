# SPDX-License-Identifier: GPL-2.0-only
# timeline.gp - what every CPU did when. Run in the folder that holds vars.gp and the panels' data:
#   gnuplot --default-settings timeline.gp
# Colours after Okabe and Ito, "Color Universal Design" (2008), which colour-blind people can tell apart; waiting
# is light, work is saturated, trouble is vermillion and has words beside it.
load 'vars.gp'

array colour[20] = [0x0072b2, 0xe69f00, 0x5a5a5a, 0xf7eeb0, 0x56b4e9, 0xcc79a7, 0x009e73, 0xdcdcdc, 0xcc79a7, 0x999999, \
	0x0072b2, 0xcc79a7, 0x5a5a5a, 0x56b4e9, \
	0xe3ebf4, 0xd55e00, 0x009e73, 0x0072b2, 0xe69f00, 0xffffff]
array word[20] = ['prepare', 'kick', 'dark', 'parked', 'starting', 'TSC check', 'online steps', 'waiting', 'TSC check', 'overhead', \
	'down steps', 'stop', 'dying', 'dead steps', \
	'under way', 'failed or open', 'coming up', 'going down', 'rolled back', '']
c(i) = colour[int(i) + 1]
red(i) = int(c(i)) / 65536
green(i) = int(c(i)) / 256 % 256
blue(i) = int(c(i)) % 256

set multiplot
set border 3 lw 0.6
set style fill solid 1.0 noborder
set xrange [from:to]
set tics out
set xtics nomirror scale 0.6 offset 0,0.3
set grid xtics lc rgb '#e4e4e4' lw 0.6 lt 1
set grid back
unset key

# The legend is laid out here because a key of this many entries wraps as it likes.
array entry[12] = [0, 1, 9, 7, 14, 2, 3, 4, 5, 6, 15, 19]
if (runtime) { array entry[4] = [16, 17, 18, 15] }
px = 1.0 / width_px
py = 1.0 / height_px
at = 20 * px
do for [i = 1:|entry|] {
	k = entry[i]
	w = word[k + 1]
	if (k == 19) {
		w = 'online'
		set arrow 100 + i from screen at + 10 * px, legend - 7 * py to screen at + 10 * px, legend + 7 * py nohead lc rgb 'black' lw 1.6
	} else { if (k == 14 && rows_used == 0) {
		set arrow 100 + i from screen at, legend to screen at + 20 * px, legend nohead lc rgb '#b0b0b0' lw 0.8
	} else {
		set arrow 100 + i from screen at, legend to screen at + 20 * px, legend nohead lc rgb c(k) lw 10
	} }
	set label 100 + i w at screen at + 26 * px, legend left
	at = at + (26 + 6.9 * strlen(w) + 18) * px
}

do for [p = 1:panels] {
	load sprintf('p%d.gp', p)
	file(name) = sprintf('p%d-%s', p, name)
	set lmargin at screen left
	set rmargin at screen right
	set tmargin at screen top
	set bmargin at screen bottom
	set yrange [height:0]
	set title panel_title offset 0,-0.4 font title_font
	set xlabel sprintf('time %s (%s)', origin_what, unit) offset 0,0.7
	unset arrow 1
	unset arrow 2
	if (has_control) { set arrow 1 from graph 0, first lanes_top - 4 to graph 1, first lanes_top - 4 nohead lw 0.5 lc rgb '#808080' }
	if (finish > from && finish < to) { set arrow 2 from finish, graph 0 to finish, graph 1 nohead dt 2 lw 0.8 lc rgb '#606060' }
	step = (to - from) / cols
	if (runtime) {
		plot file('box.dat') using 1:3:1:2:3:4:(c($5)) with boxxyerror lc rgb variable
	} else { if (rows > 0) {
		plot file('image.bin') binary array=(cols,rows) format='%uchar' origin=(from + step / 2, lanes_top + row_px / 2) \
			dx=step dy=row_px using (red($1)):(green($1)):(blue($1)) with rgbimage, \
		     file('online.dat') using 1:2 with lines lc rgb 'black' lw 0.5, \
		     file('control.dat') using 1:3:1:2:3:4:(c($5)) with boxxyerror lc rgb variable, \
		     file('bad.dat') using 1:2:3 with labels right font small_font tc rgb 'black'
		# beside it: how much work the worst CPU of each row needed, in the colours of its phases
		set lmargin at screen work_left
		set rmargin at screen work_right
		set title sprintf('work per CPU (%s)', work_unit) offset 0,-0.4 font title_font
		set xlabel (cpus_per_row > 1 ? sprintf('worst of %d CPUs', cpus_per_row) : '') offset 0,0.7
		set xrange [0:work_max]
		# the panel is narrow: at most four tics, at 1, 2 or 5 times a power of ten
		tic = 10 ** floor(log10(work_max / 3.0))
		do for [f in '5 2'] { if (work_max / (tic * real(f)) >= 2) { tic = tic * real(f); break } }
		set xtics 0, tic
		unset ytics
		unset arrow
		unset label
		plot file('work.dat') using 3:1:3:4:1:2:(c($5)) with boxxyerror lc rgb variable
		set xrange [from:to]
	} else {
		plot file('span.dat') using 1:3:($2 - $1):(0) with vectors nohead lc rgb '#b0b0b0' lw 0.7, \
		     file('control.dat') using 1:3:1:2:3:4:(c($5)) with boxxyerror lc rgb variable, \
		     file('box.dat') using 1:3:1:2:3:4:(c($5)) with boxxyerror lc rgb variable, \
		     file('online.dat') using 1:($2 - $3):(0):(2 * $3) with vectors nohead lc rgb 'black' lw 1.4, \
		     file('bad.dat') using 1:2:3 with labels right font small_font tc rgb 'black'
	} }
	unset arrow
	unset label
}
unset multiplot
set output
