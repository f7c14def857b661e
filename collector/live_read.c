// SPDX-License-Identifier: GPL-2.0-only
/*
 * live_read.c - see live_read.h.
 *
 * No select(2): a descriptor from 1024 on does not fit into its set, and each CPU needs one. The poll of a CPU without a
 * buffer answers EPOLLERR at once, every time (ring_buffer_poll_wait(), kernel/trace/ring_buffer.c, 6.1 and 6.12), so
 * such a reader leaves the epoll until a round finds something to read.
 */
#include "collector/live_read.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/resource.h>
#include <unistd.h>

#include "collector/ring_page.h"
#include "schemas/base/mem.h"

#define TURN_PAGES 256		/* of one CPU, before the next has its turn */
#define MAX_HOLES 10000

static void raise_limit(size_t wanted)
{
	struct rlimit l;

	if (getrlimit(RLIMIT_NOFILE, &l) || l.rlim_cur >= wanted)
		return;
	l.rlim_cur = wanted;
	if (l.rlim_max < wanted)
		l.rlim_max = wanted;	/* root may */
	if (setrlimit(RLIMIT_NOFILE, &l)) {
		getrlimit(RLIMIT_NOFILE, &l);
		l.rlim_cur = l.rlim_max;
		setrlimit(RLIMIT_NOFILE, &l);
	}
}

static void watch(struct bu_readers *r, size_t i, bool on)
{
	struct epoll_event ev = { .events = EPOLLIN, .data.u64 = i };
	struct bu_live_cpu *c = &r->cpus[i];

	if (on == c->watched || c->fd < 0)
		return;
	if (!epoll_ctl(r->epoll, on ? EPOLL_CTL_ADD : EPOLL_CTL_DEL, c->fd, &ev))
		c->watched = on;
}

int bu_readers_init(struct bu_readers *r, const struct bu_tracefs *fs, uint32_t page_bytes, struct bu_err *err)
{
	_cleanup_free_ char *size = NULL;
	char path[64];
	size_t i;

	*r = (struct bu_readers){ .epoll = -1, .page_bytes = page_bytes };
	if (!bu_read_whole(fs->buffer, "buffer_size_kb", &size, NULL))
		r->round_pages = strtol(size, NULL, 10) * 1024 / (long)page_bytes;
	if (r->round_pages < TURN_PAGES)
		r->round_pages = TURN_PAGES;
	raise_limit(fs->n_cpus + 64);
	r->epoll = epoll_create1(EPOLL_CLOEXEC);
	r->cpus = calloc(fs->n_cpus, sizeof(*r->cpus));
	r->types = calloc(BU_LIVE_TYPES, sizeof(*r->types));
	r->page = malloc(page_bytes);
	if (r->epoll < 0 || !r->cpus || !r->types || !r->page)
		return bu_fail_errno(err, r->epoll < 0 ? -errno : -ENOMEM, "readers");
	for (r->n = 0; r->n < fs->n_cpus; r->n++)
		r->cpus[r->n] = (struct bu_live_cpu){ .fd = -1, .cpu = fs->cpus[r->n] };
	for (i = 0; i < r->n; i++) {
		snprintf(path, sizeof(path), "per_cpu/cpu%u/trace_pipe_raw", fs->cpus[i]);
		r->cpus[i].fd = openat(fs->buffer, path, O_RDONLY | O_NONBLOCK | O_CLOEXEC);
		if (r->cpus[i].fd < 0 && (errno == EMFILE || errno == ENFILE || errno == ENOMEM || errno == EACCES))
			return bu_fail_errno(err, -errno, "tracing: %s", path);
		watch(r, i, true);
	}
	return 0;
}

void bu_readers_fini(struct bu_readers *r)
{
	size_t i;

	for (i = 0; i < r->n; i++)
		if (r->cpus[i].fd >= 0)
			close(r->cpus[i].fd);
	if (r->epoll >= 0)
		close(r->epoll);
	free(r->cpus);
	free(r->types);
	free(r->page);
	free(r->holes);
	*r = (struct bu_readers){ .epoll = -1 };
}

static void note_hole(struct bu_readers *r, const struct bu_live_cpu *c, int64_t count, uint64_t before)
{
	r->n_marks++;
	if (count < 0)
		r->uncounted++;
	else
		r->missed += count;
	if (r->n_holes < MAX_HOLES && !bu_grow(&r->holes, r->n_holes, &r->cap_holes, sizeof(*r->holes)))
		r->holes[r->n_holes++] = (struct bu_live_hole){ c->cpu, count, c->last, before };
}

