// SPDX-License-Identifier: GPL-2.0-only
/* merge.c - see merge.h. */
#include "collector/merge.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "schemas/base/mem.h"

static unsigned __int128 key_of(const struct bu_stream *s, const struct bu_ahead *first)
{
	return (unsigned __int128)first->event.ts_raw << 64 | (uint64_t)(uint32_t)s->cpu << 32 | s->buf;
}

static void sink(struct bu_merge *m, size_t i)
{
	struct bu_merge_entry e = m->heap[i];
	size_t child;

	for (; (child = 2 * i + 1) < m->n; i = child) {
		child += (child + 1 < m->n) & (m->heap[child + 1].key < m->heap[child].key);
		if (m->heap[child].key > e.key)
			break;
		m->heap[i] = m->heap[child];
	}
	m->heap[i] = e;
}

static void drop(struct bu_event *ev)
{
	if (ev->table == BU_EV_OTHER)
		free((char *)ev->other.fields);
}

/* Reads on in a stream of which all events are taken. */
static int fill(struct bu_merge *m, struct bu_stream *s, struct bu_err *err)
{
	struct tep_record *r;
	struct bu_event *ev;
	int rc = 0;

	for (s->next = s->n = 0; !rc && s->n < BU_AHEAD_EVENTS; ) {
		r = bu_stream_read(s);
		if (!r)
			break;
		ev = &s->ahead[s->n].event;
		/* From here on the library would walk wherever such a length leads, perhaps in circles. */
		if (r->size < 0 || (uint32_t)r->size > m->source->page_bytes)
			rc = bu_fail(err, -EILSEQ, "the trace is damaged: CPU %d has an event of %d bytes; record or copy it "
				     "again", (int)s->cpu, r->size);
		else
			rc = bu_decode(m->decoder, r, ev, err);
		ev->ts_raw = r->ts;
		ev->buf = s->buf;
		s->ahead[s->n].missed = r->missed_events;
		if (!rc && ev->table == BU_EV_OTHER) {
			ev->other.fields = strdup(ev->other.fields);
			if (!ev->other.fields)
				rc = bu_fail_errno(err, -ENOMEM, "merge");
		}
		s->n += !rc;
		tracecmd_free_record(r);
	}
	return rc;
}

int bu_merge_init(struct bu_merge *m, struct bu_dat_source *source, struct bu_decoder *decoder, struct bu_err *err)
{
	struct bu_stream *s;
	size_t i;
	int rc;

	*m = (struct bu_merge){ .source = source, .decoder = decoder };
	m->heap = calloc(source->n_streams + 1, sizeof(*m->heap));	/* sink() looks at one behind the last */
	if (!m->heap)
		return bu_fail_errno(err, -ENOMEM, "merge");
	for (i = 0; i < source->n_streams; i++) {
		s = &source->streams[i];
		s->ahead = aligned_alloc(alignof(struct bu_ahead), BU_AHEAD_EVENTS * sizeof(*s->ahead));
		if (!s->ahead)
			return bu_fail_errno(err, -ENOMEM, "merge");
		rc = fill(m, s, err);
		if (rc)
			return rc;
		if (s->n)
			m->heap[m->n++] = (struct bu_merge_entry){ key_of(s, s->ahead), s, s->ahead };
	}
	for (i = m->n / 2; i-- > 0; )
		sink(m, i);
	return 0;
}

void bu_merge_fini(struct bu_merge *m)
{
	struct bu_stream *s;
	size_t i;

	for (i = 0; m->source && i < m->source->n_streams; i++) {
		s = &m->source->streams[i];
		while (s->ahead && s->next < s->n)
			drop(&s->ahead[s->next++].event);
		free(take_ptr(s->ahead));
	}
	free(m->heap);
	*m = (struct bu_merge){ .n = 0 };
}

/*
 * One of the next two will be first after this one, one of the four below them after that: bring what will be touched of
 * them into the cache meanwhile, with the event that follows in their stream.
 */
static void look_forward(const struct bu_merge *m)
{
	size_t i;

	for (i = 1; i < 7 && i < m->n; i++) {
		__builtin_prefetch(m->heap[i].first, 1);
		__builtin_prefetch(m->heap[i].first + 1);
		__builtin_prefetch(m->heap[i].stream, 1);
	}
}

int bu_merge_advance(struct bu_merge *m, struct bu_err *err)
{
	struct bu_stream *s = m->heap[0].stream;
	int rc = 0;

	drop(&s->ahead[s->next++].event);
	if (s->next == s->n)
		rc = fill(m, s, err);
	if (s->next < s->n) {
		m->heap[0].first = &s->ahead[s->next];
		m->heap[0].key = key_of(s, m->heap[0].first);
	} else {
		m->heap[0] = m->heap[--m->n];
	}
	if (m->n)
		sink(m, 0);
	look_forward(m);
	return rc;
}
