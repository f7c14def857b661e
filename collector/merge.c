// SPDX-License-Identifier: GPL-2.0-only
/* merge.c - see merge.h. */
#include "collector/merge.h"

#include <errno.h>
#include <stdbool.h>
#include <stdlib.h>

static bool before(const struct bu_merge_entry *a, const struct bu_merge_entry *b)
{
	if (a->ts != b->ts)
		return a->ts < b->ts;
	if (a->cpu != b->cpu)
		return a->cpu < b->cpu;
	return a->buf < b->buf;
}

static void sink(struct bu_merge *m, size_t i)
{
	struct bu_merge_entry e = m->heap[i];
	size_t child;

	for (; (child = 2 * i + 1) < m->n; i = child) {
		if (child + 1 < m->n && before(&m->heap[child + 1], &m->heap[child]))
			child++;
		if (!before(&m->heap[child], &e))
			break;
		m->heap[i] = m->heap[child];
	}
	m->heap[i] = e;
}

int bu_merge_init(struct bu_merge *m, struct bu_dat_source *src)
{
	struct bu_stream *s;
	size_t i;

	m->n = 0;
	m->heap = calloc(src->n_streams ? src->n_streams : 1, sizeof(*m->heap));
	if (!m->heap)
		return -ENOMEM;
	for (i = 0; i < src->n_streams; i++) {
		s = &src->streams[i];
		if (s->record)
			m->heap[m->n++] = (struct bu_merge_entry){ s->record->ts, s->cpu, s->buf, s };
	}
	for (i = m->n / 2; i-- > 0; )
		sink(m, i);
	return 0;
}

void bu_merge_fini(struct bu_merge *m)
{
	free(m->heap);
	m->heap = NULL;
	m->n = 0;
}

void bu_merge_advance(struct bu_merge *m)
{
	struct bu_stream *s = m->heap[0].stream;

	bu_stream_next(s);
	if (s->record)
		m->heap[0].ts = s->record->ts;
	else
		m->heap[0] = m->heap[--m->n];
	if (m->n)
		sink(m, 0);
}
