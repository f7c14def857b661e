// SPDX-License-Identifier: GPL-2.0-only
/* pgd_test.c - rows of a capture come out as the life of address spaces that the kernel's sources say they are. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#include "replay/schedule/pgd.h"

struct rows {
	struct bu_db *db;
	char path[64];
	struct bu_err err;
	int64_t id;
	int task;
};

static void exec_sql(struct rows *w, const char *fmt, ...)
{
	char sql[1024];
	va_list ap;

	va_start(ap, fmt);
	vsnprintf(sql, sizeof(sql), fmt, ap);
	va_end(ap);
	if (bu_db_exec(w->db, sql, &w->err))
		fail_msg("%s: %s", sql, w->err.text);
}

static void start(struct rows *w, const char *arch, const char *release)
{
	static const char *const kinds[] = { "sched_process_fork", "sched_process_exec", "sched_process_exit", "vmap", "sync",
					     "percpu_create_chunk" };
	static const char *const functions[] = { "pgd_alloc", "pgd_free", "vmalloc_fault", "arch_sync_kernel_mappings", "module_alloc" };
	size_t i;

	*w = (struct rows){ .err = BU_ERR_INIT };
	snprintf(w->path, sizeof(w->path), "/tmp/pgd_test.%d.db", (int)getpid());
	if (bu_db_create(w->path, &bu_capture_format, true, &w->db, &w->err))
		fail_msg("%s", w->err.text);
	exec_sql(w, "INSERT INTO capture (id, source_kind, source_name, source_sha256, source_bytes, bringup_version, kernel_release, arch,"
		 " clock_unit, ts_raw_origin, events_total, lost_total, lost_unknown, complete) VALUES"
		 " (1, 'trace text', 'x', 'x', 1, 'x', '%s', '%s', 'ns', 0, 0, 0, 0, 1)", release, arch);
	exec_sql(w, "INSERT INTO cpu (cpu) VALUES (0), (1); INSERT INTO buffer VALUES (0, 'top')");
	for (i = 0; i < sizeof(kinds) / sizeof(kinds[0]); i++)
		exec_sql(w, "INSERT INTO event_kind VALUES (%zu, 'x', '%s', 'ev_other', 1)", i + 1, kinds[i]);
	for (i = 0; i < sizeof(functions) / sizeof(functions[0]); i++)
		exec_sql(w, "INSERT INTO symbol VALUES (%zu, '%s', '%s')", i + 1, functions[i], functions[i]);
}

static void task(struct rows *w, int pid, const char *comm)
{
	exec_sql(w, "INSERT INTO task VALUES (%d, %d, '%s')", ++w->task, pid, comm);
}

static void func(struct rows *w, int cpu, int task_id, const char *name)
{
	w->id++;
	exec_sql(w, "INSERT INTO ev_func SELECT %d, %d, NULL, %d, %d, 0, 0, id, NULL FROM symbol WHERE name = '%s'", (int)w->id,
		 (int)w->id * 100, cpu, task_id, name);
}

static void other(struct rows *w, int cpu, int task_id, const char *name, const char *text)
{
	w->id++;
	exec_sql(w, "INSERT INTO ev_other SELECT %d, %d, NULL, %d, %d, 0, 0, id, '{\"text\":\"%s\"}' FROM event_kind WHERE name = '%s'",
		 (int)w->id, (int)w->id * 100, cpu, task_id, text, name);
}

static void switched(struct rows *w, int cpu, int from, int to)
{
	w->id++;
	exec_sql(w, "INSERT INTO ev_sched_switch VALUES (%d, %d, NULL, %d, %d, 0, 0, %d, 120, 0, %d, 120)", (int)w->id, (int)w->id * 100,
		 cpu, from, from, to);
}

static void fault(struct rows *w, int cpu, int task_id, const char *mode, long long address)
{
	w->id++;
	exec_sql(w, "INSERT INTO ev_fault VALUES (%d, %d, NULL, %d, %d, 0, 0, '%s', %lld, 0, NULL, 0)", (int)w->id, (int)w->id * 100, cpu,
		 task_id, mode, address);
}

static struct bu_pgd_schedule load(struct rows *w, int shift)
{
	struct bu_pgd_schedule s;

	if (bu_db_finish(w->db, &w->err) || bu_pgd_schedule_load(w->db, shift, &s, &w->err))
		fail_msg("%s", w->err.text);
	bu_db_close(w->db);
	unlink(w->path);
	return s;
}

enum { IDLE = 1, SH, CHILD, KTHREAD };

static void start_shell(struct rows *w, const char *arch, const char *release)
{
	start(w, arch, release);
	task(w, 0, "swapper/0");
	task(w, 10, "sh");
	task(w, 11, "sh");
	task(w, 2, "kthreadd");
	fault(w, 0, SH, "user", 0x8000);	/* it has an address space */
}

