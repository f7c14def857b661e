/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * dict.h - a dictionary: each different key gets a number, counted from 1 in the order of first use.
 *
 * Filled while events are decoded (symbols, tasks), written to the capture database when all are in. A key is a
 * text together with a number (a task is comm and pid; a symbol has number 0). Open addressing with linear
 * probing over hashes, at most half full (Knuth, TAOCP vol. 3, 6.4, algorithm L).
 */
#ifndef BU_SCHEMAS_MODEL_DICT_H
#define BU_SCHEMAS_MODEL_DICT_H

#include <stddef.h>
#include <stdint.h>

#include "schemas/base/mem.h"

struct bu_dict_entry {
	const char *text;	/* owned by the dictionary */
	int64_t number;
};

struct bu_dict {
	struct bu_arena texts;
	struct bu_dict_entry *entries;	/* entry of number id stands at [id - 1] */
	size_t n, cap;
	uint32_t *slots;		/* ids by hash; 0 is free */
	size_t n_slots;
};

/**
 * bu_dict_id() - The number of a key, which is entered when it is new.
 * @text: copied.
 * Return: its id, from 1; 0 when memory is out.
 */
uint32_t bu_dict_id(struct bu_dict *dict, const char *text, int64_t number);

/**
 * bu_dict_fini() - Free it; it may be used again afterwards. A zeroed struct is an empty dictionary.
 */
void bu_dict_fini(struct bu_dict *dict);

#endif
