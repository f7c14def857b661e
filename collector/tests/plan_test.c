// SPDX-License-Identifier: GPL-2.0-only
/*
 * plan_test.c - every trap has a line that walks into it and one that does not; sizes agree with what was counted.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "collector/plan.h"
#include "collector/plan_int.h"

#define CLK "trace_clock=x86-tsc "
#define EV "trace_event=cpuhp:* "
#define OK CLK EV "trace_buf_size=1M "
#define FUNC OK "ftrace=function "

#define ROW(i, b, g) { .id = (i), .bad = (b), .good = (g) }
#define ON(k, i, b, g) { .id = (i), .bad = (b), .good = (g), .kernel = (k) }
#define MANY(c, i, b, g) { .id = (i), .bad = (b), .good = (g), .cpus = (c) }

static const struct row {
	const char *id;
	const char *bad, *good;
	const char *kernel;	/* NULL: 6.12.113 */
	int64_t cpus;		/* 0: 8 */
} rows[] = {
	ROW("nothing", "root=/dev/sda1 quiet", OK),
	ROW("after-dashes", OK "-- " EV, OK "-- console"),
	ROW("too-long", NULL, NULL),	/* made by too_long() */
	ROW("twice", OK EV, OK "console=ttyS0 console=tty0"),
	ROW("no-clock", EV "trace_buf_size=1M", OK),
	ROW("no-clock", "ftrace=function ftrace_filter=smp_init", "trace_instance=a,cpuhp:*"),
	ROW("unknown-clock", "trace_clock=tsc " EV, "trace_clock=local " EV),
	ROW("stepping-clock", "trace_clock=mono " EV, OK),
	ROW("instance-clock", OK "trace_instance=a,cpuhp:*", "trace_instance=a,cpuhp:*"),
	ROW("kprobe", OK "kprobe_event=p:a,vfs_read", OK),
	ROW("bootconfig", "quiet bootconfig", OK "bootconfig"),
	ROW("bootconfig", OK "ftrace.event.cpuhp.enable", OK),
	ROW("function-graph", OK "ftrace=function_graph", FUNC "ftrace_filter=smp_init"),
	ROW("empty-filter", FUNC "ftrace_filter=", FUNC "ftrace_filter=smp_init"),
	ROW("empty-filter", FUNC, OK),
	ROW("filter-unused", OK "ftrace_filter=smp_init", FUNC "ftrace_filter=smp_init"),
	ROW("flood", FUNC "ftrace_filter=smp_init,text_poke*", FUNC "ftrace_filter=smp_init,text_poke_bp*"),
	ROW("flood", FUNC "ftrace_filter=arch_cpuhp_*", FUNC "ftrace_filter=arch_cpuhp_kick*"),
	ROW("flood", FUNC "ftrace_filter=*", FUNC "ftrace_filter=cpuhp_*"),
	ROW("event-glob", CLK "trace_event=cpuhp:cpuhp_*", CLK "trace_event=cpuhp:*,initcall"),
	ROW("event-glob", CLK "trace_event=*:*", CLK "trace_event=cpuhp:cpuhp_exit"),
	ROW("event-glob", "trace_instance=a,cpu*", "trace_instance=a,cpuhp:*"),
	ON("6.1.0-56-amd64", "no-instance", "trace_instance=a,cpuhp:*", OK),
	ON("6.6.30", "no-persistent", OK "reserve_mem=1M:4096:t trace_instance=p^traceoff@t", OK),
	ROW("not-reserved", OK "reserve_mem=1M:4096:t trace_instance=p@u", OK "reserve_mem=1M:4096:t trace_instance=p@t"),
	MANY(4096, "thin", OK "reserve_mem=12M:4096:t trace_instance=p@t", OK "reserve_mem=49M:4096:t trace_instance=p@t"),
	ROW("mixed-boots", OK "reserve_mem=1M:4096:t trace_instance=p@t,cpuhp:*",
	  OK "reserve_mem=1M:4096:t trace_instance=p^traceoff@t,cpuhp:*"),
	ROW("bad-size", CLK EV "trace_buf_size=big", CLK EV "trace_buf_size=512k"),
	MANY(4096, "thin", OK "maxcpus=8 reserve_mem=12M:4096:t trace_instance=p@t",
	     OK "nr_cpus=8 reserve_mem=12M:4096:t trace_instance=p@t"),
	MANY(4096, "memory", CLK EV "trace_buf_size=2M", CLK EV "trace_buf_size=2M nr_cpus=64"),
	MANY(4096, "memory", CLK EV "trace_buf_size=2M", CLK EV "trace_buf_size=1M"),
	MANY(3000, "memory", OK "ftrace_boot_snapshot", OK),
	MANY(4096, "memory", "trace_buf_size=2M trace_instance=a,cpuhp:*", "trace_buf_size=1M trace_instance=a,cpuhp:*"),
	MANY(64, "wrap", CLK EV "trace_buf_size=64K", CLK EV "trace_buf_size=128K"),
	ROW("unmeasured", CLK "trace_event=cpuhp:*,sched:sched_waking", OK),
	ROW("unmeasured", FUNC "ftrace_filter=vfs_*", FUNC "ftrace_filter=takedown_cpu"),
	ROW("user-faults", CLK "trace_event=exceptions:*", CLK "trace_event=exceptions:page_fault_kernel"),
	ROW("to-console", OK "tp_printk", OK),
	ROW("stop-on-warning", OK "traceoff_on_warning", OK),
	ROW("long-dump", OK "ftrace_dump_on_oops", CLK EV "trace_buf_size=16K ftrace_dump_on_oops"),
};