/* A fork, an exec in the child, which frees the copy, its end, and the release by the next task that has an address space. */
static void test_life(void **state)
{
	static const uint8_t whats[] = { BU_PGD_FAULT, BU_PGD_FORK, BU_PGD_SWITCH, BU_PGD_EXEC, BU_PGD_ACTIVATE, BU_PGD_EXIT, BU_PGD_SWITCH,
					 BU_PGD_SWITCH, BU_PGD_EXIT };
	struct bu_pgd_schedule s;
	struct rows w;
	size_t i;

	(void)state;
	start_shell(&w, "x86_64", "6.1");
	func(&w, 0, SH, "pgd_alloc");
	other(&w, 0, SH, "sched_process_fork", "comm=sh pid=10 child_comm=sh child_pid=11");
	switched(&w, 0, SH, CHILD);
	func(&w, 0, CHILD, "pgd_alloc");
	func(&w, 0, CHILD, "pgd_free");
	other(&w, 0, CHILD, "sched_process_exec", "filename=/bin/true pid=11 old_pid=11");
	other(&w, 0, CHILD, "sched_process_exit", "comm=true pid=11 prio=120");
	switched(&w, 0, CHILD, KTHREAD);
	switched(&w, 0, KTHREAD, SH);
	func(&w, 0, SH, "pgd_free");
	s = load(&w, 0);
	assert_int_equal(s.n_events, sizeof(whats));
	for (i = 0; i < sizeof(whats); i++)
		assert_int_equal(s.events[i].what, whats[i]);
	/* 0 is poking_mm, 1 the shell's, 2 the copy, 3 the new program's. */
	assert_int_equal(s.n_mms, 4);
	assert_int_equal(s.mms[2].parent, 1);
	assert_int_equal(s.events[2].mm, 2);
	assert_int_equal(s.events[4].mm, 3);
	assert_int_equal(s.events[4].other, 2);
	assert_int_equal(s.events[5].mm, 2);
	assert_int_equal(s.events[6].mm, BU_PGD_NONE);
	assert_int_equal(s.events[8].mm, 3);	/* held lazily while the kernel thread ran */
	assert_int_equal(s.loaded[0], 1);
	assert_int_equal(s.counts.exec_failed, 0);
	bu_pgd_schedule_fini(&s);
}

/* vfork shares; an exec of what is not there frees what it made and leaves the task where it was. */
static void test_failed_exec(void **state)
{
	struct bu_pgd_schedule s;
	struct rows w;

	(void)state;
	start_shell(&w, "x86_64", "6.1");
	other(&w, 0, SH, "sched_process_fork", "comm=sh pid=10 child_comm=sh child_pid=11");
	switched(&w, 0, SH, CHILD);
	func(&w, 0, CHILD, "pgd_alloc");
	func(&w, 0, CHILD, "pgd_free");
	other(&w, 0, CHILD, "sched_process_exit", "comm=sh pid=11 prio=120");
	switched(&w, 0, CHILD, SH);
	s = load(&w, 0);
	assert_int_equal(s.events[1].mm, 1);	/* the child is in the shell's */
	assert_int_equal(s.events[2].what, BU_PGD_EXEC);
	assert_int_equal(s.events[3].what, BU_PGD_EXIT);
	assert_int_equal(s.events[3].mm, s.events[2].mm);
	assert_int_equal(s.counts.what[BU_PGD_ACTIVATE], 0);
	assert_int_equal(s.counts.exec_failed, 1);
	bu_pgd_schedule_fini(&s);
}

static size_t next_event(const struct bu_pgd_schedule *s, enum bu_pgd_what what, size_t from)
{
	while (from < s->n_events && s->events[from].what != what)
		from++;
	assert_true(from < s->n_events);
	return from;
}

