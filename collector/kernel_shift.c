// SPDX-License-Identifier: GPL-2.0-only
/*
 * kernel_shift.c - see kernel_shift.h.
 *
 * KASLR moves the kernel by multiples of 2 MiB within 1 GiB (CONFIG_PHYSICAL_ALIGN and KERNEL_IMAGE_SIZE, x86, 6.12). So
 * each address in the pages votes for the shifts that make it the first byte of a function with the same offset in
 * 2 MiB. Functions called back or traced are recorded by their first byte, and of wrong shifts each fits some by chance.
 */
#include "collector/kernel_shift.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "collector/ring_page.h"
#include "schemas/base/mem.h"

#define ALIGN_BITS 21
#define LOW UINT64_C(0xffffffff80000000)
#define HIGH UINT64_C(0xffffffffc0000000)
#define SHIFTS 512		/* in each direction */
#define MAX_ADDRESSES 4096	/* more make no difference */
#define FEW 4			/* with fewer, chance is too good */

struct addresses {
	uint64_t *v;
	size_t n, cap;
};

static uint64_t offset_of(uint64_t address)
{
	return address & ((UINT64_C(1) << ALIGN_BITS) - 1);
}

static int by_offset(const void *a, const void *b)
{
	uint64_t x = offset_of(*(const uint64_t *)a), y = offset_of(*(const uint64_t *)b);

	return x < y ? -1 : x > y;
}

static bool has(const struct addresses *a, uint64_t address)
{
	size_t i;

	for (i = 0; i < a->n; i++)
		if (a->v[i] == address)
			return true;
	return false;
}

/* Words of the event that can be addresses of the kernel's image. Its first eight bytes are the same in all events. */
static int collect(struct addresses *a, const struct bu_ring_event *ev)
{
	uint64_t word;
	uint32_t at;

	for (at = 8; at + sizeof(word) <= ev->bytes && a->n < MAX_ADDRESSES; at += sizeof(word)) {
		memcpy(&word, ev->data + at, sizeof(word));
		if (word < LOW || word >= HIGH || has(a, word))
			continue;
		if (bu_grow(&a->v, a->n, &a->cap, sizeof(*a->v)))
			return -ENOMEM;
		a->v[a->n++] = word;
	}
	return 0;
}

static int read_pages(int fd, uint64_t from, uint32_t page_bytes, struct addresses *ret)
{
	_cleanup_free_ char *page = malloc(page_bytes);
	int rc = page ? 0 : -ENOMEM;
	struct bu_ring_event ev;

	for (; !rc && ret->n < MAX_ADDRESSES && pread(fd, page, page_bytes, (off_t)from) == (ssize_t)page_bytes;
	     from += page_bytes) {
		struct bu_ring_page p = { .missed = 0 };

		if (!bu_ring_page_sound(page, page_bytes))
			continue;
		bu_ring_page_open(&p, &bu_ring_native, page, page_bytes);
		while (!rc && bu_ring_page_next(&p, &bu_ring_native, &ev) > 0)
			rc = collect(ret, &ev);
	}
	return rc;
}

static int read_symbols(const char *text, size_t len, struct addresses *ret)
{
	const char *end = text + len, *line;
	uint64_t address;

	for (line = text; line < end; line = memchr(line, '\n', (size_t)(end - line)), line = line ? line + 1 : end) {
		address = strtoull(line, NULL, 16);
		if (address < LOW || address >= HIGH)
			continue;
		if (bu_grow(&ret->v, ret->n, &ret->cap, sizeof(*ret->v)))
			return -ENOMEM;
		ret->v[ret->n++] = address;
	}
	if (ret->n)
		qsort(ret->v, ret->n, sizeof(*ret->v), by_offset);
	return 0;
}

/* One vote for each shift that makes @address a symbol of @sorted. */
static void vote(const struct addresses *sorted, uint64_t address, unsigned int votes[2 * SHIFTS])
{
	size_t low = 0, high = sorted->n, middle;
	int64_t shift, last = INT64_MIN;

	while (low < high) {
		middle = (low + high) / 2;
		if (offset_of(sorted->v[middle]) < offset_of(address))
			low = middle + 1;
		else
			high = middle;
	}
	for (; low < sorted->n && offset_of(sorted->v[low]) == offset_of(address); low++) {
		shift = (int64_t)(sorted->v[low] - address) >> ALIGN_BITS;
		if (shift != last)	/* names of one address stand side by side */
			votes[shift + SHIFTS]++;
		last = shift;
	}
}

int bu_kernel_shift_find(const char *path, uint64_t from, uint32_t page_bytes, const char *kallsyms, size_t len,
			 int64_t *ret, struct bu_err *err)
{
	struct addresses seen = { .n = 0 }, symbols = { .n = 0 };
	unsigned int votes[2 * SHIFTS] = { 0 }, second = 0;
	int fd = open(path, O_RDONLY | O_CLOEXEC), rc, best = 0, i;
	size_t a;

	if (fd < 0)
		return bu_fail_errno(err, -errno, "%s", path);
	rc = read_pages(fd, from, page_bytes, &seen);
	close(fd);
	if (!rc)
		rc = read_symbols(kallsyms, len, &symbols);
	for (a = 0; !rc && a < seen.n; a++)
		vote(&symbols, seen.v[a], votes);
	for (i = 1; i < 2 * SHIFTS; i++)
		if (votes[i] > votes[best])
			best = i;
	for (i = 0; i < 2 * SHIFTS; i++)
		if (i != best && votes[i] > second)
			second = votes[i];
	if (!rc && votes[best] >= FEW && votes[best] > 2 * second && 2 * votes[best] > seen.n) {
		*ret = (int64_t)(best - SHIFTS) * (INT64_C(1) << ALIGN_BITS);
		rc = 1;
	}
	free(seen.v);
	free(symbols.v);
	return rc < 0 ? bu_fail_errno(err, rc, "%s", path) : rc;
}
