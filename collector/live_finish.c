// SPDX-License-Identifier: GPL-2.0-only
/*
 * live_finish.c - see live_record.h: the end of a recording, whether it came by itself or a recorder was killed.
 *
 * In the folder of the recording a trace.dat appears by rename, when it is whole; from then on the kernel is not needed.
 */
#include <errno.h>
#include <fcntl.h>
#include <fts.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "collector/import.h"
#include "collector/live_int.h"
#include "collector/machine_dir.h"
#include "collector/machine_probe.h"
#include "collector/redact.h"
#include "collector/tracefs_formats.h"
#include "schemas/base/mem.h"
#include "schemas/base/ns.h"
#include "schemas/store/db.h"

#define MAX_HOLES_SAID 1000

void bu_remove_folder(const char *path)
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

void bu_live_result_fini(struct bu_live_result *r)
{
	free(r->no_functions);
	bu_given_up_fini(&r->given_up);
}

bool bu_live_empty(const struct bu_live_result *r)
{
	return r->accounted && !r->account.written;
}

bool bu_live_is_db(const char *path)
{
	size_t n = strlen(path);

	return n > 3 && !strcmp(path + n - 3, ".db");
}

int bu_live_stop(struct bu_journal *j, const struct bu_tracefs *fs, struct bu_readers *r, struct bu_spool *spool,
		 bool leave, struct bu_err *err)
{
	int rc = bu_journal_write(j, fs->buffer, "tracing_on", "0", err);

	if (!rc && !leave)
		rc = bu_readers_all(r, spool, err);
	return rc ? rc : bu_spool_round(spool, err);
}

/* ---- the account ----------------------------------------------------------------------------------------------- */

static int account(const struct bu_dat_content *c, const struct bu_readers *r, struct bu_live_result *ret,
		   struct bu_err *err)
{
	_cleanup_free_ int64_t *written = calloc(c->cpus + 1, sizeof(*written));
	size_t i;

	if (!written)
		return bu_fail_errno(err, -ENOMEM, "account");
	for (i = 0; i < r->n; i++)
		if (r->cpus[i].cpu < c->cpus)
			written[r->cpus[i].cpu] = r->cpus[i].events;
	ret->accounted = true;
	return bu_account_sum(NULL, c->cpustats, c->cpus, written, ret->recovered, &ret->account, err);
}

/* The file `recording` of the machine folder: what the importer makes notes of, and who reads a trace.dat should know. */
static int write_recording(const char *folder, const struct bu_readers *r, const struct bu_live_result *ret,
			   struct bu_err *err)
{
	const struct bu_account *a = &ret->account;
	_cleanup_free_ char *path = NULL;
	FILE *f;
	size_t i;

	if (asprintf(&path, "%s/machine/recording", folder) < 0) {
		path = NULL;
		return bu_fail_errno(err, -ENOMEM, "record");
	}
	f = fopen(path, "we");
	if (!f)
		return bu_fail_errno(err, -errno, "%s", path);
	fprintf(f, "ended by: %s\n", ret->ended_by);
	fprintf(f, "produced: %" PRId64 "\nwritten: %" PRId64 "\noverrun: %" PRId64 "\ndropped: %" PRId64 "\nunread: %" PRId64
		"\ndied: %" PRId64 "\ncpus: %" PRId64 "\n", a->produced, a->written, a->overrun, a->dropped, a->unread, a->died, a->cpus);
	for (i = 0; i < ret->given_up.n; i++)
		fprintf(f, "gave up: %s\n", ret->given_up.text[i]);
	if (ret->no_functions)
		fprintf(f, "note: functions are not traced: %s\n", ret->no_functions);
	if (ret->recovered)
		fprintf(f, "note: the recorder was killed; the recording was finished by 'bringup record --recover'\n");
	for (i = 0; i < r->n_holes && i < MAX_HOLES_SAID; i++) {
		fprintf(f, "missing: cpu %u, after %" PRIu64 ", before %" PRIu64 ", ", r->holes[i].cpu, r->holes[i].after,
			r->holes[i].before);
		if (r->holes[i].count > 0)
			fprintf(f, "%" PRId64 " events\n", r->holes[i].count);
		else
			fprintf(f, "number not known\n");
	}
	if (fclose(f))
		return bu_fail_errno(err, -errno, "%s", path);
	return 0;
}

