// SPDX-License-Identifier: GPL-2.0-only
/* session.c - see session.h. */
#include "collector/session.h"

#include <errno.h>
#include <inttypes.h>
#include <limits.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "collector/held_pages.h"
#include "collector/journal.h"
#include "collector/machine_probe.h"
#include "collector/others.h"
#include "collector/previous_boot.h"
#include "collector/session_int.h"
#include "collector/snapshot.h"
#include "collector/tracefs_formats.h"
#include "schemas/base/mem.h"

struct session {
	const struct bu_record_params *p;
	struct bu_record_result *r;
	struct bu_tracefs fs;
	struct bu_journal *journal;
	struct bu_formats *formats;
	const struct bu_dat_content *content;
	struct bu_dat_content described;	/* what the trace.dat begins with, where it is not @content */
	struct bu_held_pages pages;
	enum bu_snapshot snapshot;	/* as it was found */
	struct bu_last_boot boot;	/* what the kernel says of the boot before */
	const char *instance;		/* NULL: the top level */
	char *found;			/* that name, where the user gave none */
	bool was_on;
};

static const char *what(const struct session *s)
{
	return s->instance ? s->instance : "top-level";
}

/* ---- signals --------------------------------------------------------------------------------------------------- */

/*
 * What was read is gone from the kernel, so from the first page on who asks us to end has to wait until it is saved. A
 * service that is stopped, as at shutdown, saves first in any case: the trace would be gone. Ctrl-C before means it.
 */
static void hold_signals(sigset_t *ours, sigset_t *before)
{
	sigemptyset(ours);
	sigaddset(ours, SIGINT);
	sigaddset(ours, SIGTERM);
	sigaddset(ours, SIGHUP);
	sigprocmask(SIG_BLOCK, ours, before);
}

static bool interrupted(void)
{
	sigset_t pending;

	return !sigpending(&pending) && sigismember(&pending, SIGINT);
}

static void release_signals(const sigset_t *ours, const sigset_t *before)
{
	const struct timespec now = { 0, 0 };

	while (sigtimedwait(ours, NULL, &now) > 0)	/* they had what they wanted */
		;
	sigprocmask(SIG_SETMASK, before, NULL);
}

/* ---- pages ----------------------------------------------------------------------------------------------------- */

/* Why what was read may not be what it seems. */
static int doubt(struct session *s, const char *why, struct bu_err *err)
{
	char *all;

	if (asprintf(&all, "%s%s\n", s->r->doubts ? s->r->doubts : "", why) < 0)
		return bu_fail_errno(err, -ENOMEM, "record");
	free(s->r->doubts);
	s->r->doubts = all;
	return 0;
}

static int remember_path(struct session *s, const char *key, const char *path, struct bu_err *err)
{
	_cleanup_free_ char *all = path ? bu_path_absolute(path) : strdup("");

	return all ? bu_journal_remember(s->journal, key, all, err) : bu_fail_errno(err, -ENOMEM, "record");
}

static int remember_stats(struct session *s, struct bu_err *err)
{
	_cleanup_free_ char *text = NULL;
	const struct bu_dat_text *stats = s->described.cpustats;
	size_t len = 0;
	uint32_t cpu;
	FILE *f = open_memstream(&text, &len);

	if (!f)
		return bu_fail_errno(err, -ENOMEM, "record");
	for (cpu = 0; stats && cpu < s->content->cpus; cpu++)
		if (stats[cpu].len)
			fprintf(f, "CPU: %u\n%.*s\n", cpu, (int)stats[cpu].len, stats[cpu].data);
	if (fclose(f))
		return bu_fail_errno(err, -ENOMEM, "record");
	return bu_journal_remember(s->journal, BU_HELD_STATS, text, err);
}

/* What it takes to go on after a kill. */
static int remember(struct session *s, const struct bu_dat_out *out, struct bu_err *err)
{
	const struct bu_dat_place p = bu_dat_out_place(out);
	char place[128];
	int rc;

	snprintf(place, sizeof(place), "%d %" PRIu64 " %" PRIu64 " %" PRIu64 " %u %u", (int)s->p->from, p.table_at, p.kallsyms_at,
		 p.pages_at, p.page_bytes, p.cpus);
	rc = bu_journal_remember(s->journal, BU_HELD_INSTANCE, s->instance ? s->instance : "", err);
	if (!rc)
		rc = remember_path(s, BU_HELD_DATABASE, s->p->database, err);
	if (!rc)
		rc = remember_path(s, BU_HELD_MACHINE, s->p->machine, err);
	if (!rc)
		rc = bu_journal_remember(s->journal, BU_HELD_REDACT, s->p->redact ? "yes" : "no", err);
	if (!rc)
		rc = remember_stats(s, err);
	if (!rc)
		rc = remember_path(s, BU_HELD_DAT, s->p->output, err);
	return rc ? rc : bu_journal_remember(s->journal, BU_HELD_PLACE, place, err);
}

