// SPDX-License-Identifier: GPL-2.0-only
/* tracedat_write.c - see tracedat_write.h. Numbers are written in this machine's byte order, which the file names. */
#include "collector/tracedat_write.h"

#include <endian.h>
#include <errno.h>
#include <fcntl.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include "collector/dat_head.h"
#include "schemas/base/mem.h"

#define WINDOW_BYTES (1u << 20)

struct bu_dat_out {
	char *path, *partial;	/* partial is NULL once the file has its name */
	FILE *file;
	uint32_t page_bytes, cpus, buffers;
	int64_t current;	/* place in the table of the CPU being written; -1: none yet */
	uint64_t pos, kallsyms_at, pages_at;
	char *window;		/* mapped part of the file, or NULL; everything in it has space on the disk */
	uint64_t window_at;
	size_t window_len;
	uint64_t *named_at;	/* per buffer: where its option wants to know where its table is */
	uint64_t *table_at;	/* per buffer: where its table is */
	struct place {
		uint64_t offset, len;
	} *table;		/* buffers times CPUs */
};

/* What cannot be written shows in ferror() at the end of the head: stdio keeps the state. */
static void put(struct bu_dat_out *o, const void *data, size_t len)
{
	if (len)
		fwrite(data, 1, len, o->file);
	o->pos += len;
}

static void put_u16(struct bu_dat_out *o, uint16_t v)
{
	put(o, &v, sizeof(v));
}

static void put_u32(struct bu_dat_out *o, uint32_t v)
{
	put(o, &v, sizeof(v));
}

static void put_u64(struct bu_dat_out *o, uint64_t v)
{
	put(o, &v, sizeof(v));
}

static void put_text64(struct bu_dat_out *o, struct bu_dat_text t)
{
	put_u64(o, t.len);
	put(o, t.data, t.len);
}

static void put_text32(struct bu_dat_out *o, struct bu_dat_text t)
{
	put_u32(o, (uint32_t)t.len);
	put(o, t.data, t.len);
}

static void put_formats(struct bu_dat_out *o, const struct bu_dat_system *s)
{
	size_t i;

	put_u32(o, (uint32_t)s->n);
	for (i = 0; i < s->n; i++)
		put_text64(o, s->formats[i]);
}

static void put_option(struct bu_dat_out *o, enum bu_dat_option id, const char *text, size_t len)
{
	put_u16(o, (uint16_t)id);
	put_u32(o, (uint32_t)len + 1);
	put(o, text, len);
	put(o, "", 1);
}

/* Where the buffer's table is follows at the end. */
static void put_buffer_option(struct bu_dat_out *o, uint32_t buf, const char *name)
{
	put_u16(o, BU_DAT_BUFFER);
	put_u32(o, (uint32_t)(8 + strlen(name) + 1));
	o->named_at[buf] = o->pos;
	put_u64(o, 0);
	put(o, name, strlen(name) + 1);
}

static int put_options(struct bu_dat_out *o, const struct bu_dat_content *c)
{
	_cleanup_free_ char *stat = NULL;
	uint32_t cpu, buf;
	int n;

	put(o, "options  ", 10);
	if (c->trace_clock)
		put_option(o, BU_DAT_TRACECLOCK, c->trace_clock, strlen(c->trace_clock));
	if (c->uname)
		put_option(o, BU_DAT_UNAME, c->uname, strlen(c->uname));
	if (c->writer)
		put_option(o, BU_DAT_VERSION, c->writer, strlen(c->writer));
	for (cpu = 0; c->cpustats && cpu < c->cpus; cpu++) {
		if (!c->cpustats[cpu].len)
			continue;
		free(stat);
		n = asprintf(&stat, "CPU: %u\n%.*s", cpu, (int)c->cpustats[cpu].len, c->cpustats[cpu].data);
		if (n < 0) {
			stat = NULL;
			return -ENOMEM;
		}
		put_option(o, BU_DAT_CPUSTAT, stat, (size_t)n);
	}
	for (buf = 1; buf < o->buffers; buf++)
		put_buffer_option(o, buf, c->instances[buf - 1]);
	put_u16(o, BU_DAT_DONE);
	return 0;
}

/* The next page boundary: where a CPU's data may begin. */
static uint64_t align(const struct bu_dat_out *o, uint64_t at)
{
	return (at + o->page_bytes - 1) / o->page_bytes * o->page_bytes;
}