/* 32 bits: entries are new where a walk follows, a fault that vmalloc_fault() mends is one, another before it is over is nested. */
static void test_memory(void **state)
{
	struct bu_pgd_schedule s;
	struct rows w;
	size_t i, alloc = 0;

	(void)state;
	start_shell(&w, "i686", "6.1.0-50-686");
	other(&w, 0, SH, "vmap", "(a <- alloc_vmap_area) va=0xf4000000 end=0xf4002000");
	other(&w, 0, SH, "vmap", "(a <- alloc_vmap_area) va=0xf47ff000 end=0xf4802000");
	other(&w, 0, SH, "sync", "(arch_sync_kernel_mappings+0x0/0x1c0) start=0xf47ff000 end=0xf4801000");
	func(&w, 0, SH, "arch_sync_kernel_mappings");
	fault(&w, 0, SH, "kernel", 0xf4800000);
	exec_sql(&w, "INSERT INTO symbol VALUES (98, 'call_rcu', 'call_rcu'); UPDATE ev_fault SET ip_symbol = 98 WHERE id = %d", (int)w.id);
	fault(&w, 0, SH, "kernel", 0xf4800010);
	func(&w, 0, SH, "vmalloc_fault");
	fault(&w, 0, SH, "kernel", 0x9000);
	func(&w, 0, SH, "pgd_alloc");
	switched(&w, 0, SH, IDLE);
	s = load(&w, 0);
	assert_int_equal(s.slot_shift, 22);
	assert_false(s.synthetic);
	assert_int_equal(s.n_slots, 3);		/* 0xf4000000, 0xf4400000, 0xf4800000 */
	assert_true(s.slots[0].at_start);
	assert_false(s.slots[1].at_start || s.slots[2].at_start);
	assert_int_equal(s.counts.what[BU_PGD_SYNC], 1);
	assert_int_equal(s.counts.walked, 4);	/* poking_mm and the shell's, for each entry */
	assert_int_equal(s.counts.new_entries, 2);
	assert_int_equal(s.counts.synthetic_entries, 0);
	assert_int_equal(s.counts.lazy, 1);
	assert_int_equal(s.counts.nested, 1);
	i = next_event(&s, BU_PGD_TOUCH, 0);	/* it faulted, and so is known */
	assert_string_equal(s.events[i].ip, "call_rcu");
	assert_string_equal(s.events[i + 1].ip, "call_rcu");
	assert_string_equal(s.events[next_event(&s, BU_PGD_TOUCH, i + 1)].ip, "0x0");
	assert_int_equal(s.counts.faults[BU_PGD_FAULT_USER], 1);
	assert_int_equal(s.counts.faults[BU_PGD_FAULT_KERNEL_USER], 1);
	assert_int_equal(s.counts.faults[BU_PGD_FAULT_VMALLOC], 2);
	bu_pgd_schedule_fini(&s);

	/* The same memory in entries of a chosen size. */
	start_shell(&w, "x86_64", "6.1");
	other(&w, 0, SH, "vmap", "(a <- alloc_vmap_area) va=0xffffc90000000000 end=0xffffc90000300000");
	other(&w, 0, SH, "vmap", "(a <- alloc_vmap_area) va=0xffffc90000304000 end=0xffffc90000309000");
	func(&w, 0, SH, "pgd_alloc");
	other(&w, 0, SH, "sched_process_fork", "comm=sh pid=10 child_comm=sh child_pid=11");
	other(&w, 0, SH, "percpu_create_chunk", "base_addr=ffffe8ffffc00000");
	switched(&w, 0, SH, CHILD);
	s = load(&w, 21);
	assert_true(s.synthetic && s.slots[0].synthetic);
	assert_int_equal(s.counts.uses[BU_PGD_VMAP], 1);	/* behind two entries */
	assert_int_equal(s.counts.uses[BU_PGD_PERCPU], 1);
	assert_int_equal(s.counts.uses[BU_PGD_STACK], 1);
	assert_int_equal(s.tasks[s.events[s.n_events - 1].task].stack_slot, 1);
	assert_int_equal(s.counts.synthetic_entries, 3);
	for (i = 0; i < s.n_events; i++)
		alloc += s.events[i].what == BU_PGD_ALLOC && s.events[i].new_entry && s.events[i].synthetic;
	assert_int_equal(alloc, 3);
	bu_pgd_schedule_fini(&s);
}

/*
 * An area whose pages take long is mapped when its walk says so: after another that was asked for later, lies behind the
 * same entry and made it. One that was asked for before and walked for nothing came later too. Two that walk for one entry saw it
 * missing at the same time. A walk from vunmap takes entries away; one without a range is for memory that nobody recorded.
 */
