// SPDX-License-Identifier: GPL-2.0-only
/*
 * btree.c - see btree.h.
 *
 * A page has its header, then the places of its cells in order of the keys, then room, then the cells, which are added
 * from the end. An inner cell leads to the page with the keys up to its own (of a table) or below it (of an index, where
 * the key in the inner cell is one that no leaf has); the last child of an inner page stands in its header.
 */
#include "schemas/store/btree.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define OUT_PAGES 64		/* written at once */
#define LOCK_BYTE 0x40000000	/* the page with this byte is never used */
#define LEAF_HEADER 8
#define INNER_HEADER 12
#define MAX_INNER_KEY 32	/* bytes of a key in an inner page: of our indexes, three numbers at most */

/* Places in the header of the file. */
enum { PAGE_BYTES_AT = 16, RESERVED_AT = 20, CHANGES_AT = 24, PAGES_AT = 28, AUTOVACUUM_AT = 52, VALID_FOR_AT = 92,
       FILE_HEADER = 100 };

static void put2(unsigned char *to, size_t v)
{
	to[0] = (unsigned char)(v >> 8);
	to[1] = (unsigned char)v;
}

static void put4(unsigned char *to, uint32_t v)
{
	put2(to, v >> 16);
	put2(to + 2, v & 0xffff);
}

static uint32_t get4(const unsigned char *from)
{
	return (uint32_t)from[0] << 24 | (uint32_t)from[1] << 16 | (uint32_t)from[2] << 8 | from[3];
}

/* ---- pages ------------------------------------------------------------------------------------------------------- */

int bu_pages_open(struct bu_pages *p, const char *path, struct bu_err *err)
{
	unsigned char head[FILE_HEADER];

	*p = (struct bu_pages){ .path = path, .fd = open(path, O_RDWR | O_CLOEXEC) };
	if (p->fd < 0)
		return bu_fail_errno(err, -errno, "%s: open", path);
	if (pread(p->fd, head, sizeof(head), 0) != (ssize_t)sizeof(head))
		return bu_fail_errno(err, -EIO, "%s: read", path);
	p->page_bytes = (uint32_t)head[PAGE_BYTES_AT] << 8 | head[PAGE_BYTES_AT + 1];
	if (p->page_bytes < 512 || get4(head + AUTOVACUUM_AT))
		return bu_fail_errno(err, -EINVAL, "%s: fill", path);
	p->usable = p->page_bytes - head[RESERVED_AT];
	p->next = get4(head + PAGES_AT) + 1;
	p->out = malloc((size_t)OUT_PAGES * p->page_bytes);
	return p->out ? 0 : bu_fail_errno(err, -ENOMEM, "%s", path);
}

void bu_pages_close(struct bu_pages *p)
{
	if (p->fd >= 0)
		close(p->fd);
	free(p->out);
	*p = (struct bu_pages){ .fd = -1 };
}

static int write_at(const struct bu_pages *p, const unsigned char *bytes, size_t len, off_t at, struct bu_err *err)
{
	ssize_t n;

	for (; len; bytes += n, at += n, len -= (size_t)n) {
		n = pwrite(p->fd, bytes, len, at);
		if (n < 0 && errno == EINTR)
			n = 0;
		if (n < 0 && errno == ENOSPC)
			return bu_fail(err, -ENOSPC, "%s: the disk is full (free some space and run it again; nothing was left "
				       "under the final name)", p->path);
		if (n < 0)
			return bu_fail_errno(err, -errno, "%s: write", p->path);
	}
	return 0;
}

static int flush(struct bu_pages *p, struct bu_err *err)
{
	size_t len = p->n_out * p->page_bytes;
	off_t at = (off_t)(p->next - 1) * p->page_bytes - (off_t)len;
	int rc = write_at(p, p->out, len, at, err);

	p->n_out = 0;
	/* The disk starts now, while events go on coming: the fsync() at the end then finds little to wait for. Only a hint. */
	if (!rc)
		sync_file_range(p->fd, at, (off_t)len, SYNC_FILE_RANGE_WRITE);
	return rc;
}

