// SPDX-License-Identifier: GPL-2.0-only
/*
 * queue.c - threads in order; see queue.h.
 *
 * The fingerprint is the sum over all neighbours (a, b) in the queue of a hash of both, with 0 before the first and behind
 * the last: it knows the order, and an insertion or removal changes three of its terms.
 */
#include "replay/machine/queue.h"

#include "replay/machine/machine_int.h"

/* What @t between @prev and @next adds to the fingerprint. */
static int64_t share(uint32_t prev, const struct thread *t, uint32_t next)
{
	return (int64_t)(neighbours(prev, t->id) + neighbours(t->id, next) - neighbours(prev, next));
}

void queue_init(struct bu_machine *m, struct queue *q, const char *name)
{
	*q = (struct queue){ 0, 0, bu_word_new(m->engine, name, 0) };
}

void queue_insert(struct bu_machine *m, struct queue *q, enum link_kind kind, struct thread *t, uint32_t before)
{
	struct link *l = &t->link[kind];

	l->next = before;
	l->prev = before ? thread_of(m, before)->link[kind].prev : q->tail;
	*(l->prev ? &thread_of(m, l->prev)->link[kind].next : &q->head) = t->id;
	*(before ? &thread_of(m, before)->link[kind].prev : &q->tail) = t->id;
	bu_word_add(m->engine, q->word, share(l->prev, t, before));
}

void queue_remove(struct bu_machine *m, struct queue *q, enum link_kind kind, struct thread *t)
{
	struct link *l = &t->link[kind], was = *l;

	*(was.prev ? &thread_of(m, was.prev)->link[kind].next : &q->head) = was.next;
	*(was.next ? &thread_of(m, was.next)->link[kind].prev : &q->tail) = was.prev;
	*l = (struct link){ 0, 0 };
	bu_word_add(m->engine, q->word, (int64_t)(0 - (uint64_t)share(was.prev, t, was.next)));
}

/* Also of a queue whose links go in circles. */
bool queue_intact(const struct bu_machine *m, const struct queue *q, enum link_kind kind)
{
	uint64_t sum = 0;
	uint32_t id, prev = 0;
	size_t n = m->n_threads;

	for (id = q->head; id && id < m->n_threads && n; id = m->thread[id]->link[kind].next, n--) {
		if (m->thread[id]->link[kind].prev != prev)
			return false;
		sum += neighbours(prev, id);
		prev = id;
	}
	return !id && q->tail == prev && sum + neighbours(prev, 0) == (uint64_t)bu_word_peek(m->engine, q->word);
}
