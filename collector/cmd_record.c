// SPDX-License-Identifier: GPL-2.0-only
/*
 * cmd_record.c - bringup record: the trace that the kernel holds, or what happens from now on, as a trace.dat or as a
 * capture database.
 */
#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "collector/commands_int.h"
#include "collector/import.h"
#include "collector/live_record.h"
#include "collector/plan_int.h"
#include "collector/redact.h"
#include "collector/session.h"
#include "schemas/base/cli.h"
#include "schemas/base/mem.h"

#define MOUNTED "tracefs was not mounted; it is now, at /sys/kernel/tracing"

static bool ends_in(const char *text, const char *end)
{
	size_t n = strlen(text), m = strlen(end);

	return n > m && !strcmp(text + n - m, end);
}

/* written + lost = produced, and what is behind it. Return: whether that is everything there was. */
static bool tell_account(const struct bu_account *a, const char *remedy)
{
	int64_t lost = bu_account_lost(a);

	printf("written %" PRId64 " + lost %" PRId64 " = produced %" PRId64 "%s\n", a->written, lost, a->produced,
	       a->balanced && a->written + lost == a->produced ? "" : ", which does not agree with the kernel's counts");
	if (lost)
		printf("incomplete: %" PRId64 " overwritten, %" PRId64 " dropped, %" PRId64 " left unread; %s\n", a->overrun,
		       a->dropped, a->unread, remedy);
	if (a->died)
		printf("%" PRId64 " events of these had been read and were not yet written when the recorder was killed, or are in a "
		       "damaged part of what it had written\n", a->died);
	return bu_account_whole(a);
}

static void tell_marks(int64_t marks)
{
	if (marks)
		printf("%" PRId64 " place%s where events are missing\n", marks, marks == 1 ? "" : "s");
}

/* ---- what the kernel holds already ------------------------------------------------------------------------------ */

/* Return: the exit code. */
static int tell(const struct bu_usage *usage, const struct bu_record_params *p, const struct bu_record_result *r,
		const char *output)
{
	const char *line;
	bool whole;

	if (r->mounted)
		bu_cli_warn(usage, MOUNTED);
	if (r->no_addresses)
		bu_cli_warn(usage, "the kernel hides its addresses, so functions will have no names; "
			    "write 1 to /proc/sys/kernel/kptr_restrict and record again after the next boot");
	for (line = r->doubts; line && *line; line += strcspn(line, "\n") + 1)
		bu_cli_warn(usage, "%.*s", (int)strcspn(line, "\n"), line);
	if (r->unaccounted) {
		printf("%s: %" PRId64 " events, %" PRId64 " pages\n", output, r->account.written, r->pages);
		whole = false;
	} else {
		printf("%s: %" PRId64 " events of %" PRId64 " CPUs, %" PRId64 " pages\n", output, r->account.written, r->account.cpus,
		       r->pages);
		whole = tell_account(&r->account, "a larger trace_buf_size= keeps them");
	}
	tell_marks(r->marks);
	if (r->account.read_before && p->from == BU_FROM_BUFFER && !p->instance) {	/* of an instance that may be meant */
		printf("incomplete: somebody had read %" PRId64 " events of this boot before\n", r->account.read_before);
		whole = false;
	}
	return whole && !r->marks ? BU_EXIT_OK : BU_EXIT_INCOMPLETE;
}

/* From a trace.dat in a folder of ours to the database; the folder goes. Return: the exit code. */
static int make_db(const struct bu_usage *usage, const char *folder, const char *dat, const char *machine, const char *output,
		   bool redact, int code)
{
	_cleanup_free_ char *raw = NULL;
	struct bu_import_params import = { .file = dat, .machine = machine, .force = true };
	struct bu_import_result imported = { .events = 0 };
	struct bu_redact_result redacted;
	struct bu_err err = BU_ERR_INIT;
	int rc = 0;

	if (asprintf(&raw, "%s/whole.db", folder) < 0) {
		raw = NULL;
		rc = bu_fail_errno(&err, -ENOMEM, "%s", output);
	}
	import.output = redact ? raw : output;
	if (!rc)
		rc = bu_import(&import, &imported, &err);
	if (!rc && redact)
		rc = bu_redact(raw, output, true, &redacted, &err);
	if (rc) {
		bu_fail(&err, err.code, "the trace is safe ('bringup import %s --machine %s%s -o %s' tries again), but", dat, machine,
			redact ? " --redact" : "", output);
		return bu_cli_failed(usage, &err);
	}
	bu_remove_folder(folder);
	return imported.complete ? code : BU_EXIT_INCOMPLETE;
}

