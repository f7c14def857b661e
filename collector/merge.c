// SPDX-License-Identifier: GPL-2.0-only
/* merge.c - see merge.h. */
#include "collector/merge.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "schemas/base/mem.h"

/*
 * Events that are kept at most, of a stream and of all. The first stream of a window is read half as far, so that where
 * streams are in step few of the others come to their limit before its end. Measured with 4096 CPUs: with less, each is read
 * too often; with more, they need more of the cache than there is. With few CPUs, windows should have as many events as
 * sorting them has counters.
 */
#define AHEAD_LEAST 16
#define AHEAD_ALL 512

#define DIGIT_BITS 8
#define DIGIT ((1 << DIGIT_BITS) - 1)
#define PREFETCH 8		/* entries, one or two microseconds */

/* Stamp, CPU, buffer as one number, so that choosing the smaller of two takes no branch. */
typedef unsigned __int128 place_t;

/* The key stands in the heap itself: with thousands of streams each look at a stream is a cache miss. */
struct bu_merge_place {
	place_t key;
	struct bu_stream *stream;
};

static place_t place_of(const struct bu_stream *s, uint64_t stamp)
{
	return (place_t)stamp << 64 | (uint64_t)(uint32_t)s->cpu << 32 | s->buf;
}

static uint64_t stamp_of(place_t place)
{
	return (uint64_t)(place >> 64);
}

static void drop(struct bu_event *ev)
{
	if (ev->table == BU_EV_OTHER)
		free((char *)ev->other.fields);
}

/* ---- heap of streams --------------------------------------------------------------------------------------------- */

/* Puts the stream of @s, which has an event ahead, in. */
static void put_in(struct bu_merge *m, struct bu_stream *s)
{
	const struct bu_merge_place e = { place_of(s, s->stamps[s->next]), s };
	size_t i, parent;

	for (i = m->n_heap++; i; i = parent) {
		parent = (i - 1) / 2;
		if (m->heap[parent].key < e.key)
			break;
		m->heap[i] = m->heap[parent];
	}
	m->heap[i] = e;
}

static struct bu_stream *take_first(struct bu_merge *m)
{
	struct bu_stream *first = m->heap[0].stream;
	const struct bu_merge_place e = m->heap[--m->n_heap];
	size_t i, child;

	for (i = 0; (child = 2 * i + 1) < m->n_heap; i = child) {
		child += (child + 1 < m->n_heap) & (m->heap[child + 1].key < m->heap[child].key);
		if (m->heap[child].key > e.key)
			break;
		m->heap[i] = m->heap[child];
	}
	m->heap[i] = e;
	return first;
}

/* ---- reading ------------------------------------------------------------------------------------------------------- */

static int start_stream(const struct bu_merge *m, struct bu_stream *s)
{
	const size_t stamps = m->ahead * sizeof(*s->ahead), line = alignof(struct bu_ahead);

	s->ahead = aligned_alloc(line, (stamps + m->ahead * sizeof(*s->stamps) + line - 1) / line * line);
	if (s->ahead)
		s->stamps = (uint64_t *)((char *)s->ahead + stamps);
	return s->ahead ? 0 : -ENOMEM;
}

/* Reads the next event of a stream that has room for it. Return: 1; 0: there is none; negative as bu_merge_next(). */
static int read_one(struct bu_merge *m, struct bu_stream *s, struct bu_err *err)
{
	struct bu_ring_event r;
	struct bu_event *ev;
	int rc = bu_stream_read(m->source, s, &r, err);

	if (rc <= 0)
		return rc;
	if (!s->ahead && start_stream(m, s))
		return bu_fail_errno(err, -ENOMEM, "merge");
	ev = &s->ahead[s->n].event;
	rc = bu_decode(m->decoder, &r, ev, err);
	if (!rc && ev->table == BU_EV_OTHER) {
		ev->other.fields = strdup(ev->other.fields);
		if (!ev->other.fields)
			rc = bu_fail_errno(err, -ENOMEM, "merge");
	}
	if (rc)
		return rc;
	ev->ts_raw = r.stamp;
	ev->cpu = s->cpu;
	ev->buf = s->buf;
	s->ahead[s->n].missed = r.missed;
	if (r.stamp > s->newest)
		s->newest = r.stamp;
	s->stamps[s->n++] = s->newest;
	return 1;
}

/* ---- a window ------------------------------------------------------------------------------------------------------ */

/* Puts a stream that is outside of the heap back in, unless it has come to its end. */
static int put_back(struct bu_merge *m, struct bu_stream *s, struct bu_err *err)
{
	int rc = 1;

	s->n -= s->next;
	if (s->n) {	/* to where the taken ones were: the same few lines of the cache serve every window */
		memmove(s->ahead, s->ahead + s->next, s->n * sizeof(s->ahead[0]));
		memmove(s->stamps, s->stamps + s->next, s->n * sizeof(s->stamps[0]));
	}
	s->next = 0;
	if (!s->n)
		rc = read_one(m, s, err);
	if (rc == 1)
		put_in(m, s);
	return rc < 0 ? rc : 0;
}

/* Reads the streams that have events up to the window's end, which comes out of it. */
static int read_streams(struct bu_merge *m, place_t *ret_end, struct bu_err *err)
{
	uint32_t most = m->ahead / 2;
	struct bu_stream *s;
	int rc = 0;

	*ret_end = ~(place_t)0;
	while (m->n_heap && m->heap[0].key <= *ret_end) {
		s = take_first(m);
		m->streams[m->n_streams++] = s;
		while (s->n < most && place_of(s, s->newest) <= *ret_end) {
			rc = read_one(m, s, err);
			if (rc < 0)
				return rc;
			if (!rc)
				break;
		}
		/* What follows may lie anywhere behind the last one. */
		if (s->n >= most && place_of(s, s->newest) < *ret_end)
			*ret_end = place_of(s, s->newest);
		most = m->ahead;
	}
	return 0;
}

