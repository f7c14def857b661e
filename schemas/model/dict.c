// SPDX-License-Identifier: GPL-2.0-only
/* dict.c - see dict.h. */
#include "schemas/model/dict.h"

#include <string.h>

#include "schemas/base/hash.h"

static uint64_t hash_of(const char *text, int64_t number)
{
	return bu_hash_mix(bu_hash_u64(bu_hash_str(text), (uint64_t)number));
}

/* Puts @id into the first free slot that its key's hash leads to. */
static void place(struct bu_dict *d, uint32_t id, uint64_t hash)
{
	size_t i = hash & (d->n_slots - 1);

	while (d->slots[i])
		i = (i + 1) & (d->n_slots - 1);
	d->slots[i] = id;
}

static int widen(struct bu_dict *d)
{
	size_t n_slots = d->n_slots ? d->n_slots * 2 : 64, i;
	uint32_t *slots = calloc(n_slots, sizeof(*slots));

	if (!slots)
		return -1;
	free(d->slots);
	d->slots = slots;
	d->n_slots = n_slots;
	for (i = 0; i < d->n; i++)
		place(d, (uint32_t)i + 1, hash_of(d->entries[i].text, d->entries[i].number));
	return 0;
}

uint32_t bu_dict_id(struct bu_dict *d, const char *text, int64_t number)
{
	uint64_t hash = hash_of(text, number);
	struct bu_dict_entry *e;
	size_t i;

	if (d->n_slots)
		for (i = hash & (d->n_slots - 1); d->slots[i]; i = (i + 1) & (d->n_slots - 1)) {
			e = &d->entries[d->slots[i] - 1];
			if (e->number == number && !strcmp(e->text, text))
				return d->slots[i];
		}
	if (d->n >= UINT32_MAX - 1 || (d->n * 2 >= d->n_slots && widen(d)) ||
	    bu_grow(&d->entries, d->n, &d->cap, sizeof(*d->entries)))
		return 0;
	e = &d->entries[d->n];
	e->text = bu_arena_strdup(&d->texts, text);
	if (!e->text)
		return 0;
	e->number = number;
	place(d, (uint32_t)++d->n, hash);
	return (uint32_t)d->n;
}

void bu_dict_fini(struct bu_dict *d)
{
	bu_arena_fini(&d->texts);
	free(d->entries);
	free(d->slots);
	*d = (struct bu_dict){ .n = 0 };
}
