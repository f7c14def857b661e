// SPDX-License-Identifier: GPL-2.0-only
/* cmd_record.c - bringup record: save the trace that the kernel holds, as a trace.dat or as a capture database. */
#include <errno.h>
#include <fts.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "collector/commands_int.h"
#include "collector/import.h"
#include "collector/session.h"
#include "schemas/base/cli.h"
#include "schemas/base/mem.h"

static bool ends_in(const char *text, const char *end)
{
	size_t n = strlen(text), m = strlen(end);

	return n > m && !strcmp(text + n - m, end);
}

static void tell(const struct bu_usage *usage, const struct bu_record_result *r)
{
	if (r->mounted)
		bu_cli_warn(usage, "tracefs was not mounted; it is now, at /sys/kernel/tracing");
	if (r->no_addresses)
		bu_cli_warn(usage, "the kernel hides its addresses, so functions will have no names; "
			    "write 1 to /proc/sys/kernel/kptr_restrict and record again after the next boot");
	printf("%" PRId64 " events on %" PRId64 " CPUs, %" PRId64 " pages\n", r->entries, r->cpus, r->pages);
	if (r->lost)
		printf("incomplete: the kernel lost %" PRId64 " events before; a larger trace_buf_size= keeps them\n",
		       r->lost);
}

/* Removes a folder of plain files. */
static void remove_folder(const char *path)
{
	char *args[] = { (char *)path, NULL };
	FTS *fts = fts_open(args, FTS_PHYSICAL | FTS_NOCHDIR, NULL);
	FTSENT *e;

	while (fts && (e = fts_read(fts)) != NULL) {
		if (e->fts_info == FTS_DP)
			rmdir(e->fts_accpath);
		else if (e->fts_info != FTS_D)
			unlink(e->fts_accpath);
	}
	if (fts)
		fts_close(fts);
}

/* Into a folder beside the database first: what is read from the kernel is gone there, so it is kept until it is in. */
static int record_to_db(const struct bu_usage *usage, const struct bu_record_params *p, bool force)
{
	_cleanup_free_ char *folder = NULL, *dat = NULL, *machine = NULL;
	struct bu_record_params inner = *p;
	struct bu_import_params import = { NULL, NULL, p->output, force, false };
	struct bu_import_result imported = { .events = 0 };
	struct bu_record_result recorded;
	struct bu_err err = BU_ERR_INIT;

	if (!force && !access(p->output, F_OK)) {
		bu_fail(&err, -EEXIST, "%s exists already; choose another name or pass --force", p->output);
		return bu_cli_failed(usage, &err);
	}
	if (asprintf(&folder, "%s.XXXXXX", p->output) < 0 || !mkdtemp(folder) ||
	    asprintf(&dat, "%s/trace.dat", folder) < 0 || asprintf(&machine, "%s/machine", folder) < 0) {
		bu_fail_errno(&err, -errno, "%s", p->output);
		return bu_cli_failed(usage, &err);
	}
	inner.output = dat;
	if (!inner.machine)
		inner.machine = machine;
	if (bu_record(&inner, &recorded, &err)) {
		remove_folder(folder);
		return bu_cli_failed(usage, &err);
	}
	tell(usage, &recorded);
	import.file = dat;
	import.machine = inner.machine;
	if (bu_import(&import, &imported, &err)) {
		bu_fail(&err, err.code, "the trace is safe in %s, but", folder);
		return bu_cli_failed(usage, &err);
	}
	remove_folder(folder);
	return imported.complete ? BU_EXIT_OK : BU_EXIT_INCOMPLETE;
}

int bu_cmd_record(int argc, char **argv)
{
	struct bu_record_params params = { NULL, NULL, NULL, false };
	bool boot = false, force = false;
	const struct bu_opt opts[] = {
		{ "boot", 0, BU_OPT_FLAG, &boot, NULL, "the top-level buffer, which the kernel command line filled", 0, 0 },
		{ "instance", 0, BU_OPT_STRING, &params.instance, "NAME", "the buffer of this instance instead", 0, 0 },
		{ "output", 'o', BU_OPT_STRING, &params.output, "FILE", "a .dat is written as trace.dat, a .db is imported "
		  "as well", 0, 0 },
		{ "machine", 'm', BU_OPT_STRING, &params.machine, "DIR", "save the files that describe the machine here",
		  0, 0 },
		{ "keep-tracing", 0, BU_OPT_FLAG, &params.keep_tracing, NULL, "switch tracing on again afterwards", 0, 0 },
		{ "force", 'f', BU_OPT_FLAG, &force, NULL, "replace the output if it exists", 0, 0 },
	};
	const struct bu_usage usage = {
		"record", "record --boot -o FILE.dat|x.db [options]",
		"Save the trace that this boot left in the kernel: stops tracing, describes the machine, and drains the buffer\n"
		"(what is read is gone from the kernel). Needs root, and a kernel that was booted with something like\n"
		"  trace_event=cpuhp:* trace_clock=x86-tsc trace_buf_size=1M\n"
		"Exit code 3: saved, but the kernel had lost events before.",
		"  sudo bringup record --boot -o trace.dat --machine machine/\n"
		"  sudo bringup record --boot -o boot.db",
		opts, ARRAY_SIZE(opts), 0, 0,
	};
	struct bu_record_result result;
	struct bu_err err = BU_ERR_INIT;
	int first, rc;

	rc = bu_cli_parse(&usage, argc, argv, &first);
	if (rc >= 0)
		return rc;
	if (boot == !!params.instance)
		return bu_cli_usage_error(&usage, "say --boot, or --instance NAME");
	if (!params.output)
		return bu_cli_usage_error(&usage, "name the file with -o");
	if (ends_in(params.output, ".db"))
		return record_to_db(&usage, &params, force);
	if (!force && !access(params.output, F_OK)) {
		bu_fail(&err, -EEXIST, "%s exists already; choose another name or pass --force", params.output);
		return bu_cli_failed(&usage, &err);
	}
	if (bu_record(&params, &result, &err))
		return bu_cli_failed(&usage, &err);
	tell(&usage, &result);
	return result.lost ? BU_EXIT_INCOMPLETE : BU_EXIT_OK;
}
