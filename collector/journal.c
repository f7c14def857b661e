// SPDX-License-Identifier: GPL-2.0-only
/*
 * journal.c - see journal.h.
 *
 * A line per record, fields separated by tabs, with \t, \n and \\ escaped: "boot ID", "set FOLDER PATH OLD", "make NAME",
 * "foreign NAME", "fact KEY VALUE". A last line without its end was being written when the recorder died; what it speaks
 * of had not happened yet.
 */
#include "collector/journal.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/random.h>
#include <sys/stat.h>
#include <unistd.h>

#include "collector/tracefs_dir.h"
#include "schemas/base/mem.h"

#define N_FIELDS 4

struct record {
	char *field[N_FIELDS];	/* [0] is the kind; what is not there is NULL */
};

struct bu_journal {
	char *dir, *boot;
	int dir_fd, lock, file;		/* file -1: nothing was put down yet */
	bool found, same_boot;
	struct record *records;
	size_t n, cap;
};

static void free_record(struct record *r)
{
	size_t i;

	for (i = 0; i < N_FIELDS; i++)
		free(r->field[i]);
}

void bu_journal_close(struct bu_journal *j)
{
	size_t i;

	if (!j)
		return;
	for (i = 0; i < j->n; i++)
		free_record(&j->records[i]);
	free(j->records);
	if (j->file >= 0)
		close(j->file);
	if (j->lock >= 0)
		close(j->lock);		/* the lock goes with it */
	if (j->dir_fd >= 0)
		close(j->dir_fd);
	free(j->dir);
	free(j->boot);
	free(j);
}

void bu_journal_closep(struct bu_journal **j)
{
	bu_journal_close(*j);
}

/* ---- the file ------------------------------------------------------------------------------------------------ */

static void unescape(char *text)
{
	char *to = text;

	for (; *text; text++) {
		if (*text == '\\' && text[1])
			*to++ = *++text == 'n' ? '\n' : *text == 't' ? '\t' : *text;
		else
			*to++ = *text;
	}
	*to = 0;
}

static int keep(struct bu_journal *j, const char *const field[N_FIELDS])
{
	struct record r = { { NULL } };
	size_t i;

	for (i = 0; i < N_FIELDS && field[i]; i++) {
		r.field[i] = strdup(field[i]);
		if (!r.field[i]) {
			free_record(&r);
			return -ENOMEM;
		}
	}
	if (bu_grow(&j->records, j->n, &j->cap, sizeof(r))) {
		free_record(&r);
		return -ENOMEM;
	}
	j->records[j->n++] = r;
	return 0;
}

static int parse(struct bu_journal *j, char *text)
{
	const char *field[N_FIELDS];
	char *end, *next;
	size_t i;
	int rc = 0;

	for (; !rc && (end = strchr(text, '\n')) != NULL; text = end + 1) {
		*end = 0;
		memset(field, 0, sizeof(field));
		for (i = 0; text && i < N_FIELDS; i++, text = next) {
			next = strchr(text, '\t');
			if (next)
				*next++ = 0;
			unescape(text);
			field[i] = text;
		}
		if (!strcmp(field[0], "boot"))
			j->same_boot = field[1] && !strcmp(field[1], j->boot);
		else
			rc = keep(j, field);
	}
	return rc;
}

static void put_escaped(FILE *f, const char *text)
{
	for (; *text; text++) {
		if (strchr("\\\n\t", *text))
			fputc('\\', f);
		fputc(*text == '\n' ? 'n' : *text == '\t' ? 't' : *text, f);
	}
}