static int put_head(struct bu_dat_out *o, const struct bu_dat_content *c)
{
	uint32_t buf;
	size_t i;
	int rc;

	put(o, "\x17\x08\x44" "tracing" "6", 12);
	put(o, BYTE_ORDER == BIG_ENDIAN ? "\1" : "\0", 1);
	put(o, sizeof(long) == 8 ? "\10" : "\4", 1);
	put_u32(o, c->page_bytes);
	put(o, "header_page", 12);
	put_text64(o, c->header_page);
	put(o, "header_event", 13);
	put_text64(o, c->header_event);
	put_formats(o, &c->ftrace);
	put_u32(o, (uint32_t)c->n_systems);
	for (i = 0; i < c->n_systems; i++) {
		put(o, c->systems[i].name, strlen(c->systems[i].name) + 1);
		put_formats(o, &c->systems[i]);
	}
	put_u32(o, (uint32_t)c->kallsyms.len);
	o->kallsyms_at = o->pos;
	put(o, c->kallsyms.data, c->kallsyms.len);
	put_text32(o, c->printk_formats);
	put_text64(o, c->cmdlines);
	put_u32(o, c->cpus);
	rc = put_options(o, c);
	if (rc)
		return rc;
	for (buf = 0; buf < o->buffers; buf++) {
		o->table_at[buf] = o->pos;
		put(o, "flyrecord", 10);
		for (i = 0; i < c->cpus; i++) {
			put_u64(o, 0);
			put_u64(o, 0);
		}
		/*
		 * Where the options name the clock, readers of version 6 look for it here, too: init_data_v6() of libtracecmd. They
		 * need not be told twice, which costs that library memory; but without a length they take what follows for one.
		 */
		if (c->trace_clock)
			put_u64(o, 0);
	}
	o->pages_at = align(o, o->pos);
	return fflush(o->file) ? -errno : ferror(o->file) ? -EIO : 0;
}

/* Opens PATH.partial, as fopen() has @mode. */
static int out_open(const char *path, const char *mode, uint32_t page_bytes, uint32_t cpus, uint32_t buffers,
		    struct bu_dat_out **ret, struct bu_err *err)
{
	_cleanup_(bu_dat_out_destroyp) struct bu_dat_out *o = calloc(1, sizeof(*o));
	int rc;

	if (!o)
		return bu_fail_errno(err, -ENOMEM, "%s", path);
	o->page_bytes = page_bytes;
	o->cpus = cpus;
	o->current = -1;
	o->buffers = buffers;
	o->path = strdup(path);
	o->table = calloc((size_t)buffers * cpus + 1, sizeof(*o->table));
	o->named_at = calloc(buffers, sizeof(*o->named_at));
	o->table_at = calloc(buffers, sizeof(*o->table_at));
	if (!o->path || !o->table || !o->named_at || !o->table_at)
		return bu_fail_errno(err, -ENOMEM, "%s", path);
	if (asprintf(&o->partial, "%s.partial", path) < 0) {
		o->partial = NULL;
		return bu_fail_errno(err, -ENOMEM, "%s", path);
	}
	o->file = fopen(o->partial, mode);
	if (!o->file) {
		rc = -errno;
		free(take_ptr(o->partial));
		return bu_fail_errno(err, rc, "%s.partial: open", path);
	}
	*ret = take_ptr(o);
	return 0;
}

int bu_dat_out_create(const char *path, const struct bu_dat_content *c, struct bu_dat_out **ret,
		      struct bu_err *err)
{
	_cleanup_(bu_dat_out_destroyp) struct bu_dat_out *o = NULL;
	int rc;

	rc = out_open(path, "w+e", c->page_bytes, c->cpus, 1 + (uint32_t)c->n_instances, &o, err);
	if (rc)
		return rc;
	rc = put_head(o, c);
	if (rc)
		return bu_fail_errno(err, rc, "%s: write", path);
	*ret = take_ptr(o);
	return 0;
}

/* The entry of a CPU of a buffer, that CPU being the one that pages come for from now on. */
static struct place *place_of(struct bu_dat_out *o, uint32_t buf, uint32_t cpu, struct bu_err *err)
{
	int64_t place = (int64_t)buf * o->cpus + cpu;
	struct place *p;

	if (buf >= o->buffers || cpu >= o->cpus) {
		bu_fail(err, -EINVAL, "%s: there is no place for CPU %u", o->path, cpu);
		return NULL;
	}
	p = &o->table[place];
	if (o->current == place)
		return p;
	if (p->len) {
		bu_fail(err, -EINVAL, "%s: CPU %u is written already", o->path, cpu);
		return NULL;
	}
	o->current = place;
	o->pos = p->offset = align(o, o->pos);
	return p;
}

