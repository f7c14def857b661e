// SPDX-License-Identifier: GPL-2.0-only
/*
 * load.c - see load.h. Rows as SQLite's record format has them (sqlite.org/fileformat2.html, section 2.1), into b-trees
 * (btree.h); what an index holds is kept in memory, some two bytes a row, until all rows are in.
 */
#include "schemas/store/load.h"

#include <endian.h>
#include <errno.h>
#include <stdbool.h>
#include <string.h>

#include "schemas/base/mem.h"
#include "schemas/base/ns.h"
#include "schemas/store/btree.h"
#include "schemas/store/db_int.h"

#define CHUNK_BYTES 119		/* with the rest of it, 128 */

/* Rowids of one key of an index, each as its distance from the one before. */
struct chunk {
	struct chunk *next;
	uint8_t n;
	unsigned char bytes[CHUNK_BYTES];
};

struct key {
	struct chunk *first, *last;
	int64_t last_id;
};

struct table {
	char *name, *types;
	int64_t n_rows;
	int n_columns, index_column;	/* -1: no index */
	bool has_text, index_with_id, index_has_null;	/* index_has_null: as number 0 */
	struct bu_tree rows, index;
	struct key *keys;		/* by number */
	size_t n_keys, cap_keys;
	union bu_cell cells[BU_FEED_COLUMNS];
};

struct bu_load {
	struct bu_db *db;
	struct bu_pages pages;
	struct table *tables;
	size_t n_tables;
	struct bu_arena chunks;
	unsigned char *record, *overflow;	/* overflow: one page */
	size_t cap_record;
};

/* ---- records ------------------------------------------------------------------------------------------------------- */

/* The bytes of an integer, as few as hold it. @ret_type: how a record says that. Return: how many. */
static inline size_t put_integer(unsigned char *to, int64_t v, unsigned char *ret_type)
{
	static const unsigned char types[] = { 0, 1, 2, 3, 4, 5, 5, 6, 6 };
	uint64_t magnitude = (uint64_t)(v < 0 ? ~v : v), ordered;
	size_t n;

	if (magnitude <= 1 && v >= 0) {
		*ret_type = (unsigned char)(8 + v);
		return 0;
	}
	n = magnitude ? (size_t)(72 - __builtin_clzll(magnitude)) / 8 : 1;
	n += n == 5 || n == 7;		/* there are none of these */
	*ret_type = types[n];
	ordered = htobe64((uint64_t)v << (64 - 8 * n));
	memcpy(to, &ordered, sizeof(ordered));
	return n;
}

static const char *text_of(const struct table *t, int column)
{
	return t->types[column] == 't' || t->types[column] == 's' ? t->cells[column].text : NULL;
}

/* What comes before the values: length, rowid, and the record's own header. */
#define HEAD_BYTES (2 * BU_VARINT_BYTES + 1 + BU_FEED_COLUMNS * BU_VARINT_BYTES)

/* Makes room for the record of the row in @t. */
static int make_room(struct bu_load *load, const struct table *t, struct bu_err *err)
{
	size_t need = HEAD_BYTES + (size_t)t->n_columns * sizeof(int64_t) + sizeof(uint32_t);
	unsigned char *p;
	int i;

	for (i = 0; t->has_text && i < t->n_columns; i++)
		need += text_of(t, i) ? strlen(text_of(t, i)) : 0;
	if (need <= load->cap_record)
		return 0;
	p = realloc(load->record, 2 * need);
	if (!p)
		return bu_fail_errno(err, -ENOMEM, "write");
	load->record = p;
	load->cap_record = 2 * need;
	return 0;
}

/*
 * A record that is too long for a page: its end goes to pages of its own, each naming the next. @payload: the whole.
 * Return: 0 with @ret_local the bytes that stay, the number of the first such page behind them.
 */
static int put_overflow(struct bu_load *load, unsigned char *payload, size_t len, size_t *ret_local, struct bu_err *err)
{
	const size_t usable = load->pages.usable, room = usable - 4, least = (usable - 12) * 32 / 255 - 23;
	size_t local = least + (len - least) % room, at, n;
	uint32_t first = htobe32(bu_pages_after(&load->pages, load->pages.next - 1)), number, next;
	int rc = 0;

	if (local > usable - 35)
		local = least;
	for (at = local; !rc && at < len; at += n) {
		n = len - at < room ? len - at : room;
		number = bu_pages_after(&load->pages, load->pages.next - 1);
		next = at + n < len ? htobe32(bu_pages_after(&load->pages, number)) : 0;
		memset(load->overflow, 0, load->pages.page_bytes);
		memcpy(load->overflow, &next, sizeof(next));
		memcpy(load->overflow + sizeof(next), payload + at, n);
		rc = bu_pages_append(&load->pages, load->overflow, &number, err);
	}
	memcpy(payload + local, &first, sizeof(first));
	*ret_local = local + sizeof(first);
	return rc;
}