/* Appends one record and syncs it, before what it speaks of happens. */
static int put(struct bu_journal *j, const char *const field[N_FIELDS], struct bu_err *err)
{
	_cleanup_free_ char *line = NULL;
	size_t len = 0, i;
	FILE *f = open_memstream(&line, &len);
	bool first = j->file < 0;
	int rc = 0;

	if (!f)
		return bu_fail_errno(err, -ENOMEM, "the journal");
	if (first)
		fprintf(f, "boot\t%s\n", j->boot);
	for (i = 0; i < N_FIELDS && field[i]; i++) {
		if (i)
			fputc('\t', f);
		put_escaped(f, field[i]);
	}
	fputc('\n', f);
	if (fclose(f))
		return bu_fail_errno(err, -ENOMEM, "the journal");
	if (first)
		j->file = openat(j->dir_fd, "journal", O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0600);
	if (j->file < 0 || write(j->file, line, len) != (ssize_t)len || fsync(j->file) || (first && fsync(j->dir_fd)))
		rc = errno ? -errno : -EIO;
	if (!rc)
		rc = keep(j, field);
	return rc ? bu_fail_errno(err, rc, "%s/journal: nothing may be changed without it", j->dir) : 0;
}

/* ---- opening ------------------------------------------------------------------------------------------------- */

/* One that was just killed keeps its lock until the kernel has taken it apart: whoever recovers waits for that. */
static int lock(int fd, bool patient)
{
	int tries;

	for (tries = patient ? 50 : 1; tries--; usleep(20000))
		if (!flock(fd, LOCK_EX | LOCK_NB))
			return 0;
	return -EWOULDBLOCK;
}

static int take_lock(struct bu_journal *j, bool recover, struct bu_err *err)
{
	char who[32] = "";
	ssize_t n;

	j->lock = openat(j->dir_fd, "lock", O_RDWR | O_CREAT | O_CLOEXEC, 0600);
	if (j->lock < 0)
		return bu_fail_errno(err, -errno, "%s/lock", j->dir);
	if (lock(j->lock, recover)) {
		n = pread(j->lock, who, sizeof(who) - 1, 0);
		return bu_fail(err, -EBUSY, "another recorder is at work (process %.*s); wait for it, or stop it with SIGINT",
			       n > 0 ? (int)strcspn(who, "\n") : 1, n > 0 ? who : "?");
	}
	n = snprintf(who, sizeof(who), "%d\n", (int)getpid());
	if (ftruncate(j->lock, 0) || pwrite(j->lock, who, (size_t)n, 0) != n)
		return bu_fail_errno(err, -errno, "%s/lock", j->dir);
	return 0;
}

static int read_old(struct bu_journal *j, bool recover, struct bu_err *err)
{
	_cleanup_free_ char *text = NULL;
	int rc = bu_read_whole(j->dir_fd, "journal", &text, NULL);

	if (rc == -ENOENT)
		return 0;
	if (rc)
		return bu_fail_errno(err, rc, "%s/journal", j->dir);
	j->found = true;
	if (!recover)
		return bu_fail(err, -EUCLEAN, "an earlier recording was killed and has left %s/journal; "
			       "'bringup record --recover' finishes it and puts everything back", j->dir);
	j->file = openat(j->dir_fd, "journal", O_WRONLY | O_APPEND | O_CLOEXEC);
	rc = j->file < 0 ? -errno : parse(j, text);
	return rc ? bu_fail_errno(err, rc, "%s/journal", j->dir) : 0;
}

/* The folder and those above it: an initramfs has no /run yet. */
static int make_folder(char *path)
{
	char *slash;

	for (slash = strchr(path + 1, '/'); slash; slash = strchr(slash + 1, '/')) {
		*slash = 0;
		mkdir(path, 0755);	/* whether that went well shows in the last one */
		*slash = '/';
	}
	return mkdir(path, 0700) && errno != EEXIST ? -errno : 0;
}