int bu_dat_out_append(struct bu_dat_out *o, uint32_t buf, uint32_t cpu, const void *pages, size_t len,
		      struct bu_err *err)
{
	struct place *p = place_of(o, buf, cpu, err);

	if (!p)
		return -EINVAL;
	if (len % o->page_bytes)
		return bu_fail(err, -EINVAL, "%s: %zu bytes are no pages", o->path, len);
	if (!p->len && fseeko(o->file, (off_t)p->offset, SEEK_SET))
		return bu_fail_errno(err, -errno, "%s: seek", o->path);
	if (fwrite(pages, 1, len, o->file) != len)
		return bu_fail_errno(err, errno ? -errno : -EIO, "%s: write", o->path);
	o->pos += len;
	p->len += len;
	return 0;
}

/* ---- slots ---------------------------------------------------------------------------------------------------- */

static void close_window(struct bu_dat_out *o)
{
	if (o->window)
		munmap(o->window, o->window_len);
	o->window = NULL;
}

static int move_window(struct bu_dat_out *o, struct bu_err *err)
{
	size_t len = o->page_bytes > WINDOW_BYTES ? o->page_bytes : WINDOW_BYTES;
	int rc;

	close_window(o);
	rc = posix_fallocate(fileno(o->file), (off_t)o->pos, (off_t)len);
	if (rc && len > o->page_bytes) {	/* near the end of the disk page by page */
		len = o->page_bytes;
		rc = posix_fallocate(fileno(o->file), (off_t)o->pos, (off_t)len);
	}
	if (rc)
		return bu_fail_errno(err, -rc, "%s: make room for a page", o->partial);
	o->window = mmap(NULL, len, PROT_READ | PROT_WRITE, MAP_SHARED, fileno(o->file), (off_t)o->pos);
	if (o->window == MAP_FAILED) {
		o->window = NULL;
		return bu_fail_errno(err, -errno, "%s: map", o->partial);
	}
	o->window_at = o->pos;
	o->window_len = len;
	return 0;
}

/* The entry of the CPU being written, into the file. */
static int put_current(struct bu_dat_out *o, struct bu_err *err)
{
	uint64_t at = o->table_at[o->current / o->cpus] + strlen("flyrecord") + 1 +
		      (uint64_t)(o->current % o->cpus) * sizeof(*o->table);

	if (pwrite(fileno(o->file), &o->table[o->current], sizeof(*o->table), (off_t)at) != (ssize_t)sizeof(*o->table))
		return bu_fail_errno(err, errno ? -errno : -EIO, "%s: write", o->partial);
	return 0;
}

int bu_dat_out_slot(struct bu_dat_out *o, uint32_t buf, uint32_t cpu, void **ret, struct bu_err *err)
{
	struct place *p = place_of(o, buf, cpu, err);
	char *slot;
	int rc = 0;

	if (!p)
		return -EINVAL;
	if (!o->window || o->pos < o->window_at || o->pos + o->page_bytes > o->window_at + o->window_len)
		rc = move_window(o, err);
	if (rc)
		return rc;
	slot = o->window + (o->pos - o->window_at);
	memset(slot, 0, o->page_bytes);
	p->len += o->page_bytes;
	rc = put_current(o, err);
	if (rc) {
		p->len -= o->page_bytes;
		return rc;
	}
	o->pos += o->page_bytes;
	*ret = slot;
	return 0;
}

int bu_dat_out_unslot(struct bu_dat_out *o, struct bu_err *err)
{
	o->table[o->current].len -= o->page_bytes;
	o->pos -= o->page_bytes;
	return put_current(o, err);
}

struct bu_dat_place bu_dat_out_place(const struct bu_dat_out *o)
{
	return (struct bu_dat_place){ o->table_at[0], o->kallsyms_at, o->pages_at, o->page_bytes, o->cpus };
}

int bu_dat_out_reopen(const char *path, const struct bu_dat_place *place, struct bu_dat_out **ret, int64_t *ret_cpu,
		      struct bu_err *err)
{
	struct bu_dat_out *o = NULL;
	uint32_t cpu;
	struct stat st;
	size_t bytes;
	int rc;