int bu_live_save(const struct bu_tracefs *fs, const struct bu_journal *j, const struct bu_readers *r,
		 struct bu_live_result *ret, struct bu_err *err)
{
	_cleanup_(bu_formats_destroyp) struct bu_formats *formats = NULL;
	const char *folder = bu_journal_recall(j, BU_FACT_FOLDER);
	_cleanup_free_ char *pages = NULL, *dat = NULL, *machine = NULL;
	int rc;

	if (asprintf(&pages, "%s/pages", folder) < 0 || asprintf(&dat, "%s/trace.dat", folder) < 0 ||
	    asprintf(&machine, "%s/machine", folder) < 0)
		return bu_fail_errno(err, -ENOMEM, "record");
	rc = bu_formats_read_for(fs, bu_journal_recall(j, BU_FACT_EVENTS), &formats, err);
	if (!rc)
		rc = account(bu_formats_content(formats), r, ret, err);
	if (!rc)
		rc = bu_machine_probe_stats(machine, "stats.after", fs, err);
	if (!rc)
		rc = write_recording(folder, r, ret, err);
	if (!rc)
		rc = bu_spool_to_dat(pages, dat, bu_formats_content(formats), err);
	return rc;
}

/* ---- the output ------------------------------------------------------------------------------------------------- */

static int copy_file(const char *from, const char *to, struct bu_err *err)
{
	int in = open(from, O_RDONLY | O_CLOEXEC), out = -1, rc = 0;
	char buf[1 << 14];
	ssize_t n = 0;

	if (in >= 0)
		out = open(to, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0644);
	if (in < 0 || out < 0)
		rc = bu_fail_errno(err, -errno, "%s", to);
	while (!rc && (n = read(in, buf, sizeof(buf))) > 0)
		if (write(out, buf, (size_t)n) != n)
			rc = bu_fail_errno(err, errno ? -errno : -EIO, "%s", to);
	if (!rc && n < 0)
		rc = bu_fail_errno(err, -errno, "%s", from);
	if (in >= 0)
		close(in);
	if (out >= 0)
		close(out);
	return rc;
}

/* The machine files, flat, into the folder that the user named. */
static int leave_machine(const char *from, const char *to, struct bu_err *err)
{
	char *args[] = { (char *)from, NULL };
	FTS *fts;
	FTSENT *e;
	int rc = 0;

	if (mkdir(to, 0755) && errno != EEXIST)
		return bu_fail_errno(err, -errno, "%s: make the folder", to);
	fts = fts_open(args, FTS_PHYSICAL | FTS_NOCHDIR, NULL);
	while (!rc && fts && (e = fts_read(fts)) != NULL) {
		_cleanup_free_ char *path = NULL;

		if (e->fts_info != FTS_F)
			continue;
		if (asprintf(&path, "%s/%s", to, e->fts_name) < 0) {
			path = NULL;
			rc = bu_fail_errno(err, -ENOMEM, "record");
		} else {
			rc = copy_file(e->fts_accpath, path, err);
		}
	}
	if (fts)
		fts_close(fts);
	return rc;
}

static bool wants_redaction(const struct bu_journal *j)
{
	const char *fact = bu_journal_recall(j, BU_FACT_REDACT);

	return fact && !strcmp(fact, "yes");
}

/* From a database in the folder of the recording to the output. */
static int place(const struct bu_journal *j, const char *raw, const char *output, struct bu_err *err)
{
	struct bu_redact_result redacted;

	if (wants_redaction(j))
		return bu_redact(raw, output, true, &redacted, err);
	return rename(raw, output) ? bu_fail_errno(err, -errno, "%s: rename into place", output) : 0;
}

