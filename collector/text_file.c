// SPDX-License-Identifier: GPL-2.0-only
/* text_file.c - see text_file.h. */
#include "collector/text_file.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>
#include <zlib.h>

#include "schemas/base/mem.h"

/* ---- files ----------------------------------------------------------------------------------------------- */

/* Formats that text is often packed in, by their first bytes (RFC 8878 for zstd, the projects' own papers else). */
static const struct {
	const char *magic, *name, *unpack;
	size_t n;
} packers[] = {
	{ "\x28\xb5\x2f\xfd", "zstd", "zstd -d", 4 },
	{ "\xfd" "7zXZ", "xz", "xz -d", 5 },
	{ "BZh", "bzip2", "bunzip2", 3 },
	{ "\x04\x22\x4d\x18", "lz4", "lz4 -d", 4 },
	{ "PK\x03\x04", "zip", "unzip", 4 },
};

static int refuse_packed(const char *path, const char *data, size_t len, struct bu_err *err)
{
	size_t i;

	for (i = 0; i < ARRAY_SIZE(packers); i++)
		if (len >= packers[i].n && !memcmp(data, packers[i].magic, packers[i].n))
			return bu_fail(err, -EPROTO, "%s is packed with %s; unpack it first (%s %s)", path,
				       packers[i].name, packers[i].unpack, path);
	return 0;
}

static int map(int fd, const char *path, size_t len, const char **ret, struct bu_err *err)
{
	void *p = mmap(NULL, len, PROT_READ, MAP_PRIVATE, fd, 0);

	if (p == MAP_FAILED)
		return bu_fail_errno(err, -errno, "%s: map", path);
	*ret = p;
	return 0;
}

static void inflate_endp(z_stream *z)
{
	inflateEnd(z);
}

/* Unpacks all gzip members that follow one another, as gzip itself does. */
static int unpack(const char *path, const char *packed, size_t packed_len, struct bu_text_file *ret, bool *ret_cut,
		  struct bu_err *err)
{
	_cleanup_(inflate_endp) z_stream z = { .next_in = (unsigned char *)packed };
	_cleanup_free_ char *buf = NULL;
	size_t cap = 0, len = 0, left = packed_len;
	int rc = inflateInit2(&z, 15 + 16), why = Z_OK;
	char *more;

	if (rc != Z_OK)
		return bu_fail_errno(err, -ENOMEM, "%s", path);
	while (why == Z_OK) {
		if (len == cap) {
			if (cap >= BU_TEXT_MAX_UNPACKED)
				return bu_fail(err, -EFBIG, "%s unpacks to more than %zu MB; cut the part out that matters",
					       path, BU_TEXT_MAX_UNPACKED >> 20);
			cap = cap ? cap * 2 : 1 << 16;
			more = realloc(buf, cap);
			if (!more)
				return bu_fail_errno(err, -ENOMEM, "%s", path);
			buf = more;
		}
		if (!z.avail_in) {
			z.avail_in = left > 1 << 20 ? 1 << 20 : (unsigned int)left;
			left -= z.avail_in;
		}
		z.next_out = (unsigned char *)buf + len;
		z.avail_out = (unsigned int)(cap - len);
		why = inflate(&z, Z_NO_FLUSH);
		len = cap - z.avail_out;
		if (why == Z_STREAM_END && z.avail_in + left > 1 && z.next_in[0] == 0x1f)
			why = inflateReset(&z);
		else if (why == Z_BUF_ERROR && left)
			why = Z_OK;
	}
	if (!len && why != Z_STREAM_END)
		return bu_fail(err, -EILSEQ, "%s is damaged: its gzip cannot be unpacked", path);
	*ret_cut = why != Z_STREAM_END;
	ret->data = take_ptr(buf);
	ret->len = len;
	return 0;
}

int bu_text_file_open(const char *path, struct bu_text_file *ret, bool *ret_cut, struct bu_err *err)
{
	const char *data = NULL;
	struct stat st;
	int fd, rc;

	memset(ret, 0, sizeof(*ret));
	*ret_cut = false;
	fd = open(path, O_RDONLY | O_CLOEXEC);
	if (fd < 0)
		return bu_fail_errno(err, -errno, "%s", path);
	if (fstat(fd, &st) || !S_ISREG(st.st_mode)) {
		close(fd);
		return bu_fail(err, -EINVAL, "%s is not a file", path);
	}
	ret->file_bytes = (uint64_t)st.st_size;
	if (!st.st_size) {
		close(fd);
		ret->data = "";
		ret->mapped = true;
		return 0;
	}
	rc = map(fd, path, (size_t)st.st_size, &data, err);
	close(fd);
	if (rc)
		return rc;
	rc = refuse_packed(path, data, (size_t)st.st_size, err);
	if (!rc && st.st_size > 2 && !memcmp(data, "\x1f\x8b", 2)) {
		rc = unpack(path, data, (size_t)st.st_size, ret, ret_cut, err);
	} else if (!rc) {
		ret->data = data;
		ret->len = (size_t)st.st_size;
		ret->mapped = true;
		return 0;
	}
	munmap((void *)data, (size_t)st.st_size);
	return rc;
}

