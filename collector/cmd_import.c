// SPDX-License-Identifier: GPL-2.0-only
/* cmd_import.c - bringup import: a trace.dat, ftrace text or a console log into a capture database. */
#include <errno.h>
#include <inttypes.h>
#include <jansson.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include "collector/commands_int.h"
#include "collector/import.h"
#include "collector/redact.h"
#include "schemas/base/cli.h"
#include "schemas/base/mem.h"

static void print_json(const struct bu_import_params *p, const struct bu_import_result *r)
{
	json_t *o = json_object();

	json_object_set_new(o, "database", json_string(p->output));
	json_object_set_new(o, "source", json_string(p->file));
	json_object_set_new(o, "events_total", json_integer(r->events));
	json_object_set_new(o, "lost_total", json_integer(r->lost));
	json_object_set_new(o, "lost_unknown", json_integer(r->lost_unknown));
	json_object_set_new(o, "complete", json_boolean(r->complete));
	json_object_set_new(o, "cpus", json_integer(r->cpus));
	json_object_set_new(o, "ingest_cpu_ns", json_integer(r->ingest_cpu_ns));
	json_object_set_new(o, "finish_cpu_ns", json_integer(r->finish_cpu_ns));
	json_object_set_new(o, "trace_clock", *r->clock ? json_string(r->clock) : json_null());
	json_object_set_new(o, "kernel_release", *r->release ? json_string(r->release) : json_null());
	json_dumpf(o, stdout, JSON_INDENT(2));
	putchar('\n');
	json_decref(o);
}

static void print_text(const struct bu_import_params *p, const struct bu_import_result *r)
{
	printf("%s: %" PRId64 " events of %" PRId64 " CPUs, Linux %s, clock %s\n", p->output, r->events, r->cpus,
	       *r->release ? r->release : "(release not known)", *r->clock ? r->clock : "not known");
	if (r->complete)
		printf("complete: the kernel's own counts agree\n");
	else if (r->lost || r->lost_unknown)
		printf("incomplete: %" PRId64 " events lost%s\n", r->lost,
		       r->lost_unknown ? ", and more of which the number is not known" : "");
	else
		printf("incomplete: whether events were lost is not known\n");
	if (r->notes)
		printf("%" PRId64 " notes; see 'bringup info %s'\n", r->notes, p->output);
}

/* Imports beside the final name, readable by the owner alone, and leaves only the redacted copy of that. */
static int import_redacted(const struct bu_import_params *params, struct bu_import_result *ret, struct bu_err *err)
{
	_cleanup_free_ char *raw = NULL;
	struct bu_import_params beside = *params;
	struct bu_redact_result redacted;
	mode_t mask;
	int rc;

	if (!params->force && !access(params->output, F_OK))
		return bu_fail(err, -EEXIST, "%s exists already; choose another name or pass --force", params->output);
	if (asprintf(&raw, "%s.unredacted", params->output) < 0) {
		raw = NULL;
		return bu_fail_errno(err, -ENOMEM, "import");
	}
	beside.output = raw;
	beside.force = true;	/* one that was left by an import that was killed */
	mask = umask(077);
	rc = bu_import(&beside, ret, err);
	umask(mask);
	if (!rc)
		rc = bu_redact(raw, params->output, params->force, &redacted, err);
	unlink(raw);
	return rc;
}

int bu_cmd_import(int argc, char **argv)
{
	struct bu_import_params params = { 0 };
	struct bu_import_result result = { .events = 0 };
	struct bu_err err = BU_ERR_INIT;
	bool json = false, redact = false;
	const struct bu_opt opts[] = {
		{ "output", 'o', BU_OPT_STRING, &params.output, "FILE", "the database to make", 0, 0 },
		{ "machine", 'm', BU_OPT_STRING, &params.machine, "DIR", "saved files of the machine that was traced",
		  0, 0 },
		{ "force", 'f', BU_OPT_FLAG, &params.force, NULL, "replace the database if it exists", 0, 0 },
		{ "redact", 0, BU_OPT_FLAG, &redact, NULL, "leave out addresses, names and host identity ('bringup redact')",
		  0, 0 },
		{ "fix-clocks", 0, BU_OPT_FLAG, &params.fix_clocks, NULL, "where effects come before their causes, shift the stamps of "
		  "that CPU as little as needed", 0, 0 },
		{ "json", 0, BU_OPT_FLAG, &json, NULL, "say what was done as JSON", 0, 0 },
	};
	const struct bu_usage usage = {
		"import", "import FILE -o x.db [options]",
		"Turn a trace into a capture database: every event in total order, with an account of what was lost. The\n"
		"content tells what FILE is: a trace.dat (version 6 or 7), the text of the file trace or trace_pipe, or the\n"
		"console log of a machine that printed its buffers as it died (ftrace_dump_on_oops, sysrq-z), with whatever\n"
		"printk, a journal, pstore or a serial line put around it; texts may be gzip'ed. A trace carries no\n"
		"topology, hotplug state names or clock rate; --machine takes them from saved files, as 'bringup record'\n"
		"leaves them. Exit code 3: imported, but events are missing.",
		"  bringup import trace.dat --machine machine/ -o boot.db\n"
		"  bringup import console.log -o hang.db && bringup report hang.db",
		opts, ARRAY_SIZE(opts), 1, 1,
	};
	int first, rc;

	rc = bu_cli_parse(&usage, argc, argv, &first);
	if (rc >= 0)
		return rc;
	params.file = argv[first];
	if (!params.output)
		return bu_cli_usage_error(&usage, "name the database with -o");
	rc = redact ? import_redacted(&params, &result, &err) : bu_import(&params, &result, &err);
	if (rc)
		return bu_cli_failed(&usage, &err);
	if (json)
		print_json(&params, &result);
	else
		print_text(&params, &result);
	return result.complete ? BU_EXIT_OK : BU_EXIT_INCOMPLETE;
}
