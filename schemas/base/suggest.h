/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * suggest.h - "did you mean ...?": the candidate nearest to a mistyped word.
 *
 * For whoever looks a name up and does not find it: commands, cores, plots. Candidates are offered one by
 * one, so they may come from anywhere; nothing is allocated or copied.
 */
#ifndef BU_SCHEMAS_BASE_SUGGEST_H
#define BU_SCHEMAS_BASE_SUGGEST_H

struct bu_suggest {
	const char *word;	/* what was typed; borrowed */
	const char *best;	/* nearest candidate so far, borrowed from its offer; NULL: none is near */
	unsigned int distance;	/* edits from word to best */
};

#define BU_SUGGEST_INIT(typed) { .word = (typed) }

/**
 * bu_suggest_offer() - Consider @candidate as what the user meant.
 * @candidate: borrowed for as long as @s->best is used.
 *
 * Near is: one edit per three letters typed, at least one. Edits are inserting, deleting or replacing a
 * letter and swapping two neighbours. A candidate that begins with the word (two letters or more) is near
 * as well, as if by one edit.
 * Among equally near ones the first offered stays.
 */
void bu_suggest_offer(struct bu_suggest *s, const char *candidate);

#endif