/* Into a folder beside the database first: what is read from the kernel is gone there, so it is kept until it is in. */
static int record_to_db(const struct bu_usage *usage, const struct bu_record_params *p)
{
	_cleanup_free_ char *folder = NULL, *dat = NULL, *machine = NULL;
	_cleanup_(bu_record_result_fini) struct bu_record_result recorded = { .pages = 0 };
	struct bu_record_params inner = *p;
	struct bu_err err = BU_ERR_INIT;

	if (asprintf(&folder, "%s.XXXXXX", p->output) < 0 || !mkdtemp(folder) ||
	    asprintf(&dat, "%s/trace.dat", folder) < 0 || asprintf(&machine, "%s/machine", folder) < 0) {
		bu_fail_errno(&err, -errno, "%s", p->output);
		return bu_cli_failed(usage, &err);
	}
	inner.output = dat;
	inner.database = p->output;
	if (!inner.machine)
		inner.machine = machine;
	if (bu_record(&inner, &recorded, &err)) {
		if (!recorded.kept)
			bu_remove_folder(folder);
		return bu_cli_failed(usage, &err);
	}
	return make_db(usage, folder, dat, inner.machine, p->output, p->redact,
		       tell(usage, p, &recorded, p->output));
}

static int record_held(const struct bu_usage *usage, const struct bu_record_params *p)
{
	_cleanup_(bu_record_result_fini) struct bu_record_result result = { .pages = 0 };
	struct bu_err err = BU_ERR_INIT;

	if (ends_in(p->output, ".db"))
		return record_to_db(usage, p);
	if (bu_record(p, &result, &err))
		return bu_cli_failed(usage, &err);
	return tell(usage, p, &result, p->output);
}

/* ---- live -------------------------------------------------------------------------------------------------- */

#define MAX_FAULTS 20000	/* per second: at 0.34 us for each, less than a hundredth of a CPU */

struct live_options {
	const char *max_rss, *max_size, *min_free, *buffer;
	int64_t max_overhead, max_faults;	/* 0: not given */
	bool hotplug, recover;
};

/* The first option given that only a live recording has a use for, or NULL. */
static const char *live_only(const struct bu_live_params *p, const struct live_options *o)
{
	const struct {
		const char *name;
		bool given;
	} options[] = {
		{ "hotplug", o->hotplug },		{ "profile", p->wish.profile },
		{ "event", p->wish.events->n },		{ "function", p->wish.functions->n },
		{ "for", p->for_ns },			{ "clock", p->wish.clock },
		{ "buffer", o->buffer },		{ "user-faults", p->wish.user_faults },
		{ "max-faults", o->max_faults },	{ "max-overhead", o->max_overhead },
		{ "max-size", o->max_size },		{ "max-rss", o->max_rss },
		{ "min-free", o->min_free },
	};
	size_t i;

	for (i = 0; i < ARRAY_SIZE(options); i++)
		if (options[i].given)
			return options[i].name;
	return NULL;
}

static void tell_command(const struct bu_live_result *r, const char *command)
{
	if (!r->has_status)
		printf("%s is still running\n", command);
	else if (WIFSIGNALED(r->status))
		printf("%s was ended by signal %d (%s)\n", command, WTERMSIG(r->status), strsignal(WTERMSIG(r->status)));
	else
		printf("%s ended with status %d\n", command, WEXITSTATUS(r->status));
}

