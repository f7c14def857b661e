/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * console_line.h - from the lines of a console log to what the kernel printed.
 *
 * Flow: text_file -> [console_line] -> console_parse. On its way a kernel line gets things in front of it (printk's
 * stamp and caller, a log daemon's date and host, a serial logger's clock, pstore's heads), noise into it (carriage
 * returns, zero bytes, terminal sequences), and other lines into its middle, where several CPUs or a second writer
 * print at once. A line is cut into pieces wherever a printk stamp begins, and each piece freed of all that.
 * Formats: kernel/printk/printk.c print_prefix(), fs/pstore/platform.c and ram.c of 6.1 and 6.12;
 * Documentation/ABI/testing/dev-kmsg; journalctl(1) short, short-iso, short-precise, short-monotonic.
 */
#ifndef BU_COLLECTOR_CONSOLE_LINE_H
#define BU_COLLECTOR_CONSOLE_LINE_H

#include "collector/text_file.h"

struct bu_console_piece {
	struct bu_slice text;	/* valid until the next line; blanks at its beginning are kept */
	int64_t line;
	int64_t printk_ns;	/* BU_NS_UNKNOWN: it has no printk stamp */
	int32_t caller_cpu;	/* caller "C3": interrupt context of CPU 3; -1: a task or not said */
	bool is_message;	/* something before it says that a message begins here */
	bool interrupted;	/* another message begins behind it in the same line */
	bool ends_open;		/* the log ends in it, or it is longer than what is looked at */
};

/* A stretch of the log that is read in one go. pstore stores the end of a log first; its parts are put in order. */
struct bu_console_stretch {
	size_t from, to;	/* offsets in the text */
	int64_t first_line;
	int64_t part;		/* of pstore; 0: none */
	int64_t group;		/* parts of one crash */
};

struct bu_console_reader {
	struct bu_slice text;
	struct bu_console_stretch *stretches;	/* in the order in which they are read */
	size_t n_stretches, cap_stretches, at;
	struct bu_lines it;
	struct bu_slice line, rest;	/* the current line, cleaned, and what of it is still to be handed out */
	bool in_line, first_piece;
	char *scratch;			/* a line without its noise */
	int64_t lines, long_lines, noisy_lines;
};

/**
 * bu_console_reader_init() - Find the stretches of @text, which is borrowed. Return: 0 or -ENOMEM;
 * bu_console_reader_fini() frees it either way.
 */
int bu_console_reader_init(struct bu_console_reader *r, struct bu_slice text);
void bu_console_reader_fini(struct bu_console_reader *r);

/**
 * bu_console_rewind() - Begin again; the counts too.
 */
void bu_console_rewind(struct bu_console_reader *r);

/**
 * bu_console_next() - The next piece. Every line gives at least one, an empty one too. Return: false at the end.
 */
bool bu_console_next(struct bu_console_reader *r, struct bu_console_piece *ret);

/**
 * bu_console_has_kernel() - Whether a kernel speaks anywhere in the first megabyte of @text.
 */
bool bu_console_has_kernel(struct bu_slice text);

/**
 * bu_console_is_stamped() - Whether @line has a printk stamp somewhere.
 */
bool bu_console_is_stamped(struct bu_slice line);

#endif
