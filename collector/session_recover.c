// SPDX-License-Identifier: GPL-2.0-only
/*
 * session_recover.c - see session.h: goes on where a recorder of a held buffer was killed, or had no space.
 *
 * Its journal says which file and which buffer. The last page of the file may be empty: the recorder died between making
 * room for a page and reading it. On another boot nothing more can be read, and the file is what there is.
 */
#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "collector/held_pages.h"
#include "collector/journal.h"
#include "collector/machine_probe.h"
#include "collector/previous_boot.h"
#include "collector/session.h"
#include "collector/session_int.h"
#include "collector/tracefs_formats.h"
#include "schemas/base/mem.h"

struct recovery {
	struct bu_journal *journal;
	struct bu_record_result *r;
	const struct bu_recovered *what;
	enum bu_record_from from;
	struct bu_dat_place place;
	struct bu_tracefs fs;
	struct bu_formats *formats;
	struct bu_held_pages pages;
};

void bu_recovered_fini(struct bu_recovered *w)
{
	free(w->dat);
	free(w->machine);
	free(w->database);
}

static char *recall(const struct bu_journal *j, const char *key)
{
	const char *v = bu_journal_recall(j, key);

	return v && *v ? strdup(v) : NULL;
}

static int read_facts(struct recovery *v, struct bu_recovered *what, struct bu_err *err)
{
	const char *place = bu_journal_recall(v->journal, BU_HELD_PLACE), *redact = bu_journal_recall(v->journal, BU_HELD_REDACT);
	int from;

	if (!place)
		return -ENOENT;
	what->dat = recall(v->journal, BU_HELD_DAT);
	what->machine = recall(v->journal, BU_HELD_MACHINE);
	what->database = recall(v->journal, BU_HELD_DATABASE);
	what->redact = redact && !strcmp(redact, "yes");
	if (!what->dat || sscanf(place, "%d %" SCNu64 " %" SCNu64 " %" SCNu64 " %u %u", &from, &v->place.table_at, &v->place.kallsyms_at,
				 &v->place.pages_at, &v->place.page_bytes, &v->place.cpus) != 6)
		return bu_fail(err, -EBADMSG, "the journal of the earlier recording is damaged");
	v->from = (enum bu_record_from)from;
	return 0;
}

/* ---- the account ------------------------------------------------------------------------------------------------- */

/* From the text that session.c put down, "CPU: N" and its statistics after it, to a text for each CPU. */
static int split_stats(char *text, struct bu_dat_text *ret, uint32_t cpus)
{
	struct bu_dat_text *now = NULL;
	unsigned long cpu;
	char *line, *end;

	for (line = text; *line; line = end + 1) {
		end = strchr(line, '\n');
		if (!end)
			return -EBADMSG;
		if (!strncmp(line, "CPU: ", 5)) {
			cpu = strtoul(line + 5, NULL, 10);
			if (cpu >= cpus)
				return -EBADMSG;
			now = &ret[cpu];
			now->data = end + 1;
		} else if (now) {
			now->len = (size_t)(end + 1 - now->data);
		}
	}
	return 0;
}

static int account(struct recovery *v, struct bu_err *err)
{
	_cleanup_free_ struct bu_dat_text *before = calloc((size_t)v->place.cpus + 1, sizeof(*before));
	_cleanup_free_ char *text = recall(v->journal, BU_HELD_STATS);
	const struct bu_dat_text *after = NULL;
	int rc = before ? 0 : bu_fail_errno(err, -ENOMEM, "recover");

	v->r->unaccounted = !text;
	if (!rc && text && split_stats(text, before, v->place.cpus))
		rc = bu_fail(err, -EBADMSG, "the journal of the earlier recording is damaged");
	if (!rc && v->from != BU_FROM_SNAPSHOT && v->formats)
		rc = bu_formats_read_stats(v->formats, &v->fs, &after, err);
	return rc ? rc : bu_account_sum(text ? before : NULL, after, v->place.cpus, v->pages.written, true, &v->r->account, err);
}

/* ---- the pages ----------------------------------------------------------------------------------------------------- */

static int read_formats(struct recovery *v, struct bu_last_boot *boot, struct bu_err *err)
{
	int rc;

	if (v->from != BU_FROM_PREVIOUS_BOOT)
		return bu_formats_read(&v->fs, &v->formats, err);
	rc = bu_last_boot_read(v->fs.buffer, boot, err);
	return rc ? rc : bu_formats_read_previous(&v->fs, &v->formats, err);
}

