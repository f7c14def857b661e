/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * journal.h - every change to tracefs is on disk before it is made, and is undone in reverse.
 *
 *   open (lock) --bu_journal_write(), bu_journal_make()...--> changed --bu_journal_undo()--> as before, journal gone
 *                                        SIGKILL here --> `bringup record --recover`: open, undo
 *
 * The journal lies in a state folder, /run/bringup unless told otherwise, beside a lock that a recorder holds as long as
 * it lives. Invariants: (1) a record is synced before its change happens; (2) an instance is removed only when the
 * journal says that this program was about to make it, under a name with 64 random bits that did not exist; (3) a
 * journal of another boot is never applied to tracefs.
 */
#ifndef BU_COLLECTOR_JOURNAL_H
#define BU_COLLECTOR_JOURNAL_H

#include <stdbool.h>

#include "schemas/base/err.h"

#define BU_STATE_DIR "/run/bringup"

struct bu_journal;

/**
 * bu_journal_open() - Take the lock of the state folder and look at what an earlier recorder left.
 * @dir: made when it does not exist (mode 0700). NULL: BU_STATE_DIR.
 * @recover: what an earlier recorder left is wanted; otherwise it is a reason to refuse.
 * Return: 0; -EBUSY when a recorder is at work; -EUCLEAN when one was killed and @recover is false; -EROFS, -EACCES and
 * others of the system.
 */
int bu_journal_open(const char *dir, bool recover, struct bu_journal **ret, struct bu_err *err);

/**
 * bu_journal_close() - Let the lock go. What was not undone stays in the journal. NULL is quiet.
 */
void bu_journal_close(struct bu_journal *j);
void bu_journal_closep(struct bu_journal **j);

/**
 * bu_journal_write() - Write @word to the file @path below the folder @dir, its old content having been put down first.
 * @j: NULL: nothing is put down, for where no journal can be kept.
 * @path: relative to @dir. Of choices like "local [boot]" the old value is the one in brackets.
 * Return: 0; negative errno with a message.
 */
int bu_journal_write(struct bu_journal *j, int dir, const char *path, const char *word, struct bu_err *err);

/**
 * bu_journal_write_back() - The same, where what undoes it is not the file's old content but the word @back.
 */
int bu_journal_write_back(struct bu_journal *j, int dir, const char *path, const char *word, const char *back,
			  struct bu_err *err);

/**
 * bu_journal_make() - Make a new instance below the tracefs folder @top.
 * @ret_name: "bringup-" and 16 digits; owned by the journal.
 */
int bu_journal_make(struct bu_journal *j, int top, const char **ret_name, struct bu_err *err);

/**
 * bu_journal_remember() - Put down a fact for whoever recovers; it replaces an older one with this @key.
 * bu_journal_recall() - Return: that fact, owned by the journal, or NULL.
 */
int bu_journal_remember(struct bu_journal *j, const char *key, const char *value, struct bu_err *err);
const char *bu_journal_recall(const struct bu_journal *j, const char *key);

/**
 * bu_path_absolute() - @path as whoever recovers, from another folder, finds it. Return: to be freed; NULL: no memory.
 */
char *bu_path_absolute(const char *path);

/**
 * bu_journal_found() - Whether an earlier recorder had left anything.
 * bu_journal_instance() - The instance that was made and still stands in the journal, or NULL.
 * bu_journal_same_boot() - Whether the kernel is still the one that the journal speaks of.
 */
bool bu_journal_found(const struct bu_journal *j);
const char *bu_journal_instance(const struct bu_journal *j);
bool bu_journal_same_boot(const struct bu_journal *j);

/**
 * bu_journal_undo() - Put everything back, newest first, and remove the journal. What can no longer be put back, because
 * it is gone, is passed over.
 * @keep: leave the journal, since the facts in it are still needed.
 * Return: 0; the first error otherwise, with the journal kept so that it can be tried again.
 */
int bu_journal_undo(struct bu_journal *j, bool keep, struct bu_err *err);

/**
 * bu_journal_forget() - What was changed is to stay: remove the journal.
 */
int bu_journal_forget(struct bu_journal *j);

#endif
