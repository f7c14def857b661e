/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * tracefs_dir.h - the kernel's tracing folder: find it, read its files whole, list its CPUs.
 *
 * Plain files below two folder descriptors: the top level, which has the formats, and the buffer being recorded, which
 * is the top level too or an instance. libtracefs would parse every format and all of kallsyms at the first call.
 */
#ifndef BU_COLLECTOR_TRACEFS_DIR_H
#define BU_COLLECTOR_TRACEFS_DIR_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "schemas/base/err.h"

struct bu_tracefs {
	int top, buffer;	/* folder descriptors, -1: not open */
	bool mounted;		/* it had to be mounted */
	uint32_t *cpus;		/* numbers N of the folders per_cpu/cpuN, ascending */
	size_t n_cpus;
};

/**
 * bu_tracefs_may() - Whether this user can get at tracefs at all. Return: 0; -EPERM.
 */
int bu_tracefs_may(struct bu_err *err);

/**
 * bu_tracefs_open() - Find tracefs, mounting it at /sys/kernel/tracing where it is not, and open the buffer.
 * @instance: name of an existing instance; NULL: the top-level buffer.
 * @ret: filled in; close with bu_tracefs_close() whatever is returned.
 * Return: 0; -EPERM for other users than root; -ENOENT when there is no such instance or no tracing at all.
 */
int bu_tracefs_open(const char *instance, struct bu_tracefs *ret, struct bu_err *err);
void bu_tracefs_close(struct bu_tracefs *fs);

/**
 * bu_read_whole() - A whole file below folder @dir, with a zero byte behind it.
 * @dir: folder descriptor, or AT_FDCWD with an absolute @path.
 * @ret: to be freed by the caller. @ret_len: may be NULL.
 * Return: 0; negative errno of the system, without a message: many of these files may be missing.
 */
int bu_read_whole(int dir, const char *path, char **ret, size_t *ret_len);

/**
 * bu_write_word() - Write @word to the file @path below @dir. Return: 0 or negative errno.
 */
int bu_write_word(int dir, const char *path, const char *word);

#endif
