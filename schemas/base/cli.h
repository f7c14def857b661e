/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * cli.h - option tables: one table drives parsing, --help and the check of what is required.
 *
 * Used by the command files of collector, replay and analyze. Parsing fills the caller's variables and does
 * nothing else. Exit codes are part of the interface that scripts rely on.
 */
#ifndef BU_SCHEMAS_BASE_CLI_H
#define BU_SCHEMAS_BASE_CLI_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "schemas/base/err.h"

enum bu_exit {
	BU_EXIT_OK = 0,		/* done */
	BU_EXIT_FAILED = 1,	/* failed; stderr says why */
	BU_EXIT_USAGE = 2,	/* the call itself was wrong */
	BU_EXIT_INCOMPLETE = 3,	/* done, but the data is incomplete; the output says how */
};

struct bu_command {
	const char *name, *summary;
	int (*run)(int argc, char **argv);	/* argv[0] is the command's name; returns enum bu_exit */
};

enum bu_opt_kind {
	BU_OPT_FLAG,	/* bool */
	BU_OPT_STRING,	/* const char *, borrowed from argv */
	BU_OPT_INT,	/* int64_t */
	BU_OPT_NS,	/* int64_t ns, read with a unit */
	BU_OPT_STRINGS,	/* struct bu_strings: may be given again and again */
};

#define BU_MAX_STRINGS 64

struct bu_strings {
	const char *v[BU_MAX_STRINGS];	/* borrowed from argv */
	size_t n;
};

struct bu_opt {
	const char *name;	/* long name without the dashes */
	char letter;		/* short name or 0 */
	enum bu_opt_kind kind;
	void *value;		/* where it goes; its value before parsing is the default */
	const char *arg;	/* what the argument is called in --help, NULL for flags */
	const char *help;
	int64_t min, max;	/* for BU_OPT_INT; both 0: any. min also for BU_OPT_NS */
};

struct bu_usage {
	const char *command;	/* "import" */
	const char *synopsis;	/* "import FILE -o x.db [options]" */
	const char *about;	/* a paragraph */
	const char *examples;	/* two lines that can be copied */
	const struct bu_opt *opts;
	size_t n_opts;
	int min_args, max_args;	/* positional arguments; max_args -1: any number */
};

/**
 * bu_cli_parse() - Parse a command's arguments by its table; `--help` is known everywhere.
 * @argc, @argv: as given to the command; permuted so that positional arguments stand last.
 * @ret_first: index of the first positional argument in @argv.
 * Return: -1 to go on; otherwise the exit code to return now (help was printed, or the error was).
 */
int bu_cli_parse(const struct bu_usage *usage, int argc, char **argv, int *ret_first);

/**
 * bu_cli_usage_error() - Print "bringup COMMAND: <why>" and where help is. Return: BU_EXIT_USAGE.
 */
int bu_cli_usage_error(const struct bu_usage *usage, const char *fmt, ...)
	__attribute__((format(printf, 2, 3)));

/**
 * bu_cli_failed() - Print "bringup COMMAND: <message chain>". Return: BU_EXIT_FAILED.
 */
int bu_cli_failed(const struct bu_usage *usage, const struct bu_err *err);

/**
 * bu_cli_warn() - Print "bringup COMMAND: warning: ..." to stderr.
 */
void bu_cli_warn(const struct bu_usage *usage, const char *fmt, ...)
	__attribute__((format(printf, 2, 3)));

#endif
