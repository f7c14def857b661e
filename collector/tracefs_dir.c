// SPDX-License-Identifier: GPL-2.0-only
/* tracefs_dir.c - see tracefs_dir.h. */
#include "collector/tracefs_dir.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <mntent.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mount.h>
#include <unistd.h>

#include "schemas/base/mem.h"

#define USUAL_PLACE "/sys/kernel/tracing"

int bu_read_whole(int dir, const char *path, char **ret, size_t *ret_len)
{
	_cleanup_free_ char *buf = NULL;
	int fd = openat(dir, path, O_RDONLY | O_CLOEXEC), rc;
	size_t len = 0, cap = 8192;
	char *more;
	ssize_t n;

	if (fd < 0)
		return -errno;
	for (;;) {
		more = realloc(buf, cap);
		if (!more) {
			close(fd);
			return -ENOMEM;
		}
		buf = more;
		n = read(fd, buf + len, cap - len - 1);
		if (n < 0 && errno == EINTR)
			continue;
		if (n <= 0)
			break;
		len += (size_t)n;
		if (cap - len < 4096)
			cap *= 2;
	}
	rc = n < 0 ? -errno : 0;
	close(fd);
	if (rc)
		return rc;
	buf[len] = 0;
	*ret = take_ptr(buf);
	if (ret_len)
		*ret_len = len;
	return 0;
}

int bu_write_word(int dir, const char *path, const char *word)
{
	int fd = openat(dir, path, O_WRONLY | O_CLOEXEC), rc = 0;

	if (fd < 0)
		return -errno;
	if (write(fd, word, strlen(word)) < 0)
		rc = -errno;
	close(fd);
	return rc;
}

/* Where tracefs is mounted, as a copy; NULL when it is not. */
static char *find_mount(void)
{
	FILE *mounts = setmntent("/proc/self/mounts", "re");
	char *found = NULL;
	struct mntent *m;

	while (mounts && !found && (m = getmntent(mounts)))
		if (!strcmp(m->mnt_type, "tracefs"))
			found = strdup(m->mnt_dir);
	if (mounts)
		endmntent(mounts);
	return found;
}

static int open_top(struct bu_tracefs *fs, struct bu_err *err)
{
	_cleanup_free_ char *place = find_mount();

	if (!place) {
		if (mount("tracefs", USUAL_PLACE, "tracefs", 0, NULL))
			return bu_fail_errno(err, -errno, "tracefs is not mounted and cannot be mounted at " USUAL_PLACE
					     "; the kernel needs CONFIG_TRACING, and sysfs at /sys");
		fs->mounted = true;
		place = strdup(USUAL_PLACE);
		if (!place)
			return bu_fail_errno(err, -ENOMEM, "tracefs");
	}
	fs->top = open(place, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	return fs->top < 0 ? bu_fail_errno(err, -errno, "%s", place) : 0;
}

static int by_number(const void *a, const void *b)
{
	uint32_t x = *(const uint32_t *)a, y = *(const uint32_t *)b;

	return x < y ? -1 : x > y;
}

static int list_cpus(struct bu_tracefs *fs, struct bu_err *err)
{
	int fd = openat(fs->buffer, "per_cpu", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	DIR *d = fd < 0 ? NULL : fdopendir(fd);
	struct dirent *e;
	size_t cap = 0;
	unsigned int n;
	int end;

	if (!d) {
		int rc = -errno;

		if (fd >= 0)
			close(fd);
		return bu_fail_errno(err, rc, "the tracing folder per_cpu");
	}
	while ((e = readdir(d)) != NULL) {
		end = 0;
		if (sscanf(e->d_name, "cpu%u%n", &n, &end) != 1 || e->d_name[end])
			continue;
		if (bu_grow(&fs->cpus, fs->n_cpus, &cap, sizeof(*fs->cpus))) {
			closedir(d);
			return bu_fail_errno(err, -ENOMEM, "per_cpu");
		}
		fs->cpus[fs->n_cpus++] = n;
	}
	closedir(d);
	if (!fs->n_cpus)
		return bu_fail(err, -ENOENT, "the tracing folder per_cpu lists no CPU");
	qsort(fs->cpus, fs->n_cpus, sizeof(*fs->cpus), by_number);
	return 0;
}

int bu_tracefs_may(struct bu_err *err)
{
	return geteuid() ? bu_fail(err, -EPERM, "the kernel's trace buffers are for root only; run it with sudo") : 0;
}

int bu_tracefs_open(const char *instance, struct bu_tracefs *ret, struct bu_err *err)
{
	_cleanup_free_ char *path = NULL;
	int rc;

	*ret = (struct bu_tracefs){ .top = -1, .buffer = -1 };
	rc = bu_tracefs_may(err);
	if (!rc)
		rc = open_top(ret, err);
	if (rc)
		return rc;
	if (instance && (!*instance || strchr(instance, '/') || instance[0] == '.'))
		return bu_fail(err, -EINVAL, "'%s' is no name of an instance", instance);
	if (asprintf(&path, "%s%s", instance ? "instances/" : ".", instance ? instance : "") < 0) {
		path = NULL;
		return bu_fail_errno(err, -ENOMEM, "tracefs");
	}
	ret->buffer = openat(ret->top, path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (ret->buffer < 0)
		return bu_fail_errno(err, -errno, "the tracing instance %s", instance ? instance : "(top level)");
	return list_cpus(ret, err);
}

void bu_tracefs_close(struct bu_tracefs *fs)
{
	if (fs->top >= 0)
		close(fs->top);
	if (fs->buffer >= 0)
		close(fs->buffer);
	free(fs->cpus);
	*fs = (struct bu_tracefs){ .top = -1, .buffer = -1 };
}
