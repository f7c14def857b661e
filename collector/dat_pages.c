// SPDX-License-Identifier: GPL-2.0-only
/*
 * dat_pages.c - see dat_pages.h.
 *
 * Compressed (trace-cmd.dat.v7(5), tracecmd_compress_copy_from() of trace-cmd 3.1): the number of chunks; for each its
 * compressed length, its length, and the bytes. All numbers have 4 bytes. What a CPU has in the file is counted without the first.
 */
#include "collector/dat_pages.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include <zlib.h>
#include <zstd.h>

#include "schemas/base/mem.h"

#define LINE 64			/* of a cache; between pages, so that the same places of all of them do not share a set of it */
#define MAX_CHUNK_PAGES 64	/* trace-cmd 3.1 puts 10 into one (PAGES_IN_CHUNK, trace-output.c) */

struct bu_dat_pages {
	char *path;
	int fd;
	uint64_t file_bytes;
	bool big_endian;
	ZSTD_DCtx *zstd;	/* NULL: compressed with zlib, or not at all */
	uint32_t page_bytes;
	struct bu_blocks memory;	/* of the pages of runs that are not compressed */
	uint8_t *packed;	/* a chunk as it lies in the file */
	size_t room;
};

static int damaged(const struct bu_dat_pages *p, uint64_t at, struct bu_err *err)
{
	return bu_fail(err, -EILSEQ, "%s is damaged: the compressed data at byte %" PRIu64 " makes no sense; record or copy it "
		       "again", p->path, at);
}

static int get(const struct bu_dat_pages *p, uint64_t at, void *to, size_t len, struct bu_err *err)
{
	size_t done = 0;
	ssize_t n;

	if (at > p->file_bytes || len > p->file_bytes - at)
		return damaged(p, at, err);
	while (done < len) {
		n = pread(p->fd, (char *)to + done, len - done, (off_t)(at + done));
		if (n < 0 && errno == EINTR)
			continue;
		if (n <= 0)	/* 0: it was cut since its head was read */
			return bu_fail_errno(err, n ? -errno : -EIO, "%s: read", p->path);
		done += (size_t)n;
	}
	return 0;
}

static int get_word(const struct bu_dat_pages *p, uint64_t at, uint32_t *ret, struct bu_err *err)
{
	uint8_t b[4];
	int rc = get(p, at, b, sizeof(b), err);

	if (!rc)
		*ret = p->big_endian ? (uint32_t)b[0] << 24 | (uint32_t)b[1] << 16 | (uint32_t)b[2] << 8 | b[3] :
				       (uint32_t)b[3] << 24 | (uint32_t)b[2] << 16 | (uint32_t)b[1] << 8 | b[0];
	return rc;
}

static bool unpack(const struct bu_dat_pages *p, size_t packed, uint8_t *to, uint32_t len)
{
	uLongf got = len;

	if (p->zstd)
		return ZSTD_decompressDCtx(p->zstd, to, len, p->packed, packed) == len;
	return uncompress(to, &got, p->packed, packed) == Z_OK && got == len;
}

static int make_room(uint8_t **memory, size_t len)
{
	free(*memory);
	*memory = malloc(len);
	return *memory ? 0 : -ENOMEM;
}

static int read_chunk(struct bu_dat_pages *p, struct bu_dat_run *r, struct bu_err *err)
{
	uint32_t packed = 0, len = 0;
	int rc = r->end - r->at < 8 ? damaged(p, r->at, err) : get_word(p, r->at, &packed, err);

	if (!rc)
		rc = get_word(p, r->at + 4, &len, err);
	if (rc)
		return rc;
	if (!packed || packed > r->end - r->at - 8 || !len || len > MAX_CHUNK_PAGES * (uint64_t)r->page_bytes)
		return damaged(p, r->at, err);
	if (packed > p->room) {
		p->room = 0;
		if (make_room(&p->packed, packed))
			return bu_fail_errno(err, -ENOMEM, "%s", p->path);
		p->room = packed;
	}
	if (len > r->room) {
		r->room = 0;
		if (make_room(&r->memory, len))
			return bu_fail_errno(err, -ENOMEM, "%s", p->path);
		r->room = len;
	}
	rc = get(p, r->at + 8, p->packed, packed, err);
	if (!rc && !unpack(p, packed, r->memory, len))
		rc = damaged(p, r->at, err);
	if (rc)
		return rc;
	r->at += 8 + (uint64_t)packed;
	r->chunks--;
	r->n = len;
	return 0;
}