/* Return: the exit code. */
static int tell_live(const struct bu_usage *usage, const struct bu_live_result *r, const char *output, const char *command)
{
	struct bu_err err = BU_ERR_INIT;
	bool whole = false;
	size_t i;

	if (r->no_functions)
		bu_cli_warn(usage, "functions are not traced, only events: %s", r->no_functions);
	if (r->mounted)
		bu_cli_warn(usage, MOUNTED);
	if (r->expanded)
		bu_cli_warn(usage, "with the first event that is switched on anywhere, kernels before 6.7 also give the top-level buffer the "
			    "size that it is set to; buffer_size_kb there shows it until the next boot");
	if (r->writer_died)
		bu_cli_warn(usage, "the process that writes the database died; it was made from the pages in the end");
	if (r->accounted) {
		printf("%s: %" PRId64 " events of %" PRId64 " CPUs, ended by %s\n", output, r->account.written, r->account.cpus,
		       r->ended_by);
		whole = tell_account(&r->account, "a larger --buffer or fewer events keep them");
	} else {
		printf("%s: ended by %s\n", output, r->ended_by);
	}
	if (command)
		tell_command(r, command);
	tell_marks(r->marks);
	for (i = 0; i < r->given_up.n; i++)
		printf("gave up: %s\n", r->given_up.text[i]);
	if (bu_live_empty(r)) {
		bu_fail(&err, -ENODATA, "none of the events happened, so there is no %s; 'bringup record --help' says how to name others",
			output);
		return bu_cli_failed(usage, &err);
	}
	return whole && !r->marks && !r->given_up.n && !r->import_incomplete ? BU_EXIT_OK : BU_EXIT_INCOMPLETE;
}

/* What a recorder of a held buffer left. Return: the exit code, or -1: it was none of those. */
static int recover_held(const struct bu_usage *usage, const char *state)
{
	_cleanup_(bu_record_result_fini) struct bu_record_result result;
	_cleanup_(bu_recovered_fini) struct bu_recovered what;
	const struct bu_record_params p = { .instance = "" };	/* whose readings before are no loss, or were told of then */
	_cleanup_free_ char *folder = NULL;
	struct bu_err err = BU_ERR_INIT;
	int rc, code;

	rc = bu_record_recover(state, &result, &what, &err);
	if (rc == -ENOENT && !err.code)
		return -1;
	if (rc)
		return bu_cli_failed(usage, &err);
	if (what.saved)
		printf("%s was saved before\n", what.dat);
	code = what.saved ? BU_EXIT_OK : tell(usage, &p, &result, what.database ? what.database : what.dat);
	if (!what.database || access(what.dat, F_OK))
		return code;
	folder = strndup(what.dat, strlen(what.dat) - strlen("/trace.dat"));
	if (!folder)
		return BU_EXIT_FAILED;
	return make_db(usage, folder, what.dat, what.machine, what.database, what.redact, code);
}

static int recover(const struct bu_usage *usage, const char *state)
{
	_cleanup_(bu_live_result_fini) struct bu_live_result result = { .ended_by = NULL };
	_cleanup_free_ char *output = NULL;
	struct bu_err err = BU_ERR_INIT;
	int rc = recover_held(usage, state);

	if (rc >= 0)
		return rc;
	rc = bu_live_recover(state, &result, &output, &err);
	if (rc == -ENOENT) {
		printf("there is nothing to recover\n");
		return BU_EXIT_OK;
	}
	if (rc)
		return bu_cli_failed(usage, &err);
	printf("everything in tracefs is as it was\n");
	return output ? tell_live(usage, &result, output, NULL) : BU_EXIT_OK;
}

static int read_size(const struct bu_usage *usage, const char *option, const char *text, int64_t *ret)
{
	if (text && bu_size_parse(text, ret))
		return bu_cli_usage_error(usage, "--%s wants a size like 512K, 100M or 2G, not '%s'", option, text);
	return -1;
}

static int record_live(const struct bu_usage *usage, struct bu_live_params *p, const struct live_options *o)
{
	_cleanup_(bu_live_result_fini) struct bu_live_result result = { .ended_by = NULL };
	struct bu_err err = BU_ERR_INIT;
	int rc;

	rc = read_size(usage, "max-rss", o->max_rss, &p->budget.max_rss);
	if (rc < 0)
		rc = read_size(usage, "max-size", o->max_size, &p->budget.max_size);
	if (rc < 0)
		rc = read_size(usage, "min-free", o->min_free, &p->budget.min_free);
	if (rc < 0)
		rc = read_size(usage, "buffer", o->buffer, &p->wish.buffer_bytes);
	if (rc >= 0)
		return rc;
	p->default_min_free = !o->min_free;
	p->budget.max_rate = o->max_overhead;
	p->budget.max_fault_rate = o->max_faults ? o->max_faults : MAX_FAULTS;
	p->database = ends_in(p->output, ".db");
	if (o->hotplug)
		p->wish.profile = "hotplug";
	if (!p->wish.profile && !p->wish.events->n && !p->wish.functions->n && !p->wish.user_faults)
		p->wish.profile = "hotplug";
	if (p->wish.profile && !bu_plan_profile_known(p->wish.profile))
		return bu_cli_usage_error(usage, "there is no profile '%s'; hotplug, clock, pgd, text, all", p->wish.profile);
	if (bu_live_record(p, &result, &err))
		return bu_cli_failed(usage, &err);
	return tell_live(usage, &result, p->output, p->command ? p->command[0] : NULL);
}

