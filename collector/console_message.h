/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * console_message.h - what a kernel message says: of the machine, of its troubles, of where a CPU was.
 *
 * Flow: console_line -> [console_message] -> console_parse. Messages are known by their words, as printed by 5.10,
 * 6.1 and 6.12 (the file is named beside each in console_message.c); others are left alone.
 */
#ifndef BU_COLLECTOR_CONSOLE_MESSAGE_H
#define BU_COLLECTOR_CONSOLE_MESSAGE_H

#include "collector/machine_dir.h"
#include "collector/text_parse.h"

/**
 * bu_console_classify() - Whether @text is of interest. @ret_cpu: the CPU that it names, -1 for none.
 * Return: its kind as log_event has it (static), or NULL.
 */
const char *bu_console_classify(struct bu_slice text, int32_t *ret_cpu);

/**
 * bu_console_fact() - Learn from @text about the machine what is not known of it yet. The command line also names
 * the trace clock. Return: 0 or -ENOMEM.
 */
int bu_console_fact(struct bu_machine *m, struct bu_slice text);

/* Where the reading of call traces stands. Begin with trace 0, cpu -1 and the rest zeroed. */
struct bu_console_trace {
	int64_t trace, seq;
	int32_t cpu;		/* whose trace it is */
	bool in_trace;		/* frames may follow */
	char context[16];
};

/**
 * bu_console_frame() - Take @text as a line of a call trace, or as what leads to one.
 * @caller_cpu: from the printk prefix, -1 where it is not said.
 * Return: 1: @ret is a frame; 0: a line of a trace without a frame, as "<TASK>"; -1: none of this.
 */
int bu_console_frame(struct bu_console_trace *t, struct bu_slice text, int32_t caller_cpu, struct bu_log_frame *ret);

#endif
