// SPDX-License-Identifier: GPL-2.0-only
/*
 * pgd_events_fuzz.c - page-table events as somebody writes them (schedule/pgd_events.c): what is taken has to be in order of time
 * and to name nothing that there is not, and replays; what is not is answered with its line.
 */
#include <string.h>

#include "replay/family_pgd.h"
#include "replay/registry.h"
#include "schemas/base/tests/fuzz/fuzz.h"

enum { MAX_EVENTS = 4000, MAX_CPUS = 16 };	/* of a replay: inputs that take long find nothing more */

int LLVMFuzzerInitialize(int *argc, char ***argv)
{
	(void)argc;
	(void)argv;
	return 0;
}

static void check_index(int32_t i, int32_t n)
{
	FUZZ_CHECK(i >= BU_PGD_NONE && i < n);
}

static void check(const struct bu_pgd_schedule *s)
{
	size_t i;
	int32_t k;

	for (i = 0; i < s->n_events; i++) {
		const struct bu_pgd_event *e = &s->events[i];

		FUZZ_CHECK(e->what < BU_PGD_WHAT_NR && e->cpu >= 0 && e->cpu < s->cpus);
		FUZZ_CHECK(e->ns >= (i ? s->events[i - 1].ns : 0) && e->ns <= s->end_ns);
		FUZZ_CHECK(!e->same_mapping || (i && e->what == BU_PGD_ALLOC && s->events[i - 1].what == BU_PGD_ALLOC));
		check_index(e->mm, s->n_mms);
		check_index(e->task, s->n_tasks);
		check_index(e->slot, s->n_slots);
	}
	for (k = 0; k < s->cpus; k++) {
		check_index(s->loaded[k], s->n_mms);
		check_index(s->running[k], s->n_tasks);
	}
}

static void replay(const struct bu_pgd_schedule *s, uint8_t which)
{
	static const char *const cores[] = { "lazy-fault", "eager-walk", "sync-mappings", "percpu-seq", "pgd-count", "prealloc" };
	const char *name = cores[which % (sizeof(cores) / sizeof(cores[0]))];
	struct bu_replay_options o = { .seed = 1, .max_events = MAX_EVENTS };
	struct bu_replay_result r;
	struct bu_pgd_outcome out;
	struct bu_core core;
	struct bu_err err = BU_ERR_INIT;
	int64_t values[32];

	FUZZ_CHECK(!bu_core_open("pgd", name, strlen(name), &core, &err) && !bu_core_params(&core.def, NULL, values, &err));
	o.params = values;
	if (!bu_replay_pgd(&core.def, s, &o, &r, &out, &err)) {
		FUZZ_CHECK(!strcmp(r.run.verdict, "ok") == !r.run.verdict_detail[0]);
		bu_replay_result_fini(&r);
	}
	bu_core_close(&core);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct bu_err err = BU_ERR_INIT;
	struct bu_pgd_schedule s;
	char *text = strndup((const char *)data, size);
	int rc;

	FUZZ_CHECK(text);
	rc = bu_pgd_schedule_read(text, &s, &err);
	FUZZ_CHECK(!rc == !err.text[0]);
	if (!rc) {
		check(&s);
		if (s.cpus <= MAX_CPUS)
			replay(&s, size ? data[size - 1] : 0);
		bu_pgd_schedule_fini(&s);
	}
	free(text);
	return 0;
}