/* ---- the command --------------------------------------------------------------------------------------------- */

int bu_cmd_record(int argc, char **argv)
{
	struct bu_record_params params = { .output = NULL };
	struct bu_strings events = { .n = 0 }, functions = { .n = 0 };
	struct bu_live_params live = { .wish = { .events = &events, .functions = &functions } };
	struct live_options o = { .max_faults = 0 };
	bool boot = false, snapshot = false, previous = false, force = false, redact = false;
	const struct bu_opt opts[] = {
		{ "boot", 0, BU_OPT_FLAG, &boot, NULL, "drain the top-level buffer, which the kernel command line filled", 0, 0 },
		{ "instance", 0, BU_OPT_STRING, &params.instance, "NAME", "drain the buffer of this instance", 0, 0 },
		{ "snapshot", 0, BU_OPT_FLAG, &snapshot, NULL, "take a snapshot of the top-level buffer (or of --instance), tracing going "
		  "on, and drain that; one that is there already (ftrace_boot_snapshot) is drained as it is", 0, 0 },
		{ "previous-boot", 0, BU_OPT_FLAG, &previous, NULL, "drain what the boot before left in a persistent buffer, before anything "
		  "is switched on in it", 0, 0 },
		{ "hotplug", 0, BU_OPT_FLAG, &o.hotplug, NULL, "live: CPUs going offline and online; the default", 0, 0 },
		{ "profile", 0, BU_OPT_STRING, &live.wish.profile, "NAME", "live: hotplug, clock, pgd, text or all", 0, 0 },
		{ "event", 'e', BU_OPT_STRINGS, &events, "EVENT", "live: SYSTEM:EVENT, SYSTEM:* or EVENT; may be repeated", 0, 0 },
		{ "function", 0, BU_OPT_STRINGS, &functions, "GLOB", "live: kernel functions; may be repeated", 0, 0 },
		{ "for", 0, BU_OPT_NS, &live.for_ns, "TIME", "live: so long; otherwise until COMMAND ends, or Ctrl-C", 1, 0 },
		{ "clock", 0, BU_OPT_STRING, &live.wish.clock, "NAME", "live: the trace clock; boot", 0, 0 },
		{ "buffer", 0, BU_OPT_STRING, &o.buffer, "SIZE", "live: of each CPU's buffer in the kernel", 0, 0 },
		{ "user-faults", 0, BU_OPT_FLAG, &live.wish.user_faults, NULL, "live: page faults of user space as well", 0, 0 },
		{ "max-faults", 0, BU_OPT_INT, &o.max_faults, "N", "live: above so many page faults per second, of user space or of the "
		  "kernel, their event is switched off; 20000", 1, INT64_MAX },
		{ "max-overhead", 0, BU_OPT_INT, &o.max_overhead, "N", "live: above so many events per second on one CPU the most "
		  "frequent one is switched off", 1, INT64_MAX },
		{ "max-size", 0, BU_OPT_STRING, &o.max_size, "SIZE", "live: end when so much was read", 0, 0 },
		{ "max-rss", 0, BU_OPT_STRING, &o.max_rss, "SIZE", "live: memory of this program", 0, 0 },
		{ "min-free", 0, BU_OPT_STRING, &o.min_free, "SIZE", "live: end when less is free on the disk; 5 %, at most 1G",
		  0, 0 },
		{ "output", 'o', BU_OPT_STRING, &params.output, "FILE", "a .dat is written as trace.dat, a .db is imported "
		  "as well", 0, 0 },
		{ "machine", 'm', BU_OPT_STRING, &params.machine, "DIR", "save the files that describe the machine here",
		  0, 0 },
		{ "keep-tracing", 0, BU_OPT_FLAG, &params.keep_tracing, NULL, "--boot, --instance: switch tracing on again "
		  "afterwards", 0, 0 },
		{ "redact", 0, BU_OPT_FLAG, &redact, NULL, "into a .db: leave out addresses, names and host identity ('bringup redact')",
		  0, 0 },
		{ "force", 'f', BU_OPT_FLAG, &force, NULL, "replace the output if it exists", 0, 0 },
		{ "recover", 0, BU_OPT_FLAG, &o.recover, NULL, "finish what a killed recorder left, and undo what it changed", 0, 0 },
		{ "state", 0, BU_OPT_STRING, &params.state, "DIR", "where the journal of changes is kept; " BU_STATE_DIR, 0, 0 },
	};
	const struct bu_usage usage = {
		"record", "record [--boot|--instance NAME|--snapshot|--previous-boot|--recover] -o FILE.dat|x.db [options] [-- COMMAND...]",
		"Without any of these: record what happens from now on, in a trace instance of its own, which is gone\n"
		"afterwards; the top-level buffer and instances of others are not touched. Ends with COMMAND, after --for, by\n"
		"Ctrl-C, or when a budget (--max-..., --min-free) is used up. A recorder that was killed is finished with\n"
		"--recover, without loss as far as the buffers went.\n"
		"\n"
		"With --boot: save the trace that this boot left in the kernel: stops tracing, describes the machine, and drains\n"
		"the buffer (what is read is gone from the kernel). For a kernel that was booted with something like\n"
		"  trace_event=cpuhp:* trace_clock=x86-tsc trace_buf_size=1M\n"
		"\n"
		"Needs root. Exit code 3: saved, but events are missing, or something was given up to stay within a budget.",
		"  sudo bringup record --boot -o boot.db\n"
		"  sudo bringup record --previous-boot --redact -o hang.db\n"
		"  sudo bringup record --hotplug -o hotplug.db -- sh -c 'echo 0 >/sys/devices/system/cpu/cpu3/online'\n"
		"  sudo bringup record -e 'irq_vectors:*' --for 10s --max-size 100M --max-overhead 50000 -o ipi.dat",
		opts, ARRAY_SIZE(opts), 0, -1,
	};
	struct bu_err err = BU_ERR_INIT;
	const char *option;
	int first, rc;

	rc = bu_cli_parse(&usage, argc, argv, &first);
	if (rc >= 0)
		return rc;
	if (o.recover)
		return recover(&usage, params.state);
	if (boot + snapshot + previous > 1 || (boot && params.instance))
		return bu_cli_usage_error(&usage, "say one of --boot, --snapshot and --previous-boot; the latter two may name an --instance");
	if (!params.output)
		return bu_cli_usage_error(&usage, "name the file with -o");
	if (redact && (!ends_in(params.output, ".db") || params.machine))
		return bu_cli_usage_error(&usage, "--redact makes a .db; a trace.dat and the files of --machine cannot be redacted");
	if (!force && !access(params.output, F_OK)) {
		bu_fail(&err, -EEXIST, "%s exists already; choose another name or pass --force", params.output);
		return bu_cli_failed(&usage, &err);
	}
	params.from = snapshot ? BU_FROM_SNAPSHOT : previous ? BU_FROM_PREVIOUS_BOOT : BU_FROM_BUFFER;
	live.output = params.output;
	live.machine = params.machine;
	live.state = params.state;
	live.redact = params.redact = redact;
	live.command = first < argc ? argv + first : NULL;
	if (!boot && !snapshot && !previous && !params.instance) {
		if (params.keep_tracing)
			return bu_cli_usage_error(&usage, "--keep-tracing goes with --boot or --instance");
		return record_live(&usage, &live, &o);
	}
	option = live_only(&live, &o);
	if (option)
		return bu_cli_usage_error(&usage, "--%s is for recording live; --boot, --instance, --snapshot and --previous-boot take "
					  "what there is", option);
	if (live.command)
		return bu_cli_usage_error(&usage, "'%s' is one argument too many", argv[first]);
	return record_held(&usage, &params);
}
