// SPDX-License-Identifier: GPL-2.0-only
/*
 * ring_page_fuzz.c - pages of the ring buffer that stand in the spool of a recorder (ring_page.c, live_spool.c, live_read.c).
 *
 * An input is the spool's records, each: a byte for the CPU (255: the end of a round), two for the length, that many bytes of
 * a page of 512. What is called sound has to keep every event that kbuffer of libtraceevent finds within the page; what is not,
 * to be counted as a hole.
 *
 * Linked with --wrap=fallocate: a file in memory has all pages made that are set aside, which takes longer than all else.
 */
#include <fcntl.h>
#include <kbuffer.h>

#include "collector/live_read.h"
#include "collector/ring_page.h"
#include "schemas/base/mem.h"
#include "schemas/base/tests/fuzz/fuzz.h"

enum { PAGE = 512, CPUS = 3 };

static struct fuzz_file file;
static struct kbuffer *kbuf;

int __wrap_fallocate(int fd, int mode, off_t offset, off_t len);

int __wrap_fallocate(int fd, int mode, off_t offset, off_t len)
{
	(void)mode;
	(void)offset;
	(void)len;
	return fd < 0 ? -1 : 0;
}

int LLVMFuzzerInitialize(int *argc, char ***argv)
{
	(void)argc;
	(void)argv;
	fuzz_file_init(&file);
	kbuf = kbuffer_alloc(KBUFFER_LSIZE_SAME_AS_HOST, KBUFFER_ENDIAN_SAME_AS_HOST);
	FUZZ_CHECK(kbuf);
	return 0;
}

/* Return: events of a sound page; -1: it is not. */
static int64_t walk(uint8_t *page)
{
	unsigned long long ts;
	const uint8_t *ev;
	int64_t n = 0;

	if (!bu_ring_page_sound(page, PAGE))
		return -1;
	kbuffer_load_subbuffer(kbuf, page);
	for (ev = kbuffer_read_event(kbuf, &ts); ev; ev = kbuffer_next_event(kbuf, &ts), n++)
		FUZZ_CHECK(ev >= page + 16 && kbuffer_event_size(kbuf) >= 4 && ev + kbuffer_event_size(kbuf) <= page + PAGE);
	return n;
}

/* Writes the records into the spool's file. @ret_holes: pages that are not sound. Return: events in those that are. */
static int64_t fill(struct fuzz_in *in, int64_t *ret_holes)
{
	struct bu_err err = BU_ERR_INIT;
	struct bu_spool *spool = NULL;
	uint8_t page[PAGE + 8];
	int64_t events = 0, n;
	uint32_t cpu, len, i;

	fuzz_file_set(&file, "", 0);
	FUZZ_CHECK(!bu_spool_open(file.path, PAGE, &spool, &err));
	while (in->left) {
		cpu = (uint32_t)fuzz_num(in, 1);
		if (cpu == 255) {
			FUZZ_CHECK(!bu_spool_round(spool, &err));
			continue;
		}
		len = (uint32_t)fuzz_num(in, 2) % (PAGE + 1);
		memset(page, 0, sizeof(page));
		for (i = 0; i < len; i++)
			page[i] = (uint8_t)fuzz_num(in, 1);
		FUZZ_CHECK(!bu_spool_add(spool, cpu, page, len, &err));
		n = walk(page);
		if (cpu < CPUS && n < 0)
			*ret_holes += 1;
		else if (cpu < CPUS)
			events += n;
	}
	FUZZ_CHECK(!bu_spool_flush(spool, &err));
	bu_spool_close(spool);
	return events;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct bu_live_cpu cpus[CPUS] = { { .fd = -1, .cpu = 0 }, { .fd = -1, .cpu = 1 }, { .fd = -1, .cpu = 2 } };
	static uint32_t types[BU_LIVE_TYPES];
	char page[PAGE + 8];
	struct bu_readers r = { .epoll = -1, .page_bytes = PAGE, .cpus = cpus, .n = CPUS, .types = types, .page = page, .kbuf = kbuf };
	struct fuzz_in in = { data, size };
	struct bu_err err = BU_ERR_INIT;
	int64_t holes = 0, events = fill(&in, &holes);

	memset(page, 0, sizeof(page));
	FUZZ_CHECK(!bu_readers_recount(&r, file.path, &err));
	FUZZ_CHECK(r.events == events && r.n_marks >= holes);
	free(r.holes);
	return 0;
}