/* Takes the events of a stream up to @end. */
static void take_events(struct bu_merge *m, struct bu_stream *s, place_t end)
{
	for (; s->next < s->n && place_of(s, s->stamps[s->next]) <= end; s->next++)
		m->in[m->n++] = (struct bu_merge_entry){ s->stamps[s->next], &s->ahead[s->next], s };
}

/* Sorts the entries in m->in, of which no key is above @most; entries of equal keys keep their order. */
static void sort(struct bu_merge *m, uint64_t most)
{
	size_t count[1 << DIGIT_BITS], i, at, n;
	struct bu_merge_entry *sorted;
	unsigned int shift;

	for (shift = 0; shift < 64 && most >> shift; shift += DIGIT_BITS) {
		memset(count, 0, sizeof(count));
		for (i = 0; i < m->n; i++)
			count[m->in[i].key >> shift & DIGIT]++;
		for (i = at = 0; i <= DIGIT; i++, at += n) {
			n = count[i];
			count[i] = at;
		}
		for (i = 0; i < m->n; i++)
			m->out[count[m->in[i].key >> shift & DIGIT]++] = m->in[i];
		sorted = m->out;
		m->out = m->in;
		m->in = sorted;
	}
}

/* Streams by CPU and buffer, which decide between events of one stamp. */
static void sort_streams(struct bu_merge *m)
{
	const size_t buffers = m->source->n_buffers;
	struct bu_stream *s;
	uint64_t most = 0;
	size_t i;

	for (m->n = 0; m->n < m->n_streams; m->n++) {
		s = m->streams[m->n];
		m->in[m->n] = (struct bu_merge_entry){ (uint64_t)s->cpu * buffers + s->buf, NULL, s };
		if (m->in[m->n].key > most)
			most = m->in[m->n].key;
	}
	sort(m, most);
	for (i = 0; i < m->n_streams; i++)
		m->streams[i] = m->in[i].stream;
}

static int next_window(struct bu_merge *m, struct bu_err *err)
{
	uint64_t first, last = 0;
	place_t end;
	size_t i;
	int rc;

	m->n = m->next = 0;
	for (i = 0; i < m->n_streams; i++) {
		rc = put_back(m, m->streams[i], err);
		if (rc)
			return rc;
	}
	m->n_streams = 0;
	if (!m->n_heap)
		return 0;
	first = stamp_of(m->heap[0].key);
	rc = read_streams(m, &end, err);
	if (rc)
		return rc;
	sort_streams(m);
	for (i = m->n = 0; i < m->n_streams; i++)
		take_events(m, m->streams[i], end);
	for (i = 0; i < m->n; i++) {
		m->in[i].key -= first;
		if (m->in[i].key > last)
			last = m->in[i].key;
	}
	sort(m, last);
	return 0;
}

/* ---- the whole ----------------------------------------------------------------------------------------------------- */

int bu_merge_init(struct bu_merge *m, struct bu_dat_source *source, struct bu_decoder *decoder, struct bu_err *err)
{
	size_t i, most;
	int rc = 0;

	*m = (struct bu_merge){ .source = source, .decoder = decoder, .ahead = AHEAD_LEAST };
	if (source->n_streams && AHEAD_ALL / source->n_streams > m->ahead)
		m->ahead = (uint32_t)(AHEAD_ALL / source->n_streams);
	m->heap = calloc(source->n_streams + 1, sizeof(*m->heap));	/* take_first() looks at one behind the last */
	if (!m->heap)
		return bu_fail_errno(err, -ENOMEM, "merge");
	for (i = 0; !rc && i < source->n_streams; i++)
		rc = put_back(m, &source->streams[i], err);
	if (rc)
		return rc;
	most = m->n_heap * m->ahead + 1;
	m->streams = calloc(m->n_heap + 1, sizeof(struct bu_stream *));
	m->in = calloc(most, sizeof(*m->in));
	m->out = calloc(most, sizeof(*m->out));
	return m->streams && m->in && m->out ? 0 : bu_fail_errno(err, -ENOMEM, "merge");
}

void bu_merge_fini(struct bu_merge *m)
{
	struct bu_stream *s;
	size_t i;

	for (i = m->next ? m->next - 1 : 0; i < m->n; i++)
		drop(&m->in[i].ahead->event);
	for (i = 0; m->source && i < m->source->n_streams; i++) {
		s = &m->source->streams[i];
		for (; s->next < s->n; s->next++)
			drop(&s->ahead[s->next].event);
		free(take_ptr(s->ahead));
	}
	free(m->heap);
	free(m->streams);
	free(m->in);
	free(m->out);
	*m = (struct bu_merge){ .n = 0 };
}

int bu_merge_next(struct bu_merge *m, struct bu_merge_entry *ret, struct bu_err *err)
{
	int rc;

	if (m->next)
		drop(&m->in[m->next - 1].ahead->event);
	if (m->next == m->n) {
		rc = next_window(m, err);
		if (rc)
			return rc;
	}
	if (m->next == m->n)
		return 0;
	if (m->n - m->next > PREFETCH) {
		__builtin_prefetch(m->in[m->next + PREFETCH].ahead, 1);
		__builtin_prefetch(m->in[m->next + PREFETCH].stream, 1);
	}
	*ret = m->in[m->next++];
	return 1;
}
