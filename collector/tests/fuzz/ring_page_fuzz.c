// SPDX-License-Identifier: GPL-2.0-only
/*
 * ring_page_fuzz.c - pages of the ring buffer that stand in the spool of a recorder (ring_page.c, live_spool.c, live_read.c).
 *
 * An input is the spool's records, each: a byte for the CPU (255: the end of a round), two for the length, that many bytes of
 * a page of 512. The events of a page that can be read to its end are those that kbuffer of libtraceevent finds, whatever machine
 * the page is said to be of; what the recorder has of its own machine and cannot be read is counted as a hole.
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

static const struct bu_ring_layout layouts[] = { { false, 8 }, { false, 4 }, { true, 8 }, { true, 4 } };
#define N_LAYOUTS (sizeof(layouts) / sizeof(layouts[0]))

static struct fuzz_file file;
static struct kbuffer *kbufs[N_LAYOUTS];

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
	size_t i;

	(void)argc;
	(void)argv;
	fuzz_file_init(&file);
	for (i = 0; i < N_LAYOUTS; i++) {
		kbufs[i] = kbuffer_alloc(layouts[i].long_bytes == 8 ? KBUFFER_LSIZE_8 : KBUFFER_LSIZE_4,
					 layouts[i].big_endian ? KBUFFER_ENDIAN_BIG : KBUFFER_ENDIAN_LITTLE);
		FUZZ_CHECK(kbufs[i]);
	}
	return 0;
}

/* Return: events of a page that can be read to its end; -1: it cannot. */
static int64_t walk(const struct bu_ring_layout *l, const uint8_t *page)
{
	struct bu_ring_page p = { .missed = 0 };
	struct bu_ring_event ev;
	int64_t n = 0;
	int rc;

	if (!bu_ring_page_open(&p, l, page, PAGE))
		return -1;
	for (; (rc = bu_ring_page_next(&p, l, &ev)) > 0; n++)
		FUZZ_CHECK(ev.bytes >= 4 && ev.data >= page + 8 + l->long_bytes && ev.data + ev.bytes <= page + PAGE);
	return rc ? -1 : n;
}

/* @page has some bytes more, which kbuffer looks at. */
static void compare(const struct bu_ring_layout *l, struct kbuffer *k, uint8_t *page)
{
	struct bu_ring_page p = { .missed = 0 };
	struct bu_ring_event ev;
	unsigned long long ts;
	const uint8_t *theirs;
	int missed;

	FUZZ_CHECK(bu_ring_page_open(&p, l, page, PAGE));
	kbuffer_load_subbuffer(k, page);
	missed = kbuffer_missed_events(k);
	for (theirs = kbuffer_read_event(k, &ts); theirs; theirs = kbuffer_next_event(k, &ts)) {
		FUZZ_CHECK(bu_ring_page_next(&p, l, &ev) == 1);
		FUZZ_CHECK(ev.data == theirs && ev.bytes == (uint32_t)kbuffer_event_size(k) && ev.stamp == ts);
		/* It has an int for the number, and forgets the mark where the page begins with something else. */
		FUZZ_CHECK(!missed || ev.missed == -1 || (int)ev.missed == missed);
		missed = 0;
	}
	FUZZ_CHECK(!bu_ring_page_next(&p, l, &ev));
}

static int64_t walk_all(uint8_t *page)
{
	uint8_t *exact = malloc(PAGE);	/* so that reading behind it shows */
	int64_t n, native;
	size_t i;

	FUZZ_CHECK(exact);
	memcpy(exact, page, PAGE);
	for (i = 0; i < N_LAYOUTS; i++) {
		n = walk(&layouts[i], exact);
		if (n >= 0)
			compare(&layouts[i], kbufs[i], page);
	}
	native = walk(&bu_ring_native, exact);
	FUZZ_CHECK(bu_ring_page_sound(exact, PAGE) == (native >= 0));
	free(exact);
	return native;
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
		n = walk_all(page);
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
	struct bu_readers r = { .epoll = -1, .page_bytes = PAGE, .cpus = cpus, .n = CPUS, .types = types, .page = page };
	struct fuzz_in in = { data, size };
	struct bu_err err = BU_ERR_INIT;
	int64_t holes = 0, events = fill(&in, &holes);

	memset(page, 0, sizeof(page));
	FUZZ_CHECK(!bu_readers_recount(&r, file.path, &err));
	FUZZ_CHECK(r.events == events && r.n_marks >= holes);
	free(r.holes);
	return 0;
}
