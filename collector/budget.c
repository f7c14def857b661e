// SPDX-License-Identifier: GPL-2.0-only
/* budget.c - see budget.h. */
#include "collector/budget.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/statvfs.h>
#include <unistd.h>

#include "collector/tracefs_dir.h"
#include "schemas/base/mem.h"

int bu_size_parse(const char *text, int64_t *ret)
{
	static const char units[] = "KMGT";
	const char *unit;
	int64_t v, factor = 1;
	char *end;

	errno = 0;
	v = strtoll(text, &end, 10);
	if (end == text || v < 0 || *text == '-' || *text == '+' || *text == ' ')
		return -EINVAL;
	if (errno)
		return -ERANGE;
	if (*end) {
		unit = strchr(units, *end);
		if (!unit || (strcmp(end + 1, "") && strcmp(end + 1, "iB")))
			return -EINVAL;
		factor = INT64_C(1) << (10 * (unit - units + 1));
	}
	return __builtin_mul_overflow(v, factor, ret) ? -ERANGE : 0;
}

int64_t bu_rss_bytes(pid_t pid)
{
	_cleanup_free_ char *text = NULL;
	char path[64];
	int64_t pages = 0;

	snprintf(path, sizeof(path), "/proc/%d/statm", (int)pid);
	if (bu_read_whole(AT_FDCWD, path, &text, NULL) || sscanf(text, "%*d %" SCNd64, &pages) != 1)
		return 0;
	return pages * sysconf(_SC_PAGESIZE);
}

int64_t bu_free_bytes(int fd)
{
	struct statvfs v;

	return fstatvfs(fd, &v) ? -1 : (int64_t)v.f_bavail * (int64_t)v.f_frsize;
}

int64_t bu_default_min_free(int fd)
{
	const int64_t most = INT64_C(1) << 30;
	struct statvfs v;
	int64_t part;

	if (fstatvfs(fd, &v))
		return 0;
	part = (int64_t)v.f_blocks / 20 * (int64_t)v.f_frsize;
	return part < most ? part : most;
}

int64_t bu_available_kib(void)
{
	_cleanup_free_ char *text = NULL;
	const char *p;

	if (bu_read_whole(AT_FDCWD, "/proc/meminfo", &text, NULL))
		return -1;
	p = strstr(text, "MemAvailable:");
	return p ? strtoll(p + strlen("MemAvailable:"), NULL, 10) : -1;
}

void bu_give_up(struct bu_given_up *list, const char *fmt, ...)
{
	va_list ap;

	if (list->n == BU_GIVEN_UP)
		return;
	va_start(ap, fmt);
	if (vasprintf(&list->text[list->n], fmt, ap) >= 0)
		list->n++;
	va_end(ap);
}

void bu_given_up_fini(struct bu_given_up *list)
{
	while (list->n)
		free(list->text[--list->n]);
}
