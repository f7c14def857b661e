// SPDX-License-Identifier: GPL-2.0-only
/*
 * options_fuzz.c - the command line of every command, up to where the command would begin to do something.
 *
 * The first byte chooses the command; the rest are its arguments, each ended by a zero byte. Linked with
 * --wrap=bu_cli_parse: what a command parses is checked against its own table here, and the command then believes that
 * help was asked for and returns. Besides crashing, a value outside of its limits or a text that is not of the command
 * line is a finding, and so is a command that parses nothing.
 */
#include "schemas/base/cli.h"
#include "schemas/base/tests/fuzz/fuzz.h"

#define MAX_ARGS 48

/* The front end alone may include the headers of all three. */
extern const struct bu_command bu_collector_commands[], bu_replay_commands[], bu_analyze_commands[];

int __real_bu_cli_parse(const struct bu_usage *usage, int argc, char **argv, int *ret_first);
int __wrap_bu_cli_parse(const struct bu_usage *usage, int argc, char **argv, int *ret_first);

static const char *text_begin, *text_end;	/* of the arguments */
static int parsed;

static void check_text(const char *text)
{
	FUZZ_CHECK(text >= text_begin && text <= text_end);
}

static void check_option(const struct bu_opt *o, const char *string_before)
{
	const struct bu_strings *list = o->value;
	int64_t n;
	size_t i;

	if (o->kind == BU_OPT_INT && (o->min || o->max)) {
		n = *(int64_t *)o->value;
		FUZZ_CHECK(n >= o->min && n <= o->max);
	} else if (o->kind == BU_OPT_STRING && *(const char **)o->value != string_before) {
		check_text(*(const char **)o->value);
	} else if (o->kind == BU_OPT_STRINGS) {
		FUZZ_CHECK(list->n <= BU_MAX_STRINGS);
		for (i = 0; i < list->n; i++)
			check_text(list->v[i]);
	}
}

/* Defaults may lie outside of the limits (-1: not given) and texts be of the program; only what was parsed is checked. */
static void note_defaults(const struct bu_usage *u, int64_t *numbers, const char **strings)
{
	size_t i;

	for (i = 0; i < u->n_opts; i++) {
		numbers[i] = u->opts[i].kind == BU_OPT_INT ? *(int64_t *)u->opts[i].value : 0;
		strings[i] = u->opts[i].kind == BU_OPT_STRING ? *(const char **)u->opts[i].value : NULL;
	}
}

int __wrap_bu_cli_parse(const struct bu_usage *u, int argc, char **argv, int *ret_first)
{
	const char *strings[64];
	int64_t numbers[64];
	size_t i;
	int rc;

	FUZZ_CHECK(u->n_opts <= 64);
	note_defaults(u, numbers, strings);
	rc = __real_bu_cli_parse(u, argc, argv, ret_first);
	parsed++;
	FUZZ_CHECK(rc == -1 || rc == BU_EXIT_OK || rc == BU_EXIT_USAGE);
	for (i = 0; rc == -1 && i < u->n_opts; i++)
		if (u->opts[i].kind != BU_OPT_INT || *(int64_t *)u->opts[i].value != numbers[i])
			check_option(&u->opts[i], strings[i]);
	if (rc == -1) {
		FUZZ_CHECK(*ret_first >= 1 && *ret_first <= argc && argc - *ret_first >= u->min_args);
		FUZZ_CHECK(u->max_args < 0 || argc - *ret_first <= u->max_args);
	}
	return rc == -1 ? BU_EXIT_OK : rc;
}

static const struct bu_command *choose(unsigned int n)
{
	static const struct bu_command *const tables[] = { bu_collector_commands, bu_replay_commands, bu_analyze_commands };
	const struct bu_command *c;
	unsigned int all = 0, t;

	for (t = 0; t < 3; t++)
		for (c = tables[t]; c->name; c++)
			all++;
	n %= all;
	for (t = 0;; t++)
		for (c = tables[t]; c->name; c++)
			if (!n--)
				return c;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	char *text, *argv[MAX_ARGS + 2], name[32];
	const struct bu_command *c;
	size_t at = 0;
	int argc = 1;

	if (!size)
		return 0;
	c = choose(data[0]);
	snprintf(name, sizeof(name), "%s", c->name);
	text = malloc(size);
	FUZZ_CHECK(text);
	memcpy(text, data + 1, size - 1);
	text[size - 1] = 0;
	text_begin = text;
	text_end = text + size - 1;
	argv[0] = name;
	while (at < size - 1 && argc <= MAX_ARGS) {
		argv[argc++] = text + at;
		at += strlen(text + at) + 1;
	}
	argv[argc] = NULL;
	parsed = 0;
	c->run(argc, argv);
	FUZZ_CHECK(parsed == 1);
	free(text);
	return 0;
}
