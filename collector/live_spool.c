// SPDX-License-Identifier: GPL-2.0-only
/* live_spool.c - see live_spool.h. */
#include "collector/live_spool.h"

#include <errno.h>
#include <fcntl.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "collector/ring_page.h"
#include "schemas/base/mem.h"

#define MAGIC 0x70537542u	/* "BuSp" */
#define BUFFER_BYTES (256u << 10)

struct head {			/* in front of each page, in this machine's byte order */
	uint32_t magic, cpu, len;
};

struct bu_spool {
	char *path, *buffer;
	int fd;
	size_t used;		/* of buffer */
	int64_t written;	/* to the file */
	int64_t reserved;	/* up to there the file has space on the disk */
	bool full;		/* no more could be reserved, which was said */
};

int bu_spool_next(int fd, uint32_t page_bytes, int64_t *offset, uint32_t *ret_cpu, uint32_t *ret_len)
{
	struct head h;
	struct stat st;

	if (pread(fd, &h, sizeof(h), *offset) != (ssize_t)sizeof(h) || h.magic != MAGIC || h.len > page_bytes)
		return 0;
	if (fstat(fd, &st) || st.st_size < *offset + (int64_t)sizeof(h) + h.len)
		return 0;
	*offset += (int64_t)sizeof(h) + h.len;
	*ret_cpu = h.cpu;
	*ret_len = h.len;
	return 1;
}

/* Ahead of need, so that a full disk shows while what is buffered still has its place. Some file systems cannot do it. */
static int reserve(struct bu_spool *s, struct bu_err *err)
{
	if (s->full || s->reserved >= s->written + 2 * (int64_t)BUFFER_BYTES)
		return 0;
	if (!fallocate(s->fd, FALLOC_FL_KEEP_SIZE, s->written, 4 * (off_t)BUFFER_BYTES)) {
		s->reserved = s->written + 4 * (int64_t)BUFFER_BYTES;
		return 0;
	}
	s->full = errno == ENOSPC || errno == EDQUOT || errno == EFBIG;
	return s->full ? bu_fail_errno(err, -errno, "%s: make room", s->path) : 0;
}

int bu_spool_open(const char *path, uint32_t page_bytes, struct bu_spool **ret, struct bu_err *err)
{
	_cleanup_(bu_spool_closep) struct bu_spool *s = calloc(1, sizeof(*s));
	uint32_t cpu, len;
	int rc;

	if (!s)
		return bu_fail_errno(err, -ENOMEM, "%s", path);
	s->fd = open(path, O_RDWR | O_CREAT | O_CLOEXEC, 0600);
	if (s->fd < 0)
		return bu_fail_errno(err, -errno, "%s", path);
	s->path = strdup(path);
	s->buffer = malloc(BUFFER_BYTES);
	if (!s->path || !s->buffer)
		return bu_fail_errno(err, -ENOMEM, "%s", path);
	while (bu_spool_next(s->fd, page_bytes, &s->written, &cpu, &len))
		;
	if (ftruncate(s->fd, s->written) || lseek(s->fd, 0, SEEK_END) < 0)
		return bu_fail_errno(err, -errno, "%s", path);
	rc = reserve(s, err);
	if (rc)
		return rc;
	*ret = take_ptr(s);
	return 0;
}

void bu_spool_close(struct bu_spool *s)
{
	if (!s)
		return;
	if (s->fd >= 0)
		close(s->fd);
	free(s->path);
	free(s->buffer);
	free(s);
}

void bu_spool_closep(struct bu_spool **s)
{
	bu_spool_close(*s);
}

int bu_spool_flush(struct bu_spool *s, struct bu_err *err)
{
	size_t at = 0;
	ssize_t n;
	int rc = 0;

	while (at < s->used) {
		n = write(s->fd, s->buffer + at, s->used - at);
		if (n < 0 && errno == EINTR)
			continue;
		if (n <= 0) {
			rc = bu_fail_errno(err, n ? -errno : -EIO, "%s: write", s->path);
			break;
		}
		at += (size_t)n;
		s->written += n;
	}
	/* What could not be written is tried again with the next call: there may be room by then. */
	memmove(s->buffer, s->buffer + at, s->used - at);
	s->used -= at;
	return rc ? rc : reserve(s, err);
}