	rc = out_open(path, "r+e", place->page_bytes, place->cpus, 1, &o, err);
	if (rc)
		return rc;
	o->table_at[0] = place->table_at;
	o->kallsyms_at = place->kallsyms_at;
	o->pos = o->pages_at = place->pages_at;
	bytes = (size_t)o->cpus * sizeof(*o->table);
	if (fstat(fileno(o->file), &st) || pread(fileno(o->file), o->table, bytes, (off_t)(place->table_at +
						 strlen("flyrecord") + 1)) != (ssize_t)bytes)
		rc = bu_fail_errno(err, errno ? -errno : -EIO, "%s: read", o->partial);
	for (cpu = 0; !rc && cpu < o->cpus; cpu++) {
		if (!o->table[cpu].len)
			continue;
		if (o->table[cpu].len % o->page_bytes || o->table[cpu].offset < o->pos ||
		    o->table[cpu].len > (uint64_t)st.st_size || o->table[cpu].offset > (uint64_t)st.st_size - o->table[cpu].len)
			rc = bu_fail(err, -EBADMSG, "%s: its table is damaged", o->partial);
		o->current = cpu;
		o->pos = o->table[cpu].offset + o->table[cpu].len;
	}
	if (rc) {
		bu_dat_out_leave(o);
		return rc;
	}
	*ret_cpu = o->current;
	*ret = o;
	return 0;
}

int bu_dat_out_read(const struct bu_dat_out *o, uint32_t cpu, uint64_t nth, void *page, struct bu_err *err)
{
	const struct place *p = &o->table[cpu];

	if (nth >= p->len / o->page_bytes)
		return 0;
	if (pread(fileno(o->file), page, o->page_bytes, (off_t)(p->offset + nth * o->page_bytes)) != (ssize_t)o->page_bytes)
		return bu_fail_errno(err, errno ? -errno : -EIO, "%s: read", o->partial);
	return 1;
}

int bu_dat_out_kallsyms(struct bu_dat_out *o, const struct bu_dat_text *k, struct bu_err *err)
{
	if (k->len && pwrite(fileno(o->file), k->data, k->len, (off_t)o->kallsyms_at) != (ssize_t)k->len)
		return bu_fail_errno(err, errno ? -errno : -EIO, "%s: write", o->partial);
	return 0;
}

/* ---- the end ---------------------------------------------------------------------------------------------------- */

static bool put_at(struct bu_dat_out *o, uint64_t at, const void *data, size_t len)
{
	return !fseeko(o->file, (off_t)at, SEEK_SET) && fwrite(data, 1, len, o->file) == len;
}

static bool put_tables(struct bu_dat_out *o)
{
	size_t n = (size_t)o->buffers * o->cpus, i;
	uint32_t buf;

	for (i = 0; i < n; i++)	/* an empty CPU has a place as well */
		if (!o->table[i].len)
			o->table[i].offset = align(o, o->pos);
	for (buf = 0; buf < o->buffers; buf++)
		if (!put_at(o, o->table_at[buf] + strlen("flyrecord") + 1, o->table + (size_t)buf * o->cpus,
			    o->cpus * sizeof(*o->table)) ||
		    (buf && !put_at(o, o->named_at[buf], &o->table_at[buf], sizeof(*o->table_at))))
			return false;
	return true;
}

int bu_dat_out_finish(struct bu_dat_out *o, struct bu_err *err)
{
	close_window(o);
	errno = 0;
	if (!put_tables(o) || fflush(o->file) || ftruncate(fileno(o->file), (off_t)align(o, o->pos)) ||
	    fsync(fileno(o->file)))
		return bu_fail_errno(err, errno ? -errno : -EIO, "%s: write", o->path);
	if (rename(o->partial, o->path))
		return bu_fail_errno(err, -errno, "%s: rename into place", o->path);
	free(take_ptr(o->partial));
	return 0;
}

void bu_dat_out_leave(struct bu_dat_out *o)
{
	if (o)
		free(take_ptr(o->partial));
	bu_dat_out_destroy(o);
}

void bu_dat_out_destroy(struct bu_dat_out *o)
{
	if (!o)
		return;
	close_window(o);
	if (o->file)
		fclose(o->file);
	if (o->partial)
		unlink(o->partial);
	free(o->partial);
	free(o->path);
	free(o->table);
	free(o->named_at);
	free(o->table_at);
	free(o);
}

void bu_dat_out_destroyp(struct bu_dat_out **o)
{
	bu_dat_out_destroy(*o);
}
