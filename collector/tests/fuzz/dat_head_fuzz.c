// SPDX-License-Identifier: GPL-2.0-only
/*
 * dat_head_fuzz.c - the head of a trace.dat (dat_head.c): the input is the file.
 *
 * This is all that reads a trace.dat in the main process and before the library does. What it lets pass must lie
 * within the file, because import.c sizes its tables by it.
 */
#include "collector/dat_head.h"
#include "schemas/base/tests/fuzz/fuzz.h"

static struct fuzz_file file;

int LLVMFuzzerInitialize(int *argc, char ***argv)
{
	(void)argc;
	(void)argv;
	fuzz_file_init(&file);
	return 0;
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
	bu_dat_head_fini(&head);
	return 0;
}
