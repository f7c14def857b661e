// SPDX-License-Identifier: GPL-2.0-only
/* dat_head.c - see dat_head.h. Reads forward through the file; nothing is believed before it is checked. */
#include "collector/dat_head.h"

#include <endian.h>
#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>

#include "collector/dat_reader.h"

#define MAX_TEXT (16u << 20)	/* longest option that is kept: far more than any real one */
#define MAX_PAGE (1u << 20)
#define COMPRESSED 1		/* flag of a section of version 7 */
#define MAX_BUFFERS 1024	/* instances; they are looked up one by one */

const char *bu_dat_bracketed(struct bu_arena *arena, const char *text)
{
	const char *from = strchr(text, '[');
	const char *to = from ? strchr(from, ']') : NULL;
	size_t len;
	char *copy;

	if (to) {
		from++;
		len = (size_t)(to - from);
	} else {
		from = text;
		len = strcspn(text, "\n");
		if (!len || memchr(text, ' ', len))
			return NULL;
	}
	copy = bu_arena_alloc(arena, len + 1);
	return copy ? memcpy(copy, from, len) : NULL;
}

/* The buffer of that name, entered when it is new; NULL when memory is out. */
static struct bu_dat_buffer *buffer_named(struct bu_dat_head *h, const char *name)
{
	size_t i;

	for (i = 0; i < h->n_buffers; i++)
		if (!strcmp(h->buffers[i].name, name))
			return &h->buffers[i];
	if (bu_grow(&h->buffers, h->n_buffers, &h->cap_buffers, sizeof(*h->buffers)))
		return NULL;
	name = bu_arena_strdup(&h->arena, name);
	if (!name)
		return NULL;
	h->buffers[h->n_buffers] = (struct bu_dat_buffer){ .name = name };
	return &h->buffers[h->n_buffers++];
}

static int add_cpu(struct bu_dat_reader *r, struct bu_dat_buffer *b, uint64_t cpu, uint64_t offset, uint64_t len)
{
	if (len && (offset > r->size || len > r->size - offset))
		return bu_dat_truncated(r, "event data", offset > UINT64_MAX - len ? UINT64_MAX : offset + len);
	if (cpu >= BU_DAT_MAX_CPUS)
		return bu_dat_damaged(r, "a CPU number");
	if (cpu >= b->cpus)
		b->cpus = (uint32_t)cpu + 1;
	if (!len)
		return 0;
	if (len > r->size - r->data_bytes)	/* extents overlap: reading them all could take forever */
		return bu_dat_damaged(r, "the data table");
	r->data_bytes += len;
	b->bytes += len;
	if (bu_grow(&b->extents, b->n_extents, &b->cap_extents, sizeof(*b->extents)))
		return bu_fail_errno(r->err, -ENOMEM, "%s", r->path);
	b->extents[b->n_extents++] = (struct bu_dat_extent){ (uint32_t)cpu, offset, len };
	return 0;
}

/* Version 6: the table of offset and size per CPU behind the word "flyrecord". */
static int read_v6_data_table(struct bu_dat_reader *r, struct bu_dat_buffer *b, uint64_t cpus)
{
	uint64_t offset = 0, len = 0, cpu;
	char kind[10];
	int rc = bu_dat_get(r, kind, sizeof(kind), "the kind of data");

	if (rc)
		return rc;
	if (!memcmp(kind, "latency", 7))
		return bu_fail(r->err, -EPROTO, "%s holds the text of a latency tracer and no events; record it with "
			       "events or the function tracer", r->path);
	if (memcmp(kind, "flyrecord", 9))
		return bu_dat_damaged(r, "the kind of data");
	for (cpu = 0; cpu < cpus; cpu++) {
		rc = bu_dat_get_num(r, 8, &offset, "the data table");
		if (!rc)
			rc = bu_dat_get_num(r, 8, &len, "the data table");
		if (!rc)
			rc = add_cpu(r, b, cpu, offset, len);
		if (rc)
			return rc;
	}
	if (b->cpus < cpus)
		b->cpus = (uint32_t)cpus;
	return 0;
}

static bool is_page_size(uint64_t bytes)
{
	return bytes >= 512 && bytes <= MAX_PAGE && !(bytes & (bytes - 1));
}

