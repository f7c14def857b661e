/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * ring_page.h - whether a page of the ring buffer that was read back from a file can be walked.
 *
 * kbuffer of libtraceevent believes what a page says of its length and of that of its events, which is right for what the
 * kernel has just handed over, and reads beyond a page, or walks it forever, where a disk or somebody has changed it.
 */
#ifndef BU_COLLECTOR_RING_PAGE_H
#define BU_COLLECTOR_RING_PAGE_H

#include <stdbool.h>
#include <stdint.h>

/**
 * bu_ring_page_sound() - Whether all that @page says of lengths lies within its @page_bytes. Byte order and word size of this
 * machine, 64 bits.
 */
bool bu_ring_page_sound(const void *page, uint32_t page_bytes);

#endif