static void test_walks_say_when(void **state)
{
	struct bu_pgd_schedule s;
	struct rows w;
	size_t i;

	(void)state;
	start_shell(&w, "i686", "6.1.0-50-686");
	func(&w, 0, SH, "arch_sync_kernel_mappings");
	other(&w, 0, SH, "vmap", "(a <- alloc_vmap_area) va=0xf4000000 end=0xf4802000");	/* three entries */
	other(&w, 1, CHILD, "vmap", "(a <- alloc_vmap_area) va=0xf4802000 end=0xf4804000");
	other(&w, 0, SH, "vmap", "(a <- alloc_vmap_area) va=0xf4804000 end=0xf4806000");
	other(&w, 0, SH, "sync", "(arch_sync_kernel_mappings+0x0/0x1c0) start=0xf4804000 end=0xf4805000");
	func(&w, 0, SH, "arch_sync_kernel_mappings");
	other(&w, 1, CHILD, "vmap", "(a <- alloc_vmap_area) va=0xf4806000 end=0xf4808000");
	other(&w, 1, CHILD, "sync", "(arch_sync_kernel_mappings+0x0/0x1c0) start=0xf4806000 end=0xf4807000");
	func(&w, 1, CHILD, "arch_sync_kernel_mappings");
	other(&w, 0, SH, "sync", "(arch_sync_kernel_mappings+0x0/0x1c0) start=0xf4000000 end=0xf4801000");
	func(&w, 0, SH, "arch_sync_kernel_mappings");
	other(&w, 0, SH, "sync", "(arch_sync_kernel_mappings+0x0/0x1c0) start=0xf4400000 end=0xf4800000");
	exec_sql(&w, "INSERT INTO symbol VALUES (99, 'vunmap_range_noflush', 'vunmap_range_noflush')");
	func(&w, 0, SH, "arch_sync_kernel_mappings");
	exec_sql(&w, "UPDATE ev_func SET caller = 99 WHERE id = %d", (int)w.id);
	func(&w, 0, SH, "pgd_alloc");
	switched(&w, 0, SH, IDLE);
	s = load(&w, 0);
	assert_int_equal(s.n_slots, 4);
	assert_int_equal(s.counts.what[BU_PGD_SYNC], 5);
	assert_int_equal(s.counts.walked, 2 * (1 + 1 + 1 + 3 + 1));
	assert_int_equal(s.counts.mappings, 5);
	i = next_event(&s, BU_PGD_ALLOC, 0);
	assert_true(s.events[i].new_entry);	/* not recorded */
	i = next_event(&s, BU_PGD_ALLOC, i + 1);
	assert_int_equal(s.events[i].cpu, 0);	/* 0xf4804000, and 0xf4806000 at the same time */
	assert_true(s.events[i].new_entry);
	assert_int_equal(s.events[i + 1].cpu, 1);
	assert_int_equal(s.events[i + 1].ns, s.events[i].ns);
	i = next_event(&s, BU_PGD_ALLOC, i + 2);
	assert_int_equal(s.events[i].cpu, 1);	/* 0xf4802000 */
	assert_false(s.events[i].new_entry);
	i = next_event(&s, BU_PGD_ALLOC, i + 1);
	assert_true(s.events[i].new_entry && s.events[i + 1].new_entry && s.events[i + 1].same_mapping);
	assert_true(s.events[i + 2].same_mapping && !s.events[i + 2].new_entry);
	i = next_event(&s, BU_PGD_FREE, i);
	assert_int_equal(s.slots[s.events[i].slot].address, 0xf4400000);
	assert_int_equal(s.counts.what[BU_PGD_FREE], 1);
	bu_pgd_schedule_fini(&s);
}

/* An entry maps 256 TiB where the CPU's flags have la57, which a kernel with 4 levels takes away. */
static void test_levels(void **state)
{
	static const char *const flags[] = { "lm la57 svm", "lm svm la57", "lm xla57 la57x" };
	size_t i;

	(void)state;
	for (i = 0; i < sizeof(flags) / sizeof(flags[0]); i++) {
		const bool five = i < 2;
		struct bu_pgd_schedule s;
		struct rows w;

		start_shell(&w, "x86_64", "6.1");
		exec_sql(&w, "INSERT INTO machine_file VALUES ('cpuinfo_head', 'processor\t: 0\nflags\t\t: fpu %s\n')", flags[i]);
		fault(&w, 0, SH, "kernel", -0x5fffffffff000);	/* 0xfffa000000001000 */
		func(&w, 0, SH, "pgd_alloc");
		switched(&w, 0, SH, IDLE);
		s = load(&w, 0);
		assert_int_equal(s.slot_shift, five ? 48 : 39);
		assert_string_equal(s.slots[0].name, "0xfffa000000000000");
		bu_pgd_schedule_fini(&s);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_walks_say_when),
		cmocka_unit_test(test_levels),
		cmocka_unit_test(test_life),
		cmocka_unit_test(test_failed_exec),
		cmocka_unit_test(test_memory),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