/* Version 7: everything about a buffer is in its option, but whether it is compressed, which its section at @at says. */
static int read_v7_buffer(struct bu_dat_reader *r, struct bu_dat_head *h, struct bu_dat_buffer *b, uint64_t at)
{
	uint64_t page = 0, cpus = 0, cpu = 0, offset = 0, len = 0, id = 0, flags = 0, i;
	int rc = bu_dat_get_string(r, &h->arena, &b->clock, "the clock of a buffer");

	if (!rc)
		rc = bu_dat_get_num(r, 4, &page, "the page size of a buffer");
	if (!rc)
		rc = bu_dat_get_num(r, 4, &cpus, "the CPUs of a buffer");
	if (!rc && cpus > BU_DAT_MAX_CPUS)
		rc = bu_dat_damaged(r, "the number of CPUs of a buffer");
	if (!rc && page && !is_page_size(page))
		rc = bu_dat_damaged(r, "the page size of a buffer");
	b->page_bytes = (uint32_t)page;
	for (i = 0; !rc && i < cpus; i++) {
		rc = bu_dat_get_num(r, 4, &cpu, "the data table");
		if (!rc)
			rc = bu_dat_get_num(r, 8, &offset, "the data table");
		if (!rc)
			rc = bu_dat_get_num(r, 8, &len, "the data table");
		if (!rc)
			rc = add_cpu(r, b, cpu, offset, len);
	}
	if (rc || !b->n_extents)
		return rc;
	rc = bu_dat_seek(r, at, "a buffer");
	if (!rc)
		rc = bu_dat_get_num(r, 2, &id, "a buffer");
	if (!rc)
		rc = bu_dat_get_num(r, 2, &flags, "a buffer");
	b->compressed = flags & COMPRESSED;
	if (!rc && (id != BU_DAT_BUFFER || (b->compressed && !strcmp(h->compression, "none"))))
		rc = bu_dat_damaged(r, "a buffer");
	return rc;
}

static int read_buffer(struct bu_dat_reader *r, struct bu_dat_head *h)
{
	struct bu_dat_buffer *b;
	const char *name = NULL;
	uint64_t offset = 0;
	int rc;

	rc = bu_dat_get_num(r, 8, &offset, "the place of a buffer");
	if (!rc)
		rc = bu_dat_get_string(r, &h->arena, &name, "the name of a buffer");
	if (!rc && offset > r->size)
		rc = bu_dat_truncated(r, "a buffer", offset);
	if (!rc && h->n_buffers == MAX_BUFFERS)
		rc = bu_dat_damaged(r, "the number of buffers");
	if (rc)
		return rc;
	b = buffer_named(h, name);
	if (!b)
		return bu_fail_errno(r->err, -ENOMEM, "%s", r->path);
	if (h->version >= 7)
		return read_v7_buffer(r, h, b, offset);
	b->bytes = offset;	/* visited by read_v6() when the options are done */
	return 0;
}

/* Appends to what is already known of the buffer whose statistics are being listed. */
static int read_cpustat(struct bu_dat_reader *r, struct bu_dat_head *h, size_t *stat_buffer, const char *text)
{
	static const char heading[] = "\nBuffer: ";
	struct bu_dat_buffer *b;
	char *joined, *end;
	size_t len;

	if (!strncmp(text, heading, sizeof(heading) - 1)) {
		if (h->n_buffers == MAX_BUFFERS)
			return bu_dat_damaged(r, "the number of buffers");
		joined = bu_arena_strdup(&h->arena, text + sizeof(heading) - 1);
		if (!joined)
			return bu_fail_errno(r->err, -ENOMEM, "%s", r->path);
		end = strchr(joined, '\n');
		if (end)
			*end = 0;
		b = buffer_named(h, joined);
		if (!b)
			return bu_fail_errno(r->err, -ENOMEM, "%s", r->path);
		*stat_buffer = (size_t)(b - h->buffers);
		return 0;
	}
	b = &h->buffers[*stat_buffer];
	len = strlen(text) + 1;
	if (b->cpustats_cap - b->cpustats_len <= len) {
		b->cpustats_cap = (b->cpustats_cap + len) * 2;
		joined = realloc(b->cpustats, b->cpustats_cap);
		if (!joined)
			return bu_fail_errno(r->err, -ENOMEM, "%s", r->path);
		b->cpustats = joined;
	}
	stpcpy(stpcpy(b->cpustats + b->cpustats_len, text), "\n");
	b->cpustats_len += len;
	return 0;
}

