// SPDX-License-Identifier: GPL-2.0-only
/* dat_reader.c - see dat_reader.h. */
#include "collector/dat_reader.h"

#include <errno.h>
#include <inttypes.h>
#include <string.h>

int bu_dat_damaged(struct bu_dat_reader *r, const char *what)
{
	return bu_fail(r->err, -EILSEQ, "%s is damaged: %s makes no sense at byte %" PRIu64
		       "; record or copy it again", r->path, what, r->pos);
}

int bu_dat_truncated(struct bu_dat_reader *r, const char *what, uint64_t need)
{
	return bu_fail(r->err, -EILSEQ, "%s is truncated: %s reaches to byte %" PRIu64 " and the file has %" PRIu64
		       "; copy it again from where it was recorded", r->path, what, need, r->size);
}

int bu_dat_need(struct bu_dat_reader *r, uint64_t len, const char *what)
{
	if (len > r->size - r->pos)
		return bu_dat_truncated(r, what, len > UINT64_MAX - r->pos ? UINT64_MAX : r->pos + len);
	return 0;
}

int bu_dat_get(struct bu_dat_reader *r, void *to, size_t len, const char *what)
{
	int rc = bu_dat_need(r, len, what);

	if (rc)
		return rc;
	if (fread(to, 1, len, r->file) != len)
		return bu_fail_errno(r->err, -EIO, "%s: read", r->path);
	r->pos += len;
	return 0;
}

int bu_dat_get_num(struct bu_dat_reader *r, unsigned int bytes, uint64_t *ret, const char *what)
{
	unsigned char b[8];
	uint64_t v = 0;
	unsigned int i;
	int rc = bu_dat_get(r, b, bytes, what);

	if (rc)
		return rc;
	for (i = 0; i < bytes; i++)	/* swap: the file's first byte is the highest one */
		v |= (uint64_t)b[i] << 8 * (r->swap ? bytes - 1 - i : i);
	*ret = v;
	return 0;
}

int bu_dat_seek(struct bu_dat_reader *r, uint64_t to, const char *what)
{
	if (to > r->size)
		return bu_dat_truncated(r, what, to);
	if (fseeko(r->file, (off_t)to, SEEK_SET))
		return bu_fail_errno(r->err, -errno, "%s: seek", r->path);
	r->pos = to;
	return 0;
}

int bu_dat_skip(struct bu_dat_reader *r, uint64_t len, const char *what)
{
	int rc = bu_dat_need(r, len, what);

	return rc ? rc : bu_dat_seek(r, r->pos + len, what);
}

int bu_dat_skip_counted(struct bu_dat_reader *r, unsigned int bytes, const char *what)
{
	uint64_t len = 0;
	int rc = bu_dat_get_num(r, bytes, &len, what);

	return rc ? rc : bu_dat_skip(r, len, what);
}

int bu_dat_get_string(struct bu_dat_reader *r, struct bu_arena *arena, const char **ret, const char *what)
{
	char text[4096];
	size_t n = 0;
	int rc;

	do {
		if (n == sizeof(text))
			return bu_dat_damaged(r, what);
		rc = bu_dat_get(r, &text[n], 1, what);
		if (rc)
			return rc;
	} while (text[n++]);
	if (ret) {
		*ret = bu_arena_strdup(arena, text);
		if (!*ret)
			return bu_fail_errno(r->err, -ENOMEM, "%s", r->path);
	}
	return 0;
}
