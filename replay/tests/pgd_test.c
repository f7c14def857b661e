// SPDX-License-Identifier: GPL-2.0-only
/*
 * pgd_test.c - what page-table cores must come to on schedules whose answer follows from arithmetic: how many page tables are
 * walked and how long, how many faults there are, where cost grows with what; and what the machine makes of an old entry.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "replay/family_pgd.h"
#include "replay/registry.h"
#include "schemas/base/mem.h"
#include "schemas/base/ns.h"

struct result {
	struct bu_replay_result replay;
	struct bu_pgd_outcome out;
};

static struct result run_schedule(const char *name, const struct bu_pgd_schedule *s, const char *params)
{
	static struct bu_core core;
	struct bu_err err = BU_ERR_INIT;
	int64_t values[16];
	const struct bu_replay_options options = { .seed = 1, .params = values, .check = true };
	struct result r;

	if (bu_core_open("pgd", name, strlen(name), &core, &err) || bu_core_params(&core.def, params, values, &err) ||
	    bu_replay_pgd(&core.def, s, &options, &r.replay, &r.out, &err))
		fail_msg("%s", err.text);
	return r;
}

static struct result run(const char *name, const char *made_up, const char *params)
{
	struct bu_pgd_schedule s;
	struct bu_err err = BU_ERR_INIT;
	struct result r;

	if (bu_pgd_made_up(made_up, &s, &err))
		fail_msg("%s", err.text);
	r = run_schedule(name, &s, params);
	if (strcmp(r.replay.run.verdict, "ok"))
		fail_msg("%s with %s: %s: %s", name, made_up, r.replay.run.verdict, r.replay.run.verdict_detail);
	bu_pgd_schedule_fini(&s);
	return r;
}

static void expect_events(const char *core, const char *params, const char *events, const char *verdict, const char *detail)
{
	struct bu_pgd_schedule s;
	struct bu_err err = BU_ERR_INIT;
	struct result r;

	if (bu_pgd_schedule_read(events, &s, &err))
		fail_msg("%s", err.text);
	r = run_schedule(core, &s, params);
	if (strcmp(r.replay.run.verdict, verdict) || !strstr(r.replay.run.verdict_detail, detail))
		fail_msg("%s: %s: %s", core, r.replay.run.verdict, r.replay.run.verdict_detail);
	bu_replay_result_fini(&r.replay);
	bu_pgd_schedule_fini(&s);
}

/* Each new entry is copied into every page table once, walk_ns each, the lock being held. */
static void a_walk_takes_page_tables_times_walk_ns(void **state)
{
	static const char *const cores[] = { "eager-walk", "sync-mappings" };
	size_t i;

	(void)state;
	for (i = 0; i < ARRAY_SIZE(cores); i++) {
		struct result few = run(cores[i], "cpus=2,mms=100,switches=1000,entries=10", "walk_ns=80");
		struct result many = run(cores[i], "cpus=2,mms=1000,switches=1000,entries=10", "walk_ns=80");

		assert_int_equal(few.out.counts[BU_PGD_WALKS], 10);
		assert_int_equal(few.out.counts[BU_PGD_WALKED], 10 * 100);
		assert_int_equal(few.out.counts[BU_PGD_WALK_NS], 10 * 100 * 80);
		assert_int_equal(few.out.costs[BU_PGD_COST_WALK].p50_ns, 100 * 80);
		assert_int_equal(few.out.costs[BU_PGD_COST_WALK].max_ns, 100 * 80);
		assert_int_equal(many.out.counts[BU_PGD_WALKED], 10 * 1000);
		assert_int_equal(few.out.costs[BU_PGD_COST_ALLOC].max_ns, 200 + 100 * 80);	/* populate_ns is 200 */
		assert_int_equal(few.out.faults + many.out.faults, 0);
		bu_replay_result_fini(&few.replay);
		bu_replay_result_fini(&many.replay);
	}
}