static struct bu_plan_input input(const char *kernel, int64_t cpus)
{
	struct bu_plan_input in = { .cpus = cpus, .memory_kib = INT64_C(16) << 20, .max_memory_percent = 25, .present = "" };
	struct bu_err err = BU_ERR_INIT;

	assert_int_equal(bu_plan_kernel_parse(kernel, "x86_64", &in.kernel, &err), 0);
	return in;
}

/* Whether checking @line finds @id. */
static bool finds(const struct row *row, const char *line)
{
	struct bu_plan_input in = input(row->kernel ? row->kernel : "6.12.113", row->cpus ? row->cpus : 8);
	struct bu_plan plan;
	struct bu_err err = BU_ERR_INIT;
	bool found = false;
	size_t i;

	assert_int_equal(bu_plan_check(&in, line, &plan, &err), 0);
	for (i = 0; i < plan.n_findings; i++) {
		if (strcmp(plan.findings[i].id, row->id))
			continue;
		found = true;
		assert_true(plan.findings[i].what[0]);
		assert_true(plan.refused || plan.findings[i].level == BU_PLAN_WARN);
	}
	bu_plan_fini(&plan);
	return found;
}

static void each_trap_has_a_line_that_springs_it_and_one_that_does_not(void **state)
{
	size_t i;

	(void)state;
	for (i = 0; i < ARRAY_SIZE(rows); i++) {
		if (!rows[i].bad)
			continue;
		if (!finds(&rows[i], rows[i].bad))
			fail_msg("%s is not found in: %s", rows[i].id, rows[i].bad);
		if (finds(&rows[i], rows[i].good))
			fail_msg("%s is found in: %s", rows[i].id, rows[i].good);
	}
}

static void too_long(void **state)
{
	const struct row row = ROW("too-long", NULL, NULL);
	char line[2100];

	(void)state;
	memset(line, 'x', sizeof(line));
	memcpy(line, OK, strlen(OK));
	line[2046] = 0;
	assert_false(finds(&row, line));
	line[2046] = 'x';
	line[2047] = 0;
	assert_true(finds(&row, line));
}

static void every_trap_is_in_the_table(void **state)
{
	size_t i, k;

	(void)state;
	for (i = 0; i < bu_n_traps; i++) {
		for (k = 0; k < ARRAY_SIZE(rows) && strcmp(rows[k].id, bu_traps[i].id); k++)
			;
		if (k == ARRAY_SIZE(rows))
			fail_msg("no test for the trap %s", bu_traps[i].id);
		assert_true(bu_traps[i].about[0] && bu_traps[i].instead[0] && bu_traps[i].source[0]);
	}
}