static int put_row(struct bu_load *load, struct table *t, struct bu_err *err)
{
	unsigned char head[HEAD_BYTES], *body = load->record + HEAD_BYTES, *payload, *cell;
	size_t n_head = 2, n = 0, len, local;
	const char *text;
	int i, rc = 0;

	head[1] = 0;		/* the rowid stands for the first column */
	for (i = 1; i < t->n_columns; i++) {
		text = text_of(t, i);
		if (text) {
			len = strlen(text);
			n_head += bu_varint_put(head + n_head, 13 + 2 * (uint64_t)len);
			memcpy(body + n, text, len);
			n += len;
		} else if (t->types[i] == 'i' || (t->types[i] == 'n' && t->cells[i].i != BU_NS_UNKNOWN)) {
			n += put_integer(body + n, t->cells[i].i, &head[n_head++]);
		} else {
			head[n_head++] = 0;
		}
	}
	head[0] = (unsigned char)n_head;	/* far below 128: BU_FEED_COLUMNS and SQLite's longest text see to that */
	payload = body - n_head;
	memcpy(payload, head, n_head);
	len = local = n_head + n;
	if (len > load->pages.usable - 35)
		rc = put_overflow(load, payload, len, &local, err);
	if (rc)
		return rc;
	n_head = bu_varint_put(head, len);
	n_head += bu_varint_put(head + n_head, (uint64_t)t->cells[0].i);
	cell = payload - n_head;
	memcpy(cell, head, n_head);
	return bu_tree_add_row(&t->rows, t->cells[0].i, cell, n_head + local, err);
}

/* ---- indexes --------------------------------------------------------------------------------------------------------- */

static int remember(struct bu_load *load, struct table *t, struct bu_err *err)
{
	const int64_t indexed = t->cells[t->index_column].i;
	uint64_t number = t->index_has_null && indexed == BU_NS_UNKNOWN ? 0 : (uint64_t)indexed;
	unsigned char distance[BU_VARINT_BYTES];
	struct chunk *c;
	struct key *k;
	size_t n;

	while (t->n_keys <= number) {
		if (bu_grow(&t->keys, t->n_keys, &t->cap_keys, sizeof(*t->keys)))
			return bu_fail_errno(err, -ENOMEM, "index");
		t->keys[t->n_keys++] = (struct key){ .last_id = 0 };
	}
	k = &t->keys[number];
	n = bu_varint_put(distance, (uint64_t)t->cells[0].i - (uint64_t)k->last_id);
	k->last_id = t->cells[0].i;
	c = k->last;
	if (!c || c->n + n > CHUNK_BYTES) {
		c = bu_arena_alloc(&load->chunks, sizeof(*c));
		if (!c)
			return bu_fail_errno(err, -ENOMEM, "index");
		if (k->last)
			k->last->next = c;
		else
			k->first = c;
		k->last = c;
	}
	memcpy(c->bytes + c->n, distance, n);
	c->n = (uint8_t)(c->n + n);
	return 0;
}

/* Return: bytes used. */
static size_t get_varint(const unsigned char *from, uint64_t *ret)
{
	uint64_t v = 0;
	size_t n;

	for (n = 0; n < 8; n++) {
		v = v << 7 | (from[n] & 0x7f);
		if (!(from[n] & 0x80)) {
			*ret = v;
			return n + 1;
		}
	}
	*ret = v << 8 | from[8];
	return 9;
}

static int put_key(struct table *t, int64_t number, int64_t id, struct bu_err *err)
{
	unsigned char cell[5 + 3 * sizeof(int64_t)], *types = cell + 2;
	const size_t n_types = t->index_with_id ? 3 : 2;
	size_t n = 2 + n_types, i;

	if (t->index_has_null && !number)
		types[0] = 0;
	else
		n += put_integer(cell + n, number, &types[0]);
	for (i = 1; i < n_types; i++)	/* the last one is the rowid, which every index ends with */
		n += put_integer(cell + n, id, &types[i]);
	cell[1] = (unsigned char)(1 + n_types);	/* bytes of the record's header, this one with them */
	cell[0] = (unsigned char)(n - 1);
	return bu_tree_add_key(&t->index, cell, n, err);
}

static int write_index(struct table *t, struct bu_err *err)
{
	const struct chunk *c;
	uint64_t distance = 0;
	size_t number, at;
	int64_t id;
	int rc = 0;

	for (number = 0; !rc && number < t->n_keys; number++)
		for (c = t->keys[number].first, id = 0; !rc && c; c = c->next)
			for (at = 0; !rc && at < c->n; ) {
				at += get_varint(c->bytes + at, &distance);
				id = (int64_t)((uint64_t)id + distance);
				rc = put_key(t, (int64_t)number, id, err);
			}
	return rc ? rc : bu_tree_finish(&t->index, err);
}