/* A fault for each address space and entry that it touches and was not born with; nobody else faults, or walks. */
static void faults_are_first_touches(void **state)
{
	struct bu_pgd_schedule s;
	struct bu_err err = BU_ERR_INIT;
	struct result lazy, count, all;
	int64_t touches = 0;
	size_t i;

	(void)state;
	if (bu_pgd_made_up("cpus=4,mms=50,switches=20000,entries=6,forks=2000", &s, &err))
		fail_msg("%s", err.text);
	for (i = 0; i < s.n_events; i++)
		touches += s.events[i].what == BU_PGD_TOUCH;	/* the storm has one for each */
	assert_true(touches > 50);
	lazy = run_schedule("lazy-fault", &s, NULL);
	count = run_schedule("pgd-count", &s, "running=ipi");
	all = run_schedule("prealloc", &s, NULL);
	assert_string_equal(lazy.replay.run.verdict, "ok");
	assert_int_equal((int64_t)lazy.out.faults, touches);
	assert_int_equal(lazy.out.deepest, 1);
	assert_int_equal(lazy.out.costs[BU_PGD_COST_FAULT].p50_ns, 577);	/* fault_ns */
	assert_int_equal(lazy.out.costs[BU_PGD_COST_FAULT].max_ns, 577);
	assert_string_equal(all.replay.run.verdict, "ok");
	assert_int_equal(all.out.faults, 0);
	assert_int_equal(all.out.counts[BU_PGD_WALKED], 0);
	/* All are played by all: the switches, forks and ends of the schedule. */
	assert_int_equal(lazy.out.mm_switches, 20000);
	assert_int_equal(all.out.mm_switches, 20000);
	assert_int_equal(lazy.out.forks, 2000);
	assert_int_equal(all.out.exits, 2000);
	assert_string_equal(count.replay.run.verdict, "ok");
	assert_true(count.out.counts[BU_PGD_CHECKS] >= 20000);	/* in each switch, and where an IPI says so */
	assert_int_equal(count.out.costs[BU_PGD_COST_CHECK].p50_ns, 1);
	bu_replay_result_fini(&lazy.replay);
	bu_replay_result_fini(&count.replay);
	bu_replay_result_fini(&all.replay);
	bu_pgd_schedule_fini(&s);
}

/*
 * Who waits for a pass through schedule() on all CPUs waits for the one that passes last: here after 300 us, and 1 us
 * for the interrupt that wakes it up.
 */
static void a_wait_ends_with_the_last_cpu(void **state)
{
	struct bu_pgd_schedule s;
	struct bu_err err = BU_ERR_INIT;
	struct result r;

	(void)state;
	if (bu_pgd_schedule_read("cpus 3\nmm A cpu 0\nmm B cpu 1\nmm C cpu 2\nslot e\nat 10us cpu 0 alloc e percpu\n"
				 "at 100us cpu 0 switch B\nat 310us cpu 1 switch C\nat 200us cpu 2 switch A\n", &s, &err))
		fail_msg("%s", err.text);
	r = run_schedule("percpu-seq", &s, "store_ns=0,check_ns=0,clone_ns=0");
	assert_string_equal(r.replay.run.verdict, "ok");
	assert_int_equal(r.out.costs[BU_PGD_COST_ALLOC].max_ns, 301 * BU_NS_PER_US);
	bu_replay_result_fini(&r.replay);
	bu_pgd_schedule_fini(&s);
}

/* The nesting that a stack takes: stack_bytes / frame_bytes faults, and the next is a double fault. */
static void nested_faults_end_with_the_stack(void **state)
{
	const char *events = "cpus 2\nmm A cpu 0\nmm B cpu 1\nslot e\nat 1us cpu 0 alloc e percpu\nat 2us cpu 0 hook e\nat 3us cpu 1 fault user\n";
	struct bu_pgd_schedule s;
	struct bu_err err = BU_ERR_INIT;
	struct result r;

	(void)state;
	if (bu_pgd_schedule_read(events, &s, &err))
		fail_msg("%s", err.text);
	r = run_schedule("lazy-fault", &s, "frame_bytes=2048,stack_bytes=8192");
	assert_string_equal(r.replay.run.verdict, "crash");
	assert_int_equal(r.out.deepest, 5);
	bu_replay_result_fini(&r.replay);
	bu_pgd_schedule_fini(&s);
	expect_events("lazy-fault", "trace=after", events, "ok", "");
}