void bu_text_file_close(struct bu_text_file *f)
{
	if (f->mapped && f->len)
		munmap((void *)f->data, f->len);
	else if (!f->mapped)
		free((void *)f->data);
	memset(f, 0, sizeof(*f));
}

/* ---- lines and slices ---------------------------------------------------------------------------------------- */

bool bu_line_next(struct bu_lines *it, struct bu_slice *ret)
{
	const char *from = it->text.p + it->at, *end;
	size_t left = it->text.n - it->at, n;

	if (!left)
		return false;
	end = memchr(from, '\n', left);
	n = end ? (size_t)(end - from) : left;
	it->at += end ? n + 1 : n;
	it->nr++;
	it->cut = n > BU_TEXT_MAX_LINE;
	it->open = !end;
	while (n && from[n - 1] == '\r')
		n--;
	*ret = (struct bu_slice){ from, it->cut ? BU_TEXT_MAX_LINE : n };
	return true;
}

struct bu_slice bu_slice_trim(struct bu_slice s)
{
	while (s.n && (*s.p == ' ' || *s.p == '\t')) {
		s.p++;
		s.n--;
	}
	while (s.n && (s.p[s.n - 1] == ' ' || s.p[s.n - 1] == '\t'))
		s.n--;
	return s;
}

bool bu_slice_starts(struct bu_slice s, const char *word)
{
	size_t n = strlen(word);

	return s.n >= n && !memcmp(s.p, word, n);
}

bool bu_slice_is(struct bu_slice s, const char *word)
{
	return s.n == strlen(word) && !memcmp(s.p, word, s.n);
}

int64_t bu_slice_find(struct bu_slice s, const char *word)
{
	const char *at = s.n ? memmem(s.p, s.n, word, strlen(word)) : NULL;

	return at ? at - s.p : -1;
}

bool bu_slice_eat(struct bu_slice *s, const char *word)
{
	if (!bu_slice_starts(*s, word))
		return false;
	*s = bu_slice_skip(*s, strlen(word));
	return true;
}

static unsigned int digit_of(char c)
{
	if (c >= '0' && c <= '9')
		return (unsigned int)(c - '0');
	if (c >= 'a' && c <= 'f')
		return (unsigned int)(c - 'a') + 10;
	if (c >= 'A' && c <= 'F')
		return (unsigned int)(c - 'A') + 10;
	return 99;
}

bool bu_slice_number(struct bu_slice *s, unsigned int base, uint64_t *ret)
{
	uint64_t v = 0;
	size_t i;

	for (i = 0; i < s->n && digit_of(s->p[i]) < base; i++)
		if (__builtin_mul_overflow(v, (uint64_t)base, &v) ||
		    __builtin_add_overflow(v, (uint64_t)digit_of(s->p[i]), &v))
			return false;
	if (!i)
		return false;
	*s = bu_slice_skip(*s, i);
	*ret = v;
	return true;
}

bool bu_slice_int(struct bu_slice *s, int64_t *ret)
{
	struct bu_slice t = *s;
	bool minus = bu_slice_eat(&t, "-");
	uint64_t v;

	if (!bu_slice_number(&t, 10, &v) || v > INT64_MAX)
		return false;
	*ret = minus ? -(int64_t)v : (int64_t)v;
	*s = t;
	return true;
}

/* Bytes of the UTF-8 sequence of more than one byte at @p, of which @left follow; 0 where it is none (RFC 3629). */
static size_t utf8_len(const unsigned char *p, size_t left)
{
	static const struct {
		unsigned char first, last, second_from, second_to;
		size_t n;
	} forms[] = {
		{ 0xc2, 0xdf, 0x80, 0xbf, 2 }, { 0xe0, 0xe0, 0xa0, 0xbf, 3 }, { 0xe1, 0xec, 0x80, 0xbf, 3 },
		{ 0xed, 0xed, 0x80, 0x9f, 3 }, { 0xee, 0xef, 0x80, 0xbf, 3 }, { 0xf0, 0xf0, 0x90, 0xbf, 4 },
		{ 0xf1, 0xf3, 0x80, 0xbf, 4 }, { 0xf4, 0xf4, 0x80, 0x8f, 4 },
	};
	size_t f, i;

	for (f = 0; f < ARRAY_SIZE(forms); f++)
		if (*p >= forms[f].first && *p <= forms[f].last)
			break;
	if (f == ARRAY_SIZE(forms) || left < forms[f].n || p[1] < forms[f].second_from || p[1] > forms[f].second_to)
		return 0;
	for (i = 2; i < forms[f].n; i++)
		if ((p[i] & 0xc0) != 0x80)
			return 0;
	return forms[f].n;
}

char *bu_slice_text(struct bu_slice s, char *to, size_t max)
{
	size_t i = 0, at = 0, n;

	while (i < s.n && at < max) {
		n = 0;
		if ((unsigned char)s.p[i] >= 0x80)
			n = utf8_len((const unsigned char *)s.p + i, s.n - i);
		if (n && at + n > max)
			break;
		if (n) {
			memcpy(to + at, s.p + i, n);
			at += n;
			i += n;
		} else {
			to[at++] = s.p[i] >= ' ' && s.p[i] <= '~' ? s.p[i] : s.p[i] == '\t' ? ' ' : '?';
			i++;
		}
	}
	to[at] = 0;
	return to;
}