static void the_line_is_read_as_the_kernel_reads_it(void **state)
{
	struct bu_arena arena = { NULL, 0 };
	struct bu_kinstance inst;
	struct bu_kline line;
	const char *end;

	(void)state;
	assert_int_equal(bu_kline_parse("  a=1 dyndbg=\"file x +p\" trace-clock=local a=2 b -- c=3", &arena, &line), 0);
	assert_string_equal(bu_kline_get(&line, "a"), "2");
	assert_string_equal(bu_kline_get(&line, "dyndbg"), "file x +p");
	assert_string_equal(bu_kline_get(&line, "trace_clock"), "local");
	assert_string_equal(bu_kline_get(&line, "b"), "");
	assert_null(bu_kline_get(&line, "c"));
	assert_int_equal(line.n - line.n_kernel, 1);
	bu_arena_fini(&arena);

	assert_true(bu_memparse("512k", NULL) == 512 << 10);
	assert_true(bu_memparse("0x10M:4096", &end) == 16 << 20);
	assert_string_equal(end, ":4096");
	assert_true(bu_memparse("K", NULL) == -1);
	assert_true(bu_memparse("-1", NULL) == -1);
	assert_true(bu_memparse("99999999999E", NULL) == -1);

	bu_kinstance_parse("boot_map^traceprintk^traceoff@trace,cpuhp:*,sched", &inst);
	assert_string_equal(inst.name, "boot_map");
	assert_string_equal(inst.memory, "trace");
	assert_string_equal(inst.events, "cpuhp:*,sched");
	assert_true(inst.off);
	bu_kinstance_parse("foo", &inst);
	assert_string_equal(inst.name, "foo");
	assert_string_equal(inst.memory, "");
	assert_string_equal(inst.events, "");
	assert_false(inst.off);
}

static void the_plan_is_for_as_many_cpus_as_the_line_leaves(void **state)
{
	struct bu_plan_input in = input("6.12.113", 4096), few = input("6.12.113", 64);
	struct bu_plan plan, same;
	struct bu_err err = BU_ERR_INIT;

	(void)state;
	in.profile = few.profile = "hotplug";
	in.present = "quiet nr_cpus=64";
	assert_int_equal(bu_plan_make(&in, &plan, &err), 0);
	assert_int_equal(bu_plan_make(&few, &same, &err), 0);
	assert_int_equal(plan.cpus, 64);
	assert_string_equal(plan.add, same.add);
	assert_int_equal(plan.memory_bytes, same.memory_bytes);
	bu_plan_fini(&plan);
	bu_plan_fini(&same);
}

/* At 8 and at 64 CPUs the model is the measurement. */
static void the_model_goes_through_what_was_counted(void **state)
{
	static const char *const kernels[] = { "6.1.0-56-amd64", "6.12.113" };
	int64_t want[2][2] = { { 0 } };
	size_t i, era, size;

	(void)state;
	for (i = 0; i < bu_plan_n_counts; i++)
		if (!strncmp(bu_plan_counts[i].hook, "cpuhp:", 6))
			for (era = 0; era < 2; era++)
				for (size = 0; size < 2; size++)
					want[era][size] += bu_plan_counts[i].n[era][size].boot +
						bu_plan_counts[i].n[era][size].other;
	for (era = 0; era < 2; era++)
		for (size = 0; size < 2; size++) {
			struct bu_plan_input in = input(kernels[era], size ? 64 : 8);
			struct bu_plan_prediction p;

			bu_plan_predict(&in.kernel, in.cpus, "cpuhp", NULL, &p);
			assert_true(want[era][size] > 200);
			assert_true(p.total_events == want[era][size]);
			assert_true(p.boot_events <= p.total_events);
			assert_int_equal(p.unmeasured, 0);
		}
}

/* Every plan of the planner passes its own checks wherever the memory is there. */
static void plans_pass_their_own_checks(void **state)
{
	static const char *const kernels[] = { "5.10.0-32-amd64", "6.1.0-56-amd64", "6.1.0-56-rt-amd64", "6.12.113", "7.3.4" };
	static const char *const profiles[] = { "hotplug", "clock", "pgd", "text", "all" };
	static const int64_t cpus[] = { 1, 2, 8, 64, 255, 4096 };
	struct bu_err err = BU_ERR_INIT;
	size_t k, p, c;

	(void)state;
	for (k = 0; k < ARRAY_SIZE(kernels); k++)
		for (p = 0; p < ARRAY_SIZE(profiles); p++)
			for (c = 0; c < ARRAY_SIZE(cpus); c++) {
				struct bu_plan_input in = input(kernels[k], cpus[c]);
				const struct bu_plan_prediction *q;
				struct bu_plan plan;
				size_t i;

				in.memory_kib = INT64_C(1) << 30;
				in.present = "BOOT_IMAGE=/vmlinuz root=/dev/mapper/vg-root ro quiet";
				in.profile = profiles[p];
				in.persistent = bu_plan_kernel_since(&in.kernel, 6, 12);
				assert_int_equal(bu_plan_make(&in, &plan, &err), 0);
				for (i = 0; i < plan.n_findings; i++)
					if (plan.findings[i].level == BU_PLAN_REFUSE)
						fail_msg("%s %s %d CPUs: %s: %s", kernels[k], profiles[p], (int)cpus[c],
							 plan.findings[i].id, plan.findings[i].what);
				q = &plan.predicted;
				assert_true(q->total_events > 0 && !q->unmeasured);
				assert_true(plan.buffer_bytes >= q->boot_bytes * 3 / 2);
				assert_true(plan.buffer_bytes >= q->other_bytes * 3 / 2);
				assert_true(plan.wrap_cpus > cpus[c]);
				bu_plan_fini(&plan);
			}
}

