// SPDX-License-Identifier: GPL-2.0-only
/* ring_page.c - see ring_page.h; struct buffer_data_page and ring_buffer_event, kernel/trace/ring_buffer.c of v6.12. */
#include "collector/ring_page.h"

#include <stddef.h>
#include <string.h>

enum { HEAD_BYTES = 16, PADDING = 29, TIME_EXTEND = 30, TIME_STAMP = 31 };

#define COMMIT_MASK ((UINT64_C(1) << 27) - 1)	/* as kbuffer has it */
#define MISSED_STORED (UINT64_C(1) << 30)	/* their number stands behind the events */

static uint32_t word_at(const uint8_t *p)
{
	uint32_t v;

	memcpy(&v, p, sizeof(v));
	return v;
}

bool bu_ring_page_sound(const void *page, uint32_t page_bytes)
{
	const uint8_t *data = (const uint8_t *)page + HEAD_BYTES;
	uint64_t commit;
	size_t size, at = 0, len, type;

	if (page_bytes < HEAD_BYTES)
		return false;
	memcpy(&commit, (const uint8_t *)page + 8, sizeof(commit));
	size = commit & COMMIT_MASK;
	if (size + (commit & MISSED_STORED ? sizeof(uint64_t) : 0) > page_bytes - HEAD_BYTES)
		return false;
	while (at < size) {
		if (size - at < 8)	/* the shortest event: its head and a word */
			return false;
		type = word_at(data + at) & 31;
		at += 4;
		if (type == TIME_EXTEND || type == TIME_STAMP) {
			at += 4;
			continue;
		}
		len = type && type != PADDING ? type * 4 : word_at(data + at);
		if (!type && len < 8)	/* counts itself */
			return false;
		if (len % 4 || len > size - at)	/* RB_ALIGNMENT */
			return false;
		at += len;
	}
	return true;
}