static int put_symbols(struct session *s, struct bu_dat_out *out, struct bu_err *err)
{
	int rc;

	if (s->p->from != BU_FROM_PREVIOUS_BOOT)
		return 0;
	rc = bu_last_boot_symbols(&s->boot, s->formats, s->p->output, out, err);
	return rc > 0 ? doubt(s, BU_LEANS_ON_LAST_BOOT, err) : rc;
}

static int drain(struct session *s, struct bu_err *err)
{
	_cleanup_(bu_dat_out_destroyp) struct bu_dat_out *out = NULL;
	int rc;

	if (interrupted())
		return bu_fail(err, -EINTR, "interrupted before anything was read; tracing is as it was");
	rc = bu_dat_out_create(s->p->output, &s->described, &out, err);
	if (!rc && s->journal)
		rc = remember(s, out, err);
	if (!rc)
		rc = bu_held_pages_drain(&s->pages, out, -1, err);
	if (!rc)
		rc = put_symbols(s, out, err);
	if (!rc)
		rc = bu_dat_out_finish(out, err);
	s->r->pages = s->pages.pages;
	s->r->marks = s->pages.marks;
	if (!rc || !s->r->pages)
		return rc;
	s->r->kept = true;
	bu_dat_out_leave(take_ptr(out));
	return bu_fail(err, rc, s->journal ? "nothing is lost: %s.partial has what was read, the kernel the rest; 'bringup record "
		       "--recover' goes on once there is room" : "%s.partial has what was read and is a trace.dat of that; the kernel "
		       "still has the rest", s->p->output);
}

/* ---- what is known of them --------------------------------------------------------------------------------------- */

static int read_formats(struct session *s, struct bu_err *err)
{
	int rc;

	if (s->p->from != BU_FROM_PREVIOUS_BOOT)
		return bu_formats_read(&s->fs, &s->formats, err);
	rc = bu_last_boot_read(s->fs.buffer, &s->boot, err);
	if (!rc)
		rc = bu_formats_read_previous(&s->fs, &s->formats, err);
	if (!rc && s->boot.current)
		rc = doubt(s, "the buffer was used in this boot already: what it holds may be of this one", err);
	return rc ? rc : doubt(s, "decoded by what this kernel calls its events and functions: right if the boot before ran the same one",
			       err);
}

/* Events that are on in this boot were written behind those of the boot before, or instead of them. */
static int look_for_mixture(struct session *s, struct bu_err *err)
{
	_cleanup_free_ char *events = NULL, *tracer = NULL;

	if (bu_read_whole(s->fs.buffer, "set_event", &events, NULL) ||
	    bu_read_whole(s->fs.buffer, "current_tracer", &tracer, NULL) || (!*events && !strncmp(tracer, "nop", 3)))
		return 0;
	return doubt(s, "events are on in the buffer since this boot began: what it holds may be of both boots, whose stamps overlap, or "
		     "of this one only; boot once with the line for the next boot that 'bringup plan --persistent' prints", err);
}

/* Refuses an empty buffer before anything is read. */
static int refuse_empty(struct session *s, struct bu_err *err)
{
	_cleanup_free_ int64_t *none = calloc(s->content->cpus + 1, sizeof(*none));
	struct bu_account a;
	int rc;

	if (!none)
		return bu_fail_errno(err, -ENOMEM, "record");
	rc = bu_account_sum(NULL, s->content->cpustats, s->content->cpus, none, false, &a, err);
	if (rc || a.unread)
		return rc;
	if (s->p->from == BU_FROM_PREVIOUS_BOOT)
		return bu_fail(err, -ENODATA, "%s holds no events of the boot before: nothing was traced into it then, or it was read "
			       "or used since, or the memory did not survive the reset", what(s));
	return bu_fail(err, -ENODATA, "the %s buffer holds no events; %s", what(s),
		       s->instance ? "trace something in it first" :
		       "boot with trace_event=cpuhp:* trace_clock=x86-tsc, and let nobody read it before");
}

