// SPDX-License-Identifier: GPL-2.0-only
/*
 * bootloader_file.c - read a file with its owner and mode, and replace it so that a power cut leaves the old or the new.
 *
 * Flow: [bootloader_file] is below bootloader.c and bootloader_journal.c. Written is NAME.partial, which neither grub
 * (*.cfg) nor systemd-boot (*.conf) reads; then fsync(2), rename(2), and fsync(2) of the folder.
 */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "collector/bootloader_int.h"
#include "schemas/base/ns.h"

void (*bu_bootloader_step)(int number);

static int steps;

static void step(void)
{
	if (bu_bootloader_step)
		bu_bootloader_step(steps++);
}

static void closep(int *fd)
{
	if (*fd >= 0)
		close(*fd);
}

void bu_file_state_fini(struct bu_file_state *state)
{
	free(state->data);
	memset(state, 0, sizeof(*state));
}

static int full_path(const char *root, const char *path, const char *end, char *to, size_t size,
		     struct bu_err *err)
{
	if ((size_t)snprintf(to, size, "%s%s%s", root, path, end) >= size)
		return bu_fail(err, -ENAMETOOLONG, "%s%s: the path is too long", root, path);
	return 0;
}

DIR *bu_root_opendir(const char *root, const char *path)
{
	char full[BU_BOOTLOADER_PATH * 2];

	return full_path(root, path, "", full, sizeof(full), NULL) ? NULL : opendir(full);
}

void bu_closedirp(DIR **d)
{
	if (*d)
		closedir(*d);
}

bool bu_root_exists(const char *root, const char *path)
{
	char full[BU_BOOTLOADER_PATH * 2];
	struct stat st;

	return !full_path(root, path, "", full, sizeof(full), NULL) && !stat(full, &st);
}

int bu_file_read(const char *root, const char *path, struct bu_file_state *ret, struct bu_err *err)
{
	_cleanup_(closep) int fd = -1;
	_cleanup_free_ unsigned char *data = NULL;
	char full[BU_BOOTLOADER_PATH * 2];
	struct stat st;
	size_t got = 0;
	ssize_t n;
	int rc;

	memset(ret, 0, sizeof(*ret));
	rc = full_path(root, path, "", full, sizeof(full), err);
	if (rc)
		return rc;
	fd = open(full, O_RDONLY | O_NOFOLLOW | O_CLOEXEC | O_NONBLOCK);
	if (fd < 0)
		return errno == ENOENT ? 0 : bu_fail_errno(err, -errno, "open %s", full);
	if (fstat(fd, &st))
		return bu_fail_errno(err, -errno, "stat %s", full);
	if (!S_ISREG(st.st_mode) || st.st_size > 16 << 20)
		return bu_fail(err, -EINVAL, "%s is not a plain file of a sensible size", full);
	data = malloc((size_t)st.st_size + 1);
	if (!data)
		return bu_fail_errno(err, -ENOMEM, "read %s", full);
	while (got < (size_t)st.st_size) {
		n = read(fd, data + got, (size_t)st.st_size - got);
		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0)
			return bu_fail_errno(err, -errno, "read %s", full);
		if (!n)
			break;
		got += (size_t)n;
	}
	data[got] = 0; /* so that text can be searched */
	ret->exists = true;
	ret->mode = st.st_mode & 07777;
	ret->uid = st.st_uid;
	ret->gid = st.st_gid;
	ret->mtime_ns = st.st_mtim.tv_sec * BU_NS_PER_S + st.st_mtim.tv_nsec;
	ret->data = take_ptr(data);
	ret->len = got;
	return 0;
}

