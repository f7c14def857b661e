/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * text_event.h - one line of ftrace text, taken apart: who, where, when, and what without looking into it.
 *
 * Flow: text_file, console_line -> [text_event] -> text_decode. Two layouts are known, both of
 * kernel/trace/trace_output.c (the same in 5.10, 6.1 and 6.12 but for the number of flags):
 *
 *   comm-pid (tgid) [cpu] flags stamp: what		the files trace and trace_pipe; comm has up to 15 characters
 *   comm-pid cpuflags stamp: what			the latency layout, which a dump to the console uses; 8
 *
 * comm may hold anything, blanks and brackets too, so a line is read from where its fixed part can be found. flags
 * may be missing (option irq-info). stamp is seconds with microseconds, microseconds with a mark ("2570us!"), or
 * the bare number of a clock that does not count nanoseconds.
 */
#ifndef BU_COLLECTOR_TEXT_EVENT_H
#define BU_COLLECTOR_TEXT_EVENT_H

#include <stdbool.h>
#include <stdint.h>

#include "collector/text_file.h"

#define BU_TEXT_MAX_CPUS 8192	/* the most that a kernel is built for, CONFIG_NR_CPUS of x86 */
#define BU_TEXT_MAX_FLAGS 8

enum bu_stamp_form { BU_STAMP_BARE, BU_STAMP_SECONDS, BU_STAMP_MICROSECONDS };

/* What each flag character of a line says; the head of a trace names them, a dump goes by their number. */
enum bu_flag_role { BU_FLAG_IRQS, BU_FLAG_RESCHED, BU_FLAG_LAZY, BU_FLAG_CONTEXT, BU_FLAG_PREEMPT, BU_FLAG_PREEMPT_LAZY,
		    BU_FLAG_MIGRATE, BU_FLAG_OTHER };

struct bu_flag_layout {
	enum bu_flag_role role[BU_TEXT_MAX_FLAGS];
	size_t n;		/* 0: not known, go by the number of characters */
};

struct bu_text_event {
	struct bu_slice comm;	/* without blanks around; "<...>" where the kernel had forgotten it */
	int32_t pid, cpu;
	uint32_t ctx;		/* as struct bu_event has it */
	enum bu_stamp_form form;
	uint64_t stamp;		/* bare number, or nanoseconds */
	struct bu_slice what;	/* behind the colon, without blanks around; not empty */
	bool latency;		/* which layout */
};

/**
 * bu_text_event_parse() - Take @line apart. @layout: of its flags. Return: false when it is no event.
 */
bool bu_text_event_parse(struct bu_slice line, const struct bu_flag_layout *layout, struct bu_text_event *ret);

/**
 * bu_text_lost_parse() - A line "CPU:3 [LOST 12 EVENTS]" or "CPU:3 [LOST EVENTS]".
 * @ret_count: BU_NS_UNKNOWN where there is no number. Return: false when it is none.
 */
bool bu_text_lost_parse(struct bu_slice line, int32_t *ret_cpu, int64_t *ret_count);

/**
 * bu_flag_layout_head() - Learn from a line of the head, "#  / _----=> need-resched". Lines come in order.
 */
void bu_flag_layout_head(struct bu_flag_layout *layout, struct bu_slice line);

#endif
