// SPDX-License-Identifier: GPL-2.0-only
/*
 * schedule_fuzz.c - from the rows of a capture to a schedule and its replay (schedule/, session.c, the cores).
 *
 * An input is options, then changes to the rows of a small boot (schemas/store/tests/boot.h). What comes of it need not
 * make sense; it has to end, with an error or a verdict. Rows are changed in a transaction that is taken back.
 *
 * Linked with --wrap=mmap,--wrap=munmap: stacks of tasks are mapped for each run, and to map and unmap them takes longer
 * than the run; so they are kept for the next one. (The engine tells AddressSanitizer itself that they are free.)
 */
#include <errno.h>

#include "replay/describe.h"
#include "replay/registry.h"
#include "replay/session.h"
#include "schemas/base/ns.h"
#include "schemas/store/tests/boot.h"
#include "schemas/store/tests/kept.h"

static struct bu_db *db[2];
static struct {
	void *p;
	size_t len;
} unused[16];

void *__real_mmap(void *addr, size_t len, int prot, int flags, int fd, off_t offset);
int __real_munmap(void *addr, size_t len);
void *__wrap_mmap(void *addr, size_t len, int prot, int flags, int fd, off_t offset);
int __wrap_munmap(void *addr, size_t len);

void *__wrap_mmap(void *addr, size_t len, int prot, int flags, int fd, off_t offset)
{
	size_t i;

	for (i = 0; i < ARRAY_SIZE(unused); i++)
		if (fd < 0 && unused[i].p && unused[i].len == len)
			return take_ptr(unused[i].p);
	return __real_mmap(addr, len, prot, flags, fd, offset);
}

int __wrap_munmap(void *addr, size_t len)
{
	size_t i;

	for (i = 0; i < ARRAY_SIZE(unused); i++)
		if (!unused[i].p) {
			unused[i].p = addr;
			unused[i].len = len;
			return 0;
		}
	return __real_munmap(addr, len);
}

int LLVMFuzzerInitialize(int *argc, char ***argv)
{
	(void)argc;
	(void)argv;
	db[0] = boot_to_spoil("serial");
	db[1] = boot_to_spoil("parallel");
	return 0;
}

static void replay(const struct bu_hp_schedule *s, const char *name)
{
	/* A boot of six CPUs takes 261, and the watchdogs look 480 times until they say that a task hangs. */
	struct bu_replay_options options = { .seed = 1, .max_events = 800, .recorded_cpus = 4 };
	struct bu_err err = BU_ERR_INIT;
	struct bu_replay_result result;
	struct bu_core core;
	int64_t params[64];

	FUZZ_CHECK(!bu_core_open("hotplug", name, strlen(name), &core, &err));
	FUZZ_CHECK(bu_core_n_params(&core.def) <= 64 && !bu_core_params(&core.def, NULL, params, &err));
	options.params = params;
	if (!bu_replay_hotplug(&core.def, s, &options, &result, &err)) {
		FUZZ_CHECK(result.run.verdict && result.run.verdict[0]);
		bu_replay_result_fini(&result);
	} else {
		FUZZ_CHECK(err.text[0]);
	}
	bu_core_close(&core);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct fuzz_in in = { data, size };
	unsigned int how = (unsigned int)fuzz_num(&in, 1);
	struct bu_hp_schedule s = { 0 }, larger = { 0 };
	struct bu_err err = BU_ERR_INIT;
	struct bu_db *d = db[how & 1];
	struct bu_description machine;
	int rc;

	bu_describe_init(&machine);
	if (how & 2) {
		machine.machine.physical_cpus = 2;
		machine.machine.host_load = 250;
	}
	FUZZ_CHECK(!bu_db_begin(d, &err));
	while (in.left)
		boot_spoil(d, &in);
	rc = bu_hp_schedule_load(d, &machine.machine, &s, &err);
	FUZZ_CHECK(!rc == !err.text[0]);
	if (!rc) {
		replay(&s, how & 4 ? "parallel" : how & 8 ? "recorded" : "serial");
		if (how & 16 && !bu_hp_schedule_resize(&s, 6, how & 32 ? BU_HP_DRAW_ALL : BU_HP_DRAW_NEW, 1, &larger, &err))
			replay(&larger, "serial");
		bu_hp_schedule_fini(&larger);
		bu_hp_schedule_fini(&s);
	}
	FUZZ_CHECK(!bu_db_exec(d, "ROLLBACK", NULL));
	return 0;
}
