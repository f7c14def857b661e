/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * dat_formats.h - what it takes to read the events of a trace.dat: formats, symbols, task names, through libtracecmd.
 *
 * The library opens the head of the file and none of its pages.
 */
#ifndef BU_COLLECTOR_DAT_FORMATS_H
#define BU_COLLECTOR_DAT_FORMATS_H

#include <trace-cmd.h>

#include "collector/dat_head.h"
#include "schemas/base/err.h"

struct bu_dat_formats {
	struct tracecmd_input *file;	/* NULL: not open */
	struct tep_handle *tep;		/* borrowed from the file */
};

/**
 * bu_dat_formats_open() - @head: of @path, by bu_dat_head_read().
 * Return: 0; -EILSEQ when the library cannot read it; -EPROTO when it is compressed in a way that the library may not know, or its
 * pages are of a layout that is not known.
 */
int bu_dat_formats_open(const char *path, const struct bu_dat_head *head, struct bu_dat_formats *ret, struct bu_err *err);
void bu_dat_formats_close(struct bu_dat_formats *formats);

#endif