int bu_spool_add(struct bu_spool *s, uint32_t cpu, const void *page, uint32_t len, struct bu_err *err)
{
	struct head h = { MAGIC, cpu, len };
	int rc = 0;

	if (sizeof(h) + len > BUFFER_BYTES)
		return bu_fail(err, -EINVAL, "%s: a page of %u bytes", s->path, len);
	if (s->used + sizeof(h) + len > BUFFER_BYTES)
		rc = bu_spool_flush(s, err);
	if (s->used + sizeof(h) + len > BUFFER_BYTES)
		return rc;
	memcpy(s->buffer + s->used, &h, sizeof(h));
	if (len)
		memcpy(s->buffer + s->used + sizeof(h), page, len);
	s->used += sizeof(h) + len;
	return rc;
}

int bu_spool_round(struct bu_spool *s, struct bu_err *err)
{
	int rc = bu_spool_add(s, BU_SPOOL_ROUND, NULL, 0, err);

	return rc ? rc : bu_spool_flush(s, err);
}

int64_t bu_spool_bytes(const struct bu_spool *s)
{
	return s->written + (int64_t)s->used;
}

/* ---- trace.dat ------------------------------------------------------------------------------------------------- */

struct place {
	int64_t offset;
	uint32_t cpu, len;
};

static int by_cpu(const void *a, const void *b)
{
	const struct place *x = a, *y = b;

	if (x->cpu != y->cpu)
		return x->cpu < y->cpu ? -1 : 1;
	return x->offset < y->offset ? -1 : x->offset > y->offset;
}

static int copy_pages(int fd, const char *path, const struct place *places, size_t n, uint32_t page_bytes,
		      struct bu_dat_out *out, struct bu_err *err)
{
	_cleanup_free_ char *page = malloc(page_bytes);
	int rc = page ? 0 : bu_fail_errno(err, -ENOMEM, "%s", path);
	size_t i;

	for (i = 0; !rc && i < n; i++) {
		memset(page, 0, page_bytes);
		if (pread(fd, page, places[i].len, places[i].offset) != (ssize_t)places[i].len)
			rc = bu_fail_errno(err, errno ? -errno : -EIO, "%s: read", path);
		if (!rc && bu_ring_page_sound(page, page_bytes))
			rc = bu_dat_out_append(out, 0, places[i].cpu, page, page_bytes, err);
	}
	return rc;
}

int bu_spool_to_dat(const char *path, const char *output, const struct bu_dat_content *c, struct bu_err *err)
{
	_cleanup_(bu_dat_out_destroyp) struct bu_dat_out *out = NULL;
	_cleanup_free_ struct place *places = NULL;
	int fd = open(path, O_RDONLY | O_CLOEXEC), rc = 0;
	size_t n = 0, cap = 0;
	uint32_t cpu, len;
	int64_t offset = 0;

	if (fd < 0)
		return bu_fail_errno(err, -errno, "%s", path);
	while (!rc && bu_spool_next(fd, c->page_bytes, &offset, &cpu, &len)) {
		if (cpu >= c->cpus)	/* a mark; or damaged, and then nobody's: bu_readers_recount() counts it for none */
			continue;
		if (bu_grow(&places, n, &cap, sizeof(*places)))
			rc = bu_fail_errno(err, -ENOMEM, "%s", path);
		else
			places[n++] = (struct place){ offset - len, cpu, len };
	}
	if (n)
		qsort(places, n, sizeof(*places), by_cpu);
	if (!rc)
		rc = bu_dat_out_create(output, c, &out, err);
	if (!rc)
		rc = copy_pages(fd, path, places, n, c->page_bytes, out, err);
	if (!rc)
		rc = bu_dat_out_finish(out, err);
	close(fd);
	return rc;
}
