// SPDX-License-Identifier: GPL-2.0-only
/* clocksource.c - see clocksource.h. */
#include "replay/schedule/clocksource.h"

#include <errno.h>

int bu_cs_schedule_load(struct bu_db *db, struct bu_cs_schedule *ret, struct bu_err *err)
{
	(void)ret;
	return bu_fail(err, -ENODATA, "%s: not yet", bu_db_path(db));
}
