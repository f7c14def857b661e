// SPDX-License-Identifier: GPL-2.0-only
/* merge.c - see merge.h. */
#include "collector/merge.h"

#include <errno.h>
#include <stdbool.h>
#include <stdlib.h>

static bool before(const struct bu_stream *a, const struct bu_stream *b)
{
	if (a->record->ts != b->record->ts)
		return a->record->ts < b->record->ts;
	if (a->cpu != b->cpu)
		return a->cpu < b->cpu;
	return a->buf < b->buf;
}

static void sink(struct bu_merge *m, size_t i)
{
	struct bu_stream *s = m->heap[i];
	size_t child;

	for (; (child = 2 * i + 1) < m->n; i = child) {
		if (child + 1 < m->n && before(m->heap[child + 1], m->heap[child]))
			child++;
		if (!before(m->heap[child], s))
			break;
		m->heap[i] = m->heap[child];
	}
	m->heap[i] = s;
}

int bu_merge_init(struct bu_merge *m, struct bu_dat_source *src)
{
	size_t i;

	m->n = 0;
	m->heap = calloc(src->n_streams ? src->n_streams : 1, sizeof(*m->heap));
	if (!m->heap)
		return -ENOMEM;
	for (i = 0; i < src->n_streams; i++)
		if (src->streams[i].record)
			m->heap[m->n++] = &src->streams[i];
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
	struct bu_stream *s = m->heap[0];

	bu_stream_next(s);
	if (!s->record)
		m->heap[0] = m->heap[--m->n];
	if (m->n)
		sink(m, 0);
}
