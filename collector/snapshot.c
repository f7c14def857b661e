// SPDX-License-Identifier: GPL-2.0-only
/*
 * snapshot.c - see snapshot.h. Whether it is allocated only shows in the text of an empty one: print_snapshot_help(),
 * kernel/trace/trace.c, 6.1 and 6.12.
 */
#include "collector/snapshot.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <string.h>
#include <unistd.h>

#include "collector/budget.h"
#include "schemas/base/mem.h"

/* The beginning of its text; with events in it, it has no end that one would want to wait for. */
static int read_beginning(const struct bu_tracefs *fs, char *text, size_t size)
{
	int fd = openat(fs->buffer, "snapshot", O_RDONLY | O_CLOEXEC), rc = 0;
	size_t len = 0;
	ssize_t n = 1;

	if (fd < 0)
		return -errno;
	while (n && len < size - 1) {
		n = read(fd, text + len, size - 1 - len);
		if (n < 0 && errno != EINTR) {
			rc = -errno;
			break;
		}
		len += n > 0 ? (size_t)n : 0;
	}
	close(fd);
	text[len] = 0;
	return rc;
}

int bu_snapshot_look(const struct bu_tracefs *fs, enum bu_snapshot *ret, struct bu_err *err)
{
	char text[2048];
	int rc = read_beginning(fs, text, sizeof(text));

	if (rc == -ENOENT)
		return bu_fail(err, -ENOTSUP, "this kernel takes no snapshots of trace buffers (CONFIG_TRACER_SNAPSHOT is off)");
	if (rc)
		return bu_fail_errno(err, rc, "tracing: snapshot");
	*ret = strstr(text, "# * Snapshot is freed *") ? BU_SNAPSHOT_FREED :
	       strstr(text, "# * Snapshot is allocated *") ? BU_SNAPSHOT_EMPTY : BU_SNAPSHOT_TAKEN;
	return 0;
}

int bu_snapshot_room(const struct bu_tracefs *fs, struct bu_err *err)
{
	_cleanup_free_ char *size = NULL;
	int64_t kib, available = bu_available_kib();

	if (bu_read_whole(fs->buffer, "buffer_total_size_kb", &size, NULL))
		return 0;
	kib = strtoll(size, NULL, 10);
	if (available >= 0 && kib > available / 4)
		return bu_fail(err, -ENOMEM, "a snapshot takes as much memory as the buffer, %" PRId64 " KiB, which is more than a "
			       "quarter of the free memory (%" PRId64 " KiB); stop tracing and read the buffer itself instead",
			       kib, available);
	return 0;
}

int bu_snapshot_take(struct bu_journal *j, const struct bu_tracefs *fs, enum bu_snapshot was, struct bu_err *err)
{
	int rc;

	if (was == BU_SNAPSHOT_FREED)
		rc = bu_journal_write_back(j, fs->buffer, "snapshot", "1", "0", err);
	else
		rc = bu_write_word(fs->buffer, "snapshot", "1");
	if (rc == -EBUSY)
		return bu_fail(err, rc, "tracing: a latency tracer uses this buffer's snapshot; end it (current_tracer) first");
	return rc ? bu_fail_errno(err, rc, "tracing: snapshot") : 0;
}
