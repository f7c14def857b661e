// SPDX-License-Identifier: GPL-2.0-only
/* cli.c - see cli.h. getopt_long(3) does the splitting; the table gives it its options. */
#include "schemas/base/cli.h"

#include <errno.h>
#include <getopt.h>
#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "schemas/base/mem.h"
#include "schemas/base/ns.h"

enum { OPT_HELP = 1000, OPT_FIRST = 1001 };

static void print_help(const struct bu_usage *u)
{
	const struct bu_opt *o;
	char left[64];
	size_t i;

	printf("Usage: bringup %s\n\n%s\n", u->synopsis, u->about);
	printf("\nOptions:\n");
	for (i = 0; i < u->n_opts; i++) {
		o = &u->opts[i];
		snprintf(left, sizeof(left), "%c%c%s --%s%s%s", o->letter ? '-' : ' ',
			 o->letter ? o->letter : ' ', o->letter ? "," : " ", o->name, o->arg ? " " : "",
			 o->arg ? o->arg : "");
		printf("  %-30s %s\n", left, o->help);
	}
	printf("  %-30s %s\n", "-h, --help", "this text");
	if (u->examples)
		printf("\nExamples:\n%s\n", u->examples);
}

int bu_cli_usage_error(const struct bu_usage *usage, const char *fmt, ...)
{
	va_list ap;

	fprintf(stderr, "bringup %s: ", usage->command);
	va_start(ap, fmt);
	vfprintf(stderr, fmt, ap);
	va_end(ap);
	fprintf(stderr, "\nTry 'bringup %s --help'.\n", usage->command);
	return BU_EXIT_USAGE;
}

int bu_cli_failed(const struct bu_usage *usage, const struct bu_err *err)
{
	fprintf(stderr, "bringup %s: %s\n", usage->command, err->text[0] ? err->text : strerror(-err->code));
	return BU_EXIT_FAILED;
}

void bu_cli_warn(const struct bu_usage *usage, const char *fmt, ...)
{
	va_list ap;

	fprintf(stderr, "bringup %s: warning: ", usage->command);
	va_start(ap, fmt);
	vfprintf(stderr, fmt, ap);
	va_end(ap);
	fputc('\n', stderr);
}

/* Stores one value; returns -1 or the exit code of the refusal. */
static int store(const struct bu_usage *u, const struct bu_opt *o, const char *text)
{
	struct bu_strings *list = o->value;
	int64_t *num = o->value;
	char *end;
	int64_t v;

	switch (o->kind) {
	case BU_OPT_FLAG:
		*(bool *)o->value = true;
		return -1;
	case BU_OPT_STRING:
		*(const char **)o->value = text;
		return -1;
	case BU_OPT_NS:
		if (bu_ns_parse(text, num) || (o->min && *num < o->min))
			return bu_cli_usage_error(u, "--%s wants a duration with a unit, like 30s or 5ms, not '%s'",
						  o->name, text);
		return -1;
	case BU_OPT_INT:
		errno = 0;
		v = strtoll(text, &end, 0);
		if (end == text || *end || errno)
			return bu_cli_usage_error(u, "--%s wants a whole number, not '%s'", o->name, text);
		if ((o->min || o->max) && (v < o->min || v > o->max))
			return bu_cli_usage_error(u, "--%s wants %" PRId64 " to %" PRId64 ", not %s", o->name,
						  o->min, o->max, text);
		*num = v;
		return -1;
	case BU_OPT_STRINGS:
		if (list->n == BU_MAX_STRINGS)
			return bu_cli_usage_error(u, "--%s may be given %d times at most", o->name, BU_MAX_STRINGS);
		list->v[list->n++] = text;
		return -1;
	}
	return -1;
}

int bu_cli_parse(const struct bu_usage *u, int argc, char **argv, int *ret_first)
{
	_cleanup_free_ struct option *longs = calloc(u->n_opts + 2, sizeof(*longs));
	_cleanup_free_ char *shorts = calloc(u->n_opts + 4, 2);
	size_t i, n = 0;
	int c, rc;

	if (!longs || !shorts) {
		fprintf(stderr, "bringup %s: out of memory\n", u->command);
		return BU_EXIT_FAILED;
	}
	shorts[n++] = ':';
	shorts[n++] = 'h';
	for (i = 0; i < u->n_opts; i++) {
		const struct bu_opt *o = &u->opts[i];

		longs[i].name = o->name;
		longs[i].has_arg = o->kind == BU_OPT_FLAG ? no_argument : required_argument;
		longs[i].val = OPT_FIRST + (int)i;
		if (o->letter) {
			shorts[n++] = o->letter;
			if (o->kind != BU_OPT_FLAG)
				shorts[n++] = ':';
		}
	}
	longs[i].name = "help";
	longs[i].val = OPT_HELP;

	optind = 0;
	opterr = 0;
	while ((c = getopt_long(argc, argv, shorts, longs, NULL)) != -1) {
		if (c == 'h' || c == OPT_HELP) {
			print_help(u);
			return BU_EXIT_OK;
		}
		if (c == ':')
			return bu_cli_usage_error(u, "%s needs a value", argv[optind - 1]);
		if (c == '?')
			return bu_cli_usage_error(u, "unknown option '%s'", argv[optind - 1]);
		for (i = 0; i < u->n_opts; i++)
			if (c == OPT_FIRST + (int)i || (c < OPT_HELP && c == u->opts[i].letter))
				break;
		rc = store(u, &u->opts[i], optarg);
		if (rc >= 0)
			return rc;
	}
	if (argc - optind < u->min_args)
		return bu_cli_usage_error(u, "something is missing: bringup %s", u->synopsis);
	if (u->max_args >= 0 && argc - optind > u->max_args)
		return bu_cli_usage_error(u, "'%s' is one argument too many", argv[optind + u->max_args]);
	*ret_first = optind;
	return -1;
}