static int read_text_option(struct bu_dat_reader *r, struct bu_dat_head *h, unsigned int id, uint64_t len,
			    size_t *stat_buffer)
{
	char *text;
	int rc;

	if (len > MAX_TEXT)
		return bu_dat_damaged(r, "the length of an option");
	rc = bu_dat_need(r, len, "an option");
	if (rc)
		return rc;
	text = bu_arena_alloc(&h->arena, len + 1);
	if (!text)
		return bu_fail_errno(r->err, -ENOMEM, "%s", r->path);
	rc = bu_dat_get(r, text, len, "an option");
	if (rc)
		return rc;
	switch (id) {
	case BU_DAT_UNAME:
		h->uname = text;
		return 0;
	case BU_DAT_VERSION:
		h->writer = text;
		return 0;
	case BU_DAT_TRACECLOCK:
		h->buffers[0].clock = bu_dat_bracketed(&h->arena, text);
		return 0;
	case BU_DAT_DATE:	/* microseconds */
		h->stamp_offset += 1000 * (uint64_t)strtoll(text, NULL, 0);
		return 0;
	case BU_DAT_OFFSET:
		h->stamp_offset += (uint64_t)strtoll(text, NULL, 0);
		return 0;
	default:
		return read_cpustat(r, h, stat_buffer, text);
	}
}

/* One option of @len bytes; the caller goes on behind it whatever was read of it. */
static int read_option(struct bu_dat_reader *r, struct bu_dat_head *h, unsigned int id, uint64_t len, uint64_t *cpus,
		       size_t *stat_buffer)
{
	uint64_t v = 0;
	int rc;

	switch (id) {
	case BU_DAT_UNAME:
	case BU_DAT_VERSION:
	case BU_DAT_TRACECLOCK:
	case BU_DAT_DATE:
	case BU_DAT_OFFSET:
	case BU_DAT_CPUSTAT:
		return read_text_option(r, h, id, len, stat_buffer);
	case BU_DAT_BUFFER:
		return read_buffer(r, h);
	case BU_DAT_BUFFER_TEXT:
		return bu_fail(r->err, -EPROTO, "%s holds the text of a latency tracer and no events; record it with "
			       "events or the function tracer", r->path);
	case BU_DAT_CPUCOUNT:
		rc = bu_dat_get_num(r, 4, cpus, "the number of CPUs");
		if (!rc && *cpus > BU_DAT_MAX_CPUS)
			rc = bu_dat_damaged(r, "the number of CPUs");
		return rc;
	case BU_DAT_TIME_SHIFT:
		h->has_time_shift = true;
		return 0;
	case BU_DAT_TSC2NSEC:
		if (len < 16)	/* as trace-cmd 3.1 has it */
			return 0;
		rc = bu_dat_get_num(r, 4, &v, "the clock rate");
		h->tsc_mult = (uint32_t)v;
		if (!rc)
			rc = bu_dat_get_num(r, 4, &v, "the clock rate");
		h->tsc_shift = (uint32_t)v;
		if (!rc && (!h->tsc_mult || h->tsc_shift > 63))
			rc = bu_dat_damaged(r, "the clock rate");
		h->has_tsc2nsec = !rc;
		return rc;
	default:
		if (id < BU_DAT_HEADER_INFO || id > BU_DAT_CMDLINES)
			return 0;
		rc = bu_dat_get_num(r, 8, &v, "the place of a section");
		if (!rc)
			rc = bu_dat_seek(r, v, "a section");
		if (!rc)
			rc = bu_dat_skip(r, 8, "a section");
		return rc ? rc : bu_dat_skip_counted(r, 8, "a section");
	}
}

/* Options until the end mark. @ret_next: version 7: place of the next section of options, 0: there is none. */
static int read_options(struct bu_dat_reader *r, struct bu_dat_head *h, uint64_t *cpus, uint64_t *ret_next)
{
	uint64_t id = 0, len = 0, start;
	size_t stat_buffer = 0;
	int rc;

	for (;;) {
		rc = bu_dat_get_num(r, 2, &id, "the options");
		if (rc)
			return rc;
		if (id == BU_DAT_DONE && h->version < 7)
			return 0;
		rc = bu_dat_get_num(r, 4, &len, "the options");
		if (!rc)
			rc = bu_dat_need(r, len, "an option");
		if (rc)
			return rc;
		if (id == BU_DAT_DONE)
			return bu_dat_get_num(r, 8, ret_next, "the options");
		start = r->pos;
		rc = read_option(r, h, (unsigned int)id, len, cpus, &stat_buffer);
		if (!rc)
			rc = bu_dat_seek(r, start + len, "an option");
		if (rc)
			return rc;
	}
}