static uint32_t lock_page(const struct bu_pages *p)
{
	return LOCK_BYTE / p->page_bytes + 1;
}

uint32_t bu_pages_after(const struct bu_pages *p, uint32_t n)
{
	return n + 1 == lock_page(p) ? n + 2 : n + 1;
}

static int append_one(struct bu_pages *p, const unsigned char *bytes, struct bu_err *err)
{
	int rc = p->n_out == OUT_PAGES ? flush(p, err) : 0;

	if (rc)
		return rc;
	memcpy(p->out + p->n_out++ * p->page_bytes, bytes, p->page_bytes);
	p->next++;
	return 0;
}

int bu_pages_append(struct bu_pages *p, const unsigned char *bytes, uint32_t *ret, struct bu_err *err)
{
	int rc = p->next == lock_page(p) ? append_one(p, bytes, err) : 0;	/* its content does not matter */

	*ret = p->next;
	return rc ? rc : append_one(p, bytes, err);
}

int bu_pages_finish(struct bu_pages *p, struct bu_err *err)
{
	unsigned char head[FILE_HEADER];
	int rc = flush(p, err);

	if (rc)
		return rc;
	if (pread(p->fd, head, sizeof(head), 0) != (ssize_t)sizeof(head))
		return bu_fail_errno(err, -EIO, "%s: read", p->path);
	put4(head + CHANGES_AT, get4(head + CHANGES_AT) + 1);
	memcpy(head + VALID_FOR_AT, head + CHANGES_AT, 4);	/* or the number of pages would not count */
	put4(head + PAGES_AT, p->next - 1);
	return write_at(p, head, sizeof(head), 0, err);
}

/* ---- one page of a tree -------------------------------------------------------------------------------------------- */

static size_t header_of(int level)
{
	return level ? INNER_HEADER : LEAF_HEADER;
}

static int start_page(struct bu_tree *t, int level, struct bu_err *err)
{
	static const unsigned char kinds[2][2] = { [BU_TREE_TABLE] = { 13, 5 }, [BU_TREE_INDEX] = { 10, 2 } };
	struct bu_tree_page *g = &t->level[level];

	if (!g->bytes)
		g->bytes = malloc(t->pages->page_bytes);
	if (!g->bytes)
		return bu_fail_errno(err, -ENOMEM, "%s", t->pages->path);
	memset(g->bytes, 0, t->pages->page_bytes);
	g->bytes[0] = kinds[t->kind][level > 0];
	g->n = 0;
	g->content = t->pages->usable;
	return 0;
}

static bool has_room(const struct bu_tree *t, int level, size_t len)
{
	const struct bu_tree_page *g = &t->level[level];

	return header_of(level) + 2 * (g->n + 1) + len <= g->content;
}

static void add_cell(struct bu_tree *t, int level, const unsigned char *cell, size_t len)
{
	struct bu_tree_page *g = &t->level[level];

	g->content -= len;
	memcpy(g->bytes + g->content, cell, len);
	put2(g->bytes + header_of(level) + 2 * g->n++, g->content);
	g->last_len = len;
}

/* Takes the cell added last off again. Return: it, until the next one is added. */
static const unsigned char *take_last(struct bu_tree *t, int level)
{
	struct bu_tree_page *g = &t->level[level];
	const unsigned char *cell = g->bytes + g->content;

	put2(g->bytes + header_of(level) + 2 * --g->n, 0);
	g->content += g->last_len;
	return cell;
}

/* The page is complete but for @right, the last child of an inner one. */
static void seal(struct bu_tree *t, int level, uint32_t right)
{
	struct bu_tree_page *g = &t->level[level];

	put2(g->bytes + 3, g->n);
	put2(g->bytes + 5, g->content);
	if (level)
		put4(g->bytes + 8, right);
}