int bu_live_deliver(const struct bu_journal *j, struct bu_live_result *ret, struct bu_err *err)
{
	const char *folder = bu_journal_recall(j, BU_FACT_FOLDER), *output = bu_journal_recall(j, BU_FACT_OUTPUT);
	const char *leave = bu_journal_recall(j, BU_FACT_MACHINE);
	_cleanup_free_ char *dat = NULL, *machine = NULL, *raw = NULL;
	struct bu_import_params import;
	struct bu_import_result imported = { .events = 0 };
	int rc = 0;

	if (asprintf(&dat, "%s/trace.dat", folder) < 0 || asprintf(&machine, "%s/machine", folder) < 0 ||
	    asprintf(&raw, "%s/whole.db", folder) < 0)
		return bu_fail_errno(err, -ENOMEM, "record");
	import = (struct bu_import_params){ .file = dat, .machine = machine, .output = raw, .force = true };
	if (leave && *leave)
		rc = leave_machine(machine, leave, err);
	if (!rc && bu_live_empty(ret)) {
		/* a trace without events is none */
	} else if (!rc && bu_live_is_db(output)) {
		rc = bu_import(&import, &imported, err);
		ret->import_incomplete = !rc && !imported.complete;
		if (!rc)
			rc = place(j, raw, output, err);
	} else if (!rc && rename(dat, output)) {
		rc = bu_fail_errno(err, -errno, "%s: rename into place", output);
	}
	if (rc)
		return bu_fail(err, rc, "what was recorded is safe in %s", folder);
	bu_remove_folder(folder);
	return 0;
}

/* ---- recovery --------------------------------------------------------------------------------------------------- */

/* The recorder was killed while it recorded, and the instance is still there. */
static int finish_recording(struct bu_journal *j, const char *folder, struct bu_live_result *ret, struct bu_err *err)
{
	_cleanup_(bu_spool_closep) struct bu_spool *spool = NULL;
	_cleanup_(bu_formats_destroyp) struct bu_formats *formats = NULL;
	struct bu_readers readers = { .epoll = -1 };
	_cleanup_free_ char *pages = NULL;
	struct bu_tracefs fs;
	uint32_t page_bytes;
	int rc;

	if (asprintf(&pages, "%s/pages", folder) < 0) {
		pages = NULL;
		return bu_fail_errno(err, -ENOMEM, "recover");
	}
	rc = bu_tracefs_open(bu_journal_instance(j), &fs, err);
	if (!rc)
		rc = bu_formats_read_for(&fs, bu_journal_recall(j, BU_FACT_EVENTS), &formats, err);
	if (!rc) {
		page_bytes = bu_formats_content(formats)->page_bytes;
		rc = bu_spool_open(pages, page_bytes, &spool, err);
		if (!rc)
			rc = bu_readers_init(&readers, &fs, page_bytes, err);
		if (!rc)
			rc = bu_live_stop(j, &fs, &readers, spool, false, err);
	}
	if (!rc)
		rc = bu_readers_recount(&readers, pages, err);
	if (!rc)
		rc = bu_live_save(&fs, j, &readers, ret, err);
	ret->marks = readers.n_marks;
	if (spool)
		ret->spool_bytes = bu_spool_bytes(spool);
	bu_readers_fini(&readers);
	bu_tracefs_close(&fs);
	return rc;
}

