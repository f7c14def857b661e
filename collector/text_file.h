/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * text_file.h - a text as memory, and its lines: what both text importers stand on.
 *
 * Flow: file -> [text_file] -> text_event, console_line. A plain file is mapped, a gzip'ed one unpacked; lines are
 * pieces of that memory, never copied and never terminated, so any bytes may be in them. Any other compression is
 * recognised and named, with the command that unpacks it.
 */
#ifndef BU_COLLECTOR_TEXT_FILE_H
#define BU_COLLECTOR_TEXT_FILE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "schemas/base/err.h"

#define BU_TEXT_MAX_UNPACKED ((size_t)1 << 30)	/* bytes; what a hostile gzip may grow to */
#define BU_TEXT_MAX_LINE 65536			/* bytes of a line that are looked at; no kernel line is longer */

struct bu_slice {
	const char *p;	/* borrowed, not terminated */
	size_t n;
};

struct bu_text_file {
	const char *data;
	size_t len;		/* bytes of text */
	uint64_t file_bytes;	/* of the file as it lies on disk */
	bool mapped;
};

/**
 * bu_text_file_open() - Make the text of @path available.
 * @ret: close with bu_text_file_close() whatever is returned.
 * Return: 0; -EPROTO when it is packed in a way that is not unpacked here; -EFBIG when it unpacks to more than
 * BU_TEXT_MAX_UNPACKED; -EILSEQ when the gzip is damaged from its very beginning; others of the system. A gzip that
 * is cut or damaged later gives what was readable, with @ret_cut set.
 */
int bu_text_file_open(const char *path, struct bu_text_file *ret, bool *ret_cut, struct bu_err *err);
void bu_text_file_close(struct bu_text_file *f);

/* Goes through lines. Zeroed but for text, it stands before the first. */
struct bu_lines {
	struct bu_slice text;	/* what is to be gone through */
	size_t at;		/* offset of the next line */
	int64_t nr;		/* number of the current line, from 1 */
	bool cut;		/* the current line is longer than BU_TEXT_MAX_LINE; only its beginning is shown */
	bool open;		/* the current line has no line end: the text ends in it */
};

/**
 * bu_line_next() - Go to the next line. @ret: without its line end (LF, CR LF). Return: false at the end.
 */
bool bu_line_next(struct bu_lines *it, struct bu_slice *ret);

/* ---- small tools on slices ------------------------------------------------------------------------------- */

struct bu_slice bu_slice_trim(struct bu_slice s);	/* without blanks at both ends */
bool bu_slice_starts(struct bu_slice s, const char *word);
bool bu_slice_is(struct bu_slice s, const char *word);

/**
 * bu_slice_find() - Offset of @word in @s; -1: it is not there.
 */
int64_t bu_slice_find(struct bu_slice s, const char *word);

static inline struct bu_slice bu_slice_skip(struct bu_slice s, size_t n)
{
	return n < s.n ? (struct bu_slice){ s.p + n, s.n - n } : (struct bu_slice){ s.p + s.n, 0 };
}

/**
 * bu_slice_eat() - Where @s begins with @word, go behind it.
 */
bool bu_slice_eat(struct bu_slice *s, const char *word);

/**
 * bu_slice_number() - Take an unsigned number of @base (10 or 16) from the beginning of @s.
 * Return: false when there is none or it does not fit 64 bits; @s is then as it was.
 */
bool bu_slice_number(struct bu_slice *s, unsigned int base, uint64_t *ret);

/**
 * bu_slice_int() - Likewise with a sign, decimal.
 */
bool bu_slice_int(struct bu_slice *s, int64_t *ret);

/**
 * bu_slice_text() - Copy up to @max bytes of @s to @to (which has @max + 1) as clean text: what is not printable,
 * or no UTF-8, becomes '?'. Return: @to.
 */
char *bu_slice_text(struct bu_slice s, char *to, size_t max);

#endif
