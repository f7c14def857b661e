// SPDX-License-Identifier: GPL-2.0-only
/* dat_formats.c - see dat_formats.h. */
#include "collector/dat_formats.h"

#include <errno.h>
#include <string.h>

int bu_dat_formats_open(const char *path, const struct bu_dat_head *head, struct bu_dat_formats *ret, struct bu_err *err)
{
	const char *how = head->compression;

	*ret = (struct bu_dat_formats){ .file = NULL };
	tep_set_loglevel(TEP_LOG_NONE);
	tracecmd_set_loglevel(TEP_LOG_NONE);
	/* Plugins only serve formatting, and would run code from the user's folders over this file. */
	ret->file = tracecmd_open_head(path, TRACECMD_FL_LOAD_NO_PLUGINS);
	if (!ret->file && how && strcmp(how, "none") != 0 && strcmp(how, "zstd") != 0)
		return bu_fail(err, -EPROTO, "%s is compressed with %s, which the libtracecmd of this system does not know (Debian's does "
			       "not), or it is damaged; where it was recorded, 'trace-cmd convert --compression none -i FILE -o FILE' "
			       "writes it as this program reads it", path, how);
	if (!ret->file)
		return bu_fail(err, -EILSEQ, "%s is damaged: the trace library cannot open it; record or copy it again", path);
	ret->tep = tracecmd_get_tep(ret->file);
	if (tep_get_header_timestamp_size(ret->tep) == 8 && !tep_is_old_format(ret->tep))
		return 0;
	bu_dat_formats_close(ret);
	return bu_fail(err, -EPROTO, "%s has pages as Linux 2.6.30 and before made them, which this program does not read", path);
}

void bu_dat_formats_close(struct bu_dat_formats *f)
{
	if (f->file)
		tracecmd_close(f->file);
	*f = (struct bu_dat_formats){ .file = NULL };
}