/* The rate of x86-tsc stands in the log: without it nothing can be timed. */
static int doubt_log(struct session *s, struct bu_err *err)
{
	char path[PATH_MAX];

	snprintf(path, sizeof(path), "%s/dmesg", s->p->machine);
	return access(path, F_OK) ? doubt(s, "the kernel's log could not be read, which takes CAP_SYSLOG and the system call syslog: "
					  "the rate of the clock may stay unknown", err) : 0;
}

static int describe(struct session *s, struct bu_err *err)
{
	int rc = read_formats(s, err);

	if (rc)
		return rc;
	s->content = bu_formats_content(s->formats);
	s->described = *s->content;
	s->r->no_addresses = bu_formats_no_addresses(s->formats);
	rc = bu_held_pages_init(&s->pages, &s->fs, s->p->from == BU_FROM_SNAPSHOT, s->content->page_bytes, s->content->cpus, err);
	if (!rc && !s->r->unaccounted)
		rc = refuse_empty(s, err);
	if (rc || !s->p->machine)
		return rc;
	if (s->p->from == BU_FROM_PREVIOUS_BOOT)
		return bu_machine_probe_lasting(s->p->machine, &s->fs, err);
	rc = bu_machine_probe(s->p->machine, &s->fs, err);
	return rc ? rc : doubt_log(s, err);
}

/* The file `recording` of the machine folder: what the importer makes notes of. */
static int write_doubts(const struct session *s, struct bu_err *err)
{
	_cleanup_free_ char *path = NULL;
	const char *line;
	FILE *f;

	if (!s->p->machine)
		return 0;
	if (asprintf(&path, "%s/recording", s->p->machine) < 0) {
		path = NULL;
		return bu_fail_errno(err, -ENOMEM, "record");
	}
	f = fopen(path, "we");
	if (!f)
		return bu_fail_errno(err, -errno, "%s", path);
	fprintf(f, "note: read from %s of %s\n", s->p->from == BU_FROM_SNAPSHOT ? "a snapshot" : "the buffer that the boot before left",
		s->instance ? s->instance : "the top-level buffer");
	for (line = s->r->doubts; line && *line; line += strcspn(line, "\n") + 1)
		fprintf(f, "note: %.*s\n", (int)strcspn(line, "\n"), line);
	return fclose(f) ? bu_fail_errno(err, -errno, "%s", path) : 0;
}

/* ---- three ways --------------------------------------------------------------------------------------------------- */

static int stop(struct session *s, struct bu_err *err)
{
	_cleanup_free_ char *on = NULL;
	int rc = bu_read_whole(s->fs.buffer, "tracing_on", &on, NULL);

	if (rc)
		return bu_fail_errno(err, rc, "tracing_on");
	s->was_on = *on == '1';
	return bu_journal_write(s->journal, s->fs.buffer, "tracing_on", "0", err);
}

static void go_on(const struct session *s)
{
	if (s->was_on)
		bu_write_word(s->fs.buffer, "tracing_on", "1");
}

static int save_stats(const struct session *s, const char *name, struct bu_err *err)
{
	return s->p->machine ? bu_machine_probe_stats(s->p->machine, name, &s->fs, err) : 0;
}

/* What the kernel counted while it was read is what must have arrived here. */
static int drain_and_account(struct session *s, struct bu_err *err)
{
	const struct bu_dat_text *after;
	int rc;

	rc = save_stats(s, "stats", err);
	if (!rc)
		rc = drain(s, err);
	if (!rc)
		rc = save_stats(s, "stats.after", err);
	if (!rc)
		rc = bu_formats_read_stats(s->formats, &s->fs, &after, err);
	return rc ? rc : bu_account_sum(s->content->cpustats, after, s->content->cpus, s->pages.written, false, &s->r->account, err);
}

static int record_buffer(struct session *s, struct bu_err *err)
{
	int rc = stop(s, err);

	if (!rc)
		rc = describe(s, err);
	if (!rc)
		rc = drain_and_account(s, err);
	if (s->r->kept)
		return rc;
	if (rc || s->p->keep_tracing)
		go_on(s);
	if (s->journal)
		bu_journal_forget(s->journal);
	return rc;
}

