/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * btree.h - b-trees written from below, page after page, into the file of a database that nobody has open.
 *
 * Under load.c, which says when that may be done. Rows that come in ascending order need no search and no split: a page
 * is filled, written behind all others, and its last key goes to the page above. Each page is written once. Written
 * from the description of the format, sqlite.org/fileformat2.html, sections 1.3 (the header), 1.5 (the lock-byte page)
 * and 1.6 (b-tree pages), which is the same for every SQLite 3.
 */
#ifndef BU_SCHEMAS_STORE_BTREE_H
#define BU_SCHEMAS_STORE_BTREE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "schemas/base/err.h"

#define BU_VARINT_BYTES 9
#define BU_TREE_LEVELS 16	/* 8 KiB pages hold hundreds of children: enough for any file */

/* The end of a file, to which pages are added. */
struct bu_pages {
	const char *path;	/* borrowed, for messages */
	int fd;
	uint32_t page_bytes, usable;
	uint32_t next;		/* number of the next page, from 1 */
	unsigned char *out;	/* pages that wait to be written, the last before @next */
	size_t n_out;
};

enum bu_tree_kind { BU_TREE_TABLE, BU_TREE_INDEX };

struct bu_tree_page {
	unsigned char *bytes;	/* NULL: not used yet */
	size_t n, content;	/* cells; where their content begins */
	size_t last_len;	/* bytes of the cell added last */
};

struct bu_tree {
	struct bu_pages *pages;	/* borrowed */
	enum bu_tree_kind kind;
	uint32_t root;		/* page that the schema names, empty so far */
	int64_t last_rowid;
	struct bu_tree_page level[BU_TREE_LEVELS];	/* the page being filled on each level; 0 has the leaves */
};

/**
 * bu_pages_open() - The database at @path, which is no longer touched by anybody else. @path is borrowed until
 * bu_pages_close(), which has to be called whatever is returned.
 * Return: 0; -errno; -EINVAL for a file with an option that would need more than is written here.
 */
int bu_pages_open(struct bu_pages *p, const char *path, struct bu_err *err);
void bu_pages_close(struct bu_pages *p);

/**
 * bu_pages_append() - Add a page with these bytes. @ret: its number.
 */
int bu_pages_append(struct bu_pages *p, const unsigned char *bytes, uint32_t *ret, struct bu_err *err);

/**
 * bu_pages_after() - The number of the page that is added after page @n.
 */
uint32_t bu_pages_after(const struct bu_pages *p, uint32_t n);

/**
 * bu_pages_finish() - Write what waits, and the number of pages into the file's header.
 */
int bu_pages_finish(struct bu_pages *p, struct bu_err *err);

/**
 * bu_tree_add_row(), bu_tree_add_key() - Add a cell to the leaves of a table or of an index, behind all others.
 * @cell: whole, as it stands in the page; not longer than the format lets it be there.
 * @rowid: of that row; larger than the one before.
 * Return: 0; -ENOMEM; as the system says about writing.
 */
int bu_tree_add_row(struct bu_tree *t, int64_t rowid, const unsigned char *cell, size_t len, struct bu_err *err);
int bu_tree_add_key(struct bu_tree *t, const unsigned char *cell, size_t len, struct bu_err *err);

/**
 * bu_tree_finish() - Write what is still open. A tree without cells stays as it was.
 */
int bu_tree_finish(struct bu_tree *t, struct bu_err *err);
void bu_tree_fini(struct bu_tree *t);

/**
 * bu_varint_put() - SQLite's integer of variable length. @to: BU_VARINT_BYTES. Return: bytes used.
 */
static inline size_t bu_varint_put(unsigned char *to, uint64_t v)
{
	unsigned char back[BU_VARINT_BYTES];
	size_t n = 0, i;

	if (v < 0x80) {
		*to = (unsigned char)v;
		return 1;
	}
	if (v >> 56) {		/* the ninth byte has eight bits */
		to[8] = (unsigned char)v;
		v >>= 8;
		for (i = 8; i-- > 0; v >>= 7)
			to[i] = (unsigned char)((v & 0x7f) | 0x80);
		return 9;
	}
	for (; v; v >>= 7)
		back[n++] = (unsigned char)((v & 0x7f) | 0x80);
	back[0] &= 0x7f;
	for (i = 0; i < n; i++)
		to[i] = back[n - 1 - i];
	return n;
}

#endif
