// SPDX-License-Identifier: GPL-2.0-only
/*
 * ring_page.c - see ring_page.h.
 *
 * struct buffer_data_page and struct ring_buffer_event, kernel/trace/ring_buffer.c and include/linux/ring_buffer.h of v6.12:
 * a page is its stamp (64 bits), its commit (a long: bytes of events, and flags), the events. An event begins with a word: 5
 * bits of type and 27 of time since the one before it.
 */
#include "collector/ring_page.h"

#include <byteswap.h>
#include <endian.h>
#include <errno.h>
#include <stddef.h>
#include <string.h>

/* Of the type; below PADDING it is the number of words that follow, 0: a word with that number in bytes, itself included. */
enum { PADDING = 29, TIME_EXTEND = 30, TIME_STAMP = 31 };

#define DELTA_BITS 27
#define DELTA_MASK ((1u << DELTA_BITS) - 1)
#define STAMP_MSB (UINT64_C(0xf8) << 56)	/* TS_MSB: what a TIME_STAMP has no room for */

#define COMMIT_MASK ((UINT64_C(1) << 27) - 1)	/* as kbuffer of libtraceevent has it */
#define MISSED_EVENTS (UINT64_C(1) << 31)	/* some were lost before this page */
#define MISSED_STORED (UINT64_C(1) << 30)	/* their number stands behind the events */

const struct bu_ring_layout bu_ring_native = { __BYTE_ORDER == __BIG_ENDIAN, sizeof(long) };

static inline bool swapped(const struct bu_ring_layout *l)
{
	return l->big_endian != (__BYTE_ORDER == __BIG_ENDIAN);
}

static inline uint32_t word_at(const struct bu_ring_layout *l, const uint8_t *p)
{
	uint32_t v;

	memcpy(&v, p, sizeof(v));
	return swapped(l) ? bswap_32(v) : v;
}

static uint64_t quad_at(const struct bu_ring_layout *l, const uint8_t *p)
{
	uint64_t v;

	memcpy(&v, p, sizeof(v));
	return swapped(l) ? bswap_64(v) : v;
}

static uint64_t long_at(const struct bu_ring_layout *l, const uint8_t *p)
{
	return l->long_bytes == 8 ? quad_at(l, p) : word_at(l, p);
}

bool bu_ring_page_open(struct bu_ring_page *p, const struct bu_ring_layout *l, const void *page, uint32_t page_bytes)
{
	const uint32_t head = sizeof(uint64_t) + l->long_bytes;
	uint64_t commit, size;

	if (page_bytes < head)
		return false;
	p->stamp = quad_at(l, page);
	commit = long_at(l, (const uint8_t *)page + sizeof(uint64_t));
	size = commit & COMMIT_MASK;
	if (size + (commit & MISSED_STORED ? l->long_bytes : 0) > page_bytes - head)
		return false;
	p->at = (const uint8_t *)page + head;
	p->end = p->at + size;
	if (commit & MISSED_EVENTS) {
		p->missed = commit & MISSED_STORED ? (int64_t)long_at(l, p->end) : 0;
		if (p->missed <= 0)
			p->missed = -1;
	}
	return true;
}

int bu_ring_page_next(struct bu_ring_page *p, const struct bu_ring_layout *l, struct bu_ring_event *ret)
{
	uint32_t head, word, type, delta, bytes;

	while (p->at < p->end) {
		if (p->end - p->at < 8)		/* the shortest event: its head and a word */
			return -EILSEQ;
		head = word_at(l, p->at);
		word = word_at(l, p->at + 4);
		type = l->big_endian ? head >> DELTA_BITS : head & 31;
		delta = l->big_endian ? head & DELTA_MASK : head >> 5;
		p->at += 4;
		if (type == TIME_STAMP) {
			p->stamp = (p->stamp & STAMP_MSB) | ((uint64_t)word << DELTA_BITS) | delta;
			p->at += 4;
			continue;
		}
		p->stamp += delta;
		if (type == TIME_EXTEND) {
			p->stamp += (uint64_t)word << DELTA_BITS;
			p->at += 4;
			continue;
		}
		bytes = type && type != PADDING ? type * 4 : word;
		if (bytes % 4 || bytes > p->end - p->at || (!type && bytes < 8))	/* RB_ALIGNMENT */
			return -EILSEQ;
		*ret = (struct bu_ring_event){ p->at, bytes, p->stamp, p->missed };
		p->at += bytes;
		if (type == PADDING)		/* discarded, or the end of the page */
			continue;
		if (!type) {
			ret->data += 4;
			ret->bytes -= 4;
		}
		p->missed = 0;
		return 1;
	}
	return 0;
}

bool bu_ring_page_sound(const void *page, uint32_t page_bytes)
{
	struct bu_ring_page p = { .missed = 0 };
	struct bu_ring_event ev;
	int rc = bu_ring_page_open(&p, &bu_ring_native, page, page_bytes) ? 1 : -EILSEQ;

	while (rc > 0)
		rc = bu_ring_page_next(&p, &bu_ring_native, &ev);
	return !rc;
}