/* Sections lie one behind the other up to the end of the file, so a file that lost its tail shows here. */
static int check_sections(struct bu_dat_reader *r)
{
	int rc = 0;

	while (!rc && r->pos < r->size) {
		rc = bu_dat_skip(r, 8, "a section");
		if (!rc)
			rc = bu_dat_skip_counted(r, 8, "a section");
	}
	return rc;
}

static int read_v7(struct bu_dat_reader *r, struct bu_dat_head *h)
{
	uint64_t next = 0, end = 0, id = 0, flags = 0, cpus = 0;
	const char *unused = NULL;
	int rc;

	rc = bu_dat_get_string(r, &h->arena, &h->compression, "the compression");
	if (!rc)
		rc = bu_dat_get_string(r, &h->arena, &unused, "the compression");
	if (!rc)
		rc = bu_dat_get_num(r, 8, &next, "the place of the options");
	if (!rc)
		rc = check_sections(r);
	if (!rc && !next)
		rc = bu_dat_truncated(r, "the place of the options", 8);
	while (!rc && next) {
		/* Written one after the other; a chain that goes back could be read again and again. */
		if (next < end)
			return bu_dat_damaged(r, "the chain of options");
		rc = bu_dat_seek(r, next, "the options");
		if (!rc)
			rc = bu_dat_get_num(r, 2, &id, "the options");
		if (!rc)
			rc = bu_dat_get_num(r, 2, &flags, "the options");
		if (!rc)
			rc = bu_dat_skip(r, 12, "the options");
		if (!rc && id)
			rc = bu_dat_damaged(r, "the place of the options");
		if (!rc && (flags & COMPRESSED))
			rc = bu_fail(r->err, -EPROTO, "%s has compressed options, which trace-cmd 3 does not write; "
				     "convert it with 'trace-cmd convert'", r->path);
		next = 0;
		if (!rc)
			rc = read_options(r, h, &cpus, &next);
		end = r->pos;
	}
	return rc;
}

/* Version 6: the sections follow one another without a directory. */
static int read_v6(struct bu_dat_reader *r, struct bu_dat_head *h)
{
	uint64_t n = 0, events = 0, cpus = 0, offset, unused;
	char word[13];
	size_t i;
	int rc;

	rc = bu_dat_get(r, word, 12, "the page header");
	if (!rc && memcmp(word, "header_page", 12))
		rc = bu_dat_damaged(r, "the page header");
	if (!rc)
		rc = bu_dat_skip_counted(r, 8, "the page header");
	if (!rc)
		rc = bu_dat_get(r, word, 13, "the event header");
	if (!rc && memcmp(word, "header_event", 13))
		rc = bu_dat_damaged(r, "the event header");
	if (!rc)
		rc = bu_dat_skip_counted(r, 8, "the event header");
	if (!rc)
		rc = bu_dat_get_num(r, 4, &n, "the event formats");
	for (; !rc && n; n--)
		rc = bu_dat_skip_counted(r, 8, "the event formats");
	if (!rc)
		rc = bu_dat_get_num(r, 4, &n, "the event formats");
	for (; !rc && n; n--) {
		rc = bu_dat_get_string(r, NULL, NULL, "the event formats");
		if (!rc)
			rc = bu_dat_get_num(r, 4, &events, "the event formats");
		for (; !rc && events; events--)
			rc = bu_dat_skip_counted(r, 8, "the event formats");
	}
	if (!rc)
		rc = bu_dat_skip_counted(r, 4, "the kernel symbols");
	if (!rc)
		rc = bu_dat_skip_counted(r, 4, "the printk formats");
	if (!rc)
		rc = bu_dat_skip_counted(r, 8, "the task names");
	if (!rc)
		rc = bu_dat_get_num(r, 4, &cpus, "the number of CPUs");
	if (!rc && cpus > BU_DAT_MAX_CPUS)
		rc = bu_dat_damaged(r, "the number of CPUs");
	if (!rc)
		rc = bu_dat_get(r, word, 10, "the options");
	if (!rc && !memcmp(word, "options", 7))
		rc = read_options(r, h, &cpus, &unused);
	else if (!rc)
		rc = bu_dat_seek(r, r->pos - 10, "the data table");
	if (!rc)
		rc = read_v6_data_table(r, &h->buffers[0], cpus);
	for (i = 1; !rc && i < h->n_buffers; i++) {
		offset = h->buffers[i].bytes;
		h->buffers[i].bytes = 0;
		if (!offset)	/* named by statistics only */
			continue;
		rc = bu_dat_seek(r, offset, "a buffer");
		if (!rc)
			rc = read_v6_data_table(r, &h->buffers[i], cpus);
	}
	return rc;
}

