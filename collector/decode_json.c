// SPDX-License-Identifier: GPL-2.0-only
/*
 * decode_json.c - see decode_int.h.
 *
 * A number stays a number; a text is made printable ASCII; an array of numbers becomes an array, of which the first
 * 64 are kept. A word that is exactly the address of a function, or that a field of a code address holds, becomes
 * its symbol: addresses of code differ from boot to boot and tell where the kernel lies.
 */
#include "collector/decode_int.h"

#include <inttypes.h>
#include <jansson.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "schemas/base/mem.h"

#define MAX_ARRAY 64	/* elements of an array that are kept */
#define MAX_TEXT 4096	/* bytes of a text that are kept */
#define MAX_RAW 256	/* bytes of an unknown record that are kept */

struct bu_json_writer {
	struct tep_handle *tep;
	char *text;
};

struct bu_json_writer *bu_json_writer_create(struct tep_handle *tep)
{
	struct bu_json_writer *w = calloc(1, sizeof(*w));

	if (w)
		w->tep = tep;
	return w;
}

void bu_json_writer_destroy(struct bu_json_writer *w)
{
	if (w)
		free(w->text);
	free(w);
}

static json_t *text_value(const char *from, size_t len)
{
	char text[MAX_TEXT];
	size_t i;

	if (len > sizeof(text))
		len = sizeof(text);
	for (i = 0; i < len && from[i]; i++)
		text[i] = (from[i] >= ' ' && from[i] <= '~') || from[i] == '\n' || from[i] == '\t' ? from[i] : '?';
	return json_stringn(text, i);
}

static json_t *hex_value(const unsigned char *from, size_t len)
{
	char text[2 * MAX_RAW + 1] = "";
	size_t i;

	if (len > MAX_RAW)
		len = MAX_RAW;
	for (i = 0; i < len; i++)
		snprintf(text + 2 * i, 3, "%02x", from[i]);
	return json_stringn(text, 2 * len);
}

/* Fields that by their name hold some place in code, rather than the beginning of a function. */
static bool is_code_place(const char *name)
{
	static const char *const names[] = { "ip", "parent_ip", "caller", "caller_ip", "call_site", "callsite" };
	size_t i;

	for (i = 0; i < ARRAY_SIZE(names); i++)
		if (!strcmp(name, names[i]))
			return true;
	return false;
}

static json_t *number_value(struct bu_json_writer *w, const struct tep_format_field *f, const void *p, int size)
{
	uint64_t v = tep_read_number(w->tep, p, size);
	const char *symbol;

	if (size == tep_get_long_size(w->tep) && size > 1 && !(f->flags & TEP_FIELD_IS_SIGNED)) {
		symbol = v ? tep_find_function(w->tep, v) : NULL;
		if (symbol && (is_code_place(f->name) || tep_find_function_address(w->tep, v) == v))
			return json_string(symbol);
	}
	if (f->flags & TEP_FIELD_IS_SIGNED) {
		switch (size) {
		case 1: return json_integer((int8_t)v);
		case 2: return json_integer((int16_t)v);
		case 4: return json_integer((int32_t)v);
		}
	}
	return json_integer((json_int_t)v);
}

static json_t *array_value(struct bu_json_writer *w, const struct tep_format_field *f, const char *p, int len)
{
	int each = (int)f->elementsize, i;
	json_t *a;

	if (each != 1 && each != 2 && each != 4 && each != 8)
		return hex_value((const unsigned char *)p, (size_t)len);
	a = json_array();
	for (i = 0; i < len / each && i < MAX_ARRAY; i++)
		json_array_append_new(a, number_value(w, f, p + i * each, each));
	return a;
}

static json_t *field_value(struct bu_json_writer *w, const struct tep_format_field *f, const struct bu_ring_event *r)
{
	int offset = f->offset, len = f->size, bytes = (int)r->bytes;
	const char *data = (const char *)r->data;
	uint64_t where;

	if (offset < 0 || len < 0 || offset > bytes || len > bytes - offset)
		return json_null();
	if (f->flags & TEP_FIELD_IS_DYNAMIC) {
		/* __data_loc: length << 16 | offset; __rel_loc counts from behind itself. */
		if (len != 4)
			return json_null();
		where = tep_read_number(w->tep, data + offset, 4);
		offset = (int)(where & 0xffff) + (f->flags & TEP_FIELD_IS_RELATIVE ? offset + 4 : 0);
		len = (int)(where >> 16);
		if (offset > bytes || len > bytes - offset)
			return json_null();
	} else if (!len) {	/* a trailing array: the rest of the record */
		len = bytes - offset;
	}
	if (f->flags & TEP_FIELD_IS_STRING || (f->flags & TEP_FIELD_IS_ARRAY && !strncmp(f->type, "char", 4)))
		return text_value(data + offset, (size_t)len);
	if (f->flags & TEP_FIELD_IS_ARRAY)
		return array_value(w, f, data + offset, len);
	if (len == 1 || len == 2 || len == 4 || len == 8)
		return number_value(w, f, data + offset, len);
	return hex_value((const unsigned char *)data + offset, (size_t)len);
}

const char *bu_json_record(struct bu_json_writer *w, const struct tep_event *event,
			   const struct bu_ring_event *record)
{
	const struct tep_format_field *f;
	json_t *o = json_object();

	free(w->text);
	w->text = NULL;
	if (event)
		for (f = event->format.fields; f; f = f->next)
			json_object_set_new(o, f->name, field_value(w, f, record));
	else
		json_object_set_new(o, "raw", hex_value(record->data, record->bytes));
	w->text = json_dumps(o, JSON_COMPACT);
	json_decref(o);
	return w->text;
}
