/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * console_parse.h - a console log as a whole: which boot, which dumps, what was said meanwhile.
 *
 * Flow: console_line -> [console_parse] -> text_parse, struct bu_text_out. The log is gone through twice: first to
 * see its boots and the machine, then for one boot's pieces. A log may hold several boots; the last one that has a
 * dump is taken, else the last one in trouble, else the last.
 */
#ifndef BU_COLLECTOR_CONSOLE_PARSE_H
#define BU_COLLECTOR_CONSOLE_PARSE_H

#include "collector/console_line.h"
#include "collector/console_message.h"
#include "collector/text_parse.h"

struct bu_console_survey {
	int64_t boots, boot;		/* how many, and the number of the one taken, from 1 */
	int64_t first_piece, end_piece;	/* its pieces, counted from 0 */
	int64_t first_line, last_line;
	int64_t dumps, dumps_open;	/* begun; begun and never ended */
	int64_t empty_dumps;		/* "(ftrace buffer empty)" */
	bool has_events;
	enum bu_stamp_form form;	/* of its first event */
	uint64_t origin;		/* its lowest stamp */
	int64_t last_printk_ns;
};

/**
 * bu_console_survey() - Go through the log for the first time.
 * @machine: what the chosen boot says about it is added where nothing is known yet; NULL: do not.
 * Return: 0 or -ENOMEM.
 */
int bu_console_survey(struct bu_console_reader *r, struct bu_machine *machine, struct bu_console_survey *ret);

/**
 * bu_console_parse() - And for the second time, with everything going to @p's outlet.
 */
int bu_console_parse(struct bu_text_parser *p, struct bu_console_reader *r, const struct bu_console_survey *survey,
		     struct bu_err *err);

#endif