/* ---- the whole --------------------------------------------------------------------------------------------------------- */

static int root_of(struct bu_db *db, const char *name, struct bu_tree *tree, struct bu_pages *pages, enum bu_tree_kind kind,
		   struct bu_err *err)
{
	_cleanup_(bu_stmt_closep) struct bu_stmt *st = NULL;
	int rc;

	rc = bu_stmt_prepare(db, "SELECT rootpage FROM sqlite_schema WHERE name = ?", &st, err);
	if (rc)
		return rc;
	bu_stmt_bind_text(st, 1, name);
	rc = bu_stmt_step(st, err);
	if (rc == 0)
		return bu_fail(err, -ENOENT, "%s has no %s", bu_db_path(db), name);
	if (rc < 0)
		return rc;
	*tree = (struct bu_tree){ .pages = pages, .kind = kind, .root = (uint32_t)bu_stmt_i64(st, 0) };
	return 0;
}

static int prepare_table(struct bu_load *load, struct table *t, const struct bu_load_table *from, struct bu_err *err)
{
	int rc;

	t->index_column = from->index ? from->index_column : -1;
	t->index_with_id = from->index_with_id;
	t->index_has_null = from->index && from->types[from->index_column] == 'n';
	t->n_columns = (int)strlen(from->types);
	t->has_text = strpbrk(from->types, "ts") != NULL;
	t->name = strdup(from->name);
	t->types = strdup(from->types);
	if (!t->name || !t->types)
		return bu_fail_errno(err, -ENOMEM, "load of %s", from->name);
	if (t->n_columns > BU_FEED_COLUMNS)
		return bu_fail_errno(err, -EINVAL, "load of %s", from->name);
	rc = root_of(load->db, from->name, &t->rows, &load->pages, BU_TREE_TABLE, err);
	if (!rc && from->index)
		rc = root_of(load->db, from->index, &t->index, &load->pages, BU_TREE_INDEX, err);
	return rc;
}

int bu_load_begin(struct bu_db *db, const struct bu_load_table *tables, size_t n, struct bu_load **ret, struct bu_err *err)
{
	struct bu_load *load = calloc(1, sizeof(*load));
	int rc = 0;

	if (load) {
		load->db = db;
		load->pages.fd = -1;
		load->tables = calloc(n, sizeof(*load->tables));
	}
	if (!load || !load->tables)
		rc = bu_fail_errno(err, -ENOMEM, "load");
	for (; !rc && load->n_tables < n; load->n_tables++)
		rc = prepare_table(load, &load->tables[load->n_tables], &tables[load->n_tables], err);
	if (!rc)
		rc = bu_db_let_go(db, err);
	if (!rc)
		rc = bu_pages_open(&load->pages, db->partial, err);
	if (!rc) {
		load->overflow = malloc(load->pages.page_bytes);
		if (!load->overflow)
			rc = bu_fail_errno(err, -ENOMEM, "load");
	}
	if (rc) {
		bu_load_destroy(load);
		return rc;
	}
	*ret = load;
	return 0;
}

union bu_cell *bu_load_row(struct bu_load *load, size_t table)
{
	return load->tables[table].cells;
}

int bu_load_push(struct bu_load *load, size_t table, struct bu_err *err)
{
	struct table *t = &load->tables[table];
	int rc;

	t->n_rows++;
	rc = make_room(load, t, err);
	if (!rc)
		rc = put_row(load, t, err);
	if (!rc && t->index_column >= 0)
		rc = remember(load, t, err);
	return rc;
}

int bu_load_end(struct bu_load *load, struct bu_err *err)
{
	size_t i;
	int rc = 0;

	for (i = 0; !rc && i < load->n_tables; i++) {
		rc = bu_tree_finish(&load->tables[i].rows, err);
		if (!rc)
			rc = write_index(&load->tables[i], err);
	}
	if (!rc)
		rc = bu_pages_finish(&load->pages, err);
	bu_pages_close(&load->pages);
	if (!rc)
		rc = bu_db_take_up(load->db, err);
	for (i = 0; !rc && i < load->n_tables; i++)
		if (bu_db_counted(load->db, load->tables[i].name, load->tables[i].n_rows))
			rc = bu_fail_errno(err, -ENOMEM, "load");
	return rc;
}

void bu_load_destroy(struct bu_load *load)
{
	size_t i;

	if (!load)
		return;
	for (i = 0; load->tables && i < load->n_tables; i++) {
		bu_tree_fini(&load->tables[i].rows);
		bu_tree_fini(&load->tables[i].index);
		free(load->tables[i].keys);
		free(load->tables[i].name);
		free(load->tables[i].types);
	}
	bu_pages_close(&load->pages);
	bu_arena_fini(&load->chunks);
	free(load->overflow);
	free(load->record);
	free(load->tables);
	free(load);
}
