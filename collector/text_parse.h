/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * text_parse.h - ftrace text and console logs as a stream of events, losses, messages and leftovers.
 *
 * Flow: text_file -> [text_parse: text_trace, console_parse] -> struct bu_text_out, which is the database
 * (text_import.c) or a checker (the fuzz target). Every piece of the text is accounted for once, in
 * struct bu_text_counts. Whatever the bytes are, nothing here fails over them; only memory and the outlet can fail.
 */
#ifndef BU_COLLECTOR_TEXT_PARSE_H
#define BU_COLLECTOR_TEXT_PARSE_H

#include "collector/clock.h"
#include "collector/text_decode.h"
#include "schemas/base/err.h"
#include "schemas/store/capture_db.h"

#define BU_TEXT_MAX_RAW 4096	/* bytes of a leftover that are kept */

enum bu_text_kind_of_file { BU_TEXT_NONE, BU_TEXT_TRACE, BU_TEXT_CONSOLE };

/* A message of interest; the columns of log_event. */
struct bu_log_event {
	int64_t line, printk_ns;	/* BU_NS_UNKNOWN: no stamp */
	const char *kind;		/* static */
	int32_t cpu;			/* -1: not known */
	struct bu_slice text;
};

/* The columns of backtrace. */
struct bu_log_frame {
	int64_t trace, line, seq, offset;	/* offset: -1 not known */
	int32_t cpu;
	const char *context;		/* "" or as the log marks it; borrowed for the call */
	bool is_rip, reliable;
	struct bu_slice symbol;
};

/* Where everything goes. Each returns 0 or a negative errno, which ends the parsing. */
struct bu_text_out {
	void *arg;
	int (*event)(void *arg, const struct bu_event *ev, int64_t line, struct bu_err *err);
	int (*raw)(void *arg, int64_t line, struct bu_slice text, struct bu_err *err);
	int (*message)(void *arg, const struct bu_log_event *e, struct bu_err *err);
	int (*frame)(void *arg, const struct bu_log_frame *f, struct bu_err *err);
};

struct bu_text_counts {
	int64_t lines, pieces, events, marks, messages, unparsed, passed_over;
	int64_t long_lines, noisy_lines;	/* over BU_TEXT_MAX_LINE; with control characters */
};

/* One CPU's part of one buffer. Zeroed: nothing yet. */
struct bu_text_cpu {
	int64_t events, first_id, first_ns, last_id, last_ns;
	int64_t marked;		/* lost events that marks counted */
	size_t hole;		/* 1 + index of a hole that waits for the event behind it; 0: none */
	size_t open_holes, open_hole;	/* holes without a number: how many, index of the last */
};

struct bu_text_buffer {
	char name[64];		/* "" is the top-level buffer */
	struct bu_text_cpu *cpus;
	size_t n_cpus, cap_cpus;
	int64_t sections;	/* how many times it was dumped */
	int64_t first_id;	/* where its latest section begins */
};

/* The total order of ids is by time only within a section: the events from one id to the next. */
struct bu_text_section {
	int64_t first_id;
	uint64_t first_stamp, last_stamp;	/* last: the highest */
};

struct bu_text_parser {
	const struct bu_text_out *out;
	struct bu_text_decoder decoder;
	struct bu_clock clock;
	struct bu_flag_layout layout;
	struct bu_text_buffer *buffers;
	size_t n_buffers, cap_buffers;
	uint32_t buf;			/* the current one */
	struct bu_text_section *sections;
	size_t n_sections, cap_sections;
	struct bu_loss *holes;
	size_t n_holes, cap_holes;
	struct bu_text_counts counts;
	uint64_t origin;		/* stamp of ts_ns = 0: the earliest of all, from the survey */
	int64_t events, steps_back;
	int64_t forms[3];		/* events by enum bu_stamp_form */
	struct bu_event pending;	/* a stack trace, whose frames are still to come */
	int64_t pending_line;
	bool has_pending;
};

/**
 * bu_text_parser_init() - Begin, with one buffer, the top-level one. @clock, @origin: of the survey.
 * Return: 0 or -ENOMEM; bu_text_parser_fini() frees it either way.
 */
int bu_text_parser_init(struct bu_text_parser *p, const struct bu_text_out *out, const struct bu_clock *clock,
			uint64_t origin);
void bu_text_parser_fini(struct bu_text_parser *p);

/* ---- what both kinds of text are made of; each counts the piece ------------------------------------------------ */

/**
 * bu_text_feed() - Take @line as an event or a mark of loss. Return: 1 when it was one; 0 when not, and nothing is
 * counted; negative errno.
 */
int bu_text_feed(struct bu_text_parser *p, struct bu_slice line, int64_t nr, struct bu_err *err);
int bu_text_feed_raw(struct bu_text_parser *p, struct bu_slice line, int64_t nr, struct bu_err *err);

/**
 * bu_text_section() - What follows is of the buffer called @name, from its beginning.
 */
int bu_text_section(struct bu_text_parser *p, struct bu_slice name, struct bu_err *err);

/**
 * bu_text_flush() - Hand out what still waits for more. To be called at the end.
 */
int bu_text_flush(struct bu_text_parser *p, struct bu_err *err);

/* ---- the file trace ------------------------------------------------------------------------------------------ */

struct bu_text_trace_head {
	char tracer[64];		/* "": not said */
	int64_t in_buffer, written;	/* of the line entries-in-buffer; BU_NS_UNKNOWN */
	int64_t cpus;			/* #P, CPUs online when it was read */
	int64_t started;		/* "buffer started" marks: the ring buffer had wrapped */
	bool has_events;
	enum bu_stamp_form form;	/* of the first event */
	uint64_t origin;		/* lowest stamp */
	bool ends_open;			/* its last line has no end: it was cut */
};

/**
 * bu_text_sniff() - Which kind of text @text is.
 */
enum bu_text_kind_of_file bu_text_sniff(struct bu_slice text);

/**
 * bu_text_trace_survey() - Read the head and all stamps, before the events themselves.
 */
void bu_text_trace_survey(struct bu_slice text, struct bu_text_trace_head *ret);
int bu_text_trace_parse(struct bu_text_parser *p, struct bu_slice text, struct bu_err *err);

#endif
