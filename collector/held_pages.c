// SPDX-License-Identifier: GPL-2.0-only
/*
 * held_pages.c - see held_pages.h.
 *
 * per_cpu/cpuN/trace_pipe_raw and snapshot_raw give one sub-buffer per read, swapped out of the ring buffer whole where
 * it is full (ring_buffer_read_page() in kernel/trace/ring_buffer.c, 6.1 and 6.12), so the cost is one system call per
 * page. A CPU that never came up has no buffer: its file cannot be opened or is at its end at once.
 */
#include "collector/held_pages.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "collector/ring_page.h"

int bu_held_pages_init(struct bu_held_pages *h, const struct bu_tracefs *fs, bool snapshot, uint32_t page_bytes,
		       uint32_t cpus, struct bu_err *err)
{
	*h = (struct bu_held_pages){ .fs = fs, .file = snapshot ? "snapshot_raw" : "trace_pipe_raw", .page_bytes = page_bytes,
				     .cpus = cpus };
	h->page = calloc(1, page_bytes);
	h->written = calloc((size_t)cpus + 1, sizeof(*h->written));
	return h->page && h->written ? 0 : bu_fail_errno(err, -ENOMEM, "record");
}

void bu_held_pages_fini(struct bu_held_pages *h)
{
	free(h->written);
	free(h->page);
	*h = (struct bu_held_pages){ .pages = 0 };
}

/* Counts the events of h->page. */
static void count(struct bu_held_pages *h, uint32_t cpu)
{
	struct bu_ring_page p = { .missed = 0 };
	struct bu_ring_event ev;
	int rc = bu_ring_page_open(&p, &bu_ring_native, h->page, h->page_bytes) ? 0 : -EILSEQ;

	h->marks += rc || p.missed;
	while (!rc && bu_ring_page_next(&p, &bu_ring_native, &ev) > 0)
		h->written[cpu]++;
	h->pages++;
}

static int drain_cpu(struct bu_held_pages *h, uint32_t cpu, struct bu_dat_out *out, struct bu_err *err)
{
	char path[64];
	void *slot;
	ssize_t n;
	int fd, rc;

	snprintf(path, sizeof(path), "per_cpu/cpu%u/%s", cpu, h->file);
	fd = openat(h->fs->buffer, path, O_RDONLY | O_NONBLOCK | O_CLOEXEC);
	if (fd < 0)
		return errno == EMFILE || errno == ENOMEM || errno == EBUSY ? bu_fail_errno(err, -errno, "tracing: %s", path) : 0;
	while ((rc = bu_dat_out_slot(out, 0, cpu, &slot, err)) == 0) {
		do
			n = read(fd, slot, h->page_bytes);
		while (n < 0 && errno == EINTR);
		if (n <= 0) {	/* EAGAIN: empty; ENODEV and others: no such buffer */
			rc = bu_dat_out_unslot(out, err);
			break;
		}
		memcpy(h->page, slot, h->page_bytes);
		count(h, cpu);
	}
	close(fd);
	return rc;
}

int bu_held_pages_drain(struct bu_held_pages *h, struct bu_dat_out *out, int64_t first, struct bu_err *err)
{
	size_t i;
	int rc = 0;

	for (i = 0; !rc && i < h->fs->n_cpus; i++)
		if (h->fs->cpus[i] >= first)
			rc = drain_cpu(h, h->fs->cpus[i], out, err);
	return rc;
}

int bu_held_pages_recount(struct bu_held_pages *h, const struct bu_dat_out *out, struct bu_err *err)
{
	uint32_t cpu;
	uint64_t nth;
	int rc = 0;

	for (cpu = 0; rc >= 0 && cpu < h->cpus; cpu++)
		for (nth = 0; (rc = bu_dat_out_read(out, cpu, nth, h->page, err)) > 0; nth++) {
			if (bu_ring_page_sound(h->page, h->page_bytes))
				count(h, cpu);
			else
				h->marks++;
		}
	return rc;
}