static int record_previous(struct session *s, struct bu_err *err)
{
	int rc = look_for_mixture(s, err);

	if (!rc)
		rc = describe(s, err);
	if (!rc)
		rc = write_doubts(s, err);
	if (!rc)
		rc = drain_and_account(s, err);
	if (!rc)
		rc = write_doubts(s, err);	/* there may be one more */
	if (!s->r->kept)
		bu_journal_forget(s->journal);
	return rc;
}

/* Tracing pauses while the statistics are read and the buffers are swapped, so that they speak of what is read. */
static int take_snapshot(struct session *s, struct bu_err *err)
{
	int rc = stop(s, err);

	if (!rc)
		rc = bu_formats_read_stats(s->formats, &s->fs, &s->described.cpustats, err);
	if (!rc)
		rc = save_stats(s, "stats", err);
	if (!rc)
		rc = bu_snapshot_take(s->journal, &s->fs, s->snapshot, err);
	go_on(s);
	return rc;
}

/* Of one that was there already the kernel has no statistics; its pages mark what is missing. */
static int record_snapshot(struct session *s, struct bu_err *err)
{
	int rc, undone;

	rc = describe(s, err);
	if (!rc && s->r->unaccounted) {
		s->described.cpustats = NULL;
		rc = doubt(s, "the snapshot was there already, and the kernel has no statistics of it: only what its pages mark as missing is "
			   "known to be lost", err);
	} else if (!rc) {
		rc = bu_snapshot_room(&s->fs, err);
		if (!rc)
			rc = take_snapshot(s, err);
	}
	if (!rc)
		rc = write_doubts(s, err);
	if (!rc)
		rc = drain(s, err);
	if (!rc)
		rc = bu_account_sum(s->described.cpustats, NULL, s->content->cpus, s->pages.written, false, &s->r->account, err);
	if (s->r->kept)
		return rc;
	undone = bu_journal_undo(s->journal, false, rc ? NULL : err);
	return rc ? rc : undone;
}

/* ---- the whole ----------------------------------------------------------------------------------------------------- */

/* Where no journal can be kept, as in a stricter sandbox than the unit's, the one thing written is that tracing is off. */
static int open_journal(struct session *s, struct bu_err *err)
{
	struct bu_err e = BU_ERR_INIT;
	int rc = bu_journal_open(s->p->state, false, &s->journal, &e);

	if (!rc || (s->p->from == BU_FROM_BUFFER && !s->p->state && (rc == -EROFS || rc == -EACCES || rc == -EPERM)))
		return 0;
	return bu_fail(err, rc, "%s", e.text);
}

static int open_buffer(struct session *s, struct bu_err *err)
{
	int rc = bu_tracefs_open(s->instance, &s->fs, err);

	s->r->mounted = s->fs.mounted;
	if (rc || s->instance || s->p->from != BU_FROM_PREVIOUS_BOOT)
		return rc;
	rc = bu_last_boot_find(s->fs.top, &s->found, err);
	bu_tracefs_close(&s->fs);
	s->instance = s->found;
	return rc ? rc : bu_tracefs_open(s->instance, &s->fs, err);
}

int bu_record(const struct bu_record_params *p, struct bu_record_result *ret, struct bu_err *err)
{
	struct session s = { .p = p, .r = ret, .instance = p->instance };
	sigset_t ours, before;
	int rc;

	memset(ret, 0, sizeof(*ret));
	hold_signals(&ours, &before);
	rc = open_buffer(&s, err);
	if (!rc && p->from == BU_FROM_SNAPSHOT) {
		rc = bu_snapshot_look(&s.fs, &s.snapshot, err);
		ret->unaccounted = s.snapshot == BU_SNAPSHOT_TAKEN;
	}
	if (!rc && !ret->unaccounted)	/* reading what lies in a snapshot takes nothing from anybody */
		rc = bu_others_check(&s.fs, s.instance, err);
	if (!rc)
		rc = open_journal(&s, err);
	if (!rc)
		rc = p->from == BU_FROM_BUFFER ? record_buffer(&s, err) :
		     p->from == BU_FROM_SNAPSHOT ? record_snapshot(&s, err) : record_previous(&s, err);
	bu_journal_close(s.journal);
	bu_formats_destroy(s.formats);
	bu_held_pages_fini(&s.pages);
	free(s.found);
	bu_tracefs_close(&s.fs);
	release_signals(&ours, &before);
	return rc;
}

void bu_record_result_fini(struct bu_record_result *r)
{
	free(r->doubts);
}