static void the_wrap_point_is_where_the_buffer_is_full(void **state)
{
	struct bu_plan_input in = input("6.12.113", 64);
	struct bu_plan_prediction at, next;
	struct bu_plan plan;
	struct bu_err err = BU_ERR_INIT;

	(void)state;
	in.profile = "hotplug";
	in.buffer_kib = 256;
	assert_int_equal(bu_plan_make(&in, &plan, &err), 0);
	bu_plan_predict(&in.kernel, plan.wrap_cpus, "cpuhp:*", strstr(plan.add, "ftrace_filter=") + 14, &at);
	bu_plan_predict(&in.kernel, plan.wrap_cpus + 1, "cpuhp:*", strstr(plan.add, "ftrace_filter=") + 14, &next);
	assert_in_range(plan.wrap_cpus, 65, 300);
	assert_true(at.boot_bytes <= 256 << 10);
	assert_true(next.boot_bytes + next.per_cpu_bytes > 256 << 10);
	bu_plan_fini(&plan);
}

static void a_plan_that_is_in_place_counts_once(void **state)
{
	struct bu_plan_input in = input("6.12.113", 8);
	struct bu_plan first, again;
	struct bu_err err = BU_ERR_INIT;

	(void)state;
	in.profile = "text";
	in.present = "quiet ro -- single";
	assert_int_equal(bu_plan_make(&in, &first, &err), 0);
	assert_non_null(strstr(first.line, first.add));
	assert_string_equal(first.line + strlen(first.line) - 10, " -- single");
	in.present = first.line;
	assert_int_equal(bu_plan_make(&in, &again, &err), 0);
	assert_false(again.refused);
	assert_string_equal(again.line, first.line);
	bu_plan_fini(&first);
	bu_plan_fini(&again);
}

static void kernels_it_knows_nothing_about(void **state)
{
	struct bu_plan_kernel k;
	struct bu_err err = BU_ERR_INIT;

	(void)state;
	assert_int_not_equal(bu_plan_kernel_parse("new", "x86_64", &k, &err), 0);
	assert_int_not_equal(bu_plan_kernel_parse("4.19.0", "x86_64", &k, NULL), 0);
	assert_int_not_equal(bu_plan_kernel_parse("6.12.0", "s390x", &k, NULL), 0);
	assert_int_equal(bu_plan_kernel_parse("6.1.0-56-rt-amd64", "x86_64", &k, NULL), 0);
	assert_true(k.rt && k.x86 && k.major == 6 && k.minor == 1);
	assert_int_equal(bu_plan_kernel_parse("6.12.0", "aarch64", &k, NULL), 0);
	assert_false(k.x86);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(each_trap_has_a_line_that_springs_it_and_one_that_does_not),
		cmocka_unit_test(too_long),
		cmocka_unit_test(every_trap_is_in_the_table),
		cmocka_unit_test(the_line_is_read_as_the_kernel_reads_it),
		cmocka_unit_test(the_model_goes_through_what_was_counted),
		cmocka_unit_test(plans_pass_their_own_checks),
		cmocka_unit_test(the_wrap_point_is_where_the_buffer_is_full),
		cmocka_unit_test(a_plan_that_is_in_place_counts_once),
		cmocka_unit_test(the_plan_is_for_as_many_cpus_as_the_line_leaves),
		cmocka_unit_test(kernels_it_knows_nothing_about),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
