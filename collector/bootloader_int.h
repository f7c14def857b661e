/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * bootloader_int.h - what the two boot loaders do, files written so that a power cut leaves the old or the new one, and
 * the journal made of them.
 */
#ifndef BU_COLLECTOR_BOOTLOADER_INT_H
#define BU_COLLECTOR_BOOTLOADER_INT_H

#include <dirent.h>
#include <stdint.h>
#include <sys/types.h>

#include "collector/bootloader.h"

/* A kernel's line has 2 KiB at most (plan.h); one that is longer is to be seen as such. */
enum { BU_BOOTLOADER_MAX_FILES = 4, BU_BOOTLOADER_PATH = 512, BU_BOOTLOADER_LINE = 16384 };

/* The content of a file, with what else stat(2) says and undoing gives back. */
struct bu_file_state {
	bool exists;
	mode_t mode;		/* permission bits */
	uid_t uid;
	gid_t gid;
	int64_t mtime_ns;
	unsigned char *data;	/* owned */
	size_t len;
};

struct bu_journal_file {
	char path[BU_BOOTLOADER_PATH];	/* below the root, beginning with a slash */
	bool made_dir;			/* its folder was not there */
	struct bu_file_state before;
	struct bu_file_state written;
};

struct bu_journal {
	enum bu_bootloader_kind kind;
	bool made_dir;			/* the journal's own folder was not there */
	struct bu_journal_file files[BU_BOOTLOADER_MAX_FILES];
	size_t n_files;
};

/*
 * Called before each change that is made to the disk, with its number. For tests, which stop the program there; NULL
 * otherwise.
 */
extern void (*bu_bootloader_step)(int number);

/* ---- bootloader_grub.c, bootloader_entry.c: what each boot loader has of its own ---- */

/**
 * bu_grub_here() - Whether grub is set up below @root.
 */
bool bu_grub_here(const char *root);
bool bu_entry_loader_here(const char *root);	/* systemd-boot */

/**
 * bu_grub_plan() - What to write, where, into @f; nothing is changed. Return and words as bu_bootloader_apply().
 */
int bu_grub_plan(const struct bu_bootloader_request *r, struct bu_journal_file *f, struct bu_err *err);
int bu_entry_plan(const struct bu_bootloader_request *r, struct bu_journal_file *f, struct bu_err *err);

/**
 * bu_grub_present() - As bu_bootloader_present().
 */
int bu_grub_present(const struct bu_bootloader_request *r, char **ret, struct bu_err *err);
int bu_entry_present(const struct bu_bootloader_request *r, char **ret, struct bu_err *err);

/* ---- bootloader_file.c ---- */

/**
 * bu_root_exists() - Whether @root/@path is there.
 */
bool bu_root_exists(const char *root, const char *path);

/**
 * bu_root_opendir() - The folder @root/@path; NULL when it cannot be read. For _cleanup_(bu_closedirp).
 */
DIR *bu_root_opendir(const char *root, const char *path);
void bu_closedirp(DIR **d);

/**
 * bu_file_read() - All of the file @root/@path. A file that is not there is no error: @ret->exists is false.
 * Return: 0; -ELOOP when it is a symbolic link, -EINVAL when it is no plain file, other negative errno.
 */
int bu_file_read(const char *root, const char *path, struct bu_file_state *ret, struct bu_err *err);

/**
 * bu_file_write() - Make @root/@path what @state says, by a rename(2) that is on disk when this returns; a state that
 * does not exist removes it. Where the file system has no owners or modes (an EFI partition) they are left as they are.
 */
int bu_file_write(const char *root, const char *path, const struct bu_file_state *state, struct bu_err *err);

/**
 * bu_file_same() - Whether both do not exist, or have the same content.
 */
bool bu_file_same(const struct bu_file_state *a, const struct bu_file_state *b);

void bu_file_state_fini(struct bu_file_state *state);

/**
 * bu_dir_make() - Make the folder that @root/@path lies in, if only that one is missing (@parents: all that are).
 * @ret_made: whether it was missing.
 */
int bu_dir_make(const char *root, const char *path, bool parents, bool *ret_made, struct bu_err *err);

/**
 * bu_dir_remove() - Remove the folder that @root/@path lies in, if it is empty.
 */
void bu_dir_remove(const char *root, const char *path);

/* ---- bootloader_journal.c ---- */

/**
 * bu_journal_save() - Write the journal of @root. When this returns 0, it is on disk.
 */
int bu_journal_save(const char *root, const struct bu_journal *journal, struct bu_err *err);

/**
 * bu_journal_load() - Read it. Return: 0; -ENOENT when there is none, without words; -EBADMSG when it is damaged.
 */
int bu_journal_load(const char *root, struct bu_journal *ret, struct bu_err *err);

/**
 * bu_journal_remove() - Remove the journal, its folder if it was made for it, and what a journal that was never finished
 * left behind.
 */
int bu_journal_remove(const char *root, bool made_dir, struct bu_err *err);

void bu_journal_fini(struct bu_journal *journal);

#endif
