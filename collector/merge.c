// SPDX-License-Identifier: GPL-2.0-only
/* merge.c - see merge.h. */
#include "collector/merge.h"

#include <errno.h>
#include <stdlib.h>

#define WAYS 4			/* children of a place of the heap: as many keys as a line of the cache has */
#define LINE 64
#define NONE (~(bu_merge_key)0)	/* after all streams */

/* Rows of the heap, by their first place: what comes up to these is going to be touched soon. */
enum { ROW_1 = 1, ROW_2 = ROW_1 + WAYS, ROW_3 = ROW_2 + WAYS * WAYS, ROW_4 = ROW_3 + WAYS * WAYS * WAYS };

static bu_merge_key key_of(uint64_t stamp, size_t rank)
{
	return (bu_merge_key)stamp << 64 | rank;
}

static struct bu_stream *stream_of(const struct bu_merge *m, bu_merge_key key)
{
	return m->streams[(size_t)key];
}

/*
 * With thousands of streams, what is touched of one is no longer in the cache when its turn comes. So it is fetched when its key
 * comes up to the third row of the heap, and its event, whose place is known then, at the second. Not a function by itself: gcc
 * takes one that only fetches for one without an effect, and leaves the call out.
 */
static inline __attribute__((always_inline)) void fetch(const struct bu_merge *m, size_t row)
{
	const struct bu_stream *s;

	if (row < ROW_2 || row >= ROW_4)
		return;
	s = stream_of(m, m->heap[row]);
	if (row >= ROW_3) {
		__builtin_prefetch(s, 1);
		__builtin_prefetch(&s->events, 1);
	} else {
		__builtin_prefetch(s->event.data);
		__builtin_prefetch(s->event.data + LINE);	/* it may go on there, or the next one begin */
	}
}

static size_t lesser(const bu_merge_key *heap, size_t a, size_t b)
{
	return heap[b] < heap[a] ? b : a;
}

/* Puts @key in at place @i, which is free, or where those below it come first, further down. */
static void sink(struct bu_merge *m, size_t i, bu_merge_key key)
{
	bu_merge_key *heap = m->heap;
	size_t child;

	for (; (child = WAYS * i + 1) < m->n; i = child) {
		child = lesser(heap, lesser(heap, child, child + 1), lesser(heap, child + 2, child + 3));
		if (heap[child] > key)
			break;
		heap[i] = heap[child];
		fetch(m, i);
	}
	heap[i] = key;
}

/* Goes on to the next event of the stream that is first. */
static int advance(struct bu_merge *m, struct bu_err *err)
{
	const bu_merge_key first = m->heap[0];
	const uint64_t newest = (uint64_t)(first >> 64);
	struct bu_stream *s = stream_of(m, first);
	bu_merge_key last;
	int rc = bu_stream_read(m->source, s, &s->event, err);

	if (rc < 0)
		return rc;
	if (rc) {	/* one whose stamp goes back comes at once */
		sink(m, 0, key_of(s->event.stamp > newest ? s->event.stamp : newest, (size_t)first));
	} else {
		last = m->heap[--m->n];
		m->heap[m->n] = NONE;
		if (m->n)
			sink(m, 0, last);
	}
	return 0;
}

static int by_rank(const void *pa, const void *pb)
{
	const struct bu_stream *a = *(struct bu_stream *const *)pa, *b = *(struct bu_stream *const *)pb;

	if (a->cpu != b->cpu)
		return a->cpu < b->cpu ? -1 : 1;
	return a->buf < b->buf ? -1 : a->buf > b->buf;
}

int bu_merge_init(struct bu_merge *m, struct bu_dat_source *source, struct bu_decoder *decoder, struct bu_err *err)
{
	/* Places in front, so that children share a line of the cache, and behind, so that there are always four of them. */
	const size_t n = source->n_streams, front = WAYS - 1, all = (front + n + 2 * WAYS) / WAYS * WAYS;
	size_t i;
	int rc;

	*m = (struct bu_merge){ .source = source, .decoder = decoder };
	m->memory = aligned_alloc(LINE, all * sizeof(*m->memory));
	m->streams = calloc(n + 1, sizeof(struct bu_stream *));
	if (!m->memory || !m->streams)
		return bu_fail_errno(err, -ENOMEM, "merge");
	m->heap = m->memory + front;
	for (i = 0; i < all; i++)
		m->memory[i] = NONE;
	for (i = 0; i < n; i++)
		m->streams[i] = &source->streams[i];
	qsort(m->streams, n, sizeof(struct bu_stream *), by_rank);
	for (i = 0; i < n; i++) {
		rc = bu_stream_read(source, m->streams[i], &m->streams[i]->event, err);
		if (rc < 0)
			return rc;
		if (rc)
			m->heap[m->n++] = key_of(m->streams[i]->event.stamp, i);
	}
	for (i = m->n; i-- > 0; )
		sink(m, i, m->heap[i]);
	return 0;
}

void bu_merge_fini(struct bu_merge *m)
{
	free(m->memory);
	free(m->streams);
	*m = (struct bu_merge){ .n = 0 };
}

int bu_merge_next(struct bu_merge *m, struct bu_merge_entry *ret, struct bu_err *err)
{
	struct bu_stream *s;
	int rc = m->started && m->n ? advance(m, err) : 0;

	if (rc || !m->n)
		return rc;
	m->started = true;
	s = stream_of(m, m->heap[0]);
	rc = bu_decode(m->decoder, &s->event, &m->event, err);
	if (rc)
		return rc;
	m->event.ts_raw = s->event.stamp;
	m->event.cpu = s->cpu;
	m->event.buf = s->buf;
	*ret = (struct bu_merge_entry){ &m->event, s->event.missed, s };
	return 1;
}
