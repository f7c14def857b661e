// SPDX-License-Identifier: GPL-2.0-only
/*
 * redact_json.c - the fields of an event that has no table of its own (redact_int.h).
 *
 * A number is an address where it lies in the kernel's half, where its field is called like one, or where it lies in
 * the places that x86-64 gives to programs, their libraries and stacks; fields that are times are none. A text stays
 * where its field names code and it is a symbol, where it is the name of a kernel thread, or a level of initcalls.
 *
 * An event that was read from text has all it says in one field, "text". What stands there as key=value or "key: value" becomes a
 * field each, so that the numbers live on; the rest goes.
 */
#include <ctype.h>
#include <errno.h>
#include <inttypes.h>
#include <jansson.h>
#include <stdlib.h>
#include <string.h>

#include "collector/redact_int.h"

static bool is_one_of(const char *name, const char *const *names, size_t n)
{
	size_t i;

	for (i = 0; i < n; i++)
		if (!strcmp(name, names[i]))
			return true;
	return false;
}

static bool is_time_field(const char *name)
{
	static const char *const names[] = { "expires", "now", "softexpires", "timestamp", "ts", "time", "runtime",
					     "vruntime", "delay", "duration", "period", "latency", "clock", "wall" };

	return is_one_of(name, names, ARRAY_SIZE(names));
}

static bool is_address_field(const char *name)
{
	static const char *const names[] = { "address", "addr", "vaddr", "ip", "ptr", "start", "end", "vm_start", "vm_end",
					     "caller", "caller_ip", "parent_ip", "call_site", "callsite", "func", "function",
					     "timer", "hrtimer", "work", "lock", "csd", "skbaddr", "page", "mm", "task",
					     "cr2", "cr3", "pgd", "base", "brk", "sp", "va", "va_start", "vstart",
					     "vend", "base_addr" };

	return is_one_of(name, names, ARRAY_SIZE(names));
}

/* User addresses of x86-64: position-independent programs, and what mmap() and the stack get (fs/binfmt_elf.c,
 * arch/x86/mm/mmap.c, 6.12). */
static bool is_user_place(int64_t v)
{
	return v >= INT64_C(0x550000000000) && v < INT64_C(0x800000000000);
}

static bool is_address(const char *field, int64_t v)
{
	if (is_time_field(field))
		return false;
	return bu_is_kernel_address(v) || (is_address_field(field) && (v < 0 || v >= 4096)) || is_user_place(v);
}

static bool is_comm_field(const char *field)
{
	size_t n = strlen(field);

	return n >= 4 && !strcmp(field + n - 4, "comm");
}

static bool is_code_field(const char *field)
{
	static const char *const names[] = { "func", "function", "ip", "parent_ip", "caller", "caller_ip", "call_site",
					     "callsite", "fn", "callback", "handler" };

	return is_one_of(field, names, ARRAY_SIZE(names));
}

static bool text_stays(struct bu_rules *r, const char *field, const char *text)
{
	static const char *const levels[] = { "console", "security", "early", "pure", "core", "postcore", "arch", "subsys",
					      "fs", "rootfs", "device", "late" };

	if (is_comm_field(field))
		return bu_comm_is_kernel(r, text);
	if (is_code_field(field))
		return bu_shape_is(r, BU_SHAPE_SYMBOL, text);
	return !strcmp(field, "level") && is_one_of(text, levels, ARRAY_SIZE(levels));
}

static json_t *redacted(struct bu_rules *r, const char *field, json_t *v)
{
	_cleanup_free_ char *text = NULL;
	int64_t n = json_integer_value(v);

	if (json_is_integer(v))
		return is_address(field, n) ? json_integer((json_int_t)bu_address_map(&r->addresses, (uint64_t)n)) : json_incref(v);
	if (json_is_string(v)) {
		if (text_stays(r, field, json_string_value(v)))
			return json_incref(v);
		if (is_comm_field(field)) {
			if (bu_rules_apply(r, BU_RULE_COMM, NULL, json_string_value(v), &text))
				return NULL;
			return json_string(text);
		}
		n = bu_dict_id(&r->texts, json_string_value(v), 0);
		return n ? json_sprintf("text%" PRId64, n) : NULL;
	}
	if (json_is_array(v) || json_is_object(v))
		return json_array();
	return json_incref(v);
}

