// SPDX-License-Identifier: GPL-2.0-only
/*
 * plan_line.c - a kernel command line taken apart the way the kernel does it.
 *
 * Flow: text -> [plan_line] -> plan_traps.c. Sources: lib/cmdline.c next_arg(), memparse(); kernel/params.c parse_args()
 * (which stops at "--") and parameq() (which takes dashes for underscores); kernel/trace/trace.c enable_instances(); 6.1
 * and 6.12.
 */
#include <ctype.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "collector/plan_int.h"

/* Cuts the next word off, removing the quotes that keep blanks in it. NULL at the end. */
static char *next_word(char **pos)
{
	char *s = *pos, *word, *to;
	bool quoted = false;

	while (isspace((unsigned char)*s))
		s++;
	if (!*s)
		return NULL;
	for (word = to = s; *s && (quoted || !isspace((unsigned char)*s)); s++) {
		if (*s == '"')
			quoted = !quoted;
		else
			*to++ = *s;
	}
	*pos = *s ? s + 1 : s;
	*to = 0;
	return word;
}

int bu_kline_parse(const char *text, struct bu_arena *arena, struct bu_kline *ret)
{
	struct bu_kline line = { .text = bu_arena_strdup(arena, text) };
	char *pos = bu_arena_strdup(arena, text), *word, *c;
	bool for_init = false;

	if (!line.text || !pos)
		return -ENOMEM;
	/* No line has more words than every second character. */
	line.cap = strlen(text) / 2 + 1;
	line.params = bu_arena_alloc(arena, line.cap * sizeof(*line.params));
	if (!line.params)
		return -ENOMEM;
	while ((word = next_word(&pos)) != NULL) {
		struct bu_kparam *p = &line.params[line.n];

		if (!strcmp(word, "--") && !for_init) {
			for_init = true;
			line.n_kernel = line.n;
			continue;
		}
		p->name = word;
		c = strchr(word, '=');
		if (c) {
			*c = 0;
			p->value = c + 1;
		}
		for (c = word; *c; c++)
			if (*c == '-')
				*c = '_';
		line.n++;
	}
	if (!for_init)
		line.n_kernel = line.n;
	*ret = line;
	return 0;
}

const char *bu_kline_get(const struct bu_kline *line, const char *name)
{
	size_t i;

	for (i = line->n_kernel; i > 0; i--)
		if (!strcmp(line->params[i - 1].name, name))
			return line->params[i - 1].value ? line->params[i - 1].value : "";
	return NULL;
}

bool bu_list_next(const char **pos, const char *separators, char *item, size_t size)
{
	size_t n;

	*pos += strspn(*pos, separators);
	n = strcspn(*pos, separators);
	if (!n)
		return false;
	if (n < size) {
		memcpy(item, *pos, n);
		item[n] = 0;
	} else {
		memcpy(item, *pos, size - 1);
		item[size - 1] = 0;
	}
	*pos += n;
	return true;
}

int64_t bu_memparse(const char *text, const char **end)
{
	static const char units[] = "kmgtpe";
	unsigned long long v;
	const char *u;
	char *stop;
	int shift = 0;

	errno = 0;
	v = strtoull(text, &stop, 0);
	if (stop == text || errno || !isdigit((unsigned char)*text))
		return -1;
	u = *stop ? strchr(units, tolower((unsigned char)*stop)) : NULL;
	if (u) {
		shift = 10 * (int)(u - units + 1);
		stop++;
	}
	if (end)
		*end = stop;
	if (v > (UINT64_C(1) << 62) >> shift)
		return -1;
	return (int64_t)(v << shift);
}

void bu_kinstance_parse(const char *value, struct bu_kinstance *ret)
{
	char head[192], part[64];
	const char *pos = head;
	const char *comma = strchrnul(value, ',');
	size_t n = (size_t)(comma - value);
	char *at;

	memset(ret, 0, sizeof(*ret));
	ret->events = *comma ? comma + 1 : comma;
	if (n >= sizeof(head))
		n = sizeof(head) - 1;
	memcpy(head, value, n);
	head[n] = 0;
	at = strchr(head, '@');
	if (at) {
		*at = 0;
		pos = at + 1;
		bu_list_next(&pos, ",", ret->memory, sizeof(ret->memory));
		pos = head;
	}
	bu_list_next(&pos, "^", ret->name, sizeof(ret->name));
	while (bu_list_next(&pos, "^", part, sizeof(part)))
		if (!strcmp(part, "traceoff"))
			ret->off = true;
}
