/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * gaps.h - the bytes of a database file that belong to no row, where SQLite leaves parts of rows that were there before.
 *
 * PRAGMA secure_delete clears rows that are deleted. But a page that is split as a table grows, in VACUUM too, keeps copies of
 * the rows that moved to another one, between its cells.
 */
#ifndef BU_SCHEMAS_STORE_GAPS_H
#define BU_SCHEMAS_STORE_GAPS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "schemas/base/err.h"

/**
 * bu_page_gaps() - Call @look for each stretch of bytes of @page, of @size bytes, that belongs to no cell, and of its free
 * blocks without their first four bytes, until it returns true. Pages that are not of a b-tree have none.
 * @number: of the page, from 1.
 * Return: whether it did, or the free blocks make no sense.
 */
bool bu_page_gaps(unsigned char *page, size_t size, int64_t number, bool (*look)(unsigned char *bytes, size_t n));

/**
 * bu_clear_gaps() - Fill them with zeroes in the whole of the database file @path, which nobody has open for writing.
 * Return: 0; -EILSEQ where a page makes no sense; others of the system.
 */
int bu_clear_gaps(const char *path, size_t page_bytes, struct bu_err *err);

#endif
