/* SPDX-License-Identifier: GPL-2.0-only */
/* contract.h - what the contracts of all families share; see core_check.h. */
#ifndef BU_REPLAY_CONTRACT_H
#define BU_REPLAY_CONTRACT_H

#include "replay/core_check.h"

/* CPUs of runs that are looked at after each step (bu_replay_options.check): it costs as much as there is to look at. */
#define MOST_CHECKED 16

struct check {
	const struct bu_core_def *core;
	int guard_ms, failures;
	bool dead;		/* it had to be stopped by force, or broke the rules: trying on tells nothing more */
	void (*say)(void *ctx, bool holds, const char *what, const char *why);
	void *ctx;
	int64_t *params;	/* their defaults */
	char why[256];		/* what was seen, for the next statement that does not hold */
};

/* Return: 0; -ENOMEM. */
int check_begin(struct check *c);

/* Return: @rc where it is not 0, else the number of statements that did not hold. */
int check_end(struct check *c, int rc);

__attribute__((format(printf, 3, 4))) void check_tell(struct check *c, bool holds, const char *fmt, ...);

/* Notes a run that ended with this verdict. */
void check_verdict(struct check *c, const char *verdict);

/**
 * check_again() - What a second run @b, with @checked looked at after each step, has to say beside the first one @a: that threads
 * share nothing but words, and that the same seed gives the same run. @size: for the statements.
 */
void check_again(struct check *c, const struct bu_run *a, const struct bu_run *b, bool checked, const char *size);

/* core_check_runtime.c: statements on taking CPUs down and up, none for a core of boots. Return: 0; -ENOMEM. */
int check_runtime(struct check *c, int32_t cpus);

#endif