static int read_start(struct bu_dat_reader *r, struct bu_dat_head *h)
{
	static const char magic[10] = { 0x17, 0x08, 0x44, 't', 'r', 'a', 'c', 'i', 'n', 'g' };
	unsigned char b[10];
	const char *version = NULL;
	uint64_t page = 0;
	int rc;

	if (r->size < sizeof(magic) || fread(b, 1, sizeof(b), r->file) != sizeof(b) ||
	    memcmp(b, magic, sizeof(magic)))
		return bu_fail(r->err, -EILSEQ, "%s is no trace.dat: it does not begin like one", r->path);
	r->pos = sizeof(magic);
	rc = bu_dat_get_string(r, &h->arena, &version, "the version");
	if (rc)
		return rc;
	if (strcmp(version, "6") && strcmp(version, "7"))
		return bu_fail(r->err, -EPROTO, "%s is a trace.dat of version '%.16s'; this program reads 6 and 7",
			       r->path, version);
	h->version = version[0] - '0';
	rc = bu_dat_get(r, b, 2, "the byte order");
	if (rc)
		return rc;
	h->big_endian = b[0];
	h->long_bytes = b[1];
	r->swap = h->big_endian;
	if (b[0] > 1 || (b[1] != 4 && b[1] != 8))
		return bu_dat_damaged(r, "the byte order or word size");
	rc = bu_dat_get_num(r, 4, &page, "the page size");
	if (!rc && !is_page_size(page))
		rc = bu_dat_damaged(r, "the page size");
	h->page_bytes = (uint32_t)page;
	return rc;
}

static int check_buffers(struct bu_dat_reader *r, struct bu_dat_head *h)
{
	const uint32_t file_page = h->page_bytes;
	uint64_t n = 0;
	size_t i;

	for (i = 0; i < h->n_buffers; i++) {
		n += h->buffers[i].cpus;
		if (!h->buffers[i].page_bytes)
			h->buffers[i].page_bytes = file_page;
		if (h->buffers[i].page_bytes > h->page_bytes)
			h->page_bytes = h->buffers[i].page_bytes;
	}
	return n > BU_DAT_MAX_STREAMS ? bu_dat_damaged(r, "the number of CPUs of all buffers") : 0;
}

int bu_dat_head_read(const char *path, struct bu_dat_head *ret, struct bu_err *err)
{
	struct bu_dat_reader r = { .path = path, .err = err };
	struct stat st;
	int rc;

	memset(ret, 0, sizeof(*ret));
	r.file = fopen(path, "re");
	if (!r.file)
		return bu_fail_errno(err, -errno, "%s", path);
	if (fstat(fileno(r.file), &st)) {
		rc = bu_fail_errno(err, -errno, "%s", path);
	} else if (!S_ISREG(st.st_mode)) {
		rc = bu_fail(err, -EINVAL, "%s is not a regular file", path);
	} else if (!st.st_size) {
		rc = bu_fail(err, -EILSEQ, "%s is empty", path);
	} else {
		ret->file_bytes = r.size = (uint64_t)st.st_size;
		rc = buffer_named(ret, "") ? read_start(&r, ret) : bu_fail_errno(err, -ENOMEM, "%s", path);
		if (!rc)
			rc = ret->version >= 7 ? read_v7(&r, ret) : read_v6(&r, ret);
		if (!rc)
			rc = check_buffers(&r, ret);
	}
	fclose(r.file);
	return rc;
}

void bu_dat_head_fini(struct bu_dat_head *head)
{
	size_t i;

	for (i = 0; i < head->n_buffers; i++) {
		free(head->buffers[i].cpustats);
		free(head->buffers[i].extents);
	}
	bu_arena_fini(&head->arena);
	free(take_ptr(head->buffers));
	head->n_buffers = head->cap_buffers = 0;
}
