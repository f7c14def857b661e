// SPDX-License-Identifier: GPL-2.0-only
/* gaps.c - see gaps.h; sqlite.org/fileformat2.html, 1.6. */
#include "schemas/store/gaps.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "schemas/base/mem.h"

#define FILE_HEADER 100		/* on page 1, before that of the page */

/* First bytes of b-tree pages. Others begin with the number of a page, so with 0 below 2^24 pages. */
enum { INNER_INDEX = 2, INNER_TABLE = 5, LEAF_INDEX = 10, LEAF_TABLE = 13 };

static size_t get2(const unsigned char *p)
{
	return (size_t)p[0] << 8 | p[1];
}

bool bu_page_gaps(unsigned char *page, size_t size, int64_t number, bool (*look)(unsigned char *bytes, size_t n))
{
	const size_t head = number == 1 ? FILE_HEADER : 0;
	const unsigned char *h = page + head;
	size_t cells_end, content = get2(h + 5), block, next, len;

	if (*h != INNER_INDEX && *h != INNER_TABLE && *h != LEAF_INDEX && *h != LEAF_TABLE)
		return false;
	content = content ? content : 65536;
	cells_end = head + (*h == INNER_INDEX || *h == INNER_TABLE ? 12 : 8) + 2 * get2(h + 3);
	if (content > size || content < cells_end)
		return true;
	if (look(page + cells_end, content - cells_end))
		return true;
	for (block = get2(h + 1); block; block = next) {
		if (block + 4 > size)
			return true;
		next = get2(page + block);
		len = get2(page + block + 2);
		if (len < 4 || block + len > size || (next && next < block + len))
			return true;
		if (look(page + block + 4, len - 4))
			return true;
	}
	return false;
}

static bool clear(unsigned char *bytes, size_t n)
{
	memset(bytes, 0, n);
	return false;
}

int bu_clear_gaps(const char *path, size_t page_bytes, struct bu_err *err)
{
	_cleanup_free_ unsigned char *page = malloc(page_bytes);
	int64_t number = 0;
	ssize_t n;
	off_t at;
	int rc = 0, fd = open(path, O_RDWR | O_CLOEXEC);

	if (fd < 0 || !page) {
		rc = bu_fail_errno(err, page ? -errno : -ENOMEM, "%s", path);
		if (fd >= 0)
			close(fd);
		return rc;
	}
	while (!rc && (n = pread(fd, page, page_bytes, at = (off_t)number * (off_t)page_bytes)) > 0) {
		if ((size_t)n != page_bytes || bu_page_gaps(page, page_bytes, ++number, clear))
			rc = bu_fail(err, -EILSEQ, "%s: page %" PRId64 " makes no sense", path, number);
		else if (pwrite(fd, page, page_bytes, at) != n)
			rc = bu_fail_errno(err, -errno, "%s: write", path);
	}
	if (!rc && n < 0)
		rc = bu_fail_errno(err, -errno, "%s: read", path);
	if (close(fd) && !rc)
		rc = bu_fail_errno(err, -errno, "%s: close", path);
	return rc;
}