/* vmalloc space has 64 entries of 512 GiB, or 50 of 256 TiB; and a mapping behind several entries is walked for once. */
static void levels_and_entries(void **state)
{
	struct bu_pgd_schedule s;
	struct bu_err err = BU_ERR_INIT;
	struct result four = run("prealloc", "entries=3,levels=4", NULL), five = run("prealloc", "entries=3,levels=5", NULL), r;

	(void)state;
	assert_int_equal(four.out.counts[BU_PGD_BOOT_PAGES], 64);
	assert_int_equal(five.out.counts[BU_PGD_BOOT_PAGES], 50);
	bu_replay_result_fini(&four.replay);
	bu_replay_result_fini(&five.replay);
	if (bu_pgd_schedule_read("cpus 1\nmm A cpu 0\nmm B\nslot e\nslot f\nslot g\nat 1us cpu 0 alloc e vmap\n"
				 "at 10us cpu 0 alloc e,f,g vmap\nat 20us cpu 0 touch g task\n", &s, &err))
		fail_msg("%s", err.text);
	r = run_schedule("sync-mappings", &s, NULL);
	assert_string_equal(r.replay.run.verdict, "ok");
	assert_int_equal(r.out.counts[BU_PGD_WALKS], 2);
	assert_int_equal(r.out.counts[BU_PGD_WALKED], 2 * (1 + 3));
	assert_int_equal(r.out.allocs, 2);
	bu_replay_result_fini(&r.replay);
	bu_pgd_schedule_fini(&s);
}

static void what_cannot_sleep_cannot_wait(void **state)
{
	const char *atomic = "cpus 2\nmm A cpu 0\nmm B cpu 1\nslot e\nat 10us cpu 0 alloc e percpu atomic\nat 20us cpu 1 switch A\n";

	(void)state;
	expect_events("percpu-seq", NULL, atomic, "misuse", "sleeping function called from invalid context");
	expect_events("pgd-count", NULL, atomic, "ok", "");
}

static void wrong_events_are_refused_by_line(void **state)
{
	static const struct { const char *text, *says; } wrong[] = {
		{ "mm A\n", "line 1: 'cpus N' comes before" }, { "cpus 2\nmm A cpu 2\n", "line 2: there is no CPU '2'" },
		{ "cpus 1\nmm A\nat 1us cpu 0 switch B\n", "line 3: switch wants a task" },
		{ "cpus 1\nslot e\nat 1us cpu 0 touch e dream\n", "line 3: touch wants a context" },
		{ "cpus 1\nslot e\nat soon cpu 0 free e\n", "line 3: 'at' wants a time" },
		{ "cpus 1\nmm A\nat 1us cpu 0 fork A A\n", "line 3: 'A' is no name for a new" },
		{ "cpus 1\nslot e\nat 1us cpu 0 alloc e vmap atomic really\n", "line 3: 'really' is a word too many" },
		{ "", "there is no 'cpus N'" },
	};
	size_t i;

	(void)state;
	for (i = 0; i < ARRAY_SIZE(wrong); i++) {
		struct bu_pgd_schedule s;
		struct bu_err err = BU_ERR_INIT;

		assert_int_not_equal(bu_pgd_schedule_read(wrong[i].text, &s, &err), 0);
		if (!strstr(err.text, wrong[i].says))
			fail_msg("'%s' is refused with: %s", wrong[i].text, err.text);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_walk_takes_page_tables_times_walk_ns),
		cmocka_unit_test(faults_are_first_touches),
		cmocka_unit_test(a_wait_ends_with_the_last_cpu),
		cmocka_unit_test(nested_faults_end_with_the_stack),
		cmocka_unit_test(levels_and_entries),
		cmocka_unit_test(what_cannot_sleep_cannot_wait),
		cmocka_unit_test(wrong_events_are_refused_by_line),
	};

	return cmocka_run_group_tests_name("pgd", tests, NULL, NULL);
}