static int read_page(struct bu_dat_pages *p, struct bu_dat_run *r, struct bu_err *err)
{
	uint32_t len = r->end - r->at < r->page_bytes ? (uint32_t)(r->end - r->at) : r->page_bytes;
	int rc;

	if (!r->memory)
		r->memory = bu_blocks_add(&p->memory, p->page_bytes + LINE);
	if (!r->memory)
		return bu_fail_errno(err, -ENOMEM, "%s", p->path);
	rc = get(p, r->at, r->memory, len, err);
	if (rc)
		return rc;
	r->at += len;
	r->n = len;
	return 0;
}

int bu_dat_run_next(struct bu_dat_pages *p, struct bu_dat_run *r, const uint8_t **ret, uint32_t *ret_bytes, struct bu_err *err)
{
	int rc;

	if (r->next == r->n) {
		if (r->compressed ? !r->chunks : r->at == r->end)
			return 0;
		r->next = r->n = 0;
		rc = r->compressed ? read_chunk(p, r, err) : read_page(p, r, err);
		if (rc)
			return rc;
	}
	*ret = r->memory + r->next;
	*ret_bytes = r->n - r->next < r->page_bytes ? r->n - r->next : r->page_bytes;
	r->next += *ret_bytes;
	return 1;
}

int bu_dat_run_init(struct bu_dat_pages *p, const struct bu_dat_buffer *buffer, const struct bu_dat_extent *extent,
		    struct bu_dat_run *r, struct bu_err *err)
{
	*r = (struct bu_dat_run){ .at = extent->offset, .end = extent->offset + extent->bytes, .page_bytes = buffer->page_bytes,
				  .compressed = buffer->compressed };
	if (!r->compressed)
		return 0;
	r->at += 4;
	r->end += 4;
	return get_word(p, extent->offset, &r->chunks, err);
}

void bu_dat_run_fini(struct bu_dat_run *r)
{
	if (r->compressed)
		free(r->memory);
}

int bu_dat_pages_open(const char *path, const struct bu_dat_head *head, struct bu_dat_pages **ret, struct bu_err *err)
{
	struct bu_dat_pages *p = calloc(1, sizeof(*p));
	bool zstd = head->compression && !strcmp(head->compression, "zstd");
	int rc = 0;

	*ret = NULL;
	if (!p)
		return bu_fail_errno(err, -ENOMEM, "%s", path);
	*p = (struct bu_dat_pages){ .path = strdup(path), .fd = open(path, O_RDONLY | O_CLOEXEC), .file_bytes = head->file_bytes,
				    .big_endian = head->big_endian, .page_bytes = head->page_bytes, .zstd = zstd ? ZSTD_createDCtx() : NULL };
	if (p->fd < 0)
		rc = bu_fail_errno(err, -errno, "%s", path);
	else if (!p->path || (zstd && !p->zstd))
		rc = bu_fail_errno(err, -ENOMEM, "%s", path);
	else if (head->compression && strcmp(head->compression, "none") && strcmp(head->compression, "zlib") && !zstd)
		rc = bu_fail(err, -EPROTO, "%s is compressed with %s; this program reads zstd and zlib", path, head->compression);
	if (rc) {
		bu_dat_pages_close(p);
		return rc;
	}
	*ret = p;
	return 0;
}

void bu_dat_pages_close(struct bu_dat_pages *p)
{
	if (!p)
		return;
	if (p->fd >= 0)
		close(p->fd);
	ZSTD_freeDCtx(p->zstd);
	bu_blocks_fini(&p->memory);
	free(p->packed);
	free(p->path);
	free(p);
}