/* ---- the tree -------------------------------------------------------------------------------------------------------- */

/*
 * Puts a page that is complete under its parent. @key: what follows the child's number in the parent's cell. A full
 * parent gives its last cell away: the child becomes its last, the key goes to the grandparent.
 */
static int add_child(struct bu_tree *t, int level, uint32_t child, const unsigned char *key, size_t len, struct bu_err *err)
{
	unsigned char cell[4 + MAX_INNER_KEY], up[4 + MAX_INNER_KEY];
	uint32_t number = 0;
	size_t up_len;
	int rc = 0;

	if (level == BU_TREE_LEVELS || len > MAX_INNER_KEY)
		return bu_fail_errno(err, -EFBIG, "%s", t->pages->path);
	put4(cell, child);
	memcpy(cell + 4, key, len);
	if (!t->level[level].bytes) {
		rc = start_page(t, level, err);
	} else if (!has_room(t, level, 4 + len)) {
		up_len = t->level[level].last_len;
		memcpy(up, take_last(t, level), up_len);
		seal(t, level, get4(up));
		rc = bu_pages_append(t->pages, t->level[level].bytes, &number, err);
		if (!rc)
			rc = add_child(t, level + 1, number, up + 4, up_len - 4, err);
		if (!rc)
			rc = start_page(t, level, err);
	}
	if (!rc)
		add_cell(t, level, cell, 4 + len);
	return rc;
}

int bu_tree_add_row(struct bu_tree *t, int64_t rowid, const unsigned char *cell, size_t len, struct bu_err *err)
{
	unsigned char key[BU_VARINT_BYTES] = { 0 };
	uint32_t number = 0;
	size_t n;
	int rc = 0;

	if (!t->level[0].bytes) {
		rc = start_page(t, 0, err);
	} else if (!has_room(t, 0, len)) {
		seal(t, 0, 0);
		n = bu_varint_put(key, (uint64_t)t->last_rowid);
		rc = bu_pages_append(t->pages, t->level[0].bytes, &number, err);
		if (!rc)
			rc = add_child(t, 1, number, key, n, err);
		if (!rc)
			rc = start_page(t, 0, err);
	}
	if (rc)
		return rc;
	add_cell(t, 0, cell, len);
	t->last_rowid = rowid;
	return 0;
}

int bu_tree_add_key(struct bu_tree *t, const unsigned char *cell, size_t len, struct bu_err *err)
{
	const unsigned char *up;
	uint32_t number = 0;
	int rc = 0;

	if (!t->level[0].bytes) {
		rc = start_page(t, 0, err);
	} else if (!has_room(t, 0, len)) {
		up = take_last(t, 0);	/* stays where it is until the page is started anew */
		seal(t, 0, 0);
		rc = bu_pages_append(t->pages, t->level[0].bytes, &number, err);
		if (!rc)
			rc = add_child(t, 1, number, up, t->level[0].last_len, err);
		if (!rc)
			rc = start_page(t, 0, err);
	}
	if (!rc)
		add_cell(t, 0, cell, len);
	return rc;
}

int bu_tree_finish(struct bu_tree *t, struct bu_err *err)
{
	uint32_t child = 0;
	int level, rc = 0;

	for (level = 0; !rc && t->level[level].bytes; level++) {
		seal(t, level, child);
		if (level + 1 == BU_TREE_LEVELS || !t->level[level + 1].bytes)
			return write_at(t->pages, t->level[level].bytes, t->pages->page_bytes,
					(off_t)(t->root - 1) * t->pages->page_bytes, err);
		rc = bu_pages_append(t->pages, t->level[level].bytes, &child, err);
	}
	return rc;
}

void bu_tree_fini(struct bu_tree *t)
{
	int i;

	for (i = 0; i < BU_TREE_LEVELS; i++)
		free(t->level[i].bytes);
	*t = (struct bu_tree){ .kind = t->kind };
}