/* Counts what is in the page. Return: how many bytes of it are worth keeping. */
static uint32_t look_at(struct bu_readers *r, struct bu_live_cpu *c)
{
	struct bu_ring_page p = { .missed = 0 };
	struct bu_ring_event ev;
	uint32_t len = r->page_bytes;
	uint16_t type;

	r->pages++;
	if (!bu_ring_page_open(&p, &bu_ring_native, r->page, r->page_bytes)) {
		note_hole(r, c, -1, 0);
		return len;
	}
	len = (uint32_t)(p.end - (const uint8_t *)r->page) + sizeof(uint64_t);	/* a number may stand behind */
	while (bu_ring_page_next(&p, &bu_ring_native, &ev) > 0) {
		if (ev.missed)
			note_hole(r, c, ev.missed, ev.stamp);
		memcpy(&type, ev.data, sizeof(type));
		r->types[type]++;
		c->events++;
		c->recent++;
		r->events++;
		c->last = ev.stamp;
	}
	if (p.missed)
		note_hole(r, c, p.missed, 0);
	return len < r->page_bytes ? len : r->page_bytes;
}

static int read_some(struct bu_readers *r, size_t i, long pages, struct bu_spool *spool, struct bu_err *err)
{
	struct bu_live_cpu *c = &r->cpus[i];
	ssize_t n;
	int rc = 0;

	while (!rc && pages-- > 0) {
		n = read(c->fd, r->page, r->page_bytes);
		if (n < 0 && errno == EINTR)
			continue;
		if (n <= 0)	/* EAGAIN: empty; others: no buffer yet */
			break;
		if ((size_t)n < r->page_bytes)
			memset(r->page + n, 0, r->page_bytes - (size_t)n);
		rc = bu_spool_add(spool, c->cpu, r->page, look_at(r, c), err);
		watch(r, i, true);
	}
	return rc;
}

int bu_readers_ready(struct bu_readers *r, size_t i, uint32_t events, struct bu_spool *spool, struct bu_err *err)
{
	if (events & (EPOLLERR | EPOLLHUP))
		watch(r, i, false);
	return read_some(r, i, TURN_PAGES, spool, err);
}

int bu_readers_all(struct bu_readers *r, struct bu_spool *spool, struct bu_err *err)
{
	size_t i;
	int rc = 0;

	for (i = 0; !rc && i < r->n; i++)
		if (r->cpus[i].fd >= 0)
			rc = read_some(r, i, 2 * r->round_pages, spool, err);
	return rc;
}

int bu_readers_recount(struct bu_readers *r, const char *path, struct bu_err *err)
{
	int fd = open(path, O_RDONLY | O_CLOEXEC), rc = 0;
	uint32_t cpu, len;
	int64_t offset = 0;
	size_t i;

	if (fd < 0)
		return bu_fail_errno(err, -errno, "%s", path);
	for (i = 0; i < r->n; i++)
		r->cpus[i].events = r->cpus[i].recent = 0;
	r->events = r->pages = r->n_marks = r->missed = r->uncounted = 0;
	r->n_holes = 0;
	while (!rc && bu_spool_next(fd, r->page_bytes, &offset, &cpu, &len)) {
		if (cpu == BU_SPOOL_ROUND)
			continue;
		/* folders cpuN mostly count through; where they do not, the number stands before its own place */
		for (i = cpu < r->n ? cpu : r->n - 1; i && r->cpus[i].cpu > cpu; i--)
			;
		if (r->cpus[i].cpu != cpu)
			continue;
		memset(r->page, 0, r->page_bytes);
		if (pread(fd, r->page, len, offset - len) != (ssize_t)len)
			rc = bu_fail_errno(err, errno ? -errno : -EIO, "%s: read", path);
		else if (!bu_ring_page_sound(r->page, r->page_bytes))	/* bu_spool_to_dat() leaves it out */
			note_hole(r, &r->cpus[i], -1, 0);
		else
			look_at(r, &r->cpus[i]);
	}
	close(fd);
	return rc;
}

void bu_readers_calm(struct bu_readers *r)
{
	size_t i;

	for (i = 0; i < r->n; i++)
		r->cpus[i].recent = 0;
	memset(r->types, 0, BU_LIVE_TYPES * sizeof(*r->types));
}
