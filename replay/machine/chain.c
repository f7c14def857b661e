// SPDX-License-Identifier: GPL-2.0-only
/* chain.c - records in order; see chain.h. The fingerprint is that of queue.c, of keys. */
#include "replay/machine/chain.h"

#include "replay/machine/look.h"
#include "replay/machine/machine_int.h"

#define MOST_ITEMS (1u << 24)	/* more: it goes in circles */

static uint32_t key_of(const struct item *i)
{
	return i ? i->key : 0;
}

/* What @i between @prev and @next adds to the fingerprint. */
static int64_t share(const struct item *prev, const struct item *i, const struct item *next)
{
	return (int64_t)(neighbours(key_of(prev), i->key) + neighbours(i->key, key_of(next)) -
			 neighbours(key_of(prev), key_of(next)));
}

void chain_init(struct bu_machine *m, struct chain *c, const char *name)
{
	*c = (struct chain){ NULL, NULL, bu_word_new(m->engine, name, 0) };
	look_at_chain(m, c);
}

void chain_insert(struct bu_machine *m, struct chain *c, struct item *prev, struct item *i)
{
	struct item **at = prev ? &prev->next : &c->first;

	i->next = *at;
	*at = i;
	if (!i->next)
		c->last = i;
	bu_word_add(m->engine, c->word, share(prev, i, i->next));
}

void chain_append(struct bu_machine *m, struct chain *c, struct item *i)
{
	chain_insert(m, c, c->last, i);
}

static void take_out(struct bu_machine *m, struct chain *c, struct item *prev, struct item *i)
{
	*(prev ? &prev->next : &c->first) = i->next;
	if (!i->next)
		c->last = prev;
	bu_word_add(m->engine, c->word, (int64_t)(0 - (uint64_t)share(prev, i, i->next)));
	i->next = NULL;
}

struct item *chain_pop(struct bu_machine *m, struct chain *c)
{
	struct item *i = c->first;

	if (i)
		take_out(m, c, NULL, i);
	return i;
}

struct item *chain_take_all(struct bu_machine *m, struct chain *c)
{
	struct item *first = c->first;

	if (!first)
		return NULL;
	c->first = c->last = NULL;
	bu_word_store(m->engine, c->word, 0);
	return first;
}

void chain_remove(struct bu_machine *m, struct chain *c, struct item *i)
{
	struct item *prev = NULL, *at;

	for (at = c->first; at != i; at = at->next)
		prev = at;
	take_out(m, c, prev, i);
}

bool chain_intact(const struct bu_machine *m, const struct chain *c)
{
	const struct item *i, *prev = NULL;
	uint64_t sum = 0;
	uint32_t n = 0;

	for (i = c->first; i && n < MOST_ITEMS; i = i->next, n++) {
		sum += neighbours(key_of(prev), i->key);
		prev = i;
	}
	return !i && c->last == prev && sum + neighbours(key_of(prev), 0) == (uint64_t)bu_word_peek(m->engine, c->word);
}
