/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * ring_page.h - the events of one page of the ring buffer, checked as they are read.
 *
 * Nothing that a page says of its length or of those of its events is believed before it is known to lie within the page, so
 * a page may come from the kernel, from a disk, or from somebody who changed it.
 */
#ifndef BU_COLLECTOR_RING_PAGE_H
#define BU_COLLECTOR_RING_PAGE_H

#include <stdbool.h>
#include <stdint.h>

/* How pages are laid out, which the machine decides that made them. */
struct bu_ring_layout {
	bool big_endian;
	uint8_t long_bytes;	/* 4 or 8 */
};

extern const struct bu_ring_layout bu_ring_native;	/* of this machine */

/* A page that is being read. Begin with zeroes; the same one serves each page of a CPU in turn. */
struct bu_ring_page {
	const uint8_t *at, *end;	/* what is to come */
	uint64_t stamp;			/* of what came last */
	int64_t missed;			/* events that were lost before what comes next, see below */
};

struct bu_ring_event {
	const uint8_t *data;		/* within the page */
	uint32_t bytes;
	uint64_t stamp;			/* of the trace clock */
	int64_t missed;			/* events lost just before it; negative: some, nobody knows how many */
};

/**
 * bu_ring_page_open() - Read @page from its beginning; it has to stay while it is read.
 * Return: false when its head promises more than @page_bytes hold.
 */
bool bu_ring_page_open(struct bu_ring_page *p, const struct bu_ring_layout *layout, const void *page, uint32_t page_bytes);

/**
 * bu_ring_page_next() - The next event of the page.
 * Return: 1; 0: there are no more; -EILSEQ: what follows makes no sense.
 */
int bu_ring_page_next(struct bu_ring_page *p, const struct bu_ring_layout *layout, struct bu_ring_event *ret);

/**
 * bu_ring_page_sound() - Whether @page, of this machine's layout, can be read to its end.
 */
bool bu_ring_page_sound(const void *page, uint32_t page_bytes);

#endif