/* Another kernel runs: nothing more can be read; what the writer had committed is what there is. */
static int keep_prefix(const struct bu_journal *j, const char *folder, const char *output, struct bu_err *err)
{
	_cleanup_(bu_db_closep) struct bu_db *db = NULL;
	_cleanup_free_ char *live = NULL;
	int rc;

	if (asprintf(&live, "%s/live.db", folder) < 0) {
		live = NULL;
		return bu_fail_errno(err, -ENOMEM, "recover");
	}
	if (!bu_live_is_db(output))
		return bu_fail(err, -ESTALE, "the machine was started anew since; the pages that were read are in %s, without "
			       "what is needed to decode them", folder);
	rc = bu_db_append(live, &bu_capture_format, &db, err);
	if (!rc)
		rc = bu_db_exec(db, "PRAGMA journal_mode = DELETE", err);
	bu_db_close(take_ptr(db));
	if (!rc)
		rc = place(j, live, output, err);
	if (!rc)
		bu_remove_folder(folder);
	return rc;
}

/* It was saved before the recorder was killed: its account stands beside it. */
static void recall_account(const char *folder, struct bu_live_result *ret)
{
	struct bu_account *a = &ret->account;
	_cleanup_free_ char *path = NULL, *text = NULL;
	const char *numbers;

	if (asprintf(&path, "%s/machine/recording", folder) < 0) {
		path = NULL;
		return;
	}
	if (bu_read_whole(AT_FDCWD, path, &text, NULL))
		return;
	numbers = strstr(text, "\nproduced: ");
	ret->accounted = numbers && sscanf(numbers, "\nproduced: %" SCNd64 " written: %" SCNd64 " overrun: %" SCNd64 " dropped: %" SCNd64
					   " unread: %" SCNd64 " died: %" SCNd64 " cpus: %" SCNd64, &a->produced, &a->written,
					   &a->overrun, &a->dropped, &a->unread, &a->died, &a->cpus) == 7;
	a->balanced = ret->accounted;
}

static int recover_output(struct bu_journal *j, struct bu_live_result *ret, char **ret_output, struct bu_err *err)
{
	const char *folder = bu_journal_recall(j, BU_FACT_FOLDER), *output = bu_journal_recall(j, BU_FACT_OUTPUT);
	_cleanup_free_ char *dat = NULL;
	int rc = 0;

	if (!folder || !output || access(folder, F_OK))
		return 0;
	if (asprintf(&dat, "%s/trace.dat", folder) < 0) {
		dat = NULL;
		return bu_fail_errno(err, -ENOMEM, "recover");
	}
	if (access(dat, F_OK)) {
		if (!bu_journal_recall(j, BU_FACT_EVENTS)) {	/* killed before anything was recorded */
			bu_remove_folder(folder);
			return 0;
		}
		if (!bu_journal_same_boot(j)) {
			rc = keep_prefix(j, folder, output, err);
			if (!rc) {
				bu_give_up(&ret->given_up, "the machine was started anew: only what was committed to the database "
					   "before is there");
				*ret_output = strdup(output);
			}
			return rc;
		}
		rc = finish_recording(j, folder, ret, err);
	} else {
		recall_account(folder, ret);
	}
	if (!rc)
		rc = bu_live_deliver(j, ret, err);
	if (!rc)
		*ret_output = strdup(output);
	return rc;
}

int bu_live_recover(const char *state, struct bu_live_result *ret, char **ret_output, struct bu_err *err)
{
	_cleanup_(bu_journal_closep) struct bu_journal *j = NULL;
	int rc;

	*ret = (struct bu_live_result){ .recovered = true, .ended_by = "a kill of the recorder" };
	*ret_output = NULL;
	rc = bu_tracefs_may(err);
	if (!rc)
		rc = bu_journal_open(state, true, &j, err);
	if (rc)
		return rc;
	if (!bu_journal_found(j))
		return bu_fail(err, -ENOENT, "there is nothing to recover");
	rc = recover_output(j, ret, ret_output, err);
	if (rc)		/* tracing is off; the instance still holds what could not be saved */
		return bu_fail(err, rc, "try again, or remove %s to give up what was recorded",
			       bu_journal_recall(j, BU_FACT_FOLDER));
	return bu_journal_undo(j, false, err);
}