static int sync_dir_of(const char *full, struct bu_err *err)
{
	_cleanup_(closep) int fd = -1;
	char dir[BU_BOOTLOADER_PATH * 2];
	char *slash;

	snprintf(dir, sizeof(dir), "%s", full);
	slash = strrchr(dir, '/');
	if (slash)
		*slash = 0;
	fd = open(*dir ? dir : "/", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (fd < 0 &&
	    errno == ENOENT) /* nothing is in a folder that is not there, and that is on disk */
		return 0;
	if (fd < 0 || fsync(fd))
		return bu_fail_errno(err, -errno, "sync %s", dir);
	return 0;
}

static int fill(int fd, const char *name, const struct bu_file_state *state, struct bu_err *err)
{
	struct timespec times[2] = { { 0, UTIME_OMIT }, { 0, UTIME_OMIT } };
	struct stat st;
	size_t done = 0;
	ssize_t n;

	while (done < state->len) {
		n = write(fd, state->data + done, state->len - done);
		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0)
			return bu_fail_errno(err, -errno, "write %s", name);
		done += (size_t)n;
	}
	if (fstat(fd, &st))
		return bu_fail_errno(err, -errno, "stat %s", name);
	/* An EFI partition has one owner and one mode for all files, and refuses any other. */
	if ((st.st_uid != state->uid || st.st_gid != state->gid) &&
	    fchown(fd, state->uid, state->gid) && errno != EPERM)
		return bu_fail_errno(err, -errno, "change the owner of %s", name);
	if ((st.st_mode & 07777) != state->mode && fchmod(fd, state->mode) && errno != EPERM)
		return bu_fail_errno(err, -errno, "change the mode of %s", name);
	if (state->mtime_ns) {
		times[1].tv_sec = state->mtime_ns / BU_NS_PER_S;
		times[1].tv_nsec = state->mtime_ns % BU_NS_PER_S;
		if (futimens(fd, times))
			return bu_fail_errno(err, -errno, "set the time of %s", name);
	}
	if (fsync(fd))
		return bu_fail_errno(err, -errno, "sync %s", name);
	return 0;
}

static int remove_file(const char *full, struct bu_err *err)
{
	step();
	if (unlink(full) && errno != ENOENT)
		return bu_fail_errno(err, -errno, "remove %s", full);
	return 0;
}

int bu_file_write(const char *root, const char *path, const struct bu_file_state *state,
		  struct bu_err *err)
{
	_cleanup_(closep) int fd = -1;
	char full[BU_BOOTLOADER_PATH * 2], partial[BU_BOOTLOADER_PATH * 2];
	int rc;

	rc = full_path(root, path, "", full, sizeof(full), err);
	if (!rc)
		rc = full_path(root, path, ".partial", partial, sizeof(partial), err);
	if (!rc)
		rc = remove_file(partial, err); /* of a run that was stopped */
	if (rc)
		return rc;
	if (!state->exists) {
		rc = remove_file(full, err);
		return rc ? rc : sync_dir_of(full, err);
	}
	step();
	fd = open(partial, O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0600);
	if (fd < 0)
		return bu_fail_errno(err, -errno, "make %s", partial);
	step();
	rc = fill(fd, partial, state, err);
	if (!rc) {
		step();
		if (rename(partial, full))
			rc = bu_fail_errno(err, -errno, "rename %s", partial);
	}
	if (rc) {
		unlink(partial);
		return rc;
	}
	step();
	return sync_dir_of(full, err);
}

bool bu_file_same(const struct bu_file_state *a, const struct bu_file_state *b)
{
	if (a->exists != b->exists)
		return false;
	return !a->exists || (a->len == b->len && !memcmp(a->data, b->data, a->len));
}

int bu_dir_make(const char *root, const char *path, bool parents, bool *ret_made,
		struct bu_err *err)
{
	char full[BU_BOOTLOADER_PATH * 2];
	char *slash, *last;
	int rc;

	*ret_made = false;
	rc = full_path(root, path, "", full, sizeof(full), err);
	if (rc)
		return rc;
	last = strrchr(full, '/');
	*last = 0;
	for (slash = full + strlen(root) + 1; parents && (slash = strchr(slash, '/')) != NULL;
	     slash++) {
		*slash = 0;
		if (mkdir(full, 0755) && errno != EEXIST)
			return bu_fail_errno(err, -errno, "make %s", full);
		*slash = '/';
	}
	step();
	if (!mkdir(full, 0755))
		*ret_made = true;
	else if (errno != EEXIST)
		return bu_fail_errno(err, -errno, "make %s", full);
	return *ret_made ? sync_dir_of(full, err) : 0;
}

void bu_dir_remove(const char *root, const char *path)
{
	char full[BU_BOOTLOADER_PATH * 2];

	if (full_path(root, path, "", full, sizeof(full), NULL))
		return;
	*strrchr(full, '/') = 0;
	step();
	rmdir(full);
}