int bu_journal_open(const char *dir, bool recover, struct bu_journal **ret, struct bu_err *err)
{
	_cleanup_(bu_journal_closep) struct bu_journal *j = calloc(1, sizeof(*j));
	int rc;

	if (!j)
		return bu_fail_errno(err, -ENOMEM, "the journal");
	j->dir_fd = j->lock = j->file = -1;
	j->same_boot = true;
	j->dir = strdup(dir ? dir : BU_STATE_DIR);
	if (!j->dir)
		return bu_fail_errno(err, -ENOMEM, "the journal");
	rc = make_folder(j->dir);
	if (rc)
		return bu_fail_errno(err, rc, "%s: make the folder; --state names another", j->dir);
	j->dir_fd = open(j->dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (j->dir_fd < 0)
		return bu_fail_errno(err, -errno, "%s", j->dir);
	rc = bu_read_whole(AT_FDCWD, "/proc/sys/kernel/random/boot_id", &j->boot, NULL);
	if (rc)
		return bu_fail_errno(err, rc, "/proc/sys/kernel/random/boot_id");
	j->boot[strcspn(j->boot, "\n")] = 0;
	rc = take_lock(j, recover, err);
	if (!rc)
		rc = read_old(j, recover, err);
	if (rc)
		return rc;
	*ret = take_ptr(j);
	return 0;
}

/* ---- changes ------------------------------------------------------------------------------------------------- */

/* "local [boot] mono" -> "boot"; without the newline. */
static void chosen(char *text)
{
	char *open = strchr(text, '['), *close = open ? strchr(open, ']') : NULL;

	if (close) {
		*close = 0;
		memmove(text, open + 1, strlen(open + 1) + 1);
	}
	text[strcspn(text, "\n")] = 0;
}

int bu_journal_write_back(struct bu_journal *j, int dir, const char *path, const char *word, const char *back,
			  struct bu_err *err)
{
	char link[64], folder[PATH_MAX];
	const char *field[N_FIELDS] = { "set", folder, path, back };
	ssize_t n;
	int rc;

	if (j) {
		snprintf(link, sizeof(link), "/proc/self/fd/%d", dir);
		n = readlink(link, folder, sizeof(folder) - 1);
		if (n < 0)
			return bu_fail_errno(err, -errno, "tracing: %s", path);
		folder[n] = 0;
		rc = put(j, field, err);
		if (rc)
			return rc;
	}
	rc = bu_write_word(dir, path, word);
	return rc ? bu_fail_errno(err, rc, "tracing: write '%s' to %s", word, path) : 0;
}

int bu_journal_write(struct bu_journal *j, int dir, const char *path, const char *word, struct bu_err *err)
{
	_cleanup_free_ char *old = NULL;
	int rc = j ? bu_read_whole(dir, path, &old, NULL) : 0;

	if (rc)
		return bu_fail_errno(err, rc, "tracing: %s", path);
	if (old)
		chosen(old);
	return bu_journal_write_back(j, dir, path, word, old, err);
}

int bu_journal_make(struct bu_journal *j, int top, const char **ret_name, struct bu_err *err)
{
	char path[64], link[64], folder[PATH_MAX];
	const char *field[N_FIELDS] = { "make", folder, path, NULL };
	uint64_t nonce;
	ssize_t n;
	int rc;

	snprintf(link, sizeof(link), "/proc/self/fd/%d", top);
	n = readlink(link, folder, sizeof(folder) - 1);
	if (n < 0 || getrandom(&nonce, sizeof(nonce), 0) != sizeof(nonce))
		return bu_fail_errno(err, -errno, "tracing: make an instance");
	folder[n] = 0;
	snprintf(path, sizeof(path), "instances/bringup-%016" PRIx64, nonce);
	if (!faccessat(top, path, F_OK, 0))
		return bu_fail(err, -EEXIST, "tracing: there is an instance %s already", path);
	rc = put(j, field, err);
	if (rc)
		return rc;
	if (mkdirat(top, path, 0700)) {		/* an instance that exists is never opened: EEXIST */
		rc = -errno;
		field[0] = "foreign";
		put(j, field, NULL);
		return bu_fail_errno(err, rc, "tracing: make the instance %s", path);
	}
	*ret_name = bu_journal_instance(j);
	return 0;
}

int bu_journal_remember(struct bu_journal *j, const char *key, const char *value, struct bu_err *err)
{
	const char *field[N_FIELDS] = { "fact", key, value, NULL };

	return put(j, field, err);
}

const char *bu_journal_recall(const struct bu_journal *j, const char *key)
{
	size_t i;

	for (i = j->n; i-- > 0; )
		if (!strcmp(j->records[i].field[0], "fact") && j->records[i].field[2] &&
		    !strcmp(j->records[i].field[1], key))
			return j->records[i].field[2];
	return NULL;
}

char *bu_path_absolute(const char *path)
{
	_cleanup_free_ char *here = NULL;
	char *all;

	if (*path == '/')
		return strdup(path);
	here = getcwd(NULL, 0);
	return here && asprintf(&all, "%s/%s", here, path) >= 0 ? all : NULL;
}

bool bu_journal_found(const struct bu_journal *j)
{
	return j->found;
}

bool bu_journal_same_boot(const struct bu_journal *j)
{
	return j->same_boot;
}

static bool is_foreign(const struct bu_journal *j, const char *path)
{
	size_t i;

	for (i = 0; i < j->n; i++)
		if (!strcmp(j->records[i].field[0], "foreign") && j->records[i].field[2] &&
		    !strcmp(j->records[i].field[2], path))
			return true;
	return false;
}

const char *bu_journal_instance(const struct bu_journal *j)
{
	const char *path;
	size_t i;

	for (i = j->n; i-- > 0; ) {
		path = j->records[i].field[2];
		if (!strcmp(j->records[i].field[0], "make") && path && !is_foreign(j, path))
			return strrchr(path, '/') + 1;
	}
	return NULL;
}

/* ---- undoing ------------------------------------------------------------------------------------------------- */

static int remove_instance(const char *path, struct bu_err *err)
{
	int tries;

	/* Closing a reader is not quite done when close() returns to it; others may be looking for a moment. */
	for (tries = 0; tries < 50; tries++) {
		if (!rmdir(path) || errno == ENOENT)
			return 0;
		if (errno != EBUSY)
			break;
		usleep(20000);
	}
	return bu_fail_errno(err, -errno, "%s cannot be removed; look who uses it, then 'bringup record --recover'", path);
}

static int undo_one(const struct bu_journal *j, const struct record *r, struct bu_err *err)
{
	_cleanup_free_ char *path = NULL;
	const char *mine = bu_journal_instance(j);
	int rc;

	if (!r->field[1] || !r->field[2])
		return 0;
	if (asprintf(&path, "%s/%s", r->field[1], r->field[2]) < 0) {
		path = NULL;
		return bu_fail_errno(err, -ENOMEM, "the journal");
	}
	if (!strcmp(r->field[0], "make"))
		return is_foreign(j, r->field[2]) ? 0 : remove_instance(path, err);
	if (strcmp(r->field[0], "set") || !r->field[3])
		return 0;
	if (mine && strstr(r->field[1], mine))
		return 0;	/* goes away with the instance */
	rc = bu_write_word(AT_FDCWD, path, r->field[3]);
	return rc && rc != -ENOENT ? bu_fail_errno(err, rc, "%s: write back '%s'", path, r->field[3]) : 0;
}

int bu_journal_forget(struct bu_journal *j)
{
	size_t i;

	if (unlinkat(j->dir_fd, "journal", 0) && errno != ENOENT)
		return -errno;
	if (j->file >= 0)
		close(j->file);
	j->file = -1;
	for (i = 0; i < j->n; i++)
		free_record(&j->records[i]);
	j->n = 0;
	j->found = false;
	return 0;
}

int bu_journal_undo(struct bu_journal *j, bool keep_it, struct bu_err *err)
{
	int rc = 0, one;
	size_t i;

	for (i = j->n; j->same_boot && i-- > 0; ) {
		one = undo_one(j, &j->records[i], rc ? NULL : err);
		if (!rc)
			rc = one;
	}
	if (rc || keep_it)
		return rc;
	rc = bu_journal_forget(j);
	return rc ? bu_fail_errno(err, rc, "%s/journal", j->dir) : 0;
}