/* The number that all of @word is, two's complement; base_addr is a pointer, printed without 0x. */
static bool number_of(const char *key, const char *word, int64_t *ret)
{
	char *end;

	errno = 0;
	*ret = *word == '-' ? strtoll(word, &end, 10) : (int64_t)strtoull(word, &end, !strcmp(key, "base_addr") ? 16 : 0);
	return end > word && !*end && !errno;
}

static int add_pair(json_t *fields, const char *key, const char *word)
{
	int64_t n;

	return json_object_set_new(fields, key, number_of(key, word, &n) ? json_integer(n) : json_string(word));
}

/* The pairs of @text; NULL: there is none, or no memory. */
static json_t *pairs_of(const char *text)
{
	char *copy = strdup(text), *word, *save = NULL, *key = NULL, *value;
	json_t *fields = json_object();
	int rc = copy && fields ? 0 : -1;

	for (word = copy ? strtok_r(copy, " ", &save) : NULL; !rc && word; word = strtok_r(NULL, " ", &save)) {
		if (key)	/* "key:" was the word before */
			rc = add_pair(fields, key, word);
		key = NULL;
		value = strchr(word, '=');
		if (value) {
			*value++ = 0;
			rc = rc ? rc : add_pair(fields, word, value);
		} else if (word[strlen(word) - 1] == ':') {
			word[strlen(word) - 1] = 0;
			key = word;
		}
	}
	free(copy);
	if (!rc && json_object_size(fields))
		return fields;
	json_decref(fields);
	return NULL;
}

/* The fields as they are to be redacted; NULL: these are none. */
static json_t *load_fields(const char *text)
{
	json_t *in = json_loads(text, JSON_REJECT_DUPLICATES, NULL), *pairs = NULL;
	const char *all = json_string_value(json_object_get(in, "text"));

	if (all && json_object_size(in) == 1)
		pairs = pairs_of(all);
	if (!pairs)
		return in;
	json_decref(in);
	return pairs;
}

int bu_redact_fields(struct bu_rules *r, const char *text, char **ret)
{
	json_t *in = load_fields(text), *out = json_object(), *v;
	const char *field;
	int rc = out ? 0 : -ENOMEM;

	if (json_is_object(in))
		json_object_foreach(in, field, v)
			if (!rc && (!bu_shape_is(r, BU_SHAPE_IDENT, field) || json_object_set_new(out, field, redacted(r, field, v))))
				rc = bu_shape_is(r, BU_SHAPE_IDENT, field) ? -ENOMEM : 0;
	if (!rc)
		*ret = json_dumps(out, JSON_COMPACT);
	json_decref(in);
	json_decref(out);
	return rc ? rc : *ret ? 0 : -ENOMEM;
}

bool bu_redact_fields_allow(struct bu_rules *r, const char *text)
{
	json_t *in = json_loads(text, JSON_REJECT_DUPLICATES, NULL), *v;
	const char *field, *s;
	bool good = json_is_object(in);

	if (good)
		json_object_foreach(in, field, v) {
			s = json_string_value(v);
			good = good && bu_shape_is(r, BU_SHAPE_IDENT, field) &&
			       (s ? text_stays(r, field, s) || bu_shape_is(r, BU_SHAPE_NUMBERED, s) :
				json_is_integer(v) ? !bu_is_kernel_address(json_integer_value(v)) :
				json_is_null(v) || json_is_boolean(v) || json_is_real(v) ||
				(json_is_array(v) && !json_array_size(v)));
		}
	json_decref(in);
	return good;
}

int bu_redact_fields_collect(struct bu_rules *r, const char *text)
{
	json_t *in = load_fields(text), *v;
	const char *field;
	int rc = 0;

	if (json_is_object(in))
		json_object_foreach(in, field, v)
			if (!rc && json_is_integer(v) && is_address(field, json_integer_value(v)))
				rc = bu_address_add(&r->addresses, (uint64_t)json_integer_value(v));
	json_decref(in);
	return rc;
}
