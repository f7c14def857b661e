/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * dat_reader.h - forward through a trace.dat: numbers, texts and what is passed over, none of it behind the file's end.
 *
 * For dat_head.c. @what: what is being read, as an error says it. All return 0; -EILSEQ where the file is truncated or makes no
 * sense; -EIO and others of the system.
 */
#ifndef BU_COLLECTOR_DAT_READER_H
#define BU_COLLECTOR_DAT_READER_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#include "schemas/base/err.h"
#include "schemas/base/mem.h"

struct bu_dat_reader {
	FILE *file;		/* the caller's, as path and err */
	const char *path;
	struct bu_err *err;
	uint64_t size, pos;	/* of the file; within it */
	uint64_t data_bytes;	/* dat_head.c: of all CPUs so far */
	bool swap;		/* numbers begin with their highest byte */
};

/**
 * bu_dat_damaged(), bu_dat_truncated() - Say so. @need: up to where the file would have to go. Return: -EILSEQ.
 */
int bu_dat_damaged(struct bu_dat_reader *r, const char *what);
int bu_dat_truncated(struct bu_dat_reader *r, const char *what, uint64_t need);

/**
 * bu_dat_need() - Make sure that @len bytes follow.
 * bu_dat_skip_counted() - Pass over a number of @bytes, and as many bytes as it says.
 * bu_dat_get_string() - A text up to its zero byte, copied into @arena. @ret: NULL: it is passed over.
 */
int bu_dat_need(struct bu_dat_reader *r, uint64_t len, const char *what);
int bu_dat_get(struct bu_dat_reader *r, void *to, size_t len, const char *what);
int bu_dat_get_num(struct bu_dat_reader *r, unsigned int bytes, uint64_t *ret, const char *what);
int bu_dat_seek(struct bu_dat_reader *r, uint64_t to, const char *what);
int bu_dat_skip(struct bu_dat_reader *r, uint64_t len, const char *what);
int bu_dat_skip_counted(struct bu_dat_reader *r, unsigned int bytes, const char *what);
int bu_dat_get_string(struct bu_dat_reader *r, struct bu_arena *arena, const char **ret, const char *what);

#endif