static int go_on(struct recovery *v, struct bu_dat_out *out, int64_t last_cpu, struct bu_err *err)
{
	struct bu_last_boot boot = { .delta = 0 };
	const char *instance = bu_journal_recall(v->journal, BU_HELD_INSTANCE);
	int rc;

	rc = bu_tracefs_open(instance && *instance ? instance : NULL, &v->fs, err);
	if (!rc)
		rc = read_formats(v, &boot, err);
	if (!rc)
		rc = bu_held_pages_init(&v->pages, &v->fs, v->from == BU_FROM_SNAPSHOT, v->place.page_bytes, v->place.cpus, err);
	if (!rc)
		rc = bu_held_pages_recount(&v->pages, out, err);
	if (!rc)
		rc = bu_held_pages_drain(&v->pages, out, last_cpu, err);
	if (!rc && v->from == BU_FROM_PREVIOUS_BOOT)
		rc = bu_last_boot_symbols(&boot, v->formats, v->what->dat, out, err);
	if (rc > 0)
		v->r->doubts = strdup(BU_LEANS_ON_LAST_BOOT "\n");
	if (rc >= 0 && v->what->machine && v->from != BU_FROM_SNAPSHOT)
		rc = bu_machine_probe_stats(v->what->machine, "stats.after", &v->fs, err);
	return rc < 0 ? rc : account(v, err);
}

/* The machine was started anew: what was read is what there is. */
static int take_as_it_is(struct recovery *v, struct bu_dat_out *out, struct bu_err *err)
{
	int rc = bu_held_pages_init(&v->pages, NULL, false, v->place.page_bytes, v->place.cpus, err);

	if (!rc)
		rc = bu_held_pages_recount(&v->pages, out, err);
	v->r->doubts = strdup("the machine was started anew since: what had not been read by then is gone\n");
	if (!rc)
		rc = account(v, err);
	v->r->account.unread += v->r->account.died;
	v->r->account.died = 0;
	return rc;
}

static int note(const struct recovery *v, struct bu_err *err)
{
	_cleanup_free_ char *path = NULL;
	FILE *f;

	if (!v->what->machine)
		return 0;
	if (asprintf(&path, "%s/recording", v->what->machine) < 0) {
		path = NULL;
		return bu_fail_errno(err, -ENOMEM, "recover");
	}
	f = fopen(path, "ae");
	if (!f)
		return bu_fail_errno(err, -errno, "%s", path);
	fprintf(f, "note: the recorder broke off; the recording was finished by 'bringup record --recover'\n");
	if (v->r->doubts)
		fprintf(f, "note: %s", v->r->doubts);
	return fclose(f) ? bu_fail_errno(err, -errno, "%s", path) : 0;
}

static int finish(struct recovery *v, struct bu_err *err)
{
	_cleanup_(bu_dat_out_destroyp) struct bu_dat_out *out = NULL;
	int64_t last_cpu = -1;
	int rc;

	rc = bu_dat_out_reopen(v->what->dat, &v->place, &out, &last_cpu, err);
	if (rc)
		return rc;
	rc = bu_journal_same_boot(v->journal) ? go_on(v, out, last_cpu, err) : take_as_it_is(v, out, err);
	if (!rc)
		rc = note(v, err);
	if (!rc)
		rc = bu_dat_out_finish(out, err);
	v->r->pages = v->pages.pages;
	v->r->marks = v->pages.marks;
	if (!rc)
		return 0;
	bu_dat_out_leave(take_ptr(out));
	return bu_fail(err, rc, "what was read is in %s.partial; try again", v->what->dat);
}

int bu_record_recover(const char *state, struct bu_record_result *ret, struct bu_recovered *what, struct bu_err *err)
{
	struct recovery v = { .r = ret, .what = what, .fs = { .top = -1, .buffer = -1 } };
	_cleanup_free_ char *partial = NULL;
	int rc;

	*ret = (struct bu_record_result){ .pages = 0 };
	*what = (struct bu_recovered){ .dat = NULL };
	rc = bu_tracefs_may(err);
	if (!rc)
		rc = bu_journal_open(state, true, &v.journal, err);
	if (!rc)
		rc = read_facts(&v, what, err);
	if (!rc && asprintf(&partial, "%s.partial", what->dat) < 0) {
		partial = NULL;
		rc = bu_fail_errno(err, -ENOMEM, "recover");
	}
	if (!rc) {		/* without it the file has its name already, and only the journal is left */
		what->saved = access(partial, F_OK) != 0;
		rc = what->saved ? 0 : finish(&v, err);
	}
	if (!rc)
		rc = v.from == BU_FROM_SNAPSHOT ? bu_journal_undo(v.journal, false, err) : bu_journal_forget(v.journal);
	bu_held_pages_fini(&v.pages);
	bu_formats_destroy(v.formats);
	bu_tracefs_close(&v.fs);
	bu_journal_close(v.journal);
	return rc;
}
