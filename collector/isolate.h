/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * isolate.h - run a piece of work in a process of its own, so that a library which crashes, exits or prints
 * over a hostile file becomes an ordinary error with a message.
 *
 * libtraceevent and libtracecmd were written for files that one's own machine made: on others they may follow
 * wild lengths and print to stdout or stderr. The import as a whole runs in here.
 */
#ifndef BU_COLLECTOR_ISOLATE_H
#define BU_COLLECTOR_ISOLATE_H

#include <stddef.h>

#include "schemas/base/err.h"

/**
 * bu_isolated() - Call @work in a child process and wait for it.
 * @what: what is being worked on, for messages: the path of the file.
 * @result: memory that @work may fill; what the child left there is copied back when it ended by itself.
 *
 * In the child stdout and stderr lead to a file that nobody sees; the last line of it is added to the message
 * when the child did not survive. An interrupt by the terminal ends the child, not the caller.
 *
 * Return: what @work returned, with its @err; -EILSEQ when the child crashed; -EINTR when it was stopped.
 */
int bu_isolated(const char *what, int (*work)(void *arg, void *result, struct bu_err *err), void *arg,
		void *result, size_t result_bytes, struct bu_err *err);

#endif
