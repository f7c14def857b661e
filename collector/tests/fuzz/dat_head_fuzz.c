// SPDX-License-Identifier: GPL-2.0-only
/*
 * dat_head_fuzz.c - a trace.dat (dat_head.c, dat_pages.c, dat_source.c, ring_page.c): the input is the file.
 *
 * This is all that reads a trace.dat but for the library, which reads its formats after that. What the head lets pass must
 * lie within the file, because import.c sizes its tables by it; then every event of every CPU is read.
 */
#include "collector/dat_head.h"
#include "collector/dat_source.h"
#include "schemas/base/tests/fuzz/fuzz.h"

#define MAX_CPUS 4096	/* more are only slower */

static struct fuzz_file file;
static volatile uint8_t sink;	/* so that what is read is not left out */

int LLVMFuzzerInitialize(int *argc, char ***argv)
{
	(void)argc;
	(void)argv;
	fuzz_file_init(&file);
	return 0;
}

/* All events, and each byte of them. */
static void read_events(const struct bu_dat_head *head)
{
	struct bu_err err = BU_ERR_INIT;
	struct bu_dat_source source;
	struct bu_ring_event ev;
	uint8_t sum = 0;
	uint32_t k;
	size_t i;
	int rc = bu_dat_source_open(file.path, head, &source, &err);

	FUZZ_CHECK(rc <= 0 && !rc == !err.text[0] && rc == err.code);
	if (rc)
		return;
	for (i = 0; !rc && i < source.n_streams; i++)
		while ((rc = bu_stream_read(&source, &source.streams[i], &ev, &err)) > 0)
			for (k = 0; k < ev.bytes; k++)
				sum ^= ev.data[k];
	FUZZ_CHECK(rc <= 0 && !rc == !err.text[0] && rc == err.code);
	sink = sum;
	bu_dat_source_close(&source);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct bu_err err = BU_ERR_INIT;
	struct bu_dat_head head;
	uint64_t cpus = 0;
	size_t i;
	int rc;

	fuzz_file_set(&file, data, size);
	rc = bu_dat_head_read(file.path, &head, &err);
	FUZZ_CHECK(rc <= 0 && !rc == !err.text[0] && rc == err.code);
	for (i = 0; !rc && i < head.n_buffers; i++) {
		FUZZ_CHECK(head.buffers[i].cpus <= BU_DAT_MAX_CPUS);
		FUZZ_CHECK(!head.buffers[i].cpustats ||
			   strlen(head.buffers[i].cpustats) < head.buffers[i].cpustats_cap);
		cpus += head.buffers[i].cpus;
	}
	FUZZ_CHECK(rc || (cpus <= BU_DAT_MAX_STREAMS && head.n_buffers && head.file_bytes == size));
	/* Memory stays in proportion to the file, whatever the file says. */
	FUZZ_CHECK(head.arena.used <= 64 * size + 8192);
	if (!rc && cpus <= MAX_CPUS)
		read_events(&head);
	bu_dat_head_fini(&head);
	return 0;
}
