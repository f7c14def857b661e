/* SPDX-License-Identifier: GPL-2.0-only */
/* figures.h - the figures of a schedule that is made up, "name=value,...": whole numbers, each within its limits. */
#ifndef BU_REPLAY_SCHEDULE_FIGURES_H
#define BU_REPLAY_SCHEDULE_FIGURES_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "schemas/base/err.h"

struct bu_figure {
	const char *name;
	int64_t def, min, max;
};

/**
 * bu_figures_parse() - Read @text into @v, one value for each of the @n in @figures; what it does not name stays as it is.
 * @given: set for those that it names; NULL: not asked for.
 * @help: the names, for the words of an error.
 * Return: 0; -EINVAL: a name or a value that is none.
 */
int bu_figures_parse(const struct bu_figure *figures, size_t n, const char *text, const char *help, int64_t *v, bool *given,
		     struct bu_err *err);

#endif
