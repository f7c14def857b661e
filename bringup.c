// SPDX-License-Identifier: GPL-2.0-only
/*
 * bringup.c - the front end: finds the command named first and hands over.
 *
 * The commands themselves live in the three programs, each with a table of its own; this file only puts the
 * tables in a row. It is also the last to look at stdout: a report that could not be written, say because
 * the disk is full, is a failure whatever the command thought of it.
 */
#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "analyze/commands.h"
#include "collector/commands.h"
#include "replay/commands.h"
#include "schemas/base/cli.h"
#include "schemas/base/suggest.h"
#include "schemas/base/version.h"

static const struct {
	const char *title;
	const struct bu_command *commands;
} groups[] = {
	{ "Record and read traces", bu_collector_commands },
	{ "Run a boot again", bu_replay_commands },
	{ "Look at results", bu_analyze_commands },
};

#define N_GROUPS (sizeof(groups) / sizeof(groups[0]))

static const struct bu_command *find(const char *name)
{
	const struct bu_command *c;
	size_t g;

	for (g = 0; g < N_GROUPS; g++)
		for (c = groups[g].commands; c->name; c++)
			if (!strcmp(c->name, name))
				return c;
	return NULL;
}

static int unknown(const char *name)
{
	struct bu_suggest near = BU_SUGGEST_INIT(name);
	const struct bu_command *c;
	size_t g;

	for (g = 0; g < N_GROUPS; g++)
		for (c = groups[g].commands; c->name; c++)
			bu_suggest_offer(&near, c->name);
	fprintf(stderr, "bringup: unknown command '%s'", name);
	if (near.best)
		fprintf(stderr, "; did you mean '%s'?\n", near.best);
	else
		fprintf(stderr, "; `bringup help` lists the commands\n");
	return BU_EXIT_USAGE;
}

static void print_help(FILE *to)
{
	const struct bu_command *c;
	size_t g;

	fprintf(to, "Usage: bringup COMMAND [ARGUMENTS]\n\n"
		    "Record how a machine brought its CPUs up, and run that boot again under other algorithms.\n");
	for (g = 0; g < N_GROUPS; g++) {
		fprintf(to, "\n%s:\n", groups[g].title);
		for (c = groups[g].commands; c->name; c++)
			fprintf(to, "  %-10s %s\n", c->name, c->summary);
	}
	fprintf(to, "\n`bringup COMMAND --help` explains one command; `bringup --version` names this build.\n"
		    "Exit codes: 0 done, 1 failed, 2 wrong usage, 3 done but the data is incomplete.\n");
}

static int help(int argc, char **argv)
{
	const struct bu_command *c;
	char flag[] = "--help", *args[] = { NULL, flag, NULL };

	if (argc < 2) {
		print_help(stdout);
		return BU_EXIT_OK;
	}
	c = find(argv[1]);
	if (!c)
		return unknown(argv[1]);
	args[0] = argv[1];
	return c->run(2, args);
}

static int dispatch(int argc, char **argv)
{
	const struct bu_command *c;

	if (argc < 2) {
		print_help(stderr);
		return BU_EXIT_USAGE;
	}
	if (!strcmp(argv[1], "--help") || !strcmp(argv[1], "-h") || !strcmp(argv[1], "help"))
		return help(argc - 1, argv + 1);
	if (!strcmp(argv[1], "--version") || !strcmp(argv[1], "-V")) {
		printf("bringup %s\n", bu_version);
		return BU_EXIT_OK;
	}
	if (argv[1][0] == '-') {
		fprintf(stderr, "bringup: unknown option '%s'; options follow the command, see `bringup help`\n",
			argv[1]);
		return BU_EXIT_USAGE;
	}
	c = find(argv[1]);
	return c ? c->run(argc - 1, argv + 1) : unknown(argv[1]);
}

int main(int argc, char **argv)
{
	int status = dispatch(argc, argv);

	errno = 0;
	if (fflush(stdout) || ferror(stdout)) {
		fprintf(stderr, "bringup: writing the output: %s\n", errno ? strerror(errno) : "failed earlier");
		if (status == BU_EXIT_OK || status == BU_EXIT_INCOMPLETE)
			status = BU_EXIT_FAILED;
	}
	return status;
}
